//! Lines that look like `KEY=` but are fragments of a longer value that was pasted without quotes.
//!
//! The last line of base64 ends in padding, and a line of JSON or a URL may contain a `=`. Loaders read the text before
//! it as a key, and every report prints keys, so a fragment of a secret would be shown. Such a line is reported as a
//! problem, by its number, and is not an assignment.
//!
//! Whether a key is a fragment depends on how random it looks and on the lines above it. A wrong guess hides a
//! variable, so names in constant, camel or dotted case are accepted unless the context clearly contradicts them.

use std::collections::HashSet;
use std::ops::Range;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::key_block::drop_bindings;
use crate::drift::dotenv::literal::Literal;
use crate::drift::dotenv::problem::Problem;
use crate::drift::dotenv::source_text::Counter;

/// Describes such a line.
pub const DESCRIPTION: &str = "the text before `=` looks like part of an unquoted value, not a key";

/// Shorter keys are always shown: they reveal too little, and too many short names look random.
const SHORTEST: usize = 8;

/// In practice, no variable has a longer name.
const LONGEST: usize = 128;

/// A value of at least this length may continue on the next line: tools wrap base64 at 48 to 76 characters.
const WRAPPED: usize = 40;

/// Removes the assignments whose key is a fragment of a value, and adds a problem for each.
pub fn remove_assignments(original: &str, read: &mut Literal, flaws: &mut Vec<Problem>) {
    let found = starts(original, &read.bindings);
    if found.is_empty() {
        return;
    }
    let mut counter = Counter::new(original);
    let mut places: Vec<(usize, usize)> = Vec::new();
    for binding in read.bindings.iter().filter(|binding| found.contains(&binding.key_span.start)) {
        places.push(counter.place(binding.key_span.start));
    }
    let keys: HashSet<String> = read
        .bindings
        .iter()
        .filter(|binding| found.contains(&binding.key_span.start))
        .map(|binding| binding.key.clone())
        .collect();
    for flaw in flaws.iter_mut().filter(|flaw| flaw.key.as_ref().is_some_and(|key| keys.contains(key))) {
        flaw.key = None;
    }
    drop_bindings(read, |binding| found.contains(&binding.key_span.start));
    let lines: HashSet<usize> = places.iter().map(|place| place.0).collect();
    flaws.retain(|flaw| !lines.contains(&flaw.line));
    let flaw = |(line, column)| Problem { line, column, description: DESCRIPTION, key: None, rejected_by: Vec::new() };
    flaws.extend(places.into_iter().map(flaw));
    flaws.sort_by_key(|flaw| flaw.line);
    flaws.dedup_by_key(|flaw| (flaw.line, flaw.column, flaw.description));
}

/// Removes such assignments from the reading of one loader.
pub fn retain_names(original: &str, bindings: &mut Vec<Binding>) {
    let found = starts(original, bindings.iter());
    bindings.retain(|binding| !found.contains(&binding.key_span.start));
}

/// Returns whether a key without the context of a file can be shown, such as one given on the command line.
pub fn is_name(key: &str) -> bool {
    !is_odd(key) && !is_random(key)
}

/// Returns the offsets of the keys that are fragments of a value.
pub fn starts<'b>(original: &str, bindings: impl IntoIterator<Item = &'b Binding>) -> HashSet<usize> {
    let keys = bindings.into_iter().map(|binding| (&binding.key_span, binding.key.as_str()));
    let mut keys: Vec<(&Range<usize>, &str)> = keys.filter(|(_, key)| may_be_fragment(key)).collect();
    keys.sort_by_key(|(span, _)| span.start);
    let mut reader = Reader { text: original, at: 0, above: Above::Ordinary };
    let mut is_piece = |span: &Range<usize>, key: &str| {
        is_odd(key) || is_random(key) || {
            let above = reader.above(span.start);
            is_rest(key, FragmentEnd::of(&original[span.end..]), above)
        }
    };
    keys.into_iter().filter(|(span, key)| is_piece(span, key)).map(|(span, _)| span.start).collect()
}

/// Returns whether the key contains characters that values have and names do not, or is longer than any name.
fn is_odd(key: &str) -> bool {
    let mut characters = key.chars();
    let counted = characters.by_ref().take(LONGEST).count();
    let is_long = characters.next().is_some();
    let is_foreign = |character: char| {
        (character.is_ascii_graphic() && !character.is_ascii_alphanumeric() && !"_.-".contains(character))
            || character.is_whitespace()
    };
    is_long || (counted >= SHORTEST && key.contains(is_foreign))
}

/// Returns whether the key looks random without any context.
fn is_random(key: &str) -> bool {
    key.len() >= 16 && breaks(key) >= 3.max(key.len() / 8)
}

/// Returns whether the key may be a fragment in some context. Most keys may not, so that their lines are not read.
fn may_be_fragment(key: &str) -> bool {
    let shape = KeyShape::of(key);
    let is_long = key.chars().nth(SHORTEST - 1).is_some();
    is_long && (!shape.is_words || is_odd(key) || is_random(key))
}

/// What the letters of a key show.
struct KeyShape {
    breaks: usize,
    /// It is in upper case and has an underscore.
    is_constant: bool,
    /// It looks like words.
    is_words: bool,
}

impl KeyShape {
    fn of(key: &str) -> Self {
        let has = |is: fn(&u8) -> bool| key.bytes().any(|byte| is(&byte));
        let (small, capital) = (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
        let breaks = breaks(key);
        let is_constant = !small && key.contains('_');
        let is_plain = breaks == 0 || (breaks == 1 && !has(u8::is_ascii_digit));
        Self { breaks, is_constant, is_words: (small != capital && is_plain) || (is_constant && breaks < 3) }
    }
}

/// Returns whether the key continues a value, judged by the end of its line and the lines above it.
fn is_rest(key: &str, ending: FragmentEnd, above: Above) -> bool {
    let KeyShape { breaks, is_constant, is_words } = KeyShape::of(key);
    match (ending, above) {
        (FragmentEnd::Padding | FragmentEnd::Below, _) | (FragmentEnd::Empty, Above::Piece) => !is_words,
        // The length of padded base64 is a multiple of four.
        (FragmentEnd::Empty, Above::Wrapped) => breaks >= 1 && !is_words && (key.len() + 1).is_multiple_of(4),
        (FragmentEnd::Empty, Above::Ordinary) => breaks >= 2 && !is_constant && (key.len() + 1).is_multiple_of(4),
        (FragmentEnd::Value, Above::Piece) => breaks >= 2 && !is_words,
        (FragmentEnd::Value, Above::Wrapped | Above::Ordinary) => false,
    }
}

/// Counts patterns that are rare in words: a lone lower-case letter before an upper-case one, digits between letters,
/// six consonants in a row. Random text has one every third or fourth character.
fn breaks(text: &str) -> usize {
    text.split(['_', '.', '-']).map(|part| inner_breaks(part.as_bytes())).sum()
}

fn inner_breaks(part: &[u8]) -> usize {
    let (mut breaks, mut consonants, mut has_letter) = (0, 0, false);
    for (at, &byte) in part.iter().enumerate() {
        let (before, after) = (at.checked_sub(1).map(|before| part[before]), part.get(at + 1).copied());
        let follows_small = before.is_some_and(|before| before.is_ascii_lowercase());
        let ends = after.is_some_and(|after| after.is_ascii_uppercase());
        let is_lone = byte.is_ascii_lowercase() && !follows_small && ends;
        let is_enclosed = byte.is_ascii_digit() && has_letter && after.is_some_and(|after| !after.is_ascii_digit());
        has_letter |= !byte.is_ascii_digit();
        let is_consonant = byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(&byte);
        consonants = if is_consonant { consonants + 1 } else { 0 };
        let is_run = consonants >= 6 && consonants % 3 == 0;
        breaks += usize::from(is_lone) + usize::from(is_enclosed) + usize::from(is_run);
    }
    breaks
}

/// What follows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FragmentEnd {
    /// A single `=`.
    Empty,
    /// Several `=` and nothing else.
    Padding,
    /// Nothing on the key's line; the `=` is on a line below.
    Below,
    Value,
}

impl FragmentEnd {
    fn of(behind: &str) -> Self {
        let line = behind.split(['\n', '\r']).next().unwrap_or_default().trim();
        match line.strip_prefix('=') {
            Some("") => Self::Empty,
            Some(rest) if rest.bytes().all(|byte| byte == b'=') => Self::Padding,
            None if line.is_empty() => Self::Below,
            _ => Self::Value,
        }
    }
}

/// What precedes a line, ignoring blank lines and comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Above {
    /// Nothing that continues.
    Ordinary,
    /// An assignment whose value may continue here.
    Wrapped,
    /// A line of a value that continues.
    Piece,
}

/// Reads each line of a text once, in order.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    above: Above,
}

impl Reader<'_> {
    /// Returns what precedes the line of the offset. Offsets must not decrease.
    fn above(&mut self, offset: usize) -> Above {
        while let Some(length) = self.text[self.at..].find(['\n', '\r']) {
            let end = self.at + length;
            if end >= offset {
                break;
            }
            self.above = after(&self.text[self.at..end], self.above);
            self.at = end + 1;
        }
        self.above
    }
}

/// Returns what the next line is preceded by, given this line and what precedes it.
fn after(line: &str, above: Above) -> Above {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    if line.is_empty() || line.starts_with('#') {
        return above;
    }
    match (line.contains("-----BEGIN "), line.contains("-----END ")) {
        (_, true) => return Above::Ordinary,
        (true, false) => return Above::Piece,
        (false, false) => {}
    }
    let token = line.trim_end_matches('=');
    if is_base64(token) && token.len() >= SHORTEST {
        let continues = match above {
            Above::Piece => breaks(token) > 0 || token.len() >= WRAPPED,
            Above::Wrapped | Above::Ordinary => token.len() >= 16 && breaks(token) >= 2.max(token.len() / 8),
        };
        return if continues { Above::Piece } else { Above::Ordinary };
    }
    let right = line.split_once('=').map(|(_, right)| right.trim().trim_start_matches(['"', '\'', '`']));
    let is_wrapped = |right: &str| {
        right.len() >= WRAPPED && right.len().is_multiple_of(4) && is_base64(right) && breaks(right) >= right.len() / 8
    };
    match right {
        Some(right) if is_wrapped(right) => Above::Wrapped,
        // The headers of an encrypted PEM block.
        None if line.contains(": ") => above,
        _ => Above::Ordinary,
    }
}

/// Returns whether the text consists of base64 characters, in either alphabet, or of a dotted token such as a JWT.
fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::dotenv::pasted_fragment::{DESCRIPTION, is_name};
    use crate::drift::dotenv::{Loader, LocalFile};

    fn keys(text: &str) -> Vec<String> {
        LocalFile::parse(".env", Secret::new(text)).entries.into_iter().map(|entry| entry.key).collect()
    }

    /// Base64 whose last line is short and padded.
    const LINES: [&str; 3] = [
        "TTr0p5Kk3Hq9vZ1mJx8wQeYb7sLdN2cFgRuTaVoPiXzWnEhMkBjSyC4D6fGHtA0l",
        "U5rIqO9pKwXv3ZbNmLsTeYdR8cFgQuJaVhPiBzWnE1MkxjSy",
        "C4D6fGHtA0lQw2==",
    ];

    /// Returns ways in which a multi-line secret is pasted into a file without quotes.
    fn shapes() -> Vec<(&'static str, String)> {
        let [first, second, last] = LINES;
        let body = format!("{first}\n{second}\n{last}");
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        let safe = body.replace('T', "_").replace('r', "-");
        let one = last.replace("==", "u=");
        vec![
            ("no BEGIN line", format!("TLS_KEY=\n{body}\n")),
            ("no BEGIN line, first line as value", format!("TLS_KEY={body}\n")),
            ("no BEGIN line, open quote", format!("TLS_KEY=\"{body}\n")),
            ("below an empty value", format!("PRIVATE_KEY=\n{begin}\n{body}\n{end}\n")),
            ("a quote closed too early", format!("PRIVATE_KEY=\"{begin}\"\n{body}\n{end}\n")),
            ("no END line", format!("PRIVATE_KEY={begin}\n{body}\nAPP=1\n")),
            ("a comment inside", format!("PRIVATE_KEY={begin}\n# the old one\n{body}\n{end}\n")),
            ("a blank line inside", format!("PRIVATE_KEY={begin}\n\n{body}\n{end}\n")),
            ("CRLF", format!("PRIVATE_KEY={begin}\n{body}\n").replace('\n', "\r\n")),
            ("CR", format!("PRIVATE_KEY={begin}\n{body}\n").replace('\n', "\r")),
            ("indented", format!("PRIVATE_KEY=\n{}\n", body.replace('\n', "\n    "))),
            ("export", format!("export PRIVATE_KEY=\nexport {}\n", body.replace('\n', "\nexport "))),
            ("one = of padding", format!("TLS_KEY=\n{first}\n{one}\n")),
            ("one = of padding, first line as value", format!("TLS_KEY={first}\n{one}\n")),
            ("base64url", format!("TOKEN=\n{safe}\n")),
            ("only the last line", format!("TLS_KEY=\n{last}\nAPP=1\n")),
            ("padding on a separate line", format!("TLS_KEY=\n{first}\n{second}\n==\n")),
            ("the checksum of PGP", format!("PGP=-----BEGIN PGP MESSAGE-----\n\n{second}\n=aB3d\n")),
            ("a header inside", format!("PEM={begin}\nProc-Type: 4,ENCRYPTED\n\n{body}\n")),
            ("base32", "TOTP=\nJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEH======\n".to_owned()),
            ("hex followed by `=`", format!("K=\n{}=\n", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c")),
            ("JSON", format!("{{\"kty\":\"oct\",\"k\":\"{last}\",\"alg\":\"A256\"}}\n")),
            (
                "a URL",
                format!("DATABASE_URL=\npostgres://user:{}@db.example:5432/shop?sslmode=require\n", &first[..20]),
            ),
            ("a JWT", format!("JWT={first}.\n{second}.\n{}=x\n", &first[..30])),
            ("an ssh key", format!("SSH_KEY=\n{begin}\nb3BlbnNzaC1rZXktdjEAAAAA\n{body}\n{end}\n")),
            ("two certificates", format!("CA=\n{begin}\n{body}\n{end}\n{begin}\n{body}\n{end}\n")),
            ("a quoted name", format!("'{first}\n{second}'=x\n")),
            ("`=` in the middle", format!("SEED=\n{}={}\n", &first[..40], &first[41..])),
        ]
    }

    #[test]
    fn fragments_of_values_are_not_keys() {
        for (name, text) in shapes() {
            let text = format!("REGION=eu\n{text}");
            let file = LocalFile::parse(".env", Secret::new(text.as_str()));
            let readings = [None, Some(Loader::Dotenvy), Some(Loader::Python), Some(Loader::Node)];
            let read = readings.map(|loader| {
                loader.map_or_else(|| LocalFile::parse(".env", Secret::new(text.as_str())), |one| file.read_as(one))
            });
            let mut shown: Vec<String> = read.iter().flat_map(LocalFile::keys).map(str::to_owned).collect();
            shown.extend(file.disagreements().into_iter().map(|one| one.key));
            shown.extend(file.problems.iter().filter_map(|flaw| flaw.key.clone()));
            for loader in Loader::ALL {
                shown.extend(file.reading(loader).into_keys());
            }
            shown.push(file.redacted(&|_| "*".to_owned()));
            let known = ["REGION", "PRIVATE", "database", "postgres", "BEGIN PRIVATE"];
            for at in 0..text.len().saturating_sub(8) {
                let Some(piece) = text.get(at..at + 8) else { continue };
                let is_secret =
                    LINES.iter().any(|line| line.contains(piece)) || (name == "a URL" && piece.contains(":TTr0"));
                let leaks = is_secret && !known.iter().any(|word| word.contains(piece));
                assert!(!leaks || !shown.iter().any(|key| key.contains(piece)), "{name}: {piece} in {shown:?}");
            }
        }
    }

    #[test]
    fn fragment_lines_are_reported_by_number() {
        let [first, second, last] = LINES;
        let file = LocalFile::parse(".env", Secret::new(format!("A=1\nTLS_KEY={first}\n{second}\n{last}\nB=2\n")));
        let flaws: Vec<(usize, bool)> =
            file.problems.iter().map(|flaw| (flaw.line, flaw.description == DESCRIPTION)).collect();
        assert_eq!(flaws, [(3, false), (4, true)]);
        assert_eq!(file.entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["A", "TLS_KEY", "B"]);
    }

    /// Real names: empty, below an empty one, with a value, and after a broken block.
    #[test]
    fn plausible_names_are_shown() {
        let long = ["NEXT_PUBLIC", &["VERY_LONG_NAME"; 6].join("_")].join("_");
        let constants = "DATABASE_URL PGSSLROOTCERT XDG_RUNTIME_DIR AWS_S3_BUCKET X509_CERTIFICATE OAUTH2_CLIENT_ID I18N_PATH MD5_SALT_B64 \
            NEXT_PUBLIC_GA4_ID K8S_NAMESPACE E2E_TEST_USER NODE_TLS_REJECT_UNAUTHORIZED CLOUDFLARE_R2_ACCESS_KEY ARGON2ID_MEMORY \
            SECP256K1_PRIVATE_KEY JWT_RS256_PUBLIC WEB3_PROVIDER UNISWAP_V2_ROUTER EIP1559_FEE N8N_ENCRYPTION_KEY R2D2_TOKEN \
            PYTHONDONTWRITEBYTECODE GOOGLEAPPLICATIONCREDENTIALS npm_config_cache NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY";
        let mixed = "apiKey nextAuthSecret stripeSecretKey firebaseAppId azureADB2CTenant AzureAdB2C__ClientId Jwt__Key eCommerceApiUrl \
            ConnectionStrings__DefaultConnection Kestrel__Endpoints__Https__Url apiV2Key getURLForID2 x509Certificate databaseUrl \
            oauth2ClientSecret s3BucketName k8sNamespace spring.datasource.url my-app.some-key Logging__LogLevel__Default";
        let [_, _, last] = LINES;
        for name in constants.split_whitespace().chain([long.as_str()]) {
            for text in
                [format!("{name}="), format!("E=\n{name}="), format!("{name}=x"), format!("K=\n{last}\n{name}=x")]
            {
                assert!(keys(&text).contains(&name.to_owned()), "{text}");
            }
            assert!(
                keys(&format!("PRIVATE_KEY=-----BEGIN PRIVATE KEY-----\n{last}\n{name}=\n")).contains(&name.to_owned()),
                "{name}"
            );
        }
        for name in mixed.split_whitespace() {
            for text in [
                format!("{name}=x"),
                format!("{name}=x="),
                format!("A=1\n{name}=\nB=2"),
                format!("S={}\n{name}=x", LINES[0]),
            ] {
                assert!(keys(&text).contains(&name.to_owned()), "{text}");
            }
        }
        for name in ["ключ_доступа_к_api", "größe_der_datei", "A", "k==", "PASS?"] {
            assert_eq!(keys(&format!("{name}=x\n")).len(), 1, "{name}");
        }
    }

    /// The lines above, in which `LINE` is a line of base64, the line of the key, and whether the key is shown.
    #[test]
    fn possible_fragment_is_judged_by_its_line_and_the_lines_above() {
        for (above, line, expected) in [
            ("", "aB3dE7g==", true),
            ("", "aB3dE7gH==", false),
            ("", "A1B_C2D_E3F==", false),
            ("", "partOf4Rest\n==", false),
            ("", "partOf4Rest: x", true),
            ("", "RestOfIt=", true),
            // Padded base64 of 10 characters does not exist.
            ("", "aB3dEfG7h=", true),
            ("", "aB3dEfG7hIj=", false),
            ("K=LINE\n", "apiV2Key=", true),
            ("K=LINE\n", "partOf4Rest=", false),
            ("K=a sentence of more than forty characters is no base64\n", "partOf4Rest=", true),
            ("K=wordwordwordwordwordwordwordwordwordword\n", "partOf4Rest=", true),
            ("K=\nLINE\n", "nextAuthSecret=x", true),
            ("K=\nLINE\n", "aB3dEfG7hIj=x", false),
            ("K=\nLINE\n\n# the old one\n", "RestOfIt=", false),
            ("K=\nLINE\npartOf4Rest\n", "RestOfIt=", false),
            ("K=\nLINE\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "RestOfIt=", false),
            ("K=\nLINE\nProc-Type: 4,ENCRYPTED\n", "RestOfIt=", false),
            ("K=\nLINE\nno header\n", "RestOfIt=", true),
            ("K=\nLINE\ndocumentation\n", "RestOfIt=", true),
            ("K=\ninternationalization\n", "RestOfIt=", true),
            ("K=\nthe1quick2brown3foxjump\n", "RestOfIt=", false),
        ] {
            let text = format!("{}{line}\n", above.replace("LINE", LINES[0]));
            let (read, file) = (keys(&text), LocalFile::parse(".env", Secret::new(text)));
            let is_shown = read.iter().any(|key| line.starts_with(key.as_str()));
            let is_reported = file.problems.iter().any(|flaw| flaw.description == DESCRIPTION);
            assert_eq!((is_shown, is_reported), (expected, !expected), "{line} below {above:?}");
        }
    }

    #[test]
    fn typed_name_is_judged_without_context() {
        for (key, expected) in [
            ("DATABASE_URL", true),
            ("apiKey", true),
            ("OPS_KYE", true),
            ("sk_live_51HxYz9aBcD3eFgH4iJkL5mN", false),
            ("postgres://u:p@host/db", false),
            ("bcdfgh_jklmnp_qrstvw", false),
            // Random text of 31 characters has at least three breaks, and of 33 at least four.
            ("a1bcade2faghe3iojaka4lamanapa_q", false),
            ("K8S_E2E_I18N_TRANSLATION_FILE_URL", true),
            (&"A".repeat(129), false),
            ("my key is here", false),
        ] {
            assert_eq!(is_name(key), expected, "{key}");
        }
    }
}
