//! Asks a person what to change: everything at once, or finding by finding.

use crate::commands::fix::FixRun;
use crate::commands::fix::changes::{Fixable, SelectedChanges};
use crate::commands::fix::ignore::IgnoreEntry;
use crate::drift::phrases::{count, names as names_of};
use crate::drift::plan::bulk_selection::{BulkSelection, Consent, leave_out_conflicts, select};
use crate::drift::plan::offer::{Direction, Offer, OfferReach, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{Finding, Severity};
use crate::error::Error;
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;
use crate::report::escape;

/// What can be done with all findings at once.
#[derive(Clone, Copy)]
enum Menu {
    All(Direction),
    StartCommands,
    Redeploy,
    EachOne,
    Nothing,
}

/// What can be done with one finding.
#[derive(Clone, Copy)]
enum Pick {
    Offer(usize),
    Skip,
    Ignore,
    Values,
}

/// What was picked for one finding.
enum Picked {
    Offer(Offer),
    Ignore(IgnoreEntry),
    Skip,
}

/// What each direction would do with all findings.
struct BulkChoices<'c> {
    push: BulkSelection<'c>,
    pull: BulkSelection<'c>,
}

/// Which of the questions is asked.
struct QuestionNumber {
    number: usize,
    of: usize,
}

/// Shows what was found, and asks what to do about it. `None`: nothing.
pub(super) fn choose(
    run: &FixRun<'_>,
    open: Fixable<'_>,
    findings: &[Finding],
    world: &mut World<'_>,
) -> Result<Option<SelectedChanges>, Error> {
    let Fixable { proposals, due, commands } = open;
    run.show_findings(findings, world)?;
    world.talk.print_line("");
    show_elsewhere(open, world);
    let able: Vec<&Proposal<'_>> = proposals.iter().filter(|proposal| !proposal.offers.is_empty()).collect();
    if able.is_empty() && due.is_empty() && commands.offers.is_empty() {
        let remarks = proposals.iter().flat_map(|proposal| &proposal.obstacles).map(|(_, why)| why.clone()).collect();
        return Ok(Some(SelectedChanges { remarks, ..SelectedChanges::default() }));
    }
    loop {
        let all = |way| select(proposals, &[way], &run.terms, Consent::Asked);
        let bulk = BulkChoices { push: all(Direction::Push), pull: all(Direction::Pull) };
        let menu = menu(&bulk, open, able.len() + due.len() + commands.offers.len());
        let items: Vec<String> = menu.iter().map(|(_, words)| words.clone()).collect();
        let PromptAnswer::Given(picked) = world.ask.choose("What is to be done?", &items, 0)? else { return Ok(None) };
        let chosen = match menu[picked].0 {
            Menu::All(Direction::Pull) => return Ok(Some(bulk.pull.into())),
            Menu::All(_) => bulk.push.into(),
            Menu::StartCommands => SelectedChanges::default(),
            Menu::Redeploy => SelectedChanges { redeploys: due.to_vec(), ..SelectedChanges::default() },
            Menu::Nothing => return Ok(None),
            Menu::EachOne => {
                let Some(chosen) = one_by_one(run, &able, open, world)? else { continue };
                return Ok(Some(chosen));
            }
        };
        if let Some(settings) = start_commands(open, world)? {
            return Ok(Some(SelectedChanges { settings, ..chosen }));
        }
    }
}

/// What has to be changed elsewhere, each with its line. Whoever is asked sits at a terminal.
fn show_elsewhere(open: Fixable<'_>, world: &World<'_>) {
    for (words, line) in &open.commands.elsewhere {
        world.talk.print_line(&escape::line(words));
        if let Some(line) = line {
            world.talk.print_line(&format!("  {}", escape::line(line.expose())));
        }
    }
}

/// Shows each start command that is offered, in full, and asks for it; `None` goes back.
fn start_commands(open: Fixable<'_>, world: &mut World<'_>) -> Result<Option<Vec<StartCommandChange>>, Error> {
    let mut settings = Vec::new();
    for (setting, found) in &open.commands.offers {
        let text = setting.after.as_ref().map(|text| escape::line(text.expose())).unwrap_or_default();
        world.talk.print_line(&format!("{}; with the missing part it is", escape::line(found)));
        world.talk.print_line(&format!("  {text}"));
        let prompt = format!("Set it as the start command of {}?", escape::line(&setting.service.name));
        match world.ask.confirm(&prompt, YesNo::Yes)? {
            PromptAnswer::Given(YesNo::Yes) => settings.push(setting.clone()),
            PromptAnswer::Given(YesNo::No) => {}
            PromptAnswer::Back => return Ok(None),
        }
    }
    Ok(Some(settings))
}

fn menu(bulk: &BulkChoices<'_>, open: Fixable<'_>, findings: usize) -> Vec<(Menu, String)> {
    let BulkChoices { push, pull } = bulk;
    let Fixable { due, commands, .. } = open;
    let mut menu = Vec::new();
    let and_commands = if commands.offers.is_empty() { "" } else { ", and the start command is set" };
    let stores: Vec<_> = push.taken.iter().flat_map(|offer| &offer.stores).collect();
    if !stores.is_empty() {
        let mut owners: Vec<&str> = stores.iter().map(|store| store.owner.name()).collect();
        owners.sort_unstable();
        owners.dedup();
        let words = format!("{} on {}", count(stores.len(), "variable"), count(owners.len(), "service"));
        menu.push((
            Menu::All(Direction::Push),
            format!("Push: the file's values go to Railway ({words}){and_commands}"),
        ));
    } else if !commands.offers.is_empty() {
        let names: Vec<&str> = commands.offers.iter().map(|(setting, _)| setting.service.name.as_str()).collect();
        let words = format!("Set the start command of {}: variables stay as they are", names_of(&names));
        menu.push((Menu::StartCommands, escape::line(&words).into_owned()));
    }
    let pulls: usize = pull.taken.iter().map(|offer| offer.pulls.len()).sum();
    if pulls > 0 {
        menu.push((
            Menu::All(Direction::Pull),
            format!("Pull: Railway's values go into the file ({})", count(pulls, "value")),
        ));
    }
    if !due.is_empty() {
        let names: Vec<&str> = due.iter().map(|due| due.service.name.as_str()).collect();
        let words = format!("Redeploy {}: variables stay as they are", names_of(&names));
        menu.push((Menu::Redeploy, escape::line(&words).into_owned()));
    }
    menu.push((Menu::EachOne, format!("Decide one by one ({})", count(findings, "finding"))));
    menu.push((Menu::Nothing, "Leave everything as it is".to_owned()));
    menu
}

/// Goes through the findings, worst first; Esc goes one back. `None`: back to the menu.
fn one_by_one(
    run: &FixRun<'_>,
    able: &[&Proposal<'_>],
    open: Fixable<'_>,
    world: &mut World<'_>,
) -> Result<Option<SelectedChanges>, Error> {
    let mut picks: Vec<Picked> = Vec::new();
    while let Some(proposal) = able.get(picks.len()) {
        if is_first_note(able, picks.len()) {
            let notes = able.len() - picks.len();
            let prompt = format!("{} left are notes. Look at them, too?", count(notes, "finding"));
            if world.ask.confirm(&prompt, YesNo::No)? != PromptAnswer::Given(YesNo::Yes) {
                break;
            }
        }
        match one(run, proposal, &QuestionNumber { number: picks.len() + 1, of: able.len() }, world)? {
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
    chosen.remarks = leave_out_conflicts(&mut chosen.offers).into_iter().map(|(_, why)| why).collect();
    let Some(settings) = start_commands(open, world)? else { return Ok(None) };
    chosen.settings = settings;
    let Some(redeploys) = redeploys(open.due, &chosen, world)? else { return Ok(None) };
    Ok(Some(SelectedChanges { redeploys, ..chosen }))
}

/// Asks about each service that a deployment would fix, unless it is deployed anyway; `None` goes back.
fn redeploys(
    due: &[DueRedeploy],
    planned: &SelectedChanges,
    world: &mut World<'_>,
) -> Result<Option<Vec<DueRedeploy>>, Error> {
    let SelectedChanges { offers, settings, .. } = planned;
    let mut chosen = Vec::new();
    for due in due {
        let is_meant = |offer: &Offer| offer.stores.iter().any(|store| store.meant_for.contains(&due.service));
        let is_set = settings.iter().any(|setting| setting.service == due.service);
        if is_set || due.commit.is_none() && offers.iter().any(is_meant) {
            continue;
        }
        let prompt = format!("{}. Deploy it again?", escape::line(&due.found.join("; ")));
        match world.ask.confirm(&prompt, YesNo::Yes)? {
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

/// Asks about one finding; `None` goes back.
fn one(
    run: &FixRun<'_>,
    proposal: &Proposal<'_>,
    progress: &QuestionNumber,
    world: &mut World<'_>,
) -> Result<Option<Picked>, Error> {
    let QuestionNumber { number, of } = progress;
    let prompt = format!("{number}/{of} {}", escape::line(&proposal.finding.message));
    loop {
        let picks = picks(proposal);
        let items: Vec<String> = picks.iter().map(|(_, words)| words.clone()).collect();
        let PromptAnswer::Given(picked) = world.ask.choose(&prompt, &items, default(proposal, &picks))? else {
            return Ok(None);
        };
        match picks[picked].0 {
            Pick::Offer(index) => {
                if let PromptAnswer::Given(offer) = services_for(run, &proposal.offers[index], world)? {
                    return Ok(Some(offer.map_or(Picked::Skip, Picked::Offer)));
                }
            }
            Pick::Skip => return Ok(Some(Picked::Skip)),
            Pick::Values => show_values(proposal.finding, world),
            Pick::Ignore => {
                if let PromptAnswer::Given(reason) =
                    world.ask.line("Why is it meant to be so? (goes into doctor.toml)")?
                {
                    return Ok(Some(Picked::Ignore(ignoring(proposal, reason))));
                }
            }
        }
    }
}

/// A new key goes to the services that are picked for it, each by itself; none of them is picked beforehand. Every other
/// offer is taken as it is.
fn services_for(run: &FixRun<'_>, offer: &Offer, world: &mut World<'_>) -> Result<PromptAnswer<Option<Offer>>, Error> {
    if offer.way != Direction::Add || offer.stores.len() < 2 {
        return Ok(PromptAnswer::Given(Some(offer.clone())));
    }
    let key = escape::line(&offer.key);
    let holders = run.survey().readable().filter(|target| target.variable(&offer.key).is_some());
    let holders: Vec<&str> = holders.map(|target| target.service.name.as_str()).collect();
    let held = match holders.as_slice() {
        [] => "no service has it yet".to_owned(),
        [one] => format!("{} has it already", escape::line(one)),
        several => format!("{} have it already", escape::line(&names_of(several))),
    };
    let items: Vec<String> = offer.stores.iter().map(|store| escape::line(store.owner.name()).into_owned()).collect();
    let picked = world.ask.choose_many(&format!("Which services get {key}? ({held})"), &items, &[])?;
    Ok(match picked {
        PromptAnswer::Back => PromptAnswer::Back,
        PromptAnswer::Given(picked) => {
            let stores: Vec<_> = picked.into_iter().map(|index| offer.stores[index].clone()).collect();
            PromptAnswer::Given((!stores.is_empty()).then(|| Offer { stores, ..offer.clone() }))
        }
    })
}

fn picks(proposal: &Proposal<'_>) -> Vec<(Pick, String)> {
    let mut picks: Vec<(Pick, String)> =
        proposal.offers.iter().enumerate().map(|(index, offer)| (Pick::Offer(index), offer_label(offer))).collect();
    picks.push((Pick::Skip, "Skip: leave it as it is".to_owned()));
    picks.push((Pick::Ignore, "Ignore it for good, with a reason".to_owned()));
    picks.push((Pick::Values, "Show the values".to_owned()));
    picks
}

fn offer_label(offer: &Offer) -> String {
    let owners: Vec<&str> = offer.stores.iter().map(|store| store.owner.name()).collect();
    let owners = crate::drift::phrases::names(&owners);
    let caution = offer.caution.as_ref().map(|caution| format!(" ({caution})")).unwrap_or_default();
    let words = match offer.way {
        Direction::Push => format!("Push to {owners}{caution}"),
        Direction::Add if offer.stores.len() > 1 => {
            format!("Add it to services that do not have it: {owners}{caution}")
        }
        Direction::Add => format!("Add it to {owners}, which does not have it{caution}"),
        Direction::PushShared => format!("Write the shared variable {}{caution}", offer.stores[0].key),
        Direction::Pull => format!("Pull into the file{caution}"),
        Direction::Remove => format!("Remove it from {owners}{caution}"),
    };
    escape::line(&words).into_owned()
}

/// What "all of them" would do is the likely wish; what is done only by name is not done by a slip of the finger.
fn default(proposal: &Proposal<'_>, picks: &[(Pick, String)]) -> usize {
    let bulk = proposal.offers.iter().position(|offer| offer.reach == OfferReach::Bulk);
    bulk.unwrap_or_else(|| picks.iter().position(|(pick, _)| matches!(pick, Pick::Skip)).unwrap_or(0))
}

fn ignoring(proposal: &Proposal<'_>, reason: String) -> IgnoreEntry {
    IgnoreEntry {
        key: proposal.key.to_owned(),
        rule: proposal.finding.rule.name,
        services: proposal.finding.services.iter().map(|service| service.name.clone()).collect(),
        reason,
    }
}

/// On the terminal at which the question stands, and nowhere else.
fn show_values(finding: &Finding, world: &World<'_>) {
    for sighting in &finding.sightings {
        let value = match &sighting.value {
            Some(value) if value.expose().is_empty() => "(empty)".to_owned(),
            Some(value) => escape::value(value.expose()),
            None => String::new(),
        };
        world.talk.print_line(&format!("  {}  {}  {value}", escape::line(&sighting.place), sighting.state));
    }
}
