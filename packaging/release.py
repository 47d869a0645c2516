"""What the release workflow asks before it builds, and what it writes last."""

import hashlib
import json
import os
import re
from pathlib import Path

from facts import PACKAGE, ROOT, TARGETS, VERSION, Mistake, repository


def plan(tag: str) -> str:
    """The jobs of the workflow, if this tag can be released at all."""
    if tag != f"v{VERSION}":
        raise Mistake(f"the tag is {tag}, and Cargo.toml says {VERSION}: tag v{VERSION}, or change the version first")
    notes()
    here = "/".join(os.environ.get(name, "") for name in ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY"])
    if here != "/" and repository() != here:
        raise Mistake(f"Cargo.toml says that the repository is {repository()}, and this is {here}")
    rows = [{"triple": row.triple, "runner": row.runner, "binary": row.binary, "wheel": " ".join(row.wheel or []),
             "has_wheel": row.wheel is not None} for row in TARGETS]
    return json.dumps({"include": rows})


def notes() -> str:
    """The section of the changelog that is about this version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^## \[?{re.escape(VERSION)}\]?[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not section or not section[1].strip():
        raise Mistake(f"CHANGELOG.md has no section for {VERSION}: give “Unreleased” its number and its day")
    return section[1].strip() + "\n"


def sums(folder: Path) -> str:
    """The SHA-256 of each file in a folder, as `sha256sum` writes them, and `sha256sum --check` reads them."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def size(binary: Path, tree: str) -> str:
    """A line for the release's notes: how big it is, and of how many libraries. `tree` is from `cargo tree`."""
    libraries = {line.split(" (")[0] for line in tree.splitlines() if line.strip()} - {f"{PACKAGE['name']} v{VERSION}"}
    return f"{binary.stat().st_size / 1e6:.1f} MB for Linux x86-64, of {len(libraries)} libraries.\n"
