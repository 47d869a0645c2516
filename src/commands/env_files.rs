//! Reads the env files of each service. A file that several services use is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::commands::missing_env_file::{self, Fallback, MissingFileContext};
use crate::commands::missing_file::MissingFile;
use crate::commands::templates::Templates;
use crate::commands::trust::TrustState;
use crate::drift::dotenv::{CheckoutSource, Loader, LocalFile, ReadOnly};
use crate::drift::example_file::{self, Example};
use crate::drift::model::file_exposure::{Exposure, Git};
use crate::drift::{ResourceRef, Secret};
use crate::error::Error;
use crate::io::config::{self, At, Config};
use crate::io::files::{self, Budget, LinkScope, ReadAccess, ResolvedFile};
use crate::io::git::{GitClient, worktree};
use crate::report::MAIN_WORKTREE;

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
    /// The templates that are read in place of files, or named like files.
    pub(crate) templates: Templates,
    /// Their paths in this worktree, in the same order. One is missing if a file of the main worktree is read instead.
    pub(crate) expected_paths: Vec<PathBuf>,
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
    /// The missing file in this worktree, if the file is in the main worktree.
    replaces: Option<PathBuf>,
}

/// What names an env file.
#[derive(Clone, Copy, Debug)]
enum FileSource<'s> {
    Flag,
    Config(&'s Config, &'s At<String>),
    Default,
}

/// What a service is compared with.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceFiles {
    /// The indexes of its files; empty if it is checked against what is declared.
    pub(crate) layers: Vec<usize>,
    /// The indexes of the templates that declare its needs, if it has no files.
    pub(crate) templates: Vec<usize>,
}

/// The text of an env file.
#[derive(Clone, Debug)]
pub(crate) struct ReadFile {
    /// The file with links resolved.
    pub(crate) place: ResolvedFile,
    pub(crate) text: Secret,
}

impl EnvFiles {
    /// Reads what a service is compared with; `alias` is its name in `doctor.toml`.
    pub(crate) fn of(&mut self, sources: EnvFileSources<'_>, alias: Option<&str>) -> Result<ServiceFiles, Error> {
        let (templates, named): (Vec<_>, Vec<_>) =
            sources.files(alias)?.into_iter().partition(|file| sources.is_template(&file.path));
        let default = sources.default_file();
        for file in &named {
            if matches!(file.source, FileSource::Config(..)) && !files::is_same(&file.path, &default.path) {
                self.only_declared.insert(files::display_path(&file.path, sources.folder));
            }
        }
        let loader = sources.config.and_then(|config| config.loader).map(loader);
        let layers: Vec<usize> =
            named.into_iter().map(|file| self.index(file, sources, loader)).collect::<Result<_, _>>()?;
        // A printed fix names all of them, and must not write to any.
        if layers.iter().any(|&layer| self.origins[layer].1 == MAIN_WORKTREE) {
            for &layer in &layers {
                self.files[layer].read_only = Some(ReadOnly::MainWorktree);
            }
        }
        let named = templates.iter().map(|template| {
            let name = files::name_of(&template.path, sources.folder);
            self.templates.named(&template.path, &name, &layers, || Ok(template.read(sources)?.text))
        });
        let templates = named.collect::<Result<Vec<usize>, Error>>()?;
        match (layers.as_slice(), templates.as_slice()) {
            ([], []) if sources.absent == MissingFile::Unneeded => Ok(ServiceFiles::default()),
            ([], []) => Ok(ServiceFiles { layers, templates: self.declared(sources, alias)? }),
            ([], _) => Ok(ServiceFiles { layers, templates }),
            _ => Ok(ServiceFiles { layers, templates: Vec::new() }),
        }
    }

    /// Reads the templates where the files of a service would be.
    fn declared(&mut self, sources: EnvFileSources<'_>, alias: Option<&str>) -> Result<Vec<usize>, Error> {
        let directories = sources.directories(alias)?;
        // A file that the user expects to be compared may have another name or be in another directory.
        for directory in directories.iter().filter(|_| sources.absent != MissingFile::Excluded) {
            let unread = files::env_files(directory);
            self.unread_layers.extend(unread.iter().map(|path| files::display_path(path, sources.folder)));
            let remark = files::other_directory_hint(&directory.join(".env"), sources.folder);
            self.remarks.extend(remark.map(|hint| format!("there is no .env here: {hint}")));
        }
        self.remarks.dedup();
        let of_directory = |directory: &PathBuf| self.templates.of_directory(directory, sources.folder);
        Ok(directories.iter().map(of_directory).collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Returns the templates, and the other example files beside the env files, except those that are in use as env files.
    pub(crate) fn examples(&mut self, folder: &Path) -> Vec<Example> {
        let mut folders: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        let paths = self.expected_paths.iter().enumerate();
        let files = paths.filter(|(index, _)| self.places[*index].access == ReadAccess::File);
        for (index, path) in files {
            folders.entry(path.parent().unwrap_or(folder)).or_default().push(index);
        }
        let (mut found, mut budget) = (std::mem::take(&mut self.templates.found), Budget::default());
        for (place, beside) in folders {
            // An example that is too large is skipped, like an unreadable one.
            let examples = files::examples(place).into_iter();
            let is_read = |path: &PathBuf| self.read.contains_key(path) || self.templates.contains(path);
            let unused = examples.filter(|(path, text)| !is_read(path) && budget.take(text).is_ok());
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
            let is_chosen_by_git = is_tracked && [DEFAULT, MAIN_WORKTREE].contains(&self.origins[index].1.as_str());
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
        file.read_only = (place.access == ReadAccess::Once).then_some(ReadOnly::Stream);
        self.places.push(place);
        self.files.push(match loader {
            Some(loader) => file.read_as(loader),
            None => file,
        });
        if matches!(named.source, FileSource::Default) {
            let paths = [Some(&named.path), named.replaces.as_ref()].into_iter().flatten();
            let layers = paths.flat_map(|path| files::unread_layers(path, &sources.environment.name));
            self.unread_layers.extend(layers.map(|path| files::display_path(&path, sources.folder)));
        }
        self.origins.push((name, named.origin().to_owned()));
        self.expected_paths.push(named.replaces.clone().unwrap_or_else(|| named.path.clone()));
        self.paths.push(named.path.clone());
        self.read.insert(named.path, self.files.len() - 1);
        Ok(self.files.len() - 1)
    }
}

impl<'s> EnvFileSources<'s> {
    /// Returns the files of the first source that names any: flags, the service, the environment, the top level of
    /// `doctor.toml`, or the default. None for a run without a file.
    pub(crate) fn files(self, alias: Option<&str>) -> Result<Vec<NamedFile<'s>>, Error> {
        if !self.flags.is_empty() {
            let path = |typed: &PathBuf| files::named_path(typed, self.folder);
            let named = |typed| NamedFile { path: path(typed), source: FileSource::Flag, replaces: None };
            return Ok(self.flags.iter().map(named).collect());
        }
        if let Some((config, listed)) = self.config.and_then(|config| Some((config, self.listed(config, alias)?))) {
            let named = |at| {
                let path = config.file(at)?;
                let found = worktree::replacement(&path).filter(|_| self.absent.reads_main_worktree());
                Ok(NamedFile::replaced(path, found, FileSource::Config(config, at)))
            };
            let mut named = listed.iter().map(named).collect::<Result<Vec<_>, Error>>()?;
            named.retain(|file| self.absent != MissingFile::Excluded || self.is_template(&file.path));
            named.retain(|_| self.absent != MissingFile::Unneeded);
            return Ok(named);
        }
        let file = self.default_file();
        let is_missing = self.absent.is_refused() && file.path.symlink_metadata().is_err();
        match self.absent {
            MissingFile::Excluded | MissingFile::Unneeded => Ok(Vec::new()),
            _ if !is_missing => Ok(vec![file]),
            _ if self.is_declared()? => Ok(Vec::new()),
            _ => Err(self.no_file()),
        }
    }

    /// Returns whether the run can do without the default file: `doctor.toml` or a template declares keys. A template that
    /// can't be read is an error.
    pub(crate) fn is_declared(self) -> Result<bool, Error> {
        let has_templates = || Ok(!files::templates(self.default_directory(), self.folder)?.is_empty());
        if self.absent.is_optional() && !self.requires_keys() { has_templates() } else { Ok(self.absent.is_optional()) }
    }

    /// Returns whether `doctor.toml` has a `[[require]]`.
    pub(crate) fn requires_keys(self) -> bool {
        self.config.is_some_and(|config| !config.require.is_empty())
    }

    /// Returns the error for a missing default file, with each way to continue.
    pub(crate) fn no_file(self) -> Error {
        let directory = self.default_directory();
        let path = files::default_env_file(directory, &self.environment.name);
        missing_env_file::no_default(MissingFileContext {
            path: &path,
            config: self.config,
            folder: self.folder,
            fallback: self.fallback(),
        })
    }

    /// Returns how the run can do without a file.
    fn fallback(self) -> Fallback {
        match self.absent {
            MissingFile::InMainWorktree | MissingFile::Optional if self.is_declared().unwrap_or_default() => {
                Fallback::NoFileFlag
            }
            MissingFile::InMainWorktree | MissingFile::Optional => Fallback::Declarations,
            _ => Fallback::None,
        }
    }

    /// Returns whether a file that is named like an env file is a template, which has no values.
    fn is_template(self, path: &Path) -> bool {
        self.absent.is_optional()
            && path.file_name().is_some_and(|name| example_file::declares_keys(&name.to_string_lossy()))
    }

    /// Returns the directories where the files of a service would be.
    fn directories(self, alias: Option<&str>) -> Result<Vec<PathBuf>, Error> {
        let Some((config, listed)) = self.config.and_then(|config| Some((config, self.listed(config, alias)?))) else {
            return Ok(vec![self.default_directory().to_owned()]);
        };
        let paths = listed.iter().map(|at| config.file(at)).collect::<Result<Vec<_>, Error>>()?;
        let directories: BTreeSet<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
        Ok(directories.into_iter().map(Path::to_owned).collect())
    }

    /// Returns the default file. If neither worktree has one, it is the `.env` of this worktree.
    fn default_file(self) -> NamedFile<'s> {
        let default = |directory: &Path| files::default_env_file(directory, &self.environment.name);
        let path = default(self.default_directory());
        let found = self.main_directory().map(|directory| default(&directory));
        NamedFile::replaced(path, found.filter(|path| path.symlink_metadata().is_ok()), FileSource::Default)
    }

    /// Returns the directory of the main worktree with the default file, if it may be read: this is a linked worktree
    /// whose directory has none.
    pub(crate) fn main_directory(self) -> Option<PathBuf> {
        let directory = self.default_directory();
        let is_missing = || files::default_env_file(directory, &self.environment.name).symlink_metadata().is_err();
        (self.absent.reads_main_worktree() && is_missing()).then(|| worktree::main_directory(directory))?
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

impl<'s> NamedFile<'s> {
    /// Returns the file at the path, or the one of the main worktree that is read instead.
    fn replaced(path: PathBuf, found: Option<PathBuf>, source: FileSource<'s>) -> Self {
        match found {
            Some(found) => Self { path: found, source, replaces: Some(path) },
            None => Self { path, source, replaces: None },
        }
    }

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
                path: path.into(),
                cause,
                help: match self.path.symlink_metadata() {
                    Err(_) => missing_env_file::declared_help(self.missing(sources), at),
                    Ok(_) if help.commands.is_empty() => "name a readable text file here".into(),
                    Ok(_) => help,
                },
            },
            (Error::File { path, cause, .. }, FileSource::Flag) if self.path.symlink_metadata().is_err() => {
                Error::File { path, cause, help: missing_env_file::flag_help(self.missing(sources), sources.flags) }
            }
            (error, _) => error,
        })
    }

    fn missing<'m>(&'m self, sources: EnvFileSources<'m>) -> MissingFileContext<'m> {
        let EnvFileSources { config, folder, .. } = sources;
        MissingFileContext { path: &self.path, config, folder, fallback: sources.fallback() }
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
            _ if self.replaces.is_some() => MAIN_WORKTREE,
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
