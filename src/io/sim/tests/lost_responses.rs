//! Lost responses, and concurrent changes by another user.

use serde_json::{Value, json};

use crate::io::railway::transport::TransportFailure;
use crate::io::sim::estate::SimService;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::seed::ACCOUNT_TOKEN;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::tests::{data, newest, post, read, redeploy, set, stored, watch, with, world};
use crate::io::sim::{Sim, SimOptions};

fn two() -> (Sim, Value, Vec<String>) {
    let service = |name: &str| SimService::named(name).image("it:1").variables(&[("KEY", "old")]);
    world(vec![service("api"), service("worker")], SimOptions::default())
}

fn write(sim: &Sim, scope: &Value, service: &str) -> String {
    match post(sim, ACCOUNT_TOKEN, "SetVariables", set(scope, Some(service), json!({ "KEY": "new" }))) {
        Ok(reply) => format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body)),
        Err(failure) => format!("{failure:?}"),
    }
}

#[test]
fn lost_response_does_not_reveal_whether_write_applied() {
    let page = "502 <html><body>upstream error</body></html>";
    for (moment, loss, expected) in [
        (Moment::Before, Loss::Reset, "Broken(\"connection reset by peer\")"),
        (Moment::After, Loss::Reset, "Broken(\"connection reset by peer\")"),
        (Moment::Before, Loss::TimedOut, "TimedOut"),
        (Moment::After, Loss::TimedOut, "TimedOut"),
        (Moment::After, Loss::Empty(504), "504 "),
        (Moment::Before, Loss::Empty(500), "500 "),
        (Moment::After, Loss::Html(502), page),
        (Moment::Before, Loss::Html(502), page),
        (Moment::After, Loss::Truncated, "200 {\"data\":{\"variableCol"),
        (Moment::Before, Loss::Truncated, "200 {\"data"),
    ] {
        let (sim, scope, services) = two();
        sim.fault(Fault::lost(moment, loss).on("SetVariables"));
        assert_eq!(write(&sim, &scope, &services[0]), expected);
        let applied = moment == Moment::After;
        assert_eq!(stored(&sim, &scope, &services[0])["KEY"] == "new", applied);
        let mutation = sim.mutations().remove(0);
        assert_eq!((mutation.service.as_ref(), mutation.keys.len()), (Some(&services[0]), 1));
        assert_eq!(mutation.applied, applied);
        assert!(write(&sim, &scope, &services[0]).starts_with("200"));
    }
}

#[test]
fn lost_redeployment_may_or_may_not_exist() {
    for (moment, made) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (sim, _, services) = two();
        let old = newest(&sim, 0);
        sim.fault(Fault::lost(moment, Loss::TimedOut).on("Redeploy").for_service(&services[0]));
        redeploy(&sim, &newest(&sim, 1));
        let lost = post(&sim, ACCOUNT_TOKEN, "Redeploy", json!({ "deploymentId": old })).err();
        assert_eq!(lost, Some(TransportFailure::TimedOut));
        let mutation = sim.mutations().remove(1);
        assert_eq!((mutation.service, mutation.deployments.len()), (Some(services[0].clone()), made));
        assert_eq!(newest(&sim, 0) != old, made == 1);
    }
}

#[test]
fn fault_waits_for_its_service_and_occurrence() {
    let (sim, scope, services) = two();
    sim.fault(Fault::lost(Moment::After, Loss::Empty(504)).for_service(&services[1]).nth(2));
    sim.fault(Fault::refusal("Problem processing request").on("SetVariables").nth(3));
    let found: Vec<bool> = [0, 1, 0, 1]
        .map(|number: usize| write(&sim, &scope, &services[number]))
        .map(|reply| reply.contains("true"))
        .into();
    assert_eq!(found, [true, true, false, false]);
    let applied: Vec<bool> = sim.mutations().iter().map(|mutation| mutation.applied).collect();
    assert_eq!(applied, [true, true, false, true]);
    // A deployment identifies the service, also in a batch.
    sim.fault(Fault::failure(TransportFailure::TimedOut).on("DeploymentStatus").for_service(&services[1]));
    watch(&sim, &newest(&sim, 0));
    let both = json!({ "deploymentId_0": newest(&sim, 0), "deploymentId_1": newest(&sim, 1) });
    assert_eq!(post(&sim, ACCOUNT_TOKEN, "DeploymentStatus", both).err(), Some(TransportFailure::TimedOut));
}

#[test]
fn concurrent_changes_happen_right_before_or_after_request() {
    let (sim, scope, services) = two();
    sim.before_nth("Values", 2, |estate| estate.service_named("api").expect("the service exists").set("KEY", "theirs"));
    sim.after("SetVariables", |estate| {
        estate.service_named("worker").expect("the service exists").set("KEY", "theirs");
    });
    sim.before("SetVariables", |estate| {
        let worker = estate.service_named("worker").expect("the service exists");
        assert_eq!(worker.variables.len(), 1);
        worker.set("MORE", "theirs");
    });
    sim.after_nth("SetVariables", 2, |estate| drop(estate.deploy("api", StatusTimeline::endless())));
    let key = || stored(&sim, &scope, &services[0])["KEY"].clone();
    assert_eq!([key(), key(), key()], ["old", "theirs", "theirs"]);
    write(&sim, &scope, &services[1]);
    assert_eq!(stored(&sim, &scope, &services[1]), json!({ "KEY": "theirs", "MORE": "theirs" }));
    let refused = post(&sim, ACCOUNT_TOKEN, "Redeploy", json!({ "deploymentId": newest(&sim, 0) }));
    assert!(read(&refused.expect("a response"))["data"].is_object());
    write(&sim, &scope, &services[1]);
    let wanted = with(scope.clone(), &[("serviceId", &services[0])]);
    let recent = data(&sim, ACCOUNT_TOKEN, "RecentDeployments", wanted);
    let edges = recent["deployments"]["edges"].as_array().expect("edges");
    assert_eq!(edges.len(), 3);
    assert!(sim.mutations().iter().all(|mutation| mutation.deployments.len() < 2));
}
