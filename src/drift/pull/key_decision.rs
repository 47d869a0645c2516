//! Decides for each key of a new `.env` whether it gets its value from Railway.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{self, ComparisonOutcome, Pair};
use crate::drift::dotenv::{Entry, LocalFile};
use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::plan::proposals::refers;
use crate::drift::process_control_names::is_dangerous_name;
use crate::drift::pull::{LeftReason, PullOrigin, PullSource};
use crate::drift::reference::{self, ReferenceTarget};
use crate::drift::reference_state::{self, ReferenceState};
use crate::drift::survey::Local;
use crate::drift::{Secret, Survey, Target, Variable, system_variables};

/// What happens to a key.
pub(super) enum KeyDecision<'s> {
    /// It gets this value.
    Pull { value: &'s Secret, origin: PullOrigin },
    /// It is left to the user.
    Leave { services: Vec<String>, reason: LeftReason },
    /// It is not on Railway, and the template's value is a real one, which stays.
    Keep,
}

/// Decides about the keys of a file.
#[derive(Clone, Copy)]
pub(super) struct KeyDecider<'s, 'h> {
    pub(super) survey: &'s Survey,
    /// Those of [`holders`].
    pub(super) holders: &'h BTreeMap<&'s str, Vec<Holder<'s>>>,
    /// The template, or a file without text.
    pub(super) file: &'s LocalFile,
    pub(super) has_template: bool,
}

/// A service in scope, and its variable of the key.
pub(super) type Holder<'s> = (&'s Target, &'s Variable);

/// Returns the services in scope that have each key, sorted by name.
pub(super) fn holders(survey: &Survey) -> BTreeMap<&str, Vec<Holder<'_>>> {
    let mut holders: BTreeMap<&str, Vec<Holder<'_>>> = BTreeMap::new();
    let mut targets: Vec<&Target> = survey.readable().collect();
    targets.sort_by(|one, other| one.service.name.cmp(&other.service.name));
    for target in targets {
        for (key, variable) in target.stored.iter().flatten() {
            holders.entry(key).or_default().push((target, variable));
        }
    }
    holders
}

impl<'s> KeyDecider<'s, '_> {
    pub(super) fn decide(self, key: &str) -> KeyDecision<'s> {
        let Some(holders) = self.holders.get(key) else { return self.without_holder(key) };
        let Some((_, first)) = holders.first() else { return self.without_holder(key) };
        let reason = left_by_name(key).or_else(|| self.left_by_variables(holders));
        if let Some((services, reason)) = reason {
            return KeyDecision::Leave { services, reason };
        }
        // `left_by_variables` returns a reason for an unknown value.
        let Some(value) = first.effective() else {
            return KeyDecision::Leave { services: names(holders), reason: LeftReason::Unavailable };
        };
        match self.left_by_value(key, value, holders) {
            Some(reason) => KeyDecision::Leave { services: names(holders), reason },
            None => KeyDecision::Pull { value, origin: self.origin(holders) },
        }
    }

    /// Decides about a key of the template that no service in scope has.
    fn without_holder(self, key: &str) -> KeyDecision<'s> {
        if is_dangerous_name(key) && !system_variables::is_provided(key) {
            return KeyDecision::Leave { services: Vec::new(), reason: LeftReason::ProcessControl };
        }
        let value = self.file.entry(key).map(|entry| &entry.value);
        if value.is_some_and(|value| !value.expose().is_empty() && !self.survey.is_unset(key, value)) {
            return KeyDecision::Keep;
        }
        let catalogue = &self.survey.catalogue;
        let others = catalogue.services.iter().filter(|(_, keys)| keys.contains(key));
        let services: Vec<String> = others.map(|(name, _)| name.clone()).collect();
        let is_sealed = |name: &String| catalogue.sealed.get(name).is_some_and(|keys| keys.contains(key));
        let reason = if system_variables::is_provided(key) {
            LeftReason::Platform
        } else if !services.is_empty() && services.iter().all(is_sealed) {
            LeftReason::Sealed
        } else if !services.is_empty() {
            LeftReason::OutOfScope
        } else if catalogue.shared.contains(key) {
            LeftReason::SharedOnly
        } else {
            LeftReason::NotOnRailway
        };
        KeyDecision::Leave { services, reason }
    }

    /// Returns why the variables have no common value that can be used, and the services that the reason is about.
    fn left_by_variables(self, holders: &[Holder<'s>]) -> Option<(Vec<String>, LeftReason)> {
        let unusable = |reason: LeftReason| {
            let services: Vec<&Holder<'s>> =
                holders.iter().filter(|holder| self.unusable(holder).as_ref() == Some(&reason)).collect();
            (services.iter().map(|(target, _)| target.service.name.clone()).collect(), reason)
        };
        if let Some(reason) = holders.iter().find_map(|holder| self.unusable(holder)) {
            return Some(unusable(reason));
        }
        let values = holders.iter().filter_map(|(_, variable)| variable.effective());
        let differs = values.clone().zip(values.skip(1)).any(|(one, next)| one != next);
        differs.then(|| (names(holders), LeftReason::Disagree))
    }

    /// Returns why the value of one service is unknown, or is no value that a program can use.
    fn unusable(self, (target, variable): &Holder<'s>) -> Option<LeftReason> {
        match comparison::unknown(self.survey, target, variable) {
            Some(ComparisonOutcome::Indirect) => return Some(LeftReason::Indirect),
            Some(ComparisonOutcome::Sealed) => return Some(LeftReason::Sealed),
            Some(ComparisonOutcome::Dangling) => return Some(LeftReason::Unresolved),
            Some(_) => return Some(LeftReason::Unavailable),
            None => {}
        }
        match variable {
            Variable::Reference { template, rendered: Some(rendered) } => {
                let (template, rendered) = (template.expose(), rendered.expose());
                let states = reference_state::states(template, Some(rendered), target, &self.survey.catalogue);
                let is_missing = states.iter().any(|(_, state)| matches!(state, ReferenceState::Missing(_)));
                let is_left = !reference::occurrences(rendered).is_empty();
                (is_missing || is_left).then_some(LeftReason::Unresolved)
            }
            _ => None,
        }
    }

    /// Returns why the common value of all holders is not written.
    fn left_by_value(self, key: &str, value: &Secret, holders: &[Holder<'s>]) -> Option<LeftReason> {
        let entry = self.file.entry(key);
        if entry.is_some_and(|entry| self.survey.is_indirect(&entry.value)) {
            return Some(LeftReason::Indirect);
        }
        if let Some(kind) = self.expected_difference(key, value, holders) {
            return Some(LeftReason::Expected(kind));
        }
        if has_internal_host(value.expose()) {
            return Some(LeftReason::InternalHost);
        }
        if self.survey.is_unset(key, value) || value.expose().is_empty() {
            return Some(LeftReason::Unset);
        }
        let builds = |entry: &Entry| entry.value != *value && !is_reference(&entry.value) && refers(self.file, key);
        entry.is_some_and(builds).then_some(LeftReason::BuiltFromOthers)
    }

    /// Returns why the template's value should stay, or why a developer's machine needs another one.
    fn expected_difference(self, key: &str, value: &Secret, holders: &[Holder<'s>]) -> Option<ExpectedDifference> {
        let Some(entry) = self.file.entry(key).filter(|entry| !is_reference(&entry.value)) else {
            let is_required = holders.iter().any(|(target, _)| self.survey.requires(target, key));
            let kind = expected_differences::of(key, value);
            return kind.filter(|kind| *kind == ExpectedDifference::Key && !is_required && !self.has_template);
        };
        let local = Local { file: self.file, entry };
        holders.iter().find_map(|&(target, variable)| {
            match (Pair { target, key: &entry.key, variable, local }).verdict(self.survey) {
                ComparisonOutcome::ExpectedDifference(kind) => Some(kind),
                _ => None,
            }
        })
    }

    fn origin(self, holders: &[Holder<'s>]) -> PullOrigin {
        let mut sources: Vec<PullSource> = holders.iter().map(|holder| self.source(holder)).collect();
        sources.dedup();
        // A value that services keep in different places is described by the services alone.
        let source = if sources.len() == 1 { sources.remove(0) } else { PullSource::Own };
        PullOrigin { services: names(holders), source }
    }

    fn source(self, (target, variable): &Holder<'s>) -> PullSource {
        let Some(template) = variable.template() else { return PullSource::Own };
        let (mut services, mut shared) = (BTreeSet::new(), false);
        for occurrence in reference::occurrences(template.expose()) {
            match reference::aim(occurrence.body, &target.service.name, &self.survey.catalogue) {
                Ok(ReferenceTarget::Shared(_)) => shared = true,
                Ok(ReferenceTarget::Variable { service, .. }) if service != target.service.name => {
                    services.insert(service.to_owned());
                }
                Ok(ReferenceTarget::Variable { .. } | ReferenceTarget::Function) | Err(_) => return PullSource::Own,
            }
        }
        match (services.is_empty(), shared) {
            (false, _) => PullSource::Services(services),
            (true, true) => PullSource::Shared,
            (true, false) => PullSource::Own,
        }
    }
}

fn names(holders: &[Holder<'_>]) -> Vec<String> {
    holders.iter().map(|(target, _)| target.service.name.clone()).collect()
}

/// Returns whether the template's value is a reference of Railway, which no program on a developer's machine resolves.
fn is_reference(value: &Secret) -> bool {
    !reference::occurrences(value.expose()).is_empty()
}

/// Returns why a key of that name is never pulled.
fn left_by_name(key: &str) -> Option<(Vec<String>, LeftReason)> {
    let reason = if system_variables::is_provided(key) {
        LeftReason::Platform
    } else if is_dangerous_name(key) {
        LeftReason::ProcessControl
    } else {
        return None;
    };
    Some((Vec::new(), reason))
}

/// Returns whether the text has a host in Railway's private network, such as `api.railway.internal`.
fn has_internal_host(text: &str) -> bool {
    const DOMAIN: &str = ".railway.internal";
    text.as_bytes().windows(DOMAIN.len()).enumerate().any(|(at, window)| {
        let rest = &text.as_bytes()[at + DOMAIN.len()..];
        let continues = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let is_longer = match rest {
            [b'.', next, ..] | [next, ..] => continues(next),
            [] => false,
        };
        window.eq_ignore_ascii_case(DOMAIN.as_bytes()) && !is_longer
    })
}

#[cfg(test)]
mod tests {
    use crate::drift::pull::key_decision::has_internal_host;

    #[test]
    fn internal_host_is_recognized_anywhere_in_a_value() {
        for (text, expected) in [
            ("api.railway.internal", true),
            ("http://API.Railway.Internal:8080/x", true),
            ("postgres://u:p@postgres.railway.internal:5432/db", true),
            ("https://a.example.com,http://b.railway.internal", true),
            ("api.railway.internal.", true),
            ("api.railway.internal.example.com", false),
            ("api.railway.internally", false),
            ("railway.internal", false),
            ("api.railway.app", false),
            ("", false),
        ] {
            assert_eq!(has_internal_host(text), expected, "{text}");
        }
    }
}
