//! Which services of the environment have a key, whether they are compared or not.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::drift::service_scope;
use crate::drift::survey::Survey;

/// The services that have each key, and what is unknown about them.
pub struct KeyHolders<'s> {
    /// Key → names of the services that have it, sorted.
    services: HashMap<&'s str, Vec<&'s str>>,
    compared: HashSet<&'s str>,
    has_unread: bool,
}

/// Where a key is missing that a compared service lacks.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyAbsence<'s> {
    /// Not on these services, which have it.
    Held(&'s [&'s str]),
    /// On every service that could be read; the others are unknown.
    Unread,
    /// On every service; a shared variable has the name.
    OnlyShared,
    /// On Railway.
    Everywhere,
}

impl<'s> KeyHolders<'s> {
    /// Collects the names of all variables: those that were read, else those that Railway lists.
    pub fn new(survey: &'s Survey) -> Self {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (service, keys) in &survey.catalogue.services {
            names.insert(service, keys.iter().map(String::as_str).collect());
        }
        for target in survey.readable() {
            let keys = target.stored.iter().flat_map(BTreeMap::keys).map(String::as_str);
            names.insert(&target.service.name, keys.collect());
        }
        let mut services: HashMap<&str, Vec<&str>> = HashMap::new();
        for (service, keys) in names {
            for key in keys {
                services.entry(key).or_default().push(service);
            }
        }
        Self {
            services,
            compared: survey.targets.iter().map(|target| target.service.name.as_str()).collect(),
            has_unread: survey.targets.iter().any(|target| target.stored.is_err()),
        }
    }

    /// Returns the names of the services that have the key.
    pub fn of(&self, key: &str) -> &[&'s str] {
        self.services.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the first service that has the key and is not compared.
    pub fn not_compared(&self, key: &str) -> Option<&'s str> {
        self.of(key).iter().copied().find(|service| !self.compared.contains(service))
    }

    /// Returns where a key is missing that a compared service lacks.
    pub fn absence(&self, survey: &Survey, key: &str) -> KeyAbsence<'_> {
        match self.of(key) {
            [] if self.has_unread => KeyAbsence::Unread,
            [] if survey.catalogue.shared.contains(key) => KeyAbsence::OnlyShared,
            [] => KeyAbsence::Everywhere,
            services => KeyAbsence::Held(services),
        }
    }
}

/// Returns the names of services that keep their own variables for others: databases, and services that the compared
/// services refer to.
pub fn providers(survey: &Survey) -> HashSet<&str> {
    let templates = survey.readable().flat_map(|target| {
        let stored = target.stored.iter().flat_map(BTreeMap::values);
        stored.filter_map(|variable| Some((target.service.name.as_str(), variable.template()?.expose())))
    });
    let referenced = service_scope::providers(templates, &survey.catalogue);
    let names = survey.targets.iter().map(|target| target.service.name.as_str());
    names.filter(|name| survey.catalogue.databases.contains(*name) || referenced.contains_key(*name)).collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::Survey;
    use crate::drift::key_holders::{KeyAbsence, KeyHolders, providers};
    use crate::drift::test_support::{out_of_scope, shared, survey, unreadable};

    #[test]
    fn read_variables_take_precedence_over_listed_names() {
        let mut found = survey(&[], &[("api", &["A=1"]), ("worker", &["B=1"])]);
        out_of_scope(&mut found, "api", &["A", "GONE"]);
        out_of_scope(&mut found, "docs", &["A"]);
        unreadable(&mut found, "worker");
        let holders = KeyHolders::new(&found);
        assert_eq!(holders.of("A"), ["api", "docs"]);
        assert_eq!(holders.of("B"), ["worker"]);
        assert_eq!(holders.of("GONE"), [""; 0]);
        assert_eq!((holders.not_compared("A"), holders.not_compared("B")), (Some("docs"), None));
    }

    fn check(found: &Survey, key: &str, expected: &KeyAbsence<'_>) {
        assert_eq!(KeyHolders::new(found).absence(found, key), *expected, "{key}");
    }

    #[test]
    fn absence_claims_only_what_is_known() {
        let mut found = survey(&[], &[("api", &[]), ("worker", &[])]);
        out_of_scope(&mut found, "docs", &["A"]);
        shared(&mut found, "B");
        check(&found, "A", &KeyAbsence::Held(&["docs"]));
        check(&found, "B", &KeyAbsence::OnlyShared);
        check(&found, "C", &KeyAbsence::Everywhere);
        unreadable(&mut found, "worker");
        check(&found, "A", &KeyAbsence::Held(&["docs"]));
        check(&found, "C", &KeyAbsence::Unread);
    }

    #[test]
    fn databases_and_referenced_services_are_providers() {
        let mut found = survey(&[], &[("Postgres", &[]), ("api", &["URL=1"]), ("web", &["A=${{api.URL}} => 1"])]);
        found.catalogue.databases.insert("Postgres".to_owned());
        let mut names: Vec<_> = providers(&found).into_iter().collect();
        names.sort_unstable();
        assert_eq!(names, ["Postgres", "api"]);
    }
}
