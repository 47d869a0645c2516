//! Prefetch: with the ids cached by the previous run, all requests are sent at once. A wrong, invalid or unwritable
//! cache does not change the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::seed::PROJECT_TOKEN;
use serde_json::Value;

use crate::binary::{Doctor, Outcome, outcome};
use crate::server::Misbehaviour;

fn api() -> SimService {
    let variables = [("A", "1"), ("B", "mark4711-b"), ("C", "pre-${{worker.A}}")];
    let running = SimDeployment::serving("2026-11-20T10:00:00.000Z").had("B", "mark4711-older");
    SimService::named("api").repository("crew/shop").variables(&variables).sealed("D", "mark4711-d").deployed(running)
}

fn shop() -> Doctor {
    let worker = SimService::named("worker").variables(&[("A", "mark4711-a")]);
    let staging = Environment::named("staging").service(api()).service(worker);
    let estate = Estate::of("crew").project(Project::named("shop").environment(staging)).with_tokens();
    Doctor::new(estate).file(".env", "A=1\nB=mark4711-mine\n")
}

/// The exit code, the report without its number of requests, and standard error.
fn without_request_count(outcome: &Outcome) -> (Option<i32>, Value, String) {
    let mut report = outcome.report();
    report["summary"]["requests"].take();
    (outcome.code, report, outcome.err.clone())
}

fn requests(outcome: &Outcome) -> u64 {
    outcome.report()["summary"]["requests"].as_u64().unwrap()
}

const JSON: [&str; 2] = ["--format", "json"];

fn cache_directory(doctor: &Doctor) -> PathBuf {
    doctor.home().join(".cache/railway-doctor")
}

fn cache_files(doctor: &Doctor) -> Vec<PathBuf> {
    fs::read_dir(cache_directory(doctor)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn cached_ids_send_all_requests_concurrently() {
    let by_names = ["--format", "json", "--project", "shop", "--environment", "staging"];
    let with_token =
        |doctor: Doctor| doctor.variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN));
    for (doctor, arguments, count) in [(shop(), &JSON[..], 2), (with_token(shop()), &JSON, 2), (shop(), &by_names, 3)] {
        let cold = doctor.check(arguments);
        assert_eq!((requests(&cold), doctor.served.received().len()), (count as u64, count), "{cold:?}");
        // The server responds only after all requests have arrived, so sequential requests would time out.
        (0..count).for_each(|_| doctor.served.misbehave(Misbehaviour::WaitForRequests(2 * count)));
        let warm = doctor.check(arguments);
        assert_eq!(without_request_count(&warm), without_request_count(&cold));
        assert_eq!((requests(&warm), doctor.served.received().len()), (count as u64, 2 * count), "{warm:?}");
    }
}

#[test]
fn comparison_and_trace_send_all_requests_concurrently() {
    let staging = Environment::named("staging").shared(&[("SHARED", "mark4711-b")]).service(api());
    let project = Project::named("shop").environment(staging).environment(Environment::named("live").service(api()));
    let estate = Estate::of("crew").project(project).with_tokens();
    for words in [&["compare", "staging", "live"][..], &["trace", "B", "--from", "api"]] {
        let doctor = Doctor::new(estate.clone());
        let run = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
            command.args(words).args(JSON).args(["--api-url", &doctor.served.url()]);
            doctor.prepare(&mut command);
            outcome(command.output().unwrap())
        };
        let cold = run();
        assert_eq!((requests(&cold), doctor.served.received().len()), (2, 2), "{cold:?}");
        (0..2).for_each(|_| doctor.served.misbehave(Misbehaviour::WaitForRequests(4)));
        let warm = run();
        assert_eq!(warm.code, cold.code);
        assert_eq!((requests(&warm), doctor.served.received().len()), (2, 4), "{warm:?}");
    }
}

#[test]
fn hanging_prefetch_delays_but_does_not_fail_the_run() {
    let doctor = shop();
    let cold = doctor.check(&JSON);
    // The response with the environment waits for the prefetch of the values, which never gets a response.
    doctor.served.misbehave_with("Environment", Misbehaviour::WaitForRequests(4));
    doctor.served.misbehave_with("Values", Misbehaviour::Hang);
    let warm = doctor.check(&["--format", "json", "--timeout", "4s"]);
    assert_eq!(without_request_count(&warm), without_request_count(&cold));
    assert_eq!(requests(&warm), 3);
}

#[test]
fn cache_contains_no_value_name_or_token() {
    let doctor = shop();
    let outcome = doctor.check(&JSON);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let files = cache_files(&doctor);
    assert_eq!(files.len(), 1);
    let text = fs::read_to_string(&files[0]).unwrap();
    let mut forbidden = vec!["mark4711".to_owned(), "shop".to_owned(), "staging".to_owned(), "worker".to_owned()];
    doctor
        .served
        .sim
        .change(|estate| forbidden.extend(estate.tokens.iter().map(|token| token.text.expose().to_owned())));
    for name in forbidden {
        assert!(!text.contains(&name), "{name}: {text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = |path: &Path| path.symlink_metadata().unwrap().mode() & 0o777;
        assert_eq!((mode(&files[0]), mode(&cache_directory(&doctor))), (0o600, 0o700));
    }
}

/// Damages or replaces a cache file.
type Damage = fn(&Path);

#[cfg(unix)]
#[test]
fn invalid_cache_is_ignored_and_rewritten() {
    use std::os::unix::fs::symlink;
    let contents: [(&str, Damage); 8] = [
        ("a missing file", |path| fs::remove_file(path).unwrap()),
        ("invalid UTF-8", |path| fs::write(path, b"\xff\x00{").unwrap()),
        ("an unknown field", |path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen('{', "{\"url\":\"http://evil.example\",", 1)).unwrap();
        }),
        ("an oversized file", |path| fs::write(path, vec![b' '; 1 << 20]).unwrap()),
        ("a link", |path| {
            fs::rename(path, path.with_extension("moved")).unwrap();
            symlink(path.with_extension("moved"), path).unwrap();
        }),
        ("a pipe", |path| {
            fs::remove_file(path).unwrap();
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("another owner", |path| drop(std::os::unix::fs::chown(path, Some(65534), None))),
        ("a file that others may write", |path| {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        }),
    ];
    for (name, damage) in contents {
        let doctor = shop();
        let cold = doctor.check(&JSON);
        let path = cache_files(&doctor).remove(0);
        damage(&path);
        let damaged = doctor.check(&JSON);
        assert_eq!((without_request_count(&damaged), requests(&damaged)), (without_request_count(&cold), 2), "{name}");
        let metadata = path.symlink_metadata().unwrap();
        assert!(metadata.is_file() && metadata.len() < 4096, "{name}: the cache is rewritten");
        (0..2).for_each(|_| doctor.served.misbehave(Misbehaviour::WaitForRequests(6)));
        assert_eq!(
            without_request_count(&doctor.check(&JSON)),
            without_request_count(&cold),
            "{name}: the next run prefetches again"
        );
    }
}

/// Wrong ids in the cache are requested, but the responses are discarded.
#[test]
fn unconfirmed_cached_ids_never_reach_the_report() {
    let doctor = shop();
    let cold = doctor.check(&JSON);
    let path = cache_files(&doctor).remove(0);
    let ids = doctor.served.sim.change(|estate| {
        let services = &estate.projects[0].environments[0].services;
        [services[0].id.clone(), services[1].id.clone()]
    });
    let text = fs::read_to_string(&path).unwrap();
    let mut without: Value = serde_json::from_str(&text).unwrap();
    assert!(without["services"][0]["deployment"].take().is_string(), "{text}");
    for (name, wrong) in [
        ("another service", text.replace(&ids[0], &ids[1])),
        ("an unknown service", text.replace(&ids[0], "0e000000-0000-4000-8000-000000000001")),
        ("no deployment", without.to_string()),
    ] {
        fs::write(&path, &wrong).unwrap();
        let warm = doctor.check(&JSON);
        assert_eq!((without_request_count(&warm), requests(&warm)), (without_request_count(&cold), 3), "{name}");
        assert_eq!(requests(&doctor.check(&JSON)), 2, "{name}: the cache is rewritten");
    }
}

#[test]
fn unwritable_cache_is_skipped() {
    let doctor = shop();
    fs::write(doctor.home().join(".cache"), "").unwrap();
    let first = doctor.check(&JSON);
    let second = doctor.check(&JSON);
    assert_eq!((without_request_count(&first), requests(&second)), (without_request_count(&second), 2));
    assert_eq!(first.err, "");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let doctor = shop();
        fs::set_permissions(doctor.home(), fs::Permissions::from_mode(0o500)).unwrap();
        let outcome = doctor.check(&JSON);
        assert_eq!((without_request_count(&outcome).0, outcome.err.as_str()), (without_request_count(&first).0, ""));
        fs::set_permissions(doctor.home(), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let doctor = shop().variable("XDG_CACHE_HOME", elsewhere.path().to_str());
    doctor.check(&JSON);
    assert!(elsewhere.path().join("railway-doctor").is_dir() && !doctor.home().join(".cache").exists());
}

#[test]
fn concurrent_runs_do_not_corrupt_the_cache() {
    let doctor = shop();
    for _ in 0..4 {
        let runs: Vec<_> = (0..3).map(|_| doctor.command(&JSON).spawn().unwrap()).collect();
        let all: Vec<Outcome> = runs.into_iter().map(|run| outcome(run.wait_with_output().unwrap())).collect();
        assert!(all.iter().all(|one| without_request_count(one) == without_request_count(&all[0])), "{all:?}");
        assert_eq!(cache_files(&doctor).len(), 1);
    }
    assert_eq!(requests(&doctor.check(&JSON)), 2);
}

#[test]
fn further_batches_are_sent_concurrently() {
    let service = |number| SimService::named(&format!("s{number}")).variables(&[("A", "1"), ("B", "2")]);
    let staging = (0..50).fold(Environment::named("staging"), |staging, number| staging.service(service(number)));
    let estate = Estate::of("crew").project(Project::named("shop").environment(staging)).with_tokens();
    let doctor = Doctor::new(estate).file(".env", "A=1\nB=3\n");
    // The environment, then three batches of services, which must all arrive before one of them gets a response.
    for count in [1, 4, 4, 4] {
        doctor.served.misbehave(Misbehaviour::WaitForRequests(count));
    }
    let cold = doctor.check(&JSON);
    assert_eq!((cold.code, requests(&cold)), (Some(1), 4), "{cold:?}");
    (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::WaitForRequests(8)));
    let warm = doctor.check(&JSON);
    assert_eq!((without_request_count(&warm), requests(&warm)), (without_request_count(&cold), 4));
}

#[test]
fn late_prefetch_is_used_if_it_beats_the_second_response() {
    let doctor = shop();
    let cold = doctor.check(&JSON);
    // The prefetch gets its response once the same query has been sent again, which never gets one.
    doctor.served.misbehave_with("Environment", Misbehaviour::WaitForRequests(4));
    doctor.served.misbehave_with("Values", Misbehaviour::WaitForRequests(5));
    doctor.served.misbehave_with("Values", Misbehaviour::Hang);
    let warm = doctor.check(&["--format", "json", "--timeout", "4s"]);
    assert_eq!((without_request_count(&warm), requests(&warm)), (without_request_count(&cold), 3));
}
