//! End-to-end tests: the `doctor` binary and its HTTP client against a simulated Railway on a loopback socket.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests use files, processes and the clock, and stop at the first failure"
)]

mod binary;
mod child_processes;
mod compare;
#[cfg(unix)]
mod debug_api;
mod documents;
mod endpoint;
mod env_file;
#[path = "../shared/error_lines.rs"]
mod error_lines;
mod exit_codes;
mod hook;
mod hostile;
mod http_client;
mod interrupted_pull;
mod keyring;
mod leaks;
mod man_pages;
mod matrix;
mod paths;
mod prefetch;
mod rotate;
#[cfg(unix)]
mod rotate_prompt;
mod served_simulator;
mod server;
mod targets;
#[cfg(unix)]
#[path = "../shared/test_each.rs"]
mod test_each;
mod trace;
mod worlds;
