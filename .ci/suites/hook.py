#!/usr/bin/env python3
"""Holds the hook to git, and to the tools that keep hooks for it: each stops a real commit, and lets it through once it is
mended, beside the independent simulated Railway.

    hook.py target/release/doctor path/to/server.py [--build | PART OF A CASE'S NAME]

The tools are installed below `target/ci-tools`. `--build` is the one case that builds doctor from source, as pre-commit does
for `doctor-src`: it takes minutes, and the time is printed.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # This folder is for sources.
from server_cases import KEY, PUSH, case, cases, cases_of, play_all, tally, world
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
PUSH_ONLY, EITHER = "`DOCTOR=0 git push`", "`DOCTOR=0 git commit`, or `DOCTOR=0 git push`"
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
    """The newest of each major version that is known to work."""
    if not (PYTHON / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", PYTHON], check=True)
    wanted = ["pre-commit==4.*", "prek==0.*", "lefthook==2.*"]
    subprocess.run([PYTHON / "bin" / "pip", "install", "-q", *wanted], check=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", NODE, "husky@9"], check=True)


# A repository -----------------------------------------------------------------------------------------------------------

class Project:
    """The incident in a repository of its own, with doctor on the search path."""

    def __init__(self, it):
        self.it, self.home, self.folder, self.commits = it, it.path.parent / "home", it.path, 0
        self.url = it.server.info["url"]
        bin_folder = self.home / "install"
        bin_folder.mkdir()
        self.doctor = bin_folder / "doctor"
        try:
            os.link(DOCTOR, self.doctor)
        except OSError:
            shutil.copy2(DOCTOR, self.doctor)
        path = [bin_folder, PYTHON / "bin", NODE / "node_modules" / ".bin", os.environ["PATH"]]
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

    def talks_to_the_server(self):
        """What is called `doctor` from now on asks the simulated Railway: a hook that doctor wrote names no address."""
        self.doctor.rename(self.doctor.with_name("doctor-itself"))
        self.doctor.write_text(f"#!/bin/sh\nexec '{self.doctor}-itself' \"$@\" --api-url '{self.url}'\n")
        self.doctor.chmod(0o755)

    def sh(self, script, code=None, **variables):
        """What a person types; both streams as one text."""
        done = subprocess.run(["/bin/sh", "-c", script], cwd=self.folder, env={**self.variables, **variables}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800)
        text = f"{script} → {done.returncode}\n{done.stdout}"
        if code is not None:
            self.it.check(f"`{script}` ends with {code}", done.returncode == code, text)
        told = [value for value in {*self.it.values, SECRET} if value in done.stdout]
        self.it.check(f"`{script}`: no value is told", not told, len(told))
        return text

    def commit(self, code, *expected, words="", **variables):
        self.commits += 1
        script = f"echo {self.commits} >> notes.txt && git add notes.txt && git commit -m 'commit {self.commits}' {words}"
        text = self.sh(script, **variables)
        landed = f"commit {self.commits}\n" == self.sh("git log -1 --format=%s").partition("\n")[2]
        self.it.check(f"commit {self.commits} {'stops' if code else 'lands'}", landed == (code == 0), text)
        for one in expected:
            self.it.check(f"commit {self.commits} says {one!r}", re.search(one, text), text)
        return text

    def requests(self):
        return self.it.server.summary()["requests"]

    def story(self):
        """Red, gone round, mended, green, green again without a question; a secret; and Railway out of reach."""
        self.commit(1, KEY, "doctor: stopped", "DOCTOR=0 git commit")
        self.commit(0, DOCTOR="0")
        self.it.run(*PUSH, code=0)
        self.commit(0)
        before = self.requests()
        self.commit(0)
        self.it.check("a second commit asks nothing", self.requests() == before, (before, self.requests()))
        with (self.folder / ".env").open("a") as file:
            file.write(f"BILLING_KEY={SECRET}\n")
        (self.folder / "leak.py").write_text(f"key = '{SECRET}'\n")
        self.sh("git add leak.py", code=0)
        self.commit(1, r"leak\.py:1 adds the value of BILLING_KEY \(\.env:\d+\) to the commit", words="leak.py")
        self.sh("git rm -q --cached leak.py && rm leak.py && git add -f .env", code=0)
        self.commit(1, r"\.env:\d+ adds the secret BILLING_KEY to the commit", r"git rm --cached -- \.env")
        self.sh("git rm -q --cached .env", code=0)
        self.it.server.stop()
        self.commit(0, "doctor: warning: not compared with Railway: can't reach")

    def push_is_stopped(self, way_round):
        self.sh("git init -q --bare home/remote && git remote add origin home/remote", code=0)
        text = self.sh("git push -q origin main", code=1)
        self.it.check("a push is stopped", KEY in text and f"go round it once: {way_round}" in text, text)
        self.sh("DOCTOR=0 git push -q origin main", code=0)


@contextlib.contextmanager
def project(name):
    """In a world of its own, because its server will go; it outlasts a slow build."""
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
        it.it.check("status names both", text.count("doctor's, in .git/hooks/") == 2, text)
        it.talks_to_the_server()
        it.push_is_stopped(EITHER)
        it.story()
        it.sh("doctor hook uninstall", code=0)
        it.it.check("it is gone", not list((it.folder / ".git" / "hooks").glob("pre-commit")))


@case
def a_linked_worktree():
    with project("a linked worktree") as it:
        it.sh("git worktree add -q linked && cp .env linked", code=0)
        main, it.folder = it.folder, it.folder / "linked"
        it.it.check("written for all of them", "wrote ../.git/hooks/pre-commit" in it.sh("doctor hook install", code=0))
        it.talks_to_the_server()
        it.story()
        it.it.check("nothing is in the worktree itself", (main / ".git" / "hooks" / "pre-commit").exists())


@case
def core_hooks_path():
    with project("core.hooksPath") as it:
        it.sh("git config core.hooksPath tools/hooks", code=0)
        it.it.check("everybody's", "it is everybody's" in it.sh("doctor hook install --yes", code=0))
        it.talks_to_the_server()
        it.it.check("status knows it", "doctor's, in tools/hooks" in it.sh("doctor hook status", code=0))
        it.sh("git add tools && DOCTOR=0 git commit -qm tools", code=0)
        it.story()


@case
def beside_a_foreign_hook():
    with project("a foreign hook") as it:
        hook = it.folder / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho mine\n")
        hook.chmod(0o755)
        text = it.sh("doctor hook install", code=2)
        line = re.search(r"add this line to it: `([^`]*)`", text)
        it.it.check("the line to add is said", line, text)
        it.it.check("it is left alone", hook.read_text() == "#!/bin/sh\necho mine\n")
        it.commit(0, "mine")
        # After doctor's line something else may follow: its exit code counts.
        hook.write_text(f"#!/bin/sh\necho mine\n{line[1]}\necho more\n")
        it.talks_to_the_server()
        it.sh("doctor hook status", code=0)
        it.story()


# The tools --------------------------------------------------------------------------------------------------------------

def source(it):
    """This checkout's last commit, as pre-commit fetches it."""
    there = it.home / "source"
    it.sh(f"git clone -q --no-local '{ROOT}' '{there}'", code=0)
    return there, it.sh(f"git -C '{there}' rev-parse HEAD").splitlines()[-1]


def write_pre_commit(it, identifier):
    there, rev = source(it)
    text = PRE_COMMIT.format(source=there, rev=rev, id=identifier, url=it.url)
    (it.folder / ".pre-commit-config.yaml").write_text(text)


def write_lefthook(it):
    (it.folder / "lefthook.yml").write_text(LEFTHOOK.format(url=it.url))


def write_husky(it):
    (it.folder / "package.json").write_text('{"private": true, "scripts": {"test": "true"}}\n')
    it.sh("husky init", code=0)
    it.sh(f"echo 'doctor hook run --api-url {it.url} || exit $?' >> .husky/pre-commit", code=0)


@cases_of([
    ("pre-commit", lambda it: write_pre_commit(it, "doctor"), "pre-commit install -t pre-commit -t pre-push", PUSH_ONLY),
    ("prek", lambda it: write_pre_commit(it, "doctor"), "prek install -t pre-commit -t pre-push", PUSH_ONLY),
    ("lefthook", write_lefthook, "lefthook install", EITHER),
    ("husky", write_husky, "npm run --silent prepare", None),
])
def tool(name, write, command, way_round):
    with project(name) as it:
        write(it)
        it.sh("git add -A && DOCTOR=0 git commit -qm tools", code=0)
        it.sh(command, code=0)
        text = it.sh("doctor hook status", code=0)
        it.it.check("status knows that it calls doctor", "somebody else's, calls doctor" in text, text)
        it.it.check("and install leaves it alone", "calls it already" in it.sh("doctor hook install", code=0))
        if way_round:
            it.push_is_stopped(way_round)
        it.story()


def from_source():
    with project("doctor-src") as it:
        write_pre_commit(it, "doctor-src")
        it.sh("git add -A && git commit -qm tools && pre-commit install", code=0)
        it.doctor.unlink()
        began = time.monotonic()
        text = it.sh("pre-commit install-hooks", code=0)
        print(f"pre-commit built doctor in {time.monotonic() - began:.0f} s", flush=True)
        it.it.check("it was built and not found", shutil.which("doctor", path=it.variables["PATH"]) is None, text)
        it.story()


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
install_tools()
if wanted == "--build":
    play_all([("from source", from_source, ())])
play_all([entry for entry in cases if wanted in entry[0]])
