//! D105 services-disagree: a required key has different values on its services.

use std::collections::{BTreeSet, HashSet};

use crate::drift::comparison::observation;
use crate::drift::engine::policy::Require;
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Bulk, Direction, EmptyValue, Fix, FixCondition, VariableFix};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{Declaration, RuleCheck};
use crate::drift::{Secret, Survey, Target, Variable, system_variables};

pub static RULE: Rule = Rule {
    code: "D105",
    name: "services-disagree",
    severity: Severity::Error,
    summary: "A required key has different values on its services",
    explain: EXPLAIN,
    fix: Some(Fix::Variable(VariableFix {
        directions: &[(Direction::Push, FixCondition::Remedy)],
        bulk: Bulk::Included,
        empty_value: EmptyValue::NotPushed,
    })),
    different_values: 2,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck {
    declaration: Some(Declaration { name: "[[require]]", is_made: is_declared }),
    ..RuleCheck::new(&RULE, check)
};

const EXPLAIN: &str = "\
## Why it matters

A key that signs a token in one service and verifies it in another must be the same in both. If they disagree, each
service works on its own, but everything between them fails.

## Example

    [[require]]
    keys     = [\"JWT_SECRET\"]
    services = [\"api\", \"worker\"]

    api      JWT_SECRET=new-secret
    worker   JWT_SECRET=old-secret

The rule compares the values that a deployment would get, with references resolved. Sealed and indirect values are
unknown and are left out.

## Fix

Push the right value to all of them with `doctor fix --only JWT_SECRET --push`, or store it once as a shared variable
and refer to it from each service as `${{shared.JWT_SECRET}}`.

## Suppress

Remove the key from `[[require]]`, or list only the services that must agree. An `[[ignore]]` works too:

    [[ignore]]
    keys   = [\"JWT_SECRET\"]
    rules  = [\"services-disagree\"]
    reason = \"rotated one service at a time until Friday\"
    until  = \"2027-01-01\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let required = survey.policy.require.iter().flat_map(|require| require.keys.iter().map(move |key| (require, key)));
    required
        .filter(|(require, key)| {
            !system_variables::is_provided(key) && seen.insert((key.as_str(), require.services.as_slice()))
        })
        .filter_map(|(require, key)| disagreement(survey, require, key))
        .collect()
}

fn disagreement(survey: &Survey, require: &Require, key: &str) -> Option<Finding> {
    let named: HashSet<&str> = require.services.iter().map(String::as_str).collect();
    let is_required = |target: &&Target| named.is_empty() || named.contains(target.service.id.as_str());
    let holders: Vec<(&Target, &Variable)> = survey
        .readable()
        .filter(is_required)
        .filter_map(|target| target.variable(key).map(|variable| (target, variable)))
        .filter(|(_, variable)| !variable.is_unknown() && !survey.is_stored_indirect(variable))
        .collect();
    let values: HashSet<&str> =
        holders.iter().filter_map(|(_, variable)| variable.effective()).map(Secret::expose).collect();
    (values.len() > 1).then(|| finding(survey, key, &holders, values.len()))
}

fn finding(survey: &Survey, key: &str, holders: &[(&Target, &Variable)], values: usize) -> Finding {
    let message = format!("{key} must have the same value on all its services but has {values} different values");
    let finding = Finding {
        required: true,
        key: Some(key.to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        observations: holders.iter().map(|(target, variable)| observation(target, Some(variable))).collect(),
        ..Finding::new(&RULE, message)
    };
    let locals: Vec<_> = holders.iter().map(|(target, _)| survey.local(target, key)).collect();
    if locals.iter().flatten().any(|local| survey.is_indirect(&local.entry.value)) {
        let advice = format!("set {key} on Railway to the value that the file refers to");
        return Finding { advice: Some(advice), ..finding };
    }
    if locals.iter().all(Option::is_some) {
        return Finding { remedies: vec![Remedy::Push], next: Some(Finding::fix_only(key)), ..finding };
    }
    let advice = format!("add {key} to the file and push it, or store it once as a shared variable");
    Finding { advice: Some(advice), ..finding }
}

fn is_declared(survey: &Survey) -> bool {
    survey.policy.require.iter().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::rules::services_disagree::RULE;
    use crate::drift::test_support::{ServiceRows, healthy, lines, require, survey, unreadable};

    #[test]
    fn reports_differing_required_keys() {
        let different =
            "error A [api, worker]: A must have the same value on all its services but has 2 different values";
        let cases: &[(&[ServiceRows<'_>], &[&str], &[&str])] = &[
            (&[("api", &["A=1"]), ("worker", &["A=1"])], &[], &[]),
            (&[("api", &["A=1"]), ("worker", &["A=2"])], &[], &[different]),
            (&[("api", &["A=1"]), ("worker", &["A=2"])], &["api", "worker"], &[different]),
            (&[("api", &["A=1"]), ("worker", &["A=2"])], &["api"], &[]),
            (&[("api", &["A=1"]), ("web", &["A=2"]), ("worker", &["A=1"])], &["api", "worker"], &[]),
            (&[("api", &["A=1"]), ("worker", &["B=2"])], &[], &[]),
            (&[("api", &["A=1"]), ("worker", &["A=<sealed>"])], &[], &[]),
            (&[("api", &["A=1"]), ("worker", &["A=${{shared.A}} => <sealed>"])], &[], &[]),
            (&[("api", &["A=1"]), ("worker", &["A=${{shared.A}} => 1"])], &[], &[]),
            (&[("api", &["A=1"]), ("worker", &["A=${{shared.A}} => 2"])], &[], &[different]),
            (&[("api", &["A="]), ("worker", &["A=2"])], &[], &[different]),
            (&[("api", &["A=1"]), ("worker", &["A=op://dev/a/b"])], &[], &[]),
            (&[("api", &["A=1"]), ("worker", &["A=<unavailable>"])], &[], &[]),
            (&[("api", &["B=1"]), ("worker", &["B=2"])], &[], &[]),
        ];
        for (services, required_of, expected) in cases {
            let mut found = survey(&[], services);
            require(&mut found, "A", required_of);
            assert_eq!(&lines(&RULE, &found), expected, "{services:?}");
        }
    }

    #[test]
    fn duplicate_requirements_yield_one_finding() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
        require(&mut found, "A", &[]);
        require(&mut found, "A", &[]);
        let findings = check(&found);
        assert_eq!((findings.len(), findings[0].required, findings[0].remedies.len()), (1, true, 1));
        let states: Vec<_> = findings[0].observations.iter().map(|one| (one.place.as_str(), one.state)).collect();
        assert_eq!(states, [("api", "stored"), ("worker", "stored")]);
        unreadable(&mut found, "worker");
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn indirect_local_value_is_not_offered_for_push() {
        let mut found = survey(&["A=op://dev/a/b"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
        require(&mut found, "A", &[]);
        let finding = check(&found).remove(0);
        assert!(finding.remedies.is_empty() && finding.next.is_none() && finding.advice.is_some());
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
