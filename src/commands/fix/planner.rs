//! Plans what was selected: variables, files, and the deployments that follow.

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
use crate::drift::model::deployment::Deployed;
use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
use crate::drift::plan::dependents::{Template, dependents};
use crate::drift::plan::deployments::{DeployMethod, DeployReason, PlannedDeployment, costs, retried};
use crate::drift::plan::offer::Pull;
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::{ChangedFileKind, FileChange, FileEdit, Plan, VariableChange, VariableOwner};
use crate::drift::{ResourceRef, Secret, Variable, phrases};
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files::{self, Leads};
use crate::io::railway::client::Client;
use crate::io::railway::environment::ServiceShape;
use crate::report::{TextOptions, Values, escape};

/// A file with the values that are pulled into it.
#[derive(Default)]
struct EditedFile {
    /// The new text; `None` where nothing changes.
    file: Option<LocalFile>,
    edits: Vec<FileEdit>,
    /// What can't be written safely.
    remarks: Vec<String>,
}

/// Everything that a plan is made from.
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
        let pulls: Vec<&Pull> = chosen.offers.iter().flat_map(|offer| &offer.pulls).collect();
        self.edit_files(&pulls, &mut draft)?;
        if !chosen.ignores.is_empty() {
            draft.plan.files.push(ignore::change(self.config, &chosen.ignores, self.folder)?);
        }
        if !chosen.redeploys.is_empty() || !draft.plan.changes_nothing_stored() {
            self.plan_deployments(&chosen.redeploys, &mut draft)?;
        }
        draft.plan.cautions.dedup();
        Ok(draft)
    }

    /// Edits each file by span; what can't be written safely is said by name and left out.
    fn edit_files(&self, pulls: &[&Pull], draft: &mut PlannedFix) -> Result<(), Error> {
        let mut by_file: BTreeMap<usize, Vec<&Pull>> = BTreeMap::new();
        for pull in pulls {
            by_file.entry(pull.file).or_default().push(pull);
        }
        let closed = closed(self.gathered, self.args);
        for (index, pulls) in by_file {
            if let Some(refused) = closed.get(&index) {
                return Err(refused.clone().into());
            }
            let file = &self.gathered.survey.files[index];
            let EditedFile { file: edited, edits, remarks } = self.edited(file, &pulls);
            draft.remarks.extend(remarks);
            let Some(edited) = edited else { continue };
            files::refuse_too_large(edited.text(), &self.gathered.paths[index], self.folder)?;
            // What is shown and recorded is the file itself: a link to it may lead elsewhere by then.
            let path = &self.gathered.places[index].end;
            if self.gathered.survey.exposures[index].end.is_some() || self.gathered.places[index].leads == Leads::Out {
                let real = files::display_path(path, self.folder);
                draft.plan.cautions.push(format!("{} is a link: the file that changes is {real}", file.name));
            }
            if files::has_other_names(path) {
                let words = format!("{} has other names (hard links): they keep the old text", file.name);
                draft.plan.cautions.push(words);
            }
            let mask = |value: &Secret| self.options.mask(value);
            draft.plan.files.push(FileChange {
                kind: ChangedFileKind::Variables,
                path: path.clone(),
                name: file.name.clone(),
                // What was read, not what may stand there by now: whoever changes it meanwhile must be met.
                before: files::current(path).map(|_| file.text().clone()),
                shown: [file.masked(&mask), self.after(edited.masked(&mask), &pulls)],
                after: Some(edited.text().clone()),
                edits,
            });
        }
        Ok(())
    }

    /// Without fingerprints, a line with another value would look unchanged.
    fn after(&self, masked: String, pulls: &[&Pull]) -> String {
        if !matches!(self.options.values, Values::Withheld) {
            return masked;
        }
        let is_new = |line: &str| {
            let name = line.trim_start().trim_start_matches("export ").split(['=', ' ', ':', '\t']).next();
            pulls.iter().any(|pull| name == Some(pull.key.as_str()))
        };
        masked.lines().map(|line| if is_new(line) { format!("{line} (new)\n") } else { format!("{line}\n") }).collect()
    }

    fn edited(&self, file: &LocalFile, pulls: &[&Pull]) -> EditedFile {
        let mut edited = EditedFile::default();
        for pull in pulls {
            let current = edited.file.as_ref().unwrap_or(file);
            let from = phrases::names(&pull.from.iter().map(|service| service.name.as_str()).collect::<Vec<_>>());
            let before = current.entry(&pull.key).map(|entry| entry.value.clone());
            let comment = format!("# added by doctor on {}, from {}", self.gathered.survey.today, escape::line(&from));
            let changed = match &before {
                Some(_) => current.set(&pull.key, &pull.value),
                None => current.add(&[(pull.key.clone(), pull.value.clone())], &comment),
            };
            match changed {
                Ok(changed) => {
                    edited.file = Some(changed);
                    let after = Some(pull.value.clone());
                    edited.edits.push(FileEdit { change: "pull", key: pull.key.clone(), before, after, from });
                }
                Err(refusal) => edited.remarks.push(refusal.sentence()),
            }
        }
        edited
    }

    /// Asks for the deployments there are, and plans one for each service that is to run with something new.
    fn plan_deployments(&self, redeploys: &[DueRedeploy], draft: &mut PlannedFix) -> Result<(), Error> {
        let shape = &self.gathered.selected.shape;
        let fence = self.client.pre_write_state(&shape.project.id, &shape.environment.id)?;
        if let Some(staged) = fence.staged.as_ref().filter(|staged| staged.state != StagedState::Failed) {
            draft.plan.cautions.push(staged_sentence(staged));
        }
        if self.args.no_deploy {
            draft.plan.cautions.push("the running services keep their old values until they are deployed".to_owned());
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

    /// The services that are deployed, and why. Those that only refer to what changes are deployed on request.
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
                    "{} takes the new value by reference ({}), and is not deployed: --dependents does",
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

    /// Services that refer to what changes, directly or not, and are not deployed anyway.
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
            draft.remarks.push(format!("who else refers to what changes could not be looked up: {error}"));
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

/// Railway deploys with a new start command, so a service that must not be deployed keeps its own.
fn leave_out_undeployed(draft: &mut PlannedFix) {
    for deploy in &draft.plan.deploys {
        let DeployMethod::Not(why) = &deploy.how else { continue };
        let before = draft.plan.settings.len();
        draft.plan.settings.retain(|setting| setting.service != deploy.service);
        if draft.plan.settings.len() < before {
            let name = &deploy.service.name;
            draft
                .remarks
                .push(format!("the start command of {name} is left as it is, because setting it deploys: {why}"));
        }
    }
    let Plan { stores, deploys, .. } = &mut draft.plan;
    deploys.retain(|deploy| {
        let is_changed = stores.iter().any(|store| store.meant_for.contains(&deploy.service));
        is_changed || deploy.cause != DeployReason::Changed || !matches!(deploy.how, DeployMethod::Not(_))
    });
}

/// The files that no value is pulled into, by index.
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

/// The variables that change, each once, sorted by owner and key.
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

/// The file is a program of the checkout, so what it declares is not known.
fn infrastructure_warning(file: &str) -> String {
    format!(
        "{file} may describe these services: the next `railway config apply` then resets a variable that it declares and, \
         under its default policy “managed”, deletes one that it does not declare; `preserve()` or the policy's `ignore` \
         keeps what is pushed"
    )
}

fn staged_sentence(staged: &StagedChanges) -> String {
    let what = match (staged.variables.len(), staged.others) {
        (0, _) => "settings".to_owned(),
        (number, OtherChanges::None) => phrases::count(number, "variable"),
        (number, OtherChanges::Some) => format!("{} and settings", phrases::count(number, "variable")),
    };
    format!("somebody has staged changes of {what} in this environment; they stay as they are")
}
