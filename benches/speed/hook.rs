//! The commit hook, in a small and in a large repository.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::commands::median_wall;
use crate::fixture::{Cache, Fixture, Run, project};
use crate::measure::{Program, median};
use crate::table::{megabytes, milliseconds, print_header, print_row, with_goal};
use crate::{Effort, curl};

/// The latency of the second cold run, in milliseconds.
const LATENCY: u64 = 50;

/// Goal: the maximum time of a run with a cached result.
const MAX_WARM: Duration = Duration::from_millis(15);

/// Goal: the maximum time of a cold run, in addition to its floor.
const MAX_ABOVE_FLOOR: Duration = Duration::from_millis(10);

/// The number of files per directory.
const FILES_PER_DIRECTORY: usize = 50;

/// Measures commits of several sizes.
pub(crate) fn figures(effort: Effort) {
    let columns = [
        "files in the repository",
        "files in the commit",
        "warm",
        "cold, 0 ms",
        &format!("cold, {LATENCY} ms"),
        "floor",
        "above the floor",
        "memory",
    ];
    let goals =
        format!("goals: {} warm, {} above the floor cold", milliseconds(MAX_WARM), milliseconds(MAX_ABOVE_FLOOR));
    print_header(&format!("`doctor hook run` ({goals})"), &columns);
    for (files, commits) in [(200, [1].as_slice()), (40_000, &[1, 6000])] {
        let fixture = repository(files);
        for &staged in commits {
            stage(&fixture, staged);
            let times = effort.times(if staged == 1 { 21 } else { 7 });
            print_row(&[vec![files.to_string(), staged.to_string()], row(&fixture, times)].concat());
        }
    }
}

/// Measures the staged commit. Of two cold runs, one is without latency.
fn row(fixture: &Fixture, times: usize) -> Vec<String> {
    let hook = hook(fixture);
    let run = |cache, requests| {
        let Run { usage, requests: sent } = fixture.once(cache, &hook);
        assert_eq!((usage.code, sent.len()), (0, requests), "expected a passing run, with this number of requests");
        usage
    };
    fixture.server.latency(0);
    let cold = median((0..times).map(|_| run(Cache::Cold, 2).wall).collect());
    let (warm, memory): (Vec<_>, Vec<_>) =
        (0..times).map(|_| run(Cache::Warm, 0)).map(|usage| (usage.wall, usage.memory)).unzip();
    fixture.server.latency(LATENCY);
    let bodies: Vec<String> =
        fixture.once(Cache::Cold, &hook).requests.into_iter().map(|request| request.body).collect();
    let floor = curl::sequential(fixture, &bodies);
    let (mut late, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..times {
        late.push(run(Cache::Cold, 2).wall);
        floors.push(median_wall(fixture, &floor, 1, 2));
    }
    let (warm, late, floor) = (median(warm), median(late), median(floors));
    let above = late.saturating_sub(floor);
    vec![
        with_goal(milliseconds(warm), Some(warm < MAX_WARM)),
        milliseconds(cold),
        milliseconds(late),
        milliseconds(floor),
        with_goal(milliseconds(above), Some(above < MAX_ABOVE_FLOOR)),
        megabytes(memory.into_iter().fold(0.0, f64::max)),
    ]
}

/// Returns the hook as git calls it for a commit.
fn hook(fixture: &Fixture) -> Program {
    let mut hook = fixture.doctor(&["hook", "run"]);
    hook.variables.push(("GIT_INDEX_FILE".to_owned(), ".git/index".to_owned()));
    hook
}

/// Creates a repository with a packed commit of this number of files, and a `.env` that git ignores.
fn repository(files: usize) -> Fixture {
    let (estate, file) = project(2, 20);
    let fixture = Fixture::new(estate, &file);
    fs::write(fixture.work().join(".gitignore"), ".env\n").unwrap();
    for number in 0..files {
        let path = path(&fixture, number);
        if number % FILES_PER_DIRECTORY == 0 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        let lines = (0..40).map(|line| format!("def function_{number}_{line}(value): return value + {line}\n"));
        fs::write(path, lines.collect::<String>()).unwrap();
    }
    // Otherwise git would pack it in the background.
    for arguments in
        ["init -q", "config gc.auto 0", "config maintenance.auto false", "add .", "commit -q -m first", "gc -q"]
    {
        git(&fixture, arguments);
    }
    fixture
}

/// Returns the path of a file, in one of several nested directories.
fn path(fixture: &Fixture, number: usize) -> std::path::PathBuf {
    let directory = number / FILES_PER_DIRECTORY;
    fixture.work().join(format!("package_{}/module_{directory}/file_{number}.py", directory / 20))
}

/// Changes and stages the first files.
fn stage(fixture: &Fixture, files: usize) {
    for number in 0..files {
        fs::write(path(fixture, number), format!("print('changed {number}')\n").repeat(60)).unwrap();
    }
    git(fixture, "add .");
}

fn git(fixture: &Fixture, arguments: &str) {
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    let mut command = Command::new("git");
    command.args(identity).args(arguments.split(' ')).current_dir(fixture.work()).env("HOME", fixture.home());
    assert!(command.status().unwrap().success(), "git {arguments} failed");
}
