//! A `.env` of 100,000 lines, compared with other parsers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::civil::date;
use railway_doctor::drift::comparison::{ComparisonOutcome, pairs};
use railway_doctor::drift::dotenv::LocalFile;
use railway_doctor::drift::dotenv::disagreement::Disagreements;
use railway_doctor::drift::engine::policy::Policy;
use railway_doctor::drift::engine::run_rules::examine;
use railway_doctor::drift::model::catalogue::Catalogue;
use railway_doctor::drift::model::observed::Observed;
use railway_doctor::drift::survey::Coverage;
use railway_doctor::drift::{ResourceRef, Secret, Survey, Target, Variable};
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::Effort;
use crate::fixture::{Cache, Fixture};
use crate::measure::{Program, median, wall_times};
use crate::table::{milliseconds, print_header, print_row, ratio, with_goal};

const LINES: usize = 100_000;

/// The number of variables of a service: `doctor` accepts at most 20,000, with those that Railway provides.
const VARIABLES: usize = 16_000;

/// Generates comments, blank lines and typical values. No value contains `$`, which each parser expands differently.
fn file() -> String {
    let mut text = String::new();
    for number in 0..LINES {
        match number % 10 {
            0 => writeln!(text, "# section {number}"),
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

/// Returns the median time of `act`, without preparation and without dropping its result.
fn timed<I, O>(times: usize, prepare: impl Fn() -> I, act: impl Fn(I) -> O) -> Duration {
    let once = |_| {
        let prepared = prepare();
        let started = Instant::now();
        let result = black_box(act(prepared));
        let time = started.elapsed();
        drop(result);
        time
    };
    median((0..times).map(once).collect())
}

/// Measures parsing the file and comparing it with equal variables.
pub(crate) fn figures(effort: Effort) {
    let text = file();
    let times = effort.times(11);
    let title = "A `.env` of 100,000 lines (goals: at least as fast as the other parsers, a check below 1 s)";
    print_header(title, &["task", "`doctor`", "dotenvy 0.15.7", "÷ dotenvy", "dotenv-linter", "÷ dotenv-linter"]);
    let fixture = fixture(&text);
    let linter = |arguments: &[&str], times| linter(&fixture, arguments, times);
    let variables = dotenvy(&text);
    let stored: BTreeMap<String, Variable> =
        variables.iter().map(|(key, value)| (key.clone(), Variable::Plain(Secret::new(value.as_str())))).collect();
    let survey = |file: LocalFile| survey(file, &stored);
    line(
        "parse",
        timed(times, || Secret::new(text.as_str()), |text| LocalFile::parse(".env", text)),
        timed(times, || text.as_str(), dotenvy),
        linter(&["check", "--quiet", ".env"], times),
    );
    line(
        "parse and compare",
        timed(
            times,
            || (Secret::new(text.as_str()), survey(LocalFile::parse(".env", Secret::new("")))),
            |(text, mut survey)| {
                survey.files[0] = LocalFile::parse(".env", text);
                assert!(pairs(&survey).all(|pair| pair.verdict(&survey) == ComparisonOutcome::Equal));
                survey
            },
        ),
        timed(times, || text.as_str(), |text| assert!(dotenvy(text) == variables)),
        // Takes half a minute.
        linter(&["diff", "--quiet", ".env", "copy.env"], 1),
    );
    let parsed = || survey(LocalFile::parse(".env", Secret::new(text.as_str())));
    print_row(&["all rules".to_owned(), milliseconds(timed(times, parsed, |survey| examine(&survey).findings.len()))]);
    let check = || fixture.run(Cache::Warm, &["check", "--timeout", "1m"]).usage;
    assert_eq!(check().code, 0, "expected no findings");
    let check = median((0..times).map(|_| check().wall).collect());
    let is_met = Some(check < Duration::from_secs(1));
    print_row(&["`doctor check`, including Railway's responses".to_owned(), with_goal(milliseconds(check), is_met)]);
}

fn line(task: &str, doctor: Duration, dotenvy: Duration, linter: Option<Duration>) {
    let times = |other: Duration| with_goal(format!("{:.2}", ratio(doctor, other)), Some(doctor <= other));
    print_row(&[
        task.to_owned(),
        milliseconds(doctor),
        milliseconds(dotenvy),
        times(dotenvy),
        linter.map_or("not installed".to_owned(), milliseconds),
        linter.map(times).unwrap_or_default(),
    ]);
}

fn dotenvy(text: &str) -> HashMap<String, String> {
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap()
}

/// Measures dotenv-linter, including process startup, about 1% of the time.
fn linter(fixture: &Fixture, arguments: &[&str], times: usize) -> Option<Duration> {
    let path = std::env::var("PATH").unwrap();
    let path =
        path.split(':').map(|folder| format!("{folder}/dotenv-linter")).find(|path| fs::metadata(path).is_ok())?;
    let program: Program = fixture.program(path, arguments);
    let usage = program.measure(times);
    assert!(usage.iter().all(|one| matches!(one.code, 0 | 1)), "dotenv-linter failed");
    Some(median(wall_times(&usage)))
}

/// Returns a fixture whose services together have all variables of the file.
fn fixture(text: &str) -> Fixture {
    let variables = dotenvy(text);
    let stored: Vec<(&str, &str)> = variables.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let services = stored.chunks(VARIABLES).enumerate().map(|(number, variables)| {
        SimService::named(&format!("api-{number}")).repository("large/large").variables(variables)
    });
    let environment = services.fold(Environment::named("production"), Environment::service);
    let fixture =
        Fixture::new(Estate::of("large").project(Project::named("large").environment(environment)).with_tokens(), text);
    fs::write(fixture.work().join("copy.env"), text).unwrap();
    fixture
}

fn survey(file: LocalFile, stored: &BTreeMap<String, Variable>) -> Survey {
    let named = |name: &str| ResourceRef { id: format!("id-of-{name}"), name: name.to_owned() };
    Survey {
        project: named("large"),
        environment: named("production"),
        files: vec![file],
        exposures: Vec::new(),
        examples: Vec::new(),
        loader_conflicts: Disagreements::default(),
        targets: vec![Target::new(named("api"), vec![0], Ok(stored.clone()))],
        staged: Observed::NotRequested,
        times: Observed::NotRequested,
        catalogue: Catalogue::default(),
        policy: Policy::default(),
        only: BTreeSet::new(),
        coverage: Coverage::Whole,
        counterpart: None,
        proved: BTreeSet::new(),
        infrastructure: None,
        today: date(2026, 10, 3),
    }
}
