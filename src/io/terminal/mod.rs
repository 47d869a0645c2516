//! The terminal: prompts, status lines, progress.

pub mod progress;
pub mod progress_row;
pub mod prompt;
pub mod status;
pub mod stream;
pub(in crate::io) mod text_width;
pub mod workflow_commands;
