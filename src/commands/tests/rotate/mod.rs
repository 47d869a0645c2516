//! `doctor rotate`: what it changes and what it leaves, and how it ends.

mod faults;
mod new_values;
mod refused;
mod unfinished;

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, SimService};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

/// The value before a rotation. It has characters that are encoded in URLs.
pub(super) const OLD: &str = "kV93x+zLq0/wMn72RbYcJd5S==";
/// The value after it.
pub(super) const NEW: &str = "pT41c/uYw8+rGh65ZsXeKa2F==";

const ENV_FILE: &str = "# the shop\nexport API_KEY='kV93x+zLq0/wMn72RbYcJd5S=='  # rotate me\nLOG_LEVEL=info\n";

/// Returns a service that runs with its stored variables.
pub(super) fn running(name: &str, variables: &[(&str, &str)]) -> SimService {
    service(name, variables).deployed(SimDeployment::serving("2026-11-20T08:00:00.000Z"))
}

/// Returns a project in which three services hold the key, and others have copies and references.
pub(super) fn shop() -> Sandbox {
    let url = "amqps://shop:kV93x%2BzLq0%2FwMn72RbYcJd5S%3D%3D@mq.example.com/pay";
    let services = [
        running("api", &[("API_KEY", OLD), ("LOG_LEVEL", "info"), ("WEB_KEY", "${{web.SHOP_TOKEN}}")]),
        running("billing", &[("AMQP_URL", url), ("REGION", "eu")]),
        running("reports", &[("KEY", "${{shared.SHARED_KEY}}")]),
        running("web", &[("SHOP_TOKEN", OLD)]),
        running("worker", &[("API_KEY", OLD)]),
    ];
    Sandbox::in_environment(Environment::named("staging").shared(&[("SHARED_KEY", OLD)]), services)
        .file(".env", ENV_FILE)
}

/// Runs `rotate API_KEY` with the new value on standard input.
pub(super) fn rotate(sandbox: &Sandbox, words: &[&str]) -> Ended {
    let words = [&["rotate", "API_KEY", "--stdin"], words].concat();
    sandbox.answered(&words, vec![PreparedAnswer::Line(NEW)])
}

/// Returns the places of a report with `--format json` where the old value is left, such as `web SHOP_TOKEN literal`.
#[track_caller]
pub(super) fn left(ended: &Ended) -> Vec<String> {
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("not JSON: {ended:?}"));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let places = report["trace"]["places"].as_array().expect("places are a list").iter();
    places
        .map(|place| {
            let name = [&place["service"], &place["file"], &place["kind"]].into_iter().find(|name| name.is_string());
            format!("{} {} {}", text(name.unwrap()), text(&place["key"]), text(&place["usage"]))
        })
        .collect()
}

#[test]
fn file_and_holders_change_and_other_copies_are_reported() {
    let sandbox = shop();
    let ended = rotate(&sandbox, &["--yes", "--format", "json"]);
    assert_eq!(ended.code, 6, "{ended:?}");
    let expected = [
        "rotate .env API_KEY done",
        "rotate api API_KEY done",
        "rotate worker API_KEY done",
        "redeploy api - done",
        "redeploy worker - done",
    ];
    assert_eq!(ended.receipts(), expected);
    let sent = ["SetVariables api API_KEY", "SetVariables worker API_KEY", "Redeploy api", "Redeploy worker"];
    assert_eq!(sandbox.mutations(), sent);
    assert_eq!(sandbox.text(".env"), ENV_FILE.replace(OLD, NEW));
    let expected = [
        "shared SHARED_KEY stored",
        "api WEB_KEY reference",
        "billing AMQP_URL stored",
        "reports KEY reference",
        "web SHOP_TOKEN stored",
    ];
    assert_eq!(left(&ended), expected);
}

#[test]
fn all_copies_leave_the_old_value_nowhere() {
    let sandbox = shop();
    let ended = rotate(&sandbox, &["--yes", "--all-copies", "--format", "json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(left(&ended), [""; 0]);
    let url = "amqps://shop:pT41c%2FuYw8%2BrGh65ZsXeKa2F%3D%3D@mq.example.com/pay";
    assert_eq!(sandbox.stored("billing", "AMQP_URL").as_deref(), Some(url));
    assert_eq!(sandbox.stored("web", "SHOP_TOKEN").as_deref(), Some(NEW));
    assert_eq!(sandbox.stored("reports", "KEY").as_deref(), Some("${{shared.SHARED_KEY}}"));
    assert_eq!(sandbox.stored("api", "WEB_KEY").as_deref(), Some("${{web.SHOP_TOKEN}}"));
    let deployed: Vec<String> = sandbox.mutations().into_iter().filter(|sent| sent.starts_with("Redeploy")).collect();
    let expected = ["Redeploy api", "Redeploy billing", "Redeploy reports", "Redeploy web", "Redeploy worker"];
    assert_eq!(deployed, expected, "each service is deployed once, including those with references");
    let sets = sandbox.mutations().len() - deployed.len();
    assert_eq!(sets, 5, "one upsert per owner");
}

#[test]
fn undo_restores_everything() {
    let sandbox = shop();
    let before = [("api", "API_KEY"), ("billing", "AMQP_URL"), ("web", "SHOP_TOKEN"), ("worker", "API_KEY")];
    let stored: Vec<_> = before.iter().map(|(service, key)| sandbox.stored(service, key)).collect();
    assert_eq!(rotate(&sandbox, &["--yes", "--all-copies", "--keep-old-as=API_KEY_PREVIOUS"]).code, 0);
    assert_eq!(sandbox.stored("api", "API_KEY_PREVIOUS").as_deref(), Some(OLD));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    let restored: Vec<_> = before.iter().map(|(service, key)| sandbox.stored(service, key)).collect();
    assert_eq!(restored, stored);
    assert_eq!(sandbox.stored("api", "API_KEY_PREVIOUS"), None);
    assert_eq!(sandbox.text(".env"), ENV_FILE);
}

#[test]
fn kept_value_is_stored_on_holders_and_is_not_left() {
    let sandbox =
        Sandbox::of([running("api", &[("API_KEY", OLD)]), running("web", &[("OTHER", "x")])]).file(".env", ENV_FILE);
    let ended = rotate(&sandbox, &["--yes", "--keep-old-as=API_KEY_PREVIOUS", "--format", "json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some(NEW));
    assert_eq!(sandbox.stored("api", "API_KEY_PREVIOUS").as_deref(), Some(OLD));
    assert_eq!(sandbox.stored("web", "API_KEY_PREVIOUS"), None);
    assert!(sandbox.text(".env").contains("\nAPI_KEY_PREVIOUS="), "{}", sandbox.text(".env"));
    assert_eq!(sandbox.mutations(), ["SetVariables api API_KEY,API_KEY_PREVIOUS", "Redeploy api"]);
}

#[test]
fn holders_with_another_value_are_named_and_kept() {
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), running("web", &[("API_KEY", "another-value-1")])])
        .file(".env", ENV_FILE);
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("another value of API_KEY stays unchanged on web");
    assert_eq!(sandbox.stored("web", "API_KEY").as_deref(), Some("another-value-1"));
}

#[test]
fn value_of_a_service_is_rotated_without_a_file() {
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), running("web", &[("API_KEY", OLD)])]);
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("web", "API_KEY").as_deref(), Some(NEW));
    assert!(!sandbox.work().join(".env").exists(), "no file is created");
}

#[test]
fn service_that_only_runs_the_old_value_is_deployed_with_all_copies() {
    let stale = || service("web", &[("SHOP_TOKEN", "another-value-1")]);
    let stale = || stale().deployed(SimDeployment::serving("2026-11-20T08:00:00.000Z").had("SHOP_TOKEN", OLD));
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), stale()]).file(".env", ENV_FILE);
    let ended = rotate(&sandbox, &["--yes", "--all-copies"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(sandbox.mutations().contains(&"Redeploy web".to_owned()));
    let other = Sandbox::of([running("api", &[("API_KEY", OLD)]), stale()]).file(".env", ENV_FILE);
    let ended = rotate(&other, &["--yes", "--format", "json"]);
    assert_eq!((ended.code, left(&ended)), (6, vec!["web SHOP_TOKEN running".to_owned()]), "{ended:?}");
}

#[test]
fn dry_run_prints_the_command_and_changes_nothing() {
    let sandbox = shop();
    let ended = rotate(&sandbox, &["--dry-run", "--all-copies", "--keep-old-as=API_KEY_PREVIOUS"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    ended.assert_shows(
        "pipe the new value into: doctor rotate API_KEY --stdin --all-copies --keep-old-as=API_KEY_PREVIOUS --yes",
    );
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert!(!sandbox.state().exists(), "nothing is recorded");
    assert_eq!(sandbox.text(".env"), ENV_FILE);
}

#[test]
fn other_copies_are_selected_one_by_one_at_a_prompt() {
    let sandbox = shop().at_a_terminal();
    let answers = vec![
        PreparedAnswer::Line(NEW),
        PreparedAnswer::Line(NEW),
        PreparedAnswer::Choices(vec![1]),
        PreparedAnswer::Reply(YesNo::Yes),
    ];
    let ended = sandbox.answered(&["rotate", "API_KEY"], answers);
    assert_eq!(ended.code, 6, "{ended:?}");
    ended.assert_shows("API_KEY (value from .env:2) in shop · staging: 2 variables and 1 local assignment change, and 3 other copies were found");
    let asked = ended.asked.iter().find(|asked| asked.starts_with("Which other copies")).expect("copies are offered");
    for item in ["[ ] billing: AMQP_URL", "[ ] web: SHOP_TOKEN", "[ ] shared variables: SHARED_KEY"] {
        assert!(asked.contains(item), "{asked}");
    }
    assert_eq!(sandbox.stored("web", "SHOP_TOKEN").as_deref(), Some(NEW));
    assert!(sandbox.stored("billing", "AMQP_URL").is_some_and(|url| url.contains("kV93x")));
}

#[test]
fn no_value_is_shown() {
    let sandbox = shop();
    for format in ["text", "json", "sarif", "github", "junit", "markdown", "html"] {
        let ended = rotate(&sandbox, &["--dry-run", "--all-copies", "--format", format]);
        for value in [OLD, NEW, "kV93x%2B", "pT41c%2F"] {
            assert!(!ended.text().contains(value), "{format}: {ended:?}");
        }
    }
}

#[test]
fn undo_also_deploys_services_with_references_to_another_service() {
    let services = [running("api", &[("API_KEY", OLD)]), running("reports", &[("KEY", "${{api.API_KEY}}")])];
    let sandbox = Sandbox::of(services).file(".env", ENV_FILE);
    assert_eq!(rotate(&sandbox, &["--yes"]).code, 0);
    let rotated = sandbox.mutations().len();
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.mutations()[rotated..], ["SetVariables api API_KEY", "Redeploy api", "Redeploy reports"]);
}

#[test]
fn value_in_a_comment_is_left() {
    let text = format!("NAME='Zoë ☂'\nAPI_KEY='{OLD}'\nMODE=x # ☂ was {OLD}\n");
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)])]).file(".env", &text);
    let ended = rotate(&sandbox, &["--yes", "--all-copies"]);
    assert_eq!(ended.code, 6, "{ended:?}");
    ended.assert_shows(".env:3");
}

#[test]
fn database_out_of_scope_is_refused_as_well() {
    let postgres = service("Postgres", &[("PGPASSWORD", OLD)]).image("postgres:17");
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), postgres]);
    let ended = sandbox.run(&["rotate", "API_KEY", "--generate", "hex:32", "--yes", "--service=api"]);
    assert_eq!((ended.code, sandbox.mutations().len()), (2, 0), "{ended:?}");
    ended.assert_shows("the database service Postgres has it as PGPASSWORD");
}
