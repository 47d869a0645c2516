//! `doctor undo`: selects a run, plans how to restore it, asks for confirmation, applies the plan as `fix` does, and
//! reports.

mod list;
mod redactions;
mod restore;
mod run_selection;

use crate::cli::{GlobalArgs, Staging, UndoArgs};
use crate::commands::apply::{self, Applied, ApplyContext, StepNames};
use crate::commands::config_file;
use crate::commands::connection::Connection;
use crate::commands::fix;
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::protected_environments;
use crate::commands::timeout;
use crate::commands::undo::restore::{RestorePlan, RestoreRequest};
use crate::commands::undo::run_selection::SelectedRun;
use crate::drift::model::receipt::Shortfall;
use crate::error::{Error, Exit, Help};
use crate::io::config::Config;
use crate::io::credentials::LoginTarget;
use crate::io::railway::client::Client;
use crate::io::storage::journal::{Journal, JournalRecord, RecordedCommand, RunName};
use crate::io::terminal::prompt::can_ask;
use crate::io::world::{World, WorldLifetime};
use crate::report::{self, Format, Planned, Report, ReportPart, escape, shell_command};

/// Runs `doctor undo`.
pub(crate) fn run(args: &UndoArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = timeout::parse(&args.timeout)?;
    let request = OutputRequest {
        format: args.output.format,
        file: args.output.file.as_deref(),
        reveal: RevealFlags { values: args.reveal.show_values, logs: args.show_logs },
        inputs: &[],
        global,
    };
    let output = OutputOptions::of(request, world)?;
    let journal = Journal::open(world.state.as_deref(), world.keyring)?;
    if args.list {
        refuse_format(output.format)?;
        return list::write_list(&journal, output, world);
    }
    let config = config_file::read(global, world)?;
    let chosen = run_selection::choose(&journal, args.run.as_deref(), world)?;
    let record = &chosen.record;
    let aim =
        LoginTarget { project: Some(record.project.id.clone()), environment: Some(record.environment.id.clone()) };
    let connection = Connection::open(global, &aim, world)?;
    redactions::add(&connection.redactor, record);
    let client = connection.client(world, limit);
    refuse_other_host(&client, &chosen.run, record)?;
    let undoing = UndoRun { args, output, config, client: &client, chosen };
    undoing.go(world)
}

/// Refuses formats of reports that a list of runs does not have.
fn refuse_format(format: Format) -> Result<(), Error> {
    if report::undo_list::FORMATS.contains(&format) {
        return Ok(());
    }
    let name = report::FORMATS.iter().find(|(_, known)| *known == format).map(|(name, _)| *name);
    Err(Error::Usage {
        what: format!("invalid --format `{}`", name.unwrap_or_default()),
        cause: Some("a list of runs is available as text, json or html".to_owned()),
        help: "pass `--format json`, or none".into(),
    })
}

struct UndoRun<'u> {
    args: &'u UndoArgs,
    output: OutputOptions<'u>,
    client: &'u Client<'u>,
    config: Option<Config>,
    chosen: SelectedRun,
}

/// Refuses to restore on another host, so that changes of a simulation are not applied to Railway or vice versa.
fn refuse_other_host(client: &Client<'_>, run: &RunName, record: &JournalRecord) -> Result<(), Error> {
    if client.host() == record.host {
        return Ok(());
    }
    Err(Error::Journal {
        what: format!("run {run} changed {}", record.host),
        cause: format!("this command would change {}", client.host()),
        help: "pass the same --api-url as for the fix, or none".into(),
    })
}

impl UndoRun<'_> {
    fn go(self, world: &mut World<'_>) -> Result<Exit, Error> {
        let request = RestoreRequest { record: &self.chosen.record, args: self.args, redeploy: &self.redeploys(world) };
        world.status.waiting("reading the current state");
        let restoring = restore::plan(self.client, &request, world);
        world.status.done();
        let mut restoring = restoring?;
        run_selection::refuse_other_target(self.args, &self.chosen, &restoring.shape.environment)?;
        restoring.remarks.extend(self.chosen.remarks.iter().cloned());
        if restoring.plan.is_empty() {
            return self.nothing_left(restoring, world);
        }
        let part = match self.consent(&restoring, world) {
            Ok(part) => part,
            Err(error) => {
                let is_unconfirmed = error.is_declined() || matches!(error, Error::NotConfirmed { .. });
                if self.output.format == Format::Json && is_unconfirmed {
                    let report = self.planned(restoring, error.exit(), world);
                    self.output.write_report(&report, world)?;
                }
                return Err(error);
            }
        };
        if self.args.dry_run {
            return self.dry_run(restoring, part, world);
        }
        let applied = self.apply(&restoring, world)?;
        self.finish(restoring, applied, part, world)
    }

    fn dry_run(self, restoring: RestorePlan, part: ReportPart, world: &mut World<'_>) -> Result<Exit, Error> {
        let exit = Exit::Findings;
        let command = shell_command::line(&self.command(&restoring, world));
        let to_apply = format!("To apply this plan:\n    {}", escape::line(&command));
        if part == ReportPart::Outcome {
            let last = format!("\nNothing was changed: this was a dry run.\n{to_apply}\n");
            return world.print(&last).map(|()| exit);
        }
        let output = self.output;
        // The JSON report contains the command.
        if output.format != Format::Json {
            to_apply.lines().for_each(|line| world.status.print_line(line));
        }
        let report = self.planned(restoring, exit, world);
        output.write_report(&report, world)?;
        Ok(exit)
    }

    /// Returns the report with the plan, which was not applied.
    fn planned(&self, restoring: RestorePlan, exit: Exit, world: &World<'_>) -> Report {
        let mut report = self.report(&restoring, exit, world);
        let command = self.command(&restoring, world);
        let planned = apply::Receipts::of(&restoring.plan, StepNames::Undo).into_receipts();
        report.receipts = planned.into_iter().chain(restoring.conflicts).collect();
        report.endings = restoring.remarks;
        report.plan = Some(Planned { plan: restoring.plan, commands: vec![command] });
        report
    }

    /// Returns the command that redeploys services of this environment.
    fn redeploys(&self, world: &World<'_>) -> Vec<String> {
        let [project, environment] = [&self.chosen.record.project.id, &self.chosen.record.environment.id];
        let targeting = [format!("--project={project}"), format!("--environment={environment}")];
        self.called(&[&["fix".to_owned(), "--redeploy".to_owned()], &targeting[..]].concat(), world)
    }

    /// Returns the complete command with these arguments, for the same host.
    fn called(&self, arguments: &[String], world: &World<'_>) -> Vec<String> {
        let flags: Vec<String> = self.output.global.api_url.iter().map(|url| format!("--api-url={url}")).collect();
        shell_command::complete(&world.program, arguments, &flags, std::iter::empty())
    }

    /// Returns the command that applies the plan without prompts.
    fn command(&self, restoring: &RestorePlan, world: &World<'_>) -> Vec<String> {
        let mut arguments = vec!["undo".to_owned()];
        // Each demo command starts from the same state, in which the run has another name.
        arguments.extend((world.memory == WorldLifetime::Lasting).then(|| self.chosen.run.to_string()));
        arguments.push("--yes".to_owned());
        arguments.extend(self.args.project.iter().map(|project| format!("--project={project}")));
        let environment = self.args.environment.as_ref();
        let protected = Some(&restoring.shape.environment.name).filter(|_| self.is_protected(restoring));
        arguments.extend(environment.or(protected).map(|environment| format!("--environment={environment}")));
        let repeated = [
            (self.args.allow_tracked, "--allow-tracked"),
            (self.args.no_deploy, "--no-deploy"),
            (self.args.on_staged == Staging::Ignore, "--on-staged=ignore"),
            (self.args.no_journal, "--no-journal"),
        ];
        arguments.extend(repeated.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag.to_owned()));
        self.called(&arguments, world)
    }

    /// Returns whether the environment is protected now, or was when the fix was made.
    fn is_protected(&self, restoring: &RestorePlan) -> bool {
        let (then, now) = (&self.chosen.record.environment, &restoring.shape.environment);
        let names = [then.name.as_str(), then.id.as_str(), now.name.as_str()];
        self.chosen.record.protected || protected_environments::is_protected(self.config.as_ref(), &names)
    }

    /// Reports that everything is as before the run, or has changed since.
    fn nothing_left(self, restoring: RestorePlan, world: &mut World<'_>) -> Result<Exit, Error> {
        let exit = if restoring.conflicts.is_empty() { Exit::Clean } else { Exit::Partial };
        let output = self.output;
        let mut report = self.report(&restoring, exit, world);
        let left = restoring.conflicts.iter().map(|receipt| (receipt.place.clone(), Shortfall::Incomplete));
        report.shortfalls = left.collect();
        report.receipts = restoring.conflicts;
        report.endings = restoring.remarks;
        report.endings.push("Nothing to restore.".to_owned());
        output.write_report(&report, world)?;
        Ok(exit)
    }

    fn consent(&self, restoring: &RestorePlan, world: &mut World<'_>) -> Result<ReportPart, Error> {
        let mut plan = restoring.plan.clone();
        plan.cautions.extend(restoring.remarks.iter().cloned());
        let text = report::plan(&self.report(restoring, Exit::Clean, world), &plan, &self.output.text_options(world));
        let part = if self.output.format == Format::Text && self.output.file.is_none() {
            world.print(&text)?;
            ReportPart::Outcome
        } else {
            let is_final = self.args.dry_run || self.args.yes || !can_ask(&world.terminal, &world.variables);
            // The JSON report contains the plan.
            if self.output.format != Format::Json || !is_final {
                text.lines().for_each(|line| world.status.print_line(line));
            }
            ReportPart::Whole
        };
        if self.args.dry_run { Ok(part) } else { self.confirm(restoring, world).map(|()| part) }
    }

    fn confirm(&self, restoring: &RestorePlan, world: &mut World<'_>) -> Result<(), Error> {
        let confirmation = fix::Confirmation {
            client: self.client,
            environment: &restoring.shape.environment.name,
            is_protected: self.is_protected(restoring),
            yes: self.args.yes,
            is_environment_named: self.args.environment.is_some(),
            format: self.output.format,
            help: Help::command("to apply this plan, run:", shell_command::line(&self.command(restoring, world))),
        };
        confirmation.obtain(world)
    }

    fn apply(&self, restoring: &RestorePlan, world: &World<'_>) -> Result<Applied, Error> {
        let context = ApplyContext {
            client: self.client,
            shape: &restoring.shape,
            interrupt: world.interrupt,
            folder: &world.directory,
            state: world.state.as_deref(),
            files: &[],
            loader: None,
            on_staged: fix::on_staged(self.args.on_staged),
            logs: self.output.logs,
            expected: None,
            redeploy_command: &self.redeploys(world),
        };
        let mut applied = apply::apply(context, &restoring.plan, StepNames::Undo, |receipts| {
            if self.args.no_journal {
                return Ok(None);
            }
            let protected = self.is_protected(restoring);
            let extras = fix::JournalExtras {
                command: RecordedCommand::Undo,
                receipts,
                undoes: Some(&self.chosen.run),
                protected,
            };
            fix::record(context, &restoring.plan, &extras, world).map(Some)
        })?;
        fix::forget_idle(&mut applied, world);
        Ok(applied)
    }

    fn finish(
        self,
        restoring: RestorePlan,
        applied: Applied,
        part: ReportPart,
        world: &mut World<'_>,
    ) -> Result<Exit, Error> {
        let mut shortfalls = applied.shortfalls;
        let left = restoring.conflicts.iter().map(|receipt| (receipt.place.clone(), Shortfall::Incomplete));
        shortfalls.extend(left);
        let exit = match applied.verdict {
            None | Some(Exit::Partial | Exit::Disproved | Exit::Inconclusive) => {
                shortfalls.values().max().map_or(Exit::Clean, |&worst| apply::exit(worst))
            }
            Some(exit) => exit,
        };
        let output = self.output;
        let mut report = self.report(&restoring, exit, world);
        report.receipts = applied.receipts.into_iter().chain(restoring.conflicts).collect();
        report.shortfalls = shortfalls;
        report.failures = applied.failures;
        report.endings = applied.remarks;
        if let Some(error) = &applied.halted {
            report.endings.push(format!("stopped early: {}", error.with_cause(": ")));
        }
        if let Some(run) = applied.run.filter(|_| world.memory == WorldLifetime::Lasting) {
            report.undo_command = Some(shell_command::line(&self.called(&["undo".to_owned(), run.to_string()], world)));
        }
        report.part = part;
        if part == ReportPart::Outcome {
            world.print("\n")?;
        }
        output.report_completed_steps(&report, world);
        Ok(exit)
    }

    fn report(&self, restoring: &RestorePlan, exit: Exit, world: &World<'_>) -> Report {
        Report {
            command: "undo",
            program: world.program.clone(),
            project: self.chosen.record.project.clone(),
            project_origin: format!("run {}", self.chosen.run),
            environment: self.chosen.record.environment.clone(),
            environment_origin: format!("run {}", self.chosen.run),
            services_origin: format!("run {}", self.chosen.run),
            services: restoring.services.clone(),
            files: self
                .chosen
                .record
                .files
                .iter()
                .map(|file| (file.shown.clone(), format!("run {}", self.chosen.run)))
                .collect(),
            requests: self.client.requests(),
            configured: true,
            exit_code: exit.code(),
            ..Report::default()
        }
    }
}
