//! Which offers are taken when one direction is chosen for all.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::plan::offer::{Offer, Proposal, Reach, Terms, Way};
use crate::drift::steering::is_dangerous_name;

/// Who says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// A person who has seen the plan.
    Asked,
    /// `--yes`: only what was named by itself or is required goes to Railway.
    GivenBefore,
    /// The same where what is required is not known from outside the checkout: only what was named by itself.
    GivenToNamed,
}

/// What one direction for all comes to.
#[derive(Debug, Default)]
pub struct Selection<'p> {
    /// The offers that are taken, each with the index of its proposal.
    pub taken: Vec<(usize, &'p Offer)>,
    /// Keys that would be taken if they were named, each once.
    pub unnamed: Vec<String>,
    /// What can't be done, and why: key and sentence.
    pub obstacles: Vec<(String, String)>,
}

/// The offers of these directions that are taken without a further word.
pub fn select<'p>(proposals: &'p [Proposal<'_>], ways: &[Way], terms: &Terms, consent: Consent) -> Selection<'p> {
    let mut selection = Selection::default();
    for (index, proposal) in proposals.iter().enumerate() {
        let key = proposal.key;
        let named = terms.names(key);
        let fitting = |way: &&Way| proposal.offers.iter().find(|offer| offer.way == **way);
        // What a word was given for goes before the ordinary way. Adding a key changes other services than a push does.
        let main = ways.iter().rev().filter(|way| **way != Way::Add).find_map(|way| fitting(&way));
        let added = ways.iter().find(|way| **way == Way::Add).and_then(|way| fitting(&way));
        if main.is_none() && added.is_none() {
            let of_ways = proposal.obstacles.iter().filter(|(way, _)| ways.contains(way));
            let worth_saying = named || proposal.finding.severity > crate::drift::Severity::Note;
            selection.obstacles.extend(of_ways.filter(|_| worth_saying).map(|(_, why)| (key.to_owned(), why.clone())));
            continue;
        }
        for offer in main.into_iter().chain(added) {
            match refusal(offer, proposal, named, consent) {
                None => selection.taken.push((index, offer)),
                Some(Refusal::Unnamed) => selection.unnamed.push(key.to_owned()),
                Some(Refusal::NotInBulk) => {}
                Some(Refusal::OverReference) => selection.obstacles.push((
                    key.to_owned(),
                    format!(
                        "{key} is made from other variables in the file, so it is pulled only when it is named: \
                         `--only {key}`"
                    ),
                )),
                Some(Refusal::Dangerous) => selection.obstacles.push((
                    key.to_owned(),
                    format!("{key} changes how programs run, so it is pulled only when it is named: `--only {key}`"),
                )),
            }
        }
    }
    leave_out_conflicts(&mut selection);
    selection.unnamed.sort_unstable();
    selection.unnamed.dedup();
    selection
}

/// Two findings may be about one key: what one service stores differs, and what another renders. A file has one place for
/// the value, so neither is pulled.
fn leave_out_conflicts(selection: &mut Selection<'_>) {
    let pulls = || selection.taken.iter().flat_map(|(_, offer)| &offer.pulls);
    let mut values = BTreeMap::new();
    let first = pulls().filter(|pull| *values.entry((pull.file, &pull.key)).or_insert(&pull.value) != &pull.value);
    let conflicts: BTreeSet<String> = first.map(|pull| pull.key.clone()).collect();
    selection.taken.retain(|(_, offer)| offer.pulls.iter().all(|pull| !conflicts.contains(&pull.key)));
    selection.obstacles.extend(conflicts.into_iter().map(|key| {
        let why = format!("services hold different values for {key}: name one of them with --service");
        (key, why)
    }));
}

enum Refusal {
    /// It would be taken if its key were named.
    Unnamed,
    /// It is for somebody who picks it by itself.
    NotInBulk,
    /// It goes over a reference in the file.
    OverReference,
    /// Its name changes how programs run.
    Dangerous,
}

fn refusal(offer: &Offer, proposal: &Proposal<'_>, named: bool, consent: Consent) -> Option<Refusal> {
    match offer.reach {
        Reach::Picked => return Some(Refusal::NotInBulk),
        _ if named => return None,
        Reach::Named => return Some(Refusal::NotInBulk),
        Reach::NamedOverReference => return Some(Refusal::OverReference),
        Reach::Bulk => {}
    }
    if !offer.pulls.is_empty() {
        return is_dangerous_name(proposal.key).then_some(Refusal::Dangerous);
    }
    let is_covered = match consent {
        Consent::Asked => true,
        Consent::GivenBefore => proposal.finding.required,
        Consent::GivenToNamed => false,
    };
    (!is_covered).then_some(Refusal::Unnamed)
}
