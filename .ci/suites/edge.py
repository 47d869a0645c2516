#!/usr/bin/env python3
"""Holds what doctor makes of refusals to the independent simulated Railway: by the edge, by policies, of what a token does not see.

    edge.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

Every run is held to what holds for all of them (server_cases.py). The runs of the last part record their requests.
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

sys.dont_write_bytecode = True  # This folder is for sources.
from server_cases import (
    API, KEY, NEW, OLD, PUSH, REDEPLOY, UPSERT, WORKER, case, cases, cases_of, environment_of, incident,
    instance, play_all, servers, tally, world)
from server_checks import SERVER, Server
from server_estates import Look, the_incident, toml_of

STATUS = "/api/v1/ops/chaos/worker-status"
DECLARED = toml_of(
    {"api": (API, ""), "worker": (WORKER, "")},
    f'[[expect.http]]\nservice = "api"\nrequest = "GET {STATUS}"\nheaders = {{ X-API-Key = "${KEY}" }}\nstatus = 200')
BLOCKED = "something in front of 127.0.0.1:"
HIDDEN = "not found, or not visible to this token"


def blocks(status=403, body="error code: 1010", **more):
    return {"kind": "http_error", "status": status, "body": body, "edge": True, "count": -1, **more}


def says_nothing_of_the_token(it, run):
    start = max(run.err.find("error:"), run.err.find('"error":'))
    it.check("it is an error", start >= 0, run)
    message = run.err[start:].lower()
    it.check("nothing is said of the token", "token" not in message and "log in" not in message and "login" not in message, run)


# 1. What stands in front of the API -------------------------------------------------------------------------------------

@cases_of([
    ("of Cloudflare", blocks(), "`error code: 1010`"),
    ("of its firewall", blocks(body="error code: 1020"), "`error code: 1020`"),
    ("as a page", {**blocks(), "body": None, "html": "<html><title>Sign in to the network</title>"}, "a web page"),
    ("without a body", blocks(401, ""), "HTTP 401 with an empty body"),
    ("of a gateway", blocks(403, {"message": "Forbidden"}), "JSON that is not a GraphQL response"),
    ("of another API", blocks(401, {"errors": [{"status": "401", "title": "No"}]}), "JSON that is not a GraphQL response"),
])
def a_block(name, fault, said):
    fault = {key: value for key, value in fault.items() if value is not None}
    with world(f"a block {name}", faults=[fault]) as it:
        for words in (("check",), ("auth", "status"), PUSH, ("check", "--format", "json")):
            run = it.run(*words, code=5)
            it.check("it is named", BLOCKED in run.words and said in run.words, run)
            it.check("nothing was written", not run.mutations, run)
            says_nothing_of_the_token(it, run)
        it.server.ask("/reset", {"keepWorld": True})
        it.run("check", code=5)
        it.check("it is not asked again", it.server.summary()["requests"] == 1, it.server.summary()["requests"])


@cases_of([("401", 401), ("403", 403)])
def railways_own(name, status):
    body = {"errors": [{"message": "Not Authorized", "traceId": "4711"}], "data": None}
    with world(f"Railway's own {name}", faults=[blocks(status, body, edge=False)]) as it:
        it.faulty = {"wrong-auth-header"}  # Whether the token is of the other kind is tried.
        run = it.run("check", code=4)
        it.check("it is about the token", "Railway refused the token" in run.words, run)


@case
def a_block_in_the_middle_of_a_fix():
    with world("a block of the first write", faults=[blocks(match={"type": "mutation"})]) as it:
        run = it.run(*PUSH, "--timeout", "6s", "--format", "json", code=6)
        outcomes = {place[0]: outcome for place, outcome in run.receipts().items()}
        it.check("it may have arrived", outcomes == {"push": "unknown", "redeploy": "not-tried"}, run)
        it.check("nothing is stored", it.value(API) == OLD and not run.mutations, run)
    with world("a block of a deployment", faults=[blocks(match={"field": REDEPLOY}, count=1)]) as it:
        run = it.run(*PUSH, "--timeout", "40s", "--format", "json", code=6)
        outcomes = run.receipts()
        it.check("one deployment is unknown", outcomes["redeploy", None, API] == "unknown", run)
        it.check("the other is done", outcomes["redeploy", None, WORKER] == "done", run)
        it.both_run(NEW, (WORKER,))
        it.check("what is stored is stored", it.value(API) == NEW, run)


# 2. What stands in front of a service -----------------------------------------------------------------------------------

SIGN_IN = {"status": 401, "headers": {"Server": "railway-edge", "Content-Type": "text/html"},
           "body": "<!doctype html><title>Sign in to Railway</title>"}


@cases_of([
    ("attack", "attack", "429", 3), ("sign-in by redirect", "authentication", "302", 2), ("sign-in by page", SIGN_IN, "401", 2),
    ("attack by its settings", None, "429", 3),
])
def the_edge_answers(name, edge, status, requests):
    def scenario():
        made = the_incident()
        for app in made["http"]:
            app["edge"] = edge
        if edge is None:
            instance(made, API)["underAttack"] = True
        return made
    with world(f"edge: {name}", scenario(), toml=DECLARED) as it:
        look = Look(it, requests=requests)
        found = look.of("endpoint-wrong")
        it.check("it is one warning", [one["severity"] for one in found] == ["warning"], look.text)
        look.says(f"Railway's edge answered {status}", "Under Attack Mode" if "attack" in name else "a sign-in with Railway")
        look.keeps_from("it follows from value-differs", "another key")
        run = it.run(*PUSH, code=8)
        it.check("the fix is stored and left open", f"did not reach it: Railway's edge answered {status}" in run.words, run)
        it.both_run(NEW)
        it.check("no redirect is followed", not it.server.ask("/leaks")["requests"], it.server.ask("/leaks"))


@cases_of([
    ("a refusal of its own", None, "403 instead of 200", "follows from value-differs"),
    ("a limit of its own", {"status": 429, "headers": {"Content-Type": "application/json"}, "body": '{"detail": "slow down"}'},
     "429 instead of 200", None),
    ("a redirect of its own", {"status": 302, "headers": {"Location": "/login"}, "body": ""}, "302 instead of 200", None),
    ("another's sign-in", {"status": 302, "headers": {"Location": "https://railway.com.evil.example/login"}, "body": ""},
     "302 instead of 200", None),
])
def the_service_answers(name, edge, said, because):
    scenario = the_incident()
    for app in scenario["http"]:
        app["edge"] = edge
    with world(f"service: {name}", scenario, toml=DECLARED) as it:
        look = Look(it, code=1)
        it.check("it is an error", [one["severity"] for one in look.of("endpoint-wrong")] == ["error"], look.text)
        look.says(said, *filter(None, [because])).keeps_from("Railway's edge answered")


# 3. What responses mean -------------------------------------------------------------------------------------------------

THEIRS = "value-of-somebody-else"
PATCH = {"services": {API: {"variables": {KEY: {"value": THEIRS}}}}}


def staged(**patch):
    scenario = incident()
    environment_of(scenario)["staged"] = {**PATCH, **patch}
    return scenario


def server_that_knows_failed():
    """The published schema lacks the status; production has it."""
    text = (Path(SERVER).parent / "schema.graphql").read_text()
    before, after = text.split("enum EnvironmentPatchStatus {", 1)
    with tempfile.NamedTemporaryFile("w", suffix=".graphql", delete=False) as file:
        file.write(f"{before}enum EnvironmentPatchStatus {{\n  FAILED{after}")
    server = Server("--scenario", "incident", "--schema", file.name)
    os.unlink(file.name)
    servers.append(server)
    return server


@case
def a_patch_that_could_not_be_applied():
    scenario = staged(status="FAILED", lastAppliedError=f"no room for {NEW}")
    with world("FAILED", scenario, server=server_that_knows_failed()) as it:
        it.values.add(THEIRS)
        run = it.run("check", code=1)
        it.check("its error is shown", "no room for •••" in run.words and "failed: STAGING_OPS" in run.words, run)
        run = it.run(*PUSH, code=0)
        it.check("it stops no fix", [one["field"] for one in run.mutations] == [UPSERT, UPSERT, REDEPLOY, REDEPLOY], run)


@cases_of([("STAGED with an error", "STAGED", 6, "somebody has staged a change"), ("APPLYING", "APPLYING", 6, "is applying staged changes")])
def a_patch_that_waits(name, status, code, said):
    scenario = staged(status=status, **({"lastAppliedError": "no room"} if "error" in name else {}))
    with world(name, scenario) as it:
        it.values.add(THEIRS)
        run = it.run(*PUSH, code=code)
        it.check("it stops the fix", said in run.words and not run.mutations, run)


@case
def nothing_is_deployed_over_a_patch_that_is_being_applied():
    with world("APPLYING, redeploy", staged(status="APPLYING")) as it:
        it.values.add(THEIRS)
        run = it.run("fix", "--redeploy", "--yes", "--service", WORKER, code=6)
        it.check("it stops the deployment", "is applying staged changes" in run.words and not run.mutations, run)


@case
def a_policy_refuses_the_deployment():
    with world("a policy", incident(approvedSources=["somebody-else"])) as it:
        run = it.run(*PUSH, code=6)
        for words in ("Railway refused the deployment: Railway said “Deployments from this source are blocked by a workspace policy",
                      f"the new value of {KEY} is stored for {API}, which still runs with the old value", "doctor undo "):
            it.check(f"says {words}", words in run.words, run)
        it.check("the values are stored", it.value(API) == NEW and it.value(WORKER) == NEW, run)
        run = it.run("undo", "--yes", code=0)
        it.check("undo deploys nothing", [one["field"] for one in run.mutations] == [UPSERT, UPSERT], run)
        it.check("the values are as they were", it.value(API) == OLD and it.value(WORKER) == OLD, run)


def git(folder, *words):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@case
def a_commit_that_is_not_there():
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "-q", "-b", "main")
        git(folder, "remote", "add", "origin", "https://github.com/agentverse/agentverse.git")
        made = []
        for number in range(2):
            git(folder, "commit", "-q", "--allow-empty", "-m", f"step {number}")
            made.append(git(folder, "rev-parse", "HEAD"))
        scenario = incident(unknownCommit="refuse")
        instance(scenario, API)["deployments"][-1]["meta"] = {"commitHash": made[0], "branch": "main"}
        toml = toml_of({"api": (API, f'commit = "{made[1]}"')})
        with world("no such commit", scenario, toml=toml) as it:
            shutil.copytree(Path(folder) / ".git", it.path / ".git")
            run = it.run("fix", "--redeploy", "--yes", code=6)
            it.check("the commit is named", f"Railway did not find commit {made[1]}" in run.words, run)
            it.check("the service is not said to be missing", HIDDEN not in run.words, run)


@cases_of([("the link", ("check",), None), ("a name", ("check", "--project", "agentverse", "--environment", "staging"), None),
           ("doctor.toml", ("check",), 'project = "agentverse"\nenvironment = "staging"\n')])
def a_hidden_project(name, words, toml):
    scenario = incident()
    for token in scenario["tokens"]:
        token["hidden"] = ["agentverse"]
    with world(f"hidden: {name}", scenario, toml=toml) as it:
        run = it.run(*words, code=2)
        it.check("it may only be hidden", HIDDEN in run.words, run)


# 4. What is recorded for a bug report -----------------------------------------------------------------------------------

def recorded(it):
    path = it.path / "debug.jsonl"
    it.check("the file is the user's alone", stat.S_IMODE(path.stat().st_mode) == 0o600, oct(path.stat().st_mode))
    text = path.read_text()
    secrets = it.values | {token["token"] for token in it.server.info["tokens"]} | {KEY, API, WORKER, "agentverse"}
    it.check("nothing of anybody's is in it", not [one for one in secrets if one in text], text[:2000])
    return [json.loads(line) for line in text.splitlines()]


RECORD = ("--debug-api", "debug.jsonl")


@cases_of([
    ("check", ("check",), 1), ("matrix", ("matrix",), 1), ("fix", PUSH, 0), ("dry run", ("fix", "--push", "--dry-run"), 1),
    ("auth status", ("auth", "status"), 0), ("init", ("init", "--yes"), 0), ("hook", ("hook", "run"), 1), ("undo", ("undo", "--yes"), 0),
])
def every_command_records(name, words, code):
    with world(f"recorded: {name}") as it:
        it.makes |= {"debug.jsonl", "doctor.toml"}
        if name == "undo":
            it.run(*PUSH, code=0)
        it.server.ask("/reset", {"keepWorld": True})
        it.run(*words, *RECORD, code=code)
        lines = recorded(it)
        asked = it.server.summary()["requests"]
        it.check("each request has a line", len(lines) == asked, (len(lines), asked))
        it.check("each has its status", all(line["status"] == 200 for line in lines), lines)


@case
def what_goes_wrong_is_recorded():
    faults = [{"kind": "reset", "count": 1}, {"kind": "http_error", "status": 502, "count": 1}, blocks(count=1)]
    with world("recorded: faults", faults=faults) as it:
        it.makes.add("debug.jsonl")
        it.run("check", *RECORD, code=5)
        lines = recorded(it)
        found = [(line["attempt"], line.get("failure"), line["status"], line.get("body")) for line in lines]
        it.check("each attempt has its own line", found[0][:3] == (1, "broken", None) and found[1][2] == 502
                 and found[2] == (3, None, 403, "error code: 1010"), found)
        it.check("the edge's ray is kept", "cf-ray" in lines[2]["headers"], lines[2])


@case
def an_interrupted_run_is_recorded():
    with world("recorded: interrupted", faults=[{"kind": "hang", "seconds": 30, "count": -1, "match": {"operation": "Values"}}]) as it:
        it.makes.add("debug.jsonl")
        before = it.begin()
        process = it.start("check", *RECORD)
        it.wait("the values", lambda summary: summary["requests"] >= 2)
        process.send_signal(signal.SIGINT)
        it.end(process, ("check", *RECORD), before, code=130)
        lines = recorded(it)
        it.check("the request that hung is there", lines[-1]["operation"] == "Values" and lines[-1].get("pending") is True, lines)


chosen = [entry for entry in cases if len(sys.argv) < 4 or sys.argv[3] in entry[0]]
play_all(chosen)
