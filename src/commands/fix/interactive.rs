//! Asks the user what to change: all findings at once, or one by one.

use std::collections::BTreeSet;

use crate::commands::fix::FixRun;
use crate::commands::fix::changes::{Fixable, SelectedChanges};
use crate::commands::fix::planner::{pulled_values, pushed_variables};
use crate::commands::fix::review::{self, Numbering, ReviewQuestion};
use crate::commands::prompts::{self, FixChoice};
use crate::drift::Finding;
use crate::drift::plan::bulk_selection::{BulkSelection, Consent, select};
use crate::drift::plan::offer::Direction;
use crate::error::Error;
use crate::io::terminal::prompt::PromptAnswer;
use crate::io::world::World;
use crate::report::escape;

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
    let Fixable { proposals, due, .. } = open;
    let questions = review::questions(open);
    if questions.is_empty() {
        show_elsewhere(open, world);
        let remarks =
            proposals.iter().flat_map(|proposal| &proposal.obstacles).map(|(_, cause)| cause.clone()).collect();
        return Ok(Some(SelectedChanges { remarks, ..SelectedChanges::default() }));
    }
    run.show_findings(findings, world)?;
    show_elsewhere(open, world);
    let all = |way| select(proposals, &[way], &run.permissions, Consent::Prompt);
    loop {
        let bulk = BulkChoices { push: all(Direction::Push), pull: all(Direction::Pull) };
        let menu = menu(run, &bulk, open, questions.len());
        world.status.print_line("");
        let PromptAnswer::Given(picked) = world.prompt.choose(prompts::FIX_MENU, &prompts::labels(&menu), 0)? else {
            return Ok(None);
        };
        let (asked, numbering, chosen) = match menu[picked] {
            FixChoice::Pull { .. } => return Ok(Some(bulk.pull.into())),
            FixChoice::Exit => return Ok(None),
            FixChoice::Review { .. } => (questions.clone(), Numbering::Numbered, SelectedChanges::default()),
            FixChoice::Push { .. } => (start_commands(open), Numbering::Plain, bulk.push.into()),
            FixChoice::SetStartCommands { .. } => (start_commands(open), Numbering::Plain, SelectedChanges::default()),
            FixChoice::Redeploy { .. } => {
                let redeploys = due.to_vec();
                (start_commands(open), Numbering::Plain, SelectedChanges { redeploys, ..SelectedChanges::default() })
            }
        };
        if let Some(picks) = review::ask(run, &asked, numbering, world)? {
            return Ok(Some(review::add(picks, chosen)));
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

fn start_commands(open: Fixable<'_>) -> Vec<ReviewQuestion<'_>> {
    open.commands.offers.iter().map(ReviewQuestion::StartCommand).collect()
}

fn menu<'c>(run: &'c FixRun<'_>, bulk: &BulkChoices<'c>, open: Fixable<'c>, questions: usize) -> Vec<FixChoice<'c>> {
    let BulkChoices { push, pull } = bulk;
    let Fixable { due, commands, .. } = open;
    let mut menu = Vec::new();
    let variables = pushed_variables(push.taken.iter().copied());
    if variables > 0 {
        menu.push(FixChoice::Push {
            files: sorted(push.taken.iter().flat_map(|offer| review::files(run, offer))),
            variables,
            start_commands: commands.offers.len(),
        });
    } else if !commands.offers.is_empty() {
        let services = commands.offers.iter().map(|(setting, _)| setting.service.name.as_str()).collect();
        menu.push(FixChoice::SetStartCommands { services });
    }
    let values = pulled_values(run.gathered(), pull.taken.iter().copied());
    if values > 0 {
        menu.push(FixChoice::Pull {
            files: sorted(pull.taken.iter().flat_map(|offer| review::files(run, offer))),
            values,
        });
    }
    if !due.is_empty() {
        menu.push(FixChoice::Redeploy { services: due.iter().map(|due| due.service.name.as_str()).collect() });
    }
    menu.extend([FixChoice::Review { questions }, FixChoice::Exit]);
    menu
}

fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
