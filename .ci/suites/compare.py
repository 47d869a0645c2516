#!/usr/bin/env python3
"""Tests `doctor compare` against the independent simulated Railway.

    compare.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. In addition, no run reads the `.env`, sends a mutation or a duplicate
read, or shows a value of 6 or more characters, the text of a setting, or a token.
"""
import collections
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
import jsonschema
from server_cases import case, cases, cases_of, run_all, world
from server_checks import DOCTOR
from server_pairs import (HOSTILE_LEFT, HOSTILE_RIGHT, LIVE, PROXY, app, django_shop, environment, estate, hostile, instance_of, large,
                          node_monorepo, pair, pull_request, secrets_of, side_of, two_sides)

FORMATS = ("text", "json", "sarif", "github", "junit", "markdown", "html")
BOTH = ("staging", "production")
PROJECT_TOKEN = ("RAILWAY_TOKEN", "project")
NO_FILE = b"\xff\xfe\x00not text: an error if it is read"
REQUIRE = '[[require]]\nkeys = ["EVENTS_TOPIC"]\nservices = ["worker"]\n'


def across(must, *keys):
    return f'[[across]]\nkeys = {json.dumps(keys)}\nmust = "{must}"\n'


@contextlib.contextmanager
def project(name, scenario, toml=None, **how):
    """Resets the server to a scenario and creates a working directory. Its `.env` is not text, so that reading it fails."""
    with world(name, scenario, NO_FILE, toml=toml, **how) as it:
        it.values = secrets_of(scenario)
        yield it


class Comparison:
    """A comparison in JSON, with the checks of every comparison."""

    def __init__(self, it, *arguments, of=BOTH, code=None, requests=None, repeated=(), **how):
        self.it = it
        it.server.call("/reset", {"keepWorld": True})  # Clears the record of requests.
        self.run = it.run("compare", *of, "--format", "json", *arguments, code=code, **how)
        self.report, self.after = self.run.report, it.server.summary()
        name = " ".join(("compare", *arguments))
        tokens = [one["token"] for one in it.server.info["tokens"]]
        it.check(f"{name}: no token is shown", not [one for one in tokens if one in self.run.text], self.run)
        it.check(f"{name}: no mutation", not self.after["mutations"] and not self.run.mutations, self.after["mutations"])
        # The server does not distinguish between project tokens: what one reads of its environment is no duplicate.
        expected = ["EnvironmentByToken"] * (len(self.after["byToken"]) == 1 and "project" in self.after["byToken"])
        duplicates = [one["operation"] for one in self.after["duplicateReads"]]
        it.check(f"{name}: no duplicate read", duplicates == (repeated or expected), duplicates)
        sent = self.after["requests"]
        it.check(f"{name}: {requests} requests", requests in (sent, None), (sent, self.after["topFields"]))
        if self.report and "summary" in self.report:
            it.check(f"{name}: the report has the number of requests", self.report["summary"]["requests"] == sent, (sent, self.run))

    def found(self):
        findings = self.report.get("findings", []) if self.report else []
        return [(one["rule"], one["severity"], one["key"] or "", *sorted(one["services"])) for one in findings]

    def expect(self, *expected):
        """Checks that exactly these findings of any severity are reported: (rule, severity, key, services...)."""
        wanted, found = collections.Counter(expected), collections.Counter(self.found())
        self.it.check("exactly the expected findings", wanted == found and self.report is not None,
                      f"\n  extra   {sorted(found - wanted)}\n  missing {sorted(wanted - found)}\n{self.run}")
        return self

    def message(self, rule, key):
        found = [one["message"] for one in self.report["findings"] if (one["rule"], one["key"]) == (rule, key)]
        self.it.check(f"one {rule} of {key}", len(found) == 1, self.run)
        return "".join(found)


# The planted facts --------------------------------------------------------------------------------------------------------

RULES = {"same-secret": ("secret-shared", "error"), "leads-to-other": ("backend-shared", "error"),
         "reference-and-literal": ("reference-and-literal", "note"), "sealed-and-absent": ("sealed-not-copied", "warning"),
         "only-in": ("missing-in-environment", "warning"), "missing-required": ("missing-in-environment", "warning"),
         "service-only-in": ("missing-in-environment", "warning"), "setting-differs": ("settings-differ", "note")}


def planted(*changed):
    """Returns the findings that the facts of `pair` lead to, and these in place of those with the same key and services."""
    facts = [fact for fact in pair()["facts"] if fact["fact"] in RULES]
    found = {(*RULES[fact["fact"]], fact.get("key", ""), fact["service"]) for fact in facts}
    replaced = {one[2:] for one in changed}
    return sorted([one for one in found if one[2:] not in replaced or not one[2]] + list(changed))


PLANTED = planted()
# Known without any value: the services and their settings.
STRUCTURE = {one for one in PLANTED if not one[2]}


@cases_of([("names", BOTH), ("ids", None), ("an id and a name", ("id", "production"))])
def every_fact_is_found(name, of):
    with project(f"pair by {name}", pair()) as it:
        ids = it.server.project()["environments"]
        of = [ids["staging"] if one == "id" else one for one in of or (ids["staging"], ids["production"])]
        report = Comparison(it, of=of, code=1, requests=2).expect(*PLANTED)
        it.check("it leads to production", "production" in report.message("backend-shared", "DATABASE_URL"), report.run)
        it.check("both environments are named", all(one in json.dumps(report.report["target"]) for one in BOTH), report.report["target"])
        cron = [one for one in report.report["findings"] if one["rule"] == "settings-differ" and one["services"] == ["cron"]]
        it.check("both settings of cron are named", "start command" in cron[0]["message"] and "schedule" in cron[0]["message"], cron)
        it.check("all services are listed", len(report.report["services"]) == 7, report.report["services"])


@case
def order_does_not_matter():
    with project("pair in the other order", pair()) as it:
        Comparison(it, of=BOTH[::-1], code=1, requests=2).expect(*PLANTED)


@cases_of([
    ("project by flag", ["--project", "ea000000-0000-4000-8000-000000000001"], {}, None, 2),
    ("project by its name", ["--project", "storefront"], {}, None, 3),
    ("project by a variable", [], {"RAILWAY_PROJECT_ID": "ea000000-0000-4000-8000-000000000001"}, None, 2),
    ("project by doctor.toml", [], {}, 'project = "ea000000-0000-4000-8000-000000000001"\n', 2),
    ("project and environment by doctor.toml", [], {}, 'project = "ea000000-0000-4000-8000-000000000001"\nenvironment = "staging"\n', 2),
])
def project_is_resolved(name, flags, variables, toml, requests):
    with project(name, pair(), toml, link=False) as it:
        it.variables = variables
        Comparison(it, *flags, code=1, requests=requests).expect(*PLANTED)


@case
def without_a_project():
    with project("no project", pair(), link=False) as it:
        run = it.run("compare", *BOTH, code=2)
        it.check("the help names --project", "--project" in run.err and "  help: " in run.err, run)


@cases_of([("workspace",), ("oauth",)])
def other_token(kind):
    with project(f"a token of kind {kind}", pair()) as it:
        Comparison(it, code=1, requests=2, token=("RAILWAY_API_TOKEN", kind)).expect(*PLANTED)


NEEDED = ("missing-in-environment", "error", "EVENTS_TOPIC", "worker")


@cases_of([
    ("a need", REQUIRE, planted(NEEDED)),
    ("agree, met", across("agree", "DEFAULT_CURRENCY", "FEATURE_SEARCH", "LOG_LEVEL"), PLANTED),
    # The mailer of production has no counterpart that could agree.
    ("agree, violated", across("agree", "APP_ENV"), [*PLANTED, ("across-violated", "error", "APP_ENV", "api", "worker"),
                                                     ("across-violated", "error", "APP_ENV", "mailer")]),
    ("exist, nowhere", across("exist", "NO_SUCH_KEY"), [*PLANTED, ("across-violated", "error", "NO_SUCH_KEY")]),
    ("agree, on purpose", across("agree", "STRIPE_SECRET_KEY"), [one for one in PLANTED if one[2] != "STRIPE_SECRET_KEY"]),
    ("agree, missing", across("agree", "NEW_RELIC_LICENSE_KEY"), planted(("across-violated", "error", "NEW_RELIC_LICENSE_KEY", "api"))),
    ("differ, met", across("differ", "POSTGRES_PASSWORD", "REDIS_PASSWORD"), PLANTED),
    ("differ, violated", across("differ", "STRIPE_SECRET_KEY"), planted(("across-violated", "error", "STRIPE_SECRET_KEY", "api"))),
    ("differ, violated by no secret", across("differ", "DEFAULT_CURRENCY"), [*PLANTED, ("across-violated", "error", "DEFAULT_CURRENCY", "api", "web")]),
    ("exist, met", across("exist", "DATABASE_URL", "WORKER_CONCURRENCY"), PLANTED),
    ("exist, violated", across("exist", "ASSET_CDN_URL"), planted(("across-violated", "error", "ASSET_CDN_URL", "web"))),
    ("exist, sealed", across("exist", "JWT_SIGNING_KEY"), planted(("across-violated", "error", "JWT_SIGNING_KEY", "api"))),
    ("ignored", '[[ignore]]\nkeys = ["DEBUG_*"]\nrules = ["missing-in-environment"]\nreason = "staging only"\n',
     [one for one in PLANTED if not one[2].startswith("DEBUG_")]),
    ("off", '[severity]\nsettings-differ = "off"\n', [one for one in PLANTED if one[0] != "settings-differ"]),
    ("an error", '[severity]\nsealed-not-copied = "error"\n', planted(("sealed-not-copied", "error", "JWT_SIGNING_KEY", "api"))),
    ("nothing protected in other words", '[environments.staging]\nprotected = true\n', PLANTED),
])
def declarations(name, toml, expected):
    with project(f"declared: {name}", pair(), toml) as it:
        Comparison(it, code=1, requests=2).expect(*expected)


@case
def unprotected_environments():
    scenario = pair()
    side_of(scenario, "production")["name"] = "preview"
    scenario["tokens"] = scenario["tokens"][:2]
    relaxed = [(rule, "warning" if severity == "error" else severity, *rest) for rule, severity, *rest in PLANTED]
    with project("unprotected", scenario) as it:
        of = ("staging", "preview")
        Comparison(it, of=of, code=0, requests=2).expect(*relaxed)
        Comparison(it, "--fail-on", "warning", of=of, code=1).expect(*relaxed)
        Comparison(it, "--fail-on", "never", of=of, code=0)
        (it.path / "doctor.toml").write_text("[environments.preview]\nprotected = true\n")
        Comparison(it, of=of, code=1, requests=2).expect(*PLANTED)
    with project("fail on", pair()) as it:
        Comparison(it, "--fail-on", "never", code=0).expect(*PLANTED)
        Comparison(it, "--fail-on", "note", code=1)


# Selection ----------------------------------------------------------------------------------------------------------------

@cases_of([
    ("one service", ["--service", "api"], lambda one: one[3] == "api", 1),
    ("two services", ["-s", "web", "-s", "cron"], lambda one: one[3] in ("web", "cron"), 0),
    ("by a part", ["--service", "work"], lambda one: one[3] == "worker", 0),
    ("a database", ["--service", "Postgres"], lambda one: False, 0),
    ("a service of one environment", ["--service", "mailer"], lambda one: one[3] == "mailer", 3),
    ("one key", ["--only", "DATABASE_URL"], lambda one: one[2] == "DATABASE_URL", 1),
    ("two keys", ["--only", "EVENTS_TOPIC", "--only", "DEBUG_BANNER"], lambda one: one[2] in ("EVENTS_TOPIC", "DEBUG_BANNER"), 0),
    ("a key of a service", ["--only", "REDIS_URL", "--service", "worker"], lambda one: one[2:] == ("REDIS_URL", "worker"), 0),
])
def selection(name, flags, is_selected, code):
    with project(f"selected: {name}", pair()) as it:
        report = Comparison(it, *flags, code=code)
        report.expect(*[one for one in PLANTED if is_selected(one)])


@cases_of([
    ("unknown environment", ("stagin", "production"), [], "`staging`|staging"),
    ("unknown second environment", ("staging", "prodction"), [], "production"),
    ("the same environment twice", ("staging", "staging"), [], "staging"),
    ("other letters", ("staging", "Production"), [], "production"),
    ("the same environment by name and id", ("staging", "ee000000-0000-4000-8000-000000000001"), [], "staging"),
    ("unknown service", BOTH, ["--service", "apii"], "api"),
    ("unknown key", BOTH, ["--only", "DATABASE_UR"], "DATABASE_URL"),
    ("unknown format", BOTH, ["--format", "jso"], "json"),
    ("one environment", ("staging",), [], "compare"),
    ("three environments", ("staging", "production", "staging"), [], "unexpected argument 'staging'"),
    ("values of production", BOTH, ["--show-values"], "show-values"),
])
def usage_errors(name, of, flags, suggestion):
    with project(name, pair()) as it:
        run = it.run("compare", *of, *flags, code=2)
        it.check(f"the error shows {suggestion}", re.search(suggestion, run.err) and "error: " in run.err, run)
        it.check("nothing is reported", not run.out, run)


@case
def values_on_a_terminal():
    secret = "kT8mZ4xW2qV5nR9cH1"
    with project("--show-values", two_sides({"API_SECRET": secret}, {"API_SECRET": secret}, ("one", "two"))) as it:
        run = it.run("compare", "one", "two", "--show-values", code=2)
        it.check("the error names a terminal", "terminal" in run.unwrapped, run)
        it.run_on_terminal("compare", "one", "two", "-v", answers=[], code=0)
        it.values = set()
        run = it.run_on_terminal("compare", "one", "two", "--show-values", answers=[], code=0)
        it.check("the value is shown", secret in run.out, run)
        (it.path / "doctor.toml").write_text("[environments.two]\nprotected = true\n")
        it.values = {secret}
        for of in (("one", "two"), ("two", "one"), tuple(it.server.project()["environments"].values())):
            it.run_on_terminal("compare", *of, "--show-values", answers=[], code=2)


@case
def matrix_points_to_compare():
    with project("matrix of two environments", pair()) as it:
        run = it.run("matrix", "-e", "staging", "-e", "production", code=2)
        it.check("the help is the command", "doctor compare staging production" in run.err, run)


@case
def environment_beyond_the_first_page():
    scenario = pair()
    staging, production = scenario["projects"][0]["environments"]
    forks = [{"name": f"pr-{number}", "ephemeral": True, "copyOf": "staging"} for number in range(30)]
    scenario["projects"][0]["environments"] = [staging, *forks, production]
    with project("thirty pull requests", scenario) as it:
        report = Comparison(it, code=1).expect(*PLANTED)
        it.check("at most four requests", report.after["requests"] <= 4, report.after["requests"])


@case
def nothing_to_compare():
    scenario = two_sides({"A": "1"}, {"A": "1"})
    for side in scenario["projects"][0]["environments"]:
        side["instances"].append(app("bare", {}))
    scenario["projects"][0]["services"].append({"name": "bare"})
    with project("a service without variables", scenario) as it:
        Comparison(it, code=0).expect()
        Comparison(it, "--service", "bare", code=3).expect()
    with project("no services", estate({"staging": environment(), "production": environment()})) as it:
        Comparison(it, code=3).expect()


# What is shared, and near misses --------------------------------------------------------------------------------------------

K1, K2 = "kT8mZ4xW2qV5nR9cH1", "dL3fJ6sP0aYuE7bGi4"
SHARED, BACKEND = ("secret-shared", "error"), ("backend-shared", "error")
PEM = "-----BEGIN PRIVATE " + "KEY-----\n" + K1 * 20 + "\n-----END PRIVATE KEY-----\n"
SLACK = "https://hooks.slack.com/services/" + "T0KQ2/B0ZX8/" + K1
# (key, value in staging, value in production, expected rule and severity)
VALUES = [
    # One secret in both.
    ("PAYMENT_SECRET", K1, K1, SHARED),
    ("SESSION_SECRET_KEY", K1 + "a", K1 + "b", None),
    ("STRIPE_LIVE_API_KEY", "sk_live_" + K1, "sk_live_" + K1, SHARED),
    ("STRIPE_TEST_API_KEY", "sk_test_" + K2, "sk_test_" + K2, SHARED),
    ("STRIPE_API_KEY", "sk_test_" + K1, "sk_live_" + K2, None),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_" + K2, "pk_live_" + K2, None),
    ("NEXT_PUBLIC_MAPS_KEY", "pub-" + K1, "pub-" + K1, None),
    ("VITE_ANALYTICS_KEY", "va-" + K1, "va-" + K1, None),
    ("SENTRY_DSN", "https://a1b2c3@o1.ingest.sentry.example/1", "https://a1b2c3@o1.ingest.sentry.example/1", None),
    ("SMTP_PASSWORD", "SG." + K2, "SG." + K2, SHARED),
    ("JWT_AUDIENCE", "https://harbor.example/", "https://harbor.example/", None),
    ("TOKEN_TTL_SECONDS", "86400", "86400", None),
    ("AUTH_PROVIDER", "keycloak", "keycloak", None),
    ("PASSWORD_MIN_LENGTH", "12", "12", None),
    ("PUBLIC_API_URL", "https://api.partner.example/v2", "https://api.partner.example/v2", None),
    ("FEATURE_NEW_CHECKOUT", "true", "true", None),
    ("SLACK_WEBHOOK_URL", SLACK, SLACK, SHARED),
    ("SIGNING_PEM", PEM, PEM, SHARED),
    ("BASIC_AUTH", "admin:" + K1 + "n", "admin:" + K1 + "n", SHARED),
    ("ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", SHARED),
    ("NEXTAUTH_SECRET", "changeme", "changeme", None),
    ("EMPTY_API_KEY", "", "", None),
    ("VAULT_PASSWORD", "op://harbor/item/field", "op://harbor/item/field", None),
    ("GOOGLE_CLIENT_ID", "1234567890-abcdefg.apps.example", "1234567890-abcdefg.apps.example", None),
    ("POSTHOG_API_KEY", "phc_" + K2 + K1, "phc_" + K2 + K1, None),
    ("ADMIN_EMAIL", "ops@harbor.example", "ops@harbor.example", None),
    # The same backend.
    ("DATABASE_URL", f"postgresql://a:{K1}x@db.neon.example:5432/shop", f"postgresql://b:{K2}x@db.neon.example/shop", BACKEND),
    ("REPORTS_DATABASE_URL", f"postgresql://a:{K1}y@db.neon.example/shop_staging", f"postgresql://a:{K2}y@db.neon.example/shop_production", None),
    ("CACHE_URL", f"redis://:{K1}r@cache.example:6379/0", f"redis://:{K2}r@cache.example:6379", BACKEND),
    ("QUEUE_REDIS_URL", f"redis://:{K1}s@cache.example:6379/2", f"redis://:{K2}s@cache.example:6379/3", None),
    ("BROKER_URL", f"amqps://a:{K1}q@rabbit.example/jobs", f"amqps://b:{K2}q@rabbit.example/jobs", BACKEND),
    ("EVENTS_BROKER_URL", f"amqps://a:{K1}p@rabbit.example/stg", f"amqps://b:{K2}p@rabbit.example/prd", None),
    ("MONGO_URL", f"mongodb+srv://a:{K1}m@cluster.mongo.example/shop", f"mongodb+srv://b:{K2}m@cluster.mongo.example/shop", BACKEND),
    ("AWS_STORAGE_BUCKET_NAME", "harbor-media", "harbor-media", BACKEND),
    ("BACKUP_BUCKET", "harbor-backups-staging", "harbor-backups-production", None),
    ("STRIPE_OTHER_API_KEY", "sk_live_" + K2 + "a", "sk_live_" + K2 + "b", BACKEND),
    ("JDBC_URL", "jdbc:mysql://mysql.example:3306/shop?user=a", "jdbc:mysql://mysql.example/shop?user=b", BACKEND),
    ("POOLED_DATABASE_URL", f"postgres://a:{K1}o@ep-x-pooler.eu.aws.neon.tech/shop", f"postgres://a:{K2}o@ep-x.eu.aws.neon.tech/shop", BACKEND),
    ("OTHER_MONGO_URL", f"mongodb://a:{K1}n@m1.example,m2.example/shop", f"mongodb://b:{K2}n@m2.example:27017,m3.example/shop", BACKEND),
    ("KAFKA_BROKERS", "k1.example:9092,k2.example:9092", "k1.example:9092,k2.example:9092", BACKEND),
    ("BACKUP_URL", "s3://harbor-backups/daily", "s3://harbor-backups/daily", BACKEND),
    ("SQLITE_URL", "sqlite:///data/app.db", "sqlite:///data/app.db", None),
    ("LOCAL_DATABASE_URL", f"postgres://a:{K1}l@localhost:5432/shop", f"postgres://a:{K2}l@localhost:5432/shop", None),
    ("INTERNAL_DATABASE_URL", f"postgres://a:{K1}i@postgres.railway.internal:5432/railway",
     f"postgres://a:{K2}i@postgres.railway.internal:5432/railway", None),
]


@cases_of([(key, left, right, expected) for key, left, right, expected in VALUES])
def shared_values(key, left, right, expected):
    with project(f"shared: {key}", two_sides({key: left, "A": "1"}, {key: right, "A": "1"})) as it:
        report = Comparison(it, code=1 if expected else 0, requests=2)
        report.expect(*([(*expected, key, "api")] if expected else []))


@case
def all_shared_values_at_once():
    """Each value is judged by itself: the others do not change the outcome."""
    left, right = ({row[0]: row[side] for row in VALUES} for side in (1, 2))
    with project("all shared values", two_sides(left, right)) as it:
        Comparison(it, code=1, requests=2).expect(*((*row[3], row[0], "api") for row in VALUES if row[3]))


def api_findings(*found):
    return [(*one, "api") for one in found]


ONLY = ("missing-in-environment", "warning")
# What several variables say together: in staging, in production, expected findings.
GROUPS = [
    ("another database of a host", {"PGHOST": "db.example", "PGDATABASE": "stg"}, {"PGHOST": "db.example", "PGDATABASE": "prd"}, []),
    ("another port of a host", {"PGHOST": "db.example", "PGPORT": "5432"}, {"PGHOST": "db.example", "PGPORT": "5433"}, []),
    ("the same database of a host", {"PGHOST": "db.example", "PGDATABASE": "shop"}, {"PGHOST": "db.example", "PGDATABASE": "shop"}, [(*BACKEND, "PGHOST")]),
    ("another number of a Redis", {"REDIS_HOST": "c.example", "REDIS_DB": "1"}, {"REDIS_HOST": "c.example", "REDIS_DB": "2"}, []),
    ("the same Redis", {"REDISHOST": "c.example", "REDISPORT": "6379"}, {"REDISHOST": "c.example", "REDISPORT": "6379"}, [(*BACKEND, "REDISHOST")]),
    ("a bucket at another provider", {"S3_BUCKET": "media", "S3_ENDPOINT": "https://a.example"}, {"S3_BUCKET": "media", "S3_ENDPOINT": "https://b.example"}, []),
    ("a bucket at one provider", {"S3_BUCKET": "media", "S3_ENDPOINT": "https://a.example"}, {"S3_BUCKET": "media", "S3_ENDPOINT": "https://a.example"},
     [(*BACKEND, "S3_BUCKET")]),
    ("a backend under another key", {"DATABASE_URL": f"postgres://a:{K1}@db.example/shop"}, {"DB_MAIN": f"postgres://a:{K2}@db.example/shop"},
     [(*BACKEND, "DATABASE_URL"), (*ONLY, "DATABASE_URL"), (*ONLY, "DB_MAIN")]),
    ("a secret under another key", {"SECRET_KEY": K1}, {"JWT_SECRET": K1}, [(*SHARED, "SECRET_KEY"), (*ONLY, "SECRET_KEY"), (*ONLY, "JWT_SECRET")]),
    ("a backend through references", {"DATABASE_URL": "${{shared.DB}}"}, {"DATABASE_URL": "${{shared.DB}}"}, [(*BACKEND, "DATABASE_URL")]),
    ("a secret through references", {"API_SECRET": "${{shared.API}}"}, {"API_SECRET": "${{shared.API}}"}, [(*SHARED, "API_SECRET")]),
    ("a secret through one reference", {"API_SECRET": "${{shared.API}}"}, {"API_SECRET": K1}, [(*SHARED, "API_SECRET")]),
    ("references in other spelling", {"TOPIC": "${{shared.TOPIC}}/x"}, {"TOPIC": "${{ shared.TOPIC }}/x"}, []),
    ("other references", {"TOPIC": "${{shared.TOPIC}}"}, {"TOPIC": "${{shared.OTHER}}"}, []),
    ("a word by reference and literal", {"TOPIC": "${{shared.TOPIC}}"}, {"TOPIC": "orders"}, [("reference-and-literal", "note", "TOPIC")]),
    ("sealed in one", {"API_SECRET": {"value": K1, "sealed": True}}, {"API_SECRET": K1}, []),
    ("sealed in both", {"API_SECRET": {"value": K1, "sealed": True}}, {"API_SECRET": {"value": K1, "sealed": True}}, []),
    ("sealed in the first only", {"API_SECRET": {"value": K1, "sealed": True}}, {}, [("sealed-not-copied", "warning", "API_SECRET")]),
    ("a port", {"PORT": "8080"}, {"PORT": "3000"}, []),
    ("an ordinary difference", {"WORKERS": "2"}, {"WORKERS": "8"}, []),
    ("system variables", {"RAILWAY_SERVICE_NAME": "other"}, {}, []),
]


@cases_of(GROUPS)
def groups_of_variables(name, left, right, expected):
    scenario = two_sides({**left, "A": "1"}, {**right, "A": "1"})
    for side in scenario["projects"][0]["environments"]:
        side["shared"] = {"DB": f"postgres://a:{K1}@db.example/shop", "API": K1, "TOPIC": "orders", "OTHER": "orders"}
    with project(f"group: {name}", scenario) as it:
        code = 1 if any(one[1] == "error" for one in expected) else 0
        Comparison(it, code=code, requests=2).expect(*api_findings(*expected))


@case
def agreement_allows_sharing():
    keys = [row[0] for row in VALUES if row[3]]
    left, right = ({row[0]: row[1] for row in VALUES if row[3]} for _ in BOTH)
    with project("agreed", two_sides(left, right), across("agree", *keys)) as it:
        Comparison(it, code=0, requests=2).expect()


@cases_of([("Postgres", "postgresql://postgres:{}@gondola.proxy.rlwy.net:31877/railway", "DB_DSN"),
           ("another scheme", "postgres://postgres:{}@gondola.proxy.rlwy.net:31877/railway?sslmode=require", "DATABASE_URL")])
def literal_leads_to_database_of_production(name, url, key):
    """Under any key, in any service, if only production's own variables have the address."""
    scenario = pull_request()
    instance_of(scenario, "staging", "worker")["variables"][key] = url.format("tG6yHu2JiK9oLp4Z")
    instance_of(scenario, "production", "worker")["variables"][key] = "${{Postgres.DATABASE_URL}}"
    with project(f"leads to production: {name}", scenario) as it:
        Comparison(it, code=1, requests=2).expect(("backend-shared", "error", key, "worker"))


# Healthy pairs ------------------------------------------------------------------------------------------------------------

@cases_of([("Django shop", django_shop), ("Node monorepo", node_monorepo)])
def healthy_pair_is_quiet(name, scenario):
    with project(f"healthy: {name}", scenario()) as it:
        report = Comparison(it, code=0, requests=2)
        loud = [one for one in report.found() if one[1] != "note"]
        it.check("no error and no warning", not loud, (loud, report.run))
        it.check("something was compared", report.report["summary"]["compared"] > 30, report.report["summary"])
        Comparison(it, "--fail-on", "warning", code=0)
        text = it.run("compare", *BOTH, code=0)
        it.check("the text is short", len(text.out.splitlines()) < 40, text)


@case
def healthy_pairs_have_no_notes():
    for name, scenario in (("Django shop", django_shop()), ("Node monorepo", node_monorepo())):
        with project(f"no notes: {name}", scenario) as it:
            Comparison(it, code=0).expect()


# Pull requests --------------------------------------------------------------------------------------------------------------

STOLEN = {"MAIL_API_KEY": LIVE, "ORDERS_DATABASE_URL": f"postgresql://postgres:tG6yHu2JiK9oLp4Z@{PROXY['domain']}:{PROXY['proxyPort']}/railway"}


@case
def pull_request_is_quiet():
    with project("a pull request", pull_request()) as it:
        Comparison(it, of=("staging", "pr-123"), code=0).expect()
        Comparison(it, of=("pr-123", "staging"), code=0).expect()
        Comparison(it, of=("production", "pr-123"), code=0).expect()


@case
def production_copied_into_pull_request():
    with project("a pull request with production's values", pull_request(**STOLEN)) as it:
        for of in (("staging", "pr-123"), ("pr-123", "staging")):
            report = Comparison(it, of=of, code=1, requests=2)
            report.expect(("secret-shared", "error", "MAIL_API_KEY", "api"), ("backend-shared", "error", "ORDERS_DATABASE_URL", "api"),
                          ("missing-in-environment", "warning", "ORDERS_DATABASE_URL", "api"))
            for rule, key in (("secret-shared", "MAIL_API_KEY"), ("backend-shared", "ORDERS_DATABASE_URL")):
                it.check(f"{key} was copied from production", "copied from production" in report.message(rule, key), report.run)
        report = Comparison(it, of=("production", "pr-123"), code=1, requests=2)
        # Production's worker has the key, too, but the copy is what is wrong.
        report.expect(("secret-shared", "error", "MAIL_API_KEY", "api"), ("backend-shared", "error", "ORDERS_DATABASE_URL", "api"),
                      ("missing-in-environment", "warning", "ORDERS_DATABASE_URL", "api"))
        for rule, key in (("secret-shared", "MAIL_API_KEY"), ("backend-shared", "ORDERS_DATABASE_URL")):
            it.check(f"{key} was copied from production", "copied from production" in report.message(rule, key), report.run)


@case
def sealed_value_is_not_in_pull_request():
    scenario = pull_request()
    instance_of(scenario, "staging", "api")["variables"]["SIGNING_KEY"] = {"value": "never-returned-4811", "sealed": True}
    with project("sealed in the base", scenario) as it:
        Comparison(it, of=("staging", "pr-123"), code=0).expect(("sealed-not-copied", "warning", "SIGNING_KEY", "api"))


# Tokens ---------------------------------------------------------------------------------------------------------------------

def tokens_of(it, kind="project"):
    return [one["token"] for one in it.server.info["tokens"] if one["kind"] == kind]


IDS = ("ee000000-0000-4000-8000-000000000001", "ee000000-0000-4000-8000-000000000002")


@cases_of([
    ("one in RAILWAY_TOKEN", ["--token", "production=OTHER_TOKEN"], PROJECT_TOKEN, BOTH),
    ("both by --token", ["--token", "staging=FIRST_TOKEN", "--token", "production=OTHER_TOKEN"], None, BOTH),
    ("both by --token, beside one", ["--token", "staging=FIRST_TOKEN", "--token", "production=OTHER_TOKEN"], PROJECT_TOKEN, BOTH),
    ("environments by id", ["--token", f"{IDS[1]}=OTHER_TOKEN"], PROJECT_TOKEN, IDS),
    ("the other order", ["--token", "production=OTHER_TOKEN"], PROJECT_TOKEN, BOTH[::-1]),
])
def project_tokens(name, flags, token, of):
    with project(f"project tokens: {name}", pair(), link=False) as it:
        first, other = tokens_of(it)
        it.variables = {"FIRST_TOKEN": first, "OTHER_TOKEN": other}
        report = Comparison(it, *flags, of=of, code=1, requests=4, token=token).expect(*PLANTED)
        it.check("each environment is read with its token", report.after["byToken"] == {"project": 4}, report.after["byToken"])


@cases_of([
    ("no second token", [], 4, ["RAILWAY_TOKEN", "--token='?production=VARIABLE"]),
    ("the same variable twice", ["--token", "staging=FIRST_TOKEN", "--token", "production=FIRST_TOKEN"], 2, ["FIRST_TOKEN", "both environments"]),
    ("the same token in two variables", ["--token", "production=FIRST_TOKEN"], 2, ["RAILWAY_TOKEN", "FIRST_TOKEN", "same token"]),
    ("another environment's token", ["--token", "staging=OTHER_TOKEN", "--token", "production=FIRST_TOKEN"], 4, ["OTHER_TOKEN", "environment staging"]),
    ("an unset variable", ["--token", "production=NO_SUCH_VARIABLE"], 4, ["NO_SUCH_VARIABLE"]),
    ("an empty variable", ["--token", "production=EMPTY_TOKEN"], 4, ["EMPTY_TOKEN"]),
    ("a third environment", ["--token", "preview=OTHER_TOKEN"], 2, ["not compared", "staging", "production"]),
    ("no equals sign", ["--token", "production"], 2, ["--token"]),
    ("no variable", ["--token", "production="], 2, ["--token"]),
    ("the token itself", ["--token", "production=9a170000-0000-4000-8000-000000000092"], 2, ["--token", "variable"]),
    ("an environment twice", ["--token", "production=OTHER_TOKEN", "--token", "production=FIRST_TOKEN"], 2, ["production"]),
    ("an account token", ["--token", "production=ACCOUNT_TOKEN"], 4, ["ACCOUNT_TOKEN", "project token"]),
    ("a rejected token", ["--token", "production=WRONG_TOKEN"], 4, ["WRONG_TOKEN"]),
])
def token_errors(name, flags, code, words):
    with project(f"token: {name}", pair(), link=False) as it:
        first, other = tokens_of(it)
        it.allowed_warnings = {"wrong-auth-header"}  # The kind of a token is found by trying it.
        it.variables = {"FIRST_TOKEN": first, "OTHER_TOKEN": other, "ACCOUNT_TOKEN": tokens_of(it, "account")[0], "EMPTY_TOKEN": "",
                        "WRONG_TOKEN": "00000000-1111-4000-8000-000000000000"}
        for form in ("text", "json"):
            run = it.run("compare", *BOTH, *flags, "--format", form, code=code, token=PROJECT_TOKEN)
            for word in words:
                it.check(f"the error names {word}", re.search(word, run.unwrapped), run)
            it.check("no finding is reported", "secret-shared" not in run.text and "missing-in" not in run.text, run)
            shown = [one for one in [*it.variables.values(), *tokens_of(it), *tokens_of(it, "account")] if one and one in run.text]
            it.check("no token is shown", not shown, run)
            it.check("the error has a help", form == "json" or "help: " in run.err or "Usage: " in run.err or "tip: " in run.err, run)


@case
def token_of_another_environment_only():
    scenario = pull_request()
    with project("token of neither environment", scenario, link=False) as it:
        production = next(one["token"] for one in scenario["tokens"] if one.get("environment") == "production")
        it.variables = {"RAILWAY_TOKEN": production}
        it.run("compare", "staging", "pr-123", code=4, token=None)


# Formats and secrecy --------------------------------------------------------------------------------------------------------

class Page(HTMLParser):
    """The elements of a page, and its text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.shown, self.attributes, self.open = collections.Counter(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.open.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.shown.append(data)


SCHEMAS = {}


def validator(it):
    if not SCHEMAS:
        SCHEMAS["report"] = jsonschema.Draft202012Validator(json.loads(it.run("schema", "report").out))
    return SCHEMAS["report"]


COMMAND = re.compile(r"::(error|warning) (file=[^,:]+,line=\d+,)?title=[a-z-]+::\S.*")


def check_format(it, form, text, findings):
    """Checks that the text is valid in its format, and lists the findings."""
    bad = {letter for letter in text if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs")}
    it.check(f"{form}: no control or invisible character", not bad, bad)
    loud = [one for one in findings if one["severity"] != "note"]
    if form == "json":
        problems = [error.message[:200] for error in validator(it).iter_errors(json.loads(text))]
        it.check("json: matches the schema", not problems, problems)
    elif form == "sarif":
        found = [one["ruleId"] for one in json.loads(text)["runs"][0]["results"]]
        it.check("sarif: each finding is a result", found == [one["code"] for one in findings], found)
        fingerprints = [one["partialFingerprints"]["doctor/v1"] for one in json.loads(text)["runs"][0]["results"]]
        it.check("sarif: distinct fingerprints", len(set(fingerprints)) == len(fingerprints), fingerprints)
    elif form == "junit":
        failures = ElementTree.fromstring(text).findall(".//failure")
        it.check("junit: there are failures if there are errors", bool(failures) == any(one["severity"] == "error" for one in findings), text)
    elif form == "github":
        lines = text.splitlines()
        it.check("github: valid commands and a last line", all(COMMAND.fullmatch(line) for line in lines[:-1])
                 and not lines[-1].startswith(("::", "##")), lines)
        it.check("github: errors and warnings only, at most ten", len(lines) - 1 == min(10, len(loud)), lines)
    elif form == "markdown":
        rest = re.sub(r"</?(details|summary|code)>|<br>|<!-- -->", "", text)
        it.check("markdown: only expected HTML", not re.search(r"(?<![\\`])<[a-z/!]", re.sub(r"`[^`\n]*`", "", rest)), rest[:3000])
    elif form == "html":
        page = Page(text)
        outside = [value for name, value in page.attributes if name in ("src", "href") and re.match(r"(https?:)?//", value or "")]
        foreign = [one for one in outside if "railway" not in one and "github.com" not in one]
        it.check("html: nothing is loaded", not foreign and not page.tags["img"], foreign)
        it.check("html: no handler", not [name for name, _ in page.attributes if name.startswith("on")], page.attributes[:20])
        it.check("html: at most one script", page.tags["script"] <= 1, page.tags)
        it.check("html: one page", page.tags["html"] == page.tags["body"] == 1, page.tags)
        keys = {str(one["key"]) for one in findings if one["key"] and one["key"].isprintable()}
        shown = "".join(page.shown)
        it.check("html: each key is shown as text", not [key for key in keys if key not in shown], keys)


def check_all_formats(it, of, code):
    findings = Comparison(it, of=of, code=code).report["findings"]
    for form in FORMATS:
        for detail in ([], ["-v"]):
            run = it.run("compare", *of, "--format", form, *detail, code=code)
            check_format(it, form, run.out, findings)
        it.new_files |= {"report"}
        run = it.run("compare", *of, "--format", form, "--output", "report", code=code)
        it.check(f"{form}: nothing is printed besides the file", not run.out, run)
        text = (it.path / "report").read_text(encoding="utf-8")
        check_format(it, form, text, findings)
        shown = [value for value in it.values if value in text]
        it.check(f"{form}: no value in the file", not shown, len(shown))
        (it.path / "report").unlink()


@cases_of([("pair", pair, BOTH, 1), ("hostile", hostile, (HOSTILE_LEFT, HOSTILE_RIGHT), 1), ("Django shop", django_shop, BOTH, 0)])
def every_format(name, scenario, of, code):
    with project(f"formats of {name}", scenario()) as it:
        it.variables["GITHUB_STEP_SUMMARY"] = str(it.path.parent / "home" / "summary")
        check_all_formats(it, of, code)
        summary = (it.path.parent / "home" / "summary").read_text(encoding="utf-8")
        shown = [value for value in it.values if value in summary]
        it.check("the step summary has no value", summary.startswith("### doctor: ") and not shown, summary[:500])


@case
def hostile_names_are_in_findings():
    with project("hostile names", hostile()) as it:
        report = Comparison(it, of=(HOSTILE_LEFT, HOSTILE_RIGHT), code=1)
        counts = collections.Counter((rule, severity) for rule, severity, *_ in report.found())
        names = len(it.server.project()["services"]) - 2
        expected = {("secret-shared", "error"): names, ("missing-in-environment", "warning"): 2 * names + 2, ("settings-differ", "note"): names}
        it.check("each name has its findings", counts == expected, (counts, expected))
        for run in (it.run("compare", "no-such-environment", HOSTILE_RIGHT, code=2), it.run("compare", HOSTILE_LEFT, HOSTILE_RIGHT, "--service", "::error", code=2),
                    it.run("compare", HOSTILE_LEFT, HOSTILE_LEFT, code=2), it.run("compare", HOSTILE_LEFT, HOSTILE_RIGHT, "--only", "\u001b[31m", code=2)):
            bad = {letter for letter in run.text if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf")}
            it.check("an error has no control character", not bad and not re.search(r"^::|^##\[", run.text, re.MULTILINE), run)


@case
def text_of_the_pair():
    with project("text", pair()) as it:
        run = it.run("compare", *BOTH, code=1)
        lines = run.out.splitlines()
        it.check("the first line names project and environments", all(one in lines[0] for one in ("storefront", *BOTH)), lines[0])
        positions = [run.out.find(one) for one in ("secret-shared", "missing-in-environment")]
        it.check("findings come first, errors before warnings", -1 < positions[0] < positions[1], run)
        it.check("notes are counted", re.search(r"2 errors, \d+ warnings", run.unwrapped), run)
        it.check("no line ends in whitespace", not [line for line in lines if line != line.rstrip()], run)
        verbose = it.run("compare", *BOTH, "-v", code=1)
        it.check("-v lists the notes", "settings-differ" in verbose.out and "reference-and-literal" in verbose.out, verbose)
        it.check("the number of requests is shown", re.search(r"\b2 requests", run.unwrapped), run)
        quiet = it.run("compare", *BOTH, "-q", code=1)
        it.check("-q writes no remark", not quiet.err.strip(), quiet)


@case
def every_rule_is_explained():
    with project("explain", pair()) as it:
        for rule in sorted({rule for rule, _ in RULES.values()} | {"across-violated"}):
            run = it.run("explain", rule, code=0)
            it.check(f"{rule} has an example and a fix", all(one in run.out for one in ("Example", "Fix", "Suppress")), run)


@case
def debug_record_has_no_names_and_values():
    with project("recorded", pair()) as it:
        it.new_files.add("debug.jsonl")
        it.server.call("/reset", {"keepWorld": True})
        it.run("compare", *BOTH, "--debug-api", "debug.jsonl", code=1)
        text = (it.path / "debug.jsonl").read_text()
        hidden = it.values | {one["token"] for one in it.server.info["tokens"]} | {"DATABASE_URL", "mailer", "storefront"}
        it.check("no value, token or name", not [one for one in hidden if one in text], text[:2000])
        it.check("each request has a line", len(text.splitlines()) == it.server.summary()["requests"] == 2, text[:500])


@case
def no_output_into_an_input():
    with project("output", pair(), REQUIRE) as it:
        before = it.files()
        run = it.run("compare", *BOTH, "--output", "doctor.toml", code=2)
        it.check("doctor.toml is unchanged", it.files() == before, run)


# Faults -----------------------------------------------------------------------------------------------------------------------

def times_met(it):
    return sum(one["fired"] for one in it.server.call("/faults")["faults"])


def refusal(status):
    return {"kind": "http_error", "status": status, "body": {"errors": [{"message": "Not Authorized", "traceId": "4711"}], "data": None}}


FAULTS = [
    ("401", refusal(401), 4),
    ("403", refusal(403), 4),
    ("not authorized", {"kind": "not_authorized"}, 4),
    ("Cloudflare", {"kind": "http_error", "status": 403, "body": "error code: 1010", "edge": True}, 5),
    ("rate limit", {"kind": "rate_limit", "retryAfter": 900}, 5),
    ("500", {"kind": "http_error", "status": 500}, 5),
    ("502 with a page", {"kind": "http_error", "status": 502, "html": "<html><title>x</title></html>"}, 5),
    # No failure: the body is right, whatever its type says.
    ("200 with another type", {"kind": "content_type", "contentType": "text/html"}, 1),
    ("truncated", {"kind": "truncate", "keep": 300, "contentLength": "short"}, 5),
    ("cut off", {"kind": "truncate", "keep": 300, "contentLength": "full"}, 5),
    ("garbage", {"kind": "garbage"}, 5),
    ("empty", {"kind": "empty_body"}, 5),
    ("reset before", {"kind": "reset", "phase": "before"}, 5),
    ("reset within", {"kind": "reset", "phase": "mid_body"}, 5),
    ("hang", {"kind": "hang", "seconds": 30, "then": "close"}, 5),
    ("slow", {"kind": "slow_body", "chunk": 20, "intervalMs": 200, "maxSeconds": 30}, 5),
    ("null data", {"kind": "graphql_error", "message": "Problem processing request"}, 5),
    ("no data", {"kind": "graphql_error", "message": "Problem processing request", "data": "absent"}, 5),
]


@cases_of([(f"{name}, request {nth}", fault, code, nth) for name, fault, code in FAULTS for nth in (1, 2)])
def fault(name, fault, code, nth):
    with project(f"fault: {name}", pair(), REQUIRE, faults=[{**fault, "nth": nth, "count": -1}]) as it:
        it.allowed_warnings = {"wrong-auth-header"}  # A refused token is tried in the other header.
        run = it.run("compare", *BOTH, "--format", "json", "--timeout", "4s", code=code)
        findings = json.loads(run.out).get("findings", []) if run.out else []
        found = {(one["rule"], one["severity"], one["key"] or "", *one["services"]) for one in findings}
        allowed = set(planted(NEEDED)) if code == 1 else STRUCTURE
        it.check("no finding is invented", found <= allowed, (found - allowed, run))
        it.check("the fault was met", times_met(it), run)
        it.set_faults({**fault, "nth": nth, "count": -1})
        text = it.run("compare", *BOTH, "--timeout", "4s", code=code)
        it.check("the error is shown", code == 1 or "error: " in text.text, text)
        it.check("the run does not pass", code == 1 or not re.search(r"^(ok|passed)\b|no findings|agree\b", text.out, re.IGNORECASE | re.MULTILINE), text)


@case
def passing_fault_is_retried():
    faults = [{"kind": "reset", "count": 1}, {"kind": "http_error", "status": 502, "count": 1, "after": 1}]
    with project("faults that pass", pair(), faults=faults) as it:
        report = Comparison(it, code=1)
        report.expect(*PLANTED)


@cases_of([(f"{service}, {count}", service, count) for service in ("api", "worker", "Postgres") for count in (2, 3, 4, -1)])
def partial_values(name, service, count):
    """The values of one service fail, of one environment or of both, as stored or as rendered. The second attempt, too."""
    fault = {"kind": "partial", "path": "Query.variables", "service": service, "count": count}
    with project(f"partial: {name}", pair(), faults=[fault]) as it:
        run = it.run("compare", *BOTH, "--format", "json", code=5)
        found = {(one["rule"], one["severity"], one["key"] or "", *one["services"]) for one in run.report["findings"]}
        expected = {one for one in PLANTED if not one[2] or one[3] != service}
        failed = {one["name"]: one["error"] for one in run.report["services"] if one["error"]}
        it.check("only this service has an error", set(failed) == {service}, failed)
        if service == "Postgres" and "production" in failed.get(service, ""):
            # Its address in production is unknown, so that the literal is only a literal.
            expected -= {("backend-shared", "error", "DATABASE_URL", "api")}
            expected |= {("reference-and-literal", "note", "DATABASE_URL", "api")}
        it.check("findings only of what could be read", found == expected, (found ^ expected, run))
        it.set_faults(fault)
        text = it.run("compare", *BOTH, code=5)
        it.check("the text names the service", re.search(rf"{service}.*(unreadable|could not be read|not read|failed)", text.unwrapped), text)


@cases_of([(f"{path} {service or ''} {count}", path, service, count) for count in (1, -1) for path, service in [
    ("Query.variables", None), ("Query.project", None), ("Project.environments", None), ("Environment.config", None),
    ("Environment.serviceInstances", None), ("Environment.isEphemeral", None), ("Environment.name", None), ("ServiceInstance.startCommand", "api"),
    ("ServiceInstance.cronSchedule", "cron"), ("ServiceInstance.rootDirectory", "web"), ("ServiceInstance.serviceName", "mailer")]])
def partial_responses(name, path, service, count):
    """A part of a response is an error. What it would have said is unknown, and no finding follows from it."""
    fault = {"kind": "partial", "path": path, "count": count, **({"service": service} if service else {})}
    with project(f"partial: {name}", pair(), faults=[fault]) as it:
        run = it.run("compare", *BOTH, "--format", "json", "--timeout", "8s")
        findings = json.loads(run.out).get("findings", []) if run.out else []
        found = {(one["rule"], one["severity"], one["key"] or "", *one["services"]) for one in findings}
        it.check("the fault was met", times_met(it), run)
        complete = run.code == 1 and found == set(PLANTED)
        allowed = {one for one in PLANTED if path != "Query.variables" or not one[2] or count == 1}
        # A setting is optional: it may be unknown.
        codes = (1, 4, 5) if path.startswith("ServiceInstance.") else (4, 5)
        it.check("complete, or an error without findings that follow from it", complete or run.code in codes and found <= allowed, (found, run))
        it.check("a fault that passes is met once", complete or count != 1, run)


@cases_of([("isEphemeral",), ("canAccess",), ("config",)])
def removed_field(field):
    """Railway removes a field: the comparison goes on without it, or fails with a clear error."""
    scenario = pair()
    scenario["options"] = {**scenario.get("options", {}), "removedFields": [f"Environment.{field}"]}
    with project(f"a schema without {field}", scenario) as it:
        process = it.start("compare", *BOTH, "--format", "json")  # The server counts a request for the field as a violation.
        out, err = process.communicate(timeout=60)
        findings = json.loads(out).get("findings", []) if out else []
        found = {(one["rule"], one["severity"], one["key"] or "", *one["services"]) for one in findings}
        complete = process.returncode == 1 and found == set(PLANTED)
        it.check("complete, or a clear error", complete or process.returncode == 5 and not found and field in err + out, (process.returncode, out, err))


@case
def passing_partial_values_are_read_again():
    fault = {"kind": "partial", "path": "Query.variables", "service": "api", "count": 1}
    with project("partial values that pass", pair(), faults=[fault]) as it:
        Comparison(it, code=1, requests=3, repeated=["Values"]).expect(*PLANTED)


@case
def interrupted_comparison():
    with project("interrupted", pair(), faults=[{"kind": "hang", "seconds": 30, "count": -1, "nth": 2}]) as it:
        before = it.begin()
        process = it.start("compare", *BOTH, "--format", "json")
        it.wait("the values", lambda summary: summary["requests"] >= 2)
        process.send_signal(signal.SIGINT)
        run = it.end(process, ("compare", *BOTH, "--format", "json"), before, code=130)
        it.check("no finding is reported", "missing-in-environment" not in run.text, run)


@cases_of([("first", "staging"), ("second", "production")])
def environment_without_access(name, restricted):
    scenario = pair()
    side_of(scenario, restricted)["restricted"] = True
    scenario["tokens"] = [one for one in scenario["tokens"] if one.get("environment") != restricted]
    with project(f"no access to the {name}", scenario) as it:
        run = it.run("compare", *BOTH, "--format", "json", code=4)
        it.check("the environment is named", restricted in run.text, run)
        it.check("no finding", not (run.report or {}).get("findings"), run)


@case
def deleted_environment():
    scenario = pair()
    side_of(scenario, "production")["deletedAt"] = "-2d"
    with project("a deleted environment", scenario) as it:
        it.run("compare", *BOTH, code=2)


# Size and the demo --------------------------------------------------------------------------------------------------------

@cases_of([("twenty services", 20, 2), ("twenty-one services", 21, 3)])
def requests_for_services(name, services, requests):
    with project(name, large(services, 5)) as it:
        it.values = {"the same everywhere"}
        report = Comparison(it, code=0, requests=requests).expect()
        it.check("everything is compared", report.report["summary"]["compared"] == services * 5, report.report["summary"])


MEASURE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], "w").write(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
sys.exit(code)
"""


@case
def size():
    with project("a hundred services", large()) as it:
        it.values = {"the same everywhere"}  # The others are 20 000, and like words.
        record = it.path.parent / "home" / "usage"
        start = time.monotonic()
        report = Comparison(it, code=0, owner=(sys.executable, "-c", MEASURE, str(record)))
        elapsed = time.monotonic() - start
        report.expect()
        it.check("everything is compared", report.report["summary"]["compared"] == 100 * 100, report.report["summary"])
        it.check("it takes less than 10 s", elapsed < 10, elapsed)
        processor, memory = json.loads(record.read_text())
        it.check("it needs less than 256 MiB", memory < 256, memory)
        print(f"100 services x 2 environments x 100 variables: {elapsed:.2f} s, {processor:.2f} s of processor time, {memory:.0f} MiB, "
              f"{report.after['requests']} requests", flush=True)


DEMO = [
    ("secret-shared", "error", "PAYMENTS_SECRET_KEY", "api"), ("backend-shared", "error", "DATABASE_URL", "api"),
    ("missing-in-environment", "error", "EVENTS_TOPIC", "worker"), ("sealed-not-copied", "warning", "TOKEN_SIGNING_KEY", "api"),
    ("missing-in-environment", "warning", "APM_LICENSE_KEY", "api"), ("missing-in-environment", "warning", "DEBUG_PANEL", "api"),
    ("missing-in-environment", "warning", "", "mailer"), ("reference-and-literal", "note", "REDIS_URL", "worker"),
    ("settings-differ", "note", "", "worker"), ("settings-differ", "note", "", "cron")]


DEMO_VALUES = ["Vb4tKq8LmZr2Xw7C", "yN6dPf3HsJ9aGe5T", "cU8wRk1BvQ5xMz4D", "tL2hSg7FjY9pEo6A", "pay_9fT3kWq7ZbV1mXs5Rc8LdN2h", "apm-6Hn2Vt9KqXw4Zr7B",
               "Wk5rBz8qTn1vHc4xJd7m", "gP3yLf9sUa6eKo2tXw8Q", "mR7cJv2nDh5zWq8bTk4S", "shinkansen.proxy", "gondola.proxy", "storefront.example", "storefront.tasks", "30 2 * * *"]


@case
def demo():
    with project("demo", pair(), link=False) as it:
        variables = {"PATH": os.environ["PATH"], "HOME": str(it.path.parent / "home")}
        for of in (BOTH, ()):
            for form in FORMATS:
                arguments = ["demo", "compare", *of, "--format", form]
                run = subprocess.run([DOCTOR, *arguments], cwd=it.path, env=variables, capture_output=True, text=True, timeout=60)
                it.check(f"{arguments} fails", run.returncode == 1, run)
                it.check(f"{arguments} shows no value", not [one for one in DEMO_VALUES if one in run.stdout + run.stderr], run)
                if form == "json":
                    findings = json.loads(run.stdout)["findings"]
                    found = collections.Counter((one["rule"], one["severity"], one["key"] or "", *one["services"]) for one in findings)
                    wanted = collections.Counter(DEMO)
                    it.check("exactly the mistakes of the demo", found == wanted, (found - wanted, wanted - found))
        for form in FORMATS:
            out = subprocess.run([DOCTOR, "demo", "compare", *BOTH, "--format", form], cwd=it.path, env=variables, capture_output=True, text=True).stdout
            check_format(it, form, out, findings)
        it.check("no request is sent", it.server.summary()["requests"] == 0, it.server.summary()["requests"])


if __name__ == "__main__":
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    run_all([entry for entry in cases if wanted in entry[0]])
