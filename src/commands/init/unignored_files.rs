//! Reports files in use that git would commit, and adds them to `.gitignore` if the user agrees.

use std::path::PathBuf;

use crate::commands::gather::Gathered;
use crate::drift::model::file_exposure::Git;
use crate::error::Error;
use crate::io::config::ConfigLocation;
use crate::io::git::gitignore;
use crate::io::git::{self, GitClient, GitStatus};
use crate::io::terminal::prompt::YesNo;
use crate::io::world::World;
use crate::report::escape;
use crate::report::init_lists::note;

/// The files in use that git tracks or does not ignore.
pub(super) struct UnignoredFiles {
    root: PathBuf,
    tracked: Vec<String>,
    unignored: Vec<Unignored>,
}

/// A file that git neither tracks nor ignores.
struct Unignored {
    name: String,
    path: PathBuf,
    /// The pattern that ignores it; `None` if it is outside this repository.
    pattern: Option<String>,
}

impl UnignoredFiles {
    pub(super) fn of(gathered: &Gathered, context: &ConfigLocation) -> Self {
        let mut all = Self { root: context.root.clone(), tracked: Vec::new(), unignored: Vec::new() };
        for ((path, (name, _)), exposure) in gathered.paths.iter().zip(&gathered.files).zip(&gathered.survey.exposures)
        {
            let name = name.clone();
            match exposure.git {
                Git::Tracked => all.tracked.push(name),
                Git::NotIgnored => {
                    let is_here =
                        exposure.end.is_none() && path.parent().and_then(git::root) == Some(context.root.clone());
                    let pattern = is_here.then(|| gitignore::pattern(&context.root, path)).flatten();
                    all.unignored.push(Unignored { name, path: path.clone(), pattern });
                }
                Git::Ignored | Git::Outside | Git::Unknown(_) => {}
            }
        }
        all
    }

    /// Prints a note for each file.
    pub(super) fn show(&self, world: &mut World<'_>) -> Result<(), Error> {
        let width = world.terminal.width;
        for name in &self.tracked {
            let text = format!("git tracks {name}; `doctor explain env-file-exposed` shows how to fix it.");
            world.print(&note(&text, width))?;
        }
        for Unignored { name, .. } in &self.unignored {
            let text = format!("git does not ignore {name}; the next `git add .` would stage it.");
            world.print(&note(&text, width))?;
        }
        if self.tracked.len() + self.unignored.len() > 0 { world.print("\n") } else { Ok(()) }
    }

    /// Returns the files that git tracks, and those that it does not ignore.
    pub(super) fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let unignored = self.unignored.iter().map(|one| one.name.as_str());
        (self.tracked.iter().map(String::as_str).collect(), unignored.collect())
    }

    /// Returns the patterns that ignore them.
    pub(super) fn patterns(&self) -> Vec<String> {
        self.unignored.iter().filter_map(|one| one.pattern.clone()).collect()
    }

    /// Adds them, and reports whether git ignores them now.
    pub(super) fn add(&self, choice: YesNo, world: &mut World<'_>) -> Result<(), Error> {
        if choice == YesNo::No {
            return Ok(());
        }
        let patterns = self.patterns();
        gitignore::add(&self.root, &patterns, &world.directory)?;
        let paths: Vec<PathBuf> = self.unignored.iter().map(|one| one.path.clone()).collect();
        let status = GitClient::new(&world.variables).status(&self.root, &paths);
        let are_ignored = status.is_ok_and(|all| all.iter().all(|status| *status == GitStatus::Ignored));
        let note = if are_ignored { "" } else { "; git does not ignore it yet, because another pattern overrides it" };
        world.print(&format!("Added {} to .gitignore{note}.\n", escape::line(&patterns.join(", "))))
    }
}
