//! Keys of files that services lack.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::drift::survey::Local;
use crate::drift::{Survey, Target, system_variables};

/// A key of a file that at least one of the services which take it from there does not have.
#[derive(Debug)]
pub struct MissingKey<'s> {
    /// The key.
    pub key: &'s str,
    /// The assignment that counts.
    pub local: Local<'s>,
    /// How many readable services take the key from that file.
    pub users: usize,
    /// How many of them lack it.
    pub lacking: usize,
    /// The ones that lack it, in the order of the survey; empty where naming all of them would be beyond reading.
    pub named: Vec<&'s Target>,
    /// The ones that have it.
    pub having: Vec<&'s Target>,
}

/// How many pairs of key and service are named at all. More would be a list that nobody reads, in memory that it is
/// not worth: a file of 100,000 lines beside 1,000 services that have none of it.
const NAMED_AT_MOST: usize = 200_000;

/// Services with the same layers, so that a file is gone through once for all of them.
struct LayerGroup<'s> {
    targets: Vec<&'s Target>,
    /// Which of them have a key.
    having: HashMap<&'s str, Vec<&'s Target>>,
}

/// Every wanted key of a file that one of the readable services lacks which take it from there, by key and file. System
/// variables are nobody's to lack.
pub fn absences<'s>(survey: &'s Survey, is_wanted: impl Fn(Local<'s>) -> bool) -> Vec<MissingKey<'s>> {
    let stacks: BTreeSet<&[usize]> = survey.readable().map(|target| target.layers.as_slice()).collect();
    let mut users: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for (index, layers) in stacks.iter().enumerate() {
        for (key, layer) in winners(survey, layers).into_iter().filter(|(key, _)| !system_variables::is_provided(key)) {
            let file = &survey.files[layer];
            if file.entry(key).is_some_and(|entry| is_wanted(Local { file, entry })) {
                users.entry((key, layer)).or_default().push(index);
            }
        }
    }
    if users.is_empty() {
        return Vec::new();
    }
    let groups = groups(survey, &stacks);
    let mut budget = NAMED_AT_MOST;
    let absence = |((key, layer), users): (_, Vec<usize>)| absence(survey, &groups, key, layer, &users, &mut budget);
    users.into_iter().filter_map(absence).collect()
}

/// The readable services by their layers, in the order of `stacks`.
fn groups<'s>(survey: &'s Survey, stacks: &BTreeSet<&[usize]>) -> Vec<LayerGroup<'s>> {
    let empty = || LayerGroup { targets: Vec::new(), having: HashMap::new() };
    let mut groups: BTreeMap<&[usize], LayerGroup<'_>> = stacks.iter().map(|&layers| (layers, empty())).collect();
    for target in survey.readable() {
        let group = groups.entry(&target.layers).or_insert_with(empty);
        group.targets.push(target);
        for key in target.stored.iter().flat_map(|stored| stored.keys()) {
            group.having.entry(key).or_default().push(target);
        }
    }
    groups.into_values().collect()
}

/// Every key of the layers with the layer that wins.
fn winners<'s>(survey: &'s Survey, layers: &[usize]) -> HashMap<&'s str, usize> {
    layers.iter().flat_map(|&layer| survey.files[layer].keys().map(move |key| (key, layer))).collect()
}

fn absence<'s>(
    survey: &'s Survey,
    groups: &[LayerGroup<'s>],
    key: &'s str,
    layer: usize,
    users: &[usize],
    budget: &mut usize,
) -> Option<MissingKey<'s>> {
    let groups = || users.iter().map(|&index| &groups[index]);
    let by_name = |mut targets: Vec<&'s Target>| {
        targets.sort_by(|one, other| one.service.name.cmp(&other.service.name));
        targets
    };
    let having = by_name(groups().filter_map(|group| group.having.get(key)).flatten().copied().collect());
    let users: usize = groups().map(|group| group.targets.len()).sum();
    let lacking = users - having.len();
    if lacking == 0 {
        return None;
    }
    let mut named = Vec::new();
    if lacking <= *budget {
        *budget -= lacking;
        let targets = groups().flat_map(|group| group.targets.iter().copied());
        named = by_name(targets.filter(|target| target.variable(key).is_none()).collect());
    }
    let file = &survey.files[layer];
    file.entry(key).map(|entry| MissingKey { key, local: Local { file, entry }, users, lacking, named, having })
}
