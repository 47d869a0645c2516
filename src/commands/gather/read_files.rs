//! The local side: which services are compared with which files, what the files say, and what `doctor.toml` expects.

use crate::commands::declarations::Declarations;
use crate::commands::env_files::{EnvFileSources, EnvFiles};
use crate::commands::gather::GatherOptions;
use crate::commands::policy::policy;
use crate::commands::project_selection::SelectedEnvironment;
use crate::commands::service_selection::{self, ServiceFlags, ServiceSelection, Services};
use crate::commands::session::Session;
use crate::drift::engine::policy::Policy;
use crate::drift::example_file::Example;
use crate::error::Error;
use crate::io::files::exposure::ExposureTask;
use crate::io::git::Asker;
use crate::io::railway::client::Client;
use crate::io::world::World;

/// The local side.
pub(super) struct LocalSide {
    /// Every service of the environment.
    pub(super) services: Services,
    /// The services in scope, each with its files.
    pub(super) selection: ServiceSelection,
    /// What the files say.
    pub(super) files: EnvFiles,
    /// The examples beside them.
    pub(super) examples: Vec<Example>,
    /// Who can read the files; git is asked while Railway is.
    pub(super) exposures: ExposureTask,
    /// The rules' part of `doctor.toml`.
    pub(super) policy: Policy,
    /// What `doctor.toml` declares of running services.
    pub(super) declarations: Declarations,
}

/// Selects the services and reads their files. From here on, no value of them is printed.
pub(super) fn read_local(
    client: &Client<'_>,
    selected: &SelectedEnvironment,
    options: &GatherOptions<'_>,
    session: &Session<'_>,
    world: &World<'_>,
) -> Result<LocalSide, Error> {
    let (shape, config) = (&selected.shape, session.config);
    let services = Services::of(shape, config);
    let git = Asker::new(&world.variables).within(client.remaining());
    let sources = EnvFileSources {
        flags: options.env_file,
        config,
        folder: &world.folder,
        environment: &shape.environment,
        absent: options.absent,
        git: &git,
        patience: client.remaining(),
    };
    let flags = ServiceFlags { names: &options.targeting.service, role: options.service_flags };
    let mut files = EnvFiles::default();
    let selection = service_selection::choose(flags, &services, sources, &mut files)?;
    for entry in files.files.iter().flat_map(|file| &file.entries) {
        client.scrubber.add(&entry.key, &entry.value);
    }
    Ok(LocalSide {
        policy: config.map(|config| policy(config, &services)).transpose()?.unwrap_or_default(),
        declarations: config.map(|config| Declarations::of(config, &services)).transpose()?.unwrap_or_default(),
        exposures: ExposureTask::start(&files.paths, &world.folder, git),
        examples: files.examples(&world.folder),
        services,
        selection,
        files,
    })
}
