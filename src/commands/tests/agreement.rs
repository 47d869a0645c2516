//! The table, the last line and the exit code agree in every format, whatever the outcome of the run.

use std::sync::Arc;

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::error::Exit;
use crate::io::interrupt::Interrupt;
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::estate::SimService;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::status_timeline::StatusTimeline;
use crate::report::{FORMATS, verdict};

/// Asserts that the output and the exit code agree. [`Sandbox`] calls it for every run.
pub(super) fn assert_agrees(words: &[&str], ended: &Ended) {
    // An interactive run prints a report before the prompt and another one after it.
    if !ended.asked.is_empty()
        || !["check", "compare", "fix", "undo", "trace", "rotate"].contains(&words.first().copied().unwrap_or_default())
        || words.contains(&"--list")
    {
        return;
    }
    match serde_json::from_str::<Value>(&ended.out) {
        Ok(report) if report.get("summary").is_some() => assert_json_agrees(&report, ended),
        _ if words.iter().any(|word| word.starts_with("--format")) => {}
        _ => assert_text_agrees(ended),
    }
}

fn assert_json_agrees(report: &Value, ended: &Ended) {
    assert_eq!(report["summary"]["exit_code"], ended.code, "{ended:?}");
    match report["command"].as_str() {
        // What the token has no access to, or what runs, may be unknown without an error.
        Some("trace") => assert!(ended.code == 0 || report["trace"]["complete"] == false, "{ended:?}"),
        Some("rotate") if report.get("plan").is_none() => assert_rotation_agrees(report, ended),
        Some("rotate") => {}
        _ => assert_services_agree(report, ended),
    }
}

/// A rotation succeeds if every step is done, and no place has the old value.
fn assert_rotation_agrees(report: &Value, ended: &Ended) {
    let receipts = report["receipts"].as_array().expect("receipts are a list");
    let places = report["trace"]["places"].as_array().map_or(0, Vec::len);
    let is_done = receipts.iter().all(|receipt| receipt["outcome"] == "done");
    match ended.code {
        0 => assert!(is_done && places == 0, "it succeeds, but something is left: {ended:?}"),
        6 => assert!(!is_done || places > 0, "nothing is left, but it fails: {ended:?}"),
        7 | 8 => assert!(!is_done, "every step is done, but it fails: {ended:?}"),
        _ => {}
    }
}

fn assert_services_agree(report: &Value, ended: &Ended) {
    let services = report["services"].as_array().expect("services are a list");
    let verdicts: Vec<&str> = services.iter().filter_map(|service| service["verdict"].as_str()).collect();
    let failed = verdicts.contains(&"fail");
    assert!(!failed || ended.code != 0, "a service failed, but the run did not: {ended:?}");
    match ended.code {
        7 => assert!(failed, "verification failed, but no service did: {ended:?}"),
        8 => assert!(verdicts.iter().any(|verdict| *verdict != "pass"), "every service passed: {ended:?}"),
        _ => {}
    }
    for receipt in report["receipts"].as_array().into_iter().flatten().filter(|_| ![0, 1, 2, 3].contains(&ended.code)) {
        let of_receipt = services.iter().find(|service| service["name"] == receipt["service"]);
        let is_passed = of_receipt.is_some_and(|service| service["verdict"] == "pass");
        let is_bad = ["failed", "unknown", "conflict"].iter().any(|bad| receipt["outcome"] == *bad);
        assert!(!(is_passed && is_bad), "{receipt} of a service that passed: {ended:?}");
    }
}

fn assert_text_agrees(ended: &Ended) {
    let failed = ended.out.lines().any(|line| line.starts_with("FAIL  "));
    assert!(!failed || ended.code != 0, "a service failed, but the run did not: {ended:?}");
    let last = ended.out.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
    let reports_success = ["agree", "passed", "all good"].iter().any(|word| last.contains(word));
    assert!(!reports_success || (ended.code == 0 && !failed), "the last line is “{last}”: {ended:?}");
    let is_wrong = last.contains("no findings") && ![0, 3].contains(&ended.code);
    assert!(!is_wrong, "the last line is “{last}”: {ended:?}");
    let fails = ended.out.contains("so the check does not pass");
    assert!(!fails || ended.code != 0, "nothing was compared, but the run succeeds: {ended:?}");
    let named = [6, 7, 8, 130].contains(&ended.code) && ended.out.contains("doctor undo ");
    assert!(!named || last.starts_with("    doctor undo "), "the last line is “{last}”: {ended:?}");
}

/// A sandbox, a command line, and the expected exit code; `None` if `--fail-on` decides between 0 and 1.
struct Case {
    name: &'static str,
    sandbox: Sandbox,
    words: &'static [&'static str],
    code: Option<u8>,
    /// The operation during which Ctrl-C is pressed.
    pressed: Option<&'static str>,
    /// The expected verdict of the service `api`, if the report has one.
    verdict: &'static str,
}

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];
const PULL: &[&str] = &["fix", "--pull", "--yes", "--only", "A"];
const LOG: &str = "[[expect.log]]\nservice = \"api\"\ncontains = \"boot_id stored\"\n";
const HTTP: &str = "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /api/v1/ops/x\"\nstatus = 200\n";

fn api() -> SimService {
    service("api", &[("A", "old-value"), ("B", "same")])
}

fn shop(api: SimService) -> Sandbox {
    let web = service("web", &[("A", "old-value"), ("B", "same")]);
    Sandbox::of([api, web]).file(".env", "A=new-value\nB=same\n")
}

fn faulty(fault: Fault) -> Sandbox {
    let sandbox = shop(api());
    sandbox.sim.fault(fault);
    sandbox
}

fn moved() -> Sandbox {
    let sandbox = shop(api());
    sandbox.sim.before_nth("PreWriteState", 1, |estate| {
        estate.service_named("api").expect("the service exists").set("A", "theirs");
    });
    sandbox
}

fn undone(change: impl FnOnce(&Sandbox)) -> Sandbox {
    let sandbox = shop(api());
    assert_eq!(sandbox.run(PUSH).code, 0);
    change(&sandbox);
    sandbox
}

fn cases() -> Vec<Case> {
    let case = |name, sandbox, words, code: u8, verdict| Case {
        name,
        sandbox,
        words,
        code: Some(code),
        pressed: None,
        verdict,
    };
    let unreadable = || {
        let sandbox = shop(api());
        sandbox.sim.fault(Fault::service(&sandbox.id("api"), "Not Authorized").permanent());
        sandbox
    };
    let answering = || service("api", &[("A", "old-value"), ("B", "same")]).domain("api.up.railway.app");
    vec![
        case("done", shop(api()), PUSH, 0, "pass"),
        Case { code: None, verdict: "", ..case("differing", shop(api()), &["check"], 0, "") },
        case("failed", shop(api().next(StatusTimeline::failing_build("no"))), PUSH, 7, "fail"),
        case("crashed", shop(api().next(StatusTimeline::crashing(1))), PUSH, 7, "fail"),
        case("skipped", shop(api().next(StatusTimeline::skipped())), PUSH, 7, "fail"),
        case("endless", shop(api().next(StatusTimeline::endless())), PUSH, 8, "skip"),
        case("approval", shop(api().next(StatusTimeline::needs_approval())), PUSH, 8, "skip"),
        case("conflict", moved(), PUSH, 6, "fail"),
        case("refused", faulty(Fault::refusal("no").on("SetVariables").nth(1)), PUSH, 6, "fail"),
        case("unknown", faulty(Fault::lost(Moment::Before, Loss::Reset).on("SetVariables").nth(1)), PUSH, 6, "fail"),
        case("not tried", faulty(Fault::refusal("no").on("PreWriteState").nth(3).permanent()), PUSH, 6, "fail"),
        case("not deployed", faulty(Fault::refusal("no").on("Redeploy").nth(1)), PUSH, 6, "fail"),
        case("nothing written", faulty(Fault::refusal("no").on("SetVariables").permanent()), PUSH, 0, ""),
        case(
            "out of reach",
            faulty(Fault::failure(TransportFailure::NotSent("refused".to_owned())).on("DeploymentStatus").permanent()),
            PUSH,
            8,
            "skip",
        ),
        case("log line missing", shop(api().logs("ready")).file("doctor.toml", LOG), PUSH, 7, "fail"),
        case("endpoint wrong", shop(answering()).file("doctor.toml", HTTP), PUSH, 7, "fail"),
        case("endpoint not asked", shop(api()).file("doctor.toml", HTTP), PUSH, 8, "skip"),
        case("pulled", shop(api()), PULL, 0, "pass"),
        case("unreadable", unreadable(), &["check"], 4, "fail"),
        case("nothing compared", shop(api()).file(".env", "OTHER=1\n"), &["check", "--service=api"], 3, "skip"),
        case("undone", undone(|_| {}), &["undo", "--yes"], 0, "pass"),
        case(
            "undone in part",
            undone(|sandbox| {
                sandbox.sim.change(|estate| {
                    let service = estate.projects[0].environments[0].service_named("api");
                    service.expect("the service exists").set("A", "theirs");
                });
            }),
            &["undo", "--yes"],
            6,
            "fail",
        ),
        case(
            "undone and crashed",
            undone(|sandbox| {
                sandbox.sim.change(|estate| {
                    let service = estate.projects[0].environments[0].service_named("api");
                    service.expect("the service exists").next_plans.push_back(StatusTimeline::crashing(1));
                });
            }),
            &["undo", "--yes"],
            7,
            "fail",
        ),
        Case { pressed: Some("SetVariables"), ..case("interrupted", shop(api()), PUSH, 130, "") },
        Case { pressed: Some("DeploymentStatus"), ..case("interrupted later", shop(api()), PUSH, 130, "") },
    ]
}

const ROTATE: &[&str] = &["rotate", "A", "--from=api", "--generate=hex:32", "--yes"];

/// The cases of a rotation, and of a trace. They have no findings, so `--fail-on` does not apply.
fn rotations() -> Vec<Case> {
    const OLD: &str = "kV93xLq0wMn72RbYcJd5";
    let api = || service("api", &[("A", OLD), ("B", "same")]);
    let shop = |api: SimService| Sandbox::of([api, service("web", &[("A", OLD), ("B", "same")])]);
    let faulty = |fault: Fault| {
        let sandbox = shop(api());
        sandbox.sim.fault(fault);
        sandbox
    };
    let moved = || {
        let sandbox = shop(api());
        sandbox.sim.before_nth("PreWriteState", 1, |estate| {
            estate.service_named("api").expect("the service exists").set("A", "theirs");
        });
        sandbox
    };
    let unreadable = || {
        let sandbox = shop(api());
        sandbox.sim.fault(Fault::service(&sandbox.id("web"), "Not Authorized").permanent());
        sandbox
    };
    let case =
        |name, sandbox, words, code: u8| Case { name, sandbox, words, code: Some(code), pressed: None, verdict: "" };
    vec![
        case("done", shop(api()), ROTATE, 0),
        case("planned", shop(api()), &["rotate", "A", "--from=api", "--generate=hex:32", "--dry-run"], 1),
        case("failed", shop(api().next(StatusTimeline::failing_build("no"))), ROTATE, 7),
        case("crashed", shop(api().next(StatusTimeline::crashing(1))), ROTATE, 7),
        case("endless", shop(api().next(StatusTimeline::endless())), ROTATE, 8),
        case("conflict", moved(), ROTATE, 6),
        case("refused", faulty(Fault::refusal("no").on("SetVariables").nth(1)), ROTATE, 6),
        case("unknown", faulty(Fault::lost(Moment::Before, Loss::Reset).on("SetVariables").nth(1)), ROTATE, 6),
        case("not deployed", faulty(Fault::refusal("no").on("Redeploy").nth(1)), ROTATE, 6),
        case("left", shop(service("api", &[("A", OLD), ("COPY", OLD)])), ROTATE, 6),
        Case { pressed: Some("SetVariables"), ..case("interrupted", shop(api()), ROTATE, 130) },
        Case { pressed: Some("DeploymentStatus"), ..case("interrupted later", shop(api()), ROTATE, 130) },
        case("traced", shop(api()), &["trace", "A", "--from=api"], 0),
        case("traced in part", unreadable(), &["trace", "A", "--from=api"], 4),
    ]
}

fn run(case: &Case, more: &[&str]) -> Ended {
    let interrupt = Arc::new(Interrupt::default());
    if let Some(operation) = case.pressed {
        let pressed = Arc::clone(&interrupt);
        case.sandbox.sim.before(operation, move |_| pressed.press());
    }
    case.sandbox.run_with(&[case.words, more].concat(), Vec::new(), &interrupt)
}

#[test]
fn exit_code_and_verdicts_agree_at_every_fail_on_level() {
    for level in ["error", "warning", "note", "never"] {
        for format in ["text", "json"] {
            for case in cases() {
                let name = format!("{} in {format} with --fail-on {level}", case.name);
                let is_json = format == "json";
                let more = ["--fail-on", level, "--format", "json"];
                // `assert_agrees` checks both formats after the run.
                let ended = run(&case, if is_json { &more } else { &more[..2] });
                let expected = case.code.unwrap_or(u8::from(level != "never"));
                // With a lower level, warnings and notes fail the run as well.
                let is_found = ["warning", "note"].contains(&level) && ended.code == 1 && [0, 3].contains(&expected);
                let is_free = case.name == "nothing written";
                assert!(ended.code == expected || is_found || is_free, "{name}: {ended:?}");
                if is_json && !case.verdict.is_empty() && ended.code == expected {
                    let report: Value = serde_json::from_str(&ended.out).expect("it is JSON");
                    let services = report["services"].as_array().expect("services are a list");
                    let api = services.iter().find(|service| service["name"] == "api");
                    let verdict = &api.expect("the service exists")["verdict"];
                    // An unverified service may have findings as well.
                    let is_worse = case.verdict == "skip" && *verdict == "fail";
                    assert!(*verdict == case.verdict || is_worse, "{name}: {ended:?}");
                }
            }
        }
    }
}

#[test]
fn rotation_ends_with_the_same_code_in_every_format() {
    for (format, _) in FORMATS {
        for case in rotations() {
            let ended = run(&case, &["--format", format]);
            assert_eq!(Some(ended.code), case.code, "{} in {format}: {ended:?}", case.name);
        }
    }
}

#[test]
fn no_format_reports_failure_as_success() {
    for (format, _) in FORMATS {
        for case in cases().into_iter().chain(rotations()) {
            let name = format!("{} in {format}", case.name);
            let ended = run(&case, &["--format", format]);
            if ended.code == 0 {
                continue;
            }
            for text in ["all values agree", "values agree", "compared agrees", "\"executionSuccessful\": true"] {
                let is_expected = text.starts_with('"') && [1, 3].contains(&ended.code);
                assert!(!ended.out.contains(text) || is_expected, "{name}, {text}: {ended:?}");
            }
            let totals = ended.out.lines().find(|line| line.starts_with("<testsuites")).unwrap_or_default();
            let is_green = totals.contains("failures=\"0\" errors=\"0\"");
            // The steps of a plan that was only shown are skipped.
            let is_skipped = case.name == "planned";
            assert!(!is_green || is_skipped || [3, 130].contains(&ended.code), "{name}: {ended:?}");
        }
    }
}

#[test]
fn report_codes_match_exit_codes() {
    let ends = [
        Exit::Clean,
        Exit::Findings,
        Exit::NothingCompared,
        Exit::Partial,
        Exit::Disproved,
        Exit::Inconclusive,
        Exit::Interrupted,
    ];
    assert_eq!(verdict::CODES, ends.map(Exit::code));
}

#[test]
fn crashed_service_fails_and_last_line_is_undo() {
    let sandbox = shop(api().next(StatusTimeline::crashing(1)).next(StatusTimeline::success()));
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.out.contains("\nFAIL  api  1 compared  verification failed"), "{ended:?}");
    assert!(ended.out.contains("\nPASS  web  1 compared"), "{ended:?}");
    assert!(ended.out.contains("\nverification failed: api · 2 values compared · "), "{ended:?}");
    let quiet = shop(api().next(StatusTimeline::crashing(1))).run(&[PUSH, &["-q"]].concat());
    assert!(quiet.out.trim_end().lines().last().is_some_and(|last| last.starts_with("    doctor undo ")), "{quiet:?}");
}

#[test]
fn failed_deployment_can_be_redeployed() {
    for (name, plan) in [("crashed", StatusTimeline::crashing(1)), ("failed", StatusTimeline::failing_build("no"))] {
        let sandbox = shop(api().next(plan));
        assert_eq!(sandbox.run(PUSH).code, 7, "{name}");
        let found = sandbox.run(&["check", "--service=api"]);
        assert_eq!(found.code, 1, "{name}: {found:?}");
        let shown = ["  help: ", "  see: https://railway.com/project/", "    doctor fix --redeploy --service=api"];
        for words in shown {
            assert!(found.out.contains(words), "{name}, {words}: {found:?}");
        }
        let plan = sandbox.run(&["fix", "--redeploy", "--dry-run", "--service=api"]);
        assert!(!plan.out.contains("Nothing to do"), "{name}: {plan:?}");
        let sent = sandbox.mutations().len();
        let again = sandbox.run(&["fix", "--redeploy", "--yes", "--service=api"]);
        assert_eq!(
            (again.code, &sandbox.mutations()[sent..]),
            (0, &["Redeploy api".to_owned()][..]),
            "{name}: {again:?}"
        );
    }
}

#[test]
fn pull_that_makes_file_unreadably_large_is_refused() {
    let text = format!("A=old\n# {}\n", "x".repeat((4 << 20) - 10));
    let sandbox = Sandbox::of([service("api", &[("A", "a-much-longer-value"), ("B", "same")])]).file(".env", &text);
    for words in [PULL, &["fix", "--pull", "--dry-run", "--only", "A"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {}", ended.err);
        assert!(ended.err.contains("exceeds a limit: it is larger than 4 MiB"), "{}", ended.err);
    }
    assert!(sandbox.text(".env") == text && !sandbox.state().exists(), "nothing is written or recorded");
}
