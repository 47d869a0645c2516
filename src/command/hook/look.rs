//! What a commit or a push would give away.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::command::hook::sources;
use crate::drift::Severity;
use crate::drift::leak::{self, Candidate, Kind, Known, Leak, Origin, Staged};
use crate::drift::rule::env_file_exposed;
use crate::outside::config::Config;
use crate::outside::files::display_path;
use crate::outside::git::Asker;
use crate::outside::git::blobs::Unread;
use crate::outside::git::index::{Change, Repository};
use crate::outside::git::pushed::{Pushed, Range};
use crate::outside::world::World;

/// The most leaks that are looked into further. Whoever stages more has to begin again anyway.
const MOST: usize = 1000;

/// The most texts that are searched for in what the repository has already.
const MOST_TEXTS: usize = 200;

/// What is searched, and with what.
pub(super) struct Search<'s> {
    pub(super) env_file: &'s [PathBuf],
    pub(super) config: Option<&'s Config>,
    pub(super) asker: &'s Asker,
    pub(super) today: Date,
    /// What is pushed; with none, the next commit is searched.
    pub(super) ranges: &'s [Range],
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Seen {
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
struct File<'c> {
    name: String,
    kind: Kind,
    origin: Origin,
    blob: &'c str,
}

impl Search<'_> {
    /// Searches what the next commit adds or changes, or what a push sends; `None` outside of a repository. On failure: why,
    /// without full stop.
    pub(super) fn run(&self, world: &World<'_>) -> Result<Option<Seen>, String> {
        let asker = self.asker;
        let Some(repository) = Repository::of(&world.folder, &world.variables, asker)? else { return Ok(None) };
        let Pushed { objects: changes, bases } = self.changes(&repository)?;
        if changes.is_empty() {
            return Ok(Some(Seen::default()));
        }
        let named = sources::named(self.env_file, self.config, &world.folder);
        let sources = sources::read(named, &repository.root, &world.folder, asker);
        let known = Known::of(&sources.files, &self.accepted());
        let mut files: Vec<File<'_>> = changes
            .iter()
            .map(|change| {
                let path = repository.root.join(&change.path);
                let name = display_path(&path, &world.folder);
                let kind = if sources.paths.contains(&path) { Kind::EnvFile } else { leak::kind(&name) };
                File { name, kind, origin: self.origin(change), blob: &change.blob }
            })
            .collect();
        // The time may be over before all of them are read.
        files.sort_by_key(|file| file.kind == Kind::Other);
        let (mut candidates, mut cut) = (Vec::<Candidate>::new(), Vec::new());
        let are_env_files_meant = self.are_env_files_meant();
        let mut search = |index: usize, bytes: &[u8]| {
            let File { name, kind, origin, .. } = &files[index];
            if candidates.len() < MOST && !(*kind == Kind::EnvFile && are_env_files_meant) {
                let staged = Staged { name, kind: *kind, bytes, origin };
                cut.extend(leak::is_cut(&staged).then(|| name.clone()));
                candidates.extend(known.candidates(staged));
            }
        };
        let blobs: Vec<&str> = files.iter().map(|file| file.blob).collect();
        let unread = asker.read_blobs(&repository, &blobs, &mut search)?;
        let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
        let present = asker.texts_in(&repository, &leak::patterns(&candidates, MOST_TEXTS), &bases);
        let unread = unread.into_iter().map(|(index, why)| (files[index].name.clone(), why)).collect();
        Ok(Some(Seen { leaks: leak::news(candidates, &present), unread, cut, unsearched: sources.unsearched }))
    }

    /// The files, and the commits that come before them.
    fn changes(&self, repository: &Repository) -> Result<Pushed, String> {
        if self.ranges.is_empty() {
            let mut bases = vec!["HEAD".to_owned()];
            bases.extend(self.asker.merged(repository)?);
            return Ok(Pushed { objects: self.asker.staged(repository)?, bases });
        }
        self.asker.pushed(repository, self.ranges)
    }

    fn origin(&self, change: &Change) -> Origin {
        match self.ranges {
            [] if change.is_new => Origin::Added,
            [] => Origin::Changed,
            _ => Origin::Pushed(change.blob.clone()),
        }
    }

    /// `[severity]` may declare that a `.env` belongs into the repository.
    fn are_env_files_meant(&self) -> bool {
        let severity = self.config.and_then(|config| config.severity.get(env_file_exposed::RULE.name));
        severity.is_some_and(|severity| *severity != Some(Severity::Error))
    }

    /// The keys whose values may be committed: `[[ignore]]` names them for exactly that rule.
    fn accepted(&self) -> Vec<String> {
        let sections = self.config.into_iter().flat_map(|config| &config.ignore);
        let fitting = sections.filter(|ignore| {
            ignore.rules.iter().any(|rule| rule == env_file_exposed::RULE.name)
                && ignore.services.is_empty()
                && ignore.environments.is_empty()
                && ignore.until.is_none_or(|until| self.today <= until)
        });
        fitting.flat_map(|ignore| ignore.keys.iter().map(|key| key.value.clone())).collect()
    }
}
