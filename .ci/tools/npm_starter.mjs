// Tests the launcher of the npm package: it passes on arguments, exit codes, Ctrl-C and other signals, and explains what to do
// if its binary is missing.
//
//     node npm_starter.mjs DIR-WITH-node_modules
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { renameSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const packages = join(process.argv[2], "node_modules");
const launcher = join(packages, "railway-doctor/bin/doctor.js");
const system = `railway-doctor-${process.platform}-${process.arch}`;
const start = (...args) => spawnSync(process.execPath, [launcher, ...args], { encoding: "utf8" });

const version = start("--version");
assert.match(version.stdout, /^doctor \d/);
assert.equal(version.status, 0);
assert.equal(start("chekc").status, 2, "the exit code is passed on");
assert.match(start("chekc").stderr, /check/, "standard error is passed on");
assert.equal(start("explain", "a b").status, 2, "an argument with a space is passed on as one");

// A fix of the demo takes seconds. Interrupt it like a terminal (the process group), and like `timeout` (one process).
for (const [signal, group] of [["SIGINT", true], ["SIGTERM", false]]) {
  const child = spawn(process.execPath, [launcher, "demo", "fix", "--push", "--redeploy", "--yes"], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stderr.on("data", (bytes) => (output += bytes));
  child.stdout.on("data", (bytes) => (output += bytes));
  await new Promise((resolve) => child.stderr.once("data", resolve));
  process.kill(group ? -child.pid : child.pid, signal);
  const [code, closedBy] = await new Promise((resolve) => child.on("close", (...end) => resolve(end)));
  assert.ok([0, 1, 6, 7, 8, 130].includes(code), `${signal}: ${code} ${closedBy}\n${output}`);
}

// As if npm had omitted optional dependencies.
renameSync(join(packages, system), join(packages, "moved"));
const without = start("check");
assert.equal(without.status, 2);
assert.match(without.stderr, new RegExp(`^error: the package ${system} is not installed\\n  cause: .*\\n  help: reinstall it with its optional dependencies:\\n    npm install railway-doctor --include=optional\\n$`));
const manifest = join(packages, "railway-doctor/package.json");
const text = readFileSync(manifest, "utf8");
writeFileSync(manifest, text.replaceAll(system, "railway-doctor-beos-ppc"));
assert.match(start("check").stderr, /^error: no doctor binary for .*\n  cause: .*beos.*\n  help: build it from source:\n    cargo install --locked railway-doctor\n$/);
writeFileSync(manifest, text);
renameSync(join(packages, "moved"), join(packages, system));
assert.equal(JSON.parse(text).scripts, undefined, "the package has no install scripts");
console.log("npm launcher: all checks passed");
