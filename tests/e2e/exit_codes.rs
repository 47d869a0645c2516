//! The exit codes of `doctor check`.

use railway_doctor::io::railway::transport::TransportFailure;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::fault::Fault;
use railway_doctor::io::sim::seed::{self, ACCOUNT_TOKEN, incident};

use crate::binary::{self, Doctor};
use crate::error_lines::is_error;
use crate::server::Misbehaviour;

fn incident() -> Doctor {
    Doctor::new(incident::estate()).file(".env", incident::ENV_FILE)
}

/// One service `api` with these variables.
fn api(variables: &[(&str, &str)]) -> Estate {
    let environment =
        Environment::named("production").service(SimService::named("api").repository("crew/shop").variables(variables));
    Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens()
}

#[test]
fn exit_0_means_all_values_agree() {
    let doctor = Doctor::new(api(&[("A", "1"), ("B", "2")])).file(".env", "A=1\nB=\"2\"\n");
    let outcome = doctor.check(&[]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.out.contains("All checks passed · 2 values compared · 2 requests"), "{outcome:?}");
    assert_eq!(doctor.served.sim.count(), 2);
}

#[test]
fn exit_1_means_findings() {
    let outcome = incident().check(&["--format", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let report = outcome.report();
    assert_eq!(report["summary"]["requests"], 2);
    let errors: Vec<&serde_json::Value> =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error").collect();
    assert_eq!(errors.len(), 2, "{report:#}");
    assert_eq!(
        (&errors[1]["rule"], &errors[1]["services"]),
        (&"stale-deployment".into(), &serde_json::json!(["agentverse-worker-staging"]))
    );
    assert_eq!(errors[0]["rule"], "value-differs");
    assert_eq!(errors[0]["key"], "STAGING_OPS_API_KEY");
    assert_eq!(errors[0]["services"], serde_json::json!(["agentverse-api-staging", "agentverse-worker-staging"]));
    assert_eq!(errors[0]["places"], serde_json::json!([{"file": ".env", "line": 6}]));
    let next: Vec<&str> = errors[0]["next"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    assert_eq!(next[..4], ["doctor", "fix", "--only", "STAGING_OPS_API_KEY"]);
    assert!(
        next.len() == 5 && next[4].starts_with("--api-url=http://127.0.0.1:"),
        "the command repeats --api-url: {next:?}"
    );
}

#[test]
fn fail_on_changes_only_the_exit_code() {
    let missing = || Doctor::new(api(&[("A", "1")])).file(".env", "A=1\nNEW_KEY=2\n");
    for (flag, code) in [("error", 0), ("warning", 1), ("note", 1), ("never", 0)] {
        let outcome = missing().check(&["--fail-on", flag]);
        assert_eq!(outcome.code, Some(code), "{flag}: {outcome:?}");
        assert!(outcome.out.contains("NEW_KEY"), "{flag}: {outcome:?}");
    }
    let configured = missing().file("doctor.toml", "fail-on = \"warning\"\n");
    assert_eq!(configured.check(&[]).code, Some(1));
    assert_eq!(configured.check(&["--fail-on", "error"]).code, Some(0), "a flag overrides doctor.toml");
    assert_eq!(configured.check(&["--no-config"]).code, Some(0));
    let incident = incident();
    assert_eq!(incident.check(&["--fail-on", "never"]).code, Some(0));
}

#[test]
fn exit_2_means_usage_or_configuration_error() {
    let doctor = || Doctor::new(api(&[("A", "1")])).file(".env", "A=1\n");
    let cases: Vec<(&str, Doctor, Vec<&str>, &str)> = vec![
        ("a flag", doctor(), vec!["--nope"], "--nope"),
        ("a format", doctor(), vec!["--format", "xml"], "xml"),
        ("a time", doctor(), vec!["--timeout", "soon"], "--timeout"),
        ("a service", doctor(), vec!["--service", "wep"], "unknown service `wep`"),
        ("a project", doctor(), vec!["--project", "shoq"], "project shoq: not found, or not visible to this token"),
        ("an environment", doctor(), vec!["-e", "prodcution"], "--environment=production"),
        ("a missing file", doctor(), vec!["--env-file", ".evn"], "failed to read .evn"),
        ("a directory", doctor().file("dir/x", ""), vec!["--env-file", "dir"], "a directory, not a file"),
        ("invalid UTF-8", doctor().file(".env", b"A=1\nB=\xff\n"), vec![], "line 2, column 3"),
        ("an invalid doctor.toml", doctor().file("doctor.toml", "a = [\n"), vec![], "doctor.toml:"),
        ("an unknown key", doctor().file("doctor.toml", "env-fiel = \".env\"\n"), vec![], "env-file"),
        ("a service in doctor.toml", doctor().file("doctor.toml", "[services.web]\n"), vec![], "doctor.toml:1"),
        ("another address", doctor(), vec!["--api-url", "http://example.com/"], "literal loopback addresses only"),
        ("values in a pipe", doctor(), vec!["--show-values"], "only in a terminal"),
        ("conflicting flags", doctor(), vec!["--no-config", "--config", "x"], "--config"),
    ];
    for (name, doctor, arguments, fragment) in cases {
        let outcome = doctor.check(&arguments);
        assert_eq!(outcome.code, Some(2), "{name}: {outcome:?}");
        assert!(outcome.err.contains(fragment), "{name}: {outcome:?}");
        assert_eq!(outcome.out, "", "{name}: standard output must be empty");
    }
    let no_file = Doctor::new(api(&[("A", "1")]));
    let outcome = no_file.check(&[]);
    assert!(outcome.code == Some(2) && outcome.err.contains("error: no .env in "), "{outcome:?}");
    assert_eq!(no_file.served.sim.count(), 0, "this needs no request");
}

#[test]
fn exit_3_means_nothing_was_compared() {
    for (name, estate, env_file, arguments) in [
        ("no key in common", api(&[("B", "1")]), "A=1\n", vec![]),
        ("no variables", api(&[]), "A=1\n", vec![]),
        ("an empty file", api(&[("A", "1")]), "", vec![]),
        ("a selected service without common keys", api(&[("B", "1")]), "A=1\n", vec!["--service", "api"]),
        ("a selected key that no service has", api(&[("A", "1")]), "A=1\nZ=1\n", vec!["--only", "Z"]),
        ("--fail-on never", api(&[("B", "1")]), "A=1\n", vec!["--fail-on", "never"]),
    ] {
        let outcome = Doctor::new(estate).file(".env", env_file).check(&arguments);
        assert_eq!(outcome.code, Some(3), "{name}: {outcome:?}");
        assert!(outcome.out.to_lowercase().contains("nothing was compared"), "{name}: {outcome:?}");
    }
    let sealed = Environment::named("production").service(SimService::named("api").sealed("A", "x"));
    let estate = Estate::of("crew").project(Project::named("shop").environment(sealed)).with_tokens();
    let outcome = Doctor::new(estate).file(".env", "A=x\n").check(&[]);
    assert_eq!(outcome.code, Some(3), "sealed variables are not compared: {outcome:?}");
}

#[test]
fn exit_4_means_missing_or_refused_credentials() {
    for (name, variables, fragment) in [
        ("none", [("RAILWAY_API_TOKEN", None), ("X", None)], "no Railway credentials"),
        ("empty", [("RAILWAY_API_TOKEN", Some("")), ("X", None)], "no Railway credentials"),
        (
            "unknown",
            [("RAILWAY_API_TOKEN", Some("11111111-0000-4000-8000-000000000000")), ("X", None)],
            "rejected the token",
        ),
        ("malformed", [("RAILWAY_API_TOKEN", Some("two words")), ("X", None)], "is malformed"),
        (
            "of the wrong kind",
            [("RAILWAY_API_TOKEN", None), ("RAILWAY_TOKEN", Some(ACCOUNT_TOKEN))],
            "set RAILWAY_API_TOKEN to this token",
        ),
    ] {
        let doctor = variables
            .into_iter()
            .fold(Doctor::new(api(&[("A", "1")])).file(".env", "A=1\n"), |doctor, (name, value)| {
                doctor.variable(name, value)
            });
        let outcome = doctor.check(&[]);
        assert_eq!(outcome.code, Some(4), "{name}: {outcome:?}");
        let lines: Vec<&str> = outcome.err.lines().collect();
        assert!(outcome.err.contains(fragment) && is_error(&lines), "{name}: {outcome:?}");
    }
}

#[test]
fn exit_5_means_railway_is_unreachable() {
    let doctor = || Doctor::new(api(&[("A", "1")])).file(".env", "A=1\n");
    let reset = doctor();
    reset.served.sim.fault(Fault::failure(TransportFailure::Broken("reset".into())).permanent());
    let limited = doctor();
    limited.served.sim.fault(Fault::reply(429, "").header("retry-after", "600").permanent());
    let page = doctor();
    page.served.sim.fault(Fault::reply(200, "<html>").header("content-type", "text/html").permanent());
    for (name, doctor, fragment) in
        [("reset", reset, "failed to connect"), ("limited", limited, "a wait of 10 min"), ("a page", page, "web page")]
    {
        let outcome = doctor.check(&["--timeout", "3s"]);
        assert_eq!(outcome.code, Some(5), "{name}: {outcome:?}");
        assert!(outcome.err.contains(fragment), "{name}: {outcome:?}");
    }
    let hanging = doctor();
    hanging.served.misbehave(Misbehaviour::Hang);
    let outcome = hanging.check(&["--timeout", "700ms"]);
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert!(outcome.err.contains("within 0.7 s"), "{outcome:?}");
}

#[test]
fn unreadable_service_changes_the_exit_code_and_keeps_findings() {
    let doctor = incident();
    let worker = doctor.served.sim.change(|estate| {
        let services = &estate.projects[0].environments[0].services;
        services.iter().find(|service| service.name.contains("worker")).unwrap().id.clone()
    });
    doctor.served.sim.fault(Fault::service(&worker, "Not Authorized").permanent());
    let outcome = doctor.check(&["--format", "json"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    let report = outcome.report();
    assert_eq!(report["services"][0]["error"], serde_json::Value::Null);
    assert!(report["services"][1]["error"].as_str().unwrap().contains("has no access to"), "{report:#}");
    assert_eq!(report["findings"][0]["services"], serde_json::json!(["agentverse-api-staging"]));
}

#[cfg(unix)]
#[test]
fn exit_130_means_interrupted() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let doctor = incident();
        doctor.served.misbehave(Misbehaviour::Hang);
        let child = doctor.command(&[]).spawn().unwrap();
        while doctor.served.received().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let outcome = binary::outcome(child.wait_with_output().unwrap());
        assert_eq!(outcome.code, Some(130), "{signal} {outcome:?}");
        assert_eq!(outcome.err, "doctor: interrupted; nothing was changed\n", "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn interrupted_demo_finishes_the_current_step() {
    use std::io::{BufRead, BufReader, Read};

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.arg("demo").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut stderr = String::new();
    while !stderr.contains("BUILDING") {
        assert_ne!(err.read_line(&mut stderr).unwrap(), 0, "{stderr}");
    }
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    err.read_to_string(&mut stderr).unwrap();
    let outcome = binary::outcome(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, Some(130), "{outcome:?}");
    assert!(stderr.contains("finishing this step"), "{stderr}");
    assert!(outcome.out.contains("unknown  redeploy"), "{outcome:?}");
    let closing = ["Both services now run", "Try it yourself"];
    assert!(closing.iter().all(|text| !outcome.out.contains(text)), "{outcome:?}");
}

#[test]
fn fifty_named_services_take_at_most_four_requests() {
    let (estate, env_file) = seed::generate(50, 40);
    let doctor = Doctor::with_sim(Sim::new(estate)).file(".env", env_file);
    let names: Vec<String> = doctor.served.sim.change(|estate| {
        estate.projects[0].environments[0]
            .services
            .iter()
            .map(|service| format!("--service={}", service.name))
            .collect()
    });
    let mut arguments: Vec<&str> = names.iter().map(String::as_str).collect();
    arguments.extend(["--format", "json"]);
    let outcome = doctor.check(&arguments);
    let report = outcome.report();
    assert_eq!(report["services"].as_array().unwrap().len(), 50, "{outcome:?}");
    assert_eq!(report["summary"]["requests"], 4);
    assert_eq!(doctor.served.sim.count(), 4);
}
