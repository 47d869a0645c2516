//! Every exit code that `check` can give, by the binary itself.

use railway_doctor::io::railway::transport::TransportFailure;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::fault::Fault;
use railway_doctor::io::sim::seed::{self, ACCOUNT_TOKEN, incident};

use crate::binary::Doctor;
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
    let ended = doctor.check(&[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.contains("All 2 values agree"), "{ended:?}");
    assert_eq!(doctor.served.sim.count(), 2);
}

#[test]
fn exit_1_means_findings() {
    let ended = incident().check(&["--format", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = ended.report();
    assert_eq!(report["summary"]["requests"], 2);
    let found: Vec<&serde_json::Value> =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error").collect();
    assert_eq!(found.len(), 2, "{report:#}");
    assert_eq!(
        (&found[1]["rule"], &found[1]["services"]),
        (&"stale-deployment".into(), &serde_json::json!(["agentverse-worker-staging"]))
    );
    assert_eq!(found[0]["rule"], "value-differs");
    assert_eq!(found[0]["key"], "STAGING_OPS_API_KEY");
    assert_eq!(found[0]["services"], serde_json::json!(["agentverse-api-staging", "agentverse-worker-staging"]));
    assert_eq!(found[0]["places"], serde_json::json!([{"file": ".env", "line": 6}]));
    let next: Vec<&str> = found[0]["next"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    assert_eq!(next[..4], ["doctor", "fix", "--only", "STAGING_OPS_API_KEY"]);
    assert!(next.len() == 5 && next[4].starts_with("--api-url=http://127.0.0.1:"), "the same Railway: {next:?}");
}

#[test]
fn fail_on_changes_the_exit_code_and_hides_nothing() {
    let missing = || Doctor::new(api(&[("A", "1")])).file(".env", "A=1\nNEW_THING=2\n");
    for (flag, code) in [("error", 0), ("warning", 1), ("note", 1), ("never", 0)] {
        let ended = missing().check(&["--fail-on", flag]);
        assert_eq!(ended.code, Some(code), "{flag}: {ended:?}");
        assert!(ended.out.contains("NEW_THING"), "{flag}: {ended:?}");
    }
    let configured = missing().file("doctor.toml", "fail-on = \"warning\"\n");
    assert_eq!(configured.check(&[]).code, Some(1));
    assert_eq!(configured.check(&["--fail-on", "error"]).code, Some(0), "a flag wins over the file");
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
        ("a service", doctor(), vec!["--service", "wep"], "there is no service wep"),
        ("a project", doctor(), vec!["--project", "shoq"], "project shoq: not found, or not visible to this token"),
        ("an environment", doctor(), vec!["-e", "prodcution"], "--environment=production"),
        ("a missing file", doctor(), vec!["--env-file", ".evn"], "can't read .evn"),
        ("a folder", doctor().file("dir/x", ""), vec!["--env-file", "dir"], "a folder, not a file"),
        ("no UTF-8", doctor().file(".env", b"A=1\nB=\xff\n"), vec![], "line 2, column 3"),
        ("a broken doctor.toml", doctor().file("doctor.toml", "a = [\n"), vec![], "doctor.toml:"),
        ("an unknown key", doctor().file("doctor.toml", "env-fiel = \".env\"\n"), vec![], "env-file"),
        ("a service in doctor.toml", doctor().file("doctor.toml", "[services.web]\n"), vec![], "doctor.toml:1"),
        ("another address", doctor(), vec!["--api-url", "http://example.com/"], "literal loopback addresses only"),
        ("values in a pipe", doctor(), vec!["--show-values"], "on a terminal only"),
        ("both configurations", doctor(), vec!["--no-config", "--config", "x"], "--config"),
    ];
    for (name, doctor, arguments, word) in cases {
        let ended = doctor.check(&arguments);
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(ended.err.contains(word), "{name}: {ended:?}");
        assert_eq!(ended.out, "", "{name}: standard output is for results");
    }
    let nothing = Doctor::new(api(&[("A", "1")]));
    let ended = nothing.check(&[]);
    assert!(ended.code == Some(2) && ended.err.contains("there is no .env here"), "{ended:?}");
    assert_eq!(nothing.served.sim.count(), 0, "Railway need not be asked for that");
}

#[test]
fn exit_3_means_nothing_was_compared() {
    for (name, estate, env_file, arguments) in [
        ("no key in common", api(&[("B", "1")]), "A=1\n", vec![]),
        ("no variables at all", api(&[]), "A=1\n", vec![]),
        ("an empty file", api(&[("A", "1")]), "", vec![]),
        ("a named service without common keys", api(&[("B", "1")]), "A=1\n", vec!["--service", "api"]),
        ("only a key that no service has", api(&[("A", "1")]), "A=1\nZ=1\n", vec!["--only", "Z"]),
        ("never is no green", api(&[("B", "1")]), "A=1\n", vec!["--fail-on", "never"]),
    ] {
        let ended = Doctor::new(estate).file(".env", env_file).check(&arguments);
        assert_eq!(ended.code, Some(3), "{name}: {ended:?}");
        assert!(ended.out.to_lowercase().contains("nothing was compared"), "{name}: {ended:?}");
    }
    let sealed = Environment::named("production").service(SimService::named("api").sealed("A", "x"));
    let estate = Estate::of("crew").project(Project::named("shop").environment(sealed)).with_tokens();
    let ended = Doctor::new(estate).file(".env", "A=x\n").check(&[]);
    assert_eq!(ended.code, Some(3), "sealed is not compared: {ended:?}");
}

#[test]
fn exit_4_means_missing_or_refused_credentials() {
    for (name, variables, word) in [
        ("none", [("RAILWAY_API_TOKEN", None), ("X", None)], "no Railway credentials"),
        ("empty", [("RAILWAY_API_TOKEN", Some("")), ("X", None)], "no Railway credentials"),
        (
            "unknown",
            [("RAILWAY_API_TOKEN", Some("11111111-0000-4000-8000-000000000000")), ("X", None)],
            "refused the token",
        ),
        ("malformed", [("RAILWAY_API_TOKEN", Some("two words")), ("X", None)], "is not a token"),
        (
            "of the wrong kind",
            [("RAILWAY_API_TOKEN", None), ("RAILWAY_TOKEN", Some(ACCOUNT_TOKEN))],
            "put it into RAILWAY_API_TOKEN",
        ),
    ] {
        let doctor = variables
            .into_iter()
            .fold(Doctor::new(api(&[("A", "1")])).file(".env", "A=1\n"), |doctor, (name, value)| {
                doctor.variable(name, value)
            });
        let ended = doctor.check(&[]);
        assert_eq!(ended.code, Some(4), "{name}: {ended:?}");
        assert!(ended.err.contains(word) && ended.err.lines().count() == 3, "{name}: {ended:?}");
    }
}

#[test]
fn exit_5_means_railway_is_unreachable() {
    let doctor = || Doctor::new(api(&[("A", "1")])).file(".env", "A=1\n");
    let reset = doctor();
    reset.served.sim.fault(Fault::failure(TransportFailure::Broken("reset".into())).for_ever());
    let limited = doctor();
    limited.served.sim.fault(Fault::reply(429, "").header("retry-after", "600").for_ever());
    let page = doctor();
    page.served.sim.fault(Fault::reply(200, "<html>").header("content-type", "text/html").for_ever());
    for (name, doctor, word) in
        [("reset", reset, "can't reach"), ("limited", limited, "600 s"), ("a page", page, "web page")]
    {
        let ended = doctor.check(&["--timeout", "3s"]);
        assert_eq!(ended.code, Some(5), "{name}: {ended:?}");
        assert!(ended.err.contains(word), "{name}: {ended:?}");
    }
    let hanging = doctor();
    hanging.served.misbehave(Misbehaviour::Hang);
    let ended = hanging.check(&["--timeout", "700ms"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.err.contains("within 0.7 s"), "{ended:?}");
}

#[test]
fn unreadable_service_sets_the_exit_code_and_hides_nothing() {
    let doctor = incident();
    let worker = doctor.served.sim.change(|estate| {
        let services = &estate.projects[0].environments[0].services;
        services.iter().find(|service| service.name.contains("worker")).unwrap().id.clone()
    });
    doctor.served.sim.fault(Fault::service(&worker, "Not Authorized").for_ever());
    let ended = doctor.check(&["--format", "json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let report = ended.report();
    assert_eq!(report["services"][0]["error"], serde_json::Value::Null);
    assert!(report["services"][1]["error"].as_str().unwrap().contains("may not see"), "{report:#}");
    assert_eq!(report["findings"][0]["services"], serde_json::json!(["agentverse-api-staging"]));
}

#[cfg(unix)]
#[test]
fn exit_130_means_interrupted() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let doctor = incident();
        doctor.served.misbehave(Misbehaviour::Hang);
        let child = doctor.command(&[]).spawn().unwrap();
        while doctor.served.heard().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let ended = crate::binary::ended(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(130), "{signal} {ended:?}");
        assert_eq!(ended.err, "doctor: interrupted; nothing was changed\n", "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn interrupted_demo_ends_after_the_current_step() {
    use std::io::{BufRead, BufReader, Read};

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.arg("demo").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("BUILDING") {
        assert_ne!(err.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    err.read_to_string(&mut said).unwrap();
    let ended = crate::binary::ended(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(said.contains("finishing this step"), "{said}");
    assert!(ended.out.contains("unknown  redeploy") && !ended.out.contains("again:\n\n"), "{ended:?}");
    assert!(!ended.out.contains("All 2 values agree") && !ended.out.contains("Try it yourself"), "{ended:?}");
}

#[test]
fn fifty_named_services_take_at_most_four_requests() {
    let (estate, env_file) = seed::generate(50, 40);
    let doctor = Doctor::beside(Sim::new(estate)).file(".env", env_file);
    let names: Vec<String> = doctor.served.sim.change(|estate| {
        estate.projects[0].environments[0]
            .services
            .iter()
            .map(|service| format!("--service={}", service.name))
            .collect()
    });
    let mut arguments: Vec<&str> = names.iter().map(String::as_str).collect();
    arguments.extend(["--format", "json"]);
    let ended = doctor.check(&arguments);
    let report = ended.report();
    assert_eq!(report["services"].as_array().unwrap().len(), 50, "{ended:?}");
    assert_eq!(report["summary"]["requests"], 4);
    assert_eq!(doctor.served.sim.count(), 4);
}
