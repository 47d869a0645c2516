//! Runs the binary with every combination of a fault and a command: checks the exit code, the error, and that no data
//! is lost.
//!
//! [`every_fault`] runs each combination against a server that speaks raw TCP or TLS, backed by a simulated Railway.
//! [`mid_fix`], [`mid_rotation`] and [`mid_run`] inject faults into each step of a run that changes something.
#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests use files and processes, and stop at the first failure"
)]

mod assertions;
mod bad_responses;
mod certificate;
mod commands;
mod concurrent_runs;
#[path = "../shared/error_lines.rs"]
mod error_lines;
mod every_fault;
mod fault;
mod fault_table;
mod fixture;
mod hostile_checkout;
mod http2;
mod killed;
mod killed_rotation;
mod large_environments;
mod leak_scan;
mod leaks;
mod limits;
mod markers;
mod mid_fix;
mod mid_rotation;
mod mid_run;
mod network_faults;
mod parallel;
mod run;
mod server;
mod small_machine;
#[path = "../shared/test_each.rs"]
mod test_each;
mod time_limit;
