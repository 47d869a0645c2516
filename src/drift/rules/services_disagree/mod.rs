//! D105 services-disagree: a required key has different values on its services.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, Pair, observation};
use crate::drift::engine::policy::Require;
use crate::drift::example_file::Example;
use crate::drift::model::finding::{Finding, Location, Remedy};
use crate::drift::model::fix::{Bulk, Direction, Fix, FixCondition, VariableFix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::needs::template_needs;
use crate::drift::reason::Reason;
use crate::drift::reason::other_values::OtherValues;
use crate::drift::rules::value_differs::{self, remedies};
use crate::drift::rules::{Declaration, RuleCheck, empty_on_railway, missing_locally, placeholder_value};
use crate::drift::secret_like::is_secret_like;
use crate::drift::survey::Local;
use crate::drift::suspicious_values::is_blank;
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
    markers: &[Marker::new(
        Mark::Disagrees,
        "≉",
        "disagrees",
        "services-disagree",
        "differs from the value on another service",
    )],
    in_place_of: &[&value_differs::RULE, &missing_locally::RULE, &placeholder_value::RULE, &empty_on_railway::RULE],
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
right, and the finding is about the others only. `value-differs` does not report them again. Without a file, the finding
is about all of them, and lists which services have the same value.

Without a file, a secret-like key of a template such as `.env.example` that has different values is a note: nothing
declares that they must be the same.

## Fix

Push the right value to all of them with `doctor fix --only JWT_SECRET --push`, or store it once as a shared variable
and refer to it from each service as `${{shared.JWT_SECRET}}`. Without a file, set the right value in the dashboard.

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
    found.iter().map(|one| finding(survey, one, &others)).chain(undeclared(survey)).collect()
}

/// Returns a note for each secret of a template that has different values on its services. Nothing declares that they must
/// agree: one template often serves several programs, and each may have its own secret.
fn undeclared(survey: &Survey) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, need) in template_needs(survey).into_iter().filter(|(key, _)| is_secret_like(key)) {
        let holders: Vec<_> = survey
            .targets
            .iter()
            .filter(|target| need.is_of(target))
            .filter_map(|target| known(survey, target, key))
            .collect();
        let set: Vec<_> = holders.into_iter().filter(|(_, variable)| is_set(survey, key, variable)).collect();
        if values(&set).len() > 1 {
            let found = ServicesDisagreement { key, wrong: set.clone(), holders: set };
            findings.push(undeclared_finding(&found));
        }
    }
    findings
}

fn undeclared_finding(found: &ServicesDisagreement<'_>) -> Finding {
    let ServicesDisagreement { key, holders, .. } = found;
    let advice = format!("if the services must have the same value, add {key} to a [[require]] in doctor.toml");
    Finding {
        severity: Severity::Note,
        key: Some((*key).to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        reason: agreement(found),
        observations: holders.iter().map(|(target, variable)| observation(target, Some(variable))).collect(),
        advice: Some(advice),
        ..Finding::new(&RULE, format!("{key} has different values on its services"))
    }
}

/// Returns the variable if its value is known.
fn known<'s>(survey: &Survey, target: &'s Target, key: &str) -> Option<(&'s Target, &'s Variable)> {
    let variable = target.variable(key)?;
    (!variable.is_unknown() && !survey.is_stored_indirect(variable)).then_some((target, variable))
}

/// Returns whether the value is neither empty nor a placeholder, which other rules report.
fn is_set(survey: &Survey, key: &str, variable: &Variable) -> bool {
    variable.effective().is_some_and(|value| !is_blank(value.expose()) && !survey.is_unset(key, value))
}

fn values<'s>(holders: &[(&'s Target, &'s Variable)]) -> HashSet<&'s str> {
    holders.iter().filter_map(|(_, variable)| variable.effective()).map(Secret::expose).collect()
}

/// Returns the services of every `[[require]]` that is violated. Services that no `[[require]]` has in common may have
/// different values.
fn disagreement<'s>(survey: &'s Survey, key: &'s str, requirements: &[&Require]) -> Option<ServicesDisagreement<'s>> {
    let mut holders: BTreeMap<usize, (&Target, &Variable)> = BTreeMap::new();
    for require in requirements {
        let named: HashSet<&str> = require.services.iter().map(String::as_str).collect();
        let is_required = |target: &Target| named.is_empty() || named.contains(target.service.id.as_str());
        let all = survey.targets.iter().enumerate().filter(|(_, target)| is_required(target));
        let all: Vec<_> = all.filter_map(|(index, target)| Some((index, known(survey, target, key)?))).collect();
        if values(&all.iter().map(|(_, holder)| *holder).collect::<Vec<_>>()).len() > 1 {
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
        reason: sentence(&reasons, pairs.len()).or_else(|| agreement(found)),
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
    } else if wrong.iter().all(|(target, _)| !target.has_file()) {
        let services: Vec<&str> = wrong.iter().map(|(target, _)| target.service.name.as_str()).collect();
        let services = phrases::names(&services);
        format!("set {key} to the same value on {services} in the dashboard, or store it once as a shared variable")
    } else if pairs.len() < wrong.len() {
        format!("add {key} to the file and push it, or store it once as a shared variable")
    } else {
        let remedies = remedies(survey, pairs, None);
        // Nothing is pulled into a read-only file, and prompts can't be answered from a stream.
        let push = pairs.iter().any(|pair| pair.local.file.read_only.is_some()).then(|| "--push".to_owned());
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

/// Returns which services have the same value, `api and web agree; worker differs`, if there is no file to compare them
/// with; `None` if all values are different.
fn agreement(found: &ServicesDisagreement<'_>) -> Option<String> {
    if found.holders.iter().any(|(target, _)| target.has_file()) {
        return None;
    }
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (target, variable) in &found.holders {
        groups.entry(variable.effective()?.expose()).or_default().push(&target.service.name);
    }
    let is_empty = groups.remove("");
    let (agreeing, single): (Vec<_>, Vec<_>) = groups.into_values().partition(|names| names.len() > 1);
    let single: Vec<&str> = single.into_iter().flatten().collect();
    let clause = |names: &[&str], verbs: [&str; 2]| {
        (!names.is_empty()).then(|| format!("{} {}", phrases::names(names), verbs[usize::from(names.len() > 1)]))
    };
    let empty = clause(&is_empty.unwrap_or_default(), ["is empty", "are empty"]);
    let differing = clause(&single, ["differs", "differ"]).filter(|_| !agreeing.is_empty());
    let clauses: Vec<String> =
        agreeing.iter().filter_map(|names| clause(names, ["agree"; 2])).chain(differing).chain(empty).collect();
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
    let mut examples = survey.examples.iter();
    survey.policy.require.iter().next().is_some() || examples.any(Example::declares_needs)
}
