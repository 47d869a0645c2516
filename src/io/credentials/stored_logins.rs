//! The logins of `doctor auth login`: one keyring entry for each API host, with at most one account or workspace token
//! and one project token for each environment.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::credentials::keyring::{Keyring, KeyringError};
use crate::io::credentials::{Credentials, SourceLookup, TokenSources};
use crate::io::railway::transport::Scheme;

/// The source, as messages name it.
pub const KEYRING: &str = "the OS keyring";

const VERSION: u8 = 1;

#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Logins {
    version: u8,
    /// The account or workspace token.
    pub general: Option<Login>,
    /// Project tokens, one for each environment.
    pub projects: Vec<ProjectLogin>,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Login {
    /// `an account token` or `a workspace token`.
    pub kind: String,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub token: Secret,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct ProjectLogin {
    /// The id and the name.
    pub project: (String, String),
    /// The id and the name.
    pub environment: (String, String),
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub token: Secret,
}

/// The target of a run, as far as it is specified.
#[derive(Clone, Debug, Default)]
pub struct LoginTarget {
    /// The project's id or name.
    pub project: Option<String>,
    pub environment: Option<String>,
}

fn write<S: Serializer>(token: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

impl Logins {
    /// Reads the logins for a host.
    pub fn load(keyring: &dyn Keyring, host: &str) -> Result<Self, KeyringError> {
        let Some(text) = keyring.read(&name(host))? else { return Ok(Self::default()) };
        let refused = |why: &str| KeyringError::Failed(why.to_owned());
        let logins: Self =
            serde_json::from_str(text.expose()).map_err(|_| refused("the entry is not in the expected format"))?;
        if logins.version > VERSION {
            return Err(refused("the entry was stored by a newer version of doctor"));
        }
        Ok(logins)
    }

    /// Stores the logins, and replaces those stored before.
    pub fn store(&mut self, keyring: &dyn Keyring, host: &str) -> Result<(), KeyringError> {
        self.version = VERSION;
        let text = Secret::new(serde_json::to_string(self).expect("texts and numbers are JSON"));
        keyring.write(&name(host), &text)
    }

    /// Removes all logins for a host.
    pub fn forget(keyring: &dyn Keyring, host: &str) -> Result<(), KeyringError> {
        keyring.remove(&name(host))
    }

    /// Adds a project token, and replaces the one for the same environment.
    pub fn add(&mut self, project: ResourceRef, environment: ResourceRef, token: Secret) {
        self.projects.retain(|login| login.environment.0 != environment.id);
        let (project, environment) = ((project.id, project.name), (environment.id, environment.name));
        self.projects.push(ProjectLogin { project, environment, token });
    }

    pub fn is_empty(&self) -> bool {
        self.general.is_none() && self.projects.is_empty()
    }

    /// Returns a description of each login.
    pub fn descriptions(&self) -> Vec<String> {
        let general = self.general.iter().map(|login| login.kind.clone());
        let projects = self
            .projects
            .iter()
            .map(|login| format!("a project token for {} of {}", login.environment.1, login.project.1));
        general.chain(projects).collect()
    }

    /// Returns the token for a target: its project token, or else the general one. If no target is specified and only
    /// one project token exists, that one.
    fn choose(&self, aim: &LoginTarget) -> Option<(&Secret, Scheme)> {
        let matches = |wanted: &Option<String>, (id, name): &(String, String)| {
            wanted.as_ref().is_none_or(|wanted| wanted == id || wanted == name)
        };
        let mut matching = self.projects.iter().filter(|login| {
            aim.project.is_some()
                && matches(&aim.project, &login.project)
                && matches(&aim.environment, &login.environment)
        });
        let own = matching.next().filter(|_| matching.next().is_none());
        let general = || self.general.as_ref().map(|login| (&login.token, Scheme::Bearer));
        let only = || match (&aim.project, self.projects.as_slice()) {
            (None, [login]) => Some((&login.token, Scheme::Project)),
            _ => None,
        };
        own.map(|login| (&login.token, Scheme::Project)).or_else(general).or_else(only)
    }
}

/// Returns whether this is the project token that the keyring has for that target.
pub fn is_login_for(keyring: &dyn Keyring, host: &str, aim: &LoginTarget, token: &Secret) -> bool {
    let logins = Logins::load(keyring, host);
    logins.is_ok_and(|logins| logins.choose(aim) == Some((token, Scheme::Project)))
}

/// Looks up the login for the host and the target of this run.
#[expect(clippy::unnecessary_wraps, reason = "the type of all sources, of which others can fail")]
pub(super) fn login(places: &TokenSources<'_>) -> Result<SourceLookup, Error> {
    let logins = match Logins::load(places.keyring, places.host) {
        Ok(logins) => logins,
        Err(error) => return Ok(SourceLookup::KeyringError(error)),
    };
    Ok(match logins.choose(places.target) {
        Some((token, scheme)) => SourceLookup::Found(Credentials {
            token: token.clone(),
            scheme,
            from: KEYRING.to_owned(),
            remarks: Vec::new(),
        }),
        None if logins.is_empty() => SourceLookup::Nothing(format!("{KEYRING} has no login for {}", places.host)),
        None => SourceLookup::Nothing(format!(
            "{KEYRING} has no login for this target, only {}",
            logins.descriptions().join(", ")
        )),
    })
}

fn name(host: &str) -> String {
    format!("login for {host}")
}
