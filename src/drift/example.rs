//! Files that show which keys a `.env` needs.

use crate::drift::local::LocalFile;

/// How the name of an example ends, in the order in which they are looked for.
pub const ENDINGS: [&str; 3] = [".example", ".sample", ".template"];

/// An example that lies in the folder of files in use.
#[derive(Debug)]
pub struct Example {
    /// What it says.
    pub file: LocalFile,
    /// The files in use in its folder: indexes into [`crate::drift::Survey::files`].
    pub beside: Vec<usize>,
}

/// Whether the name is that of an example.
pub fn is_example(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}
