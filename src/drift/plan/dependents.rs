//! Variables that reference a changed variable, directly or through others.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::model::catalogue::Catalogue;
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::reference::{self, ReferenceTarget};

/// A stored value with references: the service's name, the key and the template.
pub type Template<'t> = (&'t str, &'t str, &'t str);

/// Returns the services that reference a changed variable, each with its dependent keys. A service whose own variables
/// change is included only if it has dependent keys.
pub fn dependents(
    templates: &[Template<'_>],
    stores: &[VariableChange],
    catalogue: &Catalogue,
) -> BTreeMap<String, BTreeSet<String>> {
    let catalogue = &with_added(catalogue, stores);
    // Shared variables have no service; no service has an empty name.
    let owner = |owner: &VariableOwner| match owner {
        VariableOwner::Service(service) => service.name.clone(),
        VariableOwner::Shared => String::new(),
    };
    let mut changed: BTreeSet<(String, String)> =
        stores.iter().map(|store| (owner(&store.owner), store.key.clone())).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Dependents may have dependents; each round finds at least one more, or is the last.
    loop {
        let dependent: Vec<&Template<'_>> = templates
            .iter()
            .filter(|(service, key, _)| !changed.contains(&((*service).to_owned(), (*key).to_owned())))
            .filter(|(service, _, text)| targets(text, service, catalogue).iter().any(|aim| changed.contains(aim)))
            .collect();
        if dependent.is_empty() {
            return found;
        }
        for (service, key, _) in dependent {
            changed.insert(((*service).to_owned(), (*key).to_owned()));
            found.entry((*service).to_owned()).or_default().insert((*key).to_owned());
        }
    }
}

/// Returns the catalogue after the variables are stored: a dangling reference may name an added key.
fn with_added(catalogue: &Catalogue, stores: &[VariableChange]) -> Catalogue {
    let mut catalogue = catalogue.clone();
    for store in stores.iter().filter(|store| store.after.is_some()) {
        if let VariableOwner::Service(service) = &store.owner {
            catalogue.services.entry(service.name.clone()).or_default().insert(store.key.clone());
        }
    }
    catalogue
}

fn targets(text: &str, home: &str, catalogue: &Catalogue) -> Vec<(String, String)> {
    let aim = |body| match reference::aim(body, home, catalogue) {
        Ok(ReferenceTarget::Shared(name)) => Some((String::new(), name.to_owned())),
        Ok(ReferenceTarget::Variable { service, name }) => Some((service.to_owned(), name.to_owned())),
        Ok(ReferenceTarget::Function) | Err(_) => None,
    };
    reference::occurrences(text).into_iter().filter_map(|occurrence| aim(occurrence.body)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crate::drift::Secret;
    use crate::drift::model::catalogue::Catalogue;
    use crate::drift::plan::dependents::dependents;
    use crate::drift::plan::{VariableChange, VariableOwner};
    use crate::drift::test_support::named;

    fn store(owner: VariableOwner, key: &str) -> VariableChange {
        VariableChange {
            owner,
            key: key.to_owned(),
            before: None,
            after: None,
            from: None,
            meant_for: Vec::new(),
            renders: None,
        }
    }

    #[test]
    fn reference_to_an_added_key_is_a_dependent() {
        let catalogue = Catalogue {
            services: BTreeMap::from([("api".to_owned(), BTreeSet::new()), ("web".to_owned(), BTreeSet::new())]),
            ..Catalogue::default()
        };
        let added =
            VariableChange { after: Some(Secret::new("new")), ..store(VariableOwner::Service(named("api")), "KEY") };
        let found = dependents(&[("web", "TAKEN", "${{api.KEY}}")], &[added], &catalogue);
        assert_eq!(found, BTreeMap::from([("web".to_owned(), BTreeSet::from(["TAKEN".to_owned()]))]));
    }

    #[test]
    fn dependents_are_transitive_and_survive_cycles() {
        let names = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<BTreeSet<_>>();
        let catalogue = Catalogue {
            services: BTreeMap::from([
                ("api".to_owned(), names(&["KEY", "OWN", "LOOP"])),
                ("web".to_owned(), names(&["TAKEN", "PLAIN"])),
                ("cron".to_owned(), names(&["FAR", "LOOP"])),
            ]),
            shared: names(&["BASE"]),
            ..Catalogue::default()
        };
        let templates = [
            ("api", "OWN", "x-${{KEY}}"),
            ("web", "TAKEN", "${{api.OWN}}"),
            ("cron", "FAR", "${{web.TAKEN}}/${{shared.BASE}}"),
            ("cron", "LOOP", "${{api.LOOP}}"),
            ("api", "LOOP", "${{cron.LOOP}}"),
        ];
        let api = VariableOwner::Service(named("api"));
        for (changed, expected) in [
            (vec![store(api.clone(), "KEY")], "api: OWN; cron: FAR; web: TAKEN"),
            (vec![store(VariableOwner::Shared, "BASE")], "cron: FAR"),
            (vec![store(api.clone(), "LOOP")], "cron: LOOP"),
            (vec![store(api, "OTHER")], ""),
            (vec![store(VariableOwner::Service(named("web")), "PLAIN")], ""),
        ] {
            let found: Vec<String> = dependents(&templates, &changed, &catalogue)
                .into_iter()
                .map(|(service, keys)| format!("{service}: {}", Vec::from_iter(keys).join(", ")))
                .collect();
            assert_eq!(found.join("; "), expected);
        }
    }
}
