//! Properties that hold for any bytes, one for each parser of untrusted text.
//!
//! `fuzz/` is built from this directory: a target of `cargo fuzz` checks the property with its name. The tests check
//! the same properties with the seeds in `fuzz/corpus`, and with random texts.

#![expect(clippy::disallowed_methods, reason = "creates directories to run in, and reads the process environment")]

pub mod altered_responses;
pub mod baselines;
pub mod cli_config;
pub mod doctor_toml;
mod dotenvy_oracle;
pub mod env_editor;
pub mod env_reader;
pub mod env_values;
pub mod names;
pub mod occurrences;
pub mod planner;
pub mod pushed_refs;
pub mod reasons;
pub mod references;
mod report_formats;
pub mod responses;
mod sandbox;
mod values;

/// Panics if the property does not hold for the input.
pub type Property = fn(&[u8]);

/// Every property, by the name of its fuzz target and of its directory of seeds.
pub const PROPERTIES: [(&str, Property); 14] = [
    ("responses", responses::check),
    ("altered_responses", altered_responses::check),
    ("baselines", baselines::check),
    ("cli_config", cli_config::check),
    ("doctor_toml", doctor_toml::check),
    ("env_editor", env_editor::check),
    ("env_reader", env_reader::check),
    ("env_values", env_values::check),
    ("names", names::check),
    ("occurrences", occurrences::check),
    ("planner", planner::check),
    ("pushed_refs", pushed_refs::check),
    ("reasons", reasons::check),
    ("references", references::check),
];

/// Separates the pieces of an input; this byte never occurs in UTF-8.
pub const SEPARATOR: u8 = 0xff;

/// The pieces of an input, empty if missing. `None` if one is not UTF-8.
fn texts<const COUNT: usize>(data: &[u8]) -> Option<[&str; COUNT]> {
    let mut texts = [""; COUNT];
    for (text, piece) in texts.iter_mut().zip(data.splitn(COUNT, |byte| *byte == SEPARATOR)) {
        *text = std::str::from_utf8(piece).ok()?;
    }
    Some(texts)
}
