//! Finds the main worktree of a linked worktree, with a few file reads instead of a git process.
//!
//! A checkout is untrusted: an archive can contain a `.git` file that names any directory. A linked worktree is therefore
//! recognized only if the directory that its `.git` file names refers back to that file and belongs to the user.

use std::fs;
use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::io::files::{self, ReadOutcome};
use crate::io::git::root;
use crate::io::os;

/// The maximum size of a file that contains one path, in bytes.
const PATH_LIMIT: u64 = 1 << 14;

/// The maximum size of a repository's configuration that is read, in bytes.
const CONFIG_LIMIT: u64 = 1 << 20;

/// Returns the directory of the main worktree that corresponds to a directory of a linked worktree. It need not exist.
///
/// Returns `None` elsewhere: in the main worktree, in a submodule, outside a repository, and if the repository is bare.
pub fn main_directory(folder: &Path) -> Option<PathBuf> {
    let root = root(folder)?;
    let main = main_root(&root)?;
    Some(main.join(folder.strip_prefix(&root).ok()?))
}

/// Returns the file of the main worktree that corresponds to a file that is missing in a linked worktree. A link must
/// not lead out of the main worktree.
pub fn replacement(missing: &Path) -> Option<PathBuf> {
    let (folder, name) = (missing.parent()?, missing.file_name()?);
    if missing.symlink_metadata().is_ok() {
        return None;
    }
    let (root, path) = (main_directory(&root(folder)?)?, main_directory(folder)?.join(name));
    path.canonicalize().is_ok_and(|end| root.canonicalize().is_ok_and(|root| end.starts_with(root))).then_some(path)
}

/// Returns the root of the main worktree, for the root of a linked one.
fn main_root(root: &Path) -> Option<PathBuf> {
    let link = root.join(".git");
    // A symbolic link to the `.git` file of another worktree would have that file's back link.
    if !link.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    // Relative paths have been possible since git 2.48 (`worktree.useRelativePaths`).
    let git_dir = files::normal(&root.join(line(&link)?.expose().strip_prefix("gitdir:")?.trim_start()));
    let common = git_dir.parent().filter(|parent| parent.ends_with("worktrees"))?.parent()?;
    let refers_to = |name: &str, path: &Path| {
        line(&git_dir.join(name)).is_some_and(|line| files::is_same(&git_dir.join(line.expose()), path))
    };
    let is_linked = refers_to("commondir", common) && refers_to("gitdir", &link);
    let is_own = fs::metadata(&git_dir).is_ok_and(|metadata| os::is_owned_by_user(&metadata));
    // A repository in a directory with another name is bare, or its main worktree can't be found from there.
    let has_main_worktree = common.ends_with(".git") && !is_bare(common);
    common.parent().filter(|_| is_linked && is_own && has_main_worktree).map(Path::to_owned)
}

/// Returns the text of a file that contains one line, without its line end.
fn line(path: &Path) -> Option<Secret> {
    match files::read_text(path, PATH_LIMIT) {
        ReadOutcome::Text(text) => Some(Secret::new(text.expose().trim_end_matches(['\r', '\n']))),
        ReadOutcome::Missing | ReadOutcome::Unusable(_) => None,
    }
}

/// Returns whether the repository is bare, according to its own configuration.
fn is_bare(common: &Path) -> bool {
    let is_set = |line: &str| {
        line.trim().eq_ignore_ascii_case("bare")
            || line.split_once('=').is_some_and(|(key, value)| {
                let value = value.trim();
                key.trim().eq_ignore_ascii_case("bare")
                    && ["true", "yes", "on", "1"].iter().any(|enabled| value.eq_ignore_ascii_case(enabled))
            })
    };
    // `git sparse-checkout` moves the setting to the second file.
    ["config", "config.worktree"].iter().any(|name| match files::read_text(&common.join(name), CONFIG_LIMIT) {
        ReadOutcome::Text(text) => text.expose().lines().any(is_set),
        ReadOutcome::Missing => false,
        // A main worktree is not assumed.
        ReadOutcome::Unusable(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::io::git::tests::{git, repository};
    use crate::io::git::worktree::main_directory;

    /// Returns a repository `shop` with a commit, and its linked worktree `side`.
    fn with_worktree() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let (guard, shop) = repository();
        let side = add_worktree(&shop, "../side");
        (guard, shop, side)
    }

    fn add_worktree(repository: &Path, place: &str) -> PathBuf {
        git(repository, &["commit", "-q", "--allow-empty", "-m", "first"]);
        git(repository, &["worktree", "add", "-q", "--detach", place]);
        repository.join(place).canonicalize().unwrap()
    }

    /// Writes the two paths of a worktree relatively, as git 2.48 does with `worktree.useRelativePaths`.
    fn make_relative(side: &Path) {
        fs::write(side.join(".git"), "gitdir: ../shop/.git/worktrees/side\n").unwrap();
        fs::write(side.join("../shop/.git/worktrees/side/gitdir"), "../../../../side/.git\n").unwrap();
    }

    #[test]
    fn directories_correspond_in_worktrees_with_absolute_and_relative_paths() {
        let (_guard, shop, side) = with_worktree();
        let correspond = || {
            for folder in ["", "packages/api"] {
                assert_eq!(main_directory(&side.join(folder)), Some(shop.join(folder)), "{folder}");
                assert_eq!(main_directory(&shop.join(folder)), None, "{folder}");
            }
        };
        correspond();
        make_relative(&side);
        correspond();
        git(&side, &["status"]);
    }

    #[test]
    fn worktree_inside_the_main_worktree_corresponds_to_its_root() {
        let (_guard, shop) = repository();
        let inner = add_worktree(&shop, ".worktrees/side");
        assert_eq!(main_directory(&inner.join("api")), Some(shop.join("api")));
        git(&shop, &["worktree", "move", ".worktrees/side", "../moved"]);
        assert_eq!(main_directory(&shop.with_file_name("moved")), Some(shop.clone()));
        assert_eq!(main_directory(&inner), None, "it was moved");
    }

    #[test]
    fn repository_without_main_worktree_has_none() {
        let (_guard, shop) = repository();
        git(&shop, &["commit", "-q", "--allow-empty", "-m", "first"]);
        let folder = shop.parent().unwrap();
        for place in ["bare.git", ".git", "apart/.git"] {
            git(folder, &["clone", "-q", "--bare", "shop", place]);
            let side = add_bare_worktree(&folder.join(place), &format!("../of-{}", place.replace('/', "-")));
            assert_eq!(main_directory(&side), None, "{place}");
        }
        git(folder, &["clone", "-q", "--separate-git-dir", "kept elsewhere", "shop", "clone"]);
        let side = add_worktree(&folder.join("clone"), "../of clone");
        assert_eq!(main_directory(&side), None, "its location is not recorded in the repository");
    }

    fn add_bare_worktree(repository: &Path, place: &str) -> PathBuf {
        git(repository, &["worktree", "add", "-q", "--detach", place]);
        repository.join(place).canonicalize().unwrap()
    }

    #[test]
    fn submodule_is_not_a_linked_worktree() {
        let (_guard, shop, side) = with_worktree();
        git(&shop, &["init", "-q", "../library"]);
        let library = shop.with_file_name("library");
        git(&library, &["commit", "-q", "--allow-empty", "-m", "first"]);
        for place in [&shop, &side] {
            git(place, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../library", "library"]);
            assert!(place.join("library/.git").is_file());
            assert_eq!(main_directory(&place.join("library")), None);
        }
    }

    #[test]
    fn git_file_without_back_link_is_not_trusted() {
        let (guard, shop, side) = with_worktree();
        let hostile = guard.path().canonicalize().unwrap().join("unpacked");
        let private = shop.join(".git/worktrees/side");
        fs::create_dir_all(hostile.join("made/.git/worktrees/side")).unwrap();
        let own = hostile.join("made/.git/worktrees/side");
        fs::write(own.join("gitdir"), hostile.join(".git").to_str().unwrap()).unwrap();
        fs::write(own.join("commondir"), shop.join(".git").to_str().unwrap()).unwrap();
        for named in [private.clone(), shop.join(".git"), own.clone(), shop.clone(), hostile.join("nowhere")] {
            fs::write(hostile.join(".git"), format!("gitdir: {}\n", named.display())).unwrap();
            assert_eq!(main_directory(&hostile), None, "{}", named.display());
        }
        for text in ["", "gitdir: ", "gitdir: ../side/.git", "../shop/.git/worktrees/side", "\0"] {
            fs::write(hostile.join(".git"), text).unwrap();
            assert_eq!(main_directory(&hostile), None, "{text}");
        }
        assert_eq!(main_directory(&side), Some(shop), "the real worktree is not affected");
    }

    #[cfg(unix)]
    #[test]
    fn symlinks_do_not_lead_to_another_repository() {
        use std::os::unix::fs::symlink;
        let (guard, shop, side) = with_worktree();
        let hostile = guard.path().canonicalize().unwrap().join("unpacked");
        fs::create_dir_all(&hostile).unwrap();
        symlink(side.join(".git"), hostile.join(".git")).unwrap();
        assert_eq!(main_directory(&hostile), None, "a link to the `.git` file of the real worktree");
        fs::remove_file(hostile.join(".git")).unwrap();
        // The directory is inside the archive according to its path, and in the real repository according to the links.
        fs::create_dir_all(hostile.join("main/.git")).unwrap();
        symlink(shop.join(".git/worktrees"), hostile.join("main/.git/worktrees")).unwrap();
        fs::write(hostile.join(".git"), "gitdir: main/.git/worktrees/side\n").unwrap();
        assert_eq!(main_directory(&hostile), None);
        // The user may reach the real worktree through a link.
        let alias = guard.path().canonicalize().unwrap().join("alias");
        symlink(&side, &alias).unwrap();
        assert_eq!(main_directory(&alias.join("api")), Some(shop.join("api")));
    }

    #[test]
    fn removed_worktree_has_none() {
        let (_guard, shop, side) = with_worktree();
        fs::remove_dir_all(shop.join(".git/worktrees")).unwrap();
        assert_eq!(main_directory(&side), None);
    }
}
