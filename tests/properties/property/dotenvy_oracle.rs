//! Reads texts with dotenvy in this process.

/// Every assignment that dotenvy reads from a text, in order. `None` if dotenvy would insert values of the process
/// environment, or expand the text to more memory than there is.
pub(super) fn dotenvy(text: &str) -> Option<Vec<(String, String)>> {
    const MAX_SUBSTITUTIONS: usize = 20;
    let is_named = |name: &str| text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}"));
    let uses_environment = std::env::vars_os().any(|(name, _)| name.to_str().is_none_or(is_named));
    if uses_environment || text.matches('$').count() > MAX_SUBSTITUTIONS {
        return None;
    }
    // `dotenvy::dotenv()` removes the byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Some(dotenvy::from_read_iter(text.as_bytes()).flatten().collect())
}

/// The value in a program that calls `dotenvy::dotenv()`, which keeps variables that are already set.
pub(super) fn first<'r>(assignments: &'r [(String, String)], key: &str) -> Option<&'r str> {
    assignments.iter().find(|assignment| assignment.0 == key).map(|assignment| assignment.1.as_str())
}

/// The last value of a key.
pub(super) fn last<'r>(assignments: &'r [(String, String)], key: &str) -> Option<&'r str> {
    assignments.iter().rfind(|assignment| assignment.0 == key).map(|assignment| assignment.1.as_str())
}
