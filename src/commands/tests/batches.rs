//! Many services: concurrent batches and cached ids, neither of which affects the report.

use crate::commands::tests::fix::service;
use crate::commands::tests::prefetch::{By, check, outcome};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate};
use crate::io::sim::fault::{Fault, Loss, Moment};

const SINCE: &str = "2026-11-20T10:00:00.000Z";

/// Three batches; the last one is not full.
const MANY: usize = 50;

fn many(count: usize) -> Sandbox {
    let one = |number| {
        service(&format!("s{number:03}"), &[("A", "stored"), ("B", "2")])
            .deployed(SimDeployment::serving(SINCE).had("A", "older"))
    };
    let services: Vec<_> = (0..count).map(one).collect();
    Sandbox::of(services).file(".env", "A=1\nB=2\n")
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
fn prefetch_stays_within_concurrency_limit() {
    let sandbox = many(200).remembering();
    let cold = check(&sandbox, By::Ids);
    let warm = check(&sandbox, By::Ids);
    assert_eq!((outcome(&warm.0), warm.1.len(), cold.1.len()), (outcome(&cold.0), 11, 11));
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
        // The third and fourth request for values are sent together with the second.
        let sandbox = many(70);
        sandbox.sim.fault(fault.on("Values").nth(3).times(2));
        let (ended, asked) = check(&sandbox, By::Ids);
        assert_eq!((ended.took.as_secs(), asked.len()), (seconds, 5 + 2), "{name}: {}", ended.err);
        assert_eq!(ended.out.replace("\"requests\": 7", "\"requests\": 5"), quiet.out, "{name}");
    }
}

#[test]
fn split_batch_disables_concurrency_and_id_cache() {
    let sandbox = many(MANY).remembering();
    sandbox.sim.fault(Fault::reply(413, "<html>").on("Values").times(1));
    let (ended, asked) = check(&sandbox, By::Ids);
    // Five batches of ten, after one of twenty that was too large.
    assert_eq!((ended.code, asked.len()), (1, 1 + 1 + 5), "{}", ended.err);
    let sent = check(&sandbox, By::Ids).1;
    assert_eq!(sent.len(), 4, "nothing is prefetched: {sent:?}");
}
