//! The number of requests without cached ids: two for both environments if one token reaches both.

use crate::commands::tests::compare::{environment, id_of, json, report, shop, three, with_project_token};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::{Environment, SimService};

/// Runs `compare`, and returns the number of requests, which the report states.
#[track_caller]
fn requests(sandbox: &Sandbox, words: &[&str]) -> usize {
    let ended = json(sandbox, words);
    assert!([0, 1].contains(&ended.code), "{ended:?}");
    assert_eq!(report(&ended)["summary"]["requests"], sandbox.sim.count(), "{ended:?}");
    sandbox.sim.count()
}

#[test]
fn account_token_needs_two_requests_for_names_and_ids() {
    let [staging, production] = ["staging", "production"].map(|name| id_of(&three(), name));
    for words in [["staging", "production"], [&staging, &production], ["staging", &production]] {
        assert_eq!(requests(&three(), &words), 2, "{words:?}");
    }
    for words in [&["--service", "api"][..], &["--only", "PORT"], &["-s", "ap", "-v"]] {
        assert_eq!(requests(&three(), &[&["staging", "live"], words].concat()), 2, "{words:?}");
    }
}

#[test]
fn name_of_the_project_needs_one_more_request() {
    assert_eq!(requests(&three(), &["staging", "live", "--project", "shop"]), 3);
    let toml = three().file("doctor.toml", "project = \"shop\"\n");
    assert_eq!(requests(&toml, &["staging", "live"]), 3);
}

#[test]
fn two_project_tokens_need_two_requests_each() {
    let sandbox =
        with_project_token(with_project_token(three(), "token-of-staging", "staging"), "token-of-live", "live");
    let sandbox = sandbox.variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some("token-of-staging"));
    let sandbox = sandbox.variable("LIVE_TOKEN", Some("token-of-live"));
    assert_eq!(requests(&sandbox, &["staging", "live", "--token", "live=LIVE_TOKEN"]), 4);
}

#[test]
fn requests_grow_with_each_further_twenty_services() {
    let services = |number: usize| -> Vec<SimService> {
        (0..number).map(|at| service(&format!("service-{at:02}"), &[("A", "1"), ("B", "2")])).collect()
    };
    let pair =
        |number: usize| -> [Environment; 2] { ["staging", "live"].map(|name| environment(name, services(number))) };
    for (number, expected) in [(20, 2), (21, 3), (40, 3), (41, 4), (140, 8), (141, 7)] {
        assert_eq!(requests(&shop(pair(number)), &["staging", "live"]), expected, "{number} services");
    }
}
