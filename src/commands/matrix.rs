//! `doctor matrix`: what `check` looks at, as one mark for each key on each service. It can send no change either.

use crate::cli::{GlobalArgs, MatrixArgs};
use crate::commands::check;
use crate::commands::env_files::MissingFile;
use crate::commands::gather::{self, GatherOptions, Prefetch};
use crate::commands::output::{self, OutputOptions, RevealFlags};
use crate::commands::service_selection::Flags;
use crate::drift::engine::run_rules::examine;
use crate::drift::matrix;
use crate::error::{Error, Exit};
use crate::io::world::World;
use crate::report::matrix::FORMATS;

/// Compares every service in scope with its file and shows all of it at a glance. The exit code is that of `check`.
pub(crate) fn run(args: &MatrixArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let options = GatherOptions {
        limit: output::duration(&args.timeout)?,
        global,
        targeting: &args.targeting,
        service_flags: Flags::Select,
        env_file: &args.env_file,
        only: &args.only,
        absent: MissingFile::Refused,
        haste: Prefetch::Ahead,
    };
    // No format of a matrix shows a value or a log.
    let manner = OutputOptions::of("text", args.output.as_deref(), RevealFlags::of(false, false), world)?;
    let (_, write) = FORMATS.iter().find(|(name, _)| *name == args.format).unwrap_or(&FORMATS[0]);
    manner.refuse_unwritable(&args.env_file, global, world)?;
    let (config, connection) = gather::prepare(&options, global, world)?;
    let client = connection.client(world, options.limit);
    let seen = gather::visit(&client, &options, config.as_ref(), world)?;
    let examination = examine(&seen.survey);
    let matrix = matrix::of(&seen.survey, &examination);
    let fail_on = output::fail_on(args.fail_on, &seen);
    let exit = check::exit(&seen, &examination, fail_on);
    let report = output::report("matrix", seen, examination, (fail_on, exit), world);
    let mut bytes = Vec::new();
    write(&report, &matrix, &manner.text_options(global, world), &mut bytes).expect("writing to memory can't fail");
    manner.write(&bytes, world)?;
    Ok(exit)
}
