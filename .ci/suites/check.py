#!/usr/bin/env python3
"""Runs the real binary against the independent simulated Railway and holds both to what they say.

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

sys.dont_write_bytecode = True  # This folder is for sources.
from server_checks import DOCTOR, KINDS, SCENARIOS, Server, Tally, folder, values_of

tally = Tally()
check = tally.check


class Run:
    """One run of doctor in a folder of its own."""

    def __init__(self, folder, server, *arguments, token=("RAILWAY_API_TOKEN", "account"), env=None, address=True):
        variables = {"PATH": os.environ["PATH"], "HOME": str(folder.parent / "home")}
        if token:
            variables[token[0]] = server.token(token[1]) if token[1] in KINDS else token[1]
        variables.update(env or {})
        done = subprocess.run(
            [DOCTOR, "check", *(["--api-url", server.info["url"]] if address else []), *arguments],
            cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False,
        )
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.report = json.loads(self.out) if self.out.startswith("{") else None

    def findings(self, rule):
        return [finding for finding in self.report["findings"] if finding["rule"] == rule]


def clean(name, server, run):
    """The server saw no violation, no mutation, and as many requests as the report says."""
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

    def quiet(name, run):
        leaked = [value for value in values if value in run.out or value in run.err]
        check(f"{name}: no value in any output", not leaked, len(leaked))

    with folder(env_text, server) as path:
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
            clean(f"incident by {name}", server, run)
            quiet(f"incident by {name}", run)
        for kind, variable in [("account", "RAILWAY_API_TOKEN"), ("workspace", "RAILWAY_API_TOKEN"),
                               ("oauth", "RAILWAY_API_TOKEN"), ("project", "RAILWAY_TOKEN")]:
            server.reset()
            first = {"XDG_CACHE_HOME": str(path / "cache" / kind)}
            run = Run(path, server, "--format", "json", token=(variable, kind), env=first)
            check(f"{kind} token: exit 1", run.code == 1, run.err)
            summary = clean(f"{kind} token", server, run)
            check(f"{kind} token: 2 requests", summary["requests"] == 2, summary["requests"])
            check(f"{kind} token: one connection", summary["connections"]["distinct"] == 1, summary["connections"])
            server.reset()
            again = Run(path, server, "--format", "json", token=(variable, kind), env=first)
            check(f"{kind} token, again: the same report", again.out == run.out, again.out)
            summary = clean(f"{kind} token, again", server, again)
            check(f"{kind} token, again: 2 requests", summary["requests"] == 2, summary["requests"])
            # HTTP/1.1 carries one at a time.
            check(f"{kind} token, again: at once", summary["connections"]["distinct"] == 2, summary["connections"])
        for arguments in [[], ["-v"], ["-q"], ["--color", "always"], ["-v", "--format", "json"]]:
            server.reset()
            run = Run(path, server, *arguments)
            check(f"text {arguments}: exit 1", run.code == 1, run.err)
            check(f"text {arguments}: names the key", key in run.out, run.out)
            quiet(f"text {arguments}", run)

        for name, token, word in [
            ("account token in RAILWAY_TOKEN", ("RAILWAY_TOKEN", "account"), "RAILWAY_API_TOKEN"),
            ("project token in RAILWAY_API_TOKEN", ("RAILWAY_API_TOKEN", "project"), "RAILWAY_TOKEN"),
            ("unknown token", ("RAILWAY_API_TOKEN", "11111111-0000-4000-8000-000000000000"), "refused"),
            ("unknown project token", ("RAILWAY_TOKEN", "11111111-0000-4000-8000-000000000000"), "refused"),
            ("no token", None, "no Railway credentials"),
        ]:
            server.reset()
            run = Run(path, server, token=token)
            check(f"{name}: exit 4", run.code == 4, (run.code, run.err))
            check(f"{name}: says so", word in run.err, run.err)
            check(f"{name}: three lines", "because:" in run.err and "next:" in run.err, run.err)

        run = Run(path, server, "--project", "agentvers", "--environment", "staging")
        check("a misspelt project: exit 2 and a suggestion", run.code == 2 and "agentverse" in run.err, run.err)
        run = Run(path, server, "--environment", "stagin")
        check("a misspelt environment: exit 2 and a suggestion", run.code == 2 and "staging" in run.err, run.err)
        run = Run(path, server, "--service", "agentverse")
        check("an ambiguous service: exit 2", run.code == 2 and "agentverse-worker-staging" in run.err, run.err)
        run = Run(path, server, "--service", "worker", "--format", "json")
        check("a part of a name", [s["name"] for s in run.report["services"]] == both[1:], run.out)
        run = Run(path, server, "--only", "NOT_THERE")
        check("a key that does not exist: exit 2", run.code == 2 and "unknown key NOT_THERE" in run.err, (run.code, run.err))

        faults = [
            ("502 once", [{"kind": "http_error", "status": 502, "html": "<html>bad gateway</html>"}], 1, None),
            ("503 for ever", [{"kind": "http_error", "status": 503, "count": -1}], 5, "gateway"),
            ("an empty 504", [{"kind": "http_error", "status": 504}], 1, None),
            ("429 with Retry-After", [{"kind": "rate_limit", "retryAfter": 1}], 1, "limits the rate"),
            ("429 with a long Retry-After", [{"kind": "rate_limit", "retryAfter": 900, "count": -1}], 5, "900 s"),
            ("429 in HTML", [{"kind": "rate_limit", "body": "html"}], 1, "limits the rate"),
            ("a reset before", [{"kind": "reset", "phase": "before"}], 1, None),
            ("a reset in the body", [{"kind": "reset", "phase": "mid_body"}], 1, None),
            ("a truncated answer", [{"kind": "truncate", "keep": 50, "contentLength": "short"}], 1, None),
            ("a short read", [{"kind": "truncate", "keep": 50, "contentLength": "full"}], 1, None),
            ("a redirect", [{"kind": "redirect", "count": -1}], 5, "redirect"),
            ("garbage", [{"kind": "garbage", "count": -1}], 5, None),
            ("an empty body", [{"kind": "empty_body", "count": -1}], 5, "empty body"),
            ("a wrong content type", [{"kind": "content_type", "count": -1}], 1, None),
            ("ten megabytes of blanks", [{"kind": "oversize", "megabytes": 10}], 1, None),
            ("a hundred megabytes of blanks", [{"kind": "oversize", "megabytes": 100, "count": -1}], 5, None),
            ("a problem once", [{"kind": "graphql_error", "message": "Problem processing request"}], 1, None),
            ("a problem for ever", [{"kind": "graphql_error", "message": "Problem processing request", "count": -1}], 5,
             "trace"),
            ("a token revoked meanwhile", [{"kind": "not_authorized", "count": -1}], 4, "refused"),
            ("latency", [{"kind": "latency", "ms": 200}], 1, None),
            ("two-factor", [{"kind": "graphql_error", "message": "Two Factor Authentication Required", "count": -1}], 4,
             "two-factor"),
            ("an error that quotes a value", [{"kind": "graphql_error", "message": "bad staging-ops-step3-key-2026",
                                               "count": -1}], 5, None),
        ]
        for name, armed, code, word in faults:
            server.reset(*armed)
            run = Run(path, server)
            check(f"{name}: exit {code}", run.code == code, (run.code, run.out, run.err))
            check(f"{name}: says so", word is None or word in run.out + run.err, run.err)
            check(f"{name}: no mutation, no leak",
                  not server.summary()["mutations"] and not server.summary()["tokenLeaks"])
            quiet(name, run)

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
    with folder("A=1\n", server, link=False) as path:
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


def limits():
    scenario = {"name": "limited", "generate": "12x5", "limits": {"maxRootFields": 9}}
    for name, arguments, most in [
        ("12x5", [], 2), ("50x40", [], 4), ("50x40", ["--page-size", "7", "--max-page", "7"], 12),
    ]:
        server = Server("--generate", name, *arguments)
        state = server.ask("/state")
        names = first_names(state)
        with folder("".join(f"{key}=x\n" for key in names), server) as path:
            run = Run(path, server, "--format", "json")
            check(f"{name} {arguments}: compared", run.code == 1, (run.code, run.err))
            summary = clean(f"{name} {arguments}", server, run)
            check(f"{name} {arguments}: at most {most} requests", summary["requests"] <= most, summary["requests"])
        server.stop()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(scenario, file)
        file.flush()
        server = Server("--scenario", file.name)
    with folder("".join(f"{key}=x\n" for key in first_names(server.ask("/state"))), server) as path:
        run = Run(path, server, "--format", "json")
        check("refused batches are split", run.code == 1, (run.code, run.err))
        check("refused batches are split: every service", len(run.report["services"]) >= 10, run.report["services"])
        # Three fields a service, nine at a time: five batches at the least, and three that were too large.
        check("refused batches are split: frugally", run.report["summary"]["requests"] <= 10, run.report["summary"])
    server.stop()


def first_names(state):
    """Names of variables that some service of the first environment has."""
    environment = state["projects"][0]["environments"][0]
    names = []
    for instance in environment.get("services", environment.get("instances", [])):
        names += [variable["name"] for variable in instance["variables"]][:3] \
            if isinstance(instance["variables"], list) else list(instance["variables"])[:3]
    return sorted(set(names))


def weird():
    server = Server("--scenario", "weird")
    with folder("BASE=1\nUNICODE=\"naïve — 日本語 — 🚄 — é\"\nEQUALS=a=b=c==\nTABS=x\nCYCLE_A=1\nSEALED=1\n", server) as path:
        for arguments in [[], ["-v"], ["--format", "json"], ["--service=$(touch pwned)"], ["--service=--help"]]:
            server.reset()
            run = Run(path, server, *arguments)
            check(f"weird {arguments}: an honest exit code", run.code in (1, 3), (run.code, run.err))
            controls = [c for c in run.out + run.err if ord(c) < 32 and c != "\n" or c in "\u202e\u200b\u202c"]
            check(f"weird {arguments}: nothing that moves a cursor", not controls, controls)
            clean(f"weird {arguments}", server, run)
        check("weird: nothing was run", not (path / "pwned").exists())
    server.stop()


def quoted(value):
    """A spelling that every loader reads as this value, or none."""
    if "\r" in value or "\\\\" in value or value.endswith("\\"):
        return None
    if "'" not in value:
        return f"'{value}'"
    if not set(value) & set('"$\\`'):
        return f'"{value}"'
    return None


def weird_values():
    """Where the values are equal nothing is said; where one is changed, the reason is the true one."""
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
        with folder("\n".join(lines) + "\n", server) as path:
            run = Run(path, server, "--service=api", "--format", "json")
            check("weird values: an honest exit code", run.code == 1, (run.code, run.err))
            return {finding["key"]: finding["reason"] for finding in run.findings("value-differs")}

    check("weird values: equal is equal", differing({}) == {}, differing({}))
    check("weird values: many were looked at", len(stored) > 35, len(stored))
    for key, value, word in [
        ("TRAILING_SPACES", "three after", "white space"),
        ("LEADING_SPACES", "three before", "white space"),
        ("UNICODE", stored["UNICODE"].upper(), "upper and lower case"),
        ("ZERO_WIDTH", "password", "can't be seen"),
        ("TRUE_TEXT", "TRUE", "upper and lower case"),
        ("EQUALS", "a=b=c", None),
        ("HASH", "'abc#def #not-a-comment'".replace("'", '"'), "quotes"),
        ("PEM_KEY", stored["PEM_KEY"].rstrip("\n"), "line break"),
        ("NUMBER_TEXT", "7", None),
        ("LONG", stored["LONG"][:-1], None),
        ("HTML", stored["PERCENT"], "PERCENT"),
        ("DOLLARS", "  cost=5$", None),
    ]:
        found = differing({key: value})
        check(f"weird values: only {key} differs", set(found) == {key}, found)
        reason = found.get(key)
        check(f"weird values: {key} differs because of {word}",
              word is None or (reason is not None and word in reason), reason)
    server.stop()


@contextlib.contextmanager
def authority(subjects):
    """A folder with a root certificate, and one certificate by it for each subject."""
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-days", "2",
                "-subj", "/CN=test root", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=x")
        for kind, subject in subjects.items():
            (place / "extensions").write_text(f"subjectAltName={subject}\nbasicConstraints=CA:FALSE\n")
            openssl("x509", "-req", "-in", "request.pem", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                    "-days", "2", "-extfile", "extensions", "-out", f"{kind}.pem")
        yield place


def tunnel(port):
    """A proxy that takes every CONNECT to that port of this machine, and notes where it was to go."""
    asked, listener = [], socket.create_server(("127.0.0.1", 0))

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
            asked.append(head.split(b"\r\n")[0].decode())
            server = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pipe, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", asked


def the_real_host():
    """At Railway's own host name, through a proxy: every kind of token, and the official CLI's login, which is only read."""
    host = "backboard.railway.com"
    with authority({"host": f"DNS:{host}"}) as place:
        server = Server("--scenario", "incident", "--tls-cert", str(place / "host.pem"), "--tls-key", str(place / "key.pem"))
        proxy, asked = tunnel(server.info["port"])
        env = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(place / "root.pem")}
        env_text = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
        with folder(env_text, server) as path:
            config = path.parent / "home" / ".railway" / "config.json"

            def login(**user):
                data = json.loads(config.read_text())
                data["user"] = user
                config.write_text(json.dumps(data))
                return config.read_bytes()

            def run(name, code, word=None, token=None):
                before = config.read_bytes()
                server.ask("/reset", {"keepWorld": True})
                ended = Run(path, server, "--format", "json", token=token, env=env, address=False)
                check(f"{name}: exit {code}", ended.code == code, (ended.code, ended.err))
                check(f"{name}: says so", word is None or word in ended.err, ended.err)
                check(f"{name}: the CLI's file is untouched", config.read_bytes() == before)
                summary = server.summary()
                check(f"{name}: nothing odd was sent", not summary["violations"] and not summary["tokenExposures"], summary)
                return ended

            for variable, kind in [("RAILWAY_API_TOKEN", "account"), ("RAILWAY_API_TOKEN", "workspace"),
                                   ("RAILWAY_TOKEN", "project")]:
                ended = run(f"{kind} token at {host}", 1, token=(variable, kind))
                check(f"{kind} token at {host}: two requests", ended.report["summary"]["requests"] == 2, ended.report)
            alive, refresh = server.token("oauth"), "refresh-4711-never-sent"
            login(accessToken=alive, refreshToken=refresh, tokenExpiresAt=9000000000, id="x", tomorrow={"new": 1})
            run("the CLI's login", 1)
            login(token=server.token("account"))
            run("the CLI's old login", 1)
            login(accessToken=alive, refreshToken=refresh, tokenExpiresAt=1000000000)
            sent = len(asked)
            run("an expired login", 4, "railway whoami")
            check("an expired login: nothing is sent", len(asked) == sent, asked)
            login(accessToken="11111111-0000-4000-8000-000000000000", tokenExpiresAt=9000000000)
            run("a login that was revoked", 4, "railway login")
            login()
            run("no login", 4, "no Railway credentials")
            config.write_text("{ broken")
            run("a broken file of the CLI, with ids and a token", 4, "config.json", token=None)
        check("every connection went to Railway", set(asked) == {f"CONNECT {host}:443 HTTP/1.1"}, set(asked))
        server.stop()


def certificates():
    """A certificate that can't be trusted is said to be, once; with its root named it is as good as any."""
    with authority({"right": "IP:127.0.0.1", "wrong": "DNS:other.example"}) as place:
        (place / "empty").mkdir()
        trusting = {"SSL_CERT_FILE": str(place / "root.pem")}
        env_text = (SCENARIOS / "incident.env").read_text(encoding="utf-8")
        for certificate, env, code, word in [
            ("right", trusting, 1, None),
            ("right", {}, 5, "can't trust the certificate"),
            ("wrong", trusting, 5, "can't trust the certificate"),
            ("right", {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": str(place / "empty")}, 5, "no root certificates"),
        ]:
            server = Server("--scenario", "incident", "--tls-cert", str(place / f"{certificate}.pem"),
                            "--tls-key", str(place / "key.pem"))
            with folder(env_text, server) as path:
                run = Run(path, server, env=env)
            check(f"{certificate} certificate, {sorted(env)}: exit {code}", run.code == code, (run.code, run.err))
            check(f"{certificate} certificate, {sorted(env)}: says so", word is None or word in run.err, run.err)
            server.stop()


for scenario in (incident, environments, limits, weird, weird_values, certificates, the_real_host):
    scenario()
tally.end()
