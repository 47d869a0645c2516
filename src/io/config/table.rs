//! A table of `doctor.toml`, read key by key: what is there has its place, what is wrong is told without quoting a value.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::drift::similarity::close_matches;
use crate::error::Error;
use crate::io::config::At;
use crate::io::config::position::Positions;

/// The longest key that is repeated in a message; what is longer is no mistyped key, and could be a secret.
const LONGEST_KEY: usize = 40;

/// The text of the file and its name.
pub(super) struct ConfigSource<'s> {
    pub(super) name: &'s str,
    pub(super) positions: Positions<'s>,
}

impl ConfigSource<'_> {
    /// Returns an error at a byte of the file.
    pub(super) fn fault(&self, offset: usize, what: impl Into<String>, next: impl Into<String>) -> Error {
        let (line, column) = self.positions.of(offset);
        Error::Config { path: self.name.to_owned(), line, column, what: what.into(), help: next.into() }
    }

    /// Returns an error at the place of something that was read.
    pub(super) fn fault_at<T>(&self, at: &At<T>, what: impl Into<String>, next: impl Into<String>) -> Error {
        let At { line, column, .. } = *at;
        Error::Config { path: self.name.to_owned(), line, column, what: what.into(), help: next.into() }
    }

    /// Something that stands at a byte of the file.
    pub(super) fn at<T>(&self, offset: usize, value: T) -> At<T> {
        let (line, column) = self.positions.of(offset);
        At { value, line, column }
    }
}

pub(super) struct Table<'t> {
    pub(super) source: &'t ConfigSource<'t>,
    entries: &'t DeTable<'t>,
    /// How messages name it: `[services.api]`, `[[require]]`, or nothing for the top of the file.
    title: String,
    start: usize,
}

pub(super) struct Item<'t> {
    pub(super) key: &'t str,
    pub(super) key_start: usize,
    pub(super) value: &'t DeValue<'t>,
    pub(super) start: usize,
}

impl<'t> Table<'t> {
    /// Returns the top of the file.
    pub(super) fn top(source: &'t ConfigSource<'t>, entries: &'t DeTable<'t>) -> Self {
        Self { source, entries, title: String::new(), start: 0 }
    }

    /// Returns where the table starts; 1-based line.
    pub(super) fn line(&self) -> usize {
        self.source.positions.of(self.start).0
    }

    /// Returns every key with its value, in the order of the file.
    pub(super) fn items(&self) -> Vec<Item<'t>> {
        let mut items: Vec<_> = self.entries.iter().map(|(key, value)| item(key, value)).collect();
        items.sort_by_key(|item| item.key_start);
        items
    }

    /// Refuses the first key that is not one of these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.items().iter().find(|item| !known.contains(&item.key)) {
            None => Ok(()),
            Some(item) => Err(self.unknown(item, known)),
        }
    }

    fn unknown(&self, item: &Item<'_>, known: &[&str]) -> Error {
        if let Some((why, next)) = forbidden(item.key) {
            let what = format!("doctor.toml can't set `{}`: {why}", item.key);
            return self.source.fault(item.key_start, what, next);
        }
        let place =
            if self.title.is_empty() { "at the top of the file".to_owned() } else { format!("in {}", self.title) };
        let what = match shown(item.key) {
            Some(key) => format!("unknown key `{key}` {place}"),
            None => format!("unknown key {place}"),
        };
        self.source.fault(
            item.key_start,
            what,
            format!("{}use one of {}", did_you_mean(item.key, known), listed(known)),
        )
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Item<'t>> {
        self.entries.get_key_value(key).map(|(key, value)| item(key, value))
    }

    /// Returns an error about a value: what it must be, never what it is.
    pub(super) fn wrong(&self, item: &Item<'_>, expected: &str) -> Error {
        let what = format!("{} must be {expected}", self.called(item.key));
        self.source.fault(item.start, what, format!("correct {}", self.called(item.key)))
    }

    /// Returns how messages name a key of this table: `` `env-file` in [services.api] ``.
    pub(super) fn called(&self, key: &str) -> String {
        let key = shown(key).unwrap_or("this key");
        if self.title.is_empty() { format!("`{key}`") } else { format!("`{key}` in {}", self.title) }
    }

    /// Returns a key that has to be there.
    pub(super) fn required<T>(&self, key: &str, found: Option<T>, example: &str) -> Result<T, Error> {
        found.ok_or_else(|| {
            self.source.fault(self.start, format!("{} has no `{key}`", self.title), format!("add `{example}`"))
        })
    }

    /// Returns a string that is not empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<At<String>>, Error> {
        let Some(item) = self.get(key) else { return Ok(None) };
        match item.value.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(self.source.at(item.start, text.to_owned()))),
            _ => Err(self.wrong(&item, "a string that is not empty")),
        }
    }

    /// Returns a list of strings, neither of them empty.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<At<String>>>, Error> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let expected = "a list of strings that are not empty, such as [\"…\"]";
        let list = item.value.as_array().filter(|list| !list.is_empty());
        let mut texts = Vec::new();
        for value in list.ok_or_else(|| self.wrong(&item, expected))? {
            let start = value.span().start;
            let text = value.get_ref().as_str().filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| self.wrong(&Item { start, ..item }, expected))?;
            texts.push(self.source.at(start, text.to_owned()));
        }
        Ok(Some(texts))
    }

    /// Returns a string or a list of strings.
    pub(super) fn text_or_texts(&self, key: &str) -> Result<Option<Vec<At<String>>>, Error> {
        match self.get(key) {
            Some(item) if item.value.is_str() => Ok(self.text(key)?.map(|text| vec![text])),
            Some(item) if !item.value.is_array() => Err(self.wrong(&item, "a string or a list of strings")),
            _ => self.texts(key),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, Error> {
        let Some(item) = self.get(key) else { return Ok(None) };
        item.value.as_bool().map(Some).ok_or_else(|| self.wrong(&item, "true or false"))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, Error> {
        self.get(key).map(|item| self.choose(&item, words)).transpose()
    }

    /// Returns the meaning of a value that is one of a few words.
    pub(super) fn choose<T: Copy>(&self, item: &Item<'_>, words: &[(&str, T)]) -> Result<T, Error> {
        let given = item.value.as_str().unwrap_or_default();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == given) {
            return Ok(*meaning);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let quoted: Vec<String> = names.iter().map(|word| format!("\"{word}\"")).collect();
        let what = format!("{} must be one of {}", self.called(item.key), quoted.join(", "));
        let next = format!("{}correct {}", did_you_mean(given, &names), self.called(item.key));
        Err(self.source.fault(item.start, what, next))
    }

    /// Returns a table inside this one.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, Error> {
        self.get(key).map(|item| self.enter(&item)).transpose()
    }

    /// Returns the table that is that value.
    pub(super) fn enter(&self, item: &Item<'t>) -> Result<Self, Error> {
        let entries = item.value.as_table().ok_or_else(|| self.wrong(item, "a table"))?;
        Ok(Self { source: self.source, entries, title: format!("[{}]", self.path_of(item.key)), start: item.start })
    }

    /// Returns what each of the tables `[[key]]` inside this one says.
    pub(super) fn each<T>(&self, key: &str, read: impl Fn(&Self) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let Some(item) = self.get(key) else { return Ok(Vec::new()) };
        let title = format!("[[{}]]", self.path_of(item.key));
        let expected = format!("written as {title}, once for each");
        let list = item.value.as_array().ok_or_else(|| self.wrong(&item, &expected))?;
        let table = |value: &'t Spanned<DeValue<'t>>| {
            let start = value.span().start;
            let entries = value.get_ref().as_table().ok_or_else(|| self.wrong(&Item { start, ..item }, &expected))?;
            read(&Self { source: self.source, entries, title: title.clone(), start })
        };
        list.iter().map(table).collect()
    }

    fn path_of(&self, key: &str) -> String {
        let key = shown(key).unwrap_or("…");
        match self.title.trim_matches(['[', ']']) {
            "" => key.to_owned(),
            title => format!("{title}.{key}"),
        }
    }
}

fn item<'t>(key: &'t Spanned<toml::de::DeString<'t>>, value: &'t Spanned<DeValue<'t>>) -> Item<'t> {
    Item { key: key.get_ref(), key_start: key.span().start, value: value.get_ref(), start: value.span().start }
}

/// Returns a key that may be repeated in a message.
fn shown(key: &str) -> Option<&str> {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | ' ');
    (!key.is_empty() && key.chars().count() <= LONGEST_KEY && key.chars().all(plain)).then_some(key)
}

/// `did you mean X? `, or nothing.
pub(super) fn did_you_mean(word: &str, known: &[&str]) -> String {
    // Comparing takes the product of both lengths.
    let close = if word.len() > 2 * LONGEST_KEY { Vec::new() } else { close_matches(word, known, 1, 0.6) };
    close.first().map_or_else(String::new, |close| format!("did you mean `{close}`? "))
}

/// Returns a list of names as prose.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Keys that somebody may try, and that a checkout must not set: why, and what to do instead.
fn forbidden(key: &str) -> Option<(&'static str, &'static str)> {
    let key = key.to_ascii_lowercase().replace('_', "-");
    let names = |names: &[&str]| names.iter().any(|name| key == *name || key == format!("railway-{name}"));
    if names(&["token", "api-token", "access-token", "project-token", "account-token", "api-key", "password"]) {
        Some((
            "a token does not belong into a file of the repository",
            "remove it, make a new token if this file was shared, and set RAILWAY_TOKEN or RAILWAY_API_TOKEN instead",
        ))
    } else if names(&[
        "api-url",
        "url",
        "base-url",
        "api",
        "host",
        "endpoint",
        "proxy",
        "backboard-url",
        "insecure",
        "ca",
    ]) {
        Some((
            "a checkout must not choose where tokens go",
            "remove it; `--api-url URL` takes a loopback address, for tests",
        ))
    } else if names(&["command", "commands", "run", "exec", "script", "shell", "before", "after", "pre", "post"]) {
        Some(("doctor runs no command that a checkout names", "remove it"))
    } else {
        None
    }
}
