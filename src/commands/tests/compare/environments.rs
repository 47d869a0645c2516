//! The two environments and the project: by name, by id, from each source, and what is refused.

use serde_json::json;

use crate::commands::tests::compare::{assert_found, assert_refused, environment, id_of, json, report, shop, three};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::{Environment, Project};

const FLAG: &str = "warning missing-in-environment FLAG api";

#[test]
fn environments_are_selected_by_name_or_id() {
    let [staging, live] = ["staging", "live"].map(|name| id_of(&three(), name));
    for [left, right] in [["staging", "live"], [&staging, &live], ["staging", &live], [&staging, "live"]] {
        let ended = json(&three(), &[left, right]);
        assert_found(&ended, 0, &[FLAG]);
        let target = &report(&ended)["target"];
        assert_eq!(target["environment"], json!({ "id": staging, "name": "staging" }), "{left} {right}");
        assert_eq!(target["other_environment"], json!({ "id": live, "name": "live" }), "{left} {right}");
    }
    let reversed = report(&json(&three(), &["live", "staging"]));
    assert_eq!(reversed["target"]["environment"]["name"], "live");
    assert_eq!(reversed["findings"][0]["message"], "FLAG is set in staging but missing in live");
}

#[test]
fn environment_that_other_sources_name_is_ignored() {
    let sandbox = || three().file("doctor.toml", "environment = \"production\"\n");
    assert_found(&json(&sandbox(), &["staging", "live"]), 0, &[FLAG]);
    let production = id_of(&three(), "production");
    for id in [production.as_str(), "no-such-id"] {
        let sandbox = sandbox().variable("RAILWAY_ENVIRONMENT_ID", Some(id));
        assert_found(&json(&sandbox, &["staging", "live"]), 0, &[FLAG]);
    }
    assert_eq!(three().run(&["compare", "staging", "live", "--environment", "live"]).code, 2);
    assert_eq!(three().run(&["compare", "staging"]).code, 2);
}

#[test]
fn unknown_environment_is_refused_with_a_suggestion() {
    let choices = "project shop has staging, live, production";
    for (words, what, help) in [
        (["stagign", "live"], "unknown environment `stagign`", "did you mean `staging`?"),
        (["live", "prod"], "unknown environment `prod`", "did you mean `production`?"),
        (["Live", "staging"], "unknown environment `Live`", "did you mean `live`?"),
        (["live", "zzz"], "unknown environment `zzz`", "name one of them"),
        (["7d1c52e0-3f0b-4b8e-9a64-2c5f0e8b1a37", "live"], "unknown environment `7d1c52e0-", "name one of them"),
    ] {
        let ended = three().run(&[&["compare"], &words[..]].concat());
        assert_refused(&ended, 2, &[what, choices, help]);
        assert!(!ended.err.contains("--environment"), "compare has no such flag: {ended:?}");
    }
}

#[test]
fn environment_can_not_be_compared_with_itself() {
    let id = id_of(&three(), "staging");
    for (words, is_known) in
        [(["staging", "staging"], true), ([&id, &id], true), (["staging", &id], false), ([&id, "staging"], false)]
    {
        let sandbox = three();
        let ended = sandbox.run(&[&["compare"], &words[..]].concat());
        assert_refused(&ended, 2, &["is named twice", "can't be compared with itself"]);
        assert_eq!(sandbox.sim.count() == 0, is_known, "{words:?}");
    }
}

#[test]
fn restricted_environment_is_a_permission_error() {
    let sandbox =
        || shop([environment("staging", [service("api", &[("A", "1")])]), Environment::named("live").restricted()]);
    let id = id_of(&sandbox(), "live");
    for words in [["staging", "live"], ["live", "staging"], ["staging", &id]] {
        assert_refused(&sandbox().run(&[&["compare"], &words[..]].concat()), 4, &["environment live"]);
    }
}

#[test]
fn deleted_environment_is_refused() {
    let sandbox =
        || shop([environment("staging", [service("api", &[("A", "1")])]), Environment::named("live").deleted()]);
    let id = id_of(&sandbox(), "live");
    for (right, what) in [("live", "unknown environment `live`"), (&id, "unknown environment")] {
        assert_refused(&sandbox().run(&["compare", "staging", right]), 2, &[what]);
    }
}

/// Links the working directory to a project, as the Railway CLI does.
fn linked(sandbox: Sandbox, project: &str) -> Sandbox {
    let links = json!({ "user": {}, "projects": { (sandbox.work().to_str().expect("UTF-8")): {
        "projectPath": sandbox.work(), "name": "shop", "project": project, "environment": id_of(&sandbox, "production"),
    }}});
    let folder = sandbox.home().join(".railway");
    std::fs::create_dir_all(&folder).expect("the directory can be created");
    std::fs::write(folder.join("config.json"), links.to_string()).expect("the file can be written");
    sandbox
}

/// Returns the three environments and a second project without them. Nothing names a project.
fn unnamed() -> (Sandbox, String) {
    let sandbox = three().variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None);
    let id = sandbox.sim.change(|estate| {
        let other = Project { id: "7d1c52e0-3f0b-4b8e-9a64-2c5f0e8b1a37".into(), ..Project::named("other") };
        let other = Project { workspace: estate.workspaces[0].id.clone(), ..other };
        estate.projects.push(other);
        estate.projects[0].id.clone()
    });
    (sandbox, id)
}

#[test]
fn first_source_that_names_a_project_wins() {
    let other = "7d1c52e0-3f0b-4b8e-9a64-2c5f0e8b1a37";
    let id = unnamed().1;
    let toml = |sandbox: Sandbox, project: &str| sandbox.file("doctor.toml", &format!("project = \"{project}\"\n"));
    let variable = |sandbox: Sandbox, project: &str| sandbox.variable("RAILWAY_PROJECT_ID", Some(project));
    let new = || unnamed().0;
    for (sandbox, flags, origin) in [
        (toml(new(), other), &["--project", "shop"][..], "--project"),
        (toml(new(), other), &["--project", &id], "--project"),
        (variable(toml(new(), &id), other), &[], "doctor.toml"),
        (variable(toml(new(), "shop"), other), &[], "doctor.toml"),
        (linked(variable(new(), &id), other), &[], "RAILWAY_PROJECT_ID"),
        (linked(new(), &id), &[], "railway link"),
    ] {
        let ended = json(&sandbox, &[&["staging", "live"], flags].concat());
        assert_found(&ended, 0, &[FLAG]);
        assert_eq!(report(&ended)["target"]["origin"], origin);
    }
}

#[test]
fn missing_and_unknown_projects_are_refused() {
    let (sandbox, _) = unnamed();
    let ended = sandbox.run(&["compare", "staging", "live"]);
    assert_refused(&ended, 2, &["--project=ID", "railway link"]);
    assert!(!ended.err.contains("--environment"), "{ended:?}");
    assert_eq!(sandbox.sim.count(), 0);
    assert_refused(
        &unnamed().0.run(&["compare", "staging", "live", "--project", "shpo"]),
        2,
        &["did you mean `--project=shop`?"],
    );
    let toml = unnamed().0.file("doctor.toml", "project = \"shpo\"\n");
    assert_refused(&toml.run(&["compare", "staging", "live"]), 2, &["doctor.toml:1:11", "did you mean `shop`?"]);
    let elsewhere = unnamed().0.run(&["compare", "staging", "live", "--project", "other"]);
    assert_refused(&elsewhere, 2, &["unknown environment `staging`"]);
}
