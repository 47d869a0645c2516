//! The staged files, read from the index. Neither the working tree nor filters are used.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::io::files::{self, ReadOutcome};
use crate::io::git::GitClient;
use crate::io::git::index_repository::IndexRepository;
use crate::io::os::path_of;

/// The maximum size of `MERGE_HEAD`, which has a line of 41 bytes per commit.
const MERGE_HEAD: u64 = 1 << 16;

/// A file of the git directory that lists commits whose lines the next commit takes over.
struct CommitList {
    name: &'static str,
    /// What follows the name of a commit to get the commit with these lines.
    suffix: &'static str,
}

/// A merge, a cherry-pick or a rebase in progress takes over the lines of that commit; a revert those of its parent.
const REBASE: &str = "REBASE_HEAD";

const SOURCES: [CommitList; 4] = [
    CommitList { name: "MERGE_HEAD", suffix: "" },
    CommitList { name: "CHERRY_PICK_HEAD", suffix: "" },
    CommitList { name: REBASE, suffix: "" },
    CommitList { name: "REVERT_HEAD", suffix: "^" },
];

/// A file that the next commit adds or changes, or that a push sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    /// Relative to the root of the working tree.
    pub path: PathBuf,
    /// The name of the object with its content.
    pub blob: String,
    /// Whether `HEAD` has no file of that name.
    pub is_new: bool,
}

impl GitClient {
    /// Returns the files that the next commit adds or changes relative to `HEAD` and to these commits, which leaves out
    /// the files of a merged branch. Also left out are files that were only moved, and submodules.
    pub fn staged(&self, repository: &IndexRepository, sources: &[String]) -> Result<Vec<StagedFile>, String> {
        let (mut changes, mut before) = self.changed(repository, None)?;
        for source in sources {
            let (others, known) = self.changed(repository, Some(source))?;
            let others: HashSet<(PathBuf, String)> =
                others.into_iter().map(|change| (change.path, change.blob)).collect();
            changes.retain(|change| others.contains(&(change.path.clone(), change.blob.clone())));
            before.extend(known);
        }
        changes.retain(|change| !before.contains(&change.blob));
        Ok(changes)
    }

    /// Returns the commits besides `HEAD` whose lines the next commit takes over.
    pub fn sources(&self, repository: &IndexRepository) -> Result<Vec<String>, String> {
        let folder = self.git_dir(repository)?;
        let mut commits = Vec::new();
        // git leaves REBASE_HEAD behind when a rebase with conflicts ends.
        let is_rebasing =
            ["rebase-merge", "rebase-apply"].iter().any(|name| folder.join(name).symlink_metadata().is_ok());
        for CommitList { name, suffix } in SOURCES.into_iter().filter(|list| is_rebasing || list.name != REBASE) {
            if let ReadOutcome::Text(text) = files::read_text(&folder.join(name), MERGE_HEAD) {
                let names = text.expose().lines().filter(|line| is_name(line));
                commits.extend(names.map(|name| format!("{name}{suffix}")));
            }
        }
        if commits.is_empty() {
            return Ok(commits);
        }
        // A root commit has no parent, and another process may have ended the rebase.
        let check = ["cat-file", "--batch-check=%(objecttype) %(objectname)"];
        let found = self.in_repository(repository, &check, &(commits.join("\n") + "\n"))?;
        let found = String::from_utf8_lossy(&found);
        Ok(found.lines().filter_map(|line| line.strip_prefix("commit ")).map(str::to_owned).collect())
    }

    /// Returns the files of the index that differ from a commit, and the blobs that these files have in the commit.
    fn changed(
        &self,
        repository: &IndexRepository,
        commit: Option<&str>,
    ) -> Result<(Vec<StagedFile>, HashSet<String>), String> {
        let mut arguments =
            vec!["diff", "--cached", "--raw", "--no-abbrev", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
        arguments.extend(commit);
        let output = self.in_repository(repository, &arguments, "")?;
        let mut fields = output.split(|&byte| byte == 0);
        let (mut changes, mut known) = (Vec::new(), HashSet::new());
        while let (Some(row), Some(path)) = (fields.next(), fields.next()) {
            let row = String::from_utf8_lossy(row);
            let [_, mode, before, blob, status] = *row.split(' ').collect::<Vec<_>>().as_slice() else { continue };
            known.insert(before.to_owned());
            // Files and symbolic links. The blob of a link contains its target.
            if (mode.starts_with("100") || mode.starts_with("120")) && matches!(status, "A" | "M" | "T") {
                let is_new = before.bytes().all(|digit| digit == b'0');
                changes.push(StagedFile { path: path_of(path), blob: blob.to_owned(), is_new });
            }
        }
        Ok((changes, known))
    }
}

/// Returns whether the text is the full name of an object.
pub(super) fn is_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::io::git::index_repository::IndexRepository;
    use crate::io::git::staged_files::StagedFile;
    use crate::io::git::tests::{git, git_client, output, repository};

    fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn variables(pairs: &[(&str, &Path)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), path.to_str().unwrap().to_owned())).collect()
    }

    /// Returns `NAME TEXT` of each staged file, followed by `new` if `HEAD` does not have the file.
    fn staged(folder: &Path, environment: &[(&str, &Path)]) -> Vec<String> {
        let git_client = git_client(folder.parent().unwrap());
        let repository = IndexRepository::of(folder, &variables(environment), &git_client).unwrap().unwrap();
        let sources = git_client.sources(&repository).unwrap();
        let changes = git_client.staged(&repository, &sources).unwrap();
        let line = |change: &StagedFile| {
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
        assert_eq!(staged(&folder, &[]), ["a.py changed since"], "a removed file is not included");
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
        // Like `git commit FILE`, which uses a temporary index.
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
        let environment: &[(&str, &Path)] =
            &[("GIT_DIR", &git_dir), ("GIT_INDEX_FILE", &index), ("GIT_WORK_TREE", &other), ("GIT_PREFIX", &other)];
        assert_eq!(staged(&folder, environment), expected[1..], "another repository's hook has called this one");
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
        let environment: &[(&str, &Path)] = &[("GIT_DIR", &git_dir), ("GIT_INDEX_FILE", &git_dir.join("index"))];
        assert_eq!(staged(&linked, environment), ["b.py there new"]);
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
        let git_client = git_client(&folder);
        assert!(IndexRepository::of(&sub, &BTreeMap::new(), &git_client).unwrap().is_none());
        let environment = variables(&[("GIT_DIR", &git_dir), ("GIT_WORK_TREE", &folder)]);
        let found = IndexRepository::of(&sub, &environment, &git_client).unwrap().unwrap();
        let paths: Vec<PathBuf> =
            git_client.staged(&found, &[]).unwrap().into_iter().map(|change| change.path).collect();
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
        let git_client = git_client(folder.parent().unwrap());
        let found = IndexRepository::of(&folder, &BTreeMap::new(), &git_client).unwrap().unwrap();
        assert_eq!(git_client.sources(&found), Ok(vec![side]));
    }

    #[test]
    fn lines_of_picked_and_reverted_commits_are_not_staged() {
        let (_guard, folder) = repository();
        let commit = |name: &str, text: &str| {
            write(&folder, name, text);
            git(&folder, &["add", "."]);
            git(&folder, &["commit", "-q", "-m", text]);
            output(&folder, &["rev-parse", "HEAD"])
        };
        let first = commit("a", "one");
        let second = commit("a", "two");
        let third = commit("a", "three");
        let root = git_client(folder.parent().unwrap());
        let sources =
            || root.sources(&IndexRepository::of(&folder, &BTreeMap::new(), &root).unwrap().unwrap()).unwrap();
        let left_behind = folder.join(".git/REBASE_HEAD");
        fs::write(&left_behind, format!("{second}\n")).unwrap();
        assert_eq!(sources(), [""; 0], "a rebase that has ended leaves the file behind");
        fs::remove_file(left_behind).unwrap();
        fs::create_dir(folder.join(".git/rebase-merge")).unwrap();
        for (file, named, expected) in [
            ("CHERRY_PICK_HEAD", &second, Some(&second)),
            ("REBASE_HEAD", &second, Some(&second)),
            ("REVERT_HEAD", &third, Some(&second)),
            ("REVERT_HEAD", &first, None),
            ("REBASE_HEAD", &"0123456789".repeat(4), None),
            ("ORIG_HEAD", &second, None),
        ] {
            let path = folder.join(".git").join(file);
            fs::write(&path, format!("{named}\n")).unwrap();
            assert_eq!(sources(), expected.into_iter().cloned().collect::<Vec<_>>(), "{file}");
            write(&folder, "a", "two");
            git(&folder, &["add", "."]);
            let expected = if expected.is_some() { vec![] } else { vec!["a two"] };
            assert_eq!(staged(&folder, &[]), expected, "{file} {named}");
            fs::remove_file(path).unwrap();
        }
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
        let hooks = git_client(guard.path()).hooks(&folder).unwrap();
        assert_eq!(hooks.folder, folder, "finding the hooks directory runs no hook");
        assert!(!touched.exists());
    }
}
