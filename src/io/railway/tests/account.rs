//! All projects of a token, environments of several projects in one request, and their values.

use crate::drift::model::observed::Observed;
use crate::drift::{ResourceRef, Variable};
use crate::error::{Error, Exit};
use crate::io::railway::aliased_query::PartialResults;
use crate::io::railway::environment::{Seal, Shape};
use crate::io::railway::environment_batch::ProjectEnvironment;
use crate::io::railway::lookup::{AccessibleProjects, EnvironmentAccess};
use crate::io::railway::tests::Bench;
use crate::io::railway::transport::{Scheme, TransportFailure};
use crate::io::railway::variables::{EnvironmentService, PartialRead};
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::{LOGIN_TOKEN, PROJECT_TOKEN, WORKSPACE_TOKEN};
use crate::io::sim::{Sim, SimOptions};

/// Returns a project with `staging` and `production`, each with this number of services.
fn project(name: &str, services: usize) -> Project {
    let environment = |environment: &str| {
        (0..services).fold(Environment::named(environment).shared(&[("WHERE", environment)]), |known, number| {
            let value = format!("{name} {environment} {number}");
            let service = SimService::named(&format!("service-{number}")).variables(&[("KEY", value.as_str())]);
            known.service(service.sealed("HIDDEN", "x"))
        })
    };
    Project::named(name).environment(environment("staging")).environment(environment("production"))
}

/// Returns two workspaces: `one` with the projects `shop` and `blog`, and `two` with the project `wiki`.
fn estate() -> Estate {
    let estate = Estate::of("one").project(project("shop", 2)).project(project("blog", 1));
    estate.workspace("two").project(project("wiki", 1)).with_tokens()
}

fn bench_with(estate: Estate, options: SimOptions) -> Bench {
    Bench::new(Sim::with(estate, options))
}

fn bench() -> Bench {
    bench_with(estate(), SimOptions::default())
}

/// Lists the projects. Returns the number of requests, too.
fn listed(bench: &Bench) -> (AccessibleProjects, usize) {
    let client = bench.client();
    let found = client.accessible_projects();
    (found, client.requests())
}

fn names(found: &AccessibleProjects) -> Vec<&str> {
    found.projects.iter().map(|located| located.project.name.as_str()).collect()
}

fn unlisted(found: &AccessibleProjects) -> Vec<&str> {
    found.unlisted.iter().map(|list| list.what.as_str()).collect()
}

/// Returns all environments of the estate, in order.
fn places(bench: &Bench) -> Vec<ProjectEnvironment> {
    bench.sim.change(|estate| {
        let named = |id: &str, name: &str| ResourceRef { id: id.to_owned(), name: name.to_owned() };
        let projects = estate.projects.iter();
        let places = projects.flat_map(|project| {
            let environments = project.environments.iter();
            environments.map(|environment| ProjectEnvironment {
                project: named(&project.id, &project.name),
                environment: named(&environment.id, &environment.name),
            })
        });
        places.collect()
    })
}

/// Reads the services of all environments. Returns the number of requests, too.
fn shapes(bench: &Bench) -> (PartialResults<Shape>, usize) {
    let client = bench.client();
    let read = client.environments(&places(bench));
    (read, client.requests())
}

/// Returns `shop/staging 2` for an environment with two services, or the kind of its error.
fn summaries(read: &PartialResults<Shape>) -> Vec<String> {
    let summary = |result: &Option<Result<Shape, Error>>| match result {
        None => "not requested".to_owned(),
        Some(Err(error)) => error.kind().to_owned(),
        Some(Ok(shape)) => format!("{}/{} {}", shape.project.name, shape.environment.name, shape.services.len()),
    };
    read.results.iter().map(summary).collect()
}

/// Reads the values of all services. Returns the number of requests, too.
fn values(bench: &Bench) -> (Vec<String>, PartialRead, usize) {
    let (read, _) = shapes(bench);
    let shapes: Vec<Shape> = read.results.into_iter().map(|shape| shape.unwrap().unwrap()).collect();
    let client = bench.client();
    let services = shapes.iter().flat_map(|shape| {
        let (project, environment) = (&shape.project, &shape.environment);
        shape.services.iter().map(move |service| EnvironmentService { project, environment, service })
    });
    let services: Vec<EnvironmentService<'_>> = services.collect();
    let label = |entry: &EnvironmentService<'_>| {
        let number = entry.service.service.name.trim_start_matches("service-");
        format!("{} {} {number}", entry.project.name, entry.environment.name)
    };
    let labels = services.iter().map(label).collect();
    (labels, client.values_of_projects(&services), client.requests())
}

/// Checks that each service has its own value, and returns the labels of the others with the kinds of their errors.
#[track_caller]
fn failures(labels: &[String], read: &PartialRead) -> Vec<String> {
    let mut failures = Vec::new();
    for (label, stored) in labels.iter().zip(&read.stored) {
        match stored {
            Some(Ok(variables)) => {
                let Variable::Plain(value) = &variables["KEY"] else { panic!("{label}: {variables:?}") };
                assert_eq!(value.expose(), label);
                assert_eq!(variables.keys().collect::<Vec<_>>(), ["HIDDEN", "KEY"], "{label}");
            }
            Some(Err(error)) => failures.push(format!("{label}: {}", error.kind())),
            None => failures.push(format!("{label}: not requested")),
        }
    }
    failures
}

#[test]
fn every_token_kind_lists_the_projects_that_it_reaches() {
    // The token's own list, the workspaces, and the list of each workspace.
    let (found, requests) = listed(&bench());
    assert_eq!((names(&found), unlisted(&found), requests), (vec!["blog", "shop", "wiki"], vec![], 4));
    for token in [WORKSPACE_TOKEN, LOGIN_TOKEN] {
        let (found, requests) = listed(&bench().with_token(token, Scheme::Bearer, "RAILWAY_API_TOKEN"));
        assert_eq!((names(&found), unlisted(&found), requests), (vec!["blog", "shop"], vec![], 3));
    }
    let (found, _) = listed(&bench().with_token(PROJECT_TOKEN, Scheme::Project, "RAILWAY_TOKEN"));
    assert_eq!((names(&found), unlisted(&found)), (vec![], vec!["projects outside of workspaces"]));
}

#[test]
fn listed_projects_have_all_existing_environments() {
    let many = (0..230).fold(Project::named("many"), |project, number| {
        project.environment(Environment::named(&format!("pr-{number:03}")).ephemeral())
    });
    let few = Project::named("few")
        .environment(Environment::named("staging"))
        .environment(Environment::named("gone").deleted())
        .environment(Environment::named("production").restricted());
    let gone = project("gone", 1).deleted();
    let estate = Estate::of("one").project(many).project(few).project(gone).with_tokens();
    let (found, requests) = listed(&bench_with(estate, SimOptions::default()));
    assert_eq!((names(&found), requests), (vec!["few", "many"], 3 + 2));
    let few: Vec<_> =
        found.projects[0].environments.iter().map(|place| (place.named.name.as_str(), place.access)).collect();
    assert_eq!(few, [("staging", EnvironmentAccess::Open), ("production", EnvironmentAccess::Restricted)]);
    assert_eq!(found.projects[1].environments.len(), 230);
    assert!(found.projects[1].environments.iter().all(|place| place.is_ephemeral));
}

#[test]
fn unreadable_list_does_not_hide_the_others() {
    for (fault, expected, missing) in [
        (Fault::refusal("Not Authorized").nth(1), vec!["blog", "shop", "wiki"], vec![]),
        (Fault::refusal("Not Authorized").nth(2), vec!["blog", "shop", "wiki"], vec!["projects of workspace one"]),
        (Fault::refusal("odd").nth(3), vec!["blog", "shop", "wiki"], vec!["projects of workspace two"]),
    ] {
        let bench = bench();
        bench.sim.fault(fault.on("Projects"));
        let (found, _) = listed(&bench);
        assert_eq!((names(&found), unlisted(&found)), (expected, missing));
    }
    let two_factor = "Two Factor Authentication Required";
    let bench = bench();
    bench.sim.fault(Fault::refusal(two_factor).on("Projects").permanent());
    let (found, _) = listed(&bench);
    assert_eq!(unlisted(&found), ["projects of workspace one", "projects of workspace two"]);
}

#[test]
fn list_ends_at_the_first_error_that_concerns_all_requests() {
    let lost = || Fault::failure(TransportFailure::Broken("reset".into())).permanent();
    for (fault, expected, missing) in [
        (lost().on("Projects"), vec![], "all other projects"),
        (lost().on("ApiTokenProbe"), vec!["blog", "shop", "wiki"], "projects of further workspaces"),
        (lost().on("Projects").nth(2), vec!["blog", "shop", "wiki"], "projects of workspace one"),
    ] {
        let bench = bench();
        bench.sim.fault(fault);
        let (found, _) = listed(&bench);
        assert_eq!((names(&found), unlisted(&found)), (expected, vec![missing]));
        assert!(matches!(found.unlisted[0].error, Error::Unreachable { .. }));
    }
    let bench = bench_with(estate(), SimOptions { page_cap: 1, ..SimOptions::default() });
    bench.sim.fault(lost().on("Projects").nth(2));
    let (found, _) = listed(&bench);
    assert_eq!((names(&found), unlisted(&found)), (vec!["shop"], vec!["all other projects"]));
}

#[test]
fn environments_of_several_projects_are_read_in_one_request() {
    let (read, requests) = shapes(&bench());
    assert_eq!((summaries(&read), requests, &read.error), (all_summaries(&[]), 1, &None));
    for shape in read.results.iter().map(|shape| shape.as_ref().unwrap().as_ref().unwrap()) {
        assert!(shape.shared.contains("WHERE"));
        for service in &shape.services {
            let seals: Vec<_> = service.variables.iter().map(|(name, seal)| (name.as_str(), *seal)).collect();
            assert_eq!(seals, [("HIDDEN", Seal::Sealed), ("KEY", Seal::Open)]);
            assert!(service.deployed.known().is_some());
            assert!(matches!(service.domains, Observed::NotRequested));
        }
    }
}

/// Returns the summaries of all environments, some of them replaced, by index.
fn all_summaries(replaced: &[(usize, &str)]) -> Vec<String> {
    let projects = [("shop", 2), ("blog", 1), ("wiki", 1)];
    let summary = |(name, services)| ["staging", "production"].map(|of| format!("{name}/{of} {services}"));
    let mut summaries: Vec<String> = projects.into_iter().flat_map(summary).collect();
    for (index, summary) in replaced {
        summaries[*index] = (*summary).to_owned();
    }
    summaries
}

#[test]
fn services_of_further_pages_are_read() {
    let (read, requests) = shapes(&bench_with(estate(), SimOptions { page_cap: 1, ..SimOptions::default() }));
    // One further page for each environment of `shop`.
    assert_eq!((summaries(&read), requests), (all_summaries(&[]), 1 + 2));
}

#[test]
fn rejected_environment_does_not_hide_the_others() {
    for (fault, expected, requests) in [
        // One request more for the others, and one to find out whether the token is valid.
        (Fault::field("environment_1", "Not Authorized"), (1, "no-permission"), 1 + 2),
        (Fault::field("environment_4", "Environment not found"), (4, "not-found"), 1 + 1),
        (Fault::field("environment_5", "odd"), (5, "railway"), 1 + 1),
    ] {
        let bench = bench();
        bench.sim.fault(fault.on("EnvironmentBatch"));
        let (read, sent) = shapes(&bench);
        assert_eq!((summaries(&read), sent, &read.error), (all_summaries(&[expected]), requests, &None));
    }
    let bench = bench();
    bench.sim.change(|estate| {
        estate.projects[1].environments[0].deleted_at = Some("2026-11-01T00:00:00.000Z".to_owned());
        estate.projects[2].environments[1] = estate.projects[2].environments[1].clone().restricted();
    });
    let (read, _) = shapes(&bench);
    assert_eq!(summaries(&read), all_summaries(&[(2, "not-found"), (5, "no-permission")]));
}

#[test]
fn rejected_request_is_split_until_the_reason_is_found() {
    for (root_fields, requests) in [(6, 1), (5, 3), (2, 1 + 2 + 4), (1, 11)] {
        let (read, sent) = shapes(&bench_with(estate(), SimOptions { root_fields, ..SimOptions::default() }));
        assert_eq!((summaries(&read), sent), (all_summaries(&[]), requests), "{root_fields}");
    }
    let bench = bench();
    bench.sim.fault(Fault::refusal("Problem processing request").on("EnvironmentBatch").times(2));
    let (read, sent) = shapes(&bench);
    // The first request is repeated once, then each half is sent.
    assert_eq!((summaries(&read), sent), (all_summaries(&[]), 2 + 2));
}

#[test]
fn each_environment_is_read_alone_if_the_schema_differs() {
    let bench = bench();
    let message = "Cannot query field \"activeDeployments\" on type \"ServiceInstance\"";
    bench.sim.fault(Fault::refusal(message).on("EnvironmentBatch").permanent());
    let (read, requests) = shapes(&bench);
    assert_eq!((summaries(&read), requests, read.error), (all_summaries(&[]), 1 + 6, None));
}

#[test]
fn reading_ends_at_the_first_error_that_concerns_all_requests() {
    let limited = || Fault::reply(429, "").header("retry-after", "3000");
    for (fault, exit) in [
        (Fault::failure(TransportFailure::Broken("reset".into())).permanent(), Exit::Unreachable),
        (limited(), Exit::Unreachable),
        (Fault::reply(403, "error code: 1020"), Exit::Unreachable),
        (Fault::reply(502, "").permanent(), Exit::Unreachable),
    ] {
        let bench = bench();
        bench.sim.fault(fault.clone().on("EnvironmentBatch"));
        let (read, _) = shapes(&bench);
        assert_eq!(summaries(&read), ["not requested"; 6], "{fault:?}");
        assert_eq!(read.error.unwrap().exit(), exit, "{fault:?}");
    }
    let revoked = bench().with_token("revoked", Scheme::Bearer, "RAILWAY_API_TOKEN");
    assert!(matches!(shapes(&revoked).0.error, Some(Error::Refused { .. })));
    // What was read before the error is kept.
    let bench = bench_with(estate(), SimOptions { root_fields: 3, ..SimOptions::default() });
    bench.sim.fault(limited().on("EnvironmentBatch").nth(3));
    let (read, _) = shapes(&bench);
    let missing = [3, 4, 5].map(|index| (index, "not requested"));
    assert_eq!(summaries(&read), all_summaries(&missing));
    assert!(matches!(read.error, Some(Error::RateLimited { .. })));
}

#[test]
fn response_about_another_environment_is_rejected() {
    let bench = bench();
    let places = places(&bench);
    let body = |id: &str, project: &str| {
        format!(
            r#"{{"data":{{"environment_0":{{"id":"{id}","projectId":"{project}","name":"staging","config":{{}},
            "serviceInstances":{{"edges":[],"pageInfo":{{"hasNextPage":false}}}}}}}}}}"#
        )
    };
    let [own, other] = [&places[0], &places[2]];
    for (id, project, expected) in [
        (&own.environment.id, &own.project.id, "shop/staging 0"),
        (&other.environment.id, &own.project.id, "invalid-response"),
        (&own.environment.id, &other.project.id, "invalid-response"),
    ] {
        bench.sim.fault(Fault::reply(200, &body(id, project)).on("EnvironmentBatch"));
        let client = bench.client();
        let read = client.environments(&places[..2]);
        assert_eq!(summaries(&read), [expected, "invalid-response"], "{project}");
    }
}

#[test]
fn shared_variables_of_several_projects_are_read_in_one_request() {
    let bench = bench();
    let read_shared = || {
        let client = bench.client();
        (client.shared_values_of(&places(&bench)), client.requests())
    };
    let (read, requests) = read_shared();
    let where_of = |index: usize| match &read.results[index].as_ref().unwrap().as_ref().unwrap()["WHERE"] {
        Variable::Plain(value) => value.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    let expected = ["staging", "production"].repeat(3);
    assert_eq!(
        ((0..6).map(where_of).collect::<Vec<_>>(), requests),
        (expected.iter().map(|&of| of.to_owned()).collect(), 1)
    );
    bench.sim.fault(Fault::field("shared_3", "Not Authorized").on("SharedValuesBatch"));
    let (read, _) = read_shared();
    let kinds: Vec<_> = read.results.iter().map(|one| one.as_ref().unwrap().as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, None, None, Some("no-permission"), None, None]);
}

#[test]
fn values_of_several_projects_cost_one_request_for_twenty_five() {
    for (services, requests) in [(1, 1), (6, 1), (7, 2), (20, 4)] {
        let estate = Estate::of("one").project(project("shop", services)).project(project("blog", services));
        let (labels, read, sent) = values(&bench_with(estate.with_tokens(), SimOptions::default()));
        assert_eq!((labels.len(), sent, &read.error), (4 * services, requests, &None));
        assert_eq!(failures(&labels, &read), Vec::<String>::new());
    }
}

#[test]
fn values_include_those_of_running_deployments() {
    let bench = bench();
    bench.sim.change(|estate| {
        let web = SimService::named("service-0").image("web").variables(&[("KEY", "wiki production 0")]);
        let web = web.sealed("HIDDEN", "x");
        let deployed = web.deployed(SimDeployment::serving("2026-11-01T10:00:00.000Z").had("KEY", "older"));
        let id = estate.projects[2].environments[1].services[0].id.clone();
        estate.projects[2].environments[1].services[0] = SimService { id, ..deployed };
    });
    let (labels, read, requests) = values(&bench);
    assert_eq!((failures(&labels, &read), requests), (Vec::new(), 1));
    let running = read.got.last().unwrap().known().expect("a snapshot");
    assert_eq!(running["KEY"].as_ref().unwrap().expose(), "older");
    bench.sim.fault(Fault::field("snapshot_7", "Not Authorized").on("Values").permanent());
    let (labels, read, _) = values(&bench);
    assert_eq!(failures(&labels, &read), Vec::<String>::new());
    assert!(read.got.last().unwrap().unavailable().is_some_and(|why| why.contains("Not Authorized")));
}

#[test]
fn missing_access_to_a_service_is_missing_access_to_its_environment() {
    let bench = bench();
    let (environment, service) = bench.sim.change(|estate| {
        let production = &estate.projects[0].environments[1];
        (production.id.clone(), production.services[0].id.clone())
    });
    bench.sim.fault(Fault::service_in(&environment, &service, "Not Authorized").permanent());
    let (labels, read, requests) = values(&bench);
    let expected = ["shop production 0: no-permission", "shop production 1: no-permission"];
    // The rejected batch, the batch of the others, and the probe of the token.
    assert_eq!((failures(&labels, &read), requests), (expected.map(String::from).to_vec(), 3));
    let Some(Some(Err(error))) = read.stored.get(3) else { panic!("{read:?}") };
    assert!(error.to_string().contains("service service-1 in production of project shop"), "{error}");
}

#[test]
fn values_that_were_read_before_an_error_are_kept() {
    let twenty = || Estate::of("one").project(project("shop", 20)).with_tokens();
    for fault in [
        Fault::failure(TransportFailure::Broken("reset".into())).permanent(),
        Fault::reply(429, "").header("retry-after", "3000"),
        Fault::refusal("Not Authorized").permanent(),
    ] {
        let bench = bench_with(twenty(), SimOptions::default());
        bench.sim.fault(fault.on("Values").nth(2));
        let (labels, read, _) = values(&bench);
        let failures = failures(&labels, &read);
        assert_eq!(failures.len(), 15);
        assert!(failures.iter().all(|failure| failure.ends_with("not requested")), "{failures:?}");
        assert!(read.error.is_some());
    }
}

#[test]
fn values_of_several_projects_are_requested_one_batch_at_a_time() {
    let bench = bench_with(Estate::of("one").project(project("shop", 60)).with_tokens(), SimOptions::default());
    bench.sim.fault(Fault::reply(429, "").header("retry-after", "3000").on("Values").nth(2));
    let (_, _, requests) = values(&bench);
    assert_eq!(requests, 2, "a request was sent before the response to the one before it");
}
