//! What to type instead of a path to a `.env` that is not there.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use crate::drift::example_file::is_example;
use crate::drift::leak;
use crate::io::files::path::quoted;
use crate::io::git;

/// The most entries of a folder that are looked at.
const FOLDER_LIMIT: usize = 10_000;

/// Returns what to type instead of a path that leads nowhere.
pub(super) fn hint(missing: &Path, working_folder: &Path) -> Option<String> {
    let folder = missing.parent()?;
    let wanted = missing.file_name()?.to_string_lossy();
    let pass = |paths: &[PathBuf]| {
        let flags = paths.iter().map(|path| format!("`--env-file {}`", quoted(path, working_folder)));
        format!("pass {}", flags.collect::<Vec<_>>().join(" or "))
    };
    let (templates, files): (Vec<_>, Vec<_>) =
        env_files(folder, &wanted).into_iter().partition(|name| is_example(name));
    if !files.is_empty() {
        return Some(pass(&files.iter().map(|name| folder.join(name)).collect::<Vec<_>>()));
    }
    let above = folder.canonicalize().ok().and_then(|folder| {
        let root = git::root(&folder)?;
        folder
            .ancestors()
            .skip(1)
            .take_while(|ancestor| ancestor.starts_with(&root))
            .map(|ancestor| ancestor.join(&*wanted))
            .find(|path| path.is_file())
    });
    if let Some(path) = above {
        return Some(pass(&[path]));
    }
    let template = templates.first()?;
    let [template, missing] = [&folder.join(template), missing].map(|path| quoted(path, working_folder));
    Some(format!("copy {template} to {missing} and fill it in"))
}

/// Returns the `.env` files of a folder, without examples: what may hold values of this machine.
pub fn env_files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(FOLDER_LIMIT).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| leak::kind(name) == leak::FileKind::EnvFile).collect();
    names.sort_unstable();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Everything in a folder that has the name of a file of variables, examples among them.
pub fn variables_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(FOLDER_LIMIT).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| leak::kind(name) != leak::FileKind::Other).map(|name| folder.join(name)).collect()
}

/// Names in a folder that look like a `.env` or like the wanted name, the closest first, at most three.
fn env_files(folder: &Path, wanted: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<(Reverse<usize>, String)> = entries
        .take(FOLDER_LIMIT)
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|file_type| !file_type.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(".env") && !name.starts_with(".envrc") || has_env_ending(name))
        .map(|name| (Reverse(common_start(&name, wanted)), name))
        .collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name).take(3).collect()
}

fn has_env_ending(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "env")
}

fn common_start(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(left, right)| left == right).count()
}
