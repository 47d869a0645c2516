//! The official CLI's own file: its login and its links. It is only ever read.
//!
//! Its refresh token rotates, and using a stale one logs the user out everywhere: it is skipped over while reading and
//! kept nowhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::error::Category;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::credentials::lenient_json::{Entries, Loose, Object, loose};
use crate::io::credentials::{CliLogin, Credentials, Places, SourceLookup, railway_env, token};
use crate::io::files::{self, ReadOutcome};
use crate::io::railway::transport::Scheme;

/// The longest file that is read, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// How long before its end a login counts as expired: the official CLI's own margin.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// What `railway link` remembers for a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub project_id: String,
    pub project_name: Option<String>,
    pub environment_id: Option<String>,
    pub environment_name: Option<String>,
    /// The service's id, if one was linked.
    pub service_id: Option<String>,
    /// The folder that is linked: the working folder or one above it.
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
    /// What the CLI stored before it had OAuth; has no end.
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

/// Returns the login: its access token while it lasts, else the token of older versions.
pub(super) fn login(places: &Places<'_>) -> Result<SourceLookup, Error> {
    let shown = shown(places.variables);
    if places.cli_login == CliLogin::Forbidden {
        return Ok(SourceLookup::Nothing("the Railway CLI's login is not used with --api-url".to_owned()));
    }
    let Some(home) = places.home else {
        return Ok(SourceLookup::Nothing(format!("{shown} can't be looked for without a home folder")));
    };
    let Some(file) = read(home, places.variables)? else {
        return Ok(SourceLookup::Nothing(format!("{shown} does not exist")));
    };
    let none = || Ok(SourceLookup::Nothing(format!("{shown} has no login")));
    let Some(Object(user)) = file.user else { return none() };
    let found = |token| Credentials { token, scheme: Scheme::Bearer, from: shown.clone(), remarks: Vec::new() };
    let usable = |text: &Option<Secret>| text.as_ref().map_or(Ok(None), |text| token(text.expose(), &shown));
    if let Some(token) = usable(&user.access_token)? {
        // A login without an end is left for Railway to judge.
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

/// Returns the link of the working folder, or of the nearest folder above it.
///
/// An [`Error::CliConfig`] if the file is there and can't be read.
pub fn link(
    variables: &BTreeMap<String, String>,
    home: Option<&Path>,
    working_folder: &Path,
) -> Result<Option<Link>, Error> {
    let Some(home) = home else { return Ok(None) };
    let Some(CliConfigFile { projects: Some(Entries(projects)), .. }) = read(home, variables)? else { return Ok(None) };
    let nearest = |folder: &Path| folder.ancestors().find_map(|folder| linked(folder, &projects));
    // The CLI writes the folder as the system told it, which is without links: `/private/tmp` for macOS's `/tmp`.
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

/// Returns the file as messages name it.
fn shown(variables: &BTreeMap<String, String>) -> String {
    format!("~/.railway/{}", railway_env(variables).config_file())
}

/// Returns where the official CLI keeps its links.
pub fn link_file(home: &Path, variables: &BTreeMap<String, String>) -> PathBuf {
    home.join(".railway").join(railway_env(variables).config_file())
}

/// Returns the file, or `None` if there is none.
fn read(home: &Path, variables: &BTreeMap<String, String>) -> Result<Option<CliConfigFile>, Error> {
    let path = link_file(home, variables);
    let fault = |why| Err(Error::CliConfig { path: shown(variables), cause: why });
    match files::read_text(&path, LIMIT) {
        ReadOutcome::Missing => Ok(None),
        ReadOutcome::Unusable(why) => fault(why),
        ReadOutcome::Text(text) => match serde_json::from_str::<Loose<Object<CliConfigFile>>>(text.expose()) {
            Ok(file) => Ok(Some(file.0.map_or_else(CliConfigFile::default, |Object(file)| file))),
            // The library's own words may quote the file.
            Err(error) => fault(match error.classify() {
                Category::Eof => "it ends too early".to_owned(),
                _ => format!("line {}, column {} is not as the Railway CLI writes it", error.line(), error.column()),
            }),
        },
    }
}
