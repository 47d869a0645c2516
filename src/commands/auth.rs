//! `doctor auth`: stores a token in the OS keyring, removes it, or reports which token is used.

use std::fmt::Write;
use std::time::Duration;

use crate::cli::{self, AuthCommand, AuthStatusArgs, GlobalArgs, ResultFormat};
use crate::commands::connection::{Connection, cli_login, endpoint, places};
use crate::commands::project_selection::{SelectedEnvironment, TargetSources, select};
use crate::commands::{config_file, output_options, prompts, timeout};
use crate::drift::Secret;
use crate::drift::token_identity::Identity;
use crate::error::{Error, Exit, Help};
use crate::io::config::Config;
use crate::io::credentials::{self, Credentials, KEYRING, Login, Logins, unreadable};
use crate::io::railway::client::Client;
use crate::io::railway::http::Endpoint;
use crate::io::railway::transport::Scheme;
use crate::io::terminal::prompt::{PromptAnswer, can_ask};
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::auth_status::{TokenReach, TokenSource};
use crate::report::{self, escape, json};

/// Runs `auth login`, `auth status` or `auth logout`.
pub(crate) fn run(args: &cli::AuthArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let endpoint = endpoint(global, world)?;
    let limit = timeout::parse(&args.timeout)?;
    match &args.command {
        AuthCommand::Login => login(limit, &endpoint, world),
        AuthCommand::Status(args) => {
            let config = config_file::read(global, world)?;
            let query = StatusQuery {
                config: config.as_ref(),
                sources: TargetSources::read(&args.place, config.as_ref(), world),
                endpoint: &endpoint,
                limit,
            };
            status(args, &query, world)
        }
        AuthCommand::Logout => logout(&endpoint, world),
    }
}

/// Reads a token, queries its identity, and stores it.
fn login(limit: Duration, endpoint: &Endpoint, world: &mut World<'_>) -> Result<Exit, Error> {
    let cli_login = cli_login(endpoint);
    // Fail before the user types a token if the keyring is unavailable.
    let mut logins = Logins::load(world.keyring, endpoint.host()).map_err(|error| unreadable(&error, cli_login))?;
    let token = credentials::parse_token(&ask(world)?)?.ok_or_else(nothing_given)?;
    let mut refused = None;
    for scheme in [Scheme::Project, Scheme::Bearer] {
        let from = "standard input".to_owned();
        let given = Credentials { token: token.clone(), scheme, from, remarks: Vec::new() };
        let connection = Connection::with(given, endpoint, world)?;
        match connection.client(world, limit).identity() {
            Ok(identity) => {
                let description = escape::line(&identity.description()).into_owned();
                put(&mut logins, identity, token);
                logins.store(world.keyring, endpoint.host()).map_err(|error| unreadable(&error, cli_login))?;
                world.print(&format!("Stored in the OS keyring for {}: {description}.\n", endpoint.host()))?;
                for name in ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN"] {
                    if world.variable(name).is_some_and(|value| !value.trim().is_empty()) {
                        world.print(&format!("{name} is set and takes precedence over the keyring.\n"))?;
                    }
                }
                return Ok(Exit::Clean);
            }
            Err(Err(error)) => return Err(error),
            Err(Ok(errors)) => refused = Some(errors),
        }
    }
    Err(Error::Refused { from: "standard input".to_owned(), errors: refused.unwrap_or_default() })
}

fn put(logins: &mut Logins, identity: Identity, token: Secret) {
    let general = |kind: &str, token| Some(Login { kind: kind.to_owned(), token });
    match identity {
        Identity::Project(project, environment) => logins.add(project, environment, token),
        Identity::Workspace(_) => logins.general = general("a workspace token", token),
        Identity::Account(_) => logins.general = general("an account token", token),
    }
}

/// Reads the token from a hidden prompt or a pipe. An argument would be readable by every process on the machine.
fn ask(world: &World<'_>) -> Result<Secret, Error> {
    if world.terminal.input == StreamKind::Pipe {
        return world.prompt.piped();
    }
    if !can_ask(&world.terminal, &world.variables) {
        return Err(nothing_given());
    }
    match world.prompt.secret(prompts::TOKEN)? {
        PromptAnswer::Given(token) => Ok(token),
        PromptAnswer::Back => Err(nothing_given()),
    }
}

fn nothing_given() -> Error {
    Error::NotConfirmed {
        what: "no token was given".to_owned(),
        cause: "the token is read from a prompt in a terminal, or from standard input".to_owned(),
        help: Help::command("run it in a terminal, or read the token from a file:", "doctor auth login < FILE"),
    }
}

/// The findings of `status`; incomplete if it fails.
#[derive(Default)]
struct AuthFindings {
    places: Vec<TokenSource>,
    remarks: Vec<String>,
    /// The source and the identity of the token in use.
    token: Option<(String, Identity)>,
    reach: Option<TokenReach>,
}

struct StatusQuery<'s> {
    config: Option<&'s Config>,
    sources: TargetSources,
    endpoint: &'s Endpoint,
    limit: Duration,
}

/// Prints every source in order, then the identity of the token in use and its access to the target.
fn status(args: &AuthStatusArgs, query: &StatusQuery<'_>, world: &mut World<'_>) -> Result<Exit, Error> {
    let mut findings = AuthFindings::default();
    let ended = read_status(&mut findings, query, world);
    let text = match args.result.format {
        ResultFormat::Text => text(&findings, &ended, world),
        ResultFormat::Json => {
            let exit = ended.as_ref().map_or_else(Error::exit, |exit| *exit);
            json::status::auth(&json::status::AuthReport {
                places: &findings.places,
                token: findings.token.as_ref().map(|(from, identity)| (from.as_str(), identity)),
                remarks: &findings.remarks,
                reach: findings.reach.as_ref(),
                exit_code: exit.code(),
            })
        }
    };
    world.print(&text)?;
    match args.result.format {
        ResultFormat::Text => ended.map_err(without_places),
        ResultFormat::Json => ended,
    }
}

fn text(findings: &AuthFindings, ended: &Result<Exit, Error>, world: &World<'_>) -> String {
    let options = output_options::plain_text_options(world);
    let mut text = report::auth_status::places(&findings.places, &options);
    for remark in &findings.remarks {
        let _ = writeln!(text, "note: {}", escape::line(remark));
    }
    if let Some((from, identity)) = &findings.token {
        let _ = write!(text, "\n{}", report::auth_status::identity(from, identity, &options));
    }
    match &findings.reach {
        Some(reach) => text.push_str(&report::auth_status::reach(reach, &options)),
        None if ended.is_ok() => text.push_str("No project is selected: run `railway link`, or pass --project.\n"),
        None => {}
    }
    text
}

fn read_status(findings: &mut AuthFindings, query: &StatusQuery<'_>, world: &World<'_>) -> Result<Exit, Error> {
    let login_target = query.sources.login_target();
    let places = places(query.endpoint, &login_target, world);
    findings.places = credentials::describe_sources(&places)
        .into_iter()
        .map(|(says, used)| TokenSource { state: says, used })
        .collect();
    let found = credentials::find(&places)?;
    findings.remarks.clone_from(&found.remarks);
    let connection = Connection::with(found, query.endpoint, world)?;
    let client = connection.client(world, query.limit);
    let identity = match client.identity() {
        Ok(identity) => identity,
        Err(Err(error)) => return Err(error),
        Err(Ok(_)) => return Err(client.why_refused()),
    };
    findings.token = Some((client.credentials.from.clone(), identity));
    let selected = match select(&client, &query.sources, query.config) {
        Err(Error::NoProject { .. }) => return Ok(Exit::Clean),
        selected => selected?,
    };
    let reach = findings.reach.insert(reach(&client, selected));
    Ok(if reach.variables.is_ok() { Exit::Clean } else { Exit::Credentials })
}

/// Omits the sources from the error, because they were listed just before.
fn without_places(error: Error) -> Error {
    match error {
        Error::NoCredentials { login, .. } => {
            Error::NoCredentials { sources: vec!["none of the sources listed above has a token".to_owned()], login }
        }
        other => other,
    }
}

/// Queries access to the variables, too: it is a separate permission. The shared variables stand for all of them.
fn reach(client: &Client<'_>, selected: SelectedEnvironment) -> TokenReach {
    let variables = client.shared_values(&selected.shape).map(drop).map_err(|error| error.with_cause(", "));
    let SelectedEnvironment { shape, project_origin, environment_origin } = selected;
    TokenReach {
        project: (shape.project.name, project_origin),
        environment: (shape.environment.name, environment_origin),
        services: shape.services.len(),
        variables,
    }
}

/// Removes the logins that are stored for this host.
fn logout(endpoint: &Endpoint, world: &mut World<'_>) -> Result<Exit, Error> {
    let (host, cli_login) = (endpoint.host(), cli_login(endpoint));
    let logins = match Logins::load(world.keyring, host) {
        Ok(logins) => logins.descriptions(),
        // An entry that can't be parsed is removed, too.
        Err(credentials::KeyringError::Failed(_)) => vec!["an unreadable entry".to_owned()],
        Err(error) => return Err(unreadable(&error, cli_login)),
    };
    if logins.is_empty() {
        world.print(&format!("{KEYRING} has no login for {host}; nothing was removed.\n"))?;
        return Ok(Exit::Clean);
    }
    Logins::forget(world.keyring, host).map_err(|error| unreadable(&error, cli_login))?;
    world.print(&format!(
        "Removed from {KEYRING} for {host}: {}. The token remains valid until it is deleted on Railway.\n",
        escape::line(&logins.join(", "))
    ))?;
    Ok(Exit::Clean)
}
