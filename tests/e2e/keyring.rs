//! The real keyring: gnome-keyring on a D-Bus session of its own, no D-Bus at all, and a bus that never answers.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::{self, ACCOUNT_TOKEN};

use crate::binary::{Doctor, Ended, ended};

/// Nobody is logged in; the file is the incident's.
fn nobody() -> Doctor {
    Doctor::beside(Sim::new(seed::incident::estate()))
        .file(".env", seed::incident::ENV_FILE)
        .variable("RAILWAY_API_TOKEN", None)
}

fn run(doctor: &Doctor, words: &[&str], input: &str) -> (Ended, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(words).args(["--api-url", &doctor.served.url()]);
    doctor.prepare(&mut command);
    let began = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A run that ends before it reads has closed its end.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    (ended(child.wait_with_output().unwrap()), began.elapsed())
}

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that was left out says so")]
fn login_is_stored_used_and_removed_in_a_real_keyring() {
    if !["dbus-run-session", "gnome-keyring-daemon"].iter().all(|program| is_there(program)) {
        eprintln!("SKIPPED: the real keyring was not tested; install gnome-keyring and dbus");
        return;
    }
    let doctor = nobody().variable("DOCTOR_UNDER_TEST", Some(env!("CARGO_BIN_EXE_doctor")));
    let url = doctor.served.url();
    // The last part is a keyring with the login inside that nobody unlocks.
    let script = format!(
        "exec dbus-run-session -- sh -c '\n\
         keyring() {{ printf test | gnome-keyring-daemon \"$@\" --foreground --components=secrets >/dev/null 2>&1 & pid=$!; sleep 1; }}\n\
         d() {{ \"$DOCTOR_UNDER_TEST\" \"$@\" --api-url {url}; echo \"code $?\"; }}\n\
         keyring --unlock\n\
         d check --format json\n\
         printf {ACCOUNT_TOKEN} | d auth login\n\
         d auth status\n\
         d check\n\
         d fix --push --yes --only=STAGING_OPS_API_KEY\n\
         d undo --list\n\
         d auth logout\n\
         d auth status\n\
         printf {ACCOUNT_TOKEN} | d auth login\n\
         kill $pid; sleep 1; keyring\n\
         d check\n\
         d auth status\n\
         kill $pid\n\
         ' 2>&1"
    );
    let ended = doctor.shell(&script);
    let codes: Vec<&str> = ended.out.lines().filter_map(|line| line.strip_prefix("code ")).collect();
    assert_eq!(codes, ["4", "0", "0", "1", "0", "0", "0", "4", "0", "4", "4"], "{ended:?}");
    assert!(ended.out.contains("Stored in the system's keyring for 127.0.0.1:"), "{ended:?}");
    assert!(ended.out.contains("3. the keyring has a token; used: the first that has one"), "{ended:?}");
    assert!(!ended.out.contains("key is in a file"), "{ended:?}");
    assert!(words(&ended.out).contains("encrypted; the key is in the system's keyring."), "{ended:?}");
    assert!(ended.out.contains("Removed from the keyring"), "{ended:?}");
    assert!(ended.out.contains("3. the keyring has no login for 127.0.0.1:"), "{ended:?}");
    let (_, locked) = ended.out.rsplit_once("Stored in").unwrap();
    assert!(locked.contains("because: the system's keyring is locked\n"), "{ended:?}");
    assert!(locked.contains("the system's keyring is locked: unlock it"), "{ended:?}");
    assert!(!locked.contains("has no login for"), "{ended:?}");
    assert!(!ended.out.contains(ACCOUNT_TOKEN), "the token is shown nowhere");
}

#[test]
fn missing_bus_is_reported_immediately() {
    let doctor = nobody().variable("DBUS_SESSION_BUS_ADDRESS", Some("unix:path=/nonexistent/bus"));
    let (login, took) = run(&doctor, &["auth", "login"], ACCOUNT_TOKEN);
    assert_eq!(login.code, Some(4), "{login:?}");
    assert!(login.err.contains("because: the system's keyring is not there: "), "{login:?}");
    assert!(login.err.contains("set RAILWAY_TOKEN or RAILWAY_API_TOKEN"), "{login:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let (check, _) = run(&doctor, &["check"], "");
    assert_eq!(check.code, Some(4), "{check:?}");
    assert!(check.err.contains("the system's keyring is not there") && !check.err.contains("has no login for"));
    let token = doctor.variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
    assert_eq!(run(&token, &["check"], "").0.err, "", "with a token nobody asks the keyring");
}

#[test]
fn only_local_socket_buses_are_contacted() {
    let folder = tempfile::tempdir().unwrap();
    let (script, mark) = (folder.path().join("bus.sh"), folder.path().join("ran"));
    let text = format!("#!/bin/sh\nenv >'{}'\n", mark.display());
    let write = "printf '%s' \"$2\" >\"$1\" && chmod +x \"$1\"";
    let written = Command::new("sh").args(["-c", write, "sh"]).arg(&script).arg(text).status().unwrap();
    assert!(written.success());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (script, port) = (script.display(), listener.local_addr().unwrap().port());
    for address in [
        format!("unixexec:path={script}"),
        format!("unixexec:path=/bin/sh,argv1={script}"),
        format!("unixexec:path=/usr/bin/env,argv0=env,argv1={script}"),
        format!("unix:path=/nonexistent/bus;unixexec:path={script}"),
        format!("unixexec:path={script};unix:path=/nonexistent/bus"),
        format!("tcp:host=127.0.0.1,port={port}"),
        format!("tcp:host=localhost,port={port},family=ipv4"),
        format!("nonce-tcp:host=127.0.0.1,port={port},noncefile=/dev/null"),
        "autolaunch:".to_owned(),
        "ibus:".to_owned(),
        "unix:tmpdir=/tmp".to_owned(),
    ] {
        let doctor = nobody().variable("DBUS_SESSION_BUS_ADDRESS", Some(&address));
        let (status, _) = run(&doctor, &["auth", "status"], "");
        let said = words(&format!("{}{}", status.out, status.err));
        assert!(
            said.contains("DBUS_SESSION_BUS_ADDRESS is not the address of a local socket"),
            "{address}: {status:?}"
        );
        assert!(!said.contains(&address), "{address}: {status:?}");
        let doctor = doctor.variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
        for words in [
            &["auth", "status"][..],
            &["check"],
            &["fix", "--push", "--yes", "--no-deploy", "--only=STAGING_OPS_API_KEY"],
        ] {
            let (ended, _) = run(&doctor, words, "");
            assert!(!mark.exists(), "{address}: {words:?} starts the program: {ended:?}");
            assert!(listener.accept().is_err(), "{address}: {words:?} connects: {ended:?}");
            assert_ne!(ended.code, Some(4), "{address}: {words:?}: {ended:?}");
        }
    }
}

#[test]
fn journal_key_falls_back_to_a_file_with_a_notice() {
    let nowhere = Some("unix:path=/nonexistent/bus");
    let doctor =
        nobody().variable("DBUS_SESSION_BUS_ADDRESS", nowhere).variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
    let (fix, _) = run(&doctor, &["fix", "--push", "--yes", "--only=STAGING_OPS_API_KEY"], "");
    let said = "the journal's key is in a file beside it, because the system's keyring is not there";
    assert!(words(&fix.out).contains(said), "{fix:?}");
    let (undo, _) = run(&doctor, &["undo", "--yes"], "");
    assert!(undo.code == Some(0) && !words(&undo.out).contains(said), "once is enough: {undo:?}");
    let (list, _) = run(&doctor, &["undo", "--list"], "");
    assert!(words(&list.out).contains("encrypted; the key is a file beside them."), "{list:?}");
}

#[test]
fn unresponsive_bus_is_reported_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let _silent = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let doctor = nobody().variable("DBUS_SESSION_BUS_ADDRESS", Some(&address));
    for words in [["auth", "login"].as_slice(), &["auth", "status"], &["auth", "logout"], &["check"]] {
        let (ended, took) = run(&doctor, words, ACCOUNT_TOKEN);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert!(ended.err.contains("because: the system's keyring does not answer"), "{ended:?}");
        assert!(took < Duration::from_secs(2), "{words:?} took {took:?}");
        assert!(!ended.out.contains("has no login for"), "{ended:?}");
    }
}

#[test]
fn refresh_token_is_never_sent_and_its_file_is_kept() {
    // The login of the official CLI is not for a loopback address: nothing of the file is sent there.
    let doctor = nobody().variable("DBUS_SESSION_BUS_ADDRESS", Some("unix:path=/nonexistent/bus"));
    let text = r#"{"projects":{},"user":{"accessToken":"marker-access","refreshToken":"marker-refresh","tokenExpiresAt":9000000000}}"#;
    std::fs::create_dir(doctor.home().join(".railway")).unwrap();
    let path = doctor.home().join(".railway/config.json");
    std::fs::write(&path, text).unwrap();
    for words in [["auth", "status"].as_slice(), &["check"], &["auth", "login"]] {
        let (ended, _) = run(&doctor, words, "");
        assert!(!format!("{ended:?}").contains("marker"), "{ended:?}");
    }
    let token = doctor.variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
    assert_eq!(run(&token, &["auth", "status"], "").0.code, Some(0));
    for heard in token.served.heard() {
        assert!(!format!("{} {:?}", heard.line, heard.headers).contains("marker"));
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(std::fs::read_dir(token.home().join(".railway")).unwrap().count(), 1, "no lock file either");
}
