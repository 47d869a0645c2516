//! The exit codes.

use crate::error::Error;

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
    /// A fix landed in part, or met a conflict.
    Partial,
    /// A fix was stored, and what runs is not what was stored.
    Disproved,
    /// A fix was stored, and whether it runs can't be told in the time given.
    Inconclusive,
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
            Self::Partial => 6,
            Self::Disproved => 7,
            Self::Inconclusive => 8,
            Self::Interrupted => 130,
        }
    }
}

impl Error {
    /// The exit code of a run that ends with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Flag { .. }
            | Self::File { .. }
            | Self::NoEnvFile { .. }
            | Self::Config { .. }
            | Self::Output { .. }
            | Self::Write { .. }
            | Self::NoProject { .. }
            | Self::NoEnvironment { .. }
            | Self::Unknown { .. }
            | Self::UnknownKey { .. }
            | Self::TokenContradicts { .. }
            | Self::Ambiguous { .. }
            | Self::Deleted { .. }
            | Self::NotFound { .. }
            | Self::CommitNotFound { .. }
            | Self::NoConsent { .. }
            | Self::Untrusted { .. }
            | Self::TrustOutdated { .. }
            | Self::Journal { .. }
            | Self::TooLarge
            | Self::System { .. } => Exit::Usage,
            Self::Staged { .. } | Self::StagedApplying => Exit::Partial,
            Self::Interrupted => Exit::Interrupted,
            Self::CliConfig { .. }
            | Self::NoCredentials { .. }
            | Self::Keyring { .. }
            | Self::Expired { .. }
            | Self::Refused { .. }
            | Self::WrongKind { .. }
            | Self::NoPermission { .. }
            | Self::TwoFactor { .. }
            | Self::MalformedToken { .. } => Exit::Credentials,
            Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::NoRootCertificates { .. }
            | Self::TimedOut { .. }
            | Self::Overdue { .. }
            | Self::RateLimited { .. }
            | Self::Redirected { .. }
            | Self::Blocked { .. }
            | Self::InvalidResponse { .. }
            | Self::SchemaMismatch { .. }
            | Self::ChangeRefused { .. }
            | Self::Railway { .. }
            | Self::Truncated { .. } => Exit::Unreachable,
        }
    }
}
