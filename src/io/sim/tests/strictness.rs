//! Rejected requests, recorded requests, and faults.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::io::railway::transport::{Scheme, TransportFailure};
use crate::io::sim::estate::TokenScope;
use crate::io::sim::fault::Fault;
use crate::io::sim::operation::OPERATIONS;
use crate::io::sim::seed::{self, ACCOUNT_TOKEN, PROJECT_TOKEN};
use crate::io::sim::tests::{data, ids, incident, post, read, response, send, with};
use crate::io::sim::{Sim, SimOptions};

#[test]
fn unknown_requests_are_refused_and_recorded() {
    let (sim, scope, services) = incident();
    let token = (Scheme::Bearer, ACCOUNT_TOKEN);
    let unnumbered = with(scope.clone(), &[("serviceId", &services[0])]);
    let gap = with(scope.clone(), &[("serviceId_0", &services[0]), ("serviceId_2", &services[0])]);
    for (operation, variables, expected) in [
        ("Everything", json!({}), "Unknown operation named \"Everything\"."),
        (
            "Environment",
            json!({ "projectId": "p" }),
            "Variable \"$environmentId\" of required type \"String!\" was not provided.",
        ),
        (
            "Environments",
            json!({ "projectId": null }),
            "Variable \"$projectId\" of required type \"String!\" was not provided.",
        ),
        (
            "Environments",
            json!({ "projectId": 7 }),
            "Variable \"$projectId\" of required type \"String!\" was not provided.",
        ),
        ("Values", unnumbered, "Variable \"$serviceId_0\" of required type \"String!\" was not provided."),
        ("Values", gap, "Values declares fewer variables than were sent."),
        ("Projects", json!({ "after": 7 }), "Variable \"$after\" got invalid value; String expected."),
        ("Environment", with(scope, &[("extra", "1")]), "Environment declares fewer variables than were sent."),
    ] {
        let before = sim.violations().len();
        let body = json!({ "operationName": operation, "query": "…", "variables": variables });
        let reply = send(&sim, token, operation, &body).expect("a response");
        let body = read(&reply);
        assert_eq!((reply.status, body["errors"][0]["message"].as_str()), (400, Some(expected)));
        assert_eq!(body["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(body.get("data"), None);
        assert_eq!(sim.violations()[before..], [expected]);
    }
    let other = json!({ "operationName": "ApiTokenProbe", "query": "…" });
    assert_eq!(send(&sim, token, "Projects", &other).expect("a response").status, 200);
    assert_eq!(sim.violations().last().map(String::as_str), Some("the body of Projects names another operation"));
    assert_eq!(send(&sim, token, "Projects", &json!({ "operationName": "Projects" })).expect("a response").status, 400);
}

#[test]
fn oversized_batch_is_refused_without_violation() {
    let (estate, _) = seed::generate(3, 1);
    let sim = Sim::with(estate, SimOptions { root_fields: 4, ..SimOptions::default() });
    let (project, environment, services) = ids(&sim);
    let scope = json!({ "projectId": project, "environmentId": environment });
    let two = with(scope, &[("serviceId_0", &services[0]), ("serviceId_1", &services[1])]);
    assert_eq!(post(&sim, ACCOUNT_TOKEN, "Values", two.clone()).expect("a response").status, 200);
    let three = with(two, &[("serviceId_2", &services[2])]);
    assert_eq!(post(&sim, ACCOUNT_TOKEN, "Values", three).expect("a response").status, 400);
    assert_eq!(sim.violations(), Vec::<String>::new());
}

#[test]
fn faults_apply_to_matching_requests_in_order() {
    let (sim, scope, services) = incident();
    sim.fault(Fault::failure(TransportFailure::TimedOut).on("Environment"));
    sim.fault(Fault::reply(502, "<html>").header("content-type", "text/html").header("retry-after", "7").times(2));
    sim.fault(Fault::refusal("Problem processing request"));
    let probe = || post(&sim, ACCOUNT_TOKEN, "ApiTokenProbe", json!({}));
    let broken = probe().expect("a response");
    assert_eq!((broken.status, &broken.body[..]), (502, &b"<html>"[..]));
    assert_eq!((broken.content_type.as_deref(), broken.retry_after.as_deref()), (Some("text/html"), Some("7")));
    assert_eq!(post(&sim, ACCOUNT_TOKEN, "Environment", scope.clone()).err(), Some(TransportFailure::TimedOut));
    assert_eq!(probe().expect("a response").status, 502);
    assert_eq!(
        response(&sim, ACCOUNT_TOKEN, "ApiTokenProbe", json!({})),
        ("Problem processing request".into(), Value::Null)
    );
    assert!(read(&probe().expect("a response"))["data"].is_object());

    sim.fault(Fault::service(&services[1], "Problem processing request").permanent());
    let first = with(scope.clone(), &[("serviceId_0", &services[0])]);
    let both = with(first.clone(), &[("serviceId_1", &services[1])]);
    for _ in 0..2 {
        assert_eq!(response(&sim, ACCOUNT_TOKEN, "Values", both.clone()).1, json!(["stored_1"]));
    }
    data(&sim, ACCOUNT_TOKEN, "Values", first.clone());
    sim.fault(Fault::field("rendered_0", "Not Authorized").on("Values"));
    assert_eq!(response(&sim, ACCOUNT_TOKEN, "Values", first), ("Not Authorized".into(), json!(["rendered_0"])));
    assert_eq!(sim.count(), 9);
}

#[test]
fn requests_are_recorded_without_exposing_contents() {
    let (sim, ..) = incident();
    let handle = sim.clone();
    data(&sim, PROJECT_TOKEN, "ProjectTokenProbe", json!({}));
    post(&sim, "marker-revoked", "ApiTokenProbe", json!({})).expect("a response");
    sim.respond("{ not JSON", None).expect("a response");
    sim.fault(Fault::reply(200, "marker-body"));
    let asked = handle.requests();
    let operations: Vec<&str> = asked.iter().map(|asked| asked.operation.as_str()).collect();
    assert_eq!(operations, ["ProjectTokenProbe", "ApiTokenProbe", ""]);
    assert!(matches!(asked[0].reach, Some(TokenScope::Project { .. })));
    assert_eq!((&asked[1].reach, asked[1].scheme, asked[2].scheme), (&None, Some(Scheme::Bearer), None));
    assert_eq!(asked[2].body.expose(), "{ not JSON");
    let shown = format!("{sim:?}");
    assert!(!shown.contains("marker") && !shown.contains("autumn") && !shown.contains(PROJECT_TOKEN), "{shown}");
}

/// The documents are not executed, so this test compares them with the table of operations.
#[test]
fn every_document_matches_its_operation_table_entry() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/graphql");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("the directory exists") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        if path.ends_with("schema.graphql") {
            continue;
        }
        let operation = text.split_once("query ").or_else(|| text.split_once("mutation ")).expect("an operation").1;
        let (head, selection) = operation.split_once('{').expect("a selection");
        let (name, declared) = head.trim().trim_end_matches(')').split_once('(').unwrap_or((head.trim(), ""));
        let declared = declared.split([',', '\n']).map(str::trim).filter(|declaration| !declaration.is_empty());
        let declared: Vec<String> = declared.map(|declaration| declaration.trim_start_matches('$').into()).collect();
        let sizes: Vec<String> = selection
            .match_indices("first: ")
            .map(|(at, _)| selection[at + 7..].split([',', ')']).next().expect("a number").to_owned())
            .collect();
        found.insert(name.to_owned(), (declared, sizes.join(" ")));
    }
    let sizes = [
        ("ComparedEnvironments", "20 500"),
        ("DeploymentEvents", "50"),
        ("EnvironmentBatch", "500"),
        ("Environments", "100"),
        ("PreWriteState", "500"),
        ("MoreServices", "500"),
        ("MoreServicesMinimal", "500"),
        ("EnvironmentByTokenMinimal", "500"),
        ("EnvironmentMinimal", "500"),
        ("Projects", "100 100"),
        ("RecentDeployments", "10"),
        ("EnvironmentByToken", "500"),
        ("Environment", "500 500"),
        ("StartCommands", "500"),
        ("VariableTimes", "200"),
    ];
    let known: BTreeMap<_, _> = OPERATIONS
        .iter()
        .map(|operation| {
            let takes = operation.takes.iter().map(|declared| declared.replace("_*", "")).collect::<Vec<_>>();
            let size = sizes.iter().find(|(name, _)| *name == operation.name).map_or("", |(_, size)| size);
            (operation.name.to_owned(), (sorted(takes), size.to_owned()))
        })
        .collect();
    let found: BTreeMap<_, _> =
        found.into_iter().map(|(name, (declared, size))| (name, (sorted(declared), size))).collect();
    assert_eq!(found, known);
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}
