//! The token for Railway: where it may come from, and which one is used.

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

/// The longest token that is sent, in bytes; a header has no room for more.
const LONGEST_TOKEN: usize = 8 * 1024;

/// A token, how to send it, and where it came from.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub token: Secret,
    /// The header it belongs into.
    pub scheme: Scheme,
    /// The place to mend: `RAILWAY_TOKEN`, `RAILWAY_API_TOKEN`, `~/.railway/config.json`.
    pub from: String,
    /// What a person should know about the choice; sentences without full stop.
    pub remarks: Vec<String>,
}

/// Whether the official CLI's login may be used. With `--api-url` it may not: it is meant for Railway's own hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CliLogin {
    Allowed,
    /// Only tokens that the user set on purpose are sent.
    Forbidden,
}

/// Everything that a source may look at.
#[derive(Clone, Copy)]
pub struct Places<'p> {
    /// The process environment.
    pub variables: &'p BTreeMap<String, String>,
    /// The user's home folder, if there is one.
    pub home: Option<&'p Path>,
    /// What time it is.
    pub now: Timestamp,
    /// Whether the official CLI's login may be used.
    pub cli_login: CliLogin,
    pub keyring: &'p dyn Keyring,
    /// The host that is to be asked.
    pub host: &'p str,
    /// The target of the run.
    pub aim: &'p LoginTarget,
}

enum SourceLookup {
    Found(Credentials),
    /// Nothing, and why: what was found in its place.
    Nothing(String),
    /// It can't be asked, which is not the same.
    Trouble(KeyringError),
}

/// One place that may hold a token.
type TokenSource = fn(&Places<'_>) -> Result<SourceLookup, Error>;

/// Every source; the first that has a token wins. The order is the official CLI's own, so that both look at the same
/// project in the same folder.
const SOURCES: &[TokenSource] =
    &[environment::project_token, environment::api_token, stored_logins::login, railway_cli::login];

/// Returns the token to use.
///
/// A source that is set and can't be used is an error, because silently using another one would look at another
/// account. A keyring that can't be asked is said, and is an error where nothing further down has a token.
pub fn find(places: &Places<'_>) -> Result<Credentials, Error> {
    let mut looked = Vec::new();
    let mut trouble = None;
    for source in SOURCES {
        match source(places) {
            Ok(SourceLookup::Found(mut credentials)) => {
                credentials.remarks = environment::remarks(places, &credentials.from);
                // Most servers have none, and need none.
                let said = trouble.filter(|trouble| !matches!(trouble, KeyringError::Absent(_)));
                credentials.remarks.extend(
                    said.map(|trouble| format!("{}, so that {} is used", trouble.sentence(), credentials.from)),
                );
                return Ok(credentials);
            }
            Ok(SourceLookup::Nothing(why)) => looked.push(why),
            Ok(SourceLookup::Trouble(met)) => {
                looked.push(met.sentence());
                trouble = Some(met);
            }
            Err(error) => return Err(error),
        }
    }
    match trouble {
        Some(trouble) if !matches!(trouble, KeyringError::Absent(_)) => Err(unasked(&trouble)),
        _ => Err(Error::NoCredentials { sources: looked }),
    }
}

/// Returns the error for a keyring that had to be asked and could not be.
pub fn unasked(trouble: &KeyringError) -> Error {
    Error::Keyring { cause: trouble.sentence(), help: trouble.remedy() }
}

/// Returns what every source says, in order, and whether a token of it is used: the first one that has one.
pub fn describe_sources(places: &Places<'_>) -> Vec<(String, bool)> {
    let mut used = false;
    let mut told = Vec::new();
    for source in SOURCES {
        let line = match source(places) {
            Ok(SourceLookup::Found(credentials)) => {
                let first = !used;
                used = true;
                told.push((format!("{} has a token", credentials.from), first));
                continue;
            }
            Ok(SourceLookup::Nothing(why)) => why,
            Ok(SourceLookup::Trouble(trouble)) => format!("{}: {}", trouble.sentence(), trouble.remedy()),
            Err(error) => format!("{error}: {}", error.help()),
        };
        told.push((line, false));
    }
    told
}

/// Returns the token in a text that somebody gave for a login.
pub fn given(text: &Secret) -> Result<Option<Secret>, Error> {
    token(text.expose(), "what was given")
}

/// Returns the token in a text, or `None` if there is nothing but blanks.
///
/// Blanks around it come from copying and are left out. Railway's tokens are one word of visible ASCII; anything else,
/// quotes included, is an [`Error::MalformedToken`], because it can't be sent or is surely not what was meant.
fn token(text: &str, from: &str) -> Result<Option<Secret>, Error> {
    let token = text.trim_ascii();
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`');
    match token {
        "" => Ok(None),
        _ if token.len() <= LONGEST_TOKEN && token.bytes().all(fits) => Ok(Some(Secret::new(token))),
        _ => Err(Error::MalformedToken { from: from.to_owned() }),
    }
}
