//! D507 reference-and-literal: a key is a reference in one environment and a literal in the other.

use crate::drift::compare::outcome::mark_by_kind;
use crate::drift::compare::{self, KeyPair, pair_observations, services_of_pairs};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, Variable, phrases};

pub static RULE: Rule = Rule {
    code: "D507",
    name: "reference-and-literal",
    severity: Severity::Note,
    summary: "A key is a reference in one environment and a literal in the other",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    markers: &[Marker::new(
        Mark::ReferenceAndLiteral,
        "r",
        "ref/literal",
        "reference-and-literal",
        "a reference in one environment, a literal in the other",
    )],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A reference follows its target. A literal that was copied from it does not: after the password of the database is
changed, the environment with the literal still uses the old one.

## Example

    staging      worker   REDIS_URL=redis://…
    production   worker   REDIS_URL=${{Redis.REDIS_URL}}

The finding is a note, because the literal may be intended.

## Fix

Store the reference in the other environment, too: `${{Redis.REDIS_URL}}` refers to the service of the environment in
which it is stored.

## Suppress

    [severity]
    reference-and-literal = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let Some([left, right]) = compare::environments(survey) else { return Vec::new() };
    let is_reference = |variable: &Variable| variable.template().is_some();
    let different = compare::grouped(survey, |pair| {
        let is_different = mark_by_kind(pair) == Some(Mark::ReferenceAndLiteral);
        is_different.then(|| pair.sides[0].is_some_and(is_reference))
    });
    let finding = |((key, is_left), pairs): ((&str, bool), Vec<KeyPair<'_>>)| {
        let (reference, literal) = if is_left { (left, right) } else { (right, left) };
        let services = services_of_pairs(&pairs);
        let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        let message = format!("{key} is a reference in {} and a literal in {}", reference.name(), literal.name());
        Finding {
            key: Some(key.to_owned()),
            advice: Some(format!("store the reference on {} in {}, too", phrases::names(&names), literal.name())),
            observations: pair_observations(&pairs, [left, right]),
            services,
            ..Finding::new(&RULE, message)
        }
    };
    different.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::drift::test_support::{lines, pair};

    #[test]
    fn only_a_literal_against_a_reference_is_reported() {
        let found = pair(
            &[("api", &["A=${{R.A}} => 1", "B=1", "C=${{R.C}} => 1", "D=1", "E=<sealed>"])],
            &[("api", &["A=1", "B=${{R.B}} => 2", "C=${{R.D}} => 2", "D=2", "E=${{R.E}} => 1"])],
        );
        let expected = [
            "note A [api]: A is a reference in staging and a literal in production",
            "note B [api]: B is a reference in production and a literal in staging",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }
}
