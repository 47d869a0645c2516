#!/usr/bin/env python3
"""Runs `doctor fix` and `doctor undo` against the independent simulated Railway, in many worlds at the same time.

    fix.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

Every run is held to what holds for all of them (server_cases.py). What a case is about comes on top of that.
"""
import json
import os
import re
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True  # This folder is for sources.
from server_cases import (
    KEY, API, WORKER, CRON, OLDEST, OLD, NEW, INCIDENT, INCIDENT_ENV, PUSH, PULL, UPSERT, DELETE, REDEPLOY, DEPLOY,
    incident, environment_of, instance, three_services, production, env_with, servers, world, cases, case, cases_of,
    play_all,
)
from server_checks import SCENARIOS, Server, folder


# 1. The incident ----------------------------------------------------------------------------------------------------------

ALL_DONE = {("push", KEY, API): "done", ("push", KEY, WORKER): "done",
            ("redeploy", None, API): "done", ("redeploy", None, WORKER): "done"}


@case
def the_incident_and_back():
    """The first acceptance test: mended, proved, nothing left to do, undone, and the undoing undone."""
    with world("incident", incident(advance="polls")) as it:
        commands = {service: it.service(service)["running"]["startCommand"] for service in (API, WORKER)}
        run = it.run(*PUSH, "--format", "json", code=0)
        it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.both_run(NEW)
        it.check("one upsert and one deployment for each", (run.count(UPSERT), run.count(REDEPLOY)) == (2, 2), run)
        made = {one["service"]: one["id"] for one in it.server.summary()["deploymentsCreated"]}
        it.check("the receipts name the deployments", run.deployments() == made, (run.deployments(), made))
        now = {service: it.service(service)["running"]["startCommand"] for service in (API, WORKER)}
        it.check("start commands stay", now == commands)
        it.check("the file stays", it.env() == INCIDENT_ENV.encode())
        run = it.run(*PUSH, code=0)
        it.check("a second run sends nothing", not run.mutations and "nothing to do" in run.words.lower(), run)

        fixed = it.stored()
        first = it.journals()[0]
        listed = it.run("undo", "--list", code=0)
        it.check("the list names the run", first in listed.out and KEY in listed.out, listed)
        listed = it.run("undo", "--list", "--format", "json", code=0)
        it.check("the list as JSON names the run", first in listed.out, listed)
        run = it.run("undo", "--yes", "--format", "json", code=0)
        restored = {("restore", key, service) if key else (change, key, service): "done"
                    for change, key, service in ALL_DONE}
        it.check("every step is undone", run.receipts() == restored, run)
        it.changed({(API, KEY): OLD, (WORKER, KEY): OLD}, fixed)
        it.both_run(OLD)
        undoing = next(iter(set(it.journals()) - {first}))
        run = it.run("undo", "--yes", code=2)
        it.check("nothing is left to undo", "nothing to undo here" in run.text and not run.mutations, run)
        it.run("undo", undoing, "--yes", code=0)
        it.both_run(NEW)


@case
def a_person_answers():
    """`fix --service worker` at a terminal: two keys to press, and the running process has the new value."""
    with world("incident, answered", incident(advance="polls")) as it:
        answers = [("What is to be done?", "\r"), ("Do it?", "y")]
        run = it.at_a_terminal("fix", "--service", WORKER, answers=answers, code=0)
        it.changed({(WORKER, KEY): NEW})
        it.both_run(NEW, (WORKER,))
        it.check("one upsert and one deployment", (run.count(UPSERT), run.count(REDEPLOY)) == (1, 1), run)
    with world("incident, left alone", incident()) as it:
        run = it.at_a_terminal("fix", "--service", WORKER, answers=[("What is to be done?", "\x1b")], code=1)
        it.check("Esc changes nothing", not run.mutations, run)
    with world("incident, taken back", incident()) as it:
        answers = [("What is to be done?", "\r"), ("Do it?", "n")]
        run = it.at_a_terminal("fix", "--service", WORKER, answers=answers, code=2)
        it.check("a no changes nothing", not run.mutations, run)


@case
def with_a_doctor_toml():
    toml = f"""[services.api]\nname = "{API}"\n[services.worker]\nname = "{WORKER}"
[[require]]\nkeys = ["{KEY}"]\nservices = ["api", "worker"]\n"""
    with world("doctor.toml", toml=toml) as it:
        it.run("trust", "--yes", code=0)
        run = it.run(*PUSH, "--service", "worker", "--format", "json", code=0)
        expected = {place: outcome for place, outcome in ALL_DONE.items() if place[2] == WORKER}
        it.check("only the worker", run.receipts() == expected, run)
        it.changed({(WORKER, KEY): NEW})
        it.both_run(NEW, [WORKER])
        run = it.run("fix", "--push", "--yes", code=0)
        it.check("then only the other", (run.count(UPSERT), run.count(REDEPLOY)) == (1, 1), run)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.both_run(NEW)
    with world("required", toml=toml) as it:
        it.run("trust", "--yes", code=0)
        run = it.run("fix", "--push", "--yes", "--format", "json", code=0)
        it.check("a required key needs no word", run.receipts() == ALL_DONE, run)
        it.both_run(NEW)


@case
def before_anybody_says_yes():
    with world("no yes") as it:
        for format in ("text", "json"):
            for arguments, code in [
                (("fix", "--push", "--dry-run"), 1),
                (("fix", "--push", "--yes", "--only", KEY, "--dry-run"), 1),
                (("fix", "--dry-run"), 1),
                (("fix",), 2),
                (("fix", "--push"), 2),
                (("fix", "--pull", "--only", KEY), 2),
                (("fix", "--push", "--only", KEY), 2),
                (("fix", "--push", "--yes"), 2),
            ]:
                run = it.run(*arguments, "--format", format, code=code)
                it.check(f"{arguments}: nothing is sent", not run.mutations)
                if "--dry-run" not in arguments:
                    it.check(f"{arguments}: prints the command", run.command() is not None, run)
        it.changed({})
        it.check("nothing is recorded", not it.journals())
        it.check("the file stays", it.env() == INCIDENT_ENV.encode())


@cases_of([("fix --push",), ("fix --push --yes",), (f"fix --pull --only {KEY}",)])
def a_printed_command_works(typed):
    with world(f"the command printed for {typed}") as it:
        # What the worker runs with is older than either side.
        it.run(*(it.run(*typed.split(), code=2).command() or []), code=1 if "--pull" in typed else 0)
        if "--pull" in typed:
            it.check("it pulls", f"{KEY}={OLD}\n".encode() in it.env())
        else:
            it.both_run(NEW)


@case
def a_printed_undo_works():
    with world("the command printed for an undo") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        it.run(*(it.run("undo", code=2).command() or []), code=0)
        it.check("it undoes", it.value(API) == OLD == it.value(WORKER))


@cases_of([
    ("--push --no-deploy --only " + KEY,),
    ("--push --dependents --only " + KEY,),
    ("--push --redeploy --only " + KEY,),
    ("--push --no-journal --only " + KEY,),
    ("--push --on-staged ignore --only " + KEY,),
    ("--push --allow-reference REDIS_URL --only REDIS_URL",),
    ("--push --allow-shared LOG_LEVEL --only LOG_LEVEL",),
    (f"--push --allow-sealed JWT_SIGNING_KEY --only JWT_SIGNING_KEY --service {API}",),
    ("--prune --only STAGING_CHAOS_ENABLED",),
    ("--push --prune --only STAGING_CHAOS_ENABLED",),
    ("--push --no-config --only " + KEY,),
    ("--push --config other.toml --only " + KEY,),
    ("--push --env-file other.env --only " + KEY,),
    (f"--push --only {KEY} --service {API}",),
    ("--redeploy",),
    (f"--redeploy --service {WORKER}",),
])
def a_printed_command_does_the_same(flags):
    """Whatever was typed and changes what a fix does has to be in the command that it prints."""
    env = env_with(REDIS_URL="redis://elsewhere", LOG_LEVEL="debug", JWT_SIGNING_KEY="another-signing-key-2026")
    if "--prune" in flags:
        env = env.replace("STAGING_CHAOS_ENABLED=true\n", "")
    with world(f"printed for {flags}", env=env) as it:
        shutil.copy(it.path / ".env", it.path / "other.env")
        (it.path / "other.toml").write_text("")
        asked = it.run("fix", *flags.split(), code=2)
        printed = it.run(*(asked.command() or []), "--dry-run", code=1)
        it.check("there is a plan", "Plan:" in asked.out, asked)
        it.check("the same plan", steps(asked) == steps(printed), (steps(asked), steps(printed), asked.err))
        words = " ".join(asked.command() or []).replace("=", " ")
        missing = [word for word in flags.split() if word not in words]
        it.check("nothing that was typed is missing", not missing, (missing, words))


def steps(run):
    """What the plan would do: signs and names, and the number of deployments."""
    return set(re.findall(r"^ +([~+-] \w+) ", run.out, re.MULTILINE)), run.out.count(" again")


@case
def stored_only():
    with world("no deploy") as it:
        run = it.run(*PUSH, "--no-deploy", code=1)
        it.check("says that running services keep the old values", "keep their old values" in run.words, run)
        it.check("no deployment", run.count(UPSERT) == 2 and len(run.mutations) == 2, run)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.check("the old values run", (it.running(API), it.running(WORKER)) == (OLD, OLDEST))
    with world("no deploy as JSON") as it:
        run = it.run(*PUSH, "--no-deploy", "--format", "json", code=1)
        done = {place: outcome for place, outcome in ALL_DONE.items() if place[0] == "push"}
        it.check("no receipt of a deployment", run.receipts() == done, run)
        it.check("says it on standard error", "keep their old values" in re.sub(r"\s+", " ", run.err), run)
        run = it.run("fix", "--redeploy", "--yes", "--format", "json", code=0)
        it.check("then deploys both", run.count(REDEPLOY) == 2 and len(run.mutations) == 2, run)
        it.both_run(NEW)


@cases_of([("project", "RAILWAY_TOKEN"), ("workspace", "RAILWAY_API_TOKEN"), ("oauth", "RAILWAY_API_TOKEN")])
def with_another_token(kind, variable):
    with world(f"{kind} token") as it:
        run = it.run(*PUSH, "--format", "json", code=0, token=(variable, kind))
        it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.both_run(NEW)
        run = it.run("undo", "--yes", "--no-deploy", code=0, token=(variable, kind))
        it.check("undone", it.value(API) == OLD == it.value(WORKER), run)


@case
def many_services():
    scenario = {"name": "many", "generate": "30x10", "options": {"advance": "instant"}}
    with world("30 services", scenario, "VAR_001=the-same-everywhere-2026\n") as it:
        services = [service["name"] for service in it.environment()["services"]]
        run = it.run("fix", "--push", "--yes", "--only", "VAR_001", "--format", "json", code=0)
        it.check("one upsert and one deployment for each", run.count(UPSERT) == 30 == run.count(REDEPLOY), run.mutations)
        it.changed({(service, "VAR_001"): "the-same-everywhere-2026" for service in services})
        it.check("reads are shared", run.report["summary"]["requests"] <= 60 + 25, run.report["summary"])
        it.both_run("the-same-everywhere-2026", services, "VAR_001")


@case
def values_arrive_byte_for_byte():
    values = {"A": "two\nlines\n", "B": "tab\tand 'quotes'", "C": "na\u00efve \u2014 \u65e5\u672c \U0001f684", "D": "a=b==#c # d",
              "E": "  spaces  ", "G": '{"json": [1, "x"]}', "H": "x" * 60000, "I": "100%25 %s {0} & <b>"}
    quote = {key: f'"{value}"' if "'" in value else f"'{value}'" for key, value in values.items()}
    with world("values", env="".join(f"{key}={value}\n" for key, value in quote.items())) as it:
        names = [word for key in values for word in ("--only", key)]
        it.run("fix", "--add", "--yes", "--no-deploy", "--service", WORKER, *names, code=1)
        it.changed({(WORKER, key): value for key, value in values.items()})
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("all are gone again", it.stored() == it.first)


# 2. Pulling ---------------------------------------------------------------------------------------------------------------

NASTY = (
    b"\xef\xbb\xbf# a file that many hands wrote  \r\n"
    b"\r\n"
    b"export  APP_ENV = 'staging'   # spaces around it\r\n"
    b"LOG_LEVEL=\"info\"\n"
    b"# STAGING_OPS_API_KEY=commented-out-key-2026\n"
    b"STAGING_OPS_API_KEY=first-of-two-keys-2026\r\n"
    b"  export STAGING_CHAOS_ENABLED=true\t# tab\r\n"
    b"TEXT=\"line one\nSTAGING_OPS_API_KEY=not-an-assignment-2026\n\"\n"
    b"\texport STAGING_OPS_API_KEY = \"<HERE>\" # the one that counts\r\n"
    b"WORKER_CONCURRENCY=4\n"
    b"\n\n"
    b"LAST='no newline after me'"
)


def nasty(value):
    return NASTY.replace(b"<HERE>", value.encode())


@case
def pull_changes_one_value():
    with world("pull", env=nasty(NEW)) as it:
        (it.path / "conf").mkdir()
        (it.path / ".env").rename(it.path / "conf" / "real.env")
        (it.path / ".env").symlink_to("conf/real.env")
        (it.path / "conf" / "real.env").chmod(0o640)
        run = it.run(*PULL, "--format", "json", code=1)
        it.check("one receipt", run.receipts() == {("pull", KEY, ".env"): "done"}, run)
        it.check("nothing is sent", not run.mutations)
        it.check("exactly one value is other", it.env() == nasty(OLD), it.env())
        it.check("the link stays", os.readlink(it.path / ".env") == "conf/real.env")
        it.check("the mode stays", (it.path / "conf" / "real.env").stat().st_mode & 0o777 == 0o640)
        run = it.run(*PULL, code=1)
        it.check("a second run does nothing", it.env() == nasty(OLD) and "nothing to do" in run.words.lower(), run)
        run = it.run("undo", "--yes", "--format", "json", code=0)
        it.check("undone", run.receipts() == {("restore", KEY, ".env"): "done"}, run)
        it.check("byte for byte as before", it.env() == nasty(NEW), it.env())
        it.check("the link stays", os.readlink(it.path / ".env") == "conf/real.env")
        it.check("the mode stays", (it.path / "conf" / "real.env").stat().st_mode & 0o777 == 0o640)
        it.changed({})


@case
def pull_and_an_edit_by_hand():
    with world("pull, then an edit", env=nasty(NEW)) as it:
        it.run(*PULL, code=1)
        edited = it.env().replace(b"WORKER_CONCURRENCY=4\n", b"WORKER_CONCURRENCY=8 # mine\nMINE=1\n")
        (it.path / ".env").write_bytes(edited)
        it.run("undo", "--yes", code=0)
        it.check("the key is back, the edits stay", it.env() == edited.replace(OLD.encode(), NEW.encode()), it.env())
    with world("pull, then an edit of the same key", env=nasty(NEW)) as it:
        it.run(*PULL, code=1)
        edited = it.env().replace(OLD.encode(), b"edited-by-hand-since")
        (it.path / ".env").write_bytes(edited)
        run = it.run("undo", "--yes", "--format", "json", code=6)
        it.check("a conflict", run.receipts() == {("restore", KEY, ".env"): "conflict"}, run)
        it.check("what was edited stays", it.env() == edited)


@case
def pull_adds_a_key():
    key = "STAGING_CHAOS_ENABLED"
    env = "".join(line for line in INCIDENT_ENV.splitlines(True) if not line.startswith(key)).rstrip("\n").encode()
    with world("pull a new key", env=env) as it:
        run = it.run("fix", "--pull", "--yes", "--format", "json")
        it.check("not in bulk", key.encode() not in it.env() and OLD.encode() in it.env(), run)
        it.run("undo", "--yes", code=0)
        it.check("back", it.env() == env)
        run = it.run("fix", "--pull", "--yes", "--only", key, "--format", "json", code=0)
        it.check("one receipt", run.receipts() == {("pull", key, ".env"): "done"}, run)
        added = it.env().removeprefix(env + b"\n").decode().splitlines()
        assigned = [line for line in added if line and not line.startswith("#")]
        it.check("at the end, below a comment", len(assigned) == 1 and added[-1] == assigned[0], it.env()[-200:])
        it.check("with its value", assigned[0].replace("'", "").replace('"', "") == f"{key}=true", assigned)
        it.check("that says from where", any(API in line for line in added if line.startswith("#")), added)
        edited = it.env() + b"MINE=1\n"
        (it.path / ".env").write_bytes(edited)
        it.run("undo", "--yes", code=0)
        it.check("gone again, the edit stays", key.encode() not in it.env() and it.env().endswith(b"MINE=1\n"), it.env())
    with world("pull a new key, undo", env=env) as it:
        it.run("fix", "--pull", "--yes", "--only", key, code=0)
        it.run("undo", "--yes", code=0)
        it.check("byte for byte as before", it.env() == env, it.env()[-200:])


@case
def pull_makes_a_file():
    with world("no file") as it:
        (it.path / ".env").unlink()
        run = it.run("fix", "--pull", "--yes", "--only", "WORKER_CONCURRENCY", "--service", WORKER, code=0)
        it.check("it is there", b"WORKER_CONCURRENCY=4\n" in it.env(), run)
        it.check("for its owner alone", (it.path / ".env").stat().st_mode & 0o777 == 0o600)
        it.run("undo", "--yes", code=0)
        it.check("it is gone again", not (it.path / ".env").exists())


# 3. Faults ------------------------------------------------------------------------------------------------------------------

HOWS = ("reset", "hang", "truncate", "graphql_error", "500", "502", "503")


@cases_of([(f"{field} {when} {how}", field, when, how)
           for field in (UPSERT, REDEPLOY) for when in ("before", "after") for how in HOWS])
def answer_lost(name, field, when, how):
    """A mutation whose answer is lost is looked for, and never sent again."""
    fault = {"kind": "mutation_fail", "when": when, "how": how, "match": {"field": field}}
    with world(name, faults=[fault]) as it:
        run = it.run(*PUSH, "--service", WORKER, "--format", "json")
        receipts = run.receipts()
        push, deploy = receipts.get(("push", KEY, WORKER)), receipts.get(("redeploy", None, WORKER))
        if when == "after":
            it.check("exit 0", run.code == 0, run)
            it.check("all done", (push, deploy) == ("done", "done"), run)
            it.changed({(WORKER, KEY): NEW})
            it.both_run(NEW, [WORKER])
            return
        outcome = push if field == UPSERT else deploy
        # An error in words may be taken for a refusal; no answer at all can't be.
        it.check("a true receipt", outcome == "unknown" or (outcome == "failed" and how == "graphql_error"), run)
        if field == UPSERT:
            # What is known to have failed before anything was written is the run's own cause of failure.
            it.check("the exit code", run.code == (6 if outcome == "unknown" else 5), run)
            it.check("no deployment", deploy == "not-tried" and run.count(REDEPLOY) == 0, run)
            it.changed({})
        else:
            it.check("exit 6", run.code == 6, run)
            it.check("stored", push == "done", run)
            it.changed({(WORKER, KEY): NEW})
            it.check("the old one runs", it.running(WORKER) == OLDEST)
            it.arm()
            it.run("undo", "--yes", "--no-deploy", code=0)
            it.check("undone", it.value(WORKER) == OLD)


@cases_of([("before", "before"), ("after", "after")])
def the_second_of_three(name, when):
    fault = {"kind": "mutation_fail", "nth": 2, "when": when, "how": "500", "match": {"field": UPSERT}}
    with world(f"500 {name} the second of three", three_services(), faults=[fault]) as it:
        run = it.run(*PUSH, "--format", "json", code=6 if when == "before" else 0)
        order = [API, CRON, WORKER]
        outcomes = [run.receipts().get(("push", KEY, service)) for service in order]
        it.check("three true receipts", outcomes == ["done", "unknown" if when == "before" else "done", "done"], run)
        done = [service for service, outcome in zip(order, outcomes) if outcome == "done"]
        it.changed({(service, KEY): NEW for service in done})
        it.both_run(NEW, done)
        it.check("one deployment for each that changed", run.count(REDEPLOY) == len(done), run)
        it.check("the way back is told", when != "before" or "doctor undo" in it.run("undo", "--list").out)
        it.arm()
        it.run("undo", "--yes", code=0)
        for service in order:
            it.check(f"{service} is back", it.value(service) == OLD)
        it.check("the one that never changed was not written", when == "after" or
                 it.stored()[CRON, KEY] == it.first[CRON, KEY])


def meanwhile(**change):
    """Somebody writes right after the first read of the values: between check and write."""
    return {"kind": "concurrent_write", "when": "after_read", "match": {"operation": "Values"}, "writes": [change]}


@cases_of([("text",), ("json",)])
def somebody_writes_the_same_key(format):
    theirs = "somebody-elses-key-2026"
    change = meanwhile(service=WORKER, name=KEY, value=theirs)
    with world(f"conflict in {format}", env=env_with(WORKER_CONCURRENCY="9"), faults=[change]) as it:
        it.values.add(theirs)
        run = it.run(*PUSH, "--only", "WORKER_CONCURRENCY", "--service", API, "--service", WORKER, "--format", format, code=6)
        it.check("theirs stays", it.value(WORKER) == theirs)
        it.both_run(NEW, [API])
        it.both_run("9", [WORKER], "WORKER_CONCURRENCY")
        if format == "text":
            told = all(word in run.words for word in ("planned on", "found", "wanted"))
            it.check("told three ways", told and "conflict" in run.out, run)
        else:
            it.check("a conflict", run.receipts().get(("push", KEY, WORKER)) == "conflict", run)
            it.check("the rest is done", run.receipts().get(("push", KEY, API)) == "done", run)
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("undo leaves theirs", it.value(WORKER) == theirs and it.value(API) == OLD)


@case
def somebody_writes_another_key():
    with world("another key", faults=[meanwhile(service=WORKER, name="APP_ENV", value="somebody-elses-env")]) as it:
        it.run(*PUSH, code=0)
        it.check("theirs stays", it.value(WORKER, "APP_ENV") == "somebody-elses-env")
        it.both_run(NEW)


@case
def somebody_writes_the_same_value():
    with world("the same value", faults=[meanwhile(service=WORKER, name=KEY, value=NEW)]) as it:
        run = it.run(*PUSH, "--format", "json", code=0)
        it.check("it is done already", run.receipts()["push", KEY, WORKER] == "done" and run.count(UPSERT) == 1, run)
        it.check("both store it", it.value(API) == NEW == it.value(WORKER))


@case
def somebody_removes_the_key():
    with world("removed", faults=[meanwhile(service=WORKER, name=KEY, value=None)]) as it:
        run = it.run(*PUSH, "--format", "json", code=6)
        it.check("a removal is a conflict", run.receipts()["push", KEY, WORKER] == "conflict", run)
        it.check("it stays removed", it.value(WORKER) is None)


def staged(key, service=WORKER):
    return {"services": {service: {"variables": {key: {"value": "staged-by-somebody-2026"}}}}}


def with_staged(key):
    scenario = incident()
    environment_of(scenario)["staged"] = staged(key)
    return scenario


@case
def staged_on_the_same_key():
    with world("staged", with_staged(KEY)) as it:
        it.values.add("staged-by-somebody-2026")
        before = it.environment()["staged"]
        for format in ("text", "json"):
            run = it.run(*PUSH, "--format", format, code=6)
            it.check("nothing is sent", not run.mutations and "staged" in run.err, run)
            it.check("says how to go on", "--on-staged=ignore" in run.err, run)
        it.changed({})
        it.check("nothing is recorded", not it.journals())
        it.run(*PUSH, "--on-staged", "ignore", code=1)
        it.both_run(NEW)
        it.check("what is staged stays staged", it.environment()["staged"] == before)


@case
def staged_on_another_key():
    with world("staged, another key", with_staged("APP_ENV")) as it:
        before = it.environment()["staged"]
        run = it.run(*PUSH, code=0)
        it.check("it is said", "staged" in run.words, run)
        it.both_run(NEW)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.check("what is staged stays staged", it.environment()["staged"] == before)
        it.write(staged=staged(KEY))
        before = it.environment()["staged"]
        run = it.run("undo", "--yes", code=6)
        it.check("undo stops, too", not run.mutations, run)
        it.run("undo", "--yes", "--on-staged", "ignore", code=0)
        it.both_run(OLD)
        it.check("what is staged stays staged", it.environment()["staged"] == before)


ENDS = [("FAILED", 7, "failed"), ("CRASHED", 7, "failed"), ("SKIPPED", 7, "failed"), ("NEEDS_APPROVAL", 8, "unknown")]


@cases_of(ENDS)
def a_deployment_that_does_not_end_well(end, code, outcome):
    with world(f"deployment {end}", incident(advance="polls"), plans=[(WORKER, [{"end": end}])]) as it:
        run = it.run(*PUSH, "--format", "json", code=code)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): outcome}
        it.check("true receipts", run.receipts() == expected, run)
        it.both_run(NEW, [API])
        it.check("the worker stores it", it.value(WORKER) == NEW)
        it.check("says how to go back", f"doctor undo {it.journals()[0]}" in run.err, run)


@cases_of(ENDS)
def what_is_said_of_a_deployment(end, code, outcome):
    with world(f"deployment {end} in text", plans=[(WORKER, [{"end": end}])]) as it:
        run = it.run(*PUSH, code=code)
        it.check("says how to go back", f"doctor undo {it.journals()[0]}" in run.words, run)
        if end == "NEEDS_APPROVAL":
            it.check("says that it waits", "approv" in run.words, run)
            return
        it.check("says where to look", "https://railway.com/project/" in run.words, run)
        it.server.ask("/faults", {"kind": "deploy_plan", "service": WORKER, "plan": [{"end": "SUCCESS"}]})
        it.run("undo", "--yes", code=0)
        it.both_run(OLD)


def failing_build(error, **late):
    """A build whose log has the cause in an attribute alone, beside what its steps repeat; and steps of which only one failed."""
    def step(text, **attributes):
        return {"message": text, "attributes": {"source": "buildkit", "type": "vertex", "digest": text, **attributes}}

    cause = {**step("[4/4] RUN make", error=error), "severity": "error", **late}
    steps = [{"step": "SNAPSHOT_CODE"}, {"id": "retried", "step": "PUBLISH_IMAGE", "error": "a registry that answered later"},
             {"id": "retried", "step": "PUBLISH_IMAGE"}, {"step": "HEALTHCHECK", "error": "was not reached", "skipped": True},
             {"step": "BUILD_IMAGE", "error": "Failed to build. Please check the build logs for more details."},
             {"step": "DRAIN_INSTANCES", "skipped": True}]
    log = [step("[1/4] FROM python")] * 3 + [step("[4/4] RUN make", error=None)] * 2 + [cause]
    return [{"end": "FAILED", "buildLogs": log, "events": steps}]


def operations(it):
    """Of every request that came in."""
    return [one["operationName"] for one in it.server.ask("/requests")["requests"]]


@cases_of([
    ("at once", {}, {}, 1, 0), ("plain", {"logAttributes": "plain"}, {}, 1, 0),
    ("refused", {"buildLogs": "refused"}, {}, 1, 1), ("empty", {"buildLogs": "empty"}, {}, 1, 1),
    ("by its replica", {"buildLogs": "empty", "buildLogTags": "replica"}, {}, 1, 1),
    ("late by polls", {}, {"afterEndPolls": 1}, 2, 0), ("late", {}, {"afterEndSeconds": 15}, 2, 0),
    ("refused and late", {"buildLogs": "refused"}, {"afterEndSeconds": 12, "afterEndPolls": 1}, 2, 2),
])
def why_a_build_failed(name, options, late, own, by_snapshot):
    """The cause is found wherever the log is and however late it comes, and nobody waits for what is there."""
    plan = failing_build(f"exit code: 2, token {NEW}", **late)
    with world(f"failed build {name}", incident(**options), plans=[(WORKER, plan)]) as it:
        began = time.monotonic()
        run = it.run(*PUSH, "--service", WORKER, "--show-logs", code=7)
        took = time.monotonic() - began
        it.check("the cause is shown", "[4/4] RUN make: exit code: 2, token" in run.words, run)
        it.check("the step that failed", re.search(r"BUILD_IMAGE: Failed to build\.(?! Please)", run.words), run)
        it.check("no other step", not re.search("PUBLISH_IMAGE|HEALTHCHECK|DRAIN", run.words), run)
        it.check("what a step repeats is there once", run.words.count("[1/4] FROM python") == 1, run)
        sent = operations(it)
        tries = 2 if options.get("buildLogs") == "refused" else 1  # A failure without a reason is tried once more.
        it.check("the log is read as often as needed", sent.count("BuildLog") == own * tries and
                 sent.count("BuildLogBySnapshot") == by_snapshot, sent)
        it.check("in no more time", took < 12 if own == 1 else took > 14, took)


@cases_of([("counted", (), 0, 7), ("interrupted", ("--show-logs",), signal.SIGINT, 130)])
def nobody_waits_for_a_late_line(name, flags, number, code):
    """Where lines are only counted, and after Ctrl-C, what comes late is not waited for."""
    with world(f"late line {name}", plans=[(WORKER, failing_build("exit code: 2", afterEndPolls=1))]) as it:
        before, began = it.begin(), time.monotonic()
        process = it.start(*PUSH, "--service", WORKER, *flags)
        if number:
            it.wait("the build log", lambda _: "BuildLog" in operations(it))
            time.sleep(1)
            process.send_signal(number)
        run = it.end(process, PUSH, before, code)
        it.check("it ends at once", time.monotonic() - began < 12, run)
        it.check("it does not show the cause", "exit code: 2" not in run.words, run)
        it.check("it shows lines only where asked to", ("[4/4] RUN make" in run.words) == bool(flags), run)


@case
def a_newer_deployment_under_way():
    """It is waited for, and deployed again: older code is never put over it."""
    with world("in flight", incident(advance="polls")) as it:
        newer = it.write(service=WORKER, name="APP_ENV", value="somebody-elses-env", deploy=True)["deployments"][0][0]
        run = it.run(*PUSH, "--service", WORKER, "--format", "json", code=0)
        again = [mutation["args"]["id"] for mutation in run.mutations if mutation["field"] == REDEPLOY]
        it.check("the newer one is deployed again", again == [newer], (again, newer))
        it.both_run(NEW, [WORKER])
        it.check("with what it brought", it.running(WORKER, "APP_ENV") == "somebody-elses-env")


@case
def superseded():
    """Somebody else's deployment takes the place of ours: it was made after the write, and is followed instead."""
    with world("superseded", incident(advance="polls")) as it:
        before = it.begin()
        process = it.start(*PUSH, "--service", WORKER, "--format", "json")
        it.wait("a deployment", lambda summary: summary["deploymentsCreated"])
        other = it.write(service=WORKER, name="APP_ENV", value="somebody-elses-env", deploy=True)["deployments"][0][0]
        it.server.ask("/advance", {"deployment": other})
        run = it.end(process, (*PUSH, "--service", WORKER, "--format", "json"), before, 0)
        it.check("the receipt names what runs", run.deployments() == {WORKER: other}, run)
        it.both_run(NEW, [WORKER])


@case
def the_running_value_stays_old():
    with world("captured", incident(redeployVariables="captured")) as it:
        run = it.run(*PUSH, "--format", "json", code=7)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): "failed", ("redeploy", None, API): "failed"}
        it.check("true receipts", run.receipts() == expected, run)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("captured, in text", incident(redeployVariables="captured")) as it:
        run = it.run(*PUSH, code=7)
        it.check("names what is old", f"old values of {KEY}" in run.words, run)


# Servers that are killed while they are used.
doomed = []


@cases_of([("with little time", ("--timeout", "12s")), ("with much", ())])
def the_connection_dies(name, flags):
    server = doomed.pop()
    with world(f"killed {name}", incident(advance="polls"), server=server) as it:
        before = it.begin()
        process = it.start(*PUSH, *flags, "--format", "json")
        it.wait("both deployments", lambda summary: len(summary["deploymentsCreated"]) == 2)
        server.stop()
        run = it.end(process, (*PUSH, *flags, "--format", "json"), before, 8)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): "unknown", ("redeploy", None, API): "unknown"}
        it.check("true receipts", run.receipts() == expected, run)


@cases_of([
    ("once, while storing", UPSERT, {"retryAfter": 1}, 0),
    ("for ever, while storing", UPSERT, {"retryAfter": 2000, "count": -1}, 5),
    ("once, while asking for a deployment", REDEPLOY, {"retryAfter": 1}, 0),
    ("for ever, while asking for a deployment", REDEPLOY, {"retryAfter": 2000, "count": -1}, 6),
    ("while waiting", "deployment", {"retryAfter": 1, "count": 3}, 0),
])
def rate_limited(name, field, fault, code):
    with world(f"rate limited {name}", faults=[{"kind": "rate_limit", "match": {"field": field}, **fault}]) as it:
        run = it.run(*PUSH, "--format", "json", code=code)
        if code == 0:
            it.check("all done", run.receipts() == ALL_DONE, run)
            it.both_run(NEW)
        elif field == UPSERT:
            it.check("nothing is written", not run.mutations and "done" not in run.receipts().values(), run)
            it.changed({})
        else:
            it.check("stored, and not deployed", run.receipts()["push", KEY, API] == "done"
                     and "done" not in {run.receipts()["redeploy", None, service] for service in (API, WORKER)}, run)
            it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
            it.check("no deployment", run.count(REDEPLOY) == 0)


@cases_of([
    ("Cannot redeploy yet, please wait for the original deployment to finish building", 0, "done"),
    ("You are deploying too quickly. Please wait a minute.", 6, "failed"),
])
def refused_to_deploy(message, code, outcome):
    """A clear "not yet" may be asked again; "too often" is the end of it."""
    fault = {"kind": "graphql_error", "message": message, "match": {"field": REDEPLOY}}
    with world(message, faults=[fault]) as it:
        run = it.run(*PUSH, "--service", WORKER, "--format", "json", code=code)
        it.check("a true receipt", run.receipts().get(("redeploy", None, WORKER)) == outcome, run)
        it.check("stored", it.value(WORKER) == NEW)
        it.check("deployed once or not at all", run.count(REDEPLOY) == (1 if code == 0 else 0), run)


@cases_of([
    ("refused", {"kind": "partial", "path": "Query.deploymentSnapshot", "count": -1}),
    ("refused altogether", {"kind": "graphql_error", "match": {"field": "deploymentSnapshot"}, "count": -1}),
    ("refused for this token", {"kind": "not_authorized", "match": {"field": "deploymentSnapshot"}, "count": -1}),
])
def no_snapshot(name, fault):
    """What a deployment got can't be read: made after the write, and successful, is proof by time, and said to be."""
    with world(f"snapshot {name}", faults=[fault]) as it:
        run = it.run(*PUSH, code=0)
        it.check("it is said", "can't be read" in run.words and "made after the values were stored" in run.words, run)
        it.both_run(NEW)


@case
def no_snapshot_in_json():
    with world("no snapshot, as JSON", faults=[{"kind": "partial", "path": "Query.deploymentSnapshot", "count": -1}]) as it:
        run = it.run(*PUSH, "--format", "json", code=0)
        it.check("all done", run.receipts() == ALL_DONE, run)
        it.check("it is said on standard error", "can't be read" in re.sub(r"\s+", " ", run.err), run)


@case
def without_permission():
    refusal = {"kind": "not_authorized", "count": -1}
    with world("may not write", faults=[{**refusal, "match": {"field": UPSERT}}]) as it:
        run = it.run(*PUSH, "--format", "json", code=4)
        it.check("nothing is written", not run.mutations and "done" not in run.receipts().values(), run)
        it.changed({})
    with world("may not deploy", faults=[{**refusal, "match": {"field": REDEPLOY}}]) as it:
        run = it.run(*PUSH, "--format", "json", code=6)
        it.check("stored, and not deployed", run.receipts().get(("push", KEY, API)) == "done" and
                 run.receipts().get(("redeploy", None, API)) == "failed", run)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("may not see", faults=[refusal]) as it:
        # A refused token is tried in the other header, to say what is wrong with it.
        it.faulty = {"wrong-auth-header"}
        it.check("nothing is sent", not it.run(*PUSH, code=4).mutations)


@case
def interrupted_while_deployments_are_followed():
    arguments = (*PUSH, "--format", "json")
    with world("Ctrl-C while following", incident(advance="polls")) as it:
        before = it.begin()
        process = it.start(*arguments)
        it.wait("both deployments", lambda summary: len(summary["deploymentsCreated"]) == 2)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        run = it.end(process, arguments, before, 130)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): "unknown", ("redeploy", None, API): "unknown"}
        it.check("the receipts so far", run.receipts() == expected, run)
        it.check("tells that it stops", "interrupted" in run.text or "stopping" in run.text, run)
        it.server.ask("/advance", {})
        it.run("undo", "--yes", code=0)
        it.check("it can be undone", (it.value(API), it.value(WORKER)) == (OLD, OLD))


@case
def interrupted_between_steps():
    """The step under way is finished; the next one is not begun."""
    arguments = (*PUSH, "--format", "json")
    slow = {"kind": "latency", "ms": 1500, "match": {"field": UPSERT}}
    with world("Ctrl-C while storing", faults=[slow]) as it:
        before = it.begin()
        process = it.start(*arguments)
        until = time.monotonic() + 10
        while not it.journals() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        run = it.end(process, arguments, before, 130)
        outcomes = [run.receipts().get(("push", KEY, service)) for service in (API, WORKER)]
        it.check("the first is done, the second not tried", outcomes == ["done", "not-tried"], run)
        it.check("no deployment", [mutation["field"] for mutation in run.mutations] == [UPSERT], run)
        it.changed({(API, KEY): NEW})


@cases_of([("the shape", "Environment"), ("the values", "Values"), ("what is staged", "PreWriteState")])
def interrupted_before_anything(name, operation):
    with world(f"Ctrl-C while reading {name}", faults=[
            {"kind": "latency", "ms": 3000, "match": {"operation": operation}}]) as it:
        before = it.begin()
        process = it.start(*PUSH)
        it.wait("a request", lambda summary: summary["faultsFired"])
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        run = it.end(process, PUSH, before, 130)
        it.check("at once", time.monotonic() - start < 3.5)
        it.check("says that nothing was changed", "nothing was changed" in run.text and not run.mutations, run)
        it.changed({})
        it.check("nothing is recorded", not it.journals())


@case
def somebody_writes_while_it_is_deployed():
    """The proof is about what the fix changed; what somebody stored meanwhile runs with their next deployment."""
    with world("written while it is deployed", incident(advance="polls")) as it:
        arguments = (*PUSH, "--service", WORKER, "--format", "json")
        before = it.begin()
        process = it.start(*arguments)
        it.wait("a deployment", lambda summary: summary["deploymentsCreated"])
        it.write(service=WORKER, name="APP_ENV", value="somebody-elses-env")
        run = it.end(process, arguments, before, 0)
        it.check("done", run.receipts().get(("redeploy", None, WORKER)) == "done", run)
        it.both_run(NEW, [WORKER])


@case
def somebody_deploys_right_before_the_write():
    """That deployment got the old values: it is not taken for one that has the new ones."""
    fault = {"kind": "concurrent_write", "when": "before_mutation", "match": {"field": UPSERT},
             "writes": [{"service": WORKER, "name": "APP_ENV", "value": "somebody-elses-env", "deploy": True}]}
    with world("deployed right before the write", incident(advance="polls"), faults=[fault]) as it:
        run = it.run(*PUSH, "--service", WORKER, "--format", "json", code=0)
        it.check("one deployment of ours", run.count(REDEPLOY) == 1, run)
        it.both_run(NEW, [WORKER])
        it.check("with what theirs brought", it.running(WORKER, "APP_ENV") == "somebody-elses-env")


@case
def somebody_edits_the_file_meanwhile():
    # A pull asks for nothing between its plan and its write; the file was read before the values were asked for.
    for name, arguments, operation in (("pull", PULL, "Values"), ("push", PUSH, "PreWriteState")):
        slow = {"kind": "latency", "ms": 1500, "match": {"operation": operation}}
        with world(f"the file is edited during a {name}", faults=[slow]) as it:
            before = it.begin()
            process = it.start(*arguments, "--format", "json")
            it.wait("that point", lambda summary: summary["faultsFired"])
            edited = INCIDENT_ENV.replace(NEW, "edited-meanwhile-2026")
            it.values.add("edited-meanwhile-2026")
            (it.path / ".env").write_text(edited)
            run = it.end(process, (*arguments, "--format", "json"), before, 6)
            it.check("a conflict", set(run.receipts().values()) <= {"conflict", "not-tried"}, run)
            it.check("the edit stays", it.env() == edited.encode())
            it.changed({})


@cases_of([("while storing", UPSERT, 0), ("while asking for deployments", REDEPLOY, 2), ("while waiting", "deployment", 4)])
def killed(name, field, mutations):
    """Whatever was killed can be undone: it was recorded before anything was changed."""
    slow = {"kind": "latency", "ms": 1500, "match": {"field": field}}
    with world(f"killed {name}", faults=[slow]) as it:
        before = it.begin()
        process = it.start(*PUSH)
        it.wait("that point", lambda summary: len(summary["mutations"]) >= mutations and summary["faultsFired"])
        process.kill()
        run = it.end(process, PUSH, before)
        it.check("killed", run.code == -signal.SIGKILL, run)
        time.sleep(2)
        it.arm()
        it.server.ask("/advance", {})
        it.check("the file is whole", it.env() == INCIDENT_ENV.encode())
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("undone", it.value(API) == OLD == it.value(WORKER))
        it.run(*PUSH, code=0)
        it.both_run(NEW)


# 4. Undoing -----------------------------------------------------------------------------------------------------------------

@case
def undo_after_somebody_changed_one():
    with world("undo, changed since") as it:
        it.run(*PUSH, code=0)
        it.write(service=WORKER, name=KEY, value="changed-again-by-somebody")
        run = it.run("undo", "--yes", "--format", "json", code=6)
        it.check("theirs stays", it.value(WORKER) == "changed-again-by-somebody")
        it.check("the other is back", it.value(API) == OLD == it.running(API), run)
        it.check("a conflict", run.receipts().get(("restore", KEY, WORKER)) == "conflict", run)
        it.check("only one is deployed", run.count(REDEPLOY) == 1, run)


@cases_of([("changed", "changed-again-by-somebody", 6), ("removed", None, 6), ("put back by hand", OLD, 0)])
def undo_after_somebody(name, value, code):
    with world(f"undo, {name} since") as it:
        it.run(*PUSH, "--service", WORKER, "--no-deploy", code=1)
        it.write(service=WORKER, name=KEY, value=value)
        run = it.run("undo", "--yes", code=code)
        it.check("nothing is sent", not run.mutations and it.value(WORKER) == value, run)
        it.check("nothing is to be done", "nothing to put back" in run.words.lower(), run)


@case
def undo_of_an_added_key():
    with world("undo an added key", env=env_with(BRAND_NEW="brand-new-value-2026")) as it:
        run = it.run("fix", "--add", "--yes", "--only", "BRAND_NEW", "--service", WORKER, "--format", "json")
        it.check("it is added", it.value(WORKER, "BRAND_NEW") == "brand-new-value-2026", run)
        it.check("exit 0", run.code == 0, run)
        it.changed({(WORKER, "BRAND_NEW"): "brand-new-value-2026"})
        it.both_run("brand-new-value-2026", [WORKER], "BRAND_NEW")
        run = it.run("undo", "--yes", "--format", "json", code=0)
        it.check("it is gone", (WORKER, "BRAND_NEW") not in it.stored() and it.running(WORKER, "BRAND_NEW") is None, run)
        it.check("everything is as it was", it.stored() == it.first)


@case
def undo_of_a_sealed_variable():
    key, value = "JWT_SIGNING_KEY", "another-signing-key-2026"
    with world("sealed", env=env_with(**{key: value})) as it:
        arguments = ("fix", "--push", "--yes", "--only", key, "--service", API)
        run = it.run(*arguments)
        it.check("without the word nothing is sent", not run.mutations and f"--allow-sealed {key}" in run.words, run)
        run = it.run(*arguments, "--allow-sealed", key, code=0)
        it.changed({(API, key): value})
        it.check("it is said that it can't be put back", re.search("sealed.*(can't|cannot)|(can't|cannot).*sealed", run.words), run)
        run = it.run("undo", "--yes", code=6)
        it.check("and said again", "sealed" in run.words and "can't be put back" in run.words, run)
        it.check("nothing is sent", not run.mutations)
        run = it.run("undo", "--yes", "--format", "json")
        it.check("a receipt that does not say done", set(run.receipts().values()) - {"done"}, run)


@case
def undo_elsewhere():
    with world("undo in another folder") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        (it.path / "sub").mkdir()
        before = it.begin()
        run = it.end(it.start("undo", "--yes", folder=it.path / "sub"), ("undo", "--yes"), before, 2)
        it.check("there is nothing to undo here", "nothing to undo here" in run.text and not run.mutations, run)
        it.run("undo", it.journals()[0], "--yes", "--no-deploy", code=0)
        it.check("by its name it is undone", it.value(API) == OLD)


@case
def undo_with_a_broken_journal():
    with world("a flipped byte") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        file = next((it.path.parent / "home" / "state").rglob("*.journal"))
        good = file.read_bytes()
        for at in (0, len(good) // 2, len(good) - 1):
            bad = bytearray(good)
            bad[at] ^= 1
            file.write_bytes(bytes(bad))
            name = file.name.removesuffix(".journal")
            for arguments in (("undo", "--yes"), ("undo", name, "--yes")):
                run = it.run(*arguments, code=2)
                it.check("nothing is sent", not run.mutations)
            run = it.run("undo", "--list", code=0)
            it.check("the list says that it can't be read", name in run.out, run)
        file.write_bytes(good)
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("whole again, it is undone", it.value(API) == OLD)


@case
def undo_passes_over_what_changed_nothing():
    """A run that only deployed has nothing to put back, and does not hide the one before it."""
    with world("undo after a redeployment") as it:
        it.run(*PUSH, "--service", API, "--no-deploy", code=1)
        it.run("fix", "--redeploy", "--yes", code=None)
        it.check("both run anew", it.running(API) == NEW and it.running(WORKER) == OLD)
        it.run("undo", "--yes", code=0)
        it.check("the push is undone", it.value(API) == OLD)


@case
def undo_passes_over_what_failed():
    with world("undo after a fix that failed") as it:
        it.run(*PUSH, "--service", API, "--no-deploy", code=1)
        it.arm({"kind": "not_authorized", "count": -1, "match": {"field": UPSERT}})
        run = it.run(*PUSH, "--service", WORKER, "--no-deploy")
        it.check("nothing is offered to be undone", "puts back" not in run.words, run)
        it.arm()
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("the one before is undone", it.value(API) == OLD)


@case
def undo_in_a_dry_run():
    with world("undo, dry run") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        for format in ("text", "json"):
            run = it.run("undo", "--dry-run", "--format", format, code=1)
            it.check(f"nothing is sent ({format})", not run.mutations, run)
        it.check("as JSON it has receipts", run.report and set(run.receipts().values()) == {"not-tried"}, run)


@case
def undo_of_stored_only():
    """What never ran need not be deployed to be gone."""
    with world("undo of a push without deployment") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        run = it.run("undo", "--yes", code=0)
        it.check("put back", it.value(API) == OLD == it.value(WORKER))
        it.check("nothing is deployed", run.count(REDEPLOY) == 0, run)


@case
def reports_in_a_file():
    with world("a report in a file") as it:
        (it.path / "report.json").write_text("")
        for arguments in ((*PUSH, "--no-deploy"), ("undo", "--yes", "--no-deploy"), ("undo", "--list")):
            # What is stored and not deployed is a finding that is left.
            code = 1 if arguments[0] == "fix" else 0
            run = it.run(*arguments, "--format=json", "--output", "report.json", code=code)
            report = (it.path / "report.json").read_text()
            it.check("standard output is empty", run.out == "", run)
            it.check("the report is whole", json.loads(report)["command"] == arguments[0], report)
            it.check("no value is in it", not [value for value in it.values if value in report])


@case
def no_place_for_the_report():
    """Said before anything is written: afterwards the receipt would be lost."""
    with world("no place for the report") as it:
        run = it.run(*PUSH, "--no-deploy", "--output", "missing/report.json", code=2)
        it.check("nothing is sent", not run.mutations, run)
        it.changed({})


@case
def no_values_without_a_terminal():
    with world("--show-values without a terminal") as it:
        for arguments in (PUSH, ("undo", "--yes")):
            run = it.run(*arguments, "--show-values", code=2)
            it.check("nothing is sent", not run.mutations, run)


@case
def without_a_journal():
    with world("no journal") as it:
        run = it.run(*PUSH, "--no-deploy", "--no-journal", code=1)
        it.check("says that it can't be undone", "can't be undone" in run.words, run)
        it.check("nothing is recorded", not it.journals())
    with world("no place for a journal") as it:
        (it.path.parent / "home" / "state").write_text("a file where a folder should be")
        run = it.run(*PUSH, code=2)
        it.check("nothing is sent", not run.mutations and "--no-journal" in run.text, run)


# 5. References, shared variables, dependents ----------------------------------------------------------------------------------

@case
def references():
    key, value = "REDIS_URL", "redis://elsewhere.example:6379/2026"
    arguments = ("fix", "--push", "--yes", "--only", key, "--service", API)
    with world("reference", env=env_with(REDIS_URL=value)) as it:
        run = it.run(*arguments, code=0)
        it.check("nothing is written", not run.mutations, run)
        it.check("says how", f"--allow-reference {key}" in run.words, run)
        run = it.run(*arguments, "--allow-reference", key, "--format", "json", code=0)
        it.changed({(API, key): value})
        it.both_run(value, [API], key)
        it.run("undo", "--yes", code=0)
        it.check("the reference is back as it was written", it.value(API, key) == "${{ Redis.REDIS_URL }}")
        it.check("and runs", it.running(API, key).startswith("redis://default:"), run)


@case
def shared_variables():
    key = "LOG_LEVEL"
    arguments = ("fix", "--push", "--yes", "--only", key)
    with world("shared", env=env_with(LOG_LEVEL="debug")) as it:
        run = it.run(*arguments, code=0)
        it.check("nothing is written", not run.mutations and f"--allow-shared {key}" in run.words, run)
        run = it.run(*arguments, "--allow-shared", key, "--format", "json", code=0)
        it.changed({(None, key): "debug"})
        inputs = [mutation["args"]["input"] for mutation in run.mutations if mutation["field"] == UPSERT]
        it.check("one upsert, of no service", len(inputs) == 1 and inputs[0].get("serviceId") is None, inputs)
        it.check("both are deployed once", run.count(REDEPLOY) == 2, run)
        for service in (API, WORKER):
            it.check(f"{service} runs with it", it.running(service, key) == "debug")
        it.run("undo", "--yes", code=0)
        it.changed({(None, key): "info"}, {**it.first, (None, key): 0})
        for service in (API, WORKER):
            it.check(f"{service} runs as before", it.running(service, key) == "info")


@case
def dependents():
    key, value = "REDIS_PASSWORD", "another-redis-password-2026"
    arguments = ("fix", "--push", "--yes", "--only", key, "--service", "Redis")
    with world("dependents named", env=env_with(REDIS_PASSWORD=value)) as it:
        run = it.run(*arguments, code=0)
        it.check("they are named", API in run.words and WORKER in run.words and "--dependents" in run.words, run)
        it.check("and not deployed", run.count(REDEPLOY) == 1, run)
        it.changed({("Redis", key): value})
    with world("dependents deployed", env=env_with(REDIS_PASSWORD=value)) as it:
        run = it.run(*arguments, "--dependents", "--format", "json", code=0)
        it.check("they are deployed", set(run.deployments()) == {"Redis", API, WORKER} and run.count(REDEPLOY) == 3, run)
        it.changed({("Redis", key): value})
        it.check("and run with it", value in it.running(WORKER, "CELERY_BROKER_URL"))


@case
def a_reference_to_what_each_deployment_is():
    """Such a value is another one in each deployment: that is no proof against it."""
    scenario = incident()
    instance(scenario, API)["variables"] |= {
        "RELEASE": {"value": "${{RAILWAY_DEPLOYMENT_ID}}", "updatedAt": "-60d"},
        "COMMIT": {"value": "v-${{RAILWAY_GIT_COMMIT_SHA}}", "updatedAt": "-60d"},
    }
    with world("deployment id", scenario) as it:
        it.run(*PUSH, "--service", API, "--format", "json", code=0)
        it.both_run(NEW, [API])


# The weird project ------------------------------------------------------------------------------------------------------------

WEIRD = json.loads((SCENARIOS / "weird.json").read_text(encoding="utf-8"))
WEIRD["options"] = {"advance": "instant"}


def weird_names():
    variables = instance(WEIRD, "api")["variables"]
    return [name for name in variables if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)]


@cases_of([(str(part), part) for part in range(4)])
def weird_pushes(name, part):
    """Each key by itself, with a word for everything: no crash, no violation, and only that key."""
    names = weird_names()
    env = "".join(f"{key}=other-value-{number}\n" for number, key in enumerate(names))
    with world(f"weird {name}", WEIRD, env) as it:
        it.faulty = {"reserved-name-written"}
        known = it.stored()
        for number, key in list(enumerate(names))[part::4]:
            run = it.run("fix", "--push", "--yes", "--only", key, "--service=api", "--no-deploy", "--format", "json")
            it.check(f"{key}: an honest exit code", run.code in (0, 1, 3), run)
            now = it.stored()
            touched = {place for place in known.keys() | now.keys() if known.get(place) != now.get(place)}
            it.check(f"{key}: nothing else", touched <= {("api", key)}, touched)
            it.check(f"{key}: stored as the receipt says", bool(touched) == ("done" in run.receipts().values()), run)
            if touched:
                it.check(f"{key}: the right value", now["api", key][0] == f"other-value-{number}")
            known = now


@case
def weird_undone():
    """Everything that can be written over is put back: references, circles, an empty value, 64 kB."""
    names = weird_names()
    words = [word for key in names for word in ("--only", key, "--allow-reference", key)]
    env = "".join(f"{key}=other-value-{number}\n" for number, key in enumerate(names))
    with world("weird, undone", WEIRD, env) as it:
        it.faulty = {"reserved-name-written"}
        run = it.run("fix", "--push", "--yes", "--service=api", "--no-deploy", "--format", "json", *words)
        done = {key for (change, key, _), outcome in run.receipts().items() if outcome == "done"}
        it.check("many are written", len(done) > 40, (len(done), run))
        it.check("in one upsert", run.count(UPSERT) == 1, run)
        it.changed({("api", key): f"other-value-{names.index(key)}" for key in done})
        it.run("undo", "--yes", "--no-deploy", code=0)
        values = {place: value for place, (value, _) in it.stored().items()}
        it.check("all values are back", values == {place: value for place, (value, _) in it.first.items()})


@case
def weird_deployments():
    env = "DOLLARS=other-value\nK=w\n"
    with world("weird, deployed", WEIRD, env) as it:
        it.run("fix", "--push", "--yes", "--only", "DOLLARS", "--service=api", "--format", "json", code=0)
        it.both_run("other-value", ["api"], "DOLLARS")
        it.run("undo", "--yes", code=0)
        it.check("back", it.value("api", "DOLLARS") == it.first["api", "DOLLARS"][0])
    with world("weird, never deployed", WEIRD, env) as it:
        names = ["$(touch pwned)", "\u00dcn\u00efcode-\u670d\u52a1"]
        flags = [f"--service={name}" for name in names]
        run = it.run("fix", "--push", "--yes", "--only", "K", *flags, "--format", "json", code=0)
        it.check("two first deployments", run.count(DEPLOY) == 2 and run.count(UPSERT) == 2, run)
        it.both_run("w", names, "K")
        it.check("nothing was run", not (it.path / "pwned").exists())
    with world("weird, dry run", WEIRD, "".join(f"{key}=other-value\n" for key in weird_names())) as it:
        for flags in ([], ["--format", "json"], ["--service=api"]):
            it.run("fix", "--push", "--dry-run", *flags, code=1)
        it.changed({})


@case
def weird_pulls():
    """Values that no file can hold are refused by name; what is written reads as it should."""
    names = weird_names()
    with world("weird, pulled", WEIRD, "".join(f"{key}=other-value\n" for key in names)) as it:
        run = it.run("fix", "--pull", "--yes", "--service=api", "--format", "json")
        it.check("nothing is sent", not run.mutations)
        it.check("an honest exit code", run.code in (0, 1, 6), run)
        for key in ("PATH", "LD_PRELOAD"):
            it.check(f"{key} is not pulled in bulk", f"\n{key}=other-value\n".encode() in b"\n" + it.env(), run.err)
        again = it.run("check", "--service=api", "--format", "json")
        differing = {one["key"] for one in again.report["findings"] if one["rule"] == "value-differs"}
        pulled = {key for (change, key, _), outcome in run.receipts().items() if outcome == "done"}
        it.check("many are pulled", len(pulled) > 25, len(pulled))
        it.check("what was pulled is equal", not pulled & differing, pulled & differing)
        it.run("undo", "--yes", code=0)
        it.check("byte for byte as before", it.env() == "".join(f"{key}=other-value\n" for key in names).encode())


# 6. Pruning -------------------------------------------------------------------------------------------------------------------

@case
def pruning():
    key = "STAGING_CHAOS_ENABLED"
    env = INCIDENT_ENV.replace(f"{key}=true\n", "")
    with world("prune", env=env) as it:
        run = it.run("fix", "--prune", "--yes")
        it.check("without a name nothing is removed", not run.mutations and run.code in (0, 1, 2), run)
        run = it.run("fix", "--push", "--prune", "--yes", "--only", KEY, "--no-deploy", code=1)
        it.check("another name is not its name", run.count(DELETE) == 0, run)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("prune by name", env=env) as it:
        run = it.run("fix", "--yes", "--only", key, code=2)
        run = it.run("fix", "--push", "--yes", "--only", key)
        it.check("without the word nothing is removed", not run.mutations, run)
        run = it.run("fix", "--prune", "--yes", "--only", key, "--service", API, "--format", "json", code=0)
        it.changed({(API, key): None})
        it.check("one removal", run.count(DELETE) == 1 and run.count(UPSERT) == 0, run)
        it.check("a receipt", run.receipts().get(("remove", key, API)) == "done", run)
        it.check("it is gone from what runs", it.running(API, key) is None)
        it.run("undo", "--yes", code=0)
        it.check("it is back", it.value(API, key) == "true" == it.running(API, key))
    with world("prune one service of two", env=INCIDENT_ENV.replace("APP_ENV=staging\n", "")) as it:
        it.run("fix", "--prune", "--yes", "--only", "APP_ENV", "--service", WORKER, code=0)
        it.changed({(WORKER, "APP_ENV"): None})


# 7. to 9. Who may do what -----------------------------------------------------------------------------------------------------

@cases_of([("production", "production", None), ("Prod-eu", "Prod-eu", None),
           ("marked", "live", '[environments.live]\nprotected = true\n')])
def protected(name, environment, toml):
    with world(f"protected {name}", production(environment), toml=toml) as it:
        for arguments in (PUSH, PULL):
            run = it.run(*arguments, code=2)
            it.check("nothing is sent", not run.mutations and f"--environment={environment}" in run.words, run)
        it.changed({})
        it.check("the file stays", it.env() == INCIDENT_ENV.encode())
        asked = it.run("fix", "--push", "--only", KEY, code=2)
        it.check("the printed command names it", f"--environment={environment}" in (asked.command() or []), asked)
        it.run(*PUSH, "--environment", environment, code=0)
        it.both_run(NEW)
        run = it.run("undo", code=2)
        it.check("undo asks, too", not run.mutations, run)


@case
def only_the_checkout_names_the_project():
    project, environment = INCIDENT["projects"][0], "staging"
    toml = f'project = "{project["id"]}"\nenvironment = "{environment}"\n[[require]]\nkeys = ["{KEY}"]\n' \
           f'services = ["{API}", "{WORKER}"]\n'
    with world("untrusted", toml=toml, link=False) as it:
        for arguments in (PUSH, ("fix", "--push", "--yes")):
            run = it.run(*arguments, code=2)
            it.check("nothing is sent", not run.mutations and "doctor.toml" in run.err, run)
        it.changed({})
        it.check("nothing is recorded", not it.journals())
        it.run("fix", "--push", "--only", KEY, "--dry-run", code=1)
        it.run(*PULL, code=1)
        it.check("a pull is allowed", f"{KEY}={OLD}\n".encode() in it.env())
        (it.path / ".env").write_text(INCIDENT_ENV)
        it.run(*PUSH, "--project", project["id"], "--no-deploy", code=2)
        it.run(*PUSH, "--project", project["id"], "--environment", environment, "--no-deploy", code=1)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("trusted by a token", toml=toml, link=False) as it:
        it.run(*PUSH, "--no-deploy", code=1, token=("RAILWAY_TOKEN", "project"))
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("trusted by a link", toml=toml) as it:
        it.run(*PUSH, "--no-deploy", code=1)
        it.changed({(API, KEY): NEW, (WORKER, KEY): NEW})


@case
def a_part_of_a_name():
    with world("a part of a name") as it:
        run = it.run(*PUSH, "--service", "worker", code=2)
        it.check("nothing is sent", not run.mutations and f"--service={WORKER}" in run.err, run)
        asked = it.run("fix", "--push", "--only", KEY, "--service", "worker", code=2)
        it.check("the printed command has the whole name", f"--service={WORKER}" in (asked.command() or []), asked)
        it.run(*asked.command(), code=0)
        it.changed({(WORKER, KEY): NEW})

# All of them --------------------------------------------------------------------------------------------------------------------

def cost(entry):
    """The longest first, so that none of them is left for the end."""
    name = entry[0]
    order = ("the_connection_dies with much", "the_incident", " before", "the_second", "somebody", "staged", "deploy")
    return next((place for place, word in enumerate(order) if word in name), len(order))


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
chosen = sorted((entry for entry in cases if wanted in entry[0]), key=cost)
doomed.extend(Server("--scenario", "incident") for name, _, _ in chosen if name.startswith("the_connection_dies"))
servers.extend(doomed)
play_all(chosen)
