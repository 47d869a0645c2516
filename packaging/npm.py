"""The npm packages: `railway-doctor`, which starts doctor, and one package per system with the binary in it.

npm installs of the optional dependencies the one whose `os` and `cpu` are this machine's. No script runs after an install.
"""

import json
import shutil
import subprocess
from pathlib import Path

from facts import LICENCES, NAME, OUT, PACKAGE, ROOT, TARGETS, VERSION, Target, executable, target

FOLDER = OUT / "npm"


def name_of(row: Target) -> str:
    return f"{NAME}-{row.npm['os']}-{row.npm['cpu']}"


def like(row: Target) -> Target:
    """The row whose package is for the same machines: on Linux the static binary's, which a build from here stands in for."""
    system = row.triple.split("-")
    same = (other for other in TARGETS if other.npm and other.triple.split("-")[:3] == system[:3])
    return row if row.npm else next(same, row)


def make(binaries: dict[str, Path]) -> list[Path]:
    """Packs the starter, and a package for each binary that there is."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    platforms = [_platform(like(target(triple)), binary) for triple, binary in binaries.items()]
    return [_pack(folder) for folder in [*platforms, _starter()]]


def _common() -> dict:
    common = {"version": VERSION, "description": PACKAGE["description"], "license": PACKAGE["license"],
              "keywords": PACKAGE["keywords"]}
    if address := PACKAGE.get("repository"):
        common["repository"] = {"type": "git", "url": f"git+{address}.git"}
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
    (folder / "README.md").write_text(f"The binary of `{NAME}` for {row.triple}. Install `{NAME}`, which brings this one along.\n")
    return folder


def _starter() -> Path:
    folder = _folder(NAME, {
        "bin": {"doctor": "bin/doctor.js"}, "files": ["bin", *LICENCES], "engines": {"node": ">=18"},
        "optionalDependencies": {name_of(row): VERSION for row in TARGETS if row.npm}})
    (folder / "bin").mkdir()
    shutil.copy(ROOT / "packaging/npm/doctor.js", folder / "bin")
    (folder / "bin/doctor.js").chmod(0o755)
    shutil.copy(ROOT / "README.md", folder)
    return folder


def _pack(folder: Path) -> Path:
    said = subprocess.run(["npm", "pack", "--json", "--pack-destination", OUT, folder],
                          capture_output=True, text=True, check=True).stdout
    said = json.loads(said)
    entry = said[0] if isinstance(said, list) else next(iter(said.values()))
    return OUT / entry["filename"]
