//! `doctor matrix`: compares as `check` does, and shows one mark for each key on each service.
//!
//! Like `check`, it never changes anything on Railway.

use crate::cli::{GlobalArgs, MatrixArgs};
use crate::commands::check::compare;
use crate::commands::gather::{GatherOptions, Prefetch};
use crate::commands::missing_file::MissingFile;
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::{output, timeout};
use crate::drift::matrix;
use crate::error::{Error, Exit};
use crate::io::railway::batch::ReadOptions;
use crate::io::world::World;
use crate::report::{self, Detail, Format};

/// Compares each service in scope with its files, and shows the result as a table. The exit code is that of `check`.
pub(crate) fn run(args: &MatrixArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let options = GatherOptions {
        limit: timeout::parse(&args.timeout)?,
        global,
        targeting: &args.targeting,
        service_flags: ServiceFlagRole::Select,
        env_file: &args.files.env_file,
        only: &args.keys.only,
        missing_file: MissingFile::InMainWorktree.unless_excluded(&args.no_file),
        along: ReadOptions::Running,
        prefetch: Prefetch::Ahead,
    };
    let request = OutputRequest {
        // A matrix never shows values or logs, whatever its format.
        format: Format::Text,
        file: args.output.file.as_deref(),
        reveal: RevealFlags::default(),
        inputs: &args.files.env_file,
        global,
    };
    let output = OutputOptions::of(request, world)?;
    let analysis = compare(&options, args.output.fail_on, world)?;
    let exit = analysis.exit();
    let matrix = matrix::of(&analysis.gathered.survey, &analysis.examination);
    let report = output::report("matrix", analysis, exit, Detail::Normal, world);
    let mut bytes = Vec::new();
    report::matrix::write(&report, &matrix, args.output.format, &output.text_options(world), &mut bytes)
        .expect("writing to memory can't fail");
    output.write(&bytes, world)?;
    Ok(exit)
}
