//! Finds the env files of a working tree.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::drift::leak;

/// The maximum number of directories that are listed.
const FOLDERS: usize = 20_000;

/// The maximum number of entries that are read from one directory.
const ENTRIES: usize = 10_000;

/// The maximum number of files that are returned.
const FILES: usize = 300;

/// The time limit of the search.
const TIME: Duration = Duration::from_millis(400);

/// The maximum number of threads, and the minimum number of directories for each of them.
const THREADS: usize = 4;
const LEAST_PER_THREAD: usize = 32;

/// In the root of a repository, a directory or a file.
const GIT: &str = ".git";

/// Directories of packages and of build output. Their env files are examples of third parties.
const SKIPPED: [&str; 11] = [
    GIT,
    ".next",
    ".tox",
    ".venv",
    "__pycache__",
    "bower_components",
    "node_modules",
    "site-packages",
    "target",
    "vendor",
    "venv",
];

/// The result of a search.
#[derive(Debug, Default)]
pub struct Below {
    /// Env files, and links with such a name, without examples. Those in higher directories come first.
    pub paths: Vec<PathBuf>,
    /// Whether a limit ended the search.
    pub is_cut: bool,
}

/// The entries of one directory.
#[derive(Debug, Default)]
struct Listed {
    env_files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    is_repository: bool,
}

/// Searches for env files below a directory, except in nested repositories. Links to directories are not followed.
pub fn env_files_below(root: &Path) -> Below {
    let start = Instant::now();
    let mut found = Below::default();
    let (mut level, mut listed) = (vec![root.to_owned()], 0);
    while !level.is_empty() {
        if level.len() > FOLDERS - listed {
            level.truncate(FOLDERS - listed);
            found.is_cut = true;
        }
        listed += level.len();
        let is_late = || start.elapsed() > TIME;
        let of_level = list_all(&level, &is_late);
        found.is_cut |= of_level.len() < level.len() || is_late();
        let is_root = listed == 1;
        let (mut env_files, mut folders) = (Vec::new(), Vec::new());
        for one in of_level.into_iter().filter(|one| is_root || !one.is_repository) {
            env_files.extend(one.env_files);
            folders.extend(one.folders);
        }
        found.paths.extend(env_files);
        level = folders;
        if found.is_cut || found.paths.len() >= FILES {
            found.is_cut |= !level.is_empty() || found.paths.len() > FILES;
            break;
        }
    }
    found.paths.truncate(FILES);
    found
}

/// Lists directories in several threads, because a repository may have thousands. Returns fewer results if it is late.
fn list_all(folders: &[PathBuf], is_late: &(dyn Fn() -> bool + Sync)) -> Vec<Listed> {
    let list_some = |folders: &[PathBuf]| -> Vec<Listed> {
        folders.iter().take_while(|_| !is_late()).map(|folder| list(folder)).collect()
    };
    let threads =
        thread::available_parallelism().map_or(1, NonZero::get).min(THREADS).min(folders.len() / LEAST_PER_THREAD);
    if threads < 2 {
        return list_some(folders);
    }
    thread::scope(|scope| {
        let parts = folders.chunks(folders.len().div_ceil(threads));
        let started = parts.map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || list_some(part))));
        let started: Vec<_> = started.collect();
        let finished = started.into_iter().map(|(part, thread)| match thread.map(ScopedJoinHandle::join) {
            Ok(Ok(listed)) => listed,
            // No thread could be started.
            _ => list_some(part),
        });
        finished.flatten().collect()
    })
}

fn list(folder: &Path) -> Listed {
    let mut listed = Listed::default();
    let Ok(entries) = fs::read_dir(folder) else { return listed };
    for entry in entries.take(ENTRIES).flatten() {
        let (Ok(name), Ok(file_type)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
        listed.is_repository |= name == GIT;
        if !file_type.is_dir() {
            if leak::kind(&name) == leak::FileKind::EnvFile {
                listed.env_files.push(entry.path());
            }
        } else if !SKIPPED.contains(&name.as_str()) {
            listed.folders.push(entry.path());
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use crate::io::files::find_env_files::{FILES, LEAST_PER_THREAD, env_files_below};

    #[test]
    fn finds_env_files_in_every_directory_of_repository() {
        let guard = tempfile::tempdir().unwrap();
        let root = guard.path();
        for name in [
            ".env",
            "api/.env",
            "api/.env.example",
            "api/deep/er/.env.local",
            "web/.dev.vars",
            "web/node_modules/dotenv/.env",
            "target/debug/.env",
            "vendor/package/.env",
            "inner/.git/HEAD",
            "inner/.env",
            ".git/.env",
            "env/.environment",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "A=1\n").unwrap();
        }
        let mut names: Vec<String> = env_files_below(root)
            .paths
            .iter()
            .map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"))
            .collect();
        names.sort();
        assert_eq!(names, [".env", "api/.env", "api/deep/er/.env.local", "web/.dev.vars"]);
        assert!(!env_files_below(root).is_cut);
        assert!(env_files_below(&root.join("nowhere")).paths.is_empty());
    }

    #[test]
    fn several_threads_find_every_file() {
        let guard = tempfile::tempdir().unwrap();
        let folders = 3 * LEAST_PER_THREAD;
        for number in 0..folders {
            fs::create_dir(guard.path().join(number.to_string())).unwrap();
            fs::write(guard.path().join(format!("{number}/.env")), "A=1\n").unwrap();
        }
        fs::create_dir(guard.path().join("0/.git")).unwrap();
        let found = env_files_below(guard.path());
        let distinct: BTreeSet<_> = found.paths.iter().collect();
        assert_eq!((found.paths.len(), distinct.len(), found.is_cut), (folders - 1, folders - 1, false));
    }

    #[test]
    fn truncated_search_is_reported() {
        let guard = tempfile::tempdir().unwrap();
        for number in 0..=FILES {
            fs::create_dir(guard.path().join(number.to_string())).unwrap();
            fs::write(guard.path().join(format!("{number}/.env")), "A=1\n").unwrap();
        }
        let found = env_files_below(guard.path());
        assert_eq!((found.paths.len(), found.is_cut), (FILES, true));
    }
}
