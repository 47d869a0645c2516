"""Builds the archives of a release: the binary with documents, manual pages, completions and licences. Builds are reproducible."""

import gzip
import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

from facts import LICENCES, OUT, ROOT, Target, executable

SHELLS = {"bash": "doctor.bash", "zsh": "_doctor", "fish": "doctor.fish", "elvish": "doctor.elv",
          "powershell": "doctor.ps1", "nushell": "doctor.nu"}
COMMANDS = ["", "check", "matrix", "compare", "fix", "undo", "trace", "rotate", "pull", "init", "trust", "auth", "hook",
            "explain", "demo", "schema"]


def make(row: Target, binary: Path) -> Path:
    binary = executable(binary, row)
    files = {row.binary: (binary.read_bytes(), 0o755)}
    pages = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
    for name in [*LICENCES, "README.md", "CHANGELOG.md", "SECURITY.md", "BENCHMARKS.md", "CONTRIBUTING.md", *pages]:
        files[name] = ((ROOT / name).read_bytes(), 0o644)
    for shell, name in SHELLS.items():
        files[f"completions/{name}"] = (_output(binary, "completions", shell), 0o644)
    for command in COMMANDS:
        page = f"man/doctor-{command}.1" if command else "man/doctor.1"
        files[page] = (_output(binary, "man", *command.split()), 0o644)
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / row.archive
    named = {f"{row.folder}/{name}": content for name, content in sorted(files.items())}
    (_zip if row.is_windows else _tar)(path, named)
    return path


def _output(binary: Path, *arguments: str) -> bytes:
    return subprocess.run([binary.resolve(), *arguments], capture_output=True, check=True).stdout


def _timestamp() -> int:
    """Returns the Unix time of the entries: the commit's time in a release, never the clock, so that builds are reproducible."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "1767225600"))


def _tar(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, (content, mode) in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), mode, _timestamp()
                archive.addfile(entry, io.BytesIO(content))


def _zip(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
