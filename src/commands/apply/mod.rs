//! Carrying out a plan: look once more, record, files, variables, start commands, deployments, proof. Every step has a
//! receipt, and a step that fails stops what depends on it and nothing else.

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

/// Where a plan is carried out.
#[derive(Clone, Copy)]
pub(crate) struct ApplyContext<'s> {
    /// The way to Railway.
    pub(crate) client: &'s Client<'s>,
    /// The environment without its values.
    pub(crate) shape: &'s Shape,
    /// Ctrl-C.
    pub(crate) interrupt: &'s Interrupt,
    /// The working folder, to name files from.
    pub(crate) folder: &'s Path,
    /// The folder for what `doctor` remembers; it need not be there.
    pub(crate) state: Option<&'s Path>,
    /// The files that pushed values come from, as they were read.
    pub(crate) files: &'s [(&'s Path, &'s LocalFile)],
    /// The loader whose reading of them counts.
    pub(crate) loader: Option<Loader>,
    /// What happens when somebody has staged a change of the same key.
    pub(crate) on_staged: OnStaged,
    /// Whether logs may be shown.
    pub(crate) logs: Logs,
    /// What must be seen of the services that are deployed.
    pub(crate) seeing: Option<ExpectedOfDeployments<'s>>,
    /// The command that deploys services again, without their names.
    pub(crate) called: &'s [String],
}

impl<'s> ApplyContext<'s> {
    /// What a polling loop of this run keeps to.
    fn poll(&self, limit: PollLimit) -> Poll<'s> {
        Poll { clock: self.client.clock, interrupt: self.interrupt, deadline: self.client.limit.get(), limit }
    }

    /// The newest deployments of a service, newest first: one request.
    fn recent(&self, service: &ResourceRef) -> Result<Vec<Deployment>, Error> {
        self.client.recent(&self.shape.project.id, &self.shape.environment.id, &service.id)
    }

    /// One of them.
    fn deployment(&self, service: &ResourceRef, id: &str) -> Result<Option<Deployment>, Error> {
        Ok(self.recent(service)?.into_iter().find(|one| one.id == id))
    }
}

/// What must be seen of the services that are deployed.
#[derive(Clone, Copy)]
pub(crate) struct ExpectedOfDeployments<'s> {
    /// What it takes to look.
    pub(crate) eyes: ExpectationChecker<'s>,
    /// Both sides, as the plan was made from them.
    pub(crate) survey: &'s Survey,
}

/// What happens when somebody has staged a change of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnStaged {
    /// Nothing is written.
    Stop,
    /// It is said, and written all the same.
    Ignore,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Every step: files, variables, deployments.
    pub(crate) receipts: Vec<Receipt>,
    /// The run that undoes it, if it was recorded.
    pub(crate) run: Option<RunName>,
    /// Deployments that failed, with what Railway tells of them.
    pub(crate) failures: Vec<ReceiptFailure>,
    /// What a person should know; sentences without full stop.
    pub(crate) remarks: Vec<String>,
    /// What was seen of the new deployments.
    pub(crate) seen: Vec<ObservedExpectations>,
    /// What is wrong with each service and file, by the place that receipts name.
    pub(crate) shortfalls: BTreeMap<String, Shortfall>,
    /// How it ended, if not well.
    pub(crate) verdict: Option<Exit>,
    /// What stopped it, if it was not about one step alone.
    pub(crate) halted: Option<Error>,
    /// The exit code of the first failure, which is the run's if nothing was written.
    cause: Option<Exit>,
}

/// Carries out a plan. An error means that nothing was written. `record` keeps what is about to change, with the
/// receipts that say which of it.
pub(crate) fn apply(
    site: ApplyContext<'_>,
    plan: &Plan,
    words: StepNames,
    record: impl FnOnce(&Receipts) -> Result<Option<Recorded>, Error>,
) -> Result<Applied, Error> {
    let mut ledger = Receipts::of(plan, words);
    site.client.talk.waiting("looking once more before anything is written");
    let fence = precheck::recheck(site, plan, &mut ledger);
    let elsewhere = fence.and_then(|fence| Ok((fence, start_commands::recheck(site, plan, &mut ledger.settings)?)));
    site.client.talk.done();
    let (fence, elsewhere) = elsewhere?;
    let mut applied = Applied::default();
    if ledger.is_open() {
        site.interrupt.begin_writing();
        if let Some(Recorded { run, key_in_file }) = record(&ledger)? {
            applied.run = Some(run);
            let said =
                |why: KeyringError| format!("the journal's key is in a file beside it, because {}", why.sentence());
            applied.remarks.extend(key_in_file.map(said));
        }
        let mut work = ApplyState { site, plan, ledger: &mut ledger, applied: &mut applied };
        work.write_files();
        work.write_stores();
        work.write_settings(&elsewhere);
        let followed = work.create_deployments(&fence);
        work.prove(followed);
        work.note_unfollowed();
        site.interrupt.end_writing();
    }
    applied.shortfalls = ledger.shortfalls();
    applied.verdict = verdict(&ledger, &applied, site.interrupt);
    applied.receipts = ledger.into_receipts();
    site.client.talk.done();
    Ok(applied)
}

impl Applied {
    /// Whether a variable, a start command or a file was changed, or may have been.
    pub(crate) fn has_changed(&self) -> bool {
        let changed = |receipt: &Receipt| matches!(receipt.outcome, Outcome::Done | Outcome::Unknown);
        self.receipts.iter().any(|receipt| receipt.change != "redeploy" && changed(receipt))
    }
}

/// A plan under way.
struct ApplyState<'w, 's> {
    site: ApplyContext<'s>,
    plan: &'w Plan,
    ledger: &'w mut Receipts,
    applied: &'w mut Applied,
}

impl<'s> ApplyState<'_, 's> {
    fn writer(&self) -> Writer<'s> {
        let shape = self.site.shape;
        Writer { client: self.site.client, project: &shape.project.id, environment: &shape.environment.id }
    }

    /// Whether the run is to end after the step that was just done.
    fn is_over(&self) -> bool {
        self.site.interrupt.is_requested() || self.applied.halted.is_some()
    }

    /// Files first: they are here, and can be put back.
    fn write_files(&mut self) {
        let folders = files::Folders { working: self.site.folder, state: self.site.state };
        for (index, file) in self.plan.files.iter().enumerate() {
            if self.is_over() || !self.ledger.files[index].iter().any(is_open) {
                continue;
            }
            let written = match &file.after {
                Some(text) if file.kind == ChangedFileKind::Configuration => {
                    let is_same = files::current(&file.path) == file.before;
                    let write = || files::write_whole(&file.path, text.expose().as_bytes());
                    if is_same { write().map(|()| files::Replaced::Done) } else { Ok(files::Replaced::Conflict) }
                }
                Some(text) => files::replace(&file.path, file.before.as_ref(), text, folders),
                None => files::remove(&file.path, file.before.as_ref(), self.site.folder),
            };
            let (outcome, detail) = match written {
                Ok(files::Replaced::Done) => (Outcome::Done, None),
                Ok(files::Replaced::Without(lost)) => {
                    (Outcome::Done, Some(format!("the file's extended attributes {} are not kept", lost.join(", "))))
                }
                Ok(files::Replaced::Conflict) => (Outcome::Conflict, Some("the file was changed meanwhile".to_owned())),
                Err(error) => {
                    self.applied.cause.get_or_insert(error.exit());
                    (Outcome::Failed, Some(error.with_cause(": ")))
                }
            };
            for receipt in self.ledger.files[index].iter_mut().filter(|receipt| is_open(receipt)) {
                receipt.end(outcome, detail.clone());
            }
        }
    }
}

/// Whether a step is still to be done.
fn is_open(receipt: &Receipt) -> bool {
    receipt.outcome == Outcome::NotTried
}

/// The first that applies: interrupted, the cause where nothing was written, the worst shortfall.
fn verdict(ledger: &Receipts, applied: &Applied, interrupt: &Interrupt) -> Option<Exit> {
    if interrupt.is_requested() {
        return Some(Exit::Interrupted);
    }
    if let Some(cause) = applied.cause.filter(|_| !ledger.has_landed()) {
        return Some(cause);
    }
    let halted = applied.halted.as_ref().map(|_| Shortfall::Incomplete);
    applied.shortfalls.values().copied().chain(halted).max().map(exit)
}

/// The exit code that a shortfall leads to.
pub(crate) fn exit(shortfall: Shortfall) -> Exit {
    match shortfall {
        Shortfall::Incomplete => Exit::Partial,
        Shortfall::Disproved => Exit::Disproved,
        Shortfall::Unverified => Exit::Inconclusive,
    }
}

/// The deployments that this run follows.
type WatchedDeployments = Vec<WatchedDeployment>;
