//! Searches a file for many values in one pass.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use zeroize::Zeroizing;

/// The length of the prefix that is hashed. No value is shorter.
const START: usize = 8;

/// The binary logarithm of the size of the sieve.
const BITS: u32 = 16;

/// The values, in every encoded form. Libraries for multi-pattern search keep copies of the patterns that are never
/// zeroed; here a form is stored only once, and its prefix only as a hash.
pub(super) struct MultiPattern {
    /// The forms, each with the index of its value.
    forms: Vec<(usize, Zeroizing<String>)>,
    /// Hash of a prefix → indexes of the forms with that prefix, in the order of their bytes.
    starts: HashMap<u64, Vec<usize>>,
    /// The first bits of all hashes. A lookup in it excludes nearly every offset of a file.
    sieve: Vec<bool>,
}

impl fmt::Debug for MultiPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MultiPattern(•••)")
    }
}

impl MultiPattern {
    /// Builds the index. Each form has the index of its value, and at least eight bytes.
    pub(super) fn new(forms: Vec<(usize, Zeroizing<String>)>) -> Self {
        let mut patterns = Self { forms, starts: HashMap::new(), sieve: vec![false; 1 << BITS] };
        for (index, (_, form)) in patterns.forms.iter().enumerate() {
            if let Some(start) = form.as_bytes().first_chunk::<START>() {
                let hash = hash(*start);
                patterns.sieve[bits(hash)] = true;
                patterns.starts.entry(hash).or_default().push(index);
            }
        }
        let forms = &patterns.forms;
        for starts in patterns.starts.values_mut() {
            starts.sort_unstable_by(|one, other| forms[*one].1.as_bytes().cmp(forms[*other].1.as_bytes()));
        }
        patterns
    }

    /// Returns a form by its index in the list that was given to [`MultiPattern::new`].
    pub(super) fn form(&self, index: usize) -> &str {
        &self.forms[index].1
    }

    /// Returns, for each value that occurs, the number of its occurrences in any form, and the offset of the first.
    pub(super) fn find(&self, bytes: &[u8]) -> BTreeMap<usize, (usize, usize)> {
        let mut found = BTreeMap::new();
        if self.starts.is_empty() {
            return found;
        }
        for (offset, window) in bytes.windows(START).enumerate() {
            let Some(start) = window.first_chunk::<START>() else { continue };
            let hash = hash(*start);
            if !self.sieve[bits(hash)] {
                continue;
            }
            for value in self.starts.get(&hash).into_iter().flat_map(|forms| self.at(forms, &bytes[offset..])) {
                found.entry(value).or_insert((0, offset)).0 += 1;
            }
        }
        found
    }

    /// Returns the values of the given sorted forms that the text starts with. Thousands of forms may have the same
    /// prefix, so they are not tried one by one. In sorted order, the longest form that the text starts with is the
    /// last one that is not greater than the text, or else the last one that is not greater than their common prefix,
    /// and so on.
    fn at<'n>(&'n self, forms: &'n [usize], text: &'n [u8]) -> impl Iterator<Item = usize> + 'n {
        let (mut forms, mut text) = (forms, text);
        std::iter::from_fn(move || {
            loop {
                let before = forms.partition_point(|&index| self.forms[index].1.as_bytes() <= text);
                let (&last, rest) = forms[..before].split_last()?;
                let (value, form) = &self.forms[last];
                let common = form.bytes().zip(text).take_while(|(one, other)| one == *other).count();
                if common < START {
                    return None;
                }
                (forms, text) = (rest, &text[..common]);
                if common == form.len() {
                    return Some(*value);
                }
            }
        })
    }
}

/// Fibonacci hashing: one multiplication spreads the bytes over the upper bits.
fn hash(start: [u8; START]) -> u64 {
    u64::from_le_bytes(start).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn bits(hash: u64) -> usize {
    usize::try_from(hash >> (u64::BITS - BITS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use crate::drift::leak::multi_pattern::MultiPattern;

    fn patterns(values: &[String]) -> MultiPattern {
        MultiPattern::new(values.iter().enumerate().map(|(index, value)| (index, value.clone().into())).collect())
    }

    #[test]
    fn finds_overlapping_values_and_shared_prefixes() {
        let values = ["12345678", "12345678-a", "345678-a-longer"].map(str::to_owned);
        let found = patterns(&values).find(b"x12345678-a-longer 12345678");
        assert_eq!(found, [(0, (2, 1)), (1, (1, 1)), (2, (1, 3))].into());
        assert_eq!(patterns(&[]).find(b"x12345678"), [].into());
        assert_eq!(patterns(&values).find(b"1234567"), [].into());
    }

    #[test]
    fn many_shared_prefixes_are_searched_quickly() {
        let values: Vec<String> = (0..20_000).map(|number| format!("{}{number}", "a".repeat(20))).collect();
        let text = "a".repeat(200_000) + "19999";
        let found = patterns(&values).find(text.as_bytes());
        assert_eq!(found.keys().copied().collect::<Vec<usize>>(), [1, 19, 199, 1999, 19_999]);
    }

    proptest! {
        #[test]
        fn matches_agree_with_naive_search(
            values in proptest::collection::vec("[ab]{8,10}", 1..6),
            text in "[ab]{0,200}",
        ) {
            let found = patterns(&values).find(text.as_bytes());
            for (index, value) in values.iter().enumerate() {
                let places: Vec<usize> = (0..text.len()).filter(|&at| text[at..].starts_with(value.as_str())).collect();
                let expected = places.first().map(|&first| (places.len(), first));
                prop_assert_eq!(found.get(&index).copied(), expected);
            }
        }
    }
}
