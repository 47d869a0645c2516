//! Searches the files of a commit or a push for secrets.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::commands::env_files::ReadAhead;
use crate::commands::hook::local_values::{self, FoundBelow};
use crate::drift::Severity;
use crate::drift::leak::{self, CommittedFile, FileKind, FileOrigin, KnownSecrets, Leak, LeakCandidate};
use crate::drift::rules::of_staged_files;
use crate::io::config::Config;
use crate::io::files::display_path;
use crate::io::git::GitClient;
use crate::io::git::blobs::{Unread, WantedBlob};
use crate::io::git::index_repository::IndexRepository;
use crate::io::git::pushed_files::{Pushed, Range};
use crate::io::git::staged_files::StagedFile;
use crate::io::world::World;

/// The most leaks that are processed. More of them mean that the commit must be redone anyway.
const MOST_LEAKS: usize = 1000;

/// The most texts that are searched for in existing commits.
const MOST_TEXTS: usize = 200;

/// The inputs of a search.
pub(super) struct StagedSearch<'s> {
    pub(super) env_file: &'s [PathBuf],
    /// The streams that `--env-file` names.
    pub(super) streams: &'s ReadAhead,
    pub(super) config: Option<&'s Config>,
    pub(super) git: &'s GitClient,
    pub(super) today: Date,
    /// The pushed commits. If empty, the next commit is searched.
    pub(super) ranges: &'s [Range],
}

/// The result of a search.
#[derive(Debug, Default)]
pub(super) struct StagedSecrets {
    /// The secrets that the commit or push contains.
    pub(super) leaks: Vec<Leak>,
    /// Files that were not read, and why.
    pub(super) unread: Vec<(String, Unread)>,
    /// Env files that were only partly read.
    pub(super) cut: Vec<String>,
    /// Files whose values were not searched for, and why.
    pub(super) unsearched: Vec<(String, String)>,
    /// Whether there was no env file, so that no values were searched for.
    pub(super) lacks_values: bool,
}

struct SearchedFile<'c> {
    name: String,
    kind: FileKind,
    origin: FileOrigin,
    blob: WantedBlob<'c>,
}

impl StagedSearch<'_> {
    /// Searches the files that the next commit or the push adds or changes. Returns `None` outside a repository. An
    /// error is the reason, without full stop.
    pub(super) fn run(&self, world: &World<'_>) -> Result<Option<StagedSecrets>, String> {
        let git_client = self.git;
        let Some(repository) = IndexRepository::of(&world.directory, &world.variables, git_client)? else {
            return Ok(None);
        };
        // Meanwhile, git compares the index.
        let below = FoundBelow::start(&repository.root);
        let Pushed { objects: changes, bases } = self.changes(&repository)?;
        if changes.is_empty() {
            return Ok(Some(StagedSecrets::default()));
        }
        let named = local_values::named(self.env_file, self.config, &world.directory);
        let sources = local_values::read(named, below, self.streams, &world.directory, git_client);
        let (known, lacks_values) = (KnownSecrets::of(&sources.files, &self.accepted()), sources.is_empty());
        let mut files: Vec<SearchedFile<'_>> = changes
            .iter()
            .map(|change| {
                let path = repository.root.join(&change.path);
                let name = display_path(&path, &world.directory);
                let kind = if sources.paths.contains(&path) { FileKind::EnvFile } else { leak::kind(&name) };
                // A pushed file may be from an older commit.
                let size = || path.symlink_metadata().ok().map(|metadata| metadata.len());
                let expected_size = if self.ranges.is_empty() { size() } else { None };
                let blob = WantedBlob { name: &change.blob, expected_size };
                SearchedFile { name, kind, origin: self.origin(change), blob }
            })
            .collect();
        // Env files first: the time limit may be reached before all files are read.
        files.sort_by_key(|file| file.kind == FileKind::Other);
        let (mut candidates, mut cut) = (Vec::<LeakCandidate>::new(), Vec::new());
        let are_env_files_allowed = self.are_env_files_allowed();
        let mut search = |index: usize, bytes: &[u8]| {
            let SearchedFile { name, kind, origin, .. } = &files[index];
            if candidates.len() < MOST_LEAKS && !(*kind == FileKind::EnvFile && are_env_files_allowed) {
                let staged = CommittedFile { name, kind: *kind, bytes, origin };
                cut.extend(leak::is_cut(&staged).then(|| name.clone()));
                candidates.extend(known.candidates(staged));
            }
        };
        let blobs: Vec<WantedBlob<'_>> = files.iter().map(|file| file.blob).collect();
        let unread = git_client.read_blobs(&repository, &blobs, &mut search)?;
        let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
        let present = git_client.texts_in(&repository, &leak::patterns(&candidates, MOST_TEXTS), &bases);
        let unread = unread.into_iter().map(|(index, why)| (files[index].name.clone(), why)).collect();
        let leaks = leak::news(candidates, &present);
        Ok(Some(StagedSecrets { leaks, unread, cut, unsearched: sources.unsearched, lacks_values }))
    }

    /// Returns the files, and the commits before them.
    fn changes(&self, repository: &IndexRepository) -> Result<Pushed, String> {
        if self.ranges.is_empty() {
            let mut bases = self.git.sources(repository)?;
            let objects = self.git.staged(repository, &bases)?;
            bases.push("HEAD".to_owned());
            return Ok(Pushed { objects, bases });
        }
        self.git.pushed(repository, self.ranges)
    }

    fn origin(&self, change: &StagedFile) -> FileOrigin {
        match self.ranges {
            [] if change.is_new => FileOrigin::Added,
            [] => FileOrigin::Changed,
            _ => FileOrigin::Pushed(change.blob.clone()),
        }
    }

    /// Returns whether `[severity]` allows env files in the repository.
    fn are_env_files_allowed(&self) -> bool {
        let severities = self
            .config
            .into_iter()
            .flat_map(|config| of_staged_files().filter_map(|rule| config.severity.get(rule.name)));
        severities.into_iter().any(|severity| *severity != Some(Severity::Error))
    }

    /// Returns the keys whose values may be committed: `[[ignore]]` names them for this rule.
    fn accepted(&self) -> Vec<String> {
        let sections = self.config.into_iter().flat_map(|config| &config.ignore);
        let matching = sections.filter(|ignore| {
            of_staged_files().any(|rule| ignore.rules.iter().any(|name| name == rule.name))
                && ignore.services.is_empty()
                && ignore.environments.is_empty()
                && ignore.until.is_none_or(|until| self.today <= until)
        });
        matching.flat_map(|ignore| ignore.keys.iter().map(|key| key.value.clone())).collect()
    }
}
