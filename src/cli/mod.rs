//! The command line, as clap types. The doc comments of commands and flags are the texts of `--help`.

mod auth;
mod choice;
mod compare;
mod examples;
mod groups;
mod hook;
mod programs;
mod rotate;
mod trace;
mod typed_command;
mod unknown_command;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use crate::cli::auth::{AuthArgs, AuthCommand, AuthStatusArgs};
pub use crate::cli::choice::{
    ColorChoice, FailOn, HookName, OutputFormat, ResultFormat, SchemaName, ShellName, Staging,
};
pub use crate::cli::compare::{CompareArgs, CompareOptions, DemoCompareArgs};
use crate::cli::examples::TEMPLATE;
pub use crate::cli::groups::{
    BaselineArgs, FileArgs, KeyArgs, NoFileArgs, OutputArgs, ProjectArgs, ReportArgs, ResultArgs, RevealArgs,
    TargetArgs,
};
pub use crate::cli::hook::{HookArgs, HookCommand, HookInstallArgs, HookRunArgs, HookStatusArgs};
pub use crate::cli::programs::asks_for_json;
pub use crate::cli::rotate::{DemoRotateArgs, RotateArgs, RotateOptions};
pub use crate::cli::trace::{DemoTraceArgs, TraceArgs, TraceOptions};
pub use crate::cli::typed_command::{names_for_json, typed_target_flags, with_argument, with_flag};
pub use crate::cli::unknown_command::{JsonTips, in_demo, tips_for_json, with_tips};
use crate::report::matrix::MatrixFormat;

/// Find and fix configuration drift between .env, Railway and running deployments
#[derive(Debug, Parser)]
#[command(
    name = "doctor",
    version,
    help_template = TEMPLATE,
    before_help = examples::DOCTOR,
    after_help = examples::AFTER_HELP
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: CliCommand,
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// The flags that every command has.
#[derive(Args, Clone, Debug)]
pub struct GlobalArgs {
    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, hide_possible_values = true, hide_default_value = true, value_name = "WHEN", help_heading = "Global")]
    pub color: ColorChoice,
    /// Show every note and every key
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Global")]
    pub verbose: bool,
    /// Show only what failed
    #[arg(short, long, global = true, help_heading = "Global")]
    pub quiet: bool,
    /// Use this doctor.toml
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "no_config", help_heading = "Global")]
    pub config: Option<PathBuf>,
    /// Do not use a doctor.toml
    #[arg(long, global = true, help_heading = "Global")]
    pub no_config: bool,
    /// Use a simulated Railway at a loopback address
    #[arg(long, global = true, value_name = "URL", overrides_with = "api_url", help_heading = "Global")]
    pub api_url: Option<String>,
    /// Record API requests in a file, for a bug report
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global")]
    pub debug_api: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Compare .env with Railway and running deployments (read-only)
    Check(CheckArgs),
    /// Push, pull or redeploy to fix what check found, and verify it
    Fix(FixArgs),
    /// Restore what a fix changed
    Undo(UndoArgs),
    /// Create a .env from Railway's values, where there is none
    Pull(PullArgs),
    /// Show the comparison as a table of keys and services
    Matrix(MatrixArgs),
    /// Compare two environments with each other (read-only)
    Compare(CompareArgs),
    /// Show where the value of a key is used (read-only)
    Trace(TraceArgs),
    /// Change the value of a key everywhere it is used
    Rotate(RotateArgs),
    /// Create a doctor.toml from .env and the Railway project
    Init(InitArgs),
    /// Store or remove a token, or show which token is used
    Auth(AuthArgs),
    /// Manage the git hook that blocks secrets and drift
    Hook(HookArgs),
    /// Accept this checkout's doctor.toml for its project
    Trust(TrustArgs),
    /// Explain a rule, or list all rules
    Explain(ExplainArgs),
    /// Try doctor on a simulated Railway project
    Demo(DemoArgs),
    /// Print the JSON Schema of reports or of doctor.toml
    #[command(help_template = TEMPLATE, before_help = examples::SCHEMA)]
    Schema {
        /// report or config
        #[arg(value_enum, value_name = "SCHEMA", default_value = "report", hide_possible_values = true)]
        of: SchemaName,
    },
    /// Print a shell completion script
    #[command(help_template = TEMPLATE, before_help = examples::COMPLETIONS)]
    Completions {
        /// bash, zsh, fish, powershell, elvish or nushell
        #[arg(value_enum, value_name = "SHELL", hide_possible_values = true)]
        shell: ShellName,
    },
    /// Print the manual page of doctor or of a command
    #[command(help_template = TEMPLATE, before_help = examples::MAN)]
    Man {
        /// Command, such as: auth login [default: doctor itself]
        #[arg(value_name = "COMMAND")]
        verb: Vec<String>,
    },
}

/// The arguments of `doctor check`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::CHECK)]
pub struct CheckArgs {
    #[command(flatten)]
    pub targeting: TargetArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub no_file: NoFileArgs,
    #[command(flatten)]
    pub keys: KeyArgs,
    #[command(flatten)]
    pub baseline: BaselineArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
    #[command(flatten)]
    pub reveal: RevealArgs,
    /// Show logs and responses even without a terminal
    #[arg(long)]
    pub show_logs: bool,
}

/// The arguments of `doctor matrix`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::MATRIX)]
pub struct MatrixArgs {
    #[command(flatten)]
    pub targeting: TargetArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub no_file: NoFileArgs,
    #[command(flatten)]
    pub keys: KeyArgs,
    #[command(flatten)]
    pub output: OutputArgs<MatrixFormat>,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// The arguments of `doctor fix`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::FIX)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct FixArgs {
    #[command(flatten)]
    pub targeting: TargetArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub no_file: NoFileArgs,
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Push local values to services that have the key
    #[arg(long, conflicts_with_all = ["pull", "no_env_file"], help_heading = "Actions")]
    pub push: bool,
    /// Also add --only keys that the --service lacks
    #[arg(long, requires_all = ["only", "service"], conflicts_with_all = ["pull", "no_env_file"], help_heading = "Actions")]
    pub add: bool,
    /// Pull Railway's values into the local file
    #[arg(long, conflicts_with = "no_env_file", help_heading = "Actions")]
    pub pull: bool,
    /// Redeploy services that are out of date
    #[arg(long, help_heading = "Actions")]
    pub redeploy: bool,
    /// Store KEY once, as a shared variable of all services
    #[arg(long, value_name = "KEY", conflicts_with_all = ["only", "push", "add", "pull", "redeploy", "start_command", "dependents", "prune", "allow_reference", "allow_shared", "allow_sealed", "allow_tracked"], help_heading = "Actions")]
    pub hoist: Option<String>,
    /// Set the start command of the one --service
    #[arg(long, value_name = "TEXT", requires = "service", conflicts_with_all = ["add", "prune", "no_deploy"], help_heading = "Actions")]
    pub start_command: Option<String>,
    /// Show the plan only; exit with 1 if it has steps
    #[arg(long, help_heading = "Actions")]
    pub dry_run: bool,
    /// Skip prompts; push only --only and required keys
    #[arg(short, long, help_heading = "Actions")]
    pub yes: bool,
    /// Store values without deploying
    #[arg(long, conflicts_with = "redeploy", help_heading = "Actions")]
    pub no_deploy: bool,
    /// Also deploy services that reference changed keys
    #[arg(long, conflicts_with = "no_deploy", help_heading = "Actions")]
    pub dependents: bool,
    /// Show logs even without a terminal
    #[arg(long, help_heading = "Actions")]
    pub show_logs: bool,
    /// Overwrite the reference in KEY with a literal
    #[arg(long, value_name = "KEY", help_heading = "Overrides")]
    pub allow_reference: Vec<String>,
    /// Overwrite the shared variable behind KEY
    #[arg(long, value_name = "KEY", help_heading = "Overrides")]
    pub allow_shared: Vec<String>,
    /// Overwrite the sealed variable KEY
    #[arg(long, value_name = "KEY", help_heading = "Overrides")]
    pub allow_sealed: Vec<String>,
    /// Pull into a template or a file tracked by git
    #[arg(long, help_heading = "Overrides")]
    pub allow_tracked: bool,
    /// Delete --only keys that the file lacks
    #[arg(long, conflicts_with = "no_env_file", help_heading = "Overrides")]
    pub prune: bool,
    /// On staged changes: stop (default) or ignore
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = Staging::Stop, hide_default_value = true, hide_possible_values = true, help_heading = "Overrides")]
    pub on_staged: Staging,
    /// Do not record the run, so it can't be undone
    #[arg(long, help_heading = "Overrides")]
    pub no_journal: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    pub timeout: String,
    #[command(flatten)]
    pub reveal: RevealArgs,
}

/// The arguments of `doctor undo`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::UNDO)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct UndoArgs {
    /// Run to undo [default: the last fix in this directory]
    pub run: Option<String>,
    /// List runs that can be undone
    #[arg(long, conflicts_with = "run")]
    pub list: bool,
    /// Project name or id; must match the run
    #[arg(long, value_name = "NAME", conflicts_with = "list")]
    pub project: Option<String>,
    /// Environment name or id; must match the run
    #[arg(short, long, value_name = "NAME", conflicts_with = "list")]
    pub environment: Option<String>,
    /// Show the plan only; exit with 1 if it has steps
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Restore values without deploying
    #[arg(long)]
    pub no_deploy: bool,
    /// Show logs even without a terminal
    #[arg(long)]
    pub show_logs: bool,
    /// On staged changes: stop (default) or ignore
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = Staging::Stop, hide_default_value = true, hide_possible_values = true)]
    pub on_staged: Staging,
    /// Also restore a template or a file tracked by git
    #[arg(long)]
    pub allow_tracked: bool,
    /// Do not record the undo, so it can't be undone
    #[arg(long)]
    pub no_journal: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    pub timeout: String,
    #[command(flatten)]
    pub reveal: RevealArgs,
}

/// The arguments of `doctor pull`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::PULL)]
pub struct PullArgs {
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// File to create [default: .env]
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Show the plan only; exit with 1
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub result: ResultArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// The arguments of `doctor demo`.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::DEMO)]
pub struct DemoArgs {
    #[command(subcommand)]
    pub verb: Option<DemoCommand>,
}

/// The commands of the demo.
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Run check on the simulated project
    #[command(before_help = examples::DEMO_CHECK)]
    Check(CheckArgs),
    /// Run fix on the simulated project
    #[command(before_help = examples::DEMO_FIX)]
    Fix(FixArgs),
    /// Run undo on the simulated project, after a fix
    #[command(before_help = examples::DEMO_UNDO)]
    Undo(UndoArgs),
    /// Run pull on the simulated project, without a .env
    #[command(before_help = examples::DEMO_PULL)]
    Pull(PullArgs),
    /// Run matrix on the simulated project
    #[command(before_help = examples::DEMO_MATRIX)]
    Matrix(MatrixArgs),
    /// Run compare on a simulated project with two environments
    #[command(help_template = TEMPLATE, before_help = examples::DEMO_COMPARE)]
    Compare(DemoCompareArgs),
    /// Run trace on a simulated project with copies of a key
    #[command(help_template = TEMPLATE, before_help = examples::DEMO_TRACE)]
    Trace(DemoTraceArgs),
    /// Run rotate on a simulated project with copies of a key
    #[command(help_template = TEMPLATE, before_help = examples::DEMO_ROTATE)]
    Rotate(DemoRotateArgs),
}

/// The arguments of `doctor init`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::INIT)]
pub struct InitArgs {
    #[command(flatten)]
    pub targeting: TargetArgs,
    #[command(flatten)]
    pub files: FileArgs,
    /// Write the suggested file without asking
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub result: ResultArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// The arguments of `doctor trust`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::TRUST)]
pub struct TrustArgs {
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Time limit for requests to Railway
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// The arguments of `doctor explain`.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::EXPLAIN)]
pub struct ExplainArgs {
    /// Rule name or code; without one, all rules are listed
    pub rule: Option<String>,
    #[command(flatten)]
    pub result: ResultArgs,
}

impl CliCommand {
    /// Returns `--env-file`, if the command has it.
    pub fn env_file(&self) -> &[PathBuf] {
        match self {
            Self::Check(args) => &args.files.env_file,
            Self::Fix(args) => &args.files.env_file,
            Self::Matrix(args) => &args.files.env_file,
            Self::Init(args) => &args.files.env_file,
            Self::Trace(args) => &args.options.files.env_file,
            Self::Rotate(args) => &args.options.files.env_file,
            _ => &[],
        }
    }

    /// Returns `--baseline`, if the command has it.
    pub fn baseline(&self) -> Option<&PathBuf> {
        match self {
            Self::Check(args) => args.baseline.file.as_ref(),
            _ => None,
        }
    }

    /// Returns `--output`, if the command has it.
    pub fn output(&self) -> Option<&PathBuf> {
        match self {
            Self::Check(args) => args.output.file.as_ref(),
            Self::Fix(args) => args.output.file.as_ref(),
            Self::Undo(args) => args.output.file.as_ref(),
            Self::Matrix(args) => args.output.file.as_ref(),
            Self::Compare(args) => args.options.output.file.as_ref(),
            Self::Trace(args) => args.options.report.file.as_ref(),
            Self::Rotate(args) => args.options.report.file.as_ref(),
            _ => None,
        }
    }
}
