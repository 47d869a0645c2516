//! What is staged, as the index holds it: nothing of the working tree is looked at, and no filter is run.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::outside::git::{self, Asker};
use crate::outside::system::path_of;

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
        let mut command = self.command(&repository.root)?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::{LONGEST, Repository};
    use crate::outside::git::tests::{asker, git, repository, said};

    fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn variables(pairs: &[(&str, &Path)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), path.to_str().unwrap().to_owned())).collect()
    }

    /// `NAME TEXT`, with `was TEXT` behind it where `HEAD` has the file, and `moved` where it was.
    fn staged(folder: &Path, told: &[(&str, &Path)]) -> Vec<String> {
        let asker = asker(folder.parent().unwrap());
        let repository = Repository::of(folder, &variables(told), &asker).unwrap().unwrap();
        let changes = asker.staged(&repository).unwrap();
        let text = |blob: &str| {
            let bytes = asker.blobs(&repository, &[blob]).unwrap().remove(0).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let line = |change: &super::Change| {
            let before = change.before.as_deref().map(|blob| format!(" was {}", text(blob))).unwrap_or_default();
            let moved = if change.is_moved { " moved" } else { "" };
            format!("{} {}{before}{moved}", change.path.display(), text(&change.blob))
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn what_the_index_holds_counts_and_not_the_working_tree() {
        let (_guard, folder) = repository();
        write(&folder, "a.py", "one");
        write(&folder, "ü/b c.py", "two");
        git(&folder, &["add", "."]);
        write(&folder, "a.py", "changed since");
        write(&folder, "new.py", "never added");
        let expected = ["a.py one", "ü/b c.py two"];
        assert_eq!(staged(&folder, &[]), expected, "before the first commit");
        git(&folder, &["commit", "-q", "-m", "first"]);
        assert_eq!(staged(&folder, &[]), [""; 0]);
        git(&folder, &["add", "a.py"]);
        git(&folder, &["rm", "-q", "ü/b c.py"]);
        assert_eq!(staged(&folder, &[]), ["a.py changed since was one"], "what goes gives nothing away");
    }

    #[test]
    fn a_move_is_told_from_a_change() {
        let (_guard, folder) = repository();
        write(&folder, "a.py", "one");
        write(&folder, "b.py", "two");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-q", "-m", "first"]);
        git(&folder, &["mv", "a.py", "c.py"]);
        write(&folder, "b.py", "three");
        git(&folder, &["add", "b.py"]);
        assert_eq!(staged(&folder, &[]), ["b.py three was two", "c.py one moved"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_other_repositories_hold_nothing() {
        let (_guard, folder) = repository();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        git(&folder, &["init", "-q", "inner"]);
        git(&folder.join("inner"), &["commit", "-q", "--allow-empty", "-m", "first"]);
        write(&folder, "run.sh", "x");
        fs::set_permissions(folder.join("run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        git(&folder, &["-c", "advice.addEmbeddedRepo=false", "add", "."]);
        assert_eq!(staged(&folder, &[]), ["run.sh x"]);
    }

    #[test]
    fn the_index_of_the_commit_that_is_being_made_counts_and_another_repository_s_does_not() {
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
        let expected = ["a.py two was one", "b.py staged all along"];
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
    fn a_linked_worktree_has_its_own() {
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
        let git_dir = PathBuf::from(said(&linked, &["rev-parse", "--absolute-git-dir"]));
        let told: &[(&str, &Path)] = &[("GIT_DIR", &git_dir), ("GIT_INDEX_FILE", &git_dir.join("index"))];
        assert_eq!(staged(&linked, told), ["b.py there"]);
        assert_eq!(staged(&linked, &[]), ["b.py there"]);
        assert_eq!(staged(&folder, &[]), ["c.py here"]);
    }

    #[test]
    fn a_repository_that_lies_elsewhere_is_the_one_that_git_names() {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap().join("home");
        write(&folder, "sub/.bashrc", "export A=1");
        let git_dir = folder.join("dotfiles.git");
        git(&folder, &["init", "-q", "--bare", "dotfiles.git"]);
        let work_tree = format!("--work-tree={}", folder.display());
        git(&folder, &[&format!("--git-dir={}", git_dir.display()), &work_tree, "add", "sub/.bashrc"]);
        let sub = folder.join("sub");
        let asker = asker(&folder);
        assert!(Repository::of(&sub, &BTreeMap::new(), &asker).unwrap().is_none());
        let told = variables(&[("GIT_DIR", &git_dir), ("GIT_WORK_TREE", &folder)]);
        let found = Repository::of(&sub, &told, &asker).unwrap().unwrap();
        let paths: Vec<PathBuf> = asker.staged(&found).unwrap().into_iter().map(|change| change.path).collect();
        assert_eq!(paths, [Path::new("sub/.bashrc")]);
        assert_eq!(found.root, folder);
    }

    #[test]
    fn settings_that_change_what_a_person_sees_change_nothing_here() {
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
        assert_eq!(staged(&folder, &[]), ["a/b.py one", "c.py two"]);
        assert_eq!(staged(&folder.join("a"), &[]), ["a/b.py one", "c.py two"]);
    }

    #[test]
    fn blobs_come_whole_and_in_order_and_what_is_too_long_does_not() {
        let (_guard, folder) = repository();
        let long = vec![b'x'; usize::try_from(LONGEST).unwrap()];
        let texts: [&[u8]; 6] = [b"", b"\n", b"no end", b"\0\x01\n\xff", &long, &[&long[..], b"x"].concat()];
        for (number, text) in texts.iter().enumerate() {
            write(&folder, &format!("{number}"), text);
        }
        git(&folder, &["add", "."]);
        let asker = asker(folder.parent().unwrap());
        let found = Repository::of(&folder, &BTreeMap::new(), &asker).unwrap().unwrap();
        let changes = asker.staged(&found).unwrap();
        let missing = "0123456789012345678901234567890123456789";
        let mut blobs: Vec<&str> = changes.iter().map(|change| change.blob.as_str()).collect();
        blobs.insert(1, missing);
        let read: Vec<Option<Vec<u8>>> =
            asker.blobs(&found, &blobs).unwrap().into_iter().map(|bytes| Some(bytes?.to_vec())).collect();
        let mut expected: Vec<Option<Vec<u8>>> = texts.iter().map(|text| Some(text.to_vec())).collect();
        expected[5] = None;
        expected.insert(1, None);
        assert!(read == expected, "{:?}", read.iter().map(|bytes| bytes.as_ref().map(Vec::len)).collect::<Vec<_>>());
        // Eight of the longest fill what may be read of all of them together.
        let many: Vec<&str> = std::iter::repeat_n(blobs[5], 9).collect();
        let read = asker.blobs(&found, &many).unwrap();
        assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [[true; 8].as_slice(), &[false]].concat());
    }

    #[cfg(unix)]
    #[test]
    fn a_hostile_repository_runs_nothing() {
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
        assert_eq!(staged(&folder, &[]), ["a.py two was one"]);
        let hooks = asker(guard.path()).hooks(&folder).unwrap();
        assert_eq!(hooks.folder, folder, "asking where the hooks are runs none");
        assert!(!touched.exists());
    }
}
