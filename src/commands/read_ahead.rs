//! Reads the env files that a run uses whatever Railway's responses are. Errors about them are reported before a token
//! is needed, and before the first request.

use std::path::Path;

use crate::commands::env_files::{EnvFileSources, ReadAhead};
use crate::commands::missing_file::MissingFile;
use crate::error::Error;
use crate::io::config::Config;
use crate::io::files::{self, ReadAccess};

/// Reads the files that are certain to be used. `sources` has the environment as it is requested, by name or id;
/// `services` are the values of `--service`.
pub(crate) fn read_ahead(sources: EnvFileSources<'_>, services: &[String]) -> Result<ReadAhead, Error> {
    if sources.absent.is_refused() {
        refuse_missing_default(sources)?;
    }
    if sources.absent == MissingFile::Excluded {
        refuse_undeclared(sources)?;
    }
    let mut ahead = ReadAhead::new();
    for alias in certain_aliases(sources, services) {
        if !is_certain(sources, alias) {
            continue;
        }
        for file in sources.files(alias)? {
            if let Some(known) = known_stream(&ahead, &file.path).filter(|_| !sources.flags.is_empty()) {
                return Err(read_twice(&file.path, known, sources.folder));
            }
            if !ahead.contains_key(&file.path) && !file.is_new(sources) {
                let read = file.read(sources)?;
                ahead.insert(file.path, read);
            }
        }
    }
    Ok(ahead)
}

/// Reads the streams that flags name, for a run that uses their values before it reads other files.
pub(crate) fn read_streams(sources: EnvFileSources<'_>) -> Result<ReadAhead, Error> {
    let mut streams = ReadAhead::new();
    for file in if sources.flags.is_empty() { Vec::new() } else { sources.files(None)? } {
        if files::is_stream(&file.path) && !streams.contains_key(&file.path) {
            let read = file.read(sources)?;
            streams.insert(file.path, read);
        }
    }
    Ok(streams)
}

/// Fails if no file is named and the default one can't exist, whatever the environment is.
fn refuse_missing_default(sources: EnvFileSources<'_>) -> Result<(), Error> {
    let is_named = !sources.flags.is_empty() || sources.config.is_some_and(Config::names_env_files);
    let base = sources.default_directory();
    let main = sources.main_directory();
    let has_file = || files::has_env_file(base) || main.is_some_and(|main| files::has_env_file(&main));
    if is_named || has_file() || sources.is_declared()? { Ok(()) } else { Err(sources.no_file()) }
}

/// Fails if a run without a file has nothing to check, whatever the services are.
fn refuse_undeclared(sources: EnvFileSources<'_>) -> Result<(), Error> {
    let names_files = sources.config.is_some_and(Config::names_env_files);
    if names_files || sources.is_declared()? { Ok(()) } else { Err(nothing_declared()) }
}

/// Returns the error for `--no-env-file` if no key is declared.
pub(crate) fn nothing_declared() -> Error {
    Error::Usage {
        what: "nothing to check with --no-env-file".to_owned(),
        cause: Some("no [[require]] and no .env.example declares the keys that Railway needs".to_owned()),
        help:
            "declare them in a .env.example, or with [[require]] in doctor.toml; or pass a file with `--env-file PATH`"
                .into(),
    }
}

/// Returns the aliases of the services whose files are read in any case; `None` stands for services without an alias.
fn certain_aliases<'s>(sources: EnvFileSources<'s>, services: &[String]) -> Vec<Option<&'s str>> {
    let config = sources.config.filter(|config| sources.flags.is_empty() && !config.services.is_empty());
    let Some(config) = config else { return vec![None] };
    let has_own_files = config.services.values().any(|service| service.env_file.is_some());
    match (services.is_empty(), has_own_files) {
        (true, _) => config.services.keys().map(|alias| Some(alias.as_str())).collect(),
        (false, false) => vec![None],
        // Which services the flags select is known only after Railway's response.
        (false, true) => Vec::new(),
    }
}

/// Returns whether the files of the service are known, although only the text that selects the environment is.
fn is_certain(sources: EnvFileSources<'_>, alias: Option<&str>) -> bool {
    let Some(config) = sources.config.filter(|_| sources.flags.is_empty()) else {
        return !sources.flags.is_empty() || has_only_default(sources);
    };
    let service = alias.and_then(|alias| config.services.get(alias));
    let has_own_files = service.is_some_and(|service| service.env_file.is_some());
    let environment = config.environments.get(&sources.environment.name);
    let is_named_here = environment.is_some_and(|section| section.env_file.is_some());
    let is_named_elsewhere = config.environments.values().any(|section| section.env_file.is_some());
    has_own_files || is_named_here || (!is_named_elsewhere && (config.env_file.is_some() || has_only_default(sources)))
}

/// Returns whether no file where the default file is may be the one of the environment.
fn has_only_default(sources: EnvFileSources<'_>) -> bool {
    let directories = [Some(sources.default_directory().to_owned()), sources.main_directory()];
    let mut names = directories.iter().flatten().flat_map(|directory| files::env_files(directory));
    names.all(|path| path.ends_with(".env") || path.ends_with(".env.local"))
}

/// Returns the name of a file that was read and can't be read again.
fn known_stream<'a>(ahead: &'a ReadAhead, path: &Path) -> Option<&'a Path> {
    let is_same = |known: &Path| known == path || files::is_same(known, path);
    let streams = ahead.iter().filter(|(_, file)| file.place.access == ReadAccess::Once);
    streams.map(|(known, _)| known.as_path()).find(|known| is_same(known))
}

fn read_twice(path: &Path, known: &Path, directory: &Path) -> Error {
    let [name, known] = [path, known].map(|path| files::name_of(path, directory));
    let cause =
        if name == known { format!("{name} can be read only once") } else { format!("it is the same as {known}") };
    Error::Usage {
        what: format!("{name} is passed twice with --env-file"),
        cause: Some(cause),
        help: "pass it once".into(),
    }
}
