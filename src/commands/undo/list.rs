//! `doctor undo --list`: lists the runs that can be undone, newest first.

use std::collections::BTreeSet;

use crate::commands::output_options::OutputOptions;
use crate::drift::phrases::{count, names};
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::storage::journal::{Journal, JournalEntry, JournalRecord, RecordedCommand, RunName};
use crate::io::world::{World, WorldLifetime};
use crate::report::undo_list::{UndoListLine, UndoState};
use crate::report::{self, History};

/// Prints the list of runs.
pub(super) fn write_list(
    journal: &Journal<'_>,
    output: OutputOptions<'_>,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let entries = &journal.list()?;
    let undone = undone(entries);
    let lines: Vec<UndoListLine> = entries.iter().map(|entry| line(entry, &undone, world)).collect();
    let home = world.home.as_deref();
    let folder = world.state.as_deref().map(|folder| files::display_from_home(folder, home, &world.directory));
    let folder = folder.unwrap_or_default();
    let undo = undo_command(&lines, output, world);
    let history = History { undo, lines, folder, keys: journal.key_location() };
    let mut bytes = Vec::new();
    report::write_history(&history, output.format, &output.text_options(world), &mut bytes)
        .expect("writing to memory can't fail");
    output.write(&bytes, world)?;
    Ok(Exit::Clean)
}

/// Returns the command that undoes the last run that can be undone.
fn undo_command(lines: &[UndoListLine], output: OutputOptions<'_>, world: &World<'_>) -> Option<Vec<String>> {
    let line = lines.iter().find(|line| matches!(line.state, UndoState::Here | UndoState::Elsewhere(_)))?;
    // Each demo command starts from the same state, in which the run has another name.
    let run = Some(line.run.clone()).filter(|_| world.memory == WorldLifetime::Lasting);
    let flags = output.global.api_url.iter().map(|url| format!("--api-url={url}"));
    Some(world.program.iter().cloned().chain(["undo".to_owned()]).chain(run).chain(flags).collect())
}

/// Returns the runs that a later undo has restored, unless that undo was undone itself.
pub(super) fn undone(entries: &[JournalEntry]) -> BTreeSet<RunName> {
    let mut undone = BTreeSet::new();
    // Newest first, so that an undo is known to be undone before the run that it undoes is visited.
    for entry in entries {
        let Ok(record) = &entry.record else { continue };
        if let Some(older) = record.undoes.as_ref().filter(|_| !undone.contains(&entry.run)) {
            undone.insert(older.clone());
        }
    }
    undone
}

fn line(entry: &JournalEntry, undone: &BTreeSet<RunName>, world: &World<'_>) -> UndoListLine {
    let run = entry.run.to_string();
    let Ok(record) = &entry.record else {
        let cause = entry.record.as_ref().err().and_then(Error::cause).unwrap_or_default();
        return UndoListLine { run, what: cause, target: String::new(), state: UndoState::Unreadable };
    };
    let state = if undone.contains(&entry.run) {
        UndoState::Undone
    } else if record.command == RecordedCommand::Undo {
        UndoState::Undo
    } else if record.folder == world.directory {
        UndoState::Here
    } else {
        UndoState::Elsewhere(record.folder.display().to_string())
    };
    let target = format!("{} · {}", record.project.name, record.environment.name);
    UndoListLine { run, what: summary(record), target, state }
}

/// Returns text such as `A and B of api and worker; C in .env`.
fn summary(record: &JournalRecord) -> String {
    let mut parts = Vec::new();
    let mut owners: Vec<&str> = record
        .stores
        .iter()
        .map(|store| store.owner.as_ref().map_or("shared variables", |service| service.name.as_str()))
        .collect();
    owners.sort_unstable();
    owners.dedup();
    let mut keys: Vec<&str> = record.stores.iter().map(|store| store.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    if !keys.is_empty() {
        parts.push(format!("{} of {}", names(&keys), names(&owners)));
    }
    if !record.settings.is_empty() {
        let services: Vec<&str> = record.settings.iter().map(|setting| setting.service.name.as_str()).collect();
        parts.push(format!("the start command of {}", names(&services)));
    }
    for file in &record.files {
        let keys: Vec<&str> = file.keys.iter().map(String::as_str).collect();
        parts.push(format!("{} in {}", names(&keys), file.shown));
    }
    if parts.is_empty() {
        parts.push(count(record.deploys.len(), "deployment"));
    }
    let undoes = record.undoes.as_ref().map(|run| format!("undoes {run}: ")).unwrap_or_default();
    format!("{undoes}{}", parts.join("; "))
}
