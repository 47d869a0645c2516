//! Quotes a value so that dotenvy, python-dotenv, node's dotenv and `sh` read it the same, if any quoting allows it.

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::agreed_spelling::{Spelling, agreed};
use crate::drift::dotenv::edit::refusal::Obstacle;
use crate::drift::dotenv::edit::sh_reader;
use crate::drift::dotenv::loader::{Body, Loader};

/// Why a value can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwritten {
    /// The loaders do not read it back unchanged.
    Unread(Obstacle),
    /// `sh` would run or expand part of it.
    Runs,
}

/// Returns the right-hand sides from which the value is read back, best first. Those that every loader reads come
/// before those that only the declared loader reads, and those that `sh` reads as the same value before others. Then
/// the quoting of the `current` right-hand side is preferred, then the simplest.
pub(super) fn right_hand_sides(
    value: &Secret,
    current: &str,
    loader: Option<Loader>,
) -> Result<Vec<Zeroizing<String>>, Unwritten> {
    if value.expose().contains('\0') {
        return Err(Unwritten::Unread(Obstacle::Nul));
    }
    let mut accepted: Vec<((bool, bool), Zeroizing<String>)> = Vec::new();
    let mut runs = false;
    for written in candidates(value, current, loader) {
        let all = agreed(&written).as_ref() == Some(value);
        if !all && !loader.is_some_and(|loader| reads_back(loader, &written, value)) {
            continue;
        }
        match sh_reader::reading(&written) {
            Some(read) => accepted.push(((!all, read.as_str() != value.expose()), written)),
            None => runs = true,
        }
    }
    if accepted.is_empty() {
        return Err(if runs { Unwritten::Runs } else { Unwritten::Unread(Obstacle::of(value.expose())) });
    }
    accepted.sort_by_key(|(rank, _)| *rank);
    Ok(accepted.into_iter().map(|(_, written)| written).collect())
}

/// Returns every way of quoting the value that is worth trying.
fn candidates(value: &Secret, current: &str, loader: Option<Loader>) -> Vec<Zeroizing<String>> {
    let current = match current.chars().next() {
        Some('\'') => Spelling::Single,
        Some('"') => Spelling::Double,
        _ => Spelling::Bare,
    };
    let spellings = [current, Spelling::Bare, Spelling::Single, Spelling::Double];
    let plain = spellings.into_iter().filter(|spelling| *spelling != Spelling::Bare || is_plain(value.expose()));
    let mut candidates: Vec<_> = plain.map(|spelling| spelling.write(value)).collect();
    match loader {
        None => {}
        Some(Loader::Dotenvy) => candidates.push(escaped('"', value, &['\\', '"', '$'])),
        Some(Loader::Python) => {
            candidates.push(escaped('"', value, &['\\', '"', '\r']));
            candidates.push(escaped('\'', value, &['\\']));
        }
        // No backticks, although node's dotenv treats them as quotes: `sh` would run the text between them.
        Some(Loader::Node) => candidates.push(escaped('"', value, &['\r'])),
    }
    candidates
}

/// Returns whether the value needs no quotes, not even in an `export` in `sh`, which splits words and expands patterns.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./:@%+,=^-".contains(&byte))
}

fn escaped(quote: char, value: &Secret, special: &[char]) -> Zeroizing<String> {
    let mut written = Zeroizing::new(String::with_capacity(2 * value.expose().len() + 2));
    written.push(quote);
    for character in value.expose().chars() {
        if special.contains(&character) {
            written.push('\\');
        }
        written.push(if character == '\r' && special.contains(&'\r') { 'r' } else { character });
    }
    written.push(quote);
    written
}

/// Returns whether the loader reads exactly this value from the right-hand side, and the next line as a separate
/// assignment.
fn reads_back(loader: Loader, written: &str, value: &Secret) -> bool {
    let text = Zeroizing::new(format!("K={written}\nNEXT=1\n"));
    let bindings = Body::of(&text).bindings(loader);
    let [first, next] = bindings.as_slice() else { return false };
    let is = |binding: &Option<Secret>, wanted: &str| binding.as_ref().is_some_and(|read| read.expose() == wanted);
    first.key == "K" && is(&first.value, value.expose()) && next.key == "NEXT" && is(&next.value, "1")
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::dotenv::Loader;
    use crate::drift::dotenv::edit::quoting::{Obstacle, Unwritten, right_hand_sides};

    fn best(value: &str, current: &str, loader: Option<Loader>) -> Result<String, Unwritten> {
        right_hand_sides(&Secret::new(value), current, loader).map(|sides| sides[0].to_string())
    }

    #[test]
    fn chooses_simplest_quoting_that_every_loader_reads() {
        for (value, current, expected) in [
            ("plain", "", "plain"),
            ("plain", "'x'", "'plain'"),
            ("plain", "\"x\"", "\"plain\""),
            ("plain", "`x`", "plain"),
            ("", "x", ""),
            ("", "'x'", "''"),
            ("https://h/p?q=1&r=2#f", "x", "'https://h/p?q=1&r=2#f'"),
            ("a b", "x", "'a b'"),
            ("it's", "'x'", "\"it's\""),
            ("it's", "x", "\"it's\""),
            ("say \"hi\"", "\"x\"", "'say \"hi\"'"),
            ("pa$$word", "\"x\"", "'pa$$word'"),
            ("$(touch x)", "x", "'$(touch x)'"),
            ("`touch x`; reboot", "\"x\"", "'`touch x`; reboot'"),
            ("C:\\path", "x", "'C:\\path'"),
            ("{\"a\": 1}", "x", "'{\"a\": 1}'"),
            ("line\nline\n", "x", "'line\nline\n'"),
            ("~/x", "x", "'~/x'"),
            ("x*", "x", "'x*'"),
            ("ü", "x", "'ü'"),
            ("#x", "x", "'#x'"),
        ] {
            assert_eq!(best(value, current, None).as_deref(), Ok(expected), "{value} over {current}");
        }
    }

    #[test]
    fn unquotable_value_is_refused_with_its_obstacle() {
        for (value, obstacle) in [
            ("a\0b", Obstacle::Nul),
            ("${{Postgres.URL}}", Obstacle::Substitution),
            ("a${B}", Obstacle::Substitution),
            ("a\r\nb", Obstacle::CarriageReturn),
            ("it's\\", Obstacle::LastBackslash),
            ("a\\", Obstacle::LastBackslash),
            ("it's $5", Obstacle::Quote),
            ("it's \"x\"", Obstacle::Quote),
        ] {
            assert_eq!(best(value, "x", None), Err(Unwritten::Unread(obstacle)), "{value:?}");
        }
        assert_eq!(best("it's `x`", "x", None), Err(Unwritten::Runs));
    }

    #[test]
    fn declared_loader_allows_loader_specific_quoting() {
        use Loader::{Dotenvy, Node, Python};
        for (value, loader, expected) in [
            ("it's $5", Dotenvy, "\"it's \\$5\""),
            ("it's \"x\"", Dotenvy, "\"it's \\\"x\\\"\""),
            ("${{P.D}}", Dotenvy, "'${{P.D}}'"),
            ("${{P.D}}", Node, "'${{P.D}}'"),
            ("it's \"x\"", Python, "\"it's \\\"x\\\"\""),
            ("a\rb", Python, "\"a\\rb\""),
            ("a$b\\", Python, "'a$b\\\\'"),
            ("a\rb", Node, "\"a\\rb\""),
            ("plain words", Node, "'plain words'"),
            ("a\\", Node, "'a\\'"),
        ] {
            assert_eq!(best(value, "x", Some(loader)).as_deref(), Ok(expected), "{value:?} for {loader:?}");
        }
        // Other readers of the file decide before its current quotes: the other loaders, then `sh`.
        for (value, loader, expected) in [("a\\d", Python, "'a\\d'"), ("a\\\\b", Node, "'a\\\\b'")] {
            assert_eq!(best(value, "\"x\"", Some(loader)).as_deref(), Ok(expected), "{value:?} for {loader:?}");
        }
        for (value, loader, why) in [
            ("${{P.D}}", Python, Unwritten::Unread(Obstacle::Substitution)),
            ("it's `x`", Dotenvy, Unwritten::Runs),
            ("it's $5 \"x\"", Node, Unwritten::Runs),
        ] {
            assert_eq!(best(value, "x", Some(loader)), Err(why), "{value:?} for {loader:?}");
        }
    }
}
