//! The tokens of a comparison: one that reaches both environments, or one for each.

use crate::commands::compare::CompareRequest;
use crate::commands::connection::{self, Connection};
use crate::drift::{ResourceRef, Secret};
use crate::error::{Error, Help};
use crate::io::credentials::Credentials;
use crate::io::railway::client::Client;
use crate::io::railway::transport::Scheme;
use crate::io::world::World;

/// The tokens that `--token` names, for the first environment and for the second.
struct EnvironmentTokens([Option<Credentials>; 2]);

impl EnvironmentTokens {
    /// Reads the variables that `--token` names. A text that is not the name of a variable may be a token, and is not
    /// repeated.
    fn parse(request: &CompareRequest<'_>, world: &World<'_>) -> Result<Self, Error> {
        let mut tokens = [None, None];
        for argument in &request.options.token {
            let Some((environment, variable)) = argument.rsplit_once('=') else { return Err(expected_variable(None)) };
            let Some(side) = request.environments.iter().position(|known| *known == environment) else {
                return Err(not_compared(request));
            };
            if !is_variable_name(variable) {
                return Err(expected_variable(Some(environment)));
            }
            let value = world.variable(variable).map(str::trim).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| unset(environment, variable))?;
            let credentials = Credentials {
                token: Secret::new(value),
                scheme: Scheme::Project,
                from: variable.to_owned(),
                remarks: Vec::new(),
            };
            if tokens[side].replace(credentials).is_some() {
                return Err(usage(&format!("--token is given twice for environment {environment}"), None));
            }
        }
        Ok(Self(tokens))
    }
}

/// Returns whether the text is the name of an environment variable as people write them. A token is not.
fn is_variable_name(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    !text.is_empty() && text.chars().all(is_letter) && !text.starts_with(|first: char| first.is_ascii_digit())
}

fn usage(what: &str, cause: Option<&str>) -> Error {
    let help = "pass the name of an environment variable: `--token production=PRODUCTION_TOKEN`";
    Error::Usage { what: what.to_owned(), cause: cause.map(str::to_owned), help: help.into() }
}

fn expected_variable(environment: Option<&str>) -> Error {
    let flag = environment.map_or_else(|| "--token".to_owned(), |environment| format!("--token {environment}=…"));
    usage(
        &format!("invalid {flag}: expected ENVIRONMENT=VARIABLE"),
        Some("VARIABLE is a name in upper case; a token on the command line would stay in the shell history"),
    )
}

fn not_compared(request: &CompareRequest<'_>) -> Error {
    let [left, right] = request.environments;
    usage("--token names an environment that is not compared", Some(&format!("{left} and {right} are compared")))
}

fn unset(environment: &str, variable: &str) -> Error {
    Error::EnvironmentToken {
        what: format!("environment {environment} has no token"),
        cause: format!("{variable}, which --token names for it, is not set"),
        help: format!("set {variable} to a project token of environment {environment}").into(),
    }
}

/// Opens a connection that reaches both environments, or one for each of them. Sends no request.
pub(super) fn connections(request: &CompareRequest<'_>, world: &World<'_>) -> Result<Vec<Connection>, Error> {
    let tokens = EnvironmentTokens::parse(request, world)?;
    let open = |credentials| Connection::with(credentials, &connection::endpoint(request.global, world)?, world);
    let connections = match tokens.0 {
        [None, None] => {
            return Ok(vec![common(request, world)?]);
        }
        [Some(left), Some(right)] => [open(left)?, open(right)?],
        [Some(left), None] => [open(left)?, common(request, world)?],
        [None, Some(right)] => [common(request, world)?, open(right)?],
    };
    refuse_same_token(&connections[0].credentials, &connections[1].credentials)?;
    Ok(connections.into())
}

/// Opens a connection with the token that all commands use.
fn common(request: &CompareRequest<'_>, world: &World<'_>) -> Result<Connection, Error> {
    Connection::open(request.global, &request.sources.login_target(), world)
}

fn refuse_same_token(left: &Credentials, right: &Credentials) -> Result<(), Error> {
    if left.token != right.token {
        return Ok(());
    }
    let what = if left.from == right.from {
        format!("{} is named for both environments", left.from)
    } else {
        format!("{} and {} have the same token", left.from, right.from)
    };
    Err(usage(&what, Some("a project token reaches one environment")))
}

/// Returns the error for a project token that is the only token. `own` is its environment.
pub(super) fn second_token_missing(
    request: &CompareRequest<'_>,
    client: &Client<'_>,
    own: &ResourceRef,
    world: &World<'_>,
) -> Error {
    let [left, right] = request.environments;
    let other = if [own.name.as_str(), own.id.as_str()].contains(&right) { left } else { right };
    let from = &client.credentials.from;
    let account = match world.variable("RAILWAY_API_TOKEN") {
        Some(_) => format!("unset {from}, so that RAILWAY_API_TOKEN is used"),
        None => "use an account token".to_owned(),
    };
    let only: Vec<String> = request.options.keys.only.iter().map(|key| format!("--only={key}")).collect();
    Error::EnvironmentToken {
        what: format!("the project token from {from} reaches only environment {}", own.name),
        cause: format!("{left} and {right} are compared"),
        help: Help::command(
            format!("{account}, or name the variable with the token of the other environment:"),
            request.command(&[&[format!("--token={other}=VARIABLE")], &only[..]].concat(), world),
        ),
    }
}
