//! What Railway holds under one name.

use crate::drift::Secret;

/// A variable of a service, as Railway stores it. A name that is missing has no `Variable`; an empty one is
/// `Plain` with an empty value; the two are never confused with `Sealed` or `Unavailable`.
#[derive(Clone, Debug)]
pub enum Variable {
    /// A literal, possibly empty.
    Plain(Secret),
    /// Text with at least one `${{…}}` in it.
    Reference {
        /// As stored: `${{Postgres.DATABASE_URL}}`.
        template: Secret,
        /// What Railway renders it to; `None` if it returned nothing: most often the reference goes through something sealed.
        rendered: Option<Secret>,
    },
    /// Exists, and Railway never returns it: neither missing, nor empty, nor equal.
    Sealed,
    /// Exists and is not sealed, and Railway returned no value for it.
    Unavailable,
}

impl Variable {
    /// The value that a deployment would get, where it can be known.
    pub fn effective(&self) -> Option<&Secret> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Reference { rendered, .. } => rendered.as_ref(),
            Self::Sealed | Self::Unavailable => None,
        }
    }

    /// What is stored, as it is stored; `None` where Railway does not tell.
    pub fn stored(&self) -> Option<&Secret> {
        match self {
            Self::Plain(text) | Self::Reference { template: text, .. } => Some(text),
            Self::Sealed | Self::Unavailable => None,
        }
    }

    /// The stored text, if it holds a reference.
    pub fn template(&self) -> Option<&Secret> {
        match self {
            Self::Reference { template, .. } => Some(template),
            Self::Plain(_) | Self::Sealed | Self::Unavailable => None,
        }
    }

    /// Whether the value is unknown: sealed, rendered through something sealed, or unavailable.
    pub fn is_unknown(&self) -> bool {
        self.effective().is_none()
    }
}
