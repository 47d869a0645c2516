//! The same in a terminal, which cuts tables to its width, shows plans before a prompt, and shows logs by default.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use railway_doctor::io::sim::Sim;

use crate::fixture::normal_responses;
use crate::leaks::checkout;
use crate::leaks::fixture::Scenario;
use crate::markers::find_secret;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{HANG_TIMEOUT, Sandbox};
use crate::server::{Backend, Server};

/// Most names are cut at the first width, none at the second.
const WIDTHS: [u16; 2] = [24, 300];

/// Part of a prompt that is not wrapped at any width, and the keys to press there.
type Answer = (&'static str, &'static str);

/// Arguments, the answers, the scenario, and text that must be shown.
type TerminalCase = (&'static [&'static str], &'static [Answer], Scenario, &'static str);

const ACCEPT: Answer = ("doctor.toml?", "y\r");

const TYPED: Answer = ("(hidden):", "mark4711-rotated\r");
const REPEATED: Answer = ("Repeat", "mark4711-rotated\r");
const MISTYPED: Answer = ("Repeat", "mark4711-typo\r");
const COPIES: Answer = ("(Space", " \r");
const APPLY: Answer = ("plan?", "y\r");

const CASES: &[TerminalCase] = &[
    (&["check", "-v"], &[], Scenario::Drift, "API_KEY"),
    (&["matrix", "-v"], &[], Scenario::Drift, "API_KEY"),
    (&["compare", "staging", "production", "-v"], &[], Scenario::Drift, "API_KEY"),
    (&["fix"], &[ACCEPT, ("to do?", "\u{1b}")], Scenario::Drift, "API_KEY"),
    (&["fix", "--push", "--only=API_KEY"], &[ACCEPT, ("plan?", "y\r")], Scenario::FailingDeployments, "in base64:"),
    (&["fix", "--pull"], &[("plan?", "n\r")], Scenario::Drift, "LONG_SECRET="),
    (&["init"], &[("Which", "\u{1b}")], Scenario::DriftWithoutConfig, "api"),
    (&["trace", "API_KEY", "--from=api", "-v"], &[], Scenario::Drift, "SITE_URL"),
    (&["rotate", "API_KEY", "--from=api"], &[ACCEPT, TYPED, REPEATED, COPIES, APPLY], Scenario::Drift, "done"),
    (
        &["rotate", "API_KEY", "--from=api", "--all-copies"],
        &[ACCEPT, TYPED, REPEATED, APPLY],
        Scenario::FailingDeployments,
        "in base64:",
    ),
    // After two values that differ, the first prompt is shown again.
    (
        &["rotate", "API_KEY", "--from=api"],
        &[ACCEPT, TYPED, MISTYPED, ("differ.", ""), ("(hidden):", "\u{1b}")],
        Scenario::Drift,
        "differ",
    ),
    (&["rotate", "MODE"], &[ACCEPT, TYPED, ("Repeat", "\u{1b}")], Scenario::Drift, "MODE"),
    (&["fix", "--hoist=API_KEY"], &[ACCEPT, ("plan?", "y\r")], Scenario::InSync, "shared"),
];

/// The commands that show values.
const SHOWING: [&[&str]; 2] = [&["check", "--show-values"], &["compare", "staging", "preview", "--show-values"]];

/// Runs a command on a pseudo-terminal; returns the final screen followed by the raw output. Fails if a prompt is not
/// shown, or if the command waits for another key.
fn terminal_output(
    sandbox: &Sandbox,
    args: &[&str],
    answers: &'static [Answer],
    columns: u16,
) -> Result<String, String> {
    let size = PtySize { rows: 50, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(args);
    command.cwd(sandbox.work());
    command.env_clear();
    for (name, value) in sandbox.variables() {
        command.env(name, value);
    }
    command.env("TERM", "xterm");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let (mut reader, mut writer) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
    let mut answers = answers.iter();
    let mut next = answers.next();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut shown, mut bytes, mut answered) = (Vec::new(), [0; 4096], 0);
        // At its end, a terminal returns an error instead of end of file.
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            shown.extend_from_slice(&bytes[..count]);
            // Each prompt is shown after the answer to the one before it.
            while let Some((prompt, keys)) = next
                && let Some(end) = end_of(&shown[answered..], prompt)
            {
                writer.write_all(keys.as_bytes()).unwrap();
                (next, answered) = (answers.next(), answered + end);
            }
        }
        sender.send((shown, next))
    });
    let result = receiver.recv_timeout(HANG_TIMEOUT);
    let has_ended = result.is_ok();
    let (shown, missing) = result.unwrap_or_else(|_| {
        // It still waits for a key.
        child.kill().unwrap();
        receiver.recv().unwrap()
    });
    child.wait().unwrap();
    let mut screen = vt100::Parser::new(2000, columns, 0);
    screen.process(&shown);
    let shown = screen.screen().contents() + &String::from_utf8_lossy(&shown);
    ensure!(missing.is_none(), "the prompt {:?} was not shown\n{shown}", missing.map(|(prompt, _)| prompt));
    ensure!(has_ended, "it did not end\n{shown}");
    Ok(shown)
}

/// The end of the first occurrence.
fn end_of(shown: &[u8], text: &str) -> Option<usize> {
    shown.windows(text.len()).position(|part| part == text.as_bytes()).map(|start| start + text.len())
}

#[test]
fn terminal_shows_values_only_on_request() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for columns in WIDTHS {
        for (args, answers, scenario, expected) in CASES {
            let backend = Backend::new(Sim::new(scenario.estate()), normal_responses());
            let (url, _) = server.serve(&format!("terminal-{}", jobs.len()), backend);
            let job = move || {
                let (sandbox, address) = (checkout(args, *scenario), format!("--api-url={url}"));
                let shown = terminal_output(&sandbox, &[args, &[address.as_str()][..]].concat(), answers, columns)?;
                ensure!(
                    find_secret(shown.as_bytes()).is_none(),
                    "{}\n{shown}",
                    find_secret(shown.as_bytes()).unwrap_or_default()
                );
                ensure!(shown.contains(expected), "{expected} is not shown\n{shown}");
                Ok(())
            };
            jobs.push((format!("{} in {columns} columns", args.join(" ")), Box::new(job)));
        }
    }
    for args in SHOWING {
        let backend = Backend::new(Sim::new(Scenario::Drift.estate()), normal_responses());
        let (url, _) = server.serve(&format!("terminal-{}", jobs.len()), backend);
        let show_values = move || {
            let (sandbox, address) = (checkout(&[], Scenario::Drift), format!("--api-url={url}"));
            let shown = terminal_output(&sandbox, &[args, &[address.as_str()]].concat(), &[], 80)?;
            ensure!(find_secret(shown.as_bytes()).is_some(), "--show-values does not show values\n{shown}");
            Ok(())
        };
        jobs.push((args.join(" "), Box::new(show_values)));
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
