//! What is staged, as the index holds it: nothing of the working tree is looked at, and no filter is run.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::io::files::{self, ReadOutcome};
use crate::io::git::{self, Asker};
use crate::io::os::path_of;

/// The most that is read of what git answers, in bytes.
const ANSWER: u64 = 24 << 20;

/// The most that is read of git's `MERGE_HEAD`: a line of 41 bytes for each commit.
const MERGE_HEAD: u64 = 1 << 16;

/// The repository that a hook was called in, and the index that it was called with.
#[derive(Clone, Debug)]
pub struct IndexRepository {
    /// The root of the working tree.
    pub root: PathBuf,
    /// The folder that git keeps its own files in, where the working tree does not tell it.
    git_dir: Option<PathBuf>,
    /// The index of the commit that is being made; none is the repository's own.
    index: Option<PathBuf>,
}

/// A file that the next commit adds or changes, or that a push sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    /// From the root of the working tree.
    pub path: PathBuf,
    /// What it holds.
    pub blob: String,
    /// Whether `HEAD` has no file of that name.
    pub is_new: bool,
}

impl IndexRepository {
    /// Returns the repository of a folder. What git tells its hooks of where it is counts only where the folder tells
    /// nothing, and the index only if it is not another repository's: a hook may have been called from a hook
    /// elsewhere.
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
    /// Returns the files that the next commit adds or changes, compared with every commit that it follows: what a merge
    /// brings in is in one of them. A file that was only moved is left out. Submodules hold nothing.
    pub fn staged(&self, repository: &IndexRepository) -> Result<Vec<StagedFile>, String> {
        let (mut changes, mut before) = self.changed(repository, None)?;
        for parent in self.merged(repository)? {
            let (others, known) = self.changed(repository, Some(&parent))?;
            let others: HashSet<(PathBuf, String)> =
                others.into_iter().map(|change| (change.path, change.blob)).collect();
            changes.retain(|change| others.contains(&(change.path.clone(), change.blob.clone())));
            before.extend(known);
        }
        changes.retain(|change| !before.contains(&change.blob));
        Ok(changes)
    }

    /// Returns the commits that the next commit merges into `HEAD`.
    pub fn merged(&self, repository: &IndexRepository) -> Result<Vec<String>, String> {
        let folder = self.in_repository(repository, &["rev-parse", "--absolute-git-dir"], "")?;
        let folder = PathBuf::from(String::from_utf8_lossy(&folder).trim_end());
        let ReadOutcome::Text(text) = files::read_text(&folder.join("MERGE_HEAD"), MERGE_HEAD) else {
            return Ok(Vec::new());
        };
        Ok(text.expose().lines().filter(|line| is_name(line)).map(str::to_owned).collect())
    }

    /// Returns what the index has other than a commit, and the blobs of the commit in the place of these files.
    fn changed(
        &self,
        repository: &IndexRepository,
        commit: Option<&str>,
    ) -> Result<(Vec<StagedFile>, HashSet<String>), String> {
        let mut words =
            vec!["diff", "--cached", "--raw", "--no-abbrev", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
        words.extend(commit);
        let answer = self.in_repository(repository, &words, "")?;
        let mut fields = answer.split(|&byte| byte == 0);
        let (mut changes, mut known) = (Vec::new(), HashSet::new());
        while let (Some(row), Some(path)) = (fields.next(), fields.next()) {
            let row = String::from_utf8_lossy(row);
            let [_, mode, before, blob, status] = *row.split(' ').collect::<Vec<_>>().as_slice() else { continue };
            known.insert(before.to_owned());
            // Files, and links: where a link leads is its text.
            if (mode.starts_with("100") || mode.starts_with("120")) && matches!(status, "A" | "M" | "T") {
                let is_new = before.bytes().all(|digit| digit == b'0');
                changes.push(StagedFile { path: path_of(path), blob: blob.to_owned(), is_new });
            }
        }
        Ok((changes, known))
    }

    pub(super) fn in_repository(
        &self,
        repository: &IndexRepository,
        words: &[&str],
        input: &str,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut command = self.command(&repository.root)?;
        if let Some(git_dir) = &repository.git_dir {
            command.arg("--git-dir").arg(git_dir);
        }
        if let Some(index) = &repository.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(words);
        self.answered_with(command, input, ANSWER).map(Zeroizing::new)
    }
}

/// Returns whether the text is the whole name of an object.
pub(super) fn is_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::io::git::staged_files::IndexRepository;
    use crate::io::git::tests::{asker, git, output, repository};

    fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn variables(pairs: &[(&str, &Path)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), path.to_str().unwrap().to_owned())).collect()
    }

    /// `NAME TEXT`, with `new` behind it where `HEAD` does not have the file.
    fn staged(folder: &Path, told: &[(&str, &Path)]) -> Vec<String> {
        let asker = asker(folder.parent().unwrap());
        let repository = IndexRepository::of(folder, &variables(told), &asker).unwrap().unwrap();
        let changes = asker.staged(&repository).unwrap();
        let line = |change: &crate::io::git::staged_files::StagedFile| {
            let new = if change.is_new { " new" } else { "" };
            format!("{} {}{new}", change.path.display(), output(folder, &["cat-file", "blob", &change.blob]))
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn reads_index_instead_of_working_tree() {
        let (_guard, folder) = repository();
        write(&folder, "a.py", "one");
        write(&folder, "ü/b c.py", "two");
        git(&folder, &["add", "."]);
        write(&folder, "a.py", "changed since");
        write(&folder, "new.py", "never added");
        let expected = ["a.py one new", "ü/b c.py two new"];
        assert_eq!(staged(&folder, &[]), expected, "before the first commit");
        git(&folder, &["commit", "-q", "-m", "first"]);
        assert_eq!(staged(&folder, &[]), [""; 0]);
        git(&folder, &["add", "a.py"]);
        git(&folder, &["rm", "-q", "ü/b c.py"]);
        assert_eq!(staged(&folder, &[]), ["a.py changed since"], "what goes gives nothing away");
    }

    #[test]
    fn moved_file_is_omitted() {
        let (_guard, folder) = repository();
        write(&folder, "a.py", "one");
        write(&folder, "b.py", "two");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        git(&folder, &["mv", "a.py", "c.py"]);
        write(&folder, "b.py", "three");
        git(&folder, &["add", "b.py"]);
        assert_eq!(staged(&folder, &[]), ["b.py three"]);
    }

    #[cfg(unix)]
    #[test]
    fn symlink_yields_its_target_and_submodule_nothing() {
        let (_guard, folder) = repository();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        git(&folder, &["init", "-q", "inner"]);
        git(&folder.join("inner"), &["commit", "-q", "--allow-empty", "-m", "first"]);
        write(&folder, "run.sh", "x");
        fs::set_permissions(folder.join("run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        git(&folder, &["-c", "advice.addEmbeddedRepo=false", "add", "."]);
        assert_eq!(staged(&folder, &[]), ["link /etc/passwd new", "run.sh x new"]);
    }

    #[test]
    fn uses_index_of_current_commit_and_ignores_other_repositories() {
        let (guard, folder) = repository();
        write(&folder, "a.py", "one");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        // As `git commit FILE` does: an index beside the one that stays.
        write(&folder, "b.py", "staged all along");
        git(&folder, &["add", "b.py"]);
        let next = folder.join(".git/next-index-1.lock");
        fs::copy(folder.join(".git/index"), &next).unwrap();
        write(&folder, "a.py", "two");
        let add = ["add", "a.py"];
        let done = Command::new("git").args(add).current_dir(&folder).env("GIT_INDEX_FILE", &next).status().unwrap();
        assert!(done.success());
        let expected = ["a.py two", "b.py staged all along new"];
        assert_eq!(staged(&folder, &[("GIT_INDEX_FILE", &next)]), expected);
        assert_eq!(staged(&folder, &[("GIT_INDEX_FILE", Path::new(".git/next-index-1.lock"))]), expected);
        assert_eq!(staged(&folder, &[]), expected[1..]);

        let other = guard.path().canonicalize().unwrap().join("other");
        fs::create_dir(&other).unwrap();
        git(&other, &["init", "-q"]);
        write(&other, "c.py", "other");
        git(&other, &["add", "."]);
        let (git_dir, index) = (other.join(".git"), other.join(".git/index"));
        let told: &[(&str, &Path)] =
            &[("GIT_DIR", &git_dir), ("GIT_INDEX_FILE", &index), ("GIT_WORK_TREE", &other), ("GIT_PREFIX", &other)];
        assert_eq!(staged(&folder, told), expected[1..], "the hook was called from a hook of another repository");
    }

    #[test]
    fn linked_worktree_has_its_own_index() {
        let (_guard, folder) = repository();
        write(&folder, "a.py", "one");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        git(&folder, &["worktree", "add", "-q", "../linked"]);
        let linked = folder.with_file_name("linked");
        write(&linked, "b.py", "there");
        git(&linked, &["add", "."]);
        write(&folder, "c.py", "here");
        git(&folder, &["add", "."]);
        let git_dir = PathBuf::from(output(&linked, &["rev-parse", "--absolute-git-dir"]));
        let told: &[(&str, &Path)] = &[("GIT_DIR", &git_dir), ("GIT_INDEX_FILE", &git_dir.join("index"))];
        assert_eq!(staged(&linked, told), ["b.py there new"]);
        assert_eq!(staged(&linked, &[]), ["b.py there new"]);
        assert_eq!(staged(&folder, &[]), ["c.py here new"]);
    }

    #[test]
    fn separate_git_directory_is_taken_from_environment() {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap().join("home");
        write(&folder, "sub/.bashrc", "export A=1");
        let git_dir = folder.join("dotfiles.git");
        git(&folder, &["init", "-q", "--bare", "dotfiles.git"]);
        let work_tree = format!("--work-tree={}", folder.display());
        git(&folder, &[&format!("--git-dir={}", git_dir.display()), &work_tree, "add", "sub/.bashrc"]);
        let sub = folder.join("sub");
        let asker = asker(&folder);
        assert!(IndexRepository::of(&sub, &BTreeMap::new(), &asker).unwrap().is_none());
        let told = variables(&[("GIT_DIR", &git_dir), ("GIT_WORK_TREE", &folder)]);
        let found = IndexRepository::of(&sub, &told, &asker).unwrap().unwrap();
        let paths: Vec<PathBuf> = asker.staged(&found).unwrap().into_iter().map(|change| change.path).collect();
        assert_eq!(paths, [Path::new("sub/.bashrc")]);
        assert_eq!(found.root, folder);
    }

    #[test]
    fn user_git_settings_do_not_affect_result() {
        let (_guard, folder) = repository();
        write(&folder, "a/b.py", "one");
        write(&folder, "c.py", "two");
        git(&folder, &["add", "."]);
        for (name, value) in [
            ("color.ui", "always"),
            ("color.diff", "always"),
            ("diff.relative", "true"),
            ("diff.noprefix", "true"),
            ("diff.renames", "copies"),
            ("diff.external", "false"),
            ("core.quotePath", "true"),
            ("core.abbrev", "4"),
            ("diff.ignoreSubmodules", "all"),
        ] {
            git(&folder, &["config", name, value]);
        }
        assert_eq!(staged(&folder, &[]), ["a/b.py one new", "c.py two new"]);
        assert_eq!(staged(&folder.join("a"), &[]), ["a/b.py one new", "c.py two new"]);
    }

    #[test]
    fn merged_changes_are_not_staged() {
        let (_guard, folder) = repository();
        write(&folder, "a", "one");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        git(&folder, &["checkout", "-q", "-b", "side"]);
        write(&folder, "a", "side");
        write(&folder, "b", "from the side");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "side"]);
        let side = output(&folder, &["rev-parse", "HEAD"]);
        git(&folder, &["checkout", "-q", "-"]);
        write(&folder, "a", "main");
        git(&folder, &["commit", "-q", "-a", "-m", "main"]);
        let merge = ["merge", "-q", "side"];
        assert!(!Command::new("git").args(merge).current_dir(&folder).output().unwrap().status.success(), "a conflict");
        write(&folder, "a", "both");
        write(&folder, "c", "by the way");
        git(&folder, &["add", "."]);
        assert_eq!(staged(&folder, &[]), ["a both", "c by the way new"]);
        let asker = asker(folder.parent().unwrap());
        let found = IndexRepository::of(&folder, &BTreeMap::new(), &asker).unwrap().unwrap();
        assert_eq!(asker.merged(&found), Ok(vec![side]));
    }

    #[cfg(unix)]
    #[test]
    fn hostile_repository_runs_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let (guard, folder) = repository();
        write(&folder, "a.py", "one");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        write(&folder, "a.py", "two");
        git(&folder, &["add", "."]);
        let touched = guard.path().join("touched");
        let script = folder.join("trap");
        fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", touched.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let trap = script.to_str().unwrap();
        for (name, value) in [
            ("core.fsmonitor", trap),
            ("core.hooksPath", folder.to_str().unwrap()),
            ("core.pager", trap),
            ("pager.diff", trap),
            ("diff.external", trap),
            ("diff.x.textconv", trap),
            ("diff.x.command", trap),
            ("filter.x.smudge", trap),
            ("alias.cat-file", &format!("!{trap}")),
        ] {
            git(&folder, &["config", name, value]);
        }
        fs::write(folder.join(".gitattributes"), "* filter=x diff=x\n").unwrap();
        fs::copy(&script, folder.join("post-index-change")).unwrap();
        let output = Command::new("git").args(["diff", "--cached"]).current_dir(&folder).output().unwrap();
        assert!(touched.exists(), "the trap works: {output:?}");
        fs::remove_file(&touched).unwrap();
        assert_eq!(staged(&folder, &[]), ["a.py two"]);
        let hooks = asker(guard.path()).hooks(&folder).unwrap();
        assert_eq!(hooks.folder, folder, "asking where the hooks are runs none");
        assert!(!touched.exists());
    }
}
