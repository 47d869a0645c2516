//! What can be done about a finding, and what the user allows.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::model::finding::Finding;
pub use crate::drift::model::fix::Direction;
use crate::drift::plan::VariableChange;
use crate::drift::{ResourceRef, Secret, Variable};

/// What the user allows beyond the ordinary, by key.
#[derive(Clone, Debug, Default)]
pub struct FixPermissions {
    /// `--only`.
    pub named: BTreeSet<String>,
    /// `--allow-reference`: a literal may take the place of a reference.
    pub references: BTreeSet<String>,
    /// `--allow-sealed`: a sealed variable may be overwritten.
    pub sealed: BTreeSet<String>,
    /// `--allow-shared`: the shared variable behind a reference may be written.
    pub shared: BTreeSet<String>,
    /// `--prune`.
    pub prune: Prune,
    /// `--add`.
    pub addition: Addition,
    /// Whether a person is there to be asked, so that what needs a word can be offered.
    pub asking: Asking,
    /// Files that nothing is pulled into, by index in the survey, and why: sentences without full stop.
    pub closed: BTreeMap<usize, String>,
    /// The environment's shared variables, as far as they were read.
    pub shared_values: BTreeMap<String, Variable>,
}

/// Whether variables that the file lacks may be removed from Railway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// They may, one by one.
    Allowed,
    /// Never.
    #[default]
    No,
}

/// Whether the keys of `--only` are added to services that do not hold them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addition {
    /// They are.
    Allowed,
    /// A push changes holders only.
    #[default]
    No,
}

/// Whether a person is there to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asking {
    /// At a terminal.
    Person,
    /// Only flags speak.
    #[default]
    Nobody,
}

impl FixPermissions {
    /// Whether the user typed the key by itself.
    pub fn names(&self, key: &str) -> bool {
        [&self.named, &self.references, &self.sealed, &self.shared].into_iter().any(|keys| keys.contains(key))
    }
}

/// One value that is to be written into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Index of the file in the survey.
    pub file: usize,
    /// The key.
    pub key: String,
    /// What Railway holds.
    pub value: Secret,
    /// The services that hold it.
    pub from: Vec<ResourceRef>,
}

/// Something that can be done about a finding.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The finding's key. A shared variable that changes may have another name.
    pub key: String,
    /// In which direction.
    pub way: Direction,
    /// Whether it is a part of "all of them", or done only where the key was picked by itself.
    pub reach: OfferReach,
    /// Variables that change on Railway.
    pub stores: Vec<VariableChange>,
    /// Values that are written into files.
    pub pulls: Vec<Pull>,
    /// What to know before; a sentence without full stop.
    pub caution: Option<String>,
}

/// Whether an offer is a part of "all of them".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferReach {
    /// It is.
    Bulk,
    /// Only where the key was picked by itself.
    Named,
    /// The same, because it goes over a reference in the file.
    NamedOverReference,
    /// Only where a person picked this very offer: it goes over something that needs a word of its own.
    Picked,
}

/// A finding about a key, what can be done about it, and why other things can't.
#[derive(Debug)]
pub struct Proposal<'f> {
    /// The finding.
    pub finding: &'f Finding,
    /// Its key.
    pub key: &'f str,
    /// What can be done.
    pub offers: Vec<Offer>,
    /// What can't be done, and why; sentences without full stop.
    pub obstacles: Vec<(Direction, String)>,
}
