//! Announces how many requests the values take, and asks for confirmation.

use std::collections::BTreeSet;

use crate::commands::prompts;
use crate::commands::trace::everywhere::{FoundEnvironments, RequestConsent};
use crate::drift::phrases::count;
use crate::error::{Error, Help};
use crate::io::railway::client::Client;
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::world::World;

impl RequestConsent {
    /// Announces the number of requests, and fails unless it is confirmed. The time at the prompt does not count towards
    /// the time limit.
    pub(super) fn obtain(
        &self,
        found: &FoundEnvironments,
        client: &Client<'_>,
        world: &mut World<'_>,
    ) -> Result<(), Error> {
        if found.requests == 0 {
            return Ok(());
        }
        let announcement = announcement(found, client);
        if !self.yes && !can_ask(&world.terminal, &world.variables) {
            return Err(Error::Usage {
                what: announcement,
                cause: Some("not an interactive terminal, so they can't be confirmed".to_owned()),
                help: Help::command("to send them, run:", self.command.clone()),
            });
        }
        world.status.print_line(&announcement);
        if self.yes {
            return Ok(());
        }
        let before = world.clock.elapsed();
        let answer = world.prompt.confirm(&prompts::send_requests(found.requests), YesNo::No)?;
        client.limit.set(client.limit.get() + world.clock.elapsed().saturating_sub(before));
        match answer {
            PromptAnswer::Given(YesNo::Yes) => Ok(()),
            _ => Err(Error::Cancelled),
        }
    }
}

/// Returns `searching 3 other environments of 2 projects takes 4 more requests (…)`.
fn announcement(found: &FoundEnvironments, client: &Client<'_>) -> String {
    let projects: BTreeSet<&str> = found.shapes.iter().map(|shape| shape.project.id.as_str()).collect();
    let search = format!(
        "searching {} of {} takes {}",
        count(found.shapes.len(), "other environment"),
        count(projects.len(), "project"),
        count(found.requests, "more request")
    );
    let allowance = client.allowance_description().map(|allowance| format!("Railway allows {allowance}"));
    let remaining = client.stated_remaining_requests().map(|remaining| {
        let verb = if remaining == 1 { "is" } else { "are" };
        format!("{remaining} {verb} left")
    });
    // Other runs may have used a part of the allowance.
    let sent = allowance.as_ref().map(|_| format!("this run has sent {}", client.requests()));
    let facts: Vec<String> = allowance.into_iter().chain(remaining.or(sent)).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    let rest = match found.over_allowance {
        0 => String::new(),
        others => format!("; {} would exceed that", count(others, "further environment")),
    };
    format!("{search}{facts}{rest}")
}
