//! Sets many keys at once: each span is replaced, and the whole text is verified once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::edit::quoting::right_hand_sides;
use crate::drift::dotenv::edit::verify::{self, IntendedEdit, WrittenValue};
use crate::drift::dotenv::edit::{EditRefusal, is_writable_name, sh_reader, unwritten};
use crate::drift::dotenv::{Entry, LocalFile};

/// A key that exists, and its new value.
#[derive(Clone, Copy, Debug)]
pub struct NewValue<'v> {
    pub key: &'v str,
    pub value: &'v Secret,
}

/// The replacement of one right-hand side.
struct SpanEdit<'v> {
    new: NewValue<'v>,
    /// The offset of the key.
    at: usize,
    span: Range<usize>,
    right_hand_side: Zeroizing<String>,
}

impl LocalFile {
    /// Returns the file with other values for existing keys, and the keys that keep their values, each with the reason.
    /// The result is that of [`LocalFile::set`] for each key.
    pub fn set_all(&self, values: &[NewValue<'_>]) -> (Self, BTreeMap<String, EditRefusal>) {
        let mut refusals = BTreeMap::new();
        let plain = self.plain();
        let entries = EntryIndex::of(&plain);
        let mut accepted = Vec::new();
        for new in values {
            // Later groups only check this again for the keys that are likely to be written.
            match self.span_edit(&entries, *new) {
                Ok(_) => accepted.push(*new),
                Err(why) => drop(refusals.insert(new.key.to_owned(), why)),
            }
        }
        let file = self.set_group(&accepted, &mut refusals);
        (file, refusals)
    }

    /// Sets the keys together, or in two smaller groups if that is refused.
    fn set_group(&self, values: &[NewValue<'_>], refusals: &mut BTreeMap<String, EditRefusal>) -> Self {
        if let [one] = values {
            return self.set(one.key, one.value).unwrap_or_else(|why| {
                refusals.insert(one.key.to_owned(), why);
                self.reread(self.plain())
            });
        }
        self.set_together(values).unwrap_or_else(|_| {
            let (first, second) = values.split_at(values.len() / 2);
            self.set_group(first, refusals).set_group(second, refusals)
        })
    }

    fn set_together(&self, values: &[NewValue<'_>]) -> Result<Self, EditRefusal> {
        let plain = self.plain();
        if values.is_empty() {
            return Ok(self.reread(plain));
        }
        let entries = EntryIndex::of(&plain);
        let mut edits = Vec::with_capacity(values.len());
        for new in values {
            edits.push(self.span_edit(&entries, *new)?);
        }
        edits.sort_by_key(|edit| edit.span.start);
        if let Some(pair) = edits.windows(2).find(|pair| pair[1].at < pair[0].span.end) {
            return Err(EditRefusal::Entangled { key: pair[1].new.key.to_owned() });
        }
        let text = plain.text().expose();
        let added: usize = edits.iter().map(|edit| edit.right_hand_side.len()).sum();
        // Allocated at full size, because a string that grows leaves copies of secrets in memory.
        let mut new = String::with_capacity(text.len() + added);
        let mut intended = IntendedEdit { cut: Vec::new(), inserted: Vec::new(), written: Vec::new() };
        let mut kept = 0;
        for SpanEdit { new: NewValue { key, value }, at, span, right_hand_side } in &edits {
            new.push_str(&text[kept..*at]);
            let key_start = new.len();
            new.push_str(&text[*at..span.start]);
            let start = new.len();
            new.push_str(right_hand_side);
            kept = span.end;
            intended.cut.push((*at, span.clone()));
            intended.inserted.push(start..new.len());
            intended.written.push(WrittenValue { at: key_start, span: start..new.len(), key, value });
        }
        new.push_str(&text[kept..]);
        verify::verify(&plain, Secret::new(new), &intended, self.loader)
    }

    /// Returns the effective assignment of a key, with the spans of the plain reading, because a loader's own spans may
    /// include a comment.
    pub(super) fn effective_entry<'f>(&self, entries: &EntryIndex<'f>, key: &str) -> Result<&'f Entry, EditRefusal> {
        let entry = match self.entry(key) {
            Some(effective) => entries.at(key, effective.key_span.start),
            // The declared loader rejects the line, which is a reason to rewrite it.
            None => Some(entries.plain.entry(key).ok_or_else(|| EditRefusal::Absent { key: key.to_owned() })?),
        };
        let entry = entry.ok_or_else(|| EditRefusal::Entangled { key: key.to_owned() })?;
        entries.check_editable(entry)?;
        Ok(entry)
    }

    /// Returns the edit that writes the value with the best quoting. A value that is already there keeps its quoting.
    fn span_edit<'v>(&self, entries: &EntryIndex<'_>, new: NewValue<'v>) -> Result<SpanEdit<'v>, EditRefusal> {
        let NewValue { key, value } = new;
        if !is_writable_name(key) {
            return Err(EditRefusal::Name { key: key.to_owned() });
        }
        let entry = self.effective_entry(entries, key)?;
        let current = &entries.plain.text().expose()[entry.span.clone()];
        // Verification would refuse a right-hand side that `sh` runs, so it is written with other quotes.
        let is_current = entry.value == *value && sh_reader::reading(current).is_some();
        let right_hand_side = if is_current {
            Zeroizing::new(current.to_owned())
        } else {
            let sides = right_hand_sides(value, current, self.loader).map_err(|why| unwritten(key, why))?;
            sides.into_iter().next().ok_or_else(|| EditRefusal::Entangled { key: key.to_owned() })?
        };
        Ok(SpanEdit { new, at: entry.key_span.start, span: entry.span.clone(), right_hand_side })
    }
}

/// The assignments of a file by offset, and what prevents editing them.
pub(super) struct EntryIndex<'f> {
    plain: &'f LocalFile,
    by_key_start: HashMap<usize, usize>,
    /// The offsets of keys whose statements share text with another one.
    shared: HashSet<usize>,
    /// The first problem of each line.
    flaws: BTreeMap<usize, &'static str>,
}

impl<'f> EntryIndex<'f> {
    pub(super) fn of(plain: &'f LocalFile) -> Self {
        let starts = plain.entries.iter().enumerate().rev();
        let mut flaws = BTreeMap::new();
        for flaw in &plain.problems {
            flaws.entry(flaw.line).or_insert(flaw.description);
        }
        Self {
            plain,
            by_key_start: starts.map(|(index, entry)| (entry.key_span.start, index)).collect(),
            shared: shared(&plain.entries),
            flaws,
        }
    }

    pub(super) fn at(&self, key: &str, key_start: usize) -> Option<&'f Entry> {
        let entry = self.plain.entries.get(*self.by_key_start.get(&key_start)?)?;
        (entry.key == key).then_some(entry)
    }

    /// Refuses an assignment that shares text with another one or has a problem.
    pub(super) fn check_editable(&self, entry: &Entry) -> Result<(), EditRefusal> {
        let key = || entry.key.clone();
        if self.shared.contains(&entry.key_span.start) {
            return Err(EditRefusal::Entangled { key: key() });
        }
        let text = self.plain.text().expose();
        let last = entry.line + text[entry.key_span.start..entry.span.end].matches(['\n', '\r']).count();
        match self.flaws.range(entry.line..=last).next() {
            Some((_, what)) => Err(EditRefusal::Flawed { key: key(), what }),
            None => Ok(()),
        }
    }
}

/// Returns the offsets of keys whose statements overlap with that of another key.
fn shared(entries: &[Entry]) -> HashSet<usize> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.statement.start);
    let mut shared = HashSet::new();
    // The entry so far whose statement ends last. A statement that overlaps any earlier one overlaps this one.
    let mut longest: Option<&Entry> = None;
    for entry in sorted {
        if let Some(longest) = longest
            && entry.statement.start < longest.statement.end
            && entry.key_span.start != longest.key_span.start
        {
            shared.extend([entry.key_span.start, longest.key_span.start]);
        }
        if longest.is_none_or(|longest| entry.statement.end > longest.statement.end) {
            longest = Some(entry);
        }
    }
    shared
}
