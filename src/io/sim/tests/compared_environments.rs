//! Two environments in one response, and in one batch.

use serde_json::{Value, json};

use super::{data, ids, read, response, send};
use crate::io::railway::transport::Scheme;
use crate::io::sim::Sim;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::ACCOUNT_TOKEN;

#[test]
fn batch_reads_each_alias_from_its_environment() {
    let named = |name: &str| {
        Environment::named(name)
            .shared(&[("WHERE", name)])
            .service(SimService::named("web").variables(&[("A", "${{shared.WHERE}}"), ("B", name)]))
    };
    let project = Project::named("shop").environment(named("staging")).environment(named("production"));
    let sim = Sim::new(Estate::of("team").project(project).with_tokens());
    let (project, staging, services) = ids(&sim);
    let production = sim.change(|estate| estate.projects[0].environments[1].id.clone());
    let query = "stored_0: variables(environmentId: $environmentId_1, serviceId: $serviceId_0)\n\
                 rendered_0: variables(serviceId: $serviceId_0, environmentId: $environmentId_1)\n\
                 stored_1: variables(environmentId: $environmentId, serviceId: $serviceId_1)\n\
                 rendered_1: variables(environmentId: $environmentId, serviceId: $serviceId_1)";
    let variables = json!({ "projectId": project, "environmentId": staging, "environmentId_1": production,
        "serviceId_0": services[0], "serviceId_1": services[0] });
    let body = json!({ "operationName": "Values", "query": query, "variables": variables });
    let account = (Scheme::Bearer, ACCOUNT_TOKEN);
    let values = read(&send(&sim, account, "Values", &body).expect("a response"))["data"].take();
    for (number, name) in [(0, "production"), (1, "staging")] {
        assert_eq!(values[format!("stored_{number}")], json!({ "A": "${{shared.WHERE}}", "B": name }));
        assert_eq!(values[format!("rendered_{number}")]["A"], name);
    }
    sim.change(|estate| estate.projects[0].environments[1] = estate.projects[0].environments[1].clone().restricted());
    let denied = read(&send(&sim, account, "Values", &body).expect("a response"));
    assert_eq!((&denied["data"], &denied["errors"][0]["path"]), (&Value::Null, &json!(["stored_0"])));
    assert_eq!(sim.violations(), Vec::<String>::new());
}

#[test]
fn compared_environments_are_one_listing() {
    let environment = |name: &str| Environment::named(name).service(SimService::named("web").start("node web.js"));
    let project =
        Project::named("shop").environment(environment("staging")).environment(environment("pr-1").ephemeral());
    let sim = Sim::new(Estate::of("team").project(project).with_tokens());
    let (project, staging, services) = ids(&sim);
    let scope = json!({ "projectId": project });
    let listed = data(&sim, ACCOUNT_TOKEN, "ComparedEnvironments", scope.clone())["project"]["environments"].take();
    let nodes = [0, 1].map(|index: usize| &listed["edges"][index]["node"]);
    assert_eq!(nodes.map(|node| node["isEphemeral"].clone()), [json!(false), json!(true)]);
    assert_eq!(nodes[0]["config"]["services"][&services[0]]["deploy"]["startCommand"], "node web.js");
    assert_eq!(
        nodes[0]["serviceInstances"]["edges"][0]["node"],
        json!({ "serviceId": services[0], "environmentId": staging, "serviceName": "web", "rootDirectory": null,
                "deletedAt": null, "source": null, "startCommand": "node web.js", "railwayConfigFile": null,
                "cronSchedule": null, "sleepApplication": null })
    );
    sim.change(|estate| estate.projects[0].environments[1] = estate.projects[0].environments[1].clone().restricted());
    let path = json!(["project", "environments", "edges", 1, "node", "config"]);
    assert_eq!(response(&sim, ACCOUNT_TOKEN, "ComparedEnvironments", scope), ("Not Authorized".into(), path));
}
