#!/usr/bin/env python3
"""Runs the commands of docs/first-run.md in order, on the project that the page describes, and compares exit codes, receipts and
deployments with its tables.

    first_run.py target/release/doctor path/to/server.py
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_checks import DOCTOR, Results, Server, work_dir

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs/first-run.md").read_text()
TOKEN, SEALED = "trial-token-a1b2c3d4", "trial-sealed-e5f6a7b8"
LINES = "first line\nsecond line"
# What the page says to change in `.env` before a step.
EDITS = {8: (TOKEN, f"{TOKEN[:-1]}5"), 11: (f"{TOKEN[:-1]}5", f"{TOKEN[:-1]}6"), 15: ("second line", "second line\nthird line"),
         19: ("TRIAL_EMPTY=", "TRIAL_EMPTY=\nTRIAL_ADDED=only-for-this-run"), 21: (SEALED, "another-sealed-c9d0e1f2")}
# The exit code, the new deployments of `api` and `worker`, and a part of the output.
EXPECTED = {
    1: (0, (0, 0), "It can read the variables"), 2: (0, (0, 0), "2 requests"), 3: (0, (0, 0), "2 requests"),
    4: (0, (0, 0), "# sealed"), 5: (1, (0, 0), "sealed-not-copied"), 6: (0, (0, 0), "3 copies"), 7: (0, (0, 0), "no drift"),
    8: (1, (0, 0), "1 variable on Railway, 1 deployment"), 9: (0, (0, 1), "done  redeploy  worker  SUCCESS"),
    10: (0, (0, 1), "done  restore"), 11: (1, (0, 0), "stale-deployment"), 12: (0, (0, 1), "has the stored values"),
    13: (0, (0, 1), "done  start-command"), 14: (0, (0, 1), "done  start-command"), 15: (0, (1, 0), "TRIAL_LINES"),
    16: (0, (1, 1), "The old value is left nowhere"), 17: (0, (0, 0), "renders the same"), 18: (0, (0, 0), "renders the same"),
    19: (0, (1, 0), "TRIAL_ADDED"), 20: (0, (1, 0), "Railway created it when TRIAL_ADDED was deleted"),
    21: (0, (1, 0), "`doctor undo` can't restore its current value"),
}


def scenario():
    variables = {"api": {"TRIAL_TOKEN": TOKEN, "TRIAL_LINES": LINES, "TRIAL_EMPTY": "any text", "TRIAL_SEALED": {"value": SEALED, "sealed": True},
                         "SHARED": "${{shared.TRIAL_SHARED}}"},
                 "worker": {"TRIAL_TOKEN": TOKEN, "SHARED": "${{shared.TRIAL_SHARED}}"}}
    number = iter(range(1, 99))
    identifier = lambda: f"7f000000-0000-4000-8000-{next(number):012}"
    source = {"api": {"repo": "acme/trial", "branch": "main"}, "worker": {"image": "acme/worker:1"}}
    instance = lambda name, own: {"service": name, "source": source[name], "variables": own, "startCommand": f"run {name}",
                                  "deployments": [{"id": identifier(), "status": "SUCCESS", "createdAt": "-2d"}]}
    environments = [{"name": name, "id": identifier(), "shared": {"TRIAL_SHARED": "shared by both"},
                     "instances": [instance(service, dict(own)) for service, own in variables.items()]} for name in ["staging", "production"]]
    del environments[1]["instances"][0]["variables"]["TRIAL_SEALED"]  # It is not copied.
    return {"name": "trial", "options": {"advance": "polls"}, "workspaces": [{"name": "acme", "id": identifier()}],
            "tokens": [{"token": identifier(), "kind": "account"}],
            "projects": [{"name": "trial", "id": identifier(), "workspace": "acme", "environments": environments,
                          "services": [{"name": name, "id": identifier()} for name in variables]}]}


def deployments(server):
    """Returns the number of deployments of each service in staging."""
    services = server.call("/state")["projects"][0]["environments"][0]["services"]
    return {one["name"]: len(one["deployments"]) for one in services}


def main():
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "trial.json"
        path.write_text(json.dumps(scenario()))
        server = Server("--scenario", str(path))
        env = f'TRIAL_TOKEN={TOKEN}\nTRIAL_LINES="{LINES}"\nTRIAL_SEALED={SEALED}\nTRIAL_EMPTY=\n'
        with work_dir(env, server) as work:
            subprocess.run(["git", "init", "--quiet", work], check=True)
            (work / ".gitignore").write_text(".env\n")
            run_all(server, work, results)
        server.stop()
    results.finish()


def run_all(server, work, results):
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    steps = {int(re.search(r"--debug-api ([0-9]+)-", line)[1]): shlex.split(line)[1:] for line in commands}
    results.check("the page has the steps that are expected", list(steps) == list(EXPECTED), list(steps))
    variables = {"PATH": os.environ["PATH"], "HOME": str(work.parent / "home"), "RAILWAY_API_TOKEN": server.token("account"), "NO_COLOR": "1"}
    for step, arguments in steps.items():
        if step in EDITS:
            text = (work / ".env").read_text()
            results.check(f"step {step} has its edit", EDITS[step][0] in text, text)
            (work / ".env").write_text(text.replace(*EDITS[step]))
        before = deployments(server)
        # A person confirms the plan; here, `--yes` does.
        confirmed = ["--yes"] if arguments[0] in ("fix", "undo", "rotate") and "--dry-run" not in arguments else []
        result = subprocess.run([DOCTOR, *arguments, *confirmed, "--api-url", server.info["url"]], cwd=work, env=variables, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        code, new, text = EXPECTED[step]
        made = {name: count - before[name] for name, count in deployments(server).items()}
        detail = f"exit code {result.returncode}, {made}\n{result.stdout}"
        results.check(f"step {step} exits as described", result.returncode == code, detail)
        results.check(f"step {step} deploys as described", made == dict(zip(["api", "worker"], new)), detail)
        results.check(f"step {step} reports as described", text in result.stdout, detail)
        record = next(work.glob(f"{step}-*.jsonl")).read_text()
        results.check(f"the record of step {step} has no value", record and "trial" not in record.lower().replace("127.0.0.1", ""), record)


main()
