//! Reads the current text of a file, and removes the file if its text has not changed.

use std::fs;
use std::path::Path;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files::replace::may_be_written;
use crate::io::files::{ENV_FILE_LIMIT, ReadOutcome, Replaced, display_path, read_text};
use crate::io::io_error_text::io_error_text;

/// Returns the whole text, or `None` if it can't be read.
pub fn current(path: &Path) -> Option<Secret> {
    match read_text(path, ENV_FILE_LIMIT) {
        ReadOutcome::Text(text) => Some(text),
        ReadOutcome::Missing | ReadOutcome::Unusable(_) => None,
    }
}

/// Removes the file if it still has that text.
pub fn remove(path: &Path, expected: Option<&Secret>, working_folder: &Path) -> Result<Replaced, Error> {
    if current(path).as_ref() != expected {
        return Ok(Replaced::Conflict);
    }
    let removed = may_be_written(path).and_then(|_| fs::remove_file(path).map_err(|error| io_error_text(&error)));
    match removed {
        Ok(()) => Ok(Replaced::Done),
        Err(why) => Err(Error::Output { path: display_path(path, working_folder), cause: why }),
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::io::files::Replaced;
    use crate::io::files::current::{current, remove};

    #[test]
    fn removes_only_unchanged_file() {
        let guard = tempfile::tempdir().unwrap();
        let path = guard.path().join(".env");
        let ours = Secret::new("A=1\n");
        std::fs::write(&path, "A=2\n").unwrap();
        assert_eq!(remove(&path, Some(&ours), guard.path()), Ok(Replaced::Conflict));
        assert_eq!(current(&path), Some(Secret::new("A=2\n")));
        std::fs::write(&path, "A=1\n").unwrap();
        assert_eq!(remove(&path, Some(&ours), guard.path()), Ok(Replaced::Done));
        assert_eq!(current(&path), None);
    }
}
