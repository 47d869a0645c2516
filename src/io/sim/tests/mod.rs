//! Tests of the simulated Railway, one POST at a time.

mod account;
mod compared_environments;
mod deployments;
mod history;
mod logs;
mod lost_responses;
mod strictness;
mod writes;

use std::time::Duration;

use serde_json::{Value, json};

use crate::drift::Secret;
use crate::io::railway::transport::{HttpRequest, HttpResponse, Scheme, Transport, TransportFailure};
use crate::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use crate::io::sim::seed::{self, ACCOUNT_TOKEN, LOGIN_TOKEN, PROJECT_TOKEN, WORKSPACE_TOKEN};
use crate::io::sim::{Masked, Sealed, Sim, SimOptions};

fn post(sim: &Sim, token: &str, operation: &'static str, variables: Value) -> Result<HttpResponse, TransportFailure> {
    let scheme = if token == PROJECT_TOKEN { Scheme::Project } else { Scheme::Bearer };
    let mut body = json!({ "operationName": operation, "query": "…" });
    body["variables"] = variables;
    send(sim, (scheme, token), operation, &body)
}

fn send(
    sim: &Sim,
    token: (Scheme, &str),
    operation: &'static str,
    body: &Value,
) -> Result<HttpResponse, TransportFailure> {
    sim.post(&HttpRequest {
        operation,
        body: &body.to_string(),
        token: &Secret::new(token.1),
        scheme: token.0,
        remaining: Duration::from_secs(1),
        time_limit: Duration::from_secs(1),
        attempt: 1,
    })
}

fn read(reply: &HttpResponse) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}

fn data(sim: &Sim, token: &str, operation: &'static str, variables: Value) -> Value {
    let reply = post(sim, token, operation, variables).expect("a response");
    let mut body = read(&reply);
    assert_eq!((reply.status, body.get("errors")), (200, None), "{operation}");
    body["data"].take()
}

fn response(sim: &Sim, token: &str, operation: &'static str, variables: Value) -> (String, Value) {
    let reply = post(sim, token, operation, variables).expect("a response");
    let body = read(&reply);
    assert_eq!((reply.status, &body["data"]), (200, &Value::Null), "{body}");
    assert!(body["errors"][0]["traceId"].as_str().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit())));
    (body["errors"][0]["message"].as_str().expect("a message").into(), body["errors"][0]["path"].clone())
}

/// Returns the ids of the first project, its first environment and its services, in the order of the seed.
fn ids(sim: &Sim) -> (String, String, Vec<String>) {
    sim.change(|estate| {
        let project = &estate.projects[0];
        let services = project.environments[0].services.iter().map(|service| service.id.clone()).collect();
        (project.id.clone(), project.environments[0].id.clone(), services)
    })
}

fn incident() -> (Sim, Value, Vec<String>) {
    let sim = Sim::new(seed::incident::estate());
    let (project, environment, services) = ids(&sim);
    (sim, json!({ "projectId": project, "environmentId": environment }), services)
}

/// Returns a project with one environment and these services, its scope, and their ids.
fn world(services: Vec<SimService>, quirks: SimOptions) -> (Sim, Value, Vec<String>) {
    let mut environment = Environment::named("staging").shared(&[("REGION", "eu")]);
    environment.services = services;
    let estate = Estate::of("team").project(Project::named("shop").environment(environment)).with_tokens();
    let sim = Sim::with(estate, quirks);
    let (project, environment, services) = ids(&sim);
    (sim, json!({ "projectId": project, "environmentId": environment }), services)
}

/// Returns the id of the newest deployment of the service with this number in the first environment.
fn newest(sim: &Sim, service: usize) -> String {
    sim.change(|estate| {
        let service = &estate.projects[0].environments[0].services[service];
        service.deployments.last().expect("it was deployed").id.clone()
    })
}

/// Returns the status of each deployment of the service with this number and whether it is active, the newest last.
fn statuses(sim: &Sim, service: usize) -> Vec<(String, bool)> {
    sim.change(|estate| {
        let service = &estate.projects[0].environments[0].services[service];
        service.deployments.iter().map(|known| (known.status.clone(), known.active)).collect()
    })
}

fn watch(sim: &Sim, deployment: &str) -> Value {
    data(sim, ACCOUNT_TOKEN, "DeploymentStatus", json!({ "deploymentId_0": deployment }))["deployment_0"].take()
}

fn redeploy(sim: &Sim, deployment: &str) -> String {
    let made = data(sim, ACCOUNT_TOKEN, "Redeploy", json!({ "deploymentId": deployment }));
    made["deploymentRedeploy"]["id"].as_str().expect("an id").into()
}

fn set(scope: &Value, service: Option<&str>, variables: Value) -> Value {
    let mut set = scope.clone();
    set["serviceId"] = json!(service);
    set["variables"] = variables;
    set
}

fn stored(sim: &Sim, scope: &Value, service: &str) -> Value {
    let wanted = with(scope.clone(), &[("serviceId_0", service)]);
    data(sim, ACCOUNT_TOKEN, "Values", wanted)["stored_0"].take()
}

fn with(mut variables: Value, more: &[(&str, &str)]) -> Value {
    for (name, value) in more {
        variables[*name] = json!(value);
    }
    variables
}

#[test]
fn environment_shows_names_and_seals_without_values() {
    let (sim, scope, services) = incident();
    let shape = data(&sim, ACCOUNT_TOKEN, "Environment", scope.clone());
    assert_eq!(shape["project"], json!({ "id": seed::incident::PROJECT, "name": "agentverse", "deletedAt": null }));
    let environment = &shape["environment"];
    assert_eq!((&environment["name"], &environment["deletedAt"]), (&json!("staging"), &Value::Null));
    let worker = &environment["config"]["services"][&services[1]];
    assert_eq!(worker["variables"]["JWT_SIGNING_KEY"], json!({ "value": null, "isSealed": true }));
    assert_eq!(worker["variables"]["STAGING_OPS_API_KEY"], json!({ "value": "" }));
    assert_eq!(worker["deploy"]["startCommand"], "celery --app agentverse.tasks worker --loglevel INFO");
    assert_eq!((worker.get("networking"), environment["config"]["services"][&services[3]].get("deploy")), (None, None));
    assert_eq!(environment["config"]["sharedVariables"], json!({ "LOG_LEVEL": { "value": "" } }));
    let redis = &environment["serviceInstances"]["edges"][3]["node"];
    assert_eq!((&redis["latestDeployment"]["status"], &redis["startCommand"]), (&json!("SUCCESS"), &Value::Null));
    assert_eq!(redis["activeDeployments"][0]["instances"], json!([{ "status": "RUNNING" }]));
    let plain = data(&sim, ACCOUNT_TOKEN, "EnvironmentMinimal", scope.clone());
    assert_eq!(
        plain["environment"]["serviceInstances"]["edges"][3]["node"],
        json!({ "serviceId": services[3], "environmentId": scope["environmentId"], "serviceName": "Redis",
                "rootDirectory": null, "deletedAt": null, "source": { "image": "redis:8", "repo": null } })
    );
    assert_eq!(
        environment["serviceInstances"]["pageInfo"],
        json!({ "hasNextPage": false, "endCursor": nodes_end(&services) })
    );
    assert!(!shape.to_string().contains("autumn"));
    assert_eq!(data(&sim, PROJECT_TOKEN, "EnvironmentByToken", json!({}))["projectToken"]["environment"], *environment);
}

fn nodes_end(services: &[String]) -> String {
    format!("Y3{}", services[3].chars().rev().collect::<String>())
}

#[test]
fn batch_returns_stored_and_rendered_values() {
    let (sim, scope, services) = incident();
    let scope = with(scope, &[("serviceId_0", &services[1]), ("serviceId_1", &services[0])]);
    let values = data(&sim, PROJECT_TOKEN, "Values", scope);
    let fields: Vec<&String> = values.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["rendered_0", "rendered_1", "stored_0", "stored_1"]);
    assert_eq!(values["stored_0"]["CELERY_BROKER_URL"], "${{Redis.REDIS_URL}}/1");
    assert_eq!(
        values["rendered_0"]["CELERY_BROKER_URL"],
        "redis://default:Hs81mPzcV5ejQy3u@redis.railway.internal:6379/1"
    );
    assert_eq!(values["stored_1"]["JWT_SIGNING_KEY"], Value::Null);
    assert!(values["rendered_1"].as_object().expect("a map").contains_key("JWT_SIGNING_KEY"));
    assert_eq!(values["rendered_1"]["RAILWAY_SERVICE_NAME"], "agentverse-api-staging");
    assert!(!values["stored_1"].to_string().contains("RAILWAY_SERVICE_NAME"));
    assert_eq!(values["rendered_1"]["LOG_LEVEL"], "info");
}

#[test]
fn sealed_and_redacted_values_follow_options() {
    for (sealed, masked, map, config) in [
        (
            Sealed::Null,
            Masked::Empty,
            json!({ "A": "", "B": null }),
            json!({ "A": { "value": "" }, "B": { "value": null, "isSealed": true } }),
        ),
        (
            Sealed::Absent,
            Masked::Null,
            json!({ "A": "" }),
            json!({ "A": { "value": null }, "B": { "isSealed": true } }),
        ),
        (Sealed::Absent, Masked::Absent, json!({ "A": "" }), json!({ "A": {}, "B": { "isSealed": true } })),
    ] {
        let web = SimService::named("web").variables(&[("A", "")]).sealed("B", "marker");
        let project = Project::named("shop").environment(Environment::named("e").service(web));
        let sim = Sim::with(
            Estate::of("team").project(project).with_tokens(),
            SimOptions { sealed, masked, ..SimOptions::default() },
        );
        let (project, environment, services) = ids(&sim);
        let scope = json!({ "projectId": project, "environmentId": environment });
        let shape = data(&sim, LOGIN_TOKEN, "Environment", scope.clone());
        assert_eq!(shape["environment"]["config"]["services"][&services[0]]["variables"], config);
        let values = data(&sim, LOGIN_TOKEN, "Values", with(scope, &[("serviceId_0", &services[0])]));
        assert_eq!(values["stored_0"], map);
    }
}

#[test]
fn external_change_is_visible_to_next_request() {
    let (sim, scope, services) = incident();
    sim.change(|estate| {
        let staging = estate.environment("agentverse", "staging").expect("the environment exists");
        let worker = staging.service_named("agentverse-worker-staging").expect("the service exists");
        worker.variables.insert("APP_ENV".into(), SimVariable::Open(Secret::new("changed")));
    });
    let values = data(&sim, ACCOUNT_TOKEN, "Values", with(scope, &[("serviceId_0", &services[1])]));
    assert_eq!(values["stored_0"]["APP_ENV"], "changed");
}

#[test]
fn each_token_kind_has_its_own_operations() {
    const OK: &str = "ok";
    const NOT: &str = "Not Authorized";
    const NONE: &str = "Project Token not found";
    let (sim, scope, services) = incident();
    let values = with(scope.clone(), &[("serviceId_0", &services[0])]);
    let project = json!({ "projectId": scope["projectId"] });
    let service = with(scope.clone(), &[("serviceId", &services[0])]);
    let deployed = newest(&sim, 0);
    let batch = json!({ "deploymentId_0": deployed });
    let lines = json!({ "deploymentId": deployed, "limit": 5 });
    // Account, workspace, login, project token; revoked; project token as bearer; account token as project token.
    for (operation, variables, expected) in [
        ("ApiTokenProbe", json!({}), [OK, OK, OK, NOT, NOT, NONE, NONE]),
        ("UserProbe", json!({}), [OK, NOT, OK, NOT, NOT, NONE, NONE]),
        ("ProjectTokenProbe", json!({}), [NONE, NONE, NONE, OK, NOT, NONE, NONE]),
        ("EnvironmentByToken", json!({}), [NONE, NONE, NONE, OK, NOT, NONE, NONE]),
        ("Projects", json!({}), [OK, OK, OK, NOT, NOT, NONE, NONE]),
        ("ComparedEnvironments", project.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("Environments", project, [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("Environment", scope.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("MoreServices", scope.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("Values", values, [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("PreWriteState", scope.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("EnvironmentByTokenMinimal", json!({}), [NONE, NONE, NONE, OK, NOT, NONE, NONE]),
        ("EnvironmentMinimal", scope.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("StagedChanges", json!({ "environmentId": scope["environmentId"] }), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("VariableTimes", scope.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("RecentDeployments", service, [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("SharedValues", scope.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("DeploymentStatus", batch.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("Snapshot", batch.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("DeploymentEvents", batch, [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("BuildLog", lines.clone(), [OK, OK, OK, OK, NOT, NONE, NONE]),
        (
            "BuildLogBySnapshot",
            json!({ "environmentId": scope["environmentId"], "build": "(@snapshot:1 OR @replica:1)",
                "start": "2026-11-24T09:00:00.000Z", "end": "2026-11-24T10:00:00.000Z", "limit": 5 }),
            [OK, OK, OK, OK, NOT, NONE, NONE],
        ),
        ("DeploymentLog", lines, [OK, OK, OK, OK, NOT, NONE, NONE]),
        ("SetVariables", set(&scope, None, json!({})), [OK, OK, OK, OK, NOT, NONE, NONE]),
    ] {
        let body = json!({ "operationName": operation, "query": "…", "variables": variables });
        let tokens = [
            (Scheme::Bearer, ACCOUNT_TOKEN),
            (Scheme::Bearer, WORKSPACE_TOKEN),
            (Scheme::Bearer, LOGIN_TOKEN),
            (Scheme::Project, PROJECT_TOKEN),
            (Scheme::Bearer, "revoked"),
            (Scheme::Bearer, PROJECT_TOKEN),
            (Scheme::Project, ACCOUNT_TOKEN),
        ];
        let found = tokens.map(|token| {
            let response = read(&send(&sim, token, operation, &body).expect("a response"));
            response["errors"][0]["message"].as_str().unwrap_or(OK).to_owned()
        });
        assert_eq!(found, expected, "{operation}");
    }
    assert_eq!(sim.violations(), Vec::<String>::new());
}

#[test]
fn missing_or_inaccessible_resource_fails_requested_field() {
    let everything = || {
        Project::named("shop")
            .environment(
                Environment::named("staging")
                    .service(SimService::named("web"))
                    .service(SimService::named("old").deleted()),
            )
            .environment(Environment::named("production").restricted())
            .environment(Environment::named("gone").deleted())
            .environment(Environment::named("empty").service(SimService::named("cron")))
    };
    let estate = Estate::of("one").project(everything()).with_tokens().workspace("two").project(everything());
    let sim = Sim::new(estate.clone());
    let [shop, other] = [0, 1].map(|index: usize| estate.projects[index].id.as_str());
    let [staging, production, gone, empty] = [0, 1, 2, 3].map(|index: usize| &estate.projects[0].environments[index]);
    let elsewhere = &estate.projects[1].environments[0].id;
    let [web, old] = [0, 1].map(|index: usize| staging.services[index].id.as_str());
    let cron = empty.services[0].id.as_str();
    let missing = "00000000-0000-4000-8000-000000000000";
    for (token, project, environment, service, expected) in [
        (WORKSPACE_TOKEN, missing, staging.id.as_str(), "", ("Project not found", "project")),
        (WORKSPACE_TOKEN, other, elsewhere, "", ("Not Authorized", "project")),
        (PROJECT_TOKEN, shop, &production.id, "", ("Not Authorized", "environment")),
        (ACCOUNT_TOKEN, shop, missing, "", ("Environment not found", "environment")),
        (ACCOUNT_TOKEN, shop, elsewhere, "", ("Environment not found", "environment")),
        (ACCOUNT_TOKEN, shop, &gone.id, "", ("Environment not found", "environment")),
        (ACCOUNT_TOKEN, shop, &production.id, "", ("Not Authorized", "environment")),
        (ACCOUNT_TOKEN, shop, &staging.id, missing, ("Service not found", "stored_1")),
        (ACCOUNT_TOKEN, shop, &staging.id, cron, ("ServiceInstance not found", "stored_1")),
        (ACCOUNT_TOKEN, shop, &staging.id, old, ("ServiceInstance not found", "stored_1")),
        (ACCOUNT_TOKEN, shop, &production.id, web, ("Not Authorized", "stored_0")),
    ] {
        let scope = json!({ "projectId": project, "environmentId": environment });
        let (message, path) = if service.is_empty() {
            response(&sim, token, "Environment", scope)
        } else {
            response(&sim, token, "Values", with(scope, &[("serviceId_0", web), ("serviceId_1", service)]))
        };
        assert_eq!((message.as_str(), path), (expected.0, json!([expected.1])));
    }
    let (message, path) =
        response(&sim, WORKSPACE_TOKEN, "Projects", json!({ "workspaceId": estate.workspaces[1].id }));
    assert_eq!((message.as_str(), path), ("Not Authorized", json!(["projects"])));
}

#[test]
fn listings_omit_only_deleted_projects() {
    let project = Project::named("shop")
        .environment(Environment::named("staging"))
        .environment(Environment::named("production").restricted())
        .environment(Environment::named("gone").deleted());
    let estate = Estate::of("team").project(project).project(Project::named("old").deleted()).with_tokens();
    let sim = Sim::new(estate);
    let projects = data(&sim, LOGIN_TOKEN, "Projects", json!({}));
    let listed = projects["projects"]["edges"].as_array().expect("edges");
    assert_eq!((listed.len(), &listed[0]["node"]["name"]), (1, &json!("shop")));
    let (shop, ..) = ids(&sim);
    let environments = data(&sim, LOGIN_TOKEN, "Environments", json!({ "projectId": shop, "after": null }));
    assert_eq!(environments["project"]["environments"], listed[0]["node"]["environments"]);
    let facts: Vec<(Value, Value, bool)> = listed[0]["node"]["environments"]["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .map(|edge| {
            (edge["node"]["name"].clone(), edge["node"]["canAccess"].clone(), edge["node"]["deletedAt"].is_string())
        })
        .collect();
    let expected = [("staging", true, false), ("production", false, false), ("gone", true, true)];
    assert_eq!(facts, expected.map(|(name, access, deleted)| (json!(name), json!(access), deleted)));
}

#[test]
fn project_token_reads_deleted_environment_until_removed() {
    let (sim, ..) = incident();
    sim.change(|estate| estate.projects[0].environments[0] = estate.projects[0].environments[0].clone().deleted());
    let own = data(&sim, PROJECT_TOKEN, "EnvironmentByToken", json!({}));
    assert!(own["projectToken"]["environment"]["deletedAt"].is_string());
    sim.change(|estate| estate.projects.clear());
    assert_eq!(response(&sim, PROJECT_TOKEN, "EnvironmentByToken", json!({})).0, "Project Token not found");
}

#[test]
fn page_cap_applies_to_every_listing() {
    let (estate, _) = seed::generate(5, 1);
    let sim = Sim::with(estate, SimOptions { page_cap: 2, ..SimOptions::default() });
    let (project, environment, services) = ids(&sim);
    let scope = json!({ "projectId": project, "environmentId": environment });
    let mut page = data(&sim, ACCOUNT_TOKEN, "Environment", scope.clone())["environment"]["serviceInstances"].take();
    let mut found = Vec::new();
    loop {
        let edges = page["edges"].as_array().expect("edges");
        assert!(edges.len() <= 2);
        found.extend(edges.iter().map(|edge| edge["node"]["serviceId"].as_str().expect("an id").to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        let after = page["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned();
        page = data(&sim, ACCOUNT_TOKEN, "MoreServices", with(scope.clone(), &[("after", &after)]))["environment"]
            ["serviceInstances"]
            .take();
    }
    assert_eq!(found, services);
    assert_eq!(sim.count(), 3);
    let refused = response(&sim, ACCOUNT_TOKEN, "MoreServices", with(scope, &[("after", "invalid")]));
    assert_eq!(refused, ("Invalid cursor for after".into(), json!(["environment"])));
}
