//! Looking as `check` does, with the files and services that are wanted.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{self, GlobalArgs, TargetArgs};
use crate::commands::connection::Connection;
use crate::commands::env_files::MissingFile;
use crate::commands::gather::{self, GatherOptions, Gathered, Prefetch};
use crate::commands::output;
use crate::commands::service_selection::Flags;
use crate::error::Error;
use crate::io::world::World;

/// The way to both sides.
pub(super) struct SideReader<'e> {
    pub(super) args: &'e cli::InitArgs,
    pub(super) connection: Connection,
    global: &'e GlobalArgs,
    limit: Duration,
}

impl<'e> SideReader<'e> {
    /// Finds the way; Railway is not asked yet.
    pub(super) fn open(args: &'e cli::InitArgs, global: &'e GlobalArgs, world: &World<'_>) -> Result<Self, Error> {
        let limit = output::duration(&args.timeout)?;
        let options = options(global, &args.targeting, &args.env_file, limit);
        let (_, connection) = gather::prepare(&options, global, world)?;
        Ok(Self { args, connection, global, limit })
    }

    /// Looks at both sides. Without files it is the default one, without services those that share keys with it.
    pub(super) fn gather(&self, files: &[PathBuf], services: &[String], world: &World<'_>) -> Result<Gathered, Error> {
        let targeting = TargetArgs { service: services.to_vec(), ..self.args.targeting.clone() };
        let options = options(self.global, &targeting, files, self.limit);
        // The time that a person takes is not the run's.
        world.interrupt.restart_time();
        let client = self.connection.client(world, self.limit + world.clock.elapsed());
        gather::visit(&client, &options, None, world)
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
        service_flags: Flags::Select,
        env_file: files,
        only: &[],
        absent: MissingFile::Refused,
        haste: Prefetch::Disabled,
    }
}
