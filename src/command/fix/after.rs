//! After a fix: what became of it, what is left, and how to go back.

use crate::command::apply::{Applied, said};
use crate::command::check;
use crate::command::fix::Run;
use crate::command::fix::draft::Draft;
use crate::command::running;
use crate::drift::dispute::Disputes;
use crate::drift::examine::examine;
use crate::drift::local::LocalFile;
use crate::error::{Error, Exit};
use crate::outside::files;
use crate::outside::world::{Memory, World};
use crate::report::{Part, Report, shell};

/// Looks at both sides once more, and reports.
pub(super) fn finish(
    mut run: Run<'_>,
    draft: Draft,
    (applied, part): (Applied, Part),
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let mut endings = draft.remarks;
    if part == Part::Whole {
        // Nobody has seen the plan.
        endings.extend(draft.plan.cautions);
    }
    endings.extend(applied.remarks.iter().cloned());
    let looked = look_again(&mut run, world);
    if let Err(error) = &looked {
        endings.push(format!("what is left could not be looked up: {error}"));
    }
    for seen in &applied.seen {
        seen.put_into(&mut run.seen.survey);
    }
    run.examination = examine(&run.seen.survey);
    let exit =
        applied.verdict.unwrap_or_else(|| match (&looked, check::exit(&run.seen, &run.examination, run.fail_on)) {
            (Err(_), _) => Exit::Inconclusive,
            // A fix that is done and proved compared what it wrote.
            (Ok(_), Exit::NothingCompared) => Exit::Clean,
            (Ok(_), left) => left,
        });
    endings.extend(way_back(&applied, world));
    let (manner, global) = (run.manner, run.global);
    let mut report = run.report(exit, world);
    report.receipts = applied.receipts;
    report.failures = applied.failures;
    report.endings = endings;
    report.part = part;
    if !matches!(looked, Ok(Looked::Again)) {
        forget_findings(&mut report);
    }
    if part == Part::Outcome {
        world.print("\n")?;
    }
    manner.tell_what_was_done(&report, global, world);
    Ok(exit)
}

/// Whether both sides were read once more.
enum Looked {
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
        (line.compared, line.sealed) = (0, 0);
        line.checks.clear();
    }
}

/// Reads the files, the values and the running state of every service in scope again: two requests for up to twenty.
fn look_again(run: &mut Run<'_>, world: &World<'_>) -> Result<Looked, Error> {
    let survey = &mut run.seen.survey;
    for (file, path) in survey.files.iter_mut().zip(&run.seen.paths) {
        let Some(text) = files::current(path) else { continue };
        let read = LocalFile::parse(file.name.clone(), text);
        *file = match survey.policy.loader {
            Some(loader) => read.read_as(loader),
            None => read,
        };
    }
    survey.disputes = Disputes::default();
    if world.interrupt.is_requested() {
        return Ok(Looked::Not);
    }
    if !survey.targets.is_empty() {
        running::look_again(run.client, &mut run.seen, world)?;
    }
    Ok(Looked::Again)
}

/// How to put it back, and what to do where it did not work.
fn way_back(applied: &Applied, world: &World<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let wrote = applied.has_changed();
    let program = |words: &[&str]| {
        let words: Vec<String> =
            world.program.iter().cloned().chain(words.iter().map(|&word| word.to_owned())).collect();
        shell::line(&words)
    };
    match &applied.run {
        Some(recorded) if wrote => {
            let words = match world.memory {
                Memory::Lasting => vec!["undo", recorded.as_str()],
                Memory::OfThisRun => vec!["undo"],
            };
            lines.push(format!("`{}` puts back what this run changed", program(&words)));
        }
        None if wrote => lines.push("this run was not recorded, and can't be undone".to_owned()),
        _ => {}
    }
    if let Some(error) = &applied.halted {
        lines.push(format!("it stopped there: {}", said(error)));
    }
    if applied.verdict == Some(Exit::Interrupted) {
        lines.push(format!("interrupted; `{}` tells how things stand", program(&["check"])));
    }
    lines
}
