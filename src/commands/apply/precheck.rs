//! Checks right before the first write that nothing has changed since the plan was made.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::apply::receipts::Receipts;
use crate::commands::apply::{ApplyContext, OnStaged, is_open};
use crate::drift::dotenv::LocalFile;
use crate::drift::model::receipt::{Outcome, Receipt, Sides};
use crate::drift::model::staged_changes::{StagedChanges, StagedState};
use crate::drift::phrases;
use crate::drift::plan::{Plan, VariableChange, VariableOwner};
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::io::files;
use crate::io::railway::deployments::PreWriteState;
use crate::io::railway::environment::ServiceShape;

/// The current variables on Railway, by owner.
pub(crate) type CurrentVariables = BTreeMap<VariableOwner, BTreeMap<String, Variable>>;

/// Reads everything again that the plan depends on. Steps whose data has changed are marked and not written.
pub(crate) fn recheck(context: ApplyContext<'_>, plan: &Plan, receipts: &mut Receipts) -> Result<PreWriteState, Error> {
    recheck_files(context, plan, receipts);
    let stores = &plan.stores;
    if plan.changes_nothing_stored() && plan.deploys.is_empty() {
        return Ok(PreWriteState::default());
    }
    let mut owners = plan.owners();
    // A shared variable that is not in the plan already has the value that services are to refer to.
    if stores.iter().any(|store| store.reference().is_some()) && !owners.contains(&&VariableOwner::Shared) {
        owners.push(&VariableOwner::Shared);
    }
    let now = read(context, &owners)?;
    for (store, receipt) in stores.iter().zip(&mut receipts.stores).filter(|(_, receipt)| is_open(receipt)) {
        let found = now.get(&store.owner).and_then(|variables| variables.get(&store.key));
        recheck_store(store, found, receipt);
        recheck_shared(store, plan, &now, receipt);
    }
    spread_conflicts(plan, receipts);
    let fence = context.client.pre_write_state(&context.shape.project.id, &context.shape.environment.id)?;
    if let Some(staged) = &fence.staged {
        refuse_staged(context, staged, plan)?;
    }
    Ok(fence)
}

/// Reads the current variables of these owners: one request for up to twenty services, one for the shared variables.
pub(crate) fn read(context: ApplyContext<'_>, owners: &[&VariableOwner]) -> Result<CurrentVariables, Error> {
    let mut now = CurrentVariables::new();
    let is_owner = |service: &&ServiceShape| owners.iter().any(|owner| owner.id() == Some(&service.service.id));
    let services: Vec<&ServiceShape> = context.shape.services.iter().filter(is_owner).collect();
    if !services.is_empty() {
        let values = context.client.values(context.shape, &services)?;
        for (service, stored) in services.into_iter().zip(values) {
            now.insert(VariableOwner::Service(service.service.clone()), stored?);
        }
    }
    if owners.iter().any(|owner| **owner == VariableOwner::Shared) {
        now.insert(VariableOwner::Shared, context.client.shared_values(context.shape)?);
    }
    Ok(now)
}

fn recheck_store(store: &VariableChange, found: Option<&Variable>, receipt: &mut Receipt) {
    if is_same(store.before.as_ref(), found) {
        return;
    }
    if stands(store, found) {
        let detail = if store.after.is_some() { "already set" } else { "already removed" };
        receipt.end(Outcome::Done, detail.to_owned());
        return;
    }
    receipt.end(Outcome::Conflict, "changed on Railway in the meantime".to_owned());
    receipt.sides = Some(Sides {
        planned_on: store.before.as_ref().and_then(Variable::stored).cloned(),
        found: found.and_then(Variable::stored).cloned(),
        wanted: store.after.clone(),
    });
}

/// Ends the receipt of a reference if the shared variable, which the plan does not write, no longer has the value.
fn recheck_shared(store: &VariableChange, plan: &Plan, now: &CurrentVariables, receipt: &mut Receipt) {
    let Some(name) = store.reference().filter(|name| is_open(receipt) && plan.shared(name).is_none()) else { return };
    let found = now.get(&VariableOwner::Shared).and_then(|variables| variables.get(name));
    if found.and_then(Variable::stored) != store.renders.as_ref() {
        receipt.end(Outcome::Conflict, format!("the shared variable {name} changed on Railway in the meantime"));
    }
}

/// If a value that services share changed on one of them, or as the shared variable, another user is changing it: none of
/// the others is made to refer to it.
fn spread_conflicts(plan: &Plan, receipts: &mut Receipts) {
    let is_conflict = |receipt: &Receipt| receipt.outcome == Outcome::Conflict;
    let conflicts = plan.stores.iter().zip(&receipts.stores).filter(|(_, receipt)| is_conflict(receipt));
    let conflicts: BTreeMap<&str, String> =
        conflicts.filter_map(|(store, _)| Some((store.shared_name()?, store.label()))).collect();
    for (store, receipt) in plan.stores.iter().zip(&mut receipts.stores).filter(|(_, receipt)| is_open(receipt)) {
        let Some((name, changed)) = store.shared_name().and_then(|name| conflicts.get_key_value(name)) else {
            continue;
        };
        if plan.references(name) {
            receipt.end(Outcome::Conflict, format!("not written, because {changed} changed in the meantime"));
        }
    }
}

/// Returns whether a variable is stored as it was when the plan was made.
fn is_same(before: Option<&Variable>, found: Option<&Variable>) -> bool {
    match (before, found) {
        (None, None) => true,
        (Some(before), Some(found)) => before.stored() == found.stored(),
        _ => false,
    }
}

/// Returns whether a variable is stored as planned. Always false for a sealed variable, whose value is unknown.
pub(crate) fn stands(store: &VariableChange, found: Option<&Variable>) -> bool {
    match (&store.after, found) {
        (None, None) => true,
        (Some(after), Some(found)) => found.stored() == Some(after),
        _ => false,
    }
}

/// Marks changes of a file that has changed in the meantime, and pushes of a value that the file no longer has.
fn recheck_files(context: ApplyContext<'_>, plan: &Plan, receipts: &mut Receipts) {
    for (file, receipts) in plan.files.iter().zip(&mut receipts.files) {
        if files::current(&file.path).as_ref() != file.before.as_ref() {
            for receipt in receipts {
                receipt.end(Outcome::Conflict, "the file changed in the meantime".to_owned());
            }
        }
    }
    let mut changed: BTreeMap<&str, Option<LocalFile>> = BTreeMap::new();
    // A stream can be read only once.
    for (path, file) in context.files.iter().filter(|(path, _)| !files::is_stream(path)) {
        let now = files::current(path);
        if now.as_ref() != Some(file.text()) {
            let parsed = now.map(|text| LocalFile::parse(file.name.as_str(), text));
            let read = |file: LocalFile| match context.loader {
                Some(loader) => file.read_as(loader),
                None => file,
            };
            changed.insert(&file.name, parsed.map(read));
        }
    }
    for (store, receipt) in plan.stores.iter().zip(&mut receipts.stores) {
        let Some(place) = &store.from else { continue };
        let Some(file) = changed.get(place.file.as_str()) else { continue };
        let found = file.as_ref().and_then(|file| file.entry(&store.key)).map(|entry| entry.value.clone());
        if store.owner != VariableOwner::Shared && found != store.after {
            receipt.end(Outcome::Conflict, format!("{} changed in the meantime", place.file));
            receipt.sides = Some(local_sides(store, found));
        }
    }
}

fn local_sides(store: &VariableChange, found: Option<Secret>) -> Sides {
    Sides { planned_on: store.after.clone(), found, wanted: store.before.as_ref().and_then(Variable::stored).cloned() }
}

/// Refuses to write if there is a staged change to the same key, or to the settings of the same service, which would
/// later overwrite it.
fn refuse_staged(context: ApplyContext<'_>, staged: &StagedChanges, plan: &Plan) -> Result<(), Error> {
    let stores = plan.stores.iter().filter(|store| staged.touches(store.owner.id(), &store.key));
    let settings = plan.settings.iter().filter(|setting| staged.settings.contains(&setting.service.id));
    let reused = plan.stores.iter().filter_map(VariableChange::reference).filter(|name| plan.shared(name).is_none());
    let reused: BTreeSet<&str> = reused.filter(|name| staged.touches(None, name)).collect();
    let names = stores.map(VariableChange::label);
    let names = names.chain(reused.into_iter().map(|name| format!("the shared variable {name}")));
    let names: Vec<String> =
        names.chain(settings.map(|setting| format!("the settings of {}", setting.service.name))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The plan writes or deploys something, which would interfere with the changes that are being applied.
    if staged.state == StagedState::Applying {
        return Err(Error::StagedApplying);
    }
    if staged.state == StagedState::Failed {
        return Ok(());
    }
    if !names.is_empty() && context.on_staged == OnStaged::Stop {
        return Err(Error::Staged { what: phrases::names(&names) });
    }
    Ok(())
}
