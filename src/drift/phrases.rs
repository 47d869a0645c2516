//! Lists of names, counts and times in sentences.

use jiff::Timestamp;

/// The number of names to list before the rest is counted.
const LISTED: usize = 4;

/// Returns `a`, `a and b`, `a, b and c`; for six names or more, `a, b, c, d and 2 more`.
pub fn names(names: &[&str]) -> String {
    joined(names, "and")
}

/// Returns `a`, `a or b`, `a, b or c`; for six names or more, `a, b, c, d or 2 more`.
pub fn alternatives(names: &[&str]) -> String {
    joined(names, "or")
}

fn joined(names: &[&str], conjunction: &str) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [few @ .., last] if few.len() <= LISTED => format!("{} {conjunction} {last}", few.join(", ")),
        many => format!("{} {conjunction} {} more", many[..LISTED].join(", "), many.len() - LISTED),
    }
}

/// Returns `in .env`, `on Railway`, `in .env and on Railway`.
pub fn sides(files: &[&str], is_on_railway: bool) -> String {
    let files = Some(files).filter(|files| !files.is_empty()).map(|files| format!("in {}", names(files)));
    let sides: Vec<String> = files.into_iter().chain(is_on_railway.then(|| "on Railway".to_owned())).collect();
    sides.join(" and ")
}

/// Returns `1 service`, `2 services`, `3,001 services`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(number)) }
}

/// Returns the number with a comma between groups of three digits: `3,001`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns `2026-11-09 16:20:47 UTC`, or the text unchanged if it is not a time.
pub fn moment(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |time| time.strftime("%F %T UTC").to_string())
}

/// Returns `2026-11-09 16:20:47 to 16:21:03 UTC`.
pub fn span(first: &str, last: &str) -> String {
    let (first, last) = (moment(first), moment(last));
    let day = |text: &str| text.split_once(' ').map(|(day, time)| (day.to_owned(), time.to_owned()));
    match (first.strip_suffix(" UTC"), day(&first), day(&last)) {
        _ if first == last => first,
        (Some(start), Some((one, _)), Some((other, end))) if one == other => format!("{start} to {end}"),
        _ => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::phrases::{alternatives, count, grouped, moment, names, sides, span};

    #[test]
    fn times_have_seconds_and_spans_omit_a_repeated_date() {
        let (one, other) = ("2026-11-09T16:20:47.902000000Z", "2026-11-09T16:21:03.1Z");
        assert_eq!(moment(one), "2026-11-09 16:20:47 UTC");
        assert_eq!(moment("2026-11-09T18:20:47+02:00"), "2026-11-09 16:20:47 UTC");
        assert_eq!(moment("yesterday"), "yesterday");
        assert_eq!(span(one, other), "2026-11-09 16:20:47 to 16:21:03 UTC");
        assert_eq!(span(one, one), "2026-11-09 16:20:47 UTC");
        assert_eq!(span(one, "2026-11-10T00:00:00Z"), "2026-11-09 16:20:47 UTC to 2026-11-10 00:00:00 UTC");
        assert_eq!(span("then", other), "then to 2026-11-09 16:21:03 UTC");
    }

    #[test]
    fn long_lists_end_with_a_count_of_at_least_two() {
        for (list, sentence) in [
            (&["a"][..], "a"),
            (&["a", "b"], "a and b"),
            (&["a", "b", "c"], "a, b and c"),
            (&["a", "b", "c", "d", "e"], "a, b, c, d and e"),
            (&["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"),
            (&[], ""),
        ] {
            assert_eq!(names(list), sentence);
            assert_eq!(alternatives(list), sentence.replace(" and ", " or "));
        }
    }

    #[test]
    fn sides_have_files_and_railway() {
        assert_eq!(sides(&[".env", "web/.env"], false), "in .env and web/.env");
        assert_eq!([sides(&[".env"], true), sides(&[], true)], ["in .env and on Railway", "on Railway"]);
    }

    #[test]
    fn singular_and_plural_agree() {
        assert_eq!([0, 1, 21].map(|number| count(number, "key")), ["0 keys", "1 key", "21 keys"]);
    }

    #[test]
    fn digits_of_large_numbers_are_grouped() {
        let numbers = [0, 7, 999, 1000, 2991, 100_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "2,991", "100,000", "1,234,567"]);
        assert_eq!(count(3001, "key"), "3,001 keys");
    }
}
