#!/usr/bin/env bash
# One check as annotations and step summary; a second one as SARIF, where that was asked for.
# In: DOCTOR, ARGS, ENV_FILE, FAIL_ON, SARIF, RAILWAY_TOKEN. Out: `exit-code`, and `sarif` where there is such a file.
set -uo pipefail

# Line breaks in a path would add outputs of their own to the step.
case "$SARIF$ENV_FILE" in
  *[[:cntrl:]]*) echo "the inputs sarif and env-file are paths without control characters" >&2; echo "exit-code=2" >>"$GITHUB_OUTPUT"; exit 0 ;;
esac

call=(check)
[ -z "$ENV_FILE" ] || call+=("--env-file=$ENV_FILE")
while IFS= read -r word; do
  # `--service api` on a line is two words, and nothing in it is run or expanded.
  read -ra words <<<"$word"
  call+=(${words[@]+"${words[@]}"})
done <<<"$ARGS"

if [ -n "$SARIF" ]; then
  # Its findings never end the step: the check below does, and tells the same.
  if "$DOCTOR" "${call[@]}" --format sarif "--output=$SARIF" --fail-on never; then
    echo "sarif=$PWD/$SARIF" >>"$GITHUB_OUTPUT"
  fi
fi
"$DOCTOR" "${call[@]}" --format github --fail-on "$FAIL_ON"
echo "exit-code=$?" >>"$GITHUB_OUTPUT"
