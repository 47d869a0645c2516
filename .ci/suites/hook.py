#!/usr/bin/env python3
"""Tests the hook with git and with hook managers, against the independent simulated Railway: each blocks a real commit, and
allows it after the fix.

    hook.py target/release/doctor path/to/server.py [--build | CASE-NAME-PART]

The tools are installed in `target/ci-tools`. `--build` runs only the case in which pre-commit builds doctor from source, for
`doctor-src`. It takes minutes and prints the time.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import KEY, PUSH, case, cases, cases_of, run_all, world
from server_checks import DOCTOR, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "target" / "ci-tools"
PYTHON, NODE = TOOLS / "hooks", TOOLS / "hooks-node"
SECRET = "4f1c9a77-b2d0-4e5a"
LOCAL = re.compile(r"\A(RAILWAY|GIT|PRE_COMMIT|XDG|DBUS|LEFTHOOK|HUSKY|CI\Z)")
PRE_COMMIT = """\
repos:
  - repo: {source}
    rev: {rev}
    hooks:
      - id: {id}
        args: [--api-url, "{url}"]
"""
PUSH_ONLY, EITHER = "Push blocked by doctor", "Commit or push blocked by doctor"
LEFTHOOK = """\
pre-commit:
  jobs:
    - name: doctor
      run: doctor hook run --api-url {url}
pre-push:
  jobs:
    - name: doctor
      run: doctor hook run --api-url {url}
"""


def install_tools():
    """Installs the latest version of each supported major version."""
    if not (PYTHON / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", PYTHON], check=True)
    wanted = ["pre-commit==4.*", "prek==0.*", "lefthook==2.*"]
    subprocess.run([PYTHON / "bin" / "pip", "install", "-q", *wanted], check=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", NODE, "husky@9"], check=True)


# A repository -----------------------------------------------------------------------------------------------------------

class Project:
    """The incident in a new repository, with doctor on PATH."""

    def __init__(self, it):
        self.it, self.home, self.directory, self.commits = it, it.path.parent / "home", it.path, 0
        self.url = it.server.info["url"]
        bin_dir = self.home / "install"
        bin_dir.mkdir()
        self.doctor = bin_dir / "doctor"
        try:
            os.link(DOCTOR, self.doctor)
        except OSError:
            shutil.copy2(DOCTOR, self.doctor)
        path = [bin_dir, PYTHON / "bin", NODE / "node_modules" / ".bin", os.environ["PATH"]]
        kept = {name: value for name, value in os.environ.items() if not LOCAL.match(name)}
        real = pathlib.Path.home()
        self.variables = {
            "CARGO_HOME": str(real / ".cargo"), "RUSTUP_HOME": str(real / ".rustup"), **kept, "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"), "PATH": ":".join(map(str, path)),
            "RAILWAY_API_TOKEN": it.server.token("account")}
        (self.home / ".gitconfig").write_text(
            "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n[protocol \"file\"]\nallow = always\n")
        (it.path / ".gitignore").write_text(".env\n/home\n/linked\n/node_modules\n")
        self.sh("git init -q && git add .gitignore && git commit -qm first", code=0)

    def wrap_with_api_url(self):
        """Replaces `doctor` with a wrapper that adds --api-url, which installed hooks lack."""
        self.doctor.rename(self.doctor.with_name("doctor-binary"))
        self.doctor.write_text(f"#!/bin/sh\nexec '{self.doctor}-binary' \"$@\" --api-url '{self.url}'\n")
        self.doctor.chmod(0o755)

    def sh(self, script, code=None, **variables):
        """Runs a shell command and returns both output streams as one text."""
        result = subprocess.run(["/bin/sh", "-c", script], cwd=self.directory, env={**self.variables, **variables}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800)
        text = f"{script} → {result.returncode}\n{result.stdout}"
        if code is not None:
            self.it.check(f"`{script}` exits with {code}", result.returncode == code, text)
        leaked = [value for value in {*self.it.values, SECRET} if value in result.stdout]
        self.it.check(f"`{script}`: no value is shown", not leaked, len(leaked))
        return text

    def commit(self, code, *expected, paths="", **variables):
        self.commits += 1
        script = f"echo {self.commits} >> notes.txt && git add notes.txt && git commit -m 'commit {self.commits}' {paths}"
        text = self.sh(script, **variables)
        landed = f"commit {self.commits}\n" == self.sh("git log -1 --format=%s").partition("\n")[2]
        self.it.check(f"commit {self.commits} is {'blocked' if code else 'created'}", landed == (code == 0), text)
        for one in expected:
            self.it.check(f"commit {self.commits} prints {one!r}", re.search(one, text), text)
        return text

    def requests(self):
        return self.it.server.summary()["requests"]

    def run_scenario(self):
        """Commits with drift, with the hook skipped, after the fix, with the cached result, with secrets, and without Railway."""
        self.commit(1, KEY, "Commit blocked by doctor", "DOCTOR=0 git commit")
        self.commit(0, DOCTOR="0")
        self.it.run(*PUSH, code=0)
        self.commit(0)
        before = self.requests()
        self.commit(0)
        self.it.check("a second commit sends no request", self.requests() == before, (before, self.requests()))
        with (self.directory / ".env").open("a") as file:
            file.write(f"BILLING_KEY={SECRET}\n")
        (self.directory / "leak.py").write_text(f"key = '{SECRET}'\n")
        self.sh("git add leak.py", code=0)
        self.commit(1, r"leak\.py:1 adds the value of BILLING_KEY \(\.env:\d+\), a secret-like key", paths="leak.py")
        self.sh("git rm -q --cached leak.py && rm leak.py && git add -f .env", code=0)
        self.commit(1, r"\.env:\d+ adds BILLING_KEY, a secret-like key", r"\[\[ignore\]\]  # Commit blocked by doctor\.")
        self.sh("git rm -q --cached .env", code=0)
        self.it.server.stop()
        self.commit(0, "doctor: warning: not compared with Railway: failed to connect")

    def push_is_blocked(self, message):
        self.sh("git init -q --bare home/remote && git remote add origin home/remote", code=0)
        text = self.sh("git push -q origin main", code=1)
        self.it.check("a push is blocked", KEY in text and message in text and "DOCTOR=0 git push" in text, text)
        self.sh("DOCTOR=0 git push -q origin main", code=0)


@contextlib.contextmanager
def project(name):
    """Creates a project with its own server, which the scenario stops. The server outlasts a slow build."""
    server = Server("--scenario", "incident", "--exit-after", "3600")
    try:
        with world(name, server=server) as it:
            yield Project(it)
    finally:
        server.stop()


# git itself -------------------------------------------------------------------------------------------------------------

@case
def plain_git():
    with project("plain git") as it:
        it.sh("doctor hook install pre-commit pre-push", code=0)
        it.sh("doctor hook install", code=0)
        text = it.sh("doctor hook status", code=0)
        it.it.check("status lists both hooks", text.count("installed: .git/hooks/") == 2, text)
        it.wrap_with_api_url()
        it.push_is_blocked(PUSH_ONLY)
        it.run_scenario()
        it.sh("doctor hook uninstall", code=0)
        it.it.check("the hook is removed", not list((it.directory / ".git" / "hooks").glob("pre-commit")))


@case
def linked_worktree():
    with project("linked worktree") as it:
        it.sh("git worktree add -q linked && cp .env linked", code=0)
        main, it.directory = it.directory, it.directory / "linked"
        it.it.check("the hook is written to the main repository", "wrote ../.git/hooks/pre-commit" in it.sh("doctor hook install", code=0))
        it.wrap_with_api_url()
        it.run_scenario()
        it.it.check("the hook exists in the main repository", (main / ".git" / "hooks" / "pre-commit").exists())


@case
def core_hooks_path():
    with project("core.hooksPath") as it:
        it.sh("git config core.hooksPath tools/hooks", code=0)
        it.it.check("install says how to share the hook", "commit it to share it" in it.sh("doctor hook install --yes", code=0))
        it.wrap_with_api_url()
        it.it.check("status lists the hook", "installed: tools/hooks" in it.sh("doctor hook status", code=0))
        it.sh("git add tools && DOCTOR=0 git commit -qm tools", code=0)
        it.run_scenario()


@case
def existing_custom_hook():
    with project("custom hook") as it:
        hook = it.directory / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho mine\n")
        hook.chmod(0o755)
        text = it.sh("doctor hook install", code=2)
        line = re.search(r"add this line to it:\n    (.*)", text)
        it.it.check("the line to add is printed", line, text)
        it.it.check("the hook is unchanged", hook.read_text() == "#!/bin/sh\necho mine\n")
        it.commit(0, "mine")
        # Lines may follow doctor's line, so its exit code must be passed on.
        hook.write_text(f"#!/bin/sh\necho mine\n{line[1]}\necho more\n")
        it.wrap_with_api_url()
        it.sh("doctor hook status", code=0)
        it.run_scenario()


# The tools --------------------------------------------------------------------------------------------------------------

def source(it):
    """Clones this checkout for pre-commit. Returns the path and the last commit."""
    clone = it.home / "source"
    it.sh(f"git clone -q --no-local '{ROOT}' '{clone}'", code=0)
    return clone, it.sh(f"git -C '{clone}' rev-parse HEAD").splitlines()[-1]


def write_pre_commit(it, identifier):
    clone, rev = source(it)
    text = PRE_COMMIT.format(source=clone, rev=rev, id=identifier, url=it.url)
    (it.directory / ".pre-commit-config.yaml").write_text(text)


def write_lefthook(it):
    (it.directory / "lefthook.yml").write_text(LEFTHOOK.format(url=it.url))


def write_husky(it):
    (it.directory / "package.json").write_text('{"private": true, "scripts": {"test": "true"}}\n')
    it.sh("husky init", code=0)
    it.sh(f"echo 'doctor hook run --api-url {it.url} || exit $?' >> .husky/pre-commit", code=0)


@cases_of([
    ("pre-commit", lambda it: write_pre_commit(it, "doctor"), "pre-commit install -t pre-commit -t pre-push", PUSH_ONLY),
    ("prek", lambda it: write_pre_commit(it, "doctor"), "prek install -t pre-commit -t pre-push", PUSH_ONLY),
    ("lefthook", write_lefthook, "lefthook install", EITHER),
    ("husky", write_husky, "npm run --silent prepare", None),
])
def tool(name, write, command, message):
    with project(name) as it:
        write(it)
        it.sh("git add -A && DOCTOR=0 git commit -qm tools", code=0)
        it.sh(command, code=0)
        text = it.sh("doctor hook status", code=0)
        it.it.check("status reports that the hook calls doctor", "custom hook, calls doctor" in text, text)
        it.it.check("install leaves the hook unchanged", "already calls doctor" in it.sh("doctor hook install", code=0))
        if message:
            it.push_is_blocked(message)
        it.run_scenario()


def from_source():
    with project("doctor-src") as it:
        write_pre_commit(it, "doctor-src")
        it.sh("git add -A && git commit -qm tools && pre-commit install", code=0)
        it.doctor.unlink()
        started = time.monotonic()
        text = it.sh("pre-commit install-hooks", code=0)
        print(f"pre-commit built doctor in {time.monotonic() - started:.0f} s", flush=True)
        it.it.check("doctor was built, not found on PATH", shutil.which("doctor", path=it.variables["PATH"]) is None, text)
        it.run_scenario()


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
install_tools()
if wanted == "--build":
    run_all([("from source", from_source, ())])
run_all([entry for entry in cases if wanted in entry[0]])
