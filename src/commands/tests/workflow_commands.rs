//! Names that GitHub Actions would run as workflow commands.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

/// A value that can be searched for.
const KEY_ONE: &str = "kV93xLq0wMn72RbYcJd5";

fn hostile() -> Sandbox {
    let names = ["::set-output name=safe::yes", "::stop-commands::abc", "##[group]x"];
    let services =
        names.map(|name| service(name, &[("KEY_ONE", KEY_ONE), ("::add-mask::e", KEY_ONE), ("##[error]y", "x")]));
    Sandbox::of(services)
        .file(".env", "KEY_ONE=c\n::debug=1\nbroken ::line\n")
        .file("doctor.toml", "[[ignore]]\nkeys = [\"::warning::nothing\"]\nreason = \"::error::x\"\n")
}

#[test]
fn output_never_contains_workflow_commands() {
    for words in [
        &["check"][..],
        &["check", "-v"],
        &["check", "-q"],
        &["check", "--only", "::stop-commands::x"],
        &["check", "--service", "::set-output name=saef::yes"],
        &["check", "--format", "markdown"],
        &["check", "--format", "html"],
        &["check", "--format", "junit"],
        &["check", "--format", "sarif"],
        &["check", "--format", "json"],
        &["matrix"],
        &["matrix", "--format", "markdown"],
        &["compare", "staging", "::x"],
        &["compare", "::x", "::x"],
        &["compare", "staging", "::x", "--token", "::x=y"],
        &["trace", "KEY_ONE", "--from", "::stop-commands::abc"],
        &["trace", "KEY_ONE", "--from", "::x"],
        &["trace", "::add-mask::e"],
        &["trace", "KEY_ONE", "--from", "##[group]x", "--format", "markdown"],
        &["trace", "KEY_ONE", "--from", "##[group]x", "--format", "html"],
        &["trace", "KEY_ONE", "--from", "##[group]x", "--format", "junit"],
        &["trace", "KEY_ONE", "--from", "##[group]x", "--format", "sarif"],
        &["trace", "KEY_ONE", "--from", "##[group]x", "--format", "json"],
        &["trace", "KEY_ONE", "--from", "##[group]x", "--everywhere", "--yes", "-v"],
        &["rotate", "KEY_ONE", "--from", "::stop-commands::abc", "--generate", "hex:32", "--dry-run"],
        &["rotate", "KEY_ONE", "--from", "##[group]x", "--generate", "hex:32", "--yes"],
        &["rotate", "KEY_ONE", "--from", "##[group]x", "--generate", "hex:32", "--yes", "--format", "json"],
        &["rotate", "KEY_ONE", "--generate", "::x"],
        &["rotate", "KEY_ONE", "--generate", "hex:32", "--keep-old-as", "::x"],
        &["fix", "--hoist", "KEY_ONE", "--yes"],
        &["fix", "--dry-run"],
        &["fix", "--push", "--yes"],
        &["fix", "--push", "--yes", "--only", "KEY_ONE"],
        &["undo", "--list"],
        &["undo", "::x"],
        &["init"],
        &["init", "--yes"],
        &["auth", "status"],
        &["explain", "::debug::x"],
        &["hook", "status"],
        &["::debug::x"],
        &["--::debug::x"],
    ] {
        let sandbox = hostile().variable("GITHUB_ACTIONS", Some("true")).variable("CI", Some("true"));
        let ended = sandbox.run(words);
        for line in ended.out.lines().chain(ended.err.lines()) {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{words:?}: {line}");
        }
        if words.contains(&"json") {
            assert!(serde_json::from_str::<serde_json::Value>(&ended.out).is_ok(), "{ended:?}");
        }
    }
}

#[test]
fn only_github_format_emits_annotations() {
    let sandbox = hostile().variable("GITHUB_ACTIONS", Some("true"));
    let annotated = sandbox.run(&["check", "--format", "github"]);
    assert!(annotated.out.contains("\n::error ") || annotated.out.starts_with("::error "), "{annotated:?}");
    assert!(annotated.out.lines().all(|line| !line.starts_with("::")
        || line.starts_with("::error ")
        || line.starts_with("::warning ")
        || line.starts_with("::notice ")));
    let plain = hostile().run(&["check", "-v"]);
    assert!(plain.out.contains("::add-mask::e") && !plain.out.contains("u003a"), "{plain:?}");
}
