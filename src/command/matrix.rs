//! `doctor matrix`: what `check` looks at, as one mark for each key on each service. It can send no change either.

use crate::cli::{Global, Matrix};
use crate::command::check;
use crate::command::layers::Absent;
use crate::command::scope::Flags;
use crate::command::telling::{self, Manner, Showing};
use crate::command::visit::{self, Haste, Options};
use crate::drift::examine::examine;
use crate::drift::matrix;
use crate::error::{Error, Exit};
use crate::outside::world::World;
use crate::report::matrix::FORMATS;

/// Compares every service in scope with its file and shows all of it at a glance. The exit code is that of `check`.
pub(crate) fn run(args: &Matrix, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    let options = Options {
        limit: telling::duration(&args.timeout)?,
        global,
        targeting: &args.targeting,
        service_flags: Flags::Select,
        env_file: &args.env_file,
        only: &args.only,
        absent: Absent::Refused,
        haste: Haste::Ahead,
    };
    // No format of a matrix shows a value or a log.
    let manner = Manner::of("text", args.output.as_deref(), Showing::of(false, false), world)?;
    let (_, write) = FORMATS.iter().find(|(name, _)| *name == args.format).unwrap_or(&FORMATS[0]);
    manner.refuse_unwritable(&args.env_file, global, world)?;
    let (config, connection) = visit::prepare(&options, global, world)?;
    let client = connection.client(world, options.limit);
    let seen = visit::visit(&client, &options, config.as_ref(), world)?;
    let examination = examine(&seen.survey);
    let matrix = matrix::of(&seen.survey, &examination);
    let fail_on = telling::fail_on(args.fail_on, &seen);
    let exit = check::exit(&seen, &examination, fail_on);
    let report = telling::report("matrix", seen, examination, (fail_on, exit), world);
    let mut bytes = Vec::new();
    write(&report, &matrix, &manner.look(global, world), &mut bytes).expect("writing to memory can't fail");
    manner.write(&bytes, world)?;
    Ok(exit)
}
