//! Measures all figures of `BENCHMARKS.md`.
//!
//! `cargo bench` takes a few minutes and prints the tables. `cargo bench -- --quick` is a smoke test.
#![expect(clippy::print_stdout, reason = "prints the tables")]
#![cfg_attr(
    unix,
    expect(
        clippy::disallowed_methods,
        clippy::unwrap_used,
        reason = "a benchmark runs processes and panics on any failure"
    )
)]

#[cfg(unix)]
use std::ffi::OsString;

#[cfg(unix)]
mod commands;
#[cfg(unix)]
mod curl;
#[cfg(unix)]
mod fixture;
#[cfg(unix)]
mod hook;
#[cfg(unix)]
mod large;
#[cfg(unix)]
mod lines;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod table;

/// How often each figure is measured.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// Often enough for a stable median.
    Full,
    /// Once, as a smoke test.
    Quick,
}

/// Measures one group of figures and prints them.
#[cfg(unix)]
type Part = fn(Effort);

#[cfg(unix)]
impl Effort {
    fn times(self, full: usize) -> usize {
        if self == Self::Full { full } else { 1 }
    }
}

#[cfg(unix)]
fn main() {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == measure::MEASURE).is_some() {
        return measure::measure(arguments);
    }
    let (mut effort, mut parts) = (Effort::Full, Vec::new());
    for argument in arguments {
        match argument.to_str().unwrap() {
            "--quick" => effort = Effort::Quick,
            // Passed by Cargo.
            "--bench" => (),
            part => parts.push(part.to_owned()),
        }
    }
    let all: [(&str, Part); 7] = [
        ("requests", commands::requests),
        ("latency", commands::latency),
        ("loops", commands::loops),
        ("small", start::figures),
        ("hook", hook::figures),
        ("large", large::figures),
        ("lines", lines::figures),
    ];
    build_packaged_binary();
    println!("{}", table::machine_info());
    for (name, figures) in all {
        if parts.is_empty() || parts.iter().any(|part| part == name) {
            figures(effort);
        }
    }
}

/// Builds the binary that packages contain, which is measured.
#[cfg(unix)]
fn build_packaged_binary() {
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap());
    // Build scripts would run again for what Cargo tells this process about its package.
    let is_about_package = |name: &OsString| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
    };
    for name in std::env::vars_os().map(|(name, _)| name).filter(is_about_package) {
        cargo.env_remove(name);
    }
    let built = cargo.args(["build", "--locked", "--profile", "dist"]).status();
    assert!(built.unwrap().success(), "the build failed");
}

#[cfg(not(unix))]
fn main() {
    println!("the benchmarks run on Unix only");
}
