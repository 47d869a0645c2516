//! Right before the first write: is everything still as the plan saw it?

use std::collections::BTreeMap;

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

/// What Railway stores right now, by owner.
pub(crate) type CurrentVariables = BTreeMap<VariableOwner, BTreeMap<String, Variable>>;

/// Reads everything again that the plan builds on, and marks what has changed: it is not written.
pub(crate) fn recheck(site: ApplyContext<'_>, plan: &Plan, ledger: &mut Receipts) -> Result<PreWriteState, Error> {
    recheck_files(site, plan, ledger);
    let stores = &plan.stores;
    if plan.changes_nothing_stored() && plan.deploys.is_empty() {
        return Ok(PreWriteState::default());
    }
    let now = read(site, &plan.owners())?;
    for (store, receipt) in stores.iter().zip(&mut ledger.stores) {
        let found = now.get(&store.owner).and_then(|variables| variables.get(&store.key));
        if is_open(receipt) {
            recheck_store(store, found, receipt);
        }
    }
    let fence = site.client.pre_write_state(&site.shape.project.id, &site.shape.environment.id)?;
    if let Some(staged) = &fence.staged {
        refuse_staged(site, staged, plan)?;
    }
    Ok(fence)
}

/// What these owners have stored right now: one request for up to twenty services, one for the shared variables.
pub(crate) fn read(site: ApplyContext<'_>, owners: &[&VariableOwner]) -> Result<CurrentVariables, Error> {
    let mut now = CurrentVariables::new();
    let is_owner = |service: &&ServiceShape| owners.iter().any(|owner| owner.id() == Some(&service.service.id));
    let services: Vec<&ServiceShape> = site.shape.services.iter().filter(is_owner).collect();
    if !services.is_empty() {
        let values = site.client.values(site.shape, &services)?;
        for (service, stored) in services.into_iter().zip(values) {
            now.insert(VariableOwner::Service(service.service.clone()), stored?);
        }
    }
    if owners.iter().any(|owner| **owner == VariableOwner::Shared) {
        now.insert(VariableOwner::Shared, site.client.shared_values(site.shape)?);
    }
    Ok(now)
}

fn recheck_store(store: &VariableChange, found: Option<&Variable>, receipt: &mut Receipt) {
    if is_same(store.before.as_ref(), found) {
        return;
    }
    if stands(store, found) {
        receipt.end(Outcome::Done, "it was so already".to_owned());
        return;
    }
    receipt.end(Outcome::Conflict, "it was changed on Railway meanwhile".to_owned());
    receipt.sides = Some(Sides {
        planned_on: store.before.as_ref().and_then(Variable::stored).cloned(),
        found: found.and_then(Variable::stored).cloned(),
        wanted: store.after.clone(),
    });
}

/// Whether a variable is as the plan saw it, as it is stored.
fn is_same(before: Option<&Variable>, found: Option<&Variable>) -> bool {
    match (before, found) {
        (None, None) => true,
        (Some(before), Some(found)) => before.stored() == found.stored(),
        _ => false,
    }
}

/// Whether a variable is as the plan wants it. Of a sealed one that can't be told.
pub(crate) fn stands(store: &VariableChange, found: Option<&Variable>) -> bool {
    match (&store.after, found) {
        (None, None) => true,
        (Some(after), Some(found)) => found.stored() == Some(after),
        _ => false,
    }
}

/// A file that was changed meanwhile is not written; a value that was pushed from it must still stand in it.
fn recheck_files(site: ApplyContext<'_>, plan: &Plan, ledger: &mut Receipts) {
    for (file, receipts) in plan.files.iter().zip(&mut ledger.files) {
        if files::current(&file.path).as_ref() != file.before.as_ref() {
            for receipt in receipts {
                receipt.end(Outcome::Conflict, "the file was changed meanwhile".to_owned());
            }
        }
    }
    let mut changed: BTreeMap<&str, Option<LocalFile>> = BTreeMap::new();
    // What can be read only once was not changed since.
    for (path, file) in site.files.iter().filter(|(path, _)| !files::is_stream(path)) {
        let now = files::current(path);
        if now.as_ref() != Some(file.text()) {
            let parsed = now.map(|text| LocalFile::parse(file.name.as_str(), text));
            let read = |file: LocalFile| match site.loader {
                Some(loader) => file.read_as(loader),
                None => file,
            };
            changed.insert(&file.name, parsed.map(read));
        }
    }
    for (store, receipt) in plan.stores.iter().zip(&mut ledger.stores) {
        let Some(place) = &store.from else { continue };
        let Some(file) = changed.get(place.file.as_str()) else { continue };
        let found = file.as_ref().and_then(|file| file.entry(&store.key)).map(|entry| entry.value.clone());
        if store.owner != VariableOwner::Shared && found != store.after {
            receipt.end(Outcome::Conflict, format!("{} was changed meanwhile", place.file));
            receipt.sides = Some(local_sides(store, found));
        }
    }
}

fn local_sides(store: &VariableChange, found: Option<Secret>) -> Sides {
    Sides { planned_on: store.after.clone(), found, wanted: store.before.as_ref().and_then(Variable::stored).cloned() }
}

/// A staged change of the same key, or of the settings of the same service, would later overwrite what is written now.
fn refuse_staged(site: ApplyContext<'_>, staged: &StagedChanges, plan: &Plan) -> Result<(), Error> {
    let stores = plan.stores.iter().filter(|store| staged.touches(store.owner.id(), &store.key));
    let settings = plan.settings.iter().filter(|setting| staged.settings.contains(&setting.service.id));
    let names = stores.map(|store| format!("{} of {}", store.key, store.owner.name()));
    let names: Vec<String> =
        names.chain(settings.map(|setting| format!("the settings of {}", setting.service.name))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The caller has something to write or to deploy: either would get in the way of what is being applied.
    if staged.state == StagedState::Applying {
        return Err(Error::StagedApplying);
    }
    if staged.state == StagedState::Failed {
        return Ok(());
    }
    if !names.is_empty() && site.on_staged == OnStaged::Stop {
        return Err(Error::Staged { what: phrases::names(&names) });
    }
    Ok(())
}
