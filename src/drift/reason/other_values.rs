//! Finds a value under another key or on another service.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use crate::drift::comparison::Pair;
use crate::drift::dotenv::LocalFile;
use crate::drift::reason::text::expanded;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::{Secret, Survey, Target, phrases};

/// Looks up differing values elsewhere in a survey. The index is built once, on first use, and contains only the values
/// that can be looked up, so that each lookup is one hash access.
#[derive(Debug)]
pub struct OtherValues<'s> {
    survey: &'s Survey,
    wanted: WantedTexts<'s>,
    index: OnceCell<ValueIndex<'s>>,
}

/// The values that can be looked up: in most projects, very few of up to a hundred thousand.
#[derive(Default)]
struct WantedTexts<'s> {
    /// Local values, looked up on Railway.
    on_railway: HashSet<&'s str>,
    /// Stored values, looked up in files.
    in_files: HashSet<&'s str>,
}

/// [`OtherValues`] for one key of one service.
#[derive(Clone, Copy, Debug)]
pub struct ValueLookup<'o, 's> {
    others: &'o OtherValues<'s>,
    target: &'s Target,
    key: &'s str,
    /// The file that has the local value.
    file: &'s LocalFile,
}

// `Debug` is written by hand, because the borrowed values must never be shown.
impl std::fmt::Debug for WantedTexts<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WantedTexts")
    }
}

#[derive(Default)]
struct ValueIndex<'s> {
    /// Service id and value → the first key that has it there.
    stored: HashMap<(&'s str, &'s str), &'s str>,
    /// Key and value → the services that have it.
    services: HashMap<(&'s str, &'s str), Vec<&'s str>>,
    /// Value → the first service and key that have it.
    anywhere: HashMap<&'s str, (&'s str, &'s str)>,
    /// File and value → the first key that has it there.
    local: HashMap<(usize, &'s str), &'s str>,
}

impl std::fmt::Debug for ValueIndex<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ValueIndex")
    }
}

impl<'s> OtherValues<'s> {
    /// Creates the lookup for these differing pairs.
    pub fn of(survey: &'s Survey, differing: &[Pair<'s>]) -> Self {
        let mut wanted = WantedTexts::default();
        for pair in differing {
            wanted
                .on_railway
                .extend(distinctive(pair.local_value()).filter(|_| pair.local.file.from_checkout.is_none()));
            wanted.in_files.extend(pair.variable.effective().and_then(distinctive));
        }
        Self { survey, wanted, index: OnceCell::new() }
    }

    /// Returns the lookup for the key of this pair.
    pub fn around(&self, pair: &Pair<'s>) -> ValueLookup<'_, 's> {
        ValueLookup { others: self, target: pair.target, key: pair.key, file: pair.local.file }
    }

    fn index(&self) -> &ValueIndex<'s> {
        self.index.get_or_init(|| ValueIndex::of(self.survey, &self.wanted))
    }
}

impl<'s> ValueIndex<'s> {
    fn of(survey: &'s Survey, wanted: &WantedTexts<'s>) -> Self {
        let mut index = Self::default();
        for target in survey.readable() {
            let (id, name) = (target.service.id.as_str(), target.service.name.as_str());
            for (key, variable) in target.stored.iter().flatten() {
                let Some(value) = variable.effective().map(Secret::expose) else { continue };
                if !wanted.on_railway.contains(value) {
                    continue;
                }
                index.stored.entry((id, value)).or_insert(key);
                index.services.entry((key, value)).or_default().push(name);
                index.anywhere.entry(value).or_insert((name, key));
            }
        }
        for (number, file) in survey.files.iter().enumerate().filter(|(_, file)| file.from_checkout.is_none()) {
            for entry in &file.entries {
                let counts = file.entry(&entry.key).is_some_and(|last| last.line == entry.line);
                let value = entry.value.expose();
                if counts && wanted.in_files.contains(value) {
                    index.local.entry((number, value)).or_insert(&entry.key);
                }
            }
        }
        index
    }
}

impl ValueLookup<'_, '_> {
    /// Returns why two values differ, from the values of other keys and services.
    pub fn reason(&self, local: &Secret, stored: &Secret) -> Option<Reason> {
        self.expansion(local, stored).or_else(|| self.stored_elsewhere(local)).or_else(|| self.local_elsewhere(stored))
    }

    /// Substituting loaders take the values from the same files.
    fn expansion(&self, local: &Secret, stored: &Secret) -> Option<Reason> {
        let lookup = |name: &str| {
            let found = self.others.survey.local(self.target, name)?;
            Some(found.entry.value.expose())
        };
        let text = expanded(local.expose(), stored.expose().len(), lookup)?;
        (text.as_str() == stored.expose()).then_some(Reason::Expansion(ReasonSide::Local))
    }

    fn stored_elsewhere(&self, local: &Secret) -> Option<Reason> {
        let value = distinctive(local).filter(|_| self.file.from_checkout.is_none())?;
        let index = self.others.index();
        if let Some(key) = index.stored.get(&(self.target.service.id.as_str(), value)) {
            return Some(Reason::StoredKey((*key).to_owned()));
        }
        if let Some(services) = index.services.get(&(self.key, value)) {
            return Some(Reason::OtherService(phrases::names(services)));
        }
        let (service, key) = index.anywhere.get(value)?;
        Some(Reason::OtherServiceKey { service: (*service).to_owned(), key: (*key).to_owned() })
    }

    fn local_elsewhere(&self, stored: &Secret) -> Option<Reason> {
        let value = distinctive(stored)?;
        let index = self.others.index();
        let key = self.target.layers.iter().rev().find_map(|&layer| index.local.get(&(layer, value)))?;
        // A lower layer may have the value under the same key and be overridden.
        (*key != self.key).then(|| Reason::LocalKey((*key).to_owned()))
    }
}

/// Returns the text unless it is short or a number: finding `true` or `8080` elsewhere means nothing.
fn distinctive(value: &Secret) -> Option<&str> {
    let text = value.expose();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b".,:-+ ".contains(&byte));
    (text.len() >= 8 && !is_number).then_some(text)
}
