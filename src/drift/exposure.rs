//! Who else can get at a file: what git and the system say about it.

use crate::drift::indirect::{is_encryption_metadata, is_indirect};
use crate::drift::local::{Entry, LocalFile};
use crate::drift::nature;
use crate::drift::placeholder::is_unset;
use crate::drift::secret_like::{is_secret_like, words};

/// How a file in use is kept. Links are followed: it is about the file at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// What git makes of it.
    pub git: Git,
    /// Its permission bits; `None` on a system without them.
    pub mode: Option<u32>,
    /// Who can read it.
    pub readers: Readers,
    /// Where it really is, as a person would type it, if links lead there.
    pub end: Option<String>,
}

/// What git makes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Git {
    /// It is in the index, whatever the ignore rules say.
    Tracked,
    /// The ignore rules keep it out.
    Ignored,
    /// The next `git add` of its folder takes it along.
    NotIgnored,
    /// It lies in no repository.
    Outside,
    /// git could not be asked: why, without full stop.
    Unknown(String),
}

/// Who can read a file, by its own mode and those of the folders above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone, or the system has no modes to look at.
    Owner,
    /// The members of its group.
    Group,
    /// Every user of the machine.
    Everybody,
}

/// The secrets of a file: assignments of a secret-like key that are filled in.
pub fn secrets(file: &LocalFile) -> impl Iterator<Item = &Entry> {
    file.entries.iter().filter(|entry| is_secret_like(&entry.key) && !is_public(&entry.key) && is_filled(entry))
}

/// Keys that build tools and services put into the browser on purpose, and those that describe an encrypted file.
pub(crate) fn is_public(key: &str) -> bool {
    ["VITE_", "REACT_APP_", "GATSBY_", "VUE_APP_"].iter().any(|prefix| key.starts_with(prefix))
        || is_encryption_metadata(key)
        || words(key).iter().any(|word| matches!(word.as_str(), "PUBLIC" | "PUBLISHABLE" | "ANON"))
}

/// `TOKEN_TTL=3600` and `USE_AUTH=true` are settings; a reference, ciphertext and a local address give nothing away.
fn is_filled(entry: &Entry) -> bool {
    let value = entry.value.reveal().trim();
    let is_setting = (value.len() <= 5 && value.parse::<f64>().is_ok())
        || ["true", "false", "yes", "no", "on", "off", "none", "null"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word));
    let is_reference = value.starts_with("${") && value.ends_with('}');
    !value.is_empty()
        && !is_setting
        && !is_reference
        && !is_indirect(value)
        && !is_unset(&entry.key, value)
        && nature::of(&entry.key, &entry.value).is_none()
}

#[cfg(test)]
mod tests {
    use super::secrets;
    use crate::drift::Secret;
    use crate::drift::local::LocalFile;

    #[test]
    fn only_what_gives_something_away_is_a_secret() {
        for (line, expected) in [
            ("API_KEY=4f1c9a", true),
            ("DB_PASSWORD='correct horse'", true),
            ("PIN_SECRET=123456", true),
            ("PASSWORD=abc", true),
            ("SENTRY_DSN=https://abc@o1.ingest.sentry.io/1", true),
            ("API_KEY=", false),
            ("API_KEY='  '", false),
            ("API_KEY=changeme", false),
            ("API_KEY=<your key>", false),
            ("API_KEY='${{shared.API_KEY}}'", false),
            ("TOKEN_TTL=3600", false),
            ("USE_AUTH=true", false),
            ("AUTH_URL=http://localhost:3000/auth", false),
            ("NEXT_PUBLIC_MAPS_KEY=AIzaSyB", false),
            ("VITE_SUPABASE_KEY=eyJhbGc", false),
            ("STRIPE_PUBLISHABLE_KEY=pk_live_1", false),
            ("KEYBOARD=qwertz", false),
            ("NAME=shop", false),
            ("API_KEY=op://dev/openai/credential", false),
            ("API_KEY=\"encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3\"", false),
            ("API_KEY=encrypted:yes", true),
            ("API_KEY='https://u:${{ secrets.P }}@x.dev'", false),
            ("DOTENV_PUBLIC_KEY=03f8b376234c4f2f", false),
            ("sops_hc_vault__list_0__map_key_name=first-key", false),
            ("DOTENV_PRIVATE_KEY=7d3f9a8b7c6d5e4f", true),
        ] {
            let file = LocalFile::parse(".env", Secret::new(line));
            assert_eq!(secrets(&file).count() == 1, expected, "{line}");
        }
    }
}
