#!/usr/bin/env node
// Runs the binary for this system, which npm installs as an optional dependency. Nothing is downloaded after the install.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const system = `${process.platform}-${process.arch}`;
const name = `railway-doctor-${system}`;
const binary = process.platform === "win32" ? "doctor.exe" : "doctor";

function fail(message, cause, help, command) {
  console.error(`error: ${message}\n  cause: ${cause}\n  help: ${help}\n    ${command}`);
  process.exit(2);
}

let path;
try {
  path = require.resolve(`${name}/${binary}`);
} catch {
  const packages = Object.keys(require("../package.json").optionalDependencies);
  if (packages.includes(name)) {
    fail(
      `the package ${name} is not installed`,
      "npm omitted optional dependencies, or node_modules was copied from another system",
      "reinstall it with its optional dependencies:",
      "npm install railway-doctor --include=optional",
    );
  }
  fail(
    `no doctor binary for ${system}`,
    `the npm packages with a binary are ${packages.join(", ")}`,
    "build it from source:",
    "cargo install --locked railway-doctor",
  );
}

const child = spawn(path, process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => {
  fail("failed to start doctor", `${path}: ${error.message}`, "reinstall it:", "npm install railway-doctor --force");
});

// A terminal sends Ctrl-C to both processes. This one must outlive doctor, which first finishes a write.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
