//! Railway's ids that a run remembers for the next one, and the requests that are expected from them.

use graphql_client::GraphQLQuery;
use serde::{Deserialize, Serialize};

use crate::io::railway::batch::{
    self, Batch, BatchService, ReadOptions, SERVICES_OF_SEVERAL_PER_REQUEST, SERVICES_PER_REQUEST,
};
use crate::io::railway::operations::{
    ComparedEnvironments, Environment, compared_environments, environment, query_body,
};

/// The maximum number of requests in flight: Railway's Hobby plan allows ten in a second.
pub(super) const AT_ONCE: usize = 8;

/// The number of batches of values that are prefetched. One of the requests in flight is the one before them.
const BATCHES_AT_ONCE: usize = AT_ONCE - 1;

/// The maximum number of services per request, for an environment with many. Railway documents no limit.
pub const MOST_SERVICES_PER_REQUEST: usize = SERVICES_PER_REQUEST + MORE_PER_REQUEST;

/// The maximum number of services per request, for several environments with many.
pub const MOST_OF_SEVERAL_PER_REQUEST: usize = SERVICES_OF_SEVERAL_PER_REQUEST + MORE_PER_REQUEST;

/// The number of services that a request has in addition to the usual number, if there are many.
const MORE_PER_REQUEST: usize = 20;

/// A lower limit is not remembered: a server that rejects so small a batch has another reason.
pub const LOWEST_BATCH_LIMIT: usize = SERVICES_PER_REQUEST / 4;

/// The maximum number of services whose values are prefetched.
pub const MOST_SERVICES: usize = BATCHES_AT_ONCE * MOST_OF_SEVERAL_PER_REQUEST;

/// If fewer requests per hour are allowed, only one is sent early. Railway's Free plan allows a hundred.
const SMALL_ALLOWANCE: u64 = 1000;

/// The ids in the first requests of a run that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedIds {
    /// The project's id.
    pub project: String,
    /// The services of the batches of values, in order.
    pub services: Vec<RememberedService>,
    /// The number of services per request that was accepted after a larger batch was rejected as too large.
    pub batch_limit: Option<usize>,
    /// The rate limit as requests and seconds, if a response has stated it.
    pub allowance: Option<(u64, u64)>,
}

/// Returns the number of services per request if the values of this many are read: the usual number, or as many as are
/// necessary to prefetch all of them at once. It is a multiple of ten, so that a few more services rarely change every
/// batch.
pub(super) fn services_per_request(services: usize, usual: usize, batch_limit: Option<usize>) -> usize {
    let size = services.div_ceil(BATCHES_AT_ONCE).next_multiple_of(10);
    size.clamp(usual, usual + MORE_PER_REQUEST).min(batch_limit.unwrap_or(usize::MAX))
}

/// A service in a batch of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberedService {
    /// The id of its environment.
    pub environment: String,
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

    /// Returns the request for the environment of the first service.
    fn environment(ids: &RememberedIds) -> Option<Self> {
        let (project_id, environment_id) = (ids.project.clone(), ids.services.first()?.environment.clone());
        let query = Environment::build_query(environment::Variables { project_id, environment_id });
        Some(Self { operation: "Environment", body: query_body("Environment", query.query, &query.variables) })
    }

    /// Returns the request for all environments of the project.
    fn environments(ids: &RememberedIds) -> Self {
        let project_id = ids.project.clone();
        let query = ComparedEnvironments::build_query(compared_environments::Variables { project_id });
        let operation = "ComparedEnvironments";
        Self { operation, body: query_body(operation, query.query, &query.variables) }
    }
}

impl RememberedIds {
    /// Returns the requests that are expected after one of this operation, in order, if the run reads this together with
    /// the values. Only ids come from the cache file; the documents are doctor's own.
    pub(super) fn requests_after(&self, operation: &str, along: ReadOptions) -> Vec<ExpectedRequest> {
        // Only a comparison of environments reads the values alone.
        let is_comparison = along == ReadOptions::Nothing;
        let by_name = match operation {
            "Projects" | "Environments" if is_comparison => Some(ExpectedRequest::environments(self)),
            "Projects" | "Environments" => ExpectedRequest::environment(self),
            "Environment" | "EnvironmentByToken" | "ComparedEnvironments" => None,
            _ => return Vec::new(),
        };
        let services: Vec<BatchService<'_>> = self
            .services
            .iter()
            .map(|one| BatchService {
                project: &self.project,
                environment: &one.environment,
                service: &one.service,
                deployment: one.deployment.as_deref(),
            })
            .collect();
        let usual = if is_comparison { SERVICES_OF_SEVERAL_PER_REQUEST } else { SERVICES_PER_REQUEST };
        let size = services_per_request(services.len(), usual, self.batch_limit);
        let values = services.chunks(size).enumerate().map(|(index, services)| {
            let fields = if index == 0 { along.environment_fields() } else { &[] };
            ExpectedRequest::values(&batch::build(services, fields))
        });
        let most = if self.allowance.is_some_and(is_small) { 1 } else { BATCHES_AT_ONCE };
        by_name.into_iter().chain(values).take(most).collect()
    }

    /// Returns the ids of a batch of values; `None` if it has services of several projects.
    pub(super) fn of_batch(batch: &[BatchService<'_>]) -> Option<Self> {
        let BatchService { project, .. } = *batch.first()?;
        let remembered = |one: &BatchService<'_>| RememberedService {
            environment: one.environment.to_owned(),
            service: one.service.to_owned(),
            deployment: one.deployment.map(str::to_owned),
        };
        let is_same = batch.iter().all(|one| one.project == project);
        is_same.then(|| Self {
            project: project.to_owned(),
            services: batch.iter().map(remembered).collect(),
            batch_limit: None,
            allowance: None,
        })
    }

    /// Adds the services of one more batch, up to [`MOST_SERVICES`].
    pub(super) fn extend(&mut self, further: Self) {
        let room = MOST_SERVICES.saturating_sub(self.services.len());
        self.services.extend(further.services.into_iter().take(room));
    }
}

/// Returns whether an allowance of requests in seconds is small.
pub(super) fn is_small((requests, seconds): (u64, u64)) -> bool {
    requests.saturating_mul(3600) < SMALL_ALLOWANCE.saturating_mul(seconds)
}

#[cfg(test)]
mod tests {
    use crate::io::railway::batch::{
        BatchService, ReadOptions, SERVICES_OF_SEVERAL_PER_REQUEST, SERVICES_PER_REQUEST, build,
    };
    use crate::io::railway::prefetch::remembered_ids::{
        ExpectedRequest, RememberedIds, RememberedService, services_per_request,
    };

    fn ids(services: usize, allowance: Option<(u64, u64)>) -> RememberedIds {
        let service = |number| RememberedService {
            environment: "e".to_owned(),
            service: format!("s{number}"),
            deployment: (number % 2 == 0).then(|| format!("d{number}")),
        };
        RememberedIds {
            project: "p".to_owned(),
            services: (0..services).map(service).collect(),
            batch_limit: None,
            allowance,
        }
    }

    /// Returns the ids of a comparison of two environments with this many services each.
    fn ids_of_two(services: usize) -> RememberedIds {
        let service = |environment: &str, number| RememberedService {
            environment: environment.to_owned(),
            service: format!("s{number}"),
            deployment: None,
        };
        let all = ["left", "right"].into_iter().flat_map(|own| (0..services).map(move |number| service(own, number)));
        RememberedIds { services: all.collect(), ..ids(0, None) }
    }

    fn operations(requests: &[ExpectedRequest]) -> Vec<&'static str> {
        requests.iter().map(|request| request.operation).collect()
    }

    fn expected(operation: &'static str, allowance: Option<(u64, u64)>) -> Vec<&'static str> {
        operations(&ids(1, allowance).requests_after(operation, ReadOptions::Running))
    }

    #[test]
    fn prefetches_in_batches_within_concurrency_limit() {
        for (services, batches) in
            [(20, 1), (21, 2), (50, 3), (140, 7), (141, 5), (200, 7), (210, 7), (280, 7), (500, 7)]
        {
            let requests = ids(services, None).requests_after("Environment", ReadOptions::Running);
            assert_eq!(requests.len(), batches, "{services}");
            let staged = |request: &ExpectedRequest| request.body.contains("environmentStagedChanges");
            assert!(requests.iter().enumerate().all(|(index, one)| staged(one) == (index == 0)), "{services}");
        }
        let by_name = ids(140, None).requests_after("Projects", ReadOptions::Running);
        assert_eq!(operations(&by_name), ["Environment", "Values", "Values", "Values", "Values", "Values", "Values"]);
        assert_eq!(ids(50, Some((100, 3600))).requests_after("Environment", ReadOptions::Running).len(), 1);
    }

    #[test]
    fn prefetches_comparison_of_two_environments() {
        for (services, batches) in [(1, 1), (20, 1), (21, 2), (140, 7), (141, 6), (200, 7), (500, 7)] {
            let requests = ids_of_two(services).requests_after("ComparedEnvironments", ReadOptions::Nothing);
            assert_eq!(operations(&requests), vec!["Values"; batches], "{services}");
            assert!(requests.iter().all(|one| !one.body.contains("environmentStagedChanges")), "{services}");
        }
        for operation in ["Projects", "Environments"] {
            let by_name = ids_of_two(200).requests_after(operation, ReadOptions::Nothing);
            assert_eq!(operations(&by_name), [&["ComparedEnvironments"][..], &["Values"; 6]].concat());
        }
        let small = RememberedIds { allowance: Some((100, 3600)), ..ids_of_two(200) };
        assert_eq!(small.requests_after("ComparedEnvironments", ReadOptions::Nothing).len(), 1);
        let limited = RememberedIds { batch_limit: Some(20), ..ids_of_two(50) };
        assert_eq!(limited.requests_after("ComparedEnvironments", ReadOptions::Nothing).len(), 5);
    }

    #[test]
    fn prefetched_batch_of_two_environments_is_the_one_that_is_posted() {
        let requests = ids_of_two(1).requests_after("ComparedEnvironments", ReadOptions::Nothing);
        let entry = |environment| BatchService { project: "p", environment, service: "s0", deployment: None };
        let posted = ExpectedRequest::values(&build(&[entry("left"), entry("right")], &[]));
        assert_eq!(requests[0].body, posted.body);
    }

    #[test]
    fn only_the_first_batch_has_the_fields_of_the_environment() {
        let has = |one: &ExpectedRequest| ["staged: ", "shared: "].map(|alias| one.body.contains(alias));
        for (along, first) in [(ReadOptions::Running, [true, false]), (ReadOptions::RunningAndShared, [true, true])] {
            let requests = ids(21, None).requests_after("EnvironmentByToken", along);
            assert_eq!(requests.iter().map(has).collect::<Vec<_>>(), [first, [false; 2]], "{along:?}");
        }
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
    fn batches_are_larger_only_for_many_services_and_within_the_limit() {
        for (services, limit, expected) in [
            (1, None, 20),
            (140, None, 20),
            (141, None, 30),
            (210, None, 30),
            (211, None, 40),
            (5000, None, 40),
            (200, Some(20), 20),
            (200, Some(40), 30),
            (50, Some(10), 10),
            (0, Some(5), 5),
        ] {
            let size = services_per_request(services, SERVICES_PER_REQUEST, limit);
            assert_eq!(size, expected, "{services} services, limit {limit:?}");
        }
        for (services, limit, expected) in [
            (1, None, 40),
            (280, None, 40),
            (281, None, 50),
            (351, None, 60),
            (400, None, 60),
            (5000, None, 60),
            (400, Some(20), 20),
            (2, Some(10), 10),
        ] {
            let size = services_per_request(services, SERVICES_OF_SEVERAL_PER_REQUEST, limit);
            assert_eq!(size, expected, "{services} services of several environments, limit {limit:?}");
        }
    }

    #[test]
    fn prefetches_batches_within_the_remembered_limit() {
        let limited = RememberedIds { batch_limit: Some(10), ..ids(50, None) };
        let requests = limited.requests_after("Environment", ReadOptions::Running);
        let sizes: Vec<usize> = requests.iter().map(|one| one.body.matches("\"serviceId_").count()).collect();
        assert_eq!(sizes, [10; 5]);
    }

    #[test]
    fn ids_of_a_batch_are_those_of_one_project() {
        fn entry<'s>(environment: &'s str, service: &'s str, deployment: Option<&'s str>) -> BatchService<'s> {
            BatchService { project: "p", environment, service, deployment }
        }
        let mut all = RememberedIds::of_batch(&[entry("e", "s0", Some("d0")), entry("e", "s1", None)]).unwrap();
        assert_eq!(all, ids(2, None));
        all.extend(RememberedIds::of_batch(&[entry("e", "s2", Some("d2"))]).unwrap());
        assert_eq!(all, ids(3, None));
        all.extend(ids(500, None));
        assert_eq!(all.services.len(), 420);
        let two = RememberedIds::of_batch(&[entry("left", "s0", None), entry("right", "s0", None)]);
        assert_eq!(two, Some(ids_of_two(1)));
        let elsewhere = BatchService { project: "q", ..entry("e", "s0", None) };
        assert_eq!(RememberedIds::of_batch(&[entry("e", "s0", None), elsewhere]), None);
        assert_eq!(RememberedIds::of_batch(&[]), None);
    }
}
