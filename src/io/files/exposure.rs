//! Checks how env files are exposed: tracked by git, not ignored, readable by other users.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::drift::model::file_exposure::{Exposure, Git, Readers};
use crate::io::background::Background;
use crate::io::files::{self, display_path};
use crate::io::git::{self, GitClient, GitStatus};
use crate::io::os;

/// An inspection in the background: git runs while `doctor` waits for Railway.
#[derive(Debug)]
pub struct ExposureTask(Background<Vec<Exposure>>);

impl ExposureTask {
    /// Starts to inspect files.
    pub fn start(paths: &[PathBuf], folder: &Path, git_client: GitClient) -> Self {
        let (paths, folder) = (paths.to_vec(), folder.to_owned());
        Self(Background::start(move || inspect(&paths, &folder, &git_client)))
    }

    /// Waits for the inspection, and returns one result per path, in order.
    pub fn finish(self) -> Vec<Exposure> {
        self.0.finish()
    }
}

/// Returns a note for each distinct cause why git could not be queried.
pub fn remarks(exposures: &[Exposure]) -> Vec<String> {
    let mut remarks: Vec<String> = exposures
        .iter()
        .filter_map(|exposure| match &exposure.git {
            Git::Unknown(why) => Some(format!("could not determine whether git tracks the files in use: {why}")),
            _ => None,
        })
        .collect();
    remarks.sort_unstable();
    remarks.dedup();
    remarks
}

/// Inspects files, with one git query per repository.
fn inspect(paths: &[PathBuf], folder: &Path, git_client: &GitClient) -> Vec<Exposure> {
    let mut repositories: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
    let ends: Vec<Option<PathBuf>> = paths.iter().map(|path| end(path)).collect();
    let mut exposures: Vec<Exposure> =
        paths.iter().zip(&ends).map(|(path, end)| without_git(path, end.as_deref(), folder)).collect();
    for (index, end) in ends.iter().enumerate() {
        if let Some(root) = end.as_deref().and_then(Path::parent).and_then(git::root) {
            repositories.entry(root).or_default().push(index);
        }
    }
    for (root, indexes) in repositories {
        let files: Vec<PathBuf> = indexes.iter().filter_map(|&index| ends[index].clone()).collect();
        let result = git_client.status(&root, &files);
        for (position, index) in indexes.into_iter().enumerate() {
            exposures[index].git = match &result {
                Err(why) => Git::Unknown(why.clone()),
                Ok(statuses) => match statuses[position] {
                    GitStatus::Tracked => Git::Tracked,
                    GitStatus::Ignored => Git::Ignored,
                    GitStatus::Untracked => Git::NotIgnored,
                },
            };
        }
    }
    exposures
}

/// Resolves all links of a path. A file that does not exist yet is resolved too, because git's index may have it.
fn end(path: &Path) -> Option<PathBuf> {
    let folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    match path.symlink_metadata() {
        Ok(_) => path.canonicalize().ok(),
        Err(_) => folder(),
    }
}

/// Returns the exposure without git's part.
fn without_git(path: &Path, end: Option<&Path>, folder: &Path) -> Exposure {
    if files::is_stream(path) {
        return Exposure { git: Git::Outside, mode: None, readers: Readers::Owner, end: None };
    }
    let Some(end) = end else {
        let git = Git::Unknown("a file was removed during the check".to_owned());
        return Exposure { git, mode: None, readers: Readers::Owner, end: None };
    };
    let (mode, readers) = fs::metadata(end).map_or((None, Readers::Owner), |metadata| os::readers(end, &metadata));
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    Exposure {
        git: Git::Outside,
        mode,
        readers,
        // The working directory may be reached through a link, but the target is shown relative to the user's path.
        end: is_link.then(|| display_path(end, &folder.canonicalize().unwrap_or_else(|_| folder.to_owned()))),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use crate::drift::model::file_exposure::{Exposure, Git, Readers};
    use crate::io::files::exposure::{ExposureTask, GitClient, remarks};

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap();
        // Like a home directory that all users can traverse. A temporary directory is private.
        set_mode(&folder, 0o755);
        (guard, folder)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn exposures(folder: &Path, names: &[&str], search: &str) -> Vec<Exposure> {
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        let variables = BTreeMap::from([("PATH".to_owned(), search.to_owned())]);
        ExposureTask::start(&paths, folder, GitClient::new(&variables)).finish()
    }

    #[test]
    fn outside_repository_only_file_mode_is_checked() {
        let (_guard, folder) = folder();
        fs::write(folder.join(".env"), "A=1\n").unwrap();
        let metadata = folder.join(".env").metadata().unwrap();
        // A group with the user's id has no other members.
        let group = if metadata.uid() == metadata.gid() { Readers::Owner } else { Readers::Group };
        for (mode, above, readers) in [
            (0o644, 0o755, Readers::Everybody),
            (0o604, 0o755, Readers::Everybody),
            (0o600, 0o755, Readers::Owner),
            (0o644, 0o700, Readers::Owner),
            (0o644, 0o744, Readers::Owner),
            (0o640, 0o755, group),
            (0o640, 0o700, Readers::Owner),
        ] {
            set_mode(&folder.join(".env"), mode);
            set_mode(&folder, above);
            let expected = Exposure { git: Git::Outside, mode: Some(mode), readers, end: None };
            assert_eq!(exposures(&folder, &[".env"], "/nowhere"), [expected], "{mode:o} below {above:o}");
        }
        set_mode(&folder, 0o700);
    }

    #[test]
    fn symlinks_are_followed_to_their_target() {
        let (_guard, folder) = folder();
        fs::create_dir_all(folder.join("shop/config")).unwrap();
        for (name, mode) in [("outer.env", 0o600), ("shop/config/.env", 0o644)] {
            fs::write(folder.join(name), "A=1\n").unwrap();
            set_mode(&folder.join(name), mode);
        }
        let shop = folder.join("shop");
        symlink("config/.env", shop.join(".env")).unwrap();
        symlink("../outer.env", shop.join(".env.local")).unwrap();
        symlink("gone", shop.join(".env.broken")).unwrap();
        let found = exposures(&shop, &[".env", ".env.local", "config/.env", ".env.broken"], "/nowhere");
        let ends: Vec<_> = found.iter().map(|exposure| (exposure.end.as_deref(), exposure.mode)).collect();
        assert_eq!(
            ends,
            [
                (Some("config/.env"), Some(0o644)),
                (Some("../outer.env"), Some(0o600)),
                (None, Some(0o644)),
                (None, None)
            ]
        );
        assert_eq!(found[1].readers, Readers::Owner);
        assert!(matches!(found[3].git, Git::Unknown(_)));
    }

    #[test]
    fn checks_each_repository_and_reports_failure_once() {
        let (_guard, folder) = folder();
        let git = |place: &str, arguments: &[&str]| {
            let done = std::process::Command::new("git").args(arguments).current_dir(folder.join(place)).status();
            assert!(done.unwrap().success());
        };
        for name in ["one/a/.env", "one/b/.env", "two/.env", "none/.env"] {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), "A=1\n").unwrap();
        }
        for place in ["one", "two"] {
            git(place, &["init", "-q"]);
        }
        git("one", &["add", "b/.env"]);
        fs::write(folder.join("two/.gitignore"), ".env\n").unwrap();
        symlink("../two/.env", folder.join("one/.env.two")).unwrap();
        let names = ["one/a/.env", "two/.env", "one/b/.env", "none/.env", "one/.env.two"];
        let found = exposures(&folder, &names, &std::env::var("PATH").unwrap());
        let states: Vec<_> = found.iter().map(|exposure| exposure.git.clone()).collect();
        assert_eq!(states, [Git::NotIgnored, Git::Ignored, Git::Tracked, Git::Outside, Git::Ignored]);
        assert_eq!(remarks(&found), [""; 0]);
        let found = exposures(&folder, &names, "/nowhere");
        assert_eq!(remarks(&found), ["could not determine whether git tracks the files in use: git is not installed"]);
    }
}
