//! Every fault times every verb, by the binary itself: the exit code, the words, and that nothing is lost.
//!
//! One row is a fault, one column a verb; [`every`] plays each cell against a server that talks raw TCP or TLS and has
//! a simulated Railway behind it. [`midway`] strikes inside a fix, step by step.
#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests touch the world, and stop at the first surprise"
)]

mod assertions;
mod bad_responses;
mod certificate;
mod commands;
mod concurrent_runs;
mod every_fault;
mod fault;
mod fault_table;
mod fixture;
mod hostile_checkout;
mod http2;
mod killed;
mod leak_scan;
mod leaks;
mod limits;
mod markers;
mod mid_fix;
mod network_faults;
mod parallel;
mod run;
mod server;
mod small_machine;
