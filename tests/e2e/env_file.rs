//! Findings about the `.env` file itself: git status, file mode, `.env.example`, differences between loaders.

use std::process::Command;

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::Doctor;

const FILE: &str = "\
API_KEY=4f1c9a77b2
BASE=https://shop.example.com/#start
";

/// A working directory that is a git repository.
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
    let output = Command::new("git").args(arguments).current_dir(doctor.work()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Runs a check, and returns each finding as its severity, rule, key or message, and remedies.
fn findings(doctor: &Doctor) -> Vec<String> {
    let outcome = doctor.check(&["--env-file", "app/.env", "--format", "json"]);
    assert_eq!(outcome.err, "", "{outcome:?}");
    let findings = outcome.report()["findings"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = findings.iter().map(|finding| {
        let key = Some(text(&finding["key"])).filter(|key| !key.is_empty());
        let subject = key.unwrap_or_else(|| text(&finding["message"]));
        format!("{} {} {subject} {}", text(&finding["severity"]), text(&finding["rule"]), finding["remedies"])
    });
    rows.collect()
}

const DIFFERS: &str = "error value-differs BASE [\"pull\"]";
const DISAGREE: &str = "warning loaders-disagree BASE []";

#[test]
fn exposure_finding_follows_the_git_status() {
    let doctor = shop();
    let not_ignored = "warning env-file-exposed \
                 app/.env is not ignored by git, so the next `git add` may include it []";
    let tracked = "error env-file-exposed git tracks app/.env, which contains secrets: API_KEY []";
    assert_eq!(findings(&doctor), [DIFFERS, DISAGREE, not_ignored]);
    git(&doctor, &["add", "."]);
    assert_eq!(findings(&doctor), [DIFFERS, tracked, DISAGREE]);
    let doctor = doctor.file("app/.gitignore", ".env\n");
    assert_eq!(findings(&doctor), [DIFFERS, tracked, DISAGREE], "an ignored file that is tracked is still an error");
    git(&doctor, &["rm", "-q", "--cached", "app/.env"]);
    assert_eq!(findings(&doctor), [DIFFERS, DISAGREE]);
    let doctor = doctor.file("doctor.toml", "loader = \"python\"\n");
    assert_eq!(
        findings(&doctor),
        ["error value-differs BASE [\"push\",\"pull\"]"],
        "a declared loader ends the disagreement and allows a push"
    );
}

#[test]
fn example_file_in_the_same_directory_is_compared() {
    let doctor = shop()
        .file(".gitignore", ".env\n")
        .file(".env.example", "ELSEWHERE=\n")
        .file("app/.env.example", "API_KEY=\nSEARCH_URL=https://search.example.com\n# OPTIONAL=1\n");
    assert_eq!(findings(&doctor), [DIFFERS, DISAGREE, "note example-key-missing SEARCH_URL []"]);
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
    assert!(touched.exists(), "git did not run the trap");
    std::fs::remove_file(&touched).unwrap();
    set_mode(doctor.work().parent().unwrap(), 0o755);
    set_mode(&doctor.work().join("app/.env"), 0o644);
    let readable = "note env-file-exposed app/.env can be read by every user of this machine (mode 0644) []";
    assert_eq!(findings(&doctor), [DIFFERS, DISAGREE, readable]);
    assert!(!touched.exists());
}

#[test]
fn unavailable_git_is_reported() {
    let doctor = shop().variable("PATH", Some("/nowhere"));
    let outcome = doctor.check(&["--env-file", "app/.env"]);
    let flat = outcome.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("could not determine whether git tracks the files in use: git is not installed"),
        "{outcome:?}"
    );
}
