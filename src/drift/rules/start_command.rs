//! D406 start-command: the running deployment was started with the wrong command.

use crate::drift::command_line::CommandLine;
use crate::drift::model::deployment::{Deployed, Deployment, StartCommand};
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::Fix;
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, Declaration, RuleCheck};
use crate::drift::start_command_source::{Source, may_come_from_a_file, quoted};
use crate::drift::{Secret, Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D406",
    name: "start-command",
    severity: Severity::Error,
    summary: "The running start command lacks a declared part",
    explain: EXPLAIN,
    fix: Some(Fix::StartCommand),
    status_row: Some(StatusRow { position: 5, name: "start command" }),
    hook: HookScope::FixedByCommit,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck {
    passed,
    declaration: Some(Declaration { name: "start-command-contains", is_made: is_declared }),
    ..RuleCheck::new(&RULE, check)
};

const EXPLAIN: &str = "\
## Why it matters

A worker that is started without `-B` works, but its schedule never runs. The start command is set in the settings in
the dashboard, or by `railway config apply` from `.railway/railway.ts`, `.py` or `.go`. A `railway.json` or
`railway.toml` overrides the settings without being shown there, until Railway stops reading such files.

## Example

    [services.worker]
    start-command-contains = [\"-B\", \"--loglevel INFO\"]

    worker   was started with `celery -A app worker --loglevel INFO`, which lacks -B

Parts are words of the command, split as a shell splits them: `-B` does not match `--Bulk`. A part of several words
matches these words in sequence. A script that is passed to a shell (`sh -c '…'`) is searched, too. The command itself
is not shown, because commands may contain credentials.

Without a declaration, the finding is a warning if the command in the settings differs from the running one and no file
explains the difference.

## Fix

The finding states where the running command was set, which is where to change it. If that is the settings, `doctor fix`
in a terminal shows the command with the missing parts appended and sets it in this environment only. Without a
terminal, use `doctor fix --start-command TEXT --service NAME`. If it was set in a file, change it there. If the part is
already set but the running deployment is older, `doctor fix --redeploy` is enough.

## Suppress

Remove the part from `start-command-contains`, or:

    [severity]
    start-command = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().filter_map(|target| finding(survey, target)).collect()
}

fn finding(survey: &Survey, target: &Target) -> Option<Finding> {
    let deployment = target.live.deployed.known()?.subject()?;
    let source = Source::of(survey, target, deployment);
    let found = match &deployment.origin.start {
        StartCommand::Unknown => return None,
        StartCommand::Unset => lacking(target, &source, ""),
        StartCommand::Set(command) => {
            lacking(target, &source, command.expose()).or_else(|| another(target, deployment, command))
        }
    };
    found.map(|finding| Finding { services: vec![target.service.clone()], ..finding })
}

fn lacking(target: &Target, source: &Source, command: &str) -> Option<Finding> {
    let parts = CommandLine::of(command).lacks(&target.declared.start_command);
    if parts.is_empty() {
        return None;
    }
    let name = &target.service.name;
    let missing = quoted(&parts);
    let finding = Finding {
        summary: Some(Summary::Wrong(format!("lacks {missing}"))),
        ..Finding::new(&RULE, format!("the start command of {name} lacks {missing}"))
    };
    if is_set_already(target, source, &parts) {
        return Some(Finding {
            reason: Some("the settings have it, but the running deployment is older".to_owned()),
            remedies: vec![Remedy::Redeploy],
            next: Some(Finding::fix_redeploy()),
            ..finding
        });
    }
    let (reason, advice) = source.place(name, &parts);
    let is_written = source.is_settable();
    Some(Finding {
        reason: Some(reason),
        advice: Some(advice),
        remedies: if is_written { vec![Remedy::StartCommand] } else { Vec::new() },
        next: is_written.then(|| Finding::fix_service(name)),
        ..finding
    })
}

/// Returns whether the settings have what the running command lacks, and no file overrides them.
fn is_set_already(target: &Target, source: &Source, parts: &[&str]) -> bool {
    let settings = target.live.settings.known();
    let set = settings.and_then(|settings| settings.start_command.as_ref());
    let has_all = |set: &Secret| {
        let set = CommandLine::of(set.expose());
        parts.iter().all(|part| set.has(part))
    };
    !matches!(source, Source::ConfigFile(_)) && set.is_some_and(has_all)
}

/// Returns a finding if the running command has every declared part but differs from the settings.
fn another(target: &Target, deployment: &Deployment, running: &Secret) -> Option<Finding> {
    let settings = target.live.settings.known()?;
    let set = settings.start_command.as_ref()?;
    let split = |command: &Secret| shlex::split(command.expose());
    if may_come_from_a_file(settings, deployment) || split(set) == split(running) {
        return None;
    }
    Some(Finding {
        severity: Severity::Warning,
        reason: Some("the settings were changed after the running deployment was created".to_owned()),
        remedies: vec![Remedy::Redeploy],
        next: Some(Finding::fix_redeploy()),
        summary: Some(Summary::Wrong("differs from the settings".to_owned())),
        ..Finding::new(&RULE, format!("the running start command of {} differs from its settings", target.service.name))
    })
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    let parts: Vec<&str> = target.declared.start_command.iter().map(String::as_str).collect();
    if parts.is_empty() {
        return CheckOutcome::NotChecked;
    }
    let live = &target.live;
    let started = |deployed: &Deployed| deployed.subject().map(|subject| subject.origin.start.clone());
    match (&live.deployed, live.deployed.known().and_then(started)) {
        (Observed::NotRequested, _) => CheckOutcome::open("not checked"),
        (Observed::Unavailable(why), _) => CheckOutcome::open(why),
        (_, None) => CheckOutcome::open("nothing is running"),
        (_, Some(StartCommand::Unknown)) => CheckOutcome::open("Railway does not report the running start command"),
        (_, Some(StartCommand::Unset | StartCommand::Set(_))) => {
            CheckOutcome::good(format!("has {}", phrases::names(&parts)))
        }
    }
}

fn is_declared(survey: &Survey) -> bool {
    survey.targets.iter().any(|target| !target.declared.start_command.is_empty())
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::collections::BTreeSet;

    use crate::drift::model::deployment::StartCommand;
    use crate::drift::model::finding::{Remedy, Summary};
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::start_command::RULE;
    use crate::drift::runtime::ServiceSettings;
    use crate::drift::test_support::{healthy, lines, running, survey, target};
    use crate::drift::{Finding, Secret, Survey};

    /// Returns a survey of a service with declared parts, the command that it was started with, and the command in its
    /// settings.
    fn with(parts: &[&str], started: StartCommand, set: Option<&str>) -> Survey {
        let mut found = survey(&[], &[("worker", &[])]);
        running(&mut found, "worker", "SUCCESS");
        let target = target(&mut found, "worker");
        target.declared.start_command = parts.iter().map(|&part| part.to_owned()).collect();
        if let Observed::Known(deployed) = &mut target.live.deployed {
            deployed.active[0].origin.start = started;
        }
        let start_command = set.map(Secret::new);
        target.live.settings = Observed::Known(ServiceSettings { start_command, ..ServiceSettings::default() });
        found
    }

    fn is(command: &str) -> StartCommand {
        StartCommand::Set(Secret::new(command))
    }

    #[test]
    fn checks_running_command_for_declared_parts() {
        for (parts, started, set, expected) in [
            (
                &["-B"][..],
                is("celery worker"),
                Some("celery worker"),
                "error - [worker]: the start command of worker lacks -B",
            ),
            (&["-B"], is("celery worker --Bulk"), None, "error - [worker]: the start command of worker lacks -B"),
            (&["-B"], is("celery worker -B"), Some("celery worker -B"), ""),
            (&["-B", "worker"], is("celery worker -B"), None, ""),
            (
                &["-B", "--loglevel INFO"],
                is("celery worker --loglevel DEBUG"),
                None,
                "error - [worker]: the start command of worker lacks -B and “--loglevel INFO”",
            ),
            (&["--loglevel INFO"], is("celery worker --loglevel INFO"), None, ""),
            (&["-B"], StartCommand::Unset, None, "error - [worker]: the start command of worker lacks -B"),
            (&["-B"], StartCommand::Unknown, Some("celery worker"), ""),
            (&[], StartCommand::Unset, None, ""),
            (&[], is("celery worker"), None, ""),
            (&[], is("celery worker"), Some("celery  worker"), ""),
            (
                &[],
                is("celery worker"),
                Some("celery worker -B"),
                "warning - [worker]: the running start command of worker differs from its settings",
            ),
        ] {
            let findings = lines(&RULE, &with(parts, started.clone(), set)).concat();
            assert_eq!(findings, expected, "{parts:?} {started:?} {set:?}");
        }
    }

    fn finding(change: impl FnOnce(&mut Survey)) -> Finding {
        let mut found = with(&["-B"], is("celery worker"), None);
        change(&mut found);
        check(&found).remove(0)
    }

    fn settings(found: &mut Survey, set: Option<&str>, config_file: Option<&str>, files: &[&str]) {
        target(found, "worker").live.settings = Observed::Known(ServiceSettings {
            start_command: set.map(Secret::new),
            config_file: config_file.map(ToOwned::to_owned),
            files: files.iter().map(|&file| file.to_owned()).collect(),
            ..ServiceSettings::default()
        });
    }

    /// An empty `start_in_file` stands for a file that sets no command.
    fn origin(found: &mut Survey, start_in_file: Option<&str>, config_file: Option<&str>) {
        if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
            deployed.active[0].origin.start_in_file = match start_in_file {
                Some("") => Observed::Known(None),
                Some(command) => Observed::Known(Some(Secret::new(command))),
                None => Observed::NotRequested,
            };
            deployed.active[0].origin.given_by_file = start_in_file.map(|_| BTreeSet::new());
            deployed.active[0].origin.config_file = config_file.map(ToOwned::to_owned);
        }
    }

    #[test]
    fn advice_names_the_source_of_the_command() {
        type Case<'c> = (&'c str, Box<dyn FnOnce(&mut Survey)>, &'c str);
        let same = "celery worker";
        let cases: Vec<Case<'_>> = vec![
            ("settings", Box::new(|found| settings(found, Some("celery worker"), None, &[])), "in the settings in"),
            (
                "settings, and a file without a command",
                Box::new(|found| settings(found, Some("celery worker"), None, &["railway.json"])),
                "in the settings in",
            ),
            (
                "infrastructure file",
                Box::new(|found| {
                    settings(found, Some("celery worker"), None, &[]);
                    found.infrastructure = Some(".railway/railway.ts".to_owned());
                }),
                "in .railway/railway.ts (`start: \"… -B\",`, where … is the current command), then run `railway config apply`",
            ),
            (
                "no settings",
                Box::new(|found| settings(found, None, None, &[])),
                "in railway.json or railway.toml in the",
            ),
            (
                "configured file",
                Box::new(|found| settings(found, None, Some("/w/railway.toml"), &[])),
                "in /w/railway.toml (`startCommand = \"… -B\"`, where",
            ),
            (
                "file in the checkout",
                Box::new(|found| settings(found, None, None, &["railway.json"])),
                "in railway.json (`\"startCommand\": \"… -B\"`, where",
            ),
            (
                "file of the deployment",
                Box::new(|found| origin(found, Some("celery worker"), Some("railway.toml"))),
                "in railway.toml (`startCommand = \"… -B\"`, where",
            ),
            (
                "file that overrides equal settings",
                Box::new(|found| {
                    settings(found, Some("celery worker"), None, &[]);
                    origin(found, Some("celery worker"), Some("railway.json"));
                }),
                "in railway.json (`\"startCommand\": \"… -B\"`, where",
            ),
            (
                "file that overrides settings with the part",
                Box::new(|found| {
                    settings(found, Some("celery worker -B"), None, &[]);
                    origin(found, Some("celery worker"), Some("railway.json"));
                }),
                "in railway.json (`\"startCommand\": \"… -B\"`, where",
            ),
            (
                "emptied settings, and a file without a command",
                Box::new(|found| {
                    settings(found, None, None, &["railway.json"]);
                    origin(found, Some(""), Some("railway.json"));
                }),
                "in the settings in",
            ),
            (
                "unknown settings",
                Box::new(|found| target(found, "worker").live.settings = Observed::Unavailable("refused".to_owned())),
                "where the command is set",
            ),
        ];
        for (name, change, place) in cases {
            let found = finding(change);
            let (reason, advice) = (found.reason.unwrap(), found.advice.unwrap());
            assert!(format!("{reason}: {advice}").contains(place), "{name}: {reason}: {advice}");
            let is_written = place.starts_with("in the settings");
            assert_eq!(found.remedies.contains(&Remedy::StartCommand), is_written, "{name}");
            let next = is_written.then(|| vec!["fix".to_owned(), "--service=worker".to_owned()]);
            assert_eq!(found.next, next, "{name}");
            assert!(!advice.contains(same), "the command is shown");
        }
    }

    #[test]
    fn redeploy_suffices_when_settings_are_correct() {
        let found = finding(|found| {
            settings(found, Some("celery worker -B"), None, &["railway.json"]);
            origin(found, Some(""), Some("railway.json"));
        });
        assert_eq!(found.remedies, [Remedy::Redeploy], "the file sets no command");
        let found = finding(|found| settings(found, Some("celery worker -B"), None, &[]));
        assert_eq!((found.remedies.as_slice(), found.advice), (&[Remedy::Redeploy][..], None));
        assert_eq!(found.next.unwrap(), ["fix", "--redeploy"]);
        let changed = check(&with(&[], is("celery worker"), Some("celery worker -B"))).remove(0);
        assert_eq!(changed.summary, Some(Summary::Wrong("differs from the settings".to_owned())));
        assert_eq!(changed.next.unwrap(), ["fix", "--redeploy"]);
    }

    #[test]
    fn config_file_explains_a_different_command() {
        for (start_in_file, of_deployment, named, files) in [
            (Some("celery worker"), None, None, &[][..]),
            (None, Some("railway.json"), None, &[]),
            (None, None, Some("railway.json"), &[]),
            (None, None, None, &["railway.toml"]),
        ] {
            let mut found = with(&[], is("celery worker"), None);
            settings(&mut found, Some("celery beat"), named, files);
            origin(&mut found, start_in_file, of_deployment);
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
    }

    #[test]
    fn start_command_is_checked_in_every_status() {
        for status in ["SUCCESS", "SLEEPING", "CRASHED", "FAILED", "DEPLOYING", "REMOVED"] {
            let mut found = with(&["-B"], is("celery worker"), None);
            running(&mut found, "worker", status);
            if let Observed::Known(deployed) = &mut target(&mut found, "worker").live.deployed {
                deployed.active[0].origin.start = is("celery worker");
            }
            assert_eq!(lines(&RULE, &found).len(), 1, "{status}");
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        let mut found = with(&["-B"], is("celery"), None);
        for deployed in [Observed::NotRequested, Observed::Unavailable("refused".to_owned())] {
            target(&mut found, "worker").live.deployed = deployed;
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
    }
}
