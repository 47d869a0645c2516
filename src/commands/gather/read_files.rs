//! The local side: the services, their files, and the settings in `doctor.toml`.

use crate::commands::declarations::Declarations;
use crate::commands::env_files::{EnvFileSources, EnvFiles};
use crate::commands::gather::GatherOptions;
use crate::commands::policy::{check_environments, policy};
use crate::commands::project_selection::SelectedEnvironment;
use crate::commands::service_selection::{self, ServiceFlags, ServiceSelection, Services};
use crate::commands::session::Session;
use crate::drift::engine::policy::Policy;
use crate::drift::example_file::Example;
use crate::error::Error;
use crate::io::files::exposure::ExposureTask;
use crate::io::git::GitClient;
use crate::io::railway::client::Client;
use crate::io::world::World;

/// The local side of the comparison.
pub(super) struct LocalSide {
    /// All services of the environment.
    pub(super) services: Services,
    /// The services in scope, each with its files.
    pub(super) selection: ServiceSelection,
    pub(super) files: EnvFiles,
    /// The example files beside them.
    pub(super) examples: Vec<Example>,
    /// The exposure of the files. git runs while requests to Railway are in flight.
    pub(super) exposures: ExposureTask,
    /// The rule settings in `doctor.toml`.
    pub(super) policy: Policy,
    /// The expectations in `doctor.toml` about running services.
    pub(super) declarations: Declarations,
}

/// Selects the services and reads their files. From here on, their values are redacted in all output.
pub(super) fn read_local(
    client: &Client<'_>,
    selected: &SelectedEnvironment,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Result<LocalSide, Error> {
    let (shape, config) = (&selected.shape, session.config);
    let services = Services::of(shape, config);
    let git = GitClient::new(&world.variables).within(client.remaining());
    let sources = EnvFileSources {
        flags: options.env_file,
        config,
        folder: &world.directory,
        environment: &shape.environment,
        absent: options.missing_file,
        git: &git,
        read_timeout: client.remaining(),
        ahead: &session.ahead,
    };
    let flags = ServiceFlags { names: &options.targeting.service, role: options.service_flags };
    let mut files = EnvFiles::default();
    let selection = service_selection::choose(flags, &services, sources, &mut files)?;
    for entry in files.files.iter().flat_map(|file| &file.entries) {
        client.redactor.add(&entry.key, &entry.value);
    }
    // The sections of `doctor.toml` are about its own project.
    if let Some(config) = config.filter(|_| options.targeting.place.project.is_none()) {
        files.remarks.extend(check_environments(config, shape)?);
    }
    Ok(LocalSide {
        policy: config.map(|config| policy(config, &services)).transpose()?.unwrap_or_default(),
        declarations: config.map(|config| Declarations::of(config, &services)).transpose()?.unwrap_or_default(),
        exposures: ExposureTask::start(&files.paths, &world.directory, git),
        examples: files.examples(&world.directory),
        services,
        selection,
        files,
    })
}
