//! One file of a folder that only saves time: JSON, good for a limited time. What can't be kept or read counts as not there.

use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::io::storage::state_dir::{Folder, StoredContent};

/// The longest file that is read, in bytes.
pub(super) const LIMIT: u64 = 32 << 10;

/// How many entries a folder may hold.
pub(super) const MOST: usize = 64;

/// What a slot keeps.
pub(super) trait CacheEntry: Serialize + DeserializeOwned {
    /// How the names of its files end.
    const ENDING: &'static str;
    /// How long it may be used.
    const MAX_AGE: SignedDuration;

    /// Returns when it was made, in seconds since 1970.
    fn time(&self) -> i64;

    /// Returns whether it was made less than `age` ago. One from the future is old: the clock was set back.
    fn is_younger(&self, age: SignedDuration, now: Timestamp) -> bool {
        (0..age.as_secs()).contains(&now.as_second().saturating_sub(self.time()))
    }
}

/// A file of a cache folder, named by what its content depends on.
#[derive(Debug)]
pub(super) struct CacheSlot<E> {
    folder: Folder,
    name: String,
    entry: PhantomData<E>,
}

impl<E: CacheEntry> CacheSlot<E> {
    /// Returns the slot for a digest of what the content depends on.
    pub(super) fn new(folder: Folder, digest: &[u8]) -> Self {
        Self { folder, name: hex::encode(digest) + E::ENDING, entry: PhantomData }
    }

    /// Returns what is kept, if it is young enough.
    pub(super) fn get(&self, now: Timestamp) -> Option<E> {
        self.read(&self.name).filter(|entry| entry.is_younger(E::MAX_AGE, now))
    }

    /// Keeps an entry and removes those that are too old.
    pub(super) fn put(&self, entry: &E, now: Timestamp) {
        self.make_room(now);
        if let Ok(bytes) = serde_json::to_vec(entry) {
            drop(self.folder.replace(&self.name, &bytes));
        }
    }

    pub(super) fn clear(&self) {
        // Where nothing was kept yet, no folder is made for it.
        if self.folder.names().is_ok_and(|names| names.contains(&self.name)) {
            self.folder.remove(&self.name);
        }
    }

    /// Removes what is too old or can't be read and, where too many remain, the oldest.
    fn make_room(&self, now: Timestamp) {
        let (mut kept, mut surplus) = (Vec::new(), Vec::new());
        for name in self.folder.names().unwrap_or_default() {
            if name.starts_with('.') {
                // Another run may be writing it at this moment, so that it only goes where there are too many.
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

/// Calls `update` with the parts, each behind its length, so that no two lists of parts look alike.
pub(super) fn digest_parts(parts: &[&[u8]], mut update: impl FnMut(&[u8])) {
    for part in parts {
        update(&(part.len() as u64).to_le_bytes());
        update(part);
    }
}
