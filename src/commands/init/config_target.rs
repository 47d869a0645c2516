//! The `doctor.toml` that `init` writes: a new one, or the existing one with new sections.

use crate::cli::{self, GlobalArgs};
use crate::commands::config_file;
use crate::commands::gather::Gathered;
use crate::commands::prompts::InitScope;
use crate::commands::service_selection::Services;
use crate::drift::Secret;
use crate::drift::rules::RULES;
use crate::drift::suggest::{ConfigDraft, Section};
use crate::error::Error;
use crate::io::config::{self, Config, ConfigChoice, ConfigLocation, RuleName, generate, with_sections};
use crate::io::files;
use crate::io::world::World;

/// The file to write.
pub(super) struct ConfigTarget {
    /// Where it is. The root is the directory that its paths are relative to.
    pub(super) location: ConfigLocation,
    /// The file that is there already.
    pub(super) existing: Option<ExistingConfig>,
}

/// A `doctor.toml` that gets new sections.
pub(super) struct ExistingConfig {
    pub(super) config: Config,
    pub(super) text: Secret,
}

/// The whole text to write, after it was parsed again.
pub(super) struct CompleteConfig {
    /// The whole text.
    pub(super) text: Secret,
    /// The part that is new.
    pub(super) added: String,
    /// The settings of the whole text.
    pub(super) config: Config,
}

impl ConfigTarget {
    /// Returns the nearest `doctor.toml`, or the location of a new one. Fails if it can't refer to an env file.
    pub(super) fn find(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Result<Self, Error> {
        if let Some(path) = &global.config {
            return Err(Error::Usage {
                what: format!("invalid --config `{}`", path.display()),
                cause: Some("init uses the doctor.toml of the repository, or creates one at its root".to_owned()),
                help: "remove --config".into(),
            });
        }
        let existing = config::nearest(&world.directory);
        if let Some(path) = existing.as_ref().filter(|_| global.no_config) {
            return Err(already_exists(
                &files::display_path(path, &world.directory),
                "remove --no-config to add to it",
            ));
        }
        let target = match existing {
            Some(_) => Self::existing(args, world)?,
            None => Self { location: ConfigLocation::of(&world.directory), existing: None },
        };
        target.refuse_unusable_files(args, world)?;
        Ok(target)
    }

    fn existing(args: &cli::InitArgs, world: &World<'_>) -> Result<Self, Error> {
        let config = config_file::load(&ConfigChoice::Nearest, &world.directory).map_err(unusable)?;
        let existing = config.and_then(|config| Some((files::current(&config.path)?, config)));
        let Some((text, config)) = existing else { return Err(changed("doctor.toml")) };
        if let Some(file) = args.files.env_file.first() {
            return Err(Error::Usage {
                what: format!("invalid --env-file `{}`", file.display()),
                cause: Some(format!("{} exists, and decides which files are compared", config.name)),
                help: "remove --env-file, or change `env-file` in doctor.toml".into(),
            });
        }
        let location =
            ConfigLocation { path: config.path.clone(), name: config.name.clone(), root: config.folder().to_owned() };
        Ok(Self { location, existing: Some(ExistingConfig { config, text }) })
    }

    fn refuse_unusable_files(&self, args: &cli::InitArgs, world: &World<'_>) -> Result<(), Error> {
        for file in &args.files.env_file {
            if files::is_stream(file) || files::is_stream(&world.directory.join(file)) {
                return Err(Error::Usage {
                    what: format!("invalid --env-file `{}`", file.display()),
                    cause: Some("doctor.toml can only refer to a file that can be read again".to_owned()),
                    help: "pass a regular file, or remove --env-file".into(),
                });
            }
            self.location.reach(&files::normal(&world.directory.join(file))).map_err(elsewhere)?;
        }
        Ok(())
    }

    /// Returns the settings of the existing file.
    pub(super) fn config(&self) -> Option<&Config> {
        self.existing.as_ref().map(|existing| &existing.config)
    }

    /// Returns whether the file is new.
    pub(super) fn scope(&self) -> InitScope {
        if self.existing.is_some() { InitScope::Extension } else { InitScope::New }
    }

    /// Returns whether there is anything to write.
    pub(super) fn has_changes(&self, draft: &ConfigDraft) -> bool {
        self.existing.is_none() || !draft.adds_nothing()
    }

    /// Returns the text with the draft, after parsing it.
    pub(super) fn with(&self, draft: &ConfigDraft) -> Result<CompleteConfig, Error> {
        if let Some(ExistingConfig { config, text }) = &self.existing {
            let extended = with_sections(config, text, draft, &rules())?;
            return Ok(CompleteConfig { text: extended.text, added: extended.added, config: extended.config });
        }
        let (text, config) = generate(draft, &self.location, &rules())?;
        Ok(CompleteConfig { text: Secret::new(text.as_str()), added: text, config })
    }

    /// Returns the text with the draft, after resolving its files and services to verify it.
    pub(super) fn complete(&self, draft: &ConfigDraft, gathered: &Gathered) -> Result<CompleteConfig, Error> {
        let complete = self.with(draft)?;
        complete.config.env_files().try_for_each(|file| complete.config.file(file).map(drop))?;
        let services = Services::of(&gathered.selected.shape, Some(&complete.config));
        draft.services.iter().try_for_each(|section| verify_alias(&complete.config, &services, section))?;
        Ok(complete)
    }
}

/// `--env-file` can't pass a file outside the repository here, because doctor.toml can't name it.
fn elsewhere(error: Error) -> Error {
    match error {
        Error::File { path, cause, .. } => {
            Error::File { path, cause, help: "run `doctor init` in the directory of that file".into() }
        }
        other => other,
    }
}

/// `--config` and `--no-config` can't select another file here.
fn unusable(error: Error) -> Error {
    match error {
        Error::File { path, cause, .. } => {
            Error::File { path, cause, help: "move it away, or make it a readable file".into() }
        }
        other => other,
    }
}

pub(super) fn already_exists(name: &str, help: &'static str) -> Error {
    Error::NotConfirmed {
        what: format!("{name} already exists"),
        cause: "init never overwrites a doctor.toml".to_owned(),
        help: help.into(),
    }
}

/// Returns the error for a file that another program changed during the run.
pub(super) fn changed(name: &str) -> Error {
    Error::Write {
        path: name.to_owned(),
        cause: "it was changed during this run".to_owned(),
        help: "nothing was written; run `doctor init` again".into(),
    }
}

fn rules() -> Vec<RuleName> {
    RULES.iter().map(|rule| (rule.code, rule.name)).collect()
}

/// Verifies that an alias and its service name resolve to the chosen service.
fn verify_alias(read: &Config, services: &Services, wanted: &Section) -> Result<(), Error> {
    let Some(section) = read.services.get(&wanted.alias) else { return Ok(()) };
    let by_alias = config::At { value: wanted.alias.clone(), ..section.name };
    for name in [&section.name, &by_alias] {
        let index = services.in_config(read, name)?;
        if services.candidates[index].service.id != wanted.service.id {
            let what = format!("`{}` resolves to a different service", name.value);
            return Err(read.fault(name, what, "nothing was written; write the file by hand, and report this bug"));
        }
    }
    Ok(())
}
