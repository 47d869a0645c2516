//! Plans the selected changes: variables, files, and deployments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::FixArgs;
use crate::commands::fix::changes::SelectedChanges;
use crate::commands::fix::ignore;
use crate::commands::fix::planned_fix::PlannedFix;
use crate::commands::gather::Gathered;
use crate::commands::planned_changes::{EditedEnvFile, PlanContext, infrastructure_warning};
use crate::commands::write_guards::{Committed, GuardedFile, WriteTarget, refusal};
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::edit::NewValue;
use crate::drift::plan::deployments::{DeployMethod, DeployReason, PlannedDeployment};
use crate::drift::plan::hoist::VALUES_STAY;
use crate::drift::plan::offer::{Offer, Pull};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::{FileEdit, Plan, VariableChange};
use crate::drift::{ResourceRef, phrases};
use crate::error::Error;
use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::report::{TextOptions, escape};

/// A file with pulled values.
#[derive(Default)]
struct EditedFile {
    /// The new text; `None` if nothing changes.
    file: Option<LocalFile>,
    edits: Vec<FileEdit>,
    /// Values that can't be written safely.
    remarks: Vec<String>,
}

/// The inputs of a plan.
pub(super) struct Planner<'d> {
    pub(super) client: &'d Client<'d>,
    pub(super) gathered: &'d Gathered,
    pub(super) args: &'d FixArgs,
    pub(super) config: Option<&'d Config>,
    pub(super) options: &'d TextOptions<'d>,
    pub(super) folder: &'d Path,
}

impl Planner<'_> {
    pub(super) fn plan(&self, chosen: &SelectedChanges) -> Result<PlannedFix, Error> {
        let mut draft = PlannedFix::of(chosen);
        let cautions = chosen.offers.iter().filter_map(|offer| offer.caution.clone());
        draft.plan.cautions = cautions.collect();
        draft.plan.stores = merged(chosen.offers.iter().flat_map(|offer| &offer.stores));
        draft.plan.sort_stores();
        if draft.plan.stores.iter().any(|store| store.renders.is_some()) {
            draft.plan.cautions.push(VALUES_STAY.to_owned());
        }
        draft.plan.settings.clone_from(&chosen.settings);
        if let (false, Some(file)) = (draft.plan.changes_nothing_stored(), &self.gathered.survey.infrastructure) {
            draft.plan.cautions.push(infrastructure_warning(file));
        }
        self.edit_files(&chosen.offers, &mut draft)?;
        if !chosen.ignores.is_empty() {
            draft.plan.files.push(ignore::change(self.config, &chosen.ignores, self.folder)?);
        }
        if !chosen.redeploys.is_empty() || !draft.plan.changes_nothing_stored() {
            self.plan_deployments(&chosen.redeploys, &mut draft)?;
        }
        draft.plan.cautions.dedup();
        Ok(draft)
    }

    /// Edits each file in place. A value that can't be written safely is skipped, with a remark that names it.
    fn edit_files(&self, offers: &[Offer], draft: &mut PlannedFix) -> Result<(), Error> {
        let closed = closed(self.gathered, self.args);
        for (index, pulls) in pulls_by_file(offers) {
            if let Some(refused) = closed.get(&index) {
                return Err(refused.clone().into());
            }
            let file = &self.gathered.survey.files[index];
            let EditedFile { file: edited, edits, remarks } = edited(self.gathered, file, &pulls);
            draft.remarks.extend(remarks);
            let Some(edited) = edited else { continue };
            self.context().add_file(EditedEnvFile { index, text: &edited, edits }, &mut draft.plan)?;
        }
        Ok(())
    }

    fn context(&self) -> PlanContext<'_> {
        let Self { client, gathered, options, folder, .. } = *self;
        PlanContext { client, gathered, options, folder }
    }

    /// Reads the current deployments, and plans one for each service that has to run with new values or settings.
    fn plan_deployments(&self, redeploys: &[DueRedeploy], draft: &mut PlannedFix) -> Result<(), Error> {
        let fence = self.context().pre_write_state(&mut draft.plan)?;
        if self.args.no_deploy && draft.plan.changes_values() {
            draft.plan.cautions.push("running services keep their old values until they are deployed".to_owned());
        }
        if self.args.no_deploy {
            return Ok(());
        }
        draft.plan.cautions.extend(redeploys.iter().flat_map(|due| due.found.iter().cloned()));
        let mut deploys = Vec::new();
        for (service, cause) in self.deploy_reasons(redeploys, draft) {
            let due = redeploys.iter().find(|due| due.service == service);
            let commit = due.and_then(|due| due.commit.clone());
            let deployed = fence.deployed.get(&service.id);
            let planned = self.context().deployment(service, cause, deployed, &draft.plan.stores)?;
            deploys.push(PlannedDeployment { commit, ..planned });
        }
        deploys.sort_by(|one, other| one.service.name.cmp(&other.service.name));
        draft.plan.deploys = deploys;
        leave_out_undeployed(draft);
        Ok(())
    }

    /// Returns the services to deploy, and why. Services that only reference a changed variable are deployed with
    /// `--dependents`.
    fn deploy_reasons(&self, redeploys: &[DueRedeploy], draft: &mut PlannedFix) -> BTreeMap<ResourceRef, DeployReason> {
        let mut reasons: BTreeMap<ResourceRef, DeployReason> =
            redeploys.iter().map(|due| (due.service.clone(), due.cause.clone())).collect();
        let meant = draft.plan.stores.iter().flat_map(|store| &store.meant_for);
        let set = draft.plan.settings.iter().map(|setting| &setting.service);
        reasons.extend(meant.chain(set).map(|service| (service.clone(), DeployReason::Changed)));
        for (service, keys) in self.following(draft, &reasons) {
            if self.args.dependents {
                reasons.insert(service, DeployReason::Dependent);
            } else {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                draft.plan.cautions.push(format!(
                    "{} references a changed variable ({}) and is not deployed; use --dependents to deploy it too",
                    service.name,
                    phrases::names(&keys)
                ));
            }
        }
        reasons
    }

    /// Returns the services that reference a changed variable, directly or not, and are not deployed anyway.
    fn following(
        &self,
        draft: &mut PlannedFix,
        deployed: &BTreeMap<ResourceRef, DeployReason>,
    ) -> BTreeMap<ResourceRef, BTreeSet<String>> {
        // A reference to a variable that keeps its value renders the same value, too.
        let changing: Vec<VariableChange> =
            draft.plan.stores.iter().filter(|store| store.renders.is_none()).cloned().collect();
        if changing.is_empty() {
            return BTreeMap::new();
        }
        let context = self.context();
        let references = context.references();
        draft.remarks.extend(references.remark.clone());
        let found = references.dependents(&changing).into_iter();
        found.filter(|(service, _)| !deployed.contains_key(service)).collect()
    }
}

/// Returns the values to write to each file, each key once. Several findings may be about a key.
fn pulls_by_file<'o>(offers: impl IntoIterator<Item = &'o Offer>) -> BTreeMap<usize, Vec<Pull>> {
    let mut by_file: BTreeMap<usize, Vec<Pull>> = BTreeMap::new();
    for pull in offers.into_iter().flat_map(|offer| &offer.pulls) {
        let pulls = by_file.entry(pull.file).or_default();
        match pulls.iter_mut().find(|known| known.key == pull.key) {
            Some(known) => {
                known.from.extend(pull.from.iter().cloned());
                known.from.sort();
                known.from.dedup();
            }
            None => pulls.push(pull.clone()),
        }
    }
    by_file
}

/// Returns the number of values that a plan with these offers writes to files.
pub(super) fn pulled_values<'o>(gathered: &Gathered, offers: impl IntoIterator<Item = &'o Offer>) -> usize {
    let files = &gathered.survey.files;
    pulls_by_file(offers).iter().map(|(index, pulls)| edited(gathered, &files[*index], pulls).edits.len()).sum()
}

/// Returns the number of variables that a plan with these offers changes on Railway.
pub(super) fn pushed_variables<'o>(offers: impl IntoIterator<Item = &'o Offer>) -> usize {
    merged(offers.into_iter().flat_map(|offer| &offer.stores)).len()
}

fn edited(gathered: &Gathered, file: &LocalFile, pulls: &[Pull]) -> EditedFile {
    let mut edited = EditedFile::default();
    let present: Vec<NewValue<'_>> = pulls
        .iter()
        .filter(|pull| file.entry(&pull.key).is_some())
        .map(|Pull { key, value, .. }| NewValue { key, value })
        .collect();
    // All at once, because each edit verifies the whole text.
    let (set, mut refusals) = file.set_all(&present);
    if refusals.len() < present.len() {
        edited.file = Some(set);
    }
    for pull in pulls {
        let current = edited.file.as_ref().unwrap_or(file);
        let from = phrases::names(&pull.from.iter().map(|service| service.name.as_str()).collect::<Vec<_>>());
        let before = file.entry(&pull.key).map(|entry| entry.value.clone());
        let comment = format!("# added by doctor on {}, from {}", gathered.survey.today, escape::line(&from));
        let changed = match &before {
            Some(_) => refusals.remove(&pull.key).map_or(Ok(None), Err),
            None => current.add(&[(pull.key.clone(), pull.value.clone())], &comment).map(Some),
        };
        match changed {
            Ok(added) => {
                edited.file = added.or(edited.file.take());
                let after = Some(pull.value.clone());
                edited.edits.push(FileEdit { change: "pull", key: pull.key.clone(), before, after, from });
            }
            Err(refusal) => edited.remarks.push(refusal.message()),
        }
    }
    edited
}

/// Removes start commands of services that can't be deployed, because Railway deploys a service when it is set.
fn leave_out_undeployed(draft: &mut PlannedFix) {
    for deploy in &draft.plan.deploys {
        let DeployMethod::Not(why) = &deploy.how else { continue };
        let before = draft.plan.settings.len();
        draft.plan.settings.retain(|setting| setting.service != deploy.service);
        if draft.plan.settings.len() < before {
            let name = &deploy.service.name;
            draft.remarks.push(format!("the start command of {name} is not set, because that would deploy it: {why}"));
        }
    }
    let Plan { stores, deploys, .. } = &mut draft.plan;
    deploys.retain(|deploy| {
        let is_changed = stores.iter().any(|store| store.meant_for.contains(&deploy.service));
        is_changed || deploy.cause != DeployReason::Changed || !matches!(deploy.how, DeployMethod::Not(_))
    });
}

/// Returns the files that no value may be pulled into, by index.
pub(super) fn closed(gathered: &Gathered, args: &FixArgs) -> BTreeMap<usize, GuardedFile> {
    let Gathered { survey, paths, places, .. } = gathered;
    let refused = |index: usize| {
        let file = WriteTarget {
            path: &paths[index],
            name: &survey.files[index].name,
            place: &places[index],
            exposure: &survey.exposures[index],
        };
        Some((index, refusal(file, Committed::of(args.allow_tracked))?))
    };
    (0..survey.files.len()).filter_map(refused).collect()
}

/// Merges changes of the same variable.
fn merged<'s>(stores: impl Iterator<Item = &'s VariableChange>) -> Vec<VariableChange> {
    let mut merged: Vec<VariableChange> = Vec::new();
    for store in stores {
        match merged.iter_mut().find(|known| known.owner == store.owner && known.key == store.key) {
            Some(known) => {
                known.meant_for.extend(store.meant_for.iter().cloned());
                known.meant_for.sort();
                known.meant_for.dedup();
            }
            None => merged.push(store.clone()),
        }
    }
    merged
}
