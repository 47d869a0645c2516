//! References to values in other stores, and values that Railway does not return.

use serde_json::Value;

use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::{Sim, SimOptions};

/// Returns `rule severity` of each finding about the key, in order, except `loaders-disagree`.
fn rules(ended: &Ended, key: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("not JSON: {ended:?}"));
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["key"] == key);
    let findings = findings.filter(|finding| finding["rule"] != "loaders-disagree");
    findings.map(|one| format!("{} {}", one["rule"].as_str().unwrap(), one["severity"].as_str().unwrap())).collect()
}

const LOCAL: &str = "OPENAI_API_KEY=op://dev/openai/credential
JWT_SECRET=\"encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAtZ9HPMfLEIRVz50hm\"
SMTP_PASSWORD='ENC[AES256_GCM,data:Tr7o=,iv:1=,aad:No=,tag:k=,type:str]'
DB_PASSWORD=vault:secret/data/app/password
STRIPE_KEY='ref+awssecrets://prod/app#/stripe'
MAIL_TOKEN=arn:aws:secretsmanager:us-east-1:123456789012:secret:mail-AbCdEf
CI_TOKEN='${{ secrets.CI_TOKEN }}'
NEW_KEY=doppler://project/config/NEW_KEY
";

const KEYS: [&str; 7] =
    ["OPENAI_API_KEY", "JWT_SECRET", "SMTP_PASSWORD", "DB_PASSWORD", "STRIPE_KEY", "MAIL_TOKEN", "CI_TOKEN"];

fn with_real_values() -> Sandbox {
    let real = KEYS.map(|key| (key, "4f1c9a77b2d04e55"));
    let service = SimService::named("api").repository("shop/shop").variables(&real).variables(&[("REGION", "eu")]);
    Sandbox::of([service]).file(".env", &format!("{LOCAL}REGION=eu\n"))
}

#[test]
fn indirect_local_value_is_note_and_is_never_written() {
    let sandbox = with_real_values();
    let before = sandbox.text(".env");
    let check = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(check.code, 0, "{check:?}");
    for key in KEYS {
        assert_eq!(rules(&check, key), ["indirect-value note"], "{key}");
        for arguments in [
            &["fix", "--push", "--yes", "--only", key][..],
            &["fix", "--pull", "--yes", "--only", key],
            &["fix", "--push", "--yes", "--only", key, "--allow-sealed", key, "--allow-reference", key],
        ] {
            let ended = sandbox.run(arguments);
            assert_eq!((ended.code, sandbox.mutations().len()), (3, 0), "{arguments:?} {ended:?}");
        }
    }
    for arguments in [&["fix", "--push", "--dry-run"][..], &["fix", "--pull", "--yes"], &["fix", "--push", "--yes"]] {
        let ended = sandbox.run(arguments);
        assert_eq!((ended.code, sandbox.mutations().len()), (0, 0), "{arguments:?} {ended:?}");
    }
    let new = sandbox.run(&["fix", "--push", "--yes", "--only", "NEW_KEY"]);
    assert!(new.code != 0 && sandbox.mutations().is_empty(), "{new:?}");
    assert_eq!(sandbox.text(".env"), before);
}

#[test]
fn text_report_names_indirect_value() {
    let ended = with_real_values().run(&["check", "-v"]);
    assert!(ended.out.contains("OPENAI_API_KEY in .env refers to a value kept elsewhere and can't be compared"));
    assert!(ended.out.contains("The only value compared agrees") || ended.out.contains("1 value compared, 7 unknown"));
    assert!(ended.out.contains("1 compared, 7 unknown"), "{ended:?}");
    assert!(!ended.out.contains("sealed"), "{ended:?}");
}

#[test]
fn equal_indirect_values_are_not_compared() {
    let both =
        [("A", "op://dev/openai/credential"), ("B", "encrypted:BDqDBibm4wsYqMpCjTQ6"), ("C", "${{ secrets.C }}")];
    let file = both.map(|(key, value)| format!("{key}='{value}'\n")).concat();
    let service = SimService::named("api").repository("shop/shop").variables(&both);
    let sandbox = Sandbox::of([service]).file(".env", &file);
    let check = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(check.code, 3, "{check:?}");
    for (key, _) in both {
        assert_eq!(rules(&check, key), ["indirect-value note"], "{key}");
    }
    let text = sandbox.run(&["check"]);
    assert!(text.out.contains("SKIP  api  nothing compared, 3 unknown"), "{text:?}");
}

#[test]
fn indirect_stored_value_is_neither_pulled_nor_overwritten() {
    let service = SimService::named("api").repository("shop/shop").variables(&[
        ("A", "op://dev/openai/credential"),
        ("NEW", "vault:secret/data/new#key"),
        ("B", "new-value"),
    ]);
    let sandbox = Sandbox::of([service]).file(".env", "A=real-value\nB=old-value\n");
    let ended = sandbox.run(&["fix", "--pull", "--yes", "--only", "A", "--only", "NEW", "--only", "B"]);
    assert_eq!(sandbox.text(".env"), "A=real-value\nB=new-value\n", "{ended:?}");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert!(sandbox.mutations().is_empty(), "{ended:?}");
}

#[test]
fn withheld_value_never_passes() {
    let withheld = |rest: &[(&str, &str)]| {
        let service = SimService::named("api").repository("shop/shop").variables(&[("A", "1")]).variables(rest);
        let environment = Environment::named("production").service(service);
        let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
        let quirks = SimOptions { withheld: &["A"], ..SimOptions::default() };
        Sandbox::new(Sim::with(estate, quirks)).file(".env", "A=1\nB=2\n")
    };
    let sandbox = withheld(&[]);
    let alone = sandbox.run(&["check", "--only", "A", "--format", "json"]);
    assert_eq!((alone.code, rules(&alone, "A")), (3, vec!["value-unavailable warning".to_owned()]), "{alone:?}");
    let sandbox = withheld(&[("B", "2")]);
    let mixed = sandbox.run(&["check"]);
    let message = "A was not compared: Railway returned no value, although it is not sealed";
    assert!(mixed.out.contains(message) && !mixed.out.contains("agree"), "{mixed:?}");
    assert_eq!(sandbox.run(&["check", "--fail-on", "warning"]).code, 1);
    let pushed = sandbox.run(&["fix", "--push", "--yes", "--only", "A", "--allow-sealed", "A"]);
    assert!(pushed.code != 0 && sandbox.mutations().is_empty(), "{pushed:?}");
}

#[test]
fn unrendered_reference_to_nothing_is_dangling() {
    let service = SimService::named("api")
        .repository("shop/shop")
        .variables(&[("A", "${{HIDDEN}}-${{Nowhere.X}}"), ("B", "${{HIDDEN}}")])
        .sealed("HIDDEN", "never-seen");
    let sandbox = Sandbox::of([service]).file(".env", "A=1\nB=1\n");
    let check = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(check.code, 1, "{check:?}");
    assert_eq!(rules(&check, "A"), ["dangling-reference error"]);
    assert_eq!(rules(&check, "B"), ["sealed note"]);
}

#[test]
fn line_read_by_declared_loader_is_compared() {
    let service =
        || SimService::named("api").repository("shop/shop").variables(&[("API_KEY", "zzz999zzz999"), ("Z", "1")]);
    for (loader, expected) in
        [("node", "value-differs error"), ("python", "missing-locally note"), ("dotenvy", "missing-locally note")]
    {
        let sandbox = Sandbox::of([service()])
            .file(".env", "API_KEY: abc123def456\nZ=1\n")
            .file("doctor.toml", &format!("loader = \"{loader}\"\n"));
        let check = sandbox.run(&["check", "--format", "json"]);
        assert_eq!((check.code, rules(&check, "API_KEY").as_slice()), (1, &[expected.to_owned()][..]), "{check:?}");
        assert_eq!(check.out.contains("unreadable-line"), loader != "node", "{check:?}");
    }
}
