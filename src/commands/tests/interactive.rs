//! `doctor fix` with prompts.

use crate::commands::tests::fix::{KEY, WORKER, incident, service};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::Environment;
use crate::io::sim::status_timeline::StatusTimeline;
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
    assert!(
        ended.asked[0].starts_with("What would you like to do?\n  Push .env to Railway (1 variable)\n"),
        "{:?}",
        ended.asked
    );
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
    assert!(ended.asked[1].starts_with("[1/2] Fix A?\n  Push: write the value in .env to api\n"), "{:?}", ended.asked);
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
    assert!(ended.err.ends_with("nothing was changed\n"), "{ended:?}");
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
    let (_, after) = ended.out.split_once("done  ignore  doctor.toml  A\n").expect("the receipt");
    assert!(after.contains("1 error · ") && after.contains(" · 1 ignored by doctor.toml · "), "{after}");
    assert!(!after.contains("A differs"), "{after}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let check = sandbox.run(&["check"]);
    assert!(check.out.contains("1 ignored by doctor.toml") && !check.out.contains("A differs"), "{check:?}");
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 0);
    assert_eq!(sandbox.text("doctor.toml"), config, "an ignore can be undone");
}

#[test]
fn ignore_requires_a_reason() {
    let sandbox = two().file("doctor.toml", "fail-on = \"error\"\n");
    let review = |answers: &[PreparedAnswer]| {
        let start = [PreparedAnswer::Choice(2), PreparedAnswer::Choice(3)];
        sandbox.answered(&["fix"], [&start, answers].concat())
    };
    let skip = PreparedAnswer::Choice(2);
    let ended = review(&[PreparedAnswer::Line(""), PreparedAnswer::Line("only at home"), skip.clone(), YES]);
    assert_eq!(ended.err.matches("A reason is required.\n").count(), 1, "{ended:?}");
    assert_eq!(ended.asked.iter().filter(|prompt| prompt.starts_with("Why is this expected?")).count(), 2);
    assert!(sandbox.text("doctor.toml").contains("reason = \"only at home\""), "{ended:?}");
}

#[test]
fn reason_with_a_value_is_not_written() {
    let sandbox = two().file("doctor.toml", "fail-on = \"error\"\n");
    let answers = vec![
        PreparedAnswer::Choice(2),
        PreparedAnswer::Choice(3),
        PreparedAnswer::Line("only local-one"),
        PreparedAnswer::Line("only at home"),
        PreparedAnswer::Choice(2),
        YES,
    ];
    let ended = sandbox.answered(&["fix"], answers);
    ended.assert_shows("The reason contains the value of a variable.");
    let text = sandbox.text("doctor.toml");
    assert!(text.contains("reason = \"only at home\"") && !text.contains("local-one"), "{text}");
}

#[test]
fn escape_at_the_reason_returns_to_the_finding() {
    let sandbox = two();
    let answers = [PreparedAnswer::Choice(2), PreparedAnswer::Choice(3), PreparedAnswer::Back]
        .into_iter()
        .chain([PreparedAnswer::Back, PreparedAnswer::Back]);
    let ended = sandbox.answered(&["fix"], answers.collect());
    assert!(ended.asked[3].starts_with("[1/2] "), "{ended:?}");
    assert!(!ended.err.contains("A reason is required"), "{ended:?}");
}

#[test]
fn ignoring_the_last_error_makes_the_run_succeed() {
    let sandbox = Sandbox::of([service("api", &[("A", "stored-one"), ("C", "3")])])
        .file(".env", "A=local-one\nC=3\n")
        .at_a_terminal();
    let answers = vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(3), PreparedAnswer::Line("only at home"), YES];
    let ended = sandbox.answered(&["fix"], answers.clone());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.run(&["check"]).code, 0);
    std::fs::remove_file(sandbox.work().join("doctor.toml")).unwrap();
    let json = sandbox.answered(&["fix", "--format", "json"], answers);
    let report: serde_json::Value = serde_json::from_str(&json.out).expect("one report");
    assert_eq!((json.code, &report["summary"]["ignored"]), (0, &1.into()), "{json:?}");
    assert_eq!(report["summary"]["errors"], 0, "{json:?}");
}

#[test]
fn nothing_is_ignored_without_doctor_toml() {
    let ended = two()
        .answered(&["fix", "--no-config"], vec![PreparedAnswer::Choice(2), PreparedAnswer::Back, PreparedAnswer::Back]);
    assert!(!ended.asked[1].contains("Ignore"), "{:?}", ended.asked);
}

#[test]
fn findings_above_the_menu_have_no_fix_command() {
    for words in [&["fix"][..], &["fix", "-v"]] {
        let ended = two().answered(words, vec![PreparedAnswer::Back]);
        assert!(ended.out.contains("A differs") && !ended.out.contains("doctor fix"), "{ended:?}");
    }
    assert!(two().run(&["check"]).out.contains("    doctor fix --only A\n"));
}

#[test]
fn finding_is_shown_above_its_question_and_not_again() {
    let ended = two()
        .answered(&["fix"], vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(0), PreparedAnswer::Choice(2), YES]);
    assert_eq!(ended.code, 1, "{ended:?}");
    // Once in the list, once above the question.
    assert_eq!(ended.out.matches("A differs").count(), 2, "{ended:?}");
    assert_eq!(ended.out.matches("B differs between").count(), 2, "{ended:?}");
    assert_eq!(ended.out.matches("  stored  ● ").count(), 2, "{ended:?}");
    let (_, after) = ended.out.split_once("\ndone ").expect("the receipts");
    assert!(after.contains("\n1 error · ") && !after.contains("B differs on"), "{after}");
    assert!(after.contains("\n\nTo show what is left, run:\n    doctor check\n"), "{after}");
}

#[test]
fn new_finding_is_reported_after_the_fix() {
    let failing = service("api", &[("A", "stored-one"), ("C", "3")]).next(StatusTimeline::failing_build("no"));
    let sandbox = Sandbox::of([failing]).file(".env", "A=local-one\nC=3\n").at_a_terminal();
    let ended = sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(0), YES]);
    assert_eq!(ended.code, 7, "{ended:?}");
    let (_, after) = ended.out.split_once("\ndone ").expect("the receipts");
    assert!(after.contains("\nerror: ") && after.contains("[deployment-unhealthy]"), "{after}");
}

#[test]
fn list_above_the_menu_and_questions_fit_on_24_lines() {
    for number in [3, 8, 40] {
        let keys: Vec<String> = (0..number).map(|at| format!("KEY_{at:02}")).collect();
        let stored: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "stored-value")).collect();
        let services = ["api", "worker"].map(|name| service(name, &stored));
        let local = keys.iter().map(|key| [key, "=local-value\n"].concat()).collect::<Vec<_>>().concat();
        let sandbox = Sandbox::of(services).file(".env", &local).at_a_terminal();
        let end = PreparedAnswer::Choice(5);
        let ended = sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(2), end]);
        assert!(ended.asked[0].contains(&format!("Review one by one ({number} questions)")), "{:?}", ended.asked);
        assert!(ended.asked[2].starts_with(&format!("[2/{number}] Fix KEY_01?")), "{:?}", ended.asked);
        let (list, questions) = ended.out.split_once("\nerror: KEY_00 differs").unwrap_or_else(|| panic!("{ended:?}"));
        let rows = list.lines().count() + 2 + ended.asked[0].lines().count();
        assert!(rows <= 24, "{rows} lines: {ended:?}");
        // The choices of an answered question are removed.
        let rows = questions.lines().count() + 2 + ended.asked[2].lines().count();
        assert!(rows <= 24, "{rows} lines: {ended:?}");
    }
}

#[test]
fn rest_of_the_review_can_be_skipped() {
    let sandbox = two();
    let ended = sandbox
        .answered(&["fix"], vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(0), PreparedAnswer::Choice(2), YES]);
    assert!(ended.asked[1].ends_with("\n  Skip this and the last question"), "{:?}", ended.asked);
    assert!(!ended.asked[2].contains("Skip this and"), "{:?}", ended.asked);
    let sandbox = two();
    let ended = sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(5)]);
    assert_eq!((ended.code, sandbox.mutations().len()), (1, 0), "{ended:?}");
}

#[test]
fn commands_above_the_menu_repeat_the_target() {
    let sandbox = Sandbox::of([service("api", &[("B", "1")])]).file("my.env", "A=1\n").file(".env", "Z=1\n");
    let targeting = ["--service=api", "--project=shop", "--environment=staging", "--env-file=my.env", "--no-config"];
    let check = sandbox.run(&[&["check"], &targeting[..]].concat());
    let sandbox = sandbox.at_a_terminal();
    let ended = sandbox.answered(&[&["fix", "-v"], &targeting[..]].concat(), vec![PreparedAnswer::Back]);
    let added = |out: &str| out.lines().find(|line| line.contains("doctor fix --add")).unwrap().to_owned();
    assert!(added(&check.out).contains("--project=shop --environment=staging --env-file=my.env --no-config"));
    assert_eq!(added(&ended.out), added(&check.out), "{ended:?}");
}

#[test]
fn review_numbers_every_question() {
    let running = SimDeployment::serving("2026-11-20T08:00:00.000Z").had("A", "stored").had("B", "0");
    let sandbox = Sandbox::of([service("api", &[("A", "stored"), ("B", "1")]).deployed(running)])
        .file(".env", "A=local\nB=1\n")
        .at_a_terminal();
    let ended = sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(3), PreparedAnswer::Choice(2), NO]);
    assert!(ended.asked[0].contains("Review one by one (2 questions)"), "{:?}", ended.asked);
    assert!(ended.asked[1].starts_with("[1/2] Fix A?"), "{:?}", ended.asked);
    assert!(ended.asked[2].starts_with("[2/2] api is running with an old value of B"), "{:?}", ended.asked);
}

#[test]
fn menu_fits_on_a_narrow_terminal() {
    let names = ["agentverse-api-staging", "agentverse-worker-staging"];
    let worker = |name: &str| service(name, &[("A", "stored")]).start("celery worker");
    let sandbox = Sandbox::of(names.map(worker))
        .file(".env", "A=local\n")
        .file("doctor.toml", "[services.agentverse-worker-staging]\nstart-command-contains = [\"-B\"]\n")
        .at_a_terminal();
    let answers = vec![YES, PreparedAnswer::Choice(2), PreparedAnswer::Back, PreparedAnswer::Back];
    let ended = sandbox.answered(&["fix", "--service", names[0], "--service", names[1]], answers);
    let lines: Vec<&str> = ended.asked.iter().flat_map(|prompt| prompt.lines()).collect();
    assert!(lines.contains(&"  Push .env to Railway (2 variables), and set the start command"), "{lines:#?}");
    assert!(lines.contains(&"  Push: write the value in .env to 2 services"), "{lines:#?}");
    assert!(!ended.out.contains("run this in a terminal"), "the prompts offer it: {ended:?}");
    assert!(lines.iter().all(|line| line.chars().count() < 79), "{lines:#?}");
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
    let wrong =
        sandbox.answered(&["fix", "--push"], ["prod", "hunter2", "PRODUCTION"].map(PreparedAnswer::Line).into());
    assert_eq!((wrong.code, sandbox.mutations().len()), (2, 0), "{wrong:?}");
    let again = "That is not the name of the environment. Type production, or press Esc to cancel.\n";
    assert_eq!(wrong.err.matches(again).count(), 2, "{wrong:?}");
    wrong.assert_shows("error: nothing was changed: the name of the environment (production) was not typed");
    assert!(!wrong.text().contains("hunter2"), "{wrong:?}");
    let cancelled = sandbox.answered(&["fix", "--push"], vec![PreparedAnswer::Line("prod"), PreparedAnswer::Back]);
    assert_eq!((cancelled.code, sandbox.mutations().len()), (2, 0), "{cancelled:?}");
    let blank = sandbox.answered(&["fix", "--push"], vec![PreparedAnswer::Line("")]);
    blank.assert_shows("error: cancelled; nothing was changed");
    let right = sandbox.answered(&["fix", "--push"], ["prod", "production"].map(PreparedAnswer::Line).into());
    assert_eq!((right.code, sandbox.mutations().len()), (0, 2), "{right:?}");
    assert!(right.asked[0].contains("production is protected"), "{:?}", right.asked);
}

#[test]
fn changes_that_need_a_flag_are_never_the_default() {
    let environment = Environment::named("staging").shared(&[("A", "shared-value")]);
    let sandbox = Sandbox::in_environment(environment, [service("api", &[("A", "${{shared.A}}"), ("B", "old")])])
        .file(".env", "A=local-value\nB=new\n")
        .at_a_terminal();
    let answers = vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(0), PreparedAnswer::Choice(0), YES];
    let ended = sandbox.answered(&["fix", "-v"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.asked[2].contains("\n  Push: write the value in .env to the shared variable A"), "{:?}", ended.asked);
    assert_eq!(sandbox.mutations(), ["SetVariables api B", "SetVariables shared A", "Redeploy api"]);
}

#[test]
fn notes_are_offered_only_on_request() {
    let sandbox = || {
        Sandbox::of([service("api", &[("A", "old"), ("PORT", "80"), ("EXTRA", "1")])])
            .file(".env", "A=new\nPORT=3000\n")
            .at_a_terminal()
    };
    let questions = |words: &[&str]| {
        let ended = sandbox().answered(words, vec![PreparedAnswer::Back]);
        let menu: Vec<&str> = ended.asked[0].lines().filter(|line| line.contains("one by one")).collect();
        (menu.concat(), ended.out.contains("2 notes (-v lists them)"))
    };
    assert_eq!(questions(&["fix"]), ("  Review one by one (1 question)".to_owned(), true));
    assert_eq!(questions(&["fix", "-v"]), ("  Review one by one (3 questions)".to_owned(), false));
    assert_eq!(questions(&["fix", "--only", "PORT"]), ("  Review one by one (1 question)".to_owned(), false));
}

#[test]
fn only_notes_are_nothing_to_do() {
    let sandbox =
        Sandbox::of([service("api", &[("A", "1"), ("PORT", "80")])]).file(".env", "A=1\nPORT=3000\n").at_a_terminal();
    let ended = sandbox.answered(&["fix"], Vec::new());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("\nNothing to do: there are no errors or warnings.\n"), "{ended:?}");
}

#[test]
fn escape_returns_through_every_kind_of_question() {
    let running = SimDeployment::serving("2026-11-20T08:00:00.000Z").had("A", "stored").had("B", "0");
    let services = [
        service("api", &[("A", "stored"), ("B", "1")]).deployed(running),
        service("worker", &[("A", "stored"), ("B", "1")]).start("celery worker"),
    ];
    let config = "[services.worker]\nstart-command-contains = [\"-B\"]\n";
    let sandbox = Sandbox::of(services).file(".env", "A=local\nB=1\n").file("doctor.toml", config).at_a_terminal();
    let skip = PreparedAnswer::Choice(2);
    let back = || [PreparedAnswer::Back, PreparedAnswer::Back, PreparedAnswer::Back, PreparedAnswer::Back];
    let answers = [vec![YES, PreparedAnswer::Choice(3), skip, NO], back().into()].concat();
    let ended = sandbox.answered(&["fix", "--service", "api", "--service", "worker"], answers);
    let starts: Vec<&str> = ended.asked[2..].iter().map(|prompt| &prompt[..7.min(prompt.len())]).collect();
    assert_eq!(starts, ["[1/3] F", "[2/3] S", "[3/3] a", "[2/3] S", "[1/3] F", "What wo"], "{ended:#?}");
    assert_eq!((ended.code, sandbox.mutations().len()), (1, 0), "{ended:?}");
}
