//! Applies a plan: checks again, records, writes files, variables and start commands, deploys and verifies. Every step
//! has a receipt. If a step fails, only the steps that depend on it are skipped.

mod confirm_stored;
mod create_deployments;
mod creation_outcome;
mod deployment_failure;
mod precheck;
mod read_back;
mod receipts;
mod start_commands;
mod verify_deployments;
mod verify_expectations;
mod verify_start_command;
mod watch_deployments;
mod write_references;
mod write_variables;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use crate::commands::apply::create_deployments::decide;
pub(crate) use crate::commands::apply::receipts::{Receipts, StepNames};
pub(crate) use crate::commands::apply::verify_expectations::ObservedExpectations;
use crate::commands::apply::watch_deployments::WatchedDeployment;
use crate::commands::expectations::ExpectationChecker;
use crate::drift::dotenv::{Loader, LocalFile};
use crate::drift::model::deployment::Deployment;
use crate::drift::model::receipt::{Outcome, Receipt, ReceiptFailure, Shortfall};
use crate::drift::plan::{ChangedFileKind, Plan};
use crate::drift::{ResourceRef, Survey};
use crate::error::{Error, Exit};
use crate::io::credentials::keyring::KeyringError;
use crate::io::files;
use crate::io::interrupt::Interrupt;
use crate::io::poll::{Poll, PollLimit};
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway::writer::Writer;
use crate::io::storage::journal::{Recorded, RunName};
use crate::report::Logs;

/// The environment of an applied plan.
#[derive(Clone, Copy)]
pub(crate) struct ApplyContext<'s> {
    pub(crate) client: &'s Client<'s>,
    /// The environment without its values.
    pub(crate) shape: &'s Shape,
    pub(crate) interrupt: &'s Interrupt,
    /// The working directory, to which displayed paths are relative.
    pub(crate) folder: &'s Path,
    /// The state directory, which may not exist.
    pub(crate) state: Option<&'s Path>,
    /// The files of the pushed values, as they were read.
    pub(crate) files: &'s [(&'s Path, &'s LocalFile)],
    /// The declared loader of these files.
    pub(crate) loader: Option<Loader>,
    /// `--on-staged`.
    pub(crate) on_staged: OnStaged,
    /// Whether logs may be shown.
    pub(crate) logs: Logs,
    /// What to verify of the deployed services.
    pub(crate) expected: Option<ExpectedOfDeployments<'s>>,
    /// The command that redeploys services, without the service names.
    pub(crate) redeploy_command: &'s [String],
}

impl<'s> ApplyContext<'s> {
    /// Returns the limits of a polling loop.
    fn poll(&self, limit: PollLimit) -> Poll<'s> {
        Poll { clock: self.client.clock, interrupt: self.interrupt, deadline: self.client.limit.get(), limit }
    }

    /// Returns the most recent deployments of a service, newest first: one request.
    fn recent(&self, service: &ResourceRef) -> Result<Vec<Deployment>, Error> {
        self.client.recent(&self.shape.project.id, &self.shape.environment.id, &service.id)
    }

    /// Returns the deployment with that id, if it is among the most recent ones.
    fn deployment(&self, service: &ResourceRef, id: &str) -> Result<Option<Deployment>, Error> {
        Ok(self.recent(service)?.into_iter().find(|one| one.id == id))
    }
}

/// What to verify of the deployed services.
#[derive(Clone, Copy)]
pub(crate) struct ExpectedOfDeployments<'s> {
    pub(crate) checker: ExpectationChecker<'s>,
    /// Both sides, as they were when the plan was made.
    pub(crate) survey: &'s Survey,
}

/// What to do if the environment has a staged change to a planned key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnStaged {
    /// Write nothing.
    Stop,
    /// Report it, and write anyway.
    Ignore,
}

/// The result of applying a plan.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// One for each step: files, variables, start commands, deployments.
    pub(crate) receipts: Vec<Receipt>,
    /// The run that undoes it, if it was recorded.
    pub(crate) run: Option<RunName>,
    /// Why deployments failed.
    pub(crate) failures: Vec<ReceiptFailure>,
    /// Remarks for the user; sentences without a full stop.
    pub(crate) remarks: Vec<String>,
    /// The log lines and responses that were read after the deployments.
    pub(crate) seen: Vec<ObservedExpectations>,
    /// The shortfall of each service and file, by the place of its receipts.
    pub(crate) shortfalls: BTreeMap<String, Shortfall>,
    /// The exit code, if a step failed or is unverified.
    pub(crate) verdict: Option<Exit>,
    /// The error that stopped the run, if it affects more than one step.
    pub(crate) halted: Option<Error>,
    /// The exit code of the first failure, which is the run's if nothing was written.
    cause: Option<Exit>,
}

/// Applies a plan. An error means that nothing was written. `record` writes the open steps, which the receipts select,
/// to the journal.
pub(crate) fn apply(
    context: ApplyContext<'_>,
    plan: &Plan,
    names: StepNames,
    record: impl FnOnce(&Receipts) -> Result<Option<Recorded>, Error>,
) -> Result<Applied, Error> {
    let mut receipts = Receipts::of(plan, names);
    context.client.status.waiting("checking again before writing");
    let fence = precheck::recheck(context, plan, &mut receipts);
    let elsewhere =
        fence.and_then(|fence| Ok((fence, start_commands::recheck(context, plan, &mut receipts.settings)?)));
    context.client.status.done();
    let (fence, elsewhere) = elsewhere?;
    let mut applied = Applied::default();
    if receipts.is_open() {
        context.interrupt.begin_writing();
        if let Some(Recorded { run, key_in_file }) = record(&receipts)? {
            applied.run = Some(run);
            // It fits on one line; `doctor auth status` shows the details.
            let remark =
                |error: KeyringError| format!("{}, so the journal's key is in a file next to it", error.summary());
            applied.remarks.extend(key_in_file.map(remark));
        }
        let mut work = ApplyState { context, plan, receipts: &mut receipts, applied: &mut applied };
        work.write_files();
        work.write_stores();
        work.write_settings(&elsewhere);
        let followed = work.create_deployments(&fence);
        work.verify(followed);
        work.note_unfollowed();
        context.interrupt.end_writing();
    }
    applied.shortfalls = receipts.shortfalls();
    applied.verdict = verdict(&receipts, &applied, context.interrupt);
    applied.receipts = receipts.into_receipts();
    context.client.status.done();
    Ok(applied)
}

impl Applied {
    /// Returns whether a variable, a start command or a file was changed, or may have been.
    pub(crate) fn has_changed(&self) -> bool {
        let changed = |receipt: &Receipt| matches!(receipt.outcome, Outcome::Done | Outcome::Unknown);
        self.receipts.iter().any(|receipt| receipt.change != "redeploy" && changed(receipt))
    }
}

/// A plan under way.
struct ApplyState<'w, 's> {
    context: ApplyContext<'s>,
    plan: &'w Plan,
    receipts: &'w mut Receipts,
    applied: &'w mut Applied,
}

impl<'s> ApplyState<'_, 's> {
    fn writer(&self) -> Writer<'s> {
        let shape = self.context.shape;
        Writer { client: self.context.client, project: &shape.project.id, environment: &shape.environment.id }
    }

    /// Returns whether the run ends after the current step.
    fn is_over(&self) -> bool {
        self.context.interrupt.is_requested() || self.applied.halted.is_some()
    }

    /// Writes files first, because they are local and can be restored.
    fn write_files(&mut self) {
        let folders = files::Folders { working: self.context.folder, state: self.context.state };
        for (index, file) in self.plan.files.iter().enumerate() {
            if self.is_over() || !self.receipts.files[index].iter().any(is_open) {
                continue;
            }
            let written = match &file.after {
                Some(text) if file.kind == ChangedFileKind::Configuration => {
                    let is_same = files::current(&file.path) == file.before;
                    let write = || files::write_whole(&file.path, text.expose().as_bytes());
                    if is_same { write().map(|()| files::Replaced::Done) } else { Ok(files::Replaced::Conflict) }
                }
                Some(text) => files::replace(&file.path, file.before.as_ref(), text, folders),
                None => files::remove(&file.path, file.before.as_ref(), self.context.folder),
            };
            let (outcome, detail) = match written {
                Ok(files::Replaced::Done) => (Outcome::Done, None),
                Ok(files::Replaced::Without(lost)) => {
                    (Outcome::Done, Some(format!("the extended attributes {} were not kept", lost.join(", "))))
                }
                Ok(files::Replaced::Conflict) => {
                    (Outcome::Conflict, Some("the file changed in the meantime".to_owned()))
                }
                Err(error) => {
                    self.applied.cause.get_or_insert(error.exit());
                    (Outcome::Failed, Some(error.with_cause(": ")))
                }
            };
            for receipt in self.receipts.files[index].iter_mut().filter(|receipt| is_open(receipt)) {
                receipt.end(outcome, detail.clone());
            }
        }
    }
}

/// Returns whether a step is not done yet.
fn is_open(receipt: &Receipt) -> bool {
    receipt.outcome == Outcome::NotTried
}

/// Returns the first that applies: interrupted, the error's exit code if nothing was written, or that of the worst
/// shortfall.
fn verdict(receipts: &Receipts, applied: &Applied, interrupt: &Interrupt) -> Option<Exit> {
    if interrupt.is_requested() {
        return Some(Exit::Interrupted);
    }
    if let Some(cause) = applied.cause.filter(|_| !receipts.has_landed()) {
        return Some(cause);
    }
    let halted = applied.halted.as_ref().map(|_| Shortfall::Incomplete);
    applied.shortfalls.values().copied().chain(halted).max().map(exit)
}

/// Returns the exit code of a shortfall.
pub(crate) fn exit(shortfall: Shortfall) -> Exit {
    match shortfall {
        Shortfall::Incomplete => Exit::Partial,
        Shortfall::VerificationFailed => Exit::Disproved,
        Shortfall::Unverified => Exit::Inconclusive,
    }
}

/// The deployments that this run follows.
type WatchedDeployments = Vec<WatchedDeployment>;
