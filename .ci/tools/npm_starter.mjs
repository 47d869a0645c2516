// Holds the starter of the npm package to passing on what happens to it: arguments, exit codes, Ctrl-C, other signals, and to
// saying what to do where its binary is missing.
//
//     node npm_starter.mjs FOLDER-WITH-node_modules
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { renameSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const packages = join(process.argv[2], "node_modules");
const starter = join(packages, "railway-doctor/bin/doctor.js");
const system = `railway-doctor-${process.platform}-${process.arch}`;
const start = (...words) => spawnSync(process.execPath, [starter, ...words], { encoding: "utf8" });

const version = start("--version");
assert.match(version.stdout, /^doctor \d/);
assert.equal(version.status, 0);
assert.equal(start("chekc").status, 2, "an exit code is passed on");
assert.match(start("chekc").stderr, /check/, "and standard error");
assert.equal(start("explain", "a b").status, 2, "a blank does not part an argument");

// A whole fix takes seconds on the demo's clock; it is stopped as a terminal would, and as `timeout` would.
for (const [signal, group] of [["SIGINT", true], ["SIGTERM", false]]) {
  const child = spawn(process.execPath, [starter, "demo", "fix", "--push", "--redeploy", "--yes"], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (bytes) => (said += bytes));
  child.stdout.on("data", (bytes) => (said += bytes));
  await new Promise((resolve) => child.stderr.once("data", resolve));
  process.kill(group ? -child.pid : child.pid, signal);
  const [code, by] = await new Promise((resolve) => child.on("close", (...end) => resolve(end)));
  assert.ok([0, 1, 6, 7, 8, 130].includes(code), `${signal}: ${code} ${by}\n${said}`);
}

// As where npm was told to leave optional packages out.
renameSync(join(packages, system), join(packages, "elsewhere"));
const without = start("check");
assert.equal(without.status, 2);
assert.match(without.stderr, new RegExp(`^error: the package ${system} is not installed\\n  why .*\\n  next  npm install`));
const manifest = join(packages, "railway-doctor/package.json");
const text = readFileSync(manifest, "utf8");
writeFileSync(manifest, text.replaceAll(system, "railway-doctor-beos-ppc"));
assert.match(start("check").stderr, /^error: there is no binary of doctor for .*\n  why .*beos.*\n  next  cargo install/);
writeFileSync(manifest, text);
renameSync(join(packages, "elsewhere"), join(packages, system));
assert.equal(JSON.parse(text).scripts, undefined, "nothing runs after an install");
console.log("the npm starter: every case held");
