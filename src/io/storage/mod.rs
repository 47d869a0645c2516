//! The state that `doctor` keeps between runs.

mod cache_slot;
pub mod hook_cache;
pub mod id_cache;
pub mod journal;
pub(in crate::io) mod state_dir;
pub mod trust_store;
