#!/usr/bin/env python3
"""Tests `doctor check` against the independent simulated Railway.

    check.py target/release/doctor path/to/server.py
"""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from server_checks import DOCTOR, KINDS, SCENARIOS, Server, Results, work_dir, values_of

results = Results()
check = results.check


class Run:
    """One run of `doctor check`."""

    def __init__(self, directory, server, *arguments, token=("RAILWAY_API_TOKEN", "account"), env=None, address=True):
        variables = {"PATH": os.environ["PATH"], "HOME": str(directory.parent / "home")}
        if token:
            variables[token[0]] = server.token(token[1]) if token[1] in KINDS else token[1]
        variables.update(env or {})
        result = subprocess.run(
            [DOCTOR, "check", *(["--api-url", server.info["url"]] if address else []), *arguments],
            cwd=directory, env=variables, capture_output=True, text=True, timeout=120, check=False,
        )
        self.code, self.out, self.err = result.returncode, result.stdout, result.stderr
        self.report = json.loads(self.out) if self.out.startswith("{") else None

    def findings(self, rule):
        return [finding for finding in self.report["findings"] if finding["rule"] == rule]


def check_server(name, server, run):
    """Checks that the server recorded no violation, no mutation, and the reported number of requests."""
    summary = server.summary()
    check(f"{name}: no violation", not summary["violations"], summary["violations"])
    check(f"{name}: no warning", not summary["warningKinds"], summary["warningKinds"])
    check(f"{name}: no mutation", not summary["mutations"], summary["mutations"])
    check(f"{name}: nothing leaked", not summary["tokenLeaks"] and not summary["tokenExposures"])
    if run.report:
        sent = run.report["summary"]["requests"]
        check(f"{name}: {sent} requests counted", sent == summary["requests"], summary["requests"])
    return summary


def incident():
    server = Server("--scenario", "incident")
    env_text = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
    values = values_of(json.loads((SCENARIOS / "incident.json").read_text())) | {"staging-ops-step3-key-2026"}
    project = server.project()
    key = "STAGING_OPS_API_KEY"
    both = ["agentverse-api-staging", "agentverse-worker-staging"]

    def check_no_value(name, run):
        leaked = [value for value in values if value in run.out or value in run.err]
        check(f"{name}: no value in any output", not leaked, len(leaked))

    with work_dir(env_text, server) as path:
        for name, arguments, requests in [
            ("link", [], 2),
            ("ids", ["--project", project["id"], "--environment", project["environments"]["staging"]], 2),
            ("environment by name", ["--project", project["id"], "--environment", "staging"], 3),
            ("names", ["--project", "agentverse", "--environment", "staging"], 3),
        ]:
            server.reset()
            run = Run(path, server, "--format", "json", *arguments)
            found = [finding for finding in run.findings("value-differs") if finding["key"] == key]
            check(f"incident by {name}: exit 1", run.code == 1, run.err)
            check(f"incident by {name}: one finding, both services", [f["services"] for f in found] == [both], found)
            check(f"incident by {name}: {requests} requests", run.report["summary"]["requests"] == requests)
            check_server(f"incident by {name}", server, run)
            check_no_value(f"incident by {name}", run)
        for kind, variable in [("account", "RAILWAY_API_TOKEN"), ("workspace", "RAILWAY_API_TOKEN"),
                               ("oauth", "RAILWAY_API_TOKEN"), ("project", "RAILWAY_TOKEN")]:
            server.reset()
            first = {"XDG_CACHE_HOME": str(path / "cache" / kind)}
            run = Run(path, server, "--format", "json", token=(variable, kind), env=first)
            check(f"{kind} token: exit 1", run.code == 1, run.err)
            summary = check_server(f"{kind} token", server, run)
            check(f"{kind} token: 2 requests", summary["requests"] == 2, summary["requests"])
            check(f"{kind} token: one connection", summary["connections"]["distinct"] == 1, summary["connections"])
            server.reset()
            second = Run(path, server, "--format", "json", token=(variable, kind), env=first)
            check(f"{kind} token, second run: the same report", second.out == run.out, second.out)
            summary = check_server(f"{kind} token, second run", server, second)
            check(f"{kind} token, second run: 2 requests", summary["requests"] == 2, summary["requests"])
            # HTTP/1.1 carries one request at a time.
            check(f"{kind} token, second run: in parallel", summary["connections"]["distinct"] == 2, summary["connections"])
        for arguments in [[], ["-v"], ["-q"], ["--color", "always"], ["-v", "--format", "json"]]:
            server.reset()
            run = Run(path, server, *arguments)
            check(f"text {arguments}: exit 1", run.code == 1, run.err)
            check(f"text {arguments}: names the key", key in run.out, run.out)
            check_no_value(f"text {arguments}", run)

        for name, token, text in [
            ("account token in RAILWAY_TOKEN", ("RAILWAY_TOKEN", "account"), "RAILWAY_API_TOKEN"),
            ("project token in RAILWAY_API_TOKEN", ("RAILWAY_API_TOKEN", "project"), "RAILWAY_TOKEN"),
            ("unknown token", ("RAILWAY_API_TOKEN", "11111111-0000-4000-8000-000000000000"), "rejected"),
            ("unknown project token", ("RAILWAY_TOKEN", "11111111-0000-4000-8000-000000000000"), "rejected"),
            ("no token", None, "no Railway credentials"),
        ]:
            server.reset()
            run = Run(path, server, token=token)
            check(f"{name}: exit 4", run.code == 4, (run.code, run.err))
            check(f"{name}: the cause is named", text in run.err, run.err)
            check(f"{name}: has cause and help", "  cause: " in run.err and "  help: " in run.err, run.err)

        run = Run(path, server, "--project", "agentvers", "--environment", "staging")
        check("a misspelt project: exit 2 and a suggestion", run.code == 2 and "agentverse" in run.err, run.err)
        run = Run(path, server, "--environment", "stagin")
        check("a misspelt environment: exit 2 and a suggestion", run.code == 2 and "staging" in run.err, run.err)
        run = Run(path, server, "--service", "agentverse")
        check("an ambiguous service: exit 2", run.code == 2 and "agentverse-worker-staging" in run.err, run.err)
        run = Run(path, server, "--service", "worker", "--format", "json")
        check("a part of a name", [s["name"] for s in run.report["services"]] == both[1:], run.out)
        run = Run(path, server, "--only", "UNKNOWN_KEY")
        check("a key that does not exist: exit 2", run.code == 2 and "unknown key `UNKNOWN_KEY`" in run.err, (run.code, run.err))

        faults = [
            ("502 once", [{"kind": "http_error", "status": 502, "html": "<html>bad gateway</html>"}], 1, None),
            ("503 permanently", [{"kind": "http_error", "status": 503, "count": -1}], 5, "gateway"),
            ("an empty 504", [{"kind": "http_error", "status": 504}], 1, None),
            ("429 with Retry-After", [{"kind": "rate_limit", "retryAfter": 1}], 1, "rate limited by Railway"),
            ("429 with a long Retry-After", [{"kind": "rate_limit", "retryAfter": 900, "count": -1}], 5, "a wait of 15 min"),
            ("429 in HTML", [{"kind": "rate_limit", "body": "html"}], 1, "rate limited by Railway"),
            ("a reset before", [{"kind": "reset", "phase": "before"}], 1, None),
            ("a reset in the body", [{"kind": "reset", "phase": "mid_body"}], 1, None),
            ("a truncated response", [{"kind": "truncate", "keep": 50, "contentLength": "short"}], 1, None),
            ("a short read", [{"kind": "truncate", "keep": 50, "contentLength": "full"}], 1, None),
            ("a redirect", [{"kind": "redirect", "count": -1}], 5, "redirect"),
            ("garbage", [{"kind": "garbage", "count": -1}], 5, None),
            ("an empty body", [{"kind": "empty_body", "count": -1}], 5, "empty body"),
            ("a wrong content type", [{"kind": "content_type", "count": -1}], 1, None),
            ("ten megabytes of blanks", [{"kind": "oversize", "megabytes": 10}], 1, None),
            ("a hundred megabytes of blanks", [{"kind": "oversize", "megabytes": 100, "count": -1}], 5, None),
            ("a problem once", [{"kind": "graphql_error", "message": "Problem processing request"}], 1, None),
            ("a problem permanently", [{"kind": "graphql_error", "message": "Problem processing request", "count": -1}], 5,
             "trace"),
            ("a revoked token", [{"kind": "not_authorized", "count": -1}], 4, "rejected"),
            ("latency", [{"kind": "latency", "ms": 200}], 1, None),
            ("two-factor", [{"kind": "graphql_error", "message": "Two Factor Authentication Required", "count": -1}], 4,
             "two-factor"),
            ("an error that quotes a value", [{"kind": "graphql_error", "message": "bad staging-ops-step3-key-2026",
                                               "count": -1}], 5, None),
        ]
        for name, armed, code, text in faults:
            server.reset(*armed)
            run = Run(path, server)
            check(f"{name}: exit {code}", run.code == code, (run.code, run.out, run.err))
            check(f"{name}: the cause is named", text is None or text in run.out + run.err, run.err)
            check(f"{name}: no mutation, no leak",
                  not server.summary()["mutations"] and not server.summary()["tokenLeaks"])
            check_no_value(name, run)

        for name, armed, code in [
            ("hang", [{"kind": "hang", "seconds": 60, "count": -1}], 5),
            ("slow body", [{"kind": "slow_body", "chunk": 1, "intervalMs": 200, "maxSeconds": 60, "count": -1}], 5),
        ]:
            server.reset(*armed)
            run = Run(path, server, "--timeout", "2s")
            check(f"{name}: exit {code} in time", run.code == code and "within 2 s" in run.err, (run.code, run.err))

        server.reset({"kind": "partial", "path": "Query.variables", "service": "agentverse-worker-staging", "count": -1})
        run = Run(path, server, "--format", "json")
        errors = [service["error"] is None for service in run.report["services"]]
        check("one service unreadable: the other is reported", errors == [True, False], run.out)
        check("one service unreadable: the error's exit code", run.code == 5, run.code)
    server.stop()


def environments():
    scenario = json.loads((SCENARIOS / "incident.json").read_text())
    scenario["projects"][0]["environments"].append({"name": "locked", "restricted": True, "instances": []})
    scenario["projects"].append({"name": "gone", "deletedAt": "-3d", "services": [],
                                 "environments": [{"name": "production", "instances": []}]})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(scenario, file)
        file.flush()
        server = Server("--scenario", file.name)
    with work_dir("A=1\n", server, link=False) as path:
        run = Run(path, server)
        check("no project: exit 2", run.code == 2 and "railway link" in run.err, run.err)
        run = Run(path, server, "--project", "agentverse")
        check("no environment: exit 2, with the choices", run.code == 2 and "staging" in run.err, run.err)
        run = Run(path, server, "--project", "agentverse", "--environment", "locked")
        check("a restricted environment: exit 4", run.code == 4 and "locked" in run.err, run.err)
        run = Run(path, server, "--project", "gone", "--environment", "production")
        check("a deleted project: exit 2", run.code == 2, (run.code, run.err))
        run = Run(path, server, "--project", "agentverse", "--environment", "staging", token=("RAILWAY_TOKEN", "project"))
        check("a project token and its own names", run.code == 3, (run.code, run.err))
        run = Run(path, server, "--environment", "production", token=("RAILWAY_TOKEN", "project"))
        check("a project token that contradicts a flag: exit 2", run.code == 2 and "staging" in run.err, run.err)
    server.stop()


def batches():
    scenario = {"name": "limited", "generate": "12x5", "limits": {"maxRootFields": 9}}
    for name, arguments, max_requests in [
        ("12x5", [], 2), ("50x40", [], 4), ("50x40", ["--page-size", "7", "--max-page", "7"], 12),
    ]:
        server = Server("--generate", name, *arguments)
        state = server.call("/state")
        names = first_names(state)
        with work_dir("".join(f"{key}=x\n" for key in names), server) as path:
            run = Run(path, server, "--format", "json")
            check(f"{name} {arguments}: compared", run.code == 1, (run.code, run.err))
            summary = check_server(f"{name} {arguments}", server, run)
            check(f"{name} {arguments}: at most {max_requests} requests", summary["requests"] <= max_requests, summary["requests"])
        server.stop()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(scenario, file)
        file.flush()
        server = Server("--scenario", file.name)
    with work_dir("".join(f"{key}=x\n" for key in first_names(server.call("/state"))), server) as path:
        run = Run(path, server, "--format", "json")
        check("refused batches are split", run.code == 1, (run.code, run.err))
        check("refused batches are split: all services", len(run.report["services"]) >= 10, run.report["services"])
        # Three fields per service, at most nine per request: at least five batches, and three that were too large.
        check("refused batches are split: few requests", run.report["summary"]["requests"] <= 10, run.report["summary"])
    server.stop()


def first_names(state):
    """Returns names of variables in the first environment, at most three per service."""
    environment = state["projects"][0]["environments"][0]
    names = []
    for instance in environment.get("services", environment.get("instances", [])):
        names += [variable["name"] for variable in instance["variables"]][:3] \
            if isinstance(instance["variables"], list) else list(instance["variables"])[:3]
    return sorted(set(names))


def weird():
    server = Server("--scenario", "weird")
    with work_dir("BASE=1\nUNICODE=\"naïve — 日本語 — 🚄 — é\"\nEQUALS=a=b=c==\nTABS=x\nCYCLE_A=1\nSEALED=1\n", server) as path:
        for arguments in [[], ["-v"], ["--format", "json"], ["--service=$(touch pwned)"], ["--service=--help"]]:
            server.reset()
            run = Run(path, server, *arguments)
            check(f"weird {arguments}: a valid exit code", run.code in (1, 3), (run.code, run.err))
            controls = [c for c in run.out + run.err if ord(c) < 32 and c != "\n" or c in "\u202e\u200b\u202c"]
            check(f"weird {arguments}: no control characters", not controls, controls)
            check_server(f"weird {arguments}", server, run)
        check("weird: nothing was executed", not (path / "pwned").exists())
    server.stop()


def quoted(value):
    """Quotes a value so that every loader reads it, or returns None."""
    if "\r" in value or "\\\\" in value or value.endswith("\\"):
        return None
    if "'" not in value:
        return f"'{value}'"
    if not set(value) & set('"$\\`'):
        return f'"{value}"'
    return None


def weird_values():
    """Equal values are not reported; for a changed one, the right cause is shown."""
    scenario = json.loads((SCENARIOS / "weird.json").read_text())
    api = scenario["projects"][0]["environments"][0]["instances"][0]["variables"]
    stored = {}
    for name, variable in api.items():
        value = variable.get("value", variable) if isinstance(variable, dict) else variable
        if isinstance(value, dict):
            value = (value["repeat"] * value["length"])[:value["length"]]
        if not (isinstance(variable, dict) and variable.get("sealed")) and "${{" not in value and quoted(value):
            stored[name] = value
    server = Server("--scenario", "weird")

    def differing(changes):
        lines = [f"{name}={quoted(changes.get(name, value))}" for name, value in stored.items()
                 if " " not in name and name.isascii()]
        with work_dir("\n".join(lines) + "\n", server) as path:
            run = Run(path, server, "--service=api", "--format", "json")
            check("weird values: a valid exit code", run.code == 1, (run.code, run.err))
            return {finding["key"]: finding["reason"] for finding in run.findings("value-differs")}

    check("weird values: equal values are not reported", differing({}) == {}, differing({}))
    check("weird values: many are compared", len(stored) > 35, len(stored))
    for key, value, text in [
        ("TRAILING_SPACES", "three after", "whitespace"),
        ("LEADING_SPACES", "three before", "whitespace"),
        ("UNICODE", stored["UNICODE"].upper(), "only the case"),
        ("ZERO_WIDTH", "password", "invisible"),
        ("TRUE_TEXT", "TRUE", "only the case"),
        ("EQUALS", "a=b=c", None),
        ("HASH", "'abc#def #not-a-comment'".replace("'", '"'), "quotes"),
        ("PEM_KEY", stored["PEM_KEY"].rstrip("\n"), "newline"),
        ("NUMBER_TEXT", "7", None),
        ("LONG", stored["LONG"][:-1], None),
        ("HTML", stored["PERCENT"], "PERCENT"),
        ("DOLLARS", "  cost=5$", None),
    ]:
        found = differing({key: value})
        check(f"weird values: only {key} differs", set(found) == {key}, found)
        reason = found.get(key)
        check(f"weird values: the cause of {key} has “{text}”",
              text is None or (reason is not None and text in reason), reason)
    server.stop()


@contextlib.contextmanager
def authority(subjects):
    """Creates a directory with a root certificate, and one certificate signed by it for each subject."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-days", "2",
                "-subj", "/CN=test root", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=x")
        for kind, subject in subjects.items():
            (directory / "extensions").write_text(f"subjectAltName={subject}\nbasicConstraints=CA:FALSE\n")
            openssl("x509", "-req", "-in", "request.pem", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                    "-days", "2", "-extfile", "extensions", "-out", f"{kind}.pem")
        yield directory


def tunnel(port):
    """Starts a proxy that sends every CONNECT to a local port. Returns its URL and the list of CONNECT requests."""
    connects, listener = [], socket.create_server(("127.0.0.1", 0))

    def pipe(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve():
        while True:
            client, _ = listener.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            connects.append(head.split(b"\r\n")[0].decode())
            server = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pipe, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", connects


def railway_host():
    """Uses Railway's host name through a proxy, with each kind of token and the Railway CLI's login, which is only read."""
    host = "backboard.railway.com"
    with authority({"host": f"DNS:{host}"}) as directory:
        server = Server("--scenario", "incident", "--tls-cert", str(directory / "host.pem"), "--tls-key", str(directory / "key.pem"))
        proxy, connects = tunnel(server.info["port"])
        env = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(directory / "root.pem")}
        env_text = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
        with work_dir(env_text, server) as path:
            config = path.parent / "home" / ".railway" / "config.json"

            def login(**user):
                data = json.loads(config.read_text())
                data["user"] = user
                config.write_text(json.dumps(data))
                return config.read_bytes()

            def run(name, code, text=None, token=None):
                before = config.read_bytes()
                server.call("/reset", {"keepWorld": True})
                ended = Run(path, server, "--format", "json", token=token, env=env, address=False)
                check(f"{name}: exit {code}", ended.code == code, (ended.code, ended.err))
                check(f"{name}: the cause is named", text is None or text in ended.err, ended.err)
                check(f"{name}: the CLI's file is unchanged", config.read_bytes() == before)
                summary = server.summary()
                check(f"{name}: no violation", not summary["violations"] and not summary["tokenExposures"], summary)
                return ended

            for variable, kind in [("RAILWAY_API_TOKEN", "account"), ("RAILWAY_API_TOKEN", "workspace"),
                                   ("RAILWAY_TOKEN", "project")]:
                ended = run(f"{kind} token at {host}", 1, token=(variable, kind))
                check(f"{kind} token at {host}: two requests", ended.report["summary"]["requests"] == 2, ended.report)
            access, refresh = server.token("oauth"), "refresh-4711-never-sent"
            login(accessToken=access, refreshToken=refresh, tokenExpiresAt=9000000000, id="x", tomorrow={"new": 1})
            run("the CLI's login", 1)
            login(token=server.token("account"))
            run("the CLI's old login", 1)
            login(accessToken=access, refreshToken=refresh, tokenExpiresAt=1000000000)
            sent = len(connects)
            run("an expired login", 4, "railway whoami")
            check("an expired login: no request is sent", len(connects) == sent, connects)
            login(accessToken="11111111-0000-4000-8000-000000000000", tokenExpiresAt=9000000000)
            run("a login that was revoked", 4, "railway login")
            login()
            run("no login", 4, "no Railway credentials")
            config.write_text("{ broken")
            run("a broken file of the CLI, with ids and a token", 4, "config.json", token=None)
        check("every connection went to Railway", set(connects) == {f"CONNECT {host}:443 HTTP/1.1"}, set(connects))
        server.stop()


def certificates():
    """An untrusted certificate is reported; with its root in SSL_CERT_FILE it is accepted."""
    with authority({"right": "IP:127.0.0.1", "wrong": "DNS:other.example"}) as directory:
        (directory / "empty").mkdir()
        trusting = {"SSL_CERT_FILE": str(directory / "root.pem")}
        env_text = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
        for certificate, env, code, text in [
            ("right", trusting, 1, None),
            ("right", {}, 5, "an unknown authority issued it"),
            ("wrong", trusting, 5, "it is for another host"),
            ("right", {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": str(directory / "empty")}, 5, "no root certificates"),
        ]:
            server = Server("--scenario", "incident", "--tls-cert", str(directory / f"{certificate}.pem"),
                            "--tls-key", str(directory / "key.pem"))
            with work_dir(env_text, server) as path:
                run = Run(path, server, env=env)
            check(f"{certificate} certificate, {sorted(env)}: exit {code}", run.code == code, (run.code, run.err))
            check(f"{certificate} certificate, {sorted(env)}: the cause is named", text is None or text in run.err, run.err)
            server.stop()


for scenario in (incident, environments, batches, weird, weird_values, certificates, railway_host):
    scenario()
results.finish()
