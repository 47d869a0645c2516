//! Turns a rotation into a plan: edited files, variables, and one deployment for each service that has to run with the
//! new value.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::gather::Gathered;
use crate::commands::planned_changes::{EditedEnvFile, PlanContext, infrastructure_warning};
use crate::commands::write_guards::{Committed, WriteTarget, refusal};
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::edit::{EditRefusal, NewValue};
use crate::drift::plan::deployments::DeployReason;
use crate::drift::plan::{FileEdit, Plan, VariableChange, VariableOwner};
use crate::drift::rotation::{EntryChange, Rotation};
use crate::drift::{ResourceRef, Secret};
use crate::error::Error;

/// The inputs of a plan beside the rotation.
pub(super) struct RotationPlanner<'p> {
    pub(super) context: PlanContext<'p>,
    pub(super) committed: Committed,
    /// Services that run with the old value, although it is no longer stored.
    pub(super) stale: BTreeSet<ResourceRef>,
}

/// A plan, and the files after it.
#[derive(Default)]
pub(super) struct PlannedRotation {
    pub(super) plan: Plan,
    /// The edited files, by index in the survey.
    pub(super) edited: BTreeMap<usize, LocalFile>,
    /// What can't be done; sentences without a full stop.
    pub(super) remarks: Vec<String>,
}

impl RotationPlanner<'_> {
    pub(super) fn plan(&self, rotation: &Rotation) -> Result<PlannedRotation, Error> {
        let mut planned = PlannedRotation::default();
        self.edit_files(&rotation.entries, &mut planned)?;
        planned.plan.stores.clone_from(&rotation.stores);
        planned.plan.sort_stores();
        if let (false, Some(file)) = (planned.plan.stores.is_empty(), &self.context.gathered.survey.infrastructure) {
            planned.plan.cautions.push(infrastructure_warning(file));
        }
        if !planned.plan.stores.is_empty() || !self.stale.is_empty() {
            self.plan_deployments(&mut planned)?;
        }
        Ok(planned)
    }

    /// Edits each file in place. A new value that can't be written to the file is an error: the file is where the user
    /// keeps it.
    fn edit_files(&self, entries: &[EntryChange], planned: &mut PlannedRotation) -> Result<(), Error> {
        let indexes: BTreeSet<usize> = entries.iter().map(|entry| entry.file).collect();
        for index in indexes {
            let own: Vec<&EntryChange> = entries.iter().filter(|entry| entry.file == index).collect();
            self.refuse_guarded(index)?;
            let file = &self.context.gathered.survey.files[index];
            let edited = edited(file, &own)?;
            let edits = own.iter().map(|entry| file_edit(entry)).collect();
            self.context.add_file(EditedEnvFile { index, text: &edited, edits }, &mut planned.plan)?;
            planned.edited.insert(index, edited);
        }
        Ok(())
    }

    fn refuse_guarded(&self, index: usize) -> Result<(), Error> {
        let Gathered { survey, paths, places, .. } = self.context.gathered;
        let (place, exposure) = (&places[index], &survey.exposures[index]);
        let target = WriteTarget { path: &paths[index], name: &survey.files[index].name, place, exposure };
        refusal(target, self.committed).map_or(Ok(()), |refused| Err(refused.into()))
    }

    /// Plans one deployment for each service with a changed variable, for those that reference one, and for those that
    /// run with the old value alone.
    fn plan_deployments(&self, planned: &mut PlannedRotation) -> Result<(), Error> {
        let fence = self.context.pre_write_state(&mut planned.plan)?;
        let references = self.context.references();
        planned.remarks.extend(references.remark.clone());
        let dependents = |stores: &[VariableChange]| references.dependents(stores).into_keys().collect::<Vec<_>>();
        for store in planned.plan.stores.iter_mut().filter(|store| store.owner == VariableOwner::Shared) {
            store.meant_for = dependents(std::slice::from_ref(store));
        }
        let mut reasons: BTreeMap<ResourceRef, DeployReason> = BTreeMap::new();
        reasons.extend(self.stale.iter().map(|service| (service.clone(), DeployReason::Stale)));
        let dependent = dependents(&planned.plan.stores).into_iter();
        reasons.extend(dependent.map(|service| (service, DeployReason::Dependent)));
        let meant = planned.plan.stores.iter().flat_map(|store| &store.meant_for);
        reasons.extend(meant.map(|service| (service.clone(), DeployReason::Changed)));
        for (service, cause) in reasons {
            let deployed = fence.deployed.get(&service.id);
            planned.plan.deploys.push(self.context.deployment(service, cause, deployed, &planned.plan.stores)?);
        }
        planned.plan.deploys.sort_by(|one, other| one.service.name.cmp(&other.service.name));
        Ok(())
    }
}

fn file_edit(entry: &EntryChange) -> FileEdit {
    FileEdit {
        change: "rotate",
        key: entry.key.clone(),
        before: entry.before.clone(),
        after: Some(entry.after.clone()),
        from: String::new(),
    }
}

/// Returns the file with all changes; the error names the first key that can't be written.
fn edited(file: &LocalFile, entries: &[&EntryChange]) -> Result<LocalFile, Error> {
    let refused = |why: EditRefusal| Error::Write {
        path: file.name.clone(),
        cause: why.message(),
        help: "pass another value, or another file with `--env-file PATH`".into(),
    };
    let present: Vec<NewValue<'_>> = entries
        .iter()
        .filter(|entry| entry.before.is_some())
        .map(|entry| NewValue { key: &entry.key, value: &entry.after })
        .collect();
    let (mut current, refusals) = file.set_all(&present);
    if let Some(why) = refusals.into_values().next() {
        return Err(refused(why));
    }
    let new: Vec<(String, Secret)> = entries
        .iter()
        .filter(|entry| entry.before.is_none())
        .map(|entry| (entry.key.clone(), entry.after.clone()))
        .collect();
    if !new.is_empty() {
        current = current.add(&new, "# added by doctor: the value from before a rotation").map_err(refused)?;
    }
    Ok(current)
}
