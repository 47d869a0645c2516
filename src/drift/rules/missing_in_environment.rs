//! D501 missing-in-environment: a key or a service exists in one of two environments.

use crate::drift::Survey;
use crate::drift::compare::{self, EnvironmentSide, ServicePair};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;

pub static RULE: Rule = Rule {
    code: "D501",
    name: "missing-in-environment",
    severity: Severity::Warning,
    summary: "A key or a service exists in only one of two environments",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    markers: &[
        Marker::new(Mark::OnlyLeft, "<", "left only", "only-left", "only in the left environment"),
        Marker::new(Mark::OnlyRight, ">", "right only", "only-right", "only in the right environment"),
        Marker::new(Mark::Unpaired, "|", "one side", "unpaired", "the service is in one environment only"),
    ],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A key that was added to staging only is missing on the day of the release to production. A service that exists in
only one environment is tested nowhere, or runs nowhere.

## Example

    staging      api   (no such key)
    production   api   EVENTS_TOPIC=…

`doctor compare` pairs services by id and reports each key that a service has in only one of the two environments. It
is an error if a `[[require]]` names the key for the service. A service that is missing from a pull request
environment is a note, because Railway may deploy only the services that the pull request affects. Keys of a service
that is missing as a whole are not reported one by one.

## Fix

Set the key on the service in the other environment: in the Railway dashboard, or from a file with
`doctor fix --environment=staging --service=api --add --only=EVENTS_TOPIC --push`.

## Suppress

    [[ignore]]
    keys   = [\"DEBUG_TOOLBAR\"]
    rules  = [\"missing-in-environment\"]
    reason = \"only in staging\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let Some(environments) = compare::environments(survey) else { return Vec::new() };
    let services = compare::services(survey).filter_map(|pair| missing_service(survey, pair, environments));
    services.chain(missing_keys(survey)).collect()
}

/// Returns a finding if the service exists in one environment.
fn missing_service(survey: &Survey, pair: ServicePair<'_>, [left, right]: [EnvironmentSide<'_>; 2]) -> Option<Finding> {
    let (present, absent) = match pair.sides {
        [Some(_), None] => (left, right),
        [None, Some(_)] => (right, left),
        _ => return None,
    };
    let is_required = survey.policy.require.iter().any(|require| require.services.contains(&pair.service.id));
    let name = &pair.service.name;
    let message = format!("service {name} is in {} but not in {}", present.name(), absent.name());
    let severity = match () {
        () if is_required => Severity::Error,
        () if absent.traits.is_ephemeral => Severity::Note,
        () => RULE.severity,
    };
    Some(Finding {
        severity,
        required: is_required,
        services: vec![pair.service.clone()],
        advice: Some(format!("deploy {name} in {}, or remove it from {}", absent.name(), present.name())),
        ..Finding::new(&RULE, message)
    })
}

fn missing_keys(survey: &Survey) -> impl Iterator<Item = Finding> {
    let missing = compare::absent_keys(survey, &[Mark::OnlyLeft, Mark::OnlyRight]).into_iter();
    missing.map(|fault| {
        let (present, absent) = (fault.present.name(), fault.absent.name());
        let message = format!("{} is set in {present} but missing in {absent}", fault.key);
        let advice = Some(format!("{}, or add an [[ignore]]", fault.place()));
        Finding { advice, ..fault.finding(survey, &RULE, message) }
    })
}

#[cfg(test)]
mod tests {
    use super::{RULE, check};
    use crate::drift::test_support::{counterpart, lines, pair, require};

    #[test]
    fn key_of_one_environment_is_reported_once_for_all_services() {
        let found = pair(
            &[("api", &["A=1", "DEBUG=1"]), ("worker", &["A=1", "EMPTY="])],
            &[("api", &["A=2", "B=1"]), ("worker", &["A=1", "B=2", "EMPTY=1"])],
        );
        let expected = [
            "warning B [api, worker]: B is set in production but missing in staging",
            "warning DEBUG [api]: DEBUG is set in staging but missing in production",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }

    #[test]
    fn service_of_one_environment_is_reported_without_its_keys() {
        let found = pair(&[("api", &["A=1"]), ("old", &["B=1"])], &[("api", &["A=1"]), ("mailer", &["C=1"])]);
        let expected = [
            "warning - [mailer]: service mailer is in production but not in staging",
            "warning - [old]: service old is in staging but not in production",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }

    #[test]
    fn required_key_is_an_error_on_the_services_that_require_it() {
        let mut found = pair(&[("api", &[]), ("worker", &[])], &[("api", &["B=1"]), ("worker", &["B=1"])]);
        require(&mut found, "B", &["worker"]);
        let expected = [
            "warning B [api]: B is set in production but missing in staging",
            "error B [worker]: B is set in production but missing in staging",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }

    #[test]
    fn service_missing_from_a_pull_request_environment_is_a_note() {
        let mut found = pair(&[("api", &["A=1"])], &[("api", &["A=1"]), ("mailer", &[])]);
        counterpart(&mut found).traits[0].is_ephemeral = true;
        assert_eq!(lines(&RULE, &found), ["note - [mailer]: service mailer is in production but not in staging"]);
    }

    #[test]
    fn service_that_a_requirement_names_is_required() {
        let mut found = pair(&[("api", &["A=1"])], &[("api", &["A=1"]), ("mailer", &[])]);
        counterpart(&mut found).traits[0].is_ephemeral = true;
        require(&mut found, "A", &["mailer"]);
        let finding = check(&found).remove(0);
        assert_eq!((finding.severity.name(), finding.required), ("error", true), "even in a pull request environment");
        assert_eq!(finding.advice.as_deref(), Some("deploy mailer in staging, or remove it from production"));
    }

    #[test]
    fn sealed_and_system_variables_are_not_missing() {
        let found = pair(&[("api", &[])], &[("api", &["A=<sealed>", "RAILWAY_PUBLIC_DOMAIN=a.up.railway.app"])]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }
}
