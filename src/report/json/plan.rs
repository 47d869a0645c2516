//! The JSON format of a plan. It contains names only, no values and no fingerprints.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::Variable;
use crate::drift::plan::deployments::{DeployMethod, DeployReason, PlannedDeployment};
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::plan::{ChangedFileKind, FileChange, VariableChange};
use crate::report::Planned;

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Plan")]
pub(super) struct PlanForm<'p> {
    /// The files that change.
    files: Vec<PlannedFileForm<'p>>,
    /// The variables that change on Railway.
    variables: Vec<VariableForm<'p>>,
    /// The services whose start commands change. The commands themselves may contain credentials.
    start_commands: Vec<StartCommandForm<'p>>,
    /// The deployments that are created.
    deployments: Vec<DeploymentForm<'p>>,
    /// Warnings about the plan.
    cautions: &'p [String],
    /// The command that executes exactly this plan without a prompt; null if it takes several, or if none does.
    next: Option<&'p [String]>,
    /// All commands that execute the plan, in order.
    commands: &'p [Vec<String>],
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PlannedFile")]
struct PlannedFileForm<'p> {
    /// The path.
    file: &'p str,
    /// Whether it contains variables, or is `doctor.toml`.
    #[schemars(extend("enum" = ["variables", "configuration"]))]
    kind: &'static str,
    /// Whether it is a new file.
    creates: bool,
    /// The changes in it.
    changes: Vec<EditForm<'p>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PlannedEdit")]
struct EditForm<'p> {
    /// The kind of change.
    #[schemars(extend("enum" = ["pull", "rotate", "ignore", "restore"]))]
    change: &'static str,
    /// The key.
    key: &'p str,
    /// Where the new value is from.
    from: &'p str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PlannedVariable")]
struct VariableForm<'p> {
    /// The name of the service, or `shared variables`.
    service: &'p str,
    /// The key.
    key: &'p str,
    /// The kind of change.
    #[schemars(extend("enum" = ["add", "change", "remove"]))]
    change: &'static str,
    /// What Railway stores before the change.
    #[schemars(extend("enum" = ["missing", "value", "reference", "sealed", "unavailable"]))]
    stored: &'static str,
    /// Whether services get the same value before and after, so that none is deployed: a literal becomes a reference to a
    /// shared variable, or the reverse.
    keeps_value: bool,
    /// The line with the new value; null if it is not from a file.
    from: Option<FromForm<'p>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PlannedStartCommand")]
struct StartCommandForm<'p> {
    /// The name of the service.
    service: &'p str,
    /// The kind of change.
    #[schemars(extend("enum" = ["add", "change", "remove"]))]
    change: &'static str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "From")]
struct FromForm<'p> {
    /// The path of the file.
    file: &'p str,
    /// 1-based.
    line: usize,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PlannedDeployment")]
struct DeploymentForm<'p> {
    /// The name of the service.
    service: &'p str,
    /// Whether the same code is deployed again, again after a newer deployment, for the first time, or not.
    #[schemars(extend("enum" = ["again", "after-newer", "first", "not"]))]
    method: &'static str,
    /// Why it is created.
    #[schemars(extend("enum" = ["changed", "dependent", "stale", "behind", "start-command", "unhealthy"]))]
    reason: &'static str,
    /// The id of the deployment that is repeated, or that is waited for.
    of: Option<&'p str>,
    /// The reason why it is not deployed.
    obstacle: Option<&'p str>,
    /// What it costs, in words.
    costs: &'p [String],
}

pub(super) fn form(planned: &Planned) -> PlanForm<'_> {
    let plan = &planned.plan;
    PlanForm {
        files: plan.files.iter().map(file).collect(),
        variables: plan.stores.iter().map(variable).collect(),
        start_commands: plan.settings.iter().map(start_command).collect(),
        deployments: plan.deploys.iter().map(deployment).collect(),
        cautions: &plan.cautions,
        next: match planned.commands.as_slice() {
            [one] => Some(one),
            _ => None,
        },
        commands: &planned.commands,
    }
}

fn file(file: &FileChange) -> PlannedFileForm<'_> {
    PlannedFileForm {
        file: &file.name,
        kind: match file.kind {
            ChangedFileKind::Variables => "variables",
            ChangedFileKind::Configuration => "configuration",
        },
        creates: file.before.is_none(),
        changes: file
            .edits
            .iter()
            .map(|edit| EditForm { change: edit.change, key: &edit.key, from: &edit.from })
            .collect(),
    }
}

fn start_command(setting: &StartCommandChange) -> StartCommandForm<'_> {
    StartCommandForm {
        service: &setting.service.name,
        change: match (&setting.before, &setting.after) {
            (_, None) => "remove",
            (None, _) => "add",
            (Some(_), _) => "change",
        },
    }
}

fn variable(store: &VariableChange) -> VariableForm<'_> {
    VariableForm {
        service: store.owner.name(),
        key: &store.key,
        change: match (&store.before, &store.after) {
            (_, None) => "remove",
            (None, _) => "add",
            (Some(_), _) => "change",
        },
        stored: match &store.before {
            None => "missing",
            Some(Variable::Sealed) => "sealed",
            Some(Variable::Unavailable) => "unavailable",
            Some(Variable::Plain(_)) => "value",
            Some(Variable::Reference { .. }) => "reference",
        },
        keeps_value: store.renders.is_some(),
        from: store.from.as_ref().map(|place| FromForm { file: &place.file, line: place.line }),
    }
}

fn deployment(deploy: &PlannedDeployment) -> DeploymentForm<'_> {
    let (method, of, obstacle) = match &deploy.how {
        DeployMethod::Redeploy(deployment) => ("again", Some(deployment.id.as_str()), None),
        DeployMethod::After(deployment) => ("after-newer", Some(deployment.id.as_str()), None),
        DeployMethod::First => ("first", None, None),
        DeployMethod::Not(why) => ("not", None, Some(why.as_str())),
    };
    DeploymentForm {
        service: &deploy.service.name,
        method,
        reason: match deploy.cause {
            DeployReason::Changed => "changed",
            DeployReason::Dependent => "dependent",
            DeployReason::Stale => "stale",
            DeployReason::Behind => "behind",
            DeployReason::Command => "start-command",
            DeployReason::Unhealthy => "unhealthy",
        },
        of,
        obstacle,
        costs: &deploy.costs,
    }
}
