//! Tests with one incident that several rules report: all of its findings, and those that remain after a push.

use crate::drift::Survey;
use crate::drift::declared_state::{ExpectedLine, ExpectedResponse};
use crate::drift::engine::run_rules::examine;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::StartCommand;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{EndpointOutcome, JsonMismatch, LogCoverage, LogMatch, LogRead, ServiceSettings};
use crate::drift::test_support::{deployment, got, running, survey, target};
use crate::drift::{Secret, Severity};

const KEY: &str = "STAGING_OPS_API_KEY";

/// Takes the stored value of both services, the value that the worker got, and the response of the endpoint.
fn incident(stored: &str, worker_got: &str, status: u16, faults: &[JsonMismatch]) -> Survey {
    let stored_row = format!("{KEY}={stored}");
    let mut found =
        survey(&[&format!("{KEY}=new-key")], &[("api", &[&stored_row]), ("web", &[]), ("worker", &[&stored_row])]);
    for service in ["api", "web", "worker"] {
        running(&mut found, service, "SUCCESS");
    }
    got(&mut found, "api", &[&stored_row]);
    got(&mut found, "worker", &[&format!("{KEY}={worker_got}")]);
    let worker = target(&mut found, "worker");
    let command = Secret::new("celery -A agentverse worker --loglevel INFO");
    if let Observed::Known(deployed) = &mut worker.live.deployed {
        deployed.active[0].origin.start = StartCommand::Set(command.clone());
    }
    worker.live.settings =
        Observed::Known(ServiceSettings { start_command: Some(command), ..ServiceSettings::default() });
    worker.declared.start_command = vec!["-B".to_owned()];
    let contains = "Worker boot_id stored in Redis".to_owned();
    worker.declared.lines = vec![ExpectedLine { contains, within: None, place: None }];
    let read =
        LogRead { outcome: LogMatch::Nowhere, lines: 412, span: None, coverage: LogCoverage::Whole, replicas: Some(1) };
    worker.live.lines = vec![Observed::Known(read)];
    let api = target(&mut found, "api");
    let request = "GET /api/v1/ops/chaos/worker-status".to_owned();
    let keys = vec![KEY.to_owned()];
    api.declared.requests = vec![ExpectedResponse { request, status: Some(200), keys, place: None }];
    let faults = faults.to_vec();
    api.live.responses = vec![Observed::Known(EndpointOutcome::Response {
        domain: "api.up.railway.app".to_owned(),
        status,
        faults,
        body: None,
        may_be_edge: false,
    })];
    found
}

/// Returns the errors in order: rule, services, and cause.
fn errors(found: &Survey) -> Vec<String> {
    let findings = examine(found).findings;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let line = errors.map(|finding| {
        let services: Vec<&str> = finding.services.iter().map(|service| service.name.as_str()).collect();
        let follows = finding.cause.as_ref().map(|cause| format!(": {}", cause.sentence())).unwrap_or_default();
        format!("{} {}{follows}", finding.rule.name, services.join("+"))
    });
    line.collect()
}

#[test]
fn incident_has_five_errors_ordered_by_cause() {
    assert_eq!(
        errors(&incident("old-key", "older-key", 401, &[])),
        [
            "value-differs api+worker",
            "endpoint-wrong api: value-differs for STAGING_OPS_API_KEY",
            "stale-deployment worker",
            "start-command worker",
            "log-line-missing worker: start-command",
        ]
    );
}

#[test]
fn after_the_push_one_cause_remains_with_its_consequences() {
    let boot_info = [JsonMismatch::Missing("/boot_info".to_owned())];
    assert_eq!(
        errors(&incident("new-key", "new-key", 200, &boot_info)),
        [
            "start-command worker",
            "log-line-missing worker: start-command",
            "endpoint-wrong api: possibly start-command on worker",
        ]
    );
}

#[test]
fn failed_deployment_is_the_cause_of_stale_variables() {
    let mut found = incident("new-key", "older-key", 200, &[]);
    let worker = target(&mut found, "worker");
    worker.declared.start_command.clear();
    if let Observed::Known(deployed) = &mut worker.live.deployed {
        deployed.latest = Some(deployment("5", "FAILED"));
    }
    assert_eq!(
        errors(&found),
        [
            "deployment-unhealthy worker",
            "stale-deployment worker: possibly deployment-unhealthy",
            "log-line-missing worker: deployment-unhealthy",
        ]
    );
}

/// A thousand services, each with every kind of error.
#[test]
fn thousand_failing_services_are_checked_quickly() {
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number}")).collect();
    let rows: Vec<String> = (0..100).map(|key| format!("KEY_{key}=stored")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let old: Vec<&str> = rows.iter().skip(50).copied().collect();
    let services: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), rows.as_slice())).collect();
    let mut found = survey(&["KEY_0=stored"], &services);
    let bad = incident("old-key", "older-key", 401, &[]);
    let template = &bad.targets[2];
    for target in &mut found.targets {
        target.live = template.live.clone();
        target.declared = template.declared.clone();
        target.live.responses.clone_from(&bad.targets[0].live.responses);
        target.declared.requests.clone_from(&bad.targets[0].declared.requests);
    }
    let taken = old.iter().map(|row| row.split_once('=').unwrap());
    let taken: DeployedVariables = taken.map(|(key, value)| (key.to_owned(), Some(Secret::new(value)))).collect();
    for target in &mut found.targets {
        target.live.got = Observed::Known(taken.clone());
    }
    let examination = examine(&found);
    let live = examination.findings.iter().filter(|finding| finding.summary.is_some()).count();
    assert_eq!((live, examination.checks.len()), (4_000, 1_000));
}
