//! Failures between doctor and Railway: which are retried, which are reported, and what is never repeated.

use std::time::Duration;

use crate::drift::Secret;
use crate::error::{Error, Exit};
use crate::io::railway::tests::Bench;
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::fault::Fault;
use crate::io::sim::seed;
use crate::io::sim::{Sim, SimOptions};

/// Reads a shape under faults. Returns the result, the number of requests and the time that it took.
fn under(faults: Vec<Fault>) -> (Result<(), Error>, usize, Duration) {
    let bench = Bench::incident();
    let (project, environment) = bench.ids();
    for fault in faults {
        bench.sim.fault(fault);
    }
    let client = bench.client();
    let result = client.shape(&project, &environment).map(|_| ());
    let requests = client.requests();
    drop(client);
    (result, requests, bench.clock.elapsed.get())
}

#[test]
fn transient_faults_are_retried() {
    for (name, fault) in [
        ("a gateway's 502", Fault::reply(502, "<html>bad gateway</html>").header("content-type", "text/html")),
        ("an empty 504", Fault::reply(504, "")),
        ("a web page with HTTP 200", Fault::reply(200, "<!doctype html>sign in").header("content-type", "text/html")),
        ("an empty body", Fault::reply(200, "")),
        ("a truncated response", Fault::reply(200, "{\"data\": {\"project\": {\"id\"")),
        ("neither data nor errors", Fault::reply(200, "{\"data\": null}")),
        ("a refused connection", Fault::failure(TransportFailure::NotSent("refused".into()))),
        ("a broken connection", Fault::failure(TransportFailure::Broken("reset".into()))),
        ("a timed-out attempt", Fault::failure(TransportFailure::TimedOut)),
        ("a transient problem", Fault::refusal("Problem processing request")),
        ("a rate limit", Fault::reply(429, "{}").header("retry-after", "1")),
    ] {
        let (result, _, _) = under(vec![fault]);
        assert_eq!(result, Ok(()), "{name}");
    }
}

#[test]
fn each_permanent_fault_has_its_own_error() {
    let html = || Fault::reply(503, "<html>").header("content-type", "text/html").permanent();
    for (fault, expected, attempts) in [
        (html(), "unexpected response from simulated", 4),
        (Fault::failure(TransportFailure::NotSent("refused".into())).permanent(), "failed to connect to simulated", 0),
        (Fault::failure(TransportFailure::Broken("reset".into())).permanent(), "failed to connect to simulated", 4),
        (
            Fault::failure(TransportFailure::Certificate("expired".into())).permanent(),
            "the certificate of simulated is not trusted",
            0,
        ),
        (Fault::failure(TransportFailure::TooLong).permanent(), "unexpected response from simulated", 1),
        (
            Fault::reply(302, "").header("location", "https://evil.example/x").permanent(),
            "simulated redirects to https://evil.example",
            1,
        ),
        (Fault::reply(429, "error code: 1015").permanent(), "Railway's rate limit was reached", 4),
        // The error names no field, so the minimal query is sent, too. Each of the two is retried once.
        (
            Fault::refusal("Problem processing request").permanent(),
            "Railway failed to process the `Environment` request",
            4,
        ),
        (
            Fault::refusal("Cannot query field \"config\" on type \"Environment\"").permanent(),
            "Railway's API no longer accepts the requests of this version of doctor",
            1,
        ),
        (Fault::refusal("something new").permanent(), "Railway failed to process the `Environment` request", 1),
    ] {
        let (result, requests, _) = under(vec![fault]);
        let error = result.expect_err(expected);
        let message = error.to_string().replace(&Bench::incident().client().host(), "simulated");
        assert_eq!((message.as_str(), requests), (expected, attempts));
        assert_eq!(error.exit(), Exit::Unreachable, "{expected}");
        assert!(error.cause().is_some() && error.help().is_some(), "{expected}");
    }
}

#[test]
fn rate_limit_wait_is_respected_and_reported() {
    let bench = Bench::incident();
    bench.sim.fault(Fault::reply(429, "slow down").header("retry-after", "7"));
    assert!(bench.shape().is_ok());
    assert_eq!(bench.clock.elapsed.get(), Duration::from_secs(7));
    assert_eq!(*bench.status.0.borrow(), ["rate limited by Railway; retrying in 7 s"]);
}

#[test]
fn wait_longer_than_timeout_is_not_started() {
    let (result, requests, elapsed) = under(vec![Fault::reply(429, "").header("retry-after", "900").permanent()]);
    let error = result.unwrap_err();
    assert_eq!(
        error,
        Error::RateLimited { wait: Some(Duration::from_secs(900)), by: "Railway".into(), allowance: None }
    );
    assert_eq!((requests, elapsed), (1, Duration::ZERO));
    assert_eq!(error.help().unwrap().to_string(), "try again in 15 min");
}

#[test]
fn errors_keep_trace_id_from_any_position() {
    for body in [
        r#"{"errors":[{"message":"odd","path":["environment"],"traceId":"4711"}],"data":null}"#,
        r#"{"errors":[{"message":"odd","extensions":{"code":"INTERNAL_SERVER_ERROR","traceId":4711}}],"data":null}"#,
        r#"{"errors":[{"message":"odd","traceId":"4711"}]}"#,
        r#"{"errors":[{"message":"odd","traceId":"4711"}],"data":{"project":7}}"#,
    ] {
        let (result, _, _) = under(vec![Fault::reply(200, body).permanent()]);
        let cause = result.unwrap_err().cause().unwrap();
        assert_eq!(cause, "Railway responded “odd” (trace 4711)", "{body}");
    }
}

#[test]
fn multiple_errors_are_all_reported() {
    let body = r#"{"errors":[{"message":"one","traceId":"1"},{"message":"two","traceId":"2"}],"data":null}"#;
    let (result, _, _) = under(vec![Fault::reply(200, body).permanent()]);
    assert_eq!(result.unwrap_err().cause().unwrap(), "Railway responded “one”, “two” (trace 1, 2)");
}

#[test]
fn mismatched_response_is_never_quoted() {
    let (result, _, _) = under(vec![Fault::reply(200, r#"{"data":{"project":"marker-4711"}}"#).permanent()]);
    let error = result.unwrap_err();
    assert!(!format!("{error} {:?} {error:?}", error.cause()).contains("marker-4711"));
}

#[test]
fn railway_messages_are_redacted() {
    let bench = Bench::incident();
    bench.redactor.add("PLAIN", &Secret::new("marker-4711-value"));
    bench.sim.fault(Fault::refusal("bad input marker-4711-value").permanent());
    let cause = bench.shape().unwrap_err().cause().unwrap();
    assert!(cause.starts_with("Railway responded “bad input •••” (trace "), "{cause}");
}

#[test]
fn partial_data_is_used_and_gap_is_reported() {
    let bench = Bench::incident();
    let (project, environment) = bench.ids();
    let body = format!(
        r#"{{"data":{{"project":{{"id":"{project}","name":"agentverse","deletedAt":null,"tomorrow":1}},
        "environment":{{"id":"{environment}","projectId":"{project}","name":"staging","deletedAt":null,"config":{{"services":null,"later":{{}}}},
        "serviceInstances":{{"edges":[{{"node":{{"serviceId":"s","environmentId":"{environment}","serviceName":"api","source":null,
        "activeDeployments":[],"domains":{{"serviceDomains":[],"customDomains":[],"later":1}}}}}}],
        "pageInfo":{{"hasNextPage":false,"endCursor":null}}}}}}}},
        "errors":[{{"message":"Not Authorized","path":["environment","serviceInstances","edges",0,"node","source"]}}]}}"#
    );
    bench.sim.fault(Fault::reply(200, &body));
    let client = bench.client();
    let shape = client.shape(&project, &environment).unwrap();
    assert_eq!(shape.services[0].service.name, "api");
    assert!(shape.services[0].variables.is_empty(), "a service that the configuration does not name has no variables");
    let remarks = client.take_remarks();
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].contains("environment.serviceInstances.edges.0.node.source is unavailable"), "{remarks:?}");
}

#[test]
fn refused_service_has_its_own_error_beside_partial_data() {
    let bench = Bench::incident();
    let body = r#"{"data":{"stored_0":{"A":"1"},"rendered_0":{"A":"1"},"stored_1":{},"rendered_1":{},
        "stored_2":null,"rendered_2":{"A":"1"},"stored_3":{},"rendered_3":{}},
        "errors":[{"message":"Not Authorized","path":["stored_2"]},{"message":"odd","path":["elsewhere"]}]}"#;
    let shape = bench.shape().unwrap();
    bench.sim.fault(Fault::reply(200, body).on("Values"));
    let client = bench.client();
    let services: Vec<_> = shape.services.iter().collect();
    let values = client.values(&shape, &services).unwrap();
    assert!(matches!(values[2], Err(Error::NoPermission { .. })), "{:?}", values[2]);
    assert_eq!(values.iter().filter(|stored| stored.is_ok()).count(), 3);
    assert_eq!(client.take_remarks(), ["Values: elsewhere is unavailable: Railway responded “odd”"]);
}

#[test]
fn many_refusals_share_one_token_probe() {
    let bench = Bench::incident();
    let shape = bench.shape().unwrap();
    for service in &shape.services[1..] {
        bench.sim.fault(Fault::service(&service.service.id, "Not Authorized").permanent());
    }
    let (values, requests) = bench.values();
    assert_eq!(values.unwrap().iter().filter(|stored| stored.is_err()).count(), 3);
    assert_eq!(requests, 3 + 1 + 1, "three rejected requests, a probe, and one successful request");
}

#[test]
fn refusal_in_railway_json_concerns_token() {
    for body in [
        r#"{"errors":[{"message":"Not Authorized"}]}"#,
        r#"{"errors":[{"message":"Forbidden"}],"data":null}"#,
        r#"{"errors":[{"message":"No","extensions":{"code":"FORBIDDEN"},"traceId":"1"}]}"#,
    ] {
        for status in [401, 403] {
            let (result, _, _) = under(vec![Fault::reply(status, body).permanent()]);
            assert_eq!(result.map_err(|error| error.exit()), Err(Exit::Credentials), "{status} {body}");
        }
    }
}

/// The status and the body of blocked requests, and a part of the expected message.
const BLOCKED: [(u16, &str, &str); 12] = [
    (
        403,
        "error code: 1010",
        "Cloudflare's `error code: 1010`: the client signature, usually its User-Agent, is blocked",
    ),
    (403, "error code: 1020", "Cloudflare's `error code: 1020`: a firewall rule blocks the request"),
    (403, "error code: 1077", "Cloudflare's `error code: 1077`"),
    (400, "error code: 1003", "HTTP 400 with Cloudflare's `error code: 1003`"),
    (403, "<html><title>Error 1006 Access denied</title></html>", "Cloudflare's `error code: 1006`"),
    (403, "<!doctype html><title>Sign in to the network</title>", "HTTP 403 with a web page"),
    (401, "", "HTTP 401 with an empty body"),
    (403, "Access denied by policy", "HTTP 403 with a body that is not JSON"),
    (403, r#"{"message":"Forbidden"}"#, "HTTP 403 with JSON that is not a GraphQL response"),
    (401, r#"{"error":"login required","errors":[]}"#, "HTTP 401 with JSON that is not a GraphQL response"),
    (403, r#"{"errors":[{"status":"403","title":"Forbidden"}]}"#, "JSON that is not a GraphQL response"),
    (403, r#"["data"]"#, "JSON that is not a GraphQL response"),
];

#[test]
fn refusal_by_proxy_does_not_blame_token() {
    for (status, body, expected) in BLOCKED {
        let (result, requests, _) = under(vec![Fault::reply(status, body).permanent()]);
        let error = result.expect_err(body);
        assert!(matches!(error, Error::Blocked { .. }) && error.exit() == Exit::Unreachable, "{body}: {error:?}");
        let text = format!("{error}\n{}\n{}", error.cause().unwrap(), error.help().unwrap());
        assert!(text.contains(expected), "{body}: {text}");
        assert!(!text.to_lowercase().contains("token") && !text.contains("log in"), "{body}: {text}");
        assert_eq!(requests, 1, "{body}: neither a retry nor a probe");
    }
}

#[test]
fn blocked_probe_does_not_blame_token() {
    let bench = Bench::incident();
    bench.sim.fault(Fault::refusal("Not Authorized").on("Environment").permanent());
    bench.sim.fault(Fault::reply(403, "error code: 1010").on("ApiTokenProbe").permanent());
    let error = bench.shape().unwrap_err();
    assert!(matches!(error, Error::NoPermission { reach: None, .. }), "{error:?}");
    let help = error.help().unwrap().to_string();
    assert!(!help.contains("create a new"), "{help}");
}

#[test]
fn blocking_proxy_is_named_from_known_headers() {
    let fault = Fault::reply(403, "error code: 1010").header("cf-ray", "8a1f3c5d7e9b0a2c-SIN");
    let cause = |fault: Fault| under(vec![fault.permanent()]).0.unwrap_err().cause().unwrap();
    assert!(cause(fault).contains("(CF-RAY 8a1f3c5d7e9b0a2c-SIN)"));
    let fault = || Fault::reply(403, "<html>").header("content-type", "text/html");
    assert_eq!(cause(fault().header("server", "squid/6.6")), "HTTP 403 with a web page (sent by Squid)");
    assert_eq!(cause(fault().header("server", "marker-4711").header("cf-ray", "4711")), "HTTP 403 with a web page");
}

#[test]
fn error_fields_may_have_any_type() {
    for body in [
        r#"{"errors":[{"message":"odd","path":"environment","extensions":{"code":42},"traceId":4711}],"data":null}"#,
        r#"{"errors":[{"message":"odd","path":[null,{}],"extensions":[],"traceId":"4711","locations":7}]}"#,
    ] {
        let (result, _, _) = under(vec![Fault::reply(200, body).permanent()]);
        assert_eq!(result.unwrap_err().cause().unwrap(), "Railway responded “odd” (trace 4711)", "{body}");
    }
    let (result, _, _) = under(vec![Fault::reply(200, r#"{"errors":[{"message":null}]}"#).permanent()]);
    assert_eq!(result.unwrap_err().cause().unwrap(), "Railway responded “an error without a message”");
}

#[test]
fn rate_limiting_party_is_identified_from_body() {
    for (body, party) in [
        ("error code: 1015", "Cloudflare (Railway's edge)"),
        (r#"{"errors":[{"message":"Too many requests","traceId":"310152"}]}"#, "Railway"),
        ("", "Railway"),
    ] {
        let (result, _, _) = under(vec![Fault::reply(429, body).permanent()]);
        assert!(matches!(result, Err(Error::RateLimited { by, .. }) if by == party), "{body}");
    }
    for message in ["Limited to 1 request per 30 seconds", "You did this too quickly", "10 requests per second"] {
        let (result, _, _) = under(vec![Fault::refusal(message).permanent()]);
        assert!(matches!(result, Err(Error::RateLimited { .. })), "{message}: {result:?}");
    }
    let (result, _, _) = under(vec![Fault::refusal("one service per project").permanent()]);
    assert!(matches!(result, Err(Error::Railway { .. })), "{result:?}");
}

#[test]
fn failed_service_does_not_hide_others() {
    let bench = Bench::incident();
    let worker =
        bench.shape().unwrap().services.iter().find(|s| s.service.name.contains("worker")).unwrap().service.id.clone();
    bench.sim.fault(Fault::service(&worker, "Problem processing request").permanent());
    let (values, requests) = bench.values();
    let failed: Vec<bool> = values.unwrap().iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, false, false, true], "Postgres, Redis, api, worker");
    assert_eq!(requests, 3, "two that were rejected, and one without the worker");
}

#[test]
fn unreadable_service_is_distinguished_from_invalid_token() {
    let bench = Bench::incident();
    let api = bench.shape().unwrap().services[2].service.id.clone();
    bench.sim.fault(Fault::service(&api, "Not Authorized").permanent());
    let (values, _) = bench.values();
    let error = values.unwrap().remove(2).unwrap_err();
    assert_eq!(error.exit(), Exit::Credentials);
    assert!(error.to_string().contains("has no access to the variables of service agentverse-api-staging"), "{error}");
}

#[test]
fn refused_batches_are_split_and_size_is_remembered() {
    let (estate, _) = seed::generate(40, 3);
    let bench = Bench::new(Sim::with(estate, SimOptions { root_fields: 12, ..SimOptions::default() }));
    let (values, requests) = bench.values();
    let values = values.unwrap();
    assert!(values.len() == 40 && values.iter().all(|stored| stored.as_ref().is_ok_and(|map| map.len() == 3)));
    assert_eq!(requests, 2 + 1 + 8, "two batches of twenty and one of ten are rejected, then eight of five succeed");
}

#[test]
fn values_of_fifty_services_cost_three_requests() {
    let (estate, _) = seed::generate(50, 40);
    let bench = Bench::new(Sim::new(estate));
    let (values, requests) = bench.values();
    assert_eq!((values.unwrap().len(), requests), (50, 3));
}

#[test]
fn error_of_every_service_fails_the_run() {
    let bench = Bench::incident();
    bench.shape().unwrap();
    bench.sim.fault(Fault::refusal("Not Authorized").on("Values").permanent());
    let (values, _) = bench.values();
    assert!(matches!(values, Err(Error::NoPermission { .. })), "{values:?}");
}

#[test]
fn general_refusal_does_not_cost_request_per_service() {
    for (message, most) in [
        ("Not Authorized", 2),
        ("Cannot query field \"variables\" on type \"Query\"", 1),
        ("Too many root fields", 7),
        ("Problem processing request", 14),
        ("Something new", 7),
    ] {
        let (estate, _) = seed::generate(20, 2);
        let bench = Bench::new(Sim::new(estate));
        bench.shape().unwrap();
        bench.sim.fault(Fault::refusal(message).on("Values").permanent());
        let (values, requests) = bench.values();
        assert!(values.is_err(), "{message}");
        assert!(requests <= most, "{message}: {requests} requests");
    }
}
