//! Determines from the local history how deployed commits relate to the expected commit.

use std::collections::BTreeMap;
use std::path::Path;

use crate::drift::model::deployment::DeploymentSource;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{Code, IncomparableCommit, Relation, SkippedPush};
use crate::io::git::GitClient;

/// The number of digits of a commit that are shown.
const SHORT: usize = 7;

/// The deployments of a service whose commits are compared.
#[derive(Clone, Copy, Debug)]
pub struct RelationQuery<'q> {
    /// The declared commit: its digits or `HEAD`. `None` means `HEAD`.
    pub declared: Option<&'q str>,
    pub running: &'q DeploymentSource,
    /// The source of a deployment in progress.
    pub coming: Option<&'q DeploymentSource>,
    /// The source of a push that Railway did not build.
    pub skipped: Option<&'q DeploymentSource>,
}

impl<'q> RelationQuery<'q> {
    fn wanted(&self) -> &'q str {
        self.declared.unwrap_or("HEAD")
    }

    fn origins(&self) -> impl Iterator<Item = &'q DeploymentSource> + use<'q> {
        [Some(self.running), self.coming, self.skipped].into_iter().flatten()
    }
}

/// Returns the relations, in the order of the queries. Runs git three times in total, and again for each pair of
/// different commits. Does not run git if the result can't depend on it.
pub fn relate(git_client: &GitClient, root: Option<&Path>, queries: &[RelationQuery<'_>]) -> Vec<Observed<Code>> {
    let needs_git = |query: &&RelationQuery<'_>| commit(query.running).is_some() && query.has_valid_commit();
    let open: Vec<&RelationQuery<'_>> = queries.iter().filter(needs_git).collect();
    let known = match root {
        None => Err("this directory is not in a git repository".to_owned()),
        Some(_) if open.is_empty() => Ok(None),
        Some(root) => RelationCache::query(git_client, root, &open).map(Some),
    };
    let mut known = known;
    queries.iter().map(|query| code(query, root.is_some(), &mut known)).collect()
}

impl RelationQuery<'_> {
    fn has_valid_commit(&self) -> bool {
        self.wanted() == "HEAD" || is_hash(self.wanted())
    }
}

fn code(
    query: &RelationQuery<'_>,
    in_repository: bool,
    known: &mut Result<Option<RelationCache<'_>>, String>,
) -> Observed<Code> {
    if query.declared.is_none() && (!in_repository || commit(query.running).is_none()) {
        return Observed::NotRequested;
    }
    let unclear = |unclear| Relation::Unclear(unclear);
    let mut relation = |origin: &DeploymentSource| match (commit(origin), &mut *known) {
        (None, _) => unclear(origin.image.clone().map_or(IncomparableCommit::NoCommit, IncomparableCommit::Image)),
        (_, Err(why)) => unclear(IncomparableCommit::NoGit(why.clone())),
        (_, Ok(None)) => unclear(IncomparableCommit::UnknownWanted),
        (Some(commit), Ok(Some(repository))) => repository.relation(query.wanted(), origin, commit),
    };
    let running = relation(query.running);
    let coming = query.coming.map(&mut relation);
    let skipped = query.skipped.map(|origin| SkippedPush {
        commit: short(origin.commit.as_deref().unwrap_or_default()).to_owned(),
        reason: origin.skip_reason(),
        relation: relation(origin),
    });
    let head = known.as_ref().ok().and_then(Option::as_ref).and_then(|known| known.commits.get("HEAD")?.clone());
    let wanted = match query.wanted() {
        "HEAD" => head.as_deref().map_or("HEAD", short).to_owned(),
        digits => short(digits).to_owned(),
    };
    let commits = known.as_ref().ok().and_then(Option::as_ref).map(|known| &known.commits);
    let commit = commits.and_then(|commits| commits.get(query.wanted())?.clone());
    Observed::Known(Code { expected: wanted, commit, running, coming, skipped })
}

/// The results of git queries about a repository.
struct RelationCache<'r> {
    git_client: &'r GitClient,
    root: &'r Path,
    /// `owner/name` of every remote, in lower case.
    remotes: Vec<String>,
    /// Name in a query → full hash, or `None` if there is no such commit.
    commits: BTreeMap<String, Option<String>>,
    /// The current branch, if any.
    branch: Option<String>,
    /// (deployed, wanted) → relation.
    compared: BTreeMap<(String, String), Relation>,
}

impl<'r> RelationCache<'r> {
    fn query(git_client: &'r GitClient, root: &'r Path, queries: &[&RelationQuery<'_>]) -> Result<Self, String> {
        let remotes = git_client.ask(root, &["remote", "-v"], "")?;
        let remotes = remotes.lines().filter_map(|line| line.split_once('\t')?.1.split(' ').next());
        let branch = git_client.ask(root, &["branch", "--show-current"], "")?.trim().to_owned();
        let mut names: Vec<&str> = queries.iter().map(|query| query.wanted()).collect();
        names.extend(queries.iter().flat_map(|query| query.origins()).filter_map(commit));
        names.sort_unstable();
        names.dedup();
        let lines: Vec<String> = names.iter().map(|name| format!("{name}^{{commit}}\n")).collect();
        let found =
            git_client.ask(root, &["cat-file", "--batch-check=%(objectname) %(objecttype)"], &lines.concat())?;
        let hash = |line: &str| line.strip_suffix(" commit").filter(|hash| is_hash(hash)).map(ToOwned::to_owned);
        let commits = names.iter().map(|&name| name.to_owned()).zip(found.lines().map(hash)).collect();
        Ok(Self {
            git_client,
            root,
            remotes: remotes.filter_map(repository).collect(),
            commits,
            branch: Some(branch).filter(|branch| !branch.is_empty()),
            compared: BTreeMap::new(),
        })
    }

    fn relation(&mut self, wanted: &str, origin: &DeploymentSource, commit: &str) -> Relation {
        let unclear = Relation::Unclear;
        let theirs = origin.repository.as_ref();
        if let Some(theirs) = theirs.filter(|theirs| !self.remotes.contains(&theirs.to_lowercase())) {
            return unclear(IncomparableCommit::OtherRepository(theirs.clone()));
        }
        let find = |name: &str| self.commits.get(name).cloned().flatten();
        let Some(wanted_hash) = find(wanted) else { return unclear(IncomparableCommit::UnknownWanted) };
        let Some(deployed) = find(commit) else {
            return unclear(IncomparableCommit::UnknownCommit(short(commit).to_owned()));
        };
        let relation = self.compare(&deployed, &wanted_hash);
        let is_old = matches!(relation, Relation::Behind(_) | Relation::Diverged);
        // `HEAD` is the expected commit only on the branch that is deployed.
        match (&origin.branch, &self.branch) {
            (Some(theirs), Some(ours)) if is_old && wanted == "HEAD" && theirs != ours => {
                unclear(IncomparableCommit::OtherBranch(theirs.clone()))
            }
            _ => relation,
        }
    }

    fn compare(&mut self, deployed: &str, wanted: &str) -> Relation {
        if deployed == wanted {
            return Relation::Same;
        }
        let pair = (deployed.to_owned(), wanted.to_owned());
        if let Some(known) = self.compared.get(&pair) {
            return known.clone();
        }
        let relation =
            self.count(deployed, wanted).unwrap_or_else(|why| Relation::Unclear(IncomparableCommit::NoGit(why)));
        self.compared.insert(pair, relation.clone());
        relation
    }

    /// Counts the commits on each side. An ancestor has none that its descendant lacks.
    fn count(&self, deployed: &str, wanted: &str) -> Result<Relation, String> {
        let range = format!("{deployed}...{wanted}");
        let counted = self.git_client.ask(self.root, &["rev-list", "--left-right", "--count", &range, "--"], "")?;
        let mut numbers = counted.split_whitespace().map(str::parse::<usize>);
        Ok(match (numbers.next(), numbers.next()) {
            (Some(Ok(0)), Some(Ok(behind))) => Relation::Behind(behind),
            (Some(Ok(_)), Some(Ok(0))) => Relation::Newer,
            (Some(Ok(_)), Some(Ok(_))) if self.is_shallow()? => {
                // In a shallow clone, one may be an ancestor of the other beyond the end of the history.
                Relation::Unclear(IncomparableCommit::UnknownCommit(short(deployed).to_owned()))
            }
            (Some(Ok(_)), Some(Ok(_))) => Relation::Diverged,
            _ => return Err("git reported no commit counts".to_owned()),
        })
    }

    fn is_shallow(&self) -> Result<bool, String> {
        Ok(self.git_client.ask(self.root, &["rev-parse", "--is-shallow-repository"], "")?.trim() == "true")
    }
}

/// Returns the commit of an origin if it is a valid hash. Nothing else is passed to git.
fn commit(origin: &DeploymentSource) -> Option<&str> {
    origin.commit.as_deref().filter(|commit| is_hash(commit))
}

fn is_hash(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}

/// Returns `owner/name` in lower case from a remote's URL, such as `https://github.com/owner/name.git` or
/// `git@github.com:owner/name`.
fn repository(url: &str) -> Option<String> {
    let path = url.trim_end_matches('/').trim_end_matches(".git").replace(':', "/");
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use crate::drift::model::deployment::{DeploymentSource, SkipReason};
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::{Code, IncomparableCommit, Relation, SkippedPush};
    use crate::io::git::GitClient;
    use crate::io::git::commit_relation::{RelationQuery, relate, repository};
    use crate::io::git::tests::{git, git_client, output};

    /// Returns a repository with three commits on `main` and one on another branch, and their hashes.
    fn history() -> (tempfile::TempDir, PathBuf, [String; 4]) {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap().join("shop");
        std::fs::create_dir(&folder).unwrap();
        git(&folder, &["init", "-q"]);
        git(&folder, &["remote", "add", "origin", "git@github.com:Team/Shop.git"]);
        let commit = |message: &str| {
            git(&folder, &["commit", "-q", "--allow-empty", "-m", message]);
            output(&folder, &["rev-parse", "HEAD"])
        };
        let first = commit("first");
        git(&folder, &["checkout", "-q", "-b", "beside"]);
        let beside = commit("beside");
        git(&folder, &["checkout", "-q", "main"]);
        let hashes = [first, commit("second"), commit("third"), beside];
        (guard, folder, hashes)
    }

    fn origin(commit: &str) -> DeploymentSource {
        DeploymentSource {
            commit: Some(commit.to_owned()),
            repository: Some("team/shop".to_owned()),
            branch: Some("main".to_owned()),
            ..DeploymentSource::default()
        }
    }

    fn ask(folder: &Path, declared: Option<&str>, running: &DeploymentSource) -> Observed<Code> {
        let query = RelationQuery { declared, running, coming: None, skipped: None };
        relate(&git_client(folder), Some(folder), &[query]).remove(0)
    }

    fn relation(folder: &Path, declared: Option<&str>, running: &DeploymentSource) -> Relation {
        match ask(folder, declared, running) {
            Observed::Known(code) => code.running,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn determines_relation_from_history() {
        let (_guard, folder, [first, second, third, beside]) = history();
        for (declared, running, expected) in [
            (None, &third, Relation::Same),
            (None, &second, Relation::Behind(1)),
            (Some("HEAD"), &first, Relation::Behind(2)),
            (Some(second.as_str()), &third, Relation::Newer),
            (Some(&second[..7]), &second, Relation::Same),
            (Some(second.as_str()), &beside, Relation::Diverged),
            (None, &beside, Relation::Diverged),
        ] {
            assert_eq!(relation(&folder, declared, &origin(running)), expected, "{declared:?} {running}");
        }
        let Observed::Known(code) = ask(&folder, None, &origin(&second)) else { panic!("the commits are known") };
        assert_eq!(code.expected, third[..7]);
        let (running, coming) = (origin(&second), origin(&third));
        let query =
            RelationQuery { declared: Some(&third), running: &running, coming: Some(&coming), skipped: Some(&running) };
        let found = relate(&git_client(&folder), Some(&folder), &[query]).remove(0);
        let expected = Code {
            expected: third[..7].to_owned(),
            commit: Some(third.clone()),
            running: Relation::Behind(1),
            coming: Some(Relation::Same),
            skipped: Some(SkippedPush {
                commit: second[..7].to_owned(),
                reason: SkipReason::Unknown,
                relation: Relation::Behind(1),
            }),
        };
        assert_eq!(found, Observed::Known(expected));
    }

    #[test]
    fn unclear_relation_has_reason() {
        let (_guard, folder, [first, second, third, _]) = history();
        let with = |change: &dyn Fn(&mut DeploymentSource)| {
            let mut origin = origin(&second);
            change(&mut origin);
            origin
        };
        let unknown = "0123456789012345678901234567890123456789";
        let text = |text: &str| text.to_owned();
        for (declared, running, expected) in [
            (
                None,
                with(&|origin| origin.repository = Some(text("team/web"))),
                IncomparableCommit::OtherRepository(text("team/web")),
            ),
            (
                None,
                with(&|origin| origin.branch = Some(text("staging"))),
                IncomparableCommit::OtherBranch(text("staging")),
            ),
            (
                None,
                with(&|origin| origin.commit = Some(text(unknown))),
                IncomparableCommit::UnknownCommit(text("0123456")),
            ),
            (Some(unknown), origin(&second), IncomparableCommit::UnknownWanted),
            (Some("--help"), origin(&second), IncomparableCommit::UnknownWanted),
            (Some("main"), origin(&second), IncomparableCommit::UnknownWanted),
            (Some("HEAD"), with(&|origin| origin.commit = None), IncomparableCommit::NoCommit),
            (Some("HEAD"), with(&|origin| origin.commit = Some(text("--all"))), IncomparableCommit::NoCommit),
            (
                Some("HEAD"),
                DeploymentSource { image: Some(text("redis:8")), ..DeploymentSource::default() },
                IncomparableCommit::Image(text("redis:8")),
            ),
        ] {
            assert_eq!(relation(&folder, declared, &running), Relation::Unclear(expected), "{declared:?} {running:?}");
        }
        // The branch doesn't matter for a declared commit, or for one that is already deployed.
        let other_branch = with(&|origin| origin.branch = Some(text("staging")));
        assert_eq!(relation(&folder, Some(&third), &other_branch), Relation::Behind(1));
        git(&folder, &["checkout", "-q", "--detach", &first]);
        assert_eq!(relation(&folder, None, &other_branch), Relation::Newer);
        git(&folder, &["checkout", "-q", "--detach", &third]);
        assert_eq!(relation(&folder, None, &other_branch), Relation::Behind(1), "no branch is checked out");
    }

    #[test]
    fn shallow_clone_never_reports_diverged() {
        let (guard, folder, [_, second, _, beside]) = history();
        let cut = guard.path().canonicalize().unwrap().join("cut");
        let url = format!("file://{}", folder.display());
        git(guard.path(), &["clone", "-q", "--depth=1", "--no-single-branch", &url, cut.to_str().unwrap()]);
        git(&cut, &["remote", "add", "up", "https://github.com/team/shop"]);
        let known = relation(&cut, None, &origin(&beside));
        assert_eq!(known, Relation::Unclear(IncomparableCommit::UnknownCommit(beside[..7].to_owned())));
        let missing = relation(&cut, None, &origin(&second));
        assert_eq!(missing, Relation::Unclear(IncomparableCommit::UnknownCommit(second[..7].to_owned())));
    }

    #[test]
    fn git_is_not_run_when_result_is_impossible() {
        let (_guard, folder, [first, ..]) = history();
        let nowhere = GitClient::new(&BTreeMap::from([("PATH".to_owned(), "/nowhere".to_owned())]));
        let with_commit = origin(&first);
        let without = DeploymentSource::default();
        let ask = |root: Option<&Path>, declared, running| {
            relate(&nowhere, root, &[RelationQuery { declared, running, coming: None, skipped: None }]).remove(0)
        };
        assert_eq!(ask(None, None, &with_commit), Observed::NotRequested);
        assert_eq!(ask(Some(&folder), None, &without), Observed::NotRequested);
        let why = |found: Observed<Code>| match found {
            Observed::Known(Code { running: Relation::Unclear(why), .. }) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(ask(Some(&folder), Some("HEAD"), &without)), IncomparableCommit::NoCommit);
        let no_repository = IncomparableCommit::NoGit("this directory is not in a git repository".to_owned());
        assert_eq!(why(ask(None, Some("HEAD"), &with_commit)), no_repository);
        assert_eq!(
            why(ask(Some(&folder), None, &with_commit)),
            IncomparableCommit::NoGit("git is not installed".to_owned())
        );
    }

    #[test]
    fn remote_urls_map_to_repository_name() {
        for url in [
            "https://github.com/Team/Shop.git",
            "https://user:pw@github.com/team/shop/",
            "git@github.com:team/shop.git",
            "ssh://git@github.com:22/team/shop",
        ] {
            assert_eq!(repository(url).as_deref(), Some("team/shop"), "{url}");
        }
        assert_eq!(repository("shop"), None);
    }
}
