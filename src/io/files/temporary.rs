//! Where a new text has a name of its own, for the moment before it takes that of the `.env`.
//!
//! It holds values, so nothing of it may stay. It is a folder that git ignores by itself, it is removed on every way out of
//! the process, and a record in the state folder leads the next start to what a killed run has left. A name alone proves
//! nothing: a checkout may bring a folder that is called so.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};

use crate::io::files::write::folder_of;
use crate::io::os;
use crate::io::storage::state_dir::{Folder, Purpose};

/// How the folder is called: any rule that keeps `.env*` or `.env.*` out of git, an image or a sync covers it, too.
pub(super) const PREFIX: &str = ".env.doctor-";

/// How its record in the state folder is called.
const RECORD: &str = "replacing-";

/// The file in the folder.
const TEXT: &str = "text";

/// What keeps git from the folder and from itself.
const IGNORE: (&str, &str) = (".gitignore", "*\n");

/// The longest path of a record, in bytes.
const LONGEST: u64 = 16 * 1024;

/// The folders that this process has made and not removed yet.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The words for a state folder that can't be used; nothing is said of it here.
const PURPOSE: Purpose = Purpose { what: "the state folder", cannot: "can't keep a record", instead: "" };

/// A folder beside a file, which goes when this is dropped.
pub(super) struct Scratch {
    folder: PathBuf,
    record: Option<LeftoverRecord>,
}

/// What leads the next start to a folder that was left behind. It is locked while its process runs.
struct LeftoverRecord {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes the folder, empty but for what keeps git away.
    pub(super) fn beside(target: &Path, state: Option<&Path>) -> io::Result<Self> {
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let nonce = format!("{:016x}", u64::from_ne_bytes(random));
        let folder = folder_of(target).join(format!("{PREFIX}{nonce}"));
        // Without a record the folder goes all the same, unless the process is killed.
        let record = state.and_then(|state| LeftoverRecord::of(&folder, &nonce, state).ok());
        let mut builder = DirBuilder::new();
        os::make_own(&mut builder);
        builder.create(&folder)?;
        unfinished(|folders| folders.push(folder.clone()));
        let scratch = Self { folder, record };
        let (name, text) = IGNORE;
        OpenOptions::new().write(true).create_new(true).open(scratch.folder.join(name))?.write_all(text.as_bytes())?;
        Ok(scratch)
    }

    /// Returns the file in it, which is not there yet.
    pub(super) fn text(&self) -> PathBuf {
        self.folder.join(TEXT)
    }

    /// Leaves the folder where it is, because somebody's edit is in it; where that is.
    pub(super) fn keep(mut self) -> PathBuf {
        let text = self.text();
        forget(&self.folder);
        self.folder = PathBuf::new();
        text
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.folder.as_os_str().is_empty() {
            clear(&self.folder);
            forget(&self.folder);
        }
        if let Some(record) = self.record.take() {
            drop(fs::remove_file(record.path));
        }
    }
}

impl LeftoverRecord {
    fn of(folder: &Path, nonce: &str, state: &Path) -> io::Result<Self> {
        let closed = Folder::new(state.to_owned(), PURPOSE).make();
        closed.map_err(|error| io::Error::other(error.to_string()))?;
        let path = state.join(format!("{RECORD}{nonce}"));
        let mut file = os::create_own(&path)?;
        os::try_lock(&file);
        let absolute = folder.canonicalize().or_else(|_| std::path::absolute(folder))?;
        file.write_all(absolute.as_os_str().as_encoded_bytes())?;
        Ok(Self { path, _lock: file })
    }
}

/// Removes what this process has made and not finished. It is for the thread that ends the process.
pub fn remove_unfinished() {
    unfinished(|folders| folders.drain(..).for_each(|folder| clear(&folder)));
}

/// Removes what killed processes have left, by the records that they left with it.
pub fn clear_abandoned(state: Option<&Path>) {
    let Some(entries) = state.and_then(|state| fs::read_dir(state).ok()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(nonce) = name.to_str().and_then(|name| name.strip_prefix(RECORD)) else { continue };
        let Ok(mut record) = os::open_no_link(&entry.path()) else { continue };
        if !os::try_lock(&record) {
            continue;
        }
        let mut path = Vec::new();
        let is_read = Read::take(&mut record, LONGEST).read_to_end(&mut path).is_ok();
        let folder = os::path_of(&path);
        if is_read && folder.file_name().is_some_and(|name| name.to_str() == Some(&format!("{PREFIX}{nonce}"))) {
            clear(&folder);
        }
        if folder.symlink_metadata().is_err() {
            // Whoever can't remove it now will try again at the next start.
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Removes a folder of ours, and what we have put into it. What somebody else has put there stays, and the folder with it.
fn clear(folder: &Path) {
    if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return;
    }
    // The values first: what keeps git away from them goes last.
    for name in [TEXT, IGNORE.0] {
        drop(fs::remove_file(folder.join(name)));
    }
    drop(fs::remove_dir(folder));
}

fn forget(folder: &Path) {
    unfinished(|folders| folders.retain(|known| known != folder));
}

fn unfinished(change: impl FnOnce(&mut Vec<PathBuf>)) {
    change(&mut UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner));
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::io::files::temporary::{PREFIX, RECORD, Scratch, clear_abandoned, remove_unfinished};
    use crate::io::git::tests::{git, output};

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let outer = guard.path().canonicalize().unwrap();
        let (work, state) = (outer.join("work"), outer.join("state"));
        fs::create_dir(&work).unwrap();
        fs::create_dir(&state).unwrap();
        (guard, work, state)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns a folder as a killed run leaves it.
    fn abandon(work: &Path, state: &Path) -> PathBuf {
        let mut scratch = Scratch::beside(&work.join(".env"), Some(state)).unwrap();
        fs::write(scratch.text(), "A=1\n").unwrap();
        drop(scratch.record.take());
        scratch.keep().parent().unwrap().to_owned()
    }

    #[test]
    fn temporary_file_is_removed_with_owner_or_process() {
        let (_guard, work, state) = folders();
        for finish in [drop, |scratch: Scratch| {
            remove_unfinished();
            drop(scratch);
        }] {
            let scratch = Scratch::beside(&work.join(".env"), Some(&state)).unwrap();
            fs::write(scratch.text(), "A=1\n").unwrap();
            assert_eq!((names(&work).len(), names(&state).len()), (1, 1));
            clear_abandoned(Some(&state));
            assert!(scratch.text().exists(), "its process runs");
            finish(scratch);
            assert_eq!((names(&work).len(), names(&state).len()), (0, 0));
        }
    }

    #[test]
    fn git_ignores_temporary_file() {
        let (_guard, work, _) = folders();
        git(&work, &["init", "-q"]);
        fs::write(work.join(".gitignore"), ".env\n").unwrap();
        git(&work, &["add", ".gitignore"]);
        git(&work, &["commit", "-q", "-m", "first"]);
        let scratch = Scratch::beside(&work.join(".env"), None).unwrap();
        fs::write(scratch.text(), "A=1\n").unwrap();
        assert_eq!(output(&work, &["status", "--porcelain", "--untracked-files=all"]), "");
        git(&work, &["add", "-A"]);
        assert_eq!(output(&work, &["ls-files"]), ".gitignore");
    }

    #[test]
    fn abandoned_files_are_removed_only_by_record() {
        let (_guard, work, state) = folders();
        let left = abandon(&work, &state);
        let with_more = abandon(&work, &state);
        fs::write(with_more.join("somebody's"), "kept").unwrap();
        // A checkout brings folders with such names, and a record leads elsewhere.
        for name in ["0123456789abcdef", "fedcba9876543210"] {
            fs::create_dir(work.join(format!("{PREFIX}{name}"))).unwrap();
            fs::write(work.join(format!("{PREFIX}{name}/text")), "kept").unwrap();
        }
        fs::write(work.join("text"), "kept").unwrap();
        let elsewhere = work.as_os_str().as_encoded_bytes().to_vec();
        fs::write(state.join(format!("{RECORD}0123456789abcdef")), elsewhere).unwrap();
        fs::write(state.join(format!("{RECORD}aaaaaaaaaaaaaaaa")), "").unwrap();
        fs::write(state.join(format!("{RECORD}bbbbbbbbbbbbbbbb")), work.join("gone").to_str().unwrap()).unwrap();
        clear_abandoned(Some(&state));
        assert!(!left.exists());
        assert_eq!(names(&with_more), ["somebody's"], "and no value");
        assert_eq!(fs::read_to_string(work.join("text")).unwrap(), "kept");
        for name in ["0123456789abcdef", "fedcba9876543210"] {
            assert_eq!(fs::read_to_string(work.join(format!("{PREFIX}{name}/text"))).unwrap(), "kept", "{name}");
        }
        clear_abandoned(Some(&state.join("gone")));
        clear_abandoned(None);
    }

    #[test]
    fn symlink_replacing_temporary_folder_is_not_followed() {
        let (_guard, work, state) = folders();
        let left = abandon(&work, &state);
        fs::rename(&left, work.join("moved")).unwrap();
        std::os::unix::fs::symlink("moved", &left).unwrap();
        clear_abandoned(Some(&state));
        assert_eq!(names(&work.join("moved")), [".gitignore", "text"]);
    }
}
