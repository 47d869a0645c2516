//! The part of `doctor.toml` that affects a comparison.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;
use wildmatch::WildMatch;

use crate::drift::dotenv::Loader;
use crate::drift::model::finding::Finding;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::severity::Severity;

/// The part of `doctor.toml` that affects rules.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// `[[require]]`, in the order of the file.
    pub require: Requirements,
    /// `[[ignore]]`, in the order of the file.
    pub ignore: Vec<Ignore>,
    /// `[[across]]`, in the order of the file.
    pub across: AcrossEntries,
    /// `[severity]`: rule name → severity. `None` is `"off"`.
    pub severity: BTreeMap<String, Option<Severity>>,
    /// The lines of `[severity]`, by the same names; 1-based.
    pub severity_lines: BTreeMap<String, usize>,
    /// The loader that the program uses, if it is declared.
    pub loader: Option<Loader>,
}

/// All `[[across]]` sections, indexed by key.
#[derive(Clone, Debug, Default)]
pub struct AcrossEntries {
    list: Vec<Across>,
    /// Key → positions in the list.
    by_key: HashMap<String, Vec<usize>>,
}

impl AcrossEntries {
    pub fn push(&mut self, across: Across) {
        for key in &across.keys {
            self.by_key.entry(key.clone()).or_default().push(self.list.len());
        }
        self.list.push(across);
    }

    /// Returns the sections that name the key, in the order of the file.
    pub fn of(&self, key: &str) -> impl Iterator<Item = &Across> {
        self.by_key.get(key).into_iter().flatten().map(|&position| &self.list[position])
    }

    /// Returns every key that a section names.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(String::as_str)
    }

    /// Returns what must hold for the values of the key: `Agree` or `Differ`, if a section demands one of them.
    pub fn must(&self, key: &str) -> Option<Must> {
        self.of(key).map(|across| across.must).min()
    }

    /// Returns whether a section demands that the values of the key agree or differ.
    pub fn is_about_value(&self, key: &str) -> bool {
        self.must(key).is_some_and(|must| must != Must::Exist)
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl FromIterator<Across> for AcrossEntries {
    fn from_iter<I: IntoIterator<Item = Across>>(list: I) -> Self {
        let mut entries = Self::default();
        list.into_iter().for_each(|across| entries.push(across));
        entries
    }
}

/// `[[require]]`: keys that must be set, and equal everywhere.
#[derive(Clone, Debug)]
pub struct Require {
    /// Exact names.
    pub keys: Vec<String>,
    /// Ids of the services; empty means every service in scope.
    pub services: Vec<String>,
    /// 1-based line in `doctor.toml`.
    pub line: usize,
}

/// `[[across]]`: what must hold between two environments.
#[derive(Clone, Debug)]
pub struct Across {
    /// Exact names.
    pub keys: Vec<String>,
    /// What must hold for them.
    pub must: Must,
    /// 1-based line in `doctor.toml`.
    pub line: usize,
}

/// What must hold for the values of a key in two environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Must {
    /// They are equal.
    Agree,
    /// They are different.
    Differ,
    /// Both exist.
    Exist,
}

/// `[[ignore]]`: intentional differences.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// Patterns with `*` and `?`.
    pub keys: Vec<String>,
    /// Ids of services; empty means all.
    pub services: Vec<String>,
    /// Names or ids of environments; empty means all.
    pub environments: Vec<String>,
    /// Rule names or codes; empty means all.
    pub rules: Vec<String>,
    /// The reason, shown with `-v`.
    pub reason: String,
    /// The last day on which it applies.
    pub until: Option<Date>,
    /// 1-based line in `doctor.toml`.
    pub line: usize,
}

/// All `[[require]]` sections, indexed by key.
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    list: Vec<Require>,
    /// Key → the ids of the services that it is required on; `None` is every service in scope.
    by_key: HashMap<String, Option<HashSet<String>>>,
}

impl Requirements {
    pub fn push(&mut self, require: Require) {
        for key in &require.keys {
            let services = self.by_key.entry(key.clone()).or_insert_with(|| Some(HashSet::new()));
            if require.services.is_empty() {
                *services = None;
            } else if let Some(services) = services {
                services.extend(require.services.iter().cloned());
            }
        }
        self.list.push(require);
    }

    /// Returns the sections in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Require> {
        self.list.iter()
    }

    /// Returns whether a section names the key, for any service.
    pub fn names(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Returns whether a section names the key for the service.
    pub fn requires(&self, service: &ResourceRef, key: &str) -> bool {
        let services = self.by_key.get(key);
        services.is_some_and(|services| services.as_ref().is_none_or(|ids| ids.contains(&service.id)))
    }
}

impl FromIterator<Require> for Requirements {
    fn from_iter<I: IntoIterator<Item = Require>>(list: I) -> Self {
        let mut requirements = Self::default();
        list.into_iter().for_each(|require| requirements.push(require));
        requirements
    }
}

impl Ignore {
    /// Returns whether it still applies on that day.
    pub fn applies_on(&self, today: Date) -> bool {
        self.until.is_none_or(|until| today <= until)
    }

    /// Returns whether it applies to the environment.
    pub fn applies_in(&self, environment: &ResourceRef) -> bool {
        names(&self.environments, [&environment.id, &environment.name])
    }

    /// Returns whether it applies to the service.
    pub fn includes(&self, service: &ResourceRef) -> bool {
        names(&self.services, [&service.id, &service.name])
    }
}

/// The `[[ignore]]` sections that apply in the compared environments on one day. Plain keys are found by hash lookup, and
/// patterns are compiled once.
#[derive(Debug)]
pub struct ActiveIgnores<'p> {
    plain: HashMap<&'p str, Vec<&'p Ignore>>,
    /// Each with its prefix before the first wildcard, which rejects most keys quickly.
    patterns: Vec<(&'p str, WildMatch, &'p Ignore)>,
}

impl<'p> ActiveIgnores<'p> {
    /// Collects the sections of the policy that apply in one of the environments.
    pub fn new(policy: &'p Policy, environments: &[&ResourceRef], today: Date) -> Self {
        let mut plain: HashMap<&str, Vec<&Ignore>> = HashMap::new();
        let mut patterns = Vec::new();
        let here = |ignore: &&Ignore| environments.iter().any(|environment| ignore.applies_in(environment));
        for ignore in policy.ignore.iter().filter(|ignore| ignore.applies_on(today)).filter(here) {
            for key in &ignore.keys {
                match key.split_once(['*', '?']) {
                    Some((start, _)) => patterns.push((start, WildMatch::new(key), ignore)),
                    None => plain.entry(key).or_default().push(ignore),
                }
            }
        }
        Self { plain, patterns }
    }

    /// Returns the sections that match a finding without a key: those for all keys that name its rule.
    fn about_services(&self, finding: &Finding) -> Vec<&'p Ignore> {
        let all = self.patterns.iter().map(|(_, _, ignore)| *ignore);
        let is_for_all = |ignore: &&Ignore| ignore.keys.iter().any(|key| key == "*") && !ignore.rules.is_empty();
        all.filter(is_for_all).filter(|ignore| names(&ignore.rules, [finding.rule.code, finding.rule.name])).collect()
    }

    /// Returns the sections that match the finding's key and rule, for any service.
    pub fn about(&self, finding: &Finding) -> Vec<&'p Ignore> {
        let Some(key) = &finding.key else { return self.about_services(finding) };
        let plain = self.plain.get(key.as_str()).into_iter().flatten().copied();
        let fits = |(start, pattern, ignore): &(&str, WildMatch, &'p Ignore)| {
            (key.starts_with(start) && pattern.matches(key)).then_some(*ignore)
        };
        let fitting = self.patterns.iter().filter_map(fits);
        let of_rule = |ignore: &&Ignore| names(&ignore.rules, [finding.rule.code, finding.rule.name]);
        plain.chain(fitting).filter(of_rule).collect()
    }
}

/// Returns whether the list has one of the names, or is empty.
fn names(list: &[String], candidates: [&str; 2]) -> bool {
    list.is_empty() || list.iter().any(|item| candidates.contains(&item.as_str()))
}

#[cfg(test)]
mod tests {

    use crate::drift::engine::policy::{ActiveIgnores, Ignore, Policy, Require, Requirements};
    use crate::drift::model::finding::Finding;
    use crate::drift::rules::{sealed, value_differs};

    use crate::drift::test_support::{TODAY, ignore, named};

    #[test]
    fn key_is_required_if_any_section_requires_it() {
        let section = |key: &str, services: &[&str]| Require {
            keys: vec![key.to_owned(), "SHARED".to_owned()],
            services: services.iter().map(|name| named(name).id).collect(),
            line: 5,
        };
        let all: Requirements =
            [section("A", &["api"]), section("A", &["web"]), section("B", &["api"]), section("B", &[])]
                .into_iter()
                .collect();
        let on = |service, key| all.requires(&named(service), key);
        for (service, key, expected) in [
            ("api", "A", true),
            ("web", "A", true),
            ("worker", "A", false),
            ("worker", "B", true),
            ("worker", "SHARED", true),
            ("api", "C", false),
        ] {
            assert_eq!(on(service, key), expected, "{key} on {service}");
        }
        assert_eq!(all.iter().count(), 4);
    }

    #[test]
    fn ignores_match_by_name_pattern_and_rule() {
        let of_rule = Ignore { rules: vec!["sealed".to_owned()], ..ignore(&["A*"]) };
        let elsewhere = Ignore { environments: vec!["production".to_owned()], ..ignore(&["*"]) };
        let policy = Policy {
            ignore: vec![ignore(&["API_KEY"]), ignore(&["A?I_*", "B"]), of_rule, elsewhere],
            ..Policy::default()
        };
        let exceptions = ActiveIgnores::new(&policy, &[&named("staging")], TODAY);
        let count = |rule, key: Option<&str>| {
            exceptions.about(&Finding { key: key.map(str::to_owned), ..Finding::new(rule, "") }).len()
        };
        for (key, expected) in [("API_KEY", 2), ("API_", 1), ("AI_", 0), ("B", 1), ("B2", 0), ("a", 0), ("AX", 0)] {
            assert_eq!(count(&value_differs::RULE, Some(key)), expected, "{key}");
        }
        assert_eq!(count(&sealed::RULE, Some("AX")), 1);
        assert_eq!(count(&sealed::RULE, None), 0);
    }
}
