//! Gathers both sides as `check` does, with the chosen files and services.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{self, GlobalArgs, TargetArgs};
use crate::commands::gather::{GatherOptions, Gathered, Prefetch, gather};
use crate::commands::missing_file::MissingFile;
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::session::Session;
use crate::commands::timeout;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::railway::batch::ReadOptions;
use crate::io::world::World;

/// Gathers both sides, again if the user chooses other files or services.
pub(super) struct SideReader<'e> {
    pub(super) args: &'e cli::InitArgs,
    pub(super) session: Session<'e>,
    global: &'e GlobalArgs,
    limit: Duration,
    missing_file: MissingFile,
}

impl<'e> SideReader<'e> {
    /// Opens the connection for the existing `doctor.toml`, if there is one. Sends no request.
    pub(super) fn open(
        args: &'e cli::InitArgs,
        global: &'e GlobalArgs,
        config: Option<&'e Config>,
        missing_file: MissingFile,
        world: &World<'_>,
    ) -> Result<Self, Error> {
        let limit = timeout::parse(&args.timeout)?;
        let options = GatherOptions { missing_file, ..options(global, &args.targeting, &args.files.env_file, limit) };
        Ok(Self { args, session: Session::open(config, &options, world)?, global, limit, missing_file })
    }

    /// Gathers both sides again if there are settings that give services their own files.
    pub(super) fn again_with<'c>(
        self,
        config: Option<&'c Config>,
        gathered: Gathered,
        world: &World<'_>,
    ) -> Result<(SideReader<'c>, Gathered), Error>
    where
        'e: 'c,
    {
        let Some(config) = config else { return Ok((self, gathered)) };
        let sides = self.with_config(config);
        let gathered = sides.gather(&[], &[], world)?;
        Ok((sides, gathered))
    }

    fn with_config<'c>(self, config: &'c Config) -> SideReader<'c>
    where
        'e: 'c,
    {
        let Session { sources, ahead, connection, .. } = self.session;
        SideReader {
            args: self.args,
            session: Session { config: Some(config), sources, ahead, connection },
            global: self.global,
            limit: self.limit,
            missing_file: MissingFile::Refused,
        }
    }

    /// Gathers both sides. Defaults to the default file, and to the services that share keys with it.
    pub(super) fn gather(&self, files: &[PathBuf], services: &[String], world: &World<'_>) -> Result<Gathered, Error> {
        let targeting = TargetArgs { service: services.to_vec(), ..self.args.targeting.clone() };
        let options =
            GatherOptions { missing_file: self.missing_file, ..options(self.global, &targeting, files, self.limit) };
        // The time at prompts does not count towards the time limit.
        world.interrupt.restart_time();
        let client = self.session.client(self.limit + world.clock.elapsed(), world);
        gather(&client, &options, &self.session, world)
    }
}

fn options<'o>(
    global: &'o GlobalArgs,
    targeting: &'o TargetArgs,
    files: &'o [PathBuf],
    limit: Duration,
) -> GatherOptions<'o> {
    GatherOptions {
        global,
        limit,
        targeting,
        service_flags: ServiceFlagRole::Select,
        env_file: files,
        only: &[],
        missing_file: MissingFile::Refused,
        along: ReadOptions::Running,
        prefetch: Prefetch::Disabled,
    }
}
