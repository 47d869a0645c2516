//! Runs the rules on a survey and applies `doctor.toml` to their findings.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::drift::compare::outcome::mark;
use crate::drift::compare::{self, ServicePair};
use crate::drift::comparison::{ComparisonOutcome, Pair};
use crate::drift::engine::baseline::Baseline;
use crate::drift::engine::causes;
use crate::drift::engine::ignored::{self, IgnoredFinding};
use crate::drift::engine::loader_conflicts;
use crate::drift::engine::overlaps::without_overlaps;
use crate::drift::engine::policy::ActiveIgnores;
use crate::drift::engine::service_status::{self, StatusCheck};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::Mark;
use crate::drift::model::rule::RuleScope;
use crate::drift::model::severity::Severity;
use crate::drift::needs::CheckedNeeds;
use crate::drift::rules::{MISSING_KEY, check_all, checks_of};
use crate::drift::secret_like::is_secret_like;
use crate::drift::{Survey, Target, needs, system_variables};

/// The result of running all rules.
#[derive(Debug)]
pub struct Examination {
    /// Worst first, then by urgency, code, key and first service; a consequence directly below its cause.
    pub findings: Vec<Finding>,
    /// The findings that `[[ignore]]`, `[severity]` and a baseline removed, in the same order.
    pub ignored: Vec<IgnoredFinding>,
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
    /// Keys of its layers, or needs, that are sealed on Railway.
    pub sealed: usize,
    /// Keys of its layers, or needs, that can't be compared for another reason: one side is an indirect value, or Railway returned
    /// no value.
    pub unknown: usize,
    /// The needs that were checked; `None` if the service is compared with files.
    pub needs: Option<usize>,
}

impl ComparedExtent {
    fn of_needs(needs: CheckedNeeds) -> Self {
        let CheckedNeeds { checked, sealed, unknown } = needs;
        Self { compared: 0, sealed, unknown, needs: Some(checked) }
    }

    /// Returns the number of values that were compared and of needs that were checked.
    pub fn checked(&self) -> usize {
        self.compared + self.needs.unwrap_or_default()
    }
}

/// Runs all rules and applies `doctor.toml`.
pub fn examine(survey: &Survey) -> Examination {
    examine_without(survey, &Baseline::default())
}

/// Runs all rules, and applies `doctor.toml` and a baseline.
pub fn examine_without(survey: &Survey, baseline: &Baseline) -> Examination {
    let exceptions = ActiveIgnores::new(&survey.policy, &survey.environments(), survey.today);
    let open = loader_conflicts::open(survey);
    let mut findings = Vec::new();
    let mut ignored = Vec::new();
    let mut left_out = service_status::LeftOut::default();
    let all = check_all(survey);
    for finding in all.filter(|finding| survey.is_about(finding.key.as_deref(), &finding.services)) {
        left_out.before(&finding);
        match ignored::apply(&survey.policy, &exceptions, finding) {
            Ok(finding) => findings.push(without_needless_next(loader_conflicts::without_push(finding, &open))),
            Err(removed) => ignored.push(*removed),
        }
    }
    let mut findings = without_overlaps(findings);
    findings.sort_by_cached_key(order);
    for check in checks_of(survey) {
        (check.revise)(&mut findings);
    }
    let remainder = baseline.remove_known(findings, survey.today);
    left_out.known(remainder.places);
    ignored.extend(remainder.removed);
    ignored.sort_by_cached_key(|one| order(&one.finding));
    let findings = causes::attach_causes(remainder.findings);
    let checks = service_status::checks(survey, &findings, &left_out);
    let extents = extents(survey, &exceptions);
    Examination { findings, ignored, extents, checks }
}

/// Returns the differences that no declaration makes a fault. There is one for each key that only some services have,
/// which may take more memory than everything else, so they are found only where they are needed.
pub fn optional(survey: &Survey) -> Vec<Finding> {
    let exceptions = ActiveIgnores::new(&survey.policy, &survey.environments(), survey.today);
    let open = loader_conflicts::open(survey);
    let all = checks_of(survey).flat_map(|check| (check.optional)(survey));
    let included = all.filter(|one| survey.is_about(one.key.as_deref(), &one.services));
    let reported = included.filter_map(|one| ignored::apply(&survey.policy, &exceptions, one).ok());
    reported.map(|one| loader_conflicts::without_push(one, &open)).collect()
}

impl Examination {
    /// Returns everything that a fix can change: the findings, and the optional ones of the named keys.
    pub fn fixable(&self, survey: &Survey, named: &BTreeSet<String>) -> Vec<Finding> {
        let optional = if named.is_empty() { Vec::new() } else { optional(survey) };
        let is_named = |one: &Finding| one.key.as_ref().is_some_and(|key| named.contains(key));
        self.findings.iter().cloned().chain(optional.into_iter().filter(is_named)).collect()
    }
}

/// How soon a finding should be read, among those of its severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// Its key is in a `[[require]]`.
    Required,
    /// Its key names a secret.
    Secret,
    Other,
    /// The two values differ only in form.
    Form,
}

impl Urgency {
    fn of(finding: &Finding) -> Self {
        match &finding.key {
            _ if finding.differs_in_form => Self::Form,
            _ if finding.required => Self::Required,
            Some(key) if is_secret_like(key) => Self::Secret,
            _ => Self::Other,
        }
    }
}

/// The position of a finding in a report: severity, urgency, code, key and first service.
type FindingOrder = (Reverse<Severity>, Urgency, &'static str, Option<String>, Option<String>);

fn order(finding: &Finding) -> FindingOrder {
    let service = finding.services.first().map(|service| service.name.clone());
    (Reverse(finding.severity), Urgency::of(finding), finding.rule.code, finding.key.clone(), service)
}

/// A note needs no action, so it has no `next`, which programs follow.
fn without_needless_next(finding: Finding) -> Finding {
    let next = finding.next.filter(|_| finding.severity > Severity::Note);
    Finding { next, ..finding }
}

/// Returns whether an `[[ignore]]` covers that the service lacks the key.
fn is_missing_ignored(ignores: &ActiveIgnores<'_>, target: &Target, key: &str) -> bool {
    let probe = Finding { key: Some(key.to_owned()), ..Finding::new(MISSING_KEY, "") };
    ignores.about(&probe).iter().any(|ignore| ignore.includes(&target.service))
}

/// Returns how much of each target was compared.
fn extents(survey: &Survey, ignores: &ActiveIgnores<'_>) -> Vec<ComparedExtent> {
    if survey.scope() == RuleScope::EnvironmentPair {
        return compare::services(survey).map(|pair| extent_of_pair(survey, pair)).collect();
    }
    let needs = needs::checked(survey, |target, key| is_missing_ignored(ignores, target, key));
    let targets = survey.targets.iter().zip(needs);
    targets.map(|(target, needs)| needs.map_or_else(|| extent(survey, target), ComparedExtent::of_needs)).collect()
}

/// Returns how many keys were compared that a service has in both environments.
fn extent_of_pair(survey: &Survey, pair: ServicePair<'_>) -> ComparedExtent {
    let mut extent = ComparedExtent::default();
    for key in pair.keys(survey) {
        match mark(survey, &key) {
            Mark::OnlyLeft | Mark::OnlyRight | Mark::NotSet => {}
            Mark::SealedLeft | Mark::SealedRight | Mark::SealedBoth | Mark::SealedNotCopied => extent.sealed += 1,
            Mark::Indirect | Mark::Unavailable => extent.unknown += 1,
            _ => extent.compared += 1,
        }
    }
    extent
}

fn extent(survey: &Survey, target: &Target) -> ComparedExtent {
    let Ok(stored) = &target.stored else { return ComparedExtent::default() };
    let mut extent = ComparedExtent::default();
    for (key, variable) in stored {
        let is_compared = survey.includes_key(key) && !system_variables::is_provided(key);
        let Some(local) = survey.local(target, key).filter(|_| is_compared) else { continue };
        let pair = Pair { target, key, variable, local };
        // Only a value that is known and not kept elsewhere is compared, and then the outcome does not matter.
        if !variable.is_unknown() && !pair.is_indirect(survey) {
            extent.compared += 1;
            continue;
        }
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
    use crate::drift::engine::run_rules::{ComparedExtent, Examination, examine, optional};
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
    const PORT: &str = "D104 note PORT [api] .env:2: PORT differs between .env and Railway, as expected";

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
    fn required_and_secret_keys_come_first_and_differences_in_form_last() {
        let file = ["BASE=one", "OPS_TOKEN=one", "CASE_TOKEN=one", "REGION=one", "ZONE=one", "SHAPE=one", "ASKED=one"];
        let api =
            ["BASE=two", "OPS_TOKEN=two", "CASE_TOKEN=ONE", "REGION= one", "ZONE=two", "SHAPE='one'", "ASKED=ONE"];
        let mut found = survey(&file, &[("api", &api)]);
        require(&mut found, "ZONE", &[]);
        require(&mut found, "ASKED", &[]);
        let order: Vec<String> = examine(&found).findings.into_iter().filter_map(|finding| finding.key).collect();
        assert_eq!(order, ["ZONE", "OPS_TOKEN", "BASE", "ASKED", "CASE_TOKEN", "REGION", "SHAPE"]);
    }

    #[test]
    fn only_named_keys_of_some_services_can_be_fixed() {
        let found = survey(&["A=1", "B=1", "C=2"], &[("api", &["A=1", "B=1", "C=1"]), ("web", &[])]);
        let examination = examine(&found);
        let keys = |named: &[&str]| {
            let named = named.iter().map(|&key| key.to_owned()).collect();
            let fixable = examination.fixable(&found, &named).into_iter();
            fixable.map(|finding| format!("{} {}", finding.rule.code, finding.key.unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(keys(&[]), ["D103 C"]);
        assert_eq!(keys(&["B", "C"]), ["D103 C", "D101 B", "D101 C"]);
        let mut ignoring = found;
        ignoring.policy.ignore.push(Ignore { services: vec!["web".to_owned()], ..ignore(&["B"]) });
        assert_eq!(optional(&ignoring).len(), 2);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        let examination = examine(&healthy());
        assert_eq!((lines(&examination), examination.ignored.len()), (Vec::new(), 0));
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
                (&lines(&examination), examination.ignored.len()),
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
        assert_eq!((codes, examination.ignored.len()), (vec!["D102"], 1));
    }

    #[test]
    fn file_only_finding_is_ignored_only_by_its_key() {
        for (services, left) in [(Vec::new(), 0), (vec!["api".to_owned()], 1)] {
            let mut found = survey(&["A=1", "A=2"], &[]);
            found.policy.ignore.push(Ignore { services, ..ignore(&["A"]) });
            let examination = examine(&found);
            assert_eq!((examination.findings.len(), examination.ignored.len()), (left, 1 - left));
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
            assert_eq!(examination.ignored.len(), usize::from(severity.is_none()));
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
            assert_eq!((severities, examination.ignored.len()), (vec![Severity::Error; 3], 0));
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
        let api = ComparedExtent { compared: 2, sealed: 2, unknown: 3, needs: None };
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
        assert!(examination.findings.len() > 20_000 && examination.ignored.len() > 100);
    }
}
