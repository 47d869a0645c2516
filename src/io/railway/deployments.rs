//! Deployments: which there are, how they are doing, what they were created with, and what went wrong.

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
use crate::io::railway::staged_changes::{Shown, staged};

/// What must be known right before something is written.
#[derive(Debug, Default)]
pub struct PreWriteState {
    /// What somebody has staged; `None` where nothing is.
    pub staged: Option<StagedChanges>,
    /// The deployments of each service, by its id.
    pub deployed: BTreeMap<String, Deployed>,
}

/// How a deployment is doing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Doing {
    /// The deployment's id.
    pub id: String,
    /// Railway's status.
    #[serde(deserialize_with = "status")]
    pub status: DeploymentStatus,
    /// Whether its process has ended.
    #[serde(rename = "deploymentStopped")]
    pub stopped: bool,
}

#[derive(Deserialize)]
struct Taken {
    variables: DeployedVariables,
}

impl Client<'_> {
    /// Staged changes, and the deployments of every service: one request, and one per further page of services.
    pub fn pre_write_state(&self, project: &str, environment: &str) -> Result<PreWriteState, Error> {
        let mut pages = Pages::new("services");
        let mut found = PreWriteState::default();
        let mut after = None;
        loop {
            let data = self.pre_write_page(project, environment, after)?;
            let patch = data.environment_staged_changes;
            found.staged = staged(Shown {
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
        let data: pre_write_state::ResponseData = self.query("PreWriteState", &body).map_err(|unanswered| {
            self.error(unanswered, "PreWriteState", "the deployments and staged changes of the environment")
        })?;
        self.require_same("project", project, &data.environment.project_id)?;
        self.require_same("environment", environment, &data.environment.id)?;
        self.require_same("environment", environment, &data.environment_staged_changes.environment_id)?;
        Ok(data)
    }

    /// The newest deployments of a service, newest first: one request.
    pub fn recent(&self, project: &str, environment: &str, service: &str) -> Result<Vec<Deployment>, Error> {
        let variables = recent_deployments::Variables {
            project_id: project.to_owned(),
            environment_id: environment.to_owned(),
            service_id: service.to_owned(),
        };
        let data: recent_deployments::ResponseData = self
            .query("RecentDeployments", &RecentDeployments::build_query(variables))
            .map_err(|unanswered| self.error(unanswered, "RecentDeployments", "the deployments of a service"))?;
        let claims: Vec<Claim> = data.deployments.edges.iter().map(|edge| claim!(edge.node)).collect();
        self.require_claims(environment, service, &claims)?;
        let mut found: Vec<Deployment> =
            data.deployments.edges.into_iter().map(|edge| deployment!(edge.node)).collect();
        found.sort_by(|one, other| other.created_at.cmp(&one.created_at));
        Ok(found)
    }

    /// How these deployments are doing, in their order: one request. `None` for one that Railway no longer has.
    pub fn watch(&self, deployments: &[&str]) -> Result<Vec<Option<Doing>>, Error> {
        let watched: Vec<Option<Doing>> = self.each("DeploymentStatus", deployments, batch::watch, "deployment")?;
        for (requested, doing) in deployments.iter().zip(&watched) {
            doing.iter().try_for_each(|doing| self.require_same("deployment", requested, &doing.id))?;
        }
        Ok(watched)
    }

    /// What these deployments were created with, in their order: one request. `None` where Railway does not tell.
    pub fn snapshots(&self, deployments: &[&str]) -> Result<Vec<Option<DeployedVariables>>, Error> {
        let taken: Vec<Option<Taken>> = self.each("Snapshot", deployments, batch::snapshots, "snapshot")?;
        Ok(taken.into_iter().map(|taken| taken.map(|taken| taken.variables)).collect())
    }

    /// Asks an aliased batch; `None` for what is refused by itself.
    fn each<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        ids: &[&str],
        build: fn(&[&str]) -> Batch,
        alias: &str,
    ) -> Result<Vec<Option<T>>, Error> {
        let told = self.aliases(operation, ids, build)?;
        Ok(told.into_iter().map(|mut own| own.remove(alias)).collect())
    }

    /// What each of these was answered with, by the alias; what is refused by itself is left out of the next try.
    pub(super) fn aliases<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        ids: &[&str],
        build: fn(&[&str]) -> Batch,
    ) -> Result<Vec<BTreeMap<String, T>>, Error> {
        let mut results: Vec<BTreeMap<String, T>> = ids.iter().map(|_| BTreeMap::new()).collect();
        let mut left: Vec<usize> = (0..ids.len()).collect();
        while !left.is_empty() {
            let asked: Vec<&str> = left.iter().map(|&index| ids[index]).collect();
            let batch = build(&asked);
            let answer: Result<ResponseData<BTreeMap<String, Option<T>>>, _> =
                self.query_response(operation, &batch.query, &batch.variables);
            match answer {
                Ok(ResponseData { data, .. }) => {
                    for (alias, told) in data {
                        let index = number(&alias).and_then(|position| left.get(position));
                        if let (Some(&index), Some(told)) = (index, told) {
                            results[index].insert(kind(&alias).to_owned(), told);
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

    /// The last lines that a deployment's program has written, scrubbed: one request.
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
            .map_err(|unanswered| self.error(unanswered, "DeploymentLog", "the log"))?;
        Ok(self.last_lines(data.deployment_logs.into_iter().map(|line| line.message), lines))
    }

    /// Railway answers with one line more than it was asked for.
    fn last_lines(&self, lines: impl Iterator<Item = String>, most: usize) -> Vec<String> {
        let lines: Vec<String> = lines.collect();
        let from = lines.len().saturating_sub(most);
        lines[from..].iter().map(|line| self.scrubber.redact(line)).collect()
    }
}

/// The positions that the refusals name: `deployment_3` is the fourth.
fn refused(refusals: &[GraphqlError], size: usize) -> Vec<usize> {
    let position = |refusal: &GraphqlError| refusal.path.first()?.rsplit_once('_')?.1.parse().ok();
    refusals.iter().filter_map(position).filter(|&position| position < size).collect()
}

fn status<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<DeploymentStatus, D::Error> {
    String::deserialize(deserializer).map(|name| DeploymentStatus::named(&name))
}
