//! Reports on a fix: what became of it, what is left, and how to go back.

use crate::commands::apply::Applied;
use crate::commands::fix::FixRun;
use crate::commands::fix::planned_fix::PlannedFix;
use crate::commands::gather::{Gathered, refresh};
use crate::commands::output;
use crate::drift::ResourceRef;
use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::disagreement::Disputes;
use crate::drift::plan::Plan;
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::world::{World, WorldLifetime};
use crate::report::{Report, ReportPart, ServiceLine, shell_command};

/// A plan that was carried out.
pub(super) struct AppliedFix {
    pub(super) planned: PlannedFix,
    pub(super) applied: Applied,
    /// What of the report is left to print.
    pub(super) part: ReportPart,
}

/// Reads both sides again, and reports.
pub(super) fn finish(mut run: FixRun<'_>, fix: AppliedFix, world: &mut World<'_>) -> Result<Exit, Error> {
    let AppliedFix { planned, applied, part } = fix;
    let mut endings = planned.remarks;
    if part == ReportPart::Whole {
        // Nobody has seen the plan.
        endings.extend(planned.plan.cautions.iter().cloned());
    }
    endings.extend(applied.remarks.iter().cloned());
    let second = check_again(&mut run, world);
    if let Err(error) = &second {
        endings.push(format!("what is left could not be looked up: {error}"));
    }
    for seen in &applied.seen {
        seen.put_into(&mut run.analysis.gathered.survey);
    }
    run.analysis.repeat();
    let exit = applied.verdict.unwrap_or_else(|| exit(&second, &run));
    endings.extend(how_it_ended(&applied, &run, world));
    let way_back = way_back(&applied, &run, world);
    let output = run.output;
    let mut report = run.report(exit, world);
    report.way_back = way_back;
    report.services.extend(deployed_elsewhere(&planned.plan, &applied, &report.services));
    report.receipts = applied.receipts;
    report.shortfalls = applied.shortfalls;
    report.failures = applied.failures;
    report.endings = endings;
    report.part = part;
    if !matches!(second, Ok(SecondCheck::Again)) {
        forget_findings(&mut report);
    }
    if part == ReportPart::Outcome {
        world.print("\n")?;
    }
    output.report_completed_steps(&report, world);
    Ok(exit)
}

/// The exit code of a fix that was carried out in full.
fn exit(second: &Result<SecondCheck, Error>, run: &FixRun<'_>) -> Exit {
    match (second, run.analysis.exit()) {
        (Err(_), _) => Exit::Inconclusive,
        // A fix that is done and proved compared what it wrote.
        (Ok(_), Exit::NothingCompared) => Exit::Clean,
        (Ok(_), left) => left,
    }
}

/// Whether both sides were read once more.
enum SecondCheck {
    Again,
    /// Ctrl-C: whoever pressed it waits for nothing more.
    Not,
}

/// What was found before the fix is not true any more, and nobody knows what is.
fn forget_findings(report: &mut Report) {
    report.unseen = true;
    report.findings.clear();
    report.ignored = 0;
    for line in &mut report.services {
        (line.compared, line.sealed, line.unknown) = (0, 0, 0);
        line.checks.clear();
    }
}

/// Reads the files, the values and the running state of every service in scope again: two requests for up to twenty.
fn check_again(run: &mut FixRun<'_>, world: &World<'_>) -> Result<SecondCheck, Error> {
    let Gathered { survey, paths, .. } = &mut run.analysis.gathered;
    for (file, path) in survey.files.iter_mut().zip(&*paths) {
        let Some(text) = files::current(path) else { continue };
        let read = LocalFile::parse(file.name.clone(), text);
        *file = match survey.policy.loader {
            Some(loader) => read.read_as(loader),
            None => read,
        };
    }
    survey.disputes = Disputes::default();
    if world.interrupt.is_requested() {
        return Ok(SecondCheck::Not);
    }
    if !survey.targets.is_empty() {
        refresh(run.client, &mut run.analysis.gathered, world)?;
    }
    Ok(SecondCheck::Again)
}

/// Services out of scope that this run deployed, where that did not end well: the table must not hide them.
fn deployed_elsewhere(plan: &Plan, applied: &Applied, known: &[ServiceLine]) -> Vec<ServiceLine> {
    let is_known = |service: &ResourceRef| known.iter().any(|line| line.service.id == service.id);
    let services = plan.deploys.iter().map(|deploy| &deploy.service);
    let lacking = services.filter(|service| applied.shortfalls.contains_key(&service.name) && !is_known(service));
    lacking.map(|service| output::unread_line(service.clone())).collect()
}

/// The command that restores what this run changed.
fn way_back(applied: &Applied, run: &FixRun<'_>, world: &World<'_>) -> Option<String> {
    let recorded = applied.run.as_ref().filter(|_| applied.has_changed())?;
    let mut words = match world.memory {
        WorldLifetime::Lasting => vec!["undo".to_owned(), recorded.to_string()],
        WorldLifetime::OfThisRun => vec!["undo".to_owned()],
    };
    words.extend(run.args.allow_tracked.then(|| "--allow-tracked".to_owned()));
    let flags: Vec<String> = run.output.global.api_url.iter().map(|url| format!("--api-url={url}")).collect();
    Some(shell_command::line(&shell_command::whole(&world.program, &words, &flags, std::iter::empty())))
}

/// What to know and to do where it did not go as planned.
fn how_it_ended(applied: &Applied, run: &FixRun<'_>, world: &World<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if applied.run.is_none() && applied.has_changed() {
        lines.push("this run was not recorded, and can't be undone".to_owned());
    }
    if let Some(error) = &applied.halted {
        lines.push(format!("it stopped there: {}", error.with_cause(": ")));
    }
    if applied.verdict == Some(Exit::Interrupted) {
        let check = shell_command::line(&run.gathered().repeated(&["check".to_owned()], world));
        lines.push(format!("interrupted; `{check}` shows the current state"));
    }
    lines
}
