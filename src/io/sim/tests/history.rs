//! The initial deployments, and how the pre-write state and the snapshots show them.

use serde_json::{Value, json};

use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService, SimStagedChanges};
use crate::io::sim::seed::{self, ACCOUNT_TOKEN};
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::tests::{data, ids, incident, newest, post, read, redeploy, watch, with, world};
use crate::io::sim::{Masked, Sealed, Sim, SimOptions, Snapshots, SystemVariables};

fn pre_write_state(sim: &Sim, scope: &Value) -> (Value, Vec<Value>) {
    let mut shown = data(sim, ACCOUNT_TOKEN, "PreWriteState", scope.clone());
    let edges = shown["environment"]["serviceInstances"]["edges"].take();
    let nodes = edges.as_array().expect("edges").iter().map(|edge| edge["node"].clone()).collect();
    (shown["environmentStagedChanges"].take(), nodes)
}

#[test]
fn service_with_source_has_one_deployment_by_default() {
    let services = vec![
        SimService::named("web").repository("team/web").start("web serve"),
        SimService::named("db").image("postgres:17"),
        SimService::named("bare"),
        SimService::named("new").repository("team/new").never_deployed(),
        SimService::named("odd")
            .repository("team/odd")
            .deployed(SimDeployment::serving("2026-10-01T10:00:00.000Z").id("d-1").started_with("odd").exited()),
        SimService::named("gone")
            .image("gone:1")
            .deployed(SimDeployment::with_status("REMOVED", "2026-10-01T10:00:00.000Z")),
    ];
    let (sim, scope, ids) = world(services, SimOptions::default());
    let (_, nodes) = pre_write_state(&sim, &scope);
    assert_eq!(nodes[0]["serviceId"], ids[0]);
    let latest = &nodes[0]["latestDeployment"];
    assert_eq!(nodes[0]["activeDeployments"], json!([latest]));
    assert_eq!((&latest["status"], &latest["canRedeploy"]), (&json!("SUCCESS"), &json!(true)));
    let meta = &latest["meta"];
    assert_eq!((&meta["repo"], &meta["branch"]), (&json!("team/web"), &json!("main")));
    assert_eq!(meta["commitHash"].as_str().map(str::len), Some(40));
    assert_eq!(meta["serviceManifest"]["deploy"]["startCommand"], "web serve");
    let db = &nodes[1]["latestDeployment"]["meta"];
    assert_eq!((&db["image"], db.get("commitHash")), (&json!("postgres:17"), None));
    for never in [2, 3, 5] {
        assert_eq!((&nodes[never]["latestDeployment"], &nodes[never]["activeDeployments"]), (&Value::Null, &json!([])));
    }
    let odd = &nodes[4]["activeDeployments"][0];
    assert_eq!((&odd["id"], &odd["deploymentStopped"]), (&json!("d-1"), &json!(true)));
    assert_eq!(odd["meta"]["serviceManifest"]["deploy"]["startCommand"], "odd");
    assert_eq!(newest(&sim, 0), newest(&world(vec![SimService::named("web").image("x")], SimOptions::default()).0, 0));
}

#[test]
fn incident_worker_runs_older_commit_and_key() {
    let (sim, scope, _) = incident();
    let (_, nodes) = pre_write_state(&sim, &scope);
    let [api, worker] = [0, 1].map(|number: usize| &nodes[number]["activeDeployments"][0]);
    assert!(api["createdAt"].as_str() > worker["createdAt"].as_str());
    assert!(api["meta"]["commitHash"].as_str().is_some_and(|hash| hash.starts_with("371a158")));
    assert_ne!(api["meta"]["commitHash"], worker["meta"]["commitHash"]);
    let command = worker["meta"]["serviceManifest"]["deploy"]["startCommand"].as_str().expect("a command");
    assert!(!command.split(' ').any(|word| word == "-B"));
    let batch = json!({ "deploymentId_0": api["id"], "deploymentId_1": worker["id"] });
    let running = data(&sim, ACCOUNT_TOKEN, "Snapshot", batch);
    let key = |snapshot: &str| running[snapshot]["variables"]["STAGING_OPS_API_KEY"].clone();
    assert_eq!([key("snapshot_0"), key("snapshot_1")], ["staging-ops-autumn-key-2025", "staging-ops-summer-key-2025"]);
}

#[test]
fn pre_write_state_shows_staged_changes_without_values() {
    let (sim, scope, services) = incident();
    let (placeholder, _) = pre_write_state(&sim, &scope);
    let expected = json!({
        "id": "<empty>",
        "environmentId": scope["environmentId"],
        "status": "STAGED",
        "patch": {},
        "updatedAt": "2026-11-24T09:00:01.000Z",
    });
    assert_eq!(placeholder, expected);
    let patch = json!({
        "services": { &services[0]: { "variables": { "A": { "value": "marker" }, "B": null }, "deploy": {} } },
        "sharedVariables": { "C": { "value": "marker" } },
    });
    for status in ["STAGED", "APPLYING"] {
        let staged = SimStagedChanges::new(patch.clone(), status);
        sim.change(|estate| estate.projects[0].environments[0].staged = Some(staged));
        let (shown, _) = pre_write_state(&sim, &scope);
        assert_eq!((&shown["status"], shown["id"].as_str().map(str::len)), (&json!(status), Some(36)));
        let variables = json!({ "A": { "value": "" }, "B": null });
        assert_eq!(shown["patch"]["services"][&services[0]], json!({ "variables": variables, "deploy": {} }));
        assert_eq!(shown["patch"]["sharedVariables"], json!({ "C": { "value": "" } }));
    }
    assert!(!format!("{sim:?}").contains("marker"));
    for (masked, expected) in [(Masked::Null, json!({ "value": null })), (Masked::Absent, json!({}))] {
        let patch = json!({ "sharedVariables": { "C": { "value": "marker" } } });
        let environment = Environment::named("e").applying(patch);
        let estate = Estate::of("team").project(Project::named("shop").environment(environment)).with_tokens();
        let sim = Sim::with(estate, SimOptions { masked, ..SimOptions::default() });
        let (project, environment, _) = ids(&sim);
        let (shown, _) = pre_write_state(&sim, &json!({ "projectId": project, "environmentId": environment }));
        assert_eq!((&shown["patch"]["sharedVariables"]["C"], &shown["status"]), (&expected, &json!("APPLYING")));
    }
}

#[test]
fn pre_write_state_is_paged_and_latest_deployment_may_lag() {
    let (estate, _) = seed::generate(3, 1);
    let sim = Sim::with(estate, SimOptions { page_cap: 2, latest_lag: 2, ..SimOptions::default() });
    let (project, environment, services) = ids(&sim);
    let scope = json!({ "projectId": project, "environmentId": environment });
    let old = newest(&sim, 0);
    let id = redeploy(&sim, &old);
    let first = data(&sim, ACCOUNT_TOKEN, "PreWriteState", scope.clone())["environment"]["serviceInstances"].take();
    assert_eq!((first["edges"].as_array().map(Vec::len), &first["pageInfo"]["hasNextPage"]), (Some(2), &json!(true)));
    let after = first["pageInfo"]["endCursor"].as_str().expect("a cursor");
    let (_, rest) = pre_write_state(&sim, &with(scope.clone(), &[("after", after)]));
    assert_eq!((rest.len(), &rest[0]["serviceId"]), (1, &json!(services[2])));
    assert_eq!(first["edges"][0]["node"]["latestDeployment"]["id"], old);
    let latest = |sim: &Sim| pre_write_state(sim, &scope).1[0]["latestDeployment"].clone();
    assert_eq!(latest(&sim)["id"], old);
    // It was polled only once in the meantime, by the response that contained its id.
    let shown = latest(&sim);
    assert_eq!(
        (&shown["id"], &shown["status"], &shown["canRedeploy"]),
        (&json!(id), &json!("BUILDING"), &json!(false))
    );
    assert_eq!(shown["meta"], json!({ "repo": "large/large", "branch": "main", "reason": "redeploy" }));
    assert!(latest(&sim)["meta"]["commitHash"].is_string());
}

#[test]
fn snapshot_contents_follow_options() {
    let all = |snapshot, snapshot_sealed, snapshot_system| SimOptions {
        snapshot,
        snapshot_sealed,
        snapshot_system,
        ..SimOptions::default()
    };
    let shown = |variables: Value| json!({ "variables": variables });
    let rendered = json!({ "A": "a eu", "OLD": "then", "SEAL": null, "THROUGH": null });
    for (quirks, expected, refused) in [
        (all(Snapshots::Rendered, Sealed::Null, SystemVariables::Absent), shown(rendered), Value::Null),
        (
            all(Snapshots::Rendered, Sealed::Absent, SystemVariables::Absent),
            shown(json!({ "A": "a eu", "OLD": "then" })),
            Value::Null,
        ),
        (
            all(Snapshots::Raw, Sealed::Null, SystemVariables::Absent),
            shown(json!({ "A": "a ${{shared.REGION}}", "OLD": "then", "SEAL": null, "THROUGH": "${{SEAL}}" })),
            Value::Null,
        ),
        (all(Snapshots::Null, Sealed::Null, SystemVariables::Present), Value::Null, Value::Null),
        (all(Snapshots::Refused, Sealed::Null, SystemVariables::Present), Value::Null, json!("Not Authorized")),
    ] {
        let deployed = SimDeployment::serving("2026-11-01T10:00:00.000Z").had("OLD", "then").lacked("NEW");
        let variables = [("A", "a ${{shared.REGION}}"), ("NEW", "now"), ("THROUGH", "${{SEAL}}")];
        let service = SimService::named("web").image("web:1").variables(&variables).sealed("SEAL", "marker");
        let (sim, ..) = world(vec![service.deployed(deployed)], quirks);
        let id = newest(&sim, 0);
        let reply = post(&sim, ACCOUNT_TOKEN, "Snapshot", json!({ "deploymentId_0": id })).expect("a response");
        let body = read(&reply);
        assert_eq!(body["data"]["snapshot_0"], expected);
        assert_eq!(body["errors"][0]["message"], refused);
        assert!(!format!("{sim:?}").contains("then"));
    }
    let (sim, ..) = world(
        vec![SimService::named("web").image("web:1")],
        all(Snapshots::Rendered, Sealed::Null, SystemVariables::Present),
    );
    let id = newest(&sim, 0);
    let shown = data(&sim, ACCOUNT_TOKEN, "Snapshot", json!({ "deploymentId_0": id }));
    let variables = &shown["snapshot_0"]["variables"];
    assert_eq!((&variables["RAILWAY_SERVICE_NAME"], &variables["RAILWAY_DEPLOYMENT_ID"]), (&json!("web"), &json!(id)));
}

#[test]
fn config_includes_volumes_and_schedules() {
    let job = SimService::named("job").repository("team/job").start("job").cron("0 3 * * *").logs("tidying");
    let services = vec![SimService::named("db").image("postgres:17").volume("/data"), job];
    let (sim, scope, ids) = world(services, SimOptions::default());
    let config = data(&sim, ACCOUNT_TOKEN, "Environment", scope)["environment"]["config"].take();
    let mounts = config["services"][&ids[0]]["volumeMounts"].as_object().expect("mounts");
    let (volume, mount) = mounts.iter().next().expect("one mount");
    assert_eq!((mount, config["volumes"].get(volume)), (&json!({ "mountPath": "/data" }), Some(&json!({}))));
    let deploy = json!({ "startCommand": "job", "cronSchedule": "0 3 * * *" });
    assert_eq!(config["services"][&ids[1]]["deploy"], deploy);
    assert_eq!(config["services"][&ids[1]].get("volumeMounts"), None);
    let id = redeploy(&sim, &newest(&sim, 1));
    let found = [0; 3].map(|_| watch(&sim, &id)["status"].clone());
    assert_eq!(found, ["BUILDING", "DEPLOYING", "SUCCESS"]);
    let log = data(&sim, ACCOUNT_TOKEN, "DeploymentLog", json!({ "deploymentId": id, "limit": 9 }));
    assert_eq!(log["deploymentLogs"], json!([]));
    let made = sim.change(|estate| estate.deploy("job", StatusTimeline::success())).expect("the service exists");
    let meta = sim.change(|estate| {
        let job = estate.service_named("job").expect("the service exists");
        job.deployments.iter().find(|known| known.id == made).expect("it was created").meta.clone()
    });
    assert_eq!(meta["buildOnly"], true);
}
