//! Verifies an edited text: every loader and `sh` read it again before it is returned.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::edit::refusal::EditRefusal;
use crate::drift::dotenv::edit::sh_reader::{Role, ShCharacter, Walk, Word, is_inactive};
use crate::drift::dotenv::loader::{Body, Loader, Substitution};
use crate::drift::dotenv::python_reader::Edition;
use crate::drift::dotenv::source_text::BYTE_ORDER_MARK;
use crate::drift::dotenv::{Entry, LocalFile, Problem};

/// The intended effect of an edit.
#[derive(Debug)]
pub(super) struct IntendedEdit<'e> {
    /// In the old text, in order: for each changed assignment, the offset of its key and the bytes to remove.
    pub(super) cut: Vec<(usize, Range<usize>)>,
    /// The added bytes, in the new text and in order.
    pub(super) inserted: Vec<Range<usize>>,
    /// The values that must be read from the new text, in order.
    pub(super) written: Vec<WrittenValue<'e>>,
}

/// A value and its position in the new text.
#[derive(Debug)]
pub(super) struct WrittenValue<'e> {
    /// The offset of the key.
    pub(super) at: usize,
    /// The right-hand side.
    pub(super) span: Range<usize>,
    pub(super) key: &'e str,
    pub(super) value: &'e Secret,
}

impl IntendedEdit<'_> {
    /// Returns whether the byte of the old text at the offset is removed.
    fn cuts(&self, at: usize) -> bool {
        let before = self.cut.partition_point(|(_, cut)| cut.start <= at);
        before > 0 && self.cut[before - 1].1.contains(&at)
    }

    /// Returns whether the byte of the new text at the offset is added.
    fn inserts(&self, at: usize) -> bool {
        let before = self.inserted.partition_point(|added| added.start <= at);
        before > 0 && self.inserted[before - 1].contains(&at)
    }

    /// Returns whether a written key is at that offset of the new text.
    fn writes(&self, at: usize) -> bool {
        self.written.binary_search_by_key(&at, |written| written.at).is_ok()
    }

    /// Returns whether each problem of the new text is an old one. A removal leaves only what the user wrote, so then
    /// only problems for the declared loader count.
    fn causes_no_flaw(&self, old: &[Problem], new: &[Problem], loader: Option<Loader>) -> bool {
        let loader = loader.filter(|_| self.written.is_empty());
        let counts = |flaw: &&Problem| loader.is_none_or(|loader| flaw.concerns(loader));
        let mut old = old.iter();
        new.iter().filter(counts).all(|new| old.any(|old| (old.description, &old.key) == (new.description, &new.key)))
    }

    /// Returns the key to name in a refusal that concerns no particular key.
    fn key(&self, old: &LocalFile) -> String {
        let cut = self.cut.first().and_then(|(at, _)| old.entries.iter().find(|entry| entry.key_span.start == *at));
        let cut = cut.map(|entry| entry.key.clone());
        cut.or_else(|| self.written.first().map(|written| written.key.to_owned())).unwrap_or_default()
    }
}

/// Returns the new text as a file if exactly the intended change happened: each relevant loader reads the new value of
/// each written key and the old value of every other key, there is no new problem, and `sh` would not run any of it.
pub(super) fn verify(
    old: &LocalFile,
    new_text: Secret,
    edit: &IntendedEdit<'_>,
    loader: Option<Loader>,
) -> Result<LocalFile, EditRefusal> {
    let new = LocalFile::parse(old.name.clone(), new_text);
    let (before, after) = (old.text().expose(), new.text().expose());
    if let Some(key) = run_by_shell(old, after, edit) {
        return Err(EditRefusal::Runs { key });
    }
    let entangled = || Err(EditRefusal::Entangled { key: edit.key(old) });
    let [entries, entries_now] = [old, &new].map(|file| rows(&file.entries, file.text().expose()));
    let plain = BeforeAfter { old: &entries, new: &entries_now, edit };
    if !plain.others_are_equal() || !edit.causes_no_flaw(&old.problems, &new.problems, loader) {
        return entangled();
    }
    for (old, new) in views(before, loader).iter().zip(&views(after, loader)) {
        let (old, new) = (rows(old, before), rows(new, after));
        let view = BeforeAfter { old: &old, new: &new, edit };
        if !view.written_is_read() || !view.others_are_kept() {
            return entangled();
        }
    }
    let new = match loader {
        Some(loader) => new.read_as(loader),
        None => new,
    };
    let is_effective =
        |written: &WrittenValue<'_>| new.entry(written.key).is_some_and(|entry| entry.value == *written.value);
    if edit.written.iter().all(is_effective) { Ok(new) } else { entangled() }
}

/// Returns every key that any loader reads.
pub(super) fn keys(file: &LocalFile) -> HashSet<String> {
    let views = views(file.text().expose(), None);
    let bindings = views.iter().flatten().map(|binding| binding.key.trim_start_matches(BYTE_ORDER_MARK).to_owned());
    bindings.chain(file.keys().map(str::to_owned)).collect()
}

/// Returns the text as the declared loader reads it, or else as every loader reads it in each of its editions and
/// modes.
fn views(text: &str, loader: Option<Loader>) -> Vec<Vec<Binding>> {
    let body = Body::of(text);
    if let Some(loader) = loader {
        return vec![body.bindings(loader)];
    }
    let editions = [Edition::Current, Edition::Classic];
    let modes = [Substitution::FromTheFile, Substitution::Off];
    let python = editions.into_iter().flat_map(|edition| modes.map(|mode| (edition, mode)));
    let mut views: Vec<_> = python.map(|(edition, mode)| body.python(edition, mode).bindings).collect();
    views.push(body.rust().bindings);
    views.push(body.node());
    views
}

/// An assignment as one loader reads it.
#[derive(Clone, Copy)]
struct AssignmentRow<'t> {
    key: &'t str,
    value: Option<&'t Secret>,
    at: usize,
    written: &'t str,
}

impl AssignmentRow<'_> {
    /// Returns whether it is the same assignment in another text. A value with a `$` may change with the variable that
    /// it refers to.
    fn is(&self, other: &AssignmentRow<'_>) -> bool {
        let same_value = self.value == other.value || self.written.contains('$');
        self.key == other.key && self.written == other.written && same_value
    }
}

/// An [`Entry`] or a [`Binding`].
trait Assignment {
    fn row<'t>(&'t self, text: &'t str) -> AssignmentRow<'t>;
}

impl Assignment for Entry {
    fn row<'t>(&'t self, text: &'t str) -> AssignmentRow<'t> {
        AssignmentRow {
            key: &self.key,
            value: Some(&self.value),
            at: self.key_span.start,
            written: &text[self.span.clone()],
        }
    }
}

impl Assignment for Binding {
    fn row<'t>(&'t self, text: &'t str) -> AssignmentRow<'t> {
        AssignmentRow {
            key: &self.key,
            value: self.value.as_ref(),
            at: self.key_span.start,
            written: &text[self.span.clone()],
        }
    }
}

fn rows<'t, A: Assignment>(assignments: &'t [A], text: &'t str) -> Vec<AssignmentRow<'t>> {
    assignments.iter().map(|assignment| assignment.row(text)).collect()
}

/// The assignments that one loader reads before and after the edit.
struct BeforeAfter<'c> {
    old: &'c [AssignmentRow<'c>],
    new: &'c [AssignmentRow<'c>],
    edit: &'c IntendedEdit<'c>,
}

impl BeforeAfter<'_> {
    /// Returns the assignments that the edit must not change, before and after.
    fn others(&self) -> (Vec<&AssignmentRow<'_>>, Vec<&AssignmentRow<'_>>) {
        let cut = |row: &&AssignmentRow<'_>| self.edit.cut.binary_search_by_key(&row.at, |(at, _)| *at).is_err();
        let written = |row: &&AssignmentRow<'_>| !self.edit.writes(row.at);
        (self.old.iter().filter(cut).collect(), self.new.iter().filter(written).collect())
    }

    fn others_are_equal(&self) -> bool {
        let (old, new) = self.others();
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.is(new))
    }

    /// Returns whether the other assignments are equal, apart from lines that were part of the old assignment and are
    /// now read separately. Those must not change the value of another key.
    fn others_are_kept(&self) -> bool {
        let (old, new) = self.others();
        let mut expected = old.iter().peekable();
        let is_freed = |row: &AssignmentRow<'_>| {
            let contradicts = old.iter().any(|old| old.key == row.key && old.value != row.value);
            !self.edit.cut.is_empty() && !self.edit.inserts(row.at) && !contradicts
        };
        new.into_iter().all(|row| expected.next_if(|old| old.is(row)).is_some() || is_freed(row))
            && expected.next().is_none()
    }

    fn written_is_read(&self) -> bool {
        let rows: HashMap<usize, &AssignmentRow<'_>> = self.new.iter().rev().map(|row| (row.at, row)).collect();
        self.edit.written.iter().all(|written| {
            rows.get(&written.at).is_some_and(|row| {
                row.key.trim_start_matches(BYTE_ORDER_MARK) == written.key && row.value == Some(written.value)
            })
        })
    }
}

/// Returns the key to blame if `sh`, when it sources the new text, would run or expand what was written, or anything
/// that it did not run or expand before.
fn run_by_shell(file: &LocalFile, after: &str, edit: &IntendedEdit<'_>) -> Option<String> {
    let [old, new] = [file.text().expose(), after].map(Walk::through);
    if let Some(written) = edit.written.iter().find(|written| !is_inert(&new, &written.span)) {
        return Some(written.key.to_owned());
    }
    // An addition is checked as a whole. For a new value, `is_inert` above is enough.
    let added = edit.cut.is_empty() && edit.inserted.iter().any(|range| !is_inactive(new.within(range)));
    let view = |step: &ShCharacter| (step.role, step.word, step.quote);
    let kept = old.steps.iter().filter(|step| !edit.cuts(step.at));
    let outside = new.steps.iter().filter(|step| !edit.inserts(step.at));
    let same = kept.map(view).eq(outside.map(view));
    // A quote that was closed or opened may swap quoted and unquoted text on all lines below.
    let below = edit.inserted.first().map_or(after.len(), |first| first.end);
    let is_swapped = !same && !is_inactive(new.within(&(below..after.len())));
    (added || is_swapped).then(|| edit.key(file))
}

/// Returns whether `sh` neither runs nor expands any of the value, and its quotes are balanced.
fn is_inert(walk: &Walk, span: &Range<usize>) -> bool {
    let alone = |step: &ShCharacter| match step.word {
        None => true,
        // `KEY = value` runs `KEY`, if anything; `KEY= value` would run the value.
        Some(word) => word == Word::Argument && step.at == span.start,
    };
    walk.quote(span.start) == walk.quote(span.end)
        && walk.within(span).iter().all(|step| step.role != Role::Live && alone(step))
}
