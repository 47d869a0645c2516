//! What a hook found a moment ago, kept for the next commit: counts and times, and never a value or a name.

use std::fmt::Write;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::outside::state::{Content, Folder, Purpose};

/// How long a result is good for.
pub const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// The folder below that of the state.
const FOLDER: &str = "hook";
/// The user's own key, 32 random bytes.
const KEY: &str = "hook.key";
const LENGTH: usize = 32;
const ENDING: &str = ".result";

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
    /// Values compared.
    pub compared: usize,
    /// Services compared.
    pub services: usize,
    /// Findings at or above the line; a hook that only warns tells of them again.
    pub drift: usize,
}

/// The place of one result: named by what it depends on, under a key of the user's, so that the name tells nothing.
#[derive(Debug)]
pub struct Slot {
    folder: Folder,
    name: String,
}

impl Slot {
    /// The place for what depends on these parts; none where nothing can be kept.
    pub fn of(state: Option<&Path>, parts: &[&[u8]]) -> Option<Self> {
        let folder = Folder::new(state?.join(FOLDER), PURPOSE);
        let mut context = hmac::Context::with_key(&key(&folder)?);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let name = tag.as_ref().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String can't fail");
            text
        });
        Some(Self { folder, name: name + ENDING })
    }

    /// What was kept there, if it is young enough.
    pub fn get(&self, now: Timestamp) -> Option<Recent> {
        read(&self.folder, &self.name).filter(|recent| is_young(recent, now))
    }

    /// Keeps a result, and removes what is too old. That it can't be kept costs a later check and nothing else.
    pub fn put(&self, recent: &Recent) {
        let Ok(now) = Timestamp::from_second(recent.time) else { return };
        let names = self.folder.names().unwrap_or_default();
        let old = |name: &&String| {
            name.ends_with(ENDING)
                && (**name == self.name || !read(&self.folder, name).is_some_and(|recent| is_young(&recent, now)))
        };
        names.iter().filter(old).for_each(|name| self.folder.remove(name));
        if let Ok(bytes) = serde_json::to_vec(recent) {
            drop(self.folder.place(&self.name, &bytes));
        }
    }
}

/// A clock that was set back makes every result old.
fn is_young(recent: &Recent, now: Timestamp) -> bool {
    (0..KEPT.as_secs()).contains(&now.as_second().saturating_sub(recent.time))
}

fn read(folder: &Folder, name: &str) -> Option<Recent> {
    let Content(bytes) = folder.read(name).ok()??;
    serde_json::from_slice(&bytes).ok()
}

/// The user's key, made now if there is none. Of two that make one at once, the first one's is used by both.
fn key(folder: &Folder) -> Option<hmac::Key> {
    if folder.read(KEY).ok()?.is_none() {
        let mut bytes = zeroize::Zeroizing::new([0; LENGTH]);
        SystemRandom::new().fill(&mut *bytes).ok()?;
        folder.place(KEY, &*bytes).ok()?;
    }
    let Content(bytes) = folder.read(KEY).ok()??;
    (bytes.len() == LENGTH).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}
