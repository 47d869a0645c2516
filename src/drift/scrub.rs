//! Takes every known value out of a text that came from outside.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::form::forms;
use crate::drift::secret_like::is_secret_like;

/// What stands in the place of a value.
const MASK: &str = "•••";

/// Values shorter than this are words of ordinary text; under a secret-like key any length counts.
const SHORTEST: usize = 8;

/// Prefixes of credentials that are recognised without being known.
const CREDENTIAL_PREFIXES: [&str; 12] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "xoxb-",
    "AKIA",
    "eyJ",
];

/// The values known to a run, in the forms in which they may turn up.
#[derive(Default)]
pub struct Scrubber {
    known: RefCell<Known>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scrubber(•••)")
    }
}

impl Scrubber {
    /// Learns a value under its key; also without blanks around it, and by its lines, as logs have it.
    pub fn learn(&self, key: &str, value: &Secret) {
        let (text, mut known) = (value.reveal(), self.known.borrow_mut());
        let is_told = |text: &str| !text.is_empty() && (text.len() >= SHORTEST || is_secret_like(key));
        if is_told(text) {
            known.add(value);
        }
        let bare = text.trim();
        if bare != text && is_told(bare) {
            known.add(&Secret::new(bare));
        }
        // A key with `\n` in the place of its line breaks is made one of lines by the program.
        let lines = bare.split('\n').flat_map(|line| line.split("\\n")).map(str::trim);
        // The last line of a key is hardly longer than a word.
        for line in lines.filter(|line| *line != bare && line.len() >= SHORTEST) {
            known.add(&Secret::new(line));
        }
    }

    /// The text without any known value and without anything that looks like a credential.
    pub fn scrub(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        let mut known = self.known.borrow_mut();
        let mut forms: Vec<Zeroizing<String>> = known.candidates(text).flat_map(forms).collect();
        // Longest first, so that no value is left in pieces by a shorter one inside it.
        forms.sort_by_key(|form| Reverse(form.len()));
        for form in &forms {
            if clean.contains(form.as_str()) {
                clean = clean.replace(form.as_str(), MASK);
            }
        }
        mask_credentials(&clean)
    }

    /// The beginning of the text on one line, scrubbed. It is cut last: half a value would not be known for one.
    pub fn excerpt(&self, text: &str, most: usize) -> String {
        let words = self.scrub(text).split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(most) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        }
    }
}

/// A hundred thousand values may be known, and few of them stand in one text: a table of how their forms begin and end
/// tells which. It is made when there is a text to scrub, because most runs have none.
#[derive(Default)]
struct Known {
    values: Vec<Secret>,
    /// Hash of a value → where it stands.
    places: HashMap<u64, Vec<usize>>,
    /// Hash of the first [`SHORTEST`] bytes of a form → the hash of its last, and where its value stands.
    ends: HashMap<u64, Vec<(u64, usize)>>,
    /// Hash of a form that is too short for that → where its value stands, by the length of the form.
    short: [HashMap<u64, Vec<usize>>; SHORTEST],
    /// How many values are in `ends` and `short` already.
    indexed: usize,
    /// Its key is random, so that a hash tells nothing of the value.
    hasher: RandomState,
}

impl Known {
    fn add(&mut self, value: &Secret) {
        let places = self.places.entry(self.hasher.hash_one(value.reveal())).or_default();
        if places.iter().all(|&place| self.values[place] != *value) {
            places.push(self.values.len());
            self.values.push(value.clone());
        }
    }

    /// The values that may stand in the text.
    fn candidates(&mut self, text: &str) -> impl Iterator<Item = &str> {
        for place in self.indexed..self.values.len() {
            for form in forms(self.values[place].reveal()) {
                let bytes = form.as_bytes();
                if bytes.len() < SHORTEST {
                    self.short[bytes.len()].entry(self.hasher.hash_one(bytes)).or_default().push(place);
                    continue;
                }
                let [start, end] = [&bytes[..SHORTEST], &bytes[bytes.len() - SHORTEST..]];
                let [start, end] = [start, end].map(|part| self.hasher.hash_one(part));
                self.ends.entry(start).or_default().push((end, place));
            }
        }
        self.indexed = self.values.len();
        let hashes = |length: usize| text.as_bytes().windows(length).map(|window| self.hasher.hash_one(window));
        let windows: HashSet<u64> = hashes(SHORTEST).collect();
        let begun = windows.iter().filter_map(|start| self.ends.get(start)).flatten();
        let lengths = (1..SHORTEST).map(|length| (length, &self.short[length])).filter(|(_, forms)| !forms.is_empty());
        let mut places: BTreeSet<usize> = lengths
            .flat_map(|(length, forms)| hashes(length).filter_map(|hash| forms.get(&hash)).flatten().copied())
            .collect();
        places.extend(begun.filter(|(end, _)| windows.contains(end)).map(|(_, place)| *place));
        places.into_iter().map(|place| self.values[place].reveal())
    }
}

/// Masks words that begin like a credential, and the password in a URL.
fn mask_credentials(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for word in text.split_inclusive(|character: char| character.is_whitespace() || "\"'`,;()<>".contains(character)) {
        let bare =
            word.trim_end_matches(|character: char| character.is_whitespace() || "\"'`,;()<>".contains(character));
        let rest = &word[bare.len()..];
        let known =
            CREDENTIAL_PREFIXES.iter().any(|prefix| bare.starts_with(prefix) && bare.len() >= prefix.len() + 12);
        match bare.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
            Some((scheme, host)) => masked.extend([scheme, "://", MASK, "@", host]),
            None if known => masked.push_str(MASK),
            None => masked.push_str(bare),
        }
        masked.push_str(rest);
    }
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::Scrubber;
    use crate::drift::Secret;

    #[test]
    fn known_values_are_taken_out_in_every_form() {
        let scrubber = Scrubber::default();
        scrubber.learn("GREETING", &Secret::new("say \"hi\" & go"));
        scrubber.learn("API_KEY", &Secret::new("k3y"));
        scrubber.learn("MODE", &Secret::new("debug"));
        for (text, expected) in [
            ("got say \"hi\" & go here", "got ••• here"),
            ("json say \\\"hi\\\" & go.", "json •••."),
            ("url say%20%22hi%22%20%26%20go!", "url •••!"),
            ("form say+%22hi%22+%26+go!", "form •••!"),
            ("b64 c2F5ICJoaSIgJiBnbw==", "b64 •••=="),
            ("basic dXNlcjpzYXkgImhpIiAmIGdv", "basic dXNlcjp•••"),
            ("key k3y", "key •••"),
            ("in debug mode", "in debug mode"),
        ] {
            assert_eq!(scrubber.scrub(text), expected);
        }
    }

    #[test]
    fn credential_shapes_are_masked_unasked() {
        let scrubber = Scrubber::default();
        assert_eq!(scrubber.scrub("token \"ghp_0123456789abcdef\" is bad"), "token \"•••\" is bad");
        assert_eq!(scrubber.scrub("at postgres://u:p@ss@db.internal:5432/x"), "at postgres://•••@db.internal:5432/x");
        assert_eq!(scrubber.scrub("sk- is a prefix, eyJ too"), "sk- is a prefix, eyJ too");
        assert_eq!(scrubber.scrub("https://railway.com/account"), "https://railway.com/account");
    }

    #[test]
    fn a_value_of_lines_is_taken_out_line_by_line() {
        let scrubber = Scrubber::default();
        scrubber
            .learn("PEM", &Secret::new("-----BEGIN KEY-----\nMIIBVgIBADAN\n\tqQIDAQAB+x8=\n==\n-----END KEY-----\n"));
        scrubber.learn("ESCAPED", &Secret::new("first-line\\nsecond-line\\n"));
        scrubber.learn("SPACED", &Secret::new(" of-blanks\r\n"));
        scrubber.learn("A_KEY", &Secret::new("k3y\n"));
        for (text, expected) in [
            ("MIIBVgIBADAN", "•••"),
            ("| qQIDAQAB+x8= |", "| ••• |"),
            ("a == b", "a == b"),
            ("second-line, first-line", "•••, •••"),
            ("[of-blanks]", "[•••]"),
            ("key k3y", "key •••"),
        ] {
            assert_eq!(scrubber.scrub(text), expected);
        }
    }

    #[test]
    fn the_longest_value_goes_first() {
        let scrubber = Scrubber::default();
        scrubber.learn("A_KEY", &Secret::new("abc"));
        scrubber.learn("B", &Secret::new("abcdefghij"));
        assert_eq!(scrubber.scrub("abcdefghij abc"), "••• •••");
    }

    #[test]
    fn what_is_learned_after_a_text_is_taken_out_of_the_next() {
        let scrubber = Scrubber::default();
        scrubber.learn("A", &Secret::new("first-value"));
        assert_eq!(scrubber.scrub("first-value second-value"), "••• second-value");
        scrubber.learn("B", &Secret::new("second-value"));
        assert_eq!(scrubber.scrub("first-value second-value"), "••• •••");
    }

    #[test]
    fn many_known_values_cost_a_text_little() {
        let scrubber = Scrubber::default();
        for number in 0..20_000 {
            scrubber.learn("A", &Secret::new(format!("value-number-{number}")));
            scrubber.learn("A_KEY", &Secret::new("short"));
        }
        for number in 0..100 {
            assert_eq!(
                scrubber.scrub(&format!("it is <{number}-value-number-{number}>")),
                format!("it is <{number}-•••>")
            );
        }
    }

    proptest! {
        #[test]
        fn no_known_value_is_left_and_a_second_pass_changes_nothing(
            values in proptest::collection::vec("[ -~äß\\n]{8,14}", 1..4),
            parts in proptest::collection::vec("[ -~ä\\n]{0,6}", 4),
            noise in any::<String>(),
        ) {
            let scrubber = Scrubber::default();
            for value in &values {
                scrubber.learn("PLAIN", &Secret::new(value.as_str()));
            }
            let mut text = noise;
            for (part, value) in parts.iter().zip(values.iter().cycle()) {
                text.push_str(part);
                text.push_str(value);
            }
            let clean = scrubber.scrub(&text);
            prop_assert!(values.iter().all(|value| !clean.contains(value.as_str())));
            prop_assert_eq!(scrubber.scrub(&clean), clean);
        }
    }

    #[test]
    fn an_excerpt_is_masked_before_it_is_cut() {
        let scrubber = Scrubber::default();
        let known = "k".repeat(40);
        scrubber.learn("OPS_API_KEY", &Secret::new(known.as_str()));
        let plain = r#"{"detail": "Invalid staging API key"}"#;
        assert_eq!(scrubber.excerpt(plain, 300), plain);
        assert_eq!(scrubber.excerpt(&format!("key {known}\n\n\tis old"), 300), "key ••• is old");
        assert_eq!(scrubber.excerpt(&format!("xx{known}"), 5), "xx•••");
        assert_eq!(scrubber.excerpt("üüüü", 3), "üüü…");
        assert_eq!(scrubber.excerpt("üüü", 3), "üüü");
    }
}
