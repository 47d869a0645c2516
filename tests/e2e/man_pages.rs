//! Completions and man pages are accepted by the shells and by groff, where those are installed.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn stdout_of(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_doctor")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// Runs a program with this standard input. Returns whether it succeeded, and its output, or `None` if it is not installed.
fn run_with_input(program: &str, arguments: &[&str], text: &[u8]) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    // The scripts call the `doctor` in `PATH`.
    let directory = Path::new(env!("CARGO_BIN_EXE_doctor")).parent().unwrap();
    let path = [directory.as_os_str(), &std::env::var_os("PATH").unwrap_or_default()].join(OsStr::new(":"));
    command.args(arguments).env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn shells_accept_their_completions() {
    for (shell, check) in [("bash", ["-n"].as_slice()), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        if let Some((success, output)) = run_with_input(shell, check, &stdout_of(&["completions", shell])) {
            assert!(success && output.is_empty(), "{shell}: {output}");
        }
    }
}

#[test]
fn bash_completes_commands_and_flags() {
    let calls = "\nCOMP_WORDS=(doctor ch); COMP_CWORD=1; _clap_complete_doctor doctor ch doctor; echo \"${COMPREPLY[*]}\"\n\
               COMP_WORDS=(doctor check --env-f); COMP_CWORD=2; _clap_complete_doctor doctor --env-f check; echo \"${COMPREPLY[*]}\"\n";
    let script = [stdout_of(&["completions", "bash"]), calls.as_bytes().to_vec()].concat();
    if let Some((success, output)) = run_with_input("bash", &["--norc"], &script) {
        assert!(success, "{output}");
        assert_eq!(output, "check\n--env-file\n");
    }
}

#[test]
fn man_pages_format_without_warnings() {
    // `-Kutf8`, as `man` passes it: command names are ASCII, but descriptions need not be.
    for page in [["man"].as_slice(), &["man", "check"], &["man", "fix"], &["man", "hook", "run"]] {
        if let Some((success, output)) =
            run_with_input("groff", &["-Kutf8", "-man", "-ww", "-z", "-Tutf8"], &stdout_of(page))
        {
            assert!(success && output.is_empty(), "{page:?}: {output}");
        }
    }
}
