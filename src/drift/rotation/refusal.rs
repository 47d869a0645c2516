//! Why a value can't be rotated.

use std::collections::BTreeSet;

use crate::drift::plan::VariableOwner;
use crate::drift::reference::{self, ReferenceTarget};
use crate::drift::rotation::{Rotation, RotationRequest, SealedHolders};
use crate::drift::trace::occurrences;
use crate::drift::{ResourceRef, Secret, Variable};

/// Why a value can't be rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationRefusal {
    /// A database service has it as its own credential. A new variable does not change the credential in the
    /// database.
    Database { service: String, key: String },
    /// The services get it through references to another variable, which would keep it.
    Reference { service: String, to: String, owner: VariableOwner, key: String },
    /// `--keep-old-as` would replace a variable that is sealed or a reference.
    KeptKey { owner: VariableOwner, key: String },
    /// The local file refers to a value that is kept elsewhere.
    Indirect { file: String, line: usize },
    /// Only the local file has the value. These services have another one under the key.
    OnlyLocal { holders: Vec<VariableOwner> },
    /// Neither a file nor a variable with the key has the value.
    Nowhere,
}

/// Refuses values of databases, and files that can't be kept up to date.
pub(super) fn refuse_before(request: RotationRequest<'_>) -> Result<(), RotationRefusal> {
    for file in &request.survey.files {
        if let Some(entry) = file.entry(request.key).filter(|entry| request.survey.is_indirect(&entry.value)) {
            return Err(RotationRefusal::Indirect { file: file.name.clone(), line: entry.line });
        }
    }
    match credential_of_database(request) {
        Some((service, key)) => Err(RotationRefusal::Database { service, key }),
        None => Ok(()),
    }
}

/// Returns the variable of a database service that contains the value, or would be overwritten although it is unknown.
fn credential_of_database(request: RotationRequest<'_>) -> Option<(String, String)> {
    let databases = &request.survey.catalogue.databases;
    let in_scope = request.survey.targets.iter().filter(|target| databases.contains(&target.service.name));
    let in_scope = in_scope.filter_map(|target| Some((&target.service, target.stored.as_ref().ok()?)));
    let others = request.databases.iter().map(|(service, stored)| (service, stored));
    let is_credential = |key: &str, variable: &Variable| match variable.stored() {
        Some(text) if request.is_traceable => !occurrences::find(text.expose(), request.old).is_empty(),
        Some(text) => key == request.key && text == request.old,
        None => key == request.key && request.sealed == SealedHolders::Overwritten,
    };
    in_scope.chain(others).find_map(|(service, stored)| {
        let (key, _) = stored.iter().find(|(key, variable)| is_credential(key, variable))?;
        Some((service.name.clone(), key.clone()))
    })
}

/// Refuses a rotation that would change nothing, or leave services on the old value because they get it through a
/// reference to a variable that does not change.
pub(super) fn refuse_after(request: RotationRequest<'_>, rotation: &Rotation) -> Result<(), RotationRefusal> {
    // A value that no variable with the key itself has is that of another variable.
    let has_holder = rotation.stores.iter().any(|store| store.key == request.key);
    let stores = rotation.stores.iter().filter(|_| has_holder);
    let changed: BTreeSet<(&VariableOwner, &str)> = stores.map(|store| (&store.owner, store.key.as_str())).collect();
    for (owner, key, variable) in request.variables().filter(|(_, key, _)| *key == request.key) {
        let Variable::Reference { template, rendered: Some(rendered) } = variable else { continue };
        if rendered != request.old || changed.contains(&(&owner, key)) {
            continue;
        }
        if let Some(source) = unchanged_source(request, owner.name(), template, &changed) {
            return Err(source);
        }
    }
    // A rotation that has nothing left to do is no error.
    if request.unfinished.is_some() || request.old == request.new {
        return Ok(());
    }
    if rotation.stores.is_empty() && !rotation.differing.is_empty() {
        return Err(RotationRefusal::OnlyLocal { holders: rotation.differing.clone() });
    }
    if rotation.stores.is_empty() && rotation.entries.is_empty() { Err(RotationRefusal::Nowhere) } else { Ok(()) }
}

/// How many references of references are followed.
const LONGEST_CHAIN: usize = 16;

/// Returns the variable at the end of a chain of references, unless one of the chain is among those that change.
fn unchanged_source(
    request: RotationRequest<'_>,
    service: &str,
    template: &Secret,
    changed: &BTreeSet<(&VariableOwner, &str)>,
) -> Option<RotationRefusal> {
    let first = first_reference(template)?;
    let (mut home, mut body) = (service.to_owned(), first.to_owned());
    for _ in 0..LONGEST_CHAIN {
        let (owner, key) = target(request, &home, &body)?;
        if changed.contains(&(&owner, key.as_str())) {
            return None;
        }
        let mut variables = request.variables().filter(|(other, name, _)| *other == owner && *name == key);
        let next = variables.next().and_then(|(.., variable)| first_reference(variable.template()?));
        let Some(next) = next else {
            let (service, to) = (service.to_owned(), first.to_owned());
            return Some(RotationRefusal::Reference { service, to, owner, key });
        };
        (home, body) = (owner.name().to_owned(), next.to_owned());
    }
    None
}

fn first_reference(template: &Secret) -> Option<&str> {
    reference::occurrences(template.expose()).first().map(|occurrence| occurrence.body)
}

/// Returns the variable that a reference names. A service out of scope has no id here.
fn target(request: RotationRequest<'_>, home: &str, body: &str) -> Option<(VariableOwner, String)> {
    match reference::aim(body, home, &request.survey.catalogue).ok()? {
        ReferenceTarget::Function => None,
        ReferenceTarget::Shared(name) => Some((VariableOwner::Shared, name.to_owned())),
        ReferenceTarget::Variable { service, name } => {
            let known = request.survey.targets.iter().find(|target| target.service.name == service);
            let unknown = || ResourceRef { id: String::new(), name: service.to_owned() };
            let owner = known.map_or_else(unknown, |target| target.service.clone());
            Some((VariableOwner::Service(owner), name.to_owned()))
        }
    }
}
