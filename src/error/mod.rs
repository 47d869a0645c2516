//! Errors. `description` declares for each of them what is printed and how the run ends.
//!
//! A finding is a result; an error means that there is none. No variant contains the value of a variable, a token, or
//! text that Railway or a library derived from one.

mod description;
mod exit;
mod help;
mod phrases;
mod railway_errors;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::error::exit::Exit;
pub use crate::error::help::Help;
pub use crate::error::phrases::{NO_ACCESS, NOT_FOUND, Seconds, listed};
pub use crate::error::railway_errors::RailwayErrors;

/// The path in an [`Error::Output`] about standard output.
pub const STANDARD_OUTPUT: &str = "standard output";

/// The reason why a command failed. `Display` prints the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    // The command line and files ------------------------------------------------------------------------------------
    /// An argument is invalid, or not allowed here.
    Usage { what: String, cause: Option<String>, help: Help },
    /// A file of variables that the user selected can't be read.
    File { path: String, cause: String, help: Help },
    /// No file of variables was selected, and the directory that was searched has no default file.
    NoEnvFile { path: String, searched: String, help: Help },
    /// A file of variables that `doctor.toml` names, at this `file:line:column`, can't be read.
    DeclaredFile { position: Box<str>, path: Box<str>, cause: String, help: Help },
    /// `doctor.toml` is invalid.
    Config { path: Box<str>, line: usize, column: usize, what: String, help: Help },
    /// The Railway CLI's own file is invalid.
    CliConfig { path: String, cause: String },
    /// A result could not be written.
    Output { path: String, cause: String },
    /// A file could not be changed, and is as before.
    Write { path: String, cause: String, help: Help },
    /// The state directory can't be read or written.
    Journal { what: String, cause: String, help: Help },

    // The project and the environment ---------------------------------------------------------------------------------
    /// No source selects a project.
    NoProject { folder: PathBuf },
    /// A project is selected, but no environment.
    NoEnvironment { project: String, origin: String, choices: Vec<String> },
    /// A name matches nothing.
    Unknown { kind: &'static str, wanted: String, within: String, suggestions: Vec<String>, choices: Vec<String> },
    /// A flag names keys that neither a file nor a service has.
    UnknownKey { what: String, cause: String, help: Help },
    /// A key has no value that could be searched for: it is sealed, empty, or kept elsewhere.
    NoValue { key: String, cause: String, help: Help },
    /// A name matches several things.
    Ambiguous { kind: &'static str, wanted: String, candidates: Vec<String> },
    /// A project token is for another target than a flag or `doctor.toml` names.
    TokenContradicts { token: String, origin: String, wanted: String },
    /// The project or environment was deleted on Railway.
    Deleted { kind: &'static str, name: String },

    // Credentials ---------------------------------------------------------------------------------------------------
    /// No source of credentials has a token. `login` is the command that stores one, if any can here.
    NoCredentials { sources: Vec<String>, login: Option<String> },
    /// The OS keyring is needed and can't be read.
    Keyring { cause: String, help: Help },
    /// The Railway CLI's login has expired.
    Expired { path: String },
    /// Railway rejected the token.
    Refused { from: String, errors: RailwayErrors },
    /// A valid token, in the wrong variable.
    WrongKind { from: String, found: &'static str, expected: &'static str, belongs_in: &'static str },
    /// A valid token without access to this. `reach` is what it can access, or else why Railway denies it.
    NoPermission { from: String, what: String, errors: RailwayErrors, reach: Option<String> },
    /// The token of one of two environments is missing, or for another environment.
    EnvironmentToken { what: String, cause: String, help: Help },
    /// An id that does not exist, or that the token's owner has no access to.
    /// `variable` is the variable with the text, if that is not an id, as the variable requires.
    NotFound { what: String, errors: RailwayErrors, variable: Option<&'static str> },
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
    /// Requests that were not sent, because they would exceed Railway's rate limit.
    AllowanceUsedUp { allowance: Option<String> },
    /// A redirect, which would send the token elsewhere.
    Redirected { host: String, to: String },
    /// A proxy in front of Railway refused the request, which Railway never received.
    Blocked { host: String, cause: String, code: Option<u16> },
    /// A response that is not Railway's: HTML, an empty body, broken JSON, a gateway's status.
    InvalidResponse { host: String, cause: String },
    /// The query does not match Railway's present schema.
    SchemaMismatch { operation: &'static str, errors: RailwayErrors },
    /// Railway failed to process a request.
    Railway { operation: &'static str, errors: RailwayErrors },
    /// Railway rejected a change.
    ChangeRefused { what: &'static str, errors: RailwayErrors },
    /// A listing whose last page could not be reached.
    Truncated { what: &'static str, cause: String },

    // Writing -------------------------------------------------------------------------------------------------------
    /// The user declined.
    Cancelled,
    /// The name of a protected environment was not typed correctly. What was typed may be a secret.
    WrongName { expected: String },
    /// A confirmation is required and was not given.
    NotConfirmed { what: String, cause: String, help: Help },
    /// The destination of local values comes from the checkout alone.
    Untrusted { what: String, cause: String, help: Help },
    /// The same, but the user accepted another version before.
    TrustOutdated { what: String, cause: String, help: Help },
    /// The environment has a staged change to the same variable.
    Staged { what: String },
    /// Railway is applying staged changes.
    StagedApplying,

    // doctor itself -------------------------------------------------------------------------------------------------
    /// Ctrl-C at a prompt. `io::interrupt` prints one line for it.
    Interrupted,
    /// The time limit was reached in doctor's own work.
    Overdue { limit: Duration },
    /// The memory limit was reached.
    TooLarge,
    /// The operating system refused a basic operation, such as starting a thread or creating a directory.
    System { what: String, cause: String, help: Help },
}

impl Error {
    /// Returns the stable name in kebab-case, for `--format json`.
    pub fn kind(&self) -> &'static str {
        self.describe().kind
    }

    /// Returns the exit code of a run that ends with this error.
    pub fn exit(&self) -> Exit {
        self.describe().exit
    }

    /// Returns whether the user did not confirm at a prompt.
    pub fn is_declined(&self) -> bool {
        matches!(self, Self::Cancelled | Self::WrongName { .. })
    }

    /// Returns why it happened, if that is known.
    pub fn cause(&self) -> Option<String> {
        self.describe().cause.map(Into::into)
    }

    /// Returns what to do, if there is anything to do.
    pub fn help(&self) -> Option<Help> {
        self.describe().help
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

    /// Returns the help that the code that returned the error chose.
    pub fn help_mut(&mut self) -> Option<&mut Help> {
        match self {
            Self::Usage { help, .. }
            | Self::File { help, .. }
            | Self::NoEnvFile { help, .. }
            | Self::DeclaredFile { help, .. }
            | Self::Config { help, .. }
            | Self::Write { help, .. }
            | Self::Journal { help, .. }
            | Self::UnknownKey { help, .. }
            | Self::NoValue { help, .. }
            | Self::EnvironmentToken { help, .. }
            | Self::Keyring { help, .. }
            | Self::NotConfirmed { help, .. }
            | Self::Untrusted { help, .. }
            | Self::TrustOutdated { help, .. }
            | Self::System { help, .. } => Some(help),
            _ => None,
        }
    }

    /// Returns the errors that it quotes from Railway, to redact them.
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
    fn missing_environment_lists_what_can_be_selected() {
        let no_environment = |names: &[&str]| {
            let choices = names.iter().map(|&name| name.to_owned()).collect();
            let error = Error::NoEnvironment { project: "shop".to_owned(), origin: "--project".to_owned(), choices };
            (error.cause().unwrap(), error.help().unwrap().to_string())
        };
        for (names, cause, help) in [
            (
                &[][..],
                "project shop has no environments",
                "create an environment in the dashboard, then pass `--environment=NAME`",
            ),
            (&["staging"], "project shop has only the environment staging", "pass `--environment=staging`"),
            (
                &["production", "staging"],
                "project shop has the environments production, staging",
                "pass one of them as `--environment=NAME`",
            ),
        ] {
            let cause = format!("--project names only the project; {cause}");
            assert_eq!(no_environment(names), (cause, help.to_owned()));
        }
    }

    #[test]
    fn denied_access_states_what_the_token_can_access() {
        let reach = || Some("the token is valid, and has access to workspace acme".to_owned());
        let cause = |errors, reach| {
            Error::NoPermission { from: "RAILWAY_TOKEN".to_owned(), what: "project shop".to_owned(), errors, reach }
                .cause()
                .unwrap()
        };
        let errors = || RailwayErrors { messages: vec!["Not Authorized".to_owned()], traces: Vec::new() };
        let expected = "Railway responded “Not Authorized”; the token is valid, and has access to workspace acme";
        assert_eq!(cause(errors(), reach()), expected);
        assert_eq!(cause(errors(), None), "Railway responded “Not Authorized”");
        assert_eq!(cause(RailwayErrors::default(), reach()), reach().unwrap());
    }

    #[test]
    fn error_without_cause_is_its_message() {
        let errors = RailwayErrors { messages: vec!["no".to_owned()], traces: vec!["4711".to_owned()] };
        let refused = Error::ChangeRefused { what: "the change", errors };
        assert_eq!(refused.with_cause(": "), "Railway rejected the change: Railway responded “no” (trace 4711)");
        assert_eq!(refused.cause_or_message(), "Railway responded “no” (trace 4711)");
        let interrupted = Error::Interrupted;
        assert_eq!([interrupted.with_cause(", "), interrupted.cause_or_message()], ["interrupted"; 2]);
    }
}
