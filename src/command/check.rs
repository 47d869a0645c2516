//! `doctor check`: look, think, say. It sends no mutation, because there is none to send.

use std::time::Duration;

use jiff::SignedDuration;

use crate::cli::{self, Check, FailOn, Global};
use crate::command::scope::Named;
use crate::command::visit::{Options, Visit, visit};
use crate::drift::Severity;
use crate::drift::examine::{Examination, examine};
use crate::error::{Error, Exit};
use crate::outside::files;
use crate::outside::world::{Sort, World};
use crate::report::{self, Detail, FORMATS, Format, Look, Report, ServiceLine, Values};

/// Compares every service in scope with its file and reports the difference.
pub(crate) fn run(args: &Check, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    let format = FORMATS.iter().find(|(name, _)| *name == args.format).map_or(Format::Text, |(_, format)| *format);
    let options = Options {
        limit: duration(&args.timeout)?,
        targeting: &args.targeting,
        env_file: &args.env_file,
        only: &args.only,
    };
    let values = values(args, world)?;
    let seen = visit(&options, global, world)?;
    let examination = examine(&seen.survey);
    let fail_on = match args.fail_on {
        Some(fail_on) => severity(fail_on),
        None => seen.fail_on,
    };
    let exit = exit(&seen, &examination, fail_on);
    let report = report(seen, examination, fail_on, exit, world);
    let look = Look {
        colour: colour(global, args, world),
        width: world.terminal.width,
        detail: detail(global),
        values: match values {
            Shown::Fingerprints => Values::Fingerprints(&world.fingerprints),
            Shown::Values => Values::Shown,
        },
    };
    let mut bytes = Vec::new();
    report::write(&report, format, &look, &mut bytes).expect("writing to memory can't fail");
    match &args.output {
        Some(path) => files::write_whole(&files::normal(&world.folder.join(path)), &bytes)?,
        None => world.print_bytes(&bytes)?,
    }
    Ok(exit)
}

/// Errors come first: a service that can't be read makes the run say so, whatever the others hold. Findings come
/// before "nothing was compared", because both are red and the findings are what can be mended.
fn exit(seen: &Visit, examination: &Examination, fail_on: Option<Severity>) -> Exit {
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

fn report(seen: Visit, examination: Examination, fail_on: Option<Severity>, exit: Exit, world: &World<'_>) -> Report {
    let services = seen
        .survey
        .targets
        .iter()
        .zip(&examination.extents)
        .map(|(target, extent)| ServiceLine {
            service: target.service.clone(),
            alias: target.alias.clone(),
            compared: extent.compared,
            sealed: extent.sealed,
            error: target.stored.as_ref().err().map(|error| match error.because() {
                Some(because) => format!("{error}: {because}"),
                None => error.to_string(),
            }),
        })
        .collect();
    Report {
        command: "check",
        program: world.program.clone(),
        flags: seen.flags,
        service_flags: seen.service_flags,
        project: seen.survey.project,
        project_origin: seen.project_origin,
        environment: seen.survey.environment,
        environment_origin: seen.environment_origin,
        services_origin: seen.services_origin,
        files: seen.files,
        services,
        left_out: seen.left_out,
        only: seen.survey.only.into_iter().collect(),
        findings: examination.findings,
        ignored: examination.ignored,
        remarks: seen.remarks,
        requests: seen.requests,
        fail_on,
        configured: seen.configured,
        exit_code: exit.code(),
    }
}

/// What stands in the place of values.
enum Shown {
    Fingerprints,
    Values,
}

/// Values are for the eyes of one person at one terminal; a log is read by many, and kept.
fn values(args: &Check, world: &World<'_>) -> Result<Shown, Error> {
    if !args.show_values {
        return Ok(Shown::Fingerprints);
    }
    let refuse = |why: &str| Error::Flag {
        flag: "--show-values",
        value: "used here".to_owned(),
        why: why.to_owned(),
        next: "run it without --show-values: equal values show equal fingerprints".to_owned(),
    };
    if world.variable("CI").is_some() {
        return Err(refuse("CI is set, and what CI prints is kept"));
    }
    if world.terminal.out == Sort::Pipe || args.output.is_some() || args.format != "text" {
        return Err(refuse("values are shown on a terminal only, as text"));
    }
    Ok(Shown::Values)
}

fn severity(fail_on: FailOn) -> Option<Severity> {
    match fail_on {
        FailOn::Error => Some(Severity::Error),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Note => Some(Severity::Note),
        FailOn::Never => None,
    }
}

fn detail(global: &Global) -> Detail {
    if global.quiet {
        Detail::Quiet
    } else if global.verbose {
        Detail::Verbose
    } else {
        Detail::Normal
    }
}

/// The flag, then the two variables that other tools heed, then the terminal. A file gets no colour unless asked.
fn colour(global: &Global, args: &Check, world: &World<'_>) -> bool {
    match global.color {
        cli::When::Always => true,
        cli::When::Never => false,
        cli::When::Auto if args.output.is_some() || world.variable("NO_COLOR").is_some() => false,
        cli::When::Auto => {
            world.variable("CLICOLOR_FORCE").is_some_and(|force| force != "0") || world.terminal.out == Sort::Terminal
        }
    }
}

/// `20s`, `1m30s`, or a bare number of seconds.
fn duration(text: &str) -> Result<Duration, Error> {
    let refuse = |why: &str| Error::Flag {
        flag: "--timeout",
        value: text.to_owned(),
        why: why.to_owned(),
        next: "give a time with its unit: `--timeout 20s`, `--timeout 2m`".to_owned(),
    };
    let parsed = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(seconds.into()),
        Err(_) => text.parse().map_err(|_| refuse("it is no time"))?,
    };
    match Duration::try_from(parsed) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err(refuse("it must be longer than nothing")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("20s", Some(Duration::from_secs(20))),
            ("20", Some(Duration::from_secs(20))),
            ("500ms", Some(Duration::from_millis(500))),
            ("1m30s", Some(Duration::from_secs(90))),
            ("2 min", Some(Duration::from_secs(120))),
            ("0", None),
            ("0s", None),
            ("-3s", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }
}
