//! Suggests services and their env files from the directories of the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::commands::gather::Gathered;
use crate::commands::init::config_target::ConfigTarget;
use crate::commands::init::existing_sections::aliases_by_id;
use crate::commands::service_selection::{Services, folder_in_repository};
use crate::drift::ResourceRef;
use crate::drift::dotenv::LocalFile;
use crate::drift::service_scope::{ScopeCandidate, by_default};
use crate::drift::suggest::service_files::{FileMatch, FoundFile, MatchedBy, match_files};
use crate::drift::suggest::{Section, sections};
use crate::io::config::{Config, ConfigLocation};
use crate::io::files::{self, ReadOutcome};

/// Returns whether a directory below the location has an env file.
pub(super) fn exist(location: &ConfigLocation) -> bool {
    by_directory(&location.root).keys().any(|directory| *directory != location.root)
}

/// Returns the sections of services that the default file does not cover, or that an existing `doctor.toml` lacks.
pub(super) fn sections_to_add(gathered: &Gathered, target: &ConfigTarget, directory: &Path) -> Vec<Section> {
    let shape = &gathered.selected.shape;
    let services = Services::of(shape, target.config());
    let known = target.config().map(|config| aliases_by_id(config, &services)).unwrap_or_default();
    let candidates = services.candidates;
    let common = CommonFile::of(gathered, target.config());
    let found = found(&target.location, &shape.environment.name);
    // A file that several services share stays theirs, unless Railway builds a service from another directory.
    let is_certain = |found: &FileMatch| !common.exists || found.by == MatchedBy::RootDirectory;
    let shares = |candidate: &ScopeCandidate, file: &FoundFile| !file.keys.is_disjoint(&candidate.keys);
    let file_of_each = match_files(&candidates, &found).into_iter().zip(&candidates);
    let matched: BTreeMap<&str, &FoundFile> = file_of_each
        .filter_map(|(file, candidate)| {
            let file = &found[file.filter(is_certain)?.file];
            (!known.contains_key(&candidate.service.id) && shares(candidate, file))
                .then_some((candidate.service.id.as_str(), file))
        })
        .collect();
    let by_keys = common.services(gathered, &candidates, directory);
    let is_extended = !known.is_empty();
    if matched.is_empty() && !is_extended {
        return Vec::new();
    }
    let is_new = |service: &&ResourceRef| {
        !known.contains_key(&service.id)
            && (matched.contains_key(service.id.as_str()) || by_keys.contains(service.id.as_str()))
    };
    let services: Vec<ResourceRef> = candidates.iter().map(|one| &one.service).filter(is_new).cloned().collect();
    let known: Vec<ResourceRef> =
        candidates.iter().map(|one| &one.service).filter(|one| known.contains_key(&one.id)).cloned().collect();
    named(NamedServices { known, new: services }, gathered, target.config(), &matched)
}

/// The services of a `doctor.toml`.
struct NamedServices {
    /// Those that it has already.
    known: Vec<ResourceRef>,
    new: Vec<ResourceRef>,
}

/// Returns the new sections with their aliases and files. An alias differs from the existing ones.
fn named(
    services: NamedServices,
    gathered: &Gathered,
    config: Option<&Config>,
    files: &BTreeMap<&str, &FoundFile>,
) -> Vec<Section> {
    let shape = &gathered.selected.shape;
    let aliases = config.into_iter().flat_map(|config| config.services.keys());
    let taken = aliases.map(|alias| ResourceRef { id: alias.clone(), name: alias.clone() });
    let all: Vec<ResourceRef> = shape.services.iter().map(|one| one.service.clone()).chain(taken).collect();
    let NamedServices { known, new } = services;
    let of_all = sections(&[known.clone(), new].concat(), &all, [&shape.project.name, &shape.environment.name]);
    let mut new = of_all.into_iter().skip(known.len()).collect::<Vec<_>>();
    for section in &mut new {
        let file = files.get(section.service.id.as_str());
        section.files = file.map(|file| file.path.clone()).into_iter().collect();
    }
    new
}

/// The file of the services to which no other file is assigned.
struct CommonFile {
    exists: bool,
    path: Option<PathBuf>,
    keys: BTreeSet<String>,
}

impl CommonFile {
    fn of(gathered: &Gathered, config: Option<&Config>) -> Self {
        let has_own = |alias: &Option<String>| {
            let section = alias.as_ref().zip(config).and_then(|(alias, config)| config.services.get(alias));
            section.is_some_and(|section| section.env_file.is_some())
        };
        let layers = gathered.selection.chosen.iter().filter(|chosen| !has_own(&chosen.alias));
        let mut layers: BTreeSet<usize> = layers.flat_map(|chosen| chosen.files.layers.iter().copied()).collect();
        if gathered.selection.chosen.is_empty() {
            layers.extend(0..gathered.paths.len());
        }
        layers.retain(|&layer| gathered.paths[layer].symlink_metadata().is_ok());
        let keys = layers.iter().flat_map(|&layer| gathered.survey.files[layer].keys()).map(str::to_owned).collect();
        Self { exists: !layers.is_empty(), path: layers.last().map(|&layer| gathered.paths[layer].clone()), keys }
    }

    /// Returns the ids of the services that it applies to by default.
    fn services<'c>(
        &self,
        gathered: &'c Gathered,
        candidates: &'c [ScopeCandidate],
        directory: &Path,
    ) -> BTreeSet<&'c str> {
        let keys: BTreeSet<&str> = self.keys.iter().map(String::as_str).collect();
        let own_directory = self.path.as_deref().and_then(|path| folder_in_repository(path, directory));
        let chosen = by_default(candidates, &keys, own_directory.as_deref()).chosen;
        let excluded: BTreeSet<&str> = gathered.selection.left_out.iter().map(|(name, _)| name.as_str()).collect();
        let services = chosen.into_iter().map(|index| &candidates[index].service);
        services.filter(|one| !excluded.contains(one.name.as_str())).map(|one| one.id.as_str()).collect()
    }
}

/// Returns the env file of each directory below the location, except those that can't be read or referred to.
fn found(location: &ConfigLocation, environment: &str) -> Vec<FoundFile> {
    let directories = by_directory(&location.root).into_iter().filter(|(directory, _)| *directory != location.root);
    let file = |(directory, paths): (PathBuf, Vec<PathBuf>)| {
        let default = files::default_env_file(&directory, environment);
        let path = if paths.contains(&default) { default } else { only(paths)? };
        let ReadOutcome::Text(text) = files::read_env(&path) else { return None };
        let name = location.reach(&path).ok()?;
        let keys = LocalFile::parse(name.as_str(), text).keys().map(str::to_owned).collect();
        Some(FoundFile { path: name, keys })
    };
    directories.filter_map(file).collect()
}

fn only(mut paths: Vec<PathBuf>) -> Option<PathBuf> {
    let path = paths.pop()?;
    paths.is_empty().then_some(path)
}

fn by_directory(root: &Path) -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut directories: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in files::env_files_below(root).paths {
        let Some(directory) = path.parent() else { continue };
        directories.entry(directory.to_owned()).or_default().push(path.clone());
    }
    directories
}
