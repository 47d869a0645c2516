//! The repository of a commit in progress, and the queries to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::io::git::running_query::RunningQuery;
use crate::io::git::{self, GitClient};

/// The maximum size of git's output that is read, in bytes.
const OUTPUT_LIMIT: u64 = 24 << 20;

/// The repository and the index with which git called a hook.
#[derive(Clone, Debug)]
pub struct IndexRepository {
    /// The root of the working tree.
    pub root: PathBuf,
    /// The git directory, if it can't be found from the working tree.
    git_dir: Option<PathBuf>,
    /// The index of the commit in progress; `None` means the default index.
    index: Option<PathBuf>,
}

impl IndexRepository {
    /// Returns the repository that contains `folder`. `GIT_DIR` and `GIT_WORK_TREE` are used only if the directory is
    /// not in a repository, and `GIT_INDEX_FILE` only if it belongs to this repository: a hook of another repository
    /// may have called this hook.
    pub fn of(
        folder: &Path,
        variables: &BTreeMap<String, String>,
        git_client: &GitClient,
    ) -> Result<Option<Self>, String> {
        let variable = |name: &str| variables.get(name).filter(|path| !path.is_empty()).map(|path| folder.join(path));
        let mut found = match (git::root(folder), variable("GIT_DIR")) {
            (Some(root), _) => Self { root, git_dir: None, index: None },
            (None, Some(git_dir)) => {
                let root = variable("GIT_WORK_TREE").unwrap_or_else(|| folder.to_owned());
                Self { root, git_dir: Some(git_dir), index: None }
            }
            (None, None) => return Ok(None),
        };
        if let Some(index) = variable("GIT_INDEX_FILE") {
            let beside = index.parent().unwrap_or(folder);
            let is_foreign = || -> Result<bool, String> {
                Ok(git_client.git_dir(&found)?.canonicalize().ok() != beside.canonicalize().ok())
            };
            if !beside.join("HEAD").exists() || !is_foreign()? {
                found.index = Some(index);
            }
        }
        Ok(Some(found))
    }
}

impl GitClient {
    /// Returns the git directory. Runs git only if it is not in the working tree.
    pub(super) fn git_dir(&self, repository: &IndexRepository) -> Result<PathBuf, String> {
        let inside = repository.root.join(".git");
        if repository.git_dir.is_none() && inside.is_dir() {
            return Ok(inside);
        }
        let folder = self.in_repository(repository, &["rev-parse", "--absolute-git-dir"], "")?;
        Ok(PathBuf::from(String::from_utf8_lossy(&folder).trim_end()))
    }

    pub(super) fn in_repository(
        &self,
        repository: &IndexRepository,
        arguments: &[&str],
        input: &str,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        self.start_in_repository(repository, arguments, input)?.finish().map(Zeroizing::new)
    }

    /// Starts git in the background.
    pub(super) fn start_in_repository(
        &self,
        repository: &IndexRepository,
        arguments: &[&str],
        input: &str,
    ) -> Result<RunningQuery, String> {
        let mut command = self.command(&repository.root)?;
        if let Some(git_dir) = &repository.git_dir {
            command.arg("--git-dir").arg(git_dir);
        }
        if let Some(index) = &repository.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(arguments);
        self.start(command, input, OUTPUT_LIMIT)
    }
}
