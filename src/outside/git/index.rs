//! What is staged, as the index holds it: nothing of the working tree is looked at, and no filter is run.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::outside::git::{self, Asker};

/// The longest file that is looked into, in bytes; and the most of all of them together.
const LONGEST: u64 = 4 << 20;
const MOST: u64 = 32 << 20;

/// What git's answers need beside the files themselves.
const FRAME: u64 = 4 << 20;

/// The repository that a hook was called in, and the index that it was called with.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The root of the working tree.
    pub root: PathBuf,
    /// The folder that git keeps its own files in, where the working tree does not tell it.
    git_dir: Option<PathBuf>,
    /// The index of the commit that is being made; none is the repository's own.
    index: Option<PathBuf>,
}

/// A file that the next commit adds or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the root of the working tree.
    pub path: PathBuf,
    /// The blob that is staged.
    pub blob: String,
    /// The blob that `HEAD` has in its place, if it has one.
    pub before: Option<String>,
    /// Whether `HEAD` has the same bytes in the place of a file that changes or goes: a file that was moved.
    pub is_moved: bool,
}

impl Repository {
    /// The repository of a folder. What git tells its hooks of where it is counts only where the folder tells nothing,
    /// and the index only if it is not another repository's: a hook may have been called from a hook elsewhere.
    pub fn of(folder: &Path, variables: &BTreeMap<String, String>, asker: &Asker) -> Result<Option<Self>, String> {
        let told = |name: &str| variables.get(name).filter(|path| !path.is_empty()).map(|path| folder.join(path));
        let mut found = match (git::root(folder), told("GIT_DIR")) {
            (Some(root), _) => Self { root, git_dir: None, index: None },
            (None, Some(git_dir)) => {
                let root = told("GIT_WORK_TREE").unwrap_or_else(|| folder.to_owned());
                Self { root, git_dir: Some(git_dir), index: None }
            }
            (None, None) => return Ok(None),
        };
        if let Some(index) = told("GIT_INDEX_FILE") {
            let beside = index.parent().unwrap_or(folder);
            let is_foreign = || -> Result<bool, String> {
                let own = asker.in_repository(&found, &["rev-parse", "--absolute-git-dir"], "")?;
                let own = PathBuf::from(String::from_utf8_lossy(&own).trim_end());
                Ok(own.canonicalize().ok() != beside.canonicalize().ok())
            };
            if !beside.join("HEAD").exists() || !is_foreign()? {
                found.index = Some(index);
            }
        }
        Ok(Some(found))
    }
}

impl Asker {
    /// The files that the next commit adds or changes. Links and submodules hold nothing.
    pub fn staged(&self, repository: &Repository) -> Result<Vec<Change>, String> {
        let words =
            ["diff", "--cached", "--raw", "--no-abbrev", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let answer = self.in_repository(repository, &words, "")?;
        let mut fields = answer.split(|&byte| byte == 0);
        let (mut changes, mut known) = (Vec::new(), HashSet::new());
        while let (Some(row), Some(path)) = (fields.next(), fields.next()) {
            let row = String::from_utf8_lossy(row);
            let [_, mode, before, blob, status] = *row.split(' ').collect::<Vec<_>>().as_slice() else { continue };
            known.insert(before.to_owned());
            if mode.starts_with("100") && matches!(status, "A" | "M" | "T") {
                let before = Some(before.to_owned()).filter(|before| before.bytes().any(|digit| digit != b'0'));
                changes.push(Change { path: path_of(path), blob: blob.to_owned(), before, is_moved: false });
            }
        }
        for change in &mut changes {
            change.is_moved = known.contains(&change.blob);
        }
        Ok(changes)
    }

    /// What these blobs hold, in their order, from two starts of git; `None` for what is too long, or too much.
    pub fn blobs(&self, repository: &Repository, blobs: &[&str]) -> Result<Vec<Option<Zeroizing<Vec<u8>>>>, String> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let lines = |blobs: &[&str]| blobs.join("\n") + "\n";
        let sizes = self.in_repository(repository, &["cat-file", "--batch-check=%(objectsize)"], &lines(blobs))?;
        let sizes = String::from_utf8_lossy(&sizes);
        let mut left = MOST;
        let is_read: Vec<bool> = blobs
            .iter()
            .zip(sizes.lines().chain(std::iter::repeat("")))
            .map(|(_, size)| match size.parse::<u64>() {
                Ok(size) if size <= LONGEST.min(left) => {
                    left -= size;
                    true
                }
                _ => false,
            })
            .collect();
        let wanted: Vec<&str> = blobs.iter().zip(&is_read).filter(|(_, read)| **read).map(|(blob, _)| *blob).collect();
        let answer = match wanted.as_slice() {
            [] => Zeroizing::default(),
            _ => self.in_repository(repository, &["cat-file", "--batch=%(objectsize)"], &lines(&wanted))?,
        };
        let mut rest: &[u8] = &answer;
        Ok(is_read.into_iter().map(|read| if read { next(&mut rest) } else { None }).collect())
    }

    fn in_repository(
        &self,
        repository: &Repository,
        words: &[&str],
        input: &str,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut command = self.command(&repository.root);
        if let Some(git_dir) = &repository.git_dir {
            command.arg("--git-dir").arg(git_dir);
        }
        if let Some(index) = &repository.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(words);
        self.answered_with(command, input, MOST + FRAME).map(Zeroizing::new)
    }
}

/// The next blob of `SIZE\nCONTENT\n`.
fn next(rest: &mut &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let size: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let content = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 2 + size..).unwrap_or_default();
    Some(Zeroizing::new(content.to_vec()))
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
