//! A changed text is read again by everybody before it is handed out.

use std::collections::HashSet;
use std::ops::Range;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::edit::refusal::EditRefusal;
use crate::drift::dotenv::edit::sh_reader::{Role, ShCharacter, Walk, Word, is_calm};
use crate::drift::dotenv::loader::{Body, Loader, Substitution};
use crate::drift::dotenv::python_reader::Edition;
use crate::drift::dotenv::source_text::BYTE_ORDER_MARK;
use crate::drift::dotenv::{Entry, LocalFile, Problem};

/// What a change is meant to do.
#[derive(Debug)]
pub(super) struct IntendedEdit<'e> {
    /// In the old text and in its order: where each key stands whose assignment is touched, and the bytes that go.
    pub(super) cut: Vec<(usize, Range<usize>)>,
    /// In the new text: the bytes that came.
    pub(super) inserted: Range<usize>,
    /// The values that must be read from it.
    pub(super) written: Vec<WrittenValue<'e>>,
}

/// A value and where it stands in the new text.
#[derive(Debug)]
pub(super) struct WrittenValue<'e> {
    /// Where the key stands.
    pub(super) at: usize,
    /// The right-hand side.
    pub(super) span: Range<usize>,
    pub(super) key: &'e str,
    pub(super) value: &'e Secret,
}

impl IntendedEdit<'_> {
    /// Whether a byte of the old text goes.
    fn cuts(&self, at: usize) -> bool {
        let before = self.cut.partition_point(|(_, cut)| cut.start <= at);
        before > 0 && self.cut[before - 1].1.contains(&at)
    }

    /// The key to name where no other is to blame.
    fn key(&self, old: &LocalFile) -> String {
        let cut = self.cut.first().and_then(|(at, _)| old.entries.iter().find(|entry| entry.key_span.start == *at));
        let cut = cut.map(|entry| entry.key.clone());
        cut.or_else(|| self.written.first().map(|written| written.key.to_owned())).unwrap_or_default()
    }
}

/// The new text as a file, if exactly what was meant has changed: every reading that counts gives each written key its
/// value and all other keys theirs, no line is broken that was not, and `sh` would run nothing of it.
pub(super) fn prove(
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
    if !plain.neighbours_are_the_same() || !no_new_flaw(&old.flaws, &new.flaws) {
        return entangled();
    }
    for (old, new) in views(before, loader).iter().zip(&views(after, loader)) {
        let (old, new) = (rows(old, before), rows(new, after));
        let view = BeforeAfter { old: &old, new: &new, edit };
        if !view.written_is_read() || !view.neighbours_are_kept() {
            return entangled();
        }
    }
    let new = match loader {
        Some(loader) => new.read_as(loader),
        None => new,
    };
    let counts = |written: &WrittenValue<'_>| new.entry(written.key).is_some_and(|entry| entry.value == *written.value);
    if edit.written.iter().all(counts) { Ok(new) } else { entangled() }
}

/// Every key that anybody reads.
pub(super) fn keys(file: &LocalFile) -> HashSet<String> {
    let views = views(file.text().expose(), None);
    let bindings = views.iter().flatten().map(|binding| binding.key.trim_start_matches(BYTE_ORDER_MARK).to_owned());
    bindings.chain(file.keys().map(str::to_owned)).collect()
}

/// What the declared loader makes of a text, or else what each does in each way that it is used.
fn views(text: &str, loader: Option<Loader>) -> Vec<Vec<Binding>> {
    let body = Body::of(text);
    if let Some(loader) = loader {
        return vec![body.bindings(loader)];
    }
    let editions = [Edition::Current, Edition::Classic];
    let ways = [Substitution::FromTheFile, Substitution::Off];
    let python = editions.into_iter().flat_map(|edition| ways.map(|way| (edition, way)));
    let mut views: Vec<_> = python.map(|(edition, way)| body.python(edition, way).bindings).collect();
    views.push(body.rust().bindings);
    views.push(body.node());
    views
}

/// An assignment in one reading.
#[derive(Clone, Copy)]
struct AssignmentRow<'t> {
    key: &'t str,
    value: Option<&'t Secret>,
    at: usize,
    written: &'t str,
}

impl AssignmentRow<'_> {
    /// Whether it is the same assignment in another text. What follows a `$` may move with what it names.
    fn is(&self, other: &AssignmentRow<'_>) -> bool {
        let same_value = self.value == other.value || self.written.contains('$');
        self.key == other.key && self.written == other.written && same_value
    }
}

/// What has a key, a value and a place.
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

/// One reading before and after.
struct BeforeAfter<'c> {
    old: &'c [AssignmentRow<'c>],
    new: &'c [AssignmentRow<'c>],
    edit: &'c IntendedEdit<'c>,
}

impl BeforeAfter<'_> {
    /// Those that were not to change, before and after.
    fn neighbours(&self) -> (Vec<&AssignmentRow<'_>>, Vec<&AssignmentRow<'_>>) {
        let cut = |row: &&AssignmentRow<'_>| self.edit.cut.binary_search_by_key(&row.at, |(at, _)| *at).is_err();
        let written = |row: &&AssignmentRow<'_>| !self.edit.written.iter().any(|written| written.at == row.at);
        (self.old.iter().filter(cut).collect(), self.new.iter().filter(written).collect())
    }

    fn neighbours_are_the_same(&self) -> bool {
        let (old, new) = self.neighbours();
        old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.is(new))
    }

    /// The same, or with lines of the file beside them that the old line had swallowed, if these give no key another value
    /// than it was read with.
    fn neighbours_are_kept(&self) -> bool {
        let (old, new) = self.neighbours();
        let mut expected = old.iter().peekable();
        let is_freed = |row: &AssignmentRow<'_>| {
            let contradicts = old.iter().any(|old| old.key == row.key && old.value != row.value);
            !self.edit.cut.is_empty() && !self.edit.inserted.contains(&row.at) && !contradicts
        };
        new.into_iter().all(|row| expected.next_if(|old| old.is(row)).is_some() || is_freed(row))
            && expected.next().is_none()
    }

    fn written_is_read(&self) -> bool {
        self.edit.written.iter().all(|written| {
            let row = self.new.iter().find(|row| row.at == written.at);
            row.is_some_and(|row| {
                row.key.trim_start_matches(BYTE_ORDER_MARK) == written.key && row.value == Some(written.value)
            })
        })
    }
}

fn no_new_flaw(old: &[Problem], new: &[Problem]) -> bool {
    let mut old = old.iter();
    new.iter().all(|new| old.any(|old| (old.what, &old.key) == (new.what, &new.key)))
}

/// The key for whose sake `sh`, told to read the new text, would run or expand what was written, or something that it
/// did not before.
fn run_by_shell(file: &LocalFile, after: &str, edit: &IntendedEdit<'_>) -> Option<String> {
    let [old, new] = [file.text().expose(), after].map(Walk::through);
    if let Some(written) = edit.written.iter().find(|written| !is_inert(&new, &written.span)) {
        return Some(written.key.to_owned());
    }
    // The whole of an addition, or only the value that `is_inert` has looked at.
    let added = edit.cut.is_empty() && !is_calm(new.within(&edit.inserted));
    let view = |step: &ShCharacter| (step.role, step.word, step.quote);
    let kept = old.steps.iter().filter(|step| !edit.cuts(step.at));
    let outside = new.steps.iter().filter(|step| !edit.inserted.contains(&step.at));
    let same = kept.map(view).eq(outside.map(view));
    // A closed quote may turn all the quotes below inside out.
    let turned = !same && !is_calm(new.within(&(edit.inserted.end..after.len())));
    (added || turned).then(|| edit.key(file))
}

/// Whether a value only stands there, and leaves the quotes around it as they are.
fn is_inert(walk: &Walk, span: &Range<usize>) -> bool {
    let alone = |step: &ShCharacter| match step.word {
        None => true,
        // `KEY = value` runs `KEY`, if anything; `KEY= value` would run the value.
        Some(word) => word == Word::Argument && step.at == span.start,
    };
    walk.quote(span.start) == walk.quote(span.end)
        && walk.within(span).iter().all(|step| step.role != Role::Live && alone(step))
}
