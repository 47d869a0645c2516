//! Whole runs in process: the real verbs against the simulated Railway, on a clock that jumps, with a person who answers
//! as a test wants.
#![expect(clippy::disallowed_methods, reason = "tests touch the world")]

mod add;
mod agreement;
mod ahead;
mod asked;
mod auth;
mod batches;
mod build_logs;
mod comparison;
mod complete;
mod config_files;
mod deploy;
mod disasters;
mod errors;
mod faults;
mod fix;
mod formats;
mod guesses;
mod hook;
mod hook_files;
mod hook_leaks;
mod indirect;
mod init;
mod init_refused;
mod links;
mod manual;
mod matrix;
mod only;
mod pieces;
mod printed;
mod programs;
mod pull;
mod random_worlds;
mod redeploy;
mod running;
mod sandbox;
mod schema;
mod seen;
mod skipped;
mod target_sources;
mod tracing;
mod trust;
mod unclear;
mod undo;
mod workflow_commands;
