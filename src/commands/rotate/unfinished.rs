//! Finds a rotation of the same key that did not finish, so that running the command again completes it.

use std::collections::BTreeSet;

use crate::commands::key_value::KeySides;
use crate::drift::dotenv::LocalFile;
use crate::drift::plan::VariableOwner;
use crate::drift::rotation::{CopyPlace, UnfinishedRotation};
use crate::drift::trace::search::SearchedValue;
use crate::drift::trace::{Usage, traceable};
use crate::drift::{ResourceRef, Secret, Variable};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::storage::journal::{
    Before, Journal, JournalEntry, JournalRecord, RecordedCommand, RecordedVariable, RunName,
};
use crate::io::world::World;

/// Returns the last rotation of the key in this environment, if one of its changes or deployments was not made.
///
/// # Errors
///
/// If the journal can't be read.
pub(super) fn find(
    key: &str,
    sides: &KeySides,
    client: &Client<'_>,
    world: &World<'_>,
) -> Result<Option<UnfinishedRotation>, Error> {
    let entries = Journal::open(world.state.as_deref(), world.keyring)?.list()?;
    let undone: BTreeSet<&RunName> =
        entries.iter().filter_map(|entry| entry.record.as_ref().ok()?.undoes.as_ref()).collect();
    let is_of_key = |entry: &&JournalEntry| {
        let record = entry.record.as_ref();
        record.is_ok_and(|record| is_about(record, key, sides, client)) && !undone.contains(&entry.run)
    };
    let record = entries.iter().find(is_of_key).and_then(|entry| entry.record.as_ref().ok());
    Ok(record.and_then(|record| unfinished(record, key, sides)))
}

fn unfinished(record: &JournalRecord, key: &str, sides: &KeySides) -> Option<UnfinishedRotation> {
    let (old, new) = values(record, key)?;
    let deploys: BTreeSet<ResourceRef> = record.deploys.iter().cloned().collect();
    // The keys under which the run has kept an old value.
    let kept = record.stores.iter().filter(|store| store.after.as_ref().is_some_and(|after| old.contains(after)));
    let kept: BTreeSet<&str> = kept.map(|store| store.key.as_str()).collect();
    let has_open_step = || record.stores.iter().any(|store| is_open(store, sides));
    let is_undeployed = || {
        let searched = old.iter().filter(|value| traceable::objection(key, value).is_none());
        let mut running = searched.flat_map(|value| running_only(sides, SearchedValue { key, value }));
        running.any(|place| deploys.contains(&place.service) && !kept.contains(place.key.as_str()))
    };
    let is_unfinished = has_open_step() || is_undeployed();
    is_unfinished.then(|| UnfinishedRotation { places: places(record, sides, &old), deploys, old, new })
}

/// A variable of a running deployment.
pub(super) struct RunningPlace {
    pub(super) service: ResourceRef,
    pub(super) key: String,
}

/// Returns the variables in which only the running deployment has the value.
pub(super) fn running_only(sides: &KeySides, wanted: SearchedValue<'_>) -> impl Iterator<Item = RunningPlace> {
    let places = sides.trace(wanted).environments.into_iter().flat_map(|one| one.places);
    places.filter_map(|place| match (place.usage, place.owner) {
        (Usage::OnlyRunning(_), VariableOwner::Service(service)) => Some(RunningPlace { service, key: place.key }),
        _ => None,
    })
}

fn is_about(record: &JournalRecord, key: &str, sides: &KeySides, client: &Client<'_>) -> bool {
    let survey = &sides.gathered.survey;
    let has_key = record.stores.iter().any(|store| store.key == key)
        || record.files.iter().any(|file| file.keys.iter().any(|known| known == key));
    record.command == RecordedCommand::Rotate
        && record.host == client.host()
        && record.project.id == survey.project.id
        && record.environment.id == survey.environment.id
        && has_key
}

/// Returns the values of the key before a rotation, each once, and the one after it.
fn values(record: &JournalRecord, key: &str) -> Option<(Vec<Secret>, Secret)> {
    let of_stores = record.stores.iter().filter_map(|store| match &store.before {
        Before::Stored(old) if store.key == key => Some((old.clone(), store.after.clone()?)),
        _ => None,
    });
    let of_files = record.files.iter().filter_map(|file| {
        let value = |text: &Option<Secret>| {
            let file = LocalFile::parse(file.shown.as_str(), text.clone()?);
            file.entry(key).map(|entry| entry.value.clone())
        };
        Some((value(&file.before)?, value(&file.after)?))
    });
    let mut old: Vec<Secret> = Vec::new();
    let mut new = None;
    for (before, after) in of_stores.chain(of_files) {
        if !old.contains(&before) {
            old.push(before);
        }
        new.get_or_insert(after);
    }
    Some((old, new?))
}

/// Returns whether a replaced text is still stored. A variable that the run was to add may have been removed since.
fn is_open(store: &RecordedVariable, sides: &KeySides) -> bool {
    match &store.before {
        Before::Missing | Before::Sealed => false,
        Before::Stored(text) => current(store, sides).and_then(Variable::stored) == Some(text),
    }
}

fn current<'s>(store: &RecordedVariable, sides: &'s KeySides) -> Option<&'s Variable> {
    match &store.owner {
        Some(service) => {
            let mut targets = sides.gathered.survey.targets.iter();
            targets.find(|target| target.service.id == service.id)?.variable(&store.key)
        }
        None => sides.shared.as_ref().ok()?.get(&store.key),
    }
}

/// Returns the places that the run was to change, without those that keep the old value under another key.
fn places(record: &JournalRecord, sides: &KeySides, old: &[Secret]) -> BTreeSet<CopyPlace> {
    let changed = record.stores.iter().filter(|store| !store.after.as_ref().is_some_and(|after| old.contains(after)));
    let variables = changed.map(|store| {
        let owner = store.owner.clone().map_or(VariableOwner::Shared, VariableOwner::Service);
        CopyPlace::Variable { owner, key: store.key.clone() }
    });
    let resolved = sides.gathered.places.iter().enumerate();
    let entries = resolved.flat_map(|(index, place)| {
        let of_file = record.files.iter().filter(|file| file.path == place.end);
        of_file
            .flat_map(move |file| file.keys.iter().map(move |key| CopyPlace::Entry { file: index, key: key.clone() }))
    });
    variables.chain(entries).collect()
}
