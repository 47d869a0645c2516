//! Plans the selected changes: variables, files, and deployments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::FixArgs;
use crate::commands::apply::decide;
use crate::commands::fix::changes::SelectedChanges;
use crate::commands::fix::ignore;
use crate::commands::fix::planned_fix::PlannedFix;
use crate::commands::gather::Gathered;
use crate::commands::write_guards::{Committed, GuardedFile, WriteTarget, refusal};
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::edit::NewValue;
use crate::drift::model::deployment::Deployed;
use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
use crate::drift::plan::dependents::{Template, dependents};
use crate::drift::plan::deployments::{DeployMethod, DeployReason, PlannedDeployment, costs, retried};
use crate::drift::plan::offer::{Offer, Pull};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::{ChangedFileKind, FileChange, FileEdit, Plan, VariableChange, VariableOwner};
use crate::drift::{ResourceRef, Secret, Variable, phrases};
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files::{self, LinkScope};
use crate::io::railway::client::Client;
use crate::io::railway::environment::ServiceShape;
use crate::report::{TextOptions, Values, escape};

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
            files::refuse_too_large(edited.text(), &self.gathered.paths[index], self.folder)?;
            // The resolved path is shown and recorded, because a link to it may change later.
            let path = &self.gathered.places[index].end;
            if self.gathered.survey.exposures[index].end.is_some()
                || self.gathered.places[index].leads == LinkScope::Out
            {
                let real = files::display_path(path, self.folder);
                draft.plan.cautions.push(format!("{} is a link; the file that changes is {real}", file.name));
            }
            if files::has_other_names(path) {
                let caution = format!("other hard links to {} keep the old text", file.name);
                draft.plan.cautions.push(caution);
            }
            let mask = |value: &Secret| self.options.mask(value);
            draft.plan.files.push(FileChange {
                kind: ChangedFileKind::Variables,
                path: path.clone(),
                name: file.name.clone(),
                // The text that was read, not the current one, so that a change in the meantime is a conflict.
                before: files::current(path).map(|_| file.text().clone()),
                shown: [file.redacted(&mask), self.after(edited.redacted(&mask), &pulls)],
                after: Some(edited.text().clone()),
                edits,
            });
        }
        Ok(())
    }

    /// Marks changed lines if fingerprints are not shown, because they would look unchanged.
    fn after(&self, masked: String, pulls: &[Pull]) -> String {
        if !matches!(self.options.values, Values::Redacted(_)) {
            return masked;
        }
        let is_new = |line: &str| {
            let name = line.trim_start().trim_start_matches("export ").split(['=', ' ', ':', '\t']).next();
            pulls.iter().any(|pull| name == Some(pull.key.as_str()))
        };
        masked.lines().map(|line| if is_new(line) { format!("{line} (new)\n") } else { format!("{line}\n") }).collect()
    }

    /// Reads the current deployments, and plans one for each service that has to run with new values or settings.
    fn plan_deployments(&self, redeploys: &[DueRedeploy], draft: &mut PlannedFix) -> Result<(), Error> {
        let shape = &self.gathered.selected.shape;
        let fence = self.client.pre_write_state(&shape.project.id, &shape.environment.id)?;
        if let Some(staged) = fence.staged.as_ref().filter(|staged| staged.state != StagedState::Failed) {
            draft.plan.cautions.push(staged_sentence(staged));
        }
        if self.args.no_deploy {
            draft.plan.cautions.push("running services keep their old values until they are deployed".to_owned());
            return Ok(());
        }
        draft.plan.cautions.extend(redeploys.iter().flat_map(|due| due.found.iter().cloned()));
        let mut deploys = Vec::new();
        for (service, cause) in self.deploy_reasons(redeploys, draft) {
            let due = redeploys.iter().find(|due| due.service == service);
            let commit = due.and_then(|due| due.commit.clone());
            let deployed = fence.deployed.get(&service.id);
            let planned = self.deployment(service, cause, deployed, &draft.plan.stores)?;
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

    fn deployment(
        &self,
        service: ResourceRef,
        cause: DeployReason,
        deployed: Option<&Deployed>,
        stores: &[VariableChange],
    ) -> Result<PlannedDeployment, Error> {
        let running = self.gathered.selected.shape.running(&service.id);
        let how = retried(decide(self.client, &self.gathered.selected.shape, deployed, &service)?, &cause, deployed);
        let own = stores.iter().filter(|store| store.meant_for.contains(&service));
        let keys: Vec<&str> = own.map(|store| store.key.as_str()).collect();
        Ok(PlannedDeployment { costs: costs(&how, running, &keys), service, how, cause, commit: None })
    }

    /// Returns the services that reference a changed variable, directly or not, and are not deployed anyway.
    fn following(
        &self,
        draft: &mut PlannedFix,
        deployed: &BTreeMap<ResourceRef, DeployReason>,
    ) -> BTreeMap<ResourceRef, BTreeSet<String>> {
        if draft.plan.stores.is_empty() {
            return BTreeMap::new();
        }
        let survey = &self.gathered.survey;
        let is_known = |service: &&ServiceShape| survey.targets.iter().any(|target| target.service == service.service);
        let others: Vec<&ServiceShape> =
            self.gathered.selected.shape.services.iter().filter(|service| !is_known(service)).collect();
        let read =
            if others.is_empty() { Ok(Vec::new()) } else { self.client.values(&self.gathered.selected.shape, &others) };
        let read = read.unwrap_or_else(|error| {
            draft
                .remarks
                .push(format!("could not check which other services reference the changed variables: {error}"));
            Vec::new()
        });
        let own = survey.targets.iter().filter_map(|target| Some((&target.service, target.stored.as_ref().ok()?)));
        let foreign = others.iter().zip(&read);
        let foreign = foreign.filter_map(|(service, stored)| Some((&service.service, stored.as_ref().ok()?)));
        let stored: Vec<(&ResourceRef, &BTreeMap<String, Variable>)> = own.chain(foreign).collect();
        let templates: Vec<Template<'_>> = stored
            .iter()
            .flat_map(|(service, stored)| {
                stored.iter().filter_map(|(key, variable)| {
                    Some((service.name.as_str(), key.as_str(), variable.template()?.expose()))
                })
            })
            .collect();
        let found = dependents(&templates, &draft.plan.stores, &survey.catalogue);
        let named = |name: &str| stored.iter().map(|(service, _)| *service).find(|service| service.name == name);
        let found = found.into_iter().filter_map(|(name, keys)| Some((named(&name)?.clone(), keys)));
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

/// Merges changes of the same variable, and sorts them by owner and key.
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
    let order = |store: &VariableChange| {
        (store.owner == VariableOwner::Shared, store.owner.name().to_owned(), store.key.clone())
    };
    merged.sort_by_key(order);
    merged
}

/// The file is a program, which is not run, so its declarations are unknown.
fn infrastructure_warning(file: &str) -> String {
    format!(
        "{file} may manage these services: `railway config apply` then resets the variables that it declares and, with \
         the default policy “managed”, deletes all others; to keep pushed values, use `preserve()` or the policy's `ignore`"
    )
}

fn staged_sentence(staged: &StagedChanges) -> String {
    let what = match (staged.variables.len(), staged.others) {
        (0, _) => "settings".to_owned(),
        (number, OtherChanges::None) => phrases::count(number, "variable"),
        (number, OtherChanges::Some) => format!("{} and settings", phrases::count(number, "variable")),
    };
    format!("this environment has staged changes of {what}; they stay staged")
}
