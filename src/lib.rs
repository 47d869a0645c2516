//! `doctor`, the config-drift doctor for Railway: compares each service's variables with the local `.env`, says what is
//! wrong and why without showing a value, and what to type next.
//!
//! It is a program: [`run`] is all of it, and [`Exit`] is how it ends. Other programs call the binary, whose flags, exit codes
//! and `--format json` (with its schema, `doctor schema report`) are what [Semantic Versioning](https://semver.org) covers.
//! Of this library that is these two items; the modules are for its own tests, and may change in any release.
//!
//! Four rooms, and who may know whom (`tests/architecture/main.rs` holds every file to it):
//!
//! ```text
//! command  →  drift, report, outside     the verbs, each a straight list of steps
//! outside  →  drift                      the only room that touches the world
//! report   →  drift                      the saying: a report in, bytes out
//! drift                                  the thinking: both sides in, findings out
//! ```
//!
//! The words: a *target* is one service of one environment and the `.env` layers that should agree with it; its variables
//! are *stored* (perhaps as a *reference*) and *rendered*, or *sealed* and unknowable; a *survey* is both sides of every
//! target; a *finding* is one thing that is wrong under a *rule*; the *wire* is one POST to Railway; the *world* is
//! everything that `doctor` can touch.

use std::process::ExitCode;

pub use crate::error::Exit;

// Published documentation shows the surface that is promised; here the rooms are shown, too.
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
#[cfg_attr(docsrs, doc(hidden))]
pub mod report;

/// Does what this process's arguments say, in the real world: standard streams, files, network, keyring.
///
/// The code is that of an [`Exit`]. Takes over Ctrl-C and the panic hook, so it is to be called once.
pub fn run() -> ExitCode {
    io::process::run(commands::run)
}
