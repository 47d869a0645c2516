//! A table of `doctor.toml`, read key by key. Settings and errors have positions. Errors never quote a value.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::drift::similarity::close_matches;
use crate::error::{Error, Help};
use crate::io::config::At;
use crate::io::config::position::Positions;

/// The longest key that a message quotes. A longer one is not a typo, and could be a secret.
const LONGEST_KEY: usize = 40;

/// The kind of a TOML file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TomlKind {
    Config,
    Baseline,
}

impl TomlKind {
    /// Returns the help for an invalid value.
    fn help(self) -> Help {
        match self {
            Self::Config => Help::command("for all keys and their values, run:", "doctor schema config"),
            Self::Baseline => "correct this line, or restore the file".into(),
        }
    }
}

/// The name of the file and an index of its text.
pub(super) struct ConfigSource<'s> {
    pub(super) kind: TomlKind,
    pub(super) name: &'s str,
    pub(super) positions: Positions<'s>,
}

impl ConfigSource<'_> {
    /// Returns an error at a byte offset.
    pub(super) fn fault(&self, offset: usize, what: impl Into<String>, help: impl Into<Help>) -> Error {
        let (line, column) = self.positions.of(offset);
        Error::Config { path: self.name.into(), line, column, what: what.into(), help: help.into() }
    }

    /// Returns an error at the position of a setting.
    pub(super) fn fault_at<T>(&self, at: &At<T>, what: impl Into<String>, help: impl Into<Help>) -> Error {
        let At { line, column, .. } = *at;
        Error::Config { path: self.name.into(), line, column, what: what.into(), help: help.into() }
    }

    /// Returns a setting with the position of a byte offset.
    pub(super) fn at<T>(&self, offset: usize, value: T) -> At<T> {
        let (line, column) = self.positions.of(offset);
        At { value, line, column }
    }
}

pub(super) struct Table<'t> {
    pub(super) source: &'t ConfigSource<'t>,
    entries: &'t DeTable<'t>,
    /// The table's name in messages: `[services.api]`, `[[require]]`, or empty for the top level.
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
    /// Returns the top-level table.
    pub(super) fn top(source: &'t ConfigSource<'t>, entries: &'t DeTable<'t>) -> Self {
        Self { source, entries, title: String::new(), start: 0 }
    }

    /// Returns the 1-based line where the table starts.
    pub(super) fn line(&self) -> usize {
        self.source.positions.of(self.start).0
    }

    /// Returns all keys with their values, in the order of the file.
    pub(super) fn items(&self) -> Vec<Item<'t>> {
        let mut items: Vec<_> = self.entries.iter().map(|(key, value)| item(key, value)).collect();
        items.sort_by_key(|item| item.key_start);
        items
    }

    /// Rejects the first key that is not one of these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.items().iter().find(|item| !known.contains(&item.key)) {
            None => Ok(()),
            Some(item) => Err(self.unknown(item, known)),
        }
    }

    fn unknown(&self, item: &Item<'_>, known: &[&str]) -> Error {
        if let Some((cause, help)) = forbidden(item.key).filter(|_| self.source.kind == TomlKind::Config) {
            let what = format!("doctor.toml can't set `{}`: {cause}", item.key);
            return self.source.fault(item.key_start, what, help);
        }
        let help = format!("{}valid keys: {}", did_you_mean(item.key, known), listed(known));
        self.source.fault(item.key_start, self.with_name("unknown key", item.key), help)
    }

    /// Returns `problem` with the name of the key, if that may be quoted: ``unknown key `nmae` in [services.api]``.
    pub(super) fn with_name(&self, problem: &str, key: &str) -> String {
        let place = if self.title.is_empty() { "at the top level".to_owned() } else { format!("in {}", self.title) };
        match shown(key) {
            Some(key) => format!("{problem} `{key}` {place}"),
            None => format!("{problem} {place}"),
        }
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Item<'t>> {
        self.entries.get_key_value(key).map(|(key, value)| item(key, value))
    }

    /// Returns an error about a value. It states what is expected, and never quotes the value.
    pub(super) fn wrong(&self, item: &Item<'_>, expected: &str) -> Error {
        let what = format!("{} must be {expected}", self.called(item.key));
        self.source.fault(item.start, what, self.source.kind.help())
    }

    /// Returns the key's name in messages: `` `env-file` in [services.api] ``.
    pub(super) fn called(&self, key: &str) -> String {
        let key = shown(key).unwrap_or("this key");
        if self.title.is_empty() { format!("`{key}`") } else { format!("`{key}` in {}", self.title) }
    }

    /// Returns the value of a required key, or an error that the key is missing.
    pub(super) fn required<T>(&self, key: &str, found: Option<T>, example: &str) -> Result<T, Error> {
        found.ok_or_else(|| {
            self.source.fault(self.start, format!("{} is missing `{key}`", self.title), format!("add `{example}`"))
        })
    }

    /// Returns a non-empty string.
    pub(super) fn text(&self, key: &str) -> Result<Option<At<String>>, Error> {
        let Some(item) = self.get(key) else { return Ok(None) };
        match item.value.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(self.source.at(item.start, text.to_owned()))),
            _ => Err(self.wrong(&item, "a non-empty string")),
        }
    }

    /// Returns a non-empty list of non-empty strings.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<At<String>>>, Error> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let expected = "a non-empty list of non-empty strings, such as [\"…\"]";
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

    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, Error> {
        let Some(item) = self.get(key) else { return Ok(None) };
        item.value.as_bool().map(Some).ok_or_else(|| self.wrong(&item, "true or false"))
    }

    /// Returns the meaning of a key's value, which must be one of `values`.
    pub(super) fn choice<T: Copy>(&self, key: &str, values: &[(&str, T)]) -> Result<Option<T>, Error> {
        self.get(key).map(|item| self.choose(&item, values)).transpose()
    }

    /// Returns the meaning of a value, which must be one of `values`.
    pub(super) fn choose<T: Copy>(&self, item: &Item<'_>, values: &[(&str, T)]) -> Result<T, Error> {
        let given = item.value.as_str().unwrap_or_default();
        if let Some((_, meaning)) = values.iter().find(|(value, _)| *value == given) {
            return Ok(*meaning);
        }
        let names: Vec<&str> = values.iter().map(|(value, _)| *value).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let what = format!("{} must be one of {}", self.called(item.key), quoted.join(", "));
        let help = match did_you_mean(given, &names).trim_end() {
            "" => self.source.kind.help(),
            suggestion => suggestion.to_owned().into(),
        };
        Err(self.source.fault(item.start, what, help))
    }

    /// Returns a table inside this one.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, Error> {
        self.get(key).map(|item| self.enter(&item)).transpose()
    }

    /// Returns the table that is the value of an item.
    pub(super) fn enter(&self, item: &Item<'t>) -> Result<Self, Error> {
        let entries = item.value.as_table().ok_or_else(|| self.wrong(item, "a table"))?;
        Ok(Self { source: self.source, entries, title: format!("[{}]", self.path_of(item.key)), start: item.start })
    }

    /// Reads each of the tables `[[key]]` inside this one.
    pub(super) fn each<T>(&self, key: &str, read: impl Fn(&Self) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let Some(item) = self.get(key) else { return Ok(Vec::new()) };
        let title = format!("[[{}]]", self.path_of(item.key));
        let expected = format!("an array of tables, each written as {title}");
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

/// Returns the key if a message may quote it.
fn shown(key: &str) -> Option<&str> {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | ' ');
    (!key.is_empty() && key.chars().count() <= LONGEST_KEY && key.chars().all(plain)).then_some(key)
}

/// Returns `did you mean X? `, or an empty string if no known name is similar.
pub(super) fn did_you_mean(given: &str, known: &[&str]) -> String {
    // A comparison takes time proportional to the product of both lengths.
    let close = if given.len() > 2 * LONGEST_KEY { Vec::new() } else { close_matches(given, known, 1, 0.6) };
    close.first().map_or_else(String::new, |close| format!("did you mean `{close}`? "))
}

/// Returns names as a list between backticks.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns the cause and the help for a key that a checkout must not set.
fn forbidden(key: &str) -> Option<(&'static str, &'static str)> {
    let key = key.to_ascii_lowercase().replace('_', "-");
    let names = |names: &[&str]| names.iter().any(|name| key == *name || key == format!("railway-{name}"));
    if names(&["token", "api-token", "access-token", "project-token", "account-token", "api-key", "password"]) {
        Some((
            "tokens do not belong in a repository",
            "remove it, replace the token if this file was shared, and set RAILWAY_TOKEN or RAILWAY_API_TOKEN instead",
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
            "a checkout must not decide where tokens are sent",
            "remove it; `--api-url URL` accepts a loopback address, for tests",
        ))
    } else if names(&["command", "commands", "run", "exec", "script", "shell", "before", "after", "pre", "post"]) {
        Some(("doctor never runs commands from a checkout", "remove it"))
    } else {
        None
    }
}
