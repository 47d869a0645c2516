//! Writes of variables, and their effects.

use serde_json::{Value, json};

use crate::io::railway::transport::Scheme;
use crate::io::sim::estate::{SimAccess, SimService};
use crate::io::sim::seed::{ACCOUNT_TOKEN, PROJECT_TOKEN};
use crate::io::sim::tests::{data, incident, newest, response, send, set, statuses, stored, with, world};
use crate::io::sim::{Deletion, Empty, MissingDelete, Mutation, Overwritten, Sim, SimOptions};

fn two_services() -> Vec<SimService> {
    let api = SimService::named("api").image("api:1").variables(&[("KEY", "old"), ("REGION", "${{shared.REGION}}")]);
    let worker = SimService::named("worker").image("worker:1").variables(&[("API_KEY", "${{api.KEY}}"), ("OWN", "w")]);
    vec![api.sealed("SEAL", "old"), worker, SimService::named("empty").variables(&[("REGION", "${{shared.REGION}}")])]
}

fn deleted(scope: &Value, service: Option<&str>, name: &str) -> Value {
    let mut deleted = with(scope.clone(), &[("name", name)]);
    deleted["serviceId"] = json!(service);
    deleted
}

fn deployments(sim: &Sim) -> Vec<usize> {
    (0..3).map(|service| statuses(sim, service).len()).collect()
}

#[test]
fn write_changes_only_named_variables_without_deploying() {
    let (sim, scope, services) = world(two_services(), SimOptions::default());
    let api = services[0].as_str();
    let variables = json!({ "KEY": "new", "MORE": "a=b\n\"c\"" });
    let result = data(&sim, ACCOUNT_TOKEN, "SetVariables", set(&scope, Some(api), variables));
    assert_eq!(result, json!({ "variableCollectionUpsert": true }));
    let expected = json!({ "KEY": "new", "MORE": "a=b\n\"c\"", "REGION": "${{shared.REGION}}", "SEAL": null });
    assert_eq!(stored(&sim, &scope, api), expected);
    let mut shared = set(&scope, None, json!({ "REGION": "us" }));
    shared.as_object_mut().expect("an object").remove("serviceId");
    data(&sim, PROJECT_TOKEN, "SetVariables", shared);
    assert_eq!(data(&sim, PROJECT_TOKEN, "SharedValues", scope.clone()), json!({ "stored": { "REGION": "us" } }));
    let rendered = with(scope.clone(), &[("serviceId_0", api), ("serviceId_1", &services[1])]);
    let rendered = data(&sim, ACCOUNT_TOKEN, "Values", rendered);
    assert_eq!((&rendered["rendered_0"]["REGION"], &rendered["rendered_1"]["API_KEY"]), (&json!("us"), &json!("new")));
    assert_eq!(deployments(&sim), [1, 1, 0]);
    let mutation = |service: Option<&str>, keys: &[&str]| Mutation {
        operation: "SetVariables".into(),
        service: service.map(String::from),
        keys: keys.iter().map(|key| (*key).into()).collect(),
        applied: true,
        deployments: Vec::new(),
    };
    assert_eq!(sim.mutations(), [mutation(Some(api), &["KEY", "MORE"]), mutation(None, &["REGION"])]);
    assert_eq!(sim.violations(), Vec::<String>::new());
}

#[test]
fn overwritten_seals_and_empty_values_follow_options() {
    for (overwritten, empty, expected) in [
        (Overwritten::StaysSealed, Empty::Kept, json!({ "KEY": "", "REGION": "${{shared.REGION}}", "SEAL": null })),
        (Overwritten::BecomesOpen, Empty::Dropped, json!({ "REGION": "${{shared.REGION}}", "SEAL": "new" })),
    ] {
        let quirks = SimOptions { overwritten, empty, ..SimOptions::default() };
        let (sim, scope, services) = world(two_services(), quirks);
        let variables = json!({ "SEAL": "new", "KEY": "" });
        data(&sim, ACCOUNT_TOKEN, "SetVariables", set(&scope, Some(&services[0]), variables));
        assert_eq!(stored(&sim, &scope, &services[0]), expected);
    }
}

#[test]
fn deletion_deploys_affected_services_if_enabled() {
    for (deletion, name, of_service, expected) in [
        (Deletion::Deploys, "KEY", Some(0), [2, 2, 0]),
        (Deletion::Deploys, "OWN", Some(1), [1, 2, 0]),
        // A service without a source is not deployed.
        (Deletion::Deploys, "REGION", None, [2, 1, 0]),
        (Deletion::DeploysNothing, "KEY", Some(0), [1, 1, 0]),
    ] {
        let (sim, scope, services) = world(two_services(), SimOptions { deletion, ..SimOptions::default() });
        let service: Option<&str> = of_service.map(|number: usize| services[number].as_str());
        let result = data(&sim, ACCOUNT_TOKEN, "DeleteVariable", deleted(&scope, service, name));
        assert_eq!(result, json!({ "variableDelete": true }));
        assert_eq!(deployments(&sim), expected, "{name}");
        let made = sim.mutations().remove(0);
        assert_eq!((made.applied, made.keys.as_slice()), (true, &[name.to_owned()][..]));
        assert_eq!(made.deployments.len(), expected.iter().sum::<usize>() - 2);
        assert!(made.deployments.is_empty() || made.deployments.contains(&newest(&sim, of_service.unwrap_or(0))));
    }
}

#[test]
fn deleting_missing_variable_changes_nothing() {
    for (absent, expected) in [(MissingDelete::Refused, Some("Variable not found")), (MissingDelete::Accepted, None)] {
        let (sim, scope, services) = world(two_services(), SimOptions { absent, ..SimOptions::default() });
        let wanted = deleted(&scope, Some(&services[0]), "NONE");
        match expected {
            Some(message) => {
                let refused = response(&sim, ACCOUNT_TOKEN, "DeleteVariable", wanted);
                assert_eq!(refused, (message.into(), json!(["variableDelete"])));
            }
            None => drop(data(&sim, ACCOUNT_TOKEN, "DeleteVariable", wanted)),
        }
        assert_eq!((deployments(&sim), sim.mutations()[0].applied), (vec![1, 1, 0], false));
    }
}

#[test]
fn forbidden_writes_are_recorded() {
    let (sim, scope, services) = world(two_services(), SimOptions::default());
    let api = Some(services[0].as_str());
    let token = (Scheme::Bearer, ACCOUNT_TOKEN);
    for (query, variables, expected) in [
        ("mutation … replace: true", json!({ "A": "1" }), "SetVariables contains replace"),
        ("… variableCollectionUpsert(…) …", json!({ "A": "1" }), "SetVariables deploys with every write"),
        (
            "…",
            json!({ "A": null }),
            "Variable \"$variables\" of required type \"EnvironmentVariables!\" was not provided.",
        ),
        ("…", json!(["A"]), "Variable \"$variables\" of required type \"EnvironmentVariables!\" was not provided."),
    ] {
        let variables = set(&scope, api, variables);
        let body = json!({ "operationName": "SetVariables", "query": query, "variables": variables });
        assert_eq!(send(&sim, token, "SetVariables", &body).expect("a response").status, 400);
        assert_eq!(sim.violations().last().map(String::as_str), Some(expected));
    }
    assert_eq!(sim.mutations(), []);
    // Railway accepts this, but the system variable overrides it.
    data(&sim, ACCOUNT_TOKEN, "SetVariables", set(&scope, api, json!({ "RAILWAY_SERVICE_NAME": "mine" })));
    let expected = "RAILWAY_SERVICE_NAME is reserved by Railway and was written";
    assert_eq!(sim.violations().last().map(String::as_str), Some(expected));
    data(&sim, ACCOUNT_TOKEN, "SetVariables", set(&scope, api, json!({ "RAILWAY_RUN_UID": "0" })));
    assert_eq!(sim.violations().len(), 5);
    for name in ["", "A=B", "A\0"] {
        let refused = response(&sim, ACCOUNT_TOKEN, "SetVariables", set(&scope, api, json!({ name: "1" })));
        assert_eq!(refused, ("Invalid variable name".into(), json!(["variableCollectionUpsert"])));
    }
    let rest = &sim.mutations()[2..];
    assert!(rest.len() == 3 && rest.iter().all(|mutation| !mutation.applied));
}

#[test]
fn reads_lag_behind_writes_then_catch_up() {
    let (sim, scope, services) = world(two_services(), SimOptions { value_lag: 2, ..SimOptions::default() });
    let key = |sim: &Sim| stored(sim, &scope, &services[0])["KEY"].clone();
    let write = |value: &str| {
        data(&sim, ACCOUNT_TOKEN, "SetVariables", set(&scope, Some(&services[0]), json!({ "KEY": value })));
    };
    write("new");
    assert_eq!([key(&sim), key(&sim), key(&sim)], ["old", "old", "new"]);
    write("newer");
    assert_eq!(key(&sim), "new");
    write("newest");
    assert_eq!([key(&sim), key(&sim), key(&sim)], ["new", "new", "newest"]);
}

#[test]
fn inaccessible_resources_are_not_written() {
    let (sim, scope, services) = incident();
    let missing = "00000000-0000-4000-8000-000000000000";
    let before = stored(&sim, &scope, &services[0]);
    let upsert = "variableCollectionUpsert";
    let other = with(scope.clone(), &[("environmentId", missing)]);
    let write = |scope: &Value, service: &str| set(scope, Some(service), json!({ "A": "1" }));
    for (operation, variables, expected) in [
        ("SetVariables", write(&other, &services[0]), ("Environment not found", upsert)),
        ("SetVariables", write(&scope, missing), ("Service not found", upsert)),
        ("DeleteVariable", deleted(&other, None, "LOG_LEVEL"), ("Environment not found", "variableDelete")),
        ("Redeploy", json!({ "deploymentId": missing }), ("Deployment not found", "deploymentRedeploy")),
    ] {
        let (message, path) = response(&sim, ACCOUNT_TOKEN, operation, variables);
        assert_eq!((message.as_str(), path), (expected.0, json!([expected.1])));
    }
    let deployed = newest(&sim, 0);
    sim.change(|estate| estate.projects[0].environments[0].access = SimAccess::Administrators);
    let deploy = json!({ "environmentId": scope["environmentId"], "serviceId": services[0] });
    for (operation, variables, field) in [
        ("SetVariables", write(&scope, &services[0]), upsert),
        ("DeleteVariable", deleted(&scope, None, "LOG_LEVEL"), "variableDelete"),
        ("Redeploy", json!({ "deploymentId": deployed }), "deploymentRedeploy"),
        ("Deploy", deploy, "serviceInstanceDeployV2"),
    ] {
        let refused = response(&sim, ACCOUNT_TOKEN, operation, variables);
        assert_eq!(refused, ("Not Authorized".into(), json!([field])));
    }
    sim.change(|estate| estate.projects[0].environments[0].access = SimAccess::Everybody);
    assert_eq!(stored(&sim, &scope, &services[0]), before);
    assert!(sim.mutations().iter().all(|mutation| !mutation.applied && mutation.deployments.is_empty()));
    assert_eq!(sim.mutations().len(), 8);
}
