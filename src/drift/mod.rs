//! The thinking: both sides in, findings out. Pure: no files, no clock, no network, no process environment.

pub mod absence;
pub mod check;
pub mod command_line;
pub mod command_source;
pub mod comparison;
pub mod config_as_code;
mod credential_shape;
pub mod declared;
mod decoded_text;
pub mod deployment;
pub mod dispute;
pub mod draft;
mod escape_sequence;
pub mod examine;
pub mod example;
pub mod exposure;
pub mod finding;
pub mod follow;
mod form;
pub mod identity;
#[cfg(test)]
mod incident;
pub mod indirect;
mod known_values;
pub mod leak;
pub mod learned;
pub mod likeness;
pub mod live;
pub mod local;
pub mod matrix;
pub mod nature;
pub mod oddity;
pub mod placeholder;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod receipt;
pub mod reference;
pub mod rule;
#[cfg(test)]
pub(crate) mod scene;
pub mod scope;
pub mod scrub;
#[cfg(test)]
mod scrub_forms;
pub mod secret;
pub mod secret_like;
pub mod sentence;
pub mod setting;
pub mod staged;
pub mod stale;
pub mod steering;
pub mod survey;
pub mod system;
pub mod times;
pub mod variable;

pub use finding::{Finding, Severity};
pub use secret::Secret;
pub use survey::{Named, Survey, Target};
pub use variable::Variable;
