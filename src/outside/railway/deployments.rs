//! Deployments: which there are, how they are doing, what they were created with, and what went wrong.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::drift::deployment::{Deployed, Deployment, Origin, Status};
use crate::drift::staged::{Others, Staged, State};
use crate::drift::stale::Got;
use crate::error::Error;
use crate::outside::railway::answer::{Answer, Refusal};
use crate::outside::railway::batch::{self, Batch};
use crate::outside::railway::client::{Client, Unanswered};
use crate::outside::railway::operation::change::{Fence as FenceOperation, fence};
use crate::outside::railway::operation::{
    BuildLog, DeploymentEvents, DeploymentLog, RecentDeployments, build_log, deployment_events, deployment_log,
    recent_deployments,
};
use crate::outside::railway::shape::{PageEnd, Pages};

/// What must be known right before something is written.
#[derive(Debug, Default)]
pub struct Fence {
    /// What somebody has staged; `None` where nothing is.
    pub staged: Option<Staged>,
    /// The deployments of each service, by its id.
    pub deployed: BTreeMap<String, Deployed>,
}

/// How a deployment is doing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Doing {
    /// Railway's status.
    #[serde(deserialize_with = "status")]
    pub status: Status,
    /// Whether its process has ended.
    #[serde(rename = "deploymentStopped")]
    pub stopped: bool,
}

#[derive(Deserialize)]
struct Taken {
    variables: Got,
}

/// One step of a deployment that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStep {
    /// Railway's name for it: `BUILD_IMAGE`, `HEALTHCHECK`.
    pub step: String,
    /// What Railway says of it, scrubbed.
    pub said: Option<String>,
}

/// The generated types differ in name only.
macro_rules! deployment {
    ($node:expr) => {{
        let node = $node;
        Deployment {
            id: node.id,
            status: named(&node.status),
            created_at: node.created_at,
            stopped: node.deployment_stopped,
            can_redeploy: node.can_redeploy,
            origin: origin(node.meta.as_ref()),
        }
    }};
}

impl Client<'_> {
    /// Staged changes, and the deployments of every service: one request, and one per further page of services.
    pub fn fence(&self, project: &str, environment: &str) -> Result<Fence, Error> {
        let mut pages = Pages::new("services");
        let mut found = Fence::default();
        let mut after = None;
        loop {
            let variables = fence::Variables {
                project_id: project.to_owned(),
                environment_id: environment.to_owned(),
                after: after.clone(),
            };
            let data: fence::ResponseData =
                self.ask("Fence", &FenceOperation::build_query(variables)).map_err(|unanswered| {
                    self.error(unanswered, "Fence", "the deployments and staged changes of the environment")
                })?;
            let patch = data.environment_staged_changes;
            found.staged = staged(&patch.patch, &word(&patch.status), patch.updated_at);
            let connection = data.environment.service_instances;
            let end = PageEnd { more: connection.page_info.has_next_page, cursor: connection.page_info.end_cursor };
            for node in connection.edges.into_iter().map(|edge| edge.node) {
                let latest = node.latest_deployment.map(|node| deployment!(node));
                let mut active: Vec<Deployment> =
                    node.active_deployments.into_iter().map(|node| deployment!(node)).collect();
                active.sort_by(|one, other| other.created_at.cmp(&one.created_at));
                found.deployed.insert(node.service_id, Deployed { latest, active });
            }
            after = pages.next(&end)?;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// The newest deployments of a service, newest first: one request.
    pub fn recent(&self, project: &str, environment: &str, service: &str) -> Result<Vec<Deployment>, Error> {
        let variables = recent_deployments::Variables {
            project_id: project.to_owned(),
            environment_id: environment.to_owned(),
            service_id: service.to_owned(),
        };
        let data: recent_deployments::ResponseData = self
            .ask("RecentDeployments", &RecentDeployments::build_query(variables))
            .map_err(|unanswered| self.error(unanswered, "RecentDeployments", "the deployments of a service"))?;
        let mut found: Vec<Deployment> =
            data.deployments.edges.into_iter().map(|edge| deployment!(edge.node)).collect();
        found.sort_by(|one, other| other.created_at.cmp(&one.created_at));
        Ok(found)
    }

    /// How these deployments are doing, in their order: one request. `None` for one that Railway no longer has.
    pub fn watch(&self, deployments: &[&str]) -> Result<Vec<Option<Doing>>, Error> {
        self.each("Watch", deployments, (batch::watch, "deployment"))
    }

    /// What these deployments were created with, in their order: one request. `None` where Railway does not tell.
    pub fn snapshots(&self, deployments: &[&str]) -> Result<Vec<Option<Got>>, Error> {
        let taken: Vec<Option<Taken>> = self.each("Snapshot", deployments, (batch::snapshots, "snapshot"))?;
        Ok(taken.into_iter().map(|taken| taken.map(|taken| taken.variables)).collect())
    }

    /// Asks an aliased batch; what is refused by itself is left out of the next try, and is `None`.
    fn each<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        ids: &[&str],
        (build, alias): (fn(&[&str]) -> Batch, &str),
    ) -> Result<Vec<Option<T>>, Error> {
        let mut results: Vec<Option<T>> = ids.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..ids.len()).collect();
        while !left.is_empty() {
            let asked: Vec<&str> = left.iter().map(|&index| ids[index]).collect();
            let batch = build(&asked);
            let answer: Result<Answer<BTreeMap<String, Option<T>>>, _> =
                self.ask_for_answer(operation, &batch.query, &batch.variables);
            match answer {
                Ok(Answer { mut data, .. }) => {
                    for (position, &index) in left.iter().enumerate() {
                        results[index] = data.remove(&format!("{alias}_{position}")).flatten();
                    }
                    break;
                }
                Err(Unanswered::Refused(refusals)) => {
                    let refused = refused(&refusals, left.len());
                    if refused.is_empty() {
                        return Err(self.explain(operation, "the deployments", &refusals));
                    }
                    let mut position = 0..;
                    left.retain(|_| position.next().is_none_or(|position| !refused.contains(&position)));
                }
                Err(Unanswered::Failed(error)) => return Err(error),
            }
        }
        Ok(results)
    }

    /// The step at which a deployment failed, if Railway tells: one request.
    pub fn failed_step(&self, deployment: &str) -> Result<Option<FailedStep>, Error> {
        let variables = deployment_events::Variables { deployment_id: deployment.to_owned() };
        let data: deployment_events::ResponseData = self
            .ask("DeploymentEvents", &DeploymentEvents::build_query(variables))
            .map_err(|unanswered| self.error(unanswered, "DeploymentEvents", "the steps of a deployment"))?;
        let steps = data.deployment_events.edges.into_iter().map(|edge| edge.node);
        let failed = steps.filter_map(|event| {
            let payload = event.payload?;
            let said = payload.error.or(payload.reason).filter(|said| !said.is_empty());
            let detail = payload.detail.filter(|detail| !detail.is_empty());
            let words: Vec<String> = said.iter().chain(&detail).map(|text| self.scrubber.scrub(text)).collect();
            (!words.is_empty()).then(|| FailedStep { step: word(&event.step), said: Some(words.join(": ")) })
        });
        Ok(failed.last())
    }

    /// The last lines of a deployment's build, scrubbed: one request.
    pub fn build_log(&self, deployment: &str, lines: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(lines).unwrap_or(i64::MAX);
        let variables = build_log::Variables { deployment_id: deployment.to_owned(), limit };
        let data: build_log::ResponseData = self
            .ask("BuildLog", &BuildLog::build_query(variables))
            .map_err(|unanswered| self.error(unanswered, "BuildLog", "the build log"))?;
        Ok(self.last_lines(data.build_logs.into_iter().map(|line| line.message), lines))
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
            .ask("DeploymentLog", &DeploymentLog::build_query(variables))
            .map_err(|unanswered| self.error(unanswered, "DeploymentLog", "the log"))?;
        Ok(self.last_lines(data.deployment_logs.into_iter().map(|line| line.message), lines))
    }

    /// Railway answers with one line more than it was asked for.
    fn last_lines(&self, lines: impl Iterator<Item = String>, most: usize) -> Vec<String> {
        let lines: Vec<String> = lines.collect();
        let from = lines.len().saturating_sub(most);
        lines[from..].iter().map(|line| self.scrubber.scrub(line)).collect()
    }
}

/// The positions that the refusals name: `deployment_3` is the fourth.
fn refused(refusals: &[Refusal], size: usize) -> Vec<usize> {
    let position = |refusal: &Refusal| refusal.path.first()?.rsplit_once('_')?.1.parse().ok();
    refusals.iter().filter_map(position).filter(|&position| position < size).collect()
}

/// The name of a generated enum's variant; one that is not known yet keeps Railway's.
fn word<E: serde::Serialize>(variant: &E) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

fn named<E: serde::Serialize>(variant: &E) -> Status {
    Status::named(&word(variant))
}

fn status<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
    String::deserialize(deserializer).map(|name| Status::named(&name))
}

/// Parts of `meta` that tell what was deployed; each may be missing or of another type.
fn origin(meta: Option<&Value>) -> Origin {
    let text = |name: &str| {
        let value = meta?.get(name)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    Origin { commit: text("commitHash"), image: text("image") }
}

/// What a patch touches. With nothing staged Railway answers with a placeholder whose patch is empty.
fn staged(patch: &Value, status: &str, updated_at: String) -> Option<Staged> {
    let patch = patch.as_object().filter(|patch| !patch.is_empty())?;
    let mut variables = Vec::new();
    let mut others = Others::None;
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (section, content) in patch {
        match section.as_str() {
            "services" => {
                for (service, parts) in object(content) {
                    let parts = parts.as_object().cloned();
                    let own = parts.as_ref().and_then(|parts| parts.get("variables")).map(object).unwrap_or_default();
                    variables.extend(own.keys().map(|key| (Some(service.clone()), key.clone())));
                    if parts.is_none_or(|parts| parts.keys().any(|part| part != "variables")) {
                        others = Others::Some;
                    }
                }
            }
            "sharedVariables" => variables.extend(object(content).keys().map(|key| (None, key.clone()))),
            _ if content.as_object().is_none_or(|content| !content.is_empty()) => others = Others::Some,
            _ => {}
        }
    }
    let state = match status {
        "APPLYING" => State::Applying,
        _ => State::Waiting,
    };
    // What is committed waits for nobody; empty sections touch nothing.
    let touches = !variables.is_empty() || others == Others::Some;
    (touches && status != "COMMITTED").then_some(Staged { state, variables, others, updated_at })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{origin, staged};
    use crate::drift::deployment::Origin;
    use crate::drift::staged::{Others, State};

    #[test]
    fn a_placeholder_is_no_staged_change() {
        for patch in [json!({}), json!(null), json!({ "services": {} }), json!({ "services": {}, "volumes": {} })] {
            assert_eq!(staged(&patch, "STAGED", String::new()), None, "{patch}");
        }
        assert_eq!(staged(&json!({ "sharedVariables": { "A": null } }), "COMMITTED", String::new()), None);
    }

    #[test]
    fn a_patch_tells_which_variables_it_touches() {
        let patch = json!({
            "services": {
                "one": { "variables": { "A": { "value": "" }, "B": null } },
                "two": { "deploy": { "startCommand": "x" } },
                "three": null,
            },
            "sharedVariables": { "S": { "value": "" } },
        });
        let found = staged(&patch, "APPLYING", "2026".to_owned()).unwrap();
        assert_eq!((found.state, found.others), (State::Applying, Others::Some));
        for (service, key, touched) in
            [(Some("one"), "A", true), (Some("one"), "B", true), (None, "S", true), (None, "A", false)]
        {
            assert_eq!(found.touches(service, key), touched, "{service:?} {key}");
        }
        let only = staged(&json!({ "services": { "one": { "variables": { "A": null } } } }), "STAGED", String::new());
        assert_eq!(only.unwrap().others, Others::None);
    }

    #[test]
    fn a_half_filled_meta_is_survived() {
        for meta in [None, Some(json!(null)), Some(json!([])), Some(json!({ "commitHash": 7, "image": "" }))] {
            assert_eq!(origin(meta.as_ref()), Origin::default());
        }
        let meta = json!({ "commitHash": "371a158", "serviceManifest": null });
        assert_eq!(origin(Some(&meta)).commit.as_deref(), Some("371a158"));
    }
}
