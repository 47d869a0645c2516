//! Two environments side by side: their services are paired by id, and the variables of a service by key.

pub mod backend;
pub mod outcome;
pub mod shared_value;

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::compare::outcome::mark_by_kind;
use crate::drift::model::finding::{Finding, Observation};
use crate::drift::model::marker::Mark;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::survey::{Counterpart, EnvironmentTraits, Original, Presence, Survey, Target};
use crate::drift::{Secret, Variable, comparison, phrases, system_variables};

/// A service in two environments; `None` where it does not exist.
#[derive(Clone, Copy, Debug)]
pub struct ServicePair<'s> {
    pub service: &'s ResourceRef,
    /// The first environment, and the second.
    pub sides: [Option<&'s Target>; 2],
}

/// A key of a service that exists in both environments; `None` where the key is missing.
#[derive(Clone, Copy, Debug)]
pub struct KeyPair<'s> {
    /// The service in the first environment, and in the second.
    pub targets: [&'s Target; 2],
    pub key: &'s str,
    /// The variable in the first environment, and in the second.
    pub sides: [Option<&'s Variable>; 2],
}

/// Returns the services of both environments, in the order of [`Survey::targets`]; none if only one environment is
/// surveyed.
pub fn services(survey: &Survey) -> impl Iterator<Item = ServicePair<'_>> {
    (0..survey.targets.len()).filter_map(|index| service(survey, index))
}

/// Returns the service of the target with that index; `None` if only one environment is surveyed.
pub fn service(survey: &Survey, index: usize) -> Option<ServicePair<'_>> {
    let target = survey.targets.get(index)?;
    let sides = match survey.counterpart.as_ref()?.services.get(index)? {
        Presence::Both(second) => [Some(target), Some(&**second)],
        Presence::Left => [Some(target), None],
        Presence::Right => [None, Some(target)],
    };
    Some(ServicePair { service: &target.service, sides })
}

/// Returns the keys of the services that exist in both environments and could be read, without system variables and
/// keys that `--only` leaves out.
pub fn keys(survey: &Survey) -> impl Iterator<Item = KeyPair<'_>> {
    services(survey).flat_map(|pair| pair.keys(survey))
}

impl<'s> ServicePair<'s> {
    /// Returns its keys; none if a side is missing or unreadable.
    pub fn keys(self, survey: &'s Survey) -> Vec<KeyPair<'s>> {
        let [Some(left), Some(right)] = self.sides else { return Vec::new() };
        let (Ok(first), Ok(second)) = (&left.stored, &right.stored) else { return Vec::new() };
        let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
        let keys = keys.into_iter().filter(|key| survey.includes_key(key) && !system_variables::is_provided(key));
        let pair = |key: &'s String| KeyPair { targets: [left, right], key, sides: [first.get(key), second.get(key)] };
        keys.map(pair).collect()
    }

    /// Returns the pair of variables with that key; `None` if the service exists in one environment only.
    pub fn key(self, key: &'s str) -> Option<KeyPair<'s>> {
        let [Some(left), Some(right)] = self.sides else { return None };
        Some(KeyPair { targets: [left, right], key, sides: [left.variable(key), right.variable(key)] })
    }

    /// Returns whether a side could not be read.
    pub fn is_unreadable(self) -> bool {
        self.sides.into_iter().flatten().any(|target| target.stored.is_err())
    }
}

/// One of the two environments.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentSide<'s> {
    pub environment: &'s ResourceRef,
    pub traits: EnvironmentTraits,
}

impl<'s> EnvironmentSide<'s> {
    /// Returns the name of the environment.
    pub fn name(self) -> &'s str {
        &self.environment.name
    }
}

/// Returns the two environments; `None` if only one is surveyed.
pub fn environments(survey: &Survey) -> Option<[EnvironmentSide<'_>; 2]> {
    let Counterpart { environment, traits: [left, right], .. } = survey.counterpart.as_ref()?;
    Some([
        EnvironmentSide { environment: &survey.environment, traits: *left },
        EnvironmentSide { environment, traits: *right },
    ])
}

/// Returns the environment that is not protected, if the other one is.
pub fn open_side([left, right]: [EnvironmentSide<'_>; 2]) -> Option<EnvironmentSide<'_>> {
    match (left.traits.is_protected, right.traits.is_protected) {
        (true, false) => Some(right),
        (false, true) => Some(left),
        _ => None,
    }
}

/// Returns the pull request environment and the protected one; `None` if they are not one of each.
pub fn copied_side(sides: [EnvironmentSide<'_>; 2]) -> Option<(EnvironmentSide<'_>, EnvironmentSide<'_>)> {
    let [left, right] = sides;
    let pairs = [(left, right), (right, left)];
    pairs.into_iter().find(|(copy, original)| copy.traits.is_ephemeral && original.traits.is_protected)
}

/// Returns whether values that both environments have are copies as intended: one of them is for a pull request, and
/// the other one is not protected.
pub fn expects_copies(survey: &Survey) -> bool {
    let traits = survey.counterpart.as_ref().map_or_else(Default::default, |counterpart| counterpart.traits);
    traits.iter().any(|traits| traits.is_ephemeral) && !traits.iter().any(|traits| traits.is_protected)
}

/// Returns the severity of a finding that something is shared: an error if an environment is protected.
pub fn severity_of_sharing(survey: &Survey, rule: &Rule) -> Severity {
    let traits = survey.counterpart.iter().flat_map(|counterpart| counterpart.traits);
    if traits.into_iter().any(|traits| traits.is_protected) { Severity::Error } else { rule.severity }
}

/// A value that a deployment of a service would get.
#[derive(Clone, Copy, Debug)]
pub struct UsedValue<'s> {
    pub target: &'s Target,
    pub key: &'s str,
    pub variable: &'s Variable,
    pub value: &'s Secret,
}

/// Returns the known values of the services in each environment, with references rendered, by service and key.
pub fn used_values(survey: &Survey) -> [Vec<UsedValue<'_>>; 2] {
    [0, 1].map(|side| targets(survey, side).flat_map(values_of).collect())
}

/// Returns the services in scope of an environment.
pub fn targets(survey: &Survey, side: usize) -> impl Iterator<Item = &Target> {
    services(survey).filter_map(move |pair| pair.sides[side])
}

/// Removes services that could not be read in both environments from the findings, and findings about no other service.
/// What could be read of them is still compared with the other services.
pub fn without_unreadable(survey: &Survey, findings: Vec<Finding>) -> Vec<Finding> {
    let unreadable = services(survey).filter(|pair| pair.is_unreadable());
    let unreadable: BTreeSet<&ResourceRef> = unreadable.map(|pair| pair.service).collect();
    let remainder = findings.into_iter().map(|mut finding| {
        finding.services.retain(|service| !unreadable.contains(service));
        finding
    });
    remainder.filter(|finding| !finding.services.is_empty()).collect()
}

/// Returns the known values of a service, without system variables.
pub fn values_of(target: &Target) -> impl Iterator<Item = UsedValue<'_>> {
    let stored = target.stored.iter().flatten().filter(|(key, _)| !system_variables::is_provided(key));
    stored.filter_map(move |(key, variable)| {
        Some(UsedValue {
            target,
            key,
            variable,
            value: variable.effective().filter(|value| !value.expose().is_empty())?,
        })
    })
}

/// A protected environment that is not compared, and its values.
#[derive(Debug)]
pub struct OriginalValues<'s> {
    pub environment: &'s ResourceRef,
    pub values: Vec<UsedValue<'s>>,
}

/// Returns the protected environments whose values must not be in a pull request environment.
pub fn originals(survey: &Survey) -> impl Iterator<Item = OriginalValues<'_>> {
    let originals = survey.counterpart.iter().flat_map(|counterpart| &counterpart.originals);
    originals.map(|Original { environment, targets }| OriginalValues {
        environment,
        values: targets.iter().flat_map(values_of).collect(),
    })
}

/// Groups the pairs with the same fault by key: services with the same fault share one finding.
pub fn grouped<'s, F: Ord>(
    survey: &'s Survey,
    fault: impl Fn(&KeyPair<'s>) -> Option<F>,
) -> BTreeMap<(&'s str, F), Vec<KeyPair<'s>>> {
    let mut groups: BTreeMap<(&str, F), Vec<KeyPair<'_>>> = BTreeMap::new();
    for pair in keys(survey) {
        if let Some(fault) = fault(&pair) {
            groups.entry((pair.key, fault)).or_default().push(pair);
        }
    }
    groups
}

/// A key that services have in one environment only.
#[derive(Debug)]
pub struct AbsentKey<'s> {
    pub key: &'s str,
    /// Whether a `[[require]]` names the key for these services.
    pub is_required: bool,
    /// The environment that has the key.
    pub present: EnvironmentSide<'s>,
    /// The environment that lacks it.
    pub absent: EnvironmentSide<'s>,
    pub pairs: Vec<KeyPair<'s>>,
}

/// Returns the keys with one of these marks, grouped by fault.
pub fn absent_keys<'s>(survey: &'s Survey, marks: &[Mark]) -> Vec<AbsentKey<'s>> {
    let Some([left, right]) = environments(survey) else { return Vec::new() };
    let groups = grouped(survey, |pair| {
        let has_mark = mark_by_kind(pair).is_some_and(|mark| marks.contains(&mark));
        has_mark.then(|| (survey.requires(pair.targets[0], pair.key), pair.sides[0].is_none()))
    });
    let absent_key = |((key, (is_required, is_absent_left)), pairs)| {
        let (present, absent) = if is_absent_left { (right, left) } else { (left, right) };
        AbsentKey { key, is_required, present, absent, pairs }
    };
    groups.into_iter().map(absent_key).collect()
}

impl AbsentKey<'_> {
    /// Returns the finding: an error if the key is required.
    pub fn finding(&self, survey: &Survey, rule: &'static Rule, message: String) -> Finding {
        Finding {
            severity: if self.is_required { Severity::Error } else { rule.severity },
            required: self.is_required,
            key: Some(self.key.to_owned()),
            services: services_of_pairs(&self.pairs),
            observations: environments(survey).map(|sides| pair_observations(&self.pairs, sides)).unwrap_or_default(),
            ..Finding::new(rule, message)
        }
    }

    /// Returns where to set the key.
    pub fn place(&self) -> String {
        let services = self.pairs.iter().map(|pair| pair.targets[0].service.name.as_str()).collect::<Vec<_>>();
        format!(
            "set {} on {} in {} (in the dashboard, under Variables)",
            self.key,
            phrases::names(&services),
            self.absent.name()
        )
    }
}

/// Returns the services of these pairs.
pub fn services_of_pairs(pairs: &[KeyPair<'_>]) -> Vec<ResourceRef> {
    pairs.iter().map(|pair| pair.targets[0].service.clone()).collect()
}

/// Returns the services of these values, by name.
pub fn services_of<'u>(uses: impl IntoIterator<Item = &'u UsedValue<'u>>) -> Vec<ResourceRef> {
    let services: BTreeSet<&ResourceRef> = uses.into_iter().map(|used| &used.target.service).collect();
    services.into_iter().cloned().collect()
}

/// Returns the values in an environment, for the lines below a finding.
pub fn observations(side: EnvironmentSide<'_>, uses: &[UsedValue<'_>]) -> Vec<Observation> {
    let line = |used: &UsedValue<'_>| {
        let place = format!("{} in {}", used.target.service.name, side.name());
        Observation { place, ..comparison::observation(used.target, Some(used.variable)) }
    };
    uses.iter().map(line).collect()
}

/// Returns the values of the pairs in both environments, for the lines below a finding.
pub fn pair_observations(pairs: &[KeyPair<'_>], sides: [EnvironmentSide<'_>; 2]) -> Vec<Observation> {
    let line = |pair: &KeyPair<'_>, index: usize| {
        let target = pair.targets[index];
        let place = format!("{} in {}", target.service.name, sides[index].name());
        Observation { place, ..comparison::observation(target, pair.sides[index]) }
    };
    pairs.iter().flat_map(|pair| [0, 1].map(|index| line(pair, index))).collect()
}

#[cfg(test)]
mod tests {
    use super::{EnvironmentSide, absent_keys, environments, open_side};
    use crate::drift::model::marker::Mark;
    use crate::drift::model::rule::Rule;
    use crate::drift::test_support::{counterpart, pair, require};

    static RULE: Rule = Rule::DEFAULT;

    #[test]
    fn open_side_is_the_only_unprotected_environment() {
        for (protected, expected) in [
            ([false, true], Some("staging")),
            ([true, false], Some("production")),
            ([false, false], None),
            ([true, true], None),
        ] {
            let mut found = pair(&[], &[]);
            for (traits, is_protected) in counterpart(&mut found).traits.iter_mut().zip(protected) {
                traits.is_protected = is_protected;
            }
            assert_eq!(environments(&found).and_then(open_side).map(EnvironmentSide::name), expected, "{protected:?}");
        }
    }

    #[test]
    fn finding_about_an_absent_key_has_whether_it_is_required() {
        let mut found = pair(&[("api", &["A=1", "B=1"])], &[("api", &[])]);
        require(&mut found, "A", &[]);
        let absent = absent_keys(&found, &[Mark::OnlyLeft]);
        let findings = absent.iter().map(|absent| absent.finding(&found, &RULE, String::new()));
        let required: Vec<_> = findings.map(|finding| (finding.key, finding.required)).collect();
        assert_eq!(required, [(Some("A".to_owned()), true), (Some("B".to_owned()), false)]);
    }
}
