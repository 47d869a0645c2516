//! `doctor demo compare`.

use crate::commands::tests::compare::{assert_refused, findings, report};
use crate::commands::tests::sandbox::Sandbox;

/// Returns a sandbox without a token and with files that the demo must not read.
fn sandbox() -> Sandbox {
    Sandbox::of([])
        .variable("RAILWAY_API_TOKEN", None)
        .file("doctor.toml", "no such = [[syntax")
        .file(".env/x", "A=1\n")
}

const DEMO: &[&str] = &["demo", "compare"];

#[test]
fn every_planted_mistake_is_found_and_nothing_else() {
    let ended = sandbox().run(&[DEMO, &["--format", "json"]].concat());
    let expected = [
        "error missing-in-environment EVENTS_TOPIC worker",
        "error secret-shared PAYMENTS_SECRET_KEY api",
        "error backend-shared DATABASE_URL api",
        "warning missing-in-environment APM_LICENSE_KEY api",
        "warning sealed-not-copied TOKEN_SIGNING_KEY api",
        "warning missing-in-environment - mailer",
        "warning missing-in-environment DEBUG_PANEL api",
        "note settings-differ - cron",
        "note settings-differ - worker",
        "note reference-and-literal REDIS_URL worker",
    ];
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(findings(&ended)), sorted(expected.map(str::to_owned).to_vec()));
    assert_eq!(ended.code, 1);
    assert_eq!(report(&ended)["summary"]["requests"], 2);
    let reversed = sandbox().run(&["demo", "compare", "production", "staging", "--format", "json"]);
    assert_eq!(sorted(findings(&reversed)), sorted(findings(&ended)));
    assert_eq!(sandbox().run(&["demo", "compare", "staging", "production", "--format", "json"]).out, ended.out);
}

#[test]
fn details_list_notes_and_every_key() {
    let [normal, verbose] = [&[][..], &["-v"]].map(|extra| sandbox().run(&[DEMO, extra].concat()));
    assert_eq!((normal.code, verbose.code), (1, 1), "{normal:?}");
    for line in ["NEXT_PUBLIC_API_URL", "the start command of worker differs between staging and production"] {
        assert!(verbose.out.contains(line) && !normal.out.contains(line), "{line}: {verbose:?}");
    }
}

#[test]
fn environments_and_flags_that_the_demo_lacks_are_refused() {
    let unknown = sandbox().run(&["demo", "compare", "staging", "prod"]);
    assert_refused(&unknown, 2, &["unknown environment `prod`", "did you mean `production`?"]);
    assert_refused(&sandbox().run(&["demo", "compare", "production"]), 2, &["production is named twice"]);
    for flags in [&["--output", "x.html"][..], &["--config", "doctor.toml"], &["--api-url", "http://127.0.0.1:9"]] {
        let ended = sandbox().run(&[DEMO, flags].concat());
        assert_refused(&ended, 2, &[&format!("{} is not available in the demo", flags[0])]);
    }
    assert_eq!(sandbox().run(&[DEMO, &["--env-file", ".env"]].concat()).code, 2);
    let shown = sandbox().at_a_terminal().run(&[DEMO, &["--show-values"]].concat());
    assert_refused(&shown, 2, &["environment production is protected"]);
    let key = sandbox().run(&[DEMO, &["--only", "XYZZY"]].concat());
    assert_refused(&key, 2, &["doctor demo compare staging production -v"]);
}
