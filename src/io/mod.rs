//! The only module with side effects: files, git, the process environment, the network, the clock, the terminal.
#![expect(clippy::disallowed_methods, reason = "the only module with side effects")]

pub mod background;
pub mod certificate_error;
pub mod clock;
mod cloudflare;
pub mod config;
pub mod credentials;
pub mod debug_log;
pub mod demo_dir;
pub mod endpoint;
pub mod files;
pub mod git;
pub mod interrupt;
pub mod io_error_text;
mod os;
pub mod poll;
pub mod process;
pub mod railway;
pub mod railway_config_files;
pub mod random;
pub mod sim;
pub mod storage;
pub mod terminal;
mod watchdog;
pub mod world;
