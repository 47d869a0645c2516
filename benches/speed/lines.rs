//! A `.env` of a hundred thousand lines, beside others who read such files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::civil::date;
use railway_doctor::drift::comparison::{ComparisonOutcome, pairs};
use railway_doctor::drift::dotenv::LocalFile;
use railway_doctor::drift::dotenv::disagreement::Disputes;
use railway_doctor::drift::engine::policy::Policy;
use railway_doctor::drift::engine::run_rules::examine;
use railway_doctor::drift::model::catalogue::Catalogue;
use railway_doctor::drift::model::observed::Observed;
use railway_doctor::drift::survey::Coverage;
use railway_doctor::drift::{ResourceRef, Secret, Survey, Target, Variable};
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::Effort;
use crate::measure::{Program, median, walls};
use crate::place::{Cache, Place};
use crate::table::{head, held, milliseconds, ratio, row};

const LINES: usize = 100_000;

/// Comments, blank lines, and values as people write them; no `$`, which each reader substitutes in its own way.
fn file() -> String {
    let mut text = String::new();
    for number in 0..LINES {
        match number % 10 {
            0 => writeln!(text, "# part {number}"),
            1 => writeln!(text),
            2 => writeln!(text, "KEY_{number:06}='single quoted {number}'"),
            3 => writeln!(text, "KEY_{number:06}=\"double quoted {number}\""),
            4 => writeln!(text, "KEY_{number:06}=https://example.com/{number}?a=b"),
            _ => writeln!(text, "KEY_{number:06}=value-{number}"),
        }
        .unwrap();
    }
    text
}

/// The median time of something, and what is dropped afterwards is not counted.
fn timed<I, O>(times: usize, prepare: impl Fn() -> I, act: impl Fn(I) -> O) -> Duration {
    let once = |_| {
        let prepared = prepare();
        let began = Instant::now();
        let result = black_box(act(prepared));
        let time = began.elapsed();
        drop(result);
        time
    };
    median((0..times).map(once).collect())
}

/// Reading it, and holding it against equal variables.
pub(crate) fn figures(effort: Effort) {
    let text = file();
    let times = effort.times(11);
    let title = "A `.env` of 100,000 lines (goal: at least as fast as the others)";
    head(title, &["what", "`doctor`", "dotenvy 0.15.7", "times dotenvy", "dotenv-linter", "times dotenv-linter"]);
    let place = place(&text);
    let linter = |words: &[&str], times| linter(&place, words, times);
    let known = dotenvy(&text);
    let stored: BTreeMap<String, Variable> =
        known.iter().map(|(key, value)| (key.clone(), Variable::Plain(Secret::new(value.as_str())))).collect();
    let survey = |file: LocalFile| survey(file, &stored);
    line(
        "scan",
        timed(times, || Secret::new(text.as_str()), |text| LocalFile::parse(".env", text)),
        timed(times, || text.as_str(), dotenvy),
        linter(&["check", "--quiet", ".env"], times),
    );
    line(
        "scan and diff",
        timed(
            times,
            || (Secret::new(text.as_str()), survey(LocalFile::parse(".env", Secret::new("")))),
            |(text, mut survey)| {
                survey.files[0] = LocalFile::parse(".env", text);
                assert!(pairs(&survey).all(|pair| pair.verdict(&survey) == ComparisonOutcome::Equal));
                survey
            },
        ),
        timed(times, || text.as_str(), |text| assert!(dotenvy(text) == known)),
        // It takes half a minute.
        linter(&["diff", "--quiet", ".env", "copy.env"], 1),
    );
    let parsed = || survey(LocalFile::parse(".env", Secret::new(text.as_str())));
    row(&["every rule on it".to_owned(), milliseconds(timed(times, parsed, |survey| examine(&survey).findings.len()))]);
    let check = || place.check(Cache::Warm, &["--timeout", "1m"]).taken;
    assert_eq!(check().code, 0, "everything agrees");
    let checks: Vec<_> = (0..times).map(|_| check().wall).collect();
    row(&["`doctor check`, Railway's answers included".to_owned(), milliseconds(median(checks))]);
}

fn line(what: &str, own: Duration, dotenvy: Duration, linter: Option<Duration>) {
    let times = |other: Duration| held(format!("{:.2}", ratio(own, other)), Some(own <= other));
    row(&[
        what.to_owned(),
        milliseconds(own),
        milliseconds(dotenvy),
        times(dotenvy),
        linter.map_or("not installed".to_owned(), milliseconds),
        linter.map(times).unwrap_or_default(),
    ]);
}

fn dotenvy(text: &str) -> HashMap<String, String> {
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap()
}

/// The program, its start included, which is a hundredth of it.
fn linter(place: &Place, words: &[&str], times: usize) -> Option<Duration> {
    let path = std::env::var("PATH").unwrap();
    let path =
        path.split(':').map(|folder| format!("{folder}/dotenv-linter")).find(|path| fs::metadata(path).is_ok())?;
    let program: Program = place.program(path, words);
    let taken = program.measure(times);
    assert!(taken.iter().all(|one| matches!(one.code, 0 | 1)), "dotenv-linter failed");
    Some(median(walls(&taken)))
}

/// One service that stores all of it.
fn place(text: &str) -> Place {
    let known = dotenvy(text);
    let stored: Vec<(&str, &str)> = known.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let service = SimService::named("api").repository("large/large").variables(&stored);
    let environment = Environment::named("production").service(service);
    let place =
        Place::new(Estate::of("large").project(Project::named("large").environment(environment)).with_tokens(), text);
    fs::write(place.work().join("copy.env"), text).unwrap();
    place
}

fn survey(file: LocalFile, stored: &BTreeMap<String, Variable>) -> Survey {
    let named = |name: &str| ResourceRef { id: format!("id-of-{name}"), name: name.to_owned() };
    Survey {
        project: named("large"),
        environment: named("production"),
        files: vec![file],
        exposures: Vec::new(),
        examples: Vec::new(),
        disputes: Disputes::default(),
        targets: vec![Target::new(named("api"), vec![0], Ok(stored.clone()))],
        staged: Observed::NotRequested,
        times: Observed::NotRequested,
        catalogue: Catalogue::default(),
        policy: Policy::default(),
        only: BTreeSet::new(),
        coverage: Coverage::Whole,
        proved: BTreeSet::new(),
        infrastructure: None,
        today: date(2026, 10, 3),
    }
}
