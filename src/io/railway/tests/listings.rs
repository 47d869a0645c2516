//! Listings are complete or an error; names are found or suggested.

use crate::drift::Variable;
use crate::error::Error;
use crate::io::railway::tests::Bench;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::{Sealed, Sim, SimOptions, seed};

#[test]
fn services_are_paged_to_end() {
    let (estate, _) = seed::generate(23, 1);
    let bench = Bench::new(Sim::with(estate, SimOptions { page_cap: 5, ..SimOptions::default() }));
    assert_eq!(bench.shape().unwrap().services.len(), 23);
    assert_eq!(bench.sim.count(), 5);
}

#[test]
fn cyclic_pagination_is_error() {
    let bench = Bench::incident();
    let (project, environment) = bench.ids();
    let services = r#""serviceInstances":{"edges":[],"pageInfo":{"hasNextPage":true,"endCursor":"again"}}"#;
    let first = format!(
        r#"{{"data":{{"project":{{"id":"{project}","name":"p"}},"environment":{{"id":"{environment}","projectId":"{project}","name":"e","config":{{}},{services}}}}}}}"#
    );
    let next = format!(r#"{{"data":{{"environment":{{"id":"{environment}","projectId":"{project}",{services}}}}}}}"#);
    bench.sim.fault(Fault::reply(200, &first).on("Environment"));
    bench.sim.fault(Fault::reply(200, &next).on("MoreServices").permanent());
    let error = bench.shape().unwrap_err();
    assert_eq!(error, Error::Truncated { what: "services", cause: "Railway returned the same cursor twice".into() });
    assert_eq!(bench.sim.count(), 2);
}

#[test]
fn page_without_cursor_is_error() {
    let bench = Bench::incident();
    let (project, environment) = bench.ids();
    let body = format!(
        r#"{{"data":{{"project":{{"id":"{project}","name":"p"}},"environment":{{"id":"{environment}","projectId":"{project}","name":"e","config":{{}},
        "serviceInstances":{{"edges":[],"pageInfo":{{"hasNextPage":true,"endCursor":null}}}}}}}}}}"#
    );
    bench.sim.fault(Fault::reply(200, &body));
    assert!(matches!(bench.shape().unwrap_err(), Error::Truncated { what: "services", .. }));
}

#[test]
fn project_and_environment_names_resolve_in_one_request() {
    let project = (0..7).fold(Project::named("shop"), |project, number| {
        project.environment(Environment::named(&format!("pr-{number}")))
    });
    let estate =
        Estate::of("crew").project(Project::named("other")).project(project.environment(Environment::named("live")));
    let bench = Bench::new(Sim::with(estate.with_tokens(), SimOptions { page_cap: 3, ..SimOptions::default() }));
    let located = bench.client().project_named("shop").unwrap();
    assert_eq!(located.environments.len(), 8);
    assert_eq!(located.environment("live", "x").unwrap().name, "live");

    let bench = Bench::incident();
    assert_eq!(bench.client().project_named("agentverse").unwrap().names(), ["staging"]);
    assert_eq!(bench.sim.count(), 1);
}

#[test]
fn unknown_name_lists_available_names() {
    let bench = Bench::incident();
    let error = bench.client().project_named("agentvers").unwrap_err();
    assert_eq!(error.to_string(), "project agentvers: not found, or not visible to this token");
    assert_eq!(error.cause().unwrap(), "this token can access only the project agentverse");
    assert_eq!(error.help().unwrap().to_string(), "did you mean `--project=agentverse`?");
    let located = bench.client().project_named("agentverse").unwrap();
    let error = located.environment("production", "x").unwrap_err();
    assert_eq!(error.cause().unwrap(), "project agentverse has only the environment staging");
    assert_eq!(error.help().unwrap().to_string(), "pass it as `--environment=staging`");
}

#[test]
fn distinguishes_sealed_empty_null_and_missing() {
    for (sealed, withheld) in [(Sealed::Null, &["WITHHELD"][..]), (Sealed::Absent, &[])] {
        let service = SimService::named("api")
            .variables(&[
                ("EMPTY", ""),
                ("PLAIN", "x"),
                ("WITHHELD", "y"),
                ("THROUGH", "a${{HIDDEN}}"),
                ("REFERENCE", "${{PLAIN}}-${{NOPE}}"),
            ])
            .sealed("HIDDEN", "never returned");
        let environment = Environment::named("production").service(service);
        let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
        let bench = Bench::new(Sim::with(estate, SimOptions { sealed, withheld, ..SimOptions::default() }));
        let (values, _) = bench.values();
        let variables = values.unwrap().remove(0).unwrap();
        let states: Vec<(String, &str)> = variables
            .iter()
            .map(|(key, variable)| {
                let state = match variable {
                    Variable::Plain(value) if value.expose().is_empty() => "empty",
                    Variable::Plain(_) => "plain",
                    Variable::Reference { rendered: Some(value), .. } if value.expose() == "x-" => "rendered",
                    Variable::Reference { rendered: None, .. } => "through sealed",
                    Variable::Reference { .. } => "reference",
                    Variable::Sealed => "sealed",
                    Variable::Unavailable => "unavailable",
                };
                (key.clone(), state)
            })
            .collect();
        let expected = [
            ("EMPTY", "empty"),
            ("HIDDEN", "sealed"),
            ("PLAIN", "plain"),
            ("REFERENCE", "rendered"),
            ("THROUGH", "through sealed"),
            ("WITHHELD", if withheld.is_empty() { "plain" } else { "unavailable" }),
        ];
        assert_eq!(states, expected.map(|(key, state)| (key.to_owned(), state)), "{sealed:?}");
    }
}

#[test]
fn deleted_project_is_reported_as_deleted() {
    let estate = Estate::of("crew").project(Project::named("gone").deleted()).with_tokens();
    let bench = Bench::new(Sim::new(estate));
    let id = bench.sim.change(|estate| estate.projects[0].id.clone());
    assert_eq!(bench.client().project(&id).unwrap_err(), Error::Deleted { kind: "project", name: "gone".into() });
}
