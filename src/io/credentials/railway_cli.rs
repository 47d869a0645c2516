//! The Railway CLI's configuration file: its login and its links. It is never written.
//!
//! Its refresh token rotates, and using a stale one logs the user out everywhere. So it is skipped by the parser and
//! never stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::error::Category;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::credentials::lenient_json::{Entries, Loose, Object, loose};
use crate::io::credentials::{CliLogin, Credentials, SourceLookup, TokenSources, railway_env, token};
use crate::io::files::{self, ReadOutcome};
use crate::io::railway::transport::Scheme;

/// The maximum size of the file, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// How long before its expiry a login counts as expired. The Railway CLI uses the same margin.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// What `railway link` stored for a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub project_id: String,
    pub project_name: Option<String>,
    pub environment_id: Option<String>,
    pub environment_name: Option<String>,
    pub service_id: Option<String>,
    /// The linked directory: the working directory or one above it.
    pub folder: PathBuf,
}

/// The part of the file that is read.
#[derive(Default, Deserialize)]
struct CliConfigFile {
    #[serde(default, deserialize_with = "loose")]
    user: Option<Object<User>>,
    #[serde(default, deserialize_with = "loose")]
    projects: Option<Entries<Object<LinkedFolder>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default, deserialize_with = "loose")]
    access_token: Option<Secret>,
    /// Seconds since 1970.
    #[serde(default, deserialize_with = "loose")]
    token_expires_at: Option<i64>,
    /// The token of CLI versions without OAuth. It does not expire.
    #[serde(default, deserialize_with = "loose")]
    token: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkedFolder {
    #[serde(default, deserialize_with = "loose")]
    name: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    project: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    environment: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    environment_name: Option<String>,
    #[serde(default, deserialize_with = "loose")]
    service: Option<String>,
}

/// Returns the access token of the login, or else the token that older versions stored. An expired login is an error.
pub(super) fn login(places: &TokenSources<'_>) -> Result<SourceLookup, Error> {
    let shown = shown(places.variables);
    if places.cli_login == CliLogin::Forbidden {
        return Ok(SourceLookup::Nothing("the Railway CLI's login is not used with --api-url".to_owned()));
    }
    let Some(home) = places.home else {
        return Ok(SourceLookup::Nothing(format!("could not locate {shown}: the home directory is unknown")));
    };
    let Some(file) = read(home, places.variables)? else {
        return Ok(SourceLookup::Nothing(format!("{shown} does not exist")));
    };
    let none = || Ok(SourceLookup::Nothing(format!("{shown} has no login")));
    let Some(Object(user)) = file.user else { return none() };
    let found = |token| Credentials { token, scheme: Scheme::Bearer, from: shown.clone(), remarks: Vec::new() };
    let usable = |text: &Option<Secret>| text.as_ref().map_or(Ok(None), |text| token(text.expose(), &shown));
    if let Some(token) = usable(&user.access_token)? {
        // Without an expiry, Railway decides whether the token is valid.
        return match user.token_expires_at {
            Some(end) if is_over(end, places.now) => Err(Error::Expired { path: shown }),
            _ => Ok(SourceLookup::Found(found(token))),
        };
    }
    match usable(&user.token)? {
        Some(token) => Ok(SourceLookup::Found(found(token))),
        None => none(),
    }
}

fn is_over(end: i64, now: Timestamp) -> bool {
    now.as_second() >= end.saturating_sub(MARGIN.as_secs())
}

/// Returns the link of the working directory, or of the nearest directory above it.
///
/// # Errors
///
/// [`Error::CliConfig`] if the file exists but can't be read.
pub fn link(
    variables: &BTreeMap<String, String>,
    home: Option<&Path>,
    working_folder: &Path,
) -> Result<Option<Link>, Error> {
    let Some(home) = home else { return Ok(None) };
    let Some(CliConfigFile { projects: Some(Entries(projects)), .. }) = read(home, variables)? else { return Ok(None) };
    let nearest = |folder: &Path| folder.ancestors().find_map(|folder| linked(folder, &projects));
    // The CLI stores the resolved path, such as `/private/tmp` for macOS's `/tmp`.
    let real = || working_folder.canonicalize().ok();
    Ok(nearest(&files::normal(working_folder)).or_else(|| nearest(&real()?)))
}

fn linked(folder: &Path, projects: &BTreeMap<String, Object<LinkedFolder>>) -> Option<Link> {
    let Object(entry) = projects.get(folder.to_str()?)?;
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Some(Link {
        project_id: filled(&entry.project)?,
        project_name: filled(&entry.name),
        environment_id: filled(&entry.environment),
        environment_name: filled(&entry.environment_name),
        service_id: filled(&entry.service),
        folder: folder.to_owned(),
    })
}

/// Returns the path of the file, as messages show it.
fn shown(variables: &BTreeMap<String, String>) -> String {
    format!("~/.railway/{}", railway_env(variables).config_file())
}

/// Returns the path of the Railway CLI's configuration file.
pub fn link_file(home: &Path, variables: &BTreeMap<String, String>) -> PathBuf {
    home.join(".railway").join(railway_env(variables).config_file())
}

/// Reads the file. Returns `None` if it does not exist.
fn read(home: &Path, variables: &BTreeMap<String, String>) -> Result<Option<CliConfigFile>, Error> {
    let path = link_file(home, variables);
    let fault = |why| Err(Error::CliConfig { path: shown(variables), cause: why });
    match files::read_text(&path, LIMIT) {
        ReadOutcome::Missing => Ok(None),
        ReadOutcome::Unusable(why) => fault(why),
        ReadOutcome::Text(text) => match serde_json::from_str::<Loose<Object<CliConfigFile>>>(text.expose()) {
            Ok(file) => Ok(Some(file.0.map_or_else(CliConfigFile::default, |Object(file)| file))),
            // serde_json's message may quote the file.
            Err(error) => fault(match error.classify() {
                Category::Eof => "unexpected end of file".to_owned(),
                _ => format!("unexpected content at line {}, column {}", error.line(), error.column()),
            }),
        },
    }
}
