//! The status checks of a service: the table below a report.

use std::collections::{HashMap, HashSet};

use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::rule::{RuleScope, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck, status_rows};
use crate::drift::{Survey, Target};

/// One check of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCheck {
    /// `running`, `start command`.
    pub name: &'static str,
    /// The result.
    pub state: CheckState,
    /// A short description of the result.
    pub note: String,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// Nothing is wrong.
    Good,
    /// There are findings; their worst severity.
    Found(Severity),
    /// The result is unknown.
    Open,
}

/// Findings about the running state before `doctor.toml` and a baseline are applied, by rule and service.
#[derive(Debug, Default)]
pub struct LeftOut {
    all: HashSet<(&'static str, String)>,
    known: HashSet<(&'static str, String)>,
}

impl LeftOut {
    /// Records a finding that may be ignored later.
    pub fn before(&mut self, finding: &Finding) {
        if finding.summary.is_some() {
            let services = finding.services.iter().map(|service| (finding.rule.code, service.id.clone()));
            self.all.extend(services);
        }
    }

    /// Records where the baseline has findings.
    pub fn known(&mut self, places: HashSet<(&'static str, String)>) {
        self.known = places;
    }

    /// Returns why a service has no finding of a rule although the rule reported one.
    fn cause(&self, code: &'static str, service: &str) -> Option<&'static str> {
        let place = (code, service.to_owned());
        if self.known.contains(&place) {
            return Some("known in the baseline");
        }
        self.all.contains(&place).then_some("ignored by doctor.toml")
    }
}

/// Returns the checks of every target, in order. A target without runtime data and without declarations has none,
/// nor has one of a comparison of two environments.
pub fn checks(survey: &Survey, findings: &[Finding], left_out: &LeftOut) -> Vec<Vec<StatusCheck>> {
    let rows = status_rows();
    let mut found: HashMap<(&str, &str), Vec<&Finding>> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.summary.is_some()) {
        for service in &finding.services {
            found.entry((finding.rule.code, &service.id)).or_default().push(finding);
        }
    }
    let of_target = |target: &Target| -> Vec<StatusCheck> {
        let has_state = target.live.is_requested() || !target.declared.is_empty();
        if !has_state || survey.scope() == RuleScope::EnvironmentPair {
            return Vec::new();
        }
        let check = |(row, checks): (&StatusRow, &Vec<&RuleCheck>)| {
            let id = target.service.id.as_str();
            let codes = || checks.iter().map(|check| check.rule.code);
            let findings: Vec<&Finding> =
                codes().filter_map(|code| found.get(&(code, id))).flatten().copied().collect();
            let left_out = codes().find_map(|code| left_out.cause(code, id));
            let results = match checks.iter().find_map(|check| check.items) {
                Some(items) => of_items(survey, &findings, left_out, items(target)),
                None => of_row(survey, target, &findings, left_out, checks).into_iter().collect(),
            };
            results.into_iter().map(|(state, note)| StatusCheck { name: row.name, state, note }).collect::<Vec<_>>()
        };
        rows.iter().flat_map(check).collect()
    };
    survey.targets.iter().map(of_target).collect()
}

/// Returns the result of a row.
fn of_row(
    survey: &Survey,
    target: &Target,
    findings: &[&Finding],
    left_out: Option<&'static str>,
    checks: &[&RuleCheck],
) -> Option<(CheckState, String)> {
    match (findings, left_out) {
        // With `--only`, nothing else was checked, so that nothing else can be reported as good.
        ([], _) if !survey.only.is_empty() => None,
        ([], Some(cause)) => Some((CheckState::Open, cause.to_owned())),
        ([], None) => checks.iter().find_map(|check| result((check.passed)(survey, target))),
        (findings, _) => Some(verdict(findings)),
    }
}

/// Returns the result of each finding, and of each declared item without one. An item whose finding was removed is open.
fn of_items(
    survey: &Survey,
    findings: &[&Finding],
    left_out: Option<&'static str>,
    items: Vec<CheckOutcome>,
) -> Vec<(CheckState, String)> {
    let mut results: Vec<_> = findings.iter().map(|finding| verdict(&[finding])).collect();
    if survey.only.is_empty() {
        let faulty = items.iter().filter(|item| matches!(item, CheckOutcome::NotChecked)).count();
        let removed = left_out.filter(|_| faulty > findings.len());
        results.extend(removed.map(|cause| (CheckState::Open, cause.to_owned())));
        results.extend(items.into_iter().filter_map(result));
    }
    results
}

fn result(outcome: CheckOutcome) -> Option<(CheckState, String)> {
    match outcome {
        CheckOutcome::NotChecked => None,
        CheckOutcome::Passed(note) => Some((CheckState::Good, note)),
        CheckOutcome::Open(note) => Some((CheckState::Open, note)),
    }
}

/// Findings about faults take precedence over unknown results.
fn verdict(findings: &[&Finding]) -> (CheckState, String) {
    let notes = |pick: fn(&Summary) -> Option<&str>| -> Vec<&str> {
        findings.iter().filter_map(|finding| pick(finding.summary.as_ref()?)).collect()
    };
    let wrong = notes(|summary| if let Summary::Wrong(note) = summary { Some(note) } else { None });
    if wrong.is_empty() {
        let open = notes(|summary| if let Summary::Open(note) = summary { Some(note) } else { None });
        return (CheckState::Open, open.join("; "));
    }
    let is_wrong = |finding: &&&Finding| matches!(finding.summary, Some(Summary::Wrong(_)));
    let worst = findings.iter().filter(is_wrong).map(|finding| finding.severity).max();
    (CheckState::Found(worst.unwrap_or(Severity::Note)), wrong.join("; "))
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::Survey;
    use crate::drift::declared_state::{ExpectedLine, ExpectedResponse};
    use crate::drift::engine::run_rules::examine;
    use crate::drift::engine::service_status::{CheckState, StatusCheck};
    use crate::drift::model::deployment::{Deployed, StartCommand};
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::{EndpointOutcome, LogCoverage, LogMatch, LogRead};
    use crate::drift::test_support::{changed, got, healthy, running, survey, target};

    fn rows(found: &Survey, target: usize) -> Vec<String> {
        let row = |StatusCheck { name, state, note }: &StatusCheck| {
            let state = match state {
                CheckState::Good => "good".to_owned(),
                CheckState::Found(severity) => severity.name().to_owned(),
                CheckState::Open => "open".to_owned(),
            };
            format!("{state} {name}: {note}")
        };
        examine(found).checks[target].iter().map(row).collect()
    }

    #[test]
    fn no_status_without_requested_data() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        found.staged = Observed::Unavailable("staged changes are refused".to_owned());
        assert_eq!(rows(&found, 0), [""; 0]);
    }

    #[test]
    fn healthy_service_passes_all_checks() {
        assert_eq!(
            rows(&healthy(), 1),
            [
                "good deployment: SUCCESS, commit 371a158",
                "good running: has the stored values",
                "good commit: runs 371a158",
                "good start command: has worker",
                "good log line: found “ready” at 2026-11-24 09:00:01 UTC",
                "good endpoint: GET /health: 200",
            ]
        );
    }

    #[test]
    fn failed_and_unavailable_checks_are_reported() {
        let mut found = survey(&["A=1"], &[("worker", &["A=1"])]);
        let worker = target(&mut found, "worker");
        worker.declared.start_command = vec!["-B".to_owned()];
        worker.declared.commit = Some("HEAD".to_owned());
        worker.declared.lines = vec![ExpectedLine { contains: "ready".to_owned(), within: None, place: None }];
        assert_eq!(
            rows(&found, 0),
            ["open commit: not checked", "open start command: not checked", "open log line: not checked"]
        );
        running(&mut found, "worker", "SUCCESS");
        got(&mut found, "worker", &["A=0"]);
        found.staged = Observed::Unavailable("staged changes are refused".to_owned());
        let worker = target(&mut found, "worker");
        worker.live.lines = vec![Observed::Unavailable("Railway refused".to_owned())];
        worker.live.code = Observed::Unavailable("git is not installed".to_owned());
        if let Observed::Known(deployed) = &mut worker.live.deployed {
            deployed.active[0].origin.start = StartCommand::Set(Secret::new("celery"));
        }
        let expected = [
            "good deployment: SUCCESS",
            "error running: has an old value of A",
            "open staged: staged changes are refused",
            "open commit: git is not installed",
            "error start command: lacks -B",
            "open log line: could not be read: Railway refused",
        ];
        assert_eq!(rows(&found, 0), expected);
        let nowhere =
            LogRead { outcome: LogMatch::Nowhere, lines: 1, span: None, coverage: LogCoverage::Whole, replicas: None };
        target(&mut found, "worker").live.lines = vec![Observed::Known(nowhere)];
        assert_eq!(rows(&found, 0)[5], "error log line: “ready” not found");
        found.only.insert("A".to_owned());
        assert_eq!(rows(&found, 0), ["error running: has an old value of A"]);
        found.only.clear();
        found.policy.severity.insert("start-command".to_owned(), None);
        assert_eq!(rows(&found, 0)[4], "open start command: ignored by doctor.toml");
    }

    #[test]
    fn each_declared_request_has_its_own_row() {
        let mut found = healthy();
        let worker = target(&mut found, "worker");
        let request = |path: &str| ExpectedResponse {
            request: format!("GET {path}"),
            status: Some(200),
            keys: Vec::new(),
            place: None,
        };
        worker.declared.requests = ["/health", "/ops", "/admin"].map(request).into();
        let response = |status| {
            Observed::Known(EndpointOutcome::Response {
                domain: "shop.up.railway.app".to_owned(),
                status,
                faults: Vec::new(),
                body: None,
                may_be_edge: false,
            })
        };
        let unsent = Observed::Known(EndpointOutcome::NoLocalValue("OPS_KEY".to_owned()));
        worker.live.responses = vec![response(200), unsent, response(404)];
        let expected = [
            "error endpoint: GET /admin: 404 instead of 200",
            "good endpoint: GET /health: 200",
            "open endpoint: GET /ops was not sent: there is no local file to take OPS_KEY from",
        ];
        assert_eq!(rows(&found, 1)[5..], expected);
        found.policy.severity.insert("endpoint-wrong".to_owned(), None);
        assert_eq!(rows(&found, 1)[5], "open endpoint: ignored by doctor.toml");
        assert_eq!(rows(&found, 1)[6..], expected[1..]);
        target(&mut found, "worker").live.responses.clear();
        assert_eq!(rows(&found, 1)[5], "open endpoint: GET /health: not checked");
    }

    #[test]
    fn missing_snapshot_falls_back_to_change_times() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        running(&mut found, "api", "SUCCESS");
        target(&mut found, "api").live.got = Observed::Unavailable("refused".to_owned());
        assert_eq!(rows(&found, 0)[1], "open running: deployed variables unknown: refused");
        changed(&mut found, "api", "A", "2026-01-01T00:00:00.000Z");
        assert_eq!(rows(&found, 0)[1], "good running: no later changes, judged by time");
        changed(&mut found, "api", "A", "2027-01-01T00:00:00.000Z");
        assert_eq!(rows(&found, 0)[1], "open running: may have an old value of A");
        let mut unrendered = survey(&["A=1"], &[("api", &["A=${{P.A}} => 1"])]);
        running(&mut unrendered, "api", "SUCCESS");
        got(&mut unrendered, "api", &["A=${{P.A}}"]);
        let kept = "open running: deployed variables unknown: Railway returned unrendered references";
        assert_eq!(rows(&unrendered, 0)[1], kept);
        changed(&mut unrendered, "api", "A", "2026-01-01T00:00:00.000Z");
        assert_eq!(rows(&unrendered, 0)[1], "good running: no later changes, judged by time");
        target(&mut found, "api").live.deployed = Observed::Known(Deployed::default());
        assert_eq!(rows(&found, 0), ["warning deployment: never deployed", "open running: nothing is running"]);
    }
}
