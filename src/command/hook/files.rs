//! The hooks themselves: written, removed, told of.

use std::path::{Path, PathBuf};

use crate::cli::{HookName, HookStatus, ResultFormat};
use crate::error::{Error, Exit};
use crate::outside::files::{display_path, normal, why};
use crate::outside::git::{self, Asker, NO_REPOSITORY};
use crate::outside::hooks::{self, Hook, Tool};
use crate::outside::world::World;
use crate::report::escape;
use crate::report::json::status::{HookForm, hooks as hooks_for_programs};

/// Every hook that may be ours, and its name.
const HOOKS: [(HookName, &str); 2] = [(HookName::PreCommit, "pre-commit"), (HookName::PrePush, "pre-push")];

/// The line that makes somebody else's hook call us.
const LINE: &str = "doctor hook run || exit $?";

/// Where git looks for hooks, and what ours is there.
struct Place {
    folder: PathBuf,
    /// The root of the working tree; a bare repository has none.
    root: Option<PathBuf>,
    reach: Reach,
    text: String,
}

/// Whom the hooks of a folder are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// This clone.
    Clone,
    /// Everybody who has the working tree: it holds them.
    Everybody,
    /// Perhaps other repositories of this machine, too: the folder is outside of this one.
    Elsewhere,
}

/// Writes the hooks. One that is not ours is left alone, and the run says what to add to it.
pub(super) fn install(wanted: &[HookName], world: &mut World<'_>) -> Result<Exit, Error> {
    let place = place(world)?;
    let mut refusal = None;
    for (_, name) in HOOKS.into_iter().filter(|(hook, _)| wanted.contains(hook)) {
        let (shown, found) = place.look(name, world)?;
        let said = match found {
            Hook::Ours => format!("{shown} is in place already"),
            Hook::Calling => format!("{shown} is not doctor's, and calls it already"),
            Hook::Foreign(tool) => {
                refusal = refusal.or(Some(foreign(&shown, name, tool)));
                continue;
            }
            Hook::None | Hook::OursStale => {
                hooks::write(&place.folder.join(name), &place.text, &found)
                    .map_err(|error| refused(&shown, &why(&error)))?;
                let reach = match place.reach {
                    Reach::Clone => "",
                    Reach::Everybody => ", where core.hooksPath leads: commit it, and it is everybody's",
                    Reach::Elsewhere => ", where core.hooksPath leads, perhaps for other repositories too",
                };
                format!("wrote {shown}{reach}; `DOCTOR=0` in front of a command goes round it")
            }
        };
        world.print(&format!("{}\n", escape::line(&said)))?;
    }
    refusal.map_or(Ok(Exit::Clean), Err)
}

/// Removes what is ours, and nothing else.
pub(super) fn uninstall(world: &mut World<'_>) -> Result<Exit, Error> {
    let place = place(world)?;
    for (_, name) in HOOKS {
        let (shown, found) = place.look(name, world)?;
        let said = match found {
            Hook::None => continue,
            Hook::Ours | Hook::OursStale => {
                hooks::remove(&place.folder.join(name)).map_err(|error| refused(&shown, &why(&error)))?;
                format!("removed {shown}")
            }
            Hook::Calling => format!("{shown} is not doctor's, and calls it: take that out by hand"),
            Hook::Foreign(_) => format!("{shown} is not doctor's, and was left alone"),
        };
        world.print(&format!("{}\n", escape::line(&said)))?;
    }
    Ok(Exit::Clean)
}

/// One line for each hook. 1 where none of them calls doctor.
pub(super) fn status(args: &HookStatus, world: &mut World<'_>) -> Result<Exit, Error> {
    let place = place(world)?;
    let looked = HOOKS.map(|(_, name)| place.look(name, world).map(|(shown, found)| (name, shown, found)));
    let looked = looked.into_iter().collect::<Result<Vec<_>, _>>()?;
    let calls = looked.iter().any(|(_, _, found)| matches!(found, Hook::Ours | Hook::Calling));
    let exit = if calls { Exit::Clean } else { Exit::Findings };
    if args.format == ResultFormat::Json {
        let forms: Vec<HookForm> = looked.into_iter().map(form).collect();
        return world.print(&hooks_for_programs(&forms, exit.code())).map(|()| exit);
    }
    for (name, shown, found) in looked {
        let said = match found {
            Hook::None => "none".to_owned(),
            Hook::Ours => format!("doctor's, in {shown}"),
            Hook::OursStale => format!("doctor's, but out of date: `doctor hook install {name}`"),
            Hook::Calling => format!("somebody else's, calls doctor: {shown}"),
            Hook::Foreign(None) => format!("somebody else's, does not call doctor: {shown}"),
            Hook::Foreign(Some(tool)) => format!("{}'s, does not call doctor: {shown}", tool.name),
        };
        world.print(&format!("{name:<11} {}\n", escape::line(&said)))?;
    }
    Ok(exit)
}

fn form((hook, path, found): (&'static str, String, Hook)) -> HookForm {
    let (state, tool) = match found {
        Hook::None => ("none", None),
        Hook::Ours => ("doctor", None),
        Hook::OursStale => ("outdated", None),
        Hook::Calling => ("calls-doctor", None),
        Hook::Foreign(tool) => ("foreign", tool.map(|tool| tool.name)),
    };
    HookForm { hook, path, state, tool }
}

impl Place {
    /// The path of a hook as it is shown, and what stands there.
    fn look(&self, name: &str, world: &World<'_>) -> Result<(String, Hook), Error> {
        let path = self.folder.join(name);
        let shown = display_path(&path, &world.folder);
        let found = hooks::look(&path, &self.text, self.root.as_deref());
        let found = found.map_err(|error| refused(&shown, &why(&error)))?;
        Ok((shown, found))
    }
}

fn place(world: &World<'_>) -> Result<Place, Error> {
    let asker = Asker::new(&world.variables);
    let found = asker.hooks(&world.folder).map_err(|why| {
        let (what, next) = if why == NO_REPOSITORY {
            (
                "there is no git repository here",
                "go to the folder of a clone and run it again, or begin one: `git init`",
            )
        } else {
            ("can't tell where git looks for hooks", "run `git status` here: it says more")
        };
        Error::Machine { what: what.to_owned(), why, next: next.to_owned() }
    })?;
    let root = git::root(&world.folder);
    let folder = normal(&found.folder);
    let is_below = |above: &Path| folder.starts_with(normal(above));
    let reach = if is_below(&found.git) {
        Reach::Clone
    } else if root.as_deref().is_some_and(is_below) {
        Reach::Everybody
    } else {
        Reach::Elsewhere
    };
    // What everybody gets must not name a place of this machine.
    let binary = if reach == Reach::Everybody { None } else { hooks::binary() };
    Ok(Place { text: hooks::text(binary.as_deref()), folder, root, reach })
}

fn refused(shown: &str, why: &str) -> Error {
    Error::Machine {
        what: format!("can't use {shown} as a hook"),
        why: why.to_owned(),
        next: format!("look at {shown}, and at `git config core.hooksPath`"),
    }
}

/// What to do beside a hook of somebody else's.
fn foreign(shown: &str, name: &str, tool: Option<Tool>) -> Error {
    let next = match tool.map(|tool| tool.name) {
        Some("pre-commit" | "prek") => "add doctor's hook to .pre-commit-config.yaml; the README shows it".to_owned(),
        Some("lefthook") => "add `run: doctor hook run` to lefthook.yml; the README shows it".to_owned(),
        Some("husky") => format!("add this line to .husky/{name}: `{LINE}`"),
        _ => format!("add this line to it: `{LINE}`"),
    };
    Error::Machine {
        what: format!("{shown} is not doctor's, and was left alone"),
        why: "doctor changes no hook that it did not write".to_owned(),
        next,
    }
}
