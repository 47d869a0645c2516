//! Records a plan in the journal: what was there, and what is about to be there.

use jiff::Timestamp;

use crate::commands::apply::{Applied, ApplyContext, Receipts};
use crate::drift::Variable;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::plan::{FileChange, Plan, VariableChange, VariableOwner};
use crate::error::Error;
use crate::io::storage::journal::{self, Before, Journal, JournalRecord, Recorded, RecordedCommand, RunName};
use crate::io::world::World;

/// What a record keeps beside the plan.
pub(crate) struct JournalExtras<'k> {
    /// What of the plan is still to be done.
    pub(crate) ledger: &'k Receipts,
    /// The run that is undone.
    pub(crate) undoes: Option<&'k RunName>,
    /// Whether the environment is protected.
    pub(crate) protected: bool,
}

/// Records what of the plan is about to be done. When it returns, the record is on disk.
pub(crate) fn record(
    site: ApplyContext<'_>,
    plan: &Plan,
    kept: &JournalExtras<'_>,
    world: &World<'_>,
) -> Result<Recorded, Error> {
    let now = world.clock.now();
    let railway_time = site.client.railway_time();
    // Never too early, so that a clock that is behind does not make it look old.
    let time = railway_time.map_or(now, |time| time.max(now));
    let journal = Journal::open(world.state.as_deref(), world.keyring)?;
    let recorded = journal.write(&journal_record(site, plan, kept, time))?;
    // Old runs go only where Railway's clock and this machine's both say that they are old.
    if let Some(railway_time) = railway_time {
        journal.prune(railway_time.min(now));
    }
    Ok(recorded)
}

/// What of the plan is still to be done.
fn journal_record(site: ApplyContext<'_>, plan: &Plan, kept: &JournalExtras<'_>, time: Timestamp) -> JournalRecord {
    let &JournalExtras { ledger, undoes, protected } = kept;
    let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
    let stores = plan.stores.iter().zip(&ledger.stores).filter(|(_, receipt)| open(receipt));
    let files = plan.files.iter().zip(&ledger.files).filter(|(_, receipts)| receipts.iter().any(open));
    let settings = plan.settings.iter().zip(&ledger.settings).filter(|(_, receipt)| open(receipt));
    JournalRecord {
        time,
        command: if undoes.is_some() { RecordedCommand::Undo } else { RecordedCommand::Fix },
        undoes: undoes.cloned(),
        host: site.client.host(),
        project: site.shape.project.clone(),
        environment: site.shape.environment.clone(),
        protected,
        folder: site.folder.to_owned(),
        stores: stores.map(|(store, _)| kept_store(store)).collect(),
        files: files.map(|(file, _)| kept_file(file)).collect(),
        settings: settings.map(|(setting, _)| setting.clone()).collect(),
        deploys: plan.deploys.iter().map(|deploy| deploy.service.clone()).collect(),
    }
}

fn kept_file(file: &FileChange) -> journal::RecordedFile {
    journal::RecordedFile {
        path: file.path.clone(),
        shown: file.name.clone(),
        before: file.before.clone(),
        after: file.after.clone(),
        keys: file.edits.iter().map(|edit| edit.key.clone()).collect(),
    }
}

fn kept_store(store: &VariableChange) -> journal::RecordedVariable {
    journal::RecordedVariable {
        owner: match &store.owner {
            VariableOwner::Service(service) => Some(service.clone()),
            VariableOwner::Shared => None,
        },
        key: store.key.clone(),
        before: match &store.before {
            None => Before::Absent,
            // No plan writes over a variable without a value; if one did, it could not be put back either.
            Some(Variable::Sealed | Variable::Unavailable) => Before::Sealed,
            Some(Variable::Plain(text) | Variable::Reference { template: text, .. }) => Before::Stored(text.clone()),
        },
        after: store.after.clone(),
    }
}

/// Forgets a run that changed nothing after all.
pub(crate) fn forget_idle(applied: &mut Applied, world: &World<'_>) {
    if applied.has_changed() {
        return;
    }
    if let (Some(run), Ok(journal)) = (applied.run.take(), Journal::open(world.state.as_deref(), world.keyring)) {
        journal.forget(&run);
    }
}
