#!/usr/bin/env python3
"""Holds what a release is made of to what others will do with it: archives are unpacked, manifests are read by the programs that
they are for, the action downloads and checks from a server here, and the image is built where there is a builder.

    release_files.py STATIC-BINARY path/to/server.py FOLDER
"""
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib

sys.dont_write_bytecode = True  # This folder is for sources.
from packaging_checks import ROOT, check, copy_with_address, sh, tally

STATIC, SERVER, PLACE = map(pathlib.Path, sys.argv[1:4])
HOST = "x86_64-unknown-linux-musl"


def serve(folder):
    """A release page on loopback."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/railway-doctor"


def pack(source, *words, code=0, **variables):
    return sh(sys.executable, source / "packaging/pack.py", *words, folder=source, code=code, **variables)


def archives(source, version, release):
    """This machine's for real, twice the same; the others stand-ins, for their names and sums."""
    path = pathlib.Path(pack(source, "archive", f"{HOST}={STATIC.resolve()}").strip())
    first = path.read_bytes()
    pack(source, "archive", f"{HOST}={STATIC.resolve()}")
    check("an archive made twice is the same", path.read_bytes() == first)
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
    folder = f"doctor-v{version}-{HOST}"
    for name in ["doctor", "LICENSE-MIT", "README.md", "docs/fixing.md", "completions/_doctor", "man/doctor.1", "man/doctor-fix.1"]:
        check(f"the archive has {name}", f"{folder}/{name}" in members, sorted(members))
    check("everybody may run it", members[f"{folder}/doctor"].mode == 0o755)
    check("nobody's name is in it", all((one.uid, one.uname) == (0, "") for one in members.values()))
    shutil.copy(path, release)
    for triple in pack(source, "triples", "archive").split():
        name = f"doctor-v{version}-{triple}" + (".zip" if "windows" in triple else ".tar.gz")
        if triple != HOST:
            (release / name).write_text(f"stands in for {name}")
    (release / "SHA256SUMS").write_text(pack(source, "sums", release))
    sh("sha256sum", "--check", "--strict", "SHA256SUMS", folder=release)
    pack(source, "archive", f"aarch64-unknown-linux-musl={STATIC.resolve()}", code=2)
    for words in [["manifests", "nowhere"], ["archive", f"{HOST}=nowhere"], ["npm", "nothing"], ["plan"]]:
        said = pack(source, *words, code=2)
        check(f"{words} is told in words", said.startswith("pack.py: ") and "Traceback" not in said, said)


def manifests(source, address, version, release):
    pack(source, "manifests", release / "SHA256SUMS")
    made = source / "target/packages"
    sums = dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())

    brew = (made / "homebrew/railway-doctor.rb").read_text()
    if shutil.which("ruby"):
        check("ruby reads the formula", "Syntax OK" in sh("ruby", "-c", made / "homebrew/railway-doctor.rb"))
    links = re.findall(r'url "(.*)"\n\s+sha256 "(.*)"', brew)
    check("the formula has four systems", len(links) == 4, brew)

    scoop = json.loads((made / "scoop/railway-doctor.json").read_text())
    links += [(entry["url"], entry["hash"]) for entry in scoop["architecture"].values()]
    check("Scoop has two systems", len(scoop["architecture"]) == 2)
    for url, digest in links:
        base, _, name = url.rpartition("/")
        check(f"{name} is where the release is", base == f"{address}/releases/download/v{version}", url)
        check(f"{name} has its own sum", sums[name] == digest)
    following = scoop["autoupdate"]["architecture"]["64bit"]["url"]
    check("the next version is found", following.replace("$version", version) == scoop["architecture"]["64bit"]["url"])

    # What cargo-binstall fills in must be the names that we give.
    meta = tomllib.loads((source / "Cargo.toml").read_text())["package"]["metadata"]["binstall"]
    for triple in pack(source, "triples", "archive").split():
        form = meta.get("overrides", {}).get(triple, meta)["pkg-fmt"]
        suffix = {"tgz": ".tar.gz", "zip": ".zip"}[form]
        values = {"repo": address, "version": version, "target": triple, "archive-suffix": suffix, "bin": "doctor"}
        url = re.sub(r"\{ ([a-z-]+) \}", lambda found: values[found[1]], meta["pkg-url"])
        check(f"cargo-binstall finds {triple}", url.rpartition("/")[2] in sums, url)

    if shutil.which("nix-instantiate"):
        nix = ROOT / "packaging/nix/package.nix"
        asked = f"""let package = import {nix} {{
            lib = {{ importTOML = path: builtins.fromTOML (builtins.readFile path); cleanSource = path: path;
                     optionalString = wanted: text: if wanted then text else ""; licenses = {{ mit = "MIT"; asl20 = "Apache-2.0"; }}; }};
            rustPlatform.buildRustPackage = arguments: arguments; installShellFiles = null;
            stdenv = {{ buildPlatform.canExecute = _: true; hostPlatform = null; }}; }};
          in "${{package.pname}} ${{package.version}} ${{package.meta.description}}" """
        told = json.loads(sh("nix-instantiate", "--eval", "--strict", "--expr", asked, NIX_STATE_DIR=str(PLACE / "nix"),
                             NIX_STORE_DIR=str(PLACE / "nix-store"), HOME=str(PLACE)).splitlines()[-1])
        check("nix reads the package", told.startswith(f"railway-doctor {version} "), told)


def plan(source, version):
    matrix = json.loads(pack(source, "plan", f"v{version}"))
    check("the workflow has a job per system", len(matrix["include"]) == len(pack(source, "triples", "archive").split()))
    check("another tag is refused", "Cargo.toml says" in pack(source, "plan", "v9.9.9", code=2))
    elsewhere = {"GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_REPOSITORY": "somebody/else"}
    check("another repository is refused", "and this is" in pack(source, "plan", f"v{version}", code=2, **elsewhere))
    check("a version without notes is refused",
          "has no section" in sh(sys.executable, ROOT / "packaging/pack.py", "notes", code=None) or "Unreleased" not in
          (ROOT / "CHANGELOG.md").read_text())


def outputs(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def action(address, version, release):
    """As a runner calls it: inputs as variables, outputs in a file."""
    script = (ROOT / "packaging/action/install.sh").read_text()
    for triple in pack(PLACE / "source", "triples", "npm").split():
        check(f"the action knows {triple}", f"triple={triple} " in script)
    runner = PLACE / "runner"
    runner.mkdir()
    common = {"SYSTEM": "Linux-X64", "REPOSITORY": address, "RUNNER_TEMP": str(runner), "VERSION": f"v{version}",
              "GITHUB_OUTPUT": str(runner / "output"), "GITHUB_PATH": str(runner / "path")}
    script = ROOT / "packaging/action/install.sh"
    for wrong in [{"VERSION": "main"}, {"VERSION": "v0.0.9"}, {"SYSTEM": "Linux-RISCV"}]:
        said = sh("bash", script, code=2, **(common | wrong))
        check(f"{wrong} is told", "::error title=railway-doctor::" in said, said)
    archive = release / f"doctor-v{version}-{HOST}.tar.gz"
    kept = archive.read_bytes()
    archive.write_bytes(kept + b"\0")
    check("what was changed is not run", "nothing of it was run" in sh("bash", script, code=2, **common))
    archive.write_bytes(kept)
    sh("bash", script, **common)
    doctor = outputs(runner / "output")["doctor"]
    check("it runs", f"doctor {version}" in sh(doctor, "--version"))
    if SERVER.is_file():
        checks(doctor, runner)
    else:
        print("not run: the action's check, which needs the independent server")


def checks(doctor, runner):
    from server_checks import Server, folder
    server = Server("--scenario", "incident")
    with folder("STAGING_OPS_API_KEY=not-what-railway-has\n", server) as work:
        sh("git", "init", "-q", work)
        common = {"DOCTOR": doctor, "RAILWAY_API_TOKEN": server.token("account"), "HOME": str(work / "home"), "ENV_FILE": "",
                  "ARGS": f"--api-url {server.info['url']}\n--only STAGING_OPS_API_KEY", "GITHUB_ACTIONS": "true",
                  "GITHUB_STEP_SUMMARY": str(runner / "summary"), "GITHUB_OUTPUT": str(runner / "checked")}
        script = ROOT / "packaging/action/check.sh"
        for sarif, fail_on, code in [("", "error", "1"), ("drift.sarif", "never", "0")]:
            (runner / "checked").unlink(missing_ok=True)
            said = sh("bash", script, folder=work, SARIF=sarif, FAIL_ON=fail_on, **common)
            told = outputs(runner / "checked")
            check(f"the exit code is {code}", told["exit-code"] == code, said)
            check("findings are annotations", "::error" in said, said)
            check("no value is told", "not-what-railway-has" not in said)
            if sarif:
                found = json.loads(pathlib.Path(told["sarif"]).read_text())
                check("the SARIF file has them", found["runs"][0]["results"])
            else:
                check("no SARIF file was made", "sarif" not in told)
        check("the summary has a table", "STAGING_OPS_API_KEY" in (runner / "summary").read_text())
    server.stop()


def image(version, release):
    """Built and run without a daemon, as far as this machine lets root do that."""
    context = PLACE / "image"
    sh(ROOT / "packaging/docker/context", context, f"x86_64={release}/doctor-v{version}-{HOST}.tar.gz")
    if not shutil.which("buildah"):
        print("not run: the image, which buildah builds without a daemon")
        return
    storage = ["buildah", "--root", PLACE / "storage", "--runroot", PLACE / "run", "--storage-driver", "vfs"]
    sh(*storage, "build", "--isolation", "chroot", "--file", ROOT / "packaging/docker/Dockerfile", "--tag", "doctor", context)
    container = sh(*storage, "from", "doctor").strip().splitlines()[-1]
    said = sh(*storage, "run", "--isolation", "chroot", container, "/usr/bin/doctor", "demo", "check", code=1)
    check("the image runs", "5 errors" in said, said)
    settings = json.loads(sh(*storage, "inspect", "--type", "image", "doctor"))["OCIv1"]["config"]
    check("nobody's rights are needed", settings["User"] == "65532:65532", settings)
    check("it checks when nothing is said", settings["Entrypoint"] + settings["Cmd"] == ["/usr/bin/doctor", "check"], settings)
    sh(*storage, "rm", "--all")


def main():
    (PLACE / "served/railway-doctor/releases/download").mkdir(parents=True)
    address = serve(PLACE / "served")
    version = copy_with_address(PLACE / "source", address)
    source, release = PLACE / "source", PLACE / "served/railway-doctor/releases/download" / f"v{version}"
    release.mkdir()
    archives(source, version, release)
    manifests(source, address, version, release)
    plan(source, version)
    action(address, version, release)
    image(version, release)
    tally("the files of a release")


main()
