//! Creates offers: the possible changes for each finding, and the obstacles to others.

use std::collections::BTreeSet;

use crate::drift::dotenv::LocalFile;
use crate::drift::engine::loader_conflicts;
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Bulk, FixCondition};
use crate::drift::plan::hoist::Hoist;
use crate::drift::plan::offer::{
    Addition, Direction, FixPermissions, Offer, OfferReach, Prompting, Proposal, Prune, Pull,
};
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::reference;
use crate::drift::rules;
use crate::drift::survey::Local;
use crate::drift::{ResourceRef, Secret, Survey, Target, Variable};

/// Returns the possible changes for every finding that has a key.
pub fn proposals<'f>(survey: &Survey, findings: &'f [Finding], permissions: &FixPermissions) -> Vec<Proposal<'f>> {
    let unsure: BTreeSet<(&str, usize)> = loader_conflicts::open(survey).into_keys().collect();
    let builder = ProposalBuilder { survey, permissions, unsure };
    findings.iter().filter_map(|finding| builder.proposal(finding, finding.key.as_deref()?)).collect()
}

/// The input of all offers.
struct ProposalBuilder<'d> {
    survey: &'d Survey,
    permissions: &'d FixPermissions,
    /// Assignments that loaders parse differently, by file and line.
    unsure: BTreeSet<(&'d str, usize)>,
}

type OfferResult = Result<Option<Offer>, String>;

impl ProposalBuilder<'_> {
    fn proposal<'f>(&self, finding: &'f Finding, key: &'f str) -> Option<Proposal<'f>> {
        let mut proposal = Proposal { finding, key, offers: Vec::new(), obstacles: Vec::new() };
        for way in directions(finding, self.permissions) {
            let made = match way {
                Direction::Push => self.push(finding, key),
                Direction::PushShared => self.push_shared(finding, key),
                Direction::Add => self.add(finding, key),
                Direction::Pull => self.pull(finding, key),
                Direction::Remove => self.remove(finding, key),
                Direction::Hoist => self.hoist(finding, key),
            };
            match made {
                Ok(Some(offer)) => proposal.offers.push(offer),
                Ok(None) => {}
                Err(why) => proposal.obstacles.push((way, why)),
            }
        }
        if let Some(check) = rules::check_of(finding.rule) {
            proposal.obstacles.extend((check.obstacles)(finding, key));
        }
        (!proposal.offers.is_empty() || !proposal.obstacles.is_empty()).then_some(proposal)
    }

    fn targets<'t>(&'t self, finding: &Finding) -> Vec<&'t Target> {
        let is_meant = |target: &&Target| finding.services.iter().any(|service| service.id == target.service.id);
        self.survey.readable().filter(is_meant).collect()
    }

    /// Changes services that have the key, and adds it where a `[[require]]` names it for the service.
    fn push(&self, finding: &Finding, key: &str) -> OfferResult {
        let draft = self.stores(finding, key, |target| self.is_pushed_to(target, key));
        let reach = if self.needs_permission(key, &draft.stores) {
            OfferReach::Picked
        } else if draft.stores.iter().any(empties) {
            OfferReach::Named
        } else {
            reach(finding)
        };
        draft.offer(key, Direction::Push, reach)
    }

    /// Adds the key to services that lack it: a separate choice, never part of a push.
    fn add(&self, finding: &Finding, key: &str) -> OfferResult {
        let draft = self.stores(finding, key, |target| !self.is_pushed_to(target, key));
        let is_allowed = self.permissions.addition == Addition::Allowed && self.permissions.named.contains(key);
        let reach = if is_allowed { OfferReach::Named } else { OfferReach::Picked };
        draft.offer(key, Direction::Add, reach)
    }

    /// Returns whether a push may write the key: the service has it, or a `[[require]]` names it for the service.
    fn is_pushed_to(&self, target: &Target, key: &str) -> bool {
        target.variable(key).is_some() || self.survey.requires(target, key)
    }

    fn stores(&self, finding: &Finding, key: &str, is_wanted: impl Fn(&Target) -> bool) -> StoreDraft {
        let mut draft = StoreDraft::default();
        for target in self.targets(finding).into_iter().filter(|target| is_wanted(target)) {
            match self.store(target, key) {
                Ok(store) => draft.stores.extend(store),
                Err(obstacle) => draft.obstacle = Some(obstacle),
            }
        }
        draft
    }

    /// Returns why this local value is never pushed. Every direction to Railway must check this.
    fn refusal(&self, local: &Local<'_>, key: &str) -> Option<String> {
        if self.unsure.contains(&(local.file.name.as_str(), local.entry.line)) {
            return Some(format!("loaders parse {key} differently, so the value to push is ambiguous"));
        }
        if self.survey.is_indirect(&local.entry.value) {
            return Some(format!("{key} in {} refers to a value kept elsewhere, so it is not pushed", local.file.name));
        }
        self.survey
            .is_unset(key, &local.entry.value)
            .then(|| format!("{key} is a placeholder in {}, so it is not pushed", local.file.name))
    }

    /// Returns the change that pushes the key to the service; `None` if it already has the value.
    fn store(&self, target: &Target, key: &str) -> Result<Option<VariableChange>, String> {
        let Some(local) = self.survey.local(target, key) else {
            return Err(format!("no file of {} sets {key}", target.service.name));
        };
        if let Some(why) = self.refusal(&local, key) {
            return Err(why);
        }
        let before = target.variable(key);
        if before.is_some_and(|before| self.survey.is_stored_indirect(before)) {
            return Err(format!(
                "{key} on {} refers to a value kept elsewhere, so it is not overwritten",
                target.service.name
            ));
        }
        if !self.is_overwritten(target, key, &local.entry.value)? {
            return Ok(None);
        }
        Ok(Some(VariableChange {
            owner: VariableOwner::Service(target.service.clone()),
            key: key.to_owned(),
            before: before.cloned(),
            after: Some(local.entry.value.clone()),
            from: Some(local.place()),
            meant_for: vec![target.service.clone()],
            renders: None,
        }))
    }

    /// Returns whether pushing the value changes the stored one.
    ///
    /// # Errors
    ///
    /// Why it may not be overwritten.
    fn is_overwritten(&self, target: &Target, key: &str, value: &Secret) -> Result<bool, String> {
        let service = &target.service.name;
        let needs = |flag: &str, kind: &str| {
            Err(format!("{key} is {kind} on {service}: overwriting it requires `--{flag} {key}`"))
        };
        match target.variable(key) {
            Some(Variable::Plain(stored)) => Ok(stored != value),
            // A reference that already renders the wanted value is kept; a literal would no longer follow its source.
            Some(reference @ Variable::Reference { template, .. })
                if template == value || reference.effective() == Some(value) =>
            {
                Ok(false)
            }
            Some(Variable::Reference { .. }) if !self.permissions.references.contains(key) && !self.is_asking() => {
                needs("allow-reference", "a reference")
            }
            Some(Variable::Sealed) if !self.permissions.sealed.contains(key) => needs("allow-sealed", "sealed"),
            Some(Variable::Unavailable) => {
                Err(format!("Railway returned no value for {key} on {service}, so it is not overwritten"))
            }
            Some(Variable::Reference { .. } | Variable::Sealed) | None => Ok(true),
        }
    }

    /// Returns whether a literal would overwrite a reference without the flag that allows it.
    fn needs_permission(&self, key: &str, stores: &[VariableChange]) -> bool {
        let over = |store: &VariableChange| store.before.as_ref().is_some_and(|before| before.template().is_some());
        !self.permissions.references.contains(key) && stores.iter().any(over)
    }

    fn is_asking(&self) -> bool {
        self.permissions.asking == Prompting::Interactive
    }

    /// If the stored value is exactly `${{shared.NAME}}`, the shared variable can be written instead.
    fn push_shared(&self, finding: &Finding, key: &str) -> OfferResult {
        let targets = self.targets(finding);
        let referring: Vec<(&ResourceRef, &str)> =
            targets.iter().filter_map(|target| Some((&target.service, referred(target.variable(key)?)?))).collect();
        let names: BTreeSet<&str> = referring.iter().map(|(_, name)| *name).collect();
        let locals: Vec<_> = targets.iter().filter_map(|target| self.survey.local(target, key)).collect();
        let (1, Some(&name), Some(local)) = (names.len(), names.first(), locals.first()) else { return Ok(None) };
        if locals.iter().any(|other| other.entry.value != local.entry.value) {
            return Err(format!("the files have different values for {key}"));
        }
        if let Some(why) = self.refusal(local, key) {
            return Err(why);
        }
        if !self.permissions.shared.contains(key) && !self.is_asking() {
            return Err(format!(
                "{key} refers to the shared variable {name}: writing it requires `--allow-shared {key}`"
            ));
        }
        let before = self.shared_value(name)?;
        let store = VariableChange {
            owner: VariableOwner::Shared,
            key: name.to_owned(),
            before: Some(before.clone()),
            after: Some(local.entry.value.clone()),
            from: Some(local.place()),
            // A service with a literal under the key keeps it, so it is not deployed.
            meant_for: referring.into_iter().map(|(service, _)| service.clone()).collect(),
            renders: None,
        };
        Ok(Some(Offer {
            key: key.to_owned(),
            way: Direction::PushShared,
            reach: if self.permissions.shared.contains(key) { OfferReach::Named } else { OfferReach::Picked },
            stores: vec![store],
            pulls: Vec::new(),
            caution: Some(format!("every service that references the shared variable {name} gets the new value")),
        }))
    }

    /// Returns the shared variable.
    ///
    /// # Errors
    ///
    /// Why a push can't replace it.
    fn shared_value(&self, name: &str) -> Result<&Variable, String> {
        let found = self.permissions.shared_values.get(name);
        if found.is_some_and(|found| self.survey.is_stored_indirect(found)) {
            return Err(format!("the shared variable {name} refers to a value kept elsewhere"));
        }
        match found {
            Some(plain @ Variable::Plain(_)) => Ok(plain),
            Some(Variable::Sealed) => Err(format!("the shared variable {name} is sealed")),
            Some(Variable::Unavailable) => Err(format!("Railway returned no value for the shared variable {name}")),
            Some(Variable::Reference { .. }) => Err(format!("the shared variable {name} is itself a reference")),
            None => Err(format!("the shared variable {name} could not be read")),
        }
    }

    /// Stores the value once as a shared variable, if the services of the finding have it under this key.
    fn hoist(&self, finding: &Finding, key: &str) -> OfferResult {
        let services = self.targets(finding);
        if !services.iter().all(|target| target.variable(key).is_some()) {
            return Err("the services have the value under different keys, so it is not stored once for all".to_owned());
        }
        let hoist = Hoist { survey: self.survey, key, services, shared_values: &self.permissions.shared_values };
        hoist.offer().map_err(|refusal| refusal.sentence(key))
    }

    fn pull(&self, finding: &Finding, key: &str) -> OfferResult {
        let mut pulls: Vec<Pull> = Vec::new();
        let mut frozen = false;
        for target in self.targets(finding) {
            let Some(variable) = target.variable(key) else { continue };
            let Some(value) = variable.effective() else {
                return Err(match variable {
                    Variable::Unavailable => format!("Railway returned no value for {key} on {}", target.service.name),
                    _ => format!("{key} is sealed on {}: Railway does not return its value", target.service.name),
                });
            };
            let local = self.survey.local(target, key);
            if self.survey.is_stored_indirect(variable)
                || local.is_some_and(|local| self.survey.is_indirect(&local.entry.value))
            {
                return Err(format!("{key} refers to a value kept elsewhere, so it is not pulled"));
            }
            frozen |= variable.template().is_some();
            let Some(file) = self.file_of(target, key) else {
                return Err(format!("no file is compared with {}", target.service.name));
            };
            if let Some(why) = self.permissions.closed.get(&file) {
                return Err(why.clone());
            }
            let from = vec![target.service.clone()];
            add_pull(&mut pulls, Pull { file, key: key.to_owned(), value: value.clone(), from })?;
        }
        if let Some(pull) = pulls.iter().find(|pull| self.unsets(pull)) {
            return Err(format!("{key} has no real value on {}, so it is not pulled", pull.from[0].name));
        }
        let caution = frozen
            .then(|| format!("{key} is a reference on Railway: the file gets its current value, not later changes"));
        let over = pulls.iter().any(|pull| refers(&self.survey.files[pull.file], key));
        let built_from = || format!("{key} is built from other variables in the file: a literal replaces it");
        let caution = if over { Some(built_from()) } else { caution };
        let reach = pull_reach(finding, &pulls, &self.survey.files);
        let offer = Offer { key: key.to_owned(), way: Direction::Pull, reach, stores: Vec::new(), pulls, caution };
        Ok((!offer.pulls.is_empty()).then_some(offer))
    }

    /// Returns whether an empty value or a placeholder would replace an assignment in the file.
    fn unsets(&self, pull: &Pull) -> bool {
        let is_set = self.survey.files[pull.file].entry(&pull.key).is_some();
        is_set && (pull.value.expose().is_empty() || self.survey.is_unset(&pull.key, &pull.value))
    }

    /// Returns the file with the effective assignment for the service, or else its last layer.
    fn file_of(&self, target: &Target, key: &str) -> Option<usize> {
        let has = |layer: &&usize| self.survey.files[**layer].entry(key).is_some();
        target.layers.iter().rev().find(has).or_else(|| target.layers.last()).copied()
    }

    fn remove(&self, finding: &Finding, key: &str) -> OfferResult {
        let store = |target: &&Target| {
            let before = target.variable(key)?;
            let is_open = match before {
                Variable::Plain(_) | Variable::Reference { .. } => true,
                Variable::Sealed => self.permissions.sealed.contains(key),
                // Without its value, `doctor undo` could not restore it.
                Variable::Unavailable => false,
            };
            is_open.then(|| VariableChange {
                owner: VariableOwner::Service(target.service.clone()),
                key: key.to_owned(),
                before: Some(before.clone()),
                after: None,
                from: None,
                meant_for: vec![target.service.clone()],
                renders: None,
            })
        };
        let stores: Vec<VariableChange> = self.targets(finding).iter().filter_map(store).collect();
        if stores.is_empty() {
            return Err(format!("{key} is sealed: removing it requires `--allow-sealed {key}`"));
        }
        let (key, reach) = (key.to_owned(), OfferReach::Named);
        Ok(Some(Offer { key, way: Direction::Remove, reach, stores, pulls: Vec::new(), caution: None }))
    }
}

/// Variables to write on Railway, before they become an offer.
#[derive(Default)]
struct StoreDraft {
    stores: Vec<VariableChange>,
    /// Why the last skipped variable can't be written.
    obstacle: Option<String>,
}

impl StoreDraft {
    /// Returns the offer to write these variables, or the obstacle if there is nothing to write.
    fn offer(self, key: &str, way: Direction, reach: OfferReach) -> OfferResult {
        let Self { stores, obstacle } = self;
        if stores.is_empty() {
            return obstacle.map_or(Ok(None), Err);
        }
        let caution = caution(key, &stores).or(obstacle);
        Ok(Some(Offer { key: key.to_owned(), way, reach, stores, pulls: Vec::new(), caution }))
    }
}

/// Adds a value to write to a file. Services may share it, but a file can't have two values for a key.
fn add_pull(pulls: &mut Vec<Pull>, new: Pull) -> Result<(), String> {
    match pulls.iter_mut().find(|pull| pull.file == new.file) {
        Some(pull) if pull.value == new.value => pull.from.extend(new.from),
        Some(pull) => {
            let (one, other) = (&pull.from[0].name, &new.from[0].name);
            return Err(format!("{one} and {other} have different values for {}: select one with --service", new.key));
        }
        None => pulls.push(new),
    }
    Ok(())
}

/// Returns whether the key's assignment in the file is built from other variables: `${NAME}`, a Railway reference, or
/// the `$NAME` of a key in the same file. Any other `$` may be part of a password.
pub fn refers(file: &LocalFile, key: &str) -> bool {
    let Some(entry) = file.entry(key) else { return false };
    let written = &file.text().expose()[entry.span.clone()];
    written.match_indices('$').any(|(at, _)| {
        let (before, rest) = (&written[..at], &written[at + 1..]);
        if before.ends_with(['\\', '$']) {
            return false;
        }
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        rest.starts_with('{') || (end > 0 && file.entry(&rest[..end]).is_some())
    })
}

fn reach(finding: &Finding) -> OfferReach {
    let is_in_bulk = finding.rule.variable_fix().is_some_and(|fix| fix.bulk == Bulk::Included);
    if is_in_bulk || finding.required { OfferReach::Bulk } else { OfferReach::Named }
}

fn pull_reach(finding: &Finding, pulls: &[Pull], files: &[LocalFile]) -> OfferReach {
    match reach(finding) {
        OfferReach::Bulk if pulls.iter().any(|pull| refers(&files[pull.file], &pull.key)) => {
            OfferReach::NamedOverReference
        }
        reach => reach,
    }
}

/// Returns the possible directions for a finding, the most likely first.
fn directions(finding: &Finding, permissions: &FixPermissions) -> impl Iterator<Item = Direction> {
    let is_open = |direction, condition| match condition {
        FixCondition::Always => true,
        FixCondition::Remedy if direction == Direction::Pull => finding.remedies.contains(&Remedy::Pull),
        FixCondition::Remedy => finding.remedies.contains(&Remedy::Push),
        FixCondition::Prune => !finding.required && permissions.prune == Prune::Allowed,
    };
    let declared = finding.rule.variable_fix().map_or(&[][..], |fix| fix.directions);
    declared
        .iter()
        .filter(move |&&(direction, condition)| is_open(direction, condition))
        .map(|&(direction, _)| direction)
}

/// Returns the name of the shared variable that the stored value refers to, if it is nothing else.
fn referred(variable: &Variable) -> Option<&str> {
    reference::shared_name(variable.template()?.expose())
}

/// Returns whether the change stores an empty value. In a file, an empty value often means that the key was never set
/// there.
fn empties(store: &VariableChange) -> bool {
    store.after.as_ref().is_some_and(|after| after.expose().is_empty())
}

/// Returns the note to show before these variables are overwritten.
fn caution(key: &str, stores: &[VariableChange]) -> Option<String> {
    let any = |is: fn(&Variable) -> bool| stores.iter().any(|store| store.before.as_ref().is_some_and(is));
    if any(|before| matches!(before, Variable::Sealed)) {
        return Some(format!("{key} is sealed: `doctor undo` can't restore its current value"));
    }
    if any(|before| before.template().is_some()) {
        return Some(format!("{key} is a reference on Railway: a literal replaces it"));
    }
    stores.iter().any(empties).then(|| format!("{key} is empty in the file: the value on Railway becomes empty"))
}
