//! Suggests a path in place of a `.env` that does not exist.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use crate::drift::example_file::is_example;
use crate::drift::leak;
use crate::error::{Help, listed};
use crate::io::files::example::examples;
use crate::io::files::find_env_files::env_files_below;
use crate::io::files::is_same;
use crate::io::files::locate::named_path;
use crate::io::files::path::{display_path, quoted};
use crate::io::git;

/// The command that creates a `.env`. The flags that select the target are added to it before it is printed.
const PULL: &str = "doctor pull";

/// What `doctor pull` does in a sentence about a file that does not exist.
const PULL_PURPOSE: &str = "create it with the values on Railway";

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
    /// A template in a directory above, whose file does not exist either.
    TemplateAbove(PathBuf),
}

/// Whether `doctor pull` may be suggested: `doctor.toml` can disable it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullOffer {
    Allowed,
    Disabled,
}

/// A file that `doctor.toml` names, and that does not exist.
#[derive(Clone, Copy, Debug)]
pub struct MissingDeclaredFile<'m> {
    pub path: &'m Path,
    /// The directory of `doctor.toml`.
    pub base: &'m Path,
    /// The other files that the same entry names.
    pub others: &'m [PathBuf],
    /// The alias of the service that has this file only.
    pub alias: Option<&'m str>,
}

/// Returns the help for a file that `--env-file` names, and that does not exist. No other of these flags is suggested.
pub fn missing_flag_hint(missing: &Path, flags: &[PathBuf], working_folder: &Path, pull: PullOffer) -> Help {
    let passed: Vec<PathBuf> = flags.iter().map(|typed| named_path(typed, working_folder)).collect();
    let help = match suggestion(&passed, missing, working_folder) {
        Some(Suggestion::Files(paths)) => pass(&paths, working_folder),
        Some(Suggestion::Below(paths)) => pass_or_assign(&paths, working_folder),
        Some(Suggestion::Template(template)) => Some(create(&template, missing, working_folder, pull)),
        Some(Suggestion::TemplateAbove(_)) | None => None,
    };
    help.unwrap_or_else(|| "check the path, or pass another file with `--env-file PATH`".into())
}

/// Returns the help for a default file that does not exist.
pub(super) fn hint(missing: &Path, working_folder: &Path, pull: PullOffer) -> Help {
    let help = match suggestion(&[], missing, working_folder) {
        Some(Suggestion::Files(paths)) if paths.iter().all(|path| path.parent() == missing.parent()) => {
            pass_or_pull(&paths, missing, working_folder, pull)
        }
        Some(Suggestion::Files(paths)) => pass(&paths, working_folder),
        Some(Suggestion::Below(paths)) => pass_or_assign(&paths, working_folder),
        Some(Suggestion::Template(template)) => Some(create(&template, missing, working_folder, pull)),
        Some(Suggestion::TemplateAbove(template)) => {
            (pull == PullOffer::Allowed).then(|| pull_beside(&template, working_folder))
        }
        None => pull_command(missing, working_folder, pull)
            .map(|command| Help::command(format!("pass a file with `--env-file PATH`, or {PULL_PURPOSE}:"), command)),
    };
    help.unwrap_or_else(|| "pass a file with `--env-file PATH`".into())
}

/// Returns the command that creates the file. It needs no flag for the file in the working directory.
fn pull_command(missing: &Path, working_folder: &Path, pull: PullOffer) -> Option<String> {
    let missing = quoted(missing, working_folder);
    match pull {
        PullOffer::Disabled => None,
        PullOffer::Allowed if missing == ".env" => Some(PULL.to_owned()),
        PullOffer::Allowed => Some(format!("{PULL} --output={missing}")),
    }
}

/// Returns the help to use one of the files beside the missing one, or to create that.
fn pass_or_pull(paths: &[PathBuf], missing: &Path, working_folder: &Path, pull: PullOffer) -> Option<Help> {
    let mut help = pass(paths, working_folder)?;
    let Some(command) = pull_command(missing, working_folder, pull) else { return Some(help) };
    let file = display_path(paths.first()?, working_folder);
    let name = display_path(missing, working_folder);
    help.text = format!("use {file}, or create {name} with the values on Railway:").into();
    help.commands.push(command);
    Some(help)
}

/// Returns the help to create the file beside a template in a directory above.
fn pull_beside(template: &Path, working_folder: &Path) -> Help {
    let name = display_path(template, working_folder);
    let file = quoted(&template.with_file_name(".env"), working_folder);
    let text = format!("the template is {name}; create the .env next to it with the values on Railway:");
    Help::command(text, format!("{PULL} --output={file}"))
}

/// Returns the help for a default file that does not exist and is not needed, if another directory has such a file.
pub fn other_directory_hint(missing: &Path, working_folder: &Path) -> Option<Help> {
    match suggestion(&[], missing, working_folder)? {
        Suggestion::Files(paths) if paths.iter().all(|path| path.parent() != missing.parent()) => {
            pass(&paths, working_folder)
        }
        Suggestion::Below(paths) => pass_or_assign(&paths, working_folder),
        Suggestion::Files(_) | Suggestion::Template(_) | Suggestion::TemplateAbove(_) => None,
    }
}

/// Returns the help to pass the first of the files.
fn pass(paths: &[PathBuf], working_folder: &Path) -> Option<Help> {
    let names: Vec<String> = paths.iter().map(|path| display_path(path, working_folder)).collect();
    let first = names.first()?;
    let text = match names.len() {
        1 => format!("to use {first} instead, pass:"),
        _ => format!("the files there are {}; to use {first}, pass:", names.join(", ")),
    };
    Some(Help::command(text, format!("--env-file={}", quoted(paths.first()?, working_folder))))
}

/// Returns the help for a file that `doctor.toml` names, and that does not exist.
pub fn declared_file_hint(missing: MissingDeclaredFile<'_>, working_folder: &Path, pull: PullOffer) -> Help {
    let MissingDeclaredFile { path, base, others, alias } = missing;
    let relative = |path: &PathBuf| path.strip_prefix(base).unwrap_or(path).display().to_string();
    let existing: Vec<&PathBuf> = others.iter().filter(|other| other.is_file()).collect();
    if let [only] = existing.as_slice() {
        let text = format!("correct the path, create the file, or use only {}:", display_path(only, working_folder));
        return Help::command(text, format!("--env-file={}", quoted(only, working_folder)));
    }
    let mut help = match suggestion(others, path, working_folder) {
        Some(Suggestion::Template(template)) => Some(create(&template, path, working_folder, pull)),
        Some(Suggestion::Files(paths) | Suggestion::Below(paths)) => {
            return match paths.iter().map(relative).collect::<Vec<_>>().as_slice() {
                [only] => format!("did you mean `{only}`?").into(),
                names => format!("use one of {}", listed(names, "")).into(),
            };
        }
        Some(Suggestion::TemplateAbove(_)) | None => pull_command(path, working_folder, pull)
            .map(|command| Help::command("correct the path, or create the file with the values on Railway:", command)),
    };
    if let (Some(alias), Some(command)) = (alias, help.as_mut().and_then(|help| help.commands.first_mut()))
        && command.starts_with(PULL)
    {
        let alias = shlex::try_quote(alias).unwrap_or(Cow::Borrowed(alias));
        *command = format!("{command} --service={alias}");
    }
    help.unwrap_or_else(|| "correct the path, or create the file".into())
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

/// Returns the help to create the file from Railway or from the template.
fn create(template: &Path, missing: &Path, working_folder: &Path, pull: PullOffer) -> Help {
    let copy = format!("cp {} {}", quoted(template, working_folder), quoted(missing, working_folder));
    match pull_command(missing, working_folder, pull) {
        Some(pull) => Help::commands(format!("{PULL_PURPOSE}, or copy the template and fill it in:"), vec![pull, copy]),
        None => Help::command("copy the template and fill it in:", copy),
    }
}

/// Returns files beside the path, the file of that name in the working directory or above, files below, or a template.
/// The files in `passed` are in use already.
fn suggestion(passed: &[PathBuf], missing: &Path, working_folder: &Path) -> Option<Suggestion> {
    let folder = missing.parent()?;
    let wanted = missing.file_name()?.to_string_lossy();
    let is_new = |path: &Path| !passed.iter().any(|known| is_same(known, path)) && stays_in_checkout(path);
    let (templates, files): (Vec<_>, Vec<_>) =
        env_files(folder, &wanted, &is_new).into_iter().partition(|name| is_example(name));
    if !files.is_empty() {
        return Some(Suggestion::Files(files.iter().map(|name| folder.join(name)).collect()));
    }
    let above = || {
        let paths = directories_above(folder).into_iter().map(|directory| directory.join(&*wanted));
        paths.into_iter().find(|path| path.is_file() && is_new(path))
    };
    let here = Some(working_folder.join(&*wanted)).filter(|path| path.is_file() && is_new(path));
    if let Some(path) = here.or_else(above) {
        return Some(Suggestion::Files(vec![path]));
    }
    let mut below = env_files_below(folder).paths;
    // A link to nowhere can't be read.
    below.retain(|path| path.is_file() && is_new(path));
    below.sort_by_key(|path| (path.components().count(), path.clone()));
    if !below.is_empty() {
        return Some(Suggestion::Below(below));
    }
    if let Some(template) = templates.first() {
        return Some(Suggestion::Template(folder.join(template)));
    }
    template_above(folder).map(Suggestion::TemplateAbove)
}

/// Returns the template in the nearest directory above that has one, within the repository.
pub fn template_above(folder: &Path) -> Option<PathBuf> {
    let found = directories_above(folder).into_iter().find_map(|directory| examples(&directory).into_iter().next());
    found.map(|(path, _)| path)
}

/// Returns the directories above, up to the root of the repository, the nearest first.
fn directories_above(folder: &Path) -> Vec<PathBuf> {
    let Ok(folder) = folder.canonicalize() else { return Vec::new() };
    let Some(root) = git::root(&folder) else { return Vec::new() };
    let above = folder.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(&root));
    above.map(Path::to_owned).collect()
}

/// Returns whether the file is in the repository of its directory. `doctor` may refuse to follow a link out of it.
fn stays_in_checkout(path: &Path) -> bool {
    let end = path.canonicalize();
    let root = path.parent().and_then(git::root);
    end.is_ok_and(|end| root.is_none_or(|root| root.canonicalize().is_ok_and(|root| end.starts_with(root))))
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
fn env_files(folder: &Path, wanted: &str, is_included: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<(Reverse<usize>, String)> = entries
        .take(FOLDER_LIMIT)
        .flatten()
        // A link to nowhere can't be read.
        .filter(|entry| entry.path().metadata().is_ok_and(|metadata| !metadata.is_dir()))
        .filter(|entry| is_included(&entry.path()))
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
