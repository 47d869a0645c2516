"""Scenarios for the running state, and checks in both formats."""
import copy
import re

from server_cases import INCIDENT

REPOSITORY = "harbor/ledger"
CHECK_JSON = ("check", "--format", "json")


def variables(values):
    """Returns variables that were last changed long ago, by default."""
    return {key: {"updatedAt": "-40d", **value} if isinstance(value, dict) else {"value": value, "updatedAt": "-40d"}
            for key, value in values.items()}


def deployment(status="SUCCESS", at="-3d", *, old=None, start=None, commit=None, **meta):
    """Returns a deployment. `old` has the values that it got instead of the present ones, None for a missing one."""
    result = {"status": status, "createdAt": at, "meta": {**({"commitHash": commit} if commit else {}), **meta}}
    if old:
        result["capturedOverrides"] = old
    if start is not None:
        result["startCommand"] = start
    return result


def service(name, values, *deployments, image=None, **rest):
    source = {"image": image} if image else {"repo": REPOSITORY, "branch": "main"}
    return {"service": name, "source": source, "variables": variables(values),
            "deployments": list(deployments), **rest}


def estate(*instances, http=(), shared=None, staged=None, environment="preview", **options):
    """Returns a scenario with one project of these services."""
    environment_data = {"name": environment, "instances": list(instances), "shared": variables(shared or {})}
    if staged:
        environment_data["staged"] = staged
    return {"name": "estate", "options": {"advance": "instant", **options},
            "projects": [{"name": "harbor", "services": [{"name": one["service"]} for one in instances],
                          "environments": [environment_data]}],
            "http": [{"environment": environment, "advertise": "listener", **app} for app in http]}


def incident_with_endpoint(advance="instant"):
    """Returns the incident with a reachable endpoint."""
    scenario = copy.deepcopy(INCIDENT)
    scenario["options"] = {**scenario["options"], "advance": advance}
    for app in scenario["http"]:
        app["advertise"] = "listener"
    return scenario


def env_of(**values):
    return "".join(f"{key}='{value}'\n" for key, value in values.items())


def toml_of(services, *sections):
    """Returns a `doctor.toml` with services, given as `{alias: (name, lines)}`, and more sections."""
    head = [f'[services.{alias}]\nname = "{name}"\n{lines}\n' for alias, (name, lines) in services.items()]
    return "\n".join([*head, *sections])


class CheckRuns:
    """The results of a check in both formats, and its number of requests."""

    def __init__(self, it, *arguments, code=None, requests=None):
        self.it = it
        it.server.call("/reset", {"keepWorld": True})  # Clears the record of requests.
        self.json = it.run(*CHECK_JSON, *arguments, code=code)
        after = it.server.summary()
        self.probes = [(one["method"], one["path"], one["status"]) for one in after["probes"]]
        self.text = it.run("check", *arguments, code=code)
        it.check("check sends no mutation", not self.json.mutations and not self.text.mutations, self.json)
        it.check("check sends no duplicate read", not after["duplicateReads"], after["duplicateReads"])
        sent = after["requests"]
        reported = self.json.report["summary"]["requests"] if self.json.report else None
        it.check("the report has the number of requests", reported in (sent, None), (reported, sent))
        it.check(f"{requests} requests", requests in (sent, None), sent)
        it.check("both formats have the same exit code", self.json.code == self.text.code, (self.json, self.text))
        lines = self.text.out.splitlines()
        it.check("no line of text ends in whitespace", not [line for line in lines if line != line.rstrip()], self.text)

    def found(self, severities=("error", "warning")):
        """Returns (rule, severity, key, services) of the findings, by default of warnings and errors."""
        findings = self.json.report["findings"] if self.json.report else []
        return sorted((one["rule"], one["severity"], one["key"] or "", tuple(one["services"]))
                      for one in findings if one["severity"] in severities)

    def of(self, rule):
        return [one for one in self.json.report["findings"] if one["rule"] == rule]

    def expect(self, *expected):
        """Checks that exactly these warnings and errors were found."""
        wanted = sorted((rule, severity, key or "", tuple(services)) for rule, severity, key, services in expected)
        self.it.check("exactly the expected findings", self.found() == wanted, f"\n got {self.found()}\nwant {wanted}\n{self.text}")
        return self

    def shows(self, *words):
        """Checks that the text report matches these patterns."""
        for word in words:
            self.it.check(f"the text shows “{word}”", re.search(word, self.text.unwrapped), self.text)
        return self

    def lacks(self, *words):
        for word in words:
            self.it.check(f"the text lacks “{word}”", not re.search(word, self.text.unwrapped), self.text)
        return self
