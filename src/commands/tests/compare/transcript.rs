//! The whole output of one run.

use serde_json::{Value, json};

use crate::commands::tests::compare::{SECRET, environment, id_of, json as run_json, report, shop};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

fn pair() -> Sandbox {
    let api = |own: &[(&str, &str)]| {
        service("api", &[("JWT_SECRET", SECRET), ("PORT", "3000"), ("APP_ENV", "x")]).variables(own)
    };
    let staging = api(&[("REGION", "eu"), ("FLAG", "on"), ("APP_ENV", "staging")]).start("run --slow");
    let live = api(&[("REGION", "us"), ("APP_ENV", "live")]).start("run").sealed("SIGNING_KEY", SECRET);
    let live = environment("live", [live, service("mailer", &[("FROM", "shop")])]);
    shop([environment("staging", [staging]), live])
}

const TEXT: &str = "\
shop (RAILWAY_PROJECT_ID) · staging ↔ live · 2 services (default)

warning: JWT_SECRET has the same value in staging and live [secret-shared]
    api in staging  stored  ● d65774
    api in live     stored  ● d65774
  help: store a separate secret in staging or live

warning: SIGNING_KEY is sealed in live but missing in staging [sealed-not-copied]
    api in staging  missing
    api in live     sealed
  help: set SIGNING_KEY on api in staging (in the dashboard, under Variables): Railway does not copy
        sealed variables

warning: service mailer is in live but not in staging [missing-in-environment]
  help: deploy mailer in staging, or remove it from live

warning: FLAG is set in staging but missing in live [missing-in-environment]
    api in staging  stored   ● ba622c
    api in live     missing
  help: set FLAG on api in live (in the dashboard, under Variables), or add an [[ignore]]

● is a value's fingerprint; equal values have equal fingerprints in this run

left: staging, right: live

             api            mailer
JWT_SECRET   $ same secret  | one side
FLAG         < left only    | one side
SIGNING_KEY  s not copied   | one side
REGION       Δ different    | one side

  $ same secret  the same secret in both environments
  < left only    only in the left environment
  s not copied   sealed in one environment, missing in the other
  Δ different    the two environments have different values
  | one side     the service is in one environment only

1 key has the same value in both environments; 1 key differs as expected (-v lists them)
1 equal, 1 different, 1 different as expected, 2 in one environment only, 1 shared secret

PASS  api     4 compared, 1 sealed                             3 warnings
SKIP  mailer  nothing compared: it is in one environment only  1 warning

4 warnings (1 note, -v lists it) · 4 values compared, 1 sealed · 2 requests
";

#[test]
fn text() {
    let ended = pair().run(&["compare", "staging", "live"]);
    assert_eq!((ended.out.as_str(), ended.err.as_str(), ended.code), (TEXT, "", 0), "{}", ended.out);
}

#[test]
fn json() {
    let sandbox = pair();
    let ended = run_json(&sandbox, &["staging", "live"]);
    let report = report(&ended);
    assert_eq!(
        (&report["command"], &report["schema_version"], &report["files"]),
        (&json!("compare"), &json!(1), &json!([]))
    );
    let expected = json!({
        "project": { "id": sandbox.sim.change(|estate| estate.projects[0].id.clone()), "name": "shop" },
        "environment": { "id": id_of(&sandbox, "staging"), "name": "staging" },
        "other_environment": { "id": id_of(&sandbox, "live"), "name": "live" },
        "origin": "RAILWAY_PROJECT_ID",
    });
    assert_eq!(report["target"], expected);
    let rows = report["matrix"]["rows"].as_array().expect("rows are a list").iter();
    let states: Vec<String> = rows
        .map(|row| {
            let cells = row["cells"].as_array().expect("cells are a list").iter();
            let cells = cells.map(|cell| format!("{}={}", text_of(&cell["service"]), text_of(&cell["state"])));
            format!("{} {}", text_of(&row["key"]), cells.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [
        "JWT_SECRET api=secret-shared mailer=unpaired",
        "FLAG api=only-left mailer=unpaired",
        "SIGNING_KEY api=sealed-not-copied mailer=unpaired",
        "REGION api=other-value mailer=unpaired",
        "APP_ENV api=expected-difference mailer=unpaired",
        "PORT api=same-value mailer=unpaired",
    ];
    assert_eq!(states, expected);
    let findings = report["findings"].as_array().expect("findings are a list");
    assert!(findings.len() > 3 && findings.iter().all(|finding| finding["next"] == Value::Null), "{ended:?}");
    assert!(findings.iter().all(|finding| finding["remedies"] == json!([])), "{ended:?}");
    assert_eq!(report["receipts"], json!([]));
    assert_eq!(report["summary"]["requests"], 2);
    assert_eq!(report["summary"]["exit_code"], ended.code);
}

fn text_of(value: &Value) -> &str {
    value.as_str().expect("a text")
}
