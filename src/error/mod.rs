//! Everything that can go wrong: what happened, because of what, what to type next, and the exit code.
//!
//! A finding is a result; an error means that looking was not possible. No variant carries a value of a variable or a
//! token, nor a text that Railway or a library produced from one.

#![expect(missing_docs, reason = "a variant's fields are what its three lines name")]

mod exit;
mod kind;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::error::exit::Exit;

/// Why `doctor` could not do what was asked. `Display` is the first line, [`Error::cause`] the second,
/// [`Error::help`] the third.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    // The command line and files ------------------------------------------------------------------------------------
    /// A flag's value makes no sense.
    #[error("{flag} can't be {value}")]
    Flag { flag: &'static str, value: String, cause: String, help: String },
    /// A path that was asked for can't be used as a file of variables.
    #[error("can't read {path}")]
    File { path: String, cause: String, help: String },
    /// No `.env` was named and none is there.
    #[error("there is no {path} here")]
    NoEnvFile { path: String, hint: Option<String> },
    /// `doctor.toml` can't be understood.
    #[error("{path}:{line}:{column}: {what}")]
    Config { path: String, line: usize, column: usize, what: String, help: String },
    /// The official CLI's own file can't be understood.
    #[error("can't read the Railway CLI's {path}")]
    CliConfig { path: String, cause: String },
    /// A result could not be written.
    #[error("can't write {path}")]
    Output { path: String, cause: String },
    /// A file that `doctor` was to change stays as it is.
    #[error("can't change {path}")]
    Write { path: String, cause: String, help: String },

    /// What is to be remembered can't be kept, or what was kept can't be read.
    #[error("{what}")]
    Journal { what: String, cause: String, help: String },

    // Whom to look at -----------------------------------------------------------------------------------------------
    /// Nothing names a project.
    #[error("no project is linked to {folder}")]
    NoProject { folder: PathBuf },
    /// A project is named, but no environment.
    #[error("no environment is named for project {project}")]
    NoEnvironment { project: String, origin: String, choices: Vec<String> },
    /// A name that fits nothing.
    #[error("{}", unknown(kind, wanted))]
    Unknown { kind: &'static str, wanted: String, within: String, suggestions: Vec<String>, choices: Vec<String> },
    /// Keys that a flag names and nothing has.
    #[error("{what}")]
    UnknownKey { what: String, cause: String, help: String },
    /// A name that fits several things.
    #[error("{wanted} could be any of {} {kind}s", .candidates.len())]
    Ambiguous { kind: &'static str, wanted: String, candidates: Vec<String> },
    /// A project token names another target than a flag or `doctor.toml`.
    #[error("the project token is for {token}, but {origin} says {wanted}")]
    TokenContradicts { token: String, origin: String, wanted: String },
    /// The project or environment was deleted on Railway.
    #[error("{kind} {name} was deleted on Railway")]
    Deleted { kind: &'static str, name: String },

    // Credentials ---------------------------------------------------------------------------------------------------
    /// No token anywhere.
    #[error("no Railway credentials found")]
    NoCredentials { sources: Vec<String> },
    /// The keyring had to be asked and could not be.
    #[error("can't ask the system's keyring")]
    Keyring { cause: String, help: String },
    /// The official CLI's login has run out.
    #[error("the Railway CLI's login has expired")]
    Expired { path: String },
    /// Railway does not know the token.
    #[error("Railway refused the token from {from}")]
    Refused { from: String, errors: RailwayErrors },
    /// A token that works, in the wrong variable.
    #[error("{from} holds {found}, not {expected}")]
    WrongKind { from: String, found: &'static str, expected: &'static str, belongs_in: &'static str },
    /// A live token that may not see this.
    #[error("the token from {from} may not see {what}")]
    NoPermission { from: String, what: String, errors: RailwayErrors, reach: Option<String> },
    /// An id that Railway does not have, or that an access group hides from the token's owner.
    #[error("{what}: {NOT_FOUND}")]
    NotFound { what: String, errors: RailwayErrors },
    /// A commit that is not in the repository of a service.
    #[error("Railway did not find commit {commit} in the repository that the service is connected to")]
    CommitNotFound { commit: String, errors: RailwayErrors },
    /// The workspace demands two-factor authentication.
    #[error("workspace {workspace} demands two-factor authentication")]
    TwoFactor { workspace: String },
    /// A token that can't be sent as a header.
    #[error("the token from {from} is not a token")]
    MalformedToken { from: String },

    // Railway -------------------------------------------------------------------------------------------------------
    /// No connection.
    #[error("can't reach {host}")]
    Unreachable { host: String, cause: String },
    /// The connection is not to be trusted.
    #[error("can't trust the certificate of {host}")]
    Certificate { host: String, cause: String },
    /// The system has no certificates to trust anybody by, as in an empty container.
    #[error("can't trust anybody: the system has no root certificates")]
    NoRootCertificates { host: String, cause: String },
    /// `--timeout` is over.
    #[error("no answer from {host} within {}", Seconds(*.limit))]
    TimedOut { host: String, limit: Duration, last: Option<String> },
    /// Railway's rate limit.
    #[error("Railway limits the rate of requests")]
    RateLimited { wait: Option<Duration>, by: String, allowance: Option<String> },
    /// A redirect, which would carry the token elsewhere.
    #[error("{host} redirects to {to}")]
    Redirected { host: String, to: String },
    /// Something in front of Railway refused the request, so that Railway never saw it.
    #[error("something in front of {host} blocked the request")]
    Blocked { host: String, cause: String, code: Option<u16> },
    /// An answer that is no answer: HTML, an empty body, broken JSON, a gateway's status.
    #[error("{host} did not answer as Railway does")]
    InvalidResponse { host: String, cause: String },
    /// The query does not fit Railway's schema of today.
    #[error("Railway no longer understands this version of doctor")]
    SchemaMismatch { operation: &'static str, errors: RailwayErrors },
    /// An error of Railway's own.
    #[error("Railway could not answer {operation}")]
    Railway { operation: &'static str, errors: RailwayErrors },
    /// A change that Railway refuses.
    #[error("Railway refused {what}")]
    ChangeRefused { what: &'static str, errors: RailwayErrors },
    /// A listing that did not come to its end.
    #[error("Railway's list of {what} did not come to an end")]
    Truncated { what: &'static str, cause: String },

    // Writing -------------------------------------------------------------------------------------------------------
    /// A plan that nobody has said yes to.
    #[error("nothing was changed: {what}")]
    NoConsent { what: String, cause: String, help: String },
    /// Only the checkout names where local values would go.
    #[error("nothing was changed: {what}")]
    Untrusted { what: String, cause: String, help: String },
    /// The same, and the user has accepted something else before.
    #[error("nothing was changed: {what}")]
    TrustOutdated { what: String, cause: String, help: String },
    /// Somebody has staged a change of the same variable.
    #[error("nothing was changed: somebody has staged a change of {what}")]
    Staged { what: String },
    /// Staged changes are being applied right now.
    #[error("nothing was changed: Railway is applying staged changes right now")]
    StagedApplying,

    // doctor itself -------------------------------------------------------------------------------------------------
    /// Ctrl-C at a question. It is said in one line, by `io::interrupt`, and not as an error.
    #[error("interrupted")]
    Interrupted,
    /// The time limit is reached while doctor itself works.
    #[error("doctor did not finish within {}", Seconds(*.limit))]
    Overdue { limit: Duration },
    /// The run needs more memory than it may.
    #[error("doctor needs more than 256 MiB of memory")]
    TooLarge,
    /// The machine refused something that always works.
    #[error("{what}")]
    System { what: String, cause: String, help: String },
}

impl Error {
    /// Because of what: the second line, where there is more to say.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Flag { cause: why, .. }
            | Self::File { cause: why, .. }
            | Self::CliConfig { cause: why, .. }
            | Self::Output { cause: why, .. }
            | Self::Write { cause: why, .. }
            | Self::Unreachable { cause: why, .. }
            | Self::Blocked { cause: why, .. }
            | Self::Certificate { cause: why, .. }
            | Self::NoRootCertificates { cause: why, .. }
            | Self::Truncated { cause: why, .. }
            | Self::NoConsent { cause: why, .. }
            | Self::Untrusted { cause: why, .. }
            | Self::TrustOutdated { cause: why, .. }
            | Self::Journal { cause: why, .. }
            | Self::Keyring { cause: why, .. }
            | Self::UnknownKey { cause: why, .. }
            | Self::System { cause: why, .. } => Some(why.clone()),
            Self::Staged { .. } => Some("it would later overwrite what is pushed now".into()),
            Self::StagedApplying => Some("what they change can't be seen yet".into()),
            Self::NoEnvFile { hint, .. } => hint.clone(),
            Self::Config { .. } | Self::TokenContradicts { .. } | Self::Interrupted => None,
            Self::NoProject { .. } => {
                Some("no flag, doctor.toml, project token, RAILWAY_PROJECT_ID or `railway link` names one".into())
            }
            Self::NoEnvironment { origin, choices, .. } => {
                Some(format!("{origin} names the project only; it has {}", listed(choices, "no environment")))
            }
            Self::Unknown { within, choices, .. } => Some(format!("{within} has {}", listed(choices, "none"))),
            Self::Ambiguous { candidates, .. } => Some(format!("it fits {}", listed(candidates, "none"))),
            Self::Deleted { .. } => Some("its id is still linked here".into()),
            Self::NoCredentials { sources: looked } => Some(looked.join("; ")),
            Self::Expired { path } => {
                Some(format!("the access token in {path} is over an hour old, and only the Railway CLI may renew it"))
            }
            Self::Refused { errors: said, .. }
            | Self::NotFound { errors: said, .. }
            | Self::CommitNotFound { errors: said, .. }
            | Self::SchemaMismatch { errors: said, .. }
            | Self::ChangeRefused { errors: said, .. }
            | Self::Railway { errors: said, .. } => Some(said.to_string()),
            Self::WrongKind { found, .. } => {
                Some(format!("Railway knows it as {found}, which goes into another header"))
            }
            Self::NoPermission { errors: said, reach, .. } => Some(match reach {
                Some(reach) => format!("{said}, though the token is alive: {reach}"),
                None => said.to_string(),
            }),
            Self::TwoFactor { .. } => Some("the account behind the token has it switched off".into()),
            Self::MalformedToken { .. } => Some("it holds characters that no token has".into()),
            Self::TimedOut { last, .. } => last.clone(),
            Self::RateLimited { wait, by, allowance } => {
                let asked = match wait {
                    Some(wait) => format!("{by} asks to wait {}, longer than this run may take", Seconds(*wait)),
                    None => format!("{by} refused every try"),
                };
                Some(match allowance {
                    Some(allowance) => format!("{asked}; its limit is {allowance}"),
                    None => asked,
                })
            }
            Self::Redirected { .. } => {
                Some("a redirect would carry the token to another address, so it was not followed".into())
            }
            Self::InvalidResponse { cause: what, .. } => Some(what.clone()),
            Self::Overdue { .. } => {
                Some("the files and Railway's response take longer to compare; nothing was changed".into())
            }
            Self::TooLarge => {
                Some("the files and Railway's response are too large together; nothing was changed".into())
            }
        }
    }

    /// What to type or do next: the third line.
    pub fn help(&self) -> String {
        match self {
            Self::Flag { help: next, .. }
            | Self::File { help: next, .. }
            | Self::Config { help: next, .. }
            | Self::Write { help: next, .. }
            | Self::NoConsent { help: next, .. }
            | Self::Untrusted { help: next, .. }
            | Self::TrustOutdated { help: next, .. }
            | Self::Journal { help: next, .. }
            | Self::Keyring { help: next, .. }
            | Self::UnknownKey { help: next, .. }
            | Self::System { help: next, .. } => next.clone(),
            Self::Interrupted => "run it again".into(),
            Self::Staged { .. } => "deploy or discard it on Railway's page, or go on with `--on-staged=ignore`".into(),
            Self::StagedApplying => "run it again in a minute".into(),
            Self::NoEnvFile { .. } => "name the file: the same command with `--env-file PATH`".into(),
            Self::CliConfig { .. } => "run `railway login`, which writes it anew, or set RAILWAY_TOKEN".into(),
            Self::Output { .. } => "name another file with --output, or leave it out".into(),
            Self::NoProject { .. } => "run `railway link`, or pass `--project=ID --environment=NAME`".into(),
            Self::NoEnvironment { choices, .. } => {
                format!("pass `--environment={}`", choices.first().map_or_else(|| "NAME".into(), |name| quoted(name)))
            }
            Self::Unknown { kind, suggestions, choices, .. } => match suggestions.first() {
                Some(name) => format!("did you mean `--{kind}={}`?", quoted(name)),
                None if choices.is_empty() && *kind == "project" => NO_ACCESS.into(),
                None => format!("pass one of them as `--{kind}=NAME`"),
            },
            Self::Ambiguous { kind, candidates, .. } => {
                let first = candidates.first().map_or_else(|| "NAME".into(), |name| quoted(name));
                format!("pass the whole name or the id: `--{kind}={first}`")
            }
            Self::TokenContradicts { .. } => {
                "use a token for that environment, or leave the project and environment to the token".into()
            }
            Self::Deleted { .. } => "run `railway link` again, or pass `--project` and `--environment`".into(),
            Self::NotFound { .. } => {
                format!("run `railway link` again, or pass `--project` and `--environment`; else {NO_ACCESS}")
            }
            Self::CommitNotFound { commit, .. } => {
                format!("push commit {commit} to that repository, or declare a commit that is in it")
            }
            Self::NoCredentials { .. } => {
                "run `doctor auth login` or `railway login`, or set RAILWAY_TOKEN to a project token of this environment".into()
            }
            Self::Expired { .. } => "run `railway whoami`, which renews it, or set RAILWAY_API_TOKEN".into(),
            Self::Refused { from, .. } => renewal(from),
            Self::WrongKind { from, belongs_in, .. } => {
                format!("put it into {belongs_in} and unset {from}")
            }
            Self::NoPermission { .. } => {
                "check the id, ask for access in the project's settings, or use a token that has it".into()
            }
            Self::TwoFactor { .. } => "switch it on at https://railway.com/account/security".into(),
            Self::MalformedToken { from } => format!("set {from} to the token alone, without quotes or line breaks"),
            Self::Unreachable { .. } => "check the connection and HTTPS_PROXY, then run it again".into(),
            Self::Certificate { .. } => {
                "if a proxy of yours re-signs traffic, name its root in SSL_CERT_FILE; else do not go on".into()
            }
            Self::NoRootCertificates { .. } => "install ca-certificates, or name a file of roots in SSL_CERT_FILE".into(),
            Self::Overdue { .. } => "pass a longer limit such as `--timeout 60s`, or select less with --service and --only".into(),
            Self::TooLarge => "select fewer services with --service, or make the files smaller".into(),
            Self::TimedOut { .. } => "run it again, with more time if need be: `--timeout 60s`".into(),
            Self::RateLimited { wait, .. } => match wait {
                Some(wait) => format!("run it again in {}", Seconds(*wait)),
                None => "run it again in a few minutes".into(),
            },
            Self::Redirected { .. } => "check the proxy or the network's sign-in page, then run it again".into(),
            Self::Blocked { code: Some(1010), .. } => format!("upgrade doctor to the latest version; {BUG_REPORT}"),
            Self::Blocked { code: Some(1015), .. } => "run the command again in a few minutes".into(),
            Self::Blocked { .. } => format!(
                "check the proxy, VPN or firewall of this network, or run the command from another network; {BUG_REPORT}"
            ),
            Self::InvalidResponse { .. } => {
                format!("run it again in a minute; https://status.railway.com shows outages; {BUG_REPORT}")
            }
            Self::SchemaMismatch { .. } => format!("install the newest doctor; {BUG_REPORT}"),
            Self::Railway { .. } => {
                format!("run it again; if it stays, give the trace id to Railway's support; {BUG_REPORT}")
            }
            Self::ChangeRefused { .. } => "ask a workspace admin whether a policy blocks this change, or run the command again".into(),
            Self::Truncated { .. } => "run it again; nothing is compared against half a list".into(),
        }
    }

    /// What it quotes of Railway's words, to be scrubbed.
    pub fn railway_errors_mut(&mut self) -> Option<&mut RailwayErrors> {
        match self {
            Self::Refused { errors: said, .. }
            | Self::NoPermission { errors: said, .. }
            | Self::NotFound { errors: said, .. }
            | Self::CommitNotFound { errors: said, .. }
            | Self::SchemaMismatch { errors: said, .. }
            | Self::ChangeRefused { errors: said, .. }
            | Self::Railway { errors: said, .. } => Some(said),
            _ => None,
        }
    }
}

/// What Railway's “not found” means: members of a workspace may be shown only the projects of their access groups.
pub const NOT_FOUND: &str = "not found, or not visible to this token";

/// What to do about something that the token may only not see.
pub const NO_ACCESS: &str = "use a token that can see it, or ask a workspace admin for access";

/// A name that fits nothing. What a token does not see may be there all the same.
fn unknown(kind: &str, wanted: &str) -> String {
    match kind {
        "project" => format!("project {wanted}: {NOT_FOUND}"),
        _ => format!("there is no {kind} {wanted}"),
    }
}

/// What helps whoever has to find out why a response was not as expected.
const BUG_REPORT: &str = "for a bug report, add `--debug-api FILE` and attach that file";

/// "a, b and 3 more", or the word for none.
fn listed(names: &[String], none: &str) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => none.to_owned(),
        count if count > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}

/// The name as a shell takes it for one word. Anybody on the project may have chosen it.
fn quoted(name: &str) -> Cow<'_, str> {
    // Only a NUL can't be quoted, and no shell can be given one anyway.
    shlex::try_quote(name).unwrap_or(Cow::Borrowed("NAME"))
}

/// Where a new token of that kind is made.
fn renewal(from: &str) -> String {
    match from {
        "RAILWAY_TOKEN" => "make a new project token in the project's settings, under Tokens".into(),
        "RAILWAY_API_TOKEN" => "make a new one at https://railway.com/account/tokens".into(),
        "the keyring" | "what was given" => "make a new one, then run `doctor auth login`".into(),
        _ => "run `railway login`".into(),
    }
}

/// What Railway said: its message, scrubbed and escaped, and the trace ids that its support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RailwayErrors {
    /// The messages, one per error.
    pub messages: Vec<String>,
    /// Trace ids, in the same order, where given.
    pub traces: Vec<String>,
}

impl fmt::Display for RailwayErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Railway said “{}”", self.messages.join("”, “"))?;
        if !self.traces.is_empty() {
            write!(formatter, " (trace {})", self.traces.join(", "))?;
        }
        Ok(())
    }
}

/// A duration as people say it.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_millis(100) {
            write!(formatter, "{} ms", self.0.as_millis().max(1))
        } else if self.0.subsec_millis() == 0 {
            write!(formatter, "{} s", self.0.as_secs())
        } else {
            write!(formatter, "{:.1} s", self.0.as_secs_f64())
        }
    }
}
