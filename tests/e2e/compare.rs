//! `doctor compare`: its exit codes, an environment that can't be read, and what it neither writes nor starts.

use std::process::Command;

use railway_doctor::io::railway::transport::TransportFailure;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimAccess, SimService, TokenScope};
use railway_doctor::io::sim::fault::Fault;
use railway_doctor::io::sim::seed::{PROJECT_TOKEN, storefront};
use serde_json::Value;

use crate::binary::{Doctor, Outcome, outcome};
use crate::error_lines::is_error;
use crate::server::Misbehaviour;

/// The project token of production.
const PRODUCTION_TOKEN: &str = "5e1d0000-9201-4000-8000-000000000005";

const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

/// Each service has the same secret in both environments, and only staging has `DEBUG`.
fn shop() -> Doctor {
    let [secret, other] = [("JWT_SECRET", "pq7Zr4Tk9WmX2cVb8NsL5f"), ("QUEUE_SECRET", "hW3nYt6LsKc9Qe4RvB8mJz")];
    let service = |name: &str, variables: &[(&str, &str)]| SimService::named(name).variables(variables);
    with_environments([
        vec![service("api", &[secret, ("DEBUG", "1"), ("MODE", "a")]), service("worker", &[other, ("QUEUE", "q")])],
        vec![service("api", &[secret, ("MODE", "b")]), service("worker", &[other, ("QUEUE", "q")])],
    ])
}

/// A project with a project token for each of its two environments.
fn with_environments([staging, production]: [Vec<SimService>; 2]) -> Doctor {
    let environment =
        |name, services: Vec<SimService>| services.into_iter().fold(Environment::named(name), Environment::service);
    let project = Project::named("shop").environment(environment("staging", staging));
    let project = project.environment(environment("production", production));
    let estate = Estate::of("crew").project(project).with_tokens();
    let project = &estate.projects[0];
    let (id, environment) = (project.id.clone(), project.environments[1].id.clone());
    Doctor::new(estate.token(PRODUCTION_TOKEN, TokenScope::Project { project: id, environment }))
}

fn compare(doctor: &Doctor, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["compare", "--api-url", &doctor.served.url()]).args(arguments);
    doctor.prepare(&mut command);
    outcome(command.output().unwrap())
}

fn compare_both(doctor: &Doctor, arguments: &[&str]) -> Outcome {
    compare(doctor, &[&ENVIRONMENTS, arguments].concat())
}

/// Returns the ids of an environment, and of a service in it.
fn ids(doctor: &Doctor, environment: usize, service: &str) -> [String; 2] {
    doctor.served.sim.change(|estate| {
        let environment = &mut estate.projects[0].environments[environment];
        [environment.id.clone(), environment.service_named(service).unwrap().id.clone()]
    })
}

/// Returns the rules of the findings about a service.
fn rules_of(report: &Value, service: &str) -> Vec<String> {
    let is_about = |finding: &&Value| finding["services"].as_array().unwrap().contains(&service.into());
    let findings = report["findings"].as_array().unwrap().iter().filter(is_about);
    findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn exit_code_depends_on_findings() {
    let doctor = shop();
    let outcome = compare_both(&doctor, &[]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""), "{outcome:?}");
    assert_eq!(doctor.served.sim.count(), 2, "both environments take two requests");
    for (arguments, code) in [
        (&["--fail-on", "never"][..], 0),
        (&["--only", "DEBUG"], 3),
        (&["--only", "DEBUG", "--only", "MODE"], 0),
        (&["--only", "DEBUG", "--fail-on", "warning"], 1),
        (&["--only", "MODE", "--fail-on", "note"], 0),
        (&["--service", "worker", "--only", "QUEUE"], 0),
    ] {
        let outcome = compare_both(&doctor, arguments);
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(code), ""), "{arguments:?}: {outcome:?}");
    }
    let reversed = compare(&doctor, &["production", "staging"]);
    assert_eq!(reversed.code, Some(1), "{reversed:?}");
}

#[test]
fn exit_2_means_usage_or_configuration_error() {
    let production = ids(&shop(), 1, "api")[0].clone();
    for (arguments, fragment) in [
        (&["staging"][..], "ENVIRONMENT"),
        (&["staging", "staging"], "environment staging is named twice"),
        (&["production", production.as_str()], "environment production is named twice"),
        (&["staging", "prodction"], "did you mean `production`?"),
        (&["staging", "production", "--service", "wep"], "unknown service `wep`"),
        (&["staging", "production", "--only", "NOPE"], "NOPE"),
        (&["staging", "production", "--show-values"], "--show-values"),
        (&["staging", "production", "--token", "preview=T"], "--token names an environment that is not compared"),
        (&["staging", "production", "--env-file", ".env"], "--env-file"),
        (&["staging", "production", "-e", "staging"], "-e"),
    ] {
        let outcome = compare(&shop(), arguments);
        assert!(outcome.code == Some(2) && outcome.err.contains(fragment), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.out, "", "{arguments:?}: standard output must be empty");
    }
    let invalid = shop().file("doctor.toml", "[[across]]\nkeys = [\"A\"]\nmust = \"match\"\n");
    let outcome = compare_both(&invalid, &[]);
    assert!(outcome.code == Some(2) && outcome.err.contains("doctor.toml:3"), "{outcome:?}");
    assert_eq!(invalid.served.sim.count(), 0);
}

#[test]
fn exit_3_means_nothing_was_compared() {
    let api = |variables: &[(&str, &str)]| vec![SimService::named("api").variables(variables)];
    for (name, sides) in [
        ("no variables", [api(&[]), api(&[])]),
        ("no services", [Vec::new(), Vec::new()]),
        ("only sealed variables", [(); 2].map(|()| vec![SimService::named("api").sealed("A", "x")])),
    ] {
        let outcome = compare_both(&with_environments(sides), &[]);
        assert_eq!(outcome.code, Some(3), "{name}: {outcome:?}");
        assert!(outcome.out.to_lowercase().contains("nothing was compared"), "{name}: {outcome:?}");
    }
}

#[test]
fn exit_4_means_missing_or_refused_credentials() {
    let with_tokens = |tokens: &[(&str, Option<&str>)]| {
        tokens.iter().fold(shop(), |doctor, (name, token)| doctor.variable(name, *token))
    };
    let none = ("RAILWAY_API_TOKEN", None);
    let (of_staging, of_production) = (("RAILWAY_TOKEN", Some(PROJECT_TOKEN)), ("OTHER", Some(PRODUCTION_TOKEN)));
    for (name, tokens, arguments, code, fragment) in [
        ("none", &[none][..], &[][..], 4, "no Railway credentials"),
        ("one project token", &[none, of_staging], &[], 4, "the project token from RAILWAY_TOKEN reaches only"),
        ("an unset variable", &[none, of_staging], &["--token=production=OTHER"], 4, "OTHER, which --token names"),
        (
            "swapped tokens",
            &[none, of_staging, of_production],
            &["--token=staging=OTHER", "--token=production=RAILWAY_TOKEN"],
            4,
            "is not for environment",
        ),
        (
            "an unknown token",
            &[none, of_staging, ("OTHER", Some("5e1d0000-9201-4000-8000-00000000000f"))],
            &["--token=production=OTHER"],
            4,
            "Railway rejected the token from OTHER",
        ),
        ("a token for each", &[none, of_staging, of_production], &["--token=production=OTHER"], 1, ""),
        ("an account token and a project token", &[of_production], &["--token=production=OTHER"], 1, ""),
    ] {
        let doctor = with_tokens(tokens);
        let outcome = compare_both(&doctor, arguments);
        assert!(outcome.code == Some(code) && outcome.err.contains(fragment), "{name}: {outcome:?}");
        if code == 4 {
            let lines: Vec<&str> = outcome.err.lines().collect();
            assert!(is_error(&lines) && outcome.out.is_empty(), "{name}: {outcome:?}");
        }
        for token in [PROJECT_TOKEN, PRODUCTION_TOKEN] {
            assert!(!format!("{outcome:?}").contains(token), "{name}: {outcome:?}");
        }
    }
}

/// An environment that can't be read is an error, never a difference.
#[test]
fn unreadable_environment_is_an_error_without_a_finding() {
    let restricted = || {
        let doctor = shop();
        doctor.served.sim.change(|estate| estate.projects[0].environments[1].access = SimAccess::Administrators);
        doctor
    };
    let faulty = |fault: Fault| {
        let doctor = shop();
        doctor.served.sim.fault(fault.on("Values").permanent());
        doctor
    };
    let reset = Fault::failure(TransportFailure::Broken("reset".into()));
    for (name, doctor, code, timeout) in [
        ("no access", restricted(), 4, "20s"),
        ("a refusal", faulty(Fault::refusal("Not Authorized")), 4, "20s"),
        ("a reset", faulty(reset), 5, "300ms"),
        ("a server error", faulty(Fault::reply(503, "")), 5, "300ms"),
    ] {
        for format in ["text", "json"] {
            let outcome = compare_both(&doctor, &["--format", format, "--timeout", timeout]);
            assert!(outcome.code == Some(code) && outcome.out.is_empty(), "{name}, {format}: {outcome:?}");
        }
    }
    let hanging = shop();
    hanging.served.misbehave_with("Values", Misbehaviour::Hang);
    let outcome = compare_both(&hanging, &["--timeout", "700ms"]);
    assert!(outcome.code == Some(5) && outcome.out.is_empty(), "{outcome:?}");
}

#[test]
fn service_that_is_unreadable_in_one_environment_has_no_finding() {
    for (side, environment) in ENVIRONMENTS.iter().enumerate() {
        let doctor = shop();
        let [id, api] = ids(&doctor, side, "api");
        doctor.served.sim.fault(Fault::service_in(&id, &api, "Not Authorized").permanent());
        let outcome = compare_both(&doctor, &["--format", "json"]);
        assert_eq!(outcome.code, Some(4), "{outcome:?}");
        let report = outcome.report();
        let error = report["services"].as_array().unwrap().iter().find(|service| service["name"] == "api").unwrap();
        let error = error["error"].as_str().unwrap();
        assert!(error.starts_with(&format!("{environment}: ")), "{error}");
        let rules = rules_of(&report, "api");
        assert!(rules.is_empty(), "{environment}: findings about a service that could not be read: {rules:?}");
        assert_eq!(rules_of(&report, "worker"), ["secret-shared"], "the other service is compared: {report:#}");
        for format in ["text", "sarif", "github", "junit", "markdown", "html"] {
            let outcome = compare_both(&doctor, &["-v", "--format", format]);
            assert_eq!(outcome.code, Some(4), "{format}: {outcome:?}");
            assert!(!outcome.out.contains("DEBUG is set"), "{format}: {outcome:?}");
        }
    }
}

/// A failure for one of two tokens ends the run.
#[test]
fn unreachable_second_token_is_an_error() {
    let doctor = shop().variable("OTHER", Some(PRODUCTION_TOKEN));
    doctor.served.sim.fault(Fault::reply(502, "").on("EnvironmentByToken").permanent());
    let outcome = compare_both(&doctor, &["--token=production=OTHER", "--timeout=1s"]);
    assert!(outcome.code == Some(5) && outcome.out.is_empty(), "{outcome:?}");
}

#[test]
fn demo_compares_without_credentials() {
    let (doctor, seed) = (shop().variable("RAILWAY_API_TOKEN", None), storefront::estate());
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["demo", "compare", "--format", "json"]);
    doctor.prepare(&mut command);
    let outcome = outcome(command.output().unwrap());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(outcome.report()["target"]["project"]["name"], seed.projects[0].name);
    assert_eq!(doctor.served.sim.count(), 0);
}

#[test]
fn comparison_changes_no_file_and_sends_no_mutation() {
    let doctor = shop().file("doctor.toml", "# nothing\n");
    let outcome = compare_both(&doctor, &["-v"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let names: Vec<String> = std::fs::read_dir(doctor.work())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["doctor.toml"]);
    assert!(doctor.served.sim.mutations().is_empty());
}

#[cfg(unix)]
#[test]
fn interrupted_comparison_exits_with_130() {
    let doctor = shop();
    doctor.served.misbehave_with("Values", Misbehaviour::Hang);
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["compare", "staging", "production", "--api-url", &doctor.served.url()]);
    doctor.prepare(&mut command);
    let child = command.spawn().unwrap();
    while doctor.served.received().len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let outcome = outcome(child.wait_with_output().unwrap());
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(130), ""), "{outcome:?}");
    assert_eq!(outcome.err, "doctor: interrupted; nothing was changed\n");
}
