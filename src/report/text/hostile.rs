//! Hostile names and texts, colour, and values that no report shows.

use proptest::prelude::{any, proptest};
use proptest::{collection, prop_assert};

use crate::drift::Severity;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::service_scope::Exclusion;
use crate::report::compare_sample::named_everywhere;
use crate::report::test_support::{
    EXTRA, LINE, MARKER, MISSING, NATURE, SEALED, calm, differs, incident, key, line, observation, rendered_as, text,
    text_options,
};
use crate::report::text::text_width::columns;
use crate::report::trace::sample::{everywhere, incomplete, left, named};
use crate::report::{Detail, Format, Report, TextOptions, escape, write};

const DETAILS: [Detail; 3] = [Detail::Quiet, Detail::Normal, Detail::Verbose];

/// Returns a report that has this text in every field that external input can reach.
fn full_of(text: &str) -> Report {
    let copy = || text.to_owned();
    let mut finding = differs(text, &[text, "api"]);
    finding.message = copy();
    finding.reason = Some(copy());
    finding.advice = Some(copy());
    finding.places = vec![Location { file: copy(), line: 1 }];
    finding.observations.push(observation(text, "stored", Some(text)));
    let others = [&MISSING, &EXTRA, &NATURE, &SEALED, &LINE].into_iter().flat_map(|rule| {
        let copy = Finding { rule, severity: rule.severity, ..finding.clone() };
        vec![copy; 7]
    });
    let mut report = calm();
    report.project.name = copy();
    report.environment.name = copy();
    report.environment_origin = copy();
    report.files = vec![(copy(), copy())];
    report.services = vec![line(text, 1, 1), line("api", 0, 0), line(text, 0, 0)];
    report.services[2].error = Some(copy());
    report.left_out = vec![
        (copy(), Exclusion::Elsewhere { root: copy() }),
        (copy(), Exclusion::Provider { takers: vec![copy()] }),
        (copy(), Exclusion::NothingShared),
    ];
    report.only = vec![copy()];
    report.remarks = vec![copy()];
    report.flags = vec![format!("--service={text}")];
    report.findings = std::iter::once(finding.clone()).chain(others).collect();
    report.fail_on = Some(Severity::Note);
    report.exit_code = 1;
    report
}

#[test]
fn hostile_name_is_escaped_and_its_command_stays_correct() {
    let mut report = calm();
    report.services[0] = line("api\u{1b}[2J\r\n", 6, 0);
    report.services[1] = line("日本語", 5, 0);
    report.findings = vec![differs("KEY\u{202e}\n$(reboot)", &["api\u{1b}[2J\r\n", "日本語"])];
    report.exit_code = 1;
    let expected = r"
error: KEY\u{202e}\n$(reboot) differs between .env and Railway [value-differs]
    .env:5            local   ● 7019da
    api\u{1b}[2J\r\n  stored  ● edd9ce
    日本語            stored  ● edd9ce
  help: run:
    doctor fix --only $'KEY\342\200\256\012$(reboot)'

● is a value's fingerprint; equal values have equal fingerprints in this run

FAIL  api\u{1b}[2J\r\n  6 compared  1 error
      FAIL  values  KEY\u{202e}\n$(reboot) differs
FAIL  日本語            5 compared  1 error
      FAIL  values  KEY\u{202e}\n$(reboot) differs
";
    let output = text(&report, 80, Detail::Normal);
    assert!(output.contains(expected), "{output}");
}

#[test]
fn key_containing_nul_has_no_command() {
    let output = text(&Report { findings: vec![differs("A\0B", &["api"])], ..incident() }, 80, Detail::Normal);
    let expected = "\n  help: no shell command can contain this name, because it has a NUL character\n";
    assert!(output.contains(expected), "{output}");
    assert!(!output.contains("doctor fix"));
}

#[test]
fn only_command_lines_exceed_the_width() {
    let long = format!("START{}END", "x".repeat(300));
    for width in [40, 60, 80, 140] {
        for detail in [Detail::Normal, Detail::Verbose] {
            let output = text(&full_of(&long), width, detail);
            let too_long = output.lines().find(|line| columns(line) > width && !line.starts_with("    doctor "));
            assert_eq!(too_long, None, "{width}");
            assert!(output.contains(&format!("    doctor fix --only {long} --service={long}\n")));
            let output = text(&named_everywhere(&long), width, detail);
            assert_eq!(output.lines().find(|line| columns(line) > width && detail != Detail::Quiet), None, "{width}");
            for report in [incomplete(), everywhere(), left()] {
                let output = text(&named(report, &long), width, detail);
                let too_long = output.lines().find(|line| columns(line) > width && !line.starts_with("    doctor "));
                assert_eq!(too_long, None, "{width}: {output}");
                assert!(output.contains(&format!("    doctor rotate {long}\n")), "{output}");
            }
        }
    }
}

#[test]
fn table_truncates_long_names_in_the_middle() {
    let long = "agentverse-very-very-very-very-very-long-name-staging";
    let report = Report { services: vec![line(long, 6, 0), line("api", 1, 0)], ..calm() };
    let expected = "
PASS  agentverse-very-very-ver…-very-long-name-staging  6 compared
PASS  api                                               1 compared
";
    let output = text(&report, 66, Detail::Normal);
    assert!(output.contains(expected), "{output}");
}

#[test]
fn colour_only_adds_styles_that_end_with_the_line() {
    let key = key();
    for detail in DETAILS {
        let plain = rendered_as(&incident(), &text_options(&key, 80, detail));
        let coloured = rendered_as(&incident(), &TextOptions { colour: true, ..text_options(&key, 80, detail) });
        let mut stripped = String::new();
        for line in coloured.split_inclusive('\n') {
            let mut is_open = false;
            for (index, part) in line.split('\u{1b}').enumerate() {
                let (sequence, rest) =
                    if index == 0 { ("", part) } else { part.split_once('m').expect("a sequence ends") };
                match sequence {
                    "" => {}
                    "[0m" | "[0" => is_open = false,
                    _ => is_open = true,
                }
                stripped.push_str(rest);
            }
            assert!(!is_open, "{line:?}");
        }
        assert_eq!(stripped, plain);
        assert!(coloured.contains("\u{1b}[1m\u{1b}[31merror\u{1b}[0m"));
    }
}

#[test]
fn no_report_shows_a_value() {
    let (mut report, key) = (incident(), key());
    report.findings.extend(full_of("ordinary").findings);
    report.fail_on = Some(Severity::Note);
    for detail in DETAILS {
        for format in [Format::Text, Format::Json] {
            let mut out = Vec::new();
            write(&report, format, &text_options(&key, 80, detail), &mut out).expect("writing to a Vec can't fail");
            let output = String::from_utf8(out).expect("a report is UTF-8");
            assert!(output.contains("STAGING_OPS_API_KEY"));
            assert!(!output.contains(MARKER), "{output}");
        }
    }
    assert!(!format!("{report:?}").contains(MARKER));
}

proptest! {
    #[test]
    fn output_has_no_control_characters_except_newlines(
        letters in collection::vec(any::<char>(), 0..12),
        harm in proptest::sample::select(vec!["", "\u{1b}[2J", "\n", "\r", "\t", "\u{202e}", "\u{200d}", "\u{feff}", "\u{9b}", "\u{e0041}"]),
        width in 0_usize..120,
    ) {
        let name = format!("{}{harm}x", letters.iter().collect::<String>());
        let report = full_of(&name);
        for detail in DETAILS {
            let output = text(&report, width, detail);
            prop_assert!(output.lines().all(|line| !line.chars().any(escape::is_hidden)), "{}", output);
            prop_assert!(!output.contains('\r') && output.ends_with('\n'));
            for report in [named_everywhere(&name), named(incomplete(), &name), named(everywhere(), &name)] {
                let output = text(&report, width, detail);
                prop_assert!(output.lines().all(|line| !line.chars().any(escape::is_hidden)), "{}", output);
                prop_assert!(!output.contains('\r') && output.ends_with('\n'));
            }
        }
    }
}
