//! Who says yes, and to what: the plan is shown, a protected environment is typed, and a checkout is not believed.

use crate::cli::Staging;
use crate::command::fix::draft::Draft;
use crate::command::fix::{Chosen, Refusal, Run, selected};
use crate::command::trust::Trust;
use crate::command::visit::Visit;
use crate::drift::plan::Plan;
use crate::drift::plan::due::Due;
use crate::drift::plan::offer::{Asking, Proposal, Way};
use crate::drift::plan::select::{Consent, select};
use crate::error::Error;
use crate::outside::ask::{Answer, Reply, can_ask};
use crate::outside::world::{Sort, World};
use crate::report::{self, Detail, Format, Part, Report, escape, shell};

/// `--yes` goes with whole names: a part of a name may fit another service tomorrow.
pub(crate) fn refuse_parts(seen: &Visit) -> Result<(), Error> {
    let Some(part) = seen.parts.first() else { return Ok(()) };
    let whole = seen.service_flags.iter().find(|(_, flag)| *flag == format!("--service={part}"));
    let whole = whole.map_or_else(String::new, |(name, _)| name.clone());
    Err(Error::Flag {
        flag: "--yes",
        value: "used with a part of a service's name".to_owned(),
        why: format!("`{part}` is a part of {whole}, and may fit another service tomorrow"),
        next: format!("write the name out: {}", shell::line(&[format!("--service={whole}")])),
    })
}

/// Shows the plan where a person reads it, on standard output if that is where the report goes.
pub(super) fn show_plan(run: &Run<'_>, draft: &Draft, world: &mut World<'_>) -> Result<Part, Error> {
    let look = run.manner.look(run.global, world);
    let mut plan = draft.plan.clone();
    plan.cautions.extend(draft.remarks.iter().cloned());
    // Whoever was asked what to do has seen the target above the findings.
    let part = if run.terms.asking == Asking::Person { Part::Outcome } else { Part::Whole };
    let text = report::plan(&Report { part, ..run.header(world) }, &plan, &look);
    if run.manner.format == Format::Text && run.manner.output.is_none() {
        world.print(&text)?;
        return Ok(Part::Outcome);
    }
    // A program reads it in the report.
    if run.manner.format == Format::Json
        && (run.args.dry_run || run.args.yes || !can_ask(&world.terminal, &world.variables))
    {
        return Ok(Part::Whole);
    }
    text.lines().for_each(|line| world.talk.say(line));
    Ok(Part::Whole)
}

/// Shows the plan and gets a yes to it.
pub(super) fn obtain(run: &Run<'_>, draft: &Draft, world: &mut World<'_>) -> Result<Part, Error> {
    // Nobody waits for it where nobody is asked and the report is for a program.
    let is_quiet = run.manner.format != Format::Text || run.manner.look(run.global, world).detail == Detail::Quiet;
    let part = if run.args.yes && is_quiet { Part::Whole } else { show_plan(run, draft, world)? };
    let environment = &run.seen.survey.environment.name;
    let protected = is_protected(run);
    if run.args.yes {
        if protected && run.args.targeting.environment.is_none() {
            return Err(Error::NoConsent {
                what: format!("{environment} is a protected environment"),
                why: "there, `--yes` counts only together with the environment's name".to_owned(),
                next: format!("add {}", shell::line(&[format!("--environment={environment}")])),
            });
        }
        return Ok(part);
    }
    if !can_ask(&world.terminal, &world.variables) {
        return Err(Error::NoConsent {
            what: "there is nobody to ask".to_owned(),
            why: "a plan needs a yes, and this is no terminal".to_owned(),
            next: to_run(&command(run, &draft.plan, world)),
        });
    }
    let before = world.clock.elapsed();
    if run.manner.format == Format::Text && world.terminal.out != Sort::Pipe {
        world.print("\n")?;
    }
    let agreed = if protected {
        let shown = escape::line(environment);
        let prompt = format!("{shown} is protected: type its name to go on");
        world.ask.line(&prompt)? == Answer::Given(environment.clone())
    } else {
        world.ask.confirm("Do it?", Reply::No)? == Answer::Given(Reply::Yes)
    };
    // The time that a person takes is not the run's.
    let limit = run.client.limit.get() + world.clock.elapsed().saturating_sub(before);
    run.client.limit.set(limit);
    if agreed {
        return Ok(part);
    }
    Err(Error::NoConsent {
        what: "nobody said yes".to_owned(),
        why: "the plan was not agreed to".to_owned(),
        next: "run it again when it is to be done; `--dry-run` shows the plan alone".to_owned(),
    })
}

/// An environment whose name begins with `prod`, or that `doctor.toml` calls protected.
fn is_protected(run: &Run<'_>) -> bool {
    let environment = &run.seen.survey.environment;
    let sections = run.config.iter().flat_map(|config| &config.environments);
    let mut marked = sections.filter(|(name, _)| [&environment.name, &environment.id].contains(name));
    environment.name.to_lowercase().starts_with("prod") || marked.any(|(_, section)| section.protected == Some(true))
}

/// Local values go only to a project that is known from outside of the checkout.
pub(super) fn refuse_untrusted(run: &Run<'_>, plan: &Plan, world: &World<'_>) -> Result<(), Error> {
    let sends = plan.stores.iter().any(|store| store.after.is_some());
    let (project, origin) = (&run.seen.survey.project, &run.seen.project_origin);
    if !sends {
        return Ok(());
    }
    let (trust, project, origin) =
        (Trust::of(run.config, (project, origin), world)?, project.name.clone(), origin.clone());
    match trust {
        Trust::Known | Trust::Accepted => Ok(()),
        Trust::CheckoutAlone => Err(Error::Untrusted { project, origin }),
        Trust::Changed => Err(Error::TrustOutdated { project, origin }),
    }
}

/// `fix` without a direction and without anybody to ask.
pub(super) fn no_direction(run: &Run<'_>, (proposals, due): (&[Proposal<'_>], &[Due]), world: &World<'_>) -> Error {
    let selection = select(proposals, &[Way::Push], &run.terms, Consent::Asked);
    let keys: Vec<String> = selection.taken.iter().map(|(index, _)| proposals[*index].key.to_owned()).collect();
    Error::NoConsent {
        what: "there is nobody to ask".to_owned(),
        why: "without a terminal, a flag must say in which direction: --push, --pull or --redeploy".to_owned(),
        next: to_run(&typed(
            run,
            Some(if keys.is_empty() && !due.is_empty() { "--redeploy" } else { "--push" }),
            &keys,
            world,
        )),
    }
}

/// `--push --yes` where no key was named: the plan, and the command that would do it.
pub(super) fn unnamed(
    run: &Run<'_>,
    proposals: &[Proposal<'_>],
    (ways, keys): (&[Way], &[String]),
    world: &mut World<'_>,
) -> Result<Refusal, Error> {
    let selection = select(proposals, ways, &run.terms, Consent::Asked);
    let chosen: Chosen<'_> = selected(selection);
    let draft = run.draft(chosen, world)?;
    show_plan(run, &draft, world)?;
    let error = Error::NoConsent {
        what: "no key is named".to_owned(),
        why: "`--push --yes` takes only keys named by --only or [[require]]".to_owned(),
        next: to_run(&typed(run, None, keys, world)),
    };
    Ok(Refusal { error, draft: Some(draft) })
}

/// The command that carries out the plan without asking.
pub(super) fn command(run: &Run<'_>, plan: &Plan, world: &World<'_>) -> Vec<String> {
    let mut keys: Vec<String> = plan.stores.iter().map(|store| store.key.clone()).collect();
    keys.extend(plan.files.iter().flat_map(|file| &file.edits).map(|edit| edit.key.clone()));
    keys.sort_unstable();
    keys.dedup();
    // A shared variable may have another name than the key that refers to it.
    let keys = if run.args.only.is_empty() { keys } else { run.args.only.clone() };
    // A dry run without a direction shows the push.
    let args = run.args;
    let undirected = args.dry_run && !(args.push || args.pull || args.redeploy);
    typed(run, undirected.then_some("--push"), &keys, world)
}

/// What was typed that changes what is done, to be typed again.
fn wishes(run: &Run<'_>) -> Vec<String> {
    let (args, global) = (run.args, run.global);
    let flags = [
        (args.push, "--push"),
        (args.pull, "--pull"),
        (args.redeploy, "--redeploy"),
        (args.prune, "--prune"),
        (args.no_deploy, "--no-deploy"),
        (args.dependents, "--dependents"),
        (args.no_journal, "--no-journal"),
        (args.on_staged == Staging::Ignore, "--on-staged=ignore"),
        (global.no_config, "--no-config"),
    ];
    let mut words: Vec<String> = flags.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned()).collect();
    let allowed =
        [("reference", &args.allow_reference), ("shared", &args.allow_shared), ("sealed", &args.allow_sealed)];
    for (what, keys) in allowed {
        words.extend(keys.iter().map(|key| format!("--allow-{what}={key}")));
    }
    words.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
    words
}

fn to_run(words: &[String]) -> String {
    format!("run `{}`", shell::line(words))
}

fn typed(run: &Run<'_>, direction: Option<&str>, keys: &[String], world: &World<'_>) -> Vec<String> {
    let mut words = world.program.clone();
    words.push("fix".to_owned());
    words.extend(direction.map(ToOwned::to_owned));
    words.extend(wishes(run));
    words.push("--yes".to_owned());
    words.extend(keys.iter().map(|key| format!("--only={key}")));
    words.extend(run.seen.flags.iter().cloned());
    if is_protected(run) && run.args.targeting.environment.is_none() {
        words.push(format!("--environment={}", run.seen.survey.environment.name));
    }
    words.extend(run.seen.service_flags.iter().map(|(name, _)| format!("--service={name}")));
    words
}
