// Reads a JSON list of `.env` texts and answers with what node's dotenv makes of each.
const { parse } = require('dotenv')
const { version } = require('dotenv/package.json')

const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const files = texts.map((text) => parse(text))
process.stdout.write(JSON.stringify({ version, files }))
