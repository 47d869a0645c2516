//! `doctor hook install`, `uninstall` and `status`: writes, removes and lists the hooks.

use std::path::{Path, PathBuf};

use crate::cli::{HookInstallArgs, HookName, HookStatusArgs, ResultFormat};
use crate::commands::prompts::{self, HooksDirectory};
use crate::error::{Error, Exit, Help};
use crate::io::files::{self, display_path, normal};
use crate::io::git::hooks::{self, Hook, HookManager};
use crate::io::git::{self, GitClient, NO_REPOSITORY};
use crate::io::io_error_text::io_error_text;
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::world::World;
use crate::report::escape;
use crate::report::json::status::{HookForm, hooks as hooks_for_programs};

/// The hooks that doctor can install, with their names.
const HOOKS: [(HookName, &str); 2] = [(HookName::PreCommit, "pre-commit"), (HookName::PrePush, "pre-push")];

/// The line that calls doctor from another hook.
const LINE: &str = "doctor hook run || exit $?";

/// A hook of the repository.
struct FoundHook {
    name: &'static str,
    /// Its display path.
    shown: String,
    hook: Hook,
}

/// The directory of git's hooks, and the text of doctor's hook there.
struct HookLocation {
    folder: PathBuf,
    /// The root of the working tree; a bare repository has none.
    root: Option<PathBuf>,
    scope: InstallScope,
    source: LocationSource,
    text: String,
}

/// What determines the directory of the hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LocationSource {
    /// git's default.
    Git,
    /// `core.hooksPath`, which a tool of the checkout may have set.
    HooksPath,
    /// A link in the path of git's default directory.
    Link,
}

/// Which clones use the hooks of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InstallScope {
    /// Only this clone.
    Clone,
    /// Every clone: the directory is in the working tree.
    EveryClone,
    /// Possibly other repositories on this machine, because the directory is outside this one.
    Elsewhere,
}

/// Writes the hooks. Does not change hooks that doctor did not write, and fails with the line to add to them.
pub(super) fn install(args: &HookInstallArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let location = location(world)?;
    let wanted = HOOKS.into_iter().filter(|(hook, _)| args.hooks.contains(hook));
    let hooks = wanted.map(|(_, name)| location.find_hook(name, world)).collect::<Result<Vec<_>, _>>()?;
    let writes = |found: &&FoundHook| matches!(found.hook, Hook::None | Hook::OursStale);
    let written: Vec<&str> = hooks.iter().filter(writes).map(|found| found.shown.as_str()).collect();
    if location.source != LocationSource::Git && !written.is_empty() && !args.yes {
        location.confirm(&hooks, &written, world)?;
    }
    let mut refusal = None;
    for found in hooks {
        let FoundHook { name, shown, hook } = found;
        let was_written = matches!(hook, Hook::None | Hook::OursStale);
        let line = match hook {
            Hook::Ours => format!("{shown} is already installed"),
            Hook::CallsDoctor => format!("{shown} already calls doctor"),
            Hook::Foreign(tool) => {
                refusal = refusal.or(Some(foreign(&shown, name, tool)));
                continue;
            }
            Hook::None | Hook::OursStale => {
                hooks::write(&location.folder.join(name), &location.text, &hook)
                    .map_err(|error| refused(&shown, &io_error_text(&error)))?;
                format!("wrote {shown}{}; to skip it once:", location.scope_note())
            }
        };
        world.print(&format!("{}\n", escape::line(&line)))?;
        if was_written {
            world.print(&format!("    {}\n", skip_command(name)))?;
        }
    }
    refusal.map_or(Ok(Exit::Clean), Err)
}

/// Removes the hooks that doctor wrote.
pub(super) fn uninstall(world: &mut World<'_>) -> Result<Exit, Error> {
    let location = location(world)?;
    let hooks = HOOKS.map(|(_, name)| location.find_hook(name, world)).into_iter().collect::<Result<Vec<_>, _>>()?;
    if hooks.iter().all(|found| found.hook == Hook::None) {
        return world.print("no hook of doctor is installed\n").map(|()| Exit::Clean);
    }
    for FoundHook { name, shown, hook } in hooks {
        let line = match hook {
            Hook::None => continue,
            Hook::Ours | Hook::OursStale => {
                hooks::remove(&location.folder.join(name)).map_err(|error| refused(&shown, &io_error_text(&error)))?;
                format!("removed {shown}")
            }
            Hook::CallsDoctor => format!("{shown} was not written by doctor: remove its call to doctor by hand"),
            Hook::Foreign(_) => format!("{shown} was not written by doctor, and was not changed"),
        };
        world.print(&format!("{}\n", escape::line(&line)))?;
    }
    Ok(Exit::Clean)
}

/// Prints one line for each hook. The exit code is 1 if none of them calls doctor.
pub(super) fn status(args: &HookStatusArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let location = location(world)?;
    let hooks = HOOKS.map(|(_, name)| location.find_hook(name, world)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let calls = hooks.iter().any(|found| matches!(found.hook, Hook::Ours | Hook::CallsDoctor));
    let exit = if calls { Exit::Clean } else { Exit::Findings };
    if args.result.format == ResultFormat::Json {
        let forms: Vec<HookForm> = hooks.into_iter().map(form).collect();
        return world.print(&hooks_for_programs(&forms, exit.code())).map(|()| exit);
    }
    for FoundHook { name, shown, hook } in hooks {
        let state = match hook {
            Hook::None => "none".to_owned(),
            Hook::Ours => format!("installed: {shown}"),
            Hook::OursStale => format!("outdated: run `doctor hook install {name}`"),
            Hook::CallsDoctor => format!("custom hook, calls doctor: {shown}"),
            Hook::Foreign(None) => format!("custom hook, does not call doctor: {shown}"),
            Hook::Foreign(Some(tool)) => format!("{} hook, does not call doctor: {shown}", tool.name),
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
        Hook::CallsDoctor => ("calls-doctor", None),
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
    /// Asks before hooks are written to a directory other than git's default. `requested` are all hooks of the command.
    fn confirm(&self, requested: &[FoundHook], written: &[&str], world: &World<'_>) -> Result<(), Error> {
        let note = match self.scope {
            InstallScope::Clone => "",
            InstallScope::EveryClone => ", inside the working tree",
            InstallScope::Elsewhere => ", outside this repository",
        };
        let what = format!("{} ({} points there{note})", written.join(" and "), self.source.name());
        let what = escape::line(&what).into_owned();
        if !can_ask(&world.terminal, &world.variables) {
            let names: Vec<&str> = requested.iter().map(|found| found.name).collect();
            let command = format!("doctor hook install --yes {}", names.join(" "));
            return Err(Error::NotConfirmed {
                what: format!("writing {what} needs confirmation"),
                cause: "not an interactive terminal".to_owned(),
                help: Help::command("if this is the right directory, run:", command),
            });
        }
        let directory = match (self.source, self.scope) {
            (LocationSource::Link, _) => HooksDirectory::LinkedOutsideRepository,
            (_, InstallScope::EveryClone) => HooksDirectory::InWorkingTree,
            _ => HooksDirectory::OutsideRepository,
        };
        match world.prompt.confirm(&prompts::write_hooks(written, directory), YesNo::No)? {
            PromptAnswer::Given(YesNo::Yes) => Ok(()),
            _ => Err(Error::Cancelled),
        }
    }

    /// Returns a note on the other clones that use a hook in this directory.
    fn scope_note(&self) -> String {
        match self.scope {
            InstallScope::Clone => String::new(),
            InstallScope::EveryClone => format!(" ({} points there; commit it to share it)", self.source.name()),
            InstallScope::Elsewhere => {
                format!(" ({} points there; other repositories may use it, too)", self.source.name())
            }
        }
    }

    /// Reads the hook with that name.
    fn find_hook(&self, name: &'static str, world: &World<'_>) -> Result<FoundHook, Error> {
        let path = self.folder.join(name);
        let shown = display_path(&path, &world.directory);
        let found = hooks::inspect(&path, &self.text, self.root.as_deref());
        let hook = found.map_err(|error| refused(&shown, &io_error_text(&error)))?;
        Ok(FoundHook { name, shown, hook })
    }
}

fn location(world: &World<'_>) -> Result<HookLocation, Error> {
    let git_client = GitClient::new(&world.variables);
    let found = git_client.hooks(&world.directory).map_err(|why| {
        let (what, help) = if why == NO_REPOSITORY {
            ("not a git repository", Help::command("run it in a clone, or create a repository:", "git init"))
        } else {
            ("could not find git's hooks directory", Help::command("check the repository:", "git status"))
        };
        Error::System { what: what.to_owned(), cause: why, help }
    })?;
    let root = git::root(&world.directory);
    let (folder, git) = (normal(&found.folder), normal(&found.git));
    let named = scope(&folder, &git, root.as_deref());
    let real = |path: &Path| files::resolve(path).map_or_else(|_| path.to_owned(), |resolved| resolved.end);
    let resolved = scope(&real(&folder), &real(&git), root.as_deref().map(real).as_deref());
    // A link inside the repository may point outside. The scope depends on where the file will be.
    let (folder, scope, source) = match (named, resolved) {
        (InstallScope::Clone | InstallScope::EveryClone, InstallScope::Elsewhere) => {
            (real(&folder), InstallScope::Elsewhere, LocationSource::Link)
        }
        (InstallScope::Clone, _) => (folder, named, LocationSource::Git),
        _ => (folder, named, LocationSource::HooksPath),
    };
    // A hook that is committed must not contain a path of this machine.
    let binary = if scope == InstallScope::EveryClone { None } else { hooks::binary() };
    Ok(HookLocation { text: hooks::text(binary.as_deref()), folder, root, scope, source })
}

/// Returns the scope of a hooks directory, by its path.
fn scope(folder: &Path, git: &Path, root: Option<&Path>) -> InstallScope {
    if folder.starts_with(git) {
        InstallScope::Clone
    } else if root.is_some_and(|root| folder.starts_with(root)) {
        InstallScope::EveryClone
    } else {
        InstallScope::Elsewhere
    }
}

fn refused(shown: &str, why: &str) -> Error {
    Error::System {
        what: format!("failed to access the hook {shown}"),
        cause: why.to_owned(),
        help: Help::command(format!("check {shown}, and the hooks path:"), "git config core.hooksPath"),
    }
}

/// Returns the command that skips a hook once.
pub(super) fn skip_command(hook: &str) -> &'static str {
    if hook == "pre-push" { "DOCTOR=0 git push" } else { "DOCTOR=0 git commit" }
}

/// Returns the error for a hook that doctor did not write, with the line to add to it.
fn foreign(shown: &str, name: &str, tool: Option<HookManager>) -> Error {
    let help = match tool.map(|tool| tool.name) {
        Some("pre-commit" | "prek") => "add doctor to .pre-commit-config.yaml, as shown in docs/hooks.md".into(),
        Some("lefthook") => "add `run: doctor hook run` to lefthook.yml, as shown in docs/hooks.md".into(),
        Some("husky") => Help::command(format!("add this line to .husky/{name}:"), LINE),
        _ => Help::command("add this line to it:", LINE),
    };
    Error::System {
        what: format!("{shown} already exists"),
        cause: "doctor changes only hooks that it wrote".to_owned(),
        help,
    }
}
