//! Any bytes as a baseline: an error with exit code 2 before the first request, or what a TOML parser reads. A baseline
//! that is written is read again as the same, and contains no value.

use std::path::Path;

use railway_doctor::drift::engine::baseline::{Baseline, BaselineEntry};
use railway_doctor::io::config::{baseline_text, read_baseline};
use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::incident;
use toml::{Table, Value};

use super::sandbox::{RunOutput, Sandbox};
use super::values;

const FILE: &str = "known.toml";
const NEW_ONLY: &[&str] = &["check", "--baseline=known.toml", "--new-only", "--format=json"];
const WRITE: &[&str] = &["check", "--baseline=known.toml", "--write-baseline"];

/// The input is the file.
pub fn check(data: &[u8]) {
    let sandbox = Sandbox::with(&[]);
    let (work, home) = (sandbox.work(), sandbox.home());
    let path = work.join(FILE);
    let sandbox = sandbox
        .file(&path, data)
        .file(&work.join(".env"), incident::ENV_FILE.as_bytes())
        .file(&work.join("doctor.toml"), incident::CONFIG_FILE.as_bytes())
        .file(&home.join(".railway/config.json"), incident::cli_config(&work).as_bytes());
    let check = BaselineCheck { sandbox, sim: Sim::new(incident::estate()) };
    match read_baseline(&path, FILE) {
        Err(_) => check.refused(data),
        Ok(baseline) => {
            let baseline = baseline.expect("the file exists");
            let text = std::str::from_utf8(data).expect("a baseline is text");
            check_reading(&baseline, text);
            check_round_trip(&baseline, &work);
            check.used(&baseline, text);
        }
    }
}

/// Compares the entries with those that a TOML parser reads.
fn check_reading(baseline: &Baseline, text: &str) {
    let table: Table = text.parse().expect("a baseline is TOML");
    assert_eq!(table["project-id"].as_str(), Some(baseline.project.id.as_str()));
    assert_eq!(table["environment-id"].as_str(), Some(baseline.environment.id.as_str()));
    let expected = table.get("finding").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    assert_eq!(baseline.entries.len(), expected.len(), "an entry is lost");
    for (entry, expected) in baseline.entries.iter().zip(expected) {
        let text = |name: &str| expected.get(name).and_then(Value::as_str);
        assert_eq!(Some(entry.rule.name), text("rule"));
        assert_eq!(entry.key.as_deref(), text("key"));
        assert_eq!(entry.service.as_ref().map(|service| service.id.as_str()), text("service-id"));
        assert_eq!(Some(entry.severity.name()), text("severity"));
        assert_eq!(entry.reason, text("reason").unwrap_or_default());
    }
}

fn check_round_trip(baseline: &Baseline, work: &Path) {
    let (path, text) = (work.join("written.toml"), baseline_text(baseline));
    std::fs::write(&path, &text).expect("the directory is writable");
    let again = read_baseline(&path, FILE).expect("a written baseline is valid").expect("the file exists");
    assert_eq!(again, *baseline, "another baseline is read");
    assert_eq!(baseline_text(&again), text, "another text is written");
}

struct BaselineCheck {
    sandbox: Sandbox,
    sim: Sim,
}

impl BaselineCheck {
    fn run(&self, args: &[&str]) -> RunOutput {
        let connect = || -> Box<dyn Transport> { Box::new(self.sim.clone()) };
        self.sandbox.run(args, &connect, &self.sim)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.sandbox.work().join(FILE)).expect("the file exists")
    }

    /// An invalid file is neither used nor replaced.
    fn refused(&self, data: &[u8]) {
        for args in [NEW_ONLY, WRITE] {
            assert_eq!(self.run(args).code, 2, "{args:?} uses an invalid file");
        }
        assert_eq!(self.sim.count(), 0, "a request is sent before the file is read");
        assert!(self.bytes() == data, "an invalid file is replaced");
    }

    fn used(&self, baseline: &Baseline, text: &str) {
        let output = self.run(NEW_ONLY);
        assert!(
            baseline.project.id == incident::PROJECT || output.code == 2,
            "the baseline of another project is used"
        );
        if output.code == 2 {
            return assert!(self.bytes() == text.as_bytes(), "the baseline of another environment is replaced");
        }
        check_hidden(baseline, &output.stdout);
        assert_eq!(self.run(WRITE).code, 0);
        let written = String::from_utf8(self.bytes()).expect("a baseline is text");
        values::assert_not_shown(&written, text, WRITE);
        let path = self.sandbox.work().join(FILE);
        let new = read_baseline(&path, FILE).expect("a written baseline is valid").expect("the file exists");
        check_reading(&new, &written);
        assert_eq!(baseline_text(&new), written, "writing it again changes it");
        assert_eq!(self.run(NEW_ONLY).code, 0, "a finding is new after all were recorded");
    }
}

/// Only findings that an entry names are left out.
fn check_hidden(baseline: &Baseline, report: &str) {
    let report: serde_json::Value = serde_json::from_str(report).expect("a report is JSON");
    let ignored = report["ignored"].as_array().expect("it lists what is ignored");
    for removed in ignored.iter().filter(|removed| removed["by"] == "baseline") {
        let (rule, key) = (&removed["finding"]["rule"], removed["finding"]["key"].as_str());
        let is_it = |entry: &BaselineEntry| *rule == entry.rule.name && key == entry.key.as_deref();
        assert!(baseline.entries.iter().any(is_it), "{removed} is not in the baseline");
    }
}
