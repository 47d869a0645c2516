//! Asks about the findings one by one. Esc goes back to the question before.

use std::collections::BTreeSet;

use crate::commands::fix::FixRun;
use crate::commands::fix::changes::{Fixable, SelectedChanges};
use crate::commands::fix::ignore::IgnoreEntry;
use crate::commands::prompts::{self, FindingChoice, QuestionNumber};
use crate::drift::plan::bulk_selection::leave_out_conflicts;
use crate::drift::plan::offer::{Direction, Offer, OfferReach, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{Finding, Secret};
use crate::error::Error;
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;
use crate::report::{AskedFinding, Legend, escape};

/// A question of the review.
#[derive(Clone, Copy)]
pub(super) enum ReviewQuestion<'q> {
    /// How to fix a finding about a key.
    Finding(&'q Proposal<'q>),
    /// Whether to set the suggested start command, with its finding.
    StartCommand(&'q (StartCommandChange, String)),
    /// Whether to deploy a service again.
    Redeploy(&'q DueRedeploy),
}

/// The answer to a question.
pub(super) enum Picked {
    Offer(Offer),
    Ignore(IgnoreEntry),
    StartCommand(StartCommandChange),
    Redeploy(DueRedeploy),
    Skip,
    /// The question was not asked, because an answer before it includes the change.
    Included,
}

/// How to continue after a question.
enum ReviewStep {
    Next(Picked),
    Back,
    /// Ask no further questions.
    End,
}

/// Whether questions show their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    Numbered,
    Plain,
}

/// Returns the questions about everything that can be fixed, worst first.
pub(super) fn questions(open: Fixable<'_>) -> Vec<ReviewQuestion<'_>> {
    let able = open.proposals.iter().filter(|proposal| !proposal.offers.is_empty());
    let findings = able.map(ReviewQuestion::Finding);
    let commands = open.commands.offers.iter().map(ReviewQuestion::StartCommand);
    findings.chain(commands).chain(open.due.iter().map(ReviewQuestion::Redeploy)).collect()
}

/// Asks the questions. Returns `None` if the user goes back from the first one.
pub(super) fn ask(
    run: &FixRun<'_>,
    questions: &[ReviewQuestion<'_>],
    numbering: Numbering,
    world: &mut World<'_>,
) -> Result<Option<Vec<Picked>>, Error> {
    let mut picks: Vec<Picked> = Vec::new();
    while let Some(question) = questions.get(picks.len()) {
        if is_included(question, &picks) {
            picks.push(Picked::Included);
            continue;
        }
        let position = (numbering == Numbering::Numbered).then(|| position(questions, &picks));
        match question.ask(run, position, world)? {
            ReviewStep::Next(pick) => picks.push(pick),
            ReviewStep::End => break,
            ReviewStep::Back => {
                let asked = picks.iter().rposition(|pick| !matches!(pick, Picked::Included));
                let Some(asked) = asked else { return Ok(None) };
                picks.truncate(asked);
            }
        }
    }
    Ok(Some(picks))
}

/// Adds the answers to the changes.
pub(super) fn add(picks: Vec<Picked>, mut chosen: SelectedChanges) -> SelectedChanges {
    for pick in picks {
        match pick {
            Picked::Offer(offer) => chosen.offers.push(offer),
            Picked::Ignore(entry) => chosen.ignores.push(entry),
            Picked::StartCommand(setting) => chosen.settings.push(setting),
            Picked::Redeploy(due) => chosen.redeploys.push(due),
            Picked::Skip | Picked::Included => {}
        }
    }
    chosen.remarks.extend(leave_out_conflicts(&mut chosen.offers).into_iter().map(|(_, cause)| cause));
    chosen
}

/// Returns the position of the next question among those that are asked.
fn position(questions: &[ReviewQuestion<'_>], picks: &[Picked]) -> QuestionNumber {
    let before = picks.iter().filter(|pick| !matches!(pick, Picked::Included)).count();
    let left = questions[picks.len()..].iter().filter(|question| !is_included(question, picks)).count();
    QuestionNumber { number: before + 1, of: before + left }
}

/// Returns whether the service is deployed anyway, because of an answer before.
fn is_included(question: &ReviewQuestion<'_>, picks: &[Picked]) -> bool {
    let ReviewQuestion::Redeploy(due) = question else { return false };
    picks.iter().any(|pick| match pick {
        Picked::StartCommand(setting) => setting.service == due.service,
        Picked::Offer(offer) => {
            due.commit.is_none() && offer.stores.iter().any(|store| store.meant_for.contains(&due.service))
        }
        _ => false,
    })
}

impl ReviewQuestion<'_> {
    fn ask(
        &self,
        run: &FixRun<'_>,
        position: Option<QuestionNumber>,
        world: &mut World<'_>,
    ) -> Result<ReviewStep, Error> {
        world.status.print_line("");
        let (question, pick) = match self {
            Self::Finding(proposal) => return about_finding(run, proposal, position, world),
            Self::StartCommand((setting, found)) => {
                let command = setting.after.as_ref().map(Secret::expose).unwrap_or_default();
                for line in prompts::suggested_start_command(found, command) {
                    world.status.print_line(&line);
                }
                (prompts::start_command(&setting.service.name), Picked::StartCommand(setting.clone()))
            }
            Self::Redeploy(due) => (prompts::redeploy(&due.service.name, &due.found), Picked::Redeploy((*due).clone())),
        };
        Ok(match world.prompt.confirm(&prompts::numbered(position, &question), YesNo::Yes)? {
            PromptAnswer::Given(YesNo::Yes) => ReviewStep::Next(pick),
            PromptAnswer::Given(YesNo::No) => ReviewStep::Next(Picked::Skip),
            PromptAnswer::Back => ReviewStep::Back,
        })
    }
}

/// Shows a finding, and asks how to fix it.
fn about_finding(
    run: &FixRun<'_>,
    proposal: &Proposal<'_>,
    position: Option<QuestionNumber>,
    world: &mut World<'_>,
) -> Result<ReviewStep, Error> {
    let is_first = position.is_none_or(|position| position.number == 1);
    let asked = AskedFinding {
        finding: proposal.finding,
        obstacles: proposal.obstacles.iter().map(|(_, why)| why.as_str()).collect(),
        legend: if is_first { Legend::Shown } else { Legend::Omitted },
    };
    run.show_finding(&asked, world)?;
    let choices = choices(run, proposal, position);
    loop {
        let answer = world.prompt.choose(
            &prompts::numbered(position, &prompts::fix_key(proposal.key)),
            &prompts::labels(&choices),
            default(proposal, &choices),
        )?;
        let PromptAnswer::Given(picked) = answer else { return Ok(ReviewStep::Back) };
        match choices[picked] {
            FindingChoice::Apply { offer, .. } => {
                if let PromptAnswer::Given(offer) = services_for(run, offer, world)? {
                    return Ok(ReviewStep::Next(offer.map_or(Picked::Skip, Picked::Offer)));
                }
            }
            FindingChoice::Skip => return Ok(ReviewStep::Next(Picked::Skip)),
            FindingChoice::SkipRest { .. } => return Ok(ReviewStep::End),
            FindingChoice::ShowValues => show_values(proposal.finding, world),
            FindingChoice::Ignore => {
                if let PromptAnswer::Given(reason) = reason_to_ignore(run, world)? {
                    return Ok(ReviewStep::Next(Picked::Ignore(ignoring(proposal, reason))));
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

fn choices<'c>(
    run: &'c FixRun<'_>,
    proposal: &'c Proposal<'_>,
    position: Option<QuestionNumber>,
) -> Vec<FindingChoice<'c>> {
    let offers = proposal.offers.iter();
    let mut choices: Vec<_> = offers.map(|offer| FindingChoice::Apply { offer, files: files(run, offer) }).collect();
    choices.push(FindingChoice::Skip);
    // Without `doctor.toml`, an entry in it would have no effect.
    choices.extend((!run.output.global.no_config).then_some(FindingChoice::Ignore));
    choices.push(FindingChoice::ShowValues);
    let left = position.map_or(0, |position| position.of - position.number);
    choices.extend((left > 0).then_some(FindingChoice::SkipRest { left }));
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

/// Returns the files that an offer reads or writes.
pub(super) fn files<'c>(run: &'c FixRun<'_>, offer: &'c Offer) -> Vec<&'c str> {
    let read = offer.stores.iter().filter_map(|store| Some(store.from.as_ref()?.file.as_str()));
    let written = offer.pulls.iter().map(|pull| run.survey().files[pull.file].name.as_str());
    read.chain(written).collect::<BTreeSet<_>>().into_iter().collect()
}
