//! How much was checked: values that were compared with files, and needs of services without a file.

use crate::drift::engine::service_status::{CheckState, StatusCheck};
use crate::drift::model::finding::Summary;
use crate::drift::phrases::{self, count, grouped};
use crate::report::{Report, ServiceLine};

impl Report {
    /// Returns the number of values compared, over all services.
    pub fn compared(&self) -> usize {
        self.services.iter().map(|line| line.compared).sum()
    }

    /// Returns the number of needs that were checked, over all services.
    pub fn needs(&self) -> usize {
        self.services.iter().filter_map(|line| line.needs).sum()
    }

    /// Returns what was checked: `11 values compared`, or `4 needed keys checked` without a file.
    pub(crate) fn extent(&self) -> String {
        let is_of_file = |line: &ServiceLine| line.needs.is_none();
        let has_file = self.declarations.is_empty() || !self.files.is_empty() || self.services.iter().any(is_of_file);
        let compared = has_file.then(|| format!("{} compared", count(self.compared(), "value")));
        let needs = (!self.declarations.is_empty()).then(|| format!("{} checked", count(self.needs(), "needed key")));
        compared.into_iter().chain(needs).collect::<Vec<_>>().join(", ")
    }

    /// Returns that services are compared with no file, and what declares their needs: `no env file, checked against
    /// doctor.toml and .env.example`.
    pub(crate) fn without_file(&self) -> Option<String> {
        let names: Vec<&str> = self.declarations.iter().map(String::as_str).collect();
        let without: Vec<&str> =
            self.services.iter().filter(|line| line.needs.is_some()).map(|line| line.service.name.as_str()).collect();
        let services = if self.files.is_empty() { String::new() } else { format!(" for {}", phrases::names(&without)) };
        (!names.is_empty()).then(|| format!("no env file{services}, checked against {}", phrases::names(&names)))
    }

    /// Returns the number of keys that could not be compared because Railway never returns their values, over all
    /// services.
    pub fn sealed(&self) -> usize {
        self.services.iter().map(|line| line.sealed).sum()
    }

    /// Returns the number of keys that could not be compared for another reason, over all services.
    pub fn unknown(&self) -> usize {
        self.services.iter().map(|line| line.unknown).sum()
    }
}

impl Report {
    /// Returns the checks of a service whose result is unknown, without those that a finding reports.
    pub(crate) fn skipped_checks<'l>(&self, line: &'l ServiceLine) -> Vec<&'l StatusCheck> {
        let own = || self.findings.iter().filter(|finding| finding.services.contains(&line.service));
        let is_reported = |check: &StatusCheck| {
            own().any(|finding| matches!(&finding.summary, Some(Summary::Open(note)) if check.note.contains(note)))
        };
        line.checks.iter().filter(|check| check.state == CheckState::Open && !is_reported(check)).collect()
    }
}

impl ServiceLine {
    /// Returns the number of values that were compared and of needs that were checked.
    pub fn checked(&self) -> usize {
        self.compared + self.needs.unwrap_or_default()
    }

    /// Returns why no need of a service without a file was checked.
    pub(crate) fn unchecked(&self, report: &Report) -> String {
        match self.lacking.len() {
            _ if !self.uncompared().is_empty() => format!("nothing checked{}", self.uncompared()),
            0 if !report.ignored.is_empty() => "nothing checked".to_owned(),
            0 if report.only.is_empty() => "nothing declared".to_owned(),
            0 => "nothing declared for --only".to_owned(),
            1 => "nothing checked: it does not have the needed key".to_owned(),
            lacking => format!("nothing checked: it has none of the {lacking} needed keys"),
        }
    }

    /// Returns what was checked: `5 compared, 1 sealed`, or `3 needed keys checked` without a file.
    pub(crate) fn extent(&self) -> String {
        match self.needs {
            Some(needs) => format!("{} checked{}", count(needs, "needed key"), self.uncompared()),
            None => format!("{} compared{}", grouped(self.compared), self.uncompared()),
        }
    }

    /// Returns the keys that could not be compared, each count with a leading comma: `, 1 sealed, 2 unknown`.
    pub(crate) fn uncompared(&self) -> String {
        [vec![String::new()], uncompared(self.sealed, self.unknown)].concat().join(", ")
    }
}

/// Returns texts such as `1 sealed`, `2 unknown`; empty if every key was compared.
pub(crate) fn uncompared(sealed: usize, unknown: usize) -> Vec<String> {
    let counts = [(sealed, "sealed"), (unknown, "unknown")];
    counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{} {state}", grouped(count)))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::engine::service_status::{CheckState, StatusCheck};
    use crate::drift::model::finding::{Finding, Summary};
    use crate::drift::model::severity::Severity;
    use crate::drift::service_scope::Exclusion;
    use crate::report::test_support::{MISSING, calm, finding, line, rendered, text};
    use crate::report::{Detail, Format, Report, ServiceLine, ServiceVerdict};

    fn without(name: &str, needs: usize) -> ServiceLine {
        ServiceLine { needs: Some(needs), ..line(name, 0, 0) }
    }

    fn declared(services: Vec<ServiceLine>) -> Report {
        let declarations = ["doctor.toml", ".env.example"].map(str::to_owned).into();
        Report { files: Vec::new(), declarations, services, ..calm() }
    }

    #[test]
    fn needs_replace_compared_values_without_a_file() {
        let report = declared(vec![without("api", 1), without("web", 2)]);
        let output = text(&report, 80, Detail::Normal);
        let header = " · no env file, checked against doctor.toml and .env.example · 2 services";
        assert!(output.replace("\n  ", " ").contains(header), "{output}");
        assert!(output.contains("\nPASS  api  1 needed key checked\nPASS  web  2 needed keys checked\n"), "{output}");
        assert!(output.ends_with("\nAll checks passed · 3 needed keys checked · 2 requests\n"), "{output}");
        for (format, expected) in [
            (Format::Github, "all checks passed, 3 needed keys checked in "),
            (Format::Markdown, "`staging` · no env file, checked against doctor.toml and .env.example\n"),
            (Format::Html, "<p class=\"faint\">no env file, checked against doctor.toml and .env.example · 2 services"),
            (Format::Junit, "<testcase name=\"1 needed key checked\" classname=\"values\"/>"),
            (Format::Json, "\"files\": [],"),
        ] {
            let output = rendered(&report, format);
            assert!(output.contains(expected) && !output.contains("0 values"), "{format:?}: {output}");
        }
    }

    #[test]
    fn service_without_needs_is_skipped() {
        let report = Report { exit_code: 3, ..declared(vec![without("api", 1), without("web", 0)]) };
        assert_eq!([0, 1].map(|at| report.verdict(&report.services[at])), [ServiceVerdict::Pass, ServiceVerdict::Skip]);
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains("\nSKIP  web  nothing declared\n"), "{output}");
        let expected = "
Nothing is declared for web, so the check does not pass.
  help: declare the keys that web needs with [[require]] in doctor.toml, or pass
        a file with --env-file
no findings · 1 needed key checked · 2 requests
";
        assert!(output.ends_with(expected), "{output}");
        assert!(rendered(&report, Format::Junit).contains("<skipped message=\"nothing declared\"/>"));
        let nothing = Report { exit_code: 3, ..declared(vec![without("api", 0)]) };
        assert!(text(&nothing, 80, Detail::Normal).contains("\nNothing is declared, so the check does not pass.\n"));
    }

    #[test]
    fn service_without_any_needed_key_is_not_undeclared() {
        let lacks = |name, keys: &[&str]| ServiceLine {
            lacking: keys.iter().map(|&key| key.to_owned()).collect(),
            ..without(name, 0)
        };
        let declared = |services| Report {
            exit_code: 3,
            needed: vec!["FOO".to_owned(), "BAR".to_owned()],
            declarations: vec![".env.example".to_owned()],
            ..declared(services)
        };
        let report = declared(vec![lacks("web", &["FOO", "BAR"])]);
        let expected = "
SKIP  web  nothing checked: it has none of the 2 needed keys

Nothing was checked, so the check does not pass.
  help: web has none of the 2 keys that .env.example needs: FOO, BAR
no findings · 0 needed keys checked · 2 requests
";
        let output = text(&report, 80, Detail::Normal);
        assert!(output.ends_with(expected), "{output}");
        let message = "<skipped message=\"nothing checked: it has none of the 2 needed keys\"/>";
        assert!(rendered(&report, Format::Junit).contains(message));
        let report = declared(vec![without("api", 1), lacks("web", &["FOO"]), lacks("docs", &["BAR"])]);
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains("\nNothing was checked for web, docs, so the check does not pass.\n"), "{output}");
        assert!(output.contains("\n  help: web, docs have none of the keys that .env.example needs\n"), "{output}");
        let report = declared(vec![without("web", 0)]);
        assert!(text(&report, 80, Detail::Normal).contains("\nNothing is declared, so"), "needed elsewhere");
    }

    #[test]
    fn keys_that_no_service_has_are_listed_if_no_service_is_in_scope() {
        let left_out = |reasons: &[(&str, Exclusion)]| Report {
            exit_code: 3,
            needed: vec!["FOO".to_owned(), "BAR".to_owned()],
            declarations: vec![".env.example".to_owned()],
            left_out: reasons.iter().map(|(name, reason)| ((*name).to_owned(), reason.clone())).collect(),
            ..declared(Vec::new())
        };
        let (web, postgres) = (("web", Exclusion::NothingShared), ("Postgres", Exclusion::Database));
        let output = text(&left_out(std::slice::from_ref(&web)), 80, Detail::Normal);
        let expected = "\nNothing was checked, so the check does not pass.\n  \
                        help: no service has any of the 2 keys that .env.example needs: FOO, BAR\n";
        assert!(output.contains(expected), "{output}");
        let output = text(&left_out(&[web, postgres]), 120, Detail::Normal);
        let expected =
            "\n  help: no service apart from databases has any of the 2 keys that .env.example needs: FOO, BAR\n";
        assert!(output.contains(expected), "{output}");
    }

    #[test]
    fn skipped_check_is_reported_in_every_format() {
        let mut report = declared(vec![without("api", 1)]);
        let check = |note: &str| StatusCheck { name: "endpoint", state: CheckState::Open, note: note.to_owned() };
        report.services[0].checks = vec![check("GET /ops was not sent"), check("GET /slow: no response")];
        let summary = Some(Summary::Open("GET /slow: no response".to_owned()));
        report.findings = vec![Finding { summary, ..finding(&MISSING, "KEY", &["api"], "KEY") }];
        for (format, expected) in [
            (Format::Junit, "<testcase name=\"endpoint\" classname=\"status\">\n"),
            (Format::Junit, "<skipped message=\"GET /ops was not sent\"/>"),
            (Format::Junit, " skipped=\"1\""),
            (Format::Markdown, "\nSkipped on `api`: endpoint: GET /ops was not sent\n"),
        ] {
            let output = rendered(&report, format);
            assert!(output.contains(expected), "{format:?}: {output}");
            assert!(!output.contains("endpoint: GET /slow"), "the finding reports it: {format:?}: {output}");
        }
    }

    #[test]
    fn run_may_have_services_with_and_without_a_file() {
        let report = Report { files: calm().files, ..declared(vec![line("api", 5, 0), without("web", 2)]) };
        let output = text(&report, 120, Detail::Normal);
        let header = " · .env (default) · no env file for web, checked against doctor.toml and .env.example · ";
        assert!(output.replace("\n  ", " ").contains(header), "{output}");
        assert!(output.contains("\nAll checks passed · 5 values compared, 2 needed keys checked · "), "{output}");
    }

    #[test]
    fn finding_about_services_is_at_the_first_declaration_in_code_scanning() {
        let mut found = finding(&MISSING, "KEY", &["api"], "KEY");
        (found.severity, found.places) = (Severity::Error, Vec::new());
        let report = Report { findings: vec![found], exit_code: 1, ..declared(vec![without("api", 1)]) };
        assert!(rendered(&report, Format::Sarif).contains("\"uri\": \"doctor.toml\""));
    }
}
