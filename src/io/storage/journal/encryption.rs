//! The file of a run: a header, a nonce, and the record encrypted with the journal's key.

use std::io;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::io::storage::journal::key::{JournalKey, random};
use crate::io::storage::journal::record::JournalRecord;
use crate::io::storage::journal::record_format::{self, VERSION};
use crate::io::storage::journal::run_name::RunName;

/// The first bytes of every file, before the version.
const MAGIC: &[u8; 7] = b"DOCTORJ";
const HEADER: usize = MAGIC.len() + 1;

/// Why a file could not be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// It does not start with the header.
    Foreign,
    /// A later version of `doctor` wrote it.
    Newer,
    /// It was modified or truncated, belongs to another run, or was encrypted with another key.
    Broken,
}

/// Encrypts a record, and returns the file's bytes.
pub(super) fn seal(key: &JournalKey, run: &RunName, record: &JournalRecord) -> io::Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    random(&mut nonce)?;
    let mut text = Zeroizing::new(Vec::with_capacity(record_format::length(run, record)?));
    record_format::write(run, record, &mut *text)?;
    let tag = cipher(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound_to(run, VERSION), &mut text)
        .map_err(|_| io::Error::other("the record is too long to be encrypted"))?;
    Ok([MAGIC.as_slice(), &[VERSION], &nonce, &text, tag.as_ref()].concat())
}

/// Decrypts the file of a run, as written by [`seal`].
pub(super) fn open(key: &JournalKey, run: &RunName, bytes: &[u8]) -> Result<JournalRecord, Closed> {
    let (header, rest) = bytes.split_at_checked(HEADER).ok_or(Closed::Foreign)?;
    if !header.starts_with(MAGIC) {
        return Err(Closed::Foreign);
    }
    let version = header[MAGIC.len()];
    if version > VERSION {
        return Err(Closed::Newer);
    }
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(Closed::Broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Closed::Broken)?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let text = cipher(key).open_in_place(nonce, bound_to(run, version), &mut sealed).map_err(|_| Closed::Broken)?;
    record_format::read(run, text).ok_or(Closed::Broken)
}

fn cipher(key: &JournalKey) -> LessSafeKey {
    // A `LessSafeKey` leaves the nonce to its caller: each file has its own random one.
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.bytes()).expect("the key has the cipher's length"))
}

/// Returns the authenticated data, which binds a file to its run and its version.
fn bound_to(run: &RunName, version: u8) -> Aad<Vec<u8>> {
    Aad::from([MAGIC.as_slice(), &[version], run.as_str().as_bytes()].concat())
}
