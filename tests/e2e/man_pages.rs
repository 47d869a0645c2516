//! Completions and manual pages in the programs that read them, where those are installed.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn told(words: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_doctor")).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// What a program makes of a text on its standard input; nothing where it is not installed.
fn read_by(program: &str, arguments: &[&str], text: &[u8]) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    // The scripts ask the `doctor` of the search path.
    let folder = Path::new(env!("CARGO_BIN_EXE_doctor")).parent().unwrap();
    let path = [folder.as_os_str(), &std::env::var_os("PATH").unwrap_or_default()].join(OsStr::new(":"));
    command.args(arguments).env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn shells_accept_their_completions() {
    for (shell, check) in [("bash", ["-n"].as_slice()), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        if let Some((good, said)) = read_by(shell, check, &told(&["completions", shell])) {
            assert!(good && said.is_empty(), "{shell}: {said}");
        }
    }
}

#[test]
fn bash_completes_commands_and_flags() {
    let ask = "\nCOMP_WORDS=(doctor ch); COMP_CWORD=1; _clap_complete_doctor doctor ch doctor; echo \"${COMPREPLY[*]}\"\n\
               COMP_WORDS=(doctor check --env-f); COMP_CWORD=2; _clap_complete_doctor doctor --env-f check; echo \"${COMPREPLY[*]}\"\n";
    let script = [told(&["completions", "bash"]), ask.as_bytes().to_vec()].concat();
    if let Some((good, said)) = read_by("bash", &["--norc"], &script) {
        assert!(good, "{said}");
        assert_eq!(said, "check\n--env-file\n");
    }
}

#[test]
fn man_pages_format_without_warnings() {
    // As `man` calls it: the names of verbs are ASCII, and what is said of them need not be.
    for page in [["man"].as_slice(), &["man", "check"], &["man", "fix"], &["man", "hook", "run"]] {
        if let Some((good, said)) = read_by("groff", &["-Kutf8", "-man", "-ww", "-z", "-Tutf8"], &told(page)) {
            assert!(good && said.is_empty(), "{page:?}: {said}");
        }
    }
}
