//! The help of errors about an env file that does not exist: every way to continue.

use std::path::{Path, PathBuf};

use crate::error::{Error, Help};
use crate::io::config::{At, Config};
use crate::io::files::{self, MissingDeclaredFile, PullOffer};
use crate::io::git::worktree;
use crate::report::shell_command;

/// A file that does not exist, in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MissingFileContext<'m> {
    /// The absolute path.
    pub(crate) path: &'m Path,
    /// `doctor.toml`, if there is one.
    pub(crate) config: Option<&'m Config>,
    /// The working directory.
    pub(crate) folder: &'m Path,
    pub(crate) fallback: Fallback,
}

/// How a run can do without a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// It needs a file.
    None,
    /// With declarations. There are none yet.
    Declarations,
    /// With `--no-env-file`.
    NoFileFlag,
}

impl MissingFileContext<'_> {
    fn pull(self) -> PullOffer {
        pull_offer(self.config)
    }
}

/// Returns whether `doctor.toml` allows `doctor pull`.
pub(crate) fn pull_offer(config: Option<&Config>) -> PullOffer {
    match config.and_then(|config| config.allow_pull.as_ref()) {
        Some(allowed) if !allowed.value => PullOffer::Disabled,
        _ => PullOffer::Allowed,
    }
}

/// Returns the error for a default file that does not exist.
pub(crate) fn no_default(missing: MissingFileContext<'_>) -> Error {
    let directory = missing.path.parent().unwrap_or(missing.folder);
    let mut error = files::no_env_file(directory, missing.folder, missing.pull());
    if let Some(help) = error.help_mut() {
        if let Some(main) = worktree::replacement(missing.path) {
            *help = in_main_worktree(&main, missing);
        }
        if missing.fallback == Fallback::Declarations {
            let declare = "declare the needed keys in a .env.example, or with [[require]] in doctor.toml";
            help.text = format!("to check without a file, {declare}; {}", help.text).into();
        }
    }
    error
}

/// Returns the help to use the file of the main worktree, for a command that does not read it by itself.
fn in_main_worktree(main: &Path, missing: MissingFileContext<'_>) -> Help {
    let name = files::display_path(main, missing.folder);
    let flag = shell_command::line(&[format!("--env-file={name}")]);
    Help::command(format!("to use the file of the main worktree, {name}, pass:"), flag)
}

/// Returns the help for a file that `doctor.toml` names there.
pub(crate) fn declared_help(missing: MissingFileContext<'_>, at: &At<String>) -> Help {
    let Some(config) = missing.config else { return "correct the path, or create the file".into() };
    let of = |files: &Option<Vec<At<String>>>| {
        files.as_ref().filter(|files| files.iter().any(|one| std::ptr::eq(one, at))).cloned()
    };
    let service = config.services.iter().find_map(|(alias, section)| Some((alias.as_str(), of(&section.env_file)?)));
    let entry = || of(&config.env_file).or_else(|| config.environments.values().find_map(|one| of(&one.env_file)));
    let (alias, entry) = match service {
        Some((alias, entry)) => (Some(alias), entry),
        None => (None, entry().unwrap_or_default()),
    };
    let paths = entry.iter().filter_map(|one| config.file(one).ok());
    let others: Vec<PathBuf> = paths.filter(|path| path != missing.path).collect();
    let declared = MissingDeclaredFile { path: missing.path, base: config.folder(), others: &others, alias };
    let mut help = files::declared_file_hint(declared, missing.folder, missing.pull());
    let has_template = || missing.path.parent().is_some_and(|directory| !files::examples(directory).is_empty());
    let is_declared =
        missing.fallback == Fallback::NoFileFlag || (missing.fallback == Fallback::Declarations && has_template());
    if is_declared {
        let others = if help.commands.is_empty() { help.text.as_ref() } else { help.text.trim_end_matches(':') };
        let or = if others.ends_with('?') { "to" } else { "or, to" };
        let separator = if others.ends_with('?') { "" } else { ";" };
        help.text = format!("{others}{separator} {or} check without a file:").into();
        help.commands.push("--no-env-file".to_owned());
    }
    help
}

/// Returns the help for a file that a flag names.
pub(crate) fn flag_help(missing: MissingFileContext<'_>, flags: &[PathBuf]) -> Help {
    files::missing_flag_hint(missing.path, flags, missing.folder, missing.pull())
}
