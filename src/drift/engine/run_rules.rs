//! Runs the rules on a survey and applies `doctor.toml` to their findings.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::drift::comparison::{ComparisonOutcome, Pair};
use crate::drift::engine::causes;
use crate::drift::engine::loader_conflicts;
use crate::drift::engine::policy::{ActiveIgnores, Policy};
use crate::drift::engine::service_status::{self, StatusCheck};
use crate::drift::model::finding::Finding;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CHECKS, check_all};
use crate::drift::{Secret, Survey, Target, system_variables};

/// The result of running all rules.
#[derive(Debug)]
pub struct Examination {
    /// Worst first, then by code, key and first service; a consequence directly below its cause.
    pub findings: Vec<Finding>,
    /// How many findings `[[ignore]]` and `[severity]` removed.
    pub ignored: usize,
    /// How much was compared on each target, in the order of [`Survey::targets`].
    pub extents: Vec<ComparedExtent>,
    /// The status checks of each target, in the same order.
    pub checks: Vec<Vec<StatusCheck>>,
}

/// How much of a service was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComparedExtent {
    /// Keys of its layers that it also has, with both values known.
    pub compared: usize,
    /// Keys of its layers that are sealed on Railway.
    pub sealed: usize,
    /// Keys of its layers that can't be compared for another reason: one side is an indirect value, or Railway returned
    /// no value.
    pub unknown: usize,
}

/// Runs all rules and applies `doctor.toml`.
pub fn examine(survey: &Survey) -> Examination {
    let exceptions = ActiveIgnores::new(&survey.policy, &survey.environment, survey.today);
    let open = loader_conflicts::open(survey);
    let mut findings = Vec::new();
    let mut ignored = 0;
    let mut left_out = service_status::LeftOut::default();
    let all = check_all(survey);
    for finding in all.filter(|finding| survey.is_about(finding.key.as_deref(), &finding.services)) {
        left_out.before(&finding);
        let kept = graded(&survey.policy, finding).and_then(|finding| unignored(&exceptions, finding));
        match kept {
            Some(finding) => findings.push(without_needless_next(loader_conflicts::without_push(finding, &open))),
            None => ignored += 1,
        }
    }
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    for check in CHECKS {
        (check.revise)(&mut findings);
    }
    let findings = causes::attach_causes(findings);
    let checks = service_status::checks(survey, &findings, &left_out);
    let extents = survey.targets.iter().map(|target| extent(survey, target)).collect();
    Examination { findings, ignored, extents, checks }
}

fn order(finding: &Finding) -> (Reverse<Severity>, &str, Option<&str>, Option<&str>) {
    let service = finding.services.first().map(|service| service.name.as_str());
    (Reverse(finding.severity), finding.rule.code, finding.key.as_deref(), service)
}

/// Applies `[severity]` to the finding; `None` if it is off. A required finding keeps its severity, and a severity that
/// was lowered below the rule's is not raised.
fn graded(policy: &Policy, finding: Finding) -> Option<Finding> {
    let configured = policy.severity.get(finding.rule.name).or_else(|| policy.severity.get(finding.rule.code));
    match configured {
        None => Some(finding),
        Some(_) if finding.required => Some(finding),
        Some(None) => None,
        Some(Some(wanted)) if finding.severity < finding.rule.severity => {
            Some(Finding { severity: finding.severity.min(*wanted), ..finding })
        }
        Some(Some(wanted)) => Some(Finding { severity: *wanted, ..finding }),
    }
}

/// A note needs no action, so it has no `next`, which programs follow.
fn without_needless_next(finding: Finding) -> Finding {
    let next = finding.next.filter(|_| finding.severity > Severity::Note);
    Finding { next, ..finding }
}

/// Removes the services that an `[[ignore]]` covers; `None` if none is left.
fn unignored(exceptions: &ActiveIgnores<'_>, mut finding: Finding) -> Option<Finding> {
    let about = exceptions.about(&finding);
    if about.is_empty() {
        return Some(finding);
    }
    if finding.services.is_empty() {
        return about.iter().all(|ignore| !ignore.services.is_empty()).then_some(finding);
    }
    let all = std::mem::take(&mut finding.services);
    let (gone, left): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|service| about.iter().any(|ignore| ignore.includes(service)));
    let gone: HashSet<&str> = gone.iter().map(|service| service.name.as_str()).collect();
    finding.observations.retain(|observation| !gone.contains(observation.place.as_str()));
    let adds_to = |name: &str| finding.to_add.as_ref().is_some_and(|add| add.contains(&format!("--service={name}")));
    if gone.iter().any(|name| adds_to(name)) {
        finding.to_add = None;
    }
    finding.services = left;
    (!finding.services.is_empty() && still_differs(&finding)).then_some(finding)
}

/// The remaining services may have equal values.
fn still_differs(finding: &Finding) -> bool {
    let values: HashSet<&str> =
        finding.observations.iter().filter_map(|observation| observation.value.as_ref()).map(Secret::expose).collect();
    values.len() >= finding.rule.different_values
}

fn extent(survey: &Survey, target: &Target) -> ComparedExtent {
    let Ok(stored) = &target.stored else { return ComparedExtent::default() };
    let mut extent = ComparedExtent::default();
    for (key, variable) in stored {
        let Some(local) =
            survey.local(target, key).filter(|_| survey.includes_key(key) && !system_variables::is_provided(key))
        else {
            continue;
        };
        let pair = Pair { target, key, variable, local };
        match pair.verdict(survey) {
            ComparisonOutcome::Sealed => extent.sealed += 1,
            ComparisonOutcome::Unavailable | ComparisonOutcome::Indirect => extent.unknown += 1,
            // A dangling reference without a rendered value to compare.
            ComparisonOutcome::Dangling if variable.is_unknown() => extent.unknown += 1,
            _ => extent.compared += 1,
        }
    }
    extent
}

#[cfg(test)]
mod tests {
    use crate::drift::Survey;
    use crate::drift::engine::policy::Ignore;
    use crate::drift::engine::run_rules::{ComparedExtent, Examination, examine};
    use crate::drift::model::severity::Severity;
    use crate::drift::rules::RULES;
    use crate::drift::test_support::{TODAY, healthy, ignore, line, named, out_of_scope, require, survey, unreadable};

    fn lines(examination: &Examination) -> Vec<String> {
        examination.findings.iter().map(|finding| format!("{} {}", finding.rule.code, line(finding))).collect()
    }

    fn differing() -> Survey {
        survey(&["A=1", "PORT=2"], &[("api", &["A=2", "PORT=1"]), ("worker", &["A=3", "C=1"])])
    }

    const DIFFERS: &str = "D103 error A [api, worker] .env:1: A differs between .env and Railway";
    const MISSING: &str = "D102 note C [worker]: C is on Railway but not in .env";
    const UNUSED: &str = "D303 warning - [] doctor.toml:7: the [[ignore]] for a matches no key";
    const PORT: &str = "D104 note PORT [api, worker] .env:2: PORT differs between .env and Railway, as expected";

    #[test]
    fn every_rule_has_code_summary_and_explanation() {
        assert!(RULES.is_sorted_by(|one, other| one.code < other.code));
        for rule in RULES {
            for heading in ["Why it matters", "Example", "Fix", "Suppress"] {
                assert!(rule.explain.contains(&format!("## {heading}\n\n")), "{}: {heading}", rule.name);
            }
            assert!(rule.explain.lines().all(|line| line.chars().count() <= 120), "{}", rule.name);
            assert!(!rule.summary.ends_with('.') && rule.summary.len() < 90, "{}", rule.name);
        }
    }

    #[test]
    fn findings_are_sorted_by_severity() {
        let mut found = differing();
        assert_eq!(lines(&examine(&found)), [DIFFERS, MISSING, PORT]);
        found.files[0] = survey(&["B=1", "A=1", "PORT=2"], &[]).files.remove(0);
        let codes: Vec<_> = examine(&found).findings.iter().map(|finding| finding.rule.code).collect();
        assert_eq!(codes, ["D103", "D101", "D102", "D104"]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        let examination = examine(&healthy());
        assert_eq!((lines(&examination), examination.ignored), (Vec::new(), 0));
        assert_eq!(examination.extents, [ComparedExtent { compared: 5, ..ComparedExtent::default() }; 2]);
    }

    #[test]
    fn ignored_services_are_removed_from_findings() {
        type Case<'c> = (fn(&mut Ignore), &'c [&'c str], usize);
        let cases: &[Case<'_>] = &[
            (|_| (), &[MISSING, PORT], 1),
            (|one| one.keys = vec!["*".to_owned()], &[], 3),
            (|one| one.keys = vec!["a".to_owned()], &[DIFFERS, UNUSED, MISSING, PORT], 0),
            (
                |one| one.services = vec!["id-of-api".to_owned()],
                &["D103 error A [worker] .env:1: A differs between .env and Railway", MISSING, PORT],
                0,
            ),
            (|one| one.services = vec!["id-of-api".to_owned(), "worker".to_owned()], &[MISSING, PORT], 1),
            (|one| one.rules = vec!["value-differs".to_owned()], &[MISSING, PORT], 1),
            (|one| one.rules = vec!["D103".to_owned()], &[MISSING, PORT], 1),
            (|one| one.rules = vec!["sealed".to_owned()], &[DIFFERS, MISSING, PORT], 0),
            (|one| one.environments = vec!["staging".to_owned()], &[MISSING, PORT], 1),
            (|one| one.environments = vec!["production".to_owned()], &[DIFFERS, MISSING, PORT], 0),
            (|one| one.until = Some(TODAY), &[MISSING, PORT], 1),
        ];
        for (number, (change, expected, ignored)) in cases.iter().enumerate() {
            let mut found = differing();
            let mut one = ignore(&["A"]);
            change(&mut one);
            found.policy.ignore.push(one);
            let examination = examine(&found);
            assert_eq!(
                (&lines(&examination), examination.ignored),
                (&expected.iter().map(|&line| line.to_owned()).collect(), *ignored),
                "case {number}"
            );
        }
    }

    #[test]
    fn ignored_service_has_no_observations() {
        let mut found = differing();
        found.policy.ignore.push(Ignore { services: vec!["api".to_owned()], ..ignore(&["A"]) });
        let observations = &examine(&found).findings[0].observations;
        let places: Vec<_> = observations.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, [".env:1", "worker"]);
    }

    #[test]
    fn command_never_adds_a_key_to_an_ignored_service() {
        for (ignored, to_add) in [("web", Some("--service=api")), ("api", None)] {
            let mut found = survey(&["A=1"], &[("api", &[]), ("web", &[]), ("worker", &[])]);
            found.policy.ignore.push(Ignore { services: vec![named(ignored).id], ..ignore(&["A"]) });
            let finding = &examine(&found).findings[0];
            let last = finding.to_add.as_ref().and_then(|arguments| arguments.last());
            assert_eq!((finding.services.len(), last.map(String::as_str)), (2, to_add), "{ignored}");
        }
    }

    #[test]
    fn services_agree_when_the_differing_one_is_ignored() {
        let mut found = survey(&[], &[("api", &["A=1"]), ("web", &["A=1"]), ("worker", &["A=2"])]);
        require(&mut found, "A", &[]);
        found.policy.ignore.push(Ignore { services: vec!["worker".to_owned()], ..ignore(&["A"]) });
        let examination = examine(&found);
        let codes: Vec<_> = examination.findings.iter().map(|finding| finding.rule.code).collect();
        assert_eq!((codes, examination.ignored), (vec!["D102"], 1));
    }

    #[test]
    fn file_only_finding_is_ignored_only_by_its_key() {
        for (services, left) in [(Vec::new(), 0), (vec!["api".to_owned()], 1)] {
            let mut found = survey(&["A=1", "A=2"], &[]);
            found.policy.ignore.push(Ignore { services, ..ignore(&["A"]) });
            let examination = examine(&found);
            assert_eq!((examination.findings.len(), examination.ignored), (left, 1 - left));
        }
    }

    #[test]
    fn configured_severity_overrides_default() {
        for (rule, wanted, severity) in [
            ("value-differs", Some(Severity::Note), Some(Severity::Note)),
            ("D103", Some(Severity::Warning), Some(Severity::Warning)),
            ("value-differs", None, None),
            ("sealed", None, Some(Severity::Error)),
        ] {
            let mut found = survey(&["A=1"], &[("api", &["A=2"])]);
            found.policy.severity.insert(rule.to_owned(), wanted);
            let examination = examine(&found);
            assert_eq!(examination.findings.first().map(|finding| finding.severity), severity, "{rule}");
            assert_eq!(examination.ignored, usize::from(severity.is_none()));
        }
    }

    #[test]
    fn configured_severity_never_raises_a_lowered_one() {
        for (wanted, severities) in
            [(Severity::Error, [Severity::Error, Severity::Note]), (Severity::Note, [Severity::Note, Severity::Note])]
        {
            let mut found = survey(&["A=1", "B="], &[("api", &[])]);
            found.policy.severity.insert("missing-on-railway".to_owned(), Some(wanted));
            let found: Vec<_> = examine(&found).findings.iter().map(|finding| finding.severity).collect();
            assert_eq!(found, severities);
        }
    }

    #[test]
    fn required_findings_stay_errors() {
        for wanted in [None, Some(Severity::Note)] {
            let mut found = survey(&["A=1", "B=1"], &[("api", &["A=2", "C=1"])]);
            for (key, rule) in [("A", "value-differs"), ("B", "missing-on-railway"), ("C", "missing-locally")] {
                require(&mut found, key, &[]);
                found.policy.severity.insert(rule.to_owned(), wanted);
            }
            let examination = examine(&found);
            let severities: Vec<_> = examination.findings.iter().map(|finding| finding.severity).collect();
            assert_eq!((severities, examination.ignored), (vec![Severity::Error; 3], 0));
        }
    }

    #[test]
    fn counts_compared_values() {
        let file =
            ["A=1", "B=1", "C=1", "D=1", "A=2", "F=${{x.C}}", "RAILWAY_PROJECT_ID=1", "G=op://dev/a/b", "H=1", "I=1"];
        let api = [
            "A=1",
            "B=<sealed>",
            "C=${{x.C}} => <sealed>",
            "E=<sealed>",
            "F=${{x.C}} => <sealed>",
            "RAILWAY_PROJECT_ID=2",
            "G=op://dev/a/b",
            "H=<unavailable>",
            "I=${{nowhere.I}} => <sealed>",
        ];
        let mut found = survey(&file, &[("api", &api), ("web", &[]), ("worker", &["A=1"])]);
        unreadable(&mut found, "worker");
        out_of_scope(&mut found, "x", &["C"]);
        let extents = examine(&found).extents;
        let api = ComparedExtent { compared: 2, sealed: 2, unknown: 3 };
        assert_eq!(extents, [api, ComparedExtent::default(), ComparedExtent::default()]);
    }

    /// Every expensive check at once, with all values different: quadratic work would take minutes.
    #[test]
    fn many_services_with_many_variables_run_quickly() {
        let file: Vec<String> = (0..8_000).map(|key| format!("KEY_{key}=local-value-{key}")).collect();
        let rows: Vec<Vec<String>> = (0..400)
            .map(|service| {
                let own = (0..50).map(|key| format!("KEY_{}=stored-{service}-{key}", service * 50 + key));
                let common = (0..25).map(|key| format!("KEY_{key}=stored-in-common-{key}"));
                let refer = (0..25).map(|key| format!("REF_{key}=${{{{s{}.NO_{service}}}}} => ", service % 7));
                own.chain(common).chain(refer).collect()
            })
            .collect();
        let rows: Vec<Vec<&str>> = rows.iter().map(|rows| rows.iter().map(String::as_str).collect()).collect();
        let names: Vec<String> = (0..400).map(|service| format!("s{service}")).collect();
        let services: Vec<(&str, &[&str])> =
            names.iter().zip(&rows).map(|(name, rows)| (name.as_str(), rows.as_slice())).collect();
        let file: Vec<&str> = file.iter().map(String::as_str).collect();
        let mut found = survey(&file, &services);
        found.environment = named("staging");
        found.policy.ignore.extend((0..20).map(|one| ignore(&[format!("KEY_{one}?").as_str(), "NOTHING_*"])));
        let examination = examine(&found);
        assert!(examination.findings.len() > 20_000 && examination.ignored > 100);
    }
}
