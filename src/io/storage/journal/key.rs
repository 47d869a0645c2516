//! The journal's keys: one in the system's keyring, one in a file beside the journal where no keyring can be asked.
//!
//! Both may be in use: a keyring that is locked today leaves its runs unreadable, and does not keep anybody from fixing.

use std::cell::OnceCell;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::error::Error;
use crate::io::credentials::keyring::{Keyring, KeyringError};
use crate::io::storage::state_dir::{Folder, Placed, StoredContent};

/// The file that holds a key.
const IN_FILE: &str = "journal.key";
/// The file that says under which name the keyring holds one. It makes that of two runs that make a key at once both use
/// the first one's, which no keyring promises.
const IN_KEYRING: &str = "journal.keyring";
const LENGTH: usize = 32;

pub(super) struct JournalKey(Zeroizing<[u8; LENGTH]>);

impl JournalKey {
    pub(super) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    fn make(folder: &Folder) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random(&mut *bytes).map_err(|error| folder.cannot_write(&error))?;
        Ok(Self(bytes))
    }

    fn from(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }
}

/// The keys for reading, each looked up when it is needed and once.
pub(super) struct Keys<'j> {
    folder: &'j Folder,
    keyring: &'j dyn Keyring,
    file: OnceCell<Result<Option<JournalKey>, Error>>,
    ring: OnceCell<Result<Option<JournalKey>, KeyringError>>,
}

impl<'j> Keys<'j> {
    pub(super) fn of(folder: &'j Folder, keyring: &'j dyn Keyring) -> Self {
        Self { folder, keyring, file: OnceCell::new(), ring: OnceCell::new() }
    }

    /// Returns the one in the file, if one was made.
    pub(super) fn in_file(&self) -> Result<Option<&JournalKey>, &Error> {
        self.file.get_or_init(|| in_file(self.folder)).as_ref().map(Option::as_ref)
    }

    /// Returns the one in the keyring, if one was made.
    pub(super) fn in_keyring(&self) -> Result<Option<&JournalKey>, &KeyringError> {
        self.ring.get_or_init(|| in_keyring(self.folder, self.keyring)).as_ref().map(Option::as_ref)
    }
}

/// Returns the key for a new record, made now if there is none; with the reason, if one is made in the file: it is
/// reported once.
pub(super) fn for_writing(folder: &Folder, keyring: &dyn Keyring) -> Result<(JournalKey, Option<KeyringError>), Error> {
    let held = match in_keyring(folder, keyring) {
        Ok(None) => put_into_keyring(folder, keyring)?,
        Ok(Some(key)) => Ok(key),
        Err(trouble) => Err(trouble),
    };
    match held {
        Ok(key) => Ok((key, None)),
        Err(trouble) => {
            let is_known = folder.names()?.iter().any(|there| there == IN_FILE);
            Ok((find_or_make_in_file(folder)?, Some(trouble).filter(|_| !is_known)))
        }
    }
}

/// Returns where keys are, in words.
pub(super) fn whereabouts(folder: &Folder) -> &'static str {
    let names = folder.names().unwrap_or_default();
    let has = |name: &str| names.iter().any(|there| there == name);
    match (has(IN_KEYRING), has(IN_FILE)) {
        (true, false) => "the key is in the system's keyring",
        (true, true) => "the keys are in the system's keyring and in a file beside them",
        (false, _) => "the key is a file beside them",
    }
}

/// One that was there and is not any more is a [`KeyringError`] too.
fn in_keyring(folder: &Folder, keyring: &dyn Keyring) -> Result<Option<JournalKey>, KeyringError> {
    let refused = |why: &str| KeyringError::Refused(why.to_owned());
    let unreadable = |error: Error| refused(&error.cause_or_message());
    let Some(StoredContent(name)) = folder.read(IN_KEYRING).map_err(unreadable)? else { return Ok(None) };
    let name = str::from_utf8(&name).map_err(|_| refused("the name of the journal's key is no text"))?;
    let text = keyring.read(name)?.ok_or_else(|| refused("the journal's key is not there any more"))?;
    let bytes = STANDARD.decode(text.expose()).map(Zeroizing::new).ok();
    let key = bytes.and_then(|bytes| JournalKey::from(&bytes));
    key.map(Some).ok_or_else(|| refused("the journal's key there is not as doctor stored it"))
}

fn put_into_keyring(folder: &Folder, keyring: &dyn Keyring) -> Result<Result<JournalKey, KeyringError>, Error> {
    let mut number = [0; 8];
    random(&mut number).map_err(|error| folder.cannot_write(&error))?;
    let (name, key) = (format!("journal key {:016x}", u64::from_be_bytes(number)), JournalKey::make(folder)?);
    let text = Secret::new(STANDARD.encode(key.bytes()));
    // A store that says yes and keeps nothing would cost the way back.
    match keyring.write(&name, &text).and_then(|()| keyring.read(&name)) {
        Err(trouble) => return Ok(Err(trouble)),
        Ok(Some(held)) if held == text => {}
        Ok(_) => return Ok(Err(KeyringError::Refused("it does not keep what is stored".to_owned()))),
    }
    let placed = folder.place(IN_KEYRING, name.as_bytes());
    if let Ok(Placed::Now) = placed {
        return Ok(Ok(key));
    }
    // What nothing points to need not stay.
    drop(keyring.remove(&name));
    placed?;
    Ok(in_keyring(folder, keyring)
        .and_then(|key| key.ok_or_else(|| KeyringError::Refused("its name is gone".to_owned()))))
}

fn in_file(folder: &Folder) -> Result<Option<JournalKey>, Error> {
    let Some(StoredContent(bytes)) = folder.read(IN_FILE)? else { return Ok(None) };
    JournalKey::from(&bytes).map(Some).ok_or_else(|| Error::Journal {
        what: format!("can't use the journal's key in {}", folder.shown(IN_FILE)),
        cause: format!("it has {} bytes instead of {LENGTH}", bytes.len()),
        help: "remove it: runs recorded with it can't be undone without it, and new ones get a new key".to_owned(),
    })
}

/// Of two that make one at once, the first one's is used by both.
fn find_or_make_in_file(folder: &Folder) -> Result<JournalKey, Error> {
    if let Some(key) = in_file(folder)? {
        return Ok(key);
    }
    let key = JournalKey::make(folder)?;
    match folder.place(IN_FILE, key.bytes())? {
        Placed::Now => Ok(key),
        Placed::ThereAlready => in_file(folder)?.ok_or_else(|| folder.cannot_write(&io::ErrorKind::NotFound.into())),
    }
}

/// Fills with random bytes of the system.
pub(super) fn random(bytes: &mut [u8]) -> io::Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| io::Error::other("the system gives no random bytes"))
}
