//! Declared lines, in logs of every length and with every kind of failure.

use std::time::Duration;

use crate::drift::model::deployment::Deployment;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{LogMatch, LogRead};
use crate::io::railway::deployment_log::{SearchMode, WantedLine};
use crate::io::railway::tests::Bench;
use crate::io::sim::Sim;
use crate::io::sim::deployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;

const LINE: &str = "Worker boot_id stored in Redis";

fn worker() -> SimService {
    SimService::named("worker").repository("team/worker")
}

fn bench(service: SimService) -> Bench {
    let environment = Environment::named("staging").service(service);
    Bench::new(Sim::new(Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens()))
}

fn running(bench: &Bench) -> Deployment {
    let (project, environment) = bench.ids();
    let deployed = bench.client().pre_write_state(&project, &environment).expect("the state is readable").deployed;
    deployed.values().find_map(|deployed| deployed.running()).expect("a deployment is running").clone()
}

/// Searches for the line. Returns the result and the number of requests.
fn read_log(bench: &Bench, within: Option<Duration>) -> (Observed<LogRead>, usize) {
    let deployment = running(bench);
    let before = bench.sim.count();
    // One client for all requests, because it learns Railway's time from the first response.
    let client = bench.client();
    let found = client.find_lines(&deployment, &[WantedLine { contains: LINE, within }], SearchMode::AtOnce);
    (found.into_iter().next().expect("one result"), bench.sim.count() - before)
}

fn summary(found: &Observed<LogRead>) -> String {
    match found {
        Observed::NotRequested => "not requested".to_owned(),
        Observed::Unavailable(why) => format!("unavailable: {why}"),
        Observed::Known(LogRead { outcome: LogMatch::At(_), .. }) => "found".to_owned(),
        Observed::Known(LogRead { outcome: LogMatch::Open(why), .. }) => format!("open: {why}"),
        Observed::Known(LogRead { outcome: LogMatch::Nowhere, lines, coverage: reach, .. }) => {
            format!("{reach:?} {lines}")
        }
    }
}

#[test]
fn line_is_found_in_one_request_and_missed_in_two() {
    let cases = [
        (worker().logs("ready").logs(LINE), "found", 1),
        (worker().logs("ready"), "Whole 1", 2),
        (worker(), "Whole 0", 2),
        (worker().logs("worker boot_id stored in redis"), "Whole 1", 2),
        (worker().logs(LINE).chatty(5_000), "found", 1),
        (worker().logs("ready").chatty(4_998), "Whole 4999", 2),
        (worker().logs("ready").chatty(12_000), "Whole 12001", 4),
        (worker().logs("ready").chatty(60_000), "End 20001", 5),
    ];
    for (service, expected, requests) in cases {
        let (found, sent) = read_log(&bench(service), None);
        assert_eq!((summary(&found).as_str(), sent), (expected, requests));
    }
}

/// Returns a service whose log is empty with a filter, as for text that Railway has not indexed.
fn without_filter(service: SimService) -> Bench {
    let bench = bench(service);
    bench.sim.fault(Fault::reply(200, r#"{"data":{"deploymentLogs":[]}}"#).on("DeploymentLog"));
    bench
}

#[test]
fn missing_match_is_confirmed_without_filter() {
    for (service, expected) in [
        (worker().logs(LINE), ("found", 2)),
        // The line is more than one page before the end.
        (worker().logs(LINE).chatty(5_500), ("found", 3)),
        (worker().logs(LINE).chatty(14_000), ("found", 4)),
    ] {
        let (found, sent) = read_log(&without_filter(service), None);
        assert_eq!((summary(&found).as_str(), sent), expected);
    }
}

#[test]
fn log_of_previous_deployment_is_ignored() {
    let before = deployment::SimDeployment::with_status("REMOVED", "2026-11-10T09:00:00.000Z").started_with("run -B");
    let service = worker().start("run").logs_with("-B", LINE).deployed(before);
    let service = service.deployed(deployment::SimDeployment::serving("2026-11-20T09:00:00.000Z"));
    assert_eq!(summary(&read_log(&bench(service), None).0), "Whole 0");
}

#[test]
fn build_only_deployment_log_is_not_read() {
    let bench = bench(worker().cron("0 * * * *"));
    let mut deployment = running(&bench);
    deployment.origin.build_only = true;
    let before = bench.sim.count();
    let wanted = [WantedLine { contains: LINE, within: None }];
    let found = bench.client().find_lines(&deployment, &wanted, SearchMode::AtOnce);
    assert_eq!(summary(&found[0]), "unavailable: the deployment was only built; its command runs on a cron schedule");
    assert_eq!(bench.sim.count(), before);
}

#[test]
fn late_line_may_still_appear_on_new_deployment() {
    let fresh = || {
        let deployed = deployment::SimDeployment::serving("2026-11-24T08:59:20.000Z");
        bench(worker().logs("ready").logs_late(9, LINE).deployed(deployed))
    };
    let at = |within| summary(&read_log(&fresh(), within).0);
    let open = at(Some(Duration::from_secs(300)));
    assert!(
        open.starts_with("open: the deployment is 4") && open.ends_with(" s old; the line may take up to 5 min"),
        "{open}"
    );
    assert!(at(None).starts_with("open: "), "the default is a minute");
    assert_eq!(at(Some(Duration::from_secs(10))), "Whole 1");
}

#[test]
fn expired_log_is_distinguished_from_failure() {
    let problem = || Fault::refusal("Problem processing request").on("DeploymentLog");
    let refused = |created: &str, times: usize| {
        let deployed = deployment::SimDeployment::serving(created);
        let bench = bench(worker().logs("ready").deployed(deployed));
        bench.sim.fault(problem().times(times));
        summary(&read_log(&bench, None).0)
    };
    // Each query is sent twice before it fails: with the filter, and without it.
    assert_eq!(refused("2026-10-24T09:00:00.000Z", 4), "Kept 1");
    assert_eq!(
        refused("2026-11-23T09:00:00.000Z", 4),
        "open: Railway could not read the log from the start of the deployment"
    );
    assert_eq!(refused("2026-10-24T09:00:00.000Z", 1), "Whole 1");
    assert!(refused("2026-10-24T09:00:00.000Z", 6).starts_with("unavailable: "));
}

#[test]
fn truncated_log_is_inconclusive() {
    let deployed = deployment::SimDeployment::serving("2026-10-24T09:00:00.000Z");
    let bench = bench(worker().logs("ready").deployed(deployed));
    bench.sim.change(|estate| {
        let service = estate.service_named("worker").expect("the service exists");
        service.deployments[0].log[0].timestamp = "2026-11-20T09:00:00.000000000Z".to_owned();
    });
    assert_eq!(summary(&read_log(&bench, None).0), "Kept 1");
}

#[test]
fn refused_log_has_reason_and_lines_share_requests() {
    let refused = bench(worker().logs("ready"));
    refused.sim.fault(Fault::field("deploymentLogs", "Not Authorized").on("DeploymentLog").permanent());
    assert!(summary(&read_log(&refused, None).0).starts_with("unavailable: "));
    let bench = bench(worker().logs("ready").logs("a-b"));
    let deployment = running(&bench);
    let before = bench.sim.count();
    let lines = ["a-b", "c-d", "e-f"].map(|contains| WantedLine { contains, within: None });
    let found = bench.client().find_lines(&deployment, &lines, SearchMode::AtOnce);
    assert_eq!(found.iter().map(summary).collect::<Vec<_>>(), ["found", "Whole 2", "Whole 2"]);
    assert_eq!(bench.sim.count() - before, 1);
}
