#!/usr/bin/env python3
"""Tests `doctor auth` and `doctor trust` against the independent simulated Railway, with a real keyring if one is installed.

    auth.py target/release/doctor path/to/server.py [CASE-NAME-PART]

The checks of server_cases.py apply to every run.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_cases import API, KEY, NEW, OLD, UPSERT, WORKER, case, cases, cases_of, incident, run_all, world

LOGIN, STATUS, LOGOUT = ("auth", "login"), ("auth", "status"), ("auth", "logout")
WRONG_HEADER = {"wrong-auth-header"}  # Until the token's kind is known, one of the two headers is tried in vain.
OWNED = ("setsid", "--ctty")  # Ctrl-C sends SIGINT to the terminal's foreground process, where it is not read as a key.
PROMPT = "Paste a token"
PROJECT_OF_TOML = 'project = "agentverse"\nenvironment = "staging"\n'


# 1. The kind of a token ----------------------------------------------------------------------------------------------------

@cases_of([
    ("account", "RAILWAY_API_TOKEN", "an account token with access to workspace agentverse-team"),
    ("workspace", "RAILWAY_API_TOKEN", "a workspace token with access to workspace agentverse-team"),
    ("oauth", "RAILWAY_API_TOKEN", "an account token with access to workspace"),
    ("project", "RAILWAY_TOKEN", "a project token for environment staging of project agentverse"),
])
def token_kind(kind, name, description):
    with world(f"a token of kind {kind}") as it:
        run = it.run(*STATUS, code=0, token=(name, kind))
        for text in (description, f"{name} has a token (used)", "It can read the variables.",
                      "environment staging of project agentverse (from", "which has 4 services"):
            it.check(f"shows {text}", text in run.unwrapped, run)
        it.check("nothing is changed", not run.mutations, run)
        it.check("no duplicate read", not it.server.summary()["duplicateReads"], it.server.summary()["duplicateReads"])


@cases_of([
    ("account", "RAILWAY_TOKEN", "set RAILWAY_API_TOKEN to this token, and unset RAILWAY_TOKEN"),
    ("workspace", "RAILWAY_TOKEN", "set RAILWAY_API_TOKEN to this token, and unset RAILWAY_TOKEN"),
    ("project", "RAILWAY_API_TOKEN", "set RAILWAY_TOKEN to this token, and unset RAILWAY_API_TOKEN"),
])
def wrong_variable(kind, name, help_text):
    with world(f"a token of kind {kind} in {name}") as it:
        it.allowed_warnings = WRONG_HEADER
        run = it.run(*STATUS, code=4, token=(name, kind))
        it.check("the help names the right variable", help_text in run.unwrapped, run)


@case
def no_login():
    with world("no login") as it:
        run = it.run(*STATUS, code=4, token=None)
        for number, source in enumerate(("RAILWAY_TOKEN is not set", "RAILWAY_API_TOKEN is not set"), 1):
            it.check(f"shows {source}", f"{number}. {source}" in run.unwrapped, run)
        it.check("the help names RAILWAY_TOKEN", "set RAILWAY_TOKEN to a project token" in run.unwrapped, run)
        it.check("no request is sent", it.server.summary()["requests"] == 0, it.server.summary())
    with world("an unknown token") as it:
        it.variables = {"RAILWAY_API_TOKEN": "b1a7c0de-ffff-4000-8000-000000000000"}
        run = it.run(*STATUS, code=4, token=None)
        it.check("the rejection is reported", "Railway rejected the token from RAILWAY_API_TOKEN" in run.unwrapped, run)


@case
def project_not_of_token():
    with world("a token of another project", toml='project = "somewhere-else"\n') as it:
        run = it.run(*STATUS, code=2, token=("RAILWAY_TOKEN", "project"))
        it.check("both projects are named", "agentverse" in run.unwrapped and "somewhere-else" in run.unwrapped, run)
        it.check("the token's kind is still shown", "a project token for environment staging" in run.unwrapped, run)
    with world("an unknown project") as it:
        run = it.run(*STATUS, "--project", "00000000-0000-4000-8000-000000000000", "-e", "staging")
        it.check("the exit code is 2 or 4", run.code in (2, 4), run)
        it.check("the token's kind is still shown", "an account token" in run.unwrapped, run)


@case
def no_permission_for_variables():
    refused = {"kind": "graphql_error", "message": "Not Authorized", "count": -1, "match": {"documentContains": "variables("}}
    with world("access to services but not to variables", faults=[refused]) as it:
        run = it.run(*STATUS, code=4)
        it.check("the missing permission is reported", "It can't read the variables" in run.unwrapped, run)
        it.check("Railway's message is shown", "Not Authorized" in run.unwrapped, run)


# 2. The keyring ---------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def keyring(it):
    """Starts a D-Bus session with an unlocked gnome-keyring."""
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


def login_on_terminal():
    with world("login in a terminal") as it, keyring(it):
        it.allowed_warnings = WRONG_HEADER
        token = it.server.token("account")
        run = it.run_on_terminal(*LOGIN, answers=[(PROMPT, token + "\r")], code=0, token=None)
        it.check("the token is not shown", token not in run.out, run)
        it.check("the token is stored", "Stored in the OS keyring for 127.0.0.1:" in run.out, run)
        run = it.run("check", code=1, token=None)
        it.check("the token is used", "value-differs" in run.unwrapped, run)
        run = it.run("fix", "--push", "--yes", "--only", KEY, token=None)
        it.check("the fix is applied", run.count(UPSERT) == 2, run)
        it.stores_and_runs(NEW)
        state = it.path.parent / "home" / "state" / "railway-doctor"
        it.check("the journal's key is not in a file", (state / "journal.keyring").exists() and not (state / "journal.key").exists())
        it.run("undo", "--yes", token=None)
        it.stores_and_runs(OLD)
        it.run_on_terminal(*LOGIN, answers=[(PROMPT, "\x03")], code=130, token=None, owner=OWNED)
        it.run_on_terminal(*LOGIN, answers=[(PROMPT, "unknown-token\r")], code=4, token=None)
        run = it.run(*STATUS, code=0, token=None)
        it.check("the previous login is kept", "3. the OS keyring has a token (used)" in run.unwrapped, run)
        it.run(*LOGOUT, code=0, token=None)
        it.run("check", code=4, token=None)


def environment_takes_precedence():
    with world("environment and keyring") as it, keyring(it):
        it.allowed_warnings = WRONG_HEADER
        it.run_on_terminal(*LOGIN, answers=[(PROMPT, it.server.token("workspace") + "\r")], code=0, token=None)
        run = it.run(*STATUS, code=0, token=("RAILWAY_TOKEN", "project"))
        it.check("the variable's token is used", "1. RAILWAY_TOKEN has a token (used)" in run.unwrapped, run)
        it.check("the keyring's token is listed", "3. the OS keyring has a token" in run.unwrapped, run)


if shutil.which("gnome-keyring-daemon") and shutil.which("dbus-daemon"):
    for function in (login_on_terminal, environment_takes_precedence):
        case(function)
else:
    print("skipped: logins, which need gnome-keyring and D-Bus")


# 3. Trust ---------------------------------------------------------------------------------------------------------------

@case
def push_needs_trust():
    push = ("fix", "--push", "--yes", "--only", KEY)
    with world("trust", incident(), toml=PROJECT_OF_TOML, link=False) as it:
        run = it.run(*push, code=2)
        it.check("the help names doctor trust", "doctor trust" in run.unwrapped and not run.mutations, run)
        run = it.run("trust", code=2)
        it.check("without a terminal it needs --yes", "--yes" in run.unwrapped, run)
        run = it.run("trust", "--yes", code=0)
        it.check("the project and its effect are shown", "agentverse" in run.unwrapped and "30cf5498" not in run.unwrapped and "local values" in run.unwrapped, run)
        it.check("a second run changes nothing", "already accepted for project agentverse" in it.run("trust", code=0).unwrapped)
        (it.path / "doctor.toml").write_text(PROJECT_OF_TOML + 'loader = "python"\n')
        run = it.run(*push, code=2)
        it.check("a changed file is no longer trusted", not run.mutations and "doctor trust" in run.unwrapped, run)
        run = it.run_on_terminal("trust", answers=[("Accept doctor.toml?", "n\r")], code=2)
        it.run(*push, code=2)
        it.run_on_terminal("trust", answers=[("Accept doctor.toml?", "y\r")], code=0)
        run = it.run(*push)
        it.check("a trusted push is sent", run.count(UPSERT) == 2, run)
        it.stores_and_runs(NEW, (API, WORKER))


wanted = sys.argv[3] if len(sys.argv) > 3 else ""
run_all([entry for entry in cases if wanted in entry[0]])
