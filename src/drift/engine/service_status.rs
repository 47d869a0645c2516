//! What was looked at of how a service runs, and what it came to: the table below a report.

use std::collections::{HashMap, HashSet};

use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::rule::StatusRow;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck, status_rows};
use crate::drift::{Survey, Target};

/// One thing that was looked at on one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCheck {
    /// `running`, `start command`.
    pub name: &'static str,
    /// What it came to.
    pub state: CheckState,
    /// The same in a few words.
    pub note: String,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// It is as it should be.
    Good,
    /// Something was found; the worst of it.
    Found(Severity),
    /// It can't be told.
    Open,
}

/// What rules of the running state found before `doctor.toml` had its say, by rule and service.
#[derive(Debug, Default)]
pub struct LeftOut(HashSet<(&'static str, String)>);

impl LeftOut {
    /// Takes note of a finding that may be left out later.
    pub fn before(&mut self, finding: &Finding) {
        if finding.gist.is_some() {
            let services = finding.services.iter().map(|service| (finding.rule.code, service.id.clone()));
            self.0.extend(services);
        }
    }
}

/// The checks of every target, in their order. A service of which nothing was looked at and nothing is declared has none.
pub fn checks(survey: &Survey, findings: &[Finding], left_out: &LeftOut) -> Vec<Vec<StatusCheck>> {
    let rows = status_rows();
    let mut found: HashMap<(&str, &str), Vec<&Finding>> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.gist.is_some()) {
        for service in &finding.services {
            found.entry((finding.rule.code, &service.id)).or_default().push(finding);
        }
    }
    let of_target = |target: &Target| -> Vec<StatusCheck> {
        if !target.live.is_requested() && target.declared.is_empty() {
            return Vec::new();
        }
        let check = |(row, checks): (&StatusRow, &Vec<&RuleCheck>)| {
            let id = target.service.id.as_str();
            let codes = || checks.iter().map(|check| check.rule.code);
            let told: Vec<&Finding> = codes().filter_map(|code| found.get(&(code, id))).flatten().copied().collect();
            let is_left_out = codes().any(|code| left_out.0.contains(&(code, id.to_owned())));
            let (state, note) = match told.as_slice() {
                // Who asks about keys alone is told of nothing else, and so that nothing else is well.
                [] if !survey.only.is_empty() => return None,
                [] if is_left_out => (CheckState::Open, "left out by doctor.toml".to_owned()),
                [] => checks.iter().find_map(|check| match (check.passed)(survey, target) {
                    CheckOutcome::NotMade => None,
                    CheckOutcome::Good(note) => Some((CheckState::Good, note)),
                    CheckOutcome::Open(note) => Some((CheckState::Open, note)),
                })?,
                told => verdict(told),
            };
            Some(StatusCheck { name: row.name, state, note })
        };
        rows.iter().filter_map(check).collect()
    };
    survey.targets.iter().map(of_target).collect()
}

/// What is wrong counts before what can't be told.
fn verdict(told: &[&Finding]) -> (CheckState, String) {
    let words = |pick: fn(&Summary) -> Option<&str>| -> Vec<&str> {
        told.iter().filter_map(|finding| pick(finding.gist.as_ref()?)).collect()
    };
    let wrong = words(|gist| if let Summary::Wrong(words) = gist { Some(words) } else { None });
    if wrong.is_empty() {
        let open = words(|gist| if let Summary::Open(words) = gist { Some(words) } else { None });
        return (CheckState::Open, open.join("; "));
    }
    let is_wrong = |finding: &&&Finding| matches!(finding.gist, Some(Summary::Wrong(_)));
    let worst = told.iter().filter(is_wrong).map(|finding| finding.severity).max();
    (CheckState::Found(worst.unwrap_or(Severity::Note)), wrong.join("; "))
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::Survey;
    use crate::drift::declared_state::ExpectedLine;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::engine::service_status::{CheckState, StatusCheck};
    use crate::drift::model::deployment::{Deployed, StartCommand};
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::{LogCoverage, LogMatch, LogRead};
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
        assert_eq!(rows(&survey(&["A=1"], &[("api", &["A=1"])]), 0), [""; 0]);
    }

    #[test]
    fn healthy_service_passes_all_checks() {
        assert_eq!(
            rows(&healthy(), 1),
            [
                "good deployment: SUCCESS, commit 371a158",
                "good running: got the stored values",
                "good commit: 371a158 runs",
                "good start command: has worker",
                "good log line: “ready” came at 2026-11-24 09:00:01 UTC",
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
            ["open commit: not looked at", "open start command: not looked at", "open log line: not looked at"]
        );
        running(&mut found, "worker", "SUCCESS");
        got(&mut found, "worker", &["A=0"]);
        found.staged = Observed::Unavailable("staged changes are refused".to_owned());
        let worker = target(&mut found, "worker");
        worker.live.lines = vec![Observed::Unavailable("Railway refused".to_owned())];
        worker.live.code = Observed::Unavailable("git is not installed".to_owned());
        if let Observed::Known(deployed) = &mut worker.live.deployed {
            deployed.active[0].origin.start = StartCommand::Is(Secret::new("celery"));
        }
        let expected = [
            "good deployment: SUCCESS",
            "error running: got an old value of A",
            "open staged: staged changes are refused",
            "open commit: git is not installed",
            "error start command: lacks -B",
            "open log line: can't be read: Railway refused",
        ];
        assert_eq!(rows(&found, 0), expected);
        let nowhere =
            LogRead { sought: LogMatch::Nowhere, lines: 1, span: None, reach: LogCoverage::Whole, replicas: None };
        target(&mut found, "worker").live.lines = vec![Observed::Known(nowhere)];
        assert_eq!(rows(&found, 0)[5], "error log line: “ready” is not there");
        found.only.insert("A".to_owned());
        assert_eq!(rows(&found, 0), ["error running: got an old value of A"]);
        found.only.clear();
        found.policy.severity.insert("start-command".to_owned(), None);
        assert_eq!(rows(&found, 0)[4], "open start command: left out by doctor.toml");
    }

    #[test]
    fn missing_snapshot_falls_back_to_change_times() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
        running(&mut found, "api", "SUCCESS");
        target(&mut found, "api").live.got = Observed::Unavailable("refused".to_owned());
        assert_eq!(rows(&found, 0)[1], "open running: what it got can't be told: refused");
        changed(&mut found, "api", "A", "2026-01-01T00:00:00.000Z");
        assert_eq!(rows(&found, 0)[1], "good running: nothing was changed since, by time alone");
        changed(&mut found, "api", "A", "2027-01-01T00:00:00.000Z");
        assert_eq!(rows(&found, 0)[1], "open running: possibly old: A");
        let mut unrendered = survey(&["A=1"], &[("api", &["A=${{P.A}} => 1"])]);
        running(&mut unrendered, "api", "SUCCESS");
        got(&mut unrendered, "api", &["A=${{P.A}}"]);
        let kept = "open running: what it got can't be told: its references were kept unrendered";
        assert_eq!(rows(&unrendered, 0)[1], kept);
        changed(&mut unrendered, "api", "A", "2026-01-01T00:00:00.000Z");
        assert_eq!(rows(&unrendered, 0)[1], "good running: nothing was changed since, by time alone");
        target(&mut found, "api").live.deployed = Observed::Known(Deployed::default());
        assert_eq!(rows(&found, 0), ["warning deployment: never deployed", "open running: nothing runs"]);
    }
}
