//! What a commit or a push would give away.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::commands::hook::local_values;
use crate::drift::Severity;
use crate::drift::leak::{self, CommittedFile, FileKind, FileOrigin, KnownSecrets, Leak, LeakCandidate};
use crate::drift::rules::of_staged_files;
use crate::io::config::Config;
use crate::io::files::display_path;
use crate::io::git::Asker;
use crate::io::git::blobs::Unread;
use crate::io::git::pushed_files::{Pushed, Range};
use crate::io::git::staged_files::{IndexRepository, StagedFile};
use crate::io::world::World;

/// The most leaks that are looked into further. Whoever stages more has to begin again anyway.
const MOST: usize = 1000;

/// The most texts that are searched for in what the repository has already.
const MOST_TEXTS: usize = 200;

/// What is searched, and with what.
pub(super) struct StagedSearch<'s> {
    pub(super) env_file: &'s [PathBuf],
    pub(super) config: Option<&'s Config>,
    pub(super) asker: &'s Asker,
    pub(super) today: Date,
    /// What is pushed; with none, the next commit is searched.
    pub(super) ranges: &'s [Range],
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct StagedSecrets {
    /// What would be given away.
    pub(super) leaks: Vec<Leak>,
    /// Files that were not read, and why.
    pub(super) unread: Vec<(String, Unread)>,
    /// Files of variables that were not read to the end.
    pub(super) cut: Vec<String>,
    /// Files whose values were not searched for, and why.
    pub(super) unsearched: Vec<(String, String)>,
}

/// A file that is searched.
struct SearchedFile<'c> {
    name: String,
    kind: FileKind,
    origin: FileOrigin,
    blob: &'c str,
}

impl StagedSearch<'_> {
    /// Searches what the next commit adds or changes, or what a push sends; `None` outside of a repository. On failure: why,
    /// without full stop.
    pub(super) fn run(&self, world: &World<'_>) -> Result<Option<StagedSecrets>, String> {
        let asker = self.asker;
        let Some(repository) = IndexRepository::of(&world.folder, &world.variables, asker)? else { return Ok(None) };
        let Pushed { objects: changes, bases } = self.changes(&repository)?;
        if changes.is_empty() {
            return Ok(Some(StagedSecrets::default()));
        }
        let named = local_values::named(self.env_file, self.config, &world.folder);
        let sources = local_values::read(named, &repository.root, &world.folder, asker);
        let known = KnownSecrets::of(&sources.files, &self.accepted());
        let mut files: Vec<SearchedFile<'_>> = changes
            .iter()
            .map(|change| {
                let path = repository.root.join(&change.path);
                let name = display_path(&path, &world.folder);
                let kind = if sources.paths.contains(&path) { FileKind::EnvFile } else { leak::kind(&name) };
                SearchedFile { name, kind, origin: self.origin(change), blob: &change.blob }
            })
            .collect();
        // The time may be over before all of them are read.
        files.sort_by_key(|file| file.kind == FileKind::Other);
        let (mut candidates, mut cut) = (Vec::<LeakCandidate>::new(), Vec::new());
        let are_env_files_meant = self.are_env_files_meant();
        let mut search = |index: usize, bytes: &[u8]| {
            let SearchedFile { name, kind, origin, .. } = &files[index];
            if candidates.len() < MOST && !(*kind == FileKind::EnvFile && are_env_files_meant) {
                let staged = CommittedFile { name, kind: *kind, bytes, origin };
                cut.extend(leak::is_cut(&staged).then(|| name.clone()));
                candidates.extend(known.candidates(staged));
            }
        };
        let blobs: Vec<&str> = files.iter().map(|file| file.blob).collect();
        let unread = asker.read_blobs(&repository, &blobs, &mut search)?;
        let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
        let present = asker.texts_in(&repository, &leak::patterns(&candidates, MOST_TEXTS), &bases);
        let unread = unread.into_iter().map(|(index, why)| (files[index].name.clone(), why)).collect();
        Ok(Some(StagedSecrets { leaks: leak::news(candidates, &present), unread, cut, unsearched: sources.unsearched }))
    }

    /// The files, and the commits that come before them.
    fn changes(&self, repository: &IndexRepository) -> Result<Pushed, String> {
        if self.ranges.is_empty() {
            let mut bases = vec!["HEAD".to_owned()];
            bases.extend(self.asker.merged(repository)?);
            return Ok(Pushed { objects: self.asker.staged(repository)?, bases });
        }
        self.asker.pushed(repository, self.ranges)
    }

    fn origin(&self, change: &StagedFile) -> FileOrigin {
        match self.ranges {
            [] if change.is_new => FileOrigin::Added,
            [] => FileOrigin::Changed,
            _ => FileOrigin::Pushed(change.blob.clone()),
        }
    }

    /// `[severity]` may declare that a `.env` belongs into the repository.
    fn are_env_files_meant(&self) -> bool {
        let severities = self
            .config
            .into_iter()
            .flat_map(|config| of_staged_files().filter_map(|rule| config.severity.get(rule.name)));
        severities.into_iter().any(|severity| *severity != Some(Severity::Error))
    }

    /// The keys whose values may be committed: `[[ignore]]` names them for exactly that rule.
    fn accepted(&self) -> Vec<String> {
        let sections = self.config.into_iter().flat_map(|config| &config.ignore);
        let fitting = sections.filter(|ignore| {
            of_staged_files().any(|rule| ignore.rules.iter().any(|name| name == rule.name))
                && ignore.services.is_empty()
                && ignore.environments.is_empty()
                && ignore.until.is_none_or(|until| self.today <= until)
        });
        fitting.flat_map(|ignore| ignore.keys.iter().map(|key| key.value.clone())).collect()
    }
}
