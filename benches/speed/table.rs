//! What is printed, in Markdown, as it stands in `BENCHMARKS.md`.

use std::fs;
use std::time::Duration;

/// The heading of a part, and the first lines of its table.
pub(crate) fn head(title: &str, columns: &[&str]) {
    println!("\n### {title}\n\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
}

/// One line of it.
pub(crate) fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// In milliseconds.
pub(crate) fn milliseconds(time: Duration) -> String {
    let value = time.as_secs_f64() * 1000.0;
    if value < 100.0 { format!("{value:.1} ms") } else { format!("{value:.0} ms") }
}

/// In megabytes, a million bytes each.
pub(crate) fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

/// How many times as much one is as the other.
pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// A figure, and whether it is as it should be.
pub(crate) fn held(figure: String, is_held: Option<bool>) -> String {
    match is_held {
        Some(false) => format!("**{figure}, missed**"),
        _ => figure,
    }
}

/// What it was measured on; no name of it.
pub(crate) fn machine() -> String {
    let after = |path: &str, word: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(word)).unwrap_or_default().to_owned();
        line.split_once(':').map_or(line.clone(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory: f64 = after("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let release = after("/proc/sys/kernel/osrelease", "");
    let release: Vec<&str> = release.split('.').take(2).collect();
    let load = after("/proc/loadavg", "");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores of {}, {:.0} GB of memory, {} {}, load {load} when it began",
        after("/proc/cpuinfo", "model name"),
        memory / 1e6,
        std::env::consts::OS,
        release.join("."),
    )
}
