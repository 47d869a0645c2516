//! The secrets that a commit or a push would leak, as text.

use std::collections::BTreeSet;

use crate::drift::leak::{FileOrigin, Leak, LeakKind, SecretReason};
use crate::drift::phrases::count;
use crate::drift::rules::of_staged_files;
use crate::report::{escape, shell_command};

/// The most secrets that are listed. The rest is counted.
const MOST: usize = 10;

/// The longest key that is shown, in characters.
const LONGEST_KEY: usize = 60;

/// The width that the entry of `doctor.toml` stays within.
const WIDTH: usize = 80;

/// Returns one line for each secret, and the entry of `doctor.toml` that allows all that are listed.
pub fn text(leaks: &[Leak]) -> String {
    if leaks.is_empty() {
        return String::new();
    }
    let mut lines = Vec::new();
    let mut before = None;
    for leak in leaks.iter().take(MOST) {
        lines.push(format!("error: {}", escape::line(&message(leak))));
        if let FileOrigin::Pushed(blob) = &leak.origin
            && before.replace(blob) != Some(blob)
        {
            lines.push(format!("    {}", commits_command(blob)));
        }
    }
    if leaks.len() > MOST {
        lines.push(format!("error: … and {}", count(leaks.len() - MOST, "more secret")));
    }
    lines.extend(ignore(&leaks[..leaks.len().min(MOST)]));
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Returns text such as `a.py:12 adds the value of API_KEY (.env:3), a secret-like key`.
fn message(leak: &Leak) -> String {
    let place = leak.line.map_or_else(|| leak.file.clone(), |line| format!("{}:{line}", leak.file));
    let key = shortened(&leak.key);
    let what = match &leak.kind {
        LeakKind::Secret | LeakKind::Example => key,
        LeakKind::Value(source) => format!("the value of {key} ({}:{})", source.file, source.line),
    };
    let reason = match leak.reason {
        SecretReason::Key => "a secret-like key",
        SecretReason::Random => "a random-looking value",
        SecretReason::PrivateKey => "a private key",
        SecretReason::Password => "a URL with a password",
        SecretReason::Address => "a URL with a token",
    };
    format!("{place} adds {what}, {reason}")
}

fn shortened(key: &str) -> String {
    if key.chars().count() <= LONGEST_KEY {
        return key.to_owned();
    }
    key.chars().take(LONGEST_KEY).chain(['…']).collect()
}

/// Returns the command that lists the commits with that version of the file.
fn commits_command(blob: &str) -> String {
    let arguments = ["git", "log", "--all", &format!("--find-object={blob}")].map(str::to_owned);
    shell_command::line(&arguments)
}

/// Returns the entry of `doctor.toml` that allows these values in every file.
fn ignore(leaks: &[Leak]) -> Vec<String> {
    let operation = if matches!(leaks[0].origin, FileOrigin::Pushed(_)) { "Push" } else { "Commit" };
    let keys: BTreeSet<String> = leaks.iter().map(|leak| pattern(&leak.key)).collect();
    let rules: Vec<String> = of_staged_files().map(|rule| format!("\"{}\"", rule.name)).collect();
    vec![
        format!("    [[ignore]]  # {operation} blocked by doctor. Add this to doctor.toml to allow it."),
        wrapped("    keys = [", &keys),
        format!("    rules = [{}]", rules.join(", ")),
        "    reason = \"why it may be committed\"".to_owned(),
    ]
}

/// Returns the key as a TOML string; a long one as a pattern.
fn pattern(key: &str) -> String {
    let pattern = match key.chars().count() {
        0..=LONGEST_KEY => key.to_owned(),
        _ => key.chars().take(LONGEST_KEY).chain(['*']).collect(),
    };
    // A JSON string is also a TOML string.
    escape::line(&serde_json::Value::from(pattern).to_string()).into_owned()
}

/// Returns a TOML array that starts a new line where the width is reached.
fn wrapped(start: &str, items: &BTreeSet<String>) -> String {
    let mut text = start.to_owned();
    let mut length = start.len();
    for (index, item) in items.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        if index > 0 && length + separator.len() + item.chars().count() >= WIDTH {
            text.push_str(",\n        ");
            length = 8;
        } else {
            text.push_str(separator);
            length += separator.len();
        }
        text.push_str(item);
        length += item.chars().count();
    }
    text + "]"
}

#[cfg(test)]
mod tests {
    use crate::drift::leak::{FileOrigin, Leak, LeakKind, SecretReason};
    use crate::drift::model::finding::Location;
    use crate::report::hook_findings::{LONGEST_KEY, MOST, WIDTH, text};

    fn leak(file: &str, line: Option<usize>, kind: LeakKind, origin: FileOrigin) -> Leak {
        Leak { file: file.to_owned(), line, key: "API_KEY".to_owned(), kind, reason: SecretReason::Key, origin }
    }

    fn value() -> LeakKind {
        LeakKind::Value(Location { file: ".env".to_owned(), line: 3 })
    }

    #[test]
    fn one_secret_takes_five_lines_within_80_columns() {
        let expected = "\
error: src/a.py:12 adds the value of API_KEY (.env:3), a secret-like key
    [[ignore]]  # Commit blocked by doctor. Add this to doctor.toml to allow it.
    keys = [\"API_KEY\"]
    rules = [\"env-file-exposed\"]
    reason = \"why it may be committed\"
";
        let found = text(&[leak("src/a.py", Some(12), value(), FileOrigin::Changed)]);
        assert_eq!(found, expected);
        assert!(found.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn each_secret_has_place_key_and_reason() {
        let because = |key: &str, reason, leak| Leak { key: key.to_owned(), reason, ..leak };
        let leaks = [
            leak("my app/.env", Some(1), LeakKind::Secret, FileOrigin::Added),
            because("B", SecretReason::Random, leak(".env.example", Some(2), LeakKind::Example, FileOrigin::Added)),
            because("C", SecretReason::Password, leak("a\u{1b}.py", Some(12), value(), FileOrigin::Changed)),
            because("D", SecretReason::PrivateKey, leak("a.pem", Some(1), value(), FileOrigin::Added)),
            because("E", SecretReason::Address, leak("a.db", None, value(), FileOrigin::Added)),
        ];
        let expected = "\
error: my app/.env:1 adds API_KEY, a secret-like key
error: .env.example:2 adds B, a random-looking value
error: a\\u{1b}.py:12 adds the value of C (.env:3), a URL with a password
error: a.pem:1 adds the value of D (.env:3), a private key
error: a.db adds the value of E (.env:3), a URL with a token
    [[ignore]]  # Commit blocked by doctor. Add this to doctor.toml to allow it.
    keys = [\"API_KEY\", \"B\", \"C\", \"D\", \"E\"]
";
        let found = text(&leaks);
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn pushed_secret_has_command_that_lists_its_commits() {
        let pushed = |line| leak("a.db", Some(line), value(), FileOrigin::Pushed("4f1c".to_owned()));
        let expected = "\
error: a.db:1 adds the value of API_KEY (.env:3), a secret-like key
    git log --all --find-object=4f1c
error: a.db:2 adds the value of API_KEY (.env:3), a secret-like key
    [[ignore]]  # Push blocked by doctor. Add this to doctor.toml to allow it.
";
        let found = text(&[pushed(1), pushed(2)]);
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn many_secrets_and_long_keys_are_cut() {
        let leaks: Vec<Leak> = (0..1000)
            .map(|index| {
                let key = format!("{}{index}", "K".repeat(50 * (index % 3)));
                Leak { key, ..leak(&format!("{index}/.env"), Some(1), LeakKind::Secret, FileOrigin::Added) }
            })
            .collect();
        let text = text(&leaks);
        assert_eq!(text.matches("/.env:1 adds").count(), MOST);
        assert!(text.contains("\nerror: … and 990 more secrets\n"), "{text}");
        assert!(text.contains(&format!("\"{}*\"", "K".repeat(LONGEST_KEY))), "{text}");
        assert!(text.len() < 2000 && text.lines().all(|line| line.chars().count() <= WIDTH + 40), "{text}");
        let (_, entry) = text.split_once("    [[ignore]]").unwrap();
        assert!(format!("[[ignore]]{entry}").parse::<toml::Table>().is_ok(), "{entry}");
    }
}
