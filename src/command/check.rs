//! `doctor check`: look, think, say. It sends no change, because it has nothing to send one with.

use crate::cli::{Check, Global};
use crate::command::layers::Absent;
use crate::command::scope::{Flags, Named};
use crate::command::telling::{self, Manner, Showing};
use crate::command::visit::{self, Haste, Options, Visit};
use crate::drift::examine::{Examination, examine};
use crate::drift::{Severity, matrix};
use crate::error::{Error, Exit};
use crate::outside::world::World;
use crate::report::{Format, Report};

/// Compares every service in scope with its file and reports the difference.
pub(crate) fn run(args: &Check, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
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
    let manner =
        Manner::of(&args.format, args.output.as_deref(), Showing::of(args.show_values, args.show_logs), world)?;
    manner.refuse_unwritable(&args.env_file, global, world)?;
    let (config, connection) = visit::prepare(&options, global, world)?;
    let client = connection.client(world, options.limit);
    let seen = visit::visit(&client, &options, config.as_ref(), world)?;
    let manner = manner.about(&seen.survey.files, world);
    let examination = examine(&seen.survey);
    let fail_on = telling::fail_on(args.fail_on, &seen);
    let exit = exit(&seen, &examination, fail_on);
    let matrix = (manner.format == Format::Html).then(|| matrix::of(&seen.survey, &examination));
    let report = Report { matrix, ..telling::report("check", seen, examination, (fail_on, exit), world) };
    manner.tell(&report, global, world)?;
    Ok(exit)
}

/// Errors come first: a service that can't be read makes the run say so, whatever the others hold. Findings come
/// before "nothing was compared", because both are red and the findings are what can be mended.
pub(crate) fn exit(seen: &Visit, examination: &Examination, fail_on: Option<Severity>) -> Exit {
    if let Some(error) = seen.survey.targets.iter().find_map(|target| target.stored.as_ref().err()) {
        return error.exit();
    }
    let fails = |severity: Severity| fail_on.is_some_and(|least| severity >= least);
    if examination.findings.iter().any(|finding| fails(finding.severity)) {
        return Exit::Findings;
    }
    let compared = || examination.extents.iter().map(|extent| extent.compared);
    let nothing = compared().sum::<usize>() == 0;
    if nothing || (seen.services_named == Named::Yes && compared().any(|compared| compared == 0)) {
        return Exit::NothingCompared;
    }
    Exit::Clean
}
