//! What `doctor auth login` stored: for each host of the API one entry in the keyring, with one account or workspace token
//! and a project token for each environment.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::credentials::keyring::{Keyring, KeyringError};
use crate::io::credentials::{Credentials, Places, SourceLookup};
use crate::io::railway::transport::Scheme;

/// How messages name the place.
pub const KEYRING: &str = "the keyring";

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
    /// Id and name of its project.
    pub project: (String, String),
    /// Id and name of its environment.
    pub environment: (String, String),
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub token: Secret,
}

/// The target that a run is about, as far as somebody has named it.
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
    /// Returns what is stored for that host.
    pub fn load(keyring: &dyn Keyring, host: &str) -> Result<Self, KeyringError> {
        let Some(text) = keyring.read(&name(host))? else { return Ok(Self::default()) };
        let refused = |why: &str| KeyringError::Refused(why.to_owned());
        let logins: Self =
            serde_json::from_str(text.expose()).map_err(|_| refused("what it holds is not as doctor stored it"))?;
        if logins.version > VERSION {
            return Err(refused("a newer version of doctor stored it"));
        }
        Ok(logins)
    }

    /// Stores it in the place of what was there.
    pub fn store(&mut self, keyring: &dyn Keyring, host: &str) -> Result<(), KeyringError> {
        self.version = VERSION;
        let text = Secret::new(serde_json::to_string(self).expect("texts and numbers are JSON"));
        keyring.write(&name(host), &text)
    }

    /// Removes everything that is stored for that host.
    pub fn forget(keyring: &dyn Keyring, host: &str) -> Result<(), KeyringError> {
        keyring.remove(&name(host))
    }

    /// Takes a project token in the place of the one for the same environment.
    pub fn add(&mut self, project: ResourceRef, environment: ResourceRef, token: Secret) {
        self.projects.retain(|login| login.environment.0 != environment.id);
        let (project, environment) = ((project.id, project.name), (environment.id, environment.name));
        self.projects.push(ProjectLogin { project, environment, token });
    }

    /// Returns whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.general.is_none() && self.projects.is_empty()
    }

    /// Returns what is stored, in words.
    pub fn descriptions(&self) -> Vec<String> {
        let general = self.general.iter().map(|login| login.kind.clone());
        let projects = self
            .projects
            .iter()
            .map(|login| format!("a project token for {} of {}", login.environment.1, login.project.1));
        general.chain(projects).collect()
    }

    /// Returns the token for that target: its own project token, else the general one. Where nothing names a target, a
    /// single project token does.
    fn choose(&self, aim: &LoginTarget) -> Option<(&Secret, Scheme)> {
        let is = |wanted: &Option<String>, (id, name): &(String, String)| {
            wanted.as_ref().is_none_or(|wanted| wanted == id || wanted == name)
        };
        let mut fitting = self.projects.iter().filter(|login| {
            aim.project.is_some() && is(&aim.project, &login.project) && is(&aim.environment, &login.environment)
        });
        let own = fitting.next().filter(|_| fitting.next().is_none());
        let general = || self.general.as_ref().map(|login| (&login.token, Scheme::Bearer));
        let only = || match (&aim.project, self.projects.as_slice()) {
            (None, [login]) => Some((&login.token, Scheme::Project)),
            _ => None,
        };
        own.map(|login| (&login.token, Scheme::Project)).or_else(general).or_else(only)
    }
}

/// Returns whether the keyring has this project token for that target.
pub fn is_login_for(keyring: &dyn Keyring, host: &str, aim: &LoginTarget, token: &Secret) -> bool {
    let logins = Logins::load(keyring, host);
    logins.is_ok_and(|logins| logins.choose(aim) == Some((token, Scheme::Project)))
}

/// Returns the login for the host and the target of this run.
#[expect(clippy::unnecessary_wraps, reason = "it is one of several sources, and others can fail")]
pub(super) fn login(places: &Places<'_>) -> Result<SourceLookup, Error> {
    let logins = match Logins::load(places.keyring, places.host) {
        Ok(logins) => logins,
        Err(trouble) => return Ok(SourceLookup::Trouble(trouble)),
    };
    Ok(match logins.choose(places.aim) {
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
