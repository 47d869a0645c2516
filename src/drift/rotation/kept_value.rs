//! `--keep-old-as`: the replaced value stays available under another key, wherever the key itself changes.

use crate::drift::plan::VariableOwner;
use crate::drift::rotation::{EntryChange, Rotation, RotationRefusal, RotationRequest, change};
use crate::drift::{Secret, Variable};

/// Adds the changes that keep the old value. A variable that could not be restored is refused.
pub(super) fn add(request: RotationRequest<'_>, rotation: &mut Rotation) -> Result<(), RotationRefusal> {
    let Some(kept) = request.keep_old_as else { return Ok(()) };
    let holders = rotation.stores.iter().filter(|store| store.key == request.key);
    let holders: Vec<(VariableOwner, Secret)> =
        holders.filter_map(|store| Some((store.owner.clone(), store.before.as_ref()?.stored()?.clone()))).collect();
    for (owner, replaced) in holders {
        let mut known = request.variables().filter(|(other, key, _)| *other == owner && *key == kept);
        let before = known.next().map(|(.., variable)| variable);
        if matches!(before, Some(Variable::Sealed | Variable::Unavailable | Variable::Reference { .. })) {
            return Err(RotationRefusal::KeptKey { owner, key: kept.to_owned() });
        }
        let value = request.kept(&replaced);
        let stored = before.and_then(Variable::stored);
        if stored == Some(value) {
            continue;
        }
        if stored.is_some() {
            rotation.replaced_kept.push(owner.clone());
        }
        rotation.stores.push(change(owner, kept, before, value.clone()));
    }
    let files = rotation.entries.iter().filter(|entry| entry.key == request.key);
    let files: Vec<(usize, Option<Secret>)> = files.map(|entry| (entry.file, entry.before.clone())).collect();
    for (file, replaced) in files {
        let before = request.survey.files[file].entry(kept).map(|entry| entry.value.clone());
        let value = request.kept(replaced.as_ref().unwrap_or(request.old)).clone();
        if before.as_ref() != Some(&value) {
            rotation.entries.push(EntryChange { file, key: kept.to_owned(), before, after: value });
        }
    }
    Ok(())
}

impl<'r> RotationRequest<'r> {
    /// Returns the value to keep for a replaced one. The new value of a rotation that did not finish was never in use
    /// everywhere, so the one before it is kept.
    fn kept<'k>(&self, replaced: &'k Secret) -> &'k Secret
    where
        'r: 'k,
    {
        let earlier = self.unfinished.filter(|earlier| earlier.new == *replaced);
        earlier.and_then(|earlier| earlier.old.first()).unwrap_or(replaced)
    }
}
