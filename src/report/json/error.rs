//! An error as one line of JSON on standard error, if the output is JSON.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::json::visible;
use crate::report::shell_command;

/// The texts of an error, as the text output has them.
#[derive(Debug)]
pub struct ErrorReport<'t> {
    /// `check`, `auth status`.
    pub command: &'t str,
    /// The stable name of the error.
    pub kind: &'t str,
    /// The exit code of the run.
    pub exit_code: u8,
    /// What failed.
    pub message: &'t str,
    /// Why, if known.
    pub cause: Option<&'t str>,
    /// What to do: a sentence.
    pub help: Option<&'t str>,
    /// The commands in it, as they are typed in a shell. Those with a placeholder are left out.
    pub commands: Vec<&'t str>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Failure")]
pub(crate) struct ErrorJson<'t> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    command: &'t str,
    /// The error.
    error: ErrorDetails<'t>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Error")]
struct ErrorDetails<'t> {
    /// A stable name.
    kind: &'t str,
    /// The exit code of the run.
    exit_code: u8,
    /// What failed.
    message: &'t str,
    /// Why, if known.
    cause: Option<&'t str>,
    /// What to do: a sentence.
    help: Option<&'t str>,
    /// The commands in it, as argument lists.
    commands: Vec<Vec<String>>,
}

/// Programs whose commands are complete.
const PROGRAMS: [&str; 2] = ["doctor", "railway"];
/// Placeholders that the user has to replace, and operators of a shell.
const PLACEHOLDERS: [&str; 9] = ["COMMAND", "RUN", "FILE", "RULE", "PATH", "NAME", "KEY", "<", ">"];

/// Returns the error in one line, without a line break at its end.
pub fn line(error: &ErrorReport<'_>) -> String {
    let json = ErrorJson {
        schema_version: 1,
        command: error.command,
        error: ErrorDetails {
            kind: error.kind,
            exit_code: error.exit_code,
            message: error.message,
            cause: error.cause,
            help: error.help,
            commands: error.commands.iter().filter_map(|command| arguments(command)).collect(),
        },
    };
    let text = serde_json::to_string(&json).expect("strings and numbers can be written");
    visible(&text).trim_end().to_owned()
}

/// Returns what a sentence has between backticks.
pub fn code_spans(sentence: &str) -> impl Iterator<Item = &str> {
    sentence.split('`').skip(1).step_by(2)
}

/// Returns the arguments of a command that can be run unchanged.
fn arguments(command: &str) -> Option<Vec<String>> {
    let words = shell_command::split(command)?;
    let is_known = words.first().is_some_and(|first| PROGRAMS.contains(&first.as_str()));
    (is_known && !words.iter().any(|word| PLACEHOLDERS.contains(&word.as_str()))).then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ErrorReport, code_spans, line};

    #[test]
    fn error_is_one_line_with_commands_as_argument_lists() {
        let help =
            "run `doctor check --service='my api'` or `railway link`, pass `--service=NAME`, or `doctor undo RUN`";
        let error = ErrorReport {
            command: "check",
            kind: "unknown-name",
            exit_code: 2,
            message: "unknown service a\nb\u{202e}",
            cause: None,
            help: Some(help),
            commands: code_spans(help).chain([r"doctor fix --service=$'a\140b\012'"]).collect(),
        };
        let line = line(&error);
        assert!(!line.contains('\n') && !line.contains('\u{202e}'), "{line}");
        let expected = json!({ "schema_version": 1, "command": "check", "error": {
            "kind": "unknown-name", "exit_code": 2, "message": "unknown service a\nb\u{202e}", "cause": null,
            "help": help, "commands": [
                ["doctor", "check", "--service=my api"], ["railway", "link"], ["doctor", "fix", "--service=a`b\n"]
            ] } });
        assert_eq!(serde_json::from_str::<Value>(&line).expect("it is JSON"), expected);
    }
}
