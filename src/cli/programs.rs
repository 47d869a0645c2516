//! Who asks for JSON: their errors are JSON too.

use std::ffi::OsString;

use crate::cli::{AuthCommand, CliCommand, DemoCommand, HookCommand, ResultFormat};

impl CliCommand {
    /// The verb's whole name, where its result was asked for as JSON.
    pub fn for_programs(&self) -> Option<&'static str> {
        let (name, is_json) = match self {
            Self::Check(args) => ("check", args.format == "json"),
            Self::Matrix(args) => ("matrix", args.format == "json"),
            Self::Fix(args) => ("fix", args.telling.format == "json"),
            Self::Undo(args) => ("undo", args.telling.format == "json"),
            Self::Init(args) => ("init", args.format == ResultFormat::Json),
            Self::Explain(args) => ("explain", args.format == ResultFormat::Json),
            Self::Demo(demo) => return demo.verb.as_ref().and_then(DemoCommand::for_programs),
            Self::Auth(auth) => match &auth.verb {
                AuthCommand::Status(args) => ("auth status", args.format == ResultFormat::Json),
                AuthCommand::Login | AuthCommand::Logout => return None,
            },
            Self::Hook(hook) => match &hook.verb {
                HookCommand::Status(args) => ("hook status", args.format == ResultFormat::Json),
                HookCommand::Run(_) | HookCommand::Install(_) | HookCommand::Uninstall => return None,
            },
            Self::Trust(_) | Self::Schema { .. } | Self::Completions { .. } | Self::Man { .. } => return None,
        };
        is_json.then_some(name)
    }
}

impl DemoCommand {
    fn for_programs(&self) -> Option<&'static str> {
        let (name, format) = match self {
            Self::Check(args) => ("check", &args.format),
            Self::Matrix(args) => ("matrix", &args.format),
            Self::Fix(args) => ("fix", &args.telling.format),
            Self::Undo(args) => ("undo", &args.telling.format),
        };
        (format == "json").then_some(name)
    }
}

/// Whether words that make no command ask for JSON all the same.
pub fn asks_for_json(arguments: &[OsString]) -> bool {
    let follows = arguments.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json");
    follows || arguments.iter().any(|word| word == "--format=json")
}
