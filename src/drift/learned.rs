//! What could be learned of a running service: some accounts, tokens and schemas do not tell everything.

/// One part of what there is to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Learned<T> {
    /// Nobody looked.
    #[default]
    NotLooked,
    /// Somebody looked, and it can't be told; why, as a sentence without full stop, scrubbed.
    Untold(String),
    /// This.
    Known(T),
}

impl<T> Learned<T> {
    /// It, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::NotLooked | Self::Untold(_) => None,
        }
    }

    /// Why it can't be told, if somebody looked.
    pub fn untold(&self) -> Option<&str> {
        match self {
            Self::Untold(why) => Some(why),
            Self::NotLooked | Self::Known(_) => None,
        }
    }

    /// Whether anybody looked.
    pub fn is_looked_for(&self) -> bool {
        !matches!(self, Self::NotLooked)
    }
}
