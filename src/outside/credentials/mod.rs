//! The token for Railway: where it may come from, and which one is used.

mod environment;
mod host;
mod loose;
mod railway_cli;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::drift::Secret;
use crate::error::Error;
pub use crate::outside::credentials::host::{Host, railway_env};
pub use crate::outside::credentials::railway_cli::{Link, link};
use crate::outside::railway::wire::Scheme;

/// The longest token that is sent, in bytes; a header has no room for more.
const LONGEST_TOKEN: usize = 8 * 1024;

/// A token, how to send it, and where it came from.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The token itself.
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
    /// It may.
    Allowed,
    /// Only tokens that the user set on purpose are sent.
    Forbidden,
}

/// Everything that a source may look at.
struct Places<'p> {
    variables: &'p BTreeMap<String, String>,
    home: Option<&'p Path>,
    now: Timestamp,
    cli_login: CliLogin,
}

/// What one source has.
enum Looked {
    Found(Credentials),
    /// Nothing, and why: what was found in its place.
    Nothing(String),
}

/// One place that may hold a token.
type Source = fn(&Places<'_>) -> Result<Looked, Error>;

/// Every source; the first that has a token wins. The order is the official CLI's own, so that both look at the same
/// project in the same folder.
const SOURCES: &[Source] = &[environment::project_token, environment::api_token, railway_cli::login];

/// The token to use.
///
/// A source that is set and can't be used is an error, because silently using another one would look at another
/// account. `home` is the user's home folder, if there is one.
pub fn find(
    variables: &BTreeMap<String, String>,
    home: Option<&Path>,
    now: Timestamp,
    cli_login: CliLogin,
) -> Result<Credentials, Error> {
    let places = Places { variables, home, now, cli_login };
    let mut looked = Vec::new();
    for source in SOURCES {
        match source(&places)? {
            Looked::Found(mut credentials) => {
                credentials.remarks = environment::remarks(&places, &credentials.from);
                return Ok(credentials);
            }
            Looked::Nothing(why) => looked.push(why),
        }
    }
    Err(Error::NoCredentials { looked })
}

/// The token in a text, or `None` if there is nothing but blanks.
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
