#!/usr/bin/env python3
"""Tests the files of a release as users consume them: unpacks the archives, reads the manifests with their own programs, runs the
action against a local server, and builds the image if buildah is installed.

    release_files.py STATIC-BINARY path/to/server.py DIR
"""
import functools
import http.server
import json
import pathlib
import re
import shutil
import sys
import tarfile
import threading
import tomllib

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from packaging_checks import ROOT, check, copy_with_repository_url, print_total, sh

STATIC, SERVER, WORK = map(pathlib.Path, sys.argv[1:4])
HOST = "x86_64-unknown-linux-musl"


def serve(directory):
    """Serves a directory on loopback, as the release downloads, and returns the repository's URL."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/railway-doctor"


def pack(source, *args, code=0, **variables):
    return sh(sys.executable, source / "packaging/pack.py", *args, cwd=source, code=code, **variables)


def archives(source, version, release):
    """Builds the archive for this machine twice; writes placeholders for the others, for their names and checksums."""
    path = pathlib.Path(pack(source, "archive", f"{HOST}={STATIC.resolve()}").strip())
    first = path.read_bytes()
    pack(source, "archive", f"{HOST}={STATIC.resolve()}")
    check("two builds of an archive are identical", path.read_bytes() == first)
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
    folder = f"doctor-v{version}-{HOST}"
    for name in ["doctor", "LICENSE-MIT", "README.md", "docs/fixing.md", "completions/_doctor", "man/doctor.1", "man/doctor-fix.1"]:
        check(f"the archive has {name}", f"{folder}/{name}" in members, sorted(members))
    check("the binary is executable by all", members[f"{folder}/doctor"].mode == 0o755)
    check("members have no owner name", all((member.uid, member.uname) == (0, "") for member in members.values()))
    shutil.copy(path, release)
    for triple in pack(source, "triples", "archive").split():
        name = f"doctor-v{version}-{triple}" + (".zip" if "windows" in triple else ".tar.gz")
        if triple != HOST:
            (release / name).write_text(f"placeholder for {name}")
    (release / "SHA256SUMS").write_text(pack(source, "sums", release))
    sh("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=release)
    pack(source, "archive", f"aarch64-unknown-linux-musl={STATIC.resolve()}", code=2)
    for args in [["manifests", "missing"], ["archive", f"{HOST}=missing"], ["npm", "nothing"], ["plan"]]:
        output = pack(source, *args, code=2)
        check(f"{args} fails with a message", output.startswith("pack.py: ") and "Traceback" not in output, output)


def manifests(source, url, version, release):
    pack(source, "manifests", release / "SHA256SUMS")
    packages = source / "target/packages"
    sums = dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())

    brew = (packages / "homebrew/railway-doctor.rb").read_text()
    if shutil.which("ruby"):
        check("ruby reads the formula", "Syntax OK" in sh("ruby", "-c", packages / "homebrew/railway-doctor.rb"))
    links = re.findall(r'url "(.*)"\n\s+sha256 "(.*)"', brew)
    check("the formula has four systems", len(links) == 4, brew)

    scoop = json.loads((packages / "scoop/railway-doctor.json").read_text())
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

    if shutil.which("nix-instantiate"):
        nix = ROOT / "packaging/nix/package.nix"
        expression = f"""let package = import {nix} {{
            lib = {{ importTOML = path: builtins.fromTOML (builtins.readFile path); cleanSource = path: path;
                     optionalString = wanted: text: if wanted then text else ""; licenses = {{ mit = "MIT"; asl20 = "Apache-2.0"; }}; }};
            rustPlatform.buildRustPackage = arguments: arguments; installShellFiles = null;
            stdenv = {{ buildPlatform.canExecute = _: true; hostPlatform = null; }}; }};
          in "${{package.pname}} ${{package.version}} ${{package.meta.description}}" """
        output = json.loads(sh("nix-instantiate", "--eval", "--strict", "--expr", expression, NIX_STATE_DIR=str(WORK / "nix"),
                             NIX_STORE_DIR=str(WORK / "nix-store"), HOME=str(WORK)).splitlines()[-1])
        check("nix reads the package", output.startswith(f"railway-doctor {version} "), output)


def plan(source, version):
    matrix = json.loads(pack(source, "plan", f"v{version}"))
    check("the workflow has a job for each target", len(matrix["include"]) == len(pack(source, "triples", "archive").split()))
    check("another tag is refused", "does not match version" in pack(source, "plan", "v9.9.9", code=2))
    elsewhere = {"GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_REPOSITORY": "example/other"}
    check("another repository is refused", "not this one" in pack(source, "plan", f"v{version}", code=2, **elsewhere))
    check("a version without notes is refused",
          "has no section" in sh(sys.executable, ROOT / "packaging/pack.py", "notes", code=None) or "Unreleased" not in
          (ROOT / "CHANGELOG.md").read_text())


def outputs(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def action(url, version, release):
    """Runs the action's scripts as a runner does: inputs as variables, outputs in a file."""
    script = (ROOT / "packaging/action/install.sh").read_text()
    for triple in pack(WORK / "source", "triples", "npm").split():
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
    sys.path.insert(0, str(ROOT / ".ci/suites"))
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


def image(version, release):
    """Builds and runs the image without a daemon, if buildah is installed."""
    context = WORK / "image"
    sh(ROOT / "packaging/docker/context", context, f"x86_64={release}/doctor-v{version}-{HOST}.tar.gz")
    if not shutil.which("buildah"):
        print("skipped: the image, which needs buildah")
        return
    storage = ["buildah", "--root", WORK / "storage", "--runroot", WORK / "run", "--storage-driver", "vfs"]
    sh(*storage, "build", "--isolation", "chroot", "--file", ROOT / "packaging/docker/Dockerfile", "--tag", "doctor", context)
    container = sh(*storage, "from", "doctor").strip().splitlines()[-1]
    output = sh(*storage, "run", "--isolation", "chroot", container, "/usr/bin/doctor", "demo", "check", code=1)
    check("the image runs", "5 errors" in output, output)
    settings = json.loads(sh(*storage, "inspect", "--type", "image", "doctor"))["OCIv1"]["config"]
    check("the image runs as an unprivileged user", settings["User"] == "65532:65532", settings)
    check("the default command is `doctor check`", settings["Entrypoint"] + settings["Cmd"] == ["/usr/bin/doctor", "check"], settings)
    sh(*storage, "rm", "--all")


def main():
    (WORK / "served/railway-doctor/releases/download").mkdir(parents=True)
    url = serve(WORK / "served")
    version = copy_with_repository_url(WORK / "source", url)
    source, release = WORK / "source", WORK / "served/railway-doctor/releases/download" / f"v{version}"
    release.mkdir()
    archives(source, version, release)
    manifests(source, url, version, release)
    plan(source, version)
    action(url, version, release)
    image(version, release)
    print_total("release files")


main()
