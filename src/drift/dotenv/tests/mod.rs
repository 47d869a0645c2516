//! Tests of the parser: entries and problems, disagreements between loaders, and arbitrary or large inputs.

mod disagreement;
mod robustness;
mod table;

use crate::drift::Secret;
use crate::drift::dotenv::LocalFile;

fn file(text: &str) -> LocalFile {
    LocalFile::parse(".env", Secret::new(text))
}

/// Returns `KEY=value` for each entry.
fn assignments(file: &LocalFile) -> Vec<String> {
    file.entries.iter().map(|entry| format!("{}={}", entry.key, entry.value.expose())).collect()
}
