#!/usr/bin/env python3
"""Completes half-typed lines in the shells themselves, each on a pseudo-terminal with nobody's settings: what a Tab puts on the
line, and that neither loading the script, nor the Tab, nor Enter behind it runs a word that a checkout has put into its files.

    completions_in_shells.py target/release/doctor

bash, zsh, fish and shellcheck must be there; elvish is held to it where it is installed.
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
PATIENCE = 10  # seconds for a shell to show what it is waited for
HOSTILE = ["hz$(touch pwned)", "$(touch pwned)", "`touch pwned`", "(touch pwned)", "x;touch pwned", "x'y", "x y", "x*", "-rf", "x|y", "x\x1b[2Jy"]
CONFIG = 'environment = "staging"\n[services.web]\nname = "shop-web"\n[services.worker]\nenv-file = "jobs.env"\n' + "".join(
    f'[services.s{at}]\nname = {name!r}\nenv-file = {name!r}\n' for at, name in enumerate(HOSTILE[:4]))
# What shellcheck has against the script that clap_complete writes, and why it is right all the same.
EXCUSED = {
    "SC2207": "candidates are split at a vertical tab, and none holds a letter that bash would match with file names",
    "SC2181": "the status is asked right behind the assignment",
}
PROMPT = "READY>"
# How each is started with nobody's settings, a prompt of ours, and the script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"PS1='{PROMPT[:3]}''{PROMPT[3:]}'; source <(doctor completions bash)"),
    "zsh": (["zsh", "-f", "-i"], f"autoload -Uz compinit; compinit -u -D; PS1='{PROMPT[:3]}''{PROMPT[3:]}'; source <(doctor completions zsh)"),
    "fish": (["fish", "--no-config", "-i"], f"function fish_prompt; echo -n '{PROMPT[:3]}''{PROMPT[3:]}'; end; doctor completions fish | source"),
    "elvish": (["elvish", "-norc"], f"set edit:prompt = {{ print '{PROMPT[:3]}'; print '{PROMPT[3:]}' }}; eval (doctor completions elvish | slurp)"),
}
# What is typed before the Tab, and what the program is called with once Enter is pressed.
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
# A Tab here has many answers, or none: all that counts is that nothing runs, and that the shell lives on.
OPEN = ["doctor fix --only ", "doctor check -s ", "doctor check --env-file ", "doctor check --only 'x", "doctor check --only $(touch pw"]
# One name begins like this, and it is no plain word: Enter behind the Tab would run it in bash.
RISKY = ["doctor check -s hz", "doctor check --env-file hz"]


class Screen:
    """A shell on a terminal of its own."""

    def __init__(self, command, folder, environment):
        self.seen, self.pid = "", 0
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read(self, until, patience=PATIENCE, start=None):
        """Reads until that shows up behind the start, with the terminal's own questions answered; None if it does not."""
        start, end = len(self.seen) if start is None else start, time.monotonic() + patience
        while time.monotonic() < end:
            if until(self.seen[start:]):
                return self.seen[start:]
            if select.select([self.terminal], [], [], 0.02)[0]:
                try:
                    told = os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:
                    return None
                self.seen += told
                if "\x1b[6n" in told:
                    self.type("\x1b[1;1R")
                if "\x1b[c" in told or "\x1b[0c" in told:
                    self.type("\x1b[?62c")
        return None

    def settle(self, quiet=0.3, patience=3):
        """Reads until nothing more comes."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            before = len(self.seen)
            self.read(lambda seen: False, quiet)
            if len(self.seen) == before:
                return

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def checkout(folder):
    """A folder whose files hold good names and hostile ones."""
    (folder / "doctor.toml").write_text(CONFIG)
    (folder / ".env").write_text("API_KEY=sk-live-never-shown\n" + "".join(f"{name}=1\nexport {name}=1\n" for name in HOSTILE))
    (folder / "jobs.env").write_text("QUEUE_URL=x\n")
    for name in HOSTILE:
        (folder / name).write_text("")


def stand_in(folder):
    """A `doctor` that completes for itself, and writes down what else it is called with instead of doing it."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    script = bin_folder / "doctor"
    script.write_text(f"""#!/bin/sh
if [ -n "$COMPLETE" ] || [ "$1" = completions ]; then exec '{BINARY}' "$@"; fi
printf '%s\\n' "$#" "$@" >>'{folder}/calls.new' && mv '{folder}/calls.new' '{folder}/calls'
""")
    script.chmod(0o755)
    return bin_folder


def loaded(shell, folder, environment):
    """A shell that has read the script."""
    command, setup = SHELLS[shell]
    screen = Screen(command, folder, environment)
    screen.read(lambda seen: re.search(r"[$#%>]", seen))
    screen.type(setup + "\r")
    screen.read(lambda seen: PROMPT in seen)
    return screen


def play(shell, folder):
    """Everything in one shell; what is wrong, as sentences."""
    work, calls = folder / "work", folder / "calls"
    work.mkdir()
    checkout(work)
    environment = {"PATH": f"{stand_in(folder)}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8",
                   "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    screen, wrong = loaded(shell, work, environment), []
    if PROMPT not in screen.seen:
        return [f"{shell}: no prompt after the script was loaded: {screen.seen[-500:]!r}"]
    for line, expected in LINES:
        calls.unlink(missing_ok=True)
        typed = len(screen.seen)
        screen.type(line + "\t")
        # What the Tab puts there, or at least time for it.
        rest = expected[-1].split("=")[-1].removeprefix(re.split("[ =]", line)[-1])
        screen.read(lambda seen: rest in seen, 1)
        entered = len(screen.seen)
        screen.type("\r")
        end = time.monotonic() + PATIENCE
        while not calls.exists() and time.monotonic() < end:
            screen.read(lambda seen: False, 0.02)
            # It lists even a single candidate where it has to quote it, and the first Enter takes that from the list.
            if shell == "elvish" and "COMPLETING" in screen.seen[typed:] and screen.read(lambda seen: False, 0.3) is None:
                screen.type("\r")
                typed = len(screen.seen)
        got = calls.read_text().splitlines()[1:] if calls.exists() else None
        if got != expected:
            wrong.append(f"{shell}: {line!r} and a Tab called doctor with {got}, not {expected}: {screen.seen[-300:]!r}")
        screen.read(lambda seen: PROMPT in seen, 3, entered)
    screen.type("echo al''ive\r")
    if screen.read(lambda seen: "alive" in seen) is None:
        wrong.append(f"{shell}: does not answer any more: {screen.seen[-300:]!r}")
    screen.close()
    seen = screen.seen
    # Each in a shell of its own: what is left of a line must not run into the next.
    for line in OPEN + RISKY:
        screen = loaded(shell, work, environment)
        screen.type(line + "\t\t")
        screen.settle()
        if line in RISKY:
            screen.type("\r")
            screen.settle()
        screen.close()
        seen += screen.seen
    # elvish says in its own words that there are no candidates, and what is wrong with a line, while it is typed.
    for word in ["sk-live", "panicked"] + ["error:", "not found"] * (shell != "elvish"):
        if word in seen:
            wrong.append(f"{shell}: {word!r} stands on the screen: {seen[-2000:]!r}")
    for place in [work, folder]:
        if (place / "pwned").exists():
            wrong.append(f"{shell}: ran a name")
    if "API_KEY" not in seen:
        wrong.append(f"{shell}: never offered a key")
    return wrong


def lint():
    """shellcheck on bash's script."""
    script = subprocess.run([BINARY, "completions", "bash"], capture_output=True, check=True, timeout=PATIENCE).stdout
    command = ["shellcheck", "-s", "bash", "-e", ",".join(EXCUSED), "-"]
    told = subprocess.run(command, input=script, capture_output=True, timeout=30)
    return [] if told.returncode == 0 else [f"shellcheck: {told.stdout.decode()}{told.stderr.decode()}"]


def main():
    wrong, names = lint(), [name for name in SHELLS if name != "elvish" or shutil.which("elvish")]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            wrong += play(name, pathlib.Path(folder))
            print(f"{name}: {len(LINES) + len(OPEN) + len(RISKY)} lines in {time.monotonic() - began:.1f} s")
    for sentence in wrong:
        print(f"WRONG {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
