//! The command that a command line names, even if the line can't be parsed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// A command, and the names that lead to it.
pub(super) struct TypedCommand {
    /// Its definition, with the global flags.
    pub(super) command: Command,
    /// `["auth", "login"]`; empty for `doctor` itself.
    pub(super) path: Vec<String>,
}

impl TypedCommand {
    /// Finds the innermost command that the arguments name, up to the first unknown name.
    pub(super) fn of(arguments: &[OsString]) -> Self {
        let mut command = Cli::command();
        command.build();
        let mut path = Vec::new();
        let mut words = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
        while let Some(word) = words.next() {
            if let Some(flag) = word.strip_prefix("--") {
                if has_value(&command, flag) {
                    words.next();
                }
            } else if !word.starts_with('-') && word != "help" {
                let Some(nested) = command.find_subcommand(word).cloned() else { break };
                command = nested;
                path.push(word.to_owned());
            }
        }
        Self { command, path }
    }

    /// Returns whether it has that flag.
    pub(super) fn has_flag(&self, flag: &str) -> bool {
        self.command.get_arguments().any(|argument| argument.get_long() == Some(flag))
    }
}

/// Returns whether the word after that flag is its value.
fn has_value(command: &Command, flag: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(flag) && argument.get_action().takes_values())
}

/// Returns the command for JSON: its name (`check`, also in the demo), and its full name (`doctor demo check`).
pub fn names_for_json(arguments: &[OsString]) -> (String, String) {
    let path = TypedCommand::of(arguments).path;
    let full = [&["doctor".to_owned()], path.as_slice()].concat().join(" ");
    let own = if path.len() > 1 { path.strip_prefix(&["demo".to_owned()]).unwrap_or(&path) } else { &path };
    let name = if own.is_empty() { "doctor".to_owned() } else { own.join(" ") };
    (name, full)
}

/// Returns the typed command with this argument, such as `--env-file=.env`. It replaces the only value of its flag, or
/// else the first that `is_wrong`. `None` if it is unclear which of several values it replaces.
pub fn with_argument(arguments: &[OsString], argument: &str, is_wrong: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let (flag, _) = argument.split_once('=')?;
    let mut command = vec!["doctor".to_owned()];
    let mut values = Vec::new();
    let mut words = arguments.iter().skip(1).map(|word| word.to_str());
    while let Some(word) = words.next() {
        let word = word?;
        let joined = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
        let value = match joined {
            Some(value) => Some(value),
            None if word == flag => words.next().flatten(),
            None => None,
        };
        values.extend(value.map(|value| (command.len(), value)));
        command.push(value.map_or_else(|| word.to_owned(), |value| format!("{flag}={value}")));
    }
    let replaced = match values.as_slice() {
        [] => {
            command.push(argument.to_owned());
            return Some(command);
        }
        [(index, _)] => *index,
        several => several.iter().find(|(_, value)| is_wrong(value))?.0,
    };
    argument.clone_into(&mut command[replaced]);
    Some(command)
}

/// Returns the typed command with one flag instead of another; `None` if an argument is not UTF-8.
pub fn with_flag(arguments: &[OsString], flag: &str, instead_of: &str) -> Option<Vec<String>> {
    let typed = arguments.iter().skip(1).filter(|word| *word != instead_of);
    let words = [Some("doctor")].into_iter().chain(typed.map(|word| word.to_str())).chain([Some(flag)]);
    words.map(|word| word.map(ToOwned::to_owned)).collect()
}

/// Returns the typed flags that select the target of another command, as `--flag=value`. Only `pull` gets the services.
pub fn typed_target_flags(arguments: &[OsString], other: &str) -> Vec<String> {
    let Ok(matches) = Cli::command().try_get_matches_from(arguments) else { return Vec::new() };
    let mut innermost = &matches;
    while let Some((_, nested)) = innermost.subcommand() {
        innermost = nested;
    }
    let value = |flag| innermost.try_get_one::<String>(flag).ok().flatten();
    let mut flags: Vec<String> =
        ["project", "environment"].iter().filter_map(|flag| Some(format!("--{flag}={}", value(flag)?))).collect();
    if other == "pull" {
        let services = innermost.try_get_many::<String>("service").ok().flatten();
        flags.extend(services.into_iter().flatten().map(|service| format!("--service={service}")));
    }
    let config = innermost.try_get_one::<PathBuf>("config").ok().flatten();
    flags.extend(config.map(|path| format!("--config={}", path.display())));
    let is_without_config = innermost.try_get_one::<bool>("no_config").ok().flatten() == Some(&true);
    flags.extend(is_without_config.then(|| "--no-config".to_owned()));
    flags.extend(value("api_url").map(|url| format!("--api-url={url}")));
    flags
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::cli::{names_for_json, typed_target_flags, with_argument, with_flag};

    #[test]
    fn argument_replaces_the_wrong_value_of_its_flag() {
        for (line, expected) in [
            ("doctor check", Some("doctor check --env-file=.env")),
            ("/usr/bin/doctor demo check -v", Some("doctor demo check -v --env-file=.env")),
            ("doctor check --env-file x -s web", Some("doctor check --env-file=.env -s web")),
            ("doctor check --env-file=x --only=A", Some("doctor check --env-file=.env --only=A")),
            ("doctor check --env-file a --env-file=x", Some("doctor check --env-file=a --env-file=.env")),
            ("doctor check --env-file a --env-file b", None),
            ("doctor check --env-files a", Some("doctor check --env-files a --env-file=.env")),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let command = with_argument(&arguments, "--env-file=.env", |value| value == "x");
            assert_eq!(command.map(|command| command.join(" ")).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn flag_replaces_another_flag() {
        for (line, expected) in [
            ("doctor check --baseline b --new-only -v", "doctor check --baseline b -v --write-baseline"),
            ("/bin/doctor check --baseline=b", "doctor check --baseline=b --write-baseline"),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let command = with_flag(&arguments, "--write-baseline", "--new-only").map(|command| command.join(" "));
            assert_eq!(command.as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn flags_of_the_target_are_found_in_every_form() {
        for (line, other, expected) in [
            ("doctor check", "pull", ""),
            ("doctor check --project shop -e staging -s api", "init", "--project=shop --environment=staging"),
            (
                "doctor check -s api --service=web -e staging",
                "pull",
                "--environment=staging --service=api --service=web",
            ),
            ("doctor -q demo check -estaging", "pull", "--environment=staging"),
            ("doctor --config ops/doctor.toml check", "pull", "--config=ops/doctor.toml"),
            ("doctor check --no-config", "init", "--no-config"),
            ("doctor explain dangling-reference", "pull", ""),
            ("doctor check --nope", "pull", ""),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(typed_target_flags(&arguments, other).join(" "), expected, "{line}");
        }
    }

    #[test]
    fn finds_command_in_incomplete_line() {
        for (line, name, full) in [
            ("doctor", "doctor", "doctor"),
            ("doctor --nope", "doctor", "doctor"),
            ("doctor -v check --nope", "check", "doctor check"),
            ("doctor demo check --nope", "check", "doctor demo check"),
            ("doctor demo --nope", "demo", "doctor demo"),
            ("doctor auth status --nope", "auth status", "doctor auth status"),
            ("doctor chekc", "doctor", "doctor"),
            ("doctor help chekc", "doctor", "doctor"),
            ("doctor chekc fix", "doctor", "doctor"),
            ("doctor --config check fix --nope", "fix", "doctor fix"),
            ("doctor --config=check fix --nope", "fix", "doctor fix"),
            ("doctor -q --no-config check --nope", "check", "doctor check"),
            ("doctor hook --color auto run --nope", "hook run", "doctor hook run"),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(names_for_json(&arguments), (name.to_owned(), full.to_owned()), "{line}");
        }
    }
}
