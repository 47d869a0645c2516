//! The input of all rules: both sides of every target.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::drift::declared_state::DeclaredState;
use crate::drift::dotenv::disagreement::Disagreements;
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::engine::policy::Policy;
use crate::drift::example_file::Example;
use crate::drift::indirect::{Indirect, indirect};
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::file_exposure::Exposure;
use crate::drift::model::finding::{LOCAL, Location, Observation};
use crate::drift::model::observed::Observed;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::RuleScope;
use crate::drift::model::secret::Secret;
use crate::drift::model::staged_changes::StagedChanges;
use crate::drift::model::variable::Variable;
use crate::drift::model::variable_times::ChangeTimes;
use crate::drift::reference::GITHUB_SECRETS;
use crate::drift::runtime::Runtime;
use crate::error::Error;

/// One service of the environment, and the `.env` layers that should agree with it.
#[derive(Debug)]
pub struct Target {
    pub service: ResourceRef,
    /// Its name in `doctor.toml`, if it has one.
    pub alias: Option<String>,
    /// Indexes into [`Survey::files`]; later layers win.
    pub layers: Vec<usize>,
    /// Indexes into [`Survey::examples`]: the templates that declare its needs, if it is compared with no file.
    pub templates: Vec<usize>,
    /// What Railway stores for it, without system variables; or why it could not be read.
    pub stored: Result<BTreeMap<String, Variable>, Error>,
    /// Its runtime state, if it was requested.
    pub live: Runtime,
    /// Its expected state from `doctor.toml`.
    pub declared: DeclaredState,
}

impl Target {
    /// Creates a target with variables only.
    pub fn new(service: ResourceRef, layers: Vec<usize>, stored: Result<BTreeMap<String, Variable>, Error>) -> Self {
        let (live, declared) = (Runtime::default(), DeclaredState::default());
        Self { service, alias: None, layers, templates: Vec::new(), stored, live, declared }
    }

    /// Returns whether it is compared with a file.
    pub fn has_file(&self) -> bool {
        !self.layers.is_empty()
    }

    /// Returns the variable, if the service could be read and has it.
    pub fn variable(&self, key: &str) -> Option<&Variable> {
        self.stored.as_ref().ok()?.get(key)
    }
}

/// An effective local assignment.
#[derive(Clone, Copy, Debug)]
pub struct Local<'s> {
    pub file: &'s LocalFile,
    /// The assignment.
    pub entry: &'s Entry,
}

impl Local<'_> {
    /// Returns its location.
    pub fn place(&self) -> Location {
        Location { file: self.file.name.clone(), line: self.entry.line }
    }

    /// Returns its value, for the lines below a finding.
    pub fn observation(&self) -> Observation {
        let place = format!("{}:{}", self.file.name, self.entry.line);
        Observation { place, value: Some(self.entry.value.clone()), state: LOCAL }
    }
}

/// Whether flags narrow the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything.
    Whole,
    /// The part that flags selected.
    Part,
}

/// The second environment of a comparison of two environments. The first one is that of the survey.
#[derive(Debug)]
pub struct Counterpart {
    pub environment: ResourceRef,
    /// The traits of the first environment and of the second.
    pub traits: [EnvironmentTraits; 2],
    /// Where each of [`Survey::targets`] exists, in the same order.
    pub services: Vec<Presence>,
    /// Databases of the two environments that are out of scope. Only the addresses in their values are compared.
    pub databases: [Vec<Target>; 2],
    /// Protected environments whose values must not be in a pull request environment.
    pub originals: Vec<Original>,
}

/// What is special about an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentTraits {
    /// Its name begins with `prod`, or `doctor.toml` protects it.
    pub is_protected: bool,
    /// Railway created it for a pull request, and deletes it with it.
    pub is_ephemeral: bool,
}

/// The environments that have a service.
#[derive(Debug)]
pub enum Presence {
    /// Both. The target of the survey is that of the first environment, and this is that of the second.
    Both(Box<Target>),
    /// The first one only.
    Left,
    /// The second one only. The target of the survey is that of the second environment.
    Right,
}

/// An environment whose values may have been copied into a compared one.
#[derive(Debug)]
pub struct Original {
    pub environment: ResourceRef,
    pub targets: Vec<Target>,
}

/// The input of a check.
#[derive(Debug)]
pub struct Survey {
    pub project: ResourceRef,
    pub environment: ResourceRef,
    /// Every file in use, each read once. Empty if Railway is checked against what is declared.
    pub files: Vec<LocalFile>,
    /// The exposure of each file, in the same order; empty if it was not requested.
    pub exposures: Vec<Exposure>,
    /// The example files in their directories.
    pub examples: Vec<Example>,
    /// Values that loaders parse differently; see [`Survey::disagreements`].
    pub loader_conflicts: Disagreements,
    /// The services in scope, sorted by name.
    pub targets: Vec<Target>,
    /// The staged changes of the environment, if any.
    pub staged: Observed<Option<StagedChanges>>,
    /// When variables were last changed; needed only if [`Runtime::got`] is unavailable.
    pub times: Observed<ChangeTimes>,
    /// The names of all services and variables of the environment.
    pub catalogue: Catalogue,
    /// The policy from `doctor.toml`.
    pub policy: Policy,
    /// The keys of `--only`; empty means all.
    pub only: BTreeSet<String>,
    /// Whether flags narrow the comparison.
    pub coverage: Coverage,
    /// The other environment, if two environments are compared. There are then no files.
    pub counterpart: Option<Counterpart>,
    /// The ids of the services that a fix has verified.
    pub proved: BTreeSet<String>,
    /// The infrastructure-as-code file in the checkout, as a user would type it: `.railway/railway.ts`. Its
    /// declarations are applied by `railway config apply`.
    pub infrastructure: Option<String>,
    /// The day of the check, for rules and ignores with an end date.
    pub today: Date,
}

impl Survey {
    /// Returns the effective local assignment for `target`: the last one in the last layer that has the key.
    pub fn local(&self, target: &Target, key: &str) -> Option<Local<'_>> {
        target.layers.iter().rev().find_map(|&layer| {
            let file = &self.files[layer];
            file.entry(key).map(|entry| Local { file, entry })
        })
    }

    /// Returns the effective assignment of every key of the layers, with its layer.
    pub fn effective<'s>(&'s self, layers: &'s [usize]) -> impl Iterator<Item = (usize, Local<'s>)> {
        layers.iter().enumerate().flat_map(move |(index, &layer)| {
            let file = &self.files[layer];
            let is_overridden = move |key: &str| layers[index + 1..].iter().any(|&other| self.files[other].has(key));
            let entries = file.effective().filter(move |entry| !is_overridden(&entry.key));
            entries.map(move |entry| (layer, Local { file, entry }))
        })
    }

    /// Returns whether a local or stored text refers to a value kept elsewhere. `${{ secrets.NAME }}` is GitHub's,
    /// unless a service is named `secrets`.
    pub fn is_indirect(&self, text: &Secret) -> bool {
        indirect(text.expose()).is_some_and(|kind| match kind {
            Indirect::Elsewhere => true,
            Indirect::GithubSecret => !self.catalogue.services.contains_key(GITHUB_SECRETS),
        })
    }

    /// Returns whether the stored or rendered value refers to a value kept elsewhere.
    pub fn is_stored_indirect(&self, variable: &Variable) -> bool {
        [variable.stored(), variable.effective()].into_iter().flatten().any(|text| self.is_indirect(text))
    }

    /// Returns every key that the layers of `target` assign.
    pub fn local_keys(&self, target: &Target) -> BTreeSet<&str> {
        target.layers.iter().flat_map(|&layer| self.files[layer].keys()).collect()
    }

    /// Returns whether `--only` includes the key.
    pub fn includes_key(&self, key: &str) -> bool {
        self.only.is_empty() || self.only.contains(key)
    }

    /// Returns whether `--only` includes a finding. A finding without a key is included if there is no `--only`, or if
    /// a fix has verified one of its services.
    pub fn is_about(&self, key: Option<&str>, services: &[ResourceRef]) -> bool {
        let is_verified = || services.iter().any(|service| self.proved.contains(&service.id));
        key.map_or_else(|| self.only.is_empty() || is_verified(), |key| self.includes_key(key))
    }

    /// Runs `inspect` on the survey restricted to these services and keys, like a run that names them. `None` selects
    /// all services in scope, and an empty set all keys.
    pub fn within<R>(
        &mut self,
        services: Option<&BTreeSet<ResourceRef>>,
        only: &BTreeSet<String>,
        inspect: impl FnOnce(&Self) -> R,
    ) -> R {
        let all = std::mem::take(&mut self.targets).into_iter().enumerate();
        let is_named =
            |(_, target): &(usize, Target)| services.is_none_or(|services| services.contains(&target.service));
        let (named, mut others): (Vec<_>, Vec<_>) = all.partition(is_named);
        let places: Vec<usize> = named.iter().map(|(place, _)| *place).collect();
        self.targets = named.into_iter().map(|(_, target)| target).collect();
        let before = std::mem::replace(&mut self.only, only.clone());
        let result = inspect(self);
        self.only = before;
        others.extend(places.into_iter().zip(std::mem::take(&mut self.targets)));
        others.sort_by_key(|(place, _)| *place);
        self.targets = others.into_iter().map(|(_, target)| target).collect();
        result
    }

    /// Returns the targets that could be read.
    pub fn readable(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| target.stored.is_ok())
    }

    /// Returns the environment, or both if two are compared.
    pub fn environments(&self) -> Vec<&ResourceRef> {
        let second = self.counterpart.iter().map(|counterpart| &counterpart.environment);
        std::iter::once(&self.environment).chain(second).collect()
    }

    /// Returns what the rules of this comparison are about.
    pub fn scope(&self) -> RuleScope {
        if self.counterpart.is_some() { RuleScope::EnvironmentPair } else { RuleScope::Environment }
    }

    /// Returns the targets of both environments.
    pub fn all_targets(&self) -> impl Iterator<Item = &Target> {
        let paired = self.counterpart.iter().flat_map(|counterpart| &counterpart.services);
        let second = paired.filter_map(|presence| match presence {
            Presence::Both(second) => Some(&**second),
            Presence::Left | Presence::Right => None,
        });
        self.targets.iter().chain(second)
    }

    /// Returns whether the key of the service is compared with its files or, if it has none, declared as needed.
    pub fn compares(&self, target: &Target, key: &str) -> bool {
        let is_in_template = || target.templates.iter().any(|&index| self.examples[index].file.entry(key).is_some());
        self.local(target, key).is_some() || (!target.has_file() && self.requires(target, key)) || is_in_template()
    }

    /// Returns whether `[[require]]` names the key for the service.
    pub fn requires(&self, target: &Target, key: &str) -> bool {
        self.policy.require.requires(&target.service, key)
    }
}
