//! Example files, such as `.env.example`.

use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::drift::example_file::ENDINGS;
use crate::io::files::{ReadOutcome, is_in_git_dir, read_env};
use crate::io::git;

/// Returns the `.env.example`, `.env.sample` and `.env.template` of a directory that can be read.
///
/// They are part of the untrusted checkout. A link out of the repository, or out of the directory outside a repository,
/// is skipped: otherwise a report would show the keys of an unrelated file.
pub fn examples(folder: &Path) -> Vec<(PathBuf, Secret)> {
    let read = |ending: &&str| {
        let path = folder.join(format!(".env{ending}"));
        let end = path.canonicalize().ok()?;
        let folder = folder.canonicalize().ok()?;
        let home = git::root(&folder).unwrap_or(folder);
        match read_env(&end) {
            ReadOutcome::Text(text) if end.starts_with(&home) && !is_in_git_dir(&end) => Some((path, text)),
            _ => None,
        }
    };
    ENDINGS.iter().filter_map(read).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use crate::io::files::example::examples;

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
    }
}
