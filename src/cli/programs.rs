//! Detects JSON output: an error is then JSON, too.

use std::ffi::OsString;

use crate::cli::{AuthCommand, CliCommand, DemoCommand, HookCommand, ResultFormat};
use crate::report::Format;
use crate::report::matrix::MatrixFormat;

impl CliCommand {
    /// Returns the full name of the command, if its output format is JSON.
    pub fn json_command_name(&self) -> Option<&'static str> {
        let (name, is_json) = match self {
            Self::Check(args) => ("check", args.output.format == Format::Json),
            Self::Matrix(args) => ("matrix", args.output.format == MatrixFormat::Json),
            Self::Compare(args) => ("compare", args.options.output.format == Format::Json),
            Self::Trace(args) => ("trace", args.options.report.format == Format::Json),
            Self::Rotate(args) => ("rotate", args.options.report.format == Format::Json),
            Self::Fix(args) => ("fix", args.output.format == Format::Json),
            Self::Undo(args) => ("undo", args.output.format == Format::Json),
            Self::Pull(args) => ("pull", args.result.format == ResultFormat::Json),
            Self::Init(args) => ("init", args.result.format == ResultFormat::Json),
            Self::Explain(args) => ("explain", args.result.format == ResultFormat::Json),
            Self::Demo(demo) => return demo.verb.as_ref().and_then(DemoCommand::for_programs),
            Self::Auth(auth) => match &auth.command {
                AuthCommand::Status(args) => ("auth status", args.result.format == ResultFormat::Json),
                AuthCommand::Login | AuthCommand::Logout => return None,
            },
            Self::Hook(hook) => match &hook.command {
                HookCommand::Status(args) => ("hook status", args.result.format == ResultFormat::Json),
                HookCommand::Run(_) | HookCommand::Install(_) | HookCommand::Uninstall => return None,
            },
            Self::Trust(_) | Self::Schema { .. } | Self::Completions { .. } | Self::Man { .. } => return None,
        };
        is_json.then_some(name)
    }
}

impl DemoCommand {
    fn for_programs(&self) -> Option<&'static str> {
        let (name, is_json) = match self {
            Self::Check(args) => ("check", args.output.format == Format::Json),
            Self::Matrix(args) => ("matrix", args.output.format == MatrixFormat::Json),
            Self::Compare(args) => ("compare", args.options.output.format == Format::Json),
            Self::Trace(args) => ("trace", args.options.report.format == Format::Json),
            Self::Rotate(args) => ("rotate", args.options.report.format == Format::Json),
            Self::Fix(args) => ("fix", args.output.format == Format::Json),
            Self::Undo(args) => ("undo", args.output.format == Format::Json),
            Self::Pull(args) => ("pull", args.result.format == ResultFormat::Json),
        };
        is_json.then_some(name)
    }
}

/// Returns whether arguments that could not be parsed contain `--format json`.
pub fn asks_for_json(arguments: &[OsString]) -> bool {
    let follows = arguments.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json");
    follows || arguments.iter().any(|argument| argument == "--format=json")
}
