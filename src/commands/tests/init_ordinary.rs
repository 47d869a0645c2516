//! `doctor init` in ordinary projects: with its suggestions, only real faults are left.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::Sim;
use crate::io::sim::seed::Seed;
use crate::io::sim::seed::ordinary::ORDINARY;
use crate::io::terminal::prompt::script::{PreparedAnswer, Script};

/// The maximum number of questions.
const QUESTIONS: usize = 6;

/// Returns the real faults of a project.
fn faults(project: &str) -> &'static [&'static str] {
    match project {
        "parcels" => &["value-differs CARRIER_API_TOKEN worker"],
        "courses" => &["dangling-reference CELERY_RESULT_BACKEND beat", "value-differs SENDGRID_API_KEY worker"],
        "tickets" => &["value-differs RESEND_API_KEY encore-worker", "value-differs SEARCH_API_KEY encore-api"],
        "gallery" => &["value-differs IMGIX_TOKEN sidekiq web", "value-differs SMTP_PASSWORD sidekiq"],
        "node-shop" | "monorepo" | "django" | "healthy" | "brand-new" => &[],
        other => panic!("the faults of {other} are not listed"),
    }
}

fn sandbox(seed: &Seed) -> Sandbox {
    let sandbox = Sandbox::new(Sim::new((seed.estate)()));
    seed.files.iter().fold(sandbox, |sandbox, (name, text)| sandbox.file(name, text))
}

/// Returns the errors as rule, key and services.
fn errors(check: &Ended) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(&check.out).unwrap_or_else(|_| panic!("not JSON: {check:?}"));
    let errors = report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
    let text = |finding: &Value| {
        let services = finding["services"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
        let mut services: Vec<String> = services.collect();
        services.sort();
        format!("{} {} {}", finding["rule"].as_str().unwrap(), finding["key"].as_str().unwrap(), services.join(" "))
    };
    errors.map(text).collect()
}

#[test]
fn suggestions_leave_only_real_faults() {
    for seed in ORDINARY {
        let name = seed.name;
        let unasked = sandbox(seed);
        let before = unasked.run(&["check", "--format", "json"]);
        let written = unasked.run(&["init", "--yes"]);
        assert_eq!(written.code, 0, "{name}: {written:?}");
        let after = unasked.run(&["check", "--format", "json"]);
        let expected: BTreeSet<String> = faults(name).iter().map(|&fault| fault.to_owned()).collect();
        assert_eq!(errors(&after), expected, "{name}: {}", unasked.text("doctor.toml"));
        if name != "monorepo" {
            let added: Vec<String> = errors(&after).difference(&errors(&before)).cloned().collect();
            assert_eq!(added, [""; 0], "{name}: no error is new");
        }

        let asked = sandbox(seed).at_a_terminal();
        // A seventh prompt would have no answer, and fail.
        let script = Script::new(vec![PreparedAnswer::Enter; QUESTIONS]);
        let ended = asked.run_asking(&["init"], &script, &Arc::default());
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
        assert_eq!(asked.text("doctor.toml"), unasked.text("doctor.toml"), "{name}: Enter accepts the suggestions");
    }
}

#[test]
fn suggestions_are_complete() {
    for seed in ORDINARY {
        let sandbox = sandbox(seed);
        assert_eq!(sandbox.run(&["init", "--yes"]).code, 0, "{}", seed.name);
        let text = sandbox.text("doctor.toml");
        let again = sandbox.run(&["init", "--yes"]);
        assert_eq!(again.code, 0, "{}: {again:?}", seed.name);
        assert_eq!(again.out, "doctor.toml is up to date; there is nothing to add.\n", "{}", seed.name);
        assert_eq!(sandbox.text("doctor.toml"), text, "{}", seed.name);
    }
}
