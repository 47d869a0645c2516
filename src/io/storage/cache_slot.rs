//! One file of a cache directory: JSON with a limited lifetime. An entry that can't be written or read counts as
//! missing.

use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::io::storage::state_dir::{PrivateDir, StoredContent};

/// The maximum size of a file, in bytes.
pub(super) const LIMIT: u64 = 128 << 10;

/// The maximum number of entries in a directory.
pub(super) const MOST: usize = 64;

/// The content of a slot.
pub(super) trait CacheEntry: Serialize + DeserializeOwned {
    /// The extension of its files.
    const ENDING: &'static str;
    /// How long an entry is valid.
    const MAX_AGE: SignedDuration;

    /// Returns when the entry was created, in seconds since 1970.
    fn time(&self) -> i64;

    /// Returns whether the entry was created less than `age` ago. One from the future is not: the clock was set back.
    fn is_younger(&self, age: SignedDuration, now: Timestamp) -> bool {
        (0..age.as_secs()).contains(&now.as_second().saturating_sub(self.time()))
    }
}

/// A file of a cache directory, named after the inputs of its content.
#[derive(Debug)]
pub(super) struct CacheSlot<E> {
    folder: PrivateDir,
    name: String,
    entry: PhantomData<E>,
}

impl<E: CacheEntry> CacheSlot<E> {
    /// Returns the slot for a digest of the inputs.
    pub(super) fn new(folder: PrivateDir, digest: &[u8]) -> Self {
        Self { folder, name: hex::encode(digest) + E::ENDING, entry: PhantomData }
    }

    /// Returns the entry, if it is valid.
    pub(super) fn get(&self, now: Timestamp) -> Option<E> {
        self.read(&self.name).filter(|entry| entry.is_younger(E::MAX_AGE, now))
    }

    /// Stores an entry, and removes expired ones.
    pub(super) fn put(&self, entry: &E, now: Timestamp) {
        self.make_room(now);
        if let Ok(bytes) = serde_json::to_vec(entry) {
            drop(self.folder.replace(&self.name, &bytes));
        }
    }

    pub(super) fn clear(&self) {
        // `names` does not create the directory.
        if self.folder.names().is_ok_and(|names| names.contains(&self.name)) {
            self.folder.remove(&self.name);
        }
    }

    /// Removes entries that are expired or unreadable and, if too many remain, the oldest.
    fn make_room(&self, now: Timestamp) {
        let (mut kept, mut surplus) = (Vec::new(), Vec::new());
        for name in self.folder.names().unwrap_or_default() {
            if name.starts_with('.') {
                // A temporary file, which another run may be writing. It is removed only if there are too many files.
                kept.push((i64::MIN, name));
            } else if name.ends_with(E::ENDING) && name != self.name {
                match self.read(&name).filter(|entry| entry.is_younger(E::MAX_AGE, now)) {
                    Some(entry) => kept.push((entry.time(), name)),
                    None => surplus.push(name),
                }
            }
        }
        kept.sort_unstable();
        let too_many = (kept.len() + 1).saturating_sub(MOST);
        surplus.extend(kept.drain(..too_many).map(|(_, name)| name));
        for name in &surplus {
            self.folder.remove(name);
        }
    }

    fn read(&self, name: &str) -> Option<E> {
        let StoredContent(bytes) = self.folder.read_up_to(name, LIMIT).ok()??;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Calls `update` with the parts, each preceded by its length, so that different lists have different digests.
pub(super) fn digest_parts(parts: &[&[u8]], mut update: impl FnMut(&[u8])) {
    for part in parts {
        update(&(part.len() as u64).to_le_bytes());
        update(part);
    }
}
