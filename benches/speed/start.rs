//! Startup time, the commit hook, memory and binary size.

use std::fs;
use std::process::Command;

use crate::Effort;
use crate::fixture::{Cache, DOCTOR, Fixture, project};
use crate::measure::{median, wall_times};
use crate::table::{megabytes, milliseconds, print_header, print_row, with_goal};

fn line(subject: &str, figure: String, goal: &str, is_met: Option<bool>) {
    print_row(&[subject.to_owned(), with_goal(figure, is_met), goal.to_owned()]);
}

/// Prints the figures in one table.
pub(crate) fn figures(effort: Effort) {
    print_header("Startup, hook, memory and size", &["figure", "measured", "goal"]);
    starting(effort);
    commit(effort);
    let (estate, file) = project(50, 20);
    let fixture = Fixture::new(estate, &file);
    let memory =
        [Cache::Cold, Cache::Warm].map(|cache| fixture.check(cache, &[]).usage.memory).into_iter().fold(0.0, f64::max);
    line("peak memory of a check of 50 services", megabytes(memory), "25 MB", Some(memory < 25e6));
    let size = fs::metadata(DOCTOR).unwrap().len();
    let size = f64::from(u32::try_from(size).unwrap());
    line("binary size", megabytes(size), "6 MB", Some(size < 6e6));
}

fn starting(effort: Effort) {
    let (estate, file) = project(1, 1);
    let fixture = Fixture::new(estate, &file);
    for (subject, program, goal) in [
        ("`doctor --version`", fixture.program(DOCTOR, &["--version"]), Some(5.0)),
        ("`/bin/true`, for comparison", fixture.program("/bin/true", &[]), None),
    ] {
        let time = median(wall_times(&program.measure(effort.times(51))));
        let is_met = goal.map(|goal| time.as_secs_f64() * 1000.0 < goal);
        line(subject, milliseconds(time), &goal.map(|goal| format!("{goal} ms")).unwrap_or_default(), is_met);
    }
}

/// Measures the hook in a repository with 200 files, one of them staged, immediately after a successful run.
fn commit(effort: Effort) {
    let (estate, file) = project(2, 20);
    let fixture = Fixture::new(estate, &file);
    fs::write(fixture.work().join(".gitignore"), ".env\n").unwrap();
    for number in 0..200 {
        fs::write(fixture.work().join(format!("file-{number}.py")), format!("print({number})\n").repeat(200)).unwrap();
    }
    let git = |arguments: &str| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        let mut command = Command::new("git");
        command.args(identity).args(arguments.split(' ')).current_dir(fixture.work()).env("HOME", fixture.home());
        assert!(command.status().unwrap().success(), "git {arguments} failed");
    };
    for arguments in ["init -q", "add .", "commit -q -m first"] {
        git(arguments);
    }
    fs::write(fixture.work().join("file-7.py"), "print('changed')\n").unwrap();
    git("add .");
    let hook = fixture.doctor(&["hook", "run"]);
    assert_eq!(
        (hook.once().code, fixture.server.take_requests().len()),
        (0, 2),
        "expected the first run to query Railway"
    );
    let usage = hook.measure(effort.times(51));
    assert!(usage.iter().all(|run| run.code == 0));
    assert_eq!(fixture.server.take_requests().len(), 0, "expected later runs to use the cache");
    let time = median(wall_times(&usage));
    line("`doctor hook run`, cached result", milliseconds(time), "30 ms", Some(time.as_millis() < 30));
}
