//! The arguments of `doctor hook`. The doc comments are the texts of `--help`.

use clap::{Args, Subcommand};

use crate::cli::choice::HookName;
use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{FileArgs, NoFileArgs, ResultArgs, TargetArgs};

/// The arguments of `doctor hook`.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK)]
pub struct HookArgs {
    #[command(subcommand)]
    pub command: HookCommand,
}

/// The commands of `doctor hook`.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Run the hook: check staged changes for secrets, then for drift
    Run(HookRunArgs),
    /// Install the hook; a hook of another tool is not replaced
    Install(HookInstallArgs),
    /// Remove the hooks that doctor installed
    #[command(help_template = TEMPLATE, before_help = examples::HOOK_UNINSTALL)]
    Uninstall,
    /// List the hooks; exit with 1 if none of them runs doctor
    Status(HookStatusArgs),
}

/// The arguments of `doctor hook run`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK_RUN)]
pub struct HookRunArgs {
    #[command(flatten)]
    pub targeting: TargetArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub no_file: NoFileArgs,
    /// Also block the commit if something could not be checked
    #[arg(long)]
    pub strict: bool,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "3s")]
    pub timeout: String,
}

/// The arguments of `doctor hook install`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK_INSTALL)]
pub struct HookInstallArgs {
    /// Hooks to install
    #[arg(value_enum, value_name = "pre-commit|pre-push", default_value = "pre-commit", hide_possible_values = true)]
    pub hooks: Vec<HookName>,
    /// Install where core.hooksPath or a link leads, without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// The arguments of `doctor hook status`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::HOOK_STATUS)]
pub struct HookStatusArgs {
    #[command(flatten)]
    pub result: ResultArgs,
}
