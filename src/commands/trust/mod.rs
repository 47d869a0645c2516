//! `doctor trust`: shows what a checkout's `doctor.toml` decides about where local values go, asks, and remembers the answer.

mod acceptance;
mod decisions;

use crate::cli::{self, GlobalArgs, ProjectArgs};
use crate::commands::connection::Connection;
use crate::commands::project_selection::{self, TargetSources};
pub(crate) use crate::commands::trust::acceptance::{Acceptance, TrustObjection, TrustState, TrustSubject};
use crate::commands::trust::acceptance::{checkout, trust_status};
pub(crate) use crate::commands::trust::decisions::NamedDecisions;
use crate::commands::{config_file, timeout};
use crate::drift::ResourceRef;
use crate::error::{Error, Exit};
use crate::io::config::Config;
use crate::io::storage::trust_store::{self, Subject};
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::{escape, shell_command};

/// Accepts the `doctor.toml` for the project that it is used for.
pub(crate) fn run(args: &cli::TrustArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = timeout::parse(&args.timeout)?;
    let config = config_file::read(global, world)?.ok_or_else(none)?;
    let trusted_parts = config.trusted_parts();
    let name = escape::line(&config.name).into_owned();
    if trusted_parts.is_empty() {
        world.print(&format!("{name} does not decide where local values go: there is nothing to accept.\n"))?;
        return Ok(Exit::Clean);
    }
    // What can't be used is not accepted either.
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
        obtain(global, world)?;
    }
    accept(&config, &shown.project, world)?;
    world.print(&format!(
        "Accepted {name} for project {project}. If one of these decisions changes, you accept it again.\n"
    ))?;
    Ok(Exit::Clean)
}

/// Remembers that the user has accepted what that file decides.
pub(crate) fn accept(config: &Config, project: &ResourceRef, world: &World<'_>) -> Result<(), Error> {
    let (trusted_parts, checkout) = (config.trusted_parts(), checkout(Some(config), world));
    let subject = Subject { project, trusted_parts: &trusted_parts, path: &config.path, checkout: &checkout };
    trust_store::accept(world.state.as_deref(), &subject, world.clock.now())
}

/// Asks the person at the terminal, in the middle of another command, and remembers the answer. What can't be remembered
/// counts for this run.
pub(crate) fn ask(project: &ResourceRef, config: &Config, world: &mut World<'_>) -> Result<(), Error> {
    let name = escape::line(&config.name).into_owned();
    if !is_accepted(&format!("Accept {name}?"), world)? {
        return Err(Error::NoConsent {
            what: format!("{} was not accepted", config.name),
            cause: "what is pushed goes where it says".to_owned(),
            help: "review it and run it again; `--pull` needs no acceptance, and `--no-config` goes without it"
                .to_owned(),
        });
    }
    if let Err(error) = accept(config, project, world) {
        let why = error.cause().unwrap_or_default();
        world.talk.print_line(&format!("note: {name} is accepted for this run only: {}", escape::line(&why)));
    }
    Ok(())
}

fn is_accepted(prompt: &str, world: &mut World<'_>) -> Result<bool, Error> {
    if world.terminal.out != Sort::Pipe {
        world.print("\n")?;
    }
    Ok(world.ask.confirm(prompt, YesNo::No)? == PromptAnswer::Given(YesNo::Yes))
}

/// Gets a yes from the person at the terminal.
fn obtain(global: &GlobalArgs, world: &mut World<'_>) -> Result<(), Error> {
    let mut words = [world.program.clone(), vec!["trust".to_owned(), "--yes".to_owned()]].concat();
    words.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
    words.extend(global.api_url.iter().map(|url| format!("--api-url={url}")));
    let again = format!("run `{}`", shell_command::line(&words));
    if !can_ask(&world.terminal, &world.variables) {
        return Err(Error::NoConsent {
            what: "there is nobody to ask".to_owned(),
            cause: "it needs a yes, and this is no terminal".to_owned(),
            help: again,
        });
    }
    if is_accepted("Accept it?", world)? {
        return Ok(());
    }
    Err(Error::NoConsent {
        what: "nobody said yes".to_owned(),
        cause: "it is as little trusted as before".to_owned(),
        help: "run it again once it says what you want".to_owned(),
    })
}

fn none() -> Error {
    Error::File {
        path: "doctor.toml".to_owned(),
        cause: "there is none from here up to the root of the repository".to_owned(),
        help: "name it with `--config PATH`, or run `doctor init`, which writes one".to_owned(),
    }
}
