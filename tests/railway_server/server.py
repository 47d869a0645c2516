#!/usr/bin/env python3
"""A strict, simulated Railway GraphQL API that checks its clients.

See README.md.  Binds to 127.0.0.1 only.
"""

import argparse
import collections
import gzip
import hashlib
import http.server
import json
import os
import random
import re
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import traceback

import graphql
from graphql import (GraphQLError, OperationType, TypeInfo, TypeInfoVisitor,
                     Visitor, parse, validate, visit)
from graphql.execution import execute as graphql_execute
from graphql.execution.values import get_variable_values
from graphql.utilities import value_from_ast_untyped

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
import world as W

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.path.join(HERE, "schema.graphql")
API_PATH = "/graphql/v2"
LOGGED_HEADERS = {"user-agent", "content-type", "accept", "accept-encoding",
                  "content-length", "content-encoding", "transfer-encoding", "host",
                  "connection", "expect", "x-source", "idempotency-key",
                  "x-request-id", "traceparent"}
TLS = threading.local()


# --------------------------------------------------------------------------
# Schema and scalars
# --------------------------------------------------------------------------

def load_schema(path=None, without=()):
    """Return (schema, path) from SDL or introspection JSON. `without`: "Type.field" to remove."""
    path = path or SCHEMA
    try:
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
    except OSError as error:
        raise SystemExit("failed to read the schema: %s (use --schema)" % error)
    if path.endswith(".json"):
        data = json.loads(text)
        schema = graphql.build_client_schema(data.get("data", data))
    else:
        schema = graphql.build_schema(text)
    for name in without:
        owner, _, field = name.partition(".")
        fields = getattr(schema.type_map.get(owner), "fields", {})
        if fields.pop(field, None) is None:
            raise ValueError("removedFields: the schema has no %s" % name)
    install_scalars(schema)
    return schema, os.path.abspath(path)


def note(kind, detail):
    ctx = getattr(TLS, "ctx", None)
    if ctx is not None:
        ctx.note(kind, detail)


def parse_variables_map(value):
    if not isinstance(value, dict):
        raise GraphQLError("EnvironmentVariables must be an object")
    for name, item in value.items():
        if not isinstance(item, str):
            raise GraphQLError(
                "EnvironmentVariables.%s must be a string, got %s"
                % (name, type(item).__name__))
    return value


# environment.config as the official CLI declares it (controllers/config/environment.rs,
# and iac/compiler.rs for "tracing")
TOP_KEYS = {"services", "sharedVariables", "volumes", "buckets", "privateNetworkDisabled"}
SERVICE_KEYS = {"source", "networking", "variables", "configFile", "deploy", "build",
                "volumeMounts", "isDeleted", "isCreated", "parentServiceId",
                "clusterRole", "groupId", "clusterWiring", "haTemplateCode",
                "revertsToTemplateCode", "haActiveVariable", "tracing"}
VARIABLE_KEYS = {"value", "defaultValue", "description", "isOptional", "isSealed",
                 "generator"}
DEPLOY_KEYS = {"startCommand", "preDeployCommand", "preDeployTimeoutSeconds",
               "healthcheckPath",
               "healthcheckTimeout", "ipv6EgressEnabled", "numReplicas",
               "multiRegionConfig", "cronSchedule", "restartPolicyType",
               "restartPolicyMaxRetries", "sleepApplication", "registryCredentials",
               "limitOverride", "requiredMountPath", "overlapSeconds",
               "drainingSeconds"}


def parse_config(value):
    if not isinstance(value, dict):
        raise GraphQLError("EnvironmentConfig must be an object")

    def keys(found, known, where):
        for key in found:
            if key not in known:
                note("unknown-config-key", "%s.%s" % (where, key))

    def variables(group, where):
        if not isinstance(group, dict):
            raise GraphQLError("%s must be an object" % where)
        for name, item in group.items():
            if item is None:
                continue
            if not isinstance(item, dict):
                raise GraphQLError("%s.%s must be an object or null" % (where, name))
            keys(item, VARIABLE_KEYS, where + "." + name)
            if item.get("value") is not None and not isinstance(item["value"], str):
                raise GraphQLError("%s.%s.value must be a string" % (where, name))
            for flag in ("isSealed", "isOptional"):
                if item.get(flag) is not None and not isinstance(item[flag], bool):
                    raise GraphQLError("%s.%s.%s must be a boolean" % (where, name, flag))

    keys(value, TOP_KEYS, "config")
    if value.get("sharedVariables") is not None:
        variables(value["sharedVariables"], "sharedVariables")
    services = value.get("services")
    if services is not None:
        if not isinstance(services, dict):
            raise GraphQLError("services must be an object")
        for ident, spec in services.items():
            where = "services." + ident
            if spec is None:
                continue
            if not isinstance(spec, dict):
                raise GraphQLError("%s must be an object" % where)
            keys(spec, SERVICE_KEYS, where)
            if spec.get("variables") is not None:
                variables(spec["variables"], where + ".variables")
            for part in ("deploy", "build", "source", "networking", "tracing"):
                if spec.get(part) is not None and not isinstance(spec[part], dict):
                    raise GraphQLError("%s.%s must be an object" % (where, part))
            deploy = spec.get("deploy") or {}
            keys(deploy, DEPLOY_KEYS, where + ".deploy")
            command = deploy.get("startCommand")
            if command is not None and not isinstance(command, str):
                raise GraphQLError("%s.deploy.startCommand must be a string" % where)
    return value


def parse_datetime(value):
    if not isinstance(value, str):
        raise GraphQLError("DateTime must be an ISO 8601 string")
    try:
        if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", value):
            raise ValueError
        return W.parse_time(value, 0)
    except ValueError:
        raise GraphQLError("DateTime cannot represent %r" % value)


def install_scalars(schema):
    def literal(parser):
        return lambda node, variables=None: parser(value_from_ast_untyped(node, variables))

    def setup(name, parser=None, serializer=None):
        scalar = schema.type_map.get(name)
        if scalar is None:
            return
        if parser:
            scalar.parse_value = parser
            scalar.parse_literal = literal(parser)
        if serializer:
            scalar.serialize = serializer

    setup("DateTime", parse_datetime,
          lambda v: v if isinstance(v, str) else W.iso(v))
    setup("EnvironmentVariables", parse_variables_map)
    setup("EnvironmentConfig", parse_config)
    setup("BigInt", lambda v: int(v), lambda v: int(v))


# --------------------------------------------------------------------------
# Documents
# --------------------------------------------------------------------------

class Analyser(Visitor):
    def __init__(self, info):
        super().__init__()
        self.info = info
        self.deprecated, self.literals = set(), 0
        self.depth = self.max_depth = self.fields = 0

    def enter_field(self, node, *_):
        self.fields += 1
        self.depth += 1
        self.max_depth = max(self.max_depth, self.depth)
        field = self.info.get_field_def()
        if field is not None and field.deprecation_reason:
            parent = self.info.get_parent_type()
            self.deprecated.add("%s.%s" % (parent, node.name.value))

    def leave_field(self, *_):
        self.depth -= 1

    def enter_string_value(self, *_):
        self.literals += 1


class Document:
    def __init__(self, schema, text):
        self.text = text
        self.sha = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self.ast, self.errors = None, []
        self.operations = {}
        self.deprecated, self.literals = [], 0
        self.depth = self.fields = 0
        try:
            self.ast = parse(text)
        except GraphQLError as error:
            self.errors = [(error, "GRAPHQL_PARSE_FAILED")]
            return
        self.errors = [(e, "GRAPHQL_VALIDATION_FAILED")
                       for e in validate(schema, self.ast, max_errors=20)]
        fragments = {d.name.value: d for d in self.ast.definitions
                     if d.kind == "fragment_definition"}
        for node in self.ast.definitions:
            if node.kind == "operation_definition":
                name = node.name.value if node.name else None
                self.operations[name] = {
                    "node": node, "type": node.operation.value, "name": name,
                    "fields": self.top(node.selection_set, fragments, 0),
                    "declared": [v.variable.name.value
                                 for v in node.variable_definitions],
                }
        if not self.errors:
            info = TypeInfo(schema)
            analyser = Analyser(info)
            visit(self.ast, TypeInfoVisitor(info, analyser))
            self.deprecated = sorted(analyser.deprecated)
            self.literals = analyser.literals
            self.depth, self.fields = analyser.max_depth, analyser.fields

    def top(self, selection_set, fragments, level):
        out = []
        for sel in selection_set.selections:
            if sel.kind == "field":
                out.append(sel.name.value)
            elif sel.kind == "inline_fragment":
                out += self.top(sel.selection_set, fragments, level)
            elif sel.name.value in fragments and level < 5:
                out += self.top(fragments[sel.name.value].selection_set, fragments,
                                level + 1)
        return out

    def operation(self, name):
        if name is not None:
            return self.operations.get(name)
        if len(self.operations) == 1:
            return next(iter(self.operations.values()))
        return None


# --------------------------------------------------------------------------
# Request context handed to the resolvers
# --------------------------------------------------------------------------

class Ctx:
    def __init__(self, judge, req):
        self.judge, self.req = judge, req
        self.world = judge.world
        self.token = req.token
        self.polled, self.log_polled, self.read = {}, {}, {}
        self.build_polled = {}
        self.notes, self.violations = [], []
        self.mutations, self.deployments = [], []
        self.abort = None
        self.current_mutation = None
        self.partials = []
        self.unsimulated = []

    @property
    def writer(self):
        return "client#%d" % self.req.number

    def cause(self):
        return "%s#%d" % (self.current_mutation, self.req.number)

    def made(self, deployments):
        for dep in deployments:
            self.deployments.append(dep)
            if self.mutations:
                self.mutations[-1]["deployments"].append(
                    {"id": dep.id, "service": dep.inst.service.name})

    def note(self, kind, detail=""):
        self.notes.append([kind, str(detail)[:300]])

    def violation(self, kind, detail=""):
        self.violations.append([kind, str(detail)[:500]])

    def poll(self, dep):
        if dep.status in W.IN_PROGRESS:
            self.polled[dep.id] = dep

    def log_poll(self, dep):
        self.log_polled[dep.id] = dep

    def build_poll(self, dep):
        """Count a read of the build log; late lines may depend on reads after the end."""
        if dep.ended_at is not None:
            self.build_polled[dep.id] = dep

    def has_value(self, enum, value):
        """Return whether the enum in the schema has this value."""
        return value in getattr(self.judge.schema.type_map.get(enum), "values", {})

    def mark_read(self, var):
        self.read[id(var)] = var

    def finish(self):
        now = self.world.clock()
        for var in self.read.values():
            var.seen = var.version
        for dep in self.polled.values():
            dep.poll(now)
        for dep in self.log_polled.values():
            for boot in dep.boots:
                boot["polls"] += 1
        for dep in self.build_polled.values():
            dep.build_polls += 1

    # authorization

    def require_token(self):
        if self.token is None:
            raise W.NotAuthorized(why=self.req.auth_problem or "no token")
        return self.token

    def require_kind(self, field, *kinds):
        token = self.require_token()
        if token["kind"] not in kinds:
            raise W.NotAuthorized(why="%s with a %s token" % (field, token["kind"]))
        return token

    def can_workspace(self, workspace):
        return self.token is not None and \
            workspace.id in self.token.get("workspaceIds", ())

    def hidden(self, project):
        """Return whether an access group hides the project from the token."""
        return self.token is not None and project.name in self.token.get("hidden", ())

    def can_project(self, project):
        token = self.token
        if token is None or self.hidden(project):
            return False
        if token["kind"] == "project":
            return token["projectId"] == project.id
        return project.workspace.id in token["workspaceIds"]

    def can_environment(self, env):
        token = self.token
        if not self.can_project(env.project):
            return False
        if token["kind"] == "project":
            return token["environmentId"] == env.id
        return not env.restricted

    def require_workspace(self, workspace):
        self.require_token()
        if not self.can_workspace(workspace):
            raise W.NotAuthorized(why="workspace %s" % workspace.name)

    def require_project(self, project):
        self.require_token()
        if not self.can_project(project):
            raise W.NotAuthorized(why="project %s" % project.name)

    def require_environment(self, env):
        self.require_token()
        if not self.can_environment(env):
            raise W.NotAuthorized(why="environment %s/%s" % (env.project.name, env.name))


def field_resolver(source, info, **args):
    ctx = info.context
    name, parent = info.field_name, info.parent_type.name
    for fault in ctx.partials:
        if fault.hits_field(parent, name, source, args):
            raise W.UserError(fault.spec.get("message", "Problem processing request"))
    if isinstance(source, dict):
        if name in source:
            return source[name]
        raise W.Unsimulated("[judge] %s.%s is not simulated" % (parent, name))
    if parent == "Mutation":
        return ctx.judge.run_mutation(ctx, source, name, args, info)
    return source.resolve(name, ctx, args)


# --------------------------------------------------------------------------
# Faults
# --------------------------------------------------------------------------

TERMINAL_FAULTS = {"rate_limit", "http_error", "redirect", "graphql_error",
                   "not_authorized"}
DELIVERY_FAULTS = {"truncate", "slow_body", "close_after", "oversize",
                   "content_type", "empty_body", "garbage"}
EXEC_FAULTS = {"mutation_fail", "partial", "concurrent_write"}
OTHER_FAULTS = {"latency", "hang", "reset", "rate_headers", "deploy_plan"}
FAULT_KINDS = TERMINAL_FAULTS | DELIVERY_FAULTS | EXEC_FAULTS | OTHER_FAULTS
FAULT_KEYS = {
    "kind", "match", "count", "after", "nth", "probability", "ms", "jitterMs",
    "retryAfter", "body", "status", "html", "to", "message", "code", "phase",
    "seconds", "then", "keep", "contentLength", "chunk", "intervalMs", "maxSeconds",
    "announce", "megabytes", "contentType", "path", "when", "how", "writes",
    "limit", "remaining", "resetSeconds", "windowSeconds", "perSecond", "enforce", "style",
    "resetFormat", "service", "environment", "project", "plan", "data", "comment",
    "rateKind", "headers", "edge",
}
MATCH_KEYS = {"type", "field", "operation", "documentContains", "variablesContain",
              "service"}


class Fault:
    counter = 0

    def __init__(self, spec):
        if spec.get("kind") not in FAULT_KINDS:
            raise ValueError("unknown fault kind %r; known: %s"
                             % (spec.get("kind"), ", ".join(sorted(FAULT_KINDS))))
        unknown = set(spec) - FAULT_KEYS
        if unknown:
            raise ValueError("unknown fault keys %s" % sorted(unknown))
        unknown = set(spec.get("match") or {}) - MATCH_KEYS
        if unknown:
            raise ValueError("unknown fault match keys %s" % sorted(unknown))
        if not isinstance(spec.get("headers", {}), dict):
            raise ValueError("fault key headers must be an object")
        Fault.counter += 1
        self.id = Fault.counter
        self.spec = spec
        self.kind = spec["kind"]
        self.skip = spec.get("after", 0)
        if "nth" in spec:
            self.skip = spec["nth"] - 1
        default = -1 if self.kind in ("latency", "rate_headers") else 1
        self.remaining = spec.get("count", default)
        self.fired = 0
        self.rng = random.Random(self.id)

    def matches(self, req, world):
        match = self.spec.get("match") or {}
        op = req.operation or {}
        if "type" in match and op.get("type") != match["type"]:
            return False
        if "field" in match and match["field"] not in op.get("fields", ()):
            return False
        if "operation" in match and req.operation_name != match["operation"]:
            return False
        if "documentContains" in match and match["documentContains"] not in (req.query or ""):
            return False
        if "variablesContain" in match and \
                match["variablesContain"] not in json.dumps(req.variables or {}):
            return False
        if "service" in match:
            ids = [s.id for p in world.projects for s in p.services
                   if match["service"] in (s.name, s.id)]
            text = json.dumps(req.variables or {}) + (req.query or "")
            if not any(i in text for i in ids):
                return False
        return True

    def take(self, only_count=False):
        """Count one matching request and return whether the fault fires.

        only_count: another fault already fires for this request.
        """
        if self.remaining == 0:
            return False
        if only_count:
            self.skip = max(0, self.skip - 1)
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.rng.random() >= self.spec.get("probability", 1.0):
            return False
        if self.remaining > 0:
            self.remaining -= 1
        self.fired += 1
        return True

    def hits_field(self, parent, name, source, args):
        wanted = self.spec.get("path", "")
        if wanted not in ("%s.%s" % (parent, name), name):
            return False
        if "service" in self.spec:
            inst = getattr(source, "inst", source)
            service = getattr(inst, "service", None)
            if service is None and isinstance(source, W.Query):
                service = source.world.service(args.get("serviceId"))
            if service is None or self.spec["service"] not in (service.name, service.id):
                return False
        return self.take()

    def describe(self):
        return {"id": self.id, "spec": self.spec, "remaining": self.remaining,
                "skip": self.skip, "fired": self.fired}


class RateLimit:
    """Rate-limit headers on every response, and enforcement if configured."""

    def __init__(self, spec=None):
        spec = dict(spec or {})
        self.limit = spec.get("limit", 10000)
        self.window = spec.get("windowSeconds", 3600)
        self.per_second = spec.get("perSecond")
        self.enforce = spec.get("enforce", False)
        self.format = spec.get("resetFormat", "epoch")
        self.style = spec.get("style", "both")
        if self.style not in ("both", "limits", "policy", "none"):
            raise ValueError("unknown rate header style %r" % self.style)
        self.fixed = spec.get("remaining")
        self.reset_seconds = spec.get("resetSeconds")
        self.started = time.time()
        self.used = 0
        self.recent = collections.deque()

    def take(self):
        """Return (headers, retry_after or None)."""
        now = time.time()
        if now - self.started >= self.window:
            self.started, self.used = now, 0
        reset = self.started + self.window
        if self.reset_seconds is not None:
            reset = now + self.reset_seconds
        retry = None
        if self.enforce and self.used >= self.limit:
            retry = max(1, int(reset - now + 0.999))
        elif self.enforce and self.per_second:
            while self.recent and now - self.recent[0] >= 1.0:
                self.recent.popleft()
            if len(self.recent) >= self.per_second:
                retry = 1
            else:
                self.recent.append(now)
        if retry is None:
            self.used += 1
        remaining = max(0, self.limit - self.used)
        if self.fixed is not None:
            remaining = self.fixed
            self.fixed = max(0, self.fixed - 1)
        value = {"epoch": str(int(reset)), "iso": W.iso(reset),
                 "seconds": str(int(reset - now))}[self.format]
        policy = [("RateLimit-Policy", '"default";q=%d;w=%d' % (self.limit, self.window))]
        limits = [("X-RateLimit-Limit", str(self.limit)),
                  ("X-RateLimit-Remaining", str(remaining)),
                  ("X-RateLimit-Reset", value)]
        headers = {"both": limits + policy, "limits": limits, "policy": policy,
                   "none": []}[self.style]
        return headers, retry


# responses of Railway's edge in place of a service
EDGES = {
    "attack": {             # Under Attack Mode, for non-browsers
        "status": 429, "headers": {"Server": "railway-edge", "Content-Type": "text/html"},
        "body": "<!DOCTYPE html><title>Checking your browser</title>\n"},
    "authentication": {     # Railway Authentication; the exact response is unknown
        "status": 302, "headers": {"Server": "railway-edge", "Content-Type": "text/html",
                                   "Location": "https://railway.com/login"}},
}
HTML_ERROR = ("<!DOCTYPE html>\n<html><head><title>%d %s</title></head>\n<body>"
              "<center><h1>%d %s</h1></center><hr><center>cloudflare</center>"
              "</body></html>\n")
REASONS = {code: text for code, (text, _) in
           http.server.BaseHTTPRequestHandler.responses.items()}


# --------------------------------------------------------------------------
# The judge
# --------------------------------------------------------------------------

class Request:
    """One request to the API, as recorded by the judge."""

    def __init__(self):
        self.number = 0
        self.query = self.variables = self.operation_name = None
        self.document = self.operation = None
        self.token, self.auth, self.token_kind, self.auth_problem = None, None, None, None
        self.violations, self.notes, self.fired = [], [], []
        self.mutations, self.deployments = [], []
        self.errors = []
        self.server_ms = 0.0
        self.status = None
        self.bytes_out = 0
        self.lost = None            # how the response was lost, if it was
        self.world_version = None
        self.polled = False         # whether it polled a deployment


class Judge:
    def __init__(self, args):
        self.args = args
        self.lock = threading.RLock()
        self.log_lock = threading.Lock()
        self.stop = threading.Event()
        self.schema, self.schema_path = load_schema(args.schema)
        self.removed = ()
        self.documents = collections.OrderedDict()
        self.log_path = args.log
        self.log_file = open(args.log, "a", buffering=1, encoding="utf-8") \
            if args.log else None
        self.connections = 0
        self.in_flight = 0              # being served
        self.unrecorded = 0             # being served or not recorded yet
        self.idle = threading.Event()   # set if nothing is unrecorded
        self.idle.set()
        self.http_ports = {}
        self.leak_url = None
        self.base_url = None
        self.listen = lambda: None      # starts missing HTTP app listeners
        self.scenario_spec = args.scenario_data
        self.load(args.scenario_data)
        self.warm_up()

    # life cycle

    def load(self, scenario):
        args = self.args
        scenario = json.loads(json.dumps(scenario))
        options = scenario.setdefault("options", {})
        options.update(args.options)
        world = W.World(scenario, seed=args.seed)
        removed = tuple(world.options["removedFields"])
        if removed != self.removed:
            self.schema, self.schema_path = load_schema(args.schema, removed)
            self.removed = removed
            self.documents.clear()
        self.scenario, self.world = scenario, world
        self.query = W.Query(self.world)
        self.mutation = W.Mutation(self.world, self.query)
        self.faults = [Fault(spec) for spec in scenario.get("faults", [])]
        if args.latency_ms:
            self.faults.append(Fault({"kind": "latency", "ms": args.latency_ms}))
        self.rate = RateLimit(scenario.get("rateLimit"))
        for spec in [f.spec for f in self.faults if f.kind == "rate_headers"]:
            self.rate = RateLimit(spec)
        for app in scenario.get("http", []):
            W_env(self.world, app).instance_by_name(app["service"])
        self.advertise_http()
        self.clear()

    def warm_up(self):
        """Run one query, as graphql-core's first use is slow and clients may be timed."""
        req = Request()
        req.query = ("query W($e: String!) { regions { name } environment(id: $e) { id "
                     "variables { edges { node { name } } } } }")
        req.token = next(iter(self.world.tokens.values()))
        req.variables = {"e": "none"}
        if self.prepare(req) is None:
            with self.lock:
                self.execute(req)
        self.documents.clear()
        self.clear()

    def clear(self):
        self.requests = 0
        self.by_status = collections.Counter()
        self.by_token = collections.Counter()
        self.agents = collections.Counter()
        self.doc_stats = collections.OrderedDict()
        self.fields = collections.Counter()
        self.violations, self.notes = [], []
        self.mutation_log, self.mutation_count = [], 0
        self.unsimulated = collections.Counter()
        self.internal_errors = []
        self.conn_requests = collections.Counter()
        self.bytes_in = self.bytes_out = 0
        self.max_in_flight = self.in_flight
        self.arrivals = []
        self.recent = collections.deque(maxlen=5000)
        self.seen_reads = {}
        self.duplicate_reads = []
        self.faults_fired = []
        self.leaks = []
        self.leak_requests = []
        self.probes = []
        self.exposures = []
        self.not_authorized = []
        self.first_at = self.last_at = None
        self.server_ms = 0.0

    def advertise_http(self):
        """Set the domain of services with an HTTP app to the local listener, if configured."""
        for index, app in enumerate(self.scenario.get("http", [])):
            if app.get("advertise", self.args.probe_domain) == "listener" \
                    and index in self.http_ports:
                env = W_env(self.world, app)
                inst = env.instance_by_name(app["service"])
                host = "127.0.0.1:%d" % self.http_ports[index]
                deployed = [d for i in env.instances.values() for d in i.deployments]
                before = [d.inst.captured(d) for d in deployed]
                if inst.domains:
                    inst.domains[0]["domain"] = host
                else:
                    inst.domains.append({"domain": host})
                # running deployments had this address as well, so they are not stale
                for dep, old in zip(deployed, before):
                    for name, value in dep.inst.captured(dep).items():
                        if dep.captured.get(name) == old.get(name):
                            dep.captured[name] = value

    def write_log(self, record):
        if self.log_file is None:
            return
        text = json.dumps(record, ensure_ascii=True)
        with self.log_lock:
            self.log_file.write(text + "\n")

    # documents

    def document(self, text):
        doc = self.documents.get(text)
        if doc is None:
            doc = Document(self.schema, text)
            self.documents[text] = doc
            if len(self.documents) > 500:
                self.documents.popitem(last=False)
        return doc

    # authentication

    def authenticate(self, req, headers):
        bearer = headers.get("authorization")
        project = headers.get("project-access-token")
        if bearer is not None and project is not None:
            req.notes.append(["both-auth-headers", ""])
        if project is not None:
            req.auth = "project-access-token"
            found = self.world.tokens.get(project.strip())
            if found is None:
                req.auth_problem = "unknown project token"
            elif found["kind"] != "project":
                req.auth_problem = "%s token in Project-Access-Token" % found["kind"]
                req.notes.append(["wrong-auth-header", req.auth_problem])
            else:
                req.token, req.token_kind = found, "project"
            return
        if bearer is not None:
            req.auth = "bearer"
            match = re.fullmatch(r"Bearer (\S+)", bearer.strip())
            if not match:
                req.auth_problem = "malformed Authorization header"
                req.notes.append(["malformed-authorization", ""])
                return
            found = self.world.tokens.get(match.group(1))
            if found is None:
                req.auth_problem = "unknown token"
            elif found["kind"] == "project":
                req.auth_problem = "project token in Authorization"
                req.notes.append(["wrong-auth-header", req.auth_problem])
            else:
                req.token, req.token_kind = found, found["kind"]
            return
        req.auth_problem = "no token"
        req.notes.append(["no-token", ""])

    # execution

    def format_error(self, error, code=None):
        message = error.message
        if code:            # graphql-js quotes names with ", graphql-core with '
            message = re.sub(r"'([^']*)'", r'"\1"', message)
        out = {"message": message}
        if error.locations:
            out["locations"] = [{"line": l.line, "column": l.column}
                                for l in error.locations]
        if error.path:
            out["path"] = list(error.path)
        own = getattr(error.original_error, "code", None) \
            if isinstance(error.original_error, W.UserError) else None
        out["extensions"] = {"code": code or own or "INTERNAL_SERVER_ERROR"}
        out["traceId"] = str(random.getrandbits(62))
        return out

    def bad_request(self, req, kind, errors, detail=None):
        req.violations.append([kind, detail or errors[0]["message"]])
        return 400, {"errors": errors}

    def simple_error(self, message, code):
        return {"message": message, "extensions": {"code": code},
                "traceId": str(random.getrandbits(62))}

    def parse_body(self, req, headers, body):
        """Return None, or (status, json) if the request is refused."""
        ctype = headers.get("content-type", "")
        if ctype.split(";")[0].strip().lower() != "application/json":
            return self.bad_request(req, "content-type", [self.simple_error(
                "Content-Type must be application/json, got %r" % ctype, "BAD_REQUEST")])
        if headers.get("content-encoding"):
            return self.bad_request(req, "content-encoding", [self.simple_error(
                "request Content-Encoding is not supported", "BAD_REQUEST")])
        try:
            data = json.loads(body.decode("utf-8"),
                              parse_constant=lambda c: (_ for _ in ()).throw(
                                  ValueError("invalid JSON constant %s" % c)),
                              object_pairs_hook=self.pairs(req))
        except (ValueError, UnicodeDecodeError) as error:
            return self.bad_request(req, "invalid-json", [self.simple_error(
                "POST body is not valid JSON: %s" % error, "BAD_REQUEST")])
        if isinstance(data, list):
            return self.bad_request(req, "batching", [self.simple_error(
                "Operation batching disabled.", "BAD_REQUEST")])
        if not isinstance(data, dict) or not isinstance(data.get("query"), str):
            return self.bad_request(req, "no-query", [self.simple_error(
                "GraphQL operations must contain a non-empty `query`", "BAD_REQUEST")])
        for key in data:
            if key not in ("query", "variables", "operationName", "extensions"):
                req.notes.append(["unknown-body-key", key])
        req.query = data["query"]
        req.operation_name = data.get("operationName")
        variables = data.get("variables")
        if variables is not None and not isinstance(variables, dict):
            return self.bad_request(req, "variables-not-object", [self.simple_error(
                "`variables` must be an object", "BAD_REQUEST")])
        req.variables = variables or {}
        if req.operation_name is not None and not isinstance(req.operation_name, str):
            return self.bad_request(req, "operation-name-type", [self.simple_error(
                "`operationName` must be a string", "BAD_REQUEST")])
        return None

    @staticmethod
    def pairs(req):
        def hook(items):
            out = dict(items)
            if len(out) != len(items):
                req.notes.append(["duplicate-json-key", ""])
            return out
        return hook

    def prepare(self, req):
        """Parse and validate. Return None or (status, json)."""
        with self.lock:
            doc = self.document(req.query)
        req.document = doc
        if doc.errors:
            req.operation = doc.operation(req.operation_name) if doc.ast else None
            return self.bad_request(
                req, "invalid-document",
                [self.format_error(e, c) for e, c in doc.errors],
                "; ".join(e.message for e, _ in doc.errors[:3]))
        req.operation = doc.operation(req.operation_name)
        if req.operation is None:
            message = ("Unknown operation named %r." % req.operation_name
                       if req.operation_name is not None else
                       "Must provide operation name if query contains multiple operations.")
            return self.bad_request(req, "operation-name", [self.simple_error(
                message, "OPERATION_RESOLUTION_FAILURE")])
        if req.operation["name"] is None:
            req.notes.append(["anonymous-operation", ",".join(req.operation["fields"])])
        if req.operation["type"] == "subscription":
            return self.bad_request(req, "subscription-over-post", [self.simple_error(
                "Subscriptions are not supported over POST", "BAD_REQUEST")])
        for path in doc.deprecated:
            req.notes.append(["deprecated-field", path])
        if doc.literals:
            req.notes.append(["string-literal-in-document", doc.literals])
        extra = set(req.variables) - set(req.operation["declared"])
        if extra:
            req.notes.append(["undeclared-variables", ",".join(sorted(extra))])
        limits = self.scenario.get("limits") or {}
        if limits.get("maxDepth") and doc.depth > limits["maxDepth"]:
            return self.bad_request(req, "limit-depth", [self.simple_error(
                "Query depth limit exceeded", "GRAPHQL_VALIDATION_FAILED")])
        if limits.get("maxRootFields") and \
                len(req.operation["fields"]) > limits["maxRootFields"]:
            return self.bad_request(req, "limit-root-fields", [self.simple_error(
                "Too many root fields", "GRAPHQL_VALIDATION_FAILED")])
        return None

    def execute(self, req):
        """Return (status, json). Called with self.lock held."""
        self.world.tick()
        req.world_version = self.world.version
        ctx = Ctx(self, req)
        req.ctx = ctx
        TLS.ctx = ctx
        try:
            node = req.operation["node"]
            coerced = get_variable_values(self.schema, node.variable_definitions,
                                          req.variables, max_errors=10)
            if isinstance(coerced, list):
                return self.bad_request(
                    req, "invalid-variables",
                    [self.format_error(e, "BAD_USER_INPUT") for e in coerced])
            ctx.partials = [f for f in self.faults if f.kind == "partial"
                            and f.matches(req, self.world)]
            is_mutation = node.operation == OperationType.MUTATION
            result = graphql_execute(
                self.schema, req.document.ast,
                root_value=self.mutation if is_mutation else self.query,
                context_value=ctx, variable_values=req.variables,
                operation_name=req.operation_name, field_resolver=field_resolver)
            ctx.finish()
            out = {}
            if result.errors:
                out["errors"] = []
                for error in result.errors:
                    original = error.original_error
                    if isinstance(original, W.Unsimulated):
                        key = str(original).replace("[judge] ", "")
                        self.unsimulated[key] += 1
                        ctx.note("unsimulated", key)
                    elif isinstance(original, W.NotAuthorized):
                        self.not_authorized.append(
                            {"n": req.number, "path": error.path and
                             ".".join(map(str, error.path)),
                             "why": original.why, "message": str(original)})
                    elif original is not None and not isinstance(
                            original, (W.UserError, W.Abort, GraphQLError)):
                        self.internal_errors.append({
                            "n": req.number, "path": error.path,
                            "error": repr(original),
                            "traceback": "".join(traceback.format_exception(original))})
                        error = GraphQLError("Problem processing request",
                                             error.nodes, path=error.path)
                    out["errors"].append(self.format_error(error))
                req.errors = [e["message"] for e in out["errors"]]
            out["data"] = result.data
            return 200, out
        finally:
            TLS.ctx = None
            req.polled = bool(ctx.polled)
            req.violations += ctx.violations
            req.notes += ctx.notes
            req.mutations = ctx.mutations
            req.deployments = [d.id for d in ctx.deployments]
            req.abort = ctx.abort
            for fault in ctx.partials:
                if fault.fired and fault.id not in [f["id"] for f in req.fired]:
                    req.fired.append({"id": fault.id, "kind": fault.kind})

    def run_mutation(self, ctx, root, name, args, info):
        """Execute one mutation root field, with its faults."""
        req = ctx.req
        self.mutation_count += 1
        entry = {"n": self.mutation_count, "request": req.number, "field": name,
                 "args": json.loads(json.dumps(args, default=str)),
                 "at": W.iso(time.time()), "applied": False, "answered": True,
                 "error": None, "deployments": []}
        ctx.mutations.append(entry)
        self.mutation_log.append(entry)
        ctx.current_mutation = name
        if ctx.abort:
            entry["error"] = "request already dropped"
            raise W.Abort("dropped")
        telemetry = name in ("cliEventTrack", "cliAuthEventTrack")
        hooks = [] if telemetry else [
            f for f in self.faults if f.kind in ("mutation_fail", "concurrent_write")
            and f.matches(req, self.world)]
        for fault in hooks:
            if fault.kind == "concurrent_write" and \
                    fault.spec.get("when", "before_mutation") == "before_mutation" \
                    and fault.take():
                self.fire(req, fault)
                for spec in fault.spec["writes"]:
                    self.world.other_write(spec)
        failing = None
        for fault in hooks:
            if fault.kind == "mutation_fail" and fault.take(failing is not None):
                failing = fault
                self.fire(req, fault)
        if failing and failing.spec.get("when", "before") == "before":
            ctx.abort = failing.spec
            entry["error"] = "fault: failed before applying"
            raise W.Abort(failing.spec.get("message", "Problem processing request"))
        try:
            value = root.resolve(name, ctx, args)
        except Exception as error:
            entry["error"] = str(error)
            entry["applied"] = getattr(error, "applied", False)
            ctx.made(getattr(error, "made", ()))
            raise
        entry["applied"] = True
        if failing:
            ctx.abort = failing.spec
            entry["answered"] = False
            if failing.spec.get("how") == "graphql_error":
                raise W.Abort(failing.spec.get("message", "Problem processing request"))
        return value

    def fire(self, req, fault):
        req.fired.append({"id": fault.id, "kind": fault.kind})
        self.faults_fired.append({"n": req.number, "id": fault.id, "kind": fault.kind,
                                  "spec": fault.spec})

    # recording

    def record(self, req, meta):
        """Count and log a finished request."""
        with self.lock:
            self.by_status[str(req.status)] += 1
            self.by_token[req.token_kind or req.auth_problem or "none"] += 1
            self.agents[meta["selected"].get("user-agent", "(none)")] += 1
            self.bytes_in += meta["bytesIn"]
            self.bytes_out += req.bytes_out
            self.server_ms += req.server_ms
            for kind, detail in req.violations:
                self.violations.append({"n": req.number, "kind": kind, "detail": detail,
                                        "operation": req.operation_name})
            for kind, detail in req.notes:
                self.notes.append({"n": req.number, "kind": kind, "detail": detail})
            if req.document is not None:
                stat = self.doc_stats.setdefault(req.document.sha, {
                    "sha": req.document.sha,
                    "operation": req.operation["name"] if req.operation else None,
                    "type": req.operation["type"] if req.operation else None,
                    "topFields": req.operation["fields"] if req.operation else [],
                    "count": 0, "errors": 0, "maxBytesIn": 0, "maxBytesOut": 0,
                    "depth": req.document.depth, "fields": req.document.fields})
                stat["count"] += 1
                stat["errors"] += bool(req.errors)
                stat["maxBytesIn"] = max(stat["maxBytesIn"], meta["bytesIn"])
                stat["maxBytesOut"] = max(stat["maxBytesOut"], req.bytes_out)
            if req.operation:
                for name in req.operation["fields"]:
                    self.fields[name] += 1
                if req.operation["type"] == "query" and req.status == 200 \
                        and not req.polled and not req.lost:
                    # the same request again although nothing has changed
                    key = (req.document.sha, req.operation_name, req.token_kind,
                           json.dumps(req.variables, sort_keys=True))
                    if self.seen_reads.get(key) == req.world_version:
                        self.duplicate_reads.append(
                            {"n": req.number, "operation": req.operation["name"],
                             "topFields": req.operation["fields"]})
                    self.seen_reads[key] = req.world_version
        record = {
            "kind": "request", "n": req.number, "t": meta["t"],
            "ms": round((time.time() - meta["t"]) * 1000, 2),
            "serverMs": round(req.server_ms, 2),
            "conn": meta["conn"], "connRequest": meta["connRequest"],
            "method": meta["method"], "path": meta["path"],
            "httpVersion": meta["httpVersion"], "headerNames": meta["headerNames"],
            "headers": meta["selected"], "auth": req.auth, "tokenKind": req.token_kind,
            "authProblem": req.auth_problem,
            "operationName": req.operation_name,
            "type": req.operation["type"] if req.operation else None,
            "topFields": req.operation["fields"] if req.operation else [],
            "document": req.query, "variables": req.variables,
            "bytesIn": meta["bytesIn"], "bytesOut": req.bytes_out,
            "status": req.status, "lost": req.lost, "errors": req.errors,
            "violations": req.violations, "notes": req.notes, "faults": req.fired,
            "mutations": [m["n"] for m in req.mutations], "deployments": req.deployments,
        }
        self.recent.append(record)
        self.write_log(record)

    def summary(self):
        with self.lock:
            peak = 0
            window = collections.deque()
            for at in sorted(self.arrivals):
                window.append(at)
                while at - window[0] >= 1.0:
                    window.popleft()
                peak = max(peak, len(window))
            kinds = collections.Counter(n["kind"] for n in self.notes)
            span = (self.last_at - self.first_at) if self.first_at else 0
            return {
                "scenario": self.scenario.get("name"),
                "requests": self.requests,
                "byStatus": dict(self.by_status),
                "byToken": dict(self.by_token),
                "topFields": dict(self.fields),
                "documents": list(self.doc_stats.values()),
                "distinctDocuments": len(self.doc_stats),
                "duplicateReads": self.duplicate_reads,
                "violations": self.violations,
                "warnings": self.notes[:500],
                "warningKinds": dict(kinds),
                "mutations": self.mutation_log,
                "deploymentsCreated": self.world.deploy_log,
                "lostUpdates": self.world.lost_updates,
                "otherWrites": self.world.other_writes,
                "connections": {
                    "distinct": len(self.conn_requests),
                    "requestsPerConnection": {str(k): v for k, v in
                                              self.conn_requests.items()}},
                "userAgents": dict(self.agents),
                "maxInFlight": self.max_in_flight,
                "peakRequestsPerSecond": peak,
                "bytesIn": self.bytes_in, "bytesOut": self.bytes_out,
                "spanSeconds": round(span, 3),
                "serverMs": round(self.server_ms, 1),
                "faultsFired": self.faults_fired,
                "faultsArmed": [f.describe() for f in self.faults if f.remaining],
                "unsimulated": dict(self.unsimulated),
                "notAuthorized": self.not_authorized[:200],
                "tokenLeaks": self.leaks,
                "redirectedRequests": self.leak_requests,
                "tokenExposures": self.exposures,
                "probes": self.probes[-200:],
                "internalErrors": self.internal_errors,
            }

    def info(self):
        out = {
            "url": self.base_url + API_PATH, "judge": self.base_url + "/__judge",
            "port": int(self.base_url.rsplit(":", 1)[1]), "pid": os.getpid(),
            "scenario": self.scenario.get("name"), "schema": self.schema_path,
            "log": self.log_path, "leak": self.leak_url,
            "http": [{"service": app["service"],
                      "url": "http://127.0.0.1:%d" % self.http_ports[index]}
                     for index, app in enumerate(self.scenario.get("http", []))
                     if index in self.http_ports],
            "tokens": [{k: v for k, v in t.items()
                        if k in ("token", "kind", "project", "environment", "workspace")}
                       for t in self.world.tokens.values()],
            "projects": [{"id": p.id, "name": p.name,
                          "environments": {e.name: e.id for e in p.environments},
                          "services": {s.name: s.id for s in p.services}}
                         for p in self.world.projects],
        }
        return out


def W_env(world, spec):
    project = world.project_by_name(spec.get("project"))
    if spec.get("environment"):
        return project.environment_by_name(spec["environment"])
    return project.environments[0]


# --------------------------------------------------------------------------
# HTTP
# --------------------------------------------------------------------------

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, port, role, judge, context=None):
        self.role, self.judge, self.context = role, judge, context
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)    # no reverse name look-up
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def finish_request(self, request, client_address):
        if self.context is not None:
            request.settimeout(10)
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError) as error:
                self.judge.write_log({"kind": "tls-failure", "t": time.time(),
                                      "error": str(error)})
                return
        self.RequestHandlerClass(request, client_address, self)
        if self.context is not None:
            try:
                request.close()
            except OSError:
                pass

    def handle_error(self, request, client_address):
        kind = sys.exc_info()[0]
        if kind and issubclass(kind, (OSError, ValueError)):
            return                      # the client has disconnected
        traceback.print_exc()


class Gone(Exception):
    """The connection was closed by a fault."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75

    def setup(self):
        super().setup()
        judge = self.server.judge
        with judge.lock:
            judge.connections += 1
            self.conn_id = judge.connections
        self.conn_requests = 0

    def log_message(self, *args):
        pass

    def send_error(self, code, message=None, explain=None):
        """Called for requests that http.server cannot parse."""
        judge = self.server.judge
        with judge.lock:
            judge.violations.append({"n": None, "kind": "bad-http",
                                     "detail": "%s %s" % (code, message or ""),
                                     "operation": None})
        self.close_connection = True
        try:
            self.respond(code, [], b"bad request\n", "text/plain", close=True)
        except OSError:
            pass

    # plumbing

    def read_body(self):
        encoding = self.headers.get("Transfer-Encoding", "").lower()
        limit = self.server.judge.args.max_request_bytes
        if "chunked" in encoding:
            chunks, total = [], 0
            while True:
                size = int(self.rfile.readline(64).split(b";")[0].strip(), 16)
                if size == 0:
                    while self.rfile.readline(1000).strip():
                        pass
                    return b"".join(chunks)
                total += size
                if total > limit:
                    raise ValueError("body too large")
                chunks.append(self.rfile.read(size))
                self.rfile.readline(8)
        length = int(self.headers.get("Content-Length") or 0)
        if length > limit:
            raise ValueError("body too large")
        return self.rfile.read(length)

    def raw(self, data):
        self.connection.sendall(data)

    def head(self, status, headers, length, ctype, close=False):
        lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Unknown")),
                 "Date: " + self.date_time_string(), "Content-Type: " + ctype]
        if length is not None:
            lines.append("Content-Length: %d" % length)
        lines += ["%s: %s" % pair for pair in headers]
        lines.append("Connection: close" if close else "Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def respond(self, status, headers, body, ctype="application/json; charset=utf-8",
                close=False):
        data = self.head(status, headers, len(body), ctype, close) + body
        self.raw(data)
        if close:
            self.close_connection = True
        return len(data)

    def reset(self):
        """Reset the connection (RST)."""
        sock = self.connection
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            os.close(sock.detach())
        except OSError:
            pass
        self.close_connection = True
        raise Gone()

    def pause(self, seconds):
        """Sleep for at most 120 s, or until the judge stops."""
        self.server.judge.stop.wait(min(seconds, 120))

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except Gone:
            self.close_connection = True
        except (ConnectionError, BrokenPipeError, socket.timeout, ssl.SSLError):
            self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def any_method(self):
        role = self.server.role
        self.conn_requests += 1
        try:
            body = self.read_body()
        except ValueError as error:
            self.send_error(413 if "large" in str(error) else 400, str(error))
            return
        if role == "leak":
            self.leak(body)
        elif isinstance(role, int):
            self.probe(role, body)
        elif self.path.startswith("/__judge"):
            self.judge_endpoint(body)
        else:
            self.api(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = any_method

    # the API

    def api(self, body):
        judge = self.server.judge
        started = time.time()
        req = Request()
        names = [name for name, _ in self.headers.items()]
        lower = {}
        for name, value in self.headers.items():
            lower[name.lower()] = value
        selected = {k: v for k, v in lower.items()
                    if k in LOGGED_HEADERS or judge.args.log_secrets}
        meta = {"t": started, "conn": self.conn_id, "connRequest": self.conn_requests,
                "method": self.command, "path": self.path,
                "httpVersion": self.request_version, "headerNames": names,
                "selected": selected, "bytesIn": len(body)}
        with judge.lock:
            judge.requests += 1
            req.number = judge.requests
            judge.conn_requests[self.conn_id] += 1
            judge.in_flight += 1
            judge.unrecorded += 1
            judge.idle.clear()
            judge.max_in_flight = max(judge.max_in_flight, judge.in_flight)
            judge.arrivals.append(started)
            judge.first_at = judge.first_at or started
            judge.last_at = started
        try:
            self.serve_api(judge, req, lower, body)
        except Gone:
            req.lost = req.lost or "reset"
            raise
        except OSError as error:
            req.lost = req.lost or "client-gone: %s" % error
            raise
        finally:
            with judge.lock:
                judge.in_flight -= 1
                judge.last_at = time.time()
                for entry in req.mutations:
                    if req.lost:
                        entry["answered"] = False
            judge.record(req, meta)
            with judge.lock:
                judge.unrecorded -= 1
                if judge.unrecorded == 0:
                    judge.idle.set()

    def serve_api(self, judge, req, headers, body):
        # the token may only be in its header
        for token in judge.world.tokens:
            where = []
            if token in self.path:
                where.append("url")
            if token.encode() in body:
                where.append("body")
            for name, value in headers.items():
                if token in value and name not in ("authorization",
                                                   "project-access-token"):
                    where.append("header " + name)
            if where:
                req.violations.append(["token-exposed", ", ".join(where)])
                judge.exposures.append({"n": req.number, "where": where})
        judge.authenticate(req, headers)

        if self.path.split("?")[0] != API_PATH:
            req.violations.append(["wrong-path", self.path])
            return self.answer(req, [], 404, self.encode(
                {"message": "Not Found", "requestId": W.uid("404", req.number)}))
        if self.command != "POST":
            req.violations.append(["wrong-method", self.command])
            return self.answer(req, [("Allow", "POST")], 405,
                               b"Method Not Allowed\n", "text/plain")
        query = self.path.partition("?")[2]
        if query and not re.fullmatch(r"source=[\w.-]+", query):
            req.violations.append(["query-string", self.path])
        if "host" not in headers:
            req.violations.append(["no-host", ""])
        if "user-agent" not in headers:
            req.notes.append(["no-user-agent", ""])

        clock = time.perf_counter()
        refusal = judge.parse_body(req, headers, body)
        if refusal is None:
            refusal = judge.prepare(req)
        req.server_ms += (time.perf_counter() - clock) * 1000

        with judge.lock:
            rate_headers, retry = judge.rate.take()
            chosen, taken = [], False
            for fault in judge.faults:
                if fault.kind in EXEC_FAULTS or fault.kind in ("rate_headers", "deploy_plan"):
                    continue
                exclusive = fault.kind != "latency"     # one of these per request
                if fault.matches(req, judge.world) and fault.take(exclusive and taken):
                    taken = taken or exclusive
                    chosen.append(fault)
                    judge.fire(req, fault)
        # delays first, then faults that replace the response
        delivery = None
        for fault in chosen:
            spec = fault.spec
            if fault.kind == "latency":
                jitter = spec.get("jitterMs", 0)
                self.pause((spec.get("ms", 0) + fault.rng.uniform(0, jitter)) / 1000.0)
            elif fault.kind == "hang":
                self.pause(spec.get("seconds", 5))
                if spec.get("then", "close") == "close":
                    req.lost = "hang"
                    req.status = 0
                    self.close_connection = True
                    raise Gone()
        for fault in chosen:
            spec = fault.spec
            if fault.kind == "reset" and spec.get("phase", "before") == "before":
                req.lost, req.status = "reset before executing", 0
                self.reset()
            elif fault.kind in TERMINAL_FAULTS:
                return self.terminal(judge, req, fault, rate_headers)
            elif fault.kind in DELIVERY_FAULTS or fault.kind == "reset":
                delivery = fault
        if retry is not None:
            judge.faults_fired.append({"n": req.number, "kind": "rate_limit_enforced"})
            return self.too_many(req, rate_headers, retry, "json")
        if refusal is not None:
            status, data = refusal
            return self.deliver(judge, req, rate_headers, status, data, None)

        clock = time.perf_counter()
        with judge.lock:
            req.abort = None
            status, data = judge.execute(req)
            req.server_ms += (time.perf_counter() - clock) * 1000
            if not req.abort and not req.errors:
                self.after_read(judge, req)
        if req.abort:
            return self.aborted(req, rate_headers, data)
        return self.deliver(judge, req, rate_headers, status, data, delivery)

    def after_read(self, judge, req):
        """Apply concurrent writes right after a read. Called with the lock held."""
        if req.operation is None or req.operation["type"] != "query":
            return
        for fault in judge.faults:
            if fault.kind == "concurrent_write" and fault.spec.get("when") == "after_read" \
                    and fault.matches(req, judge.world) and fault.take():
                judge.fire(req, fault)
                for spec in fault.spec["writes"]:
                    judge.world.other_write(spec)

    def answer(self, req, headers, status, body, ctype="application/json; charset=utf-8",
               close=False):
        req.status = status
        req.bytes_out += self.respond(status, headers, body, ctype, close)

    def encode(self, data):
        try:
            return json.dumps(data, ensure_ascii=False,
                              separators=(",", ":")).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(data, separators=(",", ":")).encode("utf-8")

    def too_many(self, req, rate_headers, retry, body):
        headers = list(rate_headers)
        if retry is not None:
            headers.append(("Retry-After", str(retry)))
        if body == "html":
            page = HTML_ERROR % (429, "Too Many Requests", 429, "Too Many Requests")
            return self.answer(req, headers, 429, page.encode(), "text/html")
        if body == "empty":
            return self.answer(req, headers, 429, b"", "text/plain")
        data = {"errors": [{"message": "You are being rate limited",
                            "extensions": {"code": "RATE_LIMITED"}}]}
        return self.answer(req, headers, 429, self.encode(data))

    def terminal(self, judge, req, fault, rate_headers):
        spec, kind = fault.spec, fault.kind
        if kind == "rate_limit":
            return self.too_many(req, rate_headers, spec.get("retryAfter", 1),
                                 spec.get("body", "json"))
        if kind == "http_error":
            status = spec.get("status", 502)
            reason = REASONS.get(status, "Error")
            page = spec.get("html") or HTML_ERROR % (status, reason, status, reason)
            ctype = "text/html"
            if isinstance(spec.get("body"), str):
                page, ctype = spec["body"], "text/plain; charset=UTF-8"
            elif "body" in spec:
                page, ctype = json.dumps(spec["body"]), "application/json; charset=utf-8"
            headers = list(rate_headers)
            if spec.get("edge"):            # from Cloudflare, not from Railway
                headers = [("Server", "cloudflare"),
                           ("CF-RAY", "%016x-SIN" % random.getrandbits(64))]
            if spec.get("retryAfter") is not None:
                headers.append(("Retry-After", str(spec["retryAfter"])))
            headers += [(name, str(value)) for name, value in
                        spec.get("headers", {}).items()]
            return self.answer(req, headers, status, page.encode(),
                               spec.get("contentType", ctype))
        if kind == "redirect":
            target = spec.get("to") or judge.leak_url + API_PATH
            return self.answer(req, rate_headers + [("Location", target)],
                               spec.get("status", 307), b"", "text/plain")
        if kind == "not_authorized":
            message, code = "Not Authorized", "INTERNAL_SERVER_ERROR"
        else:
            message = spec.get("message", "Problem processing request")
            code = spec.get("code", "INTERNAL_SERVER_ERROR")
        error = judge.simple_error(message, code)
        if req.operation:
            error["path"] = [req.operation["fields"][0]]
        req.errors = [message]
        data = {"errors": [error], "data": None}
        if spec.get("data") == "absent":
            del data["data"]
        return self.answer(req, rate_headers, spec.get("status", 200), self.encode(data))

    def aborted(self, req, rate_headers, data):
        """Lose the response as a mutation_fail fault requires."""
        spec = req.abort
        how = spec.get("how", "reset")
        req.lost = "mutation_fail %s %s" % (spec.get("when", "before"), how)
        if how == "graphql_error":
            return self.answer(req, rate_headers, 200, self.encode(data))
        if how == "reset":
            req.status = 0
            self.reset()
        if how == "hang":
            req.status = 0
            self.pause(spec.get("seconds", 5))
            self.close_connection = True
            raise Gone()
        if how == "truncate":
            payload = self.encode(data)
            req.status = 200
            self.raw(self.head(200, rate_headers, len(payload) + 50,
                               "application/json; charset=utf-8") + payload[:10])
            self.close_connection = True
            raise Gone()
        status = int(how)
        reason = REASONS.get(status, "Error")
        page = HTML_ERROR % (status, reason, status, reason)
        return self.answer(req, rate_headers, status, page.encode(), "text/html")

    def deliver(self, judge, req, rate_headers, status, data, fault):
        payload = self.encode(data)
        headers = list(rate_headers)
        ctype = "application/json; charset=utf-8"
        if judge.args.gzip and "gzip" in self.headers.get("Accept-Encoding", "") \
                and len(payload) > 500:
            payload = gzip.compress(payload, 5)
            headers.append(("Content-Encoding", "gzip"))
        if fault is None:
            return self.answer(req, headers, status, payload, ctype)
        spec, kind = fault.spec, fault.kind
        req.status = status
        if kind == "content_type":
            return self.answer(req, headers, status, payload,
                               spec.get("contentType", "text/html"))
        if kind == "empty_body":
            req.lost = kind
            return self.answer(req, headers, status, b"", ctype)
        if kind == "garbage":
            req.lost = kind
            return self.answer(req, headers, status, b"\x00\xff\xfenot json", ctype)
        if kind == "oversize":
            size = int(spec.get("megabytes", 100) * 1024 * 1024)
            self.raw(self.head(status, headers, len(payload) + size, ctype))
            self.raw(payload[:-1])
            block = b" " * 65536
            sent = 0
            while sent < size and not judge.stop.is_set():
                self.raw(block[:min(len(block), size - sent)])
                sent += len(block)
            self.raw(payload[-1:])
            req.bytes_out += len(payload) + size
            return None
        if kind == "close_after":
            announce = spec.get("announce", False)
            self.answer(req, headers, status, payload, ctype, close=announce)
            self.close_connection = True
            return None
        if kind == "truncate":
            keep = spec.get("keep", len(payload) // 2)
            req.lost = kind
            if spec.get("contentLength", "full") == "short":
                return self.answer(req, headers, status, payload[:keep], ctype)
            self.raw(self.head(status, headers, len(payload), ctype) + payload[:keep])
            self.close_connection = True
            raise Gone()
        if kind == "reset":
            req.lost = "reset " + spec.get("phase")
            head = self.head(status, headers, len(payload), ctype)
            if spec.get("phase") == "mid_headers":
                self.raw(head[:len(head) // 2])
            elif spec.get("phase") == "mid_body":
                self.raw(head + payload[:max(1, len(payload) // 2)])
            self.pause(0.05)            # let the data arrive before the RST
            self.reset()
        if kind == "slow_body":
            deadline = time.time() + min(spec.get("maxSeconds", 10), 120)
            self.raw(self.head(status, headers, len(payload), ctype))
            chunk, at = max(1, spec.get("chunk", 1)), 0
            while at < len(payload) and time.time() < deadline \
                    and not judge.stop.is_set():
                self.raw(payload[at:at + chunk])
                at += chunk
                self.pause(spec.get("intervalMs", 50) / 1000.0)
            if at < len(payload):
                req.lost = kind
                self.close_connection = True
                raise Gone()
            req.bytes_out += len(payload)
        return None

    # a foreign host, which records tokens that it receives

    def leak(self, body):
        judge = self.server.judge
        found = []
        for token, spec in judge.world.tokens.items():
            for name, value in self.headers.items():
                if token in value:
                    found.append({"header": name, "kind": spec["kind"]})
            if token in self.path or token.encode() in body:
                found.append({"header": "(url or body)", "kind": spec["kind"]})
        record = {"t": time.time(), "method": self.command, "path": self.path,
                  "headerNames": [n for n, _ in self.headers.items()],
                  "bytesIn": len(body), "tokens": found}
        with judge.lock:
            judge.leak_requests.append(record)
            if found:
                judge.leaks.append(record)
                judge.violations.append({"n": None, "kind": "token-leak",
                                         "detail": json.dumps(found), "operation": None})
        judge.write_log(dict(record, kind="redirected"))
        self.respond(200, [], b'{"data":{"me":{"id":"x","name":"x","email":"x@x"}}}')

    # an application running in a service

    def probe(self, index, body):
        judge = self.server.judge
        started = time.time()
        with judge.lock:
            judge.world.tick()
            if index >= len(judge.scenario.get("http", [])):
                status, data, why = 404, {"detail": "no such app"}, "scenario changed"
                app = {"service": None}
            else:
                status, data, why = self.run_probe(judge, index, body)
                app = judge.scenario["http"][index]
            record = {"t": started, "service": app["service"], "method": self.command,
                      "path": self.path, "status": status, "why": why,
                      "headerNames": [n for n, _ in self.headers.items()],
                      "userAgent": self.headers.get("User-Agent")}
            judge.probes.append(record)
            tokens = [t for t in judge.world.tokens
                      if any(t in v for _, v in self.headers.items())]
            if tokens:
                judge.leaks.append(dict(record, tokens=len(tokens)))
                judge.violations.append({"n": None, "kind": "token-leak",
                                         "detail": "railway token sent to the service",
                                         "operation": None})
        judge.write_log(dict(record, kind="probe"))
        if why == "edge":
            headers = dict(data.get("headers", {}))
            ctype = headers.pop("Content-Type", "text/plain")
            return self.respond(status, list(headers.items()),
                                data.get("body", "").encode(), ctype)
        payload = b"" if data is None else self.encode(data)
        self.respond(status, [], payload, "application/json")

    def run_probe(self, judge, index, body):
        app = judge.scenario["http"][index]
        env = W_env(judge.world, app)
        inst = env.instance_by_name(app["service"])
        now = judge.world.clock()
        edge = app.get("edge") or ("attack" if inst.under_attack else None)
        if edge:
            edge = EDGES[edge] if isinstance(edge, str) else edge
            return edge["status"], edge, "edge"
        # a probe counts as a poll, so that deployments advance for a client
        # that only probes the service
        for item in env.instances.values():
            for dep in item.deployments:
                if dep.status in W.IN_PROGRESS:
                    dep.poll(now)
        dep = inst.running
        if dep is None:
            return 502, {"status": "error", "code": 502,
                         "message": "Application failed to respond"}, "not running"
        path = self.path.split("?")[0]
        methods = []
        for route in app["routes"]:
            if route["path"] != path:
                continue
            methods.append(route["method"])
            if route["method"] != self.command:
                continue
            auth = route.get("auth", app.get("auth"))
            if auth:
                given = self.headers.get(auth["header"])
                wanted = dep.captured.get(auth["variable"])
                if given is None or wanted is None or given != wanted:
                    return auth.get("status", 403), auth.get("body"), \
                        "missing key" if given is None else "wrong key"
            action = route.get("action") or {}
            if action.get("exit"):
                victim = env.instance_by_name(action["exit"]).running
                if victim:
                    victim.boot(now + action.get("afterSeconds", 0))
                    judge.world.version += 1
            return route.get("status", 200), \
                self.template(judge.world, route.get("body"), dep), "ok"
        if methods:
            return 405, {"detail": "Method Not Allowed"}, "method"
        return 404, {"detail": "Not Found"}, "path"

    def template(self, world, value, dep):
        if isinstance(value, dict):
            if "$if" in value:
                chosen = "then" if world.holds(value["$if"], dep) else "else"
                return self.template(world, value.get(chosen), dep)
            if "$boot" in value:
                env = dep.inst.env
                target = env.instance_by_name(value["service"]).running \
                    if "service" in value else dep
                if target is None or not target.boots:
                    return None
                boot = target.boots[-1]
                return {"id": boot["id"], "at": W.iso(boot["at"]),
                        "count": len(target.boots)}[value["$boot"]]
            return {k: self.template(world, v, dep) for k, v in value.items()}
        if isinstance(value, list):
            return [self.template(world, v, dep) for v in value]
        if isinstance(value, str) and dep.boots:
            return dep.expand(value, dep.boots[-1])
        return value

    # judge endpoints

    def judge_endpoint(self, body):
        judge = self.server.judge
        path = self.path.split("?")[0]
        # a client gets its response slightly before it is recorded
        judge.idle.wait(0.5)
        try:
            data = json.loads(body) if body.strip() else {}
            out = self.judge_command(judge, path, data)
        except Exception as error:
            self.respond(400, [], self.encode({"error": "%s: %s" % (
                type(error).__name__, error)}))
            return
        if out is None:
            self.respond(404, [], self.encode({"error": "no such endpoint"}))
            return
        self.respond(200, [], json.dumps(out, indent=1).encode() + b"\n")
        if path == "/__judge/shutdown":
            judge.stop.set()

    def judge_command(self, judge, path, data):
        get, post = self.command == "GET", self.command == "POST"
        if get and path == "/__judge/summary":
            return judge.summary()
        with judge.lock:
            if get and path == "/__judge/requests":
                return {"requests": list(judge.recent)}
            if get and path == "/__judge/info":
                return judge.info()
            if get and path == "/__judge/state":
                judge.world.tick()
                return judge.world.state()
            if get and path == "/__judge/leaks":
                return {"leaks": judge.leaks, "requests": judge.leak_requests}
            if get and path == "/__judge/faults":
                return {"faults": [f.describe() for f in judge.faults]}
            if post and path == "/__judge/faults":
                if isinstance(data, dict) and data.get("clear"):
                    judge.faults = []
                    judge.rate = RateLimit(judge.scenario.get("rateLimit"))
                    data = data.get("faults", [])
                if isinstance(data, dict):
                    data = data.get("faults") or [data]
                fresh = [Fault(spec) for spec in data]
                for fault in fresh:
                    if fault.kind == "rate_headers":
                        judge.rate = RateLimit(fault.spec)
                    elif fault.kind == "deploy_plan":
                        env = W_env(judge.world, fault.spec)
                        inst = env.instance_by_name(fault.spec["service"])
                        inst.plan, inst.plan_used = fault.spec["plan"], 0
                    else:
                        judge.faults.append(fault)
                return {"armed": [f.describe() for f in fresh]}
            if post and path == "/__judge/reset":
                spec = judge.scenario_spec
                if data.get("scenario"):
                    name = data["scenario"]
                    if isinstance(name, str) and not os.path.exists(name):
                        name = os.path.join(HERE, "scenarios", name)
                    spec = W.load_scenario(name, judge.args.seed)
                elif data.get("generate"):
                    spec = W.generate(data["generate"], judge.args.seed)
                if not data.get("keepWorld"):
                    judge.load(spec)
                    judge.listen()
                else:
                    judge.clear()
                judge.scenario_spec = spec
                judge.write_log({"kind": "reset", "t": time.time(), "request": data})
                return {"ok": True, "scenario": judge.scenario.get("name")}
            if post and path == "/__judge/write":
                writes = data if isinstance(data, list) else [data]
                return {"deployments": [judge.world.other_write(s) for s in writes]}
            if post and path == "/__judge/advance":
                done = []
                for env in judge.world.environments():
                    for inst in env.instances.values():
                        for dep in list(inst.deployments):
                            if dep.steps and data.get("deployment", dep.id) == dep.id:
                                dep.finish_now()
                                done.append({"id": dep.id, "status": dep.status})
                return {"finished": done}
            if post and path == "/__judge/shutdown":
                return {"ok": True}
        return None


# --------------------------------------------------------------------------
# Command line
# --------------------------------------------------------------------------

def parse_args(argv):
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--scenario", help="scenario file (name in scenarios/ or a path)")
    ap.add_argument("--generate", metavar="NxM", help="N services with M variables each")
    ap.add_argument("--port", type=int, default=0)
    ap.add_argument("--probe-port", type=int, default=0,
                    help="port of the first HTTP app of the scenario")
    ap.add_argument("--leak-port", type=int, default=0)
    ap.add_argument("--schema", help="SDL or introspection JSON")
    ap.add_argument("--log", help="JSONL request log (appended to)")
    ap.add_argument("--log-secrets", action="store_true",
                    help="log every header value, tokens included")
    ap.add_argument("--ready-file", help="also write the start-up JSON to this file")
    ap.add_argument("--latency-ms", type=float, default=0)
    ap.add_argument("--page-size", type=int)
    ap.add_argument("--max-page", type=int)
    ap.add_argument("--advance", help="polls | polls:N | time:SECONDS | instant")
    ap.add_argument("--option", action="append", default=[], metavar="KEY=JSON",
                    help="override a scenario option")
    ap.add_argument("--probe-domain", choices=("public", "listener"), default="public",
                    help="the domain of services with an HTTP app")
    ap.add_argument("--gzip", action="store_true",
                    help="compress responses for clients that accept gzip")
    ap.add_argument("--tls-cert")
    ap.add_argument("--tls-key")
    ap.add_argument("--max-request-bytes", type=int, default=10 * 1024 * 1024)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--exit-after", type=float, default=0,
                    help="exit after this many seconds")
    args = ap.parse_args(argv)
    if bool(args.scenario) == bool(args.generate):
        ap.error("give one of --scenario and --generate")
    if bool(args.tls_cert) != bool(args.tls_key):
        ap.error("--tls-cert and --tls-key go together")
    options = {}
    if args.page_size is not None:
        options["pageSize"] = args.page_size
    if args.max_page is not None:
        options["maxPageSize"] = args.max_page
    if args.advance:
        mode, _, cost = args.advance.partition(":")
        options["advance"] = mode
        if cost:
            number = float(cost) if mode == "time" else int(cost)
            options["phases"] = {"INITIALIZING": number, "BUILDING": number,
                                 "DEPLOYING": number}
    for item in args.option:
        key, _, value = item.partition("=")
        options[key] = json.loads(value)
    args.options = options
    if args.generate:
        args.scenario_data = W.generate(args.generate, args.seed)
    else:
        path = args.scenario
        if not os.path.exists(path):
            for guess in (path, path + ".json"):
                candidate = os.path.join(HERE, "scenarios", guess)
                if os.path.exists(candidate):
                    path = candidate
                    break
        args.scenario_data = W.load_scenario(path, args.seed)
    return args


class Running:
    """The judge with its listeners; tests also use it in-process."""

    def __init__(self, args):
        self.judge = judge = Judge(args)
        context = None
        if args.tls_cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(args.tls_cert, args.tls_key)
            context.set_alpn_protocols(["http/1.1"])
        scheme = "https" if context else "http"
        self.servers = [Server(args.port, "api", judge, context),
                        Server(args.leak_port, "leak", judge, context)]
        # a different host name and a different port
        judge.leak_url = "%s://localhost:%d" % (scheme, self.servers[1].server_port)
        judge.base_url = "%s://127.0.0.1:%d" % (scheme, self.servers[0].server_port)
        for server in self.servers:
            self.serve(server)
        judge.listen = self.listen
        self.listen()

    @staticmethod
    def serve(server):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1},
                         daemon=True).start()

    def listen(self):
        """Start a listener for each HTTP app of the scenario that has none."""
        judge = self.judge
        for index, app in enumerate(judge.scenario.get("http", [])):
            if index in judge.http_ports:
                continue
            port = app.get("port", 0)
            if index == 0 and judge.args.probe_port:
                port = judge.args.probe_port
            server = Server(port, index, judge)
            judge.http_ports[index] = server.server_port
            self.servers.append(server)
            self.serve(server)
        judge.advertise_http()

    def close(self):
        self.judge.stop.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()
        if self.judge.log_file:
            self.judge.log_file.close()


def main(argv=None):
    args = parse_args(sys.argv[1:] if argv is None else argv)
    running = Running(args)
    judge = running.judge
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: judge.stop.set())
    line = json.dumps(judge.info())
    if args.ready_file:
        temporary = args.ready_file + ".tmp"
        with open(temporary, "w", encoding="utf-8") as handle:
            handle.write(line + "\n")
        os.replace(temporary, args.ready_file)
    print(line, flush=True)
    judge.stop.wait(args.exit_after or None)
    running.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
