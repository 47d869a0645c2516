"""What a release is published to, on loopback: the release page, the Python, npm and crate registries, and an image registry. Each
keeps what it gets, and serves it to the programs that install from it.
"""
import base64
import email
import email.policy
import hashlib
import http.server
import json
import re
import threading

REPOSITORY = "example/railway-doctor"
TOKEN = "token-of-the-simulated-job"
CRATE_TOKEN = "token-of-the-simulated-trusted-publisher"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers the requests that the routes below describe."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def answer(self, status, content=b"", kind="application/octet-stream", **headers):
        content = json.dumps(content).encode() if isinstance(content, (dict, list)) else content
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": len(content)} | {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_request(self):
        content = self.body()
        for pattern, method in ROUTES:
            method_name, _, path = pattern.partition(" ")
            found = re.fullmatch(path, self.path.partition("?")[0])
            if found and self.command in method_name.split("|"):
                return method(self, self.server.published, content, *found.groups())
        return self.answer(404, b"not found\n", "text/plain")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_request


class Published:
    """What was published."""

    def __init__(self):
        self.release, self.is_draft, self.notes, self.tag = None, True, "", ""
        self.wheels, self.npm, self.crates, self.blobs, self.manifests = {}, {}, {}, {}, {}


def download(request, published, _, tag, name):
    path = published.release / name
    if published.is_draft or tag != published.tag or not path.is_file():
        return request.answer(404)
    return request.answer(200, path.read_bytes())


def upload_wheel(request, published, content):
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    fields = {part.get_param("name", header="content-disposition"): part
              for part in email.message_from_bytes(head + content, policy=email.policy.HTTP).iter_parts()}
    data = fields["content"].get_payload(decode=True)
    if hashlib.sha256(data).hexdigest() != fields["sha256_digest"].get_content().strip():
        return request.answer(400, b"wrong digest", "text/plain")
    published.wheels[fields["content"].get_filename()] = data
    return request.answer(200)


def list_wheels(request, published, _):
    links = [f'<a href="/pypi/files/{name}#sha256={hashlib.sha256(data).hexdigest()}">{name}</a>' for name, data in published.wheels.items()]
    return request.answer(200, "\n".join(links).encode(), "text/html")


def wheel(request, published, _, name):
    return request.answer(200, published.wheels[name])


def publish_npm(request, published, content, name):
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return request.answer(401)
    document = json.loads(content)
    missing = set(document["versions"][document["dist-tags"]["latest"]].get("optionalDependencies", {})) - set(published.npm)
    if missing:
        return request.answer(400, {"error": f"published before its dependencies {missing}"})
    published.npm[name] = document
    return request.answer(201, {"ok": True})


def npm_document(request, published, _, name):
    document = {key: value for key, value in published.npm.get(name, {}).items() if key != "_attachments"}
    return request.answer(200 if document else 404, document, "application/json")


def npm_file(request, published, _, name, file):
    return request.answer(200, base64.b64decode(published.npm[name]["_attachments"][file]["data"]))


def crate_config(request, *_):
    url = request.server.url
    return request.answer(200, {"dl": f"{url}/crates/dl", "api": f"{url}/crates"}, "application/json")


def crate_index(request, published, _, name):
    line = published.crates.get(name, (None, None))[0]
    return request.answer(200 if line else 404, (json.dumps(line) + "\n").encode() if line else b"", "text/plain")


def publish_crate(request, published, content):
    if request.headers.get("Authorization") != CRATE_TOKEN:
        return request.answer(403, {"errors": [{"detail": "wrong token"}]}, "application/json")
    size = int.from_bytes(content[:4], "little")
    facts, crate = json.loads(content[4:4 + size]), content[8 + size:]
    line = {"name": facts["name"], "vers": facts["vers"], "deps": [], "features": {}, "yanked": False, "cksum": hashlib.sha256(crate).hexdigest()}
    published.crates[facts["name"]] = (line, crate)
    warnings = {"invalid_categories": [], "invalid_badges": [], "other": []}
    return request.answer(200, {"warnings": warnings}, "application/json")


def registry_root(request, *_):
    if request.headers.get("Authorization", "").startswith("Basic "):
        user, _, token = base64.b64decode(request.headers["Authorization"][6:]).decode().partition(":")
        if (user, token) == ("maintainer", TOKEN):
            return request.answer(200, {})
    return request.answer(401, {}, WWW_Authenticate='Basic realm="images"')


def blob(request, published, _, digest):
    data = published.blobs.get(digest)
    return request.answer(404) if data is None else request.answer(200, data, Docker_Content_Digest=digest)


def upload_blob(request, published, content, *_):
    """Opens an upload (POST), adds to it (PATCH) and ends it (PUT)."""
    if request.command == "POST":
        request.server.uploads.append(b"")
        return request.answer(202, Location=f"/v2/upload/{len(request.server.uploads) - 1}")
    path, _, query = request.path.partition("?")
    number = int(path.rpartition("/")[2])
    request.server.uploads[number] += content
    if request.command == "PATCH":
        return request.answer(202, Location=path, Range=f"0-{len(request.server.uploads[number]) - 1}")
    digest = f"sha256:{hashlib.sha256(request.server.uploads[number]).hexdigest()}"
    if digest.partition(":")[2] not in query:
        return request.answer(400)
    published.blobs[digest] = request.server.uploads[number]
    return request.answer(201, Location=f"/v2/blobs/{digest}", Docker_Content_Digest=digest)


def manifest(request, published, content, reference):
    if request.command == "PUT":
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        published.manifests[reference] = published.manifests[digest] = (content, request.headers["Content-Type"])
        return request.answer(201, Docker_Content_Digest=digest)
    data, kind = published.manifests.get(reference, (None, None))
    if data is None:
        return request.answer(404)
    return request.answer(200, data, kind, Docker_Content_Digest=f"sha256:{hashlib.sha256(data).hexdigest()}")


ROUTES = [
    (rf"GET /{REPOSITORY}/releases/download/([^/]+)/([^/]+)", download),
    ("POST /pypi/upload/", upload_wheel),
    ("GET /pypi/simple/railway-doctor/", list_wheels),
    ("GET /pypi/files/([^/]+)", wheel),
    ("PUT /npm/([a-z0-9-]+)", publish_npm),
    ("GET|HEAD /npm/([a-z0-9-]+)", npm_document),
    ("GET /npm/([a-z0-9-]+)/-/([^/]+)", npm_file),
    ("GET /crates/index/config.json", crate_config),
    ("GET /crates/index/../../([a-z-]+)", crate_index),
    ("PUT /crates/api/v1/crates/new", publish_crate),
    ("GET /v2/", registry_root),
    (rf"GET|HEAD /v2/{REPOSITORY}/blobs/(sha256:.*)", blob),
    (rf"POST /v2/{REPOSITORY}/blobs/uploads/", upload_blob),
    ("PATCH|PUT /v2/upload/([0-9]+)", upload_blob),
    (rf"GET|HEAD|PUT /v2/{REPOSITORY}/manifests/(.*)", manifest),
]


class Servers:
    """All of them, on one port."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.published = self.server.published = Published()
        self.server.uploads = []
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = self.server.url = f"http://{self.host}"
        self.repository = f"{self.url}/{REPOSITORY}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
