"""Shared by the packaging tests: a copy of the repository with a URL, a command runner and a count of passed checks."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Used while Cargo.toml has no `repository`. It does not exist.
REPOSITORY_URL = "https://git.example.com/railway-doctor"
_passed = 0


def check(label, passed, details=""):
    global _passed
    if not passed:
        sys.exit(f"failed: {label}\n{details}")
    _passed += 1


def print_total(name):
    print(f"{name}: {_passed} checks passed")


def sh(*args, cwd=ROOT, code=0, **variables):
    """Runs a command, checks its exit code (any if `code` is None) and returns both output streams as one text."""
    result = subprocess.run([str(arg) for arg in args], cwd=cwd, env={**os.environ, **variables}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(f"{' '.join(map(str, args))} exits with {code}", code in (None, result.returncode), f"{result.returncode}\n{result.stdout}")
    return result.stdout


def copy_with_repository_url(target, url=REPOSITORY_URL):
    """Copies the files that packages need, with `repository` in Cargo.toml and a changelog section for the version."""
    target.mkdir(parents=True)
    for name in ["packaging", "docs"]:
        shutil.copytree(ROOT / name, target / name)
    for name in ["README.md", "SECURITY.md", "BENCHMARKS.md", "CONTRIBUTING.md", "LICENSE-MIT", "LICENSE-APACHE"]:
        shutil.copy(ROOT / name, target)
    manifest = (ROOT / "Cargo.toml").read_text()
    if "\nrepository = " not in manifest:
        manifest = manifest.replace("\nreadme = ", f'\nrepository = "{url}"\nreadme = ', 1)
    (target / "Cargo.toml").write_text(manifest)
    version = manifest.partition('\nversion = "')[2].partition('"')[0]
    changes = (ROOT / "CHANGELOG.md").read_text()
    (target / "CHANGELOG.md").write_text(changes.replace("## Unreleased", f"## {version} - 2026-01-01", 1))
    return version
