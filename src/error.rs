//! Everything that can go wrong: what happened, because of what, what to type next, and the exit code.
//!
//! A finding is a result; an error means that looking was not possible. No variant carries a value of a variable or a
//! token, nor a text that Railway or a library produced from one.

#![expect(missing_docs, reason = "a variant's fields are what its three lines name")]

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How a run ended, as the shell sees it. The numbers are the contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Compared, and nothing at or above `--fail-on`.
    Clean,
    /// Findings at or above `--fail-on`.
    Findings,
    /// The command line, a configuration or a file is at fault.
    Usage,
    /// Nothing was compared.
    NothingCompared,
    /// No credentials, or not the right ones.
    Credentials,
    /// Railway could not be reached, or did not answer in a way that can be used.
    Unreachable,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::NothingCompared => 3,
            Self::Credentials => 4,
            Self::Unreachable => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Why `doctor` could not do what was asked. `Display` is the first line, [`Error::because`] the second,
/// [`Error::next`] the third.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    // The command line and files ------------------------------------------------------------------------------------
    /// A flag's value makes no sense.
    #[error("{flag} can't be {value}")]
    Flag { flag: &'static str, value: String, why: String, next: String },
    /// A path that was asked for can't be used as a file of variables.
    #[error("can't read {path}")]
    File { path: String, why: String, next: String },
    /// No `.env` was named and none is there.
    #[error("there is no {looked} here")]
    NoEnvFile { looked: String, hint: Option<String> },
    /// `doctor.toml` can't be understood.
    #[error("{path}:{line}:{column}: {what}")]
    Config { path: String, line: usize, column: usize, what: String, next: String },
    /// The official CLI's own file can't be understood.
    #[error("can't read the Railway CLI's {path}")]
    CliConfig { path: String, why: String },
    /// A result could not be written.
    #[error("can't write {path}")]
    Output { path: String, why: String },

    // Whom to look at -----------------------------------------------------------------------------------------------
    /// Nothing names a project.
    #[error("no project is linked to {folder}")]
    NoProject { folder: PathBuf },
    /// A project is named, but no environment.
    #[error("no environment is named for project {project}")]
    NoEnvironment { project: String, origin: String, choices: Vec<String> },
    /// A name that fits nothing.
    #[error("there is no {kind} {wanted}")]
    Unknown { kind: &'static str, wanted: String, within: String, suggestions: Vec<String>, choices: Vec<String> },
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
    NoCredentials { looked: Vec<String> },
    /// The official CLI's login has run out.
    #[error("the Railway CLI's login has expired")]
    Expired { path: String },
    /// Railway does not know the token.
    #[error("Railway refused the token from {from}")]
    Refused { from: String, said: Said },
    /// A token that works, in the wrong variable.
    #[error("{from} holds {found}, not {expected}")]
    WrongKind { from: String, found: &'static str, expected: &'static str, belongs_in: &'static str },
    /// A live token that may not see this.
    #[error("the token from {from} may not see {what}")]
    NoPermission { from: String, what: String, said: Said, reach: Option<String> },
    /// The workspace demands two-factor authentication.
    #[error("workspace {workspace} demands two-factor authentication")]
    TwoFactor { workspace: String },
    /// A token that can't be sent as a header.
    #[error("the token from {from} is not a token")]
    MalformedToken { from: String },

    // Railway -------------------------------------------------------------------------------------------------------
    /// No connection.
    #[error("can't reach {host}")]
    Unreachable { host: String, why: String },
    /// The connection is not to be trusted.
    #[error("can't trust the certificate of {host}")]
    Certificate { host: String, why: String },
    /// `--timeout` is over.
    #[error("no answer from {host} within {}", Seconds(*.limit))]
    TimedOut { host: String, limit: Duration, last: Option<String> },
    /// Railway's rate limit.
    #[error("Railway limits the rate of requests")]
    RateLimited { wait: Option<Duration>, by: String },
    /// A redirect, which would carry the token elsewhere.
    #[error("{host} redirects to {to}")]
    Redirected { host: String, to: String },
    /// An answer that is no answer: HTML, an empty body, broken JSON, a gateway's status.
    #[error("{host} did not answer as Railway does")]
    Garbled { host: String, what: String },
    /// The query does not fit Railway's schema of today.
    #[error("Railway no longer understands this version of doctor")]
    SchemaMoved { operation: &'static str, said: Said },
    /// An error of Railway's own.
    #[error("Railway could not answer {operation}")]
    Railway { operation: &'static str, said: Said },
    /// A listing that did not come to its end.
    #[error("Railway's list of {what} did not come to an end")]
    Truncated { what: &'static str, why: String },

    // doctor itself -------------------------------------------------------------------------------------------------
    /// A verb of the contract that this version does not have.
    #[error("`doctor {verb}` is not in this version")]
    NotYet { verb: &'static str, instead: String },
    /// The machine refused something that always works.
    #[error("{what}")]
    Machine { what: String, why: String, next: String },
}

/// What Railway said: its message, scrubbed and escaped, and the trace ids that its support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The messages, one per error.
    pub messages: Vec<String>,
    /// Trace ids, in the same order, where given.
    pub traces: Vec<String>,
}

impl fmt::Display for Said {
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
        if self.0.subsec_millis() == 0 {
            write!(formatter, "{} s", self.0.as_secs())
        } else {
            write!(formatter, "{:.1} s", self.0.as_secs_f64())
        }
    }
}
