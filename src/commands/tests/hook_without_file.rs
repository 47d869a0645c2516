//! The hook in a repository without an env file: it reports in one line what it could not check.

use crate::commands::tests::fix::service;
use crate::commands::tests::hook::{RUN, STRICT};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::git::tests::git;

const NO_VALUES: &str = "doctor: warning: no env file: local values were not searched for";
const CHECKED: &str = "doctor: shop · staging: 1 needed key checked on 1 service, no drift\n";

/// Returns a repository with a staged file and these other files.
fn staged(files: &[(&str, &str)]) -> Sandbox {
    let path = std::env::var("PATH").unwrap();
    let sandbox = Sandbox::of([service("api", &[("API_KEY", "k3y-of-this-shop")])]);
    let home = sandbox.home().to_str().unwrap().to_owned();
    let sandbox = sandbox.variable("PATH", Some(&path)).variable("HOME", Some(&home)).file("a.py", "x = 1\n");
    git(&sandbox.work(), &["init", "-q"]);
    git(&sandbox.work(), &["add", "a.py"]);
    files.iter().fold(sandbox, |sandbox, (name, text)| sandbox.file(name, text))
}

#[test]
fn one_line_reports_what_was_not_checked() {
    let template = (".env.example", "API_KEY=\n");
    let required = ("doctor.toml", "[[require]]\nkeys = [\"API_KEY\"]\nservices = [\"api\"]\n");
    for (files, expected) in [
        (&[][..], format!("{NO_VALUES}, and nothing was compared with Railway\n")),
        (&[template], format!("{CHECKED}{NO_VALUES}\n")),
        (&[required], format!("{CHECKED}{NO_VALUES}\n")),
        (
            &[(".env", "API_KEY=k3y-of-this-shop\n")],
            "doctor: shop · staging: 1 value compared on 1 service, no drift\n".to_owned(),
        ),
        (&[template, ("web/.env", "A=1\n")], CHECKED.to_owned()),
    ] {
        let ended = staged(files).run(RUN);
        assert_eq!((ended.code, ended.out.as_str(), ended.err), (0, "", expected), "{files:?}");
    }
    let ended = staged(&[template]).variable("RAILWAY_API_TOKEN", None).run(RUN);
    assert_eq!((ended.code, ended.err.lines().count()), (0, 1), "{ended:?}");
    let line = format!("{NO_VALUES}; not compared with Railway: no Railway credentials");
    assert!(ended.err.starts_with(&line), "{ended:?}");
}

#[test]
fn secrets_in_env_files_are_found_without_local_values() {
    let sandbox = staged(&[("config/.env.prod", "TOKEN=4f1c9a77b2d04e\n")]);
    git(&sandbox.work(), &["add", "-f", "config/.env.prod"]);
    std::fs::remove_file(sandbox.work().join("config/.env.prod")).unwrap();
    let ended = sandbox.run(RUN);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.starts_with("error: config/.env.prod:1 adds TOKEN"), "{ended:?}");
}

#[test]
fn strict_blocks_unless_the_missing_file_is_accepted() {
    for (files, message) in
        [(&[][..], "error: no .env in "), (&[(".env.example", "API_KEY=\n")], "could not search for")]
    {
        let ended = staged(files).run(STRICT);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains(message) && !ended.err.contains("warning"), "{ended:?}");
        assert!(ended.err.contains("\n    DOCTOR=0 git commit\n"), "{ended:?}");
        for flags in [&["--no-env-file"][..], &["--strict", "--no-env-file"]] {
            let ended = staged(files).run(&[RUN, flags].concat());
            assert_eq!(ended.code, 0, "{ended:?}");
            assert_eq!(ended.err.matches("no env file").count(), 1, "{ended:?}");
        }
    }
}

#[test]
fn drift_against_declared_needs_blocks() {
    let config = "[[require]]\nkeys = [\"API_KEY\", \"LATER_KEY\"]\nservices = [\"api\"]\n";
    for flags in [&[][..], &["--no-env-file"]] {
        let ended = staged(&[("doctor.toml", config)]).run(&[RUN, flags].concat());
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.out.contains("LATER_KEY") && ended.err.contains(NO_VALUES), "{ended:?}");
    }
}

#[test]
fn changed_template_invalidates_the_cached_result() {
    let sandbox = staged(&[(".env.example", "API_KEY=\n")]).apart(std::time::Duration::from_secs(10));
    let codes: Vec<(u8, usize)> = (0..2).map(|_| (sandbox.run(RUN).code, sandbox.sent.borrow().len())).collect();
    assert_eq!(codes, [(0, 2), (0, 2)]);
    let again = sandbox.run(RUN).err;
    assert!(again.starts_with("doctor: 1 needed key checked on 1 service 20 s ago, no drift\n"), "{again}");
    let sandbox = sandbox.file(".env.example", "API_KEY=\nLATER_KEY=\n");
    sandbox.run(RUN);
    assert!(sandbox.sent.borrow().len() > 2);
}
