#!/usr/bin/env python3
"""Makes the packages of doctor, below target/packages. Needs Python 3.11, cargo, and for npm packages npm.

    pack.py wheel                         the Python wheel, for this machine
    pack.py npm [TRIPLE=BINARY]...        the npm packages; without a binary, for this machine
    pack.py archive [TRIPLE=BINARY]...    the archives of a release
    pack.py manifests SHA256SUMS          what points to these archives: Homebrew, Scoop, pre-commit's mirror
    pack.py triples KIND                  the systems that have an archive, a wheel, or an npm package
    pack.py plan TAG                      the jobs of the release workflow, if this tag can be released
    pack.py notes                         the changelog's section on this version
    pack.py sums FOLDER                   the checksums of the files in it
    pack.py size BINARY                   size and number of libraries, for the record
"""

import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # This folder is for sources.
import archive
import manifests
import npm
import release
from facts import OUT, ROOT, TARGETS, Mistake, host, say, target

BUILT = ROOT / "target" / "release"


def cargo(*words: str) -> str:
    return subprocess.run(["cargo", *words, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def binaries(pairs: list[str]) -> dict[str, Path]:
    """What was named as TRIPLE=BINARY; with nothing named, what cargo builds here."""
    if not pairs:
        cargo("build", "--release")
        return {host().triple: BUILT / host().binary}
    named = dict(pair.partition("=")[::2] for pair in pairs)
    return {triple: Path(path) for triple, path in named.items()}


def wheel() -> Path:
    """By pip, which fetches maturin for it."""
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", OUT, ROOT], check=True)
    return max(OUT.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def main(verb: str, *rest: str) -> None:
    match verb, rest:
        case "wheel", ():
            print(wheel())
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
            raise Mistake(f"can't do {' '.join([verb, *rest])!r}\n{__doc__}")


if __name__ == "__main__":
    try:
        main(*(sys.argv[1:] or ["--help"]))
    except Mistake as mistake:
        say(f"pack.py: {mistake}")
        sys.exit(2)
    except OSError as error:
        say(f"pack.py: can't use {error.filename}: {error.strerror}")
        sys.exit(2)
    except subprocess.CalledProcessError as failed:
        say(f"pack.py: {failed.cmd[0]} ended with {failed.returncode}", failed.stderr or "")
        sys.exit(1)
