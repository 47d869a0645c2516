//! Variables that Railway's tracing adds are not compared, but user variables with the same names are.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::{Sampler, Sim, SimOptions, Tracing};

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const NAME: &str = "OTEL_SERVICE_NAME";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

const PLACES: [Tracing; 3] = [Tracing::InSnapshots, Tracing::InVariables, Tracing::Everywhere];

fn traced(tracing: Tracing, sampler: Sampler, api: SimService) -> Sandbox {
    let environment = Environment::named("staging").service(api);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Sandbox::new(Sim::with(estate, SimOptions { tracing, sampler, ..SimOptions::default() })).file(".env", "A=1\n")
}

fn everywhere(api: SimService) -> Sandbox {
    traced(Tracing::Everywhere, Sampler::Present, api)
}

fn api(own: &[(&str, &str)]) -> SimService {
    service("api", &[&[("A", "1")], own].concat())
}

#[test]
fn tracing_variables_are_neither_reported_nor_written() {
    for tracing in PLACES {
        for sampler in [Sampler::Present, Sampler::Absent] {
            let sandbox = traced(tracing, sampler, api(&[]));
            for words in [
                &["check", "-v"][..],
                &["check", "-v", "--format", "json"],
                &["matrix", "-v"],
                &["fix", "--redeploy", "--yes"],
                &["fix", "--pull", "--yes"],
                &["init", "--yes"],
            ] {
                let ended = sandbox.run(words);
                assert_eq!(ended.code, 0, "{tracing:?} {sampler:?} {words:?}: {ended:?}");
                assert!(!format!("{ended:?}").contains("OTEL_"), "{tracing:?} {sampler:?} {words:?}: {ended:?}");
            }
            assert_eq!((sandbox.mutations(), sandbox.text(".env")), (Vec::new(), "A=1\n".to_owned()));
            assert!(!sandbox.text("doctor.toml").contains("OTEL_"));
        }
    }
}

#[test]
fn key_set_only_by_railway_is_refused() {
    for (key, words) in [
        ("OTEL_SERVICE_VERSION", "Railway sets OTEL_SERVICE_VERSION; such variables are not compared"),
        ("RAILWAY_PUBLIC_DOMAIN", "Railway sets RAILWAY_PUBLIC_DOMAIN; such variables are not compared"),
        ("OTEL_SERVICE_VERSIONS", "neither .env nor a service in scope has it"),
    ] {
        let ended = everywhere(api(&[])).run(&["check", "--only", key]);
        assert!(ended.code == 2 && ended.err.contains(words), "{key}: {ended:?}");
    }
}

#[test]
fn redeploy_ignores_changed_service_version() {
    for tracing in PLACES {
        let stale = api(&[]).deployed(SimDeployment::serving(SINCE).had("A", "0"));
        let sandbox = traced(tracing, Sampler::Present, stale);
        let ended = sandbox.run(&["fix", "--redeploy", "--yes"]);
        assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy api".to_owned()]), "{ended:?}");
        assert!(!format!("{ended:?}").contains("OTEL_"), "{ended:?}");
        assert_eq!(sandbox.run(&["check"]).code, 0);
    }
}

#[test]
fn user_defined_tracing_variables_are_compared_on_all_sides() {
    for tracing in PLACES {
        for (file, own, had, code, words) in [
            ("OTEL_SERVICE_NAME=shop\n", (NAME, "shop"), None, 0, ""),
            ("OTEL_SERVICE_NAME=shop\n", (NAME, "api"), None, 1, "OTEL_SERVICE_NAME differs between .env and Railway"),
            ("", (NAME, "shop"), None, 0, "1 key is only on Railway: OTEL_SERVICE_NAME"),
            (
                "OTEL_SERVICE_NAME=shop\n",
                (NAME, "shop"),
                Some((NAME, "api")),
                1,
                "api is running with an old value of OTEL_SERVICE_NAME",
            ),
            ("", (ENDPOINT, "http://mine"), None, 0, "1 key is only on Railway: OTEL_EXPORTER_OTLP_ENDPOINT"),
            (
                "",
                (ENDPOINT, "http://mine"),
                Some((ENDPOINT, "http://railway")),
                1,
                "api is running with an old value of OTEL_EXPORTER_OTLP_ENDPOINT",
            ),
            (
                "",
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://mine"),
                None,
                0,
                "1 key is only on Railway: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            ),
        ] {
            let deployment = SimDeployment::serving(SINCE);
            let deployment = had.into_iter().fold(deployment, |one, (name, value)| one.had(name, value));
            let sandbox = traced(tracing, Sampler::Present, api(&[own]).deployed(deployment));
            let sandbox = sandbox.file(".env", &format!("A=1\n{file}"));
            let ended = sandbox.run(&["check", "-v"]);
            assert_eq!(ended.code, code, "{tracing:?} {own:?} {had:?}: {ended:?}");
            assert!(ended.out.contains(words), "{tracing:?} {words}: {ended:?}");
            let others = ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SERVICE_VERSION", "OTEL_TRACES_SAMPLER"];
            assert!(others.iter().all(|other| !ended.out.contains(other)), "{tracing:?}: {ended:?}");
            assert_eq!(sandbox.sim.count(), 2);
        }
    }
}

#[test]
fn local_key_set_only_by_railway_is_missing_until_added() {
    let sandbox = everywhere(api(&[])).file(".env", "A=1\nOTEL_SERVICE_NAME=shop\n");
    let ended = sandbox.run(&["check", "-v"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("warning: OTEL_SERVICE_NAME is in .env but not on api"), "{ended:?}");
    let words = ended.text();
    assert!(words.contains("Railway sets OTEL_SERVICE_NAME if tracing is on"), "{ended:?}");
    sandbox.run(&["fix", "--push", "--yes"]);
    assert_eq!(sandbox.mutations(), [""; 0]);
    let add = ["fix", "--add", "--push", "--only=OTEL_SERVICE_NAME", "--service=api", "--yes"];
    let ended = sandbox.run(&add);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.mutations(), ["SetVariables api OTEL_SERVICE_NAME", "Redeploy api"]);
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn removed_key_set_again_by_tracing_counts_as_removed() {
    for tracing in PLACES {
        let sandbox = traced(tracing, Sampler::Present, api(&[])).file(".env", "A=1\nOTEL_SERVICE_NAME=shop\n");
        let add = ["fix", "--add", "--push", "--only=OTEL_SERVICE_NAME", "--service=api", "--yes"];
        assert_eq!(sandbox.run(&add).code, 0);
        let before = sandbox.mutations().len();
        let ended = sandbox.run(&["undo", "--yes"]);
        let made = sandbox.mutations().split_off(before);
        assert_eq!(
            (ended.code, made.as_slice()),
            (0, &["DeleteVariable api OTEL_SERVICE_NAME".to_owned()][..]),
            "{ended:?}"
        );
        assert_eq!(sandbox.stored("api", NAME), None);
    }
}
