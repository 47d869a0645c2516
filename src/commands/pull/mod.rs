//! `doctor pull`: creates a `.env` from the template and the values on Railway, for a new colleague.

mod new_target;
mod outcome;

use crate::cli::{GlobalArgs, PullArgs};
use crate::commands::config_file;
use crate::commands::env_files::{ReadAhead, ReadFile};
use crate::commands::fix::{Confirmation, refuse_parts};
use crate::commands::gather::{GatherOptions, Gathered, Prefetch, gather};
use crate::commands::missing_file::MissingFile;
use crate::commands::project_selection::TargetSources;
use crate::commands::protected_environments::is_protected;
use crate::commands::pull::new_target::{NewTarget, TargetNames, is_env_name, refused};
use crate::commands::pull::outcome::PullOutcome;
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::session::Session;
use crate::commands::timeout;
use crate::drift::pull::{PullPlan, plan};
use crate::drift::{ResourceRef, Secret, Survey, phrases};
use crate::error::{Error, Exit, Help};
use crate::io::config::Config;
use crate::io::files::{self, Folders, Replaced};
use crate::io::git::GitClient;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::world::World;
use crate::report::{Format, shell_command};

/// A file to create, and its planned contents.
struct PullRun<'r> {
    args: &'r PullArgs,
    global: &'r GlobalArgs,
    config: Option<&'r Config>,
    client: &'r Client<'r>,
    gathered: Gathered,
    target: NewTarget,
    /// The display name of the template, if there is one.
    template: Option<String>,
    plan: PullPlan,
}

/// Runs `doctor pull`.
pub(crate) fn run(args: &PullArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = timeout::parse(&args.timeout)?;
    let config = config_file::read(global, world)?;
    let config = config.as_ref();
    refuse_disabled(config)?;
    let requested = TargetSources::read(&args.targeting.place, config, world).login_target().environment;
    let requested = requested.unwrap_or_default();
    let environment = ResourceRef { id: requested.clone(), name: requested };
    let target = NewTarget::find(TargetNames { args, global, config, environment: &environment }, world)?;
    let (template, text) = template(&target, world)?.unzip();
    let read = ReadFile { place: target.place.clone(), text: text.unwrap_or_else(|| Secret::new("")) };
    let ahead = ReadAhead::from([(target.path.clone(), read)]);
    let env_file = [target.path.clone()];
    let options = GatherOptions {
        global,
        targeting: &args.targeting,
        service_flags: ServiceFlagRole::Select,
        env_file: &env_file,
        only: &[],
        limit,
        missing_file: MissingFile::Created,
        along: ReadOptions::Running,
        prefetch: Prefetch::Disabled,
    };
    let session = Session::with_streams(&ahead, config, &options, world)?;
    let client = session.client(limit, world);
    let mut gathered = gather(&client, &options, &session, world)?;
    gathered.remarks.extend(template_elsewhere(args, &target, world).filter(|_| template.is_none()));
    let names = TargetNames { args, global, config, environment: &gathered.survey.environment };
    refuse_other_file(&target, names, world)?;
    if args.yes && !args.dry_run {
        refuse_parts(&gathered)?;
        refuse_unaccepted(&target, &gathered, names, world)?;
    }
    refuse_unread(&gathered.survey)?;
    let plan = plan(&gathered.survey, template.as_deref());
    gathered.remarks.extend(commented_lines(&plan, &target, template.as_deref()));
    PullRun { args, global, config, client: &client, gathered, target, template, plan }.execute(world)
}

/// Refuses to run if `doctor.toml` disables the command.
fn refuse_disabled(config: Option<&Config>) -> Result<(), Error> {
    match config.and_then(|config| Some((config, config.allow_pull.as_ref()?))) {
        Some((config, at)) if !at.value => {
            Err(config.fault(at, "`doctor pull` is disabled", "create the .env by hand, or remove this line"))
        }
        _ => Ok(()),
    }
}

/// Returns the display name and the text of the template next to the file.
fn template(target: &NewTarget, world: &World<'_>) -> Result<Option<(String, Secret)>, Error> {
    let Some(folder) = target.path.parent() else { return Ok(None) };
    let first = files::templates(folder, &world.directory)?.into_iter().next();
    Ok(first.map(|(path, text)| (files::display_path(&path, &world.directory), text)))
}

/// Returns a remark about the template of a directory above, for a file whose directory has none.
fn template_elsewhere(args: &PullArgs, target: &NewTarget, world: &World<'_>) -> Option<String> {
    let above = files::template_above(target.path.parent().filter(|_| args.output.is_none())?)?;
    let template = files::display_path(&above, &world.directory);
    let file = files::display_path(&above.with_file_name(".env"), &world.directory);
    let flag = shell_command::line(&[format!("--output={file}")]);
    Some(format!("the template {template} is not used; to create the file next to it, pass {flag}"))
}

/// Returns a remark about the template's lines that are comments in the new file.
fn commented_lines(plan: &PullPlan, target: &NewTarget, template: Option<&str>) -> Option<String> {
    let template = template?;
    let numbers: Vec<String> = plan.commented.iter().map(usize::to_string).collect();
    let numbers = phrases::names(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
    match plan.commented.as_slice() {
        [] => None,
        [_] => {
            Some(format!("line {numbers} of {template} is not an assignment, so it is a comment in {}", target.name))
        }
        _ => {
            Some(format!("lines {numbers} of {template} are not assignments, so they are comments in {}", target.name))
        }
    }
}

/// Refuses to create another file than the one that `check` reads for the environment, which may be known only now.
fn refuse_other_file(target: &NewTarget, names: TargetNames<'_>, world: &World<'_>) -> Result<(), Error> {
    let path = names.path(&GitClient::new(&world.variables), world)?;
    if path == target.path {
        return Ok(());
    }
    let name = files::display_path(&path, &world.directory);
    let words = ["pull".to_owned(), format!("--output={name}")];
    let help = Help::command("to create it, run:", names.command(&words, world));
    let cause = format!("{name} is the file for environment {}", names.environment.name);
    Err(refused(&target.name, cause, help))
}

/// Refuses to create a file without a prompt that only an unaccepted `doctor.toml` names, unless it has the usual name
/// of an env file: the author of the checkout may publish any other.
fn refuse_unaccepted(
    target: &NewTarget,
    gathered: &Gathered,
    names: TargetNames<'_>,
    world: &World<'_>,
) -> Result<(), Error> {
    if names.args.output.is_some() || !needs_output(target, gathered) {
        return Ok(());
    }
    let config = names.config.map_or("doctor.toml", |config| config.name.as_str());
    let cause = format!("only {config} names it, which is not accepted, and its name is not that of an env file");
    let words = ["pull", "--yes", &format!("--output={}", target.name)].map(str::to_owned);
    Err(refused(&target.name, cause, Help::command("to create it anyway, run:", names.command(&words, world))))
}

/// Returns whether a run without a prompt must name the file: only an unaccepted `doctor.toml` names it so far, and it
/// does not have the usual name of an env file.
fn needs_output(target: &NewTarget, gathered: &Gathered) -> bool {
    gathered.expectations.trust.needs_acceptance() && !is_env_name(&target.path)
}

/// Refuses to create a file without the values of a service that could not be read.
fn refuse_unread(survey: &Survey) -> Result<(), Error> {
    let unread = survey.targets.iter().find_map(|target| target.stored.as_ref().err());
    unread.map_or(Ok(()), |error| Err(error.clone()))
}

impl PullRun<'_> {
    fn execute(self, world: &mut World<'_>) -> Result<Exit, Error> {
        if self.plan.pulled.is_empty() {
            return self.end_without_keys(world);
        }
        if self.args.dry_run {
            return self.end_dry_run(world);
        }
        self.show_plan(world)?;
        self.confirm(world)?;
        self.create(world)?;
        self.end_created(world)
    }

    /// Asks for confirmation. Without it, JSON output has the plan.
    fn confirm(&self, world: &mut World<'_>) -> Result<(), Error> {
        let confirmed = self.obtain_confirmation(world);
        if let (Err(error), true) = (&confirmed, self.is_json()) {
            self.print_json(PullOutcome::NotCreated(error.exit()), world)?;
        }
        confirmed
    }

    fn obtain_confirmation(&self, world: &mut World<'_>) -> Result<(), Error> {
        if self.is_json() && !self.args.yes {
            return Err(Error::NotConfirmed {
                what: "the plan needs confirmation".to_owned(),
                cause: "`--format json` never prompts".to_owned(),
                help: self.how_to_create(world),
            });
        }
        let confirmation = Confirmation {
            client: self.client,
            environment: &self.survey().environment.name,
            is_protected: self.is_protected(),
            yes: self.args.yes,
            is_environment_named: self.args.targeting.place.environment.is_some(),
            format: if self.is_json() { Format::Json } else { Format::Text },
            help: self.how_to_create(world),
        };
        confirmation.obtain(world)
    }

    /// Writes the file, unless it exists by now or git no longer ignores it. After Ctrl-C, there is no file.
    fn create(&self, world: &World<'_>) -> Result<(), Error> {
        world.interrupt.begin_writing();
        let written = self.target.refuse(self.names(), world).and_then(|()| self.write(world));
        if world.interrupt.is_requested() {
            if written.is_ok() {
                files::remove(&self.target.place.end, Some(&self.plan.text), &world.directory).map(drop)?;
            }
            world.interrupt.cancel_writing();
            return Err(Error::Interrupted);
        }
        match written {
            Ok(()) => world.interrupt.end_writing(),
            Err(_) => world.interrupt.cancel_writing(),
        }
        written
    }

    fn write(&self, world: &World<'_>) -> Result<(), Error> {
        let folders = Folders { working: &world.directory, state: world.state.as_deref() };
        match files::replace(&self.target.place.end, None, &self.plan.text, folders)? {
            Replaced::Done | Replaced::Without(_) => Ok(()),
            Replaced::Conflict => {
                Err(refused(&self.target.name, "another program has just created it", "check its contents"))
            }
        }
    }

    fn survey(&self) -> &Survey {
        &self.gathered.survey
    }

    fn names(&self) -> TargetNames<'_> {
        let Self { args, global, config, .. } = self;
        TargetNames { args, global, config: *config, environment: &self.survey().environment }
    }

    fn is_protected(&self) -> bool {
        let environment = &self.survey().environment;
        is_protected(self.config, &[&environment.name, &environment.id])
    }

    /// Returns the help that names the command for creating the file without a prompt.
    fn how_to_create(&self, world: &World<'_>) -> Help {
        Help::command("to create it without a prompt, run:", shell_command::line(&self.confirmed_command(world)))
    }

    /// Returns the command that creates the file without a prompt.
    fn confirmed_command(&self, world: &World<'_>) -> Vec<String> {
        let typed = self.args.output.as_ref().map(|path| path.display().to_string());
        let output = typed.or_else(|| needs_output(&self.target, &self.gathered).then(|| self.target.name.clone()));
        let output = output.map(|path| format!("--output={path}"));
        let arguments: Vec<String> = ["pull".to_owned(), "--yes".to_owned()].into_iter().chain(output).collect();
        let mut command = self.repeated(&arguments, world);
        if self.is_protected() && self.args.targeting.place.environment.is_none() {
            command.push(format!("--environment={}", self.survey().environment.name));
        }
        command
    }

    /// Returns the command that compares the new file with Railway.
    fn check_command(&self, world: &World<'_>) -> Vec<String> {
        let typed = self.args.output.as_ref().map(|path| path.display().to_string());
        let is_named = || self.names().has_missing_layer(world);
        let name = typed.or_else(|| is_named().then(|| self.target.name.clone()));
        let file = name.map(|name| format!("--env-file={name}"));
        self.repeated(&["check".to_owned()].into_iter().chain(file).collect::<Vec<_>>(), world)
    }

    /// Returns a complete command with these arguments and the target of this run.
    fn repeated(&self, arguments: &[String], world: &World<'_>) -> Vec<String> {
        let services = self.gathered.selection.flags.iter().map(|(_, flag)| flag);
        // The file was gathered as if a flag had named it.
        let own = |flag: &&String| !flag.starts_with("--env-file=");
        let flags: Vec<String> = self.gathered.flags.iter().filter(own).cloned().collect();
        shell_command::complete(&world.program, arguments, &flags, services)
    }
}
