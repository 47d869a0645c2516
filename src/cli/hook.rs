//! `doctor hook`. The comments on flags are what `--help` prints.

use clap::{Args, Subcommand};

use crate::cli::choice::HookName;
use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{FileArgs, ResultArgs, TargetArgs};

/// `doctor hook`.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK)]
pub struct HookArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: HookCommand,
}

/// The verbs of `doctor hook`.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// What the hook does: stop a commit that gives a secret away, or that drift speaks against
    Run(HookRunArgs),
    /// Write the hook, where git looks for it; never over somebody else's
    Install(HookInstallArgs),
    /// Remove the hooks that install wrote
    #[command(help_template = TEMPLATE, before_help = examples::HOOK_UNINSTALL)]
    Uninstall,
    /// Say which hooks there are; exit code 1 if none of them calls doctor
    Status(HookStatusArgs),
}

/// `doctor hook run`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK_RUN)]
pub struct HookRunArgs {
    /// Which services are inspected.
    #[command(flatten)]
    pub targeting: TargetArgs,
    /// Which files they are compared with.
    #[command(flatten)]
    pub files: FileArgs,
    /// Block the commit also if something could not be checked or compared
    #[arg(long)]
    pub strict: bool,
    /// The time for all of it
    #[arg(long, value_name = "DURATION", default_value = "3s")]
    pub timeout: String,
}

/// `doctor hook install`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK_INSTALL)]
pub struct HookInstallArgs {
    /// Which hooks
    #[arg(value_enum, value_name = "pre-commit|pre-push", default_value = "pre-commit", hide_possible_values = true)]
    pub hooks: Vec<HookName>,
    /// Write where core.hooksPath or a link leads, without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// `doctor hook status`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK_STATUS)]
pub struct HookStatusArgs {
    /// How the result is reported.
    #[command(flatten)]
    pub result: ResultArgs,
}
