"""Worlds, folders and runs for the checks of the real binary: what holds for every run of it, whatever a case is about.

No value in any output, journal or argument list; no mutation twice; never `replace`, never a staged patch committed; no lost
update; nothing in the folder but what was there.
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

from server_checks import DOCTOR, SCENARIOS, Server, Tally, folder, values_of

tally = Tally()

# Most of a fix is waiting for the next look at a deployment.
AT_ONCE = 24
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
# Notes what it is called with: the arguments of a process can be read by everybody on the machine.
printf '%s\\n' "$@" >> "$ARGUMENTS"
exec "{git}" "$@"
"""


# Worlds -----------------------------------------------------------------------------------------------------------------

def incident(advance="instant", **options):
    """The incident, with deployments that are done at once: most cases are not about waiting."""
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
    """The incident's file with other values; a key that it lacks goes to its end."""
    text = INCIDENT_ENV
    for key, value in values.items():
        line = re.compile(rf"^{key}=.*$", re.MULTILINE)
        text = line.sub(f"{key}={value}", text) if line.search(text) else f"{text}{key}={value}\n"
    return text


# One case ---------------------------------------------------------------------------------------------------------------

class Run:
    """One run of doctor that has ended."""

    def __init__(self, code, out, err, mutations, arguments):
        self.code, self.out, self.err, self.mutations, self.arguments = code, out, err, mutations, arguments
        self.text = out + err
        # Lines are broken to fit; a sentence is looked for as it is spoken.
        self.words = re.sub(r"\s+", " ", self.text)
        self.report = json.loads(out) if out.startswith("{") else None

    def receipts(self):
        """What became of each step: (change, key, service, outcome)."""
        found = self.report.get("receipts", []) if self.report else []
        return {(one["change"], one["key"], one["service"]): one["outcome"] for one in found}

    def deployments(self):
        return {one["service"]: one["deployment"] for one in self.report["receipts"] if one["change"] == "redeploy"}

    def count(self, field):
        return sum(mutation["field"] == field for mutation in self.mutations)

    def command(self):
        """The command that it prints as the next thing to do, without the program's name."""
        found = re.search(r"run `doctor ([^`]*)`", self.words)
        return shlex.split(found[1]) if found else None

    def __repr__(self):
        return f"{' '.join(self.arguments)} → {self.code}\n{self.out}{self.err}"


class Case:
    """One world, one folder, and runs of doctor in it."""

    def __init__(self, name, server, path, scenario, env):
        self.name, self.server, self.path, self.faulty = name, server, path, set()
        self.values = {value for value in values_of(scenario) if len(value) < 5000}
        self.values |= {NEW, OLD, OLDEST} | {value for value in re.findall(r"[\w:/@.-]{9,}", env) if value.endswith("2026")}
        self.lost = 0
        self.variables = {}  # What the process environment has besides.
        self.makes = {".env"}  # Files that may be new.
        self.write_git()
        self.first = self.stored()

    def write_git(self):
        tools = self.path.parent / "home" / "bin"
        tools.mkdir()
        self.arguments = self.path.parent / "home" / "arguments"
        (tools / "git").write_text(GIT.format(git=shutil.which("git")))
        (tools / "git").chmod(0o755)

    def check(self, what, condition, detail=""):
        tally.check(f"{self.name}: {what}", condition, detail)

    # The world as the judge sees it

    def environment(self):
        return self.server.ask("/state")["projects"][0]["environments"][0]

    def stored(self):
        """Every variable: {(service, key): (value, how often it was written)}; shared ones have no service."""
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

    def changed(self, expected, since=None):
        """Exactly these variables are other than they were, and were written once."""
        before, after = since or self.first, self.stored()
        touched = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
        self.check("exactly the chosen variables were written", touched == set(expected), (touched, set(expected)))
        for place, value in expected.items():
            self.check(f"{place} is stored right", after.get(place, (None, 0))[0] == value, place)

    def both_run(self, value, services=(API, WORKER), key=KEY):
        for service in services:
            self.check(f"{service} stores it", self.value(service, key) == value)
            self.check(f"{service} runs with it", self.running(service, key) == value)

    def arm(self, *faults):
        self.server.ask("/faults", {"clear": True, "faults": list(faults)})

    def write(self, **change):
        """Another person writes."""
        if isinstance(change.get("value"), str):
            self.values |= {change["value"]} if len(change["value"]) >= 9 else set()
        return self.server.ask("/write", change)

    # doctor

    def start(self, *arguments, token=("RAILWAY_API_TOKEN", "account"), folder=None,
              streams=(subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE), owner=()):
        variables = {"PATH": f"{self.path.parent}/home/bin:{os.environ['PATH']}", "HOME": str(self.path.parent / "home"),
                     "XDG_STATE_HOME": str(self.path.parent / "home" / "state"), "ARGUMENTS": str(self.arguments),
                     # Each run is a first one, so that its requests are known: a deployment since the last costs one more.
                     "XDG_CACHE_HOME": str(self.path.parent / "home" / "cache" / str(time.monotonic_ns())),
                     **({token[0]: self.server.token(token[1])} if token else {}), **self.variables}
        return subprocess.Popen([*owner, DOCTOR, *arguments, "--api-url", self.server.info["url"]], cwd=folder or self.path, env=variables,
                                stdin=streams[0], stdout=streams[1], stderr=streams[2], text=True)

    def at_a_terminal(self, *arguments, answers, code, **how):
        """Answers each question, which is told by its text, with keys; everything that was on the screen is `out`."""
        left = list(answers)
        run = self.talk(*arguments, code=code, reply=lambda asked: left.pop(0)[1] if left and left[0][0] in asked else None,
                        **how)
        self.check(f"{' '.join(arguments)}: every question came", not left, (left, run))
        return run

    def talk(self, *arguments, reply, code, columns=110, **how):
        """The same with `reply`, which gets what was shown since the last answer, and gives keys or nothing yet."""
        before = self.begin()
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = self.start(*arguments, streams=(theirs, theirs, theirs), **how)
        os.close(theirs)
        shown, unanswered, until = b"", b"", time.monotonic() + 90
        while time.monotonic() < until:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    read = os.read(ours, 65536)
                except OSError:
                    break
                if not read:
                    break
                shown, unanswered = shown + read, unanswered + read
            elif keys := reply(unanswered.decode(errors="replace")):
                os.write(ours, keys.encode())
                unanswered = b""
        os.close(ours)
        run = self.end(process, arguments, before, code)
        run.out = shown.decode(errors="replace")
        told = [value for value in self.values if value.encode() in shown]
        self.check(f"{' '.join(arguments)}: no value is shown", not told, run)
        return run

    def run(self, *arguments, code=None, **how):
        before = self.begin()
        return self.end(self.start(*arguments, **how), arguments, before, code)

    def begin(self):
        """What is to be known before a run, so that it can be held to it afterwards."""
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
            self.check(f"`{' '.join(arguments)}` ends with {code}", run.code == code, run)
        self.proper(run, before)
        return run

    def files(self):
        """What is in the working folder, without the home folder; a link counts as what it is."""
        found = {}
        for path in self.path.rglob("*"):
            name = str(path.relative_to(self.path))
            if not name.startswith("home"):
                found[name] = os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes()
        return found

    def proper(self, run, before):
        """What holds for every run."""
        what = " ".join(run.arguments)
        kept = [path.read_bytes() for path in (self.path.parent / "home" / "state").rglob("*") if path.is_file()]
        kept += [self.arguments.read_bytes()] if self.arguments.exists() else []
        told = run.text.encode() + b"\n".join(kept) + what.encode()
        told_values = [value for value in self.values if value.encode() in told]
        self.check(f"{what}: no value is told or kept", not told_values, len(told_values))
        token = self.server.token("account")
        self.check(f"{what}: no token is told or kept", token.encode() not in told)
        self.check(f"{what}: no panic", "panicked" not in run.err and run.code in (*range(9), 130, -signal.SIGKILL), run)
        if "json" in run.arguments and run.out:
            self.check(f"{what}: standard output is the report alone", run.report is not None, run.out)
        if run.report and "summary" in run.report:
            self.check(f"{what}: the report knows the exit code", run.report["summary"]["exit_code"] == run.code, run)
        new = self.files().keys() - before[2].keys()
        self.check(f"{what}: no other file", not new - self.makes, new)
        if self.server.process.poll() is None:
            self.proper_on_railway(what, run, before[1])

    def proper_on_railway(self, what, run, owners):
        summary = self.server.summary()
        for kind in ("violations", "tokenLeaks", "tokenExposures", "internalErrors", "unsimulated"):
            self.check(f"{what}: no {kind}", not summary[kind], summary[kind])
        self.check(f"{what}: no warning", not set(summary["warningKinds"]) - self.faulty, summary["warnings"])
        self.check(f"{what}: no lost update", len(summary["lostUpdates"]) == self.lost, summary["lostUpdates"])
        seen = set()
        for mutation in run.mutations:
            field, arguments = mutation["field"], mutation["args"]
            known = field in (UPSERT, DELETE, REDEPLOY, DEPLOY, PATCH)
            self.check(f"{what}: no other mutation than it needs", known, field)
            written = arguments.get("input", {})
            self.check(f"{what}: never replaces", not written.get("replace"), arguments)
            if field == UPSERT:
                self.check(f"{what}: storing deploys nothing", written.get("skipDeploys") is True, written.keys())
            # A redeployment and a first deployment of the same service are two deployments.
            patched = arguments.get("patch", {}).get("services", {})
            if field == PATCH:
                parts = [list(part) + list(part.get("deploy", {})) for part in patched.values()]
                self.check(f"{what}: a patch sets one start command", parts == [["deploy", "startCommand"]], parts)
            target = (field == PATCH and (field, *patched)) or (field == DELETE and (written["serviceId"], written["name"])) or (
                field == UPSERT and (field, written.get("serviceId"))) or (
                "deployment", owners.get(arguments.get("id"), arguments.get("serviceId")))
            self.check(f"{what}: nothing is sent twice", target not in seen, target)
            seen.add(target)

    def journals(self):
        return sorted(path.name.removesuffix(".journal") for path in (self.path.parent / "home" / "state").rglob("*.journal"))

    def wait(self, what, condition, seconds=20):
        until = time.monotonic() + seconds
        while not condition(self.server.summary()):
            if time.monotonic() > until:
                self.check(f"it came to {what}", False)
                return
            time.sleep(0.05)

    def env(self):
        return (self.path / ".env").read_bytes()


mine = threading.local()
servers = []


def server_of_this_thread():
    if not hasattr(mine, "server"):
        mine.server = Server("--scenario", "incident")
        servers.append(mine.server)
    return mine.server


@contextlib.contextmanager
def world(name, scenario=None, env=INCIDENT_ENV, *, toml=None, link=True, faults=(), plans=(), server=None):
    """A fresh world on this thread's server, and a folder that is linked to it."""
    server, scenario = server or server_of_this_thread(), scenario or incident()
    server.ask("/reset", {"scenario": scenario})
    server.info = server.ask("/info")
    server.ask("/faults", {"clear": True, "faults": [
        *({"kind": "deploy_plan", "service": service, "plan": plan} for service, plan in plans), *faults]})
    with folder(env if isinstance(env, str) else "", server, link) as path:
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
    """One case for each row; its first word tells them apart."""
    def add(function):
        cases.extend((f"{function.__name__} {row[0]}", function, row) for row in rows)
        return function
    return add


# All of them ------------------------------------------------------------------------------------------------------------

began = time.monotonic()


def play(name, function, row):
    start = time.monotonic()
    try:
        function(*row)
    except Exception:  # A case that breaks is a case that failed, and not the end of the others.
        tally.check(name, False, traceback.format_exc())
    if os.environ.get("TIMES"):
        print(f"{time.monotonic() - start:6.1f} s from {start - began:6.1f} s  {name}")


def play_all(chosen):
    """Plays them at the same time, stops the servers, and ends the process with the score."""
    if not chosen:
        sys.exit("no case has that in its name")
    with concurrent.futures.ThreadPoolExecutor(min(AT_ONCE, len(chosen))) as pool:
        list(pool.map(lambda entry: play(*entry), chosen))
    for server in servers:
        server.stop()
    tally.end()
