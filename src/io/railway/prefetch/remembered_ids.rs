//! Railway's ids that a run remembers for the next one, and the requests that are expected from them.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;
use serde::{Deserialize, Serialize};

use crate::io::railway::batch::{self, Batch, BatchService, SERVICES_PER_REQUEST, StagedQuery};
use crate::io::railway::operations::{Environment, environment, query_body};

/// The maximum number of requests in flight: Railway's Hobby plan allows ten in a second.
pub(super) const AT_ONCE: usize = 8;

/// The maximum number of services whose values are prefetched. One of the requests in flight is the one before them.
pub const MOST_SERVICES: usize = (AT_ONCE - 1) * SERVICES_PER_REQUEST;

/// If fewer requests per hour are allowed, only one is sent early. Railway's Free plan allows a hundred.
const SMALL_ALLOWANCE: u64 = 1000;

/// The ids in the first requests of a run that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedIds {
    /// The project's id.
    pub project: String,
    /// The environment's id.
    pub environment: String,
    /// The services of the batches of values, in order.
    pub services: Vec<RememberedService>,
    /// The rate limit as requests and seconds, if a response has stated it.
    pub allowance: Option<(u64, u64)>,
}

/// A service in a batch of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberedService {
    /// Its id.
    pub service: String,
    /// The deployment whose snapshot was read in the same request.
    pub deployment: Option<String>,
}

/// A request that is expected to be posted soon.
#[derive(Debug)]
pub(super) struct ExpectedRequest {
    pub(super) operation: &'static str,
    pub(super) body: String,
}

impl ExpectedRequest {
    /// Returns the request for a batch of values.
    pub(super) fn values(batch: &Batch) -> Self {
        Self { operation: "Values", body: query_body("Values", &batch.query, &batch.variables) }
    }

    fn environment(ids: &RememberedIds) -> Self {
        let (project_id, environment_id) = (ids.project.clone(), ids.environment.clone());
        let query = Environment::build_query(environment::Variables { project_id, environment_id });
        Self { operation: "Environment", body: query_body("Environment", query.query, &query.variables) }
    }
}

impl RememberedIds {
    /// Returns the requests that are expected after one of this operation, in order. Only ids come from the cache file;
    /// the documents are doctor's own.
    pub(super) fn requests_after(&self, operation: &str) -> Vec<ExpectedRequest> {
        let by_name = match operation {
            "Projects" | "Environments" => true,
            "Environment" | "EnvironmentByToken" => false,
            _ => return Vec::new(),
        };
        let services: Vec<BatchService<'_>> = self
            .services
            .iter()
            .map(|one| BatchService {
                project: &self.project,
                environment: &self.environment,
                service: &one.service,
                deployment: one.deployment.as_deref(),
            })
            .collect();
        let values = services.chunks(SERVICES_PER_REQUEST).enumerate().map(|(index, services)| {
            let staged = if index == 0 { StagedQuery::Asked } else { StagedQuery::NotAsked };
            ExpectedRequest::values(&batch::build(services, staged))
        });
        let environment = by_name.then(|| ExpectedRequest::environment(self));
        let most = if self.allowance.is_some_and(is_small) { 1 } else { AT_ONCE - 1 };
        environment.into_iter().chain(values).take(most).collect()
    }

    /// Reads the ids in the body of a request for values; `None` if it has another form.
    pub(super) fn of_values_request(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct ValuesBody {
            variables: BTreeMap<String, String>,
        }
        let ValuesBody { mut variables } = serde_json::from_str(body).ok()?;
        let (project, environment) = (variables.remove("projectId")?, variables.remove("environmentId")?);
        let services = (0..).map_while(|index| {
            let service = variables.remove(&format!("serviceId_{index}"))?;
            Some(RememberedService { service, deployment: variables.remove(&format!("deploymentId_{index}")) })
        });
        let services = services.collect();
        // Further variables belong to other environments, which are not remembered.
        variables.is_empty().then_some(Self { project, environment, services, allowance: None })
    }

    /// Adds the services of one more batch, up to [`MOST_SERVICES`].
    pub(super) fn extend(&mut self, further: Self) {
        let room = MOST_SERVICES.saturating_sub(self.services.len());
        self.services.extend(further.services.into_iter().take(room));
    }
}

fn is_small((requests, seconds): (u64, u64)) -> bool {
    requests.saturating_mul(3600) < SMALL_ALLOWANCE.saturating_mul(seconds)
}

#[cfg(test)]
mod tests {
    use crate::io::railway::prefetch::remembered_ids::{ExpectedRequest, RememberedIds, RememberedService};

    fn ids(services: usize, allowance: Option<(u64, u64)>) -> RememberedIds {
        let service = |number| RememberedService {
            service: format!("s{number}"),
            deployment: (number % 2 == 0).then(|| format!("d{number}")),
        };
        RememberedIds {
            project: "p".to_owned(),
            environment: "e".to_owned(),
            services: (0..services).map(service).collect(),
            allowance,
        }
    }

    fn expected(operation: &'static str, allowance: Option<(u64, u64)>) -> Vec<&'static str> {
        let requests = ids(1, allowance).requests_after(operation);
        requests.into_iter().map(|request| request.operation).collect()
    }

    #[test]
    fn prefetches_in_batches_within_concurrency_limit() {
        for (services, batches) in [(20, 1), (21, 2), (50, 3), (140, 7), (200, 7)] {
            let requests = ids(services, None).requests_after("Environment");
            assert_eq!(requests.len(), batches, "{services}");
            let staged = |request: &ExpectedRequest| request.body.contains("environmentStagedChanges");
            assert!(requests.iter().enumerate().all(|(index, one)| staged(one) == (index == 0)), "{services}");
        }
        let by_name: Vec<_> = ids(200, None).requests_after("Projects").iter().map(|one| one.operation).collect();
        assert_eq!(by_name, ["Environment", "Values", "Values", "Values", "Values", "Values", "Values"]);
        assert_eq!(ids(50, Some((100, 3600))).requests_after("Environment").len(), 1);
    }

    #[test]
    fn prefetches_less_with_low_rate_limit() {
        let (free, hobby) = (Some((100, 3600)), Some((1000, 3600)));
        for (operation, allowance, operations) in [
            ("Environment", None, &["Values"][..]),
            ("Environment", free, &["Values"]),
            ("EnvironmentByToken", hobby, &["Values"]),
            ("Projects", None, &["Environment", "Values"]),
            ("Environments", hobby, &["Environment", "Values"]),
            ("Projects", free, &["Environment"]),
            ("Environments", Some((2, 60)), &["Environment"]),
            ("Projects", Some((u64::MAX, u64::MAX)), &["Environment", "Values"]),
            ("Values", None, &[]),
            ("ApiTokenProbe", None, &[]),
        ] {
            assert_eq!(expected(operation, allowance), operations, "{operation}, {allowance:?}");
        }
    }

    #[test]
    fn ids_are_read_back_from_request_body() {
        let requests = ids(25, None).requests_after("Environment");
        let mut parsed = RememberedIds::of_values_request(&requests[0].body).unwrap();
        assert_eq!(parsed, ids(20, None));
        parsed.extend(RememberedIds::of_values_request(&requests[1].body).unwrap());
        assert_eq!(parsed, ids(25, None));
        parsed.extend(ids(200, None));
        assert_eq!(parsed.services.len(), 140);
        let two = r#"{"variables":{"projectId":"p","environmentId":"e","environmentId_1":"f","serviceId_0":"s"}}"#;
        for other in ["", "{}", r#"{"variables":{"projectId":"p"}}"#, r#"{"variables":{"projectId":1}}"#, two] {
            assert_eq!(RememberedIds::of_values_request(other), None, "{other}");
        }
    }
}
