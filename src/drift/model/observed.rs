//! What could be learned of a running service: some accounts, tokens and schemas do not tell everything.

/// One part of what there is to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Observed<T> {
    /// Nobody looked.
    #[default]
    NotRequested,
    /// Somebody looked, and it can't be told; why, as a sentence without full stop, scrubbed.
    Unavailable(String),
    /// This.
    Known(T),
}

impl<T> Observed<T> {
    /// It, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::NotRequested | Self::Unavailable(_) => None,
        }
    }

    /// Why it can't be told, if somebody looked.
    pub fn unavailable(&self) -> Option<&str> {
        match self {
            Self::Unavailable(why) => Some(why),
            Self::NotRequested | Self::Known(_) => None,
        }
    }

    /// Whether anybody looked.
    pub fn is_requested(&self) -> bool {
        !matches!(self, Self::NotRequested)
    }
}
