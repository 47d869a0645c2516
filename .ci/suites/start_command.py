#!/usr/bin/env python3
"""Runs `doctor fix --start-command` and its undo against the independent simulated Railway, in many worlds at the same time.

    start_command.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

Every run is held to what holds for all of them (server_cases.py).
"""
import copy
import sys

sys.dont_write_bytecode = True  # This folder is for sources.
from server_cases import (
    API, DEPLOY, KEY, NEW, OLD, PATCH, REDEPLOY, UPSERT, WORKER, case, cases, cases_of, play_all, world,
)
from server_estates import the_incident, toml_of

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
CURE = ("fix", "--push", "--yes", "--start-command", BEAT, "--service", "worker")
SET = ("fix", "--yes", "--start-command", BEAT, "--service", WORKER)
ALL_DONE = {("push", KEY, API): "done", ("push", KEY, WORKER): "done", ("start-command", None, WORKER): "done",
            ("redeploy", None, API): "done", ("redeploy", None, WORKER): "done"}
SET_DONE = {("start-command", None, WORKER): "done", ("redeploy", None, WORKER): "done"}


def incident(advance="instant", **options):
    """The incident with three other environments, one of them protected by its name and one a fork."""
    scenario = the_incident(advance)
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


def prepared(it):
    it.run("trust", "--yes", code=0)
    it.before = everywhere(it)


def everywhere(it):
    """The start command of the worker in each environment."""
    found = it.server.ask("/state")["projects"][0]["environments"]
    return {one["name"]: service["startCommand"] for one in found for service in one["services"] if service["name"] == WORKER}


def only_here(it, command):
    it.check("the start command is set here, and nowhere else", everywhere(it) == {**it.before, "staging": command},
             everywhere(it))


def deployed(it):
    """The services that were deployed, each as often as it was."""
    return sorted(one["service"] for one in it.server.summary()["deploymentsCreated"])


def cured(it):
    """Values, snapshots, manifest, log line and endpoint."""
    it.both_run(NEW)
    only_here(it, BEAT)
    it.check("the manifest has it", it.service(WORKER)["running"]["startCommand"] == BEAT)
    it.check("one deployment for each service", deployed(it) == [API, WORKER], deployed(it))
    check = it.run("check", code=0)
    it.check("log line and endpoint", "PASS log line" in check.words and "PASS endpoint" in check.words, check)
    it.check("the commit stays", it.service(WORKER)["running"]["commitHash"] == COMMIT)


@cases_of([("environment", "text"), ("environment", "json"), ("documented", "text"), ("documented", "json")])
def one_command_cures_the_incident(scope, format):
    with world(f"cured, {scope}, {format}", incident("polls", updateScope=scope), toml=DECLARED) as it:
        prepared(it)
        run = it.run(*CURE, "--format", format, code=0)
        it.check("the text is in no output", BEAT not in run.text and CELERY not in run.text, run)
        if format == "json":
            it.check("every step is done", run.receipts() == ALL_DONE, run)
        it.check("two upserts, one patch, one redeploy",
                 [run.count(one) for one in (UPSERT, PATCH, REDEPLOY, DEPLOY)] == [2, 1, 1, 0], run)
        cured(it)
        again = it.run(*CURE, code=0)
        it.check("a second run sends nothing", not again.mutations and "Nothing" in again.out, again)
        listed = it.run("undo", "--list", code=0)
        it.check("the list names it", f"the start command of {WORKER}" in listed.words, listed)
        undone = it.run("undo", "--yes", "--format", "json", code=0)
        it.check("every step is undone", set(undone.receipts().values()) == {"done"}, undone)
        it.both_run(OLD)
        only_here(it, CELERY)
        it.check("the old command runs", it.service(WORKER)["running"]["startCommand"] == CELERY)
        it.check("one more deployment for each service", deployed(it) == [API, API, WORKER, WORKER], deployed(it))


@case
def a_person_cures_the_incident():
    with world("cured by a person", incident("polls"), toml=DECLARED) as it:
        prepared(it)
        answers = [("What is to be done?", "\r"), (f"Set it as the start command of {WORKER}?", "\r"), ("Do it?", "y")]
        run = it.at_a_terminal("fix", answers=answers, code=0)
        it.check("the whole command was shown", run.out.replace("\r\n", "").count(BEAT) >= 2, run)
        cured(it)
    for name, last in [("not set", ("Do it?", "n")), ("taken back", (f"Set it as the start command of {WORKER}?", "\x1b"))]:
        with world(f"a person, {name}", incident(), toml=DECLARED) as it:
            prepared(it)
            answers = [("What is to be done?", "\r"), (f"Set it as the start command of {WORKER}?", "n"), last]
            if last[1] == "\x1b":
                answers = [answers[0], last, ("What is to be done?", "\x1b")]
            run = it.at_a_terminal("fix", answers=answers, code=1 if last[1] == "\x1b" else 2)
            it.check("nothing is sent", not run.mutations, run)


@case
def the_setting_alone():
    with world("the setting alone", incident()) as it:
        it.before = everywhere(it)
        run = it.run(*SET, "--format", "json")
        it.check("every step is done", run.receipts() == SET_DONE, run)
        it.check("one patch and nothing else", [one["field"] for one in run.mutations] == [PATCH], run)
        it.check("no variable is touched", it.stored() == it.first)
        only_here(it, BEAT)
        it.run("undo", "--yes", code=0)
        only_here(it, CELERY)
    with world("none before", incident()) as it:
        scenario = incident()
        for instance in scenario["projects"][0]["environments"][0]["instances"]:
            if instance["service"] == WORKER:
                del instance["startCommand"]
        it.server.ask("/reset", {"scenario": scenario})
        it.before = everywhere(it)
        run = it.run(*SET, "--format", "json")
        it.check("it is set", run.receipts() == SET_DONE, run)
        only_here(it, BEAT)
        it.run("undo", "--yes", code=0)
        only_here(it, None)


@cases_of([("project", "RAILWAY_TOKEN"), ("workspace", "RAILWAY_API_TOKEN"), ("oauth", "RAILWAY_API_TOKEN")])
def with_another_token(kind, variable):
    with world(f"{kind} token", incident()) as it:
        it.before = everywhere(it)
        run = it.run(*SET, "--format", "json", token=(variable, kind))
        it.check("every step is done", run.receipts() == SET_DONE, run)
        only_here(it, BEAT)


@case
def before_anybody_says_yes():
    for arguments, code in [(SET[:1] + SET[2:], 2), (SET + ("--dry-run",), 1), (SET + ("--service", API), 2),
                            (SET[:-2], 2), (("fix", "--yes", "--start-command", "", "--service", WORKER), 2),
                            (("fix", "--yes", "--start-command", "a\u202eb", "--service", WORKER), 2),
                            (("fix", "--yes", "--start-command", "a\nb", "--service", WORKER), 2),
                            (SET + ("--no-deploy",), 2), (SET + ("--add", "--only", KEY), 2)]:
        with world(f"no yes to {arguments}", incident()) as it:
            run = it.run(*arguments, code=code)
            it.check("nothing is sent", not run.mutations, run)
            it.check("nothing is recorded", not it.journals())
            if arguments == SET[:1] + SET[2:]:
                # The text has the project's name in it, which is also a value.
                it.check("the plan says what to run", "run the same command again with --yes" in run.words, run)
                it.before = everywhere(it)
                it.run(*SET)
                only_here(it, BEAT)


@cases_of([("before",), ("after",)])
def the_answer_is_lost(when):
    with world(f"lost {when}", incident()) as it:
        it.before = everywhere(it)
        it.arm({"kind": "mutation_fail", "nth": 1, "when": when, "how": "reset"})
        run = it.run(*SET, "--format", "json", code=None)
        it.check("it is sent once", run.count(PATCH) == 1, run)
        it.check("what became of it", run.receipts()[("start-command", None, WORKER)] ==
                 ("done" if when == "after" else "unknown"), run)
        only_here(it, BEAT if when == "after" else CELERY)
        if when == "after":
            it.check("it is deployed once", run.receipts() == SET_DONE and not run.count(REDEPLOY), run)
        else:
            it.check("6", run.code == 6, run)


@case
def somebody_sets_it_meanwhile():
    with world("meanwhile", incident()) as it:
        it.before = everywhere(it)
        it.arm({"kind": "concurrent_write", "when": "after_read", "nth": 2,
                "writes": [{"environment": "staging", "service": WORKER, "startCommand": "celery other"}]})
        run = it.run(*SET, "--format", "json", code=6)
        it.check("a conflict", run.receipts()[("start-command", None, WORKER)] == "conflict", run)
        it.check("nothing is sent", not run.mutations, run)


@cases_of([("the start command", {"deploy": {"startCommand": "x"}}, 6), ("the schedule", {"deploy": {"cronSchedule": "0 * * * *"}}, 6),
           ("a variable", {"variables": {"OTHER": {"value": "staged-value"}}}, 0)])
def somebody_has_staged(name, patch, code):
    with world(f"staged: {name}", incident()) as it:
        it.before = everywhere(it)
        ident = it.service(WORKER)["id"]
        it.write(environment="staging", staged={"services": {ident: patch}})
        run = it.run(*SET, "--format", "json", code=None)
        it.check("it stops, or does not", (run.code == 6) == (code == 6), run)
        only_here(it, CELERY if code == 6 else BEAT)
        it.check("what is staged stays staged", it.environment()["staged"] is not None)


@case
def refused_after_it_was_stored():
    """A limit or a policy refuses the deployment; the setting is stored all the same."""
    with world("refused", incident(approvedSources=["elsewhere"])) as it:
        it.before = everywhere(it)
        run = it.run(*SET, "--format", "json", code=6)
        it.check("the setting is done, the deployment is not",
                 run.receipts() == {**SET_DONE, ("redeploy", None, WORKER): "failed"}, run)
        only_here(it, BEAT)
        it.run("undo", "--yes", code=6)
        only_here(it, CELERY)


@case
def with_a_file_over_the_settings():
    scenario = incident()
    for instance in scenario["projects"][0]["environments"][0]["instances"]:
        if instance["service"] == WORKER:
            instance["fileConfig"] = {"path": "railway.json", "deploy": {"startCommand": CELERY}}
            # On whichever day this runs: what read a file after the announced end shows that the end was moved.
            instance["deployments"][-1]["createdAt"] = "2026-12-02T10:00:00.000Z"
            del instance["startCommand"]
    with world("a file", scenario) as it:
        run = it.run(*SET, code=2)
        it.check("it names the file, and sends nothing", "railway.json" in run.text and not run.mutations, run)


if __name__ == "__main__":
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    play_all([one for one in cases if wanted in one[0]])
