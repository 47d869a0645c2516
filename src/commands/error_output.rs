//! How an error is printed: as text, or as one line of JSON.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;
use textwrap::{Options, WordSplitter, fill};

use crate::cli::{self, JsonTips};
use crate::error::{Error, Exit, Help};
use crate::io::files;
use crate::io::terminal::stream::{StreamKind, Terminal};
use crate::io::world::World;
use crate::report::{escape, json, shell_command};

/// Returns the lines of an error: the message, the cause, the help and the command. Sentences are wrapped in a
/// terminal; the command never is, so that it can be copied.
pub(super) fn lines(error: &Error, terminal: Terminal) -> String {
    let wrapped = |label: &str, text: &str| {
        let line = format!("{label}: {}", escape::line(text));
        match terminal.err {
            StreamKind::Pipe => line,
            StreamKind::Terminal | StreamKind::Dumb => fill(&line, sentences(terminal.width)),
        }
    };
    let mut lines = vec![wrapped("error", &error.to_string())];
    lines.extend(error.cause().map(|cause| wrapped("  cause", &cause)));
    if let Some(help) = error.help() {
        lines.push(wrapped("  help", &help.text));
        lines.extend(help.commands.iter().chain(help.lines()).map(|line| format!("    {}", escape::line(line))));
    }
    lines.join("\n")
}

/// Completes a help with `--env-file=PATH` to the typed command with that flag, and one with `doctor init` or
/// `doctor pull` by the typed target.
pub(super) fn with_whole_command(mut error: Error, arguments: &[OsString], directory: &Path) -> Error {
    let Some(help) = error.help_mut() else { return error };
    let is_missing = |path: &str| path != files::STANDARD_INPUT && directory.join(path).symlink_metadata().is_err();
    let complete = |command: &String| match shell_command::split(command)?.as_slice() {
        [flag] if flag.starts_with("--env-file=") => cli::with_argument(arguments, flag, is_missing),
        [flag] if flag == "--no-env-file" => cli::with_flag(arguments, flag, flag),
        [flag] if flag == "--write-baseline" => cli::with_flag(arguments, flag, "--new-only"),
        whole @ [program, name, ..] if program == "doctor" && (name == "init" || name == "pull") => {
            let typed = cli::typed_target_flags(arguments, name).into_iter();
            Some(whole.iter().cloned().chain(typed.filter(|flag| !whole.contains(flag))).collect())
        }
        _ => None,
    };
    for command in &mut help.commands {
        if let Some(whole) = complete(command) {
            *command = shell_command::line(&whole);
            let run = help.text.strip_suffix("pass:").map(|text| format!("{text}run:").into());
            help.text = run.unwrap_or_else(|| help.text.clone());
        }
    }
    error
}

/// Returns the same as one line of JSON.
pub(super) fn json_line(command: &str, error: &Error) -> String {
    let help = error.help();
    json::error::line(&json::error::ErrorReport {
        command,
        kind: error.kind(),
        exit_code: error.exit().code(),
        message: &error.to_string(),
        cause: error.cause().as_deref(),
        help: help.as_ref().map(Help::to_string).as_deref(),
        commands: help.iter().flat_map(commands).collect(),
    })
}

/// Only a literal text is searched for commands: any other may contain a name, and a name may contain a command.
fn commands(help: &Help) -> Vec<&str> {
    let text = match &help.text {
        Cow::Borrowed(text) => text,
        Cow::Owned(_) => "",
    };
    json::error::code_spans(text).chain(help.commands.iter().map(String::as_str)).collect()
}

/// The terminal itself wraps lines of fewer than 40 columns, and paths that are longer than a line.
fn sentences(width: usize) -> Options<'static> {
    let options = Options::new(width.max(40)).subsequent_indent("    ");
    options.word_splitter(WordSplitter::NoHyphenation).break_words(false)
}

/// Returns whether the output must be plain. Nothing is parsed yet if clap stops at an error or at `--help`.
fn wants_plain(arguments: &[OsString], world: &World<'_>) -> bool {
    let is_never = |pair: &[OsString]| pair[0] == "--color" && pair[1] == "never";
    let typed = arguments.windows(2).any(is_never) || arguments.iter().any(|word| word == "--color=never");
    typed || (world.variable("NO_COLOR").is_some() && !arguments.iter().any(|word| word == "--color=always"))
}

/// Prints clap's message: help and version to standard output, errors to standard error.
pub(super) fn usage(error: &clap::Error, arguments: &[OsString], world: &mut World<'_>) -> Exit {
    let is_plain = wants_plain(arguments, world);
    // An error quotes the arguments, which may come from an untrusted source, such as the name of a branch in a script.
    let plain = || error.render().to_string().lines().map(escape::line).collect::<Vec<_>>().join("\n");
    let quotes_hidden = || error.render().to_string().chars().any(|letter| letter != '\n' && escape::is_hidden(letter));
    let text = |sort: StreamKind| match sort {
        StreamKind::Terminal if !is_plain && !quotes_hidden() => error.render().ansi().to_string(),
        _ => plain() + "\n",
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match world.print(&text(world.terminal.out)) {
            Ok(()) => Exit::Clean,
            Err(error) => {
                world.status.print_line(&lines(&error, world.terminal));
                error.exit()
            }
        },
        _ if cli::asks_for_json(arguments) => {
            world.status.print_line(&usage_json_line(error, arguments));
            Exit::Usage
        }
        _ => {
            world.status.print_line(text(world.terminal.err).trim_end());
            Exit::Usage
        }
    }
}

/// Returns clap's error as one line of JSON. The first line is the message, tips are the help, and other lines before
/// the usage are the cause. Tips of clap may quote arguments, so they are not searched for commands.
fn usage_json_line(error: &clap::Error, arguments: &[OsString]) -> String {
    let plain = error.render().to_string();
    let mut lines = plain.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or_default().trim_start_matches("error: ");
    let is_detail = |line: &&str| !["Usage:", "For more information"].iter().any(|end| line.starts_with(end));
    let details = lines.take_while(is_detail);
    let (tips, causes): (Vec<&str>, Vec<&str>) = details.partition(|line| line.starts_with("tip: "));
    let tips: Vec<&str> = tips.iter().map(|line| line.trim_start_matches("tip: ")).collect();
    let (command, full_name) = cli::names_for_json(arguments);
    let (help, commands) = match cli::tips_for_json(error, arguments) {
        Some(JsonTips { sentence, commands }) => (sentence, commands),
        None if !tips.is_empty() => (tips.join("; "), Vec::new()),
        None => (format!("run `{full_name} --help`"), vec![format!("{full_name} --help")]),
    };
    json::error::line(&json::error::ErrorReport {
        command: &command,
        kind: "usage",
        exit_code: Exit::Usage.code(),
        message,
        cause: Some(causes.join("; ")).filter(|cause| !cause.is_empty()).as_deref(),
        help: Some(&help),
        commands: commands.iter().map(String::as_str).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::json_line;
    use crate::error::{Error, Help};

    fn commands(help: Help) -> Value {
        let error = Error::Usage { what: "no".to_owned(), cause: None, help };
        let line: Value = serde_json::from_str(&json_line("check", &error)).expect("it is JSON");
        line["error"]["commands"].clone()
    }

    #[test]
    fn commands_are_those_of_the_program() {
        let accepted = Help::command("review it and run `doctor trust`, or run:", "doctor check --service='a`b'");
        assert_eq!(commands(accepted), json!([["doctor", "trust"], ["doctor", "check", "--service=a`b"]]));
    }

    #[test]
    fn name_with_backticks_adds_no_command() {
        let name = "x` `doctor fix --push --yes` `y";
        assert_eq!(commands(format!("pass it as `--service={name}`").into()), json!([]));
        let command = format!("doctor check --service='{name}'");
        let argument = format!("--service={name}");
        assert_eq!(commands(Help::run(command)), json!([["doctor", "check", argument]]));
    }
}
