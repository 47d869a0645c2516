//! D202 unreadable-line: a line that is not an assignment.

use crate::drift::Survey;
use crate::drift::dotenv::{Loader, LocalFile, Problem};
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;

pub static RULE: Rule = Rule {
    code: "D202",
    name: "unreadable-line",
    severity: Severity::Warning,
    summary: "A line of the file is not an assignment",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A line that can't be parsed is a variable that the program does not get. Some loaders silently skip such a line, some
stop reading there, and some reject the whole file.

## Example

    .env:5   API KEY=abc          a space in the name
    .env:6   TOKEN=\"abc           an unclosed quote
    .env:9   <<<<<<< HEAD         left over from a merge

The rest of the file is read and compared as usual. If `loader` in doctor.toml declares which loader the program uses,
a line that this loader reads is accepted, and a line that it rejects is an error.

## Fix

Write the line as `NAME=value`, or start it with `#` if it is a comment. The finding gives the line, the column and the
problem, but never quotes the line, because it may contain a secret.

## Suppress

    [severity]
    unreadable-line = \"off\"
";

/// A file with more such lines is probably not a `.env` file, so the rest is only counted.
const MAX_REPORTED: usize = 10;

fn check(survey: &Survey) -> Vec<Finding> {
    // A template that declares needs declares nothing with such a line.
    let templates = survey.examples.iter().filter(|example| example.declares_needs()).map(|example| &example.file);
    survey.files.iter().chain(templates).flat_map(|file| flaws(file, survey.policy.loader)).collect()
}

fn flaws(file: &LocalFile, declared: Option<Loader>) -> Vec<Finding> {
    let (reported, rest) = file.problems.split_at(file.problems.len().min(MAX_REPORTED));
    let mut findings: Vec<Finding> =
        reported.iter().map(|flaw| finding(file, flaw, declared, message(flaw, declared))).collect();
    if let [first, more @ ..] = rest {
        let text = match more.len() {
            0 => message(first, declared),
            more => format!("{} more lines of {} can't be parsed, starting with this one", more + 1, file.name),
        };
        findings.push(finding(file, first, declared, text));
    }
    findings
}

fn message(flaw: &Problem, declared: Option<Loader>) -> String {
    if flaw.is_conflict_marker() {
        return format!("this line is a {}", flaw.description);
    }
    let subject = match declared.filter(|loader| flaw.rejected_by.contains(loader)) {
        Some(loader) => format!("{} can't parse this line", loader.title()),
        None => "this line can't be parsed".to_owned(),
    };
    format!("{subject} (column {}): {}", flaw.column, flaw.description)
}

/// A line that the declared loader refuses is an error: the program uses that loader.
fn finding(file: &LocalFile, flaw: &Problem, declared: Option<Loader>, message: String) -> Finding {
    let refused = declared.is_some_and(|loader| flaw.rejected_by.contains(&loader));
    let severity = if refused { Severity::Error } else { RULE.severity };
    let place = Location { file: file.name.clone(), line: flaw.line };
    let readers: Vec<&Loader> = Loader::ALL.iter().filter(|loader| !flaw.rejected_by.contains(loader)).collect();
    let advice = flaw.advice().map(ToOwned::to_owned);
    let reason = match readers.as_slice() {
        [only] if advice.is_some() => Some(format!("only {} reads it as an assignment", only.title())),
        _ => None,
    };
    Finding { places: vec![place], severity, reason, advice, ..Finding::new(&RULE, message) }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::dotenv::{Loader, LocalFile, Problem};
    use crate::drift::rules::unreadable_line::RULE;
    use crate::drift::test_support::{healthy, lines, survey, template};
    use crate::drift::{Secret, Severity, Survey};

    fn flawed(flaws: usize) -> Vec<String> {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        let flaw = |line| Problem {
            line,
            column: 3,
            description: "there is no equals sign",
            key: None,
            rejected_by: vec![Loader::Dotenvy],
        };
        found.files[0].problems = (1..=flaws).map(flaw).collect();
        lines(&RULE, &found)
    }

    #[test]
    fn lines_of_templates_that_declare_needs_are_reported() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        template(&mut found, ".env.example", "A=\nB_KEY\nC=1\n=5\n", &[]);
        let places = |found: &Survey| check(found).iter().map(|one| one.places[0].line).collect::<Vec<_>>();
        assert_eq!(places(&found), [2, 4]);
        found.examples[0].beside.push(0);
        assert_eq!(places(&found), [0; 0], "an example beside a file");
    }

    #[test]
    fn reports_each_line_up_to_a_limit() {
        assert_eq!(flawed(0), [""; 0]);
        let line = |number| {
            format!("warning - [] .env:{number}: this line can't be parsed (column 3): there is no equals sign")
        };
        assert_eq!(flawed(2), [line(1), line(2)]);
        assert_eq!(flawed(11).last(), Some(&line(11)));
        assert_eq!(flawed(5000).len(), 11);
        assert_eq!(
            flawed(5000)[10],
            "warning - [] .env:11: 4990 more lines of .env can't be parsed, starting with this one"
        );
    }

    #[test]
    fn line_refused_by_declared_loader_is_an_error() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        let description = "unclosed quote";
        found.files[0].problems = vec![Problem {
            line: 4,
            column: 1,
            description,
            key: None,
            rejected_by: vec![Loader::Dotenvy, Loader::Python],
        }];
        for (loader, expected) in [
            (None, "warning - [] .env:4: this line can't be parsed"),
            (Some(Loader::Node), "warning - [] .env:4: this line can't be parsed"),
            (Some(Loader::Dotenvy), "error - [] .env:4: dotenvy can't parse this line"),
        ] {
            found.policy.loader = loader;
            assert_eq!(lines(&RULE, &found), [format!("{expected} (column 1): {description}")]);
        }
    }

    /// Each line, and the loaders that read an assignment from it. For the other loaders, it is an error.
    #[test]
    fn declared_loader_decides_what_is_unreadable() {
        use Loader::{Dotenvy, Node, Python};
        for (line, readers) in [
            ("A=b", &[Dotenvy, Python, Node][..]),
            ("A: b", &[Node]),
            ("A : b", &[]),
            ("A:b", &[]),
            ("A b", &[]),
            ("A", &[]),
            ("export A", &[]),
            ("=b", &[]),
            ("<<<<<<< HEAD", &[]),
            ("A=b c", &[Python, Node]),
            ("A-B=c", &[Python, Node]),
            ("A@B=c", &[Python]),
            ("'A'=b", &[Python]),
            ("1A=b", &[Python, Node]),
            ("A='b", &[Node]),
            ("A='b'c", &[Dotenvy, Node]),
            ("A B=c", &[]),
        ] {
            for loader in Loader::ALL {
                let file = LocalFile::parse(".env", Secret::new(format!("X=1\n{line}\nY=2\n"))).read_as(loader);
                let mut found = survey(&[], &[("api", &[])]);
                found.policy.loader = Some(loader);
                let is_read = file.entries.iter().any(|entry| entry.line == 2);
                found.files = vec![file];
                let findings = check(&found).into_iter().filter(|finding| finding.places[0].line == 2);
                let severities: Vec<_> = findings.map(|finding| finding.severity).collect();
                let expected = if readers.contains(&loader) { vec![] } else { vec![Severity::Error] };
                assert_eq!((is_read, severities), (readers.contains(&loader), expected), "{line} by {}", loader.name());
            }
        }
    }

    #[test]
    fn finding_names_the_cause() {
        for (text, loader, expected) in [
            (
                "A: b",
                Loader::Python,
                "error - [] .env:1: python-dotenv can't parse this line (column 1): `:` instead of `=`",
            ),
            ("<<<<<<< HEAD", Loader::Node, "error - [] .env:1: this line is a leftover merge conflict marker"),
            (
                "A=b c",
                Loader::Dotenvy,
                "error - [] .env:1: dotenvy can't parse this line (column 1): whitespace outside quotes",
            ),
            (
                "A=b ",
                Loader::Dotenvy,
                "error - [] .env:1: dotenvy can't parse this line (column 1): whitespace outside quotes",
            ),
            (
                "'A'=b",
                Loader::Node,
                "error - [] .env:1: node's dotenv can't parse this line (column 1): a key that some loaders reject",
            ),
            (
                "A='b c\nX=2",
                Loader::Dotenvy,
                "error - [] .env:2: dotenvy can't parse this line (column 1): an earlier line that extends into this one",
            ),
            (
                "A='b c\nexport X=2 # y",
                Loader::Dotenvy,
                "error - [] .env:2: dotenvy can't parse this line (column 8): an earlier line that extends into this one",
            ),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            found.policy.loader = Some(loader);
            found.files = vec![LocalFile::parse(".env", Secret::new(text)).read_as(loader)];
            assert_eq!(lines(&RULE, &found).last().map(String::as_str), Some(expected), "{text}");
        }
    }

    #[test]
    fn help_shows_how_to_write_the_line() {
        for (line, reason, advice) in [
            ("A: b", Some("only node's dotenv reads it as an assignment"), Some("write it as KEY=value")),
            ("A:b", None, Some("write it as KEY=value")),
            ("A b", None, Some("write it as KEY=value, or comment it out")),
            ("=======", None, Some("resolve the conflict, then remove the line")),
            ("A='b", None, None),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            found.files = vec![LocalFile::parse(".env", Secret::new(line))];
            let finding = &check(&found)[0];
            assert_eq!((finding.reason.as_deref(), finding.advice.as_deref()), (reason, advice), "{line}");
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
