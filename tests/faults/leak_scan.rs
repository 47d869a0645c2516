//! What a run has left behind, searched for secrets: both streams, every file, and what its children were given.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::markers::found;
use crate::run::{Cell, Ran};

/// What lies below the folder of a cell before a run: what is still the same after it, the run has not written.
pub(crate) struct Before(BTreeMap<PathBuf, Vec<u8>>);

impl Before {
    pub(crate) fn of(cell: &Cell) -> Self {
        Self(files(cell))
    }

    /// Fails with the first secret that the run has let out. The `.env` itself is where values are meant to be.
    pub(crate) fn is_silent(&self, cell: &Cell, ran: &Ran) -> Result<(), String> {
        for (name, text) in [("standard output", &ran.out), ("standard error", &ran.err)] {
            if let Some(what) = found(text.as_bytes()) {
                return Err(format!("{name} holds {what}"));
            }
        }
        for (path, content) in files(cell) {
            let is_old = self.0.get(&path) == Some(&content);
            if is_old || path == Path::new("work/.env") {
                continue;
            }
            let name = found(path.as_os_str().as_bytes());
            if let Some(what) = name.or_else(|| found(&content)) {
                return Err(format!("{} holds {what}", path.display()));
            }
        }
        Ok(())
    }
}

/// Path below the cell's folder → what is in the file, or where the link leads.
fn files(cell: &Cell) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = cell.work().parent().unwrap().to_owned();
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(&root).unwrap().to_owned();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                files.insert(name, fs::read_link(&path).unwrap().as_os_str().as_bytes().to_owned());
            } else if kind.is_file() && kind.len() < 1 << 30 {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A program that writes down the arguments and the environment that it is given, and goes on as git.
static RECORDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded-git");
    // A shell writes it: while another thread starts a child, a file that this process writes can't be run.
    let script = "git=$(command -v git) && printf '%s\\n' '#!/bin/sh' \
                  '{ printf \"%s\\n\" \"$@\"; export -p; } >>\"${0%/*}/children\"' \
                  \"exec '$git' \\\"\\$@\\\"\" >\"$0.$$\" && chmod +x \"$0.$$\" && mv \"$0.$$\" \"$0\"";
    assert!(Command::new("sh").args(["-c", script]).arg(&path).status().unwrap().success());
    path
});

/// Fills a folder for `PATH` with the one program that a run may start; what it is given is written down there.
pub(crate) fn record_children(folder: &Path) {
    fs::create_dir(folder).unwrap();
    symlink(&*RECORDER, folder.join("git")).unwrap();
}
