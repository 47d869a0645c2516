#!/usr/bin/env python3
"""Replays ordinary commits and planted leaks through `doctor hook run`, and counts what it blocks.

    replay_hook.py DOCTOR                     on generated histories, and fails if a limit is exceeded
    replay_hook.py DOCTOR REPOSITORY...       on the newest commits of these repositories, bare or not

Options: --commits N (default 80 per repository), --path PATHSPEC, --example-only, --no-plant, --jobs N, --verbose.

A commit is replayed as git would run the hook: `HEAD` is the parent, `MERGE_HEAD` the second parent of a merge, the index is the
commit's tree, and the working tree has the commit's env files. The `.env` is the repository's own example at that commit. Its
secrets and empty values are filled in. Texts that the commit adds are its public values: the hook must not block a commit for an
address, a name or a checksum. There is no token, so only the search for secrets runs.

The leaks of `planted_leaks.py` are spread over the repositories, each as a commit on top of the newest one.
"""
import argparse
import concurrent.futures
import pathlib
import random
import re
import shutil
import statistics
import string
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from ordinary_histories import generate
from planted_leaks import LEAKS, local_env

COMMITS = 80
# What the project promises, per 1,440 ordinary commits and 60 leaks.
MOST_BLOCKED, LEAST_FOUND = 5 / 1440, 58 / 60
EXAMPLE = re.compile(r"(^|/)\.?(env[.-])?[\w.-]*env[\w.-]*(example|sample|template|dist)|(^|/)\.?(example|sample|template)\.env$", re.I)
ENV_FILES = [":(glob)**/.env*", ":(glob)**/.dev.vars*", ":(glob)**/.flaskenv"]
ASSIGNMENT = re.compile(r"^(?P<lead>\s*(?:export\s+)?)(?P<key>[A-Za-z_]\w*)=(?P<value>.*)$")
SECRET_LIKE = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASS|PASSWORD|PWD|CREDENTIALS?|PRIVATE|AUTH)S?($|_)", re.I)
SETTING = re.compile(r"(TTL|URL|URI|PATH|ID|NAME|METHOD|TIMEOUT|LENGTH|HOST|PORT|ENABLED|USER|USERNAME|FILE|LIFETIME|EXPIRES?|PUBLIC\w*)$", re.I)
# Public values that a commit adds and a developer's `.env` may have, too.
PUBLIC = {
    "SITE_URL": re.compile(r"https?://[\w.-]+(?:/[\w./%#?=&~+-]*)?"),
    "SUPPORT_EMAIL": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*[a-z]\b"),
    "PROJECT_NAME": re.compile(r"(?<=[\"'>])[A-Z][\w ,.-]{7,60}(?=[\"'<])"),
    "PACKAGE": re.compile(r"(?<![\w/+=@.-])@?[a-z][a-z-]{3,}/[a-z][a-z-]{3,}(?![\w/+=.-])"),
    "DB_PASSWORD": re.compile(r"(?<=[\"'])[a-z]{8,14}(?=[\"'])"),
    "UPLOAD_ACCESS_KEY_ID": re.compile(r"\b[a-z]{9,14}\b"),
    "AUTH_MODULE": re.compile(r"\b[a-z_]+(?:[./][a-z_]+){2,}\b"),
    "GIT_COMMIT": re.compile(r"\b[0-9a-f]{40}\b"),
    "ASSET_INTEGRITY": re.compile(r"sha(?:256|384|512)-[\w+/=]{40,}"),
    "IMAGE_DIGEST": re.compile(r"sha256:[0-9a-f]{64}"),
    "OAUTH_CLIENT_ID": re.compile(r"\b\d{9,}-\w{20,}\.apps\.googleusercontent\.com"),
    "PROJECT_ID": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
}


class Repository:
    """A scratch repository with the objects of another one."""

    def __init__(self, doctor, source, scratch):
        self.doctor, self.source = doctor, source
        self.name = source.parent.name if source.name in ("repo", ".git") else source.name
        self.random = random.Random(self.name)
        self.directory, self.home = scratch / "work", scratch / "home"
        self.directory.mkdir(parents=True)
        self.home.mkdir()
        self.variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"),
                          "GIT_CONFIG_NOSYSTEM": "1", "LANG": "C.UTF-8"}
        self.git("init", "-q")
        objects = self.git("-C", str(source), "rev-parse", "--path-format=absolute", "--git-path", "objects").strip()
        self.git_dir = self.directory / ".git"
        (self.git_dir / "objects/info/alternates").write_text(objects + "\n")
        self.newest = self.git("-C", str(source), "rev-parse", "HEAD").strip()
        self.checked_out, self.milliseconds, self.unchecked = [], [], 0

    def git(self, *arguments, data=None, check=True):
        run = subprocess.run(["git", *arguments], cwd=self.directory, env=self.variables, capture_output=True, check=check,
                             input=data, **({} if data is not None else {"stdin": subprocess.DEVNULL}))
        return run.stdout.decode("utf-8", "replace")

    def commits(self, number, paths):
        """Returns the newest commits that change these paths, each with its parents."""
        log = self.git("log", "--format=%H %P", f"-n{number}", self.newest, "--", *paths)
        return [line.split() for line in log.splitlines()]

    # The state before a commit -----------------------------------------------------------------------------------------

    def stage(self, tree, parents):
        """Prepares the commit of a tree on top of these parents."""
        self.git("update-ref", "--no-deref", "HEAD", parents[0])
        self.git("read-tree", tree)
        merged = self.git_dir / "MERGE_HEAD"
        if parents[1:]:
            merged.write_text("".join(f"{parent}\n" for parent in parents[1:]))
        else:
            merged.unlink(missing_ok=True)

    def check_out_env_files(self, env):
        """Writes the env files of the index, then the developer's own `.env`."""
        for name in self.checked_out:
            (self.directory / name).unlink(missing_ok=True)
        names = [name for name in self.git("ls-files", "-z", "--", *ENV_FILES).split("\0") if name]
        if names:
            self.git("checkout-index", "-q", "-f", "-z", "--stdin", data="\0".join(names).encode())
        own = ".env.local" if ".env" in names else ".env"
        (self.directory / own).write_text(env)
        self.checked_out = [*names, own]

    def env(self, added):
        """Returns a `.env` as a developer has it: the example, with secrets and other values filled in."""
        names = sorted((name for name in self.git("ls-files", "-z").split("\0") if EXAMPLE.search(name)), key=len)[:3]
        lines = [f"SESSION_SECRET={self.secret()}", f"DATABASE_URL=postgres://app:{self.secret()}@db.acme.dev:5432/app"]
        for name in names:
            for line in self.git("show", f":{name}").splitlines():
                if assignment := ASSIGNMENT.match(line):
                    lines.append(self.filled(**assignment.groupdict()))
        for key, pattern in PUBLIC.items():
            for number, text in enumerate(sorted(set(pattern.findall(added)))[:8]):
                lines.append(f"{key if number == 0 else f'{key}_{number}'}={text!r}")
        return "\n".join(lines) + "\n"

    def filled(self, lead, key, value):
        plain = value.split(" #")[0].strip().strip("\"'")
        if not SECRET_LIKE.search(key) or SETTING.search(key):
            return f"{lead}{key}={value if plain else key.lower().replace('_', '-')}"
        # Half of the developers keep the example's value.
        return f"{lead}{key}={value}" if plain and self.random.random() < 0.5 else f"{lead}{key}={self.secret()}"

    def secret(self):
        alphabet, length = self.random.choice([(string.ascii_letters + string.digits, 40), ("0123456789abcdef", 64),
                                               (string.ascii_letters + string.digits + "-_", 32)])
        start = self.random.choice(["", "", "sk_live_", "whsec_", "re_"])
        return start + "".join(self.random.choice(alphabet) for _ in range(length))

    # Runs ---------------------------------------------------------------------------------------------------------------

    def hook(self):
        """Runs the hook. Returns whether the commit is blocked, and the output."""
        variables = {**self.variables, "GIT_INDEX_FILE": str(self.git_dir / "index")}
        started = time.monotonic()
        run = subprocess.run([self.doctor, "hook", "run"], cwd=self.directory, env=variables, capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, errors="replace")
        self.milliseconds.append((time.monotonic() - started) * 1000)
        output = run.stdout + run.stderr
        self.unchecked += sum("not searched" in line or "only partly checked" in line for line in output.splitlines())
        if run.returncode not in (0, 1):
            raise SystemExit(f"{self.name}: doctor hook run exits with {run.returncode}:\n{output}")
        return run.returncode == 1, output

    def added(self, parent, commit):
        """Returns the lines that a commit adds. git fails at a file that a partial copy of the repository lacks."""
        diff = self.git("diff", "--no-ext-diff", "--no-textconv", "-U0", parent, commit, check=False)[:2_000_000]
        return "\n".join(line[1:] for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++"))

    def replay(self, options):
        """Returns the number of replayed commits, and the output of each blocked one."""
        # A root commit has no state before it.
        blocked, commits = [], [one for one in self.commits(options.commits, options.path) if len(one) > 1]
        for commit, *parents in commits:
            self.stage(commit, parents)
            self.check_out_env_files(self.env("" if options.example_only else self.added(parents[0], commit)))
            is_blocked, output = self.hook()
            if is_blocked:
                blocked.append(f"{self.name} {commit[:12]}\n{output}{self.cited(output)}")
        return len(commits), blocked

    def cited(self, output):
        """Returns the lines of the `.env` that the output refers to. Their values are public or made up."""
        lines = (self.directory / self.checked_out[-1]).read_text().splitlines()
        numbers = {int(number) for number in re.findall(r"\.env(?:\.local)?:(\d+)", output)}
        return "".join(f"  value: {lines[number - 1]}\n" for number in sorted(numbers) if number <= len(lines))

    def plant(self, leaks):
        """Returns the leaks that the hook does not block."""
        missed = []
        for leak in leaks:
            self.stage(self.newest, [self.newest])
            self.check_out_env_files(local_env())
            blob = self.git("hash-object", "-w", "--stdin", data=leak.content).strip()
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{leak.path}")
            is_blocked, output = self.hook()
            if not is_blocked:
                missed.append(f"{leak.path}: {leak.what}\n{output}")
        return missed


def run(source, leaks, options):
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        repository = Repository(options.doctor, source, pathlib.Path(scratch))
        count, blocked = repository.replay(options)
        replayed = list(repository.milliseconds)
        missed = repository.plant(leaks)
        return repository.name, count, blocked, missed, replayed, repository.unchecked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("doctor", type=lambda name: str(pathlib.Path(shutil.which(name) or name).resolve()))
    parser.add_argument("repository", nargs="*", type=lambda name: pathlib.Path(name).resolve())
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--example-only", action="store_true", help="do not copy texts of the commit to `.env`")
    parser.add_argument("--path", action="append", default=[], help="only commits that change this path")
    parser.add_argument("--no-plant", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="print the whole output of blocked commits")
    options = parser.parse_intermixed_args()
    commits = stopped = lost = unchecked = 0
    times = []
    with tempfile.TemporaryDirectory(prefix="histories-") as directory:
        sources = options.repository or generate(pathlib.Path(directory), options.commits)
        planted = [[] if options.no_plant else LEAKS[index::len(sources)] for index in range(len(sources))]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = pool.map(lambda pair: run(*pair, options), zip(sources, planted))
            for name, count, blocked, missed, milliseconds, gaps in results:
                print(f"{name}: {len(blocked)} of {count} commits blocked, {gaps} runs not complete, "
                      f"median {statistics.median(milliseconds or [0]):.0f} ms")
                for text in blocked:
                    print("  blocked:", text if options.verbose else "\n    ".join(
                        line for line in text.splitlines() if line.startswith((name, "error:", "  value:"))))
                for text in missed:
                    print("  missed:", text)
                sys.stdout.flush()
                commits, stopped, lost, unchecked = commits + count, stopped + len(blocked), lost + len(missed), unchecked + gaps
                times += milliseconds
    leaks = sum(map(len, planted))
    print(f"{stopped} of {commits} commits blocked, {leaks - lost} of {leaks} leaks blocked, {unchecked} runs not complete; "
          f"{statistics.median(times):.0f} ms per run, at most {max(times):.0f} ms")
    is_within = stopped <= max(commits * MOST_BLOCKED, 1) and leaks - lost >= leaks * LEAST_FOUND
    sys.exit(0 if is_within else 1)


if __name__ == "__main__":
    main()
