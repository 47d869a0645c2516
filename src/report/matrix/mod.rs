//! The matrix: a row for each key, a column for each service, in every format that shows it.

mod environment_pair;
pub mod html;
pub mod json;
pub(crate) mod json_rows;
pub mod markdown;
pub(crate) mod text;

#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod transcript;

use std::io::{self, Write};
use std::sync::LazyLock;

use crate::drift::matrix::{Matrix, MatrixRow};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::phrases::count;
use crate::drift::rules::RULES;
use crate::report::{Report, TextOptions};

/// An output format of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixFormat {
    /// For people.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// One page for a browser.
    Html,
    /// For programs.
    Json,
}

/// Every format of the matrix, by its name on the command line.
pub const FORMATS: &[(&str, MatrixFormat)] = &[
    ("text", MatrixFormat::Text),
    ("markdown", MatrixFormat::Markdown),
    ("html", MatrixFormat::Html),
    ("json", MatrixFormat::Json),
];

/// Writes a matrix, with the header and the totals of its report.
///
/// # Errors
///
/// If `out` can't be written.
pub fn write(
    report: &Report,
    matrix: &Matrix,
    format: MatrixFormat,
    options: &TextOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        MatrixFormat::Text => text::write(report, matrix, options, out),
        MatrixFormat::Markdown => markdown::write(report, matrix, options, out),
        MatrixFormat::Html => html::write(report, matrix, options, out),
        MatrixFormat::Json => json::write(report, matrix, options, out),
    }
}

/// Why a difference is no finding.
const IGNORED: &str = "ignored by doctor.toml";

/// The markers of states that no rule reports.
static COMMON: &[Marker] = &[
    Marker::new(Mark::Unreadable, "/", "unreadable", "unreadable", "the service could not be read"),
    Marker::new(Mark::Ignored, "o", "ignored", "ignored", IGNORED),
    Marker::new(Mark::Reference, "→", "reference", "reference", "equal through a reference"),
    Marker::new(Mark::Equal, "=", "equal", "equal", "the file and Railway have the same value"),
    Marker::new(Mark::Set, "✓", "set", "set", "on the service; there is no file to compare it with"),
    Marker::new(Mark::NotSet, "·", "", "not-set", "not on this service"),
];

/// Every marker, in the order of the marks.
static MARKERS: LazyLock<Vec<&'static Marker>> = LazyLock::new(|| {
    let of_rules = RULES.iter().flat_map(|rule| rule.markers);
    let mut markers: Vec<&Marker> = of_rules.chain(COMMON).chain(environment_pair::MARKERS).collect();
    markers.sort_by_key(|marker| marker.mark);
    markers
});

/// Returns the marker of a mark.
fn marker(mark: Mark) -> &'static Marker {
    MARKERS[mark as usize]
}

/// Returns the markers in these rows, in the order of the marks.
fn used<'m>(rows: impl Iterator<Item = &'m MatrixRow>) -> Vec<&'static Marker> {
    let mut is_used = vec![false; MARKERS.len()];
    for cell in rows.flat_map(|row| &row.cells) {
        is_used[cell.mark as usize] = true;
    }
    MARKERS.iter().copied().filter(|marker| is_used[marker.mark as usize]).collect()
}

/// Returns a phrase for each kind of folded row.
fn folded(report: &Report, matrix: &Matrix) -> Vec<String> {
    let are = |number| if number == 1 { "is" } else { "are" };
    let is_pair = report.environment_pair().is_some();
    let [set, left_out, unknown] = [&matrix.set, &matrix.left_out, &matrix.unknown].map(Vec::len);
    let with = if is_pair { "on" } else { "with" };
    let others = [
        (set, format!("{} {} set", count(set, "key"), are(set))),
        (left_out, format!("{} {} {IGNORED}", count(left_out, "key"), are(left_out))),
        (unknown, format!("{} could not be compared {with} any service", count(unknown, "key"))),
    ];
    let others = others.into_iter().filter(|(number, _)| *number > 0).map(|(_, phrase)| phrase);
    let agreeing = if is_pair { environment_pair::agreeing(matrix) } else { agreeing(matrix).into_iter().collect() };
    agreeing.into_iter().chain(others).collect()
}

/// Returns text such as `3 keys agree on every service`, if any do.
fn agreeing(matrix: &Matrix) -> Option<String> {
    let number = matrix.agreeing.len();
    let agree = if number == 1 { "agrees" } else { "agree" };
    (number > 0).then(|| format!("{} {agree}{}", count(number, "key"), extent(matrix)))
}

/// Returns where the agreeing keys agree, with a leading space; empty for one service.
fn extent(matrix: &Matrix) -> &'static str {
    let has = |mark| matrix.agreeing.iter().flat_map(|row| &row.cells).any(|cell| cell.mark == mark);
    let is_single = matrix.agreeing.iter().all(|row| row.cells.len() < 2);
    match (has(Mark::Unreadable), has(Mark::NotSet), matrix.agreeing.len()) {
        _ if is_single => "",
        (true, ..) => " wherever they could be read",
        (_, true, 1) => " on every service that has it",
        (_, true, _) => " on every service that has them",
        _ => " on every service",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{MARKERS, Marker, marker};
    use crate::report::text::text_width::columns;

    #[test]
    fn every_mark_has_a_distinct_marker_that_is_one_column_wide() {
        for (index, entry) in MARKERS.iter().enumerate() {
            assert_eq!(entry.mark as usize, index, "{entry:?}");
            assert_eq!(marker(entry.mark).state, entry.state);
            assert_eq!(columns(entry.symbol), 1, "{entry:?}");
        }
        let each = |pick: fn(&Marker) -> &'static str| MARKERS.iter().copied().map(pick).collect::<HashSet<_>>().len();
        let distinct = [each(|marker| marker.symbol), each(|marker| marker.state), each(|marker| marker.meaning)];
        assert_eq!(distinct, [MARKERS.len(); 3]);
    }
}
