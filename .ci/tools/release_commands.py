#!/usr/bin/env python3
"""Stands in for the programs of the release workflow that reach other machines or change this one. Each is called by its name, and
does the same on loopback. Everything else, such as cargo, maturin and uv, is the real program.
"""
import argparse
import fnmatch
import os
import pathlib
import shutil
import subprocess
import sys

NAME, ARGUMENTS = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
URL, PAGE, TOKEN = (os.environ[f"STAND_IN_{name}"] for name in ["URL", "PAGE", "TOKEN"])
PERMISSIONS = os.environ["STAND_IN_PERMISSIONS"].split()
PATH = os.environ["PATH"].partition(os.pathsep)[2]


def fail(why):
    sys.exit(f"{NAME} {' '.join(ARGUMENTS)}: {why}")


def need(condition, why):
    if not condition:
        fail(why)


def real(*command, **variables):
    environment = os.environ | {"PATH": PATH} | variables
    return subprocess.run(command, env=environment, check=True, text=True, stdout=None).returncode


def parse(*flags, options=(), lists=()):
    """Parses the arguments after the subcommand. An argument that is not declared is an error."""
    parser = argparse.ArgumentParser(prog=NAME, allow_abbrev=False)
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    for option in options:
        parser.add_argument(option, required=True)
    for option in lists:
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("words", nargs="*")
    return parser.parse_intermixed_args(ARGUMENTS)


def gh():
    need(os.environ.get("GH_TOKEN") == TOKEN, "GH_TOKEN is not the job's token")
    page = pathlib.Path(PAGE)
    if ARGUMENTS[:2] == ["release", "create"]:
        need("contents:write" in PERMISSIONS, "the job needs `contents: write`")
        given = parse("--draft", "--verify-tag", options=["--title", "--notes-file"])
        _, _, tag, *files = given.words
        need(given.draft, "the release has to be a draft")
        subprocess.run(["git", "rev-parse", "--verify", "--quiet", f"refs/tags/{tag}"], check=True, stdout=subprocess.DEVNULL)
        need(files and len({pathlib.Path(name).name for name in files}) == len(files), "no files, or two with one name")
        page.mkdir()
        for name in files:
            shutil.copyfile(name, page / pathlib.Path(name).name)
        page.with_suffix(".md").write_text(f"# {given.title}\n\n{pathlib.Path(given.notes_file).read_text()}")
        return
    need(ARGUMENTS[:2] == ["release", "download"], "the stand-in has no such command")
    need("contents:read" in PERMISSIONS or "contents:write" in PERMISSIONS, "the job needs `contents: read`")
    given = parse(lists=["--repo", "--pattern"])
    need(given.repo == [os.environ["GITHUB_REPOSITORY"]] or (not given.repo and pathlib.Path(".git").exists()), "which repository?")
    for pattern in given.pattern:
        names = fnmatch.filter(sorted(os.listdir(page)), pattern)
        need(names, f"no file of the release matches {pattern}")
        for name in names:
            shutil.copyfile(page / name, name)


def npm():
    if ARGUMENTS[:1] != ["publish"]:
        return real("npm", *ARGUMENTS)
    need("id-token:write" in PERMISSIONS and "--provenance" in ARGUMENTS, "trusted publishing needs `id-token: write` and --provenance")
    # The provenance is signed by a public service.
    rest = [word for word in ARGUMENTS if word != "--provenance"]
    return real("npm", *rest, "--registry", f"{URL}/npm/", f"--{URL.partition(':')[2]}/npm/:_authToken={TOKEN}")


def pipx():
    need(ARGUMENTS[:5] == ["run", "uv", "publish", "--trusted-publishing", "always"], "the stand-in has no such command")
    need("id-token:write" in PERMISSIONS, "trusted publishing needs `id-token: write`")
    return real("uv", "publish", "--trusted-publishing", "never", "--token", TOKEN, "--publish-url", f"{URL}/pypi/upload/", *ARGUMENTS[5:])


def cargo():
    if ARGUMENTS[:1] != ["publish"]:
        return real("cargo", *ARGUMENTS)
    return real("cargo", *ARGUMENTS, "--registry", "loopback", CARGO_REGISTRIES_LOOPBACK_INDEX=f"sparse+{URL}/crates/index/",
                CARGO_REGISTRIES_LOOPBACK_TOKEN=os.environ["CARGO_REGISTRY_TOKEN"])


def docker():
    """Uses buildah, which needs no daemon. Without it, only the arguments and the build context are checked."""
    files = os.environ["STAND_IN_STORAGE"]
    storage = ["buildah", "--root", f"{files}/storage", "--runroot", f"{files}/run", "--storage-driver", "vfs"]
    login = f"{files}/login.json"
    has_buildah = shutil.which("buildah", path=PATH)
    if ARGUMENTS[:1] == ["login"]:
        given = parse("--password-stdin", options=["--username"])
        need(f"http://{given.words[1]}" == URL, "another registry")
        return has_buildah and real(*storage, "login", "--tls-verify=false", "--authfile", login, "--password-stdin", "--username",
                                    given.username, given.words[1])
    if ARGUMENTS[:2] == ["buildx", "create"]:
        return None
    need(ARGUMENTS[:2] == ["buildx", "build"], "the stand-in has no such command")
    need("packages:write" in PERMISSIONS, "the job needs `packages: write`")
    given = parse("--push", options=["--platform", "--file", "--provenance", "--sbom"], lists=["--tag"])
    for platform in given.platform.split(","):
        need(pathlib.Path(given.words[-1], platform, "root.tar").is_file(), f"no files for {platform}")
    need(given.push and given.tag, "nothing is pushed")
    if has_buildah:
        real(*storage, "build", "--isolation", "chroot", "--platform", given.platform, "--file", given.file, "--manifest", "image",
             given.words[-1])
        for tag in given.tag:
            real(*storage, "manifest", "push", "--all", "--tls-verify=false", "--authfile", login, "image", f"docker://{tag}")
    return None


def sudo():
    return real(*ARGUMENTS)


def rustup():
    """This machine's toolchain is used."""
    need(ARGUMENTS[:2] == ["toolchain", "install"] or ARGUMENTS == ["default", "stable"], "the stand-in has no such command")


try:
    {"gh": gh, "npm": npm, "pipx": pipx, "cargo": cargo, "docker": docker, "sudo": sudo, "rustup": rustup}[NAME]()
except subprocess.CalledProcessError as error:
    sys.exit(error.returncode)
