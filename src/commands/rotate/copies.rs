//! The copies of the old value beside those under the key itself: which are replaced, and which are left.

use std::collections::BTreeSet;

use crate::commands::prompts;
use crate::commands::rotate::RotateRun;
use crate::drift::model::finding::Location;
use crate::drift::phrases;
use crate::drift::plan::VariableOwner;
use crate::drift::rotation::{CopyPlace, CopySelection, Rotation};
use crate::drift::trace::{Trace, Usage};
use crate::error::Error;
use crate::io::terminal::prompt::{PromptAnswer, can_ask};
use crate::io::world::World;
use crate::report::escape;

/// Asks which of the other copies are replaced, none of them preselected. Returns whether any is.
pub(super) fn select(run: &mut RotateRun<'_>, rotation: &Rotation, world: &mut World<'_>) -> Result<bool, Error> {
    let is_asked = !run.options.yes && !run.options.dry_run && can_ask(&world.terminal, &world.variables);
    if rotation.others.is_empty() || !is_asked {
        return Ok(false);
    }
    let trace = run.sides.trace(run.wanted());
    let items: Vec<String> = rotation.others.iter().map(|place| item(run, &trace, place)).collect();
    let before = world.clock.elapsed();
    let picked = world.prompt.choose_many(
        prompts::OTHER_COPIES,
        &prompts::names_to_choose(items.iter().map(String::as_str)),
        &[],
    )?;
    // Time spent at a prompt does not count towards the limit.
    run.client.limit.set(run.client.limit.get() + world.clock.elapsed().saturating_sub(before));
    let PromptAnswer::Given(picked) = picked else { return Err(Error::Cancelled) };
    if picked.is_empty() {
        return Ok(false);
    }
    let selected: BTreeSet<CopyPlace> = picked.iter().map(|&index| rotation.others[index].clone()).collect();
    run.input.copies =
        if selected.len() == rotation.others.len() { CopySelection::All } else { CopySelection::Selected(selected) };
    Ok(true)
}

/// Returns `billing: AMQP_URL  in a URL`. The part after two spaces is a hint.
fn item(run: &RotateRun<'_>, trace: &Trace, place: &CopyPlace) -> String {
    let form = form(trace, place);
    format!("{}: {}  {form}", owner_name(run, place), place.key())
}

/// Returns how the place contains the value.
fn form(trace: &Trace, wanted: &CopyPlace) -> String {
    let form = match wanted {
        CopyPlace::Entry { file, key } => {
            let mut places = trace.files.iter();
            places.find(|place| place.file == *file && place.key == *key).map(|place| &place.form)
        }
        CopyPlace::Variable { owner, key } => {
            let mut places = trace.environments.iter().flat_map(|one| &one.places);
            places.find(|place| place.owner == *owner && place.key == *key).and_then(|place| match &place.usage {
                Usage::Stored(form) | Usage::OnlyRunning(form) => Some(form),
                Usage::Reference { .. } => None,
            })
        }
    };
    form.map(crate::drift::trace::form::Form::description).unwrap_or_default()
}

fn owner_name(run: &RotateRun<'_>, place: &CopyPlace) -> String {
    match place {
        CopyPlace::Entry { file, .. } => run.gathered().survey.files[*file].name.clone(),
        CopyPlace::Variable { owner, .. } => owner.name().to_owned(),
    }
}

/// Returns the line above the prompt for the new value: what is rotated, and where.
pub(super) fn introduction(run: &RotateRun<'_>, rotation: &Rotation) -> String {
    let survey = &run.gathered().survey;
    let copies = match rotation.others.len() {
        0 => String::new(),
        1 => ", and 1 other copy was found".to_owned(),
        several => format!(", and {several} other copies were found"),
    };
    format!(
        "{} (value from {}) in {} · {}: {} and {} change{copies}",
        escape::line(run.request.key),
        escape::line(&run.sides.found.origin.name()),
        escape::line(&survey.project.name),
        escape::line(&survey.environment.name),
        phrases::count(rotation.stores.len(), "variable"),
        phrases::count(rotation.entries.len(), "local assignment"),
    )
}

/// Returns the notes above the confirmation: what follows by reference, and what is left.
pub(super) fn cautions(run: &RotateRun<'_>, rotation: &Rotation) -> Vec<String> {
    let mut notes = Vec::new();
    if run.input.unfinished.is_some() {
        notes.push("an earlier rotation of this key did not finish; its remaining places are included".to_owned());
    }
    notes.extend(followers(run, rotation));
    let named = |places: &[CopyPlace]| {
        let names: Vec<String> =
            places.iter().map(|place| format!("{} of {}", place.key(), owner_name(run, place))).collect();
        phrases::names(&names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let on = |owners: &[VariableOwner]| phrases::names(&owners.iter().map(VariableOwner::name).collect::<Vec<_>>());
    if !rotation.others.is_empty() {
        let copies = if rotation.others.len() == 1 { "copy stays" } else { "copies stay" };
        let (number, list) = (rotation.others.len(), named(&rotation.others));
        notes.push(format!("{number} other {copies} unchanged without --all-copies: {list}"));
    }
    if !rotation.irreplaceable.is_empty() {
        notes.push(format!("can't be changed exactly and stay unchanged: {}", named(&rotation.irreplaceable)));
    }
    let key = run.request.key;
    if !rotation.sealed.is_empty() {
        let owners = on(&rotation.sealed);
        notes.push(format!("the sealed {key} stays unchanged on {owners} without --allow-sealed={key}"));
    }
    if !run.options.allow_sealed.is_empty() {
        notes.push(format!("undo can't restore a sealed {key}"));
    }
    if !rotation.differing.is_empty() {
        notes.push(format!("another value of {key} stays unchanged on {}", on(&rotation.differing)));
    }
    if let (Some(kept), false) = (&run.options.keep_old_as, rotation.replaced_kept.is_empty()) {
        notes.push(format!("another value of {kept} is replaced on {}", on(&rotation.replaced_kept)));
    }
    let entries = rotation.differing_entries.iter();
    notes.extend(entries.map(|Location { file, line }| format!("{file}:{line} has another value and stays unchanged")));
    notes
}

/// Returns a note on each service that gets the new value through a reference.
fn followers(run: &RotateRun<'_>, rotation: &Rotation) -> Vec<String> {
    let changed: BTreeSet<String> = rotation.stores.iter().map(|store| source_name(&store.owner, &store.key)).collect();
    let places = run.sides.trace(run.wanted()).environments.into_iter().flat_map(|one| one.places);
    let followers = places.filter_map(|place| match place.usage {
        Usage::Reference { to } if to.iter().any(|source| changed.contains(source)) => {
            Some(format!("{} of {} follows through a reference to {}", place.key, place.owner.name(), to.join(", ")))
        }
        _ => None,
    });
    followers.collect()
}

/// Returns the name of a variable in references.
fn source_name(owner: &VariableOwner, key: &str) -> String {
    match owner {
        VariableOwner::Service(service) => format!("{}.{key}", service.name),
        VariableOwner::Shared => format!("shared.{key}"),
    }
}
