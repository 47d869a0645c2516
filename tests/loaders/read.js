// Reads a JSON list of `.env` texts from stdin, and prints how node's dotenv parses each.
const { parse } = require('dotenv')
const { version } = require('dotenv/package.json')

const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const files = texts.map((text) => parse(text))
process.stdout.write(JSON.stringify({ version, files }))
