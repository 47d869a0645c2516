//! Variables as Railway stores them.

use crate::drift::Secret;

/// A variable of a service, as Railway stores it. A missing variable has no `Variable`, and an empty one is `Plain`
/// with an empty value; neither is ever `Sealed` or `Unavailable`.
#[derive(Clone, Debug)]
pub enum Variable {
    /// A literal, possibly empty.
    Plain(Secret),
    /// Text that contains at least one `${{…}}`.
    Reference {
        /// As stored: `${{Postgres.DATABASE_URL}}`.
        template: Secret,
        /// The rendered value; `None` if Railway returned none, usually because a referenced variable is sealed.
        rendered: Option<Secret>,
    },
    /// Exists, but Railway never returns the value: neither missing, nor empty, nor equal.
    Sealed,
    /// Exists and is not sealed, but Railway returned no value.
    Unavailable,
}

impl Variable {
    /// Returns the value that a deployment would get, if it is known.
    pub fn effective(&self) -> Option<&Secret> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Reference { rendered, .. } => rendered.as_ref(),
            Self::Sealed | Self::Unavailable => None,
        }
    }

    /// Returns the stored text; `None` if Railway does not return it.
    pub fn stored(&self) -> Option<&Secret> {
        match self {
            Self::Plain(text) | Self::Reference { template: text, .. } => Some(text),
            Self::Sealed | Self::Unavailable => None,
        }
    }

    /// Returns the stored text if it contains a reference.
    pub fn template(&self) -> Option<&Secret> {
        match self {
            Self::Reference { template, .. } => Some(template),
            Self::Plain(_) | Self::Sealed | Self::Unavailable => None,
        }
    }

    /// Returns whether the value is unknown: sealed, rendered from a sealed variable, or unavailable.
    pub fn is_unknown(&self) -> bool {
        self.effective().is_none()
    }
}
