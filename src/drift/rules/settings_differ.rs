//! D505 settings-differ: a service has different settings in two environments.

use crate::drift::compare::{self, ServicePair};
use crate::drift::model::finding::Finding;
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::service_settings::HEALTH_CHECK_PATH;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::runtime::ServiceSettings;
use crate::drift::{Secret, Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D505",
    name: "settings-differ",
    severity: Severity::Note,
    summary: "A service has different settings in two environments",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A worker that runs with `-B` only in production schedules its jobs only there, so that staging never tests them.

## Example

    staging      worker   celery worker
    production   worker   celery worker -B

`doctor compare` compares the start command, the cron schedule, the health check path, the root directory and the
path of the configuration file. The texts are not shown, because a command may contain a credential. Settings in a
configuration file of the repository are not compared: both environments may deploy different commits.

## Fix

Change the setting of the service in the Railway dashboard. `doctor fix --start-command TEXT --service NAME` sets a
start command.

## Suppress

    [severity]
    settings-differ = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let Some([left, right]) = compare::environments(survey) else { return Vec::new() };
    let finding = |pair: ServicePair<'_>| {
        let [Some(first), Some(second)] = pair.sides else { return None };
        let different = different_settings(settings(first)?, settings(second)?);
        let (verb, pronoun) = if different.len() == 1 { ("differs", "it") } else { ("differ", "them") };
        let names = phrases::names(&different);
        let message =
            format!("the {names} of {} {verb} between {} and {}", pair.service.name, left.name(), right.name());
        (!different.is_empty()).then(|| Finding {
            services: vec![pair.service.clone()],
            advice: Some(format!("change {pronoun} in the dashboard, in the settings of {}", pair.service.name)),
            ..Finding::new(&RULE, message)
        })
    };
    compare::services(survey).filter_map(finding).collect()
}

fn settings(target: &Target) -> Option<&ServiceSettings> {
    match &target.live.settings {
        Observed::Known(settings) => Some(settings),
        Observed::NotRequested | Observed::Unavailable(_) => None,
    }
}

/// Returns the names of the settings that differ.
fn different_settings(left: &ServiceSettings, right: &ServiceSettings) -> Vec<&'static str> {
    let start =
        |settings: &ServiceSettings| settings.start_command.as_ref().map(|text| text.expose().trim().to_owned());
    let health = |settings: &ServiceSettings| -> Option<Secret> {
        settings.configured.as_ref().and_then(|configured| configured.get(&HEALTH_CHECK_PATH)).cloned()
    };
    let path = |path: Option<&String>| path.map_or("", String::as_str).trim_matches('/').to_owned();
    let rows = [
        ("start command", start(left) != start(right)),
        ("cron schedule", left.cron != right.cron),
        ("health check path", health(left) != health(right)),
        ("root directory", path(left.root_directory.as_ref()) != path(right.root_directory.as_ref())),
        ("configuration file", path(left.config_file.as_ref()) != path(right.config_file.as_ref())),
    ];
    rows.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::drift::Secret;
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::ServiceSettings;
    use crate::drift::survey::{Presence, Survey};
    use crate::drift::test_support::{counterpart, lines, pair, target};

    fn with_settings(left: ServiceSettings, right: Observed<ServiceSettings>) -> Survey {
        let mut found = pair(&[("api", &[])], &[("api", &[])]);
        target(&mut found, "api").live.settings = Observed::Known(left);
        if let Presence::Both(second) = &mut counterpart(&mut found).services[0] {
            second.live.settings = right;
        }
        found
    }

    fn base() -> ServiceSettings {
        ServiceSettings { start_command: Some(Secret::new("web --key=hunter2")), ..ServiceSettings::default() }
    }

    #[test]
    fn differing_settings_are_named_without_their_texts() {
        let cases: [(ServiceSettings, &str); 5] = [
            (ServiceSettings { start_command: None, ..base() }, "the start command of api differs"),
            (ServiceSettings { cron: Some("0 3 * * *".to_owned()), ..base() }, "the cron schedule of api differs"),
            (ServiceSettings { root_directory: Some("api".to_owned()), ..base() }, "the root directory of api differs"),
            (
                ServiceSettings { config_file: Some("a.json".to_owned()), ..base() },
                "the configuration file of api differs",
            ),
            (
                ServiceSettings { cron: Some("0 3 * * *".to_owned()), start_command: None, ..base() },
                "the start command and cron schedule of api differ",
            ),
        ];
        for (right, expected) in cases {
            let found = lines(&RULE, &with_settings(base(), Observed::Known(right)));
            assert_eq!(found, [format!("note - [api]: {expected} between staging and production")]);
        }
    }

    #[test]
    fn equivalent_or_unknown_settings_do_not_differ() {
        let slashes = ServiceSettings { root_directory: Some("/".to_owned()), ..base() };
        let spaces = ServiceSettings { start_command: Some(Secret::new(" web --key=hunter2\n")), ..base() };
        for right in [
            Observed::Known(base()),
            Observed::Known(slashes),
            Observed::Known(spaces),
            Observed::Unavailable("denied".to_owned()),
            Observed::NotRequested,
        ] {
            assert_eq!(lines(&RULE, &with_settings(base(), right)), [""; 0]);
        }
    }
}
