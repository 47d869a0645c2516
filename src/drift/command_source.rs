//! Where a running start command came from, and so where it is to be changed.

use crate::drift::deployment::{Deployment, StartCommand};
use crate::drift::learned::Learned;
use crate::drift::live::{Live, Settings};

/// Where the running command came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A configuration file of the deployed code.
    File(String),
    /// The settings, which the checkout describes in this file.
    Described(String),
    /// The settings.
    Settings,
    /// Nobody set one.
    Image,
    /// It can't be told.
    Unknown,
}

/// Configuration as code: its file writes the settings.
const DESCRIBING: &str = "railway.ts";

impl Source {
    /// That of the deployment's command, as far as it can be told.
    pub fn of(live: &Live, deployment: &Deployment) -> Self {
        let nothing = Settings::default();
        let is_known = live.settings.known().is_some();
        let settings = live.settings.known().unwrap_or(&nothing);
        let running = match &deployment.origin.start {
            StartCommand::Untold => return Self::Unknown,
            StartCommand::OfImage => return Self::Image,
            StartCommand::Is(running) => running,
        };
        let file = || file(settings, deployment).unwrap_or("railway.json or railway.toml of the code").to_owned();
        match (&deployment.origin.start_in_file, &settings.start_command) {
            (Learned::Known(Some(given)), _) if given == running => Self::File(file()),
            (_, Some(set)) if running == set => {
                let described = settings.files.iter().find(|file| file.ends_with(DESCRIBING));
                described.map_or(Self::Settings, |file| Self::Described(file.clone()))
            }
            // The settings were another when it was created.
            (Learned::Known(_), _) => Self::Settings,
            _ if may_come_from_a_file(settings, deployment) => Self::File(file()),
            (_, Some(_)) => Self::Settings,
            // What the settings do not have comes from a file.
            (_, None) if is_known => Self::File(file()),
            (_, None) => Self::Unknown,
        }
    }

    /// Where it came from, and what to do there.
    pub fn place(&self, name: &str, words: &str) -> (String, String) {
        match self {
            Self::File(file) => (
                format!("it is set in {file}, which goes over the settings"),
                format!("add {words} to `startCommand` in {file}, and deploy that"),
            ),
            Self::Described(file) => (
                format!("it is set in the settings, which {file} describes"),
                format!("add {words} to the start command of {name} in {file}, apply it, and deploy"),
            ),
            Self::Settings => (
                "it is set in the settings on Railway's page".to_owned(),
                format!("add {words} to the start command in the settings of {name} on Railway's page, and deploy"),
            ),
            Self::Image => (
                "none is set, so its image or its build decides".to_owned(),
                format!("set a start command with {words} in the settings of {name} on Railway's page, and deploy"),
            ),
            Self::Unknown => (
                "Railway does not tell where it came from".to_owned(),
                format!(
                    "add {words} where it is set: in railway.json or railway.toml of the code, or in the settings of \
                     {name} on Railway's page"
                ),
            ),
        }
    }
}

/// Whether a file may have given the command.
pub fn may_come_from_a_file(settings: &Settings, deployment: &Deployment) -> bool {
    match &deployment.origin.start_in_file {
        Learned::Known(given) => given.is_some(),
        Learned::NotLooked | Learned::Untold(_) => file(settings, deployment).is_some(),
    }
}

/// The configuration file of the service, if there is one that could give it a start command.
fn file<'s>(settings: &'s Settings, deployment: &'s Deployment) -> Option<&'s str> {
    let in_checkout = || settings.files.iter().find(|file| !file.ends_with(DESCRIBING));
    let named = deployment.origin.config_file.as_ref().or(settings.config_file.as_ref());
    named.or_else(in_checkout).map(String::as_str)
}
