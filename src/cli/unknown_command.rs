//! Tips for commands and flags that `doctor` does not have, but that users of similar tools type.

use std::ffi::OsString;

use clap::builder::{StyledStr, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::typed_command::TypedCommand;
use crate::drift::similarity::close_matches;
use crate::report::shell_command;

/// A command to run instead.
#[derive(Clone, Copy, Debug)]
struct CommandTip {
    purpose: &'static str,
    command: &'static str,
}

/// The tips for some commands.
#[derive(Debug)]
struct CommandTips {
    typed: &'static [&'static str],
    tips: &'static [CommandTip],
}

const fn tip(purpose: &'static str, command: &'static str) -> CommandTip {
    CommandTip { purpose, command }
}

const TIPS: &[CommandTips] = &[
    CommandTips { typed: &["push", "upload"], tips: &[tip("to write local values to Railway", "doctor fix --push")] },
    CommandTips {
        typed: &["download"],
        tips: &[tip("to create a .env", "doctor pull"), tip("to update values in .env", "doctor fix --pull")],
    },
    CommandTips { typed: &["sync", "apply"], tips: &[tip("to choose a direction for each key", "doctor fix")] },
    CommandTips {
        typed: &["diff"],
        tips: &[
            tip("to compare .env with Railway", "doctor check"),
            tip("to compare two environments", "doctor compare --help"),
            tip("to preview a fix", "doctor fix --dry-run"),
        ],
    },
    CommandTips {
        typed: &["lint", "validate", "verify", "doctor"],
        tips: &[tip("to compare .env with Railway", "doctor check")],
    },
    CommandTips { typed: &["plan", "preview"], tips: &[tip("to preview a fix", "doctor fix --dry-run")] },
    CommandTips {
        typed: &["status"],
        tips: &[
            tip("to check variables and deployments", "doctor check"),
            tip("to show which token is used", "doctor auth status"),
        ],
    },
    CommandTips {
        typed: &["list", "ls", "variables", "vars"],
        tips: &[tip("to list keys by service", "doctor matrix")],
    },
    CommandTips { typed: &["get", "show"], tips: &[tip("to check one key", "doctor check --only KEY -v")] },
    CommandTips { typed: &["set", "add"], tips: &[tip("to push one key of .env", "doctor fix --push --only KEY")] },
    CommandTips {
        typed: &["deploy", "redeploy", "restart", "up"],
        tips: &[tip("to redeploy services that are out of date", "doctor fix --redeploy")],
    },
    CommandTips { typed: &["login"], tips: &[tip("to store a token", "doctor auth login")] },
    CommandTips { typed: &["logout"], tips: &[tip("to remove the stored tokens", "doctor auth logout")] },
    CommandTips { typed: &["whoami", "token"], tips: &[tip("to show which token is used", "doctor auth status")] },
    CommandTips {
        typed: &["link"],
        tips: &[
            tip("to link this directory to a project", "railway link"),
            tip("to write the project to doctor.toml", "doctor init"),
        ],
    },
    CommandTips {
        typed: &["run", "exec"],
        tips: &[tip("to run a command with Railway variables", "railway run COMMAND")],
    },
    CommandTips { typed: &["find"], tips: &[tip("to find where a value is used", "doctor trace KEY")] },
    CommandTips {
        typed: &["change", "renew", "roll"],
        tips: &[tip("to change a value everywhere", "doctor rotate KEY")],
    },
    CommandTips {
        typed: &["hoist"],
        tips: &[tip("to store a secret once for all services", "doctor fix --hoist KEY")],
    },
    CommandTips { typed: &["scan"], tips: &[tip("to check staged changes for secrets", "doctor hook run")] },
    CommandTips { typed: &["install"], tips: &[tip("to install the git hook", "doctor hook install")] },
    CommandTips {
        typed: &["revert", "rollback", "restore"],
        tips: &[tip("to restore what a fix changed", "doctor undo")],
    },
    CommandTips { typed: &["config", "setup"], tips: &[tip("to create a doctor.toml", "doctor init")] },
    CommandTips { typed: &["rules"], tips: &[tip("to list all rules", "doctor explain")] },
    CommandTips { typed: &["version"], tips: &[tip("to print the version", "doctor --version")] },
];

/// Flags that a command lacks, with the flag or the command to use instead.
const FLAG_TIPS: &[(&str, CommandTip)] = &[
    ("--env", tip("to select an environment", "--environment")),
    ("--json", tip("to print JSON", "--format json")),
    ("--push", tip("to write local values to Railway", "doctor fix --push")),
    ("--pull", tip("to write Railway values to .env", "doctor fix --pull")),
    ("--redeploy", tip("to redeploy services that are out of date", "doctor fix --redeploy")),
    ("--fix", tip("to fix the findings", "doctor fix")),
];

/// Flags of other commands that `pull` lacks, with what to use instead.
const PULL_FLAG_TIPS: &[(&str, CommandTip)] = &[
    ("--env-file", tip("to name the file to create", "--output PATH")),
    ("--only", tip("to write one key to an existing file", "doctor fix --pull --only KEY")),
];

/// Commands that print findings, which `doctor fix` fixes.
const READ_ONLY: [&str; 2] = ["check", "matrix"];

/// How similar the name of a suggested command is.
const SIMILARITY: f32 = 0.6;

/// Returns the error with other tips than clap's, which suggests every name that is somewhat similar.
pub fn with_tips(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let tips = tips(&error, arguments);
    hide_value(&mut error);
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::StyledStrs(mut own)) = error.remove(ContextKind::Suggested)
    {
        // A mistyped flag is not meant as a value.
        own.retain(|tip| !tip.to_string().contains("as a value"));
        if !own.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(own));
        }
    }
    if !tips.is_empty() {
        let styles = Styles::styled();
        let valid = styles.get_valid();
        let texts =
            tips.iter().map(|Tip { purpose, verb, text }| format!("{purpose}, {verb} '{valid}{text}{valid:#}'"));
        let texts = texts.map(StyledStr::from).collect();
        // A similar name is a worse guess.
        error.remove(ContextKind::SuggestedSubcommand);
        if error.remove(ContextKind::SuggestedArg).is_some() {
            let usage = TypedCommand::of(arguments).command.render_usage();
            error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(texts));
    } else if let Some(ContextValue::String(unknown)) = error.remove(ContextKind::InvalidSubcommand) {
        error.remove(ContextKind::SuggestedSubcommand);
        // Without this, clap prints an empty line for it.
        error.remove(ContextKind::Suggested);
        if let Some(nearest) = nearest(&unknown, arguments) {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(nearest));
        }
        error.insert(ContextKind::InvalidSubcommand, ContextValue::String(unknown));
    }
    error
}

/// The shortest argument that may be a token or a value, in bytes.
const SHORTEST_VALUE: usize = 16;

/// Removes an unexpected argument from the error if it may be a value or a token: errors are often kept in logs.
fn hide_value(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return };
    let may_be_value = |text: &str| text.len() >= SHORTEST_VALUE && text.contains(|sign: char| sign.is_ascii_digit());
    if error.kind() == ErrorKind::UnknownArgument
        && !typed.starts_with('-')
        && (typed.contains('=') || may_be_value(typed))
    {
        error.insert(ContextKind::InvalidArg, ContextValue::String("…".to_owned()));
    }
}

/// Returns the command with the most similar name.
fn nearest(unknown: &str, arguments: &[OsString]) -> Option<String> {
    let parent = TypedCommand::of(arguments).command;
    let names = parent.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
    close_matches(&unknown.to_lowercase(), &names.collect::<Vec<_>>(), 1, SIMILARITY).pop()
}

/// The tips for JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonTips {
    /// One sentence, with the commands between backticks.
    pub sentence: String,
    /// The commands and flags in it.
    pub commands: Vec<String>,
}

/// Returns the same tips for JSON.
pub fn tips_for_json(error: &clap::Error, arguments: &[OsString]) -> Option<JsonTips> {
    let tips = tips(error, arguments);
    let sentences: Vec<String> =
        tips.iter().map(|Tip { purpose, verb, text }| format!("{purpose}, {verb} `{text}`")).collect();
    let commands = tips.into_iter().map(|tip| tip.text).collect();
    (!sentences.is_empty()).then(|| JsonTips { sentence: sentences.join("; "), commands })
}

/// A tip, as it is printed.
struct Tip {
    purpose: &'static str,
    /// `run` before a command, `use` before a flag.
    verb: &'static str,
    text: String,
}

impl Tip {
    /// Returns the tip for a command line of that command; `None` if it does not apply there.
    fn of(tip: &CommandTip, typed: &TypedCommand) -> Option<Self> {
        let CommandTip { purpose, command } = *tip;
        let is_demo = typed.path.first().is_some_and(|name| name == "demo");
        let text = if is_demo { in_demo(command)? } else { command.to_owned() };
        Some(Self { purpose, verb: "run", text })
    }
}

fn tips(error: &clap::Error, arguments: &[OsString]) -> Vec<Tip> {
    let typed = TypedCommand::of(arguments);
    if let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand) {
        let is_typed = |entry: &&CommandTips| entry.typed.iter().any(|typed| typed.eq_ignore_ascii_case(unknown));
        let is_elsewhere = typed.path.first().is_some_and(|parent| parent != "demo");
        let entry = TIPS.iter().find(is_typed).filter(|_| !is_elsewhere);
        return entry.into_iter().flat_map(|entry| entry.tips).filter_map(|tip| Tip::of(tip, &typed)).collect();
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(repeated)) if error.kind() == ErrorKind::ArgumentConflict => {
            second_environment_tip(repeated, error, &typed, arguments).into_iter().collect()
        }
        Some(ContextValue::String(unknown)) if error.kind() == ErrorKind::UnknownArgument => {
            flag_tip(unknown, &typed).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the tip for `--environment` given twice.
fn second_environment_tip(
    repeated: &str,
    error: &clap::Error,
    typed: &TypedCommand,
    arguments: &[OsString],
) -> Option<Tip> {
    let is_same = |value: &ContextValue| matches!(value, ContextValue::String(prior) if prior == repeated);
    let is_repeated = error.get(ContextKind::PriorArg).is_some_and(is_same);
    if !is_repeated || !repeated.starts_with("--environment") {
        return None;
    }
    let names = match environments(arguments).as_slice() {
        [left, right] if left != right => vec![left.clone(), right.clone()],
        _ => vec!["--help".to_owned()],
    };
    let tip = Tip::of(&tip("to compare two environments", "doctor compare"), typed)?;
    let words = tip.text.split(' ').map(str::to_owned).chain(names);
    Some(Tip { text: shell_command::line(&words.collect::<Vec<_>>()), ..tip })
}

/// Returns the arguments of `--environment` and `-e`.
fn environments(arguments: &[OsString]) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = arguments.iter().map_while(|word| word.to_str());
    while let Some(word) = words.next() {
        let attached =
            word.strip_prefix("--environment=").or_else(|| word.strip_prefix("-e").filter(|name| !name.is_empty()));
        let separate = || ["--environment", "-e"].contains(&word);
        if let Some(name) = attached {
            found.push(name.trim_start_matches('=').to_owned());
        } else if separate() {
            found.extend(words.next().map(str::to_owned));
        }
    }
    found
}

fn flag_tip(unknown: &str, typed: &TypedCommand) -> Option<Tip> {
    let is_pull = typed.path.last().is_some_and(|name| name == "pull");
    let of_pull = PULL_FLAG_TIPS.iter().filter(|_| is_pull);
    let (_, tip) = FLAG_TIPS.iter().chain(of_pull).find(|(flag, _)| *flag == unknown)?;
    let Some(flag) = tip.command.strip_prefix("--") else {
        let is_read_only = typed.path.last().is_some_and(|name| READ_ONLY.contains(&name.as_str()));
        return if is_read_only || is_pull { Tip::of(tip, typed) } else { None };
    };
    let name = flag.split(' ').next().unwrap_or(flag);
    typed.has_flag(name).then(|| Tip { purpose: tip.purpose, verb: "use", text: tip.command.to_owned() })
}

/// Returns the same command on the simulated project, if the demo has it.
pub fn in_demo(command: &str) -> Option<String> {
    let rest = command.strip_prefix("doctor ")?;
    let is_in_demo = ["check", "fix", "undo", "pull", "matrix", "compare", "trace", "rotate"]
        .iter()
        .any(|name| rest.starts_with(name));
    is_in_demo.then(|| format!("doctor demo {rest}"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    use super::{TIPS, tips_for_json, with_tips};
    use crate::cli::Cli;

    fn error(line: &str) -> (clap::Error, Vec<OsString>) {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        (Cli::try_parse_from(&arguments).expect_err("the command does not exist"), arguments)
    }

    fn text(line: &str) -> String {
        let (error, arguments) = error(line);
        with_tips(error, &arguments).to_string()
    }

    #[test]
    fn entries_are_unknown_commands_and_tips_are_valid_commands() {
        let cli = Cli::command();
        for typed in TIPS.iter().flat_map(|entry| entry.typed) {
            assert!(cli.find_subcommand(typed).is_none(), "{typed} exists");
            assert!(text(&format!("doctor {typed}")).contains("\n  tip: to "), "{typed}");
        }
        let commands = TIPS.iter().flat_map(|entry| entry.tips).map(|tip| tip.command);
        for command in commands.filter(|command| command.starts_with("doctor ")) {
            let parsed = Cli::try_parse_from(command.split(' '));
            let is_page =
                |error: clap::Error| [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind());
            let is_valid = parsed.is_ok() || parsed.is_err_and(is_page);
            assert!(is_valid, "{command}");
        }
    }

    #[test]
    fn tip_names_the_command_to_run_instead() {
        let expected = "error: unrecognized subcommand 'push'\n\n  \
                        tip: to write local values to Railway, run 'doctor fix --push'\n\n\
                        Usage: doctor [OPTIONS] <COMMAND>\n\nFor more information, try '--help'.\n";
        assert_eq!(text("doctor push"), expected);
        assert_eq!(text("doctor -v push --only KEY"), expected);
        for (line, command) in [
            ("doctor install hook", "doctor hook install"),
            ("doctor list hook", "doctor matrix"),
            ("doctor diff staging production", "doctor compare --help"),
            ("doctor run check", "railway run COMMAND"),
            ("doctor config trust", "doctor init"),
        ] {
            assert!(text(line).contains(&format!(", run '{command}'\n")), "{line}");
        }
        let in_help = text("doctor help Push");
        assert!(in_help.contains("\n  tip: to write local values to Railway, run 'doctor fix --push'\n"), "{in_help}");
    }

    #[test]
    fn tips_for_nested_commands_match_the_parent() {
        assert!(text("doctor demo push").contains("run 'doctor demo fix --push'\n"));
        for line in ["doctor demo login", "doctor auth push", "doctor hook pull"] {
            assert!(!text(line).contains("run 'doctor"), "{line}");
        }
    }

    #[test]
    fn only_the_most_similar_command_is_suggested() {
        for (line, nearest) in [
            ("doctor chek", Some("check")),
            ("doctor Fxi", Some("fix")),
            ("doctor hook instal", Some("install")),
            ("doctor auth logn", Some("login")),
            ("doctor demo chekc", Some("check")),
            ("doctor comapre", Some("compare")),
            ("doctor help chek", Some("check")),
            ("doctor --config check fxi", Some("fix")),
            ("doctor chekc fix", Some("check")),
            ("doctor zzz", None),
            // clap has a candidate for each of these.
            ("doctor explore", None),
            ("doctor ch", None),
            ("doctor init-config", None),
            ("doctor schedule", None),
        ] {
            let (error, arguments) = error(line);
            assert_eq!(tips_for_json(&error, &arguments), None);
            let text = with_tips(error, &arguments).to_string();
            let tips: Vec<&str> = text.lines().filter(|line| line.starts_with("  tip: ")).collect();
            let expected = nearest.map(|name| format!("  tip: a similar subcommand exists: '{name}'"));
            assert_eq!(tips, expected.iter().map(String::as_str).collect::<Vec<_>>(), "{line}");
            assert!(!text.contains("\n\n\n"), "{text}");
        }
    }

    #[test]
    fn unknown_flags_have_the_tip_for_the_command() {
        for (line, tip) in [
            ("doctor check --env staging", Some("to select an environment, use '--environment'")),
            ("doctor fix --json", Some("to print JSON, use '--format json'")),
            ("doctor compare a b --json", Some("to print JSON, use '--format json'")),
            ("doctor compare a b --porject x", Some("a similar argument exists: '--project'")),
            ("doctor check --push", Some("to write local values to Railway, run 'doctor fix --push'")),
            ("doctor demo matrix --fix", Some("to fix the findings, run 'doctor demo fix'")),
            ("doctor check --projcet x", Some("a similar argument exists: '--project'")),
            ("doctor --only KEY check", Some("'check --only' exists")),
            ("doctor hook install --json", None),
            ("doctor hook install --format json", None),
            ("doctor undo --push", None),
        ] {
            let text = text(line);
            let tips: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  tip: ")).collect();
            assert_eq!(tips, tip.into_iter().collect::<Vec<_>>(), "{text}");
        }
        let environment = text("doctor check --env staging");
        assert!(environment.contains("\n\nUsage: doctor check [OPTIONS]\n"), "{environment}");
    }

    #[test]
    fn second_environment_has_the_tip_to_compare() {
        for (line, command) in [
            ("doctor matrix -e staging -e production", Some("doctor compare staging production")),
            ("doctor check -e a -e b", Some("doctor compare a b")),
            ("doctor check --environment=a --only KEY -eb", Some("doctor compare a b")),
            ("doctor check --environment a -e=b", Some("doctor compare a b")),
            ("doctor fix --push -e a --environment=b", Some("doctor compare a b")),
            ("doctor check -e $(id) -e b", Some("doctor compare '$(id)' b")),
            ("doctor demo matrix -e staging -e production", Some("doctor demo compare staging production")),
            ("doctor matrix -e a -e b -e c", Some("doctor compare --help")),
            ("doctor check --project a --project b", None),
            ("doctor compare a b --timeout 1s --timeout 2s", None),
            ("doctor compare a b -e c", None),
        ] {
            let text = text(line);
            let tips: Vec<&str> = text.lines().filter(|line| line.contains("to compare")).collect();
            let expected = command.map(|command| format!("  tip: to compare two environments, run '{command}'"));
            assert_eq!(tips, expected.iter().map(String::as_str).collect::<Vec<_>>(), "{line}: {text}");
        }
        let (error, arguments) = error("doctor check -e a -e b --format json");
        let tips = tips_for_json(&error, &arguments).expect("there is a tip");
        assert_eq!(tips.sentence, "to compare two environments, run `doctor compare a b`");
        assert_eq!(tips.commands, ["doctor compare a b"]);
    }

    #[test]
    fn json_tip_has_commands_between_backticks() {
        let (error, arguments) = error("doctor link --format json");
        let tips = tips_for_json(&error, &arguments).expect("there are tips");
        let expected = "to link this directory to a project, run `railway link`; \
                        to write the project to doctor.toml, run `doctor init`";
        assert_eq!(tips.sentence, expected);
        assert_eq!(tips.commands, ["railway link", "doctor init"]);
    }
}
