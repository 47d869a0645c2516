//! The token for Railway: its possible sources, in order of precedence.

mod environment;
mod host;
pub mod keyring;
mod lenient_json;
mod railway_cli;
mod stored_logins;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::drift::Secret;
use crate::error::Error;
pub use crate::io::credentials::host::{Host, railway_env};
use crate::io::credentials::keyring::Keyring;
pub use crate::io::credentials::keyring::KeyringError;
pub use crate::io::credentials::railway_cli::{Link, link, link_file};
pub use crate::io::credentials::stored_logins::{KEYRING, Login, LoginTarget, Logins, is_login_for};
use crate::io::railway::transport::Scheme;

/// The maximum length of a token in bytes. A longer one does not fit into a header.
const LONGEST_TOKEN: usize = 8 * 1024;

/// A token, how it is sent, and its source.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub token: Secret,
    /// Selects the header that carries the token.
    pub scheme: Scheme,
    /// The source, as messages name it: `RAILWAY_TOKEN`, `RAILWAY_API_TOKEN`, `~/.railway/config.json`.
    pub from: String,
    /// Notes about the choice of the source, without full stops.
    pub remarks: Vec<String>,
}

/// Whether the Railway CLI's login may be used. It is sent to Railway's own hosts only, so never with `--api-url`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CliLogin {
    Allowed,
    /// Only tokens that the user set explicitly are sent.
    Forbidden,
}

/// The inputs of the token sources.
#[derive(Clone, Copy)]
pub struct TokenSources<'p> {
    /// The process environment.
    pub variables: &'p BTreeMap<String, String>,
    /// The user's home directory, if it is known.
    pub home: Option<&'p Path>,
    pub now: Timestamp,
    pub cli_login: CliLogin,
    pub keyring: &'p dyn Keyring,
    /// The host of the API.
    pub host: &'p str,
    /// The URL of `--api-url`.
    pub api_url: Option<&'p str>,
    /// The target of the run.
    pub target: &'p LoginTarget,
}

enum SourceLookup {
    Found(Credentials),
    /// No token, and why.
    Nothing(String),
    /// The keyring could not be read, so it may contain a token.
    KeyringError(KeyringError),
}

/// Looks up the token of one source.
type TokenSource = fn(&TokenSources<'_>) -> Result<SourceLookup, Error>;

/// All sources; the first one with a token wins. The order is the Railway CLI's, so that both programs use the same
/// project in the same directory.
const SOURCES: &[TokenSource] =
    &[environment::project_token, environment::api_token, stored_logins::login, railway_cli::login];

/// Returns the token to use.
///
/// A source that is set but unusable is an error, because a later one may belong to another account. An unavailable
/// keyring adds a remark, or is an error if no later source has a token.
pub fn find(places: &TokenSources<'_>) -> Result<Credentials, Error> {
    let mut missing = Vec::new();
    let mut keyring_error = None;
    for source in SOURCES {
        match source(places) {
            Ok(SourceLookup::Found(mut credentials)) => {
                credentials.remarks = environment::remarks(places, &credentials.from);
                // Most servers have no keyring and need none.
                let reported = keyring_error.filter(|error| !matches!(error, KeyringError::Unavailable(_)));
                credentials
                    .remarks
                    .extend(reported.map(|error| format!("{}, so {} is used", error.cause(), credentials.from)));
                return Ok(credentials);
            }
            Ok(SourceLookup::Nothing(why)) => missing.push(why),
            Ok(SourceLookup::KeyringError(error)) => {
                missing.push(error.cause());
                keyring_error = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match keyring_error {
        Some(error) if !matches!(error, KeyringError::Unavailable(_)) => Err(unreadable(&error, places.cli_login)),
        None => Err(Error::NoCredentials { sources: missing, login: Some(login_command(places)) }),
        Some(_) => {
            let login = (places.cli_login == CliLogin::Allowed).then(|| "railway login".to_owned());
            Err(Error::NoCredentials { sources: missing, login })
        }
    }
}

/// Returns the command that stores a login for the host. Without `--api-url`, it would be one for Railway.
fn login_command(places: &TokenSources<'_>) -> String {
    let login = "doctor auth login";
    // A URL contains no NUL, which is all that can't be quoted.
    let url = places.api_url.and_then(|url| shlex::try_quote(url).ok());
    url.map_or_else(|| login.to_owned(), |url| format!("{login} --api-url={url}"))
}

/// Returns the error for a keyring that is required and could not be read.
pub fn unreadable(error: &KeyringError, cli_login: CliLogin) -> Error {
    Error::Keyring { cause: error.cause(), help: error.help(cli_login) }
}

/// Returns a description of each source in order, and whether its token is the one that is used.
pub fn describe_sources(places: &TokenSources<'_>) -> Vec<(String, bool)> {
    let mut used = false;
    let mut lines = Vec::new();
    for source in SOURCES {
        let line = match source(places) {
            Ok(SourceLookup::Found(credentials)) => {
                let first = !used;
                used = true;
                lines.push((format!("{} has a token", credentials.from), first));
                continue;
            }
            Ok(SourceLookup::Nothing(why)) => why,
            Ok(SourceLookup::KeyringError(error)) => error.cause(),
            Err(error) => error.help().map_or_else(|| error.to_string(), |help| format!("{error}: {help}")),
        };
        lines.push((line, false));
    }
    lines
}

/// Parses the token that the user gave to `doctor auth login`.
pub fn parse_token(text: &Secret) -> Result<Option<Secret>, Error> {
    token(text.expose(), "standard input")
}

/// Parses a token, or returns `None` if the text is blank.
///
/// Surrounding whitespace, which comes from copying, is trimmed. Railway's tokens consist of visible ASCII characters;
/// anything else, including quotes, is an [`Error::MalformedToken`]: it can't be sent, or it is a mistake.
fn token(text: &str, from: &str) -> Result<Option<Secret>, Error> {
    let token = text.trim_ascii();
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`');
    match token {
        "" => Ok(None),
        _ if token.len() <= LONGEST_TOKEN && token.bytes().all(is_allowed) => Ok(Some(Secret::new(token))),
        _ => Err(Error::MalformedToken { from: from.to_owned() }),
    }
}
