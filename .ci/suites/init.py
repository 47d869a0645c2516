#!/usr/bin/env python3
"""Holds `doctor init` to the independent simulated Railway, with `--yes` and at a real pseudo-terminal, in many worlds at the same time.

    init.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

Every run is held to what holds for all of them (server_cases.py): no value in any output, no other file than the one. Whatever
it writes is read by Python's own TOML, taken by `doctor check` as it is, and finds nothing that was not found before.
"""
import contextlib
import json
import os
import resource
import subprocess
import sys
import tomllib

sys.dont_write_bytecode = True  # This folder is for sources.
from server_checks import DOCTOR
from server_cases import INCIDENT_ENV, SCENARIOS, case, cases, cases_of, incident, play_all, production, three_services, world
from server_estates import env_of, estate, ran, service

ENTER, BACK, INTERRUPT = "\r", "\x1b", "\x03"
JWT, STRIPE, SMTP = "jwt-value-4711-of-everybody", "sk_test_value-4712-of-stripe", "smtp-value-4713-of-mail"
WEIRD = json.loads((SCENARIOS / "weird.json").read_text(encoding="utf-8"))
HOSTILE = ['a"]\nname = "x', "a\\b'''", "[services.x]", "日本\u202eサービス", "API", "api", "# not a comment", "--yes", "$(touch pwned)",
           "a\tb\x1b[31m", "x" * 90, "a.b", "\u3164"]


def hostile():
    return estate(*(service(name, {"JWT_KEY": JWT, 'ODD"]KEY': "odd-value-4714"}, ran()) for name in HOSTILE), environment='st"a]\nge')


def shop(environment="preview"):
    """Keys that agree, that differ as expected, by reference and by mistake, that are sealed, and that are here or there alone."""
    common = {"JWT_KEY": JWT, "SMTP_PASSWORD": "smtp-value-old-of-mail", "PORT": "8080"}
    return estate(
        service("shop-web", {**common, "DATABASE_URL": "${{Postgres.DATABASE_URL}}", "STRIPE_KEY": "sk_live_value-4715"}, ran()),
        service("shop-jobs", {**common, "CACHE_URL": {"value": "sealed-cache-4716", "sealed": True}}, ran()),
        service("Postgres", {"DATABASE_URL": "postgres://u:password-4717@db.internal/x"}, ran(), image="postgres:16"),
        environment=environment)


SHOP = env_of(JWT_KEY=JWT, SMTP_PASSWORD=SMTP, STRIPE_KEY=STRIPE, PORT="3000", DATABASE_URL="postgres://u:pw-4718-local@localhost/x",
              CACHE_URL="redis://localhost:6379/9", ONLY_HERE="only-here-4719")
WEIRD_ENV = "K=k\nPLAIN=plain\nDOLLARS='other $HOME'\nUNICODE=x\n"
ESTATES = [
    ("incident", incident, INCIDENT_ENV), ("three services", three_services, INCIDENT_ENV),
    ("production", production, INCIDENT_ENV), ("shop", shop, SHOP), ("hostile names", hostile, env_of(JWT_KEY=JWT)),
    ("weird", lambda: WEIRD, WEIRD_ENV), ("nothing shared", shop, "ELSEWHERE=1\n"), ("empty file", shop, ""),
    ("one service", lambda: estate(service("web", {"JWT_KEY": JWT}, ran())), env_of(JWT_KEY=JWT)),
    ("no service", lambda: estate(), env_of(JWT_KEY=JWT)),
    ("forty services", lambda: estate(*(service(f"shop-{one}-eu", {"JWT_KEY": JWT}, ran()) for one in range(40))), env_of(JWT_KEY=JWT)),
]


@contextlib.contextmanager
def place(name, scenario, env, git=False, **how):
    """A world, and a folder in which a doctor.toml may appear; `git`: it is a repository that ignores nothing."""
    with world(name, scenario, env, **how) as it:
        it.makes |= {"doctor.toml"}
        it.variables = {"TERM": "xterm-256color"}
        if git:
            subprocess.run(["git", "init", "-q"], cwd=it.path, check=True)
            it.makes |= {".gitignore"}
        yield it


def found(run):
    """What a check found that is an error, and for whom."""
    return {(one["rule"], one["key"], tuple(one["services"])) for one in run.report["findings"] if one["severity"] == "error"}


def looked(it):
    """How often Railway was asked since the last time, and that nothing was changed."""
    summary = it.server.summary()
    it.check("no mutation", not summary["mutations"], summary["mutations"])
    it.server.ask("/reset", {"keepWorld": True})
    return summary["requests"]


def written(it, services=None):
    """The file, as Python reads it; it names what is there, and no value."""
    text = (it.path / "doctor.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    it.check("no value is in it", not [value for value in it.values if value in text], text)
    it.check("nothing in it is hidden", all(one == "\n" or one.isprintable() for one in text.replace("\u3164", "?")), text)
    project = it.server.project()
    names = {*project["services"], *project["services"].values()}
    it.check("it names the project by its id", read["project"] == project["id"], text)
    it.check("it names services of it", {one["name"] for one in read.get("services", {}).values()} <= names, text)
    if services is not None:
        it.check("it names these services", {alias: one["name"] for alias, one in read["services"].items()} == services, text)
    return read


def holds(it, before):
    """`check` takes it as it is, and finds no error that it had not found before."""
    looked(it)
    after = it.run("check", "--config", "doctor.toml", "--format", "json")
    it.check("check ends as before", after.code == before.code, (before.code, after))
    it.check("two requests for twenty services", looked(it) <= 2 + len(after.report["services"]) // 20, after)
    it.check("no error is new", found(after) <= found(before), (found(after) - found(before), after))
    it.check("no error is gone", found(before) <= found(after), (found(before) - found(after), after))


@cases_of(ESTATES)
def with_yes(name, scenario, env):
    with place(f"yes: {name}", scenario(), env) as it:
        before = it.run("check", "--format", "json")
        needed = looked(it)
        run = it.run("init", "--yes", code=0)
        it.check("as many requests as a check", looked(it) == needed, run)
        it.check("the whole file is shown", (it.path / "doctor.toml").read_text() in run.out, run)
        it.check("it is accepted", "and accepted it for project" in run.words, run)
        read = written(it)
        it.check("production is protected", ("environments" in read) == (name == "production"), read)
        holds(it, before)
        kept = it.files()
        it.run("init", "--yes", code=2)
        it.check("a second one asks nobody and changes nothing", looked(it) == 0 and it.files() == kept)


# At a terminal ----------------------------------------------------------------------------------------------------------

QUESTIONS = ("Which file", "Which services?", "must stay equal", "differ on purpose?", " differ? ", ".gitignore as well?", "Write it?")


def asked(it, replies=None, *, until=None, code=0, columns=110):
    """Answers each question with its keys, or else with Enter; `until`: the question at which Ctrl-C is pressed, counted from 0."""
    came = []

    def reply(shown):
        # The last answer is drawn once more before the next question.
        question = max(QUESTIONS, key=shown.rfind)
        if question not in shown or came[-1:] == [question] != [" differ? "]:
            return None
        came.append(question)
        keys = (replies or {}).get(question, ENTER)
        return INTERRUPT if until == len(came) - 1 else keys.pop(0) if isinstance(keys, list) else keys

    run = it.talk("init", reply=reply, code=code, columns=columns)
    it.check("the cursor is back", run.out.rfind("\x1b[?25h") >= run.out.rfind("\x1b[?25l"), run)
    return run, came


@cases_of(ESTATES)
def at_a_terminal_with_what_is_suggested(name, scenario, env):
    """Enter at every question gives what `--yes` gives."""
    with place(f"terminal: {name}", scenario(), env) as it:
        before = it.run("check", "--format", "json")
        it.run("init", "--yes", code=0)
        suggested = it.path / "doctor.toml"
        expected = suggested.read_bytes()
        suggested.unlink()
        needed = looked(it)
        run, came = asked(it)
        it.check("it is the same file", suggested.read_bytes() == expected, run.out)
        it.check("the last question is whether", came[-1] == "Write it?" and came.count("Write it?") == 1, came)
        it.check("nothing is looked at twice", looked(it) <= needed, run)
        written(it)
        holds(it, before)


@case
def at_a_terminal_with_wishes():
    """Another service, keys that must agree, a reason, and a line in .gitignore."""
    with place("wishes", shop(), SHOP, git=True) as it:
        replies = {
            # The database, which is the third, as well.
            "Which services?": "\x1b[B\x1b[B \r",
            "differ on purpose?": "\x1b[A \r",
            " differ? ": ["\r", "\r", "\r", "\x7f" * 40 + "one \"word\"\r"],
        }
        run, came = asked(it, replies, columns=60)
        read = written(it, {"web": "shop-web", "jobs": "shop-jobs", "postgres": "Postgres"})
        it.check("secrets that agree now must stay equal", read["require"] == [{"keys": ["JWT_KEY"], "services": ["jobs", "web"]}], read)
        it.check("the reason is as it was typed", any(one["reason"] == 'one "word"' for one in read["ignore"]), (read, run))
        it.check(".gitignore has the line", (it.path / ".gitignore").read_text() == "/.env\n" and ".gitignore as well?" in came, run)
        it.check("git ignores it now", subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=it.path, check=False).returncode == 0)
        it.run("check", code=0)


@cases_of([(f"question {number}", number) for number in range(8)])
def ctrl_c(_, number):
    with place(f"Ctrl-C at question {number}", shop(), SHOP, git=True) as it:
        (it.path / ".env.local").write_text("JWT_KEY=x\n")
        before = it.files()
        run, came = asked(it, until=number, code=130)
        it.check("it was at that question", len(came) == number + 1, came)
        it.check("nothing was written", it.files() == before, run)
        it.check("nothing is remembered", not list((it.path.parent / "home" / "state").rglob("*.trust")))
        it.check("it says so once", run.out.count("doctor: interrupted; nothing was changed") == 1, run)
        it.check("nothing was changed on Railway", not run.mutations)


@case
def esc_leaves():
    with place("Esc", shop(), SHOP) as it:
        before = it.files()
        run, _ = asked(it, {"Which services?": BACK}, code=2)
        it.check("nobody said yes", "nobody said yes" in run.out and it.files() == before, run)
        run, _ = asked(it, {"Write it?": "n"}, code=2)
        it.check("no is no", "nobody said yes" in run.out and it.files() == before, run)


# What stands in its way -------------------------------------------------------------------------------------------------

@case
def nobody_to_ask():
    with place("nobody", shop(), SHOP) as it:
        before = it.files()
        run = it.run("init", code=2)
        it.check("the file is shown and not written", "[services.web]" in run.out and it.files() == before, run)
        it.check("three lines", len([line for line in run.err.splitlines() if line]) == 3, run)
        command = run.command()
        it.check("the command is told", command[:2] == ["init", "--yes"], run)
        it.run(*command[:2], code=0)


@cases_of([("file", lambda path: path.write_text("# mine\n")), ("folder", lambda path: path.mkdir()),
           ("link to nothing", lambda path: path.symlink_to("elsewhere")), ("link", lambda path: path.symlink_to(".env")),
           ("pipe", os.mkfifo)])
def one_that_is_there(name, make):
    with place(f"there: {name}", shop(), SHOP) as it:
        make(it.path / "doctor.toml")
        before = {path.name: path.lstat().st_ino for path in it.path.iterdir()}
        for words in (("init", "--yes"), ("init",)):
            run = subprocess.run([DOCTOR, *words], cwd=it.path, capture_output=True, text=True, check=False,
                                 env={"PATH": os.environ["PATH"], "HOME": str(it.path.parent / "home")}, timeout=20)
            it.check("it is left alone", run.returncode == 2 and "doctor.toml is there already" in run.stderr, run)
        it.check("nothing has changed", {path.name: path.lstat().st_ino for path in it.path.iterdir()} == before)
        it.check("nobody was asked", looked(it) == 0)


@case
def a_disk_that_is_full():
    """Stood for by a limit for files that is reached in the middle of the text."""
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    with place("full", shop(), SHOP) as it:
        before = it.files()
        process = subprocess.Popen([DOCTOR, "init", "--yes", "--api-url", it.server.info["url"]], cwd=it.path, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limited, restore_signals=False,
                                   env={"PATH": os.environ["PATH"], "HOME": str(it.path.parent / "home"), "RAILWAY_API_TOKEN": it.server.token("account")})
        out, err = process.communicate(timeout=60)
        it.check("it is said", process.returncode == 2 and "can't change doctor.toml" in err and "nothing was written" in err, (out, err))
        it.check("nothing is left", it.files() == before, it.files().keys())


@case
def railway_fails():
    for fault, code in (({"kind": "http_error", "status": 503, "count": -1}, 5), ({"kind": "hang", "seconds": 30, "then": "close"}, 5)):
        with place(f"fails: {fault['kind']}", shop(), SHOP, faults=[fault]) as it:
            before = it.files()
            run = it.run("init", "--yes", "--timeout", "2s", code=code)
            it.check("nothing is written", it.files() == before, run)


@case
def the_whole_way():
    """From `railway link` to a quiet check: init, a push of the key that differs, check."""
    with place("the whole way", incident(), INCIDENT_ENV) as it:
        it.run("init", "--yes", code=0)
        it.run("fix", "--push", "--yes", code=2)
        it.run("fix", "--push", "--yes", "--only", "STAGING_OPS_API_KEY", code=0)
        it.both_run("staging-ops-step3-key-2026")
        it.run("check", code=0)


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
play_all([entry for entry in cases if wanted in entry[0]])
