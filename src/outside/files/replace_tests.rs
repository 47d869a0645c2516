//! A `.env` replaced in one step, whatever happens meanwhile.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::drift::Secret;
use crate::error::Error;
use crate::outside::files::{Replaced, clear_leftovers, replace};

/// Names the folder for the child of a test that kills it, or lets it run out of room.
const FOLDER: &str = "DOCTOR_TEST_REPLACE";

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
    replace(path, expected.map(Secret::new).as_ref(), &Secret::new(new), Path::new("/"))
}

fn why(result: Result<Replaced, Error>) -> String {
    match result {
        Err(Error::Write { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

#[test]
fn mode_owner_and_link_stay() {
    let (_guard, folder) = folder("old");
    let (path, link) = (folder.join(".env"), folder.join("link"));
    symlink(".env", &link).unwrap();
    // Only root can give a file away.
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
fn a_new_file_is_its_owners_alone() {
    let (_guard, folder) = folder("old");
    let path = folder.join("new.env");
    assert_eq!(swap(&path, None, "A=1\n"), Ok(Replaced::Done));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("A=1\n", 0o600));
}

#[test]
fn what_somebody_else_has_changed_is_a_conflict() {
    let (_guard, folder) = folder("changed");
    let path = folder.join(".env");
    for (path, expected) in [(&path, Some("old")), (&path, None), (&folder.join("gone"), Some("old"))] {
        assert_eq!(swap(path, expected, "new"), Ok(Replaced::Conflict));
    }
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(&folder)), ("changed", vec![".env".to_owned()]));
}

#[test]
fn what_can_not_be_replaced_says_why_and_stays() {
    let (_guard, folder) = folder("old");
    symlink("gone", folder.join("broken")).unwrap();
    let version = fs::read_to_string("/proc/version").unwrap_or_default();
    assert_eq!(why(swap(&folder, Some("old"), "new")), "it is a folder, not a file");
    assert_eq!(why(swap(Path::new("/dev/null"), Some(""), "new")), "it is a device, not a file");
    assert_eq!(why(swap(&folder.join("broken"), None, "new")), "it is a symbolic link that leads nowhere");
    assert_eq!(why(swap(&folder.join("no/such/.env"), None, "new")), "there is no such file or folder");
    assert_eq!(why(swap(&folder.join(".env/x"), None, "new")), "a part of its path is not a folder");
    if cfg!(target_os = "linux") {
        // Not even root can make a file in there.
        assert!(!why(swap(Path::new("/proc/version"), Some(&version), "new")).is_empty());
    }
    fs::write(folder.join(".env"), b"A=\xff").unwrap();
    assert_eq!(why(swap(&folder.join(".env"), Some("old"), "new")), "it is not UTF-8 text: line 1, column 3");
    assert_eq!(names(&folder), [".env", "broken"]);
}

#[test]
fn a_read_only_file_and_git_s_own_files_stay_as_they_are() {
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
        assert_eq!(why(swap(&folder.join(path), expected, "new")), "git keeps its own files there", "{path}");
    }
    assert!(crate::outside::files::remove(&folder.join("link"), Some(&Secret::new("old")), &folder).is_err());
    assert_eq!(fs::read_to_string(folder.join(".git/config")).unwrap(), "old");
    assert!(!folder.join(".git/new").exists());
    fs::set_permissions(folder.join(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(names(&folder), [".env", ".git", "hidden", "link"]);
}

#[test]
fn leftovers_of_killed_runs_go_and_nothing_else_does() {
    let (_guard, folder) = folder("old");
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let kept =
        [".env.doctor-abc", ".env.doctor-abcdefABCDE_", ".env.doctor-abcdefABCDEFG", "x.env.doctor-abcdefABCDEF"];
    for name in kept.iter().copied().chain([".env.doctor-abcdefABCDEF", ".env.doctor-000000000000"]) {
        File::create(folder.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
    File::create(folder.join(".env.doctor-youngyoung00")).unwrap();
    fs::create_dir(folder.join(".env.doctor-folderfolder")).unwrap();
    symlink(".env", folder.join(".env.doctor-linklinklink")).unwrap();
    let before = names(&folder).len();
    clear_leftovers(&folder);
    let left = names(&folder);
    assert_eq!(left.len(), before - 2, "{left:?}");
    assert!(
        !left.iter().any(|name| name.ends_with("-abcdefABCDEF") && name.starts_with(".env") || name.contains("-0000"))
    );
    clear_leftovers(&folder.join("gone"));
}

/// The two texts that a child puts in each other's place, long enough for a write to take a while.
fn texts() -> [String; 2] {
    ["A=one\n", "B=the other\n"].map(|line| line.repeat(40_000))
}

fn child(folder: &Path, prepare: &str) -> Command {
    let mut command = Command::new("sh");
    let script =
        format!("{prepare} exec \"$0\" --exact outside::files::replace_tests::replaces_for_its_parent --ignored");
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
        // Ends with a panic where there is no room.
        assert_eq!(swap(&path, Some(&now), new), Ok(Replaced::Done));
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "the child does nothing");
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_run_that_is_killed_leaves_one_whole_text() {
    let [one, other] = texts();
    let (_guard, folder) = folder(&one);
    let path = folder.join(".env");
    let inode = || path.metadata().unwrap().ino();
    for round in 0..50_u64 {
        let before = inode();
        let mut child: Child = child(&folder, "").spawn().unwrap();
        wait_until(|| inode() != before);
        // Spread over the few milliseconds that one replacement takes.
        sleep(Duration::from_micros(round * 137 % 5_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = fs::read_to_string(&path).unwrap();
        assert!(now == one || now == other, "round {round}: {} bytes", now.len());
    }
    for name in names(&folder).into_iter().filter(|name| name != ".env") {
        let left = File::options().write(true).open(folder.join(name)).unwrap();
        left.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
    clear_leftovers(&folder);
    assert_eq!(names(&folder), [".env"]);
}

#[test]
fn where_there_is_no_room_the_old_text_stays() {
    let [one, _] = texts();
    let (_guard, folder) = folder(&one);
    // No file may grow beyond a few blocks, and trying is an error and no death.
    let status = child(&folder, "trap '' XFSZ; ulimit -f 8;").status().unwrap();
    assert!(!status.success());
    assert!(fs::read_to_string(folder.join(".env")).unwrap() == one);
    assert_eq!(names(&folder), [".env"], "what was begun is gone");
}
