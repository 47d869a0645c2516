//! Hooks are written where git looks for them, and nobody else's is ever touched.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::tests::sandbox::Sandbox;
use crate::io::git::tests::{git, output};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::Prepared;

const INSTALL: &[&str] = &["hook", "install"];
const BOTH: &[&str] = &["hook", "install", "pre-commit", "pre-push"];
const INSTALL_YES: &[&str] = &["hook", "install", "--yes"];
const UNINSTALL: &[&str] = &["hook", "uninstall"];
const STATUS: &[&str] = &["hook", "status"];
const NONE: &str = "pre-commit  none\npre-push    none\n";

fn somewhere() -> Sandbox {
    let sandbox = Sandbox::of([]);
    let home = sandbox.home();
    fs::create_dir_all(&home).unwrap();
    sandbox.variable("PATH", Some(&std::env::var("PATH").unwrap())).variable("HOME", home.to_str())
}

fn in_repository() -> Sandbox {
    let sandbox = somewhere();
    git(&sandbox.work(), &["init", "-q"]);
    sandbox
}

fn is_hook(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains("exec doctor hook run"))
}

/// Installs, says so, stays as it is, and goes away again.
fn comes_and_goes(sandbox: &Sandbox, folder: &Path, shown: &str, names_binary: bool) {
    assert_eq!((sandbox.run(STATUS).code, sandbox.run(STATUS).out.as_str()), (1, NONE));
    let written = sandbox.run(INSTALL_YES);
    assert_eq!(written.code, 0, "{written:?}");
    assert!(written.out.starts_with(&format!("wrote {shown}/pre-commit")), "{written:?}");
    assert!(written.out.contains("`DOCTOR=0` in front of a command goes round it"), "{written:?}");
    let path = folder.join("pre-commit");
    assert!(is_hook(&path), "{}", path.display());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.contains("[ -x "), names_binary, "{text}");
    let again = sandbox.run(INSTALL);
    assert_eq!((again.code, again.out), (0, format!("{shown}/pre-commit is in place already\n")));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let status = sandbox.run(STATUS);
    assert_eq!(status.code, 0);
    assert_eq!(status.out, format!("pre-commit  doctor's, in {shown}/pre-commit\npre-push    none\n"));
    let gone = sandbox.run(UNINSTALL);
    assert_eq!((gone.code, gone.out), (0, format!("removed {shown}/pre-commit\n")));
    assert!(!path.exists());
    assert_eq!(sandbox.run(UNINSTALL).out, "");
}

#[test]
fn installs_in_plain_repository() {
    let sandbox = in_repository();
    comes_and_goes(&sandbox, &sandbox.work().join(".git/hooks"), ".git/hooks", true);
    let both = sandbox.run(BOTH);
    assert_eq!(both.out.lines().count(), 2, "{both:?}");
    assert!(["pre-commit", "pre-push"].iter().all(|name| is_hook(&sandbox.work().join(".git/hooks").join(name))));
    assert_eq!(sandbox.run(UNINSTALL).out.lines().count(), 2);
}

#[test]
fn linked_worktree_uses_shared_hooks() {
    let sandbox = somewhere();
    let main = sandbox.home().join("main");
    fs::create_dir(&main).unwrap();
    git(&main, &["init", "-q"]);
    git(&main, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&main, &["worktree", "add", "-q", sandbox.work().to_str().unwrap(), "-b", "side"]);
    comes_and_goes(&sandbox, &main.join(".git/hooks"), "../home/main/.git/hooks", true);
}

#[test]
fn installs_in_bare_repository() {
    let sandbox = somewhere();
    git(&sandbox.work(), &["init", "-q", "--bare"]);
    comes_and_goes(&sandbox, &sandbox.work().join("hooks"), "hooks", true);
}

#[test]
fn installs_where_core_hooks_path_points() {
    // Relative: in the working tree, and everybody's.
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", "tools/hooks"]);
    comes_and_goes(&sandbox, &sandbox.work().join("tools/hooks"), "tools/hooks", false);
    assert!(sandbox.run(INSTALL_YES).out.contains("commit it, and it is everybody's"));
    assert!(!sandbox.work().join(".git/hooks/pre-commit").exists());
    // The user's own, for all repositories.
    let sandbox = in_repository();
    let everywhere = sandbox.home().join("every hook");
    fs::write(sandbox.home().join(".gitconfig"), "[core]\nhooksPath = ~/every hook\n").unwrap();
    comes_and_goes(&sandbox, &everywhere, "../home/every hook", true);
    assert!(sandbox.run(INSTALL_YES).out.contains("perhaps for other repositories too"));
    // An absolute one in a linked worktree's own configuration would be the same.
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", sandbox.work().join(".git/mine").to_str().unwrap()]);
    comes_and_goes(&sandbox, &sandbox.work().join(".git/mine"), ".git/mine", true);
}

/// Without a yes nothing is written there, and the place is shown.
fn needs_a_yes(sandbox: Sandbox, folder: &Path, shown: &str) {
    let unasked = sandbox.run(INSTALL);
    assert_eq!((unasked.code, unasked.out.as_str()), (2, ""), "{unasked:?}");
    assert!(unasked.err.contains(shown) && unasked.err.contains("`doctor hook install --yes`"), "{unasked:?}");
    let sandbox = sandbox.at_a_terminal();
    let declined = sandbox.answered(INSTALL, vec![Prepared::Reply(YesNo::No)]);
    assert_eq!(declined.code, 2, "{declined:?}");
    assert!(!folder.join("pre-commit").exists());
    let agreed = sandbox.answered(INSTALL, vec![Prepared::Reply(YesNo::Yes)]);
    assert_eq!(agreed.code, 0, "{agreed:?}");
    assert!(agreed.asked[0].contains(shown), "{agreed:?}");
    assert!(is_hook(&folder.join("pre-commit")));
    // What is in place already needs no word.
    assert_eq!(sandbox.run(INSTALL).code, 0);
}

#[test]
fn hooks_outside_git_directory_require_yes() {
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", "tools/hooks"]);
    let folder = sandbox.work().join("tools/hooks");
    needs_a_yes(sandbox, &folder, "tools/hooks/pre-commit (core.hooksPath leads there, inside the working tree)");
    let sandbox = in_repository();
    fs::write(sandbox.home().join(".gitconfig"), "[core]\nhooksPath = ~/hooks\n").unwrap();
    let folder = sandbox.home().join("hooks");
    needs_a_yes(sandbox, &folder, "../home/hooks/pre-commit (core.hooksPath leads there, outside of this repository)");
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
        needs_a_yes(sandbox, &folder, "home/shared/pre-commit (a link leads there, outside of this repository)");
    }
    // A link that stays inside git's own folder is git's own.
    let sandbox = in_repository();
    fs::rename(sandbox.work().join(".git/hooks"), sandbox.work().join(".git/kept")).unwrap();
    std::os::unix::fs::symlink("kept", sandbox.work().join(".git/hooks")).unwrap();
    assert_eq!(sandbox.run(INSTALL).code, 0);
}

#[test]
fn installs_from_below_repository_root() {
    let sandbox = somewhere();
    let above = sandbox.work().parent().unwrap().to_owned();
    git(&above, &["init", "-q"]);
    comes_and_goes(&sandbox, &above.join(".git/hooks"), "../.git/hooks", true);
    git(&above, &["config", "core.hooksPath", "tools"]);
    comes_and_goes(&sandbox, &above.join("tools"), "../tools", false);
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
        ("#!/bin/sh\nnpm test\n", "next: add this line to it: `doctor hook run || exit $?`"),
        ("# File generated by pre-commit: https://pre-commit.com\n", "add doctor's hook to .pre-commit-config.yaml"),
        ("call_lefthook run\n", "add `run: doctor hook run` to lefthook.yml"),
    ] {
        let (sandbox, path) = with_hook("pre-commit", text);
        let refused = sandbox.run(BOTH);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains(".git/hooks/pre-commit is not doctor's, and was left alone"), "{refused:?}");
        assert!(refused.err.contains(next), "{refused:?}");
        assert!(refused.out.starts_with("wrote .git/hooks/pre-push"), "the other one is nobody's: {refused:?}");
        let gone = sandbox.run(UNINSTALL);
        assert_eq!(gone.code, 0, "{gone:?}");
        assert!(gone.out.starts_with(".git/hooks/pre-commit is not doctor's, and was left alone\n"), "{gone:?}");
        let status = sandbox.run(STATUS);
        assert_eq!(status.code, 1, "{status:?}");
        assert!(status.out.contains("does not call doctor: .git/hooks/pre-commit"), "{status:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "not a byte was touched");
    }
    let (sandbox, path) = with_hook("pre-commit", "#!/bin/sh\nnpm test\ndoctor hook run || exit $?\n");
    assert_eq!(sandbox.run(INSTALL).out, ".git/hooks/pre-commit is not doctor's, and calls it already\n");
    assert_eq!(sandbox.run(STATUS).code, 0);
    assert!(sandbox.run(UNINSTALL).out.ends_with("take that out by hand\n"));
    assert!(path.exists());
}

#[test]
fn husky_uses_its_own_hook_file() {
    let sandbox = in_repository();
    git(&sandbox.work(), &["config", "core.hooksPath", ".husky/_"]);
    let sandbox = sandbox.file(".husky/_/pre-commit", "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"");
    let refused = sandbox.run(INSTALL);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("add this line to .husky/pre-commit: `doctor hook run || exit $?`"), "{refused:?}");
    let sandbox = sandbox.file(".husky/pre-commit", "doctor hook run || exit $?\n");
    assert_eq!((sandbox.run(INSTALL).code, sandbox.run(STATUS).code), (0, 0));
}

#[test]
fn outdated_doctor_hook_is_updated() {
    let text =
        "#!/bin/sh\n# Written by `doctor hook install`; `doctor hook uninstall` takes it away.\nexec doctor run\n";
    let (sandbox, path) = with_hook("pre-push", text);
    let status = sandbox.run(STATUS);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(
        status.out.contains("pre-push    doctor's, but out of date: `doctor hook install pre-push`\n"),
        "{status:?}"
    );
    assert!(sandbox.run(&["hook", "install", "pre-push"]).out.starts_with("wrote "));
    assert!(is_hook(&path));
    fs::write(&path, text).unwrap();
    assert_eq!(sandbox.run(UNINSTALL).out, "removed .git/hooks/pre-push\n");
}

#[test]
fn nothing_is_written_outside_repository_or_to_other_repository() {
    let sandbox = somewhere();
    for words in [INSTALL, UNINSTALL, STATUS] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("there is no git repository here"), "{ended:?}");
    }
    // What git tells its hooks of another repository does not count.
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
    assert!(ended.err.contains("can't use a file/pre-commit as a hook"), "{ended:?}");
}

#[test]
fn missing_repository_is_reported_without_changes() {
    let sandbox = somewhere();
    for verb in [STATUS, INSTALL, UNINSTALL] {
        let refused = sandbox.run(verb);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{refused:?}");
        let lines: Vec<&str> = refused.err.lines().collect();
        assert_eq!(lines.len(), 3, "{refused:?}");
        assert_eq!(lines[0], "error: there is no git repository here");
        assert!(lines[1].contains("neither this folder nor one above it has a .git"), "{refused:?}");
        assert!(lines[2].contains("`git init`"), "{refused:?}");
    }
    assert!(!sandbox.work().join(".git").exists());
    // A repository that git can't read is another trouble.
    fs::write(sandbox.work().join(".git"), "gitdir: /nowhere/at/all\n").unwrap();
    let broken = sandbox.run(STATUS);
    assert!(broken.err.contains("can't tell where git looks for hooks"), "{broken:?}");
    assert!(broken.err.contains("because: git can't read the repository"), "{broken:?}");
}
