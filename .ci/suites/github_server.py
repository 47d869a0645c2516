"""A strict, simulated GitHub on loopback: issues, comments and the owner of a token. It records requests and violations, and injects
faults. It was written from GitHub's documentation, not from the action's code.
"""
import http.server
import json
import re
import threading
import time
import urllib.parse

REPOSITORY = "acme/shop"
# GitHub's links to further pages name the repository by its id.
BY_ID = "/repositories/1/"
BOT = "github-actions[bot]"
MOST_CHARACTERS = 65_536
NO_ACCESS = "Resource not accessible by integration"


class Fault:
    """A response, or a lost one, for the first requests that match."""

    def __init__(self, method, path, status=None, message=None, *, headers=None, raw=None, times=1, after=False):
        self.method, self.path, self.status, self.left = method, re.compile(path), status, times
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.raw = raw if raw is not None else json.dumps({"message": message})
        # The request is executed before the fault.
        self.after = after

    def applies(self, method, path):
        if self.left and self.method == method and self.path.search(path):
            self.left -= 1
            return True
        return False


class GitHub:
    """One repository with issues, pull requests and comments."""

    def __init__(self, permissions=("issues", "pull-requests"), login=BOT):
        self.lock, self.token, self.login, self.permissions = threading.RLock(), "ghs_token-of-the-test-2026", login, set(permissions)
        self.issues, self.comments, self.requests, self.violations, self.faults = {}, {}, [], [], []
        self.issues_enabled, self.next_number, self.next_id = True, 7, 1000
        # Called with the method and the path, between a request and its response, and without a lock.
        self.before_response = lambda method, path: None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"github": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.add_issue("A pull request", "", "dev", pull_request={})

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def add_issue(self, title, body, login, **more):
        number, self.next_number = self.next_number, self.next_number + 1
        self.issues[number] = {"id": number + 50_000, "number": number, "title": title, "body": body, "user": {"login": login},
                               "state": "open", "state_reason": None, "labels": [], "locked": False, **more}
        return self.issues[number]

    def add_comment(self, number, body, login):
        identifier, self.next_id = self.next_id, self.next_id + 1
        user = login and {"login": login}
        self.comments[identifier] = {"id": identifier, "issue": number, "body": body, "user": user}
        return self.comments[identifier]

    def comments_of(self, number):
        return [comment for comment in self.comments.values() if comment["issue"] == number]

    def open_issues(self):
        return [issue for issue in self.issues.values() if issue["state"] == "open" and "pull_request" not in issue]

    def writes(self):
        return [request for request in self.requests if request[0] != "GET" and request[1] != "/graphql"]

    def fault(self, *arguments, **more):
        self.faults.append(Fault(*arguments, **more))

    # Requests ---------------------------------------------------------------------------------------------------------------

    def answer(self, method, target, headers, body):
        """Returns the status, the body and the headers of a response."""
        address = urllib.parse.urlsplit(target)
        path, query = address.path.replace(BY_ID, f"/repos/{REPOSITORY}/"), dict(urllib.parse.parse_qsl(address.query))
        with self.lock:
            self.requests.append((method, path, body))
            self.check_headers(method, headers)
            if headers.get("Authorization") != f"Bearer {self.token}":
                return 401, {"message": "Bad credentials"}, {}
            if path == "/graphql":
                return self.graphql(method, body)
            rest = re.fullmatch(rf"/repos/{REPOSITORY}/issues(?:/(comments/)?(\d+)(/comments)?)?", path)
            if not rest:
                return 404, {"message": "Not Found"}, {}
            is_comment, number, has_comments = bool(rest[1]), rest[2] and int(rest[2]), bool(rest[3])
            if number is None:
                routes = {"GET": lambda: self.list_issues(query), "POST": lambda: self.create_issue(body)}
            elif is_comment:
                routes = {"PATCH": lambda: self.edit_comment(number, body), "DELETE": lambda: self.delete_comment(number)}
            elif has_comments:
                routes = {"GET": lambda: self.list_comments(number, path, query), "POST": lambda: self.create_comment(number, body)}
            else:
                routes = {"PATCH": lambda: self.edit_issue(number, body)}
            return routes.get(method, lambda: self.violation(f"{method} {path}"))()

    def check_headers(self, method, headers):
        for name, value in [("Accept", "application/vnd.github+json"), ("X-GitHub-Api-Version", "2022-11-28")]:
            if headers.get(name) != value:
                self.violation(f"{name}: {headers.get(name)}")
        if not headers.get("User-Agent") or headers["User-Agent"].startswith("Python-urllib"):
            self.violation("no User-Agent")
        if method in ("POST", "PATCH") and headers.get("Content-Type") != "application/json":
            self.violation(f"Content-Type: {headers.get('Content-Type')}")

    def violation(self, what):
        self.violations.append(what)
        return 400, {"message": what}, {}

    def graphql(self, method, body):
        if method != "POST" or re.sub(r"\s", "", body.get("query", "")) not in ("{viewer{login}}", "query{viewer{login}}"):
            return self.violation(f"unexpected query: {body}")
        return 200, {"data": {"viewer": {"login": self.login}}}, {}

    def page(self, path, query, entries, allowed):
        if set(query) - allowed - {"per_page", "page", "after"}:
            return self.violation(f"unknown parameters: {query}")
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        if not 1 <= size <= 100:
            return self.violation(f"per_page={size}")
        following = urllib.parse.urlencode({**query, "page": page + 1})
        link = self.url + path.replace(f"/repos/{REPOSITORY}/", BY_ID)
        more = {"Link": f'<{link}?{following}>; rel="next", <{link}?page=99>; rel="last"'} if len(entries) > page * size else {}
        return 200, entries[(page - 1) * size: page * size], more

    def needs(self, *permissions):
        return None if self.permissions.intersection(permissions) else (403, {"message": NO_ACCESS}, {})

    def list_issues(self, query):
        entries = [issue for issue in self.issues.values()
                   if query.get("state", "open") in ("all", issue["state"])
                   and query.get("creator", issue["user"]["login"]) == issue["user"]["login"]]
        entries.sort(key=lambda issue: issue["number"], reverse=query.get("direction") != "asc")
        if not self.issues_enabled:
            return 410, {"message": "Issues has been disabled in this repository."}, {}
        return self.page(f"/repos/{REPOSITORY}/issues", query, entries, {"state", "creator", "sort", "direction", "labels"})

    def invalid(self, body, required, optional):
        """Returns a response if GitHub would refuse the fields."""
        if set(body) - set(required) - set(optional) or not set(required) <= set(body):
            return self.violation(f"unexpected fields: {sorted(body)}")
        if len(body.get("body", "")) > MOST_CHARACTERS:
            return 422, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"}, {}
        return None

    def create_issue(self, body):
        refused = self.needs("issues") or self.invalid(body, {"title"}, {"body", "labels"})
        if refused:
            return refused
        if not 0 < len(body["title"]) <= 256:
            return 422, {"message": "Validation Failed: title"}, {}
        return 201, self.add_issue(body["title"], body.get("body"), self.login, labels=body.get("labels", [])), {}

    def edit_issue(self, number, body):
        issue = self.issues.get(number)
        refused = self.needs("issues") or self.invalid(body, set(), {"title", "body", "state", "state_reason", "labels"})
        if refused or issue is None:
            return refused or (404, {"message": "Not Found"}, {})
        if body.get("state", "open") not in ("open", "closed") or body.get("state_reason") not in (None, "completed", "not_planned", "reopened"):
            return 422, {"message": "Validation Failed: state"}, {}
        if issue["user"]["login"] != self.login:
            return self.violation(f"issue {number} of {issue['user']['login']} was changed")
        issue.update(body)
        return 200, issue, {}

    def list_comments(self, number, path, query):
        if number not in self.issues:
            return 404, {"message": "Not Found"}, {}
        return self.page(path, query, self.comments_of(number), set())

    def create_comment(self, number, body):
        permissions = ("issues", "pull-requests") if "pull_request" in self.issues.get(number, {}) else ("issues",)
        refused = self.needs(*permissions) or self.invalid(body, {"body"}, set())
        if refused:
            return refused
        if self.issues[number]["locked"]:
            return 403, {"message": "Unable to create comment because issue is locked."}, {}
        return 201, self.add_comment(number, body["body"], self.login), {}

    def change_comment(self, identifier):
        comment = self.comments.get(identifier)
        if comment is None:
            return 404, {"message": "Not Found"}, {}
        if (comment["user"] or {}).get("login") != self.login:
            return self.violation(f"comment {identifier} of another author was changed")
        return self.needs("issues", "pull-requests")

    def edit_comment(self, identifier, body):
        refused = self.change_comment(identifier) or self.invalid(body, {"body"}, set())
        if refused:
            return refused
        self.comments[identifier]["body"] = body["body"]
        return 200, self.comments[identifier], {}

    def delete_comment(self, identifier):
        refused = self.change_comment(identifier)
        if refused:
            return refused
        del self.comments[identifier]
        return 204, None, {}


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes requests to GitHub, and applies its faults."""

    github = None

    def log_message(self, *_):
        pass

    def respond(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(sent) if sent else {}
        fault = next((fault for fault in self.github.faults if fault.applies(self.command, self.path)), None)
        if fault and not fault.after:
            with self.github.lock:
                self.github.requests.append((self.command, urllib.parse.urlsplit(self.path).path, body))
            return self.write(fault.status, fault.raw.encode(), fault.headers)
        status, answer, headers = self.github.answer(self.command, self.path, self.headers, body)
        # The entries may change from now on, but not this response.
        text = b"" if answer is None else json.dumps(answer).encode()
        self.github.before_response(self.command, urllib.parse.urlsplit(self.path).path)
        if fault:
            return self.write(fault.status, fault.raw.encode(), fault.headers)
        return self.write(status, text, headers)

    def write(self, status, text, headers):
        if status is None:
            return  # The connection is closed without a response.
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = respond


def soon(seconds=1):
    """Returns the headers of an exhausted rate limit that ends in some seconds."""
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + seconds)}
