//! Builds the report and writes it to its destination.

use crate::commands::analysis::Analysis;
use crate::commands::main_worktree_fixes;
use crate::commands::output_options::OutputOptions;
use crate::drift::engine::run_rules::{ComparedExtent, optional};
use crate::drift::engine::service_status::StatusCheck;
use crate::drift::model::deployment::{Deployed, Deployment};
use crate::drift::{ResourceRef, Survey, Target, needs};
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::world::World;
use crate::report::{self, Detail, Format, Report, ServiceDeployment, ServiceLine};

impl OutputOptions<'_> {
    /// Writes the report, and the step summary of GitHub Actions.
    pub(crate) fn write_report(&self, report: &Report, world: &mut World<'_>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        report::write(report, self.format, &self.text_options(world), &mut bytes)
            .expect("writing to memory can't fail");
        self.write(&bytes, world)?;
        if self.format == Format::Github {
            write_summary(report, world);
        }
        Ok(())
    }

    /// Reports completed steps. Standard error gets what a machine-readable format can't contain, and the receipts if
    /// writing the report fails, because the user must learn what was changed.
    pub(crate) fn report_completed_steps(&self, report: &Report, world: &mut World<'_>) {
        if self.format != Format::Text {
            for line in report::aside(report) {
                world.status.print_line(&line);
            }
        }
        if let Err(error) = self.write_report(report, world) {
            for line in report::receipts(report) {
                world.status.print_line(&line);
            }
            world.status.print_line(&format!("error: {error}"));
        }
    }

    /// Writes bytes to the destination of the report.
    pub(crate) fn write(&self, bytes: &[u8], world: &mut World<'_>) -> Result<(), Error> {
        match self.file {
            // A run that is killed in between would leave a partial file behind.
            Some(path) => {
                let path = world.directory.join(path);
                world.interrupt.without_time_limit(|| files::write_report(&path, bytes, &world.directory))
            }
            None if self.format == Format::Github => world.print_as_is(bytes),
            None => world.print_bytes(bytes),
        }
    }
}

/// Appends the whole report to the step summary of GitHub Actions, because the number of annotations is limited.
fn write_summary(report: &Report, world: &World<'_>) {
    let Some(path) = world.variable("GITHUB_STEP_SUMMARY") else { return };
    let page = report::markdown::text(report);
    if let Err(error) = files::append(&world.directory.join(path), page.as_bytes(), &world.directory) {
        world.status.print_line(&format!("warning: failed to write the step summary: {error}"));
    }
}

/// Returns the report of a comparison. Only a verbose text lists the optional differences.
pub(crate) fn report(
    command: &'static str,
    analysis: Analysis,
    exit: Exit,
    detail: Detail,
    world: &World<'_>,
) -> Report {
    let Analysis { gathered, mut examination, fail_on } = analysis;
    let optional = if detail == Detail::Verbose { optional(&gathered.survey) } else { Vec::new() };
    main_worktree_fixes::name_files(&mut examination.findings, &gathered);
    let template_needs = needs::template_needs(&gathered.survey);
    let lines = service_lines(&gathered.survey, examination.extents, examination.checks);
    let services = gathered.survey.targets.iter().zip(lines);
    let services = services
        .map(|(target, line)| ServiceLine {
            lacking: needs::lacking(&gathered.survey, &template_needs, target),
            ..line
        })
        .collect();
    let needed = needs::declared_keys(&gathered.survey).into_iter().map(str::to_owned).collect();
    Report {
        command,
        needed,
        program: world.program.clone(),
        flags: gathered.flags,
        service_flags: gathered.selection.flags,
        project: gathered.survey.project,
        project_origin: gathered.selected.project_origin,
        environment: gathered.survey.environment,
        environment_origin: gathered.selected.environment_origin,
        services_origin: gathered.selection.origin,
        files: gathered.files,
        declarations: gathered.declarations,
        unread_layers: gathered.unread_layers,
        services,
        left_out: gathered.selection.left_out,
        only: gathered.survey.only.into_iter().collect(),
        findings: examination.findings,
        optional,
        ignored: examination.ignored,
        remarks: gathered.remarks,
        requests: gathered.requests,
        time: Some(world.clock.now()),
        fail_on,
        configured: gathered.configured,
        exit_code: exit.code(),
        ..Report::default()
    }
}

/// Returns the line of each service, in the order of the survey, without the keys that it lacks.
pub(crate) fn service_lines(
    survey: &Survey,
    extents: Vec<ComparedExtent>,
    checks: Vec<Vec<StatusCheck>>,
) -> Vec<ServiceLine> {
    let counted = survey.targets.iter().zip(extents.into_iter().zip(checks));
    let counted = counted.map(|(target, (extent, checks))| ServiceLine {
        compared: extent.compared,
        sealed: extent.sealed,
        unknown: extent.unknown,
        needs: extent.needs,
        checks,
        ..line(target)
    });
    counted.collect()
}

/// Returns the line of a service without counts.
pub(crate) fn line(target: &Target) -> ServiceLine {
    ServiceLine {
        service: target.service.clone(),
        alias: target.alias.clone(),
        compared: 0,
        sealed: 0,
        unknown: 0,
        needs: (!target.has_file()).then_some(0),
        lacking: Vec::new(),
        deployment: target.live.deployed.known().and_then(Deployed::subject).map(deployment),
        checks: Vec::new(),
        error: target.stored.as_ref().err().map(|error| error.with_cause(": ")),
    }
}

/// Returns the line of a service that was changed but not compared.
pub(crate) fn unread_line(service: ResourceRef) -> ServiceLine {
    ServiceLine {
        service,
        alias: None,
        compared: 0,
        sealed: 0,
        unknown: 0,
        needs: None,
        lacking: Vec::new(),
        error: None,
        deployment: None,
        checks: Vec::new(),
    }
}

fn deployment(deployment: &Deployment) -> ServiceDeployment {
    ServiceDeployment {
        id: deployment.id.clone(),
        status: deployment.status.to_string(),
        commit: deployment.origin.commit.clone(),
    }
}
