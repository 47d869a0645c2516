#!/usr/bin/env python3
"""Keeps one comment on a pull request, or one open issue, up to date with the findings of a check.

In: COMMENT, ISSUE, GITHUB_TOKEN, GITHUB_API_URL and other variables of GitHub Actions, and REPORT, a directory with the report as
`report.json` and `report.md`. A failure is a warning: it never changes the result of the check.
"""

import hashlib
import json
import os
import pathlib
import re
import sys
from urllib.parse import quote

from github_api import Api, Failure, Transient, one_line

# GitHub's limit is 65,536 characters.
MOST_BYTES = 65_000
LABEL = "railway-doctor"
CUT = "\n\nThe report is cut here. The summary of the workflow run has all of it.\n"


class Report:
    """The report of a completed check."""

    def __init__(self, directory, scope):
        report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
        self.markdown = (directory / "report.md").read_text(encoding="utf-8")
        code = report["summary"]["exit_code"]
        if not self.markdown:
            raise Failure("the step summary of the check is empty")
        # With `fail-on` set to never, errors do not change the exit code.
        self.has_findings = code == 1 or report["summary"]["errors"] > 0
        target = report["target"]
        project, environment = target["project"], target["environment"]
        # Jobs that check something else have their own comment and issue. Otherwise, a green one would close it. A new
        # baseline does not make the findings those of another job.
        self.key = digest([project["id"], environment["id"], *scope])
        self.title = one_line(f"Railway drift: {project['name']} · {environment['name']}")
        # Counts, times and commits change while the findings stay the same.
        self.state = digest(sorted(
            [found["severity"], found["rule"], found["key"] or "", sorted(found["services"])] for found in report["findings"]))

    def body(self, footer=""):
        """Returns the Markdown with the marker in its first line, within GitHub's limit."""
        marker, text = f"<!-- railway-doctor: {self.key} {self.state} -->\n", self.markdown.rstrip("\n")
        room = MOST_BYTES - len((marker + CUT + footer).encode()) - len("\n</details>\n")
        if len(text.encode()) > room:
            text = text.encode()[:room].decode(errors="ignore").rpartition("\n")[0]
            opened = text.count("<details>") > text.count("</details>")
            text += ("\n\n</details>" if opened else "") + CUT.rstrip("\n")
        return marker + text + "\n" + footer

    def state_of(self, entry):
        """Returns the state that a comment or an issue shows, or None if it has no marker of these checks."""
        found = re.match(rf"<!-- railway-doctor: {self.key} ([0-9a-f]{{16}}) -->", entry.get("body") or "")
        return found and found.group(1)


def digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


class Publisher:
    """Writes one kind of entry, a comment or an issue, and finds those that it wrote."""

    def __init__(self, api, report, repository):
        self.api, self.report = api, report
        self.path = f"/repos/{repository}"
        self.login = api.login()

    def own(self, path):
        """Returns the entries with the marker, the oldest first. Anybody can write the marker, so the author counts too."""
        entries = self.api.get_all(path)
        own = [entry for entry in entries if "pull_request" not in entry
               and (entry.get("user") or {}).get("login") == self.login and self.report.state_of(entry)]
        return sorted(own, key=lambda entry: entry["id"])

    def create(self, path, body, search):
        """Creates an entry. If the response is lost, it may exist, so a search precedes the second attempt."""
        try:
            return self.api.post(path, body)
        except Transient:
            found = self.own(search)
            return found[0] if found else self.api.post(path, body)


class Comment(Publisher):
    """The comment on a pull request."""

    def update(self, number):
        comments = f"{self.path}/issues/{number}/comments"
        search, body = f"{comments}?per_page=100", self.report.body()
        own, created = self.own(search), None
        if not own:
            if not self.report.has_findings:
                return "no findings, so no comment is needed"
            created = self.create(comments, {"body": body}, search)
            # Another run may have created one at the same time. The oldest stays.
            own = self.own(search) or [created]
        for extra in own[1:]:
            self.api.delete(f"{self.path}/issues/comments/{extra['id']}")
        if created and own[0]["id"] == created["id"]:
            return "created the comment"
        if normal(own[0].get("body")) == normal(body):
            return "the comment is up to date"
        self.api.patch(f"{self.path}/issues/comments/{own[0]['id']}", {"body": body})
        return "updated the comment"


class Issue(Publisher):
    """The open issue of a repository."""

    def update(self, run):
        self.search = f"{self.path}/issues?state=open&creator={quote(self.login)}&sort=created&direction=asc&per_page=100"
        self.run = run
        own = self.own(self.search)
        if not self.report.has_findings:
            for issue in own:
                self.close(issue, "completed", f"There are no findings any more, as of {self.run}.")
            return f"closed {numbers(own)}: there are no findings any more" if own else "no findings, and no open issue"
        if not own:
            return self.open()
        for extra in own[1:]:
            self.close(extra, "not_planned", f"Duplicate of #{own[0]['number']}.")
        if self.report.state_of(own[0]) == self.report.state:
            return f"{numbers(own[:1])} is up to date: the findings are the same"
        self.api.patch(f"{self.path}/issues/{own[0]['number']}", {"body": self.body()})
        return f"updated {numbers(own[:1])}"

    def open(self):
        created = self.create(f"{self.path}/issues", {"title": self.report.title, "body": self.body(), "labels": [LABEL]}, self.search)
        # Another run may have opened one at the same time. The oldest stays, and each run closes only its own.
        older = [issue for issue in self.own(self.search) if issue["number"] < created["number"]]
        if older:
            self.close(created, "not_planned", f"Duplicate of #{older[0]['number']}.")
            return f"closed {numbers([created])}: another run opened {numbers(older[:1])} first"
        return f"opened {numbers([created])}"

    def body(self):
        footer = f"\nThis issue changes when the findings change, and is closed when they are gone. Last change: {self.run}.\n"
        return self.report.body(footer)

    def close(self, issue, reason, comment):
        path = f"{self.path}/issues/{issue['number']}"
        self.api.patch(path, {"state": "closed", "state_reason": reason})
        self.api.post(f"{path}/comments", {"body": comment})


def numbers(issues):
    return ", ".join(f"issue #{int(issue['number'])}" for issue in issues)


def normal(text):
    return (text or "").replace("\r\n", "\n").rstrip()


def pull_request(event):
    """Returns the number of the pull request, or None."""
    request = event.get("pull_request")
    return int(request["number"]) if isinstance(request, dict) else None


def is_on_default_branch(event):
    """Returns whether the run is about the default branch. Scheduled runs always are."""
    if os.environ["GITHUB_EVENT_NAME"] == "schedule":
        return True
    branch = (event.get("repository") or {}).get("default_branch")
    return pull_request(event) is None and branch is not None and os.environ.get("GITHUB_REF") == f"refs/heads/{branch}"


def link_to_run():
    run = os.environ.get("GITHUB_RUN_ID", "")
    server, repository = os.environ.get("GITHUB_SERVER_URL", ""), os.environ["GITHUB_REPOSITORY"]
    return f"[run {run}]({server}/{repository}/actions/runs/{run})"


def publish(kind, permission, report, subject):
    api = Api(os.environ["GITHUB_TOKEN"], os.environ["GITHUB_API_URL"], os.environ["GITHUB_GRAPHQL_URL"], permission)
    return kind(api, report, os.environ["GITHUB_REPOSITORY"]).update(subject)


def attempt(name, action):
    """Runs an action, and prints its outcome or a warning."""
    try:
        print(f"{name}: {action()}")
    except Failure as failure:
        lines = [f"failed to update the {name}: {failure.cause}", *([f"help: {failure.help_text}"] if failure.help_text else [])]
        text = "\n".join(lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::warning title=railway-doctor::{text}")


def main():
    # The console of Windows has another encoding, and a message of GitHub can have any character.
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    event = json.loads(pathlib.Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    place = os.path.relpath(os.getcwd(), os.environ["GITHUB_WORKSPACE"]).replace(os.sep, "/")
    scope = [place, os.environ["ARGS"].split(), os.environ["ENV_FILE"]]
    number, read = pull_request(event), lambda: Report(pathlib.Path(os.environ["REPORT"]), scope)
    if os.environ["COMMENT"] == "true":
        on_request = lambda: publish(Comment, "pull-requests", read(), number)
        attempt("comment", on_request if number is not None else lambda: "skipped: this run is not for a pull request")
    if os.environ["ISSUE"] == "true":
        on_branch = lambda: publish(Issue, "issues", read(), link_to_run())
        attempt("issue", on_branch if is_on_default_branch(event) else lambda: "skipped: this run is not for the default branch")


main()
