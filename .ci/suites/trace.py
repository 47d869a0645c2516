#!/usr/bin/env python3
"""Tests `doctor trace` against the independent simulated Railway.

    trace.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. In addition, no trace sends a mutation or a duplicate read, and none shows
or records the value in any encoding.
"""
import json
import re
import sys
import time

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
import jsonschema
from server_cases import case, cases, cases_of, environment_of, run_all
from server_copies import (
    FORMATS, KEY, OTHER, PLAIN, VALUES, Spread, all_forms, b64, check_no_leak, check_places, deployment, holders_only, many, part, percent,
    places_of, planted, prepare, project, small)
from server_estates import variables
from server_pairs import postgres

VALUE = planted().value
SCHEMAS = {}


def relay(name, spread=None, **how):
    """Returns the context of a case in the scenario `spread`."""
    return project(name, spread or planted(), **how)


def trace(it, *arguments, key=KEY, code=0, expected=None, requests=None, **how):
    """Runs a trace in JSON, with the checks of every trace."""
    it.server.call("/reset", {"keepWorld": True})  # Clears the record of requests.
    run = it.run("trace", key, "--format", "json", *arguments, code=code, **how)
    after, label = it.server.summary(), " ".join(("trace", *arguments))
    it.check(f"{label}: no mutation", not run.mutations and not after["mutations"], after["mutations"])
    it.check(f"{label}: no duplicate read", not after["duplicateReads"], after["duplicateReads"])
    if run.report and "summary" in run.report:
        sent = after["requests"]
        it.check(f"{label}: the report has the number of requests", run.report["summary"]["requests"] == sent, (sent, run.report["summary"]))
        it.check(f"{label}: at most {requests} requests", requests is None or sent <= requests, (sent, after["topFields"]))
        it.check(f"{label}: the report names the command", run.report["command"] == "trace", run.report["command"])
    if expected is not None:
        check_places(it, label, run.report and run.report.get("trace"), expected)
    check_no_leak(it, label)
    return run


# The planted facts -------------------------------------------------------------------------------------------------------------

@cases_of([("the file", (), True), ("a service", ("--from", "api"), True), ("another service", ("--from", "worker"), False), ("the services that agree", (), False),
           ("a file without it", ("--env-file", "empty.env"), False)])
def every_fact_is_found(name, arguments, has_file):
    spread = planted(env=has_file)
    with relay(f"spread from {name}", spread) as it:
        (it.path / "empty.env").write_text("LOG_LEVEL=info\n")
        run = trace(it, *arguments, expected=spread.places(), requests=2)
        it.check("no service is partial", not [one for one in run.report["services"] if one.get("error")], run.report["services"])


@cases_of([(key,) for key in ("LEGACY_PAY_TOKEN", "PAY_PROVIDER_SECRET", "PAY_KEY", "PAYMENTS_SHARED_KEY")])
def other_key_with_the_value(key):
    """The value leads to the same places under each of its keys. Only holders of the named key can be sealed holders."""
    spread = planted(env=False)
    with relay(f"spread by {key}", spread) as it:
        trace(it, key=key, expected=[one for one in spread.places() if one[3] != "sealed"])


@case
def text_of_the_trace():
    with relay("spread as text") as it:
        run = it.run("trace", KEY, code=0)
        lines = run.out.splitlines()
        it.check("the first line names project, environment and file", all(one in lines[0] for one in ("relay", "staging", ".env")), lines[0])
        for _, owner, key, usage, _ in planted().places():
            found = [line for line in lines if (owner or "") in line and key in line]
            it.check(f"{key} of {owner} has a line", found, run)
        it.check("the origin is shown", ".env:2" in run.out, run)
        it.check("no decoy is shown", "decoy" not in run.text, run)
        older = [line for line in lines if "worker" in line and KEY in line]
        it.check("worker runs an older value", older and "older" in older[0], older)
        it.check("the sealed variable is unknown", re.search(r"vaulted .*(unknown|sealed)", run.out), run)
        it.check("the references name the shared variable", run.out.count("shared.PAYMENTS_SHARED_KEY") == 2, run)
        it.check("no line ends in whitespace", not [line for line in lines if line != line.rstrip()], run)
        it.check("the number of requests is shown", re.search(r"\b\d requests\b", run.unwrapped), run)
        it.check("the command that rotates it is shown", re.search(rf"doctor rotate {KEY}\b.*--all-copies", run.unwrapped), run)
        narrow = it.run("trace", KEY, "-q", code=0)
        it.check("-q writes no remark", not narrow.err.strip(), narrow)


@cases_of([("a service", ("--service", "billing"), {"billing"}), ("two services", ("-s", "web", "-s", "reports"), {"web", "reports"}),
           ("by a part", ("--service", "repor"), {"reports"}), ("a service without it", ("--service", "decoy"), set())])
def selected_services(name, arguments, services):
    with relay(f"restricted to {name}") as it:
        found = places_of(trace(it, *arguments).report["trace"])
        it.check("only these services", {one[1] for one in found if one[0] == "service"} == services, found)
        expected = {one for one in planted().places() if one[1] in services}
        it.check("all of their places", {one for one in found if one[0] == "service"} == expected, found)


@cases_of([("project", ("RAILWAY_TOKEN", "project")), ("workspace", ("RAILWAY_API_TOKEN", "workspace"))])
def other_tokens(kind, token):
    with relay(f"token of kind {kind}") as it:
        trace(it, expected=planted().places(), token=token)


@cases_of([("by name", ("--project", "relay", "--environment", "staging")), ("by id", ("--project", "5a000000-0000-4000-8000-000000000001", "-e", "staging"))])
def target_by_flags(name, flags):
    with relay(f"target {name}", link=False) as it:
        trace(it, *flags, expected=planted().places())


# Every form of a value -----------------------------------------------------------------------------------------------------------

@cases_of([(name, old, new, has_file) for name, old, new, has_file in VALUES])
def every_form_is_found(name, old, new, has_file):
    spread = all_forms(old, new, with_file=has_file)
    with project(f"forms of {name}", spread, new) as it:
        run = trace(it, *([] if has_file else ["--from", "api"]), expected=spread.places(), requests=2)
        found = {(one["service"], one["key"]): one.get("running") for one in run.report["trace"]["places"] if one["kind"] == "service"}
        # Whether the copy runs is shown for each place: api does, worker has an older value, idle has no deployment.
        states = [found.get((service, KEY)) for service in ("api", "worker", "idle", "old")]
        it.check("the states of running copies differ", len({str(one) for one in states[:3]}) == 3 and states[0] == states[3], states)


@cases_of([("twice in one text", lambda v: f"https://a.example/?a={v}&b={v}", "url"), ("in a list", lambda v: f"first,{v},last", "text"),
           ("in quotes", lambda v: f'"{v}"', None), ("with white space around it", lambda v: f" {v}\n", None),
           ("in a fragment", lambda v: f"https://a.example/#{v}", "url"), ("as a user without a password", lambda v: f"https://{v}@a.example", "url"),
           ("as a key of JSON", lambda v: json.dumps({v: 1}), None), ("on several lines", lambda v: f"user=relay\npassword={v}\n", "text"),
           ("in a URL that is percent-encoded", lambda v: percent(f"https://relay:{v}@a.example/"), None),
           ("in base64 of base64", lambda v: b64(b64(v)), None)])
def further_forms(name, text, form):
    instances = [part("api", {KEY: PLAIN, "PLACE": text(PLAIN), "DECOY": text(OTHER)})]
    spread = Spread(PLAIN, instances, [])
    with project(name, spread, OTHER) as it:
        found = [one for one in places_of(trace(it).report["trace"]) if one[2] != KEY]
        it.check("it is found once", [one[:4] for one in found] == [("service", "api", "PLACE", "stored")], found)
        it.check(f"as {form}", form is None or [one[4] for one in found] == [form], found)


@case
def composites():
    """A value that references put together is in the rendered text only. No single variable has it."""
    half = len(PLAIN) // 2
    instances = [part("api", {KEY: PLAIN}), part("joined", {"TOKEN": "${{shared.FIRST}}${{shared.SECOND}}", "URL": "https://u:${{shared.FIRST}}${{ shared.SECOND }}@h.example"})]
    spread = Spread(PLAIN, instances, [], shared={"FIRST": PLAIN[:half], "SECOND": PLAIN[half:]})
    with project("composites", spread) as it:
        found = places_of(trace(it).report["trace"])
        it.check("both are found", {one[:3] for one in found} == {("service", "api", KEY), ("service", "joined", "TOKEN"), ("service", "joined", "URL")}, found)


@case
def system_variables_are_not_places():
    """The name of a service is not a copy, whatever Railway's own variables contain."""
    value = "relay-api-production-7Zq4"
    spread = Spread(value, [part("api", {KEY: value}), part("other", {"PORT": "80"})], [], environment=value)
    with project("system variables", spread) as it:
        it.values = set()  # The value is the name of the environment as well.
        found = places_of(trace(it).report["trace"])
        it.check("only the variable", [one[:3] for one in found] == [("service", "api", KEY)], found)


# Files ---------------------------------------------------------------------------------------------------------------------------

FILE = ("\ufeff# settings\r\nexport  " + KEY + " = '{0}'   # rotate me\r\n\r\nLEGACY_TOKEN=\"{0}\"\nCALLBACK_URL=https://h.example/in?token={1}&mode=live # here\n"
        "DECOY={0}4\nPROVIDERS='{{\"token\": \"{0}\"}}'\n\tINDENTED = {0}\nUNRELATED='keep'   \nLAST=noeol")


@case
def copies_in_files():
    text = FILE.format(PLAIN, percent(PLAIN))
    with project("files", holders_only(env=lambda _: text)) as it:
        expected = [("service", name, KEY, "stored", "literal") for name in ("api", "worker", "cron")]
        own = [(KEY, "literal"), ("LEGACY_TOKEN", "literal"), ("CALLBACK_URL", "url"), ("PROVIDERS", "json"), ("INDENTED", "literal")]
        run = trace(it, expected=expected + [("file", None, key, "stored", form) for key, form in own])
        lines = {one["key"]: one["line"] for one in run.report["trace"]["places"] if one["kind"] == "file"}
        it.check("lines are counted", lines == {KEY: 2, "LEGACY_TOKEN": 4, "CALLBACK_URL": 5, "PROVIDERS": 7, "INDENTED": 8}, lines)


@case
def layers():
    with project("layers", holders_only(names=("api",), env=lambda value: f"{KEY}={value}\n")) as it:
        (it.path / "base.env").write_text(f"{KEY}={OTHER}\nOTHER_NAME={PLAIN}\n")
        (it.path / "top.env").write_text(f"{KEY}={PLAIN}\n")
        prepare(it, OTHER)
        expected = [("service", "api", KEY, "stored", "literal"), ("file", None, KEY, "stored", "literal"), ("file", None, "OTHER_NAME", "stored", "literal")]
        trace(it, "--env-file", "base.env", "--env-file", "top.env", expected=expected)
        expected = [("file", None, KEY, "stored", "literal")]
        trace(it, "--env-file", "top.env", "--env-file", "base.env", expected=expected)


@case
def old_value_in_a_comment():
    with project("comment", holders_only(names=("api",), env=lambda value: f"# {KEY}={value}\n{KEY}={value}\n")) as it:
        run = trace(it)
        lines = [one["line"] for one in run.report["trace"]["places"] if one["kind"] == "file"]
        it.check("the comment is a place as well", sorted(lines) == [1, 2], lines)


# Values that are not traced ---------------------------------------------------------------------------------------------------------

def one_value(stored, env=None, **more):
    return Spread(PLAIN, [part("api", {KEY: stored, "PORT": "8080", **more})], [], env=lambda _: "" if env is None else env)


@cases_of([
    ("unknown", None, f"{KEY}X={PLAIN}\n", 2, f"{KEY}X"),
    ("unknown everywhere", None, "LOG_LEVEL=info\n", 2, KEY),
    ("empty", "", f"{KEY}=\n", 3, "empty|no value"),
    ("white space", "   ", f"{KEY}='  '\n", 3, "empty|no value|blank"),
    ("placeholder", "changeme", f"{KEY}=changeme\n", 3, "placeholder"),
    ("indirect", "op://vault/item/field", f"{KEY}=op://vault/item/field\n", 3, "indirect|refers|kept elsewhere|reference"),
    ("sealed", {"value": PLAIN, "sealed": True}, None, 3, "sealed"),
    ("short", "k7Zq", f"{KEY}=k7Zq\n", 2, "short|characters"),
    ("a number", "1234567890", f"{KEY}=1234567890\n", 2, "common|number|ordinary"),
    ("a boolean", "true", f"{KEY}=true\n", 2, "common|short|characters"),
    ("a word", "production", f"{KEY}=production\n", 2, "common|ordinary|word"),
])
def values_that_are_not_traced(name, stored, env, code, reason):
    spread = one_value("x" if stored is None else stored, env)
    if stored is None:
        spread.scenario["projects"][0]["environments"][0]["instances"][0]["variables"].pop(KEY)
    with project(f"value: {name}", spread) as it:
        for form in ("text", "json"):
            run = it.run("trace", KEY, "--format", form, code=code)
            it.check("the reason is shown", re.search(reason, run.unwrapped), run)
            it.check("there is an error and a help", form == "json" or "error: " in run.err and "help: " in run.err, run)
            it.check("nothing is passed off as a result", "is used in" not in run.out, run)


@case
def holders_that_differ():
    instances = [part("api", {KEY: PLAIN}), part("worker", {KEY: OTHER}), part("third", {KEY: PLAIN})]
    with project("no file, holders differ", Spread(PLAIN, instances, []), OTHER) as it:
        run = trace(it, code=2)
        it.check("the error names the holders and --from", all(one in run.unwrapped for one in ("api", "worker", "--from")), run)
        trace(it, "--from", "worker", expected=[("service", "worker", KEY, "stored", "literal")])
        trace(it, "--from", "api", expected=[("service", name, KEY, "stored", "literal") for name in ("api", "third")])
    with project("no file, holders agree", holders_only(env=lambda _: "")) as it:
        trace(it, expected=[("service", name, KEY, "stored", "literal") for name in ("api", "worker", "cron")])


@case
def origin_of_the_value():
    instances = [part("agent-api-staging", {KEY: PLAIN}), part("agent-worker-staging", {KEY: OTHER})]
    toml = '[services.back]\nname = "agent-worker-staging"\n'
    with project("--from", Spread(PLAIN, instances, [], env=lambda value: f"{KEY}={value}\n"), OTHER, toml=toml) as it:
        worker, local = ("service", "agent-worker-staging", KEY, "stored", "literal"), ("file", None, KEY, "stored", "literal")
        ids = {one["name"]: one["id"] for one in it.environment()["services"]}
        for name in ("agent-worker-staging", "back", ids["agent-worker-staging"], "AGENT-WORKER-STAGING", "work"):
            trace(it, "--from", name, expected=[worker])
        trace(it, expected=[("service", "agent-api-staging", KEY, "stored", "literal"), local])
        for name, hint in (("agent", "agent-api-staging"), ("agent-wrker-staging", "agent-worker-staging"), ("missing", "")):
            run = it.run("trace", KEY, "--from", name, code=2)
            it.check(f"--from {name} is an error with a suggestion", hint in run.unwrapped and "error: " in run.err, run)
        run = it.run("trace", "PORT", "--from", "back", code=2)
        it.check("a service without the key is an error", "PORT" in run.unwrapped, run)


@cases_of([("no key", ("trace",)), ("a value", ("trace", f"{KEY}={PLAIN}")), ("two keys", ("trace", KEY, "PORT")), ("unknown format", ("trace", KEY, "--format", "jso")),
           ("unknown service", ("trace", KEY, "--service", "apii")), ("missing file", ("trace", KEY, "--env-file", "no.env")), ("lower case", ("trace", KEY.lower()))])
def usage_errors(name, arguments):
    with project(f"usage: {name}", small()) as it:
        # The value is in the arguments of this run; it must not be repeated.
        run = it.run(*arguments) if PLAIN not in "".join(arguments) else None
        if run is None:
            process = it.start(*arguments)
            out, err = process.communicate(timeout=60)
            it.check("the value is not repeated", PLAIN not in out + err and process.returncode == 2, err)
            return
        it.check("exit 2 with an error", run.code == 2 and "error: " in run.err and not run.out, run)


@case
def no_copy_on_railway():
    spread = Spread(PLAIN, [part("api", {"PORT": "8080", "OTHER_KEY": OTHER})], [], env=lambda value: f"{KEY}={value}\n")
    with project("only in the file", spread, OTHER) as it:
        run = trace(it, expected=[("file", None, KEY, "stored", "literal")])
        it.check("there is nothing to rotate on Railway", "doctor rotate" not in it.run("trace", KEY, code=0).text, run)


@case
def database_services_are_searched():
    scenario = Spread(PLAIN, [part("api", {KEY: PLAIN, "DATABASE_URL": "${{Postgres.DATABASE_URL}}"})], [], env=lambda value: f"{KEY}={value}\n")
    environment = environment_of(scenario.scenario)
    environment["instances"].append(postgres(PLAIN))
    scenario.scenario["projects"][0]["services"].append({"name": "Postgres"})
    with project("database", scenario) as it:
        found = {one[:4] for one in places_of(trace(it).report["trace"])}
        expected = {("service", "Postgres", "POSTGRES_PASSWORD", "stored"), ("service", "Postgres", "PGPASSWORD", "reference"), ("service", "Postgres", "DATABASE_URL", "reference"),
                    ("service", "Postgres", "DATABASE_PUBLIC_URL", "reference"), ("service", "api", "DATABASE_URL", "reference"), ("service", "api", KEY, "stored"),
                    ("file", None, KEY, "stored")}
        it.check("the database is searched", found == expected, (found - expected, expected - found))


# Incomplete traces ------------------------------------------------------------------------------------------------------------------

@case
def partly_unreadable():
    with relay("values of one service", faults=[{"kind": "partial", "path": "Query.variables", "service": "billing", "count": -1}]) as it:
        run = it.run("trace", KEY, "--format", "json", code=5)
        found, expected = set(places_of(run.report["trace"])), set(planted().places())
        others = {one for one in expected if one[1] != "billing"}
        it.check("the other places are found", found >= others and found <= expected, found ^ expected)
        it.check("the report is incomplete and names the service", run.report["trace"]["complete"] is False and "billing" in run.out, run)
        text = it.run("trace", KEY, code=5)
        it.check("the text marks the result as partial", "billing" in text.unwrapped and re.search("partial|could not|not read|incomplete|not searched", text.unwrapped), text)
    # They are read together with the values, and alone if that is rejected.
    together = {"kind": "graphql_error", "match": {"documentContains": "shared: variables("}, "count": -1}
    alone = {"kind": "graphql_error", "match": {"operation": "SharedValues"}, "count": -1}
    with relay("shared variables with the values", faults=[together]) as it:
        run = it.run("trace", KEY, "--format", "json", code=0)
        check_places(it, "read alone", run.report["trace"], planted().places())
        it.check("the fault was met", it.server.call("/faults")["faults"][0]["fired"], it.server.summary())
    with relay("shared variables", faults=[together, alone]) as it:
        run = it.run("trace", KEY, "--format", "json")
        it.check("both faults were met", all(one["fired"] for one in it.server.call("/faults")["faults"]), run)
        it.check("without the shared variables, the trace is incomplete", run.code == 5 and run.report["trace"]["complete"] is False, run)


@cases_of([("refused", {"kind": "partial", "path": "Query.deploymentSnapshot"}), ("refused altogether", {"kind": "graphql_error", "match": {"field": "deploymentSnapshot"}}),
           ("refused for this token", {"kind": "not_authorized", "match": {"field": "deploymentSnapshot"}})])
def unreadable_snapshots(name, fault):
    """An old value that still runs can't be found without snapshots. The trace does not claim that there is none."""
    with relay(f"snapshots: {name}", faults=[{**fault, "count": -1}]) as it:
        run = it.run("trace", KEY, "--format", "json")
        it.check("the fault was met", sum(one["fired"] for one in it.server.call("/faults")["faults"]), run)
        found = set(places_of(run.report["trace"]))
        it.check("all stored places are found", found == set(planted().places()), found ^ set(planted().places()))
        states = {one.get("running") for one in run.report["trace"]["places"]}
        it.check("whether they run is unknown", states <= {None, "unknown"}, states)
        text = it.run("trace", KEY, code=run.code)
        it.check("the report marks the result as partial", run.report["trace"]["complete"] is False and
                 re.search("what runs on|snapshot|deployed", text.err + text.out.split("RUNNING")[-1]), text)
        it.check("what runs may be unknown without an error", run.code == 0, run)


@cases_of([
    ("401", {"kind": "http_error", "status": 401, "body": {"errors": [{"message": "Not Authorized", "traceId": "4711"}], "data": None}}, 4),
    ("not authorized", {"kind": "not_authorized"}, 4), ("Cloudflare", {"kind": "http_error", "status": 403, "body": "error code: 1010", "edge": True}, 5),
    ("rate limit", {"kind": "rate_limit", "retryAfter": 900}, 5), ("500", {"kind": "http_error", "status": 500}, 5), ("garbage", {"kind": "garbage"}, 5),
    ("reset", {"kind": "reset", "phase": "before"}, 5), ("hang", {"kind": "hang", "seconds": 30, "then": "close"}, 5)])
def unreachable(name, fault, code):
    for nth in (1, 2):
        with relay(f"fault {name}, request {nth}", faults=[{**fault, "nth": nth, "count": -1}]) as it:
            it.allowed_warnings = {"wrong-auth-header"}  # A refused token is tried in the other header.
            run = it.run("trace", KEY, "--format", "json", "--timeout", "4s", code=code)
            found = set(places_of(run.report.get("trace"))) if run.report else set()
            it.check("no place is invented", found <= set(planted().places()), found)
            it.check("no mutation", not run.mutations, run)


@case
def passing_faults_are_retried():
    with relay("faults that pass", faults=[{"kind": "reset", "count": 1}, {"kind": "http_error", "status": 502, "count": 1, "after": 1}]) as it:
        check_places(it, "after two faults", it.run("trace", KEY, "--format", "json", code=0).report["trace"], planted().places())


@cases_of([("absent sealed values", {"sealedStyle": "absent"}), ("no system variables", {"systemVariablesInVariables": False}),
           ("small pages", {"pageSize": 3, "maxPageSize": 3}), ("broken references as text", {"brokenReference": "literal"})])
def other_servers(name, options):
    with relay(name, planted(**options)) as it:
        it.allowed_warnings = {"default-page-cut"}
        trace(it, expected=planted().places())


# All projects and environments ----------------------------------------------------------------------------------------------------------

def everywhere_spread():
    """Two projects with two environments each, one more environment that the token can't read, and a project that it does not reach."""
    spread = planted()
    scenario = spread.scenario
    scenario["projects"][0]["environments"] += [
        {"name": "production", "shared": variables({"PAYMENTS_SHARED_KEY": VALUE}), "instances": [
            {"service": "api", "source": {"repo": "tidal/relay", "branch": "main"}, "variables": variables({KEY: "production-has-another-8Kq"}),
             "deployments": [deployment(old={KEY: VALUE})]}]},
        {"name": "preview", "instances": [{"service": "web", "source": {"image": "x:1"}, "variables": variables({"PORT": "80"}), "deployments": []}]},
        {"name": "locked", "restricted": True, "instances": [{"service": "web", "source": {"image": "x:1"}, "variables": variables({KEY: VALUE})}]}]
    scenario["projects"] += [
        {"name": "ledger", "services": [{"name": "books"}], "environments": [
            {"name": "production", "instances": [{"service": "books", "source": {"image": "x:1"}, "variables": variables(
                {"UPSTREAM_URL": f"https://books:{percent(VALUE)}@relay.example/"}), "deployments": [deployment()]}]},
            {"name": "staging", "instances": [{"service": "books", "source": {"image": "x:1"}, "variables": variables({"PORT": "80"})}]}]},
        {"name": "hidden-project", "services": [{"name": "x"}], "environments": [
            {"name": "production", "instances": [{"service": "x", "source": {"image": "x:1"}, "variables": variables({KEY: VALUE})}]}]}]
    for token in scenario["tokens"]:
        token["hidden"] = ["hidden-project"]
    return spread


def elsewhere():
    return {("relay", "production", "shared", None, "PAYMENTS_SHARED_KEY", "stored", "literal"), ("relay", "production", "service", "api", KEY, "running", "literal"),
            ("ledger", "production", "service", "books", "UPSTREAM_URL", "stored", "url-encoded")}


@case
def everywhere():
    with relay("everywhere", everywhere_spread()) as it:
        run = it.run("trace", KEY, "--everywhere", code=2)
        it.check("the number of requests is announced", re.search(r"\b\d+ requests\b", run.unwrapped), run)
        it.check("the command with --yes is printed", "--yes" in (run.command() or []) and "--everywhere" in run.command(), run)
        it.server.call("/reset", {"keepWorld": True})
        run = it.run("trace", KEY, "--everywhere", "--yes", "--format", "json")
        it.check("an environment without permission is exit 4 or is only named", run.code in (0, 4), run)
        it.check("it is named", "locked" in run.text, run)
        found = {(one["project"]["name"], one["environment"]["name"], one["kind"], one["service"], one["key"], one["usage"], one["form"])
                 for one in run.report["trace"]["places"] if one["kind"] != "file"}
        expected = elsewhere() | {("relay", "staging", *one) for one in planted(env=False).places()}
        it.check("exactly the expected places", found == expected, (found - expected, expected - found))
        it.check("the hidden project is not named", "hidden-project" not in run.text, run)
        announced = re.search(r"\b(\d+) requests\b", re.sub(r"\s+", " ", run.err))
        sent = it.server.summary()["requests"]
        it.check("not more requests than announced", announced and sent <= int(announced[1]) and not it.server.summary()["mutations"], (announced, sent))
        text = it.run("trace", KEY, "--everywhere", "--yes")
        it.check("each environment with places has a heading", all(re.search(f"{project}.*{environment}", text.out) for project, environment, *_ in expected), text)
        it.check("the others are only counted", "preview" not in text.out, text)


@case
def everywhere_on_a_terminal():
    with relay("everywhere on a terminal", everywhere_spread()) as it:
        run = it.run_on_terminal("trace", KEY, "--everywhere", answers=[("requests", "n\r")], code=2)
        it.check("declining searches nothing", "ledger" not in run.out, run)
        run = it.interact("trace", KEY, "--everywhere", reply=lambda shown: "y\r" if "?" in shown else None, code=None)
        it.check("confirming searches all", "UPSTREAM_URL" in run.out and run.code in (0, 4), run)


@case
def everywhere_with_a_project_token():
    with relay("everywhere with a project token", everywhere_spread()) as it:
        run = it.run("trace", KEY, "--everywhere", "--yes", "--format", "json", token=("RAILWAY_TOKEN", "project"))
        it.check("only its environment, or an error", run.code in (0, 2, 4) and "ledger" not in run.text, run)


# Formats, secrecy and cost --------------------------------------------------------------------------------------------------------------

@cases_of([("spread", None), ("every form", VALUES[1]), ("PEM", VALUES[7]), ("quotes", VALUES[5])])
def every_format(name, values):
    spread = all_forms(values[1], values[2], with_file=values[3]) if values else None
    with (project(f"formats of {name}", spread) if spread else relay("formats of spread")) as it:
        it.variables["GITHUB_STEP_SUMMARY"] = str(it.path.parent / "home" / "summary")
        it.new_files.add("report")
        expected = spread.places() if spread else planted().places()
        source = ["--from", "api"] if spread and not values[3] else []
        if not SCHEMAS:
            SCHEMAS["report"] = jsonschema.Draft202012Validator(json.loads(it.run("schema", "report").out))
        for form in FORMATS:
            for detail in ([], ["-v"]):
                run = it.run("trace", KEY, *source, "--format", form, *detail, code=0)
                shown = run.out.replace("<wbr>", "")
                it.check(f"{form}: every key is listed", form == "github" or all(key in shown for _, _, key, _, _ in expected), run)
            if form == "json":
                problems = [error.message[:200] for error in SCHEMAS["report"].iter_errors(run.report)]
                it.check("the report matches the schema", not problems, problems)
            run = it.run("trace", KEY, *source, "--format", form, "--output", "report", code=0)
            text = (it.path / "report").read_text(encoding="utf-8")
            it.check(f"{form}: the report is in the file", text and not run.out, run)
            check_no_leak(it, form, text)
            (it.path / "report").unlink()
        summary = (it.path.parent / "home" / "summary").read_text(encoding="utf-8")
        it.check("the step summary lists every key", all(key in summary for _, _, key, _, _ in expected), summary)


@case
def record_of_requests_has_no_values():
    with relay("recorded") as it:
        it.new_files.add("debug.jsonl")
        it.server.call("/reset", {"keepWorld": True})
        it.run("trace", KEY, "--debug-api", "debug.jsonl", code=0)
        text = (it.path / "debug.jsonl").read_text()
        it.check("each request has a line", len(text.splitlines()) == it.server.summary()["requests"], text[:500])
        it.check("no value or name", not [one for one in {*it.values, KEY, "billing", "relay"} if one in text], text[:2000])


@case
def many_services():
    spread = many()
    with project("60 services", spread) as it:
        started = time.monotonic()
        # The shape and one batch per twenty services, as for a check, and the shared variables.
        trace(it, expected=spread.places(), requests=8)
        it.check("it takes seconds", time.monotonic() - started < 15, time.monotonic() - started)


@case
def nothing_is_written():
    """A protected environment, a checkout whose doctor.toml is not trusted: a trace only reads."""
    spread = planted()
    environment_of(spread.scenario)["protected"] = True
    with relay("only reads", spread, toml='project = "relay"\nenvironment = "staging"\n') as it:
        files = it.files()
        trace(it, expected=planted().places())
        it.check("no file is written", it.files() == files, it.files().keys())
        it.check("no journal", not it.journals(), it.journals())
        it.check("nothing on Railway is written", it.stored() == it.initial)


if __name__ == "__main__":
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    run_all([entry for entry in cases if wanted in entry[0]])
