//! The value of a key that is traced or rotated.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::dotenv::LocalFile;
use crate::drift::model::finding::Location;
use crate::drift::plan::VariableOwner;
use crate::drift::similarity::close_matches;
use crate::drift::{ResourceRef, Secret, Survey, Variable, placeholder};

/// How many similar keys are suggested.
const SUGGESTIONS: usize = 3;

/// How similar a suggested key is.
const SIMILARITY: f32 = 0.6;

/// A value, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub value: Secret,
    pub origin: ValueOrigin,
}

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    File(Location),
    Railway(VariableOwner),
}

impl ValueOrigin {
    /// Returns its name in reports: `.env:3`, `api`, `shared variables`.
    pub fn name(&self) -> String {
        match self {
            Self::File(location) => format!("{}:{}", location.file, location.line),
            Self::Railway(owner) => owner.name().to_owned(),
        }
    }
}

/// Why a key has no value to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoValue {
    /// Neither a file nor Railway has the key.
    UnknownKey { suggestions: Vec<String> },
    /// The service of `--from` lacks the key.
    NotOnService { holders: Vec<String> },
    /// The places with different values.
    Differing { places: Vec<String> },
    /// The value is sealed or unavailable everywhere.
    Sealed { places: Vec<String> },
    /// It is empty everywhere.
    Empty,
    /// It refers to a value that is kept elsewhere.
    Indirect { place: String },
}

/// Returns the value of the key: on the given service, or in the files, or the only one on Railway.
pub fn value_of(
    survey: &Survey,
    shared: &BTreeMap<String, Variable>,
    key: &str,
    from: Option<&ResourceRef>,
) -> Result<KeyValue, NoValue> {
    let holders = holders(survey, shared, key);
    if let Some(service) = from {
        let is_it = |(owner, _): &&(VariableOwner, &Variable)| owner.id() == Some(&service.id);
        return match holders.iter().find(is_it) {
            Some(holder) => only_value(survey, std::slice::from_ref(holder)),
            None if holders.is_empty() => Err(NoValue::UnknownKey { suggestions: suggestions(survey, shared, key) }),
            None => Err(NoValue::NotOnService { holders: names(&holders) }),
        };
    }
    let local = local_values(survey, key);
    let mut distinct: Vec<&KeyValue> = Vec::new();
    for found in local.iter().filter(|found| has_value(survey, key, &found.value)) {
        if distinct.iter().all(|known| known.value != found.value) {
            distinct.push(found);
        }
    }
    match distinct.as_slice() {
        [only] => Ok((*only).clone()),
        [] if holders.is_empty() => Err(no_local_value(survey, shared, key, &local)),
        [] => only_value(survey, &holders),
        several => Err(NoValue::Differing { places: several.iter().map(|found| found.origin.name()).collect() }),
    }
}

/// Returns the variables with that key, shared ones first.
fn holders<'s>(
    survey: &'s Survey,
    shared: &'s BTreeMap<String, Variable>,
    key: &str,
) -> Vec<(VariableOwner, &'s Variable)> {
    let of_shared = shared.get(key).map(|variable| (VariableOwner::Shared, variable));
    let of_services = survey
        .targets
        .iter()
        .filter_map(|target| Some((VariableOwner::Service(target.service.clone()), target.variable(key)?)));
    of_shared.into_iter().chain(of_services).collect()
}

/// Returns the effective values of the files, each once.
fn local_values(survey: &Survey, key: &str) -> Vec<KeyValue> {
    let layers: BTreeSet<&[usize]> = survey.targets.iter().map(|target| target.layers.as_slice()).collect();
    let all: Vec<usize> = (0..survey.files.len()).collect();
    let layers = if layers.is_empty() { vec![all.as_slice()] } else { Vec::from_iter(layers) };
    let effective = layers.into_iter().filter_map(|layers| {
        layers.iter().rev().find_map(|&index| {
            let file = &survey.files[index];
            let entry = file.entry(key)?;
            let origin = ValueOrigin::File(Location { file: file.name.clone(), line: entry.line });
            Some(KeyValue { value: entry.value.clone(), origin })
        })
    });
    let mut values: Vec<KeyValue> = Vec::new();
    for found in effective {
        if !values.contains(&found) {
            values.push(found);
        }
    }
    values
}

fn has_value(survey: &Survey, key: &str, value: &Secret) -> bool {
    !value.expose().trim().is_empty() && !survey.is_indirect(value) && !placeholder::is_unset(key, value.expose())
}

fn no_local_value(survey: &Survey, shared: &BTreeMap<String, Variable>, key: &str, local: &[KeyValue]) -> NoValue {
    match local.first() {
        Some(found) if survey.is_indirect(&found.value) => NoValue::Indirect { place: found.origin.name() },
        Some(_) => NoValue::Empty,
        None => NoValue::UnknownKey { suggestions: suggestions(survey, shared, key) },
    }
}

fn suggestions(survey: &Survey, shared: &BTreeMap<String, Variable>, key: &str) -> Vec<String> {
    let stored = survey.targets.iter().flat_map(|target| target.stored.iter().flat_map(BTreeMap::keys));
    let local = survey.files.iter().flat_map(LocalFile::keys);
    let all: BTreeSet<&str> = stored.chain(shared.keys()).map(String::as_str).chain(local).collect();
    let same = all.iter().find(|known| known.eq_ignore_ascii_case(key)).map(|known| (*known).to_owned());
    same.into_iter().chain(close_matches(key, &Vec::from_iter(all), SUGGESTIONS, SIMILARITY)).collect()
}

/// Returns the value that all holders agree on.
fn only_value(survey: &Survey, holders: &[(VariableOwner, &Variable)]) -> Result<KeyValue, NoValue> {
    let known: Vec<(&VariableOwner, &Secret)> =
        holders.iter().filter_map(|(owner, variable)| Some((owner, variable.effective()?))).collect();
    if known.is_empty() {
        return Err(NoValue::Sealed { places: names(holders) });
    }
    let set: Vec<&(&VariableOwner, &Secret)> =
        known.iter().filter(|(_, value)| !value.expose().trim().is_empty()).collect();
    let Some((owner, value)) = set.first() else { return Err(NoValue::Empty) };
    if set.iter().any(|(_, other)| other != value) {
        return Err(NoValue::Differing { places: set.iter().map(|(owner, _)| owner.name().to_owned()).collect() });
    }
    if survey.is_indirect(value) {
        return Err(NoValue::Indirect { place: owner.name().to_owned() });
    }
    Ok(KeyValue { value: (*value).clone(), origin: ValueOrigin::Railway((*owner).clone()) })
}

fn names(holders: &[(VariableOwner, &Variable)]) -> Vec<String> {
    holders.iter().map(|(owner, _)| owner.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::drift::test_support::{layer, named, survey};
    use crate::drift::trace::source::{NoValue, value_of};
    use crate::drift::{Secret, Survey, Variable};

    /// Returns where the value of `KEY` comes from, or why there is none.
    fn origin(found: &Survey, shared: Option<&str>, from: Option<&str>) -> Result<String, NoValue> {
        let variable = |value: &str| ("KEY".to_owned(), Variable::Plain(Secret::new(value)));
        let shared: BTreeMap<String, Variable> = shared.map(variable).into_iter().collect();
        let service = from.map(named);
        let value = value_of(found, &shared, "KEY", service.as_ref())?;
        Ok(format!("{} {}", value.origin.name(), value.value.expose()))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn value_comes_from_the_file_or_else_from_railway() {
        let stored: &[_] = &[("api", &["KEY=stored"][..]), ("web", &["A=1"])];
        assert_eq!(origin(&survey(&["A=1", "KEY=local"], stored), None, None), Ok(".env:2 local".to_owned()));
        assert_eq!(origin(&survey(&["A=1"], stored), None, None), Ok("api stored".to_owned()));
        assert_eq!(origin(&survey(&["KEY=local"], stored), None, Some("api")), Ok("api stored".to_owned()));
        for local in ["KEY=", "KEY= ", "KEY=op://vault/item/field", "KEY=changeme"] {
            assert_eq!(origin(&survey(&[local], stored), None, None), Ok("api stored".to_owned()), "{local}");
        }
        assert_eq!(
            origin(&survey(&[], &[("api", &["A=1"])]), Some("all"), None),
            Ok("shared variables all".to_owned())
        );
    }

    #[test]
    fn equal_values_of_several_files_are_one_value() {
        let with_layer = |row| {
            let mut found = survey(&["KEY=local"], &[("api", &["A=1"]), ("web", &["A=1"])]);
            layer(&mut found, ".env.web", &[row], &["web"]);
            found
        };
        assert_eq!(origin(&with_layer("KEY=local"), None, None), Ok(".env:1 local".to_owned()));
        let places = names(&[".env:1", ".env.web:1"]);
        assert_eq!(origin(&with_layer("KEY=other"), None, None), Err(NoValue::Differing { places }));
    }

    #[test]
    fn missing_value_has_its_reason() {
        let on = |rows: &[&str]| survey(&["A=1"], &[("api", rows), ("web", &["KEY=<sealed>"])]);
        assert_eq!(
            origin(&on(&["KEY=1"]), None, Some("db")),
            Err(NoValue::NotOnService { holders: names(&["api", "web"]) })
        );
        assert_eq!(origin(&on(&["KEY="]), None, None), Err(NoValue::Empty));
        assert_eq!(origin(&on(&["A=1"]), None, None), Err(NoValue::Sealed { places: names(&["web"]) }));
        let indirect = NoValue::Indirect { place: "api".to_owned() };
        assert_eq!(origin(&on(&["KEY=op://vault/item/field"]), None, None), Err(indirect));
        let places = names(&["shared variables", "api"]);
        assert_eq!(origin(&on(&["KEY=1"]), Some("2"), None), Err(NoValue::Differing { places }));
        let only_local = |row| survey(&["KEYS=1", row], &[("api", &["B=1"])]);
        let indirect = NoValue::Indirect { place: ".env:2".to_owned() };
        assert_eq!(origin(&only_local("KEY=op://vault/item/field"), None, None), Err(indirect));
        assert_eq!(origin(&only_local("KEY="), None, None), Err(NoValue::Empty));
        let unknown = NoValue::UnknownKey { suggestions: names(&["KEYS"]) };
        assert_eq!(origin(&only_local("A=1"), None, None), Err(unknown.clone()));
        assert_eq!(origin(&only_local("A=1"), None, Some("api")), Err(unknown));
        let case = NoValue::UnknownKey { suggestions: names(&["key", "KEYS"]) };
        assert_eq!(origin(&only_local("key=1"), None, None), Err(case));
    }
}
