//! What the journal keeps of a plan: what was there, and what is about to be there.

use crate::command::apply::{Applied, Ledger, Site};
use crate::drift::Variable;
use crate::drift::plan::{Owner, Plan, Store};
use crate::drift::receipt::{Outcome, Receipt};
use crate::error::Error;
use crate::outside::journal::{self, Before, Command, Journal, Record, Recorded, Run};
use crate::outside::world::World;

/// Records what of the plan is about to be done. When it returns, the record is on disk.
pub(crate) fn record(
    site: Site<'_>,
    plan: &Plan,
    (ledger, undoes): (&Ledger, Option<&Run>),
    world: &World<'_>,
) -> Result<Recorded, Error> {
    let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
    let stores = plan.stores.iter().zip(&ledger.stores).filter(|(_, receipt)| open(receipt));
    let files = plan.files.iter().zip(&ledger.files).filter(|(_, receipts)| receipts.iter().any(open));
    let record = Record {
        time: world.clock.now(),
        command: if undoes.is_some() { Command::Undo } else { Command::Fix },
        undoes: undoes.cloned(),
        host: site.client.host(),
        project: site.shape.project.clone(),
        environment: site.shape.environment.clone(),
        folder: world.folder.clone(),
        stores: stores.map(|(store, _)| kept(store)).collect(),
        files: files
            .map(|(file, _)| journal::FileChange {
                path: file.path.clone(),
                shown: file.name.clone(),
                before: file.before.clone(),
                after: file.after.clone(),
                keys: file.edits.iter().map(|edit| edit.key.clone()).collect(),
            })
            .collect(),
        deploys: plan.deploys.iter().map(|deploy| deploy.service.clone()).collect(),
    };
    Journal::open(world.state.as_deref(), world.keyring)?.write(&record)
}

fn kept(store: &Store) -> journal::Store {
    journal::Store {
        owner: match &store.owner {
            Owner::Service(service) => Some(service.clone()),
            Owner::Shared => None,
        },
        key: store.key.clone(),
        before: match &store.before {
            None => Before::Absent,
            Some(Variable::Sealed) => Before::Sealed,
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
