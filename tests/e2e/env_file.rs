//! How the file is kept and written: git, modes, examples, loaders, by the binary itself.

use std::process::Command;

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::Doctor;

const FILE: &str = "\
API_KEY=4f1c9a77b2
BASE=https://shop.example.com/#start
";

/// A real repository in the working folder.
fn shop() -> Doctor {
    let variables = [("API_KEY", "4f1c9a77b2"), ("BASE", "https://shop.example.com/#end")];
    let environment = Environment::named("production")
        .service(SimService::named("api").repository("crew/shop").variables(&variables));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let path = std::env::var("PATH").unwrap();
    let doctor = Doctor::new(estate).file("app/.env", FILE).variable("PATH", Some(&path));
    #[cfg(unix)]
    set_mode(doctor.work().parent().unwrap(), 0o700);
    git(&doctor, &["init", "-q"]);
    doctor
}

#[cfg(unix)]
fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn git(doctor: &Doctor, arguments: &[&str]) {
    let done = Command::new("git").args(arguments).current_dir(doctor.work()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// What the rules of this test say: rule, severity, key or message, and what they offer.
fn told(doctor: &Doctor) -> Vec<String> {
    let ended = doctor.check(&["--env-file", "app/.env", "--format", "json"]);
    assert_eq!(ended.err, "", "{ended:?}");
    let findings = ended.report()["findings"].as_array().unwrap().clone();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = findings.iter().map(|finding| {
        let about = Some(word(&finding["key"])).filter(|key| !key.is_empty());
        let about = about.unwrap_or_else(|| word(&finding["message"]));
        format!("{} {} {about} {}", word(&finding["severity"]), word(&finding["rule"]), finding["remedies"])
    });
    rows.collect()
}

const DIFFERS: &str = "error value-differs BASE [\"pull\"]";
const READ: &str = "warning loaders-disagree BASE []";

#[test]
fn finding_follows_file_from_unignored_to_tracked_to_ignored() {
    let doctor = shop();
    let loose = "warning env-file-exposed \
                 git does not ignore app/.env, so the next `git add` may take it along []";
    let tracked = "error env-file-exposed git tracks app/.env, and it holds secrets: API_KEY []";
    assert_eq!(told(&doctor), [DIFFERS, READ, loose]);
    git(&doctor, &["add", "."]);
    assert_eq!(told(&doctor), [DIFFERS, tracked, READ]);
    let doctor = doctor.file("app/.gitignore", ".env\n");
    assert_eq!(told(&doctor), [DIFFERS, tracked, READ], "being tracked counts more than being ignored");
    git(&doctor, &["rm", "-q", "--cached", "app/.env"]);
    assert_eq!(told(&doctor), [DIFFERS, READ]);
    let doctor = doctor.file("doctor.toml", "loader = \"python\"\n");
    assert_eq!(told(&doctor), ["error value-differs BASE [\"push\",\"pull\"]"], "the question is settled");
}

#[test]
fn example_beside_the_file_is_compared_with_it() {
    let doctor = shop()
        .file(".gitignore", ".env\n")
        .file(".env.example", "ELSEWHERE=\n")
        .file("app/.env.example", "API_KEY=\nSEARCH_URL=https://search.example.com\n# OPTIONAL=1\n");
    assert_eq!(told(&doctor), [DIFFERS, READ, "note example-key-missing SEARCH_URL []"]);
}

#[cfg(unix)]
#[test]
fn hostile_repository_runs_nothing_and_open_mode_is_reported() {
    let doctor = shop().file(".gitignore", ".env\n").file("trap", "#!/bin/sh\ntouch \"$(dirname \"$0\")/touched\"\n");
    let trap = doctor.work().join("trap");
    set_mode(&trap, 0o755);
    git(&doctor, &["config", "core.fsmonitor", trap.to_str().unwrap()]);
    let _ = Command::new("git").arg("status").current_dir(doctor.work()).output().unwrap();
    let touched = doctor.work().join("touched");
    assert!(touched.exists(), "the trap works");
    std::fs::remove_file(&touched).unwrap();
    set_mode(doctor.work().parent().unwrap(), 0o755);
    set_mode(&doctor.work().join("app/.env"), 0o644);
    let readable = "note env-file-exposed app/.env can be read by every user of this machine (mode 0644) []";
    assert_eq!(told(&doctor), [DIFFERS, READ, readable]);
    assert!(!touched.exists());
}

#[test]
fn unavailable_git_is_reported() {
    let doctor = shop().variable("PATH", Some("/nowhere"));
    let ended = doctor.check(&["--env-file", "app/.env"]);
    let flat = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("whether git tracks the files in use is not known: git is not installed"), "{ended:?}");
}
