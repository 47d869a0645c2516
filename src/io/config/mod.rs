//! The settings of `doctor.toml`, with their positions in the file.
//!
//! The file is part of an untrusted checkout: it can't set addresses, tokens or commands, and its paths stay inside the
//! repository.

mod append_ignore;
mod append_sections;
mod baseline;
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
use crate::error::{Error, Help};
pub use crate::io::config::append_ignore::{NewIgnore, with_ignore};
pub use crate::io::config::append_sections::{ExtendedConfig, with_sections};
pub use crate::io::config::baseline::{baseline_text, read_baseline, refuse_large_baseline};
pub use crate::io::config::find::{ConfigChoice, load, nearest};
pub use crate::io::config::inside::resolve_inside;
pub use crate::io::config::new_file::{ConfigLocation, generate};
pub use crate::io::config::trusted_parts::{Digest, TrustedParts};

/// The code and the name of a rule: `("D103", "value-differs")`.
pub type RuleName = (&'static str, &'static str);

/// A setting of `doctor.toml` and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    pub value: T,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}

/// The settings of one `doctor.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The absolute path of the file.
    pub path: PathBuf,
    /// The path as a user would type it from the working directory.
    pub name: String,
    /// The directory that its paths must not leave: the root of the repository, or the file's directory outside one.
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
    /// `[[across]]`, in the order of the file.
    pub across: Vec<AcrossSection>,
    /// `[[ignore]]`, in the order of the file.
    pub ignore: Vec<IgnoreSection>,
    /// `[severity]`: rule name → severity; `None` is `"off"`.
    pub severity: BTreeMap<String, Option<Severity>>,
    /// The 1-based lines of `[severity]`, by rule name.
    pub severity_lines: BTreeMap<String, usize>,
    /// `[[expect.log]]`, in the order of the file.
    pub expect_log: Vec<LogSection>,
    /// `[[expect.http]]`, in the order of the file.
    pub expect_http: Vec<HttpSection>,
    /// `[hook]`'s `on-drift`.
    pub on_drift: Option<OnDrift>,
    /// `[pull]`'s `allow`.
    pub allow_pull: Option<At<bool>>,
}

/// `loader`: the library that the program uses to load its `.env`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoaderSetting {
    /// Rust's dotenvy.
    Dotenvy,
    /// python-dotenv.
    Python,
    /// node's dotenv.
    Node,
}

/// `fail-on`: the lowest severity that makes a check fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOnSetting {
    /// That severity and higher ones.
    Severity(Severity),
    Never,
}

/// `[environments.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvironmentSection {
    /// The name or id of the environment.
    pub name: At<String>,
    pub env_file: Option<Vec<At<String>>>,
    pub protected: Option<bool>,
}

/// `[services.ALIAS]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSection {
    /// `name`: the service's name or id on Railway. Defaults to the alias.
    pub name: At<String>,
    pub env_file: Option<Vec<At<String>>>,
    pub start_command_contains: Vec<At<String>>,
    /// `commit`: hexadecimal digits, or `HEAD`.
    pub commit: Option<At<String>>,
}

/// `[[require]]`: keys that must be set, and equal everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct RequireSection {
    /// The 1-based line where the section starts.
    pub line: usize,
    /// Exact names; never empty.
    pub keys: Vec<At<String>>,
    /// Aliases or names, not resolved yet; empty means every service in scope.
    pub services: Vec<At<String>>,
}

/// `[[across]]`: what must hold for keys in two environments.
#[derive(Clone, Debug, PartialEq)]
pub struct AcrossSection {
    /// The 1-based line where the section starts.
    pub line: usize,
    /// Exact names; never empty.
    pub keys: Vec<At<String>>,
    pub must: MustSetting,
}

/// `[[across]]`'s `must`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MustSetting {
    /// The values are equal.
    Agree,
    /// The values are different.
    Differ,
    /// Both environments have the key.
    Exist,
}

/// `[[ignore]]`: expected differences.
#[derive(Clone, Debug, PartialEq)]
pub struct IgnoreSection {
    /// The 1-based line where the section starts.
    pub line: usize,
    /// Names or patterns with `*` and `?`; never empty.
    pub keys: Vec<At<String>>,
    /// Aliases or names, not resolved yet; empty means all.
    pub services: Vec<At<String>>,
    /// Names or ids, not resolved yet; empty means all.
    pub environments: Vec<At<String>>,
    /// Names of rules, even if the file uses codes; empty means all.
    pub rules: Vec<String>,
    /// Never empty.
    pub reason: String,
    /// The last day on which it applies.
    pub until: Option<Date>,
}

/// `[[expect.log]]`: a line that must be in the running deployment's log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSection {
    /// An alias or a name, not resolved yet.
    pub service: At<String>,
    /// A substring of the line; never empty.
    pub contains: String,
    /// How long after its start a new deployment may take to log it.
    pub within: Option<Duration>,
}

/// `[[expect.http]]`: a request to a domain of the service, and the expected response.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSection {
    /// An alias or a name, not resolved yet.
    pub service: At<String>,
    /// In upper case, such as `GET`.
    pub method: String,
    /// Path and query; starts with exactly one `/`.
    pub path: String,
    /// Whether methods other than `GET` and `HEAD` are allowed.
    pub allow_effects: Option<bool>,
    /// Lower-case header names and their values.
    pub headers: BTreeMap<String, Vec<HeaderPart>>,
    /// The expected status.
    pub status: Option<u16>,
    /// JSON pointer → expected value.
    pub json: BTreeMap<String, JsonPresence>,
}

/// A part of a header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderPart {
    /// Sent literally. It may be a credential that does not belong in the file, so it is never shown.
    Text(Secret),
    /// `$KEY`: the service's local value of the key.
    Key(String),
}

/// The expected value at a pointer in a JSON response.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonPresence {
    /// Something other than null.
    Present,
    Absent,
    /// Exactly this string.
    Text(String),
    /// Exactly this whole number.
    Integer(i64),
    /// Exactly this number.
    Float(f64),
    Boolean(bool),
}

/// `[hook]`'s `on-drift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDrift {
    /// The commit passes.
    Warn,
    /// The commit is blocked.
    Fail,
}

impl FailOnSetting {
    /// Returns the severity as reports have it: `None` is never.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Severity(severity) => Some(severity),
            Self::Never => None,
        }
    }
}

impl Config {
    /// Returns the directory that its paths are relative to.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.root)
    }

    /// Returns every env file that it names.
    pub fn env_files(&self) -> impl Iterator<Item = &At<String>> {
        let services = self.services.values().filter_map(|section| section.env_file.as_ref());
        let environments = self.environments.values().filter_map(|section| section.env_file.as_ref());
        self.env_file.iter().chain(services).chain(environments).flatten()
    }

    /// Returns whether it selects env files, even by an empty list.
    pub fn names_env_files(&self) -> bool {
        let services = self.services.values().map(|section| &section.env_file);
        let environments = self.environments.values().map(|section| &section.env_file);
        services.chain(environments).chain([&self.env_file]).any(Option::is_some)
    }

    /// Resolves a path of the file to an absolute one. It is an error, at the position of the path, if that is outside
    /// [`Config::root`].
    pub fn file(&self, path: &At<String>) -> Result<PathBuf, Error> {
        inside::follow(&self.root, self.folder(), Path::new(&path.value))
            .map_err(|why| self.fault(path, format!("path not allowed: {why}"), "use a path inside the repository"))
    }

    /// Returns an error at the position of a setting.
    pub fn fault<T>(&self, at: &At<T>, what: impl Into<String>, help: impl Into<Help>) -> Error {
        Error::Config {
            path: self.name.as_str().into(),
            line: at.line,
            column: at.column,
            what: what.into(),
            help: help.into(),
        }
    }
}
