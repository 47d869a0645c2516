//! Groups of flags that several commands share. The doc comments are the texts of `--help`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::choice::{FailOn, OutputFormat, ResultFormat};
use crate::report::Format;

/// The flags that select a project and an environment.
#[derive(Args, Clone, Debug, Default)]
pub struct ProjectArgs {
    /// Project name or id [default: doctor.toml or link]
    #[arg(long, value_name = "NAME", help_heading = "Targeting")]
    pub project: Option<String>,
    /// Environment name or id [default: as for project]
    #[arg(short, long, value_name = "NAME", help_heading = "Targeting")]
    pub environment: Option<String>,
}

/// The flags that select services.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    #[command(flatten)]
    pub place: ProjectArgs,
    /// Service name (or part), alias or id; repeatable
    #[arg(short, long, value_name = "NAME", help_heading = "Targeting")]
    pub service: Vec<String>,
}

/// The flags that select local files.
#[derive(Args, Clone, Debug)]
pub struct FileArgs {
    /// Local env file; repeatable, later files win
    #[arg(long, value_name = "PATH")]
    pub env_file: Vec<PathBuf>,
}

/// The flag of a command that can do without a local file.
#[derive(Args, Clone, Debug)]
pub struct NoFileArgs {
    /// Read no env file; check what is declared instead
    #[arg(long, conflicts_with = "env_file")]
    pub no_env_file: bool,
}

/// The flags that select keys.
#[derive(Args, Clone, Debug)]
pub struct KeyArgs {
    /// Limit to this key; repeatable
    #[arg(long, value_name = "KEY")]
    pub only: Vec<String>,
}

/// The flags of a baseline.
#[derive(Args, Clone, Debug, Default)]
pub struct BaselineArgs {
    /// Compare the findings with this baseline
    #[arg(id = "baseline", long = "baseline", value_name = "FILE", help_heading = "Baseline")]
    pub file: Option<PathBuf>,
    /// Report only what is not in the baseline
    #[arg(long, requires = "baseline", help_heading = "Baseline")]
    pub new_only: bool,
    /// Write the findings to the baseline
    #[arg(long, requires = "baseline", conflicts_with = "new_only", help_heading = "Baseline")]
    pub write_baseline: bool,
}

/// The flags for a result with findings. The available formats depend on the command.
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
    /// Fail on error (default), warning, note or never
    #[arg(long, value_enum, hide_possible_values = true, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
}

/// The flags for a report without findings.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// `--format`.
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true,
        help = Format::FORMAT_HELP
    )]
    pub format: Format,
    /// `--output`.
    #[arg(id = "output", long, value_name = "FILE", help = Format::FILE_HELP)]
    pub file: Option<PathBuf>,
}

/// The flag that reveals values.
#[derive(Args, Clone, Copy, Debug)]
pub struct RevealArgs {
    /// Show values (terminal only, never with CI set)
    #[arg(long)]
    pub show_values: bool,
}

/// The flags for a result without findings.
#[derive(Args, Clone, Copy, Debug)]
pub struct ResultArgs {
    /// text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ResultFormat::Text, hide_possible_values = true)]
    pub format: ResultFormat,
}
