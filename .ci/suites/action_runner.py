"""Runs action.yml as a runner of GitHub Actions does: expressions, environment, outputs and failing steps. The step that downloads
`doctor` is replaced by a given binary, and used actions are recorded.
"""
import json
import os
import pathlib
import re
import subprocess

import yaml

from github_server import REPOSITORY

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TOKEN = re.compile(r"\s*('[^']*'|[A-Za-z_][\w.-]*(?:\(\))?|&&|\|\||!=|==|[(),])")
FUNCTIONS = {"endsWith": lambda text, end: text.endswith(end), "fromJSON": json.loads}


class Event:
    """What triggered the workflow."""

    def __init__(self, name, ref="refs/heads/main", actor="dev", **payload):
        self.name, self.ref, self.actor, self.payload = name, ref, actor, payload


BASE = {"repository": {"full_name": REPOSITORY, "default_branch": "main"}}


def push(branch="main", actor="dev"):
    return Event("push", f"refs/heads/{branch}", actor, **BASE)


def schedule():
    return Event("schedule", schedule="17 6 * * *")


def pull_request(number=7, head=REPOSITORY, actor="dev", name="pull_request"):
    """A pull request from a repository; None for one that was deleted."""
    request = {"number": number, "head": {"repo": head and {"full_name": head}}}
    return Event(name, f"refs/pull/{number}/merge", actor, pull_request=request, **BASE)


class Run:
    """The outcome of the action."""

    def __init__(self):
        self.succeeded, self.failed_steps, self.log, self.outputs, self.used, self.summary = True, [], "", {}, [], ""

    def __repr__(self):
        return f"succeeded={self.succeeded} outputs={self.outputs} used={self.used}\n{self.log}\n{self.summary}"


def lookup(name, context):
    value = context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else value


def evaluate(expression, context):
    """Evaluates the subset of expressions that action.yml and the release workflow use."""
    operators = {"&&": "and", "||": "or", "always()": "True"}
    found = [operators.get(token, token) for token in TOKEN.findall(expression)]
    assert "".join(TOKEN.findall(expression)) == re.sub(r"\s", "", expression), expression
    is_name = lambda token: re.match(r"[A-Za-z_]", token) and token not in ("and", "or", "True", *FUNCTIONS)
    return eval(" ".join(repr(lookup(token, context)) if is_name(token) else token for token in found), FUNCTIONS.copy())


def expand(text, context):
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(evaluate(match[1], context)), str(text))


class Runner:
    """A job in a directory, with a simulated GitHub."""

    def __init__(self, path, github, doctor, variables=None):
        self.path, self.github, self.doctor, self.variables = path, github, doctor, variables or {}
        self.workspace, self.temp = path / "workspace", path / "temp"
        self.workspace.mkdir(exist_ok=True)
        self.temp.mkdir(exist_ok=True)

    def run(self, event, number=0, **inputs):
        """Runs the action once. `number` separates the files of runs at the same time."""
        inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
        unknown = set(inputs) - set(ACTION["inputs"])
        assert not unknown, f"action.yml has no input {unknown}"
        github = {"token": self.github.token, "event": event.payload, "repository": REPOSITORY, "action_path": str(ROOT),
                  "server_url": "https://github.example", "action_repository": "acme/railway-doctor", "action_ref": "v0.1.0"}
        context = {"github": github, "runner": {"os": "Linux", "arch": "X64"}, "steps": {}}
        context["inputs"] = {name: inputs.get(name, expand(one.get("default", ""), context)) for name, one in ACTION["inputs"].items()}
        run = Run()
        for index, step in enumerate(ACTION["runs"]["steps"]):
            condition = step.get("if", "")
            expression = re.sub(r"^\$\{\{|\}\}$", "", condition).strip()
            if (not run.succeeded and "always()" not in condition) or (expression and not evaluate(expression, context)):
                continue
            self.run_step(step, event, context, run, f"{number}-{index}")
        run.outputs = {name: expand(one["value"], context) for name, one in ACTION["outputs"].items()}
        return run

    def run_step(self, step, event, context, run, name):
        if "uses" in step:
            run.used.append((step["uses"].split("@")[0], {key: expand(value, context) for key, value in step["with"].items()}))
            return
        if step.get("id") == "install":
            context["steps"]["install"] = {"outputs": {"doctor": str(self.doctor)}}
            return
        files = {key: self.temp / f"{key.lower()}-{name}" for key in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH"]}
        for path in files.values():
            path.write_text("")
        files["GITHUB_EVENT_PATH"].write_text(json.dumps(event.payload))
        script = self.temp / f"script-{name}.sh"
        script.write_text(step["run"])
        variables = {
            "PATH": os.environ["PATH"], "HOME": str(self.path / "home"), "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(self.temp),
            "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_EVENT_NAME": event.name, "GITHUB_REF": event.ref, "GITHUB_ACTOR": event.actor,
            "GITHUB_WORKSPACE": str(self.workspace), "GITHUB_RUN_ID": f"42{name}", "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_API_URL": self.github.url, "GITHUB_GRAPHQL_URL": f"{self.github.url}/graphql",
            **self.variables, **{key: str(path) for key, path in files.items()},
            **{key: expand(value, context) for key, value in step.get("env", {}).items()},
        }
        directory = self.workspace / expand(step.get("working-directory", "."), context)
        result = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", script], cwd=directory, env=variables, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        run.log += result.stdout
        run.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        context["steps"][step.get("id", name)] = {"outputs": dict(line.split("=", 1) for line in lines)}
        if result.returncode:
            run.failed_steps.append(result.returncode)
            run.succeeded = run.succeeded and bool(step.get("continue-on-error"))
