//! Compares one key of a service with the file.

use std::collections::BTreeSet;

use crate::drift::dotenv::Entry;
use crate::drift::expansion::{self, LONGEST};
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
    pub key: &'s str,
    /// What Railway stores.
    pub variable: &'s Variable,
    /// The local value.
    pub local: Local<'s>,
}

/// The result of a comparison. All rules that compare share it, so that no two of them report the same difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonOutcome {
    /// They are equal byte for byte.
    Equal,
    /// Railway never returns the value.
    Sealed,
    /// The variable is not sealed, and Railway returned no value.
    Unavailable,
    /// One side refers to a value kept elsewhere.
    Indirect,
    /// They differ, and the difference is expected.
    ExpectedDifference(ExpectedDifference),
    /// Railway stores a dangling reference.
    Dangling,
    /// Railway renders a reference to another value.
    ReferenceDiffers,
    /// Railway stores another literal.
    Differs,
}

/// Returns every key that both a service and its layers have, without system variables.
pub fn pairs(survey: &Survey) -> impl Iterator<Item = Pair<'_>> {
    pairs_of(survey, |_| true)
}

/// Returns the pairs with this outcome. Most variables can't have it, which shows before the file is searched for them.
pub fn pairs_with(survey: &Survey, outcome: ComparisonOutcome) -> impl Iterator<Item = Pair<'_>> {
    let may_have = move |variable: &Variable| match outcome {
        ComparisonOutcome::Sealed | ComparisonOutcome::Unavailable => variable.is_unknown(),
        ComparisonOutcome::ReferenceDiffers => variable.template().is_some(),
        _ => true,
    };
    pairs_of(survey, may_have).filter(move |pair| pair.verdict(survey) == outcome)
}

/// Returns the pairs whose variable is of this kind.
fn pairs_of(survey: &Survey, is_of_kind: impl Fn(&Variable) -> bool + Copy) -> impl Iterator<Item = Pair<'_>> {
    survey.targets.iter().flat_map(move |target| {
        let stored = target.stored.iter().flatten().filter(move |(_, variable)| is_of_kind(variable));
        stored.filter_map(move |(key, variable)| {
            let local = survey.local(target, key)?;
            (!system_variables::is_provided(key)).then_some(Pair { target, key, variable, local })
        })
    })
}

/// Returns every assignment that is effective for at least one service, by file and line. Assignments that a later
/// layer or line overrides for all services are not included.
pub fn counting(survey: &Survey) -> Vec<Local<'_>> {
    let stacks: BTreeSet<&[usize]> = survey.targets.iter().map(|target| target.layers.as_slice()).collect();
    let mut counting: Vec<(usize, Local<'_>)> = stacks.iter().flat_map(|layers| survey.effective(layers)).collect();
    let place = |(layer, local): &(usize, Local<'_>)| (*layer, local.entry.line);
    counting.sort_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.1.entry.key.cmp(&other.1.entry.key)));
    counting.dedup_by(|one, other| one.0 == other.0 && std::ptr::eq(one.1.entry, other.1.entry));
    counting.into_iter().map(|(_, local)| local).collect()
}

/// Returns why the local value is expected to differ from any value on Railway. A `${NAME}` in it counts as its value in
/// the same file.
pub fn expected_without_stored(local: Local<'_>) -> Option<ExpectedDifference> {
    let Entry { key, value, .. } = local.entry;
    let expanded = || expansion::expanded(value, LONGEST, |name| Some(&local.file.entry(name)?.value));
    expected_differences::of(key, value).or_else(|| expected_differences::of(key, &expanded()?))
}

/// Why Railway returned a reference without a rendered value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrendered {
    /// It names a service or variable that does not exist.
    Dangling,
    /// It depends on a variable whose value is unknown, or may do so.
    Sealed,
    /// Every variable that it names has a known value.
    Unavailable,
}

/// Returns why the template has no rendered value.
pub fn unrendered(survey: &Survey, target: &Target, template: &Secret) -> Unrendered {
    let states = reference_state::states(template.expose(), None, target, &survey.catalogue);
    if states.iter().any(|(_, state)| matches!(state, ReferenceState::Missing(_))) {
        return Unrendered::Dangling;
    }
    if may_be_sealed(survey, target, template, LONGEST_CHAIN) { Unrendered::Sealed } else { Unrendered::Unavailable }
}

/// The maximum number of references to follow before the result is left open.
const LONGEST_CHAIN: usize = 16;

/// Returns whether the template may depend on a sealed variable.
fn may_be_sealed(survey: &Survey, home: &Target, template: &Secret, left: usize) -> bool {
    let is_sealed = |body| match reference::aim(body, &home.service.name, &survey.catalogue) {
        Ok(ReferenceTarget::Variable { service, name }) => {
            let Some(owner) = survey.targets.iter().find(|other| other.service.name == service) else {
                // Only the names of a service out of scope are known.
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
        // Neither the values of shared variables nor the results of template functions are known.
        Ok(ReferenceTarget::Shared(_) | ReferenceTarget::Function) | Err(_) => true,
    };
    reference::occurrences(template.expose()).iter().any(|occurrence| is_sealed(occurrence.body))
}

/// Returns why the value that a deployment would get is unknown; `None` if it is known.
pub fn unknown(survey: &Survey, target: &Target, variable: &Variable) -> Option<ComparisonOutcome> {
    let indirect = survey.is_stored_indirect(variable).then_some(ComparisonOutcome::Indirect);
    indirect.or_else(|| unreturned(survey, target, variable))
}

/// Returns why Railway returned no value.
fn unreturned(survey: &Survey, target: &Target, variable: &Variable) -> Option<ComparisonOutcome> {
    match variable {
        Variable::Sealed => Some(ComparisonOutcome::Sealed),
        Variable::Unavailable => Some(ComparisonOutcome::Unavailable),
        Variable::Reference { template, rendered: None } => Some(match unrendered(survey, target, template) {
            Unrendered::Dangling => ComparisonOutcome::Dangling,
            Unrendered::Sealed => ComparisonOutcome::Sealed,
            Unrendered::Unavailable => ComparisonOutcome::Unavailable,
        }),
        Variable::Plain(_) | Variable::Reference { .. } => None,
    }
}

/// Returns a service's value of a key, for the lines below a finding.
pub fn observation(target: &Target, variable: Option<&Variable>) -> Observation {
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
    pub fn local_value(&self) -> &'s Secret {
        &self.local.entry.value
    }

    /// Returns the outcome of comparing the two.
    pub fn verdict(&self, survey: &Survey) -> ComparisonOutcome {
        self.comparison(survey).outcome()
    }

    /// Returns whether the two are equal.
    pub fn is_equal(&self, survey: &Survey) -> bool {
        self.comparison(survey).without_difference() == Some(ComparisonOutcome::Equal)
    }

    /// Returns whether one side refers to a value kept elsewhere.
    pub fn is_indirect(&self, survey: &Survey) -> bool {
        self.comparison(survey).is_indirect()
    }

    fn comparison<'a>(&'a self, survey: &'a Survey) -> Comparison<'a> {
        let sides = [SideValue::Text(self.local_value()), SideValue::Stored(self.variable)];
        Comparison { survey, target: self.target, key: self.key, sides }
    }

    /// Returns why the two values differ from their texts alone, if the stored one is a literal.
    pub fn reason_by_texts(&self, survey: &Survey) -> Option<Reason> {
        let (local, Variable::Plain(stored)) = (self.local_value(), self.variable) else { return None };
        let sides = [(ReasonSide::Local, local), (ReasonSide::Stored, stored)];
        let unset = sides.into_iter().find(|(_, value)| survey.is_unset(self.key, value));
        unset.map(|(side, _)| Reason::Placeholder(side)).or_else(|| from_texts(self.key, local, stored))
    }
}

/// Two sides of a key. Any two sides with values can be compared; neither has to be a file.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'s> {
    /// The survey, for references and policies.
    pub survey: &'s Survey,
    /// The service whose references are followed.
    pub target: &'s Target,
    /// The key that both sides have.
    pub key: &'s str,
    /// The wanted side and the actual one.
    pub sides: [SideValue<'s>; 2],
}

impl Comparison<'_> {
    pub fn outcome(&self) -> ComparisonOutcome {
        if let Some(outcome) = self.without_difference() {
            return outcome;
        }
        if self.sides.iter().any(|side| self.is_dangling(*side)) {
            return ComparisonOutcome::Dangling;
        }
        if let Some(expected) = self.expected_difference() {
            return ComparisonOutcome::ExpectedDifference(expected);
        }
        let is_reference = self.sides.iter().any(|side| side.template().is_some());
        if is_reference { ComparisonOutcome::ReferenceDiffers } else { ComparisonOutcome::Differs }
    }

    /// Returns the outcome if the two sides are equal or can't be compared; `None` if they differ.
    fn without_difference(&self) -> Option<ComparisonOutcome> {
        let [wanted, found] = self.sides;
        if self.is_indirect() {
            return Some(ComparisonOutcome::Indirect);
        }
        // The same template in the file is equal, whatever it renders to.
        if wanted.text().is_some() && wanted.text() == found.text() {
            return Some(ComparisonOutcome::Equal);
        }
        let unknown = self.sides.iter().find_map(|side| self.unknown(*side));
        unknown.or_else(|| (wanted.effective() == found.effective()).then_some(ComparisonOutcome::Equal))
    }

    /// Most texts are equal, and a literal is also what it renders to. Each text is examined once.
    fn is_indirect(&self) -> bool {
        let [wanted, found] = self.sides;
        let texts = [wanted.text(), wanted.effective(), found.text(), found.effective()];
        let is_new = |index: usize| !texts[..index].contains(&texts[index]);
        (0..texts.len())
            .filter(|&index| is_new(index))
            .any(|index| texts[index].is_some_and(|text| self.survey.is_indirect(text)))
    }

    /// Returns why the value of a side is unknown; `None` if it is known.
    fn unknown(&self, side: SideValue<'_>) -> Option<ComparisonOutcome> {
        match side {
            SideValue::Stored(variable) => unreturned(self.survey, self.target, variable),
            SideValue::Text(_) => None,
        }
    }

    /// A key in `[[require]]` has no expected differences, nor has a value with a copying mistake.
    fn expected_difference(&self) -> Option<ExpectedDifference> {
        let [wanted, found] = self.sides.map(SideValue::effective);
        let wanted = wanted?;
        let expanded = || self.expanded(wanted, LONGEST);
        let with_mistake =
            || found.and_then(|found| from_texts(self.key, wanted, found)).is_some_and(|why| why.is_copying_mistake());
        expected_differences::of(self.key, wanted)
            .or_else(|| expected_differences::between(self.key, wanted, found?))
            .or_else(|| self.is_expansion(wanted, found?).then_some(ExpectedDifference::Expansion))
            .or_else(|| expected_differences::of(self.key, &expanded()?))
            .filter(|_| !self.survey.requires(self.target, self.key) && !with_mistake())
    }

    /// Returns whether one value has `${NAME}` and the other one is its expansion, with the values of either side. With a
    /// declared loader, the local value is already what the program reads.
    fn is_expansion(&self, wanted: &Secret, found: &Secret) -> bool {
        if self.survey.local(self.target, self.key).is_some_and(|local| local.file.loader().is_some()) {
            return false;
        }
        let gives = |one: &Secret, other: &Secret| {
            let longest = other.expose().len();
            let stored = |name: &str| self.target.variable(name)?.effective();
            let from_service = || expansion::expanded(one, longest, stored);
            self.expanded(one, longest).as_ref() == Some(other) || from_service().as_ref() == Some(other)
        };
        gives(wanted, found) || gives(found, wanted)
    }

    /// Returns the value with each `${NAME}` replaced by its value in the files of the service.
    fn expanded(&self, value: &Secret, longest: usize) -> Option<Secret> {
        let local = |name: &str| self.survey.local(self.target, name).map(|local| &local.entry.value);
        expansion::expanded(value, longest, local)
    }

    /// A reference to an empty variable counts as dangling, too, but must not hide that a required key differs.
    fn is_dangling(&self, side: SideValue<'_>) -> bool {
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

#[cfg(test)]
mod tests {
    use crate::drift::comparison::counting;
    use crate::drift::test_support::{layer, survey};

    #[test]
    fn assignment_counts_once_for_services_with_different_layers() {
        let mut found = survey(&["A=1", "B=1"], &[("api", &[]), ("web", &[])]);
        layer(&mut found, ".env.local", &["B=2", "C=1"], &["web"]);
        let place = |file: &str, line, key: &str| format!("{file}:{line} {key}");
        let places: Vec<String> =
            counting(&found).iter().map(|local| place(&local.file.name, local.entry.line, &local.entry.key)).collect();
        assert_eq!(places, [".env:1 A", ".env:2 B", ".env.local:1 B", ".env.local:2 C"]);
    }
}
