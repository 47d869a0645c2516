//! What is staged, held against what must not be committed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::drift::Severity;
use crate::drift::leak::{self, Hit, Kind, Known, Leak, Staged};
use crate::drift::local::LocalFile;
use crate::drift::rule::env_file_exposed;
use crate::outside::config::Config;
use crate::outside::files::{self, Access, Budget, Place, Reading, display_path};
use crate::outside::git::Asker;
use crate::outside::git::index::{Change, Repository};
use crate::outside::world::World;

/// The most folders that are searched for `.env` files.
const FOLDERS: usize = 200;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What the commit would give away.
    pub(super) leaks: Vec<Leak>,
    /// Files that were not looked into.
    pub(super) unread: Vec<String>,
    /// Files whose values were not searched for, and why.
    pub(super) unsearched: Vec<(String, String)>,
}

/// Looks at what the next commit adds or changes. On failure: why, without full stop.
pub(super) fn look(
    env_file: &[PathBuf],
    config: Option<&Config>,
    asker: &Asker,
    today: Date,
    world: &World<'_>,
) -> Result<Option<Seen>, String> {
    let Some(repository) = Repository::of(&world.folder, &world.variables, asker)? else { return Ok(None) };
    let mut changes = asker.staged(&repository)?;
    // What was only moved is no news, unless it became a `.env`.
    changes.retain(|change| !change.is_moved || leak::kind(&change.path.to_string_lossy()) == Kind::EnvFile);
    if changes.is_empty() {
        return Ok(Some(Seen::default()));
    }
    let folders = folders(&changes, &repository.root);
    let paths = sources(env_file, config, &world.folder, folders);
    let mut unsearched = Vec::new();
    let files = parse(&paths, (&world.folder, asker), &mut unsearched);
    let blobs: Vec<&str> = changes.iter().map(|change| change.blob.as_str()).collect();
    let staged: Vec<Staged> = changes
        .iter()
        .zip(asker.blobs(&repository, &blobs)?)
        .map(|(change, bytes)| {
            let path = repository.root.join(&change.path);
            let name = display_path(&path, &world.folder);
            Staged { kind: leak::kind(&name), name, bytes, is_source: paths.contains(&path) }
        })
        .collect();
    let accepted = accepted(config, today);
    let known = Known::of(&files, &accepted);
    let hits = known.hits(&staged);
    let before = before(asker, &repository, &changes, &hits)?;
    let text = |file: usize| before.get(&file).map(Vec::as_slice);
    let mut leaks = leak::of_names(&staged, &accepted);
    leaks.retain(|leak| !matches!(leak, Leak::EnvFile { .. }) || is_error(config));
    leaks.extend(known.news(&hits, text).into_iter().map(|hit| known.leak(hit, &staged)));
    let unread = staged.iter().filter(|one| one.bytes.is_none()).map(|one| one.name.clone()).collect();
    Ok(Some(Seen { leaks, unread, unsearched }))
}

/// `[severity]` may say that a `.env` in the repository is meant.
fn is_error(config: Option<&Config>) -> bool {
    let severity = config.and_then(|config| config.severity.get(env_file_exposed::RULE.name));
    severity.is_none_or(|severity| *severity == Some(Severity::Error))
}

/// The keys whose values may be committed: `[[ignore]]` names them for exactly that rule.
fn accepted(config: Option<&Config>, today: Date) -> Vec<String> {
    let sections = config.into_iter().flat_map(|config| &config.ignore);
    let fitting = sections.filter(|ignore| {
        ignore.rules.iter().any(|rule| rule == env_file_exposed::RULE.name)
            && ignore.services.is_empty()
            && ignore.environments.is_empty()
            && ignore.until.is_none_or(|until| today <= until)
    });
    fitting.flat_map(|ignore| ignore.keys.iter().map(|key| key.value.clone())).collect()
}

/// What `HEAD` holds in the place of the files that were hit.
fn before(
    asker: &Asker,
    repository: &Repository,
    changes: &[Change],
    hits: &[Hit],
) -> Result<BTreeMap<usize, Vec<u8>>, String> {
    let files: BTreeSet<usize> = hits.iter().map(|hit| hit.file).collect();
    let known: Vec<(usize, &str)> =
        files.into_iter().filter_map(|file| Some((file, changes[file].before.as_deref()?))).collect();
    let blobs: Vec<&str> = known.iter().map(|(_, blob)| *blob).collect();
    let read = asker.blobs(repository, &blobs)?;
    Ok(known.iter().zip(read).filter_map(|((file, _), bytes)| Some((*file, bytes?.to_vec()))).collect())
}

/// The folders of the staged files and those above them, up to the root.
fn folders(changes: &[Change], root: &Path) -> BTreeSet<PathBuf> {
    let folders = changes.iter().flat_map(|change| change.path.ancestors().skip(1));
    folders
        .map(|folder| root.join(folder))
        .take(FOLDERS * FOLDERS)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .take(FOLDERS)
        .collect()
}

/// The files that hold local values: those that are named, and every `.env` beside or above something staged.
pub(super) fn sources(
    env_file: &[PathBuf],
    config: Option<&Config>,
    folder: &Path,
    folders: BTreeSet<PathBuf>,
) -> BTreeSet<PathBuf> {
    let mut paths: BTreeSet<PathBuf> =
        env_file.iter().filter(|path| !files::is_stream(path)).map(|path| files::normal(&folder.join(path))).collect();
    if let Some(config) = config {
        let environments = config.environments.values().map(|section| &section.env_file);
        let services = config.services.values().map(|section| &section.env_file);
        let listed = environments.chain(services).chain([&config.env_file]).flatten().flatten();
        paths.extend(listed.filter_map(|path| config.file(path).ok()));
    }
    let base = config.map_or(folder, Config::folder).to_owned();
    for folder in folders.into_iter().chain([base]) {
        paths.extend(files::env_files_in(&folder));
    }
    paths
}

/// What can be read of them, and what can't be. A pipe is left to the check: it can be read only once.
fn parse(
    paths: &BTreeSet<PathBuf>,
    (folder, asker): (&Path, &Asker),
    unsearched: &mut Vec<(String, String)>,
) -> Vec<LocalFile> {
    let (mut files, mut budget) = (Vec::new(), Budget::default());
    for path in paths {
        let name = display_path(path, folder);
        let why = match files::locate(path, folder, asker) {
            Err(error) => error.because().unwrap_or_default(),
            Ok(Place { access: Access::Once, .. }) => "another program writes it, and it is read only once".to_owned(),
            Ok(Place { end, .. }) => match files::read_env(&end) {
                Reading::Text(text) => match budget.take(&text) {
                    Ok(()) => {
                        files.push(LocalFile::parse(name, text));
                        continue;
                    }
                    Err(why) => why,
                },
                Reading::Unusable(why) => why,
                Reading::Missing => "there is no such file".to_owned(),
            },
        };
        unsearched.push((name, why));
    }
    files
}
