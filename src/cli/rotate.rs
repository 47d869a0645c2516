//! The arguments of `doctor rotate`. The doc comments are the texts of `--help`.

use clap::Args;

use crate::cli::choice::Staging;
use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{FileArgs, ReportArgs, TargetArgs};

/// The arguments of `doctor rotate`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::ROTATE)]
pub struct RotateArgs {
    /// Key whose value to change
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub options: RotateOptions,
}

/// The flags of `doctor rotate`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct RotateOptions {
    #[command(flatten)]
    pub targeting: TargetArgs,
    #[command(flatten)]
    pub files: FileArgs,
    /// Replace the value on this service, not that of the file
    #[arg(long, value_name = "SERVICE")]
    pub from: Option<String>,
    /// Generate the value: hex:32, base64:32, base64url:32, alnum:40 or uuid
    #[arg(long, value_name = "SPEC", conflicts_with = "stdin", help_heading = "New value")]
    pub generate: Option<String>,
    /// Read the new value from standard input
    #[arg(long, help_heading = "New value")]
    pub stdin: bool,
    /// Also replace all other copies that trace finds
    #[arg(long, help_heading = "Actions")]
    pub all_copies: bool,
    /// Keep the old value under this key, for an overlap
    #[arg(long, value_name = "KEY", help_heading = "Actions")]
    pub keep_old_as: Option<String>,
    /// Show the plan only; exit with 1 if it has steps
    #[arg(long, help_heading = "Actions")]
    pub dry_run: bool,
    /// Skip prompts
    #[arg(short, long, help_heading = "Actions")]
    pub yes: bool,
    /// Show logs even without a terminal
    #[arg(long, help_heading = "Actions")]
    pub show_logs: bool,
    /// Overwrite the sealed variable KEY
    #[arg(long, value_name = "KEY", help_heading = "Overrides")]
    pub allow_sealed: Vec<String>,
    /// Write to a template or a file tracked by git
    #[arg(long, help_heading = "Overrides")]
    pub allow_tracked: bool,
    /// On staged changes: stop (default) or ignore
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = Staging::Stop, hide_default_value = true, hide_possible_values = true, help_heading = "Overrides")]
    pub on_staged: Staging,
    /// Do not record the run, so it can't be undone
    #[arg(long, help_heading = "Overrides")]
    pub no_journal: bool,
    #[command(flatten)]
    pub report: ReportArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    pub timeout: String,
}

/// The arguments of `doctor demo rotate`.
#[derive(Args, Clone, Debug)]
pub struct DemoRotateArgs {
    /// Key whose value to change
    #[arg(value_name = "KEY", default_value = "STAGING_OPS_API_KEY")]
    pub key: String,
    #[command(flatten)]
    pub options: RotateOptions,
}
