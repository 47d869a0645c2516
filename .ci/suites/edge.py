#!/usr/bin/env python3
"""Tests refusals by the edge, by policies and of hidden projects against the independent simulated Railway.

    edge.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. The last part tests --debug-api.
"""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import (
    API, KEY, NEW, OLD, PUSH, REDEPLOY, UPSERT, WORKER, case, cases, cases_of, environment_of, incident,
    instance, run_all, servers, world)
from server_checks import SERVER, Server
from server_estates import CheckRuns, incident_with_endpoint, toml_of

STATUS = "/api/v1/ops/chaos/worker-status"
DECLARED = toml_of(
    {"api": (API, ""), "worker": (WORKER, "")},
    f'[[expect.http]]\nservice = "api"\nrequest = "GET {STATUS}"\nheaders = {{ X-API-Key = "${KEY}" }}\nstatus = 200')
BLOCKED = "a proxy or firewall in front of 127.0.0.1:"
HIDDEN = "not found, or not visible to this token"


def blocked(status=403, body="error code: 1010", **more):
    return {"kind": "http_error", "status": status, "body": body, "edge": True, "count": -1, **more}


def check_token_not_blamed(it, run):
    start = max(run.err.find("error:"), run.err.find('"error":'))
    it.check("an error is shown", start >= 0, run)
    message = run.err[start:].lower()
    it.check("the error does not mention the token", "token" not in message and "log in" not in message and "login" not in message, run)


# 1. Responses from in front of the API -------------------------------------------------------------------------------------

@cases_of([
    ("Cloudflare", blocked(), "`error code: 1010`"),
    ("firewall", blocked(body="error code: 1020"), "`error code: 1020`"),
    ("HTML page", {**blocked(), "body": None, "html": "<html><title>Sign in to the network</title>"}, "a web page"),
    ("empty body", blocked(401, ""), "HTTP 401 with an empty body"),
    ("gateway", blocked(403, {"message": "Forbidden"}), "JSON that is not a GraphQL response"),
    ("another API", blocked(401, {"errors": [{"status": "401", "title": "No"}]}), "JSON that is not a GraphQL response"),
])
def api_blocked(name, fault, description):
    fault = {key: value for key, value in fault.items() if value is not None}
    with world(f"blocked: {name}", faults=[fault]) as it:
        for arguments in (("check",), ("auth", "status"), PUSH, ("check", "--format", "json")):
            run = it.run(*arguments, code=5)
            it.check("the block is reported", BLOCKED in run.unwrapped and description in run.unwrapped, run)
            it.check("no mutation is sent", not run.mutations, run)
            check_token_not_blamed(it, run)
        it.server.call("/reset", {"keepWorld": True})
        it.run("check", code=5)
        it.check("the request is not retried", it.server.summary()["requests"] == 1, it.server.summary()["requests"])


@cases_of([("401", 401), ("403", 403)])
def railway_refusal(name, status):
    body = {"errors": [{"message": "Not Authorized", "traceId": "4711"}], "data": None}
    with world(f"Railway's {name}", faults=[blocked(status, body, edge=False)]) as it:
        it.allowed_warnings = {"wrong-auth-header"}  # The token is tried in the other header.
        run = it.run("check", code=4)
        it.check("the token is rejected", "Railway rejected the token" in run.unwrapped, run)


@case
def blocked_during_fix():
    with world("first write blocked", faults=[blocked(match={"type": "mutation"})]) as it:
        run = it.run(*PUSH, "--timeout", "6s", "--format", "json", code=6)
        outcomes = {place[0]: outcome for place, outcome in run.receipts().items()}
        it.check("the outcome of the write is unknown", outcomes == {"push": "unknown", "redeploy": "not-tried"}, run)
        it.check("no value is stored", it.value(API) == OLD and not run.mutations, run)
    with world("deployment blocked", faults=[blocked(match={"field": REDEPLOY}, count=1)]) as it:
        run = it.run(*PUSH, "--timeout", "40s", "--format", "json", code=6)
        outcomes = run.receipts()
        it.check("one deployment is unknown", outcomes["redeploy", None, API] == "unknown", run)
        it.check("the other is done", outcomes["redeploy", None, WORKER] == "done", run)
        it.stores_and_runs(NEW, (WORKER,))
        it.check("the value is stored", it.value(API) == NEW, run)


# 2. Responses from in front of a service -----------------------------------------------------------------------------------

SIGN_IN = {"status": 401, "headers": {"Server": "railway-edge", "Content-Type": "text/html"},
           "body": "<!doctype html><title>Sign in to Railway</title>"}


@cases_of([
    ("attack", "attack", "429", 3), ("sign-in by redirect", "authentication", "302", 2), ("sign-in by page", SIGN_IN, "401", 2),
    ("attack by its settings", None, "429", 3),
])
def edge_responds(name, edge, status, requests):
    def scenario():
        data = incident_with_endpoint()
        for app in data["http"]:
            app["edge"] = edge
        if edge is None:
            instance(data, API)["underAttack"] = True
        return data
    with world(f"edge: {name}", scenario(), toml=DECLARED) as it:
        report = CheckRuns(it, requests=requests)
        found = report.of("endpoint-wrong")
        it.check("there is one warning", [one["severity"] for one in found] == ["warning"], report.text)
        report.shows(f"Railway's edge responded with {status}", "Under Attack Mode" if "attack" in name else "a Railway sign-in")
        report.lacks("cause: value-differs", "another key")
        run = it.run(*PUSH, code=8)
        it.check("the fix is stored, verification is inconclusive", f"did not reach it: Railway's edge responded with {status}" in run.unwrapped, run)
        it.stores_and_runs(NEW)
        it.check("redirects are not followed", not it.server.call("/leaks")["requests"], it.server.call("/leaks"))


@cases_of([
    ("its own refusal", None, "403 instead of 200", "cause: value-differs"),
    ("its own rate limit", {"status": 429, "headers": {"Content-Type": "application/json"}, "body": '{"detail": "slow down"}'},
     "429 instead of 200", None),
    ("its own redirect", {"status": 302, "headers": {"Location": "/login"}, "body": ""}, "302 instead of 200", None),
    ("a sign-in on another host", {"status": 302, "headers": {"Location": "https://railway.com.evil.example/login"}, "body": ""},
     "302 instead of 200", None),
])
def service_responds(name, edge, status, cause):
    scenario = incident_with_endpoint()
    for app in scenario["http"]:
        app["edge"] = edge
    with world(f"service: {name}", scenario, toml=DECLARED) as it:
        report = CheckRuns(it, code=1)
        it.check("there is one error", [one["severity"] for one in report.of("endpoint-wrong")] == ["error"], report.text)
        report.shows(status, *filter(None, [cause])).lacks("Railway's edge responded")


# 3. What responses mean -------------------------------------------------------------------------------------------------

OTHER_VALUE = "value-of-other-user"
PATCH = {"services": {API: {"variables": {KEY: {"value": OTHER_VALUE}}}}}


def staged(**patch):
    scenario = incident()
    environment_of(scenario)["staged"] = {**PATCH, **patch}
    return scenario


def server_with_failed_status():
    """Starts a server whose schema has FAILED, as in production; the published schema lacks it."""
    text = (Path(SERVER).parent / "schema.graphql").read_text()
    before, after = text.split("enum EnvironmentPatchStatus {", 1)
    with tempfile.NamedTemporaryFile("w", suffix=".graphql", delete=False) as file:
        file.write(f"{before}enum EnvironmentPatchStatus {{\n  FAILED{after}")
    server = Server("--scenario", "incident", "--schema", file.name)
    os.unlink(file.name)
    servers.append(server)
    return server


@case
def failed_patch():
    scenario = staged(status="FAILED", lastAppliedError=f"no room for {NEW}")
    with world("FAILED", scenario, server=server_with_failed_status()) as it:
        it.values.add(OTHER_VALUE)
        run = it.run("check", code=1)
        it.check("its error is shown", "no room for •••" in run.unwrapped and "could not be applied: STAGING_OPS" in run.unwrapped, run)
        run = it.run(*PUSH, code=0)
        it.check("it does not stop a fix", [one["field"] for one in run.mutations] == [UPSERT, UPSERT, REDEPLOY, REDEPLOY], run)


@cases_of([("STAGED with an error", "STAGED", 6, "the environment has a staged change"), ("APPLYING", "APPLYING", 6, "is applying staged changes")])
def pending_patch(name, status, code, message):
    scenario = staged(status=status, **({"lastAppliedError": "no room"} if "error" in name else {}))
    with world(name, scenario) as it:
        it.values.add(OTHER_VALUE)
        run = it.run(*PUSH, code=code)
        it.check("it stops the fix", message in run.unwrapped and not run.mutations, run)


@case
def no_deployment_while_applying():
    with world("APPLYING, redeploy", staged(status="APPLYING")) as it:
        it.values.add(OTHER_VALUE)
        run = it.run("fix", "--redeploy", "--yes", "--service", WORKER, code=6)
        it.check("it stops the fix", "is applying staged changes" in run.unwrapped and not run.mutations, run)


@case
def policy_refuses_deployment():
    with world("a policy", incident(approvedSources=["another-owner"])) as it:
        run = it.run(*PUSH, code=6)
        for text in ("Railway rejected the deployment: Railway responded “Deployments from this source are blocked by a workspace policy",
                      f"the new value of {KEY} is stored for {API}, which is still running with the old value", "doctor undo "):
            it.check(f"shows {text}", text in run.unwrapped, run)
        it.check("the values are stored", it.value(API) == NEW and it.value(WORKER) == NEW, run)
        run = it.run("undo", "--yes", code=0)
        it.check("undo deploys nothing", [one["field"] for one in run.mutations] == [UPSERT, UPSERT], run)
        it.check("the old values are restored", it.value(API) == OLD and it.value(WORKER) == OLD, run)


def git(directory, *arguments):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout.strip()


@case
def unknown_commit():
    with tempfile.TemporaryDirectory() as directory:
        git(directory, "init", "-q", "-b", "main")
        git(directory, "remote", "add", "origin", "https://github.com/agentverse/agentverse.git")
        commits = []
        for number in range(2):
            git(directory, "commit", "-q", "--allow-empty", "-m", f"step {number}")
            commits.append(git(directory, "rev-parse", "HEAD"))
        scenario = incident(unknownCommit="refuse")
        instance(scenario, API)["deployments"][-1]["meta"] = {"commitHash": commits[0], "branch": "main"}
        toml = toml_of({"api": (API, f'commit = "{commits[1]}"')})
        with world("unknown commit", scenario, toml=toml) as it:
            shutil.copytree(Path(directory) / ".git", it.path / ".git")
            run = it.run("fix", "--redeploy", "--yes", code=6)
            it.check("the commit is named", f"Railway did not find commit {commits[1]}" in run.unwrapped, run)
            it.check("the service is not reported as missing", HIDDEN not in run.unwrapped, run)


@cases_of([("the link", ("check",), None), ("a name", ("check", "--project", "agentverse", "--environment", "staging"), None),
           ("doctor.toml", ("check",), 'project = "agentverse"\nenvironment = "staging"\n')])
def hidden_project(name, arguments, toml):
    scenario = incident()
    for token in scenario["tokens"]:
        token["hidden"] = ["agentverse"]
    with world(f"hidden: {name}", scenario, toml=toml) as it:
        run = it.run(*arguments, code=2)
        it.check("the error says that it may be hidden", HIDDEN in run.unwrapped, run)


# 4. --debug-api -----------------------------------------------------------------------------------

def read_log(it):
    path = it.path / "debug.jsonl"
    it.check("the file is private", stat.S_IMODE(path.stat().st_mode) == 0o600, oct(path.stat().st_mode))
    text = path.read_text()
    secrets = it.values | {token["token"] for token in it.server.info["tokens"]} | {KEY, API, WORKER, "agentverse"}
    it.check("the file has no value, token or name", not [one for one in secrets if one in text], text[:2000])
    return [json.loads(line) for line in text.splitlines()]


RECORD = ("--debug-api", "debug.jsonl")


@cases_of([
    ("check", ("check",), 1), ("matrix", ("matrix",), 1), ("fix", PUSH, 0), ("dry run", ("fix", "--push", "--dry-run"), 1),
    ("auth status", ("auth", "status"), 0), ("init", ("init", "--yes"), 0), ("hook", ("hook", "run"), 1), ("undo", ("undo", "--yes"), 0),
])
def every_command_records(name, arguments, code):
    with world(f"recorded: {name}") as it:
        it.new_files |= {"debug.jsonl", "doctor.toml"}
        if name == "undo":
            it.run(*PUSH, code=0)
        it.server.call("/reset", {"keepWorld": True})
        it.run(*arguments, *RECORD, code=code)
        lines = read_log(it)
        sent = it.server.summary()["requests"]
        it.check("each request has a line", len(lines) == sent, (len(lines), sent))
        it.check("each line has the status", all(line["status"] == 200 for line in lines), lines)


@case
def failures_are_recorded():
    faults = [{"kind": "reset", "count": 1}, {"kind": "http_error", "status": 502, "count": 1}, blocked(count=1)]
    with world("recorded: faults", faults=faults) as it:
        it.new_files.add("debug.jsonl")
        it.run("check", *RECORD, code=5)
        lines = read_log(it)
        found = [(line["attempt"], line.get("failure"), line["status"], line.get("body")) for line in lines]
        it.check("each attempt has a line", found[0][:3] == (1, "broken", None) and found[1][2] == 502
                 and found[2] == (3, None, 403, "error code: 1010"), found)
        it.check("the CF-RAY header is recorded", "cf-ray" in lines[2]["headers"], lines[2])


@case
def interrupted_run_is_recorded():
    with world("recorded: interrupted", faults=[{"kind": "hang", "seconds": 30, "count": -1, "match": {"operation": "Values"}}]) as it:
        it.new_files.add("debug.jsonl")
        before = it.begin()
        process = it.start("check", *RECORD)
        it.wait("the values", lambda summary: summary["requests"] >= 2)
        process.send_signal(signal.SIGINT)
        it.end(process, ("check", *RECORD), before, code=130)
        lines = read_log(it)
        it.check("the pending request is recorded", lines[-1]["operation"] == "Values" and lines[-1].get("pending") is True, lines)


chosen = [entry for entry in cases if len(sys.argv) < 4 or sys.argv[3] in entry[0]]
run_all(chosen)
