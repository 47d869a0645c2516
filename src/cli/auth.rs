//! The arguments of `doctor auth`. The doc comments are the texts of `--help`.

use clap::{Args, Subcommand};

use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{ProjectArgs, ResultArgs};

/// The arguments of `doctor auth`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::AUTH)]
pub struct AuthArgs {
    #[command(subcommand)]
    pub command: AuthCommand,
    /// Time limit for requests to Railway
    #[arg(long, value_name = "DURATION", default_value = "20s", global = true)]
    pub timeout: String,
}

/// The arguments of `doctor auth status`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::STATUS)]
pub struct AuthStatusArgs {
    #[command(flatten)]
    pub place: ProjectArgs,
    #[command(flatten)]
    pub result: ResultArgs,
}

/// The commands of `doctor auth`.
#[derive(Clone, Debug, Subcommand)]
pub enum AuthCommand {
    /// Store a token from a hidden prompt or standard input
    #[command(help_template = TEMPLATE, before_help = examples::LOGIN)]
    Login,
    /// Show the sources of tokens, which one is used, and its access
    Status(AuthStatusArgs),
    /// Remove the stored tokens
    #[command(help_template = TEMPLATE, before_help = examples::LOGOUT)]
    Logout,
}
