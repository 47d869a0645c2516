//! `doctor auth`. The comments on flags are what `--help` prints.

use clap::{Args, Subcommand};

use crate::cli::ResultFormat;
use crate::cli::examples::{self, TEMPLATE};

/// `doctor auth`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::AUTH)]
pub struct AuthArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: AuthCommand,
    /// The time for asking Railway
    #[arg(long, value_name = "DURATION", default_value = "20s", global = true)]
    pub timeout: String,
}

/// `doctor auth status`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::STATUS)]
pub struct AuthStatusArgs {
    /// By name or id; default: doctor.toml, `railway link`
    #[arg(long, value_name = "NAME", help_heading = "Targeting")]
    pub project: Option<String>,
    /// By name or id; default: as for the project
    #[arg(short, long, value_name = "NAME", help_heading = "Targeting")]
    pub environment: Option<String>,
    /// text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ResultFormat::Text, hide_possible_values = true)]
    pub format: ResultFormat,
}

/// What `doctor auth` does.
#[derive(Clone, Debug, Subcommand)]
pub enum AuthCommand {
    /// Store a token, typed unseen or piped into standard input
    #[command(help_template = TEMPLATE, before_help = examples::LOGIN)]
    Login,
    /// Tell every place that may hold a token, which one is used, and what it reaches
    Status(AuthStatusArgs),
    /// Remove what login stored
    #[command(help_template = TEMPLATE, before_help = examples::LOGOUT)]
    Logout,
}
