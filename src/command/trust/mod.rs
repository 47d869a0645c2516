//! `doctor trust`: show what a checkout's `doctor.toml` can send where, ask, and remember the yes.

mod offer;
mod standing;

use std::path::Path;

use crate::cli::{self, Global};
use crate::command::connection::{self, Connection};
use crate::command::target::{Asked, Form};
use crate::command::telling;
use crate::command::trust::offer::offer;
pub(crate) use crate::command::trust::standing::Trust;
use crate::command::visit;
use crate::drift::plan::{FileChange, Kind};
use crate::drift::{Named, Secret};
use crate::error::{Error, Exit};
use crate::outside::ask::{Answer, Reply, can_ask};
use crate::outside::config::{At, Config};
use crate::outside::files;
use crate::outside::railway::client::Client;
use crate::outside::railway::wire::Scheme;
use crate::outside::trusted::{self, Digest, Standing, Subject};
use crate::outside::world::{Sort, World};
use crate::report::{escape, shell};

/// Accepts the `doctor.toml` for the project that it names.
pub(crate) fn run(args: &cli::Trust, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = telling::duration(&args.timeout)?;
    let config = visit::read_config(global, world)?.ok_or_else(none)?;
    let Some(named) = &config.project else { return Err(names_no_project(&config)) };
    let aim = connection::aim(None, Some(&config), world);
    let connection = Connection::open(global, &aim, world)?;
    let project = resolve(&connection.client(world, limit), named, &config)?;
    let subject = Subject { project: &project, digest: config.digest, path: &config.path };
    let standing = trusted::standing(world.state.as_deref(), &subject)?;
    let shown = [&config.name, &project.name].map(|name| escape::line(name).into_owned());
    if standing == Standing::Accepted {
        world.print(&format!("{} is accepted for project {} already.\n", shown[0], shown[1]))?;
        return Ok(Exit::Clean);
    }
    world.print(&offer(&config, &project, standing, world.terminal.width))?;
    if !args.yes {
        obtain(global, world)?;
    }
    trusted::accept(world.state.as_deref(), &subject, world.clock.now())?;
    let [file, project] = shown;
    world
        .print(&format!("Accepted {file} for project {project}; once it is changed, it has to be accepted again.\n"))?;
    Ok(Exit::Clean)
}

/// Accepts a `doctor.toml` that `doctor` itself has just written at the user's wish: the whole text at that absolute path.
pub(crate) fn accept(path: &Path, text: &str, project: &Named, world: &World<'_>) -> Result<(), Error> {
    let subject = Subject { project, digest: Digest::of(text), path };
    trusted::accept(world.state.as_deref(), &subject, world.clock.now())
}

/// Keeps an accepted `doctor.toml` accepted when a fix has put an `[[ignore]]` into it.
pub(crate) fn keep(
    config: Option<&Config>,
    (project, origin): (&Named, &str),
    written: &[FileChange],
    world: &World<'_>,
) -> Result<(), Error> {
    let Some(config) = config else { return Ok(()) };
    let is_same = |before: &Secret| Digest::of(before.reveal()) == config.digest;
    for file in written.iter().filter(|file| file.kind == Kind::Configuration && file.path == config.path) {
        // What somebody else wrote into it meanwhile was never accepted.
        if let (Some(text), true) = (&file.after, file.before.as_ref().is_some_and(is_same))
            && files::current(&file.path).as_ref() == Some(text)
            && Trust::of(Some(config), (project, origin), world)? == Trust::Accepted
        {
            accept(&config.path, text.reveal(), project, world)?;
        }
    }
    Ok(())
}

/// The project by the id that Railway has for it: whoever renames a project must not inherit its trust.
fn resolve(client: &Client<'_>, named: &At<String>, config: &Config) -> Result<Named, Error> {
    let asked = Asked::written(&named.value, &config.name);
    if client.credentials.scheme == Scheme::Project {
        let project = client.token_shape()?.project;
        if asked.text == project.id || asked.text == project.name {
            return Ok(project);
        }
        let token = format!("project {}", project.name);
        return Err(Error::TokenContradicts { token, origin: asked.origin, wanted: asked.text });
    }
    let located = match asked.form {
        Form::Id => client.project(&asked.text)?,
        Form::Name => client.project_named(&asked.text)?,
    };
    Ok(located.project)
}

/// Gets a yes from the person at the terminal.
fn obtain(global: &Global, world: &mut World<'_>) -> Result<(), Error> {
    let mut words = [world.program.clone(), vec!["trust".to_owned(), "--yes".to_owned()]].concat();
    words.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
    words.extend(global.api_url.iter().map(|url| format!("--api-url={url}")));
    let again = format!("run `{}`", shell::line(&words));
    if !can_ask(&world.terminal, &world.variables) {
        return Err(Error::NoConsent {
            what: "there is nobody to ask".to_owned(),
            why: "it needs a yes, and this is no terminal".to_owned(),
            next: again,
        });
    }
    if world.terminal.out != Sort::Pipe {
        world.print("\n")?;
    }
    if world.ask.confirm("Accept it?", Reply::No)? == Answer::Given(Reply::Yes) {
        return Ok(());
    }
    Err(Error::NoConsent {
        what: "nobody said yes".to_owned(),
        why: "it is as little trusted as before".to_owned(),
        next: "run it again once it says what you want".to_owned(),
    })
}

fn none() -> Error {
    Error::File {
        path: "doctor.toml".to_owned(),
        why: "there is none from here up to the root of the repository".to_owned(),
        next: "name it with `--config PATH`, or run `doctor init`, which writes one".to_owned(),
    }
}

fn names_no_project(config: &Config) -> Error {
    let start = At { value: (), line: 1, column: 1 };
    let next = "there is nothing to do: a flag, `railway link` or a token names the project";
    config.fault(&start, "it names no project, so that there is nothing to accept", next)
}
