//! `doctor hook install`, `uninstall` and `status`: writes, removes and lists the hooks.

use std::path::{Path, PathBuf};

use crate::cli::{HookInstallArgs, HookName, HookStatusArgs, ResultFormat};
use crate::error::{Error, Exit};
use crate::io::files::{self, display_path, normal};
use crate::io::git::hooks::{self, Hook, HookManager};
use crate::io::git::{self, Asker, NO_REPOSITORY};
use crate::io::io_error_text::io_error_text;
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::world::World;
use crate::report::escape;
use crate::report::json::status::{HookForm, hooks as hooks_for_programs};

/// Every hook that may be ours, and its name.
const HOOKS: [(HookName, &str); 2] = [(HookName::PreCommit, "pre-commit"), (HookName::PrePush, "pre-push")];

/// The line that makes somebody else's hook call us.
const LINE: &str = "doctor hook run || exit $?";

/// A hook of the repository.
struct FoundHook {
    name: &'static str,
    /// Its path, as it is shown.
    shown: String,
    hook: Hook,
}

/// Where git looks for hooks, and what ours is there.
struct HookLocation {
    folder: PathBuf,
    /// The root of the working tree; a bare repository has none.
    root: Option<PathBuf>,
    reach: InstallScope,
    lead: LocationSource,
    text: String,
}

/// What says that the hooks are in that folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LocationSource {
    /// Nothing: it is git's own.
    Git,
    /// `core.hooksPath`, which the checkout's tools may have set.
    HooksPath,
    /// A link in the place of git's own folder, or on the way to it.
    Link,
}

/// Whom the hooks of a folder are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InstallScope {
    /// This clone.
    Clone,
    /// Everybody who has the working tree: it holds them.
    Everybody,
    /// Perhaps other repositories of this machine, too: the folder is outside of this one.
    Elsewhere,
}

/// Writes the hooks. One that is not ours is left alone, and the run says what to add to it.
pub(super) fn install(args: &HookInstallArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let place = place(world)?;
    let wanted = HOOKS.into_iter().filter(|(hook, _)| args.hooks.contains(hook));
    let hooks = wanted.map(|(_, name)| place.find_hook(name, world)).collect::<Result<Vec<_>, _>>()?;
    let writes = |found: &&FoundHook| matches!(found.hook, Hook::None | Hook::OursStale);
    let written: Vec<&str> = hooks.iter().filter(writes).map(|found| found.shown.as_str()).collect();
    if place.lead != LocationSource::Git && !written.is_empty() && !args.yes {
        place.confirm(&written, world)?;
    }
    let mut refusal = None;
    for found in hooks {
        let FoundHook { name, shown, hook } = found;
        let line = match hook {
            Hook::Ours => format!("{shown} is in place already"),
            Hook::Calling => format!("{shown} is not doctor's, and calls it already"),
            Hook::Foreign(tool) => {
                refusal = refusal.or(Some(foreign(&shown, name, tool)));
                continue;
            }
            Hook::None | Hook::OursStale => {
                hooks::write(&place.folder.join(name), &place.text, &hook)
                    .map_err(|error| refused(&shown, &io_error_text(&error)))?;
                format!("wrote {shown}{}; `DOCTOR=0` in front of a command goes round it", place.scope_note())
            }
        };
        world.print(&format!("{}\n", escape::line(&line)))?;
    }
    refusal.map_or(Ok(Exit::Clean), Err)
}

/// Removes what is ours, and nothing else.
pub(super) fn uninstall(world: &mut World<'_>) -> Result<Exit, Error> {
    let place = place(world)?;
    for (_, name) in HOOKS {
        let FoundHook { shown, hook, .. } = place.find_hook(name, world)?;
        let line = match hook {
            Hook::None => continue,
            Hook::Ours | Hook::OursStale => {
                hooks::remove(&place.folder.join(name)).map_err(|error| refused(&shown, &io_error_text(&error)))?;
                format!("removed {shown}")
            }
            Hook::Calling => format!("{shown} is not doctor's, and calls it: take that out by hand"),
            Hook::Foreign(_) => format!("{shown} is not doctor's, and was left alone"),
        };
        world.print(&format!("{}\n", escape::line(&line)))?;
    }
    Ok(Exit::Clean)
}

/// One line for each hook. 1 where none of them calls doctor.
pub(super) fn status(args: &HookStatusArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let place = place(world)?;
    let hooks = HOOKS.map(|(_, name)| place.find_hook(name, world)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let calls = hooks.iter().any(|found| matches!(found.hook, Hook::Ours | Hook::Calling));
    let exit = if calls { Exit::Clean } else { Exit::Findings };
    if args.result.format == ResultFormat::Json {
        let forms: Vec<HookForm> = hooks.into_iter().map(form).collect();
        return world.print(&hooks_for_programs(&forms, exit.code())).map(|()| exit);
    }
    for FoundHook { name, shown, hook } in hooks {
        let state = match hook {
            Hook::None => "none".to_owned(),
            Hook::Ours => format!("doctor's, in {shown}"),
            Hook::OursStale => format!("doctor's, but out of date: `doctor hook install {name}`"),
            Hook::Calling => format!("somebody else's, calls doctor: {shown}"),
            Hook::Foreign(None) => format!("somebody else's, does not call doctor: {shown}"),
            Hook::Foreign(Some(tool)) => format!("{}'s, does not call doctor: {shown}", tool.name),
        };
        world.print(&format!("{name:<11} {}\n", escape::line(&state)))?;
    }
    Ok(exit)
}

fn form(found: FoundHook) -> HookForm {
    let (state, tool) = match found.hook {
        Hook::None => ("none", None),
        Hook::Ours => ("doctor", None),
        Hook::OursStale => ("outdated", None),
        Hook::Calling => ("calls-doctor", None),
        Hook::Foreign(tool) => ("foreign", tool.map(|tool| tool.name)),
    };
    HookForm { hook: found.name, path: found.shown, state, tool }
}

impl LocationSource {
    fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::HooksPath => "core.hooksPath",
            Self::Link => "a link",
        }
    }
}

impl HookLocation {
    /// Asks before a program is written where something other than git has hooks run from.
    fn confirm(&self, written: &[&str], world: &World<'_>) -> Result<(), Error> {
        let others = match self.reach {
            InstallScope::Clone => "",
            InstallScope::Everybody => ", inside the working tree",
            InstallScope::Elsewhere => ", outside of this repository",
        };
        let what =
            escape::line(&format!("{} ({} leads there{others})", written.join(" and "), self.lead.name())).into_owned();
        let declined = |why: &str| Error::NoConsent {
            what: format!("hooks would be written to {what}"),
            cause: why.to_owned(),
            help: "run `doctor hook install --yes`, if that is the place".to_owned(),
        };
        if !can_ask(&world.terminal, &world.variables) {
            return Err(declined("that needs a confirmation, and this is not a terminal"));
        }
        match world.ask.confirm(&format!("Write {what}?"), YesNo::No)? {
            PromptAnswer::Given(YesNo::Yes) => Ok(()),
            _ => Err(declined("it was not confirmed")),
        }
    }

    /// Whom else a hook concerns that was written here.
    fn scope_note(&self) -> String {
        match self.reach {
            InstallScope::Clone => String::new(),
            InstallScope::Everybody => format!(", where {} leads: commit it, and it is everybody's", self.lead.name()),
            InstallScope::Elsewhere => {
                format!(", where {} leads, perhaps for other repositories too", self.lead.name())
            }
        }
    }

    /// The hook of that name.
    fn find_hook(&self, name: &'static str, world: &World<'_>) -> Result<FoundHook, Error> {
        let path = self.folder.join(name);
        let shown = display_path(&path, &world.folder);
        let found = hooks::inspect(&path, &self.text, self.root.as_deref());
        let hook = found.map_err(|error| refused(&shown, &io_error_text(&error)))?;
        Ok(FoundHook { name, shown, hook })
    }
}

fn place(world: &World<'_>) -> Result<HookLocation, Error> {
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
        Error::System { what: what.to_owned(), cause: why, help: next.to_owned() }
    })?;
    let root = git::root(&world.folder);
    let (folder, git) = (normal(&found.folder), normal(&found.git));
    let written = reach(&folder, &git, root.as_deref());
    let real = |path: &Path| files::resolve(path).map_or_else(|_| path.to_owned(), |resolved| resolved.end);
    let really = reach(&real(&folder), &real(&git), root.as_deref().map(real).as_deref());
    // A name inside that leads out: what counts is where the file will be.
    let (folder, reach, lead) = match (written, really) {
        (InstallScope::Clone | InstallScope::Everybody, InstallScope::Elsewhere) => {
            (real(&folder), InstallScope::Elsewhere, LocationSource::Link)
        }
        (InstallScope::Clone, _) => (folder, written, LocationSource::Git),
        _ => (folder, written, LocationSource::HooksPath),
    };
    // What everybody gets must not name a place of this machine.
    let binary = if reach == InstallScope::Everybody { None } else { hooks::binary() };
    Ok(HookLocation { text: hooks::text(binary.as_deref()), folder, root, reach, lead })
}

/// Returns whose hooks the directory holds, judged by where it is.
fn reach(folder: &Path, git: &Path, root: Option<&Path>) -> InstallScope {
    if folder.starts_with(git) {
        InstallScope::Clone
    } else if root.is_some_and(|root| folder.starts_with(root)) {
        InstallScope::Everybody
    } else {
        InstallScope::Elsewhere
    }
}

fn refused(shown: &str, why: &str) -> Error {
    Error::System {
        what: format!("can't use {shown} as a hook"),
        cause: why.to_owned(),
        help: format!("look at {shown}, and at `git config core.hooksPath`"),
    }
}

/// What to do beside a hook of somebody else's.
fn foreign(shown: &str, name: &str, tool: Option<HookManager>) -> Error {
    let next = match tool.map(|tool| tool.name) {
        Some("pre-commit" | "prek") => {
            "add doctor's hook to .pre-commit-config.yaml; docs/hooks.md shows it".to_owned()
        }
        Some("lefthook") => "add `run: doctor hook run` to lefthook.yml; docs/hooks.md shows it".to_owned(),
        Some("husky") => format!("add this line to .husky/{name}: `{LINE}`"),
        _ => format!("add this line to it: `{LINE}`"),
    };
    Error::System {
        what: format!("{shown} is not doctor's, and was left alone"),
        cause: "doctor changes no hook that it did not write".to_owned(),
        help: next,
    }
}
