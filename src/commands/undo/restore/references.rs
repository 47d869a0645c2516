//! Variables that kept their value in a run, because a shared variable took it over.

use std::collections::BTreeSet;

use crate::commands::undo::restore::RestorePlan;
use crate::drift::model::receipt::{Outcome, Receipt, Sides};
use crate::drift::plan::VariableOwner;
use crate::drift::{Secret, Variable, reference};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::storage::journal::{Before, RecordedVariable};

/// Returns the value that services get from the variable both before and after the run, if it is the same.
pub(super) fn kept_value(kept: &RecordedVariable) -> Option<Secret> {
    let before = match &kept.before {
        Before::Stored(text) => Some(text),
        Before::Missing | Before::Sealed => None,
    };
    // One of the texts is a reference, which renders the other.
    let texts = before.into_iter().chain(&kept.after).filter(|_| kept.keeps_value);
    texts.into_iter().find(|text| reference::occurrences(text.expose()).is_empty()).cloned()
}

/// Returns the values of a variable that changed since the run; `None` if it is as the run left it.
pub(super) fn conflict(kept: &RecordedVariable, found: Option<&Variable>, wanted: Option<&Secret>) -> Option<Sides> {
    let stored = found.and_then(Variable::stored);
    let is_stored = match &kept.after {
        Some(text) => stored == Some(text),
        None => found.is_none(),
    };
    let sides = |planned_on: Option<Secret>, found: Option<&Secret>| {
        Some(Sides { planned_on, found: found.cloned(), wanted: wanted.cloned() })
    };
    if !is_stored {
        return sides(kept.after.clone(), stored);
    }
    // The shared variable that the service refers to may have got another value.
    let value = kept_value(kept).filter(|_| found.is_some())?;
    let effective = found.and_then(Variable::effective);
    if effective == Some(&value) { None } else { sides(Some(value), effective) }
}

/// Leaves out the shared variables to which a variable refers that the plan does not change: it would lose its value. One
/// request for every twenty services.
pub(super) fn keep_referenced(client: &Client<'_>, restoring: &mut RestorePlan) -> Result<(), Error> {
    let is_removed = |owner: &VariableOwner, after: &Option<Secret>| *owner == VariableOwner::Shared && after.is_none();
    let stores = restoring.plan.stores.iter();
    let removed: BTreeSet<String> =
        stores.filter(|store| is_removed(&store.owner, &store.after)).map(|store| store.key.clone()).collect();
    for name in removed {
        let Some(users) = users(client, restoring, &name)? else { continue };
        let mut receipt = Receipt::of("restore", Some(&name), VariableOwner::Shared.name());
        receipt.end(Outcome::NotTried, users);
        restoring.conflicts.push(receipt);
        restoring.plan.stores.retain(|store| store.key != name || !is_removed(&store.owner, &store.after));
    }
    Ok(())
}

/// Returns which variables still refer to the shared variable after the plan; `None` if none does.
fn users(client: &Client<'_>, restoring: &RestorePlan, name: &str) -> Result<Option<String>, Error> {
    let shape: &Shape = &restoring.shape;
    let services: Vec<&ServiceShape> = shape.services.iter().collect();
    let is_planned = |service: &ServiceShape, key: &str| {
        let mut stores = restoring.plan.stores.iter();
        stores.any(|store| store.owner.id() == Some(&service.service.id) && store.key == key)
    };
    let body = format!("shared.{name}");
    let refers = |text: &Secret| reference::occurrences(text.expose()).iter().any(|one| one.body == body);
    let values = if services.is_empty() { Vec::new() } else { client.values(shape, &services)? };
    for (service, stored) in services.into_iter().zip(values) {
        let Ok(stored) = stored else {
            return Ok(Some(format!("{} could not be read, and may refer to it", service.service.name)));
        };
        let mut templates = stored.iter().filter_map(|(key, variable)| Some((key, variable.template()?)));
        if let Some((key, _)) = templates.find(|(key, text)| refers(text) && !is_planned(service, key)) {
            return Ok(Some(format!("{key} of {} refers to it", service.service.name)));
        }
    }
    let shared = client.shared_values(shape)?;
    let other = shared.iter().find(|(_, variable)| variable.template().is_some_and(refers));
    Ok(other.map(|(key, _): (&String, &Variable)| format!("the shared variable {key} refers to it")))
}
