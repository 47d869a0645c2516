//! Runs the rules, applies `doctor.toml` to their findings, and relates causes to consequences.

pub mod causes;
pub mod loader_conflicts;
pub mod policy;
pub mod run_rules;
pub mod service_status;
