//! What blocks a commit or a push, in at most five lines: secrets that it would leak, or drift.

use std::collections::BTreeSet;

use crate::drift::leak::{FileOrigin, Leak, LeakKind, SecretReason};
use crate::drift::model::finding::Finding;
use crate::drift::phrases::{count, grouped};
use crate::drift::rules::of_staged_files;
use crate::report::text::wording;
use crate::report::{Report, escape, shell_command};

/// The most secrets that are listed.
const MOST: usize = 5;

/// The longest key that is shown, in characters.
const LONGEST_KEY: usize = 60;

/// The most keys of an entry of `doctor.toml`.
const MOST_KEYS: usize = 100;

/// Returns the secrets in one line, and the entry of `doctor.toml` that allows all of them: five lines.
pub fn text(leaks: &[Leak]) -> String {
    let secrets = match leaks {
        [] => return String::new(),
        [leak] => match &leak.origin {
            FileOrigin::Pushed(blob) => format!("{}; to list its commits: {}", message(leak), commits_command(blob)),
            _ => message(leak),
        },
        several => {
            let mut items: Vec<String> = several.iter().take(MOST).map(message).collect();
            let more = several.len() - items.len();
            items.extend((more > 0).then(|| format!("and {} more", grouped(more))));
            format!("{}: {}", count(several.len(), "secret"), items.join("; "))
        }
    };
    let first = format!("error: {}", escape::line(&secrets));
    [first].into_iter().chain(ignore(leaks)).map(|line| line + "\n").collect()
}

/// Returns at most this number of lines for the findings that block a commit: the first ones, and how many more.
pub fn drift(report: &Report, lines: usize) -> String {
    let failing: Vec<&Finding> = report.findings.iter().filter(|finding| report.fails(finding.severity)).collect();
    let shown = if failing.len() > lines { lines.saturating_sub(1).max(1) } else { lines };
    let line = |finding: &&Finding| {
        let sentence = escape::line(&wording::in_one_line(finding)).into_owned();
        format!("{}: {sentence} [{}]", finding.severity.name(), finding.rule.name)
    };
    let mut text: Vec<String> = failing.iter().take(shown).map(line).collect();
    let rest = failing.get(shown..).unwrap_or_default();
    match (rest.first(), text.last_mut()) {
        (Some(finding), Some(_)) if lines > 1 => {
            text.push(format!("{}: … and {}", finding.severity.name(), count(rest.len(), "more finding")));
        }
        (Some(_), Some(last)) => *last = format!("{last}, and {}", count(rest.len(), "more finding")),
        _ => {}
    }
    text.into_iter().map(|line| line + "\n").collect()
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
    let listed: Vec<&str> = keys.iter().take(MOST_KEYS).map(String::as_str).collect();
    let rest = match keys.len() - listed.len() {
        0 => String::new(),
        more => format!("  # and {} more", grouped(more)),
    };
    vec![
        format!("    [[ignore]]  # {operation} blocked by doctor. Add this to doctor.toml to allow it."),
        format!("    keys = [{}]{rest}", listed.join(", ")),
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

#[cfg(test)]
mod tests {
    use crate::drift::leak::{FileOrigin, Leak, LeakKind, SecretReason};
    use crate::drift::model::finding::Location;
    use crate::report::Report;
    use crate::report::hook_findings::{LONGEST_KEY, MOST, MOST_KEYS, drift, text};
    use crate::report::test_support::{calm, differs};

    fn leak(file: &str, line: Option<usize>, kind: LeakKind, origin: FileOrigin) -> Leak {
        Leak { file: file.to_owned(), line, key: "API_KEY".to_owned(), kind, reason: SecretReason::Key, origin }
    }

    fn value() -> LeakKind {
        LeakKind::Value(Location { file: ".env".to_owned(), line: 3 })
    }

    #[test]
    fn secret_takes_five_lines_within_80_columns() {
        let expected = "\
error: src/a.py:12 adds the value of API_KEY (.env:3), a secret-like key
    [[ignore]]  # Commit blocked by doctor. Add this to doctor.toml to allow it.
    keys = [\"API_KEY\"]
    rules = [\"env-file-exposed\"]
    reason = \"why it may be committed\"
";
        let found = text(&[leak("src/a.py", Some(12), value(), FileOrigin::Changed)]);
        assert_eq!(found, expected);
        assert!(found.lines().all(|line| line.chars().count() <= 80));
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
error: 5 secrets: my app/.env:1 adds API_KEY, a secret-like key; \
.env.example:2 adds B, a random-looking value; a\\u{1b}.py:12 adds the value of C (.env:3), a URL with a password; \
a.pem:1 adds the value of D (.env:3), a private key; a.db adds the value of E (.env:3), a URL with a token
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
error: a.db:1 adds the value of API_KEY (.env:3), a secret-like key; to list its commits: \
git log --all --find-object=4f1c
    [[ignore]]  # Push blocked by doctor. Add this to doctor.toml to allow it.
";
        let found = text(&[pushed(1)]);
        assert!(found.starts_with(expected), "{found}");
        assert_eq!(text(&[pushed(1), pushed(2)]).lines().count(), 5);
    }

    #[test]
    fn many_secrets_and_long_keys_are_cut() {
        let secret = |index: usize| {
            let key = format!("{}{index}", "K".repeat(50 * (index % 3)));
            Leak { key, ..leak(&format!("{index}/.env"), Some(1), LeakKind::Secret, FileOrigin::Added) }
        };
        assert!(text(&[secret(2)]).contains(&format!("\"{}*\"", "K".repeat(LONGEST_KEY))));
        let leaks: Vec<Leak> = (0..1000).map(secret).collect();
        let text = text(&leaks);
        assert_eq!(text.matches("/.env:1 adds").count(), MOST);
        assert!(text.starts_with("error: 1,000 secrets: ") && text.contains("; and 995 more\n"), "{text}");
        assert!(text.lines().count() == 5 && text.matches('"').count() < MOST_KEYS * 2 + 10, "{text}");
        let (_, entry) = text.split_once("    [[ignore]]").unwrap();
        assert!(format!("[[ignore]]{entry}").parse::<toml::Table>().is_ok(), "{entry}");
    }

    #[test]
    fn drift_takes_at_most_the_lines() {
        let report = |number| {
            let findings = (0..number).map(|at| differs(&format!("KEY_{at}"), &["api"])).collect();
            Report { findings, exit_code: 1, ..calm() }
        };
        let line = |at| format!("error: api: KEY_{at} differs between .env and Railway · .env:5 [value-differs]");
        assert_eq!(drift(&report(2), 2), format!("{}\n{}\n", line(0), line(1)));
        assert_eq!(drift(&report(200), 2), format!("{}\nerror: … and 199 more findings\n", line(0)));
        assert_eq!(drift(&report(200), 1), format!("{}, and 199 more findings\n", line(0)));
    }
}
