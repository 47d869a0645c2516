//! A comparison prefetches what the last one requested. Its report is that of a run without a cache, whatever has
//! changed in the environments since.

use crate::commands::tests::compare::{environment, json, shop, with_project_token};
use crate::commands::tests::fix::service;
use crate::commands::tests::prefetch::outcome;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::sim::estate::{Environment, Estate, Project, SimAccess, SimVariable};
use crate::io::sim::{Sim, SimOptions};

const DELETED: &str = "2026-11-24T10:00:00.000Z";
const OTHER_ID: &str = "0e000000-0000-4000-8000-000000000002";

/// Runs `compare`, and returns the operations that it sends.
fn compare(sandbox: &Sandbox, words: &[&str]) -> (Ended, Vec<String>) {
    let before = sandbox.sim.count();
    let ended = json(sandbox, words);
    (ended, sandbox.sim.requests().into_iter().skip(before).map(|asked| asked.operation).collect())
}

/// Returns `staging` and `live`, each with two services, and `extra`.
fn pair() -> Sandbox {
    let services =
        |region: &str| [service("api", &[("REGION", region), ("PORT", "1")]), service("worker", &[("A", "1")])];
    shop([environment("staging", services("eu")), environment("live", services("us")), Environment::named("extra")])
}

const LIVE: usize = 1;

fn live(estate: &mut Estate) -> &mut Environment {
    &mut estate.projects[0].environments[LIVE]
}

/// A change by another user.
type Change = fn(&mut Estate);

/// Each with the number of requests that are wasted.
const CHANGES: [(&str, Change, usize); 10] = [
    ("nothing", |_| {}, 0),
    (
        "a value",
        |estate| {
            let value = SimVariable::Open(Secret::new("9"));
            live(estate).services[0].variables.insert("PORT".to_owned(), value);
        },
        0,
    ),
    ("a service is gone", |estate| drop(live(estate).services.pop()), 1),
    ("a service is deleted", |estate| live(estate).services[0].deleted_at = Some(DELETED.to_owned()), 1),
    ("one more", |estate| live(estate).services.push(service("zebra", &[("A", "1")])), 1),
    ("another id", |estate| OTHER_ID.clone_into(&mut live(estate).id), 1),
    (
        "another environment with the name",
        |estate| {
            live(estate).deleted_at = Some(DELETED.to_owned());
            let mut next = environment("live", [service("api", &[("PORT", "2")])]);
            OTHER_ID.clone_into(&mut next.id);
            estate.projects[0].environments.push(next);
        },
        1,
    ),
    ("the environment is deleted", |estate| live(estate).deleted_at = Some(DELETED.to_owned()), 1),
    ("the environment is closed", |estate| live(estate).access = SimAccess::Administrators, 1),
    ("the project is deleted", |estate| estate.projects[0].deleted_at = Some(DELETED.to_owned()), 1),
];

#[test]
fn report_matches_uncached_run_after_any_change() {
    for words in [&["staging", "live"][..], &["staging", "live", "--project", "shop"]] {
        for (name, change, wasted) in CHANGES {
            let [cold, warm] = [pair(), pair().remembering()].map(|sandbox| {
                assert_eq!(compare(&sandbox, words).0.code, 0);
                sandbox.sim.change(change);
                (compare(&sandbox, words), sandbox)
            });
            assert_eq!(outcome(&warm.0.0), outcome(&cold.0.0), "{words:?}, {name}");
            let sent = cold.0.1.len();
            // A project that no longer has the name costs the request for its environments as well.
            let most = if words.len() > 2 { 2 * wasted } else { wasted };
            assert!((sent + wasted..=sent + most).contains(&warm.0.1.len()), "{words:?}, {name}: {:?}", warm.0.1);
            let next = compare(&warm.1, words);
            assert_eq!((outcome(&next.0), next.1.len()), (outcome(&cold.0.0), sent), "{words:?}, {name}, after it");
        }
    }
}

#[test]
fn each_selection_has_its_own_cached_ids() {
    let sandbox = pair().remembering();
    let runs = [
        &["staging", "live"][..],
        &["live", "staging"],
        &["staging", "live", "--service", "api"],
        &["live", "extra"],
        &["staging", "live", "--project", "shop"],
    ];
    for _ in 0..2 {
        for words in runs {
            let asked = compare(&sandbox, words).1;
            assert_eq!(asked.iter().filter(|operation| *operation == "Values").count(), 1, "{words:?}: {asked:?}");
        }
    }
    assert_eq!(std::fs::read_dir(sandbox.cache()).expect("there is a cache").count(), runs.len());
}

#[test]
fn many_services_take_seven_batches_unless_they_are_too_large() {
    let many = |options: SimOptions| {
        let services = || (0..200).map(|number| service(&format!("s{number:03}"), &[("A", "1")]));
        let project = Project::named("shop").environment(environment("staging", services()));
        let project = project.environment(environment("live", services()));
        Sandbox::new(Sim::with(Estate::of("crew").project(project).with_tokens(), options)).remembering()
    };
    let words = ["staging", "live"];
    let sandbox = many(SimOptions::default());
    let (expected, asked) = compare(&sandbox, &words);
    assert_eq!((expected.code, asked.len()), (0, 1 + 7), "{asked:?}");
    let small = many(SimOptions { root_fields: 2 * 20, ..SimOptions::default() });
    // The batches of sixty are rejected, once.
    for (sandbox, requests) in [(&sandbox, 1 + 7), (&small, 1 + 7 + 20), (&small, 1 + 20)] {
        let (ended, asked) = compare(sandbox, &words);
        assert_eq!((outcome(&ended), asked.len()), (outcome(&expected), requests));
    }
}

#[test]
fn cache_contains_only_ids() {
    let sandbox = pair().remembering();
    compare(&sandbox, &["staging", "live"]);
    let files: Vec<_> = std::fs::read_dir(sandbox.cache()).expect("there is a cache").collect();
    assert_eq!(files.len(), 1);
    let text = std::fs::read_to_string(files[0].as_ref().expect("a file").path()).expect("a text");
    let known = sandbox.sim.change(|estate| {
        let environments = &estate.projects[0].environments[..=LIVE];
        let services = environments.iter().flat_map(|own| own.services.iter().map(|service| service.id.clone()));
        let ids = services.chain(environments.iter().map(|own| own.id.clone()));
        ids.chain([estate.projects[0].id.clone()]).collect::<Vec<_>>()
    });
    let without_ids = known.iter().fold(text.clone(), |text, id| {
        assert!(text.contains(id) || known.iter().filter(|other| *other == id).count() > 1, "{id}: {text}");
        text.replace(id, "")
    });
    let names = ["time", "project", "services", "environment", "service", "deployment", "batch_limit", "allowance"];
    let rest = names.iter().fold(without_ids, |text, name| text.replace(&format!("\"{name}\":"), ""));
    assert!(rest.chars().all(|rest| "{}[],\"0123456789nul".contains(rest)), "{text}");
}

#[test]
fn two_tokens_cache_nothing() {
    let sandbox =
        with_project_token(with_project_token(pair(), "token-of-staging", "staging"), "token-of-live", "live");
    let sandbox = sandbox.variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some("token-of-staging"));
    let sandbox = sandbox.variable("LIVE_TOKEN", Some("token-of-live")).remembering();
    for _ in 0..2 {
        let (ended, asked) = compare(&sandbox, &["staging", "live", "--token", "live=LIVE_TOKEN"]);
        assert_eq!((ended.code, asked.len()), (0, 4), "{asked:?}");
    }
    assert!(!sandbox.cache().exists());
}
