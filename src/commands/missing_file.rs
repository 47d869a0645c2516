//! How a command treats a default `.env` that does not exist.

use crate::cli::NoFileArgs;

/// How a missing default `.env` is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingFile {
    /// As an error.
    Refused,
    /// As in [`MissingFile::Optional`], unless the main worktree has the file: it is read instead in a linked worktree, and
    /// never written.
    InMainWorktree,
    /// The run does without a file if `doctor.toml` or a template declares keys. Otherwise, it is an error.
    Optional,
    /// No file is read, even if there is one.
    Excluded,
    /// No default file is read, and no key has to be declared: the run is only about Railway.
    Unneeded,
    /// As an empty file, for a command that is about to fill it.
    Empty,
    /// As in [`MissingFile::Empty`]. The run creates the file, so without a template any service may have keys for it.
    Created,
}

impl MissingFile {
    /// Returns how a missing file is treated with the flag `--no-env-file`, if it is set.
    pub(crate) fn unless_excluded(self, flag: &NoFileArgs) -> Self {
        if flag.no_env_file { Self::Excluded } else { self }
    }

    /// Returns whether the file of the main worktree is read instead, if this is a linked worktree.
    pub(crate) fn reads_main_worktree(self) -> bool {
        match self {
            Self::InMainWorktree => true,
            Self::Refused | Self::Optional | Self::Excluded | Self::Unneeded | Self::Empty | Self::Created => false,
        }
    }

    /// Returns whether a file that is in no worktree is an error, if nothing is declared.
    pub(crate) fn is_refused(self) -> bool {
        matches!(self, Self::Refused | Self::InMainWorktree | Self::Optional)
    }

    /// Returns whether the run can do without a file. Then a template that is named like a file declares keys, and has no
    /// values.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::InMainWorktree | Self::Optional | Self::Excluded)
    }
}
