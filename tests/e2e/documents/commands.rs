//! Commands and flags in the documents are valid and complete.

use std::collections::BTreeSet;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};
use railway_doctor::cli::Cli;
use railway_doctor::io::sim::seed::incident;
use serde_json::Value;

use crate::binary::Doctor;
use crate::documents::{blocks_of, document, documents, spans};

/// Commands of other programs, which are not checked.
const OTHERS: &[&str] = &[
    "cargo test",
    "SNAPSHOTS=overwrite cargo test --lib messages",
    "bash .ci/run",
    "python3 .ci/tools/replay_hook.py target/debug/doctor",
    "cargo bench",
    "cargo bench -- --quick",
    "cargo bench -- small",
    "TRYCMD=overwrite cargo test --test cli",
    "SNAPSHOTS=overwrite cargo test --test architecture",
    "PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=20000 cargo test --lib dotenv",
    "DOCTOR_TEST_WORLDS=10000 cargo test --lib printed -- --nocapture",
    "bash .ci/fuzz 60",
    "bash .ci/fuzz 300 env_editor",
    "cargo +nightly llvm-cov test --branch --no-fail-fast --failure-mode all --lib --test e2e --test faults",
    "bash .ci/mutants plan rotation",
    "bash .ci/mutants",
    "cargo install --locked --path .",
    "railway login",
    "railway link",
    "pre-commit install",
    "npx husky init",
];

/// Returns the arguments of the `doctor` call in a shell line, without redirections, alternatives and comments.
fn call(line: &str) -> Option<Vec<String>> {
    let words = shlex::split(line)?;
    let end = words.iter().position(|word| ["||", "<", ">>"].contains(&word.as_str()) || word.starts_with('#'));
    let words = &words[..end.unwrap_or(words.len())];
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["doctor", ..] => Some(words.to_vec()),
        ["cargo", "run", "--", rest @ ..] => {
            Some(["doctor"].iter().chain(rest).map(|word| (*word).to_owned()).collect())
        }
        // The line is written to a hook.
        ["echo", text] => call(text),
        // A line of a crontab starts with a schedule of five fields.
        [_, _, _, _, _, "cd", _, "&&", rest @ ..] => call(&rest.join(" ")),
        _ => None,
    }
}

fn parse(call: &[String]) -> Result<(), String> {
    Cli::try_parse_from(call).map(drop).map_err(|error| format!("{call:?}: {error}"))
}

#[test]
fn every_shell_line_is_a_valid_command() {
    let mut count = 0;
    for line in blocks_of("sh").iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()) {
        if let Some(call) = call(without_redirection(without_input(line))) {
            assert_eq!(parse(&call), Ok(()), "{line}");
            count += 1;
        } else {
            let is_known = OTHERS.contains(&line.split(" #").next().unwrap_or_default().trim_end());
            assert!(is_known, "no test checks this line: {line}");
        }
    }
    assert!(count >= 5, "only {count} calls were found");
}

/// Removes the program whose output `doctor` reads.
fn without_input(line: &str) -> &str {
    line.find(" | doctor ").map_or(line, |pipe| &line[pipe + " | ".len()..])
}

/// Removes redirections and pipes from a line. A table escapes `|` as `\|`.
fn without_redirection(line: &str) -> &str {
    [" > ", " | ", " \\| "].iter().fold(line, |line, sign| line.split_once(sign).map_or(line, |(command, _)| command))
}

#[test]
fn every_mentioned_command_is_valid() {
    let mut count = 0;
    for (name, text) in documents().into_iter().map(|name| (name.clone(), document(&name))) {
        for span in spans(&text).into_iter().filter(|span| span.starts_with("doctor ")) {
            // A code span may be wrapped.
            let call = call(without_redirection(&span.replace('\n', " "))).expect("it starts with doctor");
            if let Err(error) = Cli::try_parse_from(&call) {
                // `doctor auth` and `doctor completions` alone name a command.
                let is_name = call.len() == 2
                    && matches!(
                        error.kind(),
                        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingRequiredArgument
                    );
                let is_output = matches!(error.kind(), ErrorKind::DisplayVersion | ErrorKind::DisplayHelp);
                assert!(is_name || is_output, "{name}: `{span}`: {error}");
            }
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} commands were found");
}

/// Returns the commands in the configuration of a CI system or hook manager: the strings under `run` and `script`.
fn commands(value: &Value) -> Vec<String> {
    match value {
        Value::Object(entries) => {
            let each = entries.iter().flat_map(|(key, value)| match value {
                Value::String(text) if ["run", "script"].contains(&key.as_str()) => {
                    text.lines().map(str::to_owned).collect()
                }
                _ => commands(value),
            });
            each.collect()
        }
        Value::Array(values) => values.iter().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

#[cfg(unix)]
#[test]
fn every_ci_and_hook_recipe_runs() {
    let mut ran = 0;
    for text in blocks_of("yaml") {
        let value: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for line in commands(&value) {
            let call = call(&line).unwrap_or_else(|| panic!("no test checks this line: {line}"));
            assert_eq!(parse(&call), Ok(()), "{line}");
            if call[1] != "check" {
                continue;
            }
            let doctor = Doctor::new(incident::estate()).file(".env", incident::ENV_FILE);
            let arguments: Vec<&str> = call[2..].iter().map(String::as_str).collect();
            let outcome = doctor.check(&arguments);
            let never = arguments.windows(2).any(|pair| pair == ["--fail-on", "never"]);
            assert_eq!(outcome.code, Some(i32::from(!never)), "{line}: {outcome:?}");
            if let Some(pair) = arguments.windows(2).find(|pair| pair[0] == "--output") {
                assert!(doctor.work().join(pair[1]).metadata().unwrap().len() > 0, "{line}");
                assert!(text.matches(pair[1]).count() > 1, "{}, which `{line}` writes, is not used", pair[1]);
            }
            ran += 1;
        }
    }
    assert!(ran >= 2, "only {ran} recipes were run");
}

/// Collects the flags shown in help, including those of subcommands.
fn flags(command: &Command, found: &mut BTreeSet<String>) {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    found.extend(shown.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")));
    command.get_subcommands().for_each(|subcommand| flags(subcommand, found));
}

#[test]
fn every_flag_is_documented() {
    let guides: Vec<String> = documents().into_iter().filter(|name| name != "CHANGELOG.md").collect();
    let text: String = guides.iter().map(|name| document(name)).collect();
    let mut found = BTreeSet::new();
    flags(&Cli::command(), &mut found);
    assert!(found.len() >= 25, "only {found:?} were found");
    let missing: Vec<&String> = found.iter().filter(|flag| !text.contains(flag.as_str())).collect();
    assert!(missing.is_empty(), "no document describes {missing:?}");
}
