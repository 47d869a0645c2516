//! Reads the env files of each service. A file that several services use is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::commands::trust::TrustState;
use crate::drift::dotenv::{CheckoutSource, Loader, LocalFile};
use crate::drift::example_file::Example;
use crate::drift::model::file_exposure::{Exposure, Git};
use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::config::{self, At, Config};
use crate::io::files::{self, Budget, LinkScope, ReadAccess, ResolvedFile};
use crate::io::git::GitClient;

/// The origin of a file that neither a flag nor `doctor.toml` names.
const DEFAULT: &str = "default";

/// The origin of a file that `doctor.toml` names.
const CONFIG: &str = "doctor.toml";

/// The env files in use, in the order in which they were first needed.
#[derive(Debug, Default)]
pub(crate) struct EnvFiles {
    /// The parsed files.
    pub(crate) files: Vec<LocalFile>,
    /// Their paths, in the same order.
    pub(crate) paths: Vec<PathBuf>,
    /// The display name and the origin of each file, in the same order.
    pub(crate) origins: Vec<(String, String)>,
    /// The display names of conventional layers, such as `.env.local`, that are next to a default file and not read.
    pub(crate) unread_layers: BTreeSet<String>,
    /// The display names of files that are read only because `doctor.toml` names them.
    pub(crate) only_declared: BTreeSet<String>,
    /// The files with links resolved, in the same order.
    pub(crate) places: Vec<ResolvedFile>,
    /// Remarks for the user; sentences without full stop.
    pub(crate) remarks: Vec<String>,
    read: BTreeMap<PathBuf, usize>,
    budget: Budget,
}

/// Files that were read before the first request, by path.
pub(crate) type ReadAhead = BTreeMap<PathBuf, ReadFile>;

/// Everything that may name env files, and what is needed to read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnvFileSources<'s> {
    /// `--env-file`, relative to the working directory.
    pub(crate) flags: &'s [PathBuf],
    /// `doctor.toml`, if there is one.
    pub(crate) config: Option<&'s Config>,
    /// The working directory.
    pub(crate) folder: &'s Path,
    /// The environment; its own files take precedence.
    pub(crate) environment: &'s ResourceRef,
    /// How a missing default file is treated.
    pub(crate) absent: MissingFile,
    /// The git that is queried where a link leads out of the checkout.
    pub(crate) git: &'s GitClient,
    /// How long to wait for a file that another program writes, such as a pipe.
    pub(crate) read_timeout: Duration,
    /// The files that were read before the first request.
    pub(crate) ahead: &'s ReadAhead,
}

/// An env file, and what names it.
#[derive(Clone, Debug)]
pub(crate) struct NamedFile<'s> {
    /// The absolute path, or [`files::STANDARD_INPUT`].
    pub(crate) path: PathBuf,
    source: FileSource<'s>,
}

/// What names an env file.
#[derive(Clone, Copy, Debug)]
enum FileSource<'s> {
    Flag,
    Config(&'s Config, &'s At<String>),
    Default,
}

/// The text of an env file.
#[derive(Clone, Debug)]
pub(crate) struct ReadFile {
    /// The file with links resolved.
    pub(crate) place: ResolvedFile,
    pub(crate) text: Secret,
}

/// How a missing default `.env` is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingFile {
    /// As an error.
    Refused,
    /// As an empty file, for a command that is about to fill it.
    Empty,
}

impl EnvFiles {
    /// Reads the files of a service and returns their indexes; `alias` is the name of the service in `doctor.toml`.
    pub(crate) fn of(&mut self, sources: EnvFileSources<'_>, alias: Option<&str>) -> Result<Vec<usize>, Error> {
        let named = sources.files(alias)?;
        for file in &named {
            if let FileSource::Config(config, _) = file.source
                && !files::is_same(&file.path, &files::default_env_file(config.folder(), &sources.environment.name))
            {
                self.only_declared.insert(files::display_path(&file.path, sources.folder));
            }
        }
        let loader = sources.config.and_then(|config| config.loader).map(loader);
        named.into_iter().map(|file| self.index(file, sources, loader)).collect()
    }

    /// Returns the example files beside the env files, except those that are in use as env files.
    pub(crate) fn examples(&self, folder: &Path) -> Vec<Example> {
        let mut folders: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        let files = self.paths.iter().enumerate().filter(|(index, _)| self.places[*index].access == ReadAccess::File);
        for (index, path) in files {
            folders.entry(path.parent().unwrap_or(folder)).or_default().push(index);
        }
        let (mut found, mut budget) = (Vec::new(), Budget::default());
        for (place, beside) in folders {
            // An example that is too large is skipped, like an unreadable one.
            let examples = files::examples(place).into_iter();
            let unused = examples.filter(|(path, text)| !self.read.contains_key(path) && budget.take(text).is_ok());
            found.extend(unused.map(|(path, text)| Example {
                file: LocalFile::parse(files::display_path(&path, folder), text),
                beside: beside.clone(),
            }));
        }
        found
    }

    /// Marks the files that are in use only because the checkout names them, or because it contains the default file.
    pub(crate) fn mark_checkout_files(&mut self, exposures: &[Exposure], trust: &TrustState) {
        for (index, file) in self.files.iter_mut().enumerate() {
            let is_tracked = exposures.get(index).is_some_and(|exposure| exposure.git == Git::Tracked);
            let is_named = trust.needs_acceptance() && self.only_declared.contains(&file.name);
            let is_chosen_by_git = is_tracked && self.origins[index].1 == DEFAULT;
            let sources = [(is_named, CheckoutSource::Named), (is_chosen_by_git, CheckoutSource::Tracked)];
            file.from_checkout = sources.into_iter().find_map(|(applies, source)| applies.then_some(source));
        }
    }

    fn index(
        &mut self,
        named: NamedFile<'_>,
        sources: EnvFileSources<'_>,
        loader: Option<Loader>,
    ) -> Result<usize, Error> {
        if let Some(&index) = self.read.get(&named.path) {
            return Ok(index);
        }
        let ReadFile { place, text } = named.read(sources)?;
        let name = files::name_of(&named.path, sources.folder);
        self.budget.take(&text).map_err(|why| Error::File {
            path: name.clone(),
            cause: why,
            help: "pass fewer or smaller files with `--env-file PATH`".into(),
        })?;
        if place.leads == LinkScope::Out {
            let end = files::display_path(&place.end, sources.folder);
            self.remarks.push(format!("{name} is a link to {end}, outside the checkout"));
        }
        let mut file = LocalFile::parse(name.as_str(), text);
        file.is_stream = place.access == ReadAccess::Once;
        self.places.push(place);
        self.files.push(match loader {
            Some(loader) => file.read_as(loader),
            None => file,
        });
        if matches!(named.source, FileSource::Default) {
            let layers = files::unread_layers(&named.path, &sources.environment.name);
            self.unread_layers.extend(layers.iter().map(|path| files::display_path(path, sources.folder)));
        }
        self.origins.push((name, named.origin().to_owned()));
        self.paths.push(named.path.clone());
        self.read.insert(named.path, self.files.len() - 1);
        Ok(self.files.len() - 1)
    }
}

impl<'s> EnvFileSources<'s> {
    /// Returns the files of the first source that names any: flags, the service, the environment, the top level of
    /// `doctor.toml`, or the default.
    pub(crate) fn files(self, alias: Option<&str>) -> Result<Vec<NamedFile<'s>>, Error> {
        if !self.flags.is_empty() {
            let path = |typed: &PathBuf| files::named_path(typed, self.folder);
            let named = |typed| NamedFile { path: path(typed), source: FileSource::Flag };
            return Ok(self.flags.iter().map(named).collect());
        }
        if let Some((config, listed)) = self.config.and_then(|config| Some((config, self.listed(config, alias)?))) {
            let named = |at| Ok(NamedFile { path: config.file(at)?, source: FileSource::Config(config, at) });
            return listed.iter().map(named).collect();
        }
        let directory = self.default_directory();
        let path = files::default_env_file(directory, &self.environment.name);
        if self.absent == MissingFile::Refused && path.symlink_metadata().is_err() {
            return Err(files::no_env_file(".env", directory, self.folder));
        }
        Ok(vec![NamedFile { path, source: FileSource::Default }])
    }

    /// Returns the directory of the default file.
    pub(crate) fn default_directory(self) -> &'s Path {
        self.config.map_or(self.folder, Config::folder)
    }

    fn listed(self, config: &'s Config, alias: Option<&str>) -> Option<&'s [At<String>]> {
        let service = alias.and_then(|alias| config.services.get(alias)).and_then(|service| service.env_file.as_ref());
        let section = [&self.environment.name, &self.environment.id]
            .into_iter()
            .find_map(|name| config.environments.get(name))
            .and_then(|environment| environment.env_file.as_ref());
        service.or(section).or(config.env_file.as_ref()).map(Vec::as_slice)
    }
}

impl NamedFile<'_> {
    /// Returns whether it is a default file that the run may create.
    pub(crate) fn is_new(&self, sources: EnvFileSources<'_>) -> bool {
        let is_default = matches!(self.source, FileSource::Default);
        sources.absent == MissingFile::Empty && is_default && self.path.symlink_metadata().is_err()
    }

    /// Reads it. A file that the run may create is empty. An error about a file that `doctor.toml` names is at that
    /// position.
    pub(crate) fn read(&self, sources: EnvFileSources<'_>) -> Result<ReadFile, Error> {
        if let Some(read) = sources.ahead.get(&self.path) {
            return Ok(read.clone());
        }
        self.read_undeclared(sources).map_err(|error| match (error, self.source) {
            (Error::File { path, cause, help }, FileSource::Config(config, at)) => Error::DeclaredFile {
                position: format!("{}:{}:{}", config.name, at.line, at.column).into(),
                path,
                cause,
                help: match self.path.symlink_metadata() {
                    Err(_) => files::declared_file_hint(&self.path, config.folder(), sources.folder),
                    Ok(_) if help.commands.is_empty() => "name a readable text file here".into(),
                    Ok(_) => help,
                },
            },
            (error, _) => error,
        })
    }

    fn read_undeclared(&self, sources: EnvFileSources<'_>) -> Result<ReadFile, Error> {
        let place = files::locate(&self.path, sources.folder, sources.git)?;
        let text = if self.is_new(sources) {
            Secret::new("")
        } else {
            files::read(&self.path, &place, sources.read_timeout, sources.folder)?
        };
        Ok(ReadFile { place, text })
    }

    fn origin(&self) -> &'static str {
        match self.source {
            FileSource::Flag => "--env-file",
            FileSource::Config(..) => CONFIG,
            FileSource::Default => DEFAULT,
        }
    }
}

/// Returns the parser's loader for the setting in `doctor.toml`.
pub(crate) fn loader(declared: config::LoaderSetting) -> Loader {
    match declared {
        config::LoaderSetting::Dotenvy => Loader::Dotenvy,
        config::LoaderSetting::Python => Loader::Python,
        config::LoaderSetting::Node => Loader::Node,
    }
}
