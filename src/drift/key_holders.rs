//! Which services of the environment have a key, whether they are compared or not.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::drift::model::catalogue::Catalogue;
use crate::drift::phrases;
use crate::drift::service_scope;
use crate::drift::survey::{Survey, Target};
use crate::drift::system_variables;

/// The services that have each key.
pub struct KeyHolders<'s> {
    /// Key → names of the services that have it, sorted.
    services: HashMap<&'s str, Vec<&'s str>>,
    /// Key in lower case → its spellings.
    spellings: OnceCell<HashMap<String, Vec<&'s str>>>,
    /// The services in scope by name.
    compared: HashMap<&'s str, &'s Target>,
    catalogue: &'s Catalogue,
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
            spellings: OnceCell::new(),
            compared: survey.targets.iter().map(|target| (target.service.name.as_str(), target)).collect(),
            catalogue: &survey.catalogue,
        }
    }

    /// Returns the names of the services that have the key.
    pub fn of(&self, key: &str) -> &[&'s str] {
        self.services.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the service if it is in scope.
    pub fn in_scope(&self, service: &str) -> Option<&'s Target> {
        self.compared.get(service).copied()
    }

    /// Returns whether a service has the key, apart from databases that are not compared.
    pub fn is_on_a_service(&self, key: &str) -> bool {
        !self.of(key).is_empty() && self.only_databases(key).is_empty()
    }

    /// Returns the services that have the key if each of them is a database that is not compared. A database keeps its
    /// variables for others, which need references to them.
    pub fn only_databases(&self, key: &str) -> &[&'s str] {
        let services = self.of(key);
        let is_database =
            |service: &&str| self.catalogue.databases.contains(*service) && !self.compared.contains_key(*service);
        if services.iter().all(is_database) { services } else { &[] }
    }

    /// Returns where else the key exists, as the cause of a finding.
    pub fn elsewhere(&self, key: &str) -> Option<String> {
        let on_services = || match self.of(key) {
            [] => None,
            [service] => Some(format!("only {service} has {key}")),
            services => Some(format!("only {} have {key}", phrases::names(services))),
        };
        self.shared_variable(key).or_else(on_services).or_else(|| self.in_another_case(key)).or_else(|| tracing(key))
    }

    /// Returns the same, for a finding whose message names the services that have the key.
    pub fn elsewhere_besides_services(&self, key: &str) -> Option<String> {
        self.shared_variable(key).or_else(|| self.in_another_case(key)).or_else(|| tracing(key))
    }

    /// Returns the first key that differs from this one only in case.
    pub fn case_variant(&self, key: &str) -> Option<&'s str> {
        let spellings = self.spellings.get_or_init(|| {
            let mut all: HashMap<String, Vec<&str>> = HashMap::new();
            for &one in self.services.keys() {
                all.entry(one.to_ascii_lowercase()).or_default().push(one);
            }
            all
        });
        spellings.get(&key.to_ascii_lowercase())?.iter().copied().filter(|other| *other != key).min()
    }

    fn in_another_case(&self, key: &str) -> Option<String> {
        let variant = self.case_variant(key)?;
        let services = phrases::names(self.of(variant));
        Some(format!("{variant} on {services} differs from {key} only in case"))
    }

    fn shared_variable(&self, key: &str) -> Option<String> {
        self.catalogue.shared.contains(key).then(|| {
            format!("the shared variable {key} exists, but a service gets it only through ${{{{shared.{key}}}}}")
        })
    }
}

fn tracing(key: &str) -> Option<String> {
    system_variables::is_set_by_tracing(key).then(|| {
        format!("Railway sets {key} if tracing is on; that value is not compared, and a stored value overrides it")
    })
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
    use crate::drift::key_holders::{KeyHolders, providers};
    use crate::drift::test_support::{out_of_scope, survey, unreadable};

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
        assert_eq!(["A", "B", "GONE"].map(|key| holders.is_on_a_service(key)), [true, true, false]);
    }

    #[test]
    fn only_databases_excludes_keys_of_other_services() {
        let mut found = survey(&[], &[("Redis", &["C=1"]), ("api", &["B=1"])]);
        out_of_scope(&mut found, "Postgres", &["A", "B", "C"]);
        found.catalogue.databases.extend(["Postgres", "Redis"].map(str::to_owned));
        let holders = KeyHolders::new(&found);
        assert_eq!(holders.only_databases("A"), ["Postgres"]);
        for key in ["B", "C", "D"] {
            assert_eq!(holders.only_databases(key), [""; 0], "{key}");
        }
        assert_eq!(["A", "B", "C", "D"].map(|key| holders.is_on_a_service(key)), [false, true, true, false]);
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
