//! Checks the keys that a flag names: each must exist.

use std::collections::BTreeSet;

use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::pasted_fragment::is_name;
use crate::drift::similarity::close_matches;
use crate::drift::{Survey, phrases, system_variables};
use crate::error::Error;
use crate::report::shell_command;

/// A flag and the keys that it names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyFlag<'k> {
    /// `--only`.
    pub(crate) flag: &'static str,
    /// What was typed.
    pub(crate) keys: &'k [String],
}

impl KeyFlag<'_> {
    /// Refuses `KEY=VALUE` before anything is read, and does not repeat the value.
    pub(crate) fn refuse_values(self) -> Result<(), Error> {
        let Some((key, _)) = self.keys.iter().find_map(|typed| typed.split_once('=')) else { return Ok(()) };
        let key = if is_name(key) && !key.is_empty() { key } else { "KEY" };
        Err(Error::Flag {
            flag: self.flag,
            value: format!("{key}=…"),
            cause: "it takes the name of a key; a value on the command line stays in the shell's history".to_owned(),
            help: format!("leave the value out: `{}`", self.typed(key)),
        })
    }

    /// Refuses a key that neither a file nor a service in scope has, and that nothing declares.
    pub(crate) fn refuse_unknown(self, survey: &Survey) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let known = known(survey);
        let mut unknown: Vec<&str> = self.keys.iter().map(String::as_str).filter(|key| !known.contains(key)).collect();
        unknown.dedup();
        if unknown.is_empty() { Ok(()) } else { Err(self.unknown(&unknown, &known, survey)) }
    }

    fn unknown(self, unknown: &[&str], known: &BTreeSet<&str>, survey: &Survey) -> Error {
        // What is no name may be a value that was typed in its place.
        let named: Vec<&str> = unknown.iter().copied().filter(|key| is_name(key)).collect();
        let what = match (named.len(), unknown.len()) {
            (0, _) => format!("what was given to {} is not a known key", self.flag),
            (1, 1) => format!("unknown key {}", named[0]),
            _ => format!("unknown keys {}", phrases::names(&named)),
        };
        let files: Vec<&str> = survey.files.iter().map(|file| file.name.as_str()).collect();
        let is_system = |key: &&str| system_variables::is_provided(key) || system_variables::is_set_by_tracing(key);
        let why = match files.as_slice() {
            _ if !named.is_empty() && named.iter().all(is_system) => {
                format!("Railway sets {}; such variables are not compared", phrases::names(&named))
            }
            [] => "no service in scope has it".to_owned(),
            files => format!("neither {} nor a service in scope has it", phrases::names(files)),
        };
        let meant: Vec<String> =
            named.iter().filter_map(|key| likely(key, known)).map(|key| self.typed(&key)).collect();
        let holder = named.iter().find_map(|key| holder(key, survey));
        let next = match (meant.as_slice(), holder) {
            ([], Some(service)) => {
                let flag = shell_command::line(&[format!("--service={service}")]);
                format!("service {service} has it and is not in scope: add `{flag}`")
            }
            ([], None) => "`doctor matrix` lists the keys".to_owned(),
            (meant, _) => format!("did you mean `{}`?", meant.join(" ")),
        };
        Error::UnknownKey { what, cause: why, help: next }
    }

    /// The flag with a key, as a shell takes it.
    fn typed(self, key: &str) -> String {
        shell_command::line(&[format!("{}={key}", self.flag)])
    }
}

/// Every key of the files and services in scope, and every one that is declared.
fn known(survey: &Survey) -> BTreeSet<&str> {
    let mut known: BTreeSet<&str> = survey.files.iter().flat_map(LocalFile::keys).collect();
    known.extend(survey.examples.iter().flat_map(|example| example.file.keys()));
    known.extend(survey.catalogue.shared.iter().map(String::as_str));
    known.extend(survey.policy.require.iter().flat_map(|require| &require.keys).map(String::as_str));
    for target in &survey.targets {
        known.extend(target.stored.iter().flat_map(|stored| stored.keys()).map(String::as_str));
        let names = survey.catalogue.services.get(&target.service.name);
        known.extend(names.into_iter().flatten().map(String::as_str));
    }
    known
}

/// The known key that was probably meant.
fn likely(typed: &str, known: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<&str> = known.iter().copied().filter(|name| is_name(name)).collect();
    if let Some(same) = names.iter().find(|name| name.eq_ignore_ascii_case(typed)) {
        return Some((*same).to_owned());
    }
    let closest = |typed: &str| close_matches(typed, &names, 1, 0.6).pop();
    closest(typed).or_else(|| closest(&typed.to_uppercase()))
}

/// A service out of scope that has the key.
fn holder<'s>(key: &str, survey: &'s Survey) -> Option<&'s str> {
    let in_scope = |name: &str| survey.targets.iter().any(|target| target.service.name == name);
    let mut services = survey.catalogue.services.iter();
    services.find(|(name, keys)| keys.contains(key) && !in_scope(name)).map(|(name, _)| name.as_str())
}
