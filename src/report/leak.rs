//! What a commit would give away, as text.

use std::fmt::Write;

use crate::drift::leak::Leak;
use crate::drift::sentence::{count, names};
use crate::report::{escape, shell};

/// Each in a line, and below it what to type.
pub fn text(leaks: &[Leak]) -> String {
    let mut text = String::new();
    for leak in leaks {
        let (what, next) = told(leak);
        writeln!(text, "error: {}\n  next  {next}", escape::line(&what)).expect("writing to a String can't fail");
    }
    text
}

fn told(leak: &Leak) -> (String, String) {
    match leak {
        Leak::EnvFile { file, secrets } => {
            let keys: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let held = match keys.as_slice() {
                [] => String::new(),
                keys => format!(", with {}: {}", count(keys.len(), "secret"), names(keys)),
            };
            let words = ["git", "rm", "--cached", "--", file].map(str::to_owned);
            (format!("{file} is staged{held}"), shell::line(&words))
        }
        Leak::Example { place, key } => (
            format!("{}:{} holds what looks like a real value of {key}", place.file, place.line),
            "put a placeholder there, and `git add` it again".to_owned(),
        ),
        Leak::Value { file, line, key, source } => {
            let place = line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
            (
                format!("{place} is staged, and holds the value of {key} ({}:{})", source.file, source.line),
                "take it out, and `git add` the file again".to_owned(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::drift::finding::Place;
    use crate::drift::leak::Leak;

    #[test]
    fn each_says_what_and_what_next() {
        let place = |file: &str, line| Place { file: file.to_owned(), line };
        let value = |line| Leak::Value {
            file: "a\u{1b}.py".to_owned(),
            line,
            key: "API_KEY".to_owned(),
            source: place(".env", 3),
        };
        let leaks = [
            Leak::EnvFile { file: "my app/.env".to_owned(), secrets: vec!["API_KEY".to_owned()] },
            Leak::EnvFile { file: ".env".to_owned(), secrets: Vec::new() },
            Leak::Example { place: place(".env.example", 2), key: "API_KEY".to_owned() },
            value(Some(12)),
            value(None),
        ];
        let expected = "\
error: my app/.env is staged, with 1 secret: API_KEY
  next  git rm --cached -- 'my app/.env'
error: .env is staged
  next  git rm --cached -- .env
error: .env.example:2 holds what looks like a real value of API_KEY
  next  put a placeholder there, and `git add` it again
error: a\\u{1b}.py:12 is staged, and holds the value of API_KEY (.env:3)
  next  take it out, and `git add` the file again
error: a\\u{1b}.py is staged, and holds the value of API_KEY (.env:3)
  next  take it out, and `git add` the file again
";
        assert_eq!(text(&leaks), expected);
    }
}
