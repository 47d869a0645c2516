//! Writes the `doctor.toml`, and accepts it.

use crate::commands::init::config_target::{CompleteConfig, ConfigTarget, already_exists, changed};
use crate::commands::trust;
use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files::{self, Created, Folders, Replaced};
use crate::io::world::World;
use crate::report::escape;

/// The outcome for a file that was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileOutcome {
    Accepted,
    /// Another program changed it since.
    Changed,
    /// The user has not accepted the settings that it had before.
    NotAccepted,
    /// It could not be accepted, for this reason.
    Failed(String),
}

/// A file to write, and its project.
#[derive(Clone, Copy)]
pub(super) struct ConfigWriter<'w> {
    pub(super) target: &'w ConfigTarget,
    pub(super) project: &'w ResourceRef,
    /// Whether the user has accepted the settings that the file has now.
    pub(super) is_accepted: bool,
}

impl ConfigWriter<'_> {
    /// Creates or replaces the file, and accepts it if its contents are still the same.
    pub(super) fn write(self, complete: &CompleteConfig, world: &World<'_>) -> Result<FileOutcome, Error> {
        let location = &self.target.location;
        match &self.target.existing {
            None => self.create(&complete.text, world)?,
            Some(existing) => {
                let folders = Folders { working: &world.directory, state: world.state.as_deref() };
                match files::replace(&location.path, Some(&existing.text), &complete.text, folders)? {
                    Replaced::Done | Replaced::Without(_) => {}
                    Replaced::Conflict => return Err(changed(&location.name)),
                }
            }
        }
        if files::current(&location.path).as_ref() != Some(&complete.text) {
            return Ok(FileOutcome::Changed);
        }
        if !self.is_accepted {
            return Ok(FileOutcome::NotAccepted);
        }
        Ok(self.accept(&complete.config, world))
    }

    fn create(self, text: &Secret, world: &World<'_>) -> Result<(), Error> {
        let location = &self.target.location;
        match files::create(&location.path, text.expose(), &world.directory)? {
            Created::Now => Ok(()),
            Created::ThereAlready => Err(already_exists(&location.name, "run `doctor init` again to add to it")),
        }
    }

    fn accept(self, config: &Config, world: &World<'_>) -> FileOutcome {
        match trust::accept(config, self.project, world) {
            Ok(()) => FileOutcome::Accepted,
            Err(error) => FileOutcome::Failed(error.cause().unwrap_or_default()),
        }
    }

    /// Prints the outcome.
    pub(super) fn print(self, outcome: &FileOutcome, world: &mut World<'_>) -> Result<(), Error> {
        let [name, project] =
            [&self.target.location.name, &self.project.name].map(|name| escape::line(name).into_owned());
        let wrote = if self.target.existing.is_some() { "Added to" } else { "Wrote" };
        match outcome {
            FileOutcome::Accepted => world.print(&format!("{wrote} {name} and accepted it for project {project}.\n")),
            FileOutcome::Changed => {
                world.print(&format!("{wrote} {name}. It has changed since then, so it is not accepted.\n"))
            }
            FileOutcome::NotAccepted => {
                world.print(&format!("{wrote} {name}.\n"))?;
                world.status.print_line(&format!("note: {name} is not accepted; to review it, run `doctor trust`"));
                Ok(())
            }
            FileOutcome::Failed(why) => {
                world.print(&format!("{wrote} {name}.\n"))?;
                let why = escape::line(why);
                world.status.print_line(&format!("note: {name} is not accepted yet: {why}; run `doctor trust`"));
                Ok(())
            }
        }
    }
}

impl FileOutcome {
    /// Returns why the file is not accepted.
    pub(super) fn objection(&self) -> Option<&str> {
        match self {
            Self::Accepted => None,
            Self::Changed => Some("it has changed since it was written"),
            Self::NotAccepted => Some("review it with `doctor trust`"),
            Self::Failed(why) => Some(why),
        }
    }
}
