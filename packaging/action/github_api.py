"""A client of GitHub's REST API with the standard library only. It needs Python 3.8."""

import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

# A run takes at most this long, with all retries and rate limits.
TOTAL_SECONDS = 120
# Longer waits are left to the next run.
LONGEST_WAIT = 30
REQUEST_SECONDS = 15
ATTEMPTS = 3
MOST_PAGES = 50
MOST_BYTES = 64 * 1024 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Failure(Exception):
    """A request that failed: what failed, why, and what to do."""

    def __init__(self, cause, help_text="", status=None):
        super().__init__(cause)
        self.cause, self.help_text, self.status = cause, help_text, status


class Transient(Failure):
    """A request whose outcome is unknown: a timeout, a lost connection, or an error of the server."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, because urllib would send the token to the new address."""

    def redirect_request(self, *_):
        return None


def allowed_address(address):
    """Returns an API address without its final slash. The token is sent over TLS, or to this machine."""
    parts = urllib.parse.urlsplit(address)
    is_allowed = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not is_allowed or not parts.hostname or parts.username is not None:
        raise Failure("the address of GitHub's API is not an https address")
    return address.rstrip("/")


def one_line(text):
    """Returns text from GitHub without control characters, in at most 200 characters."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:200]


class Api:
    """The API of one GitHub instance, with a token."""

    def __init__(self, token, address, graphql, permission):
        self.address, self.graphql, self.permission = allowed_address(address), allowed_address(graphql), permission
        self.token = token
        self.deadline = time.monotonic() + TOTAL_SECONDS
        handlers = [NoRedirect()]
        if self.address.startswith("http:"):
            handlers.append(urllib.request.ProxyHandler({}))
        self.opener = urllib.request.build_opener(*handlers)

    def get_all(self, path):
        """Returns the entries of all pages of a list."""
        url, entries = self.address + path, []
        for _ in range(MOST_PAGES):
            page, headers = self.request("GET", url)
            if not isinstance(page, list):
                raise Failure("GitHub's response is not a list")
            entries += [entry for entry in page if isinstance(entry, dict)]
            following = re.search(r'<([^<>]*)>; rel="next"', headers.get("Link") or "")
            if not following:
                return entries
            url = following.group(1)
            # The token is sent to no other host.
            if not url.startswith(self.address + "/"):
                raise Failure("GitHub's list continues on another host")
        raise Failure(f"the list has more than {MOST_PAGES} pages")

    def patch(self, path, body):
        return self.request("PATCH", self.address + path, body)[0]

    def post(self, path, body):
        """Creates something. It is sent once, because a second one could create a duplicate."""
        return self.request("POST", self.address + path, body, attempts=1)[0]

    def delete(self, path):
        """Deletes something that another run may have deleted already."""
        try:
            self.request("DELETE", self.address + path)
        except Failure as failure:
            if failure.status != 404:
                raise

    def login(self):
        """Returns the login of the token's owner. The REST API does not return it for tokens of GitHub Apps."""
        answer, _ = self.request("POST", self.graphql, {"query": "query { viewer { login } }"})
        try:
            return str(answer["data"]["viewer"]["login"])
        except (KeyError, TypeError):
            raise Failure("GitHub did not return the owner of the token") from None

    def request(self, method, url, body=None, attempts=ATTEMPTS):
        """Sends a request, and returns the decoded response and its headers."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.send(method, url, body)
            except urllib.error.HTTPError as error:
                text = self.read_error(error)
                wait = self.wait_of(error.code, error.headers)
                is_limited, is_outage = wait is not None, error.code >= 500
                failure = self.failure(error.code, text, is_limited)
                # A request beyond the rate limit was not executed, so even a POST can be sent again.
                may_repeat = is_limited or (is_outage and attempt < attempts)
                wait = wait if is_limited else attempt
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                failure = Transient(f"GitHub's API could not be reached: {one_line(reason)}")
                may_repeat, wait = attempt < attempts, attempt
            if not may_repeat or attempt == ATTEMPTS or wait > LONGEST_WAIT or time.monotonic() + wait > self.deadline:
                raise failure
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def send(self, method, url, body):
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json",
                   "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "railway-doctor"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(url, data, headers, method=method)
        left = max(1, min(REQUEST_SECONDS, self.deadline - time.monotonic()))
        with self.opener.open(request, timeout=left) as response:
            text = response.read(MOST_BYTES)
            if response.status == 204:
                return None, response.headers
            try:
                return json.loads(text), response.headers
            except ValueError:
                raise Failure("GitHub's response is not JSON; a proxy may have responded") from None

    @staticmethod
    def read_error(error):
        """Returns GitHub's own message, or nothing if something else responded."""
        try:
            answer = json.loads(error.read(MOST_BYTES))
            return one_line(answer["message"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return ""

    @staticmethod
    def wait_of(status, headers):
        """Returns for how many seconds the rate limit lasts, or None if it is another error."""
        if status not in (403, 429):
            return None
        after, left, reset = (headers.get(name) for name in ("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset"))
        if after and after.isdigit():
            return int(after)
        if left == "0" and reset and reset.isdigit():
            return max(1, int(reset) - int(time.time()) + 1)
        return 60 if status == 429 else None

    def failure(self, status, text, is_limited):
        message = f"GitHub responded with {status}" + (f": {text}" if text else "")
        if is_limited:
            return Failure("GitHub's rate limit was reached", "the next run tries again", status)
        if status >= 500:
            return Transient(message, "the next run tries again", status)
        helps = {
            401: "check the input github-token",
            403: f"add `{self.permission}: write` to the `permissions` of the job",
            404: f"add `{self.permission}: write` to the `permissions` of the job",
            410: "enable issues in the settings of the repository, or remove `issue: true`",
        }
        is_locked = "locked" in text
        return Failure(message, "" if is_locked else helps.get(status, ""), status)
