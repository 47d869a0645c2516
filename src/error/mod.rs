//! Everything that can go wrong. `description` declares for each error what is printed and how the run ends.
//!
//! A finding is a result; an error means that there is none. No variant holds a value of a variable, a token, or text that
//! Railway or a library made from one.

mod description;
mod exit;
mod phrases;
mod railway_errors;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::error::description::{NO_ACCESS, NOT_FOUND};
pub use crate::error::exit::Exit;
pub use crate::error::railway_errors::RailwayErrors;

/// Why `doctor` could not do what was asked. `Display` is the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    // The command line and files ------------------------------------------------------------------------------------
    /// The value of a flag is invalid.
    Flag { flag: &'static str, value: String, cause: String, help: String },
    /// A path that was named can't be read as a file of variables.
    File { path: String, cause: String, help: String },
    /// No `.env` was named, and there is none.
    NoEnvFile { path: String, hint: Option<String> },
    /// `doctor.toml` is invalid.
    Config { path: String, line: usize, column: usize, what: String, help: String },
    /// The Railway CLI's own file is invalid.
    CliConfig { path: String, cause: String },
    /// A result could not be written.
    Output { path: String, cause: String },
    /// A file that `doctor` was to change is unchanged.
    Write { path: String, cause: String, help: String },
    /// The state folder can't be read or written.
    Journal { what: String, cause: String, help: String },

    // The project and the environment ---------------------------------------------------------------------------------
    /// No project is named.
    NoProject { folder: PathBuf },
    /// A project is named, but no environment.
    NoEnvironment { project: String, origin: String, choices: Vec<String> },
    /// A name matches nothing.
    Unknown { kind: &'static str, wanted: String, within: String, suggestions: Vec<String>, choices: Vec<String> },
    /// A flag names keys that exist nowhere.
    UnknownKey { what: String, cause: String, help: String },
    /// A name matches several things.
    Ambiguous { kind: &'static str, wanted: String, candidates: Vec<String> },
    /// A project token is for another target than a flag or `doctor.toml` names.
    TokenContradicts { token: String, origin: String, wanted: String },
    /// The project or environment was deleted on Railway.
    Deleted { kind: &'static str, name: String },

    // Credentials ---------------------------------------------------------------------------------------------------
    /// No source of credentials has a token.
    NoCredentials { sources: Vec<String> },
    /// The keyring is needed and can't be read.
    Keyring { cause: String, help: String },
    /// The Railway CLI's login has expired.
    Expired { path: String },
    /// Railway does not know the token.
    Refused { from: String, errors: RailwayErrors },
    /// A valid token, in the wrong variable.
    WrongKind { from: String, found: &'static str, expected: &'static str, belongs_in: &'static str },
    /// A valid token without access to this.
    NoPermission { from: String, what: String, errors: RailwayErrors, reach: Option<String> },
    /// An id that Railway does not have, or that an access group hides from the token's owner.
    NotFound { what: String, errors: RailwayErrors },
    /// A commit that is not in the repository of a service.
    CommitNotFound { commit: String, errors: RailwayErrors },
    /// The workspace requires two-factor authentication.
    TwoFactor { workspace: String },
    /// A token that can't be sent in a header.
    MalformedToken { from: String },

    // Railway -------------------------------------------------------------------------------------------------------
    /// No connection.
    Unreachable { host: String, cause: String },
    /// The certificate of the host is not trusted.
    Certificate { host: String, cause: String },
    /// The system has no root certificates, as in an empty container.
    NoRootCertificates { host: String, cause: String },
    /// The limit of `--timeout` is reached.
    TimedOut { host: String, limit: Duration, last: Option<String> },
    /// Railway's rate limit.
    RateLimited { wait: Option<Duration>, by: String, allowance: Option<String> },
    /// A redirect, which would send the token elsewhere.
    Redirected { host: String, to: String },
    /// A proxy in front of Railway refused the request, which Railway never received.
    Blocked { host: String, cause: String, code: Option<u16> },
    /// A response that is not Railway's: HTML, an empty body, broken JSON, a gateway's status.
    InvalidResponse { host: String, cause: String },
    /// The query does not match Railway's present schema.
    SchemaMismatch { operation: &'static str, errors: RailwayErrors },
    /// An error of Railway's own.
    Railway { operation: &'static str, errors: RailwayErrors },
    /// Railway refused a change.
    ChangeRefused { what: &'static str, errors: RailwayErrors },
    /// A listing that could not be read to its end.
    Truncated { what: &'static str, cause: String },

    // Writing -------------------------------------------------------------------------------------------------------
    /// A plan that was not confirmed.
    NoConsent { what: String, cause: String, help: String },
    /// Only the checkout names where local values would be sent.
    Untrusted { what: String, cause: String, help: String },
    /// The same, and the user has accepted another version of it before.
    TrustOutdated { what: String, cause: String, help: String },
    /// Another person has staged a change of the same variable.
    Staged { what: String },
    /// Staged changes are being applied right now.
    StagedApplying,

    // doctor itself -------------------------------------------------------------------------------------------------
    /// Ctrl-C at a prompt. `io::interrupt` prints it in one line, and not as an error.
    Interrupted,
    /// The time limit is reached while doctor itself works.
    Overdue { limit: Duration },
    /// The run needs more memory than it may use.
    TooLarge,
    /// The system refused something that usually works: a thread, a folder, a terminal.
    System { what: String, cause: String, help: String },
}

impl Error {
    /// Returns the stable name in kebab-case that `--format json` promises. It never changes for an error that exists.
    pub fn kind(&self) -> &'static str {
        self.describe().kind
    }

    /// Returns the exit code of a run that ends with it.
    pub fn exit(&self) -> Exit {
        self.describe().exit
    }

    /// Returns why it happened, if that is known.
    pub fn cause(&self) -> Option<String> {
        self.describe().cause.map(Into::into)
    }

    /// Returns what to do about it.
    pub fn help(&self) -> String {
        self.describe().help.into()
    }

    /// Returns the message and the cause in one line, with the separator between them.
    pub fn with_cause(&self, separator: &str) -> String {
        match self.cause() {
            Some(cause) => format!("{self}{separator}{cause}"),
            None => self.to_string(),
        }
    }

    /// Returns the cause, or the message of an error without one.
    pub fn cause_or_message(&self) -> String {
        self.cause().unwrap_or_else(|| self.to_string())
    }

    /// Returns what it quotes of Railway, to be redacted.
    pub fn railway_errors_mut(&mut self) -> Option<&mut RailwayErrors> {
        match self {
            Self::Refused { errors, .. }
            | Self::NoPermission { errors, .. }
            | Self::NotFound { errors, .. }
            | Self::CommitNotFound { errors, .. }
            | Self::SchemaMismatch { errors, .. }
            | Self::ChangeRefused { errors, .. }
            | Self::Railway { errors, .. } => Some(errors),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.describe().message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use crate::error::{Error, RailwayErrors};

    #[test]
    fn an_error_without_a_cause_is_its_message() {
        let errors = RailwayErrors { messages: vec!["no".to_owned()], traces: vec!["4711".to_owned()] };
        let refused = Error::ChangeRefused { what: "the change", errors };
        assert_eq!(refused.with_cause(": "), "Railway refused the change: Railway said “no” (trace 4711)");
        assert_eq!(refused.cause_or_message(), "Railway said “no” (trace 4711)");
        let interrupted = Error::Interrupted;
        assert_eq!([interrupted.with_cause(", "), interrupted.cause_or_message()], ["interrupted"; 2]);
    }
}
