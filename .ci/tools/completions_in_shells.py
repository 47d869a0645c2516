#!/usr/bin/env python3
"""Tests Tab completion in real shells, each on a pseudo-terminal without user settings. Checks what Tab inserts, and that
neither the script, Tab nor Enter after it executes text from the files of a checkout.

    completions_in_shells.py target/release/doctor

Needs bash, zsh, fish and shellcheck; elvish is tested if it is installed.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

BINARY = pathlib.Path(sys.argv[1]).resolve()
TIMEOUT = 10  # seconds to wait for expected output
HOSTILE = ["hz$(touch pwned)", "$(touch pwned)", "`touch pwned`", "(touch pwned)", "x;touch pwned", "x'y", "x y", "x*", "-rf", "x|y", "x\x1b[2Jy"]
CONFIG = 'environment = "staging"\n[services.web]\nname = "shop-web"\n[services.worker]\nenv-file = "jobs.env"\n' + "".join(
    f'[services.s{at}]\nname = {name!r}\nenv-file = {name!r}\n' for at, name in enumerate(HOSTILE[:4]))
# shellcheck findings about clap_complete's script that are ignored, and why.
IGNORED = {
    "SC2207": "candidates are split at a vertical tab, and none contains a glob character",
    "SC2181": "the status is checked immediately after the assignment",
}
PROMPT = "READY>"
# How to start each shell without user settings, then set the prompt and load the script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"PS1='{PROMPT[:3]}''{PROMPT[3:]}'; source <(doctor completions bash)"),
    "zsh": (["zsh", "-f", "-i"], f"autoload -Uz compinit; compinit -u -D; PS1='{PROMPT[:3]}''{PROMPT[3:]}'; source <(doctor completions zsh)"),
    "fish": (["fish", "--no-config", "-i"], f"function fish_prompt; echo -n '{PROMPT[:3]}''{PROMPT[3:]}'; end; doctor completions fish | source"),
    "elvish": (["elvish", "-norc"], f"set edit:prompt = {{ print '{PROMPT[:3]}'; print '{PROMPT[3:]}' }}; eval (doctor completions elvish | slurp)"),
}
# The text typed before Tab, and the arguments that doctor gets after Enter.
LINES = [
    ("doctor fix --only AP", ["fix", "--only", "API_KEY"]),
    ("doctor fix --only=AP", ["fix", "--only=API_KEY"]),
    ("doctor check -s wo", ["check", "-s", "worker"]),
    ("doctor check -e sta", ["check", "-e", "staging"]),
    ("doctor check -s worker --only QU", ["check", "-s", "worker", "--only", "QUEUE_URL"]),
    ("doctor check --env-file jo", ["check", "--env-file", "jobs.env"]),
    ("doctor explain value-d", ["explain", "value-differs"]),
    ("doctor man hook unin", ["man", "hook", "uninstall"]),
]
# Here Tab has several candidates or none. Nothing may be executed, and the shell must survive.
OPEN = ["doctor fix --only ", "doctor check -s ", "doctor check --env-file ", "doctor check --only 'x", "doctor check --only $(touch pw"]
# A hostile name starts like this: unless it is quoted, Enter after Tab would execute it in bash.
RISKY = ["doctor check -s hz", "doctor check --env-file hz"]


class Screen:
    """A shell on its own pseudo-terminal."""

    def __init__(self, command, folder, environment):
        self.output, self.pid = "", 0
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read(self, until, timeout=TIMEOUT, start=None):
        """Reads until the output after `start` satisfies `until`, and answers terminal queries. Returns None on timeout."""
        start, end = len(self.output) if start is None else start, time.monotonic() + timeout
        while time.monotonic() < end:
            if until(self.output[start:]):
                return self.output[start:]
            if select.select([self.terminal], [], [], 0.02)[0]:
                try:
                    chunk = os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:
                    return None
                self.output += chunk
                if "\x1b[6n" in chunk:
                    self.type("\x1b[1;1R")
                if "\x1b[c" in chunk or "\x1b[0c" in chunk:
                    self.type("\x1b[?62c")
        return None

    def settle(self, quiet=0.3, timeout=3):
        """Reads until no more output arrives."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            before = len(self.output)
            self.read(lambda output: False, quiet)
            if len(self.output) == before:
                return

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def checkout(folder):
    """Fills a directory with files that contain ordinary and hostile names."""
    (folder / "doctor.toml").write_text(CONFIG)
    (folder / ".env").write_text("API_KEY=sk-live-never-shown\n" + "".join(f"{name}=1\nexport {name}=1\n" for name in HOSTILE))
    (folder / "jobs.env").write_text("QUEUE_URL=x\n")
    for name in HOSTILE:
        (folder / name).write_text("")


def fake_doctor(folder):
    """Writes a `doctor` that passes completion calls on to the binary and records the arguments of any other call."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    script = bin_folder / "doctor"
    script.write_text(f"""#!/bin/sh
if [ -n "$COMPLETE" ] || [ "$1" = completions ]; then exec '{BINARY}' "$@"; fi
printf '%s\\n' "$#" "$@" >>'{folder}/calls.new' && mv '{folder}/calls.new' '{folder}/calls'
""")
    script.chmod(0o755)
    return bin_folder


def start_shell(shell, folder, environment):
    """Starts a shell and loads the completion script."""
    command, setup = SHELLS[shell]
    screen = Screen(command, folder, environment)
    screen.read(lambda output: re.search(r"[$#%>]", output))
    screen.type(setup + "\r")
    screen.read(lambda output: PROMPT in output)
    return screen


def run(shell, folder):
    """Runs all cases in one shell and returns the failures."""
    work, calls = folder / "work", folder / "calls"
    work.mkdir()
    checkout(work)
    environment = {"PATH": f"{fake_doctor(folder)}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8",
                   "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    screen, failures = start_shell(shell, work, environment), []
    if PROMPT not in screen.output:
        return [f"{shell}: no prompt after the script was loaded: {screen.output[-500:]!r}"]
    for line, expected in LINES:
        calls.unlink(missing_ok=True)
        typed = len(screen.output)
        screen.type(line + "\t")
        # Wait for the inserted text, but not long: some shells insert nothing visible.
        rest = expected[-1].split("=")[-1].removeprefix(re.split("[ =]", line)[-1])
        screen.read(lambda output: rest in output, 1)
        entered = len(screen.output)
        screen.type("\r")
        end = time.monotonic() + TIMEOUT
        while not calls.exists() and time.monotonic() < end:
            screen.read(lambda output: False, 0.02)
            # elvish lists even a single candidate if it needs quoting; the first Enter accepts it.
            if shell == "elvish" and "COMPLETING" in screen.output[typed:] and screen.read(lambda output: False, 0.3) is None:
                screen.type("\r")
                typed = len(screen.output)
        got = calls.read_text().splitlines()[1:] if calls.exists() else None
        if got != expected:
            failures.append(f"{shell}: {line!r} and Tab called doctor with {got}, not {expected}: {screen.output[-300:]!r}")
        screen.read(lambda output: PROMPT in output, 3, entered)
    screen.type("echo al''ive\r")
    if screen.read(lambda output: "alive" in output) is None:
        failures.append(f"{shell}: no longer responds: {screen.output[-300:]!r}")
    screen.close()
    output = screen.output
    # Each in a new shell, so that a leftover line does not affect the next.
    for line in OPEN + RISKY:
        screen = start_shell(shell, work, environment)
        screen.type(line + "\t\t")
        screen.settle()
        if line in RISKY:
            screen.type("\r")
            screen.settle()
        screen.close()
        output += screen.output
    # elvish itself reports missing candidates and syntax errors while typing.
    for text in ["sk-live", "panicked"] + ["error:", "not found"] * (shell != "elvish"):
        if text in output:
            failures.append(f"{shell}: {text!r} is on the screen: {output[-2000:]!r}")
    for directory in [work, folder]:
        if (directory / "pwned").exists():
            failures.append(f"{shell}: executed a name")
    if "API_KEY" not in output:
        failures.append(f"{shell}: never completed a key")
    return failures


def lint():
    """Runs shellcheck on the script for bash."""
    script = subprocess.run([BINARY, "completions", "bash"], capture_output=True, check=True, timeout=TIMEOUT).stdout
    command = ["shellcheck", "-s", "bash", "-e", ",".join(IGNORED), "-"]
    result = subprocess.run(command, input=script, capture_output=True, timeout=30)
    return [] if result.returncode == 0 else [f"shellcheck: {result.stdout.decode()}{result.stderr.decode()}"]


def main():
    failures, names = lint(), [name for name in SHELLS if name != "elvish" or shutil.which("elvish")]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            failures += run(name, pathlib.Path(folder))
            print(f"{name}: {len(LINES) + len(OPEN) + len(RISKY)} lines in {time.monotonic() - started:.1f} s")
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
