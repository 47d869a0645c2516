//! The last lines: the totals.

use crate::drift::phrases::count;
use crate::report::count::Tally;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::wording::{FEW, listed};
use crate::report::verdict::NOTHING_COMPARED;
use crate::report::{Detail, Report, uncompared};

/// Writes the totals, and whether nothing was compared.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    if page.options.detail != Detail::Quiet {
        page.gap();
    }
    if let Some(sentence) = nothing_compared(report) {
        page.paragraph(&[], 2, (Tone::Strong, &sentence));
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
    Some(if report.compared() == 0 {
        "Nothing was compared, so the check does not pass.".to_owned()
    } else {
        format!("Nothing was compared for {}, so the check does not pass.", listed(&services, FEW))
    })
}

/// The conclusion of the run, the number of findings, and the number of values compared.
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
}
