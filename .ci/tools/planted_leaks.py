"""Sixty leaks for `replay_hook.py`: each kind of secret that the hook searches for, in the files in which it gets committed.

All values are made up.
"""
import base64
import json
import typing
import urllib.parse


class Leak(typing.NamedTuple):
    what: str
    path: str
    content: bytes


STRIPE = "sk_live_" + "51Nq8LrKx0TzVwYb7HcJd2Mf"
HEX = "9f3c61b07ad25e48c1907f6be2d83a5490bb1ce7f5a2d6038e4471cd9ab05f62"
DJANGO = "k3)x$w@9z!r^v_7p#t&2m*q(8d5=h%j+6g0b-n4f1s"
BASE64 = "q7Zt1/Vx9KpLm+Rw4Ns8YbCd2EfGh5JkTu3Wz6Xa0Q="
PASSWORD = "Rk4-wz8Lp2vX"
SHORT = "x7Kq!2pZ"
WORDS = "copper lantern drifts eastward"
DATABASE = f"postgres://app:{PASSWORD}@db.acme.dev:5432/shop"
GITHUB = "ghp_" + "a8Kd03jfLq92MsnXbv71TzRwYpE5uCg46HoI"
WEBHOOK = "https://hooks.slack.com/services/" + "T7QX2M9KB/B8RW4N1LC/kV93xTzLq0PwMn72RbYcJd5S"
AWS = "wJq8" + "LrXtnFEMI/K7MDENG/bPxRfiCYz2Kd93vQ1w"
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7xT0q2mJk9dLz",
                 "p4Wb8sRvYc1Nf6HtKq3XgUeZ5oAiD7lMjB0wErTyPuSnVhCkGxQaFm2I4s9LzXbK", "R8tYwN3vQm6PcJdU1fGhEoZi7AlSk5BrTxVnMyCq0WgDjHpLuFa4O2eIs9KzRbXt",
                 "-----END PRIVATE KEY-----"])
GOOGLE = json.dumps({"type": "service_account", "project_id": "acme-shop", "private_key_id": "b71f09ce25d84a63917ef0c2a5d8b36419e7c04f",
                     "private_key": PEM + "\n", "client_email": "robot@acme-shop.iam.gserviceaccount.com"})


def local_env():
    """Returns the `.env` of the developer who commits the leaks."""
    return "\n".join([
        "APP_NAME='Acme Shop'", "SITE_URL=https://shop.acme.dev", f"STRIPE_SECRET_KEY={STRIPE}", f"JWT_SECRET={HEX}",
        f"DJANGO_SECRET_KEY='{DJANGO}'", f"SESSION_KEY={BASE64}", f"ADMIN_PASSWORD='{SHORT}'", f"RECOVERY_PASSWORD='{WORDS}'",
        f"DATABASE_URL={DATABASE}", f"GITHUB_TOKEN={GITHUB}", f"SLACK_WEBHOOK_URL={WEBHOOK}", f"AWS_SECRET_ACCESS_KEY={AWS}",
        f"SIGNING_KEY='{PEM}'", f"GOOGLE_CREDENTIALS='{GOOGLE}'", ""])


def _basic(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _encoded(text):
    return base64.b64encode(text.encode()).decode()


def _indented(text, spaces):
    return text.replace("\n", "\n" + " " * spaces)


def _quoted(text):
    return urllib.parse.quote(text, safe="")


_TEXTS = [
    # The value itself, in code
    ("value in TypeScript", "src/lib/stripe.ts", f"import Stripe from 'stripe';\n\nexport const stripe = new Stripe('{STRIPE}');\n"),
    ("value in JavaScript", "server/auth.js", f"const secret = process.env.JWT_SECRET || '{HEX}';\n"),
    ("value in minified JavaScript", "public/app.min.js", f"!function(){{{'var a=1;' * 900}t('{GITHUB}')}}();\n"),
    ("value in Python", "config/settings.py", f"DEBUG = True\nSECRET_KEY = '{DJANGO}'\n"),
    ("value in a Python default", "jobs/worker.py", f"import os\nKEY = os.getenv('SESSION_KEY', '{BASE64}')\n"),
    ("value in Ruby", "config/initializers/stripe.rb", f"Stripe.api_key = '{STRIPE}'\n"),
    ("value in Go", "internal/config/config.go", f"package config\n\nconst jwtSecret = \"{HEX}\"\n"),
    ("value in PHP", "config/services.php", f"<?php\nreturn ['github' => ['token' => '{GITHUB}']];\n"),
    ("value in Rust", "src/settings.rs", f"pub const SESSION: &str = \"{BASE64}\";\n"),
    ("value in Java", "src/main/java/App.java", f"class App {{ static final String AWS = \"{AWS}\"; }}\n"),
    ("value in Kotlin", "app/src/main/Keys.kt", f"const val WEBHOOK = \"{WEBHOOK}\"\n"),
    ("value in a shell script", "scripts/deploy.sh", f"#!/bin/sh\nexport GITHUB_TOKEN={GITHUB}\n"),
    ("value in SQL", "db/seed.sql", f"INSERT INTO settings VALUES ('stripe', '{STRIPE}');\n"),
    ("value in HTML", "templates/pay.html", f"<script>init('{STRIPE}')</script>\n"),
    ("short password in Python", "scripts/seed.py", f"login('admin', '{SHORT}')\n"),
    ("words in Python", "scripts/recover.py", f"unlock('{WORDS}')\n"),
    ("value in a Dockerfile", "Dockerfile.worker", f"FROM node:22\nENV JWT_SECRET={HEX}\n"),
    ("value in Terraform", "infra/main.tf", f"variable \"key\" {{\n  default = \"{AWS}\"\n}}\n"),
    ("value in a comment", "src/pay.ts", f"// live key: {STRIPE}\nexport {{}};\n"),
    ("value in a notebook", "notebooks/report.ipynb", json.dumps({"cells": [{"source": [f"token = '{GITHUB}'\n"]}]})),
    # YAML, TOML, properties
    ("value in Compose", "docker-compose.prod.yml", f"services:\n  web:\n    environment:\n      JWT_SECRET: {HEX}\n"),
    ("URL in Compose", "compose.override.yaml", f"services:\n  web:\n    environment:\n      - DATABASE_URL={DATABASE}\n"),
    ("password of a URL in Compose", "compose.db.yaml", f"services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"),
    ("value in a workflow", ".github/workflows/deploy.yml", f"jobs:\n  deploy:\n    env:\n      GITHUB_PAT: {GITHUB}\n"),
    ("base64 in a Kubernetes secret", "k8s/secret.yaml", f"kind: Secret\ndata:\n  key: {_encoded(STRIPE)}\n"),
    ("base64 URL in a Kubernetes secret", "k8s/database.yaml", f"kind: Secret\ndata:\n  url: {_encoded(DATABASE)}\n"),
    ("symbols in YAML", "config/app.yml", f"production:\n  secret: '{DJANGO}'\n"),
    ("private key in YAML", "helm/values.yaml", f"signing:\n  key: |\n    {_indented(PEM, 4)}\n"),
    ("value in TOML", "wrangler.toml", f"[vars]\nSTRIPE_SECRET_KEY = \"{STRIPE}\"\n"),
    ("value in properties", "src/main/resources/application.properties", f"jwt.secret={HEX}\n"),
    ("value in XML", "app/config.xml", f"<config><key>{BASE64}</key></config>\n"),
    # JSON
    ("value in JSON", "config/production.json", json.dumps({"stripe": {"key": STRIPE}}, indent=2)),
    ("symbols in JSON", "config/default.json", json.dumps({"secret": DJANGO})),
    ("private key in JSON", "config/keys.json", json.dumps({"key": PEM})),
    ("service account in JSON", "service-account.json", json.dumps(json.loads(GOOGLE), indent=2)),
    ("service account as a JSON string", "config/google.json", json.dumps({"credentials": GOOGLE})),
    ("a field of the service account", "firebase.json", json.dumps({"keyId": json.loads(GOOGLE)["private_key_id"]})),
    ("value in a Postman collection", "docs/api.postman_collection.json", json.dumps({"auth": {"bearer": [{"value": GITHUB}]}})),
    ("value in a VS Code launch file", ".vscode/launch.json", json.dumps({"env": {"AWS_SECRET_ACCESS_KEY": AWS}})),
    # Markdown
    ("value in Markdown", "README.production.md", f"# Set up\n\n```sh\nexport STRIPE_SECRET_KEY={STRIPE}\n```\n"),
    ("URL in Markdown", "docs/database.md", f"Connect with `psql {DATABASE}`.\n"),
    ("percent-encoded value in Markdown", "docs/links.md", f"[Open](https://ops.acme.dev/?key={_quoted(BASE64)})\n"),
    ("Basic authentication in Markdown", "docs/curl.md", f"curl -H 'Authorization: Basic {_basic('app', PASSWORD)}' https://acme.dev\n"),
    ("webhook in Markdown", "docs/alerts.md", f"Post to {WEBHOOK}\n"),
    ("words in Markdown", "docs/recovery.md", f"The recovery password is \"{WORDS}\".\n"),
    # Test fixtures
    ("value in a JSON fixture", "tests/fixtures/charge.json", json.dumps({"request": {"headers": {"Authorization": f"Bearer {STRIPE}"}}})),
    ("value in a recorded cassette", "spec/cassettes/github.yml", f"interactions:\n- request:\n    headers:\n      Authorization: [token {GITHUB}]\n"),
    ("value in a snapshot", "src/__snapshots__/auth.test.ts.snap", f"exports[`signs`] = `\n\"{HEX}\"\n`;\n"),
    ("value in a Python test", "tests/test_sessions.py", f"def test_session():\n    assert sign(b'{BASE64}')\n"),
    ("private key in a fixture with CRLF", "tests/fixtures/key.pem", PEM.replace("\n", "\r\n") + "\r\n"),
    ("private key in a Go test", "internal/sign/sign_test.go", "package sign\n\nvar key = \"" + PEM.replace("\n", "\\n\" +\n\t\"") + "\"\n"),
    # Env files, also with secrets that no local file has
    ("another secret in .env.production", ".env.production", "SITE_URL=https://acme.dev\nMAILGUN_API_KEY=key-7f3a9c0b2d5e8146fa72bd09c3e51d84\n"),
    ("another secret in .dev.vars", "worker/.dev.vars", "RESEND_API_KEY=re_8Kd03jfL_q92MsnXbv71TzRwYpE5uCg46\n"),
    ("another password in a URL of .env", "api/.env", "DATABASE_URL=mysql://root:t8Vq2LmZx4@db.acme.dev/app\n"),
    ("a secret in a comment of .env.staging", ".env.staging", f"SITE_URL=https://staging.acme.dev\n# TOKEN was {GITHUB}\n"),
    ("another secret in an example", "api/.env.example", "PORT=3000\nOPENAI_API_KEY=sk-proj-4Kq8LrXt0vYbN2mJd7Hc5Wz9\n"),
    ("a local value in an example", "web/.env.sample", f"JWT_SECRET={HEX}\n"),
    ("another secret in prod.env", "deploy/prod.env", "PORT=80\nSENDGRID_API_KEY=SG.x8Kd03jfLq92MsnX.bv71TzRwYpE5uCg46HoIa0\n"),
]
_BYTES = [
    ("value in UTF-16", "notes.txt", ("\ufeff" + f"key {STRIPE}\r\n").encode("utf-16-le")),
    ("value in a binary file", "data/cache.sqlite", b"SQLite format 3\0\x10\0" + f"token{GITHUB}".encode() + b"\0\0\xff"),
]
LEAKS = [Leak(what, path, text.encode()) for what, path, text in _TEXTS] + [Leak(*one) for one in _BYTES]
