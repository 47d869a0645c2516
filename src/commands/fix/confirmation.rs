//! Shows the plan and gets it confirmed: a protected environment by its name, and a checkout that is not trusted not at all.

use std::collections::BTreeSet;

use crate::commands::fix::planned_fix::{Commands, PlannedFix};
use crate::commands::fix::{FixRefusal, FixRun, start_command};
use crate::commands::gather::Gathered;
use crate::commands::protected_environments::{PlanQuestion, is_confirmed};
use crate::commands::service_selection::PartialMatch;
use crate::commands::trust::{self, TrustObjection};
use crate::drift::plan::Plan;
use crate::drift::plan::bulk_selection::Consent;
use crate::drift::plan::offer::{Asking, Proposal};
use crate::error::Error;
use crate::io::terminal::prompt::can_ask;
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::{self, Detail, Format, Report, shell_command};

/// `--yes` goes with whole names: a part of a name may fit another service tomorrow.
pub(crate) fn refuse_parts(gathered: &Gathered) -> Result<(), Error> {
    let Some(PartialMatch { typed, whole }) = gathered.selection.parts.first() else { return Ok(()) };
    Err(Error::Flag {
        flag: "--yes",
        value: "used with a part of a service's name".to_owned(),
        cause: format!("`{typed}` is a part of {whole}, and may fit another service tomorrow"),
        help: format!("write the name out: {}", shell_command::line(&[format!("--service={whole}")])),
    })
}

/// Shows the plan where a person reads it, on standard output if that is where the report goes.
pub(super) fn show_plan(
    run: &FixRun<'_>,
    draft: &PlannedFix,
    world: &mut World<'_>,
) -> Result<report::ReportPart, Error> {
    let options = run.output.text_options(world);
    let mut plan = draft.plan.clone();
    plan.cautions.extend(draft.remarks.iter().cloned());
    // Whoever was asked what to do has seen the target above the findings.
    let part = if run.terms.asking == Asking::Person { report::ReportPart::Outcome } else { report::ReportPart::Whole };
    let text = report::plan(&Report { part, ..run.header(world) }, &plan, &options);
    if run.output.format == Format::Text && run.output.file.is_none() {
        world.print(&text)?;
        return Ok(report::ReportPart::Outcome);
    }
    // A program reads it in the report.
    if run.output.format == Format::Json
        && (run.args.dry_run || run.args.yes || !can_ask(&world.terminal, &world.variables))
    {
        return Ok(report::ReportPart::Whole);
    }
    text.lines().for_each(|line| world.talk.print_line(line));
    Ok(report::ReportPart::Whole)
}

/// Shows the plan and gets a yes to it.
pub(super) fn obtain(run: &FixRun<'_>, draft: &PlannedFix, world: &mut World<'_>) -> Result<report::ReportPart, Error> {
    // Nobody waits for it where nobody is asked and the report is for a program.
    let is_quiet = run.output.format != Format::Text || run.output.text_options(world).detail == Detail::Quiet;
    let part = if run.args.yes && is_quiet { report::ReportPart::Whole } else { show_plan(run, draft, world)? };
    let environment = &run.survey().environment.name;
    let protected = run.is_protected();
    if run.args.yes {
        if protected && run.args.targeting.place.environment.is_none() {
            return Err(Error::NoConsent {
                what: format!("{environment} is a protected environment"),
                cause: "there, `--yes` counts only together with the environment's name".to_owned(),
                help: format!("add {}", shell_command::line(&[format!("--environment={environment}")])),
            });
        }
        return Ok(part);
    }
    if !can_ask(&world.terminal, &world.variables) {
        return Err(Error::NoConsent {
            what: "there is nobody to ask".to_owned(),
            cause: "a plan needs a yes, and this is no terminal".to_owned(),
            help: to_run(&draft.commands),
        });
    }
    if run.output.format == Format::Text && world.terminal.out != Sort::Pipe {
        world.print("\n")?;
    }
    let question = if protected { PlanQuestion::Name(environment) } else { PlanQuestion::YesOrNo("Do it?") };
    if is_confirmed(question, run.client, world)? {
        return Ok(part);
    }
    Err(Error::NoConsent {
        what: "nobody said yes".to_owned(),
        cause: "the plan was not confirmed".to_owned(),
        help: to_run(&draft.commands),
    })
}

/// Asks to accept `doctor.toml` before anything else is asked, where a person may go on to send values: answers that are
/// refused at the end would be lost.
pub(super) fn settle_trust(
    run: &mut FixRun<'_>,
    proposals: &[Proposal<'_>],
    commands: &start_command::StartChoices,
    world: &mut World<'_>,
) -> Result<(), Error> {
    let is_asked = !run.args.yes && !run.args.dry_run && can_ask(&world.terminal, &world.variables);
    let pushes = run.terms.asking == Asking::Person || run.args.push || commands.typed.is_some();
    let sends = |proposal: &Proposal<'_>| {
        proposal.offers.iter().any(|offer| offer.stores.iter().any(|store| store.after.is_some()))
    };
    let trust = &run.gathered().expectations.trust;
    // A start command is confirmed by its text; what matters is where it goes.
    let sets = (commands.typed.is_some() || !commands.offers.is_empty())
        && trust.objection(Consent::Asked, &BTreeSet::new()).is_some();
    if !is_asked || !pushes || !(sets || proposals.iter().any(sends)) {
        return Ok(());
    }
    if let (Some(config), true) = (run.config, trust.is_wanted()) {
        let target = trust::NamedDecisions::of(run.client, config, &run.gathered().selected.shape)?;
        let text = target.text(&trust.acceptance, world.terminal.width);
        if run.output.format == Format::Text && run.output.file.is_none() {
            world.print(&text)?;
        } else {
            text.lines().for_each(|line| world.talk.print_line(line));
        }
        let before = world.clock.elapsed();
        trust::ask(&run.survey().project, config, world)?;
        // The time that a person takes is not the run's.
        let limit = run.client.limit.get() + world.clock.elapsed().saturating_sub(before);
        run.client.limit.set(limit);
        run.analysis.gathered.expectations.trust.accept();
    }
    let objection = run.gathered().expectations.trust.objection(Consent::Asked, &BTreeSet::new());
    objection.map_or(Ok(()), |objection| Err(objection.into_error()))
}

/// Local values, and commands, go only where something outside the checkout says, or a `doctor.toml` that was accepted.
pub(super) fn refuse_untrusted(run: &FixRun<'_>, plan: &Plan) -> Result<(), Error> {
    let consent = if run.args.yes { Consent::GivenBefore } else { Consent::Asked };
    let sends = plan.stores.iter().any(|store| store.after.is_some()) || !plan.settings.is_empty();
    let of_services = || run.gathered().expectations.trust.objection_to_services(consent).filter(|_| sends);
    untrusted(run, plan, consent).or_else(of_services).map_or(Ok(()), |objection| Err(objection.into_error()))
}

/// Why the values of the plan may not be sent as long as `doctor.toml` is not accepted.
fn untrusted(run: &FixRun<'_>, plan: &Plan, consent: Consent) -> Option<TrustObjection> {
    let sent: Vec<_> = plan.stores.iter().filter(|store| store.after.is_some()).collect();
    let files: BTreeSet<&str> = sent.iter().filter_map(|store| Some(store.from.as_ref()?.file.as_str())).collect();
    if sent.is_empty() && plan.settings.is_empty() {
        None
    } else {
        run.gathered().expectations.trust.objection(consent, &files)
    }
}

/// A sentence about the printed command, where it will be refused until `doctor.toml` is accepted. It names services in
/// full, and no alias.
pub(super) fn trust_first(run: &FixRun<'_>, plan: &Plan) -> Option<String> {
    let objection = untrusted(run, plan, Consent::GivenBefore)?;
    Some(format!("before the command below can send these values: {}", objection.in_a_sentence()))
}

/// `fix` without a direction and without anybody to ask.
pub(super) fn no_direction(commands: &Commands) -> Error {
    Error::NoConsent {
        what: "there is nobody to ask".to_owned(),
        cause: "without a terminal, a flag must say in which direction: --push, --pull, --redeploy or --start-command"
            .to_owned(),
        help: to_run(commands),
    }
}

/// `--push --yes` where no key was named: the plan, and the command that would do it.
pub(super) fn unnamed(run: &FixRun<'_>, draft: PlannedFix, world: &mut World<'_>) -> Result<FixRefusal, Error> {
    show_plan(run, &draft, world)?;
    let why = match (run.config, run.gathered().expectations.trust.is_wanted()) {
        (Some(config), true) if !config.require.is_empty() => format!(
            "`--push --yes` takes only keys named by --only; the [[require]] of {} does not count until you accept it \
             with `doctor trust`",
            config.name
        ),
        _ => "`--push --yes` takes only keys named by --only or [[require]]".to_owned(),
    };
    let error = Error::NoConsent { what: "no key is named".to_owned(), cause: why, help: to_run(&draft.commands) };
    Ok(FixRefusal { error, draft: Some(draft) })
}

/// The commands that carry out the plan, as the last line of an error.
fn to_run(commands: &Commands) -> String {
    let lines: Vec<String> = commands.lines.iter().map(|words| format!("`{}`", shell_command::line(words))).collect();
    let run = if lines.is_empty() { commands.none().to_owned() } else { format!("run {}", lines.join(", and then ")) };
    [run].into_iter().chain(commands.beyond.clone()).collect::<Vec<_>>().join("; ")
}
