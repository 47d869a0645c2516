//! Atomic replacement of a `.env` under concurrent changes, kills and full disks.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files::replace::{Naming, RenameOutcome, Replacement, take_place};
use crate::io::files::temporary::Scratch;
use crate::io::files::{Folders, Replaced, clear_abandoned, has_other_names, remove, replace};
use crate::io::git::tests::{git, output};

/// The variable with the directory of a child process that a test kills or lets run out of space.
const FOLDER: &str = "DOCTOR_TEST_REPLACE";

/// The variable with its state directory.
const STATE: &str = "DOCTOR_TEST_STATE";

/// The variable that selects [`Naming::Early`].
const EARLY: &str = "DOCTOR_TEST_EARLY";

fn folder(text: &str) -> (tempfile::TempDir, PathBuf) {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path().canonicalize().unwrap();
    fs::write(folder.join(".env"), text).unwrap();
    (guard, folder)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn swap(path: &Path, expected: Option<&str>, new: &str) -> Result<Replaced, Error> {
    let folders = Folders { working: Path::new("/"), state: None };
    replace(path, expected.map(Secret::new).as_ref(), &Secret::new(new), folders)
}

fn why(result: Result<Replaced, Error>) -> String {
    match result {
        Err(Error::Write { cause: why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

#[test]
fn preserves_mode_owner_and_symlink() {
    let (_guard, folder) = folder("old");
    let (path, link) = (folder.join(".env"), folder.join("link"));
    symlink(".env", &link).unwrap();
    // Only root can change the owner of a file.
    let given = chown(&path, Some(12345), Some(12345)).is_ok();
    for (bits, old, new) in [(0o640, "old", "new"), (0o600, "new", ""), (0o644, "", "last\r\n")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
        assert_eq!(swap(&link, Some(old), new), Ok(Replaced::Done));
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), (new, bits));
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert!(!given || path.metadata().unwrap().uid() == 12345);
    }
    assert_eq!(names(&folder), [".env", "link"]);
}

#[test]
fn new_file_is_private() {
    let (_guard, folder) = folder("old");
    let path = folder.join("new.env");
    assert_eq!(swap(&path, None, "A=1\n"), Ok(Replaced::Done));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("A=1\n", 0o600));
}

#[test]
fn changed_file_is_conflict() {
    let (_guard, folder) = folder("changed");
    let path = folder.join(".env");
    for (path, expected) in [(&path, Some("old")), (&path, None), (&folder.join("gone"), Some("old"))] {
        assert_eq!(swap(path, expected, "new"), Ok(Replaced::Conflict));
    }
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(&folder)), ("changed", vec![".env".to_owned()]));
}

#[test]
fn failed_replacement_reports_reason_and_keeps_file() {
    let (_guard, folder) = folder("old");
    symlink("gone", folder.join("broken")).unwrap();
    let version = fs::read_to_string("/proc/version").unwrap_or_default();
    assert_eq!(why(swap(&folder, Some("old"), "new")), "it is a directory, not a file");
    assert_eq!(why(swap(Path::new("/dev/null"), Some(""), "new")), "it is a device, not a file");
    assert_eq!(why(swap(&folder.join("broken"), None, "new")), "it is a broken symbolic link");
    assert_eq!(why(swap(&folder.join("no/such/.env"), None, "new")), "no such file or directory");
    assert_eq!(why(swap(&folder.join(".env/x"), None, "new")), "a part of the path is not a directory");
    if cfg!(target_os = "linux") {
        // Not even root can create a file in there.
        assert!(!why(swap(Path::new("/proc/version"), Some(&version), "new")).is_empty());
    }
    fs::write(folder.join(".env"), b"A=\xff").unwrap();
    assert_eq!(why(swap(&folder.join(".env"), Some("old"), "new")), "invalid UTF-8 at line 1, column 3");
    assert_eq!(names(&folder), [".env", "broken"]);
}

#[test]
fn read_only_and_git_files_are_unchanged() {
    let (_guard, folder) = folder("old");
    for bits in [0o400, 0o440, 0o444, 0o060] {
        fs::set_permissions(folder.join(".env"), fs::Permissions::from_mode(bits)).unwrap();
        assert_eq!(why(swap(&folder.join(".env"), Some("old"), "new")), "it is read-only", "{bits:o}");
    }
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::write(folder.join(".git/config"), "old").unwrap();
    symlink(".git/config", folder.join("link")).unwrap();
    symlink(".git", folder.join("hidden")).unwrap();
    for path in [".git/config", "link", "hidden/config", ".git/new", "hidden/new"] {
        let expected = Some("old").filter(|_| !path.ends_with("new"));
        assert_eq!(why(swap(&folder.join(path), expected, "new")), "it is inside a git directory", "{path}");
    }
    assert!(remove(&folder.join("link"), Some(&Secret::new("old")), &folder).is_err());
    assert_eq!(fs::read_to_string(folder.join(".git/config")).unwrap(), "old");
    assert!(!folder.join(".git/new").exists());
    fs::set_permissions(folder.join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(names(&folder), [".env", ".git", "hidden", "link"]);
}

fn apply(path: &Path, expected: Option<&str>, new: &str, state: Option<&Path>, naming: Naming) -> Replaced {
    let (expected, new) = (expected.map(Secret::new), Secret::new(new));
    Replacement { target: path, expected: expected.as_ref(), new: &new, state }.apply(naming).unwrap()
}

#[test]
fn both_naming_strategies_behave_the_same() {
    for naming in [Naming::Late, Naming::Early] {
        let (_guard, folder) = folder("old");
        let path = folder.join(".env");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let put = |path: &Path, expected: Option<&str>, new: &str| apply(path, expected, new, None, naming);
        assert_eq!(put(&path, Some("old"), "new"), Replaced::Done, "{naming:?}");
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("new", 0o640), "{naming:?}");
        assert_eq!(put(&folder.join("made.env"), None, "A=1\n"), Replaced::Done, "{naming:?}");
        assert_eq!(mode(&folder.join("made.env")), 0o600, "{naming:?}");
        assert_eq!(put(&path, Some("old"), "newer"), Replaced::Conflict, "{naming:?}");
        assert_eq!(put(&path, None, "newer"), Replaced::Conflict, "{naming:?}");
        assert_eq!(names(&folder), [".env", "made.env"], "{naming:?}");
    }
}

#[test]
fn last_moment_edit_is_restored() {
    let (_guard, folder) = folder("edited since");
    let path = folder.join(".env");
    let edited = path.metadata().unwrap().ino();
    let take = |expected: &str| {
        let scratch = Scratch::beside(&path, None).unwrap();
        fs::write(scratch.text(), "ours").unwrap();
        take_place(scratch, &path, &Secret::new(expected)).unwrap()
    };
    assert_eq!(take("old"), RenameOutcome::No);
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), path.metadata().unwrap().ino()), ("edited since", edited));
    // A link that has replaced the file is restored, too.
    fs::rename(&path, folder.join("real")).unwrap();
    symlink("real", &path).unwrap();
    assert_eq!(take("edited since"), RenameOutcome::No);
    assert!(path.symlink_metadata().unwrap().is_symlink());
    fs::rename(folder.join("real"), &path).unwrap();
    assert_eq!(take("edited since"), RenameOutcome::Yes);
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(&folder)), ("ours", vec![".env".to_owned()]));
}

#[cfg(target_os = "linux")]
#[test]
fn preserves_extended_attributes() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let (_guard, folder) = folder("old");
    let path = folder.join(".env");
    if setxattr(&path, "user.note", b"kept", XattrFlags::empty()).is_err() {
        // The file system does not support them.
        return;
    }
    for (naming, old, new) in [(Naming::Late, "old", "new"), (Naming::Early, "new", "newer")] {
        assert_eq!(apply(&path, Some(old), new, None, naming), Replaced::Done);
        let mut value = [0; 16];
        let length = getxattr(&path, "user.note", &mut value).unwrap();
        assert_eq!(&value[..length], b"kept", "{naming:?}");
    }
}

#[test]
fn detects_hard_links() {
    let (_guard, folder) = folder("old");
    let path = folder.join(".env");
    assert!(!has_other_names(&path) && !has_other_names(&folder.join("gone")));
    fs::hard_link(&path, folder.join("hard")).unwrap();
    assert!(has_other_names(&path));
}

/// Returns the two texts that a child writes alternately, large enough for a write to take a while.
fn texts() -> [String; 2] {
    ["A=one\n", "B=the other\n"].map(|line| line.repeat(40_000))
}

fn child(folder: &Path, prepare: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{prepare} exec \"$0\" --exact io::files::replace_tests::replaces_for_its_parent --ignored");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
    command.env(FOLDER, folder).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

#[test]
#[ignore = "the child of the two tests below; alone it does nothing"]
fn replaces_for_its_parent() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let path = PathBuf::from(folder).join(".env");
    let [one, other] = texts();
    loop {
        let now = fs::read_to_string(&path).unwrap();
        let new = if now == one { &other } else { &one };
        // Panics if the disk is full.
        let state = std::env::var_os(STATE).map(PathBuf::from);
        let naming = if std::env::var_os(EARLY).is_some() { Naming::Early } else { Naming::Late };
        assert_eq!(apply(&path, Some(&now), new, state.as_deref(), naming), Replaced::Done);
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "the child makes no progress");
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn killed_run_leaves_whole_file_and_next_start_cleans_up() {
    let [one, other] = texts();
    let (_guard, folder) = folder(&one);
    git(&folder, &["init", "-q"]);
    fs::write(folder.join(".git/info/exclude"), ".env\n").unwrap();
    let state = tempfile::tempdir().unwrap();
    let path = folder.join(".env");
    let inode = || path.metadata().unwrap().ino();
    for round in 0..50_u64 {
        let before = inode();
        let mut command = child(&folder, "");
        command.env(STATE, state.path());
        if round % 2 == 1 {
            command.env(EARLY, "1");
        }
        let mut child: Child = command.spawn().unwrap();
        wait_until(|| inode() != before);
        // Spread the kills over the few milliseconds of one replacement.
        sleep(Duration::from_micros(round * 137 % 5_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = fs::read_to_string(&path).unwrap();
        assert!(now == one || now == other, "round {round}: {} bytes", now.len());
        assert_eq!(output(&folder, &["status", "--porcelain", "--untracked-files=all"]), "", "round {round}");
    }
    clear_abandoned(Some(state.path()));
    assert_eq!((names(&folder), names(state.path())), (vec![".env".to_owned(), ".git".to_owned()], Vec::new()));
}

#[test]
fn full_disk_keeps_old_text() {
    let [one, _] = texts();
    let (_guard, folder) = folder(&one);
    // Limits the size of files to a few blocks. Exceeding the limit is an error instead of a fatal signal.
    let status = child(&folder, "trap '' XFSZ; ulimit -f 8;").status().unwrap();
    assert!(!status.success());
    assert!(fs::read_to_string(folder.join(".env")).unwrap() == one);
    assert_eq!(names(&folder), [".env"], "the temporary file is removed");
}
