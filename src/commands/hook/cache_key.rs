//! The cache key of a result: file contents, target, `doctor.toml`, and the status of the files in the index.

use std::path::PathBuf;

use crate::cli::{GlobalArgs, HookRunArgs};
use crate::commands::hook::local_values;
use crate::io::config::Config;
use crate::io::credentials;
use crate::io::files::exposure::ExposureTask;
use crate::io::files::{self, ReadOutcome};
use crate::io::git::GitClient;
use crate::io::storage::hook_cache::HookCacheSlot;
use crate::io::world::World;

/// Returns the cache slot of the result, or `None` if it can't be cached. The key has everything that may change the
/// result and is known without a request. It does not depend on other staged files, so that a rebase runs one check.
pub(super) fn slot(
    args: &HookRunArgs,
    global: &GlobalArgs,
    config: Option<&Config>,
    git_client: GitClient,
    world: &World<'_>,
) -> Option<HookCacheSlot> {
    // The text of a stream is not known here.
    if args.files.env_file.iter().any(|path| files::is_stream(path)) {
        return None;
    }
    let mut parts: Vec<Vec<u8>> = vec![
        concat!("2 ", env!("CARGO_PKG_VERSION")).into(),
        world.directory.as_os_str().as_encoded_bytes().to_vec(),
        format!("{:?} {:?} {:?}", args.targeting, args.files, args.no_file).into(),
        format!("{:?} {}", global.api_url, global.no_config).into(),
    ];
    // These include the tokens: another token may have access to another project.
    let variables = world.variables.iter().filter(|(name, _)| name.starts_with("RAILWAY_"));
    parts.extend(variables.map(|(name, value)| format!("{name}={value}").into()));
    let link = credentials::link(&world.variables, world.home.as_deref(), &world.directory).ok()?;
    parts.push(format!("{link:?}").into());
    let configured = config.map(|config| config.path.clone());
    let paths = local_values::named(&args.files.env_file, config, &world.directory);
    for path in paths.iter().chain(&configured) {
        parts.push(path.as_os_str().as_encoded_bytes().to_vec());
        match files::read_env(path) {
            ReadOutcome::Text(text) => parts.push(text.expose().into()),
            _ => return None,
        }
    }
    // Without a file, they declare the keys.
    for (path, text) in files::examples(config.map_or(&world.directory, Config::folder)) {
        parts.extend([path.as_os_str().as_encoded_bytes().to_vec(), text.expose().into()]);
    }
    let paths: Vec<PathBuf> = paths.into_iter().collect();
    parts.push(format!("{:?}", ExposureTask::start(&paths, &world.directory, git_client).finish()).into());
    let slot = HookCacheSlot::of(world.state.as_deref(), &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    parts.iter_mut().for_each(zeroize::Zeroize::zeroize);
    slot
}
