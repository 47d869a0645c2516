//! Environments and services of several projects, in one batch.

use serde_json::{Value, json};

use super::{data, post, read, response, send};
use crate::io::railway::transport::Scheme;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::ACCOUNT_TOKEN;
use crate::io::sim::{Sim, SimOptions};

/// Returns the projects `shop` and `blog` with one environment each, and their ids by variable.
fn estate() -> (Estate, Value) {
    let project = |name: &str| {
        let web = SimService::named("web").image("web").variables(&[("A", "${{shared.WHERE}}")]);
        let web = web.deployed(SimDeployment::serving("2026-11-01T10:00:00.000Z").id(&format!("d-{name}")));
        Project::named(name).environment(Environment::named("live").shared(&[("WHERE", name)]).service(web))
    };
    let estate = Estate::of("team").project(project("shop")).project(project("blog")).with_tokens();
    let ids = |index: usize| {
        let project = &estate.projects[index];
        (project.id.clone(), project.environments[0].id.clone())
    };
    let [shop, blog] = [ids(0), ids(1)];
    let variables = json!({
        "projectId_0": shop.0, "environmentId_0": shop.1, "projectId_1": blog.0, "environmentId_1": blog.1
    });
    (estate, variables)
}

#[test]
fn batch_has_environments_of_several_projects() {
    let (estate, variables) = estate();
    let [shop, service] =
        [&estate.projects[0].id, &estate.projects[0].environments[0].services[0].id].map(Clone::clone);
    let sim = Sim::new(estate);
    let batch = data(&sim, ACCOUNT_TOKEN, "EnvironmentBatch", variables.clone());
    assert_eq!(batch["environment_0"]["projectId"], shop);
    assert_eq!(batch["environment_1"]["id"], variables["environmentId_1"]);
    let live = &variables["environmentId_0"];
    assert_eq!(
        batch["environment_0"]["serviceInstances"]["edges"][0]["node"],
        json!({ "serviceId": service, "environmentId": live, "serviceName": "web", "rootDirectory": null,
                "deletedAt": null, "source": { "image": "web", "repo": null }, "activeDeployments": [
                    { "id": "d-shop", "status": "SUCCESS", "createdAt": "2026-11-01T10:00:00.000Z",
                      "serviceId": service, "environmentId": live } ] })
    );
    let shared = data(&sim, ACCOUNT_TOKEN, "SharedValuesBatch", variables);
    assert_eq!(shared, json!({ "shared_0": { "WHERE": "shop" }, "shared_1": { "WHERE": "blog" } }));
    assert_eq!(sim.violations(), Vec::<String>::new());
}

#[test]
fn batch_fails_because_of_each_environment_without_access() {
    let (estate, variables) = estate();
    let sim = Sim::new(estate);
    let environment = |change: fn(Environment) -> Environment| {
        sim.change(|estate| {
            let environments = &mut estate.projects[1].environments;
            environments[0] = change(environments[0].clone());
        });
    };
    environment(Environment::restricted);
    for (operation, alias) in [("EnvironmentBatch", "environment_1"), ("SharedValuesBatch", "shared_1")] {
        let denied = response(&sim, ACCOUNT_TOKEN, operation, variables.clone());
        assert_eq!(denied, ("Not Authorized".into(), json!([alias])));
    }
    environment(Environment::deleted);
    let denied = response(&sim, ACCOUNT_TOKEN, "EnvironmentBatch", variables.clone());
    assert_eq!(denied, ("Environment not found".into(), json!(["environment_1"])));
    let mut mixed = variables;
    mixed["projectId_0"] = mixed["projectId_1"].clone();
    let denied = response(&sim, ACCOUNT_TOKEN, "SharedValuesBatch", mixed);
    assert_eq!(denied, ("Environment not found".into(), json!(["shared_0"])));
}

#[test]
fn values_are_read_from_the_project_of_each_alias() {
    let (estate, ids) = estate();
    let services = [0, 1].map(|index: usize| estate.projects[index].environments[0].services[0].id.clone());
    let sim = Sim::new(estate);
    let query = "stored_0: variables(projectId: $projectId_1, environmentId: $environmentId_1, serviceId: $serviceId_0)\n\
                 rendered_0: variables(projectId: $projectId_1, environmentId: $environmentId_1, serviceId: $serviceId_0)\n\
                 stored_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1)\n\
                 rendered_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1)";
    let variables = json!({
        "projectId": ids["projectId_0"], "projectId_1": ids["projectId_1"], "environmentId": ids["environmentId_0"],
        "environmentId_1": ids["environmentId_1"], "serviceId_0": services[1], "serviceId_1": services[0]
    });
    let body = json!({ "operationName": "Values", "query": query, "variables": variables });
    let reply = send(&sim, (Scheme::Bearer, ACCOUNT_TOKEN), "Values", &body).expect("a response");
    let values = read(&reply)["data"].take();
    assert_eq!((&values["rendered_0"]["A"], &values["rendered_1"]["A"]), (&json!("blog"), &json!("shop")));
    assert_eq!(sim.violations(), Vec::<String>::new());
}

#[test]
fn batch_of_environments_needs_both_ids_of_each() {
    let (estate, variables) = estate();
    let sim = Sim::with(estate, SimOptions { root_fields: 1, ..SimOptions::default() });
    assert_eq!(post(&sim, ACCOUNT_TOKEN, "EnvironmentBatch", variables.clone()).expect("a response").status, 400);
    assert_eq!(sim.violations(), Vec::<String>::new(), "a limit is no violation");
    for (removed, complaint) in [
        ("environmentId_0", "Variable \"$environmentId_0\" of required type \"String!\" was not provided."),
        ("projectId_0", "Variable \"$projectId_0\" of required type \"String!\" was not provided."),
    ] {
        let before = sim.violations().len();
        let mut variables = variables.clone();
        variables.as_object_mut().expect("an object").remove(removed);
        assert_eq!(post(&sim, ACCOUNT_TOKEN, "EnvironmentBatch", variables).expect("a response").status, 400);
        assert_eq!(sim.violations()[before..], [complaint]);
    }
    let mut gap = variables;
    gap.as_object_mut().expect("an object").remove("environmentId_1");
    post(&sim, ACCOUNT_TOKEN, "SharedValuesBatch", gap).expect("a response");
    assert_eq!(sim.violations().len(), 3, "an environment without an id is a violation");
}
