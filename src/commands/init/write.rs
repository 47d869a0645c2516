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

/// A file that was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenFile {
    pub(super) outcome: FileOutcome,
    /// The extended attributes that the file has lost.
    lost_attributes: Vec<String>,
}

impl WrittenFile {
    /// Returns a remark on the lost attributes, if there are any.
    pub(super) fn loss(&self) -> Option<String> {
        let lost = self.lost_attributes.join(", ");
        (!lost.is_empty()).then(|| format!("the extended attributes {lost} were not kept"))
    }
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
    pub(super) fn write(self, complete: &CompleteConfig, world: &World<'_>) -> Result<WrittenFile, Error> {
        let lost_attributes = self.put(&complete.text, world)?;
        let outcome = if files::current(&self.target.location.path).as_ref() != Some(&complete.text) {
            FileOutcome::Changed
        } else if self.is_accepted {
            self.accept(&complete.config, world)
        } else {
            FileOutcome::NotAccepted
        };
        Ok(WrittenFile { outcome, lost_attributes })
    }

    /// Creates or replaces the file. Returns the extended attributes that it has lost.
    fn put(self, text: &Secret, world: &World<'_>) -> Result<Vec<String>, Error> {
        let location = &self.target.location;
        let Some(existing) = &self.target.existing else { return self.create(text, world).map(|()| Vec::new()) };
        let folders = Folders { working: &world.directory, state: world.state.as_deref() };
        match files::replace(&location.path, Some(&existing.text), text, folders)? {
            Replaced::Done => Ok(Vec::new()),
            Replaced::Without(lost) => Ok(lost),
            Replaced::Conflict => Err(changed(&location.name)),
        }
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
    pub(super) fn print(self, written: &WrittenFile, world: &mut World<'_>) -> Result<(), Error> {
        world.print(&self.sentence(&written.outcome))?;
        for note in self.notes(written) {
            world.status.print_line(&format!("note: {}", escape::line(&note)));
        }
        Ok(())
    }

    fn sentence(self, outcome: &FileOutcome) -> String {
        let [name, project] =
            [&self.target.location.name, &self.project.name].map(|name| escape::line(name).into_owned());
        let wrote = if self.target.existing.is_some() { "Added to" } else { "Wrote" };
        match outcome {
            FileOutcome::Accepted => format!("{wrote} {name} and accepted it for project {project}.\n"),
            FileOutcome::Changed => format!("{wrote} {name}. It has changed since then, so it is not accepted.\n"),
            FileOutcome::NotAccepted | FileOutcome::Failed(_) => format!("{wrote} {name}.\n"),
        }
    }

    fn notes(self, written: &WrittenFile) -> Vec<String> {
        let name = &self.target.location.name;
        let not_accepted = match &written.outcome {
            FileOutcome::Accepted | FileOutcome::Changed => None,
            FileOutcome::NotAccepted => Some(format!("{name} is not accepted; to review it, run `doctor trust`")),
            FileOutcome::Failed(why) => Some(format!("{name} is not accepted yet: {why}; run `doctor trust`")),
        };
        not_accepted.into_iter().chain(written.loss()).collect()
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

#[cfg(test)]
mod tests {
    use crate::commands::init::config_target::ConfigTarget;
    use crate::commands::init::write::{ConfigWriter, FileOutcome, WrittenFile};
    use crate::drift::test_support::named;
    use crate::io::config::ConfigLocation;

    #[test]
    fn lost_attributes_are_noted() {
        let location =
            ConfigLocation { path: "/w/doctor.toml".into(), name: "doctor.toml".to_owned(), root: "/w".into() };
        let (target, project) = (ConfigTarget { location, existing: None }, named("shop"));
        let writer = ConfigWriter { target: &target, project: &project, is_accepted: true };
        let notes = |outcome, lost: &[&str]| {
            let lost_attributes = lost.iter().map(|name| (*name).to_owned()).collect();
            writer.notes(&WrittenFile { outcome, lost_attributes })
        };
        assert_eq!(notes(FileOutcome::Accepted, &[]), [""; 0]);
        let lost = "the extended attributes user.a, user.b were not kept";
        assert_eq!(notes(FileOutcome::Accepted, &["user.a", "user.b"]), [lost]);
        let not_accepted = "doctor.toml is not accepted; to review it, run `doctor trust`";
        assert_eq!(notes(FileOutcome::NotAccepted, &["user.a", "user.b"]), [not_accepted, lost]);
    }
}
