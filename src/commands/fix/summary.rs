//! Reports the result of a fix: the receipts, the remaining findings, and how to undo it.

use crate::commands::apply::Applied;
use crate::commands::fix::FixRun;
use crate::commands::fix::planned_fix::PlannedFix;
use crate::commands::gather::{refresh, reread_files};
use crate::commands::policy::policy;
use crate::commands::service_selection::Services;
use crate::commands::{config_file, output};
use crate::drift::plan::offer::Prompting;
use crate::drift::plan::{ChangedFileKind, Plan};
use crate::drift::{Finding, ResourceRef, Severity};
use crate::error::{Error, Exit};
use crate::io::world::{World, WorldLifetime};
use crate::report::{Detail, Report, ReportPart, ServiceLine, shell_command};

/// A plan that was applied.
pub(super) struct AppliedFix {
    pub(super) planned: PlannedFix,
    pub(super) applied: Applied,
    /// The part of the report that is not printed yet.
    pub(super) part: ReportPart,
}

/// Reads both sides again, and reports the result.
pub(super) fn finish(mut run: FixRun<'_>, fix: AppliedFix, world: &mut World<'_>) -> Result<Exit, Error> {
    let AppliedFix { planned, applied, part } = fix;
    let mut endings = step_remarks(&planned, &applied, part);
    if applied.verdict.is_none() {
        endings.extend(run.hoist_remarks(&planned.plan, world));
    }
    let second = check_again(&mut run, world);
    if let Err(error) = &second {
        endings.push(format!("could not check again after the fix: {error}"));
    }
    for observed in &applied.seen {
        observed.put_into(&mut run.analysis.gathered.survey);
    }
    apply_new_ignores(&mut run, &planned.plan, world);
    let known = known_findings(&run, part, world);
    run.analysis.repeat();
    let exit = applied.verdict.unwrap_or_else(|| exit(&second, &run));
    endings.extend(closing_remarks(&applied, &run, world));
    let check = check_command(&known, &applied, &run, world);
    let undo = undo_command(&applied, &run, world);
    let output = run.output;
    let mut report = run.report(exit, world);
    report.check_command = check;
    report.undo_command = undo;
    report.services.extend(deployed_elsewhere(&planned.plan, &applied, &report.services));
    report.receipts = applied.receipts;
    report.shortfalls = applied.shortfalls;
    report.failures = applied.failures;
    report.endings = endings;
    report.part = part;
    report.known = known;
    if !matches!(second, Ok(SecondCheck::Again)) {
        forget_findings(&mut report);
    }
    if part == ReportPart::Outcome {
        world.print("\n")?;
    }
    output.report_completed_steps(&report, world);
    Ok(exit)
}

/// Returns the remarks of the plan and of its steps.
fn step_remarks(planned: &PlannedFix, applied: &Applied, part: ReportPart) -> Vec<String> {
    // The cautions of a plan that was shown are known.
    let cautions = Some(&planned.plan.cautions).filter(|_| part == ReportPart::Whole).into_iter().flatten();
    planned.remarks.iter().chain(cautions).chain(&applied.remarks).cloned().collect()
}

/// Applies the `[[ignore]]` entries that this run may have written. If `doctor.toml` can't be read, its state from before
/// the run applies.
fn apply_new_ignores(run: &mut FixRun<'_>, plan: &Plan, world: &World<'_>) {
    if !plan.files.iter().any(|file| file.kind == ChangedFileKind::Configuration) {
        return;
    }
    let Ok(Some(config)) = config_file::read(run.output.global, world) else { return };
    let services = Services::of(&run.gathered().selected.shape, Some(&config));
    if let Ok(policy) = policy(&config, &services) {
        run.analysis.gathered.survey.policy.ignore = policy.ignore;
    }
}

/// Returns the findings that were shown before the prompts.
fn known_findings(run: &FixRun<'_>, part: ReportPart, world: &World<'_>) -> Vec<Finding> {
    let is_shown = run.permissions.asking == Prompting::Interactive && part == ReportPart::Outcome;
    let is_repeated = run.output.text_options(world).detail != Detail::Normal;
    if is_shown && !is_repeated { run.analysis.examination.findings.clone() } else { Vec::new() }
}

/// Returns the exit code of a fix that was applied in full.
fn exit(second: &Result<SecondCheck, Error>, run: &FixRun<'_>) -> Exit {
    match (second, run.analysis.exit()) {
        (Err(_), _) => Exit::Inconclusive,
        // A verified fix has compared what it wrote.
        (Ok(_), Exit::NothingCompared) => Exit::Clean,
        (Ok(_), left) => left,
    }
}

/// Whether both sides were read again.
enum SecondCheck {
    Again,
    /// Ctrl-C was pressed.
    Not,
}

/// Removes the findings from before the fix, which may no longer apply.
fn forget_findings(report: &mut Report) {
    report.not_rechecked = true;
    report.findings.clear();
    report.ignored.clear();
    for line in &mut report.services {
        (line.compared, line.sealed, line.unknown) = (0, 0, 0);
        line.checks.clear();
        line.deployment = None;
    }
}

/// Reads the files, the values and the runtime state of every service in scope again: two requests for up to twenty
/// services.
fn check_again(run: &mut FixRun<'_>, world: &World<'_>) -> Result<SecondCheck, Error> {
    reread_files(&mut run.analysis.gathered);
    if world.interrupt.is_requested() {
        return Ok(SecondCheck::Not);
    }
    if !run.survey().targets.is_empty() {
        refresh(run.client, &mut run.analysis.gathered, world)?;
    }
    Ok(SecondCheck::Again)
}

/// Returns services out of scope with a failed or unverified deployment of this run, which the table must show.
fn deployed_elsewhere(plan: &Plan, applied: &Applied, known: &[ServiceLine]) -> Vec<ServiceLine> {
    let is_known = |service: &ResourceRef| known.iter().any(|line| line.service.id == service.id);
    let services = plan.deploys.iter().map(|deploy| &deploy.service);
    let lacking = services.filter(|service| applied.shortfalls.contains_key(&service.name) && !is_known(service));
    lacking.map(|service| output::unread_line(service.clone())).collect()
}

/// Returns the command that shows the findings that are left, if the report omits some.
fn check_command(known: &[Finding], applied: &Applied, run: &FixRun<'_>, world: &World<'_>) -> Option<String> {
    let is_left = run.analysis.examination.findings.iter().any(|one| one.severity > Severity::Note);
    let is_lasting = world.memory == WorldLifetime::Lasting;
    let is_needed = !known.is_empty() && is_left && is_lasting && applied.verdict != Some(Exit::Interrupted);
    is_needed.then(|| shell_command::line(&run.gathered().repeated(&["check".to_owned()], world)))
}

/// Returns the command that restores what this run changed.
fn undo_command(applied: &Applied, run: &FixRun<'_>, world: &World<'_>) -> Option<String> {
    let is_lasting = world.memory == WorldLifetime::Lasting;
    let recorded = applied.run.as_ref().filter(|_| is_lasting && applied.has_changed())?;
    let mut arguments = vec!["undo".to_owned(), recorded.to_string()];
    arguments.extend(run.args.allow_tracked.then(|| "--allow-tracked".to_owned()));
    let flags: Vec<String> = run.output.global.api_url.iter().map(|url| format!("--api-url={url}")).collect();
    Some(shell_command::line(&shell_command::complete(&world.program, &arguments, &flags, std::iter::empty())))
}

/// Returns remarks on a run that was not recorded, failed or was interrupted.
fn closing_remarks(applied: &Applied, run: &FixRun<'_>, world: &World<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if applied.run.is_none() && applied.has_changed() {
        lines.push("this run was not recorded, so it can't be undone".to_owned());
    }
    if let Some(error) = &applied.halted {
        lines.push(format!("stopped early: {}", error.with_cause(": ")));
    }
    if world.memory == WorldLifetime::OfThisRun {
        lines.push(in_a_simulation(world));
    } else if applied.verdict == Some(Exit::Interrupted) {
        let check = shell_command::line(&run.gathered().repeated(&["check".to_owned()], world));
        lines.push(format!("interrupted; `{check}` shows the current state"));
    }
    lines
}

/// The state of a simulation ends with the run, so neither `check` nor `undo` can refer to this run.
fn in_a_simulation(world: &World<'_>) -> String {
    let undo = shell_command::line(&[world.program.clone(), vec!["undo".to_owned()]].concat());
    format!("each demo command starts from the same state; `{undo}` shows how to undo the tour's fix")
}
