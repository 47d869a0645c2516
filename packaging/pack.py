#!/usr/bin/env python3
"""Builds the packages of doctor in target/packages. Needs Python 3.11 and cargo, and npm for the npm packages.

    pack.py npm [TRIPLE=BINARY]...        the npm packages (default: built for this machine)
    pack.py archive [TRIPLE=BINARY]...    the archives of a release (default: built for this machine)
    pack.py manifests SHA256SUMS          the manifests that link to these archives: Homebrew, Scoop, pre-commit
    pack.py triples KIND                  the targets with this kind of package: archive, wheel or npm
    pack.py plan TAG                      the jobs of the release workflow; fails if the tag can't be released
    pack.py notes                         the changelog's section for this version
    pack.py sums DIR                      the checksums of the files in a directory
    pack.py size BINARY                   the binary's size and number of libraries, for the release notes
"""

import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # Keep bytecode out of the source tree.
import archive
import manifests
import npm
import release
from facts import ROOT, TARGETS, PackagingError, host, print_error, target

BUILT = ROOT / "target" / "dist"


def cargo(*args: str) -> str:
    return subprocess.run(["cargo", *args, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def binaries(pairs: list[str]) -> dict[str, Path]:
    """Parses TRIPLE=BINARY pairs; without any, builds for this machine."""
    if not pairs:
        cargo("build", "--profile", "dist")
        return {host().triple: BUILT / host().binary}
    named = dict(pair.partition("=")[::2] for pair in pairs)
    return {triple: Path(path) for triple, path in named.items()}


def main(command: str, *args: str) -> None:
    match command, args:
        case "npm", pairs:
            print(*npm.make(binaries(list(pairs))), sep="\n")
        case "archive", pairs:
            print(*(archive.make(target(triple), path) for triple, path in binaries(list(pairs)).items()), sep="\n")
        case "manifests", (sums,):
            print(*manifests.make(manifests.read_sums(Path(sums))), sep="\n")
        case "triples", ("archive" | "wheel" | "npm" as kind,):
            print(*(row.triple for row in TARGETS if getattr(row, kind) is not None), sep="\n")
        case "plan", (tag,):
            print(release.plan(tag))
        case "notes", ():
            print(release.notes(), end="")
        case "sums", (folder,):
            print(release.sums(Path(folder)), end="")
        case "size", (binary,):
            tree = cargo("tree", "--edges", "normal", "--prefix", "none", "--target", "x86_64-unknown-linux-musl")
            print(release.size(Path(binary), tree), end="")
        case _:
            raise PackagingError(f"invalid arguments {' '.join([command, *args])!r}\n{__doc__}")


if __name__ == "__main__":
    try:
        main(*(sys.argv[1:] or ["--help"]))
    except PackagingError as error:
        print_error(f"pack.py: {error}")
        sys.exit(2)
    except OSError as error:
        print_error(f"pack.py: failed to open {error.filename}: {error.strerror}")
        sys.exit(2)
    except subprocess.CalledProcessError as failed:
        print_error(f"pack.py: {failed.cmd[0]} exited with {failed.returncode}", failed.stderr or "")
        sys.exit(1)
