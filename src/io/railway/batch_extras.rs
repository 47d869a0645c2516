//! What rides along in a batch of values: what running deployments were created with, and what is staged. None of it may
//! cost the comparison of the variables anything.

use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::io::railway::batch;
use crate::io::railway::batch_response::{Maps, kind, number};
use crate::io::railway::client::Client;
use crate::io::railway::environment::ServiceShape;
use crate::io::railway::response::{ErrorKind, GraphqlError};

/// What is read along with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOptions {
    /// What the running deployments were created with, and what is staged.
    Running,
    /// Nothing.
    Nothing,
}

/// What rides along, and what became of it.
pub(crate) struct Riders<'r> {
    /// The deployment of each service that is still to be asked about.
    deployments: Vec<Option<&'r str>>,
    pub(crate) got: Vec<Observed<DeployedVariables>>,
    pub(crate) staged: Observed<Option<StagedChanges>>,
    along: ReadOptions,
}

/// Whether an alias is none of the variables'.
pub(crate) fn is_extra_field(alias: &str) -> bool {
    matches!(kind(alias), "snapshot" | "staged")
}

impl<'r> Riders<'r> {
    pub(crate) fn new(services: &[&'r ServiceShape], along: ReadOptions) -> Self {
        let running = |service: &&'r ServiceShape| {
            let running = service.deployed.known().and_then(|deployed| deployed.running());
            running.filter(|_| along == ReadOptions::Running).map(|running| running.id.as_str())
        };
        Self {
            deployments: services.iter().map(running).collect(),
            got: services.iter().map(|_| Observed::NotRequested).collect(),
            staged: Observed::NotRequested,
            along,
        }
    }

    /// The deployment whose snapshot is asked for together with that service's values.
    pub(crate) fn deployment(&self, index: usize) -> Option<&'r str> {
        self.deployments[index]
    }

    /// Whether staged changes are asked for in this batch.
    pub(crate) fn requests_staged_changes(&self) -> batch::StagedQuery {
        let is_due = self.along == ReadOptions::Running && !self.staged.is_requested();
        if is_due { batch::StagedQuery::Asked } else { batch::StagedQuery::NotAsked }
    }

    /// Takes what came, and why something did not.
    pub(crate) fn arrive(&mut self, client: &Client<'_>, chunk: &[usize], maps: &mut Maps, refused: &[GraphqlError]) {
        let said = |alias: &str| {
            let own = refused.iter().find(|refusal| refusal.path.first().is_some_and(|path| path == alias))?;
            Some(client.refused(std::slice::from_ref(own)).to_string())
        };
        if self.requests_staged_changes() == batch::StagedQuery::Asked {
            let why = || said("staged").unwrap_or_else(|| "Railway does not tell".to_owned());
            self.staged = match std::mem::take(&mut maps.staged) {
                Observed::NotRequested => Observed::Unavailable(why()),
                told => told,
            };
        }
        for (position, &index) in chunk.iter().enumerate() {
            if self.deployments[index].take().is_none() {
                continue;
            }
            let why = || {
                let said = said(&format!("snapshot_{position}"));
                said.unwrap_or_else(|| "Railway does not tell what it was created with".to_owned())
            };
            let got = maps.snapshots.remove(&position);
            for (key, value) in got.iter().flatten() {
                if let Some(value) = value {
                    client.scrubber.add(key, value);
                }
            }
            self.got[index] = got.map_or_else(|| Observed::Unavailable(why()), Observed::Known);
        }
    }

    /// Whether a refused batch may pass without some of them: they are left out from here on, and why is kept.
    pub(crate) fn get_off(&mut self, client: &Client<'_>, chunk: &[usize], refusals: &[GraphqlError]) -> bool {
        let with_staged = self.requests_staged_changes() == batch::StagedQuery::Asked;
        let with_snapshots = chunk.iter().any(|&index| self.deployments[index].is_some());
        let of_snapshots = refusals.iter().any(|refusal| names(refusal, "snapshot", &SNAPSHOT));
        let of_staged = refusals.iter().any(|refusal| names(refusal, "staged", &STAGED));
        let of_anybody = !of_snapshots && !of_staged && may_be_theirs(refusals, chunk.len());
        let staged_leave = with_staged && (of_staged || of_anybody);
        let snapshots_leave = with_snapshots && (of_snapshots || of_anybody);
        let why = client.refused(refusals).to_string();
        if staged_leave {
            self.staged = Observed::Unavailable(why.clone());
        }
        if snapshots_leave {
            for (deployment, got) in self.deployments.iter_mut().zip(&mut self.got) {
                if deployment.take().is_some() {
                    *got = Observed::Unavailable(why.clone());
                }
            }
        }
        staged_leave || snapshots_leave
    }
}

/// Names of the schema that only snapshots lead to.
const SNAPSHOT: [&str; 2] = ["deploymentSnapshot", "DeploymentSnapshot"];

/// Names of the schema that only staged changes lead to.
const STAGED: [&str; 2] = ["environmentStagedChanges", "EnvironmentPatch"];

/// Whether a refusal is about that rider: by its path, or by what the schema does not have.
fn names(refusal: &GraphqlError, alias: &str, of_schema: &[&str]) -> bool {
    let by_path = refusal.path.first().is_some_and(|path| kind(path) == alias);
    let mut words = refusal.message.split('"').skip(1).step_by(2);
    by_path || refusal.kind == ErrorKind::Schema && words.any(|word| of_schema.contains(&word))
}

/// Whether nobody is named, so that it may be about them. Where the question is too large, it is made smaller first.
fn may_be_theirs(refusals: &[GraphqlError], size: usize) -> bool {
    let vague = |refusal: &GraphqlError| match refusal.kind {
        ErrorKind::Document | ErrorKind::TooLarge => size == 1,
        ErrorKind::NotAuthorized | ErrorKind::NotFound | ErrorKind::Problem | ErrorKind::Schema | ErrorKind::Other => {
            true
        }
        _ => false,
    };
    let is_named = |refusal: &GraphqlError| refusal.path.first().and_then(|alias| number(alias)).is_some();
    refusals.iter().all(|refusal| vague(refusal) && !is_named(refusal))
}
