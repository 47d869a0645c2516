//! git repositories: found without running git, asked with care.

pub mod blobs;
pub mod commit_relation;
mod find_git;
pub mod gitignore;
pub mod hooks;
pub mod pushed_files;
mod query;
pub mod staged_files;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};

pub use crate::io::git::query::{Asker, GitStatus, Hooks, NO_REPOSITORY};

/// Returns the root of the working tree that `folder` lies in, or `None` outside of a repository.
///
/// git is not asked: this is wanted before anything else, and git need not be installed. Like git, it takes a `.git`
/// file for a root (linked worktrees, submodules) and a `.git` folder only if it holds a `HEAD`.
pub fn root(folder: &Path) -> Option<PathBuf> {
    roots(folder).next()
}

/// Returns the roots of all working trees that `folder` lies in, the nearest first.
pub fn roots(folder: &Path) -> impl Iterator<Item = PathBuf> {
    folder.ancestors().filter(|ancestor| is_root(ancestor)).map(Path::to_owned)
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
