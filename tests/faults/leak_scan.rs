//! Scans everything that a run leaves behind for secrets: both streams, every file, and what child processes received.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::markers::{find_secret, find_value};
use crate::run::{RunOutput, Sandbox};

/// The files of a sandbox before a run; files that are unchanged after it are not scanned.
pub(crate) struct FilesBefore(BTreeMap<PathBuf, Vec<u8>>);

impl FilesBefore {
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self(files(sandbox))
    }

    /// Fails with the first secret that the run leaked. Only `.env`, and the `new.env` that a pull creates, may contain
    /// values.
    pub(crate) fn check_leaks(&self, sandbox: &Sandbox, output: &RunOutput) -> Result<(), String> {
        self.check(sandbox, output, &find_secret)
    }

    /// Fails if the run leaked a value without the marker.
    pub(crate) fn check_value(&self, sandbox: &Sandbox, output: &RunOutput, value: &str) -> Result<(), String> {
        self.check(sandbox, output, &|bytes| find_value(bytes, value))
    }

    fn check(
        &self,
        sandbox: &Sandbox,
        output: &RunOutput,
        find: &dyn Fn(&[u8]) -> Option<String>,
    ) -> Result<(), String> {
        for (name, text) in [("standard output", &output.stdout), ("standard error", &output.stderr)] {
            if let Some(what) = find(text.as_bytes()) {
                return Err(format!("{name} contains {what}"));
            }
        }
        for (path, content) in files(sandbox) {
            let is_old = self.0.get(&path) == Some(&content);
            if is_old || ["work/.env", "work/new.env"].iter().any(|own| path == Path::new(own)) {
                continue;
            }
            let name = find(path.as_os_str().as_bytes());
            if let Some(what) = name.or_else(|| find(&content)) {
                return Err(format!("{} contains {what}", path.display()));
            }
        }
        Ok(())
    }
}

/// Path in the sandbox → the content of the file, or the target of the link.
fn files(sandbox: &Sandbox) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = sandbox.work().parent().unwrap().to_owned();
    let (mut files, mut directories) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(&root).unwrap().to_owned();
            if kind.is_dir() {
                directories.push(path);
            } else if kind.is_symlink() {
                files.insert(name, fs::read_link(&path).unwrap().as_os_str().as_bytes().to_owned());
            } else if kind.is_file() && kind.len() < 1 << 30 {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A program that records its arguments and environment, and then runs git.
static RECORDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded-git");
    // A shell writes it: a file that this process writes can't be executed while another thread forks a child.
    let script = "git=$(command -v git) && printf '%s\\n' '#!/bin/sh' \
                  '{ printf \"%s\\n\" \"$@\"; export -p; } >>\"${0%/*}/children\"' \
                  \"exec '$git' \\\"\\$@\\\"\" >\"$0.$$\" && chmod +x \"$0.$$\" && mv \"$0.$$\" \"$0\"";
    assert!(Command::new("sh").args(["-c", script]).arg(&path).status().unwrap().success());
    path
});

/// Creates a directory for `PATH` with the only program that a run may start; its arguments are recorded there.
pub(crate) fn record_children(directory: &Path) {
    fs::create_dir(directory).unwrap();
    symlink(&*RECORDER, directory.join("git")).unwrap();
}
