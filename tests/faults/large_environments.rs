//! Two large environments: the number of requests and the memory of a comparison are bounded.

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use serde_json::Value;

use crate::fixture::normal_responses;
use crate::markers::find_secret;
use crate::run::{Sandbox, Watch, with_production_token};
use crate::server::{Backend, Server};

/// The most memory that a run may use, in KiB.
const MAX_MEMORY_KIB: u64 = 96 << 10;

const SERVICES: usize = 100;
const KEYS: usize = 100;

/// The number of services whose values are in one response. A service counts once for each environment.
const BATCH: usize = 40;

/// One request for the environments, and one for each batch.
const REQUESTS: usize = 1 + 2 * SERVICES / BATCH;

/// With a token for each environment: one request for each environment, one that looks up the project, and one for each
/// batch of one environment.
const REQUESTS_WITH_TWO_TOKENS: usize = 3 + 2 * SERVICES.div_ceil(BATCH);

/// Returns a service with its own secret, which is the same in both environments. A quarter of the other values differ,
/// and one key is in one environment only.
fn service(number: usize, environment: &str) -> SimService {
    let value = |key: usize| {
        let place = if key.is_multiple_of(4) { environment } else { "everywhere" };
        format!("mark4711-{place}-{number:03}-{key:03}")
    };
    let mut rows: Vec<(String, String)> = (0..KEYS - 2).map(|key| (format!("SETTING_{key:03}"), value(key))).collect();
    rows.push((format!("SERVICE_{number:03}_SECRET"), format!("mark4711-pq7Zr4Tk9WmX2cVb8-{number:03}")));
    let only_here = if environment == "staging" { format!("ONLY_{number:03}") } else { "ONLY_LIVE".to_owned() };
    rows.push((only_here, value(KEYS)));
    let rows: Vec<(&str, &str)> = rows.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    SimService::named(&format!("service-{number:03}")).repository("crew/large").variables(&rows)
}

fn large() -> Sim {
    let environment =
        |name| (0..SERVICES).map(|number| service(number, name)).fold(Environment::named(name), Environment::service);
    let project = Project::named("large").environment(environment("staging")).environment(environment("production"));
    Sim::new(with_production_token(Estate::of("crew").project(project).with_tokens()))
}

#[test]
fn hundred_services_in_two_environments_are_compared_within_the_limits() {
    let (server, sim) = (Server::plain(), large());
    let mut sandbox = Sandbox::new();
    sandbox.set("RAILWAY_PROJECT_ID", &sim.change(|estate| estate.projects[0].id.clone()));
    for (args, requests) in [
        (&["--format=json"][..], REQUESTS),
        (&["--format=html", "--token=production=PRODUCTION_TOKEN"], REQUESTS_WITH_TWO_TOKENS),
    ] {
        let (url, backend) = server.serve("large", Backend::new(sim.clone(), normal_responses()));
        let args = [&["compare", "staging", "production", "--timeout=60s", "--api-url", &url], args].concat();
        let output = sandbox.run(&args, "", Watch::Memory);
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), ""), "{args:?}");
        assert_eq!(backend.requests().len(), requests, "{args:?}: {:?}", backend.requests());
        let memory = output.peak_kib;
        assert!(memory > 0 && memory < MAX_MEMORY_KIB, "{args:?}: {memory} KiB");
        assert_eq!(find_secret(output.stdout.as_bytes()), None, "{args:?}");
        if args.contains(&"--format=json") {
            assert_findings(&serde_json::from_str(&output.stdout).unwrap());
        }
    }
}

/// Each service has a finding of its own, and the key that only production has one for all services.
fn assert_findings(report: &Value) {
    let rules = report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap());
    let rules: Vec<&str> = rules.collect();
    let count = |rule: &str| rules.iter().filter(|found| **found == rule).count();
    assert_eq!([count("missing-in-environment"), count("secret-shared")], [SERVICES + 1, SERVICES], "{rules:?}");
}
