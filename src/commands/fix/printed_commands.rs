//! The commands printed below a plan. They select the plan's changes, and take all other flags from this run.

use std::collections::BTreeSet;

use crate::cli::Staging;
use crate::commands::fix::changes::SelectedChanges;
use crate::commands::fix::planned_fix::{Commands, PlannedFix};
use crate::commands::fix::{FixRun, confirmation, start_command};
use crate::commands::service_selection::Services;
use crate::drift::ResourceRef;
use crate::drift::plan::commands::{CommandRequest, Scope, commands};
use crate::drift::plan::deployments::DeployReason;
use crate::drift::plan::invocation::{Deploying, FixInvocation, PredictionInput, Redeploy};
use crate::drift::plan::offer::{Direction, Proposal};
use crate::drift::plan::{ChangedFileKind, Plan, VariableChange, VariableOwner};
use crate::io::world::World;
use crate::report::shell_command;

/// Returns the commands that apply the plan.
pub(super) fn of_plan(
    run: &mut FixRun<'_>,
    chosen: &SelectedChanges,
    draft: &PlannedFix,
    world: &World<'_>,
) -> Commands {
    let unwritable = unwritable(run, chosen, &draft.plan);
    let only: BTreeSet<String> = run.args.keys.only.iter().cloned().collect();
    let typed =
        [(run.args.push, Direction::Push), (run.args.pull, Direction::Pull), (run.args.prune, Direction::Remove)];
    let typed = typed.into_iter().chain([(run.args.hoist.is_some(), Direction::Hoist)]);
    let ways: BTreeSet<Direction> = typed.filter(|(is, _)| *is).map(|(_, way)| way).collect();
    let shared_values = std::mem::take(&mut run.permissions.shared_values);
    let request = CommandRequest {
        offers: &chosen.offers,
        settings: &draft.plan.settings,
        scope: if run.gathered().selection.flags.is_empty() { Scope::Default } else { Scope::Typed },
        // With `--no-deploy`, the selected deployments are not part of the plan.
        due: if run.args.no_deploy { &[] } else { &chosen.redeploys },
        only: &only,
        ways: &ways,
        redeploy: if run.args.redeploy { Redeploy::Due } else { Redeploy::None },
        deploying: if run.args.no_deploy { Deploying::Never } else { Deploying::Changed },
        known: PredictionInput { shared_values: &shared_values, unwritable: &unwritable },
    };
    let does_something = !(request.offers.is_empty() && request.due.is_empty() && request.settings.is_empty());
    let found = if does_something { commands(&mut run.analysis.gathered.survey, &request) } else { None };
    run.permissions.shared_values = shared_values;
    let is_configured = draft.plan.files.iter().any(|file| file.kind == ChangedFileKind::Configuration);
    let beyond = is_configured.then(|| "changes to doctor.toml can be selected only in a terminal".to_owned());
    let is_unprintable =
        found.is_some() && !draft.plan.settings.iter().all(|one| start_command::is_printable(run, one, world));
    let found = found.filter(|_| !is_unprintable);
    let lines = found.and_then(|found| lines(run, &found, &draft.plan, world)).unwrap_or_default();
    let is_unprintable = is_unprintable && run.args.start_command.is_some();
    Commands { lines, beyond, is_unprintable }
}

/// Returns selected values that can't be written to the file in any spelling.
fn unwritable(run: &FixRun<'_>, chosen: &SelectedChanges, plan: &Plan) -> BTreeSet<(usize, String)> {
    let pulls = chosen.offers.iter().flat_map(|offer| &offer.pulls);
    let is_planned = |file: usize, key: &str| {
        let edits =
            plan.files.iter().filter(|change| change.path == run.gathered().paths[file]).flat_map(|file| &file.edits);
        edits.into_iter().any(|edit| edit.key == key)
    };
    pulls.filter(|pull| !is_planned(pull.file, &pull.key)).map(|pull| (pull.file, pull.key.clone())).collect()
}

fn lines(run: &FixRun<'_>, found: &[FixInvocation], plan: &Plan, world: &World<'_>) -> Option<Vec<Vec<String>>> {
    let has_dependents = plan.deploys.iter().any(|deploy| deploy.cause == DeployReason::Dependent);
    // Several commands could deploy the same dependent more than once.
    if found.len() > 1 && run.args.dependents && has_dependents {
        return None;
    }
    let mut more = Vec::new();
    let is_combined = found.len() == 1 && found[0].hoist.is_none();
    more.extend((run.args.dependents && is_combined).then(|| "--dependents".to_owned()));
    more.extend(run.args.allow_tracked.then(|| "--allow-tracked".to_owned()));
    more.extend(run.args.no_journal.then(|| "--no-journal".to_owned()));
    more.extend((run.args.on_staged == Staging::Ignore).then(|| "--on-staged=ignore".to_owned()));
    more.push("--yes".to_owned());
    let sends = confirmation::sent(plan).1;
    let target = if sends { confirmation::target_flags(run) } else { Vec::new() };
    Some(found.iter().map(|one| line(run, one, Flags { more: &more, target: &target }, world)).collect())
}

/// Flags of a printed command beside those of its changes.
#[derive(Clone, Copy)]
struct Flags<'f> {
    more: &'f [String],
    /// The parts of the target that only an unaccepted `doctor.toml` names.
    target: &'f [String],
}

/// Returns the commands that add named keys that no service in scope has, one for each service that could have the key.
pub(super) fn to_add(run: &FixRun<'_>, proposals: &[Proposal<'_>], world: &World<'_>) -> Vec<Vec<String>> {
    let is_unheld = |key: &str| run.permissions.named.contains(key) && run.holders(key).next().is_none();
    let unheld = proposals.iter().filter(|one| is_unheld(one.key));
    let offers = unheld.flat_map(|one| &one.offers).filter(|offer| offer.way == Direction::Add);
    let stores = offers.flat_map(|offer| &offer.stores);
    let target = confirmation::target_flags(run);
    let flags = Flags { more: &[], target: &target };
    let of = |store: &VariableChange| match &store.owner {
        VariableOwner::Service(service) => Some(line(run, &FixInvocation::adding(&store.key, service), flags, world)),
        VariableOwner::Shared => None,
    };
    stores.filter_map(of).collect()
}

/// Returns the complete command, with full service names.
fn line(run: &FixRun<'_>, invocation: &FixInvocation, added: Flags<'_>, world: &World<'_>) -> Vec<String> {
    let services = Services::of(&run.gathered().selected.shape, run.config);
    let flag = |service: &ResourceRef| ResourceRef { name: services.whole_name(service), ..service.clone() };
    let named = invocation.services.as_ref().map(|named| named.iter().map(flag).collect());
    let arguments = FixInvocation { services: named, ..invocation.clone() }.arguments(added.more);
    let mut flags = [added.target, &run.gathered().flags].concat();
    let is_named = |flag: &String| flag.starts_with("--environment=");
    if run.is_protected() && !flags.iter().any(is_named) {
        flags.push(format!("--environment={}", run.survey().environment.name));
    }
    let typed: Vec<String> = typed_services(run, &services);
    shell_command::complete(&world.program, &arguments, &flags, typed.iter())
}

/// Returns the services given by `--service`, with their full names.
fn typed_services(run: &FixRun<'_>, services: &Services) -> Vec<String> {
    let is_typed = |name: &str| run.gathered().selection.flags.iter().any(|(typed, _)| typed == name);
    let all = run.survey().targets.iter().map(|target| &target.service);
    all.filter(|service| is_typed(&service.name))
        .map(|service| format!("--service={}", services.whole_name(service)))
        .collect()
}
