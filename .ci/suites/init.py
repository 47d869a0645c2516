#!/usr/bin/env python3
"""Tests `doctor init` against the independent simulated Railway, with `--yes` and on a pseudo-terminal, with many scenarios in parallel.

    init.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run. The written file must be valid for Python's `tomllib` and for `doctor check`,
and must not change the findings.
"""
import contextlib
import json
import os
import resource
import subprocess
import sys
import tomllib

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_checks import DOCTOR
from server_cases import INCIDENT_ENV, SCENARIOS, case, cases, cases_of, incident, run_all, production, three_services, world
from server_estates import env_of, estate, deployment, service

ENTER, BACK, INTERRUPT = "\r", "\x1b", "\x03"
JWT, STRIPE, SMTP = "jwt-value-4711-of-all", "sk_test_value-4712-of-stripe", "smtp-value-4713-of-mail"
WEIRD = json.loads((SCENARIOS / "weird.json").read_text(encoding="utf-8"))
HOSTILE = ['a"]\nname = "x', "a\\b'''", "[services.x]", "日本\u202eサービス", "API", "api", "# not a comment", "--yes", "$(touch pwned)",
           "a\tb\x1b[31m", "x" * 90, "a.b", "\u3164"]


def hostile():
    return estate(*(service(name, {"JWT_KEY": JWT, 'ODD"]KEY': "odd-value-4714"}, deployment()) for name in HOSTILE), environment='st"a]\nge')


def shop(environment="preview"):
    """Returns services with equal keys, expected differences, references, drift, sealed keys, and keys on one side only."""
    common = {"JWT_KEY": JWT, "SMTP_PASSWORD": "smtp-value-old-of-mail", "PORT": "8080"}
    return estate(
        service("shop-web", {**common, "DATABASE_URL": "${{Postgres.DATABASE_URL}}", "STRIPE_KEY": "sk_live_value-4715"}, deployment()),
        service("shop-jobs", {**common, "CACHE_URL": {"value": "sealed-cache-4716", "sealed": True}}, deployment()),
        service("Postgres", {"DATABASE_URL": "postgres://u:password-4717@db.internal/x"}, deployment(), image="postgres:16"),
        environment=environment)


SHOP = env_of(JWT_KEY=JWT, SMTP_PASSWORD=SMTP, STRIPE_KEY=STRIPE, PORT="3000", DATABASE_URL="postgres://u:pw-4718-local@localhost/x",
              CACHE_URL="redis://localhost:6379/9", ONLY_HERE="only-here-4719")
WEIRD_ENV = "K=k\nPLAIN=plain\nDOLLARS='other $HOME'\nUNICODE=x\n"
ESTATES = [
    ("incident", incident, INCIDENT_ENV), ("three services", three_services, INCIDENT_ENV),
    ("production", production, INCIDENT_ENV), ("shop", shop, SHOP), ("hostile names", hostile, env_of(JWT_KEY=JWT)),
    ("weird", lambda: WEIRD, WEIRD_ENV), ("nothing shared", shop, "ELSEWHERE=1\n"), ("empty file", shop, ""),
    ("one service", lambda: estate(service("web", {"JWT_KEY": JWT}, deployment())), env_of(JWT_KEY=JWT)),
    ("no service", lambda: estate(), env_of(JWT_KEY=JWT)),
    ("forty services", lambda: estate(*(service(f"shop-{one}-eu", {"JWT_KEY": JWT}, deployment()) for one in range(40))), env_of(JWT_KEY=JWT)),
]


@contextlib.contextmanager
def init_world(name, scenario, env, git=False, **how):
    """Creates a scenario and a working directory for init; with `git`, it is a repository that ignores nothing."""
    with world(name, scenario, env, **how) as it:
        it.new_files |= {"doctor.toml"}
        it.variables = {"TERM": "xterm-256color"}
        if git:
            subprocess.run(["git", "init", "-q"], cwd=it.path, check=True)
            it.new_files |= {".gitignore"}
        yield it


def errors(run):
    """Returns the errors of a check as (rule, key, services)."""
    return {(one["rule"], one["key"], tuple(one["services"])) for one in run.report["findings"] if one["severity"] == "error"}


def take_request_count(it):
    """Returns the number of requests since the last call, and checks that none was a mutation."""
    summary = it.server.summary()
    it.check("no mutation", not summary["mutations"], summary["mutations"])
    it.server.call("/reset", {"keepWorld": True})
    return summary["requests"]


def read_config(it, services=None):
    """Parses the written file, and checks that it has only existing names and no value."""
    text = (it.path / "doctor.toml").read_text(encoding="utf-8")
    config = tomllib.loads(text)
    it.check("the file has no value", not [value for value in it.values if value in text], text)
    it.check("the file has no invisible characters", all(one == "\n" or one.isprintable() for one in text.replace("\u3164", "?")), text)
    project = it.server.project()
    names = {*project["services"], *project["services"].values()}
    it.check("it has the project's id", config["project"] == project["id"], text)
    it.check("it has only services of the project", {one["name"] for one in config.get("services", {}).values()} <= names, text)
    if services is not None:
        it.check("it has the expected services", {alias: one["name"] for alias, one in config["services"].items()} == services, text)
    return config


def check_same_errors(it, before):
    """Checks that `doctor check` accepts the file and finds the same errors as before."""
    take_request_count(it)
    after = it.run("check", "--config", "doctor.toml", "--format", "json")
    it.check("check has the same exit code", after.code == before.code or after.code == 0, (before.code, after))
    it.check("at most two requests for twenty services", take_request_count(it) <= 2 + len(after.report["services"]) // 20, after)
    it.check("no error is new", errors(after) <= errors(before), (errors(after) - errors(before), after))
    gone = {key for _, key, _ in errors(before) - errors(after)}
    ignored = tomllib.loads((it.path / "doctor.toml").read_text(encoding="utf-8")).get("ignore", [])
    it.check("only ignored errors are missing", gone <= {key for one in ignored for key in one["keys"]}, (gone, ignored, after))


@cases_of(ESTATES)
def with_yes(name, scenario, env):
    with init_world(f"yes: {name}", scenario(), env) as it:
        before = it.run("check", "--format", "json")
        check_requests = take_request_count(it)
        run = it.run("init", "--yes", code=0)
        it.check("init sends as many requests as a check", take_request_count(it) == check_requests, run)
        it.check("the whole file is shown", (it.path / "doctor.toml").read_text() in run.out, run)
        it.check("the file is accepted", "and accepted it for project" in run.unwrapped, run)
        config = read_config(it)
        it.check("only production is protected", ("environments" in config) == (name == "production"), config)
        check_same_errors(it, before)
        files = it.files()
        run = it.run("init", "--yes", code=0)
        it.check("a second run changes nothing", "there is nothing to add" in run.out and it.files() == files, run)
        take_request_count(it)


# In a terminal ----------------------------------------------------------------------------------------------------------

QUESTIONS = ("Which env file", "Which services", "Which keys must", "differences are expected?", " differ? ", "Write doctor.toml?")


def answer_prompts(it, replies=None, *, until=None, code=0, columns=110):
    """Answers each prompt with its keys, by default Enter. `until` is the index of the prompt at which Ctrl-C is pressed."""
    prompts = []

    def reply(shown):
        # The last answer is drawn again before the next prompt.
        question = max(QUESTIONS, key=shown.rfind)
        if question not in shown or prompts[-1:] == [question] != [" differ? "]:
            return None
        prompts.append(question)
        keys = (replies or {}).get(question, ENTER)
        return INTERRUPT if until == len(prompts) - 1 else keys.pop(0) if isinstance(keys, list) else keys

    run = it.interact("init", reply=reply, code=code, columns=columns)
    it.check("the cursor is visible again", run.out.rfind("\x1b[?25h") >= run.out.rfind("\x1b[?25l"), run)
    return run, prompts


@cases_of(ESTATES)
def accept_all_suggestions(name, scenario, env):
    """Enter at every prompt writes the same file as `--yes`."""
    with init_world(f"terminal: {name}", scenario(), env) as it:
        before = it.run("check", "--format", "json")
        it.run("init", "--yes", code=0)
        suggested = it.path / "doctor.toml"
        expected = suggested.read_bytes()
        suggested.unlink()
        check_requests = take_request_count(it)
        run, prompts = answer_prompts(it)
        it.check("the file is the same", suggested.read_bytes() == expected, run.out)
        it.check("the last prompt is the confirmation", prompts[-1] == "Write doctor.toml?" and prompts.count("Write doctor.toml?") == 1, prompts)
        it.check("there are at most six prompts", len(prompts) <= 6, prompts)
        it.check("init sends no more requests than a check", take_request_count(it) <= check_requests, run)
        read_config(it)
        check_same_errors(it, before)


@case
def changed_answers():
    """Another service, a required key, a reason, and a line in .gitignore."""
    with init_world("changed answers", shop(), SHOP, git=True) as it:
        replies = {
            # Selects the database, the third service, as well.
            "Which services": "\x1b[B\x1b[B \r",
            "differences are expected?": "\x1b[A \r",
            " differ? ": "\x7f" * 40 + "one \"word\"\r",
        }
        run, prompts = answer_prompts(it, replies, columns=60)
        config = read_config(it, {"web": "shop-web", "jobs": "shop-jobs", "postgres": "Postgres"})
        it.check("equal secrets are required", config["require"] == [{"keys": ["JWT_KEY"], "services": ["jobs", "web"]}], config)
        it.check("the reason is as typed", any(one["reason"] == 'one "word"' for one in config["ignore"]), (config, run))
        it.check(".gitignore has the line", (it.path / ".gitignore").read_text() == "/.env\n" and "/.env to .gitignore" in run.out, run)
        it.check("git ignores the file", subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=it.path, check=False).returncode == 0)
        it.run("check", code=0)


@cases_of([(f"prompt {number}", number) for number in range(5)])
def ctrl_c(_, number):
    with init_world(f"Ctrl-C at prompt {number}", shop(), SHOP, git=True) as it:
        (it.path / ".env.local").write_text("JWT_KEY=x\n")
        before = it.files()
        run, prompts = answer_prompts(it, until=number, code=130)
        it.check("Ctrl-C was at that prompt", len(prompts) == number + 1, prompts)
        it.check("no file was written", it.files() == before, run)
        it.check("no trust is recorded", not list((it.path.parent / "home" / "state").rglob("*.trust")))
        it.check("the interruption is reported once", run.out.count("doctor: interrupted; nothing was changed") == 1, run)
        it.check("no mutation is sent", not run.mutations)


@case
def esc_cancels():
    with init_world("Esc", shop(), SHOP) as it:
        before = it.files()
        run, _ = answer_prompts(it, {"Which services": BACK}, code=2)
        it.check("Esc cancels", "cancelled; nothing was changed" in run.out and it.files() == before, run)
        run, _ = answer_prompts(it, {"Write doctor.toml?": "n\r"}, code=2)
        it.check("declining cancels", "cancelled; nothing was changed" in run.out and it.files() == before, run)


# Errors -------------------------------------------------------------------------------------------------

@case
def no_terminal():
    with init_world("no terminal", shop(), SHOP) as it:
        before = it.files()
        run = it.run("init", code=2)
        it.check("the file is shown and not written", "[services.web]" in run.out and it.files() == before, run)
        it.check("the error has four lines", len([line for line in run.err.splitlines() if line]) == 4, run)
        command = run.command()
        it.check("the command is printed", command[:2] == ["init", "--yes"], run)
        it.run(*command[:2], code=0)


@cases_of([("invalid file", lambda path: path.write_text("not TOML\n")), ("directory", lambda path: path.mkdir()),
           ("link to nothing", lambda path: path.symlink_to("elsewhere")), ("link", lambda path: path.symlink_to(".env")),
           ("pipe", os.mkfifo)])
def unusable_file(name, make):
    with init_world(f"existing {name}", shop(), SHOP) as it:
        make(it.path / "doctor.toml")
        before = {path.name: path.lstat().st_ino for path in it.path.iterdir()}
        for arguments in (("init", "--yes"), ("init",)):
            run = subprocess.run([DOCTOR, *arguments], cwd=it.path, capture_output=True, text=True, check=False,
                                 env={"PATH": os.environ["PATH"], "HOME": str(it.path.parent / "home")}, timeout=20)
            it.check("the existing entry is reported", run.returncode == 2 and "doctor.toml" in run.stderr, run)
        it.check("the directory is unchanged", {path.name: path.lstat().st_ino for path in it.path.iterdir()} == before)
        it.check("no request is sent", take_request_count(it) == 0)


@case
def additions_to_existing_file():
    """New sections follow the unchanged bytes of the existing file."""
    with init_world("additions", shop(), SHOP) as it:
        old = b"\xef\xbb\xbf# mine\r\n[services.site]\r\nname = 'shop-web'\r\n# end"
        (it.path / "doctor.toml").write_bytes(old)
        before = it.run("check", "--format", "json")
        it.run("init", code=2)
        it.check("nothing is written without confirmation", (it.path / "doctor.toml").read_bytes() == old)
        it.run("init", "--yes", code=0)
        new = (it.path / "doctor.toml").read_bytes()
        it.check("the old bytes are kept", new.startswith(old) and new.count(b"\n") == new.count(b"\r\n"), new)
        config = tomllib.loads(new.decode("utf-8-sig"))
        it.check("the new service is added", config["services"].keys() == {"site", "jobs"}, config)
        it.check("equal secrets are required", config["require"] == [{"keys": ["JWT_KEY"], "services": ["site", "jobs"]}], config)
        after = it.run("check", "--format", "json")
        it.check("the first service has no new error", {one for one in errors(after) if "shop-jobs" not in one[2]} <= errors(before), after)


@case
def full_disk():
    """Simulated by a file size limit that is reached while the file is written."""
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    with init_world("full", shop(), SHOP) as it:
        before = it.files()
        process = subprocess.Popen([DOCTOR, "init", "--yes", "--api-url", it.server.info["url"]], cwd=it.path, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limited, restore_signals=False,
                                   env={"PATH": os.environ["PATH"], "HOME": str(it.path.parent / "home"), "RAILWAY_API_TOKEN": it.server.token("account")})
        out, err = process.communicate(timeout=60)
        it.check("the failure is reported", process.returncode == 2 and "failed to change doctor.toml" in err and "nothing was written" in err, (out, err))
        it.check("no partial file is left", it.files() == before, it.files().keys())


@case
def railway_fails():
    for fault, code in (({"kind": "http_error", "status": 503, "count": -1}, 5), ({"kind": "hang", "seconds": 30, "then": "close"}, 5)):
        with init_world(f"fails: {fault['kind']}", shop(), SHOP, faults=[fault]) as it:
            before = it.files()
            run = it.run("init", "--yes", "--timeout", "2s", code=code)
            it.check("no file is written", it.files() == before, run)


@case
def from_init_to_passing_check():
    """init, a push of the key that differs, and a check without findings."""
    with init_world("from init to a passing check", incident(), INCIDENT_ENV) as it:
        it.run("init", "--yes", code=0)
        it.run("fix", "--push", "--yes", code=2)
        it.run("fix", "--push", "--yes", "--only", "STAGING_OPS_API_KEY", code=0)
        it.stores_and_runs("staging-ops-step3-key-2026")
        it.run("check", code=0)


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
run_all([entry for entry in cases if wanted in entry[0]])
