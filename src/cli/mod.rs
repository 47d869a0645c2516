//! What can be typed: clap types and nothing else. The comments on flags are what `--help` prints.
#![expect(clippy::doc_markdown, reason = "help is plain text: backticks would be printed")]

mod auth;
mod choice;
mod examples;
mod groups;
mod hook;
mod programs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use crate::cli::auth::{AuthArgs, AuthCommand, AuthStatusArgs};
pub use crate::cli::choice::{
    ColorChoice, FailOn, HookName, OutputFormat, ResultFormat, SchemaName, ShellName, Staging,
};
use crate::cli::examples::TEMPLATE;
pub use crate::cli::groups::{FileArgs, KeyArgs, OutputArgs, ProjectArgs, ResultArgs, RevealArgs, TargetArgs};
pub use crate::cli::hook::{HookArgs, HookCommand, HookInstallArgs, HookRunArgs, HookStatusArgs};
pub use crate::cli::programs::asks_for_json;
use crate::report::matrix::MatrixFormat;

/// Finds and mends configuration drift on Railway: `.env` against stored against running.
#[derive(Debug, Parser)]
#[command(
    name = "doctor",
    version,
    disable_help_subcommand = true,
    help_template = TEMPLATE,
    before_help = examples::DOCTOR,
    after_help = examples::EXIT_CODES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: CliCommand,
    /// How to do it.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// Flags that every verb has.
#[derive(Args, Clone, Debug)]
pub struct GlobalArgs {
    /// auto, always or never; heeds NO_COLOR, CLICOLOR_FORCE
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, hide_possible_values = true, hide_default_value = true, value_name = "WHEN", help_heading = "Global")]
    pub color: ColorChoice,
    /// Tell more: every key behind a summary line
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Global")]
    pub verbose: bool,
    /// Tell only what failed
    #[arg(short, long, global = true, help_heading = "Global")]
    pub quiet: bool,
    /// Use this doctor.toml
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "no_config", help_heading = "Global")]
    pub config: Option<PathBuf>,
    /// Use no doctor.toml
    #[arg(long, global = true, help_heading = "Global")]
    pub no_config: bool,
    /// Talk to a simulated Railway on a loopback address
    #[arg(long, global = true, value_name = "URL", overrides_with = "api_url", help_heading = "Global")]
    pub api_url: Option<String>,
    /// Record requests in a file, for a bug report
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global")]
    pub debug_api: Option<PathBuf>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Compare each service's variables with the local .env; changes nothing
    Check(CheckArgs),
    /// Mend what check found: push, pull, redeploy once, and prove it
    Fix(FixArgs),
    /// Put back what a fix changed
    Undo(UndoArgs),
    /// Show keys × services at a glance: local, stored, running; changes nothing
    Matrix(MatrixArgs),
    /// Write a doctor.toml: look at both sides, ask little, show it first
    Init(InitArgs),
    /// Store a token in the system's keyring, remove it, or tell which token is used
    Auth(AuthArgs),
    /// Look before each commit: staged secrets, then drift
    Hook(HookArgs),
    /// Accept this checkout's doctor.toml for its project
    Trust(TrustArgs),
    /// Explain a rule, or list the rules
    Explain(ExplainArgs),
    /// Try it on a pretend Railway: tells the story of an incident
    Demo(DemoArgs),
    /// Write the JSON Schema of reports, or of doctor.toml
    #[command(help_template = TEMPLATE, before_help = examples::SCHEMA)]
    Schema {
        /// report or config
        #[arg(value_enum, value_name = "WHAT", default_value = "report", hide_possible_values = true)]
        of: SchemaName,
    },
    /// Write completions for a shell
    #[command(help_template = TEMPLATE, before_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: ShellName,
    },
    /// Write the manual page of doctor, or of one of its verbs
    #[command(help_template = TEMPLATE, before_help = examples::MAN)]
    Man {
        /// The verb; none means doctor itself
        verb: Vec<String>,
    },
}

/// `doctor check`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::CHECK)]
pub struct CheckArgs {
    /// Which services are inspected.
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// Which files they are compared with.
    #[command(flatten)]
    pub files: FileArgs,
    /// Which keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How the result is reported.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The time for the whole check
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
    /// What is shown of values.
    #[command(flatten)]
    pub reveal: RevealArgs,
    /// Show answers also where there is no terminal
    #[arg(long)]
    pub show_logs: bool,
}

/// `doctor matrix`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::MATRIX)]
pub struct MatrixArgs {
    /// Which services are inspected.
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// Which files they are compared with.
    #[command(flatten)]
    pub files: FileArgs,
    /// Which keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How the result is reported.
    #[command(flatten)]
    pub output: OutputArgs<MatrixFormat>,
    /// The time for the whole look
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// `doctor fix`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::FIX)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is typed or not")]
pub struct FixArgs {
    /// Which services are inspected.
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// Which files they are compared with.
    #[command(flatten)]
    pub files: FileArgs,
    /// Which keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// From file to Railway, where a key is and differs
    #[arg(long, conflicts_with = "pull", help_heading = "What to do")]
    pub push: bool,
    /// Add the keys of --only to the --service ones
    #[arg(long, requires_all = ["only", "service"], conflicts_with = "pull", help_heading = "What to do")]
    pub add: bool,
    /// From Railway into the file, for all that differs
    #[arg(long, help_heading = "What to do")]
    pub pull: bool,
    /// Deploy the services again that run with old values
    #[arg(long, help_heading = "What to do")]
    pub redeploy: bool,
    /// Set the start command of the one --service
    #[arg(long, value_name = "TEXT", requires = "service", conflicts_with_all = ["add", "prune", "no_deploy"], help_heading = "What to do")]
    pub start_command: Option<String>,
    /// Show the plan alone; exit code 1 if it has steps
    #[arg(long, help_heading = "What to do")]
    pub dry_run: bool,
    /// Ask nothing; push only --only and required keys
    #[arg(short, long, help_heading = "What to do")]
    pub yes: bool,
    /// Store only: running services keep old values
    #[arg(long, conflicts_with = "redeploy", help_heading = "What to do")]
    pub no_deploy: bool,
    /// Deploy the services too that refer to what changes
    #[arg(long, conflicts_with = "no_deploy", help_heading = "What to do")]
    pub dependents: bool,
    /// Show logs also where there is no terminal
    #[arg(long, help_heading = "What to do")]
    pub show_logs: bool,
    /// Write a literal over the reference in KEY
    #[arg(long, value_name = "KEY", help_heading = "With care")]
    pub allow_reference: Vec<String>,
    /// Write the shared variable that KEY refers to
    #[arg(long, value_name = "KEY", help_heading = "With care")]
    pub allow_shared: Vec<String>,
    /// Write over the sealed variable KEY
    #[arg(long, value_name = "KEY", help_heading = "With care")]
    pub allow_sealed: Vec<String>,
    /// Pull into a template, or a file that git tracks
    #[arg(long, help_heading = "With care")]
    pub allow_tracked: bool,
    /// Remove what the file lacks, key by key
    #[arg(long, help_heading = "With care")]
    pub prune: bool,
    /// Staged by others: stop (default) or ignore
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Staging::Stop, hide_default_value = true, hide_possible_values = true, help_heading = "With care")]
    pub on_staged: Staging,
    /// Keep no record: the run can't be undone
    #[arg(long, help_heading = "With care")]
    pub no_journal: bool,
    /// How the result is reported.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The time for it all
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    pub timeout: String,
    /// What is shown of values.
    #[command(flatten)]
    pub reveal: RevealArgs,
}

/// `doctor undo`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::UNDO)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is typed or not")]
pub struct UndoArgs {
    /// The run to undo [default: the last one made in this folder]
    pub run: Option<String>,
    /// List the runs that can be undone
    #[arg(long, conflicts_with = "run")]
    pub list: bool,
    /// By name or id; must be the run's
    #[arg(long, value_name = "NAME", conflicts_with = "list")]
    pub project: Option<String>,
    /// By name or id; must be the run's
    #[arg(short, long, value_name = "NAME", conflicts_with = "list")]
    pub environment: Option<String>,
    /// Show the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Store only: the running services keep their values
    #[arg(long)]
    pub no_deploy: bool,
    /// Show logs also where there is no terminal
    #[arg(long)]
    pub show_logs: bool,
    /// Staged by others: stop (default) or ignore
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Staging::Stop, hide_default_value = true, hide_possible_values = true)]
    pub on_staged: Staging,
    /// Restore also a template, or a file that git tracks
    #[arg(long)]
    pub allow_tracked: bool,
    /// Keep no record of the undoing
    #[arg(long)]
    pub no_journal: bool,
    /// How the result is reported.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The time for it all
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    pub timeout: String,
    /// What is shown of values.
    #[command(flatten)]
    pub reveal: RevealArgs,
}

/// `doctor demo`.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::DEMO)]
pub struct DemoArgs {
    /// The verb to try; without one, the whole story
    #[command(subcommand)]
    pub verb: Option<DemoCommand>,
}

/// The verbs that the demo has.
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// The same `check`, on the pretend Railway
    Check(CheckArgs),
    /// The same `fix`, on the pretend Railway
    Fix(FixArgs),
    /// The same `undo`, after a fix on the pretend Railway
    Undo(UndoArgs),
    /// The same `matrix`, on the pretend Railway
    Matrix(MatrixArgs),
}

/// `doctor init`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::INIT)]
pub struct InitArgs {
    /// Which services are inspected.
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// Which files they are compared with.
    #[command(flatten)]
    pub files: FileArgs,
    /// Write what is suggested, without asking
    #[arg(short, long)]
    pub yes: bool,
    /// How the result is reported.
    #[command(flatten)]
    pub result: ResultArgs,
    /// The time for looking
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// `doctor trust`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::TRUST)]
pub struct TrustArgs {
    /// Do it without asking
    #[arg(short, long)]
    pub yes: bool,
    /// The time for asking Railway which project it is
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
}

/// `doctor explain`.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::EXPLAIN)]
pub struct ExplainArgs {
    /// A rule's name or code; without one, the list
    pub rule: Option<String>,
    /// How the result is reported.
    #[command(flatten)]
    pub result: ResultArgs,
}

impl CliCommand {
    /// `--env-file`, where the verb has it.
    pub fn env_file(&self) -> &[PathBuf] {
        match self {
            Self::Check(args) => &args.files.env_file,
            Self::Fix(args) => &args.files.env_file,
            Self::Matrix(args) => &args.files.env_file,
            Self::Init(args) => &args.files.env_file,
            _ => &[],
        }
    }

    /// `--output`, where the verb has it.
    pub fn output(&self) -> Option<&PathBuf> {
        match self {
            Self::Check(args) => args.output.file.as_ref(),
            Self::Fix(args) => args.output.file.as_ref(),
            Self::Undo(args) => args.output.file.as_ref(),
            Self::Matrix(args) => args.output.file.as_ref(),
            _ => None,
        }
    }
}
