//! Inputs of a few megabytes that are costly to compare: each run ends within its time limit, or a moment later, and takes
//! less than 256 MiB. What is too large says which limit it is over.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;

use crate::assertions::MARGIN;
use crate::bad_responses::Answer;
use crate::fixture::usual;
use crate::parallel::{Job, hold, play};
use crate::run::{Cell, Ran, Watch, shop};
use crate::server::{Case, Script, Server};

/// The most memory of a run, in KiB.
const MEMORY: u64 = 256 << 10;

/// The operation whose answers are changed, and how.
type Change = (&'static str, fn(Vec<u8>) -> Vec<u8>);

/// An input, and how a run with it ends.
struct Heavy {
    name: &'static str,
    words: &'static [&'static str],
    /// `--timeout`, in milliseconds.
    limit: u64,
    prepare: fn(&mut Cell),
    change: Option<Change>,
    codes: &'static [i32],
    says: &'static str,
}

const CHECK: Heavy =
    Heavy { name: "", words: &["check"], limit: 30_000, prepare: |_| {}, change: None, codes: &[1], says: "" };

/// Text of about that many bytes.
fn fill(size: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text += &line(number);
    }
    text
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// A `.env` with that below what is compared.
fn env(cell: &Cell, more: &str) {
    cell.write(".env", &format!("API_KEY=mark4711-local\n{more}"));
}

fn ignore(keys: impl Iterator<Item = String>) -> String {
    let keys: Vec<String> = keys.map(|key| format!("\"{key}\"")).collect();
    format!("[[ignore]]\nreason = \"x\"\nkeys = [{}]\n", keys.join(","))
}

const BLOCK: &str = "A=-----BEGIN X\n-----END X\n";

/// In `doctor.toml`.
fn patterns() -> Vec<Heavy> {
    vec![
        Heavy {
            name: "20,000 patterns on 20,000 keys",
            prepare: |cell| {
                env(cell, &lines(20_000, |number| format!("A{number}=\n")));
                cell.write("doctor.toml", &ignore((0..20_000).map(|number| format!("*B{number}*"))));
            },
            codes: &[2],
            says: "[[ignore]] has more than 1000 patterns with `*` or `?`",
            ..CHECK
        },
        Heavy {
            name: "20,000 names on 20,000 keys",
            prepare: |cell| {
                env(cell, &lines(20_000, |number| format!("A{number}=\n")));
                cell.write("doctor.toml", &ignore((0..20_000).map(|number| format!("A{number}"))));
            },
            ..CHECK
        },
        Heavy {
            name: "1,000 patterns on 30,000 keys",
            prepare: |cell| {
                env(cell, &lines(30_000, |number| format!("A{number}=\n")));
                cell.write("doctor.toml", &ignore((0..1000).map(|number| format!("*B{number}*"))));
            },
            limit: 5000,
            codes: &[1, 5],
            ..CHECK
        },
    ]
}

/// In one file of variables.
fn blocks() -> Vec<Heavy> {
    vec![
        Heavy {
            name: "3 MiB of key blocks",
            prepare: |cell| env(cell, &(BLOCK.repeat(60_000) + &"x\n".repeat(800_000))),
            codes: &[2],
            says: ".env\n  because: it is larger than 200000 lines",
            ..CHECK
        },
        Heavy { name: "30,000 lines of key blocks", prepare: |cell| env(cell, &BLOCK.repeat(15_000)), ..CHECK },
        Heavy {
            name: "30,000 blocks that begin inside each other",
            prepare: |cell| env(cell, &"A: -----BEGIN X\n".repeat(30_000)),
            ..CHECK
        },
    ]
}

/// In files of variables.
fn files() -> Vec<Heavy> {
    vec![
        Heavy {
            name: "15 MiB of short lines",
            prepare: |cell| env(cell, &fill(15 << 20, |number| format!("A{number}=\n"))),
            codes: &[2],
            says: ".env\n  because: it is larger than 4 MiB",
            ..CHECK
        },
        Heavy {
            name: "more keys that no service has than there is memory to report",
            prepare: |cell| env(cell, &lines(190_000, |number| format!("A{number}=v\n"))),
            codes: &[2],
            says: "error: doctor needs more than 256 MiB of memory",
            ..CHECK
        },
        Heavy {
            name: "files that are too large together",
            words: &["check", "--env-file=.env", "--env-file=a.env", "--env-file=b.env"],
            prepare: |cell| {
                for name in ["a.env", "b.env"] {
                    cell.write(name, &lines(120_000, |number| format!("{name}_{number}=\n").replace('.', "_")));
                }
            },
            codes: &[2],
            says: "b.env\n  because: it is, together with the other files of this run, larger than 200000 lines",
            ..CHECK
        },
    ]
}

/// In values.
fn values() -> Vec<Heavy> {
    vec![
        Heavy {
            name: "values of many references",
            prepare: |cell| {
                let values = ["${{a.b}}".repeat(100_000), "$A".repeat(200_000), "\\'\"".repeat(300_000)];
                env(cell, &lines(3, |number| format!("BIG{number}='{}'\n", values[number])));
            },
            limit: 5000,
            codes: &[1, 5],
            ..CHECK
        },
        Heavy {
            name: "values that name each other in a chain",
            prepare: |cell| env(cell, &lines(20_000, |number| format!("A{}=${{A{number}}}y\n", number + 1))),
            limit: 5000,
            codes: &[1, 5],
            ..CHECK
        },
        Heavy {
            name: "examples of 15 MiB",
            prepare: |cell| {
                for name in [".env.example", ".env.sample", ".env.template"] {
                    cell.write(name, &fill(15 << 20, |number| format!("A{number}=\n")));
                }
            },
            ..CHECK
        },
        Heavy {
            name: "candidates for a shell",
            words: &["--", "doctor", "check", "--only", ""],
            prepare: |cell| {
                env(cell, &(BLOCK.repeat(60_000) + &"x\n".repeat(800_000)));
                cell.set("COMPLETE", "bash");
                cell.set("_CLAP_COMPLETE_INDEX", "3");
            },
            codes: &[0],
            ..CHECK
        },
    ]
}

/// In what Railway answers.
fn remote() -> Vec<Heavy> {
    vec![
        Heavy {
            name: "6 MiB of small variables",
            change: Some(("Values", variables)),
            codes: &[5],
            says: "more than 400000 values",
            ..CHECK
        },
        Heavy {
            name: "1.5 million errors",
            change: Some(("Environment", |_| errors(1_500_000))),
            codes: &[5],
            says: "HTTP 200, with more than",
            ..CHECK
        },
        Heavy {
            name: "20,000 errors",
            change: Some(("Environment", |_| errors(20_000))),
            codes: &[5],
            says: "with more than 10000 errors",
            ..CHECK
        },
        Heavy {
            name: "a variable twice",
            change: Some(("Values", twice)),
            codes: &[5],
            says: "the same key twice in one object",
            ..CHECK
        },
        Heavy {
            name: "an error of 8 MiB",
            change: Some(("Environment", |_| long_error())),
            codes: &[5],
            says: "Railway said “a text of 8192 KiB”",
            ..CHECK
        },
        Heavy {
            name: "a value whose encoded forms are several times as long",
            limit: 50_000,
            prepare: |cell| env(cell, &format!("BIG_KEY='{}'\n", "é".repeat(1900 << 10))),
            change: Some(("Values", |body| beside(1, &body))),
            ..CHECK
        },
        Heavy {
            name: "20,000 short secrets in 5,000 errors",
            prepare: |cell| env(cell, &lines(20_000, |number| format!("A{number}_TOKEN=s{number}\n"))),
            change: Some(("Values", |body| beside(5000, &body))),
            ..CHECK
        },
        Heavy {
            name: "20,000 values that differ",
            prepare: |cell| env(cell, &lines(20_000, |number| format!("K{number}=local-{number}\n"))),
            change: Some(("Values", differing)),
            codes: &[1, 5],
            ..CHECK
        },
    ]
}

/// The same in each map of variables.
fn variables(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, fill(5 << 18, |number| format!("\"B{number}\":\"\",")))
}

fn differing(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, lines(20_000, |number| format!("\"K{number}\":\"stored-{number}\",")))
}

fn twice(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, "\"API_KEY\":\"mark4711-first\",".to_owned())
}

fn with_variables(body: Vec<u8>, variables: String) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    text.replace("\"API_KEY\":\"", &(variables + "\"API_KEY\":\"")).into_bytes()
}

fn errors(count: usize) -> Vec<u8> {
    format!("{{\"data\":null,\"errors\":[{}]}}", vec!["{}"; count].join(",")).into_bytes()
}

fn long_error() -> Vec<u8> {
    format!("{{\"data\":null,\"errors\":[{{\"message\":\"{}\"}}]}}", "a b c d ".repeat(1 << 20)).into_bytes()
}

fn beside(count: usize, body: &[u8]) -> Vec<u8> {
    let mut errors = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(errors, "{comma}{{\"message\":\"e{number} s{number}\"}}").unwrap();
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    format!("{{\"errors\":[{errors}],{}", text.trim_start_matches('{')).into_bytes()
}

fn script(change: Option<Change>) -> Script {
    match change {
        Some((wanted, change)) => {
            Box::new(move |operation, _| if operation == wanted { Answer::changed(change) } else { Answer::usual() })
        }
        None => usual(),
    }
}

fn case(script: Script) -> Case {
    Case::new(Sim::new(shop("mark4711-stored")), script)
}

fn run(server: &Server, number: usize, heavy: &Heavy) -> Result<Ran, String> {
    let mut cell = Cell::new();
    (heavy.prepare)(&mut cell);
    let (url, _) =
        server.serve(&format!("heavy-{}-{number}", heavy.name.replace(' ', "-")), case(script(heavy.change)));
    let flags = [format!("--timeout={}ms", heavy.limit), format!("--api-url={url}")];
    let flags: &[String] = if heavy.words[0] == "--" { &[] } else { &flags };
    let words: Vec<&str> = heavy.words.iter().copied().chain(flags.iter().map(String::as_str)).collect();
    let ran = cell.run(&words, "", Watch::Memory);
    let told = || format!("code {:?}, {:?}, {} KiB: {}", ran.code, ran.took, ran.peak, ran.err);
    hold!(ran.code.is_some_and(|code| heavy.codes.contains(&code)), "another end\n{}", told());
    hold!(ran.took < Duration::from_millis(heavy.limit) + MARGIN, "too late\n{}", told());
    hold!(ran.peak > 0 && ran.peak < MEMORY, "too much memory\n{}", told());
    hold!(ran.err.contains(heavy.says), "it does not say {:?}\n{}", heavy.says, told());
    hold!(!ran.err.contains("has a bug"), "it panicked\n{}", told());
    Ok(ran)
}

fn try_all(rows: &[Heavy]) {
    let server = Server::plain();
    let jobs = rows.iter().enumerate().map(|(number, heavy)| {
        let server = &server;
        let job: Job<'_> = (heavy.name.to_owned(), Box::new(move || run(server, number, heavy).map(drop)));
        job
    });
    play([(jobs.collect(), 2)]);
}

#[test]
fn costly_checkout_ends_within_the_limits() {
    try_all(&[patterns(), blocks(), files(), values()].into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn costly_response_ends_within_the_limits() {
    try_all(&remote());
}

/// Names and patterns that take minutes to compare.
fn endless(cell: &mut Cell) {
    let name = format!("KEY_{}", "OF_".repeat(20));
    env(cell, &lines(20_000, |number| format!("{name}{number}=\n")));
    cell.write("doctor.toml", &ignore((0..1000).map(|number| format!("*{}{number}B", "OF_".repeat(18)))));
}

#[test]
fn timeout_ends_a_comparison_with_an_error() {
    let server = Server::plain();
    let heavy = |words| Heavy { words, limit: 3000, prepare: endless, codes: &[5], ..CHECK };
    let late = "error: doctor did not finish within 3 s\n  because: ";
    for words in [
        &["check"][..],
        &["matrix"],
        &["fix", "--redeploy", "--yes"],
        &["fix", "--push", "--dry-run"],
        &["hook", "run", "--strict"],
    ] {
        let ran = run(&server, words.len(), &heavy(words)).unwrap();
        assert!(ran.err.contains(late) && ran.out.is_empty(), "{ran:?}");
    }
    let ran = run(&server, 9, &heavy(&["check", "--format=json"])).unwrap();
    let error: serde_json::Value = serde_json::from_str(ran.err.lines().last().unwrap()).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["exit_code"]), (&"time-limit".into(), &5.into()), "{ran:?}");
    let ran = run(&server, 10, &Heavy { codes: &[0], ..heavy(&["hook", "run"]) }).unwrap();
    let warning = "doctor: warning: this commit was not checked to the end: doctor did not finish within 3 s";
    assert!(ran.err.contains(warning), "{ran:?}");
}

#[test]
fn hook_reports_commit_not_searched_in_time() {
    // Each place of the staged file is the beginning of a thousand values.
    let prepare = |cell: &mut Cell| {
        env(cell, &lines(1500, |number| format!("A{number}_KEY={}\n", "a".repeat(number + 8))));
        cell.write("notes.txt", &"a".repeat(3 << 20));
        for words in [&["init", "-q"][..], &["add", "notes.txt"]] {
            assert!(Command::new("git").args(words).current_dir(cell.work()).status().unwrap().success());
        }
    };
    let server = Server::plain();
    let hook = Heavy {
        words: &["hook", "run"],
        limit: 3000,
        prepare,
        codes: &[0],
        says: "was not checked to the end",
        ..CHECK
    };
    run(&server, 0, &hook).unwrap();
    let strict = Heavy { words: &["hook", "run", "--strict"], codes: &[5], says: "did not finish within 3 s", ..hook };
    let ran = run(&server, 1, &strict).unwrap();
    assert!(ran.err.contains("DOCTOR=0"), "{ran:?}");
}

#[test]
fn timeout_never_interrupts_a_write() {
    let server = Server::plain();
    let slow = |operation: &str, _: usize| match operation {
        "SetVariables" => Answer::late(Duration::from_millis(2500)),
        _ => Answer::usual(),
    };
    let (url, written) = server.serve("heavy-write", case(Box::new(slow)));
    let cell = Cell::new();
    let words = ["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy", "--timeout=2s", "--api-url", &url];
    let ran = cell.run(&words, "", Watch::Nothing);
    assert!(!ran.err.contains("did not finish"), "{ran:?}");
    assert!(matches!(ran.code, Some(6 | 8)) && ran.out.contains("API_KEY"), "there is a receipt: {ran:?}");
    assert!(!written.sim.mutations().is_empty());
}

#[test]
fn timeout_excludes_a_slow_reader() {
    let server = Server::plain();
    let (url, _) = server.serve("heavy-reader", case(usual()));
    let cell = Cell::new();
    // More than a pipe holds.
    env(&cell, &lines(3000, |number| format!("K{number}=local-{number}\n")));
    let words = ["check", "-v", "--timeout=2s", "--api-url", &url];
    let (start, mut child) = (Instant::now(), cell.command(&words).spawn().unwrap());
    while start.elapsed() < Duration::from_secs(4) {
        thread::sleep(Duration::from_millis(50));
    }
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(text.len() > 100_000 && text.contains("K2999"), "{} bytes", text.len());
    drop(fs::remove_file(cell.work().join(".env")));
}
