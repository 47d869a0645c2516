"""Cases of rotate.py with faults: lost responses, other writers, failed deployments, killed runs, protected environments."""
import json
import signal
import subprocess
import time

from server_cases import REDEPLOY, UPSERT, case, cases_of, environment_of
from server_copies import (
    KEY, NEW, PLAIN, THIRD, check_file, check_left_is_reported, check_no_leak, check_undone, contains, holders_only, judge, left_of, nothing_happened, outcomes,
    project, rotate, small, snapshot)


@cases_of([(f"{field} {when} {how}", field, when, how) for field in (UPSERT, REDEPLOY) for when in ("before", "after")
           for how in ("reset", "hang", "truncate", "graphql_error", "502")])
def lost_response(name, field, when, how):
    """If the response to a mutation is lost, its effect is looked up. It is never sent again, and what is left is reported."""
    spread = small()
    with project(f"lost: {name}", spread, NEW, faults=[{"kind": "mutation_fail", "when": when, "how": how, "match": {"field": field}}]) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=NEW)
        if when == "after":
            it.check("the run is complete", run.code == 0 and outcomes(run) == {"done"}, run)
            judge(it, run, spread, before, NEW)
        else:
            it.check("the exit code is 6", run.code == 6, run)
            it.check("one step is not done", outcomes(run) & {"unknown", "failed"}, run)
            check_left_is_reported(it, run, spread)
        check_file(it, spread, NEW)
        it.set_faults()
        check_undone(it, before, files)


def concurrent_write(**change):
    """Another user writes between the first read of the values and the write."""
    return {"kind": "concurrent_write", "when": "after_read", "match": {"operation": "Values"}, "writes": [change]}


@cases_of([
    ("to a holder", {"service": "worker", "name": KEY, "value": THIRD}, ("worker", KEY), False),
    ("removes a holder", {"service": "worker", "name": KEY, "value": None}, ("worker", KEY), False),
    ("around a copy", {"service": "api", "name": "CALLBACK_URL", "value": f"https://other.example/in?token={PLAIN}"}, ("api", "CALLBACK_URL"), True),
    ("to a shared variable", {"name": "SHARED_PAY_KEY", "value": THIRD}, (None, "SHARED_PAY_KEY"), False),
    ("adds a copy", {"service": "other", "name": "ADDED_TOKEN", "value": PLAIN}, ("other", "ADDED_TOKEN"), True),
    ("to another key", {"service": "worker", "name": "QUEUE", "value": "payments-low-2026"}, None, False),
])
def concurrent_writer(name, change, place, is_left):
    spread = small()
    with project(f"another user writes {name}", spread, NEW, THIRD, faults=[concurrent_write(**change)]) as it:
        before = snapshot(it)
        run = rotate(it, "--all-copies", new=NEW, code=6 if place else 0)
        written = (change.get("service"), change["name"])
        it.check("the other user's value is kept", snapshot(it)[0].get(written) == change["value"])
        wrong = [one.key for one in spread.copies if (one.owner, one.key) != place and not one.holds(snapshot(it)[0][one.owner, one.key], NEW)]
        it.check("everything else is rotated", not wrong, (wrong, run))
        it.check("what is left is reported", not is_left or place in {one[1:3] for one in left_of(run)}, left_of(run))
        check_left_is_reported(it, run, spread)
        check_file(it, spread, NEW)
        it.run("undo", "--yes")
        stored = snapshot(it)[0]
        different = {one for one in before[0] if before[0][one] != stored.get(one)} - {written}
        it.check("undo restores the rest, and keeps the other user's value", not different and stored.get(written) == change["value"], different)


@cases_of([("FAILED", 7), ("CRASHED", 7), ("NEEDS_APPROVAL", 8)])
def failed_deployment(end, code):
    spread = small(advance="polls")
    with project(f"deployment {end}", spread, NEW, plans=[("worker", [{"end": end}, {"end": "SUCCESS"}])]) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, "--all-copies", new=NEW)
        # The old value still runs where a deployment failed, so that it is left there.
        it.check(f"exit {code}, or 6 for what is left", run.code in (code, 6), run)
        it.check("the undo command is printed", f"doctor undo {it.journals()[0]}" in run.text, run)
        running = snapshot(it)[2]
        it.check("the others run the new value", (running["api", KEY], running["web", "PAY_SECRET"]) == (NEW, NEW))
        if end != "NEEDS_APPROVAL":
            check_undone(it, before, files)


KILLS = [("before the first write", UPSERT, 0), ("after the first write", UPSERT, 1), ("after the third write", UPSERT, 3), ("before the deployments", REDEPLOY, 4),
         ("between the deployments", REDEPLOY, 5), ("while following", "deployment", 8)]


def kill(it, field, mutations):
    """Starts a rotation with slow requests and kills it when this number of mutations was sent."""
    it.set_faults({"kind": "latency", "ms": 1200, "match": {"field": field}})
    before = it.begin()
    source = it.path.parent / "home" / "new-value"
    source.write_text(NEW)
    with source.open("rb") as file:
        process = it.start("rotate", KEY, "--all-copies", "--yes", "--stdin", streams=(file, subprocess.PIPE, subprocess.PIPE))
    source.unlink()
    it.wait("the slow request", lambda summary: len(summary["mutations"]) >= mutations and summary["faultsFired"])
    process.kill()
    run = it.end(process, ("rotate", KEY), before)
    it.check("it was killed", run.code == -signal.SIGKILL, run)
    check_no_leak(it, "killed", run.text)
    time.sleep(1.6)  # The request that was in flight is executed nevertheless.
    it.set_faults()
    it.server.call("/advance", {})


@cases_of(KILLS)
def killed_and_undone(name, field, mutations):
    spread = small()
    with project(f"killed {name}, undone", spread, NEW) as it:
        before, files = snapshot(it), it.files()
        kill(it, field, mutations)
        it.check("no other file is left", it.files().keys() == files.keys(), it.files().keys())
        run = check_undone(it, before, files)
        running = snapshot(it)[2]
        it.check("the old values run again", all(running[copy.owner, copy.key] == copy.text(PLAIN) for copy in spread.copies if copy.owner), run)


@cases_of(KILLS)
def killed_and_repeated(name, field, mutations):
    """The next rotation completes it: every holder has one new value, that of the second run."""
    spread = small()
    with project(f"killed {name}, repeated", spread, NEW, THIRD) as it:
        files = it.files()
        kill(it, field, mutations)
        between = snapshot(it)
        rotate(it, "--all-copies", new=THIRD, code=0)
        stored, rendered, running = snapshot(it)
        wrong = [copy.key for copy in spread.copies if not copy.holds(stored[copy.owner, copy.key], THIRD)]
        it.check("every copy has the value of the second run", not wrong, (wrong, stored))
        hits = [place for texts in (stored, rendered, running) for place, text in texts.items() for value in (PLAIN, NEW) if contains(text or "", value)]
        it.check("neither of the other values is left", not hits, hits)
        check_file(it, spread, THIRD)
        it.check("no other file is left", it.files().keys() == files.keys(), it.files().keys())
        it.run("undo", "--yes", code=0)
        it.check("undo restores what was before the second run", snapshot(it)[0] == between[0])


@case
def interrupted():
    spread = small(advance="polls")
    with project("Ctrl-C while following", spread, NEW) as it:
        before, files, begun = snapshot(it), it.files(), it.begin()
        source = it.path.parent / "home" / "new-value"
        source.write_text(NEW)
        arguments = ("rotate", KEY, "--all-copies", "--yes", "--stdin", "--format", "json")
        with source.open("rb") as file:
            process = it.start(*arguments, streams=(file, subprocess.PIPE, subprocess.PIPE))
        source.unlink()
        it.wait("the deployments", lambda summary: len(summary["deploymentsCreated"]) == 4)
        process.send_signal(signal.SIGINT)
        run = it.end(process, arguments, begun, 130)
        it.check("the receipts so far are printed", {"done", "unknown"} == outcomes(run), run)
        it.server.call("/advance", {})
        check_undone(it, before, files)


@case
def two_at_once():
    """At most one of two rotations succeeds. The other reports its conflicts, and a third names what it can't unify."""
    spread = small()
    slow = {"kind": "latency", "ms": 300, "jitterMs": 300, "match": {"field": UPSERT}}
    with project("two at once", spread, faults=[slow]) as it:
        arguments = ("rotate", KEY, "--all-copies", "--yes", "--generate", "alnum:40", "--format", "json")
        started = [it.start(*arguments) for _ in range(2)]
        ended = [(process.communicate(timeout=120), process.returncode) for process in started]
        reports = [json.loads(out) if out.startswith("{") else None for (out, _), _ in ended]
        codes = [code for _, code in ended]
        it.check("at most one succeeds", codes.count(0) <= 1 and set(codes) <= {0, 2, 6, 7}, (codes, ended))
        it.check("no lost update, no violation", not it.server.summary()["lostUpdates"] and not it.server.summary()["violations"])
        stored = snapshot(it)[0]
        left = {place for place, text in stored.items() if contains(text or "", PLAIN)}
        reported = [{(one["service"], one["key"]) for one in (report or {}).get("trace", {}).get("places", [])} for report in reports]
        it.check("the old value is nowhere, or reported", not left or any(left <= one for one in reported), (left, reported))
        it.set_faults()
        run = rotate(it, "--all-copies", new=NEW)
        stored = snapshot(it)[0]
        wrong = [copy.owner for copy in spread.copies if copy.key == KEY and not copy.holds(stored[copy.owner, copy.key], NEW)]
        it.check("a third rotation leaves one value, or names the holders of another one", all(owner in run.text for owner in wrong), (wrong, codes, run))


@cases_of([("production", None), ("live", "[environments.live]\nprotected = true\n")])
def protected(environment, toml):
    spread = holders_only(environment=environment)
    with project(f"protected {environment}", spread, NEW, toml=toml) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=NEW, code=2)
        nothing_happened(it, before, files, run)
        it.check("the command names the environment", f"--environment={environment}" in run.unwrapped, run)
        run = rotate(it, "--environment", environment, new=NEW, code=0)
        judge(it, run, spread, before, NEW)


@case
def untrusted_checkout():
    toml = 'project = "harbor"\nenvironment = "staging"\n'
    spread = holders_only()
    with project("untrusted", spread, NEW, toml=toml, link=False) as it:
        before, files = snapshot(it), it.files()
        run = rotate(it, new=NEW, code=2)
        nothing_happened(it, before, files, run)
        it.check("the error names doctor.toml", "doctor.toml" in run.text, run)
        run = rotate(it, "--project", "harbor", "--environment", "staging", new=NEW, code=0)
        judge(it, run, spread, before, NEW)
    with project("trusted by a token", spread, NEW, toml=toml, link=False) as it:
        before = snapshot(it)
        judge(it, rotate(it, new=NEW, code=0, token=("RAILWAY_TOKEN", "project")), spread, before, NEW)


@case
def staged_changes():
    spread = holders_only()
    environment_of(spread.scenario)["staged"] = {"services": {"worker": {"variables": {KEY: {"value": THIRD}}}}}
    with project("staged", spread, NEW, THIRD) as it:
        before, files, staged = snapshot(it), it.files(), it.environment()["staged"]
        run = rotate(it, new=NEW, code=6)
        nothing_happened(it, before, files, run)
        it.check("the help names --on-staged", "--on-staged" in run.text, run)
        run = rotate(it, "--on-staged", "ignore", new=NEW)
        judge(it, run, spread, before, NEW)
        it.check("staged changes are kept", it.environment()["staged"] == staged)


@cases_of([("while storing", UPSERT), ("while deploying", REDEPLOY)])
def rate_limited(name, field):
    spread = small()
    with project(f"rate limited {name}", spread, NEW, faults=[{"kind": "rate_limit", "match": {"field": field}, "retryAfter": 1}]) as it:
        before = snapshot(it)
        judge(it, rotate(it, "--all-copies", new=NEW, code=0), spread, before, NEW)


@case
def unreadable_final_trace():
    """If the old value can't be searched for at the end, the run does not report that it is gone."""
    with project("no final trace", small(), NEW) as it:
        it.set_faults({"kind": "partial", "path": "Query.variables", "service": "other", "count": -1, "after": 2})
        run = rotate(it, "--all-copies", new=NEW)
        it.check("success is not claimed without a search", run.code != 0 or not it.server.summary()["faultsFired"], run)
