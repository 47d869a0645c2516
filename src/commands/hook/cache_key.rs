//! The key of an earlier result about the same: file bytes, target, `doctor.toml`, and what the index has of the files.

use std::path::PathBuf;

use crate::cli::{GlobalArgs, HookRunArgs};
use crate::commands::hook::local_values;
use crate::io::config::Config;
use crate::io::credentials;
use crate::io::files::exposure::ExposureTask;
use crate::io::files::{self, ReadOutcome};
use crate::io::git::Asker;
use crate::io::storage::hook_cache::HookCacheSlot;
use crate::io::world::World;

/// The place of the result; none where nothing can be kept. Everything goes in that may change what a check says and
/// can be known without asking Railway; the rest of the index does not, so that a rebase costs one check.
pub(super) fn slot(
    args: &HookRunArgs,
    global: &GlobalArgs,
    config: Option<&Config>,
    asker: Asker,
    world: &World<'_>,
) -> Option<HookCacheSlot> {
    let mut parts: Vec<Vec<u8>> = vec![
        concat!("1 ", env!("CARGO_PKG_VERSION")).into(),
        world.folder.as_os_str().as_encoded_bytes().to_vec(),
        format!("{:?} {:?} {:?} {}", args.targeting, args.files.env_file, global.api_url, global.no_config).into(),
    ];
    // Among them the tokens: another one may see another project.
    let variables = world.variables.iter().filter(|(name, _)| name.starts_with("RAILWAY_"));
    parts.extend(variables.map(|(name, value)| format!("{name}={value}").into()));
    let link = credentials::link(&world.variables, world.home.as_deref(), &world.folder).ok()?;
    parts.push(format!("{link:?}").into());
    let configured = config.map(|config| config.path.clone());
    let paths = local_values::named(&args.files.env_file, config, &world.folder);
    for path in paths.iter().chain(&configured) {
        parts.push(path.as_os_str().as_encoded_bytes().to_vec());
        match files::read_env(path) {
            ReadOutcome::Text(text) => parts.push(text.expose().into()),
            _ => return None,
        }
    }
    let paths: Vec<PathBuf> = paths.into_iter().collect();
    parts.push(format!("{:?}", ExposureTask::start(&paths, &world.folder, asker).finish()).into());
    let slot = HookCacheSlot::of(world.state.as_deref(), &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    parts.iter_mut().for_each(zeroize::Zeroize::zeroize);
    slot
}
