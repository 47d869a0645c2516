//! Undo restores values and files, and skips whatever has changed since.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::commands::tests::fix::{API, KEY, WORKER, incident, service};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::SimOptions;
use crate::io::sim::estate::{Environment, SimService};
use crate::io::sim::seed::incident as seed;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", KEY];
const OLD: &str = "staging-ops-autumn-key-2025";

fn run_of(out: &str) -> String {
    let start = out.find("undo 2026-").expect("no run is named") + "undo ".len();
    out[start..start + "2026-11-24-1200-0000".len()].to_owned()
}

#[test]
fn undo_restores_values_and_can_be_undone() {
    let sandbox = incident();
    let fixed = sandbox.run(PUSH);
    let undone = sandbox.run(&["undo", "--yes", "--format", "json"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    let expected = [
        format!("restore {API} {KEY} done"),
        format!("restore {WORKER} {KEY} done"),
        format!("redeploy {API} - done"),
        format!("redeploy {WORKER} - done"),
    ];
    assert_eq!(undone.receipts(), expected);
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some(OLD));
    let nothing = sandbox.run(&["undo", "--yes"]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.err.contains("nothing to undo"), "{nothing:?}");
    let list = sandbox.run(&["undo", "--list"]);
    assert!(list.out.contains(&format!("{}  undone", run_of(&fixed.out))), "{list:?}");
    let newest = list.out.lines().next().unwrap().split("  ").next().unwrap().to_owned();
    let again = sandbox.run(&["undo", &newest, "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some("staging-ops-step3-key-2026"));
    // Railway's limit does not allow a fourth deployment within minutes.
    let fourth = sandbox.run(&["undo", "--yes", "--no-deploy"]);
    assert_eq!(fourth.code, 0, "the fix can be undone again: {fourth:?}");
    assert_eq!(sandbox.stored(WORKER, KEY).as_deref(), Some(OLD));
}

#[test]
fn pulled_file_is_restored_byte_for_byte() {
    let text = "A=\"old\"  # why\r\n\r\nexport B='2'";
    let sandbox = Sandbox::of([service("api", &[("A", "new"), ("B", "2"), ("C", "3")])]).file(".env", text);
    sandbox.run(&["fix", "--pull", "--yes", "--only", "A", "--only", "C"]);
    assert_ne!(sandbox.text(".env"), text);
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.text(".env"), text);
}

#[test]
fn later_edits_are_kept_while_keys_are_restored() {
    let sandbox = Sandbox::of([service("api", &[("A", "new"), ("C", "3")])]).file(".env", "A=old\nB=2\n");
    sandbox.run(&["fix", "--pull", "--yes", "--only", "A", "--only", "C"]);
    let edited = sandbox.text(".env").replace("B=2", "B=two # mine");
    let sandbox = sandbox.file(".env", &edited);
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.text(".env"), "A=old\nB=two # mine\n");
}

#[test]
fn values_changed_since_fix_are_kept() {
    let sandbox = incident();
    sandbox.run(PUSH);
    sandbox.sim.change(|estate| {
        estate.environment("agentverse", "staging").unwrap().service_named(API).unwrap().set(KEY, "a-newer-key");
    });
    let undone = sandbox.run(&["undo", "--yes", "--format", "json"]);
    assert_eq!(undone.code, 6, "{undone:?}");
    assert!(undone.receipts().contains(&format!("restore {API} {KEY} conflict")), "{undone:?}");
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some("a-newer-key"));
    assert_eq!(sandbox.stored(WORKER, KEY).as_deref(), Some(OLD));
    let edited = Sandbox::of([service("api", &[("A", "new")])]).file(".env", "A=old\n");
    edited.run(&["fix", "--pull", "--yes", "--only", "A"]);
    let edited = edited.file(".env", "A=a third\n");
    assert_eq!(edited.run(&["undo", "--yes"]).code, 6);
    assert_eq!(edited.text(".env"), "A=a third\n");
}

#[test]
fn undo_removes_added_variable_and_keeps_reference() {
    let sandbox = Sandbox::of([
        service("api", &[("R", "${{Postgres.URL}}"), ("X", "1")]),
        service("Postgres", &[("URL", "pg-url-value")]),
    ])
    .file(".env", "NEW=added\nR=literal-value\nX=1\n");
    let words = ["fix", "--push", "--yes", "--service", "api", "--add", "--only", "NEW"];
    assert_eq!(sandbox.run(&words).code, 0);
    assert_eq!(sandbox.stored("api", "NEW").as_deref(), Some("added"));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.stored("api", "NEW"), None);
    assert_eq!(sandbox.stored("api", "R").as_deref(), Some("${{Postgres.URL}}"));
}

#[test]
fn undo_confirms_and_refuses_like_fix() {
    let sandbox = incident();
    sandbox.run(PUSH);
    let sent = sandbox.mutations().len();
    let unconfirmed = sandbox.run(&["undo"]);
    assert_eq!(unconfirmed.code, 2, "{unconfirmed:?}");
    assert!(unconfirmed.err.contains("\n    doctor undo 2026-11-24-"), "{unconfirmed:?}");
    let dry = sandbox.run(&["undo", "--dry-run"]);
    assert_eq!(dry.code, 1, "{dry:?}");
    assert!(dry.out.contains("Plan: 2 variables on Railway, 2 deployments"), "{dry:?}");
    for words in [&["undo", "yesterday"][..], &["undo", "2026-11-24-1200-zzzz"], &["undo", "2020-01-01-0000-0000"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        assert!(ended.err.contains("help: to list the runs:\n    doctor undo --list"), "{words:?}: {ended:?}");
    }
    let elsewhere = sandbox.run(&["undo", "--yes", "--api-url", "http://127.0.0.1:9/graphql/v2"]);
    assert_eq!(elsewhere.code, 0, "the sandbox ignores the URL: {elsewhere:?}");
    assert_eq!(sandbox.mutations().len(), sent + 4);
}

#[test]
fn tampered_record_is_rejected() {
    let sandbox = incident();
    sandbox.run(PUSH);
    for entry in std::fs::read_dir(sandbox.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "journal") {
            let mut bytes = std::fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let list = sandbox.run(&["undo", "--list"]);
    assert!(list.out.contains("unreadable"), "{list:?}");
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 2);
    assert_eq!(sandbox.text(".env"), seed::ENV_FILE);
}

#[test]
fn empty_journal_is_not_an_error() {
    let list = incident().run(&["undo", "--list"]);
    assert_eq!((list.code, list.out.as_str()), (0, "No fix was recorded in the last 30 days.\n"));
}

/// Returns two fixes of one variable each, and the files of their records, older first.
fn two_fixes() -> (Sandbox, [PathBuf; 2]) {
    let sandbox = Sandbox::of([service("api", &[("ONE", "one-before"), ("TWO", "two-before")])])
        .file(".env", "ONE=one-after\nTWO=two-after\n")
        .apart(Duration::ZERO);
    for key in ["ONE", "TWO"] {
        // The old value is still running, which is a finding.
        assert_eq!(sandbox.run(&["fix", "--push", "--yes", "--no-deploy", "--only", key]).code, 1);
    }
    let mut records = records(&sandbox);
    records.sort();
    let records = records.try_into().expect("there are two records");
    (sandbox, records)
}

fn records(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sandbox.state()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect()
}

fn run_in(record: &Path) -> String {
    record.file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn fixes_in_same_second_are_undone_in_reverse_order() {
    let (sandbox, _) = two_fixes();
    assert_eq!(sandbox.run(&["undo", "--yes", "--no-deploy"]).code, 0);
    assert_eq!(sandbox.stored("api", "TWO").as_deref(), Some("two-before"));
    assert_eq!(sandbox.stored("api", "ONE").as_deref(), Some("one-after"));
}

/// A corruption of a record.
type Damage = fn(&mut Vec<u8>);

#[test]
fn unreadable_newer_record_blocks_undo_without_run_name() {
    let damages: [(&str, Damage); 5] = [
        ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty", |bytes| bytes.clear()),
        ("changed", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("of another version", |bytes| bytes[7] = 0x7f),
        ("of another program", |bytes| bytes[0] = b'?'),
    ];
    for (name, damage) in damages {
        let (sandbox, [older, newer]) = two_fixes();
        let mut bytes = std::fs::read(&newer).unwrap();
        damage(&mut bytes);
        std::fs::write(&newer, bytes).unwrap();
        let sent = sandbox.mutations().len();
        for words in [&["undo", "--yes"][..], &["undo"], &["undo", "--dry-run"], &["undo", &run_in(&newer), "--yes"]] {
            let ended = sandbox.run(words);
            assert_eq!(ended.code, 2, "{name}, {words:?}: {ended:?}");
            assert!(ended.err.contains(&run_in(&newer)), "{name}, {words:?}: {ended:?}");
            assert!(!ended.err.contains("nothing to undo"), "{name}, {words:?}: {ended:?}");
        }
        let list = sandbox.run(&["undo", "--list"]);
        assert!(list.out.starts_with(&format!("{}  unreadable", run_in(&newer))), "{name}: {list:?}");
        assert_eq!(sandbox.mutations().len(), sent, "{name}");
        assert_eq!(sandbox.stored("api", "ONE").as_deref(), Some("one-after"), "{name}");
        let named = sandbox.run(&["undo", &run_in(&older), "--yes", "--no-deploy"]);
        assert_eq!(named.code, 0, "{name}: {named:?}");
        assert!(named.out.contains(&format!("run {} is newer", run_in(&newer))), "{name}: {named:?}");
        assert_eq!(sandbox.stored("api", "ONE").as_deref(), Some("one-before"), "{name}");
        assert_eq!(sandbox.stored("api", "TWO").as_deref(), Some("two-after"), "{name}");
    }
}

#[test]
fn unreadable_older_record_blocks_only_when_last() {
    let (sandbox, [older, newer]) = two_fixes();
    std::fs::remove_file(&older).unwrap();
    std::fs::create_dir(&older).unwrap();
    assert_eq!(sandbox.run(&["undo", "--yes", "--no-deploy"]).code, 0);
    assert_eq!(sandbox.stored("api", "TWO").as_deref(), Some("two-before"));
    let ended = sandbox.run(&["undo", "--yes"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(!ended.err.contains("nothing to undo") && ended.err.contains(&run_in(&older)), "{ended:?}");
    assert!(newer.exists());
}

#[test]
fn undo_of_protected_environment_requires_its_name() {
    use crate::io::terminal::prompt::script::PreparedAnswer;

    let toml = "[environments.live]\nprotected = true\n";
    // The name, `doctor.toml` at the fix and at the undo, and whether the environment is protected.
    for (name, then, now, is_protected) in [
        ("production", "", "", true),
        ("Prod-eu", "", "", true),
        ("live", toml, toml, true),
        ("live", toml, "", true),
        ("live", "", toml, true),
        ("live", "", "", false),
        ("preprod", "", "", false),
    ] {
        let about = format!("{name}, {then:?}, {now:?}");
        let fixed = |at_a_terminal: bool| {
            let of = Sandbox::in_environment(Environment::named(name), [service("api", &[("A", "stored")])]);
            let of = of.file(".env", "A=local\n").file("doctor.toml", then);
            let words = ["fix", "--push", "--yes", "--only", "A", "--no-deploy", "--environment", name];
            let ended = of.run(&words);
            assert_eq!(ended.code, 1, "the old value is still running, {about}: {ended:?}");
            let of = of.file("doctor.toml", now);
            if at_a_terminal { of.at_a_terminal() } else { of }
        };
        let sandbox = fixed(false);
        let run = run_in(&records(&sandbox)[0]);
        for words in [&["undo", "--yes", "--no-deploy"][..], &["undo", &run, "--yes", "--no-deploy"]] {
            let ended = sandbox.run(words);
            assert_eq!(ended.code, if is_protected { 2 } else { 0 }, "{about}, {words:?}: {ended:?}");
            let help = format!(
                "help: to apply this plan, run:\n    doctor undo {run} --yes --environment={name} --no-deploy\n"
            );
            assert_eq!(ended.err.contains(&help), is_protected, "{about}: {ended:?}");
        }
        let stored = |sandbox: &Sandbox| sandbox.stored("api", "A").unwrap();
        assert_eq!(stored(&sandbox), if is_protected { "local" } else { "stored" }, "{about}");
        let sandbox = fixed(false);
        for wrong in ["staging", "", "LIVE "] {
            let ended = sandbox.run(&["undo", "--yes", "--no-deploy", "--environment", wrong]);
            assert_eq!((ended.code, stored(&sandbox).as_str()), (2, "local"), "{about}, {wrong}: {ended:?}");
        }
        assert_eq!(sandbox.run(&["undo", "--yes", "--no-deploy", "--project", "other", "-e", name]).code, 2, "{about}");
        let ended = sandbox.run(&["undo", "--yes", "--no-deploy", "--project", "shop", "--environment", name]);
        assert_eq!((ended.code, stored(&sandbox).as_str()), (0, "stored"), "{about}: {ended:?}");
        let sandbox = fixed(true);
        if is_protected {
            let wrong =
                sandbox.answered(&["undo", "--no-deploy"], ["yes", "y", "Yes"].map(PreparedAnswer::Line).into());
            assert_eq!((wrong.code, stored(&sandbox).as_str()), (2, "local"), "{about}: {wrong:?}");
            let right = sandbox.answered(&["undo", "--no-deploy"], vec![PreparedAnswer::Line(name)]);
            assert_eq!((right.code, stored(&sandbox).as_str()), (0, "stored"), "{about}: {right:?}");
        }
    }
}

#[test]
fn clock_jump_deletes_no_records() {
    let day = Duration::from_secs(24 * 3600);
    let sandbox = Sandbox::of([service("api", &[("ONE", "one-before"), ("TWO", "two-before")])])
        .file(".env", "ONE=one-after\nTWO=two-after\n")
        .apart(day * 400);
    for key in ["ONE", "TWO"] {
        // The old value is still running, which is a finding.
        assert_eq!(sandbox.run(&["fix", "--push", "--yes", "--no-deploy", "--only", key]).code, 1);
    }
    assert_eq!(records(&sandbox).len(), 2, "Railway's clock has not moved");
    let sandbox = sandbox.apart(day);
    assert_eq!(sandbox.run(&["undo", "--yes", "--no-deploy"]).code, 0);
    assert_eq!(sandbox.stored("api", "TWO").as_deref(), Some("two-before"), "runs are ordered by number");
    assert_eq!(records(&sandbox).len(), 3);
}

/// Returns a sandbox after a fix that added `NEW` to `api`.
fn added(quirks: SimOptions, services: &[SimService]) -> Sandbox {
    use crate::io::sim::Sim;
    use crate::io::sim::estate::{Estate, Project};

    let environment = services.iter().cloned().fold(Environment::named("staging"), Environment::service);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let sandbox = Sandbox::new(Sim::with(estate, quirks))
        .file(".env", "NEW=added-value\nX=1\n")
        .file("doctor.toml", "[services.api]\nname = \"api\"\n[[require]]\nkeys = [\"NEW\"]\nservices = [\"api\"]\n");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "NEW", "--service", "api"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    sandbox
}

#[test]
fn deployment_caused_by_own_deletion_is_adopted() {
    use crate::io::sim::status_timeline::StatusTimeline;
    use crate::io::sim::{Deletion, SimOptions, Snapshots};

    let api = || service("api", &[("X", "1")]);
    let deploys = || SimOptions { deletion: Deletion::Deploys, ..SimOptions::default() };
    let (adopted, asked) = ("DeleteVariable api NEW", "DeleteVariable api NEW, Redeploy api");
    for (name, quirks, plan, code, sent) in [
        ("it deploys", deploys(), StatusTimeline::success(), 0, adopted),
        ("it deploys at once", deploys(), StatusTimeline::through(&["SUCCESS"]), 0, adopted),
        ("it crashes", deploys(), StatusTimeline::crashing(1), 7, adopted),
        ("its list is late", SimOptions { latest_lag: 1000, ..deploys() }, StatusTimeline::success(), 0, adopted),
        (
            "its snapshot is null",
            SimOptions { snapshot: Snapshots::Null, ..deploys() },
            StatusTimeline::success(),
            0,
            asked,
        ),
        (
            "it does not deploy",
            SimOptions { deletion: Deletion::DeploysNothing, ..deploys() },
            StatusTimeline::success(),
            0,
            asked,
        ),
    ] {
        let sandbox = added(quirks, &[api().plan(StatusTimeline::success())]);
        let before = sandbox.mutations().len();
        sandbox.sim.change(|estate| {
            let service = estate.projects[0].environments[0].service_named("api").expect("the service exists");
            service.next_plans.push_back(plan);
        });
        let ended = sandbox.run(&["undo", "--yes"]);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_eq!(sandbox.mutations()[before..].join(", "), sent, "{name}: {ended:?}");
        assert_eq!(sandbox.stored("api", "NEW"), None, "{name}");
        let text = ended.text();
        assert_eq!(text.contains("Railway created it when NEW was deleted"), sent == adopted, "{name}: {ended:?}");
        for phrase in ["another user", "something else", "in the meantime", "someone"] {
            assert!(!text.contains(phrase), "{name}: {ended:?}");
        }
    }
}

#[test]
fn deployment_of_other_service_after_deletion_is_reported() {
    use crate::io::sim::{Deletion, SimOptions};

    let quirks = || SimOptions { deletion: Deletion::Deploys, ..SimOptions::default() };
    let web = || service("web", &[("X", "1"), ("FROM_API", "${{api.NEW}}")]);
    for words in [&["undo", "--yes"][..], &["undo", "--yes", "--no-deploy"]] {
        let sandbox = added(quirks(), &[service("api", &[("X", "1")]), web()]);
        let ended = sandbox.run(words);
        let text = ended.text();
        assert!(text.contains("web has a new deployment, "), "{words:?}: {ended:?}");
        assert_eq!(text.contains("api has a new deployment, "), words.len() == 3, "{words:?}: {ended:?}");
        assert!(text.contains("which Railway created when NEW was deleted; it was not verified"), "{ended:?}");
    }
}

#[test]
fn dry_run_and_list_print_complete_commands() {
    let url = "--api-url=http://127.0.0.1:9/graphql/v2";
    let mut sandbox = incident();
    sandbox.host = Some("127.0.0.1:9");
    assert_eq!(sandbox.run(&[PUSH, &[url]].concat()).code, 0);
    let dry = sandbox.run(&["undo", "--dry-run", url]);
    let run = run_of(&dry.out);
    let ending =
        format!("\nNothing was changed: this was a dry run.\nTo apply this plan:\n    doctor undo {run} --yes {url}\n");
    assert!(dry.out.ends_with(&ending), "{dry:?}");
    let list = sandbox.run(&["undo", "--list", url]);
    assert!(list.out.ends_with(&format!("To undo a run:\n    doctor undo {run} {url}\n")), "{list:?}");
}

#[test]
fn protected_fix_and_undo_print_the_complete_command() {
    let environment = Environment::named("production");
    let sandbox = Sandbox::in_environment(environment, [service("api", &[("A", "stored")])]).file(".env", "A=local\n");
    let words = ["fix", "--push", "--yes", "--only=A", "--no-deploy"];
    let fix = sandbox.run(&words);
    let command = "doctor fix --push --no-deploy --yes --only=A --environment=production";
    assert!(fix.err.contains(&format!("  help: to apply this plan:\n    {command}\n")), "{fix:?}");
    let fixed = sandbox.run(&[&words[..], &["--environment=production"]].concat());
    let run = run_of(&fixed.out);
    let undo = sandbox.run(&["undo", "--yes", "--no-deploy"]);
    let command = format!("doctor undo {run} --yes --environment=production --no-deploy");
    assert!(undo.err.contains(&format!("  help: to apply this plan, run:\n    {command}\n")), "{undo:?}");
}

#[test]
fn printed_undo_repeats_the_flags_of_its_plan() {
    let sandbox = incident();
    let run = run_of(&sandbox.run(PUSH).out);
    let flags = ["--allow-tracked", "--no-deploy", "--on-staged=ignore", "--no-journal"];
    let command = format!("\n    doctor undo {run} --yes {}\n", flags.join(" "));
    let unconfirmed = sandbox.run(&[&["undo"], &flags[..]].concat());
    assert!(unconfirmed.err.contains(&command), "{unconfirmed:?}");
    let dry = sandbox.run(&[&["undo", "--dry-run"], &flags[..]].concat());
    assert!(dry.out.ends_with(&command), "{dry:?}");
    let printed: Vec<&str> = command.split_whitespace().skip(1).collect();
    let before = sandbox.mutations().len();
    assert_eq!(sandbox.run(&printed).code, 0);
    assert!(sandbox.mutations()[before..].iter().all(|sent| !sent.starts_with("Redeploy")), "the plan deploys nothing");
}

#[test]
fn dry_run_in_another_format_or_to_a_file_prints_the_command() {
    let sandbox = incident();
    let run = run_of(&sandbox.run(PUSH).out);
    let command = format!("To apply this plan:\n    doctor undo {run} --yes\n");
    for more in [&["--format", "markdown"][..], &["--output", "plan.txt"]] {
        let dry = sandbox.run(&[&["undo", "--dry-run"], more].concat());
        assert!(dry.code == 1 && dry.err.contains(&command), "{dry:?}");
    }
    let json = sandbox.run(&["undo", "--dry-run", "--format", "json"]);
    assert!(!json.err.contains("To apply"), "{json:?}");
}
