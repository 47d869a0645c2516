//! Both sides of every target: all that a rule may look at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::drift::declared_state::DeclaredState;
use crate::drift::dotenv::disagreement::Disputes;
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::engine::policy::Policy;
use crate::drift::example_file::Example;
use crate::drift::indirect::{Indirect, indirect};
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::file_exposure::Exposure;
use crate::drift::model::finding::{Location, Observation};
use crate::drift::model::observed::Observed;
use crate::drift::model::resource::ResourceRef;
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
    /// The service.
    pub service: ResourceRef,
    /// Its name in `doctor.toml`, if it has one.
    pub alias: Option<String>,
    /// Indexes into [`Survey::files`]; later layers win.
    pub layers: Vec<usize>,
    /// What Railway stores for it, without system variables; or why it could not be read.
    pub stored: Result<BTreeMap<String, Variable>, Error>,
    /// How it runs, as far as that was looked at.
    pub live: Runtime,
    /// What `doctor.toml` says of how it is to run.
    pub declared: DeclaredState,
}

impl Target {
    /// A service of which nothing but its variables is known.
    pub fn new(service: ResourceRef, layers: Vec<usize>, stored: Result<BTreeMap<String, Variable>, Error>) -> Self {
        Self { service, alias: None, layers, stored, live: Runtime::default(), declared: DeclaredState::default() }
    }

    /// The variable of that name, if the service could be read and has it.
    pub fn variable(&self, key: &str) -> Option<&Variable> {
        self.stored.as_ref().ok()?.get(key)
    }
}

/// Where a local value comes from.
#[derive(Clone, Copy, Debug)]
pub struct Local<'s> {
    /// The file that won.
    pub file: &'s LocalFile,
    /// The assignment that won.
    pub entry: &'s Entry,
}

impl Local<'_> {
    /// Where it stands.
    pub fn place(&self) -> Location {
        Location { file: self.file.name.clone(), line: self.entry.line }
    }

    /// It, for the lines below a finding.
    pub fn sighting(&self) -> Observation {
        let place = format!("{}:{}", self.file.name, self.entry.line);
        Observation { place, value: Some(self.entry.value.clone()), state: "local" }
    }
}

/// How much of what `doctor.toml` is about is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything.
    Whole,
    /// What flags chose of it.
    Part,
}

/// Everything one check knows.
#[derive(Debug)]
pub struct Survey {
    /// The project.
    pub project: ResourceRef,
    /// The environment.
    pub environment: ResourceRef,
    /// Every file in use, each read once.
    pub files: Vec<LocalFile>,
    /// How each of them is kept, in the same order; empty if it was not looked at.
    pub exposures: Vec<Exposure>,
    /// The examples beside them.
    pub examples: Vec<Example>,
    /// What loaders do not read alike in them; see [`Survey::disputes`].
    pub disputes: Disputes,
    /// The services in scope, sorted by name.
    pub targets: Vec<Target>,
    /// Changes that wait in the environment, if any do.
    pub staged: Observed<Option<StagedChanges>>,
    /// When variables were changed last; needed only where [`Runtime::got`] can't be told.
    pub times: Observed<ChangeTimes>,
    /// The names of everything in the environment.
    pub catalogue: Catalogue,
    /// What `doctor.toml` asks for.
    pub policy: Policy,
    /// `--only`: the keys that are asked about; empty means all.
    pub only: BTreeSet<String>,
    /// Whether all of it is here that `doctor.toml` is about.
    pub coverage: Coverage,
    /// The ids of the services that a fix has looked at to prove itself.
    pub proved: BTreeSet<String>,
    /// The checkout's file of infrastructure as code, as a person would type it: `.railway/railway.ts`. What it declares,
    /// `railway config apply` sets.
    pub infrastructure: Option<String>,
    /// The day of the check, for rules with an end.
    pub today: Date,
}

impl Survey {
    /// The local assignment that counts for `target`: the last one of the last layer that has the key.
    pub fn local(&self, target: &Target, key: &str) -> Option<Local<'_>> {
        target.layers.iter().rev().find_map(|&layer| {
            let file = &self.files[layer];
            file.entry(key).map(|entry| Local { file, entry })
        })
    }

    /// Whether a local or stored text refers to a value kept elsewhere. `${{ secrets.NAME }}` is GitHub's, unless a service
    /// has that name.
    pub fn is_indirect(&self, text: &Secret) -> bool {
        indirect(text.expose()).is_some_and(|kind| match kind {
            Indirect::Elsewhere => true,
            Indirect::GithubSecret => !self.catalogue.services.contains_key(GITHUB_SECRETS),
        })
    }

    /// Whether what Railway stores, or what it renders that to, refers to a value kept elsewhere.
    pub fn is_stored_indirect(&self, variable: &Variable) -> bool {
        [variable.stored(), variable.effective()].into_iter().flatten().any(|text| self.is_indirect(text))
    }

    /// Every key that the layers of `target` assign.
    pub fn local_keys(&self, target: &Target) -> BTreeSet<&str> {
        target.layers.iter().flat_map(|&layer| self.files[layer].keys()).collect()
    }

    /// Whether a key is asked about.
    pub fn includes_key(&self, key: &str) -> bool {
        self.only.is_empty() || self.only.contains(key)
    }

    /// Whether a finding is about what is asked. One without a key is, unless keys are asked about and nobody looked at
    /// how its service runs to prove a fix.
    pub fn is_about(&self, key: Option<&str>, services: &[ResourceRef]) -> bool {
        let is_proof = || services.iter().any(|service| self.proved.contains(&service.id));
        key.map_or_else(|| self.only.is_empty() || is_proof(), |key| self.includes_key(key))
    }

    /// What `look` sees of these services and keys alone, as a run that names them would; `None` for every service in
    /// scope, no key for all.
    pub fn within<R>(
        &mut self,
        services: Option<&BTreeSet<ResourceRef>>,
        only: &BTreeSet<String>,
        look: impl FnOnce(&Self) -> R,
    ) -> R {
        let all = std::mem::take(&mut self.targets).into_iter().enumerate();
        let is_named =
            |(_, target): &(usize, Target)| services.is_none_or(|services| services.contains(&target.service));
        let (named, mut others): (Vec<_>, Vec<_>) = all.partition(is_named);
        let places: Vec<usize> = named.iter().map(|(place, _)| *place).collect();
        self.targets = named.into_iter().map(|(_, target)| target).collect();
        let before = std::mem::replace(&mut self.only, only.clone());
        let seen = look(self);
        self.only = before;
        others.extend(places.into_iter().zip(std::mem::take(&mut self.targets)));
        others.sort_by_key(|(place, _)| *place);
        self.targets = others.into_iter().map(|(_, target)| target).collect();
        seen
    }

    /// The targets that could be read.
    pub fn readable(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| target.stored.is_ok())
    }

    /// Whether `[[require]]` names the key for that service.
    pub fn requires(&self, target: &Target, key: &str) -> bool {
        self.policy.require.requires(&target.service, key)
    }
}
