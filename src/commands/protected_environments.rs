//! Confirms a plan. A protected environment is changed only after the user has typed its name.

use crate::commands::prompts;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;

/// Returns whether an environment is protected: its name begins with `prod`, or `doctor.toml` protects its name or id.
pub(crate) fn is_protected(config: Option<&Config>, names: &[&str]) -> bool {
    names.iter().any(|name| name.to_lowercase().starts_with("prod")) || is_marked_protected(config, names)
}

/// Returns whether `doctor.toml` protects the environment's name or id.
pub(crate) fn is_marked_protected(config: Option<&Config>, names: &[&str]) -> bool {
    let sections = config.iter().flat_map(|config| &config.environments);
    let mut marked = sections.filter(|(_, section)| section.protected == Some(true));
    // A section that differs only in case was meant for this environment.
    let is_named = |section: &str| names.iter().any(|name| name.to_lowercase() == section.to_lowercase());
    marked.any(|(name, _)| is_named(name))
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
        PlanQuestion::Name(environment) => confirm_name(environment, world),
    };
    client.limit.set(client.limit.get() + world.clock.elapsed().saturating_sub(before));
    confirmed
}

/// How often a wrong name can be typed.
const TRIES: usize = 3;

/// Prompts for the name of the environment, and fails if the user cancels or types a wrong one each time.
fn confirm_name(environment: &str, world: &World<'_>) -> Result<(), Error> {
    for attempt in 1..=TRIES {
        match world.prompt.line(&prompts::protected_environment(environment))? {
            PromptAnswer::Given(typed) if typed == environment => return Ok(()),
            PromptAnswer::Given(typed) if !typed.is_empty() => {}
            _ => return Err(Error::Cancelled),
        }
        if attempt < TRIES {
            world.status.print_line(&prompts::wrong_environment_name(environment));
        }
    }
    Err(Error::WrongName { expected: environment.to_owned() })
}
