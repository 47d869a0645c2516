//! `doctor auth`. The comments on flags are what `--help` prints.

use clap::{Args, Subcommand};

use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{ProjectArgs, ResultArgs};

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
    /// Which project and environment the token should reach.
    #[command(flatten)]
    pub place: ProjectArgs,
    /// How the result is reported.
    #[command(flatten)]
    pub result: ResultArgs,
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
