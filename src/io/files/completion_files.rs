//! Files that begin as somebody has typed, for shells that ask how the line may go on.

use std::ffi::OsStr;
use std::path::{MAIN_SEPARATOR, Path, is_separator};

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};

/// The longest name that is offered, in characters: longer than any file's or variable's that a person types.
const LONGEST: usize = 255;

/// Returns the files that begin with what is typed, and the folders on the way to them. `.env` hides from nobody here.
pub fn beginning(typed: &OsStr, working_folder: &Path) -> Vec<CompletionCandidate> {
    // What stands before the last separator is the typist's own.
    let own = typed.to_string_lossy().rfind(is_separator).map_or(0, |last| last + 1);
    let is_offered = |candidate: &CompletionCandidate| {
        let name = candidate.get_value().to_str().and_then(|path| path.get(own..));
        name.is_some_and(|name| is_plain(name.strip_suffix(MAIN_SEPARATOR).unwrap_or(name)))
    };
    let found = PathCompleter::file().current_dir(working_folder).complete(typed);
    found.into_iter().filter(is_offered).map(|candidate| candidate.hide(false)).collect()
}

/// Returns whether every shell takes the name for one word and nothing else: bash puts it on the line as it stands, and
/// names of files, keys and services come from whoever wrote the checkout.
pub fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+' | '/');
    !name.is_empty() && !name.starts_with('-') && name.chars().count() <= LONGEST && name.chars().all(plain)
}
