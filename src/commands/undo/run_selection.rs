//! Selects the run to undo: the named one, or the last fix in this directory.

use crate::cli::UndoArgs;
use crate::commands::undo::list;
use crate::drift::ResourceRef;
use crate::error::{Error, Help};
use crate::io::storage::journal::{Journal, JournalEntry, JournalRecord, RecordedCommand, RunName};
use crate::io::world::World;
use crate::report::shell_command;

const LIST: &str = "doctor undo --list";

/// The run to undo.
#[derive(Debug)]
pub(super) struct SelectedRun {
    pub(super) run: RunName,
    pub(super) record: JournalRecord,
    /// Remarks on the selection; sentences without a full stop.
    pub(super) remarks: Vec<String>,
}

/// Returns the named run, or the last fix in this directory that is not undone yet.
///
/// A newer record that can't be read may be that of the last fix. Without a name, this is an error, and no older run is
/// undone instead.
pub(super) fn choose(journal: &Journal<'_>, named: Option<&str>, world: &World<'_>) -> Result<SelectedRun, Error> {
    if let Some(named) = named {
        let run = RunName::parse(named).ok_or_else(|| Error::Journal {
            what: format!("unknown run `{named}`"),
            cause: "expected a name such as 2026-11-24-1345-0007".to_owned(),
            help: Help::command("to list the runs:", LIST),
        })?;
        let record = journal.read(&run)?;
        let entries = journal.list()?;
        let newer = entries.iter().take_while(|entry| entry.run != run).filter(|entry| entry.record.is_err());
        let remark = |entry: &JournalEntry| format!("run {} is newer, but its record can't be read", entry.run);
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
        if record.command == RecordedCommand::Undo || record.folder != world.directory || undone.contains(&entry.run) {
            continue;
        }
        return match unreadable {
            Some(newer) => Err(not_the_last(newer, Some(&entry.run), world)),
            None => Ok(SelectedRun { run: entry.run.clone(), record: record.clone(), remarks: Vec::new() }),
        };
    }
    Err(match unreadable {
        Some(newer) => not_the_last(newer, None, world),
        None => nothing("nothing to undo".to_owned(), "no fix from the last 30 days in this directory can be undone"),
    })
}

/// A run whose record can't be read.
#[derive(Clone, Copy)]
struct UnreadableRun<'r> {
    run: &'r RunName,
    error: &'r Error,
}

/// Returns the error for an unreadable record that is newer than the run that would be undone.
fn not_the_last(newer: UnreadableRun<'_>, older: Option<&RunName>, world: &World<'_>) -> Error {
    let UnreadableRun { run, error } = newer;
    let command = |arguments: &[&str]| {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        shell_command::line(&world.program.iter().cloned().chain(arguments).collect::<Vec<_>>())
    };
    Error::Journal {
        what: format!("failed to read the record of run {run}, which may be the last fix in this directory"),
        cause: error.cause_or_message(),
        help: match older {
            Some(older) => Help::command(
                "make the record readable, or undo the older run by its name:",
                command(&["undo", older.as_str()]),
            ),
            None => Help::command(
                "make the record readable, or restore the variables by hand; to list all runs:",
                command(&["undo", "--list"]),
            ),
        },
    }
}

fn nothing(what: String, cause: &str) -> Error {
    let help = Help::command("to undo another run, pass its name as `doctor undo RUN`; to list all runs:", LIST);
    Error::Journal { what, cause: cause.to_owned(), help }
}

/// Refuses a `--project` or `--environment` other than the run's. `today` has the environment's current name.
pub(super) fn refuse_other_target(args: &UndoArgs, chosen: &SelectedRun, today: &ResourceRef) -> Result<(), Error> {
    let record = &chosen.record;
    let named = [
        ("--project", &args.project, &record.project, &record.project),
        ("--environment", &args.environment, &record.environment, today),
    ];
    for (flag, value, recorded, today) in named {
        let Some(value) = value else { continue };
        if ![&recorded.id, &recorded.name, &today.name].contains(&value) {
            return Err(Error::Usage {
                what: format!("run {} changed {}, not {flag} `{value}`", chosen.run, recorded.name),
                cause: None,
                help: Help::command("pass the name of another run; to list all runs:", LIST),
            });
        }
    }
    Ok(())
}
