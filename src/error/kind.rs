//! The name that programs know an error by.

use crate::error::Error;

impl Error {
    /// A stable name in kebab-case: the promise of `--format json`. It never changes for an error that exists.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Flag { .. } => "usage",
            Self::File { .. } => "unreadable-file",
            Self::NoEnvFile { .. } => "no-env-file",
            Self::Config { .. } => "configuration",
            Self::CliConfig { .. } => "railway-cli-configuration",
            Self::Output { .. } => "output",
            Self::Write { .. } => "write",
            Self::Journal { .. } => "journal",
            Self::NoProject { .. } => "no-project",
            Self::NoEnvironment { .. } => "no-environment",
            Self::Unknown { .. } | Self::UnknownKey { .. } => "unknown-name",
            Self::Ambiguous { .. } => "ambiguous-name",
            Self::TokenContradicts { .. } => "token-contradicts",
            Self::Deleted { .. } => "deleted",
            Self::NoCredentials { .. } => "no-credentials",
            Self::Keyring { .. } => "keyring",
            Self::Expired { .. } => "expired-login",
            Self::Refused { .. } => "refused-token",
            Self::WrongKind { .. } => "wrong-kind-of-token",
            Self::NoPermission { .. } => "no-permission",
            Self::NotFound { .. } => "not-found",
            Self::CommitNotFound { .. } => "commit-not-found",
            Self::TwoFactor { .. } => "two-factor",
            Self::MalformedToken { .. } => "malformed-token",
            Self::Unreachable { .. } => "unreachable",
            Self::Certificate { .. } => "certificate",
            Self::NoRootCertificates { .. } => "no-root-certificates",
            Self::TimedOut { .. } => "timed-out",
            Self::RateLimited { .. } => "rate-limited",
            Self::Redirected { .. } => "redirected",
            Self::Blocked { .. } => "blocked",
            Self::InvalidResponse { .. } => "garbled-answer",
            Self::SchemaMismatch { .. } => "schema-moved",
            Self::ChangeRefused { .. } => "change-refused",
            Self::Railway { .. } => "railway",
            Self::Truncated { .. } => "truncated-list",
            Self::NoConsent { .. } => "no-consent",
            Self::Untrusted { .. } => "untrusted",
            Self::TrustOutdated { .. } => "trust-outdated",
            Self::Staged { .. } => "staged-changes",
            Self::StagedApplying => "staged-changes-applying",
            Self::Interrupted => "interrupted",
            Self::Overdue { .. } => "time-limit",
            Self::TooLarge => "memory-limit",
            Self::System { .. } => "machine",
        }
    }
}
