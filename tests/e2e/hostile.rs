//! Hostile names, files, streams and environments cause no panic, no hang, and no terminal control sequences in output.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, Outcome, outcome};
use crate::error_lines::is_error;

/// Names with control characters, shell syntax, bidirectional overrides, path traversal or extreme lengths.
fn weird_names() -> Vec<String> {
    let names = [
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "\u{9b}31m",
        "\u{202e}evil\u{2066}",
        "two\nlines\r\n",
        "tab\tand\u{0}nul",
        "--help",
        "-e",
        "$(touch pwned)",
        "`touch pwned`; touch pwned",
        "it's \"quoted\"",
        "a=b",
        "../../etc/passwd",
        "%s%n{}",
        " ",
        "",
        "日本語 🚄",
        "\u{301}\u{200b}\u{feff}",
    ];
    names.into_iter().map(str::to_owned).chain(["x".repeat(10_000), "wide 日".repeat(500)]).collect()
}

/// Asserts that a run had an exit code from 0 to 5, did not panic, and printed no unsafe characters.
fn assert_harmless(name: &str, outcome: &Outcome) {
    assert!(matches!(outcome.code, Some(0..=5)), "{name}: {outcome:.400?}");
    for text in [&outcome.out, &outcome.err] {
        let is_unsafe = |character: char| {
            (character.is_control() && character != '\n')
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
        };
        assert!(!text.contains(is_unsafe), "{name}: {outcome:.400?}");
    }
    assert!(!outcome.err.contains("panicked"), "{name}: {:.400}", outcome.err);
}

/// Asserts in addition that standard error contains exactly one error, and standard output nothing.
fn assert_refused(name: &str, outcome: &Outcome, code: i32) {
    assert_harmless(name, outcome);
    assert_eq!(outcome.code, Some(code), "{name}: {outcome:.400?}");
    let lines: Vec<&str> = outcome.err.lines().collect();
    assert!(is_error(&lines) && outcome.out.is_empty(), "{name}: {outcome:.400?}");
}

fn api(variables: &[(&str, &str)]) -> Estate {
    let environment = Environment::named("production").service(SimService::named("api").variables(variables));
    Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens()
}

fn plain() -> Doctor {
    Doctor::new(api(&[("A", "1")])).file(".env", "A=1\n")
}

#[test]
fn names_on_railway_are_harmless() {
    for name in weird_names() {
        let service = |service: &str| SimService::named(service).variables(&[("A", "2"), (&name, "1")]);
        let environment = Environment::named(&name).service(service(&name)).service(service("plain"));
        let estate = Estate::of(&name).project(Project::named(&name).environment(environment)).with_tokens();
        let doctor = Doctor::new(estate).file(".env", "A=1\nB=1\n");
        for arguments in [&[][..], &["-v"], &["-q"], &["--format", "json"], &["--color", "never", "--only", "A"]] {
            let outcome = doctor.check(arguments);
            assert_harmless(&name, &outcome);
            assert_eq!(outcome.code, Some(1), "{name:.40?} {arguments:?}: {outcome:.400?}");
        }
        // An argument can't contain a NUL.
        let name = name.replace('\0', "");
        let flags = [format!("--service={name}"), format!("--only={name}")];
        assert_harmless(&name, &doctor.check(&[&flags[0], &flags[1], "-v"]));
        // A near miss: the error suggests and lists the name, and quotes it in a command.
        for flag in ["--service", "--environment", "--project"] {
            let wrong = format!("{flag}={}z", name.trim());
            assert_harmless(&name, &doctor.check(&[&wrong]));
        }
        assert!(!doctor.work().join("pwned").exists());
    }
}

#[test]
fn names_of_compared_environments_are_harmless() {
    for name in weird_names() {
        let service = |service: &str| SimService::named(service).variables(&[("A", "2"), (&name, "1")]);
        let other = format!("{name}2");
        let staging = Environment::named(&name).service(service(&name)).service(service("plain"));
        let production = Environment::named(&other).service(SimService::named("plain").variables(&[("A", "1")]));
        let project = Project::named(&name).environment(staging).environment(production);
        let doctor = Doctor::new(Estate::of("crew").project(project).with_tokens());
        let ids = doctor.served.sim.change(|estate| {
            let environments = &estate.projects[0].environments;
            [environments[0].id.clone(), environments[1].id.clone()]
        });
        let compare = |arguments: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doctor"));
            command.args(["compare", "--api-url", &doctor.served.url()]).args(arguments);
            doctor.prepare(&mut command);
            outcome(command.output().unwrap())
        };
        let [left, right] = ids.each_ref().map(String::as_str);
        for arguments in [&["-v"][..], &["--format=json"], &["--format=markdown"], &["--format=html"]] {
            let outcome = compare(&[&[left, right, "--fail-on=warning"], arguments].concat());
            assert_harmless(&name, &outcome);
            assert_eq!(outcome.code, Some(1), "{name:.40?} {arguments:?}: {outcome:.400?}");
        }
        // An argument can't contain a NUL.
        let (name, other) = (name.replace('\0', ""), other.replace('\0', ""));
        assert_harmless(&name, &compare(&["--", &name, &other]));
        // A near miss: the error suggests and lists the names.
        assert_harmless(&name, &compare(&["--", left, &format!("{}z", other.trim())]));
        let token = format!("--token={name}=TOKEN");
        assert_harmless(&name, &compare(&[&token, "--", &name, &other]));
        assert!(!doctor.work().join("pwned").exists());
    }
}

#[test]
fn names_of_traced_and_rotated_places_are_harmless() {
    const VALUE: &str = "kV93xLq0wMn72RbYcJd5";
    for name in weird_names() {
        let own = [("A", VALUE), (&name, VALUE)];
        let services =
            [&name, "plain"].map(|service| SimService::named(service).repository("crew/shop").variables(&own));
        let environment = services.into_iter().fold(Environment::named(&name), Environment::service);
        let environment = environment.shared(&[(&name, VALUE)]);
        let other = Environment::named("other").service(SimService::named(&name).variables(&own));
        let project = Project::named(&name).environment(environment).environment(other);
        let doctor = Doctor::new(Estate::of(&name).project(project).with_tokens()).file(".env", format!("A={VALUE}\n"));
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doctor"));
            command.args(arguments).args(["--api-url", &doctor.served.url()]);
            doctor.prepare(&mut command);
            outcome(command.output().unwrap())
        };
        for format in ["text", "json", "sarif", "github", "junit", "markdown", "html"] {
            let outcome = run(&["trace", "A", "--everywhere", "--yes", "--format", format]);
            assert_harmless(&name, &outcome);
            assert_eq!(outcome.code, Some(0), "{name:.40?} {format}: {outcome:.400?}");
            let outcome = run(&["rotate", "A", "--generate=uuid", "--all-copies", "--dry-run", "--format", format]);
            assert_harmless(&name, &outcome);
            assert_eq!(outcome.code, Some(1), "{name:.40?} {format}: {outcome:.400?}");
        }
        // An argument can't contain a NUL.
        let name = name.replace('\0', "");
        for command in ["trace", "rotate"] {
            let generate: &[&str] = if command == "rotate" { &["--generate=uuid", "--dry-run"] } else { &[] };
            assert_harmless(&name, &run(&[&[command], generate, &["--", &name]].concat()));
            assert_harmless(&name, &run(&[&[command, "A", &format!("--from={name}")], generate].concat()));
            assert_harmless(&name, &run(&[&[command, "A", &format!("--from={}z", name.trim())], generate].concat()));
        }
        assert_harmless(
            &name,
            &run(&["rotate", "A", "--generate=uuid", &format!("--keep-old-as={name}"), "--dry-run"]),
        );
        assert_harmless(&name, &run(&["rotate", "A", &format!("--generate={name}"), "--dry-run"]));
        assert!(!doctor.work().join("pwned").exists());
    }
}

#[test]
fn printed_command_quotes_names_for_the_shell() {
    let name = "$(touch pwned)";
    let environment = Environment::named(name).service(SimService::named(name).variables(&[("A", "1")]));
    let estate = Estate::of("crew").project(Project::named(name).environment(environment)).with_tokens();
    let doctor = Doctor::new(estate).file(".env", "A=1\n");
    for (flag, wanted) in
        [("service", "$(touch pwnde)"), ("environment", "$(touch pwnde)"), ("project", "$(touch pwnde)")]
    {
        let outcome = doctor.check(&[&format!("--{flag}={wanted}")]);
        assert_refused(flag, &outcome, 2);
        assert!(outcome.err.contains(&format!("--{flag}='$(touch pwned)'")), "{outcome:?}");
    }
}

#[test]
fn env_file_may_contain_anything() {
    let long = format!("A={}\n", "x".repeat(1 << 20));
    let many = repeated(100_000, |line| format!("K{line}=v\n"));
    let open = repeated(20_000, |line| format!("K{line}=\"open '{line}\n"));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a line of 1 MiB", long.into_bytes()),
        ("100,000 lines", many.into_bytes()),
        ("unclosed quotes", open.into_bytes()),
        ("only quotes", "\"".repeat(200_000).into_bytes()),
        ("only dollars and braces", "A=${${{".repeat(50_000).into_bytes()),
        ("a NUL", b"A=1\0\nB\0=2\n".to_vec()),
        ("a byte order mark", "\u{feff}A=1\n".as_bytes().to_vec()),
        ("bare carriage returns", b"A=1\rB=2\rC\r\r".to_vec()),
        ("terminal sequences", b"A=\x1b[2J\n\x1b[31m=1\nK\x1b]0;x\x07 y\n".to_vec()),
        ("an empty file", Vec::new()),
    ];
    for (name, text) in cases {
        let doctor = Doctor::new(api(&[("A", "1"), ("K1", "v")])).file(".env", text);
        #[expect(clippy::disallowed_methods, reason = "this test is about time")]
        let start = Instant::now();
        assert_harmless(name, &doctor.check(&["--timeout", "60s", "-v"]));
        assert!(start.elapsed() < Duration::from_secs(60), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn doctor_toml_may_contain_anything() {
    let deep = format!("project = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let dotted = format!("{} = 1\n", vec!["a"; 100_000].join("."));
    let sections = repeated(20_000, |number| format!("[[ignore]]\nkeys=[\"K{number}\"]\n"));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a deeply nested list", deep.into_bytes()),
        ("a deeply nested key", dotted.into_bytes()),
        ("more than 1 MiB", "#".repeat((1 << 20) + 1).into_bytes()),
        ("many sections without a reason", sections.into_bytes()),
        ("a path outside the directory", b"env-file = \"../../../etc/passwd\"\n".to_vec()),
        ("an absolute path", b"env-file = \"/etc/passwd\"\n".to_vec()),
        ("a link to a file outside the directory", b"env-file = \"link.env\"\n".to_vec()),
        ("a NUL in a path", b"env-file = \"a\\u0000b\"\n".to_vec()),
        ("a terminal sequence as a key", b"\"\\u001b[2J\" = 1\n".to_vec()),
        ("a terminal sequence as a service", b"[services.\"\\u202eapi\"]\n".to_vec()),
        ("invalid UTF-8", b"project = \"\xff\"\n".to_vec()),
        ("a NUL", b"project = \"a\0b\"\n".to_vec()),
    ];
    for (name, text) in cases {
        let doctor = plain().file("doctor.toml", text);
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hostname", doctor.work().join("link.env")).unwrap();
        assert_refused(name, &doctor.check(&[]), 2);
    }
}

#[cfg(unix)]
#[test]
fn non_regular_files_are_refused_without_blocking() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let doctor = plain();
    let work = doctor.work();
    let pipe = work.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink("loop-b", work.join("loop-a")).unwrap();
    symlink("loop-a", work.join("loop-b")).unwrap();
    symlink("missing", work.join("dangling")).unwrap();
    symlink("pipe", work.join("link-to-pipe")).unwrap();
    fs::create_dir(work.join("directory")).unwrap();
    fs::write(work.join("unreadable"), "A=1\n").unwrap();
    fs::set_permissions(work.join("unreadable"), fs::Permissions::from_mode(0o000)).unwrap();
    for file in
        ["pipe", "link-to-pipe", "directory", "loop-a", "dangling", "/dev/null", "/dev/zero", "/dev/stdin", "a\nb"]
    {
        assert_refused(file, &doctor.check(&["--env-file", file, "--timeout", "2s"]), 2);
    }
    // Root can read the file despite its mode.
    if fs::read(work.join("unreadable")).is_err() {
        assert_refused("unreadable", &doctor.check(&["--env-file", "unreadable"]), 2);
    }
    for default in ["pipe", "directory", "loop-a", "dangling"] {
        fs::remove_file(work.join(".env")).unwrap();
        symlink(default, work.join(".env")).unwrap();
        assert_refused(default, &doctor.check(&["--timeout", "2s"]), 2);
        assert_refused(default, &doctor.check(&["--config", default]), 2);
    }
}

#[test]
fn missing_home_directory_is_not_an_error() {
    for home in [None, Some(""), Some("/nowhere"), Some("relative")] {
        let doctor = plain();
        let mut command = doctor.command(&[]);
        command.env_remove("HOME").env_remove("USERPROFILE").envs(home.map(|home| ("HOME", home)));
        let outcome = outcome(command.output().unwrap());
        assert_eq!(outcome.code, Some(0), "{home:?}: {outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn deleted_working_directory_is_reported() {
    let doctor = plain();
    let script = format!(
        "mkdir gone && cd gone && rmdir ../gone && exec {} check --api-url {}",
        env!("CARGO_BIN_EXE_doctor"),
        doctor.served.url()
    );
    assert_refused("gone", &doctor.shell(&script), 2);
}

#[cfg(unix)]
#[test]
fn standard_output_may_be_closed_or_full() {
    let doctor = plain();
    let run = format!("{} check --api-url {}", env!("CARGO_BIN_EXE_doctor"), doctor.served.url());
    for (script, code) in [
        (format!("{run} >&-"), 0),
        (format!("{run} 2>&-"), 0),
        (format!("{run} <&-"), 0),
        (format!("{run} 2>/dev/full"), 0),
        (format!("{{ {run}; echo $? >code; }} | head -c 1 >/dev/null; exit $(cat code)"), 0),
        (format!("{{ sleep 0.3; {run}; echo $? >code; }} | true; exit $(cat code)"), 0),
    ] {
        let outcome = doctor.shell(&script);
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(code), ""), "{script}");
    }
    if fs::metadata("/dev/full").is_ok() {
        assert_refused("/dev/full", &doctor.shell(&format!("{run} >/dev/full")), 2);
        assert_refused("--output", &doctor.check(&["--output", "/dev/full"]), 2);
        let version = doctor.shell(&format!("{} --version >/dev/full", env!("CARGO_BIN_EXE_doctor")));
        assert_refused("--version", &version, 2);
    }
}

#[cfg(unix)]
#[test]
fn reader_closing_early_is_not_an_error() {
    let many = repeated(5_000, |line| format!("KEY_{line}=v\n"));
    let doctor = Doctor::new(api(&[("A", "1"), ("KEY_1", "w")])).file(".env", many);
    let mut child = doctor.command(&["-v"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let mut outcome = outcome(child.wait_with_output().unwrap());
    assert_eq!((outcome.code, std::mem::take(&mut outcome.err)), (Some(1), String::new()));
}

#[test]
fn invalid_tokens_are_refused_without_a_request() {
    for token in ["line\nbreak", "\u{1b}[2J", "tök", "two words", "\"quoted\""] {
        for variable in ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN"] {
            let doctor = plain().variable(variable, Some(token));
            let outcome = doctor.check(&[]);
            assert_refused(token, &outcome, 4);
            assert!(!outcome.err.contains(token) && doctor.served.sim.count() == 0, "{outcome:?}");
        }
    }
    // Surrounding whitespace from copying is trimmed.
    let padded = format!(" {}\r\n", railway_doctor::io::sim::seed::ACCOUNT_TOKEN);
    assert_eq!(plain().variable("RAILWAY_API_TOKEN", Some(&padded)).check(&[]).code, Some(0));
}

#[test]
fn tiny_timeout_is_reported() {
    for time in ["1ms", "1ns"] {
        let outcome = plain().check(&["--timeout", time]);
        assert_refused(time, &outcome, 5);
        assert!(!outcome.err.contains("within 0"), "{outcome:?}");
    }
    for time in ["0", "-1s", "1e9999", "99999999999999999999s", "1\u{1b}[2Js", "292277026596y"] {
        assert_refused(time, &plain().check(&[&format!("--timeout={time}")]), 2);
    }
}

#[test]
fn hostile_arguments_are_harmless() {
    for argument in ["\u{1b}[2J\u{7}", "\u{202e}", "--\u{1b}]0;x\u{7}", "--format=\u{1b}[31m", "--color=\u{9b}2J"] {
        let outcome = plain().check(&[argument]);
        assert_harmless(argument, &outcome);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
    }
    let dumb = plain().variable("TERM", Some("dumb"));
    let outcome = dumb.check(&["-v"]);
    assert_harmless("TERM=dumb", &outcome);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn non_utf8_environment_is_ignored() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let doctor = plain();
    let mut command = doctor.command(&[]);
    command.env(OsStr::from_bytes(b"ODD\xff"), OsStr::from_bytes(b"\xff")).env("NO_COLOR", OsStr::from_bytes(b"\xff"));
    assert_eq!(outcome(command.output().unwrap()).code, Some(0));
    let mut command = doctor.command(&[]);
    command.arg(OsStr::from_bytes(b"--service=\xff"));
    let outcome = outcome(command.output().unwrap());
    assert_harmless("invalid UTF-8", &outcome);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

/// Concatenates `line(0)`, `line(1)`, … up to `lines` lines.
fn repeated(lines: usize, line: impl Fn(usize) -> String) -> String {
    (0..lines).map(line).collect::<Vec<_>>().concat()
}
