//! `doctor rotate --stdin`: what is read from a pipe, and what is rejected before anything changes.

use std::io::Write;
use std::process::{Command, Stdio};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use railway_doctor::io::sim::status_timeline::StatusTimeline;

use crate::binary::{Doctor, Outcome, outcome};
use crate::error_lines::is_error;

const OLD: &str = "kV93xLq0wMn72RbYcJd5";
const NEW: &str = "pT41cYw8rGh65ZsXeKa2";

/// The most that is read from standard input, in bytes.
const LIMIT: usize = 64 << 10;

fn shop() -> Doctor {
    let service = |name: &str| {
        let service = SimService::named(name).repository("crew/shop").variables(&[("API_KEY", OLD)]);
        service.plan(StatusTimeline::through(&["SUCCESS"]))
    };
    let environment = Environment::named("staging").service(service("api")).service(service("worker"));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Doctor::new(estate).file(".env", format!("API_KEY={OLD}\n"))
}

fn rotate(doctor: &Doctor, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["rotate", "API_KEY", "--api-url", &doctor.served.url()]).args(arguments);
    doctor.prepare(&mut command);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // The write fails if the run ends without reading.
    drop(child.stdin.take().unwrap().write_all(input));
    outcome(child.wait_with_output().unwrap())
}

/// The values in the file and on both services.
fn values(doctor: &Doctor) -> [String; 3] {
    let [api, worker] = ["api", "worker"].map(|name| {
        doctor.served.sim.change(|estate| {
            match &estate.projects[0].environments[0].service_named(name).unwrap().variables["API_KEY"] {
                SimVariable::Open(text) | SimVariable::Sealed(text) => text.expose().to_owned(),
            }
        })
    });
    let file = std::fs::read_to_string(doctor.work().join(".env")).unwrap();
    let value = file.strip_prefix("API_KEY=").and_then(|rest| rest.strip_suffix('\n')).unwrap();
    [value.trim_matches(['\'', '"']).to_owned(), api, worker]
}

#[test]
fn one_final_newline_is_removed() {
    let long = format!("{}\n", "aB3-".repeat(7000));
    let other = r#"Zq8v+T3n/r6=$Xw #k%2F{"a":"b"}"#;
    for (input, value) in
        [(NEW, NEW), (&format!("{NEW}\n"), NEW), (&format!("{NEW}\r\n"), NEW), (other, other), (&long, long.trim_end())]
    {
        let doctor = shop();
        let outcome = rotate(&doctor, &["--stdin", "--yes"], input.as_bytes());
        assert_eq!(outcome.code, Some(0), "{input:.60?}: {outcome:.2000?}");
        let [file, api, worker] = values(&doctor);
        assert_eq!([api.as_str(), &worker], [value; 2], "{input:.60?}");
        assert_eq!(file, value, "{input:.60?}");
        for text in [OLD, &value[..12]] {
            assert!(!outcome.out.contains(text) && !outcome.err.contains(text), "{input:.60?}: {outcome:?}");
        }
    }
}

#[test]
fn unusable_input_changes_nothing() {
    let too_long = vec![b'a'; LIMIT + 1];
    let endless = vec![b'a'; 64 * LIMIT];
    for (input, cause) in [
        (&b""[..], "it is empty"),
        (b"\n", "it is empty"),
        (b"  \r\n", "it is empty"),
        (b"pT41cYw8rGh65ZsXeKa2\n\n", "it ends with a newline"),
        (b"pT41c\0Yw8rGh65ZsXeKa2", "it contains a control character"),
        (b"\0", "control character"),
        (b"pT41cYw8rGh65Zs\x1b[2JXeKa2", "it contains a control character"),
        (b"pT41c\xffYw8rGh65ZsXeKa2", "it is not UTF-8 text"),
        (b"\xff\xfep\0T\x004\0", "it is not UTF-8 text"),
        (&too_long, "it is longer than 64 KiB"),
        (&endless, "it is longer than 64 KiB"),
        (OLD.as_bytes(), "it is equal to the old value"),
        (b"changeme", "it is a placeholder"),
        (b"'pT41cYw8rGh65ZsXeKa2'\n", "it has surrounding quotes that are part of the value"),
        (b" pT41cYw8rGh65ZsXeKa2\n", "it starts or ends with a space"),
        (b"pT41cYw8rGh65ZsXeKa2 \n", "it starts or ends with a space"),
    ] {
        for arguments in [&["--stdin", "--yes"][..], &["--stdin", "--yes", "--all-copies"], &["--stdin", "--dry-run"]] {
            let doctor = shop();
            let outcome = rotate(&doctor, arguments, input);
            let name = String::from_utf8_lossy(&input[..input.len().min(40)]).into_owned();
            assert_eq!(outcome.code, Some(2), "{name:?} {arguments:?}: {outcome:.2000?}");
            let lines: Vec<&str> = outcome.err.lines().collect();
            assert!(is_error(&lines) && outcome.out.is_empty(), "{name:?}: {outcome:.2000?}");
            assert!(outcome.err.contains(cause), "{name:?}: {outcome:.2000?}");
            assert!(!outcome.err.contains("pT41c") && !outcome.err.contains("aaaa"), "{name:?}: {outcome:.2000?}");
            assert_eq!(values(&doctor), [OLD; 3], "{name:?}");
            assert!(doctor.served.sim.mutations().is_empty(), "{name:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn closed_input_changes_nothing() {
    let doctor = shop();
    let run = format!("{} rotate API_KEY --api-url {}", env!("CARGO_BIN_EXE_doctor"), doctor.served.url());
    for (script, cause) in [
        (format!("{run} --stdin --yes <&-"), "it is empty"),
        (format!("{run} --stdin --yes </dev/null"), "it is empty"),
        (format!("true | {run} --stdin --yes"), "it is empty"),
        (format!("{run} --stdin --yes <."), "failed to read standard input"),
        (format!("{run} --yes </dev/null"), "the new value is generated or read from standard input"),
        (format!("{run} </dev/null"), "the new value is generated or read from standard input"),
        (format!("echo {NEW} | {run}"), "the new value is generated or read from standard input"),
    ] {
        let outcome = doctor.shell(&script);
        assert_eq!(outcome.code, Some(2), "{script}: {outcome:?}");
        assert!(outcome.err.contains(cause) && outcome.out.is_empty(), "{script}: {outcome:?}");
        assert_eq!(values(&doctor), [OLD; 3], "{script}");
    }
    assert!(doctor.served.sim.mutations().is_empty());
}

#[cfg(unix)]
#[test]
fn input_that_arrives_in_pieces_is_read_whole() {
    let doctor = shop();
    let run = format!("{} rotate API_KEY --api-url {}", env!("CARGO_BIN_EXE_doctor"), doctor.served.url());
    let (start, end) = NEW.split_at(7);
    let script = format!("{{ printf {start}; sleep 0.3; printf '{end}\\n'; }} | {run} --stdin --yes");
    let outcome = doctor.shell(&script);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(values(&doctor), [NEW; 3]);
}

/// Standard input is read only after everything that could refuse the rotation has been checked.
#[test]
fn refused_rotation_does_not_need_input() {
    let doctor = shop().variable("RAILWAY_API_TOKEN", None);
    let outcome = rotate(&doctor, &["--stdin", "--yes"], b"");
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    let outcome = rotate(&shop(), &["--stdin", "--yes", "--service", "nobody"], b"");
    assert!(outcome.code == Some(2) && outcome.err.contains("unknown service `nobody`"), "{outcome:?}");
}
