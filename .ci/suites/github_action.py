#!/usr/bin/env python3
"""Tests the GitHub action against a simulated GitHub: the comment, the issue, forks, errors of the API, and two runs at once.

    github_action.py target/release/doctor path/to/server.py [CASE-NAME-PART]

Most cases use a stand-in for `doctor` with a given report; `whole_action` uses the real one and the simulated Railway. The Python
that runs this needs PyYAML.
"""
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from action_runner import ACTION, ROOT, Event, Runner, pull_request, push, schedule
from github_server import BOT, MOST_CHARACTERS, GitHub, soon
from server_checks import DOCTOR, SCENARIOS, Results, Server, values_of, work_dir

SECRET = "railway-token-of-the-test-2026"
NO_SECRET = {"token": ""}
# Writes the report in state.json in the requested format, and records its arguments and the tokens that it could read.
STAND_IN = r'''#!/usr/bin/env python3
import json, os, pathlib, sys
home = pathlib.Path(__file__).parent
state, arguments = json.loads((home / "state.json").read_text()), sys.argv[1:]
with open(home / "calls", "a") as calls:
    calls.write(json.dumps([arguments, os.environ.get("RAILWAY_TOKEN"), os.environ.get("GITHUB_TOKEN")]) + "\n")
kind = arguments[arguments.index("--format") + 1]
code = state["codes"].get(kind, state["codes"]["github"])
output = next((word[9:] for word in arguments if word.startswith("--output=")), None)
if kind == "github" and code != 2:
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a") as summary:
        summary.write(state["markdown"])
if kind == "json":
    errors = sum(one["severity"] == "error" for one in state["findings"])
    names = {"project": {"id": "p1", "name": state["project"]}, "environment": {"id": "e1", "name": "staging"}}
    pathlib.Path(output).write_text(json.dumps({"target": names, "summary": {"exit_code": code, "errors": errors}, "findings": state["findings"]}))
if kind == "sarif":
    pathlib.Path(output).write_text("{}")
sys.exit(0 if kind == "sarif" else code)
'''
CASES = []
results = Results()


def case(function):
    CASES.append(function)
    return function


def finding(rule="value-differs", key="API_KEY", services=("api",), severity="error"):
    return {"rule": rule, "key": key, "services": list(services), "severity": severity, "message": f"{key} differs"}


class World:
    """A job, the simulated GitHub, and a stand-in for `doctor`."""

    def __init__(self, name, path, github):
        self.name, self.path, self.github = name, path, github
        self.doctor = path / "doctor"
        self.doctor.write_text(STAND_IN)
        self.doctor.chmod(0o755)
        (path / "calls").write_text("")
        self.runner = Runner(path, github, self.doctor)
        self.finds(finding())

    def check(self, what, condition, detail=""):
        results.check(f"{self.name}: {what}", condition, detail)

    def finds(self, *findings, code=None, markdown=None, project="shop", **codes):
        """Sets the report of the following runs."""
        code = code if code is not None else int(bool(findings))
        title = f"### doctor: {len(findings)} errors" if findings else "### doctor: all checks passed"
        rows = "\n".join(f"| **error** | `{one['rule']}` | {one['key']} |" for one in findings)
        state = {"codes": {"github": code, **codes}, "findings": findings, "project": project,
                 "markdown": markdown or f"{title}\n\n{rows}\n"}
        (self.path / "state.json").write_text(json.dumps(state))

    def run(self, event, **inputs):
        run = self.runner.run(event, **{"token": SECRET, **inputs})
        self.check("no secret is shown", SECRET not in repr(run) and self.github.token not in repr(run), run)
        return run

    def comment(self, event=None, **inputs):
        return self.run(event or pull_request(), comment="true", **inputs)

    def issue(self, event=None, **inputs):
        return self.run(event or push(), issue="true", **inputs)

    def calls(self):
        return [json.loads(line) for line in (self.path / "calls").read_text().splitlines()]

    def only_comment(self):
        comments = [one for one in self.github.comments_of(7) if (one["user"] or {}).get("login") == self.github.login]
        self.check("there is one comment", len(comments) == 1, comments)
        return comments[0]["body"] if comments else ""

    def only_issue(self):
        issues = self.github.open_issues()
        self.check("there is one open issue", len(issues) == 1, issues)
        return issues[0] if issues else {"body": "", "number": 0, "title": ""}


@contextlib.contextmanager
def world(name, **how):
    with tempfile.TemporaryDirectory() as folder:
        github = GitHub(**how)
        it = World(name, pathlib.Path(folder).resolve(), github)
        try:
            yield it
        finally:
            github.stop()
            it.check("GitHub saw no violation", not github.violations, github.violations)


# The comment ----------------------------------------------------------------------------------------------------------------


@case
def comment_is_created_updated_and_kept():
    with world("comment") as it:
        run = it.comment()
        it.check("findings fail the step", not run.succeeded and run.failed_steps == [1], run)
        it.check("the outputs are set", run.outputs == {"exit-code": "1", "checked": "true"}, run)
        body = it.only_comment()
        it.check("the comment has the report below its marker", re.match(r"<!-- railway-doctor: \w{16} \w{16} -->\n### doctor: 1 errors\n", body), body)
        writes = len(it.github.writes())
        run = it.comment()
        it.check("the same report is not sent again", len(it.github.writes()) == writes and "is up to date" in run.log, run)
        it.finds(finding(), finding(key="OTHER"))
        it.comment()
        it.check("another report replaces it", "OTHER" in it.only_comment())
        it.finds()
        run = it.comment()
        it.check("a success replaces it, too", "all checks passed" in it.only_comment() and run.succeeded, run)


@case
def comment_is_not_created_without_findings():
    with world("nothing found") as it:
        it.finds()
        run = it.comment()
        it.check("nothing is written", run.succeeded and not it.github.writes(), run)


@case
def comment_is_only_on_pull_requests():
    with world("comment on push") as it:
        for event in [push(), schedule()]:
            run = it.comment(event)
            it.check(f"{event.name}: skipped", "comment: skipped" in run.log and not it.github.requests, run)


@case
def comment_is_found_on_later_pages():
    with world("pages") as it:
        for number in range(250):
            it.github.add_comment(7, f"comment {number}", "dev")
        it.comment()
        it.finds(finding(key="LATER"))
        it.comment()
        it.check("the comment is updated", "LATER" in it.only_comment())
        lists = [path for method, path, _ in it.github.requests if method == "GET"]
        it.check("all pages were read", len(lists) == 9, lists)


@case
def comments_of_others_are_never_touched():
    with world("forged") as it:
        it.comment()
        marked = it.only_comment()
        it.github.comments.clear()
        for author in ["attacker", "renovate[bot]", "github-actions", None]:
            it.github.add_comment(7, marked, author)
        it.github.add_comment(7, f"> {marked}", BOT)
        it.github.add_comment(7, None, BOT)
        before = {key: dict(one) for key, one in it.github.comments.items()}
        it.finds(finding(key="NEW"))
        it.comment()
        kept = all(it.github.comments[key] == one for key, one in before.items())
        added = [one for key, one in it.github.comments.items() if key not in before]
        it.check("a new comment is created, and no other changes", kept and len(added) == 1 and "NEW" in added[0]["body"], added)


@case
def directories_have_their_own_comments():
    with world("monorepo") as it:
        for name in ["a", "b"]:
            (it.runner.workspace / name).mkdir()
        for name in ["a", "b", "a", "./b/"]:
            it.comment(working_directory=name)
        bodies = [one["body"] for one in it.github.comments_of(7)]
        it.check("there are two", len(bodies) == 2 and bodies[0][:40] != bodies[1][:40], bodies)


@case
def jobs_that_check_something_else_have_their_own_issues():
    with world("selections") as it:
        selections = [{}, {"args": "--service web"}, {"args": "--service jobs"}, {"env_file": ".env.ci"}]
        for inputs in selections:
            it.issue(**inputs)
        it.check("each has its own", len(it.github.open_issues()) == len(selections), it.github.open_issues())
        it.finds()
        it.issue(args="--service   web\n")
        it.check("a green job closes only its own", len(it.github.open_issues()) == len(selections) - 1, it.github.open_issues())


@case
def two_runs_at_once_leave_one_comment():
    with world("two comments") as it:
        meet_once(it.github, "GET", "/issues/7/comments")
        for run in at_once(it, pull_request(), comment="true"):
            it.check("no run warns", "::warning" not in run.log, run)
        it.check("both created one", len([1 for method, path, _ in it.github.requests if method == "POST" and path.endswith("comments")]) == 2)
        it.only_comment()


@case
def duplicate_comments_are_deleted():
    with world("duplicate comments") as it:
        it.comment()
        for _ in range(2):
            it.github.add_comment(7, it.only_comment(), BOT)
            # Another run deletes it at the same time.
            it.github.fault("DELETE", "/comments/", 404, "Not Found", after=True)
            run = it.comment()
            it.check("there is no warning", "::warning" not in run.log and it.only_comment(), run)


# The issue ------------------------------------------------------------------------------------------------------------------


@case
def issue_is_opened_updated_and_closed():
    with world("issue") as it:
        it.issue()
        issue = it.only_issue()
        it.check("the issue has title, label and report", issue["title"] == "Railway drift: shop · staging"
                 and issue["labels"] == ["railway-doctor"] and "### doctor: 1 errors" in issue["body"], issue)
        it.check("the issue links to the run", re.search(r"\(https://github\.example/acme/shop/actions/runs/42\S+\)", issue["body"]), issue)
        writes = len(it.github.writes())
        it.finds(finding(), markdown="### doctor: 1 errors\n\nother times and commits\n")
        run = it.issue(schedule())
        it.check("the same findings change nothing", len(it.github.writes()) == writes and "the findings are the same" in run.log, run)
        both = ("api", "worker")
        for findings in [[finding(services=both)], [finding(services=both, severity="warning")], [finding(), finding("stale-deployment", None)]]:
            before = issue["body"]
            it.finds(*findings, code=1)
            it.issue(schedule())
            it.check("other findings change it", it.only_issue()["body"] != before and len(it.github.comments) == 0, findings)
        it.finds()
        run = it.issue(schedule())
        comments = it.github.comments_of(issue["number"])
        it.check("the issue is closed with a comment", (issue["state"], issue["state_reason"], len(comments)) == ("closed", "completed", 1), run)
        writes = len(it.github.writes())
        run = it.issue()
        it.check("a success without an issue changes nothing", len(it.github.writes()) == writes and run.succeeded, run)
        it.finds(finding())
        it.issue()
        it.check("new findings open a new one", it.only_issue()["number"] != issue["number"])


@case
def issue_survives_runs_that_could_not_check():
    with world("could not check") as it:
        it.issue()
        before, requests = dict(it.only_issue()), len(it.github.requests)
        for code in [2, 3, 4, 5, 101, 130, 139]:
            it.finds(code=code)
            for inputs in [{}, {"fail_on": "never"}]:
                run = it.issue(schedule(), **inputs)
                it.check(f"{code} fails the step", run.failed_steps == [code] and run.outputs == {"exit-code": str(code), "checked": "false"}, run)
                it.check(f"{code}: the log has the reason", "stay as they are" in run.log, run)
        # The second check of the run fails, or contradicts the first one.
        for code, second in [(1, 5), (0, 5), (1, 0), (0, 1), (1, 2)]:
            it.finds(code=code, json=second)
            run = it.issue(schedule())
            it.check(f"{code} and {second}: a warning", "::warning title=railway-doctor::The comment and the issue stay as they are" in run.log, run)
        it.check("GitHub was not asked", len(it.github.requests) == requests and it.only_issue() == before)


@case
def issue_follows_the_default_branch_only():
    with world("branches") as it:
        # A merged pull request has the ref of its base branch.
        merged = Event("pull_request", "refs/heads/main", **pull_request().payload)
        for event in [push("feature"), pull_request(), merged, Event("merge_group", "refs/heads/gh-readonly-queue/main/x", **push().payload)]:
            run = it.issue(event)
            it.check(f"{event.name}: skipped", "issue: skipped" in run.log and not it.github.requests, run)
        for event in [schedule(), Event("workflow_dispatch", **push().payload), push()]:
            it.issue(event)
            it.only_issue()


@case
def issue_with_fail_on_never():
    with world("never") as it:
        # The step succeeds with `never`, whether it is set by the input, by `args` or by doctor.toml.
        it.finds(finding(), code=0)
        for inputs in [{"fail_on": "never"}, {}]:
            run = it.issue(**inputs)
            it.check("the step succeeds, and the issue is open", run.succeeded and it.only_issue(), run)
        it.finds()
        it.issue(fail_on="never")
        it.check("the issue is closed", not it.github.open_issues())


@case
def issues_of_others_are_never_touched():
    with world("forged issues") as it:
        it.issue()
        body = it.only_issue()["body"]
        it.github.issues = {number: one for number, one in it.github.issues.items() if "pull_request" in one}
        it.github.add_issue("forged", body, "attacker")
        it.github.add_issue("quoted", f"> {body}", BOT)
        it.github.add_issue("a pull request of the bot", body, BOT, pull_request={})
        it.github.add_issue("without a body", None, BOT)
        before = {number: dict(one) for number, one in it.github.issues.items()}
        it.issue()
        it.finds()
        it.issue()
        it.check("no other issue changes", all(it.github.issues[number] == one for number, one in before.items()))
        it.check("one was opened and closed", [one["state"] for number, one in it.github.issues.items() if number not in before] == ["closed"])


@case
def two_runs_at_once_leave_one_issue():
    with world("two issues") as it:
        meet_once(it.github, "GET", "/issues")
        runs = at_once(it, push(), issue="true")
        it.check("no run warns", not any("::warning" in run.log for run in runs), runs)
        it.check("both opened one", len(it.github.issues) == 3, it.github.issues)
        issue = it.only_issue()
        closed = [one for one in it.github.issues.values() if one["state"] == "closed"]
        it.check("the older one stays", [(one["number"], one["state_reason"]) for one in closed] == [(issue["number"] + 1, "not_planned")], closed)
        comments = [one["body"] for one in it.github.comments.values()]
        it.check("the newer one names the older one", comments == [f"Duplicate of #{issue['number']}."], comments)


@case
def duplicates_of_earlier_runs_are_closed():
    with world("earlier duplicates") as it:
        it.issue()
        first = it.only_issue()
        second, third = (it.github.add_issue("copy", first["body"], BOT) for _ in range(2))
        it.issue()
        it.check("the oldest stays", it.only_issue()["number"] == first["number"])
        it.check("the others are closed", second["state"] == third["state"] == "closed")


@case
def two_runs_at_once_close_the_issue():
    with world("two successes") as it:
        it.issue()
        it.finds()
        meet_once(it.github, "GET", "/issues")
        runs = at_once(it, push(), issue="true")
        it.check("no run warns, and none is open", not it.github.open_issues() and not any("::warning" in run.log for run in runs), runs)


def meet_once(github, method, end):
    """Answers the first two such requests only when both have been executed, so that both runs find the same."""
    barrier, seen, lock = threading.Barrier(2, timeout=30), [], threading.Lock()

    def wait_for_other(found, path):
        if (found, path.endswith(end)) == (method, True):
            with lock:
                seen.append(path)
                is_first = len(seen) <= 2
            if is_first:
                barrier.wait()

    github.before_response = wait_for_other


def at_once(it, event, **inputs):
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(it.runner.run, event, number, token=SECRET, **inputs) for number in (1, 2)]
        return [job.result() for job in jobs]


# Errors of the API ----------------------------------------------------------------------------------------------------------

PROXY = "<html><body>502 Bad Gateway</body></html>"


def errors():
    """Returns faults with what the warning must contain."""
    listing, comments = ("GET", "/issues/7/comments"), ("POST", "/issues/7/comments")
    return [
        ("rejected token", [(*listing, 401, "Bad credentials")], ["401: Bad credentials", "help: check the input github-token"]),
        ("no permission", [(*comments, 403, "Resource not accessible by integration")], ["403", "`pull-requests: write`"]),
        ("hidden repository", [(*listing, 404, "Not Found")], ["404", "`pull-requests: write`"]),
        ("invalid", [(*comments, 422, "Validation Failed")], ["422: Validation Failed"]),
        ("outage", [(*listing, 503, "down", {"times": 9})], ["503: down", "the next run tries again"]),
        ("page of a proxy", [(*listing, 502, None, {"raw": PROXY, "times": 9})], ["GitHub responded with 502%0A"]),
        ("page instead of JSON", [(*listing, 200, None, {"raw": PROXY})], ["is not JSON"]),
        ("another shape", [(*listing, 200, None, {"raw": '{"message": "hello"}'})], ["is not a list"]),
        ("no viewer", [("POST", "/graphql", 200, None, {"raw": '{"data": null, "errors": []}'})], ["did not return the owner"]),
        ("lost connection", [(*listing, None, None, {"times": 9})], ["could not be reached"]),
        ("moved repository", [(*listing, 301, "Moved Permanently", {"headers": {"Location": "/stolen"}})], ["301: Moved Permanently"]),
        ("long rate limit", [(*listing, 403, "API rate limit exceeded", {"headers": soon(900)})], ["rate limit was reached"]),
        ("secondary limit", [(*comments, 403, "secondary rate limit", {"headers": {"Retry-After": "60"}})], ["rate limit was reached"]),
        ("limit without a time", [(*comments, 429, "slow down")], ["rate limit was reached"]),
        ("hostile message", [(*comments, 422, "a\n::set-output name=x::y\r\x1b[31m%0A::error::z")], ["a ::set-output name=x::y", "%250A::error::z"]),
        ("other host", [(*listing, 200, None, {"raw": "[]", "headers": {"Link": '<http://127.0.0.1:1/x>; rel="next"'}})], ["another host"]),
    ]


@case
def errors_are_warnings():
    for name, faults, expected in errors():
        with world(name) as it:
            for *fault, more in [fault if isinstance(fault[-1], dict) else (*fault, {}) for fault in faults]:
                it.github.fault(*fault, **more)
            run = it.comment()
            warnings = [line for line in run.log.splitlines() if line.startswith("::")]
            it.check("there is one warning", len(warnings) == 1 and warnings[0].startswith("::warning title=railway-doctor::failed to update the comment: "), run)
            it.check("the warning has the cause", all(text in run.log for text in expected), run)
            it.check("the result stays", run.failed_steps == [1] and run.outputs["exit-code"] == "1", run)
            it.check("no redirect is followed", not any("stolen" in path for _, path, _ in it.github.requests))


@case
def brief_errors_are_repeated():
    faults = [("GET", "/issues/7/comments", 500, "x"), ("GET", "/issues/7/comments", None, None), ("POST", "/graphql", 502, "x"),
              ("POST", "/issues/7/comments", 429, "x", {"headers": {"Retry-After": "1"}}), ("GET", "/comments", 403, "x", {"headers": soon()})]
    for number, (*fault, more) in enumerate(fault if isinstance(fault[-1], dict) else (*fault, {}) for fault in faults):
        with world(f"brief error {number}") as it:
            it.github.fault(*fault, **more)
            run = it.comment()
            it.check("there is no warning", "::warning" not in run.log and it.only_comment(), run)


@case
def lost_response_creates_no_duplicate():
    for status in [None, 502]:
        for is_executed in [True, False]:
            with world(f"lost response {status} {is_executed}") as it:
                it.github.fault("POST", "/issues$", status, "x", after=is_executed)
                run = it.issue()
                it.check("there is no warning", "::warning" not in run.log, run)
                it.only_issue()
                it.check("one was created", len(it.github.issues) == 2, it.github.issues)
            with world(f"lost response of a comment {status} {is_executed}") as it:
                it.github.fault("POST", "/comments$", status, "x", after=is_executed)
                it.comment()
                it.only_comment()


@case
def disabled_issues_and_permissions_are_explained():
    with world("disabled issues") as it:
        it.github.issues_enabled = False
        run = it.issue()
        it.check("the warning has the setting", "::warning" in run.log and "410: Issues has been disabled" in run.log and "enable issues" in run.log, run)
    with world("no permission for issues", permissions=("pull-requests",)) as it:
        run = it.issue()
        it.check("the warning names the permission", "`issues: write`" in run.log and run.failed_steps == [1], run)
        it.comment()
        it.only_comment()
    with world("read-only", permissions=()) as it:
        run = it.run(pull_request(), comment="true", issue="true")
        it.check("the warning names the permission", "`pull-requests: write`" in run.log, run)
    with world("locked") as it:
        it.github.issues[7]["locked"] = True
        run = it.comment()
        it.check("the warning has the cause only", "because issue is locked" in run.log and "help:" not in run.log, run)


@case
def token_is_sent_to_safe_addresses_only():
    for address in ["http://github.example/api", "ftp://127.0.0.1/", "https://user@github.example", "http://127.0.0.1.evil.example", "file:///etc/passwd", ""]:
        with world(f"address {address}") as it:
            it.runner.variables = {"GITHUB_API_URL": address}
            run = it.comment()
            it.check("the address is refused", "::warning" in run.log and "not an https address" in run.log and not it.github.requests, run)


@case
def crash_of_the_script_keeps_the_result():
    with world("crash") as it:
        it.github.fault("GET", "/issues/7/comments", 200, None, raw='[{"user": {"login": "github-actions[bot]"}, "body": 7}]')
        run = it.comment()
        it.check("the script crashed", "Traceback" in run.log, run)
        it.check("the exit code is doctor's", run.outputs["exit-code"] == "1" and run.failed_steps[-1] == 1 and not run.succeeded, run)
        it.finds()
        it.github.fault("GET", "/issues/7/comments", 200, None, raw='[{"user": {"login": "github-actions[bot]"}, "body": 7}]')
        run = it.comment()
        it.check("a success stays a success", run.succeeded, run)


# Forks and inputs -----------------------------------------------------------------------------------------------------------


@case
def forks_without_secrets_are_neutral():
    events = [("fork", pull_request(head="fork/shop")), ("deleted fork", pull_request(head=None)), ("Dependabot", pull_request(actor="dependabot[bot]")),
              ("Dependabot's branch", push("dependabot/npm", actor="dependabot[bot]")),
              ("review", pull_request(head="fork/shop", name="pull_request_review"))]
    for name, event in events:
        with world(name) as it:
            run = it.run(event, comment="true", issue="true", sarif="drift.sarif", **NO_SECRET)
            it.check("the step succeeds", run.succeeded and not run.used, run)
            it.check("a notice and the summary have the reason", "::notice title=railway-doctor::Not checked: GitHub gives " in run.log
                     and run.summary.startswith("### doctor: not checked\n\nGitHub gives "), run)
            it.check("the outputs have no result", run.outputs == {"exit-code": "", "checked": "false"}, run)
            it.check("nothing is run or sent", not it.calls() and not it.github.requests)
    for name, event in [("push", push()), ("schedule", schedule()), ("own branch", pull_request())]:
        with world(f"no token on {name}") as it:
            it.finds(code=4)
            run = it.run(event, **NO_SECRET)
            it.check("doctor reports the missing token", run.failed_steps == [4] and len(it.calls()) == 1, run)
    with world("fork with secrets") as it:
        run = it.comment(pull_request(head="fork/shop"))
        it.check("it is checked", run.outputs["checked"] == "true" and it.only_comment(), run)


@case
def pull_request_target_is_refused():
    with world("pull_request_target") as it:
        run = it.run(pull_request(head="fork/shop", name="pull_request_target"), comment="true")
        it.check("it fails with the reason", run.failed_steps == [2] and "gives secrets to the code of forks" in run.log and not it.calls(), run)


@case
def inputs_become_arguments():
    with world("inputs") as it:
        run = it.run(push(), args="--service api\n--only A\n$(touch x) `id`", env_file=".env.ci", baseline="base line.json", fail_on="warning", sarif="drift.sarif", issue="true")
        common = ["check", "--env-file=.env.ci", "--baseline=base line.json", "--new-only", "--service", "api", "--only", "A", "$(touch", "x)", "`id`"]
        folder = next(word for arguments, *_ in it.calls() for word in arguments if word.endswith("report.json"))
        expected = [[*common, "--format", "github", "--fail-on=warning"], [*common, "--format", "json", folder, "--fail-on=warning"],
                    [*common, "--format", "sarif", "--output=drift.sarif", "--fail-on", "never"]]
        it.check("every run gets them", [arguments for arguments, *_ in it.calls()] == expected, it.calls())
        it.check("doctor gets the Railway token only", all(call[1:] == [SECRET, None] for call in it.calls()), it.calls())
        it.check("SARIF is uploaded", [name for name, _ in run.used] == ["github/codeql-action/upload-sarif"], run)
    with world("defaults") as it:
        run = it.run(push())
        it.check("one run without flags", [arguments for arguments, *_ in it.calls()] == [["check", "--format", "github"]], it.calls())
        it.check("GitHub is not asked", not it.github.requests and "### doctor" in run.summary, run)
    with world("line breaks") as it:
        for name in ["sarif", "env_file", "baseline"]:
            run = it.run(push(), **{name: "x\nexit-code=0"})
            it.check(f"{name} is refused", run.failed_steps == [2] and not it.calls() and run.outputs["exit-code"] == "2", run)


@case
def both_at_once_use_the_event():
    with world("both") as it:
        it.run(pull_request(), comment="true", issue="true")
        it.only_comment()
        it.check("a pull request opens no issue", not it.github.open_issues())
        it.run(push(), comment="true", issue="true")
        it.only_issue()
        it.check("a push adds no comment", len(it.github.comments) == 1)


@case
def other_tokens_find_their_own():
    with world("token of an app", login="drift-app[bot]") as it:
        it.comment()
        it.issue()
        for _ in range(2):
            it.finds(finding(key="OTHER"))
            it.comment()
            it.issue()
        it.check("both are updated", "OTHER" in it.only_comment() and "OTHER" in it.only_issue()["body"])


# Contents -------------------------------------------------------------------------------------------------------------------


@case
def long_report_is_cut():
    row = "| note | `missing-locally` | ÄÖÜ日本 is on api and not in .env |\n"
    for name, filler in [("rows", row * 2000), ("one line", "é" * 90_000)]:
        with world(f"long report: {name}") as it:
            it.finds(finding(), markdown=f"### doctor: 1 error\n\n<details><summary>2000 notes</summary>\n\n{filler}\n\n</details>\n")
            it.comment()
            it.issue()
            for body in [it.only_comment(), it.only_issue()["body"]]:
                it.check("the body fits", 100 < len(body.encode()) <= MOST_CHARACTERS, len(body))
                it.check("the body says so", "The report is cut here." in body and body.count("<details>") == body.count("</details>"), body[-300:])
            it.comment()
            it.check("the cut report is up to date", len([1 for method, *_ in it.github.writes() if method == "PATCH"]) == 0)


@case
def hostile_names_stay_text():
    name = "x\n::error::y\u202e\x1b[31m" + "n" * 400
    with world("hostile names") as it:
        it.finds(finding(key="-->\n::error::@team", services=[name]), project=name)
        run = it.issue()
        title = it.only_issue()["title"]
        it.check("the title is one short line", "\n" not in title and "\x1b" not in title and "\u202e" not in title and len(title) <= 256, repr(title))
        it.check("the log has no command", not any(line.startswith("::error") for line in run.log.splitlines()), run)
        first = it.only_issue()["body"].splitlines()[0]
        it.check("the marker has no name", re.fullmatch(r"<!-- railway-doctor: \w{16} \w{16} -->", first), first)


@case
def missing_python_is_a_warning():
    with world("no Python") as it:
        tools = it.path / "tools"
        tools.mkdir()
        for name in ["bash", "cat", "mktemp"]:
            (tools / name).symlink_to(shutil.which(name))
        it.doctor.write_text(it.doctor.read_text().replace("#!/usr/bin/env python3", f"#!{sys.executable}", 1))
        it.runner.variables = {"PATH": str(tools)}
        run = it.comment()
        it.check("a warning says so", "::warning title=railway-doctor::the comment and the issue need Python 3.8" in run.log and run.failed_steps == [1], run)


@case
def action_uses_no_pull_request_target():
    texts = [path for path in [ROOT / "action.yml", *(ROOT / ".github/workflows").iterdir()] if "pull_request_target" in path.read_text(encoding="utf-8")]
    results.check("no workflow uses pull_request_target", not texts, texts)
    results.check("the token is not an argument", "github-token" not in "".join(step.get("run", "") for step in ACTION["runs"]["steps"]))


@case
def documented_inputs_and_outputs_are_complete():
    text = (ROOT / "docs/ci.md").read_text(encoding="utf-8").partition("\n### Inputs and outputs\n")[2].partition("\n#")[0]
    documented = re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)
    results.check("docs/ci.md lists the inputs and outputs", sorted(documented) == sorted([*ACTION["inputs"], *ACTION["outputs"]]), documented)


# The real doctor ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def stopping(server):
    try:
        yield
    finally:
        server.stop()


@contextlib.contextmanager
def incident(name):
    """Runs the real doctor on the incident."""
    server = Server("--scenario", "incident")
    text = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
    with stopping(server), world(name) as it, work_dir(text, server) as work:
        runner = Runner(it.path, it.github, DOCTOR, {"HOME": str(work.parent / "home")})
        shutil.copytree(work, runner.workspace, dirs_exist_ok=True)
        yield it, server, runner, {"token": server.token("project"), "args": f"--api-url {server.info['url']}"}


@case
def whole_action():
    values = values_of(json.loads((SCENARIOS / "incident.json").read_text())) | {"staging-ops-step3-key-2026"}
    with incident("real doctor") as (it, server, runner, inputs):
        inputs |= {"comment": "true", "issue": "true"}
        server.reset()
        for event in [pull_request(), push()]:
            run = runner.run(event, **inputs)
            it.check("findings are annotations, and fail the step", run.failed_steps == [1] and "::error file=.env" in run.log, run)
            it.check("the summary has the report", "STAGING_OPS_API_KEY" in run.summary, run)
        it.check("each run costs two checks", server.summary()["requests"] == 8, server.summary()["requests"])
        for body in [it.only_comment(), it.only_issue()["body"]]:
            it.check("the report names the key", "STAGING_OPS_API_KEY" in body, body)
            it.check("it has no value and no token", not any(value in body for value in values | {inputs["token"], it.github.token}), body)
        writes = len(it.github.writes())
        for event in [pull_request(), schedule()]:
            runner.run(event, **inputs)
        it.check("another run changes nothing", len(it.github.writes()) == writes, it.github.writes()[writes:])
        server.reset({"kind": "http_error", "status": 503, "count": -1})
        run = runner.run(schedule(), **{**inputs, "args": f"{inputs['args']} --timeout 2s"})
        it.check("an outage leaves the issue open", run.failed_steps == [5] and it.only_issue() and "stay as they are" in run.log, run)
        server.reset()
        (runner.workspace / "doctor.toml").write_text('[severity]\nvalue-differs = "off"\nstale-deployment = "off"\n')
        run = runner.run(schedule(), **inputs)
        it.check("a success closes the issue", run.succeeded and not it.github.open_issues(), run)


@case
def whole_action_with_baseline():
    with incident("real baseline") as (it, server, runner, inputs):
        runner.run(push(), **inputs, issue="true")
        it.only_issue()
        record = [*inputs["args"].split(), "--baseline", "railway-baseline.toml", "--write-baseline"]
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(it.path), "RAILWAY_TOKEN": inputs["token"]}
        result = subprocess.run([DOCTOR, "check", *record], cwd=runner.workspace, env=variables, capture_output=True, text=True)
        run = runner.run(push(), **inputs, issue="true", baseline="railway-baseline.toml")
        it.check("known findings pass, and the issue is closed", run.succeeded and not it.github.open_issues(), (result, run))
        env = runner.workspace / ".env"
        env.write_text(env.read_text().replace("WORKER_CONCURRENCY=4", "WORKER_CONCURRENCY=5"))
        run = runner.run(push(), **inputs, issue="true", baseline="railway-baseline.toml")
        body = it.only_issue()["body"]
        it.check("a new finding opens one", run.failed_steps == [1] and "WORKER_CONCURRENCY" in body and "STAGING_OPS_API_KEY" not in body, run)


@case
def whole_action_without_env_file():
    with incident("real check without a file") as (it, server, runner, inputs):
        (runner.workspace / ".env").unlink()
        run = runner.run(push(), **inputs, issue="true")
        it.check("nothing declared is an error", run.failed_steps == [2] and not it.github.requests, run)
        (runner.workspace / ".env.example").write_text("STAGING_OPS_API_KEY=\nMISSING_EVERYWHERE=\n")
        run = runner.run(push(), **inputs, issue="true")
        it.check("a declared key that is missing is found", run.failed_steps == [1] and "`.env.example:2`" in it.only_issue()["body"], run)


def main():
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    chosen = [one for one in CASES if part in one.__name__]

    def run(one):
        try:
            one()
        except Exception as error:
            results.check(one.__name__, False, f"{type(error).__name__}: {error}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, chosen))
    results.finish()


main()
