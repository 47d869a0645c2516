//! The reader's tests: what is read, where loaders part, and that no input is too much.

mod disagreement;
mod robustness;
mod table;

use crate::drift::Secret;
use crate::drift::dotenv::LocalFile;

/// A file of that text.
fn file(text: &str) -> LocalFile {
    LocalFile::parse(".env", Secret::new(text))
}

/// `KEY=value` for each entry.
fn assignments(file: &LocalFile) -> Vec<String> {
    file.entries.iter().map(|entry| format!("{}={}", entry.key, entry.value.expose())).collect()
}
