//! The machine-readable formats: the exit code is the same in each, and none contains a value.

use crate::commands::tests::fix::{KEY, incident};
use crate::io::sim::seed::incident::ENV_FILE;
use crate::report::FORMATS;

/// Returns the values of the file that are long enough to be distinctive.
fn values() -> impl Iterator<Item = &'static str> {
    let lines = ENV_FILE.lines().filter_map(|line| line.split_once('='));
    lines.map(|(_, value)| value.trim_matches(['"', '\''])).filter(|value| value.len() > 8)
}

#[test]
fn format_does_not_affect_exit_code_or_redaction() {
    for (name, _) in FORMATS {
        let sandbox = incident();
        let ended = sandbox.run(&["check", "--format", name]);
        assert_eq!((ended.code, ended.err.as_str()), (1, ""), "{ended:?}");
        assert_eq!(sandbox.run(&["check", "--format", name, "--fail-on", "never"]).code, 0);
        let fix = sandbox.run(&["fix", "--push", "--yes", "--only", "STAGING_OPS_API_KEY", "--format", name]);
        assert_eq!(fix.code, 0, "{fix:?}");
        for value in values() {
            assert!(!format!("{ended:?}{fix:?}").contains(value), "a value is in {name}");
        }
        assert!(ended.out.contains("STAGING_OPS_API_KEY") || ended.out.contains("STAGING\\_OPS"), "{ended:?}");
    }
}

#[test]
fn every_format_can_be_written_to_file() {
    for (name, _) in FORMATS {
        let sandbox = incident();
        let shown = sandbox.run(&["check", "--format", name]).out;
        let ended = sandbox.run(&["check", "--format", name, "--output", "report"]);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""));
        // The page has the time of the run.
        let timeless = |text: &str| {
            text.lines().filter(|line| !line.ends_with(" UTC</p>")).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        match *name {
            "text" => {}
            "html" => assert_eq!(timeless(&sandbox.text("report")), timeless(&shown)),
            _ => assert_eq!(sandbox.text("report"), shown),
        }
    }
}

#[test]
fn step_summary_appends_full_report() {
    let sandbox = incident().file("summary", "before\n").variable("GITHUB_STEP_SUMMARY", Some("summary"));
    let ended = sandbox.run(&["check", "--format", "github"]);
    assert!(ended.out.starts_with("::error file=.env,line=6,title=value-differs::"), "{ended:?}");
    let summary = sandbox.text("summary");
    assert!(summary.starts_with("before\n### doctor: "), "{summary}");
    sandbox.run(&["check", "--format", "markdown"]);
    assert_eq!(sandbox.text("summary"), summary, "only the annotations write a summary");
    let broken = incident().variable("GITHUB_STEP_SUMMARY", Some("no/such/folder"));
    let ended = broken.run(&["check", "--format", "github"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.starts_with("warning: failed to write the step summary: "), "{ended:?}");
}

#[test]
fn run_list_rejects_unsupported_formats() {
    let ended = incident().run(&["undo", "--list", "--format", "sarif"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("cause: a list of runs is available as text, json or html"), "{ended:?}");
    for format in ["text", "json", "html"] {
        assert_eq!(incident().run(&["undo", "--list", "--format", format]).code, 0, "{format}");
    }
}

/// A report never replaces a file that `doctor` or the Railway CLI needs.
#[test]
fn output_never_replaces_login_link_or_journal() {
    let sandbox = incident();
    let fixed = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    std::fs::create_dir_all(sandbox.home().join(".railway")).unwrap();
    std::fs::write(sandbox.home().join(".railway/config.json"), "{\"projects\":{},\"user\":{}}").unwrap();
    let kept =
        [sandbox.home().join(".railway/config.json"), sandbox.state().join("journal.key"), sandbox.state().join("new")];
    for path in kept {
        let before = std::fs::read(&path).ok();
        for words in [&["check", "--format=json", "--output"][..], &["check", "--debug-api"]] {
            let path = path.to_str().unwrap();
            let ended = sandbox.run(&[words, &[path]].concat());
            assert!(
                ended.code == 2 && ended.err.contains("this run reads it"),
                "{words:?} {path}: {ended:?} {fixed:?}"
            );
        }
        assert_eq!(std::fs::read(&path).ok(), before);
    }
}
