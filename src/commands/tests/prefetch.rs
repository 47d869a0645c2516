//! A run prefetches what the last run requested. Its report is that of a run without a cache, whatever has changed in
//! the environment since.

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimAccess, SimService, SimVariable};
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::seed::PROJECT_TOKEN;

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const DELETED: &str = "2026-11-24T10:00:00.000Z";

/// How the project and environment are selected.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    Ids,
    Names,
    Token,
}

const SELECTIONS: [By; 3] = [By::Ids, By::Names, By::Token];

fn api() -> SimService {
    service("api", &[("A", "stored-value-of-a"), ("B", "2")]).deployed(SimDeployment::serving(SINCE).had("A", "older"))
}

fn worker() -> SimService {
    service("worker", &[("A", "1")]).deployed(SimDeployment::serving(SINCE))
}

fn shop(by: By) -> Sandbox {
    let sandbox = Sandbox::of([api(), worker()]).file(".env", "A=1\nB=2\n");
    match by {
        By::Ids => sandbox,
        By::Names => sandbox.variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None),
        By::Token => sandbox.variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN)),
    }
}

pub(super) fn check(sandbox: &Sandbox, by: By) -> (Ended, Vec<String>) {
    let before = sandbox.sim.count();
    let names = ["--project", "shop", "--environment", "staging"];
    let mut words = vec!["check", "--format", "json", "-v"];
    if matches!(by, By::Names) {
        words.extend(names);
    }
    let ended = sandbox.run(&words);
    let asked = sandbox.sim.requests().into_iter().skip(before).map(|asked| asked.operation);
    (ended, asked.collect())
}

/// Returns the exit code, report and messages of a run, without the number of requests.
pub(super) fn outcome(ended: &Ended) -> (u8, Value, String) {
    let mut report: Value = serde_json::from_str(&ended.out).unwrap_or_default();
    if let Some(summary) = report.get_mut("summary") {
        summary["requests"].take();
    }
    // Trace ids are different for every request.
    let traceless = ended.err.split("(trace ").map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    (ended.code, report, traceless.collect())
}

/// Returns the second run without and with a cache, after a change between the runs.
fn both(by: By, happens: impl Fn(&Sandbox)) -> ([(Ended, Vec<String>); 2], Sandbox) {
    let run = |sandbox: Sandbox| {
        assert_eq!(check(&sandbox, by).0.code, 1, "there is drift");
        happens(&sandbox);
        (check(&sandbox, by), sandbox)
    };
    let (cold, _) = run(shop(by));
    let (warm, sandbox) = run(shop(by).remembering());
    ([cold, warm], sandbox)
}

fn staging(estate: &mut Estate) -> &mut Environment {
    &mut estate.projects[0].environments[0]
}

/// A change by another user.
type Change = fn(&mut Estate);

const NEWER: Change = |estate| {
    let service = staging(estate).service_named("api").unwrap();
    service.deployments.push(SimDeployment::serving("2026-11-24T09:00:00.000Z").had("A", "newer"));
};

const CHANGES: [(&str, Change); 15] = [
    ("nothing", |_| {}),
    ("a value", |estate| {
        let service = staging(estate).service_named("api").unwrap();
        service.variables.insert("B".to_owned(), SimVariable::Open(Secret::new("9")));
    }),
    ("a service is gone", |estate| staging(estate).services.truncate(1)),
    ("the first service is gone", |estate| staging(estate).services.retain(|service| service.name != "api")),
    ("a service is deleted", |estate| staging(estate).services[0].deleted_at = Some(DELETED.to_owned())),
    ("a service is renamed", |estate| staging(estate).services[0].name = "zebra".to_owned()),
    ("a service sorts first", |estate| staging(estate).services.push(service("aaa", &[("A", "1"), ("B", "3")]))),
    ("a newer deployment", NEWER),
    ("no deployment", |estate| staging(estate).service_named("api").unwrap().deployments.clear()),
    ("no service shares a key", |estate| staging(estate).services.iter_mut().for_each(|one| one.variables.clear())),
    ("the environment is deleted", |estate| staging(estate).deleted_at = Some(DELETED.to_owned())),
    ("the environment is closed", |estate| staging(estate).access = SimAccess::Administrators),
    ("the project is deleted", |estate| estate.projects[0].deleted_at = Some(DELETED.to_owned())),
    ("the ids are another's", |estate| {
        let (old, place) = (estate.projects[0].id.clone(), staging(estate).id.clone());
        let mut environment = Environment::named("staging").service(service("api", &[("A", "5")]));
        environment.id = place;
        let mut project = Project::named("shop").id(&old).environment(environment);
        project.workspace.clone_from(&estate.projects[0].workspace);
        estate.projects[0] = project;
    }),
    ("the name is another's", |estate| {
        estate.projects[0].name = "closed".to_owned();
        let environment = Environment::named("staging").service(service("api", &[("A", "6")]));
        let mut project = Project::named("shop").id("0e000000-0000-4000-8000-000000000001").environment(environment);
        project.workspace.clone_from(&estate.projects[0].workspace);
        estate.projects.push(project);
    }),
];

#[test]
fn report_matches_uncached_run_after_any_change() {
    for by in SELECTIONS {
        for (name, change) in CHANGES {
            let ([cold, warm], sandbox) = both(by, |sandbox| sandbox.sim.change(change));
            assert_eq!(outcome(&warm.0), outcome(&cold.0), "{by:?}, {name}");
            let extra = warm.1.len() - cold.1.len();
            let most = if matches!(by, By::Names) { 2 } else { 1 };
            assert!(extra <= most, "{by:?}, {name}: {extra} requests more: {:?}", warm.1);
            if let Ok(report) = serde_json::from_str::<Value>(&warm.0.out) {
                assert_eq!(report["summary"]["requests"], warm.1.len(), "{by:?}, {name}: every request is counted");
            }
            // The next prefetch is right, or there is none.
            let next = check(&sandbox, by);
            assert_eq!(outcome(&next.0), outcome(&cold.0), "{by:?}, {name}, after it");
            assert_eq!(next.1.len(), cold.1.len(), "{by:?}, {name}, after it: {:?}", next.1);
        }
    }
}

#[test]
fn correct_prefetch_is_free_and_wrong_one_is_counted() {
    for (by, first) in [(By::Ids, 2), (By::Names, 3), (By::Token, 2)] {
        for (change, wasted) in [(CHANGES[0].1, 0), (CHANGES[1].1, 0), (NEWER, 1)] {
            let ([cold, warm], _) = both(by, |sandbox| sandbox.sim.change(change));
            assert_eq!((cold.1.len(), warm.1.len()), (first, first + wasted), "{by:?}: {:?}", warm.1);
            let report: Value = serde_json::from_str(&warm.0.out).unwrap();
            assert_eq!(report["summary"]["requests"], first + wasted, "{by:?}");
        }
    }
}

#[test]
fn duplicate_project_name_is_ambiguous_despite_cache() {
    let happens = |sandbox: &Sandbox| {
        sandbox.sim.change(|estate| {
            let environment = Environment::named("staging").service(service("api", &[("A", "6")]));
            let mut project =
                Project::named("shop").id("0e000000-0000-4000-8000-000000000001").environment(environment);
            project.workspace.clone_from(&estate.projects[0].workspace);
            estate.projects.push(project);
        });
    };
    let ([cold, warm], _) = both(By::Names, happens);
    assert_eq!((warm.0.code, outcome(&warm.0)), (2, outcome(&cold.0)));
    assert!(warm.0.err.contains("ambiguous"), "{warm:?}");
}

#[test]
fn failed_prefetch_falls_back_to_regular_request() {
    let quiet = both(By::Ids, |_| {}).0[0].0.out.clone();
    for (name, fault) in [
        ("no permission", Fault::refusal("Not Authorized")),
        ("a problem", Fault::refusal("Problem processing request")),
        ("a limit", Fault::reply(429, "{}").header("retry-after", "2")),
        ("a limit without a time", Fault::reply(429, "{}")),
        ("a limit beyond the time", Fault::reply(429, "{}").header("retry-after", "900")),
        ("a gateway", Fault::lost(Moment::Before, Loss::Html(502))),
        ("a reset", Fault::lost(Moment::Before, Loss::Reset)),
        ("a cut", Fault::lost(Moment::After, Loss::Truncated)),
        ("no answer", Fault::lost(Moment::Before, Loss::TimedOut)),
        ("no document", Fault::reply(200, "{\"data\":null}")),
    ] {
        let sandbox = shop(By::Ids).remembering();
        check(&sandbox, By::Ids);
        sandbox.sim.fault(fault.on("Values"));
        let (ended, asked) = check(&sandbox, By::Ids);
        assert_eq!(asked, ["Environment", "Values", "Values"], "{name}");
        assert_eq!(ended.out.replace("\"requests\": 3", "\"requests\": 2"), quiet, "{name}");
    }
}

#[test]
fn rate_limit_is_respected_within_timeout() {
    for (after, seconds) in [("7", 7), ("900", 0)] {
        let sandbox = shop(By::Ids).remembering();
        check(&sandbox, By::Ids);
        sandbox.sim.fault(Fault::reply(429, "{}").header("retry-after", after).on("Values"));
        let (ended, _) = check(&sandbox, By::Ids);
        assert_eq!(ended.took.as_secs(), seconds, "{ended:?}");
    }
}

#[test]
fn repeatedly_incomplete_batch_is_not_prefetched() {
    let sandbox = shop(By::Ids).remembering();
    sandbox.sim.fault(Fault::field("staged", "Not Authorized").permanent());
    for _ in 0..3 {
        let (ended, asked) = check(&sandbox, By::Ids);
        assert_eq!((ended.code, asked), (1, vec!["Environment".to_owned(), "Values".to_owned(), "Values".to_owned()]));
    }
}

#[test]
fn fix_does_not_prefetch() {
    let sandbox = shop(By::Ids).remembering();
    check(&sandbox, By::Ids);
    sandbox.sim.change(NEWER);
    let before = sandbox.sim.count();
    let ended = sandbox.run(&["fix", "--push", "--dry-run"]);
    let asked: Vec<String> = sandbox.sim.requests().into_iter().skip(before).map(|asked| asked.operation).collect();
    assert_eq!(asked, ["Environment", "Values", "PreWriteState"], "{ended:?}");
}

#[test]
fn matrix_and_hook_share_cached_ids() {
    let sandbox = shop(By::Ids).remembering();
    check(&sandbox, By::Ids);
    sandbox.sim.change(NEWER);
    for (words, expected) in [
        (&["matrix"][..], &["Environment", "Values", "Values"][..]),
        (&["hook", "run", "--strict"], &["Environment", "Values"]),
        (&["check"], &["Environment", "Values"]),
        // Each selection of services has its own cache entry.
        (&["check", "--service", "worker"], &["Environment", "Values"]),
        (&["check"], &["Environment", "Values"]),
        (&["check", "--service", "worker"], &["Environment", "Values"]),
    ] {
        let before = sandbox.sim.count();
        let ended = sandbox.run(words);
        let asked: Vec<String> = sandbox.sim.requests().into_iter().skip(before).map(|asked| asked.operation).collect();
        assert_eq!(asked, expected, "{words:?}: {ended:?}");
    }
}

#[test]
fn cache_contains_only_ids() {
    for by in SELECTIONS {
        let sandbox = shop(by).remembering();
        check(&sandbox, by);
        let names: Vec<_> = std::fs::read_dir(sandbox.cache()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let text = std::fs::read_to_string(&names[0]).unwrap();
        assert!(text.contains(&sandbox.id("api")) && text.contains(&sandbox.id("worker")), "{text}");
        let file: Value = serde_json::from_str(&text).unwrap();
        let mut strings = Vec::new();
        texts(&file, &mut strings);
        assert!(strings.len() >= 4 && strings.iter().all(|text| text.len() == 36), "ids and nothing else: {strings:?}");
        for secret in ["stored-value-of-a", "older", "shop", "staging", "api", "RAILWAY", "-token"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}
