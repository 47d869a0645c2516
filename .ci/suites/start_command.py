#!/usr/bin/env python3
"""Tests `doctor fix --start-command` and its undo against the independent simulated Railway, with many scenarios in parallel.

    start_command.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run.
"""
import copy
import sys

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import (
    API, DEPLOY, KEY, NEW, OLD, PATCH, REDEPLOY, UPSERT, WORKER, case, cases, cases_of, run_all, world,
)
from server_estates import incident_with_endpoint, toml_of

CELERY = "celery -A agentverse.worker worker --loglevel=info --concurrency=4"
BEAT = f"{CELERY} -B"
COMMIT = "0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b"
BOOT = "Worker boot_id stored in Redis"
DECLARED = toml_of(
    {"api": (API, ""), "worker": (WORKER, 'start-command-contains = ["-B"]')},
    f'[[require]]\nkeys = ["{KEY}"]\nservices = ["api", "worker"]',
    f'[[expect.log]]\nservice = "worker"\ncontains = "{BOOT}"\nwithin = "3s"',
    '[[expect.http]]\nservice = "api"\nrequest = "GET /api/v1/ops/chaos/worker-status"\n'
    f'headers = {{ X-API-Key = "${KEY}" }}\nstatus = 200\njson = {{ "/boot_info" = "present" }}')
FIX_ALL = ("fix", "--push", "--yes", "--start-command", BEAT, "--service", "worker")
SET = ("fix", "--yes", "--start-command", BEAT, "--service", WORKER)
ALL_DONE = {("push", KEY, API): "done", ("push", KEY, WORKER): "done", ("start-command", None, WORKER): "done",
            ("redeploy", None, API): "done", ("redeploy", None, WORKER): "done"}
SET_DONE = {("start-command", None, WORKER): "done", ("redeploy", None, WORKER): "done"}


def incident(advance="instant", **options):
    """Returns the incident with three more environments, one protected by its name and one a fork."""
    scenario = incident_with_endpoint(advance)
    scenario["options"] |= options
    environments = scenario["projects"][0]["environments"]
    for name in ("production", "qa"):
        other = copy.deepcopy(environments[0])
        other |= {"name": name, "id": other["id"].replace("e1", name[:1].replace("p", "e2").replace("q", "e3"), 1)}
        for instance in other["instances"]:
            instance.pop("domains", None)
            for number, deployment in enumerate(instance["deployments"]):
                deployment["id"] = deployment["id"].replace("d1", "d2" if name == "production" else "d3", 1)
        environments.append(other)
    environments.append({"name": "a-fork", "copyOf": "staging"})
    return scenario


def prepare(it):
    it.run("trust", "--yes", code=0)
    it.before = start_commands(it)


def start_commands(it):
    """Returns the start command of the worker by environment."""
    found = it.server.call("/state")["projects"][0]["environments"]
    return {one["name"]: service["startCommand"] for one in found for service in one["services"] if service["name"] == WORKER}


def check_only_staging(it, command):
    it.check("the start command is set in staging only", start_commands(it) == {**it.before, "staging": command},
             start_commands(it))


def deployed(it):
    """Returns the service of each created deployment."""
    return sorted(one["service"] for one in it.server.summary()["deploymentsCreated"])


def check_fixed(it):
    """Checks values, snapshots, manifest, log line and endpoint."""
    it.stores_and_runs(NEW)
    check_only_staging(it, BEAT)
    it.check("the manifest has the command", it.service(WORKER)["running"]["startCommand"] == BEAT)
    it.check("one deployment for each service", deployed(it) == [API, WORKER], deployed(it))
    check = it.run("check", "-v", code=0)
    it.check("log line and endpoint pass", "PASS log line" in check.unwrapped and "PASS endpoint" in check.unwrapped, check)
    it.check("the commit is unchanged", it.service(WORKER)["running"]["commitHash"] == COMMIT)


@cases_of([("environment", "text"), ("environment", "json"), ("documented", "text"), ("documented", "json")])
def one_command_fixes_the_incident(scope, format):
    with world(f"fix, {scope}, {format}", incident("polls", updateScope=scope), toml=DECLARED) as it:
        prepare(it)
        run = it.run(*FIX_ALL, "--format", format, code=0)
        it.check("the command is not shown", BEAT not in run.text and CELERY not in run.text, run)
        if format == "json":
            it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.check("two upserts, one patch, one redeploy",
                 [run.count(one) for one in (UPSERT, PATCH, REDEPLOY, DEPLOY)] == [2, 1, 1, 0], run)
        check_fixed(it)
        again = it.run(*FIX_ALL, code=0)
        it.check("a second run sends nothing", not again.mutations and "Nothing" in again.out, again)
        listed = it.run("undo", "--list", code=0)
        it.check("the list contains the start command", f"the start command of {WORKER}" in listed.unwrapped, listed)
        undone = it.run("undo", "--yes", "--format", "json", code=0)
        it.check("every step is undone", set(undone.receipts().values()) == {"done"}, undone)
        it.stores_and_runs(OLD)
        check_only_staging(it, CELERY)
        it.check("the old command runs", it.service(WORKER)["running"]["startCommand"] == CELERY)
        it.check("one more deployment for each service", deployed(it) == [API, API, WORKER, WORKER], deployed(it))


@case
def interactive_fix():
    with world("interactive fix", incident("polls"), toml=DECLARED) as it:
        prepare(it)
        answers = [("What would you like to do?", "\r"), (f"Set this as the start command of {WORKER}?", "\r"), ("Apply this plan?", "y\r")]
        run = it.run_on_terminal("fix", answers=answers, code=0)
        it.check("the whole command is shown", run.out.replace("\r\n", "").count(BEAT) >= 2, run)
        check_fixed(it)
    for name, last in [("declined", ("Apply this plan?", "n\r")), ("Esc", (f"Set this as the start command of {WORKER}?", "\x1b"))]:
        with world(f"interactive fix, {name}", incident(), toml=DECLARED) as it:
            prepare(it)
            answers = [("What would you like to do?", "\r"), (f"Set this as the start command of {WORKER}?", "n\r"), last]
            if last[1] == "\x1b":
                answers = [answers[0], last, ("What would you like to do?", "\x1b")]
            run = it.run_on_terminal("fix", answers=answers, code=1 if last[1] == "\x1b" else 2)
            it.check("no mutation is sent", not run.mutations, run)


@case
def only_the_setting():
    with world("only the setting", incident()) as it:
        it.before = start_commands(it)
        run = it.run(*SET, "--format", "json")
        it.check("every step is done", run.receipts() == SET_DONE, run)
        it.check("one patch is the only mutation", [one["field"] for one in run.mutations] == [PATCH], run)
        it.check("no variable is changed", it.stored() == it.initial)
        check_only_staging(it, BEAT)
        it.run("undo", "--yes", code=0)
        check_only_staging(it, CELERY)
    with world("no previous command", incident()) as it:
        scenario = incident()
        for instance in scenario["projects"][0]["environments"][0]["instances"]:
            if instance["service"] == WORKER:
                del instance["startCommand"]
        it.server.call("/reset", {"scenario": scenario})
        it.before = start_commands(it)
        run = it.run(*SET, "--format", "json")
        it.check("the command is set", run.receipts() == SET_DONE, run)
        check_only_staging(it, BEAT)
        it.run("undo", "--yes", code=0)
        check_only_staging(it, None)


@cases_of([("project", "RAILWAY_TOKEN"), ("workspace", "RAILWAY_API_TOKEN"), ("oauth", "RAILWAY_API_TOKEN")])
def with_another_token(kind, variable):
    with world(f"{kind} token", incident()) as it:
        it.before = start_commands(it)
        run = it.run(*SET, "--format", "json", token=(variable, kind))
        it.check("every step is done", run.receipts() == SET_DONE, run)
        check_only_staging(it, BEAT)


@case
def unconfirmed_or_invalid():
    for arguments, code in [(SET[:1] + SET[2:], 2), (SET + ("--dry-run",), 1), (SET + ("--service", API), 2),
                            (SET[:-2], 2), (("fix", "--yes", "--start-command", "", "--service", WORKER), 2),
                            (("fix", "--yes", "--start-command", "a\u202eb", "--service", WORKER), 2),
                            (("fix", "--yes", "--start-command", "a\nb", "--service", WORKER), 2),
                            (SET + ("--no-deploy",), 2), (SET + ("--add", "--only", KEY), 2)]:
        with world(f"{arguments}", incident()) as it:
            run = it.run(*arguments, code=code)
            it.check("no mutation is sent", not run.mutations, run)
            it.check("nothing is recorded", not it.journals())
            if arguments == SET[:1] + SET[2:]:
                # The command contains the project's name, which is also a value.
                it.check("the help names --yes", "run the same command with --yes" in run.unwrapped, run)
                it.before = start_commands(it)
                it.run(*SET)
                check_only_staging(it, BEAT)


@cases_of([("before",), ("after",)])
def lost_response(when):
    with world(f"lost {when}", incident()) as it:
        it.before = start_commands(it)
        it.set_faults({"kind": "mutation_fail", "nth": 1, "when": when, "how": "reset"})
        run = it.run(*SET, "--format", "json", code=None)
        it.check("the patch is sent once", run.count(PATCH) == 1, run)
        it.check("the receipt is accurate", run.receipts()[("start-command", None, WORKER)] ==
                 ("done" if when == "after" else "unknown"), run)
        check_only_staging(it, BEAT if when == "after" else CELERY)
        if when == "after":
            it.check("one deployment", run.receipts() == SET_DONE and not run.count(REDEPLOY), run)
        else:
            it.check("the exit code is 6", run.code == 6, run)


@case
def concurrent_change():
    with world("concurrent change", incident()) as it:
        it.before = start_commands(it)
        it.set_faults({"kind": "concurrent_write", "when": "after_read", "nth": 2,
                "writes": [{"environment": "staging", "service": WORKER, "startCommand": "celery other"}]})
        run = it.run(*SET, "--format", "json", code=6)
        it.check("the receipt is a conflict", run.receipts()[("start-command", None, WORKER)] == "conflict", run)
        it.check("no mutation is sent", not run.mutations, run)


@cases_of([("the start command", {"deploy": {"startCommand": "x"}}, 6), ("the schedule", {"deploy": {"cronSchedule": "0 * * * *"}}, 6),
           ("a variable", {"variables": {"OTHER": {"value": "staged-value"}}}, 0)])
def staged_changes(name, patch, code):
    with world(f"staged: {name}", incident()) as it:
        it.before = start_commands(it)
        ident = it.service(WORKER)["id"]
        it.write(environment="staging", staged={"services": {ident: patch}})
        run = it.run(*SET, "--format", "json", code=None)
        it.check("the run stops only for a conflict", (run.code == 6) == (code == 6), run)
        check_only_staging(it, CELERY if code == 6 else BEAT)
        it.check("staged changes are kept", it.environment()["staged"] is not None)


@case
def deployment_refused():
    """A limit or a policy refuses the deployment, but the setting is stored."""
    with world("refused", incident(approvedSources=["elsewhere"])) as it:
        it.before = start_commands(it)
        run = it.run(*SET, "--format", "json", code=6)
        it.check("the setting is done, the deployment failed",
                 run.receipts() == {**SET_DONE, ("redeploy", None, WORKER): "failed"}, run)
        check_only_staging(it, BEAT)
        it.run("undo", "--yes", code=6)
        check_only_staging(it, CELERY)


@case
def config_file_overrides_settings():
    scenario = incident()
    for instance in scenario["projects"][0]["environments"][0]["instances"]:
        if instance["service"] == WORKER:
            instance["fileConfig"] = {"path": "railway.json", "deploy": {"startCommand": CELERY}}
            # A deployment that read a file after the announced date shows that files are still read, whatever today's date is.
            instance["deployments"][-1]["createdAt"] = "2026-12-02T10:00:00.000Z"
            del instance["startCommand"]
    with world("a file", scenario) as it:
        run = it.run(*SET, code=2)
        it.check("the file is named and no mutation is sent", "railway.json" in run.text and not run.mutations, run)


if __name__ == "__main__":
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    run_all([one for one in cases if wanted in one[0]])
