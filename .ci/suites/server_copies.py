"""Scenarios in which one value is copied to many places, for `doctor trace` and `doctor rotate`, and their judge.

Each copy is a function of the value, so that the texts of a rotation are known without `doctor`: the text before and after
the value stays, and the value in between is the new one in the same encoding.
"""
import base64
import hashlib
import io
import json
import re
import subprocess
import types
import urllib.parse

from dotenv import dotenv_values
from server_cases import DEPLOY, REDEPLOY, UPSERT, world
from server_checks import SCENARIOS
from server_estates import deployment, estate, service

KEY = "PAYMENTS_API_KEY"
FORMATS = ("text", "json", "sarif", "github", "junit", "markdown", "html")
# The fields of a place in JSON that are compared.
PLACE = ("kind", "service", "key", "usage", "form")
PLAIN, OTHER = "kT8mZ4xW2qV5nR9cH1sD", "dL3fJ6sP0aYuE7bGi4Wm"
NEW, THIRD = "Nw7Rz2Kq9Vb4Xm6Tc1Hs8Jd3", "Th5Gf8Lp2Wq7Zk4Yv9Bn1Mx6"

# Values with every class of special characters: (name, old value, new value, whether a `.env` can hold both).
VALUES = [
    ("plain", PLAIN, OTHER, True),
    ("base64", "Qm9+T3nLr6/XwPk2JmB9sYd4Hc0==", "Vk4+R8tZp1/LcNs7GhW5xEq3Bj9==", True),
    ("percent", "p%41ss%w0rd%2Fmq7Zt9Lk3", "100%25%zz+%3D-Nv5Rk8Qw", True),
    ("delimiters", "a&b=c;d?e#f@g:h/i-7Qx9Tw", "[x]!(y)*,~|{z}^<w>-4Jk8&?", True),
    ("spaces and unicode", "pässwörd  日本 🚄 9kTq", "naïve — ключ  7 Zm4x", True),
    ("quotes", "it's \"quoted\" `tick` 42xKz", "\"all\" 'three' `kinds` 83mQv", False),
    ("dollars and backslashes", "$ecret$$HOME\\new\\table${X}\\u00419k", "C:\\temp\\x41$(id)$1\\\\end7Zq", False),
    ("PEM", "-----BEGIN PRIVATE " + "KEY-----\nMIIBkT8mZ4xW2q+V5nR9/cH1\nsD7x==\n-----END PRIVATE KEY-----\n",
     "-----BEGIN PRIVATE " + "KEY-----\nMIICdL3fJ6sP0a+YuE7b/Gi4\nWm9q==\n-----END PRIVATE KEY-----\n", True),
    ("plain to delimiters", PLAIN, "q+w/e=r&t?y#u@i:o%p-55Zx", True),
    ("delimiters to plain", "q+w/e=r&t?y#u@i:o%p-55Zx", OTHER, True),
]


# Encodings, written independently of doctor ----------------------------------------------------------------------------------

def percent(value):
    return urllib.parse.quote(value, safe="")


def lower_percent(value):
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), percent(value))


def in_json(value):
    return json.dumps(value, ensure_ascii=False)[1:-1]


def b64(value):
    return base64.b64encode(value.encode()).decode()


def b64url(value):
    return base64.urlsafe_b64encode(value.encode()).decode()


def bare(value):
    return b64(value).rstrip("=")


def same(value):
    return value


# The characters that may be unencoded in a part of a URL. `+` is a space in a query, so it must be encoded there.
USER, PATH, QUERY = (re.compile(rf"(?:[A-Za-z0-9._~\-{more}]|%[0-9A-Fa-f]{{2}})*") for more in ("!$&'()*+,;=", "!$&'()*+,;=:@", "!$'()*,;:@/?="))


def decoded_part(allowed):
    """Returns a decoder of a part of a URL. It returns `None` for text that ends the part."""
    return lambda text: urllib.parse.unquote(text, errors="strict") if allowed.fullmatch(text) else None


class Copy:
    """A variable that contains the value. `owner` is a service, or `None` for a shared variable."""

    def __init__(self, owner, key, form, encode=same, before="", after="", decode=None, usage="stored"):
        self.owner, self.key, self.form, self.usage = owner, key, form, usage
        self.encode, self.before, self.after, self.decode = encode, before, after, decode

    def text(self, value):
        return self.before + self.encode(value) + self.after

    def holds(self, text, value):
        """Returns whether the text is that of the value, in another spelling of the same encoding perhaps."""
        if text == self.text(value):
            return True
        if text is None or self.decode is None or not text.startswith(self.before) or not text.endswith(self.after):
            return False
        return self.decode(text[len(self.before):len(text) - len(self.after)]) == value

    def place(self, value):
        """Returns the expected place. An encoding that changes nothing is not part of the form."""
        form = self.form(value) if callable(self.form) else self.form
        return ("shared" if self.owner is None else "service", self.owner, self.key, self.usage, form)


def encoded(plain, form):
    return lambda value: form if percent(value) != value else plain


def url_copies(owner):
    """Returns copies in every part of a URL."""
    form, rest = encoded("url", "url-encoded"), {"encode": percent}
    return [
        Copy(owner, "USER_URL", form, before="https://", after="@hooks.relay.example/v1", decode=decoded_part(USER), **rest),
        Copy(owner, "AMQP_URL", form, before="amqps://relay:", after="@mq.relay.example:5671/pay?heartbeat=10", decode=decoded_part(USER), **rest),
        Copy(owner, "DATABASE_URL", form, lower_percent, "postgres://pay:", "@db.relay.example:5432/pay?sslmode=require", decoded_part(USER)),
        Copy(owner, "CALLBACK_URL", form, before="https://hooks.relay.example/in?mode=live&token=", after="&retry=3#top", decode=decoded_part(QUERY), **rest),
        Copy(owner, "WEBHOOK_URL", form, before="https://hooks.relay.example/services/T0/", after="/B1", decode=decoded_part(PATH), **rest)]


def json_value(text):
    """Returns the value of the inside of a JSON string, `None` if it is not valid."""
    try:
        return json.loads(f'"{text}"', strict=True)
    except ValueError:
        return None


def json_copies(owner):
    # Two levels of objects, then JSON as text within JSON. The spacing and the order of keys are not those of a serializer.
    nested, inner = '{"z": 1,"providers" : [ {"auth": {"token":"', '", "ttl": 3.50}, "name": "relay\\/pay"} ]}\n'
    return [
        Copy(owner, "PROVIDERS_JSON", "json", in_json, nested, inner, json_value),
        Copy(owner, "SETTINGS_JSON", "json-in-json", lambda value: in_json(in_json(value)), '{"v":2, "inner": "{\\"token\\": \\"', '\\", \\"n\\": 1}"}',
             lambda text: json_value(json_value(text) or "\\")),
        Copy(owner, "KEYS_JSON", "base64-in-json", b64, '{"keys":["x", "', '"]}'),
        Copy(owner, "DSN_JSON", encoded("url-in-json", "url-encoded-in-json"), percent, '{"dsn": "redis://pay:', '@cache.relay.example:6379/0"}', decoded_part(USER))]


def base64_decoder(old):
    """Returns a decoder of base64 in the spelling of the old text. A spelling that the old text does not show is free."""
    allowed = "[A-Za-z0-9_-]*={0,2}" if set("-_") & set(old) else "[A-Za-z0-9+/]*={0,2}" if set("+/") & set(old) else "[A-Za-z0-9+/_-]*={0,2}"

    def decode(text):
        padding = -len(text.rstrip("=")) % 4
        is_padded = text.endswith("=") or padding == 0
        wanted = {True} if old.endswith("=") else {False} if len(old) % 4 else {True, False}
        if not re.fullmatch(allowed, text) or padding and is_padded not in wanted:
            return None
        return base64.b64decode(text.rstrip("=").replace("-", "+").replace("_", "/") + "=" * padding).decode()
    return decode


def base64_copies(owner, value):
    def inner(value):
        return b64('{"type": "service", "private_key": "' + in_json(value) + '"}')
    whole = [Copy(owner, key, "base64", encode, decode=base64_decoder(encode(value))) for key, encode in (("KEY_B64", b64), ("KEY_B64URL", b64url), ("KEY_B64BARE", bare))]
    return [
        *whole,
        Copy(owner, "CREDENTIALS_B64", "json-in-base64", inner), Copy(owner, "AUTHORIZATION", "basic-header", lambda value: b64("relay:" + value), "Basic ")]


def text_copies(owner):
    return [
        Copy(owner, "BEARER_HEADER", "text", before="Bearer "),
        Copy(owner, "CONNECTION_STRING", "text", before="Server=tcp:db.relay.example,1433;Database=pay;User Id=relay;Password=", after=";Encrypt=True")]


def near_misses(value):
    """Returns variables that are similar to the value and do not contain it."""
    middle = len(value) // 2
    changed = value[:middle] + ("x" if value[middle] != "x" else "y") + value[middle + 1:]
    found = {"KEY_ID": value[:middle + 2], "KEY_TAIL": value[2:], "KEY_SHA256": hashlib.sha256(value.encode()).hexdigest(), "OTHER_API_KEY": changed,
             "OTHER_URL": f"https://relay:{percent(changed)}@hooks.relay.example/", "OTHER_B64": b64(changed), "PART_B64": b64(value[:-1]),
             "OTHER_JSON": '{"token": "' + in_json(changed) + '"}'}
    if value.isalnum():
        # A longer token is another token.
        longer = (value + "4", "x" + value)
        found |= {"LONGER_KEY": longer[0], "LONGER_TOKEN": longer[1], "LONGER_URL": f"https://h.example/in?token={longer[0]}", "LONGER_B64": b64(longer[1]),
                  "UPPER_KEY": value.swapcase()}
    return found


# Worlds --------------------------------------------------------------------------------------------------------------------

class Spread:
    """A scenario, a `.env` and the copies of one value. `literals` are other variables, which must not change."""

    def __init__(self, value, instances, copies, *, shared=None, references=(), running=(), sealed=(), env=None, **options):
        self.value, self.copies, self.references, self.running, self.sealed = value, list(copies), list(references), list(running), list(sealed)
        owned = {one.get("service"): dict(one["variables"]) for one in instances}
        owned[None] = dict(shared or {})
        for copy in self.copies:
            owned[copy.owner][copy.key] = copy.text(value)
        for owner, key, text, _ in self.references:
            owned[owner][key] = text
        services = [service(one["service"], owned[one["service"]], *one.get("deployments", ()), **one.get("settings", {})) for one in instances]
        self.scenario = estate(*services, shared=owned[None], environment=options.pop("environment", "staging"), **options)
        self.scenario["tokens"] = [{"token": "5a170000-0000-4000-8000-00000000acc8", "kind": "account"},
                                   {"token": "5a170000-0000-4000-8000-000000000098", "kind": "project", "project": "harbor",
                                    "environment": self.scenario["projects"][0]["environments"][0]["name"]}]
        # A function of the value, as the file is one of its copies.
        self.env = env or (lambda _: "")
        self.file_keys = [KEY]

    def places(self, value=None):
        """Returns the places of a complete trace."""
        value = value or self.value
        found = [copy.place(value) for copy in self.copies]
        found += [("shared" if owner is None else "service", owner, key, "reference", form) for owner, key, _, form in self.references]
        if value == self.value:
            found += [("service", owner, key, "running", form) for owner, key, form in self.running]
        found += [("service", owner, key, "sealed", None) for owner, key in self.sealed]
        return found + [("file", None, key, "stored", "literal") for key in self.file_keys if self.env(value)]


def part(name, variables=None, *deployments, **settings):
    return {"service": name, "variables": variables or {}, "deployments": deployments or (deployment(),), "settings": settings}


def quoted(value):
    """Returns the assignment's right side that python-dotenv, node's dotenv and dotenvy read as the value."""
    assert "'" not in value and "\\" not in value
    return f"'{value}'"


def all_forms(value, new=OTHER, *, with_file=True, **options):
    """The value in every form on nine services, and values that only resemble it."""
    instances = [
        part("api", {"PORT": "8080", "LOG_LEVEL": "info"}), part("billing", {"REGION": "eu-west"}), part("web", {"PORT": "3000"}),
        part("worker", {"QUEUE": "payments-high"}, deployment(old={KEY: "the-value-before-2024"})),
        # The stored value is another one, and a variable is removed, but both still run.
        part("old", {KEY: "replaced-by-hand-5Rk8Qw"}, deployment(old={KEY: value})), part("gone", {"MODE": "strict"}, deployment(old={"LEGACY_KEY": value})),
        {**part("idle", {}), "deployments": ()}, part("decoy", near_misses(value)),
        part("chain-a"), part("chain-b", {"LOG_LEVEL": "${{shared.LEVEL}}"}), part("gateway", {"HOST_NAME": "gw.relay.example"})]
    copies = [Copy("api", KEY, "literal"), Copy("worker", KEY, "literal"), Copy("idle", KEY, "literal"), Copy("web", "PAY_PROVIDER_SECRET", "literal"),
              Copy(None, "PAYMENTS_SHARED_KEY", "literal"), *url_copies("api"), *json_copies("billing"), *base64_copies("billing", value)]
    if percent(value) != value:
        copies.append(Copy("web", "ENCODED_KEY", encoded("literal", "percent-encoded"), percent, decode=decoded_part(USER)))
    # In these, a new value with such characters would end the part or the line.
    if not set(";\"'={}\n\\") & set(value + new):
        copies += text_copies("web")
    references = [("chain-b", "TOKEN_B", "${{shared.PAYMENTS_SHARED_KEY}}", None), ("chain-a", "TOKEN_A", "${{ chain-b.TOKEN_B }}", None),
                  ("gateway", "UPSTREAM_AUTH", "Bearer ${{ shared.PAYMENTS_SHARED_KEY }}", None), ("gateway", "OWN_COPY", "${{UPSTREAM_AUTH}}", None)]
    running = [("old", KEY, "literal"), ("gone", "LEGACY_KEY", "literal")]
    env = (lambda one: f"# settings\n{KEY}={quoted(one)}\nLOG_LEVEL=info\n") if with_file else None
    return Spread(value, instances, copies, shared={"LEVEL": "info"}, references=references, running=running, env=env, **options)


def small(value=PLAIN, **options):
    """Three services and a shared variable, without anything that a rotation leaves."""
    instances = [part("api", {"PORT": "8080"}), part("web", {"LOG_LEVEL": "info"}), part("worker", {"QUEUE": "payments-high"}), part("reports", {"DAY": "monday"}),
                 part("other", {"PORT": "9000"})]
    copies = [Copy("api", KEY, "literal"), Copy("worker", KEY, "literal"), Copy("web", "PAY_SECRET", "literal"), Copy(None, "SHARED_PAY_KEY", "literal"),
              Copy("api", "CALLBACK_URL", encoded("url", "url-encoded"), percent, "https://hooks.relay.example/in?token=", "&mode=live", decoded_part(QUERY))]
    references = [("reports", "PAY_KEY", "${{shared.SHARED_PAY_KEY}}", None)]
    env = options.pop("env", lambda one: f"# settings\n{KEY}={quoted(one)}\nLOG_LEVEL=info\n")
    return Spread(value, instances, copies, references=references, env=env, **options)


def holders_only(value=PLAIN, names=("api", "worker", "cron"), **options):
    """Services that have the key, and nothing else with the value."""
    env = options.pop("env", lambda one: f"{KEY}={quoted(one)}\n")
    return Spread(value, [part(name, {"MODE": "strict"}) for name in names], [Copy(name, KEY, "literal") for name in names], env=env, **options)


def many(count=60, value=PLAIN):
    """Many services: each has the key, every fifth has a URL as well, and every seventh a reference."""
    names = [f"service-{number:02}" for number in range(count)]
    copies = [Copy(name, KEY, "literal") for name in names]
    copies += [Copy(name, "CALLBACK_URL", "url", percent, "https://h.example/in?token=", "&n=1", decoded_part(QUERY)) for name in names[::5]]
    references = [(name, "PAY_KEY", "${{shared.SHARED_PAY_KEY}}", None) for name in names[::7]]
    copies.append(Copy(None, "SHARED_PAY_KEY", "literal"))
    return Spread(value, [part(name, {"NUMBER": f"number-{name}"}) for name in names], copies, references=references, env=lambda one: f"{KEY}={one}\n")


def planted(env=True, **options):
    """The scenario `spread` of the server, with its facts as places and copies."""
    scenario = json.loads((SCENARIOS / "spread.json").read_text(encoding="utf-8"))
    scenario["options"] = {"advance": "instant", **options}
    found = types.SimpleNamespace(scenario=scenario, value=scenario["value"], secrets=scenario["secrets"], file_keys=[KEY])
    found.env = (lambda value: f"# settings\nexport {KEY}='{value}'\nLOG_LEVEL=info\n") if env else (lambda value: "")
    found.copies = [
        Copy("api", KEY, "literal"), Copy("worker", KEY, "literal"), Copy("web", "PAY_PROVIDER_SECRET", "literal"), Copy("billing", "LEGACY_PAY_TOKEN", "literal"),
        Copy(None, "PAYMENTS_SHARED_KEY", "literal"),
        Copy("api", "CALLBACK_URL", "url", same, "https://hooks.tidal.example/in?mode=live&token=", "", decoded_part(QUERY)),
        Copy("billing", "AMQP_URL", "url-encoded", percent, "amqps://relay:", "@mq.tidal.example:5671/pay", decoded_part(USER)),
        Copy("billing", "PROVIDERS_JSON", "base64-in-json", b64, '{"default": "tidal", "providers": [{"name": "tidal", "key_b64": "', '", "timeout": 30}]}')]
    places = [("file", None, KEY, "stored", "literal")] if env else []
    for fact in scenario["facts"]:
        if fact["fact"] == "copy":
            usage = fact["form"] if fact["form"] in ("reference", "sealed") else "stored"
            form = None if usage != "stored" else "literal" if fact["form"] == "shared" else fact["form"]
            places.append(("service" if fact["service"] else "shared", fact["service"], fact["key"], usage, form))
    found.places = lambda: places
    return found


# Runs ------------------------------------------------------------------------------------------------------------------------

def forms_of(value):
    """Returns the value in every form in which a leak could show it."""
    lines = [line for line in value.splitlines() if len(line) > 12 and not line.startswith("-----")] if "\n" in value else []
    found = {value, value.strip(), *lines}
    for text in [value, *lines]:
        found |= {percent(text), lower_percent(text), urllib.parse.quote(text), urllib.parse.quote_plus(text), in_json(text), json.dumps(text)[1:-1],
                  text.encode().hex(), text.encode().hex().upper()}
        for offset in range(3):
            # Base64 within other base64: without the characters that depend on what is around it.
            raw = b"\0" * offset + text.encode()
            whole = raw[:len(raw) // 3 * 3]
            found |= {base64.b64encode(whole).decode()[4 if offset else 0:], base64.urlsafe_b64encode(whole).decode()[4 if offset else 0:]}
    return {one for one in found if len(one) >= 8}


def prepare(it, *values):
    """Makes every run search its output and records for these values in every form."""
    for value in values:
        it.values |= forms_of(value)
    # Ordinary words, which a report shows as names.
    it.values -= {"https://", "payments"}
    return it


def project(name, spread, *values, **how):
    """Returns the context of a case in such a world. See `prepare` for the values."""
    text = spread.env(spread.value)
    values = (*values, *getattr(spread, "secrets", ()))
    return Prepared(world(name, spread.scenario, text, **how), spread, values, no_file=text == "")


class Prepared:
    """A context that prepares its case."""

    def __init__(self, inner, spread, values, no_file):
        self.inner, self.values, self.no_file = inner, (spread.value, *values), no_file

    def __enter__(self):
        it = prepare(self.inner.__enter__(), *self.values)
        if self.no_file:
            (it.path / ".env").unlink()
        return it

    def __exit__(self, *error):
        return self.inner.__exit__(*error)


def run_with(it, *arguments, new=None, code=None, **how):
    """Runs doctor, with the new value on standard input if there is one."""
    if new is None:
        return it.run(*arguments, code=code, **how)
    source = it.path.parent / "home" / "new-value"
    source.write_bytes(new if isinstance(new, bytes) else new.encode())
    with source.open("rb") as file:
        run = it.run(*arguments, "--stdin", code=code, streams=(file, subprocess.PIPE, subprocess.PIPE), **how)
    source.unlink()
    return run


def places_of(trace):
    """Returns the places of a trace in JSON as tuples."""
    return [tuple(one.get(field) for field in PLACE) for one in (trace or {}).get("places", [])]


def check_places(it, label, trace, expected):
    found = places_of(trace)
    missing, extra = set(expected) - set(found), set(found) - set(expected)
    it.check(f"{label}: exactly the expected places", not missing and not extra and len(found) == len(expected),
             f"\n  missing {sorted(missing, key=str)}\n  extra   {sorted(extra, key=str)}\n  found {len(found)} of {len(expected)}")


def check_no_leak(it, label, *more):
    """Searches the cache and more texts; `check_invariants` searches output, records and arguments."""
    texts = [path.read_bytes() for path in (it.path.parent / "home").rglob("*") if path.is_file() and "new-value" not in path.name]
    texts += [one.encode() if isinstance(one, str) else one for one in more]
    leaked = [value[:4] for value in it.values if any(value.encode() in text for text in texts)]
    it.check(f"{label}: no value in a file below the home directory", not leaked, leaked)


# Rotations -----------------------------------------------------------------------------------------------------------------

def rotate(it, *arguments, key=KEY, new=None, code=None, **how):
    """Runs a rotation without prompts, in JSON, and searches what it leaves behind."""
    run = run_with(it, "rotate", key, "--yes", "--format", "json", *arguments, new=new, code=code, **how)
    check_no_leak(it, " ".join(("rotate", *arguments)), run.text)
    return run


def left_of(run):
    """Returns the reported places of the old value."""
    return places_of(run.report.get("trace")) if run.report else []


def check_left_is_reported(it, run, spread, decoys=("decoy",)):
    """Checks that the report lists every place on Railway that still has the old value, and that such a run fails."""
    stored, _, _ = snapshot(it)
    left = {(owner, key) for (owner, key), text in stored.items() if owner not in decoys and contains(text or "", spread.value)}
    reported = {(service, key) for kind, service, key, usage, _ in left_of(run) if usage == "stored" and kind != "file"}
    it.check("every place with the old value is reported", left == reported, (left, reported, run))
    it.check("the run fails while a place is left", not left or run.code not in (0, 1), run)


def outcomes(run):
    return set(run.receipts().values())


def nothing_happened(it, before, files, run):
    it.check("nothing is sent", not run.mutations, run.mutations)
    it.check("nothing is stored", snapshot(it)[0] == before[0])
    it.check("no file is changed", it.files() == files)
    it.check("nothing is recorded", not it.journals(), it.journals())


# The judge -------------------------------------------------------------------------------------------------------------------

def decodings(text, depth=3):
    """Yields the text, and everything that is encoded in it."""
    yield text
    if depth == 0:
        return
    found = {urllib.parse.unquote(text)}
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"', text):
        found.add(json_value(match[1]) or "")
    for match in re.finditer(r"[A-Za-z0-9+/_-]{8,}", text):
        raw = match[0].replace("-", "+").replace("_", "/")
        try:
            found.add(base64.b64decode(raw + "=" * (-len(raw) % 4)).decode())
        except ValueError:
            pass
    for one in found - {text, ""}:
        yield from decodings(one, depth - 1)


def contains(text, value):
    return any(value in one for one in decodings(text))


def snapshot(it):
    """Returns the stored values without their versions, the rendered ones, and what runs, each by (service, key)."""
    environment = it.environment()
    owners = [(None, environment["shared"], None)] + [(one["name"], one["variables"], one["running"]) for one in environment["services"]]
    stored = {(owner, key): one["value"] for owner, found, _ in owners for key, one in found.items()}
    rendered = {(owner, key): one["rendered"] for owner, found, _ in owners for key, one in found.items()}
    running = {(owner, key): text for owner, _, active in owners for key, text in (active["captured"] if active else {}).items()}
    return stored, rendered, running


def sent(it, run):
    """Returns the owners of the writes and the services of the deployments of a run, in their order."""
    names = {one["id"]: one["name"] for one in it.environment()["services"]}
    owners = {one["id"]: service["name"] for service in it.environment()["services"] for one in service["deployments"]}
    writes = [names.get(one["args"]["input"].get("serviceId")) for one in run.mutations if one["field"] == UPSERT]
    deployed = [names.get(one["args"].get("serviceId")) or owners.get(one["args"].get("id")) for one in run.mutations if one["field"] in (REDEPLOY, DEPLOY)]
    return writes, deployed


def judge(it, run, spread, before, new, *, changed=None, added=None, also_deployed=(), decoys=("decoy",), searched=True):
    """Checks the state after a rotation. `changed` are the copies that must have the new value, by default all."""
    changed = spread.copies if changed is None else changed
    stored, rendered, running = snapshot(it)
    by_place = {(copy.owner, copy.key): copy for copy in changed}
    wrong = [place for place, copy in by_place.items() if not copy.holds(stored.get(place), new)]
    it.check("each copy has the new value, everything around it is unchanged", not wrong, (wrong, [stored.get(place) for place in wrong]))
    added = added or {}
    others = {place for place in before[0].keys() | stored.keys() if place not in by_place and before[0].get(place) != stored.get(place)}
    it.check("no other variable is changed", others == set(added), (others, added))
    it.check("added variables have their values", all(stored.get(place) == value for place, value in added.items()), added)
    writes, deployed = sent(it, run)
    owners = {owner for owner, _ in [*by_place, *added]}
    it.check("one upsert per owner", len(writes) == len(set(writes)) and set(writes) == owners, (sorted(writes, key=str), sorted(owners, key=str)))
    affected = {owner for owner, key in rendered if owner and before[1].get((owner, key)) != rendered[owner, key]} | set(also_deployed)
    it.check("one deployment per affected service", len(deployed) == len(set(deployed)) and set(deployed) == affected, (sorted(deployed, key=str), sorted(affected)))
    it.check("affected services run what is stored", all(running.get((owner, key)) == text for (owner, key), text in rendered.items() if owner in affected))
    if searched:
        hits = [place for texts in (stored, rendered, running) for place, text in texts.items() if place[0] not in decoys and contains(text or "", spread.value)]
        it.check("the old value is nowhere", not hits, hits)
    return stored, rendered, running


def check_file(it, spread, new, name=".env"):
    """Checks that only the value changed in the file, and that python-dotenv reads the new one."""
    data = (it.path / name).read_bytes().decode()
    read = dotenv_values(stream=io.StringIO(data), interpolate=False)
    it.check(f"{name}: python-dotenv reads the new value", all(read.get(key) == new for key in spread.file_keys), list(read))
    marker = "\u0001"
    pieces = [re.escape(piece) for piece in re.sub(f"['\"]?{marker}['\"]?", marker, spread.env(marker)).split(marker)]
    it.check(f"{name}: everything else is unchanged", data == spread.env(new) or re.fullmatch("(?s:.+?)".join(pieces), data), data.replace(new, "NEW"))
    it.check(f"{name}: the old value is gone", not contains(data, spread.value))


def check_undone(it, before, files, except_for=()):
    """Undoes the last run, and checks that values and files are as before, byte for byte."""
    run = it.run("undo", "--yes", "--format", "json", code=0)
    stored = snapshot(it)[0]
    different = {place for place in before[0].keys() | stored.keys() if before[0].get(place) != stored.get(place)} - set(except_for)
    it.check("undo restores every variable", not different, different)
    it.check("undo restores every file", it.files() == files, [name for name, data in it.files().items() if data != files.get(name)])
    return run
