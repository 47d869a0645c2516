//! Complete commands: number of requests, and wall time compared with a lower bound and with a shell loop.

use std::fs;
use std::time::Duration;

use railway_doctor::io::sim::estate::{Environment, Estate, Project};

use crate::fixture::{Cache, Fixture, Run, drifted, project};
use crate::measure::{Program, median, wall_times};
use crate::server::{Request, round_trips};
use crate::table::{milliseconds, print_header, print_row, ratio, with_goal};
use crate::{Effort, curl};

const VARIABLES: usize = 20;

/// Goal: the maximum wall time of a command, relative to its floor.
const MAX_RATIO: f64 = 1.15;

/// The number of projects of the account that `trace --everywhere` searches.
const PROJECTS: usize = 5;

/// A command that is measured, for projects of several sizes.
struct Command {
    arguments: &'static [&'static str],
    /// Creates the project or projects, with this number of services in total.
    fixture: fn(usize) -> Fixture,
    services: &'static [usize],
    /// The latencies in milliseconds.
    latencies: &'static [u64],
    caches: &'static [Cache],
    /// The operations of a cold run of which each needs a response to the one before it. All others can be sent at the
    /// same time as one of them. If empty, the floor consists
    /// of all requests, and there is no goal.
    chain: &'static [&'static str],
}

const BOTH: &[Cache] = &[Cache::Cold, Cache::Warm];

const CHECK: Command = Command {
    arguments: &["check"],
    fixture: with_file,
    services: &[1, 10, 50, 200],
    latencies: &[0, 50, 150],
    caches: BOTH,
    chain: &["Environment", "Values"],
};

const COMMANDS: [Command; 5] = [
    CHECK,
    Command { arguments: &["check", "--no-env-file"], fixture: with_template, latencies: &[50], ..CHECK },
    Command {
        arguments: &["compare", "staging", "production"],
        fixture: with_two_environments,
        latencies: &[50],
        chain: &["ComparedEnvironments", "Values"],
        ..CHECK
    },
    Command { arguments: &["trace", "SETTING_000"], latencies: &[50], ..CHECK },
    Command {
        arguments: &["trace", "SETTING_000", "--everywhere", "--yes"],
        fixture: with_several_projects,
        services: &[50, 200],
        latencies: &[50],
        caches: &[Cache::Cold],
        chain: &[],
    },
];

fn with_file(services: usize) -> Fixture {
    let (estate, file) = project(services, VARIABLES);
    Fixture::new(estate, &drifted(&file))
}

/// Creates a project whose `.env.example` declares the keys of all services.
fn with_template(services: usize) -> Fixture {
    let (estate, file) = project(services, VARIABLES);
    let fixture = Fixture::new(estate, &file);
    let names = file.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| format!("{name}=\n"));
    fs::write(fixture.work().join(".env.example"), names.collect::<String>()).unwrap();
    fs::remove_file(fixture.work().join(".env")).unwrap();
    fixture
}

/// Creates a project whose second environment has the same services and values.
fn with_two_environments(services: usize) -> Fixture {
    let (mut estate, file) = project(services, VARIABLES);
    let mut staging = estate.projects[0].environments[0].clone();
    "staging".clone_into(&mut staging.name);
    "57a61000-0000-4000-8000-000000000001".clone_into(&mut staging.id);
    estate.projects[0].environments.push(staging);
    Fixture::new(estate, &file)
}

/// Creates an account with several projects, which share the services equally.
fn with_several_projects(services: usize) -> Fixture {
    let (mut estate, file) = project(services / PROJECTS, VARIABLES);
    for number in 1..PROJECTS {
        let (mut other, _) = project(services / PROJECTS, VARIABLES);
        let environment = without_ids(other.projects.remove(0).environments.remove(0));
        estate = Estate::project(estate, Project::named(&format!("large-{number}")).environment(environment));
    }
    Fixture::new(estate, &file)
}

/// Removes the ids, so that those of the new project are derived from its name.
fn without_ids(mut environment: Environment) -> Environment {
    environment.id.clear();
    environment.services.iter_mut().for_each(|service| service.id.clear());
    environment
}

/// Counts requests and sequential round trips. The latency makes concurrent requests overlap measurably.
pub(crate) fn requests(_: Effort) {
    let columns = ["command", "services", "requests, cold", "round trips, cold", "requests, warm", "round trips, warm"];
    print_header("Requests of a command, project and environment given by id", &columns);
    for command in &COMMANDS {
        for &services in command.services {
            let fixture = (command.fixture)(services);
            fixture.server.latency(40);
            let counts = command.caches.iter().flat_map(|&cache| {
                let requests = fixture.run(cache, command.arguments).requests;
                [requests.len().to_string(), round_trips(&requests).to_string()]
            });
            let counts: Vec<String> = counts.chain([String::new(), String::new()]).take(4).collect();
            print_row(&[vec![command.name(), services.to_string()], counts].concat());
        }
    }
}

/// Compares the wall time of each command with its floor, by latency.
pub(crate) fn latency(effort: Effort) {
    let columns = ["command", "services", "latency", "cache", "`doctor`", "floor", "`doctor` ÷ floor"];
    print_header(&format!("Commands and their floor (goal with latency: at most {MAX_RATIO} × the floor)"), &columns);
    for command in &COMMANDS {
        for &services in command.services {
            let fixture = (command.fixture)(services);
            for &latency in command.latencies {
                fixture.server.latency(latency);
                let times = effort.times(if latency == 0 { 21 } else { 9 });
                for &cache in command.caches {
                    let (time, floor) = command.with_floor(&fixture, cache, times);
                    let place = [services.to_string(), format!("{latency} ms"), cache.to_string()];
                    let relative = ratio(time, floor);
                    let is_met = (latency > 0 && !command.chain.is_empty()).then_some(relative <= MAX_RATIO);
                    let times = [time, floor].map(milliseconds);
                    let relative = [with_goal(format!("{relative:.2}"), is_met)];
                    print_row(&[&[command.name()][..], &place, &times, &relative].concat());
                }
            }
        }
    }
}

impl Command {
    fn name(&self) -> String {
        format!("`{}`", self.arguments.join(" "))
    }

    /// Returns the median wall times of the command and of its floor. Runs them alternately, so that machine load
    /// affects both equally.
    fn with_floor(&self, fixture: &Fixture, cache: Cache, times: usize) -> (Duration, Duration) {
        let run = || fixture.run(cache, self.arguments);
        let bodies: Vec<String> = run().requests.into_iter().map(|request| request.body).collect();
        let (floor, sent) = match cache {
            Cache::Cold => {
                let chain = self.longest_of_chain(&bodies);
                (curl::sequential(fixture, &chain), chain.len())
            }
            Cache::Warm => (curl::parallel(fixture, &bodies), bodies.len()),
        };
        let (mut commands, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..times {
            let Run { usage, requests } = run();
            assert_eq!(requests.len(), bodies.len(), "each run must send the same number of requests");
            commands.push(usage.wall);
            floors.push(median_wall(fixture, &floor, 1, sent));
        }
        (median(commands), median(floors))
    }

    /// Returns the longest body of each operation of the chain, in order.
    fn longest_of_chain(&self, bodies: &[String]) -> Vec<String> {
        if self.chain.is_empty() {
            return bodies.to_vec();
        }
        let operations: Vec<String> = bodies.iter().map(|body| text_at(body, "/operationName")).collect();
        let longest = |name: &&str| {
            let of_operation = bodies.iter().zip(&operations).filter(|(_, operation)| operation == name);
            of_operation.map(|(body, _)| body).max_by_key(|body| body.len()).unwrap().clone()
        };
        self.chain.iter().map(longest).collect()
    }
}

/// Compares a check with a shell loop over its services.
pub(crate) fn loops(effort: Effort) {
    const LATENCY: u64 = 50;
    let columns = ["services", "`doctor check`, cold", "warm", "loop", "loop ÷ cold", "loop ÷ warm"];
    print_header(&format!("A check and a loop of curl over its services, at {LATENCY} ms"), &columns);
    for services in [1, 10, 50] {
        let fixture = with_file(services);
        let looped = curl::looped(&fixture, &body_per_service(&fixture));
        fixture.server.latency(LATENCY);
        let looped = median_wall(&fixture, &looped, effort.times(3), services);
        let checks = BOTH.iter().map(|&cache| {
            fixture.run(cache, &["check"]);
            median((0..effort.times(9)).map(|_| fixture.run(cache, &["check"]).usage.wall).collect())
        });
        let checks: Vec<Duration> = checks.collect();
        let times = checks.iter().chain([&looped]).map(|&time| milliseconds(time));
        let speedups = checks.iter().map(|&check| format!("{:.1}", ratio(looped, check)));
        print_row(&[services.to_string()].into_iter().chain(times).chain(speedups).collect::<Vec<_>>());
    }
}

/// Returns one request body per service, each for the variables of that service only.
fn body_per_service(fixture: &Fixture) -> Vec<String> {
    let values = |requests: Vec<Request>| -> Vec<String> {
        let bodies = requests.into_iter().map(|request| request.body);
        bodies.filter(|body| text_at(body, "/operationName") == "Values").collect()
    };
    let ids: Vec<String> =
        values(fixture.run(Cache::Cold, &["check"]).requests).iter().flat_map(|body| service_ids(body)).collect();
    let single = values(fixture.run(Cache::Cold, &["check", "--service", "service-0000"]).requests).remove(0);
    let id_in_body = text_at(&single, "/variables/serviceId_0");
    ids.iter().map(|id| single.replace(&id_in_body, id)).collect()
}

/// Returns the service ids in a batch request.
fn service_ids(body: &str) -> Vec<String> {
    (0..body.len())
        .map(|number| text_at(body, &format!("/variables/serviceId_{number}")))
        .take_while(|id| !id.is_empty())
        .collect()
}

/// Returns the text at a JSON pointer of a request body; empty if there is none.
fn text_at(body: &str, pointer: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body.pointer(pointer).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
}

/// Returns the median wall time of a program that sends `requests` requests per run.
pub(crate) fn median_wall(fixture: &Fixture, program: &Program, times: usize, requests: usize) -> Duration {
    fixture.server.take_requests();
    let usage = program.measure(times);
    assert!(usage.iter().all(|run| run.code == 0), "curl failed");
    assert_eq!(fixture.server.take_requests().len(), times * requests);
    median(wall_times(&usage))
}
