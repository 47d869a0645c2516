#!/usr/bin/env python3
"""Tests `doctor fix --hoist` and its undo against the independent simulated Railway, with many scenarios in parallel.

    hoist.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. In addition, no variable of any service renders another value afterwards,
and no run creates a deployment.
"""
import contextlib
import copy
import json
import signal
import sys
import time

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import DELETE, UPSERT, case, cases, cases_of, run_all, world
from server_checks import SCENARIOS

KEY = "RELAY_API_KEY"
VALUE, OTHER = "relay-key-5d1c77e0a9b34f62", "relay-key-of-another-service"
REFERENCE = "${{shared.RELAY_API_KEY}}"
API, WORKER, WEB, VAULT = "api", "worker", "web", "vault"
HOIST = ("fix", "--hoist", KEY, "--yes")
SHARED = "shared variables"
ALL_DONE = {("hoist", KEY, place): "done" for place in (SHARED, API, WORKER)}
HOISTED = {(None, KEY): VALUE, (API, KEY): REFERENCE, (WORKER, KEY): REFERENCE}
LITERALS = {(API, KEY): VALUE, (WORKER, KEY): VALUE}


# Scenarios --------------------------------------------------------------------------------------------------------------

def identifier(kind, number):
    return f"{kind}000000-0000-4000-8000-{number:012}"


def instance(service, variables, number, **more):
    return {
        "service": service, "source": {"image": f"{service}:1"}, "variables": variables, **more,
        "deployments": [{"id": identifier("6d", number), "status": "SUCCESS", "createdAt": "-2d"}],
    }


def relay(services=(), shared=None, environment="staging", **options):
    """Two services with the same secret, and one that refers to one of them. `services` are more, with their variables."""
    variables = {API: {KEY: VALUE, "REGION": "eu-west"}, WORKER: {KEY: VALUE, "QUEUE": "events"},
                 WEB: {"UPSTREAM": "https://${{api.REGION}}.relay.example", "TOKEN": "${{api.RELAY_API_KEY}}"}, **dict(services)}
    ids = {name: identifier("6b", number) for number, name in enumerate(variables, 1)}
    return {
        "name": "relay", "options": {"advance": "instant", **options},
        "workspaces": [{"name": "tidal", "id": identifier("6c", 1)}],
        "tokens": [{"token": identifier("6a", 1), "kind": "account"},
                   {"token": identifier("6a", 2), "kind": "workspace", "workspace": "tidal"},
                   {"token": identifier("6a", 3), "kind": "project", "project": "relay", "environment": environment}],
        "projects": [{
            "name": "relay", "id": identifier("60", 1), "workspace": "tidal",
            "services": [{"name": name, "id": id} for name, id in ids.items()],
            "environments": [{
                "name": environment, "id": identifier("6e", 1), "shared": shared or {},
                "instances": [instance(name, own, number, **({"source": {"image": "postgres:16"}} if name == "db" else {}))
                              for number, (name, own) in enumerate(variables.items(), 1)]}],
        }],
    }


@contextlib.contextmanager
def project(name, scenario=None, env=None, **how):
    """A world whose directory has no `.env` unless one is given. In the end, everything renders as it did before."""
    with world(name, scenario or relay(), env or "", **how) as it:
        if env is None:
            (it.path / ".env").unlink()
        it.values |= {VALUE, OTHER}
        it.rendered = rendered(it)
        yield it
        it.check("every variable renders the same value", rendered(it) == it.rendered, changes(it))
        it.check("no deployment was created", not it.server.summary()["deploymentsCreated"])


def rendered(it):
    """Returns the rendered variables of all services."""
    services = it.environment()["services"]
    return {(service["name"], key): one["rendered"] for service in services for key, one in service["variables"].items()}


def changes(it):
    now = rendered(it)
    return {place for place in now.keys() | it.rendered.keys() if now.get(place) != it.rendered.get(place)}


def texts(it):
    """Returns the stored texts of the key."""
    return {place: value for place, (value, _) in it.stored().items() if place[1] == KEY}


def owners(run):
    """Returns the service of each upsert, in order; None is the shared variables."""
    return [one["args"]["input"].get("serviceId") for one in run.mutations if one["field"] == UPSERT]


# 1. Hoist and undo --------------------------------------------------------------------------------------------------------

@cases_of([("RAILWAY_API_TOKEN", "account"), ("RAILWAY_API_TOKEN", "workspace"), ("RAILWAY_TOKEN", "project")])
def hoist_and_undo(variable, kind):
    token = (variable, kind)
    with project(f"hoist with the {kind} token") as it:
        run = it.run(*HOIST, "--format", "json", code=0, token=token)
        it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.check_changed(HOISTED)
        it.check("one upsert for each owner, the shared one first",
                 owners(run) == [None, identifier("6b", 1), identifier("6b", 2)] and len(run.mutations) == 3, run.mutations)
        after = it.stored()
        run = it.run(*HOIST, code=0, token=token)
        it.check("a second run sends nothing", not run.mutations and "Nothing to do" in run.text, run)

        first = it.journals()[0]
        run = it.run("undo", "--yes", "--format", "json", code=0, token=token)
        it.check("every step is undone", run.receipts() == {("restore", key, place): "done" for _, key, place in ALL_DONE}, run)
        it.check("the shared variable is removed last", [one["field"] for one in run.mutations] == [UPSERT, UPSERT, DELETE])
        it.check_changed({**LITERALS, (None, KEY): None}, after)
        it.check("everything is as before", texts(it) == LITERALS, texts(it))
        it.check("nothing more to undo", "nothing to undo" in it.run("undo", "--yes", code=2, token=token).text)

        undo_run = next(iter(set(it.journals()) - {first}))
        it.run("undo", undo_run, "--yes", code=0, token=token)
        it.check("the undo can be undone", texts(it) == HOISTED, texts(it))


@case
def text_report():
    with project("the text report") as it:
        run = it.run(*HOIST, code=0)
        for text in ("Plan: 3 variables on Railway, no deployment", "so nothing is deployed", "doctor rotate RELAY_API_KEY",
                     "To undo this run: doctor undo "):
            it.check(f"it has “{text}”", text in run.unwrapped, run)
        run = it.run("undo", "--yes", code=0)
        it.check("undo does not speak of deployments", "deployed now" not in run.unwrapped, run)


@case
def spread():
    """The scenario with one secret in many places: a sealed copy is refused, and the others can be named."""
    scenario = json.loads((SCENARIOS / "spread.json").read_text(encoding="utf-8"))
    key = "PAYMENTS_API_KEY"
    with project("spread", scenario) as it:
        run = it.run("fix", "--hoist", key, "--yes", code=2)
        it.check("the sealed copy is named", "it is sealed on vaulted" in run.unwrapped and not run.mutations, run)
        # The worker runs an older value than the stored one, which remains a finding.
        run = it.run(*run.command(), "--yes", "--format", "json", code=1)
        it.check("the others are done", set(run.receipts().values()) == {"done"} and len(run.mutations) == 3, run)
        it.check("the reference is stored", it.value(API, key) == f"${{{{shared.{key}}}}}" == it.value(WORKER, key))
        it.run("undo", "--yes", code=0)
        it.check("everything is as before", {place: value for place, (value, _) in it.stored().items()} ==
                 {place: value for place, (value, _) in it.initial.items()})


@case
def the_local_file_does_not_matter():
    for name, env in (("another value", f"{KEY}={OTHER}\n"), ("an unreadable one", "\0" * 20 + f"{KEY}=x\n")):
        with project(name, env=env) as it:
            it.run(*HOIST, code=0)
            it.check("the reference is stored", texts(it) == HOISTED, texts(it))
    with project("no file wanted") as it:
        it.run(*HOIST, "--no-env-file", code=0)


# 2. Confirmation ----------------------------------------------------------------------------------------------------------

@cases_of([((),), (("--service", API, "--service", WORKER),), (("--on-staged", "ignore"),), (("--no-journal",),)])
def printed_command_does_what_the_plan_shows(flags):
    with project(f"printed for {flags}") as it:
        dry = it.run("fix", "--hoist", KEY, "--dry-run", *flags, code=1)
        it.check("a dry run sends and records nothing", not dry.mutations and not it.journals(), dry)
        run = it.run("fix", "--hoist", KEY, *flags, code=2)
        it.check("nothing is sent without confirmation", not run.mutations, run)
        it.check("both print the same command", f"    doctor {' '.join(run.command())}" in dry.out, (dry.out, run.command()))
        it.run(*run.command(), code=0)
        it.check_changed(HOISTED)
        it.check("it is recorded unless it must not be", bool(it.journals()) == ("--no-journal" not in flags))


@case
def on_a_terminal():
    with project("confirmed") as it:
        it.run_on_terminal("fix", "--hoist", KEY, answers=[("Apply this plan?", "y\r")], code=0)
        it.check_changed(HOISTED)
    with project("declined") as it:
        run = it.run_on_terminal("fix", "--hoist", KEY, answers=[("Apply this plan?", "n\r")], code=2)
        it.check("nothing is sent", not run.mutations, run)
    with project("offered for a finding", env=f"{KEY}={VALUE}\nREGION=eu-west\nQUEUE=events\n") as it:
        # The offer is above the default, which is to skip the finding.
        answers = [("What would you like to do?", "\r"), (f"Fix {KEY}?", "\x1b[A\r"), ("Apply this plan?", "y\r")]
        it.run_on_terminal("fix", "-v", answers=answers, code=0)
        it.check_changed(HOISTED)


@case
def protected_environment():
    with project("production", relay(environment="production")) as it:
        run = it.run(*HOIST, code=2)
        it.check("nothing is sent without the name", not run.mutations, run)
        it.run(*run.command(), code=0)
        it.check_changed(HOISTED)
        it.run("undo", "--yes", code=2)
        it.run("undo", "--yes", "--environment", "production", code=0)
        it.check("everything is as before", texts(it) == LITERALS, texts(it))


# 3. Refusals --------------------------------------------------------------------------------------------------------------

@cases_of([
    ("sealed", {VAULT: {KEY: {"value": VALUE, "sealed": True}}}, None, "it is sealed on vault"),
    ("another value", {"cron": {KEY: OTHER}}, None, "one on api and worker, another on cron"),
    ("another reference", {"cron": {KEY: "${{api.RELAY_API_KEY}}"}}, None, "it refers to another variable on cron"),
    ("elsewhere", {"cron": {KEY: "op://relay/key/value"}}, None, "it refers to a value kept elsewhere on cron"),
    ("empty", {"cron": {KEY: ""}}, None, "it is empty on cron"),
    ("placeholder", {"cron": {KEY: "changeme"}}, None, "it is a placeholder on cron"),
    ("database", {"db": {KEY: VALUE}}, None, "it belongs to the database db"),
    ("shared with another value", {}, {KEY: OTHER}, f"the shared variable {KEY} exists with another value than on api and worker"),
    ("shared reference", {}, {KEY: "${{api.REGION}}"}, f"the shared variable {KEY} is itself a reference"),
    ("shared and sealed", {}, {KEY: {"value": VALUE, "sealed": True}}, f"the shared variable {KEY} exists, and is sealed"),
])
def refused_by_name(name, services, shared, cause):
    with project(f"refused: {name}", relay(services, shared)) as it:
        run = it.run(*HOIST, code=2)
        it.check("the cause is shown", cause in run.unwrapped, run)
        it.check("nothing is sent or recorded", not run.mutations and not it.journals(), run)
        it.check_changed({})
        if not shared:
            command = [*run.command(), "--yes"]
            it.check("the other services are named", command[2:4] == [f"--service={API}", f"--service={WORKER}"], command)
            it.run(*command, code=0)
            it.check_changed(HOISTED)


@case
def one_service_is_refused_unless_the_shared_variable_exists():
    with project("one service") as it:
        run = it.run(*HOIST, "--service", API, code=2)
        it.check("the cause is shown", "only api has it as a literal" in run.unwrapped and not run.mutations, run)
    with project("shared already", relay(shared={KEY: VALUE})) as it:
        run = it.run(*HOIST, "--service", API, code=0)
        it.check("one upsert", owners(run) == [identifier("6b", 1)] and len(run.mutations) == 1, run.mutations)
        run = it.run(*HOIST, code=0)
        it.check("the rest", owners(run) == [identifier("6b", 2)] and len(run.mutations) == 1, run.mutations)
        it.run("undo", "--yes", code=0)
        it.check("the shared variable stays", it.value(None, KEY) == VALUE)


# 4. Faults ----------------------------------------------------------------------------------------------------------------

@cases_of([(nth, when, how) for nth in (1, 2, 3) for when in ("before", "after") for how in ("reset", "truncate", "502")])
def lost_response(nth, when, how):
    fault = {"kind": "mutation_fail", "nth": nth, "when": when, "how": how}
    with project(f"{how} {when} write {nth}", faults=[fault]) as it:
        run = it.run(*HOIST, "--format", "json", code=0 if when == "after" else 6)
        places = (SHARED, API, WORKER)
        outcomes = [run.receipts()[("hoist", KEY, place)] for place in places]
        expected = ["done"] * 3 if when == "after" else ["done"] * (nth - 1) + ["unknown"] + ["not-tried"] * (3 - nth)
        it.check("the outcomes are true", outcomes == expected, run)
        it.check("no write is repeated", len(run.mutations) == (3 if when == "after" else nth), run.mutations)
        if when == "before":
            run = it.run(*HOIST, code=0)
            it.check("a second run completes it", texts(it) == HOISTED and len(run.mutations) == 4 - nth, run)
            for _ in range(2 if nth > 1 else 1):
                it.run("undo", "--yes", code=0)
        else:
            it.run("undo", "--yes", code=0)
        it.check("everything is as before", texts(it) == LITERALS, texts(it))


def before_write_of(service, **change):
    """Another user writes right before a write of the service."""
    number = {API: 1, WORKER: 2}[service]
    return {"kind": "concurrent_write", "when": "before_mutation", "writes": [change],
            "match": {"field": UPSERT, "service": identifier("6b", number)}}


@cases_of([("removed", None, "it rendered no value"), ("changed", OTHER, "it rendered another value")])
def reference_is_reverted(name, value, cause):
    """The shared variable is not what it was when the first service refers to it."""
    fault = before_write_of(API, name=KEY, value=value)
    with project(f"reverted: {name}", faults=[fault]) as it:
        it.allowed_repeats = {(UPSERT, identifier("6b", 1))}
        run = it.run(*HOIST, code=6)
        it.check("the cause is shown", f"{cause}, so the old value was written back" in run.unwrapped, run)
        it.check("the service is reverted at once, and the other is not tried", owners(run) ==
                 [None, identifier("6b", 1), identifier("6b", 1)], owners(run))
        it.check("the services have their values", (it.value(API, KEY), it.value(WORKER, KEY)) == (VALUE, VALUE))
        it.check("how to undo it is shown", "doctor undo " in run.text.strip().splitlines()[-1], run)


@case
def another_user_writes_before():
    change = {"kind": "concurrent_write", "when": "after_read", "match": {"operation": "Values"},
              "writes": [{"service": WORKER, "name": KEY, "value": OTHER}]}
    with project("another user changes a service", faults=[change]) as it:
        run = it.run(*HOIST, "--format", "json", code=6)
        it.check("nothing is written", not run.mutations and set(run.receipts().values()) == {"conflict"}, run)
        it.rendered[(WORKER, KEY)] = OTHER
    change["writes"] = [{"name": KEY, "value": OTHER}]
    with project("another user creates the shared variable", faults=[change]) as it:
        run = it.run(*HOIST, "--format", "json", code=6)
        it.check("nothing is written", not run.mutations and set(run.receipts().values()) == {"conflict"}, run)


@cases_of([("shared", {"sharedVariables": {KEY: {"value": OTHER}}}),
           ("service", {"services": {identifier("6b", 2): {"variables": {KEY: {"value": OTHER}}}}})])
def staged_changes_stop(name, patch):
    scenario = relay()
    scenario["projects"][0]["environments"][0]["staged"] = copy.deepcopy(patch)
    with project(f"staged: {name}", scenario) as it:
        run = it.run(*HOIST, code=6)
        it.check("nothing is written", not run.mutations and "staged" in run.text, run)
        it.run(*HOIST, "--on-staged", "ignore", code=0)
        it.check_changed(HOISTED)


@case
def interrupted_between_steps():
    arguments = (*HOIST, "--format", "json")
    slow = {"kind": "latency", "ms": 1500, "match": {"field": UPSERT}}
    with project("Ctrl-C while storing", faults=[slow]) as it:
        before = it.begin()
        process = it.start(*arguments)
        deadline = time.monotonic() + 10
        while not it.journals() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        run = it.end(process, arguments, before, 130)
        outcomes = [run.receipts().get(("hoist", KEY, place)) for place in (SHARED, API, WORKER)]
        it.check("the first is done, the others are not tried", outcomes == ["done", "not-tried", "not-tried"], run)
        it.set_faults()
        it.run(*HOIST, code=0)
        it.check("a second run completes it", texts(it) == HOISTED, texts(it))
        it.run("undo", "--yes", code=0)
        it.run("undo", "--yes", code=0)
        it.check("everything is as before", texts(it) == LITERALS, texts(it))


@case
def undo_keeps_what_is_used():
    with project("the shared variable is used elsewhere") as it:
        it.run(*HOIST, code=0)
        it.write(service=WEB, name="COPY", value=REFERENCE)
        run = it.run("undo", "--yes", "--format", "json", code=6)
        it.check("it is not removed", run.receipts()[("restore", KEY, SHARED)] == "not-tried" and not run.count(DELETE), run)
        it.check("the services are restored", texts(it) == {**LITERALS, (None, KEY): VALUE}, texts(it))
        it.rendered[(WEB, "COPY")] = VALUE
    with project("the value was rotated") as it:
        it.run(*HOIST, code=0)
        it.write(name=KEY, value=OTHER)
        run = it.run("undo", "--yes", code=6)
        it.check("nothing is restored", not run.mutations and run.unwrapped.count("changed since that run") == 3, run)
        it.rendered |= {(API, KEY): OTHER, (WORKER, KEY): OTHER, (WEB, "TOKEN"): OTHER}
    fault = {"kind": "mutation_fail", "when": "before", "how": "graphql_error", "match": {"service": identifier("6b", 2)}}
    with project("a service can't be restored") as it:
        it.run(*HOIST, code=0)
        it.set_faults(fault)
        run = it.run("undo", "--yes", code=6)
        it.check("the shared variable stays", it.value(None, KEY) == VALUE and not run.count(DELETE), run)
        it.set_faults()


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
run_all([entry for entry in cases if wanted in entry[0]])
