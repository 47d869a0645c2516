#!/usr/bin/env bash
# Runs a check for annotations and the step summary, one more for the comment and the issue, and one more for SARIF, as requested.
# In: DOCTOR, ARGS, ENV_FILE, BASELINE, FAIL_ON, SARIF, COMMENT, ISSUE, HEAD_REPOSITORY, RAILWAY_TOKEN and variables of GitHub Actions.
# Out: `exit-code`, `checked`, `skipped` if there was nothing to check with, and `sarif` and `report` if these were written.
set -uo pipefail

output() {
  echo "$1" >>"$GITHUB_OUTPUT"
}

# Ends without a check: the next step fails with this exit code.
refuse() {
  echo "::error title=railway-doctor::$1"
  output "exit-code=2"
  output "checked=false"
  exit 0
}

# Ends successfully without a check, and shows why.
skip() {
  echo "::notice title=railway-doctor::Not checked: $1"
  printf '### doctor: not checked\n\n%s\n' "$1" >>"$GITHUB_STEP_SUMMARY"
  output "checked=false"
  output "skipped=true"
  exit 0
}

# A line break in a path could set other outputs of the step.
case "$SARIF$ENV_FILE$BASELINE" in
  *[[:cntrl:]]*) refuse "the inputs sarif, env-file and baseline must not contain control characters" ;;
esac
if [ "${GITHUB_EVENT_NAME:-}" = pull_request_target ]; then
  refuse "the action does not run on pull_request_target, which gives secrets to the code of forks: use pull_request"
fi
if [ -z "${RAILWAY_TOKEN:-}${RAILWAY_API_TOKEN:-}" ]; then
  if [ "${GITHUB_ACTOR:-}" = "dependabot[bot]" ]; then
    skip "GitHub gives the secrets of Actions to no run of Dependabot, so there is no Railway token. To check these runs too, add the token to the Dependabot secrets."
  elif [[ ${GITHUB_EVENT_NAME:-} == pull_request* && $HEAD_REPOSITORY != "$GITHUB_REPOSITORY" ]]; then
    skip "GitHub gives no secrets to pull requests from forks, so there is no Railway token. The check runs when the change is on a branch of this repository."
  fi
fi

call=(check)
[ -z "$ENV_FILE" ] || call+=("--env-file=$ENV_FILE")
[ -z "$BASELINE" ] || call+=("--baseline=$BASELINE" --new-only)
while IFS= read -r line; do
  # `--service api` on one line is two arguments. Nothing in it is expanded or executed.
  read -ra words <<<"$line"
  call+=(${words[@]+"${words[@]}"})
done <<<"$ARGS"
fail_on=()
[ -z "$FAIL_ON" ] || fail_on=("--fail-on=$FAIL_ON")

folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/railway-doctor-report.XXXXXX") || exit
: >"$folder/report.md"
GITHUB_STEP_SUMMARY=$folder/report.md "$DOCTOR" "${call[@]}" --format github ${fail_on[@]+"${fail_on[@]}"}
code=$?
cat "$folder/report.md" >>"$GITHUB_STEP_SUMMARY"
output "exit-code=$code"
if [ "$code" -gt 1 ]; then
  output "checked=false"
  [[ $COMMENT != true && $ISSUE != true ]] || echo "The comment and the issue stay as they are: the check was not completed (exit code $code)."
  exit 0
fi
output "checked=true"

if [[ $COMMENT == true || $ISSUE == true ]]; then
  "$DOCTOR" "${call[@]}" --format json "--output=$folder/report.json" ${fail_on[@]+"${fail_on[@]}"}
  again=$?
  if [ "$again" = "$code" ]; then
    output "report=$folder"
  else
    echo "::warning title=railway-doctor::The comment and the issue stay as they are: a second check ended with exit code $again instead of $code."
  fi
fi

if [ -n "$SARIF" ]; then
  # Findings do not fail the step here: the check above reports the same ones.
  if "$DOCTOR" "${call[@]}" --format sarif "--output=$SARIF" --fail-on never; then
    case "$SARIF" in
      /* | [A-Za-z]:*) output "sarif=$SARIF" ;;
      *) output "sarif=$PWD/$SARIF" ;;
    esac
  fi
fi
