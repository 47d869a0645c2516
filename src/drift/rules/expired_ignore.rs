//! D302 expired-ignore: an `[[ignore]]` past its `until`.

use crate::drift::engine::policy::Ignore;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, phrases};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D302",
    name: "expired-ignore",
    severity: Severity::Warning,
    summary: "An [[ignore]] is past its last day",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

An exception with an end is a promise. When the day has come, what it covered is told again, and this finding says
that it was meant to be gone by now.

## Example

    [[ignore]]
    keys   = [\"CACHE_URL\"]
    reason = \"the new cache comes in June\"
    until  = \"2026-06-30\"

The last day is `until` itself; from the day after, the exception no longer holds.

## How to mend it

Remove the `[[ignore]]`, or give it a later `until` if its reason still holds.

## How to silence it

    [severity]
    expired-ignore = \"off\"
";

/// The policy's file; there is one of that name only.
const FILE: &str = "doctor.toml";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.policy.ignore.iter().filter(|ignore| !ignore.holds_on(survey.today)).filter_map(finding).collect()
}

fn finding(ignore: &Ignore) -> Option<Finding> {
    let until = ignore.until?;
    let keys: Vec<&str> = ignore.keys.iter().map(String::as_str).collect();
    let message = format!("the [[ignore]] for {} ended with {until}", phrases::names(&keys));
    Some(Finding {
        places: vec![Location { file: FILE.to_owned(), line: ignore.line }],
        reason: (!ignore.reason.is_empty()).then(|| format!("it was there because “{}”", ignore.reason)),
        advice: Some("remove it, or give it a later `until`".to_owned()),
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
        let told = "warning - [] doctor.toml:7: the [[ignore]] for DEBUG and LOCAL_* ended with 2026-10-02";
        for (until, expected) in
            [(None, &[][..]), (Some(TODAY), &[]), (Some(TODAY + 1.day()), &[]), (Some(TODAY - 1.day()), &[told])]
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
        let reason = check(&found)[0].reason.clone();
        assert_eq!(reason.as_deref(), Some("it was there because “only for local runs”"));
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
