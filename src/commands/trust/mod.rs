//! `doctor trust`: shows where a `doctor.toml` would send local values, asks for confirmation, and stores the answer.

mod acceptance;
mod decisions;

use crate::cli::{self, GlobalArgs, ProjectArgs};
use crate::commands::connection::Connection;
use crate::commands::project_selection::{self, TargetSources};
pub(crate) use crate::commands::trust::acceptance::{Acceptance, TrustObjection, TrustState, TrustSubject};
use crate::commands::trust::acceptance::{checkout, trust_status};
pub(crate) use crate::commands::trust::decisions::NamedDecisions;
use crate::commands::{config_file, prompts, timeout};
use crate::drift::ResourceRef;
use crate::error::{Error, Exit, Help};
use crate::io::config::Config;
use crate::io::storage::trust_store::{self, Subject};
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::{escape, shell_command};

/// Accepts the `doctor.toml` for its project.
pub(crate) fn run(args: &cli::TrustArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = timeout::parse(&args.timeout)?;
    let config = config_file::read(global, world)?.ok_or_else(none)?;
    let trusted_parts = config.trusted_parts();
    let name = escape::line(&config.name).into_owned();
    if trusted_parts.is_empty() {
        world.print(&format!("{name} does not affect where local values are sent; there is nothing to accept.\n"))?;
        return Ok(Exit::Clean);
    }
    // Refuse a file that can't be used.
    config.env_files().try_for_each(|file| config.file(file).map(drop))?;
    let sources = TargetSources::read(&ProjectArgs::default(), Some(&config), world);
    let connection = Connection::open(global, &sources.login_target(), world)?;
    let client = connection.client(world, limit);
    let shown = match project_selection::select(&client, &sources, Some(&config)) {
        Ok(selected) => NamedDecisions::of(&client, &config, &selected.shape)?,
        Err(Error::NoEnvironment { .. }) => NamedDecisions::without_environment(&client, &config, &sources)?,
        Err(error) => return Err(error),
    };
    let acceptance = trust_status(&config, &trusted_parts, &shown.project, &checkout(Some(&config), world), world)?;
    let project = escape::line(&shown.project.name).into_owned();
    if acceptance == Acceptance::Accepted {
        world.print(&format!("{name} is already accepted for project {project}.\n"))?;
        return Ok(Exit::Clean);
    }
    world.print(&shown.text(&acceptance, world.terminal.width))?;
    if !args.yes {
        confirm(&config, global, world)?;
    }
    accept(&config, &shown.project, world)?;
    world.print(&format!(
        "Accepted {name} for project {project}. If one of these settings changes, it must be accepted again.\n"
    ))?;
    Ok(Exit::Clean)
}

/// Stores that the user has accepted that file.
pub(crate) fn accept(config: &Config, project: &ResourceRef, world: &World<'_>) -> Result<(), Error> {
    let (trusted_parts, checkout) = (config.trusted_parts(), checkout(Some(config), world));
    let subject = Subject { project, trusted_parts: &trusted_parts, path: &config.path, checkout: &checkout };
    trust_store::accept(world.state.as_deref(), &subject, world.clock.now())
}

/// Asks for acceptance in another command, and stores it. If it can't be stored, it applies to this run only.
pub(crate) fn ask(project: &ResourceRef, config: &Config, world: &mut World<'_>) -> Result<(), Error> {
    let name = escape::line(&config.name).into_owned();
    if !is_accepted(&config.name, world)? {
        return Err(Error::NotConfirmed {
            what: format!("{} was not accepted", config.name),
            cause: "it decides where a push sends local values".to_owned(),
            help: "review it, or ignore it with `--no-config`; `--pull` needs no acceptance".into(),
        });
    }
    if let Err(error) = accept(config, project, world) {
        let why = error.cause().unwrap_or_default();
        world.status.print_line(&format!("note: {name} is accepted for this run only: {}", escape::line(&why)));
    }
    Ok(())
}

fn is_accepted(name: &str, world: &mut World<'_>) -> Result<bool, Error> {
    if world.terminal.out != StreamKind::Pipe {
        world.print("\n")?;
    }
    Ok(world.prompt.confirm(&prompts::accept(name), YesNo::No)? == PromptAnswer::Given(YesNo::Yes))
}

/// Asks for confirmation.
fn confirm(config: &Config, global: &GlobalArgs, world: &mut World<'_>) -> Result<(), Error> {
    let mut command = [world.program.clone(), vec!["trust".to_owned(), "--yes".to_owned()]].concat();
    command.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
    command.extend(global.api_url.iter().map(|url| format!("--api-url={url}")));
    if !can_ask(&world.terminal, &world.variables) {
        return Err(Error::NotConfirmed {
            what: format!("accepting {} needs confirmation", config.name),
            cause: "not an interactive terminal".to_owned(),
            help: Help::command("to accept it without a prompt, run:", shell_command::line(&command)),
        });
    }
    if is_accepted(&config.name, world)? { Ok(()) } else { Err(Error::Cancelled) }
}

fn none() -> Error {
    Error::File {
        path: "doctor.toml".to_owned(),
        cause: "not found in this directory or its parents, up to the root of the repository".to_owned(),
        help: Help::command("pass it with `--config PATH`, or create it:", "doctor init"),
    }
}
