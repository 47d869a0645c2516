//! Reads the `doctor.toml` of a run.

use std::path::Path;

use crate::cli::GlobalArgs;
use crate::drift::rules::RULES;
use crate::error::Error;
use crate::io::config::{self, Config, ConfigChoice};
use crate::io::world::World;

/// Reads the `doctor.toml` that the flags select, if there is one.
pub(crate) fn read(global: &GlobalArgs, world: &World<'_>) -> Result<Option<Config>, Error> {
    let choice = match &global.config {
        Some(path) => ConfigChoice::Path(path.clone()),
        None if global.no_config => ConfigChoice::None,
        None => ConfigChoice::Nearest,
    };
    load(&choice, &world.directory)
}

/// Reads the `doctor.toml` of that choice, if there is one.
pub(crate) fn load(choice: &ConfigChoice, folder: &Path) -> Result<Option<Config>, Error> {
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    config::load(choice, folder, &rules)
}

/// The most names in a help.
const LISTED: usize = 10;

/// Returns the help for a name in `doctor.toml` that does not exist on Railway.
pub(crate) fn correction(suggestions: &[String], choices: &[String]) -> String {
    match (suggestions.first(), choices.len().saturating_sub(LISTED)) {
        (Some(suggestion), _) => format!("did you mean `{suggestion}`?"),
        (None, 0) => format!("use one of {}", choices.join(", ")),
        (None, more) => format!("use one of {} or {more} more", choices[..LISTED].join(", ")),
    }
}
