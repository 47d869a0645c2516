//! What one loader makes of one statement.

use std::ops::Range;

use crate::drift::Secret;

/// A key that a loader takes from a text. Offsets are those of the text that the loader was given.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The key.
    pub key: String,
    /// The value; `None` for a key without `=`, which python-dotenv takes and then leaves unset.
    pub value: Option<Secret>,
    /// The key as written.
    pub key_span: Range<usize>,
    /// The right-hand side as written, quotes included, without surrounding blanks and comment.
    pub span: Range<usize>,
    /// The whole line or lines, with the last one's end.
    pub statement: Range<usize>,
}
