//! Takes every known value out of a text that came from outside.
//!
//! Programs quote a value in more forms than anyone can list, and put one form into another. So the text is decoded, layer
//! by layer, and the values are searched for in every layer; what is found is replaced where it is in the text as received.

pub(in crate::drift) mod credential_shape;
pub(in crate::drift) mod decoded_text;
pub(in crate::drift) mod encodings;
pub(in crate::drift) mod escape_sequence;
#[cfg(test)]
pub(in crate::drift) mod form_tests;
pub(in crate::drift) mod known_values;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::redact::decoded_text::{ByteRange, DecodedText, ENCODINGS};
use crate::drift::redact::known_values::{KnownValues, LONGEST_OVERLAP, SHORTEST};
use crate::drift::secret_like::is_secret_like;

/// What stands in the place of a value.
const MASK: &str = "•••";

/// How often escapes are decoded one after the other: JSON in JSON doubles its backslashes with each layer.
const MOST_ESCAPES: usize = 16;

/// How often base64 is decoded one after the other.
const MOST_ENCODINGS: usize = 4;

/// Base64 below that many layers that is as long as this is masked, since it is not decoded.
const SUSPICIOUS: usize = 24;

/// How many bytes may be decoded for each byte of a text. Three nested forms take about fifteen.
const MOST_WORK: usize = 64;

/// The same for a text of no length.
const LEAST_WORK: usize = 1 << 16;

/// A longer text is cut off: no report shows as much, and its layers have to fit into memory.
const LONGEST_TEXT: usize = 2 << 20;

/// So much of what was cut off is searched, so that a value at the cut is recognised.
const BEHIND_CUT: usize = 1 << 16;

/// Enough of a value to be recognised behind such an overlap.
const ENOUGH: usize = 256;

/// The values known to a run.
#[derive(Default)]
pub struct Redactor {
    known: RefCell<Known>,
}

/// What is searched for.
#[derive(Default)]
struct Known {
    /// The values.
    whole: KnownValues,
    /// The values without their first bytes: these may be decoded together with what stands before a value, so that only texts
    /// that were decoded are searched for the rest.
    rests: KnownValues,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scrubber(•••)")
    }
}

impl Redactor {
    /// Learns a value under its key; also without blanks around it, by its lines, as logs have it, and the passwords of the
    /// URLs in it.
    pub fn add(&self, key: &str, value: &Secret) {
        let (text, mut known) = (value.expose(), self.known.borrow_mut());
        let bare = text.trim();
        for text in [text, bare] {
            add(&mut known, text, if is_secret_like(key) { 1 } else { SHORTEST });
        }
        // A key with `\n` in the place of its line breaks is made one of lines by the program.
        let lines = bare.split('\n').flat_map(|line| line.split("\\n")).map(str::trim);
        // The last line of a key is hardly longer than a word.
        lines.for_each(|line| add(&mut known, line, SHORTEST));
        passwords(bare).for_each(|password| add(&mut known, password, 1));
        parameters(bare).for_each(|parameter| add(&mut known, parameter, SHORTEST));
        if key.starts_with("OTEL_") && key.ends_with("_HEADERS") {
            header_values(bare).for_each(|value| add(&mut known, value, SHORTEST));
        }
    }

    /// The text without any known value and without anything that looks like a credential.
    pub fn redact(&self, text: &str) -> String {
        let mut known = self.known.borrow_mut();
        known.whole.index();
        known.rests.index();
        let examined = &text[..boundary_before(text, LONGEST_TEXT + BEHIND_CUT)];
        let mut search =
            RedactSearch { known: &known, found: Vec::new(), work: LEAST_WORK + MOST_WORK * examined.len() };
        match search.text(DecodedText::received(examined), 0) {
            Some(()) => masked(text, search.found),
            // Nothing that a program writes is as deep.
            None => MASK.to_owned(),
        }
    }

    /// The beginning of the text on one line, scrubbed. It is cut last: half a value would not be known for one.
    pub fn excerpt(&self, text: &str, most: usize) -> String {
        let words = self.redact(text).split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(most) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        }
    }
}

/// Adds a value, and what it becomes where a text is decoded further than it was encoded, as the escapes in the value itself
/// are decoded too.
fn add(known: &mut Known, value: &str, shortest: usize) {
    known.rests.add_rests(value.as_bytes());
    let known = &mut known.whole;
    known.add(value.as_bytes(), shortest);
    if !value.contains(['\\', '%', '&']) {
        return;
    }
    let whole = decoded(value);
    known.add(&whole, shortest);
    known.add(without_beginning_of_escape(&whole), SHORTEST);
    // Where what stands before the value makes an escape with its first characters, the rest is decoded for itself.
    for start in (1..=LONGEST_OVERLAP).filter(|&start| value.is_char_boundary(start) && start < value.len()) {
        let rest = &value[start..boundary_before(value, start + ENOUGH)];
        known.add(without_beginning_of_escape(&decoded(rest)), SHORTEST);
    }
}

/// A value without its escapes.
fn decoded(value: &str) -> Zeroizing<Vec<u8>> {
    let mut text = DecodedText::received(value);
    for _ in 0..MOST_ESCAPES {
        let Some(next) = text.unescaped() else { break };
        text = next;
    }
    text.bytes
}

/// Without an end that could be the beginning of an escape: what stands behind the value would become part of it.
fn without_beginning_of_escape(value: &[u8]) -> &[u8] {
    let tail = value.len().saturating_sub(10);
    value[tail..].iter().position(|byte| b"\\%&".contains(byte)).map_or(value, |at| &value[..tail + at])
}

/// The passwords of the URLs in a value, and names of users that are as long as a token.
fn passwords(value: &str) -> impl Iterator<Item = &str> {
    value.split("://").skip(1).filter_map(|url| {
        let url = url.split(|character: char| character.is_whitespace() || "\"'".contains(character)).next()?;
        let authority = url.split(['/', '?', '#']).next()?;
        // A password that holds a slash itself should have been encoded, and is not always.
        let (user, _) = authority.rsplit_once('@').or_else(|| url.rsplit_once('@'))?;
        match user.split_once(':') {
            Some((_, password)) => Some(password),
            None => Some(user).filter(|user| user.len() >= SHORTEST),
        }
    })
}

/// What a URL or a connection string has under a secret-like name: `…?password=…`, `Server=…;Password=…`.
fn parameters(value: &str) -> impl Iterator<Item = &str> {
    let pairs = value.split(['?', '&', ';', ' ']).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| is_secret_like(name)).map(|(_, value)| value)
}

/// The values of OpenTelemetry's list of headers, `x-key=…,authorization=Basic …`, each also without its scheme. Whatever
/// their names are, they are credentials.
fn header_values(list: &str) -> impl Iterator<Item = &str> {
    let values = list.split(',').filter_map(|header| Some(header.split_once('=')?.1.trim()));
    values.flat_map(|value| {
        let scheme = value.split_once(' ').or_else(|| value.split_once("%20"));
        [Some(value), scheme.map(|(_, rest)| rest)].into_iter().flatten()
    })
}

/// The last place at or before `at` where a character begins, or the end of the text.
fn boundary_before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}

/// The first place at or behind `at` where a character begins, or the end of the text.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

/// A search through the layers of one text.
struct RedactSearch<'k> {
    known: &'k Known,
    found: Vec<ByteRange>,
    /// How many bytes may still be decoded.
    work: usize,
}

impl RedactSearch<'_> {
    /// Searches a text and everything that it decodes to; `None` if that is too much.
    fn text(&mut self, mut text: DecodedText, depth: usize) -> Option<()> {
        let mut seen = HashSet::new();
        for layer in 0..MOST_ESCAPES {
            self.work = self.work.checked_sub(text.bytes.len())?;
            self.known.whole.find(&text, &mut self.found);
            if layer > 0 || depth > 0 {
                self.known.rests.find(&text, &mut self.found);
            }
            let credentials = credential_shape::find(&text.bytes);
            self.found.extend(credentials.map(|(start, end)| text.span(start, end)));
            self.encoded(&text, depth, &mut seen)?;
            match text.unescaped() {
                Some(unescaped) => text = unescaped,
                None => return Some(()),
            }
        }
        None
    }

    /// Searches what the base64 and the hexadecimal text in it decode to.
    fn encoded(&mut self, text: &DecodedText, depth: usize, seen: &mut HashSet<(ByteRange, usize)>) -> Option<()> {
        let runs = text.runs(self.known.whole.shortest(), seen);
        if depth == MOST_ENCODINGS {
            let long = runs.iter().filter(|run| run.len() >= SUSPICIOUS);
            let ends = long.map(|run| (run[0] as usize, run[run.len() - 1] as usize + 1));
            self.found.extend(ends.map(|(start, end)| text.span(start, end)));
            return Some(());
        }
        for encoding in ENCODINGS {
            let pieces = text.pieces(&runs, encoding);
            if !pieces.bytes.is_empty() {
                self.text(pieces, depth + 1)?;
            }
        }
        Some(())
    }
}

/// The text with a mask for each of the spans, or for several that touch each other.
fn masked(text: &str, mut spans: Vec<ByteRange>) -> String {
    spans.sort_unstable();
    let shown = boundary_before(text, LONGEST_TEXT);
    let (mut masked, mut written) = (String::with_capacity(shown), 0);
    let mut is_open = false;
    for ByteRange { start, end } in spans {
        let start = boundary_before(text, start as usize).min(shown);
        let end = boundary_after(text, end as usize).min(shown);
        if end <= written {
            continue;
        }
        if start > written || !is_open {
            masked.push_str(&text[written..start]);
            masked.push_str(MASK);
        }
        (written, is_open) = (end, true);
    }
    masked.push_str(&text[written.min(shown)..shown]);
    if shown < text.len() {
        masked.push('…');
    }
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::Secret;
    use crate::drift::redact::Redactor;

    #[test]
    fn known_values_are_redacted_in_every_encoding() {
        let scrubber = Redactor::default();
        scrubber.add("GREETING", &Secret::new("say \"hi\" & go"));
        scrubber.add("API_KEY", &Secret::new("k3y"));
        scrubber.add("MODE", &Secret::new("debug"));
        for (text, expected) in [
            ("got say \"hi\" & go here", "got ••• here"),
            ("json say \\\"hi\\\" & go.", "json •••."),
            ("url say%20%22hi%22%20%26%20go!", "url •••!"),
            ("form say+%22hi%22+%26+go!", "form •••!"),
            ("b64 c2F5ICJoaSIgJiBnbw==", "b64 •••=="),
            ("basic dXNlcjpzYXkgImhpIiAmIGdv", "basic dXNlcj•••"),
            ("key k3y", "key •••"),
            ("in debug mode", "in debug mode"),
        ] {
            assert_eq!(scrubber.redact(text), expected);
        }
    }

    #[test]
    fn every_trace_exporter_header_is_a_credential() {
        let scrubber = Redactor::default();
        let headers = "x-railway=1a2b3c4d5e,authorization=Basic%20c2hvcDpzaG9w, x-team = Api 0123456789";
        scrubber.add("OTEL_EXPORTER_OTLP_HEADERS", &Secret::new(headers));
        scrubber.add("SOME_HEADERS", &Secret::new("x-other=not-learned"));
        for credential in ["1a2b3c4d5e", "c2hvcDpzaG9w", "0123456789"] {
            let told = scrubber.redact(&format!("sent {credential}, twice"));
            assert!(told.ends_with("•••, twice") && !told.contains(credential), "{told}");
        }
        for text in ["x-railway, Basic", "not-learned"] {
            assert_eq!(scrubber.redact(text), text);
        }
    }

    #[test]
    fn credential_shapes_are_redacted_by_default() {
        let scrubber = Redactor::default();
        assert_eq!(scrubber.redact("token \"ghp_0123456789abcdef\" is bad"), "token \"•••\" is bad");
        assert_eq!(scrubber.redact("at postgres://u:p@ss@db.internal:5432/x"), "at postgres://•••@db.internal:5432/x");
        assert_eq!(scrubber.redact("sk- is a prefix, eyJ too"), "sk- is a prefix, eyJ too");
        assert_eq!(scrubber.redact("https://railway.com/account"), "https://railway.com/account");
    }

    #[test]
    fn multi_line_value_is_redacted_line_by_line() {
        let scrubber = Redactor::default();
        scrubber.add("PEM", &Secret::new("-----BEGIN KEY-----\nMIIBVgIBADAN\n\tqQIDAQAB+x8=\n==\n-----END KEY-----\n"));
        scrubber.add("ESCAPED", &Secret::new("first-line\\nsecond-line\\n"));
        scrubber.add("SPACED", &Secret::new(" of-blanks\r\n"));
        scrubber.add("A_KEY", &Secret::new("k3y\n"));
        for (text, expected) in [
            ("MIIBVgIBADAN", "•••"),
            ("| qQIDAQAB+x8= |", "| ••• |"),
            ("a == b", "a == b"),
            ("second-line, first-line", "•••, •••"),
            ("[of-blanks]", "[•••]"),
            ("key k3y", "key •••"),
        ] {
            assert_eq!(scrubber.redact(text), expected);
        }
    }

    #[test]
    fn longest_value_is_redacted_first() {
        let scrubber = Redactor::default();
        scrubber.add("A_KEY", &Secret::new("abc"));
        scrubber.add("B", &Secret::new("abcdefghij"));
        assert_eq!(scrubber.redact("abcdefghij abc"), "••• •••");
    }

    #[test]
    fn value_added_later_is_redacted_from_then_on() {
        let scrubber = Redactor::default();
        scrubber.add("A", &Secret::new("first-value"));
        assert_eq!(scrubber.redact("first-value second-value"), "••• second-value");
        scrubber.add("B", &Secret::new("second-value"));
        assert_eq!(scrubber.redact("first-value second-value"), "••• •••");
    }

    #[test]
    fn many_known_values_are_redacted_quickly() {
        let scrubber = Redactor::default();
        for number in 0..20_000 {
            scrubber.add("A", &Secret::new(format!("value-number-{number}")));
            scrubber.add("A_KEY", &Secret::new("short"));
        }
        for number in 0..100 {
            assert_eq!(
                scrubber.redact(&format!("it is <{number}-value-number-{number}>")),
                format!("it is <{number}-•••>")
            );
        }
    }

    proptest! {
        #[test]
        fn redaction_is_complete_and_idempotent(
            values in proptest::collection::vec("[ -~äß\\n]{8,14}", 1..4),
            parts in proptest::collection::vec("[ -~ä\\n]{0,6}", 4),
            noise in any::<String>(),
        ) {
            let scrubber = Redactor::default();
            for value in &values {
                scrubber.add("PLAIN", &Secret::new(value.as_str()));
            }
            let mut text = noise;
            for (part, value) in parts.iter().zip(values.iter().cycle()) {
                text.push_str(part);
                text.push_str(value);
            }
            let clean = scrubber.redact(&text);
            prop_assert!(values.iter().all(|value| !clean.contains(value.as_str())));
            prop_assert_eq!(scrubber.redact(&clean), clean);
        }
    }

    #[test]
    fn excerpt_is_redacted_before_truncation() {
        let scrubber = Redactor::default();
        let known = "k".repeat(40);
        scrubber.add("OPS_API_KEY", &Secret::new(known.as_str()));
        let plain = r#"{"detail": "Invalid staging API key"}"#;
        assert_eq!(scrubber.excerpt(plain, 300), plain);
        assert_eq!(scrubber.excerpt(&format!("key {known}\n\n\tis old"), 300), "key ••• is old");
        assert_eq!(scrubber.excerpt(&format!("xx{known}"), 5), "xx•••");
        assert_eq!(scrubber.excerpt("üüüü", 3), "üüü…");
        assert_eq!(scrubber.excerpt("üüü", 3), "üüü");
    }
}
