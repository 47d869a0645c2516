//! Selects the services of an environment that a file applies to.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::resource::ResourceRef;
use crate::drift::reference::{self, ReferenceTarget};
use crate::drift::system_variables;

pub mod database_image;
pub mod service_name;

pub use crate::drift::service_scope::database_image::is_database_image;
pub use crate::drift::service_scope::service_name::{MatchKind, NoMatch, ServiceMatch, resolve};

/// A service of the environment, before its values are read.
#[derive(Clone, Debug)]
pub struct ScopeCandidate {
    pub service: ResourceRef,
    /// The root directory in the repository, as set on Railway.
    pub root_directory: Option<String>,
    /// The image, if it is not built from a repository.
    pub image: Option<String>,
    /// The names of its variables.
    pub keys: BTreeSet<String>,
}

/// The services that are compared by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSelection {
    /// Indexes of the selected candidates.
    pub chosen: Vec<usize>,
    /// Indexes of the other candidates, each with the reason.
    pub left_out: Vec<(usize, Exclusion)>,
}

/// Why a service is not compared unless it is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exclusion {
    /// It is a database, a cache or a broker.
    Database,
    /// It has none of the file's keys.
    NothingShared,
    /// It is built from a directory that does not contain the file.
    Elsewhere {
        /// The directory.
        root: String,
    },
    /// Other services reference its variables.
    Provider {
        /// Their names.
        takers: Vec<String>,
    },
}

/// Selects the services that share a key with the file, without databases and services built from other directories.
/// `directory` is the file's, relative to the root of the repository; `None` for a file outside the repository.
pub fn by_default(
    candidates: &[ScopeCandidate],
    local_keys: &BTreeSet<&str>,
    directory: Option<&str>,
) -> ScopeSelection {
    let mut selection = ScopeSelection::default();
    for (index, candidate) in candidates.iter().enumerate() {
        match objection(candidate, local_keys, directory) {
            None => selection.chosen.push(index),
            Some(reason) => selection.left_out.push((index, reason)),
        }
    }
    selection
}

fn objection(candidate: &ScopeCandidate, local_keys: &BTreeSet<&str>, directory: Option<&str>) -> Option<Exclusion> {
    if candidate.image.as_deref().is_some_and(is_database_image) {
        return Some(Exclusion::Database);
    }
    if !candidate.keys.iter().any(|key| local_keys.contains(key.as_str())) {
        return Some(Exclusion::NothingShared);
    }
    let root = candidate.root_directory.as_deref().unwrap_or_default();
    directory.filter(|directory| !is_inside(directory, root)).map(|_| Exclusion::Elsewhere { root: root.to_owned() })
}

/// Returns whether `directory` is `root` or inside it. `/`, `./` and the empty path are the root of the repository.
fn is_inside(directory: &str, root: &str) -> bool {
    fn parts(path: &str) -> impl Iterator<Item = &str> {
        path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".")
    }
    let mut directory = parts(directory);
    parts(root).all(|part| directory.next() == Some(part))
}

/// Returns the services whose variables others reference, each with these others: `Postgres` → `api`, `worker`.
/// References to system variables such as `RAILWAY_PRIVATE_DOMAIN` do not count. `templates` are the stored values with
/// references, each with the name of its service.
pub fn providers<'t>(
    templates: impl IntoIterator<Item = (&'t str, &'t str)>,
    catalogue: &Catalogue,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut providers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (user, template) in templates {
        for occurrence in reference::occurrences(template) {
            let Ok(ReferenceTarget::Variable { service, name }) = reference::aim(occurrence.body, user, catalogue)
            else {
                continue;
            };
            let is_stored = catalogue.services.get(service).is_some_and(|names| names.contains(name));
            if service != user && is_stored && !system_variables::is_provided(name) {
                providers.entry(service.to_owned()).or_default().insert(user.to_owned());
            }
        }
    }
    providers
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crate::drift::model::catalogue::Catalogue;
    use crate::drift::service_scope::{Exclusion, ScopeCandidate, ScopeSelection, by_default, is_inside, providers};
    use crate::drift::test_support::named;

    fn keys(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn candidate(name: &str, root: Option<&str>, image: Option<&str>, names: &[&str]) -> ScopeCandidate {
        let (root_directory, image) = (root.map(str::to_owned), image.map(str::to_owned));
        ScopeCandidate { service: named(name), root_directory, image, keys: keys(names) }
    }

    #[test]
    fn default_scope_is_services_the_file_can_apply_to() {
        let candidates = [
            candidate("api", None, None, &["A", "B"]),
            candidate("docs", None, None, &["C"]),
            candidate("Postgres", None, Some("postgres:16"), &["A"]),
            candidate("web", Some("/web"), None, &["A"]),
            candidate("worker", Some("apps/"), None, &["B"]),
            candidate("image", Some("/"), Some("ghcr.io/shop/app"), &["B"]),
        ];
        let local = BTreeSet::from(["A", "B"]);
        let docs = (1, Exclusion::NothingShared);
        let postgres = (2, Exclusion::Database);
        let web = (3, Exclusion::Elsewhere { root: "/web".to_owned() });
        let worker = (4, Exclusion::Elsewhere { root: "apps/".to_owned() });
        for (directory, chosen, left_out) in [
            (Some("apps/worker"), vec![0, 4, 5], vec![docs.clone(), postgres.clone(), web.clone()]),
            (Some(""), vec![0, 5], vec![docs.clone(), postgres.clone(), web, worker]),
            (None, vec![0, 3, 4, 5], vec![docs, postgres]),
        ] {
            let expected = ScopeSelection { chosen, left_out };
            assert_eq!(by_default(&candidates, &local, directory), expected, "{directory:?}");
        }
    }

    #[test]
    fn directory_is_inside_itself_and_its_ancestors() {
        for (directory, root, expected) in [
            ("", "", true),
            ("", "/", true),
            ("", "./", true),
            ("web", "/", true),
            ("web", "web", true),
            ("web", "/web/", true),
            ("./web/src", "web", true),
            ("", "web", false),
            ("web", "web/src", false),
            ("website", "web", false),
            ("a/web", "web", false),
        ] {
            assert_eq!(is_inside(directory, root), expected, "{directory} in {root}");
        }
    }

    #[test]
    fn service_referenced_by_others_is_a_provider() {
        let services = [("Postgres", &["URL"][..]), ("api", &["URL", "KEY"]), ("worker", &["URL"])];
        let catalogue = Catalogue {
            services: services.iter().map(|(name, names)| ((*name).to_owned(), keys(names))).collect(),
            shared: keys(&["BASE"]),
            ..Catalogue::default()
        };
        let templates = [
            ("api", "${{Postgres.URL}}"),
            ("worker", "x-${{Postgres.URL}}-${{shared.BASE}}"),
            ("worker", "http://${{api.RAILWAY_PRIVATE_DOMAIN}}"),
            ("api", "${{api.KEY}}${{KEY}}"),
            ("api", "${{worker.NO}}${{Nowhere.URL}}"),
            ("api", "plain"),
        ];
        let expected = BTreeMap::from([("Postgres".to_owned(), keys(&["api", "worker"]))]);
        assert_eq!(providers(templates, &catalogue), expected);
    }
}
