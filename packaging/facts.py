"""The metadata of all packages, read from Cargo.toml and targets.toml."""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "target" / "packages"
LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"]


class PackagingError(Exception):
    """A reason why a package can't be built, with a message for the user."""


@dataclass(frozen=True)
class Target:
    """A system that doctor is built for: a row of targets.toml."""

    triple: str
    runner: str
    wheel: list[str] | None = None
    npm: dict | None = None
    homebrew: dict | None = None
    nix: str | None = None
    scoop: str | None = None

    @property
    def is_windows(self) -> bool:
        return "windows" in self.triple

    @property
    def binary(self) -> str:
        return "doctor.exe" if self.is_windows else "doctor"

    @property
    def folder(self) -> str:
        """The top-level directory in the archive. Must match cargo-binstall's metadata in Cargo.toml."""
        return f"doctor-v{VERSION}-{self.triple}"

    @property
    def archive(self) -> str:
        return self.folder + (".zip" if self.is_windows else ".tar.gz")


def _read(name: Path) -> dict:
    with name.open("rb") as file:
        return tomllib.load(file)


PACKAGE = _read(ROOT / "Cargo.toml")["package"]
NAME = PACKAGE["name"]
VERSION = PACKAGE["version"]
TARGETS = [Target(**row) for row in _read(ROOT / "packaging/targets.toml")["target"]]


def repository() -> str:
    """Returns the URL of the repository, which packages link to."""
    url = PACKAGE.get("repository", "").rstrip("/").removesuffix(".git")
    if not url:
        raise PackagingError("Cargo.toml has no `repository`: add the URL that releases are published at")
    return url


def target(triple: str) -> Target:
    for row in TARGETS:
        if row.triple == triple:
            return row
    raise PackagingError(f"unknown target {triple}: packaging/targets.toml has {', '.join(row.triple for row in TARGETS)}")


def host() -> Target:
    """Returns cargo's default target on this machine."""
    output = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    triple = next(line.removeprefix("host: ") for line in output.splitlines() if line.startswith("host: "))
    return target(triple)


def executable(path: Path, row: Target) -> Path:
    """Checks that a binary exists and that its header names the target's system and processor; returns its path."""
    if not path.is_file():
        raise PackagingError(f"{path} not found: build it with `cargo build --profile dist --locked`")
    with path.open("rb") as file:
        head = file.read(4096)
    kind = "PE" if row.is_windows else "Mach-O" if "apple" in row.triple else "ELF"
    if _kind(head) != (kind, row.triple.partition("-")[0]):
        raise PackagingError(f"{path} is not a binary for {row.triple}")
    return path


def _kind(head: bytes) -> tuple[str, str | None]:
    """Returns format and processor from the header of an ELF, Mach-O or PE file."""
    number = lambda at, size: int.from_bytes(head[at:at + size], "little")
    if head.startswith(b"\x7fELF"):
        return "ELF", {0x3E: "x86_64", 0xB7: "aarch64"}.get(number(18, 2))
    if head.startswith(b"\xcf\xfa\xed\xfe"):
        return "Mach-O", {0x0100_0007: "x86_64", 0x0100_000C: "aarch64"}.get(number(4, 4))
    if head.startswith(b"MZ"):
        return "PE", {0x8664: "x86_64", 0xAA64: "aarch64"}.get(number(number(0x3C, 4) + 4, 2))
    return "", None


def fill(template: Path, values: dict[str, str]) -> str:
    """Fills in the @NAMES@ of a template. A name without a value is an error, and so is a value without a name."""
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        if f"@{name}@" not in text:
            raise PackagingError(f"{template} has no @{name}@")
        text = text.replace(f"@{name}@", value)
    if left := re.search("@[A-Z]+@", text):
        raise PackagingError(f"no value for {left[0]} in {template}")
    return text


def print_error(*parts: object) -> None:
    print(*parts, file=sys.stderr)
