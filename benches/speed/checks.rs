//! Whole checks: how many requests they are, and how long they take beside what nobody can be faster than.

use std::time::Duration;

use crate::measure::{Program, median, walls};
use crate::place::{Asked, Cache, Place, drifted, project};
use crate::server::{Heard, round_trips};
use crate::table::{head, held, milliseconds, ratio, row};
use crate::{Effort, curl};

const VARIABLES: usize = 20;

/// The most that a check may take, in terms of its floor.
const MOST: f64 = 1.15;

/// How many times faster than a loop it must be with ten services.
const FASTER: f64 = 10.0;

fn place(services: usize) -> Place {
    let (estate, file) = project(services, VARIABLES);
    Place::new(estate, &drifted(&file))
}

/// Requests, and how many of them one after the other. A latency shows which of them are under way together.
pub(crate) fn requests(_: Effort) {
    let columns = ["services", "requests, cold", "one after the other", "requests, warm", "one after the other"];
    head("Requests of a check with known ids", &columns);
    for services in [1, 2, 10, 50, 200] {
        let place = place(services);
        place.server.latency(40);
        let counts = [Cache::Cold, Cache::Warm].map(|cache| {
            let heard = place.check(cache, &[]).heard;
            [heard.len().to_string(), round_trips(&heard).to_string()]
        });
        row(&[vec![services.to_string()], counts.concat()].concat());
    }
}

/// Wall time at some latencies.
pub(crate) fn latency(effort: Effort) {
    let columns =
        ["services", "latency", "cache", "`doctor check`", "floor", "times the floor", "loop", "loop ÷ check"];
    head("A check beside its floor and a loop", &columns);
    for services in [1, 10, 50, 200] {
        let place = place(services);
        let looped = curl::looped(&place, &one_by_one(&place));
        for milliseconds in [0, 50, 150] {
            place.server.latency(milliseconds);
            let times = effort.times(if milliseconds == 0 { 21 } else { 7 });
            let looped = (services == 10).then(|| wall(&place, &looped, effort.times(3), services));
            for cache in [Cache::Cold, Cache::Warm] {
                compare(&place, (services, milliseconds), cache, times, looped);
            }
        }
    }
}

/// The question for one service, for each of them.
fn one_by_one(place: &Place) -> Vec<String> {
    let values = |heard: Vec<Heard>| -> Vec<String> {
        heard.into_iter().map(|one| one.body).filter(|body| body.contains("\"operationName\":\"Values\"")).collect()
    };
    let ids: Vec<String> = values(place.check(Cache::Cold, &[]).heard).iter().flat_map(|body| ids(body)).collect();
    let single = values(place.check(Cache::Cold, &["--service", "service-0000"]).heard).remove(0);
    let own = ids_of(&single, "serviceId_0");
    ids.iter().map(|id| single.replace(&own, id)).collect()
}

/// The ids of a batch's services.
fn ids(body: &str) -> Vec<String> {
    (0..body.len()).map(|number| ids_of(body, &format!("serviceId_{number}"))).take_while(|id| !id.is_empty()).collect()
}

fn ids_of(body: &str, variable: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["variables"][variable].as_str().unwrap_or_default().to_owned()
}

/// Some runs of another program that asks so many times.
fn wall(place: &Place, program: &Program, times: usize, requests: usize) -> Duration {
    place.server.heard();
    let taken = program.measure(times);
    assert!(taken.iter().all(|one| one.code == 0), "curl failed");
    assert_eq!(place.server.heard().len(), times * requests);
    median(walls(&taken))
}

/// One line: checks and their floor in turn, so that both have the same luck.
fn compare(place: &Place, (services, latency): (usize, u64), cache: Cache, times: usize, looped: Option<Duration>) {
    let bodies: Vec<String> = place.check(cache, &[]).heard.into_iter().map(|one| one.body).collect();
    let floor = match cache {
        Cache::Cold => curl::in_turn(place, &bodies),
        Cache::Warm => curl::at_once(place, &bodies),
    };
    let (mut checks, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let Asked { taken, heard } = place.check(cache, &[]);
        assert_eq!(heard.len(), bodies.len(), "each check asks the same");
        checks.push(taken.wall);
        floors.push(wall(place, &floor, 1, bodies.len()));
    }
    let (check, floor) = (median(checks), median(floors));
    let over = ratio(check, floor);
    let faster = looped.map(|looped| ratio(looped, check));
    row(&[
        services.to_string(),
        format!("{latency} ms"),
        if cache == Cache::Cold { "cold" } else { "warm" }.to_owned(),
        milliseconds(check),
        milliseconds(floor),
        held(format!("{over:.2}"), (latency > 0).then_some(over <= MOST)),
        looped.map(milliseconds).unwrap_or_default(),
        faster
            .map(|faster| held(format!("{faster:.1}"), (latency > 0).then_some(faster >= FASTER)))
            .unwrap_or_default(),
    ]);
}
