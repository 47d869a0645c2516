//! The state of a run before its first request: the sources of its target, and the connection to Railway.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::commands::connection::Connection;
use crate::commands::env_files::MissingFile;
use crate::commands::gather::GatherOptions;
use crate::commands::project_selection::TargetSources;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files;
use crate::io::railway::client::Client;
use crate::io::world::World;

/// The state of a run before its first request.
pub(crate) struct Session<'s> {
    /// `doctor.toml`, if there is one.
    pub(crate) config: Option<&'s Config>,
    /// The sources that may name project and environment.
    pub(crate) sources: TargetSources,
    /// The connection to Railway.
    pub(crate) connection: Connection,
}

impl<'s> Session<'s> {
    /// Finds the token for the target that the sources name. Sends no request.
    pub(crate) fn open(
        config: Option<&'s Config>,
        options: &GatherOptions<'_>,
        world: &World<'_>,
    ) -> Result<Self, Error> {
        if options.missing_file == MissingFile::Refused {
            refuse_missing_env_file(options.env_file, config, &world.directory)?;
        }
        let sources = TargetSources::read(&options.targeting.place, config, world);
        let connection = Connection::open(options.global, &sources.login_target(), world)?;
        Ok(Self { config, sources, connection })
    }

    /// Returns a client with a time limit, counted from the start of the run.
    pub(crate) fn client<'c, 'w: 'c>(&'c self, limit: Duration, world: &World<'w>) -> Client<'c> {
        self.connection.client(world, limit)
    }
}

/// Fails before the first request if no file is named and the default one can't exist.
fn refuse_missing_env_file(flags: &[PathBuf], config: Option<&Config>, folder: &Path) -> Result<(), Error> {
    let named = !flags.is_empty() || config.is_some_and(Config::names_env_files);
    let base = config.map_or(folder, Config::folder);
    if named || files::has_env_file(base) { Ok(()) } else { Err(files::no_env_file(".env", base, folder)) }
}
