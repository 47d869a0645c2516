//! The plan that puts a run back, made from what stands there now: what moved on since is left alone.

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
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::plan::{ChangedFileKind, FileChange, FileEdit, Plan, VariableChange, VariableOwner};
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::io::files;
use crate::io::files::exposure::ExposureTask;
use crate::io::git::Asker;
use crate::io::railway::batch::SERVICES_PER_REQUEST;
use crate::io::railway::client::Client;
use crate::io::railway::deployments::PreWriteState;
use crate::io::railway::environment::Shape;
use crate::io::storage::journal::{self, Before, JournalRecord};
use crate::io::world::World;
use crate::report::{ServiceLine, TextOptions, shell_command};

mod current;

/// What is restored, and how.
pub(super) struct RestoreRequest<'r> {
    /// The run.
    pub(super) record: &'r JournalRecord,
    /// The flags.
    pub(super) args: &'r UndoArgs,
    /// The command that deploys services of this environment again.
    pub(super) redeploy: &'r [String],
}

/// The text of a file before and after a change; `None` where there is no file.
struct FileTexts {
    before: Option<Secret>,
    after: Option<Secret>,
}

/// A plan that puts a run back, and what it leaves alone.
pub(super) struct RestorePlan {
    /// What is put back.
    pub(super) plan: Plan,
    /// What moved on since, and is left as it is.
    pub(super) conflicts: Vec<Receipt>,
    /// What can't be put back; sentences without full stop.
    pub(super) remarks: Vec<String>,
    /// The environment of today.
    pub(super) shape: Shape,
    /// The services that the run touched.
    pub(super) services: Vec<ServiceLine>,
}

/// Compares the record with what there is today: two requests and one for the deployments.
pub(super) fn plan(client: &Client<'_>, request: &RestoreRequest<'_>, world: &World<'_>) -> Result<RestorePlan, Error> {
    let &RestoreRequest { record, args, redeploy } = request;
    let shape = client.shape(&record.project.id, &record.environment.id)?;
    let now = current::read(client, &shape, record)?;
    let mut restoring =
        RestorePlan { plan: Plan::default(), conflicts: Vec::new(), remarks: Vec::new(), shape, services: Vec::new() };
    for store in &record.stores {
        restoring.store(store, &now);
    }
    for setting in &record.settings {
        restoring.setting(setting, args);
    }
    let options = plain_text_options(world);
    let asker = Asker::new(&world.variables);
    for file in &record.files {
        let committed = Committed::of(args.allow_tracked);
        match target(file, committed, &world.folder, &asker) {
            Ok(path) => restoring.file(&journal::RecordedFile { path, ..file.clone() }, &options),
            Err(why) => restoring.leave(file, &why),
        }
    }
    if !restoring.plan.stores.is_empty() && args.no_deploy {
        restoring.remarks.push("the running services keep their values until they are deployed".to_owned());
    } else if !restoring.plan.changes_nothing_stored() {
        restoring.deployments(client, record, redeploy)?;
    }
    restoring.services = touched(record, &restoring.shape);
    Ok(restoring)
}

impl RestorePlan {
    /// One variable: put back if it is still what the run made of it.
    fn store(&mut self, kept: &journal::RecordedVariable, now: &CurrentState) {
        let owner = match &kept.owner {
            Some(service) => VariableOwner::Service(service.clone()),
            None => VariableOwner::Shared,
        };
        let found = now.variable(kept.owner.as_ref(), &kept.key);
        let mut receipt = Receipt::of("restore", Some(&kept.key), owner.name());
        let after = match &kept.before {
            Before::Sealed => {
                receipt.end(Outcome::NotTried, "it was sealed: what it held can't be put back".to_owned());
                self.conflicts.push(receipt);
                return;
            }
            Before::Absent => None,
            Before::Stored(text) => Some(text.clone()),
        };
        let stands = found.and_then(Variable::stored);
        if found.is_none() && after.is_none() || (after.is_some() && stands == after.as_ref()) {
            return;
        }
        let is_ours = match &kept.after {
            Some(text) => stands == Some(text),
            None => found.is_none(),
        };
        if !is_ours {
            receipt.end(Outcome::Conflict, "it was changed since".to_owned());
            receipt.sides = Some(Sides { planned_on: kept.after.clone(), found: stands.cloned(), wanted: after });
            self.conflicts.push(receipt);
            return;
        }
        self.plan.stores.push(VariableChange {
            meant_for: kept.owner.iter().cloned().collect(),
            owner,
            key: kept.key.clone(),
            before: found.cloned(),
            after,
            from: None,
        });
    }

    /// One start command: put back if it is still the one that the run set.
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
            receipt.end(Outcome::Conflict, "it was changed since".to_owned());
            receipt.sides = Some(Sides { planned_on: kept.after.clone(), found, wanted: kept.before.clone() });
        } else if args.no_deploy {
            receipt.end(Outcome::NotTried, "Railway deploys with it: run it without --no-deploy".to_owned());
        } else {
            let (service, after) = (kept.service.clone(), kept.before.clone());
            self.plan.settings.push(StartCommandChange { service, before: found, after });
            return;
        }
        self.conflicts.push(receipt);
    }

    /// One file: put back byte for byte if it is still what the run made of it; else key by key, as far as that is safe.
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
            None => self.leave(kept, "the file was changed since"),
        }
    }

    /// A file that is left as it is.
    fn leave(&mut self, kept: &journal::RecordedFile, why: &str) {
        self.conflicts.extend(kept.keys.iter().map(|key| {
            let mut receipt = Receipt::of("restore", Some(key), &kept.shown);
            receipt.end(Outcome::Conflict, why.to_owned());
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
                LocalFile::parse("", text.clone()).masked(&|value: &Secret| options.mask(value))
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

    /// Those of the services that run with what the run made of their variables: a deployment may have been refused, and
    /// then there is nothing to restore about what runs. One request.
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
            // One that was made and failed is deployed again: the code that runs is to start with these values.
            let newest = fence.deployed.get(&service.id).and_then(Deployed::newest);
            let mut own = stores.iter().filter(|store| store.meant_for.contains(service));
            newest.is_some_and(|newest| newest.id == running.id)
                // Railway deploys with a start command that is restored, and that deployment has to be followed.
                && self.plan.setting(service).is_none()
                && got.get(running.id.as_str()).is_some_and(|got| own.all(|store| lacks(got, store)))
        };
        let (unreached, others): (Vec<ResourceRef>, Vec<ResourceRef>) = services.into_iter().partition(is_left_out);
        self.remarks.extend(
            unreached
                .iter()
                .map(|service| format!("{} never ran with what that run stored: it is not deployed", service.name)),
        );
        others
    }

    /// The services that get something back and were deployed by the run; it says which of the others are not.
    fn services_to_deploy(&mut self, record: &JournalRecord, redeploys: &[String]) -> Vec<ResourceRef> {
        // A shared variable was changed for services of its own, which the record names.
        let is_shared = self.plan.stores.iter().any(|store| store.owner == VariableOwner::Shared);
        let mut services: Vec<ResourceRef> =
            self.plan.stores.iter().flat_map(|store| store.meant_for.clone()).collect();
        services.extend(self.plan.settings.iter().map(|setting| setting.service.clone()));
        if is_shared {
            services.extend(record.deploys.iter().cloned());
        }
        services.sort_by(|one, other| one.name.cmp(&other.name));
        services.dedup();
        let (deployed, left): (Vec<ResourceRef>, Vec<ResourceRef>) = services
            .into_iter()
            .partition(|service| record.deploys.contains(service) || self.plan.setting(service).is_some());
        self.remarks.extend(left.iter().map(|service| {
            let words = [redeploys, &[format!("--service={}", service.name)]].concat();
            format!(
                "{} was not deployed by that run, and is not by this one: `{}` does",
                service.name,
                shell_command::line(&words)
            )
        }));
        deployed
    }

    /// One deployment for each service that gets something back.
    fn deployments(&mut self, client: &Client<'_>, record: &JournalRecord, redeploys: &[String]) -> Result<(), Error> {
        let fence = client.pre_write_state(&record.project.id, &record.environment.id)?;
        let services = self.services_to_deploy(record, redeploys);
        for store in self.plan.stores.iter_mut().filter(|store| store.owner == VariableOwner::Shared) {
            store.meant_for.clone_from(&record.deploys);
        }
        let services = self.leave_out_unreached(client, &fence, services);
        for service in services {
            let running = self.shape.running(&service.id);
            let how = decide(client, &self.shape, fence.deployed.get(&service.id), &service)?;
            let stores = self.plan.stores.iter().filter(|store| store.meant_for.contains(&service));
            let keys: Vec<&str> = stores.map(|store| store.key.as_str()).collect();
            let costs = costs(&how, running, &keys);
            self.plan.deploys.push(PlannedDeployment {
                service,
                how,
                cause: DeployReason::Changed,
                costs,
                commit: None,
            });
        }
        Ok(())
    }
}

/// Whether a deployment does not have what the run made of a variable. What a reference renders to is not known here.
fn lacks(got: &DeployedVariables, store: &VariableChange) -> bool {
    match &store.before {
        Some(Variable::Plain(text)) => {
            store.owner != VariableOwner::Shared && got.get(&store.key) != Some(&Some(text.clone()))
        }
        Some(_) => false,
        None => got.contains_key(&store.key),
    }
}

/// Whether the file is one of variables, and not `doctor.toml`.
fn holds_variables(kept: &journal::RecordedFile) -> bool {
    kept.path.extension().is_none_or(|ending| ending != "toml")
}

/// The file to restore, where it really is; why it is left alone, in one sentence. What is restored are values, too: a file
/// that git has come to track since does not get them.
fn target(kept: &journal::RecordedFile, committed: Committed, folder: &Path, asker: &Asker) -> Result<PathBuf, String> {
    if !holds_variables(kept) {
        return Ok(kept.path.clone());
    }
    let place = files::locate(&kept.path, folder, asker).map_err(|error| error.with_cause(": "))?;
    // Taking away a file that the run made writes nothing.
    if kept.before.is_none() {
        return Ok(place.end);
    }
    let exposures = ExposureTask::start(std::slice::from_ref(&kept.path), folder, asker.clone()).finish();
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

/// The file of today with the run's keys as they were before, where each of them is still what the run made of it.
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
        let error = (!is_there).then(|| "it is no longer in this environment".to_owned());
        ServiceLine { error, ..output::unread_line(service) }
    };
    services.into_iter().map(line).collect()
}
