#!/usr/bin/env node
// Starts the binary of this system. It came as a package of its own, so that nothing is downloaded after an install.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const system = `${process.platform}-${process.arch}`;
const name = `railway-doctor-${system}`;
const binary = process.platform === "win32" ? "doctor.exe" : "doctor";

let path;
try {
  path = require.resolve(`${name}/${binary}`);
} catch {
  const known = Object.keys(require("../package.json").optionalDependencies).includes(name);
  console.error(
    known
      ? `error: the package ${name} is not installed\n  why   npm was told to leave optional dependencies out, or node_modules came from another system\n  next  npm install railway-doctor --include=optional`
      : `error: there is no binary of doctor for ${system}\n  why   the packages are ${Object.keys(require("../package.json").optionalDependencies).join(", ")}\n  next  cargo install --locked railway-doctor`,
  );
  process.exit(2);
}

const child = spawn(path, process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => {
  console.error(`error: can't start doctor\n  why   ${path}: ${error.message}\n  next  npm install railway-doctor --force`);
  process.exit(2);
});

// A terminal sends Ctrl-C to both processes: this one has to outlive doctor, which finishes its write first.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
