#!/usr/bin/env bash
# Runs github_report.py with the runner's Python. In: ACTION, and the variables of that script.
set -uo pipefail

for python in python3 python; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
    # Nothing from the checkout or the job's environment is imported, and no bytecode is written.
    exec "$python" -E -s -B "$ACTION/packaging/action/github_report.py"
  fi
done
echo "::warning title=railway-doctor::the comment and the issue need Python 3.8 or newer on the runner"
