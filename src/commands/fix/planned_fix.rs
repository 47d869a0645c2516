//! A plan, and the commands that apply it.

use crate::commands::fix::changes::SelectedChanges;
use crate::drift::plan::Plan;
use crate::error::Help;
use crate::report::{escape, shell_command};

/// A plan, and what was skipped.
#[derive(Default)]
pub(super) struct PlannedFix {
    pub(super) plan: Plan,
    /// What can't be done or was skipped; sentences without a full stop.
    pub(super) remarks: Vec<String>,
    /// The commands that apply the plan without prompts.
    pub(super) commands: Commands,
    /// Commands that add a named key to a service without it.
    pub(super) to_add: Vec<Vec<String>>,
}

impl PlannedFix {
    /// Returns an empty plan with the remarks of the selection.
    pub(super) fn of(selected: &SelectedChanges) -> Self {
        Self { remarks: selected.remarks.clone(), to_add: selected.to_add.clone(), ..Self::default() }
    }
}

/// Shown if no command applies exactly this plan.
const NO_COMMAND: &str = "no flags select exactly these changes; select them in a terminal";

/// Shown if the command contains a value that must not be printed.
const UNPRINTABLE: &str =
    "run the same command with --yes; it is not printed, because the start command contains a known value";

/// The commands that apply a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands {
    /// In the order in which to run them; empty if no commands apply exactly this plan.
    pub(super) lines: Vec<Vec<String>>,
    /// The part of the plan that no command applies; a sentence without a full stop.
    pub(super) beyond: Option<String>,
    /// Whether there is a command that can't be printed.
    pub(super) is_unprintable: bool,
}

impl Commands {
    /// Returns the text above the commands, or instead of them if none is printed.
    fn heading(&self) -> String {
        let object = if self.beyond.is_some() { "the rest" } else { "this plan" };
        let order = if self.lines.len() > 1 { ", run in this order" } else { "" };
        let last = match (self.lines.is_empty(), self.is_unprintable) {
            (false, _) => format!("to apply {object}{order}:"),
            (true, false) => NO_COMMAND.to_owned(),
            (true, true) => UNPRINTABLE.to_owned(),
        };
        self.beyond.iter().cloned().chain([last]).collect::<Vec<_>>().join("; ")
    }

    /// Returns the first command, with `--dry-run` in place of `--yes`.
    pub(super) fn example(&self) -> Option<Vec<String>> {
        let shown = |word: &String| if word == "--yes" { "--dry-run".to_owned() } else { word.clone() };
        self.lines.first().map(|line| line.iter().map(shown).collect())
    }

    /// Returns the help of an error.
    pub(super) fn help(&self) -> Help {
        let lines: Vec<String> = self.lines.iter().map(|command| shell_command::line(command)).collect();
        Help::commands(self.heading(), lines)
    }

    /// Returns the lines below a plan that is not applied.
    pub(super) fn block(&self) -> Vec<String> {
        block(&self.heading(), &self.lines)
    }
}

/// Returns a heading, and each command on a line by itself.
fn block(heading: &str, commands: &[Vec<String>]) -> Vec<String> {
    let mut letters = heading.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let commands = commands.iter().map(|command| format!("    {}", escape::line(&shell_command::line(command))));
    [first.chain(letters).collect()].into_iter().chain(commands).collect()
}

/// Returns the lines for commands that add a key; none without commands.
pub(super) fn lines_to_add(commands: &[Vec<String>]) -> Vec<String> {
    if commands.is_empty() { Vec::new() } else { block("to add a missing key:", commands) }
}
