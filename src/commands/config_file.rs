//! The `doctor.toml` that a run uses.

use std::path::Path;

use crate::cli::GlobalArgs;
use crate::drift::rules::RULES;
use crate::error::Error;
use crate::io::config::{self, Config, ConfigChoice};
use crate::io::world::World;

/// Reads the `doctor.toml` that the flags ask for, if there is one.
pub(crate) fn read(global: &GlobalArgs, world: &World<'_>) -> Result<Option<Config>, Error> {
    let choice = match &global.config {
        Some(path) => ConfigChoice::Path(path.clone()),
        None if global.no_config => ConfigChoice::None,
        None => ConfigChoice::Nearest,
    };
    load(&choice, &world.folder)
}

/// Reads the one that is chosen already.
pub(crate) fn load(choice: &ConfigChoice, folder: &Path) -> Result<Option<Config>, Error> {
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    config::load(choice, folder, &rules)
}

/// What to write in the place of a name that Railway does not know.
pub(crate) fn correction(suggestions: &[String], choices: &[String]) -> String {
    match suggestions.first() {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => format!("name one of {}", choices.join(", ")),
    }
}
