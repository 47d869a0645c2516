//! `doctor auth`. The comments on flags are what `--help` prints.
#![expect(clippy::doc_markdown, reason = "help is plain text: backticks would be printed")]

use clap::{Args, Subcommand};

use crate::cli::ResultFormat;

/// `doctor auth`.
#[derive(Args, Clone, Debug)]
pub struct Auth {
    /// What to do
    #[command(subcommand)]
    pub verb: AuthVerb,
    /// The time for asking Railway
    #[arg(long, value_name = "DURATION", default_value = "20s", global = true)]
    pub timeout: String,
}

/// `doctor auth status`.
#[derive(Args, Clone, Debug)]
pub struct AuthStatus {
    /// The project [default: doctor.toml, project token, RAILWAY_PROJECT_ID, `railway link`]
    #[arg(long, value_name = "ID|NAME", help_heading = "Targeting")]
    pub project: Option<String>,
    /// The environment [default: from the same place as the project]
    #[arg(short, long, value_name = "ID|NAME", help_heading = "Targeting")]
    pub environment: Option<String>,
    /// text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ResultFormat::Text, hide_possible_values = true)]
    pub format: ResultFormat,
}

/// What `doctor auth` does.
#[derive(Clone, Debug, Subcommand)]
pub enum AuthVerb {
    /// Store a token, typed unseen or piped into standard input
    Login,
    /// Tell every place that may hold a token, which one is used, and what it reaches
    Status(AuthStatus),
    /// Remove what login stored
    Logout,
}
