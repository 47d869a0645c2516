//! Similar names, and the edits between two texts.
//!
//! The convenience functions of `similar` compile all of its algorithms for each kind of text, which adds half a
//! megabyte. This uses the same algorithm directly for one kind of text, and gives the same results.

use std::cmp::Reverse;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, DiffableStr, diff_ratio};

/// Returns up to `number` names with at least the given similarity to the wanted one, the most similar first.
pub fn close_matches(wanted: &str, names: &[&str], number: usize, similarity: f32) -> Vec<String> {
    let letters = counts(wanted);
    let wanted = wanted.tokenize_chars();
    let similarity_of = |name: &str| {
        // Names with so few letters in common can't reach the similarity.
        let common = letters.iter().zip(counts(name)).map(|(one, other)| other.min(*one)).sum();
        let equal = DiffOp::Equal { old_index: 0, new_index: 0, len: common };
        if diff_ratio(&[equal], wanted.len(), name.chars().count()) < similarity {
            return 0.0;
        }
        let name = name.tokenize_chars();
        diff_ratio(&edits(&wanted, &name), wanted.len(), name.len())
    };
    let mut close: Vec<(f32, Reverse<&str>)> = names.iter().map(|&name| (similarity_of(name), Reverse(name))).collect();
    close.retain(|(own, _)| *own >= similarity);
    close.sort_by(|left, right| right.0.total_cmp(&left.0).then(right.1.cmp(&left.1)));
    close.into_iter().take(number).map(|(_, Reverse(name))| name.to_owned()).collect()
}

/// Returns how often each letter occurs. Some letters share a count, so that what two texts have in common is an upper
/// bound.
fn counts(text: &str) -> [usize; 64] {
    let mut counts = [0; 64];
    for letter in text.chars() {
        counts[letter as usize % 64] += 1;
    }
    counts
}

/// Returns the edits that turn one text, split into pieces, into another.
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
