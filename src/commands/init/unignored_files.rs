//! Files in use that git would take along: said, and put into `.gitignore` if the person wishes it.

use std::path::PathBuf;

use crate::commands::gather::Gathered;
use crate::drift::model::file_exposure::Git;
use crate::error::Error;
use crate::io::config::ConfigLocation;
use crate::io::git::gitignore;
use crate::io::git::{self, Asker, GitStatus};
use crate::io::terminal::prompt::{PromptAnswer, YesNo};
use crate::io::world::World;
use crate::report::escape;
use crate::report::init_lists::note;

/// Such files.
pub(super) struct UnignoredFiles {
    root: PathBuf,
    tracked: Vec<String>,
    unignored: Vec<Unignored>,
}

/// A file that git neither tracks nor ignores.
struct Unignored {
    name: String,
    path: PathBuf,
    /// What keeps it out; none where it is not this repository's.
    pattern: Option<String>,
}

impl UnignoredFiles {
    pub(super) fn of(gathered: &Gathered, site: &ConfigLocation) -> Self {
        let mut all = Self { root: site.root.clone(), tracked: Vec::new(), unignored: Vec::new() };
        for ((path, (name, _)), exposure) in gathered.paths.iter().zip(&gathered.files).zip(&gathered.survey.exposures)
        {
            let name = name.clone();
            match exposure.git {
                Git::Tracked => all.tracked.push(name),
                Git::NotIgnored => {
                    let is_here =
                        exposure.end.is_none() && path.parent().and_then(git::root) == Some(site.root.clone());
                    let pattern = is_here.then(|| gitignore::pattern(&site.root, path)).flatten();
                    all.unignored.push(Unignored { name, path: path.clone(), pattern });
                }
                Git::Ignored | Git::Outside | Git::Unknown(_) => {}
            }
        }
        all
    }

    /// Says so, whoever may ask.
    pub(super) fn show(&self, world: &mut World<'_>) -> Result<(), Error> {
        let width = world.terminal.width;
        for name in &self.tracked {
            let text = format!("git tracks {name}; `doctor explain env-file-exposed` tells what to do.");
            world.print(&note(&text, width))?;
        }
        for Unignored { name, .. } in &self.unignored {
            let text = format!("git does not ignore {name}; the next `git add .` takes it along.");
            world.print(&note(&text, width))?;
        }
        if self.tracked.len() + self.unignored.len() > 0 { world.print("\n") } else { Ok(()) }
    }

    /// The files that git tracks, and those that it does not ignore.
    pub(super) fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let unignored = self.unignored.iter().map(|one| one.name.as_str());
        (self.tracked.iter().map(String::as_str).collect(), unignored.collect())
    }

    fn patterns(&self) -> Vec<String> {
        self.unignored.iter().filter_map(|one| one.pattern.clone()).collect()
    }

    /// Whether `.gitignore` is to name them.
    pub(super) fn ask(&self, world: &mut World<'_>) -> Result<YesNo, Error> {
        let patterns = self.patterns();
        if patterns.is_empty() {
            return Ok(YesNo::No);
        }
        let prompt = format!("Add {} to .gitignore as well?", escape::line(&patterns.join(" ")));
        Ok(match world.ask.confirm(&prompt, YesNo::Yes)? {
            PromptAnswer::Given(reply) => reply,
            PromptAnswer::Back => YesNo::No,
        })
    }

    /// Adds them, and says whether git now keeps them out.
    pub(super) fn add(&self, wish: YesNo, world: &mut World<'_>) -> Result<(), Error> {
        if wish == YesNo::No {
            return Ok(());
        }
        let patterns = self.patterns();
        gitignore::add(&self.root, &patterns, &world.folder)?;
        let paths: Vec<PathBuf> = self.unignored.iter().map(|one| one.path.clone()).collect();
        let status = Asker::new(&world.variables).status(&self.root, &paths);
        let is_kept_out = status.is_ok_and(|all| all.iter().all(|status| *status == GitStatus::Ignored));
        let but = if is_kept_out { "" } else { "; git still does not ignore it, so another rule there overrides this" };
        world.print(&format!("Added {} to .gitignore{but}.\n", escape::line(&patterns.join(" "))))
    }
}
