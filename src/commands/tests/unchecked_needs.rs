//! `check` without a file never passes because of a need that was not checked.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::commands::tests::without_file::{findings, needs, report, require};

/// The lines of the table, such as `PASS jobs 1 needed key checked`, without their columns.
fn table(ended: &Ended) -> Vec<String> {
    let is_row = |line: &&str| ["PASS ", "FAIL ", "SKIP "].iter().any(|verdict| line.starts_with(verdict));
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    ended.out.lines().filter(is_row).map(words).collect()
}

#[test]
fn requirement_without_services_is_for_services_that_lack_the_key() {
    let lacking = |keys: &str| {
        let database = service("Postgres", &[("JWT_KEY", "x")]).image("postgres:16");
        let services = [service("web", &[("JWT_KEY", "x"), ("A", "1")]), service("jobs", &[("A", "1")]), database];
        let sandbox = Sandbox::of(services.into_iter().chain([service("docs", &[])]));
        sandbox.file("doctor.toml", &require(keys, ""))
    };
    let ended = lacking("\"JWT_KEY\"").run(&["check", "--format", "json"]);
    assert_eq!((ended.code, findings(&ended)), (1, vec!["error missing-on-railway JWT_KEY docs+jobs".to_owned()]));
    assert_eq!(needs(&ended), (["docs 1", "jobs 1", "web 1"].map(str::to_owned).into(), 3));
    let text = lacking("\"JWT_KEY\"").run(&["check"]);
    text.assert_shows("3 of 4 services (by [[require]])");
    let nowhere = lacking("\"OTHER_KEY\"").run(&["check"]);
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    nowhere.assert_shows("OTHER_KEY is required but missing on Railway");
}

#[test]
fn requirement_without_services_is_not_for_services_built_elsewhere() {
    let mut web = service("web", &[("JWT_KEY", "x")]);
    web.root_directory = Some("web".to_owned());
    let sandbox = Sandbox::of([service("api", &[("A", "1")]), web]).file(".git/HEAD", "ref: refs/heads/main\n");
    let sandbox = sandbox.file("doctor.toml", &require("\"JWT_KEY\"", "")).file(".env.example", "A=\n");
    let ended = sandbox.run(&["check", "--format", "json"]);
    assert_eq!((ended.code, findings(&ended)), (1, vec!["error missing-on-railway JWT_KEY api".to_owned()]));
}

#[test]
fn declaration_is_named_if_every_service_is_left_out() {
    let database = service("Postgres", &[("JWT_KEY", "x")]).image("postgres:16");
    let ended = Sandbox::of([database]).file("doctor.toml", &require("\"JWT_KEY\"", "")).run(&["check"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    ended.assert_shows("no service is compared with doctor.toml by default");
}

#[test]
fn unknown_value_is_counted_apart_and_reported() {
    let toml =
        format!("[services.web]\nname = \"web\"\n[services.jobs]\nname = \"jobs\"\n{}", require("\"JWT_KEY\"", ""));
    for (stored, counted, message) in [
        ("<sealed>", "sealed", "JWT_KEY is sealed on Railway and can't be checked"),
        ("op://dev/jwt", "unknown", "JWT_KEY on Railway refers to a value kept elsewhere and can't be checked"),
    ] {
        let jobs = || match stored {
            "<sealed>" => service("jobs", &[]).sealed("JWT_KEY", "hidden-value"),
            _ => service("jobs", &[("JWT_KEY", stored)]),
        };
        let run = |words: &[&str]| {
            Sandbox::of([service("web", &[("JWT_KEY", "x")]), jobs()]).file("doctor.toml", &toml).run(words)
        };
        let ended = run(&["check", "-v"]);
        assert_eq!(ended.code, 3, "{ended:?}");
        ended.assert_shows(message);
        let rows =
            [format!("SKIP jobs nothing checked, 1 {counted} 1 note"), "PASS web 1 needed key checked".to_owned()];
        assert_eq!(table(&ended), rows, "{ended:?}");
        ended.assert_shows("Nothing was checked for jobs, so the check does not pass.");
        assert!(!ended.out.contains("declare the keys"), "{ended:?}");
        ended.assert_shows(&format!("1 needed key checked, 1 {counted}"));
        let json = run(&["check", "--format", "json"]);
        let jobs = report(&json)["services"][0].clone();
        assert_eq!((jobs["needs"].clone(), jobs[counted].clone()), (0.into(), 1.into()), "{json:?}");
        let matrix = run(&["matrix", "--format", "json"]);
        let cells = report(&matrix)["rows"][0]["cells"].clone();
        let states = [cells[0]["state"].clone(), cells[1]["state"].clone()];
        assert_eq!(states, [if counted == "sealed" { "sealed" } else { "indirect" }, "set"], "{matrix:?}");
    }
}

#[test]
fn value_of_white_space_is_empty() {
    let toml = require("\"JWT_KEY\"", "\"web\"");
    for value in ["   ", "\n", "\u{200b}"] {
        let sandbox = Sandbox::of([service("web", &[("JWT_KEY", value)])]).file("doctor.toml", &toml);
        let ended = sandbox.run(&["check", "--format", "json"]);
        assert_eq!((ended.code, findings(&ended)), (1, vec!["error empty-on-railway JWT_KEY web".to_owned()]));
        sandbox.run(&["check"]).assert_shows("the value has only white space or invisible characters");
    }
}

#[test]
fn missing_key_that_is_ignored_was_not_checked() {
    let toml = require("\"JWT_KEY\"", "\"web\"") + "[[ignore]]\nkeys = [\"JWT_KEY\"]\nreason = \"later\"\n";
    let ended = Sandbox::of([service("web", &[("A", "1")])]).file("doctor.toml", &toml).run(&["check"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert_eq!(table(&ended), ["SKIP web nothing checked"], "{ended:?}");
    ended.assert_shows("Nothing was checked, so the check does not pass.");
}
