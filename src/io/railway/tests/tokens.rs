//! The four kinds of tokens, in the right and the wrong header, and the errors for each.

use crate::error::{Error, Exit};
use crate::io::railway::tests::Bench;
use crate::io::railway::transport::Scheme;
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::{ACCOUNT_TOKEN, LOGIN_TOKEN, PROJECT_TOKEN, WORKSPACE_TOKEN};

const UNKNOWN: &str = "11111111-2222-4333-8444-555555555555";

#[test]
fn every_token_kind_reads_environment_in_one_request() {
    for token in [ACCOUNT_TOKEN, WORKSPACE_TOKEN, LOGIN_TOKEN] {
        let bench = Bench::incident().with_token(token, Scheme::Bearer, "RAILWAY_API_TOKEN");
        assert_eq!(bench.shape().unwrap().environment.name, "staging");
        assert_eq!(bench.sim.count(), 1);
    }
    let bench = Bench::incident().with_token(PROJECT_TOKEN, Scheme::Project, "RAILWAY_TOKEN");
    let shape = bench.client().token_shape().unwrap();
    assert_eq!((shape.project.name.as_str(), shape.services.len()), ("agentverse", 4));
    assert_eq!(bench.sim.count(), 1);
}

#[test]
fn token_in_wrong_variable_is_detected() {
    let bench = Bench::incident().with_token(ACCOUNT_TOKEN, Scheme::Project, "RAILWAY_TOKEN");
    let error = bench.client().token_shape().unwrap_err();
    assert_eq!(error.to_string(), "RAILWAY_TOKEN contains an account or workspace token, not a project token");
    assert_eq!(error.help().unwrap().to_string(), "set RAILWAY_API_TOKEN to this token, and unset RAILWAY_TOKEN");
    assert_eq!(error.exit(), Exit::Credentials);

    let bench = Bench::incident().with_token(PROJECT_TOKEN, Scheme::Bearer, "RAILWAY_API_TOKEN");
    let error = bench.shape().unwrap_err();
    assert_eq!(error.to_string(), "RAILWAY_API_TOKEN contains a project token, not an account or workspace token");
    assert_eq!(error.help().unwrap().to_string(), "set RAILWAY_TOKEN to this token, and unset RAILWAY_API_TOKEN");
}

#[test]
fn unknown_token_error_names_its_source() {
    for (scheme, from) in [(Scheme::Bearer, "RAILWAY_API_TOKEN"), (Scheme::Project, "RAILWAY_TOKEN")] {
        let bench = Bench::incident().with_token(UNKNOWN, scheme, from);
        let error = match scheme {
            Scheme::Bearer => bench.shape().unwrap_err(),
            Scheme::Project => bench.client().token_shape().unwrap_err(),
        };
        assert_eq!(error.to_string(), format!("Railway rejected the token from {from}"));
        assert!(!error.cause().unwrap().contains(UNKNOWN));
    }
}

#[test]
fn valid_token_without_permission_reports_its_scope() {
    let bench = Bench::incident();
    let (project, _) = bench.ids();
    bench.sim.fault(Fault::refusal("Not Authorized").on("Environment"));
    let error = bench.client().shape(&project, "locked").unwrap_err();
    assert!(matches!(error, Error::NoPermission { .. }), "{error}");
    assert!(error.to_string().contains("has no access to environment locked of project"), "{error}");
    assert!(error.cause().unwrap().contains("; the token is valid, and has access to workspace"), "{error:?}");
}

#[test]
fn unknown_id_is_usage_error() {
    let bench = Bench::incident();
    let error = bench.client().shape("missing", "unknown").unwrap_err();
    assert_eq!(error.to_string(), "environment unknown of project missing: not found, or not visible to this token");
    assert_eq!(error.exit(), Exit::Usage);
}

#[test]
fn two_factor_requirement_is_reported() {
    let bench = Bench::incident();
    let body = r#"{"errors":[{"message":"Two Factor Authentication Required","extensions":{"workspaceName":"crew"}}],"data":null}"#;
    bench.sim.fault(Fault::reply(200, body));
    let error = bench.shape().unwrap_err();
    assert_eq!(error.to_string(), "workspace crew requires two-factor authentication");
    assert_eq!(error.exit(), Exit::Credentials);
}
