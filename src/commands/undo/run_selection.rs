//! Selects the run to undo: the one that was named, or the last fix made in this folder.

use crate::cli::UndoArgs;
use crate::commands::undo::list;
use crate::drift::ResourceRef;
use crate::error::Error;
use crate::io::storage::journal::{Journal, JournalEntry, JournalRecord, RecordedCommand, RunName};
use crate::io::world::World;
use crate::report::shell_command;

/// The run that is undone.
#[derive(Debug)]
pub(super) struct SelectedRun {
    pub(super) run: RunName,
    pub(super) record: JournalRecord,
    /// What to know of the choice; sentences without full stop.
    pub(super) remarks: Vec<String>,
}

/// The run that was named, or the last fix made in this folder that is not undone yet.
///
/// A newer record that can't be read may be that of the last fix: without a name, nothing is undone in its place.
pub(super) fn choose(journal: &Journal<'_>, named: Option<&str>, world: &World<'_>) -> Result<SelectedRun, Error> {
    if let Some(named) = named {
        let run = RunName::parse(named).ok_or_else(|| nothing(format!("{named} is no run"), "no run is called so"))?;
        let record = journal.read(&run)?;
        let entries = journal.list()?;
        let newer = entries.iter().take_while(|entry| entry.run != run).filter(|entry| entry.record.is_err());
        let remark = |entry: &JournalEntry| format!("run {} is newer, and its record can't be read", entry.run);
        let remarks = newer.map(remark).collect();
        return Ok(SelectedRun { run, record, remarks });
    }
    let entries = journal.list()?;
    let undone = list::undone(&entries);
    let mut unreadable: Option<UnreadableRun<'_>> = None;
    for entry in &entries {
        let record = match &entry.record {
            Ok(record) => record,
            Err(error) => {
                unreadable.get_or_insert(UnreadableRun { run: &entry.run, error });
                continue;
            }
        };
        if record.command != RecordedCommand::Fix || record.folder != world.folder || undone.contains(&entry.run) {
            continue;
        }
        return match unreadable {
            Some(newer) => Err(not_the_last(newer, Some(&entry.run), world)),
            None => Ok(SelectedRun { run: entry.run.clone(), record: record.clone(), remarks: Vec::new() }),
        };
    }
    Err(match unreadable {
        Some(newer) => not_the_last(newer, None, world),
        None => nothing(
            "there is nothing to undo here".to_owned(),
            "no fix was made in this folder in the last 30 days that is not undone already",
        ),
    })
}

/// A run whose record can't be read.
#[derive(Clone, Copy)]
struct UnreadableRun<'r> {
    run: &'r RunName,
    error: &'r Error,
}

/// The error for a record that can't be read and is newer than what would be undone.
fn not_the_last(newer: UnreadableRun<'_>, older: Option<&RunName>, world: &World<'_>) -> Error {
    let UnreadableRun { run, error } = newer;
    let command = |words: &[&str]| {
        let words = words.iter().map(|&word| word.to_owned());
        shell_command::line(&world.program.iter().cloned().chain(words).collect::<Vec<_>>())
    };
    let list = command(&["undo", "--list"]);
    let cause = error.cause_or_message();
    Error::Journal {
        what: format!("the record of run {run} can't be read, and it may be the last fix made here"),
        cause,
        help: match older {
            Some(older) => format!(
                "make it readable, or name the older run to restore what that one changed: `{}`",
                command(&["undo", older.as_str()])
            ),
            None => format!("make it readable, or change the variables back by hand; `{list}` shows every run"),
        },
    }
}

fn nothing(what: String, why: &str) -> Error {
    let next = "run `doctor undo --list`, which shows every run, and name one: `doctor undo RUN`".to_owned();
    Error::Journal { what, cause: why.to_owned(), help: next }
}

/// A project or an environment that was named must be the run's; `today` is what Railway calls the environment now.
pub(super) fn refuse_other_target(args: &UndoArgs, chosen: &SelectedRun, today: &ResourceRef) -> Result<(), Error> {
    let record = &chosen.record;
    let named = [
        ("--project", &args.project, &record.project, &record.project),
        ("--environment", &args.environment, &record.environment, today),
    ];
    for (flag, value, recorded, today) in named {
        let Some(value) = value else { continue };
        if ![&recorded.id, &recorded.name, &today.name].contains(&value) {
            return Err(Error::Flag {
                flag,
                value: value.clone(),
                cause: format!("run {} changed {}", chosen.run, recorded.name),
                help: "name the run that is meant: `doctor undo --list` shows every run".to_owned(),
            });
        }
    }
    Ok(())
}
