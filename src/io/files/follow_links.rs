//! Resolves symbolic links one at a time.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::io::io_error_text::io_error_text;

/// The maximum number of links that are followed, as on Linux.
const MOST_LINKS: usize = 40;

/// A path with all links resolved. Neither the path nor its parents need to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPath {
    /// The resolved path: absolute, without links and `..`.
    pub end: PathBuf,
    /// The links that were followed, each with its parents resolved.
    pub links: Vec<PathBuf>,
}

/// Resolves the links of a path one at a time. `..` is resolved after links, as the OS does.
///
/// On failure, returns the cause.
pub fn resolve(path: &Path) -> Result<ResolvedPath, String> {
    let mut resolved = ResolvedPath { end: PathBuf::new(), links: Vec::new() };
    let mut rest: Vec<OsString> = parts(path);
    while let Some(part) = rest.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => drop(resolved.end.pop()),
            Some(Component::Normal(_)) => {
                let here = resolved.end.join(&part);
                match here.symlink_metadata() {
                    Ok(metadata) if metadata.is_symlink() => {
                        rest.extend(parts(&fs::read_link(&here).map_err(|error| io_error_text(&error))?));
                        resolved.links.push(here);
                        if resolved.links.len() > MOST_LINKS {
                            return Err("too many levels of symbolic links".to_owned());
                        }
                    }
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error_text(&error)),
                    _ => resolved.end = here,
                }
            }
            Some(Component::CurDir) | None => {}
            // A root replaces everything before it.
            Some(Component::Prefix(_) | Component::RootDir) => resolved.end.push(&part),
        }
    }
    Ok(resolved)
}

/// Returns the components of a path, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::io::files::follow_links::resolve;

    #[test]
    fn symlinks_are_followed_one_at_a_time() {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap();
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/real"), "").unwrap();
        for (target, link) in
            [("a", "dir"), ("b/real", "a/file"), ("../dir/file", "a/round"), ("gone", "dangling"), ("loop", "loop")]
        {
            symlink(target, folder.join(link)).unwrap();
        }
        symlink(folder.join("a/b"), folder.join("absolute")).unwrap();
        for (path, end, links) in [
            ("a/b/real", "a/b/real", &[][..]),
            ("dir/b/real", "a/b/real", &["dir"]),
            ("dir/file", "a/b/real", &["dir", "a/file"]),
            ("a/round", "a/b/real", &["a/round", "dir", "a/file"]),
            ("absolute/real", "a/b/real", &["absolute"]),
            ("absolute/../file", "a/b/real", &["absolute", "a/file"]),
            ("dangling", "gone", &["dangling"]),
            ("not/there", "not/there", &[]),
        ] {
            let resolved = resolve(&folder.join(path)).unwrap();
            let found: Vec<&Path> = resolved.links.iter().map(|link| link.strip_prefix(&folder).unwrap()).collect();
            assert_eq!(resolved.end, folder.join(end), "{path}");
            assert_eq!(found, links.iter().map(Path::new).collect::<Vec<_>>(), "{path}");
        }
        assert_eq!(resolve(&folder.join("loop")), Err("too many levels of symbolic links".to_owned()));
    }
}
