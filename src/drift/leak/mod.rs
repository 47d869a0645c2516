//! What a commit would give away: a `.env` among the staged files, a real value in an example, a local value in any file.

mod name;
mod needle;
mod sample;

use std::cell::LazyCell;
use std::collections::BTreeSet;

use wildmatch::WildMatch;
use zeroize::Zeroizing;

use crate::drift::exposure::{is_public, secrets};
use crate::drift::finding::Place;
use crate::drift::indirect::is_indirect;
use crate::drift::local::{Entry, LocalFile};
use crate::drift::nature::{self, Nature};
use crate::drift::placeholder::is_unset;
use crate::drift::secret_like::is_secret_like;
use crate::drift::{Secret, form};
pub use name::{Kind, kind};
use needle::Needles;

/// The shortest local value that is looked for in staged files, in characters.
const SHORTEST: usize = 16;

/// The shortest under a secret-like key.
const SHORTEST_SECRET: usize = 8;

/// How much of a file tells whether it is text: git's own measure.
const BEGINNING: usize = 8000;

/// A staged file, as the index holds it.
#[derive(Debug)]
pub struct Staged {
    /// The path as a person would type it from the working folder.
    pub name: String,
    /// Its last part tells what it is.
    pub kind: Kind,
    /// What it holds; `None` for one that was too large to look into.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    /// Whether it is one of the files that the local values are from.
    pub is_source: bool,
}

/// One thing that a commit would give away. It never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leak {
    /// A `.env` would be committed.
    EnvFile {
        /// The file.
        file: String,
        /// The keys in it that hold secrets, each once.
        secrets: Vec<String>,
    },
    /// An example holds what was never meant as one.
    Example {
        /// Where.
        place: Place,
        /// The key there.
        key: String,
    },
    /// A file holds the local value of a key.
    Value {
        /// The file.
        file: String,
        /// 1-based; `None` in a file that is no text.
        line: Option<usize>,
        /// The key whose value it is.
        key: String,
        /// Where the value is from.
        source: Place,
    },
}

/// A file that holds local values, and how often: what the file held before decides whether that is news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Index of the staged file.
    pub file: usize,
    /// Index of the value.
    value: usize,
    /// How often it is there.
    times: usize,
    /// The 1-based line where it is first, if the file is text.
    line: Option<usize>,
}

/// The local values that no commit may hold.
#[derive(Debug)]
pub struct Known {
    values: Vec<(String, Place)>,
    needles: Needles,
}

impl Known {
    /// Those of these files that are long enough to be no word of ordinary text. Left out are placeholders, references, indirect values,
    /// addresses of this machine, what browsers get anyway, and the keys that `accepted` has: patterns of `*` and `?`.
    pub fn of(files: &[LocalFile], accepted: &[String]) -> Self {
        let (mut values, mut forms, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let accepted = Accepted::of(accepted);
        for file in files {
            for entry in file.entries.iter().filter(|entry| is_told(entry)) {
                if !accepted.has(&entry.key) && seen.insert((&entry.key, entry.value.reveal())) {
                    forms.extend(shortest(form::forms(entry.value.reveal())).map(|form| (values.len(), form)));
                    values.push((entry.key.clone(), Place { file: file.name.clone(), line: entry.line }));
                }
            }
        }
        Self { values, needles: Needles::new(forms) }
    }

    /// Which of them stand in which file. A file that they are from, or that is to be stopped by its name, is left out.
    pub fn hits(&self, staged: &[Staged]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (file, one) in staged.iter().enumerate() {
            let Some(bytes) = one.bytes.as_ref().filter(|_| !one.is_source && one.kind != Kind::EnvFile) else {
                continue;
            };
            let found = self.needles.find(bytes).into_iter();
            let lines = LazyCell::new(|| line_ends(bytes));
            let line = |offset: usize| lines.as_ref().map(|ends| ends.partition_point(|&end| end < offset) + 1);
            hits.extend(found.map(|(value, (times, offset))| Hit { file, value, times, line: line(offset) }));
        }
        hits
    }

    /// Those hits that are news: the file as it is in `HEAD` holds the value less often, or there is none.
    pub fn news<'h>(&self, hits: &'h [Hit], before: impl Fn(usize) -> Option<&'h [u8]>) -> Vec<&'h Hit> {
        let mut news: Vec<&Hit> = Vec::new();
        for of_file in hits.chunk_by(|one, other| one.file == other.file) {
            let before = before(of_file[0].file).map(|bytes| self.needles.find(bytes)).unwrap_or_default();
            let held = |hit: &&Hit| before.get(&hit.value).map_or(0, |(times, _)| *times);
            news.extend(of_file.iter().filter(|hit| hit.times > held(hit)));
        }
        news
    }

    /// A hit as it is told.
    pub fn leak(&self, hit: &Hit, staged: &[Staged]) -> Leak {
        let (key, source) = self.values[hit.value].clone();
        Leak::Value { file: staged[hit.file].name.clone(), line: hit.line, key, source }
    }
}

/// Where the lines of a text end; `None` for a file that is no text.
fn line_ends(bytes: &[u8]) -> Option<Vec<usize>> {
    let is_text = !bytes[..bytes.len().min(BEGINNING)].contains(&0);
    is_text.then(|| (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect())
}

/// Those of the forms of a value that begin with no other one: where they stand, that other one stands as well.
fn shortest(mut forms: Vec<Zeroizing<String>>) -> impl Iterator<Item = Zeroizing<String>> {
    // Sorted, a form comes before those that begin with it.
    forms.dedup_by(|form, before| form.starts_with(before.as_str()));
    forms.into_iter()
}

/// Keys that may be committed, by name and by patterns of `*` and `?`.
struct Accepted<'a> {
    names: BTreeSet<&'a str>,
    patterns: Vec<WildMatch>,
}

impl<'a> Accepted<'a> {
    fn of(keys: &'a [String]) -> Self {
        let (patterns, names): (Vec<&str>, Vec<&str>) =
            keys.iter().map(String::as_str).partition(|key| key.contains(['*', '?']));
        let patterns = patterns.into_iter().map(WildMatch::new).collect();
        Self { names: names.into_iter().collect(), patterns }
    }

    fn has(&self, key: &str) -> bool {
        self.names.contains(key) || self.patterns.iter().any(|pattern| pattern.matches(key))
    }
}

/// Whether a value is one that no commit may hold.
fn is_told(entry: &Entry) -> bool {
    let value = entry.value.reveal();
    let least = if is_secret_like(&entry.key) { SHORTEST_SECRET } else { SHORTEST };
    let is_reference = value.starts_with("${") && value.ends_with('}');
    value.chars().count() >= least
        && !value.trim().is_empty()
        && !is_reference
        && !is_indirect(value)
        && !is_public(&entry.key)
        && !is_unset(&entry.key, value)
        && nature::of(&entry.key, &entry.value) != Some(Nature::Host)
}

/// What staged files give away by what they are: a `.env`, or a real value in an example, unless `accepted` has its key.
/// Files that hold nothing but ciphertext are made to be committed.
pub fn of_names(staged: &[Staged], accepted: &[String]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    let accepted = Accepted::of(accepted);
    for one in staged.iter().filter(|one| one.kind != Kind::Other) {
        let text = one.bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let file = text.map(|text| LocalFile::parse(one.name.as_str(), Secret::new(text)));
        if one.bytes.as_ref().is_some_and(|bytes| sample::is_encrypted(bytes, file.as_ref())) {
            continue;
        }
        match (one.kind, &file) {
            (Kind::EnvFile, file) => {
                let mut keys: Vec<String> = file.iter().flat_map(secrets).map(|entry| entry.key.clone()).collect();
                let mut seen = BTreeSet::new();
                keys.retain(|key| seen.insert(key.clone()));
                leaks.push(Leak::EnvFile { file: one.name.clone(), secrets: keys });
            }
            (_, Some(file)) => {
                let real = secrets(file).filter(|entry| sample::is_real(entry) && !accepted.has(&entry.key));
                leaks.extend(real.map(|entry| {
                    let place = Place { file: one.name.clone(), line: entry.line };
                    Leak::Example { place, key: entry.key.clone() }
                }));
            }
            (_, None) => {}
        }
    }
    leaks
}

#[cfg(test)]
mod tests {
    use super::{Known, Leak, Staged, kind, of_names};
    use crate::drift::Secret;
    use crate::drift::local::LocalFile;

    fn staged(name: &str, text: impl AsRef<[u8]>) -> Staged {
        let bytes = Some(text.as_ref().to_vec().into());
        Staged { name: name.to_owned(), kind: kind(name), bytes, is_source: false }
    }

    fn told(leak: &Leak) -> String {
        match leak {
            Leak::EnvFile { file, secrets } => format!("{file} [{}]", secrets.join(" ")),
            Leak::Example { place, key } => format!("{}:{} {key}", place.file, place.line),
            Leak::Value { file, line, key, source } => {
                let line = line.map_or_else(|| "-".to_owned(), |line| line.to_string());
                format!("{file}:{line} {key} {}:{}", source.file, source.line)
            }
        }
    }

    fn values(env: &str, files: &[Staged], before: Option<&str>, accepted: &[&str]) -> Vec<String> {
        let accepted: Vec<String> = accepted.iter().map(|&pattern| pattern.to_owned()).collect();
        let known = Known::of(&[LocalFile::parse(".env", Secret::new(env))], &accepted);
        let hits = known.hits(files);
        let news = known.news(&hits, |_| before.map(str::as_bytes));
        news.iter().map(|hit| told(&known.leak(hit, files))).collect()
    }

    #[test]
    fn which_local_values_are_looked_for() {
        for (line, expected) in [
            ("NAME=sixteen-chars-ok", true),
            ("NAME=fifteen-charss", false),
            ("API_KEY=eight-ch", true),
            ("API_KEY=seven-c", false),
            ("NAME='ääääääääääääääää'", true),
            ("NAME='ääääääääääääääa'", false),
            ("API_KEY=<your-own-api-key>", false),
            ("API_KEY='${{shared.API_KEY}}'", false),
            ("DATABASE_URL=postgres://app:app@localhost:5432/app", false),
            ("DATABASE_URL=postgres://app:app@db.example.com:5432/app", true),
            ("NEXT_PUBLIC_MAPS_KEY=AIzaSyB-0123456789", false),
            ("NAME='                 '", false),
            ("API_KEY=op://dev/openai/credential", false),
            ("API_KEY='encrypted:BDqDBibm4wsYqMpCjTQ6'", false),
            ("API_KEY=vault:hunter2-hunter2", true),
        ] {
            let file = LocalFile::parse(".env", Secret::new(line));
            let text = format!("x = '{}'\n", file.entries[0].value.reveal());
            assert_eq!(values(line, &[staged("a.py", text)], None, &[]).len() == 1, expected, "{line}");
        }
    }

    #[test]
    fn a_value_is_found_anywhere_in_any_form_and_told_by_its_line() {
        let env = "# x\nAPI_KEY='k3y \"4\" you'\n";
        for (name, text, expected) in [
            ("a.py", "one\ntwo = 'k3y \"4\" you'\n", "a.py:2 API_KEY .env:2"),
            ("a.json", "{\"key\": \"k3y \\\"4\\\" you\"}", "a.json:1 API_KEY .env:2"),
            ("secret.yml", "data:\n  key: azN5ICI0IiB5b3U=\n", "secret.yml:2 API_KEY .env:2"),
            ("curl.sh", "-H 'Authorization: Basic dTprM3kgIjQiIHlvdQ=='", "curl.sh:1 API_KEY .env:2"),
            ("links.md", "https://x?key=k3y%20%224%22%20you", "links.md:1 API_KEY .env:2"),
            ("a.db", "\0\0\nk3y \"4\" you", "a.db:- API_KEY .env:2"),
            (".env.example", "API_KEY=k3y \"4\" you", ".env.example:1 API_KEY .env:2"),
        ] {
            assert_eq!(values(env, &[staged(name, text)], None, &[]), [expected], "{name}");
        }
        for text in ["k3y \"4\" yo", "K3Y \"4\" YOU", ""] {
            assert_eq!(values(env, &[staged("a.py", text)], None, &[]), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_value_counts_once_wherever_it_stands() {
        let known = Known::of(&[LocalFile::parse(".env", Secret::new("API_KEY=the-key-itself\n"))], &[]);
        for text in ["the-key-itself", "dGhlLWtleS1pdHNlbGY=", "OnRoZS1rZXktaXRzZWxm", "eDp0aGUta2V5LWl0c2VsZg=="] {
            let hits = known.hits(&[staged("a.py", text)]);
            assert_eq!(hits.iter().map(|hit| hit.times).collect::<Vec<_>>(), [1], "{text}");
        }
    }

    #[test]
    fn what_the_file_held_before_is_no_news() {
        let env = "API_KEY=the-key-itself\n";
        let file = || [staged("a.py", "the-key-itself, the-key-itself")];
        for (before, expected) in
            [(None, 1), (Some(""), 1), (Some("the-key-itself"), 1), (Some("the-key-itself the-key-itself"), 0)]
        {
            assert_eq!(values(env, &file(), before, &[]).len(), expected, "{before:?}");
        }
        assert_eq!(values(env, &file(), None, &["API_*"]), [""; 0], "it was said to be fine");
        let source = Staged { is_source: true, ..staged("keys.txt", env) };
        assert_eq!(values(env, &[source, staged(".env", env)], None, &[]), [""; 0]);
    }

    #[test]
    fn env_files_are_told_by_name_and_examples_by_what_they_hold() {
        for (name, text, expected) in [
            (".env", "A=1\nAPI_KEY=4f1c9a77\nAPI_KEY=4f1c9a78\n", &[".env [API_KEY]"][..]),
            ("api/.env.staging", "", &["api/.env.staging []"]),
            (".env", "\u{0}\u{0}", &[".env []"]),
            (".env.example", "API_KEY=\nDB_PASSWORD=changeme\nJWT_SECRET=your-256-bit-secret\n", &[]),
            (".env.sample", "A=1\nAPI_KEY=4f1c9a77b2d04e\n", &[".env.sample:2 API_KEY"]),
            ("config/prod.env", "PORT=1\nAPI_KEY=4f1c9a77b2d04e\n", &["config/prod.env:2 API_KEY"]),
            ("a.py", "API_KEY=4f1c9a77b2d04e\n", &[]),
            (".env", "DOTENV_PUBLIC_KEY=\"03a5\"\nAPI_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6\n", &[]),
            (".env", "API_KEY=op://dev/openai/credential\nDB_PASSWORD=vault:secret/data/app#pw\n", &[]),
            (".env", "API_KEY='ENC[AES256_GCM,data:Tr7o=,iv:1=]'\nsops_version=3.9.0\n", &[]),
            ("prod.env", "API_KEY=op://dev/openai/credential-4f1c9a77\n", &[]),
            (".env", "\0GITCRYPT\0abc", &[]),
            (".env", "API_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6\nB_KEY=plain\n", &[".env [B_KEY]"]),
        ] {
            let found: Vec<String> = of_names(&[staged(name, text)], &[]).iter().map(told).collect();
            assert_eq!(found, expected, "{name}: {text}");
        }
        let example = [staged(".env.sample", "API_KEY=4f1c9a77b2d04e\nOPS_KEY=4f1c9a77b2d04f\n")];
        let found: Vec<String> = of_names(&example, &["API_*".to_owned()]).iter().map(told).collect();
        assert_eq!(found, [".env.sample:2 OPS_KEY"], "the other was said to be fine");
    }
}
