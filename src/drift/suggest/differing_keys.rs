//! What differs now and may be meant to: candidates for `[[ignore]]`.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{ComparisonOutcome, pairs};
use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::missing_keys::absences;
use crate::drift::model::marker::Mark;
use crate::drift::rules::with_mark;
use crate::drift::suggest::{Exception, Section, aliases_of, can_be_named, gathered};
use crate::drift::{ResourceRef, Survey};

/// A key that differs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// The services on which it differs; none where no service has it.
    pub services: Vec<ResourceRef>,
    /// How.
    pub kind: DifferenceKind,
    /// Whether another of the services has the file's value, and is still to be held to it.
    pub agrees_elsewhere: bool,
    /// Whether it looks meant.
    pub is_suggested: bool,
    /// The rules that tell of it now. They are to be silent, and all others go on.
    pub rules: BTreeSet<&'static str>,
}

/// How a key differs, the likeliest to be meant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// By what it is, on every service where it differs.
    Nature(ExpectedDifference),
    /// A service has it by a reference that gives another value.
    Reference,
    /// No service has it.
    Absent,
    /// A service stores another value.
    Values,
}

/// Keys that differ for the same reason, so that it is asked for once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceGroup {
    /// The keys.
    pub differences: Vec<Difference>,
    /// A reason to start from.
    pub reason: &'static str,
}

impl Difference {
    /// What differs, in a few words.
    pub fn what(&self) -> &'static str {
        match self.kind {
            DifferenceKind::Nature(ExpectedDifference::Key) => "every machine sets its own",
            DifferenceKind::Nature(ExpectedDifference::Host) => "a local address in the file",
            DifferenceKind::Nature(ExpectedDifference::TestKey) => "a test key in the file",
            DifferenceKind::Nature(ExpectedDifference::LiveKey) => "a live key in the file",
            DifferenceKind::Reference => "a reference on Railway",
            DifferenceKind::Absent => "on none of these services",
            DifferenceKind::Values => "another value on Railway",
        }
    }

    /// Whether a service stores another value, and nothing suggests why.
    pub fn is_value(&self) -> bool {
        self.kind == DifferenceKind::Values
    }

    /// Why it may be meant.
    fn reason(&self) -> &'static str {
        match self.kind {
            _ if self.services.is_empty() => "only for local runs",
            DifferenceKind::Nature(ExpectedDifference::Key) => "every machine sets its own",
            DifferenceKind::Nature(ExpectedDifference::Host) => "an address of the developer's machine",
            DifferenceKind::Nature(ExpectedDifference::TestKey) => "a test key locally, a live one on Railway",
            DifferenceKind::Nature(ExpectedDifference::LiveKey) => "a live key locally, a test one on Railway",
            DifferenceKind::Reference => "Railway has its own, by reference",
            DifferenceKind::Absent | DifferenceKind::Values => "it differs on purpose",
        }
    }
}

impl DifferenceKind {
    /// The rules that report it.
    fn rules(self) -> impl Iterator<Item = &'static str> {
        let mark = match self {
            Self::Nature(_) => Mark::ExpectedDifference,
            Self::Reference => Mark::ReferenceDiffers,
            Self::Absent => Mark::MissingOnRailway,
            Self::Values => Mark::Differs,
        };
        with_mark(mark).map(|rule| rule.name)
    }
}

/// Every key that differs now and is not among the required ones: those that look meant first, then by name.
pub fn differences(survey: &Survey, required: &BTreeSet<&str>) -> Vec<Difference> {
    let is_free = |key: &str| can_be_named(key) && !required.contains(key);
    let mut found: BTreeMap<&str, Difference> = BTreeMap::new();
    let mut agreeing = BTreeSet::new();
    for pair in pairs(survey).filter(|pair| is_free(pair.key)) {
        let kind = match pair.verdict(survey) {
            ComparisonOutcome::ExpectedDifference(nature) => DifferenceKind::Nature(nature),
            ComparisonOutcome::ReferenceDiffers => DifferenceKind::Reference,
            ComparisonOutcome::Differs => DifferenceKind::Values,
            ComparisonOutcome::Equal => {
                agreeing.insert(pair.key);
                continue;
            }
            // Not known, or wrong and not meant.
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
    for absence in absences(survey, |local| is_free(&local.entry.key)) {
        if absence.having.is_empty() {
            let nature = expected_differences::of(absence.key, &absence.local.entry.value);
            let kind = nature.map_or(DifferenceKind::Absent, DifferenceKind::Nature);
            found.insert(absence.key, difference(absence.key, kind));
        }
    }
    let mut found: Vec<Difference> = found.into_values().collect();
    for one in &mut found {
        one.agrees_elsewhere = agreeing.contains(one.key.as_str());
        one.is_suggested = matches!(one.kind, DifferenceKind::Nature(_));
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

/// The chosen ones by the reason that they are likely to have. Another value needs a reason of its own.
pub fn groups(chosen: &[&Difference]) -> Vec<DifferenceGroup> {
    let own = |one: &Difference| if one.kind == DifferenceKind::Values { one.key.clone() } else { String::new() };
    let of = chosen.iter().map(|one| ((one.reason(), own(one)), (*one).clone()));
    gathered(of).into_iter().map(|((reason, _), differences)| DifferenceGroup { differences, reason }).collect()
}

/// What is to be ignored, each group for its reason.
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

    fn scene() -> Survey {
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
        let found = differences(&scene(), &BTreeSet::from(["REQUIRED"]));
        let told = |one: &Difference| {
            let services: Vec<&str> = one.services.iter().map(|service| service.name.as_str()).collect();
            let mark = if one.is_suggested { "+" } else { "-" };
            let elsewhere = if one.agrees_elsewhere { ", not everywhere" } else { "" };
            format!("{mark}{} [{}] {}{elsewhere}", one.key, services.join(","), one.what())
        };
        let expected = [
            "+CACHE_URL [] a local address in the file",
            "+DATABASE_URL [api] a local address in the file",
            "+PORT [api] every machine sets its own",
            "+STRIPE [api] a test key in the file",
            "-ONLY_HERE [] on none of these services",
            "-BASE [api,worker] another value on Railway",
            "-LEVEL [api] another value on Railway, not everywhere",
            "-MODE [api,worker] another value on Railway",
        ];
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn reason_is_asked_once_per_group_of_equal_differences() {
        let survey = scene();
        let found = differences(&survey, &BTreeSet::from(["REQUIRED"]));
        let groups = groups(&found.iter().collect::<Vec<_>>());
        let told: Vec<String> = groups
            .iter()
            .map(|group| {
                let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
                format!("{}: {}", keys.join(","), group.reason)
            })
            .collect();
        let expected = [
            "CACHE_URL,ONLY_HERE: only for local runs",
            "DATABASE_URL: an address of the developer's machine",
            "PORT: every machine sets its own",
            "STRIPE: a test key locally, a live one on Railway",
            "BASE: it differs on purpose",
            "LEVEL: it differs on purpose",
            "MODE: it differs on purpose",
        ];
        assert_eq!(told, expected);
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        let reasons: Vec<_> = groups.into_iter().map(|group| (group, "so".to_owned())).collect();
        let told: Vec<String> = exceptions(&reasons, &sections(&all, &all, ["", ""]))
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
        assert_eq!(told, expected);
    }

    #[test]
    fn suggested_ignores_silence_exactly_their_findings() {
        let mut survey = scene();
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
