//! Finding and parsing `doctor.toml`. Invalid files are in the submodules.

mod baseline;
mod http_requests;
mod invalid;
mod new_file;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::date;

use crate::drift::Severity;
use crate::error::Error;
use crate::io::config::{
    At, Config, ConfigChoice, FailOnSetting, HeaderPart, JsonPresence, LoaderSetting, MustSetting, OnDrift, RuleName,
    load,
};

const RULES: &[RuleName] = &[("D101", "missing-on-railway"), ("D102", "missing-locally"), ("D103", "value-differs")];

/// Returns a directory outside any repository with that `doctor.toml`.
fn folder(text: &str) -> (tempfile::TempDir, PathBuf) {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path().canonicalize().unwrap();
    fs::write(folder.join("doctor.toml"), text).unwrap();
    (guard, folder)
}

fn read(text: &str) -> Result<Config, Error> {
    load(&ConfigChoice::Nearest, &folder(text).1, RULES).map(|config| config.expect("the file exists"))
}

/// Returns `line:column: message | help` of the error for a text.
fn fault(text: &str) -> String {
    match read(text) {
        Err(Error::Config { path, line, column, what, help }) => {
            assert_eq!(&*path, "doctor.toml");
            format!("{line}:{column}: {what} | {help}")
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn faults(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let got = fault(text);
        assert!(got.starts_with(expected), "{text}\n     got {got}\nexpected {expected}");
    }
}

fn values<T: Clone>(list: &[At<T>]) -> Vec<T> {
    list.iter().map(|at| at.value.clone()).collect()
}

const EVERYTHING: &str = r#"
project     = "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2"   # id or name
environment = "staging"
env-file    = [".env", ".env.local"]
loader      = "python"
fail-on     = "warning"

[environments.production]
env-file  = ".env.production"
protected = true

[services.api]
name = "agentverse-api-staging"

[services.worker]
name = "agentverse-worker-staging"
env-file = ["worker/.env"]
start-command-contains = ["-B", "--loglevel=info"]
commit = "371a158"

[services.web]

[[require]]
keys     = ["STAGING_OPS_API_KEY"]
services = ["api", "worker"]

[[require]]
keys = ["A", "B"]

[[ignore]]
keys     = ["DEBUG", "LOCAL_*"]
services = ["api"]
environments = ["staging"]
rules    = ["value-differs", "D102"]
reason   = "only for local runs"
until    = "2027-01-01"

[[ignore]]
keys = ["X"]
reason = "y"
until = 2027-02-28

[severity]
missing-locally = "off"
D103 = "note"

[[expect.log]]
service  = "worker"
contains = "Worker boot_id stored in Redis"
within   = "5m"

[[expect.http]]
service = "api"
request = "GET /api/v1/ops/chaos/worker-status?full=1"
headers = { X-API-Key = "$STAGING_OPS_API_KEY", Authorization = "Bearer $A" }
status  = 200
json    = { "/boot_info" = "present", "/error" = "absent", "/a~1b/0" = "up", "/n" = 3, "/f" = 1.5, "/b" = true }

[hook]
on-drift = "warn"

[[across]]
keys = ["SECRET_KEY", "STRIPE_SECRET_KEY"]
must = "differ"

[[across]]
keys = ["SENTRY_DSN"]
must = "agree"

[[across]]
keys = ["SECRET_KEY", "SENTRY_DSN"]
must = "exist"
"#;

#[test]
fn reads_every_setting() {
    let config = read(EVERYTHING).unwrap();
    assert_eq!(
        config.project,
        Some(At { value: "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2".to_owned(), line: 2, column: 15 })
    );
    assert_eq!(config.environment.as_ref().map(|at| at.value.as_str()), Some("staging"));
    assert_eq!(values(config.env_file.as_ref().unwrap()), [".env", ".env.local"]);
    assert_eq!(
        (config.loader, config.fail_on),
        (Some(LoaderSetting::Python), Some(FailOnSetting::Severity(Severity::Warning)))
    );

    let production = &config.environments["production"];
    assert_eq!((production.name.line, production.protected), (8, Some(true)));
    assert_eq!(values(production.env_file.as_ref().unwrap()), [".env.production"]);

    assert_eq!(config.services.keys().collect::<Vec<_>>(), ["api", "web", "worker"]);
    let worker = &config.services["worker"];
    assert_eq!(worker.name.value, "agentverse-worker-staging");
    assert_eq!(values(&worker.start_command_contains), ["-B", "--loglevel=info"]);
    assert_eq!(worker.commit.as_ref().map(|at| at.value.as_str()), Some("371a158"));
    assert_eq!(config.services["web"].name.value, "web", "the alias is the default name");

    let [first, second] = &config.require[..] else { panic!() };
    assert_eq!((first.line, values(&first.keys)), (23, vec!["STAGING_OPS_API_KEY".to_owned()]));
    assert_eq!(first.services[1], At { value: "worker".to_owned(), line: 25, column: 20 });
    assert!(second.services.is_empty());

    let [first, second] = &config.ignore[..] else { panic!() };
    assert_eq!((first.line, first.reason.as_str()), (30, "only for local runs"));
    assert_eq!(
        (values(&first.keys), values(&first.environments)),
        (vec!["DEBUG".to_owned(), "LOCAL_*".to_owned()], vec!["staging".to_owned()])
    );
    assert_eq!(first.rules, ["value-differs", "missing-locally"], "a code selects the rule of that code");
    assert_eq!((first.until, second.until), (Some(date(2027, 1, 1)), Some(date(2027, 2, 28))));
    let severity: Vec<_> = config.severity.iter().map(|(rule, severity)| (rule.as_str(), *severity)).collect();
    assert_eq!(severity, [("missing-locally", None), ("value-differs", Some(Severity::Note))]);

    let [log] = &config.expect_log[..] else { panic!() };
    assert_eq!((log.service.value.as_str(), log.within), ("worker", Some(Duration::from_secs(300))));
    assert_eq!(log.contains, "Worker boot_id stored in Redis");
    let [http] = &config.expect_http[..] else { panic!() };
    assert_eq!((http.method.as_str(), http.path.as_str()), ("GET", "/api/v1/ops/chaos/worker-status?full=1"));
    assert_eq!((http.status, http.allow_effects), (Some(200), None));
    assert_eq!(http.headers["x-api-key"], [HeaderPart::Key("STAGING_OPS_API_KEY".to_owned())]);
    let [HeaderPart::Text(text), HeaderPart::Key(key)] = &http.headers["authorization"][..] else { panic!() };
    assert_eq!((text.expose(), key.as_str()), ("Bearer ", "A"));
    let json: Vec<_> = http.json.iter().map(|(pointer, presence)| (pointer.as_str(), presence.clone())).collect();
    assert_eq!(
        json,
        [
            ("/a~1b/0", JsonPresence::Text("up".to_owned())),
            ("/b", JsonPresence::Boolean(true)),
            ("/boot_info", JsonPresence::Present),
            ("/error", JsonPresence::Absent),
            ("/f", JsonPresence::Float(1.5)),
            ("/n", JsonPresence::Integer(3)),
        ]
    );
    assert_eq!(config.on_drift, Some(OnDrift::Warn));
    let across: Vec<_> = config.across.iter().map(|section| (section.line, section.must)).collect();
    assert_eq!(across, [(62, MustSetting::Differ), (66, MustSetting::Agree), (70, MustSetting::Exist)]);
    assert_eq!(
        config.across[0].keys[1],
        At { value: "STRIPE_SECRET_KEY".to_owned(), line: 63, column: 23 },
        "the position is that of the key"
    );
}

#[test]
fn repeated_across_keys_are_accepted_if_they_do_not_contradict() {
    for must in ["agree", "differ"] {
        let entry = format!("[[across]]\nkeys = ['A', 'A']\nmust = '{must}'\n");
        let config = read(&format!("{entry}{entry}[[across]]\nkeys = ['A']\nmust = 'exist'\n")).unwrap();
        assert_eq!(config.across.len(), 3, "{must}");
        assert_eq!(values(&config.across[1].keys), ["A", "A"], "{must}");
    }
}

#[test]
fn empty_file_sets_nothing() {
    for text in ["", "\n# nothing\n", "\u{feff}", "[expect]\n[services]\n[severity]\n[hook]\n[environments]"] {
        let config = read(text).unwrap();
        assert!(config.project.is_none() && config.services.is_empty() && config.fail_on.is_none(), "{text:?}");
    }
    assert_eq!(read("fail-on = 'never'").unwrap().fail_on.unwrap().severity(), None);
}

#[test]
fn nearest_file_in_repository_is_used() {
    let guard = tempfile::tempdir().unwrap();
    let outer = guard.path().canonicalize().unwrap();
    let deep = outer.join("shop/api/src");
    fs::create_dir_all(&deep).unwrap();
    fs::write(outer.join("doctor.toml"), "project = 'outer'").unwrap();
    let nearest = |folder: &Path| {
        let config = load(&ConfigChoice::Nearest, folder, RULES).unwrap()?;
        Some((config.project.clone()?.value, config.name.clone(), config.root))
    };
    assert_eq!(nearest(&deep), None, "outside a repository, only the working directory counts");
    assert_eq!(nearest(&outer), Some(("outer".to_owned(), "doctor.toml".to_owned(), outer.clone())));

    fs::create_dir_all(outer.join("shop/.git")).unwrap();
    fs::write(outer.join("shop/.git/HEAD"), "").unwrap();
    assert_eq!(nearest(&deep), None, "files above the root of the repository don't count");
    fs::write(outer.join("shop/doctor.toml"), "project = 'shop'").unwrap();
    assert_eq!(nearest(&deep), Some(("shop".to_owned(), "../../doctor.toml".to_owned(), outer.join("shop"))));
    fs::write(outer.join("shop/api/doctor.toml"), "project = 'api'").unwrap();
    assert_eq!(nearest(&deep), Some(("api".to_owned(), "../doctor.toml".to_owned(), outer.join("shop"))));

    assert!(load(&ConfigChoice::None, &deep, RULES).unwrap().is_none());
    let chosen = load(&ConfigChoice::Path("../../../doctor.toml".into()), &deep, RULES).unwrap().unwrap();
    assert_eq!((chosen.project.unwrap().value.as_str(), chosen.root.as_path()), ("outer", outer.as_path()));
    let chosen = load(&ConfigChoice::Path(outer.join("shop/api/doctor.toml")), &outer, RULES).unwrap().unwrap();
    assert_eq!((chosen.root, chosen.name.as_str()), (outer.join("shop"), "shop/api/doctor.toml"));

    let missing = load(&ConfigChoice::Path("gone.toml".into()), &deep, RULES).unwrap_err();
    assert!(matches!(missing, Error::File { path, cause: why, .. } if path == "gone.toml" && why == "no such file"));
    fs::create_dir(deep.join("doctor.toml")).unwrap();
    assert!(
        matches!(load(&ConfigChoice::Nearest, &deep, RULES), Err(Error::File { cause: why, .. }) if why.contains("a directory"))
    );
}

#[cfg(unix)]
#[test]
fn file_linked_outside_repository_is_refused() {
    use std::os::unix::fs::symlink;
    let (_guard, outer) = folder("project = 'outer'");
    let shop = outer.join("shop");
    fs::create_dir(&shop).unwrap();
    symlink("../doctor.toml", shop.join("doctor.toml")).unwrap();
    assert!(
        matches!(load(&ConfigChoice::Nearest, &shop, RULES), Err(Error::File { cause: why, .. }) if why.contains("symbolic link out of"))
    );
    assert!(
        load(&ConfigChoice::Path("doctor.toml".into()), &shop, RULES).is_ok(),
        "a file that the user selects may be anywhere"
    );
}

#[test]
fn paths_are_relative_to_file_and_stay_inside_repository() {
    let (_guard, outer) = folder("");
    let api = outer.join("shop/api");
    fs::create_dir_all(&api).unwrap();
    fs::create_dir(outer.join("shop/.git")).unwrap();
    fs::write(outer.join("shop/.git/HEAD"), "").unwrap();
    fs::write(api.join("doctor.toml"), "env-file = [\n  '.env',\n  '../.env',\n  '../../.env', '/etc/hosts']").unwrap();
    let config = load(&ConfigChoice::Nearest, &api, RULES).unwrap().unwrap();
    let files: Vec<_> = config.env_file.as_ref().unwrap().iter().map(|path| config.file(path)).collect();
    assert_eq!(files[0], Ok(api.join(".env")));
    assert_eq!(files[1], Ok(outer.join("shop/.env")));
    for (file, place) in [(&files[2], (4, 3)), (&files[3], (4, 17))] {
        let Err(Error::Config { line, column, what, .. }) = file else { panic!("{file:?}") };
        assert_eq!((*line, *column), place);
        assert!(what.starts_with("path not allowed: it is outside "), "{what}");
    }
}
