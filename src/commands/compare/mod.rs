//! `doctor compare`: compares two environments of a project with each other. It reads no `.env`.
//!
//! Like `check`, it never changes anything on Railway, because it has no access to the code that sends changes.

mod read;
mod select;
mod survey;
mod tokens;

use crate::cli::{CompareOptions, GlobalArgs, ProjectArgs};
use crate::commands::analysis;
use crate::commands::compare::read::ReadEnvironments;
use crate::commands::compare::survey::PairSurvey;
use crate::commands::key_flags::KeyFlag;
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::project_selection::TargetSources;
use crate::commands::protected_environments::is_protected;
use crate::commands::{config_file, output, timeout};
use crate::drift::engine::run_rules::examine;
use crate::drift::{Severity, matrix};
use crate::error::{Error, Exit};
use crate::io::config::{Config, FailOnSetting};
use crate::io::world::World;
use crate::report::{Report, ServiceLine, shell_command};

/// What to compare, and how.
pub(crate) struct CompareRequest<'r> {
    /// The two environments as typed, by name or id.
    environments: [&'r str; 2],
    options: &'r CompareOptions,
    global: &'r GlobalArgs,
    config: Option<&'r Config>,
    sources: TargetSources,
}

/// Compares the two environments, and reports what they share and what one of them lacks.
pub(crate) fn run(
    environments: [&str; 2],
    options: &CompareOptions,
    global: &GlobalArgs,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let limit = timeout::parse(&options.timeout)?;
    let reveal = RevealFlags { values: options.reveal.show_values, logs: false };
    let (format, file) = (options.output.format, options.output.file.as_deref());
    let output = OutputOptions::of(OutputRequest { format, file, reveal, inputs: &[], global }, world)?;
    KeyFlag { flag: "--only", keys: &options.keys.only }.refuse_values()?;
    let config = config_file::read(global, world)?;
    let config = config.as_ref();
    let place = ProjectArgs { project: options.project.clone(), environment: None };
    let sources = TargetSources::read(&place, config, world);
    let request = CompareRequest { environments, options, global, config, sources };
    request.refuse_same_environment()?;
    request.refuse_shown_values(&environments)?;
    let connections = tokens::connections(&request, world)?;
    let read = read::read(&request, &connections, limit, world)?;
    request.refuse_shown_values(&read.names_and_ids())?;
    let (report, exit) = report(&request, read, world)?;
    output.write_report(&report, world)?;
    Ok(exit)
}

impl CompareRequest<'_> {
    fn refuse_same_environment(&self) -> Result<(), Error> {
        let [left, right] = self.environments;
        if left != right {
            return Ok(());
        }
        Err(same_environment(left))
    }

    /// Refuses to show values if an environment is protected.
    fn refuse_shown_values(&self, environments: &[&str]) -> Result<(), Error> {
        let mut protected = environments.iter().filter(|name| is_protected(self.config, &[name]));
        match protected.next().filter(|_| self.options.reveal.show_values) {
            None => Ok(()),
            Some(name) => Err(Error::Usage {
                what: "--show-values is not available here".to_owned(),
                cause: Some(format!("environment {name} is protected, and its values are read")),
                help: "remove --show-values; equal values have equal fingerprints".into(),
            }),
        }
    }

    /// Returns `fail-on` of `doctor.toml`, or its default.
    fn configured_fail_on(&self) -> Option<Severity> {
        let configured = self.config.and_then(|config| config.fail_on);
        configured.map_or(Some(Severity::Error), FailOnSetting::severity)
    }

    /// Returns the command of this run with these arguments.
    fn command(&self, arguments: &[String], world: &World<'_>) -> String {
        let services = self.options.service.iter().map(|service| format!("--service={service}"));
        let flags = self.flags().into_iter().chain(services).chain(arguments.iter().cloned());
        let environments = self.environments.map(str::to_owned);
        let mut words = [world.program.clone(), vec!["compare".to_owned()]].concat();
        if environments.iter().any(|name| name.starts_with('-')) {
            words.extend(flags);
            words.push("--".to_owned());
            words.extend(environments);
        } else {
            words.extend(environments);
            words.extend(flags);
        }
        shell_command::line(&words)
    }

    /// Returns the flags that a printed command needs for the same target.
    fn flags(&self) -> Vec<String> {
        let project = self.options.project.iter().map(|project| format!("--project={project}"));
        // An argument without the name of a variable, which may be a token, is refused before a command is printed.
        let tokens = self.options.token.iter().map(|token| format!("--token={token}"));
        let config = self.global.config.iter().map(|path| format!("--config={}", path.display()));
        let no_config = self.global.no_config.then(|| "--no-config".to_owned());
        let url = self.global.api_url.iter().map(|url| format!("--api-url={url}"));
        project.chain(tokens).chain(config).chain(no_config).chain(url).collect()
    }
}

/// Returns the error for an environment that is named twice.
fn same_environment(name: &str) -> Error {
    Error::Usage {
        what: format!("environment {name} is named twice"),
        cause: Some("an environment can't be compared with itself".to_owned()),
        help: "name two different environments: `doctor compare staging production`".into(),
    }
}

/// Runs the rules, and builds the report and the exit code.
fn report(request: &CompareRequest<'_>, read: ReadEnvironments, world: &World<'_>) -> Result<(Report, Exit), Error> {
    let PairSurvey { survey, selection, remarks, project_origin, requests } = survey::build(request, read, world);
    let list = request.command(&["-v".to_owned()], world);
    KeyFlag { flag: "--only", keys: &request.options.keys.only }.refuse_unknown(&survey, &list)?;
    let examination = examine(&survey);
    let fail_on = analysis::fail_on(request.options.output.fail_on, request.configured_fail_on());
    let exit = analysis::exit(&survey, &examination, fail_on, selection.named);
    let matrix = matrix::of(&survey, &examination);
    let errors = survey::errors(&survey);
    let lines = output::service_lines(&survey, examination.extents, examination.checks);
    let services = lines.into_iter().map(|line| ServiceLine { error: errors.get(&line.service.id).cloned(), ..line });
    let report = Report {
        command: "compare",
        program: world.program.clone(),
        flags: request.flags(),
        service_flags: selection.flags,
        project_origin,
        other_environment: survey.counterpart.map(|counterpart| counterpart.environment),
        services_origin: selection.origin,
        services: services.collect(),
        findings: examination.findings,
        ignored: examination.ignored,
        remarks: remarks.into_iter().chain(selection.remarks).collect(),
        requests,
        time: Some(world.clock.now()),
        fail_on,
        configured: request.config.is_some(),
        exit_code: exit.code(),
        matrix: Some(matrix),
        project: survey.project,
        environment: survey.environment,
        only: survey.only.into_iter().collect(),
        ..Report::default()
    };
    Ok((report, exit))
}
