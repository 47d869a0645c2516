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

/// Prompts, and fails unless the user confirms. The time at the prompt does not count towards the time limit.
pub(crate) fn confirm(question: PlanQuestion<'_>, client: &Client<'_>, world: &mut World<'_>) -> Result<(), Error> {
    let before = world.clock.elapsed();
    let confirmed = match question {
        PlanQuestion::YesOrNo => match world.prompt.confirm(prompts::APPLY_PLAN, YesNo::No)? {
            PromptAnswer::Given(YesNo::Yes) => Ok(()),
            _ => Err(Error::Cancelled),
        },
        PlanQuestion::Name(environment) => match world.prompt.line(&prompts::protected_environment(environment))? {
            PromptAnswer::Given(typed) if typed == environment => Ok(()),
            PromptAnswer::Given(typed) if !typed.is_empty() => {
                Err(Error::WrongName { typed, expected: environment.to_owned() })
            }
            _ => Err(Error::Cancelled),
        },
    };
    client.limit.set(client.limit.get() + world.clock.elapsed().saturating_sub(before));
    confirmed
}
