"""Runs the release workflow on this machine, as a runner does: the jobs of a pushed tag, then those of the published release. The
registries and the programs that reach them are stand-ins on loopback.

This machine builds one target. The artefacts of the other jobs are replaced with placeholders of the same names.
"""
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib

import yaml
from packaging_checks import ROOT, check, sh
from release_servers import CRATE_TOKEN, REPOSITORY, TOKEN

sys.path.insert(0, str(ROOT / ".ci/suites"))
from action_runner import evaluate, expand  # noqa: E402

HOST = "x86_64-unknown-linux-musl"
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
COMMANDS = ["gh", "npm", "pipx", "cargo", "docker", "sudo", "rustup"]
# The start of a binary for each kind of system, with the processor. packaging/facts.py reads it.
HEADS = {"linux-x86_64": b"\x7fELF" + bytes(14) + b"\x3e\0", "linux-aarch64": b"\x7fELF" + bytes(14) + b"\xb7\0",
         "apple-x86_64": b"\xcf\xfa\xed\xfe\x07\0\0\x01", "apple-aarch64": b"\xcf\xfa\xed\xfe\x0c\0\0\x01",
         "windows-x86_64": b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x64\x86", "windows-aarch64": b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x64\xaa"}


class Workflow:
    """One run of the workflow, for a tag of a repository."""

    def __init__(self, work, servers, repository, version):
        self.work, self.servers, self.repository, self.tag = work, servers, repository, f"v{version}"
        self.artefacts, self.ran, self.skipped = work / "artefacts", [], []
        bin_dir = work / "bin"
        bin_dir.mkdir()
        for name in COMMANDS:
            (bin_dir / name).symlink_to(ROOT / ".ci/tools/release_commands.py")
        python = ROOT / "target/ci-tools/release"
        if not (python / "bin/pip").exists():
            sh(sys.executable, "-m", "venv", python)
        sh(python / "bin/pip", "install", "--quiet", "uv==0.*")
        self.stand_ins, self.path = str(bin_dir), os.pathsep.join([str(python / "bin"), os.environ["PATH"]])
        self.page = work / "page"
        servers.published.release, servers.published.tag = self.page, self.tag

    def run(self, event):
        """Runs the jobs of an event. A job with a matrix runs once, for this machine."""
        self.outputs = {}
        for name, job in WORKFLOW["jobs"].items():
            github = {"event_name": event, "token": TOKEN, "actor": "maintainer", "repository": REPOSITORY, "ref": f"refs/tags/{self.tag}"}
            context = {"github": github, "vars": {"IMAGE": f"{self.servers.host}/{REPOSITORY}"}}
            needed = job.get("needs", [])
            needed = [needed] if isinstance(needed, str) else needed
            context["needs"] = {one: {"outputs": self.outputs[one]} for one in needed if one in self.outputs}
            if len(context["needs"]) == len(needed) and evaluate(job.get("if", "'true'"), context):
                self.run_job(name, job, context)

    def run_job(self, name, job, context):
        self.ran.append(name)
        started = time.monotonic()
        if "strategy" in job:
            rows = evaluate(job["strategy"]["matrix"][3:-2], context)["include"]
            context["matrix"] = next(row for row in rows if row["triple"] == HOST)
        run = Job(self, name, job, context)
        for number, step in enumerate(job["steps"]):
            run.step(step, step.get("name") or step.get("run", step.get("uses", "")).strip().partition("\n")[0], number)
        if "strategy" in job:
            for row in rows:
                self.placeholder(row)
        print(f"job {name}: {time.monotonic() - started:.0f} s", flush=True)
        self.outputs[name] = {key: expand(value, context) for key, value in job.get("outputs", {}).items()}

    def placeholder(self, row):
        """Writes what the job of another target uploads. Its wheel has the content of this machine's."""
        if row["triple"] == HOST:
            return
        sys.path.insert(0, str(ROOT / "packaging"))
        from facts import target
        packages, binary = self.artefacts / row["triple"] / "packages", self.artefacts / row["triple"] / row["triple"] / "dist" / row["binary"]
        for folder in [packages, binary.parent]:
            folder.mkdir(parents=True)
        system = next(name for name in ["linux", "apple", "windows"] if name in row["triple"])
        head = HEADS[f"{system}-{row['triple'].partition('-')[0]}"] + b"placeholder"
        binary.write_bytes(head)
        with tarfile.open(packages / target(row["triple"]).archive, "w:gz") as archive:
            entry = tarfile.TarInfo(f"{target(row['triple']).folder}/{row['binary']}")
            entry.size, entry.mode = len(head), 0o755
            archive.addfile(entry, io.BytesIO(head))
        if row["has_wheel"]:
            wheel = next((self.artefacts / HOST / "packages").glob("*.whl"))
            shutil.copy(wheel, packages / re.sub("-[^-]*$", f"-{row['triple'].replace('-', '_')}.whl", wheel.name))


class Job:
    """One job, in a directory of its own."""

    def __init__(self, workflow, name, job, context):
        self.workflow, self.name, self.job, self.context = workflow, name, job, context
        self.context["steps"], self.folder = {}, workflow.work / "jobs" / name
        self.files = workflow.work / "files" / name
        for folder in [self.folder, self.files]:
            folder.mkdir(parents=True)
        self.permissions = [f"{key}:{value}" for key, value in job.get("permissions", {}).items()]
        self.variables = {
            **os.environ, "PATH": os.pathsep.join([workflow.stand_ins, workflow.path]), "CI": "true", "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.files), "GITHUB_SERVER_URL": workflow.servers.url, "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_REF_NAME": workflow.tag, "STAND_IN_URL": workflow.servers.url, "STAND_IN_PAGE": str(workflow.page), "STAND_IN_TOKEN": TOKEN,
            "STAND_IN_PERMISSIONS": " ".join(self.permissions), "STAND_IN_STORAGE": str(workflow.work / "images"),
            **{key: expand(value, context) for key, value in {**WORKFLOW.get("env", {}), **job.get("env", {})}.items()},
        }
        if "matrix" in context:
            self.add_static_toolchain()

    def add_static_toolchain(self):
        """Without rustup's target, the standard library is built as well."""
        output = subprocess.run([ROOT / ".ci/static-binary", "env", "-0"], env=os.environ | {"PATH": self.workflow.path}, check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        found = dict(line.split("=", 1) for line in output.split("\0") if line)
        self.variables |= {key: value for key, value in found.items() if re.match("RUSTC|CARGO_", key)}
        self.variables["PATH"] = os.pathsep.join([self.workflow.stand_ins, found["PATH"]])

    def step(self, step, label, number):
        condition = re.sub(r"^\$\{\{|\}\}$", "", str(step.get("if", "'true'"))).strip()
        if not evaluate(condition, self.context):
            self.workflow.skipped.append(f"{self.name}: {label}")
            return
        inputs = {key: expand(value, self.context) for key, value in step.get("with", {}).items()}
        if "uses" in step:
            action = step["uses"].partition("@")[0]
            check(f"{action} is pinned to a commit", re.search("@[0-9a-f]{40}$", step["uses"]))
            outputs = getattr(self, action.rpartition("/")[2].replace("-", "_"))(inputs)
            self.context["steps"][step.get("id", number)] = {"outputs": outputs or {}}
            return
        script, output = self.files / f"{number}.sh", self.files / f"{number}.out"
        script.write_text(step["run"])
        output.write_text("")
        shell = step.get("shell", self.job.get("defaults", {}).get("run", {}).get("shell"))
        options = ["--noprofile", "--norc", "-eo", "pipefail"] if shell == "bash" else ["-e"]
        own = {key: expand(value, self.context) for key, value in step.get("env", {}).items()}
        result = subprocess.run(["bash", *options, script], cwd=self.folder, env=self.variables | own | {"GITHUB_OUTPUT": str(output)}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        (self.files / f"{number}.log").write_text(result.stdout)
        check(f"{self.name}: {label}", result.returncode == 0, f"exit code {result.returncode}\n{result.stdout[-6000:]}")
        lines = output.read_text().splitlines()
        self.context["steps"][step.get("id", number)] = {"outputs": dict(line.split("=", 1) for line in lines)}

    # The actions that the workflow uses.

    def checkout(self, inputs):
        check("the checkout keeps no token", inputs == {"persist-credentials": "False"}, inputs)
        check("the job may read the repository", any(one.startswith("contents:") for one in self.permissions))
        sh("git", "clone", "--quiet", "--branch", self.workflow.tag, "--config", "advice.detachedHead=false", self.workflow.repository, self.folder)
        # The same directory for all jobs, so that each dependency is compiled once.
        for folder in ["packages", "package"]:
            shutil.rmtree(ROOT / "target" / folder, ignore_errors=True)
        (self.folder / "target").symlink_to(ROOT / "target")

    def setup_python(self, _):
        pass

    def setup_node(self, _):
        pass

    def upload_artifact(self, inputs):
        """Uploads files below their nearest common directory, without their modes."""
        check("missing files are an error", inputs["if-no-files-found"] == "error")
        found = [path for pattern in inputs["path"].split() for path in self.folder.glob(pattern) if path.is_file()]
        for pattern in inputs["path"].split():
            check(f"{pattern} has files", list(self.folder.glob(pattern)))
        root = pathlib.Path(os.path.commonpath(found))
        for path in found:
            copy = self.workflow.artefacts / inputs["name"] / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)

    def download_artifact(self, inputs):
        check("all artefacts are downloaded", set(inputs) == {"path"}, inputs)
        shutil.copytree(self.workflow.artefacts, self.folder / inputs["path"])

    def attest_build_provenance(self, inputs):
        for permission in ["id-token:write", "attestations:write"]:
            check(f"the provenance needs {permission}", permission in self.permissions)
        sums = self.folder / inputs["subject-checksums"]
        sh("sha256sum", "--check", "--strict", sums.name, cwd=sums.parent)

    def crates_io_auth_action(self, _):
        check("trusted publishing needs id-token: write", "id-token:write" in self.permissions)
        return {"token": CRATE_TOKEN}


def repository_with_tag(folder, url):
    """Commits the working tree as it is released: with `repository` in Cargo.toml and a section for the version in the changelog.
    Returns the version, which is also the tag.
    """
    names = sh("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in filter(lambda name: name and (ROOT / name).is_file(), names):
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    manifest = re.sub("^repository = .*\n", "", (ROOT / "Cargo.toml").read_text(), flags=re.MULTILINE)
    (folder / "Cargo.toml").write_text(manifest.replace("\nreadme = ", f'\nrepository = "{url}"\nreadme = ', 1))
    version = tomllib.loads(manifest)["package"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    (folder / "CHANGELOG.md").write_text(changes.replace("## Unreleased", f"## {version} - 2026-01-01", 1))
    git = ["git", "-C", folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    sh("git", "init", "--quiet", folder)
    sh(*git, "add", "--all")
    sh(*git, "commit", "--quiet", "--message", f"release {version}")
    sh(*git, "tag", f"v{version}")
    return version
