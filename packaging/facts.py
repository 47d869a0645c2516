"""What every package says of doctor: read from Cargo.toml and targets.toml, and written down nowhere else."""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "target" / "packages"
LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"]


class Mistake(Exception):
    """What keeps a package from being made, in words for whoever makes it."""


@dataclass(frozen=True)
class Target:
    """One system that doctor is built for: a row of targets.toml."""

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
        """The one folder inside its archive. Cargo.toml tells cargo-binstall the same name."""
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
    """The address that every package points to. Nothing that names an address can be made without one."""
    address = PACKAGE.get("repository", "").rstrip("/").removesuffix(".git")
    if not address:
        raise Mistake("Cargo.toml has no `repository`: add the address that releases are published at")
    return address


def target(triple: str) -> Target:
    for row in TARGETS:
        if row.triple == triple:
            return row
    raise Mistake(f"packaging/targets.toml has no {triple}: it has {', '.join(row.triple for row in TARGETS)}")


def host() -> Target:
    """What cargo builds here when nothing else is said."""
    said = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    triple = next(line.removeprefix("host: ") for line in said.splitlines() if line.startswith("host: "))
    return target(triple)


def executable(path: Path, row: Target) -> Path:
    """A binary that is there and is for that system and processor, by its own header."""
    if not path.is_file():
        raise Mistake(f"{path} is not there: build it with `cargo build --release --locked`")
    with path.open("rb") as file:
        head = file.read(4096)
    kind = "PE" if row.is_windows else "Mach-O" if "apple" in row.triple else "ELF"
    if _kind(head) != (kind, row.triple.partition("-")[0]):
        raise Mistake(f"{path} is no program for {row.triple}")
    return path


def _kind(head: bytes) -> tuple[str, str | None]:
    """Format and processor, from the numbers that ELF, Mach-O and PE have for them."""
    number = lambda at, size: int.from_bytes(head[at:at + size], "little")
    if head.startswith(b"\x7fELF"):
        return "ELF", {0x3E: "x86_64", 0xB7: "aarch64"}.get(number(18, 2))
    if head.startswith(b"\xcf\xfa\xed\xfe"):
        return "Mach-O", {0x0100_0007: "x86_64", 0x0100_000C: "aarch64"}.get(number(4, 4))
    if head.startswith(b"MZ"):
        return "PE", {0x8664: "x86_64", 0xAA64: "aarch64"}.get(number(number(0x3C, 4) + 4, 2))
    return "", None


def fill(template: Path, values: dict[str, str]) -> str:
    """A template with its @NAMES@ filled in; one that nobody fills is a mistake, and so is a value that nobody asks for."""
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        if f"@{name}@" not in text:
            raise Mistake(f"{template} does not ask for @{name}@")
        text = text.replace(f"@{name}@", value)
    if left := re.search("@[A-Z]+@", text):
        raise Mistake(f"{template} asks for {left[0]}, which nobody knows")
    return text


def say(*words: object) -> None:
    print(*words, file=sys.stderr)
