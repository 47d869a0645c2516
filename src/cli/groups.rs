//! Groups of flags that several commands have. The comments on flags are what `--help` prints.

use std::path::PathBuf;

use clap::Args;

use crate::cli::choice::{FailOn, OutputFormat, ResultFormat};
use crate::report::Format;

/// Which project and environment.
#[derive(Args, Clone, Debug, Default)]
pub struct ProjectArgs {
    /// By name or id; default: doctor.toml, `railway link`
    #[arg(long, value_name = "NAME", help_heading = "Targeting")]
    pub project: Option<String>,
    /// By name or id; default: as for the project
    #[arg(short, long, value_name = "NAME", help_heading = "Targeting")]
    pub environment: Option<String>,
}

/// Which services of which environment.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// Which project and environment.
    #[command(flatten)]
    pub place: ProjectArgs,
    /// By name, alias, id or part of a name; repeatable
    #[arg(short, long, value_name = "NAME", help_heading = "Targeting")]
    pub service: Vec<String>,
}

/// Which local files.
#[derive(Args, Clone, Debug)]
pub struct FileArgs {
    /// The file of variables; repeatable, later ones win
    #[arg(long, value_name = "PATH")]
    pub env_file: Vec<PathBuf>,
}

/// Which keys.
#[derive(Args, Clone, Debug)]
pub struct KeyArgs {
    /// Only this key; repeatable
    #[arg(long, value_name = "KEY")]
    pub only: Vec<String>,
}

/// How the result is reported, and which findings fail the run. The format says what is written.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs<F: OutputFormat = Format> {
    /// `--format`.
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true,
        help = F::FORMAT_HELP
    )]
    pub format: F,
    /// `--output`.
    #[arg(id = "output", long, value_name = "FILE", help = F::FILE_HELP)]
    pub file: Option<PathBuf>,
    /// Fail from error (default), warning, note or never
    #[arg(long, value_enum, hide_possible_values = true, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
}

/// What is shown of values.
#[derive(Args, Clone, Copy, Debug)]
pub struct RevealArgs {
    /// Show values; on a terminal only, never with CI set
    #[arg(long)]
    pub show_values: bool,
}

/// How the result of a command without findings is reported.
#[derive(Args, Clone, Copy, Debug)]
pub struct ResultArgs {
    /// text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ResultFormat::Text, hide_possible_values = true)]
    pub format: ResultFormat,
}
