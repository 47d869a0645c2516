//! Asks the user what to change: all findings at once, or finding by finding.

use std::collections::BTreeSet;

use crate::commands::fix::FixRun;
use crate::commands::fix::changes::{Fixable, SelectedChanges};
use crate::commands::fix::ignore::IgnoreEntry;
use crate::commands::prompts::{self, FindingChoice, FixChoice, QuestionNumber};
use crate::drift::plan::bulk_selection::{BulkSelection, Consent, leave_out_conflicts, select};
use crate::drift::plan::offer::{Direction, Offer, OfferReach, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{Finding, Secret, Severity};
use crate::error::Error;
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;
use crate::report::escape;

/// The choice for one finding.
enum Picked {
    Offer(Offer),
    Ignore(IgnoreEntry),
    Skip,
}

/// The changes of each direction for all findings.
struct BulkChoices<'c> {
    push: BulkSelection<'c>,
    pull: BulkSelection<'c>,
}

/// Shows the findings, and asks what to do. Returns `None` if the user chooses to change nothing.
pub(super) fn choose(
    run: &FixRun<'_>,
    open: Fixable<'_>,
    findings: &[Finding],
    world: &mut World<'_>,
) -> Result<Option<SelectedChanges>, Error> {
    let Fixable { proposals, due, commands } = open;
    run.show_findings(findings, world)?;
    world.status.print_line("");
    show_elsewhere(open, world);
    let able: Vec<&Proposal<'_>> = proposals.iter().filter(|proposal| !proposal.offers.is_empty()).collect();
    let questions = able.len() + due.len() + commands.offers.len();
    if questions == 0 {
        let remarks =
            proposals.iter().flat_map(|proposal| &proposal.obstacles).map(|(_, cause)| cause.clone()).collect();
        return Ok(Some(SelectedChanges { remarks, ..SelectedChanges::default() }));
    }
    loop {
        let all = |way| select(proposals, &[way], &run.terms, Consent::Asked);
        let bulk = BulkChoices { push: all(Direction::Push), pull: all(Direction::Pull) };
        let menu = menu(run, &bulk, open, questions);
        let PromptAnswer::Given(picked) = world.prompt.choose(prompts::FIX_MENU, &prompts::labels(&menu), 0)? else {
            return Ok(None);
        };
        let chosen = match menu[picked] {
            FixChoice::Pull { .. } => return Ok(Some(bulk.pull.into())),
            FixChoice::Push { .. } => bulk.push.into(),
            FixChoice::SetStartCommands { .. } => SelectedChanges::default(),
            FixChoice::Redeploy { .. } => SelectedChanges { redeploys: due.to_vec(), ..SelectedChanges::default() },
            FixChoice::Exit => return Ok(None),
            FixChoice::Review { .. } => {
                let Some(chosen) = one_by_one(run, &able, open, questions, world)? else { continue };
                return Ok(Some(chosen));
            }
        };
        if let Some(settings) = start_commands(open, None, world)? {
            return Ok(Some(SelectedChanges { settings, ..chosen }));
        }
    }
}

/// Prints what the user has to change elsewhere. The lines may contain credentials, so they are printed only at a
/// prompt.
fn show_elsewhere(open: Fixable<'_>, world: &World<'_>) {
    for (sentence, line) in &open.commands.elsewhere {
        world.status.print_line(&escape::line(sentence));
        if let Some(line) = line {
            world.status.print_line(&format!("  {}", escape::line(line.expose())));
        }
    }
}

/// Shows each suggested start command in full, and asks whether to set it. In a review, `first` is the position of the
/// first question. Returns `None` if the user goes back.
fn start_commands(
    open: Fixable<'_>,
    first: Option<QuestionNumber>,
    world: &mut World<'_>,
) -> Result<Option<Vec<StartCommandChange>>, Error> {
    let mut settings = Vec::new();
    for (index, (setting, found)) in open.commands.offers.iter().enumerate() {
        let command = setting.after.as_ref().map(Secret::expose).unwrap_or_default();
        for line in prompts::suggested_start_command(found, command) {
            world.status.print_line(&line);
        }
        let position = first.map(|first| first.plus(index));
        let question = prompts::start_command(&setting.service.name);
        match world.prompt.confirm(&prompts::numbered(position, &question), YesNo::Yes)? {
            PromptAnswer::Given(YesNo::Yes) => settings.push(setting.clone()),
            PromptAnswer::Given(YesNo::No) => {}
            PromptAnswer::Back => return Ok(None),
        }
    }
    Ok(Some(settings))
}

fn menu<'c>(run: &'c FixRun<'_>, bulk: &BulkChoices<'c>, open: Fixable<'c>, findings: usize) -> Vec<FixChoice<'c>> {
    let BulkChoices { push, pull } = bulk;
    let Fixable { due, commands, .. } = open;
    let mut menu = Vec::new();
    let stores: Vec<_> = push.taken.iter().flat_map(|offer| &offer.stores).collect();
    if !stores.is_empty() {
        menu.push(FixChoice::Push {
            files: sorted(push.taken.iter().flat_map(|offer| files(run, offer))),
            variables: stores.len(),
            start_commands: commands.offers.len(),
        });
    } else if !commands.offers.is_empty() {
        let services = commands.offers.iter().map(|(setting, _)| setting.service.name.as_str()).collect();
        menu.push(FixChoice::SetStartCommands { services });
    }
    let values: usize = pull.taken.iter().map(|offer| offer.pulls.len()).sum();
    if values > 0 {
        menu.push(FixChoice::Pull { files: sorted(pull.taken.iter().flat_map(|offer| files(run, offer))), values });
    }
    if !due.is_empty() {
        menu.push(FixChoice::Redeploy { services: due.iter().map(|due| due.service.name.as_str()).collect() });
    }
    menu.extend([FixChoice::Review { findings }, FixChoice::Exit]);
    menu
}

/// Returns the files that an offer reads or writes.
fn files<'c>(run: &'c FixRun<'_>, offer: &'c Offer) -> Vec<&'c str> {
    let read = offer.stores.iter().filter_map(|store| Some(store.from.as_ref()?.file.as_str()));
    let written = offer.pulls.iter().map(|pull| run.survey().files[pull.file].name.as_str());
    sorted(read.chain(written))
}

fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Asks about each finding, worst first; Esc goes back by one. Returns `None` if the user goes back to the menu.
fn one_by_one(
    run: &FixRun<'_>,
    able: &[&Proposal<'_>],
    open: Fixable<'_>,
    questions: usize,
    world: &mut World<'_>,
) -> Result<Option<SelectedChanges>, Error> {
    let at = |number| QuestionNumber { number, of: questions };
    let mut picks: Vec<Picked> = Vec::new();
    while let Some(proposal) = able.get(picks.len()) {
        if is_first_note(able, picks.len()) {
            let notes = able.len() - picks.len();
            if world.prompt.confirm(&prompts::review_notes(notes), YesNo::No)? != PromptAnswer::Given(YesNo::Yes) {
                break;
            }
        }
        match one(run, proposal, at(picks.len() + 1), world)? {
            Some(pick) => picks.push(pick),
            None if picks.is_empty() => return Ok(None),
            None => drop(picks.pop()),
        }
    }
    let mut chosen = SelectedChanges::default();
    for pick in picks {
        match pick {
            Picked::Offer(offer) => chosen.offers.push(offer),
            Picked::Ignore(entry) => chosen.ignores.push(entry),
            Picked::Skip => {}
        }
    }
    chosen.remarks = leave_out_conflicts(&mut chosen.offers).into_iter().map(|(_, cause)| cause).collect();
    let commands = at(able.len() + 1);
    let Some(settings) = start_commands(open, Some(commands), world)? else { return Ok(None) };
    chosen.settings = settings;
    let deployments = at(commands.number + open.commands.offers.len());
    let Some(redeploys) = redeploys(open.due, &chosen, deployments, world)? else { return Ok(None) };
    Ok(Some(SelectedChanges { redeploys, ..chosen }))
}

/// Asks about each service that a deployment would fix, unless it is deployed anyway. Returns `None` if the user goes
/// back.
fn redeploys(
    due: &[DueRedeploy],
    planned: &SelectedChanges,
    first: QuestionNumber,
    world: &mut World<'_>,
) -> Result<Option<Vec<DueRedeploy>>, Error> {
    let SelectedChanges { offers, settings, .. } = planned;
    let mut chosen = Vec::new();
    for (index, due) in due.iter().enumerate() {
        let is_meant = |offer: &Offer| offer.stores.iter().any(|store| store.meant_for.contains(&due.service));
        let is_set = settings.iter().any(|setting| setting.service == due.service);
        if is_set || due.commit.is_none() && offers.iter().any(is_meant) {
            continue;
        }
        let question = prompts::redeploy(&due.service.name, &due.found);
        match world.prompt.confirm(&prompts::numbered(Some(first.plus(index)), &question), YesNo::Yes)? {
            PromptAnswer::Given(YesNo::Yes) => chosen.push(due.clone()),
            PromptAnswer::Given(YesNo::No) => {}
            PromptAnswer::Back => return Ok(None),
        }
    }
    Ok(Some(chosen))
}

fn is_first_note(able: &[&Proposal<'_>], at: usize) -> bool {
    let is_note = |index: usize| able[index].finding.severity == Severity::Note;
    at > 0 && is_note(at) && !is_note(at - 1)
}

/// Asks about one finding. Returns `None` if the user goes back.
fn one(
    run: &FixRun<'_>,
    proposal: &Proposal<'_>,
    position: QuestionNumber,
    world: &mut World<'_>,
) -> Result<Option<Picked>, Error> {
    let message = &proposal.finding.message;
    let choices = choices(run, proposal);
    let default = default(proposal, &choices);
    loop {
        let answer =
            world.prompt.choose(&prompts::numbered(Some(position), message), &prompts::labels(&choices), default)?;
        let PromptAnswer::Given(picked) = answer else { return Ok(None) };
        match choices[picked] {
            FindingChoice::Apply { offer, .. } => {
                if let PromptAnswer::Given(offer) = services_for(run, offer, world)? {
                    return Ok(Some(offer.map_or(Picked::Skip, Picked::Offer)));
                }
            }
            FindingChoice::Skip => return Ok(Some(Picked::Skip)),
            FindingChoice::ShowValues => show_values(proposal.finding, world),
            FindingChoice::Ignore => {
                if let PromptAnswer::Given(reason) = reason_to_ignore(run, world)? {
                    return Ok(Some(Picked::Ignore(ignoring(proposal, reason))));
                }
            }
        }
    }
}

/// Asks for a reason until one is typed that contains no value.
fn reason_to_ignore(run: &FixRun<'_>, world: &World<'_>) -> Result<PromptAnswer<String>, Error> {
    loop {
        let answer = world.prompt.line(prompts::IGNORE_REASON)?;
        let problem = match &answer {
            PromptAnswer::Given(reason) if reason.is_empty() => prompts::REASON_REQUIRED,
            PromptAnswer::Given(reason) if run.client.redactor.redact(reason) != *reason => prompts::REASON_HAS_VALUE,
            _ => return Ok(answer),
        };
        world.status.print_line(problem);
    }
}

/// Asks which services get a new key, with none preselected. Every other offer is returned unchanged.
fn services_for(run: &FixRun<'_>, offer: &Offer, world: &mut World<'_>) -> Result<PromptAnswer<Option<Offer>>, Error> {
    if offer.way != Direction::Add || offer.stores.len() < 2 {
        return Ok(PromptAnswer::Given(Some(offer.clone())));
    }
    let holders: Vec<&str> = run.holders(&offer.key).map(|(service, _)| service).collect();
    let owners = offer.stores.iter().map(|store| store.owner.name());
    let picked = world.prompt.choose_many(
        &prompts::services_to_add(&offer.key, &holders),
        &prompts::names_to_choose(owners),
        &[],
    )?;
    Ok(match picked {
        PromptAnswer::Back => PromptAnswer::Back,
        PromptAnswer::Given(picked) => {
            let stores: Vec<_> = picked.into_iter().map(|index| offer.stores[index].clone()).collect();
            PromptAnswer::Given((!stores.is_empty()).then(|| Offer { stores, ..offer.clone() }))
        }
    })
}

fn choices<'c>(run: &'c FixRun<'_>, proposal: &'c Proposal<'_>) -> Vec<FindingChoice<'c>> {
    let offers = proposal.offers.iter();
    let mut choices: Vec<_> = offers.map(|offer| FindingChoice::Apply { offer, files: files(run, offer) }).collect();
    choices.extend([FindingChoice::Skip, FindingChoice::Ignore, FindingChoice::ShowValues]);
    choices
}

/// Returns what a bulk selection would do. An offer that has to be selected individually is never the default.
fn default(proposal: &Proposal<'_>, choices: &[FindingChoice<'_>]) -> usize {
    let bulk = proposal.offers.iter().position(|offer| offer.reach == OfferReach::Bulk);
    bulk.unwrap_or_else(|| choices.iter().position(|choice| matches!(choice, FindingChoice::Skip)).unwrap_or(0))
}

fn ignoring(proposal: &Proposal<'_>, reason: String) -> IgnoreEntry {
    IgnoreEntry {
        key: proposal.key.to_owned(),
        rule: proposal.finding.rule.name,
        services: proposal.finding.services.iter().map(|service| service.name.clone()).collect(),
        reason,
    }
}

/// Prints the values, at the prompt only.
fn show_values(finding: &Finding, world: &World<'_>) {
    for observation in &finding.observations {
        let value = match &observation.value {
            Some(value) if value.expose().is_empty() => "(empty)".to_owned(),
            Some(value) => escape::value(value.expose()),
            None => String::new(),
        };
        world.status.print_line(&format!("  {}  {}  {value}", escape::line(&observation.place), observation.state));
    }
}
