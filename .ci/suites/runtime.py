#!/usr/bin/env python3
"""Holds what doctor says of running services to the independent simulated Railway, in many worlds at the same time.

    runtime.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

Every run is held to what holds for all of them (server_cases.py), and every check to sending no mutation, reading nothing
twice, and knowing its requests (server_estates.py).
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

sys.dont_write_bytecode = True  # This folder is for sources.
from server_cases import API, DELETE, INCIDENT_ENV, KEY, NEW, OLD, REDEPLOY, UPSERT, WORKER, case, cases, cases_of, play_all, tally, world
from server_estates import REPOSITORY, Look, env_of, estate, ran, service, the_incident, toml_of

CELERY = "celery -A agentverse.worker worker --loglevel=info --concurrency=4"
BOOT = "Worker boot_id stored in Redis"
STATUS = "/api/v1/ops/chaos/worker-status"
DECLARED = toml_of(
    {"api": (API, ""), "worker": (WORKER, 'start-command-contains = ["-B"]')},
    f'[[require]]\nkeys = ["{KEY}"]\nservices = ["api", "worker"]',
    f'[[expect.log]]\nservice = "worker"\ncontains = "{BOOT}"\nwithin = "3s"',
    f'[[expect.http]]\nservice = "api"\nrequest = "GET {STATUS}"\nheaders = {{ X-API-Key = "${KEY}" }}\n'
    'status = 200\njson = { "/boot_info" = "present" }')
LEFT = [("start-command", "error", None, [WORKER]), ("log-line-missing", "error", None, [WORKER]),
        ("endpoint-wrong", "error", None, [API])]
FIX = ("fix", "--redeploy", "--yes", "--format", "json")


# 1. The incident --------------------------------------------------------------------------------------------------------

@case
def the_incident_as_it_was():
    """Five errors and no other; the fix mends what it can, and what is left is one cause and what follows from it."""
    with world("the incident", the_incident("polls"), toml=DECLARED) as it:
        look = Look(it, code=1, requests=4)
        look.expect(("value-differs", "error", KEY, [API, WORKER]), ("stale-deployment", "error", KEY, [WORKER]), *LEFT)
        look.says("lacks -B", "403 instead of 200", "follows from start-command", "FAIL running")
        it.check("one probe, refused", look.probes == [("GET", STATUS, 403)], look.probes)
        commands = {one: it.service(one)["running"]["startCommand"] for one in (API, WORKER)}
        run = it.run("fix", "--push", "--yes", "--only", KEY, "--format", "json", code=7)
        pushed = {place: outcome for place, outcome in run.receipts().items() if place[0] == "push"}
        it.check("both were stored", pushed == {("push", KEY, API): "done", ("push", KEY, WORKER): "done"}, run)
        it.both_run(NEW)
        it.check("one upsert and one deployment for each", (run.count(UPSERT), run.count(REDEPLOY)) == (2, 2), run)
        it.check("start commands stay", commands == {one: it.service(one)["running"]["startCommand"] for one in (API, WORKER)})
        look = Look(it, code=1, requests=4).expect(*LEFT)
        look.says("200, but without /boot_info", "may follow from start-command")
        it.name = "the incident with -B in its settings"
        it.write(service=WORKER, startCommand=f"{CELERY} -B")
        Look(it, code=1).says("settings have it", "doctor fix --redeploy")
        run = it.run(*FIX, code=0)
        it.check("nothing is stored any more", (run.count(UPSERT), run.count(REDEPLOY)) == (0, 1), run)
        Look(it, code=0, requests=3).expect()


@case
def the_incident_told_by_a_person():
    """The text of a fix that is stored and not proved."""
    with world("incident, in text", the_incident(), toml=DECLARED) as it:
        run = it.run("fix", "--push", "--yes", "--only", KEY, code=7)
        it.check("no step is said to have failed where the deployment succeeded", "which step failed" not in run.words, run)
        it.check("it says how to undo", "doctor undo" in run.words, run)
        run = it.run("fix", "--push", "--yes", code=1)
        it.check("a second fix sends nothing", not run.mutations, run)


# 2. Stale ---------------------------------------------------------------------------------------------------------------

WEB, MAILER, LEDGER = "harbor-web", "mailer", "ledger-sync"
STRIPE, SMTP = "sk-harbor-live-0042", "smtp-harbor-relay-77"


def three(**options):
    """Two services that run with old values, one that does not, and a sealed value that nobody can compare."""
    return estate(
        service(WEB, {"STRIPE_KEY": STRIPE, "SMTP_PASSWORD": SMTP, "SESSION_SECRET": {"value": "sealed-session-1", "sealed": True}},
                ran(old={"STRIPE_KEY": "sk-harbor-live-0001", "SESSION_SECRET": "sealed-session-0"})),
        service(MAILER, {"SMTP_PASSWORD": SMTP, "REPLY_TO": "post@harbor.example"},
                ran(old={"SMTP_PASSWORD": None, "REPLY_TO": "old@harbor.example", "GONE_KEY": "value-of-gone-key"})),
        service(LEDGER, {"STRIPE_KEY": "${{%s.STRIPE_KEY}}" % WEB}, ran()), **options)


NAMED = toml_of({"web": (WEB, ""), "mail": (MAILER, ""), "ledger": (LEDGER, "")})
THREE_ENV = env_of(STRIPE_KEY=STRIPE, SMTP_PASSWORD=SMTP, REPLY_TO="post@harbor.example")


@case
def stale_by_value():
    with world("three services", three(), THREE_ENV, toml=NAMED) as it:
        look = Look(it, code=1, requests=2)
        stale = {(one["severity"], tuple(one["services"])) for one in look.of("stale-deployment")}
        it.check("two are stale", stale == {("error", (WEB,)), ("error", (MAILER,))}, look.text)
        it.check("nothing else is wrong", {one[0] for one in look.found()} == {"stale-deployment"}, look.text)
        look.says("STRIPE_KEY", "SMTP_PASSWORD", "REPLY_TO", "GONE_KEY").keeps_from("old value of SESSION_SECRET", "possibly")
        run = it.run(*FIX, code=0)
        done = {("redeploy", None, WEB): "done", ("redeploy", None, MAILER): "done"}
        it.check("both are deployed, once, and nothing is stored", run.receipts() == done and
                 [one["field"] for one in run.mutations] == [REDEPLOY, REDEPLOY], run)
        it.both_run(STRIPE, (WEB,), "STRIPE_KEY")
        it.both_run(SMTP, (WEB, MAILER), "SMTP_PASSWORD")
        it.check("what was removed is gone", it.running(MAILER, "GONE_KEY") is None)
        it.changed({})
        Look(it, code=0, requests=2).expect()
        run = it.run(*FIX, code=0)
        it.check("a second fix sends nothing", not run.mutations, run)


@case
def stale_of_one_service():
    """`--service` of one with equal values and a stale deployment: the redeploy is offered, and done with --redeploy."""
    with world("one of three", three(), THREE_ENV) as it:
        run = it.run("fix", "--service", MAILER, "--dry-run", code=1)
        it.check("a dry run offers the redeploy", MAILER in run.words and "--redeploy" in run.words, run)
        run = it.run("fix", "--service", MAILER, code=2)
        it.check("no terminal: the plan and the command", run.command() is not None and "--redeploy" in run.words, run)
        run = it.run(*FIX, "--service", MAILER, code=0)
        it.check("only that one", run.receipts() == {("redeploy", None, MAILER): "done"}, run)
        it.both_run("post@harbor.example", (MAILER,), "REPLY_TO")
    with world("one of three, asked", three(), THREE_ENV) as it:
        run = it.at_a_terminal("fix", "--service", MAILER, answers=[("What is to be done?", "\r"), ("Do it?", "y")], code=0)
        it.check("a person's redeploy", [one["field"] for one in run.mutations] == [REDEPLOY], run)
        it.both_run("post@harbor.example", (MAILER,), "REPLY_TO")


@cases_of([
    ("everywhere", {}), ("in the snapshot only", {"tracingInVariables": False}),
    ("in the rendered map only", {"tracingInSnapshot": False}), ("without sampler", {"tracingSampler": False}),
    ("with a new version each time", {"tracingVersion": "deployment"}),
])
def traced(name, options):
    """What tracing sets is not compared, and no redeploy is needed for it; what the user stored is compared."""
    with world(f"traced {name}", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, ran(), tracing=True), **options),
               env_of(SMTP_PASSWORD=SMTP)) as it:
        Look(it, code=0, requests=2).expect().keeps_from("OTEL_", "only on Railway")
        run = it.run("matrix", "-v", code=0)
        it.check("the matrix has no such row", "OTEL_" not in run.words, run)
        for words in (FIX, ("fix", "--pull", "--yes"), ("fix", "--push", "--yes")):
            run = it.run(*words, code=0)
            it.check("there is nothing to do", not run.mutations and "OTEL_" not in run.words, run)
        it.write(service=MAILER, name="OTEL_SERVICE_NAME", value="post-office-2026", deploy=False)
        look = Look(it, code=1, requests=2).expect(("stale-deployment", "error", "OTEL_SERVICE_NAME", [MAILER]))
        look.keeps_from("OTEL_SERVICE_VERSION", "OTEL_EXPORTER")
        run = it.run(*FIX, code=0)
        it.check("one deployment", run.count(REDEPLOY) == 1, run)
        it.both_run("post-office-2026", (MAILER,), "OTEL_SERVICE_NAME")
        Look(it, code=0, requests=2).expect()
        it.write(service=MAILER, name="OTEL_EXPORTER_OTLP_ENDPOINT", value="http://collector-of-mine", deploy=True)
        Look(it, code=0, requests=2).expect()


@case
def traced_since_the_deployment():
    """Tracing was switched on or off after the deployment: what it sets comes or goes with the next one."""
    for since, own in (("-1d", None), (False, True)):
        with world("traced since", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, {**ran(), "tracing": own}, tracing=since)),
                   env_of(SMTP_PASSWORD=SMTP)) as it:
            Look(it, code=0, requests=2).expect().keeps_from("OTEL_")


@case
def a_traced_key_of_the_file():
    """Railway alone sets what the file has: missing, added by name, and gone after the undo without a second deployment."""
    with world("traced key of the file", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, ran(), tracing=True)),
               env_of(SMTP_PASSWORD=SMTP, OTEL_SERVICE_NAME="post-office-2026")) as it:
        look = Look(it, code=0, requests=2).expect(("missing-on-railway", "warning", "OTEL_SERVICE_NAME", [MAILER]))
        look.says("Railway sets OTEL_SERVICE_NAME by itself where tracing is on")
        run = it.run("fix", "--push", "--yes", code=0)
        it.check("no push adds it", not run.mutations, run)
        it.run("fix", "--add", "--push", "--only=OTEL_SERVICE_NAME", f"--service={MAILER}", "--yes", code=0)
        it.both_run("post-office-2026", (MAILER,), "OTEL_SERVICE_NAME")
        Look(it, code=0, requests=2).expect()
        run = it.run("undo", "--yes", code=0)
        it.check("one deletion and no deployment of doctor's", [one["field"] for one in run.mutations] == [DELETE], run)
        it.check("Railway's own runs again", it.running(MAILER, "OTEL_SERVICE_NAME") == MAILER)


@case
def stale_and_the_redeploy_does_not_help():
    with world("old values again", three(redeployVariables="captured"), THREE_ENV, toml=NAMED) as it:
        run = it.run(*FIX, code=7)
        it.check("both failed", set(run.receipts().values()) == {"failed"}, run)
        Look(it, code=1)


@cases_of([("domains", 3), ("startCommand", 2), ("cronSchedule", 2)])
def a_field_that_is_refused(field, requests):
    """It costs the rule that needs it its sight, and no other one."""
    with world(f"refused {field}", three(), THREE_ENV, toml=NAMED) as it:
        it.arm({"kind": "partial", "path": f"ServiceInstance.{field}", "message": "Not Authorized", "count": -1})
        look = Look(it, code=1, requests=requests)
        stale = {(one["severity"], tuple(one["services"])) for one in look.of("stale-deployment")}
        it.check("two are stale", stale == {("error", (WEB,)), ("error", (MAILER,))}, look.text)


def by_time(changed):
    """Values whose running deployment, three days old, can't be looked into."""
    return estate(
        service(WEB, {"STRIPE_KEY": {"value": STRIPE, "updatedAt": changed}, "LEVEL": "${{shared.LEVEL}}",
                      "QUEUE_URL": "${{%s.QUEUE_URL}}" % MAILER}, ran()),
        service(MAILER, {"QUEUE_URL": {"value": "amqp://harbor-queue/7", "updatedAt": "-40d"}}, ran()),
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
        look = Look(it, requests=3, code=0).expect(*expected)
        if expected:
            look.says("possibly", "STRIPE_KEY")
            run = it.run(*FIX)
            it.check("proof by time", run.receipts() == {("redeploy", None, WEB): "done"} and run.code in (0, 8), run)
        if "grey" in name:
            look.says("five seconds")


@case
def stale_by_time_through_a_reference():
    for name, change in [("shared", {"name": "LEVEL", "value": "everything-now"}),
                         ("of another service", {"service": MAILER, "name": "QUEUE_URL", "value": "amqp://harbor-queue/8"})]:
        with world(f"by time, {name}", by_time("-5d"), TIME_ENV, faults=[NO_SNAPSHOT]) as it:
            it.write(**change)
            stale = {tuple(one["services"]) for one in Look(it).of("stale-deployment")}
            it.check("the service that takes it", (WEB,) in stale, stale)


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
        Look(it, code=1).says("roll(ed )?-?back")


# 3. Start commands ------------------------------------------------------------------------------------------------------

# Before the day on which Railway stops reading configuration files, whenever this runs.
BEFORE = "2026-11-20T10:00:00.000Z"


def worker(running, settings=None, *, parts='"-B"', files=(), **meta):
    instance = service(MAILER, {"SMTP_PASSWORD": SMTP}, ran(at=BEFORE, start=running, **meta), startCommand=settings)
    return estate(instance), toml_of({"jobs": (MAILER, f"start-command-contains = [{parts}]")})


LACKS = [("start-command", "error", None, [MAILER])]


@cases_of([
    ("of the page", "celery worker --Bulk", "celery worker --Bulk", '"-B"', LACKS, ["settings"]),
    ("there", "celery worker -B", "celery worker -B", '"-B"', [], []),
    ("in quotes", "celery worker '-B'", "celery worker '-B'", '"-B"', [], []),
    ("in a word", "celery worker x-B -Bx --B", "celery worker x-B -Bx --B", '"-B"', LACKS, []),
    ("quoted words", "run --name 'two words' -x", "run --name 'two words' -x", "\"--name 'two words'\"", [], []),
    ("words in another order", "run -x --name", "run -x --name", '"--name -x"', LACKS, ["--name -x"]),
    ("in a shell", 'sh -c "migrate && celery worker -B"', 'sh -c "migrate && celery worker -B"', '"-B"', [], []),
    ("in a comment of a shell", 'sh -c "celery worker # -B"', 'sh -c "celery worker # -B"', '"-B"', LACKS, []),
    ("two parts", "celery worker -B", "celery worker -B", '"-B", "--loglevel INFO"', LACKS, ["--loglevel INFO"]),
    ("with a variable", "serve --port $PORT -B", "serve --port $PORT -B", '"--port $PORT"', [], []),
    ("unbalanced", "celery worker 'a -B", "celery worker 'a -B", '"-Z"', LACKS, ["-Z"]),
    ("of a file", "celery worker", None, '"-B"', LACKS, ["railway\\.(json|toml)"]),
    ("configured and not yet running", "celery worker", "celery worker -B", '"-B"', LACKS, ["settings have it", "doctor fix --redeploy"]),
])
def start_commands(name, running, settings, parts, expected, words):
    scenario, toml = worker(running, settings, parts=parts)
    with world(f"start command {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        Look(it, code=1 if expected else 0, requests=2).expect(*expected).says(*words)


@case
def a_start_command_of_a_file():
    scenario, toml = worker("celery worker", None, configFile="/deploy/railway.json")
    with world("start command of a file", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        (it.path / "railway.json").write_text('{"deploy": {"startCommand": "celery worker"}}')
        Look(it, code=1).expect(*LACKS, *RETIRED).says("railway\\.json")


FILE = {"path": "/railway.toml", "build": {"builder": "DOCKERFILE"},
        "deploy": {"startCommand": "celery worker -B", "cronSchedule": "0 3 * * *", "healthcheckPath": "/up"}}
SAME = {"startCommand": "celery worker -B", "build": {"builder": "DOCKERFILE"},
        "deploy": {"cronSchedule": "0 3 * * *", "healthcheckPath": "/up"}}
RETIRED = [("config-file-retired", "warning", None, [MAILER])]
DIFFER = "differ in: start command, cron schedule, health check path, builder"
LATER = ran(at="-1h", start="celery worker -B", fileServiceManifest={}, propertyFileMapping={})


def from_file(*deployments, file=FILE, settings=None, **options):
    """A service whose code has a configuration file."""
    given = {"fileConfig": file} if file else {}
    instance = service(MAILER, {"SMTP_PASSWORD": SMTP}, *(deployments or (ran(at=BEFORE),)), **given, **(settings or {}))
    return estate(instance, **options)


@cases_of([
    ("of everything", from_file(), RETIRED, ["depends on /railway.toml", DIFFER]),
    ("that the deployment does not name", from_file(configFileInMeta=False), RETIRED, [DIFFER]),
    ("that is not read any more", from_file(configAsCode="ended"), RETIRED, [DIFFER]),
    ("that the settings name", from_file(settings={"configFile": "/deploy/railway.toml"}), RETIRED, [DIFFER]),
    ("that the settings alone name", from_file(ran(at=BEFORE, start="celery worker"), file=None, settings={"configFile": "/railway.json"}),
     RETIRED, ["may depend on /railway.json", "differ in: start command"]),
    ("that was moved into the settings", from_file(settings=SAME), [], []),
    ("that no deployment reads any more", from_file(LATER, file=None, settings=SAME), [], []),
    ("of a deployment that is being built", from_file(ran("BUILDING"), metaWhileBuilding="half"), [], []),
    ("beside another command in the settings", from_file(settings={**SAME, "startCommand": "celery beat"}), RETIRED,
     ["differ in: start command"]),
    ("beside infrastructure as code", from_file(file=None, settings={**SAME, "managedBy": ".railway/railway.ts"}), [], []),
])
def a_configuration_file(name, scenario, expected, words):
    with world(f"a file {name}", scenario, env_of(SMTP_PASSWORD=SMTP)) as it:
        look = Look(it, code=0, requests=2).expect(*expected)
        look.says(*words).keeps_from("celery worker")


@case
def a_configuration_file_that_ends_with_the_next_deployment():
    """The deployment of a variable reads the file no longer: the settings count, and the warning is over."""
    with world("a file, then none", from_file(configAsCode="ended"), env_of(SMTP_PASSWORD="smtp-harbor-relay-78")) as it:
        it.values.add("smtp-harbor-relay-78")
        it.run("fix", "--push", "--only", "SMTP_PASSWORD", "--yes", code=0)
        it.check("it runs without a command", it.service(MAILER)["running"]["startCommand"] is None)
        Look(it, code=0).expect()


@cases_of([(end, line) for end, line in (("ts", "start: \"… -B\","), ("py", "start=\"… -B\","), ("go", "\"start\": \"… -B\","))])
def infrastructure_as_code(end, line):
    file = f".railway/railway.{end}"
    scenario, toml = worker("celery worker", "celery worker")
    scenario["projects"][0]["environments"][0]["instances"][0]["managedBy"] = file
    with world(f"infrastructure as code, {end}", scenario, env_of(SMTP_PASSWORD="smtp-harbor-relay-78"), toml=toml) as it:
        it.values.add("smtp-harbor-relay-78")
        (it.path / ".railway").mkdir()
        (it.path / file).write_text("raise SystemExit(1)\n")
        look = Look(it, code=1)
        look.says(re.escape(file), re.escape(line), "railway config apply").keeps_from("settings of")
        warned = f"{file} may describe these services: the next `railway config apply`"
        run = it.run("fix", "--push", "--only", "SMTP_PASSWORD", "--dry-run", code=1)
        it.check("a push is warned of", warned in run.words, run)
        run = it.run("fix", "--push", "--only", "SMTP_PASSWORD", "--dry-run", "--format", "json", code=1)
        it.check("and so are programs", any(warned in one for one in run.report["plan"]["cautions"]), run)
        run = it.run("fix", "--pull", "--dry-run", code=1)
        it.check("a pull is not", "config apply" not in run.words, run)


@case
def a_start_command_is_deployed():
    scenario, toml = worker("celery worker", "celery worker -B")
    with world("start command, deployed", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        run = it.run(*FIX, code=0)
        it.check("one deployment", [one["field"] for one in run.mutations] == [REDEPLOY], run)
        it.check("it runs", it.service(MAILER)["running"]["startCommand"] == "celery worker -B")
        Look(it, code=0).expect()


@case
def a_start_command_with_a_secret():
    secret = "command-credential-0815"
    scenario, toml = worker(f"serve --password={secret}", f"serve --password={secret}")
    with world("start command with a secret", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        it.values.add(secret)
        Look(it, "-v", code=1).expect(*LACKS)


# 4. Endpoints -----------------------------------------------------------------------------------------------------------

def asked(lines, routes=()):
    """A service with one route that wants a key, and a declared request."""
    scenario = estate(
        service(WEB, {"STRIPE_KEY": STRIPE}, ran(), domains=["harbor-web.up.railway.app"]),
        service(MAILER, {"SMTP_PASSWORD": SMTP}, ran()),
        http=[{"service": WEB, "auth": {"header": "X-Key", "variable": "STRIPE_KEY", "status": 401, "body": {"error": "no"}},
               "routes": [{"method": "GET", "path": "/status", "body": {"up": True, "queue": {"depth": 3}, "last": None}},
                          {"method": "POST", "path": "/purge", "status": 202, "body": {"done": True}}, *routes]}])
    return scenario, toml_of({"web": (WEB, ""), "mail": (MAILER, "")}, f'[[expect.http]]\nservice = "web"\n{lines}')


ASKED_ENV = env_of(STRIPE_KEY=STRIPE, SMTP_PASSWORD=SMTP)
HEADER = 'headers = { X-Key = "$STRIPE_KEY" }\n'
WRONG = [("endpoint-wrong", "error", None, [WEB])]


@cases_of([
    ("right", f'request = "GET /status"\n{HEADER}status = 200\njson = {{ "/queue/depth" = 3, "/up" = true, "/last" = "absent" }}', [], 200),
    ("without its key", 'request = "GET /status"\nstatus = 200', WRONG, 401),
    ("refused as declared", 'request = "GET /status"\nstatus = 401', [], 401),
    ("null is not there", f'request = "GET /status"\n{HEADER}status = 200\njson = {{ "/last" = "present" }}', WRONG, 200),
    ("another number", f'request = "GET /status"\n{HEADER}json = {{ "/queue/depth" = 4 }}', WRONG, 200),
    ("a number is no text", f'request = "GET /status"\n{HEADER}json = {{ "/queue/depth" = "3" }}', WRONG, 200),
    ("no such path", f'request = "GET /nothing"\n{HEADER}status = 200', WRONG, 404),
    ("with effects", f'request = "POST /purge"\nallow-effects = true\n{HEADER}status = 202', [], 202),
])
def endpoints(name, lines, expected, status):
    scenario, toml = asked(lines)
    with world(f"endpoint {name}", scenario, ASKED_ENV, toml=toml) as it:
        look = Look(it, code=1 if expected else 0, requests=2).expect(*expected)
        it.check("asked once", [one[2] for one in look.probes] == [status], look.probes)


@case
def what_has_effects_is_not_repeated():
    """A fix of another service asks what is safe once more, and nothing else."""
    for method, path, status, times in (("POST", "/purge", 202, 1), ("GET", "/status", 200, 2)):
        effects = "allow-effects = true\n" if method == "POST" else ""
        scenario, toml = asked(f'request = "{method} {path}"\n{effects}{HEADER}status = {status}')
        scenario["projects"][0]["environments"][0]["instances"][1]["deployments"] = [ran(old={"SMTP_PASSWORD": "smtp-old-value"})]
        with world(f"effects of {method}", scenario, ASKED_ENV, toml=toml) as it:
            run = it.run(*FIX, code=0)
            it.check("the other service is deployed", run.receipts() == {("redeploy", None, MAILER): "done"}, run)
            probes = [one["method"] for one in it.server.summary()["probes"]]
            it.check(f"{method} is sent {times} times", probes == [method] * times, probes)


@cases_of([(str(number), lines) for number, lines in enumerate([
    f'request = "POST /purge"\n{HEADER}status = 202', f'request = "GET //evil.example/"\n{HEADER}status = 200',
    f'request = "GET @evil.example/"\n{HEADER}status = 200', f'request = "GET https://evil.example/"\n{HEADER}status = 200',
    f'request = "GET /a\\r\\nHost: evil.example"\n{HEADER}status = 200', f'request = "GET /\\\\evil.example"\n{HEADER}status = 200',
    'request = "GET /status"\nheaders = { Host = "evil.example" }\nstatus = 200',
    'request = "GET /status"\nheaders = { X-Key = "a\\r\\nb" }\nstatus = 200',
])])
def a_hostile_file(number, lines):
    """Refused before anything is asked."""
    scenario, toml = asked(lines)
    with world(f"hostile {number}", scenario, ASKED_ENV, toml=toml) as it:
        it.run("check", code=2)
        it.check("nothing is asked", not it.server.summary()["probes"] and not it.server.summary()["requests"])


@cases_of([("of another service", "SMTP_PASSWORD"), ("of no file", "NOT_THERE"), ("of the process", "PATH")])
def a_key_that_is_not_for_it(name, key):
    scenario, toml = asked(f'request = "GET /status"\nheaders = {{ X-Key = "${key}" }}\nstatus = 200')
    with world(f"key {name}", scenario, ASKED_ENV, toml=toml) as it:
        look = Look(it)
        it.check("nothing is sent", not look.probes, look.probes)
        it.check("and that is said", look.of("endpoint-wrong"), look.text)


# 5. Deployments ---------------------------------------------------------------------------------------------------------

@cases_of([(status, status) for status in (
    "INITIALIZING", "QUEUED", "BUILDING", "DEPLOYING", "WAITING", "NEEDS_APPROVAL", "SUCCESS", "SLEEPING", "FAILED",
    "CRASHED", "SKIPPED", "REMOVING", "REMOVED")])
def newest_deployments(name, status):
    severity = {"FAILED": "error", "CRASHED": "error", "NEEDS_APPROVAL": "warning"}.get(status)
    for older in ([], [ran(at="-9d")] if status != "SUCCESS" else []):
        scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, *older, ran(status, at="-1d")))
        with world(f"{status}, {len(older)} older", scenario, env_of(SMTP_PASSWORD=SMTP)) as it:
            look = Look(it)
            found = {one["severity"] for one in look.of("deployment-unhealthy")}
            if severity:
                it.check(f"it is one {severity}", found == {severity}, look.text)
            elif status in ("SUCCESS", "SLEEPING", "BUILDING", "DEPLOYING", "INITIALIZING", "QUEUED", "WAITING"):
                it.check("it is no fault", not found, look.text)
            if older and severity == "error":
                look.says("still serves")


@case
def never_deployed():
    with world("never deployed", estate(service(MAILER, {"SMTP_PASSWORD": SMTP})), env_of(SMTP_PASSWORD=SMTP)) as it:
        Look(it, code=0, requests=2).expect(("never-deployed", "warning", None, [MAILER]))


@cases_of([("compared", "SMTP_PASSWORD", "error"), ("other", "UNRELATED", "warning")])
def staged_changes(name, key, severity):
    staged = {"services": {MAILER: {"variables": {key: {"value": "staged-by-somebody-1"}}}}}
    scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, ran()), staged=staged)
    with world(f"staged, {name}", scenario, env_of(SMTP_PASSWORD=SMTP)) as it:
        it.values.add("staged-by-somebody-1")
        look = Look(it, requests=2)
        it.check(f"one {severity}", [one["severity"] for one in look.of("staged-changes")] == [severity], look.text)
        look.says(key)


# 6. Logs ---------------------------------------------------------------------------------------------------------------

LINE = "schema is up to date"
CHATTER = [f"handled request {number}" for number in range(6000)]
NO_LINE = [("log-line-missing", "error", None, [MAILER])]


def logged(lines, *deployments, within="", **values):
    scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP, **values}, *(deployments or (ran(),)), logs=lines))
    return scenario, toml_of({"mail": (MAILER, "")}, f'[[expect.log]]\nservice = "mail"\ncontains = "{LINE}"\n{within}')


@cases_of([
    ("there", ["starting", f"the {LINE} now"], [], 3),
    ("far back", [LINE, *CHATTER], [], 3),
    ("missing", ["starting", "ready"], NO_LINE, 4),
    ("a part of it", ["schema is up", "to date"], NO_LINE, 4),
])
def log_lines(name, lines, expected, requests):
    scenario, toml = logged(lines)
    with world(f"line {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        Look(it, code=1 if expected else 0, requests=requests).expect(*expected)


@case
def a_line_of_the_deployment_before():
    old = {"message": LINE, "when": {"startCommandHasArg": "--migrate"}}
    scenario, toml = logged([old, "ready"], ran("REMOVED", "-9d", start="serve --migrate"), ran(start="serve"))
    with world("line of the one before", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        Look(it, code=1).expect(*NO_LINE)


@case
def a_log_that_is_refused():
    scenario, toml = logged([LINE], SMTP_PASSWORD="smtp-harbor-relay-01")
    with world("log refused", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        it.arm({"kind": "partial", "path": "Query.deploymentLogs", "count": -1})
        run = it.run("check", "--format", "json", code=1)
        found = {(one["rule"], one["severity"]) for one in run.report["findings"] if one["severity"] != "note"}
        wanted = {("value-differs", "error"), ("log-line-missing", "warning")}
        it.check("a log that can't be read is a warning", found == wanted, run)
        run = it.run("fix", "--push", "--yes", "--only", "SMTP_PASSWORD", code=8)
        it.check("whether it is there is left open", "whether “" + LINE + "” is in its log" in run.words, run)
        it.both_run(SMTP, (MAILER,), "SMTP_PASSWORD")


@cases_of([("in time", 4, 0), ("too late", 600, 7)])
def a_line_that_comes_late(name, seconds, code):
    late = {"message": LINE, "afterSeconds": seconds}
    scenario, toml = logged(["starting", late], within='within = "12s"', SMTP_PASSWORD="smtp-harbor-relay-01")
    with world(f"line {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
        run = it.run("fix", "--push", "--yes", "--only", "SMTP_PASSWORD", code=code)
        it.check("it is deployed once", run.count(REDEPLOY) == 1, run)


# 7. Commits -------------------------------------------------------------------------------------------------------------

def git(folder, *words):
    identity = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER")
                for what, text in (("NAME", "t"), ("EMAIL", "t@example.com"))}
    told = subprocess.run(["git", *words], cwd=folder, env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
                          check=True, capture_output=True, text=True)
    return told.stdout.strip()


def history(folder):
    """A repository of the services, with three commits."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    made = []
    for number in range(3):
        git(folder, "commit", "-q", "--allow-empty", "-m", f"step {number}")
        made.append(git(folder, "rev-parse", "HEAD"))
    return made


@cases_of([
    ("older than HEAD", 0, "", "warning", {}), ("HEAD", 2, "", None, {}), ("older than declared", 0, 1, "error", {}),
    ("newer than declared", 2, 1, None, {}), ("unknown", "f" * 40, "", None, {}),
    ("another repository", 0, "", None, {"repo": "else/where"}), ("another branch", 0, "", None, {"branch": "release"}),
    ("none", None, "", None, {}),
])
def commits(name, runs, declared, severity, meta):
    with tempfile.TemporaryDirectory() as folder:
        made = history(folder)
        commit = made[runs] if isinstance(runs, int) else runs
        scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, ran(commit=commit, **meta)))
        toml = toml_of({"mail": (MAILER, f'commit = "{made[declared][:9]}"' if declared else "")})
        with world(f"commit {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
            shutil.copytree(Path(folder, ".git"), it.path / ".git")
            (it.path / ".gitignore").write_text(".env\n")
            look = Look(it, requests=2, code=1 if severity == "error" else 0)
            found = {one["severity"] for one in look.of("commit-behind")} - {"note"}
            it.check(f"it is {severity}", found == ({severity} if severity else set()), look.text)
            if severity:
                look.says("commits? behind")
                run = it.run(*FIX, code=0)
                it.check("the wanted commit is deployed", [one["field"] for one in run.mutations] == ["serviceInstanceDeployV2"], run)
                it.check("nothing is behind any more", not Look(it, code=0).of("commit-behind"))


WATCHED, REFUSED = "No changes to watched files", "CI check suite failed"


@cases_of([
    ("of HEAD", [(2, WATCHED)], "", None, None), ("of the declared commit", [(1, WATCHED)], 1, None, None),
    ("after the declared commit", [(2, WATCHED)], 1, None, None), ("before HEAD", [(1, WATCHED)], "", "warning", "the commit after that may"),
    ("of HEAD by its checks", [(2, REFUSED)], "", "warning", "skipped because its CI checks failed"),
    ("of the declared commit by its checks", [(1, REFUSED)], 1, "error", "skipped because its CI checks failed"),
    ("without a reason", [(2, "")], "", "warning", "does not say why"),
    ("twice", [(1, WATCHED), (2, WATCHED)], "", None, None),
])
def skipped_pushes(name, pushes, declared, severity, words):
    """Railway skipped pushes after what runs was built: by watch paths nothing is missing, by failed checks it is."""
    with tempfile.TemporaryDirectory() as folder:
        made = history(folder)
        later = [ran("SKIPPED", f"-{20 - at}h", commit=made[commit], skippedReason=reason) for at, (commit, reason) in enumerate(pushes)]
        scenario = estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, ran(commit=made[0]), *later))
        toml = toml_of({"mail": (MAILER, f'commit = "{made[declared][:9]}"' if declared else "")})
        with world(f"skipped push {name}", scenario, env_of(SMTP_PASSWORD=SMTP), toml=toml) as it:
            shutil.copytree(Path(folder, ".git"), it.path / ".git")
            (it.path / ".gitignore").write_text(".env\n")
            look = Look(it, requests=2, code=1 if severity == "error" else 0)
            found = {one["severity"] for one in look.of("commit-behind")}
            it.check(f"it is {severity}", found == ({severity} if severity else set()), look.text)
            if severity:
                look.says(words)
                run = it.run(*FIX, code=0)
                it.check("the wanted commit is deployed", [(one["field"], one["args"].get("commitSha")) for one in run.mutations] ==
                         [("serviceInstanceDeployV2", made[declared or 2])], run)
                it.check("nothing is behind any more", not Look(it, code=0).of("commit-behind"))
                return
            run = it.run(*FIX, code=0)
            it.check("there is nothing to deploy", not run.mutations, run)
            running = it.service(MAILER)["running"]["id"]
            it.write(service=MAILER, name="SMTP_PASSWORD", value="smtp-harbor-relay-78", deploy=False)
            (it.path / ".env").write_text(env_of(SMTP_PASSWORD="smtp-harbor-relay-78"))
            run = it.run(*FIX, code=0)
            it.check("what runs is deployed again", [one["args"].get("id") for one in run.mutations] == [running], run)
            it.both_run("smtp-harbor-relay-78", (MAILER,), "SMTP_PASSWORD")
            it.check("and misses nothing", not Look(it, code=0, requests=3).of("commit-behind"))


@case
def a_push_while_a_fix_deploys():
    """A push is skipped while a fix follows its deployment: that is the latest, and takes nobody's place."""
    with world("push while a fix deploys", estate(service(MAILER, {"SMTP_PASSWORD": SMTP}, ran(commit="a" * 40),
                                                          build={"watchPatterns": ["mail/**"]}), advance="polls",
                                                  phases={"INITIALIZING": 1, "BUILDING": 3, "DEPLOYING": 1}),
               env_of(SMTP_PASSWORD="smtp-harbor-relay-78")) as it:
        before = it.begin()
        process = it.start("fix", "--push", "--yes", "--only", "SMTP_PASSWORD", "--format", "json")
        it.wait("a deployment", lambda summary: summary["deploymentsCreated"])
        it.write(push={"sha": "b" * 40, "files": ["docs/readme.md"], "message": "docs", "repo": REPOSITORY})
        run = it.end(process, FIX, before, 0)
        it.check("one deployment, and it is followed", run.count(REDEPLOY) == 1 and "superseded" not in run.words, run)
        it.both_run("smtp-harbor-relay-78", (MAILER,), "SMTP_PASSWORD")


# 8. Endpoints that lead elsewhere ---------------------------------------------------------------------------------------

class Listener(http.server.ThreadingHTTPServer):
    """Answers every request alike, after a while, and remembers it."""

    def __init__(self, status, location=None, seconds=0):
        self.heard = []
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                listener.heard.append((self.path, dict(self.headers)))
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
    def place(self):
        return f"127.0.0.1:{self.server_address[1]}"


@cases_of([("moved", 302, 0), ("for good", 308, 0), ("slow", 200, 15)])
def an_endpoint_that_leads_elsewhere(name, status, seconds):
    elsewhere = Listener(200)
    there = Listener(status, f"http://{elsewhere.place}/" if status > 300 else None, seconds)
    scenario = estate(service(WEB, {"STRIPE_KEY": STRIPE}, ran(), domains=[there.place]))
    toml = toml_of({"web": (WEB, "")}, f'[[expect.http]]\nservice = "web"\nrequest = "GET /status"\n{HEADER}status = 200')
    with world(f"endpoint {name}", scenario, env_of(STRIPE_KEY=STRIPE), toml=toml) as it:
        Look(it, code=1, requests=2).expect(*WRONG)
        it.check("the service got its key", [heard[1].get("x-key") for heard in there.heard] == [STRIPE] * 2, there.heard)
        it.check("nobody else heard anything", not elsewhere.heard, elsewhere.heard)
    there.shutdown()
    elsewhere.shutdown()


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
play_all([entry for entry in cases if wanted in entry[0]])
