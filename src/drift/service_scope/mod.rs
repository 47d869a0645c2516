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

impl ScopeCandidate {
    /// Returns the root directory; empty for the root of the repository.
    pub fn root(&self) -> &str {
        self.root_directory.as_deref().unwrap_or_default()
    }
}

impl ScopeSelection {
    /// Returns the selection with these candidates, whatever the reason is why they were left out.
    #[must_use]
    pub fn with(mut self, named: &BTreeSet<usize>) -> Self {
        let (named, left_out): (Vec<_>, Vec<_>) =
            self.left_out.into_iter().partition(|(index, _)| named.contains(index));
        self.chosen.extend(named.into_iter().map(|(index, _)| index));
        self.chosen.sort_unstable();
        Self { chosen: self.chosen, left_out }
    }
}

/// Returns the candidates that at least one of the selections has. The reason for leaving out one of the others is the
/// most specific: it shares a key with a file of another directory, rather than none with its own.
pub fn any_of(selections: &[ScopeSelection]) -> ScopeSelection {
    let chosen: BTreeSet<usize> = selections.iter().flat_map(|one| &one.chosen).copied().collect();
    let mut left_out: BTreeMap<usize, &Exclusion> = BTreeMap::new();
    for (index, reason) in selections.iter().flat_map(|one| &one.left_out).filter(|(index, _)| !chosen.contains(index))
    {
        let known = left_out.entry(*index).or_insert(reason);
        *known = reason.max(known);
    }
    let left_out = left_out.into_iter().map(|(index, reason)| (index, reason.clone())).collect();
    ScopeSelection { chosen: chosen.into_iter().collect(), left_out }
}

/// Selects the services that share a key with the file, without databases and services built from other directories.
/// `directory` is the file's, relative to the root of the repository; `None` for a file outside the repository.
pub fn by_default(
    candidates: &[ScopeCandidate],
    local_keys: &BTreeSet<&str>,
    directory: Option<&str>,
) -> ScopeSelection {
    select(candidates, |candidate| {
        let is_shared = candidate.keys.iter().any(|key| local_keys.contains(key.as_str()));
        let unshared = (!is_shared).then_some(Exclusion::NothingShared);
        database(candidate).or(unshared).or_else(|| elsewhere(candidate, directory))
    })
}

/// Selects the services whatever keys they have, without databases and services built from other directories.
/// `directory` is the same as for [`by_default`].
pub fn with_any_keys(candidates: &[ScopeCandidate], directory: Option<&str>) -> ScopeSelection {
    select(candidates, |candidate| database(candidate).or_else(|| elsewhere(candidate, directory)))
}

fn select(candidates: &[ScopeCandidate], objection: impl Fn(&ScopeCandidate) -> Option<Exclusion>) -> ScopeSelection {
    let mut selection = ScopeSelection::default();
    for (index, candidate) in candidates.iter().enumerate() {
        match objection(candidate) {
            None => selection.chosen.push(index),
            Some(reason) => selection.left_out.push((index, reason)),
        }
    }
    selection
}

fn database(candidate: &ScopeCandidate) -> Option<Exclusion> {
    candidate.image.as_deref().is_some_and(is_database_image).then_some(Exclusion::Database)
}

fn elsewhere(candidate: &ScopeCandidate, directory: Option<&str>) -> Option<Exclusion> {
    let root = candidate.root();
    directory.filter(|directory| !is_inside(directory, root)).map(|_| Exclusion::Elsewhere { root: root.to_owned() })
}

/// Returns whether `directory` is `root` or inside it. `/`, `./` and the empty path are the root of the repository.
pub fn is_inside(directory: &str, root: &str) -> bool {
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
    use crate::drift::service_scope::{
        Exclusion, ScopeCandidate, ScopeSelection, any_of, by_default, is_inside, providers, with_any_keys,
    };
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
    fn service_without_keys_is_in_scope_of_what_every_service_needs() {
        let candidates = [
            candidate("api", None, None, &["A"]),
            candidate("docs", None, None, &[]),
            candidate("Postgres", None, Some("postgres:16"), &["A"]),
            candidate("web", Some("/web"), None, &["A"]),
        ];
        let postgres = (2, Exclusion::Database);
        let web = (3, Exclusion::Elsewhere { root: "/web".to_owned() });
        for (directory, chosen, left_out) in [
            (None, vec![0, 1, 3], vec![postgres.clone()]),
            (Some("web"), vec![0, 1, 3], vec![postgres.clone()]),
            (Some(""), vec![0, 1], vec![postgres, web]),
        ] {
            let expected = ScopeSelection { chosen, left_out };
            assert_eq!(with_any_keys(&candidates, directory), expected, "{directory:?}");
        }
    }

    #[test]
    fn service_of_any_directory_is_in_scope() {
        let candidates = [
            candidate("api", Some("apps/api"), None, &["A"]),
            candidate("cron", Some("apps/cron"), None, &["A", "B"]),
            candidate("docs", None, None, &["C"]),
            candidate("web", Some("apps/web"), None, &["B"]),
        ];
        let select = |key, directory| by_default(&candidates, &BTreeSet::from([key]), Some(directory));
        let cron = (1, Exclusion::Elsewhere { root: "apps/cron".to_owned() });
        let docs = (2, Exclusion::NothingShared);
        for order in [[("A", "apps/api"), ("B", "apps/web")], [("B", "apps/web"), ("A", "apps/api")]] {
            let found = any_of(&order.map(|(key, directory)| select(key, directory)));
            let expected = ScopeSelection { chosen: vec![0, 3], left_out: vec![cron.clone(), docs.clone()] };
            assert_eq!(found, expected, "{order:?}");
        }
        let named = any_of(&[select("A", "apps/api")]).with(&BTreeSet::from([0, 2]));
        assert_eq!(named.chosen, [0, 2]);
        assert_eq!(named.left_out.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 3]);
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
