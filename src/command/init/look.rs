//! Looking as `check` does, with the files and services that are wanted.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{self, Global, Targeting};
use crate::command::connection::Connection;
use crate::command::layers::Absent;
use crate::command::scope::Flags;
use crate::command::telling;
use crate::command::visit::{self, Haste, Options, Visit};
use crate::error::Error;
use crate::outside::world::World;

/// The way to both sides.
pub(super) struct Eyes<'e> {
    pub(super) args: &'e cli::Init,
    pub(super) connection: Connection,
    global: &'e Global,
    limit: Duration,
}

impl<'e> Eyes<'e> {
    /// Finds the way; Railway is not asked yet.
    pub(super) fn open(args: &'e cli::Init, global: &'e Global, world: &World<'_>) -> Result<Self, Error> {
        let limit = telling::duration(&args.timeout)?;
        let options = options(global, &args.targeting, &args.env_file, limit);
        let (_, connection) = visit::prepare(&options, global, world)?;
        Ok(Self { args, connection, global, limit })
    }

    /// Looks at both sides. Without files it is the default one, without services those that share keys with it.
    pub(super) fn look(&self, files: &[PathBuf], services: &[String], world: &World<'_>) -> Result<Visit, Error> {
        let targeting = Targeting { service: services.to_vec(), ..self.args.targeting.clone() };
        let options = options(self.global, &targeting, files, self.limit);
        // The time that a person takes is not the run's.
        world.interrupt.restart_time();
        let client = self.connection.client(world, self.limit + world.clock.elapsed());
        visit::visit(&client, &options, None, world)
    }
}

fn options<'o>(global: &'o Global, targeting: &'o Targeting, files: &'o [PathBuf], limit: Duration) -> Options<'o> {
    Options {
        global,
        limit,
        targeting,
        service_flags: Flags::Select,
        env_file: files,
        only: &[],
        absent: Absent::Refused,
        haste: Haste::InTurn,
    }
}
