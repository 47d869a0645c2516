//! Plans the replacement of a value: on the services and in the files that have the key, and optionally in all other
//! places that contain the value.

mod kept_value;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use crate::drift::rotation::refusal::RotationRefusal;

use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::model::finding::Location;
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::trace::occurrences::{self, Irreplaceable};
use crate::drift::{ResourceRef, Secret, Survey, Variable};

/// The variables of a service that is out of scope.
pub type OtherService = (ResourceRef, BTreeMap<String, Variable>);

/// What to replace, and where.
#[derive(Clone, Copy, Debug)]
pub struct RotationRequest<'r> {
    pub survey: &'r Survey,
    pub shared: &'r BTreeMap<String, Variable>,
    /// The database services that are out of scope. They are not changed, but their credentials can't be rotated.
    pub databases: &'r [OtherService],
    /// The key whose value is replaced.
    pub key: &'r str,
    pub old: &'r Secret,
    pub new: &'r Secret,
    /// Whether the old value can be searched for in other texts. If not, only variables that are equal to it change.
    pub is_traceable: bool,
    pub copies: &'r CopySelection,
    /// `--keep-old-as`.
    pub keep_old_as: Option<&'r str>,
    pub sealed: SealedHolders,
    pub shared_scope: SharedScope,
    pub unfinished: Option<&'r UnfinishedRotation>,
}

/// The copies of the value that are replaced beside those under the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySelection {
    /// None, or those that the user selected.
    Selected(BTreeSet<CopyPlace>),
    /// All.
    All,
}

/// A place that can be changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyPlace {
    /// An assignment of a file, by the file's index in the survey.
    Entry {
        file: usize,
        key: String,
    },
    Variable {
        owner: VariableOwner,
        key: String,
    },
}

impl CopyPlace {
    pub fn key(&self) -> &str {
        match self {
            Self::Entry { key, .. } | Self::Variable { key, .. } => key,
        }
    }
}

/// Whether sealed variables with the key are overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedHolders {
    /// `--allow-sealed`.
    Overwritten,
    Kept,
}

/// Whether shared variables may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedScope {
    Included,
    /// `--service` limits the changes to services.
    Excluded,
}

/// An earlier rotation of the key that did not finish. Its places may have a value from before it, or its new one.
#[derive(Clone, Debug)]
pub struct UnfinishedRotation {
    /// The values from before it, each once. There are several if that rotation continued another one.
    pub old: Vec<Secret>,
    /// Its new value.
    pub new: Secret,
    pub places: BTreeSet<CopyPlace>,
    /// The services that it was to deploy.
    pub deploys: BTreeSet<ResourceRef>,
}

impl UnfinishedRotation {
    /// Returns all values that its places may have.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.old.iter().chain(std::iter::once(&self.new))
    }
}

/// A rotation without its deployments.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// The variables to write. Those of shared variables do not name the services that reference them yet.
    pub stores: Vec<VariableChange>,
    pub entries: Vec<EntryChange>,
    /// The places that contain the value, and that are not selected.
    pub others: Vec<CopyPlace>,
    /// The selected places whose text can't be changed exactly.
    pub irreplaceable: Vec<CopyPlace>,
    /// The variables with the key whose value is unknown, and that are not overwritten.
    pub sealed: Vec<VariableOwner>,
    /// The owners that have another value under the key.
    pub differing: Vec<VariableOwner>,
    /// The assignments of the key in files that have another value.
    pub differing_entries: Vec<Location>,
    /// The owners on which `--keep-old-as` replaces another value.
    pub replaced_kept: Vec<VariableOwner>,
}

/// A change of an assignment in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryChange {
    /// The index of the file in the survey.
    pub file: usize,
    pub key: String,
    pub before: Option<Secret>,
    pub after: Secret,
}

/// Plans the replacement.
///
/// # Errors
///
/// If the value can't be rotated at all.
pub fn plan(request: RotationRequest<'_>) -> Result<Rotation, RotationRefusal> {
    refusal::refuse_before(request)?;
    let mut rotation = Rotation::default();
    for (owner, key, variable) in request.variables() {
        request.add_variable(owner, key, variable, &mut rotation);
    }
    for (index, file) in request.survey.files.iter().enumerate() {
        request.add_entries(index, file, &mut rotation);
    }
    refusal::refuse_after(request, &rotation)?;
    kept_value::add(request, &mut rotation)?;
    Ok(rotation)
}

impl<'r> RotationRequest<'r> {
    /// Returns all variables, shared ones last.
    pub(in crate::drift::rotation) fn variables(
        &self,
    ) -> impl Iterator<Item = (VariableOwner, &'r str, &'r Variable)> + use<'r> {
        let of_services = self.survey.targets.iter().flat_map(|target| {
            let stored = target.stored.iter().flatten();
            stored.map(|(key, variable)| (VariableOwner::Service(target.service.clone()), key.as_str(), variable))
        });
        of_services.chain(self.shared.iter().map(|(key, variable)| (VariableOwner::Shared, key.as_str(), variable)))
    }

    fn is_unfinished(&self, place: &CopyPlace) -> bool {
        self.unfinished.is_some_and(|earlier| earlier.places.contains(place))
    }

    /// Returns the values to replace in a place, each once.
    fn values(&self, place: &CopyPlace) -> Vec<&'r Secret> {
        let mut values = vec![self.old];
        let earlier = self.unfinished.filter(|_| self.is_unfinished(place));
        for value in earlier.into_iter().flat_map(UnfinishedRotation::values) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// Returns whether the text of a place is the value itself, under the key.
    fn is_holder(&self, place: &CopyPlace, text: &Secret) -> bool {
        place.key() == self.key && self.values(place).contains(&text)
    }

    fn includes(&self, place: &CopyPlace, text: &Secret) -> bool {
        let is_shared = matches!(place, CopyPlace::Variable { owner: VariableOwner::Shared, .. });
        if is_shared && self.shared_scope == SharedScope::Excluded {
            return false;
        }
        let is_selected = match self.copies {
            CopySelection::All => true,
            CopySelection::Selected(selected) => selected.contains(place),
        };
        self.is_holder(place, text) || is_selected || self.is_unfinished(place)
    }

    /// Returns the text with the value replaced; `None` if it does not contain it. A text with several of the values
    /// can't be changed exactly.
    fn replaced(&self, text: &Secret, place: &CopyPlace) -> Result<Option<Secret>, Irreplaceable> {
        let values = self.values(place);
        if values.contains(&text) {
            let is_place = self.is_traceable || place.key() == self.key;
            return Ok(is_place.then(|| self.new.clone()));
        }
        if !self.is_traceable {
            return Ok(None);
        }
        let mut found = values.into_iter().filter(|value| !occurrences::find(text.expose(), value).is_empty());
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => occurrences::replace(text.expose(), value, self.new),
            (Some(_), Some(_)) => Err(Irreplaceable::Unencodable),
        }
    }

    /// Adds a variable, unless it is the one that keeps the old value.
    fn add_variable(&self, owner: VariableOwner, key: &str, variable: &Variable, rotation: &mut Rotation) {
        if Some(key) == self.keep_old_as {
            return;
        }
        let is_key = key == self.key;
        let Some(text) = variable.stored() else {
            match (variable, self.sealed) {
                _ if !is_key => {}
                (Variable::Sealed, SealedHolders::Overwritten) => {
                    rotation.stores.push(change(owner, key, Some(variable), self.new.clone()));
                }
                _ => rotation.sealed.push(owner),
            }
            return;
        };
        let place = CopyPlace::Variable { owner: owner.clone(), key: key.to_owned() };
        match self.replaced(text, &place) {
            Ok(None) if is_key && matches!(variable, Variable::Plain(_)) && text != self.new => {
                rotation.differing.push(owner);
            }
            Ok(None) => {}
            Ok(Some(after)) if after == *text => {}
            Ok(Some(after)) if self.includes(&place, text) => {
                rotation.stores.push(change(owner, key, Some(variable), after));
            }
            Err(_) if self.includes(&place, text) => rotation.irreplaceable.push(place),
            Ok(Some(_)) | Err(_) => rotation.others.push(place),
        }
    }

    /// Adds the effective assignments of a file, without the one that keeps the old value.
    fn add_entries(&self, index: usize, file: &LocalFile, rotation: &mut Rotation) {
        let keys: BTreeSet<&str> = file.keys().filter(|key| Some(*key) != self.keep_old_as).collect();
        for entry in keys.into_iter().filter_map(|key| file.entry(key)) {
            let place = CopyPlace::Entry { file: index, key: entry.key.clone() };
            match self.replaced(&entry.value, &place) {
                Ok(None) if self.is_differing(entry) => {
                    let location = Location { file: file.name.clone(), line: entry.line };
                    rotation.differing_entries.push(location);
                }
                Ok(None) => {}
                Ok(Some(after)) if after == entry.value => {}
                Ok(Some(after)) if self.includes(&place, &entry.value) => {
                    let (key, before) = (entry.key.clone(), Some(entry.value.clone()));
                    rotation.entries.push(EntryChange { file: index, key, before, after });
                }
                Err(_) if self.includes(&place, &entry.value) => rotation.irreplaceable.push(place),
                Ok(Some(_)) | Err(_) => rotation.others.push(place),
            }
        }
    }

    /// Returns whether a file has another value under the key.
    fn is_differing(&self, entry: &Entry) -> bool {
        entry.key == self.key && entry.value != *self.new && !entry.value.expose().trim().is_empty()
    }
}

/// Returns a change of a variable, which the service itself needs.
fn change(owner: VariableOwner, key: &str, before: Option<&Variable>, after: Secret) -> VariableChange {
    let meant_for: Vec<ResourceRef> = match &owner {
        VariableOwner::Service(service) => vec![service.clone()],
        VariableOwner::Shared => Vec::new(),
    };
    let (key, before, after) = (key.to_owned(), before.cloned(), Some(after));
    VariableChange { owner, key, before, after, from: None, meant_for, renders: None }
}
