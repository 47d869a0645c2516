//! Shows the plan, asks the user to confirm it, and refuses pushes whose target comes only from an untrusted checkout.

use std::collections::BTreeSet;

use crate::commands::confirm_trust::SendingRun;
use crate::commands::fix::changes::Fixable;
use crate::commands::fix::planned_fix::{Commands, PlannedFix};
use crate::commands::fix::{FixRefusal, FixRun};
use crate::commands::gather::Gathered;
use crate::commands::protected_environments::{PlanQuestion, confirm};
use crate::commands::service_selection::PartialMatch;
use crate::commands::trust::TrustObjection;
use crate::drift::plan::Plan;
use crate::drift::plan::bulk_selection::Consent;
use crate::drift::plan::offer::{Prompting, Proposal};
use crate::error::{Error, Help};
use crate::io::railway::client::Client;
use crate::io::terminal::prompt::can_ask;
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::{self, Detail, Format, Report, shell_command};

/// Refuses `--yes` with a part of a service's name.
pub(crate) fn refuse_parts(gathered: &Gathered) -> Result<(), Error> {
    let Some(PartialMatch { typed, whole }) = gathered.selection.parts.first() else { return Ok(()) };
    Err(Error::Usage {
        what: "--yes requires full service names".to_owned(),
        cause: Some(format!("`{typed}` matches {whole} now, and may match another service later")),
        help: format!("pass `{}`", shell_command::line(&[format!("--service={whole}")])).into(),
    })
}

/// Prints the plan: to standard output if the report goes there, to standard error otherwise.
pub(super) fn show_plan(
    run: &FixRun<'_>,
    draft: &PlannedFix,
    world: &mut World<'_>,
) -> Result<report::ReportPart, Error> {
    let options = run.output.text_options(world);
    let mut plan = draft.plan.clone();
    plan.cautions.extend(draft.remarks.iter().cloned());
    // After prompts, the target is already on the screen, above the findings.
    let part = if run.permissions.asking == Prompting::Interactive {
        report::ReportPart::Outcome
    } else {
        report::ReportPart::Whole
    };
    let mut text = report::plan(&Report { part, ..run.header(world) }, &plan, &options);
    if part == report::ReportPart::Outcome {
        text.insert(0, '\n');
    }
    if run.output.format == Format::Text && run.output.file.is_none() {
        world.print(&text)?;
        return Ok(report::ReportPart::Outcome);
    }
    // The JSON report contains the plan.
    if run.output.format == Format::Json
        && (run.args.dry_run || run.args.yes || !can_ask(&world.terminal, &world.variables))
    {
        return Ok(report::ReportPart::Whole);
    }
    text.lines().for_each(|line| world.status.print_line(line));
    Ok(report::ReportPart::Whole)
}

/// What has to be confirmed before a plan is applied.
pub(crate) struct Confirmation<'c> {
    pub(crate) client: &'c Client<'c>,
    pub(crate) environment: &'c str,
    pub(crate) is_protected: bool,
    /// `--yes`.
    pub(crate) yes: bool,
    /// Whether `--environment` was given.
    pub(crate) is_environment_named: bool,
    pub(crate) format: Format,
    /// How to apply the plan without a terminal.
    pub(crate) help: Help,
}

impl Confirmation<'_> {
    /// Asks the user to confirm the plan, unless `--yes` does.
    pub(crate) fn obtain(self, world: &mut World<'_>) -> Result<(), Error> {
        let environment = self.environment;
        if self.yes && self.is_protected && !self.is_environment_named {
            return Err(Error::NotConfirmed {
                what: format!("{environment} is a protected environment"),
                cause: "for a protected environment, --yes requires --environment".to_owned(),
                help: self.help,
            });
        }
        if self.yes {
            return Ok(());
        }
        if !can_ask(&world.terminal, &world.variables) {
            return Err(Error::NotConfirmed {
                what: "the plan needs confirmation".to_owned(),
                cause: "not an interactive terminal".to_owned(),
                help: self.help,
            });
        }
        if self.format == Format::Text && world.terminal.out != StreamKind::Pipe {
            world.print("\n")?;
        }
        let question = if self.is_protected { PlanQuestion::Name(environment) } else { PlanQuestion::YesOrNo };
        confirm(question, self.client, world)
    }
}

/// Shows the plan and asks the user to confirm it.
pub(super) fn obtain(run: &FixRun<'_>, draft: &PlannedFix, world: &mut World<'_>) -> Result<report::ReportPart, Error> {
    // With `--yes`, the plan is not reviewed, and a machine-readable report contains it.
    let is_quiet = run.output.format != Format::Text || run.output.text_options(world).detail == Detail::Quiet;
    let part = if run.args.yes && is_quiet { report::ReportPart::Whole } else { show_plan(run, draft, world)? };
    let confirmation = Confirmation {
        client: run.client,
        environment: &run.survey().environment.name,
        is_protected: run.is_protected(),
        yes: run.args.yes,
        is_environment_named: run.args.targeting.place.environment.is_some(),
        format: run.output.format,
        help: draft.commands.help(),
    };
    let obtained = confirmation.obtain(world);
    // A JSON report has the commands in its plan.
    if obtained.as_ref().is_err_and(Error::is_declined) && run.output.format != Format::Json {
        draft.commands.block().iter().for_each(|line| world.status.print_line(line));
    }
    obtained.map(|()| part)
}

/// Asks the user to accept `doctor.toml` before any other prompt, if values may be pushed. Otherwise a refusal at the
/// end would discard the user's choices.
pub(super) fn confirm_trust(run: &mut FixRun<'_>, open: Fixable<'_>, world: &mut World<'_>) -> Result<(), Error> {
    let Fixable { proposals, commands, hoisted, .. } = open;
    let is_asked = !run.args.yes && !run.args.dry_run && can_ask(&world.terminal, &world.variables);
    let pushes = run.permissions.asking == Prompting::Interactive || run.args.push || commands.typed.is_some();
    let sends = |proposal: &Proposal<'_>| {
        proposal.offers.iter().any(|offer| offer.stores.iter().any(|store| store.after.is_some()))
    };
    let trust = &run.gathered().expectations.trust;
    // The user confirms the text of a start command, so only its destination matters.
    let sets = (commands.typed.is_some() || !commands.offers.is_empty())
        && trust.objection(Consent::Prompt, &BTreeSet::new()).is_some();
    let writes = hoisted.is_some() || pushes && (sets || proposals.iter().any(sends));
    if !is_asked || !writes {
        return Ok(());
    }
    let sending = SendingRun { client: run.client, config: run.config, output: run.output };
    sending.confirm_trust(&mut run.analysis.gathered, world)
}

/// Refuses to push local values and start commands to a destination that only an unaccepted `doctor.toml` names.
pub(super) fn refuse_untrusted(run: &FixRun<'_>, plan: &Plan) -> Result<(), Error> {
    let consent = if run.args.yes { Consent::Flag } else { Consent::Prompt };
    let sends = plan.stores.iter().any(|store| store.after.is_some()) || !plan.settings.is_empty();
    let of_services = || run.gathered().expectations.trust.objection_to_services(consent).filter(|_| sends);
    untrusted(run, plan, consent).or_else(of_services).map_or(Ok(()), |objection| Err(objection.into_error()))
}

/// Returns why the plan must not be applied until `doctor.toml` is accepted.
fn untrusted(run: &FixRun<'_>, plan: &Plan, consent: Consent) -> Option<TrustObjection> {
    let (files, sends) = sent(plan);
    if sends { run.gathered().expectations.trust.objection(consent, &files) } else { None }
}

/// Returns the files whose values a plan sends to Railway, and whether it sends any value or start command.
pub(super) fn sent(plan: &Plan) -> (BTreeSet<&str>, bool) {
    let sent: Vec<_> = plan.stores.iter().filter(|store| store.after.is_some()).collect();
    let files = sent.iter().filter_map(|store| Some(store.from.as_ref()?.file.as_str())).collect();
    (files, !sent.is_empty() || !plan.settings.is_empty())
}

/// Returns remarks for the printed command: it names a target that only an unaccepted `doctor.toml` names, or it is
/// refused until the file is accepted.
pub(super) fn trust_remarks(run: &FixRun<'_>, plan: &Plan) -> Vec<String> {
    let trust = &run.gathered().expectations.trust;
    let (files, sends) = sent(plan);
    if !sends {
        return Vec::new();
    }
    let target =
        trust.objection_to_target().map(|objection| format!("{}; the command below names them", objection.what));
    let of_files = trust.objection_to_files(Consent::Flag, &files);
    let first = of_files.map(|objection| format!("before running the command below: {}", objection.summary()));
    target.into_iter().chain(first).collect()
}

/// Flags that name the parts of the target that only an unaccepted `doctor.toml` names.
pub(super) fn target_flags(run: &FixRun<'_>) -> Vec<String> {
    run.gathered().expectations.trust.target_flags()
}

/// Returns the error for `fix` without a direction and without a terminal.
pub(super) fn no_direction(commands: &Commands, program: &[String]) -> Error {
    let example = commands.example().unwrap_or_else(|| {
        let arguments = ["fix", "--push", "--dry-run"].map(str::to_owned);
        [program, &arguments].concat()
    });
    Error::NotConfirmed {
        what: "no direction given".to_owned(),
        cause: "without an interactive terminal, fix requires --push, --pull, --redeploy, --start-command or --hoist"
            .to_owned(),
        help: Help::command("choose a direction, for example:", shell_command::line(&example)),
    }
}

/// Handles `--push --yes` without named keys: shows the plan, and returns the error with the command that applies it.
pub(super) fn unnamed(run: &FixRun<'_>, draft: PlannedFix, world: &mut World<'_>) -> Result<FixRefusal, Error> {
    show_plan(run, &draft, world)?;
    let cause = match (run.config, run.gathered().expectations.trust.needs_acceptance()) {
        (Some(config), true) if !config.require.is_empty() => format!(
            "`--push --yes` pushes only keys named by --only; [[require]] in {} counts only after you accept the file \
             with `doctor trust`",
            config.name
        ),
        _ => "`--push --yes` pushes only keys named by --only or [[require]]".to_owned(),
    };
    let error = Error::NotConfirmed { what: "no key named".to_owned(), cause, help: draft.commands.help() };
    Ok(FixRefusal { error, draft: Some(draft) })
}
