//! Keys down, services across, in every format that has it.

pub mod html;
pub mod json;
pub mod markdown;
mod text;

#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod transcript;

use std::io::{self, Write};

use crate::drift::matrix::{Mark, Matrix, MatrixRow};
use crate::drift::phrases::count;
use crate::report::{Report, TextOptions};

/// Writes a matrix, and of the report what belongs above and below it.
pub type MatrixWriter = fn(&Report, &Matrix, &TextOptions<'_>, &mut dyn Write) -> io::Result<()>;

/// Every format of a matrix and its name on the command line.
pub static FORMATS: &[(&str, MatrixWriter)] =
    &[("text", text::write), ("markdown", markdown::write), ("html", html::write), ("json", json::write)];

/// How a mark is shown.
#[derive(Debug)]
pub struct Sign {
    /// The mark.
    pub mark: Mark,
    /// One column wide.
    pub symbol: &'static str,
    /// The same as a word or two.
    pub word: &'static str,
    /// The word for programs; a promise.
    pub state: &'static str,
    /// What it means.
    pub says: &'static str,
}

macro_rules! sign {
    ($mark:ident, $symbol:literal, $word:literal, $state:literal, $says:literal) => {
        Sign { mark: Mark::$mark, symbol: $symbol, word: $word, state: $state, says: $says }
    };
}

/// Every sign, in the order of the marks.
pub static SIGNS: &[Sign] = &[
    sign!(
        DiffersStale,
        "≢",
        "differs, stale",
        "differs-and-stale",
        "the file and Railway differ, and an older value still runs"
    ),
    sign!(Differs, "≠", "differs", "differs", "the file and Railway hold different values"),
    sign!(Stale, "!", "stale", "stale", "the running deployment has another value than Railway stores"),
    sign!(
        PossiblyStale,
        "?",
        "stale?",
        "possibly-stale",
        "it may run with an old value: it was changed since the deployment"
    ),
    sign!(Dangling, "x", "dangling", "dangling", "a reference that leads nowhere"),
    sign!(Missing, "0", "missing", "missing", "required, and neither in the file nor on Railway"),
    sign!(MissingOnRailway, "-", "local only", "missing-on-railway", "in the file, and not on Railway"),
    sign!(
        Unavailable,
        "u",
        "unavailable",
        "unavailable",
        "on Railway, which returned no value although it is not sealed"
    ),
    sign!(
        ReferenceDiffers,
        "%",
        "ref differs",
        "reference-differs",
        "a reference that renders to another value than the file's"
    ),
    sign!(
        ExpectedDifference,
        "~",
        "expected",
        "expected-difference",
        "differs between the file and Railway, as expected"
    ),
    sign!(Sealed, "#", "sealed", "sealed", "on Railway, which does not tell it: it can't be compared"),
    sign!(Indirect, "@", "indirect", "indirect", "one side refers to a value kept elsewhere: it can't be compared"),
    sign!(MissingLocally, "+", "not local", "missing-locally", "on Railway, and not in the file"),
    sign!(Unreadable, "/", "unreadable", "unreadable", "the service could not be read"),
    sign!(Ignored, "o", "ignored", "ignored", "doctor.toml leaves out how it differs"),
    sign!(Reference, "→", "reference", "reference", "equal, by way of a reference"),
    sign!(Equal, "=", "equal", "equal", "the file and Railway hold the same value"),
    sign!(Absent, "·", "", "absent", "neither in the file nor on Railway"),
];

/// How that mark is shown.
pub fn sign(mark: Mark) -> &'static Sign {
    &SIGNS[mark as usize]
}

/// The signs that occur in these rows, in the order of the marks.
fn used<'m>(rows: impl Iterator<Item = &'m MatrixRow>) -> Vec<&'static Sign> {
    let mut seen = [false; 18];
    for cell in rows.flat_map(|row| &row.cells) {
        seen[cell.mark as usize] = true;
    }
    SIGNS.iter().filter(|sign| seen[sign.mark as usize]).collect()
}

/// What is folded, a sentence for each kind.
fn folded(matrix: &Matrix) -> Vec<String> {
    let verb = |number, one: &'static str, many: &'static str| if number == 1 { one } else { many };
    let agreeing = matrix.agreeing.len();
    let everywhere = if matrix.all().flat_map(|row| &row.cells).any(|cell| cell.mark == Mark::Unreadable) {
        "wherever they could be read"
    } else {
        "everywhere"
    };
    let left_out = matrix.left_out.len();
    let unknown = matrix.unknown.len();
    [
        (agreeing, format!("{} {} {everywhere}", count(agreeing, "key"), verb(agreeing, "agrees", "agree"))),
        (
            left_out,
            format!("{} {} by doctor.toml", count(left_out, "key"), verb(left_out, "is left out", "are left out")),
        ),
        (unknown, format!("{} could not be compared with any service", count(unknown, "key"))),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(_, sentence)| sentence)
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{SIGNS, sign};
    use crate::report::text::text_width::columns;

    #[test]
    fn every_mark_has_a_sign_of_its_own_that_is_one_column_wide() {
        for (index, entry) in SIGNS.iter().enumerate() {
            assert_eq!(entry.mark as usize, index, "{entry:?}");
            assert_eq!(sign(entry.mark).state, entry.state);
            assert_eq!(columns(entry.symbol), 1, "{entry:?}");
        }
        let each = |pick: fn(&super::Sign) -> &'static str| SIGNS.iter().map(pick).collect::<HashSet<_>>().len();
        assert_eq!([each(|sign| sign.symbol), each(|sign| sign.state), each(|sign| sign.says)], [18; 3]);
    }
}
