//! Which services get a key: a push changes services that have it. Others get it only by a requirement, `--add` or a
//! prompt.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::Environment;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const NO: PreparedAnswer = PreparedAnswer::Reply(YesNo::No);

fn shop() -> Sandbox {
    let held = [("KEY", "old-secret"), ("REGION", "eu")];
    Sandbox::of([service("web", &held), service("worker", &held), service("front end", &[("REGION", "eu")])])
        .file(".env", "KEY=new-secret\nREGION=eu\nNEW=brand-new\n")
}

#[test]
fn push_only_changes_holders() {
    for config in ["", "[[require]]\nkeys = [\"KEY\"]\nservices = [\"web\", \"worker\"]\n"] {
        for words in [&["--only", "KEY", "--yes"][..], &["--only", "KEY", "--only", "NEW", "--yes"]] {
            let sandbox = shop();
            let sandbox = if config.is_empty() { sandbox } else { sandbox.file("doctor.toml", config) };
            let ended = sandbox.run(&[&["fix", "--push"], words].concat());
            assert_eq!(ended.code, 0, "{ended:?}");
            let sent = ["SetVariables web KEY", "SetVariables worker KEY", "Redeploy web", "Redeploy worker"];
            assert_eq!(sandbox.mutations(), sent, "{config} {words:?}");
        }
    }
}

#[test]
fn requirement_adds_key_to_named_service() {
    let config = "[[require]]\nkeys = [\"NEW\"]\nservices = [\"worker\"]\n";
    for words in [&["fix", "--push", "--yes"][..], &["fix", "--push", "--only", "NEW", "--yes"]] {
        let sandbox = shop().file("doctor.toml", config);
        assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
        sandbox.run(words);
        assert_eq!(sandbox.mutations(), ["SetVariables worker NEW", "Redeploy worker"], "{words:?}");
    }
}

#[test]
fn key_without_holder_is_not_pushed_and_add_command_is_printed() {
    let add = |name: &str| format!("    doctor fix --add --push --only=NEW --service={name}");
    for (words, services) in [
        (&["fix", "--push", "--only", "NEW"][..], &["web", "worker", "'front end'"][..]),
        (&["fix", "--push", "--only", "NEW", "--yes"], &["web", "worker", "'front end'"]),
        (&["fix", "--push", "--only", "NEW", "--dry-run"], &["web", "worker", "'front end'"]),
        (&["fix", "--push", "--only", "NEW", "--service", "web", "--yes"], &["web"]),
        (&["fix", "--only", "NEW"], &["web", "worker", "'front end'"]),
    ] {
        let sandbox = shop();
        let check: Vec<&str> =
            words.iter().copied().filter(|word| !["--push", "--yes", "--dry-run", "fix"].contains(word)).collect();
        let check = sandbox.run(&[&["check"], check.as_slice()].concat());
        let ended = sandbox.run(words);
        assert_eq!((ended.code, sandbox.mutations().len()), (check.code, 0), "{words:?}: {ended:?}");
        let (_, suggested) = ended.out.split_once("To add a missing key:\n").unwrap_or_else(|| panic!("{ended:?}"));
        let mut suggested: Vec<&str> = suggested.lines().take_while(|line| line.starts_with("    doctor ")).collect();
        let mut wanted: Vec<String> = services.iter().map(|name| add(name)).collect();
        suggested.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(suggested, wanted, "{ended:?}");
    }
}

#[test]
fn add_flag_adds_key_only_to_named_service() {
    for words in [&["--add", "--push"][..], &["--add"], &["--push", "--add"]] {
        let sandbox = shop();
        let ended = sandbox.run(&[&["fix"], words, &["--only", "NEW", "--service=front end", "--yes"]].concat());
        assert_eq!(sandbox.mutations(), ["SetVariables front end NEW", "Redeploy front end"], "{ended:?}");
        assert_eq!(ended.code, 0, "{ended:?}");
    }
    for words in [
        &["--add"][..],
        &["--add", "--only", "NEW"],
        &["--add", "--service", "web"],
        &["--add", "--push"],
        &["--add", "--pull", "--only", "NEW", "--service", "web"],
    ] {
        let sandbox = shop();
        let ended = sandbox.run(&[&["fix", "--yes"], words].concat());
        assert_eq!((ended.code, sandbox.mutations().len()), (2, 0), "{words:?}: {ended:?}");
    }
}

#[test]
fn key_of_some_services_is_added_only_when_named() {
    let check = shop().run(&["check", "--fail-on", "note", "-v", "--only", "KEY"]);
    assert!(check.out.contains("  not on front end: KEY\n"), "{check:?}");
    let check = shop().run(&["check", "-s", "front end"]);
    assert!(!check.out.contains("KEY"), "{check:?}");
    for (words, sent) in [
        (
            &["--add", "--only", "KEY", "--service=front end"][..],
            &["SetVariables front end KEY", "Redeploy front end"][..],
        ),
        (&["--push", "--only", "KEY", "--service=front end"], &[]),
        (&["--push"], &[]),
    ] {
        let sandbox = shop();
        let ended = sandbox.run(&[&["fix", "--yes"], words].concat());
        let to_front_end: Vec<String> =
            sandbox.mutations().into_iter().filter(|sent| sent.contains("front end")).collect();
        assert_eq!(to_front_end, sent, "{words:?}: {ended:?}");
    }
}

#[test]
fn add_skips_placeholders() {
    let sandbox = Sandbox::of([service("web", &[("REGION", "eu")])]).file(".env", "KEY=changeme\nREGION=eu\n");
    let ended = sandbox.run(&["fix", "--add", "--only", "KEY", "--service", "web", "--yes"]);
    assert_eq!(sandbox.mutations(), [""; 0], "{ended:?}");
    assert!(ended.out.contains("KEY is a placeholder in .env, so it is not pushed"), "{ended:?}");
}

#[test]
fn prompt_selects_services_for_new_key() {
    let skip = || PreparedAnswer::Choice(1);
    for (answers, sent) in [
        (
            vec![PreparedAnswer::Choice(0), PreparedAnswer::Choices(vec![0]), YES],
            &["SetVariables front end NEW", "Redeploy front end"][..],
        ),
        (vec![PreparedAnswer::Choice(0), PreparedAnswer::Enter], &[]),
        (vec![skip()], &[]),
    ] {
        let sandbox = shop().at_a_terminal();
        let answers = [vec![PreparedAnswer::Choice(0)], answers].concat();
        let ended = sandbox.answered(&["fix", "--only", "NEW"], answers);
        assert_eq!(sandbox.mutations(), sent, "{ended:?}");
    }
    let held = Sandbox::of([
        service("web", &[("KEY", "one")]),
        service("worker", &[("OTHER", "x")]),
        service("front end", &[("OTHER", "x")]),
    ])
    .file(".env", "KEY=one\nOTHER=x\n")
    .at_a_terminal();
    let answers = vec![PreparedAnswer::Choice(0), PreparedAnswer::Choice(0), PreparedAnswer::Choices(Vec::new())];
    let ended = held.answered(&["fix", "--only", "KEY"], answers);
    assert!(
        ended.asked[2].starts_with("Which services should get KEY? (web already has it)\n  [ ] "),
        "{:?}",
        ended.asked
    );
}

#[test]
fn declined_plan_prints_one_command_per_service_and_key() {
    // The keys differ between the services in different ways, so that each difference is a separate finding.
    let sandbox = Sandbox::of([
        service("web", &[("ONE", "a-secret-value"), ("TWO", "b-secret-value")]),
        service("my worker", &[("ONE", "A-SECRET-TEXT"), ("TWO", "B-SECRET-TEXT")]),
    ])
    .file(".env", "ONE=a-secret-text\nTWO=b-secret-text\n")
    .at_a_terminal();
    // Pushes ONE to `my worker` only, and TWO to web only.
    let (push, skip) = (PreparedAnswer::Choice(0), PreparedAnswer::Choice(2));
    // The findings about `my worker` come last, because its values differ only in case.
    let answers = vec![PreparedAnswer::Choice(1), skip.clone(), push.clone(), push, skip, NO];
    let ended = sandbox.answered(&["fix"], answers);
    let commands = "To apply this plan, run in this order:\n    \
                    doctor fix --push --yes --only=ONE --service='my worker'\n    \
                    doctor fix --push --yes --only=TWO --service=web\n";
    assert!(ended.err.contains(commands), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn printed_commands_keep_target_flags() {
    let environment = Environment::named("production");
    let sandbox =
        Sandbox::in_environment(environment, [service("web", &[("A", "1")]), service("worker", &[("A", "1")])])
            .file("one.env", "A=2\n")
            .file("conf.toml", "fail-on = \"error\"\n");
    let words =
        ["--project", "shop", "-e", "production", "-s", "web", "--env-file", "one.env", "--config", "conf.toml"];
    let targeting = "--project=shop --environment=production --env-file=one.env --config=conf.toml";
    let check = sandbox.run(&[&["check"][..], &words].concat());
    assert!(check.out.contains(&format!("    doctor fix --only A {targeting} --service=web\n")), "{check:?}");
    let dry = sandbox.run(&[&["fix", "--dry-run"][..], &words].concat());
    assert!(dry.out.contains(&format!("    doctor fix --push --yes --only=A {targeting} --service=web\n")), "{dry:?}");
    let part = sandbox.run(&["check", "-s", "wor", "--env-file", "one.env"]);
    assert!(part.out.contains("    doctor fix --only A --env-file=one.env --service=worker\n"), "{part:?}");
}
