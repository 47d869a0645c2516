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

/// Returns a response with one service, this `environments` member of the project, and these errors beside the data.
fn with_environments(bench: &Bench, environments: &str, errors: &str) -> String {
    let (project, environment) = bench.ids();
    format!(
        r#"{{"data":{{"project":{{"id":"{project}","name":"p"{environments}}},
        "environment":{{"id":"{environment}","projectId":"{project}","name":"staging","config":{{}},
        "serviceInstances":{{"edges":[{{"node":{{"serviceId":"s","environmentId":"{environment}","serviceName":"api",
        "activeDeployments":[],"domains":{{"serviceDomains":[],"customDomains":[]}}}}}}],
        "pageInfo":{{"hasNextPage":false,"endCursor":null}}}}}}}},"errors":[{errors}]}}"#
    )
}

#[test]
fn environments_of_project_are_known_only_from_complete_list() {
    const LAST: &str = r#""pageInfo":{"hasNextPage":false}"#;
    const DENIED: &str = r#"{"message":"Not Authorized","path":["project","environments"]}"#;
    const NODE_DENIED: &str =
        r#"{"message":"Not Authorized","path":["project","environments","edges",0,"node","name"]}"#;
    let bench = Bench::incident();
    let (_, own) = bench.ids();
    let own = format!(r#"{{"node":{{"id":"{own}","name":"staging"}}}}"#);
    let other = r#"{"node":{"id":"1","name":"production","deletedAt":null}}"#;
    let gone = r#"{"node":{"id":"2","name":"pr-1","deletedAt":"2026-11-20T10:00:00.000Z"}}"#;
    for (list, errors, expected) in [
        (format!(r#"{{"edges":[{other},{gone},{own}],{LAST},"later":1}}"#), "", Some("production staging")),
        (format!(r#"{{"edges":[{other},{own}],"pageInfo":{{"hasNextPage":true}}}}"#), "", None),
        (format!(r#"{{"edges":[{other},{own}],"pageInfo":{{}}}}"#), "", None),
        (format!(r#"{{"edges":[{other},{own}]}}"#), "", None),
        (format!(r#"{{"edges":[{other}],{LAST}}}"#), "", None),
        (format!(r#"{{"edges":[],{LAST}}}"#), "", None),
        (format!(r#"{{"edges":null,{LAST}}}"#), "", None),
        (format!(r#"{{"edges":[null,{own}],{LAST}}}"#), "", None),
        (format!(r#"{{"edges":[{{"node":{{"id":"1","name":null}}}},{own}],{LAST}}}"#), NODE_DENIED, None),
        ("null".to_owned(), DENIED, None),
        ("null".to_owned(), "", None),
        ("[7]".to_owned(), "", None),
        ("\"staging\"".to_owned(), "", None),
        (String::new(), "", None),
    ] {
        let bench = Bench::incident();
        let member = if list.is_empty() { list } else { format!(r#","environments":{list}"#) };
        bench.sim.fault(Fault::reply(200, &with_environments(&bench, &member, errors)));
        let (project, environment) = bench.ids();
        let client = bench.client();
        let shape = client.shape(&project, &environment).unwrap();
        let names = shape.environments.map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>().join(" "));
        assert_eq!(names.as_deref(), expected, "{member}");
        let service = &shape.services[0];
        assert!(service.deployed.known().is_some() && service.domains.known().is_some(), "{member}");
        assert_eq!((client.requests(), client.take_remarks()), (1, vec![]), "{member}");
    }
}

#[test]
fn refused_environments_are_left_out() {
    for errors in [
        r#"{"message":"Not Authorized","path":["project","environments"]}"#,
        r#"{"message":"Not Authorized","path":["project","environments"]},
           {"message":"Not Authorized","path":["environment","serviceInstances","edges",0,"node","source"]}"#,
        r#"{"message":"Cannot query field \"environments\" on type \"Project\"."}"#,
        r#"{"message":"Unknown argument \"first\" on field \"Project.environments\"."}"#,
        r#"{"message":"Cannot query field \"pageInfo\" on type \"ProjectEnvironmentsConnection\"."}"#,
    ] {
        let bench = Bench::incident();
        bench.sim.fault(Fault::reply(200, &format!(r#"{{"data":null,"errors":[{errors}]}}"#)));
        let (project, environment) = bench.ids();
        let client = bench.client();
        let shape = client.shape(&project, &environment).unwrap();
        assert_eq!((shape.environments, shape.services.len()), (None, 4), "{errors}");
        assert!(shape.services.iter().all(|service| service.deployed.known().is_some()), "{errors}");
        assert!(shape.services.iter().all(|service| service.settings.known().is_some()), "{errors}");
        assert_eq!((client.requests(), client.take_remarks()), (2, vec![]), "{errors}");
    }
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
