//! Start commands that a fix sets in the settings of a service.

use crate::drift::command_line::{CommandLine, appended};
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::Fix;
use crate::drift::start_command_source::{Source, assignment};
use crate::drift::{ResourceRef, Secret, Survey, Target};

/// A start command that is to change in the settings of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartCommandChange {
    /// The service.
    pub service: ResourceRef,
    /// The command of its settings now; `None` if none is set.
    pub before: Option<Secret>,
    /// The command to set; `None` removes it.
    pub after: Option<Secret>,
}

/// What can be done about a start command that lacks declared parts.
#[derive(Clone, Debug)]
pub struct OfferedStartCommand {
    /// The service.
    pub service: ResourceRef,
    /// What was found; a sentence without full stop.
    pub found: String,
    /// Where to change the command.
    pub change: ChangeLocation,
}

/// Where to change a start command, and to what.
#[derive(Clone, Debug)]
pub enum ChangeLocation {
    /// In the settings, which a fix writes.
    Settings(StartCommandChange),
    /// In this file, which a fix does not write: the line that belongs there, where it is known.
    File(String, Option<Secret>),
    /// A person has to write it; a sentence without full stop that says why.
    ByHand(String),
}

/// What can be done about each start command that lacks declared parts: the command of today with these parts appended.
pub fn offered(survey: &Survey, findings: &[Finding]) -> Vec<OfferedStartCommand> {
    let is_about = |finding: &&Finding| {
        matches!(finding.rule.fix, Some(Fix::StartCommand)) && !finding.remedies.contains(&Remedy::Redeploy)
    };
    let about = findings.iter().filter(is_about).flat_map(|finding| {
        let targets = survey.targets.iter().filter(|target| finding.services.contains(&target.service));
        targets.map(move |target| OfferedStartCommand {
            service: target.service.clone(),
            found: finding.message.clone(),
            change: change(survey, target),
        })
    });
    about.collect()
}

/// The command of a service's settings with the missing declared parts, where that can be known.
fn change(survey: &Survey, target: &Target) -> ChangeLocation {
    let by_hand = |why: &str| ChangeLocation::ByHand(format!("{} {why}", target.service.name));
    let Some(deployment) = target.live.deployed.known().and_then(|deployed| deployed.subject()) else {
        return by_hand("has no deployment");
    };
    let source = Source::of(survey, target, deployment);
    let running = deployment.origin.start.text();
    let set = target.live.settings.known().and_then(|settings| settings.start_command.as_ref());
    let command = if source == Source::Settings { set.or(running) } else { running };
    let after = command.and_then(|command| {
        appended(command.expose(), &CommandLine::of(command.expose()).lacks(&target.declared.start_command))
    });
    match (after, source) {
        (after, Source::ConfigFile(file) | Source::Infrastructure(file)) => {
            let line = after.map(|after| line(&file, &after));
            ChangeLocation::File(file, line)
        }
        (None, _) if command.is_none() => by_hand("has no start command that parts could be appended to"),
        (None, _) => by_hand("has a start command that is more than one plain command, so nothing is appended to it"),
        (Some(after), Source::Settings | Source::RetiredFile(_)) => ChangeLocation::Settings(StartCommandChange {
            service: target.service.clone(),
            before: set.cloned(),
            after: Some(after),
        }),
        (Some(_), Source::Image | Source::Unknown) => by_hand("has a start command of unknown origin"),
    }
}

/// The line of that file that sets the command; only the command where the file's form is not known.
fn line(file: &str, command: &Secret) -> Secret {
    let text = command.expose();
    Secret::new(assignment(file, text).unwrap_or_else(|| serde_json::Value::from(text).to_string()))
}

/// The change to the text of `--start-command`. `Ok(None)` if the settings have it already; otherwise why a fix does not write
/// it, and what to do instead.
pub fn typed(survey: &Survey, target: &Target, text: &Secret) -> Result<Option<StartCommandChange>, (String, String)> {
    let name = &target.service.name;
    let deployment = target.live.deployed.known().and_then(|deployed| deployed.subject());
    let source = deployment.map(|deployment| Source::of(survey, target, deployment));
    match source {
        Some(Source::ConfigFile(file)) => {
            let why = format!("the start command of {name} is set in {file}, which overrides the settings");
            return Err((why, format!("change it in {file}, and deploy that")));
        }
        Some(Source::Infrastructure(file)) => {
            let why =
                format!("{file} may describe {name}, and the next `railway config apply` would reset the settings");
            return Err((why, format!("change it in {file}, then run `railway config apply`")));
        }
        _ => {}
    }
    let Some(settings) = target.live.settings.known() else {
        let why = format!("Railway did not return the settings of {name}");
        return Err((why, "set it in the settings of the service in Railway's dashboard".to_owned()));
    };
    let before = settings.start_command.clone();
    let (service, after) = (target.service.clone(), Some(text.clone()));
    Ok((before != after).then_some(StartCommandChange { service, before, after }))
}
