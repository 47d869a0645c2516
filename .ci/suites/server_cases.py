"""Scenarios, working directories and runs for the suites, with the checks that apply to every run:

no value in any output, journal or argument list; no repeated mutation; never `replace`, never a commit of staged changes; no
lost update; no unexpected file in the working directory.
"""
import concurrent.futures
import contextlib
import copy
import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import traceback

from server_checks import DOCTOR, SCENARIOS, Server, Results, work_dir, values_of

results = Results()

# A fix mostly waits between polls of a deployment, so many cases can run in parallel.
MAX_PARALLEL = 24
KEY = "STAGING_OPS_API_KEY"
API, WORKER, CRON = "agentverse-api-staging", "agentverse-worker-staging", "agentverse-cron-staging"
OLDEST, OLD, NEW = (f"staging-ops-step{step}-key-2026" for step in (1, 2, 3))
INCIDENT = json.loads((SCENARIOS / "incident.json").read_text(encoding="utf-8"))
INCIDENT_ENV = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
PUSH = ("fix", "--push", "--yes", "--only", KEY)
PULL = ("fix", "--pull", "--yes", "--only", KEY)
UPSERT, DELETE, REDEPLOY, DEPLOY, PATCH = (
    "variableCollectionUpsert", "variableDelete", "deploymentRedeploy", "serviceInstanceDeployV2", "environmentPatchCommit")
GIT = """#!/bin/sh
# Records its arguments: every user of the machine can read the arguments of a process.
printf '%s\\n' "$@" >> "$ARGUMENTS"
exec "{git}" "$@"
"""


# Scenarios --------------------------------------------------------------------------------------------------------------

def incident(advance="instant", **options):
    """The incident. Deployments finish immediately by default, as most cases do not test waiting."""
    scenario = copy.deepcopy(INCIDENT)
    scenario["options"] = {**scenario["options"], "advance": advance, **options}
    return scenario


def environment_of(scenario):
    return scenario["projects"][0]["environments"][0]


def instance(scenario, service):
    return next(one for one in environment_of(scenario)["instances"] if one["service"] == service)


def three_services():
    """The incident with a third service that has the key."""
    scenario = incident()
    scenario["projects"][0]["services"].append({"name": CRON, "id": "a1000000-0000-4000-8000-000000000005"})
    environment_of(scenario)["instances"].append({
        "service": CRON, "source": {"image": "cron:1"}, "variables": {KEY: {"value": OLD, "updatedAt": "-9d"}},
        "deployments": [{"id": "d1000000-0000-4000-8000-000000000051", "status": "SUCCESS", "createdAt": "-8d"}],
    })
    return scenario


def production(name="production"):
    scenario = incident()
    environment_of(scenario)["name"] = name
    del scenario["http"]
    scenario["tokens"] = [token for token in scenario["tokens"] if token["kind"] != "project"]
    return scenario


def env_with(**values):
    """The incident's `.env` with some values replaced; new keys are appended."""
    text = INCIDENT_ENV
    for key, value in values.items():
        line = re.compile(rf"^{key}=.*$", re.MULTILINE)
        text = line.sub(f"{key}={value}", text) if line.search(text) else f"{text}{key}={value}\n"
    return text


# One case ---------------------------------------------------------------------------------------------------------------

class Run:
    """A finished run of doctor."""

    def __init__(self, code, out, err, mutations, arguments):
        self.code, self.out, self.err, self.mutations, self.arguments = code, out, err, mutations, arguments
        self.text = out + err
        # Output is wrapped to the width of the terminal. Checks search this text without line breaks.
        self.unwrapped = re.sub(r"\s+", " ", self.text)
        self.report = json.loads(out) if out.startswith("{") else None

    def receipts(self):
        """Returns the outcome of each step by (change, key, service)."""
        found = self.report.get("receipts", []) if self.report else []
        return {(one["change"], one["key"], one["service"]): one["outcome"] for one in found}

    def deployments(self):
        return {one["service"]: one["deployment"] for one in self.report["receipts"] if one["change"] == "redeploy"}

    def count(self, field):
        return sum(mutation["field"] == field for mutation in self.mutations)

    def command(self):
        """Returns the command below the help of an error, as arguments without `doctor`."""
        found = re.search(r"^    doctor (?P<text>.*)$", self.err, re.MULTILINE)
        found = found or re.search(r": `doctor (?P<text>[^`]*)`", self.err)
        return shlex.split(found["text"]) if found else None

    def __repr__(self):
        return f"{' '.join(self.arguments)} → {self.code}\n{self.out}{self.err}"


class Case:
    """A scenario with a working directory, in which doctor is run."""

    def __init__(self, name, server, path, scenario, env):
        self.name, self.server, self.path, self.allowed_warnings = name, server, path, set()
        self.values = {value for value in values_of(scenario) if len(value) < 5000}
        self.values |= {NEW, OLD, OLDEST} | {value for value in re.findall(r"[\w:/@.-]{9,}", env) if value.endswith("2026")}
        self.lost_updates = 0  # The expected number.
        self.allowed_repeats = set()  # Targets of mutations that may be sent twice.
        self.variables = {}  # Additional environment variables.
        self.new_files = {".env"}  # Files that a run may create.
        self.write_git()
        self.initial = self.stored()

    def write_git(self):
        tools = self.path.parent / "home" / "bin"
        tools.mkdir()
        self.arguments = self.path.parent / "home" / "arguments"
        (tools / "git").write_text(GIT.format(git=shutil.which("git")))
        (tools / "git").chmod(0o755)

    def check(self, label, condition, detail=""):
        results.check(f"{self.name}: {label}", condition, detail)

    # The state of the server

    def environment(self):
        return self.server.call("/state")["projects"][0]["environments"][0]

    def stored(self):
        """Returns all variables: {(service, key): (value, number of writes)}. The service of a shared one is None."""
        environment = self.environment()
        owners = [(None, environment["shared"])]
        owners += [(service["name"], service["variables"]) for service in environment["services"]]
        return {(owner, key): (one["value"], one["version"]) for owner, found in owners for key, one in found.items()}

    def value(self, service, key=KEY):
        return self.stored().get((service, key), (None, 0))[0]

    def service(self, name):
        return next(service for service in self.environment()["services"] if service["name"] == name)

    def running(self, service, key=KEY):
        running = self.service(service)["running"]
        return running["captured"].get(key) if running else None

    def check_changed(self, expected, since=None):
        """Checks that exactly these variables were written since then, with these values."""
        before, after = since or self.initial, self.stored()
        touched = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
        self.check("exactly the expected variables were written", touched == set(expected), (touched, set(expected)))
        for place, value in expected.items():
            self.check(f"{place} has the expected value", after.get(place, (None, 0))[0] == value, place)

    def stores_and_runs(self, value, services=(API, WORKER), key=KEY):
        for service in services:
            self.check(f"{service}: the value is stored", self.value(service, key) == value)
            self.check(f"{service}: the value is running", self.running(service, key) == value)

    def set_faults(self, *faults):
        self.server.call("/faults", {"clear": True, "faults": list(faults)})

    def write(self, **change):
        """Changes the state as another user."""
        if isinstance(change.get("value"), str):
            self.values |= {change["value"]} if len(change["value"]) >= 9 else set()
        return self.server.call("/write", change)

    # doctor

    def start(self, *arguments, token=("RAILWAY_API_TOKEN", "account"), folder=None,
              streams=(subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE), owner=()):
        variables = {"PATH": f"{self.path.parent}/home/bin:{os.environ['PATH']}", "HOME": str(self.path.parent / "home"),
                     "XDG_STATE_HOME": str(self.path.parent / "home" / "state"), "ARGUMENTS": str(self.arguments),
                     # A new cache for each run, as a deployment since the last run would cost one more request.
                     "XDG_CACHE_HOME": str(self.path.parent / "home" / "cache" / str(time.monotonic_ns())),
                     **({token[0]: self.server.token(token[1])} if token else {}), **self.variables}
        return subprocess.Popen([*owner, DOCTOR, *arguments, "--api-url", self.server.info["url"]], cwd=folder or self.path, env=variables,
                                stdin=streams[0], stdout=streams[1], stderr=streams[2], text=True)

    def run_on_terminal(self, *arguments, answers, code, **how):
        """Runs in a terminal and answers each prompt, given by its text, with keys. `out` is all that was shown."""
        remaining = list(answers)
        run = self.interact(*arguments, code=code, reply=lambda shown: remaining.pop(0)[1] if remaining and remaining[0][0] in shown else None,
                        **how)
        self.check(f"{' '.join(arguments)}: all prompts were shown", not remaining, (remaining, run))
        return run

    def interact(self, *arguments, reply, code, columns=110, **how):
        """Runs in a terminal. `reply` gets the output since the last reply and returns keys, or None to wait."""
        before = self.begin()
        terminal, child_end = pty.openpty()
        fcntl.ioctl(child_end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = self.start(*arguments, streams=(child_end, child_end, child_end), **how)
        os.close(child_end)
        shown, unanswered, deadline = b"", b"", time.monotonic() + 90
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    read = os.read(terminal, 65536)
                except OSError:
                    break
                if not read:
                    break
                shown, unanswered = shown + read, unanswered + read
            elif keys := reply(unanswered.decode(errors="replace")):
                os.write(terminal, keys.encode())
                unanswered = b""
        os.close(terminal)
        run = self.end(process, arguments, before, code)
        run.out = shown.decode(errors="replace")
        leaked = [value for value in self.values if value.encode() in shown]
        self.check(f"{' '.join(arguments)}: no value is shown", not leaked, run)
        return run

    def run(self, *arguments, code=None, **how):
        before = self.begin()
        return self.end(self.start(*arguments, **how), arguments, before, code)

    def begin(self):
        """Captures the state before a run, for `end`."""
        services = self.environment()["services"]
        owners = {deployment["id"]: service["id"] for service in services for deployment in service["deployments"]}
        return len(self.server.summary()["mutations"]), owners, self.files()

    def end(self, process, arguments, before, code=None):
        out, err = (text or "" for text in process.communicate(timeout=150))
        mutations = []
        if self.server.process.poll() is None:
            mutations = self.server.summary()["mutations"][before[0]:]
        run = Run(process.returncode, out, err, mutations, arguments)
        if code is not None:
            self.check(f"`{' '.join(arguments)}` exits with {code}", run.code == code, run)
        self.check_invariants(run, before)
        return run

    def files(self):
        """Returns the contents of the working directory by path. A link is represented by its target."""
        found = {}
        for path in self.path.rglob("*"):
            name = str(path.relative_to(self.path))
            if not name.startswith("home"):
                found[name] = os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes()
        return found

    def check_invariants(self, run, before):
        """Checks what applies to every run."""
        command = " ".join(run.arguments)
        recorded = [path.read_bytes() for path in (self.path.parent / "home" / "state").rglob("*") if path.is_file()]
        recorded += [self.arguments.read_bytes()] if self.arguments.exists() else []
        searched = run.text.encode() + b"\n".join(recorded) + command.encode()
        leaked = [value for value in self.values if value.encode() in searched]
        self.check(f"{command}: no value is shown or recorded", not leaked, len(leaked))
        token = self.server.token("account")
        self.check(f"{command}: no token is shown or recorded", token.encode() not in searched)
        self.check(f"{command}: no panic", "panicked" not in run.err and run.code in (*range(9), 130, -signal.SIGKILL), run)
        if "json" in run.arguments and run.out:
            self.check(f"{command}: standard output is only the report", run.report is not None, run.out)
        if run.report and "summary" in run.report:
            self.check(f"{command}: the report has the exit code", run.report["summary"]["exit_code"] == run.code, run)
        new = self.files().keys() - before[2].keys()
        self.check(f"{command}: no unexpected file", not new - self.new_files, new)
        if self.server.process.poll() is None:
            self.check_server_record(command, run, before[1])

    def check_server_record(self, command, run, owners):
        summary = self.server.summary()
        for kind in ("violations", "tokenLeaks", "tokenExposures", "internalErrors", "unsimulated"):
            self.check(f"{command}: no {kind}", not summary[kind], summary[kind])
        self.check(f"{command}: no warning", not set(summary["warningKinds"]) - self.allowed_warnings, summary["warnings"])
        self.check(f"{command}: no lost update", len(summary["lostUpdates"]) == self.lost_updates, summary["lostUpdates"])
        targets = set()
        for mutation in run.mutations:
            field, arguments = mutation["field"], mutation["args"]
            known = field in (UPSERT, DELETE, REDEPLOY, DEPLOY, PATCH)
            self.check(f"{command}: only known mutations", known, field)
            written = arguments.get("input", {})
            self.check(f"{command}: never replaces variables", not written.get("replace"), arguments)
            if field == UPSERT:
                self.check(f"{command}: a write deploys nothing", written.get("skipDeploys") is True, written.keys())
            patched = arguments.get("patch", {}).get("services", {})
            if field == PATCH:
                parts = [list(part) + list(part.get("deploy", {})) for part in patched.values()]
                self.check(f"{command}: a patch sets one start command", parts == [["deploy", "startCommand"]], parts)
            # A redeployment and a first deployment of a service are the same target.
            target = (field == PATCH and (field, *patched)) or (field == DELETE and (written.get("serviceId"), written["name"])) or (
                field == UPSERT and (field, written.get("serviceId"))) or (
                "deployment", owners.get(arguments.get("id"), arguments.get("serviceId")))
            is_repeated = target in targets and target not in self.allowed_repeats
            self.check(f"{command}: no mutation is sent twice", not is_repeated, target)
            targets.add(target)

    def journals(self):
        return sorted(path.name.removesuffix(".journal") for path in (self.path.parent / "home" / "state").rglob("*.journal"))

    def wait(self, event, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition(self.server.summary()):
            if time.monotonic() > deadline:
                self.check(f"waited for {event}", False)
                return
            time.sleep(0.05)

    def env(self):
        return (self.path / ".env").read_bytes()


thread_local = threading.local()
servers = []


def thread_server():
    if not hasattr(thread_local, "server"):
        thread_local.server = Server("--scenario", "incident")
        servers.append(thread_local.server)
    return thread_local.server


@contextlib.contextmanager
def world(name, scenario=None, env=INCIDENT_ENV, *, toml=None, link=True, faults=(), plans=(), server=None):
    """Resets this thread's server to a scenario and creates a working directory that is linked to it."""
    server, scenario = server or thread_server(), scenario or incident()
    server.call("/reset", {"scenario": scenario})
    server.info = server.call("/info")
    server.call("/faults", {"clear": True, "faults": [
        *({"kind": "deploy_plan", "service": service, "plan": plan} for service, plan in plans), *faults]})
    with work_dir(env if isinstance(env, str) else "", server, link) as path:
        if isinstance(env, bytes):
            (path / ".env").write_bytes(env)
        (path / ".env").chmod(0o600)
        if toml:
            (path / "doctor.toml").write_text(toml)
        yield Case(name, server, path, scenario, env if isinstance(env, str) else env.decode("utf-8", "replace"))


cases = []


def case(function):
    cases.append((function.__name__, function, ()))
    return function


def cases_of(rows):
    """Adds one case per row, named after the row's first item."""
    def add(function):
        cases.extend((f"{function.__name__} {row[0]}", function, row) for row in rows)
        return function
    return add


# Running the cases ------------------------------------------------------------------------------------------------------

started = time.monotonic()


def run_case(name, function, row):
    start = time.monotonic()
    try:
        function(*row)
    except Exception:  # A case that raises has failed; the others still run.
        results.check(name, False, traceback.format_exc())
    if os.environ.get("TIMES"):
        print(f"{time.monotonic() - start:6.1f} s at {start - started:6.1f} s  {name}")


def run_all(chosen):
    """Runs the cases in parallel, stops the servers, prints the totals and exits."""
    if not chosen:
        sys.exit("no case matches")
    with concurrent.futures.ThreadPoolExecutor(min(MAX_PARALLEL, len(chosen))) as pool:
        list(pool.map(lambda entry: run_case(*entry), chosen))
    for server in servers:
        server.stop()
    results.finish()
