//! Names of projects, environments, services and variables are anybody's: a report of them is well-formed in every format,
//! says what it says without them, and begins no command, element or row of its own.

use serde_json::{Value, json};

use super::responses::{Canned, played};
use super::sandbox::{Ended, Place};
use super::{report_formats, texts};

const VARIABLES: [(&str, &str); 3] =
    [("RAILWAY_API_TOKEN", "token"), ("RAILWAY_PROJECT_ID", "p"), ("RAILWAY_ENVIRONMENT_ID", "e")];

/// The file that the names are held against.
const ENV_FILE: &str = "KEY=1\nOTHER=a value of its own\n";

/// The input is the names of a project, an environment, a service and a key, and the key's value.
pub fn hold(data: &[u8]) {
    let Some(names) = texts::<5>(data) else { return };
    let place = Place::with(&VARIABLES);
    let path = place.work().join(".env");
    let place = place.file(&path, ENV_FILE.as_bytes());
    let told = |words: &[&str]| played(&place, words, replies(names));
    for words in [&["-v"][..], &["-q"], &["--only", "KEY"]] {
        told(&[&["check"], words].concat());
    }
    let json = told(&["check", "--format", "json"]);
    let findings = report_formats::json(&json.out, names);
    let [_, _, service, ..] = names;
    report_formats::sarif(&told(&["check", "--format", "sarif"]).out, findings);
    report_formats::github(&told(&["check", "--format", "github"]).out);
    report_formats::junit(&told(&["check", "--format", "junit"]).out, service);
    report_formats::markdown(&told(&["check", "--format", "markdown"]).out);
    for words in [&["check", "--format", "html"], &["matrix", "--format", "html"]] {
        report_formats::html(&told(words).out);
    }
    report_formats::markdown(&told(&["matrix", "--format", "markdown"]).out);
    let matrix = told(&["matrix", "--format", "json"]);
    assert!(matrix.out.is_empty() || serde_json::from_str::<Value>(&matrix.out).is_ok(), "the matrix is no JSON");
    told(&["matrix"]);
    the_verdict_is_the_same(&json, &told(&["check", "--format", "junit"]));
}

fn the_verdict_is_the_same(one: &Ended, other: &Ended) {
    assert_eq!(one.code, other.code, "the format changes the exit code");
}

fn replies(names: [&str; 5]) -> Vec<Canned> {
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
    [shape, values].map(|body| Canned { status: 200, body: body.to_string().into_bytes() }).into()
}
