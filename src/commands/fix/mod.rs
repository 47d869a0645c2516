//! `doctor fix`: gathers both sides, selects changes, plans them, asks for confirmation, applies and verifies the plan,
//! and reports the result.

mod change_selection;
mod changes;
mod confirmation;
mod findings_at_prompt;
mod hoist;
mod ignore;
mod interactive;
mod journal_record;
mod nothing_selected;
mod planned_fix;
mod planner;
mod printed_commands;
mod review;
mod start_command;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::{FixArgs, GlobalArgs, Staging};
use crate::commands::analysis::{Analysis, analyse};
use crate::commands::apply::{self, Applied, ApplyContext, ExpectedOfDeployments, OnStaged, StepNames};
use crate::commands::expectations::ExpectationChecker;
use crate::commands::fix::change_selection::ChangeSelection;
use crate::commands::fix::changes::{Fixable, SelectedChanges};
pub(crate) use crate::commands::fix::confirmation::{Confirmation, refuse_parts};
pub(crate) use crate::commands::fix::journal_record::{JournalExtras, forget_idle, record};
use crate::commands::fix::planned_fix::{PlannedFix, lines_to_add};
use crate::commands::fix::planner::Planner;
use crate::commands::gather::{GatherOptions, Gathered, Prefetch, gather};
use crate::commands::key_flags::KeyFlag;
use crate::commands::missing_file::MissingFile;
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags, detail};
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::session::Session;
use crate::commands::{config_file, output, protected_environments, timeout};
use crate::drift::plan::Plan;
use crate::drift::plan::offer::{Addition, FixPermissions, Prompting, Prune};
use crate::drift::plan::proposals::proposals;
use crate::drift::plan::redeploys::due;
use crate::drift::{Finding, Severity, Survey, Variable};
use crate::error::{Error, Exit};
use crate::io::config::Config;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::storage::journal::RecordedCommand;
use crate::io::terminal::prompt::can_ask;
use crate::io::world::World;
use crate::report::{Format, Planned, Report, ReportPart, shell_command};

struct FixRun<'r> {
    args: &'r FixArgs,
    output: OutputOptions<'r>,
    config: Option<&'r Config>,
    client: &'r Client<'r>,
    analysis: Analysis,
    permissions: FixPermissions,
}

/// The error of a run that applies nothing, and the plan if there is one.
struct FixRefusal {
    error: Error,
    draft: Option<PlannedFix>,
}

/// Runs `doctor fix`.
pub(crate) fn run(args: &FixArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let options = gather_options(args, global)?;
    if args.prune && args.keys.only.is_empty() && prompting(args, world) == Prompting::NonInteractive {
        return Err(unnamed_prune());
    }
    let request = OutputRequest {
        format: args.output.format,
        file: args.output.file.as_deref(),
        reveal: RevealFlags { values: args.reveal.show_values, logs: args.show_logs },
        inputs: &args.files.env_file,
        global,
    };
    let output = OutputOptions::of(request, world)?;
    let allowed = allowed(args);
    allowed.iter().try_for_each(|allowed| allowed.refuse_values())?;
    start_command::refuse(args)?;
    options.only_flag().refuse_values()?;
    let config = config_file::read(global, world)?;
    let session = Session::open(config.as_ref(), &options, world)?;
    let client = session.client(options.limit, world);
    let mut gathered = gather(&client, &options, &session, world)?;
    let matrix = gathered.matrix_command(world);
    allowed.iter().try_for_each(|allowed| allowed.refuse_unknown(&gathered.survey, &matrix))?;
    hoist::narrow(&mut gathered, args);
    if args.yes && !args.dry_run {
        refuse_parts(&gathered)?;
    }
    let permissions = permissions(args, &gathered, world);
    let output = output.about(&gathered.survey.files, world);
    let analysis = analyse(gathered, args.output.fail_on);
    FixRun { args, output, config: config.as_ref(), client: &client, analysis, permissions }.execute(world)
}

fn gather_options<'a>(args: &'a FixArgs, global: &'a GlobalArgs) -> Result<GatherOptions<'a>, Error> {
    let is_added = start_command::is_one_of_several(args);
    Ok(GatherOptions {
        limit: timeout::parse(&args.timeout)?,
        global,
        targeting: &args.targeting,
        service_flags: match &args.hoist {
            Some(_) => ServiceFlagRole::SelectOrAll,
            None if is_added => ServiceFlagRole::Add,
            None => ServiceFlagRole::Select,
        },
        env_file: &args.files.env_file,
        only: &args.keys.only,
        missing_file: missing_file(args),
        along: ReadOptions::Running,
        prefetch: Prefetch::Disabled,
    })
}

/// Returns how a missing file is treated. Without one, only redeployments and start commands can be fixed.
fn missing_file(args: &FixArgs) -> MissingFile {
    if args.hoist.is_some() {
        MissingFile::Unneeded
    } else if args.push || args.pull || args.add || args.prune {
        MissingFile::Refused
    } else {
        MissingFile::Optional.unless_excluded(&args.no_file)
    }
}

/// Returns the flags that name a key to change, or permit a change of it.
fn allowed(args: &FixArgs) -> [KeyFlag<'_>; 4] {
    [
        hoist::flag(args),
        KeyFlag { flag: "--allow-reference", keys: &args.allow_reference },
        KeyFlag { flag: "--allow-shared", keys: &args.allow_shared },
        KeyFlag { flag: "--allow-sealed", keys: &args.allow_sealed },
    ]
}

/// Returns whether the user selects the changes at prompts.
fn prompting(args: &FixArgs, world: &World<'_>) -> Prompting {
    let directed = args.push || args.add || args.pull || args.redeploy || args.yes || args.dry_run;
    let directed = directed || args.start_command.is_some() || args.hoist.is_some();
    if !directed && can_ask(&world.terminal, &world.variables) {
        Prompting::Interactive
    } else {
        Prompting::NonInteractive
    }
}

fn unnamed_prune() -> Error {
    Error::Usage {
        what: "--prune requires --only".to_owned(),
        cause: Some("only keys that are named are deleted".to_owned()),
        help: "pass `--only KEY` for each key to delete".into(),
    }
}

/// Returns what the flags permit.
fn permissions(args: &FixArgs, gathered: &Gathered, world: &World<'_>) -> FixPermissions {
    let set = |keys: &[String]| keys.iter().cloned().collect::<BTreeSet<_>>();
    let asking = prompting(args, world);
    // A prompt does not offer a pull into an unwritable file; with a flag, such a pull is an error.
    let closed = match asking {
        Prompting::Interactive => planner::closed(gathered, args),
        Prompting::NonInteractive => BTreeMap::new(),
    };
    FixPermissions {
        closed: closed.into_iter().map(|(file, refused)| (file, refused.sentence())).collect(),
        named: set(&args.keys.only),
        references: set(&args.allow_reference),
        sealed: set(&args.allow_sealed),
        shared: set(&args.allow_shared),
        prune: if args.prune { Prune::Allowed } else { Prune::No },
        addition: if args.add { Addition::Allowed } else { Addition::No },
        asking,
        ..FixPermissions::default()
    }
}

impl FixRun<'_> {
    fn gathered(&self) -> &Gathered {
        &self.analysis.gathered
    }

    fn survey(&self) -> &Survey {
        &self.analysis.gathered.survey
    }

    /// Returns the services in scope that have the key, each with its variable.
    fn holders(&self, key: &str) -> impl Iterator<Item = (&str, &Variable)> {
        self.survey().readable().filter_map(move |target| Some((target.service.name.as_str(), target.variable(key)?)))
    }

    /// Returns whether the environment's name must be typed to confirm a plan.
    fn is_protected(&self) -> bool {
        let environment = &self.survey().environment;
        protected_environments::is_protected(self.config, &[&environment.name, &environment.id])
    }

    fn execute(mut self, world: &mut World<'_>) -> Result<Exit, Error> {
        self.read_shared_values()?;
        let findings = self.analysis.examination.findings.clone();
        let mut fixable = self.analysis.examination.fixable(self.survey(), &self.permissions.named);
        fixable.retain(|finding| self.is_offered(finding));
        let offered: Vec<Finding> = findings.iter().filter(|finding| self.is_offered(finding)).cloned().collect();
        let proposals = proposals(self.survey(), &fixable, &self.permissions);
        let due = due(self.survey(), &offered);
        let commands = start_command::commands(&self, &offered)?;
        let hoisted = self.hoisted(world)?;
        let open = Fixable { proposals: &proposals, due: &due, commands: &commands, hoisted: hoisted.as_ref() };
        confirmation::confirm_trust(&mut self, open, world)?;
        let choice = self.choose(open, &findings, world)?;
        let (ChangeSelection::Made(chosen) | ChangeSelection::Unnamed(chosen) | ChangeSelection::Undirected(chosen)) =
            &choice
        else {
            return self.nothing_chosen(&[], world);
        };
        let mut draft = self.draft(chosen, world)?;
        if draft.plan.is_empty() {
            let was_asked = self.permissions.asking == Prompting::Interactive && !review::questions(open).is_empty();
            return if was_asked {
                self.nothing_chosen(&draft.remarks, world)
            } else {
                self.nothing_to_do(draft, open, world)
            };
        }
        let is_named = !self.is_protected() || self.args.targeting.place.environment.is_some();
        let is_confirmed =
            self.args.yes && is_named && !self.args.dry_run && matches!(choice, ChangeSelection::Made(_));
        if !is_confirmed || self.output.format == Format::Json {
            draft.commands = printed_commands::of_plan(&mut self, chosen, &draft, world);
        }
        if self.is_for_a_later_command(&choice, world) {
            draft.remarks.extend(confirmation::trust_remarks(&self, &draft.plan));
        }
        self.end(draft, &choice, world)
    }

    /// Applies the plan, or refuses or shows it.
    fn end(self, draft: PlannedFix, choice: &ChangeSelection, world: &mut World<'_>) -> Result<Exit, Error> {
        match choice {
            ChangeSelection::Unnamed(_) => {
                let refusal = confirmation::unnamed(&self, draft, world)?;
                self.refused(refusal, world)
            }
            ChangeSelection::Undirected(_) => {
                let error = confirmation::no_direction(&draft.commands, &world.program);
                self.refused(FixRefusal { error, draft: None }, world)
            }
            ChangeSelection::Made(_) | ChangeSelection::Nothing if self.args.dry_run => self.dry_run(draft, world),
            ChangeSelection::Made(_) | ChangeSelection::Nothing => self.carry_out(draft, world),
        }
    }

    /// Returns whether this run changes nothing and prints a command to run later.
    fn is_for_a_later_command(&self, choice: &ChangeSelection, world: &World<'_>) -> bool {
        let may_continue = self.args.yes || can_ask(&world.terminal, &world.variables);
        self.args.dry_run || !may_continue || matches!(choice, ChangeSelection::Unnamed(_))
    }

    /// Asks for confirmation, applies the plan and reports the result.
    fn carry_out(self, draft: PlannedFix, world: &mut World<'_>) -> Result<Exit, Error> {
        let confirmed = confirmation::obtain(&self, &draft, world)
            .and_then(|part| confirmation::refuse_untrusted(&self, &draft.plan).map(|()| part));
        let part = match confirmed {
            Ok(part) => part,
            Err(error) => return self.refused(FixRefusal { error, draft: Some(draft) }, world),
        };
        let applied = self.apply(&draft.plan, world)?;
        summary::finish(self, summary::AppliedFix { planned: draft, applied, part }, world)
    }

    /// Returns whether changes for the finding are offered. At prompts, a note that needs no action is offered only if
    /// the user asks for it.
    fn is_offered(&self, finding: &Finding) -> bool {
        self.permissions.asking == Prompting::NonInteractive
            || self.output.global.verbose
            || finding.severity > Severity::Note
            || self.analysis.fail_on == Some(Severity::Note)
            || finding.key.as_deref().is_some_and(|key| self.permissions.names(key))
    }

    fn needs_shared_values(&self) -> bool {
        let refers = |finding: &Finding| finding.rule.needs_shared_values();
        let wanted = !self.permissions.shared.is_empty() || self.permissions.asking == Prompting::Interactive;
        wanted && !self.survey().catalogue.shared.is_empty() && self.analysis.examination.findings.iter().any(refers)
    }

    /// Reads the shared variables if they are needed. Only `--hoist` can't do without them.
    fn read_shared_values(&mut self) -> Result<(), Error> {
        let read = || self.client.shared_values(&self.gathered().selected.shape);
        if self.hoists_shared() {
            self.permissions.shared_values = read()?;
        } else if self.needs_shared_values() {
            self.permissions.shared_values = read().unwrap_or_default();
        }
        Ok(())
    }

    fn draft(&self, chosen: &SelectedChanges, world: &World<'_>) -> Result<PlannedFix, Error> {
        let planner = Planner {
            client: self.client,
            gathered: self.gathered(),
            args: self.args,
            config: self.config,
            options: &self.output.text_options(world),
            folder: &world.directory,
        };
        planner.plan(chosen)
    }

    fn dry_run(self, draft: PlannedFix, world: &mut World<'_>) -> Result<Exit, Error> {
        let exit = Exit::Findings;
        let part = confirmation::show_plan(&self, &draft, world)?;
        let lines = dry_run_lines(&draft);
        if part == ReportPart::Outcome {
            let last = format!("\nNothing was changed: this was a dry run.\n{}\n", lines.join("\n"));
            return world.print(&last).map(|()| exit);
        }
        if self.output.format != Format::Json {
            for line in &lines {
                world.status.print_line(line);
            }
        }
        self.print_plan(draft, exit, world).map(|()| exit)
    }

    /// Writes the report with the plan, which was not applied.
    fn print_plan(self, draft: PlannedFix, exit: Exit, world: &mut World<'_>) -> Result<(), Error> {
        let output = self.output;
        let mut report = self.report(exit, world);
        report.receipts = apply::Receipts::of(&draft.plan, StepNames::Fix).into_receipts();
        report.endings = draft.remarks;
        report.to_add = draft.to_add;
        report.plan = Some(Planned { plan: draft.plan, commands: draft.commands.lines });
        output.write_report(&report, world)
    }

    /// Returns the error. With `--format json`, writes the report with findings and plan first.
    fn refused(self, FixRefusal { error, draft }: FixRefusal, world: &mut World<'_>) -> Result<Exit, Error> {
        let is_untrusted = matches!(error, Error::Untrusted { .. } | Error::TrustOutdated { .. });
        let is_unconfirmed = is_untrusted || error.is_declined() || matches!(error, Error::NotConfirmed { .. });
        if self.output.format == Format::Json && is_unconfirmed {
            let output = self.output;
            match draft {
                Some(draft) => self.print_plan(draft, error.exit(), world)?,
                None => output.write_report(&self.report(error.exit(), world), world)?,
            }
        }
        Err(error)
    }

    fn apply(&self, plan: &Plan, world: &World<'_>) -> Result<Applied, Error> {
        for text in plan.settings.iter().flat_map(|setting| setting.before.iter().chain(&setting.after)) {
            self.client.redactor.add("START_COMMAND", text);
        }
        let files: Vec<_> =
            self.gathered().paths.iter().map(std::path::PathBuf::as_path).zip(&self.survey().files).collect();
        let redeploy = ["fix", "--redeploy"].map(str::to_owned);
        let called = shell_command::complete(&world.program, &redeploy, &self.gathered().flags, std::iter::empty());
        let context = ApplyContext {
            redeploy_command: &called,
            client: self.client,
            shape: &self.gathered().selected.shape,
            interrupt: world.interrupt,
            folder: &world.directory,
            state: world.state.as_deref(),
            files: &files,
            loader: self.survey().policy.loader,
            on_staged: on_staged(self.args.on_staged),
            logs: self.output.logs,
            expected: Some(ExpectedOfDeployments {
                checker: ExpectationChecker {
                    client: self.client,
                    probe: world.probe,
                    expectations: &self.gathered().expectations,
                },
                survey: self.survey(),
            }),
        };
        let mut applied = apply::apply(context, plan, StepNames::Fix, |receipts| {
            // Deployments alone can't be undone.
            if self.args.no_journal || (plan.changes_nothing_stored() && plan.files.is_empty()) {
                return Ok(None);
            }
            let (command, protected) = (RecordedCommand::Fix, self.is_protected());
            let extras = JournalExtras { command, receipts, undoes: None, protected };
            record(context, plan, &extras, world).map(Some)
        })?;
        forget_idle(&mut applied, world);
        Ok(applied)
    }

    fn report(self, exit: Exit, world: &World<'_>) -> Report {
        let hoisted = self.args.hoist.as_ref().map(|key| self.hoisted_values(key));
        let mut analysis = self.analysis;
        analysis.gathered.requests = self.client.requests();
        let mut report = output::report("fix", analysis, exit, detail(self.output.global), world);
        if let Some(values) = &hoisted {
            hoist::count_values(&mut report, values);
        }
        report
    }
}

/// Returns the commands below a plan.
fn dry_run_lines(draft: &PlannedFix) -> Vec<String> {
    [lines_to_add(&draft.to_add), draft.commands.block()].concat()
}

/// Converts `--on-staged`.
pub(crate) fn on_staged(staging: Staging) -> OnStaged {
    match staging {
        Staging::Stop => OnStaged::Stop,
        Staging::Ignore => OnStaged::Ignore,
    }
}
