//! No request exceeds what Railway allows, if a run promises that.

use crate::error::{Error, Exit};
use crate::io::railway::tests::Bench;
use crate::io::sim::fault::Fault;

/// Sends requests until one fails. Returns their number and the error.
fn exhaust(bench: &Bench) -> (usize, Error) {
    let client = bench.client();
    client.stay_within_allowance();
    let (project, _) = bench.ids();
    loop {
        if let Err(error) = client.project(&project) {
            return (client.requests(), error);
        }
        assert!(client.requests() < 100, "the allowance is not kept");
    }
}

/// Returns a response with these headers, about the first project.
fn with_headers(bench: &Bench, headers: &[(&'static str, &str)]) -> Fault {
    let (project, _) = bench.ids();
    let body = format!(
        r#"{{"data":{{"project":{{"id":"{project}","name":"shop","environments":{{"edges":[],
        "pageInfo":{{"hasNextPage":false}}}}}}}}}}"#
    );
    headers.iter().fold(Fault::reply(200, &body), |fault, (name, value)| fault.header(name, value))
}

#[test]
fn no_request_exceeds_the_allowance() {
    let policy = ("ratelimit-policy", "\"default\";q=7;w=3600");
    for (headers, permanent, requests) in [
        (&[policy][..], true, 7),
        (&[policy, ("x-ratelimit-remaining", "3")], false, 4),
        (&[("x-ratelimit-limit", "5")], true, 5),
        (&[("x-ratelimit-remaining", "0")], true, 1),
    ] {
        let bench = Bench::incident();
        let fault = with_headers(&bench, headers);
        bench.sim.fault(if permanent { fault.permanent() } else { fault });
        // Later responses state the policy only.
        bench.sim.fault(with_headers(&bench, &headers[..1]).permanent());
        let (sent, error) = exhaust(&bench);
        assert_eq!((sent, error.kind(), error.exit()), (requests, "allowance-used-up", Exit::Unreachable));
        assert_eq!(bench.sim.count(), requests, "{headers:?}");
    }
}

#[test]
fn retries_and_probes_count_towards_the_allowance() {
    let bench = Bench::incident();
    let headers = [("ratelimit-policy", "\"default\";q=3;w=3600"), ("content-type", "text/html")];
    let page = headers.iter().fold(Fault::reply(502, "<html>"), |fault, (name, value)| fault.header(name, value));
    bench.sim.fault(page.permanent());
    let (sent, error) = exhaust(&bench);
    assert_eq!((sent, error.kind()), (3, "allowance-used-up"));
    let bench = Bench::incident();
    bench.sim.fault(with_headers(&bench, &[("x-ratelimit-remaining", "1")]));
    bench.sim.fault(Fault::refusal("Not Authorized"));
    let (sent, error) = exhaust(&bench);
    assert_eq!((sent, error.kind()), (2, "no-permission"), "the probe is not sent");
}

#[test]
fn allowance_ends_only_runs_that_stay_within_it() {
    let bench = Bench::incident();
    bench.sim.fault(with_headers(&bench, &[("x-ratelimit-remaining", "0")]).times(2));
    let client = bench.client();
    let (project, _) = bench.ids();
    assert!(client.project(&project).is_ok() && client.project(&project).is_ok());
    assert_eq!(client.remaining_requests(), Some(0));
}
