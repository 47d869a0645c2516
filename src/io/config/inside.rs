//! Paths that must not leave the repository, `..` and symbolic links included.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::io::files::{self, normal};
use crate::io::io_error_text::io_error_text;

/// Returns where `path`, taken from the folder `base`, leads: absolute, without `..`, and inside `root`. The file
/// itself need not be there.
///
/// Anything that leads out is an [`Error::File`]: an absolute path, `..`, or a symbolic link anywhere on the way.
pub fn inside(root: &Path, base: &Path, path: &Path) -> Result<PathBuf, Error> {
    follow(root, base, path).map_err(|why| Error::File {
        path: path.display().to_string(),
        cause: why,
        help: "name a file inside the repository; `--env-file PATH` may name any file".to_owned(),
    })
}

/// Returns the same, with the reason alone where it is refused.
pub(super) fn follow(root: &Path, base: &Path, path: &Path) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() {
        return Err("it is empty".to_owned());
    }
    let real = |folder: &Path| folder.canonicalize().map_err(|error| io_error_text(&error));
    let (real_root, real_base) = (real(root)?, real(base)?);
    // An absolute path may be written with the root's name as the user knows it, links and all.
    let path = match path.strip_prefix(root) {
        Ok(rest) if path.is_absolute() => real_root.join(rest),
        _ => real_base.join(path),
    };
    // What is checked is what is used: `..` is worked out on the text, so that a link before it can't bend it.
    let path = normal(&path);
    if !path.starts_with(&real_root) {
        return Err(format!("it leads out of {}", root.display()));
    }
    let end = lead(&path)?;
    if [&path, &end].into_iter().any(|path| files::is_gits_own(path)) {
        return Err("git keeps its own files there".to_owned());
    }
    match end {
        end if end.starts_with(&real_root) => Ok(path),
        _ => Err(format!("a symbolic link on the way leads out of {}", root.display())),
    }
}

/// Returns the end of all links of the part of `path` that is there.
fn lead(path: &Path) -> Result<PathBuf, String> {
    for ancestor in path.ancestors() {
        match ancestor.canonicalize() {
            Ok(end) => return Ok(end),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error_text(&error)),
            // A link to nothing: writing through it would make a file nobody knows where.
            Err(_) if ancestor.symlink_metadata().is_ok() => {
                return Err("a symbolic link on the way leads to nothing".to_owned());
            }
            Err(_) => {}
        }
    }
    Err("it leads nowhere".to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::error::Error;
    use crate::io::config::inside::{follow, inside};

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
            // `short/..` is `worker` for the system; worked out on the text it is the root, and that is what is used.
            ("short/../.env", Ok(".env")),
            ("up/shop/.env", Ok("up/shop/.env")),
            (absolute.to_str().unwrap(), Ok(".env")),
            ("", Err("empty")),
            ("..", Err("leads out")),
            ("../secrets.env", Err("leads out")),
            ("worker/../../secrets.env", Err("leads out")),
            ("../shop-secrets/.env", Err("leads out")),
            (sibling.to_str().unwrap(), Err("leads out")),
            ("/etc/hostname", Err("leads out")),
            ("/", Err("leads out")),
            ("out.env", Err("symbolic link on the way leads out")),
            ("up/secrets.env", Err("symbolic link on the way leads out")),
            ("up/new.env", Err("symbolic link on the way leads out")),
            ("up/shop/up/new.env", Err("symbolic link on the way leads out")),
            ("dangling.env", Err("leads to nothing")),
            ("loop.env", Err("")),
            (".git/config", Err("git keeps its own files")),
            (".GIT/new.env", Err("git keeps its own files")),
            ("worker/../.git/hooks/pre-commit", Err("git keeps its own files")),
            ("config.env", Err("git keeps its own files")),
            ("short/.git", Err("git keeps its own files")),
            ("vendor/bare.git/config", Err("git keeps its own files")),
            (".env/deeper", Err("not a folder")),
            ("a\0b", Err("not a path")),
        ];
        for (path, expected) in cases {
            let got = follow(&root, &root, Path::new(path));
            match expected {
                Ok(end) => assert_eq!(got, Ok(root.join(end)), "{path}"),
                Err(why) => assert!(got.as_ref().is_err_and(|got| got.contains(why)), "{path}: {got:?}"),
            }
        }
        assert_eq!(follow(&root, &root.join("worker"), Path::new("../.env")), Ok(root.join(".env")));
        let Err(Error::File { path, .. }) = inside(&root, &root, Path::new("../secrets.env")) else { panic!() };
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
