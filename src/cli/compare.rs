//! The arguments of `doctor compare`. The doc comments are the texts of `--help`.

use clap::Args;

use crate::cli::examples::{self, TEMPLATE};
use crate::cli::groups::{KeyArgs, OutputArgs, RevealArgs};

/// The arguments of `doctor compare`.
#[derive(Args, Clone, Debug)]
#[command(help_template = TEMPLATE, before_help = examples::COMPARE)]
pub struct CompareArgs {
    /// Name or id of one environment
    #[arg(value_name = "ENVIRONMENT")]
    pub left: String,
    /// Name or id of the other environment
    #[arg(value_name = "ENVIRONMENT")]
    pub right: String,
    #[command(flatten)]
    pub options: CompareOptions,
}

/// The flags of `doctor compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareOptions {
    /// Project name or id [default: doctor.toml or link]
    #[arg(long, value_name = "NAME", help_heading = "Targeting")]
    pub project: Option<String>,
    /// Service name (or part), alias or id; repeatable
    #[arg(short, long, value_name = "NAME", help_heading = "Targeting")]
    pub service: Vec<String>,
    /// Variable with the token for an environment; repeatable
    #[arg(long, value_name = "ENVIRONMENT=VARIABLE", help_heading = "Targeting")]
    pub token: Vec<String>,
    #[command(flatten)]
    pub keys: KeyArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "20s")]
    pub timeout: String,
    #[command(flatten)]
    pub reveal: RevealArgs,
}

/// The arguments of `doctor demo compare`.
#[derive(Args, Clone, Debug)]
pub struct DemoCompareArgs {
    /// Name or id of one environment
    #[arg(value_name = "ENVIRONMENT", default_value = "staging")]
    pub left: String,
    /// Name or id of the other environment
    #[arg(value_name = "ENVIRONMENT", default_value = "production")]
    pub right: String,
    #[command(flatten)]
    pub options: CompareOptions,
}
