//! The first `doctor check` in typical projects, compared with the reviewed transcripts in `tests/e2e/worlds`.

use std::path::Path;
use std::process::Command;

use railway_doctor::io::sim::seed::ordinary::ORDINARY;

use crate::binary::Doctor;

/// The runs in a project: the name of the transcript, and the arguments.
fn runs(project: &str) -> &'static [(&'static str, &'static [&'static str])] {
    match project {
        "monorepo" => {
            &[("monorepo-api", &["--env-file", "apps/api/.env"]), ("monorepo-web", &["--env-file", "apps/web/.env"])]
        }
        "node-shop" => &[("node-shop", &[])],
        "parcels" => &[("parcels", &[])],
        "django" => &[("django", &[])],
        "healthy" => &[("healthy", &[])],
        "brand-new" => &[("brand-new", &[])],
        "courses" => &[("courses", &[])],
        "tickets" => &[("tickets", &[])],
        "gallery" => &[("gallery", &[])],
        other => panic!("no runs are defined for {other}"),
    }
}

#[test]
fn first_runs_match_their_transcripts() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/worlds");
    let mut mismatches = Vec::new();
    for seed in ORDINARY {
        let doctor =
            seed.files.iter().fold(Doctor::new((seed.estate)()), |doctor, (name, text)| doctor.file(name, text));
        // Root directories are relative to the repository, and some rules run git.
        let status = Command::new("git").args(["init", "-q"]).current_dir(doctor.work()).status().unwrap();
        assert!(status.success());
        let path = std::env::var("PATH").unwrap();
        let doctor = doctor.file(".gitignore", ".env\n").variable("PATH", Some(&path));
        for (name, arguments) in runs(seed.name) {
            let outcome = doctor.check(arguments);
            let transcript = format!(
                "exit {:?}\n{}{}",
                outcome.code.unwrap(),
                without_address(&without_fingerprints(&outcome.out)),
                outcome.err
            );
            let path = directory.join(format!("{name}.txt"));
            if std::env::var_os("DOCTOR_REVIEWED").is_some() {
                std::fs::write(&path, &transcript).unwrap();
            }
            if std::fs::read_to_string(&path).unwrap_or_default() != transcript {
                mismatches.push(format!("{name}:\n{transcript}"));
            }
        }
    }
    assert!(
        mismatches.is_empty(),
        "review the changes, then run with DOCTOR_REVIEWED=1 to accept them:\n{}",
        mismatches.join("\n")
    );
}

/// Removes `--api-url` from printed commands: its port is different in each run.
fn without_address(text: &str) -> String {
    let mut parts = text.split(" --api-url=");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |clean, part| clean + &part[part.find([' ', '\n', '`']).unwrap_or(part.len())..])
}

/// Replaces fingerprints, which are different in each run: `● 3f2a1c` → `● ······`.
fn without_fingerprints(text: &str) -> String {
    let mut parts = text.split("● ");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_fingerprint =
            part.len() >= 6 && part.is_char_boundary(6) && part[..6].bytes().all(|byte| byte.is_ascii_hexdigit());
        clean.push_str("● ");
        clean.push_str(if is_fingerprint { "······" } else { "" });
        clean.push_str(if is_fingerprint { &part[6..] } else { part });
    }
    clean
}
