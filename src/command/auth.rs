//! `doctor auth`: a token into the system's keyring, out of it, and which one is used.

use crate::cli::{self, AuthVerb, Global};
use crate::command::connection::{Connection, aim, endpoint, places};
use crate::command::{telling, visit};
use crate::drift::Secret;
use crate::error::{Error, Exit};
use crate::outside::ask::{Answer, can_ask};
use crate::outside::credentials::{self, Credentials, KEYRING, Login, Logins, unasked};
use crate::outside::railway::http::Endpoint;
use crate::outside::railway::identity::Identity;
use crate::outside::railway::wire::Scheme;
use crate::outside::world::{Sort, World};
use crate::report::escape;

/// Does what was typed.
pub(crate) fn run(args: &cli::Auth, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    let endpoint = endpoint(global, world)?;
    match args.verb {
        AuthVerb::Login => login(args, &endpoint, world),
        AuthVerb::Status => status(args, global, &endpoint, world),
        AuthVerb::Logout => logout(&endpoint, world),
    }
}

/// Takes a token, finds out whose it is, and stores it.
fn login(args: &cli::Auth, endpoint: &Endpoint, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = telling::duration(&args.timeout)?;
    // A keyring that can't be asked is said before anybody has typed a token.
    let mut logins = Logins::load(world.keyring, endpoint.host()).map_err(|trouble| unasked(&trouble))?;
    let token = credentials::given(&ask(world)?)?.ok_or_else(nothing_given)?;
    let mut refused = None;
    for scheme in [Scheme::Project, Scheme::Bearer] {
        let from = "what was given".to_owned();
        let given = Credentials { token: token.clone(), scheme, from, remarks: Vec::new() };
        let connection = Connection::with(given, endpoint, world)?;
        match connection.client(world, limit).identity() {
            Ok(identity) => {
                let told = told(&identity);
                put(&mut logins, identity, token);
                logins.store(world.keyring, endpoint.host()).map_err(|trouble| unasked(&trouble))?;
                world.print(&format!("Stored in the system's keyring for {}: {told}.\n", endpoint.host()))?;
                for name in ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN"] {
                    if world.variable(name).is_some_and(|value| !value.trim().is_empty()) {
                        world.print(&format!("{name} is set, and goes before the keyring.\n"))?;
                    }
                }
                return Ok(Exit::Clean);
            }
            Err(Err(error)) => return Err(error),
            Err(Ok(said)) => refused = Some(said),
        }
    }
    Err(Error::Refused { from: "what was given".to_owned(), said: refused.unwrap_or_default() })
}

fn put(logins: &mut Logins, identity: Identity, token: Secret) {
    let general = |kind: &str, token| Some(Login { kind: kind.to_owned(), token });
    match identity {
        Identity::Project(project, environment) => logins.add(project, environment, token),
        Identity::Workspace(_) => logins.general = general("a workspace token", token),
        Identity::Account(_) => logins.general = general("an account token", token),
    }
}

/// Typed unseen at a terminal, or piped in; never an argument, which every process of the machine can read.
fn ask(world: &World<'_>) -> Result<Secret, Error> {
    if world.terminal.input == Sort::Pipe {
        return world.ask.piped();
    }
    if !can_ask(&world.terminal, &world.variables) {
        return Err(nothing_given());
    }
    match world.ask.secret("Token (from https://railway.com/account/tokens, or the project's settings):")? {
        Answer::Given(token) => Ok(token),
        Answer::Back => Err(nothing_given()),
    }
}

fn nothing_given() -> Error {
    Error::NoConsent {
        what: "no token was given".to_owned(),
        why: "it is typed at a terminal, or piped into standard input".to_owned(),
        next: "run `doctor auth login` at a terminal, or `doctor auth login < FILE`".to_owned(),
    }
}

/// Every place in order; then whose the token in use is, and whether it sees the target.
fn status(args: &cli::Auth, global: &Global, endpoint: &Endpoint, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = telling::duration(&args.timeout)?;
    let config = visit::read_config(global, world)?;
    let aim = aim(None, config.as_ref(), world);
    let found = {
        let places = places(endpoint, &aim, world);
        let lines = credentials::tell(&places);
        (lines, credentials::find(&places))
    };
    let (lines, found) = found;
    for (number, (line, used)) in lines.iter().enumerate() {
        let mark = if *used { "; used: the first that has one" } else { "" };
        world.print(&format!("{}. {}{mark}\n", number + 1, escape::line(line)))?;
    }
    let found = found?;
    for remark in &found.remarks {
        world.print(&format!("note: {}\n", escape::line(remark)))?;
    }
    let connection = Connection::with(found, endpoint, world)?;
    let client = connection.client(world, limit);
    let identity = match client.identity() {
        Ok(identity) => identity,
        Err(Err(error)) => return Err(error),
        Err(Ok(_)) => return Err(client.why_refused()),
    };
    world.print(&format!("\n{} holds {}.\n", client.credentials.from, escape::line(&told(&identity))))?;
    world.print(&format!("It can't {}.\n", cannot(&identity)))?;
    let (Some(project), Identity::Workspace(_) | Identity::Account(_)) = (&aim.project, &identity) else {
        return Ok(Exit::Clean);
    };
    let located = client.project(project).or_else(|error| match error {
        Error::NotFound { .. } | Error::NoPermission { .. } => client.project_named(project).map_err(|_| error),
        error => Err(error),
    })?;
    if let Some(environment) = &aim.environment {
        located.environment(environment, &client.credentials.from)?;
    }
    world.print(&format!("It sees project {}, which is the target here.\n", escape::line(&located.project.name)))?;
    Ok(Exit::Clean)
}

/// What a token is and reaches.
fn told(identity: &Identity) -> String {
    let reach = |names: &[String]| match names {
        [] => "no workspace".to_owned(),
        names => format!("workspace {}", names.join(", ")),
    };
    match identity {
        Identity::Project(project, environment) => {
            format!("a project token for environment {} of project {}", environment.name, project.name)
        }
        Identity::Workspace(names) => format!("a workspace token, which reaches {}", reach(names)),
        Identity::Account(names) => format!("an account token, which reaches {}", reach(names)),
    }
}

fn cannot(identity: &Identity) -> &'static str {
    match identity {
        Identity::Project(..) => "see any other environment or project, or list them",
        Identity::Workspace(_) => "see other workspaces, or what is personal",
        Identity::Account(_) => "do what the account itself may not",
    }
}

/// Removes what login stored for this address.
fn logout(endpoint: &Endpoint, world: &mut World<'_>) -> Result<Exit, Error> {
    let host = endpoint.host();
    let logins = match Logins::load(world.keyring, host) {
        Ok(logins) => logins.told(),
        // What can't be understood is removed all the same.
        Err(credentials::Trouble::Refused(_)) => vec!["what could not be read".to_owned()],
        Err(trouble) => return Err(unasked(&trouble)),
    };
    if logins.is_empty() {
        world.print(&format!("{KEYRING} has no login for {host}; nothing was removed.\n"))?;
        return Ok(Exit::Clean);
    }
    Logins::forget(world.keyring, host).map_err(|trouble| unasked(&trouble))?;
    world.print(&format!(
        "Removed from {KEYRING} for {host}: {}. Railway itself still knows it until it is removed there.\n",
        escape::line(&logins.join(", "))
    ))?;
    Ok(Exit::Clean)
}
