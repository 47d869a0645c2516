//! `--hoist`: stores the value of a key once, as a shared variable, for all services that have it.

use std::collections::BTreeMap;

use crate::cli::FixArgs;
use crate::commands::fix::FixRun;
use crate::commands::gather::Gathered;
use crate::commands::key_flags::KeyFlag;
use crate::drift::plan::Plan;
use crate::drift::plan::hoist::{Hoist, HoistRefusal};
use crate::drift::plan::offer::Offer;
use crate::drift::{ResourceRef, Target, Variable, reference};
use crate::error::{Error, Help};
use crate::io::world::World;
use crate::report::{Report, shell_command};

const FLAG: &str = "--hoist";

/// Returns the flag and its key.
pub(super) fn flag(args: &FixArgs) -> KeyFlag<'_> {
    KeyFlag { flag: FLAG, keys: args.hoist.as_slice() }
}

/// Narrows the run to the key, and to the services that have it or refer to its shared variable. Other services are
/// neither changed nor reported.
pub(super) fn narrow(gathered: &mut Gathered, args: &FixArgs) {
    let Some(key) = &args.hoist else { return };
    // Nothing is compared with what is declared.
    gathered.declarations.clear();
    let survey = &mut gathered.survey;
    survey.only.insert(key.clone());
    let body = format!("shared.{key}");
    let refers = |target: &Target| {
        let mut templates = target.stored.iter().flatten().filter_map(|(_, variable)| variable.template());
        templates.any(|text| reference::occurrences(text.expose()).iter().any(|one| one.body == body))
    };
    let known = &survey.catalogue.services;
    survey
        .targets
        .retain(|target| known.get(&target.service.name).is_some_and(|keys| keys.contains(key)) || refers(target));
}

impl FixRun<'_> {
    /// Returns whether there is a shared variable with the key of `--hoist`.
    pub(super) fn hoists_shared(&self) -> bool {
        self.args.hoist.as_ref().is_some_and(|key| self.survey().catalogue.shared.contains(key))
    }

    /// Returns the changes that hoist the key of `--hoist`; `None` without the flag, and if nothing is left to do.
    pub(super) fn hoisted(&self, world: &World<'_>) -> Result<Option<Offer>, Error> {
        let Some(key) = &self.args.hoist else { return Ok(None) };
        let survey = self.survey();
        let services = survey.targets.iter().collect();
        let hoist = Hoist { survey, key, services, shared_values: &self.permissions.shared_values };
        hoist.offer().map_err(|refusal| self.refused_to_hoist(key, &refusal, world))
    }

    /// Returns services that were named, but lack the key.
    pub(super) fn unhoisted(&self) -> Vec<String> {
        let Some(key) = &self.args.hoist else { return Vec::new() };
        let named = self.gathered().selection.flags.iter().map(|(name, _)| name);
        let holds = |name: &String| self.survey().targets.iter().any(|target| target.service.name == *name);
        let lacking = named.filter(|name| !holds(name));
        lacking.map(|name| format!("{name} does not have {key}, and is not changed")).collect()
    }

    /// Returns the services that have the key of `--hoist`, by id.
    pub(super) fn hoisted_values(&self, key: &str) -> BTreeMap<String, HeldValue> {
        let known = &self.survey().catalogue.services;
        let holders = self.survey().targets.iter().filter(|target| {
            known.get(&target.service.name).is_some_and(|keys| keys.contains(key)) || target.variable(key).is_some()
        });
        let state = |target: &Target| match target.variable(key).and_then(Variable::effective) {
            Some(_) => HeldValue::Known,
            None => HeldValue::Unknown,
        };
        holders.map(|target| (target.service.id.clone(), state(target))).collect()
    }

    /// Returns remarks on a plan whose changes are all verified: how the value is changed from now on.
    pub(super) fn hoist_remarks(&self, plan: &Plan, world: &World<'_>) -> Vec<String> {
        let mut services: BTreeMap<&str, usize> = BTreeMap::new();
        for name in plan.stores.iter().filter_map(|store| store.reference()) {
            *services.entry(name).or_default() += 1;
        }
        let remark = |(name, number): (&str, usize)| {
            let arguments = ["rotate".to_owned(), name.to_owned()];
            let flags = &self.gathered().flags;
            let command = shell_command::complete(&world.program, &arguments, flags, std::iter::empty());
            let (services, verb, had) = if number == 1 {
                ("1 service", "refers", "it had")
            } else {
                (&*format!("{number} services"), "refer", "they had")
            };
            format!(
                "{services} {verb} to the shared variable {name}, with the value that {had} before; nothing was deployed; \
                 to change it in one place from now on, run `{}`",
                shell_command::line(&command)
            )
        };
        services.into_iter().map(remark).collect()
    }

    fn refused_to_hoist(&self, key: &str, refusal: &HoistRefusal, world: &World<'_>) -> Error {
        let help = if refusal.others.is_empty() {
            let arguments = ["matrix".to_owned(), format!("--only={key}")];
            let matrix = shell_command::line(&self.gathered().repeated(&arguments, world));
            Help::command("give the services the same value first; to compare them, run:", matrix)
        } else {
            let services = refusal.others.iter().map(|service: &ResourceRef| format!("--service={}", service.name));
            let arguments: Vec<String> =
                ["fix".to_owned(), format!("{FLAG}={key}")].into_iter().chain(services).collect();
            let command = shell_command::line(&self.gathered().repeated(&arguments, world));
            Help::command("to do it only where it is possible, run:", command)
        };
        Error::Usage {
            what: format!("{key} can't be stored once for all services"),
            cause: Some(refusal.causes.join("; ")),
            help,
        }
    }
}

/// Adds to the report of `--hoist` that the values of the services were compared with each other, and removes the services
/// that do not have the key.
pub(super) fn count_values(report: &mut Report, values: &BTreeMap<String, HeldValue>) {
    report.services.retain(|line| values.contains_key(&line.service.id));
    for line in &mut report.services {
        line.compared = usize::from(values[&line.service.id] == HeldValue::Known);
        line.needs = None;
    }
}

/// Whether the value of a service is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldValue {
    Known,
    Unknown,
}
