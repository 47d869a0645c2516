//! Keys that differ, possibly intentionally: candidates for `[[ignore]]`.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{ComparisonOutcome, pairs};
use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::missing_keys::missing_keys;
use crate::drift::model::marker::Mark;
use crate::drift::rules::with_mark;
use crate::drift::suggest::{Exception, Section, aliases_of, can_be_named, gathered};
use crate::drift::{ResourceRef, Survey};

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    /// The services on which it differs; empty if no service has it.
    pub services: Vec<ResourceRef>,
    /// How it differs.
    pub kind: DifferenceKind,
    /// Whether another service has the same value as the file, so that it must still be compared.
    pub agrees_elsewhere: bool,
    /// Whether it looks intentional.
    pub is_suggested: bool,
    /// The rules that report it. Only these are ignored.
    pub rules: BTreeSet<&'static str>,
}

/// How a key differs, ordered from most to least likely to be intentional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The key or its values are expected to differ, on every service where they do.
    Expected(ExpectedDifference),
    /// A service has a reference that resolves to a different value.
    Reference,
    /// No service has it.
    Missing,
    /// A service stores a different value.
    Values,
}

/// Keys that differ for the same reason, so that the user is prompted for it only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceGroup {
    /// The keys.
    pub differences: Vec<Difference>,
    /// The suggested reason.
    pub reason: &'static str,
}

impl Difference {
    /// Returns a short description of the difference.
    pub fn description(&self) -> &'static str {
        match self.kind {
            DifferenceKind::Expected(ExpectedDifference::Key) => "every machine sets its own",
            DifferenceKind::Expected(ExpectedDifference::Host) => "a local address in the file",
            DifferenceKind::Expected(ExpectedDifference::TestKey) => "a test key in the file",
            DifferenceKind::Expected(ExpectedDifference::LiveKey) => "a live key in the file",
            DifferenceKind::Reference => "a reference on Railway",
            DifferenceKind::Missing => "on none of these services",
            DifferenceKind::Values => "a different value on Railway",
        }
    }

    /// Returns whether a service stores a different value for no apparent reason.
    pub fn is_value(&self) -> bool {
        self.kind == DifferenceKind::Values
    }

    /// Returns the suggested reason.
    fn reason(&self) -> &'static str {
        match self.kind {
            _ if self.services.is_empty() => "only for local runs",
            DifferenceKind::Expected(ExpectedDifference::Key) => "every machine sets its own",
            DifferenceKind::Expected(ExpectedDifference::Host) => "a local development address",
            DifferenceKind::Expected(ExpectedDifference::TestKey) => "a test key locally, a live key on Railway",
            DifferenceKind::Expected(ExpectedDifference::LiveKey) => "a live key locally, a test key on Railway",
            DifferenceKind::Reference => "a reference on Railway",
            DifferenceKind::Missing | DifferenceKind::Values => "intentionally different",
        }
    }
}

impl DifferenceKind {
    /// Returns the rules that report it.
    fn rules(self) -> impl Iterator<Item = &'static str> {
        let mark = match self {
            Self::Expected(_) => Mark::ExpectedDifference,
            Self::Reference => Mark::ReferenceDiffers,
            Self::Missing => Mark::MissingOnRailway,
            Self::Values => Mark::Differs,
        };
        with_mark(mark).map(|rule| rule.name)
    }
}

/// Returns every key that differs and is not required: those that look intentional first, then by name.
pub fn differences(survey: &Survey, required: &BTreeSet<&str>) -> Vec<Difference> {
    let is_free = |key: &str| can_be_named(key) && !required.contains(key);
    let mut found: BTreeMap<&str, Difference> = BTreeMap::new();
    let mut agreeing = BTreeSet::new();
    for pair in pairs(survey).filter(|pair| is_free(pair.key)) {
        let kind = match pair.verdict(survey) {
            ComparisonOutcome::ExpectedDifference(nature) => DifferenceKind::Expected(nature),
            ComparisonOutcome::ReferenceDiffers => DifferenceKind::Reference,
            ComparisonOutcome::Differs => DifferenceKind::Values,
            ComparisonOutcome::Equal => {
                agreeing.insert(pair.key);
                continue;
            }
            // Unknown, or an error rather than intentionally different.
            ComparisonOutcome::Sealed
            | ComparisonOutcome::Unavailable
            | ComparisonOutcome::Indirect
            | ComparisonOutcome::Dangling => continue,
        };
        let one = found.entry(pair.key).or_insert_with(|| difference(pair.key, kind));
        one.kind = one.kind.max(kind);
        one.rules.extend(kind.rules());
        one.services.push(pair.target.service.clone());
    }
    for absence in missing_keys(survey, |local| is_free(&local.entry.key)) {
        if absence.having.is_empty() {
            let nature = expected_differences::of(absence.key, &absence.local.entry.value);
            let kind = nature.map_or(DifferenceKind::Missing, DifferenceKind::Expected);
            found.insert(absence.key, difference(absence.key, kind));
        }
    }
    let mut found: Vec<Difference> = found.into_values().collect();
    for one in &mut found {
        one.agrees_elsewhere = agreeing.contains(one.key.as_str());
        one.is_suggested = matches!(one.kind, DifferenceKind::Expected(_));
    }
    found.sort_by_key(|one| (!one.is_suggested, matches!(one.kind, DifferenceKind::Values)));
    found
}

fn difference(key: &str, kind: DifferenceKind) -> Difference {
    Difference {
        key: key.to_owned(),
        services: Vec::new(),
        kind,
        agrees_elsewhere: false,
        is_suggested: false,
        rules: kind.rules().collect(),
    }
}

/// Groups the chosen differences by suggested reason. Each different value gets a separate reason.
pub fn groups(chosen: &[&Difference]) -> Vec<DifferenceGroup> {
    let own = |one: &Difference| if one.kind == DifferenceKind::Values { one.key.clone() } else { String::new() };
    let of = chosen.iter().map(|one| ((one.reason(), own(one)), (*one).clone()));
    gathered(of).into_iter().map(|((reason, _), differences)| DifferenceGroup { differences, reason }).collect()
}

/// Returns the `[[ignore]]` entries, with the given reason for each group.
pub fn exceptions(reasons: &[(DifferenceGroup, String)], sections: &[Section]) -> Vec<Exception> {
    let all = reasons.iter().flat_map(|(group, reason)| group.differences.iter().map(move |one| (one, reason)));
    let of = all.map(|(one, reason)| {
        let services = if one.agrees_elsewhere { aliases_of(&one.services, sections) } else { Vec::new() };
        ((reason.clone(), services, one.rules.iter().copied().collect()), one.key.clone())
    });
    let exception = |((reason, services, rules), keys)| Exception { keys, services, rules, reason };
    gathered(of).into_iter().map(exception).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::drift::Survey;
    use crate::drift::engine::policy::Ignore;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::suggest::differing_keys::{Difference, differences, exceptions, groups};
    use crate::drift::suggest::sections;
    use crate::drift::test_support::survey;

    fn fixture() -> Survey {
        let file = [
            "PORT=3000",
            "DATABASE_URL=postgres://u:p@localhost/x",
            "STRIPE=sk_test_1",
            "BASE=https://here.example",
            "LEVEL=debug",
            "MODE=a",
            "EQUAL=1",
            "SEALED=1",
            "GONE=1",
            "ONLY_HERE=x",
            "CACHE_URL=redis://localhost",
            "REQUIRED=1",
            "A*=1",
        ];
        let api = [
            "PORT=80",
            "DATABASE_URL=${{Postgres.URL}} => postgres://u:p@db.internal/x",
            "STRIPE=sk_live_1",
            "BASE=${{web.BASE}} => https://there.example",
            "LEVEL=info",
            "MODE=b",
            "EQUAL=1",
            "SEALED=<sealed>",
            "GONE=${{Nowhere.X}} => ",
            "REQUIRED=2",
            "A*=2",
        ];
        let worker = ["LEVEL=debug", "MODE=c", "BASE=https://elsewhere.example"];
        survey(&file, &[("api", &api), ("worker", &worker)])
    }

    #[test]
    fn expected_differences_are_suggested_and_others_offered() {
        let found = differences(&fixture(), &BTreeSet::from(["REQUIRED"]));
        let description = |one: &Difference| {
            let services: Vec<&str> = one.services.iter().map(|service| service.name.as_str()).collect();
            let mark = if one.is_suggested { "+" } else { "-" };
            let elsewhere = if one.agrees_elsewhere { ", not everywhere" } else { "" };
            format!("{mark}{} [{}] {}{elsewhere}", one.key, services.join(","), one.description())
        };
        let expected = [
            "+CACHE_URL [] a local address in the file",
            "+DATABASE_URL [api] a local address in the file",
            "+PORT [api] every machine sets its own",
            "+STRIPE [api] a test key in the file",
            "-ONLY_HERE [] on none of these services",
            "-BASE [api,worker] a different value on Railway",
            "-LEVEL [api] a different value on Railway, not everywhere",
            "-MODE [api,worker] a different value on Railway",
        ];
        assert_eq!(found.iter().map(description).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn equal_differences_share_one_reason() {
        let survey = fixture();
        let found = differences(&survey, &BTreeSet::from(["REQUIRED"]));
        let groups = groups(&found.iter().collect::<Vec<_>>());
        let found: Vec<String> = groups
            .iter()
            .map(|group| {
                let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
                format!("{}: {}", keys.join(","), group.reason)
            })
            .collect();
        let expected = [
            "CACHE_URL,ONLY_HERE: only for local runs",
            "DATABASE_URL: a local development address",
            "PORT: every machine sets its own",
            "STRIPE: a test key locally, a live key on Railway",
            "BASE: intentionally different",
            "LEVEL: intentionally different",
            "MODE: intentionally different",
        ];
        assert_eq!(found, expected);
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        let reasons: Vec<_> = groups.into_iter().map(|group| (group, "so".to_owned())).collect();
        let found: Vec<String> = exceptions(&reasons, &sections(&all, &all, ["", ""]))
            .iter()
            .map(|one| format!("{} of {} by {}", one.keys.join(","), one.services.join(","), one.rules.join(",")))
            .collect();
        let expected = [
            "CACHE_URL,DATABASE_URL,PORT,STRIPE of  by expected-difference",
            "ONLY_HERE of  by missing-on-railway",
            "BASE of  by reference-differs,value-differs",
            "LEVEL of api by value-differs",
            "MODE of  by value-differs",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn suggested_ignores_suppress_exactly_their_findings() {
        let mut survey = fixture();
        let found = differences(&survey, &BTreeSet::new());
        let before = examine(&survey).findings;
        assert!(found.iter().all(|one| before.iter().any(|finding| finding.key.as_ref() == Some(&one.key))));
        let reasons: Vec<_> =
            groups(&found.iter().collect::<Vec<_>>()).into_iter().map(|group| (group, "so".to_owned())).collect();
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        for one in exceptions(&reasons, &sections(&all, &all, ["", ""])) {
            survey.policy.ignore.push(Ignore {
                keys: one.keys,
                services: one.services.iter().map(|alias| format!("id-of-{alias}")).collect(),
                environments: Vec::new(),
                rules: one.rules.iter().map(|&rule| rule.to_owned()).collect(),
                reason: one.reason,
                until: None,
                line: 1,
            });
        }
        let left: Vec<String> = examine(&survey)
            .findings
            .iter()
            .filter(|finding| !matches!(finding.rule.name, "missing-on-railway" | "missing-locally"))
            .map(|finding| format!("{} {}", finding.rule.name, finding.key.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(left, ["value-differs A*", "dangling-reference GONE", "sealed SEALED"]);
    }
}
