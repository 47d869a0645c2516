//! Finds keys for which dotenvy, python-dotenv and node's dotenv read different values.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::drift::Secret;
use crate::drift::dotenv::agreed_spelling::Spelling;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::disagreement_cause::{self, CauseKind, is_plain};
use crate::drift::dotenv::dotenvy_reader::DotenvyReading as RustReading;
use crate::drift::dotenv::loader::{Body, Loader, Substitution, first_wins, last_wins};
use crate::drift::dotenv::pasted_fragment;
use crate::drift::dotenv::plain_text;
use crate::drift::dotenv::problem::covering;
use crate::drift::dotenv::python_reader::{Edition, PythonReading};
use crate::drift::dotenv::source_text::{BYTE_ORDER_MARK, Lines};
use crate::drift::dotenv::{Entry, LocalFile};

/// How a loader reads a key, compared with the value of [`LocalFile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyReading {
    /// The same value, or also none.
    Same,
    /// Another value.
    Different,
    /// No value: it rejects the line.
    Refused,
    /// No value: it parses the line, but does not find the key.
    Missing,
    /// python-dotenv 1.2.4 and later read the same value; 1.2.2 and earlier do not.
    OnlyRecent,
}

/// A key for which loaders read different values.
#[derive(Clone, Debug)]
pub struct Disagreement {
    pub key: String,
    /// The index of its effective entry; `None` if [`LocalFile`] does not have the key, but some loader does.
    pub entry: Option<usize>,
    /// 1-based line of the assignment.
    pub line: usize,
    /// How each loader reads it, in the order of [`Loader::ALL`].
    pub readings: [(Loader, KeyReading); 3],
    /// Why they differ.
    pub kind: CauseKind,
    /// 1-based line of the statement that includes this line for some loader.
    pub part_of_line: Option<usize>,
    /// The spelling from which all of them read the value of [`LocalFile`], if there is one.
    pub spelling: Option<Spelling>,
}

impl Disagreement {
    /// Returns how the loader reads the key.
    pub fn reading(&self, loader: Loader) -> KeyReading {
        self.readings
            .into_iter()
            .find(|(other, _)| *other == loader)
            .map_or(KeyReading::Missing, |(_, reading)| reading)
    }

    /// Returns how to fix it, without quoting the value.
    pub fn advice(&self) -> &'static str {
        self.kind.advice(self.spelling)
    }
}

/// A text as read by every loader.
struct LoaderViews {
    dotenvy: RustReading,
    python: PythonReading,
    classic: PythonReading,
    /// Both editions without substitution, because `interpolate=False` is also common. `None` if the text has no `$`,
    /// so that the result would be the same.
    plain: Option<[PythonReading; 2]>,
    node: Vec<Binding>,
    has_mark: bool,
}

/// A key to compare: its entry, or the offset at which some loader reads it.
struct SuspectKey<'v> {
    key: &'v str,
    entry: Option<usize>,
    at: usize,
}

/// Compares all readings of a file.
pub fn find(file: &LocalFile) -> Vec<Disagreement> {
    if plain_text::is_plain(file) { Vec::new() } else { find_by_parsing(file) }
}

/// Compares all readings of a file, which may contain anything.
pub(super) fn find_by_parsing(file: &LocalFile) -> Vec<Disagreement> {
    let body = Body::of(file.text().expose());
    let views = LoaderViews {
        dotenvy: body.rust(),
        python: body.python(Edition::Current, Substitution::FromTheFile),
        classic: body.python(Edition::Classic, Substitution::FromTheFile),
        plain: file
            .text()
            .expose()
            .contains('$')
            .then(|| [Edition::Current, Edition::Classic].map(|edition| body.python(edition, Substitution::Off))),
        node: body.node(),
        has_mark: body.has_mark(),
    };
    let comparison = KeyReadings::of(file, &views);
    let lines = Lines::of(file.text().expose());
    let mut found = Vec::new();
    for suspect in suspects(file, &views) {
        let readings = Loader::ALL.map(|loader| (loader, comparison.reading(&suspect, loader)));
        if readings.iter().all(|&(_, reading)| reading == KeyReading::Same) {
            continue;
        }
        let swallower = comparison.swallower(&suspect);
        found.push(Disagreement {
            key: suspect.key.to_owned(),
            entry: suspect.entry,
            line: lines.line(suspect.at),
            readings,
            kind: swallower.map_or_else(|| comparison.kind(&suspect), |_| CauseKind::Swallowed),
            part_of_line: swallower.map(|at| lines.line(at)),
            spelling: comparison.entry(&suspect).and_then(|entry| Spelling::of(&entry.value)),
        });
    }
    found
}

/// Returns every key that any loader reads, once each, in the order of the file.
fn suspects<'v>(file: &'v LocalFile, views: &'v LoaderViews) -> Vec<SuspectKey<'v>> {
    let mut seen: HashSet<&str> = file.keys().collect();
    let mut suspects: Vec<_> = file
        .keys()
        .filter_map(|key| {
            let index = file.index(key)?;
            Some(SuspectKey { key, entry: Some(index), at: file.entries[index].key_span.start })
        })
        .collect();
    let lists = [&views.dotenvy.bindings, &views.python.bindings, &views.classic.bindings, &views.node];
    for bindings in lists {
        // A fragment of a value is not a key.
        let others: Vec<&Binding> = bindings.iter().filter(|binding| !seen.contains(binding.key.as_str())).collect();
        let fragments = pasted_fragment::starts(file.text().expose(), others.iter().copied());
        for binding in others.into_iter().filter(|binding| !fragments.contains(&binding.key_span.start)) {
            if seen.insert(&binding.key) {
                suspects.push(SuspectKey { key: &binding.key, entry: None, at: binding.key_span.start });
            }
        }
    }
    suspects.sort_by_key(|suspect| (suspect.at, suspect.key));
    suspects
}

/// The effective binding of each key, by loader.
struct KeyReadings<'v> {
    file: &'v LocalFile,
    views: &'v LoaderViews,
    first: HashMap<&'v str, &'v Binding>,
    last: HashMap<&'v str, &'v Binding>,
    python: HashMap<&'v str, &'v Binding>,
    classic: HashMap<&'v str, &'v Binding>,
    plain: Option<[HashMap<&'v str, &'v Binding>; 2]>,
    node: HashMap<&'v str, &'v Binding>,
}

impl<'v> KeyReadings<'v> {
    fn of(file: &'v LocalFile, views: &'v LoaderViews) -> Self {
        Self {
            file,
            views,
            first: first_wins(&views.dotenvy.bindings),
            last: last_wins(&views.dotenvy.bindings),
            python: last_wins(&views.python.bindings),
            classic: last_wins(&views.classic.bindings),
            plain: views.plain.as_ref().map(|plain| plain.each_ref().map(|reading| last_wins(&reading.bindings))),
            node: last_wins(&views.node),
        }
    }

    fn entry(&self, suspect: &SuspectKey<'_>) -> Option<&'v Entry> {
        suspect.entry.map(|index| &self.file.entries[index])
    }

    fn reading(&self, suspect: &SuspectKey<'_>, loader: Loader) -> KeyReading {
        let wanted = self.entry(suspect).map(|entry| &entry.value);
        let same = |map: &HashMap<&str, &Binding>| given(map, suspect.key) == wanted;
        let same_unsubstituted = |edition: usize| self.plain.as_ref().is_none_or(|plain| same(&plain[edition]));
        // A program may use a loader in several ways, and all of them have to agree: dotenvy keeps the first assignment
        // or, with `dotenv_override`, the last; python-dotenv substitutes or, with `interpolate=False`, does not.
        let (main, other_ways) = match loader {
            Loader::Dotenvy => (&self.first, same(&self.last)),
            Loader::Python => (&self.python, same_unsubstituted(0)),
            Loader::Node => (&self.node, true),
        };
        match (given(main, suspect.key), wanted) {
            (main, wanted) if main == wanted => match loader {
                _ if !other_ways => KeyReading::Different,
                Loader::Python if !same(&self.classic) || !same_unsubstituted(1) => KeyReading::OnlyRecent,
                _ => KeyReading::Same,
            },
            (None, _) if self.refuses(suspect.at, loader) => KeyReading::Refused,
            (None, _) => KeyReading::Missing,
            (Some(_), _) => KeyReading::Different,
        }
    }

    fn refuses(&self, at: usize, loader: Loader) -> bool {
        match loader {
            Loader::Dotenvy => containing(&self.views.dotenvy.refusals, at, Range::clone).is_some(),
            Loader::Python => containing(&self.views.python.refusals, at, |refusal| refusal.range.clone()).is_some(),
            Loader::Node => false,
        }
    }

    /// Returns the start of an earlier statement that includes this one for a loader that does not read its value.
    fn swallower(&self, suspect: &SuspectKey<'_>) -> Option<usize> {
        let entry = self.entry(suspect)?;
        let at = suspect.at;
        let start = |bindings: &[Binding]| covering(bindings, at).map(|binding| binding.statement.start);
        let python = |reading: &PythonReading| {
            containing(&reading.refusals, at, |refusal| refusal.range.clone()).or_else(|| start(&reading.bindings))
        };
        let lost = |map: &HashMap<&str, &Binding>| given(map, suspect.key) != Some(&entry.value);
        let dotenvy = || {
            containing(&self.views.dotenvy.refusals, at, Range::clone).or_else(|| start(&self.views.dotenvy.bindings))
        };
        [
            lost(&self.first).then(dotenvy),
            lost(&self.python).then(|| python(&self.views.python)),
            lost(&self.classic).then(|| python(&self.views.classic)),
            lost(&self.node).then(|| start(&self.views.node)),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .find(|&start| start < entry.statement.start)
    }

    fn kind(&self, suspect: &SuspectKey<'_>) -> CauseKind {
        let Some(entry) = self.entry(suspect) else {
            return if self.views.has_mark && suspect.key.starts_with(BYTE_ORDER_MARK) {
                CauseKind::ByteOrderMark
            } else if is_plain(suspect.key) {
                CauseKind::Other
            } else {
                CauseKind::Key
            };
        };
        if !is_plain(&entry.key) {
            return CauseKind::Key;
        }
        let text = self.file.text().expose();
        if self.reading(suspect, Loader::Node) == KeyReading::Same
            && self.reading(suspect, Loader::Python) == KeyReading::Same
            && given(&self.last, suspect.key) == Some(&entry.value)
        {
            return CauseKind::Duplicate;
        }
        let below = |node: &Binding| node.key_span == entry.key_span && node.span.start >= entry.statement.end;
        if self.node.get(suspect.key).copied().is_some_and(below) {
            return CauseKind::LineBreak;
        }
        let around = || {
            if self.views.has_mark && entry.line == 1 {
                CauseKind::ByteOrderMark
            } else {
                disagreement_cause::around(text, entry)
            }
        };
        disagreement_cause::inside(&text[entry.span.clone()]).unwrap_or_else(around)
    }
}

fn given<'v>(map: &HashMap<&str, &'v Binding>, key: &str) -> Option<&'v Secret> {
    map.get(key).and_then(|binding| binding.value.as_ref())
}

/// Returns the start of the range that contains the offset; the ranges are sorted.
fn containing<T>(items: &[T], at: usize, range: impl Fn(&T) -> Range<usize>) -> Option<usize> {
    let index = items.partition_point(|item| range(item).start <= at).checked_sub(1)?;
    let range = range(&items[index]);
    range.contains(&at).then_some(range.start)
}

/// The disagreements of every file, computed on first use, because each file is parsed up to six times.
#[derive(Debug, Default)]
pub struct Disagreements(OnceCell<Vec<Vec<Disagreement>>>);

impl Disagreements {
    /// Returns the result for files without disagreements.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(OnceCell::from(Vec::new()))
    }

    /// Returns the disagreements of the file with that index.
    pub fn of_file(&self, files: &[LocalFile], file: usize) -> &[Disagreement] {
        let all = self.0.get_or_init(|| files.iter().map(LocalFile::disagreements).collect());
        all.get(file).map_or(&[], Vec::as_slice)
    }
}
