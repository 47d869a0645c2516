//! How a file is kept: what git and the system say about it.

/// How a file in use is kept. Links are followed: it is about the file at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// What git makes of it.
    pub git: Git,
    /// Its permission bits; `None` on a system without them.
    pub mode: Option<u32>,
    /// Who can read it.
    pub readers: Readers,
    /// Where it really is, as a person would type it, if links lead there.
    pub end: Option<String>,
}

/// What git makes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Git {
    /// It is in the index, whatever the ignore rules say.
    Tracked,
    /// The ignore rules keep it out.
    Ignored,
    /// The next `git add` of its folder takes it along.
    NotIgnored,
    /// It lies in no repository.
    Outside,
    /// git could not be asked: why, without full stop.
    Unknown(String),
}

/// Who can read a file, by its own mode and those of the folders above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone, or the system has no modes to look at.
    Owner,
    /// The members of its group.
    Group,
    /// Every user of the machine.
    Everybody,
}
