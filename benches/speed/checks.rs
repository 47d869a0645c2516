//! Complete checks: number of requests, and wall time compared with a lower bound and with a shell loop.

use std::time::Duration;

use crate::fixture::{Cache, CheckRun, Fixture, drifted, project};
use crate::measure::{Program, median, wall_times};
use crate::server::{Request, round_trips};
use crate::table::{milliseconds, print_header, print_row, ratio, with_goal};
use crate::{Effort, curl};

const VARIABLES: usize = 20;

/// Goal: the maximum wall time of a check, relative to the floor.
const MAX_RATIO: f64 = 1.15;

/// Goal: the minimum speedup over the loop with ten services.
const MIN_SPEEDUP: f64 = 10.0;

fn fixture(services: usize) -> Fixture {
    let (estate, file) = project(services, VARIABLES);
    Fixture::new(estate, &drifted(&file))
}

/// Counts requests and sequential round trips. The latency makes concurrent requests overlap measurably.
pub(crate) fn requests(_: Effort) {
    let columns = ["services", "requests, cold", "round trips, cold", "requests, warm", "round trips, warm"];
    print_header("Requests of a check, project and environment given by id", &columns);
    for services in [1, 2, 10, 50, 200] {
        let fixture = fixture(services);
        fixture.server.latency(40);
        let counts = [Cache::Cold, Cache::Warm].map(|cache| {
            let requests = fixture.check(cache, &[]).requests;
            [requests.len().to_string(), round_trips(&requests).to_string()]
        });
        print_row(&[vec![services.to_string()], counts.concat()].concat());
    }
}

/// Compares the wall time of a check with the floor and the loop, by latency.
pub(crate) fn latency(effort: Effort) {
    let columns = ["services", "latency", "cache", "`doctor check`", "floor", "check ÷ floor", "loop", "loop ÷ check"];
    print_header("A check, its floor and a loop", &columns);
    for services in [1, 10, 50, 200] {
        let fixture = fixture(services);
        let looped = curl::looped(&fixture, &body_per_service(&fixture));
        for milliseconds in [0, 50, 150] {
            fixture.server.latency(milliseconds);
            let times = effort.times(if milliseconds == 0 { 21 } else { 7 });
            let looped = (services == 10).then(|| median_wall(&fixture, &looped, effort.times(3), services));
            for cache in [Cache::Cold, Cache::Warm] {
                compare(&fixture, (services, milliseconds), cache, times, looped);
            }
        }
    }
}

/// Returns one request body per service, each for the variables of that service only.
fn body_per_service(fixture: &Fixture) -> Vec<String> {
    let values = |requests: Vec<Request>| -> Vec<String> {
        requests
            .into_iter()
            .map(|request| request.body)
            .filter(|body| body.contains("\"operationName\":\"Values\""))
            .collect()
    };
    let ids: Vec<String> =
        values(fixture.check(Cache::Cold, &[]).requests).iter().flat_map(|body| service_ids(body)).collect();
    let single = values(fixture.check(Cache::Cold, &["--service", "service-0000"]).requests).remove(0);
    let id_in_body = service_id(&single, "serviceId_0");
    ids.iter().map(|id| single.replace(&id_in_body, id)).collect()
}

/// Returns the service ids in a batch request.
fn service_ids(body: &str) -> Vec<String> {
    (0..body.len())
        .map(|number| service_id(body, &format!("serviceId_{number}")))
        .take_while(|id| !id.is_empty())
        .collect()
}

fn service_id(body: &str, variable: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["variables"][variable].as_str().unwrap_or_default().to_owned()
}

/// Returns the median wall time of a program that sends `requests` requests per run.
fn median_wall(fixture: &Fixture, program: &Program, times: usize, requests: usize) -> Duration {
    fixture.server.take_requests();
    let usage = program.measure(times);
    assert!(usage.iter().all(|run| run.code == 0), "curl failed");
    assert_eq!(fixture.server.take_requests().len(), times * requests);
    median(wall_times(&usage))
}

/// Prints one row. Runs the check and its floor alternately, so that machine load affects both equally.
fn compare(fixture: &Fixture, (services, latency): (usize, u64), cache: Cache, times: usize, looped: Option<Duration>) {
    let bodies: Vec<String> = fixture.check(cache, &[]).requests.into_iter().map(|request| request.body).collect();
    let floor = match cache {
        Cache::Cold => curl::sequential(fixture, &bodies),
        Cache::Warm => curl::parallel(fixture, &bodies),
    };
    let (mut checks, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let CheckRun { usage, requests } = fixture.check(cache, &[]);
        assert_eq!(requests.len(), bodies.len(), "each check must send the same number of requests");
        checks.push(usage.wall);
        floors.push(median_wall(fixture, &floor, 1, bodies.len()));
    }
    let (check, floor) = (median(checks), median(floors));
    let relative = ratio(check, floor);
    let speedup = looped.map(|looped| ratio(looped, check));
    print_row(&[
        services.to_string(),
        format!("{latency} ms"),
        if cache == Cache::Cold { "cold" } else { "warm" }.to_owned(),
        milliseconds(check),
        milliseconds(floor),
        with_goal(format!("{relative:.2}"), (latency > 0).then_some(relative <= MAX_RATIO)),
        looped.map(milliseconds).unwrap_or_default(),
        speedup
            .map(|speedup| with_goal(format!("{speedup:.1}"), (latency > 0).then_some(speedup >= MIN_SPEEDUP)))
            .unwrap_or_default(),
    ]);
}
