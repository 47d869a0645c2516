//! Real repositories and the installed git.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::io::git::GitStatus::{Ignored, Tracked, Untracked};
use crate::io::git::{GitClient, GitStatus, root};

/// Runs git as a user would, with a fixed configuration.
pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    output(folder, arguments);
}

/// Runs git like [`git`], and returns its output.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

pub(super) fn repository() -> (tempfile::TempDir, PathBuf) {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path().canonicalize().unwrap().join("shop");
    fs::create_dir(&folder).unwrap();
    git(&folder, &["init", "-q"]);
    (guard, folder)
}

fn write(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "A=1\n").unwrap();
    path
}

/// Returns a [`GitClient`] with the `PATH` of the tests and a home directory without configuration.
pub(super) fn git_client(home: &Path) -> GitClient {
    let path = std::env::var("PATH").unwrap();
    let home = home.to_str().unwrap().to_owned();
    GitClient::new(&BTreeMap::from([("PATH".to_owned(), path), ("HOME".to_owned(), home)]))
}

fn status(root: &Path, names: &[&str]) -> Vec<GitStatus> {
    let paths: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
    git_client(root.parent().unwrap()).status(root, &paths).unwrap()
}

#[test]
fn nearest_repository_is_used() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("shop/api/src");
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(root(&folder), None);

    fs::create_dir(outer.path().join(".git")).unwrap();
    fs::write(outer.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    assert_eq!(root(&folder).as_deref(), Some(outer.path()));
    assert_eq!(root(outer.path()).as_deref(), Some(outer.path()));

    fs::create_dir(outer.path().join("shop/.git")).unwrap();
    assert_eq!(root(&folder).as_deref(), Some(outer.path()), "an empty .git directory is not a repository");

    fs::write(outer.path().join("shop/api/.git"), "gitdir: ../../.git/worktrees/api\n").unwrap();
    assert_eq!(root(&folder), Some(outer.path().join("shop/api")), "a linked worktree is a separate root");
}

#[test]
fn distinguishes_tracked_ignored_and_untracked() {
    let (_guard, folder) = repository();
    fs::write(folder.join(".gitignore"), ".env\nsecret/\n").unwrap();
    for name in [
        ".env",
        ".env.local",
        "api/.env",
        "api/.env.staging",
        "kept/.env",
        "secret/deep/x.env",
        "-n",
        "*.env",
        "ü/a b.env",
        "new/deep/x.env",
    ] {
        write(&folder, name);
    }
    git(&folder, &["add", "-f", "kept/.env", "ü/a b.env"]);
    for (name, expected) in [
        (".env", Ignored),
        (".env.local", Untracked),
        ("api/.env", Ignored),
        ("api/.env.staging", Untracked),
        // Tracked takes precedence over ignored.
        ("kept/.env", Tracked),
        ("secret/deep/x.env", Ignored),
        ("-n", Untracked),
        // A name, not a pattern.
        ("*.env", Untracked),
        ("ü/a b.env", Tracked),
        ("new/deep/x.env", Untracked),
    ] {
        assert_eq!(status(&folder, &[name]), [expected], "{name}");
    }
    let elsewhere = folder.with_file_name("elsewhere.env");
    assert_eq!(git_client(&folder).status(&folder, &[elsewhere]), Ok(vec![Ignored]));
    assert_eq!(status(&folder, &["api/.env", ".env.local", "kept/.env"]), [Ignored, Untracked, Tracked], "in order");
    git(&folder, &["commit", "-q", "-m", "first"]);
    assert_eq!(status(&folder, &["kept/.env"]), [Tracked]);
}

#[test]
fn global_ignore_rules_apply() {
    let (guard, folder) = repository();
    write(&folder, ".env");
    assert_eq!(status(&folder, &[".env"]), [Untracked]);
    let home = guard.path();
    fs::create_dir_all(home.join(".config/git")).unwrap();
    fs::write(home.join(".config/git/ignore"), ".env\n").unwrap();
    assert_eq!(status(&folder, &[".env"]), [Ignored]);
}

#[test]
fn linked_worktree_has_its_own_index() {
    let (_guard, folder) = repository();
    fs::write(folder.join(".gitignore"), "*.local\n").unwrap();
    write(&folder, "api/.env");
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "-q", "-m", "first"]);
    git(&folder, &["worktree", "add", "-q", "../other"]);
    let other = folder.with_file_name("other");
    assert_eq!(root(&other.join("api")), Some(other.clone()));
    write(&other, "api/.env.local");
    write(&other, "api/.env.new");
    let found = status(&other, &["api/.env", "api/.env.local", "api/.env.new"]);
    assert_eq!(found, [Tracked, Ignored, Untracked]);
}

#[test]
fn many_files_are_split_across_git_calls() {
    let (_guard, folder) = repository();
    let names: Vec<String> = (0..250).map(|number| format!("s{number}/.env")).collect();
    for name in &names {
        write(&folder, name);
    }
    fs::write(folder.join(".gitignore"), "s249/\n").unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = status(&folder, &names);
    assert_eq!(found.iter().filter(|status| **status == Untracked).count(), 249);
    assert_eq!(found[249], Ignored);
}

#[cfg(unix)]
#[test]
fn hostile_repository_runs_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let (guard, folder) = repository();
    write(&folder, ".env");
    git(&folder, &["add", ".env"]);
    let touched = guard.path().join("touched");
    let script = folder.join("trap");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", touched.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let trap = script.to_str().unwrap();
    for (name, value) in [
        ("core.fsmonitor", trap),
        ("core.hooksPath", folder.to_str().unwrap()),
        ("core.pager", trap),
        ("pager.ls-files", trap),
        ("core.sshCommand", trap),
        ("filter.x.clean", trap),
        ("filter.x.process", trap),
        ("diff.external", trap),
        ("alias.ls-files", &format!("!{trap}")),
    ] {
        git(&folder, &["config", name, value]);
    }
    fs::write(folder.join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    fs::copy(&script, folder.join("post-index-change")).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    fs::copy(&script, folder.join("bin/git")).unwrap();
    fs::write(folder.join(".env"), "A=2\n").unwrap();

    // The trap works: plain git triggers it.
    let status = Command::new("git").args(["status", "--short"]).current_dir(&folder).output().unwrap();
    assert!(touched.exists(), "{status:?}");
    fs::remove_file(&touched).unwrap();

    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:bin:.:{path}", folder.join("bin").display());
    let variables = [
        ("PATH", path.as_str()),
        ("GIT_DIR", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere"),
        ("GIT_EXTERNAL_DIFF", trap),
        ("GIT_TRACE2_EVENT", "/nowhere"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let found = GitClient::new(&BTreeMap::from(variables)).status(&folder, &[folder.join(".env")]);
    assert_eq!(found, Ok(vec![Tracked]));
    assert!(!touched.exists());
}

#[cfg(unix)]
#[test]
fn failures_are_reported_without_git_output() {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, Instant};
    let (guard, folder) = repository();
    let env = write(&folder, ".env");
    let ask = |path: &Path| {
        let variables = BTreeMap::from([("PATH".to_owned(), path.to_str().unwrap().to_owned())]);
        let mut git_client = GitClient::new(&variables);
        git_client.limit = Duration::from_millis(300);
        git_client.status(&folder, std::slice::from_ref(&env))
    };
    let pretend = |name: &str, script: &str| {
        let bin = guard.path().join(name);
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("git"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
        bin
    };
    assert_eq!(ask(&guard.path().join("empty")).unwrap_err(), "git is not installed");
    let other = pretend("other", "echo \"fatal: detected dubious ownership in repository at '/marker'\" >&2; exit 128");
    assert_eq!(ask(&other).unwrap_err(), "the repository belongs to another user, and git does not trust it");
    let broken = pretend("broken", "echo 'fatal: marker' >&2; exit 128");
    assert_eq!(ask(&broken).unwrap_err(), "git could not read the repository");
    let start = Instant::now();
    let slow = pretend("slow", "exec /bin/sleep 30");
    assert!(ask(&slow).unwrap_err().starts_with("git timed out after"));
    let endless = pretend("endless", "/bin/sleep 30 & exit 0");
    assert!(ask(&endless).is_err());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
