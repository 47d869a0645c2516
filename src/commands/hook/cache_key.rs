//! The cache key of a result: file contents, target, `doctor.toml`, and the status of the files in the index.

use zeroize::Zeroizing;

use crate::cli::{GlobalArgs, HookRunArgs};
use crate::commands::hook::local_values;
use crate::io::config::Config;
use crate::io::credentials;
use crate::io::files::exposure::ExposureTask;
use crate::io::files::{self, ReadOutcome};
use crate::io::git::GitClient;
use crate::io::storage::hook_cache::HookCacheSlot;
use crate::io::world::World;

/// Everything that may change the result and is known without a request. It does not depend on other staged files, so
/// that a rebase runs one check.
pub(super) struct CacheKey {
    parts: CacheKeyParts,
    /// git runs while the staged files are searched.
    exposures: ExposureTask,
}

/// They contain values and tokens.
#[derive(Default)]
struct CacheKeyParts(Vec<Zeroizing<Vec<u8>>>);

impl CacheKey {
    /// Reads the parts, or returns `None` if the result can't be cached.
    pub(super) fn read(
        args: &HookRunArgs,
        global: &GlobalArgs,
        config: Option<&Config>,
        git_client: GitClient,
        world: &World<'_>,
    ) -> Option<Self> {
        // The text of a stream is not known here.
        if args.files.env_file.iter().any(|path| files::is_stream(path)) {
            return None;
        }
        let paths = local_values::named(&args.files.env_file, config, &world.directory);
        let exposures = ExposureTask::start(&paths.iter().cloned().collect::<Vec<_>>(), &world.directory, git_client);
        let mut parts = CacheKeyParts::default();
        parts.add(concat!("2 ", env!("CARGO_PKG_VERSION")));
        parts.add(world.directory.as_os_str().as_encoded_bytes());
        parts.add(format!("{:?} {:?} {:?}", args.targeting, args.files, args.no_file));
        parts.add(format!("{:?} {}", global.api_url, global.no_config));
        // These include the tokens: another token may have access to another project.
        for (name, value) in world.variables.iter().filter(|(name, _)| name.starts_with("RAILWAY_")) {
            parts.add(format!("{name}={value}"));
        }
        parts.add(format!("{:?}", credentials::link(&world.variables, world.home.as_deref(), &world.directory).ok()?));
        let configured = config.map(|config| config.path.clone());
        for path in paths.iter().chain(&configured) {
            parts.add(path.as_os_str().as_encoded_bytes());
            match files::read_env(path) {
                ReadOutcome::Text(text) => parts.add(text.expose()),
                _ => return None,
            }
        }
        // Without a file, they declare the keys.
        for (path, text) in files::examples(config.map_or(&world.directory, Config::folder)) {
            parts.add(path.as_os_str().as_encoded_bytes());
            parts.add(text.expose());
        }
        Some(Self { parts, exposures })
    }

    /// Waits for git, and returns the cache slot of the result.
    pub(super) fn slot(self, world: &World<'_>) -> Option<HookCacheSlot> {
        let Self { mut parts, exposures } = self;
        parts.add(format!("{:?}", exposures.finish()));
        HookCacheSlot::of(world.state.as_deref(), &parts.0.iter().map(|part| part.as_slice()).collect::<Vec<_>>())
    }
}

impl CacheKeyParts {
    fn add(&mut self, part: impl Into<Vec<u8>>) {
        self.0.push(Zeroizing::new(part.into()));
    }
}
