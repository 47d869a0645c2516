//! The data types of the analysis. They do not depend on the rest of `drift`.

pub mod catalogue;
pub mod cause;
pub mod deployed_variables;
pub mod deployment;
pub mod file_exposure;
pub mod finding;
pub mod fix;
pub mod marker;
pub mod observed;
pub mod receipt;
pub mod resource;
pub mod rule;
pub mod secret;
pub mod service_settings;
pub mod severity;
pub mod side;
pub mod staged_changes;
pub mod variable;
pub mod variable_times;
