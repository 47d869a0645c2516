//! How deployed commits stand to the wanted one, as the local repository knows them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::drift::model::deployment::DeploymentSource;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{Code, Relation, SkippedPush, Unclear};
use crate::io::git::Asker;

/// Digits of a commit that are shown.
const SHORT: usize = 7;

/// A service whose code is asked about.
#[derive(Clone, Copy, Debug)]
pub struct RelationQuery<'q> {
    /// The commit that is declared: its digits or `HEAD`. Nothing stands for `HEAD`, too.
    pub declared: Option<&'q str>,
    pub running: &'q DeploymentSource,
    /// What the one was made from that is on its way.
    pub coming: Option<&'q DeploymentSource>,
    /// What a push had that Railway declined to build.
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

/// Returns the answers, in the order of the questions. git is started three times for all of them, and once more for
/// each pair of commits that differ; not at all where nothing could come of it.
pub fn relate(asker: &Asker, root: Option<&Path>, questions: &[RelationQuery<'_>]) -> Vec<Observed<Code>> {
    let is_open = |question: &&RelationQuery<'_>| commit(question.running).is_some() && question.is_askable();
    let open: Vec<&RelationQuery<'_>> = questions.iter().filter(is_open).collect();
    let known = match root {
        None => Err("this folder is in no git repository".to_owned()),
        Some(_) if open.is_empty() => Ok(None),
        Some(root) => RelationCache::query(asker, root, &open).map(Some),
    };
    let mut known = known;
    questions.iter().map(|question| answer(question, root.is_some(), &mut known)).collect()
}

impl RelationQuery<'_> {
    fn is_askable(&self) -> bool {
        self.wanted() == "HEAD" || is_hash(self.wanted())
    }
}

fn answer(
    question: &RelationQuery<'_>,
    in_repository: bool,
    known: &mut Result<Option<RelationCache<'_>>, String>,
) -> Observed<Code> {
    if question.declared.is_none() && (!in_repository || commit(question.running).is_none()) {
        return Observed::NotRequested;
    }
    let unclear = |unclear| Relation::Unclear(unclear);
    let mut relation = |origin: &DeploymentSource| match (commit(origin), &mut *known) {
        (None, _) => unclear(origin.image.clone().map_or(Unclear::NoCommit, Unclear::Image)),
        (_, Err(why)) => unclear(Unclear::NoGit(why.clone())),
        (_, Ok(None)) => unclear(Unclear::UnknownWanted),
        (Some(commit), Ok(Some(repository))) => repository.relation(question.wanted(), origin, commit),
    };
    let running = relation(question.running);
    let coming = question.coming.map(&mut relation);
    let skipped = question.skipped.map(|origin| SkippedPush {
        commit: short(origin.commit.as_deref().unwrap_or_default()).to_owned(),
        reason: origin.skip_reason(),
        relation: relation(origin),
    });
    let head = known.as_ref().ok().and_then(Option::as_ref).and_then(|known| known.commits.get("HEAD")?.clone());
    let wanted = match question.wanted() {
        "HEAD" => head.as_deref().map_or("HEAD", short).to_owned(),
        digits => short(digits).to_owned(),
    };
    let commits = known.as_ref().ok().and_then(Option::as_ref).map(|known| &known.commits);
    let commit = commits.and_then(|commits| commits.get(question.wanted())?.clone());
    Observed::Known(Code { wanted, commit, running, coming, skipped })
}

/// What was asked of a repository so far.
struct RelationCache<'r> {
    asker: &'r Asker,
    root: &'r Path,
    /// `owner/name` of every remote, in small letters.
    remotes: Vec<String>,
    /// As it was asked for → the full hash, where there is such a commit.
    commits: BTreeMap<String, Option<String>>,
    /// The branch that is checked out, if one is.
    branch: Option<String>,
    /// Pairs that were compared: deployed, wanted.
    compared: BTreeMap<(String, String), Relation>,
}

impl<'r> RelationCache<'r> {
    fn query(asker: &'r Asker, root: &'r Path, questions: &[&RelationQuery<'_>]) -> Result<Self, String> {
        let remotes = asker.ask(root, &["remote", "-v"], "")?;
        let remotes = remotes.lines().filter_map(|line| line.split_once('\t')?.1.split(' ').next());
        let branch = asker.ask(root, &["branch", "--show-current"], "")?.trim().to_owned();
        let mut names: Vec<&str> = questions.iter().map(|question| question.wanted()).collect();
        names.extend(questions.iter().flat_map(|question| question.origins()).filter_map(commit));
        names.sort_unstable();
        names.dedup();
        let lines: Vec<String> = names.iter().map(|name| format!("{name}^{{commit}}\n")).collect();
        let found = asker.ask(root, &["cat-file", "--batch-check=%(objectname) %(objecttype)"], &lines.concat())?;
        let hash = |line: &str| line.strip_suffix(" commit").filter(|hash| is_hash(hash)).map(ToOwned::to_owned);
        let commits = names.iter().map(|&name| name.to_owned()).zip(found.lines().map(hash)).collect();
        Ok(Self {
            asker,
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
            return unclear(Unclear::OtherRepository(theirs.clone()));
        }
        let find = |name: &str| self.commits.get(name).cloned().flatten();
        let Some(wanted_hash) = find(wanted) else { return unclear(Unclear::UnknownWanted) };
        let Some(deployed) = find(commit) else { return unclear(Unclear::UnknownCommit(short(commit).to_owned())) };
        let relation = self.compare(&deployed, &wanted_hash);
        let is_old = matches!(relation, Relation::Behind(_) | Relation::Diverged);
        // What is checked out is wanted only on the branch that is deployed.
        match (&origin.branch, &self.branch) {
            (Some(theirs), Some(ours)) if is_old && wanted == "HEAD" && theirs != ours => {
                unclear(Unclear::OtherBranch(theirs.clone()))
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
        let relation = self.count(deployed, wanted).unwrap_or_else(|why| Relation::Unclear(Unclear::NoGit(why)));
        self.compared.insert(pair, relation.clone());
        relation
    }

    /// An ancestor has no commit that its descendant lacks.
    fn count(&self, deployed: &str, wanted: &str) -> Result<Relation, String> {
        let range = format!("{deployed}...{wanted}");
        let counted = self.asker.ask(self.root, &["rev-list", "--left-right", "--count", &range, "--"], "")?;
        let mut numbers = counted.split_whitespace().map(str::parse::<usize>);
        Ok(match (numbers.next(), numbers.next()) {
            (Some(Ok(0)), Some(Ok(behind))) => Relation::Behind(behind),
            (Some(Ok(_)), Some(Ok(0))) => Relation::Newer,
            (Some(Ok(_)), Some(Ok(_))) if self.is_shallow()? => {
                // Where the history was cut, one may be the other's ancestor all the same.
                Relation::Unclear(Unclear::UnknownCommit(short(deployed).to_owned()))
            }
            (Some(Ok(_)), Some(Ok(_))) => Relation::Diverged,
            _ => return Err("git does not count its commits".to_owned()),
        })
    }

    fn is_shallow(&self) -> Result<bool, String> {
        Ok(self.asker.ask(self.root, &["rev-parse", "--is-shallow-repository"], "")?.trim() == "true")
    }
}

/// Returns the commit that an origin names, if it can be one: nothing else is handed to git.
fn commit(origin: &DeploymentSource) -> Option<&str> {
    origin.commit.as_deref().filter(|commit| is_hash(commit))
}

fn is_hash(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}

/// `owner/name` of a remote's address, in small letters: `https://github.com/owner/name.git`, `git@github.com:owner/name`.
fn repository(url: &str) -> Option<String> {
    let path = url.trim_end_matches('/').trim_end_matches(".git").replace(':', "/");
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::drift::model::deployment::{DeploymentSource, SkipReason};
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::{Code, Relation, SkippedPush, Unclear};
    use crate::io::git::commit_relation::{RelationQuery, relate, repository};
    use crate::io::git::tests::{asker, git, output};

    /// Returns a repository with three commits on `main` and one beside them, and all of their hashes.
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
        let question = RelationQuery { declared, running, coming: None, skipped: None };
        relate(&asker(folder), Some(folder), &[question]).remove(0)
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
        let Observed::Known(code) = ask(&folder, None, &origin(&second)) else { panic!("it is known") };
        assert_eq!(code.wanted, third[..7]);
        let (running, coming) = (origin(&second), origin(&third));
        let question =
            RelationQuery { declared: Some(&third), running: &running, coming: Some(&coming), skipped: Some(&running) };
        let found = relate(&asker(&folder), Some(&folder), &[question]).remove(0);
        let expected = Code {
            wanted: third[..7].to_owned(),
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
                Unclear::OtherRepository(text("team/web")),
            ),
            (None, with(&|origin| origin.branch = Some(text("staging"))), Unclear::OtherBranch(text("staging"))),
            (None, with(&|origin| origin.commit = Some(text(unknown))), Unclear::UnknownCommit(text("0123456"))),
            (Some(unknown), origin(&second), Unclear::UnknownWanted),
            (Some("--help"), origin(&second), Unclear::UnknownWanted),
            (Some("main"), origin(&second), Unclear::UnknownWanted),
            (Some("HEAD"), with(&|origin| origin.commit = None), Unclear::NoCommit),
            (Some("HEAD"), with(&|origin| origin.commit = Some(text("--all"))), Unclear::NoCommit),
            (
                Some("HEAD"),
                DeploymentSource { image: Some(text("redis:8")), ..DeploymentSource::default() },
                Unclear::Image(text("redis:8")),
            ),
        ] {
            assert_eq!(relation(&folder, declared, &running), Relation::Unclear(expected), "{declared:?} {running:?}");
        }
        // A declared commit is wanted whatever is checked out, and so is one that is there already.
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
        assert_eq!(known, Relation::Unclear(Unclear::UnknownCommit(beside[..7].to_owned())));
        let missing = relation(&cut, None, &origin(&second));
        assert_eq!(missing, Relation::Unclear(Unclear::UnknownCommit(second[..7].to_owned())));
    }

    #[test]
    fn git_is_not_run_when_result_is_impossible() {
        let (_guard, folder, [first, ..]) = history();
        let nowhere =
            crate::io::git::Asker::new(&std::collections::BTreeMap::from([("PATH".to_owned(), "/nowhere".to_owned())]));
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
        assert_eq!(why(ask(Some(&folder), Some("HEAD"), &without)), Unclear::NoCommit);
        let no_repository = Unclear::NoGit("this folder is in no git repository".to_owned());
        assert_eq!(why(ask(None, Some("HEAD"), &with_commit)), no_repository);
        assert_eq!(why(ask(Some(&folder), None, &with_commit)), Unclear::NoGit("git is not installed".to_owned()));
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
