//! Lists the files that a run may read, so that a report never overwrites one of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::GlobalArgs;
use crate::commands::config_file;
use crate::io::config::{self, Config};
use crate::io::files;
use crate::io::git::worktree;
use crate::io::world::World;

/// Returns the files and directories that a run may read: `doctor.toml`, the files that it and flags name, files with the
/// name of an env file where the default is searched, and the directories of the Railway CLI and of `doctor` itself.
///
/// Which of them a run reads depends on Railway's response, and the output file is checked before the first request.
pub(crate) fn of(typed: &[PathBuf], global: &GlobalArgs, world: &World<'_>) -> Vec<PathBuf> {
    let mut inputs: Vec<PathBuf> = typed.iter().map(|path| world.directory.join(path)).collect();
    inputs.extend(global.config.iter().map(|path| world.directory.join(path)));
    inputs.extend(config::nearest(&world.directory));
    // An invalid `doctor.toml` is reported later, if the run needs it.
    let config = config_file::read(global, world).ok().flatten();
    inputs.extend(files_of_variables(config.as_ref(), &world.directory));
    // The Railway CLI's login and links, the journal and its key, and the trust store.
    inputs.extend(world.home.as_ref().map(|home| home.join(".railway")));
    inputs.extend(world.state.iter().chain(&world.cache).cloned());
    inputs
}

/// Returns the env files that a run without `--env-file` may read: those that `doctor.toml` names, and those beside it
/// or in the working directory. In a linked worktree, they may be in the main worktree.
pub(crate) fn files_of_variables(config: Option<&Config>, folder: &Path) -> BTreeSet<PathBuf> {
    let named = config.into_iter().flat_map(|config| config.env_files().filter_map(|path| config.file(path).ok()));
    let folders = [Some(folder), config.map(Config::folder)].into_iter().flatten();
    let of_main_worktree = folders.clone().filter_map(worktree::main_directory);
    let found = folders.map(Path::to_owned).chain(of_main_worktree).flat_map(|folder| files::variables_in(&folder));
    let mut paths: BTreeSet<PathBuf> = named.chain(found).collect();
    let replacements: Vec<PathBuf> = paths.iter().filter_map(|path| worktree::replacement(path)).collect();
    paths.extend(replacements);
    paths
}
