//! Finds git in `PATH`, but never inside the checkout.
//!
//! Package managers put directories of the checkout into `PATH` (`npx`: `node_modules/.bin`), so a checkout could
//! provide its own `git`. Directories of the checkout are recognised by their resolved path, however `PATH` spells it.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::io::{files, git, os};

/// The search path if `PATH` is unset.
const DEFAULT_SEARCH: &str = "/usr/bin:/bin";

/// The git program, and the `PATH` of its process.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The absolute path.
    pub(super) path: PathBuf,
    /// The directories in `PATH` that are absolute and outside the checkout.
    pub(super) search: OsString,
}

/// Finds git outside the checkouts that contain these directories. On failure, returns the cause.
pub(super) fn find(search: Option<&str>, folders: &[&Path]) -> Result<Program, String> {
    let checkouts = Checkouts::around(folders);
    let folders: Vec<PathBuf> = std::env::split_paths(search.unwrap_or(DEFAULT_SEARCH)).collect();
    let (inside, outside): (Vec<_>, Vec<_>) =
        folders.into_iter().filter(|folder| folder.is_absolute()).partition(|folder| checkouts.contain(folder));
    let name = format!("git{EXE_SUFFIX}");
    let mut programs = outside.iter().map(|folder| folder.join(&name)).filter(|path| is_program(path));
    if let Some(path) = programs.find(|path| !checkouts.contain(path)) {
        let search = std::env::join_paths(&outside).map_err(|error| error.to_string())?;
        return Ok(Program { path, search });
    }
    // A link outside the checkout to a program inside it counts as inside.
    let is_inside = inside.iter().chain(&outside).any(|folder| is_program(&folder.join(&name)));
    Err(if is_inside { "the only git in PATH is inside the checkout" } else { "git is not installed" }.to_owned())
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && os::is_executable(&metadata))
}

/// The roots of checkouts: as named and with links resolved, and their identities (device and inode) where the OS has
/// them, because a file system may ignore case.
struct Checkouts {
    roots: Vec<PathBuf>,
    identities: Vec<(u64, u64)>,
}

impl Checkouts {
    /// Returns the outermost repository that contains each directory, or the directory itself outside a repository. The
    /// root of the file system is never a checkout.
    fn around(folders: &[&Path]) -> Self {
        let mut roots = Vec::new();
        for folder in folders {
            for folder in [files::normal(folder), real(folder)] {
                let is_below_root = |folder: &PathBuf| folder.parent().is_some();
                let outermost = git::roots(&folder).filter(is_below_root).last();
                roots.extend(outermost.or(Some(folder)).filter(is_below_root));
            }
        }
        roots.extend(roots.clone().iter().map(|root| real(root)));
        let identities = roots.iter().filter_map(|root| identity(root)).collect();
        Self { roots, identities }
    }

    /// Returns whether a path, or a link that it goes through, is in a checkout. A path that can't be resolved counts
    /// as inside.
    fn contain(&self, path: &Path) -> bool {
        let Ok(resolved) = files::resolve(path) else { return true };
        let ends = [files::normal(path), real(path), resolved.end];
        resolved.links.iter().chain(&ends).any(|path| self.are_above(path))
    }

    fn are_above(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root))
            || path.ancestors().filter_map(identity).any(|identity| self.identities.contains(&identity))
    }
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().and_then(|metadata| os::identity(&metadata))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use crate::io::git::find_git::find;

    fn program(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("git"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join("git"), Permissions::from_mode(0o755)).unwrap();
    }

    fn repository(at: &Path) {
        fs::create_dir_all(at.join(".git")).unwrap();
        fs::write(at.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    /// Returns a directory with the repository `work`, which contains another repository, with programs inside and
    /// outside it, and with links in both directions.
    fn places() -> (tempfile::TempDir, std::path::PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let base = guard.path().canonicalize().unwrap();
        repository(&base.join("work"));
        repository(&base.join("work/vendor/inner"));
        fs::create_dir_all(base.join("work/packages/web")).unwrap();
        fs::create_dir_all(base.join("empty")).unwrap();
        for folder in ["work/bin", "work/vendor/inner/bin", "tools", "tools-2", "loose/bin"] {
            program(&base.join(folder));
        }
        fs::create_dir(base.join("aliases")).unwrap();
        for (target, link) in [
            ("work", "link"),
            ("work/bin", "bin-link"),
            ("link/bin", "link-to-link"),
            ("../work/bin/git", "aliases/git"),
            ("../../tools-2", "work/bin/out"),
            ("work/bin/out", "through"),
            ("tools", "tools-link"),
            ("circle", "circle"),
        ] {
            symlink(target, base.join(link)).unwrap();
        }
        fs::create_dir(base.join("plain")).unwrap();
        fs::write(base.join("plain/git"), "not a program").unwrap();
        (guard, base)
    }

    #[test]
    fn git_inside_checkout_is_never_used() {
        let (_guard, base) = places();
        for entry in [
            "work/bin",
            "work/bin/",
            "work/./bin",
            "tools/../work/bin",
            "work/packages/../bin",
            "work/packages/web/../../bin",
            "link/bin",
            "link/packages/../bin",
            "tools-link/../work/bin",
            "bin-link",
            "link-to-link",
            "aliases",
            "work/bin/out",
            "through",
            "work/vendor/inner/bin",
            "circle",
            "plain",
            "missing",
        ] {
            for folder in ["work", "work/packages/web", "work/vendor/inner", "link/packages/web"] {
                let search = format!("{}:{}", base.join(entry).display(), base.join("tools").display());
                let found = find(Some(&search), &[&base.join(folder)]).unwrap();
                assert_eq!(found.path, base.join("tools/git"), "{entry} from {folder}");
            }
        }
    }

    #[test]
    fn relative_and_empty_path_entries_are_skipped() {
        let (_guard, base) = places();
        for entry in ["", ".", "bin", "./work/bin", "../bin", "~/bin"] {
            let search = format!("{entry}:{}", base.join("tools").display());
            let found = find(Some(&search), &[&base.join("work")]).unwrap();
            assert_eq!((found.path, found.search), (base.join("tools/git"), base.join("tools").into()), "{entry}");
        }
    }

    #[test]
    fn git_outside_checkout_is_found_in_path_order() {
        let (_guard, base) = places();
        for (entry, expected) in [
            ("tools", "tools/git"),
            ("tools-2", "tools-2/git"),
            ("tools-link", "tools-link/git"),
            ("work/../tools", "work/../tools/git"),
        ] {
            let search = format!("{}:{}", base.join(entry).display(), base.join("loose/bin").display());
            let found = find(Some(&search), &[&base.join("work/packages/web")]).unwrap();
            assert_eq!(found.path, base.join(expected), "{entry}");
        }
    }

    #[test]
    fn each_directory_excludes_its_own_checkout() {
        let (_guard, base) = places();
        let search = ["loose/bin", "work/bin", "tools"].map(|entry| base.join(entry).display().to_string()).join(":");
        let found = |folders: &[&str]| {
            let folders: Vec<_> = folders.iter().map(|folder| base.join(folder)).collect();
            let folders: Vec<&Path> = folders.iter().map(std::path::PathBuf::as_path).collect();
            find(Some(&search), &folders).unwrap().path
        };
        assert_eq!(found(&["work"]), base.join("loose/bin/git"));
        assert_eq!(found(&["loose"]), base.join("work/bin/git"));
        assert_eq!(found(&["loose", "work/packages/web"]), base.join("tools/git"));
        assert_eq!(found(&["empty"]), base.join("loose/bin/git"));
    }

    #[test]
    fn filesystem_root_excludes_nothing() {
        let (_guard, base) = places();
        let search = base.join("tools").display().to_string();
        assert_eq!(find(Some(&search), &[Path::new("/")]).unwrap().path, base.join("tools/git"));
    }

    #[test]
    fn error_distinguishes_missing_git_from_excluded_git() {
        let (_guard, base) = places();
        let why = |entry: &str| {
            let search = base.join(entry).display().to_string();
            find(Some(&search), &[&base.join("work/packages/web")]).unwrap_err()
        };
        assert_eq!(why("empty"), "git is not installed");
        assert_eq!(why("plain"), "git is not installed");
        for entry in ["work/bin", "link/bin", "aliases"] {
            assert_eq!(why(entry), "the only git in PATH is inside the checkout", "{entry}");
        }
    }
}
