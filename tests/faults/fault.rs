//! What a row is: a fault, and how a verb ends that meets it in each of its answers.

use crate::bad_responses::Answer;
use crate::certificate::Fit;
use crate::run::Watch;

/// A fault, and what comes of it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) fault: Fault,
    pub(crate) ends: Ends,
    /// `--timeout`, in milliseconds.
    pub(crate) limit: u64,
    /// Whether the memory is watched.
    pub(crate) watch: Watch,
    /// Which columns meet it in the ordinary tests; in the long ones all do.
    pub(crate) breadth: Breadth,
    /// The columns that end in another way.
    pub(crate) but: Vec<(&'static str, Ends)>,
}

/// How many columns meet a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    Every,
    Few,
}

/// Where it goes wrong.
pub(crate) enum Fault {
    /// In each answer.
    Answer(Answer),
    /// On the way there.
    Way(Way),
}

/// A way to Railway, through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Whose TLS has this certificate, of a root that is known or not.
    Tls(Fit, Root),
    /// Whose proxy's name nobody knows.
    NoName,
    /// On whose proxy's port nobody listens.
    NoPort,
    /// Whose proxy says this and makes no tunnel.
    Refuses(&'static str),
    /// Whose proxy says nothing.
    Silent,
    /// Without proxy, to a port on which nobody listens.
    Nobody,
}

/// Whether a certificate's root is one that the machine trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Known,
    Unknown,
    /// No root is known.
    None,
}

/// How a verb ends.
#[derive(Clone)]
pub(crate) enum Ends {
    /// As if nothing had gone wrong.
    AsEver,
    /// With this exit code; what it has done, it tells.
    Unproved { code: i32 },
    /// With this exit code, these words in its error, and everything as it was.
    Fails { code: i32, says: Vec<String> },
}

/// Enough for three tries, and too little for the wait before a fourth.
const THREE_TRIES: u64 = 1700;

/// As long as a whole fix takes, many times over.
pub(crate) const AMPLE: u64 = 30_000;

impl Row {
    pub(crate) fn fails(name: impl Into<String>, answer: Answer, code: i32, says: &[&str]) -> Self {
        let ends = Ends::Fails { code, says: says.iter().map(|&word| word.to_owned()).collect() };
        let fault = Fault::Answer(answer);
        Self {
            name: name.into(),
            fault,
            ends,
            limit: THREE_TRIES,
            watch: Watch::Nothing,
            breadth: Breadth::Every,
            but: Vec::new(),
        }
    }

    pub(crate) fn passes(name: impl Into<String>, answer: Answer) -> Self {
        Self { ends: Ends::AsEver, limit: AMPLE, ..Self::fails(name, answer, 0, &[]) }
    }

    pub(crate) fn way(name: &str, way: Way, says: &[&str]) -> Self {
        Self { fault: Fault::Way(way), ..Self::fails(name, Answer::usual(), 5, says) }
    }

    /// With that much time.
    pub(crate) fn within(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// With another exit code in these columns.
    pub(crate) fn but(self, columns: &[(&'static str, i32)]) -> Self {
        Self { but: columns.iter().map(|&(column, code)| (column, Ends::Unproved { code })).collect(), ..self }
    }

    /// For a few columns, because it is long, or a neighbour is so like it that the others learn nothing from it.
    pub(crate) fn thin(self) -> Self {
        Self { breadth: Breadth::Few, ..self }
    }

    /// With an eye on the memory.
    pub(crate) fn watched(self) -> Self {
        Self { watch: Watch::Memory, limit: 25_000, ..self.thin() }
    }
}
