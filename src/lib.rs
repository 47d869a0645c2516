//! The library behind the `doctor` program, which compares the variables of Railway services with the local `.env` and
//! fixes the differences, without showing values.
//!
//! Programs should call the binary. [Semantic Versioning](https://semver.org) covers its flags, its exit codes and the
//! output of `--format json` (`doctor schema report` prints the schema). In this library, it covers only [`run`] and
//! [`Exit`]. The modules are public for the tests and may change in any release.
//!
//! The modules, and which modules they may use (`tests/architecture/main.rs` checks this):
//!
//! ```text
//! cli        flags and help texts                                                   →  report, drift
//! commands   one module per command: reads input, calls drift, prints the result   →  cli, drift, report, io
//! drift      the analysis, without input or output: both sides in, findings out
//! report     output formats: a report in, text out                                  →  drift
//! io         files, network, terminal, keyring, git                                 →  drift
//! error      the errors and exit codes; used by all
//! messages   (tests only) the table of all messages
//! ```
//!
//! Terms:
//!
//! - A *target* is one service in one environment, with the `.env` layers that should agree with it.
//! - A variable is *stored* (as a literal, or as a *reference* to another variable) and *rendered* (with its references
//!   replaced). The value of a *sealed* variable is never returned by Railway.
//! - A *survey* contains both sides of every target.
//! - A *finding* is one problem that a *rule* detected.
//! - The *transport* sends one HTTP request to Railway.
//! - The *world* is everything that the process can access: streams, files, network, clock.

use std::process::ExitCode;

pub use crate::error::Exit;

// docs.rs shows only the stable items; a local build documents the modules as well.
#[cfg_attr(docsrs, doc(hidden))]
pub mod cli;
#[cfg_attr(docsrs, doc(hidden))]
pub mod commands;
#[cfg_attr(docsrs, doc(hidden))]
pub mod drift;
#[cfg_attr(docsrs, doc(hidden))]
pub mod error;
#[cfg_attr(docsrs, doc(hidden))]
pub mod io;
#[cfg(test)]
mod messages;
#[cfg_attr(docsrs, doc(hidden))]
pub mod report;

/// Runs the command that the arguments of this process select, and returns the exit code, which is that of an [`Exit`].
///
/// Installs a Ctrl-C handler and a panic hook, so it must be called only once.
pub fn run() -> ExitCode {
    io::process::run(commands::run)
}
