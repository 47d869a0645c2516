//! dotenvy itself, asked in this process.

/// Every assignment that dotenvy reads from a text, in its order. `None` where it is not to be asked: it would put values of
/// the process environment into the text, or more copies of the text's own than there is memory.
pub(super) fn dotenvy(text: &str) -> Option<Vec<(String, String)>> {
    const MOST_SUBSTITUTIONS: usize = 20;
    let is_named = |name: &str| text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}"));
    let from_outside = std::env::vars_os().any(|(name, _)| name.to_str().is_none_or(is_named));
    if from_outside || text.matches('$').count() > MOST_SUBSTITUTIONS {
        return None;
    }
    // `dotenvy::dotenv()` takes the mark off.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Some(dotenvy::from_read_iter(text.as_bytes()).flatten().collect())
}

/// The value that counts for a program that calls `dotenvy::dotenv()`: what is set already stays.
pub(super) fn first<'r>(rows: &'r [(String, String)], key: &str) -> Option<&'r str> {
    rows.iter().find(|row| row.0 == key).map(|row| row.1.as_str())
}

/// The last value of a key.
pub(super) fn last<'r>(rows: &'r [(String, String)], key: &str) -> Option<&'r str> {
    rows.iter().rfind(|row| row.0 == key).map(|row| row.1.as_str())
}
