//! Derives aliases for services by removing common words from their names: next to `agentverse-api-staging`,
//! `agentverse-worker-staging` becomes `worker`.

use std::collections::BTreeSet;

use crate::drift::ResourceRef;
use crate::drift::suggest::Section;

/// The longest alias, in characters.
const LONGEST: usize = 40;

/// Returns the sections of the chosen services, in their order. `all` are the services of the environment; `around` are
/// the names of project and environment, which are removed from the start and end of a service name.
pub fn sections(chosen: &[ResourceRef], all: &[ResourceRef], around: [&str; 2]) -> Vec<Section> {
    let own: Vec<Vec<String>> = chosen.iter().map(|service| without(&name_parts(&service.name), around)).collect();
    let short = without_common(&own);
    let mut taken = BTreeSet::new();
    let section = |(service, short): (&ResourceRef, &Vec<String>)| {
        let is_free = |alias: &str| {
            let has_name = |other: &ResourceRef| other.id == alias || other.name.to_lowercase() == alias;
            !taken.contains(alias) && !all.iter().any(|other| other.id != service.id && has_name(other))
        };
        let candidates = [short, &own_name_parts(service)].map(|words| joined(words));
        let named = candidates.iter().find(|alias| is_short_name(alias) && is_free(alias)).cloned();
        let alias = named.or_else(|| numbered(&candidates[1]).find(|alias| is_free(alias))).unwrap_or_default();
        taken.insert(alias.clone());
        Section { alias, name: unambiguous_name(service, all), service: service.clone(), files: Vec::new() }
    };
    chosen.iter().zip(&short).map(section).collect()
}

/// Returns the name, or the id if another service has the same name or has this name as its id.
fn unambiguous_name(service: &ResourceRef, all: &[ResourceRef]) -> String {
    let is_ambiguous =
        all.iter().any(|other| other.id != service.id && [&other.id, &other.name].contains(&&service.name));
    if service.name.is_empty() || is_ambiguous { service.id.clone() } else { service.name.clone() }
}

/// Returns the words of a name in lower case. Words with non-ASCII characters are left out.
fn name_parts(name: &str) -> Vec<String> {
    let words = name.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty() && word.is_ascii()).map(str::to_ascii_lowercase).collect()
}

fn own_name_parts(service: &ResourceRef) -> Vec<String> {
    name_parts(&service.name)
}

fn joined(words: &[String]) -> String {
    words.join("-").chars().take(LONGEST).collect::<String>().trim_end_matches('-').to_owned()
}

/// Returns whether the alias starts with a letter, so that it can't be confused with a number.
fn is_short_name(alias: &str) -> bool {
    alias.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Returns `api-2`, `api-3` and so on, or `service-1` and so on if nothing is left of the name.
fn numbered(name: &str) -> impl Iterator<Item = String> {
    let (stem, first) = if is_short_name(name) { (name.to_owned(), 2) } else { ("service".to_owned(), 1) };
    (first..).map(move |number| format!("{stem}-{number}"))
}

/// Removes the words of the project from the start and those of the environment from the end, unless nothing would be
/// left.
fn without(own: &[String], [project, environment]: [&str; 2]) -> Vec<String> {
    let (front, back) = (name_parts(project), name_parts(environment));
    let mut rest = own;
    for (front, back) in [(front.as_slice(), &[][..]), (&[][..], back.as_slice())] {
        let inner = rest.strip_prefix(front).and_then(|inner| inner.strip_suffix(back));
        rest = inner.filter(|inner| is_short_name(&joined(inner))).unwrap_or(rest);
    }
    rest.to_vec()
}

/// Removes from each name the words at its start and end that other names share, unless nothing would be left.
fn without_common(names: &[Vec<String>]) -> Vec<Vec<String>> {
    let reversed: Vec<Vec<String>> = names.iter().map(|name| name.iter().rev().cloned().collect()).collect();
    let rest = |(at, name): (usize, &Vec<String>)| {
        let front = (0..=common(names, at)).rev().map(|front| &name[front..]);
        let inner = front.clone().find(|rest| is_short_name(&joined(rest))).unwrap_or(name);
        let back = (0..=common(&reversed, at)).rev().filter_map(|back| inner.get(..inner.len().checked_sub(back)?));
        back.into_iter().find(|rest| is_short_name(&joined(rest))).unwrap_or(inner).to_vec()
    };
    names.iter().enumerate().map(rest).collect()
}

/// Returns the number of words at the start of a name that it shares with another one. Words that are another whole
/// name are kept: next to `web`, `web-admin` stays `web-admin`.
fn common(names: &[Vec<String>], at: usize) -> usize {
    let name = &names[at];
    let others = || names.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, other)| other);
    let is_common = |count: &usize| {
        let start = &name[..*count];
        others().any(|other| other.starts_with(start)) && others().all(|other| other != start)
    };
    (1..name.len()).rev().find(is_common).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert, prop_assert_eq};

    use crate::drift::ResourceRef;
    use crate::drift::service_scope::{MatchKind, resolve};
    use crate::drift::suggest::alias::sections;
    use crate::drift::test_support::named;

    /// Returns `alias=name` of the chosen services, given other services in the environment.
    fn aliases_of(project: &str, environment: &str, chosen: &[&str], others: &[&str]) -> Vec<String> {
        let chosen: Vec<ResourceRef> = chosen.iter().map(|name| named(name)).collect();
        let all: Vec<ResourceRef> = others.iter().map(|name| named(name)).chain(chosen.clone()).collect();
        let sections = sections(&chosen, &all, [project, environment]);
        sections.into_iter().map(|section| format!("{}={}", section.alias, section.name)).collect()
    }

    #[test]
    fn shared_name_parts_are_dropped() {
        for (project, environment, chosen, aliases) in [
            ("x", "y", &["agentverse-api-staging", "agentverse-worker-staging"][..], &["api", "worker"][..]),
            ("agentverse", "staging", &["agentverse-worker-staging"], &["worker"]),
            ("x", "y", &["agentverse-worker-staging"], &["agentverse-worker-staging"]),
            ("shop", "production", &["shop", "shop-api"], &["shop", "api"]),
            ("shop", "staging", &["staging", "api-staging"], &["staging", "api"]),
            ("x", "y", &["web", "web-admin"], &["web", "web-admin"]),
            ("x", "y", &["api-1-eu", "api-2-eu"], &["api-1", "api-2"]),
            ("x", "y", &["acme web", "acme_worker.jobs"], &["web", "worker-jobs"]),
            ("x", "y", &["API Server", "Größe-jobs"], &["api-server", "jobs"]),
            ("x", "y", &["a-b", "b-a"], &["a-b", "b-a"]),
            ("x", "y", &["acme-web", "acme-jobs", "Postgres"], &["web", "jobs", "postgres"]),
            ("x", "y", &["user-service", "order-service", "gateway"], &["user", "order", "gateway"]),
            ("x", "y", &["a-worker", "a-worker-mail", "a-api"], &["worker", "worker-mail", "api"]),
        ] {
            let found = aliases_of(project, environment, chosen, &[]);
            let expected: Vec<String> =
                chosen.iter().zip(aliases).map(|(name, alias)| format!("{alias}={name}")).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn alias_never_equals_another_service_name() {
        let chosen = &["shop-api-eu", "shop-worker-eu"];
        assert_eq!(aliases_of("x", "y", chosen, &["Worker"]), ["api=shop-api-eu", "shop-worker-eu=shop-worker-eu"]);
        assert_eq!(
            aliases_of("x", "y", &["日本", "*", "A.b", "a b"], &[]),
            ["service-1=日本", "service-2=*", "b=A.b", "a-b=a b"]
        );
        assert_eq!(aliases_of("x", "y", &["B", "b"], &[]), ["b-2=B", "b-3=b"]);
        assert_eq!(aliases_of("x", "y", &["7", "8"], &[]), ["service-1=7", "service-2=8"]);
    }

    #[test]
    fn ambiguous_name_is_replaced_by_the_id() {
        let ambiguous = ResourceRef { id: "one".to_owned(), name: "id-of-api".to_owned() };
        let nameless = ResourceRef { id: "two".to_owned(), name: String::new() };
        let all = [named("api"), ambiguous.clone(), nameless.clone()];
        let names: Vec<String> = sections(&all, &all, ["", ""]).into_iter().map(|section| section.name).collect();
        assert_eq!(names, ["api", "one", "two"]);
    }

    proptest! {
        #[test]
        fn each_section_resolves_to_its_own_service(
            names in collection::vec("[ab-]{0,4}|\\PC{0,6}", 1..6),
            project in any::<String>(),
            environment in "[ab-]{0,3}",
        ) {
            let all: Vec<ResourceRef> =
                names.into_iter().enumerate().map(|(at, name)| ResourceRef { id: format!("{at}-id"), name }).collect();
            let found = sections(&all, &all, [&project, &environment]);
            let pairs: Vec<(&ResourceRef, Option<&str>)> =
                found.iter().map(|section| (&section.service, Some(section.alias.as_str()))).collect();
            for (index, section) in found.iter().enumerate() {
                prop_assert!(section.alias.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
                let by_alias = resolve(&section.alias, &pairs).unwrap();
                prop_assert_eq!((by_alias.index, by_alias.kind), (index, MatchKind::Alias));
                let by_name = resolve(&section.name, &pairs).unwrap();
                prop_assert_eq!(by_name.index, index, "{:?}", found);
            }
        }
    }
}
