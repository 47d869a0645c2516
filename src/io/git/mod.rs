//! Git repositories: found without running git, and queried without running programs of the repository.

pub mod blobs;
pub mod commit_relation;
mod find_git;
pub mod gitignore;
pub mod hooks;
pub mod index_repository;
pub mod pushed_files;
mod query;
mod running_query;
pub mod staged_files;
#[cfg(test)]
pub(crate) mod tests;
pub mod worktree;

use std::path::{Path, PathBuf};

pub use crate::io::git::query::{GitClient, GitStatus, Hooks};
pub use crate::io::git::running_query::NO_REPOSITORY;

/// Returns the root of the working tree that contains `folder`, or `None` outside a repository.
///
/// Does not run git, which need not be installed. Like git, it accepts a `.git` file (linked worktrees, submodules),
/// and a `.git` directory only if it contains a `HEAD`.
pub fn root(folder: &Path) -> Option<PathBuf> {
    roots(folder).next()
}

/// Returns the roots of all working trees that contain `folder`, nearest first.
pub fn roots(folder: &Path) -> impl Iterator<Item = PathBuf> {
    folder.ancestors().filter(|ancestor| is_root(ancestor)).map(Path::to_owned)
}

fn is_root(folder: &Path) -> bool {
    let git = folder.join(".git");
    match git.metadata() {
        Ok(metadata) if metadata.is_file() => true,
        // Old versions of git wrote `HEAD` as a symbolic link, which is broken in a repository without commits.
        Ok(metadata) if metadata.is_dir() => git.join("HEAD").symlink_metadata().is_ok(),
        _ => false,
    }
}
