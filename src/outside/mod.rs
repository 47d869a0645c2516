//! The only room that touches the world: files, git, the process environment, the network, the clock, the terminal.
#![expect(clippy::disallowed_methods, reason = "this is where doctor meets the world")]

pub mod ask;
pub mod checkout;
pub mod clock;
mod columns;
pub mod config;
pub mod credentials;
pub mod debug_log;
pub mod endpoint;
pub mod exposure;
pub mod files;
pub mod git;
pub mod gitignore;
pub mod hooks;
pub mod interrupt;
pub mod journal;
pub mod keyring;
pub mod process;
pub mod provenance;
pub mod railway;
pub mod recent;
pub mod remembered;
pub mod row;
pub mod screen;
pub mod sim;
pub mod stage;
mod state;
mod system;
pub mod talk;
pub mod trusted;
mod watchdog;
pub mod workflow_commands;
pub mod world;
