//! The draft of a `doctor.toml`: both sides, and the user's choices so far. Other choices default to the suggestions.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::commands::gather::Gathered;
use crate::commands::init::config_target::{CompleteConfig, ConfigTarget};
use crate::commands::init::existing_sections::existing_sections;
use crate::commands::policy::policy;
use crate::commands::prompts;
use crate::commands::service_selection::Services;
use crate::drift::dotenv::LocalFile;
use crate::drift::engine::policy::Policy;
use crate::drift::engine::run_rules::examine;
use crate::drift::service_scope::providers;
use crate::drift::suggest::{
    ConfigDraft, Difference, DifferenceGroup, Section, Shared, differences, exceptions, groups, requirements, sections,
    shared,
};
use crate::drift::{ResourceRef, Severity, Target};
use crate::error::Error;
use crate::io::config::ConfigLocation;
use crate::io::files;
use crate::report::init_lists;

/// What a check reports.
pub(super) struct CheckOutlook {
    /// The key of each error.
    pub(super) errors: Vec<Option<String>>,
    /// The number of compared values.
    pub(super) compared: usize,
}

/// What both sides have in common and where they differ. For many services, this takes most of the time of a run.
struct SideComparison {
    shared: Vec<Shared>,
    differences: Vec<Difference>,
}

/// The draft of a `doctor.toml`.
pub(super) struct InitDraft {
    /// Both sides, with only the chosen services in scope.
    pub(super) gathered: Gathered,
    /// Services that were gathered but are not chosen.
    not_chosen: Vec<Target>,
    /// The services to choose from, each with a note.
    pub(super) services: Vec<(ResourceRef, String)>,
    /// What `doctor.toml` says about services already.
    existing: Vec<Section>,
    /// Whether there is a `doctor.toml`.
    pub(super) is_extension: bool,
    /// New services with their files, if they are known from the directories of the repository.
    planned: Vec<Section>,
    /// Computed once for the chosen services.
    comparison: OnceCell<SideComparison>,
    /// The keys that must be equal, once the user has chosen them.
    required: Option<BTreeSet<String>>,
    /// The keys with expected differences and the reasons, once the user has chosen them.
    excepted: Option<Vec<(DifferenceGroup, String)>>,
    files: Vec<String>,
}

impl InitDraft {
    /// Starts with the suggestions. `planned` are the services that were found by the directories of the repository.
    pub(super) fn new(gathered: Gathered, target: &ConfigTarget, planned: Vec<Section>) -> Result<Self, Error> {
        let is_extension = target.existing.is_some();
        let is_planned = is_extension || !planned.is_empty();
        let is_new = |section: &Section| planned.iter().any(|new| new.service.id == section.service.id);
        let mut existing = target.config().map(|config| existing_sections(config, &gathered)).unwrap_or_default();
        existing.retain(|section| !is_new(section));
        let mut draft = Self {
            files: if is_planned { Vec::new() } else { config_paths(&gathered, &target.location)? },
            services: if is_planned { planned_services(&gathered, &planned) } else { services(&gathered) },
            existing,
            is_extension,
            planned,
            gathered,
            not_chosen: Vec::new(),
            comparison: OnceCell::new(),
            required: None,
            excepted: None,
        };
        if is_planned {
            let comparable = draft.comparable();
            draft.choose(&comparable);
        }
        Ok(draft)
    }

    /// Returns the indexes of the planned services that share a key with their file. A service that others refer to
    /// counts only if a file is assigned to it.
    fn comparable(&self) -> Vec<usize> {
        let targets = &self.gathered.survey.targets;
        let templates = targets.iter().flat_map(|target| {
            let stored = target.stored.iter().flat_map(BTreeMap::values);
            stored.filter_map(|variable| Some((target.service.name.as_str(), variable.template()?.expose())))
        });
        let providers = providers(templates, &self.gathered.survey.catalogue);
        let is_comparable = |section: &Section| {
            let is_own = !section.files.is_empty() || !providers.contains_key(&section.service.name);
            let target = targets.iter().find(|target| target.service.id == section.service.id);
            is_own && target.is_some_and(|target| self.shares(target) > 0)
        };
        (0..self.planned.len()).filter(|&index| is_comparable(&self.planned[index])).collect()
    }

    /// Returns a summary of both sides.
    pub(super) fn summary(&self, width: usize) -> String {
        let (gathered, survey) = (&self.gathered, &self.gathered.survey);
        let origin = match (&gathered.selected.project_origin, &gathered.selected.environment_origin) {
            (project, environment) if project == environment => project.clone(),
            (project, environment) => format!("{project}, {environment}"),
        };
        let keys: BTreeSet<&str> = survey.files.iter().flat_map(LocalFile::keys).collect();
        let unread = survey.targets.iter().filter_map(|target| {
            let error = target.stored.as_ref().err()?;
            Some(format!("could not read {}: {error}", target.service.name))
        });
        let sides = init_lists::InitSides {
            project: survey.project.name.clone(),
            environment: survey.environment.name.clone(),
            origin,
            files: gathered.files.iter().map(|(name, _)| name.clone()).collect(),
            keys: keys.len(),
            services: survey.targets.iter().filter(|target| self.shares(target) > 0).count(),
            all: gathered.selected.shape.services.len(),
            differing: self.comparison().differences.iter().filter(|one| !one.services.is_empty()).count(),
            remarks: gathered.remarks.iter().cloned().chain(unread).collect(),
        };
        init_lists::sides_table(&sides, width)
    }

    fn shares(&self, target: &Target) -> usize {
        shares(&self.gathered, target)
    }

    /// Returns the indexes of the chosen services in [`InitDraft::services`].
    pub(super) fn chosen(&self) -> Vec<usize> {
        let is_chosen =
            |service: &ResourceRef| self.gathered.survey.targets.iter().any(|target| target.service.id == service.id);
        (0..self.services.len()).filter(|&index| is_chosen(&self.services[index].0)).collect()
    }

    /// Chooses services. Returns `false` and changes nothing if one of them was not gathered.
    pub(super) fn choose(&mut self, services: &[usize]) -> bool {
        let existing = self.existing.iter().map(|section| section.service.id.as_str());
        let wanted: BTreeSet<&str> =
            services.iter().map(|&index| self.services[index].0.id.as_str()).chain(existing).collect();
        let targets = &mut self.gathered.survey.targets;
        let known = targets.iter().chain(&self.not_chosen).map(|target| target.service.id.as_str());
        if !wanted.is_subset(&known.collect()) {
            return false;
        }
        let before: BTreeSet<String> = targets.iter().map(|target| target.service.id.clone()).collect();
        let all = targets.drain(..).chain(self.not_chosen.drain(..));
        let is_wanted = |target: &Target| wanted.contains(target.service.id.as_str());
        let (mut chosen, not_chosen): (Vec<_>, Vec<_>) = all.partition(is_wanted);
        chosen.sort_by(|one, other| one.service.name.cmp(&other.service.name));
        if !wanted.iter().copied().eq(before.iter().map(String::as_str)) {
            (self.required, self.excepted) = (None, None);
            self.comparison.take();
        }
        (*targets, self.not_chosen) = (chosen, not_chosen);
        true
    }

    /// Returns whether the draft is a new file.
    pub(super) fn scope(&self) -> prompts::InitScope {
        if self.is_extension { prompts::InitScope::Extension } else { prompts::InitScope::New }
    }

    /// Returns the files to gather again; empty if `doctor.toml` names them.
    pub(super) fn file_flags(&self) -> Vec<PathBuf> {
        if self.is_extension || !self.planned.is_empty() { Vec::new() } else { self.gathered.paths.clone() }
    }

    /// Replaces both sides with those of other services.
    pub(super) fn replace_sides(&mut self, gathered: Gathered) {
        self.gathered = gathered;
        self.not_chosen.clear();
        (self.required, self.excepted) = (None, None);
        self.comparison.take();
    }

    fn comparison(&self) -> &SideComparison {
        let survey = &self.gathered.survey;
        self.comparison.get_or_init(|| SideComparison { shared: shared(survey), differences: differences(survey) })
    }

    /// Returns the keys that are equal on both sides, and the indexes of the chosen ones.
    pub(super) fn shared(&self) -> (Vec<&Shared>, Vec<usize>) {
        let survey = &self.gathered.survey;
        let known: BTreeSet<&String> = survey.policy.require.iter().flat_map(|require| &require.keys).collect();
        let is_new = |one: &&Shared| one.agrees && !known.contains(&one.key);
        let all: Vec<&Shared> = self.comparison().shared.iter().filter(is_new).collect();
        let is_chosen = |one: &Shared| match &self.required {
            Some(chosen) => chosen.contains(&one.key),
            None => one.is_suggested,
        };
        let chosen = (0..all.len()).filter(|&index| is_chosen(all[index])).collect();
        (all, chosen)
    }

    pub(super) fn require(&mut self, keys: BTreeSet<String>) {
        if self.required.replace(keys) != self.required {
            self.excepted = None;
        }
    }

    /// Returns the keys that differ and are not required, and the indexes of the chosen ones.
    pub(super) fn differences(&self) -> (Vec<&Difference>, Vec<usize>) {
        let (shared, chosen) = self.shared();
        let required: BTreeSet<&str> = chosen.iter().map(|&index| shared[index].key.as_str()).collect();
        let is_open = |one: &&Difference| !required.contains(one.key.as_str());
        let all: Vec<&Difference> = self.comparison().differences.iter().filter(is_open).collect();
        let is_chosen = |one: &Difference| match &self.excepted {
            Some(groups) => groups.iter().any(|(group, _)| group.differences.contains(one)),
            None => one.intent.is_some(),
        };
        let chosen = (0..all.len()).filter(|&index| is_chosen(all[index])).collect();
        (all, chosen)
    }

    pub(super) fn except(&mut self, reasons: Vec<(DifferenceGroup, String)>) {
        self.excepted = Some(reasons);
    }

    /// Fails with the error of the first service if none could be read.
    pub(super) fn refuse_unread(&self) -> Result<(), Error> {
        let mut errors = self.gathered.survey.targets.iter().map(|target| target.stored.as_ref().err());
        match errors.next() {
            Some(Some(error)) if errors.all(|error| error.is_some()) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Returns the chosen services that `doctor.toml` does not have yet, with their aliases.
    fn new_sections(&self) -> Vec<Section> {
        let survey = &self.gathered.survey;
        let chosen: Vec<ResourceRef> = survey.targets.iter().map(|target| target.service.clone()).collect();
        if self.is_extension || !self.planned.is_empty() {
            let is_chosen = |section: &&Section| chosen.iter().any(|service| service.id == section.service.id);
            return self.planned.iter().filter(is_chosen).cloned().collect();
        }
        let all: Vec<ResourceRef> = self.services.iter().map(|(service, _)| service.clone()).collect();
        sections(&chosen, &all, [&survey.project.name, &survey.environment.name])
    }

    /// Returns all services in scope, with their aliases.
    pub(super) fn sections(&self) -> Vec<Section> {
        self.existing.iter().cloned().chain(self.new_sections()).collect()
    }

    /// Returns the contents of the `doctor.toml`, or what to add to it.
    pub(super) fn draft(&self) -> ConfigDraft {
        let survey = &self.gathered.survey;
        let sections = self.sections();
        let (shared, required) = self.shared();
        let required: Vec<&Shared> = required.into_iter().map(|index| shared[index]).collect();
        let suggested = || {
            let (all, chosen) = self.differences();
            let chosen: Vec<&Difference> = chosen.into_iter().map(|index| all[index]).collect();
            groups(&chosen).into_iter().map(|group| (group.clone(), group.reason.to_owned())).collect()
        };
        let excepted = self.excepted.clone().unwrap_or_else(suggested);
        let ignored = |one: &Difference| excepted.iter().any(|(group, _)| group.differences.contains(one));
        let undecided = self.differences().0.into_iter().filter(|one| one.is_value() && !ignored(one));
        ConfigDraft {
            project: survey.project.clone(),
            environment: survey.environment.clone(),
            files: self.files.clone(),
            require: requirements(&required, &sections),
            undecided: undecided.map(|one| one.key.clone()).collect(),
            ignore: exceptions(&excepted, &sections),
            services: self.new_sections(),
        }
    }

    /// Returns what `check` reports with these settings.
    pub(super) fn outlook_with(&mut self, complete: &CompleteConfig) -> Result<CheckOutlook, Error> {
        let services = Services::of(&self.gathered.selected.shape, Some(&complete.config));
        let new: Policy = policy(&complete.config, &services)?;
        let old = std::mem::replace(&mut self.gathered.survey.policy, new);
        let examination = examine(&self.gathered.survey);
        self.gathered.survey.policy = old;
        let errors = examination.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
        Ok(CheckOutlook {
            errors: errors.map(|finding| finding.key).collect(),
            compared: examination.extents.iter().map(|extent| extent.compared).sum(),
        })
    }
}

/// Returns the new services, each with its file or the number of shared keys.
fn planned_services(gathered: &Gathered, planned: &[Section]) -> Vec<(ResourceRef, String)> {
    let note = |section: &Section| {
        let target = gathered.survey.targets.iter().find(|target| target.service.id == section.service.id);
        let shared = prompts::shared_keys(target.map_or(0, |target| shares(gathered, target)));
        let file = section.files.first();
        file.map_or(shared.clone(), |file| format!("{file}, {shared}"))
    };
    planned.iter().map(|section| (section.service.clone(), note(section))).collect()
}

/// Returns the files as paths in `doctor.toml`; none if the only file is the default.
fn config_paths(gathered: &Gathered, context: &ConfigLocation) -> Result<Vec<String>, Error> {
    if gathered.paths == [files::default_env_file(&context.root, &gathered.survey.environment.name)] {
        return Ok(Vec::new());
    }
    gathered.paths.iter().map(|path| context.reach(path)).collect()
}

fn shares(gathered: &Gathered, target: &Target) -> usize {
    let local = gathered.survey.local_keys(target);
    let own = gathered.survey.catalogue.services.get(&target.service.name);
    own.into_iter().flatten().filter(|key| local.contains(key.as_str())).count()
}

/// Returns all services: those in scope first, then the others with the reason for their exclusion.
fn services(gathered: &Gathered) -> Vec<(ResourceRef, String)> {
    let in_scope = gathered
        .survey
        .targets
        .iter()
        .map(|target| (target.service.clone(), prompts::shared_keys(shares(gathered, target))));
    let others = gathered.selected.shape.services.iter().filter_map(|one| {
        let is_chosen = gathered.survey.targets.iter().any(|target| target.service.id == one.service.id);
        let why = gathered.selection.left_out.iter().find(|(name, _)| *name == one.service.name);
        let note = why.map(|(_, why)| prompts::exclusion(why)).unwrap_or_default();
        (!is_chosen).then(|| (one.service.clone(), note))
    });
    in_scope.chain(others).collect()
}
