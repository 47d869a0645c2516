//! Several names in one sentence.

/// How many names a sentence can bear; the rest is counted.
const BEARABLE: usize = 4;

/// `a`, `a and b`, `a, b and c`; from the sixth name on, `a, b, c, d and 2 more`.
pub fn names(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [few @ .., last] if few.len() <= BEARABLE => format!("{} and {last}", few.join(", ")),
        many => format!("{} and {} more", many[..BEARABLE].join(", "), many.len() - BEARABLE),
    }
}

/// `1 service`, `2 services`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::{count, names};

    #[test]
    fn long_lists_are_counted_and_never_for_one_name_alone() {
        for (list, sentence) in [
            (&["a"][..], "a"),
            (&["a", "b"], "a and b"),
            (&["a", "b", "c"], "a, b and c"),
            (&["a", "b", "c", "d", "e"], "a, b, c, d and e"),
            (&["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"),
            (&[], ""),
        ] {
            assert_eq!(names(list), sentence);
        }
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 21].map(|number| count(number, "key")), ["0 keys", "1 key", "21 keys"]);
    }
}
