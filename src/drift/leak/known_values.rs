//! Searches files for the secrets of local env files.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::leak::multi_pattern::MultiPattern;
use crate::drift::leak::secrecy::reason;
use crate::drift::leak::secret_block::{pieces, shortest};
use crate::drift::leak::{AllowedKeys, CommittedFile, Leak, LeakCandidate, LeakKind, SecretReason, assignment};
use crate::drift::model::finding::Location;
use crate::drift::placeholder::names_secret;
use crate::drift::redact::encodings;

/// The shortest value that is searched for, in characters.
const SHORTEST: usize = 16;

/// The same for a key that names a secret.
const SHORTEST_SECRET: usize = 8;

/// The number of values that are reported for a file.
const MOST: usize = 100;

/// The number of bytes that are inspected for a NUL byte to detect a binary file, the same as in git.
const BEGINNING: usize = 8000;

#[derive(Debug)]
struct KnownSecret {
    key: String,
    location: Location,
    reason: SecretReason,
}

/// The local values that must not be committed, and the keys whose values may be committed.
#[derive(Debug)]
pub struct KnownSecrets {
    values: Vec<KnownSecret>,
    /// The index of the value of each encoded form.
    owners: Vec<usize>,
    patterns: MultiPattern,
    accepted: AllowedKeys,
}

impl KnownSecrets {
    /// Collects the secrets of these files that are long enough to be searched for. `accepted` are names of keys, or
    /// patterns with `*` and `?`.
    pub fn of(files: &[LocalFile], accepted: &[String]) -> Self {
        let accepted = AllowedKeys::of(accepted);
        let (mut values, mut owners, mut forms, mut seen) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
        for file in files {
            for entry in file.entries.iter().filter(|entry| !accepted.has(&entry.key)) {
                let Some(reason) = searched(entry) else { continue };
                let value = entry.value.expose();
                if seen.insert((&entry.key, value)) {
                    let parts = pieces(&entry.key, value).into_iter();
                    for form in shortest(encodings::forms(value)).chain(parts) {
                        forms.push((owners.len(), form));
                        owners.push(values.len());
                    }
                    let location = Location { file: file.name.clone(), line: entry.line };
                    values.push(KnownSecret { key: entry.key.clone(), location, reason });
                }
            }
        }
        Self { values, owners, patterns: MultiPattern::new(forms), accepted }
    }

    /// Returns the secrets that the file would expose.
    pub fn candidates(&self, staged: CommittedFile<'_>) -> Vec<LeakCandidate> {
        let text = decoded(staged.bytes);
        let staged = CommittedFile { bytes: text.as_ref().map_or(staged.bytes, |text| text.as_slice()), ..staged };
        let mut candidates = assignment::candidates(staged, &self.accepted);
        let named: BTreeSet<(Option<usize>, String)> =
            candidates.iter().map(|one| (one.leak.line, one.leak.key.clone())).collect();
        let values = self.values_in(staged);
        candidates.extend(values.into_iter().filter(|one| !named.contains(&(one.leak.line, one.leak.key.clone()))));
        candidates
    }

    fn values_in(&self, staged: CommittedFile<'_>) -> Vec<LeakCandidate> {
        let mut found: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
        for (form, (_, offset)) in self.patterns.find(staged.bytes) {
            let (first, forms) = found.entry(self.owners[form]).or_insert((offset, Vec::new()));
            *first = offset.min(*first);
            forms.push(form);
        }
        let lines = LazyCell::new(|| line_ends(staged.bytes));
        let line = |offset: usize| lines.as_ref().map(|ends| ends.partition_point(|&end| end < offset) + 1);
        let candidate = |(value, (offset, forms)): (usize, (usize, Vec<usize>))| {
            let KnownSecret { key, location, reason } = &self.values[value];
            let texts = forms.into_iter().map(|form| Zeroizing::new(self.patterns.form(form).to_owned())).collect();
            let leak = Leak {
                file: staged.name.to_owned(),
                line: line(offset),
                key: key.clone(),
                kind: LeakKind::Value(location.clone()),
                reason: *reason,
                origin: staged.origin.clone(),
            };
            LeakCandidate { leak, texts }
        };
        found.into_iter().take(MOST).map(candidate).collect()
    }
}

/// Converts UTF-16, which PowerShell writes by default, to UTF-8; `None` without a byte order mark.
fn decoded(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Some(Zeroizing::new(text.into_bytes()))
}

/// Returns the offsets of the line ends; `None` for a binary file.
fn line_ends(bytes: &[u8]) -> Option<Vec<usize>> {
    let is_text = !bytes[..bytes.len().min(BEGINNING)].contains(&0);
    is_text.then(|| (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect())
}

/// Returns why the value of a local entry is a secret that is searched for; `None` if it is not.
fn searched(entry: &Entry) -> Option<SecretReason> {
    let least = if names_secret(&entry.key) { SHORTEST_SECRET } else { SHORTEST };
    let is_long = entry.value.expose().chars().count() >= least;
    reason(&entry.key, &entry.value).filter(|_| is_long)
}
