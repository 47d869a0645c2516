//! The words that occur in placeholders.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Names for a secret.
const NOUNS: &[&str] = &[
    "apikey",
    "api",
    "auth",
    "base64",
    "cert",
    "certificate",
    "char",
    "chars",
    "chave",
    "clave",
    "cle",
    "code",
    "contrasena",
    "cred",
    "credential",
    "credentials",
    "creds",
    "dsn",
    "guid",
    "hash",
    "hex",
    "hmac",
    "jwt",
    "key",
    "keys",
    "openssl",
    "pass",
    "passcode",
    "passkey",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "passwort",
    "pin",
    "pwd",
    "salt",
    "secret",
    "secrets",
    "seed",
    "senha",
    "signature",
    "string",
    "token",
    "tokens",
    "uuid",
    "value",
    "webhook",
];

/// Names for other data that a user has: `your-account-sid`.
const BELONGINGS: &[&str] = &[
    "account",
    "app",
    "client",
    "connection",
    "database",
    "db",
    "domain",
    "email",
    "host",
    "id",
    "instance",
    "name",
    "number",
    "org",
    "organization",
    "project",
    "sid",
    "tenant",
    "uri",
    "url",
    "user",
    "username",
    "workspace",
];

/// Words for the owner of the value.
const OWNERS: &[&str] = &["dein", "deine", "ihr", "seu", "sua", "tu", "ur", "votre", "your", "yours"];

/// Words for the position of the value.
const PLACES: &[&str] = &["aqui", "here", "hier", "ici"];

/// Words for what the user should do.
const VERBS: &[&str] = &[
    "add",
    "choose",
    "configure",
    "copy",
    "create",
    "define",
    "edit",
    "enter",
    "fetch",
    "fill",
    "generate",
    "get",
    "input",
    "insert",
    "make",
    "need",
    "obtain",
    "paste",
    "pick",
    "place",
    "provide",
    "put",
    "rotate",
    "run",
    "set",
    "specify",
    "supply",
    "type",
    "update",
    "use",
];

/// Adjectives for a secret.
const QUALITIES: &[&str] = &[
    "default",
    "demo",
    "dev",
    "development",
    "dummy",
    "example",
    "fake",
    "insecure",
    "local",
    "mock",
    "my",
    "new",
    "placeholder",
    "random",
    "safe",
    "sample",
    "secure",
    "some",
    "strong",
    "stub",
    "super",
    "temp",
    "temporary",
    "test",
    "testing",
    "ultra",
    "unique",
    "unsafe",
    "very",
];

/// Words that connect the others.
const CONNECTORS: &[&str] = &[
    "a",
    "access",
    "actual",
    "admin",
    "an",
    "and",
    "any",
    "at",
    "be",
    "before",
    "by",
    "bytes",
    "bit",
    "bits",
    "change",
    "changed",
    "character",
    "characters",
    "cookie",
    "do",
    "encryption",
    "exactly",
    "fixme",
    "for",
    "from",
    "generated",
    "in",
    "is",
    "it",
    "least",
    "long",
    "master",
    "me",
    "min",
    "minimum",
    "must",
    "not",
    "of",
    "on",
    "only",
    "or",
    "own",
    "please",
    "private",
    "prod",
    "production",
    "public",
    "real",
    "refresh",
    "replace",
    "replaced",
    "service",
    "session",
    "should",
    "sign",
    "signing",
    "tbd",
    "that",
    "the",
    "these",
    "this",
    "to",
    "todo",
    "updated",
    "with",
];

/// Prefixes of the keys of providers, in lower case.
const PREFIXES: &[&str] = &[
    "aiza", "akia", "ant", "dop", "ey", "ghp", "gho", "ghs", "github", "glpat", "gocspx", "gsk", "hf", "ls", "lsv",
    "live", "npm", "nvapi", "pat", "phc", "pk", "pplx", "proj", "re", "rk", "rnd", "rzp", "sbp", "sg", "sk", "svcacct",
    "v", "whsec", "xai", "xapp", "xoxb", "xoxp", "xoxa",
];

/// Every list with its bit.
const LISTS: [(&[&str], u8); 8] = [
    (NOUNS, NOUN),
    (BELONGINGS, BELONGING),
    (OWNERS, OWNER),
    (PLACES, PLACE),
    (VERBS, VERB),
    (QUALITIES, QUALITY),
    (CONNECTORS, CONNECTOR),
    (PREFIXES, PREFIX),
];

const NOUN: u8 = 1;
const BELONGING: u8 = 1 << 1;
const OWNER: u8 = 1 << 2;
const PLACE: u8 = 1 << 3;
const VERB: u8 = 1 << 4;
const QUALITY: u8 = 1 << 5;
const CONNECTOR: u8 = 1 << 6;
const PREFIX: u8 = 1 << 7;

/// The length of the longest word, in bytes.
const LONGEST: usize = 12;

/// Returns the bits of the lists that have the word. A large file has a hundred thousand values of several words each.
fn lists_of(word: &str) -> u8 {
    static ALL: LazyLock<HashMap<&str, u8>> = LazyLock::new(|| {
        let mut all = HashMap::new();
        for (list, bit) in LISTS {
            for word in list {
                *all.entry(*word).or_default() |= bit;
            }
        }
        all
    });
    if word.len() > LONGEST { 0 } else { ALL.get(word).copied().unwrap_or_default() }
}

pub(super) fn is_noun(word: &str) -> bool {
    lists_of(word) & NOUN != 0
}

pub(super) fn is_belonging(word: &str) -> bool {
    lists_of(word) & (NOUN | BELONGING) != 0
}

pub(super) fn is_owner(word: &str) -> bool {
    lists_of(word) & OWNER != 0
}

pub(super) fn is_place(word: &str) -> bool {
    lists_of(word) & PLACE != 0
}

pub(super) fn is_verb(word: &str) -> bool {
    lists_of(word) & VERB != 0
}

pub(super) fn is_quality(word: &str) -> bool {
    lists_of(word) & QUALITY != 0
}

pub(super) fn is_prefix(word: &str) -> bool {
    lists_of(word) & PREFIX != 0
}

/// Returns whether the word occurs in placeholders.
pub(super) fn is_known(word: &str) -> bool {
    lists_of(word) & !PREFIX != 0
}

/// Returns whether the word occurs in placeholders or is a provider's prefix.
pub(super) fn is_known_or_prefix(word: &str) -> bool {
    lists_of(word) != 0
}

/// Returns whether a piece between separators is a provider's prefix or a word that occurs in placeholders, with or
/// without a number: `sk`, `api03`, `eyJhbGciOi`.
pub(super) fn is_known_piece(piece: &str) -> bool {
    let small = piece.to_lowercase();
    let word = small.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let begins = ["eyj", "aiza", "akia"].iter().any(|start| small.starts_with(start)) && small.len() <= 12;
    word.is_empty() || begins || is_known_or_prefix(word)
}

/// Splits a text without separators into words that occur in placeholders: `yoursecretkey` → your, secret, key.
pub(super) fn segments(text: &str) -> Option<Vec<&str>> {
    if !text.is_ascii() || text.len() > 40 {
        return None;
    }
    // For each end, the start of the last word. Longer words are tried first.
    let mut starts: Vec<Option<usize>> = vec![None; text.len() + 1];
    starts[0] = Some(0);
    for end in 2..=text.len() {
        let longest = end.saturating_sub(LONGEST);
        starts[end] = (longest..end - 1).find(|&start| starts[start].is_some() && is_known(&text[start..end]));
    }
    let mut words = Vec::new();
    let mut end = text.len();
    while end > 0 {
        let start = starts[end]?;
        words.push(&text[start..end]);
        end = start;
    }
    words.reverse();
    Some(words)
}

#[cfg(test)]
mod tests {
    use crate::drift::placeholder::vocabulary::{LISTS, LONGEST, is_known, is_known_or_prefix, segments};

    #[test]
    fn every_word_is_found() {
        for word in LISTS.iter().flat_map(|(list, _)| *list) {
            assert!(is_known_or_prefix(word), "{word}");
        }
        let longest = LISTS.iter().flat_map(|(list, _)| *list).map(|word| word.len()).max();
        assert_eq!(longest, Some(LONGEST));
        assert!(!is_known("xoxb") && is_known_or_prefix("xoxb") && !is_known_or_prefix("organizations"));
    }

    #[test]
    fn longest_word_ends_a_text_without_separators() {
        assert_eq!(segments("yourorganization"), Some(vec!["your", "organization"]));
        assert_eq!(segments("yourorganizations"), None);
    }
}
