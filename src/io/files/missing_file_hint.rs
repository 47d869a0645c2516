//! Suggests a path in place of a `.env` that does not exist.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use crate::drift::example_file::is_example;
use crate::drift::leak;
use crate::error::{Help, listed};
use crate::io::files::find_env_files::env_files_below;
use crate::io::files::path::{display_path, quoted};
use crate::io::git;

/// The maximum number of directory entries that are read.
const FOLDER_LIMIT: usize = 10_000;

/// The maximum number of files in directories below that are named.
const NAMED: usize = 4;

/// What a user may have meant by a path that does not exist.
enum Suggestion {
    /// Existing files, the closest match first; never empty.
    Files(Vec<PathBuf>),
    /// Files in directories below; never empty.
    Below(Vec<PathBuf>),
    /// A template to create the file from.
    Template(PathBuf),
}

/// Returns the help for a default file, or for one that `--env-file` names, that does not exist.
pub(super) fn hint(missing: &Path, working_folder: &Path) -> Option<Help> {
    let paths = match suggestion(missing, working_folder)? {
        Suggestion::Files(paths) => paths,
        Suggestion::Below(paths) => return pass_or_assign(&paths, working_folder),
        Suggestion::Template(template) => return Some(copy(&template, missing, working_folder)),
    };
    let names: Vec<String> = paths.iter().map(|path| display_path(path, working_folder)).collect();
    let first = names.first()?;
    let text = match names.len() {
        1 => format!("to use {first} instead, pass:"),
        _ => format!("the files there are {}; to use {first}, pass:", names.join(", ")),
    };
    Some(Help::command(text, format!("--env-file={}", quoted(paths.first()?, working_folder))))
}

/// Returns the help for a file that `doctor.toml` in the directory `base` names, and that does not exist.
pub fn declared_file_hint(missing: &Path, base: &Path, working_folder: &Path) -> Help {
    let relative = |path: &PathBuf| path.strip_prefix(base).unwrap_or(path).display().to_string();
    match suggestion(missing, working_folder) {
        None => "correct the path, or create the file".into(),
        Some(Suggestion::Template(template)) => copy(&template, missing, working_folder),
        Some(Suggestion::Files(paths) | Suggestion::Below(paths)) => {
            match paths.iter().map(relative).collect::<Vec<_>>().as_slice() {
                [only] => format!("did you mean `{only}`?").into(),
                names => format!("use one of {}", listed(names, "")).into(),
            }
        }
    }
}

/// Returns the help to pass one of the files in directories below, or to assign each to its service.
fn pass_or_assign(paths: &[PathBuf], working_folder: &Path) -> Option<Help> {
    let shown = paths.iter().take(NAMED).map(|path| display_path(path, working_folder));
    let rest = paths.len().saturating_sub(NAMED);
    let items: Vec<String> = shown.chain((rest > 0).then(|| format!("{rest} more"))).collect();
    let (last, before) = items.split_last()?;
    let names = if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) };
    let flag = format!("--env-file={}", quoted(paths.first()?, working_folder));
    let text = format!("found {names}; pass one of them, or assign them to services:");
    Some(Help::commands(text, vec![flag, "doctor init".to_owned()]))
}

fn copy(template: &Path, missing: &Path, working_folder: &Path) -> Help {
    let [template, missing] = [template, missing].map(|path| quoted(path, working_folder));
    Help::command("create it from the template, then fill it in:", format!("cp {template} {missing}"))
}

/// Returns files beside the path, the file of that name in the working directory or above, files below, or a template.
fn suggestion(missing: &Path, working_folder: &Path) -> Option<Suggestion> {
    let folder = missing.parent()?;
    let wanted = missing.file_name()?.to_string_lossy();
    let (templates, files): (Vec<_>, Vec<_>) =
        env_files(folder, &wanted).into_iter().partition(|name| is_example(name));
    if !files.is_empty() {
        return Some(Suggestion::Files(files.iter().map(|name| folder.join(name)).collect()));
    }
    let above = || {
        let folder = folder.canonicalize().ok()?;
        let root = git::root(&folder)?;
        let above = folder.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(&root));
        above.map(|ancestor| ancestor.join(&*wanted)).find(|path| path.is_file())
    };
    let here = Some(working_folder.join(&*wanted)).filter(|path| path.is_file());
    if let Some(path) = here.or_else(above) {
        return Some(Suggestion::Files(vec![path]));
    }
    let mut below = env_files_below(folder).paths;
    // A link to nowhere can't be read.
    below.retain(|path| path.is_file());
    below.sort_by_key(|path| (path.components().count(), path.clone()));
    if !below.is_empty() {
        return Some(Suggestion::Below(below));
    }
    templates.first().map(|template| Suggestion::Template(folder.join(template)))
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
