//! Completes file names for shells.

use std::ffi::OsStr;
use std::path::{MAIN_SEPARATOR, Path, is_separator};

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};

/// The longest name that is offered, in characters. No file or variable that a user types has a longer one.
const LONGEST: usize = 255;

/// Returns the files and directories that begin with the typed text, including hidden ones such as `.env`.
pub fn beginning(typed: &OsStr, working_folder: &Path) -> Vec<CompletionCandidate> {
    // The part before the last separator was typed by the user, so it is not checked.
    let typed_length = typed.to_string_lossy().rfind(is_separator).map_or(0, |last| last + 1);
    let is_offered = |candidate: &CompletionCandidate| {
        let name = candidate.get_value().to_str().and_then(|path| path.get(typed_length..));
        name.is_some_and(|name| is_plain(name.strip_suffix(MAIN_SEPARATOR).unwrap_or(name)))
    };
    let found = PathCompleter::file().current_dir(working_folder).complete(typed);
    found.into_iter().filter(is_offered).map(|candidate| candidate.hide(false)).collect()
}

/// Returns whether every shell reads the name as a single word without special meaning. Bash inserts it unquoted, and
/// the names of files, keys and services are untrusted.
pub fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+' | '/');
    !name.is_empty() && !name.starts_with('-') && name.chars().count() <= LONGEST && name.chars().all(plain)
}
