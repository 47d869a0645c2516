//! Selects the offers of a bulk push, pull, addition or removal.

use std::borrow::Borrow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::drift::plan::offer::{Direction, FixPermissions, Offer, OfferReach, Proposal};
use crate::drift::process_control_names::is_dangerous_name;
use crate::drift::{Secret, Severity};

/// How the changes are confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// By a user who reviews the plan.
    Prompt,
    /// By `--yes`: only named or required keys are pushed.
    Flag,
    /// By `--yes`, where the requirements come from the checkout only: only named keys are pushed.
    FlagForNamedKeys,
}

/// The result of a bulk selection.
#[derive(Debug, Default)]
pub struct BulkSelection<'p> {
    /// The selected offers.
    pub taken: Vec<&'p Offer>,
    /// Keys that would be selected if they were named, without repetition.
    pub unnamed: Vec<String>,
    /// Keys that can't be changed, each with the reason as a sentence.
    pub obstacles: Vec<(String, String)>,
}

/// Selects the offers in these directions that need no further confirmation.
pub fn select<'p>(
    proposals: &'p [Proposal<'_>],
    ways: &[Direction],
    permissions: &FixPermissions,
    consent: Consent,
) -> BulkSelection<'p> {
    let mut selection = BulkSelection::default();
    for proposal in proposals {
        let key = proposal.key;
        let named = permissions.names(key);
        let fitting = |way: &&Direction| proposal.offers.iter().find(|offer| offer.way == **way);
        // A direction that needs permission comes before the ordinary one. Adding a key changes other services than a
        // push.
        let main = ways.iter().rev().filter(|way| **way != Direction::Add).find_map(|way| fitting(&way));
        let added = ways.iter().find(|way| **way == Direction::Add).and_then(|way| fitting(&way));
        if main.is_none() && added.is_none() {
            let of_ways = proposal.obstacles.iter().filter(|(way, _)| ways.contains(way));
            let is_reported = named || proposal.finding.severity > Severity::Note;
            selection.obstacles.extend(of_ways.filter(|_| is_reported).map(|(_, why)| (key.to_owned(), why.clone())));
            continue;
        }
        for offer in main.into_iter().chain(added) {
            match refusal(offer, proposal, named, consent) {
                None => selection.taken.push(offer),
                Some(SelectionRefusal::Unnamed) => selection.unnamed.push(key.to_owned()),
                Some(refusal) => {
                    selection.obstacles.extend(refusal.sentence(key).map(|sentence| (key.to_owned(), sentence)));
                }
            }
        }
    }
    selection.obstacles.extend(leave_out_conflicts(&mut selection.taken));
    selection.unnamed.sort_unstable();
    selection.unnamed.dedup();
    selection
}

/// Where an offer writes a value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum WriteDestination {
    /// A key of a file.
    File(usize, String),
    /// A variable of a service, or a shared one.
    Variable(Option<String>, String),
}

/// Returns what an offer writes, and where.
fn writes(offer: &Offer) -> impl Iterator<Item = (WriteDestination, Option<&Secret>)> {
    let pulls = offer.pulls.iter().map(|pull| (WriteDestination::File(pull.file, pull.key.clone()), Some(&pull.value)));
    let stores = offer.stores.iter().map(|store| {
        let owner = store.owner.id().map(ToOwned::to_owned);
        (WriteDestination::Variable(owner, store.key.clone()), store.after.as_ref())
    });
    pulls.chain(stores)
}

/// Removes the offers that would write different values to the same destination: a key of a file for which two services
/// have different values, or a shared variable that two keys reference. It is unknown which value is right, so none is
/// written. Returns each removed key with the reason.
pub fn leave_out_conflicts<O: Borrow<Offer>>(offers: &mut Vec<O>) -> Vec<(String, String)> {
    let mut values: BTreeMap<WriteDestination, Option<Secret>> = BTreeMap::new();
    let mut conflicts: BTreeSet<WriteDestination> = BTreeSet::new();
    for (destination, value) in offers.iter().flat_map(|offer| writes(offer.borrow())) {
        match values.entry(destination) {
            Entry::Vacant(entry) => drop(entry.insert(value.cloned())),
            Entry::Occupied(entry) if entry.get().as_ref() != value => drop(conflicts.insert(entry.key().clone())),
            Entry::Occupied(_) => {}
        }
    }
    let conflict = |offer: &Offer| writes(offer).map(|(to, _)| to).find(|to| conflicts.contains(to));
    let left_out: BTreeMap<String, WriteDestination> =
        offers.iter().filter_map(|offer| conflict(offer.borrow()).map(|to| (offer.borrow().key.clone(), to))).collect();
    let is_hoisted = |key: &str| {
        let mut own = offers.iter().map(Borrow::borrow).filter(|offer| offer.key == key && conflict(offer).is_some());
        own.any(|offer| offer.way == Direction::Hoist)
    };
    let sentences = left_out.into_iter().map(|(key, to)| {
        let sentence = if is_hoisted(&key) { two_ways_sentence(&key) } else { conflict_sentence(&key, &to) };
        (key, sentence)
    });
    let sentences = sentences.collect();
    offers.retain(|offer| conflict(offer.borrow()).is_none());
    sentences
}

fn two_ways_sentence(key: &str) -> String {
    format!("{key} can't be shared and changed, or shared with two values, in one run: select one of them")
}

fn conflict_sentence(key: &str, destination: &WriteDestination) -> String {
    match destination {
        WriteDestination::File(..) => {
            format!("services have different values for {key}: select one with --service")
        }
        WriteDestination::Variable(_, name) => {
            format!("{key} and another key would write different values to {name}: select one with --only")
        }
    }
}

enum SelectionRefusal {
    /// It would be selected if its key were named.
    Unnamed,
    /// It must be picked individually.
    NotInBulk,
    /// It overwrites a reference in the file.
    OverReference,
    /// Its name changes how programs run.
    Dangerous,
}

impl SelectionRefusal {
    /// Returns why the key is left out; `None` if that is not reported.
    fn sentence(&self, key: &str) -> Option<String> {
        let why = match self {
            Self::Unnamed | Self::NotInBulk => return None,
            Self::OverReference => "is built from other variables in the file",
            Self::Dangerous => "changes how programs run",
        };
        Some(format!("{key} {why}, so it is pulled only when named: `--only {key}`"))
    }
}

fn refusal(offer: &Offer, proposal: &Proposal<'_>, named: bool, consent: Consent) -> Option<SelectionRefusal> {
    match offer.reach {
        OfferReach::Picked => return Some(SelectionRefusal::NotInBulk),
        _ if named => return None,
        OfferReach::Named => return Some(SelectionRefusal::NotInBulk),
        OfferReach::NamedOverReference => return Some(SelectionRefusal::OverReference),
        OfferReach::Bulk => {}
    }
    if !offer.pulls.is_empty() {
        return is_dangerous_name(proposal.key).then_some(SelectionRefusal::Dangerous);
    }
    let is_covered = match consent {
        Consent::Prompt => true,
        Consent::Flag => proposal.finding.required,
        Consent::FlagForNamedKeys => false,
    };
    (!is_covered).then_some(SelectionRefusal::Unnamed)
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::plan::bulk_selection::leave_out_conflicts;
    use crate::drift::plan::offer::{Direction, Offer, OfferReach};
    use crate::drift::plan::{VariableChange, VariableOwner};
    use crate::drift::test_support::named;

    /// Returns an offer that writes the value to that variable of `api`.
    fn offer(way: Direction, key: &str, variable: &str, value: &str) -> Offer {
        let store = VariableChange {
            owner: VariableOwner::Service(named("api")),
            key: variable.to_owned(),
            before: None,
            after: Some(Secret::new(value)),
            from: None,
            meant_for: Vec::new(),
            renders: None,
        };
        let (key, reach) = (key.to_owned(), OfferReach::Picked);
        Offer { key, way, reach, stores: vec![store], pulls: Vec::new(), caution: None }
    }

    #[test]
    fn offers_with_two_values_for_one_variable_are_left_out() {
        let (push, hoist) = (Direction::Push, Direction::Hoist);
        let shared = "A can't be shared and changed, or shared with two values, in one run: select one of them";
        let other =
            |key: &str| format!("{key} and another key would write different values to V: select one with --only");
        let cases: &[(&[Offer], &[String], usize)] = &[
            (&[offer(push, "A", "V", "1"), offer(push, "B", "V", "2")], &[other("A"), other("B")], 0),
            (&[offer(push, "A", "V", "1"), offer(push, "B", "V", "1")], &[], 2),
            (&[offer(push, "A", "A", "1"), offer(hoist, "A", "A", "${{shared.A}}")], &[shared.to_owned()], 0),
            // Only the key that would be hoisted has two ways.
            (
                &[offer(push, "B", "V", "1"), offer(push, "C", "V", "2"), offer(hoist, "A", "A", "${{shared.A}}")],
                &[other("B"), other("C")],
                1,
            ),
        ];
        for (offers, sentences, left) in cases {
            let mut offers = offers.to_vec();
            let found: Vec<String> =
                leave_out_conflicts(&mut offers).into_iter().map(|(_, sentence)| sentence).collect();
            assert_eq!((found.as_slice(), offers.len()), (*sentences, *left));
        }
    }
}
