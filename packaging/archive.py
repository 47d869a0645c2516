"""The archives of a release: the binary with its documents, manual pages, completions and licences. Same input, same bytes."""

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
VERBS = ["", "check", "matrix", "fix", "undo", "init", "trust", "auth", "hook", "explain", "demo", "schema"]


def make(row: Target, binary: Path) -> Path:
    binary = executable(binary, row)
    files = {row.binary: (binary.read_bytes(), 0o755)}
    pages = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
    for name in [*LICENCES, "README.md", "CHANGELOG.md", "SECURITY.md", "BENCHMARKS.md", "CONTRIBUTING.md", *pages]:
        files[name] = ((ROOT / name).read_bytes(), 0o644)
    for shell, name in SHELLS.items():
        files[f"completions/{name}"] = (_told_by(binary, "completions", shell), 0o644)
    for verb in VERBS:
        page = f"man/doctor-{verb}.1" if verb else "man/doctor.1"
        files[page] = (_told_by(binary, "man", *verb.split()), 0o644)
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / row.archive
    named = {f"{row.folder}/{name}": content for name, content in sorted(files.items())}
    (_zip if row.is_windows else _tar)(path, named)
    return path


def _told_by(binary: Path, *arguments: str) -> bytes:
    return subprocess.run([binary.resolve(), *arguments], capture_output=True, check=True).stdout


def _made_at() -> int:
    """Seconds since 1970: the commit's time in a release; never the clock's, which no second build could repeat."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "1767225600"))


def _tar(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, (content, mode) in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), mode, _made_at()
                archive.addfile(entry, io.BytesIO(content))


def _zip(path: Path, files: dict[str, tuple[bytes, int]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
