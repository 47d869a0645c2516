//! What was looked at of how a service runs, and what it came to: the table below a report.

use std::collections::{HashMap, HashSet};

use crate::drift::model::deployment::{Deployed, DeploymentStage, SkipReason, StartCommand};
use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{
    commit_behind, config_file_retired, deployment_unhealthy, endpoint_wrong, log_line_missing, never_deployed,
    staged_changes, stale_deployment, start_command,
};
use crate::drift::runtime::{EndpointOutcome, LogMatch, LogRead, Relation};
use crate::drift::stale_evidence::stale_keys;
use crate::drift::{Survey, Target, phrases};

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

/// What a check came to where nothing was found.
enum CheckOutcome {
    /// Nobody asked for it.
    NotMade,
    /// This, in a few words.
    Made(CheckState, String),
}

/// One row of the table: its name, the rules behind it, and what it says where they found nothing.
struct StatusRow {
    name: &'static str,
    rules: &'static [&'static Rule],
    plain: fn(&Survey, &Target) -> CheckOutcome,
}

/// Every row, in the order of the table.
static ROWS: &[StatusRow] = &[
    StatusRow { name: "deployment", rules: &[&deployment_unhealthy::RULE, &never_deployed::RULE], plain: deployment },
    StatusRow { name: "running", rules: &[&stale_deployment::RULE], plain: running },
    StatusRow { name: "staged", rules: &[&staged_changes::RULE], plain: staged },
    StatusRow { name: "commit", rules: &[&commit_behind::RULE], plain: commit },
    StatusRow { name: "start command", rules: &[&start_command::RULE], plain: start },
    StatusRow { name: "config file", rules: &[&config_file_retired::RULE], plain: |_, _| CheckOutcome::NotMade },
    StatusRow { name: "log line", rules: &[&log_line_missing::RULE], plain: lines },
    StatusRow { name: "endpoint", rules: &[&endpoint_wrong::RULE], plain: requests },
];

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
        let check = |row: &StatusRow| {
            let id = target.service.id.as_str();
            let told: Vec<&Finding> =
                row.rules.iter().filter_map(|rule| found.get(&(rule.code, id))).flatten().copied().collect();
            let is_left_out = row.rules.iter().any(|rule| left_out.0.contains(&(rule.code, id.to_owned())));
            let (state, note) = match told.as_slice() {
                // Who asks about keys alone is told of nothing else, and so that nothing else is well.
                [] if !survey.only.is_empty() => return None,
                [] if is_left_out => (CheckState::Open, "left out by doctor.toml".to_owned()),
                [] => match (row.plain)(survey, target) {
                    CheckOutcome::NotMade => return None,
                    CheckOutcome::Made(state, note) => (state, note),
                },
                told => verdict(told),
            };
            Some(StatusCheck { name: row.name, state, note })
        };
        ROWS.iter().filter_map(check).collect()
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

fn good(note: impl Into<String>) -> CheckOutcome {
    CheckOutcome::Made(CheckState::Good, note.into())
}

fn open(note: impl Into<String>) -> CheckOutcome {
    CheckOutcome::Made(CheckState::Open, note.into())
}

fn deployment(_: &Survey, target: &Target) -> CheckOutcome {
    match &target.live.deployed {
        Observed::NotRequested => CheckOutcome::NotMade,
        Observed::Unavailable(why) | Observed::Known(Deployed { untold: Some(why), .. }) => open(why),
        Observed::Known(deployed) => {
            let unwatched = deployed.skipped().filter(|push| push.origin.skip_reason() == SkipReason::Unwatched);
            let Some(newest) = unwatched.and(deployed.running()).or_else(|| deployed.newest()) else {
                return CheckOutcome::NotMade;
            };
            let origin = newest.origin.description().map(|words| format!(", {words}")).unwrap_or_default();
            let words = format!("{}{origin}", newest.status);
            if newest.status.stage() == DeploymentStage::Up { good(words) } else { open(words) }
        }
    }
}

fn running(survey: &Survey, target: &Target) -> CheckOutcome {
    let Some(deployed) = target.live.deployed.known() else { return CheckOutcome::NotMade };
    match &target.live.got {
        _ if target.stored.is_err() => CheckOutcome::NotMade,
        _ if deployed.running().is_none() => open("nothing runs"),
        Observed::NotRequested => CheckOutcome::NotMade,
        Observed::Known(_) if !is_judged_by_time(target) => good("got the stored values"),
        Observed::Known(_) => by_time(survey, "its references were kept unrendered"),
        Observed::Unavailable(why) => by_time(survey, why),
    }
}

fn is_judged_by_time(target: &Target) -> bool {
    let (Observed::Known(got), Ok(stored)) = (&target.live.got, &target.stored) else { return true };
    stale_keys(got, stored).is_none()
}

fn by_time(survey: &Survey, why: &str) -> CheckOutcome {
    match &survey.times {
        Observed::Known(_) => good("nothing was changed since, by time alone"),
        Observed::Unavailable(_) | Observed::NotRequested => open(format!("what it got can't be told: {why}")),
    }
}

/// Nothing staged is nothing to tell of each service.
fn staged(survey: &Survey, _: &Target) -> CheckOutcome {
    survey.staged.unavailable().map_or(CheckOutcome::NotMade, open)
}

fn commit(_: &Survey, target: &Target) -> CheckOutcome {
    let is_declared = target.declared.commit.is_some();
    match &target.live.code {
        Observed::Known(code) => match code.running {
            Relation::Same => good(format!("{} runs", code.wanted)),
            Relation::Newer => good(format!("newer than {}", code.wanted)),
            _ if code.is_covered() => good(format!("no watched file changed up to {}", code.wanted)),
            Relation::Behind(_) | Relation::Diverged | Relation::Unclear(_) => CheckOutcome::NotMade,
        },
        Observed::Unavailable(why) if is_declared => open(why),
        Observed::NotRequested if is_declared => open("not looked at"),
        Observed::Unavailable(_) | Observed::NotRequested => CheckOutcome::NotMade,
    }
}

fn start(_: &Survey, target: &Target) -> CheckOutcome {
    let parts: Vec<&str> = target.declared.start_command.iter().map(String::as_str).collect();
    if parts.is_empty() {
        return CheckOutcome::NotMade;
    }
    let live = &target.live;
    let told = |deployed: &Deployed| deployed.subject().map(|subject| subject.origin.start.clone());
    match (&live.deployed, live.deployed.known().and_then(told)) {
        (Observed::NotRequested, _) => open("not looked at"),
        (Observed::Unavailable(why), _) => open(why),
        (_, None) => open("nothing runs"),
        (_, Some(StartCommand::Untold)) => open("Railway does not tell the running start command"),
        (_, Some(StartCommand::OfImage | StartCommand::Is(_))) => good(format!("has {}", phrases::names(&parts))),
    }
}

fn lines(_: &Survey, target: &Target) -> CheckOutcome {
    let wanted = &target.declared.lines;
    let time = |line: &Observed<LogRead>| match &line.known()?.sought {
        LogMatch::At(time) => Some(time.clone()),
        LogMatch::Nowhere | LogMatch::Open(_) => None,
    };
    match (wanted.as_slice(), target.live.lines.iter().filter_map(time).collect::<Vec<_>>().as_slice()) {
        ([], _) => CheckOutcome::NotMade,
        ([one], [time]) => good(format!("“{}” came at {}", one.contains, phrases::moment(time))),
        (wanted, found) if found.len() == wanted.len() => good(format!("{} lines are there", wanted.len())),
        _ => open(target.live.deployed.unavailable().unwrap_or("not looked at")),
    }
}

fn requests(_: &Survey, target: &Target) -> CheckOutcome {
    let wanted = target.declared.requests.len();
    let came = target.live.answers.iter().filter_map(|answer| match answer.known()? {
        EndpointOutcome::Came { status, .. } => Some(*status),
        EndpointOutcome::None { .. } | EndpointOutcome::NotAsked(_) | EndpointOutcome::Edge { .. } => None,
    });
    match came.collect::<Vec<_>>().as_slice() {
        _ if wanted == 0 => CheckOutcome::NotMade,
        [status] if wanted == 1 => good(format!("{}: {status}", target.declared.requests[0].request)),
        statuses if statuses.len() == wanted => good(format!("{wanted} requests were answered as declared")),
        _ => open(target.live.deployed.unavailable().unwrap_or("not looked at")),
    }
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
    fn nothing_is_told_where_nothing_was_looked_at() {
        assert_eq!(rows(&survey(&["A=1"], &[("api", &["A=1"])]), 0), [""; 0]);
    }

    #[test]
    fn a_healthy_service_passes_all_of_them() {
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
    fn what_was_found_and_what_can_not_be_told_is_said() {
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
    fn without_a_snapshot_it_is_told_by_time_or_not_at_all() {
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
