//! What the journal keeps of a plan: what was there, and what is about to be there.

use crate::command::apply::{Applied, Ledger, Site};
use crate::drift::Variable;
use crate::drift::plan::{Owner, Plan, Store};
use crate::drift::receipt::{Outcome, Receipt};
use crate::error::Error;
use crate::outside::journal::{self, Before, Command, Journal, Record, Recorded, Run};
use crate::outside::world::World;

/// What a record keeps beside the plan.
pub(crate) struct Kept<'k> {
    /// What of the plan is still to be done.
    pub(crate) ledger: &'k Ledger,
    /// The run that is undone.
    pub(crate) undoes: Option<&'k Run>,
    /// Whether the environment is protected.
    pub(crate) protected: bool,
}

/// Records what of the plan is about to be done. When it returns, the record is on disk.
pub(crate) fn record(site: Site<'_>, plan: &Plan, kept: &Kept<'_>, world: &World<'_>) -> Result<Recorded, Error> {
    let &Kept { ledger, undoes, protected } = kept;
    let (now, railway_time) = (world.clock.now(), site.client.railway_time());
    let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
    let stores = plan.stores.iter().zip(&ledger.stores).filter(|(_, receipt)| open(receipt));
    let files = plan.files.iter().zip(&ledger.files).filter(|(_, receipts)| receipts.iter().any(open));
    let record = Record {
        // Never too early, so that a clock that is behind does not make it look old.
        time: railway_time.map_or(now, |time| time.max(now)),
        command: if undoes.is_some() { Command::Undo } else { Command::Fix },
        undoes: undoes.cloned(),
        host: site.client.host(),
        project: site.shape.project.clone(),
        environment: site.shape.environment.clone(),
        protected,
        folder: world.folder.clone(),
        stores: stores.map(|(store, _)| kept_store(store)).collect(),
        files: files
            .map(|(file, _)| journal::FileChange {
                path: file.path.clone(),
                shown: file.name.clone(),
                before: file.before.clone(),
                after: file.after.clone(),
                keys: file.edits.iter().map(|edit| edit.key.clone()).collect(),
            })
            .collect(),
        settings: plan
            .settings
            .iter()
            .zip(&ledger.settings)
            .filter(|(_, receipt)| open(receipt))
            .map(|(setting, _)| setting.clone())
            .collect(),
        deploys: plan.deploys.iter().map(|deploy| deploy.service.clone()).collect(),
    };
    let journal = Journal::open(world.state.as_deref(), world.keyring)?;
    let recorded = journal.write(&record)?;
    // Old runs go only where Railway's clock and this machine's both say that they are old.
    if let Some(railway_time) = railway_time {
        journal.prune(railway_time.min(now));
    }
    Ok(recorded)
}

fn kept_store(store: &Store) -> journal::Store {
    journal::Store {
        owner: match &store.owner {
            Owner::Service(service) => Some(service.clone()),
            Owner::Shared => None,
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
