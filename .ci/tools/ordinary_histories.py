"""Git histories that resemble those of public projects, for `replay_hook.py`.

Each commit makes one edit that such projects make often: documents with addresses, lock files with checksums, workflows with
commit ids, tests with dummies, translations, minified assets, drawings, migrations, examples of env files. None adds a secret.
Every eleventh commit merges a branch. A fixed seed makes the histories equal from run to run.
"""
import base64
import json
import pathlib
import random
import subprocess

NAMES = ["acme-shop", "harbor-crm", "lumen-docs", "orchard-api", "pelican-chat", "quarry-tasks"]
NOUNS = "invoice customer webhook session parcel ledger reminder workspace attachment notification subscription milestone".split()
VERBS = "create update archive export import validate schedule restore reconcile deliver".split()
WORDS = ("The service now keeps each entry for thirty days and removes what is older during the nightly run of the worker which "
         "also rebuilds the index and reports how long it took").split()
LONG = {"de": "Datenschutzgrundverordnungskonforme Benachrichtigungseinstellungen", "fi": "Käyttäjätunnuksen vahvistussähköposti",
        "nl": "Beveiligingssleutel voor gegevensuitwisseling", "ja": "通知設定を変更するにはサインインしてください"}


class History:
    """One repository, written as a stream for `git fast-import`."""

    def __init__(self, name):
        self.name, self.random, self.stream, self.mark = name, random.Random(name), [], 0
        self.files = {}

    # Texts ----------------------------------------------------------------------------------------------------------------

    def hex(self, length):
        return "".join(self.random.choice("0123456789abcdef") for _ in range(length))

    def base64(self, length):
        return base64.b64encode(self.random.randbytes(length)).decode()

    def uuid(self):
        return "-".join(self.hex(length) for length in (8, 4, 4, 4, 12))

    def sentence(self):
        return " ".join(self.random.choices(WORDS, k=12)).capitalize() + "."

    def noun(self):
        return self.random.choice(NOUNS)

    def version(self):
        return ".".join(str(self.random.randrange(30)) for _ in range(3))

    # Edits: each returns the path and the new text of a file -------------------------------------------------------------------

    def append(self, path, text, start=""):
        return path, self.files.get(path, start) + text

    def readme(self):
        noun, repository = self.noun(), f"https://github.com/acme/{self.name}"
        return self.append("README.md", (
            f"\n## {noun.title()}s\n\n{self.sentence()} See [the guide](https://docs.acme.dev/{self.name}/{noun}s?tab=setup#install) or write "
            f"to {noun}s@acme.dev.\n[![ci]({repository}/actions/workflows/ci.yml/badge.svg)]({repository}/actions)\n"
            f"![{noun}]({repository}/assets/{self.random.randrange(10**8)}/{self.uuid()})\n"), f"# {self.name}\n")

    def changelog(self):
        commit = self.hex(40)
        return self.append("CHANGELOG.md", f"- {self.sentence()} ([{commit[:7]}](https://github.com/acme/{self.name}/commit/{commit}))\n")

    def npm_lock(self):
        name, version = f"@acme/{self.noun()}-{self.random.choice(VERBS)}", self.version()
        return self.append("package-lock.json", json.dumps({f"node_modules/{name}": {
            "version": version, "resolved": f"https://registry.npmjs.org/{name}/-/{name.rpartition('/')[2]}-{version}.tgz",
            "integrity": "sha512-" + self.base64(64)}}, indent=2) + "\n")

    def composer_lock(self):
        reference = self.hex(40)
        return self.append("composer.lock", json.dumps({"name": f"acme/{self.noun()}", "dist": {
            "url": f"https://api.github.com/repos/acme/{self.noun()}/zipball/{reference}", "reference": reference}}, indent=4) + "\n")

    def python_lock(self):
        digest = self.hex(64)
        return self.append("uv.lock", (
            f'[[package]]\nname = "{self.noun()}"\nwheels = [{{ url = "https://files.pythonhosted.org/packages/{digest[:2]}/{digest[2:4]}/'
            f'{digest[4:]}/{self.noun()}-{self.version()}-cp314-cp314t-manylinux2014_aarch64.whl", hash = "sha256:{self.hex(64)}" }}]\n'))

    def cargo_lock(self):
        return self.append("Cargo.lock", f'[[package]]\nname = "{self.noun()}"\nversion = "{self.version()}"\nchecksum = "{self.hex(64)}"\n')

    def workflow(self):
        return self.append(".github/workflows/ci.yml", (
            f"  {self.noun()}:\n    steps:\n      - uses: actions/checkout@{self.hex(40)} # v{self.version()}\n"
            f"      - run: npm run {self.random.choice(VERBS)}\n        env:\n          API_KEY: ${{{{ secrets.{self.noun().upper()}_KEY }}}}\n"), "jobs:\n")

    def compose(self):
        return self.append("docker-compose.yml", (
            f"  {self.noun()}:\n    image: postgres:16@sha256:{self.hex(64)}\n    environment:\n      POSTGRES_PASSWORD: postgres\n"
            f"      DATABASE_URL: postgres://postgres:postgres@db:5432/{self.noun()}\n"), "services:\n")

    def example(self):
        noun = self.noun().upper()
        return self.append(".env.example", (
            f"# {self.sentence()}\n{noun}_URL=https://{noun.lower()}.acme.dev/api/v2\n{noun}_API_KEY=your-{noun.lower()}-api-key\n"
            f"{noun}_SECRET=\n{noun}_FROM='Acme {noun.title()} Team'\n{noun}_CLIENT_ID={self.hex(20)}\n"), "PORT=3000\n")

    def test_env(self):
        noun = self.noun().upper()
        return self.append(".env.test", f"{noun}_TOKEN=test-{noun.lower()}-token\n{noun}_SECRET=123\nDB_PASSWORD=postgres\n", "PORT=3001\n")

    def module(self):
        noun, verb = self.noun(), self.random.choice(VERBS)
        name = f"{verb}{noun.title()}ForWorkspace"
        return f"src/{noun}s/{verb}-{noun}.ts", (
            f"import {{ {noun.title()}Repository }} from '@acme/{noun}-repository';\n\n// {self.sentence()}\n"
            f"export async function {name}(id: string, token = process.env.{noun.upper()}_TOKEN) {{\n"
            f"  const url = `https://api.acme.dev/v2/{noun}s/${{id}}?include=owner,members`;\n  return {noun.title()}Repository.{verb}(url, token);\n}}\n")

    def test(self):
        noun = self.noun()
        return f"tests/test_{noun}_{self.random.randrange(100)}.py", (
            f"API_KEY = 'test-{noun}-key-123'\nTOKEN = 'dummy_{noun}_token'\nPASSWORD = 'password123'\n\n\ndef test_{noun}(client):\n"
            f"    # {self.sentence()}\n    response = client.get('/{noun}s/{self.uuid()}', headers={{'X-API-Key': API_KEY}})\n"
            f"    assert response.json()['etag'] == '{self.hex(32)}'\n")

    def fixture(self):
        return f"tests/fixtures/{self.noun()}-{self.random.randrange(100)}.json", json.dumps(
            {"id": self.uuid(), "object": self.noun(), "email": f"{self.noun()}@example.com", "signature": "dGVzdC1zaWduYXR1cmU=",
             "sha": self.hex(40), "url": f"https://api.acme.dev/v1/{self.noun()}/{self.uuid()}"}, indent=2)

    def translation(self):
        language = self.random.choice(list(LONG))
        return self.append(f"locales/{language}.json", json.dumps({f"{self.noun()}.{self.random.choice(VERBS)}": f"{LONG[language]} ({self.noun()})"}) + "\n")

    def minified(self):
        body = ";".join(f"var {self.hex(2)}x=function({self.hex(1)}){{return {self.hex(3)}y}}" for _ in range(300))
        source_map = base64.b64encode(json.dumps({"version": 3, "mappings": self.base64(300)}).encode()).decode()
        return f"public/assets/app.{self.hex(8)}.min.js", f"/*! {self.name} v{self.version()} */{body}\n//# sourceMappingURL=data:application/json;base64,{source_map}\n"

    def drawing(self):
        points = " ".join(f"{self.random.choice('MLCQ')}{self.random.random() * 100:.4f} {self.random.random() * 100:.4f}" for _ in range(200))
        return f"public/{self.noun()}.svg", (
            f'<svg xmlns="http://www.w3.org/2000/svg"><path d="{points}"/><image href="data:image/png;base64,{self.base64(200)}"/></svg>\n')

    def migration(self):
        number = self.random.randrange(10**13, 10**14)
        return f"db/migrations/{number}_{self.random.choice(VERBS)}_{self.noun()}s.sql", (
            f"ALTER TABLE {self.noun()}s ADD COLUMN {self.noun()}_id uuid DEFAULT '{self.uuid()}';\n"
            f"INSERT INTO users (email, password_digest) VALUES ('admin@example.com', 'change-me');\n")

    def deployment(self):
        return f"deploy/{self.noun()}.yaml", (
            f"kind: Deployment\nmetadata:\n  uid: {self.uuid()}\nspec:\n  image: ghcr.io/acme/{self.name}:sha-{self.hex(7)}\n"
            f"  env:\n    - name: API_KEY\n      valueFrom: {{ secretKeyRef: {{ name: {self.noun()}-credentials, key: api-key }} }}\n"
            f"    - name: SENTRY_DSN\n      value: https://{self.hex(32)}@o{self.random.randrange(10**6)}.ingest.sentry.io/{self.random.randrange(10**7)}\n")

    EDITS = [readme, changelog, npm_lock, composer_lock, python_lock, cargo_lock, workflow, compose, example, test_env, module, module, test,
             fixture, translation, minified, drawing, migration, deployment]

    # The stream -----------------------------------------------------------------------------------------------------------

    def commit(self, parents, edits):
        self.mark += 1
        lines = [f"commit refs/heads/main\nmark :{self.mark}\ncommitter Ada <ada@example.com> {1_700_000_000 + self.mark} +0000\ndata 2\nx\n"]
        lines += [f"{'from' if index == 0 else 'merge'} :{parent}\n" for index, parent in enumerate(parents)]
        for path, text in edits:
            self.files[path] = text
            lines.append(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n")
        self.stream.append("".join(lines))
        return self.mark

    def edit(self):
        return self.random.choice(self.EDITS)(self)

    def write(self, directory, number):
        """Writes a bare repository with this number of commits."""
        head = self.commit([], [(".gitignore", ".env\n"), self.readme(), self.example(), self.module(), self.npm_lock(), self.compose()])
        while self.mark <= number:
            if self.mark % 11:
                head = self.commit([head], [self.edit() for _ in range(self.random.randrange(1, 4))])
            else:
                edit = self.edit()
                side = self.commit([head], [edit])
                head = self.commit([self.commit([head], [self.edit()]), side], [edit])
        repository = directory / self.name / "repo"
        subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=main", repository], check=True)
        subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=repository, input="".join(self.stream).encode(), check=True)
        return repository


def generate(directory: pathlib.Path, number: int):
    """Returns bare repositories, each with this number of commits."""
    return [History(name).write(directory, number) for name in NAMES]
