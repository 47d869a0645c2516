"""Checks before the release workflow builds, and its notes and checksums."""

import hashlib
import json
import os
import re
from pathlib import Path

from facts import PACKAGE, ROOT, TARGETS, VERSION, PackagingError, repository


def plan(tag: str) -> str:
    """Returns the jobs of the workflow, or raises if this tag can't be released."""
    if tag != f"v{VERSION}":
        raise PackagingError(f"tag {tag} does not match version {VERSION} in Cargo.toml: tag v{VERSION}, or change the version first")
    notes()
    here = "/".join(os.environ.get(name, "") for name in ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY"])
    if here != "/" and repository() != here:
        raise PackagingError(f"`repository` in Cargo.toml is {repository()}, not this one: {here}")
    rows = [{"triple": row.triple, "runner": row.runner, "binary": row.binary, "wheel": " ".join(row.wheel or []),
             "has_wheel": row.wheel is not None} for row in TARGETS]
    return json.dumps({"include": rows})


def notes() -> str:
    """Returns the changelog's section for this version, with links to the files at its tag."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^## \[?{re.escape(VERSION)}\]?[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not section or not section[1].strip():
        raise PackagingError(f"CHANGELOG.md has no section for {VERSION}: replace the heading “Unreleased” with the version and the date")
    at_tag = f"{repository()}/blob/v{VERSION}"
    return re.sub(r"\]\((?!https?:)", f"]({at_tag}/", section[1].strip()) + "\n"


def sums(folder: Path) -> str:
    """Returns the SHA-256 of each file in a directory, in the format of `sha256sum`."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def size(binary: Path, tree: str) -> str:
    """Returns a line for the release notes: the size and the number of libraries. `tree` is the output of `cargo tree`."""
    libraries = {line.split(" (")[0] for line in tree.splitlines() if line.strip()} - {f"{PACKAGE['name']} v{VERSION}"}
    return f"{binary.stat().st_size / 1e6:.1f} MB for Linux x86-64, {len(libraries)} libraries.\n"
