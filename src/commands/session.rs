//! The state of a run before its first request: the sources of its target, and the connection to Railway.

use std::time::Duration;

use crate::commands::connection::Connection;
use crate::commands::env_files::{EnvFileSources, ReadAhead};
use crate::commands::gather::GatherOptions;
use crate::commands::project_selection::TargetSources;
use crate::commands::read_ahead::{read_ahead, read_streams};
use crate::drift::ResourceRef;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::git::GitClient;
use crate::io::railway::client::Client;
use crate::io::world::World;

/// The state of a run before its first request.
pub(crate) struct Session<'s> {
    /// `doctor.toml`, if there is one.
    pub(crate) config: Option<&'s Config>,
    /// The sources that may name project and environment.
    pub(crate) sources: TargetSources,
    /// The env files that were read already.
    pub(crate) ahead: ReadAhead,
    /// The connection to Railway.
    pub(crate) connection: Connection,
}

impl<'s> Session<'s> {
    /// Reads the env files that are certain to be used, then finds the token for the target that the sources name. Sends
    /// no request.
    pub(crate) fn open(
        config: Option<&'s Config>,
        options: &GatherOptions<'_>,
        world: &World<'_>,
    ) -> Result<Self, Error> {
        Self::with_streams(&ReadAhead::default(), config, options, world)
    }

    /// Does the same, after some files were read already.
    pub(crate) fn with_streams(
        streams: &ReadAhead,
        config: Option<&'s Config>,
        options: &GatherOptions<'_>,
        world: &World<'_>,
    ) -> Result<Self, Error> {
        let sources = TargetSources::read(&options.targeting.place, config, world);
        let target = sources.login_target();
        let read = |sources: EnvFileSources<'_>| read_ahead(sources, &options.targeting.service);
        let ahead = files(streams, config, options, target.environment.as_deref(), world, &read)?;
        let connection = Connection::open(options.global, &target, world)?;
        Ok(Self { config, sources, ahead, connection })
    }

    /// Returns a client with a time limit, counted from the start of the run.
    pub(crate) fn client<'c, 'w: 'c>(&'c self, limit: Duration, world: &World<'w>) -> Client<'c> {
        self.connection.client(world, limit)
    }
}

/// Reads the streams that `--env-file` names. Each can be read only once.
pub(crate) fn streams(options: &GatherOptions<'_>, world: &World<'_>) -> Result<ReadAhead, Error> {
    files(&ReadAhead::default(), None, options, None, world, &read_streams)
}

/// Reads env files. `environment` is the requested one, by name or id.
fn files(
    ahead: &ReadAhead,
    config: Option<&Config>,
    options: &GatherOptions<'_>,
    environment: Option<&str>,
    world: &World<'_>,
    read: &dyn Fn(EnvFileSources<'_>) -> Result<ReadAhead, Error>,
) -> Result<ReadAhead, Error> {
    let remaining = options.limit.saturating_sub(world.clock.elapsed());
    let environment = environment.unwrap_or_default();
    world.status.waiting("reading local files");
    let files = read(EnvFileSources {
        flags: options.env_file,
        config,
        folder: &world.directory,
        environment: &ResourceRef { id: environment.to_owned(), name: environment.to_owned() },
        absent: options.missing_file,
        git: &GitClient::new(&world.variables).within(remaining),
        read_timeout: remaining,
        ahead,
    });
    world.status.done();
    files
}
