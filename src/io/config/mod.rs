//! `doctor.toml`: what it may say, typed, and where it said it.
//!
//! It is part of a checkout that nobody has looked at: it can't set addresses, tokens or commands, and its paths stay
//! inside the repository.

mod append_ignore;
mod expectations;
mod find;
mod inside;
mod new_file;
mod position;
mod sections;
mod table;
#[cfg(test)]
mod tests;
mod toml_text;
mod trusted_parts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use crate::drift::{Secret, Severity};
use crate::error::Error;
pub use crate::io::config::append_ignore::{NewIgnore, with_ignore};
pub use crate::io::config::find::{ConfigChoice, load, nearest};
pub use crate::io::config::inside::inside;
pub use crate::io::config::new_file::{ConfigLocation, fresh};
pub use crate::io::config::trusted_parts::{Digest, TrustedParts};

/// The code and the name of a rule: `("D103", "value-differs")`.
pub type RuleName = (&'static str, &'static str);

/// Something that `doctor.toml` says, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// What it says.
    pub value: T,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}

/// A whole `doctor.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file, absolute.
    pub path: PathBuf,
    /// The file as a person would type it from the working folder.
    pub name: String,
    /// The folder that its paths must not leave: the root of the repository, or else its own.
    pub root: PathBuf,
    /// `project`: an id or a name.
    pub project: Option<At<String>>,
    /// `environment`: an id or a name.
    pub environment: Option<At<String>>,
    /// `env-file`: layers, later ones win; see [`Config::file`].
    pub env_file: Option<Vec<At<String>>>,
    pub loader: Option<LoaderSetting>,
    pub fail_on: Option<FailOnSetting>,
    /// `[environments.NAME]`, by the name or id of the environment.
    pub environments: BTreeMap<String, EnvironmentSection>,
    /// `[services.ALIAS]`, by alias.
    pub services: BTreeMap<String, ServiceSection>,
    /// `[[require]]`, in the order of the file.
    pub require: Vec<RequireSection>,
    /// `[[ignore]]`, in the order of the file.
    pub ignore: Vec<IgnoreSection>,
    /// `[severity]`: rule name → what it is to be; `None` is `"off"`.
    pub severity: BTreeMap<String, Option<Severity>>,
    /// The lines of `[severity]`, by the same names; 1-based.
    pub severity_lines: BTreeMap<String, usize>,
    /// `[[expect.log]]`, in the order of the file.
    pub expect_log: Vec<LogSection>,
    /// `[[expect.http]]`, in the order of the file.
    pub expect_http: Vec<HttpSection>,
    /// `[hook]`'s `on-drift`.
    pub on_drift: Option<OnDrift>,
}

/// `loader`: which library the program reads its `.env` with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoaderSetting {
    /// Rust's dotenvy.
    Dotenvy,
    /// python-dotenv.
    Python,
    /// node's dotenv.
    Node,
}

/// `fail-on`: the least severity that is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOnSetting {
    /// That severity, and worse.
    Severity(Severity),
    Never,
}

/// `[environments.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvironmentSection {
    /// Where the section starts; 1-based line.
    pub line: usize,
    pub env_file: Option<Vec<At<String>>>,
    pub protected: Option<bool>,
}

/// `[services.ALIAS]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSection {
    /// `name`: the service's name or id on Railway; the alias where it is left out.
    pub name: At<String>,
    pub env_file: Option<Vec<At<String>>>,
    pub start_command_contains: Vec<At<String>>,
    /// `commit`: hexadecimal digits, or `HEAD`.
    pub commit: Option<At<String>>,
}

/// `[[require]]`: keys that must be there, and equal everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct RequireSection {
    /// Where the section starts; 1-based line.
    pub line: usize,
    /// Exact names; never empty.
    pub keys: Vec<At<String>>,
    /// Aliases or names, not looked up yet; empty means every service in scope.
    pub services: Vec<At<String>>,
}

/// `[[ignore]]`: differences that are meant to be.
#[derive(Clone, Debug, PartialEq)]
pub struct IgnoreSection {
    /// Where the section starts; 1-based line.
    pub line: usize,
    /// Patterns of `*` and `?`; never empty.
    pub keys: Vec<At<String>>,
    /// Aliases or names, not looked up yet; empty means all.
    pub services: Vec<At<String>>,
    /// Names or ids, not looked up yet; empty means all.
    pub environments: Vec<At<String>>,
    /// Names of rules, also where the file gives a code; empty means all.
    pub rules: Vec<String>,
    /// Why; never empty.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
}

/// `[[expect.log]]`: a line that the running deployment's log must have.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSection {
    /// An alias or a name, not looked up yet.
    pub service: At<String>,
    /// A part of the line; never empty.
    pub contains: String,
    /// How long a fresh deployment has for it.
    pub within: Option<Duration>,
}

/// `[[expect.http]]`: a request to a domain of the service, and what must come back.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSection {
    /// An alias or a name, not looked up yet.
    pub service: At<String>,
    /// `GET`; in capital letters.
    pub method: String,
    /// Path and query; starts with exactly one `/`.
    pub path: String,
    /// Whether a method other than `GET` and `HEAD` is meant.
    pub allow_effects: Option<bool>,
    /// Header names, lower-case, and what to send in them.
    pub headers: BTreeMap<String, Vec<HeaderPart>>,
    /// The status that must come back.
    pub status: Option<u16>,
    /// JSON pointer → what must be there.
    pub json: BTreeMap<String, JsonPresence>,
}

/// A piece of a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderPart {
    /// As it is sent. It may be a credential that does not belong into a file, so it is never shown.
    Text(Secret),
    /// `$KEY`: the local value of a key of that service.
    Key(String),
}

/// What must be at a place of a JSON answer.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonPresence {
    /// Something other than null.
    Present,
    Absent,
    /// Exactly this text.
    Text(String),
    /// Exactly this whole number.
    Integer(i64),
    /// Exactly this number.
    Float(f64),
    /// Exactly this.
    Boolean(bool),
}

/// `[hook]`'s `on-drift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDrift {
    /// The commit passes.
    Warn,
    /// The commit is stopped.
    Fail,
}

impl FailOnSetting {
    /// As a report has it: `None` is never.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Severity(severity) => Some(severity),
            Self::Never => None,
        }
    }
}

impl Config {
    /// Returns the folder that its paths start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.root)
    }

    /// Returns every file of variables that it names.
    pub fn env_files(&self) -> impl Iterator<Item = &At<String>> {
        let services = self.services.values().filter_map(|section| section.env_file.as_ref());
        let environments = self.environments.values().filter_map(|section| section.env_file.as_ref());
        self.env_file.iter().chain(services).chain(environments).flatten()
    }

    /// Returns whether it says which files of variables are used, also by an empty list.
    pub fn names_env_files(&self) -> bool {
        let services = self.services.values().map(|section| &section.env_file);
        let environments = self.environments.values().map(|section| &section.env_file);
        services.chain(environments).chain([&self.env_file]).any(Option::is_some)
    }

    /// Returns where a path that it names leads, absolute; an error at that path's place if it leads out of
    /// [`Config::root`].
    pub fn file(&self, path: &At<String>) -> Result<PathBuf, Error> {
        inside::follow(&self.root, self.folder(), Path::new(&path.value)).map_err(|why| {
            self.fault(path, format!("this path can't be used: {why}"), "name a file inside the repository")
        })
    }

    /// Returns an error about something that it says, at its place.
    pub fn fault<T>(&self, at: &At<T>, what: impl Into<String>, next: impl Into<String>) -> Error {
        Error::Config {
            path: self.name.clone(),
            line: at.line,
            column: at.column,
            what: what.into(),
            help: next.into(),
        }
    }
}
