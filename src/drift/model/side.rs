//! One side of a comparison.

use crate::drift::model::secret::Secret;
use crate::drift::model::variable::Variable;

/// The value of a key on one side: in a file, on Railway, or in a running deployment.
#[derive(Clone, Copy, Debug)]
pub enum SideValue<'s> {
    /// A literal: an assignment in a file, or a value that a deployment was created with.
    Text(&'s Secret),
    /// A variable as Railway stores it.
    Stored(&'s Variable),
}

impl<'s> SideValue<'s> {
    /// Returns the text as written or stored; `None` if Railway does not return it.
    pub fn text(self) -> Option<&'s Secret> {
        match self {
            Self::Text(text) => Some(text),
            Self::Stored(variable) => variable.stored(),
        }
    }

    /// Returns the value that a process gets; `None` if it is unknown.
    pub fn effective(self) -> Option<&'s Secret> {
        match self {
            Self::Text(text) => Some(text),
            Self::Stored(variable) => variable.effective(),
        }
    }

    /// Returns the stored template, if the value comes from a reference.
    pub fn template(self) -> Option<&'s Secret> {
        match self {
            Self::Text(_) => None,
            Self::Stored(variable) => variable.template(),
        }
    }
}
