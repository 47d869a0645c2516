//! Redacts every known value in a text from outside, such as a log line or an error response.
//!
//! Programs encode a value in more ways than can be listed, and nest encodings: JSON in JSON, base64 in a URL. So
//! instead of searching for every encoding of a value, the text is decoded layer by layer, and each layer is searched
//! for the values. For each decoded byte, its range in the original text is recorded; a match is replaced there.

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
use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::redact::decoded_text::{ByteRange, DecodedText, ENCODINGS};
use crate::drift::redact::known_values::{KnownValues, LONGEST_OVERLAP, SHORTEST};
use crate::drift::secret_like::is_secret_like;

/// Replaces a value.
const MASK: &str = "•••";

/// The number of layers of escapes that are decoded. JSON in JSON doubles its backslashes with each layer.
const MOST_ESCAPES: usize = 16;

/// The number of layers of base64 that are decoded.
const MOST_ENCODINGS: usize = 4;

/// Base64 below that number of layers is not decoded, but redacted if it is at least this long.
const SUSPICIOUS: usize = 24;

/// The number of bytes that may be decoded for each byte of a text. Three nested encodings take about fifteen.
const MOST_WORK: usize = 64;

/// The number of bytes that may be decoded in addition, regardless of the length of the text.
const LEAST_WORK: usize = 1 << 16;

/// A longer text is truncated: no report shows that much, and its layers have to fit into memory.
const LONGEST_TEXT: usize = 2 << 20;

/// The number of bytes after the truncation point that are also searched, so that a value across it is recognised.
const BEHIND_CUT: usize = 1 << 16;

/// The number of bytes of a value that are enough to recognise it after a partly decoded start.
const ENOUGH: usize = 256;

/// Redacts the values that are known to this run.
#[derive(Default)]
pub struct Redactor {
    known: RefCell<Known>,
}

/// The values to search for.
#[derive(Default)]
struct Known {
    /// Hashes of the keys and values that were added.
    added: HashSet<u64>,
    /// Has a random key, so that a hash reveals nothing about the value.
    hasher: RandomState,
    /// The keys and values that are not indexed yet: most runs redact nothing.
    waiting: Vec<(String, Secret)>,
    /// The whole values.
    whole: KnownValues,
    /// The values without their first bytes. The text before a value may form an escape with its first bytes, so that
    /// only the rest of the value remains after decoding. Only decoded layers are searched for these.
    rests: KnownValues,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redactor(•••)")
    }
}

impl Redactor {
    /// Adds a value with its key.
    pub fn add(&self, key: &str, value: &Secret) {
        let mut known = self.known.borrow_mut();
        // Most values are added three times: as stored, as rendered, and as deployed.
        let hash = known.hasher.hash_one((key, value.expose()));
        if known.added.insert(hash) {
            known.waiting.push((key.to_owned(), value.clone()));
        }
    }

    /// Redacts every known value and everything that looks like a credential.
    pub fn redact(&self, text: &str) -> String {
        let mut known = self.known.borrow_mut();
        known.index();
        let examined = &text[..boundary_before(text, LONGEST_TEXT + BEHIND_CUT)];
        let mut search =
            RedactSearch { known: &known, found: Vec::new(), work: LEAST_WORK + MOST_WORK * examined.len() };
        match search.text(DecodedText::received(examined), 0) {
            Some(()) => replaced(text, search.found),
            // No program nests encodings this deeply, so nothing of the text is shown.
            None => MASK.to_owned(),
        }
    }

    /// Returns the start of the redacted text, on one line. It is truncated after redaction, because part of a value
    /// would not be recognised.
    pub fn excerpt(&self, text: &str, most: usize) -> String {
        let line = self.redact(text).split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(most) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

impl Known {
    /// Indexes the values that were added since the last call.
    fn index(&mut self) {
        for (key, value) in std::mem::take(&mut self.waiting) {
            self.learn(&key, value.expose());
        }
        self.whole.index();
        self.rests.index();
    }

    /// Learns a value, the trimmed value, each of its lines, because logs contain single lines, and the passwords of URLs
    /// in it.
    fn learn(&mut self, key: &str, text: &str) {
        let (bare, shortest) = (text.trim(), if is_secret_like(key) { 1 } else { SHORTEST });
        add(self, text, shortest);
        if bare.len() < text.len() {
            add(self, bare, shortest);
        }
        // Programs turn the `\n` in a one-line private key into line ends.
        let lines = bare.split('\n').flat_map(|line| line.split("\\n")).map(str::trim);
        let lines = lines.filter(|line| line.len() < bare.len());
        // Short lines, such as the last line of a private key, are left out: they are as short as a word.
        lines.for_each(|line| add(self, line, SHORTEST));
        passwords(bare).for_each(|password| add(self, password, 1));
        parameters(bare).for_each(|parameter| add(self, parameter, SHORTEST));
        if key.starts_with("OTEL_") && key.ends_with("_HEADERS") {
            header_values(bare).for_each(|value| add(self, value, SHORTEST));
        }
    }
}

/// Adds a value, and also its unescaped form: a text is decoded until no escape is left, so escapes in the value itself
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
    // If the text before the value forms an escape with its first characters, the rest is decoded on its own.
    for start in (1..=LONGEST_OVERLAP).filter(|&start| value.is_char_boundary(start) && start < value.len()) {
        let rest = &value[start..boundary_before(value, start + ENOUGH)];
        known.add(without_beginning_of_escape(&decoded(rest)), SHORTEST);
    }
}

/// Returns the value with all escapes decoded.
fn decoded(value: &str) -> Zeroizing<Vec<u8>> {
    let mut text = DecodedText::received(value);
    for _ in 0..MOST_ESCAPES {
        let Some(next) = text.unescaped() else { break };
        text = next;
    }
    text.bytes
}

/// Removes an end that could be the start of an escape, which would include the text after the value.
fn without_beginning_of_escape(value: &[u8]) -> &[u8] {
    let tail = value.len().saturating_sub(10);
    value[tail..].iter().position(|byte| b"\\%&".contains(byte)).map_or(value, |at| &value[..tail + at])
}

/// Returns the passwords of URLs in a value, and user names that are long enough to be a token.
fn passwords(value: &str) -> impl Iterator<Item = &str> {
    value.split("://").skip(1).filter_map(|url| {
        let url = url.split(|character: char| character.is_whitespace() || "\"'".contains(character)).next()?;
        let authority = url.split(['/', '?', '#']).next()?;
        // A slash in a password should be percent-encoded, but is not always.
        let (user, _) = authority.rsplit_once('@').or_else(|| url.rsplit_once('@'))?;
        match user.split_once(':') {
            Some((_, password)) => Some(password),
            None => Some(user).filter(|user| user.len() >= SHORTEST),
        }
    })
}

/// Returns the parameters of a URL or connection string with a secret-like name: `…?password=…`, `Server=…;Password=…`.
fn parameters(value: &str) -> impl Iterator<Item = &str> {
    let pairs = value.split(['?', '&', ';', ' ']).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| is_secret_like(name)).map(|(_, value)| value)
}

/// Returns the values in a list of OpenTelemetry headers, `x-key=…,authorization=Basic …`, each also without its
/// scheme. They are credentials whatever their names are.
fn header_values(list: &str) -> impl Iterator<Item = &str> {
    let values = list.split(',').filter_map(|header| Some(header.split_once('=')?.1.trim()));
    values.flat_map(|value| {
        let scheme = value.split_once(' ').or_else(|| value.split_once("%20"));
        [Some(value), scheme.map(|(_, rest)| rest)].into_iter().flatten()
    })
}

/// Returns the last character boundary at or before `at`, or the end of the text.
fn boundary_before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}

/// Returns the first character boundary at or after `at`, or the end of the text.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

/// A search in all layers of a text.
struct RedactSearch<'k> {
    known: &'k Known,
    found: Vec<ByteRange>,
    /// The number of bytes that may still be decoded.
    work: usize,
}

impl RedactSearch<'_> {
    /// Searches a text and all its decoded layers; `None` if the limit is exceeded.
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

    /// Searches the decoded base64 and hexadecimal in a text.
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

/// Replaces each span; spans that touch or overlap get a single replacement.
fn replaced(text: &str, mut spans: Vec<ByteRange>) -> String {
    spans.sort_unstable();
    let shown = boundary_before(text, LONGEST_TEXT);
    let (mut output, mut written) = (String::with_capacity(shown), 0);
    let mut is_open = false;
    for ByteRange { start, end } in spans {
        let start = boundary_before(text, start as usize).min(shown);
        let end = boundary_after(text, end as usize).min(shown);
        if end <= written {
            continue;
        }
        if start > written || !is_open {
            output.push_str(&text[written..start]);
            output.push_str(MASK);
        }
        (written, is_open) = (end, true);
    }
    output.push_str(&text[written.min(shown)..shown]);
    if shown < text.len() {
        output.push('…');
    }
    output
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::Secret;
    use crate::drift::redact::Redactor;

    #[test]
    fn known_values_are_redacted_in_every_encoding() {
        let redactor = Redactor::default();
        redactor.add("GREETING", &Secret::new("say \"hi\" & go"));
        redactor.add("API_KEY", &Secret::new("k3y"));
        redactor.add("MODE", &Secret::new("debug"));
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
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn every_trace_exporter_header_is_a_credential() {
        let redactor = Redactor::default();
        let headers = "x-railway=1a2b3c4d5e,authorization=Basic%20c2hvcDpzaG9w, x-team = Api 0123456789";
        redactor.add("OTEL_EXPORTER_OTLP_HEADERS", &Secret::new(headers));
        redactor.add("SOME_HEADERS", &Secret::new("x-other=not-learned"));
        for credential in ["1a2b3c4d5e", "c2hvcDpzaG9w", "0123456789"] {
            let redacted = redactor.redact(&format!("sent {credential}, twice"));
            assert!(redacted.ends_with("•••, twice") && !redacted.contains(credential), "{redacted}");
        }
        for text in ["x-railway, Basic", "not-learned"] {
            assert_eq!(redactor.redact(text), text);
        }
    }

    #[test]
    fn credential_shapes_are_redacted_by_default() {
        let redactor = Redactor::default();
        assert_eq!(redactor.redact("token \"ghp_0123456789abcdef\" is bad"), "token \"•••\" is bad");
        assert_eq!(redactor.redact("at postgres://u:p@ss@db.internal:5432/x"), "at postgres://•••@db.internal:5432/x");
        assert_eq!(redactor.redact("sk- is a prefix, eyJ too"), "sk- is a prefix, eyJ too");
        assert_eq!(redactor.redact("https://railway.com/account"), "https://railway.com/account");
    }

    #[test]
    fn multi_line_value_is_redacted_line_by_line() {
        let redactor = Redactor::default();
        redactor.add("PEM", &Secret::new("-----BEGIN KEY-----\nMIIBVgIBADAN\n\tqQIDAQAB+x8=\n==\n-----END KEY-----\n"));
        redactor.add("ESCAPED", &Secret::new("first-line\\nsecond-line\\n"));
        redactor.add("SPACED", &Secret::new(" of-blanks\r\n"));
        redactor.add("A_KEY", &Secret::new("k3y\n"));
        for (text, expected) in [
            ("MIIBVgIBADAN", "•••"),
            ("| qQIDAQAB+x8= |", "| ••• |"),
            ("a == b", "a == b"),
            ("second-line, first-line", "•••, •••"),
            ("[of-blanks]", "[•••]"),
            ("key k3y", "key •••"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn longest_value_is_redacted_first() {
        let redactor = Redactor::default();
        redactor.add("A_KEY", &Secret::new("abc"));
        redactor.add("B", &Secret::new("abcdefghij"));
        assert_eq!(redactor.redact("abcdefghij abc"), "••• •••");
    }

    #[test]
    fn value_added_later_is_redacted_from_then_on() {
        let redactor = Redactor::default();
        redactor.add("A", &Secret::new("first-value"));
        assert_eq!(redactor.redact("first-value second-value"), "••• second-value");
        redactor.add("B", &Secret::new("second-value"));
        assert_eq!(redactor.redact("first-value second-value"), "••• •••");
    }

    #[test]
    fn many_known_values_are_redacted_quickly() {
        let redactor = Redactor::default();
        for number in 0..20_000 {
            redactor.add("A", &Secret::new(format!("value-number-{number}")));
            redactor.add("A_KEY", &Secret::new("short"));
        }
        for number in 0..100 {
            assert_eq!(
                redactor.redact(&format!("it is <{number}-value-number-{number}>")),
                format!("it is <{number}-•••>")
            );
        }
    }

    proptest! {
        #[test]
        fn redaction_is_complete_and_stable(
            values in proptest::collection::vec("[ -~äß\\n]{8,14}", 1..4),
            parts in proptest::collection::vec("[ -~ä\\n]{0,6}", 4),
            noise in any::<String>(),
        ) {
            let redactor = Redactor::default();
            for value in &values {
                redactor.add("PLAIN", &Secret::new(value.as_str()));
            }
            let mut text = noise;
            for (part, value) in parts.iter().zip(values.iter().cycle()) {
                text.push_str(part);
                text.push_str(value);
            }
            let clean = redactor.redact(&text);
            prop_assert!(values.iter().all(|value| !clean.contains(value.as_str())));
            // Without the line break of a value, more of the text may be the user of a URL.
            let again = redactor.redact(&clean);
            prop_assert_eq!(redactor.redact(&again), again);
        }
    }

    #[test]
    fn excerpt_is_redacted_before_truncation() {
        let redactor = Redactor::default();
        let known = "k".repeat(40);
        redactor.add("OPS_API_KEY", &Secret::new(known.as_str()));
        let plain = r#"{"detail": "Invalid staging API key"}"#;
        assert_eq!(redactor.excerpt(plain, 300), plain);
        assert_eq!(redactor.excerpt(&format!("key {known}\n\n\tis old"), 300), "key ••• is old");
        assert_eq!(redactor.excerpt(&format!("xx{known}"), 5), "xx•••");
        assert_eq!(redactor.excerpt("üüüü", 3), "üüü…");
        assert_eq!(redactor.excerpt("üüü", 3), "üüü");
    }
}
