//! One key on one service, held against the file.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::model::finding::Observation;
use crate::drift::model::side::SideValue;
use crate::drift::reason::text::from_texts;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::reference::{self, ReferenceTarget};
use crate::drift::reference_state::{self, ReferenceState};
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
    let states = reference_state::states(template.expose(), None, target, &survey.catalogue);
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

    /// Returns the outcome of comparing the two.
    pub fn verdict(&self, survey: &Survey) -> ComparisonOutcome {
        let sides = [SideValue::Text(self.local_value()), SideValue::Stored(self.variable)];
        Comparison { survey, target: self.target, key: self.key, sides }.outcome()
    }

    /// What the two values alone show of their difference, if the stored one is a literal.
    pub fn reason_by_texts(&self, survey: &Survey) -> Option<Reason> {
        let (local, Variable::Plain(stored)) = (self.local_value(), self.variable) else { return None };
        let sides = [(ReasonSide::Local, local), (ReasonSide::Stored, stored)];
        let unset = sides.into_iter().find(|(_, value)| survey.is_unset(self.key, value));
        unset.map(|(side, _)| Reason::Placeholder(side)).or_else(|| from_texts(local, stored))
    }
}

/// Two sides of a key. Neither of them has to be a file: whatever has a value can be compared with whatever has another.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'s> {
    /// What both sides belong to: references and policies are looked up there.
    pub survey: &'s Survey,
    /// The service whose references are followed.
    pub target: &'s Target,
    /// The key that both sides have.
    pub key: &'s str,
    /// What is wanted, and what is there.
    pub sides: [SideValue<'s>; 2],
}

impl Comparison<'_> {
    /// Returns the outcome.
    pub fn outcome(&self) -> ComparisonOutcome {
        let [wanted, found] = self.sides;
        if self.sides.iter().any(|side| self.is_indirect(*side)) {
            return ComparisonOutcome::Indirect;
        }
        // A template that is written out in the file is the same variable, whatever it renders to.
        if wanted.text().is_some() && wanted.text() == found.text() {
            return ComparisonOutcome::Equal;
        }
        if let Some(unknown) = self.sides.iter().find_map(|side| self.unknown(*side)) {
            return unknown;
        }
        if wanted.effective() == found.effective() {
            return ComparisonOutcome::Equal;
        }
        if self.sides.iter().any(|side| self.leads_nowhere(*side)) {
            return ComparisonOutcome::Dangling;
        }
        if let Some(expected) = self.expected_difference() {
            return ComparisonOutcome::ExpectedDifference(expected);
        }
        let is_reference = self.sides.iter().any(|side| side.template().is_some());
        if is_reference { ComparisonOutcome::ReferenceDiffers } else { ComparisonOutcome::Differs }
    }

    fn is_indirect(&self, side: SideValue<'_>) -> bool {
        [side.text(), side.effective()].into_iter().flatten().any(|text| self.survey.is_indirect(text))
    }

    /// Why the value of a side is unknown; `None` where it is known.
    fn unknown(&self, side: SideValue<'_>) -> Option<ComparisonOutcome> {
        match side {
            SideValue::Stored(Variable::Sealed) => Some(ComparisonOutcome::Sealed),
            SideValue::Stored(Variable::Unavailable) => Some(ComparisonOutcome::Unavailable),
            SideValue::Stored(Variable::Reference { template, rendered: None }) => {
                Some(match unrendered(self.survey, self.target, template) {
                    Unrendered::Dangling => ComparisonOutcome::Dangling,
                    Unrendered::Sealed => ComparisonOutcome::Sealed,
                    Unrendered::Unavailable => ComparisonOutcome::Unavailable,
                })
            }
            SideValue::Text(_) | SideValue::Stored(Variable::Plain(_) | Variable::Reference { .. }) => None,
        }
    }

    /// `[[require]]` makes it a plain comparison again.
    fn expected_difference(&self) -> Option<ExpectedDifference> {
        let [wanted, found] = self.sides.map(SideValue::effective);
        let wanted = wanted?;
        expected_differences::of(self.key, wanted)
            .or_else(|| expected_differences::between(self.key, wanted, found?))
            .filter(|_| !self.survey.requires(self.target, self.key))
    }

    /// A reference to something empty leads nowhere too, but must not hide that a required key differs.
    fn leads_nowhere(&self, side: SideValue<'_>) -> bool {
        let (Some(template), Some(rendered)) = (side.template(), side.effective()) else { return false };
        let states =
            reference_state::states(template.expose(), Some(rendered.expose()), self.target, &self.survey.catalogue);
        states.iter().any(|(_, state)| match state {
            ReferenceState::Fine => false,
            ReferenceState::Empty => !self.survey.requires(self.target, self.key),
            ReferenceState::Missing(_) => true,
        })
    }
}
