//! What can be known of a git repository without running git.

use std::path::{Path, PathBuf};

/// The root of the working tree that `folder` lies in, or `None` outside of a repository.
///
/// git is not asked, because it would run what the repository's own configuration names. Like git, it takes a `.git`
/// file for a root (linked worktrees, submodules) and a `.git` folder only if it holds a `HEAD`.
pub fn root(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|ancestor| is_root(ancestor)).map(Path::to_owned)
}

fn is_root(folder: &Path) -> bool {
    let mark = folder.join(".git");
    match mark.metadata() {
        Ok(metadata) if metadata.is_file() => true,
        // A `HEAD` that points to a branch was a symbolic link once, and may dangle in a repository without commits.
        Ok(metadata) if metadata.is_dir() => mark.join("HEAD").symlink_metadata().is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::root;

    #[test]
    fn the_nearest_repository_counts() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("shop/api/src");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(root(&folder), None);

        fs::create_dir(outer.path().join(".git")).unwrap();
        fs::write(outer.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(root(&folder).as_deref(), Some(outer.path()));
        assert_eq!(root(outer.path()).as_deref(), Some(outer.path()));

        fs::create_dir(outer.path().join("shop/.git")).unwrap();
        assert_eq!(root(&folder).as_deref(), Some(outer.path()), "an empty .git folder is no repository");

        fs::write(outer.path().join("shop/api/.git"), "gitdir: ../../.git/worktrees/api\n").unwrap();
        assert_eq!(root(&folder), Some(outer.path().join("shop/api")), "a linked worktree is a repository of its own");
    }
}
