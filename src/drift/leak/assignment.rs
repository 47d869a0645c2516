//! Finds secrets in the assignments and comments of an env file. Unlike [`KnownSecrets`](super::KnownSecrets), this
//! needs no local value to compare with.

use std::borrow::Cow;
use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::indirect::is_indirect;
use crate::drift::leak::randomness::looks_random;
use crate::drift::leak::secrecy::reason;
use crate::drift::leak::{
    AllowedKeys, CommittedFile, FileKind, Leak, LeakCandidate, LeakKind, SecretReason, example_values,
};
use crate::drift::placeholder::names_secret;

/// The header of a file that git-crypt has encrypted.
const GIT_CRYPT: &[u8] = b"\0GITCRYPT\0";

/// A shorter value may occur anywhere by chance, so the repository only contains it if it contains the whole line.
const SHORTEST: usize = 8;

/// The shortest text in a comment that may be a secret, in characters.
const SHORTEST_IN_COMMENT: usize = 16;

/// The number of lines that are parsed at once, because a parsed line takes far more memory than its text.
const PORTION: usize = 4096;

/// The number of lines that are read of a file.
pub const LINES: usize = 32_000;

/// The number of secrets that are reported for a file.
const MOST: usize = 100;

/// Returns the secrets in the file.
pub(super) fn candidates(staged: CommittedFile<'_>, accepted: &AllowedKeys) -> Vec<LeakCandidate> {
    let Some(text) = text(staged) else { return Vec::new() };
    let mut found = FoundAssignment { staged, accepted, seen: BTreeSet::new(), candidates: Vec::new() };
    let lines: Vec<&str> = text.split_inclusive('\n').take(LINES).collect();
    for (index, portion) in lines.chunks(PORTION).enumerate() {
        found.search(portion, index * PORTION);
        if found.candidates.len() >= MOST {
            break;
        }
    }
    found.candidates.truncate(MOST);
    found.candidates
}

/// Returns whether the file has more lines than are read.
pub fn is_cut(staged: &CommittedFile<'_>) -> bool {
    staged.kind != FileKind::Other && staged.bytes.split(|&byte| byte == b'\n').count() > LINES + 1
}

struct FoundAssignment<'s> {
    staged: CommittedFile<'s>,
    accepted: &'s AllowedKeys,
    seen: BTreeSet<usize>,
    candidates: Vec<LeakCandidate>,
}

/// A line of the file.
struct SourceLine<'s> {
    text: &'s str,
    /// 1-based.
    number: usize,
}

struct FoundSecret<'s> {
    key: &'s str,
    text: &'s str,
    reason: SecretReason,
}

impl FoundAssignment<'_> {
    /// Searches some lines of the file; `before` is the number of lines above them.
    fn search(&mut self, lines: &[&str], before: usize) {
        let parse = |text: String| LocalFile::parse(self.staged.name, Secret::new(text));
        let file = parse(lines.concat());
        // The commented-out assignments. Other lines become blank, so that line numbers stay the same.
        let commented = parse(lines.iter().map(|line| assignment(line).unwrap_or("\n")).collect());
        for entry in file.entries.iter().chain(&commented.entries) {
            let Some(reason) = self.reason(entry) else { continue };
            let line = SourceLine {
                text: lines.get(entry.line - 1).map_or("", |line| line.trim()),
                number: before + entry.line,
            };
            let secret = FoundSecret { key: &entry.key, text: entry.value.expose(), reason };
            self.add(&secret, &line);
        }
        if self.staged.kind == FileKind::Example {
            return;
        }
        for (index, text) in lines.iter().enumerate().filter_map(|(index, line)| Some((index, comment(line)?))) {
            if self.candidates.len() >= MOST {
                break;
            }
            if let (Some(text), Some(key)) = (random(text), key_of(text, &file, index + 1)) {
                let secret = FoundSecret { key: &key, text, reason: SecretReason::Random };
                self.add(&secret, &SourceLine { text: lines[index].trim(), number: before + index + 1 });
            }
        }
    }

    /// Returns why the value of the entry is a leak; `None` if it is not.
    fn reason(&self, entry: &Entry) -> Option<SecretReason> {
        let is_sample = self.staged.kind == FileKind::Example && !example_values::is_real(entry);
        // A private key has white space, as samples have.
        reason(&entry.key, &entry.value).filter(|why| !is_sample || *why == SecretReason::PrivateKey)
    }

    fn add(&mut self, secret: &FoundSecret<'_>, line: &SourceLine<'_>) {
        let FoundSecret { key, text, reason } = *secret;
        if self.accepted.has(key) || !self.seen.insert(line.number) {
            return;
        }
        let is_long = text.len() >= SHORTEST && (line.text.contains(text) || text.contains('\n'));
        let texts = vec![Zeroizing::new(if is_long { text } else { line.text }.to_owned())];
        let kind = if self.staged.kind == FileKind::Example { LeakKind::Example } else { LeakKind::Secret };
        let (file, origin) = (self.staged.name.to_owned(), self.staged.origin.clone());
        let leak = Leak { file, line: Some(line.number), key: key.to_owned(), kind, reason, origin };
        self.candidates.push(LeakCandidate { leak, texts });
    }
}

/// Returns the text of an env file; `None` for other files and for a file that git-crypt has encrypted.
fn text(staged: CommittedFile<'_>) -> Option<Cow<'_, str>> {
    if staged.kind == FileKind::Other {
        return None;
    }
    match staged.bytes.strip_prefix(GIT_CRYPT) {
        // Ciphertext is not valid UTF-8; if the rest is text, it is not encrypted.
        Some(rest) => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        None => Some(String::from_utf8_lossy(staged.bytes)),
    }
}

fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.starts_with('#').then(|| line.trim_start_matches(['#', ' ', '\t']))
}

/// Returns the text of a comment that is an assignment, with the line end.
fn assignment(line: &str) -> Option<&str> {
    let text = comment(line)?;
    let named = text.strip_prefix("export ").unwrap_or(text).trim_start();
    let rest = named.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    let key = &named[..named.len() - rest.len()];
    let is_sign = |sign: char| sign == '=' || (sign == ':' && !key.contains(char::is_lowercase));
    (!key.is_empty() && rest.trim_start().starts_with(is_sign)).then_some(text)
}

/// Returns a random-looking word in a comment.
fn random(comment: &str) -> Option<&str> {
    // sops also encrypts comments.
    if is_indirect(comment) {
        return None;
    }
    let is_end = |letter: char| letter.is_whitespace() || "'\"`,;()<>".contains(letter);
    // `KEY=value` and `KEY: value`
    let mut words = comment.split(is_end).map(|word| word.rsplit_once('=').map_or(word, |(_, value)| value));
    words.find(|word| {
        word.len() >= SHORTEST_IN_COMMENT
            && !word.contains("://")
            && !is_indirect(word)
            && looks_random(word, SHORTEST_IN_COMMENT)
    })
}

/// Returns the key that a comment refers to: the one that it names, or else the key of the next assignment, or else of
/// the last one.
fn key_of(comment: &str, file: &LocalFile, line: usize) -> Option<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_key = |word: &&str| word.len() > 3 && !word.contains(char::is_lowercase) && names_secret(word);
    let named = comment.split(|letter| !is_part(letter)).find(is_key).map(str::to_owned);
    let next = || file.entries.iter().find(|entry| entry.line > line).or(file.entries.last());
    named.or_else(|| next().map(|entry| entry.key.clone()))
}
