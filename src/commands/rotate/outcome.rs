//! Reports the result of a rotation: the receipts, and the places where the old value is left.

use std::collections::BTreeSet;

use crate::commands::apply::Applied;
use crate::commands::gather::{refresh, reread_files};
use crate::commands::key_value::read_shared;
use crate::commands::rotate::RotateRun;
use crate::commands::rotate::planner::PlannedRotation;
use crate::drift::model::receipt::{Outcome, Shortfall};
use crate::drift::plan::VariableOwner;
use crate::drift::trace::search::SearchedValue;
use crate::drift::trace::{EnvironmentTrace, FilePlace, Place, Trace, Usage};
use crate::error::{Error, Exit};
use crate::io::world::{World, WorldLifetime};
use crate::report::{ReportPart, TraceReport, TraceRole, shell_command};

/// A rotation that was applied.
pub(super) struct AppliedRotation {
    pub(super) planned: PlannedRotation,
    pub(super) applied: Applied,
    /// The part of the report that is not printed yet.
    pub(super) part: ReportPart,
}

/// Searches for the old value again, and reports the result.
pub(super) fn finish(mut run: RotateRun<'_>, done: AppliedRotation, world: &mut World<'_>) -> Result<Exit, Error> {
    let AppliedRotation { planned, applied, part } = done;
    let mut endings = Vec::new();
    if part == ReportPart::Whole {
        endings.extend(planned.plan.cautions.iter().cloned());
    }
    endings.extend(planned.remarks.iter().cloned());
    endings.extend(applied.remarks.iter().cloned());
    let searched = search_again(&mut run, world);
    if let Err(error) = &searched {
        endings.push(format!("could not search for the old value again: {}", error.with_cause(": ")));
    }
    let left = searched.is_ok().then(|| left(&run, &applied));
    let exit = exit(&run, &applied, left.as_ref());
    endings.extend(closing_remarks(&applied, world));
    let undo = undo_command(&run, &applied, world);
    let output = run.output;
    let trace = left.map(|left| trace_report(&run, left));
    let mut report = run.report(exit, world);
    report.trace = trace;
    report.receipts = applied.receipts;
    report.shortfalls = applied.shortfalls;
    report.failures = applied.failures;
    report.endings = endings;
    report.undo_command = undo;
    report.part = part;
    if part == ReportPart::Outcome {
        world.print("\n")?;
    }
    output.report_completed_steps(&report, world);
    Ok(exit)
}

/// Reads the files, the variables and the running state again.
fn search_again(run: &mut RotateRun<'_>, world: &World<'_>) -> Result<(), Error> {
    let gathered = &mut run.sides.gathered;
    reread_files(gathered);
    if world.interrupt.is_requested() {
        return Err(Error::Interrupted);
    }
    world.status.waiting("searching for the old value again");
    let refreshed = refresh(run.client, gathered, world);
    let shared = read_shared(run.client, gathered);
    world.status.done();
    run.sides.shared = shared;
    refreshed?;
    match run.sides.first_error() {
        Some(error) => Err(error.clone()),
        None => Ok(()),
    }
}

/// Reports that every place has the new value already, unless one was left out.
pub(super) fn nothing_to_do(
    run: RotateRun<'_>,
    planned: PlannedRotation,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let applied = Applied::default();
    let left = left(&run, &applied);
    let exit = exit(&run, &applied, Some(&left));
    let output = run.output;
    let trace = trace_report(&run, left);
    let mut report = run.report(exit, world);
    report.endings = planned.plan.cautions.into_iter().chain(planned.remarks).collect();
    report.endings.push("nothing was changed: no other place has the old value, or can be changed".to_owned());
    report.trace = Some(trace);
    output.write_report(&report, world)?;
    Ok(exit)
}

/// Returns the places with a replaced value, without those that keep it under another key.
fn left(run: &RotateRun<'_>, applied: &Applied) -> Trace {
    let mut left = Trace::default();
    for value in run.replaced_values() {
        let wanted = SearchedValue { key: run.request.key, value };
        merge(&mut left, run.sides.trace(wanted));
    }
    let survey = &run.gathered().survey;
    left.files.retain(|place| {
        let is_kept = is_kept(run, &place.key, survey.files[place.file].entry(run.request.key).is_some());
        !is_kept && run.is_searched(&place.key)
    });
    for environment in &mut left.environments {
        environment.places.retain(|place| {
            let is_kept = is_kept(run, &place.key, has_key(run, &place.owner));
            !is_kept && run.is_searched(&place.key)
        });
        environment.sealed.clear();
        environment.sealed_holders.retain(|owner| !is_overwritten(run, owner, applied));
    }
    left
}

/// Returns whether a place keeps the old value for an overlap: it has the key of `--keep-old-as`, next to the key itself.
fn is_kept(run: &RotateRun<'_>, key: &str, has_key: bool) -> bool {
    has_key && Some(key) == run.options.keep_old_as.as_deref()
}

fn has_key(run: &RotateRun<'_>, owner: &VariableOwner) -> bool {
    let key = run.request.key;
    match owner {
        VariableOwner::Shared => run.sides.shared.as_ref().is_ok_and(|shared| shared.contains_key(key)),
        VariableOwner::Service(service) => {
            let mut targets = run.gathered().survey.targets.iter();
            targets.any(|target| target.service == *service && target.variable(key).is_some())
        }
    }
}

/// Returns whether this run has stored the new value over a sealed one.
fn is_overwritten(run: &RotateRun<'_>, owner: &VariableOwner, applied: &Applied) -> bool {
    let mut receipts = applied.receipts.iter();
    receipts.any(|receipt| {
        receipt.key.as_deref() == Some(run.request.key)
            && receipt.place == owner.name()
            && receipt.outcome == Outcome::Done
    })
}

fn trace_report(run: &RotateRun<'_>, left: Trace) -> TraceReport {
    TraceReport {
        key: run.request.key.to_owned(),
        value: run.sides.found.value.clone(),
        origin: run.sides.found.origin.name(),
        role: TraceRole::Left,
        trace: left,
        unsearched: run.sides.unsearched(),
        rotate_command: None,
    }
}

fn merge(all: &mut Trace, more: Trace) {
    let is_new = |place: &FilePlace| all.files.iter().all(|known| known.location != place.location);
    let files: Vec<FilePlace> = more.files.into_iter().filter(is_new).collect();
    all.files.extend(files);
    match (all.environments.first_mut(), more.environments.into_iter().next()) {
        (Some(known), Some(new)) => merge_environment(known, new),
        (None, new) => all.environments.extend(new),
        (Some(_), None) => {}
    }
}

fn merge_environment(known: &mut EnvironmentTrace, new: EnvironmentTrace) {
    let is_new =
        |place: &Place| known.places.iter().all(|other| (&other.owner, &other.key) != (&place.owner, &place.key));
    let places: Vec<Place> = new.places.into_iter().filter(is_new).collect();
    known.places.extend(places);
}

/// Returns the exit code of the run. A value that only runs on because a deployment failed is a failed verification, and
/// not a place that was left out.
fn exit(run: &RotateRun<'_>, applied: &Applied, left: Option<&Trace>) -> Exit {
    let has_left = left.is_none_or(|left| is_left(left, applied));
    match (applied.verdict, has_left) {
        (None | Some(Exit::Disproved | Exit::Inconclusive), true) if left.is_some() => Exit::Partial,
        (Some(exit), _) => exit,
        (None, true) => Exit::Inconclusive,
        (None, false) => run.sides.first_error().map_or(Exit::Clean, Error::exit),
    }
}

fn is_left(left: &Trace, applied: &Applied) -> bool {
    let unverified: BTreeSet<&str> = applied
        .shortfalls
        .iter()
        .filter(|(_, shortfall)| **shortfall != Shortfall::Incomplete)
        .map(|(place, _)| place.as_str())
        .collect();
    let counts = |place: &Place| match place.usage {
        Usage::OnlyRunning(_) => !unverified.contains(place.owner.name()),
        Usage::Stored(_) | Usage::Reference { .. } => true,
    };
    let has_sealed = left.environments.iter().any(|one| !one.sealed_holders.is_empty());
    has_sealed || !left.files.is_empty() || left.environments.iter().flat_map(|one| &one.places).any(counts)
}

/// Returns remarks on a run that was not recorded, failed or was interrupted.
fn closing_remarks(applied: &Applied, world: &World<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if applied.run.is_none() && applied.has_changed() {
        lines.push("this run was not recorded, so it can't be undone".to_owned());
    }
    if let Some(error) = &applied.halted {
        lines.push(format!("stopped early: {}", error.with_cause(": ")));
    }
    if world.memory == WorldLifetime::Lasting && applied.verdict == Some(Exit::Interrupted) {
        lines.push("interrupted; run the same command again to complete the rotation".to_owned());
    }
    lines
}

/// Returns the command that restores what this run changed.
fn undo_command(run: &RotateRun<'_>, applied: &Applied, world: &World<'_>) -> Option<String> {
    let is_lasting = world.memory == WorldLifetime::Lasting;
    let recorded = applied.run.as_ref().filter(|_| is_lasting && applied.has_changed())?;
    let mut arguments = vec!["undo".to_owned(), recorded.to_string()];
    arguments.extend(run.options.allow_tracked.then(|| "--allow-tracked".to_owned()));
    let flags: Vec<String> = run.output.global.api_url.iter().map(|url| format!("--api-url={url}")).collect();
    Some(shell_command::line(&shell_command::complete(&world.program, &arguments, &flags, std::iter::empty())))
}

impl RotateRun<'_> {
    /// Returns whether places under the key are searched. A short or common value occurs by chance under other keys.
    fn is_searched(&self, key: &str) -> bool {
        self.input.is_traceable || key == self.request.key
    }
}
