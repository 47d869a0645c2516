//! Keys of files that no service, or only some services have.

use super::{check, optional};
use crate::drift::Survey;
use crate::drift::dotenv::ReadOnly;
use crate::drift::model::finding::Remedy;
use crate::drift::rules::missing_on_railway::RULE;
use crate::drift::test_support::{
    ServiceRows, healthy, layer, line, lines, out_of_scope, require, shared, survey, table, template, unreadable,
    without_file,
};

#[test]
fn reports_keys_missing_from_services() {
    table(
        &RULE,
        &[
            (&["A=1"], &[("api", &["A=2"])], &[]),
            (&["A=1"], &[("api", &["A=<sealed>"]), ("web", &["A=${{B.A}} => "])], &[]),
            (&["A=1"], &[("api", &["B=1"])], &["warning A [api] .env:1: A is in .env but not on api"]),
            (
                &["A=1"],
                &[("api", &[]), ("web", &[])],
                &["warning A [api, web] .env:1: A is in .env but on none of the 2 services"],
            ),
            (&["A=1"], &[("api", &[]), ("web", &["A=1"]), ("worker", &[])], &[]),
            (&["A="], &[("api", &[]), ("web", &["A=1"])], &[]),
            (&["A="], &[("api", &["A="])], &[]),
            (&["A="], &[("api", &[])], &["note A [api] .env:1: A is empty in .env and not set on Railway"]),
            (&["a=1"], &[("api", &["A=1"])], &["warning a [api] .env:1: a is in .env but not on api"]),
            (&["PORT=1", "DB=redis://localhost"], &[("api", &[])], &[]),
            (&["RAILWAY_PROJECT_ID=1"], &[("api", &[])], &[]),
            (&["DOTENV_PUBLIC_KEY_CI=03f8", "sops_version=3.9.0"], &[("api", &[])], &[]),
            (&["A=op://dev/a/b"], &[("api", &[])], &["warning A [api] .env:1: A is in .env but not on api"]),
            (&[], &[("api", &["A=1"])], &[]),
        ],
    );
}

#[test]
fn key_of_a_template_is_needed_on_one_service() {
    let warning = |place: &str| format!("warning A [api, web] .env.example:2: A is needed by .env.example but {place}");
    let of = |api: &[&str], web: &[&str], text: &str| {
        let mut found = survey(&[], &[("api", api), ("web", web)]);
        without_file(&mut found);
        template(&mut found, ".env.example", text, &["api", "web"]);
        found
    };
    for (api, web, text, expected) in [
        (&[][..], &[][..], "B=\nA=\n", Some("on none of the 2 services")),
        (&["A=1"], &[], "B=\nA=\n", None),
        (&["A="], &[], "B=\nA=\n", None),
        (&["A=<sealed>"], &[], "B=\nA=\n", None),
        (&[], &[], "B=\n# A=\n", None),
        (&[], &[], "B=\nA=null\n", None),
    ] {
        let found = of(&[&["B=1"], api].concat(), web, text);
        assert_eq!(lines(&RULE, &found), expected.map(warning).into_iter().collect::<Vec<_>>(), "{api:?} {text}");
    }
    let mut found = of(&["B=1"], &[], "B=\nA=\n");
    out_of_scope(&mut found, "Postgres", &["A"]);
    found.catalogue.databases.insert("Postgres".to_owned());
    assert_eq!(lines(&RULE, &found), [warning("only on Postgres")]);
    assert_eq!(check(&found)[0].advice.as_deref().unwrap().split(" on ").next(), Some("refer to ${{Postgres.A}}"));
    out_of_scope(&mut found, "worker", &["A"]);
    assert_eq!(lines(&RULE, &found), [""; 0], "the template may be for a service out of scope");
    found.catalogue.elsewhere.insert("worker".to_owned());
    assert_eq!(lines(&RULE, &found), [warning("only on Postgres and worker")]);
    unreadable(&mut found, "web");
    out_of_scope(&mut found, "web", &["A"]);
    assert_eq!(lines(&RULE, &found), [""; 0], "an unreadable service has it");
}

#[test]
fn required_key_without_a_file_is_set_in_the_dashboard() {
    let mut found = survey(&[], &[("api", &["A=1"]), ("cron", &[]), ("web", &[])]);
    without_file(&mut found);
    template(&mut found, ".env.example", "A=\nHOST_NAME=\n", &["api", "cron", "web"]);
    require(&mut found, "A", &["api", "web"]);
    require(&mut found, "HOST_NAME", &["api"]);
    let expected = [
        "error A [web]: A is required but missing on some services",
        "error HOST_NAME [api]: HOST_NAME is required but missing on Railway",
    ];
    assert_eq!(lines(&RULE, &found), expected);
    let found = check(&found);
    let advice: Vec<_> = found.iter().filter_map(|finding| finding.advice.as_deref()).collect();
    assert_eq!(advice, ["set A on web in the dashboard", "set HOST_NAME on api in the dashboard"]);
    assert!(found.iter().all(|finding| finding.next.is_none() && finding.to_add.is_none()));
}

#[test]
fn each_file_applies_only_to_services_that_use_it() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &["A=1", "B=1"]), ("worker", &["B=1"])]);
    layer(&mut found, "worker/.env", &["A=2", "B=2"], &["worker"]);
    assert_eq!(lines(&RULE, &found), [""; 0]);
    let partly = "note A [worker] worker/.env:1: A is in worker/.env and only on api";
    assert_eq!(optional(&found).iter().map(line).collect::<Vec<_>>(), [partly]);
    layer(&mut found, "worker/.env.local", &["C=2"], &["worker"]);
    let other = "warning C [worker] worker/.env.local:1: C is in worker/.env.local but on none of the 2 services";
    assert_eq!(lines(&RULE, &found), [other]);
}

#[test]
fn services_with_different_layers_share_a_sorted_finding() {
    let mut found = survey(&["A=1"], &[("api", &["B=1"]), ("web", &["B=1"]), ("worker", &["B=1"])]);
    layer(&mut found, ".env.local", &["B=1"], &["api", "worker"]);
    let line = "warning A [api, web, worker] .env:1: A is in .env but on none of the 3 services";
    assert_eq!(lines(&RULE, &found), [line]);
}

/// Returns the keys that only some services have, one line each.
fn on_some_services(found: &Survey) -> Vec<String> {
    assert_eq!(lines(&RULE, found), [""; 0]);
    optional(found).iter().map(line).collect()
}

#[test]
fn key_on_some_services_is_no_finding() {
    let mut found = survey(&["A=1", "PORT=1"], &[("api", &["A=1", "PORT=1"]), ("web", &[]), ("worker", &[])]);
    let expected = [
        "note A [web, worker] .env:1: A is in .env and only on api",
        "note PORT [web, worker] .env:2: PORT is in .env and only on api",
    ];
    assert_eq!(on_some_services(&found), expected);
    out_of_scope(&mut found, "docs", &["A"]);
    found.targets.remove(0);
    let expected = "note A [web, worker] .env:1: A is in .env and only on api and docs";
    assert_eq!(on_some_services(&found)[0], expected);
    let finding = &optional(&found)[0];
    assert_eq!((&finding.reason, &finding.advice, &finding.to_add), (&None, &None, &None));
    require(&mut found, "A", &["api"]);
    assert_eq!(on_some_services(&found)[0], expected);
}

#[test]
fn key_that_only_a_database_has_is_a_warning() {
    let mut found = survey(&["A=1"], &[("worker", &[])]);
    out_of_scope(&mut found, "docs", &["A"]);
    found.catalogue.databases.insert("docs".to_owned());
    let line = "warning A [worker] .env:1: A is in .env and on docs, but on no other service";
    assert_eq!(lines(&RULE, &found), [line]);
    let finding = &check(&found)[0];
    let advice = "refer to ${{docs.A}} on a service that needs it, or remove the line if nothing does";
    assert_eq!((&finding.reason, finding.advice.as_deref(), &finding.to_add), (&None, Some(advice), &None));
    out_of_scope(&mut found, "wiki", &["A"]);
    assert_eq!(on_some_services(&found), ["note A [worker] .env:1: A is in .env and only on docs and wiki"]);
    found.catalogue.databases.insert("wiki".to_owned());
    let advice = check(&found)[0].advice.clone().unwrap();
    assert!(advice.starts_with("refer to ${{docs.A}} or ${{wiki.A}} on a service that needs it"), "{advice}");
}

#[test]
fn names_on_an_unreadable_service_are_known() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &[]), ("worker", &["A=1"])]);
    unreadable(&mut found, "worker");
    assert_eq!(lines(&RULE, &found), ["warning B [api] .env:2: B is in .env but on none of the 2 services"]);
}

#[test]
fn command_never_adds_a_key_to_a_provider() {
    let mut found = survey(&["A=1"], &[("Postgres", &[]), ("api", &[])]);
    found.catalogue.databases.insert("Postgres".to_owned());
    let finding = &check(&found)[0];
    assert_eq!(finding.to_add.as_ref().and_then(|arguments| arguments.last()).unwrap(), "--service=api");
    found.targets.truncate(1);
    let finding = &check(&found)[0];
    assert_eq!(
        finding.advice.as_deref(),
        Some("remove the line if nothing needs it, or add it to a service that does")
    );
    assert_eq!(finding.to_add, None);
}

#[test]
fn unreadable_service_has_no_missing_keys() {
    let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("worker", &[])]);
    unreadable(&mut found, "worker");
    assert_eq!(lines(&RULE, &found), [""; 0]);
    unreadable(&mut found, "api");
    assert_eq!(lines(&RULE, &found), [""; 0]);
}

#[test]
fn required_key_is_an_error_on_its_service() {
    let mut found = survey(&["A=1", "D=1"], &[("api", &["A=1", "C=1"]), ("web", &[]), ("worker", &[])]);
    require(&mut found, "A", &["worker", "api"]);
    require(&mut found, "B", &["api", "worker"]);
    require(&mut found, "C", &["api", "worker"]);
    require(&mut found, "D", &["worker"]);
    require(&mut found, "PORT", &["api"]);
    assert_eq!(
        lines(&RULE, &found),
        [
            "error A [worker] .env:1: A is required but missing on some services",
            "error B [api, worker]: B is required but is neither in a file nor on Railway",
            "error C [worker]: C is required but is neither in a file nor on every service that requires it",
            "error D [worker] .env:2: D is required but missing on Railway",
            "error PORT [api]: PORT is required but is neither in a file nor on Railway",
        ]
    );
    assert!(check(&found).iter().all(|finding| finding.required));
    let partly = "note A [web] .env:1: A is in .env and only on api";
    assert_eq!(optional(&found).iter().map(line).collect::<Vec<_>>(), [partly]);
}

#[test]
fn reason_names_shared_variable_or_other_service() {
    let mut found = survey(&["A=1", "B=1", "C=1"], &[("api", &[])]);
    shared(&mut found, "A");
    out_of_scope(&mut found, "Postgres", &["B"]);
    require(&mut found, "B", &["api"]);
    let findings = check(&found);
    let finding = findings.iter().find(|finding| finding.key.as_deref() == Some("A")).unwrap();
    assert_eq!(finding.message, "A is in .env but on none of the 2 services");
    let advice = "refer to ${{shared.A}} on a service that needs it, or remove the line if nothing does";
    assert_eq!((finding.advice.as_deref(), &finding.to_add), (Some(advice), &None));
    let mut reasons: Vec<_> = findings.into_iter().map(|finding| finding.reason).collect();
    reasons.sort_by_key(|reason| reason.as_ref().map_or(2, |reason| usize::from(!reason.contains("shared"))));
    let shared = "the shared variable A exists, but a service gets it only through ${{shared.A}}";
    let other = "only Postgres has B";
    assert_eq!(reasons, [Some(shared.to_owned()), Some(other.to_owned()), None]);
}

#[test]
fn unset_and_indirect_values_are_not_pushed() {
    let file = ["A=1", "B=changeme", "C=", "D=op://dev/a/b"];
    let findings = check(&survey(&file, &[("api", &[])]));
    let remedies: Vec<_> = findings.iter().map(|finding| finding.to_add.is_some()).collect();
    assert_eq!(remedies, [true, false, false, false]);
    assert!([1, 3].iter().all(|&at| findings[at].advice.is_some() && findings[at].next.is_none()));
}

#[test]
fn finding_states_that_the_local_value_is_not_set() {
    let placeholder = "the local value is a placeholder";
    let file = ["A=changeme", "B=changeme", "C="];
    let mut found = survey(&file, &[("api", &[])]);
    require(&mut found, "B", &[]);
    require(&mut found, "C", &[]);
    let findings = check(&found);
    let found: Vec<_> = findings.iter().map(|one| (one.message.as_str(), one.reason.as_deref())).collect();
    let expected = [
        ("B is required but missing on Railway", Some(placeholder)),
        ("C is required but empty in .env and missing on Railway", None),
        ("A is in .env but not on api", Some(placeholder)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn only_required_key_is_pushed_by_default() {
    let one = survey(&["A=1"], &[("api", &[])]);
    let several = survey(&["A=1"], &[("api", &[]), ("web", &[])]);
    let mut required = survey(&["A=1"], &[("api", &[])]);
    require(&mut required, "A", &["api"]);
    for (found, remedies, next, to_add) in [
        (one, &[][..], None, Some(vec!["fix", "--add", "--push", "--only=A", "--service=api"])),
        (several, &[], None, Some(vec!["fix", "--add", "--push", "--only=A", "--service=api"])),
        (required, &[Remedy::Push], Some(vec!["fix", "--only", "A"]), None),
    ] {
        let finding = &check(&found)[0];
        assert_eq!(finding.remedies, remedies);
        let owned = |arguments: Vec<&str>| arguments.into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!((&finding.next, &finding.to_add), (&next.map(owned), &to_add.map(owned)));
    }
}

#[test]
fn required_key_of_a_stream_is_pushed_without_a_prompt() {
    let mut found = survey(&["A=1"], &[("api", &[])]);
    require(&mut found, "A", &["api"]);
    found.files[0].read_only = Some(ReadOnly::Stream);
    let finding = check(&found).remove(0);
    assert_eq!(
        (finding.remedies, finding.next.unwrap().join(" ")),
        (vec![Remedy::Push], "fix --only A --push".to_owned())
    );
}

#[test]
fn required_key_may_be_in_the_file_of_another_service() {
    for (web, missing) in [("B=1", "missing on Railway"), ("A=<sealed>", "missing on some services")] {
        let mut found = survey(&["B=1"], &[("api", &["B=1"]), ("web", &[web])]);
        layer(&mut found, "web/.env", &["A=1"], &["web"]);
        require(&mut found, "A", &["api"]);
        let finding = &check(&found)[0];
        assert_eq!(line(finding), format!("error A [api]: A is required but {missing}"));
        assert_eq!(finding.advice.as_deref(), Some("add A to the file, then push it"));
    }
}

#[test]
fn key_in_another_case_is_never_added() {
    let found = survey(&["log_token=1"], &[("api", &[]), ("web", &["LOG_TOKEN=1"])]);
    let finding = &check(&found)[0];
    assert_eq!(finding.reason.as_deref(), Some("LOG_TOKEN on web differs from log_token only in case"));
    assert_eq!(finding.advice.as_deref(), Some("write LOG_TOKEN in the file if it is the same key"));
    assert_eq!(finding.to_add, None);
}

#[test]
fn similar_key_is_suggested_for_required_one_that_exists_nowhere() {
    for (required, advice) in [
        ("API_KYE", "did you mean API_KEY? otherwise, add API_KYE to the file, then push it"),
        ("UNLIKE", "add UNLIKE to the file, then push it"),
    ] {
        let mut found = survey(&["API_KEY=1"], &[("api", &["API_KEY=1"])]);
        require(&mut found, required, &["api"]);
        assert_eq!(check(&found)[0].advice.as_deref(), Some(advice));
    }
}

#[test]
fn services_are_listed_for_a_limited_number_of_needed_keys() {
    let text = (0..401).map(|number| format!("K{number:03}=\n")).collect::<Vec<_>>().concat();
    let names: Vec<String> = (0..500).map(|number| format!("s{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let services: Vec<ServiceRows<'_>> = names.iter().map(|name| (*name, &[][..])).collect();
    let mut found = survey(&[], &services);
    without_file(&mut found);
    template(&mut found, ".env.example", &text, &names);
    let listed: Vec<usize> = check(&found).iter().map(|finding| finding.services.len()).collect();
    assert_eq!(listed, [vec![500; 400], vec![0]].concat());
}

#[test]
fn healthy_project_has_no_findings() {
    assert_eq!(lines(&RULE, &healthy()), [""; 0]);
}
