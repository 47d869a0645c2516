//! The files that a push sends: those of its commits that no remote has.

use std::collections::{BTreeMap, HashSet};

use crate::io::git::GitClient;
use crate::io::git::index_repository::IndexRepository;
use crate::io::git::staged_files::{StagedFile, is_name};
use crate::io::os::path_of;

/// The maximum number of commits whose files count as already pushed.
const MOST_BASES: usize = 8;

/// The commits of a branch or tag that is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The object that is pushed. All zeros if the branch is deleted.
    to: String,
    /// The object that the remote has. All zeros for a new branch.
    from: String,
}

impl Range {
    fn is_deletion(&self) -> bool {
        is_zero(&self.to)
    }
}

fn is_zero(name: &str) -> bool {
    name.bytes().all(|digit| digit == b'0')
}

/// Parses the standard input of a `pre-push` hook, with a line `<local ref> <local object> <remote ref> <remote
/// object>` per ref. Returns the number of the first line with another form, 1-based, if there is one.
pub fn ranges(text: &str) -> Result<Vec<Range>, usize> {
    // From the right: the local ref is what the user typed, and may contain spaces: `:/fix the form`.
    let range = |line: &str| match *line.rsplitn(4, ' ').collect::<Vec<_>>().as_slice() {
        [from, _, to, _] if is_name(to) && is_name(from) => Some(Range { to: to.to_owned(), from: from.to_owned() }),
        _ => None,
    };
    text.lines().zip(1..).map(|(line, number)| range(line).ok_or(number)).collect()
}

/// Returns the range that pre-commit and prek pass in variables, because they consume standard input.
pub fn range_of(variables: &BTreeMap<String, String>) -> Vec<Range> {
    let name = |name: &str| variables.get(name).filter(|name| is_name(name)).cloned();
    match (name("PRE_COMMIT_TO_REF"), name("PRE_COMMIT_FROM_REF")) {
        (Some(to), from) => {
            let from = from.unwrap_or_else(|| "0".repeat(to.len()));
            vec![Range { to, from }]
        }
        _ => Vec::new(),
    }
}

#[derive(Debug, Default)]
pub struct Pushed {
    /// The distinct objects, each with a path that it has in one of the commits. Not all of them are files.
    pub objects: Vec<StagedFile>,
    /// The newest commits that the remote already has.
    pub bases: Vec<String>,
}

impl GitClient {
    /// Returns the objects of the commits in the ranges that no known remote has.
    pub fn pushed(&self, repository: &IndexRepository, ranges: &[Range]) -> Result<Pushed, String> {
        let wanted: Vec<&str> =
            ranges.iter().filter(|range| !range.is_deletion()).map(|range| range.to.as_str()).collect();
        if wanted.is_empty() {
            return Ok(Pushed::default());
        }
        let has: Vec<&str> = ranges.iter().map(|range| range.from.as_str()).filter(|from| !is_zero(from)).collect();
        // The remote's object may be from another user's push, and not fetched yet.
        let check = ["cat-file", "--batch-check=%(objectname)"];
        let known = if has.is_empty() {
            Vec::new()
        } else {
            self.in_repository(repository, &check, &(has.join("\n") + "\n"))?.to_vec()
        };
        let known = String::from_utf8_lossy(&known).into_owned();
        let mut arguments = vec!["rev-list", "--objects", "--boundary"];
        arguments.extend(wanted);
        arguments.extend(["--not", "--remotes"]);
        arguments.extend(known.lines().filter(|line| is_name(line)));
        arguments.push("--");
        let output = self.in_repository(repository, &arguments, "")?;
        let (mut pushed, mut seen) = (Pushed::default(), HashSet::new());
        for line in output.split(|&byte| byte == b'\n') {
            if let Some(base) = line.strip_prefix(b"-") {
                pushed.bases.push(String::from_utf8_lossy(base).into_owned());
            } else if let Some(at) = line.iter().position(|&byte| byte == b' ').filter(|at| at + 1 < line.len()) {
                let blob = String::from_utf8_lossy(&line[..at]).into_owned();
                if is_name(&blob) && seen.insert(blob.clone()) {
                    pushed.objects.push(StagedFile { path: path_of(&line[at + 1..]), blob, is_new: true });
                }
            }
        }
        pushed.bases.truncate(MOST_BASES);
        Ok(pushed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use crate::io::git::index_repository::IndexRepository;
    use crate::io::git::pushed_files::{range_of, ranges};
    use crate::io::git::staged_files::StagedFile;
    use crate::io::git::tests::{git, git_client, output, repository};

    const ZERO: &str = "0000000000000000000000000000000000000000";
    const SOME: &str = "0123456789012345678901234567890123456789";

    #[test]
    fn parses_only_ranges_in_git_format() {
        let line = format!("refs/heads/main {SOME} refs/heads/main {ZERO}\n");
        let count = |text: &str| ranges(text).map(|ranges| ranges.len());
        assert_eq!(count(""), Ok(0));
        assert_eq!(count(&line), Ok(1));
        assert_eq!(count(&line.repeat(2)), Ok(2));
        assert_eq!(count(&format!("HEAD~1 {0} refs/heads/x {0}", SOME.repeat(2)[..64].to_owned())), Ok(1));
        assert_eq!(count(&line.replace("refs/heads/main 0123", "HEAD@{1 day ago} 0123")), Ok(1));
        assert_eq!(count(&format!("{line}\n")), Err(2));
        for text in ["API_KEY=x\n", "a b c d\n", &format!("x\n{line}"), &line.replace(SOME, "--output=x")] {
            assert_eq!(count(text), Err(1), "{text}");
        }
        let variables = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(range_of(&variables(&[("PRE_COMMIT_TO_REF", SOME), ("PRE_COMMIT_FROM_REF", ZERO)])).len(), 1);
        assert_eq!(range_of(&variables(&[("PRE_COMMIT_TO_REF", "--all")])), []);
    }

    #[test]
    fn includes_files_of_all_commits_missing_on_remote() {
        let (_guard, folder) = repository();
        let commit = |name: &str, text: &str| {
            fs::write(folder.join(name), text).unwrap();
            git(&folder, &["add", "."]);
            git(&folder, &["commit", "-q", "-m", name]);
            output(&folder, &["rev-parse", "HEAD"])
        };
        let first = commit("a b.py", "one");
        commit("a b.py", "two");
        let third = commit("c.py", "three");
        let git_client = git_client(folder.parent().unwrap());
        let found = IndexRepository::of(&folder, &BTreeMap::new(), &git_client).unwrap().unwrap();
        let pushed = |to: &str, from: &str| {
            let line = format!("refs/heads/main {to} refs/heads/main {from}\n");
            let pushed = git_client.pushed(&found, &ranges(&line).unwrap()).unwrap();
            let text = |change: &StagedFile| output(&folder, &["cat-file", "blob", &change.blob]);
            let mut files: Vec<String> =
                pushed.objects.iter().map(|one| format!("{} {}", one.path.display(), text(one))).collect();
            files.sort();
            (files, pushed.bases)
        };
        assert_eq!(pushed(&third, ZERO).0, ["a b.py one", "a b.py two", "c.py three"]);
        assert_eq!(pushed(&third, SOME).0.len(), 3, "the remote's commit was never fetched");
        assert_eq!(
            pushed(&third, &first),
            (vec!["a b.py two".to_owned(), "c.py three".to_owned()], vec![first.clone()])
        );
        git(&folder, &["update-ref", "refs/remotes/origin/main", &first]);
        assert_eq!(pushed(&third, ZERO).0, ["a b.py two", "c.py three"]);
        assert_eq!(pushed(ZERO, &first).0, [""; 0], "deleting a branch sends nothing");
    }
}
