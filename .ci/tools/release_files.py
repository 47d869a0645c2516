#!/usr/bin/env python3
"""Runs the release workflow with stand-ins on loopback, and tests what it publishes as users consume it: installs the packages,
unpacks the archives, reads the manifests with their own programs, and runs the action, the image and the pre-commit hook.

    release_files.py path/to/server.py DIR

The Python that runs this needs PyYAML.
"""
import json
import os
import pathlib
import re
import shutil
import sys
import tarfile
import time
import tomllib
import zipfile

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from packaging_checks import ROOT, check, print_total, sh
from release_servers import REPOSITORY, Servers
from release_workflow import HOST, WORKFLOW, Workflow, repository_with_tag

SERVER, WORK = map(pathlib.Path, sys.argv[1:3])


def pack(source, *args, code=0, **variables):
    return sh(sys.executable, source / "packaging/pack.py", *args, cwd=source, code=code, **variables)


def demo(label, *command, **variables):
    """Runs the demo, which must find five errors and exit with 1."""
    started = time.monotonic()
    output = sh(*command, "demo", "check", code=1, **variables)
    check(f"{label} runs", re.search("^5 errors", output, re.MULTILINE), output)
    print(f"{label}: demo check in {(time.monotonic() - started) * 1000:.0f} ms", flush=True)


def refusals(source, version):
    """What must not be released, and invalid calls of the script."""
    matrix = json.loads(pack(source, "plan", f"v{version}"))
    check("the workflow has a job for each target", len(matrix["include"]) == len(pack(source, "triples", "archive").split()))
    check("another tag is refused", "does not match version" in pack(source, "plan", "v9.9.9", code=2))
    elsewhere = {"GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_REPOSITORY": "example/other"}
    check("another repository is refused", "not this one" in pack(source, "plan", f"v{version}", code=2, **elsewhere))
    changes = source / "CHANGELOG.md"
    text = changes.read_text()
    changes.write_text(text.replace(f"## {version}", "## Unreleased"))
    check("a version without notes is refused", "has no section" in pack(source, "plan", f"v{version}", code=2))
    changes.write_text(text)
    for args in [["manifests", "missing"], ["archive", f"{HOST}=missing"], ["npm", "nothing"], ["plan"]]:
        output = pack(source, *args, code=2)
        check(f"{args} fails with a message", output.startswith("pack.py: ") and "Traceback" not in output, output)


def run_workflow(workflow, servers):
    """Pushes the tag, and publishes the draft."""
    url = f"{servers.repository}/releases/download/{workflow.tag}/SHA256SUMS"
    workflow.run("push")
    check("a draft can't be downloaded", "404" in sh("curl", "--silent", "--fail", "--show-error", url, code=22))
    servers.published.is_draft = False
    workflow.run("release")
    check("no job or step was skipped", set(workflow.ran) == set(WORKFLOW["jobs"]) and not workflow.skipped, workflow.skipped)
    sh("curl", "--silent", "--fail", url)


def contents(source, version, release):
    """Unpacks the archive of this machine, compares the packages with it, and returns its directory."""
    path = release / f"doctor-v{version}-{HOST}.tar.gz"
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
        archive.extractall(WORK / "unpacked", filter="data")
    folder = WORK / "unpacked" / f"doctor-v{version}-{HOST}"
    for name in ["doctor", "LICENSE-MIT", "README.md", "docs/fixing.md", "completions/_doctor", "man/doctor.1", "man/doctor-fix.1"]:
        check(f"the archive has {name}", f"{folder.name}/{name}" in members, sorted(members))
    check("the binary is executable by all", members[f"{folder.name}/doctor"].mode == 0o755)
    check("members have no owner name", all((member.uid, member.uname) == (0, "") for member in members.values()))
    demo("archive", folder / "doctor")

    epoch = sh("git", "log", "-1", "--format=%ct", cwd=source).strip()
    again = pathlib.Path(pack(source, "archive", f"{HOST}={folder}/doctor", SOURCE_DATE_EPOCH=epoch).strip())
    check("two builds of an archive are identical", path.read_bytes() == again.read_bytes())
    pack(source, "archive", f"aarch64-unknown-linux-musl={folder}/doctor", code=2)
    binary = (folder / "doctor").read_bytes()
    wheel = zipfile.ZipFile(next(release.glob("*manylinux*x86_64*.whl")))
    check("the wheel has the binary of the archive", wheel.read(next(name for name in wheel.namelist() if name.endswith("/doctor"))) == binary)
    with tarfile.open(release / f"railway-doctor-linux-x64-{version}.tgz") as package:
        check("the npm package has the binary of the archive", package.extractfile("package/doctor").read() == binary)
    return folder


def manifests(source, url, version, release, unpacked):
    sums = dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())
    others = {"SHA256SUMS", "railway-doctor.rb", "railway-doctor.json", "railway-doctor-pre-commit.tar.gz"}
    check("every package has a checksum", set(sums) | others == set(os.listdir(release)), sorted(set(os.listdir(release)) ^ set(sums)))
    brew = (release / "railway-doctor.rb").read_text()
    if shutil.which("ruby"):
        check("ruby reads the formula", "Syntax OK" in sh("ruby", "-c", release / "railway-doctor.rb"))
    for pattern in re.findall(r'install (?:Dir\[)?"([^"]+)"', brew):
        check(f"the archive has what the formula installs: {pattern}", list(unpacked.glob(pattern)))
    links = re.findall(r'url "(.*)"\n\s+sha256 "(.*)"', brew)
    check("the formula has four systems", len(links) == 4, brew)

    scoop = json.loads((release / "railway-doctor.json").read_text())
    links += [(entry["url"], entry["hash"]) for entry in scoop["architecture"].values()]
    check("Scoop has two systems", len(scoop["architecture"]) == 2)
    for link, digest in links:
        base, _, name = link.rpartition("/")
        check(f"{name} links to the release", base == f"{url}/releases/download/v{version}", link)
        check(f"{name} has the right checksum", sums[name] == digest)
    next_url = scoop["autoupdate"]["architecture"]["64bit"]["url"]
    check("autoupdate has the right URL", next_url.replace("$version", version) == scoop["architecture"]["64bit"]["url"])

    # The names that cargo-binstall derives must match the archives.
    meta = tomllib.loads((source / "Cargo.toml").read_text())["package"]["metadata"]["binstall"]
    for triple in pack(source, "triples", "archive").split():
        archive_format = meta.get("overrides", {}).get(triple, meta)["pkg-fmt"]
        suffix = {"tgz": ".tar.gz", "zip": ".zip"}[archive_format]
        values = {"repo": url, "version": version, "target": triple, "archive-suffix": suffix, "bin": "doctor"}
        link = re.sub(r"\{ ([a-z-]+) \}", lambda found: values[found[1]], meta["pkg-url"])
        check(f"cargo-binstall finds {triple}", link.rpartition("/")[2] in sums, link)
    notes = release.with_suffix(".md").read_text()
    check("the notes have the changes and the size", "### Added" in notes and re.search(r"\d\.\d MB for Linux x86-64, \d+ libraries", notes), notes)
    for link in re.findall(r"\]\((\S+)\)", notes):
        path = link.removeprefix(f"{url}/blob/v{version}/")
        check(f"{link} in the notes is a file at the tag", path != link and (source / path).is_file())
    if shutil.which("nix-instantiate"):
        nix(version)


def nix(version):
    package = ROOT / "packaging/nix/package.nix"
    expression = f"""let package = import {package} {{
        lib = {{ importTOML = path: builtins.fromTOML (builtins.readFile path); cleanSource = path: path;
                 optionalString = wanted: text: if wanted then text else ""; licenses = {{ mit = "MIT"; asl20 = "Apache-2.0"; }}; }};
        rustPlatform.buildRustPackage = arguments: arguments; installShellFiles = null;
        stdenv = {{ buildPlatform.canExecute = _: true; hostPlatform = null; }}; }};
      in "${{package.pname}} ${{package.version}} ${{package.meta.description}}" """
    output = json.loads(sh("nix-instantiate", "--eval", "--strict", "--expr", expression, NIX_STATE_DIR=str(WORK / "nix"),
                         NIX_STORE_DIR=str(WORK / "nix-store"), HOME=str(WORK)).splitlines()[-1])
    check("nix reads the package", output.startswith(f"railway-doctor {version} "), output)


def installs(servers):
    """Installs the published packages into empty environments, from the registries."""
    sh(sys.executable, "-m", "venv", WORK / "python")
    sh(WORK / "python/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--index-url", f"{servers.url}/pypi/simple", "railway-doctor")
    demo("wheel", WORK / "python/bin/doctor")
    node = WORK / "node"
    node.mkdir()
    options = ["--registry", f"{servers.url}/npm/", "--cache", WORK / "npm-cache", "--no-audit", "--no-fund", "--no-update-notifier"]
    sh("npm", "init", "--yes", cwd=node)
    sh("npm", "install", *options, "railway-doctor", cwd=node)
    installed = sorted(path.name for path in (node / "node_modules").glob("railway-doctor*"))
    check("npm installs only this system's binary", installed == ["railway-doctor", "railway-doctor-linux-x64"], installed)
    demo("npm", node / "node_modules/.bin/doctor")
    sh("npm", "install", *options, "--global", "--prefix", WORK / "npm", "railway-doctor")
    demo("npm --global", WORK / "npm/bin/doctor")
    print(sh("node", ROOT / ".ci/tools/npm_starter.mjs", node), end="")


def crate(servers, version, release):
    line, content = servers.published.crates["railway-doctor"]
    check("the published crate is the one of the release", content == (release / f"railway-doctor-{version}.crate").read_bytes(), line)


def outputs(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def action(source, url, version, release):
    """Runs the action's scripts as a runner does: inputs as variables, outputs in a file."""
    script = (ROOT / "packaging/action/install.sh").read_text()
    for triple in pack(source, "triples", "npm").split():
        check(f"the action supports {triple}", f"triple={triple} " in script)
    runner = WORK / "runner"
    runner.mkdir()
    common = {"SYSTEM": "Linux-X64", "REPOSITORY": url, "RUNNER_TEMP": str(runner), "VERSION": f"v{version}",
              "GITHUB_OUTPUT": str(runner / "output"), "GITHUB_PATH": str(runner / "path")}
    script = ROOT / "packaging/action/install.sh"
    for invalid in [{"VERSION": "main"}, {"VERSION": "v0.0.9"}, {"SYSTEM": "Linux-RISCV"}]:
        output = sh("bash", script, code=2, **(common | invalid))
        check(f"{invalid} is reported", "::error title=railway-doctor::" in output, output)
    archive = release / f"doctor-v{version}-{HOST}.tar.gz"
    original = archive.read_bytes()
    archive.write_bytes(original + b"\0")
    check("a modified archive is refused", "does not match its checksum" in sh("bash", script, code=2, **common))
    archive.write_bytes(original)
    sh("bash", script, **common)
    doctor = outputs(runner / "output")["doctor"]
    check("the installed binary runs", f"doctor {version}" in sh(doctor, "--version"))
    if SERVER.is_file():
        checks(doctor, runner)
    else:
        print("skipped: the action's check, which needs the independent server")


def checks(doctor, runner):
    sys.argv[1:] = [doctor, str(SERVER)]  # What the suites take.
    from server_checks import Server, work_dir
    server = Server("--scenario", "incident")
    with work_dir("STAGING_OPS_API_KEY=not-what-railway-has\n", server) as work:
        sh("git", "init", "-q", work)
        common = {"DOCTOR": doctor, "RAILWAY_API_TOKEN": server.token("account"), "HOME": str(work.parent / "home"), "ENV_FILE": "",
                  "BASELINE": "", "COMMENT": "", "ISSUE": "", "HEAD_REPOSITORY": "", "RUNNER_TEMP": str(runner),
                  "ARGS": f"--api-url {server.info['url']}\n--only STAGING_OPS_API_KEY", "GITHUB_ACTIONS": "true",
                  "GITHUB_STEP_SUMMARY": str(runner / "summary"), "GITHUB_OUTPUT": str(runner / "checked")}
        script = ROOT / "packaging/action/check.sh"
        for sarif, fail_on, code in [("", "error", "1"), ("drift.sarif", "never", "0")]:
            (runner / "checked").unlink(missing_ok=True)
            output = sh("bash", script, cwd=work, SARIF=sarif, FAIL_ON=fail_on, **common)
            result = outputs(runner / "checked")
            check(f"the exit code is {code}", result["exit-code"] == code, output)
            check("findings are annotations", "::error" in output, output)
            check("no value is shown", "not-what-railway-has" not in output)
            if sarif:
                report = json.loads(pathlib.Path(result["sarif"]).read_text())
                check("the SARIF file has findings", report["runs"][0]["results"])
            else:
                check("no SARIF file is written", "sarif" not in result)
        check("the summary has a table", "STAGING_OPS_API_KEY" in (runner / "summary").read_text())
    server.stop()


def image(servers, version):
    """Pulls the image from the registry and runs it, if buildah is installed."""
    if not shutil.which("buildah"):
        print("skipped: the image, which needs buildah")
        return
    manifests = servers.published.manifests
    platforms = [entry["platform"] for entry in json.loads(manifests[version][0])["manifests"]]
    check("the image has two platforms", {one["architecture"] for one in platforms} == {"amd64", "arm64"}, platforms)
    check("it is also the latest", manifests["latest"] == manifests[version])
    # BuildKit would use a default instead of the platform, for every platform; buildah would not.
    check("TARGETPLATFORM has no default", "\nARG TARGETPLATFORM\n" in (ROOT / "packaging/docker/Dockerfile").read_text())
    layers = [json.loads(manifests[entry["digest"]][0])["layers"] for entry in json.loads(manifests[version][0])["manifests"]]
    check("each platform has its own binary", layers[0] != layers[1], layers)
    storage = ["buildah", "--root", WORK / "pulled", "--runroot", WORK / "run", "--storage-driver", "vfs"]
    name = f"{servers.host}/{REPOSITORY}:{version}"
    login = ["--tls-verify=false", "--authfile", WORK / "images/login.json"]
    container = sh(*storage, "from", *login, f"docker://{name}").strip().splitlines()[-1]
    demo("image", *storage, "run", "--isolation", "chroot", container, "/usr/bin/doctor")
    settings = json.loads(sh(*storage, "inspect", "--type", "image", name))["OCIv1"]["config"]
    check("the image runs as an unprivileged user", settings["User"] == "65532:65532", settings)
    check("the default command is `doctor check`", settings["Entrypoint"] + settings["Cmd"] == ["/usr/bin/doctor", "check"], settings)
    sh(*storage, "rm", "--all")


def main():
    servers, source = Servers(), WORK / "source"
    version = repository_with_tag(source, servers.repository)
    refusals(source, version)
    workflow = Workflow(WORK, servers, source, version)
    run_workflow(workflow, servers)
    release = workflow.page
    unpacked = contents(source, version, release)
    manifests(source, servers.repository, version, release, unpacked)
    crate(servers, version, release)
    installs(servers)
    action(source, servers.repository, version, release)
    image(servers, version)
    if SERVER.is_file():
        print("commands of docs/first-run.md:", sh(sys.executable, ROOT / ".ci/suites/first_run.py", unpacked / "doctor", SERVER), end="")
    print(sh(sys.executable, ROOT / ".ci/tools/mirror_with_pre_commit.py", release, WORK / "mirror"), end="")
    print_total("release")


main()
