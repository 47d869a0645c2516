//! Names of projects, environments, services and variables can be any text: a report with them is well-formed in every
//! format, has the same meaning, and contains no injected command, element or row.

use serde_json::{Value, json};

use super::responses::{CannedResponse, run_with_responses};
use super::sandbox::{RunOutput, Sandbox};
use super::{report_formats, texts};

const VARIABLES: [(&str, &str); 3] =
    [("RAILWAY_API_TOKEN", "token"), ("RAILWAY_PROJECT_ID", "p"), ("RAILWAY_ENVIRONMENT_ID", "e")];

const ENV_FILE: &str = "KEY=1\nOTHER=a value of its own\n";

/// The input is the names of a project, an environment, a service and a key, and the key's value.
pub fn check(data: &[u8]) {
    let Some(names) = texts::<5>(data) else { return };
    let sandbox = Sandbox::with(&VARIABLES);
    let path = sandbox.work().join(".env");
    let sandbox = sandbox.file(&path, ENV_FILE.as_bytes());
    let run = |args: &[&str]| run_with_responses(&sandbox, args, responses(names));
    for args in [&["-v"][..], &["-q"], &["--only", "KEY"]] {
        run(&[&["check"], args].concat());
    }
    let json = run(&["check", "--format", "json"]);
    let findings = report_formats::json(&json.stdout, names);
    let [_, _, service, ..] = names;
    report_formats::sarif(&run(&["check", "--format", "sarif"]).stdout, findings);
    report_formats::github(&run(&["check", "--format", "github"]).stdout);
    report_formats::junit(&run(&["check", "--format", "junit"]).stdout, service);
    report_formats::markdown(&run(&["check", "--format", "markdown"]).stdout);
    for args in [&["check", "--format", "html"], &["matrix", "--format", "html"]] {
        report_formats::html(&run(args).stdout);
    }
    report_formats::markdown(&run(&["matrix", "--format", "markdown"]).stdout);
    let matrix = run(&["matrix", "--format", "json"]);
    assert!(
        matrix.stdout.is_empty() || serde_json::from_str::<Value>(&matrix.stdout).is_ok(),
        "the matrix is not JSON"
    );
    run(&["matrix"]);
    check_equal_exit_codes(&json, &run(&["check", "--format", "junit"]));
    check_comparison(&sandbox, names);
    check_trace(names);
}

/// The value of a key, which the service also has under the other key.
const TRACED: &str = "kV93xLq0wMn72RbYcJd5";

/// Searches for a value, and plans its replacement, in every format.
fn check_trace(names: [&str; 5]) {
    let sandbox = Sandbox::with(&VARIABLES);
    let path = sandbox.work().join(".env");
    let sandbox = sandbox.file(&path, format!("KEY={TRACED}\n").as_bytes());
    let run = |args: &[&str]| run_with_responses(&sandbox, args, trace_responses(names));
    let [_, _, service, key, _] = names;
    let json = run(&["trace", "KEY", "--format", "json"]);
    assert_eq!((json.code, report_formats::json(&json.stdout, names)), (0, 0), "{}{}", json.stdout, json.stderr);
    let report: Value = serde_json::from_str(&json.stdout).expect("a report is JSON");
    let places = report["trace"]["places"].as_array().expect("it lists places");
    let is_found = places.iter().any(|place| place["key"] == key && place["service"] == service);
    assert!(is_found, "{key:?} of {service:?} is not found");
    report_formats::sarif(&run(&["trace", "KEY", "--format", "sarif"]).stdout, places.len());
    report_formats::junit(&run(&["trace", "KEY", "--format", "junit"]).stdout, service);
    for args in [&["trace", "KEY"][..], &["rotate", "KEY", "--generate=uuid", "--all-copies", "--dry-run"]] {
        let run = |format: &str| run(&[args, &["--format", format]].concat());
        let (text, json, output) = (run("text"), run("json"), run("github"));
        check_equal_exit_codes(&text, &json);
        let lines = output.stdout.lines().filter(|line| line.starts_with("::"));
        assert!(lines.count() <= 10, "{}", output.stdout);
        report_formats::markdown(&run("markdown").stdout);
        report_formats::html(&run("html").stdout);
        for output in [text, json, run("sarif"), run("junit"), output] {
            assert!(!output.stdout.contains(TRACED) && !output.stderr.contains(TRACED), "the value is shown");
        }
    }
}

/// Compares two environments by id, in every format.
fn check_comparison(sandbox: &Sandbox, names: [&str; 5]) {
    let run = |args: &[&str]| {
        run_with_responses(sandbox, &[&["compare", "e", "f"], args].concat(), environment_responses(names))
    };
    let json = run(&["--format", "json"]);
    let findings = report_formats::json(&json.stdout, names);
    let report: Value = serde_json::from_str(&json.stdout).expect("a report is JSON");
    assert_eq!(report["target"]["other_environment"]["name"], other_environment(names));
    report_formats::sarif(&run(&["--format", "sarif"]).stdout, findings);
    report_formats::github(&run(&["--format", "github"]).stdout);
    report_formats::junit(&run(&["--format", "junit"]).stdout, names[2]);
    report_formats::markdown(&run(&["--format", "markdown"]).stdout);
    report_formats::html(&run(&["--format", "html"]).stdout);
    check_equal_exit_codes(&json, &run(&["-v"]));
}

fn other_environment([_, environment, ..]: [&str; 5]) -> String {
    format!("{environment} 2")
}

fn check_equal_exit_codes(one: &RunOutput, other: &RunOutput) {
    assert_eq!(one.code, other.code, "the exit codes differ between formats");
}

fn responses(names: [&str; 5]) -> Vec<CannedResponse> {
    let [project, environment, service, key, value] = names;
    let deployment = json!({ "id": "d", "status": "SUCCESS", "createdAt": "2026-11-17T08:41:12Z",
        "environmentId": "e", "serviceId": "s", "statusUpdatedAt": "2026-11-17T08:42:12Z", "canRedeploy": true, "deploymentStopped": false,
        "meta": { "branch": service, "reason": "deploy" }, "instances": [{ "status": "RUNNING" }] });
    let instance = json!({ "serviceId": "s", "environmentId": "e", "serviceName": service, "rootDirectory": null, "deletedAt": null,
        "source": null, "startCommand": service, "railwayConfigFile": null, "cronSchedule": null,
        "sleepApplication": false, "domains": { "serviceDomains": [], "customDomains": [] },
        "latestDeployment": deployment, "activeDeployments": [deployment] });
    let shape = json!({ "data": {
        "project": { "id": "p", "name": project, "deletedAt": null },
        "environment": { "id": "e", "projectId": "p", "name": environment, "deletedAt": null,
            "config": { "services": { "s": { "variables": { key: {}, "KEY": {} } } }, "sharedVariables": { key: {} } },
            "serviceInstances": { "edges": [{ "node": instance }],
                "pageInfo": { "hasNextPage": false, "endCursor": null } } } } });
    let values =
        json!({ "data": { "stored_0": { key: value, "KEY": value }, "rendered_0": { key: "", "KEY": value } } });
    [shape, values].map(|body| CannedResponse { status: 200, body: body.to_string().into_bytes() }).into()
}

/// A service, and the shared variables, with the traced value; then the state before a write.
fn trace_responses([project, environment, service, key, _]: [&str; 5]) -> Vec<CannedResponse> {
    let shared = json!({ "data": { "stored": { key: TRACED } } });
    let state = json!({ "data": { "environmentStagedChanges": null, "environment": { "id": "e", "projectId": "p",
        "serviceInstances": { "edges": [{ "node": { "serviceId": "s", "environmentId": "e", "latestDeployment": null,
            "activeDeployments": [] } }], "pageInfo": { "hasNextPage": false, "endCursor": null } } } } });
    let variables = json!({ key: TRACED, "KEY": TRACED });
    let values = json!({ "data": { "stored_0": variables, "rendered_0": variables,
        "snapshot_0": { "variables": variables } } });
    let shape = responses([project, environment, service, key, TRACED]).into_iter().take(1);
    let more = [values, shared, state].map(|body| CannedResponse { status: 200, body: body.to_string().into_bytes() });
    shape.chain(more).collect()
}

/// Two environments with the service. The first one also has the key, the second one `OTHER`, and both have `KEY`.
fn environment_responses(names: [&str; 5]) -> Vec<CannedResponse> {
    let [project, environment, service, key, value] = names;
    let last = json!({ "hasNextPage": false, "endCursor": null });
    let node = |id: &str, name: &str, own: &str| {
        let instance = json!({ "serviceId": "s", "environmentId": id, "serviceName": service, "rootDirectory": null,
            "deletedAt": null, "source": { "image": key, "repo": null }, "startCommand": name, "railwayConfigFile": null,
            "cronSchedule": null, "sleepApplication": false });
        json!({ "node": { "id": id, "projectId": "p", "name": name, "deletedAt": null, "canAccess": true,
            "isEphemeral": false, "config": { "services": { "s": { "variables": { own: {}, "KEY": {} } } } },
            "serviceInstances": { "edges": [{ "node": instance }], "pageInfo": last } } })
    };
    let edges = [node("e", environment, key), node("f", &other_environment(names), "OTHER")];
    let shape = json!({ "data": { "project": { "id": "p", "name": project, "deletedAt": null,
        "environments": { "edges": edges, "pageInfo": last } } } });
    let [left, right] = [key, "OTHER"].map(|own| json!({ own: value, "KEY": value }));
    let values = json!({ "data": { "stored_0": left, "rendered_0": left, "stored_1": right, "rendered_1": right } });
    [shape, values].map(|body| CannedResponse { status: 200, body: body.to_string().into_bytes() }).into()
}
