"""Builds the npm packages: `railway-doctor`, which launches doctor, and one package per system with the binary.

Of the optional dependencies, npm installs the one whose `os` and `cpu` match. There are no install scripts.
"""

import json
import shutil
import subprocess
from pathlib import Path

from facts import LICENCES, NAME, OUT, PACKAGE, ROOT, TARGETS, VERSION, Target, executable, target

FOLDER = OUT / "npm"


def name_of(row: Target) -> str:
    return f"{NAME}-{row.npm['os']}-{row.npm['cpu']}"


def npm_target(row: Target) -> Target:
    """Returns the target with an npm package for the same system: for a local Linux build with glibc, the static binary's."""
    system = row.triple.split("-")[:3]
    candidates = (other for other in TARGETS if other.npm and other.triple.split("-")[:3] == system)
    return row if row.npm else next(candidates, row)


def make(binaries: dict[str, Path]) -> list[Path]:
    """Packs the launcher, and a package for each given binary."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    platforms = [_platform(npm_target(target(triple)), binary) for triple, binary in binaries.items()]
    return [_pack(folder) for folder in [*platforms, _launcher()]]


def _common() -> dict:
    common = {"version": VERSION, "description": PACKAGE["description"], "license": PACKAGE["license"],
              "keywords": PACKAGE["keywords"]}
    if url := PACKAGE.get("repository"):
        common["repository"] = {"type": "git", "url": f"git+{url}.git"}
    return common


def _folder(name: str, manifest: dict) -> Path:
    folder = FOLDER / name
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": name, **_common(), **manifest}, indent=2) + "\n")
    for licence in LICENCES:
        shutil.copy(ROOT / licence, folder)
    return folder


def _platform(row: Target, binary: Path) -> Path:
    folder = _folder(name_of(row), {
        "os": [row.npm["os"]], "cpu": [row.npm["cpu"]], "preferUnplugged": True, "files": [row.binary, *LICENCES]})
    shutil.copy(executable(binary, row), folder / row.binary)
    (folder / row.binary).chmod(0o755)
    (folder / "README.md").write_text(f"The binary of `{NAME}` for {row.triple}. Install `{NAME}`, which depends on this package.\n")
    return folder


def _launcher() -> Path:
    folder = _folder(NAME, {
        "bin": {"doctor": "bin/doctor.js"}, "files": ["bin", *LICENCES], "engines": {"node": ">=18"},
        "optionalDependencies": {name_of(row): VERSION for row in TARGETS if row.npm}})
    (folder / "bin").mkdir()
    shutil.copy(ROOT / "packaging/npm/doctor.js", folder / "bin")
    (folder / "bin/doctor.js").chmod(0o755)
    shutil.copy(ROOT / "README.md", folder)
    return folder


def _pack(folder: Path) -> Path:
    output = subprocess.run(["npm", "pack", "--json", "--pack-destination", OUT, folder],
                            capture_output=True, text=True, check=True).stdout
    result = json.loads(output)
    # Depending on its version, npm prints a list or an object.
    entry = result[0] if isinstance(result, list) else next(iter(result.values()))
    return OUT / entry["filename"]
