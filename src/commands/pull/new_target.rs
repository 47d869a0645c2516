//! The file that `pull` creates: where it is, and why it may not be created there.

use std::path::{Path, PathBuf};

use crate::cli::{GlobalArgs, PullArgs};
use crate::commands::env_files::{EnvFileSources, ReadAhead};
use crate::commands::missing_file::MissingFile;
use crate::commands::write_guards::TEMPLATE_NAME;
use crate::drift::ResourceRef;
use crate::drift::example_file::is_template;
use crate::drift::leak::{self, FileKind};
use crate::error::{Error, Help};
use crate::io::config::{Config, ServiceSection};
use crate::io::files::{self, ReadAccess, ResolvedFile};
use crate::io::git::{self, GitClient, GitStatus, gitignore};
use crate::io::world::World;
use crate::report::shell_command;

/// The advice for a path that can't be used.
const OTHER_PATH: &str = "pass another path with `--output PATH`";

/// The file that `pull` creates.
pub(super) struct NewTarget {
    /// The absolute path.
    pub(super) path: PathBuf,
    /// The display name.
    pub(super) name: String,
    /// The path with links resolved.
    pub(super) place: ResolvedFile,
}

/// The sources that may name the file.
#[derive(Clone, Copy)]
pub(super) struct TargetNames<'n> {
    pub(super) args: &'n PullArgs,
    pub(super) global: &'n GlobalArgs,
    pub(super) config: Option<&'n Config>,
    /// The environment; before the first request, as it is requested.
    pub(super) environment: &'n ResourceRef,
}

impl NewTarget {
    /// Finds the file, and refuses one that may not be created. Sends no request.
    pub(super) fn find(names: TargetNames<'_>, world: &World<'_>) -> Result<Self, Error> {
        let git = GitClient::new(&world.variables);
        let path = names.path(&git, world)?;
        let name = files::name_of(&path, &world.directory);
        let is_stream = path == Path::new(files::STANDARD_INPUT) || files::is_stream(&path);
        if is_stream || path.starts_with("/dev") {
            return Err(refused(&name, "values are never printed", "pass the path of a new file with `--output PATH`"));
        }
        let typed = names.args.output.as_ref().map(|typed| typed.to_string_lossy().into_owned()).unwrap_or_default();
        if typed.ends_with(std::path::is_separator) || typed.ends_with("/.") {
            return Err(refused(&name, "the path is that of a directory", OTHER_PATH));
        }
        if path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("doctor.toml")) {
            return Err(refused(&name, "its name is that of the configuration file", OTHER_PATH));
        }
        let place = files::locate(&path, &world.directory, &git).map_err(|error| match error {
            Error::File { path, cause, .. } => refused(&path, cause, OTHER_PATH),
            error => error,
        })?;
        let target = Self { path, name, place };
        target.refuse(names, world)?;
        Ok(target)
    }

    /// Refuses a file that exists, that has the name of a template, or that git may commit.
    pub(super) fn refuse(&self, names: TargetNames<'_>, world: &World<'_>) -> Result<(), Error> {
        let Self { path, name, place } = self;
        if let Ok(found) = path.symlink_metadata() {
            let (cause, help) = match () {
                () if found.is_symlink() => ("it is a symbolic link", OTHER_PATH.into()),
                () if found.is_dir() => ("it is a directory", OTHER_PATH.into()),
                () => ("it already exists, and pull never overwrites a file", names.update(world)),
            };
            return Err(refused(name, cause, help));
        }
        let has_template_name = |path: &Path| path.file_name().is_some_and(|name| is_template(&name.to_string_lossy()));
        if has_template_name(path) || place.access == ReadAccess::Once {
            return Err(refused(name, TEMPLATE_NAME, OTHER_PATH));
        }
        let folder = place.end.parent().filter(|folder| files::is_directory(folder));
        let Some(folder) = folder else {
            let folder = path.parent().unwrap_or(path);
            let make = ["mkdir".to_owned(), "-p".to_owned(), files::display_path(folder, &world.directory)];
            let help = Help::command("create the directory first:", shell_command::line(&make));
            return Err(refused(name, "its directory does not exist", help));
        };
        let mut inner: Option<PathBuf> = None;
        for root in git::roots(folder) {
            if self.may_stage(&root, inner.as_deref(), world)? {
                self.refuse_committed(&root, world)?;
            }
            inner.get_or_insert(root);
        }
        Ok(())
    }

    /// Returns whether `git add` in the repository at `root` may stage the file. In a repository inside it, that is the
    /// case only if the outer one already tracks files there.
    fn may_stage(&self, root: &Path, inner: Option<&Path>, world: &World<'_>) -> Result<bool, Error> {
        let Some(inner) = inner else { return Ok(true) };
        GitClient::new(&world.variables).tracks_below(root, inner).map_err(|why| {
            let name = files::display_path(root, &world.directory);
            refused(&self.name, format!("could not determine what the repository {name} tracks: {why}"), OTHER_PATH)
        })
    }

    /// Refuses a file that git tracks or does not ignore.
    fn refuse_committed(&self, root: &Path, world: &World<'_>) -> Result<(), Error> {
        let Self { path, name, place } = self;
        let shown = |path: &Path| files::display_path(path, &world.directory);
        match GitClient::new(&world.variables).status_of_new(root, &place.end) {
            Ok(GitStatus::Ignored) => Ok(()),
            Ok(GitStatus::Tracked) => {
                let inside = place.end.strip_prefix(root).unwrap_or(&place.end).display().to_string();
                let words = match git::root(&world.directory) {
                    Some(own) if own == root => {
                        ["git", "rm", "--cached", "--", &shown(path)].map(str::to_owned).to_vec()
                    }
                    _ => ["git", "-C", &shown(root), "rm", "--cached", "--", &inside].map(str::to_owned).to_vec(),
                };
                let command = shell_command::line(&words);
                let help = Help::command("to remove it from git's index, run:", command);
                Err(refused(name, "git tracks it, and the next commit would contain the values", help))
            }
            Ok(GitStatus::Untracked) => {
                // A pattern for another file, such as README.md, would hide it from git.
                let is_env_file = leak::kind(&shown(path)) != FileKind::Other;
                let pattern = gitignore::pattern(root, &place.end).filter(|_| is_env_file);
                let help = match pattern {
                    Some(pattern) => Help::command("to ignore it, run:", ignore_command(root, pattern, world)),
                    None => "pass the path of a file that git ignores with `--output PATH`".into(),
                };
                Err(refused(name, "git does not ignore it, and the next `git add .` would stage the values", help))
            }
            Err(why) => {
                let cause = format!("could not determine whether git ignores it: {why}");
                Err(refused(name, cause, OTHER_PATH))
            }
        }
    }
}

/// A file that `check` would read, and the services that it is for.
#[derive(Debug)]
struct ServicesOfFile<'n> {
    path: PathBuf,
    services: Vec<&'n str>,
}

impl<'n> TargetNames<'n> {
    /// Returns the path that `--output` names, else the file that `check` would read for the services.
    pub(super) fn path(self, git: &GitClient, world: &World<'_>) -> Result<PathBuf, Error> {
        if let Some(typed) = &self.args.output {
            return Ok(files::named_path(typed, &world.directory));
        }
        let mut files: Vec<ServicesOfFile<'_>> = Vec::new();
        for alias in self.aliases() {
            // The first file is the base that later layers override.
            let Some(path) = self.layers(alias, git, world)?.into_iter().next() else { continue };
            match files.iter_mut().find(|known| known.path == path) {
                Some(known) => known.services.extend(alias),
                None => files.push(ServicesOfFile { path, services: alias.into_iter().collect() }),
            }
        }
        match files.as_slice() {
            [only] => Ok(only.path.clone()),
            [] => {
                let directory = self.config.map_or(world.directory.as_path(), Config::folder);
                Ok(files::default_env_file(directory, &self.environment.name))
            }
            several => Err(self.several(several, world)),
        }
    }

    /// Returns the files that `check` would read for a service.
    fn layers(self, alias: Option<&str>, git: &GitClient, world: &World<'_>) -> Result<Vec<PathBuf>, Error> {
        let sources = EnvFileSources {
            flags: &[],
            config: self.config,
            folder: &world.directory,
            environment: self.environment,
            absent: MissingFile::Created,
            git,
            read_timeout: std::time::Duration::ZERO,
            ahead: &ReadAhead::default(),
        };
        Ok(sources.files(alias)?.into_iter().map(|file| file.path).collect())
    }

    /// Returns whether `check` would also read a file that does not exist. That is an error there.
    pub(super) fn has_missing_layer(self, world: &World<'_>) -> bool {
        let git = GitClient::new(&world.variables);
        let layers = self.aliases().into_iter().filter_map(|alias| self.layers(alias, &git, world).ok());
        layers.flatten().any(|path| path.symlink_metadata().is_err())
    }

    /// Returns the aliases or typed names of the services in scope; `None` stands for services that nothing names.
    fn aliases(self) -> Vec<Option<&'n str>> {
        let sections = self.config.iter().flat_map(|config| &config.services);
        let typed = &self.args.targeting.service;
        if typed.is_empty() {
            let all: Vec<Option<&str>> = sections.map(|(alias, _)| Some(alias.as_str())).collect();
            return if all.is_empty() { vec![None] } else { all };
        }
        let alias = |name: &'n String| {
            let is_named =
                |(alias, section): &(&String, &ServiceSection)| *alias == name || section.name.value == *name;
            sections.clone().find(is_named).map_or(name.as_str(), |(alias, _)| alias.as_str())
        };
        typed.iter().map(|name| Some(alias(name))).collect()
    }

    /// Returns the error for services with different files, with a command for each.
    fn several(self, files: &[ServicesOfFile<'_>], world: &World<'_>) -> Error {
        let command = |file: &ServicesOfFile<'_>| {
            let mut words = vec!["pull".to_owned()];
            words.extend(file.services.iter().map(|service| format!("--service={service}")));
            words.push(format!("--output={}", files::display_path(&file.path, &world.directory)));
            self.command(&words, world)
        };
        let name = self.config.map_or("doctor.toml", |config| config.name.as_str());
        Error::Usage {
            what: "pull creates one file at a time".to_owned(),
            cause: Some(format!("{name} names {} files for the services", files.len())),
            help: Help::commands("choose one of them:", files.iter().map(command).collect()),
        }
    }

    /// Returns the help for a file that exists.
    fn update(self, world: &World<'_>) -> Help {
        let mut words = vec!["fix".to_owned(), "--pull".to_owned()];
        words.extend(self.args.output.iter().map(|path| format!("--env-file={}", path.display())));
        Help::command("to update its values, run:", self.command(&words, world))
    }

    /// Returns a complete command with these arguments and the typed target.
    pub(super) fn command(self, words: &[String], world: &World<'_>) -> String {
        let Self { args, global, .. } = self;
        let place = &args.targeting.place;
        let mut flags: Vec<String> = place.project.iter().map(|project| format!("--project={project}")).collect();
        flags.extend(place.environment.iter().map(|environment| format!("--environment={environment}")));
        flags.extend(global.config.iter().map(|path| format!("--config={}", path.display())));
        flags.extend(global.no_config.then(|| "--no-config".to_owned()));
        flags.extend(global.api_url.iter().map(|url| format!("--api-url={url}")));
        let services: Vec<String> =
            args.targeting.service.iter().map(|service| format!("--service={service}")).collect();
        shell_command::line(&shell_command::complete(&world.program, words, &flags, services.iter()))
    }
}

/// Returns whether a path has the usual name of an env file, which programs do not publish or run.
pub(super) fn is_env_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name == ".env" || name == ".dev.vars" || name.starts_with(".env.") || name.ends_with(".env")
}

/// Returns the shell command that appends the pattern to the `.gitignore` at the root.
fn ignore_command(root: &Path, pattern: String, world: &World<'_>) -> String {
    let path = root.join(".gitignore");
    let text = files::current(&path);
    let is_open = text.is_some_and(|text| !text.expose().is_empty() && !text.expose().ends_with('\n'));
    // Some shells' `echo` interprets backslashes.
    let words = match (is_open, pattern.contains('\\')) {
        (false, false) => vec!["echo".to_owned(), pattern],
        (false, true) => vec!["printf".to_owned(), "%s\\n".to_owned(), pattern],
        (true, _) => vec!["printf".to_owned(), "\\n%s\\n".to_owned(), pattern],
    };
    let file = shell_command::line(&[files::display_path(&path, &world.directory)]);
    format!("{} >> {file}", shell_command::line(&words))
}

/// Returns the error for a file that is not created.
pub(super) fn refused(name: &str, cause: impl Into<String>, help: impl Into<Help>) -> Error {
    Error::Usage { what: format!("{name} can't be created"), cause: Some(cause.into()), help: help.into() }
}
