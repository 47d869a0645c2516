//! Finds secrets that a commit or a push would expose: a secret in an env file, a real value in an example file, a
//! local value in any file. The content of a file decides; its name only determines how it is parsed.

mod assignment;
mod example_values;
mod file_kind;
mod known_values;
mod multi_pattern;
pub(in crate::drift) mod public_values;
pub(in crate::drift) mod randomness;
pub(crate) mod secrecy;
mod secret_address;
mod secret_block;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

pub use assignment::{LINES, is_cut};
use wildmatch::WildMatch;
use zeroize::Zeroizing;

pub use crate::drift::leak::file_kind::{FileKind, kind};
pub use crate::drift::leak::known_values::KnownSecrets;
use crate::drift::model::finding::Location;

/// Why a value is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretReason {
    /// The key names a secret.
    Key,
    /// The value looks random.
    Random,
    /// The value is a private key.
    PrivateKey,
    /// The value is a URL with a password.
    Password,
    /// The value is a URL with a token.
    Address,
}

/// A file that is committed or pushed.
#[derive(Clone, Copy)]
pub struct CommittedFile<'s> {
    /// The path relative to the working directory.
    pub name: &'s str,
    /// How it is parsed.
    pub kind: FileKind,
    /// The content; for a symbolic link, its target.
    pub bytes: &'s [u8],
    /// How it gets into the repository.
    pub origin: &'s FileOrigin,
}

/// How a file gets into the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOrigin {
    /// The commit adds it.
    Added,
    /// The commit changes it.
    Changed,
    /// A pushed commit contains it, as this blob.
    Pushed(String),
}

/// A secret that a commit or a push would expose. It never contains the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    pub file: String,
    /// 1-based; `None` in a binary file.
    pub line: Option<usize>,
    /// The key of the secret.
    pub key: String,
    pub kind: LeakKind,
    /// Why the value is a secret.
    pub reason: SecretReason,
    /// How the file gets into the repository.
    pub origin: FileOrigin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeakKind {
    /// An env file sets the key to a secret.
    Secret,
    /// An example file contains a real value.
    Example,
    /// Any file contains the local value of the key, which is set at that location.
    Value(Location),
}

/// A leak, unless the repository already contains its texts.
pub struct LeakCandidate {
    leak: Leak,
    texts: Vec<Zeroizing<String>>,
}

impl fmt::Debug for LeakCandidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("LeakCandidate").field(&self.leak).finish()
    }
}

impl LeakCandidate {
    pub fn leak(&self) -> &Leak {
        &self.leak
    }
}

/// Returns the texts to search for in the repository, one per line, at most `most`.
pub fn patterns(candidates: &[LeakCandidate], most: usize) -> Zeroizing<String> {
    let texts: BTreeSet<&str> = candidates.iter().flat_map(LeakCandidate::lines).collect();
    Zeroizing::new(texts.into_iter().take(most).flat_map(|text| [text, "\n"]).collect())
}

/// Returns the candidates that are new leaks, because the repository does not yet contain all of their texts. `present`
/// lists the texts that it contains, one per line.
pub fn news(candidates: Vec<LeakCandidate>, present: &[u8]) -> Vec<Leak> {
    let present: BTreeSet<&[u8]> = present.split(|&byte| byte == b'\n').collect();
    let is_present = |text: &str| {
        let text = text.as_bytes();
        present.contains(text) || present.iter().any(|line| line.windows(text.len()).any(|window| window == text))
    };
    candidates.into_iter().filter(|one| !one.lines().all(is_present)).map(|one| one.leak).collect()
}

impl LeakCandidate {
    /// Returns the longest line of each text, because git searches line by line.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.texts
            .iter()
            .map(|text| {
                text.split(['\n', '\r']).map(str::trim).max_by_key(|line| line.len()).filter(|line| !line.is_empty())
            })
            .map(|line| line.unwrap_or("\0"))
    }
}

/// Keys whose values may be committed, as names and as patterns with `*` and `?`.
#[derive(Debug)]
struct AllowedKeys {
    names: BTreeSet<String>,
    patterns: Vec<WildMatch>,
}

impl AllowedKeys {
    fn of(keys: &[String]) -> Self {
        let (patterns, names): (Vec<&String>, Vec<&String>) = keys.iter().partition(|key| key.contains(['*', '?']));
        let patterns = patterns.into_iter().map(|pattern| WildMatch::new(pattern)).collect();
        Self { names: names.into_iter().cloned().collect(), patterns }
    }

    fn has(&self, key: &str) -> bool {
        self.names.contains(key) || self.patterns.iter().any(|pattern| pattern.matches(key))
    }
}
