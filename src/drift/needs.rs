//! Needs: the keys that must be set on Railway, as far as they are declared.
//!
//! A service that is compared with no file is checked against its needs: the keys of each `[[require]]`, and those of
//! the templates where the file would be. A required key is needed on each service of its `[[require]]`. A key of a
//! template is needed on at least one service, because one template often serves several programs.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{self, ComparisonOutcome, observation};
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::key_holders::KeyHolders;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::secret_like::is_encryption_metadata;
use crate::drift::{Survey, Target, Variable, system_variables};

/// A key that templates declare as needed.
#[derive(Debug)]
pub struct TemplateNeed {
    /// The first assignment in a template.
    pub place: Location,
    /// The templates: indexes into [`Survey::examples`], sorted.
    templates: Vec<usize>,
}

impl TemplateNeed {
    /// Returns whether it is a need of the service, alone or with others.
    pub fn is_of(&self, target: &Target) -> bool {
        target.templates.iter().any(|template| self.templates.binary_search(template).is_ok())
    }
}

/// Returns the keys that a template declares as needed, each with its assignment. A comment such as `# KEY=` is not an
/// assignment, so that its key is optional. Keys that Railway provides and keys that each environment sets in its own
/// way, such as `PORT` and `NODE_ENV`, are not needed, and neither is a key with the value `null`.
pub fn needed_keys(template: &LocalFile) -> impl Iterator<Item = &Entry> {
    let is_needed = |entry: &&Entry| {
        let expected = expected_differences::of(&entry.key, &entry.value);
        !matches!(expected, Some(ExpectedDifference::Key | ExpectedDifference::Null))
            && !system_variables::is_provided(&entry.key)
            && !is_encryption_metadata(&entry.key)
    };
    template.keys().filter_map(|key| template.entry(key)).filter(is_needed)
}

/// Returns the needs of all templates by key, without keys of a `[[require]]`, which names the services that need them.
pub fn template_needs(survey: &Survey) -> BTreeMap<&str, TemplateNeed> {
    let used: BTreeSet<usize> = survey.readable().flat_map(|target| &target.templates).copied().collect();
    let mut needs: BTreeMap<&str, TemplateNeed> = BTreeMap::new();
    for index in used {
        let file = &survey.examples[index].file;
        for entry in needed_keys(file).filter(|entry| !survey.policy.require.names(&entry.key)) {
            let place = || Location { file: file.name.clone(), line: entry.line };
            let need = needs.entry(&entry.key);
            let need = need.or_insert_with(|| TemplateNeed { place: place(), templates: Vec::new() });
            need.templates.push(index);
        }
    }
    needs
}

/// The services in scope that have a needed key of a template.
#[derive(Debug)]
pub struct NeedHolders<'s> {
    pub targets: Vec<&'s Target>,
    /// Whether a service out of scope that the template may be for has the key, too.
    pub has_others: bool,
}

impl<'s> NeedHolders<'s> {
    /// Returns the services that have the key, or `None` if no service that the template may be for has it.
    pub fn of(survey: &'s Survey, holders: &KeyHolders<'s>, key: &str, need: &TemplateNeed) -> Option<Self> {
        let catalogue = &survey.catalogue;
        let mut found = Self { targets: Vec::new(), has_others: false };
        for name in holders.of(key) {
            match holders.in_scope(name) {
                Some(target) if need.is_of(target) => found.targets.push(target),
                Some(_) => {}
                None => found.has_others |= !catalogue.is_separate(name),
            }
        }
        (found.has_others || !found.targets.is_empty()).then_some(found)
    }
}

/// How many needs of a service without a file were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckedNeeds {
    /// Keys with a known value, and required keys that are missing.
    pub checked: usize,
    /// Keys that are sealed.
    pub sealed: usize,
    /// Keys whose value is unknown for another reason.
    pub unknown: usize,
}

/// Returns how many needs were checked on each target. `None` for a service that is compared with files. A missing key
/// does not count if it is excused: nothing reports it, so nothing was checked.
pub fn checked(survey: &Survey, is_excused: impl Fn(&Target, &str) -> bool) -> Vec<Option<CheckedNeeds>> {
    let needs = DeclaredNeeds::of(survey);
    let of_target = |target: &Target| {
        if target.has_file() {
            return None;
        }
        let mut counts = CheckedNeeds::default();
        for key in needs.of_target(survey, target) {
            match target.variable(key).map(|variable| comparison::unknown(survey, target, variable)) {
                None if is_excused(target, key) => {}
                None | Some(None) => counts.checked += 1,
                Some(Some(ComparisonOutcome::Sealed)) => counts.sealed += 1,
                Some(Some(_)) => counts.unknown += 1,
            }
        }
        Some(counts)
    };
    survey.targets.iter().map(of_target).collect()
}

/// A needed key whose value is unknown on services without a file.
#[derive(Debug)]
pub struct UnknownNeed<'s> {
    pub key: &'s str,
    /// The services that have it with an unknown value.
    pub holders: Vec<(&'s Target, &'s Variable)>,
    /// The first assignment in a template, unless a `[[require]]` names it.
    place: Option<Location>,
}

impl UnknownNeed<'_> {
    /// Returns whether a `[[require]]` names it.
    pub fn is_required(&self) -> bool {
        self.place.is_none()
    }

    /// Returns a finding of the rule about it.
    pub fn finding(&self, rule: &'static Rule, message: String) -> Finding {
        Finding {
            key: Some(self.key.to_owned()),
            services: self.holders.iter().map(|(target, _)| target.service.clone()).collect(),
            places: self.place.iter().cloned().collect(),
            observations: self.holders.iter().map(|(target, variable)| observation(target, Some(variable))).collect(),
            ..Finding::new(rule, message)
        }
    }
}

/// Returns the needed keys whose value is unknown for this reason, by key.
pub fn unknown(survey: &Survey, reason: ComparisonOutcome) -> Vec<UnknownNeed<'_>> {
    if survey.targets.iter().all(Target::has_file) {
        return Vec::new();
    }
    let needs = DeclaredNeeds::of(survey);
    let mut found: BTreeMap<&str, UnknownNeed<'_>> = BTreeMap::new();
    for target in survey.readable().filter(|target| !target.has_file()) {
        for key in needs.of_target(survey, target) {
            let Some(variable) = target.variable(key) else { continue };
            if comparison::unknown(survey, target, variable) == Some(reason) {
                let place = || needs.templates.get(key).map(|need| need.place.clone());
                let one = found.entry(key).or_insert_with(|| UnknownNeed { key, holders: Vec::new(), place: place() });
                one.holders.push((target, variable));
            }
        }
    }
    found.into_values().collect()
}

/// The needs of all services.
struct DeclaredNeeds<'s> {
    required: BTreeSet<&'s str>,
    templates: BTreeMap<&'s str, TemplateNeed>,
}

impl<'s> DeclaredNeeds<'s> {
    fn of(survey: &'s Survey) -> Self {
        Self { required: required_keys(survey), templates: template_needs(survey) }
    }

    /// Returns the required keys of a service that could be read, and the keys of its templates that it has.
    fn of_target(&self, survey: &Survey, target: &'s Target) -> Vec<&'s str> {
        let Ok(stored) = &target.stored else { return Vec::new() };
        let required = self.required.iter().copied().filter(|key| survey.requires(target, key));
        let held = stored.keys().map(String::as_str);
        let held = held.filter(|key| self.templates.get(key).is_some_and(|need| need.is_of(target)));
        required.chain(held).filter(|key| survey.includes_key(key)).collect()
    }
}

/// Returns the keys that the templates of a service without a file declare as needed, and that it lacks. `needs` are
/// those of [`template_needs`].
pub fn lacking(survey: &Survey, needs: &BTreeMap<&str, TemplateNeed>, target: &Target) -> Vec<String> {
    if target.has_file() || target.stored.is_err() {
        return Vec::new();
    }
    let lacked = needs.iter().filter(|(key, need)| need.is_of(target) && target.variable(key).is_none());
    lacked.map(|(key, _)| (*key).to_owned()).filter(|key| survey.includes_key(key)).collect()
}

/// Returns every key that a template or a `[[require]]` declares as needed, whether a service in scope needs it or not.
pub fn declared_keys(survey: &Survey) -> BTreeSet<&str> {
    let templates = survey.examples.iter().filter(|example| example.declares_needs());
    let needed = templates.flat_map(|example| needed_keys(&example.file)).map(|entry| entry.key.as_str());
    required_keys(survey).into_iter().chain(needed).filter(|key| survey.includes_key(key)).collect()
}

/// Returns the keys of all `[[require]]`, without variables that Railway provides.
pub fn required_keys(survey: &Survey) -> BTreeSet<&str> {
    let keys = survey.policy.require.iter().flat_map(|one| &one.keys).map(String::as_str);
    keys.filter(|key| !system_variables::is_provided(key)).collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::comparison::ComparisonOutcome;
    use crate::drift::dotenv::LocalFile;
    use crate::drift::needs::{
        CheckedNeeds, TemplateNeed, checked, declared_keys, lacking, needed_keys, template_needs, unknown,
    };
    use crate::drift::test_support::{require, survey, template, unreadable, without_file};
    use crate::drift::{Secret, Survey};

    fn shop() -> Survey {
        let mut found = survey(&[], &[("api", &["A=1", "B=1", "R=1"]), ("web", &["A=2"]), ("worker", &[])]);
        without_file(&mut found);
        template(&mut found, ".env.example", "A=\nB=\nC=\nR=\n", &["api", "web", "worker"]);
        found
    }

    #[test]
    fn template_line_declares_a_need_unless_the_key_is_set_by_each_environment() {
        for (line, needed) in [
            ("STRIPE_KEY=", true),
            ("STRIPE_KEY=<your key>", true),
            ("export REGION=eu", true),
            ("DATABASE_URL=postgres://localhost/shop", true),
            ("# STRIPE_KEY=", false),
            ("PORT=3000", false),
            ("NODE_ENV=development", false),
            ("DEBUG=", false),
            ("LOG_LEVEL=info", false),
            ("MAIL_USERNAME=null", false),
            ("RAILWAY_PUBLIC_DOMAIN=", false),
            ("RAILWAY_TOKEN=", false),
            ("DOTENV_PUBLIC_KEY=0312", false),
        ] {
            let file = LocalFile::parse(".env.example", Secret::new(line));
            assert_eq!(needed_keys(&file).count(), usize::from(needed), "{line}");
        }
    }

    #[test]
    fn several_templates_declare_a_key_once() {
        let mut found = shop();
        template(&mut found, "web/.env.example", "B=\nD=\n", &["web"]);
        require(&mut found, "R", &[]);
        let needs: Vec<String> = template_needs(&found)
            .iter()
            .map(|(key, TemplateNeed { place, .. })| format!("{key} {}:{}", place.file, place.line))
            .collect();
        let expected = ["A .env.example:1", "B .env.example:2", "C .env.example:3", "D web/.env.example:2"];
        assert_eq!(needs, expected);
        let is_of =
            |key| found.targets.iter().map(|target| template_needs(&found)[key].is_of(target)).collect::<Vec<_>>();
        assert_eq!([is_of("A"), is_of("D")], [[true; 3], [false, true, false]]);
    }

    #[test]
    fn declared_keys_include_those_that_no_service_has() {
        let mut found = shop();
        let lacking_of = |found: &Survey| {
            let needs = template_needs(found);
            found.targets.iter().map(|target| lacking(found, &needs, target)).collect::<Vec<_>>()
        };
        assert_eq!(lacking_of(&found), [vec!["C"], vec!["B", "C", "R"], vec!["A", "B", "C", "R"]]);
        require(&mut found, "R", &["api"]);
        require(&mut found, "S", &[]);
        assert_eq!(lacking_of(&found)[1], ["B", "C"], "a required key is needed where it is required");
        assert_eq!(Vec::from_iter(declared_keys(&found)), ["A", "B", "C", "R", "S"]);
        found.only.insert("C".to_owned());
        assert_eq!((lacking_of(&found)[1].clone(), declared_keys(&found).len()), (vec!["C".to_owned()], 1));
        found.targets.clear();
        assert_eq!(Vec::from_iter(declared_keys(&found)), ["C"]);
    }

    #[test]
    fn need_counts_on_services_that_require_the_key_or_have_it() {
        let counts = |found: &Survey| -> Vec<_> {
            checked(found, |_, _| false).into_iter().map(|needs| needs.map(|needs| needs.checked)).collect()
        };
        assert_eq!(counts(&shop()), [Some(3), Some(1), Some(0)]);
        let mut found = shop();
        require(&mut found, "R", &["api", "worker"]);
        require(&mut found, "RAILWAY_PUBLIC_DOMAIN", &[]);
        assert_eq!(counts(&found), [Some(3), Some(1), Some(1)]);
        found.only.insert("R".to_owned());
        assert_eq!(counts(&found), [Some(1), Some(0), Some(1)]);
        unreadable(&mut found, "api");
        assert_eq!(counts(&found), [Some(0), Some(0), Some(1)]);
        assert_eq!(counts(&survey(&["A=1"], &[("api", &["A=1"])])), [None]);
    }

    #[test]
    fn unknown_value_is_no_checked_need() {
        let rows = ["A=<sealed>", "B=${{A}} => <sealed>", "C=op://dev/c", "D=<unavailable>", "E=${{No.E}} => <sealed>"];
        let mut found = survey(&[], &[("api", &[rows.as_slice(), &["F=1", "X=<sealed>"]].concat()), ("web", &["A=1"])]);
        without_file(&mut found);
        template(&mut found, ".env.example", "A=\nB=\nC=\nD=\nE=\n", &["api", "web"]);
        require(&mut found, "F", &["api"]);
        let api = CheckedNeeds { checked: 1, sealed: 2, unknown: 3 };
        let web = CheckedNeeds { checked: 1, ..CheckedNeeds::default() };
        assert_eq!(checked(&found, |_, _| false), [Some(api), Some(web)]);
        let keys = |reason| unknown(&found, reason).iter().map(|need| need.key).collect::<Vec<_>>();
        assert_eq!(keys(ComparisonOutcome::Sealed), ["A", "B"]);
        assert_eq!(keys(ComparisonOutcome::Indirect), ["C"]);
        assert_eq!(keys(ComparisonOutcome::Unavailable), ["D"]);
    }

    #[test]
    fn missing_key_counts_unless_it_is_excused() {
        let mut found = shop();
        require(&mut found, "S", &["worker"]);
        let of_worker = |is_excused: fn(&str) -> bool| checked(&found, |_, key| is_excused(key))[2];
        assert_eq!(of_worker(|_| false), Some(CheckedNeeds { checked: 1, ..CheckedNeeds::default() }));
        assert_eq!(of_worker(|key| key == "S"), Some(CheckedNeeds::default()));
    }
}
