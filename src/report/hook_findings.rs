//! The secrets that a commit or a push would leak, as text.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::drift::leak::{FileOrigin, Leak, LeakKind};
use crate::drift::phrases::count;
use crate::drift::rules::of_staged_files;
use crate::report::{escape, shell_command};

/// The most files that are listed, and the most keys of each file. The rest is counted.
const MOST: usize = 20;

/// Returns the leaks of each file with their help, and the entry of `doctor.toml` that allows all of them.
pub fn text(leaks: &[Leak]) -> String {
    let mut text = String::new();
    let is_same_file = |one: &Leak, other: &Leak| one.file == other.file && one.origin == other.origin;
    let files: Vec<&[Leak]> = leaks.chunk_by(is_same_file).collect();
    for file in files.iter().take(MOST) {
        // The help for a secret also removes the file's other values from the commit.
        let leak = file.iter().find(|leak| leak.kind == LeakKind::Secret).unwrap_or(&file[0]);
        let (help, command) = help(leak, file.len());
        let message = message(file);
        writeln!(text, "error: {}\n  help: {help}", escape::line(&message)).expect("writing to a String can't fail");
        if let Some(command) = command {
            writeln!(text, "    {command}").expect("writing to a String can't fail");
        }
    }
    if files.len() > MOST {
        let more = files[MOST..].iter().map(|file| file.len()).sum();
        writeln!(text, "error: {}", count(more, "more secret")).expect("writing to a String can't fail");
    }
    if !leaks.is_empty() {
        text.push_str(&ignore(leaks));
    }
    text
}

/// Returns the message for the leaks of one file.
fn message(leaks: &[Leak]) -> String {
    let to = match leaks[0].origin {
        FileOrigin::Added | FileOrigin::Changed => "to the commit",
        FileOrigin::Pushed(_) => "to the push",
    };
    if let [leak] = leaks {
        return format!("{} {to}", single(leak));
    }
    let are_all = |is_kind: fn(&LeakKind) -> bool| leaks.iter().all(|leak| is_kind(&leak.kind));
    let what = if are_all(|kind| matches!(kind, LeakKind::Example)) {
        format!("what look like {}", count(leaks.len(), "real value"))
    } else if are_all(|kind| matches!(kind, LeakKind::Value(_))) {
        count(leaks.len(), "local value")
    } else {
        count(leaks.len(), "secret")
    };
    let keys: Vec<String> = leaks.iter().take(MOST).map(key).collect();
    let more = leaks.len().saturating_sub(MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} adds {what} {to}: {}{rest}", leaks[0].file, keys.join(", "))
}

/// Returns text such as `API_KEY (line 12)`.
fn key(leak: &Leak) -> String {
    let source = match &leak.kind {
        LeakKind::Value(source) => Some(format!("{}:{}", source.file, source.line)),
        LeakKind::Secret | LeakKind::Example => None,
    };
    let line = leak.line.map(|line| format!("line {line}"));
    match (line, source) {
        (Some(line), Some(source)) => format!("{} ({line}, from {source})", leak.key),
        (Some(place), None) => format!("{} ({place})", leak.key),
        (None, Some(source)) => format!("{} (from {source})", leak.key),
        (None, None) => leak.key.clone(),
    }
}

/// Returns text such as `.env:1 adds the secret API_KEY`.
fn single(leak: &Leak) -> String {
    let place = leak.line.map_or_else(|| leak.file.clone(), |line| format!("{}:{line}", leak.file));
    let key = &leak.key;
    let what = match &leak.kind {
        LeakKind::Secret => format!("the secret {key}"),
        LeakKind::Example => format!("what looks like a real value of {key}"),
        LeakKind::Value(source) => format!("the value of {key} ({}:{})", source.file, source.line),
    };
    format!("{place} adds {what}")
}

/// Returns the advice, and a command for it. The file has that many leaks.
fn help(leak: &Leak, number: usize) -> (String, Option<String>) {
    let command = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Some(shell_command::line(&arguments))
    };
    let (them, placeholders) = if number == 1 { ("it", "a placeholder") } else { ("them", "placeholders") };
    match (&leak.origin, &leak.kind) {
        (FileOrigin::Pushed(blob), _) => (
            "rewrite the commits that have this file; to list them:".to_owned(),
            command(&["git", "log", "--all", &format!("--find-object={blob}")]),
        ),
        (FileOrigin::Added, LeakKind::Secret) => {
            ("keep the file out of the commit:".to_owned(), command(&["git", "rm", "--cached", "--", &leak.file]))
        }
        (_, LeakKind::Example) => (format!("replace {them} with {placeholders}, and `git add` the file again"), None),
        _ => (format!("remove {them} from the file, and `git add` the file again"), None),
    }
}

/// Returns the entry of `doctor.toml` that allows these values in every file.
fn ignore(leaks: &[Leak]) -> String {
    let keys: BTreeSet<&str> = leaks.iter().map(|leak| leak.key.as_str()).collect();
    // A JSON string is also a TOML string.
    let quoted: Vec<String> =
        keys.into_iter().map(|key| escape::line(&serde_json::Value::from(key).to_string()).into_owned()).collect();
    let rules: Vec<String> = of_staged_files().map(|rule| format!("\"{}\"", rule.name)).collect();
    format!(
        "To allow this, add to doctor.toml:\n\n    [[ignore]]\n    keys = [{}]\n    rules = [{}]\n    \
         reason = \"why it may be committed\"\n\n",
        quoted.join(", "),
        rules.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use crate::drift::leak::{FileOrigin, Leak, LeakKind};
    use crate::drift::model::finding::Location;
    use crate::report::hook_findings::{MOST, text};

    fn leak(file: &str, line: Option<usize>, what: LeakKind, origin: FileOrigin) -> Leak {
        Leak { file: file.to_owned(), line, key: "API_KEY".to_owned(), kind: what, origin }
    }

    #[test]
    fn each_leak_has_line_key_and_help() {
        let value = || LeakKind::Value(Location { file: ".env".to_owned(), line: 3 });
        let leaks = [
            leak("my app/.env", Some(1), LeakKind::Secret, FileOrigin::Added),
            leak(".env", Some(2), LeakKind::Secret, FileOrigin::Changed),
            Leak { key: "B".to_owned(), ..leak(".env.example", Some(2), LeakKind::Example, FileOrigin::Added) },
            leak("a\u{1b}.py", Some(12), value(), FileOrigin::Changed),
            leak("a.db", None, value(), FileOrigin::Pushed("4f1c".to_owned())),
        ];
        let expected = "\
error: my app/.env:1 adds the secret API_KEY to the commit
  help: keep the file out of the commit:
    git rm --cached -- 'my app/.env'
error: .env:2 adds the secret API_KEY to the commit
  help: remove it from the file, and `git add` the file again
error: .env.example:2 adds what looks like a real value of B to the commit
  help: replace it with a placeholder, and `git add` the file again
error: a\\u{1b}.py:12 adds the value of API_KEY (.env:3) to the commit
  help: remove it from the file, and `git add` the file again
error: a.db adds the value of API_KEY (.env:3) to the push
  help: rewrite the commits that have this file; to list them:
    git log --all --find-object=4f1c
To allow this, add to doctor.toml:

    [[ignore]]
    keys = [\"API_KEY\", \"B\"]
    rules = [\"env-file-exposed\"]
    reason = \"why it may be committed\"

";
        assert_eq!(text(&leaks), expected);
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn many_leaks_are_counted() {
        let leaks: Vec<Leak> = (0..MOST + 3)
            .map(|index| leak(&format!("{index}/.env"), Some(1), LeakKind::Secret, FileOrigin::Added))
            .collect();
        let text = text(&leaks);
        assert_eq!(text.matches("/.env:1 adds").count(), MOST);
        assert!(text.contains("\nerror: 3 more secrets\n"), "{text}");
    }

    #[test]
    fn leaks_of_one_file_share_one_error() {
        let of = |key: &str, line, kind| Leak { key: key.to_owned(), ..leak(".env", line, kind, FileOrigin::Added) };
        let value = || LeakKind::Value(Location { file: ".env.local".to_owned(), line: 3 });
        let leaks = [
            of("C", Some(4), value()),
            of("A", Some(5), LeakKind::Secret),
            of("B", Some(6), LeakKind::Secret),
            of("D", None, value()),
        ];
        let text = text(&leaks);
        let expected = "\
error: .env adds 4 secrets to the commit: C (line 4, from .env.local:3), A (line 5), B (line 6), D (from .env.local:3)
  help: keep the file out of the commit:
    git rm --cached -- .env
To allow this, add to doctor.toml:
";
        assert!(text.starts_with(expected), "{text}");
        let many = vec![of("A", Some(1), LeakKind::Secret); MOST + 2];
        assert!(super::text(&many).contains(" A (line 1) and 2 more\n"));
    }
}
