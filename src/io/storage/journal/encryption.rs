//! One run's file: a header, a nonce, and the record's text encrypted under the journal's key.

use std::io;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::io::storage::journal::key::JournalKey;
use crate::io::storage::journal::key::random;
use crate::io::storage::journal::record::JournalRecord;
use crate::io::storage::journal::record_format::{self, VERSION};
use crate::io::storage::journal::run_name::RunName;

/// How every file begins; the version follows.
const MAGIC: &[u8; 7] = b"DOCTORJ";
const HEADER: usize = MAGIC.len() + 1;

/// Why a file could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// It does not begin as such files do.
    Foreign,
    /// A later version of `doctor` wrote it.
    Newer,
    /// It was changed or cut short, belongs to another run, or to another key.
    Broken,
}

/// Returns the bytes of a run's file.
pub(super) fn seal(key: &JournalKey, run: &RunName, record: &JournalRecord) -> io::Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    random(&mut nonce)?;
    let mut text = Zeroizing::new(Vec::with_capacity(record_format::length(run, record)?));
    record_format::write(run, record, &mut *text)?;
    let tag = cipher(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound_to(run, VERSION), &mut text)
        .map_err(|_| io::Error::other("the text is too long to be encrypted"))?;
    Ok([MAGIC.as_slice(), &[VERSION], &nonce, &text, tag.as_ref()].concat())
}

/// Reads what [`seal`] wrote for that run.
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
    // Each file has a random nonce of its own, which is what the "less safe" key leaves to its caller.
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.bytes()).expect("the key has the cipher's length"))
}

/// A file that was renamed to another run's, or given another version, does not open.
fn bound_to(run: &RunName, version: u8) -> Aad<Vec<u8>> {
    Aad::from([MAGIC.as_slice(), &[version], run.as_str().as_bytes()].concat())
}
