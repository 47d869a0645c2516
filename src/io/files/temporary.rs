//! The temporary directory of a new text, for the moment before the text takes the name of the `.env`.
//!
//! It contains values, so it must not be left behind. Its own `.gitignore` makes git ignore it, every exit of the
//! process removes it, and a record in the state directory lets the next run remove what a killed run has left. The
//! name alone is not enough for a removal, because a checkout may contain a directory with such a name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};

use crate::io::files::write::folder_of;
use crate::io::os;
use crate::io::storage::state_dir::{PrivateDir, Purpose};

/// The prefix of the directory's name. Rules that exclude `.env*` or `.env.*` from git, images or syncs match it, too.
pub(super) const PREFIX: &str = ".env.doctor-";

/// The prefix of its record in the state directory.
const RECORD: &str = "replacing-";

/// The file in the directory.
const TEXT: &str = "text";

/// The name and the text of the file that makes git ignore the directory and the file itself.
const IGNORE: (&str, &str) = (".gitignore", "*\n");

/// The longest path of a record, in bytes.
const LONGEST: u64 = 16 * 1024;

/// The directories that this process has created and not removed yet.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Texts for an error about the state directory, which is never shown.
const PURPOSE: Purpose = Purpose { what: "the state directory", cannot: "failed to keep a record", instead: "" };

/// A directory beside a file, which is removed when this is dropped.
pub(super) struct Scratch {
    folder: PathBuf,
    record: Option<LeftoverRecord>,
}

/// The record that lets the next run remove a directory that was left behind. It is locked while its process runs.
struct LeftoverRecord {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Creates the directory with its `.gitignore`.
    pub(super) fn beside(target: &Path, state: Option<&Path>) -> io::Result<Self> {
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let nonce = format!("{:016x}", u64::from_ne_bytes(random));
        let folder = folder_of(target).join(format!("{PREFIX}{nonce}"));
        // Without a record, the directory is removed anyway, unless the process is killed.
        let record = state.and_then(|state| LeftoverRecord::of(&folder, &nonce, state).ok());
        let mut builder = DirBuilder::new();
        os::set_private(&mut builder);
        builder.create(&folder)?;
        unfinished(|folders| folders.push(folder.clone()));
        let scratch = Self { folder, record };
        let (name, text) = IGNORE;
        OpenOptions::new().write(true).create_new(true).open(scratch.folder.join(name))?.write_all(text.as_bytes())?;
        Ok(scratch)
    }

    /// Returns the path of the text, which does not exist yet.
    pub(super) fn text(&self) -> PathBuf {
        self.folder.join(TEXT)
    }

    /// Keeps the directory, because it contains another process's edit, and returns the path of that.
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
        let closed = PrivateDir::new(state.to_owned(), PURPOSE).make();
        closed.map_err(|error| io::Error::other(error.to_string()))?;
        let path = state.join(format!("{RECORD}{nonce}"));
        let mut file = os::create_own(&path)?;
        os::try_lock(&file);
        let absolute = folder.canonicalize().or_else(|_| std::path::absolute(folder))?;
        file.write_all(absolute.as_os_str().as_encoded_bytes())?;
        Ok(Self { path, _lock: file })
    }
}

/// Removes the directories that this process has created. Called by the thread that ends the process.
pub fn remove_unfinished() {
    unfinished(|folders| folders.drain(..).for_each(|folder| clear(&folder)));
}

/// Removes the directories of killed processes that have a record.
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
            // If this fails, the next run tries again.
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Removes a directory and the files that `doctor` has created in it. If it has other files, these and the directory
/// stay.
fn clear(folder: &Path) {
    if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return;
    }
    // The values first. The `.gitignore` that protects them is last.
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

    use crate::io::files::temporary::{LeftoverRecord, PREFIX, RECORD, Scratch, clear_abandoned, remove_unfinished};
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

    /// Returns a directory as a killed run leaves it.
    fn abandon(work: &Path, state: &Path) -> PathBuf {
        let mut scratch = Scratch::beside(&work.join(".env"), Some(state)).unwrap();
        fs::write(scratch.text(), "A=1\n").unwrap();
        let LeftoverRecord { _lock: lock, .. } = scratch.record.take().unwrap();
        // Closing the file is not enough: a child process that another test is creating may have a copy of it.
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
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
            assert!(scratch.text().exists(), "its process is running");
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
        fs::write(with_more.join("unrelated"), "kept").unwrap();
        // A checkout has directories with such names, and a record points elsewhere.
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
        assert_eq!(names(&with_more), ["unrelated"], "the values are removed");
        assert_eq!(fs::read_to_string(work.join("text")).unwrap(), "kept");
        for name in ["0123456789abcdef", "fedcba9876543210"] {
            assert_eq!(fs::read_to_string(work.join(format!("{PREFIX}{name}/text"))).unwrap(), "kept", "{name}");
        }
        clear_abandoned(Some(&state.join("gone")));
        clear_abandoned(None);
    }

    #[test]
    fn symlink_replacing_temporary_directory_is_not_followed() {
        let (_guard, work, state) = folders();
        let left = abandon(&work, &state);
        fs::rename(&left, work.join("moved")).unwrap();
        std::os::unix::fs::symlink("moved", &left).unwrap();
        clear_abandoned(Some(&state));
        assert_eq!(names(&work.join("moved")), [".gitignore", "text"]);
    }
}
