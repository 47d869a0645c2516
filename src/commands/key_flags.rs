//! Checks that the keys that a flag names exist.

use std::collections::BTreeSet;

use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::pasted_fragment::is_name;
use crate::drift::similarity::close_matches;
use crate::drift::{Survey, phrases, system_variables};
use crate::error::{Error, Help};
use crate::report::shell_command;

/// A flag and the keys that it names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyFlag<'k> {
    /// `--only`.
    pub(crate) flag: &'static str,
    /// Its values.
    pub(crate) keys: &'k [String],
}

impl KeyFlag<'_> {
    /// Refuses an empty key, and `KEY=VALUE`, before any file is read. The error does not contain the value.
    pub(crate) fn refuse_values(self) -> Result<(), Error> {
        if self.keys.iter().any(String::is_empty) {
            return Err(Error::Usage {
                what: format!("invalid {}: expected the name of a key, got an empty text", self.flag),
                cause: None,
                help: format!("pass a key as `{}=KEY`, or leave {} out", self.flag, self.flag).into(),
            });
        }
        let Some((key, _)) = self.keys.iter().find_map(|argument| argument.split_once('=')) else { return Ok(()) };
        let key = if is_name(key) && !key.is_empty() { key } else { "KEY" };
        Err(Error::Usage {
            what: format!("invalid {} `{key}=…`: expected the name of a key", self.flag),
            cause: Some("a value on the command line would stay in the shell history".to_owned()),
            help: format!("pass the key alone: `{}`", self.argument(key)).into(),
        })
    }

    /// Refuses a key that no file, no service in scope and no declaration has. `matrix` is the command that lists the keys.
    pub(crate) fn refuse_unknown(self, survey: &Survey, matrix: &str) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let known = known(survey);
        let mut unknown: Vec<&str> = self.keys.iter().map(String::as_str).filter(|key| !known.contains(key)).collect();
        unknown.dedup();
        if unknown.is_empty() { Ok(()) } else { Err(self.unknown(&unknown, &known, survey, matrix)) }
    }

    fn unknown(self, unknown: &[&str], known: &BTreeSet<&str>, survey: &Survey, matrix: &str) -> Error {
        // A text that is not a valid name may be a value, and is not repeated.
        let named: Vec<&str> = unknown.iter().copied().filter(|key| is_name(key)).collect();
        let quoted: Vec<String> = named.iter().map(|key| format!("`{key}`")).collect();
        let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
        let what = match (named.len(), unknown.len()) {
            (0, _) => format!("the argument of {} is not a known key", self.flag),
            (1, 1) => format!("unknown key {}", quoted[0]),
            _ => format!("unknown keys {}", phrases::names(&quoted)),
        };
        let files: Vec<&str> = survey.files.iter().map(|file| file.name.as_str()).collect();
        let is_system = |key: &&str| system_variables::is_provided(key) || system_variables::is_set_by_tracing(key);
        let cause = match files.as_slice() {
            _ if !named.is_empty() && named.iter().all(is_system) => {
                format!("Railway sets {}; such variables are not compared", phrases::names(&named))
            }
            [] => "no service in scope has it".to_owned(),
            files => format!("neither {} nor a service in scope has it", phrases::names(files)),
        };
        let meant: Vec<String> =
            named.iter().filter_map(|key| likely(key, known)).map(|key| self.argument(&key)).collect();
        let holder = named.iter().find_map(|key| holder(key, survey));
        let help = match (meant.as_slice(), holder) {
            ([], Some(service)) => {
                let flag = shell_command::line(&[format!("--service={service}")]);
                format!("service {service} has it, but is not in scope; add `{flag}`").into()
            }
            ([], None) => Help::command("to list the keys, run:", matrix),
            (meant, _) => format!("did you mean `{}`?", meant.join(" ")).into(),
        };
        Error::UnknownKey { what, cause, help }
    }

    /// Returns the flag with a key, quoted for a shell.
    fn argument(self, key: &str) -> String {
        shell_command::line(&[format!("{}={key}", self.flag)])
    }
}

/// Returns the keys of the files, the services in scope, and the declarations.
fn known(survey: &Survey) -> BTreeSet<&str> {
    let mut known: BTreeSet<&str> = survey.files.iter().flat_map(LocalFile::keys).collect();
    known.extend(survey.examples.iter().flat_map(|example| example.file.keys()));
    known.extend(survey.catalogue.shared.iter().map(String::as_str));
    known.extend(survey.policy.require.iter().flat_map(|require| &require.keys).map(String::as_str));
    known.extend(survey.policy.across.keys());
    for target in survey.all_targets() {
        known.extend(target.stored.iter().flat_map(|stored| stored.keys()).map(String::as_str));
        let names = survey.catalogue.services.get(&target.service.name);
        known.extend(names.into_iter().flatten().map(String::as_str));
    }
    known
}

/// Returns the most similar known key.
fn likely(argument: &str, known: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<&str> = known.iter().copied().filter(|name| is_name(name)).collect();
    if let Some(same) = names.iter().find(|name| name.eq_ignore_ascii_case(argument)) {
        return Some((*same).to_owned());
    }
    let closest = |text: &str| close_matches(text, &names, 1, 0.6).pop();
    closest(argument).or_else(|| closest(&argument.to_uppercase()))
}

/// Returns a service outside the scope that has the key.
fn holder<'s>(key: &str, survey: &'s Survey) -> Option<&'s str> {
    let in_scope = |name: &str| survey.targets.iter().any(|target| target.service.name == name);
    let mut services = survey.catalogue.services.iter();
    services.find(|(name, keys)| keys.contains(key) && !in_scope(name)).map(|(name, _)| name.as_str())
}
