//! What a run has before it asks Railway: where its target may be named, and a way to Railway.

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

/// What a run has before it asks Railway.
pub(crate) struct Session<'s> {
    /// `doctor.toml`, if there is one.
    pub(crate) config: Option<&'s Config>,
    /// Where project and environment may be named.
    pub(crate) sources: TargetSources,
    /// The way to Railway.
    pub(crate) connection: Connection,
}

impl<'s> Session<'s> {
    /// Finds the token for the target that the sources name; nothing is sent yet.
    pub(crate) fn open(
        config: Option<&'s Config>,
        options: &GatherOptions<'_>,
        world: &World<'_>,
    ) -> Result<Self, Error> {
        if options.absent == MissingFile::Refused {
            refuse_empty_folder(options.env_file, config, &world.folder)?;
        }
        let sources = TargetSources::read(&options.targeting.place, config, world);
        let connection = Connection::open(options.global, &sources.login_target(), world)?;
        Ok(Self { config, sources, connection })
    }

    /// A client with that much time, counted from the start of the run.
    pub(crate) fn client<'c, 'w: 'c>(&'c self, limit: Duration, world: &World<'w>) -> Client<'c> {
        self.connection.client(world, limit)
    }
}

/// Fails before Railway is asked where no file is named and none of the default ones can be there.
fn refuse_empty_folder(flags: &[PathBuf], config: Option<&Config>, folder: &Path) -> Result<(), Error> {
    let named = !flags.is_empty() || config.is_some_and(Config::names_env_files);
    let base = config.map_or(folder, Config::folder);
    if named || files::has_env_file(base) { Ok(()) } else { Err(files::no_env_file(".env", folder)) }
}
