//! The commands that do exactly what a plan shows. The effects of each candidate are predicted, and a command that
//! would do more or less than the plan is never printed.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::plan::dependents::dependents;
use crate::drift::plan::invocation::{Deploying, Effects, FixInvocation, PredictionInput, Redeploy};
use crate::drift::plan::offer::{Direction, Offer};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::{ResourceRef, Survey, Variable};

/// The selected changes, and the flags of this run that affect them.
#[derive(Clone, Copy, Debug)]
pub struct CommandRequest<'w> {
    /// The selected offers.
    pub offers: &'w [Offer],
    /// The start commands that are set.
    pub settings: &'w [StartCommandChange],
    /// The services to redeploy.
    pub due: &'w [DueRedeploy],
    /// Whether the user selected the services.
    pub scope: Scope,
    /// `--only`, as typed.
    pub only: &'w BTreeSet<String>,
    /// The directions, as typed.
    pub ways: &'w BTreeSet<Direction>,
    /// `--redeploy`, as typed.
    pub redeploy: Redeploy,
    /// `--no-deploy`, as typed.
    pub deploying: Deploying,
    /// The input of the predictions.
    pub known: PredictionInput<'w>,
}

/// Which services a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The default services, and the service of a start command.
    Default,
    /// The services that the user named.
    Typed,
}

/// Returns one command if one has exactly these effects, otherwise several to run in order, or `None` if no commands
/// have exactly these effects. A key is hoisted by a separate command, which does nothing else.
pub fn commands(survey: &mut Survey, request: &CommandRequest<'_>) -> Option<Vec<FixInvocation>> {
    let is_hoist = |offer: &&Offer| offer.way == Direction::Hoist;
    let others: Vec<Offer> = request.offers.iter().filter(|offer| !is_hoist(offer)).cloned().collect();
    let is_hoist_only = others.is_empty() && request.settings.is_empty() && request.due.is_empty();
    let mut found = if is_hoist_only && !request.offers.is_empty() {
        Vec::new()
    } else {
        unhoisted(survey, &CommandRequest { offers: &others, ..*request })?
    };
    for offer in request.offers.iter().filter(is_hoist) {
        found.push(hoisting(survey, offer, request)?);
    }
    Some(found)
}

/// Returns the command that hoists the key of the offer on exactly its services.
fn hoisting(survey: &mut Survey, offer: &Offer, request: &CommandRequest<'_>) -> Option<FixInvocation> {
    let is_typed = request.ways.contains(&Direction::Hoist);
    let owners = offer.stores.iter().filter_map(|store| match &store.owner {
        VariableOwner::Service(service) => Some(service.clone()),
        VariableOwner::Shared => None,
    });
    let invocation = FixInvocation::hoisting(&offer.key, (!is_typed).then(|| owners.collect()));
    let wanted = Effects::of(&[offer], &[], Deploying::Never, request.known);
    (invocation.effects(survey, request.known) == wanted).then_some(invocation)
}

/// Returns the commands for everything but hoists.
fn unhoisted(survey: &mut Survey, request: &CommandRequest<'_>) -> Option<Vec<FixInvocation>> {
    let units = without_repeated(request.offers.iter().flat_map(units).collect());
    let mut search = CommandSearch { survey, request, units };
    let expected = search.expected();
    search.single(&expected).map(|one| vec![one]).or_else(|| search.several(&expected))
}

/// Splits an offer into independent changes: one variable, one shared variable with its dependents, or one value for a
/// file.
fn units(offer: &Offer) -> Vec<Offer> {
    if matches!(offer.way, Direction::PushShared | Direction::Pull) {
        return vec![offer.clone()];
    }
    let alone = |store: &VariableChange| Offer { stores: vec![store.clone()], ..offer.clone() };
    offer.stores.iter().map(alone).collect()
}

/// Removes the units that only write file values which an earlier unit writes as well: two findings may be about one
/// key.
fn without_repeated(mut units: Vec<Offer>) -> Vec<Offer> {
    let mut seen: BTreeSet<(usize, String)> = BTreeSet::new();
    units.retain(|unit| {
        let new = unit.pulls.iter().filter(|pull| seen.insert((pull.file, pull.key.clone()))).count();
        unit.pulls.is_empty() || new > 0
    });
    units
}

/// Returns the services that a command for the unit must name.
fn services(unit: &Offer) -> BTreeSet<ResourceRef> {
    let pulled = unit.pulls.iter().flat_map(|pull| &pull.from);
    unit.stores.iter().flat_map(|store| &store.meant_for).chain(pulled).cloned().collect()
}

/// Returns the command that names these units.
fn covering(units: &[&Offer], services: Option<BTreeSet<ResourceRef>>, deploying: Deploying) -> FixInvocation {
    let keys =
        |is: &dyn Fn(&Offer) -> bool| units.iter().filter(|unit| is(unit)).map(|unit| unit.key.clone()).collect();
    let over = |unit: &Offer, is: fn(&Variable) -> bool| {
        matches!(unit.way, Direction::Push | Direction::Remove)
            && unit.stores.iter().any(|store| store.before.as_ref().is_some_and(is))
    };
    FixInvocation {
        ways: units.iter().map(|unit| unit.way).collect(),
        deploying,
        keys: keys(&|_| true),
        references: keys(&|unit| unit.way == Direction::Push && over(unit, |before| before.template().is_some())),
        sealed: keys(&|unit| over(unit, |before| matches!(before, Variable::Sealed))),
        shared: keys(&|unit| unit.way == Direction::PushShared),
        services,
        redeploy: Redeploy::None,
        hoist: None,
        start: None,
    }
}

struct CommandSearch<'s> {
    survey: &'s mut Survey,
    request: &'s CommandRequest<'s>,
    units: Vec<Offer>,
}

impl CommandSearch<'_> {
    fn expected(&self) -> Effects {
        let offers: Vec<&Offer> = self.request.offers.iter().collect();
        Effects::of(&offers, self.request.due, self.request.deploying, self.request.known)
            .setting(self.request.settings)
    }

    fn is_exact(&mut self, invocation: &FixInvocation, expected: &Effects) -> bool {
        invocation.effects(self.survey, self.request.known) == *expected
    }

    /// Returns one command for everything: for the services of this run, or else for those of the plan.
    fn single(&mut self, expected: &Effects) -> Option<FixInvocation> {
        let units: Vec<&Offer> = self.units.iter().collect();
        let all = covering(&units, None, self.request.deploying);
        let sends =
            units.iter().any(|unit| matches!(unit.way, Direction::Push | Direction::PushShared | Direction::Add));
        // A command sets at most one start command, and never combines it with adding or removing keys.
        let takes_none = |way: &Direction| matches!(way, Direction::Add | Direction::Remove);
        let is_apart = match self.request.settings {
            [] => false,
            [_] => all.ways.iter().any(takes_none),
            _ => true,
        };
        if (sends && all.ways.contains(&Direction::Pull)) || is_apart {
            return None;
        }
        self.candidates(&all).into_iter().find(|one| self.is_exact(one, expected))
    }

    /// Returns commands that might do everything, in order of preference. `all` names every key and direction.
    fn candidates(&self, all: &FixInvocation) -> Vec<FixInvocation> {
        let start = self.request.settings.first().cloned();
        let due = self.request.due.iter().map(|due| due.service.clone());
        let services: BTreeSet<ResourceRef> = self.units.iter().flat_map(services).chain(due).collect();
        let redeploy = if self.request.due.is_empty() { self.request.redeploy } else { Redeploy::Due };
        // A redeploy may be due for a reason that concerns no key.
        let mut names = vec![all.keys.clone()];
        if redeploy == Redeploy::Due {
            names.push(self.request.only.clone());
        }
        names.dedup();
        let mut candidates = Vec::new();
        // Adding a key needs the service's name.
        let whole = if all.ways.contains(&Direction::Add) { Vec::new() } else { vec![None] };
        let typed: BTreeSet<Direction> = self.request.ways.union(&all.ways).copied().collect();
        for ways in [&typed, &all.ways] {
            for services in whole.iter().cloned().chain([Some(services.clone())]) {
                let like = FixInvocation { ways: ways.clone(), redeploy, services, ..all.clone() };
                candidates.extend(names.iter().map(|keys| FixInvocation { keys: keys.clone(), ..like.clone() }));
            }
        }
        if let Some(setting) = start {
            // The services of such a command's directions are known only if the user named none.
            candidates.retain(|one| {
                self.request.scope == Scope::Default || one.ways.is_empty() && one.redeploy == Redeploy::None
            });
            for one in &mut candidates {
                one.services = Some(BTreeSet::from([setting.service.clone()]));
                one.start = Some(setting.clone());
            }
        }
        candidates
    }

    /// Returns separate commands to push, pull and deploy, each with its services named.
    fn several(&mut self, expected: &Effects) -> Option<Vec<FixInvocation>> {
        let (pulled, stored): (Vec<Offer>, Vec<Offer>) =
            std::mem::take(&mut self.units).into_iter().partition(|unit| unit.way == Direction::Pull);
        // One key in both directions: the second command would find the result of the first.
        if stored.iter().any(|one| pulled.iter().any(|other| one.key == other.key)) {
            return None;
        }
        // Pulled values may depend on pushed ones, but not the reverse.
        let mut all = self.pulled(&pulled)?;
        let together = self.stored(&stored, Grouping::Together);
        all.extend(together.or_else(|| self.stored(&stored, Grouping::Apart))?);
        let mut done = Effects::default();
        for one in &all {
            done = done.and(one.effects(self.survey, self.request.known))?;
        }
        for one in self.request.settings.iter().map(FixInvocation::starting) {
            done = done.and(one.effects(self.survey, self.request.known))?;
            all.push(one);
        }
        let left = |due: &&DueRedeploy| !done.deployed.contains_key(&due.service.id);
        let left: BTreeSet<ResourceRef> = self.request.due.iter().filter(left).map(|due| due.service.clone()).collect();
        if !left.is_empty() {
            let keys = self.request.only.clone();
            let last =
                FixInvocation { redeploy: Redeploy::Due, keys, services: Some(left), ..FixInvocation::default() };
            done = done.and(last.effects(self.survey, self.request.known))?;
            all.push(last);
        }
        (done == *expected).then_some(all)
    }

    /// Each service is changed by one command, so that it is deployed once. A service that also gets a newer commit or
    /// start command is not deployed yet: a later command deploys it with both.
    fn stored(&mut self, units: &[Offer], grouping: Grouping) -> Option<Vec<FixInvocation>> {
        let newer = |service: &ResourceRef| {
            let is_started = self.request.settings.iter().any(|setting| setting.service == *service);
            is_started || self.request.due.iter().any(|due| due.commit.is_some() && due.service == *service)
        };
        let (undeployed, deployed): (Vec<&Offer>, Vec<&Offer>) =
            units.iter().partition(|unit| services(unit).iter().any(newer));
        let mut all = Vec::new();
        for (units, deploying) in [(undeployed, Deploying::Never), (deployed, self.request.deploying)] {
            let services: BTreeSet<ResourceRef> = units.iter().flat_map(|unit| services(unit)).collect();
            if units.is_empty() {
                continue;
            }
            let whole = (services, units.clone());
            if let Some(whole) = self.part(whole, deploying).filter(|_| grouping == Grouping::Together) {
                all.push(whole);
                continue;
            }
            for group in groups(&units) {
                match self.part(group.clone(), deploying) {
                    Some(part) => all.push(part),
                    None => all.extend(self.around_shared(&group.1, deploying)?),
                }
            }
        }
        self.in_order(all)
    }

    /// Returns one command for a group, if it is exact.
    fn part<'u>(&mut self, (services, units): UnitGroup<'u>, deploying: Deploying) -> Option<CommandPart<'u>> {
        let invocation = covering(&units, Some(services), deploying);
        let wanted = Effects::of(&units, &[], deploying, self.request.known);
        self.is_exact(&invocation, &wanted).then_some(CommandPart { invocation, units })
    }

    /// A shared variable is written for several services, so the same command can't name a key that only one of them
    /// gets. The services' own variables are stored first, and the command that writes the shared variable deploys the
    /// services.
    fn around_shared<'u>(&mut self, units: &[&'u Offer], deploying: Deploying) -> Option<Vec<CommandPart<'u>>> {
        let (shared, own): (Vec<&Offer>, Vec<&Offer>) =
            units.iter().partition(|unit| unit.way == Direction::PushShared);
        // A key that was stored on a service first would no longer reference the shared variable there.
        let is_both = |unit: &Offer| shared.iter().any(|one| one.key == unit.key);
        if shared.is_empty() || own.is_empty() || own.iter().any(|unit| is_both(unit)) {
            return None;
        }
        let mut parts = Vec::new();
        for (units, deploying) in [(own, Deploying::Never), (shared, deploying)] {
            for group in groups(&units) {
                parts.push(self.part(group, deploying)?);
            }
        }
        Some(parts)
    }

    /// A reference renders to another value once its target was written, so a command that overwrites the reference
    /// must run first. `None` if the commands depend on each other.
    fn in_order(&self, mut left: Vec<CommandPart<'_>>) -> Option<Vec<FixInvocation>> {
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let is_free = |at: &usize| {
                let others = left.iter().enumerate().filter(|(other, _)| other != at).map(|(_, part)| part);
                others.into_iter().all(|other| !self.disturbs(&left[*at], other))
            };
            let next = (0..left.len()).find(is_free)?;
            ordered.push(left.remove(next).invocation);
        }
        Some(ordered)
    }

    /// Returns whether the first command changes the rendered value of a reference that the second one overwrites.
    fn disturbs(&self, first: &CommandPart<'_>, second: &CommandPart<'_>) -> bool {
        let written: Vec<VariableChange> = first.units.iter().flat_map(|unit| unit.stores.iter().cloned()).collect();
        let templates = self.survey.readable().flat_map(|target| {
            let stored = target.stored.iter().flatten();
            let service = target.service.name.as_str();
            stored.filter_map(move |(key, variable)| Some((service, key.as_str(), variable.template()?.expose())))
        });
        let following = dependents(&templates.collect::<Vec<_>>(), &written, &self.survey.catalogue);
        let is_followed =
            |store: &VariableChange| following.get(store.owner.name()).is_some_and(|keys| keys.contains(&store.key));
        second.units.iter().flat_map(|unit| &unit.stores).any(is_followed)
    }

    fn pulled(&mut self, units: &[Offer]) -> Option<Vec<FixInvocation>> {
        let units: Vec<&Offer> = units.iter().collect();
        let whole: Vec<Vec<&Offer>> = if units.is_empty() { Vec::new() } else { vec![units.clone()] };
        let apart: Vec<Vec<&Offer>> = units.iter().map(|unit| vec![*unit]).collect();
        [whole, apart].into_iter().find_map(|parts| self.pulled_in(&parts))
    }

    fn pulled_in(&mut self, parts: &[Vec<&Offer>]) -> Option<Vec<FixInvocation>> {
        let mut all = Vec::new();
        for units in parts {
            let services = units.iter().flat_map(|unit| services(unit)).collect();
            let one = covering(units, Some(services), Deploying::Changed);
            let wanted = Effects::of(units, &[], Deploying::Changed, self.request.known);
            if !self.is_exact(&one, &wanted) {
                return None;
            }
            all.push(one);
        }
        Some(all)
    }
}

/// How services are grouped into commands. Fewer commands are better, but can't always be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    /// All in one command, if it is exact.
    Together,
    /// Only services with the same keys in one command.
    Apart,
}

/// One of several commands, with the units that it covers.
struct CommandPart<'u> {
    invocation: FixInvocation,
    units: Vec<&'u Offer>,
}

/// Services, and the units that one command covers for them.
type UnitGroup<'u> = (BTreeSet<ResourceRef>, Vec<&'u Offer>);

/// Groups the units by the services that they change; services with the same keys share a group.
fn groups<'u>(units: &[&'u Offer]) -> Vec<UnitGroup<'u>> {
    // Services that share a unit stay together.
    let mut clusters: Vec<UnitGroup<'_>> = Vec::new();
    for unit in units {
        let own = services(unit);
        let (overlapping, apart): (Vec<_>, Vec<_>) =
            clusters.into_iter().partition(|(services, _)| !services.is_disjoint(&own));
        let mut cluster = (own, vec![*unit]);
        for (services, units) in overlapping {
            cluster.0.extend(services);
            cluster.1.extend(units);
        }
        clusters = apart;
        clusters.push(cluster);
    }
    let mut alike: BTreeMap<BTreeSet<(&str, Direction)>, UnitGroup<'_>> = BTreeMap::new();
    for (services, units) in clusters {
        let signature = units.iter().map(|unit| (unit.key.as_str(), unit.way)).collect();
        let known = alike.entry(signature).or_default();
        known.0.extend(services);
        known.1.extend(units);
    }
    let mut groups: Vec<_> = alike.into_values().collect();
    groups.sort_by(|one, other| one.0.cmp(&other.0));
    groups
}
