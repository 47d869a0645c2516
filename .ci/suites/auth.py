#!/usr/bin/env python3
"""Holds `doctor auth` and `doctor trust` to the independent simulated Railway, with a real keyring where there is one.

    auth.py target/release/doctor path/to/server.py [PART OF A CASE'S NAME]

Every run is held to what holds for all of them (server_cases.py).
"""
import contextlib
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # This folder is for sources.
from server_cases import API, KEY, NEW, OLD, UPSERT, WORKER, case, cases, cases_of, incident, play_all, tally, world

LOGIN, STATUS, LOGOUT = ("auth", "login"), ("auth", "status"), ("auth", "logout")
WRONG_HEADER = {"wrong-auth-header"}  # One of the two headers is the wrong one until the token's kind is known.
OWNED = ("setsid", "--ctty")  # Ctrl-C reaches who owns the terminal, where it is not read as a key.
PROMPT = "Token (from"
PROJECT_OF_TOML = 'project = "agentverse"\nenvironment = "staging"\n'


# 1. Whose a token is ----------------------------------------------------------------------------------------------------

@cases_of([
    ("account", "RAILWAY_API_TOKEN", "an account token, which reaches workspace agentverse-team"),
    ("workspace", "RAILWAY_API_TOKEN", "a workspace token, which reaches workspace agentverse-team"),
    ("oauth", "RAILWAY_API_TOKEN", "an account token, which reaches workspace"),
    ("project", "RAILWAY_TOKEN", "a project token for environment staging of project agentverse"),
])
def it_is_found_out(kind, name, said):
    with world(f"a token of kind {kind}") as it:
        run = it.run(*STATUS, code=0, token=(name, kind))
        for words in (said, f"{name} has a token; used: the first that has one", "It may read the variables there.",
                      "environment staging (from", "which has 4 services"):
            it.check(f"says {words}", words in run.words, run)
        it.check("nothing is changed", not run.mutations, run)
        it.check("nothing is asked twice", not it.server.summary()["duplicateReads"], it.server.summary()["duplicateReads"])


@cases_of([
    ("account", "RAILWAY_TOKEN", "put it into RAILWAY_API_TOKEN and unset RAILWAY_TOKEN"),
    ("workspace", "RAILWAY_TOKEN", "put it into RAILWAY_API_TOKEN and unset RAILWAY_TOKEN"),
    ("project", "RAILWAY_API_TOKEN", "put it into RAILWAY_TOKEN and unset RAILWAY_API_TOKEN"),
])
def in_the_wrong_variable(kind, name, said):
    with world(f"a token of kind {kind} in {name}") as it:
        it.faulty = WRONG_HEADER
        run = it.run(*STATUS, code=4, token=(name, kind))
        it.check("says where it belongs", said in run.words, run)


@case
def nobody_is_logged_in():
    with world("nobody") as it:
        run = it.run(*STATUS, code=4, token=None)
        for number, place in enumerate(("RAILWAY_TOKEN is not set", "RAILWAY_API_TOKEN is not set"), 1):
            it.check(f"names {place}", f"{number}. {place}" in run.words, run)
        it.check("says what to do", "doctor auth login" in run.words, run)
        it.check("asks nothing", it.server.summary()["requests"] == 0, it.server.summary())
    with world("a token that nobody has") as it:
        it.variables = {"RAILWAY_API_TOKEN": "b1a7c0de-ffff-4000-8000-000000000000"}
        run = it.run(*STATUS, code=4, token=None)
        it.check("says that it was refused", "Railway refused the token from RAILWAY_API_TOKEN" in run.words, run)


@case
def another_project_than_the_tokens():
    with world("a token of another project", toml='project = "somewhere-else"\n') as it:
        run = it.run(*STATUS, code=2, token=("RAILWAY_TOKEN", "project"))
        it.check("tells both", "agentverse" in run.words and "somewhere-else" in run.words, run)
        it.check("tells whose it is all the same", "a project token for environment staging" in run.words, run)
    with world("a project that is not there") as it:
        run = it.run(*STATUS, "--project", "00000000-0000-4000-8000-000000000000", "-e", "staging")
        it.check("ends neither well nor with findings", run.code in (2, 4), run)
        it.check("tells whose it is all the same", "an account token" in run.words, run)


@case
def variables_that_may_not_be_read():
    refused = {"kind": "graphql_error", "message": "Not Authorized", "count": -1, "match": {"documentContains": "variables("}}
    with world("somebody who sees services and no variables", faults=[refused]) as it:
        run = it.run(*STATUS, code=4)
        it.check("says so", "It may not read the variables there" in run.words, run)
        it.check("with Railway's words", "Not Authorized" in run.words, run)


# 2. The keyring ---------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def keyring(it):
    """A D-Bus session with a gnome-keyring that nobody needs to unlock."""
    home = {**os.environ, "HOME": str(it.path.parent / "home")}
    command = ["dbus-daemon", "--session", "--print-address", "--nofork"]
    bus = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=home)
    it.variables = {"DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().strip()}
    command = ["gnome-keyring-daemon", "--unlock", "--foreground", "--components=secrets"]
    daemon = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**home, **it.variables})
    daemon.stdin.write(b"test")
    daemon.stdin.close()
    time.sleep(1)
    try:
        yield
    finally:
        daemon.kill()
        bus.kill()
        daemon.wait()
        bus.wait()


def a_login_at_a_terminal():
    with world("a login at a terminal") as it, keyring(it):
        it.faulty = WRONG_HEADER
        token = it.server.token("account")
        run = it.at_a_terminal(*LOGIN, answers=[(PROMPT, token + "\r")], code=0, token=None)
        it.check("the token is not shown", token not in run.out, run)
        it.check("it is stored", "Stored in the system's keyring for 127.0.0.1:" in run.out, run)
        run = it.run("check", code=1, token=None)
        it.check("it is used", "value-differs" in run.words, run)
        run = it.run("fix", "--push", "--yes", "--only", KEY, token=None)
        it.check("the fix went through", run.count(UPSERT) == 2, run)
        it.both_run(NEW)
        state = it.path.parent / "home" / "state" / "railway-doctor"
        it.check("the journal's key is in no file", (state / "journal.keyring").exists() and not (state / "journal.key").exists())
        it.run("undo", "--yes", token=None)
        it.both_run(OLD)
        it.at_a_terminal(*LOGIN, answers=[(PROMPT, "\x03")], code=130, token=None, owner=OWNED)
        it.at_a_terminal(*LOGIN, answers=[(PROMPT, "nobodys-token\r")], code=4, token=None)
        run = it.run(*STATUS, code=0, token=None)
        it.check("the login before it is kept", "3. the keyring has a token; used" in run.words, run)
        it.run(*LOGOUT, code=0, token=None)
        it.run("check", code=4, token=None)


def the_environment_goes_first():
    with world("the environment before the keyring") as it, keyring(it):
        it.faulty = WRONG_HEADER
        it.at_a_terminal(*LOGIN, answers=[(PROMPT, it.server.token("workspace") + "\r")], code=0, token=None)
        run = it.run(*STATUS, code=0, token=("RAILWAY_TOKEN", "project"))
        it.check("the variable's is used", "1. RAILWAY_TOKEN has a token; used" in run.words, run)
        it.check("the keyring's is told", "3. the keyring has a token" in run.words, run)


if shutil.which("gnome-keyring-daemon") and shutil.which("dbus-daemon"):
    for function in (a_login_at_a_terminal, the_environment_goes_first):
        case(function)
else:
    print("SKIPPED: no gnome-keyring and D-Bus here, so that no login was made")


# 3. Trust ---------------------------------------------------------------------------------------------------------------

@case
def a_checkout_sends_nothing_before_it_is_trusted():
    push = ("fix", "--push", "--yes", "--only", KEY)
    with world("trust", incident(), toml=PROJECT_OF_TOML, link=False) as it:
        run = it.run(*push, code=2)
        it.check("names the way", "doctor trust" in run.words and not run.mutations, run)
        run = it.run("trust", code=2)
        it.check("without a terminal it needs a yes", "--yes" in run.words, run)
        run = it.run("trust", "--yes", code=0)
        it.check("tells the project and what leaves", "agentverse" in run.words and "30cf5498" not in run.words and "local values" in run.words, run)
        it.check("says it again for nothing", "already accepted for project agentverse" in it.run("trust", code=0).words)
        (it.path / "doctor.toml").write_text(PROJECT_OF_TOML + 'loader = "python"\n')
        run = it.run(*push, code=2)
        it.check("one that was changed is not trusted any more", not run.mutations and "doctor trust" in run.words, run)
        run = it.at_a_terminal("trust", answers=[("Accept it?", "n")], code=2)
        it.run(*push, code=2)
        it.at_a_terminal("trust", answers=[("Accept it?", "y")], code=0)
        run = it.run(*push)
        it.check("then it goes", run.count(UPSERT) == 2, run)
        it.both_run(NEW, (API, WORKER))


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
play_all([entry for entry in cases if wanted in entry[0]])
