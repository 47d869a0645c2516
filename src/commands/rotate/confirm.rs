//! Shows the plan of a rotation, and asks the user to confirm it.

use std::collections::BTreeSet;

use crate::cli::{RotateOptions, Staging};
use crate::commands::apply::{Receipts, StepNames};
use crate::commands::confirm_trust::SendingRun;
use crate::commands::fix;
use crate::commands::rotate::RotateRun;
use crate::commands::rotate::new_value::{ValueSource, to_apply};
use crate::commands::rotate::planner::PlannedRotation;
use crate::drift::plan::bulk_selection::Consent;
use crate::drift::rotation::CopySelection;
use crate::error::{Error, Exit, Help};
use crate::io::terminal::prompt::can_ask;
use crate::io::world::World;
use crate::report::{self, Format, Planned, Report, ReportPart, escape, shell_command};

/// Shown if no flags select the copies that the user picked one by one.
const NO_COMMAND: &str = "no flags select exactly these copies; select them in a terminal";

/// Asks the user to accept `doctor.toml` before any other prompt, if it decides where the new value is sent.
pub(super) fn confirm_trust(run: &mut RotateRun<'_>, world: &mut World<'_>) -> Result<(), Error> {
    let is_asked = !run.options.yes && !run.options.dry_run && can_ask(&world.terminal, &world.variables);
    if !is_asked {
        return Ok(());
    }
    let sending = SendingRun { client: run.client, config: run.config, output: run.output };
    sending.confirm_trust(&mut run.sides.gathered, world)
}

/// Refuses to write to a destination that only an unaccepted `doctor.toml` names.
fn refuse_untrusted(run: &RotateRun<'_>, planned: &PlannedRotation) -> Result<(), Error> {
    let consent = if run.options.yes { Consent::Flag } else { Consent::Prompt };
    let trust = &run.gathered().expectations.trust;
    // The old value of such a file selects the places that change.
    let files: BTreeSet<&str> = run.gathered().survey.files.iter().map(|file| file.name.as_str()).collect();
    let sends = !planned.plan.stores.is_empty();
    let objection = trust.objection(consent, &files).or_else(|| trust.objection_to_services(consent));
    objection.filter(|_| sends).map_or(Ok(()), |objection| Err(objection.into_error()))
}

/// Shows the plan, and obtains the confirmation unless this is a dry run.
pub(super) fn obtain(
    run: &RotateRun<'_>,
    planned: &PlannedRotation,
    world: &mut World<'_>,
) -> Result<ReportPart, Error> {
    let part = show(run, planned, world)?;
    if run.options.dry_run {
        return Ok(part);
    }
    let confirmation = fix::Confirmation {
        client: run.client,
        environment: &run.gathered().survey.environment.name,
        is_protected: run.is_protected(),
        yes: run.options.yes,
        is_environment_named: run.options.targeting.place.environment.is_some(),
        format: run.output.format,
        help: help(run, world),
    };
    let obtained = confirmation.obtain(world).and_then(|()| refuse_untrusted(run, planned));
    if obtained.as_ref().is_err_and(Error::is_declined) && run.output.format != Format::Json {
        for line in block(run, world) {
            world.status.print_line(&line);
        }
    }
    obtained.map(|()| part)
}

/// Prints the plan: to standard output if the report goes there, to standard error otherwise.
fn show(run: &RotateRun<'_>, planned: &PlannedRotation, world: &mut World<'_>) -> Result<ReportPart, Error> {
    let mut plan = planned.plan.clone();
    plan.cautions.extend(planned.remarks.iter().cloned());
    let text = report::plan(&header(run, world), &plan, &run.output.text_options(world));
    if run.output.format == Format::Text && run.output.file.is_none() {
        world.print(&text)?;
        return Ok(ReportPart::Outcome);
    }
    let is_final = run.options.dry_run || run.options.yes || !can_ask(&world.terminal, &world.variables);
    // The JSON report contains the plan.
    if run.output.format != Format::Json || !is_final {
        text.lines().for_each(|line| world.status.print_line(line));
    }
    Ok(ReportPart::Whole)
}

/// Returns a report with the target alone.
fn header(run: &RotateRun<'_>, world: &World<'_>) -> Report {
    let gathered = run.gathered();
    Report {
        command: "rotate",
        program: world.program.clone(),
        flags: gathered.flags.clone(),
        project: gathered.survey.project.clone(),
        project_origin: gathered.selected.project_origin.clone(),
        environment: gathered.survey.environment.clone(),
        environment_origin: gathered.selected.environment_origin.clone(),
        services_origin: gathered.selection.origin.clone(),
        files: gathered.files.clone(),
        configured: gathered.configured,
        ..Report::default()
    }
}

/// Returns the command that applies the plan without prompts; `None` if no flags select it.
fn command(run: &RotateRun<'_>, world: &World<'_>) -> Option<Vec<String>> {
    let all_copies = match &run.input.copies {
        CopySelection::All => true,
        CopySelection::Selected(selected) if selected.is_empty() => false,
        CopySelection::Selected(_) => return None,
    };
    // A typed value has to be piped into the command.
    let stdin = !matches!(run.input.source, ValueSource::Generated(_));
    let options = RotateOptions { all_copies, stdin, yes: true, ..run.options.clone() };
    let from = run.request.from.map(|from| format!("--from={from}"));
    let words = ["rotate", run.request.key].map(str::to_owned).into_iter().chain(from);
    let words: Vec<String> = words.chain(flags(run.request.key, &options)).collect();
    let gathered = run.gathered();
    let mut targeting = [gathered.expectations.trust.target_flags(), gathered.flags.clone()].concat();
    if run.is_protected() && !targeting.iter().any(|flag| flag.starts_with("--environment=")) {
        targeting.push(format!("--environment={}", gathered.survey.environment.name));
    }
    let services = gathered.selection.flags.iter().map(|(_, flag)| flag);
    Some(shell_command::complete(&world.program, &words, &targeting, services))
}

/// Returns the flags of a rotation beside its target and `--from`.
pub(super) fn flags(key: &str, options: &RotateOptions) -> Vec<String> {
    let generate = options.generate.iter().map(|spec| format!("--generate={spec}"));
    let kept = options.keep_old_as.iter().map(|kept| format!("--keep-old-as={kept}"));
    let sealed = (!options.allow_sealed.is_empty()).then(|| format!("--allow-sealed={key}"));
    let first = [(options.stdin, "--stdin"), (options.all_copies, "--all-copies")];
    let last = [
        (options.allow_tracked, "--allow-tracked"),
        (options.on_staged == Staging::Ignore, "--on-staged=ignore"),
        (options.no_journal, "--no-journal"),
        (options.yes, "--yes"),
    ];
    let set = |flags: &[(bool, &str)]| -> Vec<String> {
        flags.iter().filter(|(is, _)| *is).map(|(_, flag)| (*flag).to_owned()).collect()
    };
    generate.chain(set(&first)).chain(kept).chain(sealed).chain(set(&last)).collect()
}

fn help(run: &RotateRun<'_>, world: &World<'_>) -> Help {
    match command(run, world) {
        Some(command) => to_apply(&run.input.source, shell_command::line(&command)),
        None => NO_COMMAND.into(),
    }
}

/// Returns the lines below a plan that is not applied.
fn block(run: &RotateRun<'_>, world: &World<'_>) -> Vec<String> {
    let help = help(run, world);
    let mut letters = help.text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let commands = help.commands.iter().map(|command| format!("    {}", escape::line(command)));
    [first.chain(letters).collect()].into_iter().chain(commands).collect()
}

/// Reports a plan that was only shown.
pub(super) fn dry_run(
    run: RotateRun<'_>,
    planned: PlannedRotation,
    part: ReportPart,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let exit = Exit::Findings;
    let lines = block(&run, world);
    if part == ReportPart::Outcome {
        let last = format!("\nNothing was changed: this was a dry run.\n{}\n", lines.join("\n"));
        return world.print(&last).map(|()| exit);
    }
    let output = run.output;
    if output.format != Format::Json {
        for line in &lines {
            world.status.print_line(line);
        }
    }
    let report = planned_report(run, planned, exit, world);
    output.write_report(&report, world)?;
    Ok(exit)
}

/// Returns the report with a plan that was not applied.
pub(super) fn planned_report(run: RotateRun<'_>, planned: PlannedRotation, exit: Exit, world: &World<'_>) -> Report {
    let commands = command(&run, world).into_iter().collect();
    let mut report = run.report(exit, world);
    report.receipts = Receipts::of(&planned.plan, StepNames::Rotate).into_receipts();
    report.endings = planned.remarks;
    report.plan = Some(Planned { plan: planned.plan, commands });
    report
}
