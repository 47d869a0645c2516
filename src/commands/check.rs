//! `doctor check`: compares each service in scope with its files, and reports the differences.
//!
//! It never changes anything on Railway, because it has no access to the code that sends changes.

use crate::cli::{CheckArgs, FailOn, GlobalArgs};
use crate::commands::analysis::{Analysis, analyse};
use crate::commands::baseline::BaselineFile;
use crate::commands::gather::{GatherOptions, Prefetch, gather};
use crate::commands::missing_file::MissingFile;
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::session::Session;
use crate::commands::{config_file, output, timeout};
use crate::drift::matrix;
use crate::error::{Error, Exit};
use crate::io::railway::batch::ReadOptions;
use crate::io::world::World;
use crate::report::{Format, Report};

/// Compares each service in scope with its files, and reports the differences.
pub(crate) fn run(args: &CheckArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
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
    let inputs = [args.files.env_file.as_slice(), args.baseline.file.as_slice()].concat();
    let request = OutputRequest {
        format: args.output.format,
        file: args.output.file.as_deref(),
        reveal: RevealFlags { values: args.reveal.show_values, logs: args.show_logs },
        inputs: &inputs,
        global,
    };
    let output = OutputOptions::of(request, world)?;
    let baseline = BaselineFile::read(args, global, world)?;
    let mut analysis = compare(&options, args.output.fail_on, world)?;
    let baseline = baseline.map(|baseline| baseline.apply(&mut analysis, world)).transpose()?;
    let exit = analysis.exit();
    let output = output.about(&analysis.gathered.survey.files, world);
    let matrix = (output.format == Format::Html).then(|| matrix::of(&analysis.gathered.survey, &analysis.examination));
    let report = Report { baseline, matrix, ..output::report("check", analysis, exit, output.detail(), world) };
    output.write_report(&report, world)?;
    Ok(exit)
}

/// Runs the steps that `check` and `matrix` share: select, gather, analyse.
pub(crate) fn compare(
    options: &GatherOptions<'_>,
    fail_on: Option<FailOn>,
    world: &World<'_>,
) -> Result<Analysis, Error> {
    options.only_flag().refuse_values()?;
    let config = config_file::read(options.global, world)?;
    let session = Session::open(config.as_ref(), options, world)?;
    let client = session.client(options.limit, world);
    let gathered = gather(&client, options, &session, world)?;
    Ok(analyse(gathered, fail_on))
}
