//! Example files, such as `.env.example`.

use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::drift::example_file::ENDINGS;
use crate::error::Error;
use crate::io::files::path::display_path;
use crate::io::files::{ReadOutcome, is_in_git_dir, read_env};
use crate::io::git;

/// Returns the `.env.example`, `.env.sample` and `.env.template` of a directory that can be read.
///
/// They are part of the untrusted checkout. A link out of the repository, or out of the directory outside a repository,
/// is skipped: otherwise a report would show the keys of an unrelated file.
pub fn examples(folder: &Path) -> Vec<(PathBuf, Secret)> {
    read_all(folder).filter_map(|(path, read)| Some((path, read.ok()?))).collect()
}

/// Returns the same files as [`examples`], as templates that declare needed keys. Without a file, a template that can't be
/// read is not the same as none.
///
/// # Errors
///
/// If one of them can't be read.
pub fn templates(folder: &Path, working_folder: &Path) -> Result<Vec<(PathBuf, Secret)>, Error> {
    let template = |(path, read): (PathBuf, Result<Secret, String>)| match read {
        Ok(text) => Ok((path, text)),
        Err(cause) => Err(Error::File {
            path: display_path(&path, working_folder),
            cause,
            help: "make the template a readable UTF-8 text file, or remove it".into(),
        }),
    };
    read_all(folder).map(template).collect()
}

/// Reads each of them, or returns why it can't be read.
fn read_all(folder: &Path) -> impl Iterator<Item = (PathBuf, Result<Secret, String>)> {
    let read = |ending: &&str| {
        let path = folder.join(format!(".env{ending}"));
        let end = path.canonicalize().ok()?;
        let folder = folder.canonicalize().ok()?;
        let home = git::root(&folder).unwrap_or(folder);
        if !end.starts_with(&home) || is_in_git_dir(&end) {
            return None;
        }
        match read_env(&end) {
            ReadOutcome::Text(text) => Some((path, Ok(text))),
            ReadOutcome::Unusable(why) => Some((path, Err(why))),
            ReadOutcome::Missing => None,
        }
    };
    ENDINGS.iter().filter_map(read)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use crate::error::Error;
    use crate::io::files::example::{examples, templates};

    #[test]
    fn reads_only_examples_inside_checkout() {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap();
        let shop = folder.join("shop");
        fs::create_dir_all(shop.join("api")).unwrap();
        fs::write(folder.join("credentials"), "MARKER=1\n").unwrap();
        fs::write(shop.join("common"), "C=1\n").unwrap();
        let names = || -> Vec<String> {
            let found = examples(&shop.join("api"));
            found.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(), [""; 0]);
        fs::write(shop.join("api/.env.sample"), "A=1\n").unwrap();
        fs::create_dir(shop.join("api/.env.example")).unwrap();
        symlink("../../credentials", shop.join("api/.env.template")).unwrap();
        assert_eq!(names(), [".env.sample"]);
        fs::remove_file(shop.join("api/.env.template")).unwrap();
        symlink("../common", shop.join("api/.env.template")).unwrap();
        assert_eq!(names(), [".env.sample"], "outside a repository, the directory is the checkout");
        fs::create_dir(shop.join(".git")).unwrap();
        fs::write(shop.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(names(), [".env.sample", ".env.template"]);
        fs::remove_file(shop.join("api/.env.template")).unwrap();
        symlink("../.git/HEAD", shop.join("api/.env.template")).unwrap();
        assert_eq!(names(), [".env.sample"], "git's files are not examples");
        fs::remove_file(shop.join("api/.env.template")).unwrap();
        symlink("../common", shop.join("api/.env.template")).unwrap();
        fs::remove_dir(shop.join("api/.env.example")).unwrap();
        fs::write(shop.join("api/.env.example"), b"B=\xff\n").unwrap();
        assert_eq!(names(), [".env.sample", ".env.template"], "a file that is not text is not an example");
        let error = templates(&shop.join("api"), &shop).unwrap_err();
        assert!(matches!(&error, Error::File { path, .. } if path == "api/.env.example"), "{error:?}");
        fs::remove_file(shop.join("api/.env.example")).unwrap();
        assert_eq!(templates(&shop.join("api"), &shop).unwrap().len(), 2);
    }
}
