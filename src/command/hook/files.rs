//! The hooks themselves: written, removed, told of.

use std::path::{Path, PathBuf};

use crate::cli::HookName;
use crate::error::{Error, Exit};
use crate::outside::files::{display_path, normal, why};
use crate::outside::git::{self, Asker};
use crate::outside::hooks::{self, Hook};
use crate::outside::world::World;
use crate::report::escape;

/// Every hook that may be ours, and its name.
const HOOKS: [(HookName, &str); 2] = [(HookName::PreCommit, "pre-commit"), (HookName::PrePush, "pre-push")];

/// The line that makes somebody else's hook call us.
const LINE: &str = "doctor hook run || exit $?";

/// Writes the hooks. One that is not ours is left alone, and the run says what to add to it.
pub(super) fn install(wanted: &[HookName], world: &mut World<'_>) -> Result<Exit, Error> {
    let (folder, text) = place(world)?;
    for (_, name) in HOOKS.into_iter().filter(|(hook, _)| wanted.contains(hook)) {
        let path = folder.join(name);
        let shown = display_path(&path, &world.folder);
        let found = hooks::look(&path, &text).map_err(|error| refused(&shown, &why(&error)))?;
        let said = match found {
            Hook::Ours => format!("{shown} is in place already"),
            Hook::Calling => format!("{shown} is not doctor's, and calls it already"),
            Hook::Foreign(tool) => return Err(foreign(&shown, &path, tool)),
            Hook::None | Hook::OursStale => {
                hooks::write(&path, &text, &found).map_err(|error| refused(&shown, &why(&error)))?;
                format!("wrote {shown}; `DOCTOR=0` in front of a command goes round it")
            }
        };
        world.print(&format!("{}\n", escape::line(&said)))?;
    }
    Ok(Exit::Clean)
}

/// Removes what is ours, and nothing else.
pub(super) fn uninstall(world: &mut World<'_>) -> Result<Exit, Error> {
    let (folder, text) = place(world)?;
    for (_, name) in HOOKS {
        let path = folder.join(name);
        let shown = display_path(&path, &world.folder);
        let fail = |error| refused(&shown, &why(&error));
        let said = match hooks::look(&path, &text).map_err(fail)? {
            Hook::None => continue,
            Hook::Ours | Hook::OursStale => {
                hooks::remove(&path).map_err(fail)?;
                format!("removed {shown}")
            }
            Hook::Calling => format!("{shown} is not doctor's, and calls it: take the line out by hand"),
            Hook::Foreign(_) => format!("{shown} is not doctor's, and was left alone"),
        };
        world.print(&format!("{}\n", escape::line(&said)))?;
    }
    Ok(Exit::Clean)
}

/// One line for each hook. 1 where none of them calls doctor.
pub(super) fn status(world: &mut World<'_>) -> Result<Exit, Error> {
    let (folder, text) = place(world)?;
    let mut exit = Exit::Findings;
    for (_, name) in HOOKS {
        let path = folder.join(name);
        let shown = display_path(&path, &world.folder);
        let found = hooks::look(&path, &text).map_err(|error| refused(&shown, &why(&error)))?;
        if matches!(found, Hook::Ours | Hook::Calling) {
            exit = Exit::Clean;
        }
        let said = match found {
            Hook::None => "none".to_owned(),
            Hook::Ours => format!("doctor's, in {shown}"),
            Hook::OursStale => format!("doctor's, but out of date: `doctor hook install {name}`"),
            Hook::Calling => format!("somebody else's, calls doctor: {shown}"),
            Hook::Foreign(tool) => format!("{}, does not call doctor: {shown}", tool.unwrap_or("somebody else's")),
        };
        world.print(&format!("{name:<11} {}\n", escape::line(&said)))?;
    }
    Ok(exit)
}

/// The folder where git looks for hooks, and the text that ours has there.
fn place(world: &World<'_>) -> Result<(PathBuf, String), Error> {
    let asker = Asker::new(&world.variables);
    let folder = asker.hooks_folder(&world.folder).map_err(|why| Error::Machine {
        what: "can't tell where git looks for hooks".to_owned(),
        why,
        next: "run it inside of a git repository".to_owned(),
    })?;
    let folder = normal(&folder);
    // Hooks in the working tree are everybody's, and this machine's path is not.
    let is_shared = git::root(&world.folder).is_some_and(|root| {
        let git = root.join(".git");
        folder.starts_with(&root) && !folder.starts_with(git)
    });
    let binary = if is_shared { None } else { hooks::binary() };
    Ok((folder, hooks::text(binary.as_deref())))
}

fn refused(shown: &str, why: &str) -> Error {
    Error::Machine {
        what: format!("can't use {shown} as a hook"),
        why: why.to_owned(),
        next: format!("look at {shown}, and at `git config core.hooksPath`"),
    }
}

/// What to do beside a hook of somebody else's.
fn foreign(shown: &str, path: &Path, tool: Option<&str>) -> Error {
    let generated = path.parent().is_some_and(|folder| folder.ends_with(".husky/_"));
    let next = match tool {
        Some("pre-commit" | "prek") => "add doctor's hook to .pre-commit-config.yaml; the README shows it".to_owned(),
        Some("lefthook") => "add `run: doctor hook run` to lefthook.yml; the README shows it".to_owned(),
        _ if generated => {
            format!("add this line to .husky/{}: `{LINE}`", path.file_name().unwrap_or_default().display())
        }
        _ => format!("add this line to it: `{LINE}`"),
    };
    Error::Machine {
        what: format!("{shown} is not doctor's, and was left alone"),
        why: "doctor changes no hook that it did not write".to_owned(),
        next,
    }
}
