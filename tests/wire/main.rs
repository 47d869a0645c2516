//! What really goes over the wire, and what comes of answers that are none.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests touch the world, and stop at the first surprise"
)]

mod ahead;
#[cfg(unix)]
mod debug_api;
mod doctor;
mod endpoint;
mod exits;
mod hook;
mod hostile;
mod kept;
mod keyring;
mod leaks;
mod leftovers;
mod manual;
mod matrix;
mod paths;
mod programs;
mod readme;
mod real;
mod served;
mod support;
mod targets;
mod worlds;
