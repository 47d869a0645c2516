//! The thinking: both sides in, findings out. Pure: no files, no clock, no network, no process environment.

pub mod finding;
pub mod local;
pub mod policy;
pub mod rule;
pub mod secret;
pub mod survey;
pub mod variable;

pub use finding::{Finding, Severity};
pub use secret::Secret;
pub use survey::{Named, Survey, Target};
pub use variable::Variable;
