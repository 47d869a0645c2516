//! `--debug-api` records one line for each request, without secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::fault::Fault;
use railway_doctor::io::sim::seed::{ACCOUNT_TOKEN, incident, rotation, storefront};
use serde_json::{Value, json};

use crate::binary::{Doctor, Outcome, outcome};
use crate::server::Misbehaviour;

const MARK: &str = "mark4711";

fn doctor() -> Doctor {
    Doctor::new(incident::estate()).file(".env", incident::ENV_FILE)
}

/// Runs a command, with `--api-url` unless the command has no such flag.
fn run(doctor: &Doctor, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(arguments);
    if !["demo", "explain"].contains(&arguments[0]) {
        command.args(["--api-url", &doctor.served.url()]);
    }
    doctor.prepare(&mut command);
    outcome(command.output().unwrap())
}

/// Asserts that only the owner can access the file, and returns its lines.
fn lines(doctor: &Doctor) -> Vec<Value> {
    let path = doctor.work().join("debug.jsonl");
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn operations(lines: &[Value]) -> Vec<(&str, u64)> {
    lines.iter().map(|line| (line["operation"].as_str().unwrap(), line["attempt"].as_u64().unwrap())).collect()
}

#[test]
fn records_time_status_headers_and_shape_of_every_request() {
    let doctor = doctor();
    let outcome = doctor.check(&["--debug-api", "debug.jsonl", "--format", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let lines = lines(&doctor);
    assert_eq!(operations(&lines), [("Environment", 1), ("Values", 1)]);
    let report: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(report["summary"]["requests"], 2, "recording sends no request");
    for line in &lines {
        assert_eq!((&line["status"], line.get("pending")), (&json!(200), None), "{line}");
        assert_eq!(line["headers"]["content-type"], "application/json");
        assert_eq!(line["headers"]["ratelimit-policy"], "q=10000;w=3600");
        assert!(line["started_at"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(line["started_ms"].is_u64() && line["duration_ms"].is_u64(), "{line}");
    }
    let node = &lines[0]["shape"]["data"]["environment"]["serviceInstances"]["edges"][0]["node"];
    assert_eq!((&node["serviceName"], &node["latestDeployment"]["status"]), (&json!("<string>"), &json!("SUCCESS")));
    let stored = lines[1]["shape"]["data"]["stored_0"].as_str().unwrap();
    assert!(stored.starts_with("<map of "), "{stored}");
}

#[test]
fn records_failed_attempts() {
    for (misbehaviour, class) in
        [(Misbehaviour::CloseBeforeResponse, "broken"), (Misbehaviour::Raw(b"not HTTP\r\n\r\n"), "broken")]
    {
        let doctor = doctor();
        doctor.served.misbehave(misbehaviour);
        doctor.check(&["--debug-api", "debug.jsonl"]);
        let lines = lines(&doctor);
        assert_eq!(operations(&lines), [("Environment", 1), ("Environment", 2), ("Values", 1)]);
        assert_eq!((&lines[0]["failure"], &lines[0]["status"]), (&json!(class), &Value::Null));
    }
    let doctor = doctor();
    let block = || Fault::reply(403, "error code: 1010").header("content-type", "text/plain; charset=UTF-8");
    doctor
        .served
        .sim
        .fault(block().header("cf-ray", "8a1f3c5d7e9b0a2c-SIN").header("server", "cloudflare").permanent());
    let outcome = doctor.check(&["--debug-api", "debug.jsonl"]);
    assert!(outcome.code == Some(5) && outcome.err.contains("with `--debug-api FILE`"), "{outcome:?}");
    let lines = lines(&doctor);
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["body"], &lines[0]["bytes"]), (&json!("error code: 1010"), &json!(16)));
    let headers = json!({ "cf-ray": "8a1f3c5d7e9b0a2c-SIN", "content-type": "text/plain", "server": "Cloudflare" });
    for (name, value) in headers.as_object().unwrap() {
        assert_eq!(&lines[0]["headers"][name], value);
    }
}

/// A response that has the marker in place of every string, name and number, where the type allows it.
fn planted() -> Value {
    let variables =
        json!({ "API_KEY": MARK, MARK: MARK, "SUCCESS": "SUCCESS", "N": 4711, "L": [MARK], "M": { MARK: MARK } });
    let deployment = json!({
        "id": MARK, "environmentId": MARK, "serviceId": MARK, "status": MARK, "createdAt": MARK, "statusUpdatedAt": MARK,
        "canRedeploy": MARK, "deploymentStopped": 4711, "meta": variables, "instances": [{ "status": MARK, MARK: MARK }],
        "__typename": MARK, "diagnosis": variables,
    });
    json!({
        "data": {
            "project": { "id": MARK, "name": MARK, "deletedAt": MARK, MARK: MARK },
            "environment": {
                "id": MARK, "projectId": MARK, "name": MARK, "config": { "services": { MARK: { "variables": variables } } },
                "serviceInstances": { "edges": [{ "node": {
                    "serviceId": MARK, "serviceName": MARK, "startCommand": MARK, "latestDeployment": deployment,
                    "activeDeployments": [deployment], "source": { "repo": MARK, "image": MARK }, "cronSchedule": MARK,
                    "domains": { "serviceDomains": [{ "domain": MARK }], "customDomains": [MARK] },
                } }], "pageInfo": { "hasNextPage": MARK, "endCursor": MARK } },
            },
            "stored_0": variables, "rendered_0": MARK, "snapshot_0": { "variables": variables, MARK: MARK },
            "staged": { "patch": variables, "lastAppliedError": MARK, "status": MARK, "appliedBy": { "email": MARK } },
            "deploymentLogs": [{ "message": MARK, "timestamp": MARK, "severity": MARK }], MARK: variables,
        },
        "errors": [{
            "message": format!("bad {MARK}"), "path": [MARK, "environment", 3], "traceId": MARK, "locations": MARK,
            "extensions": { "code": MARK, "traceId": MARK, "workspaceName": MARK, MARK: MARK }, MARK: MARK,
        }],
        "extensions": { "cost": MARK }, MARK: MARK,
    })
}

#[test]
fn no_secret_from_a_response_is_recorded() {
    let bodies = [
        planted().to_string(),
        json!([planted()]).to_string(),
        json!({ "data": MARK, "errors": MARK }).to_string(),
        json!({ "data": null, "errors": [MARK, [MARK], { "message": { MARK: MARK } }] }).to_string(),
        format!("{{\"data\": {{\"environment\": {{\"name\": \"{MARK}\", \"{MARK}"),
        format!("<html><title>{MARK}</title>"),
        format!("error code: 1010 {MARK}"),
        format!("\"{MARK}\""),
        MARK.to_owned(),
    ];
    let names = [
        "cf-ray",
        "content-type",
        "date",
        "location",
        "ratelimit-policy",
        "retry-after",
        "server",
        "set-cookie",
        "x-railway-edge",
        "x-railway-request-id",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
        "x-trace-id",
    ];
    for body in &bodies {
        for status in [200, 403, 500, 429] {
            let doctor = doctor();
            let fault = names.iter().fold(Fault::reply(status, body), |fault, name| fault.header(name, MARK));
            doctor.served.sim.fault(fault.permanent());
            doctor.check(&["--debug-api", "debug.jsonl", "--timeout", "700ms"]);
            assert!(!lines(&doctor).is_empty(), "{status} {body}");
            for mut line in lines(&doctor) {
                // Ports and times can contain the same digits.
                line.as_object_mut().unwrap().remove("host");
                line.as_object_mut().unwrap().remove("started_at");
                let text = line.to_string();
                assert!(!text.contains("mark") && !text.contains("4711"), "{status} {body}: recorded {text}");
            }
        }
    }
}

#[test]
fn neither_request_data_nor_token_is_recorded() {
    let doctor = doctor();
    let arguments = ["fix", "--push", "--yes", "--only", "STAGING_OPS_API_KEY", "--debug-api", "debug.jsonl"];
    let outcome = run(&doctor, &arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let text = fs::read_to_string(doctor.work().join("debug.jsonl")).unwrap();
    let lines = lines(&doctor);
    assert!(operations(&lines).contains(&("SetVariables", 1)) && operations(&lines).contains(&("Redeploy", 1)));
    for secret in [ACCOUNT_TOKEN, "staging-ops", "STAGING_OPS", "agentverse", "staging"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(lines.iter().all(|line| line.get("variables").is_none()));
}

#[test]
fn no_name_of_compared_environments_is_recorded() {
    let doctor = Doctor::new(storefront::estate()).file("doctor.toml", storefront::CONFIG_FILE);
    let outcome = run(&doctor, &["compare", "staging", "production", "--debug-api", "debug.jsonl"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let lines = lines(&doctor);
    assert_eq!(operations(&lines), [("ComparedEnvironments", 1), ("Values", 1)]);
    let text = fs::read_to_string(doctor.work().join("debug.jsonl")).unwrap();
    for name in
        [ACCOUNT_TOKEN, "storefront", "staging", "production", "Postgres", "worker", "celery", "PAYMENTS", "pay_"]
    {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

#[test]
fn neither_value_of_a_rotation_is_recorded() {
    let doctor = Doctor::new(rotation::estate()).file(".env", incident::ENV_FILE);
    let key = "STAGING_OPS_API_KEY";
    let traced = run(&doctor, &["trace", key, "--everywhere", "--yes", "--debug-api", "trace.jsonl"]);
    assert_eq!(traced.code, Some(0), "{traced:?}");
    let arguments = ["rotate", key, "--generate", "hex:32", "--all-copies", "--yes", "--debug-api", "debug.jsonl"];
    let outcome = run(&doctor, &arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines = lines(&doctor);
    let operations = operations(&lines);
    assert!(operations.contains(&("SetVariables", 1)) && operations.contains(&("Redeploy", 1)), "{operations:?}");
    let env_file = fs::read_to_string(doctor.work().join(".env")).unwrap();
    let new = env_file.lines().find_map(|line| line.strip_prefix("STAGING_OPS_API_KEY=")).unwrap();
    assert_eq!(new.len(), 64, "the file has the generated value");
    for file in ["trace.jsonl", "debug.jsonl"] {
        let text = fs::read_to_string(doctor.work().join(file)).unwrap();
        for secret in [ACCOUNT_TOKEN, "staging-ops", "c3RhZ2luZy1vcHM", "STAGING_OPS", "agentverse", "staging", new] {
            assert!(!text.contains(secret), "{secret} in {file}: {text}");
        }
    }
}

#[test]
fn interrupted_run_records_the_pending_request() {
    let doctor = doctor();
    doctor.served.misbehave_with("Values", Misbehaviour::Hang);
    let mut command: Command = doctor.command(&["--debug-api", "debug.jsonl"]);
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while !doctor.served.sim.requests().iter().any(|asked| asked.operation == "Environment")
        || doctor.served.received().len() < 2
    {
        assert!(start.elapsed() < Duration::from_secs(20), "no request for the values");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let lines = lines(&doctor);
    assert_eq!(operations(&lines), [("Environment", 1), ("Values", 1)]);
    assert_eq!((&lines[1]["pending"], lines[1].get("status")), (&json!(true), None));
}

#[test]
fn prefetched_requests_are_recorded() {
    let doctor = doctor();
    for (run, expected) in [(1, vec![("Environment", 1), ("Values", 1)]), (2, vec![("Environment", 1), ("Values", 1)])]
    {
        doctor.check(&["--debug-api", "debug.jsonl"]);
        let lines = lines(&doctor);
        assert_eq!(operations(&lines), expected, "run {run}");
        assert!(lines.iter().all(|line| line["status"] == 200), "run {run}: {lines:?}");
    }
}

#[test]
fn debug_file_never_replaces_an_input_and_may_be_empty() {
    let doctor = doctor().file("doctor.toml", "environment = \"staging\"\n").file("old.jsonl", "old\n");
    for (arguments, cause) in [
        (&["check", "--debug-api", ".env"][..], "this run reads it"),
        (&["check", "--debug-api", "doctor.toml"], "this run reads it"),
        (&["check", "--env-file", "old.jsonl", "--debug-api", "old.jsonl"], "this run reads it"),
        (&["check", "--output", "report", "--debug-api", "./report"], "the report is written there"),
        (&["check", "--debug-api", "/dev/null"], "a device"),
        (&["check", "--debug-api", "."], "directory"),
        (&["auth", "status", "--debug-api", "missing/debug.jsonl"], "no such file or directory"),
    ] {
        let outcome = run(&doctor, arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
        assert!(
            outcome.err.contains(" for --debug-api\n") && outcome.err.contains(cause),
            "{arguments:?}: {outcome:?}"
        );
    }
    assert_eq!(fs::read_to_string(doctor.work().join(".env")).unwrap(), incident::ENV_FILE);
    assert_eq!(doctor.served.sim.count(), 0, "no request was sent");
    assert_eq!(run(&doctor, &["explain", "--debug-api", "debug.jsonl"]).code, Some(0));
    assert_eq!(lines(&doctor), Vec::<Value>::new());
    assert_eq!(run(&doctor, &["demo", "check", "--debug-api", "debug.jsonl"]).code, Some(1));
    assert_eq!(
        operations(&lines(&doctor))[..2],
        [("Environment", 1), ("Values", 1)],
        "the demo's requests are recorded"
    );
}
