//! Makes the report and writes it to where it goes.

use crate::commands::analysis::Analysis;
use crate::commands::output_options::OutputOptions;
use crate::drift::{ResourceRef, Target};
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::world::World;
use crate::report::{self, Format, Report, ServiceLine};

impl OutputOptions<'_> {
    /// Writes the report.
    pub(crate) fn write_report(&self, report: &Report, world: &mut World<'_>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        report::write(report, self.format, &self.text_options(world), &mut bytes)
            .expect("writing to memory can't fail");
        self.write(&bytes, world)?;
        if self.format == Format::Github {
            summarise(report, world);
        }
        Ok(())
    }

    /// Writes the report of what was done. What a format for programs has no place for goes to standard error, and so
    /// does the rest where the report itself can't be written: what was done must be reported.
    pub(crate) fn report_completed_steps(&self, report: &Report, world: &mut World<'_>) {
        if self.format != Format::Text {
            for line in report::aside(report) {
                world.talk.print_line(&line);
            }
        }
        if let Err(error) = self.write_report(report, world) {
            for line in report::receipts(report) {
                world.talk.print_line(&line);
            }
            world.talk.print_line(&format!("error: {error}"));
        }
    }

    /// Writes bytes to where the report goes.
    pub(crate) fn write(&self, bytes: &[u8], world: &mut World<'_>) -> Result<(), Error> {
        match self.file {
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

/// The report on a comparison.
pub(crate) fn report(command: &'static str, analysis: Analysis, exit: Exit, world: &World<'_>) -> Report {
    let Analysis { gathered, examination, fail_on } = analysis;
    let services = gathered
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
        flags: gathered.flags,
        service_flags: gathered.selection.flags,
        project: gathered.survey.project,
        project_origin: gathered.selected.project_origin,
        environment: gathered.survey.environment,
        environment_origin: gathered.selected.environment_origin,
        services_origin: gathered.selection.origin,
        files: gathered.files,
        services,
        left_out: gathered.selection.left_out,
        only: gathered.survey.only.into_iter().collect(),
        findings: examination.findings,
        ignored: examination.ignored,
        remarks: gathered.remarks,
        requests: gathered.requests,
        fail_on,
        configured: gathered.configured,
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
