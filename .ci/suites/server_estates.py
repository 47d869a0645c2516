"""Worlds for the checks of the running state: services that run with this or that, beside the incident's own."""
import copy
import re

from server_cases import INCIDENT

REPOSITORY = "harbor/ledger"
LOOKED = ("check", "--format", "json")


def variables(values):
    """Values that were set long ago, unless they say otherwise."""
    return {key: {"updatedAt": "-40d", **value} if isinstance(value, dict) else {"value": value, "updatedAt": "-40d"}
            for key, value in values.items()}


def ran(status="SUCCESS", at="-3d", *, old=None, start=None, commit=None, **meta):
    """A deployment; `old`: what its process got instead of today's value, and null for what it did not get."""
    made = {"status": status, "createdAt": at, "meta": {**({"commitHash": commit} if commit else {}), **meta}}
    if old:
        made["capturedOverrides"] = old
    if start is not None:
        made["startCommand"] = start
    return made


def service(name, values, *deployments, image=None, **rest):
    source = {"image": image} if image else {"repo": REPOSITORY, "branch": "main"}
    return {"service": name, "source": source, "variables": variables(values),
            "deployments": list(deployments), **rest}


def estate(*instances, http=(), shared=None, staged=None, environment="preview", **options):
    """A project of these services."""
    surroundings = {"name": environment, "instances": list(instances), "shared": variables(shared or {})}
    if staged:
        surroundings["staged"] = staged
    return {"name": "estate", "options": {"advance": "instant", **options},
            "projects": [{"name": "harbor", "services": [{"name": one["service"]} for one in instances],
                          "environments": [surroundings]}],
            "http": [{"environment": environment, "advertise": "listener", **app} for app in http]}


def the_incident(advance="instant"):
    """The incident, whose endpoint can be reached."""
    scenario = copy.deepcopy(INCIDENT)
    scenario["options"] = {**scenario["options"], "advance": advance}
    for app in scenario["http"]:
        app["advertise"] = "listener"
    return scenario


def env_of(**values):
    return "".join(f"{key}='{value}'\n" for key, value in values.items())


def toml_of(services, *sections):
    """A `doctor.toml` that names services as `{alias: (name, lines)}`, and more sections."""
    head = [f'[services.{alias}]\nname = "{name}"\n{lines}\n' for alias, (name, lines) in services.items()]
    return "\n".join([*head, *sections])


class Look:
    """What a check found, in both formats, and what it cost."""

    def __init__(self, it, *arguments, code=None, requests=None):
        self.it = it
        it.server.ask("/reset", {"keepWorld": True})  # Clears the record of what was asked before.
        self.json = it.run(*LOOKED, *arguments, code=code)
        after = it.server.summary()
        self.probes = [(one["method"], one["path"], one["status"]) for one in after["probes"]]
        self.text = it.run("check", *arguments, code=code)
        it.check("check sends no mutation", not self.json.mutations and not self.text.mutations, self.json)
        it.check("check reads nothing twice", not after["duplicateReads"], after["duplicateReads"])
        sent = after["requests"]
        told = self.json.report["summary"]["requests"] if self.json.report else None
        it.check("the report knows its requests", told in (sent, None), (told, sent))
        it.check(f"{requests} requests", requests in (sent, None), sent)
        it.check("both formats end alike", self.json.code == self.text.code, (self.json, self.text))
        lines = self.text.out.splitlines()
        it.check("no line of text ends in white space", not [line for line in lines if line != line.rstrip()], self.text)

    def found(self, least=("error", "warning")):
        """(rule, severity, key, services) of what is at least a warning."""
        findings = self.json.report["findings"] if self.json.report else []
        return sorted((one["rule"], one["severity"], one["key"] or "", tuple(one["services"]))
                      for one in findings if one["severity"] in least)

    def of(self, rule):
        return [one for one in self.json.report["findings"] if one["rule"] == rule]

    def expect(self, *expected):
        """Exactly these are at least warnings."""
        wanted = sorted((rule, severity, key or "", tuple(services)) for rule, severity, key, services in expected)
        self.it.check("exactly these findings", self.found() == wanted, f"\n got {self.found()}\nwant {wanted}\n{self.text}")
        return self

    def says(self, *words):
        """These are in the text for people."""
        for word in words:
            self.it.check(f"the text says “{word}”", re.search(word, self.text.words), self.text)
        return self

    def keeps_from(self, *words):
        for word in words:
            self.it.check(f"the text does not say “{word}”", not re.search(word, self.text.words), self.text)
        return self
