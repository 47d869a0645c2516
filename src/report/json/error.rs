//! An error as one line of JSON, for whoever asked for JSON: on standard error, as the three lines are elsewhere.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::json::visible;

/// What is said of an error; the words are those of the three lines.
#[derive(Debug)]
pub struct ErrorReport<'t> {
    /// The verb: `check`, `auth status`.
    pub command: &'t str,
    /// The stable name of the error.
    pub kind: &'t str,
    /// The exit code of the run.
    pub exit_code: u8,
    /// What happened.
    pub message: &'t str,
    /// Because of what.
    pub because: Option<&'t str>,
    /// What to do next: a sentence, with commands between backticks.
    pub next: &'t str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Failure")]
pub(crate) struct ErrorJson<'t> {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The verb.
    command: &'t str,
    error: ErrorForm<'t>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Error")]
struct ErrorForm<'t> {
    /// A name that stays.
    kind: &'t str,
    exit_code: u8,
    /// What happened.
    message: &'t str,
    because: Option<&'t str>,
    /// What to do next: a sentence.
    next: &'t str,
    /// The commands that it names, as argument lists.
    commands: Vec<Vec<String>>,
}

/// Programs whose commands may be typed as they stand.
const PROGRAMS: [&str; 2] = ["doctor", "railway"];
/// Words that stand for something that only the reader knows, and signs that only a shell does.
const PLACEHOLDERS: [&str; 8] = ["RUN", "FILE", "RULE", "PATH", "NAME", "KEY", "<", ">"];

/// The error in one line, without the line's end.
pub fn line(told: &ErrorReport<'_>) -> String {
    let form = ErrorJson {
        schema_version: 1,
        command: told.command,
        error: ErrorForm {
            kind: told.kind,
            exit_code: told.exit_code,
            message: told.message,
            because: told.because,
            next: told.next,
            commands: commands(told.next),
        },
    };
    let text = serde_json::to_string(&form).expect("strings and numbers can be written");
    visible(&text).trim_end().to_owned()
}

/// The commands that a sentence names between backticks, as argument lists.
fn commands(sentence: &str) -> Vec<Vec<String>> {
    let quoted = sentence.split('`').skip(1).step_by(2);
    let is_whole = |words: &Vec<String>| {
        words.first().is_some_and(|first| PROGRAMS.contains(&first.as_str()))
            && !words.iter().any(|word| PLACEHOLDERS.contains(&word.as_str()))
    };
    quoted.filter_map(shlex::split).filter(is_whole).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ErrorReport, line};

    #[test]
    fn error_is_one_line_with_commands_as_argument_lists() {
        let told = ErrorReport {
            command: "check",
            kind: "unknown-name",
            exit_code: 2,
            message: "there is no service a\nb\u{202e}",
            because: None,
            next: "run `doctor check --service='my api'` or `railway link`, pass `--service=NAME`, or `doctor undo RUN`",
        };
        let line = line(&told);
        assert!(!line.contains('\n') && !line.contains('\u{202e}'), "{line}");
        let expected = json!({ "schema_version": 1, "command": "check", "error": {
            "kind": "unknown-name", "exit_code": 2, "message": "there is no service a\nb\u{202e}", "because": null,
            "next": told.next, "commands": [["doctor", "check", "--service=my api"], ["railway", "link"]] } });
        assert_eq!(serde_json::from_str::<Value>(&line).expect("it is JSON"), expected);
    }
}
