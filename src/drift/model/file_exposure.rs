//! Who can access a file: its git status and its permissions.

/// Who can access a file in use. Symbolic links are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Its git status.
    pub git: Git,
    /// Its permission bits; `None` on systems without them.
    pub mode: Option<u32>,
    /// Who can read it.
    pub readers: Readers,
    /// The target of a symbolic link, as a user would type it.
    pub end: Option<String>,
}

/// The git status of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Git {
    /// It is in the index, regardless of ignore rules.
    Tracked,
    Ignored,
    /// The next `git add` of its directory would add it.
    NotIgnored,
    /// It is not in a repository.
    Outside,
    /// git failed; the reason without a full stop.
    Unknown(String),
}

/// Who can read a file, by its mode and those of its parent directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner, or the system has no modes.
    Owner,
    /// The members of its group.
    Group,
    /// All users of the machine.
    Everybody,
}
