//! D404 staged-changes: the environment has staged changes.

use std::collections::{BTreeSet, HashSet};

use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::rule::{Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
use crate::drift::reference::{ReferenceTarget, aim, occurrences};
use crate::drift::rules::{CheckOutcome, RuleCheck};
use crate::drift::{ResourceRef, Survey, Target, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D404",
    name: "staged-changes",
    severity: Severity::Warning,
    summary: "The environment has staged changes that are not deployed",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 3, name: "staged" }),
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { passed, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

Changes made in the dashboard are staged until “Deploy” is pressed. Until then, the stored variables do not include
them. Once deployed, they overwrite anything pushed in the meantime.

## Example

    staging   OPS_API_KEY of api was changed in the dashboard but not deployed

The finding is an error if the changes touch a key that is also in the file, because that key is about to change again.
Without a file, it is an error if they touch a needed key.
Changes that Railway tried to deploy but could not apply are a warning: they are not pending any more and change
nothing.

## Fix

Deploy or discard the changes in the dashboard. `doctor` does neither, because they may be another user's work.
`doctor fix` stops before it writes a key that they touch.

## Suppress

    [severity]
    staged-changes = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let Some(Some(staged)) = survey.staged.known() else { return Vec::new() };
    if staged.state == StagedState::Failed {
        return failed(survey, staged);
    }
    let compared = compared(survey, staged);
    if survey.only.is_empty() {
        let keys: Vec<&str> = compared.iter().copied().collect();
        return vec![finding(survey, staged, &keys)];
    }
    compared.into_iter().filter(|key| survey.includes_key(key)).map(|key| finding(survey, staged, &[key])).collect()
}

/// Changes that could not be applied. No key is about to change, so none is singled out.
fn failed(survey: &Survey, staged: &StagedChanges) -> Vec<Finding> {
    if !survey.only.is_empty() && !staged.variables.iter().any(|(_, key)| survey.includes_key(key)) {
        return Vec::new();
    }
    let changes = changes(staged, &[]);
    let cause = staged.error.as_deref().unwrap_or("Railway does not report why");
    vec![Finding {
        services: services(survey, staged),
        reason: Some(cause.to_owned()),
        advice: Some("if you still want them, stage and deploy them again in the dashboard".to_owned()),
        summary: Some(Summary::Open(format!("could not be applied: {changes}"))),
        ..Finding::new(&RULE, format!("staged changes in {} could not be applied: {changes}", survey.environment.name))
    }]
}

/// Returns the changed keys that are compared on the service where they change.
fn compared<'s>(survey: &Survey, staged: &'s StagedChanges) -> BTreeSet<&'s str> {
    let own = |target: &Target, key: &str| survey.compares(target, key) && !system_variables::is_provided(key);
    let is_compared = |owner: Option<&str>, key: &str| match owner {
        Some(id) => survey.targets.iter().any(|target| target.service.id == id && own(target, key)),
        None => survey.readable().any(|target| refers(survey, target, key)),
    };
    let touched = staged.variables.iter();
    touched.filter(|(owner, key)| is_compared(owner.as_deref(), key)).map(|(_, key)| key.as_str()).collect()
}

/// Returns whether a compared variable of the service refers to that shared variable.
fn refers(survey: &Survey, target: &Target, shared: &str) -> bool {
    let home = target.service.name.as_str();
    target.stored.iter().flatten().any(|(key, variable)| {
        let template = variable.template().map_or("", |template| template.expose());
        survey.compares(target, key)
            && occurrences(template)
                .iter()
                .any(|one| aim(one.body, home, &survey.catalogue) == Ok(ReferenceTarget::Shared(shared)))
    })
}

fn finding(survey: &Survey, staged: &StagedChanges, keys: &[&str]) -> Finding {
    let changes = changes(staged, keys);
    let state = match staged.state {
        StagedState::Waiting | StagedState::Failed => "not deployed",
        StagedState::Applying => "being applied",
    };
    let by = staged.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let advice = match staged.state {
        StagedState::Waiting | StagedState::Failed => "deploy or discard them in the dashboard",
        StagedState::Applying => "wait until they are applied, then check again",
    };
    Finding {
        severity: if keys.is_empty() { RULE.severity } else { Severity::Error },
        key: if let [key] = keys { Some((*key).to_owned()) } else { None },
        services: services(survey, staged),
        reason: last_change(staged),
        advice: Some(advice.to_owned()),
        summary: Some(Summary::Wrong(format!("{state}: {changes}"))),
        ..Finding::new(&RULE, format!("staged changes{by} in {} are {state}: {changes}", survey.environment.name))
    }
}

/// Railway names the user who applies the changes, not the one who made them.
fn last_change(staged: &StagedChanges) -> Option<String> {
    let time = Some(&staged.updated_at).filter(|time| !time.is_empty())?;
    let author = if staged.by.is_none() { "; Railway does not report the author" } else { "" };
    let failed = staged.error.as_ref().map(|error| format!("; deploying them failed: {error}")).unwrap_or_default();
    Some(format!("last changed at {}{author}{failed}", phrases::moment(time)))
}

/// Returns the changes: compared keys by name, other variables as a count.
fn changes(staged: &StagedChanges, keys: &[&str]) -> String {
    let touched: BTreeSet<&str> = staged.variables.iter().map(|(_, key)| key.as_str()).collect();
    let others: Vec<&str> = touched.iter().copied().filter(|key| !keys.contains(key)).collect();
    let named: Vec<&str> = if keys.is_empty() { others.clone() } else { keys.to_vec() };
    let mut parts = Vec::new();
    if !named.is_empty() {
        parts.push(phrases::names(&named));
    }
    if !keys.is_empty() && !others.is_empty() {
        parts.push(phrases::count(others.len(), "other variable"));
    }
    if staged.others == OtherChanges::Some {
        parts.push("settings".to_owned());
    }
    parts.join("; ")
}

/// Returns the services in scope whose variables change.
fn services(survey: &Survey, staged: &StagedChanges) -> Vec<ResourceRef> {
    let touched: HashSet<&str> = staged.variables.iter().filter_map(|(owner, _)| owner.as_deref()).collect();
    let targets = survey.targets.iter().filter(|target| touched.contains(target.service.id.as_str()));
    targets.map(|target| target.service.clone()).collect()
}

/// Shows nothing for a service if nothing is staged.
fn passed(survey: &Survey, _: &Target) -> CheckOutcome {
    survey.staged.unavailable().map_or(CheckOutcome::NotChecked, CheckOutcome::open)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::model::finding::Summary;
    use crate::drift::model::observed::Observed;
    use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
    use crate::drift::rules::staged_changes::RULE;
    use crate::drift::test_support::{healthy, lines, named, require, shared, survey, template, without_file};

    fn with(variables: &[(&str, &str)], others: OtherChanges) -> Survey {
        let rows: &[&str] = &["A=1", "B=1", "S=${{shared.T}} => 1"];
        let mut found = survey(&["A=1", "S=1"], &[("api", rows), ("web", &["B=1"])]);
        shared(&mut found, "T");
        shared(&mut found, "U");
        let owner = |service: &str| (!service.is_empty()).then(|| named(service).id);
        found.staged = Observed::Known(Some(StagedChanges {
            state: StagedState::Waiting,
            variables: variables.iter().map(|(service, key)| (owner(service), (*key).to_owned())).collect(),
            settings: Vec::new(),
            others,
            updated_at: "2026-11-24T09:00:00.000Z".to_owned(),
            by: None,
            error: None,
        }));
        found
    }

    #[test]
    fn changes_of_needed_keys_are_errors_without_a_file() {
        let severity = |variables: &[(&str, &str)]| {
            let mut found = with(variables, OtherChanges::None);
            without_file(&mut found);
            template(&mut found, ".env.example", "A=\n", &["api"]);
            require(&mut found, "B", &["web"]);
            check(&found)[0].severity.name()
        };
        let cases = [("api", "A"), ("web", "B"), ("api", "B"), ("web", "A"), ("", "T")];
        assert_eq!(cases.map(|case| severity(&[case])), ["error", "error", "warning", "warning", "warning"]);
    }

    #[test]
    fn failed_changes_are_a_warning_with_their_error() {
        let mut found = with(&[("api", "A")], OtherChanges::None);
        let staged = |error: Option<&str>, state| {
            let Observed::Known(Some(staged)) = with(&[("api", "A")], OtherChanges::None).staged else {
                panic!("none")
            };
            Observed::Known(Some(StagedChanges { state, error: error.map(str::to_owned), ..staged }))
        };
        for (error, cause) in [(Some("no such image"), "no such image"), (None, "Railway does not report why")] {
            found.staged = staged(error, StagedState::Failed);
            let expected = "warning - [api]: staged changes in staging could not be applied: A";
            assert_eq!(lines(&RULE, &found), [expected]);
            assert_eq!(check(&found)[0].reason.as_deref(), Some(cause));
        }
        for (key, count) in [("A", 1), ("B", 0)] {
            found.only = [key.to_owned()].into();
            assert_eq!(lines(&RULE, &found).len(), count, "{key}");
        }
        found.only.clear();
        found.staged = staged(Some("no such image"), StagedState::Waiting);
        let finding = &check(&found)[0];
        assert_eq!(finding.severity.name(), "error", "staged again after the failure");
        assert!(finding.reason.as_ref().unwrap().ends_with("; deploying them failed: no such image"));
    }

    #[test]
    fn staged_change_of_compared_key_is_an_error() {
        for (variables, others, expected) in [
            (&[("api", "A")][..], OtherChanges::None, "error A [api]: staged changes in staging are not deployed: A"),
            (&[("api", "B")], OtherChanges::None, "warning - [api]: staged changes in staging are not deployed: B"),
            (
                &[("api", "NEW")],
                OtherChanges::Some,
                "warning - [api]: staged changes in staging are not deployed: NEW; settings",
            ),
            (&[("web", "A")], OtherChanges::None, "error A [web]: staged changes in staging are not deployed: A"),
            (&[("elsewhere", "A")], OtherChanges::None, "warning - []: staged changes in staging are not deployed: A"),
            (&[("", "T")], OtherChanges::None, "error T []: staged changes in staging are not deployed: T"),
            (&[("", "U")], OtherChanges::None, "warning - []: staged changes in staging are not deployed: U"),
            (&[], OtherChanges::Some, "warning - []: staged changes in staging are not deployed: settings"),
            (
                &[("api", "A"), ("api", "B"), ("web", "C")],
                OtherChanges::Some,
                "error A [api, web]: staged changes in staging are not deployed: A; 2 other variables; settings",
            ),
            (
                &[("api", "A"), ("api", "S")],
                OtherChanges::None,
                "error - [api]: staged changes in staging are not deployed: A and S",
            ),
        ] {
            assert_eq!(lines(&RULE, &with(variables, others)), [expected], "{variables:?}");
        }
    }

    #[test]
    fn author_and_time_are_reported() {
        let mut found = with(&[("api", "A")], OtherChanges::None);
        if let Observed::Known(Some(staged)) = &mut found.staged {
            staged.by = Some("ann@example.com".to_owned());
            staged.state = StagedState::Applying;
        }
        let finding = &check(&found)[0];
        assert_eq!(finding.message, "staged changes by ann@example.com in staging are being applied: A");
        assert_eq!(finding.reason.as_deref(), Some("last changed at 2026-11-24 09:00:00 UTC"));
        assert_eq!(finding.advice.as_deref(), Some("wait until they are applied, then check again"));
        assert_eq!(finding.summary, Some(Summary::Wrong("being applied: A".to_owned())));
    }

    #[test]
    fn only_selected_keys_are_reported() {
        let mut found = with(&[("api", "A"), ("api", "B")], OtherChanges::Some);
        found.only.insert("A".to_owned());
        assert_eq!(lines(&RULE, &found).len(), 1);
        found.only = [("B".to_owned())].into();
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        let mut found = healthy();
        for staged in [Observed::NotRequested, Observed::Unavailable("refused".to_owned()), Observed::Known(None)] {
            found.staged = staged;
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
    }
}
