//! A thousand services with a hundred variables each, and whether cost grows linearly.

use std::time::Duration;

use crate::Effort;
use crate::fixture::{Cache, Fixture, Run, drifted, project};
use crate::measure::median;
use crate::table::{megabytes, milliseconds, print_header, print_row, with_goal};

const VARIABLES: usize = 100;

const CHECK: &[&str] = &["check", "--timeout", "5m"];

/// Prints CPU time and memory of a check by the number of services.
pub(crate) fn figures(effort: Effort) {
    let columns =
        ["services × variables", "requests", "CPU time", "per service", "memory", "added per service", "wall time"];
    print_header("A large project (goal: less than 3 s of CPU time, constant cost per service)", &columns);
    let mut previous: Option<(f64, f64)> = None;
    for services in [250_u32, 500, 1000] {
        let (estate, file) = project(services as usize, VARIABLES);
        let fixture = Fixture::new(estate, &drifted(&file));
        fixture.run(Cache::Cold, CHECK);
        let runs: Vec<_> = (0..effort.times(5)).map(|_| fixture.run(Cache::Cold, CHECK)).collect();
        let median_of = |pick: fn(&Run) -> Duration| median(runs.iter().map(pick).collect());
        let (cpu, wall) = (median_of(|run| run.usage.cpu), median_of(|run| run.usage.wall));
        let memory = runs.iter().map(|run| run.usage.memory).fold(0.0, f64::max);
        let count = f64::from(services);
        let added = previous.map(|(previous_count, previous_memory): (f64, f64)| {
            format!("{:.0} kB", (memory - previous_memory) / (count - previous_count) / 1e3)
        });
        previous = Some((count, memory));
        print_row(&[
            format!("{services} × {VARIABLES}"),
            runs[0].requests.len().to_string(),
            with_goal(milliseconds(cpu), Some(cpu < Duration::from_secs(3))),
            milliseconds(cpu / services),
            megabytes(memory),
            added.unwrap_or_default(),
            milliseconds(wall),
        ]);
    }
}
