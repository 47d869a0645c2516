//! Confirms a plan: an environment that is protected is changed only after its name was typed.

use crate::error::Error;
use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;
use crate::report::escape;

/// Whether an environment is protected: its name begins with `prod`, or `doctor.toml` says so of its name or id.
pub(crate) fn is_protected(config: Option<&Config>, names: &[&str]) -> bool {
    let sections = config.iter().flat_map(|config| &config.environments);
    let mut marked = sections.filter(|(_, section)| section.protected == Some(true));
    let is_named = |name: &str| names.contains(&name);
    names.iter().any(|name| name.to_lowercase().starts_with("prod")) || marked.any(|(name, _)| is_named(name))
}

/// What is asked before a plan is carried out.
#[derive(Clone, Copy)]
pub(crate) enum PlanQuestion<'q> {
    /// This question, with no as its default.
    YesOrNo(&'q str),
    /// The name of the environment, which is protected.
    Name(&'q str),
}

/// Whether the person at the terminal agrees. The time that a person takes is not the run's.
pub(crate) fn is_confirmed(
    question: PlanQuestion<'_>,
    client: &Client<'_>,
    world: &mut World<'_>,
) -> Result<bool, Error> {
    let before = world.clock.elapsed();
    let is_confirmed = match question {
        PlanQuestion::YesOrNo(question) => world.ask.confirm(question, YesNo::No)? == PromptAnswer::Given(YesNo::Yes),
        PlanQuestion::Name(environment) => {
            let prompt = format!("{} is protected: type its name to go on", escape::line(environment));
            world.ask.line(&prompt)? == PromptAnswer::Given(environment.to_owned())
        }
    };
    client.limit.set(client.limit.get() + world.clock.elapsed().saturating_sub(before));
    Ok(is_confirmed)
}
