//! The OS keyring: gnome-keyring in a private D-Bus session, a missing bus, and a bus that never responds.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::{self, ACCOUNT_TOKEN};

use crate::binary::{Doctor, Outcome, outcome};

/// The incident scenario, without a token.
fn logged_out() -> Doctor {
    Doctor::with_sim(Sim::new(seed::incident::estate()))
        .file(".env", seed::incident::ENV_FILE)
        .variable("RAILWAY_API_TOKEN", None)
}

fn run(doctor: &Doctor, arguments: &[&str], input: &str) -> (Outcome, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(arguments).args(["--api-url", &doctor.served.url()]);
    doctor.prepare(&mut command);
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // The write fails if the run ends without reading.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    (outcome(child.wait_with_output().unwrap()), start.elapsed())
}

/// Joins wrapped lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_installed(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test is reported")]
fn login_is_stored_used_and_removed_in_a_real_keyring() {
    if !["dbus-run-session", "gnome-keyring-daemon"].iter().all(|program| is_installed(program)) {
        eprintln!("SKIPPED: the OS keyring was not tested; install gnome-keyring and dbus");
        return;
    }
    let doctor = logged_out().variable("DOCTOR_UNDER_TEST", Some(env!("CARGO_BIN_EXE_doctor")));
    let url = doctor.served.url();
    // The last part starts a keyring that contains the login but stays locked.
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
    let outcome = doctor.shell(&script);
    let codes: Vec<&str> = outcome.out.lines().filter_map(|line| line.strip_prefix("code ")).collect();
    assert_eq!(codes, ["4", "0", "0", "1", "0", "0", "0", "4", "0", "4", "4"], "{outcome:?}");
    assert!(outcome.out.contains("Stored in the OS keyring for 127.0.0.1:"), "{outcome:?}");
    assert!(outcome.out.contains("3. the OS keyring has a token (used)"), "{outcome:?}");
    assert!(!outcome.out.contains("key is in a file"), "{outcome:?}");
    assert!(unwrapped(&outcome.out).contains("encrypted; the key is in the OS keyring."), "{outcome:?}");
    assert!(outcome.out.contains("Removed from the OS keyring"), "{outcome:?}");
    assert!(outcome.out.contains("3. the OS keyring has no login for 127.0.0.1:"), "{outcome:?}");
    let (_, locked) = outcome.out.rsplit_once("Stored in").unwrap();
    assert!(locked.contains("cause: the OS keyring is locked\n"), "{outcome:?}");
    assert!(locked.contains("help: unlock the keyring, or set RAILWAY_TOKEN"), "{outcome:?}");
    assert!(!locked.contains("has no login for"), "{outcome:?}");
    assert!(!outcome.out.contains(ACCOUNT_TOKEN), "the token is never printed");
}

#[test]
fn missing_bus_is_reported_immediately() {
    let doctor = logged_out().variable("DBUS_SESSION_BUS_ADDRESS", Some("unix:path=/nonexistent/bus"));
    let (login, took) = run(&doctor, &["auth", "login"], ACCOUNT_TOKEN);
    assert_eq!(login.code, Some(4), "{login:?}");
    assert!(login.err.contains("cause: the OS keyring is unavailable (no D-Bus session)"), "{login:?}");
    assert!(login.err.contains("set RAILWAY_TOKEN or RAILWAY_API_TOKEN"), "{login:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let (check, _) = run(&doctor, &["check"], "");
    assert_eq!(check.code, Some(4), "{check:?}");
    assert!(check.err.contains("the OS keyring is unavailable") && !check.err.contains("has no login for"));
    let token = doctor.variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
    assert_eq!(run(&token, &["check"], "").0.err, "", "with a token, the keyring is not read");
}

#[test]
fn only_local_socket_buses_are_contacted() {
    let directory = tempfile::tempdir().unwrap();
    let (script, marker) = (directory.path().join("bus.sh"), directory.path().join("ran"));
    let text = format!("#!/bin/sh\nenv >'{}'\n", marker.display());
    let write = "printf '%s' \"$2\" >\"$1\" && chmod +x \"$1\"";
    let status = Command::new("sh").args(["-c", write, "sh"]).arg(&script).arg(text).status().unwrap();
    assert!(status.success());
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
        let doctor = logged_out().variable("DBUS_SESSION_BUS_ADDRESS", Some(&address));
        let (status, _) = run(&doctor, &["auth", "status"], "");
        let text = unwrapped(&format!("{}{}", status.out, status.err));
        assert!(text.contains("DBUS_SESSION_BUS_ADDRESS is not a local socket"), "{address}: {status:?}");
        assert!(!text.contains(&address), "{address}: {status:?}");
        let doctor = doctor.variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
        for arguments in [
            &["auth", "status"][..],
            &["check"],
            &["fix", "--push", "--yes", "--no-deploy", "--only=STAGING_OPS_API_KEY"],
        ] {
            let (outcome, _) = run(&doctor, arguments, "");
            assert!(!marker.exists(), "{address}: {arguments:?} started the program: {outcome:?}");
            assert!(listener.accept().is_err(), "{address}: {arguments:?} connected: {outcome:?}");
            assert_ne!(outcome.code, Some(4), "{address}: {arguments:?}: {outcome:?}");
        }
    }
}

#[test]
fn journal_key_falls_back_to_a_file_with_a_notice() {
    let no_bus = Some("unix:path=/nonexistent/bus");
    let doctor =
        logged_out().variable("DBUS_SESSION_BUS_ADDRESS", no_bus).variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
    let (fix, _) = run(&doctor, &["fix", "--push", "--yes", "--only=STAGING_OPS_API_KEY"], "");
    let notice = "the OS keyring is unavailable, so the journal's key is in a file next to it";
    assert_eq!(fix.out.lines().filter(|line| *line == notice).count(), 1, "it is one line: {fix:?}");
    for arguments in [
        &["undo", "--yes"][..],
        &["check"],
        &["fix", "--push", "--yes", "--only=STAGING_OPS_API_KEY"],
        &["fix", "--push", "--yes", "--no-journal", "--only=STAGING_OPS_API_KEY"],
        &["undo", "--yes"],
    ] {
        let (later, _) = run(&doctor, arguments, "");
        let text = unwrapped(&format!("{}{}", later.out, later.err));
        assert!(!text.contains("keyring") && !text.contains("key is in"), "it is shown once: {arguments:?}: {later:?}");
    }
    let (status, _) = run(&doctor, &["auth", "status"], "");
    assert!(status.out.contains("3. the OS keyring is unavailable (no D-Bus session)\n"), "{status:?}");
    let (list, _) = run(&doctor, &["undo", "--list"], "");
    assert!(unwrapped(&list.out).contains("encrypted; the key is in a file in the same directory."), "{list:?}");
}

#[test]
fn unresponsive_bus_is_reported_within_two_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bus");
    let _unresponsive = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let doctor = logged_out().variable("DBUS_SESSION_BUS_ADDRESS", Some(&address));
    for arguments in [["auth", "login"].as_slice(), &["auth", "status"], &["auth", "logout"], &["check"]] {
        let (outcome, took) = run(&doctor, arguments, ACCOUNT_TOKEN);
        assert_eq!(outcome.code, Some(4), "{outcome:?}");
        assert!(outcome.err.contains("cause: the OS keyring did not respond"), "{outcome:?}");
        assert!(took < Duration::from_secs(2), "{arguments:?} took {took:?}");
        assert!(!outcome.out.contains("has no login for"), "{outcome:?}");
    }
}

#[test]
fn refresh_token_is_never_sent_and_its_file_is_kept() {
    // The Railway CLI's login is not used for a loopback address, so nothing from its file is sent there.
    let doctor = logged_out().variable("DBUS_SESSION_BUS_ADDRESS", Some("unix:path=/nonexistent/bus"));
    let text = r#"{"projects":{},"user":{"accessToken":"marker-access","refreshToken":"marker-refresh","tokenExpiresAt":9000000000}}"#;
    std::fs::create_dir(doctor.home().join(".railway")).unwrap();
    let path = doctor.home().join(".railway/config.json");
    std::fs::write(&path, text).unwrap();
    for arguments in [["auth", "status"].as_slice(), &["check"], &["auth", "login"]] {
        let (outcome, _) = run(&doctor, arguments, "");
        assert!(!format!("{outcome:?}").contains("marker"), "{outcome:?}");
    }
    let token = doctor.variable("RAILWAY_API_TOKEN", Some(ACCOUNT_TOKEN));
    assert_eq!(run(&token, &["auth", "status"], "").0.code, Some(0));
    for request in token.served.received() {
        assert!(!format!("{} {:?}", request.line, request.headers).contains("marker"));
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(std::fs::read_dir(token.home().join(".railway")).unwrap().count(), 1, "no lock file was created");
}
