//! `doctor matrix`: its requests, exit codes and formats. It changes nothing.

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::fault::Fault;

const SINCE: &str = "2026-11-20T10:00:00.000Z";

fn two() -> Sandbox {
    let api =
        service("api", &[("A", "1"), ("B", "2"), ("C", "3")]).deployed(SimDeployment::serving(SINCE).had("C", "0"));
    Sandbox::of([api, service("web", &[("A", "9"), ("B", "2"), ("C", "3")])]).file(".env", "A=1\nB=2\nC=3\n")
}

/// Returns `api A equal`, for every cell.
fn states(out: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(out).unwrap();
    let services = report["services"].as_array().unwrap();
    let rows = report["rows"].as_array().unwrap().iter();
    rows.flat_map(|row| {
        let cells = row["cells"].as_array().unwrap().iter().zip(services);
        cells.map(|(cell, service)| {
            let words = [&service["name"], &row["key"], &cell["state"]].map(|word| word.as_str().unwrap());
            words.join(" ")
        })
    })
    .collect()
}

#[test]
fn shows_all_three_sides_with_requests_of_check() {
    let sandbox = two();
    let ended = sandbox.run(&["matrix", "--format", "json"]);
    let expected = ["api A equal", "web A differs", "api C stale", "web C equal", "api B equal", "web B equal"];
    assert_eq!((ended.code, states(&ended.out).as_slice()), (1, &expected.map(str::to_owned)[..]), "{ended:?}");
    let asked = |sandbox: &Sandbox| sandbox.sent.borrow().clone();
    let checked = two();
    checked.run(&["check"]);
    assert_eq!(sandbox.sim.count(), checked.sim.count());
    assert_eq!(asked(&sandbox).len(), asked(&checked).len());
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn exit_code_matches_check_in_every_format() {
    for format in ["text", "markdown", "html", "json"] {
        for (words, code) in [
            (&[][..], 1),
            (&["--fail-on", "never"], 0),
            (&["--only", "B"], 0),
            (&["--only", "B", "--fail-on", "note"], 0),
            (&["--only", "NOPE"], 2),
            (&["--service", "nobody"], 2),
            (&["--timeout", "soon"], 2),
        ] {
            let ended = two().run(&[&["matrix", "--format", format], words].concat());
            assert_eq!(ended.code, code, "{format} {words:?}: {ended:?}");
        }
        let sandbox = two();
        sandbox.sim.fault(Fault::service(&sandbox.id("web"), "Not Authorized").permanent());
        let ended = sandbox.run(&["matrix", "--format", format, "--service", "api", "--service", "web"]);
        assert!(ended.code == 4 && ended.out.contains("unreadable"), "{format}: {ended:?}");
    }
}

#[test]
fn writes_to_file_and_rejects_other_formats() {
    let sandbox = two();
    let ended = sandbox.run(&["matrix", "--format", "html", "--output", "matrix.html"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(sandbox.text("matrix.html").starts_with("<!doctype html>"));
    assert_eq!(sandbox.run(&["matrix", "--format", "sarif"]).code, 2);
    assert_eq!(sandbox.run(&["matrix", "--show-values"]).code, 2);
}

#[test]
fn html_check_report_starts_with_matrix() {
    let sandbox = two();
    let ended = sandbox.run(&["check", "--format", "html"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let (matrix, findings) = ended.out.split_once("<h2>Findings</h2>").unwrap();
    assert!(matrix.contains("<span aria-hidden=\"true\">!</span> stale"), "{matrix}");
    assert!(findings.contains("api is running with an old value of C"), "{findings}");
    let listed = sandbox.run(&["undo", "--list", "--format", "html"]);
    assert!(listed.out.contains("<pre>No fix was recorded"), "{listed:?}");
}
