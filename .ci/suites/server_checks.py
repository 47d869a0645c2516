"""Shared by the suites, which run the binary against the independent simulated Railway.

Each suite is called with the binary and the server: `SUITE path/to/doctor path/to/server.py`.
"""
import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

DOCTOR = os.path.abspath(sys.argv[1])
SERVER = os.path.abspath(sys.argv[2])
SCENARIOS = pathlib.Path(SERVER).parent / "scenarios"


class Server:
    """A process of the independent server. Its judge endpoints report what clients did."""

    def __init__(self, *arguments):
        command = [sys.executable, SERVER, "--exit-after", "600", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.info = json.loads(self.process.stdout.readline())

    def call(self, path, data=None):
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.info["judge"] + path, body)
        # With TLS, the judge endpoints use the certificate under test.
        with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as response:
            return json.load(response)

    def summary(self):
        return self.call("/summary")

    def reset(self, *faults):
        self.call("/reset", {})
        self.call("/faults", {"clear": True, "faults": list(faults)})

    def token(self, kind):
        return next(token["token"] for token in self.info["tokens"] if token["kind"] == kind)

    def project(self):
        return self.info["projects"][0]

    def stop(self):
        self.process.kill()
        self.process.wait()


KINDS = {"account", "workspace", "project", "oauth"}


@contextlib.contextmanager
def work_dir(env_text, server, link=True):
    """Creates a working directory with a `.env`, linked by the Railway CLI to the first project and environment."""
    with tempfile.TemporaryDirectory() as name:
        # The home directory must be outside the checkout; otherwise the link and trust records do not count.
        path = pathlib.Path(name).resolve() / "work"
        path.mkdir()
        (path / ".env").write_text(env_text, encoding="utf-8")
        (path.parent / "home" / ".railway").mkdir(parents=True)
        if link:
            project = server.project()
            environment, identifier = next(iter(project["environments"].items()))
            entry = {"projectPath": str(path), "name": project["name"], "project": project["id"],
                     "environment": identifier, "environmentName": environment, "service": None}
            config = {"projects": {str(path): entry}, "user": {}}
            (path.parent / "home" / ".railway" / "config.json").write_text(json.dumps(config))
        yield path


class Results:
    """Counts passed and failed checks. Thread-safe."""

    def __init__(self):
        self.lock, self.passed, self.failed = threading.Lock(), 0, []

    def check(self, name, condition, detail=""):
        with self.lock:
            if condition:
                self.passed += 1
            else:
                self.failed.append(name)
                print(f"FAILED {name}: {detail}", flush=True)

    def finish(self):
        """Prints the totals and exits."""
        print(f"{self.passed} passed, {len(self.failed)} failed")
        sys.exit(1 if self.failed else 0)


def values_of(scenario):
    """Returns the values of a scenario, except those so short that they could match ordinary text such as `postgres`."""
    found = set()

    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("variables", "capturedOverrides"):
                    for variable in value.values():
                        text = variable.get("value") if isinstance(variable, dict) else variable
                        if isinstance(text, str) and len(text) >= 9 and "${{" not in text:
                            found.add(text)
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(scenario)
    return found
