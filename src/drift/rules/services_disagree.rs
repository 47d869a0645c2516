//! D105 services-disagree: a required key has different values on its services.

use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, Pair, observation};
use crate::drift::engine::policy::Require;
use crate::drift::model::finding::{Finding, Location, Remedy};
use crate::drift::model::fix::{Bulk, Direction, Fix, FixCondition, VariableFix};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reason::Reason;
use crate::drift::reason::other_values::OtherValues;
use crate::drift::rules::value_differs::{self, remedies};
use crate::drift::rules::{Declaration, RuleCheck, missing_locally, placeholder_value};
use crate::drift::survey::Local;
use crate::drift::{Secret, Survey, Target, Variable, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D105",
    name: "services-disagree",
    severity: Severity::Error,
    summary: "A required key has different values on its services",
    explain: EXPLAIN,
    fix: Some(Fix::Variable(VariableFix {
        directions: &[(Direction::Push, FixCondition::Remedy), (Direction::Pull, FixCondition::Always)],
        bulk: Bulk::Included,
    })),
    in_place_of: &[&value_differs::RULE, &missing_locally::RULE, &placeholder_value::RULE],
    different_values: 2,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck {
    obstacles,
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
unknown and are left out. The finding also compares them with the file: a service that has the value of the file is
right, and the finding is about the others only. `value-differs` does not report them again.

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

/// A required key that has different values on its services.
struct ServicesDisagreement<'s> {
    key: &'s str,
    /// The services with a known value.
    holders: Vec<(&'s Target, &'s Variable)>,
    /// Those of them whose value is wrong, as far as is known: all, if none has the value of its file.
    wrong: Vec<(&'s Target, &'s Variable)>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let mut requirements: BTreeMap<&str, Vec<&Require>> = BTreeMap::new();
    for require in survey.policy.require.iter() {
        for key in require.keys.iter().filter(|key| !system_variables::is_provided(key)) {
            requirements.entry(key).or_default().push(require);
        }
    }
    let found: Vec<ServicesDisagreement<'_>> =
        requirements.iter().filter_map(|(key, requirements)| disagreement(survey, key, requirements)).collect();
    let wrong: Vec<Pair<'_>> = found.iter().flat_map(|one| one.pairs(survey)).collect();
    let others = OtherValues::of(survey, &wrong);
    found.iter().map(|one| finding(survey, one, &others)).collect()
}

/// Returns the services of every `[[require]]` that is violated. Services that no `[[require]]` has in common may have
/// different values.
fn disagreement<'s>(survey: &'s Survey, key: &'s str, requirements: &[&Require]) -> Option<ServicesDisagreement<'s>> {
    let mut holders: BTreeMap<usize, (&Target, &Variable)> = BTreeMap::new();
    for require in requirements {
        let named: HashSet<&str> = require.services.iter().map(String::as_str).collect();
        let is_required = |target: &Target| named.is_empty() || named.contains(target.service.id.as_str());
        let known = |target: &'s Target| {
            let variable = target.variable(key)?;
            (!variable.is_unknown() && !survey.is_stored_indirect(variable)).then_some((target, variable))
        };
        let all = survey.targets.iter().enumerate().filter(|(_, target)| is_required(target));
        let all: Vec<_> = all.filter_map(|(index, target)| Some((index, known(target)?))).collect();
        let values: HashSet<&str> =
            all.iter().filter_map(|(_, (_, variable))| variable.effective()).map(Secret::expose).collect();
        if values.len() > 1 {
            holders.extend(all);
        }
    }
    let holders: Vec<(&Target, &Variable)> = holders.into_values().collect();
    let is_wrong = |(target, variable): &(&'s Target, &'s Variable)| !has_value_of_file(survey, target, key, variable);
    let mut wrong: Vec<_> = holders.iter().copied().filter(is_wrong).collect();
    if wrong.is_empty() {
        wrong.clone_from(&holders);
    }
    (!holders.is_empty()).then_some(ServicesDisagreement { key, holders, wrong })
}

/// Returns whether the service has the value of its file. A value that is not set in the file proves nothing.
fn has_value_of_file(survey: &Survey, target: &Target, key: &str, variable: &Variable) -> bool {
    survey.local(target, key).is_some_and(|local| {
        let value = &local.entry.value;
        let is_set = !value.expose().is_empty() && !survey.is_unset(key, value);
        is_set && Pair { target, key, variable, local }.verdict(survey) == ComparisonOutcome::Equal
    })
}

impl<'s> ServicesDisagreement<'s> {
    /// Returns the wrong values, each with the value of its file. An indirect value can't be compared.
    fn pairs(&self, survey: &'s Survey) -> Vec<Pair<'s>> {
        let pair = |&(target, variable): &(&'s Target, &'s Variable)| {
            let local = survey.local(target, self.key).filter(|local| !survey.is_indirect(&local.entry.value))?;
            Some(Pair { target, key: self.key, variable, local })
        };
        self.wrong.iter().filter_map(pair).collect()
    }
}

fn finding<'s>(survey: &'s Survey, found: &ServicesDisagreement<'s>, others: &OtherValues<'s>) -> Finding {
    let ServicesDisagreement { key, holders, wrong } = found;
    let pairs = found.pairs(survey);
    let locals: BTreeMap<Location, Local<'_>> = pairs.iter().map(|pair| (pair.local.place(), pair.local)).collect();
    let mut observations: Vec<_> = locals.values().map(Local::observation).collect();
    observations.extend(holders.iter().map(|(target, variable)| observation(target, Some(variable))));
    let reasons = reasons(survey, &pairs, others);
    let finding = Finding {
        required: true,
        key: Some((*key).to_owned()),
        services: wrong.iter().map(|(target, _)| target.service.clone()).collect(),
        places: locals.into_keys().collect(),
        reason: sentence(&reasons, pairs.len()),
        differs_in_form: pairs.len() == wrong.len() && reasons.keys().all(|reason| is_about_form(reason.as_ref())),
        observations,
        ..Finding::new(&RULE, format!("{key} must have the same value on all its services, but the values differ"))
    };
    fix(survey, found, &pairs, finding)
}

/// Adds how the values can be made equal.
fn fix(survey: &Survey, found: &ServicesDisagreement<'_>, pairs: &[Pair<'_>], finding: Finding) -> Finding {
    let ServicesDisagreement { key, wrong, .. } = found;
    let is_indirect = |(target, _): &(&Target, &Variable)| {
        survey.local(target, key).is_some_and(|local| survey.is_indirect(&local.entry.value))
    };
    let advice = if wrong.iter().any(is_indirect) {
        format!("set {key} on Railway to the value that the file refers to")
    } else if pairs.len() < wrong.len() {
        format!("add {key} to the file and push it, or store it once as a shared variable")
    } else {
        let remedies = remedies(survey, pairs, None);
        // Nothing can be pulled into a stream, and prompts can't be answered from it.
        let push = pairs.iter().any(|pair| pair.local.file.is_stream).then(|| "--push".to_owned());
        let next = remedies.contains(&Remedy::Push).then(|| Finding::fix_only(key).into_iter().chain(push).collect());
        let advice =
            if next.is_some() { None } else { Some("set the real value in the file, then push it".to_owned()) };
        return Finding { remedies, next, advice, ..finding };
    };
    Finding { advice: Some(advice), ..finding }
}

/// Returns the services by the reason why they differ from the file. That another service has the value of the file is
/// no reason here: the services disagree.
fn reasons<'s>(
    survey: &Survey,
    pairs: &[Pair<'s>],
    others: &OtherValues<'s>,
) -> BTreeMap<Option<Reason>, Vec<&'s str>> {
    let mut reasons: BTreeMap<Option<Reason>, Vec<&str>> = BTreeMap::new();
    for pair in pairs {
        let elsewhere = || others.around(pair).reason(pair.local_value(), pair.variable.effective()?);
        let reason = pair.reason_by_texts(survey).or_else(elsewhere);
        let reason = reason.filter(|reason| !matches!(reason, Reason::OtherService(_)));
        reasons.entry(reason).or_default().push(&pair.target.service.name);
    }
    reasons
}

/// Returns `only the case differs`, or `on api: only the case differs; on web: the stored value is empty`.
fn sentence(reasons: &BTreeMap<Option<Reason>, Vec<&str>>, services: usize) -> Option<String> {
    let clause = |(reason, on): (&Option<Reason>, &Vec<&str>)| {
        let sentence = reason.as_ref()?.sentence();
        Some(if on.len() == services { sentence } else { format!("on {}: {sentence}", phrases::names(on)) })
    };
    let clauses: Vec<String> = reasons.iter().filter_map(clause).collect();
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

fn is_about_form(reason: Option<&Reason>) -> bool {
    reason.is_some_and(Reason::is_about_form)
}

/// Returns why the value of the file is not pushed.
fn obstacles(finding: &Finding, key: &str) -> Vec<(Direction, String)> {
    if finding.places.is_empty() { Vec::new() } else { value_differs::obstacles(finding, key) }
}

fn is_declared(survey: &Survey) -> bool {
    survey.policy.require.iter().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::model::finding::Remedy;
    use crate::drift::rules::services_disagree::RULE;
    use crate::drift::test_support::{ServiceRows, healthy, lines, require, survey, unreadable};

    #[test]
    fn reports_differing_required_keys() {
        let different = "error A [api, worker]: A must have the same value on all its services, but the values differ";
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
        assert_eq!((findings.len(), findings[0].required, findings[0].remedies.len()), (1, true, 2));
        let states: Vec<_> = findings[0].observations.iter().map(|one| (one.place.as_str(), one.state)).collect();
        assert_eq!(states, [(".env:1", "local"), ("api", "stored"), ("worker", "stored")]);
        unreadable(&mut found, "worker");
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn only_services_with_another_value_than_the_file_are_wrong() {
        let cases: &[(&[&str], &str)] = &[
            (&["A=1"], "[web, worker] .env:1"),
            (&["A=2"], "[api, worker] .env:1"),
            (&["A=4"], "[api, web, worker] .env:1"),
            (&["A="], "[api, web, worker] .env:1"),
            (&["A=changeme"], "[api, web, worker] .env:1"),
            (&["A=op://dev/a/b"], "[api, web, worker]"),
            (&[], "[api, web, worker]"),
        ];
        for (file, wrong) in cases {
            let services: [ServiceRows<'_>; 3] = [("api", &["A=1"]), ("web", &["A=2"]), ("worker", &["A=3"])];
            let mut found = survey(file, &services);
            require(&mut found, "A", &[]);
            let message = "A must have the same value on all its services, but the values differ";
            assert_eq!(lines(&RULE, &found), [format!("error A {wrong}: {message}")], "{file:?}");
        }
    }

    #[test]
    fn overlapping_requirements_share_a_finding() {
        let services: [ServiceRows<'_>; 4] =
            [("api", &["A=1"]), ("cron", &["A=4"]), ("web", &["A=2"]), ("worker", &["A=1"])];
        let mut found = survey(&[], &services);
        require(&mut found, "A", &["api", "worker"]);
        require(&mut found, "A", &["cron"]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
        require(&mut found, "A", &["worker", "web"]);
        let of = |services: &[&str]| {
            let message = "A must have the same value on all its services, but the values differ";
            format!("error A [{}]: {message}", services.join(", "))
        };
        assert_eq!(lines(&RULE, &found), [of(&["web", "worker"])]);
        require(&mut found, "A", &["api", "web"]);
        assert_eq!(lines(&RULE, &found), [of(&["api", "web", "worker"])]);
    }

    #[test]
    fn finding_states_why_each_service_differs_from_the_file() {
        let newline = "the stored value ends with a newline; the local one does not";
        let both = format!("on worker: {newline}; on api: only the case differs");
        let unset = "on worker: the stored value is a placeholder; on api: the stored value is empty";
        let cases = [
            (["A=one-key", "A=other-key"], None, false),
            (["A=one-key", "A=one-key\n"], Some(newline), true),
            (["A=ONE-KEY", "A=one-key\n"], Some(both.as_str()), true),
            (["A=ONE-KEY", "A=other-key"], Some("on api: only the case differs"), false),
            (["A=changeme", "A=other-key"], Some("on api: the stored value is a placeholder"), false),
            (["A=", "A=changeme"], Some(unset), false),
        ];
        for ([api, worker], reason, in_form) in cases {
            let mut found = survey(&["A=one-key"], &[("api", &[api]), ("worker", &[worker])]);
            require(&mut found, "A", &[]);
            let finding = check(&found).remove(0);
            assert_eq!((finding.reason.as_deref(), finding.differs_in_form), (reason, in_form), "{api:?} {worker:?}");
        }
    }

    #[test]
    fn key_of_a_stream_is_only_pushed() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
        require(&mut found, "A", &[]);
        found.files[0].is_stream = true;
        let finding = check(&found).remove(0);
        assert_eq!(finding.remedies, [Remedy::Push]);
        assert_eq!(finding.next.unwrap(), ["fix", "--only", "A", "--push"]);
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
