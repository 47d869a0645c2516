//! `doctor check`: look, think, say. It sends no change, because it has nothing to send one with.

use crate::cli::{CheckArgs, GlobalArgs};
use crate::commands::env_files::MissingFile;
use crate::commands::gather::{self, GatherOptions, Gathered, Prefetch};
use crate::commands::output::{self, OutputOptions, RevealFlags};
use crate::commands::service_selection::{Flags, ServiceNaming};
use crate::drift::engine::run_rules::{Examination, examine};
use crate::drift::{Severity, matrix};
use crate::error::{Error, Exit};
use crate::io::world::World;
use crate::report::{Format, Report};

/// Compares every service in scope with its file and reports the difference.
pub(crate) fn run(args: &CheckArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
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
    let manner = OutputOptions::of(
        &args.format,
        args.output.as_deref(),
        RevealFlags::of(args.show_values, args.show_logs),
        world,
    )?;
    manner.refuse_unwritable(&args.env_file, global, world)?;
    let (config, connection) = gather::prepare(&options, global, world)?;
    let client = connection.client(world, options.limit);
    let seen = gather::visit(&client, &options, config.as_ref(), world)?;
    let manner = manner.about(&seen.survey.files, world);
    let examination = examine(&seen.survey);
    let fail_on = output::fail_on(args.fail_on, &seen);
    let exit = exit(&seen, &examination, fail_on);
    let matrix = (manner.format == Format::Html).then(|| matrix::of(&seen.survey, &examination));
    let report = Report { matrix, ..output::report("check", seen, examination, (fail_on, exit), world) };
    manner.write_report(&report, global, world)?;
    Ok(exit)
}

/// Errors come first: a service that can't be read makes the run say so, whatever the others hold. Findings come
/// before "nothing was compared", because both are red and the findings are what can be mended.
pub(crate) fn exit(seen: &Gathered, examination: &Examination, fail_on: Option<Severity>) -> Exit {
    if let Some(error) = seen.survey.targets.iter().find_map(|target| target.stored.as_ref().err()) {
        return error.exit();
    }
    let fails = |severity: Severity| fail_on.is_some_and(|least| severity >= least);
    if examination.findings.iter().any(|finding| fails(finding.severity)) {
        return Exit::Findings;
    }
    let compared = || examination.extents.iter().map(|extent| extent.compared);
    let nothing = compared().sum::<usize>() == 0;
    if nothing || (seen.services_named == ServiceNaming::Yes && compared().any(|compared| compared == 0)) {
        return Exit::NothingCompared;
    }
    Exit::Clean
}
