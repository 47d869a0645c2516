//! What a hook found a moment ago, kept for the next commit: counts and times, and never a value or a name.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::io::storage::cache_slot::{CacheEntry, CacheSlot, digest_parts};
use crate::io::storage::state_dir::{Folder, Purpose, StoredContent};

/// How long a result is good for.
pub const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// The folder below that of the state.
const FOLDER: &str = "hook";
/// The user's own key, 32 random bytes.
const KEY: &str = "hook.key";
const LENGTH: usize = 32;

/// The words of its folder's errors, which nobody hears: what can't be kept is asked again.
const PURPOSE: Purpose = Purpose {
    what: "what the hook found",
    cannot: "can't remember what the hook found",
    instead: "let each commit ask Railway",
};

/// A result that may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Seconds since 1970.
    pub time: i64,
    pub compared: usize,
    pub services: usize,
    /// Findings at or above the line; a hook that only warns tells of them again.
    pub drift: usize,
}

impl CacheEntry for Recent {
    const ENDING: &'static str = ".result";
    const MAX_AGE: SignedDuration = KEPT;

    fn time(&self) -> i64 {
        self.time
    }
}

/// The slot of one result, named under a key of the user's, so that the name discloses nothing.
#[derive(Debug)]
pub struct HookCacheSlot(CacheSlot<Recent>);

impl HookCacheSlot {
    /// Returns the slot for what depends on these parts; none where nothing can be kept.
    pub fn of(state: Option<&Path>, parts: &[&[u8]]) -> Option<Self> {
        let folder = Folder::new(state?.join(FOLDER), PURPOSE);
        let mut context = hmac::Context::with_key(&key(&folder)?);
        digest_parts(parts, |bytes| context.update(bytes));
        Some(Self(CacheSlot::new(folder, context.sign().as_ref())))
    }

    /// Returns the result that is kept, if it is young enough.
    pub fn get(&self, now: Timestamp) -> Option<Recent> {
        self.0.get(now)
    }

    /// Keeps a result. If that fails, a later commit checks again.
    pub fn put(&self, recent: &Recent) {
        if let Ok(now) = Timestamp::from_second(recent.time) {
            self.0.put(recent, now);
        }
    }
}

/// Returns the user's key, made now if there is none. Of two that make one at once, the first one's is used by both.
fn key(folder: &Folder) -> Option<hmac::Key> {
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
        Recent { time: NOW + seconds, compared: 7, services: 2, drift: 0 }
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
        assert_eq!(slot.get(at(400)), Some(recent(200)), "the newer one counts");
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
        assert_ne!(of(state.path()), of(elsewhere.path()), "each user has a key, and a name tells nothing without it");
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
        assert_eq!(names(state.path()).len(), 3, "the oldest went away");
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
        assert_eq!(kept.get(at(1)), Some(recent(1)), "garbage is written over");
        fs::write(state.path().join("hook").join(KEY), vec![7; LENGTH - 1]).unwrap();
        assert!(HookCacheSlot::of(Some(state.path()), &[b"a"]).is_none(), "a key that was cut is none");
        let file = state.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(HookCacheSlot::of(Some(&file), &[b"a"]).is_none());
    }
}
