//! How fast it is: every figure of `BENCHMARKS.md` in one run, beside what it is held against.
//!
//! `cargo bench` takes a few minutes and prints the tables; `cargo bench -- --quick` only sees that the figures can be taken.
#![expect(clippy::print_stdout, reason = "its tables are for people")]
#![cfg_attr(
    unix,
    expect(
        clippy::disallowed_methods,
        clippy::unwrap_used,
        reason = "it measures the world, and stops at the first surprise"
    )
)]

#[cfg(unix)]
mod checks;
#[cfg(unix)]
mod curl;
#[cfg(unix)]
mod large;
#[cfg(unix)]
mod lines;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod place;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod table;

/// How often each figure is taken.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// So often that the median says something.
    Full,
    /// Once: it only shows that it can be done.
    Quick,
}

/// Takes figures and prints them.
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
            // Cargo says what it is doing.
            "--bench" => (),
            part => parts.push(part.to_owned()),
        }
    }
    let all: [(&str, Part); 5] = [
        ("requests", checks::requests),
        ("latency", checks::latency),
        ("small", start::figures),
        ("large", large::figures),
        ("lines", lines::figures),
    ];
    println!("{}", table::machine());
    for (name, figures) in all {
        if parts.is_empty() || parts.iter().any(|part| part == name) {
            figures(effort);
        }
    }
}

#[cfg(not(unix))]
fn main() {
    println!("what a program took is counted on Unix only");
}
