//! D111 suspicious-value: a value that is rarely intended.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, counting, observation, pairs};
use crate::drift::model::finding::Finding;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reason::ReasonSide;
use crate::drift::rules::RuleCheck;
use crate::drift::survey::Local;
use crate::drift::suspicious_values::{SuspiciousValue, suspicions};
use crate::drift::{Survey, Target, Variable, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D111",
    name: "suspicious-value",
    severity: Severity::Warning,
    summary: "A value has a trailing newline, quotes or another likely mistake",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A key that ends with a newline is a different key that looks the same. So is a key in quotes that a shell did not
remove, a key with a zero-width space from a chat message, or a certificate without its last line.

## Example

    api   API_KEY=\"4f1c…\"        the quotes are part of the value
    api   TLS_KEY=-----BEGIN …   without its END line

A value of several lines may end with a newline, and a PEM block should. If this is why the two sides differ,
`value-differs` reports it and this rule does not.

## Fix

Remove the newline, quotes or invisible characters, or complete the PEM block. In scripts, use `printf %s` instead of
`echo`.

## Suppress

    [[ignore]]
    keys   = [\"GREETING\"]
    rules  = [\"suspicious-value\"]
    reason = \"the quotes are printed\"
";

/// Where a key has a value with one kind of problem.
#[derive(Default)]
struct SuspiciousKey<'s> {
    locals: Vec<Local<'s>>,
    holders: Vec<(&'s Target, &'s Variable)>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    // Lazy: most projects have no such value.
    let reported = LazyCell::new(|| AlreadyReported::by_value_differs(survey));
    let mut keys: BTreeMap<(&str, SuspiciousValue), SuspiciousKey<'_>> = BTreeMap::new();
    for local in counting(survey) {
        for problem in suspicions(local.entry.value.expose()) {
            if !reported.local.contains(&(local.file.name.as_str(), local.entry.line, problem)) {
                keys.entry((&local.entry.key, problem)).or_default().locals.push(local);
            }
        }
    }
    for target in survey.readable() {
        for (key, variable) in target.stored.iter().flatten().filter(|(key, _)| !system_variables::is_provided(key)) {
            let Variable::Plain(value) = variable else { continue };
            for problem in suspicions(value.expose()) {
                if !reported.stored.contains(&(target.service.id.as_str(), key.as_str(), problem)) {
                    keys.entry((key, problem)).or_default().holders.push((target, variable));
                }
            }
        }
    }
    keys.into_iter().map(|((key, problem), found)| finding(key, problem, &found)).collect()
}

/// What `value-differs` reports already, as the cause of a difference.
#[derive(Default)]
struct AlreadyReported<'s> {
    local: HashSet<(&'s str, usize, SuspiciousValue)>,
    stored: HashSet<(&'s str, &'s str, SuspiciousValue)>,
}

impl<'s> AlreadyReported<'s> {
    fn by_value_differs(survey: &'s Survey) -> Self {
        let mut reported = Self::default();
        for pair in pairs(survey) {
            if pair.verdict(survey) != ComparisonOutcome::Differs {
                continue;
            }
            match pair.reason_by_texts(survey).and_then(|reason| reason.suspicious_value()) {
                Some((ReasonSide::Local, problem)) => {
                    reported.local.insert((&pair.local.file.name, pair.local.entry.line, problem));
                }
                Some((ReasonSide::Stored, problem)) => {
                    reported.stored.insert((&pair.target.service.id, pair.key, problem));
                }
                None => {}
            }
        }
        reported
    }
}

fn finding(key: &str, problem: SuspiciousValue, found: &SuspiciousKey<'_>) -> Finding {
    let files: Vec<&str> = found.locals.iter().map(|local| local.file.name.as_str()).collect();
    let sides = phrases::sides(&files, !found.holders.is_empty());
    let mut observations: Vec<_> = found.locals.iter().map(Local::observation).collect();
    observations.extend(found.holders.iter().map(|(target, variable)| observation(target, Some(variable))));
    Finding {
        key: Some(key.to_owned()),
        services: found.holders.iter().map(|(target, _)| target.service.clone()).collect(),
        places: found.locals.iter().map(Local::place).collect(),
        advice: Some(advice(problem, found, &files)),
        observations,
        ..Finding::new(&RULE, format!("{key} {sides} {}", problem.description()))
    }
}

fn advice(problem: SuspiciousValue, found: &SuspiciousKey<'_>, files: &[&str]) -> String {
    match problem.correction() {
        Some(correction) if found.holders.is_empty() => format!("{correction} in {}", phrases::names(files)),
        _ => problem.advice().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::rules::suspicious_value::RULE;
    use crate::drift::test_support::{healthy, layer, lines, survey, table};

    #[test]
    fn reports_values_that_are_rarely_intended() {
        let pem = "A=-----BEGIN KEY-----\nMII\n-----END KEY-----\n";
        table(
            &RULE,
            &[
                (
                    &[],
                    &[("api", &["A=1\n"]), ("worker", &["A=2\n"])],
                    &["warning A [api, worker]: A on Railway ends with a newline"],
                ),
                (
                    &["A=\"1\""],
                    &[("api", &["A=\"1\""])],
                    &[
                        "warning A [api] .env:1: A in .env and on Railway has surrounding quotes that are part of the value",
                    ],
                ),
                (&["A=1\u{feff}"], &[("api", &[])], &["warning A [] .env:1: A in .env contains invisible characters"]),
                (
                    &["A=-----BEGIN KEY-----\nMII"],
                    &[("api", &[])],
                    &["warning A [] .env:1: A in .env is an incomplete PEM block"],
                ),
                (&[pem], &[("api", &[pem])], &[]),
                (&["A=it's"], &[("api", &["A=it's", "B=<sealed>", "C=${{b.C}} => \"1\""])], &[]),
            ],
        );
    }

    #[test]
    fn values_reported_by_value_differs_are_skipped() {
        let stored = "warning A [worker]: A on Railway ends with a newline";
        table(
            &RULE,
            &[
                (&["A=key"], &[("api", &["A=key\n"])], &[]),
                (&["A=key\n"], &[("api", &["A=key"])], &[]),
                (&["A=key"], &[("api", &["A=key\n"]), ("worker", &["A=other\n"])], &[stored]),
                (
                    &["A=\"key\""],
                    &[("api", &["A=key\n"])],
                    &[
                        "warning A [api]: A on Railway ends with a newline",
                        "warning A [] .env:1: A in .env has surrounding quotes that are part of the value",
                    ],
                ),
                (&["PORT='1'"], &[("api", &["PORT=1"])], &[]),
                (
                    &["PORT='1'"],
                    &[("api", &["PORT=2"])],
                    &["warning PORT [] .env:1: PORT in .env has surrounding quotes that are part of the value"],
                ),
            ],
        );
    }

    #[test]
    fn value_overridden_by_a_higher_layer_is_skipped() {
        let mut found = survey(&["A='1'"], &[("api", &["A=1"])]);
        layer(&mut found, ".env.local", &["A=1"], &["api"]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn value_in_the_file_alone_is_corrected_there() {
        for (services, advice) in [
            (&[][..], "remove the newline in .env"),
            (&["A=1\n"], "store it without the newline; `echo -n` and `printf %s` do not add one"),
        ] {
            let found = survey(&["A=1\n"], &[("api", services)]);
            assert_eq!(check(&found)[0].advice.as_deref(), Some(advice));
        }
        let mut several = survey(&["A=1\n"], &[("api", &[]), ("web", &[])]);
        layer(&mut several, "web/.env", &["A=2\n"], &["web"]);
        assert_eq!(check(&several)[0].advice.as_deref(), Some("remove the newline in .env and web/.env"));
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
