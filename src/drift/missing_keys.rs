//! Keys of files that are missing on services.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::drift::key_holders::KeyHolders;
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, system_variables};

/// A key of a file that is missing on at least one of the services compared with the file.
#[derive(Debug)]
pub struct MissingKey<'s> {
    pub key: &'s str,
    /// The effective assignment.
    pub local: Local<'s>,
    /// The readable services that lack it, sorted by name; empty if there are too many to list.
    pub lacking: Vec<&'s Target>,
}

/// The maximum number of pairs of key and service to list. It bounds the memory for a file with 100,000 lines and 1,000
/// services that have none of its keys.
pub(crate) const LISTED_AT_MOST: usize = 200_000;

/// Services with the same layers, so that each file is read once for all of them.
struct LayerGroup<'s> {
    targets: Vec<&'s Target>,
    /// The number of services that have each key.
    having: HashMap<&'s str, usize>,
}

impl LayerGroup<'_> {
    /// Returns the number of services that lack the key.
    fn lacking(&self, key: &str) -> usize {
        self.targets.len() - self.having.get(key).copied().unwrap_or_default()
    }
}

/// Returns every wanted key that is missing on a readable service and that no service of the environment has, by key
/// and file. Databases that are not compared do not count, because they keep their variables for others. System
/// variables are skipped.
pub fn missing_keys<'s>(survey: &'s Survey, is_wanted: impl Fn(Local<'s>) -> bool) -> Vec<MissingKey<'s>> {
    let holders = LazyCell::new(|| KeyHolders::new(survey));
    lacked_keys(survey, |local| !holders.is_on_a_service(&local.entry.key) && is_wanted(local))
}

/// Returns every wanted key that is missing on a readable service, although another service of the environment has it.
pub fn partly_missing_keys<'s>(survey: &'s Survey, is_wanted: impl Fn(Local<'s>) -> bool) -> Vec<MissingKey<'s>> {
    let holders = LazyCell::new(|| KeyHolders::new(survey));
    lacked_keys(survey, |local| holders.is_on_a_service(&local.entry.key) && is_wanted(local))
}

fn lacked_keys<'s>(survey: &'s Survey, is_wanted: impl Fn(Local<'s>) -> bool) -> Vec<MissingKey<'s>> {
    let stacks: BTreeSet<&[usize]> = survey.readable().map(|target| target.layers.as_slice()).collect();
    let groups = groups(survey, &stacks);
    let mut users: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for (index, layers) in stacks.iter().enumerate() {
        // Most keys are missing nowhere, which is the fastest to find out.
        let lacked = survey.effective(layers).filter(|(_, local)| groups[index].lacking(&local.entry.key) > 0);
        for (layer, local) in lacked.filter(|(_, local)| !system_variables::is_provided(&local.entry.key)) {
            if is_wanted(local) {
                users.entry((local.entry.key.as_str(), layer)).or_default().push(index);
            }
        }
    }
    let mut budget = LISTED_AT_MOST;
    let missing =
        |((key, layer), users): (_, Vec<usize>)| missing_key(survey, &groups, key, layer, &users, &mut budget);
    users.into_iter().filter_map(missing).collect()
}

/// Groups the readable services by their layers, in the order of `stacks`.
fn groups<'s>(survey: &'s Survey, stacks: &BTreeSet<&[usize]>) -> Vec<LayerGroup<'s>> {
    let empty = || LayerGroup { targets: Vec::new(), having: HashMap::new() };
    let mut groups: BTreeMap<&[usize], LayerGroup<'_>> = stacks.iter().map(|&layers| (layers, empty())).collect();
    for target in survey.readable() {
        let group = groups.entry(&target.layers).or_insert_with(empty);
        group.targets.push(target);
        for key in target.stored.iter().flat_map(|stored| stored.keys()) {
            *group.having.entry(key).or_default() += 1;
        }
    }
    groups.into_values().collect()
}

fn missing_key<'s>(
    survey: &'s Survey,
    groups: &[LayerGroup<'s>],
    key: &'s str,
    layer: usize,
    users: &[usize],
    budget: &mut usize,
) -> Option<MissingKey<'s>> {
    let groups = || users.iter().map(|&index| &groups[index]);
    let number: usize = groups().map(|group| group.lacking(key)).sum();
    let mut lacking = Vec::new();
    if number <= *budget {
        *budget -= number;
        let targets = groups().flat_map(|group| group.targets.iter().copied());
        lacking.extend(targets.filter(|target| target.variable(key).is_none()));
        lacking.sort_by(|one, other| one.service.name.cmp(&other.service.name));
    }
    let file = &survey.files[layer];
    file.entry(key).map(|entry| MissingKey { key, local: Local { file, entry }, lacking })
}

#[cfg(test)]
mod tests {
    use crate::drift::missing_keys::{MissingKey, missing_keys, partly_missing_keys};
    use crate::drift::test_support::{ServiceRows, survey};

    fn listed(missing: &[MissingKey<'_>]) -> Vec<String> {
        let names = |missing: &MissingKey<'_>| {
            missing.lacking.iter().map(|target| target.service.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        missing.iter().map(|missing| format!("{} [{}]", missing.key, names(missing))).collect()
    }

    #[test]
    fn key_is_missing_only_if_a_service_lacks_it() {
        let found = survey(&["A=1", "B=1", "C=1"], &[("api", &["A=1"]), ("web", &["A=1", "B=1"])]);
        assert_eq!(listed(&partly_missing_keys(&found, |_| true)), ["B [api]"]);
        assert_eq!(listed(&missing_keys(&found, |_| true)), ["C [api, web]"]);
    }

    #[test]
    fn services_are_listed_for_a_limited_number_of_keys() {
        let rows: Vec<String> = (0..401).map(|number| format!("K{number:03}=1")).collect();
        let names: Vec<String> = (0..500).map(|number| format!("s{number:03}")).collect();
        let services: Vec<ServiceRows<'_>> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let found = survey(&rows.iter().map(String::as_str).collect::<Vec<_>>(), &services);
        let lacking: Vec<usize> = missing_keys(&found, |_| true).iter().map(|missing| missing.lacking.len()).collect();
        assert_eq!(lacking, [vec![500; 400], vec![0]].concat());
    }
}
