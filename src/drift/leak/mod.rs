//! What a commit or a push would give away: a secret in a file of variables, a real value in an example, a local value in any
//! file. What a file holds decides; its name only decides how it is read.

mod assignment;
mod example_values;
mod file_kind;
mod known_values;
mod multi_pattern;
mod secrecy;
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

/// A file that is committed or pushed.
#[derive(Clone, Copy)]
pub struct CommittedFile<'s> {
    /// The path as a person would type it from the working folder.
    pub name: &'s str,
    /// How it is read.
    pub kind: FileKind,
    /// What it holds; of a link, where it leads.
    pub bytes: &'s [u8],
    /// How it comes into the repository.
    pub origin: &'s FileOrigin,
}

/// How a file comes into the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOrigin {
    /// The commit adds it.
    Added,
    /// The commit changes it.
    Changed,
    /// A commit that is pushed has it, as this blob.
    Pushed(String),
}

/// One thing that a commit or a push would give away. It never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The file.
    pub file: String,
    /// 1-based; `None` in a file that is no text.
    pub line: Option<usize>,
    /// The key whose value it is.
    pub key: String,
    /// What it is.
    pub what: LeakKind,
    /// How the file comes into the repository.
    pub origin: FileOrigin,
}

/// What is given away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeakKind {
    /// A file of variables sets the key to a secret.
    Secret,
    /// An example has a real value.
    Example,
    /// The local value of the key, which is set there.
    Value(Location),
}

/// A leak, unless the repository has its texts already.
pub struct LeakCandidate {
    leak: Leak,
    texts: Vec<Zeroizing<String>>,
}

impl fmt::Debug for LeakCandidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Candidate").field(&self.leak).finish()
    }
}

impl LeakCandidate {
    /// The file, and what kind of leak it is.
    pub fn leak(&self) -> &Leak {
        &self.leak
    }
}

/// The texts to look for in what the repository has already, one a line, at most `most` of them.
pub fn patterns(candidates: &[LeakCandidate], most: usize) -> Zeroizing<String> {
    let texts: BTreeSet<&str> = candidates.iter().flat_map(LeakCandidate::lines).collect();
    Zeroizing::new(texts.into_iter().take(most).flat_map(|text| [text, "\n"]).collect())
}

/// Those that are news: the repository does not have all of their texts. `present` holds what was found of them there, one
/// text a line.
pub fn news(candidates: Vec<LeakCandidate>, present: &[u8]) -> Vec<Leak> {
    let present: BTreeSet<&[u8]> = present.split(|&byte| byte == b'\n').collect();
    let is_present = |text: &str| {
        let text = text.as_bytes();
        present.contains(text) || present.iter().any(|line| line.windows(text.len()).any(|window| window == text))
    };
    candidates.into_iter().filter(|one| !one.lines().all(is_present)).map(|one| one.leak).collect()
}

impl LeakCandidate {
    /// Of each text the longest line: git searches by lines.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.texts
            .iter()
            .map(|text| {
                text.split(['\n', '\r']).map(str::trim).max_by_key(|line| line.len()).filter(|line| !line.is_empty())
            })
            .map(|line| line.unwrap_or("\0"))
    }
}

/// Keys whose values may be committed, by name and by patterns of `*` and `?`.
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
