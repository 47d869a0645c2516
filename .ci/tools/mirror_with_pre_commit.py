#!/usr/bin/env python3
"""Tests the hook from the wheel with pre-commit: installed from a release's mirror repository, without compiling, it blocks a
commit that contains `.env` and allows one that does not.

    mirror_with_pre_commit.py RELEASE-DIR DIR
"""
import pathlib
import sys
import time
import tomllib

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
from packaging_checks import ROOT, check, print_total, sh

RELEASE, WORK = map(pathlib.Path, sys.argv[1:3])
TOOLS = ROOT / "target" / "ci-tools" / "hooks"
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}


def mirror():
    """Creates the mirror repository from the files of the release, with its tag."""
    folder = WORK / "mirror"
    folder.mkdir(parents=True)
    sh("tar", "-xzf", RELEASE / "railway-doctor-pre-commit.tar.gz", "-C", folder)
    version = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"]
    sh("git", "init", "-q", folder)
    for args in [["add", "--all"], ["commit", "-qm", f"doctor {version}"], ["tag", f"v{version}"]]:
        sh("git", *args, cwd=folder, **GIT)
    return folder, f"v{version}"


def main():
    if not (TOOLS / "bin/pre-commit").exists():
        sh(sys.executable, "-m", "venv", TOOLS)
        sh(TOOLS / "bin/pip", "install", "-q", "pre-commit==4.*")
    source, tag = mirror()
    project = WORK / "project"
    sh("git", "init", "-q", project)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {source}\n    rev: {tag}\n    hooks:\n      - id: doctor\n")
    home = WORK / "home"
    home.mkdir()
    # Without cargo or a compiler. The wheel is in the release; only the build tools are downloaded.
    variables = GIT | {"HOME": str(home), "PRE_COMMIT_HOME": str(home / "pre-commit"), "PIP_FIND_LINKS": str(RELEASE.resolve()),
                       "PATH": f"{TOOLS}/bin:/usr/local/bin:/usr/bin:/bin", "CARGO_HOME": "/nonexistent"}
    sh("pre-commit", "install", cwd=project, **variables)
    (project / ".env").write_text("API_KEY=4f1c9a77-b2d0-4e5a\n")
    sh("git", "add", "--all", cwd=project, **variables)
    started = time.monotonic()
    output = sh("git", "commit", "-qm", "with the secret", cwd=project, code=1, **variables)
    print(f"commit with installation from the wheel: {time.monotonic() - started:.1f} s")
    check("the hook reports why", "blocked by doctor" in output and ".env" in output, output)
    check("no value is shown", "4f1c9a77" not in output)
    sh("git", "rm", "-q", "--cached", ".env", cwd=project, **variables)
    (project / ".gitignore").write_text(".env\n")
    sh("git", "add", "--all", cwd=project, **variables)
    started = time.monotonic()
    sh("git", "commit", "-qm", "without it", cwd=project, **variables)
    print(f"commit with the installed hook: {time.monotonic() - started:.1f} s")
    log = sh("git", "log", "--format=%s", cwd=project, **variables)
    check("one commit landed", log == "without it\n", log)
    print_total("the hook from the wheel")


main()
