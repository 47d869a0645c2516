//! Deployments: their listings, statuses, variables and logs.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStatus};
use crate::drift::model::staged_changes::StagedChanges;
use crate::error::Error;
use crate::io::railway::batch::{self, Batch};
use crate::io::railway::batch_response::{kind, number};
use crate::io::railway::client::Client;
use crate::io::railway::deployment_fields::{deployed, deployment, text};
use crate::io::railway::environment::Pages;
use crate::io::railway::operations::change::{PreWriteState as PreWriteStateQuery, pre_write_state};
use crate::io::railway::operations::{DeploymentLog, RecentDeployments, deployment_log, recent_deployments};
use crate::io::railway::requested_ids::{Claim, claim};
use crate::io::railway::response::{GraphqlError, QueryError, ResponseData};
use crate::io::railway::service_instance::PageEnd;
use crate::io::railway::staged_changes::{StagedPatch, staged};

/// The state of an environment right before a write.
#[derive(Debug, Default)]
pub struct PreWriteState {
    pub staged: Option<StagedChanges>,
    /// The deployments of each service, by its id.
    pub deployed: BTreeMap<String, Deployed>,
}

/// The status of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentProgress {
    pub id: String,
    /// Railway's status.
    #[serde(deserialize_with = "status")]
    pub status: DeploymentStatus,
    /// Whether its process has ended.
    #[serde(rename = "deploymentStopped")]
    pub stopped: bool,
}

#[derive(Deserialize)]
struct SnapshotFields {
    variables: DeployedVariables,
}

impl Client<'_> {
    /// Reads the staged changes and the deployments of all services: one request for each page of services.
    pub fn pre_write_state(&self, project: &str, environment: &str) -> Result<PreWriteState, Error> {
        let mut pages = Pages::new("services");
        let mut found = PreWriteState::default();
        let mut after = None;
        loop {
            let data = self.pre_write_page(project, environment, after)?;
            let patch = data.environment_staged_changes;
            found.staged = staged(StagedPatch {
                id: &patch.id,
                patch: &patch.patch,
                status: &text(&patch.status),
                updated_at: patch.updated_at,
                last_error: patch.last_applied_error,
            });
            let connection = data.environment.service_instances;
            let end = PageEnd { more: connection.page_info.has_next_page, cursor: connection.page_info.end_cursor };
            for node in connection.edges.into_iter().map(|edge| edge.node) {
                let mut claims = vec![claim!(node)];
                claims.extend(node.latest_deployment.iter().map(|node| claim!(node)));
                claims.extend(node.active_deployments.iter().map(|node| claim!(node)));
                self.require_claims(environment, &node.service_id, &claims)?;
                let latest = node.latest_deployment.map(|node| deployment!(node));
                let active = node.active_deployments.into_iter().map(|node| deployment!(node)).collect();
                found.deployed.insert(node.service_id, deployed(latest, active));
            }
            after = pages.next(&end)?;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    fn pre_write_page(
        &self,
        project: &str,
        environment: &str,
        after: Option<String>,
    ) -> Result<pre_write_state::ResponseData, Error> {
        let (project_id, environment_id) = (project.to_owned(), environment.to_owned());
        let body = PreWriteStateQuery::build_query(pre_write_state::Variables { project_id, environment_id, after });
        let data: pre_write_state::ResponseData = self.query("PreWriteState", &body).map_err(|failure| {
            self.error(failure, "PreWriteState", "the deployments and staged changes of the environment")
        })?;
        self.require_same("project", project, &data.environment.project_id)?;
        self.require_same("environment", environment, &data.environment.id)?;
        self.require_same("environment", environment, &data.environment_staged_changes.environment_id)?;
        Ok(data)
    }

    /// Reads the newest deployments of a service, newest first: one request.
    pub fn recent(&self, project: &str, environment: &str, service: &str) -> Result<Vec<Deployment>, Error> {
        let variables = recent_deployments::Variables {
            project_id: project.to_owned(),
            environment_id: environment.to_owned(),
            service_id: service.to_owned(),
        };
        let data: recent_deployments::ResponseData = self
            .query("RecentDeployments", &RecentDeployments::build_query(variables))
            .map_err(|failure| self.error(failure, "RecentDeployments", "the deployments of a service"))?;
        let claims: Vec<Claim> = data.deployments.edges.iter().map(|edge| claim!(edge.node)).collect();
        self.require_claims(environment, service, &claims)?;
        let mut found: Vec<Deployment> =
            data.deployments.edges.into_iter().map(|edge| deployment!(edge.node)).collect();
        found.sort_by(|one, other| other.created_at.cmp(&one.created_at));
        Ok(found)
    }

    /// Reads the statuses of these deployments, in order: one request. `None` for one that Railway no longer has.
    pub fn watch(&self, deployments: &[&str]) -> Result<Vec<Option<DeploymentProgress>>, Error> {
        let watched: Vec<Option<DeploymentProgress>> =
            self.each("DeploymentStatus", deployments, batch::watch, "deployment")?;
        for (requested, doing) in deployments.iter().zip(&watched) {
            doing.iter().try_for_each(|doing| self.require_same("deployment", requested, &doing.id))?;
        }
        Ok(watched)
    }

    /// Reads the variables of these deployments, in order: one request. `None` if Railway does not return them.
    pub fn snapshots(&self, deployments: &[&str]) -> Result<Vec<Option<DeployedVariables>>, Error> {
        let snapshots: Vec<Option<SnapshotFields>> =
            self.each("Snapshot", deployments, batch::snapshots, "snapshot")?;
        Ok(snapshots.into_iter().map(|snapshot| snapshot.map(|fields| fields.variables)).collect())
    }

    /// Sends an aliased batch and returns one field of each item; `None` for an item that Railway rejects.
    fn each<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        ids: &[&str],
        build: fn(&[&str]) -> Batch,
        alias: &str,
    ) -> Result<Vec<Option<T>>, Error> {
        let items = self.aliases(operation, ids, build)?;
        Ok(items.into_iter().map(|mut fields| fields.remove(alias)).collect())
    }

    /// Sends an aliased batch and returns the fields of each item, by alias. An item that Railway rejects is left out
    /// of the next attempt.
    pub(super) fn aliases<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        ids: &[&str],
        build: fn(&[&str]) -> Batch,
    ) -> Result<Vec<BTreeMap<String, T>>, Error> {
        let mut results: Vec<BTreeMap<String, T>> = ids.iter().map(|_| BTreeMap::new()).collect();
        let mut left: Vec<usize> = (0..ids.len()).collect();
        while !left.is_empty() {
            let requested: Vec<&str> = left.iter().map(|&index| ids[index]).collect();
            let batch = build(&requested);
            let response: Result<ResponseData<BTreeMap<String, Option<T>>>, _> =
                self.query_response(operation, &batch.query, &batch.variables);
            match response {
                Ok(ResponseData { data, .. }) => {
                    for (alias, field) in data {
                        let index = number(&alias).and_then(|position| left.get(position));
                        if let (Some(&index), Some(field)) = (index, field) {
                            results[index].insert(kind(&alias).to_owned(), field);
                        }
                    }
                    break;
                }
                Err(QueryError::Refused(refusals)) => {
                    let refused = refused(&refusals, left.len());
                    if refused.is_empty() {
                        return Err(self.explain(operation, "the deployments", &refusals));
                    }
                    let mut position = 0..;
                    left.retain(|_| position.next().is_none_or(|position| !refused.contains(&position)));
                }
                Err(QueryError::Failed(error)) => return Err(error),
            }
        }
        Ok(results)
    }

    /// Reads the last lines of a deployment's log, redacted: one request.
    pub fn deployment_log(&self, deployment: &str, lines: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(lines).unwrap_or(i64::MAX);
        let variables = deployment_log::Variables {
            deployment_id: deployment.to_owned(),
            limit,
            filter: None,
            start_date: None,
            end_date: None,
        };
        let data: deployment_log::ResponseData = self
            .query("DeploymentLog", &DeploymentLog::build_query(variables))
            .map_err(|failure| self.error(failure, "DeploymentLog", "the log"))?;
        Ok(self.last_lines(data.deployment_logs.into_iter().map(|line| line.message), lines))
    }

    /// Returns the last lines, redacted. Railway returns one line more than the limit.
    fn last_lines(&self, lines: impl Iterator<Item = String>, most: usize) -> Vec<String> {
        let lines: Vec<String> = lines.collect();
        let from = lines.len().saturating_sub(most);
        lines[from..].iter().map(|line| self.redactor.redact(line)).collect()
    }
}

/// Returns the positions that the errors name: 3 for `deployment_3`.
fn refused(refusals: &[GraphqlError], size: usize) -> Vec<usize> {
    let position = |refusal: &GraphqlError| refusal.path.first()?.rsplit_once('_')?.1.parse().ok();
    refusals.iter().filter_map(position).filter(|&position| position < size).collect()
}

fn status<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<DeploymentStatus, D::Error> {
    String::deserialize(deserializer).map(|name| DeploymentStatus::named(&name))
}
