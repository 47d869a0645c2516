//! Records a plan in the journal, with the values before and after.

use jiff::Timestamp;

use crate::commands::apply::{Applied, ApplyContext, Receipts};
use crate::drift::Variable;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::plan::{FileChange, Plan, VariableChange, VariableOwner};
use crate::error::Error;
use crate::io::storage::journal::{self, Before, Journal, JournalRecord, Recorded, RecordedCommand, RunName};
use crate::io::world::World;

/// The parts of a record that are not in the plan.
pub(crate) struct JournalExtras<'k> {
    pub(crate) command: RecordedCommand,
    /// Selects the open steps of the plan.
    pub(crate) receipts: &'k Receipts,
    /// The run that this one undoes.
    pub(crate) undoes: Option<&'k RunName>,
    pub(crate) protected: bool,
}

/// Records the open steps of the plan. When it returns, the record is on disk.
pub(crate) fn record(
    context: ApplyContext<'_>,
    plan: &Plan,
    kept: &JournalExtras<'_>,
    world: &World<'_>,
) -> Result<Recorded, Error> {
    let now = world.clock.now();
    let railway_time = context.client.railway_time();
    // The later of the two clocks, so that the record does not look old if one is slow.
    let time = railway_time.map_or(now, |time| time.max(now));
    let journal = Journal::open(world.state.as_deref(), world.keyring)?;
    let recorded = journal.write(&journal_record(context, plan, kept, time))?;
    // Runs are removed only if they are old by Railway's clock and by the local one.
    if let Some(railway_time) = railway_time {
        journal.prune(railway_time.min(now));
    }
    Ok(recorded)
}

fn journal_record(context: ApplyContext<'_>, plan: &Plan, kept: &JournalExtras<'_>, time: Timestamp) -> JournalRecord {
    let &JournalExtras { command, receipts, undoes, protected } = kept;
    let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
    let stores = plan.stores.iter().zip(&receipts.stores).filter(|(_, receipt)| open(receipt));
    let files = plan.files.iter().zip(&receipts.files).filter(|(_, receipts)| receipts.iter().any(open));
    let settings = plan.settings.iter().zip(&receipts.settings).filter(|(_, receipt)| open(receipt));
    JournalRecord {
        time,
        command,
        undoes: undoes.cloned(),
        host: context.client.host(),
        project: context.shape.project.clone(),
        environment: context.shape.environment.clone(),
        protected,
        folder: context.folder.to_owned(),
        stores: stores.map(|(store, _)| recorded_variable(store)).collect(),
        files: files.map(|(file, _)| recorded_file(file)).collect(),
        settings: settings.map(|(setting, _)| setting.clone()).collect(),
        deploys: plan.deploys.iter().map(|deploy| deploy.service.clone()).collect(),
    }
}

fn recorded_file(file: &FileChange) -> journal::RecordedFile {
    journal::RecordedFile {
        path: file.path.clone(),
        shown: file.name.clone(),
        before: file.before.clone(),
        after: file.after.clone(),
        keys: file.edits.iter().map(|edit| edit.key.clone()).collect(),
    }
}

fn recorded_variable(store: &VariableChange) -> journal::RecordedVariable {
    journal::RecordedVariable {
        owner: match &store.owner {
            VariableOwner::Service(service) => Some(service.clone()),
            VariableOwner::Shared => None,
        },
        key: store.key.clone(),
        before: match &store.before {
            None => Before::Missing,
            // No plan overwrites a variable whose value is unavailable; if one did, it could not be restored either.
            Some(Variable::Sealed | Variable::Unavailable) => Before::Sealed,
            Some(Variable::Plain(text) | Variable::Reference { template: text, .. }) => Before::Stored(text.clone()),
        },
        after: store.after.clone(),
        keeps_value: store.renders.is_some(),
    }
}

/// Removes the record of a run that changed nothing.
pub(crate) fn forget_idle(applied: &mut Applied, world: &World<'_>) {
    if applied.has_changed() {
        return;
    }
    if let (Some(run), Ok(journal)) = (applied.run.take(), Journal::open(world.state.as_deref(), world.keyring)) {
        journal.forget(&run);
    }
}
