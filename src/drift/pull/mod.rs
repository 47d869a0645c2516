//! Plans a new `.env`: which keys get their value from Railway, and which are left to the user, and why.

mod key_decision;
mod left_reason;
mod new_file;
mod template_lines;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::drift::dotenv::LocalFile;
use crate::drift::pull::key_decision::{KeyDecider, KeyDecision, holders};
pub use crate::drift::pull::left_reason::LeftReason;
use crate::drift::pull::new_file::{NewFile, NewText};
use crate::drift::{Secret, Survey};

/// The contents of a new `.env`.
#[derive(Debug)]
pub struct PullPlan {
    /// The whole text.
    pub text: Secret,
    /// The keys that get their value from Railway, in the order of the file.
    pub pulled: Vec<PulledKey>,
    /// The keys that are left to the user, in the order of the template, or sorted.
    pub left: Vec<LeftKey>,
    /// The keys on Railway that the template lacks, sorted.
    pub unlisted: Vec<String>,
    /// The 1-based numbers of the template's lines that are comments in the new file, because they are neither
    /// assignments nor comments. `sh` would run them.
    pub commented: Vec<usize>,
}

/// A key that gets its value from Railway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledKey {
    pub key: String,
    pub origin: PullOrigin,
}

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PullOrigin {
    /// The names of the services that have the key, sorted.
    pub services: Vec<String>,
    /// Where these keep the value.
    pub source: PullSource,
}

/// Where the value of a service's variable is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PullSource {
    /// On the service itself.
    Own,
    /// In shared variables, which it references.
    Shared,
    /// On these services, which it references.
    Services(BTreeSet<String>),
}

/// A key that is left to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftKey {
    pub key: String,
    /// The names of the services that the reason is about.
    pub services: Vec<String>,
    pub reason: LeftReason,
}

/// A key and the value that it gets.
struct PulledValue {
    pulled: PulledKey,
    value: Secret,
}

/// Plans the contents of the survey's first file, which does not exist yet: it has the text of the template with that
/// name, or no text without one. Every service in scope must be readable.
pub fn plan(survey: &Survey, template: Option<&str>) -> PullPlan {
    let file = &survey.files[0];
    let holders = holders(survey);
    let decider = KeyDecider { survey, holders: &holders, file, has_template: template.is_some() };
    let (mut values, mut left) = (Vec::new(), Vec::new());
    for key in keys(survey, file, template) {
        match decider.decide(&key) {
            KeyDecision::Pull { value, origin } => {
                values.push(PulledValue { pulled: PulledKey { key, origin }, value: value.clone() });
            }
            KeyDecision::Leave { services, reason } => left.push(LeftKey { key, services, reason }),
            KeyDecision::Keep => {}
        }
    }
    let place = |key: &str| file.entry(key).map(|entry| entry.line);
    let new_file = NewFile { survey, file, has_template: template.is_some() };
    let NewText { text, pulled, commented } = new_file.text(values, &mut left);
    left.sort_by(|one, other| (place(&one.key), &one.key).cmp(&(place(&other.key), &other.key)));
    let unlisted = if template.is_some() { unlisted(survey, file) } else { Vec::new() };
    PullPlan { text, pulled, left, unlisted, commented }
}

/// Returns the keys of the template in its order, or without one every key of the services in scope, sorted.
fn keys(survey: &Survey, file: &LocalFile, template: Option<&str>) -> Vec<String> {
    if template.is_none() {
        return stored_keys(survey).into_iter().map(str::to_owned).collect();
    }
    let mut keys: Vec<(usize, &str)> =
        file.keys().filter_map(|key| Some((file.entry(key)?.key_span.start, key))).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, key)| key.to_owned()).collect()
}

/// Returns the keys of the services in scope, without those that configure Railway itself.
fn stored_keys(survey: &Survey) -> BTreeSet<&str> {
    let keys = survey.readable().flat_map(|target| target.stored.iter().flatten()).map(|(key, _)| key.as_str());
    keys.filter(|key| !key.starts_with("RAILWAY_")).collect()
}

fn unlisted(survey: &Survey, template: &LocalFile) -> Vec<String> {
    let missing = stored_keys(survey).into_iter().filter(|key| template.entry(key).is_none());
    missing.map(str::to_owned).collect()
}
