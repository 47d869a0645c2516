//! D115 empty-on-railway: a needed key is stored, but empty.

use std::collections::BTreeMap;

use crate::drift::comparison::observation;
use crate::drift::key_holders::KeyHolders;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::needs::{NeedHolders, TemplateNeed, required_keys, template_needs};
use crate::drift::rules::{RuleCheck, missing_locally, suspicious_value};
use crate::drift::survey::Local;
use crate::drift::suspicious_values::is_blank;
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D115",
    name: "empty-on-railway",
    severity: Severity::Warning,
    summary: "A needed key is stored on Railway, but empty",
    explain: EXPLAIN,
    markers: &[Marker::new(Mark::EmptyOnRailway, "e", "no value", "empty-on-railway", "needed, but empty on Railway")],
    in_place_of: &[&missing_locally::RULE, &suspicious_value::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Most programs treat an empty variable like a missing one, and fail only where the value is used. In the dashboard, the
service looks complete.

## Example

    [[require]]
    keys     = [\"SMTP_PASSWORD\"]
    services = [\"api\"]

    api      SMTP_PASSWORD=

A required key is an error on each of its services where it is empty. If a reference is empty, its key is empty, too. A
value of white space or invisible characters counts as empty. A sealed value is unknown, so it is not reported.

Without a file, a key of a template such as `.env.example` is a warning if it is empty on every service that has it.

## Fix

Set the value on Railway. If no program needs it any more, remove the key from `[[require]]`, or comment out its line in
the template: `# SMTP_PASSWORD=`.

## Suppress

    [[ignore]]
    keys   = [\"SMTP_PASSWORD\"]
    rules  = [\"empty-on-railway\"]
    reason = \"the mail server accepts any password\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut findings: Vec<Finding> = required_keys(survey).into_iter().flat_map(|key| required(survey, key)).collect();
    let needs = template_needs(survey);
    if !needs.is_empty() {
        let holders = KeyHolders::new(survey);
        findings.extend(needs.iter().filter_map(|(key, need)| of_template(survey, &holders, key, need)));
    }
    findings
}

/// Returns a finding for each location of the local value.
fn required(survey: &Survey, key: &str) -> Vec<Finding> {
    let mut empty: BTreeMap<Option<Location>, Vec<(&Target, Option<Local<'_>>)>> = BTreeMap::new();
    for target in survey.readable().filter(|target| survey.requires(target, key) && is_empty(survey, target, key)) {
        let local = survey.local(target, key);
        empty.entry(local.map(|local| local.place())).or_default().push((target, local));
    }
    empty.into_iter().map(|(place, holders)| required_finding(key, place, &holders)).collect()
}

fn required_finding(key: &str, place: Option<Location>, holders: &[(&Target, Option<Local<'_>>)]) -> Finding {
    let local = holders.first().and_then(|(_, local)| *local);
    let targets: Vec<&Target> = holders.iter().map(|(target, _)| *target).collect();
    let files: Vec<&str> = local.iter().filter(|local| is_unset(local)).map(|local| local.file.name.as_str()).collect();
    let advice = if targets.iter().any(|target| target.has_file()) {
        format!("set the real value of {key} in the file, then push it")
    } else {
        let services: Vec<&str> = targets.iter().map(|target| target.service.name.as_str()).collect();
        format!("set {key} on {} in the dashboard", phrases::names(&services))
    };
    let message = format!("{key} is required but empty {}", phrases::sides(&files, true));
    let finding = finding(key, &targets, message);
    let observations = local.iter().map(Local::observation).chain(finding.observations).collect();
    Finding {
        severity: Severity::Error,
        required: true,
        places: place.into_iter().collect(),
        advice: Some(advice),
        observations,
        ..finding
    }
}

/// The key is needed on at least one service, so it is a fault only if no service has a value for it.
fn of_template<'s>(survey: &'s Survey, holders: &KeyHolders<'s>, key: &str, need: &TemplateNeed) -> Option<Finding> {
    let found = NeedHolders::of(survey, holders, key, need)?;
    if found.has_others || !found.targets.iter().all(|target| is_empty(survey, target, key)) {
        return None;
    }
    let place = if let [only] = found.targets.as_slice() { &only.service.name } else { "a service that needs it" };
    let advice = format!("set a value on {place} in the dashboard, or comment out the line if it may be empty");
    let message = format!("{key} is needed by {} but empty on Railway", need.place.file);
    Some(Finding { places: vec![need.place.clone()], advice: Some(advice), ..finding(key, &found.targets, message) })
}

fn finding(key: &str, targets: &[&Target], message: String) -> Finding {
    let values = targets.iter().filter_map(|target| target.variable(key)?.effective());
    let is_unseen = values.into_iter().any(|value| !value.expose().is_empty());
    Finding {
        reason: is_unseen.then(|| "the value has only white space or invisible characters".to_owned()),
        key: Some(key.to_owned()),
        services: targets.iter().map(|target| target.service.clone()).collect(),
        observations: targets.iter().map(|target| observation(target, target.variable(key))).collect(),
        ..Finding::new(&RULE, message)
    }
}

/// Returns whether the service has the key with an empty value. An unknown value is not empty.
fn is_empty(survey: &Survey, target: &Target, key: &str) -> bool {
    let known = target.variable(key).filter(|variable| !survey.is_stored_indirect(variable));
    known.and_then(|variable| variable.effective()).is_some_and(|value| is_blank(value.expose()))
}

fn is_unset(local: &Local<'_>) -> bool {
    is_blank(local.entry.value.expose())
}

#[cfg(test)]
mod tests {
    use crate::drift::Survey;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::rules::empty_on_railway::RULE;
    use crate::drift::test_support::{
        ServiceRows, healthy, line, lines, out_of_scope, require, survey, template, unreadable, without_file,
    };

    fn declared(services: &[ServiceRows<'_>], text: &str) -> Survey {
        let mut found = survey(&[], services);
        without_file(&mut found);
        let names: Vec<&str> = services.iter().map(|(name, _)| *name).collect();
        template(&mut found, ".env.example", text, &names);
        found
    }

    #[test]
    fn required_key_must_have_a_value_on_each_service() {
        let error = |services: &str| format!("error A [{services}]: A is required but empty on Railway");
        let cases: &[(&[ServiceRows<'_>], &[&str], Option<&str>)] = &[
            (&[("api", &["A="]), ("web", &["A=1"])], &[], Some("api")),
            (&[("api", &["A="]), ("web", &["A="])], &[], Some("api, web")),
            (&[("api", &["A="]), ("web", &["A="])], &["web"], Some("web")),
            (&[("api", &["A="])], &["web"], None),
            (&[("api", &["A=${{x.A}} => "])], &[], Some("api")),
            (&[("api", &["A=<sealed>"])], &[], None),
            (&[("api", &["A=<unavailable>"])], &[], None),
            (&[("api", &["A=${{ secrets.A }} => "])], &[], None),
            (&[("api", &["A= "])], &[], Some("api")),
            (&[("api", &["A=\u{200b}\n"])], &[], Some("api")),
            (&[("api", &["A=${{x.A}} => \t"])], &[], Some("api")),
            (&[("api", &[])], &[], None),
        ];
        for (services, required_of, expected) in cases {
            let mut found = declared(services, "");
            require(&mut found, "A", required_of);
            assert_eq!(lines(&RULE, &found), expected.map(error).into_iter().collect::<Vec<_>>(), "{services:?}");
        }
    }

    #[test]
    fn key_of_a_template_needs_a_value_on_one_service() {
        let warning = |services: &str| {
            format!("warning A [{services}] .env.example:1: A is needed by .env.example but empty on Railway")
        };
        let cases: &[(&[ServiceRows<'_>], &str, Option<&str>)] = &[
            (&[("api", &["A="]), ("web", &[])], "A=", Some("api")),
            (&[("api", &["A="]), ("web", &["A="])], "A=1", Some("api, web")),
            (&[("api", &["A="]), ("web", &["A=1"])], "A=", None),
            (&[("api", &["A="]), ("web", &["A=<sealed>"])], "A=", None),
            (&[("api", &["A="])], "# A=", None),
            (&[("api", &["A="])], "B=", None),
        ];
        for (services, text, expected) in cases {
            let found = declared(services, text);
            assert_eq!(lines(&RULE, &found), expected.map(warning).into_iter().collect::<Vec<_>>(), "{services:?}");
        }
    }

    #[test]
    fn service_that_was_not_read_may_have_a_value() {
        let mut found = declared(&[("api", &["A="])], "A=");
        out_of_scope(&mut found, "Postgres", &["A"]);
        found.catalogue.databases.insert("Postgres".to_owned());
        assert_eq!(lines(&RULE, &found).len(), 1);
        out_of_scope(&mut found, "worker", &["A"]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
        found.catalogue.elsewhere.insert("worker".to_owned());
        assert_eq!(lines(&RULE, &found).len(), 1);
        let mut found = declared(&[("api", &["A="]), ("web", &["A="])], "A=");
        unreadable(&mut found, "web");
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn one_finding_has_the_fault_of_an_empty_key() {
        let of = |file: &[&str], services: &[ServiceRows<'_>]| {
            let mut found = survey(file, services);
            require(&mut found, "A", &[]);
            let rules = examine(&found).findings;
            rules.iter().map(|finding| format!("{} {}", finding.rule.name, line(finding))).collect::<Vec<_>>()
        };
        let api: &[ServiceRows<'_>] = &[("api", &["A="])];
        assert_eq!(of(&["A=1"], api), ["value-differs error A [api] .env:1: A differs between .env and Railway"]);
        let mut only_stored = survey(&["A=1"], api);
        require(&mut only_stored, "A", &[]);
        let message = "A is required but empty on Railway";
        assert_eq!(lines(&RULE, &only_stored), [format!("error A [api] .env:1: {message}")], "the file has a value");
        assert_eq!(of(&[], api), ["empty-on-railway error A [api]: A is required but empty on Railway"]);
        let both = "empty-on-railway error A [api] .env:1: A is required but empty in .env and on Railway";
        assert_eq!(of(&["A="], api), [both]);
        let newline: &[ServiceRows<'_>] = &[("api", &["A=\n"])];
        assert_eq!(of(&[], newline), ["empty-on-railway error A [api]: A is required but empty on Railway"]);
        let disagree = of(&[], &[("api", &["A="]), ("web", &["A=1"])]);
        let message = "A must have the same value on all its services, but the values differ";
        assert_eq!(disagree, [format!("services-disagree error A [api, web]: {message}")]);
        let mut dangling = declared(&[("api", &["A=${{Nowhere.A}} => "])], "");
        require(&mut dangling, "A", &[]);
        let rules: Vec<&str> = examine(&dangling).findings.iter().map(|finding| finding.rule.name).collect();
        assert_eq!(rules, ["dangling-reference"]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
