//! Every error with sample data.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use crate::error::{Error, Help, RailwayErrors};

/// Returns each error as it is printed, with its kind and exit code.
pub(super) fn table() -> String {
    let mut table = String::new();
    for error in samples() {
        writeln!(table, "{} (exit {})", error.kind(), error.exit().code()).expect("writing to a String can't fail");
        for line in lines(&error) {
            writeln!(table, "    {line}").expect("writing to a String can't fail");
        }
        table.push('\n');
    }
    table
}

fn lines(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error: {error}")];
    lines.extend(error.cause().map(|cause| format!("  cause: {cause}")));
    if let Some(help) = error.help() {
        lines.push(format!("  help: {}", help.text));
        lines.extend(help.commands.iter().chain(help.lines()).map(|line| format!("    {line}")));
    }
    lines
}

/// Returns at least one sample of each variant. Where a variant's texts come from the code that returns it, they are
/// listed by module.
fn samples() -> Vec<Error> {
    [command_line(), project(), credentials(), network(), railway(), writing(), internal()].concat()
}

fn errors(message: &str) -> RailwayErrors {
    RailwayErrors { messages: vec![message.to_owned()], traces: vec!["4711".to_owned()] }
}

fn given(text: &str) -> String {
    format!("<{text}>")
}

fn help() -> Help {
    given("help").into()
}

fn command_line() -> Vec<Error> {
    let (cause, path) = (given("cause"), ".env".to_owned());
    vec![
        Error::Usage { what: given("what"), cause: Some(cause.clone()), help: help() },
        Error::File { path: path.clone(), cause: cause.clone(), help: help() },
        Error::NoEnvFile { path: path.clone(), searched: "/home/ada/shop".to_owned(), help: help() },
        Error::DeclaredFile {
            position: "doctor.toml:3:13".into(),
            path: "worker/.env".into(),
            cause: cause.clone(),
            help: help(),
        },
        Error::Config { path: "doctor.toml".into(), line: 3, column: 7, what: given("what"), help: help() },
        Error::CliConfig { path: "~/.railway/config.json".to_owned(), cause: "it is not valid JSON".to_owned() },
        Error::Output { path: "report.json".to_owned(), cause: "permission denied".to_owned() },
        Error::Write { path, cause: cause.clone(), help: help() },
        Error::Journal { what: given("what"), cause, help: help() },
    ]
}

fn project() -> Vec<Error> {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let unknown = |kind, wanted: &str, suggestions: &[&str], choices: &[&str]| Error::Unknown {
        kind,
        wanted: wanted.to_owned(),
        within: if kind == "project" { "this token" } else { "project shop" }.to_owned(),
        suggestions: names(suggestions),
        choices: names(choices),
    };
    let no_environment = |choices: &[&str]| Error::NoEnvironment {
        project: "shop".to_owned(),
        origin: "doctor.toml".to_owned(),
        choices: names(choices),
    };
    vec![
        Error::NoProject { folder: "/home/ada/shop".into() },
        no_environment(&[]),
        no_environment(&["staging"]),
        no_environment(&["production", "staging"]),
        unknown("service", "wroker", &["worker"], &["api", "worker"]),
        unknown("environment", "qa", &[], &["production", "staging"]),
        unknown("project", "shop", &[], &["blog"]),
        unknown("project", "shop", &[], &[]),
        Error::UnknownKey { what: given("what"), cause: given("cause"), help: help() },
        Error::NoValue { key: "API_KEY".to_owned(), cause: given("cause"), help: help() },
        Error::Ambiguous { kind: "service", wanted: "api".to_owned(), candidates: names(&["api-a", "api-b"]) },
        Error::TokenContradicts {
            token: "environment staging".to_owned(),
            origin: "--environment".to_owned(),
            wanted: "production".to_owned(),
        },
        Error::Deleted { kind: "environment", name: "staging".to_owned() },
    ]
}

fn credentials() -> Vec<Error> {
    let from = || "RAILWAY_TOKEN".to_owned();
    let refused = |from: &str| Error::Refused { from: from.to_owned(), errors: errors("Not Authorized") };
    let not_found =
        |variable| Error::NotFound { what: "project shop".to_owned(), errors: errors("Project not found"), variable };
    let no_credentials = |login| Error::NoCredentials {
        sources: vec!["RAILWAY_TOKEN is not set".to_owned(), "no login is stored".to_owned()],
        login,
    };
    let no_permission = |reach: Option<&str>| Error::NoPermission {
        from: from(),
        what: "project shop".to_owned(),
        errors: errors("Not Authorized"),
        reach: reach.map(str::to_owned),
    };
    vec![
        no_credentials(Some("doctor auth login".to_owned())),
        no_credentials(None),
        Error::Keyring { cause: given("cause"), help: help() },
        Error::Expired { path: "~/.railway/config.json".to_owned() },
        refused("RAILWAY_TOKEN"),
        refused("RAILWAY_API_TOKEN"),
        refused("the OS keyring"),
        refused("~/.railway/config.json"),
        Error::WrongKind {
            from: from(),
            found: "an account token",
            expected: "a project token",
            belongs_in: "RAILWAY_API_TOKEN",
        },
        no_permission(None),
        no_permission(Some("the token is valid, and has access to workspace acme")),
        not_found(None),
        not_found(Some("RAILWAY_PROJECT_ID")),
        Error::EnvironmentToken { what: given("what"), cause: given("cause"), help: help() },
        refused("PRODUCTION_TOKEN"),
        Error::CommitNotFound { commit: "371a158".to_owned(), errors: errors("Commit not found") },
        Error::TwoFactor { workspace: "acme".to_owned() },
        Error::MalformedToken { from: from() },
    ]
}

fn network() -> Vec<Error> {
    let (host, cause) = ("backboard.railway.com".to_owned(), given("cause"));
    let limited = |wait: Option<u64>, allowance: Option<&str>| Error::RateLimited {
        wait: wait.map(Duration::from_secs),
        by: "Railway".to_owned(),
        allowance: allowance.map(str::to_owned),
    };
    let blocked = |code| Error::Blocked { host: host.clone(), cause: given("cause"), code };
    vec![
        Error::Unreachable { host: host.clone(), cause: "connection refused".to_owned() },
        Error::Certificate { host: host.clone(), cause: cause.clone() },
        Error::NoRootCertificates { host: host.clone(), cause },
        Error::TimedOut { host: host.clone(), limit: Duration::from_secs(20), last: None },
        Error::TimedOut { host: host.clone(), limit: Duration::from_millis(1500), last: Some(given("last error")) },
        limited(Some(900), Some("100 requests an hour")),
        limited(None, None),
        Error::AllowanceUsedUp { allowance: Some("1000 requests an hour".to_owned()) },
        Error::Redirected { host: host.clone(), to: "login.example.com".to_owned() },
        blocked(Some(1010)),
        blocked(Some(1015)),
        blocked(None),
    ]
}

fn railway() -> Vec<Error> {
    vec![
        Error::InvalidResponse { host: "backboard.railway.com".to_owned(), cause: given("cause") },
        Error::SchemaMismatch { operation: "Environment", errors: errors("Cannot query field \"a\"") },
        Error::Railway { operation: "Environment", errors: errors("Problem processing request") },
        Error::ChangeRefused { what: "the change of variables", errors: errors("Denied by policy") },
        Error::Truncated { what: "services", cause: given("cause") },
    ]
}

fn writing() -> Vec<Error> {
    let (what, cause) = (given("what"), given("cause"));
    vec![
        Error::Cancelled,
        Error::WrongName { expected: "production".to_owned() },
        Error::NotConfirmed { what: what.clone(), cause: cause.clone(), help: help() },
        Error::Untrusted { what: what.clone(), cause: cause.clone(), help: help() },
        Error::TrustOutdated { what, cause, help: help() },
        Error::Staged { what: "API_KEY on worker".to_owned() },
        Error::StagedApplying,
    ]
}

fn internal() -> Vec<Error> {
    vec![
        Error::Interrupted,
        Error::Overdue { limit: Duration::from_secs(3) },
        Error::TooLarge,
        Error::System { what: given("what"), cause: given("cause"), help: help() },
    ]
}

#[test]
fn table_has_every_kind_of_error() {
    let source = include_str!("../error/description.rs");
    let after = |start: &'static str| source.split(start).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
    // rustfmt may break the line after the parenthesis.
    let given = source.split("Description::given(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
    let given = given.filter_map(|rest| Some(rest.split_once('"')?.0));
    let declared: BTreeSet<&str> = after("kind: \"").chain(given).collect();
    let listed: BTreeSet<&str> = samples().iter().map(Error::kind).collect();
    assert_eq!(listed, declared);
}
