//! Where the journal's key is kept. Today that is a file beside the journal; the system's keyring is to take it over.

use std::io;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::outside::journal::seal::random;
use crate::outside::state::{Content, Folder, Placed};

/// The name of the key's file.
const NAME: &str = "journal.key";
const LENGTH: usize = 32;

/// The key of every file of one journal.
pub(super) struct Key(Zeroizing<[u8; LENGTH]>);

impl Key {
    pub(super) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

/// The key, if one was made.
pub(super) fn find(folder: &Folder) -> Result<Option<Key>, Error> {
    let Some(Content(bytes)) = folder.read(NAME)? else { return Ok(None) };
    let mut key = Zeroizing::new([0; LENGTH]);
    if bytes.len() != LENGTH {
        return Err(Error::Journal {
            what: format!("can't use the journal's key in {}", folder.shown(NAME)),
            why: format!("it has {} bytes instead of {LENGTH}", bytes.len()),
            next: "remove it: runs recorded so far can't be undone without it, and new ones get a new key".to_owned(),
        });
    }
    key.copy_from_slice(&bytes);
    Ok(Some(Key(key)))
}

/// The key, made now if there is none. Of two that make one at once, the first one's is used by both.
pub(super) fn find_or_make(folder: &Folder) -> Result<Key, Error> {
    if let Some(key) = find(folder)? {
        return Ok(key);
    }
    let mut bytes = Zeroizing::new([0; LENGTH]);
    random(&mut *bytes).map_err(|error| folder.cannot_write(&error))?;
    match folder.place(NAME, &*bytes)? {
        Placed::Now => Ok(Key(bytes)),
        Placed::ThereAlready => find(folder)?.ok_or_else(|| folder.cannot_write(&io::ErrorKind::NotFound.into())),
    }
}
