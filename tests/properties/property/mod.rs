//! What holds for any bytes, one property for each part that reads strangers' text.
//!
//! `fuzz/` is built from this folder: a target of `cargo fuzz` calls the property of its name. The test beside it plays the
//! same properties with the seeds in `fuzz/corpus`, and with random texts.

#![expect(clippy::disallowed_methods, reason = "it makes worlds to run in, and reads the process environment")]

pub mod altered_responses;
pub mod cli_config;
pub mod doctor_toml;
mod dotenvy_oracle;
pub mod env_editor;
pub mod env_reader;
pub mod env_values;
pub mod names;
pub mod reasons;
pub mod references;
mod report_formats;
pub mod responses;
mod sandbox;

/// A property: panics if it does not hold.
pub type Property = fn(&[u8]);

/// Every property, by the name of its target and of its folder of seeds.
pub const PROPERTIES: [(&str, Property); 10] = [
    ("responses", responses::hold),
    ("altered_responses", altered_responses::hold),
    ("cli_config", cli_config::hold),
    ("doctor_toml", doctor_toml::hold),
    ("env_editor", env_editor::hold),
    ("env_reader", env_reader::hold),
    ("env_values", env_values::hold),
    ("names", names::hold),
    ("reasons", reasons::hold),
    ("references", references::hold),
];

/// What stands between the pieces of an input: a byte that no text has.
pub const SEPARATOR: u8 = 0xff;

/// The pieces of an input; those that are not there are empty. `None` if one is no text.
fn texts<const COUNT: usize>(data: &[u8]) -> Option<[&str; COUNT]> {
    let mut texts = [""; COUNT];
    for (text, piece) in texts.iter_mut().zip(data.splitn(COUNT, |byte| *byte == SEPARATOR)) {
        *text = std::str::from_utf8(piece).ok()?;
    }
    Some(texts)
}
