//! The last result of the hook, cached for the next commit: counts and a time, never a value or a name.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::io::storage::cache_slot::{CacheEntry, CacheSlot, digest_parts};
use crate::io::storage::state_dir::{PrivateDir, Purpose, StoredContent};

/// How long a result is valid.
pub const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// The subdirectory of the state directory.
const FOLDER: &str = "hook";
/// The file with the user's key, 32 random bytes.
const KEY: &str = "hook.key";
const LENGTH: usize = 32;

/// The texts of errors, which are never printed: a result that can't be cached is computed again.
const PURPOSE: Purpose = Purpose {
    what: "the hook cache",
    cannot: "failed to cache the result of the hook",
    instead: "query Railway for each commit",
};

/// A cached result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Seconds since 1970.
    pub time: i64,
    pub compared: usize,
    /// The declared keys that were checked without a file.
    pub needs: usize,
    /// The files of the main worktree that were read, as a user would type them.
    pub main_worktree: Vec<String>,
    pub services: usize,
    /// The number of findings at or above the threshold, which a hook that only warns reports again.
    pub drift: usize,
}

impl CacheEntry for Recent {
    const ENDING: &'static str = ".result";
    const MAX_AGE: SignedDuration = KEPT;

    fn time(&self) -> i64 {
        self.time
    }
}

/// The slot of one result. Its name is an HMAC under the user's key, so that it discloses nothing.
#[derive(Debug)]
pub struct HookCacheSlot(CacheSlot<Recent>);

impl HookCacheSlot {
    /// Returns the slot for these inputs, or `None` if nothing can be cached.
    pub fn of(state: Option<&Path>, parts: &[&[u8]]) -> Option<Self> {
        let folder = PrivateDir::new(state?.join(FOLDER), PURPOSE);
        let mut context = hmac::Context::with_key(&key(&folder)?);
        digest_parts(parts, |bytes| context.update(bytes));
        Some(Self(CacheSlot::new(folder, context.sign().as_ref())))
    }

    /// Returns the cached result, if it is valid.
    pub fn get(&self, now: Timestamp) -> Option<Recent> {
        self.0.get(now)
    }

    /// Caches a result. If that fails, the next commit checks again.
    pub fn put(&self, recent: &Recent) {
        if let Ok(now) = Timestamp::from_second(recent.time) {
            self.0.put(recent, now);
        }
    }
}

/// Returns the user's key, and creates it if it is missing. If two runs create one at the same time, both use the
/// first.
fn key(folder: &PrivateDir) -> Option<hmac::Key> {
    if folder.read(KEY).ok()?.is_none() {
        let mut bytes = zeroize::Zeroizing::new([0; LENGTH]);
        SystemRandom::new().fill(&mut *bytes).ok()?;
        folder.place(KEY, &*bytes).ok()?;
    }
    let StoredContent(bytes) = folder.read(KEY).ok()??;
    (bytes.len() == LENGTH).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use jiff::Timestamp;

    use crate::io::storage::hook_cache::{HookCacheSlot, KEY, LENGTH, Recent};

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    fn recent(seconds: i64) -> Recent {
        Recent { time: NOW + seconds, compared: 7, needs: 0, main_worktree: Vec::new(), services: 2, drift: 0 }
    }

    fn slot(state: &Path, parts: &[&str]) -> HookCacheSlot {
        HookCacheSlot::of(Some(state), &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>()).unwrap()
    }

    fn names(state: &Path) -> Vec<String> {
        let entries = fs::read_dir(state.join("hook")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn result_expires_after_five_minutes() {
        let state = tempfile::tempdir().unwrap();
        let slot = slot(state.path(), &["a"]);
        assert_eq!(slot.get(at(0)), None);
        slot.put(&recent(0));
        for (seconds, is_good) in [(0, true), (299, true), (300, false), (3600, false), (-1, false)] {
            assert_eq!(slot.get(at(seconds)), is_good.then(|| recent(0)), "after {seconds} s");
        }
        slot.put(&recent(200));
        assert_eq!(slot.get(at(400)), Some(recent(200)), "the newer result wins");
    }

    #[test]
    fn different_inputs_use_different_slots() {
        let state = tempfile::tempdir().unwrap();
        slot(state.path(), &["a", "b"]).put(&recent(0));
        assert_eq!(slot(state.path(), &["a", "b"]).get(at(1)), Some(recent(0)));
        for other in [["a", "c"].as_slice(), &["ab", ""], &["a"], &["a", "b", ""], &["b", "a"]] {
            assert_eq!(slot(state.path(), other).get(at(1)), None, "{other:?}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        slot(elsewhere.path(), &["a", "b"]).put(&recent(0));
        let of = |state: &Path| names(state).into_iter().find(|name| name.ends_with(".result"));
        assert_ne!(of(state.path()), of(elsewhere.path()), "the name depends on the user's key");
    }

    #[test]
    fn cache_files_are_private_and_contain_only_counts() {
        let state = tempfile::tempdir().unwrap();
        slot(state.path(), &["marker-value"]).put(&recent(0));
        slot(state.path(), &["other"]).put(&recent(299));
        assert_eq!(names(state.path()).len(), 3);
        for name in names(state.path()) {
            let path = state.path().join("hook").join(&name);
            let bytes = fs::read(&path).unwrap();
            assert!(!name.contains("marker") && !String::from_utf8_lossy(&bytes).contains("marker"), "{name}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600, "{name}");
            }
        }
        slot(state.path(), &["third"]).put(&recent(300));
        assert_eq!(names(state.path()).len(), 3, "the expired result is removed");
        assert_eq!(slot(state.path(), &["other"]).get(at(300)), Some(recent(299)));
    }

    #[test]
    fn unwritable_or_corrupt_cache_yields_no_result() {
        assert!(HookCacheSlot::of(None, &[b"a"]).is_none());
        let state = tempfile::tempdir().unwrap();
        let kept = slot(state.path(), &["a"]);
        kept.put(&recent(0));
        let result = names(state.path()).into_iter().find(|name| name.ends_with(".result")).unwrap();
        for garbage in ["", "{", "{\"time\":1800000000}", "[]"] {
            fs::write(state.path().join("hook").join(&result), garbage).unwrap();
            assert_eq!(kept.get(at(1)), None, "{garbage}");
        }
        kept.put(&recent(1));
        assert_eq!(kept.get(at(1)), Some(recent(1)), "the invalid file is overwritten");
        fs::write(state.path().join("hook").join(KEY), vec![7; LENGTH - 1]).unwrap();
        assert!(HookCacheSlot::of(Some(state.path()), &[b"a"]).is_none(), "a truncated key is invalid");
        let file = state.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(HookCacheSlot::of(Some(&file), &[b"a"]).is_none());
    }
}
