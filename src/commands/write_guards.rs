//! Refuses to write env files that must not be written.

use std::path::Path;

use crate::drift::example_file::is_template;
use crate::drift::model::file_exposure::{Exposure, Git};
use crate::error::Error;
use crate::io::files::{self, ReadAccess, ResolvedFile};

/// Why a template is not written.
pub(crate) const TEMPLATE_NAME: &str = "its name marks it as a template, which is committed without values";

/// Whether values may be written to files that are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// `--allow-tracked`.
    Allowed,
    /// Never.
    Refused,
}

impl Committed {
    pub(crate) fn of(allow_tracked: bool) -> Self {
        if allow_tracked { Self::Allowed } else { Self::Refused }
    }
}

/// A file that is not written.
#[derive(Clone, Debug)]
pub(crate) struct GuardedFile {
    /// The display name of the file.
    pub(crate) name: String,
    /// Why, without full stop.
    pub(crate) why: String,
    help: &'static str,
}

impl GuardedFile {
    /// Returns a sentence without full stop.
    pub(crate) fn sentence(&self) -> String {
        format!("{} was not changed: {}", self.name, self.why)
    }
}

impl From<GuardedFile> for Error {
    fn from(refused: GuardedFile) -> Self {
        Self::Write { path: refused.name, cause: refused.why, help: refused.help.into() }
    }
}

/// An env file to write values to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteTarget<'f> {
    /// Its path, with links.
    pub(crate) path: &'f Path,
    /// Its display name.
    pub(crate) name: &'f str,
    /// The file with links resolved.
    pub(crate) place: &'f ResolvedFile,
    /// Whether others can read it.
    pub(crate) exposure: &'f Exposure,
}

/// Returns why that file must not be written, or `None` if it may be.
pub(crate) fn refusal(target: WriteTarget<'_>, committed: Committed) -> Option<GuardedFile> {
    let WriteTarget { path, name, place, exposure } = target;
    let refused = |why: String, help: &'static str| Some(GuardedFile { name: name.to_owned(), why, help });
    if place.access == ReadAccess::Once {
        return refused("it is a stream, which can't be written".to_owned(), "pass a file with `--env-file PATH`");
    }
    if files::is_read_only(&place.end) {
        return refused("it is read-only".to_owned(), "make it writable, or pass another file with `--env-file PATH`");
    }
    if committed == Committed::Allowed {
        return None;
    }
    let by_name = |path: &Path| path.file_name().is_some_and(|name| is_template(&name.to_string_lossy()));
    let help = "pass a file that git ignores with `--env-file PATH`, or write this file with `--allow-tracked`";
    if by_name(path) || by_name(&place.end) {
        return refused(TEMPLATE_NAME.to_owned(), help);
    }
    match &exposure.git {
        Git::Tracked => refused("git tracks it, and the next commit would contain the values".to_owned(), help),
        Git::Unknown(why) => refused(format!("could not determine whether git tracks it: {why}"), help),
        Git::Ignored | Git::NotIgnored | Git::Outside => None,
    }
}
