#!/usr/bin/env python3
"""Tests what doctor reports about running services against the independent simulated Railway, with many scenarios in parallel.

    runtime.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. Every check must send no mutation and no duplicate read, and report its number
of requests (server_estates.py).
"""
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import API, DELETE, KEY, NEW, REDEPLOY, UPSERT, WORKER, case, cases, cases_of, run_all, world
from server_estates import REPOSITORY, CheckRuns, env_of, estate, deployment, service, incident_with_endpoint, toml_of

CELERY = "celery -A agentverse.worker worker --loglevel=info --concurrency=4"
BOOT = "Worker boot_id stored in Redis"
STATUS = "/api/v1/ops/chaos/worker-status"
DECLARED = toml_of(
    {"api": (API, ""), "worker": (WORKER, 'start-command-contains = ["-B"]')},
    f'[[require]]\nkeys = ["{KEY}"]\nservices = ["api", "worker"]',
    f'[[expect.log]]\nservice = "worker"\ncontains = "{BOOT}"\nwithin = "3s"',
    f'[[expect.http]]\nservice = "api"\nrequest = "GET {STATUS}"\nheaders = {{ X-API-Key = "${KEY}" }}\n'
    'status = 200\njson = { "/boot_info" = "present" }')
REMAINING = [("start-command", "error", None, [WORKER]), ("log-line-missing", "error", None, [WORKER]),
        ("endpoint-wrong", "error", None, [API])]
FIX = ("fix", "--redeploy", "--yes", "--format", "json")


# 1. The incident --------------------------------------------------------------------------------------------------------

@case
def incident():
    """Five errors; the push fixes the values, and the start command with its consequences remains."""
    with world("the incident", incident_with_endpoint("polls"), toml=DECLARED) as it:
        report = CheckRuns(it, code=1, requests=4)
        report.expect(("value-differs", "error", KEY, [API, WORKER]), ("stale-deployment", "error", KEY, [WORKER]), *REMAINING)
        report.shows("lacks -B", "403 instead of 200", "cause: start-command", "FAIL running")
        it.check("one probe, refused", report.probes == [("GET", STATUS, 403)], report.probes)
        commands = {one: it.service(one)["running"]["startCommand"] for one in (API, WORKER)}
        run = it.run("fix", "--push", "--yes", "--only", KEY, "--format", "json", code=7)
        pushed = {place: outcome for place, outcome in run.receipts().items() if place[0] == "push"}
        it.check("both values are stored", pushed == {("push", KEY, API): "done", ("push", KEY, WORKER): "done"}, run)
        it.stores_and_runs(NEW)
        it.check("one upsert and one deployment per service", (run.count(UPSERT), run.count(REDEPLOY)) == (2, 2), run)
        it.check("start commands are unchanged", commands == {one: it.service(one)["running"]["startCommand"] for one in (API, WORKER)})
        report = CheckRuns(it, code=1, requests=4).expect(*REMAINING)
        report.shows("200, but without /boot_info", "cause: possibly start-command")
        it.name = "the incident with -B in its settings"
        it.write(service=WORKER, startCommand=f"{CELERY} -B")
        CheckRuns(it, code=1).shows("settings have it", "doctor fix --redeploy")
        run = it.run(*FIX, code=0)
        it.check("one deployment and no write", (run.count(UPSERT), run.count(REDEPLOY)) == (0, 1), run)
        CheckRuns(it, code=0, requests=3).expect()


@case
def incident_in_text():
    """The text of a fix that is stored but not verified."""
    with world("incident, in text", incident_with_endpoint(), toml=DECLARED) as it:
        run = it.run("fix", "--push", "--yes", "--only", KEY, code=7)
        it.check("no step is reported as failed if the deployment succeeded", "which step failed" not in run.unwrapped, run)
        it.check("the undo command is printed", "doctor undo" in run.unwrapped, run)
        run = it.run("fix", "--push", "--yes", code=1)
        it.check("a second fix sends no mutation", not run.mutations, run)


# 2. Stale ---------------------------------------------------------------------------------------------------------------

WEB, MAILER, LEDGER = "harbor-web", "mailer", "ledger-sync"
STRIPE, SMTP = "sk-harbor-live-0042", "smtp-harbor-relay-77"


def three(**options):
    """Returns two services that run old values, one that does not, and a sealed value, which can't be compared."""
    return estate(
        service(WEB, {"STRIPE_KEY": STRIPE, "SMTP_PASSWORD": SMTP, "SESSION_SECRET": {"value": "sealed-session-1", "sealed": True}},
                deployment(old={"STRIPE_KEY": "sk-harbor-live-0001", "SESSION_SECRET": "sealed-session-0"})),
        service(MAILER, {"SMTP_PASSWORD": SMTP, "REPLY_TO": "post@harbor.example"},
                deployment(old={"SMTP_PASSWORD": None, "REPLY_TO": "old@harbor.example", "GONE_KEY": "value-of-gone-key"})),
        service(LEDGER, {"STRIPE_KEY": "${{%s.STRIPE_KEY}}" % WEB}, deployment()), **options)


NAMED = toml_of({"web": (WEB, ""), "mail": (MAILER, ""), "ledger": (LEDGER, "")})
THREE_ENV = env_of(STRIPE_KEY=STRIPE, SMTP_PASSWORD=SMTP, REPLY_TO="post@harbor.example")


@case
def stale_by_value():
    with world("three services", three(), THREE_ENV, toml=NAMED) as it:
        report = CheckRuns(it, code=1, requests=2)
        stale = {(one["severity"], tuple(one["services"])) for one in report.of("stale-deployment")}
        it.check("two are stale", stale == {("error", (WEB,)), ("error", (MAILER,))}, report.text)
        it.check("no other rule reports anything", {one[0] for one in report.found()} == {"stale-deployment"}, report.text)
        report.shows("STRIPE_KEY", "SMTP_PASSWORD", "REPLY_TO", "GONE_KEY").lacks("old value of SESSION_SECRET", "may be running")
        run = it.run(*FIX, code=0)
        done = {("redeploy", None, WEB): "done", ("redeploy", None, MAILER): "done"}
        it.check("both are deployed once and nothing is stored", run.receipts() == done and
                 [one["field"] for one in run.mutations] == [REDEPLOY, REDEPLOY], run)
        it.stores_and_runs(STRIPE, (WEB,), "STRIPE_KEY")
        it.stores_and_runs(SMTP, (WEB, MAILER), "SMTP_PASSWORD")
        it.check("the removed key is not running", it.running(MAILER, "GONE_KEY") is None)
        it.check_changed({})
        CheckRuns(it, code=0, requests=2).expect()
        run = it.run(*FIX, code=0)
        it.check("a second fix sends no mutation", not run.mutations, run)


@case
def stale_of_one_service():
    """One service with equal values and a stale deployment: the redeploy is suggested, and done with --redeploy."""
    with world("one of three", three(), THREE_ENV) as it:
        run = it.run("fix", "--service", MAILER, "--dry-run", code=1)
        it.check("a dry run suggests the redeploy", MAILER in run.unwrapped and "--redeploy" in run.unwrapped, run)
        run = it.run("fix", "--service", MAILER, code=2)
        it.check("without a terminal, the command is printed", run.command() is not None and "--redeploy" in run.unwrapped, run)
        run = it.run(*FIX, "--service", MAILER, code=0)
        it.check("only that service is deployed", run.receipts() == {("redeploy", None, MAILER): "done"}, run)
        it.stores_and_runs("post@harbor.example", (MAILER,), "REPLY_TO")
    with world("one of three, interactive", three(), THREE_ENV) as it:
        run = it.run_on_terminal("fix", "--service", MAILER, answers=[("What would you like to do?", "\r"), ("Apply this plan?", "y\r")], code=0)
        it.check("one redeploy", [one["field"] for one in run.mutations] == [REDEPLOY], run)
        it.stores_and_runs("post@harbor.example", (MAILER,), "REPLY_TO")


@cases_of([
    ("everywhere", {}), ("in the snapshot only", {"tracingInVariables": False}),
    ("in the rendered map only", {"tracingInSnapshot": False}), ("without sampler", {"tracingSampler": False}),
    ("with a new version each time", {"tracingVersion": "deployment"}),
])
def traced(name, options):
    """Variables set by tracing are not compared and need no redeploy; variables stored by the user are compared."""
    with world(f"traced {name}", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment(), tracing=True), **options),
               env_of(SMTP_PASSWORD=SMTP)) as it:
        CheckRuns(it, code=0, requests=2).expect().lacks("OTEL_", "only on Railway")
        run = it.run("matrix", "-v", code=0)
        it.check("the matrix has no such row", "OTEL_" not in run.unwrapped, run)
        for arguments in (FIX, ("fix", "--pull", "--yes"), ("fix", "--push", "--yes")):
            run = it.run(*arguments, code=0)
            it.check("there is nothing to do", not run.mutations and "OTEL_" not in run.unwrapped, run)
        it.write(service=MAILER, name="OTEL_SERVICE_NAME", value="post-office-2026", deploy=False)
        report = CheckRuns(it, code=1, requests=2).expect(("stale-deployment", "error", "OTEL_SERVICE_NAME", [MAILER]))
        report.lacks("OTEL_SERVICE_VERSION", "OTEL_EXPORTER")
        run = it.run(*FIX, code=0)
        it.check("one deployment", run.count(REDEPLOY) == 1, run)
        it.stores_and_runs("post-office-2026", (MAILER,), "OTEL_SERVICE_NAME")
        CheckRuns(it, code=0, requests=2).expect()
        it.write(service=MAILER, name="OTEL_EXPORTER_OTLP_ENDPOINT", value="http://custom-collector", deploy=True)
        CheckRuns(it, code=0, requests=2).expect()


@case
def traced_since_the_deployment():
    """If tracing was switched on or off after the deployment, its variables change only with the next deployment."""
    for since, own in (("-1d", None), (False, True)):
        with world("traced since", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, {**deployment(), "tracing": own}, tracing=since)),
                   env_of(SMTP_PASSWORD=SMTP)) as it:
            CheckRuns(it, code=0, requests=2).expect().lacks("OTEL_")


@case
def traced_key_in_file():
    """The file has a key that only tracing sets: it is missing, can be added by name, and undo needs no second deployment."""
    with world("traced key of the file", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment(), tracing=True)),
               env_of(SMTP_PASSWORD=SMTP, OTEL_SERVICE_NAME="post-office-2026")) as it:
        report = CheckRuns(it, code=0, requests=2).expect(("missing-on-railway", "warning", "OTEL_SERVICE_NAME", [MAILER]))
        report.shows("Railway sets OTEL_SERVICE_NAME if tracing is on")
        run = it.run("fix", "--push", "--yes", code=0)
        it.check("no push adds it", not run.mutations, run)
        it.run("fix", "--add", "--push", "--only=OTEL_SERVICE_NAME", f"--service={MAILER}", "--yes", code=0)
        it.stores_and_runs("post-office-2026", (MAILER,), "OTEL_SERVICE_NAME")
        CheckRuns(it, code=0, requests=2).expect()
        run = it.run("undo", "--yes", code=0)
        it.check("one deletion and no deployment by doctor", [one["field"] for one in run.mutations] == [DELETE], run)
        it.check("Railway's value is running again", it.running(MAILER, "OTEL_SERVICE_NAME") == MAILER)


@case
def redeploy_keeps_old_values():
    with world("old values again", three(redeployVariables="captured"), THREE_ENV, toml=NAMED) as it:
        run = it.run(*FIX, code=7)
        it.check("both failed", set(run.receipts().values()) == {"failed"}, run)
        CheckRuns(it, code=1)


@cases_of([("domains", 3), ("startCommand", 2), ("cronSchedule", 2)])
def refused_field(field, requests):
    """A refused field affects only the rules that need it."""
    with world(f"refused {field}", three(), THREE_ENV, toml=NAMED) as it:
        it.set_faults({"kind": "partial", "path": f"ServiceInstance.{field}", "message": "Not Authorized", "count": -1})
        report = CheckRuns(it, code=1, requests=requests)
        stale = {(one["severity"], tuple(one["services"])) for one in report.of("stale-deployment")}
        it.check("two are stale", stale == {("error", (WEB,)), ("error", (MAILER,))}, report.text)


def by_time(changed):
    """Returns services whose deployed values can't be read; the deployment is three days old."""
    return estate(
        service(WEB, {"STRIPE_KEY": {"value": STRIPE, "updatedAt": changed}, "LEVEL": "${{shared.LEVEL}}",
                      "QUEUE_URL": "${{%s.QUEUE_URL}}" % MAILER}, deployment()),
        service(MAILER, {"QUEUE_URL": {"value": "amqp://harbor-queue/7", "updatedAt": "-40d"}}, deployment()),
        shared={"LEVEL": {"value": "informative", "updatedAt": "-40d"}})


NO_SNAPSHOT = {"kind": "partial", "path": "Query.deploymentSnapshot", "count": -1}
TIME_ENV = env_of(STRIPE_KEY=STRIPE, LEVEL="informative", QUEUE_URL="amqp://harbor-queue/7")
POSSIBLY = ("stale-deployment", "warning", "STRIPE_KEY", [WEB])


@cases_of([("after", "-1h", [POSSIBLY]), ("just after", "-258000s", [POSSIBLY]), ("before", "-5d", []),
           ("the grey zone after", "-259197s", []), ("the grey zone before", "-259203s", [])])
def stale_by_time(name, changed, expected):
    scenario = by_time(changed)
    scenario["projects"][0]["environments"][0]["instances"][0]["deployments"][0]["createdAt"] = "-259200s"
    with world(f"by time, {name}", scenario, TIME_ENV, faults=[NO_SNAPSHOT]) as it:
        report = CheckRuns(it, "-v", requests=3, code=0).expect(*expected)
        if expected:
            report.shows("may be running", "STRIPE_KEY")
            run = it.run(*FIX)
            it.check("verified by time", run.receipts() == {("redeploy", None, WEB): "done"} and run.code in (0, 8), run)
        if "grey" in name:
            report.shows("five seconds")


@case
def stale_by_time_through_a_reference():
    for name, change in [("shared", {"name": "LEVEL", "value": "everything-now"}),
                         ("of another service", {"service": MAILER, "name": "QUEUE_URL", "value": "amqp://harbor-queue/8"})]:
        with world(f"by time, {name}", by_time("-5d"), TIME_ENV, faults=[NO_SNAPSHOT]) as it:
            it.write(**change)
            stale = {tuple(one["services"]) for one in CheckRuns(it).of("stale-deployment")}
            it.check("the referencing service is stale", (WEB,) in stale, stale)


@case
def one_snapshot_refused():
    with world("one snapshot refused", three(), THREE_ENV, toml=NAMED, faults=[{**NO_SNAPSHOT, "count": 1}]) as it:
        run = it.run("check", "--format", "json")
        stale = [(one["severity"], one["services"]) for one in run.report["findings"] if one["rule"] == "stale-deployment"]
        it.check("the others are compared by value", ("error", [MAILER]) in stale or ("error", [WEB]) in stale, run)


@case
def rolled_back():
    scenario = three()
    for one in scenario["projects"][0]["environments"][0]["instances"]:
        one["deployments"][0]["meta"]["reason"] = "rollback"
    with world("rolled back", scenario, THREE_ENV, toml=NAMED) as it:
        CheckRuns(it, code=1).shows("roll(ed )?-?back")


# 3. Start commands ------------------------------------------------------------------------------------------------------

# Before the day on which Railway stops reading configuration files, independent of today's date.
BEFORE = "2026-11-20T10:00:00.000Z"


def worker(running, settings=None, *, parts='"-B"', files=(), **meta):
    instance = service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment(at=BEFORE, start=running, **meta), startCommand=settings)
    return estate(instance), toml_of({"jobs": (MAILER, f"start-command-contains = [{parts}]")})


LACKS = [("start-command", "error", None, [MAILER])]


@cases_of([
    ("in the settings", "celery worker --Bulk", "celery worker --Bulk", '"-B"', LACKS, ["settings"]),
    ("present", "celery worker -B", "celery worker -B", '"-B"', [], []),
    ("in quotes", "celery worker '-B'", "celery worker '-B'", '"-B"', [], []),
    ("in a word", "celery worker x-B -Bx --B", "celery worker x-B -Bx --B", '"-B"', LACKS, []),
    ("quoted words", "run --name 'two words' -x", "run --name 'two words' -x", "\"--name 'two words'\"", [], []),
    ("words in another order", "run -x --name", "run -x --name", '"--name -x"', LACKS, ["--name -x"]),
    ("in a shell", 'sh -c "migrate && celery worker -B"', 'sh -c "migrate && celery worker -B"', '"-B"', [], []),
    ("in a comment of a shell", 'sh -c "celery worker # -B"', 'sh -c "celery worker # -B"', '"-B"', LACKS, []),
    ("two parts", "celery worker -B", "celery worker -B", '"-B", "--loglevel INFO"', LACKS, ["--loglevel INFO"]),
    ("with a variable", "serve --port $PORT -B", "serve --port $PORT -B", '"--port $PORT"', [], []),
    ("unbalanced", "celery worker 'a -B", "celery worker 'a -B", '"-Z"', LACKS, ["-Z"]),
    ("in a file", "celery worker", None, '"-B"', LACKS, ["railway\\.(json|toml)"]),
    ("configured and not yet running", "celery worker", "celery worker -B", '"-B"', LACKS, ["settings have it", "doctor fix --redeploy"]),
])
def start_commands(name, running, settings, parts, expected, patterns):
    scenario, toml = worker(running, settings, parts=parts)
    with world(f"start command {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        CheckRuns(it, code=1 if expected else 0, requests=2).expect(*expected).shows(*patterns)


@case
def start_command_in_file():
    scenario, toml = worker("celery worker", None, configFile="/deploy/railway.json")
    with world("start command in a file", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        (it.path / "railway.json").write_text('{"deploy": {"startCommand": "celery worker"}}')
        CheckRuns(it, code=1).expect(*LACKS, *RETIRED).shows("railway\\.json")


FILE = {"path": "/railway.toml", "build": {"builder": "DOCKERFILE"},
        "deploy": {"startCommand": "celery worker -B", "cronSchedule": "0 3 * * *", "healthcheckPath": "/up"}}
SAME = {"startCommand": "celery worker -B", "build": {"builder": "DOCKERFILE"},
        "deploy": {"cronSchedule": "0 3 * * *", "healthcheckPath": "/up"}}
RETIRED = [("config-file-retired", "warning", None, [MAILER])]
DIFFER = "differ in: start command, cron schedule, health check path, builder"
LATER = deployment(at="-1h", start="celery worker -B", fileServiceManifest={}, propertyFileMapping={})


def from_file(*deployments, file=FILE, settings=None, **options):
    """Returns a service whose code has a configuration file."""
    given = {"fileConfig": file} if file else {}
    instance = service(MAILER, {"SMTP_PASSWORD": SMTP}, *(deployments or (deployment(at=BEFORE),)), **given, **(settings or {}))
    return estate(instance, **options)


@cases_of([
    ("with all settings", from_file(), RETIRED, ["depends on /railway.toml", DIFFER]),
    ("that the deployment does not name", from_file(configFileInMeta=False), RETIRED, [DIFFER]),
    ("that is no longer read", from_file(configAsCode="ended"), RETIRED, [DIFFER]),
    ("that the settings name", from_file(settings={"configFile": "/deploy/railway.toml"}), RETIRED, [DIFFER]),
    ("that only the settings name", from_file(deployment(at=BEFORE, start="celery worker"), file=None, settings={"configFile": "/railway.json"}),
     RETIRED, ["may depend on /railway.json", "differ in: start command"]),
    ("that was moved into the settings", from_file(settings=SAME), [], []),
    ("that no deployment reads", from_file(LATER, file=None, settings=SAME), [], []),
    ("of a deployment that is building", from_file(deployment("BUILDING"), metaWhileBuilding="half"), [], []),
    ("with another command in the settings", from_file(settings={**SAME, "startCommand": "celery beat"}), RETIRED,
     ["differ in: start command"]),
    ("with infrastructure as code", from_file(file=None, settings={**SAME, "managedBy": ".railway/railway.ts"}), [], []),
])
def configuration_file(name, scenario, expected, patterns):
    with world(f"a file {name}", scenario, env_of(SMTP_PASSWORD=SMTP)) as it:
        report = CheckRuns(it, code=0, requests=2).expect(*expected)
        report.shows(*patterns).lacks("celery worker")


@case
def configuration_file_no_longer_read():
    """The next deployment no longer reads the file, so the settings apply and the warning disappears."""
    with world("a file, then none", from_file(configAsCode="ended"), env_of(SMTP_PASSWORD="smtp-harbor-relay-78")) as it:
        it.values.add("smtp-harbor-relay-78")
        it.run("fix", "--push", "--only", "SMTP_PASSWORD", "--yes", code=0)
        it.check("the deployment has no start command", it.service(MAILER)["running"]["startCommand"] is None)
        CheckRuns(it, code=0).expect()


@cases_of([(end, line) for end, line in (("ts", "start: \"… -B\","), ("py", "start=\"… -B\","), ("go", "\"start\": \"… -B\","))])
def infrastructure_as_code(end, line):
    file = f".railway/railway.{end}"
    scenario, toml = worker("celery worker", "celery worker")
    scenario["projects"][0]["environments"][0]["instances"][0]["managedBy"] = file
    with world(f"infrastructure as code, {end}", scenario, env_of(SMTP_PASSWORD="smtp-harbor-relay-78"), toml=toml) as it:
        it.values.add("smtp-harbor-relay-78")
        (it.path / ".railway").mkdir()
        (it.path / file).write_text("raise SystemExit(1)\n")
        report = CheckRuns(it, code=1)
        report.shows(re.escape(file), re.escape(line), "railway config apply").lacks("settings of")
        warning = f"{file} may manage these services: `railway config apply`"
        run = it.run("fix", "--push", "--only", "SMTP_PASSWORD", "--dry-run", code=1)
        it.check("a push shows the warning", warning in run.unwrapped, run)
        run = it.run("fix", "--push", "--only", "SMTP_PASSWORD", "--dry-run", "--format", "json", code=1)
        it.check("the JSON plan has the warning", any(warning in one for one in run.report["plan"]["cautions"]), run)
        run = it.run("fix", "--pull", "--dry-run", code=1)
        it.check("a pull shows no warning", "config apply" not in run.unwrapped, run)


@case
def start_command_is_deployed():
    scenario, toml = worker("celery worker", "celery worker -B")
    with world("start command, deployed", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        run = it.run(*FIX, code=0)
        it.check("one deployment", [one["field"] for one in run.mutations] == [REDEPLOY], run)
        it.check("the command is running", it.service(MAILER)["running"]["startCommand"] == "celery worker -B")
        CheckRuns(it, code=0).expect()


@case
def start_command_with_secret():
    secret = "command-credential-0815"
    scenario, toml = worker(f"serve --password={secret}", f"serve --password={secret}")
    with world("start command with a secret", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        it.values.add(secret)
        CheckRuns(it, "-v", code=1).expect(*LACKS)


# 4. Endpoints -----------------------------------------------------------------------------------------------------------

def with_endpoint(lines, routes=()):
    """Returns a service with a route that needs a key, and a declared request."""
    scenario = estate(
        service(WEB, {"STRIPE_KEY": STRIPE}, deployment(), domains=["harbor-web.up.railway.app"]),
        service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment()),
        http=[{"service": WEB, "auth": {"header": "X-Key", "variable": "STRIPE_KEY", "status": 401, "body": {"error": "no"}},
               "routes": [{"method": "GET", "path": "/status", "body": {"up": True, "queue": {"depth": 3}, "last": None}},
                          {"method": "POST", "path": "/purge", "status": 202, "body": {"done": True}}, *routes]}])
    return scenario, toml_of({"web": (WEB, ""), "mail": (MAILER, "")}, f'[[expect.http]]\nservice = "web"\n{lines}')


ENDPOINT_ENV = env_of(STRIPE_KEY=STRIPE, SMTP_PASSWORD=SMTP)
HEADER = 'headers = { X-Key = "$STRIPE_KEY" }\n'
WRONG = [("endpoint-wrong", "error", None, [WEB])]


@cases_of([
    ("right", f'request = "GET /status"\n{HEADER}status = 200\njson = {{ "/queue/depth" = 3, "/up" = true, "/last" = "absent" }}', [], 200),
    ("without its key", 'request = "GET /status"\nstatus = 200', WRONG, 401),
    ("refused as declared", 'request = "GET /status"\nstatus = 401', [], 401),
    ("null is not present", f'request = "GET /status"\n{HEADER}status = 200\njson = {{ "/last" = "present" }}', WRONG, 200),
    ("another number", f'request = "GET /status"\n{HEADER}json = {{ "/queue/depth" = 4 }}', WRONG, 200),
    ("a number is not a string", f'request = "GET /status"\n{HEADER}json = {{ "/queue/depth" = "3" }}', WRONG, 200),
    ("no such path", f'request = "GET /nothing"\n{HEADER}status = 200', WRONG, 404),
    ("with effects", f'request = "POST /purge"\nallow-effects = true\n{HEADER}status = 202', [], 202),
])
def endpoints(name, lines, expected, status):
    scenario, toml = with_endpoint(lines)
    with world(f"endpoint {name}", scenario, ENDPOINT_ENV, toml=toml) as it:
        report = CheckRuns(it, code=1 if expected else 0, requests=2).expect(*expected)
        it.check("one request is sent", [one[2] for one in report.probes] == [status], report.probes)


@case
def requests_with_effects_are_not_repeated():
    """A fix of another service repeats only requests without effects."""
    for method, path, status, times in (("POST", "/purge", 202, 1), ("GET", "/status", 200, 2)):
        effects = "allow-effects = true\n" if method == "POST" else ""
        scenario, toml = with_endpoint(f'request = "{method} {path}"\n{effects}{HEADER}status = {status}')
        scenario["projects"][0]["environments"][0]["instances"][1]["deployments"] = [deployment(old={"SMTP_PASSWORD": "smtp-old-value"})]
        with world(f"effects of {method}", scenario, ENDPOINT_ENV, toml=toml) as it:
            run = it.run(*FIX, code=0)
            it.check("the other service is deployed", run.receipts() == {("redeploy", None, MAILER): "done"}, run)
            probes = [one["method"] for one in it.server.summary()["probes"]]
            it.check(f"number of {method} requests: {times}", probes == [method] * times, probes)


@cases_of([(str(number), lines) for number, lines in enumerate([
    f'request = "POST /purge"\n{HEADER}status = 202', f'request = "GET //evil.example/"\n{HEADER}status = 200',
    f'request = "GET @evil.example/"\n{HEADER}status = 200', f'request = "GET https://evil.example/"\n{HEADER}status = 200',
    f'request = "GET /a\\r\\nHost: evil.example"\n{HEADER}status = 200', f'request = "GET /\\\\evil.example"\n{HEADER}status = 200',
    'request = "GET /status"\nheaders = { Host = "evil.example" }\nstatus = 200',
    'request = "GET /status"\nheaders = { X-Key = "a\\r\\nb" }\nstatus = 200',
])])
def hostile_config(number, lines):
    """A hostile doctor.toml is refused before any request."""
    scenario, toml = with_endpoint(lines)
    with world(f"hostile {number}", scenario, ENDPOINT_ENV, toml=toml) as it:
        it.run("check", code=2)
        it.check("no request is sent", not it.server.summary()["probes"] and not it.server.summary()["requests"])


@cases_of([("of another service", "SMTP_PASSWORD"), ("of no file", "UNKNOWN_KEY"), ("of the process", "PATH")])
def key_of_another_source(name, key):
    scenario, toml = with_endpoint(f'request = "GET /status"\nheaders = {{ X-Key = "${key}" }}\nstatus = 200')
    with world(f"key {name}", scenario, ENDPOINT_ENV, toml=toml) as it:
        report = CheckRuns(it)
        it.check("no request is sent", not report.probes, report.probes)
        it.check("the endpoint is reported", report.of("endpoint-wrong"), report.text)


# 5. Deployments ---------------------------------------------------------------------------------------------------------

@cases_of([(status, status) for status in (
    "INITIALIZING", "QUEUED", "BUILDING", "DEPLOYING", "WAITING", "NEEDS_APPROVAL", "SUCCESS", "SLEEPING", "FAILED",
    "CRASHED", "SKIPPED", "REMOVING", "REMOVED")])
def newest_deployments(name, status):
    severity = {"FAILED": "error", "CRASHED": "error", "NEEDS_APPROVAL": "warning"}.get(status)
    for older in ([], [deployment(at="-9d")] if status != "SUCCESS" else []):
        scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, *older, deployment(status, at="-1d")))
        with world(f"{status}, {len(older)} older", scenario, env_of(SMTP_PASSWORD=SMTP)) as it:
            report = CheckRuns(it)
            found = {one["severity"] for one in report.of("deployment-unhealthy")}
            if severity:
                it.check(f"one finding with severity {severity}", found == {severity}, report.text)
            elif status in ("SUCCESS", "SLEEPING", "BUILDING", "DEPLOYING", "INITIALIZING", "QUEUED", "WAITING"):
                it.check("no finding", not found, report.text)
            if older and severity == "error":
                report.shows("an older one is still")


@case
def never_deployed():
    with world("never deployed", estate(service(MAILER, {"SMTP_PASSWORD": SMTP})), env_of(SMTP_PASSWORD=SMTP)) as it:
        CheckRuns(it, code=0, requests=2).expect(("never-deployed", "warning", None, [MAILER]))


@cases_of([("compared", "SMTP_PASSWORD", "error"), ("other", "UNRELATED", "warning")])
def staged_changes(name, key, severity):
    staged = {"services": {MAILER: {"variables": {key: {"value": "staged-by-other-user-1"}}}}}
    scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment()), staged=staged)
    with world(f"staged, {name}", scenario, env_of(SMTP_PASSWORD=SMTP)) as it:
        it.values.add("staged-by-other-user-1")
        report = CheckRuns(it, requests=2)
        it.check(f"one finding with severity {severity}", [one["severity"] for one in report.of("staged-changes")] == [severity], report.text)
        report.shows(key)


# 6. Logs ---------------------------------------------------------------------------------------------------------------

LINE = "schema is up to date"
CHATTER = [f"handled request {number}" for number in range(6000)]
NO_LINE = [("log-line-missing", "error", None, [MAILER])]


def logged(lines, *deployments, within="", **values):
    scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP, **values}, *(deployments or (deployment(),)), logs=lines))
    return scenario, toml_of({"mail": (MAILER, "")}, f'[[expect.log]]\nservice = "mail"\ncontains = "{LINE}"\n{within}')


@cases_of([
    ("present", ["starting", f"the {LINE} now"], [], 3),
    ("far back", [LINE, *CHATTER], [], 3),
    ("missing", ["starting", "ready"], NO_LINE, 4),
    ("a part of it", ["schema is up", "to date"], NO_LINE, 4),
])
def log_lines(name, lines, expected, requests):
    scenario, toml = logged(lines)
    with world(f"line {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        CheckRuns(it, code=1 if expected else 0, requests=requests).expect(*expected)


@case
def line_of_previous_deployment():
    old = {"message": LINE, "when": {"startCommandHasArg": "--migrate"}}
    scenario, toml = logged([old, "ready"], deployment("REMOVED", "-9d", start="serve --migrate"), deployment(start="serve"))
    with world("line of the previous deployment", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        CheckRuns(it, code=1).expect(*NO_LINE)


@case
def refused_log():
    scenario, toml = logged([LINE], SMTP_PASSWORD="smtp-harbor-relay-01")
    with world("log refused", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        it.set_faults({"kind": "partial", "path": "Query.deploymentLogs", "count": -1})
        run = it.run("check", "--format", "json", code=1)
        found = {(one["rule"], one["severity"]) for one in run.report["findings"] if one["severity"] != "note"}
        wanted = {("value-differs", "error"), ("log-line-missing", "warning")}
        it.check("an unreadable log is a warning", found == wanted, run)
        run = it.run("fix", "--push", "--yes", "--only", "SMTP_PASSWORD", code=8)
        it.check("the log line is reported as unknown", "could not check its log for “" + LINE + "”" in run.unwrapped, run)
        it.stores_and_runs(SMTP, (MAILER,), "SMTP_PASSWORD")


@cases_of([("in time", 4, 0), ("too late", 600, 7)])
def late_line(name, seconds, code):
    late = {"message": LINE, "afterSeconds": seconds}
    scenario, toml = logged(["starting", late], within='within = "12s"', SMTP_PASSWORD="smtp-harbor-relay-01")
    with world(f"line {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        run = it.run("fix", "--push", "--yes", "--only", "SMTP_PASSWORD", code=code)
        it.check("one deployment", run.count(REDEPLOY) == 1, run)


# 7. Commits -------------------------------------------------------------------------------------------------------------

def git(directory, *arguments):
    identity = {f"GIT_{role}_{field}": text for role in ("AUTHOR", "COMMITTER")
                for field, text in (("NAME", "t"), ("EMAIL", "t@example.com"))}
    result = subprocess.run(["git", *arguments], cwd=directory, env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
                            check=True, capture_output=True, text=True)
    return result.stdout.strip()


def history(directory):
    """Creates a repository of the services with three commits. Returns their ids."""
    git(directory, "init", "-q", "-b", "main")
    git(directory, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    commit_ids = []
    for number in range(3):
        git(directory, "commit", "-q", "--allow-empty", "-m", f"step {number}")
        commit_ids.append(git(directory, "rev-parse", "HEAD"))
    return commit_ids


@cases_of([
    ("older than HEAD", 0, "", "warning", {}), ("HEAD", 2, "", None, {}), ("older than declared", 0, 1, "error", {}),
    ("newer than declared", 2, 1, None, {}), ("unknown", "f" * 40, "", None, {}),
    ("another repository", 0, "", None, {"repo": "else/where"}), ("another branch", 0, "", None, {"branch": "release"}),
    ("none", None, "", None, {}),
])
def commits(name, runs, declared, severity, meta):
    with tempfile.TemporaryDirectory() as directory:
        commit_ids = history(directory)
        commit = commit_ids[runs] if isinstance(runs, int) else runs
        scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment(commit=commit, **meta)))
        toml = toml_of({"mail": (MAILER, f'commit = "{commit_ids[declared][:9]}"' if declared else "")})
        with world(f"commit {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
            shutil.copytree(Path(directory, ".git"), it.path / ".git")
            (it.path / ".gitignore").write_text(".env\n")
            report = CheckRuns(it, requests=2, code=1 if severity == "error" else 0)
            found = {one["severity"] for one in report.of("commit-behind")} - {"note"}
            it.check(f"the severity is {severity}", found == ({severity} if severity else set()), report.text)
            if severity:
                report.shows("commits? behind")
                run = it.run(*FIX, code=0)
                it.check("the wanted commit is deployed", [one["field"] for one in run.mutations] == ["serviceInstanceDeployV2"], run)
                it.check("no commit is behind", not CheckRuns(it, code=0).of("commit-behind"))


WATCHED, REFUSED = "No changes to watched files", "CI check suite failed"


@cases_of([
    ("of HEAD", [(2, WATCHED)], "", None, None), ("of the declared commit", [(1, WATCHED)], 1, None, None),
    ("after the declared commit", [(2, WATCHED)], 1, None, None), ("before HEAD", [(1, WATCHED)], "", "warning", "the commit after it may"),
    ("of HEAD by its checks", [(2, REFUSED)], "", "warning", "skipped because its CI checks failed"),
    ("of the declared commit by its checks", [(1, REFUSED)], 1, "error", "skipped because its CI checks failed"),
    ("without a reason", [(2, "")], "", "warning", "for an unknown reason"),
    ("twice", [(1, WATCHED), (2, WATCHED)], "", None, None),
])
def skipped_pushes(name, pushes, declared, severity, pattern):
    """Pushes that Railway skipped by watch paths do not count as behind; those skipped by failed checks do."""
    with tempfile.TemporaryDirectory() as directory:
        commit_ids = history(directory)
        later = [deployment("SKIPPED", f"-{20 - at}h", commit=commit_ids[commit], skippedReason=reason) for at, (commit, reason) in enumerate(pushes)]
        scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment(commit=commit_ids[0]), *later))
        toml = toml_of({"mail": (MAILER, f'commit = "{commit_ids[declared][:9]}"' if declared else "")})
        with world(f"skipped push {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
            shutil.copytree(Path(directory, ".git"), it.path / ".git")
            (it.path / ".gitignore").write_text(".env\n")
            report = CheckRuns(it, requests=2, code=1 if severity == "error" else 0)
            found = {one["severity"] for one in report.of("commit-behind")}
            it.check(f"the severity is {severity}", found == ({severity} if severity else set()), report.text)
            if severity:
                report.shows(pattern)
                run = it.run(*FIX, code=0)
                it.check("the wanted commit is deployed", [(one["field"], one["args"].get("commitSha")) for one in run.mutations] ==
                         [("serviceInstanceDeployV2", commit_ids[declared or 2])], run)
                it.check("no commit is behind", not CheckRuns(it, code=0).of("commit-behind"))
                return
            run = it.run(*FIX, code=0)
            it.check("there is nothing to deploy", not run.mutations, run)
            running = it.service(MAILER)["running"]["id"]
            it.write(service=MAILER, name="SMTP_PASSWORD", value="smtp-harbor-relay-78", deploy=False)
            (it.path / ".env").write_text(env_of(SMTP_PASSWORD="smtp-harbor-relay-78"))
            run = it.run(*FIX, code=0)
            it.check("the running deployment is redeployed", [one["args"].get("id") for one in run.mutations] == [running], run)
            it.stores_and_runs("smtp-harbor-relay-78", (MAILER,), "SMTP_PASSWORD")
            it.check("no commit is behind", not CheckRuns(it, code=0, requests=3).of("commit-behind"))


@case
def skipped_push_during_fix():
    """A push that Railway skips during a fix creates the latest deployment, but supersedes nothing."""
    with world("skipped push during a fix", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, deployment(commit="a" * 40),
                                                          build={"watchPatterns": ["mail/**"]}), advance="polls",
                                                  phases={"INITIALIZING": 1, "BUILDING": 3, "DEPLOYING": 1}),
               env_of(SMTP_PASSWORD="smtp-harbor-relay-78")) as it:
        before = it.begin()
        process = it.start("fix", "--push", "--yes", "--only", "SMTP_PASSWORD", "--format", "json")
        it.wait("a deployment", lambda summary: summary["deploymentsCreated"])
        it.write(push={"sha": "b" * 40, "files": ["docs/readme.md"], "message": "docs", "repo": REPOSITORY})
        run = it.end(process, FIX, before, 0)
        it.check("the one deployment is followed", run.count(REDEPLOY) == 1 and "superseded" not in run.unwrapped, run)
        it.stores_and_runs("smtp-harbor-relay-78", (MAILER,), "SMTP_PASSWORD")


# 8. Endpoints that lead elsewhere ---------------------------------------------------------------------------------------

class Listener(http.server.ThreadingHTTPServer):
    """Responds to every request in the same way, after a delay, and records it."""

    def __init__(self, status, location=None, seconds=0):
        self.received = []
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                listener.received.append((self.path, dict(self.headers)))
                time.sleep(seconds)
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


@cases_of([("moved", 302, 0), ("moved permanently", 308, 0), ("slow", 200, 15)])
def redirected_or_slow_endpoint(name, status, seconds):
    elsewhere = Listener(200)
    service_listener = Listener(status, f"http://{elsewhere.address}/" if status > 300 else None, seconds)
    scenario = estate(service(WEB, {"STRIPE_KEY": STRIPE}, deployment(), domains=[service_listener.address]))
    toml = toml_of({"web": (WEB, "")}, f'[[expect.http]]\nservice = "web"\nrequest = "GET /status"\n{HEADER}status = 200')
    with world(f"endpoint {name}", scenario, env_of(STRIPE_KEY=STRIPE), toml=toml) as it:
        CheckRuns(it, code=1, requests=2).expect(*WRONG)
        it.check("the service received its key", [received[1].get("x-key") for received in service_listener.received] == [STRIPE] * 2, service_listener.received)
        it.check("no other host received a request", not elsewhere.received, elsewhere.received)
    service_listener.shutdown()
    elsewhere.shutdown()


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
run_all([entry for entry in cases if wanted in entry[0]])
