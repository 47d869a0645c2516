//! Several environments in one request: complete or left out, and values in the requested order.

use crate::drift::Variable;
use crate::drift::model::observed::Observed;
use crate::error::{Error, Exit};
use crate::io::railway::compared_environments::ProjectEnvironments;
use crate::io::railway::environment::Seal;
use crate::io::railway::tests::Bench;
use crate::io::railway::transport::{Scheme, TransportFailure};
use crate::io::railway::variables::{EnvironmentService, StoredResult};
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::{Sim, SimOptions, seed};

/// Returns an environment with this number of services, each with a variable that names both.
fn environment(name: &str, services: usize) -> Environment {
    (0..services).fold(Environment::named(name).shared(&[("REGION", "eu")]), |environment, number| {
        let value = format!("{name} {number:03}");
        let service = SimService::named(&format!("service-{number:03}")).variables(&[("KEY", value.as_str())]);
        environment.service(service.sealed("HIDDEN", "x").start("node main.js").domain("x.up.railway.app"))
    })
}

fn bench_with(environments: Vec<Environment>, options: SimOptions) -> Bench {
    let project = environments.into_iter().fold(Project::named("shop"), Project::environment);
    Bench::new(Sim::with(Estate::of("crew").project(project).with_tokens(), options))
}

fn bench(environments: Vec<Environment>) -> Bench {
    bench_with(environments, SimOptions::default())
}

/// Returns a project with `staging` and `production`, each with this number of services.
fn pair(services: usize) -> Bench {
    bench(vec![environment("staging", services), environment("production", services)])
}

/// Reads the environments. Returns the number of requests, too.
fn read(bench: &Bench) -> (Result<Option<ProjectEnvironments>, Error>, usize) {
    let client = bench.client();
    let read = client.project_environments(&bench.ids().0);
    assert_eq!(client.take_remarks(), Vec::<String>::new());
    (read, client.requests())
}

fn names(read: &ProjectEnvironments) -> Vec<&str> {
    read.environments.iter().map(|one| one.shape.environment.name.as_str()).collect()
}

/// The values of each service, with its environment and itself as the expected text.
type LabelledValues = Vec<(String, StoredResult)>;

/// Reads the values of each service in all environments, one service after the other.
fn values(bench: &Bench) -> (Result<LabelledValues, Error>, usize) {
    let client = bench.client();
    let read = client.project_environments(&bench.ids().0).unwrap().unwrap();
    let most = read.environments.iter().map(|one| one.shape.services.len()).max().unwrap();
    let entries: Vec<EnvironmentService<'_>> = (0..most)
        .flat_map(|index| {
            let shapes = read.environments.iter().map(|one| &one.shape);
            shapes.filter_map(move |shape| {
                let service = shape.services.get(index)?;
                Some(EnvironmentService { project: &shape.project, environment: &shape.environment, service })
            })
        })
        .collect();
    let before = client.requests();
    let values = client.values_of(&entries);
    let label = |entry: &EnvironmentService<'_>| {
        format!("{} {}", entry.environment.name, entry.service.service.name.replace("service-", ""))
    };
    let labelled = values.map(|values| entries.iter().map(label).zip(values).collect());
    (labelled, client.requests() - before)
}

/// Checks that each service has its own value, and returns those without values.
fn failures(values: LabelledValues) -> Vec<(String, Error)> {
    let mut failures = Vec::new();
    for (label, stored) in values {
        match stored {
            Ok(variables) => {
                let Variable::Plain(value) = &variables["KEY"] else { panic!("{label}: {variables:?}") };
                assert_eq!(value.expose(), label);
            }
            Err(error) => failures.push((label, error)),
        }
    }
    failures
}

#[test]
fn existing_environments_are_read_in_one_request() {
    let bench = bench(vec![
        environment("staging", 2),
        environment("gone", 2).deleted(),
        environment("production", 1),
        environment("pr-7", 0).ephemeral(),
    ]);
    let (read, requests) = read(&bench);
    let read = read.unwrap().unwrap();
    assert_eq!(
        (read.project.name.as_str(), names(&read), requests),
        ("shop", vec!["staging", "production", "pr-7"], 1)
    );
    let ephemeral: Vec<bool> = read.environments.iter().map(|one| one.is_ephemeral).collect();
    assert_eq!(ephemeral, [false, false, true]);
    let all = read.environments[0].shape.environments.as_ref().unwrap();
    assert_eq!(all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), names(&read));
    let ids =
        bench.sim.change(|estate| [0, 2, 3].map(|index: usize| estate.projects[0].environments[index].id.clone()));
    assert_eq!(read.environments.iter().map(|one| &one.shape.environment.id).collect::<Vec<_>>(), ids.each_ref());
}

#[test]
fn services_have_names_of_variables_and_settings_only() {
    let (read, _) = read(&pair(2));
    for one in read.unwrap().unwrap().environments {
        assert_eq!(one.shape.services.len(), 2);
        assert!(one.shape.shared.contains("REGION"));
        for service in &one.shape.services {
            let variables: Vec<(&str, Seal)> =
                service.variables.iter().map(|(name, seal)| (name.as_str(), *seal)).collect();
            assert_eq!(variables, [("HIDDEN", Seal::Sealed), ("KEY", Seal::Open)]);
            let settings = service.settings.known().unwrap();
            assert_eq!(settings.start_command.as_ref().unwrap().expose(), "node main.js");
            assert!(settings.configured.is_some());
            assert!(matches!(service.deployed, Observed::NotRequested));
            assert!(matches!(service.domains, Observed::NotRequested));
        }
    }
}

#[test]
fn further_services_are_paged_for_each_environment() {
    let bench = bench(vec![environment("staging", 501), environment("production", 3)]);
    let (read, requests) = read(&bench);
    let read = read.unwrap().unwrap();
    assert_eq!(requests, 2);
    assert_eq!(read.environments.iter().map(|one| one.shape.services.len()).collect::<Vec<_>>(), [501, 3]);
    for service in &read.environments[0].shape.services {
        assert!(!service.variables.is_empty() && service.settings.known().is_some());
        assert!(matches!(service.deployed, Observed::NotRequested));
        assert!(matches!(service.domains, Observed::NotRequested));
    }
}

#[test]
fn list_of_first_environments_is_no_list_of_all() {
    let environments = (0..25).map(|number| environment(&format!("pr-{number}"), 1)).collect();
    let (read, requests) = read(&bench(environments));
    let read = read.unwrap().unwrap();
    assert_eq!((read.environments.len(), requests), (20, 1));
    assert!(read.environments.iter().all(|one| one.shape.environments.is_none()));
}

#[test]
fn environment_with_unreadable_further_page_is_left_out() {
    for fault in [
        Fault::refusal("Not Authorized"),
        Fault::refusal("Environment not found"),
        Fault::refusal("Problem processing request"),
        Fault::refusal("Cannot query field \"config\" on type \"Environment\""),
        Fault::field("environment", "something new"),
    ] {
        let bench = bench_with(
            vec![environment("staging", 3), environment("production", 2)],
            SimOptions { page_cap: 2, ..SimOptions::default() },
        );
        bench.sim.fault(fault.clone().on("MoreServices").permanent());
        bench.sim.fault(fault.clone().on("MoreServicesMinimal").permanent());
        let (read, _) = read(&bench);
        assert_eq!(names(&read.unwrap().unwrap()), ["production"], "{fault:?}");
    }
    let bench = bench_with(vec![environment("staging", 3)], SimOptions { page_cap: 2, ..SimOptions::default() });
    let broken = Fault::failure(TransportFailure::Broken("reset".into()));
    bench.sim.fault(broken.on("MoreServices").permanent());
    assert!(
        matches!(read(&bench).0, Err(Error::Unreachable { .. })),
        "the connection does not depend on the environment"
    );
}

#[test]
fn cyclic_pages_leave_environment_out() {
    let options = SimOptions { page_cap: 2, ..SimOptions::default() };
    let bench = bench_with(vec![environment("staging", 3), environment("production", 2)], options);
    let (project, environment) = bench.ids();
    let next = format!(
        r#"{{"data":{{"environment":{{"id":"{environment}","projectId":"{project}",
        "serviceInstances":{{"edges":[],"pageInfo":{{"hasNextPage":true,"endCursor":"again"}}}}}}}}}}"#
    );
    bench.sim.fault(Fault::reply(200, &next).on("MoreServices").permanent());
    let (read, requests) = read(&bench);
    assert_eq!((names(&read.unwrap().unwrap()), requests), (vec!["production"], 3));
}

#[test]
fn environment_with_partial_error_is_left_out() {
    for field in ["startCommand", "cronSchedule", "railwayConfigFile", "sleepApplication"] {
        let bench = pair(2);
        bench.sim.fault(Fault::field(field, "Not Authorized").on("ComparedEnvironments"));
        let (read, requests) = read(&bench);
        let read = read.unwrap().unwrap();
        assert_eq!((names(&read), requests), (vec!["production"], 1), "{field}");
        assert!(read.environments[0].shape.environments.is_none(), "{field}");
    }
}

/// Returns a response with one environment, and with this error beside the data.
fn with_error(bench: &Bench, path: &str, config: &str) -> String {
    let (project, environment) = bench.ids();
    format!(
        r#"{{"data":{{"project":{{"id":"{project}","name":"shop","environments":{{"edges":[{{"node":{{"id":"{environment}",
        "projectId":"{project}","name":"staging","canAccess":true,"isEphemeral":false,"config":{config},
        "serviceInstances":{{"edges":[],"pageInfo":{{"hasNextPage":false}}}}}}}}],"pageInfo":{{"hasNextPage":false}}}}}}}},
        "errors":[{{"message":"odd","path":{path}}}]}}"#
    )
}

#[test]
fn error_beside_data_never_makes_environment_look_empty() {
    // The number of environments; `None` if any of them may be incomplete.
    for (path, config, expected) in [
        (r#"["project","environments","edges",0,"node","config"]"#, "{}", Some(0)),
        (r#"["project","environments","edges",0,"node","config"]"#, "null", None),
        (r#"["project","environments","edges",0,"node","serviceInstances","edges",4,"node","source"]"#, "{}", Some(0)),
        (r#"["project","environments","edges",0]"#, "{}", Some(0)),
        (r#"["project","environments","edges",1,"node","config"]"#, "{}", Some(1)),
        (r#"["project","environments","edges"]"#, "{}", None),
        (r#"["project","environments"]"#, "{}", None),
        (r#"["project","environments","nodes",0]"#, "{}", None),
        (r#"["project","environments","edges","x"]"#, "{}", None),
        (r#"["project","deletedAt"]"#, "{}", None),
        (r#"["elsewhere"]"#, "{}", None),
        ("[]", "{}", None),
        ("null", "{}", None),
    ] {
        let bench = pair(1);
        bench.sim.fault(Fault::reply(200, &with_error(&bench, path, config)));
        let (read, requests) = read(&bench);
        let count = read.unwrap().map(|read| read.environments.len());
        assert_eq!((count, requests), (expected, 1), "{path}");
    }
}

#[test]
fn restricted_environment_requires_reading_each_alone() {
    let bench =
        bench(vec![environment("staging", 1), environment("production", 1), environment("secret", 1).restricted()]);
    let (read, requests) = read(&bench);
    assert!(read.unwrap().is_none());
    assert_eq!(requests, 1);
    let (project, staging) = bench.ids();
    assert!(bench.client().shape(&project, &staging).is_ok());
}

#[test]
fn inaccessible_environment_in_list_is_left_out() {
    let bench = pair(1);
    let body = with_error(&bench, "[]", "{}").replace(r#""canAccess":true"#, r#""canAccess":false"#);
    let body = body.replace(r#"{"message":"odd","path":[]}"#, "");
    bench.sim.fault(Fault::reply(200, &body));
    assert_eq!(names(&read(&bench).0.unwrap().unwrap()), Vec::<&str>::new());
}

#[test]
fn refusal_that_one_environment_may_not_get_is_no_error() {
    let many = format!(r#"{{"data":{{"project":[{}]}}}}"#, vec!["0"; 400_001].join(","));
    for (fault, requests) in [
        (Fault::refusal("Cannot query field \"isEphemeral\" on type \"Environment\""), 1),
        (Fault::refusal("Query complexity 9000 exceeds the limit"), 1),
        (Fault::reply(413, "too large"), 1),
        (Fault::refusal("Problem processing request"), 2),
        (Fault::field("project", "Problem processing request"), 2),
        (Fault::refusal("something new"), 1),
        (Fault::refusal("Environment not found"), 1),
        (Fault::field("project.environments.edges.1.node.config", "Not Authorized"), 1),
        (Fault::failure(TransportFailure::TooLong), 1),
        (Fault::reply(200, &many), 1),
    ] {
        let bench = pair(1);
        bench.sim.fault(fault.clone().permanent());
        let (read, sent) = read(&bench);
        assert!(read.as_ref().is_ok_and(Option::is_none), "{fault:?}: {read:?}");
        assert_eq!(sent, requests, "{fault:?}");
    }
    let bench = pair(1);
    bench.sim.fault(Fault::refusal("Not Authorized").on("ComparedEnvironments"));
    let (read, sent) = read(&bench);
    assert!(read.unwrap().is_none());
    assert_eq!(sent, 2, "a probe shows that the token is valid");
}

#[test]
fn failure_of_token_project_or_connection_is_an_error() {
    for (fault, exit) in [
        (Fault::field("project", "Not Authorized"), Exit::Credentials),
        (Fault::field("project", "Project not found"), Exit::Usage),
        (Fault::refusal("Two Factor Authentication Required"), Exit::Credentials),
        (Fault::refusal("Project Token not found"), Exit::Credentials),
        (Fault::reply(429, "").header("retry-after", "900"), Exit::Unreachable),
        (Fault::reply(403, "error code: 1020"), Exit::Unreachable),
        (Fault::reply(502, ""), Exit::Unreachable),
        (Fault::reply(200, "<html>sign in"), Exit::Unreachable),
        (Fault::reply(200, r#"{"data":{"project":{"id":"1","id":"2"}}}"#), Exit::Unreachable),
        (Fault::failure(TransportFailure::NotSent("refused".into())), Exit::Unreachable),
    ] {
        let bench = pair(1);
        bench.sim.fault(fault.clone().on("ComparedEnvironments").permanent());
        let (read, _) = read(&bench);
        assert_eq!(read.expect_err(&format!("{fault:?}")).exit(), exit, "{fault:?}");
    }
    let revoked = pair(1).with_token("revoked", Scheme::Bearer, "RAILWAY_API_TOKEN");
    assert!(matches!(read(&revoked).0, Err(Error::Refused { .. })));
    revoked.sim.fault(Fault::refusal("Not Authorized").on("ComparedEnvironments"));
    assert!(matches!(read(&revoked).0, Err(Error::Refused { .. })), "the error names no field");
    let project = Project::named("gone").environment(environment("staging", 1)).deleted();
    let gone = Bench::new(Sim::new(Estate::of("crew").project(project).with_tokens()));
    assert_eq!(read(&gone).0.unwrap_err(), Error::Deleted { kind: "project", name: "gone".into() });
}

#[test]
fn values_of_two_environments_cost_one_request_for_forty() {
    for (services, requests) in [(1, 1), (20, 1), (21, 2), (50, 3)] {
        let (values, sent) = values(&pair(services));
        let values = values.unwrap();
        assert_eq!((values.len(), sent), (2 * services, requests));
        assert_eq!(failures(values), []);
    }
}

#[test]
fn environments_without_common_services_share_batches() {
    let (values, sent) = values(&bench(vec![environment("staging", 3), environment("production", 30)]));
    assert_eq!(sent, 1);
    assert_eq!(failures(values.unwrap()), []);
}

#[test]
fn rejected_batch_of_two_environments_is_split() {
    let environments = || vec![environment("staging", 20), environment("production", 20)];
    for (root_fields, requests) in [(79, 3), (40, 3), (20, 2 + 4), (2, 6 + 40)] {
        let (values, sent) = values(&bench_with(environments(), SimOptions { root_fields, ..SimOptions::default() }));
        assert_eq!(failures(values.unwrap()), [], "{root_fields}");
        assert_eq!(sent, requests, "{root_fields}");
    }
}

#[test]
fn failed_service_of_one_environment_does_not_hide_the_others() {
    for (message, cause) in
        [("Not Authorized", "has no access to the variables of service service-001 in production"), ("odd", "")]
    {
        let bench = pair(3);
        let (environment, service) = bench.sim.change(|estate| {
            let production = &estate.projects[0].environments[1];
            (production.id.clone(), production.services[1].id.clone())
        });
        bench.sim.fault(Fault::service_in(&environment, &service, message).permanent());
        let (values, _) = values(&bench);
        let failures = failures(values.unwrap());
        assert_eq!(failures.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(), ["production 001"]);
        assert!(failures[0].1.to_string().contains(cause), "{}", failures[0].1);
    }
}

#[test]
fn incomplete_response_names_service_and_environment() {
    let bench = pair(1);
    let body = r#"{"data":{"stored_0":{"KEY":"staging 000"},"rendered_0":{"KEY":"staging 000"}}}"#;
    bench.sim.fault(Fault::reply(200, body).on("Values"));
    let failures = failures(values(&bench).0.unwrap());
    assert_eq!(failures.len(), 1);
    let cause = "the response lacks the variables of service service-000 in production";
    assert_eq!(failures[0].1.cause().as_deref(), Some(cause));
}

#[test]
fn error_of_every_service_in_both_environments_fails_the_run() {
    for (message, most) in [("Not Authorized", 2), ("Too many root fields", 9), ("Problem processing request", 18)] {
        let bench = pair(20);
        bench.sim.fault(Fault::refusal(message).on("Values").permanent());
        let (values, requests) = values(&bench);
        assert!(values.is_err(), "{message}");
        assert!(requests <= most, "{message}: {requests} requests");
    }
}

#[test]
fn values_of_several_environments_request_nothing_else() {
    let bench = Bench::new(Sim::new(seed::incident::estate()));
    let client = bench.client();
    let shape = bench.shape().unwrap();
    let entry = |service| EnvironmentService { project: &shape.project, environment: &shape.environment, service };
    let entries: Vec<EnvironmentService<'_>> = shape.services.iter().map(entry).collect();
    assert!(client.values_of(&entries).is_ok_and(|values| values.len() == 4));
    let requests = bench.sim.requests();
    let body = requests.last().unwrap().body.expose();
    assert!(!body.contains("snapshot") && !body.contains("staged"), "{body}");
}
