"""Scenarios with two or more environments, for `doctor compare`: as dictionaries that the independent server reads."""
import copy
import json

from server_checks import SCENARIOS

# Tokens of every scenario here, by environment for project tokens.
ACCOUNT, WORKSPACE = "9b270000-0000-4000-8000-00000000acc7", "9b270000-0000-4000-8000-000000000077"
# Values that are also words in ordinary output: users and databases of Railway's templates.
ORDINARY = {"default", "railway"}
# Names that are significant in some format, in a terminal, or in a shell.
HOSTILE = [
    "a|b", "c`d`", "<script>alert(1)</script>", "::error::x", "%0A::error::y", "##[error]z", "]]>", "a<br>b", "**bold**", "[x](http://evil.example)",
    "@team", "--help", "'quoted' \"twice\"", "$(reboot)", "new\nline", "esc\u001b[31mred", "bell\u0007", "bidi\u202egnp.exe", "zero\u200bwidth", "日本",
    "x" * 200]


def pair():
    """The scenario `pair` of the server, with its planted facts."""
    return json.loads((SCENARIOS / "pair.json").read_text(encoding="utf-8"))


def estate(environments, *, project="harbor", **more):
    """Returns a scenario with one project, from environments that are given by name."""
    found = [{"name": name, **environment} for name, environment in environments.items()]
    names = {one["service"]: None for environment in found for one in environment.get("instances", [])}
    kinds = [{"token": f"9b270000-0000-4000-8000-{number:012d}", "kind": "project", "project": project, "environment": name}
             for number, name in enumerate(environments, 1)]
    return {
        "name": "environments", "workspaces": [{"name": "harbor"}],
        "tokens": [{"token": ACCOUNT, "kind": "account"}, {"token": WORKSPACE, "kind": "workspace", "workspace": "harbor"}, *kinds],
        "projects": [{"name": project, "workspace": "harbor", "services": [{"name": name} for name in names], "environments": found}], **more}


def environment(*instances, shared=None, **more):
    return {"shared": shared or {}, "instances": list(instances), **more}


def app(name, variables, **settings):
    """Returns a service that is built from a repository."""
    return {"service": name, "source": {"repo": "harbor/harbor", "branch": "main"}, "variables": variables,
            "deployments": [{"status": "SUCCESS", "createdAt": "-3d"}], **settings}


def database(name, image, variables, **settings):
    return {"service": name, "source": {"image": image}, "variables": variables,
            "deployments": [{"status": "SUCCESS", "createdAt": "-90d"}], **settings}


def postgres(password, *, proxy=None, name="Postgres"):
    """Returns Railway's Postgres, with the variables of its template."""
    address = "postgresql://${{POSTGRES_USER}}:${{POSTGRES_PASSWORD}}"
    variables = {
        "PGHOST": "${{RAILWAY_PRIVATE_DOMAIN}}", "PGPORT": "5432", "PGUSER": "${{POSTGRES_USER}}", "PGDATABASE": "${{POSTGRES_DB}}",
        "PGPASSWORD": "${{POSTGRES_PASSWORD}}", "POSTGRES_USER": "postgres", "POSTGRES_DB": "railway", "POSTGRES_PASSWORD": password,
        "PGDATA": "/var/lib/postgresql/data/pgdata", "SSL_CERT_DAYS": "820", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "60",
        "DATABASE_URL": address + "@${{PGHOST}}:${{PGPORT}}/${{POSTGRES_DB}}",
        "DATABASE_PUBLIC_URL": address + "@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}/${{POSTGRES_DB}}"}
    proxy = proxy or {"domain": "maglev.proxy.rlwy.net", "proxyPort": 20000 + sum(password.encode())}
    return database(name, "ghcr.io/railwayapp-templates/postgres-ssl:16", variables, tcpProxy={"applicationPort": 5432, **proxy})


def redis(password):
    variables = {"REDISHOST": "${{RAILWAY_PRIVATE_DOMAIN}}", "REDISPORT": "6379", "REDISUSER": "default", "REDIS_PASSWORD": password,
                 "REDIS_URL": "redis://${{REDISUSER}}:${{REDIS_PASSWORD}}@${{REDISHOST}}:${{REDISPORT}}"}
    return database("Redis", "redis:8.2", variables)


# Healthy pairs ------------------------------------------------------------------------------------------------------------

def django_shop():
    """A Django shop with Celery: each environment has its own secrets, buckets and databases."""
    def side(name, host, secrets):
        common = {
            "APP_ENV": name, "DJANGO_SETTINGS_MODULE": "shop.settings.deployed", "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
            "REDIS_URL": "${{Redis.REDIS_URL}}", "CELERY_BROKER_URL": "${{Redis.REDIS_URL}}/1", "LOG_LEVEL": "${{shared.LOG_LEVEL}}",
            "SECRET_KEY": secrets["django"], "AWS_ACCESS_KEY_ID": secrets["id"], "AWS_SECRET_ACCESS_KEY": secrets["bucket"],
            "AWS_STORAGE_BUCKET_NAME": f"harbor-shop-media-{name}", "AWS_S3_REGION_NAME": "eu-central-1",
            "AWS_S3_ENDPOINT_URL": "https://fra1.storage.example", "DEFAULT_FROM_EMAIL": "Harbor <shop@harbor.example>",
            "EMAIL_HOST": "smtp.mail.example", "EMAIL_PORT": "587", "EMAIL_HOST_USER": "apikey", "EMAIL_HOST_PASSWORD": secrets["mail"],
            "SENTRY_DSN": "https://8c1f4ab29e0d4c6fb3a7d5e9c0b1a2f4@o44071.ingest.sentry.example/65210", "SENTRY_ENVIRONMENT": name,
            "TIME_ZONE": "Europe/Berlin", "LANGUAGE_CODE": "de", "CURRENCY": "EUR", "PAGE_SIZE": "50", "WEB_CONCURRENCY": "4"}
        django = {**common, "ALLOWED_HOSTS": host, "CSRF_TRUSTED_ORIGINS": f"https://{host}", "DEBUG": "False",
                  "STRIPE_SECRET_KEY": secrets["stripe"], "STRIPE_PUBLISHABLE_KEY": secrets["public"],
                  "STRIPE_WEBHOOK_SECRET": secrets["webhook"], "STRIPE_API_VERSION": "2025-06-30.basil",
                  "GOOGLE_ANALYTICS_ID": "G-7QK2ZX91LM", "SITE_URL": "https://${{RAILWAY_PUBLIC_DOMAIN}}",
                  "DJANGO_ADMINS": "ops@harbor.example,dev@harbor.example", "DJANGO_SUPERUSER_PASSWORD": {"value": secrets["admin"], "sealed": True}}
        return environment(
            app("web", django, domains=[host], startCommand="gunicorn shop.wsgi --bind [::]:$PORT"),
            app("worker", common, startCommand="celery -A shop worker -l info -Q default,mail"),
            app("beat", common, startCommand="celery -A shop beat -l info"),
            postgres(secrets["postgres"]), redis(secrets["redis"]), shared={"LOG_LEVEL": "DEBUG" if name == "staging" else "INFO"})
    return estate({
        "staging": side("staging", "shop-staging.up.railway.app", {
            "django": "k2#v9mz!q7r$tx4w8n@p5s^b1c&d6f*g3h", "id": "HARBORSTG7Q2M4X9KT1", "bucket": "Vq8tR2mZ5xK9wN3bH7cJ4dL6fG1sP0aY",
            "mail": "SG.stg4kT9.mW2xQ7zR5vN8", "stripe": "sk_test_" + "7Hq2Zt9Vx4Lk8Rw1N", "public": "pk_test_" + "7Hq2Zt9Vx4Lk8Rw1N",
            "webhook": "whsec_" + "Zt9Vx4Lk8Rw1N7Hq2", "admin": "staging-admin-Kq82xW", "postgres": "bQ3ZtV8mXr5wKd2L", "redis": "pN7cHs4JgY9fTe6U"}),
        "production": side("production", "shop.up.railway.app", {
            "django": "w5!n8@c1#r4$t7^v0&y3*u6k9m2p", "id": "HARBORPRD3W8R5Z1LV6", "bucket": "Xs4nB8cV2mK6qW0eR9tY5uI1oP7aD3fG",
            "mail": "SG.prd8wN3.kZ6vR1xQ9mT5", "stripe": "sk_live_" + "4Wm8Kc3Yp6Jt1Bz5D", "public": "pk_live_" + "4Wm8Kc3Yp6Jt1Bz5D",
            "webhook": "whsec_" + "Kc3Yp6Jt1Bz5D4Wm8", "admin": "production-admin-Zt51vN", "postgres": "yR6wMk1PzD8sXf4B", "redis": "vG2hLu5EoC0nIa7S"})})


def node_monorepo():
    """A Node monorepo with shared variables. Feature flags, public keys and addresses are the same in both environments."""
    def side(name, secrets, *, keys):
        # The test keys of Auth0's and Stripe's sandboxes on one side, live ones on the other.
        web = {
            "NODE_ENV": "production", "APP_ENV": name, "PORT": "3000", "NEXT_PUBLIC_API_URL": "https://${{api.RAILWAY_PUBLIC_DOMAIN}}",
            "NEXT_PUBLIC_CDN_URL": "https://cdn.harbor.example", "NEXT_PUBLIC_MAPS_KEY": "AIza" + "SyHarborMapsPublicKey00000000000001",
            "NEXT_PUBLIC_POSTHOG_KEY": "phc_4gT8kQz2VxW9mR5bN7cH1dL3fJ6sP0aYuE", "NEXT_PUBLIC_SENTRY_DSN": "https://2b7d@o44071.ingest.sentry.example/7",
            "NEXT_PUBLIC_STRIPE_KEY": f"pk_{keys}_" + secrets["public"], "FEATURE_CHECKOUT_V2": "true", "FEATURE_SEARCH": "on",
            "NEXTAUTH_URL": f"https://{name}.harbor.example", "NEXTAUTH_SECRET": secrets["auth"], "TURBO_TEAM": "harbor", "npm_config_production": "false"}
        api = {
            "NODE_ENV": "production", "APP_ENV": name, "PORT": "8080", "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
            "DIRECT_URL": "${{Postgres.DATABASE_PUBLIC_URL}}", "REDIS_URL": "${{Redis.REDIS_URL}}", "JWT_SECRET": "${{shared.JWT_SECRET}}",
            "STRIPE_SECRET_KEY": f"sk_{keys}_" + secrets["stripe"], "SENTRY_DSN": "https://9e4c1f7a@o44071.ingest.sentry.example/8",
            "OPENAI_API_KEY": secrets["openai"], "OPENAI_BASE_URL": "https://api.openai.example/v1", "CORS_ORIGINS": f"https://{name}.harbor.example",
            "UPLOAD_LIMIT_BYTES": "10485760", "RATE_LIMIT": "100", "PAYMENTS_API_URL": "https://api.payments.example", "S3_REGION": "auto",
            "S3_BUCKET": f"uploads-{name}", "S3_ENDPOINT": "https://9f1c.r2.storage.example", "S3_ACCESS_KEY_ID": secrets["id"],
            "S3_SECRET_ACCESS_KEY": secrets["bucket"], "FEATURE_SEARCH": "${{shared.FEATURE_SEARCH}}", "INTERNAL_URL": "http://${{jobs.RAILWAY_PRIVATE_DOMAIN}}:4000"}
        jobs = {key: api[key] for key in ("NODE_ENV", "APP_ENV", "DATABASE_URL", "REDIS_URL", "JWT_SECRET", "SENTRY_DSN", "OPENAI_API_KEY")}
        settings = {"rootDirectory": "/apps", "configFile": "/railway.json"}
        return environment(
            app("web", web, domains=[f"web-{name}.up.railway.app"], **settings), app("api", api, domains=[f"api-{name}.up.railway.app"], **settings),
            app("jobs", {**jobs, "QUEUES": "default,mail,thumbnails"}, **settings), postgres(secrets["postgres"]), redis(secrets["redis"]),
            shared={"FEATURE_SEARCH": "on", "JWT_SECRET": secrets["jwt"], "SUPPORT_EMAIL": "help@harbor.example"})
    return estate({
        "staging": side("staging", {
            "public": "51Kq8Zt2Vx", "auth": "zV5tKm9Qw2Xr7Lb4", "stripe": "51Kq8Rw1N4", "openai": "sk-proj-" + "stagingT8mZ4xW2q", "id": "r2k7m4x9t1w5",
            "bucket": "Jd8wKz3Qm6Vt1Xr5Nb9Lc2Hs", "jwt": "fR4kWm8ZpT2vXc6Q", "postgres": "nB7vCx3ZaS9dFg5H", "redis": "qW2eRt6YuI0oPl4K"}, keys="test"),
        "production": side("production", {
            "public": "51Nm3Yc7Js", "auth": "hT6pYd1Gj8Fs3Ek0", "stripe": "51Nm3Gz6R8", "openai": "sk-proj-" + "productionV5nK1cR9", "id": "p8v3n6z0c4j7",
            "bucket": "Yt4gBn7Uc0Ep5Ia8Oy3Mk6Wl", "jwt": "sL9hJn1DgB7yEu3A", "postgres": "mK8jHg4FdS2aPo6I", "redis": "uY5tRe1WqZ7xCv3B"}, keys="live")})


# Pull request environments ------------------------------------------------------------------------------------------------

PROXY = {"domain": "gondola.proxy.rlwy.net", "proxyPort": 31877}
LIVE = "prod-Rk4vW8zQ2mT6xN9c"


def pull_request(**overrides):
    """Returns staging, production and `pr-123`, a copy of staging with these variables of the API on top."""
    def side(name, secrets):
        api = {"APP_ENV": name, "DATABASE_URL": "${{Postgres.DATABASE_URL}}", "REDIS_URL": "${{Redis.REDIS_URL}}", "MAIL_API_KEY": secrets["mail"],
               "SESSION_SECRET": secrets["session"], "CURRENCY": "EUR"}
        return environment(app("api", api, domains=[f"api-{name}.up.railway.app"], startCommand="node api.js"),
                           app("worker", {"APP_ENV": name, "REDIS_URL": "${{Redis.REDIS_URL}}", "MAIL_API_KEY": secrets["mail"]}),
                           postgres(secrets["postgres"], proxy=secrets.get("proxy")), redis(secrets["redis"]))
    environments = {
        "staging": side("staging", {"mail": "stg-Zt2Vx9Lk4Rw1N7Hq", "session": "Qw2Xr7Lb4zV5tKm9", "postgres": "xC5vBn8MaS2dFg6H", "redis": "lK3jHg7FdQ1wEr9T"}),
        "production": side("production", {"mail": LIVE, "session": "Gj8Fs3Ek0hT6pYd1", "postgres": "tG6yHu2JiK9oLp4Z", "redis": "cV7bNm1XsA5dQw3E", "proxy": PROXY})}
    changed = {"service": "api", "variables": overrides}
    environments["pr-123"] = {"ephemeral": True, "copyOf": "staging", "instances": [changed] if overrides else []}
    return estate(environments)


# Special pairs ------------------------------------------------------------------------------------------------------------

def two_sides(left, right, names=("staging", "production"), service="api"):
    """Returns two environments with one service that has these variables."""
    return estate({names[0]: environment(app(service, left)), names[1]: environment(app(service, right))})


def hostile():
    """Returns two environments in which names are hostile: of services, keys and environments. Each key has a finding."""
    def side(name, offset):
        services = []
        for number, text in enumerate(HOSTILE):
            secret = {f"TOKEN_{text}": f"shared-by-both-{number}-kT8mZ4xW2q"}
            own = {f"ONLY_{offset}_{text}": f"value-of-{offset}-{number}"}
            services.append(app(f"{text} {number}", {"PLAIN": "a plain value", **secret, **own}, startCommand=f"run {offset} {number}"))
        return environment(*services, app(f"only in {name}", {"PLAIN": "a plain value"}))
    return estate({HOSTILE_LEFT: side(HOSTILE_LEFT, "left"), HOSTILE_RIGHT: side(HOSTILE_RIGHT, "right")}, project="<b>p</b>|\u202e::error::p")


HOSTILE_LEFT, HOSTILE_RIGHT = "stag|<script>\u202e::error::\u001b[31m`x`", "prod]]>\"'&\n##[error]" + "y" * 150


def large(services=100, variables=100):
    """Returns two environments with this number of services, and of variables of each service. A tenth differs."""
    def side(name):
        instances = []
        for number in range(services):
            values = {}
            for index in range(variables):
                mark = name if index % 10 == 4 else "both"
                is_reference = index % 10 == 9
                values[f"SETTING_{index:03}"] = "${{shared.COMMON}}" if is_reference else f"{mark}-{number * variables + index:012d}"
            instances.append(app(f"service-{number:03}", values))
        return environment(*instances, shared={"COMMON": "the same everywhere"})
    return estate({"staging": side("staging"), "production": side("production")})


def side_of(scenario, name):
    """Returns an environment of the scenario, to change it."""
    return next(one for one in scenario["projects"][0]["environments"] if one["name"] == name)


def instance_of(scenario, name, service):
    return next(one for one in side_of(scenario, name)["instances"] if one["service"] == service)


def secrets_of(scenario):
    """Returns the literals of 6 or more characters that are not also names, the declared secrets, and the texts of settings."""
    names, values = set(), set(scenario.get("secrets", []))

    def walk(node):
        if isinstance(node, dict):
            names.update(one for one in (node.get("name"), node.get("service")) if isinstance(one, str))
            for group in ("variables", "shared"):
                for key, value in (node.get(group) or {}).items():
                    names.add(key)
                    values.add(value.get("value") if isinstance(value, dict) else value)
            values.update(one for one in (node.get("startCommand"), (node.get("deploy") or {}).get("cronSchedule")) if one)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk({key: value for key, value in copy.deepcopy(scenario).items() if key not in ("facts", "tokens")})
    lowered = {name.lower() for name in names} | ORDINARY
    return {value for value in values if value and len(value) >= 6 and "${{" not in value and value.lower() not in lowered}
