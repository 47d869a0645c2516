//! D504 sealed-not-copied: a variable is sealed in one environment and missing in the other.

use crate::drift::Survey;
use crate::drift::compare::{self, AbsentKey};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{RuleCheck, missing_in_environment};

pub static RULE: Rule = Rule {
    code: "D504",
    name: "sealed-not-copied",
    severity: Severity::Warning,
    summary: "A variable is sealed in one environment and missing in the other",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    markers: &[Marker::new(
        Mark::SealedNotCopied,
        "s",
        "not copied",
        "sealed-not-copied",
        "sealed in one environment, missing in the other",
    )],
    in_place_of: &[&missing_in_environment::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Railway never returns the value of a sealed variable, so it does not copy it into a duplicated environment or a pull
request environment. The service then starts without the key.

## Example

    staging      api   (no such key)
    production   api   JWT_SIGNING_KEY=(sealed)

`doctor compare` reports each key that is sealed in one environment and missing in the other. It is an error if a
`[[require]]` names the key for the service.

## Fix

Set the key in the other environment in the Railway dashboard, with a separate value, and seal it there.

## Suppress

    [[ignore]]
    keys   = [\"JWT_SIGNING_KEY\"]
    rules  = [\"sealed-not-copied\"]
    reason = \"staging does not sign tokens\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let missing = compare::absent_keys(survey, &[Mark::SealedNotCopied]).into_iter();
    let finding = |fault: AbsentKey<'_>| {
        let (sealed, absent) = (fault.present.name(), fault.absent.name());
        let message = format!("{} is sealed in {sealed} but missing in {absent}", fault.key);
        let advice = Some(format!("{}: Railway does not copy sealed variables", fault.place()));
        Finding { advice, ..fault.finding(survey, &RULE, message) }
    };
    missing.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::drift::test_support::{lines, pair, require};

    #[test]
    fn services_with_the_same_fault_share_a_finding() {
        let rows: &[&str] = &["KEY=<sealed>"];
        let found = pair(&[("api", &[]), ("worker", &[])], &[("api", rows), ("worker", rows)]);
        let expected = "warning KEY [api, worker]: KEY is sealed in production but missing in staging";
        assert_eq!(lines(&RULE, &found), [expected]);
    }

    #[test]
    fn only_a_key_that_the_other_environment_lacks_is_reported() {
        let mut found = pair(
            &[("api", &["BOTH=<sealed>", "ONE=1", "LEFT=<sealed>"])],
            &[("api", &["BOTH=<sealed>", "ONE=<sealed>", "RIGHT=<sealed>"])],
        );
        require(&mut found, "LEFT", &[]);
        let expected = [
            "error LEFT [api]: LEFT is sealed in staging but missing in production",
            "warning RIGHT [api]: RIGHT is sealed in production but missing in staging",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }
}
