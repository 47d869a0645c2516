//! Resolves the service that a user names.

use crate::drift::model::resource::ResourceRef;
use crate::drift::similarity::close_matches;

/// How a service was found, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    Id,
    /// Its name in `doctor.toml`.
    Alias,
    Name,
    /// Its name, ignoring case.
    CaseInsensitive,
    /// A part of its name that no other service's name contains.
    Part,
}

/// A service that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceMatch {
    /// The index of the candidate.
    pub index: usize,
    /// How it was found.
    pub kind: MatchKind,
}

/// Why no service was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMatch {
    /// No service matches.
    Unknown {
        /// Similar names and aliases, the most similar first.
        suggestions: Vec<String>,
    },
    /// Several services match.
    Ambiguous {
        /// Their names.
        candidates: Vec<String>,
    },
}

/// Finds a service by id, alias, name or part of a name. Each candidate has its alias from `doctor.toml`, if any.
pub fn resolve(wanted: &str, candidates: &[(&ResourceRef, Option<&str>)]) -> Result<ServiceMatch, NoMatch> {
    let small = wanted.to_lowercase();
    let fits = |kind, service: &ResourceRef, alias: Option<&str>| match kind {
        MatchKind::Id => service.id == wanted,
        MatchKind::Alias => alias == Some(wanted),
        MatchKind::Name => service.name == wanted,
        MatchKind::CaseInsensitive => service.name.to_lowercase() == small,
        MatchKind::Part => !small.is_empty() && service.name.to_lowercase().contains(&small),
    };
    for kind in [MatchKind::Id, MatchKind::Alias, MatchKind::Name, MatchKind::CaseInsensitive, MatchKind::Part] {
        let found: Vec<usize> =
            (0..candidates.len()).filter(|&index| fits(kind, candidates[index].0, candidates[index].1)).collect();
        match found.as_slice() {
            [] => {}
            [index] => return Ok(ServiceMatch { index: *index, kind }),
            several => {
                let candidates = several.iter().map(|&index| candidates[index].0.name.clone()).collect();
                return Err(NoMatch::Ambiguous { candidates });
            }
        }
    }
    Err(NoMatch::Unknown { suggestions: suggestions(wanted, candidates) })
}

/// The maximum number of suggestions, and their minimum similarity.
const SUGGESTIONS: (usize, f32) = (3, 0.6);

fn suggestions(wanted: &str, candidates: &[(&ResourceRef, Option<&str>)]) -> Vec<String> {
    let names: Vec<&str> =
        candidates.iter().flat_map(|(service, alias)| [Some(service.name.as_str()), *alias]).flatten().collect();
    let (number, similarity) = SUGGESTIONS;
    close_matches(wanted, &names, number, similarity)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::model::resource::ResourceRef;
    use crate::drift::service_scope::service_name::{MatchKind, NoMatch, ServiceMatch, resolve};
    use crate::drift::test_support::named;

    #[test]
    fn resolves_only_unambiguous_names() {
        let services: Vec<ResourceRef> =
            ["agentverse-api-staging", "agentverse-worker-staging", "Web", "web-admin", "WEB", "id-of-Web"]
                .map(named)
                .into();
        let aliases = [Some("api"), None, None, Some("agentverse-worker-staging"), None, None];
        let candidates: Vec<(&ResourceRef, Option<&str>)> = services.iter().zip(aliases).collect();
        let found = |index, kind| Ok(ServiceMatch { index, kind });
        let ambiguous = |names: &[&str]| {
            Err(NoMatch::Ambiguous { candidates: names.iter().map(|&name| name.to_owned()).collect() })
        };
        for (wanted, expected) in [
            ("id-of-Web", found(2, MatchKind::Id)),
            ("api", found(0, MatchKind::Alias)),
            ("agentverse-worker-staging", found(3, MatchKind::Alias)),
            ("Web", found(2, MatchKind::Name)),
            ("WEB", found(4, MatchKind::Name)),
            ("web", ambiguous(&["Web", "WEB"])),
            ("Web-Admin", found(3, MatchKind::CaseInsensitive)),
            ("worker", found(1, MatchKind::Part)),
            ("WORKER", found(1, MatchKind::Part)),
            ("staging", ambiguous(&["agentverse-api-staging", "agentverse-worker-staging"])),
        ] {
            assert_eq!(resolve(wanted, &candidates), expected, "{wanted}");
        }
    }

    #[test]
    fn unknown_name_has_similar_suggestions() {
        let services: Vec<ResourceRef> = ["api", "worker"].map(named).into();
        let candidates: Vec<(&ResourceRef, Option<&str>)> = services.iter().zip([None, Some("beat")]).collect();
        for (wanted, similar) in [("wroker", &["worker"][..]), ("baet", &["beat"]), ("xyz", &[]), ("", &[])] {
            let suggestions = similar.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(resolve(wanted, &candidates), Err(NoMatch::Unknown { suggestions }), "{wanted}");
        }
    }

    proptest! {
        #[test]
        fn resolved_service_matches_the_requested_name(
            names in proptest::collection::btree_set("[aAbß-]{1,4}", 1..6),
            wanted in "[aAbBß-]{0,4}",
        ) {
            let services: Vec<ResourceRef> = names.iter().map(|name| named(name)).collect();
            let candidates: Vec<(&ResourceRef, Option<&str>)> = services.iter().map(|service| (service, None)).collect();
            let lower = |service: &ResourceRef| service.name.to_lowercase();
            let with_part = services.iter().filter(|service| lower(service).contains(&wanted.to_lowercase()));
            match resolve(&wanted, &candidates) {
                Ok(ServiceMatch { index, kind: MatchKind::Name }) => prop_assert_eq!(&services[index].name, &wanted),
                Ok(ServiceMatch { index, kind: MatchKind::CaseInsensitive }) => {
                    prop_assert_eq!(lower(&services[index]), wanted.to_lowercase());
                }
                Ok(ServiceMatch { index, kind }) => {
                    prop_assert_eq!(kind, MatchKind::Part);
                    prop_assert_eq!(with_part.collect::<Vec<_>>(), [&services[index]]);
                }
                Err(NoMatch::Ambiguous { candidates }) => prop_assert!(candidates.len() > 1),
                Err(NoMatch::Unknown { .. }) => prop_assert!(wanted.is_empty() || with_part.count() == 0),
            }
            prop_assert_eq!(resolve(&services[0].id, &candidates), Ok(ServiceMatch { index: 0, kind: MatchKind::Id }));
            prop_assert_eq!(resolve(&services[0].name, &candidates), Ok(ServiceMatch { index: 0, kind: MatchKind::Name }));
        }
    }
}
