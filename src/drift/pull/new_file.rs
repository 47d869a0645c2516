//! Writes the values into the text of a new `.env`, and proves that loaders read them back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::drift::dotenv::edit::{NewValue, single_line_comment};
use crate::drift::dotenv::source_text::BYTE_ORDER_MARK;
use crate::drift::dotenv::{Entry, Loader, LocalFile};
use crate::drift::phrases;
use crate::drift::pull::template_lines::TemplateSource;
use crate::drift::pull::{LeftKey, LeftReason, PullOrigin, PullSource, PulledKey, PulledValue};
use crate::drift::{Secret, Survey};

/// Keys that can't be written, each with the reason.
type Failures = BTreeMap<String, String>;

/// A file before the values are written into it.
#[derive(Clone, Copy)]
pub(super) struct NewFile<'s> {
    pub(super) survey: &'s Survey,
    /// The template, or a file without text.
    pub(super) file: &'s LocalFile,
    pub(super) has_template: bool,
}

impl NewFile<'_> {
    /// Returns the text with the values, and the keys that have them. A value that can't be written is added to the
    /// keys that are left.
    pub(super) fn text(self, mut values: Vec<PulledValue>, left: &mut Vec<LeftKey>) -> NewText {
        let mut unwritable = self.unwritable(&values);
        let mut unquotable = Failures::new();
        loop {
            move_to_left(&mut values, left, unwritable);
            let (filled, failed) = if self.has_template {
                self.filled_template(&values, &unquotable)
            } else {
                let (file, failed) = self.listed_keys(&values, left);
                (FilledFile { file, withheld: BTreeMap::new(), commented: Vec::new() }, failed)
            };
            let keys: HashSet<&str> = values.iter().map(|value| value.pulled.key.as_str()).collect();
            let known = unquotable.len();
            let (failed, of_template): (Failures, Failures) =
                failed.into_iter().partition(|(key, _)| keys.contains(key.as_str()));
            unquotable.extend(of_template);
            let is_quoted = unquotable.len() == known;
            unwritable = if failed.is_empty() && is_quoted { self.unread(&filled.file, &values) } else { failed };
            if unwritable.is_empty() && is_quoted {
                add_withheld(left, filled.withheld);
                let pulled = values.into_iter().map(|value| value.pulled).collect();
                return NewText { text: filled.file.text().clone(), pulled, commented: filled.commented };
            }
        }
    }

    /// Returns the keys whose values no file can contain, each with the reason.
    fn unwritable(self, values: &[PulledValue]) -> Failures {
        let empty = self.parsed(Secret::new(""));
        let failure = |PulledValue { pulled, value }: &PulledValue| {
            Some((pulled.key.clone(), empty.refusal(&pulled.key, value)?.reason()))
        };
        values.iter().filter_map(failure).collect()
    }

    /// Returns the template with each value in place of the template's own, and the keys whose lines can't be edited.
    fn filled_template(self, values: &[PulledValue], unquotable: &Failures) -> (FilledFile, Failures) {
        let text = self.file.text().expose();
        let plain = LocalFile::parse("", Secret::new(text.trim_start_matches(BYTE_ORDER_MARK)));
        let read = self.parsed(plain.text().clone());
        let written = values.iter().filter_map(|value| Some(read.entry(&value.pulled.key)?.key_span.start)).collect();
        let lines = TemplateSource { plain: &plain, read: &read, written: &written, refused: unquotable }.lines();
        let entries: HashMap<usize, &Entry> = plain.entries.iter().map(|entry| (entry.key_span.start, entry)).collect();
        let own = lines.unquoted.iter().filter_map(|key| {
            let entry = entries.get(&read.entry(key)?.key_span.start)?;
            Some(NewValue { key, value: &entry.value })
        });
        let new = values.iter().map(|value| NewValue { key: &value.pulled.key, value: &value.value });
        let (file, refusals) = self.parsed(lines.text).set_all(&new.chain(own).collect::<Vec<_>>());
        let failed = refusals.into_iter().map(|(key, why)| (key, why.reason())).collect();
        (FilledFile { file, withheld: lines.withheld, commented: lines.commented }, failed)
    }

    /// Returns a text with the keys below a comment for each origin, and the keys that can't be added.
    fn listed_keys(self, values: &[PulledValue], left: &[LeftKey]) -> (LocalFile, Failures) {
        let mut groups: BTreeMap<&PullOrigin, Vec<(String, Secret)>> = BTreeMap::new();
        for PulledValue { pulled, value } in values {
            groups.entry(&pulled.origin).or_default().push((pulled.key.clone(), value.clone()));
        }
        let empty = self.parsed(Secret::new(""));
        // Each group is written alone, so that the time is linear in their number. `unread` proves the whole file.
        let mut texts = vec![Secret::new(self.heading(left))];
        let mut failed = Failures::new();
        for (origin, pairs) in groups {
            match empty.add(&pairs, &origin.phrase()) {
                Ok(group) => texts.extend([Secret::new("\n"), group.text().clone()]),
                Err(why) => {
                    let alone = |pair: &(String, Secret)| {
                        Some((pair.0.clone(), empty.add(std::slice::from_ref(pair), "").err()?.reason()))
                    };
                    let found: Failures = pairs.iter().filter_map(alone).collect();
                    let all = || pairs.iter().map(|(key, _)| (key.clone(), why.reason())).collect();
                    failed.extend(if found.is_empty() { all() } else { found });
                }
            }
        }
        let texts: Vec<&str> = texts.iter().map(Secret::expose).collect();
        (self.parsed(Secret::new(texts.concat())), failed)
    }

    /// Returns the comments at the top of a file without a template. They name the keys that are left, never a value.
    fn heading(self, left: &[LeftKey]) -> String {
        let Survey { project, environment, .. } = self.survey;
        let mut lines = vec![format!("created by doctor pull: {}, {}", project.name, environment.name)];
        if !left.is_empty() {
            lines.push("left for you:".to_owned());
        }
        lines.extend(left.iter().map(|left| format!("- {}: {}", left.key, left.reason.phrase(&left.services))));
        lines.iter().map(|line| single_line_comment(line) + "\n").collect()
    }

    /// Returns the keys that a loader would not read back, each with the reason. The declared loader counts, or else
    /// all of them.
    fn unread(self, filled: &LocalFile, values: &[PulledValue]) -> Failures {
        let loaders = match self.file.loader() {
            Some(loader) => vec![loader],
            None => vec![Loader::Dotenvy, Loader::Python, Loader::Node],
        };
        let readings: Vec<_> = loaders.into_iter().map(|loader| filled.reading(loader)).collect();
        let duplicates: BTreeSet<&str> =
            filled.duplicates().iter().map(|group| filled.entries[group[0]].key.as_str()).collect();
        let is_unread =
            |value: &&PulledValue| readings.iter().any(|reading| reading.get(&value.pulled.key) != Some(&value.value));
        let unread = values.iter().filter(is_unread).map(|value| {
            let why = if duplicates.contains(value.pulled.key.as_str()) {
                "assigned more than once in the template, and loaders read different lines"
            } else {
                "loaders would read different values"
            };
            (value.pulled.key.clone(), why.to_owned())
        });
        unread.collect()
    }

    fn parsed(self, text: Secret) -> LocalFile {
        let file = LocalFile::parse(self.file.name.clone(), text);
        match self.file.loader() {
            Some(loader) => file.read_as(loader),
            None => file,
        }
    }
}

/// A file with values, and what was left out of it.
struct FilledFile {
    file: LocalFile,
    /// The keys whose lines are comments, each with the reason.
    withheld: BTreeMap<String, LeftReason>,
    commented: Vec<usize>,
}

/// The text of a new file.
pub(super) struct NewText {
    pub(super) text: Secret,
    /// The keys that get their value from Railway.
    pub(super) pulled: Vec<PulledKey>,
    /// The 1-based numbers of the template's lines that are comments now because they are not assignments.
    pub(super) commented: Vec<usize>,
}

/// Adds keys whose lines are comments to those that are left.
fn add_withheld(left: &mut Vec<LeftKey>, withheld: BTreeMap<String, LeftReason>) {
    let known: HashSet<String> = left.iter().map(|left| left.key.clone()).collect();
    let new = withheld.into_iter().filter(|(key, _)| !known.contains(key));
    left.extend(new.map(|(key, reason)| LeftKey { key, services: Vec::new(), reason }));
}

/// Moves these keys to those that are left.
fn move_to_left(values: &mut Vec<PulledValue>, left: &mut Vec<LeftKey>, mut failures: Failures) {
    values.retain(|value| match failures.remove(&value.pulled.key) {
        None => true,
        Some(why) => {
            let PulledKey { key, origin } = value.pulled.clone();
            left.push(LeftKey { key, services: origin.services, reason: LeftReason::Unwritable(why) });
            false
        }
    });
}

impl PullOrigin {
    /// Returns text such as `from api and worker`, `from Postgres, referenced by api`.
    pub fn phrase(&self) -> String {
        let names =
            |names: &mut dyn Iterator<Item = &String>| phrases::names(&names.map(String::as_str).collect::<Vec<_>>());
        let services = names(&mut self.services.iter());
        match &self.source {
            PullSource::Own => format!("from {services}"),
            PullSource::Shared => format!("from shared variables, referenced by {services}"),
            PullSource::Services(sources) => format!("from {}, referenced by {services}", names(&mut sources.iter())),
        }
    }
}
