//! Hooks are installed in git's hooks directory, and foreign hooks are never changed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::tests::sandbox::Sandbox;
use crate::io::git::tests::{git, output};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const INSTALL: &[&str] = &["hook", "install"];
const BOTH: &[&str] = &["hook", "install", "pre-commit", "pre-push"];
const INSTALL_YES: &[&str] = &["hook", "install", "--yes"];
const UNINSTALL: &[&str] = &["hook", "uninstall"];
const STATUS: &[&str] = &["hook", "status"];
const NONE: &str = "pre-commit  none\npre-push    none\n";

fn outside_repository() -> Sandbox {
    let sandbox = Sandbox::of([]);
    let home = sandbox.home();
    fs::create_dir_all(&home).unwrap();
    sandbox.variable("PATH", Some(&std::env::var("PATH").unwrap())).variable("HOME", home.to_str())
}

fn in_repository() -> Sandbox {
    let sandbox = outside_repository();
    git(&sandbox.work(), &["init", "-q"]);
    sandbox
}

fn is_hook(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains("exec doctor hook run"))
}

/// Installs a hook twice, and uninstalls it.
fn installs_and_uninstalls(sandbox: &Sandbox, folder: &Path, shown: &str, names_binary: bool) {
    assert_eq!((sandbox.run(STATUS).code, sandbox.run(STATUS).out.as_str()), (1, NONE));
    let written = sandbox.run(INSTALL_YES);
    assert_eq!(written.code, 0, "{written:?}");
    assert!(written.out.starts_with(&format!("wrote {shown}/pre-commit")), "{written:?}");
    assert!(written.out.contains("to skip it once:\n    DOCTOR=0 git commit\n"), "{written:?}");
    let path = folder.join("pre-commit");
    assert!(is_hook(&path), "{}", path.display());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.contains("[ -x "), names_binary, "{text}");
    let again = sandbox.run(INSTALL);
    assert_eq!((again.code, again.out), (0, format!("{shown}/pre-commit is already installed\n")));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let status = sandbox.run(STATUS);
    assert_eq!(status.code, 0);
    assert_eq!(status.out, format!("pre-commit  installed: {shown}/pre-commit\npre-push    none\n"));
    let gone = sandbox.run(UNINSTALL);
    assert_eq!((gone.code, gone.out), (0, format!("removed {shown}/pre-commit\n")));
    assert!(!path.exists());
    assert_eq!(sandbox.run(UNINSTALL).out, "no hook of doctor is installed\n");
}

#[test]
fn installs_in_plain_repository() {
    let sandbox = in_repository();
    installs_and_uninstalls(&sandbox, &sandbox.work().join(".git/hooks"), ".git/hooks", true);
    let both = sandbox.run(BOTH);
    assert_eq!(both.out.lines().count(), 4, "two lines for each hook: {both:?}");
    assert!(["pre-commit", "pre-push"].iter().all(|name| is_hook(&sandbox.work().join(".git/hooks").join(name))));
    assert_eq!(sandbox.run(UNINSTALL).out.lines().count(), 2);
}

#[test]
fn linked_worktree_uses_shared_hooks() {
    let sandbox = outside_repository();
    let main = sandbox.home().join("main");
    fs::create_dir(&main).unwrap();
    git(&main, &["init", "-q"]);
    git(&main, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&main, &["worktree", "add", "-q", sandbox.work().to_str().unwrap(), "-b", "side"]);
    installs_and_uninstalls(&sandbox, &main.join(".git/hooks"), "../home/main/.git/hooks", true);
}

#[test]
fn installs_in_bare_repository() {
    let sandbox = outside_repository();
    git(&sandbox.work(), &["init", "-q", "--bare"]);
    installs_and_uninstalls(&sandbox, &sandbox.work().join("hooks"), "hooks", true);
}

#[test]
fn installs_where_core_hooks_path_points() {
    // A relative path, in the working tree, which is shared by everyone who clones it.
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", "tools/hooks"]);
    installs_and_uninstalls(&sandbox, &sandbox.work().join("tools/hooks"), "tools/hooks", false);
    assert!(sandbox.run(INSTALL_YES).out.contains("commit it to share it"));
    assert!(!sandbox.work().join(".git/hooks/pre-commit").exists());
    // A path of the user, for all repositories.
    let sandbox = in_repository();
    let everywhere = sandbox.home().join("every hook");
    fs::write(sandbox.home().join(".gitconfig"), "[core]\nhooksPath = ~/every hook\n").unwrap();
    installs_and_uninstalls(&sandbox, &everywhere, "../home/every hook", true);
    assert!(sandbox.run(INSTALL_YES).out.contains("other repositories may use it, too"));
    // An absolute path.
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", sandbox.work().join(".git/mine").to_str().unwrap()]);
    installs_and_uninstalls(&sandbox, &sandbox.work().join(".git/mine"), ".git/mine", true);
}

/// Asserts that a hook is written there only after confirmation, and that the prompt shows the path.
fn requires_confirmation(sandbox: Sandbox, folder: &Path, file: &str, [reason, question]: [&str; 2]) {
    let unasked = sandbox.run(INSTALL);
    assert_eq!((unasked.code, unasked.out.as_str()), (2, ""), "{unasked:?}");
    assert!(unasked.err.contains(&format!("{file} ({reason})")), "{unasked:?}");
    assert!(unasked.err.contains("\n    doctor hook install --yes pre-commit\n"), "{unasked:?}");
    let sandbox = sandbox.at_a_terminal();
    let declined = sandbox.answered(INSTALL, vec![PreparedAnswer::Reply(YesNo::No)]);
    assert_eq!(declined.code, 2, "{declined:?}");
    assert!(!folder.join("pre-commit").exists());
    let agreed = sandbox.answered(INSTALL, vec![PreparedAnswer::Reply(YesNo::Yes)]);
    assert_eq!(agreed.code, 0, "{agreed:?}");
    assert!(agreed.asked[0].starts_with(question) && agreed.asked[0].ends_with(&format!("{file}?")), "{agreed:?}");
    assert!(is_hook(&folder.join("pre-commit")));
    // An existing hook needs no confirmation.
    assert_eq!(sandbox.run(INSTALL).code, 0);
}

#[test]
fn printed_install_command_names_the_requested_hooks() {
    for hooks in [&["pre-push"][..], &["pre-commit", "pre-push"]] {
        let sandbox = in_repository();
        git(&sandbox.work(), &["config", "core.hooksPath", "tools/hooks"]);
        let unasked = sandbox.run(&[&["hook", "install"], hooks].concat());
        let command = format!("\n    doctor hook install --yes {}\n", hooks.join(" "));
        assert!(unasked.code == 2 && unasked.err.contains(&command), "{unasked:?}");
        let printed: Vec<&str> = command.split_whitespace().skip(1).collect();
        assert_eq!(sandbox.run(&printed).code, 0);
        for name in ["pre-commit", "pre-push"] {
            let is_written = sandbox.work().join("tools/hooks").join(name).exists();
            assert_eq!(is_written, hooks.contains(&name), "{name}: {unasked:?}");
        }
    }
}

#[test]
fn hooks_outside_git_directory_require_yes() {
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", "tools/hooks"]);
    let folder = sandbox.work().join("tools/hooks");
    requires_confirmation(
        sandbox,
        &folder,
        "tools/hooks/pre-commit",
        [
            "core.hooksPath points there, inside the working tree",
            "core.hooksPath points to a directory in the working tree. Write ",
        ],
    );
    let sandbox = in_repository();
    fs::write(sandbox.home().join(".gitconfig"), "[core]\nhooksPath = ~/hooks\n").unwrap();
    let folder = sandbox.home().join("hooks");
    requires_confirmation(
        sandbox,
        &folder,
        "../home/hooks/pre-commit",
        [
            "core.hooksPath points there, outside this repository",
            "core.hooksPath points to a directory outside this repository. Write ",
        ],
    );
}

#[cfg(unix)]
#[test]
fn symlinked_hooks_directory_is_resolved() {
    for (link, target) in [(".git/hooks", "../../home/shared"), ("tools", "../home/shared")] {
        let sandbox = in_repository();
        let folder = sandbox.home().join("shared");
        fs::create_dir_all(&folder).unwrap();
        let link = sandbox.work().join(link);
        if link.starts_with(sandbox.work().join(".git")) {
            fs::remove_dir_all(&link).unwrap();
        } else {
            git(&sandbox.work(), &["config", "core.hooksPath", "tools"]);
        }
        std::os::unix::fs::symlink(target, &link).unwrap();
        requires_confirmation(
            sandbox,
            &folder,
            "home/shared/pre-commit",
            [
                "a link points there, outside this repository",
                "The hooks directory is a link to one outside this repository. Write ",
            ],
        );
    }
    // A link inside the git directory needs no confirmation.
    let sandbox = in_repository();
    fs::rename(sandbox.work().join(".git/hooks"), sandbox.work().join(".git/kept")).unwrap();
    std::os::unix::fs::symlink("kept", sandbox.work().join(".git/hooks")).unwrap();
    assert_eq!(sandbox.run(INSTALL).code, 0);
}

#[test]
fn installs_from_below_repository_root() {
    let sandbox = outside_repository();
    let above = sandbox.work().parent().unwrap().to_owned();
    git(&above, &["init", "-q"]);
    installs_and_uninstalls(&sandbox, &above.join(".git/hooks"), "../.git/hooks", true);
    git(&above, &["config", "core.hooksPath", "tools"]);
    installs_and_uninstalls(&sandbox, &above.join("tools"), "../tools", false);
}

fn with_hook(name: &str, text: &str) -> (Sandbox, PathBuf) {
    let sandbox = in_repository();
    let path = sandbox.work().join(".git/hooks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    (sandbox, path)
}

#[test]
fn foreign_hook_is_kept_and_line_to_add_is_printed() {
    for (text, next) in [
        ("#!/bin/sh\nnpm test\n", "help: add this line to it:\n    doctor hook run || exit $?\n"),
        ("# File generated by pre-commit: https://pre-commit.com\n", "add doctor to .pre-commit-config.yaml"),
        ("call_lefthook run\n", "add `run: doctor hook run` to lefthook.yml"),
    ] {
        let (sandbox, path) = with_hook("pre-commit", text);
        let refused = sandbox.run(BOTH);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("error: .git/hooks/pre-commit already exists\n"), "{refused:?}");
        assert!(refused.err.contains(next), "{refused:?}");
        assert!(refused.out.starts_with("wrote .git/hooks/pre-push"), "there is no other pre-push hook: {refused:?}");
        let gone = sandbox.run(UNINSTALL);
        assert_eq!(gone.code, 0, "{gone:?}");
        assert!(
            gone.out.starts_with(".git/hooks/pre-commit was not written by doctor, and was not changed\n"),
            "{gone:?}"
        );
        let status = sandbox.run(STATUS);
        assert_eq!(status.code, 1, "{status:?}");
        assert!(status.out.contains("does not call doctor: .git/hooks/pre-commit"), "{status:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "the hook is unchanged");
    }
    let (sandbox, path) = with_hook("pre-commit", "#!/bin/sh\nnpm test\ndoctor hook run || exit $?\n");
    assert_eq!(sandbox.run(INSTALL).out, ".git/hooks/pre-commit already calls doctor\n");
    assert_eq!(sandbox.run(STATUS).code, 0);
    assert!(sandbox.run(UNINSTALL).out.ends_with("remove its call to doctor by hand\n"));
    assert!(path.exists());
}

#[test]
fn husky_uses_its_own_hook_file() {
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", ".husky/_"]);
    let sandbox = sandbox.file(".husky/_/pre-commit", "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"");
    let refused = sandbox.run(INSTALL);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.err.contains("add this line to .husky/pre-commit:\n    doctor hook run || exit $?\n"),
        "{refused:?}"
    );
    let sandbox = sandbox.file(".husky/pre-commit", "doctor hook run || exit $?\n");
    assert_eq!((sandbox.run(INSTALL).code, sandbox.run(STATUS).code), (0, 0));
}

#[test]
fn outdated_doctor_hook_is_updated() {
    let text = "#!/bin/sh\n# Written by `doctor hook install`; `doctor hook uninstall` removes it.\nexec doctor run\n";
    let (sandbox, path) = with_hook("pre-push", text);
    let status = sandbox.run(STATUS);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.out.contains("pre-push    outdated: run `doctor hook install pre-push`\n"), "{status:?}");
    assert!(sandbox.run(&["hook", "install", "pre-push"]).out.starts_with("wrote "));
    assert!(is_hook(&path));
    fs::write(&path, text).unwrap();
    assert_eq!(sandbox.run(UNINSTALL).out, "removed .git/hooks/pre-push\n");
}

#[test]
fn nothing_is_written_outside_repository_or_to_other_repository() {
    let sandbox = outside_repository();
    for words in [INSTALL, UNINSTALL, STATUS] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("error: not a git repository\n"), "{ended:?}");
    }
    // `GIT_DIR` of another repository is ignored.
    let other = sandbox.home().join("other");
    fs::create_dir(&other).unwrap();
    git(&other, &["init", "-q"]);
    let sandbox = sandbox.variable("GIT_DIR", other.join(".git").to_str());
    assert_eq!(sandbox.run(INSTALL).code, 2);
    assert_eq!(output(&other, &["status", "--short"]), "");
    assert!(!other.join(".git/hooks/pre-commit").exists());
    let sandbox = in_repository();
    let sandbox = sandbox.file("a file", "");
    git(&sandbox.work(), &["config", "core.hooksPath", "a file"]);
    let ended = sandbox.run(INSTALL_YES);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("failed to access the hook a file/pre-commit"), "{ended:?}");
}

#[test]
fn missing_repository_is_reported_without_changes() {
    let sandbox = outside_repository();
    for words in [STATUS, INSTALL, UNINSTALL] {
        let refused = sandbox.run(words);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
        let lines: Vec<&str> = refused.err.lines().collect();
        assert_eq!(lines.len(), 4, "{refused:?}");
        assert_eq!(lines[0], "error: not a git repository");
        assert!(lines[1].contains("neither this directory nor a parent has a .git"), "{refused:?}");
        assert_eq!(lines[3], "    git init", "{refused:?}");
    }
    assert!(!sandbox.work().join(".git").exists());
    // A repository that git can't read is another error.
    fs::write(sandbox.work().join(".git"), "gitdir: /nowhere/at/all\n").unwrap();
    let broken = sandbox.run(STATUS);
    assert!(broken.err.contains("could not find git's hooks directory"), "{broken:?}");
    assert!(broken.err.contains("cause: git could not read the repository"), "{broken:?}");
}
