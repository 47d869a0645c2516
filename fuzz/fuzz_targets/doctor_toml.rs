//! Any text as `doctor.toml`: understood, or refused in three lines that hold nothing a terminal obeys.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use railway_doctor::drift::rule::RULES;
use railway_doctor::outside::config::{self, Choice};
use railway_doctor::report::escape;

fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder").keep())
}

fuzz_target!(|text: &str| {
    std::fs::write(folder().join("doctor.toml"), text).expect("the temporary folder can be written");
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    match config::load(&Choice::Nearest, folder(), &rules) {
        Ok(Some(_)) => {}
        Ok(None) => panic!("the file is there"),
        Err(error) => {
            for line in [Some(error.to_string()), error.because(), Some(error.next())].into_iter().flatten() {
                assert!(!escape::line(&line).contains(char::is_control));
            }
        }
    }
});
