//! Tips for commands that `doctor` does not have, but that users of similar tools type.

use std::ffi::OsString;

use clap::builder::{StyledStr, Styles};
use clap::error::{ContextKind, ContextValue};

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
    CommandTips { typed: &["pull", "download"], tips: &[tip("to write Railway values to .env", "doctor fix --pull")] },
    CommandTips { typed: &["sync", "apply"], tips: &[tip("to choose a direction for each key", "doctor fix")] },
    CommandTips {
        typed: &["diff", "compare"],
        tips: &[tip("to compare .env with Railway", "doctor check"), tip("to preview a fix", "doctor fix --dry-run")],
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
    CommandTips { typed: &["get", "show", "trace"], tips: &[tip("to check one key", "doctor check --only KEY -v")] },
    CommandTips {
        typed: &["set", "add", "rotate"],
        tips: &[tip("to push one key of .env", "doctor fix --push --only KEY")],
    },
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

/// Commands with nested commands.
const PARENTS: [&str; 3] = ["auth", "hook", "demo"];

/// Returns the error with tips, if it is about a command that has some.
pub fn with_tips(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let tips = tips(&error, arguments);
    if !tips.is_empty() {
        let styles = Styles::styled();
        let valid = styles.get_valid();
        let styled = tips.iter().map(|(purpose, command)| format!("{purpose}, run '{valid}{command}{valid:#}'"));
        let styled = styled.map(StyledStr::from).collect();
        // A command with a similar name is a worse guess.
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(styled));
    }
    error
}

/// Returns the same tips as one sentence with the commands between backticks.
pub fn tip_for_json(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let tips = tips(error, arguments);
    let sentences: Vec<String> = tips.iter().map(|(purpose, command)| format!("{purpose}, run `{command}`")).collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

/// Returns the purpose and the command of each tip.
fn tips(error: &clap::Error, arguments: &[OsString]) -> Vec<(&'static str, String)> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand) else { return Vec::new() };
    let is_typed = |entry: &&CommandTips| entry.typed.iter().any(|typed| typed.eq_ignore_ascii_case(unknown));
    let Some(entry) = TIPS.iter().find(is_typed) else { return Vec::new() };
    let in_context = |tip: &CommandTip| match parent(unknown, arguments) {
        None => Some((tip.purpose, tip.command.to_owned())),
        Some("demo") => in_demo(tip.command).map(|command| (tip.purpose, command)),
        Some(_) => None,
    };
    entry.tips.iter().filter_map(in_context).collect()
}

/// Returns the command that the unknown one is nested in.
fn parent<'a>(unknown: &str, arguments: &'a [OsString]) -> Option<&'a str> {
    let before = arguments.iter().filter_map(|argument| argument.to_str()).take_while(|argument| *argument != unknown);
    before.skip(1).find(|argument| PARENTS.contains(argument))
}

/// Returns the same command on the simulated project, if the demo has it.
fn in_demo(command: &str) -> Option<String> {
    let rest = command.strip_prefix("doctor ")?;
    let is_in_demo = ["check", "fix", "undo", "matrix"].iter().any(|name| rest.starts_with(name));
    is_in_demo.then(|| format!("doctor demo {rest}"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    use super::{TIPS, tip_for_json, with_tips};
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
            let is_valid = parsed.is_ok() || parsed.is_err_and(|error| error.kind() == ErrorKind::DisplayVersion);
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
    fn similar_commands_are_suggested_by_clap() {
        let (error, arguments) = error("doctor chekc");
        assert_eq!(tip_for_json(&error, &arguments), None);
        let text = with_tips(error, &arguments).to_string();
        assert!(text.contains("similar subcommand") && text.contains("'check'"), "{text}");
    }

    #[test]
    fn json_tip_has_commands_between_backticks() {
        let (error, arguments) = error("doctor link --format json");
        let expected = "to link this directory to a project, run `railway link`; \
                        to write the project to doctor.toml, run `doctor init`";
        assert_eq!(tip_for_json(&error, &arguments).as_deref(), Some(expected));
    }
}
