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

mod answer;
mod cell;
mod certificate;
mod checkout;
mod column;
mod crowd;
mod every;
mod killed;
mod leaks;
mod limits;
mod machine;
mod mark;
mod midway;
mod multiplexed;
mod pairs;
mod row;
mod rows;
mod server;
mod silence;
mod stage;
mod verdict;
mod way;
