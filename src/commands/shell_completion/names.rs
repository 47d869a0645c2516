//! The names that flags take, from `doctor.toml`, env files, rules, commands, and the working directory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Command, CommandFactory};
use clap_complete::engine::CompletionCandidate;

use crate::cli::Cli;
use crate::commands::config_file;
use crate::commands::env_files::{EnvFileSources, EnvFiles, ReadAhead};
use crate::commands::missing_file::MissingFile;
use crate::commands::shell_completion::partial_line::PartialLine;
use crate::drift::ResourceRef;
use crate::drift::dotenv::LocalFile;
use crate::drift::rules::RULES;
use crate::io::config::Config;
use crate::io::files::{beginning, is_plain};
use crate::io::git::GitClient;

/// The variables with a token that every command reads.
const DEFAULT_TOKENS: [&str; 2] = ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN"];

/// The usual arguments of `--generate`.
const GENERATORS: [&str; 5] = ["hex:32", "base64:32", "base64url:32", "alnum:40", "uuid"];

/// The sources of names. Files are read only if a flag needs them.
#[derive(Debug)]
pub(super) struct CompletionNames {
    /// The incomplete line.
    pub(super) typed: PartialLine,
    /// The working directory.
    pub(super) folder: PathBuf,
    /// The names of the environment variables.
    pub(super) variables: Vec<String>,
}

impl CompletionNames {
    /// Returns the keys of the files that the line selects.
    pub(super) fn keys(&self) -> Vec<CompletionCandidate> {
        if self.typed.is_demo {
            return Vec::new();
        }
        let config = self.config();
        let declared = config.as_ref().and_then(|config| config.environment.as_ref()).map(|at| at.value.clone());
        let name = self.typed.environment.clone().or(declared).unwrap_or_default();
        let sources = EnvFileSources {
            flags: &self.typed.env_files,
            config: config.as_ref(),
            folder: &self.folder,
            environment: &ResourceRef { id: name.clone(), name },
            absent: MissingFile::Empty,
            git: &GitClient::new(&BTreeMap::new()),
            // A stream can be read only once, and must be left for the command.
            read_timeout: Duration::ZERO,
            ahead: &ReadAhead::default(),
        };
        let mut layers = EnvFiles::default();
        for alias in self.aliases(config.as_ref()) {
            // An unreadable file has no candidates.
            drop(layers.of(sources, alias));
        }
        plain(layers.files.iter().flat_map(LocalFile::keys))
    }

    /// Returns the services in `doctor.toml`, by alias and by name.
    pub(super) fn services(&self) -> Vec<CompletionCandidate> {
        let config = self.config();
        let sections = config.iter().flat_map(|config| &config.services);
        plain(sections.flat_map(|(alias, section)| [alias.as_str(), section.name.value.as_str()]))
    }

    /// Returns the environments in `doctor.toml`.
    pub(super) fn environments(&self) -> Vec<CompletionCandidate> {
        plain(self.environment_names().iter().map(String::as_str))
    }

    /// Returns the environments in `doctor.toml` that the line does not compare.
    pub(super) fn other_environments(&self) -> Vec<CompletionCandidate> {
        let names = self.environment_names();
        plain(names.iter().filter(|name| !self.typed.compared.contains(name)).map(String::as_str))
    }

    /// Returns `ENVIRONMENT=VARIABLE` for each environment that the line compares and each variable whose name suggests
    /// a token; `ENVIRONMENT=` if there is no such variable.
    pub(super) fn tokens(&self) -> Vec<CompletionCandidate> {
        let is_token =
            |name: &&String| name.contains("TOKEN") && is_plain(name) && !DEFAULT_TOKENS.contains(&name.as_str());
        let mut variables: Vec<&str> = self.variables.iter().filter(is_token).map(String::as_str).collect();
        if variables.is_empty() {
            variables.push("");
        }
        let environments = self.typed.compared.iter().filter(|name| is_plain(name));
        let arguments =
            environments.flat_map(|name| variables.iter().map(move |variable| format!("{name}={variable}")));
        arguments.map(CompletionCandidate::new).collect()
    }

    fn environment_names(&self) -> Vec<String> {
        let Some(config) = self.config() else { return Vec::new() };
        config.environment.into_iter().map(|at| at.value).chain(config.environments.into_keys()).collect()
    }

    /// Returns the rules with their summaries.
    #[expect(clippy::unused_self, reason = "all sources of names have the same signature")]
    pub(super) fn rules(&self) -> Vec<CompletionCandidate> {
        RULES.iter().map(|rule| CompletionCandidate::new(rule.name).help(Some(rule.summary.into()))).collect()
    }

    /// Returns the usual lengths of generated values, in the order of `--help`.
    #[expect(clippy::unused_self, reason = "all sources of names have the same signature")]
    pub(super) fn generators(&self) -> Vec<CompletionCandidate> {
        GENERATORS.iter().map(CompletionCandidate::new).collect()
    }

    /// Returns the commands that have a man page, below those that the line names.
    pub(super) fn verbs(&self) -> Vec<CompletionCandidate> {
        let mut command = Cli::command();
        for word in &self.typed.verbs {
            let Some(found) = command.find_subcommand(word).cloned() else { return Vec::new() };
            command = found;
        }
        let candidate = |verb: &Command| CompletionCandidate::new(verb.get_name()).help(verb.get_about().cloned());
        command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(candidate).collect()
    }

    /// Returns files and directories.
    pub(super) fn files(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        if self.typed.is_demo { Vec::new() } else { beginning(typed, &self.folder) }
    }

    fn config(&self) -> Option<Config> {
        if self.typed.is_demo { None } else { config_file::load(&self.typed.config, &self.folder).ok().flatten() }
    }

    /// Returns the aliases of the services that the line selects, or else all aliases.
    fn aliases<'c>(&self, config: Option<&'c Config>) -> Vec<Option<&'c str>> {
        let sections = || config.into_iter().flat_map(|config| &config.services);
        let is_named =
            |alias: &String, name: &String| self.typed.services.iter().any(|service| [alias, name].contains(&service));
        let named = sections().filter(|(alias, section)| is_named(alias, &section.name.value));
        let named: Vec<_> = named.map(|(alias, _)| Some(alias.as_str())).collect();
        let all: Vec<_> = sections().map(|(alias, _)| Some(alias.as_str())).collect();
        [named, all].into_iter().find(|aliases| !aliases.is_empty()).unwrap_or_else(|| vec![None])
    }
}

/// Returns the distinct names in order, without those that a shell would need to quote.
fn plain<'n>(names: impl Iterator<Item = &'n str>) -> Vec<CompletionCandidate> {
    let names: BTreeSet<&str> = names.filter(|name| is_plain(name)).collect();
    names.into_iter().map(CompletionCandidate::new).collect()
}
