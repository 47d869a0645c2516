//! A start command as the shell would take it apart.

/// The words of a command, and of each command that it hands to a shell with `-c`.
#[derive(Debug)]
pub struct CommandLine {
    lines: Vec<Vec<String>>,
}

impl CommandLine {
    /// The words of that text.
    pub fn of(text: &str) -> Self {
        let mut lines = vec![words(text)];
        let mut next = 0;
        while next < lines.len() {
            let inner: Vec<Vec<String>> = handed_on(&lines[next]).map(words).collect();
            lines.extend(inner);
            next += 1;
        }
        Self { lines }
    }

    /// Whether the words of that part stand in it, one after the other: `-B` is not in `--Bulk`. An option counts also
    /// where it carries its value behind an equals sign.
    pub fn has(&self, part: &str) -> bool {
        let part = words(part);
        let Some((last, first)) = part.split_last() else { return true };
        let fits = |window: &[String]| {
            let (end, start) = (&window[first.len()], &window[..first.len()]);
            start == first && (end == last || carries(end, last))
        };
        self.lines.iter().any(|line| line.windows(part.len()).any(fits))
    }

    /// Those of the parts that it lacks.
    pub fn lacks<'p>(&self, parts: &'p [String]) -> Vec<&'p str> {
        parts.iter().filter(|part| !self.has(part)).map(String::as_str).collect()
    }
}

/// `--beat` in `--beat=true`.
fn carries(word: &str, option: &str) -> bool {
    option.starts_with("--") && word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
}

/// What stands behind `-c`: `sh -c '…'`, `bash -lc '…'`. Only text of several words is worth a look.
fn handed_on(line: &[String]) -> impl Iterator<Item = &str> {
    let is_command = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
    let pairs = line.windows(2).filter(move |pair| is_command(&pair[0]));
    pairs.map(|pair| pair[1].as_str()).filter(|text| text.contains(char::is_whitespace))
}

/// Text with a quote that is never closed is taken apart at its blanks.
fn words(text: &str) -> Vec<String> {
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
    use super::CommandLine;

    #[test]
    fn parts_are_words_and_not_pieces_of_them() {
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
    fn what_is_lacking_is_named_in_order() {
        let parts = ["-B".to_owned(), "worker".to_owned(), "-Q low".to_owned()];
        assert_eq!(CommandLine::of("celery worker").lacks(&parts), ["-B", "-Q low"]);
    }
}
