//! Leaks of values from any env file, false positives, and content that could not be checked.

use std::fs;

use crate::commands::tests::hook::{ENV, RUN, STRICT, agreed};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::{git, output};

/// For debug builds on a busy machine, which search for longer than a hook may.
const PATIENT: &[&str] = &["--timeout=60s"];

/// Writes and stages a file.
fn staged(sandbox: Sandbox, name: &str, text: &str) -> Sandbox {
    let sandbox = sandbox.file(name, text);
    git(&sandbox.work(), &["add", "-f", name]);
    sandbox
}

#[track_caller]
fn blocked(ended: &Ended, what: &str) {
    assert!(ended.code == 1 && ended.out.starts_with(&format!("error: {what}")), "{ended:?}");
}

#[test]
fn printed_doctor_toml_entry_allows_commit() {
    let file = "x = 'k3y-of-this-shop'\n";
    let sandbox = staged(staged(agreed(), "a.py", file), ".env.prod", "# c\nTOKEN=4f1c9a77\nDB_PASSWORD=4f1c9a78\n");
    let ended = sandbox.run(RUN);
    assert_eq!((ended.code, ended.out.lines().count()), (1, 5), "{ended:?}");
    assert!(ended.out.starts_with("error: 3 secrets: .env.prod:2 adds TOKEN, a secret-like key; "), "{ended:?}");
    let entry = &ended.out[ended.out.find("    [[ignore]]").unwrap()..];
    assert!(entry.contains("keys = [\"API_KEY\", \"DB_PASSWORD\", \"TOKEN\"]"), "{entry}");
    let after = sandbox.file("doctor.toml", entry).run(RUN);
    assert_eq!((after.code, after.out.as_str()), (0, ""), "{after:?}");
}

#[test]
fn configured_env_file_is_recognized_under_any_name() {
    for (name, config) in [
        ("settings.local", "env-file = \"settings.local\"\n"),
        ("conf/values.txt", "[services.api]\nname = \"api\"\nenv-file = \"conf/values.txt\"\n"),
        ("prod.ini", "[environments.production]\nenv-file = \"prod.ini\"\n"),
    ] {
        let sandbox = staged(agreed().file("doctor.toml", config), name, "A=1\nOTHER_KEY=4f1c9a77b2\n");
        blocked(&sandbox.run(RUN), &format!("{name}:2 adds OTHER_KEY, a secret-like key"));
    }
    #[cfg(unix)]
    {
        let sandbox = staged(agreed(), "conf/values.txt", "OTHER_KEY=4f1c9a77b2\n");
        fs::remove_file(sandbox.work().join(".env")).unwrap();
        std::os::unix::fs::symlink("conf/values.txt", sandbox.work().join(".env")).unwrap();
        blocked(&sandbox.run(RUN), "conf/values.txt:1 adds OTHER_KEY, a secret-like key");
    }
}

#[test]
fn values_of_every_env_file_in_repository_are_searched() {
    for name in ["api/.env", "services/deep/er/.env.production", ".env.other", "web/.dev.vars"] {
        let sandbox = agreed().file(name, "A=1\nOTHER_KEY=4f1c9a77b2\n");
        let sandbox = staged(sandbox, "web/config.js", "\nkey = '4f1c9a77b2'\n");
        blocked(
            &sandbox.run(RUN),
            &format!("web/config.js:2 adds the value of OTHER_KEY ({name}:2), a secret-like key"),
        );
    }
    let sandbox = staged(agreed().file("node_modules/x/.env", "OTHER_KEY=4f1c9a77b2\n"), "a.js", "'4f1c9a77b2'\n");
    assert_eq!(sandbox.run(RUN).code, 0, "a file in node_modules is not searched");
}

#[cfg(unix)]
#[test]
fn symlink_target_is_searched() {
    let sandbox = agreed();
    std::os::unix::fs::symlink("../k3y-of-this-shop/x", sandbox.work().join("link")).unwrap();
    git(&sandbox.work(), &["add", "link"]);
    blocked(&sandbox.run(RUN), "link:1 adds the value of API_KEY (.env:1), a secret-like key");
}

#[test]
fn committed_examples_and_documents_make_values_public() {
    for (name, text) in [
        (".env.example", "API_KEY=k3y-of-this-shop\n"),
        ("api/.env.sample", "OTHER=k3y-of-this-shop\n"),
        ("README.md", "Use `k3y-of-this-shop` on your machine.\n"),
    ] {
        let sandbox = staged(agreed(), name, text);
        git(&sandbox.work(), &["commit", "-q", "-m", "second", "--no-verify"]);
        let ended = staged(sandbox, "a.py", "'k3y-of-this-shop'\n").run(RUN);
        assert!(!ended.out.contains("a.py"), "{name}: {ended:?}");
    }
}

#[test]
fn merged_lines_are_not_reported_as_added() {
    let sandbox = staged(agreed(), "a", "1\n");
    let work = sandbox.work();
    git(&work, &["commit", "-q", "-m", "second"]);
    git(&work, &["checkout", "-q", "-b", "side"]);
    let sandbox = staged(staged(sandbox, "a", "side\n"), "doc.md", "k3y-of-this-shop\n");
    git(&work, &["commit", "-q", "-m", "by a colleague"]);
    git(&work, &["checkout", "-q", "-"]);
    let sandbox = staged(sandbox, "a", "main\n");
    git(&work, &["commit", "-q", "-m", "main"]);
    let merged = std::process::Command::new("git").args(["merge", "-q", "side"]).current_dir(&work).output().unwrap();
    assert!(!merged.status.success(), "a conflict");
    let sandbox = staged(sandbox, "a", "both\n");
    assert_eq!(sandbox.run(RUN).code, 0);
    let sandbox = staged(sandbox, "doc.md", "more, and k3y-of-this-shop\n");
    assert_eq!(sandbox.run(RUN).code, 0, "the merged branch already has that value");
    let sandbox = staged(sandbox.file(".env", &format!("{ENV}NEW_KEY=4f1c9a77b2\n")), "b.md", "4f1c9a77b2\n");
    blocked(&sandbox.run(RUN), "b.md:1 adds the value of NEW_KEY (.env:4)");
}

#[test]
fn lines_of_picked_and_reverted_commits_are_not_reported_as_added() {
    let sandbox = staged(agreed(), "a", "1\n");
    let work = sandbox.work();
    let commit = |message: &str| git(&work, &["commit", "-q", "--no-verify", "-m", message]);
    commit("second");
    git(&work, &["checkout", "-q", "-b", "side"]);
    let sandbox = staged(staged(sandbox, "a", "side\n"), "doc.md", "k3y-of-this-shop\n");
    commit("by a colleague");
    git(&work, &["checkout", "-q", "-"]);
    let sandbox = staged(sandbox, "a", "main\n");
    commit("main");
    let stop = |words: &[&str]| {
        let ended = std::process::Command::new("git").args(words).current_dir(&work).output().unwrap();
        assert!(!ended.status.success(), "a conflict");
    };
    stop(&["cherry-pick", "side"]);
    let sandbox = staged(sandbox, "a", "both\n");
    assert_eq!(sandbox.run(RUN).code, 0, "the picked commit has the value");
    let sandbox = staged(sandbox, "b.md", "also k3y-of-this-shop\n");
    assert_eq!(sandbox.run(RUN).code, 0, "the picked commit has the value in another file");
    git(&work, &["rm", "-q", "-f", "b.md"]);
    commit("picked");
    git(&work, &["rm", "-q", "doc.md"]);
    commit("removed");
    let sandbox = staged(staged(sandbox, "a", "x\n"), "c.md", "k3y-of-this-shop\n");
    blocked(&sandbox.run(RUN), "c.md:1 adds the value of API_KEY");
    git(&work, &["rm", "-q", "-f", "c.md"]);
    commit("changed again");
    stop(&["revert", "HEAD~2"]);
    let sandbox = staged(staged(sandbox, "a", "y\n"), "doc.md", "k3y-of-this-shop\n");
    assert_eq!(sandbox.run(RUN).code, 1, "the reverted commit only added the value");
}

/// Sets the variables that pre-commit sets for a push.
fn pushing(sandbox: Sandbox, from: &str) -> Sandbox {
    let to = output(&sandbox.work(), &["rev-parse", "HEAD"]);
    sandbox.variable("PRE_COMMIT_TO_REF", Some(&to)).variable("PRE_COMMIT_FROM_REF", Some(from))
}

#[test]
fn every_pushed_commit_is_checked() {
    let sandbox = agreed();
    let first = output(&sandbox.work(), &["rev-parse", "HEAD"]);
    let sandbox = staged(sandbox, "a.py", "\n'k3y-of-this-shop'\n");
    git(&sandbox.work(), &["commit", "-q", "-m", "second"]);
    git(&sandbox.work(), &["rm", "-q", "a.py"]);
    git(&sandbox.work(), &["commit", "-q", "-m", "third"]);
    let blob = output(&sandbox.work(), &["rev-parse", "HEAD~1:a.py"]);
    let second = output(&sandbox.work(), &["rev-parse", "HEAD~1"]);
    assert_eq!(sandbox.run(RUN).code, 0, "nothing is staged");
    let sandbox = pushing(sandbox, &first);
    let ended = sandbox.run(RUN);
    blocked(&ended, "a.py:2 adds the value of API_KEY (.env:1), a secret-like key");
    assert!(ended.out.contains("Push blocked by doctor.") && ended.err.is_empty(), "{ended:?}");
    assert!(ended.out.contains(&format!("git log --all --find-object={blob}\n")), "{ended:?}");
    let sandbox = pushing(sandbox, &"0".repeat(40));
    blocked(&sandbox.run(RUN), "a.py:2 adds the value");
    let sandbox = pushing(sandbox, &second);
    assert_eq!(sandbox.run(RUN).code, 0, "the remote already has it");
    let sandbox = pushing(staged(sandbox, ".env.x", "TOKEN=4f1c9a77\n"), &second);
    assert_eq!(sandbox.run(RUN).code, 0, "staged content is not pushed");
}

#[test]
fn unchecked_content_warns_and_blocks_with_strict() {
    let large = || staged(agreed(), "data.bin", &"k3y-of-this-shop ".repeat(1_000_000));
    let latin = || {
        let sandbox = agreed().file("api/.env", "");
        fs::remove_file(sandbox.work().join("api/.env")).unwrap();
        fs::write(sandbox.work().join("api/.env"), b"API_KEY=\xff\n").unwrap();
        staged(sandbox, "a.py", "1\n")
    };
    let long = || staged(agreed(), ".env.ci", &"A=1\n".repeat(33_000));
    let worlds: [(&dyn Fn() -> Sandbox, &str); 3] = [
        (&long, "doctor: warning: only the first 32000 lines were searched: .env.ci\n"),
        (&large, "doctor: warning: not searched for secrets, larger than 16 MiB: data.bin\n"),
        (&latin, "doctor: warning: the values of api/.env were not searched for: invalid UTF-8"),
    ];
    for (world, expected) in worlds {
        let ended = world().run(&[RUN, PATIENT].concat());
        assert!(ended.code == 0 && ended.err.starts_with(expected), "{ended:?}");
        let strict = world().run(&[STRICT, PATIENT].concat());
        assert!(strict.code == 2 && strict.err.contains("could not check all staged files"), "{strict:?}");
    }
    let ended = staged(long(), "a.js", "'k3y-of-this-shop'\n").run(&[RUN, PATIENT].concat());
    assert!(ended.out.starts_with("error: a.js:1 adds the value of API_KEY"), "{ended:?}");
    let many = (0..8).fold(agreed(), |sandbox, number| sandbox.file(&format!("{number}/.env"), "\u{0}"));
    for number in 0..8 {
        fs::write(many.work().join(format!("{number}/.env")), b"\xff").unwrap();
    }
    let ended = staged(many, "a.py", "1\n").run(&[RUN, PATIENT].concat());
    assert_eq!(ended.err.matches("were not searched for: ").count(), 5, "{ended:?}");
    assert!(ended.err.contains("the values of 3 more files were not searched for\n"), "{ended:?}");
}
