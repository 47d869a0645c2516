//! A plan, and the commands that carry it out.

use crate::commands::fix::changes::SelectedChanges;
use crate::drift::plan::Plan;

/// A plan, and what was left out of it.
#[derive(Default)]
pub(super) struct PlannedFix {
    /// What will be done.
    pub(super) plan: Plan,
    /// What can't be done or was left out; sentences without full stop.
    pub(super) remarks: Vec<String>,
    /// The commands that do it without asking.
    pub(super) commands: Commands,
    /// Commands that add a named key to a service which does not hold it.
    pub(super) to_add: Vec<Vec<String>>,
}

impl PlannedFix {
    /// An empty plan for what was selected.
    pub(super) fn of(selected: &SelectedChanges) -> Self {
        Self { remarks: selected.remarks.clone(), to_add: selected.to_add.clone(), ..Self::default() }
    }
}

/// Where no command says exactly what the plan shows.
const NO_COMMAND: &str = "no flags say exactly this: choose it at a terminal";

/// Where a command does, and holds what is not printed.
const UNPRINTABLE: &str =
    "run the same command again with --yes: its start command contains a value that is not printed";

/// The commands that carry out a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands {
    /// One after the other; none where no command is exact.
    pub(super) lines: Vec<Vec<String>>,
    /// What of the plan no command does; a sentence without full stop.
    pub(super) beyond: Option<String>,
    /// Whether there is a command that can't be printed.
    pub(super) is_unprintable: bool,
}

impl Commands {
    /// What stands in the place of commands where none is printed.
    pub(super) fn none(&self) -> &'static str {
        if self.is_unprintable { UNPRINTABLE } else { NO_COMMAND }
    }
}
