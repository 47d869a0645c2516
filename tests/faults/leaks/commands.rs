//! The rows: every verb with every flag that it has.

use crate::leaks::fixture::World;

/// A verb with its flags.
pub(crate) struct Row {
    /// What is typed; `RUN` stands for the last run that was recorded.
    pub(crate) words: &'static [&'static str],
    pub(crate) world: World,
    /// The exit code, whatever the format.
    pub(crate) code: i32,
    pub(crate) breadth: Breadth,
    /// Whether a fix has been made before.
    pub(crate) after: After,
}

/// In how many ways it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// In every format at every verbosity.
    Every,
    /// In every format, and at every verbosity, but not in each pair of them: what is told is built alike.
    Each,
    /// Once: what it tells of is nothing of the user's, or nothing at all.
    Once,
}

/// What was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    Fix,
}

const fn row(words: &'static [&'static str], code: i32) -> Row {
    Row { words, world: World::Drift, code, breadth: Breadth::Each, after: After::Nothing }
}

const fn every(words: &'static [&'static str], code: i32) -> Row {
    Row { breadth: Breadth::Every, ..row(words, code) }
}

const fn once(words: &'static [&'static str], code: i32) -> Row {
    Row { breadth: Breadth::Once, ..row(words, code) }
}

const fn green(words: &'static [&'static str], code: i32) -> Row {
    Row { world: World::Green, ..row(words, code) }
}

const fn failing(words: &'static [&'static str], code: i32) -> Row {
    Row { world: World::Failing, ..row(words, code) }
}

const fn after_a_fix(words: &'static [&'static str], code: i32) -> Row {
    Row { after: After::Fix, ..row(words, code) }
}

/// All of them.
pub(crate) const ROWS: &[Row] = &[
    every(&["check"], 1),
    green(&["check"], 0),
    row(&["check", "--show-logs", "--output=report"], 1),
    once(&["check", "--show-values"], 2),
    every(&["matrix"], 1),
    green(&["matrix", "--output=report"], 0),
    row(&["fix"], 2),
    row(&["fix", "--push", "--yes", "--only=API_KEY", "--only=LINES", "--only=ODD", "--only=MISSING_KEY"], 7),
    row(&["fix", "--add", "--yes", "--only=MISSING_KEY", "--service=api"], 0),
    row(&["fix", "--push", "--yes", "--only=LONG_SECRET", "--no-deploy", "--no-journal"], 1),
    once(&["fix", "--push", "--yes", "--only=API_KEY", "--show-values"], 2),
    row(&["fix", "--push", "--dry-run", "--output=report"], 1),
    row(&["fix", "--pull", "--yes"], 1),
    row(&["fix", "--pull", "--yes", "--allow-tracked"], 1),
    row(&["fix", "--redeploy", "--yes", "--dependents"], 7),
    row(&["fix", "--prune", "--dry-run"], 1),
    row(&["fix", "--start-command=web --now", "--service=api", "--yes"], 1),
    row(&["fix", "--start-command=web --now", "--service=api", "--push", "--dry-run"], 1),
    green(&["fix", "--push", "--yes"], 0),
    failing(&["fix", "--push", "--yes", "--only=API_KEY", "--show-logs"], 7),
    Row { breadth: Breadth::Once, ..failing(&["fix", "--push", "--yes", "--only=API_KEY"], 7) },
    after_a_fix(&["undo", "--list"], 0),
    after_a_fix(&["undo", "RUN", "--dry-run"], 1),
    Row { breadth: Breadth::Once, ..after_a_fix(&["undo", "RUN", "--yes", "--show-values"], 2) },
    after_a_fix(&["undo", "RUN", "--yes", "--output=report"], 0),
    Row { breadth: Breadth::Once, ..after_a_fix(&["undo", "--yes", "--no-deploy", "--no-journal", "--show-logs"], 0) },
    Row { breadth: Breadth::Once, ..after_a_fix(&["undo", "RUN", "--yes", "--allow-tracked", "--no-deploy"], 0) },
    once(&["undo"], 2),
    Row { world: World::Undeclared, ..row(&["init", "--yes"], 0) },
    once(&["trust", "--yes"], 0),
    row(&["hook", "run", "--strict"], 1),
    green(&["hook", "run"], 0),
    once(&["hook", "install"], 0),
    once(&["hook", "install", "--yes"], 0),
    once(&["hook", "uninstall"], 0),
    row(&["hook", "status"], 1),
    row(&["auth", "status"], 0),
    once(&["auth", "login"], 4),
    once(&["auth", "logout"], 4),
    once(&["explain"], 0),
    once(&["explain", "value-differs"], 0),
    row(&["explain", "nothing"], 2),
    once(&["schema", "report"], 0),
    once(&["completions", "bash"], 0),
    once(&["man"], 0),
    once(&["demo"], 0),
    once(&["demo", "check"], 1),
    once(&["demo", "matrix"], 1),
    once(&["demo", "fix", "--push", "--redeploy", "--yes"], 7),
    once(&["demo", "undo", "--list"], 0),
];
