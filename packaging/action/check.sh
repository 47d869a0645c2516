#!/usr/bin/env bash
# One check as annotations and step summary; a second one as SARIF, where that was asked for.
# In: DOCTOR, ARGS, ENV_FILE, FAIL_ON, SARIF, RAILWAY_TOKEN. Out: `exit-code`, and `sarif` where there is such a file.
set -uo pipefail

call=(check)
[ -z "$ENV_FILE" ] || call+=(--env-file "$ENV_FILE")
while IFS= read -r word; do
  # `--service api` on a line is two words, and nothing in it is run or expanded.
  read -ra words <<<"$word"
  call+=(${words[@]+"${words[@]}"})
done <<<"$ARGS"

if [ -n "$SARIF" ]; then
  # Its findings never end the step: the check below does, and tells the same.
  if "$DOCTOR" "${call[@]}" --format sarif --output "$SARIF" --fail-on never; then
    echo "sarif=$PWD/$SARIF" >>"$GITHUB_OUTPUT"
  fi
fi
"$DOCTOR" "${call[@]}" --format github --fail-on "$FAIL_ON"
echo "exit-code=$?" >>"$GITHUB_OUTPUT"
