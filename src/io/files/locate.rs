//! Where a file of variables really is, and whether it may be there.
//!
//! A checkout is untrusted: a link that it brings, or a path that its `doctor.toml` names, must not make `doctor` read or
//! write git's own files, or a file of another project.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::io::files::follow_links::resolve;
use crate::io::files::{STANDARD_INPUT, display_path};
use crate::io::git::{self, Asker, GitStatus};
use crate::io::os;

/// Characters that some file systems leave out when they compare names, so that git refuses them in `.git`, too.
const IGNORED: &[char] = &[
    '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{206a}', '\u{206b}', '\u{206c}', '\u{206d}', '\u{206e}', '\u{206f}', '\u{feff}',
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedFile {
    /// The end of all links.
    pub end: PathBuf,
    /// How it can be read.
    pub access: ReadAccess,
    /// Whether the user's own link leads out of the repository, or out of the folder where there is none.
    pub leads: Leads,
}

/// How a file of variables can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAccess {
    /// As often as needed; it can be replaced.
    File,
    /// Once: standard input, a pipe, a file descriptor. It is never written.
    Once,
}

/// Where the links on the way to a file lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// Nowhere, or to a place inside the checkout.
    Inside,
    /// Out of the checkout; git does not track the link.
    Out,
}

/// Returns whether git keeps its own files there: below a `.git`, or in the folder of a repository that goes by another
/// name, as a bare one, one of `--separate-git-dir`, or that of a linked worktree does.
pub fn is_gits_own(end: &Path) -> bool {
    end.components().any(|part| is_dot_git(&part.as_os_str().to_string_lossy()))
        || end.ancestors().skip(1).any(is_git_folder)
}

/// Returns whether some file system takes the name for `.git`: without case, with characters that it ignores, by its
/// short name.
fn is_dot_git(name: &str) -> bool {
    let name = name.split(':').next().unwrap_or(name).trim_end_matches(['.', ' ']);
    let plain: String = name.chars().filter(|character| !IGNORED.contains(character)).collect();
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1")
}

/// Returns what git itself takes for a repository's own folder.
fn is_git_folder(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && (folder.join("commondir").is_file() || (folder.join("objects").is_dir() && folder.join("refs").is_dir()))
}

/// Finds a file of variables and refuses what a checkout must not lead to. git is asked only where a link leads out.
pub fn locate(path: &Path, working_folder: &Path, git: &Asker) -> Result<ResolvedFile, Error> {
    if path == Path::new(STANDARD_INPUT) {
        return Ok(ResolvedFile { end: path.to_owned(), access: ReadAccess::Once, leads: Leads::Inside });
    }
    let refuse =
        |why: String, next: String| Error::File { path: display_path(path, working_folder), cause: why, help: next };
    let resolved =
        resolve(path).map_err(|why| refuse(why, "name a readable text file with `--env-file PATH`".to_owned()))?;
    if resolved.links.iter().chain([&resolved.end]).any(|path| is_gits_own(path)) {
        let next = "name a file outside of `.git` with `--env-file PATH`".to_owned();
        return Err(refuse("git keeps its own files there".to_owned(), next));
    }
    let mut leads = Leads::Inside;
    for link in &resolved.links {
        let folder = link.parent().unwrap_or(link);
        let root = git::root(folder);
        if resolved.end.starts_with(root.as_deref().unwrap_or(folder)) {
            continue;
        }
        leads = Leads::Out;
        let Some(root) = root else { continue };
        let shown = display_path(link, working_folder);
        let why = match git.status(&root, std::slice::from_ref(link)).map(|found| found.first().copied()) {
            Ok(Some(GitStatus::Tracked)) => {
                format!("{shown} is a link that git tracks, and it leads out of the checkout")
            }
            Ok(_) => continue,
            Err(why) => {
                format!("{shown} leads out of the checkout, and whether git tracks that link is not known: {why}")
            }
        };
        let end = crate::io::files::path::quoted(&resolved.end, working_folder);
        return Err(refuse(why, format!("to use that file all the same, name it: `--env-file {end}`")));
    }
    if is_stream(path) || is_stream(&resolved.end) {
        return Ok(ResolvedFile { end: path.to_owned(), access: ReadAccess::Once, leads: Leads::Inside });
    }
    Ok(ResolvedFile { end: resolved.end, access: ReadAccess::File, leads })
}

/// Returns whether it is read only once: standard input, a descriptor of this process, or what another program writes.
pub fn is_stream(path: &Path) -> bool {
    let is_descriptor =
        ["/dev/fd", "/dev/stdin", "/proc", STANDARD_INPUT].iter().any(|folder| path.starts_with(folder));
    is_descriptor || fs::metadata(path).is_ok_and(|metadata| os::is_stream(metadata.file_type()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use crate::error::Error;
    use crate::io::files::locate::{Leads, ReadAccess, ResolvedFile, is_dot_git, is_gits_own, locate};
    use crate::io::git::Asker;
    use crate::io::git::tests::git;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap();
        (guard, folder)
    }

    fn asker() -> Asker {
        let path = std::env::var("PATH").unwrap();
        Asker::new(&BTreeMap::from([("PATH".to_owned(), path)]))
    }

    #[test]
    fn recognizes_all_spellings_of_dot_git() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".g\u{200c}it",
            ".git\u{feff}",
            ".git.",
            ".git ",
            ".git::$INDEX_ALLOCATION",
        ] {
            assert!(is_dot_git(name), "{name}");
        }
        for name in ["git", ".gitignore", ".github", ".git2", "x.git", ".env", "git~2", ".g", ""] {
            assert!(!is_dot_git(name), "{name}");
        }
    }

    #[test]
    fn recognizes_git_directory_under_any_name() {
        let (_guard, folder) = folder();
        git(&folder, &["init", "-q", "main"]);
        git(&folder.join("main"), &["commit", "-q", "--allow-empty", "-m", "first"]);
        git(&folder.join("main"), &["worktree", "add", "-q", "../linked", "-b", "side"]);
        git(&folder, &["init", "-q", "--bare", "bare"]);
        git(&folder, &["init", "-q", "--separate-git-dir", "kept elsewhere", "apart"]);
        fs::create_dir_all(folder.join("not-git/objects")).unwrap();
        fs::write(folder.join("not-git/HEAD"), "").unwrap();
        for path in [
            "main/.git/config",
            "main/.git/new/deep",
            "main/.git/worktrees/linked/config.worktree",
            "linked/.git",
            "bare/config",
            "bare/hooks/pre-commit",
            "kept elsewhere/config",
            "apart/.git",
        ] {
            assert!(is_gits_own(&folder.join(path)), "{path}");
        }
        for path in
            ["main/.env", "linked/.env", "apart/.env", "bare", "not-git/.env", "main/.gitignore", "main/.github/x"]
        {
            assert!(!is_gits_own(&folder.join(path)), "{path}");
        }
    }

    /// Returns where a file is, or why it is refused.
    fn found(path: &Path, working_folder: &Path) -> Result<ResolvedFile, String> {
        locate(path, working_folder, &asker()).map_err(|error| match error {
            Error::File { cause: why, .. } => why,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn only_untracked_symlinks_may_leave_checkout() {
        let (_guard, folder) = folder();
        let shop = folder.join("shop");
        fs::create_dir_all(folder.join("other")).unwrap();
        fs::create_dir_all(shop.join("config")).unwrap();
        for file in ["other/.env", "shop/config/.env", "shop/.env"] {
            fs::write(folder.join(file), "A=1\n").unwrap();
        }
        git(&shop, &["init", "-q"]);
        for (target, link) in [
            ("../other/.env", "tracked.env"),
            ("../other", "tracked"),
            ("config/.env", "inside.env"),
            ("../shop/.env", "round.env"),
            ("../other/gone.env", "dangling.env"),
            ("own.env", "to-own.env"),
        ] {
            symlink(target, shop.join(link)).unwrap();
        }
        git(&shop, &["add", "."]);
        symlink("../other/.env", shop.join("own.env")).unwrap();
        symlink("tracked.env", shop.join("to-tracked.env")).unwrap();
        for path in ["tracked.env", "tracked/.env", "dangling.env", "to-tracked.env", "to-own.env"] {
            let why = found(&shop.join(path), &shop).unwrap_err();
            assert!(why.contains("a link that git tracks, and it leads out of the checkout"), "{path}: {why}");
        }
        for (path, end, leads) in [
            (".env", "shop/.env", Leads::Inside),
            ("inside.env", "shop/config/.env", Leads::Inside),
            ("round.env", "shop/.env", Leads::Inside),
            ("own.env", "other/.env", Leads::Out),
            ("../other/.env", "other/.env", Leads::Inside),
            ("new.env", "shop/new.env", Leads::Inside),
        ] {
            let place = ResolvedFile { end: folder.join(end), access: ReadAccess::File, leads };
            assert_eq!(found(&shop.join(path), &shop), Ok(place), "{path}");
        }
        let nobody = Asker::new(&BTreeMap::from([("PATH".to_owned(), "/nowhere".to_owned())]));
        let Err(Error::File { cause: why, help: next, .. }) = locate(&shop.join("own.env"), &shop, &nobody) else {
            panic!()
        };
        assert!(why.ends_with("whether git tracks that link is not known: git is not installed"), "{why}");
        assert!(next.ends_with("`--env-file ../other/.env`"), "{next}");
    }

    #[test]
    fn git_internal_files_are_not_env_files() {
        let (_guard, folder) = folder();
        git(&folder, &["init", "-q"]);
        symlink(".git/config", folder.join(".env")).unwrap();
        symlink(".git", folder.join("hidden")).unwrap();
        symlink("../outside.env", folder.join(".git/leads-out")).unwrap();
        for path in
            [".git/config", ".git/new.env", ".env", "hidden/config", "hidden/../.git/HEAD", ".git/leads-out", ".git"]
        {
            assert_eq!(found(&folder.join(path), &folder), Err("git keeps its own files there".to_owned()), "{path}");
        }
    }
}
