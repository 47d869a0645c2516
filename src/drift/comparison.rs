//! One key on one service, held against the file.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::model::finding::Observation;
use crate::drift::reason::text::from_texts;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::reference::{self, ReferenceTarget};
use crate::drift::reference_state::ReferenceState;
use crate::drift::survey::Local;
use crate::drift::{Secret, Survey, Target, Variable, system_variables};

/// A key that both sides have.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'s> {
    /// The service.
    pub target: &'s Target,
    /// The key.
    pub key: &'s str,
    /// What Railway stores.
    pub variable: &'s Variable,
    /// What the file says.
    pub local: Local<'s>,
}

/// What a comparison came to. Every rule that compares asks here, so that no two of them tell of the same difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonOutcome {
    /// Byte for byte.
    Equal,
    /// Railway never returns the value.
    Sealed,
    /// The variable is not sealed, and Railway returned no value.
    Unavailable,
    /// One side refers to a value kept elsewhere.
    Indirect,
    /// They differ, and the difference is expected.
    ExpectedDifference(ExpectedDifference),
    /// Railway stores a reference that leads nowhere.
    Dangling,
    /// Railway renders a reference to something else.
    ReferenceDiffers,
    /// Railway stores another literal.
    Differs,
}

/// Every key that a service and its layers have both, without those that Railway sets itself.
pub fn pairs(survey: &Survey) -> impl Iterator<Item = Pair<'_>> {
    survey.targets.iter().flat_map(move |target| {
        target.stored.iter().flatten().filter_map(move |(key, variable)| {
            let local = survey.local(target, key)?;
            (!system_variables::is_provided(key)).then_some(Pair { target, key, variable, local })
        })
    })
}

/// Every assignment that counts for at least one service, by file and line. One that a later layer or a later line
/// overrules everywhere is not among them.
pub fn counting(survey: &Survey) -> Vec<Local<'_>> {
    let stacks: BTreeSet<&[usize]> = survey.targets.iter().map(|target| target.layers.as_slice()).collect();
    let mut counting = BTreeMap::new();
    for layers in stacks {
        let winners: BTreeMap<&str, usize> =
            layers.iter().flat_map(|&layer| survey.files[layer].keys().map(move |key| (key, layer))).collect();
        for (key, layer) in winners {
            let file = &survey.files[layer];
            if let Some(entry) = file.entry(key) {
                counting.insert((layer, entry.line, key), Local { file, entry });
            }
        }
    }
    counting.into_values().collect()
}

/// Why Railway returned a reference without a rendered value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrendered {
    /// It names a service or variable that does not exist.
    Dangling,
    /// It goes through a variable whose value is unknown, or may do so.
    Sealed,
    /// Every variable that it names has a known value.
    Unavailable,
}

/// Why the template has no rendered value.
pub fn unrendered(survey: &Survey, target: &Target, template: &Secret) -> Unrendered {
    let states = crate::drift::reference_state::states(template.expose(), None, target, &survey.catalogue);
    if states.iter().any(|(_, state)| matches!(state, ReferenceState::Missing(_))) {
        return Unrendered::Dangling;
    }
    if may_be_sealed(survey, target, template, LONGEST_CHAIN) { Unrendered::Sealed } else { Unrendered::Unavailable }
}

/// How many references are followed before the answer is left open.
const LONGEST_CHAIN: usize = 16;

/// Whether the template goes through a sealed variable, as far as that is known.
fn may_be_sealed(survey: &Survey, home: &Target, template: &Secret, left: usize) -> bool {
    let is_sealed = |body| match reference::aim(body, &home.service.name, &survey.catalogue) {
        Ok(ReferenceTarget::Variable { service, name }) => {
            let Some(owner) = survey.targets.iter().find(|other| other.service.name == service) else {
                // Of a service out of scope only the names are known.
                return !system_variables::is_provided(name);
            };
            match owner.variable(name) {
                Some(Variable::Sealed) => true,
                Some(Variable::Reference { template, rendered: None }) => {
                    left == 0 || may_be_sealed(survey, owner, template, left - 1)
                }
                Some(_) => false,
                None => !system_variables::is_provided(name),
            }
        }
        // Neither the values of shared variables are read, nor what template functions make.
        Ok(ReferenceTarget::Shared(_) | ReferenceTarget::Function) | Err(_) => true,
    };
    reference::occurrences(template.expose()).iter().any(|occurrence| is_sealed(occurrence.body))
}

/// What a service has under a key, for the lines below a finding.
pub fn sighting(target: &Target, variable: Option<&Variable>) -> Observation {
    let (value, state) = match variable {
        None => (None, "missing"),
        Some(Variable::Plain(value)) => (Some(value.clone()), "stored"),
        Some(Variable::Reference { rendered: Some(value), .. }) => (Some(value.clone()), "rendered"),
        Some(Variable::Reference { rendered: None, .. }) => (None, "unrendered"),
        Some(Variable::Sealed) => (None, "sealed"),
        Some(Variable::Unavailable) => (None, "unavailable"),
    };
    Observation { place: target.service.name.clone(), value, state }
}

impl<'s> Pair<'s> {
    /// The local value.
    pub fn local_value(&self) -> &'s Secret {
        &self.local.entry.value
    }

    /// What the comparison comes to.
    pub fn verdict(&self, survey: &Survey) -> ComparisonOutcome {
        let local = self.local_value();
        if survey.is_indirect(local) || survey.is_stored_indirect(self.variable) {
            return ComparisonOutcome::Indirect;
        }
        match self.variable {
            Variable::Plain(stored) if stored == local => ComparisonOutcome::Equal,
            Variable::Plain(_) => self
                .expected_difference(survey)
                .map_or(ComparisonOutcome::Differs, ComparisonOutcome::ExpectedDifference),
            Variable::Reference { template, .. } if template == local => ComparisonOutcome::Equal,
            Variable::Sealed => ComparisonOutcome::Sealed,
            Variable::Unavailable => ComparisonOutcome::Unavailable,
            Variable::Reference { template, rendered: None } => match unrendered(survey, self.target, template) {
                Unrendered::Dangling => ComparisonOutcome::Dangling,
                Unrendered::Sealed => ComparisonOutcome::Sealed,
                Unrendered::Unavailable => ComparisonOutcome::Unavailable,
            },
            Variable::Reference { rendered: Some(rendered), .. } if rendered == local => ComparisonOutcome::Equal,
            Variable::Reference { template, rendered: Some(rendered) } => {
                if self.leads_nowhere(survey, template, rendered) {
                    return ComparisonOutcome::Dangling;
                }
                self.expected_difference(survey)
                    .map_or(ComparisonOutcome::ReferenceDiffers, ComparisonOutcome::ExpectedDifference)
            }
        }
    }

    /// What the two values alone show of their difference, if the stored one is a literal.
    pub fn reason_by_texts(&self, survey: &Survey) -> Option<Reason> {
        let (local, Variable::Plain(stored)) = (self.local_value(), self.variable) else { return None };
        let sides = [(ReasonSide::Local, local), (ReasonSide::Stored, stored)];
        let unset = sides.into_iter().find(|(_, value)| survey.is_unset(self.key, value));
        unset.map(|(side, _)| Reason::Placeholder(side)).or_else(|| from_texts(local, stored))
    }

    /// `[[require]]` makes it a plain comparison again.
    fn expected_difference(&self, survey: &Survey) -> Option<ExpectedDifference> {
        let between = || expected_differences::between(self.key, self.local_value(), self.variable.effective()?);
        expected_differences::of(self.key, self.local_value())
            .or_else(between)
            .filter(|_| !survey.requires(self.target, self.key))
    }

    /// A reference to something empty leads nowhere too, but must not hide that a required key differs.
    fn leads_nowhere(&self, survey: &Survey, template: &Secret, rendered: &Secret) -> bool {
        crate::drift::reference_state::states(
            template.expose(),
            Some(rendered.expose()),
            self.target,
            &survey.catalogue,
        )
        .iter()
        .any(|(_, state)| match state {
            ReferenceState::Fine => false,
            ReferenceState::Empty => !survey.requires(self.target, self.key),
            ReferenceState::Missing(_) => true,
        })
    }
}
