//! D203 loaders-disagree: loaders read different values from the same line.

use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, Pair};
use crate::drift::dotenv::{CauseKind, Disagreement, KeyReading, Loader, LocalFile};
use crate::drift::engine::loader_conflicts;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, phrases};

pub static RULE: Rule = Rule {
    code: "D203",
    name: "loaders-disagree",
    severity: Severity::Warning,
    summary: "Loaders read different values from the same line",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

The `.env` format has no standard. python-dotenv, node's dotenv and Rust's dotenvy may read three different values from
the same line, so a key that works in one program is rejected in another.

## Example

    .env:4   CALLBACK=https://x.dev/#done   node's dotenv ends the value at the #
    .env:5   DSN=http://${HOST}/1           python-dotenv and dotenvy expand the variable
    .env:6   TITLE=Corner Shop              dotenvy rejects a space outside quotes
    .env:7   DB_URL=${{Postgres.URL}}       python-dotenv and dotenvy expand it as a local variable

The finding is a warning if python-dotenv and node's dotenv read different values. It is a note if only dotenvy differs,
if the only cause is a Railway reference, or if Railway has the text to which loaders expand the variables. A value on
which python-dotenv and node's dotenv disagree, or with a `$` that a loader expands, is compared as written and never
pushed.

## Fix

Write the line as the finding suggests: single quotes around the value are usually enough.

## Suppress

Set the loader that the program uses in `doctor.toml`. Values are then read as that loader reads them, and this rule
reports nothing:

    loader = \"python\"        # or \"node\", or \"dotenvy\"
";

/// The number of lines listed for each severity; the rest are counted.
const MAX_LISTED: usize = 10;

fn check(survey: &Survey) -> Vec<Finding> {
    survey
        .files
        .iter()
        .enumerate()
        .flat_map(|(index, file)| of_file(survey, file, survey.disagreements(index)))
        .collect()
}

fn of_file(survey: &Survey, file: &LocalFile, disagreements: &[Disagreement]) -> Vec<Finding> {
    let (mut conflicts, mut swallowed) = (Vec::new(), BTreeMap::<usize, Vec<&Disagreement>>::new());
    for disagreement in reported_here(file, disagreements) {
        match disagreement.part_of_line {
            Some(line) => swallowed.entry(line).or_default().push(disagreement),
            None => conflicts.push(LoaderConflict::Single(disagreement)),
        }
    }
    conflicts.extend(swallowed.into_iter().map(|(line, lost)| LoaderConflict::Swallowing(line, lost)));
    conflicts.sort_by_key(LoaderConflict::line);
    let (warnings, notes): (Vec<_>, Vec<_>) =
        conflicts.iter().partition(|conflict| conflict.severity(survey, file) == Severity::Warning);
    [listed(survey, file, &warnings), listed(survey, file, &notes)].concat()
}

/// What a finding is about.
enum LoaderConflict<'d> {
    Single(&'d Disagreement),
    /// The line with an unclosed quote, and what it swallows.
    Swallowing(usize, Vec<&'d Disagreement>),
}

impl LoaderConflict<'_> {
    fn line(&self) -> usize {
        match self {
            Self::Single(disagreement) => disagreement.line,
            Self::Swallowing(line, _) => *line,
        }
    }

    fn severity(&self, survey: &Survey, file: &LocalFile) -> Severity {
        match self {
            Self::Single(disagreement) => severity(survey, file, disagreement),
            Self::Swallowing(_, lost) => {
                lost.iter().map(|one| loader_conflicts::severity(one)).max().unwrap_or(RULE.severity)
            }
        }
    }

    fn finding(&self, survey: &Survey, file: &LocalFile) -> Finding {
        let finding = match self {
            Self::Single(disagreement) => finding(file, disagreement),
            Self::Swallowing(line, lost) => swallowing(file, *line, lost),
        };
        Finding { severity: self.severity(survey, file), ..finding }
    }
}

/// Returns the findings on the first conflicts of one severity; the last one counts the rest.
fn listed(survey: &Survey, file: &LocalFile, conflicts: &[&LoaderConflict<'_>]) -> Vec<Finding> {
    let findings = conflicts.iter().take(MAX_LISTED + 1).map(|conflict| conflict.finding(survey, file));
    let mut findings: Vec<Finding> = findings.collect();
    let more = conflicts.len() - conflicts.len().min(MAX_LISTED);
    if let Some(last) = findings.last_mut().filter(|_| more > 1) {
        let message = format!("loaders read {more} more lines of {} differently, starting with this one", file.name);
        *last = Finding { message, key: None, reason: None, advice: None, ..last.clone() };
    }
    findings
}

/// Keeps one conflict for each line, without those that `duplicate-key` and `unreadable-line` report.
fn reported_here<'d>(file: &LocalFile, disagreements: &'d [Disagreement]) -> Vec<&'d Disagreement> {
    let mut reported: HashSet<usize> = file.problems.iter().map(|flaw| flaw.line).collect();
    let (kept, keyless): (Vec<_>, Vec<_>) = disagreements
        .iter()
        .filter(|disagreement| disagreement.kind != CauseKind::Duplicate)
        .partition(|disagreement| disagreement.entry.is_some());
    // A key that python-dotenv or node's dotenv finds and doctor does not is part of a key block, which
    // `unreadable-line` reports.
    let in_key_block = |disagreement: &&Disagreement| {
        [Loader::Python, Loader::Node].iter().any(|loader| disagreement.reading(*loader) == KeyReading::Different)
    };
    let keyless = keyless.into_iter().filter(|disagreement| !in_key_block(disagreement));
    kept.into_iter().chain(keyless).filter(|disagreement| reported.insert(disagreement.line)).collect()
}

fn severity(survey: &Survey, file: &LocalFile, disagreement: &Disagreement) -> Severity {
    let is_note = disagreement.kind == CauseKind::Substitution && differs_as_expected(survey, file, &disagreement.key);
    if is_note { Severity::Note } else { loader_conflicts::severity(disagreement) }
}

fn finding(file: &LocalFile, disagreement: &Disagreement) -> Finding {
    // A key that only some loaders find may be a fragment of a certificate, so it is not quoted.
    let key = disagreement.entry.is_some().then(|| disagreement.key.clone());
    let what = key.as_deref().unwrap_or("this line");
    Finding {
        key: key.clone(),
        places: vec![Location { file: file.name.clone(), line: disagreement.line }],
        reason: Some(disagreement.kind.description().to_owned()),
        advice: Some(disagreement.advice().to_owned()),
        ..Finding::new(&RULE, format!("loaders read {what} differently: {}", readings(disagreement)))
    }
}

/// Returns whether each service that has the key has an expected value: usually what a loader expands the local value to.
/// If only services out of scope have it, there is nothing to compare, and a narrower scope must not add a warning.
fn differs_as_expected(survey: &Survey, file: &LocalFile, key: &str) -> bool {
    let is_on_railway = || survey.catalogue.services.values().any(|keys| keys.contains(key));
    let outcome = |target| {
        let local = survey.local(target, key).filter(|local| std::ptr::eq(local.file, file))?;
        Some(Pair { target, key, variable: target.variable(key)?, local }.verdict(survey))
    };
    let mut outcomes = survey.readable().filter_map(outcome).peekable();
    (outcomes.peek().is_some() || is_on_railway())
        && outcomes.all(|outcome| matches!(outcome, ComparisonOutcome::ExpectedDifference(_)))
}

/// Reports the lines that an unclosed quote swallows as one finding.
fn swallowing(file: &LocalFile, line: usize, lost: &[&Disagreement]) -> Finding {
    let keys: Vec<&str> = lost.iter().map(|disagreement| disagreement.key.as_str()).collect();
    let loaders: Vec<&str> = Loader::ALL
        .into_iter()
        .filter(|loader| lost.iter().any(|disagreement| disagreement.reading(*loader) != KeyReading::Same))
        .map(Loader::title)
        .collect();
    let place = |line| Location { file: file.name.clone(), line };
    let verb = if loaders.len() == 1 { "reads" } else { "read" };
    Finding {
        key: keys.first().filter(|_| keys.len() == 1).map(|&key| key.to_owned()),
        places: std::iter::once(line).chain(lost.iter().map(|disagreement| disagreement.line)).map(place).collect(),
        reason: Some(CauseKind::Unclosed.description().to_owned()),
        advice: Some(format!("close the quote on line {line}")),
        ..Finding::new(
            &RULE,
            format!("{} {verb} {} as part of line {line}", phrases::names(&loaders), phrases::names(&keys)),
        )
    }
}

/// Describes how each loader reads the line: `python-dotenv and node's dotenv agree, dotenvy rejects the line`.
fn readings(disagreement: &Disagreement) -> String {
    let clause = |reading, [one, many]: [&str; 2]| {
        let loaders = disagreement.readings.iter().filter(|(_, other)| *other == reading);
        let titles: Vec<&str> = loaders.map(|(loader, _)| loader.title()).collect();
        let verb = if titles.len() == 1 { one } else { many };
        (!titles.is_empty()).then(|| format!("{} {verb}", phrases::names(&titles)))
    };
    let clauses = [
        clause(KeyReading::Same, ["agrees with doctor", "agree"]),
        clause(KeyReading::OnlyRecent, ["up to 1.2.2 reads a different value", "up to 1.2.2 read a different value"]),
        clause(KeyReading::Different, ["reads a different value", "read a different value"]),
        clause(KeyReading::Refused, ["rejects the line", "reject the line"]),
        clause(KeyReading::Missing, ["does not find it", "do not find it"]),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::dotenv::disagreement::Disagreements;
    use crate::drift::dotenv::{Loader, LocalFile};
    use crate::drift::rules::loaders_disagree::RULE;
    use crate::drift::test_support::{ServiceRows, healthy, lines, survey};
    use crate::drift::{Secret, Severity, Survey};

    fn with_text(text: &str) -> Survey {
        let mut found = survey(&[], &[]);
        found.files = vec![LocalFile::parse(".env", Secret::new(text))];
        found.loader_conflicts = Disagreements::default();
        found
    }

    #[test]
    fn reports_how_each_loader_reads_the_line() {
        let differently = "loaders read A differently";
        let node_ends = format!(
            "warning A [] .env:1: {differently}: dotenvy and python-dotenv agree, node's dotenv reads a different value"
        );
        let rust_rejects =
            format!("note A [] .env:1: {differently}: python-dotenv and node's dotenv agree, dotenvy rejects the line");
        let rust_reads = rust_rejects.replace("rejects the line", "reads a different value");
        let node_alone = "node's dotenv agrees with doctor, dotenvy and python-dotenv read a different value";
        let old_python = format!(
            "warning A [] .env:1: {differently}: \
             dotenvy and node's dotenv agree, python-dotenv up to 1.2.2 reads a different value"
        );
        for (text, expected) in [
            ("A=https://x/#frag", Some(node_ends.clone())),
            ("A=`b`", Some(node_ends)),
            ("A=hello world", Some(rust_rejects.clone())),
            ("A=Corner Shop's", Some(rust_rejects)),
            ("A={\"a\":1}", Some(rust_reads.clone())),
            ("A=pa$word", Some(rust_reads)),
            ("A=${B}", Some(format!("warning A [] .env:1: {differently}: {node_alone}"))),
            ("A=${{x.Y}}", Some(format!("note A [] .env:1: {differently}: {node_alone}"))),
            ("A= # comment", Some(old_python.clone())),
            ("\u{feff}A=b", Some(old_python)),
        ] {
            assert_eq!(lines(&RULE, &with_text(&format!("{text}\n"))), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn expanded_value_on_railway_makes_it_a_note() {
        let severity = |services: &[(&str, &[&str])]| {
            let mut found = survey(&[], services);
            found.files = vec![LocalFile::parse(".env", Secret::new("APP=Shop\nFROM=\"${APP} mail\"\n"))];
            found.loader_conflicts = Disagreements::default();
            check(&found)[0].severity
        };
        let expanded: (&str, &[&str]) = ("api", &["FROM=Shop mail"]);
        assert_eq!(severity(&[expanded, ("web", &["OTHER=1"])]), Severity::Note);
        assert_eq!(severity(&[expanded, ("web", &["FROM=Store mail"])]), Severity::Warning);
        assert_eq!(severity(&[("api", &["FROM=${APP} mail"])]), Severity::Warning);
        assert_eq!(severity(&[("api", &["OTHER=1"])]), Severity::Warning);
    }

    #[test]
    fn narrower_scope_adds_no_warning() {
        let severity = |only: &str| {
            let services: &[ServiceRows<'_>] = &[("api", &["FROM=Shop mail"]), ("web", &["OTHER=1"])];
            let mut found = survey(&[], services);
            found.files = vec![LocalFile::parse(".env", Secret::new("APP=Shop\nFROM=\"${APP} mail\"\n"))];
            found.loader_conflicts = Disagreements::default();
            found.targets.retain(|target| only.is_empty() || target.service.name == only);
            check(&found)[0].severity
        };
        assert_eq!(["", "api", "web"].map(severity), [Severity::Note; 3]);
    }

    #[test]
    fn ordinary_lines_have_no_findings() {
        for text in [
            "",
            "A=",
            "A=b",
            "A=b # comment",
            "A=https://x/y?z=1&w=2",
            "A='https://x/#frag'",
            "A='hello world'",
            "A=\"it's\"",
            "A='{\"a\":1}'",
            "A=\"one\\ntwo\"",
            "A=x==",
            "export A=b",
            "A = b",
            "A=1\r\nB=2\r",
            "# a comment with it's own quote",
            "A=\"-----BEGIN KEY-----\nMII\n-----END KEY-----\"",
        ] {
            assert_eq!(lines(&RULE, &with_text(&format!("{text}\n"))), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn finding_has_reason_and_correct_spelling() {
        for (text, reason, advice) in [
            ("A=https://x/#frag", "a `#` without a space before it", "write it as KEY='…'"),
            ("A=it's", "a quote inside the value", "write it as KEY=\"…\""),
            ("A-B=1", "a key that some loaders reject", "rename the key, with only letters, digits and underscores"),
        ] {
            let found = with_text(&format!("{text}\n"));
            let finding = &check(&found)[0];
            assert_eq!((finding.reason.as_deref(), finding.advice.as_deref()), (Some(reason), Some(advice)), "{text}");
        }
    }

    #[test]
    fn lines_reported_by_another_rule_are_skipped() {
        for text in ["A=1\nA=2\n", "A: 1\n", "A='it''s'\n", "A\n"] {
            assert!(!with_text(text).disagreements(0).is_empty() || text == "A\n", "{text:?}");
            assert_eq!(lines(&RULE, &with_text(text)), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn quote_spanning_lines_is_one_finding() {
        for (text, expected) in [
            ("A=\"x\nB=2\nC=3\n", "note - [] .env:1 .env:2 .env:3: dotenvy reads B and C as part of line 1"),
            ("A=\"x\nB=2\n", "note B [] .env:1 .env:2: dotenvy reads B as part of line 1"),
        ] {
            assert_eq!(lines(&RULE, &with_text(text)), [expected]);
        }
    }

    #[test]
    fn certificate_fragment_is_never_quoted() {
        let found = with_text("A=-----BEGIN KEY-----\nMIIEmarker4711+/x==\nmarker4712 =\n-----END KEY-----\n");
        let output = format!("{:?}", check(&found));
        assert!(!output.contains("4711") && !output.contains("4712"), "{output}");
        let block = "A=-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nMIIEpAIBAAKCAQEB\nab+/cd==\n-----END KEY-----\n";
        let keys: Vec<_> = check(&with_text(block)).into_iter().map(|finding| finding.key).collect();
        assert_eq!(keys, [Some("A".to_owned())], "the block is reported once, by unreadable-line");
    }

    #[test]
    fn many_lines_are_counted_without_hiding_warnings() {
        let lots = |count| (0..count).map(|number| format!("N{number}=hello world\n")).collect::<Vec<_>>().concat();
        let mut text = lots(5000);
        text.push_str("A=https://x/#frag\n");
        let listed = lines(&RULE, &with_text(&text));
        assert_eq!(listed.len(), 12);
        assert!(listed[0].starts_with("warning A [] .env:5001: "), "{}", listed[0]);
        assert_eq!(
            listed[11],
            "note - [] .env:11: loaders read 4990 more lines of .env differently, starting with this one"
        );
        assert!(lines(&RULE, &with_text(&lots(11)))[10].starts_with("note N10 [] .env:11: loaders read N10"));
    }

    #[test]
    fn declared_loader_resolves_conflicts() {
        for loader in Loader::ALL {
            let mut found = with_text("A=https://x/#frag\nB=${C}\n");
            found.policy.loader = Some(loader);
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
