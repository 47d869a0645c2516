//! D407 log-line-missing: a declared line is missing from the log.

use crate::drift::declared_state::ExpectedLine;
use crate::drift::model::cause::PossibleCause;
use crate::drift::model::finding::{Finding, Summary};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{
    CheckOutcome, Declaration, RuleCheck, commit_behind, deployment_unhealthy, never_deployed, stale_deployment,
    start_command,
};
use crate::drift::runtime::{LogCoverage, LogMatch, LogRead};
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D407",
    name: "log-line-missing",
    severity: Severity::Error,
    summary: "A declared line is missing from the log of the running deployment",
    explain: EXPLAIN,
    status_row: Some(StatusRow { position: 7, name: "log line" }),
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck {
    passed,
    declaration: Some(Declaration { name: "[[expect.log]]", is_made: is_declared }),
    ..RuleCheck::new(&RULE, check)
};

const EXPLAIN: &str = "\
## Why it matters

A successful deployment only means that a container started. Whether the program finished its startup shows in its log.

## Example

    [[expect.log]]
    service  = \"worker\"
    contains = \"Worker boot_id stored in Redis\"
    within   = \"5m\"

The log of the running deployment is read from its start, and each line is checked locally; Railway's filter only
narrows the search. The finding shows how many lines were read, and their time range.

The finding is a warning if the log is inconclusive: it has more lines than can be read, it could not be read, or the
line may still appear. It is a note if the deployment is older than the log retention.

## Fix

The program did not reach the point at which it logs this line. The finding shows a possible cause if there is one;
otherwise, read the log. A redeploy starts a new log.

## Suppress

Remove the `[[expect.log]]` entry, or:

    [severity]
    log-line-missing = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().flat_map(of_target).collect()
}

fn of_target(target: &Target) -> impl Iterator<Item = Finding> {
    let pairs = target.declared.lines.iter().zip(&target.live.lines);
    pairs.filter_map(move |(expected, observed)| finding(target, expected, observed))
}

fn finding(target: &Target, expected: &ExpectedLine, observed: &Observed<LogRead>) -> Option<Finding> {
    let line = format!("“{}”", expected.contains);
    let name = &target.service.name;
    let finding = match observed {
        Observed::NotRequested => return None,
        Observed::Unavailable(why) => Finding {
            severity: Severity::Warning,
            reason: Some(why.clone()),
            summary: Some(Summary::Open(format!("could not be read: {why}"))),
            ..Finding::new(&RULE, format!("could not check the log of {name} for {line}"))
        },
        Observed::Known(read) => verdict(target, &line, read)?,
    };
    Some(Finding {
        services: vec![target.service.clone()],
        places: expected.place.clone().into_iter().collect(),
        possible_causes: suspects(),
        ..finding
    })
}

fn verdict(target: &Target, line: &str, read: &LogRead) -> Option<Finding> {
    let name = &target.service.name;
    let extent = extent(read);
    let open = |message: String, reason: String, summary: &str| Finding {
        severity: Severity::Warning,
        reason: Some(reason),
        summary: Some(Summary::Open(summary.to_owned())),
        ..Finding::new(&RULE, message)
    };
    let inconclusive = format!("could not check the log of {name} for {line}");
    match (&read.outcome, read.coverage) {
        (LogMatch::At(_), _) => None,
        (LogMatch::Open(why), _) => Some(open(inconclusive, format!("{why}; {extent}"), why)),
        (LogMatch::Nowhere, LogCoverage::End) => {
            let reason = format!("the log has more lines than can be read; {extent}");
            Some(open(inconclusive, reason, "not found in the lines that were read"))
        }
        (LogMatch::Nowhere, LogCoverage::Kept) => {
            let reason = format!("the deployment is older than the log retention; {extent}");
            let finding = open(inconclusive, reason, "older than the log retention");
            Some(Finding { severity: Severity::Note, ..finding })
        }
        (LogMatch::Nowhere, LogCoverage::Whole) if target.live.is_cron() => {
            let reason = format!("the service runs on a cron schedule and may not have run yet; {extent}");
            Some(open(inconclusive, reason, "the cron job may not have run yet"))
        }
        (LogMatch::Nowhere, LogCoverage::Whole) => Some(Finding {
            reason: Some(extent),
            summary: Some(Summary::Wrong(format!("{line} not found"))),
            advice: Some(format!("read the log of {name} in the dashboard")),
            ..Finding::new(&RULE, format!("{line} is not in the log of {name}"))
        }),
    }
}

/// Returns text such as `1,200 lines of 2 replicas were read, from … to …`.
fn extent(read: &LogRead) -> String {
    let lines = phrases::count(read.lines, "line");
    let verb = if read.lines == 1 { "was" } else { "were" };
    let replicas = read.replicas.filter(|&replicas| replicas > 1);
    let replicas = replicas.map(|number| format!(" of {number} replicas")).unwrap_or_default();
    let start = if read.coverage == LogCoverage::Whole { ", from the deployment's start" } else { "" };
    let span = read.span.as_ref().map(|(first, last)| format!(" ({})", phrases::span(first, last))).unwrap_or_default();
    format!("{lines}{replicas} {verb} read{start}{span}")
}

fn suspects() -> Vec<PossibleCause> {
    vec![
        PossibleCause::own(&never_deployed::RULE),
        PossibleCause::own(&start_command::RULE),
        PossibleCause::own(&deployment_unhealthy::RULE),
        PossibleCause::own(&commit_behind::RULE).uncertain(),
        PossibleCause::own(&stale_deployment::RULE).uncertain(),
    ]
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    let wanted = &target.declared.lines;
    let time = |line: &Observed<LogRead>| match &line.known()?.outcome {
        LogMatch::At(time) => Some(time.clone()),
        LogMatch::Nowhere | LogMatch::Open(_) => None,
    };
    match (wanted.as_slice(), target.live.lines.iter().filter_map(time).collect::<Vec<_>>().as_slice()) {
        ([], _) => CheckOutcome::NotChecked,
        ([one], [time]) => CheckOutcome::good(format!("found “{}” at {}", one.contains, phrases::moment(time))),
        (wanted, found) if found.len() == wanted.len() => CheckOutcome::good(format!("{} lines found", wanted.len())),
        _ => CheckOutcome::open(target.live.deployed.unavailable().unwrap_or("not checked")),
    }
}

fn is_declared(survey: &Survey) -> bool {
    survey.targets.iter().any(|target| !target.declared.lines.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{check, passed};
    use crate::drift::Survey;
    use crate::drift::declared_state::ExpectedLine;
    use crate::drift::model::finding::{Location, Summary};
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::CheckOutcome;
    use crate::drift::rules::log_line_missing::RULE;
    use crate::drift::runtime::{LogCoverage, LogMatch, LogRead, ServiceSettings};
    use crate::drift::test_support::{healthy, lines, survey, target};

    fn read(sought: LogMatch, reach: LogCoverage) -> Observed<LogRead> {
        let time = |second: u8| format!("2026-11-24T09:00:0{second}.000000000Z");
        Observed::Known(LogRead {
            outcome: sought,
            lines: 12,
            span: Some((time(1), time(8))),
            coverage: reach,
            replicas: Some(1),
        })
    }

    fn with(read: Observed<LogRead>) -> Survey {
        let mut found = survey(&[], &[("worker", &[])]);
        let target = target(&mut found, "worker");
        let place = Some(Location { file: "doctor.toml".to_owned(), line: 42 });
        target.declared.lines = vec![ExpectedLine { contains: "boot_id stored".to_owned(), within: None, place }];
        target.live.lines = vec![read];
        found
    }

    #[test]
    fn reports_each_log_outcome() {
        let open = "could not check the log of worker for “boot_id stored”";
        let late = || LogMatch::Open("the deployment is 40 s old; the line may take up to 5 min".to_owned());
        let span = "(2026-11-24 09:00:01 to 09:00:08 UTC)";
        for (observed, severity, message, reason) in [
            (Observed::NotRequested, "", "", String::new()),
            (read(LogMatch::At("x".to_owned()), LogCoverage::Whole), "", "", String::new()),
            (read(LogMatch::At("x".to_owned()), LogCoverage::End), "", "", String::new()),
            (
                read(LogMatch::Nowhere, LogCoverage::Whole),
                "error",
                "“boot_id stored” is not in the log of worker",
                format!("12 lines were read, from the deployment's start {span}"),
            ),
            (
                read(LogMatch::Nowhere, LogCoverage::End),
                "warning",
                open,
                format!("the log has more lines than can be read; 12 lines were read {span}"),
            ),
            (
                read(LogMatch::Nowhere, LogCoverage::Kept),
                "note",
                open,
                format!("the deployment is older than the log retention; 12 lines were read {span}"),
            ),
            (
                read(late(), LogCoverage::Whole),
                "warning",
                open,
                format!(
                    "the deployment is 40 s old; the line may take up to 5 min; 12 lines were read, from the \
                     deployment's start {span}"
                ),
            ),
            (
                Observed::Unavailable("Railway refused the log".to_owned()),
                "warning",
                open,
                "Railway refused the log".to_owned(),
            ),
        ] {
            let found = with(observed);
            let expected = Some(format!("{severity} - [worker] doctor.toml:42: {message}"));
            let expected: Vec<String> = expected.filter(|_| !severity.is_empty()).into_iter().collect();
            assert_eq!(lines(&RULE, &found), expected);
            let reasons: Vec<_> = check(&found).into_iter().filter_map(|finding| finding.reason).collect();
            assert_eq!(reasons.concat(), reason);
        }
    }

    #[test]
    fn missing_line_of_cron_service_is_a_warning() {
        let mut found = with(read(LogMatch::Nowhere, LogCoverage::Whole));
        let settings = ServiceSettings { cron: Some("0 * * * *".to_owned()), ..ServiceSettings::default() };
        target(&mut found, "worker").live.settings = Observed::Known(settings);
        assert_eq!(check(&found)[0].severity.name(), "warning");
    }

    #[test]
    fn reason_counts_lines_and_replicas() {
        for (lines, replicas, extent) in [
            (0, None, "0 lines were read, from the deployment's start"),
            (1, Some(1), "1 line was read, from the deployment's start"),
            (7, Some(2), "7 lines of 2 replicas were read, from the deployment's start"),
        ] {
            let read =
                LogRead { outcome: LogMatch::Nowhere, lines, span: None, coverage: LogCoverage::Whole, replicas };
            let found = with(Observed::Known(read));
            assert_eq!(check(&found)[0].reason.as_deref(), Some(extent));
        }
    }

    #[test]
    fn row_counts_several_lines_that_were_found() {
        let line = || with(read(LogMatch::At("2026-11-24T09:00:01.000000000Z".to_owned()), LogCoverage::Whole));
        let (mut found, other) = (line(), line().targets.remove(0));
        let worker = target(&mut found, "worker");
        worker.declared.lines.extend(other.declared.lines);
        worker.live.lines.extend(other.live.lines);
        let row = passed(&found, &found.targets[0]);
        assert!(matches!(row, CheckOutcome::Passed(note) if note == "2 lines found"));
    }

    #[test]
    fn summary_of_a_log_that_was_not_read_states_why() {
        let finding = check(&with(Observed::Unavailable("Railway refused the log".to_owned()))).remove(0);
        let expected = Summary::Open("could not be read: Railway refused the log".to_owned());
        assert_eq!(finding.summary, Some(expected));
        let missing = check(&with(read(LogMatch::Nowhere, LogCoverage::Whole))).remove(0);
        assert_eq!(missing.summary, Some(Summary::Wrong("“boot_id stored” not found".to_owned())));
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        let mut found = with(Observed::NotRequested);
        target(&mut found, "worker").live.lines.clear();
        assert_eq!(lines(&RULE, &found), [""; 0], "declared, but the log was not requested");
    }
}
