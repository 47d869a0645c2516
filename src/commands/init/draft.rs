//! The draft of a `doctor.toml`: both sides, and the user's choices so far. Other choices default to the suggestions.

use std::collections::BTreeSet;

use crate::commands::gather::Gathered;
use crate::commands::prompts;
use crate::commands::service_selection::ServiceNaming;
use crate::drift::dotenv::LocalFile;
use crate::drift::suggest::{
    ConfigDraft, Difference, DifferenceGroup, Section, Shared, differences, exceptions, groups, requirements, sections,
    shared,
};
use crate::drift::{ResourceRef, Target};
use crate::error::Error;
use crate::io::config::ConfigLocation;
use crate::io::files;
use crate::report::init_lists;

/// The draft of a `doctor.toml`.
pub(super) struct InitDraft {
    /// Both sides, with only the chosen services in scope.
    pub(super) gathered: Gathered,
    /// Services that were gathered but are not chosen.
    not_chosen: Vec<Target>,
    /// All services of the environment, each with a note for the choice.
    pub(super) services: Vec<(ResourceRef, String)>,
    /// Whether the services were named explicitly.
    pub(super) is_named: bool,
    /// The keys that must be equal, once the user has chosen them.
    required: Option<BTreeSet<String>>,
    /// The keys with expected differences and the reasons, once the user has chosen them.
    excepted: Option<Vec<(DifferenceGroup, String)>>,
    files: Vec<String>,
}

impl InitDraft {
    pub(super) fn new(gathered: Gathered, context: &ConfigLocation) -> Result<Self, Error> {
        Ok(Self {
            files: config_paths(&gathered, context)?,
            services: services(&gathered),
            is_named: gathered.selection.named == ServiceNaming::Yes,
            gathered,
            not_chosen: Vec::new(),
            required: None,
            excepted: None,
        })
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
            all: self.services.len(),
            differing: differences(survey, &BTreeSet::new()).iter().filter(|one| !one.services.is_empty()).count(),
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
        let wanted: BTreeSet<&str> = services.iter().map(|&index| self.services[index].0.id.as_str()).collect();
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
        }
        (*targets, self.not_chosen) = (chosen, not_chosen);
        true
    }

    /// Replaces both sides with those of other services.
    pub(super) fn replace_sides(&mut self, gathered: Gathered) {
        self.gathered = gathered;
        self.not_chosen.clear();
        (self.required, self.excepted) = (None, None);
    }

    /// Returns the keys that are equal on both sides, and the indexes of the chosen ones.
    pub(super) fn shared(&self) -> (Vec<Shared>, Vec<usize>) {
        let all: Vec<Shared> = shared(&self.gathered.survey).into_iter().filter(|one| one.agrees).collect();
        let is_chosen = |one: &Shared| match &self.required {
            Some(chosen) => chosen.contains(&one.key),
            None => one.is_suggested,
        };
        let chosen = (0..all.len()).filter(|&index| is_chosen(&all[index])).collect();
        (all, chosen)
    }

    pub(super) fn require(&mut self, keys: BTreeSet<String>) {
        if self.required.replace(keys) != self.required {
            self.excepted = None;
        }
    }

    /// Returns the keys that differ and are not required, and the indexes of the chosen ones.
    pub(super) fn differences(&self) -> (Vec<Difference>, Vec<usize>) {
        let (shared, chosen) = self.shared();
        let required = chosen.iter().map(|&index| shared[index].key.as_str()).collect();
        let all = differences(&self.gathered.survey, &required);
        let is_chosen = |one: &Difference| match &self.excepted {
            Some(groups) => groups.iter().any(|(group, _)| group.differences.contains(one)),
            None => one.is_suggested,
        };
        let chosen = (0..all.len()).filter(|&index| is_chosen(&all[index])).collect();
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

    /// Returns the chosen services, with their aliases.
    pub(super) fn sections(&self) -> Vec<Section> {
        let survey = &self.gathered.survey;
        let chosen: Vec<ResourceRef> = survey.targets.iter().map(|target| target.service.clone()).collect();
        let all: Vec<ResourceRef> = self.services.iter().map(|(service, _)| service.clone()).collect();
        sections(&chosen, &all, [&survey.project.name, &survey.environment.name])
    }

    /// Returns the contents of the `doctor.toml`.
    pub(super) fn draft(&self) -> ConfigDraft {
        let survey = &self.gathered.survey;
        let sections = self.sections();
        let (shared, required) = self.shared();
        let required: Vec<&Shared> = required.into_iter().map(|index| &shared[index]).collect();
        let suggested = || {
            let (all, chosen) = self.differences();
            let chosen: Vec<&Difference> = chosen.into_iter().map(|index| &all[index]).collect();
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
            undecided: undecided.map(|one| one.key).collect(),
            ignore: exceptions(&excepted, &sections),
            services: sections,
        }
    }
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
