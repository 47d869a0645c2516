//! `doctor fix` with prompts.

use crate::commands::tests::fix::{KEY, WORKER, incident, service};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::Environment;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const NO: PreparedAnswer = PreparedAnswer::Reply(YesNo::No);

fn two() -> Sandbox {
    Sandbox::of([service("api", &[("A", "stored-one"), ("B", "stored-two"), ("C", "3")])])
        .file(".env", "A=local-one\nB=local-two\nC=3\n")
        .at_a_terminal()
}

#[test]
fn first_choice_pushes_all_and_accepts_partial_service_name() {
    let sandbox = incident().at_a_terminal();
    let ended = sandbox.answered(&["fix", "--service", "worker"], vec![PreparedAnswer::Choice(0), YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.mutations(), [format!("SetVariables {WORKER} {KEY}"), format!("Redeploy {WORKER}")]);
    assert!(ended.asked[0].starts_with("What would you like to do?\n  Push: "), "{:?}", ended.asked);
    assert_eq!(ended.asked[1], "Apply this plan?");
    assert!(ended.out.contains("Plan: 1 variable on Railway, 1 deployment"), "{ended:?}");
}

#[test]
fn each_finding_can_be_resolved_separately() {
    let sandbox = two();
    let ended = sandbox
        .answered(&["fix"], vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(0), PreparedAnswer::Choice(1), YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("api", "A").as_deref(), Some("local-one"));
    assert_eq!(sandbox.text(".env"), "A=local-one\nB=stored-two\nC=3\n");
    assert!(ended.asked[1].starts_with("[1/2] A differs"), "{:?}", ended.asked);
}

#[test]
fn escape_goes_back_then_cancels() {
    let sandbox = two();
    let answers = vec![
        PreparedAnswer::Choice(2),
        PreparedAnswer::Choice(0),
        PreparedAnswer::Back,
        PreparedAnswer::Back,
        PreparedAnswer::Back,
    ];
    let ended = sandbox.answered(&["fix"], answers);
    assert_eq!(ended.code, 1, "as check: {ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert_eq!(sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(3)]).code, 1);
    for answer in [NO, PreparedAnswer::Back] {
        let ended = sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(0), answer]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("error: cancelled; nothing was changed"), "{ended:?}");
    }
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn ctrl_c_at_any_question_changes_nothing() {
    for answers in [
        vec![PreparedAnswer::Interrupt],
        vec![PreparedAnswer::Choice(2), PreparedAnswer::Interrupt],
        vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(3), PreparedAnswer::Interrupt],
        vec![PreparedAnswer::Choice(0), PreparedAnswer::Interrupt],
    ] {
        let sandbox = two();
        let ended = sandbox.answered(&["fix"], answers);
        assert_eq!(ended.code, 130, "{ended:?}");
        assert_eq!(sandbox.mutations(), [""; 0]);
        assert!(!sandbox.state().exists());
    }
}

#[test]
fn permanent_ignore_is_appended_to_doctor_toml() {
    let config = "# ours\nfail-on = \"error\"   # yes\n";
    let sandbox = two().file("doctor.toml", config);
    let answers = vec![
        PreparedAnswer::Choice(2),
        PreparedAnswer::Choice(3),
        PreparedAnswer::Line("only at home"),
        PreparedAnswer::Choice(2),
        YES,
    ];
    let ended = sandbox.answered(&["fix"], answers);
    let text = sandbox.text("doctor.toml");
    assert!(text.starts_with(config), "{text}");
    assert!(text.contains("[[ignore]]\nkeys = [\"A\"]") && text.contains("reason = \"only at home\""), "{text}");
    assert_eq!(ended.code, 1, "B remains: {ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let check = sandbox.run(&["check"]);
    assert!(check.out.contains("1 ignored by doctor.toml") && !check.out.contains("A differs"), "{check:?}");
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 0);
    assert_eq!(sandbox.text("doctor.toml"), config, "an ignore can be undone");
}

#[test]
fn values_are_shown_only_on_request() {
    let sandbox = two();
    let answers =
        vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(4), PreparedAnswer::Back, PreparedAnswer::Choice(3)];
    let ended = sandbox.answered(&["fix"], answers);
    assert!(ended.err.contains("local-one") && ended.err.contains("stored-one"), "{ended:?}");
    assert!(!ended.err.contains("local-two") && !ended.out.contains("local-one"), "{ended:?}");
}

#[test]
fn protected_environment_name_must_be_typed() {
    let production = || {
        Sandbox::in_environment(Environment::named("production"), [service("api", &[("A", "stored")])])
            .file(".env", "A=local\n")
            .at_a_terminal()
    };
    let sandbox = production();
    let wrong = sandbox.answered(&["fix", "--push"], vec![PreparedAnswer::Line("prod")]);
    assert_eq!((wrong.code, sandbox.mutations().len()), (2, 0), "{wrong:?}");
    let right = sandbox.answered(&["fix", "--push"], vec![PreparedAnswer::Line("production")]);
    assert_eq!((right.code, sandbox.mutations().len()), (0, 2), "{right:?}");
    assert!(right.asked[0].contains("production is protected"), "{:?}", right.asked);
}

#[test]
fn changes_that_need_a_flag_are_never_the_default() {
    let environment = Environment::named("staging").shared(&[("A", "shared-value")]);
    let sandbox = Sandbox::in_environment(environment, [service("api", &[("A", "${{shared.A}}"), ("B", "old")])])
        .file(".env", "A=local-value\nB=new\n")
        .at_a_terminal();
    let answers = vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(0), YES, PreparedAnswer::Choice(0), YES];
    let ended = sandbox.answered(&["fix"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.asked[2].starts_with("The last finding is a note"), "{:?}", ended.asked);
    assert!(ended.asked[3].contains("\n  Push: write the value in .env to the shared variable A"), "{:?}", ended.asked);
    assert_eq!(sandbox.mutations(), ["SetVariables api B", "SetVariables shared A", "Redeploy api"]);
}
