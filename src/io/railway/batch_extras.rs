//! Extra fields in a batch of values: the snapshots of the running deployments, the staged changes, and the shared
//! variables.
//!
//! They save requests, but the comparison of the variables must not depend on them. If Railway rejects a batch because
//! of an extra field, or may have done so, the field is dropped and the batch is sent again without it.

use std::collections::BTreeMap;

use crate::drift::Variable;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::io::railway::batch::{EnvironmentField, ReadOptions};
use crate::io::railway::batch_response::{Maps, kind, number};
use crate::io::railway::client::Client;
use crate::io::railway::environment::ServiceShape;
use crate::io::railway::response::{ErrorKind, GraphqlError};
use crate::io::railway::stored_variables::shared_variables;

/// The extra fields and their results.
pub(crate) struct BatchExtras<'r> {
    /// For each service the deployment whose snapshot is not read yet.
    deployments: Vec<Option<&'r str>>,
    pub(crate) got: Vec<Observed<DeployedVariables>>,
    pub(crate) staged: Observed<Option<StagedChanges>>,
    pub(crate) shared: Observed<BTreeMap<String, Variable>>,
    along: ReadOptions,
}

/// Returns whether an alias is an extra field.
pub(crate) fn is_extra_field(alias: &str) -> bool {
    matches!(kind(alias), "snapshot" | "staged" | "shared")
}

impl<'r> BatchExtras<'r> {
    pub(crate) fn new(services: impl Iterator<Item = &'r ServiceShape>, along: ReadOptions) -> Self {
        let running = |service: &'r ServiceShape| {
            let running = service.deployed.known().and_then(|deployed| deployed.running());
            running.filter(|_| along != ReadOptions::Nothing).map(|running| running.id.as_str())
        };
        let deployments: Vec<Option<&str>> = services.map(running).collect();
        let got = deployments.iter().map(|_| Observed::NotRequested).collect();
        Self { deployments, got, staged: Observed::NotRequested, shared: Observed::NotRequested, along }
    }

    /// Returns the deployment whose snapshot is requested together with this service's values.
    pub(crate) fn deployment(&self, index: usize) -> Option<&'r str> {
        self.deployments[index]
    }

    /// Returns what is requested of the environment together with the next batch.
    pub(crate) fn environment_fields(&self) -> Vec<EnvironmentField> {
        let is_due = |field: &EnvironmentField| match field {
            EnvironmentField::Staged => !self.staged.is_requested(),
            EnvironmentField::Shared => !self.shared.is_requested(),
        };
        self.along.environment_fields().iter().copied().filter(is_due).collect()
    }

    /// Records the results of a batch, and the reason for each missing one.
    pub(crate) fn record(&mut self, client: &Client<'_>, chunk: &[usize], maps: &mut Maps, refused: &[GraphqlError]) {
        self.record_environment(client, maps, refused);
        for (position, &index) in chunk.iter().enumerate() {
            if self.deployments[index].take().is_none() {
                continue;
            }
            let why = || {
                let error = error_of(client, &format!("snapshot_{position}"), refused);
                error.unwrap_or_else(|| "Railway did not return the deployment's variables".to_owned())
            };
            let got = maps.snapshots.remove(&position);
            for (key, value) in got.iter().flatten() {
                if let Some(value) = value {
                    client.redactor.add(key, value);
                }
            }
            self.got[index] = got.map_or_else(|| Observed::Unavailable(why()), Observed::Known);
        }
    }

    /// Records the staged changes and the shared variables.
    fn record_environment(&mut self, client: &Client<'_>, maps: &mut Maps, refused: &[GraphqlError]) {
        let why = |alias| {
            let error = error_of(client, alias, refused);
            error.unwrap_or_else(|| "Railway did not return them".to_owned())
        };
        for field in self.environment_fields() {
            match field {
                EnvironmentField::Staged => {
                    self.staged = match std::mem::take(&mut maps.staged) {
                        Observed::NotRequested => Observed::Unavailable(why("staged")),
                        known => known,
                    };
                }
                EnvironmentField::Shared => {
                    self.shared = match maps.shared.take() {
                        Some(stored) => Observed::Known(shared_variables(client, stored)),
                        None => Observed::Unavailable(why("shared")),
                    };
                }
            }
        }
    }

    /// Drops the extra fields that may be the reason why a batch was rejected, and records that reason. Returns whether
    /// any was dropped, so that the batch is worth another attempt.
    pub(crate) fn drop_rejected(&mut self, client: &Client<'_>, chunk: &[usize], refusals: &[GraphqlError]) -> bool {
        let fields = self.environment_fields();
        let with_snapshots = chunk.iter().any(|&index| self.deployments[index].is_some());
        let of_snapshots = refusals.iter().any(|refusal| names(refusal, "snapshot", &SNAPSHOT));
        let of_staged = refusals.iter().any(|refusal| names(refusal, "staged", &STAGED));
        let of_shared = refusals.iter().any(|refusal| names(refusal, "shared", &[]));
        let is_unspecific = !of_snapshots && !of_staged && !of_shared && may_be_about_extras(refusals, chunk.len());
        let drop_staged = fields.contains(&EnvironmentField::Staged) && (of_staged || is_unspecific);
        let drop_shared = fields.contains(&EnvironmentField::Shared) && (of_shared || is_unspecific);
        let drop_snapshots = with_snapshots && (of_snapshots || is_unspecific);
        let why = client.refused(refusals).to_string();
        if drop_staged {
            self.staged = Observed::Unavailable(why.clone());
        }
        if drop_shared {
            self.shared = Observed::Unavailable(why.clone());
        }
        if drop_snapshots {
            for (deployment, got) in self.deployments.iter_mut().zip(&mut self.got) {
                if deployment.take().is_some() {
                    *got = Observed::Unavailable(why.clone());
                }
            }
        }
        drop_staged || drop_shared || drop_snapshots
    }
}

/// Returns the error about the field with that alias.
fn error_of(client: &Client<'_>, alias: &str, refused: &[GraphqlError]) -> Option<String> {
    let error = refused.iter().find(|refusal| refusal.path.first().is_some_and(|path| path == alias))?;
    Some(client.refused(std::slice::from_ref(error)).to_string())
}

/// Schema names that only the snapshot field uses.
const SNAPSHOT: [&str; 2] = ["deploymentSnapshot", "DeploymentSnapshot"];

/// Schema names that only the field of staged changes uses.
const STAGED: [&str; 2] = ["environmentStagedChanges", "EnvironmentPatch"];

/// Returns whether an error is about this extra field: by its path, or by the name that the schema lacks.
fn names(refusal: &GraphqlError, alias: &str, of_schema: &[&str]) -> bool {
    let by_path = refusal.path.first().is_some_and(|path| kind(path) == alias);
    let mut quoted = refusal.message.split('"').skip(1).step_by(2);
    by_path || refusal.kind == ErrorKind::Schema && quoted.any(|name| of_schema.contains(&name))
}

/// Returns whether the errors name no field, so that they may be about the extra ones. A large batch is split first.
fn may_be_about_extras(refusals: &[GraphqlError], size: usize) -> bool {
    let is_unspecific = |refusal: &GraphqlError| match refusal.kind {
        ErrorKind::Document | ErrorKind::TooLarge => size == 1,
        ErrorKind::NotAuthorized | ErrorKind::NotFound | ErrorKind::Problem | ErrorKind::Schema | ErrorKind::Other => {
            true
        }
        _ => false,
    };
    let is_named = |refusal: &GraphqlError| refusal.path.first().and_then(|alias| number(alias)).is_some();
    refusals.iter().all(|refusal| is_unspecific(refusal) && !is_named(refusal))
}
