//! Start commands that a fix sets in a service's settings.

use crate::drift::command_line::{CommandLine, appended};
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::Fix;
use crate::drift::start_command_source::{Source, assignment};
use crate::drift::{ResourceRef, Secret, Survey, Target};

/// A change of the start command in a service's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartCommandChange {
    pub service: ResourceRef,
    /// The current command in the settings; `None` if none is set.
    pub before: Option<Secret>,
    /// The new command; `None` removes it.
    pub after: Option<Secret>,
}

/// A fix for a start command that lacks declared parts.
#[derive(Clone, Debug)]
pub struct OfferedStartCommand {
    pub service: ResourceRef,
    /// The message of the finding.
    pub found: String,
    /// Where to change the command.
    pub change: ChangeLocation,
}

/// Where to change a start command, and to what.
#[derive(Clone, Debug)]
pub enum ChangeLocation {
    /// In the settings, which `doctor fix` writes.
    Settings(StartCommandChange),
    /// In this file, which `doctor fix` does not write; with the line to write, if it is known.
    File(String, Option<Secret>),
    /// By hand, with the reason as a sentence without a full stop.
    ByHand(String),
}

/// Returns a fix for each start command that lacks declared parts: the current command with these parts appended.
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

/// Returns the change that appends the missing declared parts.
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
        (None, _) if command.is_none() => by_hand("has no start command to append to"),
        (None, _) => by_hand("has a start command that is more than one plain command, so nothing is appended"),
        (Some(after), Source::Settings | Source::RetiredFile(_)) => ChangeLocation::Settings(StartCommandChange {
            service: target.service.clone(),
            before: set.cloned(),
            after: Some(after),
        }),
        (Some(_), Source::Image | Source::Unknown) => by_hand("has a start command of unknown origin"),
    }
}

/// Returns the line of the file that sets the command, or only the command if the file's syntax is unknown.
fn line(file: &str, command: &Secret) -> Secret {
    let text = command.expose();
    Secret::new(assignment(file, text).unwrap_or_else(|| serde_json::Value::from(text).to_string()))
}

/// Returns the change that sets `--start-command`; `None` if the settings already have it.
///
/// # Errors
///
/// Why `doctor fix` does not write it, and what to do instead.
pub fn typed(survey: &Survey, target: &Target, text: &Secret) -> Result<Option<StartCommandChange>, (String, String)> {
    let name = &target.service.name;
    let deployment = target.live.deployed.known().and_then(|deployed| deployed.subject());
    let source = deployment.map(|deployment| Source::of(survey, target, deployment));
    match source {
        Some(Source::ConfigFile(file)) => {
            let why = format!("the start command of {name} is set in {file}, which overrides the settings");
            return Err((why, format!("change it in {file} and deploy")));
        }
        Some(Source::Infrastructure(file)) => {
            let why = format!(
                "{file} may declare the settings of {name}, and the next `railway config apply` would reset them"
            );
            return Err((why, format!("change it in {file}, then run `railway config apply`")));
        }
        _ => {}
    }
    let Some(settings) = target.live.settings.known() else {
        let why = format!("Railway did not return the settings of {name}");
        return Err((why, "set it in the service's settings in the Railway dashboard".to_owned()));
    };
    let before = settings.start_command.clone();
    let (service, after) = (target.service.clone(), Some(text.clone()));
    Ok((before != after).then_some(StartCommandChange { service, before, after }))
}

#[cfg(test)]
mod tests {
    use crate::drift::model::deployment::StartCommand;
    use crate::drift::model::observed::Observed;
    use crate::drift::plan::start_command::{ChangeLocation, change, typed};
    use crate::drift::runtime::ServiceSettings;
    use crate::drift::test_support::{running, survey, target};
    use crate::drift::{Secret, Survey};

    /// Returns a survey in which `api` should have `-B`, with the command that runs and the one in the settings.
    fn found(runs: Option<&str>, set: Option<&str>) -> Survey {
        let mut found = survey(&[], &[("api", &["A=1"])]);
        running(&mut found, "api", "SUCCESS");
        let api = target(&mut found, "api");
        api.declared.start_command = vec!["-B".to_owned()];
        let start_command = set.map(Secret::new);
        api.live.settings = Observed::Known(ServiceSettings { start_command, ..ServiceSettings::default() });
        if let (Observed::Known(deployed), Some(runs)) = (&mut api.live.deployed, runs) {
            deployed.active[0].origin.start = StartCommand::Set(Secret::new(runs));
        }
        found
    }

    /// Returns where the command is changed, and to what.
    fn changed(found: &Survey) -> String {
        match change(found, &found.targets[0]) {
            ChangeLocation::Settings(change) => {
                let [before, after] = [change.before, change.after]
                    .map(|text| text.map_or("-".to_owned(), |text| text.expose().to_owned()));
                format!("settings {before} -> {after}")
            }
            ChangeLocation::File(file, line) => {
                format!("{file}: {}", line.map_or("-".to_owned(), |line| line.expose().to_owned()))
            }
            ChangeLocation::ByHand(why) => why,
        }
    }

    #[test]
    fn missing_part_is_appended_where_the_command_is_set() {
        let in_checkout = |mut found: Survey| {
            found.infrastructure = Some(".railway/railway.ts".to_owned());
            found
        };
        for (found, expected) in [
            (found(Some("celery"), Some("celery")), "settings celery -> celery -B"),
            (found(Some("celery"), Some("celery -Q low")), "settings celery -Q low -> celery -Q low -B"),
            (
                found(Some("a && b"), Some("a && b")),
                "api has a start command that is more than one plain command, so nothing is appended",
            ),
            (found(None, None), "api has no start command to append to"),
            (in_checkout(found(Some("celery"), Some("celery"))), ".railway/railway.ts: start: \"celery -B\","),
            (survey(&[], &[("api", &["A=1"])]), "api has no deployment"),
        ] {
            assert_eq!(changed(&found), expected);
        }
    }

    #[test]
    fn typed_command_is_refused_where_a_file_declares_the_settings() {
        let typed = |found: &Survey, text: &str| typed(found, &found.targets[0], &Secret::new(text));
        let mut found = found(Some("celery"), Some("celery"));
        let change = typed(&found, "celery -B").unwrap().unwrap();
        assert_eq!((change.before, change.after), (Some(Secret::new("celery")), Some(Secret::new("celery -B"))));
        assert_eq!(typed(&found, "celery"), Ok(None), "nothing changes");
        found.infrastructure = Some(".railway/railway.ts".to_owned());
        let (why, help) = typed(&found, "celery -B").unwrap_err();
        let expected =
            ".railway/railway.ts may declare the settings of api, and the next `railway config apply` would reset them";
        assert_eq!(
            (why.as_str(), help.as_str()),
            (expected, "change it in .railway/railway.ts, then run `railway config apply`")
        );
    }
}
