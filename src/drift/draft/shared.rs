//! Keys that the file and services have both: candidates for `[[require]]`.

use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::{Pair, Verdict, pairs};
use crate::drift::draft::{Requirement, Section, aliases_of, can_be_named, gathered};
use crate::drift::secret_like::is_secret_like;
use crate::drift::{Named, Secret, Survey};

/// A key that the file and at least one service have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The key.
    pub key: String,
    /// The services that have it.
    pub services: Vec<Named>,
    /// Whether one of them has another value than the file.
    pub differs: bool,
    /// Whether it looks like one that must agree: a secret of several services, which hold the same one or of which one
    /// has the file's.
    pub is_suggested: bool,
}

/// Every such key: the suggested ones first, then those that look like secrets, then by name.
pub fn shared(survey: &Survey) -> Vec<Shared> {
    let mut found: BTreeMap<&str, Vec<(Pair<'_>, Verdict)>> = BTreeMap::new();
    for pair in pairs(survey).filter(|pair| can_be_named(pair.key)) {
        found.entry(pair.key).or_default().push((pair, pair.verdict(survey)));
    }
    let mut shared: Vec<Shared> = found.into_iter().map(|(key, pairs)| one(survey, key, &pairs)).collect();
    shared.sort_by_key(|one| (!one.is_suggested, !is_secret_like(&one.key)));
    shared
}

fn one(survey: &Survey, key: &str, pairs: &[(Pair<'_>, Verdict)]) -> Shared {
    let is = |wanted: &[Verdict]| pairs.iter().all(|(_, verdict)| wanted.contains(verdict));
    let is_plain = is(&[Verdict::Equal, Verdict::Sealed, Verdict::Differs]);
    let is_filled = pairs.iter().all(|(pair, _)| {
        let value = pair.local_value();
        !value.reveal().is_empty() && !survey.is_unset(key, value)
    });
    let held: HashSet<&str> =
        pairs.iter().filter_map(|(pair, _)| pair.variable.effective()).map(Secret::reveal).collect();
    // Where nothing can be seen, nothing speaks for it.
    let agree = held.len() == 1 || pairs.iter().any(|(_, verdict)| *verdict == Verdict::Equal);
    Shared {
        key: key.to_owned(),
        services: pairs.iter().map(|(pair, _)| pair.target.service.clone()).collect(),
        differs: !is(&[Verdict::Equal, Verdict::Sealed]),
        is_suggested: pairs.len() > 1 && is_secret_like(key) && is_plain && is_filled && agree,
    }
}

/// What is to be required of these keys: those of the same services together.
pub fn requirements(chosen: &[&Shared], sections: &[Section]) -> Vec<Requirement> {
    let of = chosen.iter().map(|one| (aliases_of(&one.services, sections), one.key.clone()));
    gathered(of).into_iter().map(|(services, keys)| Requirement { keys, services }).collect()
}

#[cfg(test)]
mod tests {
    use super::{requirements, shared};
    use crate::drift::draft::sections;
    use crate::drift::scene::survey;

    #[test]
    fn secrets_that_services_share_are_suggested_first() {
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
            "PASS?=x",
            "RAILWAY_TOKEN=y",
        ];
        let found = shared(&survey(&file, &[("api", &api), ("worker", &worker)]));
        let told: Vec<String> = found
            .iter()
            .map(|one| {
                let mark = if one.is_suggested { "+" } else { "-" };
                format!("{mark}{} {}{}", one.key, one.services.len(), if one.differs { " differs" } else { "" })
            })
            .collect();
        let expected = [
            // Equal on both, rotated on one of them, or not told.
            "+A_KEY 2 differs",
            "+B_KEY 2 differs",
            "+E_KEY 2",
            // Three values; on one service; not filled in; by reference; a test key; sealed; what every place sets.
            "-C_KEY 2 differs",
            "-D_KEY 1",
            "-F_KEY 2 differs",
            "-G_KEY 2 differs",
            "-H_KEY 2 differs",
            "-I_KEY 2 differs",
            "-J_KEY 2",
            "-RAILWAY_TOKEN 2 differs",
            "-NAME 2",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn keys_of_the_same_services_are_required_together() {
        let survey = survey(&["A=1", "B=1", "C=1"], &[("api", &["A=1", "B=1"]), ("web", &["A=1", "B=1", "C=1"])]);
        let all: Vec<_> = survey.targets.iter().map(|target| target.service.clone()).collect();
        let sections = sections(&all, &all, ["", ""]);
        let found = shared(&survey);
        let told: Vec<String> = requirements(&found.iter().collect::<Vec<_>>(), &sections)
            .iter()
            .map(|one| format!("{} of {}", one.keys.join(","), one.services.join(",")))
            .collect();
        assert_eq!(told, ["A,B of api,web", "C of web"]);
        assert!(requirements(&[], &sections).is_empty());
    }
}
