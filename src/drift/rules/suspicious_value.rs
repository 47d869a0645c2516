//! D111 suspicious-value: a value that is rarely meant as it stands.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, counting, pairs, sighting};
use crate::drift::model::finding::Finding;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reason::ReasonSide;
use crate::drift::rules::RuleCheck;
use crate::drift::survey::Local;
use crate::drift::suspicious_values::{SuspiciousValue, oddities};
use crate::drift::{Survey, Target, Variable, phrases, system_variables};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D111",
    name: "suspicious-value",
    severity: Severity::Warning,
    summary: "A value has something about it that is rarely meant",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A key with a line break behind it is another key, and looks the same. So does one with quotes that a shell did not
take away, with a zero-width space from a chat message, or a certificate that lost its last line.

## Example

    api   API_KEY=\"4f1c…\"        the quotes are part of the value
    api   TLS_KEY=-----BEGIN …   without its END line

A value of several lines may end with a line break, and a PEM block should. When such a thing is why the two sides
differ, `value-differs` says it, and this rule does not.

## How to mend it

Store the value without it. Scripts do so with `printf %s` in the place of `echo`.

## How to silence it

    [[ignore]]
    keys   = [\"GREETING\"]
    rules  = [\"suspicious-value\"]
    reason = \"the quotes are printed\"
";

/// What is odd about one key, and where.
#[derive(Default)]
struct SuspiciousKey<'s> {
    locals: Vec<Local<'s>>,
    holders: Vec<(&'s Target, &'s Variable)>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    // Most projects have nothing odd, and nothing to look up.
    let told = LazyCell::new(|| AlreadyReported::by_value_differs(survey));
    let mut sights: BTreeMap<(&str, SuspiciousValue), SuspiciousKey<'_>> = BTreeMap::new();
    for local in counting(survey) {
        for oddity in oddities(local.entry.value.expose()) {
            if !told.local.contains(&(local.file.name.as_str(), local.entry.line, oddity)) {
                sights.entry((&local.entry.key, oddity)).or_default().locals.push(local);
            }
        }
    }
    for target in survey.readable() {
        for (key, variable) in target.stored.iter().flatten().filter(|(key, _)| !system_variables::is_provided(key)) {
            let Variable::Plain(value) = variable else { continue };
            for oddity in oddities(value.expose()) {
                if !told.stored.contains(&(target.service.id.as_str(), key.as_str(), oddity)) {
                    sights.entry((key, oddity)).or_default().holders.push((target, variable));
                }
            }
        }
    }
    sights.into_iter().map(|((key, oddity), sight)| finding(key, oddity, &sight)).collect()
}

/// What is told already, as the reason of a difference.
#[derive(Default)]
struct AlreadyReported<'s> {
    local: HashSet<(&'s str, usize, SuspiciousValue)>,
    stored: HashSet<(&'s str, &'s str, SuspiciousValue)>,
}

impl<'s> AlreadyReported<'s> {
    fn by_value_differs(survey: &'s Survey) -> Self {
        let mut told = Self::default();
        for pair in pairs(survey) {
            if pair.verdict(survey) != ComparisonOutcome::Differs {
                continue;
            }
            match pair.reason_by_texts(survey).and_then(|reason| reason.suspicious_value()) {
                Some((ReasonSide::Local, oddity)) => {
                    told.local.insert((&pair.local.file.name, pair.local.entry.line, oddity));
                }
                Some((ReasonSide::Stored, oddity)) => {
                    told.stored.insert((&pair.target.service.id, pair.key, oddity));
                }
                None => {}
            }
        }
        told
    }
}

fn finding(key: &str, oddity: SuspiciousValue, sight: &SuspiciousKey<'_>) -> Finding {
    let mut wheres: Vec<&str> = sight.locals.iter().map(|local| local.file.name.as_str()).collect();
    if !sight.holders.is_empty() {
        wheres.push("Railway");
    }
    let mut sightings: Vec<_> = sight.locals.iter().map(Local::sighting).collect();
    sightings.extend(sight.holders.iter().map(|(target, variable)| sighting(target, Some(variable))));
    Finding {
        key: Some(key.to_owned()),
        services: sight.holders.iter().map(|(target, _)| target.service.clone()).collect(),
        places: sight.locals.iter().map(Local::place).collect(),
        advice: Some(oddity.advice().to_owned()),
        sightings,
        ..Finding::new(&RULE, format!("{key} {} (in {})", oddity.description(), phrases::names(&wheres)))
    }
}

#[cfg(test)]
mod tests {
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
                    &["warning A [api, worker]: A ends with a line break (in Railway)"],
                ),
                (
                    &["A=\"1\""],
                    &[("api", &["A=\"1\""])],
                    &[
                        "warning A [api] .env:1: A has quotes around it that are part of the value (in .env and Railway)",
                    ],
                ),
                (
                    &["A=1\u{feff}"],
                    &[("api", &[])],
                    &["warning A [] .env:1: A holds characters that can't be seen (in .env)"],
                ),
                (
                    &["A=-----BEGIN KEY-----\nMII"],
                    &[("api", &[])],
                    &["warning A [] .env:1: A is a PEM block that is not complete (in .env)"],
                ),
                (&[pem], &[("api", &[pem])], &[]),
                (&["A=it's"], &[("api", &["A=it's", "B=<sealed>", "C=${{b.C}} => \"1\""])], &[]),
            ],
        );
    }

    #[test]
    fn values_reported_by_value_differs_are_skipped() {
        let stored = "warning A [worker]: A ends with a line break (in Railway)";
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
                        "warning A [api]: A ends with a line break (in Railway)",
                        "warning A [] .env:1: A has quotes around it that are part of the value (in .env)",
                    ],
                ),
                (
                    &["PORT='1'"],
                    &[("api", &["PORT=1"])],
                    &["warning PORT [] .env:1: PORT has quotes around it that are part of the value (in .env)"],
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
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
