//! `--timeout`: it ends a comparison, but neither a write nor a slow reader of the output.

use std::io::Read;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
use crate::limits::{CHECK, LimitCase, backend, env, ignore, lines, run, separators, with_variables};
use crate::run::{NEW_VALUE, RunOutput, Sandbox, Watch};
use crate::server::Server;
use crate::test_each::test_each;

/// Names and patterns that take minutes to match.
fn slow_patterns(sandbox: &mut Sandbox) {
    let name = format!("KEY_{}", "OF_".repeat(20));
    env(sandbox, &lines(20_000, |number| format!("{name}{number}=\n")));
    sandbox.write("doctor.toml", &ignore((0..1000).map(|number| format!("*{}{number}B", "OF_".repeat(18)))));
}

/// Runs a case whose comparison reaches the time limit. On a busy machine, the response alone can take that long: then,
/// it runs again with a longer limit.
fn run_until_compared(server: &Server, number: usize, case: &LimitCase) -> RunOutput {
    let mut outputs = [1, 3, 9].into_iter().map(|times| {
        let case = LimitCase { timeout_ms: case.timeout_ms * times, ..*case };
        run(server, number, &case).unwrap()
    });
    let output = outputs.find(|output| !output.stderr.contains("no response from"));
    output.expect("no response arrived within the time limit")
}

/// Names of stored variables that take minutes to match.
fn with_slow_names(body: Vec<u8>) -> Vec<u8> {
    let name = format!("KEY_{}", "OF_".repeat(20));
    with_variables(body, lines(5000, |number| format!("\"{name}{number}\":\"{number}\",")))
}

fn assert_timed_out(output: &RunOutput) {
    let message = "error: doctor did not finish within ";
    assert!(output.stderr.contains(message) && output.stderr.contains(" s\n  cause: "), "{output:?}");
    assert_eq!(output.stdout, "", "{output:?}");
}

#[test]
fn timeout_ends_a_comparison_of_environments_with_an_error() {
    let compare = LimitCase {
        args: &["compare", "staging", "production"],
        timeout_ms: 1000,
        prepare: slow_patterns,
        change: Some(("Values", with_slow_names)),
        codes: &[5],
        ..CHECK
    };
    let output = run_until_compared(&Server::plain(), 0, &compare);
    assert_timed_out(&output);
}

#[test]
fn timeout_ends_a_search_with_an_error() {
    let server = Server::plain();
    for (number, args) in [
        &["trace", "API_KEY", "--from=api"][..],
        &["rotate", "API_KEY", "--from=api", "--generate=hex:32", "--all-copies", "--dry-run"],
    ]
    .into_iter()
    .enumerate()
    {
        let case = LimitCase { args, timeout_ms: 1000, change: Some(("Values", separators)), codes: &[5], ..CHECK };
        let output = run_until_compared(&server, number, &case);
        assert_timed_out(&output);
    }
}

#[test]
fn timeout_ends_a_comparison_with_an_error() {
    let server = Server::plain();
    let case = |args| LimitCase { args, timeout_ms: 1000, prepare: slow_patterns, codes: &[5], ..CHECK };
    for (number, args) in [
        &["check"][..],
        &["matrix"],
        &["fix", "--redeploy", "--yes"],
        &["fix", "--push", "--dry-run"],
        &["hook", "run", "--strict"],
    ]
    .into_iter()
    .enumerate()
    {
        let output = run_until_compared(&server, number, &case(args));
        assert_timed_out(&output);
    }
    let output = run_until_compared(&server, 5, &case(&["check", "--format=json"]));
    let error: serde_json::Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&error["error"]["kind"], &error["error"]["exit_code"]),
        (&"time-limit".into(), &5.into()),
        "{output:?}"
    );
    let output = run_until_compared(&server, 6, &LimitCase { codes: &[0], ..case(&["hook", "run"]) });
    let warning = "doctor: warning: this commit was only partly checked: doctor did not finish within ";
    assert!(output.stderr.contains(warning), "{output:?}");
}

/// How far the hook comes depends on the machine: the search may end in time, be cut, or take the whole limit.
#[test]
fn hook_with_slow_search_ends_in_time() {
    // Each position in the staged file matches the start of a thousand values.
    let prepare = |sandbox: &mut Sandbox| {
        env(sandbox, &lines(1500, |number| format!("A{number}_KEY={}\n", "a".repeat(number + 8))));
        sandbox.write("notes.txt", &"a".repeat(8 << 20));
        sandbox.write("doctor.toml", "[hook]\non-drift = \"warn\"\n");
        for args in [&["init", "-q"][..], &["add", "notes.txt"]] {
            assert!(Command::new("git").args(args).current_dir(sandbox.work()).status().unwrap().success());
        }
    };
    let server = Server::plain();
    let hook = LimitCase {
        args: &["hook", "run"],
        timeout_ms: 1500,
        prepare,
        codes: &[0],
        stderr_contains: "doctor: warning: ",
        ..CHECK
    };
    run(&server, 0, &hook).unwrap();
    let strict =
        LimitCase { args: &["hook", "run", "--strict"], codes: &[0, 1, 2, 5], stderr_contains: "doctor", ..hook };
    run(&server, 1, &strict).unwrap();
}

#[test]
fn timeout_never_interrupts_a_write() {
    let server = Server::plain();
    let commands = [
        &["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy"][..],
        &["rotate", "API_KEY", "--from=api", "--stdin", "--yes"],
        &["fix", "--hoist=API_KEY", "--yes"],
    ];
    test_each(commands.into_iter().enumerate(), |(number, args)| {
        let slow = |operation: &str, _: usize| match operation {
            "SetVariables" => ScriptedResponse::delayed(Duration::from_millis(2500)),
            _ => ScriptedResponse::normal(),
        };
        let (url, written) = server.serve(&format!("limits-write-{number}"), backend(Box::new(slow)));
        let args = [args, &["--timeout=2s", "--api-url", &url]].concat();
        let output = Sandbox::new().run(&args, NEW_VALUE, Watch::Nothing);
        assert!(!output.stderr.contains("did not finish"), "{output:?}");
        let has_receipt = matches!(output.code, Some(6 | 8)) && output.stdout.contains("API_KEY");
        assert!(has_receipt, "there is no receipt: {output:?}");
        assert!(!written.sim.mutations().is_empty());
    });
}

#[test]
fn timeout_excludes_a_slow_reader() {
    let server = Server::plain();
    let (url, _) = server.serve("limits-reader", backend(normal_responses()));
    let sandbox = Sandbox::new();
    // More output than the buffer of a pipe.
    env(&sandbox, &lines(3000, |number| format!("K{number}=local-{number}\n")));
    let run = |limit: u64| {
        let args = ["check", "-v", &format!("--timeout={limit}s"), "--api-url", &url];
        let mut child = sandbox.command(&args).spawn().unwrap();
        thread::sleep(Duration::from_secs(limit + 1));
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (child.wait().unwrap().code(), text)
    };
    // On a busy machine, the comparison alone can reach the limit.
    let (code, text) =
        [2, 8].into_iter().map(run).find(|(code, _)| *code != Some(5)).expect("it is not compared in time");
    assert_eq!(code, Some(1));
    assert!(text.len() > 100_000 && text.contains("K2999"), "{} bytes", text.len());
}
