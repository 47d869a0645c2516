#!/usr/bin/env bash
# Runs one check for annotations and the step summary, and a second one for SARIF if requested.
# In: DOCTOR, ARGS, ENV_FILE, FAIL_ON, SARIF, RAILWAY_TOKEN. Out: `exit-code`, and `sarif` if that file was written.
set -uo pipefail

# A line break in a path could set other outputs of the step.
case "$SARIF$ENV_FILE" in
  *[[:cntrl:]]*) echo "error: the inputs sarif and env-file must not contain control characters" >&2; echo "exit-code=2" >>"$GITHUB_OUTPUT"; exit 0 ;;
esac

call=(check)
[ -z "$ENV_FILE" ] || call+=("--env-file=$ENV_FILE")
while IFS= read -r line; do
  # `--service api` on one line is two arguments. Nothing in it is expanded or executed.
  read -ra words <<<"$line"
  call+=(${words[@]+"${words[@]}"})
done <<<"$ARGS"

if [ -n "$SARIF" ]; then
  # Findings do not fail the step here: the check below reports the same ones.
  if "$DOCTOR" "${call[@]}" --format sarif "--output=$SARIF" --fail-on never; then
    echo "sarif=$PWD/$SARIF" >>"$GITHUB_OUTPUT"
  fi
fi
"$DOCTOR" "${call[@]}" --format github --fail-on "$FAIL_ON"
echo "exit-code=$?" >>"$GITHUB_OUTPUT"
