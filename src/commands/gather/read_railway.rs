//! Railway's side: the stored variables of the services in scope, and the running state in the same response.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::commands::gather::read_files::LocalSide;
use crate::commands::service_selection::ServiceNaming;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::StagedChanges;
use crate::drift::redact::Redactor;
use crate::drift::runtime::Runtime;
use crate::drift::service_scope::{Exclusion, is_database_image, providers};
use crate::drift::{Target, Variable, phrases};
use crate::error::Error;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{Seal, ServiceShape, Shape};
use crate::io::railway_config_files;
use crate::io::world::World;

/// Both sides, with the variables as stored.
pub(super) struct StoredSides {
    /// The local side, without excluded services.
    pub(super) local: LocalSide,
    /// The services in scope.
    pub(super) targets: Vec<Target>,
    /// The staged changes of the environment.
    pub(super) staged: Observed<Option<StagedChanges>>,
    /// The shared variables, if they were read together with the values.
    pub(super) shared: Observed<BTreeMap<String, Variable>>,
}

/// Reads the services in scope. Sends one request for every twenty.
pub(super) fn read_stored(
    client: &Client<'_>,
    shape: &Shape,
    mut local: LocalSide,
    along: ReadOptions,
    world: &World<'_>,
) -> Result<StoredSides, Error> {
    let selection = &local.selection;
    if selection.chosen.is_empty() {
        let (staged, shared) = (Observed::NotRequested, Observed::NotRequested);
        return Ok(StoredSides { local, targets: Vec::new(), staged, shared });
    }
    world.status.waiting(&format!("reading the variables of {}", phrases::count(selection.chosen.len(), "service")));
    let services: Vec<&ServiceShape> = selection.chosen.iter().map(|chosen| &shape.services[chosen.index]).collect();
    let read = client.values_and(shape, &services, along)?;
    let targets = selection.chosen.iter().zip(read.stored.into_iter().zip(read.got)).map(|(chosen, (stored, got))| {
        let service = &shape.services[chosen.index];
        Target {
            alias: chosen.alias.clone(),
            live: runtime(service, got, client.redactor, &world.directory),
            declared: local.declarations.declared(&service.service.id),
            templates: chosen.files.templates.clone(),
            ..Target::new(service.service.clone(), chosen.files.layers.clone(), stored)
        }
    });
    let mut targets: Vec<Target> = targets.collect();
    exclude_providers(&mut local, &mut targets, shape);
    Ok(StoredSides { local, targets, staged: read.staged, shared: read.shared })
}

/// Excludes services whose values other services reference, which only the values show. Named services stay, and so do
/// services without a file that a `[[require]]` names.
fn exclude_providers(local: &mut LocalSide, targets: &mut Vec<Target>, shape: &Shape) {
    let selection = &mut local.selection;
    if selection.named == ServiceNaming::Yes {
        return;
    }
    let required: BTreeSet<&String> = local.policy.require.iter().flat_map(|require| &require.services).collect();
    let templates = targets.iter().flat_map(|target| {
        let stored = target.stored.iter().flat_map(BTreeMap::values);
        stored.filter_map(|variable| Some((target.service.name.as_str(), variable.template()?.expose())))
    });
    let providers = providers(templates, &catalogue(shape));
    targets.retain(|target| {
        let is_required = !target.has_file() && required.contains(&target.service.id);
        let takers = providers.get(&target.service.name).filter(|_| !is_required);
        if let Some(takers) = takers {
            let why = Exclusion::Provider { takers: takers.iter().cloned().collect() };
            selection.left_out.push((target.service.name.clone(), why));
        }
        takers.is_none()
    });
    selection.left_out.sort();
}

/// Returns the names of all variables of the environment.
pub(crate) fn catalogue(shape: &Shape) -> Catalogue {
    let is_database = |service: &&ServiceShape| service.image.as_deref().is_some_and(is_database_image);
    let databases = shape.services.iter().filter(is_database);
    Catalogue {
        services: shape
            .services
            .iter()
            .map(|service| (service.service.name.clone(), service.variables.keys().cloned().collect()))
            .collect(),
        sealed: shape.services.iter().map(|service| (service.service.name.clone(), sealed(service))).collect(),
        shared: shape.shared.clone(),
        databases: databases.map(|service| service.service.name.clone()).collect(),
        ..Catalogue::default()
    }
}

fn sealed(service: &ServiceShape) -> BTreeSet<String> {
    service.variables.iter().filter(|(_, seal)| **seal == Seal::Sealed).map(|(key, _)| key.clone()).collect()
}

/// Returns the running state of a service after its values were read. Texts from Railway were redacted before the
/// values were known, so they are redacted again.
pub(super) fn runtime(
    service: &ServiceShape,
    got: Observed<DeployedVariables>,
    scrubber: &Redactor,
    folder: &Path,
) -> Runtime {
    let mut settings = redacted(service.settings.clone(), scrubber);
    if let Observed::Known(settings) = &mut settings
        && service.image.is_none()
    {
        settings.files = railway_config_files::config_files(service.root_directory.as_deref(), folder);
    }
    let redact_path = |path: &mut String| *path = scrubber.redact(path);
    if let Observed::Known(settings) = &mut settings {
        settings.config_file.iter_mut().for_each(redact_path);
    }
    let mut deployed = redacted(service.deployed.clone(), scrubber);
    if let Observed::Known(deployed) = &mut deployed {
        let all = deployed.latest.iter_mut().chain(&mut deployed.active);
        all.filter_map(|deployment| deployment.origin.config_file.as_mut()).for_each(redact_path);
    }
    Runtime { deployed, got: redacted(got, scrubber), settings, ..Runtime::default() }
}

fn redacted<T>(learned: Observed<T>, scrubber: &Redactor) -> Observed<T> {
    match learned {
        Observed::Unavailable(why) => Observed::Unavailable(scrubber.redact(&why)),
        learned => learned,
    }
}
