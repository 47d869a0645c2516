#!/usr/bin/env python3
"""Holds the hook from the wheel to pre-commit: the repository that a release makes for it, installed without compiling, stops a
real commit with a `.env` in it, and lets it through without.

    mirror_with_pre_commit.py WHEEL FOLDER
"""
import hashlib
import pathlib
import sys
import time

sys.dont_write_bytecode = True  # This folder is for sources.
from packaging_checks import ROOT, check, copy_with_address, sh, tally

WHEEL, PLACE = map(pathlib.Path, sys.argv[1:3])
TOOLS = ROOT / "target" / "ci-tools" / "hooks"
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}


def mirror():
    """The repository as the release's archive has it, with the tag that somebody pushes."""
    version = copy_with_address(PLACE / "source")
    sys.path.insert(0, str(ROOT / "packaging"))
    from facts import TARGETS
    sums = PLACE / "SHA256SUMS"
    sums.write_text("".join(f"{hashlib.sha256(row.archive.encode()).hexdigest()}  {row.archive}\n" for row in TARGETS))
    sh(sys.executable, PLACE / "source/packaging/pack.py", "manifests", sums)
    folder = PLACE / "source/target/packages/mirror"
    sh("git", "init", "-q", folder)
    for words in [["add", "--all"], ["commit", "-qm", f"doctor {version}"], ["tag", f"v{version}"]]:
        sh("git", *words, folder=folder, **GIT)
    return folder, f"v{version}"


def main():
    if not (TOOLS / "bin/pre-commit").exists():
        sh(sys.executable, "-m", "venv", TOOLS)
        sh(TOOLS / "bin/pip", "install", "-q", "pre-commit==4.*")
    source, tag = mirror()
    project = PLACE / "project"
    sh("git", "init", "-q", project)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {source}\n    rev: {tag}\n    hooks:\n      - id: doctor\n")
    home = PLACE / "home"
    home.mkdir()
    # No cargo and no compiler to be found; the wheel from here, and only the build's own tools from elsewhere.
    variables = GIT | {"HOME": str(home), "PRE_COMMIT_HOME": str(home / "pre-commit"), "PIP_FIND_LINKS": str(WHEEL.resolve().parent),
                       "PATH": f"{TOOLS}/bin:/usr/local/bin:/usr/bin:/bin", "CARGO_HOME": "/nonexistent"}
    sh("pre-commit", "install", folder=project, **variables)
    (project / ".env").write_text("API_KEY=4f1c9a77-b2d0-4e5a\n")
    sh("git", "add", "--all", folder=project, **variables)
    began = time.monotonic()
    said = sh("git", "commit", "-qm", "with the secret", folder=project, code=1, **variables)
    print(f"installed from the wheel and ran: {time.monotonic() - began:.1f} s")
    check("the hook says why", "doctor: stopped" in said and ".env" in said, said)
    check("no value is told", "4f1c9a77" not in said)
    sh("git", "rm", "-q", "--cached", ".env", folder=project, **variables)
    (project / ".gitignore").write_text(".env\n")
    sh("git", "add", "--all", folder=project, **variables)
    began = time.monotonic()
    sh("git", "commit", "-qm", "without it", folder=project, **variables)
    print(f"a commit with the hook in place: {time.monotonic() - began:.1f} s")
    log = sh("git", "log", "--format=%s", folder=project, **variables)
    check("one commit landed", log == "without it\n", log)
    tally("the hook from the wheel")


main()
