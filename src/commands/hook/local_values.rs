//! Which files hold the local values, and what they hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::drift::dotenv::LocalFile;
use crate::io::config::Config;
use crate::io::files::{self, Budget, ReadAccess, ReadOutcome, ResolvedFile, display_path};
use crate::io::git::Asker;

/// The files that hold local values.
#[derive(Debug, Default)]
pub(super) struct LocalValueFiles {
    /// What could be read.
    pub(super) files: Vec<LocalFile>,
    /// The files that are in use, and the ends of their links.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Files whose values are not known, and why.
    pub(super) unsearched: Vec<(String, String)>,
}

/// The files that hold local values by flag and `doctor.toml`, and those of the folder of `doctor.toml`, or of the working
/// folder.
pub(super) fn named(env_file: &[PathBuf], config: Option<&Config>, folder: &Path) -> BTreeSet<PathBuf> {
    let mut paths: BTreeSet<PathBuf> =
        env_file.iter().filter(|path| !files::is_stream(path)).map(|path| files::normal(&folder.join(path))).collect();
    if let Some(config) = config {
        paths.extend(config.env_files().filter_map(|path| config.file(path).ok()));
    }
    paths.extend(files::env_files_in(config.map_or(folder, Config::folder)));
    paths
}

/// Reads them, and every other file of variables in the working tree at `root`. A pipe is left to the check: it can be read
/// only once.
pub(super) fn read(named: BTreeSet<PathBuf>, root: &Path, folder: &Path, asker: &Asker) -> LocalValueFiles {
    let mut sources = LocalValueFiles::default();
    let below = files::env_files_below(root);
    if below.is_cut {
        let which = "the other .env files of this repository".to_owned();
        sources.unsearched.push((which, "it has too many folders".to_owned()));
    }
    let others = below.paths.into_iter().filter(|path| !named.contains(path)).collect::<Vec<_>>();
    let mut budget = Budget::default();
    for path in named.into_iter().chain(others) {
        let read = text(&path, folder, asker, &mut sources.paths).and_then(|text| match text {
            Some(text) => budget.take(&text).map(|()| Some(text)),
            None => Ok(None),
        });
        let name = display_path(&path, folder);
        match read {
            Ok(Some(text)) => sources.files.push(LocalFile::parse(name, text)),
            Ok(None) => {}
            Err(why) => sources.unsearched.push((name, why)),
        }
        sources.paths.insert(path);
    }
    sources
}

/// The text of a file; none where there is no file. The end of its links goes to `ends`.
fn text(
    path: &Path,
    folder: &Path,
    asker: &Asker,
    ends: &mut BTreeSet<PathBuf>,
) -> Result<Option<crate::drift::Secret>, String> {
    let end = match files::locate(path, folder, asker) {
        Err(error) => return Err(error.cause().unwrap_or_default()),
        Ok(ResolvedFile { access: ReadAccess::Once, .. }) => {
            return Err("another program writes it, and it is read only once".to_owned());
        }
        Ok(ResolvedFile { end, .. }) => end,
    };
    let read = match files::read_env(&end) {
        ReadOutcome::Text(text) => Ok(Some(text)),
        ReadOutcome::Unusable(why) => Err(why),
        // A link that leads nowhere is a mistake.
        ReadOutcome::Missing if path.symlink_metadata().is_ok() => Err("there is no such file".to_owned()),
        ReadOutcome::Missing => Ok(None),
    };
    ends.insert(end);
    read
}
