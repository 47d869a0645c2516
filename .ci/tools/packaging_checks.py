"""Shared by the packaging tests: a command runner and a count of passed checks."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
