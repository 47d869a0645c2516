//! The secrets that a commit or a push would leak, as text.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::drift::leak::{FileOrigin, Leak, LeakKind};
use crate::drift::phrases::count;
use crate::drift::rules::of_staged_files;
use crate::report::{escape, shell_command};

/// Leaks that are listed before the rest is counted.
const MOST: usize = 20;

/// Returns each leak with its help, and the entry of `doctor.toml` that allows all of them.
pub fn text(leaks: &[Leak]) -> String {
    let mut text = String::new();
    for leak in leaks.iter().take(MOST) {
        let (help, command) = help(leak);
        let message = message(leak);
        writeln!(text, "error: {}\n  help: {help}", escape::line(&message)).expect("writing to a String can't fail");
        if let Some(command) = command {
            writeln!(text, "    {command}").expect("writing to a String can't fail");
        }
    }
    if leaks.len() > MOST {
        let more = count(leaks.len() - MOST, "more secret");
        writeln!(text, "error: {more}").expect("writing to a String can't fail");
    }
    if !leaks.is_empty() {
        text.push_str(&ignore(leaks));
    }
    text
}

fn message(leak: &Leak) -> String {
    let place = leak.line.map_or_else(|| leak.file.clone(), |line| format!("{}:{line}", leak.file));
    let key = &leak.key;
    let what = match &leak.kind {
        LeakKind::Secret => format!("the secret {key}"),
        LeakKind::Example => format!("what looks like a real value of {key}"),
        LeakKind::Value(source) => format!("the value of {key} ({}:{})", source.file, source.line),
    };
    match leak.origin {
        FileOrigin::Added | FileOrigin::Changed => format!("{place} adds {what} to the commit"),
        FileOrigin::Pushed(_) => format!("{place} adds {what} to the push"),
    }
}

/// The advice, and a command for it.
fn help(leak: &Leak) -> (&'static str, Option<String>) {
    let command = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Some(shell_command::line(&arguments))
    };
    match (&leak.origin, &leak.kind) {
        (FileOrigin::Pushed(blob), _) => (
            "rewrite the commits that have it; to list them:",
            command(&["git", "log", "--all", &format!("--find-object={blob}")]),
        ),
        (FileOrigin::Added, LeakKind::Secret) => {
            ("keep the file out of the commit:", command(&["git", "rm", "--cached", "--", &leak.file]))
        }
        (_, LeakKind::Example) => ("put a placeholder there, and `git add` it again", None),
        _ => ("remove it from the file, and `git add` the file again", None),
    }
}

/// The entry of `doctor.toml` that allows these values in every file.
fn ignore(leaks: &[Leak]) -> String {
    let keys: BTreeSet<&str> = leaks.iter().map(|leak| leak.key.as_str()).collect();
    // A JSON string is also a TOML string.
    let quoted: Vec<String> =
        keys.into_iter().map(|key| escape::line(&serde_json::Value::from(key).to_string()).into_owned()).collect();
    let rules: Vec<String> = of_staged_files().map(|rule| format!("\"{}\"", rule.name)).collect();
    format!(
        "To allow this, add to doctor.toml:\n\n    [[ignore]]\n    keys = [{}]\n    rules = [{}]\n    \
         reason = \"not a secret\"\n\n",
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
  help: put a placeholder there, and `git add` it again
error: a\\u{1b}.py:12 adds the value of API_KEY (.env:3) to the commit
  help: remove it from the file, and `git add` the file again
error: a.db adds the value of API_KEY (.env:3) to the push
  help: rewrite the commits that have it; to list them:
    git log --all --find-object=4f1c
To allow this, add to doctor.toml:

    [[ignore]]
    keys = [\"API_KEY\", \"B\"]
    rules = [\"env-file-exposed\"]
    reason = \"not a secret\"

";
        assert_eq!(text(&leaks), expected);
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn many_leaks_are_counted() {
        let leaks = vec![leak(".env", Some(1), LeakKind::Secret, FileOrigin::Added); MOST + 3];
        let text = text(&leaks);
        assert_eq!(text.matches("error: .env:1").count(), MOST);
        assert!(text.contains("\nerror: 3 more secrets\n"), "{text}");
    }
}
