//! Plans how to restore the state before a run. Anything that has changed since the run is skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::UndoArgs;
use crate::commands::apply::decide;
use crate::commands::output;
use crate::commands::output_options::plain_text_options;
use crate::commands::undo::restore::current::CurrentState;
use crate::commands::write_guards::{Committed, WriteTarget, refusal};
use crate::drift::ResourceRef;
use crate::drift::dotenv::LocalFile;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::Deployed;
use crate::drift::model::receipt::{Outcome, Receipt, Sides};
use crate::drift::plan::deployments::{DeployReason, PlannedDeployment, costs};
use crate::drift::plan::hoist::VALUES_STAY;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::plan::{ChangedFileKind, FileChange, FileEdit, Plan, VariableChange, VariableOwner};
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::io::files;
use crate::io::files::exposure::ExposureTask;
use crate::io::git::GitClient;
use crate::io::railway::batch::SERVICES_PER_REQUEST;
use crate::io::railway::client::Client;
use crate::io::railway::deployments::PreWriteState;
use crate::io::railway::environment::Shape;
use crate::io::storage::journal::{self, Before, JournalRecord};
use crate::io::world::World;
use crate::report::{ServiceLine, TextOptions, shell_command};

mod current;
mod references;

/// The input of a restore plan.
pub(super) struct RestoreRequest<'r> {
    pub(super) record: &'r JournalRecord,
    pub(super) args: &'r UndoArgs,
    /// The command that redeploys services of this environment.
    pub(super) redeploy: &'r [String],
}

/// The text of a file before and after a change; `None` if it does not exist.
struct FileTexts {
    before: Option<Secret>,
    after: Option<Secret>,
}

/// A plan that restores the state before a run, and what it skips.
pub(super) struct RestorePlan {
    pub(super) plan: Plan,
    /// What has changed since the run, or can't be restored.
    pub(super) conflicts: Vec<Receipt>,
    /// Remarks for the user; sentences without a full stop.
    pub(super) remarks: Vec<String>,
    /// The current environment.
    pub(super) shape: Shape,
    /// The services that the run changed or deployed.
    pub(super) services: Vec<ServiceLine>,
}

/// Compares the record with the current state: two requests, and one for the deployments.
pub(super) fn plan(client: &Client<'_>, request: &RestoreRequest<'_>, world: &World<'_>) -> Result<RestorePlan, Error> {
    let &RestoreRequest { record, args, redeploy } = request;
    let shape = client.shape(&record.project.id, &record.environment.id)?;
    let now = current::read(client, &shape, record)?;
    let mut restoring =
        RestorePlan { plan: Plan::default(), conflicts: Vec::new(), remarks: Vec::new(), shape, services: Vec::new() };
    for store in &record.stores {
        restoring.store(store, &now);
    }
    restoring.plan.sort_stores();
    references::keep_referenced(client, &mut restoring)?;
    if restoring.plan.stores.iter().any(|store| store.renders.is_some()) {
        restoring.plan.cautions.push(VALUES_STAY.to_owned());
    }
    for setting in &record.settings {
        restoring.setting(setting, args);
    }
    let options = plain_text_options(world);
    let git_client = GitClient::new(&world.variables);
    for file in &record.files {
        let committed = Committed::of(args.allow_tracked);
        match target(file, committed, &world.directory, &git_client) {
            Ok(path) => restoring.file(&journal::RecordedFile { path, ..file.clone() }, &options),
            Err(cause) => restoring.leave(file, &cause),
        }
    }
    if restoring.plan.changes_values() && args.no_deploy {
        restoring.remarks.push("running services keep their values until they are deployed".to_owned());
    } else if !restoring.plan.changes_nothing_stored() {
        restoring.deployments(client, record, redeploy)?;
    }
    restoring.services = touched(record, &restoring.shape);
    Ok(restoring)
}

impl RestorePlan {
    /// Restores a variable if it still has the value that the run stored.
    fn store(&mut self, kept: &journal::RecordedVariable, now: &CurrentState) {
        let owner = match &kept.owner {
            Some(service) => VariableOwner::Service(service.clone()),
            None => VariableOwner::Shared,
        };
        let found = now.variable(kept.owner.as_ref(), &kept.key);
        let mut receipt = Receipt::of("restore", Some(&kept.key), owner.name());
        let after = match &kept.before {
            Before::Sealed => {
                receipt.end(Outcome::NotTried, "sealed before the run, so the old value can't be restored".to_owned());
                self.conflicts.push(receipt);
                return;
            }
            Before::Missing => None,
            Before::Stored(text) => Some(text.clone()),
        };
        if found.is_none() && after.is_none() || (after.is_some() && found.and_then(Variable::stored) == after.as_ref())
        {
            return;
        }
        if let Some(sides) = references::conflict(kept, found, after.as_ref()) {
            receipt.end(Outcome::Conflict, "changed since that run".to_owned());
            receipt.sides = Some(sides);
            self.conflicts.push(receipt);
            return;
        }
        let renders = references::kept_value(kept);
        self.plan.stores.push(VariableChange {
            meant_for: kept.owner.iter().filter(|_| renders.is_none()).cloned().collect(),
            owner,
            key: kept.key.clone(),
            before: found.cloned(),
            after,
            from: None,
            renders,
        });
    }

    /// Restores a start command if it is still the one that the run set.
    fn setting(&mut self, kept: &StartCommandChange, args: &UndoArgs) {
        let shape = self.shape.services.iter().find(|known| known.service.id == kept.service.id);
        let settings = shape.and_then(|shape| shape.settings.known());
        let found = settings.and_then(|settings| settings.start_command.clone());
        let mut receipt = Receipt::of("start-command", None, &kept.service.name);
        if settings.is_none() {
            receipt.end(Outcome::NotTried, "Railway does not return the settings of the service".to_owned());
        } else if found == kept.before {
            return;
        } else if found != kept.after {
            receipt.end(Outcome::Conflict, "changed since that run".to_owned());
            receipt.sides = Some(Sides { planned_on: kept.after.clone(), found, wanted: kept.before.clone() });
        } else if args.no_deploy {
            receipt.end(
                Outcome::NotTried,
                "setting it deploys the service; run the command without --no-deploy".to_owned(),
            );
        } else {
            let (service, after) = (kept.service.clone(), kept.before.clone());
            self.plan.settings.push(StartCommandChange { service, before: found, after });
            return;
        }
        self.conflicts.push(receipt);
    }

    /// Restores a file byte for byte if it still has the text that the run wrote, otherwise key by key if that is safe.
    fn file(&mut self, kept: &journal::RecordedFile, options: &TextOptions<'_>) {
        let found = files::current(&kept.path);
        if found == kept.before {
            return;
        }
        if found == kept.after {
            let text = |text: Option<&Secret>| text.cloned().unwrap_or_else(|| Secret::new(""));
            let [old, new] = [text(found.as_ref()), text(kept.before.as_ref())]
                .map(|text| LocalFile::parse(kept.shown.as_str(), text));
            let edits = kept.keys.iter().map(|key| edit(key, &old, &new)).collect();
            self.change(kept, FileTexts { before: found, after: kept.before.clone() }, edits, options);
            return;
        }
        match key_by_key(kept, found.as_ref()) {
            Some((text, edits)) => {
                self.change(kept, FileTexts { before: found, after: Some(text) }, edits, options);
            }
            None => self.leave(kept, "the file changed since that run"),
        }
    }

    /// Skips a file.
    fn leave(&mut self, kept: &journal::RecordedFile, cause: &str) {
        self.conflicts.extend(kept.keys.iter().map(|key| {
            let mut receipt = Receipt::of("restore", Some(key), &kept.shown);
            receipt.end(Outcome::Conflict, cause.to_owned());
            receipt
        }));
    }

    fn change(
        &mut self,
        kept: &journal::RecordedFile,
        texts: FileTexts,
        edits: Vec<FileEdit>,
        options: &TextOptions<'_>,
    ) {
        let FileTexts { before, after } = texts;
        let is_variables = holds_variables(kept);
        let shown = |text: Option<&Secret>| match text {
            None => String::new(),
            Some(text) if is_variables => {
                LocalFile::parse("", text.clone()).redacted(&|value: &Secret| options.mask(value))
            }
            Some(text) => text.expose().to_owned(),
        };
        self.plan.files.push(FileChange {
            kind: if is_variables { ChangedFileKind::Variables } else { ChangedFileKind::Configuration },
            path: kept.path.clone(),
            name: kept.shown.clone(),
            shown: [shown(before.as_ref()), shown(after.as_ref())],
            before,
            after,
            edits,
        });
    }

    /// Removes the services that never ran with the values of the run, whose deployment may have been refused: they
    /// need no deployment. One request.
    fn leave_out_unreached(
        &mut self,
        client: &Client<'_>,
        fence: &PreWriteState,
        services: Vec<ResourceRef>,
    ) -> Vec<ResourceRef> {
        let running = |service: &ResourceRef| fence.deployed.get(&service.id).and_then(Deployed::running);
        let ids: Vec<&str> = services.iter().filter_map(running).map(|running| running.id.as_str()).collect();
        let mut got: BTreeMap<&str, DeployedVariables> = BTreeMap::new();
        for chunk in ids.chunks(SERVICES_PER_REQUEST) {
            let known = client.snapshots(chunk).unwrap_or_default();
            got.extend(chunk.iter().copied().zip(known).filter_map(|(id, got)| Some((id, got?))));
        }
        let stores = &self.plan.stores;
        let is_left_out = |service: &ResourceRef| {
            let Some(running) = running(service) else { return false };
            // After a failed deployment, the running code has to be deployed with the restored values.
            let newest = fence.deployed.get(&service.id).and_then(Deployed::newest);
            let own: Vec<&VariableChange> = stores.iter().filter(|store| store.meant_for.contains(service)).collect();
            newest.is_some_and(|newest| newest.id == running.id)
                // Railway deploys when a start command is restored, and that deployment has to be followed.
                && self.plan.setting(service).is_none()
                && got.get(running.id.as_str()).is_some_and(|got| !own.is_empty() && own.iter().all(|store| lacks(got, store)))
        };
        let (unreached, others): (Vec<ResourceRef>, Vec<ResourceRef>) = services.into_iter().partition(is_left_out);
        self.remarks.extend(
            unreached.iter().map(|service| {
                format!("{} never ran with the values of that run, so it is not deployed", service.name)
            }),
        );
        others
    }

    /// Returns the services to deploy: those with restored values that the run deployed. Adds a remark for each of the
    /// others.
    fn services_to_deploy(&mut self, record: &JournalRecord, redeploys: &[String]) -> Vec<ResourceRef> {
        // The record has the services that were deployed for a shared variable.
        let is_shared = self.plan.stores.iter().any(gives_shared_value);
        let mut services: Vec<ResourceRef> =
            self.plan.stores.iter().flat_map(|store| store.meant_for.clone()).collect();
        services.extend(self.plan.settings.iter().map(|setting| setting.service.clone()));
        if is_shared {
            services.extend(record.deploys.iter().cloned());
        } else if !self.plan.stores.is_empty() {
            services.extend(dependents(record).cloned());
        }
        services.sort_by(|one, other| one.name.cmp(&other.name));
        services.dedup();
        let (deployed, left): (Vec<ResourceRef>, Vec<ResourceRef>) = services
            .into_iter()
            .partition(|service| record.deploys.contains(service) || self.plan.setting(service).is_some());
        self.remarks.extend(left.iter().map(|service| {
            let command = [redeploys, &[format!("--service={}", service.name)]].concat();
            format!(
                "{} was not deployed by that run, so it is not deployed now; to deploy it, run `{}`",
                service.name,
                shell_command::line(&command)
            )
        }));
        deployed
    }

    /// Plans one deployment for each service with restored values.
    fn deployments(&mut self, client: &Client<'_>, record: &JournalRecord, redeploys: &[String]) -> Result<(), Error> {
        let fence = client.pre_write_state(&record.project.id, &record.environment.id)?;
        let services = self.services_to_deploy(record, redeploys);
        for store in self.plan.stores.iter_mut().filter(|store| gives_shared_value(store)) {
            store.meant_for.clone_from(&record.deploys);
        }
        let services = self.leave_out_unreached(client, &fence, services);
        for service in services {
            let running = self.shape.running(&service.id);
            let how = decide(client, &self.shape, fence.deployed.get(&service.id), &service)?;
            let stores = self.plan.stores.iter().filter(|store| store.meant_for.contains(&service));
            let keys: Vec<&str> = stores.map(|store| store.key.as_str()).collect();
            let costs = costs(&how, running, &keys);
            let is_dependent = keys.is_empty() && self.plan.setting(&service).is_none();
            let cause = if is_dependent { DeployReason::Dependent } else { DeployReason::Changed };
            self.plan.deploys.push(PlannedDeployment { service, how, cause, costs, commit: None });
        }
        Ok(())
    }
}

/// Returns the services that a run deployed although it did not change them: they get a value through a reference.
fn dependents(record: &JournalRecord) -> impl Iterator<Item = &ResourceRef> {
    let is_changed = |service: &ResourceRef| {
        let owners = record.stores.iter().filter_map(|store| store.owner.as_ref());
        owners.chain(record.settings.iter().map(|setting| &setting.service)).any(|owner| owner.id == service.id)
    };
    record.deploys.iter().filter(move |service| !is_changed(service))
}

/// Returns whether services get another value from a shared variable.
fn gives_shared_value(store: &VariableChange) -> bool {
    store.owner == VariableOwner::Shared && store.renders.is_none()
}

/// Returns whether a deployment lacks the value that the run stored. False for references, whose rendered value is
/// unknown here.
fn lacks(got: &DeployedVariables, store: &VariableChange) -> bool {
    match &store.before {
        Some(Variable::Plain(text)) => {
            store.owner != VariableOwner::Shared && got.get(&store.key) != Some(&Some(text.clone()))
        }
        Some(_) => false,
        None => got.contains_key(&store.key),
    }
}

/// Returns whether the file contains variables, and is not `doctor.toml`.
fn holds_variables(kept: &journal::RecordedFile) -> bool {
    kept.path.extension().is_none_or(|ending| ending != "toml")
}

/// Returns the resolved path of the file to restore. An error is the cause, as a sentence, for example that git now
/// tracks the file.
fn target(
    kept: &journal::RecordedFile,
    committed: Committed,
    folder: &Path,
    git_client: &GitClient,
) -> Result<PathBuf, String> {
    if !holds_variables(kept) {
        return Ok(kept.path.clone());
    }
    let place = files::locate(&kept.path, folder, git_client).map_err(|error| error.with_cause(": "))?;
    // Removing a file that the run created writes no values.
    if kept.before.is_none() {
        return Ok(place.end);
    }
    let exposures = ExposureTask::start(std::slice::from_ref(&kept.path), folder, git_client.clone()).finish();
    let refused = exposures.first().and_then(|exposure| {
        let file = WriteTarget { path: &kept.path, name: &kept.shown, place: &place, exposure };
        refusal(file, committed)
    });
    refused.map_or(Ok(place.end), |refused| Err(refused.sentence()))
}

fn edit(key: &str, old: &LocalFile, new: &LocalFile) -> FileEdit {
    let value = |file: &LocalFile| file.entry(key).map(|entry| entry.value.clone());
    FileEdit { change: "restore", key: key.to_owned(), before: value(old), after: value(new), from: String::new() }
}

/// Returns the current file with the keys restored, if each of them still has the value that the run wrote.
fn key_by_key(kept: &journal::RecordedFile, found: Option<&Secret>) -> Option<(Secret, Vec<FileEdit>)> {
    let parse = |text: &Secret| LocalFile::parse(kept.shown.as_str(), text.clone());
    let (found, before, after) = (parse(found?), parse(kept.before.as_ref()?), parse(kept.after.as_ref()?));
    let value = |file: &LocalFile, key: &str| file.entry(key).map(|entry| entry.value.clone());
    let mut current = parse(found.text());
    let mut edits = Vec::new();
    for key in &kept.keys {
        let is_ours = value(&found, key) == value(&after, key) && value(&after, key).is_some();
        let restored = match value(&before, key) {
            Some(old) if is_ours => current.set(key, &old),
            None if is_ours => current.remove(key),
            _ => return None,
        };
        current = restored.ok()?;
        edits.push(edit(key, &found, &before));
    }
    Some((current.text().clone(), edits))
}

fn touched(record: &JournalRecord, shape: &Shape) -> Vec<ServiceLine> {
    let mut services: Vec<ResourceRef> = record.stores.iter().filter_map(|store| store.owner.clone()).collect();
    services.extend(record.settings.iter().map(|setting| setting.service.clone()));
    services.extend(record.deploys.iter().cloned());
    services.sort_by(|one, other| one.name.cmp(&other.name));
    services.dedup();
    let line = |service: ResourceRef| {
        let is_there = shape.services.iter().any(|known| known.service.id == service.id);
        let error = (!is_there).then(|| "no longer in this environment".to_owned());
        ServiceLine { error, ..output::unread_line(service) }
    };
    services.into_iter().map(line).collect()
}
