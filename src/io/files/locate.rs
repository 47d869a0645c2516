//! Resolves the path of an env file, and rejects targets that a checkout must not choose.
//!
//! A checkout is untrusted: its links and the paths in its `doctor.toml` must not make `doctor` read or write git's
//! files, or a file of another project.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Help};
use crate::io::files::follow_links::resolve;
use crate::io::files::path::{normal, quoted};
use crate::io::files::{STANDARD_INPUT, display_path};
use crate::io::git::{self, GitClient, GitStatus};
use crate::io::os;

/// Characters that some file systems ignore when they compare names. Git rejects them in `.git`, too.
const IGNORED: &[char] = &[
    '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{206a}', '\u{206b}', '\u{206c}', '\u{206d}', '\u{206e}', '\u{206f}', '\u{feff}',
];

/// The paths of standard input.
const INPUT_DEVICES: [&str; 3] = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedFile {
    /// The path with all links resolved.
    pub end: PathBuf,
    /// How it can be read.
    pub access: ReadAccess,
    /// Whether a link of the user leads out of the repository, or, outside a repository, out of its directory.
    pub leads: LinkScope,
}

/// How often an env file can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAccess {
    /// Any number of times. It can be replaced.
    File,
    /// Once: standard input, a pipe or a file descriptor. It is never written.
    Once,
}

/// Where the symbolic links in a path lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkScope {
    /// There are none, or they stay inside the checkout.
    Inside,
    /// Out of the checkout, through a link that git does not track.
    Out,
}

/// Returns whether the path is in a git directory: below a `.git`, or in one with another name, such as that of a bare
/// repository, of `--separate-git-dir`, or of a linked worktree.
pub fn is_in_git_dir(end: &Path) -> bool {
    end.components().any(|part| is_dot_git(&part.as_os_str().to_string_lossy()))
        || end.ancestors().skip(1).any(is_git_folder)
}

/// Returns whether some file system treats the name as `.git`: it may ignore case or some characters, or use short
/// names.
fn is_dot_git(name: &str) -> bool {
    let name = name.split(':').next().unwrap_or(name).trim_end_matches(['.', ' ']);
    let plain: String = name.chars().filter(|character| !IGNORED.contains(character)).collect();
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1")
}

/// Returns whether git would treat the directory as a git directory.
fn is_git_folder(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && (folder.join("commondir").is_file() || (folder.join("objects").is_dir() && folder.join("refs").is_dir()))
}

/// Resolves the path of an env file, and rejects targets that a checkout must not choose. Queries git only if a link
/// leads out of the checkout.
pub fn locate(path: &Path, working_folder: &Path, git: &GitClient) -> Result<ResolvedFile, Error> {
    if path == Path::new(STANDARD_INPUT) {
        return Ok(ResolvedFile { end: path.to_owned(), access: ReadAccess::Once, leads: LinkScope::Inside });
    }
    let refuse = |cause: String, help: Help| Error::File { path: display_path(path, working_folder), cause, help };
    let resolved =
        resolve(path).map_err(|cause| refuse(cause, "pass a readable text file with `--env-file PATH`".into()))?;
    if resolved.links.iter().chain([&resolved.end]).any(|path| is_in_git_dir(path)) {
        let help = "pass a file outside `.git` with `--env-file PATH`".into();
        return Err(refuse("it is inside a git directory".to_owned(), help));
    }
    let mut leads = LinkScope::Inside;
    for link in &resolved.links {
        let folder = link.parent().unwrap_or(link);
        let root = git::root(folder);
        if resolved.end.starts_with(root.as_deref().unwrap_or(folder)) {
            continue;
        }
        leads = LinkScope::Out;
        let Some(root) = root else { continue };
        let shown = display_path(link, working_folder);
        let cause = match git.status(&root, std::slice::from_ref(link)).map(|found| found.first().copied()) {
            Ok(Some(GitStatus::Tracked)) => {
                format!("{shown} is a link that git tracks, and it points outside the checkout")
            }
            Ok(_) => continue,
            Err(why) => format!(
                "{shown} is a link that points outside the checkout, and doctor could not determine whether git tracks \
                 it: {why}"
            ),
        };
        let flag = format!("--env-file={}", quoted(&resolved.end, working_folder));
        return Err(refuse(cause, Help::command("to use the link's target anyway, pass:", flag)));
    }
    if is_stream(path) || is_stream(&resolved.end) {
        return Ok(ResolvedFile { end: path.to_owned(), access: ReadAccess::Once, leads: LinkScope::Inside });
    }
    Ok(ResolvedFile { end: resolved.end, access: ReadAccess::File, leads })
}

/// Returns the path of an `--env-file`: absolute, or [`STANDARD_INPUT`] under any of its names.
pub fn named_path(typed: &Path, working_folder: &Path) -> PathBuf {
    let path = normal(&working_folder.join(typed));
    let is_input = typed == Path::new(STANDARD_INPUT) || INPUT_DEVICES.iter().any(|device| path == Path::new(device));
    if is_input { STANDARD_INPUT.into() } else { path }
}

/// Returns the path of an `--env-file` for a printed command. The number of a descriptor, such as that of `<(…)`, has no
/// meaning in another command, so the variables have to be piped into that one.
pub fn repeatable_path(typed: &Path, working_folder: &Path) -> PathBuf {
    let path = named_path(typed, working_folder);
    let is_descriptor = path.starts_with("/dev/fd")
        || (path.starts_with("/proc") && path.parent().is_some_and(|parent| parent.ends_with("fd")));
    if is_descriptor || path == Path::new(STANDARD_INPUT) { STANDARD_INPUT.into() } else { typed.to_owned() }
}

/// Returns whether it can be read only once: standard input, a descriptor of this process, or a pipe.
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
    use crate::io::files::locate::{
        LinkScope, ReadAccess, ResolvedFile, is_dot_git, is_in_git_dir, locate, named_path, repeatable_path,
    };
    use crate::io::git::GitClient;
    use crate::io::git::tests::git;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let folder = guard.path().canonicalize().unwrap();
        (guard, folder)
    }

    fn git_client() -> GitClient {
        let path = std::env::var("PATH").unwrap();
        GitClient::new(&BTreeMap::from([("PATH".to_owned(), path)]))
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
            assert!(is_in_git_dir(&folder.join(path)), "{path}");
        }
        for path in
            ["main/.env", "linked/.env", "apart/.env", "bare", "not-git/.env", "main/.gitignore", "main/.github/x"]
        {
            assert!(!is_in_git_dir(&folder.join(path)), "{path}");
        }
    }

    /// Returns the resolved file, or the cause of its rejection.
    fn found(path: &Path, working_folder: &Path) -> Result<ResolvedFile, String> {
        locate(path, working_folder, &git_client()).map_err(|error| match error {
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
            assert!(why.contains("a link that git tracks, and it points outside the checkout"), "{path}: {why}");
        }
        for (path, end, leads) in [
            (".env", "shop/.env", LinkScope::Inside),
            ("inside.env", "shop/config/.env", LinkScope::Inside),
            ("round.env", "shop/.env", LinkScope::Inside),
            ("own.env", "other/.env", LinkScope::Out),
            ("../other/.env", "other/.env", LinkScope::Inside),
            ("new.env", "shop/new.env", LinkScope::Inside),
        ] {
            let place = ResolvedFile { end: folder.join(end), access: ReadAccess::File, leads };
            assert_eq!(found(&shop.join(path), &shop), Ok(place), "{path}");
        }
        let without_git = GitClient::new(&BTreeMap::from([("PATH".to_owned(), "/nowhere".to_owned())]));
        let Err(Error::File { cause: why, help, .. }) = locate(&shop.join("own.env"), &shop, &without_git) else {
            panic!()
        };
        assert!(why.ends_with("could not determine whether git tracks it: git is not installed"), "{why}");
        assert_eq!(help.commands, ["--env-file=../other/.env"]);
    }

    #[test]
    fn standard_input_has_one_name() {
        let (_guard, folder) = folder();
        let paths = |typed: &str| {
            let paths = [named_path, repeatable_path].map(|of| of(Path::new(typed), &folder));
            paths.map(|path| path.strip_prefix(&folder).unwrap_or(&path).display().to_string())
        };
        for (typed, expected) in [
            ("-", ["-", "-"]),
            ("/dev/stdin", ["-", "-"]),
            ("/dev/fd/0", ["-", "-"]),
            ("/proc/self/fd/0", ["-", "-"]),
            ("/dev/fd/63", ["/dev/fd/63", "-"]),
            ("/proc/self/fd/11", ["/proc/self/fd/11", "-"]),
            ("/proc/1/environ", ["/proc/1/environ", "/proc/1/environ"]),
            ("./-", ["-", "./-"]),
            ("a/../.env", [".env", "a/../.env"]),
        ] {
            assert_eq!(paths(typed), expected, "{typed}");
        }
        assert_eq!(named_path(Path::new("./-"), &folder), folder.join("-"), "a file of that name");
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
            assert_eq!(found(&folder.join(path), &folder), Err("it is inside a git directory".to_owned()), "{path}");
        }
    }
}
