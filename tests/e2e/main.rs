//! What really goes over the wire, and what comes of answers that are none.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests touch the world, and stop at the first surprise"
)]

mod binary;
mod child_processes;
#[cfg(unix)]
mod debug_api;
mod documents;
mod endpoint;
mod env_file;
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
mod served_simulator;
mod server;
mod targets;
mod worlds;
