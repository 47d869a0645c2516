//! D202 unreadable-line: a line that is no assignment.

use crate::drift::Survey;
use crate::drift::dotenv::{Loader, LocalFile, Problem};
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;

/// The rule.
pub static RULE: Rule = Rule {
    code: "D202",
    name: "unreadable-line",
    severity: Severity::Warning,
    summary: "A line of the file is no assignment",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A line that can't be read is a variable that the program does not get. Some loaders skip such a line in silence,
some stop reading there, some refuse the whole file.

## Example

    .env:5   API KEY=abc          a blank in the name
    .env:6   TOKEN=\"abc           a quote that is never closed
    .env:9   <<<<<<< HEAD         what a merge left behind

The rest of the file is read and compared as usual. If `loader` in doctor.toml declares which loader the program uses,
a line that this loader reads is fine, and a line that it refuses is an error.

## How to mend it

Write the line as `NAME=value`, or begin it with `#` if it is a comment. The finding names line and column, and what
is wrong there, but never quotes the line: it may hold a secret.

## How to silence it

    [severity]
    unreadable-line = \"off\"
";

/// After so many lines the file is something else than a `.env`, and it is enough to count.
const TOLD: usize = 10;

fn check(survey: &Survey) -> Vec<Finding> {
    survey.files.iter().flat_map(|file| flaws(file, survey.policy.loader)).collect()
}

fn flaws(file: &LocalFile, declared: Option<Loader>) -> Vec<Finding> {
    let (told, rest) = file.flaws.split_at(file.flaws.len().min(TOLD));
    let mut findings: Vec<Finding> =
        told.iter().map(|flaw| finding(file, flaw, declared, message(flaw, declared))).collect();
    if let [first, more @ ..] = rest {
        let text = match more.len() {
            0 => message(first, declared),
            more => format!("{} more lines of {} can't be read either, this one being the first", more + 1, file.name),
        };
        findings.push(finding(file, first, declared, text));
    }
    findings
}

fn message(flaw: &Problem, declared: Option<Loader>) -> String {
    let who = match declared.filter(|loader| flaw.refused_by.contains(loader)) {
        Some(loader) => format!("{} can't read this line", loader.name()),
        None => "this line can't be read".to_owned(),
    };
    format!("{who}: {}, at column {}", flaw.what, flaw.column)
}

/// A line that the program's own loader refuses is not a matter of taste any more.
fn finding(file: &LocalFile, flaw: &Problem, declared: Option<Loader>, message: String) -> Finding {
    let refused = declared.is_some_and(|loader| flaw.refused_by.contains(&loader));
    let severity = if refused { Severity::Error } else { RULE.severity };
    let place = Location { file: file.name.clone(), line: flaw.line };
    Finding { places: vec![place], severity, ..Finding::new(&RULE, message) }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::dotenv::{Loader, LocalFile, Problem};
    use crate::drift::rules::unreadable_line::RULE;
    use crate::drift::test_support::{healthy, lines, survey};
    use crate::drift::{Secret, Severity};

    fn flawed(flaws: usize) -> Vec<String> {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        let flaw = |line| Problem {
            line,
            column: 3,
            what: "there is no equals sign",
            key: None,
            refused_by: vec![Loader::Dotenvy],
        };
        found.files[0].flaws = (1..=flaws).map(flaw).collect();
        lines(&RULE, &found)
    }

    #[test]
    fn reports_each_line_up_to_a_limit() {
        assert_eq!(flawed(0), [""; 0]);
        let line = |number| {
            format!("warning - [] .env:{number}: this line can't be read: there is no equals sign, at column 3")
        };
        assert_eq!(flawed(2), [line(1), line(2)]);
        assert_eq!(flawed(11).last(), Some(&line(11)));
        assert_eq!(flawed(5000).len(), 11);
        assert_eq!(
            flawed(5000)[10],
            "warning - [] .env:11: 4990 more lines of .env can't be read either, this one being the first"
        );
    }

    #[test]
    fn line_refused_by_declared_loader_is_an_error() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        let what = "a quote is opened and not closed";
        found.files[0].flaws =
            vec![Problem { line: 4, column: 1, what, key: None, refused_by: vec![Loader::Dotenvy, Loader::Python] }];
        for (loader, expected) in [
            (None, "warning - [] .env:4: this line can't be read"),
            (Some(Loader::Node), "warning - [] .env:4: this line can't be read"),
            (Some(Loader::Dotenvy), "error - [] .env:4: dotenvy can't read this line"),
        ] {
            found.policy.loader = loader;
            assert_eq!(lines(&RULE, &found), [format!("{expected}: {what}, at column 1")]);
        }
    }

    /// Each line, and the loaders that read an assignment from it: for those it is compared, and for the others an error.
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
            ("A: b", Loader::Python, "error - [] .env:1: python can't read this line: there is no `=`, at column 1"),
            (
                "A=b c",
                Loader::Dotenvy,
                "error - [] .env:1: dotenvy can't read this line: a blank outside quotes, at column 1",
            ),
            (
                "'A'=b",
                Loader::Node,
                "error - [] .env:1: node can't read this line: a key that is no plain name, at column 1",
            ),
            (
                "A='b c\nX=2",
                Loader::Dotenvy,
                "error - [] .env:2: dotenvy can't read this line: an earlier line that takes this one with it, at column 1",
            ),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            found.policy.loader = Some(loader);
            found.files = vec![LocalFile::parse(".env", Secret::new(text)).read_as(loader)];
            assert_eq!(lines(&RULE, &found).last().map(String::as_str), Some(expected), "{text}");
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
