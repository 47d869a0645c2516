//! The first run on ordinary projects: what their owners see, held to reviewed transcripts in `tests/e2e/worlds`.

use std::path::Path;
use std::process::Command;

use railway_doctor::io::sim::seed::ordinary::ORDINARY;

use crate::binary::Doctor;

/// What is typed in each project: a name for the transcript and the arguments.
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
        other => panic!("{other} is not looked at"),
    }
}

#[test]
fn each_first_run_matches_its_transcript() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/worlds");
    let mut wrong = Vec::new();
    for seed in ORDINARY {
        let doctor =
            seed.files.iter().fold(Doctor::new((seed.estate)()), |doctor, (name, text)| doctor.file(name, text));
        // A repository, so that root directories have something to be relative to, and git something to say.
        let made = Command::new("git").args(["init", "-q"]).current_dir(doctor.work()).status().unwrap();
        assert!(made.success());
        let path = std::env::var("PATH").unwrap();
        let doctor = doctor.file(".gitignore", ".env\n").variable("PATH", Some(&path));
        for (name, arguments) in runs(seed.name) {
            let ended = doctor.check(arguments);
            let told = format!(
                "exit {:?}\n{}{}",
                ended.code.unwrap(),
                without_address(&without_fingerprints(&ended.out)),
                ended.err
            );
            let path = folder.join(format!("{name}.txt"));
            if std::env::var_os("DOCTOR_REVIEWED").is_some() {
                std::fs::write(&path, &told).unwrap();
            }
            if std::fs::read_to_string(&path).unwrap_or_default() != told {
                wrong.push(format!("{name}:\n{told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "review, then run with DOCTOR_REVIEWED=1 to keep:\n{}", wrong.join("\n"));
}

/// The simulated Railway has another port in each run, and printed commands repeat it.
fn without_address(text: &str) -> String {
    let mut parts = text.split(" --api-url=");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |clean, part| clean + &part[part.find([' ', '\n', '`']).unwrap_or(part.len())..])
}

/// Fingerprints are another in each run: `● 3f2a1c` → `● ······`.
fn without_fingerprints(text: &str) -> String {
    let mut parts = text.split("● ");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hex = part.len() >= 6 && part.is_char_boundary(6) && part[..6].bytes().all(|byte| byte.is_ascii_hexdigit());
        clean.push_str("● ");
        clean.push_str(if hex { "······" } else { "" });
        clean.push_str(if hex { &part[6..] } else { part });
    }
    clean
}
