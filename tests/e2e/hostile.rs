//! Names, files, streams and environments that nobody would choose: no panic, no hang, nothing that a terminal obeys.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, Ended, ended};

/// Names that a program which is not careful obeys, breaks its lines at, or chokes on.
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

/// What holds for every run, whatever it was given: an exit code of our own, and text that does no harm.
fn harmless(name: &str, ended: &Ended) {
    assert!(matches!(ended.code, Some(0..=5)), "{name}: {ended:.400?}");
    for text in [&ended.out, &ended.err] {
        let obeyed = |character: char| {
            (character.is_control() && character != '\n')
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
        };
        assert!(!text.contains(obeyed), "{name}: {ended:.400?}");
    }
    assert!(!ended.err.contains("panicked") && !ended.err.contains("has a bug"), "{name}: {:.400}", ended.err);
}

/// The same, and an error of three lines at most, with the last word on what to do.
fn refused(name: &str, ended: &Ended, code: i32) {
    harmless(name, ended);
    assert_eq!(ended.code, Some(code), "{name}: {ended:.400?}");
    let lines: Vec<&str> = ended.err.lines().collect();
    let is_error = |lines: &[&str]| match lines {
        [what, next] => what.starts_with("error: ") && next.starts_with("  next: "),
        [what, because, next] => {
            what.starts_with("error: ") && because.starts_with("  because: ") && next.starts_with("  next: ")
        }
        _ => false,
    };
    assert!(is_error(&lines) && ended.out.is_empty(), "{name}: {ended:.400?}");
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
            let ended = doctor.check(arguments);
            harmless(&name, &ended);
            assert_eq!(ended.code, Some(1), "{name:.40?} {arguments:?}: {ended:.400?}");
        }
        // An argument can't hold a NUL.
        let name = name.replace('\0', "");
        let flags = [format!("--service={name}"), format!("--only={name}")];
        harmless(&name, &doctor.check(&[&flags[0], &flags[1], "-v"]));
        // The name as a near miss: suggested, listed, and quoted where it is part of a command.
        for flag in ["--service", "--environment", "--project"] {
            let wrong = format!("{flag}={}z", name.trim());
            harmless(&name, &doctor.check(&[&wrong]));
        }
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
        let ended = doctor.check(&[&format!("--{flag}={wanted}")]);
        refused(flag, &ended, 2);
        assert!(ended.err.contains(&format!("--{flag}='$(touch pwned)'")), "{ended:?}");
    }
}

#[test]
fn env_file_may_contain_anything() {
    let long = format!("A={}\n", "x".repeat(1 << 20));
    let many = repeated(100_000, |line| format!("K{line}=v\n"));
    let open = repeated(20_000, |line| format!("K{line}=\"open '{line}\n"));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("one line of a mebibyte", long.into_bytes()),
        ("a hundred thousand lines", many.into_bytes()),
        ("quotes that are never closed", open.into_bytes()),
        ("nothing but quotes", "\"".repeat(200_000).into_bytes()),
        ("nothing but dollars and braces", "A=${${{".repeat(50_000).into_bytes()),
        ("a NUL", b"A=1\0\nB\0=2\n".to_vec()),
        ("a byte order mark", "\u{feff}A=1\n".as_bytes().to_vec()),
        ("carriage returns alone", b"A=1\rB=2\rC\r\r".to_vec()),
        ("terminal sequences", b"A=\x1b[2J\n\x1b[31m=1\nK\x1b]0;x\x07 y\n".to_vec()),
        ("nothing", Vec::new()),
    ];
    for (name, text) in cases {
        let doctor = Doctor::new(api(&[("A", "1"), ("K1", "v")])).file(".env", text);
        #[expect(clippy::disallowed_methods, reason = "this test is about time")]
        let start = Instant::now();
        harmless(name, &doctor.check(&["--timeout", "60s", "-v"]));
        assert!(start.elapsed() < Duration::from_secs(60), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn doctor_toml_may_contain_anything() {
    let deep = format!("project = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let dotted = format!("{} = 1\n", vec!["a"; 100_000].join("."));
    let sections = repeated(20_000, |number| format!("[[ignore]]\nkeys=[\"K{number}\"]\n"));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a deep list", deep.into_bytes()),
        ("a deep key", dotted.into_bytes()),
        ("more than a mebibyte", "#".repeat((1 << 20) + 1).into_bytes()),
        ("many sections without a reason", sections.into_bytes()),
        ("a path out", b"env-file = \"../../../etc/passwd\"\n".to_vec()),
        ("an absolute path", b"env-file = \"/etc/passwd\"\n".to_vec()),
        ("a link out", b"env-file = \"link.env\"\n".to_vec()),
        ("a NUL in a path", b"env-file = \"a\\u0000b\"\n".to_vec()),
        ("a terminal sequence as a key", b"\"\\u001b[2J\" = 1\n".to_vec()),
        ("a terminal sequence as a service", b"[services.\"\\u202eapi\"]\n".to_vec()),
        ("no UTF-8", b"project = \"\xff\"\n".to_vec()),
        ("a NUL", b"project = \"a\0b\"\n".to_vec()),
    ];
    for (name, text) in cases {
        let doctor = plain().file("doctor.toml", text);
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hostname", doctor.work().join("link.env")).unwrap();
        refused(name, &doctor.check(&[]), 2);
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
    symlink("nobody", work.join("dangling")).unwrap();
    symlink("pipe", work.join("link-to-pipe")).unwrap();
    fs::create_dir(work.join("folder")).unwrap();
    fs::write(work.join("closed"), "A=1\n").unwrap();
    fs::set_permissions(work.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    for file in ["pipe", "link-to-pipe", "folder", "loop-a", "dangling", "/dev/null", "/dev/zero", "/dev/stdin", "a\nb"]
    {
        refused(file, &doctor.check(&["--env-file", file, "--timeout", "2s"]), 2);
    }
    // Whoever may read everything is told nothing of modes.
    if fs::read(work.join("closed")).is_err() {
        refused("closed", &doctor.check(&["--env-file", "closed"]), 2);
    }
    for default in ["pipe", "folder", "loop-a", "dangling"] {
        fs::remove_file(work.join(".env")).unwrap();
        symlink(default, work.join(".env")).unwrap();
        refused(default, &doctor.check(&["--timeout", "2s"]), 2);
        refused(default, &doctor.check(&["--config", default]), 2);
    }
}

#[test]
fn missing_home_is_not_an_error() {
    for home in [None, Some(""), Some("/nowhere"), Some("relative")] {
        let doctor = plain();
        let mut command = doctor.command(&[]);
        command.env_remove("HOME").env_remove("USERPROFILE").envs(home.map(|home| ("HOME", home)));
        let ended = ended(command.output().unwrap());
        assert_eq!(ended.code, Some(0), "{home:?}: {ended:?}");
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
    refused("gone", &doctor.shell(&script), 2);
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
        let ended = doctor.shell(&script);
        assert_eq!((ended.code, ended.err.as_str()), (Some(code), ""), "{script}");
    }
    if fs::metadata("/dev/full").is_ok() {
        refused("/dev/full", &doctor.shell(&format!("{run} >/dev/full")), 2);
        refused("--output", &doctor.check(&["--output", "/dev/full"]), 2);
        let version = doctor.shell(&format!("{} --version >/dev/full", env!("CARGO_BIN_EXE_doctor")));
        refused("--version", &version, 2);
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
    let mut ended = ended(child.wait_with_output().unwrap());
    assert_eq!((ended.code, std::mem::take(&mut ended.err)), (Some(1), String::new()));
}

#[test]
fn invalid_tokens_are_refused_without_a_request() {
    for token in ["line\nbreak", "\u{1b}[2J", "tök", "two words", "\"quoted\""] {
        for variable in ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN"] {
            let doctor = plain().variable(variable, Some(token));
            let ended = doctor.check(&[]);
            refused(token, &ended, 4);
            assert!(!ended.err.contains(token) && doctor.served.sim.count() == 0, "{ended:?}");
        }
    }
    // Blanks around it come from copying.
    let padded = format!(" {}\r\n", railway_doctor::io::sim::seed::ACCOUNT_TOKEN);
    assert_eq!(plain().variable("RAILWAY_API_TOKEN", Some(&padded)).check(&[]).code, Some(0));
}

#[test]
fn tiny_timeout_is_reported() {
    for time in ["1ms", "1ns"] {
        let ended = plain().check(&["--timeout", time]);
        refused(time, &ended, 5);
        assert!(!ended.err.contains("within 0"), "{ended:?}");
    }
    for time in ["0", "-1s", "1e9999", "99999999999999999999s", "1\u{1b}[2Js", "292277026596y"] {
        refused(time, &plain().check(&[&format!("--timeout={time}")]), 2);
    }
}

#[test]
fn hostile_arguments_are_harmless() {
    for argument in ["\u{1b}[2J\u{7}", "\u{202e}", "--\u{1b}]0;x\u{7}", "--format=\u{1b}[31m", "--color=\u{9b}2J"] {
        let ended = plain().check(&[argument]);
        harmless(argument, &ended);
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
    let dumb = plain().variable("TERM", Some("dumb"));
    let ended = dumb.check(&["-v"]);
    harmless("TERM=dumb", &ended);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn non_utf8_environment_is_ignored() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let doctor = plain();
    let mut command = doctor.command(&[]);
    command.env(OsStr::from_bytes(b"ODD\xff"), OsStr::from_bytes(b"\xff")).env("NO_COLOR", OsStr::from_bytes(b"\xff"));
    assert_eq!(ended(command.output().unwrap()).code, Some(0));
    let mut command = doctor.command(&[]);
    command.arg(OsStr::from_bytes(b"--service=\xff"));
    let ended = ended(command.output().unwrap());
    harmless("no UTF-8", &ended);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

/// So many lines, each made from its number.
fn repeated(lines: usize, line: impl Fn(usize) -> String) -> String {
    (0..lines).map(line).collect::<Vec<_>>().concat()
}
