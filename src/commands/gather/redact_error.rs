//! Redacts an error that came before the local files were read.

use crate::commands::gather::GatherOptions;
use crate::drift::dotenv::LocalFile;
use crate::drift::redact::Redactor;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files::{self, ReadOutcome};
use crate::io::world::World;

/// An error that quotes Railway may come before any file was read, and be about a value of one all the same.
pub(super) fn redact(
    mut error: Error,
    options: &GatherOptions<'_>,
    config: Option<&Config>,
    world: &World<'_>,
) -> Error {
    let Some(quoted) = error.railway_errors_mut() else { return error };
    let named = options.env_file.iter().map(|path| world.folder.join(path));
    let configured = config
        .into_iter()
        .flat_map(|config| config.env_file.iter().flatten().filter_map(|path| config.file(path).ok()));
    let scrubber = Redactor::default();
    for path in named.chain(configured).chain([world.folder.join(".env")]) {
        if let ReadOutcome::Text(text) = files::read_text(&path, files::ENV_FILE_LIMIT) {
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
