//! What a cell of the matrix can show.

/// What the three sides of one key on one service come to. The order is from the worst to look at to nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The file and Railway differ, and the running deployment has an older value still.
    DiffersStale,
    /// The file and Railway hold different values.
    Differs,
    /// The running deployment has another value than is stored.
    Stale,
    /// It may have; only times could be compared.
    PossiblyStale,
    /// Railway stores a reference that leads nowhere.
    Dangling,
    /// Required, and neither in a file nor on Railway.
    Missing,
    /// In the file alone.
    MissingOnRailway,
    /// The variable is not sealed, and Railway returned no value.
    Unavailable,
    /// A reference renders to something else than the file holds.
    ReferenceDiffers,
    /// They differ, and the difference is expected.
    ExpectedDifference,
    /// Railway does not tell the value.
    Sealed,
    /// One side refers to a value kept elsewhere.
    Indirect,
    /// On Railway alone.
    MissingLocally,
    /// The service could not be read.
    Unreadable,
    /// There is a difference, and `doctor.toml` does not want to hear of it.
    Ignored,
    /// Equal, by way of a reference.
    Reference,
    /// Equal.
    Equal,
    /// On neither side, and nobody misses it.
    Absent,
}

/// How a mark is shown.
#[derive(Clone, Copy, Debug)]
pub struct Marker {
    /// The mark.
    pub mark: Mark,
    /// One column wide.
    pub symbol: &'static str,
    /// The same as a word or two.
    pub word: &'static str,
    /// The word for programs; a promise.
    pub state: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl Marker {
    /// The marker of that mark; its fields in their order.
    pub const fn new(
        mark: Mark,
        symbol: &'static str,
        word: &'static str,
        state: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self { mark, symbol, word, state, meaning }
    }
}

impl Mark {
    /// Whether there is nothing to tell: equal, or nothing to be equal.
    pub fn is_quiet(self) -> bool {
        matches!(self, Self::Reference | Self::Equal | Self::Absent)
    }
}
