//! Many services: concurrent batches, their size, and cached ids, none of which affects the report.

use crate::commands::tests::fix::service;
use crate::commands::tests::prefetch::{By, check, outcome};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project};
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::{Sim, SimOptions};

const SINCE: &str = "2026-11-20T10:00:00.000Z";

/// Three batches; the last one is not full.
const MANY: usize = 50;

/// More services than fit into seven batches of twenty.
const VERY_MANY: usize = 200;

fn many(count: usize) -> Sandbox {
    many_with(count, SimOptions::default())
}

fn many_with(count: usize, options: SimOptions) -> Sandbox {
    let one = |number| {
        service(&format!("s{number:03}"), &[("A", "stored"), ("B", "2")])
            .deployed(SimDeployment::serving(SINCE).had("A", "older"))
    };
    let environment = (0..count).map(one).fold(Environment::named("staging"), Environment::service);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Sandbox::new(Sim::with(estate, options)).file(".env", "A=1\nB=2\n")
}

/// Options of a server that accepts batches of twenty services, each with three fields, and no larger ones.
fn accepts_twenty() -> SimOptions {
    SimOptions { root_fields: 3 * 20 + 1, ..SimOptions::default() }
}

/// Returns the number of requests of a check, after comparing its outcome.
fn count_after(sandbox: &Sandbox, expected: &Ended) -> usize {
    let (ended, asked) = check(sandbox, By::Ids);
    assert_eq!(outcome(&ended), outcome(expected));
    asked.len()
}

fn services(estate: &mut Estate) -> &mut Environment {
    &mut estate.projects[0].environments[0]
}

fn redeploy(estate: &mut Estate, number: usize) {
    let newer = SimDeployment::serving("2026-11-24T09:00:00.000Z").had("A", "newer");
    services(estate).services[number].deployments.push(newer);
}

#[test]
fn changed_service_costs_only_requests_for_its_batch() {
    type Change = fn(&mut Estate);
    let changes: [(&str, Change, usize); 7] = [
        ("nothing", |_| {}, 0),
        ("a deployment of the first batch", |estate| redeploy(estate, 3), 1),
        ("a deployment of the second", |estate| redeploy(estate, 23), 1),
        (
            "a deployment of the last and one of the first",
            |estate| [0, 49].iter().for_each(|&n| redeploy(estate, n)),
            2,
        ),
        ("the last is gone", |estate| drop(services(estate).services.pop()), 1),
        ("the first is gone", |estate| drop(services(estate).services.remove(0)), 3),
        ("one more", |estate| services(estate).services.push(service("z", &[("A", "1")])), 1),
    ];
    for (name, change, wasted) in changes {
        let [cold, warm] = [many(MANY), many(MANY).remembering()].map(|sandbox| {
            assert_eq!(check(&sandbox, By::Ids).1.len(), 4, "{name}");
            sandbox.sim.change(change);
            (check(&sandbox, By::Ids), sandbox)
        });
        assert_eq!(outcome(&warm.0.0), outcome(&cold.0.0), "{name}");
        assert_eq!((cold.0.1.len(), warm.0.1.len()), (4, 4 + wasted), "{name}");
        assert!(warm.0.0.out.contains(&format!("\"requests\": {}", 4 + wasted)), "{name}: every request is counted");
        assert_eq!(check(&warm.1, By::Ids).1.len(), 4, "{name}: the next prefetch is right");
    }
}

#[test]
fn many_services_take_fewer_requests_in_larger_batches() {
    let cold = check(&many_with(VERY_MANY, accepts_twenty()), By::Ids).0;
    for (count, requests) in [(140, 1 + 7), (141, 1 + 5), (VERY_MANY, 1 + 7), (300, 1 + 8)] {
        let sandbox = many(count).remembering();
        let (first, asked) = check(&sandbox, By::Ids);
        assert!(count != VERY_MANY || outcome(&first) == outcome(&cold), "the report does not depend on batches");
        assert_eq!((asked.len(), count_after(&sandbox, &first)), (requests, requests), "{count} services");
    }
}

#[test]
fn rejected_size_is_remembered() {
    let expected = check(&many(VERY_MANY), By::Ids).0;
    let sandbox = many_with(VERY_MANY, accepts_twenty()).remembering();
    assert_eq!(count_after(&sandbox, &expected), 1 + 7 + 10, "all batches of thirty are rejected");
    for _ in 0..2 {
        assert_eq!(count_after(&sandbox, &expected), 1 + 10, "only accepted batches are sent");
    }
    // A limit below the usual size is remembered as well.
    let options = || SimOptions { root_fields: 3 * 10 + 1, ..SimOptions::default() };
    let sandbox = many_with(MANY, options()).remembering();
    let expected = check(&many(MANY), By::Ids).0;
    assert_eq!([(); 3].map(|()| count_after(&sandbox, &expected)), [1 + 3 + 5, 1 + 5, 1 + 5]);
}

#[test]
fn batches_become_smaller_when_the_server_accepts_less_than_before() {
    for fault in [Fault::reply(413, "<html>"), Fault::refusal("Query complexity limit exceeded")] {
        let sandbox = many(VERY_MANY).remembering();
        let expected = check(&sandbox, By::Ids).0;
        // All batches of the prefetch are rejected.
        sandbox.sim.fault(fault.clone().on("Values").times(7));
        assert_eq!(count_after(&sandbox, &expected), 1 + 7 + 10, "{fault:?}");
        assert_eq!(count_after(&sandbox, &expected), 1 + 10, "{fault:?}");
    }
}

#[test]
fn batches_become_smaller_when_a_response_is_too_long() {
    let sandbox = many(VERY_MANY).remembering();
    let expected = check(&many(VERY_MANY), By::Ids).0;
    sandbox.sim.fault(Fault::failure(TransportFailure::TooLong).on("Values").times(1));
    assert_eq!([(); 2].map(|()| count_after(&sandbox, &expected)), [1 + 7 + 10, 1 + 10]);
}

#[test]
fn size_is_not_learnt_from_other_failures() {
    for message in ["Problem processing request", "something new"] {
        let sandbox = many(VERY_MANY).remembering();
        let expected = check(&sandbox, By::Ids).0;
        sandbox.sim.fault(Fault::refusal(message).on("Values").times(9));
        check(&sandbox, By::Ids);
        check(&sandbox, By::Ids);
        assert_eq!(count_after(&sandbox, &expected), 1 + 7, "{message}");
    }
}

#[test]
fn implausible_size_in_the_cache_is_ignored() {
    let sandbox = many(VERY_MANY).remembering();
    let expected = check(&sandbox, By::Ids).0;
    let path = std::fs::read_dir(sandbox.cache()).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read_to_string(&path).unwrap();
    for size in ["0", "1", "4", "40", "9999999", "-1", "\"x\"", "{}"] {
        std::fs::write(&path, good.replace("\"batch_limit\":null", &format!("\"batch_limit\":{size}"))).unwrap();
        assert_eq!(count_after(&sandbox, &expected), 1 + 7, "{size}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().matches("\"batch_limit\":null").count(), 1, "{size}");
    }
}

#[test]
fn low_rate_limit_sends_one_batch_early() {
    let free = |root_fields| SimOptions { root_fields, allowance: Some(100), ..SimOptions::default() };
    for (root_fields, requests) in [(usize::MAX, [8, 8, 8 + 1]), (61, [12, 11, 11 + 1])] {
        let sandbox = many_with(VERY_MANY, free(root_fields)).remembering();
        let expected = check(&sandbox, By::Ids).0;
        assert_eq!((sandbox.sim.count(), count_after(&sandbox, &expected)), (requests[0], requests[1]));
        sandbox.sim.change(|estate| redeploy(estate, 0));
        assert_eq!(check(&sandbox, By::Ids).1.len(), requests[2], "one request is wasted, not seven");
    }
}

#[test]
fn failed_concurrent_batch_is_retried_sequentially() {
    let quiet = check(&many(70), By::Ids).0;
    for (name, fault, seconds) in [
        ("a problem", Fault::refusal("Problem processing request"), 0),
        ("a limit", Fault::reply(429, "{}").header("retry-after", "7"), 7),
        ("a gateway", Fault::lost(Moment::Before, Loss::Html(502)), 0),
        ("a cut", Fault::lost(Moment::After, Loss::Truncated), 0),
        ("no answer", Fault::lost(Moment::Before, Loss::TimedOut), 0),
    ] {
        // The third and fourth request for values are sent together with the first.
        let sandbox = many(70);
        sandbox.sim.fault(fault.on("Values").nth(3).times(2));
        let (ended, asked) = check(&sandbox, By::Ids);
        assert_eq!((ended.took.as_secs(), asked.len()), (seconds, 5 + 2), "{name}: {}", ended.err);
        assert_eq!(ended.out.replace("\"requests\": 7", "\"requests\": 5"), quiet.out, "{name}");
    }
}

#[test]
fn split_for_another_reason_disables_concurrency_and_id_cache() {
    let sandbox = many(MANY).remembering();
    sandbox.sim.fault(Fault::refusal("something new").on("Values").times(4));
    let (ended, asked) = check(&sandbox, By::Ids);
    // Five batches of ten, after three of twenty, of which the first was rejected with and without its extra fields.
    let batches = asked.iter().filter(|operation| *operation == "Values").count();
    assert_eq!((ended.code, batches), (1, 3 + 1 + 5), "{}", ended.err);
    let sent = check(&sandbox, By::Ids).1;
    assert_eq!(sent.len(), 4, "nothing is prefetched: {sent:?}");
}
