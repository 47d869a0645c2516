//! What two texts have in common: names that look alike, and edits that turn one text into another.
//!
//! `similar`'s own conveniences bring all of its algorithms, each compiled for each kind of text: half a megabyte. This asks
//! for the one algorithm that they use, over the one kind of piece, and answers the same.

use std::cmp::Reverse;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, DiffableStr, diff_ratio};

/// The names that look most like the wanted one: so many at most, with so much likeness at least, the likeliest first.
pub fn close_matches(wanted: &str, names: &[&str], number: usize, likeness: f32) -> Vec<String> {
    let wanted = wanted.tokenize_chars();
    let likeness_of = |name: &str| {
        let name = name.tokenize_chars();
        // Texts of such different lengths can't be as alike, and need no comparison.
        let all = DiffOp::Equal { old_index: 0, new_index: 0, len: wanted.len().min(name.len()) };
        if diff_ratio(&[all], wanted.len(), name.len()) < likeness {
            return 0.0;
        }
        diff_ratio(&edits(&wanted, &name), wanted.len(), name.len())
    };
    let mut close: Vec<(f32, Reverse<&str>)> = names.iter().map(|&name| (likeness_of(name), Reverse(name))).collect();
    close.retain(|(own, _)| *own >= likeness);
    close.sort_by(|left, right| right.0.total_cmp(&left.0).then(right.1.cmp(&left.1)));
    close.into_iter().take(number).map(|(_, Reverse(name))| name.to_owned()).collect()
}

/// The edits that turn the pieces of one text into those of another.
pub fn edits(before: &[&str], after: &[&str]) -> Vec<DiffOp> {
    let mut edits = Compact::new(Replace::new(Capture::new()), before, after);
    let Ok(()) = myers::diff(&mut edits, before, 0..before.len(), after, 0..after.len());
    edits.into_inner().into_inner().into_ops()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::{prop_assert_eq, proptest};
    use similar::{TextDiff, get_close_matches};

    use crate::drift::similarity::{close_matches, edits};

    #[test]
    fn matches_are_sorted_by_similarity_then_name() {
        let names = ["worker", "work", "api", "beat-2", "beat-1"];
        assert_eq!(close_matches("wroker", &names, 3, 0.6), ["worker", "work"]);
        assert_eq!(close_matches("beat", &names, 2, 0.6), ["beat-1", "beat-2"]);
        assert_eq!(close_matches("beat", &names, 1, 0.6), ["beat-1"]);
        assert_eq!(close_matches("xyz", &names, 3, 0.6), [""; 0]);
    }

    proptest! {
        #[test]
        fn agrees_with_the_similar_crate(
            wanted in "[abcß-]{0,8}",
            names in vec("[abcß-]{0,8}", 0..8),
            lines in [vec("[abc]", 0..130), vec("[abc]", 0..130)],
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert_eq!(close_matches(&wanted, &names, 3, 0.6), get_close_matches(&*wanted, &names, 3, 0.6));
            let [before, after] = lines.each_ref().map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
            let library = TextDiff::from_slices(&before, &after);
            prop_assert_eq!(edits(&before, &after), library.ops());
        }
    }
}
