//! Which values disagree, and how they are reported.

use super::check;
use crate::drift::dotenv::ReadOnly;
use crate::drift::model::finding::Remedy;
use crate::drift::model::fix::Direction;
use crate::drift::rules::services_disagree::{CHECK, RULE};
use crate::drift::test_support::{ServiceRows, healthy, lines, require, survey, template, unreadable, without_file};

#[test]
fn reports_differing_required_keys() {
    let different = "error A [api, worker]: A must have the same value on all its services, but the values differ";
    let cases: &[(&[ServiceRows<'_>], &[&str], &[&str])] = &[
        (&[("api", &["A=1"]), ("worker", &["A=1"])], &[], &[]),
        (&[("api", &["A=1"]), ("worker", &["A=2"])], &[], &[different]),
        (&[("api", &["A=1"]), ("worker", &["A=2"])], &["api", "worker"], &[different]),
        (&[("api", &["A=1"]), ("worker", &["A=2"])], &["api"], &[]),
        (&[("api", &["A=1"]), ("web", &["A=2"]), ("worker", &["A=1"])], &["api", "worker"], &[]),
        (&[("api", &["A=1"]), ("worker", &["B=2"])], &[], &[]),
        (&[("api", &["A=1"]), ("worker", &["A=<sealed>"])], &[], &[]),
        (&[("api", &["A=1"]), ("worker", &["A=${{shared.A}} => <sealed>"])], &[], &[]),
        (&[("api", &["A=1"]), ("worker", &["A=${{shared.A}} => 1"])], &[], &[]),
        (&[("api", &["A=1"]), ("worker", &["A=${{shared.A}} => 2"])], &[], &[different]),
        (&[("api", &["A="]), ("worker", &["A=2"])], &[], &[different]),
        (&[("api", &["A=1"]), ("worker", &["A=op://dev/a/b"])], &[], &[]),
        (&[("api", &["A=1"]), ("worker", &["A=<unavailable>"])], &[], &[]),
        (&[("api", &["B=1"]), ("worker", &["B=2"])], &[], &[]),
    ];
    for (services, required_of, expected) in cases {
        let mut found = survey(&[], services);
        require(&mut found, "A", required_of);
        assert_eq!(&lines(&RULE, &found), expected, "{services:?}");
    }
}

#[test]
fn different_secrets_of_a_template_are_a_note() {
    let found = |rows: [&str; 3]| {
        let services = [("api", &rows[..1]), ("web", &rows[1..2]), ("worker", &rows[2..])];
        let mut found = survey(&[], &services);
        without_file(&mut found);
        template(&mut found, ".env.example", "OPS_KEY=\nREGION=\n", &["api", "web", "worker"]);
        found
    };
    let note = "note OPS_KEY [api, web, worker]: OPS_KEY has different values on its services";
    let different = found(["OPS_KEY=1a", "OPS_KEY=2b", "OPS_KEY=1a"]);
    assert_eq!(lines(&RULE, &different), [note]);
    let finding = &check(&different)[0];
    let states: Vec<_> = finding.observations.iter().map(|one| (one.place.as_str(), one.state)).collect();
    assert_eq!(states, [("api", "stored"), ("web", "stored"), ("worker", "stored")]);
    assert_eq!(finding.reason.as_deref(), Some("api and worker agree; web differs"));
    assert!(finding.remedies.is_empty() && finding.next.is_none() && !finding.required, "{finding:?}");
    for equal in [
        ["OPS_KEY=1a", "OPS_KEY=1a", "OPS_KEY=<sealed>"],
        ["OPS_KEY=1a", "OPS_KEY=", "OPS_KEY=changeme"],
        ["REGION=1a", "REGION=2b", "REGION=3c"],
        ["OTHER_KEY=1a", "OTHER_KEY=2b", "OTHER_KEY=3c"],
    ] {
        assert_eq!(lines(&RULE, &found(equal)), [""; 0], "{equal:?}");
    }
    let mut declared = found(["OPS_KEY=1a", "OPS_KEY=2b", "OPS_KEY=1a"]);
    require(&mut declared, "OPS_KEY", &["api", "worker"]);
    assert_eq!(lines(&RULE, &declared), [""; 0], "a [[require]] names the services that must agree");
}

#[test]
fn duplicate_requirements_yield_one_finding() {
    let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
    require(&mut found, "A", &[]);
    require(&mut found, "A", &[]);
    let findings = check(&found);
    assert_eq!((findings.len(), findings[0].required, findings[0].remedies.len()), (1, true, 2));
    let states: Vec<_> = findings[0].observations.iter().map(|one| (one.place.as_str(), one.state)).collect();
    assert_eq!(states, [(".env:1", "local"), ("api", "stored"), ("worker", "stored")]);
    unreadable(&mut found, "worker");
    assert_eq!(lines(&RULE, &found), [""; 0]);
}

#[test]
fn only_services_with_another_value_than_the_file_are_wrong() {
    let cases: &[(&[&str], &str)] = &[
        (&["A=1"], "[web, worker] .env:1"),
        (&["A=2"], "[api, worker] .env:1"),
        (&["A=4"], "[api, web, worker] .env:1"),
        (&["A="], "[api, web, worker] .env:1"),
        (&["A=changeme"], "[api, web, worker] .env:1"),
        (&["A=op://dev/a/b"], "[api, web, worker]"),
        (&[], "[api, web, worker]"),
    ];
    for (file, wrong) in cases {
        let services: [ServiceRows<'_>; 3] = [("api", &["A=1"]), ("web", &["A=2"]), ("worker", &["A=3"])];
        let mut found = survey(file, &services);
        require(&mut found, "A", &[]);
        let message = "A must have the same value on all its services, but the values differ";
        assert_eq!(lines(&RULE, &found), [format!("error A {wrong}: {message}")], "{file:?}");
    }
}

#[test]
fn value_that_is_not_set_in_the_file_makes_no_service_right() {
    for unset in ["A=changeme", "A="] {
        let mut found = survey(&[unset], &[("api", &[unset]), ("web", &["A=2"])]);
        require(&mut found, "A", &[]);
        let message = "A must have the same value on all its services, but the values differ";
        assert_eq!(lines(&RULE, &found), [format!("error A [api, web] .env:1: {message}")], "{unset}");
    }
}

#[test]
fn obstacle_to_a_push_is_about_a_file() {
    let mut found = survey(&["A=changeme"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
    require(&mut found, "A", &[]);
    let unset = "A is not set in the file, so it is not pushed".to_owned();
    assert_eq!((CHECK.obstacles)(&check(&found)[0], "A"), [(Direction::Push, unset)]);
    without_file(&mut found);
    assert_eq!((CHECK.obstacles)(&check(&found)[0], "A"), []);
}

#[test]
fn overlapping_requirements_share_a_finding() {
    let services: [ServiceRows<'_>; 4] =
        [("api", &["A=1"]), ("cron", &["A=4"]), ("web", &["A=2"]), ("worker", &["A=1"])];
    let mut found = survey(&[], &services);
    require(&mut found, "A", &["api", "worker"]);
    require(&mut found, "A", &["cron"]);
    assert_eq!(lines(&RULE, &found), [""; 0]);
    require(&mut found, "A", &["worker", "web"]);
    let of = |services: &[&str]| {
        let message = "A must have the same value on all its services, but the values differ";
        format!("error A [{}]: {message}", services.join(", "))
    };
    assert_eq!(lines(&RULE, &found), [of(&["web", "worker"])]);
    require(&mut found, "A", &["api", "web"]);
    assert_eq!(lines(&RULE, &found), [of(&["api", "web", "worker"])]);
}

#[test]
fn finding_states_why_each_service_differs_from_the_file() {
    let newline = "the stored value ends with a newline; the local one does not";
    let both = format!("on worker: {newline}; on api: only the case differs");
    let unset = "on worker: the stored value is a placeholder; on api: the stored value is empty";
    let cases = [
        (["A=one-key", "A=other-key"], None, false),
        (["A=one-key", "A=one-key\n"], Some(newline), true),
        (["A=ONE-KEY", "A=one-key\n"], Some(both.as_str()), true),
        (["A=ONE-KEY", "A=other-key"], Some("on api: only the case differs"), false),
        (["A=changeme", "A=other-key"], Some("on api: the stored value is a placeholder"), false),
        (["A=", "A=changeme"], Some(unset), false),
    ];
    for ([api, worker], reason, in_form) in cases {
        let mut found = survey(&["A=one-key"], &[("api", &[api]), ("worker", &[worker])]);
        require(&mut found, "A", &[]);
        let finding = check(&found).remove(0);
        assert_eq!((finding.reason.as_deref(), finding.differs_in_form), (reason, in_form), "{api:?} {worker:?}");
    }
}

#[test]
fn finding_without_a_file_lists_the_services_that_agree() {
    let cases: &[(&[&str], Option<&str>)] = &[
        (&["A=1", "A=2"], None),
        (&["A=1", "A="], Some("s1 is empty")),
        (&["A=1", "A=1", "A=2"], Some("s0 and s1 agree; s2 differs")),
        (&["A=2", "A=1", "A=1", "A="], Some("s1 and s2 agree; s0 differs; s3 is empty")),
        (&["A=1", "A=2", "A=3"], None),
    ];
    for (values, reason) in cases {
        let names: Vec<String> = (0..values.len()).map(|number| format!("s{number}")).collect();
        let services: Vec<ServiceRows<'_>> =
            names.iter().zip(values.chunks(1)).map(|(name, rows)| (name.as_str(), rows)).collect();
        let mut found = survey(&[], &services);
        require(&mut found, "A", &[]);
        without_file(&mut found);
        let finding = check(&found).remove(0);
        assert_eq!(finding.reason.as_deref(), *reason, "{values:?}");
        assert!(finding.next.is_none() && finding.remedies.is_empty() && finding.services.len() == values.len());
        let advice = finding.advice.unwrap();
        assert!(advice.starts_with("set A to the same value on s0") && !advice.contains("file"), "{advice}");
    }
}

#[test]
fn key_of_a_stream_is_only_pushed() {
    let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
    require(&mut found, "A", &[]);
    found.files[0].read_only = Some(ReadOnly::Stream);
    let finding = check(&found).remove(0);
    assert_eq!(finding.remedies, [Remedy::Push]);
    assert_eq!(finding.next.unwrap(), ["fix", "--only", "A", "--push"]);
}

#[test]
fn indirect_local_value_is_not_offered_for_push() {
    let mut found = survey(&["A=op://dev/a/b"], &[("api", &["A=1"]), ("worker", &["A=2"])]);
    require(&mut found, "A", &[]);
    let finding = check(&found).remove(0);
    assert!(finding.remedies.is_empty() && finding.next.is_none() && finding.advice.is_some());
}

#[test]
fn healthy_project_has_no_findings() {
    assert_eq!(lines(&RULE, &healthy()), [""; 0]);
}
