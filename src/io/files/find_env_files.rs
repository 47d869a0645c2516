//! Finds the env files of a working tree.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
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

/// Directories of packages and of build output. Their env files are examples of third parties.
const SKIPPED: [&str; 11] = [
    ".git",
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

/// Searches for env files below a directory, except in nested repositories. Links to directories are not followed.
pub fn env_files_below(root: &Path) -> Below {
    let start = Instant::now();
    let mut found = Below::default();
    let mut queue = VecDeque::from([root.to_owned()]);
    let mut listed = 0;
    while let Some(folder) = queue.pop_front() {
        listed += 1;
        if listed > FOLDERS || found.paths.len() >= FILES || start.elapsed() > TIME {
            found.is_cut = true;
            break;
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.take(ENTRIES).flatten() {
            let (Ok(name), Ok(file_type)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            if !file_type.is_dir() {
                if leak::kind(&name) == leak::FileKind::EnvFile {
                    found.paths.push(entry.path());
                }
            } else if !SKIPPED.contains(&name.as_str()) && !entry.path().join(".git").exists() {
                queue.push_back(entry.path());
            }
        }
    }
    found.paths.truncate(FILES);
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::io::files::find_env_files::{FILES, env_files_below};

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
