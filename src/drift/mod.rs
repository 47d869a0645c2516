//! The analysis: compares both sides and returns findings. It uses no files, clock, network or process environment.

pub mod command_line;
pub mod compare;
pub mod comparison;
pub mod config_as_code;
pub mod declared_state;
pub mod dotenv;
pub mod engine;
pub mod example_file;
pub mod expansion;
pub mod expected_differences;
pub mod file_exposure;
pub mod generated_value;
#[cfg(test)]
mod incident_tests;
pub mod indirect;
pub mod key_holders;
pub mod leak;
pub mod matrix;
pub mod missing_keys;
pub mod model;
pub mod needs;
pub mod new_value;
pub mod phrases;
pub mod placeholder;
pub mod plan;
pub mod process_control_names;
pub mod pull;
pub mod reason;
pub mod redact;
pub mod reference;
pub mod reference_state;
pub mod rotation;
pub mod rules;
pub mod runtime;
pub mod secret_like;
pub mod service_scope;
pub mod similarity;
pub mod stale_evidence;
pub mod start_command_source;
pub mod suggest;
pub mod survey;
pub mod suspicious_values;
pub mod system_variables;
#[cfg(test)]
pub(crate) mod test_support;
pub mod token_identity;
pub mod trace;
pub mod variable_times;

pub use crate::drift::model::finding::Finding;
pub use crate::drift::model::resource::ResourceRef;
pub use crate::drift::model::secret::Secret;
pub use crate::drift::model::severity::Severity;
pub use crate::drift::model::variable::Variable;
pub use crate::drift::survey::{Survey, Target};
