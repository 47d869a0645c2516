//! The exit codes.

/// How a run ends. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Compared, with no finding at or above `--fail-on`.
    Clean,
    /// Findings at or above `--fail-on`.
    Findings,
    /// The command line, a configuration or a file is invalid.
    Usage,
    /// Nothing was compared.
    NothingCompared,
    /// No credentials, or not the right ones.
    Credentials,
    /// Railway could not be reached, or its response can't be used.
    Unreachable,
    /// A fix was applied in part, or met a conflict.
    Partial,
    /// A fix was stored, but something else is running.
    Disproved,
    /// A fix was stored, and whether it is running is unknown at the time limit.
    Inconclusive,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// Returns the process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::NothingCompared => 3,
            Self::Credentials => 4,
            Self::Unreachable => 5,
            Self::Partial => 6,
            Self::Disproved => 7,
            Self::Inconclusive => 8,
            Self::Interrupted => 130,
        }
    }
}
