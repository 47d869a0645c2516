//! Lists the files that a run may read, which a report never replaces.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::GlobalArgs;
use crate::commands::config_file;
use crate::io::config::{self, Config};
use crate::io::files;
use crate::io::world::World;

/// The files that a run with these flags may read: `doctor.toml`, what it and `--env-file` name, and everything that has the
/// name of a file of variables where the default one is looked for; and the folders of the official CLI and of `doctor` itself.
///
/// Which of them a run reads is not known before Railway has answered, and its report must have its place by then.
pub(crate) fn of(env_file: &[PathBuf], global: &GlobalArgs, world: &World<'_>) -> Vec<PathBuf> {
    let mut inputs: Vec<PathBuf> = env_file.iter().map(|path| world.folder.join(path)).collect();
    inputs.extend(global.config.iter().map(|path| world.folder.join(path)));
    inputs.extend(config::nearest(&world.folder));
    // One that can't be understood ends the run with its own error, if the run needs it.
    let config = config_file::read(global, world).ok().flatten();
    inputs.extend(config.iter().flat_map(listed));
    let folders = [Some(world.folder.as_path()), config.as_ref().map(Config::folder)];
    let folders: BTreeSet<&Path> = folders.into_iter().flatten().collect();
    inputs.extend(folders.into_iter().flat_map(files::variables_in));
    // The official CLI's login and links, the journal with its key, and what was accepted.
    inputs.extend(world.home.as_ref().map(|home| home.join(".railway")));
    inputs.extend(world.state.iter().chain(&world.cache).cloned());
    inputs
}

/// Every file of variables that `doctor.toml` names.
fn listed(config: &Config) -> Vec<PathBuf> {
    let environments = config.environments.values().map(|section| &section.env_file);
    let services = config.services.values().map(|section| &section.env_file);
    let named = environments.chain(services).chain([&config.env_file]).flatten().flatten();
    named.filter_map(|path| config.file(path).ok()).collect()
}
