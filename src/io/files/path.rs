//! Paths as users type them.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// Returns the path quoted for a shell.
pub(super) fn quoted(path: &Path, working_folder: &Path) -> String {
    let shown = display_path(path, working_folder);
    shlex::try_quote(&shown).map_or_else(|_| shown.clone(), Cow::into_owned)
}

/// Returns the path as a user would type it from the working directory: relative below that directory and up to two
/// levels above it, otherwise absolute. Does not access the file system.
pub fn display_path(path: &Path, working_folder: &Path) -> String {
    let path = normal(&working_folder.join(path));
    for (steps, ancestor) in working_folder.ancestors().take(3).enumerate() {
        // Relative to the file system's root, the absolute path is shorter.
        if let (Ok(rest), true) = (path.strip_prefix(ancestor), steps == 0 || ancestor.parent().is_some()) {
            let relative: PathBuf = (0..steps).map(|_| Path::new("..")).chain([rest]).collect();
            let shown = relative.display().to_string();
            return if shown.is_empty() { ".".to_owned() } else { shown };
        }
    }
    path.display().to_string()
}

/// Returns a path of the user rather than of the project: `~/.local/state/doctor`. Outside the home directory, it is as
/// from [`display_path`].
pub fn display_from_home(path: &Path, home: Option<&Path>, working_folder: &Path) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => display_path(path, working_folder),
    }
}

/// Returns the path without `.` and `..`, resolved lexically.
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::io::files::path::display_from_home;

    #[test]
    fn path_in_home_directory_starts_with_a_tilde() {
        let shown = |path: &str, home: Option<&str>| {
            display_from_home(Path::new(path), home.map(Path::new), Path::new("/home/ada/shop"))
        };
        assert_eq!(shown("/home/ada/.local/state/doctor", Some("/home/ada")), "~/.local/state/doctor");
        assert_eq!(shown("/var/doctor", Some("/home/ada")), "/var/doctor");
        assert_eq!(shown("/home/ada/x", None), "../x");
    }
}
