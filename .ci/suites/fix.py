#!/usr/bin/env python3
"""Tests `doctor fix` and `doctor undo` against the independent simulated Railway, with many scenarios in parallel.

    fix.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run.
"""
import json
import os
import re
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import (
    KEY, API, WORKER, CRON, OLDEST, OLD, NEW, INCIDENT, INCIDENT_ENV, PUSH, PULL, UPSERT, DELETE, REDEPLOY, DEPLOY,
    incident, environment_of, instance, three_services, production, env_with, servers, world, cases, case, cases_of,
    run_all,
)
from server_checks import SCENARIOS, Server


# 1. The incident ----------------------------------------------------------------------------------------------------------

ALL_DONE = {("push", KEY, API): "done", ("push", KEY, WORKER): "done",
            ("redeploy", None, API): "done", ("redeploy", None, WORKER): "done"}


@case
def fix_and_undo_the_incident():
    """The main acceptance test: fix, verify, fix again without changes, undo, and undo the undo."""
    with world("incident", incident(advance="polls")) as it:
        commands = {service: it.service(service)["running"]["startCommand"] for service in (API, WORKER)}
        run = it.run(*PUSH, "--format", "json", code=0)
        it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.stores_and_runs(NEW)
        it.check("one upsert and one deployment per service", (run.count(UPSERT), run.count(REDEPLOY)) == (2, 2), run)
        created = {one["service"]: one["id"] for one in it.server.summary()["deploymentsCreated"]}
        it.check("the receipts name the deployments", run.deployments() == created, (run.deployments(), created))
        current = {service: it.service(service)["running"]["startCommand"] for service in (API, WORKER)}
        it.check("start commands are unchanged", current == commands)
        it.check("the file is unchanged", it.env() == INCIDENT_ENV.encode())
        run = it.run(*PUSH, code=0)
        it.check("a second run sends nothing", not run.mutations and "nothing to do" in run.unwrapped.lower(), run)

        after_fix = it.stored()
        first = it.journals()[0]
        listed = it.run("undo", "--list", code=0)
        it.check("the list contains the run", first in listed.out and KEY in listed.out, listed)
        listed = it.run("undo", "--list", "--format", "json", code=0)
        it.check("the JSON list contains the run", first in listed.out, listed)
        run = it.run("undo", "--yes", "--format", "json", code=0)
        restored = {("restore", key, service) if key else (change, key, service): "done"
                    for change, key, service in ALL_DONE}
        it.check("every step is undone", run.receipts() == restored, run)
        it.check_changed({(API, KEY): OLD, (WORKER, KEY): OLD}, after_fix)
        it.stores_and_runs(OLD)
        undo_run = next(iter(set(it.journals()) - {first}))
        run = it.run("undo", "--yes", code=2)
        it.check("there is nothing more to undo", "nothing to undo" in run.text and not run.mutations, run)
        it.run("undo", undo_run, "--yes", code=0)
        it.stores_and_runs(NEW)


@case
def interactive_fix():
    """`fix --service worker` in a terminal needs two key presses."""
    with world("incident, confirmed", incident(advance="polls")) as it:
        answers = [("What would you like to do?", "\r"), ("Apply this plan?", "y\r")]
        run = it.run_on_terminal("fix", "--service", WORKER, answers=answers, code=0)
        it.check_changed({(WORKER, KEY): NEW})
        it.stores_and_runs(NEW, (WORKER,))
        it.check("one upsert and one deployment", (run.count(UPSERT), run.count(REDEPLOY)) == (1, 1), run)
    with world("incident, Esc", incident()) as it:
        run = it.run_on_terminal("fix", "--service", WORKER, answers=[("What would you like to do?", "\x1b")], code=1)
        it.check("Esc changes nothing", not run.mutations, run)
    with world("incident, declined", incident()) as it:
        answers = [("What would you like to do?", "\r"), ("Apply this plan?", "n\r")]
        run = it.run_on_terminal("fix", "--service", WORKER, answers=answers, code=2)
        it.check("declining changes nothing", not run.mutations, run)


@case
def with_a_doctor_toml():
    toml = f"""[services.api]\nname = "{API}"\n[services.worker]\nname = "{WORKER}"
[[require]]\nkeys = ["{KEY}"]\nservices = ["api", "worker"]\n"""
    with world("doctor.toml", toml=toml) as it:
        it.run("trust", "--yes", code=0)
        run = it.run(*PUSH, "--service", "worker", "--format", "json", code=0)
        expected = {place: outcome for place, outcome in ALL_DONE.items() if place[2] == WORKER}
        it.check("only the worker", run.receipts() == expected, run)
        it.check_changed({(WORKER, KEY): NEW})
        it.stores_and_runs(NEW, [WORKER])
        run = it.run("fix", "--push", "--yes", code=0)
        it.check("then only the api", (run.count(UPSERT), run.count(REDEPLOY)) == (1, 1), run)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.stores_and_runs(NEW)
    with world("required", toml=toml) as it:
        it.run("trust", "--yes", code=0)
        run = it.run("fix", "--push", "--yes", "--format", "json", code=0)
        it.check("a required key needs no --only", run.receipts() == ALL_DONE, run)
        it.stores_and_runs(NEW)


@case
def without_confirmation():
    with world("no confirmation") as it:
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
                    it.check(f"{arguments}: the command is printed", run.command() is not None, run)
        it.check_changed({})
        it.check("nothing is recorded", not it.journals())
        it.check("the file is unchanged", it.env() == INCIDENT_ENV.encode())


@cases_of([("fix --push",), ("fix --push --yes",), (f"fix --pull --only {KEY}",)])
def printed_command_works(typed):
    with world(f"the command printed for {typed}") as it:
        # The worker runs an older value than both sides, which remains a finding after a pull.
        it.run(*(it.run(*typed.split(), code=2).command() or []), code=1 if "--pull" in typed else 0)
        if "--pull" in typed:
            it.check("the value is pulled", f"{KEY}={OLD}\n".encode() in it.env())
        else:
            it.stores_and_runs(NEW)


@case
def printed_undo_works():
    with world("the command printed for an undo") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        it.run(*(it.run("undo", code=2).command() or []), code=0)
        it.check("the values are restored", it.value(API) == OLD == it.value(WORKER))


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
def printed_command_repeats_flags(flags):
    """The printed command must contain every flag that affects the fix."""
    env = env_with(REDIS_URL="redis://elsewhere", LOG_LEVEL="debug", JWT_SIGNING_KEY="another-signing-key-2026")
    if "--prune" in flags:
        env = env.replace("STAGING_CHAOS_ENABLED=true\n", "")
    with world(f"printed for {flags}", env=env) as it:
        shutil.copy(it.path / ".env", it.path / "other.env")
        (it.path / "other.toml").write_text("")
        run = it.run("fix", *flags.split(), code=2)
        printed = it.run(*(run.command() or []), "--dry-run", code=1)
        it.check("a plan is shown", "Plan:" in run.out, run)
        it.check("the printed command has the same plan", steps(run) == steps(printed), (steps(run), steps(printed), run.err))
        words = " ".join(run.command() or []).replace("=", " ")
        missing = [word for word in flags.split() if word not in words]
        it.check("no flag is missing", not missing, (missing, words))


def steps(run):
    """Returns the changes of a plan and its number of deployments."""
    return set(re.findall(r"^ +([~+-] \w+) ", run.out, re.MULTILINE)), run.out.count(" again")


@case
def no_deploy():
    with world("no deploy") as it:
        run = it.run(*PUSH, "--no-deploy", code=1)
        it.check("the run reports that services keep running the old values", "keep their old values" in run.unwrapped, run)
        it.check("no deployment", run.count(UPSERT) == 2 and len(run.mutations) == 2, run)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.check("the old values are still running", (it.running(API), it.running(WORKER)) == (OLD, OLDEST))
    with world("no deploy as JSON") as it:
        run = it.run(*PUSH, "--no-deploy", "--format", "json", code=1)
        done = {place: outcome for place, outcome in ALL_DONE.items() if place[0] == "push"}
        it.check("no receipt for a deployment", run.receipts() == done, run)
        it.check("standard error reports it", "keep their old values" in re.sub(r"\s+", " ", run.err), run)
        run = it.run("fix", "--redeploy", "--yes", "--format", "json", code=0)
        it.check("a redeploy then deploys both", run.count(REDEPLOY) == 2 and len(run.mutations) == 2, run)
        it.stores_and_runs(NEW)


@cases_of([("project", "RAILWAY_TOKEN"), ("workspace", "RAILWAY_API_TOKEN"), ("oauth", "RAILWAY_API_TOKEN")])
def with_another_token(kind, variable):
    with world(f"{kind} token") as it:
        run = it.run(*PUSH, "--format", "json", code=0, token=(variable, kind))
        it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.stores_and_runs(NEW)
        run = it.run("undo", "--yes", "--no-deploy", code=0, token=(variable, kind))
        it.check("the values are restored", it.value(API) == OLD == it.value(WORKER), run)


@case
def many_services():
    scenario = {"name": "many", "generate": "30x10", "options": {"advance": "instant"}}
    with world("30 services", scenario, "VAR_001=the-same-everywhere-2026\n") as it:
        services = [service["name"] for service in it.environment()["services"]]
        run = it.run("fix", "--push", "--yes", "--only", "VAR_001", "--format", "json", code=0)
        it.check("one upsert and one deployment per service", run.count(UPSERT) == 30 == run.count(REDEPLOY), run.mutations)
        it.check_changed({(service, "VAR_001"): "the-same-everywhere-2026" for service in services})
        it.check("services share requests", run.report["summary"]["requests"] <= 60 + 25, run.report["summary"])
        it.stores_and_runs("the-same-everywhere-2026", services, "VAR_001")


@case
def values_are_stored_exactly():
    values = {"A": "two\nlines\n", "B": "tab\tand 'quotes'", "C": "na\u00efve \u2014 \u65e5\u672c \U0001f684", "D": "a=b==#c # d",
              "E": "  spaces  ", "G": '{"json": [1, "x"]}', "H": "x" * 60000, "I": "100%25 %s {0} & <b>"}
    quote = {key: f'"{value}"' if "'" in value else f"'{value}'" for key, value in values.items()}
    with world("values", env="".join(f"{key}={value}\n" for key, value in quote.items())) as it:
        names = [word for key in values for word in ("--only", key)]
        it.run("fix", "--add", "--yes", "--no-deploy", "--service", WORKER, *names, code=1)
        it.check_changed({(WORKER, key): value for key, value in values.items()})
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("the keys are removed again", it.stored() == it.initial)


# 2. Pulling ---------------------------------------------------------------------------------------------------------------

TRICKY_ENV = (
    b"\xef\xbb\xbf# mixed line endings and spellings  \r\n"
    b"\r\n"
    b"export  APP_ENV = 'staging'   # spaces around it\r\n"
    b"LOG_LEVEL=\"info\"\n"
    b"# STAGING_OPS_API_KEY=commented-out-key-2026\n"
    b"STAGING_OPS_API_KEY=first-of-two-keys-2026\r\n"
    b"  export STAGING_CHAOS_ENABLED=true\t# tab\r\n"
    b"TEXT=\"line one\nSTAGING_OPS_API_KEY=not-an-assignment-2026\n\"\n"
    b"\texport STAGING_OPS_API_KEY = \"<HERE>\" # the effective one\r\n"
    b"WORKER_CONCURRENCY=4\n"
    b"\n\n"
    b"LAST='no newline after me'"
)


def tricky_env(value):
    return TRICKY_ENV.replace(b"<HERE>", value.encode())


@case
def pull_changes_one_value():
    with world("pull", env=tricky_env(NEW)) as it:
        (it.path / "conf").mkdir()
        (it.path / ".env").rename(it.path / "conf" / "real.env")
        (it.path / ".env").symlink_to("conf/real.env")
        (it.path / "conf" / "real.env").chmod(0o640)
        run = it.run(*PULL, "--format", "json", code=1)
        it.check("one receipt", run.receipts() == {("pull", KEY, ".env"): "done"}, run)
        it.check("no mutation is sent", not run.mutations)
        it.check("exactly one value changed", it.env() == tricky_env(OLD), it.env())
        it.check("the link is unchanged", os.readlink(it.path / ".env") == "conf/real.env")
        it.check("the mode is unchanged", (it.path / "conf" / "real.env").stat().st_mode & 0o777 == 0o640)
        run = it.run(*PULL, code=1)
        it.check("a second run changes nothing", it.env() == tricky_env(OLD) and "nothing to do" in run.unwrapped.lower(), run)
        run = it.run("undo", "--yes", "--format", "json", code=0)
        it.check("undone", run.receipts() == {("restore", KEY, ".env"): "done"}, run)
        it.check("the file is restored byte for byte", it.env() == tricky_env(NEW), it.env())
        it.check("the link is unchanged", os.readlink(it.path / ".env") == "conf/real.env")
        it.check("the mode is unchanged", (it.path / "conf" / "real.env").stat().st_mode & 0o777 == 0o640)
        it.check_changed({})


@case
def undo_pull_after_manual_edit():
    with world("pull, then an edit", env=tricky_env(NEW)) as it:
        it.run(*PULL, code=1)
        edited = it.env().replace(b"WORKER_CONCURRENCY=4\n", b"WORKER_CONCURRENCY=8 # mine\nMINE=1\n")
        (it.path / ".env").write_bytes(edited)
        it.run("undo", "--yes", code=0)
        it.check("the key is restored, other edits are kept", it.env() == edited.replace(OLD.encode(), NEW.encode()), it.env())
    with world("pull, then an edit of the same key", env=tricky_env(NEW)) as it:
        it.run(*PULL, code=1)
        edited = it.env().replace(OLD.encode(), b"edited-by-hand-since")
        (it.path / ".env").write_bytes(edited)
        run = it.run("undo", "--yes", "--format", "json", code=6)
        it.check("the receipt is a conflict", run.receipts() == {("restore", KEY, ".env"): "conflict"}, run)
        it.check("the edit is kept", it.env() == edited)


@case
def pull_adds_key():
    key = "STAGING_CHAOS_ENABLED"
    env = "".join(line for line in INCIDENT_ENV.splitlines(True) if not line.startswith(key)).rstrip("\n").encode()
    with world("pull a new key", env=env) as it:
        run = it.run("fix", "--pull", "--yes", "--format", "json")
        it.check("the key is not pulled in bulk", key.encode() not in it.env() and OLD.encode() in it.env(), run)
        it.run("undo", "--yes", code=0)
        it.check("the file is restored", it.env() == env)
        run = it.run("fix", "--pull", "--yes", "--only", key, "--format", "json", code=0)
        it.check("one receipt", run.receipts() == {("pull", key, ".env"): "done"}, run)
        added = it.env().removeprefix(env + b"\n").decode().splitlines()
        assigned = [line for line in added if line and not line.startswith("#")]
        it.check("the key is appended below a comment", len(assigned) == 1 and added[-1] == assigned[0], it.env()[-200:])
        it.check("the value is right", assigned[0].replace("'", "").replace('"', "") == f"{key}=true", assigned)
        it.check("the comment names the service", any(API in line for line in added if line.startswith("#")), added)
        edited = it.env() + b"MINE=1\n"
        (it.path / ".env").write_bytes(edited)
        it.run("undo", "--yes", code=0)
        it.check("the key is removed, the edit is kept", key.encode() not in it.env() and it.env().endswith(b"MINE=1\n"), it.env())
    with world("pull a new key, undo", env=env) as it:
        it.run("fix", "--pull", "--yes", "--only", key, code=0)
        it.run("undo", "--yes", code=0)
        it.check("the file is restored byte for byte", it.env() == env, it.env()[-200:])


@case
def pull_needs_a_file():
    with world("no file") as it:
        (it.path / ".env").unlink()
        run = it.run("fix", "--pull", "--yes", "--only", "WORKER_CONCURRENCY", "--service", WORKER, code=2)
        it.check("it refers to doctor pull", "doctor pull" in run.err and not (it.path / ".env").exists(), run)


# 3. Faults ------------------------------------------------------------------------------------------------------------------

HOWS = ("reset", "hang", "truncate", "graphql_error", "500", "502", "503")


@cases_of([(f"{field} {when} {how}", field, when, how)
           for field in (UPSERT, REDEPLOY) for when in ("before", "after") for how in HOWS])
def lost_response(name, field, when, how):
    """If the response to a mutation is lost, its effect is looked up. The mutation is never sent again."""
    fault = {"kind": "mutation_fail", "when": when, "how": how, "match": {"field": field}}
    with world(name, faults=[fault]) as it:
        run = it.run(*PUSH, "--service", WORKER, "--format", "json")
        receipts = run.receipts()
        push, deploy = receipts.get(("push", KEY, WORKER)), receipts.get(("redeploy", None, WORKER))
        if when == "after":
            it.check("the exit code is 0", run.code == 0, run)
            it.check("both steps are done", (push, deploy) == ("done", "done"), run)
            it.check_changed({(WORKER, KEY): NEW})
            it.stores_and_runs(NEW, [WORKER])
            return
        outcome = push if field == UPSERT else deploy
        # Only a GraphQL error may be treated as a refusal; a missing response may not.
        it.check("the receipt is accurate", outcome == "unknown" or (outcome == "failed" and how == "graphql_error"), run)
        if field == UPSERT:
            # If nothing was written, the exit code is that of the cause.
            it.check("the exit code is right", run.code == (6 if outcome == "unknown" else 5), run)
            it.check("no deployment", deploy == "not-tried" and run.count(REDEPLOY) == 0, run)
            it.check_changed({})
        else:
            it.check("the exit code is 6", run.code == 6, run)
            it.check("the value is stored", push == "done", run)
            it.check_changed({(WORKER, KEY): NEW})
            it.check("the old value is still running", it.running(WORKER) == OLDEST)
            it.set_faults()
            it.run("undo", "--yes", "--no-deploy", code=0)
            it.check("the values are restored", it.value(WORKER) == OLD)


@cases_of([("before", "before"), ("after", "after")])
def second_of_three_fails(name, when):
    fault = {"kind": "mutation_fail", "nth": 2, "when": when, "how": "500", "match": {"field": UPSERT}}
    with world(f"500 {name} the second of three", three_services(), faults=[fault]) as it:
        run = it.run(*PUSH, "--format", "json", code=6 if when == "before" else 0)
        order = [API, CRON, WORKER]
        outcomes = [run.receipts().get(("push", KEY, service)) for service in order]
        it.check("the three receipts are accurate", outcomes == ["done", "unknown" if when == "before" else "done", "done"], run)
        done = [service for service, outcome in zip(order, outcomes) if outcome == "done"]
        it.check_changed({(service, KEY): NEW for service in done})
        it.stores_and_runs(NEW, done)
        it.check("one deployment per changed service", run.count(REDEPLOY) == len(done), run)
        it.check("the undo is listed", when != "before" or "doctor undo" in it.run("undo", "--list").out)
        it.set_faults()
        it.run("undo", "--yes", code=0)
        for service in order:
            it.check(f"{service} is restored", it.value(service) == OLD)
        it.check("the unchanged service was not written", when == "after" or
                 it.stored()[CRON, KEY] == it.initial[CRON, KEY])


def concurrent_write(**change):
    """Another user writes between the first read of the values and the write."""
    return {"kind": "concurrent_write", "when": "after_read", "match": {"operation": "Values"}, "writes": [change]}


@cases_of([("text",), ("json",)])
def concurrent_write_to_same_key(format):
    other_value = "concurrent-key-2026"
    change = concurrent_write(service=WORKER, name=KEY, value=other_value)
    with world(f"conflict in {format}", env=env_with(WORKER_CONCURRENCY="9"), faults=[change]) as it:
        it.values.add(other_value)
        run = it.run(*PUSH, "--only", "WORKER_CONCURRENCY", "--service", API, "--service", WORKER, "--format", format, code=6)
        it.check("the other user's value is kept", it.value(WORKER) == other_value)
        it.stores_and_runs(NEW, [API])
        it.stores_and_runs("9", [WORKER], "WORKER_CONCURRENCY")
        if format == "text":
            shown = all(text in run.unwrapped for text in ("expected ●", "found ●", "new ●"))
            it.check("the conflict shows all three values", shown and "conflict" in run.out, run)
        else:
            it.check("the receipt is a conflict", run.receipts().get(("push", KEY, WORKER)) == "conflict", run)
            it.check("the other step is done", run.receipts().get(("push", KEY, API)) == "done", run)
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("undo keeps the other user's value", it.value(WORKER) == other_value and it.value(API) == OLD)


@case
def concurrent_write_to_another_key():
    with world("another key", faults=[concurrent_write(service=WORKER, name="APP_ENV", value="concurrent-env")]) as it:
        it.run(*PUSH, code=0)
        it.check("the other user's value is kept", it.value(WORKER, "APP_ENV") == "concurrent-env")
        it.stores_and_runs(NEW)


@case
def concurrent_write_of_same_value():
    with world("the same value", faults=[concurrent_write(service=WORKER, name=KEY, value=NEW)]) as it:
        run = it.run(*PUSH, "--format", "json", code=0)
        it.check("the step counts as done", run.receipts()["push", KEY, WORKER] == "done" and run.count(UPSERT) == 1, run)
        it.check("both services have the value", it.value(API) == NEW == it.value(WORKER))


@case
def concurrent_removal():
    with world("removed", faults=[concurrent_write(service=WORKER, name=KEY, value=None)]) as it:
        run = it.run(*PUSH, "--format", "json", code=6)
        it.check("a removal is a conflict", run.receipts()["push", KEY, WORKER] == "conflict", run)
        it.check("the key stays removed", it.value(WORKER) is None)


def staged(key, service=WORKER):
    return {"services": {service: {"variables": {key: {"value": "staged-by-other-user-2026"}}}}}


def with_staged(key):
    scenario = incident()
    environment_of(scenario)["staged"] = staged(key)
    return scenario


@case
def staged_on_the_same_key():
    with world("staged", with_staged(KEY)) as it:
        it.values.add("staged-by-other-user-2026")
        before = it.environment()["staged"]
        for format in ("text", "json"):
            run = it.run(*PUSH, "--format", format, code=6)
            it.check("no mutation is sent", not run.mutations and "staged" in run.err, run)
            it.check("the help names --on-staged", "--on-staged=ignore" in run.err, run)
        it.check_changed({})
        it.check("nothing is recorded", not it.journals())
        it.run(*PUSH, "--on-staged", "ignore", code=1)
        it.stores_and_runs(NEW)
        it.check("staged changes are kept", it.environment()["staged"] == before)


@case
def staged_on_another_key():
    with world("staged, another key", with_staged("APP_ENV")) as it:
        before = it.environment()["staged"]
        run = it.run(*PUSH, code=0)
        it.check("the staged change is reported", "staged" in run.unwrapped, run)
        it.stores_and_runs(NEW)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
        it.check("staged changes are kept", it.environment()["staged"] == before)
        it.write(staged=staged(KEY))
        before = it.environment()["staged"]
        run = it.run("undo", "--yes", code=6)
        it.check("undo also stops", not run.mutations, run)
        it.run("undo", "--yes", "--on-staged", "ignore", code=0)
        it.stores_and_runs(OLD)
        it.check("staged changes are kept", it.environment()["staged"] == before)


ENDS = [("FAILED", 7, "failed"), ("CRASHED", 7, "failed"), ("SKIPPED", 7, "failed"), ("NEEDS_APPROVAL", 8, "unknown")]


@cases_of(ENDS)
def unsuccessful_deployment(end, code, outcome):
    with world(f"deployment {end}", incident(advance="polls"), plans=[(WORKER, [{"end": end}])]) as it:
        run = it.run(*PUSH, "--format", "json", code=code)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): outcome}
        it.check("the receipts are accurate", run.receipts() == expected, run)
        it.stores_and_runs(NEW, [API])
        it.check("the worker has the value", it.value(WORKER) == NEW)
        it.check("the undo command is printed", f"doctor undo {it.journals()[0]}" in run.err, run)


@cases_of(ENDS)
def unsuccessful_deployment_in_text(end, code, outcome):
    with world(f"deployment {end} in text", plans=[(WORKER, [{"end": end}])]) as it:
        run = it.run(*PUSH, code=code)
        it.check("the undo command is printed", f"doctor undo {it.journals()[0]}" in run.unwrapped, run)
        if end == "NEEDS_APPROVAL":
            it.check("the pending approval is reported", "approv" in run.unwrapped, run)
            return
        it.check("the dashboard is linked", "https://railway.com/project/" in run.unwrapped, run)
        it.server.call("/faults", {"kind": "deploy_plan", "service": WORKER, "plan": [{"end": "SUCCESS"}]})
        it.run("undo", "--yes", code=0)
        it.stores_and_runs(OLD)


def failing_build(error, **late):
    """Returns a plan for a failed build: only an attribute of its log has the cause, lines repeat, and one step failed."""
    def step(text, **attributes):
        return {"message": text, "attributes": {"source": "buildkit", "type": "vertex", "digest": text, **attributes}}

    cause = {**step("[4/4] RUN make", error=error), "severity": "error", **late}
    steps = [{"step": "SNAPSHOT_CODE"}, {"id": "retried", "step": "PUBLISH_IMAGE", "error": "a registry that responded later"},
             {"id": "retried", "step": "PUBLISH_IMAGE"}, {"step": "HEALTHCHECK", "error": "was not reached", "skipped": True},
             {"step": "BUILD_IMAGE", "error": "Failed to build. Please check the build logs for more details."},
             {"step": "DRAIN_INSTANCES", "skipped": True}]
    log = [step("[1/4] FROM python")] * 3 + [step("[4/4] RUN make", error=None)] * 2 + [cause]
    return [{"end": "FAILED", "buildLogs": log, "events": steps}]


def operations(it):
    """Returns the operation names of all requests."""
    return [one["operationName"] for one in it.server.call("/requests")["requests"]]


@cases_of([
    ("at once", {}, {}, 1, 0), ("plain", {"logAttributes": "plain"}, {}, 1, 0),
    ("refused", {"buildLogs": "refused"}, {}, 1, 1), ("empty", {"buildLogs": "empty"}, {}, 1, 1),
    ("by its replica", {"buildLogs": "empty", "buildLogTags": "replica"}, {}, 1, 1),
    ("late by polls", {}, {"afterEndPolls": 1}, 2, 0), ("late", {}, {"afterEndSeconds": 15}, 2, 0),
    ("refused and late", {"buildLogs": "refused"}, {"afterEndSeconds": 12, "afterEndPolls": 1}, 2, 2),
])
def failed_build_cause(name, options, late, own, by_snapshot):
    """The cause is found in either log, even if it is late. If it is already there, there is no wait."""
    plan = failing_build(f"exit code: 2, token {NEW}", **late)
    with world(f"failed build {name}", incident(**options), plans=[(WORKER, plan)]) as it:
        started = time.monotonic()
        run = it.run(*PUSH, "--service", WORKER, "--show-logs", code=7)
        took = time.monotonic() - started
        it.check("the cause is shown", "[4/4] RUN make: exit code: 2, token" in run.unwrapped, run)
        it.check("the failed step is shown", re.search(r"BUILD_IMAGE: Failed to build\.(?! Please)", run.unwrapped), run)
        it.check("no other step is shown", not re.search("PUBLISH_IMAGE|HEALTHCHECK|DRAIN", run.unwrapped), run)
        it.check("repeated lines are shown once", run.unwrapped.count("[1/4] FROM python") == 1, run)
        sent = operations(it)
        tries = 2 if options.get("buildLogs") == "refused" else 1  # An error without a reason is retried once.
        it.check("the log is read as often as needed", sent.count("BuildLog") == own * tries and
                 sent.count("BuildLogBySnapshot") == by_snapshot, sent)
        it.check("the wait is not longer than needed", took < 12 if own == 1 else took > 14, took)


@cases_of([("counted", (), 0, 7), ("interrupted", ("--show-logs",), signal.SIGINT, 130)])
def no_wait_for_late_lines(name, flags, number, code):
    """If lines are only counted, or after Ctrl-C, there is no wait for late lines."""
    with world(f"late line {name}", plans=[(WORKER, failing_build("exit code: 2", afterEndPolls=1))]) as it:
        before, started = it.begin(), time.monotonic()
        process = it.start(*PUSH, "--service", WORKER, *flags)
        if number:
            it.wait("the build log", lambda _: "BuildLog" in operations(it))
            time.sleep(1)
            process.send_signal(number)
        run = it.end(process, PUSH, before, code)
        it.check("the run ends immediately", time.monotonic() - started < 12, run)
        it.check("the cause is not shown", "exit code: 2" not in run.unwrapped, run)
        it.check("lines are shown only with --show-logs", ("[4/4] RUN make" in run.unwrapped) == bool(flags), run)


@case
def newer_deployment_in_progress():
    """The fix waits for a newer deployment and redeploys that one, never older code."""
    with world("in flight", incident(advance="polls")) as it:
        newer = it.write(service=WORKER, name="APP_ENV", value="concurrent-env", deploy=True)["deployments"][0][0]
        run = it.run(*PUSH, "--service", WORKER, "--format", "json", code=0)
        redeployed = [mutation["args"]["id"] for mutation in run.mutations if mutation["field"] == REDEPLOY]
        it.check("the newer deployment is redeployed", redeployed == [newer], (redeployed, newer))
        it.stores_and_runs(NEW, [WORKER])
        it.check("its change is running", it.running(WORKER, "APP_ENV") == "concurrent-env")


@case
def superseded():
    """Another user's deployment, created after the write, supersedes doctor's. It is followed instead."""
    with world("superseded", incident(advance="polls")) as it:
        before = it.begin()
        process = it.start(*PUSH, "--service", WORKER, "--format", "json")
        it.wait("a deployment", lambda summary: summary["deploymentsCreated"])
        other = it.write(service=WORKER, name="APP_ENV", value="concurrent-env", deploy=True)["deployments"][0][0]
        it.server.call("/advance", {"deployment": other})
        run = it.end(process, (*PUSH, "--service", WORKER, "--format", "json"), before, 0)
        it.check("the receipt names the running deployment", run.deployments() == {WORKER: other}, run)
        it.stores_and_runs(NEW, [WORKER])


@case
def running_value_stays_old():
    with world("captured", incident(redeployVariables="captured")) as it:
        run = it.run(*PUSH, "--format", "json", code=7)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): "failed", ("redeploy", None, API): "failed"}
        it.check("the receipts are accurate", run.receipts() == expected, run)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("captured, in text", incident(redeployVariables="captured")) as it:
        run = it.run(*PUSH, code=7)
        it.check("the old values are reported", f"old values of {KEY}" in run.unwrapped, run)


# Servers that a case stops.
servers_to_stop = []


@cases_of([("with little time", ("--timeout", "12s")), ("with much", ())])
def connection_lost(name, flags):
    server = servers_to_stop.pop()
    with world(f"killed {name}", incident(advance="polls"), server=server) as it:
        before = it.begin()
        process = it.start(*PUSH, *flags, "--format", "json")
        it.wait("both deployments", lambda summary: len(summary["deploymentsCreated"]) == 2)
        server.stop()
        run = it.end(process, (*PUSH, *flags, "--format", "json"), before, 8)
        expected = {**ALL_DONE, ("redeploy", None, WORKER): "unknown", ("redeploy", None, API): "unknown"}
        it.check("the receipts are accurate", run.receipts() == expected, run)


@cases_of([
    ("once, while storing", UPSERT, {"retryAfter": 1}, 0),
    ("permanently, while storing", UPSERT, {"retryAfter": 2000, "count": -1}, 5),
    ("once, while deploying", REDEPLOY, {"retryAfter": 1}, 0),
    ("permanently, while deploying", REDEPLOY, {"retryAfter": 2000, "count": -1}, 6),
    ("while waiting", "deployment", {"retryAfter": 1, "count": 3}, 0),
])
def rate_limited(name, field, fault, code):
    with world(f"rate limited {name}", faults=[{"kind": "rate_limit", "match": {"field": field}, **fault}]) as it:
        run = it.run(*PUSH, "--format", "json", code=code)
        if code == 0:
            it.check("all done", run.receipts() == ALL_DONE, run)
            it.stores_and_runs(NEW)
        elif field == UPSERT:
            it.check("no variable is written", not run.mutations and "done" not in run.receipts().values(), run)
            it.check_changed({})
        else:
            it.check("stored but not deployed", run.receipts()["push", KEY, API] == "done"
                     and "done" not in {run.receipts()["redeploy", None, service] for service in (API, WORKER)}, run)
            it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
            it.check("no deployment", run.count(REDEPLOY) == 0)


@cases_of([
    ("Cannot redeploy yet, please wait for the original deployment to finish building", 0, "done"),
    ("You are deploying too quickly. Please wait a minute.", 6, "failed"),
])
def deployment_refused(message, code, outcome):
    """“Cannot redeploy yet” is retried; “too quickly” is not."""
    fault = {"kind": "graphql_error", "message": message, "match": {"field": REDEPLOY}}
    with world(message, faults=[fault]) as it:
        run = it.run(*PUSH, "--service", WORKER, "--format", "json", code=code)
        it.check("the receipt is accurate", run.receipts().get(("redeploy", None, WORKER)) == outcome, run)
        it.check("the value is stored", it.value(WORKER) == NEW)
        it.check("at most one deployment", run.count(REDEPLOY) == (1 if code == 0 else 0), run)


@cases_of([
    ("refused", {"kind": "partial", "path": "Query.deploymentSnapshot", "count": -1}),
    ("refused altogether", {"kind": "graphql_error", "match": {"field": "deploymentSnapshot"}, "count": -1}),
    ("refused for this token", {"kind": "not_authorized", "match": {"field": "deploymentSnapshot"}, "count": -1}),
])
def no_snapshot(name, fault):
    """If the deployed values can't be read, a successful deployment after the write is verified by time, and this is reported."""
    with world(f"snapshot {name}", faults=[fault]) as it:
        run = it.run(*PUSH, code=0)
        it.check("verification by time is reported", "could not read the variables" in run.unwrapped and "created after the values were stored" in run.unwrapped, run)
        it.stores_and_runs(NEW)


@case
def no_snapshot_in_json():
    with world("no snapshot, as JSON", faults=[{"kind": "partial", "path": "Query.deploymentSnapshot", "count": -1}]) as it:
        run = it.run(*PUSH, "--format", "json", code=0)
        it.check("all done", run.receipts() == ALL_DONE, run)
        it.check("standard error reports it", "could not read the variables" in re.sub(r"\s+", " ", run.err), run)


@case
def without_permission():
    refusal = {"kind": "not_authorized", "count": -1}
    with world("no write permission", faults=[{**refusal, "match": {"field": UPSERT}}]) as it:
        run = it.run(*PUSH, "--format", "json", code=4)
        it.check("no variable is written", not run.mutations and "done" not in run.receipts().values(), run)
        it.check_changed({})
    with world("no deploy permission", faults=[{**refusal, "match": {"field": REDEPLOY}}]) as it:
        run = it.run(*PUSH, "--format", "json", code=6)
        it.check("stored but not deployed", run.receipts().get(("push", KEY, API)) == "done" and
                 run.receipts().get(("redeploy", None, API)) == "failed", run)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("no read permission", faults=[refusal]) as it:
        # A rejected token is tried in the other header, to report which kind it is.
        it.allowed_warnings = {"wrong-auth-header"}
        it.check("no mutation is sent", not it.run(*PUSH, code=4).mutations)


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
        it.check("the receipts so far are printed", run.receipts() == expected, run)
        it.check("the interruption is reported", "interrupted" in run.text or "stopping" in run.text, run)
        it.server.call("/advance", {})
        it.run("undo", "--yes", code=0)
        it.check("the fix is undone", (it.value(API), it.value(WORKER)) == (OLD, OLD))


@case
def interrupted_between_steps():
    """The current step is finished; the next one does not start."""
    arguments = (*PUSH, "--format", "json")
    slow = {"kind": "latency", "ms": 1500, "match": {"field": UPSERT}}
    with world("Ctrl-C while storing", faults=[slow]) as it:
        before = it.begin()
        process = it.start(*arguments)
        deadline = time.monotonic() + 10
        while not it.journals() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        run = it.end(process, arguments, before, 130)
        outcomes = [run.receipts().get(("push", KEY, service)) for service in (API, WORKER)]
        it.check("the first is done, the second is not tried", outcomes == ["done", "not-tried"], run)
        it.check("no deployment", [mutation["field"] for mutation in run.mutations] == [UPSERT], run)
        it.check_changed({(API, KEY): NEW})


@cases_of([("the environment", "Environment"), ("the values", "Values"), ("staged changes", "PreWriteState")])
def interrupted_before_write(name, operation):
    with world(f"Ctrl-C while reading {name}", faults=[
            {"kind": "latency", "ms": 3000, "match": {"operation": operation}}]) as it:
        before = it.begin()
        process = it.start(*PUSH)
        it.wait("a request", lambda summary: summary["faultsFired"])
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        run = it.end(process, PUSH, before, 130)
        it.check("the run ends immediately", time.monotonic() - start < 3.5)
        it.check("the run reports that nothing was changed", "nothing was changed" in run.text and not run.mutations, run)
        it.check_changed({})
        it.check("nothing is recorded", not it.journals())


@case
def write_during_deployment():
    """Verification covers only the fix's own changes; another user's value runs with their next deployment."""
    with world("write during deployment", incident(advance="polls")) as it:
        arguments = (*PUSH, "--service", WORKER, "--format", "json")
        before = it.begin()
        process = it.start(*arguments)
        it.wait("a deployment", lambda summary: summary["deploymentsCreated"])
        it.write(service=WORKER, name="APP_ENV", value="concurrent-env")
        run = it.end(process, arguments, before, 0)
        it.check("the deployment is done", run.receipts().get(("redeploy", None, WORKER)) == "done", run)
        it.stores_and_runs(NEW, [WORKER])


@case
def deployment_right_before_write():
    """That deployment got the old values and must not count as verified."""
    fault = {"kind": "concurrent_write", "when": "before_mutation", "match": {"field": UPSERT},
             "writes": [{"service": WORKER, "name": "APP_ENV", "value": "concurrent-env", "deploy": True}]}
    with world("deployment right before the write", incident(advance="polls"), faults=[fault]) as it:
        run = it.run(*PUSH, "--service", WORKER, "--format", "json", code=0)
        it.check("one deployment by doctor", run.count(REDEPLOY) == 1, run)
        it.stores_and_runs(NEW, [WORKER])
        it.check("the other user's change is running", it.running(WORKER, "APP_ENV") == "concurrent-env")


@case
def file_edited_during_fix():
    # A pull sends no request between plan and write, and the file is read before the values are requested.
    for name, arguments, operation in (("pull", PULL, "Values"), ("push", PUSH, "PreWriteState")):
        slow = {"kind": "latency", "ms": 1500, "match": {"operation": operation}}
        with world(f"the file is edited during a {name}", faults=[slow]) as it:
            before = it.begin()
            process = it.start(*arguments, "--format", "json")
            it.wait("the slow request", lambda summary: summary["faultsFired"])
            edited = INCIDENT_ENV.replace(NEW, "edited-during-fix-2026")
            it.values.add("edited-during-fix-2026")
            (it.path / ".env").write_text(edited)
            run = it.end(process, (*arguments, "--format", "json"), before, 6)
            it.check("the receipt is a conflict", set(run.receipts().values()) <= {"conflict", "not-tried"}, run)
            it.check("the edit is kept", it.env() == edited.encode())
            it.check_changed({})


@cases_of([("while storing", UPSERT, 0), ("while deploying", REDEPLOY, 2), ("while waiting", "deployment", 4)])
def killed(name, field, mutations):
    """A killed fix can be undone, because the record is written before any change."""
    slow = {"kind": "latency", "ms": 1500, "match": {"field": field}}
    with world(f"killed {name}", faults=[slow]) as it:
        before = it.begin()
        process = it.start(*PUSH)
        it.wait("the slow request", lambda summary: len(summary["mutations"]) >= mutations and summary["faultsFired"])
        process.kill()
        run = it.end(process, PUSH, before)
        it.check("the run was killed", run.code == -signal.SIGKILL, run)
        time.sleep(2)
        it.set_faults()
        it.server.call("/advance", {})
        it.check("the file is intact", it.env() == INCIDENT_ENV.encode())
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("the values are restored", it.value(API) == OLD == it.value(WORKER))
        it.run(*PUSH, code=0)
        it.stores_and_runs(NEW)


# 4. Undoing -----------------------------------------------------------------------------------------------------------------

@case
def undo_after_one_changed():
    with world("undo, changed since") as it:
        it.run(*PUSH, code=0)
        it.write(service=WORKER, name=KEY, value="changed-again-by-other-user")
        run = it.run("undo", "--yes", "--format", "json", code=6)
        it.check("the other user's value is kept", it.value(WORKER) == "changed-again-by-other-user")
        it.check("the api is restored", it.value(API) == OLD == it.running(API), run)
        it.check("the receipt is a conflict", run.receipts().get(("restore", KEY, WORKER)) == "conflict", run)
        it.check("only one service is deployed", run.count(REDEPLOY) == 1, run)


@cases_of([("changed", "changed-again-by-other-user", 6), ("removed", None, 6), ("restored by hand", OLD, 0)])
def undo_after_change(name, value, code):
    with world(f"undo, {name} since") as it:
        it.run(*PUSH, "--service", WORKER, "--no-deploy", code=1)
        it.write(service=WORKER, name=KEY, value=value)
        run = it.run("undo", "--yes", code=code)
        it.check("no mutation is sent", not run.mutations and it.value(WORKER) == value, run)
        it.check("there is nothing to restore", "nothing to restore" in run.unwrapped.lower(), run)


@case
def undo_of_an_added_key():
    with world("undo an added key", env=env_with(BRAND_NEW="brand-new-value-2026")) as it:
        run = it.run("fix", "--add", "--yes", "--only", "BRAND_NEW", "--service", WORKER, "--format", "json")
        it.check("the key is added", it.value(WORKER, "BRAND_NEW") == "brand-new-value-2026", run)
        it.check("the exit code is 0", run.code == 0, run)
        it.check_changed({(WORKER, "BRAND_NEW"): "brand-new-value-2026"})
        it.stores_and_runs("brand-new-value-2026", [WORKER], "BRAND_NEW")
        run = it.run("undo", "--yes", "--format", "json", code=0)
        it.check("the key is removed", (WORKER, "BRAND_NEW") not in it.stored() and it.running(WORKER, "BRAND_NEW") is None, run)
        it.check("all values are restored", it.stored() == it.initial)


@case
def undo_of_a_sealed_variable():
    key, value = "JWT_SIGNING_KEY", "another-signing-key-2026"
    with world("sealed", env=env_with(**{key: value})) as it:
        arguments = ("fix", "--push", "--yes", "--only", key, "--service", API)
        run = it.run(*arguments)
        it.check("without --allow-sealed nothing is sent", not run.mutations and f"--allow-sealed {key}" in run.unwrapped, run)
        run = it.run(*arguments, "--allow-sealed", key, code=0)
        it.check_changed({(API, key): value})
        it.check("the plan warns that the value can't be restored", re.search("sealed.*(can't|cannot)|(can't|cannot).*sealed", run.unwrapped), run)
        run = it.run("undo", "--yes", code=6)
        it.check("undo reports it as well", "sealed" in run.unwrapped and "can't be restored" in run.unwrapped, run)
        it.check("no mutation is sent", not run.mutations)
        run = it.run("undo", "--yes", "--format", "json")
        it.check("the receipt is not “done”", set(run.receipts().values()) - {"done"}, run)


@case
def undo_elsewhere():
    with world("undo in another directory") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        (it.path / "sub").mkdir()
        before = it.begin()
        run = it.end(it.start("undo", "--yes", folder=it.path / "sub"), ("undo", "--yes"), before, 2)
        it.check("there is nothing to undo", "nothing to undo" in run.text and not run.mutations, run)
        it.run("undo", it.journals()[0], "--yes", "--no-deploy", code=0)
        it.check("it is undone by name", it.value(API) == OLD)


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
                it.check("no mutation is sent", not run.mutations)
            run = it.run("undo", "--list", code=0)
            it.check("the list contains the unreadable record", name in run.out, run)
        file.write_bytes(good)
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("the restored record is undone", it.value(API) == OLD)


@case
def undo_skips_runs_without_changes():
    """A run that only deployed has nothing to restore and is skipped."""
    with world("undo after a redeployment") as it:
        it.run(*PUSH, "--service", API, "--no-deploy", code=1)
        it.run("fix", "--redeploy", "--yes", code=None)
        it.check("both were redeployed", it.running(API) == NEW and it.running(WORKER) == OLD)
        it.run("undo", "--yes", code=0)
        it.check("the push is undone", it.value(API) == OLD)


@case
def undo_skips_failed_runs():
    with world("undo after a fix that failed") as it:
        it.run(*PUSH, "--service", API, "--no-deploy", code=1)
        it.set_faults({"kind": "not_authorized", "count": -1, "match": {"field": UPSERT}})
        run = it.run(*PUSH, "--service", WORKER, "--no-deploy")
        it.check("no undo is suggested", "doctor undo" not in run.unwrapped, run)
        it.set_faults()
        it.run("undo", "--yes", "--no-deploy", code=0)
        it.check("the previous run is undone", it.value(API) == OLD)


@case
def undo_dry_run():
    with world("undo, dry run") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        for format in ("text", "json"):
            run = it.run("undo", "--dry-run", "--format", format, code=1)
            it.check(f"no mutation is sent ({format})", not run.mutations, run)
        it.check("the JSON report has receipts", run.report and set(run.receipts().values()) == {"not-tried"}, run)


@case
def undo_of_undeployed_values():
    """A value that never ran is restored without a deployment."""
    with world("undo of a push without deployment") as it:
        it.run(*PUSH, "--no-deploy", code=1)
        run = it.run("undo", "--yes", code=0)
        it.check("the values are restored", it.value(API) == OLD == it.value(WORKER))
        it.check("nothing is deployed", run.count(REDEPLOY) == 0, run)


@case
def report_to_file():
    with world("report to a file") as it:
        (it.path / "report.json").write_text("")
        for arguments in ((*PUSH, "--no-deploy"), ("undo", "--yes", "--no-deploy"), ("undo", "--list")):
            # A stored value that is not deployed remains a finding.
            code = 1 if arguments[0] == "fix" else 0
            run = it.run(*arguments, "--format=json", "--output", "report.json", code=code)
            report = (it.path / "report.json").read_text()
            it.check("standard output is empty", run.out == "", run)
            it.check("the report is complete", json.loads(report)["command"] == arguments[0], report)
            it.check("the report has no value", not [value for value in it.values if value in report])


@case
def unwritable_report():
    """An unwritable report is an error before anything is written, because the receipts would be lost."""
    with world("unwritable report") as it:
        run = it.run(*PUSH, "--no-deploy", "--output", "missing/report.json", code=2)
        it.check("no mutation is sent", not run.mutations, run)
        it.check_changed({})


@case
def show_values_without_terminal():
    with world("--show-values without a terminal") as it:
        for arguments in (PUSH, ("undo", "--yes")):
            run = it.run(*arguments, "--show-values", code=2)
            it.check("no mutation is sent", not run.mutations, run)


@case
def without_a_journal():
    with world("no journal") as it:
        run = it.run(*PUSH, "--no-deploy", "--no-journal", code=1)
        it.check("the run reports that it can't be undone", "can't be undone" in run.unwrapped, run)
        it.check("nothing is recorded", not it.journals())
    with world("unwritable journal") as it:
        (it.path.parent / "home" / "state").write_text("a file in place of the directory")
        run = it.run(*PUSH, code=2)
        it.check("no mutation is sent", not run.mutations and "--no-journal" in run.text, run)


# 5. References, shared variables, dependents ----------------------------------------------------------------------------------

@case
def references():
    key, value = "REDIS_URL", "redis://elsewhere.example:6379/2026"
    arguments = ("fix", "--push", "--yes", "--only", key, "--service", API)
    with world("reference", env=env_with(REDIS_URL=value)) as it:
        run = it.run(*arguments, code=0)
        it.check("no variable is written", not run.mutations, run)
        it.check("the help names the flag", f"--allow-reference {key}" in run.unwrapped, run)
        run = it.run(*arguments, "--allow-reference", key, "--format", "json", code=0)
        it.check_changed({(API, key): value})
        it.stores_and_runs(value, [API], key)
        it.run("undo", "--yes", code=0)
        it.check("the reference is restored", it.value(API, key) == "${{ Redis.REDIS_URL }}")
        it.check("the reference is running", it.running(API, key).startswith("redis://default:"), run)


@case
def shared_variables():
    key = "LOG_LEVEL"
    arguments = ("fix", "--push", "--yes", "--only", key)
    with world("shared", env=env_with(LOG_LEVEL="debug")) as it:
        run = it.run(*arguments, code=0)
        it.check("no variable is written", not run.mutations and f"--allow-shared {key}" in run.unwrapped, run)
        run = it.run(*arguments, "--allow-shared", key, "--format", "json", code=0)
        it.check_changed({(None, key): "debug"})
        inputs = [mutation["args"]["input"] for mutation in run.mutations if mutation["field"] == UPSERT]
        it.check("one upsert, without a service", len(inputs) == 1 and inputs[0].get("serviceId") is None, inputs)
        it.check("both services are deployed once", run.count(REDEPLOY) == 2, run)
        for service in (API, WORKER):
            it.check(f"{service} runs the new value", it.running(service, key) == "debug")
        it.run("undo", "--yes", code=0)
        it.check_changed({(None, key): "info"}, {**it.initial, (None, key): 0})
        for service in (API, WORKER):
            it.check(f"{service} runs the old value", it.running(service, key) == "info")


@case
def dependents():
    key, value = "REDIS_PASSWORD", "another-redis-password-2026"
    arguments = ("fix", "--push", "--yes", "--only", key, "--service", "Redis")
    with world("dependents named", env=env_with(REDIS_PASSWORD=value)) as it:
        run = it.run(*arguments, code=0)
        it.check("dependents are listed", API in run.unwrapped and WORKER in run.unwrapped and "--dependents" in run.unwrapped, run)
        it.check("dependents are not deployed", run.count(REDEPLOY) == 1, run)
        it.check_changed({("Redis", key): value})
    with world("dependents deployed", env=env_with(REDIS_PASSWORD=value)) as it:
        run = it.run(*arguments, "--dependents", "--format", "json", code=0)
        it.check("dependents are deployed", set(run.deployments()) == {"Redis", API, WORKER} and run.count(REDEPLOY) == 3, run)
        it.check_changed({("Redis", key): value})
        it.check("dependents run the new value", value in it.running(WORKER, "CELERY_BROKER_URL"))


@case
def reference_to_deployment_variables():
    """A value that differs in each deployment does not fail verification."""
    scenario = incident()
    instance(scenario, API)["variables"] |= {
        "RELEASE": {"value": "${{RAILWAY_DEPLOYMENT_ID}}", "updatedAt": "-60d"},
        "COMMIT": {"value": "v-${{RAILWAY_GIT_COMMIT_SHA}}", "updatedAt": "-60d"},
    }
    with world("deployment id", scenario) as it:
        it.run(*PUSH, "--service", API, "--format", "json", code=0)
        it.stores_and_runs(NEW, [API])


# The weird project ------------------------------------------------------------------------------------------------------------

WEIRD = json.loads((SCENARIOS / "weird.json").read_text(encoding="utf-8"))
WEIRD["options"] = {"advance": "instant"}


def weird_names():
    variables = instance(WEIRD, "api")["variables"]
    return [name for name in variables if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)]


@cases_of([(str(part), part) for part in range(4)])
def weird_pushes(name, part):
    """Pushes each key individually: no crash, no violation, and only that key changes."""
    names = weird_names()
    env = "".join(f"{key}=other-value-{number}\n" for number, key in enumerate(names))
    with world(f"weird {name}", WEIRD, env) as it:
        it.allowed_warnings = {"reserved-name-written"}
        known = it.stored()
        for number, key in list(enumerate(names))[part::4]:
            run = it.run("fix", "--push", "--yes", "--only", key, "--service=api", "--no-deploy", "--format", "json")
            it.check(f"{key}: a valid exit code", run.code in (0, 1, 3), run)
            now = it.stored()
            touched = {place for place in known.keys() | now.keys() if known.get(place) != now.get(place)}
            it.check(f"{key}: nothing else changes", touched <= {("api", key)}, touched)
            it.check(f"{key}: the receipt matches the stored value", bool(touched) == ("done" in run.receipts().values()), run)
            if touched:
                it.check(f"{key}: the value is right", now["api", key][0] == f"other-value-{number}")
            known = now


@case
def weird_undone():
    """All overwritten values are restored: references, cycles, an empty value, 64 kB."""
    names = weird_names()
    words = [word for key in names for word in ("--only", key, "--allow-reference", key)]
    env = "".join(f"{key}=other-value-{number}\n" for number, key in enumerate(names))
    with world("weird, undone", WEIRD, env) as it:
        it.allowed_warnings = {"reserved-name-written"}
        run = it.run("fix", "--push", "--yes", "--service=api", "--no-deploy", "--format", "json", *words)
        done = {key for (change, key, _), outcome in run.receipts().items() if outcome == "done"}
        it.check("many keys are written", len(done) > 40, (len(done), run))
        it.check("there is one upsert", run.count(UPSERT) == 1, run)
        it.check_changed({("api", key): f"other-value-{names.index(key)}" for key in done})
        it.run("undo", "--yes", "--no-deploy", code=0)
        values = {place: value for place, (value, _) in it.stored().items()}
        it.check("all values are restored", values == {place: value for place, (value, _) in it.initial.items()})


@case
def weird_deployments():
    env = "DOLLARS=other-value\nK=w\n"
    with world("weird, deployed", WEIRD, env) as it:
        it.run("fix", "--push", "--yes", "--only", "DOLLARS", "--service=api", "--format", "json", code=0)
        it.stores_and_runs("other-value", ["api"], "DOLLARS")
        it.run("undo", "--yes", code=0)
        it.check("the value is restored", it.value("api", "DOLLARS") == it.initial["api", "DOLLARS"][0])
    with world("weird, never deployed", WEIRD, env) as it:
        names = ["$(touch pwned)", "\u00dcn\u00efcode-\u670d\u52a1"]
        flags = [f"--service={name}" for name in names]
        run = it.run("fix", "--push", "--yes", "--only", "K", *flags, "--format", "json", code=0)
        it.check("two first deployments", run.count(DEPLOY) == 2 and run.count(UPSERT) == 2, run)
        it.stores_and_runs("w", names, "K")
        it.check("nothing was executed", not (it.path / "pwned").exists())
    with world("weird, dry run", WEIRD, "".join(f"{key}=other-value\n" for key in weird_names())) as it:
        for flags in ([], ["--format", "json"], ["--service=api"]):
            it.run("fix", "--push", "--dry-run", *flags, code=1)
        it.check_changed({})


@case
def weird_pulls():
    """Values that can't be written to a file are refused by name; written values are read back correctly."""
    names = weird_names()
    with world("weird, pulled", WEIRD, "".join(f"{key}=other-value\n" for key in names)) as it:
        run = it.run("fix", "--pull", "--yes", "--service=api", "--format", "json")
        it.check("no mutation is sent", not run.mutations)
        it.check("a valid exit code", run.code in (0, 1, 6), run)
        for key in ("PATH", "LD_PRELOAD"):
            it.check(f"{key} is not pulled in bulk", f"\n{key}=other-value\n".encode() in b"\n" + it.env(), run.err)
        check = it.run("check", "--service=api", "--format", "json")
        differing = {one["key"] for one in check.report["findings"] if one["rule"] == "value-differs"}
        pulled = {key for (change, key, _), outcome in run.receipts().items() if outcome == "done"}
        it.check("many keys are pulled", len(pulled) > 25, len(pulled))
        it.check("pulled values are equal", not pulled & differing, pulled & differing)
        it.run("undo", "--yes", code=0)
        it.check("the file is restored byte for byte", it.env() == "".join(f"{key}=other-value\n" for key in names).encode())


# 6. Pruning -------------------------------------------------------------------------------------------------------------------

@case
def pruning():
    key = "STAGING_CHAOS_ENABLED"
    env = INCIDENT_ENV.replace(f"{key}=true\n", "")
    with world("prune", env=env) as it:
        run = it.run("fix", "--prune", "--yes")
        it.check("without --only nothing is removed", not run.mutations and run.code in (0, 1, 2), run)
        run = it.run("fix", "--push", "--prune", "--yes", "--only", KEY, "--no-deploy", code=1)
        it.check("--only with another key removes nothing", run.count(DELETE) == 0, run)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("prune by name", env=env) as it:
        run = it.run("fix", "--yes", "--only", key, code=2)
        run = it.run("fix", "--push", "--yes", "--only", key)
        it.check("without --prune nothing is removed", not run.mutations, run)
        run = it.run("fix", "--prune", "--yes", "--only", key, "--service", API, "--format", "json", code=0)
        it.check_changed({(API, key): None})
        it.check("one removal", run.count(DELETE) == 1 and run.count(UPSERT) == 0, run)
        it.check("the receipt is done", run.receipts().get(("remove", key, API)) == "done", run)
        it.check("the key is not running", it.running(API, key) is None)
        it.run("undo", "--yes", code=0)
        it.check("the key is restored and running", it.value(API, key) == "true" == it.running(API, key))
    with world("prune one service of two", env=INCIDENT_ENV.replace("APP_ENV=staging\n", "")) as it:
        it.run("fix", "--prune", "--yes", "--only", "APP_ENV", "--service", WORKER, code=0)
        it.check_changed({(WORKER, "APP_ENV"): None})


# 7. Safeguards -----------------------------------------------------------------------------------------------------

@cases_of([("production", "production", None), ("Prod-eu", "Prod-eu", None),
           ("marked", "live", '[environments.live]\nprotected = true\n')])
def protected(name, environment, toml):
    with world(f"protected {name}", production(environment), toml=toml) as it:
        for arguments in (PUSH, PULL):
            run = it.run(*arguments, code=2)
            it.check("no mutation is sent", not run.mutations and f"--environment={environment}" in run.unwrapped, run)
        it.check_changed({})
        it.check("the file is unchanged", it.env() == INCIDENT_ENV.encode())
        run = it.run("fix", "--push", "--only", KEY, code=2)
        it.check("the printed command names the environment", f"--environment={environment}" in (run.command() or []), run)
        it.run(*PUSH, "--environment", environment, code=0)
        it.stores_and_runs(NEW)
        run = it.run("undo", code=2)
        it.check("undo also needs confirmation", not run.mutations, run)


@case
def project_from_checkout_only():
    project, environment = INCIDENT["projects"][0], "staging"
    toml = f'project = "{project["id"]}"\nenvironment = "{environment}"\n[[require]]\nkeys = ["{KEY}"]\n' \
           f'services = ["{API}", "{WORKER}"]\n'
    with world("untrusted", toml=toml, link=False) as it:
        for arguments in (PUSH, ("fix", "--push", "--yes")):
            run = it.run(*arguments, code=2)
            it.check("no mutation is sent", not run.mutations and "doctor.toml" in run.err, run)
        it.check_changed({})
        it.check("nothing is recorded", not it.journals())
        it.run("fix", "--push", "--only", KEY, "--dry-run", code=1)
        it.run(*PULL, code=1)
        it.check("a pull is allowed", f"{KEY}={OLD}\n".encode() in it.env())
        (it.path / ".env").write_text(INCIDENT_ENV)
        it.run(*PUSH, "--project", project["id"], "--no-deploy", code=2)
        it.run(*PUSH, "--project", project["id"], "--environment", environment, "--no-deploy", code=1)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("trusted by a token", toml=toml, link=False) as it:
        it.run(*PUSH, "--no-deploy", code=1, token=("RAILWAY_TOKEN", "project"))
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})
    with world("trusted by a link", toml=toml) as it:
        it.run(*PUSH, "--no-deploy", code=1)
        it.check_changed({(API, KEY): NEW, (WORKER, KEY): NEW})


@case
def partial_service_name():
    with world("partial service name") as it:
        run = it.run(*PUSH, "--service", "worker", code=2)
        it.check("no mutation is sent", not run.mutations and f"--service={WORKER}" in run.err, run)
        run = it.run("fix", "--push", "--only", KEY, "--service", "worker", code=2)
        it.check("the printed command has the full name", f"--service={WORKER}" in (run.command() or []), run)
        it.run(*run.command(), code=0)
        it.check_changed({(WORKER, KEY): NEW})

# Running the cases --------------------------------------------------------------------------------------------------------------------

def cost(entry):
    """Sorts the slowest cases first."""
    name = entry[0]
    order = ("connection_lost with much", "fix_and_undo_the_incident", " before", "second_of_three", "concurrent", "staged", "deploy")
    return next((index for index, part in enumerate(order) if part in name), len(order))


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
chosen = sorted((entry for entry in cases if wanted in entry[0]), key=cost)
servers_to_stop.extend(Server("--scenario", "incident") for name, _, _ in chosen if name.startswith("connection_lost"))
servers.extend(servers_to_stop)
run_all(chosen)
