//! Where offers are made: what can be done about each finding, and why the rest can't.

use std::collections::BTreeSet;

use crate::drift::dotenv::LocalFile;
use crate::drift::engine::loader_conflicts;
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Bulk, EmptyValue, FixCondition};
use crate::drift::plan::offer::{
    Addition, Asking, Direction, FixPermissions, Offer, OfferReach, Proposal, Prune, Pull,
};
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::reference;
use crate::drift::rules;
use crate::drift::survey::Local;
use crate::drift::{ResourceRef, Secret, Survey, Target, Variable};

/// What can be done about every finding that has a key.
pub fn proposals<'f>(survey: &Survey, findings: &'f [Finding], terms: &FixPermissions) -> Vec<Proposal<'f>> {
    let unsure: BTreeSet<(&str, usize)> = loader_conflicts::open(survey).into_keys().collect();
    let desk = ProposalBuilder { survey, terms, unsure };
    findings.iter().filter_map(|finding| desk.proposal(finding, finding.key.as_deref()?)).collect()
}

/// Everything that an offer is made from.
struct ProposalBuilder<'d> {
    survey: &'d Survey,
    terms: &'d FixPermissions,
    /// Assignments whose value is not known for sure, by file and line.
    unsure: BTreeSet<(&'d str, usize)>,
}

type OfferResult = Result<Option<Offer>, String>;

impl ProposalBuilder<'_> {
    fn proposal<'f>(&self, finding: &'f Finding, key: &'f str) -> Option<Proposal<'f>> {
        let mut proposal = Proposal { finding, key, offers: Vec::new(), obstacles: Vec::new() };
        for way in directions(finding, self.terms) {
            let made = match way {
                Direction::Push => self.push(finding, key),
                Direction::PushShared => self.push_shared(finding, key),
                Direction::Add => self.add(finding, key),
                Direction::Pull => self.pull(finding, key),
                Direction::Remove => self.remove(finding, key),
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

    /// Changes holders, and adds a key where a `[[require]]` names it for the service.
    fn push(&self, finding: &Finding, key: &str) -> OfferResult {
        let keeps_empty = finding.rule.variable_fix().is_some_and(|fix| fix.empty_value == EmptyValue::NotPushed);
        let is_kept = |target: &Target| {
            keeps_empty && self.survey.local(target, key).is_some_and(|local| local.entry.value.expose().is_empty())
        };
        let draft = self.stores(finding, key, |target| self.is_pushed_to(target, key) && !is_kept(target));
        let reach = if self.needs_permission(key, &draft.stores) {
            OfferReach::Picked
        } else if draft.stores.iter().any(empties) {
            OfferReach::Named
        } else {
            reach(finding)
        };
        draft.offer(key, Direction::Push, reach)
    }

    /// Adds the key to services that do not hold it: a choice of its own for each of them, and never a part of a push.
    fn add(&self, finding: &Finding, key: &str) -> OfferResult {
        let draft = self.stores(finding, key, |target| !self.is_pushed_to(target, key));
        let is_allowed = self.terms.addition == Addition::Allowed && self.terms.named.contains(key);
        let reach = if is_allowed { OfferReach::Named } else { OfferReach::Picked };
        draft.offer(key, Direction::Add, reach)
    }

    /// Whether a push may write the key there: the service holds it, or a `[[require]]` names it for the service.
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

    /// Why this local value never goes to Railway, on whatever way. Every push asks here, and nowhere else.
    fn refusal(&self, local: &Local<'_>, key: &str) -> Option<String> {
        if self.unsure.contains(&(local.file.name.as_str(), local.entry.line)) {
            return Some(format!("loaders read {key} differently, so it is not known what to push"));
        }
        if self.survey.is_indirect(&local.entry.value) {
            return Some(format!("{key} in {} refers to a value kept elsewhere, so it is not pushed", local.file.name));
        }
        self.survey
            .is_unset(key, &local.entry.value)
            .then(|| format!("{key} is a placeholder in {}, so it is not pushed", local.file.name))
    }

    /// What pushing the key to that service comes to; nothing where it has the value already.
    fn store(&self, target: &Target, key: &str) -> Result<Option<VariableChange>, String> {
        let Some(local) = self.survey.local(target, key) else {
            return Err(format!("{key} is in no file of {}", target.service.name));
        };
        if let Some(why) = self.refusal(&local, key) {
            return Err(why);
        }
        let before = target.variable(key);
        if before.is_some_and(|before| self.survey.is_stored_indirect(before)) {
            return Err(format!(
                "{key} on {} refers to a value kept elsewhere, so nothing is pushed over it",
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
        }))
    }

    /// Whether pushing the value changes what the service stores; why it may not.
    fn is_overwritten(&self, target: &Target, key: &str, value: &Secret) -> Result<bool, String> {
        let service = &target.service.name;
        let needs =
            |flag: &str, what: &str| Err(format!("{key} is {what} on {service}: only `--{flag} {key}` writes over it"));
        match target.variable(key) {
            Some(Variable::Plain(stored)) => Ok(stored != value),
            // A reference that renders the wanted value keeps following its source; a literal would end that.
            Some(reference @ Variable::Reference { template, .. })
                if template == value || reference.effective() == Some(value) =>
            {
                Ok(false)
            }
            Some(Variable::Reference { .. }) if !self.terms.references.contains(key) && !self.is_asking() => {
                needs("allow-reference", "a reference")
            }
            Some(Variable::Sealed) if !self.terms.sealed.contains(key) => needs("allow-sealed", "sealed"),
            Some(Variable::Unavailable) => {
                Err(format!("Railway returned no value for {key} on {service}, so nothing is pushed over it"))
            }
            Some(Variable::Reference { .. } | Variable::Sealed) | None => Ok(true),
        }
    }

    /// A literal goes over a reference, and no flag has allowed it.
    fn needs_permission(&self, key: &str, stores: &[VariableChange]) -> bool {
        let over = |store: &VariableChange| store.before.as_ref().is_some_and(|before| before.template().is_some());
        !self.terms.references.contains(key) && stores.iter().any(over)
    }

    fn is_asking(&self) -> bool {
        self.terms.asking == Asking::Person
    }

    /// Where all that stands there is `${{shared.NAME}}`, the shared variable can be written in its place.
    fn push_shared(&self, finding: &Finding, key: &str) -> OfferResult {
        let targets = self.targets(finding);
        let referring: Vec<(&ResourceRef, &str)> =
            targets.iter().filter_map(|target| Some((&target.service, shared_name(target.variable(key)?)?))).collect();
        let names: BTreeSet<&str> = referring.iter().map(|(_, name)| *name).collect();
        let locals: Vec<_> = targets.iter().filter_map(|target| self.survey.local(target, key)).collect();
        let (1, Some(&name), Some(local)) = (names.len(), names.first(), locals.first()) else { return Ok(None) };
        if locals.iter().any(|other| other.entry.value != local.entry.value) {
            return Err(format!("the files hold different values for {key}"));
        }
        if let Some(why) = self.refusal(local, key) {
            return Err(why);
        }
        if !self.terms.shared.contains(key) && !self.is_asking() {
            return Err(format!("only `--allow-shared {key}` writes the shared variable {name} that it refers to"));
        }
        let before = self.shared_value(name)?;
        let store = VariableChange {
            owner: VariableOwner::Shared,
            key: name.to_owned(),
            before: Some(before.clone()),
            after: Some(local.entry.value.clone()),
            from: Some(local.place()),
            // A service with a literal under the key keeps it, so there is nothing new to deploy.
            meant_for: referring.into_iter().map(|(service, _)| service.clone()).collect(),
        };
        Ok(Some(Offer {
            key: key.to_owned(),
            way: Direction::PushShared,
            reach: if self.terms.shared.contains(key) { OfferReach::Named } else { OfferReach::Picked },
            stores: vec![store],
            pulls: Vec::new(),
            caution: Some(format!("every service that refers to the shared variable {name} follows")),
        }))
    }

    /// What the shared variable holds now; an error where a push can't replace it.
    fn shared_value(&self, name: &str) -> Result<&Variable, String> {
        let found = self.terms.shared_values.get(name);
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

    fn pull(&self, finding: &Finding, key: &str) -> OfferResult {
        let mut pulls: Vec<Pull> = Vec::new();
        let mut frozen = false;
        for target in self.targets(finding) {
            let Some(variable) = target.variable(key) else { continue };
            let Some(value) = variable.effective() else {
                return Err(match variable {
                    Variable::Unavailable => format!("Railway returned no value for {key} on {}", target.service.name),
                    _ => format!("{key} is sealed on {}: Railway does not tell it", target.service.name),
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
            if let Some(why) = self.terms.closed.get(&file) {
                return Err(why.clone());
            }
            let from = vec![target.service.clone()];
            add_pull(&mut pulls, Pull { file, key: key.to_owned(), value: value.clone(), from })?;
        }
        let caution = frozen.then(|| {
            format!("{key} is a reference on Railway: the file gets what it renders to now, and will not follow it")
        });
        let over = pulls.iter().any(|pull| refers(&self.survey.files[pull.file], key));
        let made_from = || format!("{key} is made from other variables in the file: the value of now takes its place");
        let caution = if over { Some(made_from()) } else { caution };
        let reach = if over { OfferReach::NamedOverReference } else { reach(finding) };
        let offer = Offer { key: key.to_owned(), way: Direction::Pull, reach, stores: Vec::new(), pulls, caution };
        Ok((!offer.pulls.is_empty()).then_some(offer))
    }

    /// The file whose assignment counts for the service, or else its last layer.
    fn file_of(&self, target: &Target, key: &str) -> Option<usize> {
        let has = |layer: &&usize| self.survey.files[**layer].entry(key).is_some();
        target.layers.iter().rev().find(has).or_else(|| target.layers.last()).copied()
    }

    fn remove(&self, finding: &Finding, key: &str) -> OfferResult {
        let store = |target: &&Target| {
            let before = target.variable(key)?;
            let is_open = match before {
                Variable::Plain(_) | Variable::Reference { .. } => true,
                Variable::Sealed => self.terms.sealed.contains(key),
                // Without its value, `doctor undo` could not put it back.
                Variable::Unavailable => false,
            };
            is_open.then(|| VariableChange {
                owner: VariableOwner::Service(target.service.clone()),
                key: key.to_owned(),
                before: Some(before.clone()),
                after: None,
                from: None,
                meant_for: vec![target.service.clone()],
            })
        };
        let stores: Vec<VariableChange> = self.targets(finding).iter().filter_map(store).collect();
        if stores.is_empty() {
            return Err(format!("{key} is sealed: only `--allow-sealed {key}` removes it"));
        }
        let (key, reach) = (key.to_owned(), OfferReach::Named);
        Ok(Some(Offer { key, way: Direction::Remove, reach, stores, pulls: Vec::new(), caution: None }))
    }
}

/// Variables to write on Railway, before they are an offer.
#[derive(Default)]
struct StoreDraft {
    stores: Vec<VariableChange>,
    /// Why the last one that is left out can't be written.
    obstacle: Option<String>,
}

impl StoreDraft {
    /// The offer to write these variables; why it is none where there is nothing to write.
    fn offer(self, key: &str, way: Direction, reach: OfferReach) -> OfferResult {
        let Self { stores, obstacle } = self;
        if stores.is_empty() {
            return obstacle.map_or(Ok(None), Err);
        }
        let caution = caution(key, &stores).or(obstacle);
        Ok(Some(Offer { key: key.to_owned(), way, reach, stores, pulls: Vec::new(), caution }))
    }
}

/// Adds a value to those that are written into files: services may share one, and a file can't have two.
fn add_pull(pulls: &mut Vec<Pull>, new: Pull) -> Result<(), String> {
    match pulls.iter_mut().find(|pull| pull.file == new.file) {
        Some(pull) if pull.value == new.value => pull.from.extend(new.from),
        Some(pull) => {
            let (one, other) = (&pull.from[0].name, &new.from[0].name);
            return Err(format!("{one} and {other} hold different values: name one of them with --service"));
        }
        None => pulls.push(new),
    }
    Ok(())
}

/// Whether the key's assignment in the file is made from other variables: `${NAME}`, a reference of Railway's, or the `$NAME`
/// of a key that the file has, too. Another `$` is a character of a password as often as not.
fn refers(file: &LocalFile, key: &str) -> bool {
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

/// Which directions a finding leaves open, the most likely first.
fn directions(finding: &Finding, terms: &FixPermissions) -> impl Iterator<Item = Direction> {
    let is_open = |direction, condition| match condition {
        FixCondition::Always => true,
        FixCondition::Remedy if direction == Direction::Pull => finding.remedies.contains(&Remedy::Pull),
        FixCondition::Remedy => finding.remedies.contains(&Remedy::Push),
        FixCondition::Prune => !finding.required && terms.prune == Prune::Allowed,
    };
    let declared = finding.rule.variable_fix().map_or(&[][..], |fix| fix.directions);
    declared
        .iter()
        .filter(move |&&(direction, condition)| is_open(direction, condition))
        .map(|&(direction, _)| direction)
}

/// `NAME` where all that is stored is `${{shared.NAME}}`.
fn shared_name(variable: &Variable) -> Option<&str> {
    reference::only(variable.template()?.expose())?.strip_prefix("shared.")
}

/// Whether the store would put an empty value over one that is not: in a file, an empty value often means that nobody
/// has set it there.
fn empties(store: &VariableChange) -> bool {
    store.after.as_ref().is_some_and(|after| after.expose().is_empty())
}

/// What to know before such variables are written over.
fn caution(key: &str, stores: &[VariableChange]) -> Option<String> {
    let any = |is: fn(&Variable) -> bool| stores.iter().any(|store| store.before.as_ref().is_some_and(is));
    if any(|before| matches!(before, Variable::Sealed)) {
        return Some(format!("{key} is sealed: what it holds now can't be put back by `doctor undo`"));
    }
    if any(|before| before.template().is_some()) {
        return Some(format!("{key} is a reference on Railway: a literal takes its place, and follows nothing"));
    }
    stores
        .iter()
        .any(empties)
        .then(|| format!("{key} is empty in the file: the value on Railway is replaced by nothing"))
}
