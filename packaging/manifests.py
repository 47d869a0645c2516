"""What points to a release's files: Homebrew's formula, Scoop's manifest, and the repository that pre-commit installs from."""

import json
import re
from pathlib import Path

from facts import OUT, PACKAGE, ROOT, TARGETS, VERSION, Mistake, Target, fill, repository

SUM = re.compile(r"^([0-9a-f]{64})  (\S+)$")
PACKAGING = ROOT / "packaging"
INDENT = "  "


def read_sums(path: Path) -> dict[str, str]:
    """Archive names and their SHA-256, as `sha256sum` writes them."""
    sums = {}
    for line in path.read_text().splitlines():
        if not (found := SUM.match(line)):
            raise Mistake(f"{path} has a line that is no checksum: {line!r}")
        sums[found[2]] = found[1]
    return sums


def make(sums: dict[str, str]) -> list[Path]:
    common = {"VERSION": VERSION, "REPOSITORY": repository()}
    described = common | {"DESCRIPTION": PACKAGE["description"]}
    made = {
        "homebrew/railway-doctor.rb": described | {"SYSTEMS": _brews(sums)},
        "scoop/railway-doctor.json": described | {"SYSTEMS": _scoops(sums), "NEXT": _scoops(None)},
        "mirror/pyproject.toml": {"VERSION": VERSION},
        "mirror/README.md": common,
        "mirror/.pre-commit-hooks.yaml": {},
    }
    paths = []
    for name, values in made.items():
        path = OUT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(PACKAGING / name, values), encoding="utf-8")
        paths.append(path)
    return paths


def _address(row: Target, version: str = VERSION) -> str:
    return f"{repository()}/releases/download/v{version}/{row.archive.replace(VERSION, version)}"


def _sum(row: Target, sums: dict[str, str]) -> str:
    if row.archive not in sums:
        raise Mistake(f"the checksums have no {row.archive}")
    return sums[row.archive]


def _brews(sums: dict[str, str]) -> str:
    lines = []
    for system in ["macos", "linux"]:
        lines.append(f"on_{system} do")
        for row in (row for row in TARGETS if row.homebrew and row.homebrew["os"] == system):
            lines += [f"  on_{row.homebrew['cpu']} do", f'    url "{_address(row)}"',
                      f'    sha256 "{_sum(row, sums)}"', "  end"]
        lines.append("end")
    return "\n".join(INDENT + line for line in lines)


def _scoops(sums: dict[str, str] | None) -> str:
    """The systems of this release; without checksums, of whichever comes next."""
    version = VERSION if sums is not None else "$version"
    entries = {}
    for row in (row for row in TARGETS if row.scoop):
        entry = {"url": _address(row, version), "extract_dir": row.folder.replace(VERSION, version)}
        entries[row.scoop] = entry | ({"hash": _sum(row, sums)} if sums is not None else {})
    return json.dumps(entries, indent=4).replace("\n", "\n    " if sums is not None else "\n        ")
