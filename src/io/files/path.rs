//! Paths as people type them.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// Returns the path as it is typed into a shell.
pub(super) fn quoted(path: &Path, working_folder: &Path) -> String {
    let shown = display_path(path, working_folder);
    shlex::try_quote(&shown).map_or_else(|_| shown.clone(), Cow::into_owned)
}

/// Returns the path as a person would type it from the working folder: relative below it and up to two folders above
/// it, else absolute. Nothing is looked up.
pub fn display_path(path: &Path, working_folder: &Path) -> String {
    let path = normal(&working_folder.join(path));
    for (steps, ancestor) in working_folder.ancestors().take(3).enumerate() {
        // From the root of the file system, an absolute path is the shorter one.
        if let (Ok(rest), true) = (path.strip_prefix(ancestor), steps == 0 || ancestor.parent().is_some()) {
            let relative: PathBuf = (0..steps).map(|_| Path::new("..")).chain([rest]).collect();
            let shown = relative.display().to_string();
            return if shown.is_empty() { ".".to_owned() } else { shown };
        }
    }
    path.display().to_string()
}

/// Returns the path without `.` and `..`, worked out on its text alone.
pub fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut sum, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                sum.pop();
            }
            other => sum.push(other),
        }
        sum
    })
}
