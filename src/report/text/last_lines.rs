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
use crate::report::{Detail, Report, shell_command, uncompared};

/// Writes the totals, and whether nothing was compared.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    if page.options.detail != Detail::Quiet {
        page.gap();
    }
    if let Some(sentence) = nothing_compared(report) {
        page.paragraph(&[], 2, (Tone::Strong, &sentence));
        if let Some(help) = service_help(report) {
            finding_block::help(page, &help);
        }
    }
    let mut items = verdict(report);
    let unread = report.services.iter().filter(|line| line.error.is_some()).count();
    if unread > 0 {
        items.push(format!("{} could not be read", count(unread, "service")));
    }
    if report.ignored > 0 {
        items.push(format!("{} ignored by doctor.toml", report.ignored));
    }
    items.push(count(report.requests, "request"));
    items.retain(|item| !item.is_empty());
    page.flow(&[], 2, Tone::Strong, " · ", &items);
}

fn nothing_compared(report: &Report) -> Option<String> {
    let services = report.not_compared()?;
    let of = if report.compared() == 0 { String::new() } else { format!(" for {}", listed(&services, FEW)) };
    let hence = if report.command == "check" { ", so the check does not pass" } else { "" };
    Some(format!("Nothing was compared{of}{hence}."))
}

/// Returns how to compare a service if all were left out. A service that has none of the keys is never suggested.
fn service_help(report: &Report) -> Option<FindingHelp> {
    let (service, reason) = report.left_out.iter().min_by_key(|(_, reason)| match reason {
        Exclusion::Elsewhere { .. } => 0,
        Exclusion::Provider { .. } => 1,
        Exclusion::Database => 2,
        Exclusion::NothingShared => 3,
    })?;
    if !report.services.is_empty() {
        return None;
    }
    let files: Vec<&str> = report.files.iter().map(|(file, _)| file.as_str()).collect();
    let files = alternatives(&files);
    if *reason == Exclusion::NothingShared {
        let advice = format!("no service has a key of {files}; pass another file with --env-file");
        return FindingHelp::new(Some(&advice), Vec::new());
    }
    let arguments = ["check".to_owned(), format!("--service={service}")];
    let command = shell_command::command(report, &arguments, &[]);
    let advice = format!("no service is compared with {files} by default; to compare one anyway, run:");
    FindingHelp::new(Some(&advice), vec![command])
}

/// Returns the conclusion of the run, the number of findings, and the number of values compared.
fn verdict(report: &Report) -> Vec<String> {
    let mut items = report.conclusion();
    let findings = Tally::of(&report.findings).summary();
    let uncompared = uncompared(report.sealed(), report.unknown());
    let agreement = match report.compared() {
        1 if report.all_agree() => Some("The only value compared agrees".to_owned()),
        2 if report.all_agree() => Some("Both values agree".to_owned()),
        compared @ 3.. if report.all_agree() => Some(format!("All {compared} values agree")),
        _ => None,
    };
    if let Some(agreement) = agreement {
        items.extend([agreement, findings].into_iter().chain(uncompared));
        return items;
    }
    // A failed run is not reported as "no findings".
    let succeeded = items.is_empty() && [0, NOTHING_COMPARED].contains(&report.exit_code);
    items.push(if findings.is_empty() && succeeded { "no findings".to_owned() } else { findings });
    let compared = format!("{} compared", count(report.compared(), "value"));
    items.push([vec![compared], uncompared].concat().join(", "));
    items
}

#[cfg(test)]
mod tests {
    use crate::drift::service_scope::Exclusion;
    use crate::report::test_support::{EXTRA, MISSING, NATURE, REPEATED, calm, finding, line, text};
    use crate::report::{Detail, Report};

    const API: &str = "agentverse-api-staging";

    #[test]
    fn agreement_is_claimed_only_without_contradicting_findings() {
        let last = |report: &Report| text(report, 80, Detail::Normal).lines().last().map(ToOwned::to_owned);
        let with = |rule| Report { findings: vec![finding(rule, "KEY", &[API], "KEY")], ..calm() };
        let single = Report { services: vec![line(API, 1, 2)], requests: 1, ..calm() };
        let pair = Report { services: vec![line(API, 2, 0)], ..calm() };
        let mut unknown = Report { services: vec![line(API, 1, 2)], requests: 1, ..calm() };
        unknown.services[0].unknown = 1;
        for (report, ending) in [
            (with(&EXTRA), "All 11 values agree · 1 note · 2 requests"),
            (with(&REPEATED), "All 11 values agree · 1 note · 2 requests"),
            (with(&NATURE), "1 note · 11 values compared · 2 requests"),
            (with(&MISSING), "1 warning · 11 values compared · 2 requests"),
            (
                Report { ignored: 2, ..calm() },
                "no findings · 11 values compared · 2 ignored by doctor.toml · 2 requests",
            ),
            (pair, "Both values agree · 2 requests"),
            (single, "The only value compared agrees · 2 sealed · 1 request"),
            (unknown, "The only value compared agrees · 2 sealed · 1 unknown · 1 request"),
        ] {
            assert_eq!(last(&report).as_deref(), Some(ending));
        }
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
            (vec![unrelated.clone(), database.clone()], "Postgres"),
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
        let output = text(&left_out(&[unrelated]), 80, Detail::Normal);
        assert!(output.contains(expected), "{output}");
        let with_service = Report { services: vec![line("web", 0, 0)], ..left_out(&[("a", Exclusion::Database)]) };
        assert!(!text(&with_service, 80, Detail::Normal).contains("help:"));
    }

    #[test]
    fn nothing_compared_is_not_a_success() {
        let mut nothing = Report { services: vec![line("web", 0, 0), line("cron", 0, 2)], exit_code: 3, ..calm() };
        let expected = "
SKIP  web   nothing compared: no key in common with .env
SKIP  cron  nothing compared, 2 sealed

Nothing was compared, so the check does not pass.
no findings · 0 values compared, 2 sealed · 2 requests
";
        let output = text(&nothing, 80, Detail::Normal);
        assert!(output.ends_with(expected), "{output}");
        assert!(text(&nothing, 80, Detail::Quiet).starts_with("Nothing was compared, so the check does not pass.\n"));
        nothing.services.push(line("api", 3, 0));
        let output = text(&nothing, 80, Detail::Normal);
        assert!(
            output
                .contains("\nNothing was compared for web, cron, so the check does not pass.\nno findings · 3 values"),
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
