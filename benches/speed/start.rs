//! Startup time, memory and binary size.

use std::fs;

use crate::Effort;
use crate::fixture::{Cache, DOCTOR, Fixture, project};
use crate::measure::{median, wall_times};
use crate::table::{megabytes, milliseconds, print_header, print_row, with_goal};

fn line(subject: &str, figure: String, goal: &str, is_met: Option<bool>) {
    print_row(&[subject.to_owned(), with_goal(figure, is_met), goal.to_owned()]);
}

/// Prints the figures in one table.
pub(crate) fn figures(effort: Effort) {
    print_header("Startup, memory and size", &["figure", "measured", "goal"]);
    starting(effort);
    let (estate, file) = project(50, 20);
    let fixture = Fixture::new(estate, &file);
    let memory = [Cache::Cold, Cache::Warm].map(|cache| fixture.run(cache, &["check"]).usage.memory);
    let memory = memory.into_iter().fold(0.0, f64::max);
    line("peak memory of a check of 50 services", megabytes(memory), "12 MB", Some(memory < 12e6));
    let size = fs::metadata(DOCTOR).unwrap().len();
    let size = f64::from(u32::try_from(size).unwrap());
    line("binary size", megabytes(size), "8 MB", Some(size < 8e6));
}

fn starting(effort: Effort) {
    let (estate, file) = project(1, 1);
    let fixture = Fixture::new(estate, &file);
    for (subject, program, goal) in [
        ("`doctor --version`", fixture.program(DOCTOR, &["--version"]), Some(3.0)),
        ("`curl --version`, for comparison", fixture.program("curl", &["--version"]), None),
        ("`/bin/true`, for comparison", fixture.program("/bin/true", &[]), None),
    ] {
        let time = median(wall_times(&program.measure(effort.times(51))));
        let is_met = goal.map(|goal| time.as_secs_f64() * 1000.0 < goal);
        line(subject, milliseconds(time), &goal.map(|goal| format!("{goal} ms")).unwrap_or_default(), is_met);
    }
}
