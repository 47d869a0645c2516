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
    inputs.extend(files_of_variables(config.as_ref(), &world.folder));
    // The official CLI's login and links, the journal with its key, and what was accepted.
    inputs.extend(world.home.as_ref().map(|home| home.join(".railway")));
    inputs.extend(world.state.iter().chain(&world.cache).cloned());
    inputs
}

/// Returns every file of variables that a run without `--env-file` may read: those that `doctor.toml` names, and those with
/// such a name beside it or in the working folder.
pub(crate) fn files_of_variables(config: Option<&Config>, folder: &Path) -> BTreeSet<PathBuf> {
    let named = config.into_iter().flat_map(|config| config.env_files().filter_map(|path| config.file(path).ok()));
    let folders = [Some(folder), config.map(Config::folder)].into_iter().flatten();
    named.chain(folders.flat_map(files::variables_in)).collect()
}
