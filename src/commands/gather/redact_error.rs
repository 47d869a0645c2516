//! Redacts an error from Railway that occurred before the local files were read.

use crate::commands::gather::GatherOptions;
use crate::commands::input_files::files_of_variables;
use crate::drift::dotenv::LocalFile;
use crate::drift::redact::Redactor;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files::{self, Budget, ReadOutcome};
use crate::io::world::World;

/// Redacts the values of all env files that the run may use. Which files it uses depends on the environment, which may
/// be unknown because of the error.
pub(super) fn redact(
    mut error: Error,
    options: &GatherOptions<'_>,
    config: Option<&Config>,
    world: &World<'_>,
) -> Error {
    let Some(quoted) = error.railway_errors_mut() else { return error };
    let typed = options.env_file.iter().map(|path| world.directory.join(path));
    let scrubber = Redactor::default();
    let mut budget = Budget::default();
    // Read the most likely files first, so that other files can't exhaust the budget.
    let usual = [world.directory.join(".env")];
    for path in typed.chain(usual).chain(files_of_variables(config, &world.directory)) {
        if let ReadOutcome::Text(text) = files::read_text(&path, files::ENV_FILE_LIMIT)
            && budget.take(&text).is_ok()
        {
            for entry in &LocalFile::parse("", text).entries {
                scrubber.add(&entry.key, &entry.value);
            }
        }
    }
    for message in quoted.messages.iter_mut().chain(&mut quoted.traces) {
        *message = scrubber.redact(message);
    }
    error
}
