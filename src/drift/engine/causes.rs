//! Relates findings to their causes and orders them.

use std::collections::HashMap;

use crate::drift::model::cause::{CauseScope, Certainty, FindingCause, PossibleCause};
use crate::drift::model::finding::Finding;

/// Moves every consequence directly below its cause in the sorted findings. A cause must be at least as severe as its
/// consequence, so that no finding is hidden below a less severe one.
pub fn attach_causes(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.iter().all(|finding| finding.possible_causes.is_empty()) {
        return findings;
    }
    let index = FindingIndex::of(&findings);
    let mut parents: Vec<Option<usize>> = vec![None; findings.len()];
    for at in 0..findings.len() {
        let found = findings[at].possible_causes.iter().find_map(|suspect| {
            let cause = index.find(&findings, at, suspect)?;
            (!descends(&parents, cause, at)).then_some((cause, suspect.certainty))
        });
        if let Some((parent, certainty)) = found {
            parents[at] = Some(parent);
            let cause = cause(&findings, at, parent, certainty);
            let finding = &mut findings[at];
            let reasons: Vec<String> = [cause.sentence()].into_iter().chain(finding.reason.take()).collect();
            finding.reason = Some(reasons.join("; "));
            // Fixing the cause fixes the consequence, too.
            finding.advice = finding.advice.take().filter(|_| certainty == Certainty::MayFollow);
            finding.cause = Some(cause);
        }
    }
    ordered(findings, &parents)
}

/// The positions of findings, by rule and service.
struct FindingIndex {
    own: HashMap<(&'static str, String), Vec<usize>>,
    all: HashMap<&'static str, Vec<usize>>,
}

impl FindingIndex {
    /// Indexes only rules that are a possible cause of a finding.
    fn of(findings: &[Finding]) -> Self {
        let suspected = findings.iter().flat_map(|finding| &finding.possible_causes).map(|suspect| suspect.rule.code);
        let mut all: HashMap<&'static str, Vec<usize>> = suspected.map(|code| (code, Vec::new())).collect();
        let mut own: HashMap<(&'static str, String), Vec<usize>> = HashMap::new();
        for (at, finding) in findings.iter().enumerate() {
            let Some(places) = all.get_mut(finding.rule.code) else { continue };
            places.push(at);
            for service in &finding.services {
                own.entry((finding.rule.code, service.id.clone())).or_default().push(at);
            }
        }
        Self { own, all }
    }

    fn find(&self, findings: &[Finding], at: usize, suspect: &PossibleCause) -> Option<usize> {
        let finding = &findings[at];
        let fits = |&&other: &&usize| {
            let other = &findings[other];
            other.severity >= finding.severity && (suspect.key.is_none() || suspect.key == other.key)
        };
        match suspect.scope {
            CauseScope::Own => finding
                .services
                .iter()
                .find_map(|service| self.own.get(&(suspect.rule.code, service.id.clone()))?.iter().find(fits).copied()),
            CauseScope::Another => {
                let is_another = |&&other: &&usize| {
                    findings[other].services.iter().all(|service| !finding.services.contains(service))
                };
                self.all.get(suspect.rule.code)?.iter().filter(is_another).find(fits).copied()
            }
        }
    }
}

/// Returns whether `one` is `other`, or a consequence of it.
fn descends(parents: &[Option<usize>], one: usize, other: usize) -> bool {
    std::iter::successors(Some(one), |&at| parents[at]).any(|at| at == other)
}

fn cause(findings: &[Finding], at: usize, parent: usize, certainty: Certainty) -> FindingCause {
    let (finding, parent) = (&findings[at], &findings[parent]);
    let is_own = parent.services.iter().any(|service| finding.services.contains(service));
    let other = parent.services.first().filter(|_| !is_own);
    FindingCause {
        rule: parent.rule,
        key: parent.key.clone(),
        service: other.map(|service| service.name.clone()),
        certainty,
    }
}

fn ordered(findings: Vec<Finding>, parents: &[Option<usize>]) -> Vec<Finding> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); findings.len()];
    for (at, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[*parent].push(at);
        }
    }
    let mut left: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    let mut open: Vec<usize> = (0..left.len()).rev().filter(|&at| parents[at].is_none()).collect();
    while let Some(at) = open.pop() {
        ordered.extend(left[at].take());
        open.extend(children[at].iter().rev());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use crate::drift::Severity;
    use crate::drift::engine::causes::attach_causes;
    use crate::drift::model::cause::PossibleCause;
    use crate::drift::model::finding::Finding;
    use crate::drift::model::rule::Rule;
    use crate::drift::rules::{endpoint_wrong, log_line_missing, start_command, value_differs};
    use crate::drift::test_support::named;

    fn finding(rule: &'static Rule, service: &str, suspects: Vec<PossibleCause>) -> Finding {
        Finding { services: vec![named(service)], possible_causes: suspects, ..Finding::new(rule, "") }
    }

    fn lines(findings: Vec<Finding>) -> Vec<String> {
        let line = |finding: &Finding| {
            let reason = finding.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{} {}{reason}", finding.rule.name, finding.services[0].name)
        };
        attach_causes(findings).iter().map(line).collect()
    }

    #[test]
    fn consequence_follows_its_cause_and_names_it() {
        let start = PossibleCause::own(&start_command::RULE);
        let log = finding(&log_line_missing::RULE, "worker", vec![start.clone()]);
        let log = Finding { reason: Some("12 lines were read".to_owned()), ..log };
        let other = vec![start, PossibleCause::of_another(&start_command::RULE)];
        assert_eq!(
            lines(vec![
                finding(&endpoint_wrong::RULE, "api", other),
                log,
                finding(&start_command::RULE, "web", Vec::new()),
                finding(&start_command::RULE, "worker", Vec::new()),
            ]),
            [
                "start-command web",
                "endpoint-wrong api: possibly start-command on web",
                "start-command worker",
                "log-line-missing worker: start-command; 12 lines were read",
            ]
        );
    }

    #[test]
    fn advice_is_dropped_if_fixing_the_cause_is_enough() {
        let start = || PossibleCause::own(&start_command::RULE);
        for (suspect, expected) in [(start(), None), (start().uncertain(), Some("check the route"))] {
            let endpoint = Finding {
                advice: Some("check the route".to_owned()),
                ..finding(&endpoint_wrong::RULE, "api", vec![suspect])
            };
            let settled = attach_causes(vec![endpoint, finding(&start_command::RULE, "api", Vec::new())]);
            assert_eq!((settled[1].cause.is_some(), settled[1].advice.as_deref()), (true, expected));
        }
    }

    #[test]
    fn cause_must_match_service_key_and_severity() {
        let endpoint =
            || finding(&endpoint_wrong::RULE, "api", vec![PossibleCause::own(&value_differs::RULE).about("OPS_KEY")]);
        for (service, key, severity, follows) in [
            ("api", "OPS_KEY", Severity::Error, true),
            ("api", "OPS_KEY", Severity::Warning, false),
            ("api", "OTHER", Severity::Error, false),
            ("web", "OPS_KEY", Severity::Error, false),
        ] {
            let cause =
                Finding { key: Some(key.to_owned()), severity, ..finding(&value_differs::RULE, service, Vec::new()) };
            let settled = attach_causes(vec![endpoint(), cause]);
            let names: Vec<_> = settled.iter().map(|finding| finding.rule.name).collect();
            let below = names == ["value-differs", "endpoint-wrong"];
            assert_eq!((below, settled.iter().any(|finding| finding.cause.is_some())), (follows, follows), "{key}");
        }
    }

    #[test]
    fn cyclic_causes_keep_all_findings() {
        let mutual = vec![
            finding(&start_command::RULE, "api", vec![PossibleCause::own(&log_line_missing::RULE)]),
            finding(&log_line_missing::RULE, "api", vec![PossibleCause::own(&start_command::RULE)]),
        ];
        assert_eq!(lines(mutual), ["log-line-missing api", "start-command api: log-line-missing"]);
    }
}
