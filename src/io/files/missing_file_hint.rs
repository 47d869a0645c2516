//! Suggests a path in place of a `.env` that does not exist.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use crate::drift::example_file::is_example;
use crate::drift::leak;
use crate::error::Help;
use crate::io::files::path::quoted;
use crate::io::git;

/// The maximum number of directory entries that are read.
const FOLDER_LIMIT: usize = 10_000;

/// Returns the help for a path that does not exist.
pub(super) fn hint(missing: &Path, working_folder: &Path) -> Option<Help> {
    let folder = missing.parent()?;
    let wanted = missing.file_name()?.to_string_lossy();
    let (templates, files): (Vec<_>, Vec<_>) =
        env_files(folder, &wanted).into_iter().partition(|name| is_example(name));
    if !files.is_empty() {
        return Some(did_you_mean(&files.iter().map(|name| folder.join(name)).collect::<Vec<_>>(), working_folder));
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
        return Some(did_you_mean(&[path], working_folder));
    }
    let template = templates.first()?;
    let [template, missing] = [&folder.join(template), missing].map(|path| quoted(path, working_folder));
    Some(Help::command("create it from the template, then fill it in:", format!("cp {template} {missing}")))
}

/// Returns the help to use one of these files, the first of which is the closest match.
fn did_you_mean(paths: &[PathBuf], working_folder: &Path) -> Help {
    let names: Vec<String> = paths.iter().map(|path| quoted(path, working_folder)).collect();
    let flag = format!("--env-file {}", names.first().map_or("PATH", String::as_str));
    match names.as_slice() {
        [] | [_] => format!("did you mean `{flag}`?").into(),
        _ => format!("pass one of {}, for example `{flag}`", names.join(", ")).into(),
    }
}

/// Returns the `.env` files of a directory, without examples. They may contain local values.
pub fn env_files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(FOLDER_LIMIT).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| leak::kind(name) == leak::FileKind::EnvFile).collect();
    names.sort_unstable();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Returns every path in a directory that has the name of an env file, including examples.
pub fn variables_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(FOLDER_LIMIT).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| leak::kind(name) != leak::FileKind::Other).map(|name| folder.join(name)).collect()
}

/// Returns up to three names of files in a directory that look like env files, the most similar first.
fn env_files(folder: &Path, wanted: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<(Reverse<usize>, String)> = entries
        .take(FOLDER_LIMIT)
        .flatten()
        // A link to nowhere can't be read.
        .filter(|entry| entry.path().metadata().is_ok_and(|metadata| !metadata.is_dir()))
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
