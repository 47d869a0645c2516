//! Why two values differ, from their texts alone.

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::placeholder::is_placeholder;
use crate::drift::reason::encoded::{is_base64, is_escaped, is_pem_on_one_line, is_percent_encoded};
use crate::drift::reason::json::is_same_json;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::suspicious_values::{is_invisible, without_quotes};

/// Returns why the values of the key differ, from their texts alone.
pub fn from_texts(key: &str, local: &Secret, stored: &Secret) -> Option<Reason> {
    let (local, stored) = (local.expose(), stored.expose());
    if local == stored {
        return None;
    }
    let sided = |test: fn(&str, &str) -> bool, reason: fn(ReasonSide) -> Reason| {
        let side = if test(local, stored) { ReasonSide::Local } else { ReasonSide::Stored };
        (side == ReasonSide::Local || test(stored, local)).then(|| reason(side))
    };
    let is_with_key = |one: &str, other: &str| is_with_key(key, one, other);
    let copied = || match (is_with_key(local, stored), is_with_key(stored, local)) {
        (true, _) => Some(Reason::KeyCopied(ReasonSide::Local)),
        (_, true) => Some(Reason::KeyCopied(ReasonSide::Stored)),
        _ => None,
    };
    let either = |test: fn(&str, &str) -> bool, reason: Reason| test(local, stored).then_some(reason);
    sided(|one, _| is_placeholder(one), Reason::Placeholder)
        .or_else(|| sided(|one, _| one.is_empty(), Reason::Empty))
        .or_else(|| sided(is_with_line_break, Reason::TrailingNewline))
        .or_else(|| sided(is_with_literal_break, Reason::LiteralNewline))
        .or_else(|| sided(is_in_quotes, Reason::Quotes))
        .or_else(copied)
        .or_else(|| sided(is_with_comment, Reason::Comment))
        .or_else(|| sided(is_with_crlf, Reason::LineEnds))
        .or_else(|| sided(is_with_escaped_breaks, Reason::EscapedNewlines))
        .or_else(|| sided(is_pem_on_one_line, Reason::PemOnOneLine))
        .or_else(|| either(|one, other| one.trim() == other.trim(), Reason::SurroundingSpace))
        .or_else(|| sided(is_with_invisible, Reason::Invisible))
        .or_else(|| either(is_same_but_for_case, Reason::Case))
        .or_else(|| sided(is_url_with_slash, Reason::TrailingSlash))
        .or_else(|| sided(is_padded, Reason::Padding))
        .or_else(|| sided(is_percent_encoded, Reason::PercentEncoded))
        .or_else(|| sided(is_base64, Reason::Base64))
        .or_else(|| either(is_same_json, Reason::Json))
        .or_else(|| sided(is_escaped_dollar, Reason::EscapedDollar))
        .or_else(|| sided(is_escaped, Reason::Escaped))
        .or_else(|| sided(is_expanded_to, Reason::Expansion))
}

/// If both sides end with a newline, neither is the intended value.
fn is_with_line_break(one: &str, other: &str) -> bool {
    !other.ends_with('\n') && one.strip_suffix("\r\n").or_else(|| one.strip_suffix('\n')) == Some(other)
}

fn is_with_literal_break(one: &str, other: &str) -> bool {
    !other.is_empty() && one.strip_suffix("\\n").map(|line| line.strip_suffix("\\r").unwrap_or(line)) == Some(other)
}

/// The text in the quotes may have escapes, as in a file.
fn is_in_quotes(one: &str, other: &str) -> bool {
    let whole = one.trim();
    without_quotes(whole) == Some(other)
        || ['"', '\''].into_iter().any(|quote| {
            let inner = whole.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            inner.is_some_and(|inner| is_escaped(inner, other))
        })
}

/// Returns whether `one` is the whole line of a file: `KEY=value`, also with `export` and quotes.
fn is_with_key(key: &str, one: &str, other: &str) -> bool {
    let Some((name, value)) = one.split_once('=') else { return false };
    let name = name.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    let value = value.trim();
    name.eq_ignore_ascii_case(key)
        && !other.is_empty()
        && (value == other.trim() || without_quotes(value) == Some(other))
}

/// Returns whether `one` is `other`, possibly in quotes, and a comment.
fn is_with_comment(one: &str, other: &str) -> bool {
    let is_comment = |rest: &str| rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with('#');
    let is_after = |text: &str| text.strip_prefix(other).is_some_and(is_comment);
    let is_quoted = |quote: char| {
        let rest = one.strip_prefix(quote).and_then(|rest| rest.strip_prefix(other)?.strip_prefix(quote));
        rest.is_some_and(is_comment)
    };
    !other.is_empty() && (is_after(one) || is_quoted('"') || is_quoted('\''))
}

fn is_with_crlf(one: &str, other: &str) -> bool {
    one.contains("\r\n") && Zeroizing::new(one.replace("\r\n", "\n")).as_str() == other
}

/// Trailing whitespace is ignored: a final newline is easily lost and would hide this reason.
fn is_with_escaped_breaks(one: &str, other: &str) -> bool {
    let real = |text: &str| Zeroizing::new(text.replace("\\r", "\r").replace("\\n", "\n"));
    one.contains("\\n") && other.contains('\n') && real(one).trim_end() == other.trim_end()
}

/// If both sides have invisible characters, neither is the intended value.
fn is_with_invisible(one: &str, other: &str) -> bool {
    // A no-break space may correspond to a space or to nothing.
    let equal_with = |blank: Option<char>| {
        let shown = move |letter| match letter {
            '\u{a0}' | '\u{202f}' => blank,
            _ => Some(letter).filter(|&letter| !is_invisible(letter)),
        };
        one.chars().filter_map(shown).eq(other.chars().filter_map(shown))
    };
    let has_invisible = |text: &str| text.chars().any(is_invisible);
    has_invisible(one) && !has_invisible(other) && (equal_with(None) || equal_with(Some(' ')))
}

fn is_same_but_for_case(one: &str, other: &str) -> bool {
    let small = |letter: char| letter.to_lowercase();
    one.chars().flat_map(small).eq(other.chars().flat_map(small))
}

/// The slash may end the URL, or the path before a query.
fn is_url_with_slash(one: &str, other: &str) -> bool {
    let path_end = |text: &str| text.find(['?', '#']).unwrap_or(text.len());
    let (path, rest) = one.split_at(path_end(one));
    let (other_path, other_rest) = other.split_at(path_end(other));
    one.contains("://") && rest == other_rest && path.strip_suffix('/') == Some(other_path)
}

fn is_padded(one: &str, other: &str) -> bool {
    let unpadded = one.trim_end_matches('=');
    let is_base64 = |text: &str| {
        text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte))
    };
    unpadded.len() < one.len() && one.len().is_multiple_of(4) && unpadded == other && is_base64(unpadded)
}

/// Returns whether `other` is `one` with each `$$` unescaped to `$`, as docker compose does, or each `\$`, as
/// dotenv-expand does.
fn is_escaped_dollar(one: &str, other: &str) -> bool {
    ["$$", "\\$"].iter().any(|pair| one.contains(pair) && Zeroizing::new(one.replace(pair, "$")).as_str() == other)
}

/// Returns whether `other` is `one` with each `$NAME` and `${NAME}` removed, as a loader does for unset variables.
fn is_expanded_to(one: &str, other: &str) -> bool {
    if !one.contains('$') || one.contains("${{") {
        return false;
    }
    expanded(one, other.len(), |_| None).is_some_and(|rest| rest.as_str() == other)
}

/// Returns the text with each `$NAME` and `${NAME}` replaced by its value from `lookup`, or removed if it has none.
/// `None` if the text has no such variable, or if the result would exceed `longest` bytes.
pub fn expanded<'v>(text: &str, longest: usize, lookup: impl Fn(&str) -> Option<&'v str>) -> Option<Zeroizing<String>> {
    let mut result = Zeroizing::new(String::with_capacity(longest));
    let mut found = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let length = name_length(after);
        let put = match length {
            0 => "$",
            _ => lookup(after[..length].trim_matches(['{', '}'])).unwrap_or_default(),
        };
        if result.len() + before.len() + put.len() > longest {
            return None;
        }
        result.push_str(before);
        result.push_str(put);
        found |= length > 0;
        rest = &after[length..];
    }
    let fits = found && result.len() + rest.len() <= longest;
    result.push_str(if fits { rest } else { "" });
    fits.then_some(result)
}

/// Returns the length of the variable name after a dollar sign in bytes, braces included.
fn name_length(after: &str) -> usize {
    let word = |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    match after.strip_prefix('{') {
        Some(inside) if inside[word(inside)..].starts_with('}') && word(inside) > 0 => word(inside) + 2,
        Some(_) => 0,
        None => word(after),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::from_texts;
    use crate::drift::Secret;
    use crate::drift::reason::json::LONGEST_JSON;
    use crate::drift::reason::{Reason, ReasonSide};

    use Reason::{
        Base64, Case, Comment, Empty, Escaped, EscapedDollar, EscapedNewlines, Expansion, Invisible, Json, KeyCopied,
        LineEnds, LiteralNewline, Padding, PemOnOneLine, PercentEncoded, Placeholder, Quotes, SurroundingSpace,
        TrailingNewline, TrailingSlash,
    };
    use ReasonSide::{Local, Stored};

    fn reason(local: &str, stored: &str) -> Option<Reason> {
        from_texts("API_KEY", &Secret::new(local), &Secret::new(stored))
    }

    #[test]
    fn each_difference_has_its_reason() {
        for (local, stored, expected) in [
            ("key", "key\n", TrailingNewline(Stored)),
            ("key\r\n", "key", TrailingNewline(Local)),
            (" key", "key ", SurroundingSpace),
            ("key", "key\n\n", SurroundingSpace),
            ("key\n\n", "key\n", SurroundingSpace),
            ("key", "\"key\"", Quotes(Stored)),
            ("'key'", "key", Quotes(Local)),
            ("a\r\nb", "a\nb", LineEnds(Local)),
            ("a\nb", "a\r\nb", LineEnds(Stored)),
            ("-----BEGIN\\nMII\\n-----END\\n", "-----BEGIN\nMII\n-----END", EscapedNewlines(Local)),
            ("a\nb", "a\\nb", EscapedNewlines(Stored)),
            ("True", "true", Case),
            ("ÄB", "äb", Case),
            ("https://x.com/", "https://x.com", TrailingSlash(Local)),
            ("https://x.com/a?b=/", "https://x.com/a/?b=/", TrailingSlash(Stored)),
            ("c2VjcmV0MQ==", "c2VjcmV0MQ", Padding(Local)),
            ("{\"a\": 1, \"b\": [2]}", "{\"b\":[2],\"a\":1}", Json),
            ("{\"id\":\"123456789012345678901\"}", "{ \"id\": \"123456789012345678901\" }", Json),
            ("{\"id\":\"\\\"1234567890123456\"}", "{ \"id\": \"\\\"1234567890123456\" }", Json),
            ("[1234567890, 1234567890]", "[1234567890,1234567890]", Json),
            ("pass\u{200b}word", "password", Invisible(Local)),
            ("a b", "a\u{a0}b", Invisible(Stored)),
            ("ab", "a\u{a0}b", Invisible(Stored)),
            ("changeme", "key", Placeholder(Local)),
            ("key", "<your key>", Placeholder(Stored)),
            ("", "key", Empty(Local)),
            ("key", "", Empty(Stored)),
            ("pa$word", "pa", Expansion(Local)),
            ("pa${word}x", "pax", Expansion(Local)),
            ("pa", "pa$word", Expansion(Stored)),
            ("pa$word$", "pa$", Expansion(Local)),
            ("a$ b$c", "a$ b", Expansion(Local)),
            ("${} $a", "${} ", Expansion(Local)),
            ("pa$$word", "pa$word", EscapedDollar(Local)),
            ("pa\\$word", "pa$word", EscapedDollar(Local)),
            ("$$a$$b", "$a$b", EscapedDollar(Local)),
            ("a$b", "a$$b", EscapedDollar(Stored)),
            ("a$b", "a\\$b", EscapedDollar(Stored)),
            ("a$$", "a$", EscapedDollar(Local)),
            ("key", "key\\n", LiteralNewline(Stored)),
            ("key\\r\\n", "key", LiteralNewline(Local)),
            ("key", "\"key\"\n", Quotes(Stored)),
            ("a\nb", "\"a\\nb\"", Quotes(Stored)),
            ("a\"b", "'a\\\"b'", Quotes(Stored)),
            ("key", "API_KEY=key", KeyCopied(Stored)),
            ("key", "export API_KEY=\"key\"", KeyCopied(Stored)),
            ("api_key = key", "key", KeyCopied(Local)),
            ("a=b", "API_KEY=a=b", KeyCopied(Stored)),
            ("key", "key # rotated in May", Comment(Stored)),
            ("key\t#x", "key", Comment(Local)),
            ("key", "\"key\"  # rotated", Comment(Stored)),
            ("a b # c", "a b", Comment(Local)),
            ("3000", "3000 # web", Comment(Stored)),
            ("-----BEGIN K----- MII -----END K-----", "-----BEGIN K-----\nMII\n-----END K-----", PemOnOneLine(Local)),
            ("p@ss", "p%40ss", PercentEncoded(Stored)),
            ("p@ss word", "p%40ss+word", PercentEncoded(Stored)),
            ("c2VjcmV0LWtleQ==", "secret-key", Base64(Local)),
            ("{\"a\":\"b\"}", "{\\\"a\\\":\\\"b\\\"}", Escaped(Stored)),
            ("C:\\\\x", "C:\\x", Escaped(Local)),
        ] {
            assert_eq!(reason(local, stored), Some(expected), "{local:?} against {stored:?}");
        }
    }

    #[test]
    fn unexplained_difference_has_no_reason() {
        let deep = "[".repeat(100_000);
        let long = |last: &str| format!("[\"{}\",{last}]", "a".repeat(LONGEST_JSON));
        for (local, stored) in [
            ("one", "other"),
            ("key", "\"key"),
            ("a b", "ab"),
            ("x.com/", "x.com"),
            ("https://x.com/?a", "https://x.com?b"),
            ("abc=", "abc"),
            ("c2VjcmV0MQ==", "c2VjcmV0M"),
            ("1.0", "1"),
            ("[12345678901234567890123]", "[12345678901234567890124]"),
            ("[\"\\\"\", 1234567890123456 ]", "[\"\\\"\",1234567890123456]"),
            ("[\"\\\\\", 1234567890.123456 ]", "[\"\\\\\",1234567890.123456]"),
            ("a+b", "a b"),
            ("{\"a\":0.10000000000000001}", "{\"a\":0.1}"),
            ("{\"a\":1}", "{\"a\":2}"),
            ("{\"a\":1}", "{\"a\":1"),
            ("5$", "5"),
            ("x${word", "x"),
            ("x${}", "x"),
            ("AAAA+", "AAAA "),
            ("pa$word", "pb"),
            ("k\u{200b}ey", "key\u{feff}"),
            ("${{a}}b", "b"),
            ("key", "key# rotated"),
            ("key", "keys # rotated"),
            ("key", "key -- rotated"),
            ("color #fff", "color #000"),
            ("key", "OTHER=key"),
            ("key", "API_KEY=other"),
            ("key", "API_KEY:key"),
            ("n", "key\\n"),
            ("100%", "100"),
            ("a\\db", "adb"),
            ("-----BEGIN K-----\nMII\n-----END K-----", "-----BEGIN K----- MIJ -----END K-----"),
            (deep.as_str(), "[]"),
            (long("1").as_str(), long(" 1").as_str()),
        ] {
            assert_eq!(reason(local, stored), None, "{local:.40?} against {stored:.40?}");
        }
    }

    fn mirrored(reason: Reason) -> Reason {
        let other = |side| if side == Local { Stored } else { Local };
        match reason {
            Placeholder(side) => Placeholder(other(side)),
            Empty(side) => Empty(other(side)),
            TrailingNewline(side) => TrailingNewline(other(side)),
            Quotes(side) => Quotes(other(side)),
            LineEnds(side) => LineEnds(other(side)),
            EscapedNewlines(side) => EscapedNewlines(other(side)),
            Invisible(side) => Invisible(other(side)),
            TrailingSlash(side) => TrailingSlash(other(side)),
            Padding(side) => Padding(other(side)),
            Expansion(side) => Expansion(other(side)),
            EscapedDollar(side) => EscapedDollar(other(side)),
            LiteralNewline(side) => LiteralNewline(other(side)),
            KeyCopied(side) => KeyCopied(other(side)),
            Comment(side) => Comment(other(side)),
            PemOnOneLine(side) => PemOnOneLine(other(side)),
            PercentEncoded(side) => PercentEncoded(other(side)),
            Base64(side) => Base64(other(side)),
            Escaped(side) => Escaped(other(side)),
            same => same,
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(local in any::<String>(), stored in "[a$\\{}\"'=/:\n\r ]{0,40}") {
            reason(&local, &stored);
            reason(&stored, &local);
            reason(&stored, &stored.replace('a', ""));
        }

        #[test]
        fn equal_text_has_no_reason(text in "[a$\\{}\"'=/:<>\n\r ]{0,8}") {
            prop_assert_eq!(reason(&text, &text), None);
        }

        /// A reason may apply to both sides; then it names the local one.
        #[test]
        fn swapping_sides_mirrors_the_reason(local in "[aA$\\n\"'=/: \n\r\u{a0}]{0,6}", stored in "[aA$\\n\"'=/: \n\r\u{a0}]{0,6}") {
            let (reason, mirrored) = (reason(&local, &stored), reason(&stored, &local).map(mirrored));
            prop_assert_eq!(reason.as_ref().map(std::mem::discriminant), mirrored.as_ref().map(std::mem::discriminant));
            let is_on_both_sides = matches!(reason, Some(Placeholder(Local) | EscapedNewlines(Local) | EscapedDollar(Local) | Expansion(Local)));
            prop_assert!(reason == mirrored || is_on_both_sides);
        }
    }
}
