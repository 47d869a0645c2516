//! `doctor trace`: its exit codes, a part that can't be read, and what it neither writes nor starts.

use std::process::Command;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::fault::Fault;
use serde_json::Value;

use crate::binary::{Doctor, Outcome, outcome};
use crate::error_lines::is_error;
use crate::server::Misbehaviour;

const VALUE: &str = "kV93xLq0wMn72RbYcJd5";

/// The value is on two services of staging, and on one of production.
fn shop() -> Doctor {
    let service = |name: &str, variables: &[(&str, &str)]| SimService::named(name).variables(variables);
    let url = format!("https://example.com/hook?key={VALUE}");
    let staging = Environment::named("staging")
        .shared(&[("SHARED_KEY", VALUE)])
        .service(service("api", &[("API_KEY", VALUE), ("EMPTY", ""), ("SHORT", "abc123"), ("KEPT", "op://vault/x/y")]))
        .service(service("worker", &[("CALLBACK_URL", &url), ("OTHER", "one")]).sealed("SEALED", "x"))
        .service(service("web", &[("OTHER", "two")]));
    let production = Environment::named("production").service(service("api", &[("LIVE_KEY", VALUE)]));
    let project = Project::named("shop").environment(staging).environment(production);
    Doctor::new(Estate::of("crew").project(project).with_tokens())
}

fn trace(doctor: &Doctor, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["trace", "--api-url", &doctor.served.url()]).args(arguments);
    doctor.prepare(&mut command);
    outcome(command.output().unwrap())
}

/// The keys of the places in a JSON report.
fn keys(report: &Value) -> Vec<&str> {
    report["trace"]["places"].as_array().unwrap().iter().map(|place| place["key"].as_str().unwrap()).collect()
}

#[test]
fn exit_code_depends_on_the_value_and_not_on_the_places() {
    let doctor = shop().file(".env", format!("API_KEY={VALUE}\nUNUSED_KEY=Zq8vT3nLr6XwPk2JmB9s\n"));
    for (arguments, code) in [
        (&["API_KEY"][..], 0),
        (&["UNUSED_KEY"], 0),
        (&["LIVE_KEY", "--environment=production"], 0),
        (&["NOWHERE"], 2),
        (&["SHORT"], 2),
        (&["OTHER"], 2),
        (&["API_KEY", "--from=web"], 2),
        (&["API_KEY", "--from=nobody"], 2),
        (&["API_KEY", "--service=nobody"], 2),
        (&["API_KEY", "--everywhere"], 2),
        (&["API_KEY", "--everywhere", "--service=api"], 2),
        (&["API_KEY=value"], 2),
        (&[], 2),
        (&["EMPTY"], 3),
        (&["SEALED"], 3),
        (&["KEPT"], 3),
    ] {
        for format in [&[][..], &["--format=json"], &["--format=junit"]] {
            let outcome = trace(&doctor, &[arguments, format].concat());
            assert_eq!(outcome.code, Some(code), "{arguments:?} {format:?}: {outcome:?}");
            let lines: Vec<&str> = outcome.err.lines().collect();
            let is_usage_error = outcome.err.contains("\nUsage: doctor trace ");
            let is_one_error = is_error(&lines) || is_usage_error || format == ["--format=json"] && lines.len() == 1;
            assert!(code == 0 || is_one_error && outcome.out.is_empty(), "{arguments:?} {format:?}: {outcome:?}");
            assert!(!outcome.out.contains(VALUE) && !outcome.err.contains(VALUE), "{arguments:?}: {outcome:?}");
        }
    }
    assert!(doctor.served.sim.mutations().is_empty());
}

#[test]
fn three_requests_search_an_environment() {
    let doctor = shop().file(".env", format!("API_KEY={VALUE}\n"));
    let outcome = trace(&doctor, &["API_KEY", "--format=json"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
    assert_eq!(keys(&outcome.report()), ["API_KEY", "SHARED_KEY", "API_KEY", "CALLBACK_URL"], "{outcome:?}");
    assert!(doctor.served.sim.count() <= 3, "{} requests", doctor.served.sim.count());
}

#[test]
fn unreadable_service_changes_the_exit_code_and_keeps_the_other_places() {
    let doctor = shop().file(".env", format!("API_KEY={VALUE}\n"));
    let worker = doctor
        .served
        .sim
        .change(|estate| estate.projects[0].environments[0].service_named("worker").unwrap().id.clone());
    doctor.served.sim.fault(Fault::service(&worker, "Not Authorized").permanent());
    let outcome = trace(&doctor, &["API_KEY", "--format=json"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    let report = outcome.report();
    assert_eq!(keys(&report), ["API_KEY", "SHARED_KEY", "API_KEY"], "{outcome:?}");
    assert_eq!(report["trace"]["complete"], false);
    assert_eq!(report["trace"]["unsearched"][0]["service"], "worker", "{outcome:?}");
    let text = trace(&doctor, &["API_KEY"]);
    assert!(text.code == Some(4) && text.out.contains("worker"), "{text:?}");
}

#[test]
fn unreachable_railway_is_an_error() {
    let doctor = shop().file(".env", format!("API_KEY={VALUE}\n"));
    doctor.served.misbehave(Misbehaviour::Hang);
    let outcome = trace(&doctor, &["API_KEY", "--timeout=700ms"]);
    assert!(outcome.code == Some(5) && outcome.out.is_empty(), "{outcome:?}");
    let logged_out = shop().variable("RAILWAY_API_TOKEN", None);
    assert_eq!(trace(&logged_out, &["API_KEY"]).code, Some(4));
}

#[test]
fn other_environments_are_searched_only_with_consent() {
    let doctor = shop().file(".env", format!("API_KEY={VALUE}\n"));
    let outcome = trace(&doctor, &["API_KEY", "--everywhere"]);
    assert!(outcome.code == Some(2) && outcome.out.is_empty(), "{outcome:?}");
    assert!(outcome.err.contains("--everywhere --yes"), "{outcome:?}");
    let outcome = trace(&doctor, &["API_KEY", "--everywhere", "--yes", "--format=json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(keys(&outcome.report()).contains(&"LIVE_KEY"), "{outcome:?}");
}

#[test]
fn search_changes_no_file_and_sends_no_mutation() {
    let doctor = shop().file("doctor.toml", "# nothing\n").file(".env", format!("API_KEY={VALUE}\n"));
    let outcome = trace(&doctor, &["API_KEY", "-v", "--everywhere", "--yes"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let mut names: Vec<String> = std::fs::read_dir(doctor.work())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".env", "doctor.toml"]);
    assert!(doctor.served.sim.mutations().is_empty());
}

#[test]
fn demo_traces_without_credentials() {
    let doctor = shop().variable("RAILWAY_API_TOKEN", None);
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["demo", "trace", "--format", "json"]);
    doctor.prepare(&mut command);
    let outcome = outcome(command.output().unwrap());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.report()["target"]["project"]["name"], "agentverse");
    assert_eq!(doctor.served.sim.count(), 0);
}

#[cfg(unix)]
#[test]
fn interrupted_search_exits_with_130() {
    for (words, operation) in
        [(&["API_KEY"][..], "Values"), (&["API_KEY", "--everywhere", "--yes"], "EnvironmentBatch")]
    {
        let doctor = shop().file(".env", format!("API_KEY={VALUE}\n"));
        doctor.served.misbehave_with(operation, Misbehaviour::Hang);
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        command.args(["trace", "--api-url", &doctor.served.url()]).args(words);
        doctor.prepare(&mut command);
        let child = command.spawn().unwrap();
        let start = Instant::now();
        while !doctor.served.sim.requests().iter().any(|asked| asked.operation == operation) {
            assert!(start.elapsed() < Duration::from_secs(20), "{words:?}: {:?}", doctor.served.sim.requests());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let outcome = outcome(child.wait_with_output().unwrap());
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(130), ""), "{words:?}: {outcome:?}");
        assert!(outcome.err.ends_with("doctor: interrupted; nothing was changed\n"), "{words:?}: {outcome:?}");
    }
}
