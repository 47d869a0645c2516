//! The files with local values, and their contents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::commands::env_files::{ReadAhead, ReadFile};
use crate::drift::Secret;
use crate::drift::dotenv::LocalFile;
use crate::io::background::Background;
use crate::io::config::Config;
use crate::io::files::{self, Below, Budget, ReadAccess, ReadOutcome, ResolvedFile, display_path};
use crate::io::git::{GitClient, worktree};

#[derive(Debug, Default)]
pub(super) struct LocalValueFiles {
    /// The files that could be read.
    pub(super) files: Vec<LocalFile>,
    /// The paths of all files, and the targets of links.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Files whose values are unknown, and why.
    pub(super) unsearched: Vec<(String, String)>,
}

impl LocalValueFiles {
    /// Returns whether there is no env file at all.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.unsearched.is_empty()
    }
}

/// Returns the env files that flags and `doctor.toml` name, and those beside `doctor.toml` or in the working directory.
/// In a linked worktree, files of the main worktree are used in place of missing ones.
pub(super) fn named(env_file: &[PathBuf], config: Option<&Config>, folder: &Path) -> BTreeSet<PathBuf> {
    let mut paths: BTreeSet<PathBuf> =
        env_file.iter().filter(|path| !files::is_stream(path)).map(|path| files::normal(&folder.join(path))).collect();
    if let Some(config) = config {
        let declared = config.env_files().filter_map(|path| config.file(path).ok());
        paths.extend(declared.map(|path| worktree::replacement(&path).unwrap_or(path)));
    }
    let beside = config.map_or(folder, Config::folder);
    paths.extend(files::env_files_in(beside));
    let main = worktree::main_directory(beside).map(|main| files::env_files_in(&main)).unwrap_or_default();
    paths.extend(main.into_iter().filter(|path| is_missing_in(beside, path.file_name())));
    paths
}

fn is_missing_in<P: AsRef<Path>>(folder: &Path, path: Option<P>) -> bool {
    path.is_some_and(|path| folder.join(path).symlink_metadata().is_err())
}

/// The env files below the root of a repository, searched for in the background.
pub(super) struct FoundBelow {
    own: Below,
    /// Those of the main worktree that this linked one does not have.
    main: Below,
}

impl FoundBelow {
    /// Starts the search.
    pub(super) fn start(root: &Path) -> Background<Self> {
        let root = root.to_owned();
        Background::start(move || Self { own: files::env_files_below(&root), main: in_main_worktree(&root) })
    }
}

/// Returns the env files of the main worktree that this linked one, at `root`, does not have.
fn in_main_worktree(root: &Path) -> Below {
    let Some(main) = worktree::main_directory(root) else { return Below::default() };
    let mut below = files::env_files_below(&main);
    below.paths.retain(|path| is_missing_in(root, path.strip_prefix(&main).ok()));
    below
}

/// Reads these files, and all others that were found. The streams that flags name have been read.
pub(super) fn read(
    named: BTreeSet<PathBuf>,
    found: Background<FoundBelow>,
    streams: &ReadAhead,
    folder: &Path,
    git_client: &GitClient,
) -> LocalValueFiles {
    let of_stream =
        |(path, read): (&PathBuf, &ReadFile)| LocalFile::parse(files::name_of(path, folder), read.text.clone());
    let mut sources = LocalValueFiles { files: streams.iter().map(of_stream).collect(), ..LocalValueFiles::default() };
    let FoundBelow { own, main } = found.finish();
    if own.is_cut || main.is_cut {
        let which = "the other .env files of this repository".to_owned();
        sources.unsearched.push((which, "it has too many directories".to_owned()));
    }
    let others = own.paths.into_iter().chain(main.paths).filter(|path| !named.contains(path)).collect::<Vec<_>>();
    let mut budget = Budget::default();
    for path in named.into_iter().chain(others) {
        let read = text(&path, folder, git_client, &mut sources.paths).and_then(|text| match text {
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

/// Returns the text of a file, or `None` if there is no file. Adds the target of a link to `ends`.
fn text(
    path: &Path,
    folder: &Path,
    git_client: &GitClient,
    ends: &mut BTreeSet<PathBuf>,
) -> Result<Option<Secret>, String> {
    let end = match files::locate(path, folder, git_client) {
        Err(error) => return Err(error.cause().unwrap_or_default()),
        Ok(ResolvedFile { access: ReadAccess::Once, .. }) => {
            return Err("it is a stream, which can be read only once".to_owned());
        }
        Ok(ResolvedFile { end, .. }) => end,
    };
    let read = match files::read_env(&end) {
        ReadOutcome::Text(text) => Ok(Some(text)),
        ReadOutcome::Unusable(why) => Err(why),
        // A broken link is an error.
        ReadOutcome::Missing if path.symlink_metadata().is_ok() => Err("the link is broken".to_owned()),
        ReadOutcome::Missing => Ok(None),
    };
    ends.insert(end);
    read
}
