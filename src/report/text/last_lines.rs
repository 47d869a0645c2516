//! The last lines: the totals.

use crate::drift::phrases::{alternatives, count};
use crate::drift::service_scope::Exclusion;
use crate::report::count::Tally;
use crate::report::finding_help::FindingHelp;
use crate::report::paint::Tone;
use crate::report::text::finding_block;
use crate::report::text::page::TextPage;
use crate::report::text::wording::{FEW, listed};
use crate::report::verdict::NOTHING_COMPARED;
use crate::report::{Detail, Report, ServiceLine, baseline, shell_command, uncompared};

/// Whether the notes that the totals count are listed above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notes {
    Listed,
    /// `-v` lists them.
    Hidden,
}

/// Writes the totals, and whether nothing was compared.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, notes: Notes) {
    if page.options.detail != Detail::Quiet {
        page.gap();
    }
    if let Some(sentence) = nothing_compared(report) {
        page.paragraph(&[], 2, (Tone::Strong, &sentence));
        if let Some(help) = service_help(report) {
            finding_block::help(page, &help);
        }
    }
    let tally = FindingTally::of(report, notes);
    if (report.all_passed() || report.only_known()) && tally.hidden_notes > 0 {
        page.line(&[(Tone::Plain, &tally.summary())]);
    }
    let mut items = verdict(report, tally);
    items.push([vec![report.extent()], uncompared(report.sealed(), report.unknown())].concat().join(", "));
    let unread = report.services.iter().filter(|line| line.error.is_some()).count();
    if unread > 0 {
        items.push(format!("{} could not be read", count(unread, "service")));
    }
    items.extend(report.removed());
    items.push(count(report.requests, "request"));
    page.flow(&[], 2, Tone::Strong, " · ", &items);
}

/// Writes what the run did with its baseline, and the command to run next.
pub(crate) fn baseline(page: &mut TextPage<'_>, report: &Report) {
    let Some(baseline) = &report.baseline else { return };
    page.gap();
    for line in baseline::lines(baseline) {
        page.paragraph(&[], 2, (Tone::Plain, &line));
    }
    if let Some(help) = baseline::help(baseline) {
        finding_block::help(page, &help);
    }
}

/// The findings of a report, with those notes apart that are not listed.
#[derive(Clone, Copy)]
struct FindingTally {
    listed: Tally,
    hidden_notes: usize,
}

impl FindingTally {
    fn of(report: &Report, notes: Notes) -> Self {
        let all = Tally::of(&report.findings);
        match notes {
            Notes::Listed => Self { listed: all, hidden_notes: 0 },
            Notes::Hidden => Self { listed: Tally { notes: 0, ..all }, hidden_notes: all.notes },
        }
    }

    /// Returns text such as `3 errors, 2 warnings (15 notes, -v lists them)`; empty without findings.
    fn summary(self) -> String {
        let (listed, notes) = (self.listed.summary(), count(self.hidden_notes, "note"));
        let hint = if self.hidden_notes == 1 { "-v lists it" } else { "-v lists them" };
        match (listed.is_empty(), self.hidden_notes) {
            (_, 0) => listed,
            (true, _) => format!("{notes} ({hint})"),
            (false, _) => format!("{listed} ({notes}, {hint})"),
        }
    }
}

fn nothing_compared(report: &Report) -> Option<String> {
    let services = report.not_compared()?;
    let is_whole = report.services.iter().all(|line| line.checked() == 0);
    let of = if is_whole { String::new() } else { format!(" for {}", listed(&services, FEW)) };
    let hence = match report.command {
        "check" => ", so the check does not pass",
        "compare" => ", so the comparison does not pass",
        _ => "",
    };
    let what = match () {
        () if !report.files.is_empty() || report.declarations.is_empty() => "Nothing was compared",
        () if is_undeclared(report) => "Nothing is declared",
        () => "Nothing was checked",
    };
    Some(format!("{what}{of}{}{hence}.", nothing_in_both(report)))
}

/// Returns why nothing was compared in two environments, if no key exists in both.
fn nothing_in_both(report: &Report) -> &'static str {
    let is_bare = |line: &ServiceLine| line.error.is_none() && line.uncompared().is_empty();
    let is_known = report.services.iter().filter(|line| line.checked() == 0).all(is_bare);
    // An ignored key may exist in both.
    let is_certain = is_known && !report.services.is_empty() && report.ignored.is_empty();
    match report.environment_pair() {
        Some(_) if is_certain && !report.only.is_empty() => ": no --only key exists in both environments",
        Some(_) if is_certain => ": no key exists in both environments",
        _ => "",
    }
}

/// Returns whether no key is declared as needed by the services without a checked need.
fn is_undeclared(report: &Report) -> bool {
    let mut unchecked = report.services.iter().filter(|line| line.checked() == 0);
    let is_bare = |line: &ServiceLine| line.lacking.is_empty() && line.uncompared().is_empty();
    if report.services.is_empty() {
        report.needed.is_empty()
    } else {
        report.ignored.is_empty() && unchecked.all(is_bare)
    }
}

/// Returns which needed keys services without a file lack, if they have none of them.
fn lacking_help(report: &Report) -> Option<FindingHelp> {
    let lacking: Vec<&ServiceLine> =
        report.services.iter().filter(|line| lacks_all(line) && !line.lacking.is_empty()).collect();
    let names: Vec<&str> = lacking.iter().map(|line| line.service.name.as_str()).collect();
    let declared = declared_by(report);
    let advice = match lacking.as_slice() {
        [] => return None,
        [line] => {
            let keys = &line.lacking;
            let has =
                if keys.len() == 1 { "does not have the key" } else { &format!("has none of the {} keys", keys.len()) };
            format!("{} {has} that {declared} needs: {}", line.service.name, listed(keys, FEW))
        }
        _ => format!("{} have none of the keys that {declared} needs", listed(&names, FEW)),
    };
    FindingHelp::new(Some(&advice), Vec::new())
}

/// Returns whether a service without a file has no needed key at all, not even one whose value is unknown.
fn lacks_all(line: &ServiceLine) -> bool {
    line.needs == Some(0) && line.uncompared().is_empty()
}

fn declared_by(report: &Report) -> String {
    alternatives(&report.declarations.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns how to declare needs of services without a file that were named.
fn undeclared_help(report: &Report) -> Option<FindingHelp> {
    let is_undeclared = |line: &&ServiceLine| lacks_all(line) && line.lacking.is_empty();
    let without: Vec<&str> =
        report.services.iter().filter(is_undeclared).map(|line| line.service.name.as_str()).collect();
    if without.is_empty() || !report.only.is_empty() {
        return None;
    }
    let of = listed(&without, FEW);
    let advice =
        format!("declare the keys that {of} needs with [[require]] in doctor.toml, or pass a file with --env-file");
    FindingHelp::new(Some(&advice), Vec::new())
}

/// Returns how to list the keys of services that were named and have no key of the files.
fn unshared_help(report: &Report) -> Option<FindingHelp> {
    let shares_nothing =
        |line: &&ServiceLine| line.compared == 0 && line.error.is_none() && line.uncompared().is_empty();
    let unshared: Vec<&str> =
        report.services.iter().filter(shares_nothing).map(|line| line.service.name.as_str()).collect();
    let have = if unshared.len() == 1 { "has" } else { "have" };
    // With `--only`, they may have other keys of the files.
    if unshared.is_empty() || report.files.is_empty() || !report.only.is_empty() {
        return None;
    }
    let files: Vec<&str> = report.files.iter().map(|(file, _)| file.as_str()).collect();
    let services = unshared.iter().map(|name| format!("--service={name}"));
    let arguments: Vec<String> = ["matrix".to_owned()].into_iter().chain(services).collect();
    let command = shell_command::command(report, &arguments, &[]);
    let (names, files) = (listed(&unshared, FEW), alternatives(&files));
    let advice = format!("{names} {have} no key of {files}; pass another file with --env-file, or list the keys:");
    FindingHelp::new(Some(&advice), vec![command])
}

/// Returns how to compare a service with files if all were left out. A service that has none of the keys is never
/// suggested.
fn service_help(report: &Report) -> Option<FindingHelp> {
    if report.environment_pair().is_some() {
        return None;
    }
    if let Some(help) = lacking_help(report).or_else(|| undeclared_help(report)).or_else(|| unshared_help(report)) {
        return Some(help);
    }
    let (service, reason) = report.left_out.iter().min_by_key(|(_, reason)| match reason {
        Exclusion::Elsewhere { .. } => 0,
        Exclusion::Provider { .. } => 1,
        Exclusion::NothingShared => 2,
        Exclusion::Database => 3,
    })?;
    if !report.services.is_empty() {
        return None;
    }
    let files: Vec<&str> =
        report.files.iter().map(|(file, _)| file).chain(&report.declarations).map(String::as_str).collect();
    let files = alternatives(&files);
    if *reason == Exclusion::NothingShared {
        return FindingHelp::new(Some(&nothing_shared(report, &files)), Vec::new());
    }
    let arguments = ["check".to_owned(), format!("--service={service}")];
    let command = shell_command::command(report, &arguments, &[]);
    let advice = format!("no service is compared with {files} by default; to compare one anyway, run:");
    FindingHelp::new(Some(&advice), vec![command])
}

/// Returns that no service has any of the keys. Whether a database that was left out has them is not known.
fn nothing_shared(report: &Report, files: &str) -> String {
    let has_database = report.left_out.iter().any(|(_, reason)| *reason == Exclusion::Database);
    let service = if has_database { "no service apart from databases" } else { "no service" };
    if !report.files.is_empty() || report.needed.is_empty() {
        return format!("{service} has a key of {files}; pass another file with --env-file");
    }
    let any = if let [_] = report.needed.as_slice() {
        "the key"
    } else {
        &format!("any of the {} keys", report.needed.len())
    };
    format!("{service} has {any} that {files} needs: {}", listed(&report.needed, FEW))
}

/// Returns the conclusion of the run and the number of findings.
fn verdict(report: &Report, tally: FindingTally) -> Vec<String> {
    let success = [("All checks passed", report.all_passed()), ("no new findings", report.only_known())];
    if let Some((phrase, _)) = success.into_iter().find(|(_, is_so)| *is_so) {
        let notes = tally.listed.summary();
        return [phrase.to_owned(), notes].into_iter().filter(|item| !item.is_empty()).collect();
    }
    let mut items = report.conclusion();
    let findings = tally.summary();
    // A failed run is not reported as "no findings".
    let succeeded = items.is_empty() && [0, NOTHING_COMPARED].contains(&report.exit_code);
    if !findings.is_empty() {
        items.push(findings);
    } else if succeeded {
        items.push("no findings".to_owned());
    }
    items
}

#[cfg(test)]
mod tests {
    use crate::drift::Severity;
    use crate::drift::engine::service_status::{CheckState, StatusCheck};
    use crate::drift::service_scope::Exclusion;
    use crate::report::test_support::{EXTRA, MISSING, calm, finding, ignored, line, text};
    use crate::report::{Detail, Report};

    const API: &str = "agentverse-api-staging";

    fn last_lines(report: &Report, detail: Detail) -> Vec<String> {
        let output = text(report, 80, detail);
        output.rsplit("\n\n").next().unwrap_or_default().lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn success_is_claimed_only_without_contradicting_findings() {
        let with = |rule| Report { findings: vec![finding(rule, "KEY", &[API], "KEY")], ..calm() };
        let single = Report { services: vec![line(API, 1, 2)], requests: 1, ..calm() };
        let mut unknown = Report { services: vec![line(API, 1, 2)], requests: 1, ..calm() };
        unknown.services[0].unknown = 1;
        let one = "All checks passed · 11 values compared · 2 requests";
        for (report, lines) in [
            (calm(), vec![one]),
            (with(&EXTRA), vec!["1 note (-v lists it)", one]),
            (with(&MISSING), vec!["1 warning · 11 values compared · 2 requests"]),
            (
                Report { ignored: vec![ignored(), ignored()], ..calm() },
                vec!["All checks passed · 11 values compared · 2 ignored by doctor.toml · 2 requests"],
            ),
            (single, vec!["All checks passed · 1 value compared, 2 sealed · 1 request"]),
            (unknown, vec!["All checks passed · 1 value compared, 2 sealed, 1 unknown · 1 request"]),
        ] {
            assert_eq!(last_lines(&report, Detail::Normal), lines);
        }
        let verbose = last_lines(&with(&EXTRA), Detail::Verbose);
        assert_eq!(verbose, ["All checks passed · 1 note · 11 values compared · 2 requests"]);
    }

    #[test]
    fn unchecked_service_is_not_a_success() {
        let mut report = calm();
        report.services[0].checks =
            vec![StatusCheck { name: "running", state: CheckState::Open, note: "refused".to_owned() }];
        assert_eq!(last_lines(&report, Detail::Normal), ["no findings · 11 values compared · 2 requests"]);
        let skipped = Report { services: vec![line(API, 1, 0), line("web", 0, 1)], ..calm() };
        assert_eq!(last_lines(&skipped, Detail::Normal), ["no findings · 1 value compared, 1 sealed · 2 requests"]);
    }

    #[test]
    fn hidden_notes_are_counted_apart_and_failing_notes_are_listed() {
        let notes = || vec![finding(&EXTRA, "A", &[API], "A"), finding(&EXTRA, "B", &[API], "B")];
        let both = Report { findings: [vec![finding(&MISSING, "C", &[API], "C")], notes()].concat(), ..calm() };
        let expected = ["1 warning (2 notes, -v lists them) · 11 values compared · 2 requests"];
        assert_eq!(last_lines(&both, Detail::Normal), expected);
        let expected = ["1 warning, 2 notes · 11 values compared · 2 requests"];
        assert_eq!(last_lines(&both, Detail::Verbose), expected);
        let failing = Report { findings: notes(), fail_on: Some(Severity::Note), exit_code: 1, ..calm() };
        assert_eq!(last_lines(&failing, Detail::Normal), ["2 notes · 11 values compared · 2 requests"]);
        let output = text(&failing, 80, Detail::Normal);
        assert!(output.contains(&format!("  missing-locally  {API}: 2 keys are only on Railway\n")), "{output}");
        let unread = Report { findings: notes(), exit_code: 5, ..calm() };
        let expected = ["2 notes (-v lists them) · 11 values compared · 2 requests"];
        assert_eq!(last_lines(&unread, Detail::Normal), expected);
    }

    #[test]
    fn service_is_suggested_if_none_was_selected() {
        let left_out = |reasons: &[(&str, Exclusion)]| Report {
            services: Vec::new(),
            left_out: reasons.iter().map(|(name, reason)| ((*name).to_owned(), reason.clone())).collect(),
            flags: vec!["--environment=staging".to_owned()],
            exit_code: 3,
            ..calm()
        };
        let command =
            |service: &str| format!("anyway, run:\n    doctor check --service={service} --environment=staging\n");
        let elsewhere = || ("web", Exclusion::Elsewhere { root: "web".to_owned() });
        let provider = || ("auth", Exclusion::Provider { takers: vec!["web".to_owned()] });
        let (database, unrelated) = (("Postgres", Exclusion::Database), ("docs", Exclusion::NothingShared));
        for (reasons, service) in [
            (vec![unrelated.clone(), database.clone(), provider(), elsewhere()], "web"),
            (vec![unrelated.clone(), database.clone(), provider()], "auth"),
            (vec![database.clone()], "Postgres"),
        ] {
            let output = text(&left_out(&reasons), 90, Detail::Normal);
            assert!(
                output.contains("\n  help: no service is compared with .env by default; to compare one "),
                "{output}"
            );
            assert!(output.contains(&command(service)), "{output}");
        }
        let expected = "
Nothing was compared, so the check does not pass.
  help: no service has a key of .env; pass another file with --env-file
no findings";
        let output = text(&left_out(std::slice::from_ref(&unrelated)), 80, Detail::Normal);
        assert!(output.contains(expected), "{output}");
        let output = text(&left_out(&[unrelated, database]), 80, Detail::Normal);
        assert!(output.contains("help: no service apart from databases has a key of .env; pass another"), "{output}");
        let sealed = Report { services: vec![line("web", 0, 2)], ..left_out(&[("a", Exclusion::Database)]) };
        assert!(!text(&sealed, 80, Detail::Normal).contains("help:"));
    }

    #[test]
    fn nothing_compared_is_not_a_success() {
        let mut nothing = Report { services: vec![line("web", 0, 0), line("cron", 0, 2)], exit_code: 3, ..calm() };
        let expected = "
SKIP  web   nothing compared: no key in common with .env
SKIP  cron  nothing compared, 2 sealed

Nothing was compared, so the check does not pass.
  help: web has no key of .env; pass another file with --env-file, or list the
        keys:
    doctor matrix --service=web
no findings · 0 values compared, 2 sealed · 2 requests
";
        let output = text(&nothing, 80, Detail::Normal);
        assert!(output.ends_with(expected), "{output}");
        assert!(text(&nothing, 80, Detail::Quiet).starts_with("Nothing was compared, so the check does not pass.\n"));
        nothing.services.push(line("api", 3, 0));
        let output = text(&nothing, 80, Detail::Normal);
        assert!(
            output.contains(
                "\nNothing was compared for web, cron, so the check does not pass.\n  help: web has no key of .env;"
            ),
            "{output}"
        );
    }

    #[test]
    fn only_a_check_that_compares_nothing_does_not_pass() {
        for (command, expected) in [
            ("check", "Nothing was compared, so the check does not pass.\n"),
            ("matrix", "Nothing was compared.\n"),
            ("fix", "Nothing was compared.\n"),
        ] {
            let report = Report { command, services: vec![line("web", 0, 0)], exit_code: 3, ..calm() };
            let output = text(&report, 80, Detail::Quiet);
            assert!(output.starts_with(expected), "{command}: {output}");
        }
    }
}
