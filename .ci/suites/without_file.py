#!/usr/bin/env python3
"""Tests runs without a `.env` against the independent simulated Railway: `check`, `matrix`, `hook run`, `pull`, linked
worktrees and baselines.

    without_file.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import (API, INCIDENT_ENV, KEY, OLDEST, WORKER, case, cases, cases_of, incident, instance, run_all, world)
from server_estates import CheckRuns, deployment, env_of, estate, service, toml_of

PROJECT_TOKEN = ("RAILWAY_TOKEN", "project")
JWT, STRIPE = "jwt-value-4711-of-all", "sk_test_value-4712-of-stripe"
STAGING = {"api": (API, ""), "worker": (WORKER, 'start-command-contains = ["-B"]')}


def require(*keys, services=("api", "worker")):
    return f'[[require]]\nkeys = {json.dumps(keys)}\nservices = {json.dumps(services)}\n'


@contextlib.contextmanager
def checkout(name, scenario, files=None, toml=None, *, git=False, **how):
    """Creates a scenario and a working directory without a `.env`."""
    with world(name, scenario, "", toml=toml, **how) as it:
        (it.path / ".env").unlink()
        for file, text in (files or {}).items():
            path = it.path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if git:
            run_git(it.path, "init", "-q")
        it.new_files = {".gitignore"}
        yield it


def run_git(path, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=path, check=True, capture_output=True)


def disagreeing():
    """The incident, in which the worker has an older key than the API."""
    scenario = incident()
    instance(scenario, WORKER)["variables"][KEY]["value"] = OLDEST
    return scenario


# check ------------------------------------------------------------------------------------------------------------------

@case
def incident_without_file():
    with checkout("incident", disagreeing(), toml=toml_of(STAGING, require(KEY)), link=False) as it:
        it.server.call("/reset", {"keepWorld": True})
        run = it.run("check", "--format", "json", token=PROJECT_TOKEN, code=1)
        requests = it.server.summary()["requests"]
        rules = {one["rule"] for one in run.report["findings"] if one["severity"] == "error"}
        it.check("services disagree", "services-disagree" in rules, run)
        it.check("the start command lacks -B", "start-command" in rules, run)
        it.check("there is no file", run.report["files"] == [], run.report["files"])
        it.check("needs are counted", run.report["summary"]["needs"] == 2, run.report["summary"])
        it.check("nothing is compared with a file", run.report["summary"]["compared"] == 0, run.report["summary"])
        it.check("no finding is about a missing file", "missing-locally" not in rules, rules)
        text = it.run("check", token=PROJECT_TOKEN, code=1)
        it.check("the header states that there is no file", "no env file, checked against doctor.toml" in text.unwrapped, text)
        it.check("no command needs a file", "--push" not in text.text and "--pull" not in text.text, text)
        (it.path / ".env").write_text(INCIDENT_ENV)
        it.server.call("/reset", {"keepWorld": True})
        it.run("check", "--format", "json", token=PROJECT_TOKEN, code=1)
        it.check("as many requests as with a file", it.server.summary()["requests"] == requests == 2, requests)


@case
def stale_worker_without_file():
    with checkout("stale", incident(), toml=toml_of(STAGING, require(KEY)), link=False) as it:
        run = it.run("check", "--format", "json", token=PROJECT_TOKEN, code=1)
        stale = [one for one in run.report["findings"] if one["rule"] == "stale-deployment"]
        it.check("the worker is stale", [one["services"] for one in stale] == [[WORKER]], run)


@cases_of([
    ("named in doctor.toml", toml_of({"api": (API, ""), "worker": (WORKER, "")}, require("APP_ENV", services=["api"])), []),
    ("named by a flag", toml_of({}, '[[require]]\nkeys = ["APP_ENV"]\nservices = ["%s"]\n' % API), ["--service", WORKER]),
])
def nothing_declared_for_a_named_service(name, toml, flags):
    with checkout(f"nothing declared, {name}", incident(), toml=toml) as it:
        run = it.run("check", "--format", "json", "--fail-on", "never", *flags, code=3)
        needs = {one["name"]: one["needs"] for one in run.report["services"]}
        it.check("the worker has no need", needs[WORKER] == 0, needs)
        text = it.run("check", "--fail-on", "never", *flags, code=3)
        it.check("the worker is skipped", "SKIP" in text.out, text)


@cases_of([("with nothing", {}), ("with a doctor.toml that declares nothing", {"doctor.toml": 'environment = "staging"\n'})])
def neither_file_nor_declaration(name, files):
    with checkout(f"neither, {name}", incident(), files) as it:
        for command in ("check", "matrix"):
            run = it.run(command, code=2)
            it.check("both ways to continue are shown", "--env-file" in run.err and "[[require]]" in run.unwrapped, run)
            it.check("it has a help", "  help: " in run.err, run)


def shop():
    """Two services and a database: a key on both, one on one, one that is empty, one that is sealed."""
    return estate(
        service("web", {"JWT_KEY": JWT, "STRIPE_KEY": STRIPE, "SMTP_PASSWORD": "", "SEALED_TOKEN": {"value": "sealed-4716-x", "sealed": True}},
                deployment()),
        service("jobs", {"JWT_KEY": JWT, "REGION": "eu"}, deployment()),
        service("Postgres", {"PGPASSWORD": "password-4717"}, deployment(), image="postgres:16"))


TEMPLATE = ("# Keys of the shop\nJWT_KEY=\nSTRIPE_KEY=<your key>\nSMTP_PASSWORD=\nSEALED_TOKEN=\nMAIL_TOKEN=\n"
            "# OPTIONAL_TOKEN=\nREGION=local\n")


@cases_of([("found", ".env.example", []), ("sample", ".env.sample", []), ("given as a file", ".env.example", ["--env-file", ".env.example"]),
           ("with a flag", ".env.template", ["--no-env-file"])])
def template_declares_keys(name, file, flags):
    with checkout(f"template {name}", shop(), {file: TEMPLATE}) as it:
        runs = CheckRuns(it, *flags, "--fail-on", "warning", code=1)
        runs.expect(("missing-on-railway", "warning", "MAIL_TOKEN", ("jobs", "web")), ("empty-on-railway", "warning", "SMTP_PASSWORD", ("web",)))
        runs.shows("MAIL_TOKEN").lacks("OPTIONAL_TOKEN", "--push", "--pull")
        it.check("there is no file", runs.json.report["files"] == [], runs.json.report["files"])
        matrix = it.run("matrix", *flags, "--format", "json")
        warnings = [run.report["summary"]["warnings"] for run in (matrix, runs.json)]
        it.check("the matrix has the same findings", warnings[0] == warnings[1] > 0, matrix)


@case
def clean_without_file():
    with checkout("clean", shop(), {".env.example": "JWT_KEY=\nSTRIPE_KEY=\nREGION=\n"}) as it:
        runs = CheckRuns(it, code=0)
        runs.expect().shows("needs|needed|declared")
        it.check("the needs are counted", runs.json.report["summary"]["needs"] >= 3, runs.json.report["summary"])
        for form in ("github", "markdown", "html", "sarif", "junit"):
            run = it.run("check", "--format", form, code=0)
            it.check(f"{form} has the number of needs", form in ("sarif", "junit") or "needed key" in run.out, run)


@case
def header_with_a_local_value_is_skipped():
    scenario = incident()
    for app in scenario["http"]:
        app["advertise"] = "listener"
    http = ('[[expect.http]]\nservice = "api"\nrequest = "GET /api/v1/ops/chaos/worker-status"\n'
            f'headers = {{ X-API-Key = "${KEY}" }}\nstatus = 200\n')
    with checkout("header", scenario, toml=toml_of(STAGING, require(KEY), http)) as it:
        run = it.run("check", "--format", "json")
        it.check("no endpoint is wrong", not [one for one in run.report["findings"] if one["rule"] == "endpoint-wrong"
                                              and one["severity"] == "error"], run)
        it.check("no request is sent to it", not it.server.summary()["probes"], it.server.summary()["probes"])
        text = it.run("check")
        it.check("it is skipped", "SKIP" in text.out and KEY in text.out, text)


FAULTS = [
    ("gateway", {"kind": "http_error", "status": 503, "count": -1, "html": "<html>x</html>"}, 5),
    ("rate limit", {"kind": "rate_limit", "retryAfter": 900, "count": -1}, 5),
    ("garbage", {"kind": "garbage", "count": -1}, 5),
]


@cases_of([*FAULTS, ("no token", None, 4)])
def fault_without_file(name, fault, code):
    with checkout(f"fault {name}", shop(), {".env.example": TEMPLATE}, faults=[fault] if fault else []) as it:
        for arguments in (["check"], ["matrix"], ["pull", "--yes"], ["check", "--baseline", "b.toml", "--write-baseline"]):
            before = it.files()
            run = it.run(*arguments, code=code, token=("RAILWAY_API_TOKEN", "account") if fault else None)
            it.check("one error", run.err.count("error: ") == 1, run)
            it.check("no file changes", it.files() == before, run)


# pull -------------------------------------------------------------------------------------------------------------------

def rich():
    """Services with every kind of value that a pull must leave."""
    return estate(
        service("web", {
            "JWT_KEY": JWT, "STRIPE_KEY": STRIPE, "SEALED_TOKEN": {"value": "sealed-4716-x", "sealed": True}, "MODE": "one-of-web",
            "DATABASE_URL": "postgres://u:password-4717@postgres.railway.internal:5432/x", "VAULT_TOKEN": "op://vault/item-4718/field",
            "NODE_OPTIONS": "--require=/tmp/value-4719.js", "PORT": "8080", "QUOTED": "it's \"4720\" $HOME `x`", "MULTI": "line-4721\nline-4722\n",
            "FROM_SHARED": "${{shared.REGION_NAME}}", "HASH": "value # 4723", "NULL_BYTE": "value-4724\u0001"}, deployment()),
        service("jobs", {"JWT_KEY": JWT, "MODE": "another-of-jobs"}, deployment()),
        service("Postgres", {"PGPASSWORD": "password-4717"}, deployment(), image="postgres:16"),
        shared={"REGION_NAME": "region-4725-eu"})


RICH_TEMPLATE = ("# The keys\nJWT_KEY=\n\n# Payments\nexport STRIPE_KEY=changeme # test mode\nDATABASE_URL=postgres://localhost/x\nPORT=3000\n"
                 "FROM_SHARED=\nQUOTED=\n# OPTIONAL=\nNOT_THERE=\n")


def read_by_loaders(path):
    """Returns what each installed loader reads from the file."""
    found = {}
    script = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1], interpolate=False)))"
    found["python"] = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    if shutil.which("node") and os.environ.get("NODE_PATH"):
        script = "console.log(JSON.stringify(require('dotenv').parse(require('fs').readFileSync(process.argv[1]))))"
        found["node"] = subprocess.run(["node", "-e", script, str(path)], capture_output=True, text=True, check=True)
    return {name: json.loads(run.stdout) for name, run in found.items()}


@cases_of([("with a template", {".env.example": RICH_TEMPLATE}), ("without a template", {})])
def pull_creates_a_file(name, files):
    with checkout(f"pull {name}", rich(), {".gitignore": ".env\n", **files}, git=True) as it:
        it.new_files |= {".env"}
        dry = it.run("pull", "--dry-run", code=1)
        it.check("a dry run writes nothing", not (it.path / ".env").exists(), dry)
        run = it.run("pull", "--yes", "--format", "json", code=1)
        target = it.path / ".env"
        it.check("the mode is 0600", target.stat().st_mode & 0o777 == 0o600, oct(target.stat().st_mode))
        left = {one["key"] for one in run.report["left"]}
        expected = {"DATABASE_URL"} | ({"PORT", "NOT_THERE"} if files else {"SEALED_TOKEN", "VAULT_TOKEN", "MODE", "NODE_OPTIONS", "PORT"})
        it.check("what is left is listed", expected <= left, (left, run))
        text = target.read_text()
        for value in ("sealed-4716-x", "password-4717", "op://vault", "value-4719", "one-of-web", "another-of-jobs"):
            it.check(f"{value} is not written", value not in text, text)
        wanted = {"JWT_KEY": JWT, "STRIPE_KEY": STRIPE, "FROM_SHARED": "region-4725-eu", "QUOTED": "it's \"4720\" $HOME `x`"}
        if not files:
            wanted["MULTI"] = "line-4721\nline-4722\n"
        # No quoting of a value with both quotes, `$` and a backtick is read alike by all loaders.
        it.check("only that value can't be written", set(wanted) & left == {"QUOTED"}, left)
        loaders = read_by_loaders(target)
        it.check("python-dotenv was run", "python" in loaders, loaders.keys())
        for loader, values in loaders.items():
            for key in set(wanted) - left:
                it.check(f"{loader} reads {key}", values.get(key) == wanted[key], values.get(key))
        if files:
            it.check("comments are kept", "# Payments" in text and "# OPTIONAL=" in text and "# test mode" in text, text)
        check = it.run("check", "--format", "json")
        wrong = [one["key"] for one in check.report["findings"] if one["severity"] == "error" and one["key"] not in left]
        it.check("check finds the file equal, except for what was left", not wrong, check)


@cases_of([
    ("exists", {".gitignore": ".env\n", ".env": "MINE=1\n"}, []),
    ("not ignored", {}, []),
    ("a template", {".gitignore": ".env*\n"}, ["--output", ".env.example"]),
    ("tracked", {".gitignore": ".env\n", "kept.env": "A=1\n"}, ["--output", "kept.env"]),
    ("below .git", {".gitignore": ".env\n"}, ["--output", ".git/config.env"]),
    ("standard output", {".gitignore": ".env\n"}, ["--output", "/dev/stdout"]),
    ("a directory", {".gitignore": "d\n", "d/x": ""}, ["--output", "d"]),
    ("no directory", {".gitignore": "nope\n"}, ["--output", "nope/.env"]),
    ("not allowed", {".gitignore": ".env\n", "doctor.toml": "[pull]\nallow = false\n"}, []),
])
def pull_refuses(name, files, flags):
    with checkout(f"pull, {name}", shop(), files, git=True) as it:
        if "kept.env" in files:
            run_git(it.path, "add", "-f", "kept.env")
            run_git(it.path, "commit", "-qm", "x")
        before = it.files()
        for extra in ([], ["--dry-run"]):
            run = it.run("pull", "--yes", *flags, *extra, code=2)
            it.check("the error has a help", "error: " in run.err and "  help: " in run.err, run)
        after = {name: text for name, text in it.files().items() if not name.startswith(".git/")}
        it.check("no file changes", after == {name: text for name, text in before.items() if not name.startswith(".git/")}, run)


@case
def pull_outside_a_repository():
    with checkout("pull outside git", estate(service("web", {"JWT_KEY": JWT}, deployment()))) as it:
        it.new_files |= {".env"}
        run = it.run("pull", "--yes", code=0)
        it.check("the file has the value", JWT in (it.path / ".env").read_text(), run)
        it.run("check", code=0)
        run = it.run("pull", "--yes", code=2)
        it.check("a second pull is refused", "exists" in run.unwrapped, run)


@case
def pull_of_production():
    scenario = estate(service("web", {"JWT_KEY": JWT}, deployment()), environment="production")
    with checkout("pull of production", scenario) as it:
        it.new_files |= {".env"}
        run = it.run("pull", "--yes", code=2)
        it.check("it needs the environment", "--environment" in run.err and not (it.path / ".env").exists(), run)
        it.run("pull", "--yes", "--environment", "production", code=0)


@case
def pull_needs_a_confirmation():
    with checkout("pull without a terminal", shop(), {".env.example": TEMPLATE}) as it:
        before = it.files()
        run = it.run("pull", code=2)
        it.check("the plan is shown", "JWT_KEY" in run.text and it.files() == before, run)
        run = it.run_on_terminal("pull", answers=[("?", "n\r")], code=2)
        it.check("nothing is written", it.files() == before, run)
        it.new_files |= {".env"}
        it.run_on_terminal("pull", answers=[("?", "y\r")], code=1)
        it.check("the file is written", JWT in (it.path / ".env").read_text(), it.files().keys())


@cases_of([(f"{delay} ms", delay) for delay in (0, 20, 60, 120, 200, 400)])
def interrupted_pull(_, delay):
    with checkout(f"pull interrupted after {delay} ms", shop(), faults=[{"kind": "latency", "ms": 100, "count": -1}]) as it:
        it.new_files |= {".env"}
        process = it.start("pull", "--yes")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay / 1000)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        files = it.files()
        it.check("no part of a file is left", set(files) <= {".env"} and (".env" not in files or JWT.encode() in files[".env"]), files.keys())
        it.check("interrupted means nothing was written", process.returncode != 130 or not files, (process.returncode, files.keys()))


# Linked worktrees -------------------------------------------------------------------------------------------------------

@case
def linked_worktree():
    with checkout("worktree", shop(), {".gitignore": ".env\n"}, git=True) as it:
        run_git(it.path, "add", ".gitignore")
        run_git(it.path, "commit", "-qm", "x")
        linked = it.path.parent / "linked"
        run_git(it.path, "worktree", "add", "-q", str(linked))
        (it.path / ".env").write_text(env_of(JWT_KEY="k9f3c1d27a4730e8b2", REGION="eu"))
        (it.path / ".env").chmod(0o600)
        before = (it.path / ".env").read_bytes(), (it.path / ".env").stat().st_mtime_ns
        it.new_files |= {".env"}
        project = it.server.project()
        place = ["--project", project["id"], "--environment", next(iter(project["environments"].values()))]
        run = it.run("check", "--format", "json", *place, folder=linked, code=1)
        keys = {one["key"] for one in run.report["findings"] if one["rule"] == "value-differs"}
        it.check("the main worktree's file is compared", keys == {"JWT_KEY"}, run)
        text = it.run("check", *place, folder=linked, code=1)
        it.check("the report says so", "main worktree" in text.unwrapped, text)
        it.run("matrix", *place, folder=linked)
        (linked / "pay.py").write_text("KEY = 'k9f3c1d27a4730e8b2'\n")
        run_git(linked, "add", "pay.py")
        it.values.discard("k9f3c1d27a4730e8b2")
        hook = it.run("hook", "run", *place, folder=linked, code=1)
        it.check("its values are searched for", "pay.py:1" in hook.text, hook)
        run = it.run("fix", "--pull", "--yes", "--only", "JWT_KEY", *place, folder=linked, code=2)
        it.check("the file of the main worktree is named", "--env-file=../work/.env" in run.err, run)
        it.check("nothing writes there", ((it.path / ".env").read_bytes(), (it.path / ".env").stat().st_mtime_ns) == before, run)


@case
def foreign_git_file():
    """A `.git` file that points to another repository, which has no such worktree."""
    with checkout("foreign", shop(), {".gitignore": ".env\n"}, git=True) as it:
        (it.path / ".env").write_text(env_of(JWT_KEY="another-value-4730"))
        hostile = it.path.parent / "hostile"
        hostile.mkdir()
        common = it.path / ".git" / "worktrees" / "real"
        real = it.path.parent / "real"
        run_git(it.path, "commit", "-q", "--allow-empty", "-m", "x")
        run_git(it.path, "worktree", "add", "-q", str(real))
        (hostile / ".git").write_text(f"gitdir: {common}\n")
        project = it.server.project()
        place = ["--project", project["id"], "--environment", next(iter(project["environments"].values()))]
        run = it.run("check", *place, folder=hostile, code=2)
        it.check("the other repository's file is not read", "JWT_KEY" not in run.text, run)


# Baselines --------------------------------------------------------------------------------------------------------------

@case
def baseline():
    env = env_of(JWT_KEY="another-value-4731", STRIPE_KEY="another-value-4732", REGION="eu")
    with world("baseline", shop(), env) as it:
        it.new_files |= {"b.toml"}
        it.run("check", code=1)
        run = it.run("check", "--baseline", "b.toml", "--write-baseline", code=0)
        written = (it.path / "b.toml").read_bytes()
        it.check("it has no value", not [value for value in it.values if value.encode() in written], written)
        it.run("check", "--baseline", "b.toml", "--write-baseline", code=0)
        it.check("it is byte-stable", (it.path / "b.toml").read_bytes() == written, written)
        run = it.run("check", "--baseline", "b.toml", "--new-only", "--format", "json", code=0)
        it.check("no finding is left", not [one for one in run.report["findings"] if one["severity"] != "note"], run)
        text = it.run("check", "--baseline", "b.toml", "--new-only", code=0)
        it.check("the summary counts them", "b.toml: 2 known findings, not shown" in text.unwrapped, text)
        (it.path / ".env").write_text(env.replace("REGION='eu'", "REGION='us-4733'"))
        run = it.run("check", "--baseline", "b.toml", "--new-only", "--format", "json", code=1)
        it.check("only what is new is reported", {one["key"] for one in run.report["findings"] if one["severity"] == "error"} == {"REGION"}, run)
        (it.path / ".env").write_text(env_of(JWT_KEY=JWT, STRIPE_KEY=STRIPE, REGION="eu"))
        run = it.run("check", "--baseline", "b.toml", "--new-only", code=0)
        gone = "gone: value-differs JWT_KEY (web), value-differs JWT_KEY (jobs) and value-differs STRIPE_KEY (web)"
        it.check("what is gone is reported", gone in run.unwrapped, run)
        (it.path / ".env").write_text(env)
        (it.path / "b.toml").write_bytes(re.sub(rb'until = "20', b'until = "19', written))
        it.run("check", "--baseline", "b.toml", "--new-only", code=1)


# The hook ---------------------------------------------------------------------------------------------------------------

@cases_of([("with nothing declared", {}), ("with a template", {".env.example": "JWT_KEY=\nSTRIPE_KEY=\nREGION=\n"})])
def hook_without_file(name, files):
    with checkout(f"hook {name}", shop(), {".gitignore": ".env\n", **files}, git=True) as it:
        (it.path / "a.py").write_text("x = 1\n")
        run_git(it.path, "add", "a.py")
        run = it.run("hook", "run", code=0)
        lines = [line for line in run.err.splitlines() if "warning" in line]
        it.check("one line names what was not checked", len(lines) == 1 and "file" in lines[0], run)


if __name__ == "__main__":
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    run_all([entry for entry in cases if wanted in entry[0]])
