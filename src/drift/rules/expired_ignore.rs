//! D302 expired-ignore: an `[[ignore]]` past its `until` date.

use crate::drift::engine::policy::Ignore;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, phrases};

pub static RULE: Rule = Rule {
    code: "D302",
    name: "expired-ignore",
    severity: Severity::Warning,
    summary: "An [[ignore]] has expired",
    explain: EXPLAIN,
    scope: RuleScope::Config,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

An `[[ignore]]` with an end date is temporary. After that date, the findings that it covered are reported again, and
this finding points to the expired entry.

## Example

    [[ignore]]
    keys   = [\"CACHE_URL\"]
    reason = \"the new cache is deployed in June\"
    until  = \"2026-06-30\"

`until` is the last day on which the entry applies.

## Fix

Remove the `[[ignore]]`, or set a later `until` if its reason still applies.

## Suppress

    [severity]
    expired-ignore = \"off\"
";

/// The only file that has `[[ignore]]` entries.
const FILE: &str = "doctor.toml";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.policy.ignore.iter().filter(|ignore| !ignore.applies_on(survey.today)).filter_map(finding).collect()
}

fn finding(ignore: &Ignore) -> Option<Finding> {
    let until = ignore.until?;
    let keys: Vec<&str> = ignore.keys.iter().map(String::as_str).collect();
    let message = format!("the [[ignore]] for {} has expired: it applied until {until}", phrases::names(&keys));
    Some(Finding {
        places: vec![Location { file: FILE.to_owned(), line: ignore.line }],
        advice: Some(match ignore.reason.as_str() {
            "" => "remove it, or set a later `until`".to_owned(),
            reason => format!("remove it, or set a later `until` if its reason still applies: “{reason}”"),
        }),
        ..Finding::new(&RULE, message)
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use jiff::ToSpan;

    use crate::drift::engine::policy::Ignore;
    use crate::drift::rules::expired_ignore::RULE;
    use crate::drift::test_support::{TODAY, healthy, ignore, lines, survey};

    #[test]
    fn ignore_is_valid_through_its_last_day() {
        let expired =
            "warning - [] doctor.toml:7: the [[ignore]] for DEBUG and LOCAL_* has expired: it applied until 2026-10-02";
        for (until, expected) in
            [(None, &[][..]), (Some(TODAY), &[]), (Some(TODAY + 1.day()), &[]), (Some(TODAY - 1.day()), &[expired])]
        {
            let mut found = survey(&[], &[]);
            found.policy.ignore.push(Ignore { until, ..ignore(&["DEBUG", "LOCAL_*"]) });
            assert_eq!(lines(&RULE, &found), expected, "{until:?}");
        }
    }

    #[test]
    fn finding_includes_the_reason_of_the_ignore() {
        let mut found = survey(&[], &[]);
        found.policy.ignore.push(Ignore { until: Some(TODAY - 1.day()), ..ignore(&["DEBUG"]) });
        let advice = check(&found)[0].advice.clone();
        let expected = "remove it, or set a later `until` if its reason still applies: “only for local runs”";
        assert_eq!(advice.as_deref(), Some(expected));
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
