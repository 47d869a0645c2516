//! An assignment as one loader reads it.

use std::ops::Range;

use crate::drift::Secret;

/// A key that a loader reads from a text. Offsets refer to the text that the loader was given.
#[derive(Clone, Debug)]
pub struct Binding {
    pub key: String,
    /// The value; `None` for a key without `=`, which python-dotenv accepts and leaves unset.
    pub value: Option<Secret>,
    /// The key as written.
    pub key_span: Range<usize>,
    /// The right-hand side as written, with quotes but without surrounding whitespace and comment.
    pub span: Range<usize>,
    /// The whole line or lines, with the final line end.
    pub statement: Range<usize>,
}
