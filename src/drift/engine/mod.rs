//! Runs the rules, applies `doctor.toml` to their findings, merges findings about one fault, and relates causes to
//! consequences.

pub mod baseline;
pub mod causes;
pub mod ignored;
pub mod loader_conflicts;
mod overlaps;
pub mod policy;
pub mod run_rules;
pub mod service_status;
