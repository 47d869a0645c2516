//! Confirms a plan. A protected environment is changed only after the user has typed its name.

use crate::commands::prompts;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;

/// Returns whether an environment is protected: its name begins with `prod`, or `doctor.toml` protects its name or id.
pub(crate) fn is_protected(config: Option<&Config>, names: &[&str]) -> bool {
    let sections = config.iter().flat_map(|config| &config.environments);
    let mut marked = sections.filter(|(_, section)| section.protected == Some(true));
    let is_named = |name: &str| names.contains(&name);
    names.iter().any(|name| name.to_lowercase().starts_with("prod")) || marked.any(|(name, _)| is_named(name))
}

/// The prompt before a plan is applied.
#[derive(Clone, Copy)]
pub(crate) enum PlanQuestion<'q> {
    /// A yes-or-no question that defaults to no.
    YesOrNo,
    /// A prompt for the name of the protected environment.
    Name(&'q str),
}

/// Prompts, and returns whether the user confirmed. The time at the prompt does not count towards the time limit.
pub(crate) fn is_confirmed(
    question: PlanQuestion<'_>,
    client: &Client<'_>,
    world: &mut World<'_>,
) -> Result<bool, Error> {
    let before = world.clock.elapsed();
    let is_confirmed = match question {
        PlanQuestion::YesOrNo => {
            world.prompt.confirm(prompts::APPLY_PLAN, YesNo::No)? == PromptAnswer::Given(YesNo::Yes)
        }
        PlanQuestion::Name(environment) => {
            let typed = world.prompt.line(&prompts::protected_environment(environment))?;
            typed == PromptAnswer::Given(environment.to_owned())
        }
    };
    client.limit.set(client.limit.get() + world.clock.elapsed().saturating_sub(before));
    Ok(is_confirmed)
}
