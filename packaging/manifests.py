"""Builds the manifests that link to a release: the Homebrew formula, the Scoop manifest and pre-commit's mirror repository."""

import json
import re
from pathlib import Path

from facts import OUT, PACKAGE, ROOT, TARGETS, VERSION, PackagingError, Target, fill, repository

SUM = re.compile(r"^([0-9a-f]{64})  (\S+)$")
PACKAGING = ROOT / "packaging"
INDENT = "  "


def read_sums(path: Path) -> dict[str, str]:
    """Parses the output of `sha256sum` into archive names and their checksums."""
    sums = {}
    for line in path.read_text().splitlines():
        if not (found := SUM.match(line)):
            raise PackagingError(f"invalid line in {path}: expected a checksum, got {line!r}")
        sums[found[2]] = found[1]
    return sums


def make(sums: dict[str, str]) -> list[Path]:
    common = {"VERSION": VERSION, "REPOSITORY": repository()}
    with_description = common | {"DESCRIPTION": PACKAGE["description"]}
    templates = {
        "homebrew/railway-doctor.rb": with_description | {"SYSTEMS": _homebrew_systems(sums)},
        "scoop/railway-doctor.json": with_description | {"SYSTEMS": _scoop_systems(sums), "NEXT": _scoop_systems(None)},
        "mirror/pyproject.toml": {"VERSION": VERSION},
        "mirror/README.md": common,
        "mirror/.pre-commit-hooks.yaml": {},
    }
    paths = []
    for name, values in templates.items():
        path = OUT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(PACKAGING / name, values), encoding="utf-8")
        paths.append(path)
    return paths


def _download_url(row: Target, version: str = VERSION) -> str:
    return f"{repository()}/releases/download/v{version}/{row.archive.replace(VERSION, version)}"


def _sum(row: Target, sums: dict[str, str]) -> str:
    if row.archive not in sums:
        raise PackagingError(f"no checksum for {row.archive}")
    return sums[row.archive]


def _homebrew_systems(sums: dict[str, str]) -> str:
    lines = []
    for system in ["macos", "linux"]:
        lines.append(f"on_{system} do")
        for row in (row for row in TARGETS if row.homebrew and row.homebrew["os"] == system):
            lines += [f"  on_{row.homebrew['cpu']} do", f'    url "{_download_url(row)}"',
                      f'    sha256 "{_sum(row, sums)}"', "  end"]
        lines.append("end")
    return "\n".join(INDENT + line for line in lines)


def _scoop_systems(sums: dict[str, str] | None) -> str:
    """Returns the systems of this release, or without `sums`, the template for the next one."""
    version = VERSION if sums is not None else "$version"
    entries = {}
    for row in (row for row in TARGETS if row.scoop):
        entry = {"url": _download_url(row, version), "extract_dir": row.folder.replace(VERSION, version)}
        entries[row.scoop] = entry | ({"hash": _sum(row, sums)} if sums is not None else {})
    return json.dumps(entries, indent=4).replace("\n", "\n    " if sums is not None else "\n        ")
