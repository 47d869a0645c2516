//! The journal's keys: one in the OS keyring, and one in a file next to the journal for use without a keyring.
//!
//! Both may exist: while the keyring is locked, runs recorded with its key are unreadable, but new runs can be
//! recorded.

use std::cell::OnceCell;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::credentials::keyring::{Keyring, KeyringError};
use crate::io::storage::state_dir::{Placed, PrivateDir, StoredContent};

/// The file with a key.
const IN_FILE: &str = "journal.key";
/// The file with the name of the keyring entry. If two runs create a key at the same time, it makes both use the first
/// one; no keyring guarantees that.
const IN_KEYRING: &str = "journal.keyring";
const LENGTH: usize = 32;

pub(super) struct JournalKey(Zeroizing<[u8; LENGTH]>);

impl JournalKey {
    pub(super) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    fn make(folder: &PrivateDir) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random(&mut *bytes).map_err(|error| folder.cannot_write(&error))?;
        Ok(Self(bytes))
    }

    fn from(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }
}

/// The keys for reading, each looked up on first use.
pub(super) struct Keys<'j> {
    folder: &'j PrivateDir,
    keyring: &'j dyn Keyring,
    file: OnceCell<Result<Option<JournalKey>, Error>>,
    ring: OnceCell<Result<Option<JournalKey>, KeyringError>>,
}

impl<'j> Keys<'j> {
    pub(super) fn of(folder: &'j PrivateDir, keyring: &'j dyn Keyring) -> Self {
        Self { folder, keyring, file: OnceCell::new(), ring: OnceCell::new() }
    }

    /// Returns the key in the file, if it exists.
    pub(super) fn in_file(&self) -> Result<Option<&JournalKey>, &Error> {
        self.file.get_or_init(|| in_file(self.folder)).as_ref().map(Option::as_ref)
    }

    /// Returns the key in the keyring, if one was created.
    pub(super) fn in_keyring(&self) -> Result<Option<&JournalKey>, &KeyringError> {
        self.ring.get_or_init(|| in_keyring(self.folder, self.keyring)).as_ref().map(Option::as_ref)
    }
}

/// Returns the key for a new record, and creates it if it is missing. If that creates the key file, also returns why
/// the keyring is not used. The file is the mark that it was reported: once per machine.
pub(super) fn for_writing(
    folder: &PrivateDir,
    keyring: &dyn Keyring,
) -> Result<(JournalKey, Option<KeyringError>), Error> {
    let held = match in_keyring(folder, keyring) {
        Ok(None) => put_into_keyring(folder, keyring)?,
        Ok(Some(key)) => Ok(key),
        Err(error) => Err(error),
    };
    match held {
        Ok(key) => Ok((key, None)),
        Err(error) => {
            let (key, placed) = find_or_create_in_file(folder)?;
            Ok((key, Some(error).filter(|_| placed == Placed::Now)))
        }
    }
}

/// Describes where the keys are.
pub(super) fn whereabouts(folder: &PrivateDir) -> &'static str {
    let names = folder.names().unwrap_or_default();
    let has = |name: &str| names.iter().any(|existing| existing == name);
    match (has(IN_KEYRING), has(IN_FILE)) {
        (true, false) => "the key is in the OS keyring",
        (true, true) => "the keys are in the OS keyring and in a file in the same directory",
        (false, _) => "the key is in a file in the same directory",
    }
}

/// Returns the key in the keyring, or `None` if none was created. A key that was removed is a [`KeyringError`], too.
fn in_keyring(folder: &PrivateDir, keyring: &dyn Keyring) -> Result<Option<JournalKey>, KeyringError> {
    let refused = |why: &str| KeyringError::Failed(why.to_owned());
    let unreadable = |error: Error| refused(&error.cause_or_message());
    let Some(StoredContent(name)) = folder.read(IN_KEYRING).map_err(unreadable)? else { return Ok(None) };
    let name = str::from_utf8(&name).map_err(|_| refused("the name of the journal's key is not UTF-8 text"))?;
    let text = keyring.read(name)?.ok_or_else(|| refused("it no longer has the journal's key"))?;
    let bytes = STANDARD.decode(text.expose()).map(Zeroizing::new).ok();
    let key = bytes.and_then(|bytes| JournalKey::from(&bytes));
    key.map(Some).ok_or_else(|| refused("the journal's key is not in the expected format"))
}

fn put_into_keyring(folder: &PrivateDir, keyring: &dyn Keyring) -> Result<Result<JournalKey, KeyringError>, Error> {
    let mut number = [0; 8];
    random(&mut number).map_err(|error| folder.cannot_write(&error))?;
    let (name, key) = (format!("journal key {:016x}", u64::from_be_bytes(number)), JournalKey::make(folder)?);
    let text = Secret::new(STANDARD.encode(key.bytes()));
    // Read back, because without the key nothing can be undone.
    match keyring.write(&name, &text).and_then(|()| keyring.read(&name)) {
        Err(error) => return Ok(Err(error)),
        Ok(Some(held)) if held == text => {}
        Ok(_) => return Ok(Err(KeyringError::Failed("it did not return the key that was just stored".to_owned()))),
    }
    let placed = folder.place(IN_KEYRING, name.as_bytes());
    if let Ok(Placed::Now) = placed {
        return Ok(Ok(key));
    }
    // Another run was first: nothing refers to this entry.
    drop(keyring.remove(&name));
    placed?;
    Ok(in_keyring(folder, keyring)
        .and_then(|key| key.ok_or_else(|| KeyringError::Failed("the journal.keyring file was removed".to_owned()))))
}

fn in_file(folder: &PrivateDir) -> Result<Option<JournalKey>, Error> {
    let Some(StoredContent(bytes)) = folder.read(IN_FILE)? else { return Ok(None) };
    JournalKey::from(&bytes).map(Some).ok_or_else(|| Error::Journal {
        what: format!("invalid journal key in {}", folder.shown(IN_FILE)),
        cause: format!("expected {LENGTH} bytes, got {}", bytes.len()),
        help: "remove the file to create a new key; runs recorded with the old key can't be undone".into(),
    })
}

/// Returns the key in the file, and creates it if it is missing; also whether it did. If two runs create one at the same
/// time, both use the first.
fn find_or_create_in_file(folder: &PrivateDir) -> Result<(JournalKey, Placed), Error> {
    if let Some(key) = in_file(folder)? {
        return Ok((key, Placed::AlreadyExists));
    }
    let key = JournalKey::make(folder)?;
    let placed = folder.place(IN_FILE, key.bytes())?;
    let key = match placed {
        Placed::Now => key,
        Placed::AlreadyExists => {
            in_file(folder)?.ok_or_else(|| folder.cannot_write(&io::ErrorKind::NotFound.into()))?
        }
    };
    Ok((key, placed))
}

/// Fills the buffer with random bytes of the operating system.
pub(super) fn random(bytes: &mut [u8]) -> io::Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| io::Error::other("failed to generate random bytes"))
}
