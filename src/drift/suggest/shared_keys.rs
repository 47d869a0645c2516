//! Keys that the file and a service both have: candidates for `[[require]]`.

use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, Pair, pairs};
use crate::drift::secret_like::is_secret_like;
use crate::drift::suggest::{Requirement, Section, aliases_of, can_be_named, gathered};
use crate::drift::{ResourceRef, Survey};

/// A key that the file and at least one service have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    pub key: String,
    /// The services that have it.
    pub services: Vec<ResourceRef>,
    /// Whether all of them, and their files, are known to have one value.
    pub agrees: bool,
    /// Whether it probably must stay equal: it is a secret on several services.
    pub is_suggested: bool,
}

/// Returns the shared keys: the suggested ones first, then those that look like secrets, then by name. The value on a
/// service that could not be read is unknown, which counts as not equal.
pub fn shared(survey: &Survey) -> Vec<Shared> {
    let mut found: BTreeMap<&str, Vec<(Pair<'_>, ComparisonOutcome)>> = BTreeMap::new();
    for pair in pairs(survey).filter(|pair| can_be_named(pair.key)) {
        found.entry(pair.key).or_default().push((pair, pair.verdict(survey)));
    }
    let unread = survey.targets.iter().filter(|target| target.stored.is_err());
    let unread = unread.filter_map(|target| survey.catalogue.services.get(&target.service.name));
    let unknown: HashSet<&str> = unread.flatten().map(String::as_str).collect();
    let mut shared: Vec<Shared> = found.into_iter().map(|(key, pairs)| one(survey, key, &pairs, &unknown)).collect();
    shared.sort_by_key(|one| (!one.is_suggested, !is_secret_like(&one.key)));
    shared
}

fn one(survey: &Survey, key: &str, pairs: &[(Pair<'_>, ComparisonOutcome)], unknown: &HashSet<&str>) -> Shared {
    // Services with separate files may each agree with another value.
    let is_one_value = pairs.windows(2).all(|two| two[0].0.local_value() == two[1].0.local_value());
    let is_equal = pairs.iter().all(|(_, verdict)| *verdict == ComparisonOutcome::Equal);
    let agrees = is_one_value && is_equal && !unknown.contains(key);
    let is_filled = pairs.iter().all(|(pair, _)| {
        let value = pair.local_value();
        !value.expose().is_empty() && !survey.is_unset(key, value)
    });
    Shared {
        key: key.to_owned(),
        services: pairs.iter().map(|(pair, _)| pair.target.service.clone()).collect(),
        agrees,
        is_suggested: pairs.len() > 1 && is_secret_like(key) && agrees && is_filled,
    }
}

/// Returns the `[[require]]` entries for these keys, grouped by their services.
pub fn requirements(chosen: &[&Shared], sections: &[Section]) -> Vec<Requirement> {
    let of = chosen.iter().map(|one| (aliases_of(&one.services, sections), one.key.clone()));
    gathered(of).into_iter().map(|(services, keys)| Requirement { keys, services }).collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::suggest::sections;
    use crate::drift::suggest::shared_keys::{requirements, shared};
    use crate::drift::test_support::{survey, unreadable};

    #[test]
    fn secrets_shared_by_services_are_suggested_first() {
        let file = [
            "NAME=shop",
            "A_KEY=new",
            "B_KEY=new",
            "C_KEY=mine",
            "D_KEY=x",
            "E_KEY=x",
            "F_KEY=changeme",
            "G_KEY=",
            "H_KEY=h",
            "I_KEY=sk_test_1",
            "J_KEY=x",
            "K_KEY=x",
            "PASS?=x",
            "LOCAL_KEY=x",
            "RAILWAY_TOKEN=x",
        ];
        let api = [
            "NAME=shop",
            "A_KEY=old",
            "B_KEY=new",
            "C_KEY=one",
            "D_KEY=x",
            "E_KEY=<sealed>",
            "F_KEY=f",
            "G_KEY=g",
            "H_KEY=${{web.H}} => other",
            "I_KEY=sk_live_1",
            "J_KEY=<sealed>",
            "K_KEY=x",
            "PASS?=x",
            "RAILWAY_TOKEN=y",
        ];
        let worker = [
            "NAME=shop",
            "A_KEY=old",
            "B_KEY=old",
            "C_KEY=other",
            "E_KEY=x",
            "F_KEY=f",
            "G_KEY=g",
            "H_KEY=h",
            "I_KEY=sk_live_1",
            "J_KEY=<sealed>",
            "K_KEY=x",
            "PASS?=x",
            "RAILWAY_TOKEN=y",
        ];
        let found = shared(&survey(&file, &[("api", &api), ("worker", &worker)]));
        let summaries: Vec<String> = found
            .iter()
            .map(|one| {
                let mark = if one.is_suggested { "+" } else { "-" };
                format!("{mark}{} {}{}", one.key, one.services.len(), if one.agrees { " agrees" } else { "" })
            })
            .collect();
        let expected = [
            "+K_KEY 2 agrees",
            // Different, sealed, never set, on a single service, a reference, or expected to differ.
            "-A_KEY 2",
            "-B_KEY 2",
            "-C_KEY 2",
            "-D_KEY 1 agrees",
            "-E_KEY 2",
            "-F_KEY 2",
            "-G_KEY 2",
            "-H_KEY 2",
            "-I_KEY 2",
            "-J_KEY 2",
            "-RAILWAY_TOKEN 2",
            "-NAME 2 agrees",
        ];
        assert_eq!(summaries, expected);
    }

    #[test]
    fn unreadable_service_is_not_known_to_agree() {
        let mut survey = survey(
            &["A_KEY=x", "B_KEY=x"],
            &[("api", &["A_KEY=x", "B_KEY=x"]), ("web", &["A_KEY=x", "B_KEY=x"]), ("worker", &["A_KEY=x"])],
        );
        unreadable(&mut survey, "worker");
        let found: Vec<_> = shared(&survey).into_iter().map(|one| (one.key, one.agrees, one.is_suggested)).collect();
        assert_eq!(found, [("B_KEY".to_owned(), true, true), ("A_KEY".to_owned(), false, false)]);
    }

    #[test]
    fn keys_of_the_same_services_are_required_together() {
        let survey = survey(&["A=1", "B=1", "C=1"], &[("api", &["A=1", "B=1"]), ("web", &["A=1", "B=1", "C=1"])]);
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        let sections = sections(&all, &all, ["", ""]);
        let found = shared(&survey);
        let entries: Vec<String> = requirements(&found.iter().collect::<Vec<_>>(), &sections)
            .iter()
            .map(|one| format!("{} of {}", one.keys.join(","), one.services.join(",")))
            .collect();
        assert_eq!(entries, ["A,B of api,web", "C of web"]);
        assert!(requirements(&[], &sections).is_empty());
    }
}
