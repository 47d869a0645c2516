"""What the checks of packages share: a copy of this repository that has an address, and a count of what held."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Ours has none before its first release: this stands in, and answers to nobody.
ADDRESS = "https://git.example.com/railway-doctor"
_held = 0


def check(what, held, told=""):
    global _held
    if not held:
        sys.exit(f"{what}: no\n{told}")
    _held += 1


def tally(name):
    print(f"{name}: {_held} checks held")


def sh(*words, folder=ROOT, code=0, **variables):
    """A command, its exit code held to one; both streams as one text."""
    done = subprocess.run([str(word) for word in words], cwd=folder, env={**os.environ, **variables}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(f"{' '.join(map(str, words))} ends with {code}", code in (None, done.returncode), f"{done.returncode}\n{done.stdout}")
    return done.stdout


def copy_with_address(place, address=ADDRESS):
    """What packages are made from, with an address in Cargo.toml and a section in the changelog."""
    place.mkdir(parents=True)
    for name in ["packaging", "docs"]:
        shutil.copytree(ROOT / name, place / name)
    for name in ["README.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"]:
        shutil.copy(ROOT / name, place)
    manifest = (ROOT / "Cargo.toml").read_text()
    if "\nrepository = " not in manifest:
        manifest = manifest.replace("\nreadme = ", f'\nrepository = "{address}"\nreadme = ', 1)
    (place / "Cargo.toml").write_text(manifest)
    version = manifest.partition('\nversion = "')[2].partition('"')[0]
    changes = (ROOT / "CHANGELOG.md").read_text()
    (place / "CHANGELOG.md").write_text(changes.replace("## Unreleased", f"## {version} - 2026-01-01", 1))
    return version
