//! The changes that can fix a finding, and the permissions of the user.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::model::finding::Finding;
pub use crate::drift::model::fix::Direction;
use crate::drift::plan::VariableChange;
use crate::drift::{ResourceRef, Secret, Variable};

/// The user's permissions, by key.
#[derive(Clone, Debug, Default)]
pub struct FixPermissions {
    /// `--only`.
    pub named: BTreeSet<String>,
    /// `--allow-reference`: a literal may replace a reference.
    pub references: BTreeSet<String>,
    /// `--allow-sealed`: a sealed variable may be overwritten.
    pub sealed: BTreeSet<String>,
    /// `--allow-shared`: the shared variable behind a reference may be written.
    pub shared: BTreeSet<String>,
    /// `--prune`.
    pub prune: Prune,
    /// `--add`.
    pub addition: Addition,
    /// Whether the user can be prompted, so that changes that need confirmation can be offered.
    pub asking: Prompting,
    /// Files that nothing is pulled into, by index in the survey, with the reason as a sentence without a full stop.
    pub closed: BTreeMap<usize, String>,
    /// The environment's shared variables, if they were read.
    pub shared_values: BTreeMap<String, Variable>,
}

/// Whether variables that are missing from the file may be removed from Railway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// Yes, if they are named.
    Allowed,
    /// Never.
    #[default]
    No,
}

/// Whether the keys of `--only` are added to services that lack them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addition {
    /// Yes.
    Allowed,
    /// No: a push changes only services that have the key.
    #[default]
    No,
}

/// Whether the user can be prompted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompting {
    /// Yes, in a terminal.
    Interactive,
    /// No: only flags decide.
    #[default]
    NonInteractive,
}

impl FixPermissions {
    /// Returns whether the user named the key in any flag.
    pub fn names(&self, key: &str) -> bool {
        [&self.named, &self.references, &self.sealed, &self.shared].into_iter().any(|keys| keys.contains(key))
    }
}

/// A value to write to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Index of the file in the survey.
    pub file: usize,
    pub key: String,
    /// The value on Railway.
    pub value: Secret,
    /// The services that have it.
    pub from: Vec<ResourceRef>,
}

/// A change that can fix a finding.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The finding's key. A changed shared variable may have another name.
    pub key: String,
    pub way: Direction,
    /// Whether a bulk selection includes it.
    pub reach: OfferReach,
    /// Variables that change on Railway.
    pub stores: Vec<VariableChange>,
    /// Values to write to files.
    pub pulls: Vec<Pull>,
    /// A note to read before confirming; a sentence without a full stop.
    pub caution: Option<String>,
}

/// Whether a bulk selection includes an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferReach {
    /// Yes.
    Bulk,
    /// Only if the key is named.
    Named,
    /// Only if the key is named, because it overwrites a reference in the file.
    NamedOverReference,
    /// Only if the user picks this offer, because it overwrites a value that needs explicit permission.
    Picked,
}

/// A finding about a key, with the possible changes and the obstacles to others.
#[derive(Debug)]
pub struct Proposal<'f> {
    pub finding: &'f Finding,
    pub key: &'f str,
    /// The possible changes.
    pub offers: Vec<Offer>,
    /// The directions that are not possible, with the reasons as sentences without a full stop.
    pub obstacles: Vec<(Direction, String)>,
}
