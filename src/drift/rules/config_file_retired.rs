//! D409 config-file-retired: a service depends on a `railway.json` or `railway.toml`, which Railway stops reading.

use crate::drift::config_as_code::{END, Support, was_read_at};
use crate::drift::model::deployment::{Deployment, DeploymentStage};
use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::service_settings::{CRON_SCHEDULE, SETTINGS, SLEEP, START_COMMAND, SetBy, Setting};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::runtime::ServiceSettings;
use crate::drift::{Secret, Survey, Target};

pub static RULE: Rule = Rule {
    code: "D409",
    name: "config-file-retired",
    severity: Severity::Warning,
    summary: "A service depends on a configuration file that Railway stops reading",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 6, name: "config file" }),
    hook: HookScope::FixedByCommit,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

`railway.json` and `railway.toml` (Config as Code) override a service's settings in each deployment, but do not change
the stored settings. Railway stops reading these files on the date that the finding shows. The next deployment then uses
the stored settings, without an error. They may have another start command or builder, no health check and no schedule.

## Example

    worker   depends on /railway.json; its settings differ in: start command, cron schedule

The running deployment's manifest lists what the file set. If it lists nothing, a file that is named in the settings or
found in the checkout may have been read. In that case, only settings that are never detected or set by default are
compared. Replicas, regions and limits are not compared. Values are not shown, because a start command may contain a
credential.

## Fix

Before that date, copy the settings that the finding lists from the file to the service's settings in the dashboard.
This changes nothing until then. Or describe the project in `.railway/railway.ts`: `railway config migrate` drafts it;
review the output of `railway config plan` before you apply it. After that date, deploy the service once the settings
are correct.

## Suppress

    [severity]
    config-file-retired = \"off\"
";

/// The evidence that a file was read. It determines which settings are compared.
enum SettingsEvidence<'e> {
    /// The deployment's manifest lists what the file set.
    Manifest(&'e str),
    /// A file is named in the settings or is in the checkout.
    File(&'e str),
}

/// Stands for the file if its name is unknown.
const SOME_FILE: &str = "a railway.json or railway.toml";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().filter_map(|target| finding(survey, target)).collect()
}

fn finding(survey: &Survey, target: &Target) -> Option<Finding> {
    // The manifest of a deployment in progress is incomplete.
    let is_done = |deployment: &&Deployment| {
        !matches!(deployment.status.stage(), DeploymentStage::InProgress | DeploymentStage::Stuck)
    };
    let deployment = target.live.deployed.known()?.subject().filter(is_done)?;
    let settings = target.live.settings.known()?;
    let evidence = evidence(settings, deployment)?;
    let differing = differing(settings, deployment, &evidence);
    if differing.is_empty() {
        return None;
    }
    let name = &target.service.name;
    let (SettingsEvidence::Manifest(file) | SettingsEvidence::File(file)) = &evidence;
    let depends = if matches!(evidence, SettingsEvidence::Manifest(_)) { "depends" } else { "may depend" };
    let support = Support::of(survey.today, &deployment.created_at);
    let (end, then) = match support {
        Support::Before => ("stops reading", "later deployments use the stored settings"),
        Support::Over => ("stopped reading", "the next deployment uses the stored settings"),
        Support::Moved => ("was due to stop reading", "a deployment without it uses the stored settings"),
    };
    Some(Finding {
        services: vec![target.service.clone()],
        reason: Some(format!("{then}, which differ in: {}", differing.join(", "))),
        advice: Some(advice(name, &differing, support)),
        deployment: Some(deployment.id.clone()),
        summary: Some(Summary::Wrong(format!("{depends} on {file}"))),
        ..Finding::new(&RULE, format!("{name} {depends} on {file}, which Railway {end} on {END}"))
    })
}

/// Returns the evidence that the deployment read a file. That Railway names no file proves nothing.
fn evidence<'e>(settings: &'e ServiceSettings, deployment: &'e Deployment) -> Option<SettingsEvidence<'e>> {
    let origin = &deployment.origin;
    let named = origin.config_file.as_ref().or(settings.config_file.as_ref()).or(settings.files.first());
    let named = named.map(String::as_str);
    match &origin.given_by_file {
        Some(_) => Some(SettingsEvidence::Manifest(named.unwrap_or(SOME_FILE))),
        None if origin.config_file.is_some() || was_read_at(&deployment.created_at) => {
            named.map(SettingsEvidence::File)
        }
        None => None,
    }
}

/// Returns the names of the settings that the deployment got from a file and that differ from the stored ones.
fn differing(
    settings: &ServiceSettings,
    deployment: &Deployment,
    evidence: &SettingsEvidence<'_>,
) -> Vec<&'static str> {
    let origin = &deployment.origin;
    let Some(running) = &origin.settings else { return Vec::new() };
    // If only the checkout suggests a file, a later change of the settings may explain the difference.
    let is_hinted = settings.config_file.is_some() || !origin.names_no_file();
    let differs = |setting: &Setting| {
        let (stored, runs) = (stored(settings, setting), running.get(setting));
        let differs = stored.known().is_some_and(|stored| stored.as_ref() != runs);
        differs
            && match evidence {
                SettingsEvidence::Manifest(_) => {
                    origin.given_by_file.as_ref().is_some_and(|given| given.contains(setting.name))
                }
                SettingsEvidence::File(_) => {
                    setting.set_by == SetBy::Person && runs.is_some() && (is_hinted || stored == Observed::Known(None))
                }
            }
    };
    SETTINGS.iter().filter(|setting| differs(setting)).map(|setting| setting.name).collect()
}

fn stored(settings: &ServiceSettings, setting: &Setting) -> Observed<Option<Secret>> {
    let comparable = |text: &str| setting.comparable(&text.into());
    let own = match setting.name {
        name if name == START_COMMAND.name => {
            settings.start_command.as_ref().and_then(|command| comparable(command.expose()))
        }
        name if name == CRON_SCHEDULE.name => settings.cron.as_deref().and_then(comparable),
        name if name == SLEEP.name => setting.comparable(&settings.sleeps.into()),
        _ => match &settings.configured {
            Some(configured) => configured.get(setting).cloned(),
            None => return Observed::NotRequested,
        },
    };
    Observed::Known(own)
}

fn advice(name: &str, differing: &[&str], support: Support) -> String {
    let them = if differing.len() == 1 { "it" } else { "them" };
    let copy = format!("copy {them} from the file to the settings of {name} in the dashboard");
    match support {
        Support::Before => format!("{copy} before {END}"),
        Support::Moved => copy,
        Support::Over if differing.contains(&START_COMMAND.name) => {
            let quoted = shlex::try_quote(name).map_or_else(|_| "NAME".to_owned(), Into::into);
            let start = format!("`doctor fix --start-command TEXT --service={quoted}` sets the start command");
            format!("{copy} before the next deployment; {start}")
        }
        Support::Over => format!("{copy} before the next deployment"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use jiff::ToSpan;
    use serde_json::{Value, json};

    use crate::drift::config_as_code::END;
    use crate::drift::model::deployment::{DeploymentSource, StartCommand};
    use crate::drift::model::observed::Observed;
    use crate::drift::model::service_settings::{SettingValues, given};
    use crate::drift::rules::config_file_retired::RULE;
    use crate::drift::runtime::ServiceSettings;
    use crate::drift::test_support::{healthy, latest, lines, running, survey, target};
    use crate::drift::{Finding, Secret, Survey};

    /// A service's running settings, those that a file set, and the stored ones.
    struct Scenario<'w> {
        runs: Value,
        file: Value,
        named_by_deployment: Option<&'w str>,
        named_by_settings: Option<&'w str>,
        in_checkout: &'w [&'w str],
        denied: bool,
        start: Option<&'w str>,
        cron: Option<&'w str>,
        stored: Value,
        created_at: &'w str,
    }

    impl Default for Scenario<'_> {
        fn default() -> Self {
            Self {
                runs: json!({ "deploy": { "startCommand": "celery worker" } }),
                file: Value::Null,
                named_by_deployment: None,
                named_by_settings: None,
                in_checkout: &[],
                denied: false,
                start: None,
                cron: None,
                stored: json!({}),
                created_at: "2026-11-20T10:00:00.000Z",
            }
        }
    }

    impl Scenario<'_> {
        fn survey(&self) -> Survey {
            let mut found = survey(&[], &[("worker", &[])]);
            running(&mut found, "worker", "SUCCESS");
            let live = &mut target(&mut found, "worker").live;
            let is_shown = !self.file.is_null();
            if let Observed::Known(deployed) = &mut live.deployed {
                let deployment = &mut deployed.active[0];
                deployment.created_at = self.created_at.to_owned();
                deployment.origin = DeploymentSource {
                    start: StartCommand::Unset,
                    settings: (!self.runs.is_null()).then(|| SettingValues::of(&self.runs)),
                    given_by_file: is_shown.then(|| given(Some(&self.file), None)),
                    start_in_file: if self.denied { Observed::Known(None) } else { Observed::NotRequested },
                    config_file: self.named_by_deployment.map(ToOwned::to_owned),
                    ..DeploymentSource::default()
                };
                deployed.latest = Some(deployment.clone());
            }
            live.settings = Observed::Known(ServiceSettings {
                start_command: self.start.map(Secret::new),
                config_file: self.named_by_settings.map(ToOwned::to_owned),
                files: self.in_checkout.iter().map(|&file| file.to_owned()).collect(),
                cron: self.cron.map(ToOwned::to_owned),
                configured: (!self.stored.is_null()).then(|| SettingValues::of(&self.stored)),
                ..ServiceSettings::default()
            });
            found
        }

        fn finding(&self) -> Option<Finding> {
            check(&self.survey()).pop()
        }

        /// Returns the differing settings as the finding lists them; empty without a finding.
        fn differs(&self) -> String {
            let reason = self.finding().and_then(|finding| finding.reason).unwrap_or_default();
            reason.split_once("differ in: ").map(|(_, names)| names.to_owned()).unwrap_or_default()
        }
    }

    fn of_file() -> Scenario<'static> {
        let manifest = json!({
            "build": { "builder": "DOCKERFILE", "watchPatterns": ["/api/**"] },
            "deploy": {
                "startCommand": "celery worker", "cronSchedule": "0 * * * *", "preDeployCommand": ["migrate"],
                "healthcheckPath": "/up", "restartPolicyType": "NEVER", "numReplicas": 2,
            },
        });
        let named_by_deployment = Some("/railway.json");
        Scenario { runs: manifest.clone(), file: manifest, named_by_deployment, ..Scenario::default() }
    }

    #[test]
    fn settings_from_a_file_are_compared_with_stored_ones() {
        let all =
            "start command, pre-deploy command, cron schedule, health check path, restart policy, builder, watch paths";
        assert_eq!(of_file().differs(), all);
        let deployment = of_file().finding().and_then(|finding| finding.deployment);
        assert_eq!(deployment.as_deref(), Some("deployment-0"), "reports link to it");
        let stored = json!({
            "build": { "builder": "DOCKERFILE", "watchPatterns": ["/api/**"] },
            "deploy": { "preDeployCommand": "migrate", "healthcheckPath": "/up", "restartPolicyType": "NEVER" },
        });
        let alike =
            || Scenario { start: Some(" celery worker"), cron: Some("0 * * * *"), stored: stored.clone(), ..of_file() };
        assert_eq!(alike().differs(), "", "a migrated service has no finding");
        assert_eq!(Scenario { start: Some("celery beat"), ..alike() }.differs(), "start command");
        assert_eq!(Scenario { cron: None, ..alike() }.differs(), "cron schedule");
        assert_eq!(Scenario { stored: Value::Null, ..alike() }.differs(), "", "the other stored settings are unknown");
        assert_eq!(Scenario { stored: Value::Null, ..of_file() }.differs(), "start command, cron schedule");
        let sleeps = json!({ "deploy": { "sleepApplication": true } });
        let asleep = Scenario { runs: sleeps.clone(), file: sleeps, stored: Value::Null, ..of_file() };
        assert_eq!(asleep.differs(), "sleep when idle", "known without the other stored settings");
        // A setting that the file does not set was changed later.
        let changed = json!({ "deploy": { "healthcheckPath": "/new" } });
        let file = json!({ "deploy": { "startCommand": "celery worker" } });
        assert_eq!(Scenario { file, start: Some("celery worker"), stored: changed, ..of_file() }.differs(), "");
        // A null in the file counts as set by the file, too.
        let file = json!({ "deploy": { "preDeployCommand": null } });
        let stored = json!({ "deploy": { "preDeployCommand": "migrate" } });
        assert_eq!(Scenario { file, stored, ..Scenario::default() }.differs(), "pre-deploy command");
    }

    #[test]
    fn file_may_explain_unstored_settings_without_proof() {
        let names = ["the deployment", "the settings", "the checkout", "nothing"];
        for (name, scenario, expected) in [
            (names[0], Scenario { named_by_deployment: Some("railway.toml"), ..Scenario::default() }, "start command"),
            (names[1], Scenario { named_by_settings: Some("/w/railway.json"), ..Scenario::default() }, "start command"),
            (names[2], Scenario { in_checkout: &["railway.json"], ..Scenario::default() }, "start command"),
            (names[3], Scenario::default(), ""),
        ] {
            assert_eq!(scenario.differs(), expected, "{name}");
            let equal = Scenario { start: Some("celery worker"), ..scenario };
            assert_eq!(equal.differs(), "", "{name}, and the settings are equal");
        }
        // An empty manifest proves nothing if nothing else explains the running settings.
        let denied = || Scenario { denied: true, in_checkout: &["railway.json"], ..Scenario::default() };
        assert_eq!(denied().differs(), "start command");
        assert_eq!(Scenario { start: Some("celery beat"), ..denied() }.differs(), "", "it was changed later");
        let configured = Scenario { start: Some("celery beat"), named_by_settings: Some("/railway.json"), ..denied() };
        assert_eq!(configured.differs(), "start command");
        // Every manifest contains detected values and defaults.
        let runs = json!({
            "build": { "builder": "DOCKERFILE", "dockerfilePath": "Dockerfile" },
            "deploy": { "startCommand": null, "restartPolicyType": "ON_FAILURE", "healthcheckTimeout": 300 },
        });
        assert_eq!(Scenario { runs, in_checkout: &["railway.json"], ..Scenario::default() }.differs(), "");
        let stored = json!({ "deploy": { "healthcheckPath": "/new" } });
        let changed =
            Scenario { start: Some("celery worker"), stored, in_checkout: &["railway.json"], ..Scenario::default() };
        assert_eq!(changed.differs(), "", "the setting was added later");
        assert_eq!(Scenario { runs: Value::Null, ..of_file() }.differs(), "", "the running settings are unknown");
    }

    #[test]
    fn deployment_after_retirement_needs_proof() {
        let later = "2027-01-04T10:00:00.000Z";
        for (scenario, expected) in [
            (Scenario { in_checkout: &["railway.json"], ..Scenario::default() }, ""),
            (Scenario { named_by_settings: Some("/railway.json"), ..Scenario::default() }, ""),
            (Scenario { named_by_deployment: Some("/railway.json"), ..Scenario::default() }, "start command"),
            (Scenario { file: json!({ "deploy": { "startCommand": "" } }), ..Scenario::default() }, "start command"),
        ] {
            assert_eq!(Scenario { created_at: later, ..scenario }.differs(), expected);
        }
    }

    #[test]
    fn message_depends_on_the_retirement_date() {
        let finding = |scenario: &Scenario<'_>, days: i64| {
            let mut found = scenario.survey();
            found.today = END + days.days();
            let finding = check(&found).remove(0);
            [finding.message, finding.reason.unwrap(), finding.advice.unwrap()]
        };
        let one = Scenario {
            file: Scenario::default().runs,
            named_by_deployment: Some("/railway.json"),
            ..Scenario::default()
        };
        let [message, reason, advice] = finding(&one, -1);
        assert_eq!(message, "worker depends on /railway.json, which Railway stops reading on 2026-12-01");
        assert_eq!(reason, "later deployments use the stored settings, which differ in: start command");
        let copy = "copy it from the file to the settings of worker in the dashboard";
        assert_eq!(advice, format!("{copy} before 2026-12-01"));
        let [message, reason, advice] = finding(&one, 0);
        assert_eq!(message, "worker depends on /railway.json, which Railway stopped reading on 2026-12-01");
        assert_eq!(reason, "the next deployment uses the stored settings, which differ in: start command");
        let command = "`doctor fix --start-command TEXT --service=worker` sets the start command";
        assert_eq!(advice, format!("{copy} before the next deployment; {command}"));
        let moved = Scenario { created_at: "2026-12-24T10:00:00.000Z", ..one };
        let [message, reason, advice] = finding(&moved, 30);
        assert_eq!(message, "worker depends on /railway.json, which Railway was due to stop reading on 2026-12-01");
        assert_eq!(reason, "a deployment without it uses the stored settings, which differ in: start command");
        assert_eq!(advice, copy);
        let [message, ..] = finding(&Scenario { in_checkout: &["railway.toml"], ..Scenario::default() }, -1);
        assert_eq!(message, "worker may depend on railway.toml, which Railway stops reading on 2026-12-01");
        let unnamed = Scenario { file: Scenario::default().runs, ..Scenario::default() };
        let [message, ..] = finding(&unnamed, -1);
        assert_eq!(
            message,
            "worker depends on a railway.json or railway.toml, which Railway stops reading on 2026-12-01"
        );
    }

    #[test]
    fn command_is_never_shown() {
        let secret = json!({ "deploy": { "startCommand": "serve --password=hunter2-of-file" } });
        let scenario =
            Scenario { runs: secret.clone(), file: secret, start: Some("serve --password=hunter2"), ..of_file() };
        assert!(!format!("{:?}", scenario.finding().unwrap()).contains("hunter2"));
    }

    #[test]
    fn nothing_is_reported_while_a_deployment_is_in_progress() {
        for (status, is_reported) in [
            ("INITIALIZING", false),
            ("BUILDING", false),
            ("NEEDS_APPROVAL", false),
            ("SUCCESS", true),
            ("SLEEPING", true),
            ("CRASHED", true),
            ("FAILED", true),
        ] {
            let mut found = of_file().survey();
            let deployed = &mut target(&mut found, "worker").live.deployed;
            let Observed::Known(known) = deployed else { panic!() };
            let origin = known.active[0].origin.clone();
            latest(&mut found, "worker", status);
            if let Observed::Known(known) = &mut target(&mut found, "worker").live.deployed {
                known.active.clear();
                known.latest.as_mut().unwrap().origin = origin;
            }
            assert_eq!(lines(&RULE, &found).len(), usize::from(is_reported), "{status}");
        }
    }

    #[test]
    fn healthy_or_unread_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        let mut found = of_file().survey();
        for settings in [Observed::NotRequested, Observed::Unavailable("refused".to_owned())] {
            target(&mut found, "worker").live.settings = settings;
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
        let mut found = of_file().survey();
        for deployed in [Observed::NotRequested, Observed::Unavailable("refused".to_owned())] {
            target(&mut found, "worker").live.deployed = deployed;
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
    }
}
