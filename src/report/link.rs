//! Links to the dashboard, in terminals that support them (OSC 8).

use std::fmt::Write;

use crate::drift::model::finding::Finding;
use crate::report::Report;

/// Longer ids are rejected; Railway's have 36 characters.
const LONGEST: usize = 64;

/// Returns the dashboard URL of a service.
pub fn service(report: &Report, id: &str) -> Option<String> {
    page(report, id, "")
}

/// Returns the dashboard URL of the variables of a service.
pub fn variables(report: &Report, id: &str) -> Option<String> {
    page(report, id, "/variables")
}

/// Returns the dashboard URL of the deployment that a finding is about.
pub fn deployment(report: &Report, finding: &Finding) -> Option<String> {
    let id = finding.deployment.as_ref().filter(|id| is_plain(id))?;
    Some(format!("{}&id={id}", service(report, &finding.services.first()?.id)?))
}

/// Ids are external input: one that could end the URL or change its target yields no URL. A service of two environments
/// has no URL either, because it may not exist in one of them.
fn page(report: &Report, service: &str, part: &str) -> Option<String> {
    if report.environment_pair().is_some() {
        return None;
    }
    address([&report.project.id, &report.environment.id, service], part)
}

/// Returns the dashboard URL of the variables of a service in an environment, by their ids.
pub(crate) fn service_variables(project: &str, environment: &str, service: &str) -> Option<String> {
    address([project, environment, service], "/variables")
}

fn address([project, environment, service]: [&str; 3], part: &str) -> Option<String> {
    [project, environment, service]
        .iter()
        .all(|id| is_plain(id))
        .then(|| format!("https://railway.com/project/{project}/service/{service}{part}?environmentId={environment}"))
}

fn is_plain(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_plain)
}

/// Returns whether a URL is printable ASCII, as OSC 8 requires: other characters could end the escape sequence.
fn is_printable(address: &str) -> bool {
    address.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Appends styled text as a link; without the link if the URL is unsafe.
pub(crate) fn write_link(address: &str, styled: &str, out: &mut String) {
    if is_printable(address) {
        write!(out, "\u{1b}]8;;{address}\u{1b}\\{styled}\u{1b}]8;;\u{1b}\\").expect("writing to a String can't fail");
    } else {
        out.push_str(styled);
    }
}

#[cfg(test)]
mod tests {
    use super::{deployment, service, variables, write_link};
    use crate::report::test_support::{incident, key, rendered_as, text_options};
    use crate::report::{Detail, Report, TextOptions};

    const LINK: &str = "https://railway.com/project/p-1/service/s-1?environmentId=e-1";

    fn target(project: &str, environment: &str) -> Report {
        let mut report = incident();
        (report.project.id, report.environment.id) = (project.to_owned(), environment.to_owned());
        report.services[0].service.id = "s-1".to_owned();
        report
    }

    /// Removes the escape sequences as a terminal would.
    fn without_links(text: &str) -> String {
        let mut parts = text.split("\u{1b}]8;;");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once("\u{1b}\\").expect("each sequence ends").1)
    }

    #[test]
    fn dashboard_url_requires_plain_ids() {
        assert_eq!(service(&target("p-1", "e-1"), "s-1").as_deref(), Some(LINK));
        let page = "https://railway.com/project/p-1/service/s-1/variables?environmentId=e-1";
        assert_eq!(variables(&target("p-1", "e-1"), "s-1").as_deref(), Some(page));
        let long = "a".repeat(65);
        for id in
            ["", "a b", "../x", "a\u{1b}\\", "a\u{7}", "a;b", "a&b=c", "a?b", "a#b", "a%1b", "é", "a\u{9c}", &long]
        {
            assert_eq!(service(&target("p-1", "e-1"), id), None, "{id:?}");
            assert_eq!(service(&target(id, "e-1"), "s-1"), None, "{id:?}");
            assert_eq!(service(&target("p-1", id), "s-1"), None, "{id:?}");
        }
    }

    #[test]
    fn deployment_finding_links_to_its_deployment() {
        let mut report = target("p-1", "e-1");
        let mut finding = report.findings.remove(0);
        finding.services = vec![report.services[0].service.clone()];
        assert_eq!(deployment(&report, &finding), None);
        for (id, expected) in [("d-1", Some(format!("{LINK}&id=d-1"))), ("d&x=1", None), ("", None), ("d\u{1b}", None)]
        {
            finding.deployment = Some(id.to_owned());
            assert_eq!(deployment(&report, &finding), expected, "{id:?}");
        }
        finding.deployment = Some("d-1".to_owned());
        report.findings = vec![finding.clone()];
        assert!(
            rendered_as(&report, &text_options(&key(), 80, Detail::Normal))
                .contains(&format!("\n  see: {LINK}&id=d-1\n"))
        );
        finding.services.clear();
        assert_eq!(deployment(&report, &finding), None);
    }

    #[test]
    fn unsafe_url_is_shown_without_a_link() {
        for (address, expected) in [
            ("https://x.dev/", "\u{1b}]8;;https://x.dev/\u{1b}\\name\u{1b}]8;;\u{1b}\\"),
            ("https://x.dev/\u{1b}\\", "name"),
            ("https://x.dev/\u{7}", "name"),
            ("https://x.dev/é", "name"),
        ] {
            let mut out = String::new();
            write_link(address, "name", &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn links_take_no_columns_and_are_optional() {
        let (key, report) = (key(), target("p-1", "e-1"));
        for width in [40, 60, 80, 140] {
            for colour in [false, true] {
                let plain = TextOptions { colour, ..text_options(&key, width, Detail::Normal) };
                let linked = TextOptions { links: true, colour, ..text_options(&key, width, Detail::Normal) };
                let (plain, linked) = (rendered_as(&report, &plain), rendered_as(&report, &linked));
                assert!(!plain.contains("\u{1b}]"), "{plain}");
                assert!(linked.contains(&format!("\u{1b}]8;;{LINK}\u{1b}\\")), "{linked}");
                assert_eq!(without_links(&linked), plain);
            }
        }
        let hostile = target("p-1\u{1b}\\\u{1b}]0;owned\u{7}", "e-1");
        let output = rendered_as(&hostile, &TextOptions { links: true, ..text_options(&key, 80, Detail::Normal) });
        assert!(!output.contains('\u{1b}'), "{output:?}");
    }
}
