//! Refuses to write files of variables that must not be written.

use std::path::Path;

use crate::drift::example_file::is_template;
use crate::drift::model::file_exposure::{Exposure, Git};
use crate::error::Error;
use crate::io::files::{self, ReadAccess, ResolvedFile};

/// Whether values may go into files that are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// `--allow-tracked`.
    Allowed,
    /// Never.
    Refused,
}

impl Committed {
    /// What the flag says.
    pub(crate) fn of(allow_tracked: bool) -> Self {
        if allow_tracked { Self::Allowed } else { Self::Refused }
    }
}

/// Why a file is not written, and what to do instead.
#[derive(Clone, Debug)]
pub(crate) struct GuardedFile {
    /// How reports name the file.
    pub(crate) name: String,
    /// Why; no full stop.
    pub(crate) why: String,
    next: String,
}

impl GuardedFile {
    /// One sentence without full stop.
    pub(crate) fn sentence(&self) -> String {
        format!("{} is not written: {}", self.name, self.why)
    }
}

impl From<GuardedFile> for Error {
    fn from(refused: GuardedFile) -> Self {
        Self::Write { path: refused.name, cause: refused.why, help: refused.next }
    }
}

/// A file that values are to be written into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteTarget<'f> {
    /// Where it was named.
    pub(crate) path: &'f Path,
    /// How reports name it.
    pub(crate) name: &'f str,
    /// Where it really is.
    pub(crate) place: &'f ResolvedFile,
    /// Who can read it.
    pub(crate) exposure: &'f Exposure,
}

/// Why no value is written into that file; `None` where it may be.
pub(crate) fn refusal(target: WriteTarget<'_>, committed: Committed) -> Option<GuardedFile> {
    let WriteTarget { path, name, place, exposure } = target;
    let refused = |why: String, next: &str| Some(GuardedFile { name: name.to_owned(), why, next: next.to_owned() });
    if place.access == ReadAccess::Once {
        return refused(
            "it is read only once, and nothing can be written back".to_owned(),
            "name a file with `--env-file PATH`",
        );
    }
    if files::is_read_only(&place.end) {
        return refused(
            "it is read-only".to_owned(),
            "make it writable first, or name another file with `--env-file PATH`",
        );
    }
    if committed == Committed::Allowed {
        return None;
    }
    let by_name = |path: &Path| path.file_name().is_some_and(|name| is_template(&name.to_string_lossy()));
    let next = "name a file that git ignores with `--env-file PATH`, or add `--allow-tracked` to write it all the same";
    if by_name(path) || by_name(&place.end) {
        return refused("by its name it is a template, which is committed without values".to_owned(), next);
    }
    match &exposure.git {
        Git::Tracked => refused("git tracks it, and the next commit would contain the values".to_owned(), next),
        Git::Unknown(why) => refused(format!("whether git tracks it is not known: {why}"), next),
        Git::Ignored | Git::NotIgnored | Git::Outside => None,
    }
}
