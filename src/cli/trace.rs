//! The arguments of `doctor trace`. The doc comments are the texts of `--help`.

use clap::Args;

use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{FileArgs, ReportArgs, TargetArgs};

/// The arguments of `doctor trace`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::TRACE)]
pub struct TraceArgs {
    /// Key whose value to search for
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub options: TraceOptions,
}

/// The flags of `doctor trace`.
#[derive(Args, Clone, Debug)]
pub struct TraceOptions {
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// Use the value on this service, not that of the file
    #[arg(long, value_name = "SERVICE")]
    pub from: Option<String>,
    /// Search all projects and environments of the token
    #[arg(long, conflicts_with_all = ["service", "project"])]
    pub everywhere: bool,
    /// Send the requests of --everywhere without asking
    #[arg(short, long, requires = "everywhere")]
    pub yes: bool,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub report: ReportArgs,
    /// Time limit [default: 20s, or 10m with --everywhere]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
}

impl TraceOptions {
    /// Returns the time limit as typed, or the default.
    pub fn time_limit(&self) -> &str {
        let default = if self.everywhere { "10m" } else { "20s" };
        self.timeout.as_deref().unwrap_or(default)
    }
}

/// The arguments of `doctor demo trace`.
#[derive(Args, Clone, Debug)]
pub struct DemoTraceArgs {
    /// Key whose value to search for
    #[arg(value_name = "KEY", default_value = "STAGING_OPS_API_KEY")]
    pub key: String,
    #[command(flatten)]
    pub options: TraceOptions,
}
