//! The marks of matrix cells.

/// The result for one key on one service, from file, Railway and running deployment. Ordered from worst to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The file and Railway differ, and the running deployment has an even older value.
    DiffersStale,
    /// The file and Railway have different values.
    Differs,
    /// The running deployment has another value than the stored one.
    Stale,
    /// The running deployment may have another value; only times could be compared.
    PossiblyStale,
    /// Railway stores a dangling reference.
    Dangling,
    /// Needed, but missing from both the file and Railway.
    Missing,
    /// In the file, and missing on Railway.
    MissingOnRailway,
    /// Needed, but empty on Railway.
    EmptyOnRailway,
    /// Required, and different from the value of another service; there is no file to compare it with.
    Disagrees,
    /// The variable is not sealed, and Railway returned no value.
    Unavailable,
    /// A reference renders to another value than the file has.
    ReferenceDiffers,
    /// Empty in the file.
    EmptyLocally,
    /// They differ, and the difference is expected.
    ExpectedDifference,
    /// Railway does not return the value.
    Sealed,
    /// One side refers to a value kept elsewhere.
    Indirect,
    /// Only on Railway.
    MissingLocally,
    /// An `[[across]]` entry is not met.
    AcrossViolated,
    /// Both environments have the same secret.
    SharedSecret,
    /// Both environments lead to the same database, cache or bucket.
    SharedBackend,
    /// Only the first environment has the key.
    OnlyLeft,
    /// Only the second environment has the key.
    OnlyRight,
    /// Sealed in the first environment, and missing in the second.
    SealedNotCopied,
    /// A reference in one environment and a literal in the other.
    ReferenceAndLiteral,
    /// Different references.
    OtherReference,
    /// Sealed in the first environment only.
    SealedLeft,
    /// Sealed in the second environment only.
    SealedRight,
    /// Sealed in both environments.
    SealedBoth,
    /// The two environments have different values, which is normal.
    OtherValue,
    /// The service could not be read.
    Unreadable,
    /// A difference that `doctor.toml` ignores.
    Ignored,
    /// Equal, through a reference.
    Reference,
    Equal,
    /// The same reference in both environments.
    SameReference,
    /// The same value in both environments.
    SameValue,
    /// On the service; there is no file to compare it with.
    Set,
    /// The service exists in one of the two environments only.
    Unpaired,
    /// Not on the service, and nothing declares that it should be.
    NotSet,
}

/// How a mark is shown.
#[derive(Clone, Copy, Debug)]
pub struct Marker {
    pub mark: Mark,
    /// One column wide.
    pub symbol: &'static str,
    /// The label, one or two words.
    pub word: &'static str,
    /// The stable name for programs.
    pub state: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl Marker {
    /// Creates a marker from its fields, in order.
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
    /// Returns whether there is nothing to report: equal, set without a file, or not on the service.
    pub fn is_quiet(self) -> bool {
        matches!(
            self,
            Self::Reference
                | Self::Equal
                | Self::SameReference
                | Self::SameValue
                | Self::Set
                | Self::Unpaired
                | Self::NotSet
        )
    }
}
