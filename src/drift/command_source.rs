//! Where a running start command came from, and so where it is to be changed.

use crate::drift::config_as_code::{END, is_read_on, was_read_at};
use crate::drift::deployment::{Deployment, StartCommand};
use crate::drift::learned::Learned;
use crate::drift::live::Settings;
use crate::drift::{Survey, Target, sentence};

/// Where the running command came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `railway.json` or `railway.toml` of the deployed code, which overrides the settings in every deployment.
    ConfigFile(String),
    /// The same, and Railway no longer reads it: the next deployment takes the command of the settings.
    RetiredFile(String),
    /// The settings, beside a `.railway/railway.ts`, `.py` or `.go` in the checkout: `railway config apply` sets them to
    /// what that file declares.
    Infrastructure(String),
    /// The settings.
    Settings,
    /// No command is set: the image, or what built it, decides.
    Image,
    /// Railway does not show it.
    Unknown,
}

/// What a configuration file is called where Railway does not name it.
const SOME_FILE: &str = "railway.json or railway.toml of the code";

impl Source {
    /// The source of the deployment's command, as far as Railway and the checkout show it.
    pub fn of(survey: &Survey, target: &Target, deployment: &Deployment) -> Self {
        let nothing = Settings::default();
        let known = target.live.settings.known();
        let settings = known.unwrap_or(&nothing);
        let in_settings = |otherwise: Self| survey.infrastructure.clone().map_or(otherwise, Self::Infrastructure);
        let in_file = |path: &str| {
            let path = path.to_owned();
            if is_read_on(survey.today) { Self::ConfigFile(path) } else { Self::RetiredFile(path) }
        };
        let running = match &deployment.origin.start {
            StartCommand::Untold => return Self::Unknown,
            StartCommand::OfImage => return in_settings(Self::Image),
            StartCommand::Is(running) => running,
        };
        let file = file(settings, deployment);
        match (&deployment.origin.start_in_file, &settings.start_command) {
            (Learned::Known(Some(given)), _) if given == running => in_file(file.unwrap_or(SOME_FILE)),
            (_, Some(set)) if set == running => in_settings(Self::Settings),
            // The settings had another one when it was created.
            (Learned::Known(_), _) => in_settings(Self::Settings),
            _ if may_come_from_a_file(settings, deployment) => in_file(file.unwrap_or(SOME_FILE)),
            (_, Some(_)) => in_settings(Self::Settings),
            // What the settings do not have comes from a file.
            (_, None) if known.is_some() && was_read_at(&deployment.created_at) => in_file(SOME_FILE),
            (_, None) if known.is_some() => in_settings(Self::Settings),
            (_, None) => Self::Unknown,
        }
    }

    /// Whether a start command that is written into the settings reaches the next deployment, and nothing in the checkout
    /// sets it back.
    pub fn is_settable(&self) -> bool {
        matches!(self, Self::Settings | Self::Image | Self::RetiredFile(_))
    }

    /// Where the command of the service with that name came from, and what to do there so that it has these parts.
    pub fn place(&self, name: &str, parts: &[&str]) -> (String, String) {
        let words = quoted(parts);
        let in_dashboard = format!("the settings of {name} on Railway's dashboard");
        match self {
            Self::ConfigFile(file) => (
                format!("it is set in {file}, which overrides the settings until {END}"),
                format!(
                    "add {words} to `startCommand` in {file}{}, and deploy that; from {END} on Railway no longer reads \
                     the file, so set the same command in {in_dashboard}, too",
                    line(file, parts)
                ),
            ),
            Self::RetiredFile(file) => (
                format!("it was set in {file}, which Railway stopped reading on {END}"),
                format!("set a start command with {words} in {in_dashboard}, and deploy"),
            ),
            Self::Infrastructure(file) => (
                format!("its settings are described by {file}"),
                format!(
                    "add {words} to the start command of {name} in {file}{}, then run `railway config apply`",
                    line(file, parts)
                ),
            ),
            Self::Settings => (
                "it is set in the settings on Railway's dashboard".to_owned(),
                format!("add {words} to the start command in {in_dashboard}, and deploy"),
            ),
            Self::Image => (
                "none is set, so its image or its build decides".to_owned(),
                format!("set a start command with {words} in {in_dashboard}, and deploy"),
            ),
            Self::Unknown => (
                "Railway does not show where it came from".to_owned(),
                format!("add {words} where it is set, usually in {in_dashboard}, and deploy"),
            ),
        }
    }
}

/// The line of that file that sets a command which ends with these parts, in brackets; empty where the file's form is not
/// known.
fn line(file: &str, parts: &[&str]) -> String {
    let text = serde_json::Value::from(format!("… {}", parts.join(" ")));
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let line = match ending {
        "json" => format!("\"startCommand\": {text}"),
        "toml" => format!("startCommand = {text}"),
        "ts" => format!("start: {text},"),
        "py" => format!("start={text},"),
        "go" => format!("\"start\": {text},"),
        _ => return String::new(),
    };
    format!(" (`{line}`, where … is what stands there)")
}

/// The parts in a sentence; one of several words needs marks around it.
pub fn quoted(parts: &[&str]) -> String {
    let quoted = |part: &&str| {
        if part.contains(char::is_whitespace) { format!("“{part}”") } else { (*part).to_owned() }
    };
    let quoted: Vec<String> = parts.iter().map(quoted).collect();
    sentence::names(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether a configuration file may have given the command.
pub fn may_come_from_a_file(settings: &Settings, deployment: &Deployment) -> bool {
    match &deployment.origin.start_in_file {
        Learned::Known(given) => given.is_some(),
        Learned::NotLooked | Learned::Untold(_) => {
            was_read_at(&deployment.created_at) && file(settings, deployment).is_some()
        }
    }
}

/// The configuration file of the service, if there is one that could give it a start command.
fn file<'s>(settings: &'s Settings, deployment: &'s Deployment) -> Option<&'s str> {
    let named = deployment.origin.config_file.as_ref().or(settings.config_file.as_ref());
    named.or(settings.files.first()).map(String::as_str)
}
