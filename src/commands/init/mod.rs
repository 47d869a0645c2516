//! `doctor init`: gathers both sides, asks questions, shows a new `doctor.toml` or what is new in it, and writes it
//! after confirmation.

mod config_target;
mod draft;
mod existing_sections;
mod gather_sides;
mod json_result;
mod questions;
mod service_files;
mod unignored_files;
mod write;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cli::{self, GlobalArgs, ResultFormat};
use crate::commands::fix::refuse_parts;
use crate::commands::gather::Gathered;
use crate::commands::init::config_target::{CompleteConfig, ConfigTarget};
use crate::commands::init::draft::{CheckOutlook, InitDraft};
use crate::commands::init::gather_sides::SideReader;
use crate::commands::init::unignored_files::UnignoredFiles;
use crate::commands::init::write::ConfigWriter;
use crate::commands::missing_env_file::pull_offer;
use crate::commands::missing_file::MissingFile;
use crate::commands::prompts;
use crate::commands::trust::Acceptance;
use crate::drift::phrases::{count, names};
use crate::drift::service_scope::Exclusion;
use crate::drift::suggest::{ConfigDraft, Section};
use crate::error::{Error, Exit, Help};
use crate::io::config::Config;
use crate::io::files;
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::world::World;
use crate::report::{escape, shell_command};

/// Writes a new `doctor.toml`, or adds to the existing one.
pub(crate) fn run(args: &cli::InitArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let target = ConfigTarget::find(args, global, world)?;
    let is_json = args.result.format == ResultFormat::Json;
    let is_asked = !args.yes && !is_json && can_ask(&world.terminal, &world.variables);
    let asks_for_file = is_asked && target.existing.is_none() && !files_here(&target, world).is_empty();
    let missing_file = if asks_for_file { MissingFile::Empty } else { missing_file(args, &target, world) };
    let sides = SideReader::open(args, global, target.config(), missing_file, world)?;
    let gathered = if asks_for_file { questions::file(&sides, world)? } else { gather_unasked(args, &sides, world)? };
    let is_accepted = matches!(gathered.expectations.trust.acceptance, Acceptance::Accepted | Acceptance::NotNeeded);
    let planned = planned(args, &gathered, &target, world)?;
    let config = planned_config(&planned, &gathered, &target)?;
    let (sides, gathered) = sides.again_with(config.as_ref(), gathered, world)?;
    let mut interview = InitDraft::new(gathered, &target, planned)?;
    let has_changes = target.has_changes(&interview.draft());
    if has_changes && !is_json {
        world.print(&interview.summary(world.terminal.width))?;
    }
    if has_changes && is_asked {
        questions::all(&mut interview, &sides, world)?;
    }
    interview.refuse_unread()?;
    let draft = interview.draft();
    let complete = target.complete(&draft, &interview.gathered)?;
    let proposal = Proposal {
        outlook: interview.outlook_with(&complete)?,
        exposed: UnignoredFiles::of(&interview.gathered, &target.location),
        has_changes: target.has_changes(&draft),
        check: check_command(args, global, world),
        args,
        global,
        target,
        draft,
        complete,
        is_accepted,
    };
    if is_json {
        return json_result::print(&proposal, &interview.gathered.remarks, world);
    }
    if proposal.has_changes { proposal.write(is_asked, world) } else { proposal.print_nothing_new(world) }
}

/// Returns whether a missing default file is an error. It is not if other directories have env files.
fn missing_file(args: &cli::InitArgs, target: &ConfigTarget, world: &World<'_>) -> MissingFile {
    let is_named = !args.files.env_file.is_empty() || target.config().is_some_and(Config::names_env_files);
    if is_named || !files_here(target, world).is_empty() || !service_files::exist(&target.location) {
        MissingFile::Refused
    } else {
        MissingFile::Empty
    }
}

/// Replaces the advice to run `init`, which has just found no service for the files.
fn no_matching_service(error: Error) -> Error {
    match error {
        Error::NoEnvFile { path, searched, mut help } if help.commands.len() > 1 => {
            help.commands.truncate(1);
            help.text = "no service matches the directory of a `.env` file; to use one, run:".into();
            Error::NoEnvFile { path, searched, help }
        }
        other => other,
    }
}

/// Returns the env files of the directory where the default file is looked for.
fn files_here(target: &ConfigTarget, world: &World<'_>) -> Vec<PathBuf> {
    files::env_files(if target.existing.is_some() { &target.location.root } else { &world.directory })
}

/// Returns the services that the directories of the repository add.
fn planned(
    args: &cli::InitArgs,
    gathered: &Gathered,
    target: &ConfigTarget,
    world: &World<'_>,
) -> Result<Vec<Section>, Error> {
    let is_narrowed = !args.files.env_file.is_empty() || !args.targeting.service.is_empty();
    let has_file = gathered.paths.iter().any(|path| path.symlink_metadata().is_ok());
    let default = files::default_env_file(&target.location.root, &gathered.survey.environment.name);
    if is_narrowed || target.existing.is_none() && has_file && gathered.paths != [default] {
        return Ok(Vec::new());
    }
    let planned = service_files::sections_to_add(gathered, target, &world.directory);
    if planned.is_empty() && !has_file {
        return Err(no_matching_service(files::no_env_file(
            &target.location.root,
            &world.directory,
            pull_offer(target.config()),
        )));
    }
    Ok(planned)
}

/// Returns the settings with the planned services, from which their files are read.
fn planned_config(planned: &[Section], gathered: &Gathered, target: &ConfigTarget) -> Result<Option<Config>, Error> {
    if planned.is_empty() {
        return Ok(None);
    }
    let draft = ConfigDraft {
        project: gathered.survey.project.clone(),
        environment: gathered.survey.environment.clone(),
        services: planned.to_vec(),
        ..ConfigDraft::default()
    };
    target.with(&draft).map(|complete| Some(complete.config))
}

/// Gathers both sides without questions. A remark reports that no service is in scope.
fn gather_unasked(args: &cli::InitArgs, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Gathered, Error> {
    let mut gathered = sides.gather(&args.files.env_file, &args.targeting.service, world)?;
    if args.yes {
        refuse_parts(&gathered)?;
    }
    if gathered.survey.targets.is_empty() {
        let files: Vec<&str> = gathered.files.iter().map(|(name, _)| name.as_str()).collect();
        let files = names(&files);
        let is_unshared = |(_, why): &(String, Exclusion)| *why == Exclusion::NothingShared;
        let cause = if gathered.selection.left_out.iter().all(is_unshared) {
            format!("no service shares a key with {files}")
        } else {
            format!("no service is compared with {files} by default")
        };
        gathered.remarks.push(format!("{cause}, so nothing is compared; see --service"));
    }
    Ok(gathered)
}

/// A complete `doctor.toml`, before it is written.
struct Proposal<'p> {
    args: &'p cli::InitArgs,
    global: &'p GlobalArgs,
    target: ConfigTarget,
    draft: ConfigDraft,
    complete: CompleteConfig,
    /// What `check` reports with it.
    outlook: CheckOutlook,
    exposed: UnignoredFiles,
    /// The next command to run.
    check: Vec<String>,
    /// Whether there is anything to write.
    has_changes: bool,
    /// Whether the user has accepted the settings that the file has now.
    is_accepted: bool,
}

impl Proposal<'_> {
    fn writer(&self) -> ConfigWriter<'_> {
        ConfigWriter { target: &self.target, project: &self.draft.project, is_accepted: self.is_accepted }
    }

    /// Shows the text, asks for confirmation, and writes it.
    fn write(&self, is_asked: bool, world: &mut World<'_>) -> Result<Exit, Error> {
        let name = escape::line(&self.target.location.name).into_owned();
        let title = if self.target.existing.is_some() { format!("New in {name}") } else { format!("New {name}") };
        world.print(&format!("\n{title}:\n\n{}\n{}\n\n", self.complete.added, self.outlook()))?;
        self.exposed.show(world)?;
        let adds = match (self.args.yes, is_asked) {
            (true, _) => YesNo::No,
            (false, true) => self.confirm(world)?,
            (false, false) => return Err(self.not_confirmed(world)),
        };
        world.interrupt.begin_writing();
        let writer = self.writer();
        let written = writer.write(&self.complete, world).and_then(|written| writer.print(&written, world));
        let added = written.and_then(|()| self.exposed.add(adds, world));
        world.interrupt.end_writing();
        added?;
        let files = if adds == YesNo::Yes { "both files" } else { "it" };
        world.print(&format!("Commit {files}, then run:\n    {}\n", shell_command::line(&self.check)))?;
        Ok(Exit::Clean)
    }

    /// Returns a sentence about the errors that `check` reports with the new settings.
    fn outlook(&self) -> String {
        /// The maximum number of keys that are named.
        const NAMED: usize = 5;
        let CheckOutlook { errors, compared } = &self.outlook;
        let keys: BTreeSet<&str> = errors.iter().flatten().map(String::as_str).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        let number = count(errors.len(), "error");
        match errors.len() {
            0 if *compared == 0 => "With it, `doctor check` compares no value.".to_owned(),
            0 => "With it, `doctor check` reports no error.".to_owned(),
            _ if errors.iter().all(Option::is_some) && keys.len() <= NAMED => {
                escape::line(&format!("With it, `doctor check` reports {number}: {}.", names(&keys))).into_owned()
            }
            _ => format!("With it, `doctor check` reports {number}."),
        }
    }

    fn print_nothing_new(&self, world: &mut World<'_>) -> Result<Exit, Error> {
        let name = escape::line(&self.target.location.name).into_owned();
        world.print(&format!("{name} is up to date; there is nothing to add.\n"))?;
        Ok(Exit::Clean)
    }

    /// Asks for confirmation, and whether to add the env files to `.gitignore`.
    fn confirm(&self, world: &mut World<'_>) -> Result<YesNo, Error> {
        let name = &self.target.location.name;
        let patterns = self.exposed.patterns();
        let scope = self.target.scope();
        if patterns.is_empty() {
            return match world.prompt.confirm(&prompts::write_config(name, scope), YesNo::Yes)? {
                PromptAnswer::Given(YesNo::Yes) => Ok(YesNo::No),
                _ => Err(Error::Cancelled),
            };
        }
        let choices = [
            prompts::WriteChoice::WithGitignore { patterns: &patterns },
            prompts::WriteChoice::Alone,
            prompts::WriteChoice::Cancel,
        ];
        match world.prompt.choose(&prompts::write_config(name, scope), &prompts::labels(&choices), 0)? {
            PromptAnswer::Given(0) => Ok(YesNo::Yes),
            PromptAnswer::Given(1) => Ok(YesNo::No),
            _ => Err(Error::Cancelled),
        }
    }

    fn not_confirmed(&self, world: &World<'_>) -> Error {
        let name = &self.target.location.name;
        let verb = if self.target.existing.is_some() { "changing" } else { "writing" };
        let what = format!("{verb} {name} needs confirmation");
        Error::NotConfirmed {
            what,
            cause: match self.args.result.format {
                ResultFormat::Text => "not an interactive terminal".to_owned(),
                ResultFormat::Json => "`--format json` never prompts".to_owned(),
            },
            help: Help::command(
                "to write it without a prompt, run:",
                shell_command::line(&self.command_without_prompt(world)),
            ),
        }
    }

    /// Returns the command that writes the same file without a prompt.
    fn command_without_prompt(&self, world: &World<'_>) -> Vec<String> {
        let mut words = [world.program.clone(), vec!["init".to_owned(), "--yes".to_owned()]].concat();
        words.extend(targeting(self.args));
        if self.args.result.format == ResultFormat::Json {
            words.push("--format=json".to_owned());
        }
        words.extend(same(self.global));
        words
    }
}

/// Returns the next command to run. It repeats the flags, although the new doctor.toml names files and services.
fn check_command(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Vec<String> {
    [world.program.clone(), vec!["check".to_owned()], targeting(args), same(global)].concat()
}

fn targeting(args: &cli::InitArgs) -> Vec<String> {
    let targeting = &args.targeting;
    let mut words = Vec::new();
    words.extend(targeting.place.project.iter().map(|project| format!("--project={project}")));
    words.extend(targeting.place.environment.iter().map(|environment| format!("--environment={environment}")));
    words.extend(targeting.service.iter().map(|service| format!("--service={service}")));
    words.extend(args.files.env_file.iter().map(|path| format!("--env-file={}", path.display())));
    words
}

fn same(global: &GlobalArgs) -> Vec<String> {
    global.api_url.iter().map(|url| format!("--api-url={url}")).collect()
}
