//! Declares for each error what is printed and how the run ends.

use std::borrow::Cow;

use crate::error::phrases::{
    BUG_REPORT, NO_ACCESS, NOT_FOUND, Seconds, available, first, listed, quoted, rate_limit, renewal,
};
use crate::error::{Error, Exit, Help, phrases};

/// The stable name, the exit code and the texts of an error.
pub(super) struct Description<'e> {
    /// A stable name in kebab-case, for programs.
    pub(super) kind: &'static str,
    pub(super) exit: Exit,
    /// What failed.
    pub(super) message: Cow<'e, str>,
    /// Why, if more is known than the message states.
    pub(super) cause: Option<Cow<'e, str>>,
    /// What to do, if there is anything to do.
    pub(super) help: Option<Help>,
}

impl<'e> Description<'e> {
    /// Returns the description of an error whose cause and help the code that returned it chose.
    fn given(kind: &'static str, exit: Exit, message: impl Into<Cow<'e, str>>, cause: &'e str, help: &Help) -> Self {
        Self { kind, exit, message: message.into(), cause: Some(cause.into()), help: Some(help.clone()) }
    }
}

impl Error {
    /// Declares every error, in the order of the enum.
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each error")]
    pub(super) fn describe(&self) -> Description<'_> {
        match self {
            // The command line and files ------------------------------------------------------------------------------
            Self::Usage { what, cause, help } => Description {
                kind: "usage",
                exit: Exit::Usage,
                message: what.into(),
                cause: cause.as_ref().map(Into::into),
                help: Some(help.clone()),
            },
            Self::File { path, cause, help } => {
                Description::given("unreadable-file", Exit::Usage, format!("failed to read {path}"), cause, help)
            }
            Self::NoEnvFile { path, searched, help } => Description {
                kind: "no-env-file",
                exit: Exit::Usage,
                message: format!("no {path} in {searched}").into(),
                cause: None,
                help: Some(help.clone()),
            },
            Self::DeclaredFile { position, path, cause, help } => {
                Description::given("unreadable-file", Exit::Usage, format!("{position}: failed to read {path}"), cause, help)
            }
            Self::Config { path, line, column, what, help } => Description {
                kind: "configuration",
                exit: Exit::Usage,
                message: format!("{path}:{line}:{column}: {what}").into(),
                cause: None,
                help: Some(help.clone()),
            },
            Self::CliConfig { path, cause } => Description {
                kind: "railway-cli-configuration",
                exit: Exit::Credentials,
                message: format!("failed to read the Railway CLI's {path}").into(),
                cause: Some(cause.into()),
                help: Some(Help::command("set RAILWAY_TOKEN, or log in again:", "railway login")),
            },
            Self::Output { path, cause } => Description {
                kind: "output",
                exit: Exit::Usage,
                message: format!("failed to write {path}").into(),
                cause: Some(cause.into()),
                help: Some(phrases::output_help(path).into()),
            },
            Self::Write { path, cause, help } => {
                Description::given("write", Exit::Usage, format!("failed to change {path}"), cause, help)
            }
            Self::Journal { what, cause, help } => {
                Description::given("journal", Exit::Usage, what, cause, help)
            }

            // The project and the environment -------------------------------------------------------------------------
            Self::NoProject { folder } => Description {
                kind: "no-project",
                exit: Exit::Usage,
                message: format!("no project is selected for {}", folder.display()).into(),
                cause: Some(
                    "no flag, doctor.toml, project token, RAILWAY_PROJECT_ID or `railway link` names a project".into(),
                ),
                help: Some(Help::command("pass `--project=ID --environment=NAME`, or link the project:", "railway link")),
            },
            Self::NoEnvironment { project, origin, choices } => Description {
                kind: "no-environment",
                exit: Exit::Usage,
                message: format!("no environment is selected for project {project}").into(),
                cause: Some({
                    let available = available("environment", &format!("project {project}"), choices);
                    format!("{origin} names only the project; {available}").into()
                }),
                help: Some(match choices.as_slice() {
                    [] => "create an environment in the dashboard, then pass `--environment=NAME`".into(),
                    [only] => format!("pass `--environment={}`", quoted(only)).into(),
                    _ => "pass one of them as `--environment=NAME`".into(),
                }),
            },
            Self::Unknown { kind, wanted, within, suggestions, choices } => Description {
                kind: "unknown-name",
                exit: Exit::Usage,
                message: match *kind {
                    // A token without access gets the same response.
                    "project" => format!("project {wanted}: {NOT_FOUND}").into(),
                    _ => format!("unknown {kind} `{wanted}`").into(),
                },
                cause: Some(available(kind, within, choices).into()),
                help: Some(match suggestions.first() {
                    Some(name) => format!("did you mean `--{kind}={}`?", quoted(name)).into(),
                    None if choices.is_empty() && *kind == "project" => NO_ACCESS.into(),
                    None => match choices.as_slice() {
                        [only] => format!("pass it as `--{kind}={}`", quoted(only)).into(),
                        _ => format!("pass one of them as `--{kind}=NAME`").into(),
                    },
                }),
            },
            Self::NoValue { key, cause, help } => {
                Description::given("no-value", Exit::NothingCompared, format!("{key} has no known value"), cause, help)
            }
            Self::UnknownKey { what, cause, help } => {
                Description::given("unknown-name", Exit::Usage, what, cause, help)
            }
            Self::Ambiguous { kind, wanted, candidates } => Description {
                kind: "ambiguous-name",
                exit: Exit::Usage,
                message: format!("{wanted} matches {} {kind}s", candidates.len()).into(),
                cause: Some(format!("the matches are {}", listed(candidates, "none")).into()),
                help: Some(format!("pass the whole name or the id: `--{kind}={}`", first(candidates)).into()),
            },
            Self::TokenContradicts { token, origin, wanted } => Description {
                kind: "token-contradicts",
                exit: Exit::Usage,
                message: format!("the project token is for {token}, but {origin} names {wanted}").into(),
                cause: None,
                help: Some(
                    "use a token for the other environment, or leave the project and environment unset: the token \
                     determines both"
                        .into(),
                ),
            },
            Self::Deleted { kind, name } => Description {
                kind: "deleted",
                exit: Exit::Usage,
                message: format!("{kind} {name} was deleted on Railway").into(),
                cause: Some("its id is still linked to this directory".into()),
                help: Some(Help::command("pass `--project` and `--environment`, or link again:", "railway link")),
            },

            // Credentials ---------------------------------------------------------------------------------------------
            Self::NoCredentials { sources, login } => Description {
                kind: "no-credentials",
                exit: Exit::Credentials,
                message: "no Railway credentials found".into(),
                cause: Some(sources.join("; ").into()),
                help: Some(match login {
                    Some(login) => {
                        Help::command("set RAILWAY_TOKEN to a project token of this environment, or log in:", login)
                    }
                    None => "set RAILWAY_TOKEN to a project token of this environment".into(),
                }),
            },
            Self::Keyring { cause, help } => {
                Description::given("keyring", Exit::Credentials, "failed to read the OS keyring", cause, help)
            }
            Self::Expired { path } => Description {
                kind: "expired-login",
                exit: Exit::Credentials,
                message: "the Railway CLI's login has expired".into(),
                cause: Some(
                    format!("the access token in {path} is over an hour old, and only the Railway CLI may renew it")
                        .into(),
                ),
                help: Some(Help::command("set RAILWAY_API_TOKEN, or renew the login:", "railway whoami")),
            },
            Self::Refused { from, errors } => Description {
                kind: "refused-token",
                exit: Exit::Credentials,
                message: format!("Railway rejected the token from {from}").into(),
                cause: Some(errors.to_string().into()),
                help: Some(renewal(from)),
            },
            Self::WrongKind { from, found, expected, belongs_in } => Description {
                kind: "wrong-kind-of-token",
                exit: Exit::Credentials,
                message: format!("{from} contains {found}, not {expected}").into(),
                cause: Some(format!("Railway accepts {found} only in a different header").into()),
                help: Some(format!("set {belongs_in} to this token, and unset {from}").into()),
            },
            Self::NoPermission { from, what, errors, reach } => Description {
                kind: "no-permission",
                exit: Exit::Credentials,
                message: format!("the token from {from} has no access to {what}").into(),
                cause: Some(phrases::denial(errors, reach.as_deref())),
                help: Some("check the id, ask for access in the project's settings, or use a token that has access".into()),
            },
            Self::EnvironmentToken { what, cause, help } => {
                Description::given("environment-token", Exit::Credentials, what, cause, help)
            }
            Self::NotFound { what, errors, variable } => Description {
                kind: "not-found",
                exit: Exit::Usage,
                message: format!("{what}: {NOT_FOUND}").into(),
                cause: Some(errors.to_string().into()),
                help: Some(match variable {
                    Some(variable) => {
                        let flag = if *variable == "RAILWAY_PROJECT_ID" { "--project" } else { "--environment" };
                        format!("{variable} must be an id; to select by name, pass `{flag}=NAME`").into()
                    }
                    None => Help::command(
                        "check the token's access, pass `--project` and `--environment`, or link again:",
                        "railway link",
                    ),
                }),
            },
            Self::CommitNotFound { commit, errors } => Description {
                kind: "commit-not-found",
                exit: Exit::Usage,
                message: format!(
                    "Railway did not find commit {commit} in the repository that the service is connected to"
                )
                .into(),
                cause: Some(errors.to_string().into()),
                help: Some(format!("push commit {commit} to that repository, or declare a commit that is in it").into()),
            },
            Self::TwoFactor { workspace } => Description {
                kind: "two-factor",
                exit: Exit::Credentials,
                message: format!("workspace {workspace} requires two-factor authentication").into(),
                cause: Some("the token's account has not enabled it".into()),
                help: Some("enable it at https://railway.com/account/security".into()),
            },
            Self::MalformedToken { from } => Description {
                kind: "malformed-token",
                exit: Exit::Credentials,
                message: format!("the token from {from} is malformed").into(),
                cause: Some("it contains characters that are not valid in a token".into()),
                help: Some("provide the token alone, without quotes or line breaks".into()),
            },

            // Railway -------------------------------------------------------------------------------------------------
            Self::Unreachable { host, cause } => Description {
                kind: "unreachable",
                exit: Exit::Unreachable,
                message: format!("failed to connect to {host}").into(),
                cause: Some(cause.into()),
                help: Some("check the connection and HTTPS_PROXY, then try again".into()),
            },
            Self::Certificate { host, cause } => Description {
                kind: "certificate",
                exit: Exit::Unreachable,
                message: format!("the certificate of {host} is not trusted").into(),
                cause: Some(cause.into()),
                help: Some("if your own proxy re-signs traffic, set SSL_CERT_FILE to its root certificate; otherwise, do not continue".into()),
            },
            Self::NoRootCertificates { host: _, cause } => Description {
                kind: "no-root-certificates",
                exit: Exit::Unreachable,
                message: "the system has no root certificates".into(),
                cause: Some(cause.into()),
                help: Some("install ca-certificates, or set SSL_CERT_FILE to a file of root certificates".into()),
            },
            Self::TimedOut { host, limit, last } => Description {
                kind: "timed-out",
                exit: Exit::Unreachable,
                message: format!("no response from {host} within {}", Seconds(*limit)).into(),
                cause: last.as_ref().map(Into::into),
                help: Some("try again, or raise the limit with `--timeout 60s`".into()),
            },
            Self::RateLimited { wait, by, allowance } => Description {
                kind: "rate-limited",
                exit: Exit::Unreachable,
                message: "Railway's rate limit was reached".into(),
                cause: Some(rate_limit(*wait, by, allowance.as_deref()).into()),
                help: Some(match wait {
                    Some(wait) => format!("try again in {}", Seconds(*wait)).into(),
                    None => "try again in a few minutes".into(),
                }),
            },
            Self::AllowanceUsedUp { allowance } => Description {
                kind: "allowance-used-up",
                exit: Exit::Unreachable,
                message: "Railway's allowance of requests is used up".into(),
                cause: allowance.as_ref().map(|allowance| format!("Railway allows {allowance}").into()),
                help: Some("wait until Railway allows more requests, then try again".into()),
            },
            Self::Redirected { host, to } => Description {
                kind: "redirected",
                exit: Exit::Unreachable,
                message: format!("{host} redirects to {to}").into(),
                cause: Some("the redirect was not followed, because it would send the token to another address".into()),
                help: Some("check the proxy or the network's sign-in page, then try again".into()),
            },
            Self::Blocked { host, cause, code } => Description {
                kind: "blocked",
                exit: Exit::Unreachable,
                message: format!("a proxy or firewall in front of {host} blocked the request").into(),
                cause: Some(cause.into()),
                help: Some(match code {
                    // Cloudflare's codes for a banned client and for a rate limit.
                    Some(1010) => format!("upgrade doctor to the latest version; {BUG_REPORT}").into(),
                    Some(1015) => "try again in a few minutes".into(),
                    _ => format!(
                        "check the proxy, VPN or firewall of this network, or use another network; {BUG_REPORT}"
                    )
                    .into(),
                }),
            },
            Self::InvalidResponse { host, cause } => Description {
                kind: "invalid-response",
                exit: Exit::Unreachable,
                message: format!("unexpected response from {host}").into(),
                cause: Some(cause.into()),
                help: Some(
                    format!("try again in a minute; https://status.railway.com lists outages; {BUG_REPORT}").into(),
                ),
            },
            Self::SchemaMismatch { operation: _, errors } => Description {
                kind: "schema-mismatch",
                exit: Exit::Unreachable,
                message: "Railway's API no longer accepts the requests of this version of doctor".into(),
                cause: Some(errors.to_string().into()),
                help: Some(format!("upgrade doctor to the latest version; {BUG_REPORT}").into()),
            },
            Self::Railway { operation, errors } => Description {
                kind: "railway",
                exit: Exit::Unreachable,
                message: format!("Railway failed to process the `{operation}` request").into(),
                cause: Some(errors.to_string().into()),
                help: Some(
                    format!("try again; if it persists, send the trace id to Railway's support; {BUG_REPORT}").into(),
                ),
            },
            Self::ChangeRefused { what, errors } => Description {
                kind: "change-refused",
                exit: Exit::Unreachable,
                message: format!("Railway rejected {what}").into(),
                cause: Some(errors.to_string().into()),
                help: Some("ask a workspace admin whether a policy blocks this change, or try again".into()),
            },
            Self::Truncated { what, cause } => Description {
                kind: "truncated-list",
                exit: Exit::Unreachable,
                message: format!("Railway's list of {what} is incomplete").into(),
                cause: Some(cause.into()),
                help: Some("try again; doctor does not compare with a partial list".into()),
            },

            // Writing -------------------------------------------------------------------------------------------------
            Self::Cancelled => Description {
                kind: "cancelled",
                exit: Exit::Usage,
                message: "cancelled; nothing was changed".into(),
                cause: None,
                help: None,
            },
            Self::WrongName { expected } => Description {
                kind: "cancelled",
                exit: Exit::Usage,
                message: format!("nothing was changed: the name of the environment ({expected}) was not typed").into(),
                cause: None,
                help: None,
            },
            Self::NotConfirmed { what, cause, help } => {
                Description::given("not-confirmed", Exit::Usage, format!("nothing was changed: {what}"), cause, help)
            }
            Self::Untrusted { what, cause, help } => {
                Description::given("untrusted", Exit::Usage, format!("nothing was changed: {what}"), cause, help)
            }
            Self::TrustOutdated { what, cause, help } => {
                Description::given("trust-outdated", Exit::Usage, format!("nothing was changed: {what}"), cause, help)
            }
            Self::Staged { what } => Description {
                kind: "staged-changes",
                exit: Exit::Partial,
                message: format!("nothing was changed: the environment has a staged change to {what}").into(),
                cause: Some("it would later overwrite the pushed value".into()),
                help: Some("deploy or discard it in the dashboard, or continue with `--on-staged=ignore`".into()),
            },
            Self::StagedApplying => Description {
                kind: "staged-changes-applying",
                exit: Exit::Partial,
                message: "nothing was changed: Railway is applying staged changes".into(),
                cause: Some("their effect on these variables is not known yet".into()),
                help: Some("try again in a minute".into()),
            },

            // doctor itself -------------------------------------------------------------------------------------------
            Self::Interrupted => Description {
                kind: "interrupted",
                exit: Exit::Interrupted,
                message: "interrupted".into(),
                cause: None,
                help: None,
            },
            Self::Overdue { limit } => Description {
                kind: "time-limit",
                exit: Exit::Unreachable,
                message: format!("doctor did not finish within {}", Seconds(*limit)).into(),
                cause: Some("the files and Railway's response are too large to compare in that time; nothing was changed".into()),
                help: Some("raise the limit with `--timeout 60s`, or select less with --service and --only".into()),
            },
            Self::TooLarge => Description {
                kind: "memory-limit",
                exit: Exit::Usage,
                message: "doctor needs more than 256 MiB of memory".into(),
                cause: Some("the files and Railway's response are too large together; nothing was changed".into()),
                help: Some("select fewer services with --service, or make the files smaller".into()),
            },
            Self::System { what, cause, help } => {
                Description::given("system", Exit::Usage, what, cause, help)
            }
        }
    }
}
