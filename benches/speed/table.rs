//! Prints the Markdown tables of `BENCHMARKS.md`.

use std::fs;
use std::time::Duration;

/// Prints a heading and the header of its table.
pub(crate) fn print_header(title: &str, columns: &[&str]) {
    println!("\n### {title}\n\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
}

/// Prints one row.
pub(crate) fn print_row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

pub(crate) fn milliseconds(time: Duration) -> String {
    let value = time.as_secs_f64() * 1000.0;
    if value < 100.0 { format!("{value:.1} ms") } else { format!("{value:.0} ms") }
}

/// Formats bytes in units of a million bytes.
pub(crate) fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Formats a figure and marks a missed goal.
pub(crate) fn with_goal(figure: String, is_met: Option<bool>) -> String {
    match is_met {
        Some(false) => format!("**{figure}, missed**"),
        _ => figure,
    }
}

/// Describes the machine, without its host name.
pub(crate) fn machine_info() -> String {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_once(':').map_or(line.clone(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory: f64 = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let release = field("/proc/sys/kernel/osrelease", "");
    let release: Vec<&str> = release.split('.').take(2).collect();
    let load = field("/proc/loadavg", "");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores of {}, {:.0} GB of memory, {} {}, load {load} at the start",
        field("/proc/cpuinfo", "model name"),
        memory / 1e6,
        std::env::consts::OS,
        release.join("."),
    )
}
