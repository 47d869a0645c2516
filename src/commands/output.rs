//! How a verb tells what it found: format, colours, values or fingerprints, where to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use crate::cli::{self, FailOn, GlobalArgs};
use crate::commands::gather::Gathered;
use crate::commands::input_files;
use crate::drift::dotenv::LocalFile;
use crate::drift::engine::run_rules::Examination;
use crate::drift::{ResourceRef, Severity, Target};
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::{self, CommandTexts, Detail, FORMATS, Format, Logs, Report, ServiceLine, TextOptions, Values};

/// The manner of one report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputOptions<'m> {
    /// `--format`.
    pub(crate) format: Format,
    /// `--output`.
    pub(crate) output: Option<&'m Path>,
    /// `--show-values`.
    pub(crate) shown: Reveal,
    /// `--show-logs`, or a terminal.
    pub(crate) logs: Logs,
}

/// What stands in the place of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reveal {
    /// Fingerprints.
    Fingerprints,
    /// Nothing.
    Withheld,
    /// The values themselves.
    Values,
}

impl<'m> OutputOptions<'m> {
    /// What the flags ask for. Values are for the eyes of one person at one terminal; a log is read by many, and kept.
    pub(crate) fn of(
        format: &str,
        output: Option<&'m Path>,
        showing: RevealFlags,
        world: &World<'_>,
    ) -> Result<Self, Error> {
        let format = FORMATS.iter().find(|(name, _)| *name == format).map_or(Format::Text, |(_, format)| *format);
        let is_seen = world.terminal.out != Sort::Pipe && output.is_none();
        let logs = if showing.logs || is_seen { Logs::Shown } else { Logs::Counted };
        if !showing.values {
            return Ok(Self { format, output, shown: Reveal::Fingerprints, logs });
        }
        let refuse = |why: &str| {
            Err(Error::Flag {
                flag: "--show-values",
                value: "used here".to_owned(),
                cause: why.to_owned(),
                help: "run it without --show-values: equal values show equal fingerprints".to_owned(),
            })
        };
        if world.variable("CI").is_some() {
            return refuse("CI is set, and what CI prints is kept");
        }
        if world.terminal.out == Sort::Pipe || output.is_some() || format != Format::Text {
            return refuse("values are shown on a terminal only, as text");
        }
        Ok(Self { format, output, shown: Reveal::Values, logs })
    }

    /// The same for a report about these files. Where others read what is written, fingerprints are left out if one of them
    /// comes from the checkout.
    pub(crate) fn about(self, files: &[LocalFile], world: &World<'_>) -> Self {
        let is_kept = world.terminal.out == Sort::Pipe || self.output.is_some() || world.variable("CI").is_some();
        let is_withheld = is_kept && files.iter().any(|file| file.is_from_checkout);
        Self { shown: if is_withheld { Reveal::Withheld } else { self.shown }, ..self }
    }

    /// The look of a report in this manner.
    pub(crate) fn text_options<'k>(&self, global: &GlobalArgs, world: &'k World<'_>) -> TextOptions<'k> {
        TextOptions {
            colour: self.colour(global, world),
            links: self.links(global, world),
            width: world.terminal.width,
            detail: detail(global),
            values: match self.shown {
                Reveal::Fingerprints => Values::Fingerprints(&world.fingerprints),
                Reveal::Withheld => Values::Withheld,
                Reveal::Values => Values::Shown,
            },
            logs: self.logs,
            commands: self.command_texts(world),
        }
    }

    /// Whether start commands are shown. A plan goes to standard output as text, and to standard error beside every other
    /// format.
    pub(crate) fn command_texts(&self, world: &World<'_>) -> CommandTexts {
        let is_text = self.format == Format::Text && self.output.is_none();
        let stream = if is_text { world.terminal.out } else { world.terminal.err };
        if stream == Sort::Pipe || world.variable("CI").is_some() { CommandTexts::Masked } else { CommandTexts::Shown }
    }

    /// A file gets no colour unless asked.
    fn colour(&self, global: &GlobalArgs, world: &World<'_>) -> bool {
        match global.color {
            cli::ColorChoice::Auto if self.output.is_some() => false,
            _ => coloured(global, world),
        }
    }

    /// Only onto a terminal that understands them, and not for somebody who wants plain text. What CI prints is kept.
    fn links(&self, global: &GlobalArgs, world: &World<'_>) -> bool {
        let is_kept = self.output.is_some() || world.variable("CI").is_some();
        world.terminal.links && !is_kept && coloured(global, world)
    }

    /// Writes the report.
    pub(crate) fn write_report(
        &self,
        report: &Report,
        global: &GlobalArgs,
        world: &mut World<'_>,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        report::write(report, self.format, &self.text_options(global, world), &mut bytes)
            .expect("writing to memory can't fail");
        self.write(&bytes, world)?;
        if self.format == Format::Github {
            summarise(report, world);
        }
        Ok(())
    }

    /// Refuses a place for the report that must not or can't be written, before anything is done that it is to report:
    /// `--output`, and the summary that a CI system names.
    pub(crate) fn refuse_unwritable(
        &self,
        env_file: &[PathBuf],
        global: &GlobalArgs,
        world: &World<'_>,
    ) -> Result<(), Error> {
        let summary = world.variable("GITHUB_STEP_SUMMARY").filter(|_| self.format == Format::Github).map(Path::new);
        if self.output.is_none() && summary.is_none() {
            return Ok(());
        }
        let inputs = input_files::of(env_file, global, world);
        let mut paths = self.output.into_iter().chain(summary);
        paths.try_for_each(|path| files::refuse_output(&world.folder.join(path), &inputs, &world.folder))?;
        self.output.map_or(Ok(()), |path| files::refuse_unwritable(&world.folder.join(path), &world.folder))
    }

    /// Writes the report of what was done. What a form for programs has no place for goes to standard error, and so does
    /// the rest where the report itself can't be written: what was done must be told.
    pub(crate) fn report_completed_steps(&self, report: &Report, global: &GlobalArgs, world: &mut World<'_>) {
        if self.format != Format::Text {
            for line in report::aside(report) {
                world.talk.print_line(&line);
            }
        }
        if let Err(error) = self.write_report(report, global, world) {
            for line in report::receipts(report) {
                world.talk.print_line(&line);
            }
            world.talk.print_line(&format!("error: {error}"));
        }
    }

    /// Writes what was made in this manner to where it belongs.
    pub(crate) fn write(&self, bytes: &[u8], world: &mut World<'_>) -> Result<(), Error> {
        match self.output {
            // A run that is ended in between would leave a part of it behind.
            Some(path) => {
                let path = world.folder.join(path);
                world.interrupt.while_written(|| files::write_report(&path, bytes, &world.folder))
            }
            None if self.format == Format::Github => world.print_as_is(bytes),
            None => world.print_bytes(bytes),
        }
    }
}

/// GitHub shows what is appended to this file on the page of the run: everything, where annotations are few.
fn summarise(report: &Report, world: &World<'_>) {
    let Some(path) = world.variable("GITHUB_STEP_SUMMARY") else { return };
    let page = report::markdown::text(report);
    if let Err(error) = files::append(&world.folder.join(path), page.as_bytes(), &world.folder) {
        world.talk.print_line(&format!("the step's summary could not be written: {error}"));
    }
}

/// Whether standard output gets colour: the flag, then the two variables that other tools heed, then the terminal.
pub(crate) fn coloured(global: &GlobalArgs, world: &World<'_>) -> bool {
    match global.color {
        cli::ColorChoice::Always => true,
        cli::ColorChoice::Never => false,
        cli::ColorChoice::Auto if world.variable("NO_COLOR").is_some() => false,
        cli::ColorChoice::Auto => {
            let forced = world.variable("CLICOLOR_FORCE").is_some_and(|force| force != "0");
            forced || world.terminal.out == Sort::Terminal
        }
    }
}

/// Without colour and with fingerprints.
pub(crate) fn plain_text_options<'k>(world: &'k World<'_>) -> TextOptions<'k> {
    TextOptions {
        colour: false,
        links: false,
        width: world.terminal.width,
        detail: Detail::Normal,
        values: Values::Fingerprints(&world.fingerprints),
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    }
}

/// What a person asks to see that is hidden otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RevealFlags {
    values: bool,
    logs: bool,
}

impl RevealFlags {
    /// `--show-values` and `--show-logs`.
    pub(crate) fn of(values: bool, logs: bool) -> Self {
        Self { values, logs }
    }
}

/// The report on a visit.
pub(crate) fn report(
    command: &'static str,
    seen: Gathered,
    examination: Examination,
    (fail_on, exit): (Option<Severity>, Exit),
    world: &World<'_>,
) -> Report {
    let services = seen
        .survey
        .targets
        .iter()
        .zip(examination.extents.iter().zip(examination.checks))
        .map(|(target, (extent, checks))| ServiceLine {
            compared: extent.compared,
            sealed: extent.sealed,
            unknown: extent.unknown,
            checks,
            ..line(target)
        })
        .collect();
    Report {
        command,
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
        ..Report::default()
    }
}

/// A service of which nothing is counted yet.
pub(crate) fn line(target: &Target) -> ServiceLine {
    ServiceLine {
        service: target.service.clone(),
        alias: target.alias.clone(),
        compared: 0,
        sealed: 0,
        unknown: 0,
        checks: Vec::new(),
        error: target.stored.as_ref().err().map(|error| error.with_cause(": ")),
    }
}

/// A service that was changed and not compared.
pub(crate) fn unread_line(service: ResourceRef) -> ServiceLine {
    ServiceLine { service, alias: None, compared: 0, sealed: 0, unknown: 0, error: None, checks: Vec::new() }
}

/// From which severity on findings fail the run: the flag, or what `doctor.toml` says.
pub(crate) fn fail_on(flag: Option<FailOn>, seen: &Gathered) -> Option<Severity> {
    match flag {
        Some(FailOn::Error) => Some(Severity::Error),
        Some(FailOn::Warning) => Some(Severity::Warning),
        Some(FailOn::Note) => Some(Severity::Note),
        Some(FailOn::Never) => None,
        None => seen.fail_on,
    }
}

fn detail(global: &GlobalArgs) -> Detail {
    if global.quiet {
        Detail::Quiet
    } else if global.verbose {
        Detail::Verbose
    } else {
        Detail::Normal
    }
}

/// `20s`, `1m30s`, or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Error> {
    let refuse = |why: &str| Error::Flag {
        flag: "--timeout",
        value: text.to_owned(),
        cause: why.to_owned(),
        help: "give a time with its unit: `--timeout 20s`, `--timeout 2m`".to_owned(),
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

    use crate::commands::output::duration;

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
