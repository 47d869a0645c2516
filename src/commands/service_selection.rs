//! Selects the services: by flags, else by `doctor.toml`, else those that share keys with the files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::commands::config_file::correction;
use crate::commands::env_files::{EnvFileSources, EnvFiles, ServiceFiles};
use crate::commands::missing_file::MissingFile;
use crate::commands::read_ahead;
use crate::drift::model::resource::ResourceRef as Name;
use crate::drift::needs::needed_keys;
use crate::drift::service_scope::{
    self, Exclusion, MatchKind, NoMatch, ScopeCandidate, ScopeSelection, ServiceMatch, is_inside,
};
use crate::error::Error;
use crate::io::config::{At, Config};
use crate::io::git;
use crate::io::railway::environment::Shape;

/// The services in scope, and why they are in scope.
#[derive(Debug, Default)]
pub(crate) struct ServiceSelection {
    /// The services in scope, in the order of the shape.
    pub(crate) chosen: Vec<SelectedService>,
    /// The source of the selection, for reports.
    pub(crate) origin: String,
    /// Whether the services were named explicitly. A named service must have something to compare.
    pub(crate) named: ServiceNaming,
    /// Services that were excluded, and why.
    pub(crate) left_out: Vec<(String, Exclusion)>,
    /// The services that flags name, each with its flag.
    pub(crate) flags: Vec<(String, String)>,
    /// Remarks about partial names.
    pub(crate) remarks: Vec<String>,
    /// Services that were selected by a part of their name.
    pub(crate) parts: Vec<PartialMatch>,
    /// Aliases of `doctor.toml` that flags use, each with the name of the service.
    pub(crate) aliases: Vec<(String, String)>,
}

/// A service that was selected by a part of its name.
#[derive(Clone, Debug)]
pub(crate) struct PartialMatch {
    /// The part.
    pub(crate) typed: String,
    /// The name or id that matches only this service.
    pub(crate) whole: String,
}

/// Whether the services were named explicitly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServiceNaming {
    /// By a flag or `doctor.toml`.
    Yes,
    /// They were selected by shared keys.
    #[default]
    No,
}

/// One service in scope.
#[derive(Clone, Debug)]
pub(crate) struct SelectedService {
    /// The index in the shape's services.
    pub(crate) index: usize,
    /// The alias in `doctor.toml`.
    pub(crate) alias: Option<String>,
    /// What it is compared with.
    pub(crate) files: ServiceFiles,
}

/// The services of an environment, for lookups by name, id or alias.
#[derive(Debug)]
pub(crate) struct Services {
    /// All services, in the order of the shape.
    pub(crate) candidates: Vec<ScopeCandidate>,
    aliases: Vec<Option<String>>,
    environment: String,
}

impl Services {
    /// Returns the services of the shape, with their aliases in `doctor.toml`.
    pub(crate) fn of(shape: &Shape, config: Option<&Config>) -> Self {
        let alias = |service: &Name| {
            let sections = config.iter().flat_map(|config| &config.services);
            let mut own = sections.filter(|(_, section)| [&service.name, &service.id].contains(&&section.name.value));
            own.next().map(|(alias, _)| alias.clone())
        };
        Self {
            aliases: shape.services.iter().map(|service| alias(&service.service)).collect(),
            candidates: shape
                .services
                .iter()
                .map(|service| ScopeCandidate {
                    service: service.service.clone(),
                    root_directory: service.root_directory.clone(),
                    image: service.image.clone(),
                    keys: service.variables.keys().cloned().collect(),
                })
                .collect(),
            environment: shape.environment.name.clone(),
        }
    }

    /// Returns the services of two environments, with their aliases in `doctor.toml`. A service has the same id in both.
    pub(crate) fn of_both(shapes: [&Shape; 2], config: Option<&Config>) -> Self {
        let [mut all, others] = shapes.map(|shape| Self::of(shape, config));
        let known: BTreeSet<String> = all.candidates.iter().map(|candidate| candidate.service.id.clone()).collect();
        let new = others.candidates.into_iter().zip(others.aliases);
        let new = new.filter(|(candidate, _)| !known.contains(&candidate.service.id));
        let mut rows: Vec<_> = all.candidates.into_iter().zip(all.aliases).chain(new).collect();
        rows.sort_by(|(one, _), (other, _)| one.service.name.cmp(&other.service.name));
        (all.candidates, all.aliases) = rows.into_iter().unzip();
        all.environment = format!("{} or {}", shapes[0].environment.name, shapes[1].environment.name);
        all
    }

    fn resolve(&self, wanted: &str) -> Result<ServiceMatch, NoMatch> {
        let pairs = self.candidates.iter().zip(&self.aliases);
        let pairs: Vec<_> = pairs.map(|(candidate, alias)| (&candidate.service, alias.as_deref())).collect();
        service_scope::resolve(wanted, &pairs)
    }

    /// Returns the service that a flag names.
    pub(crate) fn named(&self, wanted: &str) -> Result<&Name, Error> {
        let found = self.resolve(wanted).map_err(|why| self.unknown(wanted, why))?;
        Ok(&self.candidates[found.index].service)
    }

    /// Returns the index of the service that `doctor.toml` names there. Partial names are not accepted.
    pub(crate) fn in_config(&self, config: &Config, name: &At<String>) -> Result<usize, Error> {
        let suggestions = match self.resolve(&name.value) {
            Ok(found) if found.kind != MatchKind::Part => return Ok(found.index),
            Ok(found) => vec![self.candidates[found.index].service.name.clone()],
            Err(NoMatch::Unknown { suggestions }) => suggestions,
            Err(NoMatch::Ambiguous { candidates }) => candidates,
        };
        let help = correction(&suggestions, &self.names());
        Err(config.fault(name, format!("environment {} has no service `{}`", self.environment, name.value), help))
    }

    /// Returns the text that selects exactly this service: its name, or its id if the name resolves to another service.
    pub(crate) fn whole_name(&self, service: &Name) -> String {
        let is_exact =
            |found: ServiceMatch| self.candidates[found.index].service == *service && found.kind != MatchKind::Part;
        if self.resolve(&service.name).is_ok_and(is_exact) { service.name.clone() } else { service.id.clone() }
    }

    fn names(&self) -> Vec<String> {
        self.candidates.iter().map(|candidate| candidate.service.name.clone()).collect()
    }

    fn unknown(&self, wanted: &str, why: NoMatch) -> Error {
        let wanted = wanted.to_owned();
        match why {
            NoMatch::Unknown { suggestions } => Error::Unknown {
                kind: "service",
                wanted,
                within: format!("environment {}", self.environment),
                suggestions,
                choices: self.names(),
            },
            NoMatch::Ambiguous { candidates } => Error::Ambiguous { kind: "service", wanted, candidates },
        }
    }
}

/// The values of `--service`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceFlags<'f> {
    /// The names, ids or aliases.
    pub(crate) names: &'f [String],
    /// Its role in the command.
    pub(crate) role: ServiceFlagRole,
}

/// The role of `--service` in a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceFlagRole {
    /// It selects the services of the run.
    Select,
    /// It names the service of another flag, in addition to the default services.
    Add,
    /// It selects the services of the run. Without it, every service of the environment is selected.
    SelectOrAll,
}

/// Selects the services and reads their files.
pub(crate) fn choose(
    flags: ServiceFlags<'_>,
    services: &Services,
    sources: EnvFileSources<'_>,
    files: &mut EnvFiles,
) -> Result<ServiceSelection, Error> {
    if flags.role == ServiceFlagRole::SelectOrAll && flags.names.is_empty() {
        return all(services, sources, files);
    }
    let named = choose_only(flags.names, services, sources, files)?;
    match flags.role {
        ServiceFlagRole::Select | ServiceFlagRole::SelectOrAll => Ok(named),
        ServiceFlagRole::Add => Ok(joined(choose_only(&[], services, sources, files)?, named)),
    }
}

/// Selects every service, each with its own files. None may be excluded, as if all were named.
fn all(services: &Services, sources: EnvFileSources<'_>, files: &mut EnvFiles) -> Result<ServiceSelection, Error> {
    let chosen = (0..services.candidates.len()).map(|index| {
        let alias = services.aliases[index].clone();
        let files = files.of(sources, alias.as_deref())?;
        Ok(SelectedService { index, alias, files })
    });
    let chosen = chosen.collect::<Result<_, Error>>()?;
    let (origin, named) = ("default".to_owned(), ServiceNaming::Yes);
    Ok(ServiceSelection { chosen, origin, named, ..ServiceSelection::default() })
}

/// Selects the services of two environments: by flags, else by `doctor.toml`, else all.
pub(crate) fn choose_of_both(
    flags: &[String],
    services: &Services,
    config: Option<&Config>,
) -> Result<ServiceSelection, Error> {
    if !flags.is_empty() {
        return by_flags(flags, services);
    }
    if let Some(config) = config.filter(|config| !config.services.is_empty()) {
        return by_config(config, services);
    }
    let chosen = |index| SelectedService { index, alias: None, files: ServiceFiles::default() };
    let chosen = (0..services.candidates.len()).map(chosen).collect();
    Ok(ServiceSelection { chosen, origin: "default".to_owned(), ..ServiceSelection::default() })
}

/// Selects services by flags, else by `doctor.toml`, else by the keys that they share with the files.
fn choose_only(
    flags: &[String],
    services: &Services,
    sources: EnvFileSources<'_>,
    files: &mut EnvFiles,
) -> Result<ServiceSelection, Error> {
    let mut selection = if !flags.is_empty() {
        by_flags(flags, services)?
    } else if let Some(config) = sources.config.filter(|config| !config.services.is_empty()) {
        by_config(config, services)?
    } else {
        let common = files.of(sources, None)?;
        return if common.layers.is_empty() {
            by_declarations(services, sources, files, &common)
        } else {
            by_keys(services, sources, files, &common)
        };
    };
    for chosen in &mut selection.chosen {
        chosen.files = files.of(sources, chosen.alias.as_deref())?;
    }
    // Templates that `doctor.toml` names for a service are its own, wherever they are.
    if !sources.flags.is_empty() {
        assign_templates(&mut selection, &services.candidates, sources, files);
    }
    let is_declared = !files.templates.paths.is_empty() || sources.requires_keys();
    if sources.absent == MissingFile::Excluded && !is_declared {
        return Err(read_ahead::nothing_declared());
    }
    Ok(selection)
}

/// Returns the default services and those that flags name.
fn joined(default: ServiceSelection, named: ServiceSelection) -> ServiceSelection {
    let is_new = |chosen: &SelectedService| default.chosen.iter().all(|known| known.index != chosen.index);
    let new: Vec<SelectedService> = named.chosen.into_iter().filter(is_new).collect();
    let mut scope = ServiceSelection { parts: named.parts, aliases: named.aliases, ..default };
    if !new.is_empty() {
        scope.origin = format!("{}, --service", scope.origin);
    }
    scope.remarks.extend(named.remarks);
    scope.chosen.extend(new);
    scope.chosen.sort_by_key(|chosen| chosen.index);
    scope
}

fn by_flags(flags: &[String], services: &Services) -> Result<ServiceSelection, Error> {
    let mut scope =
        ServiceSelection { origin: "--service".to_owned(), named: ServiceNaming::Yes, ..ServiceSelection::default() };
    let mut seen = BTreeSet::new();
    let mut typed = BTreeSet::new();
    for wanted in flags.iter().filter(|wanted| typed.insert(*wanted)) {
        let found = services.resolve(wanted).map_err(|why| services.unknown(wanted, why))?;
        if found.kind == MatchKind::Part {
            let service = &services.candidates[found.index].service;
            scope.remarks.push(format!("--service={wanted} matched {}", service.name));
            scope.parts.push(PartialMatch { typed: wanted.clone(), whole: services.whole_name(service) });
        }
        let service = &services.candidates[found.index].service;
        if found.kind == MatchKind::Alias && *wanted != service.name {
            scope.aliases.push((wanted.clone(), service.name.clone()));
        }
        if seen.insert(found.index) {
            let service = &services.candidates[found.index].service;
            // A part of a name may match another service later, and a name is shorter than an id.
            let is_replaced = found.kind == MatchKind::Part || *wanted == service.id;
            let flag = if is_replaced { services.whole_name(service) } else { wanted.clone() };
            scope.flags.push((service.name.clone(), format!("--service={flag}")));
            let alias = services.aliases[found.index].clone();
            scope.chosen.push(SelectedService { index: found.index, alias, files: ServiceFiles::default() });
        }
    }
    scope.chosen.sort_by_key(|chosen| chosen.index);
    Ok(scope)
}

fn by_config(config: &Config, services: &Services) -> Result<ServiceSelection, Error> {
    let mut scope =
        ServiceSelection { origin: config.name.clone(), named: ServiceNaming::Yes, ..ServiceSelection::default() };
    for (alias, section) in &config.services {
        let index = services.in_config(config, &section.name)?;
        scope.chosen.push(SelectedService { index, alias: Some(alias.clone()), files: ServiceFiles::default() });
    }
    scope.chosen.sort_by_key(|chosen| chosen.index);
    Ok(scope)
}

fn by_keys(
    services: &Services,
    sources: EnvFileSources<'_>,
    layers: &EnvFiles,
    common: &ServiceFiles,
) -> Result<ServiceSelection, Error> {
    let (shared, candidates) = (&common.layers, &services.candidates);
    let declared = DeclaredScope::of(services, sources)?;
    let mut keys: BTreeSet<&str> = shared.iter().flat_map(|&layer| layers.files[layer].keys()).collect();
    let is_open = keys.is_empty() && sources.absent == MissingFile::Created;
    if is_open {
        keys.extend(candidates.iter().flat_map(|candidate| &candidate.keys).map(String::as_str));
    }
    keys.extend(&declared.keys);
    let folder = shared.last().and_then(|&layer| folder_in_repository(&layers.expected_paths[layer], sources.folder));
    let scope = service_scope::by_default(candidates, &keys, folder.as_deref()).with(&declared.services);
    Ok(by_default(scope, candidates, common, if is_open { "default" } else { "by shared keys" }))
}

/// Returns the services that a `[[require]]` names, and those that have a needed key. A `[[require]]` without services is
/// for every service: a service that has none of its keys lacks them. A template is for the services that are built from
/// its directory or one above it.
fn by_declarations(
    services: &Services,
    sources: EnvFileSources<'_>,
    files: &EnvFiles,
    common: &ServiceFiles,
) -> Result<ServiceSelection, Error> {
    let candidates = &services.candidates;
    let declared = DeclaredScope::of(services, sources)?;
    let is_for_all = !declared.keys.is_empty();
    let select = |needed: &BTreeSet<&str>, directory: Option<&str>| {
        if is_for_all {
            service_scope::with_any_keys(candidates, directory)
        } else {
            service_scope::by_default(candidates, needed, directory)
        }
    };
    let mut scopes: Vec<ScopeSelection> = Vec::new();
    for &template in &common.templates {
        let needed = needed_keys(&files.templates.found[template].file).map(|entry| entry.key.as_str()).collect();
        let directory = folder_in_repository(&files.templates.paths[template], sources.folder);
        scopes.push(select(&needed, directory.as_deref()));
    }
    if scopes.is_empty() {
        scopes.push(select(&BTreeSet::new(), None));
    }
    let scope = service_scope::any_of(&scopes).with(&declared.services);
    let origin = if is_for_all { "by [[require]]" } else { "by needed keys" };
    let mut selection = by_default(scope, candidates, common, origin);
    assign_templates(&mut selection, candidates, sources, files);
    Ok(selection)
}

/// What the `[[require]]` entries of `doctor.toml` say about the scope.
#[derive(Default)]
struct DeclaredScope<'s> {
    /// The keys of entries without services.
    keys: BTreeSet<&'s str>,
    /// The services that entries name: indexes of candidates.
    services: BTreeSet<usize>,
}

impl<'s> DeclaredScope<'s> {
    fn of(services: &Services, sources: EnvFileSources<'s>) -> Result<Self, Error> {
        let mut declared = Self::default();
        let Some(config) = sources.config else { return Ok(declared) };
        for require in &config.require {
            if require.services.is_empty() {
                declared.keys.extend(require.keys.iter().map(|key| key.value.as_str()));
            }
            for service in &require.services {
                declared.services.insert(services.in_config(config, service)?);
            }
        }
        Ok(declared)
    }
}

/// Leaves each service in scope only its own templates: those in the directory that it is built from, and those that
/// belong to no service in scope. Otherwise, the keys of one service would be needed by another.
fn assign_templates(
    selection: &mut ServiceSelection,
    candidates: &[ScopeCandidate],
    sources: EnvFileSources<'_>,
    files: &EnvFiles,
) {
    let roots: Vec<&str> = selection.chosen.iter().map(|chosen| candidates[chosen.index].root()).collect();
    let directories = files.templates.paths.iter().map(|path| folder_in_repository(path, sources.folder));
    let owners = |directory: Option<String>| -> Vec<bool> {
        let is_owner = |root: &&str| directory.as_deref().is_some_and(|directory| is_inside(directory, root));
        roots.iter().map(is_owner).collect()
    };
    let owners: Vec<Vec<bool>> = directories.map(owners).collect();
    for (service, chosen) in selection.chosen.iter_mut().enumerate() {
        chosen.files.templates.retain(|&template| owners[template][service] || !owners[template].contains(&true));
    }
}

/// Returns the selection of services that nothing names.
fn by_default(
    scope: ScopeSelection,
    candidates: &[ScopeCandidate],
    common: &ServiceFiles,
    origin: &str,
) -> ServiceSelection {
    let chosen = |index| SelectedService { index, alias: None, files: common.clone() };
    let left_out = |(index, why): (usize, Exclusion)| (candidates[index].service.name.clone(), why);
    let mut selection = ServiceSelection {
        chosen: scope.chosen.into_iter().map(chosen).collect(),
        origin: origin.to_owned(),
        named: ServiceNaming::No,
        left_out: scope.left_out.into_iter().map(left_out).collect(),
        ..ServiceSelection::default()
    };
    selection.left_out.sort();
    selection
}

/// Returns the directory of the file, relative to the root of the repository or to the working directory, with `/`.
pub(crate) fn folder_in_repository(file: &Path, working_folder: &Path) -> Option<String> {
    let folder = file.parent()?;
    let root: PathBuf = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
    let inside = folder.strip_prefix(&root).ok()?;
    let parts: Vec<&str> = inside.components().map(|part| part.as_os_str().to_str()).collect::<Option<_>>()?;
    Some(parts.join("/"))
}
