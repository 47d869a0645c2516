//! The matrix of two environments: what its marks mean, and how many cells have each.

use crate::drift::matrix::{Matrix, MatrixRow};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::phrases::{count, grouped};
use crate::report::Report;

/// The markers of states that no rule reports.
pub(super) static MARKERS: &[Marker] = &[
    Marker::new(
        Mark::OtherReference,
        "‰",
        "other ref",
        "other-reference",
        "the two environments have different references",
    ),
    Marker::new(
        Mark::SealedLeft,
        "[",
        "sealed left",
        "sealed-left",
        "sealed in the left environment, so it can't be compared",
    ),
    Marker::new(
        Mark::SealedRight,
        "]",
        "sealed right",
        "sealed-right",
        "sealed in the right environment, so it can't be compared",
    ),
    Marker::new(
        Mark::SealedBoth,
        "□",
        "sealed both",
        "sealed-both",
        "sealed in both environments, so it can't be compared",
    ),
    Marker::new(Mark::OtherValue, "Δ", "different", "other-value", "the two environments have different values"),
    Marker::new(Mark::SameReference, "⇒", "same ref", "same-reference", "the same reference in both environments"),
    Marker::new(Mark::SameValue, "≡", "same", "same-value", "the same value in both environments"),
];

/// Where a mark occurs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MarkUse {
    /// In a matrix of files and one environment.
    Files,
    /// In a matrix of two environments.
    Pair,
    Both,
}

fn mark_use(mark: Mark) -> MarkUse {
    match mark {
        Mark::DiffersStale
        | Mark::Differs
        | Mark::Stale
        | Mark::PossiblyStale
        | Mark::Dangling
        | Mark::Missing
        | Mark::MissingOnRailway
        | Mark::EmptyOnRailway
        | Mark::Disagrees
        | Mark::ReferenceDiffers
        | Mark::EmptyLocally
        | Mark::Sealed
        | Mark::MissingLocally
        | Mark::Reference
        | Mark::Equal
        | Mark::Set => MarkUse::Files,
        Mark::AcrossViolated
        | Mark::SharedSecret
        | Mark::SharedBackend
        | Mark::OnlyLeft
        | Mark::OnlyRight
        | Mark::SealedNotCopied
        | Mark::ReferenceAndLiteral
        | Mark::OtherReference
        | Mark::SealedLeft
        | Mark::SealedRight
        | Mark::SealedBoth
        | Mark::OtherValue
        | Mark::SameReference
        | Mark::SameValue
        | Mark::Unpaired => MarkUse::Pair,
        Mark::Unavailable
        | Mark::ExpectedDifference
        | Mark::Indirect
        | Mark::Unreadable
        | Mark::Ignored
        | Mark::NotSet => MarkUse::Both,
    }
}

/// Returns whether the matrix of the report can have the mark.
pub(super) fn can_occur(report: &Report, mark: Mark) -> bool {
    let own = if report.environment_pair().is_some() { MarkUse::Pair } else { MarkUse::Files };
    [own, MarkUse::Both].contains(&mark_use(mark))
}

/// Returns what a marker means in the matrix of the report.
pub(super) fn meaning(report: &Report, marker: &Marker) -> &'static str {
    match marker.mark {
        _ if report.environment_pair().is_none() => marker.meaning,
        Mark::ExpectedDifference => "the two environments differ, as expected",
        Mark::Indirect => "refers to a value kept elsewhere, so it can't be compared",
        Mark::NotSet => "not on this service in either environment",
        _ => marker.meaning,
    }
}

/// Returns a phrase for each kind of row in which nothing differs, or only as expected.
pub(super) fn agreeing(matrix: &Matrix) -> Vec<String> {
    let has = |row: &MatrixRow, mark| row.cells.iter().any(|cell| cell.mark == mark);
    let (expected, equal): (Vec<_>, Vec<_>) =
        matrix.agreeing.iter().partition(|row| has(row, Mark::ExpectedDifference));
    let any = |mark| equal.iter().any(|row| has(row, mark));
    let same = match (any(Mark::SameValue), any(Mark::SameReference)) {
        (true, true) => "the same value or reference",
        (_, true) => "the same reference",
        _ => "the same value",
    };
    let have = if equal.len() == 1 { "has" } else { "have" };
    let differ = if expected.len() == 1 { "differs" } else { "differ" };
    let phrases = [
        (equal.len(), format!("{} {have} {same} in both environments", count(equal.len(), "key"))),
        (expected.len(), format!("{} {differ} as expected", count(expected.len(), "key"))),
    ];
    phrases.into_iter().filter(|(number, _)| *number > 0).map(|(_, phrase)| phrase).collect()
}

/// States that are counted together.
struct CountedStates {
    marks: &'static [Mark],
    one: &'static str,
    many: &'static str,
}

impl CountedStates {
    const fn new(marks: &'static [Mark], one: &'static str, many: &'static str) -> Self {
        Self { marks, one, many }
    }
}

/// The states in the order of their counts. Cells without anything to compare are not counted.
static COUNTED: &[CountedStates] = &[
    CountedStates::new(&[Mark::SameValue], "equal", "equal"),
    CountedStates::new(&[Mark::OtherValue], "different", "different"),
    CountedStates::new(&[Mark::ExpectedDifference], "different as expected", "different as expected"),
    CountedStates::new(
        &[Mark::SameReference, Mark::OtherReference, Mark::ReferenceAndLiteral],
        "reference",
        "references",
    ),
    CountedStates::new(&[Mark::SealedLeft, Mark::SealedRight, Mark::SealedBoth], "sealed", "sealed"),
    CountedStates::new(&[Mark::Indirect, Mark::Unavailable], "unknown", "unknown"),
    CountedStates::new(
        &[Mark::OnlyLeft, Mark::OnlyRight, Mark::SealedNotCopied],
        "in one environment only",
        "in one environment only",
    ),
    CountedStates::new(&[Mark::SharedSecret], "shared secret", "shared secrets"),
    CountedStates::new(&[Mark::SharedBackend], "shared backend", "shared backends"),
    CountedStates::new(&[Mark::AcrossViolated], "[[across]] violation", "[[across]] violations"),
    CountedStates::new(&[Mark::Ignored], "ignored", "ignored"),
];

/// Returns the numbers of cells by state: `31 equal`, `4 different`, `3 references`.
pub(super) fn counts(matrix: &Matrix) -> Vec<String> {
    let number = |states: &CountedStates| {
        let cells = matrix.all().flat_map(|row| &row.cells);
        cells.filter(|cell| states.marks.contains(&cell.mark)).count()
    };
    let counted = COUNTED.iter().map(|states| (number(states), states)).filter(|(number, _)| *number > 0);
    let phrase = |(number, states): (usize, &CountedStates)| {
        format!("{} {}", grouped(number), if number == 1 { states.one } else { states.many })
    };
    counted.map(phrase).collect()
}

#[cfg(test)]
mod tests {
    use super::{COUNTED, MarkUse, agreeing, counts, mark_use};
    use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
    use crate::drift::model::marker::Mark;
    use crate::report::matrix::MARKERS;

    fn row(marks: &[Mark]) -> MatrixRow {
        let cells = marks.iter().map(|&mark| MatrixCell { mark, severity: None }).collect();
        MatrixRow { key: "KEY".to_owned(), cells, worst: None, also: Vec::new() }
    }

    #[test]
    fn every_state_of_two_environments_is_counted_once() {
        for marker in MARKERS.iter() {
            let times = COUNTED.iter().filter(|states| states.marks.contains(&marker.mark)).count();
            let is_counted = mark_use(marker.mark) != MarkUse::Files
                && ![Mark::NotSet, Mark::Unpaired, Mark::Unreadable].contains(&marker.mark);
            assert_eq!(times, usize::from(is_counted), "{marker:?}");
        }
    }

    #[test]
    fn counts_include_folded_rows() {
        let matrix = Matrix {
            rows: vec![
                row(&[Mark::OnlyLeft, Mark::SealedNotCopied, Mark::NotSet]),
                row(&[Mark::OtherReference, Mark::Unpaired]),
            ],
            agreeing: vec![row(&[Mark::SameValue, Mark::SameReference])],
            left_out: vec![row(&[Mark::Ignored])],
            unknown: vec![row(&[Mark::Unreadable])],
            ..Matrix::default()
        };
        assert_eq!(counts(&matrix), ["1 equal", "2 references", "2 in one environment only", "1 ignored"]);
        assert!(counts(&Matrix::default()).is_empty());
    }

    #[test]
    fn agreeing_keys_are_described_by_their_states() {
        let (value, reference, expected) = (Mark::SameValue, Mark::SameReference, Mark::ExpectedDifference);
        for (rows, phrases) in [
            (vec![vec![value]], vec!["1 key has the same value in both environments"]),
            (vec![vec![reference], vec![reference]], vec!["2 keys have the same reference in both environments"]),
            (
                vec![vec![value], vec![reference, Mark::NotSet]],
                vec!["2 keys have the same value or reference in both environments"],
            ),
            (
                vec![vec![value], vec![expected, value]],
                vec!["1 key has the same value in both environments", "1 key differs as expected"],
            ),
            (vec![vec![expected], vec![expected]], vec!["2 keys differ as expected"]),
        ] {
            let agreeing_rows = rows.iter().map(|marks| row(marks)).collect();
            assert_eq!(agreeing(&Matrix { agreeing: agreeing_rows, ..Matrix::default() }), phrases);
        }
    }
}
