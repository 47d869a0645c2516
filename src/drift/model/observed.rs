//! Data that may be unavailable: not every account, token and schema provides everything.

/// Data that may not have been requested, or may be unavailable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Observed<T> {
    #[default]
    NotRequested,
    /// It is unavailable; the reason as a redacted sentence without a full stop.
    Unavailable(String),
    Known(T),
}

impl<T> Observed<T> {
    /// Returns the data if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::NotRequested | Self::Unavailable(_) => None,
        }
    }

    /// Returns why it is unavailable.
    pub fn unavailable(&self) -> Option<&str> {
        match self {
            Self::Unavailable(reason) => Some(reason),
            Self::NotRequested | Self::Known(_) => None,
        }
    }

    pub fn is_requested(&self) -> bool {
        !matches!(self, Self::NotRequested)
    }
}
