//! What is printed for each error, and how the run ends.

use std::borrow::Cow;

use crate::error::phrases::{Seconds, first, listed, quoted, rate_limit, renewal};
use crate::error::{Error, Exit};

/// What is known of an error beyond its data.
pub(super) struct Description<'e> {
    /// A stable name in kebab-case, for programs.
    pub(super) kind: &'static str,
    pub(super) exit: Exit,
    /// What failed.
    pub(super) message: Cow<'e, str>,
    /// Why, where more is known than the message says.
    pub(super) cause: Option<Cow<'e, str>>,
    /// What to do.
    pub(super) help: Cow<'e, str>,
}

/// What Railway's “not found” means: members of a workspace may be shown only the projects of their access groups.
pub const NOT_FOUND: &str = "not found, or not visible to this token";

/// What to do about something that the token may only not see.
pub const NO_ACCESS: &str = "use a token that can see it, or ask a workspace admin for access";

/// What helps to find out why a response was not as expected.
const BUG_REPORT: &str = "for a bug report, add `--debug-api FILE` and attach that file";

impl Error {
    /// Declares every error, in the order of the enum.
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each error")]
    pub(super) fn describe(&self) -> Description<'_> {
        match self {
            // The command line and files ----------------------------------------------------------------------------
            Self::Flag { flag, value, cause, help } => Description {
                kind: "usage",
                exit: Exit::Usage,
                message: format!("{flag} can't be {value}").into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::File { path, cause, help } => Description {
                kind: "unreadable-file",
                exit: Exit::Usage,
                message: format!("can't read {path}").into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::NoEnvFile { path, hint } => Description {
                kind: "no-env-file",
                exit: Exit::Usage,
                message: format!("there is no {path} here").into(),
                cause: hint.as_ref().map(Into::into),
                help: "name the file: the same command with `--env-file PATH`".into(),
            },
            Self::Config { path, line, column, what, help } => Description {
                kind: "configuration",
                exit: Exit::Usage,
                message: format!("{path}:{line}:{column}: {what}").into(),
                cause: None,
                help: help.into(),
            },
            Self::CliConfig { path, cause } => Description {
                kind: "railway-cli-configuration",
                exit: Exit::Credentials,
                message: format!("can't read the Railway CLI's {path}").into(),
                cause: Some(cause.into()),
                help: "run `railway login`, which writes it anew, or set RAILWAY_TOKEN".into(),
            },
            Self::Output { path, cause } => Description {
                kind: "output",
                exit: Exit::Usage,
                message: format!("can't write {path}").into(),
                cause: Some(cause.into()),
                help: "name another file with --output, or leave it out".into(),
            },
            Self::Write { path, cause, help } => Description {
                kind: "write",
                exit: Exit::Usage,
                message: format!("can't change {path}").into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::Journal { what, cause, help } => Description {
                kind: "journal",
                exit: Exit::Usage,
                message: what.into(),
                cause: Some(cause.into()),
                help: help.into(),
            },

            // The project and the environment -------------------------------------------------------------------------
            Self::NoProject { folder } => Description {
                kind: "no-project",
                exit: Exit::Usage,
                message: format!("no project is linked to {}", folder.display()).into(),
                cause: Some(
                    "no flag, doctor.toml, project token, RAILWAY_PROJECT_ID or `railway link` names one".into(),
                ),
                help: "run `railway link`, or pass `--project=ID --environment=NAME`".into(),
            },
            Self::NoEnvironment { project, origin, choices } => Description {
                kind: "no-environment",
                exit: Exit::Usage,
                message: format!("no environment is named for project {project}").into(),
                cause: Some(
                    format!("{origin} names the project only; it has {}", listed(choices, "no environment")).into(),
                ),
                help: format!("pass `--environment={}`", first(choices)).into(),
            },
            Self::Unknown { kind, wanted, within, suggestions, choices } => Description {
                kind: "unknown-name",
                exit: Exit::Usage,
                // What a token does not see may exist all the same.
                message: match *kind {
                    "project" => format!("project {wanted}: {NOT_FOUND}").into(),
                    _ => format!("there is no {kind} {wanted}").into(),
                },
                cause: Some(format!("{within} has {}", listed(choices, "none")).into()),
                help: match suggestions.first() {
                    Some(name) => format!("did you mean `--{kind}={}`?", quoted(name)).into(),
                    None if choices.is_empty() && *kind == "project" => NO_ACCESS.into(),
                    None => format!("pass one of them as `--{kind}=NAME`").into(),
                },
            },
            Self::UnknownKey { what, cause, help } => Description {
                kind: "unknown-name",
                exit: Exit::Usage,
                message: what.into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::Ambiguous { kind, wanted, candidates } => Description {
                kind: "ambiguous-name",
                exit: Exit::Usage,
                message: format!("{wanted} could be any of {} {kind}s", candidates.len()).into(),
                cause: Some(format!("it fits {}", listed(candidates, "none")).into()),
                help: format!("pass the whole name or the id: `--{kind}={}`", first(candidates)).into(),
            },
            Self::TokenContradicts { token, origin, wanted } => Description {
                kind: "token-contradicts",
                exit: Exit::Usage,
                message: format!("the project token is for {token}, but {origin} says {wanted}").into(),
                cause: None,
                help: "use a token for that environment, or leave the project and environment to the token".into(),
            },
            Self::Deleted { kind, name } => Description {
                kind: "deleted",
                exit: Exit::Usage,
                message: format!("{kind} {name} was deleted on Railway").into(),
                cause: Some("its id is still linked here".into()),
                help: "run `railway link` again, or pass `--project` and `--environment`".into(),
            },

            // Credentials -------------------------------------------------------------------------------------------
            Self::NoCredentials { sources } => Description {
                kind: "no-credentials",
                exit: Exit::Credentials,
                message: "no Railway credentials found".into(),
                cause: Some(sources.join("; ").into()),
                help: "run `doctor auth login` or `railway login`, or set RAILWAY_TOKEN to a project token of this \
                       environment"
                    .into(),
            },
            Self::Keyring { cause, help } => Description {
                kind: "keyring",
                exit: Exit::Credentials,
                message: "can't ask the system's keyring".into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::Expired { path } => Description {
                kind: "expired-login",
                exit: Exit::Credentials,
                message: "the Railway CLI's login has expired".into(),
                cause: Some(
                    format!("the access token in {path} is over an hour old, and only the Railway CLI may renew it")
                        .into(),
                ),
                help: "run `railway whoami`, which renews it, or set RAILWAY_API_TOKEN".into(),
            },
            Self::Refused { from, errors } => Description {
                kind: "refused-token",
                exit: Exit::Credentials,
                message: format!("Railway refused the token from {from}").into(),
                cause: Some(errors.to_string().into()),
                help: renewal(from).into(),
            },
            Self::WrongKind { from, found, expected, belongs_in } => Description {
                kind: "wrong-kind-of-token",
                exit: Exit::Credentials,
                message: format!("{from} holds {found}, not {expected}").into(),
                cause: Some(format!("Railway knows it as {found}, which goes into another header").into()),
                help: format!("put it into {belongs_in} and unset {from}").into(),
            },
            Self::NoPermission { from, what, errors, reach } => Description {
                kind: "no-permission",
                exit: Exit::Credentials,
                message: format!("the token from {from} may not see {what}").into(),
                cause: Some(match reach {
                    Some(reach) => format!("{errors}, though the token is alive: {reach}").into(),
                    None => errors.to_string().into(),
                }),
                help: "check the id, ask for access in the project's settings, or use a token that has it".into(),
            },
            Self::NotFound { what, errors } => Description {
                kind: "not-found",
                exit: Exit::Usage,
                message: format!("{what}: {NOT_FOUND}").into(),
                cause: Some(errors.to_string().into()),
                help: format!("run `railway link` again, or pass `--project` and `--environment`; else {NO_ACCESS}")
                    .into(),
            },
            Self::CommitNotFound { commit, errors } => Description {
                kind: "commit-not-found",
                exit: Exit::Usage,
                message: format!(
                    "Railway did not find commit {commit} in the repository that the service is connected to"
                )
                .into(),
                cause: Some(errors.to_string().into()),
                help: format!("push commit {commit} to that repository, or declare a commit that is in it").into(),
            },
            Self::TwoFactor { workspace } => Description {
                kind: "two-factor",
                exit: Exit::Credentials,
                message: format!("workspace {workspace} demands two-factor authentication").into(),
                cause: Some("the account behind the token has it switched off".into()),
                help: "switch it on at https://railway.com/account/security".into(),
            },
            Self::MalformedToken { from } => Description {
                kind: "malformed-token",
                exit: Exit::Credentials,
                message: format!("the token from {from} is not a token").into(),
                cause: Some("it holds characters that no token has".into()),
                help: format!("set {from} to the token alone, without quotes or line breaks").into(),
            },

            // Railway -----------------------------------------------------------------------------------------------
            Self::Unreachable { host, cause } => Description {
                kind: "unreachable",
                exit: Exit::Unreachable,
                message: format!("can't reach {host}").into(),
                cause: Some(cause.into()),
                help: "check the connection and HTTPS_PROXY, then run it again".into(),
            },
            Self::Certificate { host, cause } => Description {
                kind: "certificate",
                exit: Exit::Unreachable,
                message: format!("can't trust the certificate of {host}").into(),
                cause: Some(cause.into()),
                help: "if a proxy of yours re-signs traffic, name its root in SSL_CERT_FILE; else do not go on".into(),
            },
            Self::NoRootCertificates { host: _, cause } => Description {
                kind: "no-root-certificates",
                exit: Exit::Unreachable,
                message: "can't trust anybody: the system has no root certificates".into(),
                cause: Some(cause.into()),
                help: "install ca-certificates, or name a file of roots in SSL_CERT_FILE".into(),
            },
            Self::TimedOut { host, limit, last } => Description {
                kind: "timed-out",
                exit: Exit::Unreachable,
                message: format!("no answer from {host} within {}", Seconds(*limit)).into(),
                cause: last.as_ref().map(Into::into),
                help: "run it again, with more time if need be: `--timeout 60s`".into(),
            },
            Self::RateLimited { wait, by, allowance } => Description {
                kind: "rate-limited",
                exit: Exit::Unreachable,
                message: "Railway limits the rate of requests".into(),
                cause: Some(rate_limit(*wait, by, allowance.as_deref()).into()),
                help: match wait {
                    Some(wait) => format!("run it again in {}", Seconds(*wait)).into(),
                    None => "run it again in a few minutes".into(),
                },
            },
            Self::Redirected { host, to } => Description {
                kind: "redirected",
                exit: Exit::Unreachable,
                message: format!("{host} redirects to {to}").into(),
                cause: Some("a redirect would carry the token to another address, so it was not followed".into()),
                help: "check the proxy or the network's sign-in page, then run it again".into(),
            },
            Self::Blocked { host, cause, code } => Description {
                kind: "blocked",
                exit: Exit::Unreachable,
                message: format!("something in front of {host} blocked the request").into(),
                cause: Some(cause.into()),
                help: match code {
                    // Cloudflare's codes for a banned client and for a rate limit.
                    Some(1010) => format!("upgrade doctor to the latest version; {BUG_REPORT}").into(),
                    Some(1015) => "run the command again in a few minutes".into(),
                    _ => format!(
                        "check the proxy, VPN or firewall of this network, or run the command from another network; \
                         {BUG_REPORT}"
                    )
                    .into(),
                },
            },
            Self::InvalidResponse { host, cause } => Description {
                kind: "garbled-answer",
                exit: Exit::Unreachable,
                message: format!("{host} did not answer as Railway does").into(),
                cause: Some(cause.into()),
                help: format!("run it again in a minute; https://status.railway.com shows outages; {BUG_REPORT}")
                    .into(),
            },
            Self::SchemaMismatch { operation: _, errors } => Description {
                kind: "schema-moved",
                exit: Exit::Unreachable,
                message: "Railway no longer understands this version of doctor".into(),
                cause: Some(errors.to_string().into()),
                help: format!("install the newest doctor; {BUG_REPORT}").into(),
            },
            Self::Railway { operation, errors } => Description {
                kind: "railway",
                exit: Exit::Unreachable,
                message: format!("Railway could not answer {operation}").into(),
                cause: Some(errors.to_string().into()),
                help: format!("run it again; if it stays, give the trace id to Railway's support; {BUG_REPORT}").into(),
            },
            Self::ChangeRefused { what, errors } => Description {
                kind: "change-refused",
                exit: Exit::Unreachable,
                message: format!("Railway refused {what}").into(),
                cause: Some(errors.to_string().into()),
                help: "ask a workspace admin whether a policy blocks this change, or run the command again".into(),
            },
            Self::Truncated { what, cause } => Description {
                kind: "truncated-list",
                exit: Exit::Unreachable,
                message: format!("Railway's list of {what} did not come to an end").into(),
                cause: Some(cause.into()),
                help: "run it again; nothing is compared against half a list".into(),
            },

            // Writing -----------------------------------------------------------------------------------------------
            Self::NoConsent { what, cause, help } => Description {
                kind: "no-consent",
                exit: Exit::Usage,
                message: format!("nothing was changed: {what}").into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::Untrusted { what, cause, help } => Description {
                kind: "untrusted",
                exit: Exit::Usage,
                message: format!("nothing was changed: {what}").into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::TrustOutdated { what, cause, help } => Description {
                kind: "trust-outdated",
                exit: Exit::Usage,
                message: format!("nothing was changed: {what}").into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
            Self::Staged { what } => Description {
                kind: "staged-changes",
                exit: Exit::Partial,
                message: format!("nothing was changed: somebody has staged a change of {what}").into(),
                cause: Some("it would later overwrite what is pushed now".into()),
                help: "deploy or discard it on Railway's page, or go on with `--on-staged=ignore`".into(),
            },
            Self::StagedApplying => Description {
                kind: "staged-changes-applying",
                exit: Exit::Partial,
                message: "nothing was changed: Railway is applying staged changes right now".into(),
                cause: Some("what they change can't be seen yet".into()),
                help: "run it again in a minute".into(),
            },

            // doctor itself -----------------------------------------------------------------------------------------
            Self::Interrupted => Description {
                kind: "interrupted",
                exit: Exit::Interrupted,
                message: "interrupted".into(),
                cause: None,
                help: "run it again".into(),
            },
            Self::Overdue { limit } => Description {
                kind: "time-limit",
                exit: Exit::Unreachable,
                message: format!("doctor did not finish within {}", Seconds(*limit)).into(),
                cause: Some("the files and Railway's response take longer to compare; nothing was changed".into()),
                help: "pass a longer limit such as `--timeout 60s`, or select less with --service and --only".into(),
            },
            Self::TooLarge => Description {
                kind: "memory-limit",
                exit: Exit::Usage,
                message: "doctor needs more than 256 MiB of memory".into(),
                cause: Some("the files and Railway's response are too large together; nothing was changed".into()),
                help: "select fewer services with --service, or make the files smaller".into(),
            },
            Self::System { what, cause, help } => Description {
                kind: "machine",
                exit: Exit::Usage,
                message: what.into(),
                cause: Some(cause.into()),
                help: help.into(),
            },
        }
    }
}
