//! Paths that must not leave the repository, even through `..` and symbolic links.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::io::files::{self, normal};
use crate::io::io_error_text::io_error_text;

/// Resolves `path` relative to the directory `base`. The result is absolute, without `..`, and inside `root`. The file
/// need not exist.
///
/// It is an [`Error::File`] if an absolute path, `..`, or a symbolic link anywhere in the path leaves `root`.
pub fn resolve_inside(root: &Path, base: &Path, path: &Path) -> Result<PathBuf, Error> {
    follow(root, base, path).map_err(|why| Error::File {
        path: path.display().to_string(),
        cause: why,
        help: "use a file inside the repository, or pass any file with `--env-file PATH`".into(),
    })
}

/// Does the same as [`resolve_inside`], but returns only the cause of a failure.
pub(super) fn follow(root: &Path, base: &Path, path: &Path) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() {
        return Err("it is empty".to_owned());
    }
    let real = |folder: &Path| folder.canonicalize().map_err(|error| io_error_text(&error));
    let (real_root, real_base) = (real(root)?, real(base)?);
    // An absolute path may contain the root as the user knows it, with symbolic links.
    let path = match path.strip_prefix(root) {
        Ok(rest) if path.is_absolute() => real_root.join(rest),
        _ => real_base.join(path),
    };
    // The path that is checked is the path that is used: `..` is resolved lexically, so that a link before it can't
    // redirect it.
    let path = normal(&path);
    if !path.starts_with(&real_root) {
        return Err(format!("it is outside {}", root.display()));
    }
    let end = lead(&path)?;
    if [&path, &end].into_iter().any(|path| files::is_in_git_dir(path)) {
        return Err("it is inside a git directory".to_owned());
    }
    match end {
        end if end.starts_with(&real_root) => Ok(path),
        _ => Err(format!("it follows a symbolic link out of {}", root.display())),
    }
}

/// Resolves all links in the part of `path` that exists.
fn lead(path: &Path) -> Result<PathBuf, String> {
    for ancestor in path.ancestors() {
        match ancestor.canonicalize() {
            Ok(end) => return Ok(end),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error_text(&error)),
            // Writing through a broken link would create a file in an unexpected place.
            Err(_) if ancestor.symlink_metadata().is_ok() => {
                return Err("it contains a broken symbolic link".to_owned());
            }
            Err(_) => {}
        }
    }
    Err("it could not be resolved".to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::error::Error;
    use crate::io::config::inside::{follow, resolve_inside};

    #[test]
    fn paths_must_stay_inside_repository() {
        let outer = tempfile::tempdir().unwrap();
        let outer = outer.path().canonicalize().unwrap();
        let root = outer.join("shop");
        for folder in ["shop/worker/deep", "shop-secrets"] {
            fs::create_dir_all(outer.join(folder)).unwrap();
        }
        for file in ["secrets.env", "shop-secrets/.env", "shop/.env", "shop/worker/.env"] {
            fs::write(outer.join(file), "A=1\n").unwrap();
        }
        symlink("../secrets.env", root.join("out.env")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("worker/.env", root.join("in.env")).unwrap();
        symlink("../nobody.env", root.join("dangling.env")).unwrap();
        symlink("loop.env", root.join("loop.env")).unwrap();
        symlink("worker/deep", root.join("short")).unwrap();
        for folder in [".git/hooks", "vendor/bare.git/objects", "vendor/bare.git/refs"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [".git/config", "vendor/bare.git/HEAD", "vendor/bare.git/config"] {
            fs::write(root.join(file), "").unwrap();
        }
        symlink(".git/config", root.join("config.env")).unwrap();

        let absolute = root.join(".env");
        let sibling = outer.join("shop-secrets/.env");
        let cases: &[(&str, Result<&str, &str>)] = &[
            (".env", Ok(".env")),
            ("./worker/../.env", Ok(".env")),
            ("worker/.env", Ok("worker/.env")),
            ("in.env", Ok("in.env")),
            ("not/there/.env", Ok("not/there/.env")),
            ("short/.env", Ok("short/.env")),
            // The OS resolves `short/..` to `worker`. Lexically it is the root, which is used.
            ("short/../.env", Ok(".env")),
            ("up/shop/.env", Ok("up/shop/.env")),
            (absolute.to_str().unwrap(), Ok(".env")),
            ("", Err("empty")),
            ("..", Err("it is outside")),
            ("../secrets.env", Err("it is outside")),
            ("worker/../../secrets.env", Err("it is outside")),
            ("../shop-secrets/.env", Err("it is outside")),
            (sibling.to_str().unwrap(), Err("it is outside")),
            ("/etc/hostname", Err("it is outside")),
            ("/", Err("it is outside")),
            ("out.env", Err("symbolic link out of")),
            ("up/secrets.env", Err("symbolic link out of")),
            ("up/new.env", Err("symbolic link out of")),
            ("up/shop/up/new.env", Err("symbolic link out of")),
            ("dangling.env", Err("broken symbolic link")),
            ("loop.env", Err("")),
            (".git/config", Err("inside a git directory")),
            (".GIT/new.env", Err("inside a git directory")),
            ("worker/../.git/hooks/pre-commit", Err("inside a git directory")),
            ("config.env", Err("inside a git directory")),
            ("short/.git", Err("inside a git directory")),
            ("vendor/bare.git/config", Err("inside a git directory")),
            (".env/deeper", Err("not a directory")),
            ("a\0b", Err("invalid path")),
        ];
        for (path, expected) in cases {
            let got = follow(&root, &root, Path::new(path));
            match expected {
                Ok(end) => assert_eq!(got, Ok(root.join(end)), "{path}"),
                Err(why) => assert!(got.as_ref().is_err_and(|got| got.contains(why)), "{path}: {got:?}"),
            }
        }
        assert_eq!(follow(&root, &root.join("worker"), Path::new("../.env")), Ok(root.join(".env")));
        let Err(Error::File { path, .. }) = resolve_inside(&root, &root, Path::new("../secrets.env")) else { panic!() };
        assert_eq!(path, "../secrets.env");
    }

    #[test]
    fn symlinked_repository_root_is_accepted() {
        let outer = tempfile::tempdir().unwrap();
        let outer = outer.path().canonicalize().unwrap();
        fs::create_dir(outer.join("shop")).unwrap();
        symlink("shop", outer.join("alias")).unwrap();
        let root = outer.join("alias");
        for path in [".env".into(), root.join(".env")] {
            assert_eq!(follow(&root, &root, &path), Ok(outer.join("shop/.env")));
        }
    }
}
