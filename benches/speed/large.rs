//! A thousand services with a hundred variables each, and whether half of it costs half.

use std::time::Duration;

use crate::Effort;
use crate::measure::median;
use crate::place::{Cache, Place, drifted, project};
use crate::table::{head, held, megabytes, milliseconds, row};

const VARIABLES: usize = 100;

/// Processor time and memory of a check by the number of services.
pub(crate) fn figures(effort: Effort) {
    let columns = [
        "services × variables",
        "requests",
        "processor time",
        "per service",
        "memory",
        "more per service",
        "wall time",
    ];
    head("A large project (goal: less than 3 s of processor time, and no service dearer than another)", &columns);
    let mut before: Option<(f64, f64)> = None;
    for services in [250_u32, 500, 1000] {
        let (estate, file) = project(services as usize, VARIABLES);
        let place = Place::new(estate, &drifted(&file));
        place.check(Cache::Cold, &["--timeout", "5m"]);
        let runs: Vec<_> = (0..effort.times(5)).map(|_| place.check(Cache::Cold, &["--timeout", "5m"])).collect();
        let of = |pick: fn(&crate::place::Asked) -> Duration| median(runs.iter().map(pick).collect());
        let (processor, wall) = (of(|run| run.taken.processor), of(|run| run.taken.wall));
        let memory = runs.iter().map(|run| run.taken.memory).fold(0.0, f64::max);
        let count = f64::from(services);
        let more = before.map(|(fewer, less)| format!("{:.0} kB", (memory - less) / (count - fewer) / 1e3));
        before = Some((count, memory));
        row(&[
            format!("{services} × {VARIABLES}"),
            runs[0].heard.len().to_string(),
            held(milliseconds(processor), Some(processor < Duration::from_secs(3))),
            milliseconds(processor / services),
            megabytes(memory),
            more.unwrap_or_default(),
            milliseconds(wall),
        ]);
    }
}
